//! The set-up of a reseller account over time: the unit is renamed, moved, deleted and made again; what only a person can confirm is
//! confirmed, shows itself to be otherwise, and is confirmed anew. Not here: reading Google's policies and audit log (`google`).

use super::journey::{Moment, moments};
use super::stage::Stage;
use carepass::clock::Clock;
use carepass::model::enrollment::{Enrollment, State, TwoStep};
use carepass::model::failure::{Failure, FailureCode, FailureKind, Who};
use carepass::model::id::OrgUnitPath;
use carepass::model::plan::StepName;
use carepass::model::reseller::{Attestation, CaseAlerts};
use carepass::model::rules::Rules;
use carepass::model::transition::{Input, Order, apply};
use carepass::model::word::Subject;
use carepass::sandbox::Customer;
use carepass::steps::{House, Site};
use jiff::{SignedDuration, Timestamp};

const CUSTOMER: &str = "C01nordicse";

async fn moment(row: &str, step: StepName) -> Moment {
    let wanted = |moment: &Moment| moment.row.to_string().contains(row) && moment.step.name == step;
    moments().await.into_iter().find(wanted).expect("a step of the journey")
}

fn customer<T>(stage: &Stage, change: impl FnOnce(&mut Customer) -> T) -> T {
    stage.sandbox.change(|world| change(world.customers.get_mut(CUSTOMER).expect("a customer of the demo")))
}

/// Renames the unit that is known by this id to Google.
fn rename(stage: &Stage, id: &str, path: &str) {
    let id = id.trim_start_matches("id:");
    customer(stage, |customer| path.clone_into(&mut customer.org_units.get_mut(id).expect("the unit").path));
}

fn is_made(stage: &Stage) -> bool {
    stage.sandbox.calls().iter().any(|call| call.effect.as_deref() == Some("orgunit.created"))
}

#[tokio::test]
async fn a_unit_is_known_by_its_id_and_never_silently_made_again() {
    let moment = moment("reseller/nordic-se", StepName::OrgUnit).await;
    let stage = Stage::set(&moment.before).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let once = stage.until_ok(&house, claimed.clone()).await.expect("the unit is there");
    let id = once.facts.org_unit.clone().expect("its id");
    let mut known = Enrollment { facts: once.facts, ..claimed };

    let stage = Stage::set(&stage.snapshot().await).await;
    rename(&stage, &id, "/Support");
    let found = stage.run(&stage.house(), &known).await.expect("it has another name").facts;
    assert_eq!(found.org_unit.as_ref(), Some(&id));
    assert_eq!(found.org_unit_path.as_ref().map(OrgUnitPath::as_str), Some("/Support"));
    assert_eq!(found.org_unit_made_at, None, "it is as old as it was");
    known.facts.learn(*found);

    let gone = customer(&stage, |customer| customer.org_units.remove(id.trim_start_matches("id:")));
    let mut gone = gone.expect("the unit");
    known.facts.org_unit_made_at = Some(stage.ago(SignedDuration::ZERO));
    let failure = stage.run(&stage.house(), &known).await.expect_err("it is gone");
    assert_eq!((failure.kind, failure.code), (FailureKind::NotYet, FailureCode::OrgUnitSettling));
    known.facts.org_unit_made_at = Some(stage.ago(SignedDuration::from_hours(1)));
    let failure = stage.run(&stage.house(), &known).await.expect_err("it is gone");
    assert_eq!((failure.kind, failure.code), (FailureKind::Needs(Who::Operator), FailureCode::OrgUnitGone));
    assert!(!is_made(&stage));

    "/Customer Care".clone_into(&mut gone.path);
    customer(&stage, |customer| customer.org_units.insert("03phnew".into(), gone));
    let found = stage.run(&stage.house(), &known).await.expect("somebody made it again").facts;
    assert_eq!(found.org_unit.as_deref(), Some("id:03phnew"));
    assert!(
        found.org_unit_made_at.is_some_and(|at| at > stage.ago(SignedDuration::from_mins(1))),
        "it is young"
    );

    let mut house = stage.house();
    let other = |site: &mut Site| site.reseller.org_unit = "/Elsewhere".parse().expect("a path");
    house.sites.values_mut().for_each(other);
    known.facts.learn(*found);
    let found = stage.run(&house, &known).await.expect("another unit is configured").facts;
    assert_eq!(found.org_unit_path.as_ref().map(OrgUnitPath::as_str), Some("/Elsewhere"));
    assert!(is_made(&stage), "what is configured anew is made");
}

#[tokio::test]
async fn accounts_go_where_the_unit_is_now() {
    let moment = moment("care-se.example", StepName::Account).await;
    let stage = Stage::set(&moment.before).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let mut reseller = stage.row(&"reseller/nordic-se".parse().expect("a row")).await;
    rename(&stage, reseller.facts.org_unit.as_ref().expect("a unit"), "/Support");
    reseller.facts.org_unit_path = Some("/Support".parse().expect("a path"));
    reseller.version += 1;
    stage.keep(&reseller).await;
    stage.until_ok(&house, claimed).await.expect("the account is in the renamed unit");
}

/// A card is closed by somebody's word, and the step goes on without a restart.
#[tokio::test]
async fn a_word_is_as_good_as_the_configuration() {
    for (step, code) in [
        (StepName::AutoLicensing, FailureCode::AutoLicensingUnconfirmed),
        (StepName::FreeSubscription, FailureCode::FreeSubscriptionUnconfirmed),
        (StepName::CaseAlertRoute, FailureCode::CaseRouteUnconfirmed),
        (StepName::CaseAlerts, FailureCode::CaseRedirectNeeded),
    ] {
        let moment = moment("nordic-se", step).await;
        let stage = Stage::set(&moment.before).await;
        let mut house = stage.house();
        house.sites.values_mut().for_each(unattested);
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let refused = stage.until_refused(&house, &claimed).await;
        let (claimed, failure) = refused.expect("nobody has said so");
        assert_eq!((failure.kind, failure.code), (FailureKind::Needs(Who::Operator), code));
        let confirmed = confirm(&stage.look_again(&claimed, failure));
        let claimed = stage.claim(&house, &confirmed).await;
        stage.until_ok(&house, claimed).await.expect("somebody has said so");
    }
}

fn unattested(site: &mut Site) {
    site.reseller.auto_licensing_off = None;
    site.reseller.free_subscription = None;
    site.reseller.case_alerts = CaseAlerts::Redirect;
}

fn confirm(row: &Enrollment) -> Enrollment {
    confirm_at(row, Clock::System.now())
}

fn confirm_at(row: &Enrollment, now: Timestamp) -> Enrollment {
    let subject = Subject::asked_by(row).expect("it asks for a word");
    let order = Order::Confirm { subject, by: "asa".into(), reason: "done".into(), one_by_one: false };
    apply(row, Input::Ordered(order), &Rules::default(), now).expect("it is asked for").after
}

#[tokio::test]
async fn what_shows_itself_later_stops_new_accounts_until_somebody_says_so_again() {
    let moment = moment("care-se.example", StepName::Account).await;
    let stage = Stage::set(&moment.before).await;
    let mut house = stage.house();
    house.sites.values_mut().for_each(unattested);
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let id = "reseller/nordic-se".parse().expect("a row");
    let refused = async |house: &House| {
        let failure = stage.run(house, &claimed).await.expect_err("not confirmed");
        assert_eq!(failure, Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
    };
    refused(&house).await;
    let mut reseller = stage.row(&id).await;
    let at = |step| State::Waiting {
        at: carepass::model::enrollment::At {
            step,
            attempt: 1,
            runs: 1,
            looks: 1,
            waited_for: None,
            since: stage.ago(SignedDuration::ZERO),
        },
        on: Who::Operator,
        reason: Failure::needs(Who::Operator, code_of(step)),
        look_again: stage.ago(SignedDuration::ZERO),
    };
    for step in [StepName::AutoLicensing, StepName::FreeSubscription] {
        reseller.state = at(step);
        reseller = confirm(&reseller);
    }
    reseller.state = State::Completed;
    stage.keep(&reseller).await;
    stage.run(&house, &claimed).await.expect("both were confirmed");

    reseller.facts.auto_licensing_on_at = Some(Clock::System.now());
    reseller.version += 1;
    stage.keep(&reseller).await;
    refused(&house).await;
    let today = Clock::System.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let attest = |site: &mut Site| {
        site.reseller.auto_licensing_off = Some(Attestation { by: "test".into(), on: today });
    };
    house.sites.values_mut().for_each(attest);
    refused(&house).await;
    reseller.state = at(StepName::AutoLicensing);
    reseller = confirm_at(&reseller, Clock::System.now() + SignedDuration::from_secs(1));
    stage.keep(&reseller).await;
    stage.run(&house, &claimed).await.expect("it was confirmed again");
}

fn code_of(step: StepName) -> FailureCode {
    if step == StepName::AutoLicensing {
        FailureCode::AutoLicensingUnconfirmed
    } else {
        FailureCode::FreeSubscriptionUnconfirmed
    }
}

/// Somebody who holds the free licence proves the subscription.
#[tokio::test]
async fn a_free_licence_that_is_held_closes_the_card() {
    let moment = moment("reseller/nordic-se", StepName::FreeSubscription).await;
    let stage = Stage::set(&moment.before).await;
    let mut house = stage.house();
    house.sites.values_mut().for_each(unattested);
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    stage.run(&house, &claimed).await.expect_err("nobody holds it");
    customer(&stage, |customer| {
        let holder = customer.users.keys().next().expect("an administrator at least").clone();
        customer.licenses.insert(("101001".into(), "1010010001".into(), holder));
    });
    let ensured = stage.run(&house, &claimed).await.expect("somebody holds it");
    let word = &ensured.facts.words[&Subject::FreeSubscription];
    assert_eq!((word.by.as_deref(), word.customer.as_ref()), (None, claimed.facts.customer.as_ref()));
}

/// Policies that nobody may read stop nothing, and nothing is known to be safe then.
#[tokio::test]
async fn what_may_not_be_read_stays_unknown() {
    let moment = moment("reseller/nordic-se", StepName::TwoStepPolicy).await;
    let stage = Stage::set(&moment.before).await;
    let house = stage.house();
    let forbidden = serde_json::json!({"match": {"path_regex": "^/v1/policies"}, "do": {"fail_before": true, "status": 403}});
    stage.sandbox.add_faults(&forbidden).expect("a rule that is understood");
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let row = stage.until_ok(&house, claimed).await.expect("it stops nothing");
    assert_eq!((row.facts.two_step, row.facts.conflicts_are_safe), (Some(TwoStep::Unknown), Some(false)));
}
