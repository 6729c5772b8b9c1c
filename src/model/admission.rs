//! What a readable event means for what is already known: new, said before, too late, or in conflict (`docs/EVENTS.md`, order and duplicates).
//! Pure. Not here: reading the message (`event`), sealing and storing (`engine/intake`).

use super::engineer::Engineer;
use super::entry::{Disposition, Received};
use super::event::{Event, Lifecycle, Profile, ReasonCode};
use super::roster::Roster;

/// What is to be done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It sets the engineer's goal.
    Apply,
    /// It is known by its id and says the same: nothing is written.
    Known,
    /// It is new by its id and changes nothing; it is noted.
    Note(Disposition),
    /// It cannot be used.
    Refuse {
        /// Where: a JSON pointer.
        pointer: &'static str,
        /// Why.
        reason: ReasonCode,
    },
}

/// Decides, from the event, what the inbox knows of its id, the engineer as stored, and the reseller accounts.
pub fn decide(
    event: &Event,
    received: Option<&Received>,
    engineer: Option<&Engineer>,
    roster: &Roster,
) -> Admission {
    let Lifecycle::Joined(joined) = &event.lifecycle;
    let content = event.content_hash.to_string();
    if let Some(received) = received {
        let same = received.content == content;
        return if same { Admission::Known } else { refuse("/id", ReasonCode::IdConflict) };
    }
    if let Some(engineer) = engineer {
        if joined.revision < engineer.goal.revision {
            return Admission::Note(Disposition::Stale);
        }
        if joined.revision == engineer.goal.revision {
            let same = engineer.content == content;
            let repeated = Admission::Note(Disposition::Repeated);
            return if same { repeated } else { refuse("/data/revision", ReasonCode::RevisionConflict) };
        }
    }
    if joined.profile == Profile::ResellerAdmin {
        return refuse("/data/scope/profile", ReasonCode::ProfileNotConfigured);
    }
    if roster.is_complete() && !roster.strangers(&joined.scope).is_empty() {
        return refuse("/data/scope/domains", ReasonCode::DomainNotConfigured);
    }
    Admission::Apply
}

fn refuse(pointer: &'static str, reason: ReasonCode) -> Admission {
    Admission::Refuse { pointer, reason }
}

#[cfg(test)]
mod tests {
    use super::super::engineer::Release;
    use super::super::enrollment::{Goal, Want};
    use super::super::event::parse;
    use super::super::roster::ResellerStatus;
    use super::super::sealed::Sealed;
    use super::*;
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");

    fn event(from: &str, to: &str) -> Event {
        assert!(SAMPLE.contains(from));
        parse(SAMPLE.replacen(from, to, 1).as_bytes(), Some("application/cloudevents+json"), &BTreeMap::new())
            .unwrap()
    }

    fn stored(event: &Event) -> (Received, Engineer) {
        let Lifecycle::Joined(joined) = &event.lifecycle;
        let content = event.content_hash.to_string();
        let received = Received {
            event: event.reference.clone(),
            content: content.clone(),
            verdict: Disposition::Applied,
            engineer: Some(joined.key.clone()),
        };
        let engineer = Engineer {
            key: joined.key.clone(),
            version: 1,
            goal: Goal { want: Want::Present, revision: joined.revision },
            employment: joined.employment.clone(),
            starts: None,
            scope: joined.scope.clone(),
            person: Sealed::from_bytes(Vec::new()),
            username: None,
            release: Release::Granted(Timestamp::UNIX_EPOCH),
            content,
            cause: event.reference.clone(),
            correlation_id: None,
        };
        (received, engineer)
    }

    fn roster(domains: Option<&[&str]>) -> Roster {
        let domains = domains.map(|domains| domains.iter().map(|domain| domain.parse().unwrap()).collect());
        Roster { resellers: [("se".parse().unwrap(), ResellerStatus { domains, ready: true })].into() }
    }

    /// The sample was admitted; now comes the sample with one change, under its own id or the old one.
    fn check(from: &str, to: &str, expected: Admission) {
        let (received, engineer) = stored(&event("\"specversion\"", "\"specversion\""));
        let event = event(from, to);
        let known = (event.reference == received.event).then_some(&received);
        assert_eq!(
            decide(&event, known, Some(&engineer), &roster(Some(&["a.se"]))),
            expected,
            "{from} -> {to}"
        );
    }

    #[test]
    fn order_duplicates_and_conflicts() {
        const OTHER_ID: (&str, &str) = ("9b11\"", "9b12\"");
        let later = |from: &str, to: &str| SAMPLE.replacen(OTHER_ID.0, OTHER_ID.1, 1).replacen(from, to, 1);
        let decided = |text: String| {
            let event =
                parse(text.as_bytes(), Some("application/cloudevents+json"), &BTreeMap::new()).unwrap();
            let (_, engineer) = stored(&self::event("\"specversion\"", "\"specversion\""));
            decide(&event, None, Some(&engineer), &roster(Some(&["a.se"])))
        };
        check("\"specversion\"", "\"specversion\"", Admission::Known);
        check("Märta", "Marta", refuse("/id", ReasonCode::IdConflict));
        check(OTHER_ID.0, OTHER_ID.1, Admission::Note(Disposition::Repeated));
        assert_eq!(decided(later("\"revision\": 3", "\"revision\": 2")), Admission::Note(Disposition::Stale));
        assert_eq!(decided(later("\"revision\": 3", "\"revision\": 4")), Admission::Apply);
        assert_eq!(decided(later("Märta", "Marta")), refuse("/data/revision", ReasonCode::RevisionConflict));
    }

    #[test]
    fn a_domain_must_belong_to_a_reseller_account_once_all_are_known() {
        let named = event("\"all\"", "[\"x.example\"]");
        let unknown = refuse("/data/scope/domains", ReasonCode::DomainNotConfigured);
        assert_eq!(decide(&named, None, None, &roster(Some(&["a.se"]))), unknown);
        assert_eq!(decide(&named, None, None, &roster(Some(&["a.se", "x.example"]))), Admission::Apply);
        assert_eq!(decide(&named, None, None, &roster(None)), Admission::Apply);
        let admin = event("support-cases", "reseller-admin");
        let refused = refuse("/data/scope/profile", ReasonCode::ProfileNotConfigured);
        assert_eq!(decide(&admin, None, None, &roster(None)), refused);
    }
}
