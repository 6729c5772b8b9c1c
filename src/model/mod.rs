//! Floor 0: what is so and what follows from it. Pure: no I/O, no clock, no randomness, no async.

pub mod id;
pub mod sealed;
