//! Engineers a second under load, beside the calls alone and a consumer that keeps nothing, in the same minute; what a step costs in CPU
//! and bytes; with the store in a folder and in PostgreSQL. The clock runs from the first event published until the last engineer is told to be ready, for the consumer until its last
//! role is given, which is less. Not here: syncs, which are counted in a run of their own.

use super::{Bench, number, size};
use crate::broker::{Desk, QUEUE, declare};
use crate::cluster::Cluster;
use crate::daemon::{House, sum};
use crate::google::Tally;
use crate::naive::Rival;
use crate::process::Usage;
use crate::setup::{Layout, Manner};
use crate::table::Goal;
use std::time::Duration;
use tokio::time::Instant;

/// So many engineers in so many domains, and the ratio to the consumer that is wanted.
pub struct Load {
    /// What the rows are called.
    pub name: &'static str,
    /// Engineers.
    pub engineers: usize,
    /// Where.
    pub layout: Layout,
    /// The least ratio, with the store in a folder.
    pub ratio: f64,
    /// The same in PostgreSQL.
    pub ratio_postgres: f64,
}

/// What one program did.
struct Ran {
    took: Duration,
    before: Usage,
    after: Usage,
    tally: Tally,
}

impl Ran {
    fn cpu(&self) -> f64 {
        self.after.cpu - self.before.cpu
    }

    fn per_second(&self, count: usize) -> f64 {
        size(count) / self.took.as_secs_f64()
    }
}

/// Takes every figure of a load.
pub async fn measure(bench: &mut Bench, load: &Load) {
    for _ in 0..bench.runs {
        let bare = bare(bench, load).await;
        let naive = naive(bench, load).await;
        note_rival(bench, load, "bare loop", &bare);
        note_rival(bench, load, "consumer without a store", &naive);
        let naive = naive.per_second(load.engineers);
        embedded(bench, load, naive).await;
        postgres(bench, load, naive).await;
    }
}

fn note_rival(bench: &mut Bench, load: &Load, who: &str, ran: &Ran) {
    let calls = number(ran.tally.total());
    let table = &mut bench.table;
    table.note(load.name, &format!("{who}: engineers"), "/s", Goal::Shown, ran.per_second(load.engineers));
    table.note(
        load.name,
        &format!("{who}: CPU per 1,000 calls"),
        "s",
        Goal::Shown,
        ran.cpu() * 1_000.0 / calls,
    );
}

async fn bare(bench: &Bench, load: &Load) -> Ran {
    bench.google.reset(load.layout.accounts, load.layout.domains, 0).await;
    let begun = Instant::now();
    let rival = Rival::bare(bench.google.url(), load.engineers, load.layout);
    let tally = bench.google.until_roles(load.engineers * load.layout.all_domains()).await;
    Ran { took: begun.elapsed(), before: Usage::default(), after: rival.usage(), tally }
}

async fn naive(bench: &Bench, load: &Load) -> Ran {
    bench.google.reset(load.layout.accounts, load.layout.domains, 0).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let desk = Desk::at(&url).await;
    let rival = Rival::consumer(bench.google.url(), &url, QUEUE, load.layout);
    // One engineer first, so that the process is up and connected.
    desk.publish([load.engineers], None).await;
    bench.google.until_roles(load.layout.all_domains()).await;
    bench.google.recount().await;
    let (before, begun) = (rival.usage(), Instant::now());
    let wanted = load.engineers * load.layout.all_domains();
    let ((), tally) = tokio::join!(desk.publish(0..load.engineers, None), bench.google.until_roles(wanted));
    Ran { took: begun.elapsed(), before, after: rival.usage(), tally }
}

/// What a load did to a daemon.
struct Carried {
    ran: Ran,
    steps: f64,
    /// Of the stand-in, in seconds.
    google: f64,
    /// Of the database's server, in seconds.
    server: f64,
    /// What the store in the folder has more now: ledger, index, everything.
    bytes: [u64; 3],
}

async fn carry(bench: &Bench, load: &Load, manner: &Manner, cluster: Option<&Cluster>) -> Carried {
    bench.google.reset(load.layout.accounts, load.layout.domains, 0).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let house = House::with(bench, load.layout, &url, manner);
    let daemon = house.start_ready().await;
    let mut desk = Desk::at(&url).await;
    desk.publish([load.engineers], None).await;
    desk.until_ready(1).await;
    bench.google.recount().await;
    let (metrics, bytes, google) = (house.metrics().await, house.bytes(), bench.google.usage());
    let server = cluster.map_or(0.0, Cluster::cpu);
    let (before, begun) = (daemon.usage(), Instant::now());
    desk.publish(0..load.engineers, None).await;
    desk.until_ready(load.engineers).await;
    let took = begun.elapsed();
    let (after, server) = (daemon.usage(), cluster.map_or(0.0, Cluster::cpu) - server);
    let ran = Ran { took, before, after, tally: bench.google.tally().await };
    let google = bench.google.usage().cpu - google.cpu;
    let counted = house.metrics().await;
    let steps = sum(&counted, "carepass_steps_total") - sum(&metrics, "carepass_steps_total");
    let now = house.bytes();
    let bytes = [now.0.saturating_sub(bytes.0), now.1.saturating_sub(bytes.1), now.2.saturating_sub(bytes.2)];
    drop(daemon);
    Carried { ran, steps, google, server, bytes }
}

async fn embedded(bench: &mut Bench, load: &Load, naive: f64) {
    let carried = carry(bench, load, &Manner::default(), None).await;
    note_carried(bench, load, "carepass", &carried, (load.ratio, naive), 0.10);
    let [ledger, index, all] = carried.bytes.map(|bytes| number(bytes) / carried.steps);
    let mut note = |what: &str, goal, sample| bench.table.note(load.name, what, "kB", goal, sample);
    note("carepass: ledger per 1,000 steps", Goal::Shown, ledger);
    note("carepass: index per 1,000 steps", Goal::Shown, index);
    note("carepass: ledger and index per 1,000 steps", Goal::Most(400.0), ledger + index);
    note("carepass: everything kept per 1,000 steps", Goal::Shown, all);
}

async fn postgres(bench: &mut Bench, load: &Load, naive: f64) {
    let cluster = bench.cluster();
    let database = cluster.fresh();
    let manner = Manner { database: Some(cluster.url(&database)), ..Manner::default() };
    let empty = cluster.bytes("postgres").log;
    let carried = carry(bench, load, &manner, Some(cluster)).await;
    let bytes = cluster.bytes(&database);
    let new = cluster.fresh();
    let kept = bytes.kept - cluster.bytes(&new).kept;
    cluster.drop_database(&new);
    cluster.drop_database(&database);
    let name = "carepass on PostgreSQL";
    note_carried(bench, load, name, &carried, (load.ratio_postgres, naive), 0.15);
    let (steps, server) = (carried.steps, carried.server);
    let mut note = |what: &str, unit, goal, sample| {
        bench.table.note(load.name, &format!("{name}: {what} per 1,000 steps"), unit, goal, sample);
    };
    note("the server's part of the CPU", "s", Goal::Shown, server * 1_000.0 / steps);
    note("database", "kB", Goal::Most(400.0), kept / steps);
    note("the server's log", "kB", Goal::Shown, (bytes.log - empty) / steps);
}

/// The figures that every store has: with the least ratio, the consumer's rate, and the most CPU.
fn note_carried(
    bench: &mut Bench,
    load: &Load,
    who: &str,
    carried: &Carried,
    (ratio, naive): (f64, f64),
    cpu_max: f64,
) {
    let Carried { ran, steps, google, server, .. } = carried;
    let (cpu, rate) = (ran.cpu() + server, ran.per_second(load.engineers));
    let (pairs, calls) = (size(load.engineers * load.layout.all_domains()), number(ran.tally.total()));
    let name = load.name;
    let mut note = |what: &str, unit, goal, sample| {
        bench.table.note(name, &format!("{who}: {what}"), unit, goal, sample);
    };
    note("engineers", "/s", Goal::Shown, rate);
    note("ratio to the consumer", "", Goal::Least(ratio), rate / naive);
    note("CPU per 1,000 steps", "s", Goal::Most(cpu_max), cpu * 1_000.0 / steps);
    note("CPU per 1,000 calls", "s", Goal::Shown, cpu * 1_000.0 / calls);
    note("CPU per pair", "ms", Goal::Shown, cpu * 1_000.0 / pairs);
    note("steps per pair", "", Goal::Shown, steps / pairs);
    note("calls per pair", "", Goal::Shown, calls / pairs);
    note("calls at once, at most", "", Goal::Shown, number(ran.tally.in_flight_max));
    note("calls done twice", "", Goal::Never, number(ran.tally.repeats));
    note("peak memory", "MiB", Goal::Shown, ran.after.peak_mib);
    note("the stand-in's CPU per call", "µs", Goal::Shown, google * 1e6 / calls);
}
