//! carepass: an event from HR becomes access for a support engineer in every reseller domain.
//! The floors, top to bottom: `app`/`cli` compose, `amqp`/`http` are doors, `engine` loops, `steps` ensure,
//! `google`/`handover`/`mail`/`otlp`/`store`/`seal` adapt, `model` decides, `trace` watches. `sandbox` stands beside the house.
//! Not here: anything to run; the binary is `main`.

#![forbid(unsafe_code)]

pub mod amqp;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crash;
pub mod engine;
#[cfg(test)]
#[path = "../tests/it/fuzz/engine.rs"]
mod fuzz;
pub mod google;
pub mod handover;
pub mod http;
pub mod mail;
pub mod model;
pub mod otlp;
pub mod planted;
pub mod sandbox;
pub mod seal;
pub mod steps;
pub mod store;
pub mod telemetry;
pub mod trace;
