//! The integration tests, one binary: what carepass promises at its doors, checked against real neighbours.
//! Not here: what one module promises (beside the module).

mod rabbit;
mod tidy;
