//! What a language has to bring, and how its sentences get their names, times and links.
//! A template is fixed text with these places: `{in}`, `{account}`, `{doing}`, `{when}`, `{today}`, `{link}`.
//! Not here: the languages themselves (`en`, `sv`).

use super::super::calendar::moment;
use super::super::failure::FailureCode;
use super::super::person::Language;
use super::super::plan::StepName;
use super::Place;
use jiff::Timestamp;

/// One language.
pub(super) struct Tongue {
    /// The sentences of a failure.
    pub(super) failure: fn(FailureCode) -> Phrase,
    /// The words of a step.
    pub(super) step: fn(StepName) -> StepWords,
    /// "in", before a domain or a reseller account.
    pub(super) preposition: &'static str,
    /// The reseller account, before its name or alone.
    pub(super) account: &'static str,
    /// Itself, for moments.
    pub(super) language: Language,
    /// The words of states.
    pub(super) states: States,
}

/// The sentences of a failure; each but `short` is a template of one sentence.
#[derive(Clone, Copy)]
pub(super) struct Phrase {
    /// A few words for a table, without a full stop.
    pub(super) short: &'static str,
    /// What is so.
    pub(super) so: &'static str,
    /// What happens next.
    pub(super) next: &'static str,
    /// What you can do.
    pub(super) you: &'static str,
}

/// The words of a step.
#[derive(Clone, Copy)]
pub(super) struct StepWords {
    /// What it is about, as a noun.
    pub(super) name: &'static str,
    /// What was going on, to follow a main clause: "when the account was to be made".
    pub(super) doing: &'static str,
}

/// The words of states, for tables.
pub(super) struct States {
    pub(super) ready: &'static str,
    pub(super) gone: &'static str,
    pub(super) cancelled: &'static str,
    pub(super) next: &'static str,
    pub(super) tries: &'static str,
    pub(super) running: &'static str,
    pub(super) attempt: &'static str,
    pub(super) looks_again: &'static str,
    pub(super) waits_for_you: &'static str,
    pub(super) waits_for_google: &'static str,
    pub(super) waits_for_engineer: &'static str,
    pub(super) waits_for_hr: &'static str,
    pub(super) waits_for_date: &'static str,
    pub(super) waits_for_reseller: &'static str,
}

/// What comes into the places of a template.
pub(super) struct Filling([(&'static str, String); 6]);

impl Filling {
    pub(super) fn new(tongue: &Tongue, place: &Place, now: Timestamp, link: Option<&'static str>) -> Self {
        let account = match &place.reseller {
            Some(reseller) => format!("{} {reseller}", tongue.account),
            None => tongue.account.to_owned(),
        };
        let inside = match (&place.domain, &place.reseller) {
            (Some(domain), _) => format!(" {} {domain}", tongue.preposition),
            (None, Some(_)) => format!(" {} {account}", tongue.preposition),
            (None, None) => String::new(),
        };
        let doing = place.step.map(|step| format!(" {}", (tongue.step)(step).doing)).unwrap_or_default();
        let now = now.to_zoned(place.time_zone.clone());
        Self([
            ("{in}", inside),
            ("{account}", account),
            ("{doing}", doing),
            ("{when}", moment::long(tongue.language, place.look_again, &now)),
            ("{today}", now.date().to_string()),
            ("{link}", link.unwrap_or_default().to_owned()),
        ])
    }

    pub(super) fn fill(&self, template: &str) -> String {
        // No value can hold a place: names have no braces, and the rest is our own text.
        self.0.iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
    }
}

/// Writes the exhaustive table of a language as one function.
macro_rules! phrases {
    ($($code:ident { short: $short:expr, so: $so:expr, next: $next:expr, you: $you:expr, })+) => {
        /// The sentences of a failure.
        pub(in crate::model::message) fn phrase(code: FailureCode) -> Phrase {
            match code {
                $(FailureCode::$code => Phrase { short: $short, so: $so, next: $next, you: $you },)+
            }
        }
    };
}
pub(super) use phrases;
