//! PostgreSQL for the bench: one private cluster on the build's disk, syncing as the server does by itself, a fresh database for each run;
//! what all its processes use, what a database keeps, and who holds what in it. Not here: starting a cluster, which is the tests' own.

use crate::node::PostgresNode;
use crate::process::usage;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio::task::block_in_place;

/// The server's own defaults where the tests have smaller numbers.
const CONFIGURATION: &str = "shared_buffers = 128MB\nmax_wal_size = 1GB\nmax_connections = 100\n";

const LEASES: &str = "select split_part(holder, '/', 1) || ' ' || duty from carepass.leases \
    where holder is not null and until > clock_timestamp() order by duty";

/// A running cluster.
pub struct Cluster {
    node: PostgresNode,
    data: PathBuf,
}

/// What a database holds, in bytes, and what was written to keep it.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// Tables and indexes.
    pub kept: f64,
    /// The server's own log (WAL).
    pub log: f64,
}

impl Cluster {
    /// Starts one. Its folder is gone when it is dropped.
    pub fn start() -> Self {
        let node = PostgresNode::start_in(Path::new(env!("CARGO_TARGET_TMPDIR")), CONFIGURATION);
        let data = node.sql("postgres", "show data_directory").into();
        Self { node, data }
    }

    /// An empty database by its name.
    pub fn fresh(&self) -> String {
        block_in_place(|| self.node.fresh_database())
    }

    /// Takes a database away, with its connections.
    pub fn drop_database(&self, database: &str) {
        self.ask("postgres", &format!("drop database {database} with (force)"));
    }

    /// Where a database is reached.
    pub fn url(&self, database: &str) -> String {
        self.node.url(database)
    }

    /// The CPU of the server and of every process that it has and had, in seconds.
    pub fn cpu(&self) -> f64 {
        let server = self.server();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
        let children = children.unwrap_or_default();
        // What has ended is counted in with the server, which waits for its children.
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([server]);
        ids.map(|id| usage(id).cpu).sum()
    }

    fn server(&self) -> u32 {
        let text = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        text.lines().next().and_then(|line| line.trim().parse().ok()).expect("a running server")
    }

    /// What a database keeps.
    pub fn bytes(&self, database: &str) -> Bytes {
        let text = format!("select pg_database_size('{database}'), pg_current_wal_lsn() - '0/0'::pg_lsn");
        let answer = self.ask(database, &text);
        let (kept, log) = answer.split_once('|').expect("two columns");
        let bytes = |text: &str| text.parse().expect("a number");
        Bytes { kept: bytes(kept), log: bytes(log) }
    }

    /// The duties of each replica by its name, as the leases stand.
    pub fn duties(&self, database: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut duties: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (holder, duty) in self.ask(database, LEASES).lines().filter_map(|line| line.split_once(' ')) {
            duties.entry(holder.to_owned()).or_default().insert(duty.to_owned());
        }
        duties
    }

    /// Ends the server at once, as the kernel does when memory is short.
    pub fn kill9(&mut self) {
        block_in_place(|| self.node.kill9());
    }

    /// Starts it again on what is there, and waits until it answers.
    pub fn restart(&mut self) {
        block_in_place(|| self.node.restart());
    }

    fn ask(&self, database: &str, text: &str) -> String {
        block_in_place(|| self.node.sql(database, text))
    }
}
