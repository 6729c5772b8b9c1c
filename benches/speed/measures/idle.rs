//! One engineer after the other on a daemon that has nothing else to do: from the event published until the ledger has the engineer as
//! ready, and until the world hears of it. Not here: the floor, which is as many syncs and calls as one domain needs in turn.

use super::Bench;
use crate::broker::{Desk, declare};
use crate::daemon::House;
use crate::setup::{Layout, Manner};
use crate::table::Goal;
use carepass::clock::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

const NAME: &str = "one engineer, idle, 5 domains at 0 ms";
const NAME_POSTGRES: &str = "one engineer, idle, 5 domains at 0 ms, PostgreSQL";
const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 300;
const WARM_UP: usize = 20;

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for _ in 0..bench.runs {
        measure_one(bench, NAME, &Manner::default(), (4.0, 10.0)).await;
        let database = bench.cluster().fresh();
        let manner = Manner { database: Some(bench.cluster().url(&database)), ..Manner::default() };
        measure_one(bench, NAME_POSTGRES, &manner, (8.0, 20.0)).await;
        bench.cluster().drop_database(&database);
    }
}

/// One daemon, with the most that the median and the 99th percentile may be.
async fn measure_one(bench: &mut Bench, name: &str, manner: &Manner, (middle, high): (f64, f64)) {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, 0).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let house = House::with(bench, LAYOUT, &url, manner);
    let daemon = house.start_ready().await;
    let mut desk = Desk::at(&url).await;
    let (mut kept, mut heard) = (Vec::new(), Vec::new());
    for engineer in 0..ENGINEERS + WARM_UP {
        let (at, begun) = (Clock::System.now(), Instant::now());
        desk.publish([engineer], None).await;
        let outcome = desk.next().await;
        if engineer >= WARM_UP {
            heard.push(begun.elapsed().as_secs_f64() * 1_000.0);
            let ready: Timestamp =
                outcome["time"].as_str().and_then(|time| time.parse().ok()).expect("a time");
            kept.push(ready.duration_since(at).as_secs_f64() * 1_000.0);
        }
    }
    for (what, samples, most) in [("ready", &mut kept, true), ("the world hears of it", &mut heard, false)] {
        samples.sort_by(f64::total_cmp);
        let goal = |goal| if most { Goal::Most(goal) } else { Goal::Shown };
        let at = |percent: usize| samples[(samples.len() - 1) * percent / 100];
        bench.table.note(name, &format!("{what}, p50"), "ms", goal(middle), at(50));
        bench.table.note(name, &format!("{what}, p99"), "ms", goal(high), at(99));
    }
    drop(daemon);
}
