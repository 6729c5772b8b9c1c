//! What a step promises, for every step there is: it may be run again, be cut off before or after any of its calls takes effect, and
//! be run by two processes at once; the end is the same each time, and nothing exists twice. With real HTTP to the sandbox.
//! Not here: in which order steps run (`model/plan`), and the engine around them (`end_to_end`, `budget`).

mod disturbance;
mod end;
mod journey;
mod stage;
mod traps;

use carepass::clock::Clock;
use carepass::model::enrollment::TargetKind;
use carepass::model::failure::{FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::model::reseller::LicenseMode;
use carepass::steps;
use carepass::store::memory::Lost;
use disturbance::{Disturbance, Fault, Then, Tokens, play};
use journey::{Moment, moments};
use stage::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use tokio::task::{JoinError, JoinSet};

/// More calls than any step makes.
const CALLS_MAX: usize = 40;

/// Plays a moment with a disturbance; the end must be that of the undisturbed step. Answers whether the disturbance came about.
async fn check(moment: &Moment, disturbance: Disturbance) -> bool {
    let place = format!("{} {}, {disturbance:?}", moment.row, moment.step.name);
    let (end, happened) = play(moment, disturbance).await.unwrap_or_else(|why| panic!("{place}: {why}"));
    let differences = end.differences(&moment.end);
    assert!(differences.is_empty(), "{place} ends otherwise:\n{}", differences.join("\n"));
    happened
}

/// Strikes the first call, the second, and so on, until the step makes no more. Answers how many there were.
async fn check_each_call(moment: &Moment, fault: Fault, tokens: Tokens, then: Then) -> usize {
    for nth in 1..=CALLS_MAX {
        if !check(moment, Disturbance::Struck { fault, nth, tokens, then }).await {
            return nth - 1;
        }
    }
    panic!("{} {} makes more than {CALLS_MAX} calls", moment.row, moment.step.name);
}

#[tokio::test]
async fn every_step_there_is_is_tested() {
    let name = |scope: TargetKind, name: StepName| format!("{scope:?} {name}");
    let moments = moments().await;
    let tested: BTreeSet<String> =
        moments.iter().map(|moment| name(moment.row.kind(), moment.step.name)).collect();
    let all: BTreeSet<String> = steps::ALL.iter().map(|step| name(step.scope, step.name)).collect();
    assert_eq!(tested, all, "the journey must lead through every step");
}

#[tokio::test]
async fn a_step_may_be_run_again() {
    for moment in moments().await {
        check(&moment, Disturbance::Repeated).await;
        check(&moment, Disturbance::Forgotten).await;
    }
}

/// Who takes over from a dead process looks before it writes. Only a licence is simply assigned again: Google says that it is held,
/// and asking for it first would cost as much.
#[tokio::test]
async fn what_is_there_is_not_written_again() {
    let mut writers = BTreeSet::new();
    for moment in moments().await {
        let stage = Stage::set(&moment.before).await;
        let (house, next) = (stage.house(), stage.house());
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        stage.until_ok(&house, claimed.clone()).await.expect("nothing disturbs it");
        let begun = stage.sandbox.calls().len();
        let again = stage.claim_after_death(&next, &claimed).await;
        stage.until_ok(&next, again).await.expect("nothing disturbs it");
        let calls = stage.sandbox.calls().split_off(begun);
        if calls.iter().any(|call| call.method != "GET" && call.path != "/token") {
            writers.insert(moment.step.name);
        }
    }
    assert_eq!(writers, [StepName::License].into());
}

#[tokio::test]
async fn two_processes_may_run_a_step_at_once() {
    for moment in moments().await {
        check(&moment, Disturbance::Overlapped { knowingly: false }).await;
        check(&moment, Disturbance::Overlapped { knowingly: true }).await;
    }
}

#[tokio::test]
async fn a_step_may_lose_the_answer_of_its_commit() {
    let mut lost = BTreeSet::new();
    for moment in moments().await {
        for how in [Lost::BeforeEffect, Lost::AfterEffect] {
            if check(&moment, Disturbance::CommitLost(how)).await {
                lost.insert(moment.step.name);
            }
        }
    }
    assert_eq!(lost, [StepName::Username].into(), "the steps that write to the store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_call_of_a_step_may_fail_before_or_after_its_effect() {
    let mut struck = JoinSet::new();
    for moment in moments().await {
        struck.spawn(async move {
            (format!("{} {}", moment.row, moment.step.name), strike_everywhere(&moment).await)
        });
    }
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(done) = struck.join_next().await {
        let (place, count) = done.unwrap_or_else(|error| resume_unwind(JoinError::into_panic(error)));
        calls.insert(place, count);
    }
    println!("calls besides tokens: {calls:#?}");
    assert_eq!(calls["domain/E-1/nordic-se/care-se.example account"], 1, "nothing but the insert");
    assert!(calls.values().sum::<usize>() > 20, "the faults have hardly met a call");
}

/// Every fault, at every call, to a process that lives on; and both cuts to one that dies, which reads no answer anyway. Answers how
/// many calls the step makes when nothing fails, tokens not counted.
async fn strike_everywhere(moment: &Moment) -> usize {
    for fault in Fault::ALL {
        check_each_call(moment, fault, Tokens::Cold, Then::Lives).await;
    }
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        check_each_call(moment, fault, Tokens::Cold, Then::Dies).await;
        check_each_call(moment, fault, Tokens::Warm, Then::Dies).await;
    }
    check_each_call(moment, Fault::CutAfter, Tokens::Warm, Then::Lives).await
}

#[tokio::test]
async fn what_only_a_person_can_confirm_is_not_taken_for_granted() {
    let mut refused = BTreeSet::new();
    for moment in moments().await {
        let stage = Stage::set(&moment.before).await;
        let mut house = stage.house();
        for site in house.sites.values_mut() {
            site.reseller.auto_licensing_off = None;
            site.reseller.free_subscription = None;
        }
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        if let Err(failure) = stage.run(&house, &claimed).await
            && failure.kind == FailureKind::Needs(Who::Operator)
        {
            refused.insert((moment.step.name, failure.code));
            assert!(stage.sandbox.calls().is_empty(), "{}", moment.step.name);
        }
    }
    let expected = [
        (StepName::AutoLicensing, FailureCode::AutoLicensingUnconfirmed),
        (StepName::FreeSubscription, FailureCode::FreeSubscriptionUnconfirmed),
    ];
    assert_eq!(refused, expected.into());
}

#[tokio::test]
async fn a_license_that_comes_with_the_site_is_found_out_once() {
    let moments = moments().await;
    let license = |moment: &&Moment| {
        moment.step.name == StepName::License && moment.row.to_string().contains("nordic-no")
    };
    let moment = moments.iter().find(license).expect("a step of the journey");
    let stage = Stage::set(&moment.before).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    stage.until_ok(&house, claimed.clone()).await.expect("the licence is there");
    let tries = || {
        stage
            .sandbox
            .calls()
            .iter()
            .filter(|call| call.method == "POST" && call.path.starts_with("/apps/"))
            .count()
    };
    assert_eq!(tries(), 3);
    let site = &house.sites[moment.row.reseller().expect("a domain's row")];
    assert_eq!(site.license_mode(Clock::System.now()), LicenseMode::Site);
    let calls = stage.sandbox.calls().len();
    stage.run(&house, &claimed).await.expect("it is known by now");
    assert_eq!(stage.sandbox.calls().len(), calls, "what is known is not asked again");
}
