//! One of ten reseller accounts hangs, is throttled or has its rights revoked, from before the engineers come until the end: what that costs
//! the other nine, against a run without trouble just before. All engineers come at once, so that every account has work for as long as it
//! takes. Calls in flight for each account are as they are shipped. Not here: what becomes of the account in trouble.

use super::{Bench, number, size};
use crate::broker::{Desk, PROGRESSED, declare};
use crate::daemon::House;
use crate::google::Trouble;
use crate::setup::{Layout, Manner};
use crate::table::Goal;
use carepass::clock::Clock;
use jiff::Timestamp;
use std::collections::BTreeMap;

const LAYOUT: Layout = Layout { accounts: 10, domains: 1 };
const ENGINEERS: usize = 200;

/// So long that Google, not this machine, is what is waited for.
const LATENCY_MS: u64 = 200;

/// Calls in flight for each account, as shipped.
const CALLS_IN_FLIGHT: u8 = 16;

/// The account in trouble.
const BAD: usize = 4;

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
    for _ in 0..bench.runs {
        let calm = run(bench, None).await;
        note(bench, &title("none in trouble"), &calm, None);
        for trouble in Trouble::ALL {
            let others = run(bench, Some(trouble)).await;
            note(bench, &title(&format!("one {}", trouble.name())), &others, Some(&calm));
        }
    }
}

fn title(what: &str) -> String {
    format!("200 × 10 at 200 ms, {what}: the other nine")
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

async fn run(bench: &Bench, trouble: Option<Trouble>) -> Others {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, LATENCY_MS).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let manner = Manner { calls_in_flight: CALLS_IN_FLIGHT, ..Manner::default() };
    let house = House::with(bench, LAYOUT, &url, &manner);
    let daemon = house.start_ready().await;
    let mut desk = Desk::hearing(&url, PROGRESSED).await;
    if let Some(trouble) = trouble {
        bench.google.trouble(BAD, trouble).await;
    }
    let begun = Clock::System.now();
    desk.publish(0..ENGINEERS, None).await;
    let settled = settled(&mut desk, begun).await;
    let tally = bench.google.tally().await;
    drop(daemon);
    let at = |percent: usize| settled[(settled.len() - 1) * percent / 100];
    Others {
        high: at(99),
        middle: at(50),
        rate: size(settled.len()) / at(100),
        lost: tally.calls.get("lost").copied().unwrap_or(0),
    }
}

/// How long each engineer took in each account but the one in trouble, in seconds, the shortest first.
async fn settled(desk: &mut Desk, begun: Timestamp) -> Vec<f64> {
    let bad = format!("r{BAD}");
    let mut settled: BTreeMap<(String, String), f64> = BTreeMap::new();
    while settled.len() < ENGINEERS * (LAYOUT.all_domains() - 1) {
        let outcome = desk.next().await;
        let text = |name: &str| outcome["data"][name].as_str().unwrap_or_default().to_owned();
        let (account, engineer) = (text("reseller"), text("engineerKey"));
        let at: Timestamp = outcome["time"].as_str().and_then(|time| time.parse().ok()).expect("a time");
        if account != bad && outcome["data"]["state"] == "completed" {
            settled.entry((account, engineer)).or_insert(at.duration_since(begun).as_secs_f64());
        }
    }
    let mut settled: Vec<f64> = settled.into_values().collect();
    settled.sort_by(f64::total_cmp);
    settled
}
