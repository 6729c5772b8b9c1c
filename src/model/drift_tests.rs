//! What is kept of findings, and what is done about them.

use super::super::enrollment::{At, Goal, Want};
use super::super::failure::{Failure, FailureCode, Who};
use super::super::plan::StepName;
use super::*;
use jiff::SignedDuration;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn found(kind: Kind, subject: &str, minutes: i64) -> Finding {
    let of = ("E-1".parse().unwrap(), "a.example".parse().unwrap());
    Finding::new(kind, Some(of), subject, "", at(minutes), &Policy::default())
}

fn looked(before: Option<&Drift>, found: Vec<Finding>, minutes: i64) -> Drift {
    Drift::after(before, found, at(minutes), Some(at(minutes + 60)))
}

#[test]
fn what_no_row_can_mend_is_asked_about() {
    let check =
        |policy: Policy, kind: Kind, expected: Action| assert_eq!(policy.on(kind), expected, "{kind}");
    let shipped = Policy::default();
    check(shipped, Kind::PaidLicense, Action::Ask);
    check(shipped, Kind::RoleTaken, Action::Repair);
    check(shipped, Kind::UnitChanged, Action::Report);
    let mending = Policy { more: Action::Repair, fewer: Action::Repair, cosmetic: Action::Repair };
    check(mending, Kind::PaidLicense, Action::Repair);
    check(mending, Kind::SpareRole, Action::Repair);
    for kind in
        [Kind::RoleWidened, Kind::UnknownHolder, Kind::SuperAdministrator, Kind::OtherRole, Kind::Reopened]
    {
        check(mending, kind, Action::Ask);
    }
    check(mending, Kind::UnitChanged, Action::Ask);
    let silent = Policy { more: Action::Report, fewer: Action::Report, cosmetic: Action::Report };
    for kind in Kind::ALL {
        check(silent, kind, Action::Report);
    }
}

#[test]
fn what_was_taken_from_many_at_once_is_asked_about() {
    let many = |count: usize| -> Vec<Finding> {
        (0..count).map(|n| found(Kind::RoleTaken, &n.to_string(), 0)).collect()
    };
    let repaired = |found: Vec<Finding>| {
        Drift::held_back(found).iter().filter(|finding| finding.action == Action::Repair).count()
    };
    assert_eq!(repaired(many(REPAIRS_MAX)), REPAIRS_MAX);
    assert_eq!(repaired(many(REPAIRS_MAX + 1)), 0);
}

#[test]
fn names_are_as_they_are_stored() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for severity in Severity::ALL {
        assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
    }
}

#[test]
fn a_finding_is_known_again_and_keeps_its_age() {
    let first = looked(None, vec![found(Kind::RoleTaken, "1", 0), found(Kind::Suspended, "1", 0)], 0);
    assert_eq!(first.turned(None).appeared.len(), 2);
    let second =
        looked(Some(&first), vec![found(Kind::RoleTaken, "1", 60), found(Kind::PaidLicense, "2", 60)], 60);
    let kinds: Vec<(Kind, Timestamp)> = second.findings.iter().map(|f| (f.kind, f.since)).collect();
    assert_eq!(kinds, [(Kind::PaidLicense, at(60)), (Kind::RoleTaken, at(0))]);
    let turned = second.turned(Some(&first));
    assert_eq!(turned.appeared.iter().map(|f| f.kind).collect::<Vec<_>>(), [Kind::PaidLicense]);
    assert_eq!(turned.gone.iter().map(|f| f.kind).collect::<Vec<_>>(), [Kind::Suspended]);
    let (se, dk) = ("nordic-se".parse().unwrap(), "nordic-dk".parse().unwrap());
    let id = |drift: &Drift, name: &ResellerName| drift.findings.last().unwrap().id(name);
    assert_eq!(id(&first, &se).to_string().parse(), Ok(id(&first, &se)));
    assert_ne!(id(&second, &se), id(&second, &dk));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_has_not_gone() {
    let many: Vec<Finding> = (0..500).map(|n| found(Kind::RoleTaken, &n.to_string(), 0)).collect();
    let drift = looked(None, many.clone(), 0);
    assert_eq!((drift.findings.len(), drift.count(Severity::Medium)), (LISTED_MAX, 500));
    assert_eq!(drift.unlisted(), 460);
    assert!(serde_json::to_string(&drift).unwrap().len() < 12 * 1024);
    let long = "x".repeat(1_000);
    let heavy: Vec<Finding> = (0..40)
        .map(|n| Finding { detail: long.clone(), ..found(Kind::RoleTaken, &n.to_string(), 0) })
        .collect();
    assert!(looked(None, heavy, 0).findings.len() < 10);
    let graver = many.into_iter().chain([found(Kind::SuperAdministrator, "x", 60)]).collect();
    let next = looked(Some(&drift), graver, 60);
    assert_eq!(next.findings[0].kind, Kind::SuperAdministrator);
    assert_eq!(next.turned(Some(&drift)).gone, []);
}

#[test]
fn nothing_personal_and_nothing_endless_is_kept() {
    let finding = Finding::new(
        Kind::UnknownHolder,
        None,
        &"Åsa\n1".repeat(100),
        &"é".repeat(10),
        at(0),
        &Policy::default(),
    );
    assert!(finding.subject.len() == SUBJECT_MAX && finding.subject.is_ascii(), "{finding:?}");
    assert_eq!(finding.detail, "");
    assert_eq!(finding.row(&"se".parse().unwrap()).to_string(), "reseller/se");
}

#[test]
fn keeping_what_was_found_tells_nobody_anything_anew() {
    let goal = Goal { want: Want::Present, revision: 0 };
    let row = Enrollment::open("reseller/se".parse().unwrap(), goal, at(0));
    let drift = looked(None, Vec::new(), 0);
    let here = At { step: StepName::Role, attempt: 1, runs: 1, looks: 1, waited_for: None, since: at(0) };
    let reason = Failure::needs(Who::Operator, FailureCode::RoleWidened);
    let waiting = State::Waiting { at: here, on: Who::Operator, reason, look_again: at(5) };
    let waits = Enrollment { state: waiting, ..row.clone() };
    assert!(waits.has_begun_to_wait());
    let kept = waits.with_drift(drift.clone());
    assert!(
        !kept.has_begun_to_wait() && kept.version == waits.version + 1 && kept.wake_at() == waits.wake_at()
    );
    let done = Enrollment { state: State::Completed, ..row };
    assert!(done.with_drift(drift.clone()).rechecking);
    assert_eq!(done.with_drift(drift.clone()).facts.drift.as_deref(), Some(&drift));
}
