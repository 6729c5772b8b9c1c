//! PostgreSQL is killed under a daemon in full flight, and started again at once: what was done twice, and when work goes on. Not here: a
//! server that stays away, which tests show.

use super::{Bench, STRUCK_AT, number};
use crate::broker::{Desk, declare};
use crate::cluster::Cluster;
use crate::daemon::House;
use crate::setup::{Layout, Manner};
use crate::table::Goal;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const NAME: &str = "PostgreSQL killed (SIGKILL) and restarted in full flight, 200 × 5 at 5 ms";
const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 200;
const LATENCY_MS: u64 = 5;
/// Calls that must be under way when the server is killed.
const BUSY: usize = 16;

const PATIENCE: Duration = Duration::from_mins(2);

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    // One of its own, which nobody else is at work on.
    let mut cluster = Cluster::start();
    for call in STRUCK_AT.into_iter().cycle().take(bench.runs) {
        let database = cluster.fresh();
        run(bench, &mut cluster, &database, call).await;
        cluster.drop_database(&database);
    }
}

async fn run(bench: &mut Bench, cluster: &mut Cluster, database: &str, call: &str) {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, LATENCY_MS).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let manner = Manner { database: Some(cluster.url(database)), ..Manner::default() };
    let house = House::with(bench, LAYOUT, &url, &manner);
    let daemon = house.start_ready().await;
    let mut desk = Desk::at(&url).await;
    desk.publish(0..ENGINEERS, None).await;
    bench.google.until_calls(call, ENGINEERS * LAYOUT.all_domains() / 3).await;
    timeout(PATIENCE, bench.google.until_busy(0, BUSY)).await.expect("it is at work");
    let in_flight = bench.google.tally().await.in_flight;
    cluster.kill9();
    let begun = Instant::now();
    cluster.restart();
    let back = begun.elapsed();
    timeout(PATIENCE, bench.google.until_write()).await.expect("work goes on");
    let goes_on = begun.elapsed();
    desk.until_ready(ENGINEERS).await;
    let all = begun.elapsed();
    let tally = bench.google.tally().await;
    let mut note = |what: &str, unit, goal, sample| bench.table.note(NAME, what, unit, goal, sample);
    note("the server answers again", "s", Goal::Shown, back.as_secs_f64());
    note("from then to the first new write", "s", Goal::Shown, goes_on.saturating_sub(back).as_secs_f64());
    note("everybody is ready", "s", Goal::Shown, all.as_secs_f64());
    note("calls under way at the kill", "", Goal::Shown, number(in_flight));
    note("calls done twice", "", Goal::Never, number(tally.repeats));
    note("accounts made twice", "", Goal::Never, number(tally.twice));
    drop(daemon);
}
