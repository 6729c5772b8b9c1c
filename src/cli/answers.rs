//! The API's answers as far as the commands show them. Read leniently: a newer daemon may say more, and name states that this version
//! does not know. Not here: how they are fetched (`client`) and shown.

use crate::model::failure::FailureCode;
use crate::model::message::{in_short, work_words};
use crate::model::person::Language;
use crate::model::plan::StepName;
use crate::model::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

/// The API's words for states and for who acts.
const SWEDISH: [(&str, &str); 17] = [
    ("planned", "planerad"),
    ("provisioning", "pågår"),
    ("partly_ready", "delvis klar"),
    ("ready", "klar"),
    ("leaving", "på väg ut"),
    ("removed", "borttagen"),
    ("cancelled", "avbruten"),
    ("scheduled", "på tur"),
    ("running", "i arbete"),
    ("waiting", "väntar"),
    ("completed", "färdig"),
    ("operator", "driften"),
    ("engineer", "teknikern"),
    ("hr", "HR"),
    ("google", "Google"),
    ("calendar", "datumet"),
    ("reseller", "återförsäljarkontot"),
];

/// An engineer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EngineerAnswer {
    /// HR's key.
    pub key: String,
    /// How far the engineer is.
    pub state: String,
    /// The name before the `@`, once there is one.
    pub username: Option<String>,
    /// Who acts next, while the engineer as a whole is held.
    pub waiting_on: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Why, in words.
    pub sentences: Option<Sentences>,
    /// When the engineer starts.
    pub starts: Option<Timestamp>,
    /// When the work for it begins by itself, while that is to come.
    pub opens: Option<Timestamp>,
    /// Where HR means its dates.
    pub time_zone: Option<TimeZoneName>,
    /// What HR has said for later, the earliest first.
    #[serde(default)]
    pub upcoming: Vec<UpcomingAnswer>,
    /// How access ends, while it does and when it has.
    pub leaving: Option<LeavingAnswer>,
    /// The rows.
    #[serde(default)]
    pub enrollments: Vec<EnrollmentAnswer>,
}

/// What HR has said for later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UpcomingAnswer {
    /// `present` or `absent`.
    pub goal: String,
    /// When it comes into force.
    pub from: Timestamp,
    /// Where HR means its dates.
    pub time_zone: TimeZoneName,
}

/// How access ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LeavingAnswer {
    /// How long it took until the last domain was locked out.
    pub took_seconds: Option<i64>,
    /// Where access is still open.
    #[serde(default)]
    pub open: Vec<String>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EnrollmentAnswer {
    /// What it brings about.
    pub target: TargetAnswer,
    /// `present` or `absent`.
    #[serde(default)]
    pub goal: String,
    /// Where it stands.
    pub state: String,
    /// The current step.
    pub step: Option<String>,
    /// Who acts next, of a row that waits.
    pub waiting_on: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What there is to say of it, as one text.
    pub message: Option<String>,
    /// Why, in words.
    pub sentences: Option<Sentences>,
    /// When carepass looks again by itself.
    pub look_again_at: Option<Timestamp>,
}

/// What a row brings about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TargetAnswer {
    /// `domain`, `engineer` or `reseller`.
    pub kind: String,
    /// The reseller account.
    pub reseller: Option<String>,
    /// The domain.
    pub domain: Option<String>,
}

/// A reseller account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ResellerAnswer {
    /// The operator's name for it.
    pub name: String,
    /// Whether it takes engineers; an older daemon may not say.
    pub ready: Option<bool>,
    /// The row of its set-up, once it was looked at.
    pub enrollment: Option<EnrollmentAnswer>,
    /// Its seats, once they were counted.
    pub seats: Option<SeatsAnswer>,
    /// The replica that works for it, where several share a store.
    pub driven_by: Option<String>,
}

/// The seats of a reseller account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SeatsAnswer {
    /// Seats that nobody has, where the operator said how many there are.
    pub remaining: Option<u32>,
    /// Accounts that are still to be made.
    pub starters: u32,
    /// Somebody should ask Google for more.
    pub low: bool,
}

/// A message in its three parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Sentences {
    /// What is so.
    pub so: String,
    /// What happens next.
    pub next: String,
    /// What you can do.
    pub you: String,
}

impl EngineerAnswer {
    /// The rows of domains.
    pub fn domains(&self) -> impl Iterator<Item = &EnrollmentAnswer> {
        self.enrollments.iter().filter(|row| row.target.domain.is_some())
    }

    /// The rows of domains that are to have access; of whoever leaves, those that are to lose it.
    pub fn meant(&self) -> impl Iterator<Item = &EnrollmentAnswer> {
        let leaves = ["leaving", "removed"].contains(&self.state.as_str());
        self.domains().filter(move |row| leaves || !row.ends_access())
    }

    /// Whether access is open that was to end.
    pub fn is_exposed(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| !leaving.open.is_empty())
    }

    /// The rows that are not at their end, the one that needs a person most first.
    pub fn unsettled(&self) -> Vec<&EnrollmentAnswer> {
        let mut rows: Vec<_> = self.enrollments.iter().filter(|row| !row.is_settled()).collect();
        rows.sort_by_key(|row| (row.urgency(), row.look_again_at));
        rows
    }
}

impl EnrollmentAnswer {
    /// Whether it takes access away.
    pub fn ends_access(&self) -> bool {
        self.goal == "absent"
    }

    /// Whether nothing more happens by itself.
    pub fn is_settled(&self) -> bool {
        self.state == "completed" || self.state == "cancelled"
    }

    /// Whether a person has to act.
    pub fn needs_person(&self) -> bool {
        needs_person(self.waiting_on.as_deref())
    }

    /// What it does and about what, where there is no reason to give; codes where this version has no words for them.
    pub fn work(&self, language: Language) -> String {
        let Some(code) = &self.step else { return spoken(&self.state, language) };
        let known: Option<StepName> = serde_json::from_value(Value::String(code.clone())).ok();
        match (self.state.as_str(), known) {
            ("running", Some(step)) => work_words(true, step, language),
            ("scheduled", Some(step)) => work_words(false, step, language),
            _ => format!("{} ({})", spoken(&self.state, language), words(code)),
        }
    }

    fn urgency(&self) -> u8 {
        match (self.needs_person(), self.state.as_str()) {
            (true, _) => 0,
            (false, "waiting") => 1,
            (false, _) if self.reason.is_some() => 2,
            (false, _) => 3,
        }
    }
}

/// Whether the one who acts next is a person.
pub fn needs_person(waiting_on: Option<&str>) -> bool {
    matches!(waiting_on, Some("operator" | "engineer" | "hr"))
}

/// A reason in a few words; the code itself where this version has no words for it.
pub fn reason_words(code: &str, language: Language) -> String {
    let known: Option<FailureCode> = serde_json::from_value(Value::String(code.to_owned())).ok();
    known.map_or_else(|| words(code), |code| in_short(code, language).to_owned())
}

/// The state of an engineer or of a row, or who acts next, in a language; the word itself where this version has none for it.
pub fn spoken(word: &str, language: Language) -> String {
    let said = match language {
        Language::English => None,
        Language::Swedish => SWEDISH.iter().find(|(known, _)| *known == word).map(|(_, said)| *said),
    };
    said.map_or_else(|| words(word), str::to_owned)
}

/// A stable word as people write it.
pub fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// A time on the reader's clock, to the minute.
pub fn clock(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}
