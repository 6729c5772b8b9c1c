//! `kill -9` in full flight: when the next process makes its first call, when everybody whom the dead one was at work on is worked on
//! again, and what was done twice. Not here: that nothing is lost, which tests show.

use super::{Bench, number, size};
use crate::broker::{Desk, declare};
use crate::daemon::House;
use crate::setup::Layout;
use crate::table::Goal;
use std::time::Duration;
use tokio::time::Instant;

const NAME: &str = "kill -9 in full flight, 200 × 5 at 5 ms";
const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 200;
const LATENCY_MS: u64 = 5;
const PATIENCE: Duration = Duration::from_mins(2);

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for _ in 0..bench.runs {
        bench.google.reset(LAYOUT.accounts, LAYOUT.domains, LATENCY_MS).await;
        let url = bench.rabbit.fresh_vhost();
        declare(&url).await;
        let house = House::new(bench, LAYOUT, &url);
        let daemon = house.start_ready().await;
        let mut desk = Desk::at(&url).await;
        desk.publish(0..ENGINEERS, None).await;
        bench.google.until_roles(ENGINEERS * LAYOUT.all_domains() / 3).await;
        let in_flight = bench.google.tally().await.in_flight;
        daemon.kill9();
        // What was on its way arrives still.
        tokio::time::sleep(Duration::from_millis(LATENCY_MS * 4)).await;
        let left = bench.google.leave_behind().await;
        let begun = Instant::now();
        let daemon = house.start();
        let first = async {
            bench.google.until_call().await;
            begun.elapsed()
        };
        let resumed = async {
            bench.google.until_resumed().await;
            begun.elapsed()
        };
        let (first, resumed) = tokio::time::timeout(PATIENCE, async { tokio::join!(first, resumed) })
            .await
            .expect("everybody is worked on again");
        desk.until_ready(ENGINEERS).await;
        let all = begun.elapsed();
        let tally = bench.google.tally().await;
        let mut note = |what: &str, unit, goal, sample| bench.table.note(NAME, what, unit, goal, sample);
        note("first new call after the start", "s", Goal::Most(0.3), first.as_secs_f64());
        note("everybody is worked on again", "s", Goal::Most(1.0), resumed.as_secs_f64());
        note("everybody is ready", "s", Goal::Shown, all.as_secs_f64());
        note("pairs that were begun", "", Goal::Shown, size(left));
        note("calls under way at the kill", "", Goal::Shown, number(in_flight));
        note("calls done twice", "", Goal::Most(number(in_flight.max(1))), number(tally.repeats));
        drop(daemon);
    }
}
