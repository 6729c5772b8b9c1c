//! The integration tests, one binary: what carepass promises at its doors, checked against real neighbours.
//! Not here: what one module promises (beside the module).

mod budget;
mod end_to_end;
mod fixture;
mod rabbit;
mod simulation;
mod step_harness;
mod tidy;
