//! How long 500 engineers in 20 domains take under Google's quotas, in virtual time, against the time that the quotas give for the calls
//! that are needed: alone, while others use half of every quota, and with one account that hangs, is throttled, or is revoked.
//! 20 reseller accounts with a domain each, four of them site-licensed. Run with `cargo bench --bench makespan`; it prints a table and JSON
//! and fails where a goal is missed. Not here: the simulation (`simulation`), which a test runs in small, and speed in real time (`chain`).

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod report;
mod simulation;
mod world;

use report::{figures, others};
use serde_json::json;
use simulation::{Plan, Trouble};
use std::process::ExitCode;

const PLAN: Plan =
    Plan { engineers: 500, accounts: 20, site_licensed: 4, others_percent: 0, trouble: Trouble::None };

/// One account in trouble among ten, with fewer engineers: what it costs the others does not depend on how many there are.
const TROUBLED: Plan = Plan { engineers: 200, accounts: 10, site_licensed: 2, ..PLAN };

fn main() -> ExitCode {
    let mut met = true;
    let mut json = serde_json::Map::new();
    println!("run               makespan  / ceiling  / Google  worst account  throttled  calls per pair");
    for (name, plan, ratio_max, throttled_max) in
        [("alone", PLAN, 1.05, 0.005), ("others use half", Plan { others_percent: 50, ..PLAN }, 1.15, 0.05)]
    {
        let left = f64::from(100 - plan.others_percent) / 100.0;
        let got = figures(&simulation::run(plan), left);
        println!(
            "{name:<16} {:>7.0} s  {:>9.3}  {:>8.3}  {:>13.3}  {:>7.2} %  {:>14.3}   goal {ratio_max} of the ceiling, {:.1} %",
            got.makespan.as_secs_f64(),
            got.of_ceiling,
            got.of_google,
            got.worst_account,
            got.throttled * 100.0,
            got.calls_per_pair,
            throttled_max * 100.0
        );
        met &= got.of_ceiling <= ratio_max && got.throttled <= throttled_max;
        json.insert(
            name.to_owned(),
            json!({"makespan_seconds": got.makespan.as_secs_f64(), "of_ceiling": got.of_ceiling, "of_google": got.of_google,
                "worst_account": got.worst_account, "throttled": got.throttled, "calls_per_pair": got.calls_per_pair}),
        );
    }
    let healthy = simulation::run(TROUBLED);
    println!("one of ten is    others' p99  others' throughput");
    for trouble in [Trouble::Hanging, Trouble::Throttled, Trouble::Revoked] {
        let got = others(&healthy, &simulation::run(Plan { trouble, ..TROUBLED }));
        let name = format!("{trouble:?}").to_lowercase();
        println!("{name:<16} {:>11.3}  {:>18.3}   goal 1.2, 0.95", got.p99, got.throughput);
        met &= got.p99 <= 1.2 && got.throughput >= 0.95;
        json.insert(name, json!({"p99": got.p99, "throughput": got.throughput}));
    }
    println!("{}", serde_json::Value::Object(json));
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
