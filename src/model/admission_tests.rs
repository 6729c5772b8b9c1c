//! What events mean for what is known, case by case: the sample of a joiner was admitted, and then comes another event.

use super::super::engineer::Forgetting;
use super::super::event::parse;
use super::super::roster::ResellerStatus;
use super::super::sealed::Sealed;
use super::super::statement::Statement;
use super::*;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The sample of a joiner as another type, with its own id, and with changes.
fn sample(word: &str, changes: &[(&str, Value)]) -> Event {
    let mut event: Value = serde_json::from_str(SAMPLE).unwrap();
    event["type"] = json!(format!("com.carepass.engineer.{word}.v1"));
    event["id"] = json!(format!("{word}-{changes:?}").replace(|c: char| !c.is_ascii_graphic(), "."));
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    parse(event.to_string().as_bytes(), Some("application/cloudevents+json"), &BTreeMap::new()).unwrap()
}

/// The engineer that the events, in turn, have made.
fn known(events: &[&Event]) -> Engineer {
    let mut engineer: Option<Engineer> = None;
    for event in events {
        let person = Sealed::from_bytes(Vec::new());
        engineer = Some(match (&event.lifecycle, engineer) {
            (Lifecycle::Joined(full) | Lifecycle::Moved(full), before) => {
                let (stated, upcoming) = Statement::of_full(event, full, person, NOW);
                let base = before.unwrap_or_else(|| Engineer::example(full.key.as_str()));
                let past = base.past_after(&stated);
                Engineer { stated, upcoming, past, ..base }
            }
            (Lifecycle::Left(_) | Lifecycle::Cancelled(_), Some(before)) => Engineer {
                stated: before.stated.clone().ended(event, NOW, false),
                upcoming: Vec::new(),
                ..before
            },
            (Lifecycle::Left(_) | Lifecycle::Cancelled(_), None) => panic!("nobody to leave"),
            (Lifecycle::Erased(_), Some(before)) => {
                Engineer { forgetting: Some(Forgetting::Done(NOW)), ..before }
            }
            (Lifecycle::Erased(_), None) => panic!("nobody to erase"),
        });
    }
    engineer.unwrap()
}

fn roster(domains: Option<&[&str]>) -> Roster {
    let domains = domains.map(|domains| domains.iter().map(|domain| domain.parse().unwrap()).collect());
    Roster { resellers: [("se".parse().unwrap(), ResellerStatus { domains, ready: true })].into() }
}

fn decided(event: &Event, before: &[&Event], domains: Option<&[&str]>) -> Admission {
    let engineer = (!before.is_empty()).then(|| known(before));
    let received = before.iter().find(|known| known.reference == event.reference).map(|known| Received {
        event: known.reference.clone(),
        content: known.content_hash.to_string(),
        verdict: Disposition::Applied,
        engineer: Some(known.engineer().clone()),
    });
    let profiles = BTreeSet::from([Profile::SupportCases]);
    let roster = roster(domains);
    decide(event, received.as_ref(), engineer.as_ref(), House { roster: &roster, profiles: &profiles })
}

fn check(event: &Event, before: &[&Event], expected: Admission) {
    assert_eq!(decided(event, before, Some(&["a.se"])), expected, "{event:?}");
}

const APPLY: Admission = Admission::Apply { hold: None, gap: false };
const GAP: Admission = Admission::Apply { hold: None, gap: true };
const ASK: Admission = Admission::Apply { hold: Some(Hold::EmploymentEnded), gap: false };
const STALE: Admission = Admission::Note(Disposition::Stale);
const REPEATED: Admission = Admission::Note(Disposition::Repeated);

fn revision(number: u64) -> (&'static str, Value) {
    ("/data/revision", json!(number))
}

/// An old state of an employment that another one has followed does not begin it anew.
#[test]
fn what_is_over_stays_over() {
    let spell = |number: u64| ("/data/employment/id", json!(format!("E-20417/{number}")));
    let first = sample("joined", &[revision(3), spell(1)]);
    let left = sample("left", &[revision(4), spell(1)]);
    let second = sample("joined", &[revision(5), spell(2)]);
    let over = refuse("/data/employment/id", ReasonCode::EmploymentOver);
    check(&sample("joined", &[revision(6), spell(1)]), &[&first, &left, &second], over);
    check(&sample("moved", &[revision(6), spell(1)]), &[&first, &second], over);
    check(&sample("moved", &[revision(6), spell(2)]), &[&first, &left, &second], APPLY);
    check(&sample("joined", &[revision(6), spell(3)]), &[&first, &left, &second], APPLY);
}

#[test]
fn order_duplicates_and_conflicts() {
    let joined = sample("joined", &[]);
    let renamed = ("/data/engineer/name/given", json!("Marta"));
    let other_id = ("/id", json!("other"));
    check(&joined, &[&joined], Admission::Known);
    let same_id = ("/id", json!(joined.reference.id));
    check(&sample("joined", &[renamed.clone(), same_id]), &[&joined], refuse("/id", ReasonCode::IdConflict));
    check(&sample("joined", &[other_id]), &[&joined], REPEATED);
    check(&sample("moved", &[revision(2)]), &[&joined], STALE);
    check(&sample("moved", &[revision(4)]), &[&joined], APPLY);
    check(&sample("moved", &[revision(6)]), &[&joined], GAP);
    check(&sample("moved", &[renamed]), &[&joined], refuse("/data/revision", ReasonCode::RevisionConflict));
    check(&sample("moved", &[]), &[], APPLY);
}

#[test]
fn a_leaver_fences_every_lower_revision_and_a_rehire_needs_a_new_employment() {
    let (joined, left) = (sample("joined", &[]), sample("left", &[revision(5)]));
    check(&left, &[&joined], GAP);
    check(&left, &[], APPLY);
    check(&sample("joined", &[revision(4)]), &[&joined, &left], STALE);
    check(&sample("joined", &[revision(6)]), &[&joined, &left], ASK);
    check(&sample("moved", &[revision(6)]), &[&joined, &left], ASK);
    let rehired = ("/data/employment/id", json!("E-20417/2"));
    check(&sample("joined", &[revision(6), rehired.clone()]), &[&joined, &left], APPLY);
    let rehire = sample("joined", &[revision(6), rehired]);
    let mismatch = refuse("/data/employment/id", ReasonCode::EmploymentMismatch);
    check(&sample("left", &[revision(7)]), &[&joined, &left, &rehire], mismatch);
    check(&sample("cancelled", &[revision(7)]), &[&joined, &left, &rehire], mismatch);
}

#[test]
fn an_end_that_is_to_come_can_be_undone() {
    let ends = sample("joined", &[("/data/employment/lastDay", json!("2027-06-30"))]);
    check(&sample("moved", &[revision(4)]), &[&ends], APPLY);
    check(
        &sample(
            "joined",
            &[revision(3), ("/id", json!("again")), ("/data/employment/lastDay", json!("2027-06-30"))],
        ),
        &[&ends],
        REPEATED,
    );
    check(&sample("erased", &[revision(4)]), &[&ends], refuse("/type", ReasonCode::EraseWhilePresent));
}

#[test]
fn only_who_has_left_is_forgotten_and_a_later_word_of_it_fences_too() {
    let (joined, left) = (sample("joined", &[]), sample("left", &[revision(4)]));
    let erased = sample("erased", &[revision(5)]);
    check(&erased, &[], REPEATED);
    check(&erased, &[&joined], refuse("/type", ReasonCode::EraseWhilePresent));
    check(&erased, &[&joined, &left], APPLY);
    let again = Admission::Apply { hold: None, gap: true };
    check(&sample("erased", &[revision(6)]), &[&joined, &left, &erased], again);
}

#[test]
fn what_a_scope_names_must_be_known_once_all_is() {
    let named = sample("joined", &[("/data/scope/domains", json!(["x.example"]))]);
    let unknown = refuse("/data/scope/domains", ReasonCode::DomainNotConfigured);
    assert_eq!(decided(&named, &[], Some(&["a.se"])), unknown);
    assert_eq!(decided(&named, &[], Some(&["a.se", "x.example"])), APPLY);
    assert_eq!(decided(&named, &[], None), APPLY);
    let admin = sample("joined", &[("/data/scope/profile", json!("reseller-admin"))]);
    let refused = refuse("/data/scope/profile", ReasonCode::ProfileNotConfigured);
    assert_eq!(decided(&admin, &[], None), refused);
}

/// A late word about an employment that nobody has heard of is shown to a person, and one about a known one is old.
#[test]
fn what_a_newer_word_has_overtaken_is_not_dropped_unseen() {
    let spell = |number: u64| ("/data/employment/id", json!(format!("E-20417/{number}")));
    let (first, left) = (sample("joined", &[spell(1)]), sample("left", &[revision(6), spell(1)]));
    let overtaken = refuse("/data/revision", ReasonCode::Overtaken);
    check(&sample("joined", &[revision(5), spell(2)]), &[&first, &left], overtaken);
    check(&sample("moved", &[revision(5), spell(1)]), &[&first, &left], STALE);
    // The cancellation came first, so its start is not let in.
    let cancelled = sample("cancelled", &[revision(8), spell(2)]);
    check(&cancelled, &[&first, &left], GAP);
    check(&cancelled, &[&first], refuse("/data/employment/id", ReasonCode::EmploymentMismatch));
}

#[test]
fn more_than_can_be_kept_is_refused_and_an_end_is_not() {
    let joined = sample("joined", &[]);
    let check = |announced: usize, word: &str, expected: Admission| {
        let mut engineer = known(&[&joined]);
        engineer.upcoming = vec![engineer.stated.clone(); announced];
        let (profiles, roster) = (BTreeSet::from([Profile::SupportCases]), roster(Some(&["a.se"])));
        let house = House { roster: &roster, profiles: &profiles };
        assert_eq!(decide(&sample(word, &[revision(4)]), None, Some(&engineer), house), expected, "{word}");
    };
    check(UPCOMING_MAX - 1, "moved", APPLY);
    check(UPCOMING_MAX, "moved", refuse("/data/employment", ReasonCode::TooManyUpcoming));
    check(UPCOMING_MAX, "left", APPLY);
}
