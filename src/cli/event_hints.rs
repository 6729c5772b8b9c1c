//! What an event that can be used does and its sender may not expect, as far as the event alone tells: hints of `event lint`, never
//! faults. Not here: faults (`model/event`).

use crate::model::event::{Employment, Event, Lifecycle};
use crate::model::id::EngineerKey;
use crate::model::person::Language;
use jiff::Timestamp;
use jiff::civil::Date;

/// A hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// A `left` without any date, and not marked as urgent.
    EndsAtOnce,
    /// The last day, or the moment of the end, has passed.
    EndHasPassed,
    /// The key is made like a personal identity number, which would stand in ledger, logs and outcomes.
    KeyIsPersonal,
}

impl Hint {
    /// The stable word.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::EndsAtOnce => "ends_at_once",
            Self::EndHasPassed => "end_has_passed",
            Self::KeyIsPersonal => "key_is_personal",
        }
    }

    /// Where in the event.
    pub(super) fn pointer(self) -> &'static str {
        match self {
            Self::EndsAtOnce => "/data/employment",
            Self::EndHasPassed => "/data/employment/lastDay",
            Self::KeyIsPersonal => "/data/engineer/key",
        }
    }

    /// What is so, and what to send if something else is meant.
    pub(super) fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::EndsAtOnce, Language::English) => {
                "The event names no date, so access ends as soon as it comes. Send lastDay or effectiveAt if it is to end later, or urgency \"immediate\" if this is meant."
            }
            (Self::EndsAtOnce, Language::Swedish) => {
                "Händelsen anger inget datum, så åtkomsten upphör så snart den kommer. Skicka lastDay eller effectiveAt om den ska upphöra senare, eller urgency \"immediate\" om det är avsikten."
            }
            (Self::EndHasPassed, Language::English) => {
                "The end of the employment has passed, so access ends as soon as the event comes. Send the right date if that is not meant."
            }
            (Self::EndHasPassed, Language::Swedish) => {
                "Anställningens slut har passerat, så åtkomsten upphör så snart händelsen kommer. Skicka rätt datum om det inte är avsikten."
            }
            (Self::KeyIsPersonal, Language::English) => {
                "The key looks like a personal identity number; it stands in the ledger, in logs and in outcomes, and is not erased. Send an opaque key of the HR system."
            }
            (Self::KeyIsPersonal, Language::Swedish) => {
                "Nyckeln ser ut som ett personnummer; den står i huvudboken, i loggar och i utfall och raderas inte. Skicka en intern nyckel ur HR-systemet."
            }
        }
    }
}

/// The hints for an event.
pub(super) fn hints(event: &Event, now: Timestamp) -> Vec<Hint> {
    let mut hints = Vec::new();
    if is_like_identity_number(event.engineer()) {
        hints.push(Hint::KeyIsPersonal);
    }
    let has_passed = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    match &event.lifecycle {
        Lifecycle::Left(ending) => {
            let Employment { immediate, .. } = ending.employment;
            let ends = ending.employment.leaves_at();
            if ends.is_none() && !immediate {
                hints.push(Hint::EndsAtOnce);
            }
            if has_passed(ends) {
                hints.push(Hint::EndHasPassed);
            }
        }
        Lifecycle::Joined(full) | Lifecycle::Moved(full) => {
            if has_passed(full.employment.last_moment()) {
                hints.push(Hint::EndHasPassed);
            }
        }
        Lifecycle::Cancelled(_) | Lifecycle::Erased(_) => (),
    }
    hints
}

/// Whether the key is built like the identity numbers of the Nordic countries: a day of birth, then three to five signs.
fn is_like_identity_number(key: &EngineerKey) -> bool {
    let text: Vec<u8> = key.as_str().bytes().collect();
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let digits: Vec<u8> = text.iter().copied().filter(|sign| *sign != b'-').collect();
    let finnish = text.len() == 11
        && is_number(&text[..6])
        && (matches!(text[6], b'-' | b'+') || text[6].is_ascii_uppercase())
        && is_number(&text[7..10]);
    let date = |year: &[u8], month: &[u8], day: &[u8]| {
        let number =
            |digits: &[u8]| digits.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
        let (year, month, day) = (number(year), number(month), number(day));
        let month_and_day = i8::try_from(month).ok().zip(i8::try_from(day).ok());
        // The year 2000 stands for two digits: it is a leap year, like each that may be meant.
        let year = if year < 100 { 2000 } else { year };
        month_and_day.is_some_and(|(month, day)| Date::new(year, month, day).is_ok())
    };
    let day_first = |d: &[u8]| date(&d[4..6], &d[2..4], &d[..2]);
    if finnish && day_first(&text) {
        return true;
    }
    match digits.len() {
        10 if is_number(&digits) => date(&digits[..2], &digits[2..4], &digits[4..6]) || day_first(&digits),
        11 if is_number(&digits) => day_first(&digits),
        12 if is_number(&digits) => date(&digits[..4], &digits[4..6], &digits[6..8]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::CONTENT_TYPE;
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn check(kind: &str, employment: &Value, expected: &[&str]) {
        let mut event: Value =
            serde_json::from_str(include_str!("../../docs/schemas/samples/1-joined-sv-de.json")).unwrap();
        event["type"] = format!("com.carepass.engineer.{kind}.v1").into();
        event["data"]["employment"] = json!({ "id": "E/1", "timeZone": "Europe/Stockholm" });
        event["data"]["employment"].as_object_mut().unwrap().extend(employment.as_object().unwrap().clone());
        let read =
            crate::model::event::parse(event.to_string().as_bytes(), Some(CONTENT_TYPE), &BTreeMap::new());
        let now = "2026-11-20T16:00:00Z".parse().unwrap();
        let codes: Vec<&str> = hints(&read.unwrap(), now).into_iter().map(Hint::code).collect();
        assert_eq!(codes, expected, "{kind} {employment}");
    }

    #[test]
    fn an_end_that_comes_sooner_than_it_looks_is_told() {
        check("left", &json!({}), &["ends_at_once"]);
        check("left", &json!({ "urgency": "immediate" }), &[]);
        check("left", &json!({ "lastDay": "2026-11-20" }), &[]);
        check("left", &json!({ "lastDay": "2026-11-19" }), &["end_has_passed"]);
        check("left", &json!({ "effectiveAt": "2026-11-20T16:00:00Z" }), &["end_has_passed"]);
        check("cancelled", &json!({}), &[]);
        check("joined", &json!({}), &[]);
        check("moved", &json!({ "lastDay": "2026-11-01" }), &["end_has_passed"]);
        check("moved", &json!({ "lastDay": "2026-12-01" }), &[]);
    }

    #[test]
    fn a_key_that_is_an_identity_number_is_told() {
        let check = |key: &str, expected: bool| {
            assert_eq!(is_like_identity_number(&key.parse().unwrap()), expected, "{key}");
        };
        for key in [
            "19811228-9874",
            "811228-9874",
            "8112289874",
            "290290-1234",
            "29029012345",
            "131052-308T",
            "131052A308T",
        ] {
            check(key, true);
        }
        for key in [
            "E-20417",
            "1",
            "1234567890",
            "9999999999",
            "20261399-1234",
            "abcdef-ghij",
            "E-131052-308T",
            "123456789012",
        ] {
            check(key, false);
        }
    }

    #[test]
    fn every_hint_speaks_both_languages() {
        for hint in [Hint::EndsAtOnce, Hint::EndHasPassed, Hint::KeyIsPersonal] {
            assert_ne!(hint.text(Language::English), hint.text(Language::Swedish), "{}", hint.pointer());
        }
    }
}
