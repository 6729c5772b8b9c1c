//! Dates and moments: what they are called. Pure: now, the zones and the language are arguments.
//! Not here: the clock, and what is done at a moment.

pub mod moment;
