//! Floor 0: what is so and what follows from it. Pure: no I/O, no clock, no randomness, no async.

pub mod admission;
pub mod engineer;
pub mod enrollment;
pub mod entry;
pub mod event;
pub mod facts;
pub mod failure;
pub mod grants;
pub mod id;
pub mod message;
pub mod outcome;
pub mod person;
pub mod plan;
pub mod privacy;
pub mod reseller;
pub mod roster;
pub mod rules;
pub mod sealed;
pub mod seats;
pub mod task;
pub mod this_machine;
pub mod time_zone;
pub mod transition;
pub mod username;
pub mod wall;
pub mod word;
