//! What the figures of a simulation are held against: the time that the limits give for the calls that are needed, and a run in which
//! nothing was wrong. Not here: the simulation.

use super::simulation::Lane;
use carepass::google::Rates;
use std::time::Duration;

/// Google's limits: Directory calls and licensing calls a second, and new accounts a second in a domain.
const GOOGLE: Limits = Limits { directory: 2_400.0 / 60.0, licensing: 1.0, inserts: 10.0 };

#[derive(Clone, Copy)]
struct Limits {
    directory: f64,
    licensing: f64,
    inserts: f64,
}

/// What is configured as the ceiling, as shipped.
fn ceiling() -> Limits {
    let rates = Rates::default();
    Limits {
        directory: rates.directory.per_second,
        licensing: rates.licensing.per_second,
        inserts: rates.user_insert.per_second,
    }
}

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// When the last one was ready in the last account.
    pub makespan: Duration,
    /// That, as a multiple of the time that the configured ceilings give.
    pub of_ceiling: f64,
    /// The same against Google's own numbers.
    pub of_google: f64,
    /// The worst of all accounts, each against its own ceilings.
    pub worst_account: f64,
    /// Refused calls, as a share of all.
    pub throttled: f64,
    /// Calls for each engineer and account.
    pub calls_per_pair: f64,
}

/// The figures, where others leave this share of every quota.
pub fn figures(lanes: &[Lane], left: f64) -> Figures {
    let pairs: usize = lanes.iter().map(|lane| lane.ready.len()).sum();
    let calls: usize = lanes.iter().map(|lane| lane.calls.len()).sum();
    let throttled: usize = lanes.iter().map(Lane::throttled).sum();
    let makespan = lanes.iter().map(Lane::makespan).max().unwrap_or_default();
    let most = |of: &dyn Fn(&Lane) -> f64| lanes.iter().map(of).fold(0.0, f64::max);
    let given = |limits: Limits| most(&|lane| bound(lane, limits, left));
    Figures {
        makespan,
        of_ceiling: makespan.as_secs_f64() / given(ceiling()),
        of_google: makespan.as_secs_f64() / given(GOOGLE),
        worst_account: most(&|lane| lane.makespan().as_secs_f64() / bound(lane, ceiling(), left)),
        throttled: number(throttled) / number(calls),
        calls_per_pair: number(calls) / number(pairs),
    }
}

/// The seconds that an account's limits give for what each engineer needs there: an insert and a role, and a licence where it is assigned.
/// Lists are not counted as needed.
fn bound(lane: &Lane, limits: Limits, left: f64) -> f64 {
    let pairs = number(lane.ready.len());
    let licenses = if lane.per_user { pairs / limits.licensing } else { 0.0 };
    (2.0 * pairs / limits.directory).max(pairs / limits.inserts).max(licenses) / left
}

/// How the accounts but the first did, beside the same ones in a run in which nothing was wrong.
#[derive(Clone, Copy, Debug)]
pub struct Others {
    /// The 99th percentile of the time until ready, as a multiple.
    pub p99: f64,
    /// Rows a second, as a multiple.
    pub throughput: f64,
}

/// Compares the two runs.
pub fn others(healthy: &[Lane], troubled: &[Lane]) -> Others {
    let (before, after) = (times(&healthy[1..]), times(&troubled[1..]));
    let last = |times: &[f64]| times.last().copied().unwrap_or(f64::NAN);
    let p99 = |times: &[f64]| times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    let speed = |times: &[f64]| number(times.len()) / last(times);
    Others { p99: p99(&after) / p99(&before), throughput: speed(&after) / speed(&before) }
}

fn times(lanes: &[Lane]) -> Vec<f64> {
    let mut times: Vec<f64> = lanes.iter().flat_map(|lane| &lane.ready).map(Duration::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("not that many"))
}
