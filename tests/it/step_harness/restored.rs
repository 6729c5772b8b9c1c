//! Our own account that somebody deleted: it is brought back, once, whatever goes wrong on the way, and never unsuspended.
//! Not here: accounts of others at the same address (`holders`).

use super::disturbance::{Disturbance, Fault, Tokens};
use super::end::effects;
use super::journey::{Moment, changed, moments};
use super::stage::Stage;
use super::{check, check_each_call, inserts};
use crate::step_harness::disturbance::Then;
use carepass::clock::Clock;
use carepass::model::failure::{FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::sandbox::{Customer, User};
use serde_json::{Value, json};

const ADDRESS: &str = "asa.oberg@care-se.example";

async fn account_moment() -> Moment {
    let wanted = |moment: &Moment| {
        moment.step.name == StepName::Account && moment.row.to_string().contains("care-se.example")
    };
    moments().await.into_iter().find(wanted).expect("a step of the journey")
}

/// A deleted account: with whose marker, and how many minutes ago.
fn shelve(customer: &mut Customer, address: &str, marker: Option<&str>, minutes: i64) -> String {
    let somebody = customer.users.values().next().expect("its administrator");
    let mut user = User::clone(somebody);
    user.id = customer.issue_user_id();
    user.primary_email = address.to_owned();
    user.aliases.clear();
    user.deleted = Some(Clock::System.now().as_millisecond() - minutes * 60_000);
    let ids: Vec<Value> = marker
        .iter()
        .map(|marker| json!({"type": "custom", "customType": "carepass", "value": marker}))
        .collect();
    user.fields.insert("externalIds".into(), ids.into());
    let id = user.id.clone();
    customer.deleted.insert(id.clone(), user.into());
    id
}

/// Every call may be struck, before and after its effect, and two processes may be at it: the account is restored once.
#[tokio::test]
async fn an_account_is_restored_once_whatever_happens() {
    let moment = changed(&account_moment().await, |customer| {
        shelve(customer, ADDRESS, Some("E-1"), 10);
        shelve(customer, ADDRESS, Some("E-2"), 5);
    })
    .await;
    for disturbance in [
        Disturbance::Repeated,
        Disturbance::Forgotten,
        Disturbance::Overlapped { knowingly: false },
        Disturbance::Overlapped { knowingly: true },
    ] {
        check(&moment, disturbance).await;
    }
    for fault in Fault::ALL {
        check_each_call(&moment, fault, Tokens::Cold, Then::Lives).await;
    }
    for fault in [Fault::CutBefore, Fault::CutAfter] {
        check_each_call(&moment, fault, Tokens::Warm, Then::Dies).await;
    }
}

/// Which of the deleted accounts is brought back, or why a person has to look.
async fn given(shelve_all: impl FnOnce(&mut Customer) -> Vec<String>, expected: Result<usize, FailureCode>) {
    let moment = account_moment().await;
    let stage = Stage::set(&moment.before).await;
    let mut ids = Vec::new();
    stage.sandbox.change(|world| {
        ids = shelve_all(world.customers.get_mut("C01nordicse").expect("a customer of the demo"));
    });
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let outcome = stage.run(&house, &claimed).await;
    match expected {
        Ok(which) => {
            let account = outcome.expect("it is brought back").facts.account.expect("it is known");
            assert_eq!(account.id.as_str(), ids[which]);
            assert!(account.restored, "the sealed password is not its password");
            assert_eq!(effects(&stage), [("user.undeleted".to_owned(), 1)].into());
        }
        Err(code) => {
            let failure = outcome.expect_err("a person has to look");
            assert_eq!((failure.kind, failure.code), (FailureKind::Needs(Who::Operator), code));
        }
    }
    assert_eq!(inserts(&stage), 0);
}

#[tokio::test]
async fn the_latest_of_our_own_is_restored_or_none() {
    Box::pin(given(
        |customer| [30, 10, 20].map(|minutes| shelve(customer, ADDRESS, Some("E-1"), minutes)).into(),
        Ok(1),
    ))
    .await;
    let twice = |customer: &mut Customer| {
        let ids: Vec<String> = [10, 10].map(|minutes| shelve(customer, ADDRESS, Some("E-1"), minutes)).into();
        let at = customer.deleted[&ids[0]].deleted;
        let second = User { deleted: at, ..User::clone(&customer.deleted[&ids[1]]) };
        customer.deleted.insert(ids[1].clone(), second.into());
        ids
    };
    Box::pin(given(twice, Err(FailureCode::RestoreRefused))).await;
    // Somebody suspended it, or Google did: it stays so.
    let suspended = |customer: &mut Customer| {
        customer.settings.undelete_suspended = true;
        vec![shelve(customer, ADDRESS, Some("E-1"), 10)]
    };
    Box::pin(given(suspended, Err(FailureCode::AccountSuspended))).await;
    let administrator = |customer: &mut Customer| {
        let id = shelve(customer, ADDRESS, Some("E-1"), 10);
        let role = customer.roles.iter().find(|(_, role)| role.super_admin).map(|(id, _)| *id);
        let (number, role_id) = (customer.issue_number(), role.expect("every customer has one"));
        let assignment = carepass::sandbox::Assignment { role_id, assigned_to: id.clone(), org_unit: None };
        customer.assignments.insert(number, assignment);
        vec![id]
    };
    Box::pin(given(administrator, Err(FailureCode::AccountIsAdmin))).await;
}

/// What others deleted is theirs.
#[tokio::test]
async fn what_others_deleted_is_not_restored() {
    let moment = account_moment().await;
    let stage = Stage::set(&moment.before).await;
    stage.sandbox.change(|world| {
        let customer = world.customers.get_mut("C01nordicse").expect("a customer of the demo");
        shelve(customer, ADDRESS, Some("E-2"), 10);
        shelve(customer, ADDRESS, None, 5);
        shelve(customer, "asa.oberg@reseller-se.example", Some("E-1"), 5);
    });
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    stage.run(&house, &claimed).await.expect("Google takes the address");
    assert_eq!(effects(&stage), [("user.created".to_owned(), 1)].into());
}

/// The wall of seats, with a seat that a deleted account of the engineer's keeps under another address.
#[tokio::test]
async fn a_seat_that_our_own_deleted_account_keeps_is_told() {
    let moment = account_moment().await;
    let stage = Stage::set(&moment.before).await;
    stage.sandbox.change(|world| {
        let customer = world.customers.get_mut("C01nordicse").expect("a customer of the demo");
        shelve(customer, "asa.berg@care-se.example", Some("E-1"), 10);
        customer.settings.seats = Some(1);
    });
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let failure = stage.run(&house, &claimed).await.expect_err("no seat is left");
    assert_eq!(failure.code, FailureCode::SeatsSpent);
    assert!(failure.detail.contains("a deleted account of this engineer"), "{failure:?}");
}

/// Google's refusals of the restoration, with nothing restored before.
#[tokio::test]
async fn a_restoration_that_google_refuses_is_a_task() {
    for (status, reason, code) in [
        (409, "duplicate", FailureCode::RestoreRefused),
        (412, "limitExceeded", FailureCode::SeatsSpent),
        (412, "conditionNotMet", FailureCode::RestoreRefused),
        (403, "forbidden", FailureCode::NotAuthorized),
    ] {
        let moment = account_moment().await;
        let stage = Stage::set(&moment.before).await;
        stage.sandbox.change(|world| {
            let customer = world.customers.get_mut("C01nordicse").expect("a customer of the demo");
            shelve(customer, ADDRESS, Some("E-1"), 10);
        });
        let refused = json!({"match": {"method": "POST", "path_regex": "/undelete$"},
            "do": {"fail_before": true, "status": status, "reason": reason}});
        stage.sandbox.add_faults(&refused).expect("a rule that is understood");
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let failure = stage.run(&house, &claimed).await.expect_err("Google refuses");
        assert_eq!(
            (failure.kind, failure.code),
            (FailureKind::Needs(Who::Operator), code),
            "{status} {reason}"
        );
        assert_eq!((inserts(&stage), effects(&stage).len()), (0, 0));
    }
}
