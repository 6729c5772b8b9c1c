//! Steps that take long, or that are asked to slow down, in virtual time: what is waited for, what is no longer written, and what it
//! costs. Not here: the engine's own limits (`engine_simulation`).

use super::journey::{Moment, moments};
use super::stage::Stage;
use carepass::clock::Clock;
use carepass::model::enrollment::Enrollment;
use carepass::model::failure::{FailureCode, FailureKind};
use carepass::model::plan::StepName;
use carepass::model::reseller::LicenseMode;
use carepass::sandbox::CallLine;
use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;

/// How long each call takes. Two are well within the minute that a row waits for a list, and that a guard's read may be old; four are
/// beyond it.
const SLOW_MS: u64 = 20_000;

/// A call that is refused once, and so asked for again with a new token: two calls more.
fn once_unauthorized(path: &str, customer: &str) -> serde_json::Value {
    json!({"match": {"method": "GET", "path_regex": path, "customer": customer, "nth": 1}, "do": {"status": 401}})
}

/// A step of the journey on a stage whose clock goes with tokio's time.
async fn stage(row: &str, step: StepName) -> (Stage, Moment) {
    let wanted = |moment: &Moment| moment.step.name == step && moment.row.to_string() == row;
    let moment = moments().await.into_iter().find(wanted).expect("a step of the journey");
    let clock = Clock::following(Clock::System.now());
    (Stage::set_at(&moment.before, clock).await, moment)
}

fn writes(stage: &Stage) -> Vec<CallLine> {
    let calls = stage.sandbox.calls().into_iter();
    calls.filter(|call| call.method != "GET" && call.path != "/token").collect()
}

/// A name that is taken in another reseller account is not reserved because that account's list is long.
#[tokio::test(start_paused = true)]
async fn another_accounts_long_list_is_waited_for() {
    let (stage, moment) = stage("domain/E-1/nordic-se/care-se.example", StepName::Username).await;
    let (house, other) = (stage.house(), "C01nordicno");
    stage.sandbox.change(|world| {
        let customer = world.customers.get_mut(other).expect("a customer of the demo");
        let id = customer.users.keys().next().expect("its administrator").clone();
        let mut user = customer.take_user(&id).expect("it is there");
        user.aliases.push("asa.oberg@reseller-no.example".into());
        customer.put_user(user);
        world.latency_ms = SLOW_MS;
    });
    let rule = once_unauthorized("/groups$", other);
    stage.sandbox.add_faults(&rule).expect("a rule that is understood");
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let failure = stage.run(&house, &claimed).await.expect_err("the other list is still being read");
    assert_eq!((failure.kind, failure.code), (FailureKind::NotYet, FailureCode::NotYetConfirmed));
    stage.until_ok(&house, claimed).await.expect("it has been read by now");
    let sheet = house.sheet(&"E-1".parse().expect("a key")).await.expect("an admitted engineer");
    let reserved = sheet.username.expect("the step has succeeded");
    assert_ne!(reserved.as_str(), "asa.oberg");
    let calls = stage.sandbox.calls();
    let lists = calls.iter().filter(|call| call.path.ends_with("/groups"));
    assert_eq!(lists.filter(|call| call.customer.as_deref() == Some(other)).count(), 2, "one read, joined");
}

/// Guard 1: what was read more than a minute ago is no ground for a write, whatever took so long in between.
#[tokio::test(start_paused = true)]
async fn nothing_is_written_when_the_guard_has_looked_too_long_ago() {
    for step in [StepName::License, StepName::Role] {
        let (stage, moment) = stage("domain/E-1/nordic-se/care-se.example", step).await;
        let house = stage.house();
        let mut claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        aged(&mut claimed, &stage.clock);
        let rule = once_unauthorized("/users/", "C01nordicse");
        stage.sandbox.add_faults(&rule).expect("a rule that is understood");
        stage.sandbox.change(|world| world.latency_ms = SLOW_MS);
        let failure = stage.run(&house, &claimed).await.expect_err("the look was too long ago");
        assert_eq!((failure.kind, failure.code), (FailureKind::Transient, FailureCode::Timeout), "{step}");
        assert!(failure.detail.contains("not sent"), "{failure:?}");
        assert_eq!(writes(&stage), [], "{step}");
        stage.sandbox.change(|world| world.latency_ms = 0);
        stage.until_ok(&house, claimed).await.expect("nothing takes long any more");
    }
}

/// The account was read too long ago for the step to trust it: the guard reads it anew.
fn aged(row: &mut Enrollment, clock: &Clock) {
    let fact = row.facts.account.as_mut().expect("the account was made before");
    fact.read_at = clock.now() - SignedDuration::from_secs(61);
}

/// Where somebody has said that licences are assigned one by one, "unavailable" is no riddle: nobody is asked, and the lane slows down.
#[tokio::test(start_paused = true)]
async fn a_licence_that_is_assigned_one_by_one_waits_for_its_quota() {
    let (stage, moment) = stage("domain/E-1/nordic-se/care-se.example", StepName::License).await;
    let mut house = stage.house_in_a_hurry_but(|rates| rates.licensing.per_second = 1.0);
    house.sites.values_mut().for_each(|site| site.reseller.license = LicenseMode::PerUser);
    let spent = json!({"match": {"method": "POST", "path_regex": "^/apps/"}, "do": {"status": 503}});
    stage.sandbox.add_faults(&spent).expect("a rule that is understood");
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let failure = stage.run(&house, &claimed).await.expect_err("there is no quota left");
    assert_eq!((failure.kind, failure.code), (FailureKind::Throttled, FailureCode::RateLimited));
    stage.sandbox.clear_faults();
    let begun = tokio::time::Instant::now();
    stage.run(&house, &claimed).await.expect("there is some again");
    assert!(begun.elapsed() >= Duration::from_millis(1_900), "at half the rate: {:?}", begun.elapsed());
}
