//! What people and machines are shown: rows, engineers, entries of the ledger.

use super::*;
use crate::model::engineer::{Release, Scope};
use crate::model::enrollment::Goal;
use crate::model::entry::Position;
use crate::model::roster::ResellerStatus;
use crate::model::sealed::{NameTag, Sealed};

fn row(state: State) -> Enrollment {
    let goal = Goal { want: Want::Present, revision: 3 };
    let mut row = Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
    row.state = state;
    row.credential = Some(Sealed::from_bytes(vec![1; 64]));
    row
}

fn shown(state: State) -> Value {
    let wording = Wording { language: Language::English, now: Timestamp::UNIX_EPOCH };
    serde_json::to_value(wording.enrollment(&row(state))).unwrap()
}

#[test]
fn an_enrollment_has_the_fields_of_the_contract() {
    let goal = Goal { want: Want::Present, revision: 3 };
    let open = Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
    let at = open.state.at().unwrap();
    let reason = Failure::needs(Who::Operator, FailureCode::SeatsSpent).with_detail("seats 10 of 10");
    let waiting = shown(State::Waiting { at, on: Who::Operator, reason, look_again: Timestamp::UNIX_EPOCH });
    for field in [
        "goal",
        "state",
        "step",
        "attempt",
        "waiting_on",
        "reason",
        "message",
        "look_again_at",
        "done",
        "version",
    ] {
        assert!(!waiting[field].is_null(), "{field}: {waiting}");
    }
    assert_eq!(waiting["target"], json!({ "kind": "domain", "reseller": "se", "domain": "a.se" }));
    assert_eq!((&waiting["waiting_on"], &waiting["reason"]), (&json!("operator"), &json!("seats_spent")));
    assert_eq!(waiting.get("credential"), None);
    let cancelled = shown(State::Cancelled { reason: "left".into() });
    assert_eq!(cancelled["message"], "An operator ended this, with the words: left");
    assert_eq!(shown(State::Completed)["message"], Value::Null);
}

/// Nobody's wait is without a name, also where no row can show it.
#[test]
fn an_engineer_who_waits_for_an_unknown_account_says_so() {
    let engineer = |scope, release| {
        let mut engineer = Engineer { release, ..Engineer::example("E-1") };
        engineer.stated.scope = scope;
        engineer
    };
    let mut roster = Roster::default();
    let known = ResellerStatus { domains: Some(["a.se".parse().unwrap()].into()), ready: true };
    roster.resellers.insert("se".parse().unwrap(), known);
    roster.resellers.insert("no".parse().unwrap(), ResellerStatus::default());
    let wording = Wording { language: Language::English, now: Timestamp::UNIX_EPOCH };
    let check = |scope: Scope, release, rows: &[Enrollment], expected: Option<(Who, FailureCode)>| {
        let shown = wording.engineer(&engineer(scope, release), None, &roster, rows);
        assert_eq!(shown.waiting_on.zip(shown.reason), expected, "{rows:?}");
        assert_eq!(shown.message.is_some(), expected.is_some());
    };
    let granted = Release::Granted(Timestamp::UNIX_EPOCH);
    let unknown = Some((Who::Reseller, FailureCode::ResellerNotReady));
    let only_a = || Scope::Domains(["a.se".parse().unwrap()].into());
    check(Scope::All, granted, &[], unknown);
    check(Scope::All, granted, &[row(State::Completed)], unknown);
    check(only_a(), granted, &[row(State::Completed)], None);
    let held = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::GrantLimit };
    check(only_a(), held, &[], Some((Who::Operator, FailureCode::GrantsHeld)));
}

#[test]
fn aliases_are_sealed_in_the_ledger_too() {
    let engineer = Engineer { aliases: vec![Sealed::from_bytes(vec![9; 32])], ..Engineer::example("E-1") };
    assert_eq!(change(&Change::Engineer(Box::new(engineer)))["aliases"], SEALED);
}

#[test]
fn moments_are_shown_where_they_belong() {
    let mut engineer = Engineer::example("E-1");
    engineer.stated.time_zone = TimeZoneName::parse("Europe/Stockholm").unwrap();
    engineer.stated.starts = Some("2026-11-30T23:00:00Z".parse().unwrap());
    let mut end = engineer.stated.clone();
    end.goal.want = Want::Absent;
    end.from = "2026-11-27T16:00:00Z".parse().unwrap();
    engineer.upcoming = vec![end];
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    let shown = |language| {
        let shown = Wording { language, now }.engineer(&engineer, None, &Roster::default(), &[]);
        (shown.starts_shown.unwrap(), shown.upcoming[0].shown.clone())
    };
    let english = ("Tuesday 00:00 Stockholm (Monday 23:00 UTC)", "Friday 17:00 Stockholm (16:00 UTC)");
    let swedish = ("tisdag 00.00 Stockholm (måndag 23.00 UTC)", "fredag 17.00 Stockholm (16.00 UTC)");
    for (language, (starts, ends)) in [(Language::English, english), (Language::Swedish, swedish)] {
        assert_eq!(shown(language), (starts.to_owned(), ends.to_owned()));
    }
}

#[test]
fn the_ledger_is_shown_without_what_is_sealed() {
    let key: EngineerKey = "E-1".parse().unwrap();
    let other = Change::Reserved { tag: NameTag::from_bytes(vec![7; 32]), engineer: "E-2".parse().unwrap() };
    let changes = vec![
        Change::Enrollment { from: Some(1), row: Box::new(row(State::Completed)) },
        Change::Reserved { tag: NameTag::from_bytes(vec![7; 32]), engineer: key.clone() },
        other,
    ];
    let entry = Entry { position: Position(9), at: Timestamp::UNIX_EPOCH, actor: Actor::Engine, changes };
    let shown = serde_json::to_value(EntryView::of(&entry, &key)).unwrap();
    assert_eq!(shown["changes"].as_array().unwrap().len(), 2, "the other engineer's change is not shown");
    assert_eq!(shown["changes"][0]["credential"], SEALED);
    assert_eq!(shown["changes"][0]["kind"], "enrollment");
    assert_eq!(shown["changes"][1], json!({ "kind": "reserved", "username": SEALED, "engineer": "E-1" }));
    assert!(!shown.to_string().contains("AQEB") && !shown.to_string().contains("BwcH"), "{shown}");
}
