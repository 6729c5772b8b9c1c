//! The integration tests, one binary: what carepass promises at its doors, checked against real neighbours.
//! Not here: what one module promises (beside the module).

#[cfg(test)]
mod budget;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod engine_simulation;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod rabbit;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod step_harness;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod walls;
