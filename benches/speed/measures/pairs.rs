//! 50 engineers in 10 domains, as the tools are compared that administrators use today: calls, time, CPU and memory of the whole daemon
//! from the first event on. Not here: those tools; an outside run compares them.

use super::{Bench, number, size};
use crate::broker::{Desk, declare};
use crate::daemon::House;
use crate::setup::Layout;
use crate::table::Goal;
use tokio::time::Instant;

const ENGINEERS: usize = 50;

/// Takes the figures, with a latency of so many milliseconds.
pub async fn measure(bench: &mut Bench, name: &str, layout: Layout, latency_ms: u64) {
    for _ in 0..bench.runs {
        bench.google.reset(layout.accounts, layout.domains, latency_ms).await;
        let url = bench.rabbit.fresh_vhost();
        declare(&url).await;
        let house = House::new(bench, layout, &url);
        let daemon = house.start_ready().await;
        let mut desk = Desk::at(&url).await;
        let set_up = bench.google.tally().await;
        bench.google.recount().await;
        let (before, begun) = (daemon.usage(), Instant::now());
        desk.publish(0..ENGINEERS, None).await;
        desk.until_ready(ENGINEERS).await;
        let (took, after, tally) = (begun.elapsed(), daemon.usage(), bench.google.tally().await);
        let pairs = size(ENGINEERS * layout.all_domains());
        let rate = if latency_ms == 0 { Goal::Least(400.0) } else { Goal::Shown };
        let mut note = |what: &str, unit, goal, sample| bench.table.note(name, what, unit, goal, sample);
        note("calls per pair", "", Goal::Most(3.2), number(tally.without_tokens()) / pairs);
        note("calls of the set-up", "", Goal::Shown, number(set_up.total()));
        note("pairs", "/s", rate, pairs / took.as_secs_f64());
        note("CPU per pair", "ms", Goal::Most(2.0), (after.cpu - before.cpu) * 1_000.0 / pairs);
        note("CPU of the start and the set-up", "s", Goal::Shown, before.cpu);
        note("peak memory", "MiB", Goal::Most(60.0), after.peak_mib);
        drop(daemon);
    }
}
