//! Faults of a message, collected all at once, and the refusal they add up to. Nothing here carries a value
//! from the message: a fault is a place and a code, and places are spelt with the contract's own words.
//! Not here: what is done with a refused message (dead letter, outcome `event-rejected`).

use super::ReasonCode;
use crate::model::engineer::EventRef;
use crate::model::person::Language;
use std::fmt::Write;

/// Most faults kept of one message: enough to mend it, too few to fill a log.
pub const FAULTS_MAX: usize = 50;

/// Longest text of the `carepass-detail` header, in bytes.
pub const DETAIL_MAX: usize = 2048;

/// One thing that is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the event in structured mode; a field that the contract does not
    /// know is written `*`, since its name may be anybody's name. Empty for the whole message.
    pub pointer: String,
    /// What is wrong there; `ReasonCode::text` says it to people.
    pub code: ReasonCode,
}

/// A message that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event refused: {}", self.detail())]
pub struct Refusal {
    /// The most general of the faults' codes.
    pub reason: ReasonCode,
    /// All faults, in the order of the message; at least one, at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// Which event it was, where that much could be read.
    pub event: Option<EventRef>,
}

impl Refusal {
    /// A refusal for one fault, also for the doors, which know more than the message says.
    pub fn one(pointer: &str, code: ReasonCode, event: Option<EventRef>) -> Self {
        Self { reason: code, faults: vec![Fault { pointer: pointer.to_owned(), code }], event }
    }

    /// The text of the `carepass-detail` header: `code at /pointer; …`, at most [`DETAIL_MAX`] bytes of ASCII.
    pub fn detail(&self) -> String {
        const MORE: &str = "; ...";
        let mut text = String::new();
        for Fault { pointer, code } in &self.faults {
            let separator = if text.is_empty() { "" } else { "; " };
            let place = if pointer.is_empty() { "/" } else { pointer };
            let entry = format!("{separator}{} at {place}", code.code());
            if text.len() + entry.len() + MORE.len() > DETAIL_MAX {
                text.push_str(MORE);
                break;
            }
            text.push_str(&entry);
        }
        text
    }
}

/// The refusal for the person who makes the events (`carepass event lint`): what is so, what happens next,
/// and for each fault what to send instead.
pub fn lint_text(refusal: &Refusal, language: Language) -> String {
    let count = refusal.faults.len();
    let mut text = match language {
        Language::English => format!(
            "The event cannot be used ({count} {}). Sent as it is, it would end in the dead-letter queue. Mend this:\n",
            if count == 1 { "fault" } else { "faults" }
        ),
        Language::Swedish => format!(
            "Händelsen kan inte användas ({count} fel). Skickad som den är hamnar den i dead-letter-kön. Rätta detta:\n"
        ),
    };
    for Fault { pointer, code } in &refusal.faults {
        let place = if pointer.is_empty() { "/" } else { pointer };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {place}  {}\n    {}", code.code(), code.text(language));
    }
    text
}

/// Collects faults while a message is read to its end.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault; what is beyond [`FAULTS_MAX`] is dropped, the message is refused anyway.
    pub(super) fn add(&mut self, pointer: String, code: ReasonCode) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { pointer, code });
        }
    }

    /// The refusal, if there is anything to refuse.
    pub(super) fn into_refusal(self, event: Option<EventRef>) -> Option<Refusal> {
        let reason = self.0.iter().map(|fault| fault.code).min()?;
        Some(Refusal { reason, faults: self.0, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(count: usize) -> Refusal {
        let mut faults = Faults::default();
        for index in 0..count {
            faults.add(format!("/data/scope/domains/{index}"), ReasonCode::InvalidDomain);
        }
        faults.add(String::new(), ReasonCode::MissingField);
        faults.into_refusal(None).unwrap()
    }

    #[test]
    fn the_most_general_fault_is_the_reason() {
        assert_eq!(refusal(2).reason, ReasonCode::MissingField);
        assert!(Faults::default().into_refusal(None).is_none());
    }

    #[test]
    fn the_detail_names_place_and_code_within_its_limit() {
        assert_eq!(refusal(1).detail(), "invalid_domain at /data/scope/domains/0; missing_field at /");
        let long = refusal(1000);
        assert_eq!(long.faults.len(), FAULTS_MAX);
        assert!(long.detail().len() <= DETAIL_MAX && long.detail().ends_with("; ..."));
    }

    #[test]
    fn lint_says_it_in_both_languages() {
        let one = Refusal::one("/id", ReasonCode::MissingField, None);
        assert_eq!(
            lint_text(&one, Language::English),
            "The event cannot be used (1 fault). Sent as it is, it would end in the dead-letter queue. Mend this:\n  \
             /id  missing_field\n    A required field is missing. Add it as the schema says.\n"
        );
        assert!(lint_text(&one, Language::Swedish).contains("Ett obligatoriskt fält saknas."));
    }
}
