//! Which runs there are: every single end of the process and every fault of every call; each of them with another end. Of the latter a
//! share is lived through at a time, another one with each seed, and all of them when enough rounds are asked for (`CAREPASS_TEST_ROUNDS`).
//! A run that fails is made smaller as long as it fails. Not here: the run (`stage`).

use super::plan::{Fault, Plan, Story};
use super::stage::{Met, live_through};
use crate::fixture::seed;
use tokio::time::Instant;

/// The plans of a family are dealt out to so many tests, which run side by side.
const PARTS: usize = 2;

/// Of the pairs of ends one in so many.
const PAIRS_SHARE: usize = 12;

/// Of the ends with a fault likewise.
const FAULTY_ENDS_SHARE: usize = 48;

/// More calls than when nothing happens, for each end and each fault: a start looks at the reseller account, a retry looks first.
const CALLS_FOR_TROUBLE: usize = 27;

/// The process ends at every point; then at another one as well.
pub fn ends(story: Story, part: usize) {
    let quiet = run(&Plan::quiet(story));
    let once = (1..=quiet.points.len()).map(|point| Plan::quiet(story).struck(point));
    go(once, part, Share::one_in(PAIRS_SHARE), &quiet);
}

/// Every answer goes wrong in every way; then the process ends as well, before or after it.
pub fn faults(story: Story, part: usize) {
    let quiet = run(&Plan::quiet(story));
    go(faulty(story, quiet.calls), part, Share::one_in(FAULTY_ENDS_SHARE), &quiet);
}

fn faulty(story: Story, calls: usize) -> impl Iterator<Item = Plan> {
    let of = move |call| Fault::ALL.map(|fault| Plan { fault: Some((call, fault)), ..Plan::quiet(story) });
    (1..=calls).flat_map(of)
}

/// One end, or one fault, at a time, until something fails.
pub fn singly(story: Story) {
    let quiet = run(&Plan::quiet(story));
    (1..=quiet.points.len()).for_each(|point| drop(run(&Plan::quiet(story).struck(point))));
    faulty(story, quiet.calls).for_each(|plan| drop(run(&plan)));
}

/// Lives through each plan, and through a share of what comes of it by one more end.
fn go(plans: impl Iterator<Item = Plan>, part: usize, mut share: Share, quiet: &Met) {
    let begun = Instant::now();
    let descriptors = open_descriptors();
    let (mut runs, mut most) = (0, 0);
    for (_, plan) in plans.enumerate().filter(|(number, _)| number % PARTS == part) {
        let met = run(&plan);
        let first = plan.strikes.last().map_or(1, |last| last + 1);
        let further = (first..=met.points.len()).filter(|_| share.takes());
        let calls = further.map(|point| run(&plan.clone().struck(point)).calls);
        let calls: Vec<usize> = calls.chain([met.calls]).collect();
        let enough = quiet.calls + 2 * CALLS_FOR_TROUBLE;
        assert!(met.calls <= quiet.calls + CALLS_FOR_TROUBLE, "{} calls: {plan}", met.calls);
        assert!(calls.iter().all(|calls| *calls <= enough), "{calls:?} calls: {plan}, and another end");
        runs += calls.len();
        most = calls.into_iter().fold(most, usize::max);
    }
    assert!(runs > quiet.points.len() / PARTS, "only {runs} runs");
    assert!(open_descriptors() <= descriptors, "descriptors outlive their run");
    println!(
        "{runs} runs in {:?}, {} more left out; {} points and {} calls when nothing happens, {most} calls at most",
        begun.elapsed(),
        share.left_out,
        quiet.points.len(),
        quiet.calls
    );
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux shows them").count()
}

/// One in so many, beginning somewhere.
struct Share {
    of: usize,
    next: usize,
    left_out: usize,
}

impl Share {
    fn one_in(of: usize) -> Self {
        let of = of.div_ceil(seed::rounds());
        let seed = seed::asked_for().unwrap_or_else(|| fastrand::Rng::new().u64(..));
        let next = usize::try_from(seed % of as u64).expect("less than a number of runs");
        println!("CAREPASS_TEST_SEED={seed} lives through the same share");
        Self { of, next, left_out: 0 }
    }

    fn takes(&mut self) -> bool {
        let takes = self.next == 0;
        self.next = if takes { self.of - 1 } else { self.next - 1 };
        self.left_out += usize::from(!takes);
        takes
    }
}

/// Lives through a plan. If it fails, the smallest plan that still fails is said.
fn run(plan: &Plan) -> Met {
    let failed = match lived(plan) {
        Ok(met) => return met,
        Err(panic) => panic,
    };
    let mut smallest = plan.clone();
    while let Some(smaller) = smallest.smaller().into_iter().find(|plan| lived(plan).is_err()) {
        smallest = smaller;
    }
    eprintln!("fails: {plan}\nthe smallest that fails: {smallest}");
    std::panic::resume_unwind(failed);
}

fn lived(plan: &Plan) -> std::thread::Result<Met> {
    std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(live_through(plan))
    })
}
