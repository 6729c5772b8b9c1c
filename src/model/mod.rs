//! Floor 0: what is so and what follows from it. Pure: no I/O, no clock, no randomness, no async.

pub mod engineer;
pub mod enrollment;
pub mod entry;
pub mod failure;
pub mod id;
pub mod plan;
pub mod reseller;
pub mod roster;
pub mod rules;
pub mod sealed;
pub mod transition;
