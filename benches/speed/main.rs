//! What speed is claimed on: the built daemon against a stand-in for Google and a real quorum queue, with everything synced to a real
//! disk, beside a loop and a consumer that keep nothing, in the same minute. `cargo bench --bench speed` prints a table and writes
//! `speed.json`; `-- idle kill` takes only the measures that are named, `-- --runs 5` takes each figure five times, and
//! `-- --program PATH` measures another build. What the figures mean, and on what they were taken, stands in `docs/SCALING.md`. Not here: makespan in virtual time, and one engineer's chain
//! of calls (`chain`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod broker;
mod cluster;
mod daemon;
mod fixture;
mod google;
mod measures;
mod naive;
#[path = "../../tests/it/postgres/node.rs"]
#[expect(dead_code, clippy::panic, reason = "it is the tests' own, who do more with a cluster")]
mod node;
mod plain;
mod process;
#[path = "../../tests/it/rabbit.rs"]
#[expect(dead_code, unused_imports, clippy::panic, reason = "it is the tests' own, who do more with a node")]
mod rabbit;
mod setup;
mod table;
mod town;
mod traced;

use crate::rabbit::RabbitNode;
use google::StandIn;
use measures::throughput::Load;
use measures::{
    Bench, bad_lane, idle, intake, kill, pairs, postgres_restart, replica_kill, replicas, syncs, throughput,
};
use setup::Layout;
use std::cell::OnceCell;
use std::path::Path;
use std::process::ExitCode;
use table::Table;

/// How often each figure is taken, unless somebody says otherwise.
const RUNS: usize = 3;

/// Where the figures go.
const FILE: &str = "speed.json";

const LOADS: [Load; 2] = [
    Load {
        name: "200 × 5 at 0 ms",
        engineers: 200,
        layout: Layout { accounts: 5, domains: 1 },
        ratio: 0.9,
        ratio_postgres: 0.7,
    },
    Load {
        name: "1,000 × 10 at 0 ms",
        engineers: 1_000,
        layout: Layout { accounts: 10, domains: 1 },
        ratio: 0.8,
        ratio_postgres: 0.6,
    },
];

const PAIRS: [(&str, &str, Layout, u64); 4] = [
    ("pairs", "50 × 10 at 0 ms, one account", Layout { accounts: 1, domains: 10 }, 0),
    ("pairs", "50 × 10 at 0 ms, ten accounts", Layout { accounts: 10, domains: 1 }, 0),
    ("pairs-100", "50 × 10 at 100 ms, one account", Layout { accounts: 1, domains: 10 }, 100),
    ("pairs-100", "50 × 10 at 100 ms, ten accounts", Layout { accounts: 10, domains: 1 }, 100),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(google::ARGUMENT) => return google::run(),
        Some(naive::ARGUMENT) => return naive::run_consumer(&arguments[1..]),
        Some(naive::BARE) => return naive::run_bare(&arguments[1..]),
        _ => (),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let table = runtime.block_on(measure(&Wanted::read(&arguments)));
    println!("{}", table.markdown());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(FILE);
    match table.write(&file) {
        Ok(()) => {
            println!("written to {}", file.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
struct Wanted {
    runs: usize,
    /// The program that is measured.
    program: String,
    names: Vec<String>,
}

impl Wanted {
    /// cargo itself adds `--bench`.
    fn read(arguments: &[String]) -> Self {
        let program = env!("CARGO_BIN_EXE_carepass").to_owned();
        let mut wanted = Self { runs: RUNS, program, names: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--runs" => wanted.runs = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS),
                "--program" => wanted.program = arguments.next().cloned().unwrap_or(wanted.program),
                name if !name.starts_with('-') => wanted.names.push(name.to_owned()),
                _ => (),
            }
        }
        wanted
    }

    fn has(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

async fn measure(wanted: &Wanted) -> Table {
    let mut bench = Bench {
        google: StandIn::start(),
        rabbit: RabbitNode::start(),
        cluster: OnceCell::new(),
        program: wanted.program.clone(),
        table: Table::default(),
        runs: wanted.runs,
    };
    for (name, load) in ["200x5", "1000x10"].iter().zip(&LOADS) {
        if wanted.has(name) {
            throughput::measure(&mut bench, load).await;
        }
    }
    if wanted.has("syncs") {
        syncs::measure(&mut bench).await;
    }
    if wanted.has("idle") {
        idle::measure(&mut bench).await;
    }
    for (name, title, layout, latency) in PAIRS.iter().filter(|pairs| wanted.has(pairs.0)) {
        let _ = name;
        pairs::measure(&mut bench, title, *layout, *latency).await;
    }
    if wanted.has("kill") {
        kill::measure(&mut bench).await;
    }
    if wanted.has("intake") {
        intake::measure(&mut bench).await;
    }
    measure_several(wanted, &mut bench).await;
    bench.table
}

/// What several daemons, several stores and several accounts do to one another.
async fn measure_several(wanted: &Wanted, bench: &mut Bench) {
    if wanted.has("replicas") {
        replicas::measure(bench).await;
    }
    if wanted.has("replica-kill") {
        replica_kill::measure(bench).await;
    }
    if wanted.has("postgres-restart") {
        postgres_restart::measure(bench).await;
    }
    if wanted.has("bad-lane") {
        bad_lane::measure(bench).await;
    }
}
