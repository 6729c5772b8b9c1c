//! Cards for people: a row that waits on a person is a task, and all that wait for the same thing share one card: engineers, or the domains
//! of one.
//! Pure: a task is read from the row each time and never stored, so it closes by itself when the row moves on.
//! Not here: the words (`message`) and marking a task as done, which is an order.

mod card_id;
mod drift;
mod reach;
#[cfg(test)]
mod tests;

pub use card_id::CardId;
pub use drift::{asks_about_drift, drift_tasks};

use super::enrollment::{Enrollment, EnrollmentId, State, Want};
use super::failure::{Failure, FailureCode, Prefilled, UnmappedAnswer, Who};
use super::id::{CustomerId, DomainName, EngineerKey, InvalidName, ResellerName};
use super::message::link::console_link;
use super::message::{Message, Place, explain, waiting};
use super::person::Language;
use super::plan::StepName;
use super::reseller::RoleChoice;
use super::rules::fnv1a;
use super::wall;
use super::word::Subject;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use reach::Reach;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The id of a task, `T-` and ten hexadecimal digits: the same as long as the same thing is to be done in the same place,
/// so that a card keeps its id over restarts and between replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(u64);

/// One thing that only a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What stands in the way.
    pub code: FailureCode,
    /// The step that waits.
    pub step: StepName,
    /// Who acts.
    pub on: Who,
    /// The row that waits; on a shared card the one that looks for all, or else the one that has waited longest.
    pub enrollment: EnrollmentId,
    /// The reseller account, if it is about one.
    pub reseller: Option<ResellerName>,
    /// The domain, unless the task is the same for the whole reseller account or for an engineer everywhere.
    pub domain: Option<DomainName>,
    /// Since when the step is the current one.
    pub since: Timestamp,
    /// When carepass looks again by itself.
    pub look_again: Option<Timestamp>,
    /// The words for people.
    pub message: Texts,
    /// The evidence, redacted; may be empty.
    pub detail: String,
    /// What to write into the configuration, under the reseller account or, for an unknown answer, at its end; read when
    /// carepass starts.
    pub paste: Option<String>,
    /// What to paste or fill in at Google's page, ready-made.
    pub values: Vec<Prefilled>,
    /// Google's page for it.
    pub console_link: Option<&'static str>,
    /// Whether carepass may see by looking that the thing was done; otherwise somebody has to tell it, on the task, by an order, or by
    /// the configuration and a restart.
    pub closes_itself: bool,
    /// The first day of the engineer, the earliest of those on a shared card: what is in the way of it comes first.
    #[serde(skip)]
    pub starts: Option<Timestamp>,
    /// Whose first day that is.
    #[serde(skip)]
    pub starter: Option<EngineerKey>,
    /// The row's turn to look for all, where one does (`wall`).
    #[serde(skip)]
    pub turn: Option<wall::Place>,
    /// It keeps somebody's access open that was to end.
    pub leaving: bool,
    /// Whether an operator's word closes it (`POST /v1/tasks/{id}/done`). Marking any other task as done makes carepass look at once.
    pub confirmable: bool,
}

/// A message in every language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// English.
    pub en: Message,
    /// Swedish.
    pub sv: Message,
}

/// One card: a task and everybody who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The task.
    pub task: Task,
    /// The engineers, each once, in the order of their keys; empty when only the set-up of a reseller account waits.
    pub engineers: Vec<EngineerKey>,
}

/// The card that a row is on, if it waits on a person, and who acts.
pub fn id(row: &Enrollment) -> Option<(TaskId, FailureCode, Who)> {
    let State::Waiting { at, on, reason, .. } = &row.state else { return None };
    let reach = reach::of(reason.code);
    let place = reach.narrow(Place::of(row, TimeZone::UTC));
    on.is_a_person().then(|| (id_of(&row.id, at.step, reason, reach, &place), reason.code, *on))
}

/// The task of a row, if it waits on a person. Times in the message are on the clock of `now`.
pub fn task(row: &Enrollment, now: &Zoned) -> Option<Task> {
    let State::Waiting { at, on, reason, look_again } = &row.state else { return None };
    if !on.is_a_person() {
        return None;
    }
    let reach = reach::of(reason.code);
    let place = reach.narrow(Place::of(row, now.time_zone().clone()));
    let say = |language| explain(reason, &place, now.timestamp(), language);
    Some(Task {
        id: id_of(&row.id, at.step, reason, reach, &place),
        code: reason.code,
        step: at.step,
        on: *on,
        enrollment: row.id.clone(),
        since: at.since,
        look_again: Some(*look_again),
        message: Texts { en: say(Language::English), sv: say(Language::Swedish) },
        detail: reason.detail.clone(),
        paste: paste(reason, now).or_else(|| reason.answer.as_deref().map(mapping)),
        values: reason.values.iter().cloned().chain(values(row, reason.code)).collect(),
        console_link: console_link(reason.code),
        closes_itself: reach::closes_itself(reason.code),
        starts: row.starts,
        starter: row.id.engineer().filter(|_| row.starts.is_some()).cloned(),
        turn: wall::Place::of(row, reason.code),
        leaving: row.id.domain().is_some() && row.goal.want == Want::Absent,
        confirmable: Subject::asked_by(row).is_some(),
        reseller: place.reseller,
        domain: place.domain,
    })
}

/// One card for each thing to do: first what keeps access open that was to end, then the earliest first day, then the oldest.
pub fn batch(tasks: Vec<Task>) -> Vec<Card> {
    let mut piles: BTreeMap<TaskId, (Task, BTreeSet<EngineerKey>)> = BTreeMap::new();
    for mut task in tasks {
        let engineer = task.enrollment.engineer().cloned();
        let (shown, engineers) = piles.entry(task.id).or_insert_with(|| (task.clone(), BTreeSet::new()));
        engineers.extend(engineer);
        let leaving = shown.leaving || task.leaving;
        let ours = shown.starts.map(|starts| (starts, shown.starter.take()));
        let theirs = task.starts.map(|starts| (starts, task.starter.take()));
        let (starts, starter) = ours.into_iter().chain(theirs).min_by_key(|(starts, _)| *starts).unzip();
        if order(&task) < order(shown) {
            std::mem::swap(shown, &mut task);
        }
        shown.values.extend(others_values(shown, task));
        shown.leaving = leaving;
        shown.starts = starts;
        shown.starter = starter.flatten();
    }
    let mut cards: Vec<Card> = piles
        .into_values()
        .map(|(task, engineers)| Card {
            task: told_of(engineers.len(), task),
            engineers: engineers.into_iter().collect(),
        })
        .collect();
    cards.sort_by_key(|card| card.task.place());
    cards
}

impl Task {
    /// Its place among the cards: what keeps access open that was to end, then the earliest first day, then what has waited longest.
    pub fn place(&self) -> (bool, bool, Option<Timestamp>, Timestamp, TaskId) {
        (!self.leaving, self.starts.is_none(), self.starts, self.since, self.id)
    }
}

/// Findings of which a card shows the values.
const FINDINGS_MAX: usize = 12;

/// What a card of several findings shows of another one: each is put right by its own ids.
fn others_values(shown: &Task, other: Task) -> Vec<Prefilled> {
    let of_findings = |task: Task| task.values.into_iter().filter(|value| value.name != CUSTOMER);
    let is_same = other.values.iter().all(|value| shown.values.contains(value));
    if other.code != FailureCode::DriftFound || is_same {
        return Vec::new();
    }
    let known = shown.values.iter().filter(|value| value.name == FINDING).count();
    of_findings(other).take(2 * FINDINGS_MAX.saturating_sub(known)).collect()
}

/// Which row of a shared card is shown: the smallest.
fn order(task: &Task) -> (bool, Option<&wall::Place>, Timestamp, &EnrollmentId) {
    (task.turn.is_none(), task.turn.as_ref(), task.since, &task.enrollment)
}

/// Where one thing keeps a whole account from getting new accounts, the card says how many wait.
fn told_of(engineers: usize, mut task: Task) -> Task {
    if task.turn.is_some() {
        task.message.en.so = waiting(&task.message.en.so, engineers, Language::English);
        task.message.sv.so = waiting(&task.message.sv.so, engineers, Language::Swedish);
    }
    let request = seats_wanted(engineers, &task);
    task.values.extend(request);
    task
}

/// What Google's form for more seats asks for, as one text to paste. English: it is read at Google.
fn seats_wanted(engineers: usize, task: &Task) -> Option<Prefilled> {
    let named = |value: &&Prefilled| task.code == FailureCode::SeatsSpent && value.name == CUSTOMER;
    let customer = &task.values.iter().find(named).filter(|_| engineers > 0)?.value;
    let domain = task.enrollment.domain().map(|domain| format!(" ({domain})")).unwrap_or_default();
    let by = task
        .starts
        .map(|starts| format!(" by {}", starts.to_zoned(TimeZone::UTC).date()))
        .unwrap_or_default();
    let value = format!(
        "Please raise the number of Cloud Identity Free users of {customer}{domain} by {engineers} or more{by}: so many support engineers are waiting."
    );
    Some(Prefilled { name: "request".to_owned(), value })
}

/// Rows that share a card have to come to the same id, so only what they share goes into it.
fn id_of(row: &EnrollmentId, step: StepName, reason: &Failure, reach: Reach, place: &Place) -> TaskId {
    let code = reason.code;
    let name = |name: Option<&str>| name.unwrap_or("-").to_owned();
    let reseller = name(place.reseller.as_ref().map(ResellerName::as_str));
    let domain = name(place.domain.as_ref().map(DomainName::as_str));
    TaskId::of(&match reach {
        Reach::House | Reach::Reseller | Reach::Domain => format!("{reseller} {domain} {code}"),
        // The letter, which is a row of the engineer's own, may wait for the same as the domains.
        Reach::Engineer => {
            let engineer = row.engineer().map_or_else(|| row.to_string(), |key| format!("engineer {key}"));
            format!("{engineer} {code}")
        }
        Reach::Row => format!("{row} {step} {code}"),
    })
}

fn paste(reason: &Failure, now: &Zoned) -> Option<String> {
    if let Some(line) = RoleChoice::line_in(&reason.detail) {
        return Some(line.to_owned());
    }
    let key = reach::attestation(reason.code)?;
    Some(format!("{key} = {{ by = \"your name\", on = \"{}\" }}", now.date()))
}

/// The section that names the answer; "operator" changes nothing but that carepass knows it.
fn mapping(answer: &UnmappedAnswer) -> String {
    let UnmappedAnswer { call, status, reason } = answer;
    let reason = if reason.is_empty() { String::new() } else { format!("reason = \"{reason}\"\n") };
    let then = "then = \"operator\" # or \"retry\", \"slow-down\", \"not-yet\"";
    format!("[[google.answers]]\ncall = \"{call}\"\nstatus = {status}\n{reason}{then}")
}

/// The value that names a reseller account to Google.
const CUSTOMER: &str = "customer_id";

/// The name of a finding's id among the values, followed by that of what was found.
const FINDING: &str = "finding";

impl Task {
    /// Names the reseller account to Google, where a form asks for it and the row does not know.
    #[must_use]
    pub fn of_customer(mut self, customer: &CustomerId) -> Self {
        if self.code == FailureCode::SeatsSpent && self.values.iter().all(|value| value.name != CUSTOMER) {
            self.values.insert(0, Prefilled { name: CUSTOMER.to_owned(), value: customer.to_string() });
        }
        self
    }
}

/// What the row knows and a form asks for.
fn values(row: &Enrollment, code: FailureCode) -> Vec<Prefilled> {
    let facts = &row.facts;
    let of =
        |name: &str, value: Option<String>| value.map(|value| Prefilled { name: name.to_owned(), value });
    let unit = match Subject::asked_by(row) {
        Some(Subject::AutoLicensing | Subject::TwoStepPolicy) => facts.org_unit_path.as_ref(),
        Some(Subject::FreeSubscription | Subject::CaseAlertRoute | Subject::CaseAlerts | Subject::Rename)
        | None => facts.org_unit_wanted.as_ref().filter(|_| code == FailureCode::OrgUnitGone),
    };
    let domains: Vec<&DomainName> = if code == FailureCode::CaseRouteUnconfirmed {
        facts.domains.iter().flatten().collect()
    } else {
        row.id.domain().filter(|_| code == FailureCode::CaseRedirectNeeded).into_iter().collect()
    };
    let customer = of(CUSTOMER, facts.customer.as_ref().map(ToString::to_string));
    let unit = of("org_unit", unit.map(ToString::to_string));
    let patterns =
        domains.into_iter().filter_map(|domain| of(&format!("pattern {domain}"), Some(pattern(domain))));
    customer.into_iter().chain(unit).chain(patterns).collect()
}

/// Every address of a domain, as a rule of Gmail matches it.
fn pattern(domain: &DomainName) -> String {
    format!("^[^@]+@{}$", domain.as_str().replace('.', "\\."))
}

impl TaskId {
    const DIGITS: usize = 10;

    fn of(text: &str) -> Self {
        Self(fnv1a(text.as_bytes()) >> (64 - 4 * Self::DIGITS))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T-{:0width$x}", self.0, width = Self::DIGITS)
    }
}

impl FromStr for TaskId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = InvalidName { expected: "a task id like T-0123456789" };
        let digits = text.strip_prefix("T-").ok_or(invalid)?;
        let hexadecimal = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits.len() != Self::DIGITS || !hexadecimal {
            return Err(invalid);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| invalid)
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> String {
        id.to_string()
    }
}
