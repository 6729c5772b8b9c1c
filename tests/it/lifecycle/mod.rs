//! Whole lives against an independent small model: random histories of all types of events, with duplicates, reordering, delays,
//! conflicting versions, future dates in several zones, crashes, changes of scope, returns under a new and under an old employment.
//! `model` folds over what arrived and says what must hold at rest, and which events are dead letters with which reason; `world` is the
//! real intake, calendar and transitions. A failing seed prints itself, its history made as short as it goes, and how to run it alone.
//! Seventy shorter ones are lived besides (`lived`): the whole engine, its steps, and the sandbox over HTTP, before the same model.
//! Not here: how rows and replicas meet (`simulation`), what a moody Google does to a joiner (`engine_simulation`).

mod google;
mod history;
mod lived;
mod model;
mod world;

use crate::fixture::seed;
use carepass::planted::{Bug, caught};
use history::{Item, Pace};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::time::Instant;
use world::{Stats, World};

/// So many failing lives are shown before the rest is left alone.
const SHOWN_MAX: usize = 4;

/// Seeds that the whole engine lives through.
const LIVED: u64 = 30;

/// How often it is said how far it is.
const PROGRESS: u64 = 100;

/// Seeds in each of the quarters, which run side by side, each far from the limit of a test.
const SEEDS: u64 = 900;
const QUARTERS: u64 = 4;

fn quarter(first: u64) {
    run(seed::each(SEEDS * QUARTERS).filter(|seed| seed % QUARTERS == first % QUARTERS));
}

#[test]
fn every_life_is_as_the_model_says_first_quarter() {
    quarter(1);
}

#[test]
fn every_life_is_as_the_model_says_second_quarter() {
    quarter(2);
}

#[test]
fn every_life_is_as_the_model_says_third_quarter() {
    quarter(3);
}

#[test]
fn every_life_is_as_the_model_says_fourth_quarter() {
    quarter(4);
}

#[test]
fn lives_of_the_whole_engine_are_as_the_model_says() {
    let begun = Instant::now();
    for seed in seed::each(LIVED) {
        let history = history::write(seed, Pace::Days);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| lived::through(seed, &history))) {
            eprintln!("seed {seed} fails:");
            for item in &history {
                eprintln!("  {item}");
            }
            std::panic::resume_unwind(panic);
        }
    }
    println!("{LIVED} lives of the whole engine in {:.1?}", begun.elapsed());
}

fn run(seeds: impl Iterator<Item = u64>) {
    let only = seed::asked_for();
    let begun = Instant::now();
    let (mut sum, mut count, mut failed) = (Stats::default(), 0u64, 0);
    for seed in seeds {
        let history = history::write(seed, Pace::Weeks);
        match live(seed, &history) {
            Ok(stats) => sum.add(&stats),
            Err(panic) => {
                show_failure(seed, history, &verdict(panic.as_ref()));
                failed += 1;
            }
        }
        count += 1;
        if count % PROGRESS == 0 {
            println!("{count} lives after {:.1?}", begun.elapsed());
        }
        assert!(failed < SHOWN_MAX, "{failed} of {count} lives fail");
    }
    println!("{count} lives in {:.1?}: {sum:?}", begun.elapsed());
    assert_eq!(failed, 0, "lives that fail");
    if only.is_none() {
        check(&sum);
    }
}

fn live(seed: u64, history: &[Item]) -> std::thread::Result<Stats> {
    catch_unwind(AssertUnwindSafe(|| World::new(seed).run(history)))
}

/// Shows the failure with the shortest history that still fails: first its end is cut off, then what else is not needed is left out.
fn show_failure(seed: u64, mut history: Vec<Item>, why: &str) {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let fails = |history: &[Item]| live(seed, history).is_err_and(|panic| verdict(panic.as_ref()) == why);
    if let Some(shortest) = (1..=history.len()).find(|length| fails(&history[..*length])) {
        history.truncate(shortest);
    }
    for place in (0..history.len()).rev() {
        let mut without = history.clone();
        let dropped = without.remove(place);
        if let Some(next) = without.get_mut(place) {
            next.after += dropped.after;
        }
        if fails(&without) {
            history = without;
        }
    }
    std::panic::set_hook(quiet);
    eprintln!("seed {seed} fails; the shortest history that does:");
    for item in &history {
        eprintln!("  {item}");
    }
    eprintln!("to see this run alone: {}={seed} ./test lifecycle", seed::VARIABLE);
    // What is left of it says by itself what is wrong.
    let _ = live(seed, &history);
}

/// What kind of failure it is: the last words of what is said.
fn verdict(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map_or("", String::as_str);
    text.rsplit(' ').take(2).collect()
}

/// Lives in which little happened prove nothing.
fn check(sum: &Stats) {
    let Stats { events, dead, lost_commits, crashes, late, open, locked_out, held } = sum;
    for (what, count, at_least) in [
        ("events", events, SEEDS * 8),
        ("dead letters", dead, SEEDS / 2),
        ("lost commits", lost_commits, SEEDS / 2),
        ("crashes", crashes, SEEDS / 3),
        ("late effects", late, SEEDS),
        ("open accounts", open, SEEDS),
        ("locked out accounts", locked_out, SEEDS),
        ("engineers who are asked about", held, SEEDS / 50),
    ] {
        assert!(*count >= at_least, "too few {what}: {sum:?}");
    }
}

#[test]
fn planted_an_older_word_wins() {
    caught(Bug::OlderWordWins, until_one_fails);
}

#[test]
fn planted_a_return_is_not_asked_about() {
    caught(Bug::ReturnUnasked, until_one_fails);
}

/// As many lives as it takes.
fn until_one_fails() {
    for seed in 1..=SEEDS {
        World::new(seed).run(&history::write(seed, Pace::Weeks));
    }
}
