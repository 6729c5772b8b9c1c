//! The engineer's own account stands already: the row knows its id, or it carries the marker, or an earlier run may have made it. There is
//! never a second one. Not here: one that was deleted (`restored`), and accounts of others (`holders`).

use super::holders::user;
use super::inserts;
use super::journey::{Moment, moments};
use super::stage::{ENGINEER, Stage};
use carepass::clock::Clock;
use carepass::model::enrollment::{At, Enrollment, State};
use carepass::model::failure::{FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::sandbox::{Customer, User};
use carepass::steps::House;
use jiff::SignedDuration;

const ROW: &str = "domain/E-1/nordic-se/care-se.example";
const CUSTOMER: &str = "C01nordicse";
const ADDRESS: &str = "asa.oberg@care-se.example";
const OTHER: &str = "asa.berg@care-se.example";
/// What somebody does, with the id of the account.
type Change = Box<dyn Fn(&mut Customer, &str)>;

/// How many accounts were made, or why not.
type Judged = Result<usize, (FailureKind, FailureCode)>;

const OPERATOR: FailureKind = FailureKind::Needs(Who::Operator);

async fn stage(step: StepName, clock: Clock) -> (Stage, Moment) {
    let wanted = |moment: &Moment| moment.step.name == step && moment.row.to_string() == ROW;
    let moment = moments().await.into_iter().find(wanted).expect("a step of the journey");
    (Stage::set_at(&moment.before, clock).await, moment)
}

fn change(stage: &Stage, change: impl FnOnce(&mut Customer)) {
    stage.sandbox.change(|world| change(world.customers.get_mut(CUSTOMER).expect("a customer of the demo")));
}

async fn username(house: &House) -> String {
    let sheet = house.sheet(&ENGINEER.parse().expect("a key")).await.expect("an admitted engineer");
    sheet.username.map(|name| name.to_string()).unwrap_or_default()
}

/// The row when it is looked at from the start, so long after it came to know its account.
fn looked_at_again(stage: &Stage, row: &Enrollment, after: SignedDuration) -> Enrollment {
    let mut row = row.clone();
    row.done.remove(&StepName::Account);
    let fact = row.facts.account.as_mut().expect("the account was made");
    (fact.since, fact.read_at) = (stage.ago(after), stage.ago(after));
    let at = At {
        step: StepName::Account,
        attempt: 1,
        runs: 0,
        looks: 0,
        waited_for: None,
        since: stage.ago(after),
    };
    row.state = State::Scheduled { at, due: stage.clock.now(), last: None };
    row
}

/// An administrator does something to the account that the row knows.
#[tokio::test]
async fn the_account_that_the_row_knows_is_its_only_one() {
    let renamed = |alias: bool| {
        move |customer: &mut Customer, id: &str| {
            let mut user = customer.take_user(id).expect("the account");
            let old = std::mem::replace(&mut user.primary_email, OTHER.to_owned());
            user.aliases.extend(alias.then_some(old));
            customer.put_user(user);
        }
    };
    let gone = |customer: &mut Customer, id: &str| drop(customer.take_user(id));
    let (day, minute) = (SignedDuration::from_hours(24), SignedDuration::from_mins(1));
    let not_ours = Err((OPERATOR, FailureCode::AccountNotOurs));
    let settling = Err((FailureKind::NotYet, FailureCode::AccountSettling));
    let cases: [(&str, Change, SignedDuration, Judged); 5] = [
        ("untouched", Box::new(|_, _| ()), day, Ok(0)),
        ("renamed", Box::new(renamed(false)), day, not_ours),
        ("renamed, the old address kept", Box::new(renamed(true)), day, not_ours),
        ("gone", Box::new(gone), day, Ok(1)),
        ("young and not shown", Box::new(gone), minute, settling),
    ];
    for (name, spoil, after, expected) in cases {
        let (stage, moment) = stage(StepName::Account, Clock::System).await;
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let done = stage.until_ok(&house, claimed).await.expect("the account is made");
        let id = done.facts.account.as_ref().expect("the account was made").id.to_string();
        change(&stage, |customer| spoil(customer, &id));
        let before = inserts(&stage);
        let house = stage.house();
        let claimed = stage.claim(&house, &looked_at_again(&stage, &done, after)).await;
        let outcome = stage.run(&house, &claimed).await;
        let made = inserts(&stage) - before;
        let judged = outcome.map(|_| made).map_err(|failure| (failure.kind, failure.code));
        assert_eq!(judged, expected, "{name}");
        assert!(judged.is_ok() || made == 0, "{name}");
        assert_eq!(username(&house).await, "asa.oberg", "{name}");
    }
}

/// A carepass without its old store comes to the name under which the engineer's accounts are.
#[tokio::test]
async fn a_carepass_installed_anew_chooses_the_name_of_its_own_account() {
    for (marker, expected) in [("E-1", "asa.oberg"), ("E-2", "a.oberg")] {
        let (stage, moment) = stage(StepName::Username, Clock::System).await;
        change(&stage, |customer| user(customer, ADDRESS, None, Some(marker), None));
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        stage.until_ok(&house, claimed).await.expect("a name is free");
        assert_eq!(username(&house).await, expected, "{marker}");
    }
}

/// The marker is looked for before the first insert.
#[tokio::test]
async fn an_account_with_the_engineers_marker_is_not_made_again() {
    let elsewhere = "an account with this engineer's own marker has another address";
    for (address, alias, expected) in
        [(ADDRESS, None, Ok(())), (OTHER, None, Err(elsewhere)), (OTHER, Some(ADDRESS), Err(elsewhere))]
    {
        for after_death in [false, true] {
            let (stage, moment) = stage(StepName::Account, Clock::System).await;
            change(&stage, |customer| user(customer, address, alias, Some("E-1"), None));
            let house = stage.house();
            let mut claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
            if after_death {
                claimed = stage.claim_after_death(&house, &claimed).await;
            }
            match (stage.run(&house, &claimed).await, expected) {
                (Ok(_), Ok(())) => (),
                (Err(failure), Err(detail)) => assert_eq!(
                    (failure.kind, failure.code, failure.detail.as_str()),
                    (OPERATOR, FailureCode::AddressTaken, detail)
                ),
                (outcome, _) => panic!("{address} {alias:?}: {:?}", outcome.err()),
            }
            assert_eq!(inserts(&stage), 0, "{address} {alias:?}");
            assert_eq!(username(&house).await, "asa.oberg");
        }
    }
}

/// An earlier run may have made the account whose marker is not shown: it is waited for, and then a person looks; there is no other name.
#[tokio::test]
async fn an_account_without_its_marker_may_be_ours() {
    let minutes = SignedDuration::from_mins;
    let settling = (FailureKind::NotYet, FailureCode::AccountSettling);
    let (task, another) =
        ((OPERATOR, FailureCode::AddressTaken), (FailureKind::NotYet, FailureCode::AddressTaken));
    for (runs, made, looked, expected) in [
        (2, minutes(1), minutes(2), settling),
        (2, minutes(1), minutes(30), task),
        (2, minutes(-60), minutes(2), another),
        (1, minutes(1), minutes(2), another),
    ] {
        let start = Clock::System.now();
        let (stage, moment) = stage(StepName::Account, Clock::manual(start + looked)).await;
        change(&stage, |customer| {
            user(customer, ADDRESS, None, None, None);
            let id = customer.user(ADDRESS).expect("just made").id.clone();
            let user = customer.take_user(&id).expect("just made");
            customer.put_user(User { created: (start + made).as_millisecond(), ..user });
        });
        let house = stage.house();
        let mut claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        if runs == 2 {
            claimed = stage.claim_after_death(&house, &claimed).await;
        }
        let failure = stage.run(&house, &claimed).await.expect_err("it carries no marker");
        assert_eq!((failure.kind, failure.code), expected, "{runs} {made} {looked}: {failure:?}");
        assert_eq!(username(&house).await != "asa.oberg", expected == another, "{runs} {made} {looked}");
        assert_eq!(inserts(&stage), usize::from(runs == 1));
    }
}
