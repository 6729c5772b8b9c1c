//! The integration tests, one binary: what carepass promises at its doors, checked against real neighbours.
//! Not here: what one module promises (beside the module).

#![forbid(unsafe_code)]

#[cfg(test)]
mod api;
#[cfg(test)]
mod broker_door;
#[cfg(test)]
mod broker_faults;
#[cfg(test)]
mod broker_permissions;
#[cfg(test)]
mod broker_proxy;
#[cfg(test)]
mod broker_tls;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod closed_account;
#[cfg(test)]
mod closed_list;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod corruption;
#[cfg(test)]
mod crash_for_real;
#[cfg(test)]
mod crash_points;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod engine_licenses;
#[cfg(test)]
mod engine_simulation;
#[cfg(test)]
mod first_looks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod flight;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod hardening;
#[cfg(test)]
mod hung_up;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod leaver_everywhere;
#[cfg(test)]
mod leavers;
#[cfg(test)]
mod leavers_queue;
#[cfg(test)]
mod ledger_verify;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod makespan;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod movers;
#[cfg(test)]
mod names;
#[cfg(test)]
mod official_client;
#[cfg(test)]
mod old_store;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod rabbit;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod room;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod signed_events;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod situations;
#[cfg(test)]
mod step_harness;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod store_limits;
#[cfg(test)]
mod supervisor;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod walls;
#[cfg(test)]
mod watching;
