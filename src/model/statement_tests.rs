//! What is in force and what is to come, case by case. A statement is written `want/revision/employment@day`.

use super::*;
use jiff::SignedDuration;
use std::collections::BTreeMap;

const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");

fn day(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
}

fn statement(text: &str) -> Statement {
    let (what, from) = text.split_once('@').unwrap();
    let [want, revision, employment] = what.split('/').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let want = if want == "in" { Want::Present } else { Want::Absent };
    let mut statement = Engineer::example("E-1").stated;
    statement.goal = Goal { want, revision: revision.parse().unwrap() };
    statement.employment = employment.parse().unwrap();
    statement.from = day(from.parse().unwrap());
    statement.own_from = statement.from;
    statement.own_revision = statement.goal.revision;
    statement
}

fn show(statement: &Statement) -> String {
    let want = if statement.goal.want == Want::Present { "in" } else { "out" };
    let from = statement.from.duration_since(Timestamp::UNIX_EPOCH).as_hours() / 24;
    format!("{want}/{}/{}@{from}", statement.goal.revision, statement.employment)
}

fn engineer(statements: &[&str]) -> Engineer {
    let mut all = statements.iter().map(|text| statement(text));
    Engineer { stated: all.next().unwrap(), upcoming: all.collect(), ..Engineer::example("E-1") }
}

fn shown(stated: &Statement, upcoming: &[Statement]) -> Vec<String> {
    [stated].into_iter().chain(upcoming).map(show).collect()
}

/// Known is what is in force and to come, then comes what is said on day 10.
fn check(known: &[&str], said: &[&str], expected: &[&str]) {
    let before = (!known.is_empty()).then(|| engineer(known));
    let mut said = said.iter().map(|text| statement(text));
    let said = (said.next().unwrap(), said.collect());
    let (stated, upcoming) = heard(before.as_ref(), said, day(10), SignedDuration::ZERO);
    assert_eq!(shown(&stated, &upcoming), expected, "{known:?}");
}

#[test]
fn a_full_state_replaces_what_was_to_come_of_its_own_employment() {
    check(&[], &["in/1/a@10"], &["in/1/a@10"]);
    check(&["in/1/a@0"], &["in/2/a@10"], &["in/2/a@10"]);
    check(&["in/1/a@0"], &["in/2/a@20"], &["in/1/a@0", "in/2/a@20"]);
    check(&["in/1/a@0", "in/2/a@20"], &["in/3/a@10"], &["in/3/a@10"]);
    check(&["in/1/a@0", "out/2/a@20"], &["in/3/a@10"], &["in/3/a@10"]);
    check(&["in/1/a@0", "out/1/a@20"], &["in/3/a@10", "out/3/a@30"], &["in/3/a@10", "out/3/a@30"]);
    check(&["out/2/a@5"], &["in/3/b@10"], &["in/3/b@10"]);
    check(
        &["in/1/a@0", "out/2/a@20", "in/3/b@30", "out/3/b@90"],
        &["in/4/a@10", "out/4/a@25"],
        &["in/4/a@10", "out/4/a@25", "in/4/b@30", "out/4/b@90"],
    );
}

/// Each spell keeps its own statements, in the order of their beginnings, under a revision no older than what comes before.
#[test]
fn other_employments_stay_and_begin_one_after_the_other() {
    check(&["in/1/a@0", "in/3/b@30"], &["in/4/a@10"], &["in/4/a@10", "in/4/b@30"]);
    check(
        &["in/1/a@0", "in/3/b@30"],
        &["in/4/a@10", "out/4/a@50"],
        &["in/4/a@10", "out/4/a@50", "in/4/b@50"],
    );
    check(&["in/1/a@0", "in/2/a@15"], &["in/3/b@60"], &["in/1/a@0", "in/2/a@15", "in/3/b@60"]);
    check(&["in/1/a@0", "in/2/a@80"], &["in/3/b@60"], &["in/1/a@0", "in/3/b@60"]);
    let three = ["in/1/a@0", "out/2/a@20", "in/3/b@30", "out/3/b@90"];
    check(&three, &["in/4/c@40"], &["in/1/a@0", "out/2/a@20", "in/3/b@30", "out/3/b@90", "in/4/c@90"]);
    check(&three, &["in/4/b@40"], &["in/1/a@0", "out/2/a@20", "in/4/b@40"]);
    check(&three, &["out/4/a@40"], &["in/1/a@0", "out/4/a@40", "in/4/b@40", "out/4/b@90"]);
    check(
        &["in/1/a@0", "in/2/b@30", "in/3/c@60"],
        &["in/4/b@30", "out/4/b@70"],
        &["in/1/a@0", "in/4/b@30", "out/4/b@70", "in/4/c@70"],
    );
}

/// A word about other things does not move the start that was named before.
#[test]
fn a_start_stays_until_another_is_named() {
    let named = |text: &str, on: i64| Statement { starts: Some(day(on)), ..statement(text) };
    let check = |known: Vec<Statement>, said: &str, expected: &[&str], starts: i64| {
        let mut known = known.into_iter();
        let before =
            Engineer { stated: known.next().unwrap(), upcoming: known.collect(), ..engineer(&["in/1/a@0"]) };
        let said = (statement(said), Vec::new());
        let (stated, upcoming) = heard(Some(&before), said, day(10), SignedDuration::ZERO);
        assert_eq!(shown(&stated, &upcoming), expected);
        assert_eq!(upcoming.last().unwrap_or(&stated).starts, Some(day(starts)));
    };
    check(vec![named("in/1/a@0", 60)], "in/2/a@10", &["in/2/a@10"], 60);
    check(vec![statement("out/2/a@5"), named("in/3/b@70", 70)], "in/4/b@10", &["out/2/a@5", "in/4/b@70"], 70);
    let later = &["out/2/a@5", "in/3/b@70", "in/4/b@80"];
    check(vec![statement("out/2/a@5"), named("in/3/b@70", 70)], "in/4/b@80", later, 70);
}

#[test]
fn of_whom_nothing_was_heard_what_is_to_come_is_a_start() {
    let starts =
        |from: &str| heard(None, (statement(from), Vec::new()), day(10), SignedDuration::ZERO).0.starts;
    assert_eq!(starts("in/1/a@20"), Some(day(20)));
    assert_eq!(starts("in/1/a@10"), None);
}

#[test]
fn an_end_leaves_standing_what_comes_before_it() {
    check(&["in/1/a@0"], &["out/2/a@10"], &["out/2/a@10"]);
    check(&["in/1/a@0"], &["out/2/a@20"], &["in/1/a@0", "out/2/a@20"]);
    check(&["in/1/a@0", "in/2/a@15"], &["out/3/a@20"], &["in/1/a@0", "in/2/a@15", "out/3/a@20"]);
    check(&["in/1/a@0", "in/2/a@25"], &["out/3/a@20"], &["in/1/a@0", "out/3/a@20"]);
    check(&["in/1/a@0", "out/1/a@30"], &["out/2/a@10"], &["out/2/a@10"]);
    check(&["in/1/a@0", "out/2/a@20"], &["out/3/a@30"], &["in/1/a@0", "out/3/a@30"]);
}

#[test]
fn another_employment_begins_after_the_end_of_the_one_before() {
    let known = ["in/1/a@0", "out/2/a@20"];
    check(&known, &["in/3/b@10"], &["in/1/a@0", "out/2/a@20", "in/3/b@20"]);
    check(&known, &["in/3/b@30"], &["in/1/a@0", "out/2/a@20", "in/3/b@30"]);
}

/// Whoever comes back later has no access until then, and who was announced keeps the end of the spell before.
#[test]
fn a_start_that_is_to_come_takes_no_end_away() {
    let starts = |text: &str, on: i64| {
        let statement = statement(text);
        Statement { starts: Some(day(on)), ..statement }
    };
    let heard = |known: &[&str], said: Statement| {
        let (stated, upcoming) =
            heard(Some(&engineer(known)), (said, Vec::new()), day(10), SignedDuration::ZERO);
        shown(&stated, &upcoming)
    };
    assert_eq!(heard(&["out/2/a@10"], starts("in/3/b@10", 70)), ["out/2/a@10", "in/3/b@70"]);
    assert_eq!(heard(&["in/1/a@0"], starts("in/3/b@10", 70)), ["in/1/a@0", "in/3/b@70"]);
    assert_eq!(heard(&["in/1/a@0"], starts("in/3/a@10", 70)), ["in/3/a@10"]);
}

#[test]
fn an_end_leaves_another_employment_to_come() {
    check(&["in/1/a@0", "in/2/b@70"], &["out/3/a@10"], &["out/3/a@10", "in/3/b@70"]);
    check(&["in/1/a@0", "in/2/b@70"], &["out/3/a@90"], &["in/1/a@0", "out/3/a@90", "in/3/b@90"]);
    check(&["in/1/a@0", "in/3/b@70"], &["out/2/a@10"], &["out/3/a@10", "in/3/b@70"]);
}

#[test]
fn an_employment_that_was_to_come_is_called_off_and_nobody_is_locked_out() {
    let event: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
    let mut event = event;
    event["type"] = "com.carepass.engineer.cancelled.v1".into();
    event["data"]["revision"] = 4.into();
    let event = crate::model::event::parse(
        event.to_string().as_bytes(),
        Some("application/cloudevents+json"),
        &BTreeMap::new(),
    )
    .unwrap();
    let before = engineer(&["in/1/a@0", "out/2/a@20", "in/3/b@30"]);
    let (stated, upcoming) = called_off(&before, &event, &"b".parse().unwrap());
    assert_eq!(shown(&stated, &upcoming), ["in/4/a@0", "out/4/a@20"]);
    assert_eq!(stated.cause.event, event.reference);
}
