//! What a person reads about a row: what is so, what happens next, what you can do; in English and in Swedish.
//! Pure text from data, without anything personal. Not here: the sentences themselves (`en`, `sv`), who gets a card (`task`)
//! and the longer help for operators (`docs/RUNBOOK.md`).

pub mod drift;
mod en;
pub mod link;
mod sv;
#[cfg(test)]
mod tests;
mod tongue;

use super::calendar::moment;
use super::enrollment::{At, Enrollment, State, Want};
use super::failure::{Failure, FailureCode, Who};
use super::id::{DomainName, ResellerName};
use super::person::Language;
use super::plan::StepName;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};
use std::fmt;
use tongue::{Filling, Tongue};

/// Three sentences for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Message {
    /// What is so.
    pub so: String,
    /// What happens next, and when carepass looks again.
    pub next: String,
    /// What you can do.
    pub you: String,
}

/// Where and when a failure stands, for its message.
#[derive(Clone, Debug)]
pub struct Place {
    /// The reseller account; `None` for what concerns the engineer as a whole.
    pub reseller: Option<ResellerName>,
    /// The domain, if it is about one.
    pub domain: Option<DomainName>,
    /// The step that failed; `None` where it says nothing to the reader.
    pub step: Option<StepName>,
    /// When carepass looks again by itself.
    pub look_again: Option<Timestamp>,
    /// The clock of the reader.
    pub time_zone: TimeZone,
}

fn tongue(language: Language) -> &'static Tongue {
    match language {
        Language::English => &en::TONGUE,
        Language::Swedish => &sv::TONGUE,
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.so, self.next, self.you)
    }
}

impl Place {
    /// Where and when a row stands.
    pub fn of(row: &Enrollment, time_zone: TimeZone) -> Self {
        Self {
            reseller: row.id.reseller().cloned(),
            domain: row.id.domain().cloned(),
            step: row.state.at().map(|at| at.step),
            look_again: row.wake_at(),
            time_zone,
        }
    }
}

/// The failure in three sentences. Only the code and the place speak: the detail is evidence, shown beside the message.
pub fn explain(failure: &Failure, place: &Place, now: Timestamp, language: Language) -> Message {
    let tongue = tongue(language);
    let phrase = (tongue.failure)(failure.code);
    let filling = Filling::new(tongue, place, now, link::console_link(failure.code));
    Message { so: filling.fill(phrase.so), next: filling.fill(phrase.next), you: filling.fill(phrase.you) }
}

/// What is so, and how many engineers wait for it.
pub fn waiting(so: &str, engineers: usize, language: Language) -> String {
    match (language, engineers) {
        (Language::English, 1) => format!("{so} One engineer waits."),
        (Language::English, _) => format!("{so} {engineers} engineers wait."),
        (Language::Swedish, 1) => format!("{so} En supporttekniker väntar."),
        (Language::Swedish, _) => format!("{so} {engineers} supporttekniker väntar."),
    }
}

/// The failure in a few words, as they stand in a table.
pub fn in_short(code: FailureCode, language: Language) -> &'static str {
    (tongue(language).failure)(code).short
}

/// The name of a step, as people read it.
pub fn step_name(step: StepName, language: Language) -> &'static str {
    (tongue(language).step)(step).name
}

/// The state of a row in one line for a table: "running: account (attempt 2)". The reader is an operator.
pub fn state_words(row: &Enrollment, now: &Zoned, language: Language) -> String {
    let tongue = tongue(language);
    let words = &tongue.states;
    let clock = |time: Timestamp| moment::short(tongue.language, time, now);
    match &row.state {
        State::Scheduled { at, due, last: Some(failure) } => {
            let short = in_short(failure.code, language);
            format!("{} {}: {}, {short}", words.tries, clock(*due), step_words(tongue, *at))
        }
        State::Scheduled { at, due, last: None } if *due <= now.timestamp() => {
            format!("{}: {}", words.next, step_words(tongue, *at))
        }
        State::Scheduled { at, due, last: None } => {
            format!("{} {}: {}", words.next, clock(*due), step_words(tongue, *at))
        }
        State::Running { at, .. } => format!("{}: {}", words.running, step_words(tongue, *at)),
        State::Waiting { on, reason, look_again, .. } => {
            let short = in_short(reason.code, language);
            format!("{}: {short}, {} {}", waits(tongue, *on), words.looks_again, clock(*look_again))
        }
        State::Completed => match row.goal.want {
            Want::Present => words.ready.to_owned(),
            Want::Absent => words.gone.to_owned(),
        },
        State::Cancelled { .. } => words.cancelled.to_owned(),
    }
}

/// That an operator ended a row, with the words that were given for it.
pub fn ended_words(reason: &str, language: Language) -> String {
    match language {
        Language::English => format!("An operator ended this, with the words: {reason}"),
        Language::Swedish => format!("En operatör avslutade detta, med orden: {reason}"),
    }
}

/// What a row does for which there is no more to say: "running (role)", or what it does next.
pub fn work_words(is_running: bool, step: StepName, language: Language) -> String {
    let Tongue { states, step: words, .. } = tongue(language);
    format!("{} ({})", if is_running { states.running } else { states.next }, words(step).name)
}

/// Whom a row waits for, as a table says it to somebody who is none of them.
pub fn who_words(on: Who, language: Language) -> &'static str {
    match (language, on) {
        (Language::English | Language::Swedish, Who::Google) => "Google",
        (Language::English, Who::Operator) => "the operators",
        (Language::Swedish, Who::Operator) => "driften",
        (Language::English, Who::Engineer) => "the engineer",
        (Language::Swedish, Who::Engineer) => "supportteknikern",
        (Language::English | Language::Swedish, Who::Hr) => "HR",
        (Language::English, Who::Calendar) => "the date",
        (Language::Swedish, Who::Calendar) => "datumet",
        (Language::English, Who::Reseller) => "the other accounts",
        (Language::Swedish, Who::Reseller) => "de andra kontona",
    }
}

/// When Google locks an account without 2-Step Verification, of which the role waits or not, as a table says it.
pub fn lock_out_words(role_waits: bool, language: Language) -> &'static str {
    match (language, role_waits) {
        (Language::English, true) => "not before the role is given",
        (Language::English, false) => "at any time",
        (Language::Swedish, true) => "inte förrän rollen ges",
        (Language::Swedish, false) => "när som helst",
    }
}

/// For what waits for nobody, as a table says it.
pub fn under_way(language: Language) -> &'static str {
    match language {
        Language::English => "is under way",
        Language::Swedish => "pågår",
    }
}

fn waits(tongue: &Tongue, on: Who) -> &'static str {
    let words = &tongue.states;
    match on {
        Who::Google => words.waits_for_google,
        Who::Operator => words.waits_for_you,
        Who::Engineer => words.waits_for_engineer,
        Who::Hr => words.waits_for_hr,
        Who::Calendar => words.waits_for_date,
        Who::Reseller => words.waits_for_reseller,
    }
}

fn step_words(tongue: &Tongue, at: At) -> String {
    let name = (tongue.step)(at.step).name;
    if at.attempt > 1 {
        format!("{name} ({} {})", tongue.states.attempt, at.attempt)
    } else {
        name.to_owned()
    }
}
