//! Who leads, who waits behind, and when the next is asked: the walls as values.

use super::*;
use crate::model::enrollment::{AccountFact, At, Goal, Want};
use crate::model::failure::{Failure, Who};

const SEATS: FailureCode = FailureCode::SeatsSpent;
const LICENSING: FailureCode = FailureCode::AutoLicensingOn;

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(number * 86_400).unwrap()
}

/// A row of engineer `E-<starts>` with its start date at the given step.
fn row(starts: i64, step: StepName) -> Enrollment {
    let id = format!("domain/E-{starts}/se/a.se").parse().unwrap();
    let mut row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, day(0));
    row.starts = Some(day(starts));
    let at = At { step, ..row.state.at().unwrap() };
    row.state = State::Scheduled { at, due: day(0), last: None };
    row
}

fn with(row: &Enrollment, change: impl FnOnce(&mut At)) -> Enrollment {
    let mut at = row.state.at().unwrap();
    change(&mut at);
    Enrollment { state: State::Running { at, lease_until: day(1) }, ..row.clone() }
}

fn waits(row: &Enrollment, code: FailureCode) -> Enrollment {
    let at = At { waited_for: Some(code), looks: 1, ..row.state.at().unwrap() };
    let reason = Failure::needs(Who::Operator, code);
    let state = State::Waiting { at, on: Who::Operator, reason, look_again: day(1) };
    Enrollment { state, ..row.clone() }
}

/// The row as it goes on with its account.
fn made(row: &Enrollment) -> Enrollment {
    let mut row =
        with(row, |at| *at = At { step: StepName::License, waited_for: None, looks: 0, attempt: 1, ..*at });
    let (id, at) = ("1".parse().unwrap(), day(0));
    row.facts.account = Some(AccountFact {
        id,
        since: at,
        read_at: at,
        restored: false,
        home: false,
        suspended_by_us: None,
        given: std::collections::BTreeSet::new(),
    });
    row
}

fn leader(walls: &Walls) -> Vec<String> {
    walls.leaders().iter().map(|id| id.engineer().unwrap().to_string()).collect()
}

fn key(code: FailureCode) -> WallId {
    ("se".parse().unwrap(), code)
}

/// A wall with rows that wait behind it, in the order in which they came.
fn wall(starts: &[i64]) -> Walls {
    let mut walls = Walls::default();
    for starts in starts {
        let chore = walls.note(None, &waits(&row(*starts, StepName::Account), SEATS));
        assert!(!chore, "nothing is to be done while the leader waits");
    }
    walls
}

#[test]
fn the_earliest_start_date_leads_whoever_comes_first() {
    let check = |came: &[i64], expected: &str| assert_eq!(leader(&wall(came)), [expected], "{came:?}");
    check(&[5], "E-5");
    check(&[5, 7, 6], "E-5");
    check(&[7, 5, 6], "E-5");
    let mut walls = wall(&[5]);
    let undated = Enrollment { starts: None, ..waits(&row(9, StepName::Account), SEATS) };
    walls.note(None, &undated);
    assert_eq!(leader(&walls), ["E-9"], "who has no date starts now");
}

#[test]
fn only_the_leader_goes_on_to_the_insert() {
    let walls = wall(&[5, 7]);
    let before = |starts| walls.before(&row(starts, StepName::Account), StepName::Account);
    assert_eq!((before(5), before(7), before(3)), (None, Some(SEATS), Some(SEATS)));
    assert_eq!(walls.before(&row(7, StepName::Username), StepName::Username), None);
    assert_eq!(walls.before(&made(&row(7, StepName::Account)), StepName::Account), None, "it has a seat");
    let elsewhere = Enrollment { id: "domain/E-7/no/a.no".parse().unwrap(), ..row(7, StepName::Account) };
    assert_eq!(walls.before(&elsewhere, StepName::Account), None, "another customer, another wall");
}

#[test]
fn the_leader_leads_while_it_probes_and_until_it_goes_another_way() {
    let waiting = waits(&row(5, StepName::Account), SEATS);
    let check = |after: Enrollment, leads: bool| {
        let mut walls = wall(&[5, 7]);
        let chore = walls.note(Some(&waiting), &after);
        assert_eq!((chore, leader(&walls).len()), (!leads, usize::from(leads)), "{after:?}");
        assert!(walls.stands(&key(SEATS).0, SEATS), "nobody else slips through meanwhile");
    };
    check(with(&waiting, |_| ()), true);
    check(with(&waiting, |at| at.attempt = 3), true);
    check(with(&waiting, |at| (at.waited_for, at.looks) = (None, 0)), true);
    let mut trouble = waiting.clone();
    if let State::Waiting { reason, .. } = &mut trouble.state {
        *reason = Failure::transient(FailureCode::BackendError);
    }
    check(trouble, false);
    check(made(&waiting), false);
    check(waits(&waiting, FailureCode::AddressTaken), false);
    check(Enrollment { state: State::Cancelled { reason: "left".into() }, ..waiting.clone() }, false);
}

#[test]
fn the_next_one_is_sought_and_asked_at_once_until_nobody_waits() {
    let (first, second) = (row(5, StepName::Account), row(7, StepName::Account));
    let mut walls = wall(&[5, 7]);
    assert!(walls.note(Some(&waits(&first, SEATS)), &made(&first)));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Seek)));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Seek)), "until it is done");
    let next = Place::of(&waits(&second, SEATS), SEATS);
    assert!(!walls.succeed(&key(SEATS), next));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(second.id.clone()))));
    assert_eq!(walls.take_chore(), None, "one probe");
    walls.told(&key(SEATS));
    walls.note(Some(&waits(&second, SEATS)), &made(&second));
    assert!(walls.succeed(&key(SEATS), None), "the wall has fallen");
    assert_eq!((walls.before(&first, StepName::Account), walls.take_chore()), (None, None));
}

#[test]
fn who_comes_while_the_next_one_is_sought_takes_part() {
    for (comes, expected) in [(6, "E-6"), (9, "E-7")] {
        let mut walls = wall(&[5]);
        let first = row(5, StepName::Account);
        walls.note(Some(&waits(&first, SEATS)), &made(&first));
        walls.note(None, &waits(&row(comes, StepName::Account), SEATS));
        assert_eq!(
            walls.take_chore(),
            Some((key(SEATS), Chore::Seek)),
            "the stored rows are asked all the same"
        );
        walls.succeed(&key(SEATS), Place::of(&waits(&row(7, StepName::Account), SEATS), SEATS));
        assert_eq!(leader(&walls), [expected]);
    }
}

#[test]
fn one_that_gets_through_after_it_lost_the_lead_has_the_leader_asked() {
    let first = waits(&row(5, StepName::Account), SEATS);
    let mut walls = wall(&[5, 4]);
    assert!(walls.note(Some(&first), &made(&first)));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(row(4, StepName::Account).id))));
}

#[test]
fn whoever_is_told_to_try_again_has_the_leader_look() {
    let mut walls = wall(&[5, 7]);
    assert!(!walls.ask(&waits(&row(5, StepName::Account), SEATS)), "the leader is woken by the order itself");
    assert!(!walls.ask(&waits(&row(7, StepName::Account), FailureCode::AddressTaken)));
    assert!(walls.ask(&waits(&row(7, StepName::Account), SEATS)));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(row(5, StepName::Account).id))));
}

/// Walls whose leader, `E-5`, was asked while it looks.
fn asked_in_the_middle() -> (Walls, Enrollment, Enrollment) {
    let first = waits(&row(5, StepName::Account), SEATS);
    let looks = with(&first, |_| ());
    let mut walls = wall(&[5, 7]);
    assert!(!walls.note(Some(&first), &looks));
    assert!(walls.ask(&waits(&row(7, StepName::Account), SEATS)));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(first.id.clone()))));
    assert!(!walls.note(None, &looks), "it is seen to look");
    assert_eq!(walls.take_chore(), None);
    (walls, first, looks)
}

#[test]
fn whoever_is_asked_in_the_middle_of_a_look_looks_once_more() {
    let (mut walls, first, looks) = asked_in_the_middle();
    assert!(!walls.note(Some(&looks), &with(&first, |at| at.attempt = 2)), "it looks still");
    assert!(walls.note(None, &first), "its look is over");
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(first.id.clone()))));
    walls.told(&key(SEATS));
    assert!(!walls.note(None, &first) && walls.take_chore().is_none(), "once");
}

#[test]
fn whoever_takes_the_lead_meanwhile_is_asked_instead() {
    let (mut walls, first, looks) = asked_in_the_middle();
    let earlier = waits(&row(4, StepName::Account), SEATS);
    assert!(walls.note(None, &earlier), "it comes to the wall and leads");
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(earlier.id.clone()))));
    walls.told(&key(SEATS));
    assert!(!walls.note(Some(&looks), &first) && walls.take_chore().is_none());
}

#[test]
fn a_word_is_kept_until_somebody_was_told() {
    let (mut walls, first, _) = asked_in_the_middle();
    walls.untold(&key(SEATS));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(first.id.clone()))), "the store is back");
    assert!(walls.note(None, &made(&first)), "it got through");
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Seek)));
    let next = waits(&row(7, StepName::Account), SEATS);
    walls.succeed(&key(SEATS), Place::of(&next, SEATS));
    assert_eq!(walls.take_chore(), Some((key(SEATS), Chore::Probe(next.id))));
}

#[test]
fn automatic_licensing_is_led_by_an_account_that_met_it() {
    let met = waits(&row(8, StepName::NoPaidLicense), LICENSING);
    let behind = waits(&row(3, StepName::Account), LICENSING);
    let mut walls = Walls::default();
    walls.note(None, &behind);
    assert!(!walls.stands(&key(LICENSING).0, LICENSING), "who only waits behind it proves nothing");
    walls.note(None, &met);
    walls.note(None, &behind);
    assert_eq!(leader(&walls), ["E-8"]);
    assert_eq!(walls.before(&row(3, StepName::Account), StepName::Account), Some(LICENSING));
    assert_eq!(walls.before(&row(8, StepName::NoPaidLicense), StepName::NoPaidLicense), None);
    // Behind both walls, the leader of the seats does not probe and stays the leader.
    walls.note(None, &waits(&row(3, StepName::Account), SEATS));
    assert_eq!(walls.before(&row(3, StepName::Account), StepName::Account), Some(SEATS));
    let passed = with(&met, |at| *at = At { step: StepName::Role, waited_for: None, ..*at });
    assert!(walls.note(Some(&met), &passed));
    assert!(walls.succeed(&key(LICENSING), None));
    assert_eq!(walls.before(&row(3, StepName::Account), StepName::Account), None);
}
