//! What is measured, one file each. Not here: a million waiting rows and makespan, which have benches of their own beside this one.

pub mod bad_lane;
pub mod idle;
pub mod intake;
pub mod kill;
pub mod pairs;
pub mod postgres_restart;
pub mod replica_kill;
pub mod replicas;
pub mod syncs;
pub mod throughput;

use crate::cluster::Cluster;
use crate::google::StandIn;
use crate::rabbit::RabbitNode;
use crate::table::Table;
use std::cell::OnceCell;

/// What every measure works with.
pub struct Bench {
    /// The stand-in for Google.
    pub google: StandIn,
    /// A node of our own.
    pub rabbit: RabbitNode,
    /// PostgreSQL, once somebody needs it.
    pub cluster: OnceCell<Cluster>,
    /// The built daemon.
    pub program: String,
    /// Where figures go.
    pub table: Table,
    /// How often each figure is taken.
    pub runs: usize,
}

impl Bench {
    /// The cluster, which is started when it is first asked for.
    pub fn cluster(&self) -> &Cluster {
        self.cluster.get_or_init(Cluster::start)
    }
}

/// Calls of which a third is made when something is killed, one after the other: what is under way then is of that kind, and a process that
/// takes up a licence must ask differently from one that takes up an account.
pub const STRUCK_AT: [&str; 3] = ["roleAssignments.insert", "licenseAssignments.insert", "users.insert"];

/// A number of things as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing is counted here up to 2^53")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// The same for sizes.
pub fn size(count: usize) -> f64 {
    number(count as u64)
}
