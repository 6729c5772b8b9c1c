//! What is kept of findings, and what is done about them.

use super::super::enrollment::{At, Goal, Want};
use super::super::failure::{Failure, FailureCode, Who};
use super::super::plan::StepName;
use super::hold::{GRANTS_MAX, MENDED_MAX, REPAIRS_MAX};
use super::*;
use jiff::SignedDuration;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn found(kind: Kind, subject: &str, minutes: i64) -> Finding {
    let of = ("E-1".parse().unwrap(), "a.example".parse().unwrap());
    Finding::new(kind, Some(of), subject, "", at(minutes), &Policy::default())
}

fn name() -> ResellerName {
    "nordic-se".parse().unwrap()
}

fn looked(before: Option<&Drift>, found: Vec<Finding>, minutes: i64) -> Drift {
    Drift::after(before, &name(), found, &BTreeSet::new(), at(minutes))
}

/// Of another engineer each.
fn of_many(kind: Kind, engineers: std::ops::Range<usize>, minutes: i64) -> Vec<Finding> {
    let one = |n: usize| {
        let of = (format!("E-{n}").parse().unwrap(), "a.example".parse().unwrap());
        Finding::new(kind, Some(of), &n.to_string(), "", at(minutes), &Policy::default())
    };
    engineers.map(one).collect()
}

fn with(action: Action, drift: &Drift) -> usize {
    drift.findings.iter().filter(|finding| finding.action == action).count()
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
fn what_was_taken_from_many_at_once_is_asked_about_until_it_is_gone() {
    let many = |count: usize| looked(None, of_many(Kind::Suspended, 0..count, 0), 0);
    assert_eq!(with(Action::Repair, &many(REPAIRS_MAX)), REPAIRS_MAX);
    let held = many(REPAIRS_MAX + 1);
    assert_eq!(with(Action::Ask, &held), REPAIRS_MAX + 1);
    // Somebody puts most of it right: what is left is asked about all the same.
    let fewer = looked(Some(&held), of_many(Kind::Suspended, 0..3, 60), 60);
    assert_eq!((with(Action::Ask, &fewer), with(Action::Repair, &fewer)), (3, 0));
    // What there was no room for may have been held as well.
    let crowd = many(500);
    let fewer = looked(Some(&crowd), of_many(Kind::Suspended, 490..500, 60), 60);
    assert_eq!((with(Action::Ask, &fewer), with(Action::Repair, &fewer)), (10, 0));
    // Rows count, not findings.
    let kinds = [Kind::Suspended, Kind::Renamed, Kind::MarkerGone];
    let twice = kinds.into_iter().flat_map(|kind| of_many(kind, 0..10, 0)).collect();
    assert_eq!(with(Action::Repair, &looked(None, twice, 0)), 30);
}

#[test]
fn no_look_gives_access_again_to_many() {
    for kind in [Kind::RoleTaken, Kind::Deleted] {
        assert_eq!(with(Action::Repair, &looked(None, of_many(kind, 0..GRANTS_MAX, 0), 0)), GRANTS_MAX);
        let mixed = [of_many(kind, 0..GRANTS_MAX + 1, 0), of_many(Kind::Renamed, 0..3, 0)].concat();
        let drift = looked(None, mixed, 0);
        assert_eq!((with(Action::Ask, &drift), with(Action::Repair, &drift)), (GRANTS_MAX + 1, 3));
    }
}

#[test]
fn what_comes_again_after_it_was_mended_is_asked_about() {
    let taken = |minutes| vec![found(Kind::RoleTaken, "1", minutes)];
    let first = looked(None, taken(0), 0);
    let still = looked(Some(&first), taken(60), 60);
    assert_eq!(with(Action::Repair, &still), 1, "it is being mended");
    let mended = looked(Some(&still), Vec::new(), 120);
    let again = looked(Some(&mended), taken(180), 180);
    assert_eq!((with(Action::Repair, &again), with(Action::Ask, &again)), (0, 1));
    let other = looked(Some(&mended), vec![found(Kind::Suspended, "1", 180)], 180);
    assert_eq!(with(Action::Repair, &other), 1, "another kind");
    let always =
        (0..500).fold(mended, |drift, n| looked(Some(&drift), of_many(Kind::Suspended, n..n + 1, 200), 200));
    assert_eq!(always.mended.len(), MENDED_MAX);
    // Of many, the latest are known.
    let last = |before: &Drift| looked(Some(before), of_many(Kind::Suspended, 499..500, 300), 300);
    assert_eq!(with(Action::Ask, &last(&looked(Some(&always), Vec::new(), 250))), 1);
}

#[test]
fn other_evidence_is_another_finding() {
    let of = |kind: Kind, detail: &str, minutes: i64| {
        Finding::new(kind, None, "1", detail, at(minutes), &Policy::default())
    };
    for kind in [Kind::RoleWidened, Kind::OtherRole, Kind::PaidLicense, Kind::UnknownHolder] {
        let (a, b) = (of(kind, "A", 0), of(kind, "A B", 60));
        let accepted: BTreeSet<FindingId> = [a.id(&name())].into();
        let first = looked(None, vec![a.clone()], 0);
        let second = Drift::after(Some(&first), &name(), vec![of(kind, "A", 30)], &accepted, at(30));
        let turned = second.turned(Some(&first), &name());
        assert_eq!((second.findings.len(), turned.accepted, turned.gone), (0, vec![a], vec![]), "{kind}");
        let third = Drift::after(Some(&second), &name(), vec![b.clone()], &accepted, at(60));
        assert_eq!(third.turned(Some(&second), &name()).appeared, [b], "{kind}");
        assert_eq!(third.accepted, BTreeSet::new());
    }
    // Whoever accepts one stranger has not accepted the next.
    let stranger = |id: &str| Finding::new(Kind::UnknownHolder, None, id, "A", at(0), &Policy::default());
    assert_ne!(stranger("1").id(&name()), stranger("2").id(&name()));
    // What is cut away counts as well.
    let long = "x".repeat(DETAIL_MAX);
    let (one, other) = (of(Kind::RoleWidened, &long, 0), of(Kind::RoleWidened, &format!("{long} y"), 0));
    assert!(one.detail == other.detail && one.id(&name()) != other.id(&name()));
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
    assert_eq!(first.turned(None, &name()).appeared.len(), 2);
    let second =
        looked(Some(&first), vec![found(Kind::RoleTaken, "1", 60), found(Kind::PaidLicense, "2", 60)], 60);
    let kinds: Vec<(Kind, Timestamp)> = second.findings.iter().map(|f| (f.kind, f.since)).collect();
    assert_eq!(kinds, [(Kind::PaidLicense, at(60)), (Kind::RoleTaken, at(0))]);
    let turned = second.turned(Some(&first), &name());
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
    assert_eq!(next.turned(Some(&drift), &name()).gone, []);
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
