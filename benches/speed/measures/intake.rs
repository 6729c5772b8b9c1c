//! Events from a quorum queue to durable and acknowledged. Their first days are far away, so that nothing else is done with them.
//! Not here: what the queue itself can deliver.

use super::{Bench, size};
use crate::broker::{Desk, declare};
use crate::daemon::{House, sum};
use crate::setup::Layout;
use crate::table::Goal;
use std::time::Duration;
use tokio::time::Instant;

const NAME: &str = "intake from a quorum queue";
const LAYOUT: Layout = Layout { accounts: 1, domains: 1 };
const EVENTS: usize = 10_000;
const FIRST_DAY: &str = "2099-01-01";
const LOOK: Duration = Duration::from_millis(20);

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for _ in 0..bench.runs {
        bench.google.reset(LAYOUT.accounts, LAYOUT.domains, 0).await;
        let url = bench.rabbit.fresh_vhost();
        declare(&url).await;
        let house = House::new(bench, LAYOUT, &url);
        // The account is set up first; then the events wait for the daemon.
        drop(house.start_ready().await);
        let desk = Desk::at(&url).await;
        desk.publish(0..EVENTS, Some(FIRST_DAY)).await;
        let daemon = house.start();
        let taken = async || sum(&house.metrics().await, "carepass_events_total");
        let mut first = (taken().await, Instant::now());
        while first.0 <= 0.0 {
            tokio::time::sleep(LOOK).await;
            first = (taken().await, Instant::now());
        }
        let before = daemon.usage();
        let mut last = first;
        while last.0 < size(EVENTS) {
            tokio::time::sleep(LOOK).await;
            last = (taken().await, Instant::now());
        }
        let (events, took) = (last.0 - first.0, last.1 - first.1);
        let cpu = daemon.usage().cpu - before.cpu;
        bench.table.note(NAME, "events", "/s", Goal::Least(5_000.0), events / took.as_secs_f64());
        bench.table.note(NAME, "CPU per 1,000 events", "s", Goal::Shown, cpu * 1_000.0 / events);
        drop(daemon);
    }
}
