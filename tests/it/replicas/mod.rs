//! Several engines on one store in virtual time, with real steps over real HTTP: replicas are killed, stand still for longer than their
//! lease and go on, leave in order, and the store is away for a while. In the end the world is as the model says, nothing was done twice
//! as seen from Google, and every lane has one holder. A failing seed is printed; run it alone with
//! `CAREPASS_TEST_SEED=<seed> ./test replicas`.
//! Not here: one engine alone (`engine_simulation`), the machine and the store alone (`simulation`), real processes (`postgres`).

mod history;
mod limit;
mod moving;
mod town;
mod verdict;

use crate::fixture::seed;
use carepass::planted::{Bug, caught};
use history::History;

/// Seeds in CI.
const SEEDS: u64 = 16;

fn run(seeds: impl Iterator<Item = u64>) {
    let mut sum = history::Stats::default();
    for seed in seeds {
        match std::panic::catch_unwind(|| in_virtual_time(async || History::begin(seed).await.run().await)) {
            Ok(stats) => sum.add(&stats),
            Err(panic) => {
                eprintln!("seed {seed} fails");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{sum:?}");
    if seed::asked_for().is_none() {
        sum.check();
    }
}

fn in_virtual_time<T>(body: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(body())
}

#[test]
fn every_history_of_three_replicas_ends_well() {
    run(seed::each(SEEDS));
}

#[test]
fn planted_a_replica_writes_after_its_lease() {
    caught(Bug::WritesAfterTheLease, || in_virtual_time(moving::whoever_wakes_up_writes_nothing));
}

#[test]
fn planted_nobody_says_that_a_duty_is_free() {
    caught(Bug::FreedUnheard, || in_virtual_time(moving::whoever_leaves_says_so));
}

#[test]
fn planted_nobody_counts_grants() {
    caught(Bug::GrantsUncounted, || in_virtual_time(limit::three_admit_at_once));
}

#[test]
fn planted_what_was_left_running_is_left() {
    caught(Bug::LeftRunning, || in_virtual_time(moving::what_was_left_running_goes_on));
}

#[test]
fn planted_what_is_under_way_is_cut_off_while_nobody_else_has_it() {
    caught(Bug::LapsedIsCut, || in_virtual_time(moving::an_outage_repeats_no_call));
}
