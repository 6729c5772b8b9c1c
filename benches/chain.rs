//! What performance is claimed on; empty so far.

fn main() {}
