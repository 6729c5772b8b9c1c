//! Engineers a second under load, beside the calls alone and a consumer that keeps nothing, in the same minute; what a step costs in CPU
//! and bytes. The clock runs from the first event published until the last engineer is told to be ready, for the consumer until its last
//! role is given, which is less. Not here: syncs, which are counted in a run of their own.

use super::{Bench, number, size};
use crate::broker::{Desk, QUEUE, declare};
use crate::daemon::{House, sum};
use crate::google::Tally;
use crate::naive::Rival;
use crate::process::Usage;
use crate::setup::Layout;
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
    /// The least ratio.
    pub ratio: f64,
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
        carepass(bench, load, naive.per_second(load.engineers)).await;
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

async fn carepass(bench: &mut Bench, load: &Load, naive: f64) {
    bench.google.reset(load.layout.accounts, load.layout.domains, 0).await;
    let url = bench.rabbit.fresh_vhost();
    declare(&url).await;
    let house = House::new(bench, load.layout, &url);
    let daemon = house.start_ready().await;
    let mut desk = Desk::at(&url).await;
    desk.publish([load.engineers], None).await;
    desk.until_ready(1).await;
    bench.google.recount().await;
    let (metrics, bytes, google) = (house.metrics().await, house.bytes(), bench.google.usage());
    let (before, begun) = (daemon.usage(), Instant::now());
    desk.publish(0..load.engineers, None).await;
    desk.until_ready(load.engineers).await;
    let ran = Ran { took: begun.elapsed(), before, after: daemon.usage(), tally: bench.google.tally().await };
    let google = bench.google.usage().cpu - google.cpu;
    let after = house.metrics().await;
    let steps = sum(&after, "carepass_steps_total") - sum(&metrics, "carepass_steps_total");
    let (ledger, index, all) = house.bytes();
    let (pairs, calls) = (size(load.engineers * load.layout.all_domains()), number(ran.tally.total()));
    let kept = |after: u64, before: u64| number(after.saturating_sub(before)) / steps;
    let name = load.name;
    let mut note = |what: &str, unit, goal, sample| bench.table.note(name, what, unit, goal, sample);
    note("carepass: engineers", "/s", Goal::Shown, ran.per_second(load.engineers));
    note(
        "carepass: ratio to the consumer",
        "",
        Goal::Least(load.ratio),
        ran.per_second(load.engineers) / naive,
    );
    note("carepass: CPU per 1,000 steps", "s", Goal::Most(0.10), ran.cpu() * 1_000.0 / steps);
    note("carepass: CPU per 1,000 calls", "s", Goal::Shown, ran.cpu() * 1_000.0 / calls);
    note("carepass: CPU per pair", "ms", Goal::Shown, ran.cpu() * 1_000.0 / pairs);
    note("carepass: steps per pair", "", Goal::Shown, steps / pairs);
    note("carepass: calls per pair", "", Goal::Shown, calls / pairs);
    note("carepass: calls at once, at most", "", Goal::Shown, number(ran.tally.in_flight_max));
    note("carepass: calls done twice", "", Goal::Most(0.0), number(ran.tally.repeats));
    note("carepass: ledger per 1,000 steps", "kB", Goal::Shown, kept(ledger, bytes.0));
    note("carepass: index per 1,000 steps", "kB", Goal::Shown, kept(index, bytes.1));
    note(
        "carepass: ledger and index per 1,000 steps",
        "kB",
        Goal::Most(400.0),
        kept(ledger + index, bytes.0 + bytes.1),
    );
    note("carepass: everything kept per 1,000 steps", "kB", Goal::Shown, kept(all, bytes.2));
    note("carepass: peak memory", "MiB", Goal::Shown, ran.after.peak_mib);
    note("the stand-in's CPU per call", "µs", Goal::Shown, google * 1e6 / calls);
    drop(daemon);
}
