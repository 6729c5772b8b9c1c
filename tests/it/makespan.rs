//! carepass is limited by Google's quotas and nothing else: what the benchmark `makespan` measures, in small, with its goals.
//! Not here: the simulation itself (`benches/makespan`).

#[path = "../../benches/makespan/report.rs"]
mod report;
#[path = "../../benches/makespan/simulation.rs"]
mod simulation;
#[path = "../../benches/makespan/world.rs"]
mod world;

use report::{figures, others};
use simulation::{Plan, Trouble};

const PLAN: Plan =
    Plan { engineers: 150, accounts: 2, site_licensed: 1, others_percent: 0, trouble: Trouble::None };

/// What a mass takes, beside what its end and its beginning do.
fn check(plan: Plan, ratio_max: f64, throttled_max: f64) {
    let left = f64::from(100 - plan.others_percent) / 100.0;
    let got = figures(&simulation::run(plan), left);
    println!("{plan:?}: {got:?}");
    assert!(got.of_ceiling <= ratio_max, "{got:?}");
    assert!(got.throttled <= throttled_max, "{got:?}");
    assert!(got.calls_per_pair <= 3.2, "{got:?}");
    let (takes, account, google) = (got.makespan.as_secs(), got.worst_account, got.of_google);
    println!("{takes} s; the worst account {account:.3}; of Google's own numbers {google:.3}");
}

#[test]
fn a_mass_takes_what_the_quotas_give() {
    check(PLAN, 1.05, 0.005);
}

#[test]
fn a_mass_finds_what_others_leave_of_the_quotas() {
    check(Plan { engineers: 300, others_percent: 50, ..PLAN }, 1.15, 0.05);
}

#[test]
fn an_account_in_trouble_costs_the_others_nothing() {
    let plan = Plan { engineers: 40, accounts: 3, site_licensed: 1, ..PLAN };
    let healthy = simulation::run(plan);
    for trouble in [Trouble::Hanging, Trouble::Throttled, Trouble::Revoked] {
        let got = others(&healthy, &simulation::run(Plan { trouble, ..plan }));
        println!("{trouble:?}: {got:?}");
        assert!(got.p99 <= 1.2 && got.throughput >= 0.95, "{trouble:?}: {got:?}");
    }
}
