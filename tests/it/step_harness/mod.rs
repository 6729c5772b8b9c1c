//! What a step promises, for every step there is: it may be run again, be cut off before or after any of its calls takes effect, and
//! be run by two processes at once; the end is the same each time, and nothing exists twice, but for a letter of the same name. With real HTTP to the sandbox.
//! Not here: in which order steps run (`model/plan`), and the engine around them (`end_to_end`, `budget`).

mod disturbance;
mod end;
mod holders;
mod home;
mod journey;
mod leaving;
mod licenses;
mod own;
mod restored;
mod role_traps;
mod set_up;
mod stage;
mod time;
mod traps;
mod verified;

use carepass::clock::Clock;
use carepass::model::enrollment::TargetKind;
use carepass::model::failure::{FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::model::reseller::{CaseAlerts, LicenseMode};
use carepass::sandbox::ConflictChoice;
use carepass::sandbox::init::Mood;
use carepass::steps::{self, Site};
use carepass::store::memory::Lost;
use disturbance::{Disturbance, Fault, Then, Tokens, play};
use journey::{Moment, moments, moments_in};
use serde_json::json;
use stage::{MOODS, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// By then the nasty Google shows an account to whoever asks for its address. A process that starts again takes about as long; what happens
/// at once is looked at as a step that is forgotten and as two at once.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

/// More calls than any step makes.
const CALLS_MAX: usize = 80;

/// Plays a moment with a disturbance; the end must be that of the undisturbed step. Answers whether the disturbance came about.
async fn check(moment: &Moment, disturbance: Disturbance) -> bool {
    let place = format!("{} {}, {disturbance:?}", moment.row, moment.step.name);
    let (end, happened) =
        Box::pin(play(moment, disturbance)).await.unwrap_or_else(|why| panic!("{place}: {why}"));
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
    // These hold by another step's act on the usual way; `handover`, `movers` and `gate` lead through them.
    let held_already = [StepName::Password, StepName::Name, StepName::TwoStep, StepName::Together];
    let own = steps::ALL.iter().filter(|step| !held_already.contains(&step.name));
    let all: BTreeSet<String> = own.map(|step| name(step.scope, step.name)).collect();
    assert_eq!(tested, all, "the journey must lead through every step");
}

#[tokio::test(start_paused = true)]
async fn a_step_may_be_run_again() {
    for mood in MOODS {
        for moment in moments_in(mood).await {
            check(&moment, Disturbance::Repeated).await;
            check(&moment, Disturbance::Forgotten).await;
        }
    }
}

/// Who takes over from a dead process looks before it writes. Only a licence is simply assigned again: Google says that it is held,
/// and asking for it first would cost as much; and sessions are simply ended again, since nothing shows whether there are any.
#[tokio::test(start_paused = true)]
async fn what_is_there_is_not_written_again() {
    for mood in MOODS {
        let writers = Box::pin(writers_after_a_death(mood)).await;
        assert_eq!(writers, [StepName::License, StepName::SignOut].into(), "{mood:?}");
    }
}

async fn writers_after_a_death(mood: Mood) -> BTreeSet<StepName> {
    let mut writers = BTreeSet::new();
    for moment in moments_in(mood).await {
        let stage = Stage::set(&moment.before).await;
        let (house, next) = (stage.house(), stage.house());
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        stage.until_ok(&house, claimed.clone()).await.expect("nothing disturbs it");
        tokio::time::sleep(SHOWN_WITHIN).await;
        let begun = stage.sandbox.calls().len();
        let again = stage.claim_after_death(&next, &claimed).await;
        stage.until_ok(&next, again).await.expect("nothing disturbs it");
        let calls = stage.sandbox.calls().split_off(begun);
        if calls.iter().any(|call| call.method != "GET" && call.path != "/token") {
            writers.insert(moment.step.name);
        }
    }
    writers
}

#[tokio::test(start_paused = true)]
async fn two_processes_may_run_a_step_at_once() {
    for mood in MOODS {
        for moment in moments_in(mood).await {
            check(&moment, Disturbance::Overlapped { knowingly: false }).await;
            check(&moment, Disturbance::Overlapped { knowingly: true }).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_may_lose_the_answer_of_its_commit() {
    let mut lost = BTreeSet::new();
    for mood in MOODS {
        for moment in moments_in(mood).await {
            for how in [Lost::BeforeEffect, Lost::AfterEffect] {
                if check(&moment, Disturbance::CommitLost(how)).await {
                    lost.insert(moment.step.name);
                }
            }
        }
    }
    assert_eq!(lost, [StepName::Username, StepName::HandOver].into(), "the steps that write to the store");
}

#[tokio::test(start_paused = true)]
async fn any_call_of_a_step_may_fail_before_or_after_its_effect() {
    let calls = strike_every_step(Mood::Plain).await;
    let account = calls["domain/E-1/nordic-se/care-se.example account"];
    let named = "the lists of accounts and of deleted ones, the question for a private account, the insert";
    assert_eq!(account, 4, "{named}");
    assert!(calls.values().sum::<usize>() > 20, "the faults have hardly met a call");
}

#[tokio::test(start_paused = true)]
async fn where_google_is_nasty_any_call_may_fail_the_same_way() {
    let calls = strike_every_step(Mood::Nasty).await;
    assert!(calls.values().sum::<usize>() > 40, "a nasty Google costs no calls");
}

/// Answers how many calls each step makes when nothing fails, tokens not counted.
async fn strike_every_step(mood: Mood) -> BTreeMap<String, usize> {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for moment in moments_in(mood).await {
        let count = strike_everywhere(&moment).await;
        calls.insert(format!("{} {}", moment.row, moment.step.name), count);
    }
    println!("calls besides tokens: {calls:#?}");
    calls
}

/// Every fault, at every call, to a process that lives on; and both cuts to one that dies, which reads no answer anyway. Where Google is
/// nasty a step makes many more calls, and it is enough that the effect of each and what is heard of it differ in every way that there
/// is. Answers how many calls the step makes when nothing fails, tokens not counted.
async fn strike_everywhere(moment: &Moment) -> usize {
    let (faults, cuts): (&[Fault], &[(Fault, Tokens)]) = match moment.before.mood() {
        Mood::Plain => (
            &Fault::ALL,
            &[
                (Fault::CutBefore, Tokens::Cold),
                (Fault::CutBefore, Tokens::Warm),
                (Fault::CutAfter, Tokens::Cold),
                (Fault::CutAfter, Tokens::Warm),
            ],
        ),
        Mood::Nasty => (
            &[Fault::CutBefore, Fault::DoneBut(503), Fault::WriteDoneButConflict],
            &[(Fault::CutAfter, Tokens::Cold)],
        ),
    };
    for fault in faults {
        check_each_call(moment, *fault, Tokens::Cold, Then::Lives).await;
    }
    for (fault, tokens) in cuts {
        check_each_call(moment, *fault, *tokens, Then::Dies).await;
    }
    check_each_call(moment, Fault::CutAfter, Tokens::Warm, Then::Lives).await
}

#[tokio::test]
async fn what_only_a_person_can_confirm_is_not_taken_for_granted() {
    let moments = moments().await;
    let without_words = |site: &mut Site| {
        site.reseller.auto_licensing_off = None;
        site.reseller.free_subscription = None;
        site.reseller.case_alerts = CaseAlerts::Redirect;
    };
    let refused = refused(&moments, without_words).await;
    let expected = [
        (StepName::AutoLicensing, FailureCode::AutoLicensingUnconfirmed),
        (StepName::FreeSubscription, FailureCode::FreeSubscriptionUnconfirmed),
        (StepName::CaseAlertRoute, FailureCode::CaseRouteUnconfirmed),
        (StepName::Account, FailureCode::ResellerNotReady),
        (StepName::CaseAlerts, FailureCode::CaseRedirectNeeded),
    ];
    assert_eq!(refused, expected.into());
}

/// A row that settled before the process began may rest on what is no longer configured.
#[tokio::test]
async fn no_account_is_made_on_what_was_confirmed_for_another_configuration() {
    let moments = moments().await;
    let account = |moment: &&Moment| moment.step.name == StepName::Account;
    let accounts: Vec<Moment> = moments.iter().filter(account).cloned().collect();
    let changes: [fn(&mut Site); 3] = [
        |site| site.reseller.auto_licensing_off = None,
        |site| site.reseller.free_subscription = None,
        |site| site.reseller.customer = "C09xyz987".parse().expect("a customer id"),
    ];
    for change in changes {
        let expected = [(StepName::Account, FailureCode::ResellerNotReady)];
        assert_eq!(refused(&accounts, change).await, expected.into());
    }
}

/// Which steps wait for somebody before they have changed anything, when the configuration is another.
async fn refused(moments: &[Moment], change: fn(&mut Site)) -> BTreeSet<(StepName, FailureCode)> {
    let mut refused = BTreeSet::new();
    for moment in moments {
        let stage = Stage::set(&moment.before).await;
        let mut house = stage.house();
        house.sites.values_mut().for_each(change);
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        if let Some((_, failure)) = stage.until_refused(&house, &claimed).await {
            refused.insert((moment.step.name, failure.code));
            let writes = stage.sandbox.calls().into_iter().filter(|call| call.effect.is_some()).count();
            assert_eq!(writes, 0, "{}", moment.step.name);
        }
    }
    refused
}

/// Some failures spend no attempt. What the run before them did is not known all the same.
#[tokio::test]
async fn only_the_very_first_run_inserts_without_a_look() {
    let (stage, moment) = before_the_account().await;
    let house = stage.house();
    let not_yet = json!({"match": {"method": "POST", "path_regex": "/users$", "nth": 1},
        "do": {"fail_after": true, "status": 412, "message": "User creation is not complete."}});
    stage.sandbox.add_faults(&not_yet).expect("a rule that is understood");
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let done = stage.until_ok(&house, claimed).await.expect("the account is there");
    assert!(done.facts.account.is_some());
    assert_eq!(inserts(&stage), 1);
}

/// Where the customer's policy is known to be harmless the first insert goes without a question. The owner of an unmanaged account is
/// invited once then, however often the row looks again; and is no longer waited for when it is gone.
#[tokio::test]
async fn an_outsider_is_invited_once() {
    let (stage, moment) = before_the_account().await;
    let house = stage.house();
    let mut reseller = stage.row(&"reseller/nordic-se".parse().expect("a row")).await;
    reseller.facts.conflicts_are_safe = Some(true);
    reseller.version += 1;
    stage.keep(&reseller).await;
    let address = "asa.oberg@care-se.example".to_owned();
    let customer = "C01nordicse";
    stage.sandbox.change(|world| {
        let customer = world.customers.get_mut(customer).expect("a customer of the demo");
        customer.unmanaged.insert(address.clone(), ConflictChoice::Invite);
    });
    let mut row = stage.row(&moment.row).await;
    for _ in 0..3 {
        let claimed = stage.claim(&house, &row).await;
        let failure = stage.run(&house, &claimed).await.expect_err("somebody else has the address");
        assert_eq!(failure.code, FailureCode::UnmanagedAccount);
        row = stage.look_again(&claimed, failure);
    }
    assert_eq!(inserts(&stage), 1);
    stage.sandbox.change(|world| {
        world.customers.get_mut(customer).expect("a customer of the demo").unmanaged.remove(&address)
    });
    let claimed = stage.claim(&house, &row).await;
    stage.until_ok(&house, claimed).await.expect("the address is free");
    assert_eq!(inserts(&stage), 2);
}

/// A domain that came after the others had settled is not left out of the only letter there is.
#[tokio::test]
async fn the_letter_waits_for_every_wanted_account() {
    let moments = moments().await;
    let welcome = moments.iter().find(|moment| moment.step.name == StepName::Welcome).expect("the last step");
    let stage = Stage::set(&welcome.before).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&welcome.row).await).await;
    let id = "reseller/nordic-se".parse().expect("a row");
    let mut reseller = stage.row(&id).await;
    let known = reseller.facts.domains.clone();
    reseller.facts.domains.as_mut().expect("known").insert("new.example".parse().expect("a domain"));
    reseller.version += 1;
    stage.keep(&reseller).await;
    let failure = stage.run(&house, &claimed).await.expect_err("the new domain has no account yet");
    assert_eq!(
        (failure.kind, failure.code),
        (FailureKind::Needs(Who::Reseller), FailureCode::AccountsUnsettled)
    );
    assert!(stage.letters().is_empty());
    reseller.facts.domains = known;
    reseller.version += 1;
    stage.keep(&reseller).await;
    stage.run(&house, &claimed).await.expect("the domain is no longer wanted");
    let letters = stage.letters();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert!(letter.text.contains("asa.oberg@care-se.example") && !letter.text.contains("new.example"));
}

async fn before_the_account() -> (Stage, Moment) {
    let moments = moments().await;
    let wanted = |moment: &Moment| {
        moment.step.name == StepName::Account && moment.row.to_string().contains("care-se.example")
    };
    let moment = moments.into_iter().find(wanted).expect("a step of the journey");
    (Stage::set(&moment.before).await, moment)
}

fn inserts(stage: &Stage) -> usize {
    let calls = stage.sandbox.calls();
    calls.iter().filter(|call| call.method == "POST" && call.path.ends_with("/users")).count()
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
