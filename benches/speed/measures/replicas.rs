//! Three daemons on one PostgreSQL against one daemon on the same, on the same machine and with the same load: what it costs that they share.
//! Not here: what they gain, for which each would need a machine of its own.

use super::{Bench, size};
use crate::broker::{Desk, declare};
use crate::google::DOORS;
use crate::setup::Layout;
use crate::table::Goal;
use crate::town::Town;
use std::time::Duration;
use tokio::time::Instant;

const NAME: &str = "replicas on one PostgreSQL, 200 × 5 at 0 ms";
const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 200;

/// What a town did.
struct Ran {
    took: Duration,
    cpu: f64,
    server: f64,
    peak_mib: f64,
    twice: u64,
    repeats: u64,
}

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for _ in 0..bench.runs {
        let one = run(bench, 1).await;
        let three = run(bench, DOORS).await;
        let rate = |ran: &Ran| size(ENGINEERS) / ran.took.as_secs_f64();
        let mut note = |what: &str, unit, goal, sample| bench.table.note(NAME, what, unit, goal, sample);
        for (who, ran) in [("one", &one), ("three", &three)] {
            note(&format!("{who}: engineers"), "/s", Goal::Shown, rate(ran));
            note(&format!("{who}: CPU of the daemons"), "s", Goal::Shown, ran.cpu);
            note(&format!("{who}: CPU of the server"), "s", Goal::Shown, ran.server);
            note(&format!("{who}: peak memory together"), "MiB", Goal::Shown, ran.peak_mib);
            note(&format!("{who}: writes asked for again"), "", Goal::Never, super::number(ran.repeats));
            note(&format!("{who}: accounts made twice"), "", Goal::Never, super::number(ran.twice));
        }
        note("three against one", "", Goal::Least(0.9), rate(&three) / rate(&one));
    }
}

async fn run(bench: &Bench, replicas: usize) -> Ran {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, 0).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let town = Town::open(bench, LAYOUT, &url, replicas).await;
    let mut desk = Desk::at(&url).await;
    // One engineer first, so that everything is connected.
    desk.publish([ENGINEERS], None).await;
    desk.until_ready(1).await;
    bench.google.recount().await;
    let cluster = bench.cluster();
    let (before, server, begun) = (town.usage(), cluster.cpu(), Instant::now());
    desk.publish(0..ENGINEERS, None).await;
    desk.until_ready(ENGINEERS).await;
    let (took, after, server) = (begun.elapsed(), town.usage(), cluster.cpu() - server);
    let tally = bench.google.tally().await;
    town.close(cluster);
    Ran {
        took,
        cpu: after.cpu - before.cpu,
        server,
        peak_mib: after.peak_mib,
        twice: tally.twice,
        repeats: tally.repeats,
    }
}
