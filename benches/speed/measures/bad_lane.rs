//! One of ten reseller accounts hangs, is throttled or has its rights revoked, from before the engineers come until the end: what that costs
//! the other nine, against a run without trouble just before. All engineers come at once, so that every account has work for as long as it
//! takes, which tells of throughput; and one after the other, at a rate that the accounts can do with, which tells of what each waits for.
//! Calls in flight for each account are as they are shipped. Not here: what becomes of the account in trouble.

use super::{Bench, number, size};
use crate::broker::{Desk, PROGRESSED, declare};
use crate::daemon::House;
use crate::google::Trouble;
use crate::setup::{Layout, Manner, key};
use crate::table::Goal;
use carepass::clock::Clock;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const LAYOUT: Layout = Layout { accounts: 10, domains: 1 };
const ENGINEERS: usize = 200;

/// So long that Google, not this machine, is what is waited for.
const LATENCY_MS: u64 = 200;

/// Calls in flight for each account, as shipped.
const CALLS_IN_FLIGHT: u8 = 16;

/// The account in trouble.
const BAD: usize = 4;

/// How engineers come.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    AtOnce,
    /// One each so long.
    Every(Duration),
}

/// How the other accounts fared.
struct Others {
    /// From the event to the 99th percentile of engineers and domains, in seconds.
    high: f64,
    /// The same to the middle.
    middle: f64,
    /// Engineers and domains a second.
    rate: f64,
    /// Calls to the account in trouble that were refused or never answered.
    lost: u64,
}

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    let arrivals =
        [("at once", Arrival::AtOnce), ("10 a second", Arrival::Every(Duration::from_millis(100)))];
    for _ in 0..bench.runs {
        for (how, arrival) in arrivals {
            let title = |what: &str| format!("200 × 10 at 200 ms, {how}, {what}: the other nine");
            let calm = run(bench, arrival, None).await;
            note(bench, &title("none in trouble"), &calm, None);
            for trouble in Trouble::ALL {
                let others = run(bench, arrival, Some(trouble)).await;
                note(bench, &title(&format!("one {}", trouble.name())), &others, Some(&calm));
            }
        }
    }
}

fn note(bench: &mut Bench, name: &str, others: &Others, calm: Option<&Others>) {
    let mut note = |what: &str, unit, goal, sample| bench.table.note(name, what, unit, goal, sample);
    note("event to settled, p50", "s", Goal::Shown, others.middle);
    note("event to settled, p99", "s", Goal::Shown, others.high);
    note("settled", "/s", Goal::Shown, others.rate);
    if let Some(calm) = calm {
        note("p99 against no trouble", "×", Goal::Most(1.2), others.high / calm.high);
        note("throughput against no trouble", "×", Goal::Least(0.95), others.rate / calm.rate);
        note("calls of the account in trouble without a good answer", "", Goal::Shown, number(others.lost));
    }
}

async fn run(bench: &Bench, arrival: Arrival, trouble: Option<Trouble>) -> Others {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, LATENCY_MS).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let manner = Manner { calls_in_flight: CALLS_IN_FLIGHT, ..Manner::default() };
    let house = House::with(bench, LAYOUT, &url, &manner);
    let daemon = house.start_ready().await;
    let (desk, mut ear) = (Desk::at(&url).await, Desk::hearing(&url, PROGRESSED).await);
    if let Some(trouble) = trouble {
        bench.google.trouble(BAD, trouble).await;
    }
    let begun = Instant::now();
    let (sent, told) = tokio::join!(send(&desk, arrival), told(&mut ear));
    let took = begun.elapsed();
    let mut settled: Vec<f64> =
        told.iter().map(|((_, engineer), at)| at.duration_since(sent[engineer]).as_secs_f64()).collect();
    settled.sort_by(f64::total_cmp);
    let tally = bench.google.tally().await;
    drop(daemon);
    let at = |percent: usize| settled[(settled.len() - 1) * percent / 100];
    Others {
        high: at(99),
        middle: at(50),
        rate: size(settled.len()) / took.as_secs_f64(),
        lost: tally.calls.get("lost").copied().unwrap_or(0),
    }
}

/// Sends everybody, and says when each was sent.
async fn send(desk: &Desk, arrival: Arrival) -> BTreeMap<String, Timestamp> {
    let now = Clock::System.now();
    match arrival {
        Arrival::AtOnce => {
            desk.publish(0..ENGINEERS, None).await;
            (0..ENGINEERS).map(|number| (key(number), now)).collect()
        }
        Arrival::Every(pause) => {
            let (mut turns, mut sent) = (tokio::time::interval(pause), BTreeMap::new());
            for number in 0..ENGINEERS {
                turns.tick().await;
                sent.insert(key(number), Clock::System.now());
                desk.publish([number], None).await;
            }
            sent
        }
    }
}

/// When each engineer had settled in each account but the one in trouble.
async fn told(ear: &mut Desk) -> BTreeMap<(String, String), Timestamp> {
    let bad = format!("r{BAD}");
    let mut told = BTreeMap::new();
    while told.len() < ENGINEERS * (LAYOUT.all_domains() - 1) {
        let outcome = ear.next().await;
        let text = |name: &str| outcome["data"][name].as_str().unwrap_or_default().to_owned();
        let (account, engineer) = (text("reseller"), text("engineerKey"));
        let at: Timestamp = outcome["time"].as_str().and_then(|time| time.parse().ok()).expect("a time");
        if account != bad && outcome["data"]["state"] == "completed" {
            told.entry((account, engineer)).or_insert(at);
        }
    }
    told
}
