//! What carepass told, read to the end of `carepass.outcomes`, and whether it may tell that. Who waits is taken from here, so that the
//! expected world follows from what the world was told. Not here: what is so at Google (`verdict`).

use super::{CROWDED, DOMAINS, ENGINEERS, MALFORMED, WITHOUT_SEAT};
use crate::fixture::queues::Queues;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The outcomes by subject, in the order in which they came, each id once: after a crash the last ones come again.
#[derive(Default)]
pub struct Told {
    by_subject: BTreeMap<String, Vec<Value>>,
}

impl Told {
    /// Reads on to the end of the queue.
    pub async fn read(&mut self, queues: &Queues) {
        for message in queues.take_all("carepass.outcomes").await {
            let mut event: Value = serde_json::from_slice(&message.delivery.data).unwrap();
            // The head of the chain is that of the moment: another one when the outcome is told again (docs/EVENTS.md).
            let head = event.as_object_mut().and_then(|event| event.remove("ledgerhead"));
            assert!(head.is_some(), "no head of the chain: {event}");
            let told = self.by_subject.entry(event["subject"].as_str().unwrap().to_owned()).or_default();
            match told.iter().find(|before| before["id"] == event["id"]) {
                Some(before) => assert_eq!(*before, event, "one id, two contents"),
                None => told.push(event),
            }
        }
    }

    /// Whether every engineer is ready, or waits somewhere and is ready everywhere else.
    pub fn is_complete(&self) -> bool {
        let is_settled = |number| {
            let told = self.of(number);
            told.contains(&"ready") || (told.contains(&"action-required") && told.len() > DOMAINS.len())
        };
        (0..ENGINEERS).all(is_settled)
    }

    /// Judges everything that was told; gives the engineers who wait for a seat.
    pub fn check(&self) -> BTreeSet<String> {
        let waiting: BTreeSet<String> =
            (0..ENGINEERS).filter_map(|number| self.check_engineer(number)).collect();
        assert_eq!(waiting.len(), WITHOUT_SEAT, "{waiting:?}");
        for (subject, events) in &self.by_subject {
            let numbers: Vec<&str> = events.iter().map(|event| event["sequence"].as_str().unwrap()).collect();
            assert!(numbers.is_sorted(), "{subject}: out of order: {numbers:?}");
            if subject.starts_with("reseller/") {
                assert_eq!(kinds(events), ["healthy"], "{subject}");
            }
            if subject.starts_with("dead-letter/") {
                assert_eq!(kinds(events), ["event-rejected"], "{subject}: parked once, whatever was killed");
            }
        }
        assert_eq!(
            self.by_subject.len(),
            ENGINEERS + 3 + MALFORMED.len(),
            "every engineer, every reseller account, every message that cannot be used, nobody else"
        );
        waiting
    }

    /// Accepted first; then each domain once, ready or waiting; and one `ready` at the end if nothing waits. Gives the key of who waits.
    fn check_engineer(&self, number: usize) -> Option<String> {
        let key = format!("E-{number:05}");
        let events = &self.by_subject[&format!("engineer/{key}")];
        for event in events {
            assert_eq!(event["causationid"], format!("joined-{key}"), "{event}");
            assert_eq!(event["data"]["engineerKey"], key, "{event}");
        }
        let told = self.of(number);
        let middle = match told.as_slice() {
            ["accepted", middle @ .., "ready"] => {
                assert!(!middle.contains(&"action-required"), "{key}: {told:?}");
                middle
            }
            ["accepted", middle @ ..] => middle,
            _ => panic!("{key}: {told:?}"),
        };
        assert!(
            middle.iter().all(|kind| ["progressed", "action-required"].contains(kind)),
            "{key}: {told:?}"
        );
        let domains = events[1..=middle.len()].iter().map(|event| event["data"]["domain"].as_str().unwrap());
        let domains: Vec<&str> = domains.collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(
            (domains.as_slice(), middle.len()),
            (&DOMAINS[..], DOMAINS.len()),
            "{key}: each domain once"
        );
        let wait = events.iter().find(|event| kind(event) == "action-required")?;
        check_wait(&wait["data"]);
        Some(key)
    }

    fn of(&self, number: usize) -> Vec<&str> {
        self.by_subject.get(&format!("engineer/E-{number:05}")).map_or_else(Vec::new, |events| kinds(events))
    }
}

/// Who must act, where, and why; in words, too.
fn check_wait(data: &Value) {
    let named =
        ["reseller", "domain", "state", "waitingOn", "reason", "step"].map(|field| data[field].as_str());
    let expected = [CROWDED.0, CROWDED.1, "waiting", "operator", "seats_spent", "account"].map(Some);
    assert_eq!(named, expected, "{data}");
    for language in ["en", "sv"] {
        assert!(data["message"][language].as_str().is_some_and(|text| !text.is_empty()), "{data}");
    }
    assert!(data["task"]["id"].is_string() && data["nextCheckAt"].is_string(), "{data}");
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(kind).collect()
}

/// The type without what all types have: `ready` of `com.carepass.provisioning.ready.v1`.
fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap().split('.').nth(3).expect("a type of the contract")
}
