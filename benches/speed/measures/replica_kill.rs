//! Three daemons on one PostgreSQL, and the one with the most accounts is killed, or stands still and wakes up while others do its work: when
//! its accounts are written to by others, and what was done twice. Its lease is that of the house, ten seconds.
//!
//! Two things are counted. *Accounts made twice*: a second account for an engineer in a domain, which is the one thing that Google would let
//! happen twice. *Writes asked for again*: Google refused them, since they had been done; a call whose answer nobody heard must be asked
//! about, so there may be as many as were under way through that daemon when it was struck, and as had been answered and were not on disk.
//! Not here: histories of all kinds, which tests walk.

use super::{Bench, STRUCK_AT, number};
use crate::broker::{Desk, declare};
use crate::google::{DOORS, Tally};
use crate::setup::Layout;
use crate::table::Goal;
use crate::town::Town;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const LAYOUT: Layout = Layout { accounts: 5, domains: 1 };
const ENGINEERS: usize = 200;
const LATENCY_MS: u64 = 5;
const PATIENCE: Duration = Duration::from_mins(2);

/// Calls that must be under way through a daemon when it is struck.
const BUSY: usize = 8;

/// Engineers who come when the one that stood still has work again.
const LATER: usize = 50;

/// What happens to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Kill,
    Freeze,
}

impl Blow {
    fn title(self) -> &'static str {
        match self {
            Self::Kill => "three replicas, one killed (SIGKILL) in full flight, 200 × 5 at 5 ms",
            Self::Freeze => "three replicas, one frozen (SIGSTOP) in full flight, 200 × 5 at 5 ms",
        }
    }
}

/// Takes the figures.
pub async fn measure(bench: &mut Bench) {
    for call in STRUCK_AT.into_iter().cycle().take(bench.runs) {
        for blow in [Blow::Kill, Blow::Freeze] {
            run(bench, blow, call).await;
        }
    }
}

async fn run(bench: &mut Bench, blow: Blow, call: &str) {
    bench.google.reset(LAYOUT.accounts, LAYOUT.domains, LATENCY_MS).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let mut town = Town::open(bench, LAYOUT, &url, DOORS).await;
    let (victim, accounts) = town.busiest(bench.cluster());
    let mut desk = Desk::at(&url).await;
    desk.publish(0..ENGINEERS, None).await;
    bench.google.until_calls(call, ENGINEERS * LAYOUT.all_domains() / 3).await;
    timeout(PATIENCE, bench.google.until_busy(victim, BUSY)).await.expect("it is at work");

    let before = bench.google.tally().await;
    match blow {
        Blow::Kill => town.kill9(victim),
        Blow::Freeze => town.signal(victim, "STOP"),
    }
    let begun = Instant::now();
    let struck = bench.google.tally().await;
    let moved = accounts.iter().map(async |account| {
        bench.google.until_moved(*account, victim).await;
        begun.elapsed().as_secs_f64()
    });
    let moved = timeout(PATIENCE, join_all(moved)).await.expect("its accounts are written to by others");
    let woken = bench.google.tally().await;
    if blow == Blow::Freeze {
        // In the middle of what the others do in its stead.
        town.signal(victim, "CONT");
    }
    desk.until_ready(ENGINEERS).await;
    let all = begun.elapsed();
    let tally = bench.google.tally().await;
    let under_way = before.doors[victim].in_flight.max(struck.doors[victim].in_flight);
    let mut note = |what: &str, unit, goal, sample| bench.table.note(blow.title(), what, unit, goal, sample);
    let last = moved.into_iter().fold(0.0, f64::max);
    note("every account of its is written to by others", "s", Goal::Most(15.0), last);
    note("everybody is ready", "s", Goal::Shown, all.as_secs_f64());
    note("accounts that it held", "", Goal::Shown, super::size(accounts.len()));
    note("calls under way through it", "", Goal::Shown, number(under_way));
    note("writes asked for again", "", Goal::Shown, number(tally.repeats));
    let beyond = number(tally.repeats.saturating_sub(under_way));
    note("writes asked for again beyond those: answered, not yet on disk", "", Goal::Shown, beyond);
    note("accounts made twice", "", Goal::Never, number(tally.twice));
    if blow == Blow::Freeze {
        let after = after_waking(bench, &town, &mut desk).await;
        let mut note = |what: &str, sample| {
            bench.table.note(blow.title(), what, "", Goal::Never, number(sample));
        };
        let door = |tally: &Tally| tally.doors[victim].repeats;
        note("writes asked for again by it after it woke up", door(&after) - door(&woken));
        note("writes asked for again by anybody once it had work again", after.repeats - tally.repeats);
        note("accounts made twice after it woke up", after.twice - woken.twice);
    }
    town.close(bench.cluster());
}

/// The one that stood still gets work again, and more engineers come.
async fn after_waking(bench: &Bench, town: &Town, desk: &mut Desk) -> Tally {
    town.until_even(bench.cluster()).await;
    desk.publish(ENGINEERS..ENGINEERS + LATER, None).await;
    desk.until_ready(LATER).await;
    bench.google.tally().await
}
