//! What is measured, one file each. Not here: PostgreSQL, replicas, a million waiting rows and makespan, which have benches of their own
//! beside this one, or a place here once their branches are in.

pub mod idle;
pub mod intake;
pub mod kill;
pub mod pairs;
pub mod syncs;
pub mod throughput;

use crate::google::StandIn;
use crate::rabbit::RabbitNode;
use crate::table::Table;

/// What every measure works with.
pub struct Bench {
    /// The stand-in for Google.
    pub google: StandIn,
    /// A node of our own.
    pub rabbit: RabbitNode,
    /// The built daemon.
    pub program: String,
    /// Where figures go.
    pub table: Table,
    /// How often each figure is taken.
    pub runs: usize,
}

/// A number of things as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing is counted here up to 2^53")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// The same for sizes.
pub fn size(count: usize) -> f64 {
    number(count as u64)
}
