//! Every place where the process can end, one after the other and in pairs; every answer of Google's that can go wrong, alone and with an
//! end of the process; a dead worker's call that comes late. Enumerated, not drawn by lot. A run that fails prints the smallest plan that
//! still fails. Not here: random histories (`engine_simulation`, `lifecycle`) and real processes (`end_to_end`).

mod plan;
mod stage;
mod verdict;

use plan::{Fault, Plan, Story};
use stage::{Met, live_through};

/// The runs of a campaign are dealt out to so many tests, which run side by side.
const PARTS: usize = 2;

fn run(plan: &Plan) -> Met {
    let lived = |plan: &Plan| std::panic::catch_unwind(|| in_virtual_time(plan));
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

fn in_virtual_time(plan: &Plan) -> Met {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(live_through(plan))
}

/// What a story meets when nothing goes wrong.
fn quiet(story: Story) -> Met {
    run(&Plan::quiet(story))
}

fn singles(story: Story, part: usize) {
    let begun = std::time::Instant::now();
    let met = quiet(story);
    let mut count = 0;
    for point in (1..=met.points.len()).filter(|point| point % PARTS == part) {
        run(&Plan { strikes: vec![point], ..Plan::quiet(story) });
        count += 1;
    }
    println!("{story:?}: {} points, {} calls; {count} runs in {:?}: {:?}", met.points.len(), met.calls, begun.elapsed(), met.points);
}

#[test]
fn every_single_end_of_a_joiner() {
    singles(Story::Joins, 0);
}

#[test]
fn every_single_end_of_a_leaver() {
    singles(Story::Leaves, 0);
}

#[test]
fn faults() {
    let met = quiet(Story::Joins);
    let begun = std::time::Instant::now();
    for call in 1..=met.calls {
        for fault in Fault::ALL {
            run(&Plan { faults: vec![(call, fault)], ..Plan::quiet(Story::Joins) });
        }
    }
    println!("{} calls: {:?}", met.calls, begun.elapsed());
}
