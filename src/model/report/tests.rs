//! Folds over small ledgers that are made by the machine itself: rows move by `apply`, so that a report reads what is really written.

use super::super::engineer::{Engineer, EventRef, Hold, Release};
use super::super::enrollment::{AccountFact, Goal, Want};
use super::super::entry::{Actor, Position, Received};
use super::super::failure::{Failure, FailureCode, Who};
use super::super::plan::{StepName, plan};
use super::super::rules::Rules;
use super::super::seats::SeatCount;
use super::super::transition::{Ensured, Input, Order, apply};
use super::evidence::{Kind, Prover, Sample, sha256};
use super::*;
use jiff::SignedDuration;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn all() -> Period {
    Period { from: Timestamp::UNIX_EPOCH, to: at(1_000_000) }
}

/// A ledger under construction.
#[derive(Default)]
struct Ledger(Vec<Entry>);

impl Ledger {
    fn write(&mut self, seconds: i64, actor: Actor, change: Change) {
        let position = Position(self.0.len() as u64 + 1);
        self.0.push(Entry { position, at: at(seconds), actor, changes: vec![change] });
    }

    fn row(&mut self, seconds: i64, row: &Enrollment) {
        let change = Change::Enrollment { from: None, row: Box::new(row.clone()) };
        self.write(seconds, Actor::Engine, change);
    }

    fn moved(&mut self, seconds: i64, row: &mut Enrollment, input: Input) {
        *row = apply(row, input, &Rules::default(), at(seconds)).expect("an input that fits").after;
        self.row(seconds, row);
    }

    /// Runs steps to the end of the plan, one a second.
    fn lived_through(&mut self, mut seconds: i64, row: &mut Enrollment) -> i64 {
        for _ in plan(row.id.kind(), row.goal.want) {
            if row.state == State::Completed {
                break;
            }
            self.moved(seconds, row, Input::Wake);
            let mut ensured = Ensured::default();
            if row.goal.want == Want::Present {
                ensured.facts.account = Some(account());
            }
            if row.state.at().map(|at| at.step) == Some(StepName::LockedOut) {
                ensured.facts.locked_out_at = Some(at(seconds));
            }
            seconds += 1;
            self.moved(seconds, row, Input::Reported(Ok(ensured)));
        }
        assert_eq!(row.state, State::Completed);
        seconds
    }

    fn access(&self, seconds: i64) -> Vec<access::Line> {
        let mut access = access::Access::at(at(seconds));
        self.0.iter().for_each(|entry| access.take(entry));
        access.lines().expect("few")
    }

    fn leavers(&self, period: Period) -> (Vec<leavers::Line>, Spread) {
        let mut found = leavers::Leavers::of(period);
        self.0.iter().for_each(|entry| found.take(entry).expect("few"));
        found.lines()
    }

    fn ready(&self, period: Period) -> (Vec<ready::Line>, Spread) {
        let mut found = ready::Ready::of(period);
        self.0.iter().for_each(|entry| found.take(entry).expect("few"));
        found.lines()
    }
}

use super::super::enrollment::State;

fn account() -> AccountFact {
    AccountFact {
        id: "100".parse().expect("digits"),
        since: at(0),
        read_at: at(0),
        restored: false,
        home: false,
        suspended_by_us: None,
        given: ["7".parse().expect("digits")].into(),
    }
}

fn wish(want: Want, revision: u64, said: i64) -> super::super::enrollment::Wish {
    super::super::enrollment::Wish { said_at: Some(at(said)), ..Goal { want, revision }.into() }
}

fn opened(ledger: &mut Ledger, seconds: i64) -> Enrollment {
    let id = "domain/E-1/se/a.se".parse().expect("a row");
    let row = Enrollment::open(id, wish(Want::Present, 1, seconds), at(seconds));
    ledger.row(seconds, &row);
    row
}

#[test]
fn access_begins_with_the_role_and_ends_when_it_was_seen_to_be_gone() {
    let mut ledger = Ledger::default();
    let mut row = opened(&mut ledger, 10);
    let ready = ledger.lived_through(10, &mut row);
    ledger.moved(100, &mut row, Input::Recheck);
    let again = ledger.lived_through(101, &mut row);
    ledger.moved(500, &mut row, Input::Retargeted(Box::new(wish(Want::Absent, 2, 490))));
    let gone = ledger.lived_through(510, &mut row);
    assert!(ready < 100 && again < 500 && gone < 1_000);

    let check = |seconds: i64, expected: Option<(bool, Option<i64>)>| {
        let found = ledger.access(seconds);
        let shown = found.first().map(|line| (line.since <= at(ready), line.ends_since));
        assert_eq!(shown, expected.map(|(since, ends)| (since, ends.map(at))), "{seconds}: {found:?}");
    };
    check(10, None);
    check(ready, Some((true, None)));
    check(101, Some((true, None)));
    check(505, Some((true, Some(490))));
    check(1_000, None);
    let line = ledger.access(ready).remove(0);
    assert_eq!((line.roles.as_str(), line.account.map(|id| id.to_string())), ("7", Some("100".to_owned())));
}

#[test]
fn what_hr_chooses_does_not_begin_a_field_of_the_report() {
    let mut ledger = Ledger::default();
    let cause = super::super::statement::Cause {
        event: EventRef { source: "=HYPERLINK(\"https://a.example\")".into(), id: "1".into() },
        correlation_id: None,
        trace_parent: None,
    };
    let wish = super::super::enrollment::Wish { cause: Some(cause), ..wish(Want::Present, 1, 0) };
    let mut row = Enrollment::open("domain/E-1/se/a.se".parse().expect("a row"), wish, at(0));
    let ready = ledger.lived_through(1, &mut row);
    let line = ledger.access(ready).remove(0);
    assert_eq!(line.event, "event =HYPERLINK(\"https://a.example\") 1");
}

#[test]
fn whoever_is_cancelled_keeps_what_was_given() {
    let mut ledger = Ledger::default();
    let mut row = opened(&mut ledger, 0);
    while !row.done.contains(&StepName::Role) {
        ledger.moved(1, &mut row, Input::Wake);
        ledger.moved(1, &mut row, Input::Reported(Ok(Ensured::default())));
    }
    ledger.moved(2, &mut row, Input::Ordered(Order::Cancel { reason: "enough".into() }));
    assert_eq!(ledger.access(3).len(), 1);
}

#[test]
fn time_to_ready_says_on_whom_it_waited_and_counts_once() {
    let mut ledger = Ledger::default();
    let mut row = opened(&mut ledger, 10);
    ledger.moved(20, &mut row, Input::Wake);
    let spent = Failure::needs(Who::Operator, FailureCode::SeatsSpent);
    ledger.moved(30, &mut row, Input::Reported(Err(spent)));
    ledger.moved(90, &mut row, Input::Nudge);
    let ready = ledger.lived_through(95, &mut row);
    ledger.moved(200, &mut row, Input::Recheck);
    ledger.lived_through(201, &mut row);
    let (lines, spread) = ledger.ready(all());
    let line = &lines[0];
    assert_eq!((lines.len(), line.seconds, line.operator_seconds, line.hr_seconds), (1, ready - 10, 60, 0));
    assert_eq!((spread.count, spread.median_seconds), (1, ready - 10));
    let before = Period { from: at(0), to: at(ready) };
    assert_eq!(ledger.ready(before).0, [], "the period ends before that moment");
}

#[test]
fn whoever_starts_later_is_not_waited_for_before_the_work_begins() {
    let mut ledger = Ledger::default();
    let id = "domain/E-1/se/a.se".parse().expect("a row");
    let mut row = Enrollment::open(id, wish(Want::Present, 1, 10), at(10));
    row.opens = Some(at(50));
    ledger.row(10, &row);
    let ready = ledger.lived_through(60, &mut row);
    let (lines, spread) = ledger.ready(all());
    assert_eq!((lines[0].asked_at, lines[0].seconds), (at(50), ready - 50));
    assert_eq!(spread.median_seconds, ready - 50);
}

#[test]
fn a_leaver_is_told_once_and_first_while_access_is_open() {
    let mut ledger = Ledger::default();
    let mut row = opened(&mut ledger, 0);
    ledger.lived_through(0, &mut row);
    ledger.moved(500, &mut row, Input::Retargeted(Box::new(wish(Want::Absent, 2, 490))));
    let (open, spread) = ledger.leavers(all());
    assert_eq!((open.len(), open[0].locked_out_at, spread.count), (1, None, 0));
    ledger.lived_through(510, &mut row);
    let (lines, spread) = ledger.leavers(all());
    let locked = lines[0].locked_out_at.expect("it is over").as_second();
    assert_eq!((lines.len(), lines[0].seconds), (1, Some(locked - 490)));
    assert_eq!((spread.count, spread.max_seconds), (1, locked - 490));
    assert_eq!(ledger.leavers(Period { from: at(0), to: at(490) }).0, []);
}

#[test]
fn seats_are_told_by_day_with_the_last_count() {
    let mut ledger = Ledger::default();
    let mut row = Enrollment::open(
        "reseller/se".parse().expect("a row"),
        Goal { want: Want::Present, revision: 0 },
        at(0),
    );
    for (hour, users) in [(1, 10), (20, 12), (30, 13), (30, 13)] {
        let count = SeatCount {
            counted_at: at(hour * 3600),
            users,
            suspended: 0,
            deleted: 0,
            starters: 0,
            remaining: None,
            low: false,
            became_low: false,
        };
        row.facts.seats = Some(Box::new(count));
        ledger.row(hour * 3600, &row);
    }
    let mut seats = seats::Seats::of(all());
    ledger.0.iter().for_each(|entry| seats.take(entry).expect("few"));
    let days: Vec<(String, u32)> =
        seats.lines().iter().map(|line| (line.day.to_string(), line.users)).collect();
    assert_eq!(days, [("1970-01-01".to_owned(), 12), ("1970-01-02".to_owned(), 13)]);
}

#[test]
fn spreads_are_times_that_were_taken() {
    let check = |seconds: &[i64], expected: (i64, i64, i64)| {
        let spread = Spread::of(seconds.to_vec());
        let found = (spread.median_seconds, spread.p90_seconds, spread.max_seconds);
        assert_eq!((spread.count, found), (seconds.len(), expected), "{seconds:?}");
    };
    check(&[], (0, 0, 0));
    check(&[7], (7, 7, 7));
    check(&[4, 1, 3, 2], (2, 4, 4));
    check(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], (5, 9, 10));
}

#[test]
fn an_entry_proves_request_approval_write_verification_and_removal() {
    let (mut ledger, event) = (Ledger::default(), EventRef { source: "hr".into(), id: "1".into() });
    let engineer = Engineer::example("E-1");
    let received = Received {
        event: event.clone(),
        content: String::new(),
        verdict: super::super::entry::Disposition::Applied,
        engineer: Some(engineer.key.clone()),
    };
    ledger.write(1, Actor::Event(event.clone()), Change::Received(received));
    ledger.write(1, Actor::Event(event), Change::Engineer(Box::new(engineer.clone())));
    let mut row = opened(&mut ledger, 2);
    ledger.lived_through(3, &mut row);
    ledger.moved(100, &mut row, Input::Recheck);
    ledger.lived_through(101, &mut row);
    ledger.moved(500, &mut row, Input::Retargeted(Box::new(wish(Want::Absent, 2, 490))));
    ledger.lived_through(510, &mut row);
    let mut prover = Prover::default();
    let proofs: Vec<_> = ledger.0.iter().flat_map(|entry| prover.proofs(entry, &engineer.key)).collect();
    let of = |kind: Kind| -> Vec<&str> {
        proofs.iter().filter(|proof| proof.kind == kind).map(|proof| proof.what.as_str()).collect()
    };
    assert_eq!(of(Kind::Request), ["event hr 1", "present by revision 1"]);
    assert_eq!(of(Kind::Approval), ["none asked for: within the limits on grants"]);
    assert!(
        of(Kind::Write).starts_with(&["username", "account", "password", "name", "license"]),
        "{proofs:?}"
    );
    assert_eq!(of(Kind::Removal), ["role_off", "sign_out", "suspend", "no_paid_license", "removal"]);
    assert!(of(Kind::Verification).contains(&"locked_out") && of(Kind::Verification).contains(&"verify"));
    let role = proofs.iter().find(|proof| proof.what == "role").expect("the role was given");
    assert_eq!(role.account.as_ref().map(ToString::to_string).as_deref(), Some("100"));
}

#[test]
fn an_approval_is_what_lets_somebody_in_and_no_other_order() {
    let operator = || Actor::Operator { name: "ops".into(), reason: "again".into() };
    let (mut prover, mut engineer, mut position) = (Prover::default(), Engineer::example("E-1"), 0);
    let mut check = |engineer: &Engineer, actor: Actor, expected: Option<&str>| {
        position += 1;
        let changes = vec![Change::Engineer(Box::new(engineer.clone()))];
        let entry = Entry { position: Position(position), at: at(1), actor, changes };
        let proofs = prover.proofs(&entry, &engineer.key);
        let found: Vec<&str> = proofs.iter().map(|proof| proof.what.as_str()).collect();
        assert_eq!(found, expected.as_slice(), "entry {position}");
    };
    engineer.release = Release::Held { since: at(1), why: Hold::GrantLimit };
    check(&engineer, Actor::Engine, None);
    engineer.release = Release::Granted(at(1));
    check(&engineer, operator(), Some("by an operator"));
    check(&engineer, operator(), None);
    engineer.stated.approval = Some("CASE-1".into());
    check(&engineer, Actor::Engine, Some("by the event: CASE-1"));
    check(&engineer, operator(), None);
    let (statement, since) = (engineer.stated.clone(), at(1));
    let asked = super::super::engineer::Asked { statement, since, why: Hold::GrantLimit };
    engineer.asked = Some(Box::new(asked));
    engineer.stated.approval = Some("CASE-2".into());
    check(&engineer, Actor::Engine, None);
    check(&engineer, operator(), None);
    engineer.asked = None;
    check(&engineer, operator(), Some("by an operator"));
}

#[test]
fn a_sample_is_the_seeds_and_nobodys_choice() {
    let chosen = |seed: &str, size: usize, backwards: bool| {
        let mut sample = Sample::new(seed, size);
        let mut keys: Vec<EngineerKey> = (0..50).map(|n| format!("E-{n}").parse().expect("a key")).collect();
        if backwards {
            keys.reverse();
        }
        keys.iter().chain(&keys).for_each(|key| sample.add(key));
        assert_eq!(sample.population(), 50);
        sample.chosen()
    };
    assert_eq!(chosen("a", 5, false), chosen("a", 5, true));
    assert!(chosen("a", 5, false).is_subset(&chosen("a", 9, false)));
    assert_ne!(chosen("a", 5, false), chosen("b", 5, false));
    assert_eq!(chosen("a", 99, false).len(), 50);
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
