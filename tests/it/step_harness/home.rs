//! A home reseller: the engineer's own account, which a person has named, gets the role and nothing else.
//! Not here: the order that names it (`engine`).

use super::end::effects;
use super::journey::{Moment, home_moments};
use super::stage::{HOME_ACCOUNT, MOODS, Stage};
use super::traps::{TRAPS, spring};
use super::{Disturbance, check, strike_everywhere};
use carepass::engine::OrderError;
use carepass::model::enrollment::EnrollmentId;
use carepass::model::failure::{Failure, FailureCode};
use carepass::model::plan::StepName;
use carepass::model::transition::Rejected;
use carepass::sandbox::init::Mood;
use carepass::sandbox::{Customer, User};
use carepass::steps::House;
use serde_json::json;

const ROW: &str = "domain/E-1/nordic-se/reseller-se.example";

async fn own_moments(mood: Mood) -> Vec<Moment> {
    let id: EnrollmentId = ROW.parse().expect("a row");
    home_moments(mood).await.into_iter().filter(|moment| moment.row == id).collect()
}

fn step(moments: &[Moment], name: StepName) -> &Moment {
    moments.iter().find(|moment| moment.step.name == name).expect("a step of the journey")
}

/// Runs a step after the configuration and Google were changed.
async fn run(
    moment: &Moment,
    house: impl FnOnce(&mut House),
    google: impl FnOnce(&mut Customer),
) -> (Stage, Result<(), Failure>) {
    let stage = Stage::set(&moment.before).await;
    let mut changed = stage.house();
    house(&mut changed);
    stage.sandbox.change(|world| {
        google(world.customers.get_mut("C01nordicse").expect("a customer of the demo"));
    });
    let claimed = stage.claim(&changed, &stage.row(&moment.row).await).await;
    let outcome = stage.run(&changed, &claimed).await.map(drop);
    (stage, outcome)
}

#[tokio::test]
async fn the_engineers_own_account_gets_the_role_and_nothing_else() {
    let moments = home_moments(Mood::Plain).await;
    let own = |moment: &&Moment| moment.row.to_string() == ROW;
    for moment in moments.iter().filter(own) {
        let (stage, outcome) = run(moment, |_| (), |_| ()).await;
        outcome.unwrap_or_else(|failure| panic!("{}: {failure:?}", moment.step.name));
        let (role, role_off) = (moment.step.name == StepName::Role, moment.step.name == StepName::RoleOff);
        let effect = if role_off { "role.unassigned" } else { "role.assigned" };
        let given = (role || role_off).then(|| (effect.to_owned(), 1));
        let expected: std::collections::BTreeMap<_, _> = given.into_iter().collect();
        assert_eq!(effects(&stage), expected, "{}", moment.step.name);
        let silent = [StepName::Username, StepName::License, StepName::NoPaidLicense, StepName::CaseAlerts];
        assert!(stage.sandbox.calls().is_empty() || !silent.contains(&moment.step.name));
    }
    // Its set-up makes no unit, and its only domain is the primary one.
    let last = moments.iter().find(|moment| moment.step.name == StepName::Welcome).expect("the letter");
    let stage = Stage::set(&last.before).await;
    let row = stage.row(&"reseller/nordic-se".parse().expect("a row")).await;
    let domains: Vec<String> = row.facts.domains.iter().flatten().map(ToString::to_string).collect();
    assert_eq!((domains, row.facts.org_unit), (vec!["reseller-se.example".to_owned()], None));
    let seats =
        moments.iter().find(|moment| moment.step.name == StepName::Seats).expect("a step of the set-up");
    let (stage, outcome) = run(seats, |_| (), |_| ()).await;
    outcome.expect("nothing is counted");
    assert!(
        stage.sandbox.calls().is_empty() && row.facts.seats.is_none(),
        "no account is made, so no seat is counted"
    );
    let (stage, outcome) = run(last, |_| (), |_| ()).await;
    outcome.expect("the letter is sent");
    let letters = stage.letters();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert!(letter.text.contains(HOME_ACCOUNT) && letter.text.contains("asa.oberg@reseller-no.example"));
    assert!(!letter.text.contains("asa.oberg@reseller-se.example"));
}

#[tokio::test(start_paused = true)]
async fn its_steps_promise_what_all_steps_promise() {
    for mood in MOODS {
        for moment in own_moments(mood).await {
            for disturbance in [
                Disturbance::Repeated,
                Disturbance::Forgotten,
                Disturbance::Overlapped { knowingly: false },
                Disturbance::Overlapped { knowingly: true },
            ] {
                check(&moment, disturbance).await;
            }
            strike_everywhere(&moment).await;
        }
    }
}

/// Nothing is found by a name; what was named must be an account of its own, the right customer's, unspoilt, in the right domain.
#[tokio::test]
async fn only_the_account_that_was_named_is_taken() {
    let moments = own_moments(Mood::Plain).await;
    let account = step(&moments, StepName::Account);
    let name = |address: &'static str| {
        move |house: &mut House| {
            for site in house.sites.values_mut() {
                site.reseller.home_accounts.clear();
                if let Ok(named) = address.parse() {
                    site.reseller.home_accounts.insert("E-1".parse().expect("a key"), named);
                }
            }
        }
    };
    let own = |change: fn(&mut User)| {
        move |customer: &mut Customer| {
            let id = customer.user(HOME_ACCOUNT).expect("her account").id.clone();
            let mut user = customer.take_user(&id).expect("her account");
            change(&mut user);
            customer.put_user(user);
        }
    };
    let missing = FailureCode::HomeAccountMissing;
    let same = || own(|_| ());
    for (named, change, code) in [
        ("", same(), missing),
        ("nobody@reseller-se.example", same(), missing),
        ("asa@care-se.example", same(), missing),
        ("asa@reseller-no.example", same(), missing),
        (
            "other@reseller-se.example",
            own(|user| user.aliases.push("other@reseller-se.example".into())),
            missing,
        ),
        (HOME_ACCOUNT, own(|user| user.suspended = true), FailureCode::AccountSuspended),
        (HOME_ACCOUNT, own(|user| mark(user, "E-2")), FailureCode::AccountNotOurs),
    ] {
        let (stage, outcome) = run(account, name(named), change).await;
        assert_eq!(outcome.expect_err(named).code, code, "{named}");
        assert!(effects(&stage).is_empty());
    }
    let (_, outcome) = run(account, name("ASA@Reseller-SE.example"), same()).await;
    outcome.expect("addresses have no case");
}

fn mark(user: &mut User, engineer: &str) {
    let ids = json!([{"type": "custom", "customType": "carepass", "value": engineer}]);
    user.fields.insert("externalIds".into(), ids);
}

/// The traps that have nothing to do with a marker hold for an engineer's own account too.
#[tokio::test(start_paused = true)]
async fn the_guards_hold_for_an_own_account() {
    let mut wrong = Vec::new();
    let about_markers = ["another engineer's marker", "no marker", "two markers"];
    for mood in MOODS {
        let moments = own_moments(mood).await;
        let role = step(&moments, StepName::Role);
        for trap in TRAPS.iter().filter(|trap| !about_markers.contains(&trap.name)) {
            wrong.extend(spring(trap, role).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An approver's order names it where the configuration does not. What is stored of it is sealed.
#[tokio::test]
async fn an_order_names_the_account() {
    let moments = own_moments(Mood::Plain).await;
    let account = step(&moments, StepName::Account);
    let stage = Stage::set(&account.before).await;
    let unnamed = || {
        let mut house = stage.house();
        house.sites.values_mut().for_each(|site| site.reseller.home_accounts.clear());
        house
    };
    let claimed = stage.claim(&unnamed(), &stage.row(&account.row).await).await;
    let failure = stage.run(&unnamed(), &claimed).await.expect_err("nobody has named one");
    assert_eq!(failure.code, FailureCode::HomeAccountMissing);
    stage.keep(&stage.look_again(&claimed, failure)).await;
    let (engine, named) = (stage.engine(unnamed()), HOME_ACCOUNT.parse().expect("an address"));
    let row = engine
        .order_adoption(&account.row, &named, None, "ada", "I know her")
        .await
        .expect("an order that fits");
    let stored = serde_json::to_string(&row).expect("a row is plain data");
    assert!(row.home_account.is_some() && !stored.contains("asa@"), "{stored}");
    let claimed = stage.claim(&unnamed(), &row).await;
    let done = stage.until_ok(&unnamed(), claimed).await.expect("it has been named");
    assert!(done.facts.account.as_ref().is_some_and(|account| account.home));
    stage.keep(&done).await;
    let again = engine.order_adoption(&account.row, &named, None, "ada", "another").await;
    assert!(matches!(again, Err(OrderError::Rejected(Rejected::HasAccount))), "{again:?}");
    let elsewhere = "domain/E-1/nordic-no/reseller-no.example".parse().expect("a row");
    let refused = engine.order_adoption(&elsewhere, &named, None, "ada", "wrong place").await;
    assert!(matches!(refused, Err(OrderError::NotHome)), "{refused:?}");
}
