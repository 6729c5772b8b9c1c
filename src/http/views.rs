//! What the API shows, and in which words: the shapes are a contract with others and change only by addition. Pure.
//! Not here: where the data comes from (`api`).

use super::Api;
use super::engineer_view::{HandoverView, UpcomingView};
use super::language::Spoken;
use super::leaving_view::{LeavingView, by_hand};
use crate::model::calendar::moment;
use crate::model::engineer::{Engineer, Hold, Progress};
use crate::model::enrollment::{Enrollment, EnrollmentId, State, Target, Want};
use crate::model::entry::{Actor, Change, Entry};
use crate::model::failure::{Failure, FailureCode, Prefilled, Who};
use crate::model::id::{DomainName, EngineerKey, LocalPart, ResellerName};
use crate::model::message::{Message, Place, ended_words, explain};
use crate::model::person::Language;
use crate::model::plan::StepName;
use crate::model::roster::Roster;
use crate::model::task::{Card, CardId};
use crate::model::time_zone::TimeZoneName;
use crate::model::two_step::Standing;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What stands in the place of a sealed value.
const SEALED: &str = "(sealed)";

/// A part of a list, and where the next part begins.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Opaque; null after the last part.
    pub(super) next_cursor: Option<String>,
}

/// An engineer with all rows.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Engineer")]
pub(super) struct EngineerView {
    key: EngineerKey,
    goal: Want,
    pub(super) state: Progress,
    revision: u64,
    username: Option<LocalPart>,
    /// Set while the engineer as a whole waits.
    waiting_on: Option<Who>,
    reason: Option<FailureCode>,
    message: Option<String>,
    sentences: Option<Message>,
    held_since: Option<Timestamp>,
    starts: Option<Timestamp>,
    /// The last envelope with first passwords; never its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    handover: Option<HandoverView>,
    /// The same on the clock of the place of work, and in UTC.
    starts_shown: Option<String>,
    /// When the work for it begins by itself, while that is to come.
    opens: Option<Timestamp>,
    /// Where HR means its dates.
    time_zone: TimeZoneName,
    /// What HR has said for later, the earliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upcoming: Vec<UpcomingView>,
    /// How access ends, while it does and when it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaving: Option<LeavingView>,
    pub(super) enrollments: Vec<EnrollmentView>,
    version: u64,
}

/// One row.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Enrollment")]
pub(super) struct EnrollmentView {
    pub(super) target: TargetView,
    goal: Want,
    state: &'static str,
    step: Option<StepName>,
    attempt: Option<u32>,
    since: Option<Timestamp>,
    waiting_on: Option<Who>,
    reason: Option<FailureCode>,
    message: Option<String>,
    sentences: Option<Message>,
    /// Evidence beside the message, redacted.
    detail: Option<String>,
    look_again_at: Option<Timestamp>,
    done: BTreeSet<StepName>,
    /// Whether the account is enrolled in 2-Step Verification; absent where nobody watches that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) two_step: Option<Standing>,
    version: u64,
}

/// What a row brings about.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Target")]
pub(super) struct TargetView {
    kind: &'static str,
    pub(super) reseller: Option<ResellerName>,
    domain: Option<DomainName>,
}

/// A thing that only a person can do, and who waits for it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Task")]
pub(super) struct TaskView {
    id: String,
    reason: FailureCode,
    step: Option<StepName>,
    waiting_on: Who,
    reseller: Option<ResellerName>,
    domain: Option<DomainName>,
    /// The first day of whoever waits, the earliest of them.
    starts: Option<Timestamp>,
    since: Timestamp,
    look_again_at: Option<Timestamp>,
    message: String,
    sentences: Message,
    detail: String,
    /// What to write into the configuration.
    paste: Option<String>,
    console_link: Option<&'static str>,
    closes_itself: bool,
    /// It keeps somebody's access open that was to end.
    open_exposure: bool,
    /// What a person does at once where that is so.
    by_hand: Option<String>,
    /// An operator's word closes it.
    confirmable: bool,
    /// What to paste or fill in at Google's page.
    values: Vec<Prefilled>,
    /// Of those who are held: when this was so. A release names it, so that nobody is let in who came later.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown_at: Option<Timestamp>,
    engineers: Vec<EngineerKey>,
}

/// One entry of the ledger, without what is sealed.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Entry")]
pub(super) struct EntryView {
    position: u64,
    at: Timestamp,
    /// Who caused it: the engine, an event by its source and id, or an operator with the reason.
    #[schemars(with = "BTreeMap<String, Value>")]
    actor: Value,
    /// What changed, as it stands in the ledger, with its `kind`; what is sealed is not shown.
    #[schemars(with = "Vec<BTreeMap<String, Value>>")]
    changes: Vec<Value>,
}

/// The language and the time that messages are written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    pub(super) language: Language,
    pub(super) now: Timestamp,
}

impl Wording {
    pub(super) fn new(api: &Api, spoken: Spoken) -> Self {
        Self { language: spoken.0, now: api.engine.house().clock.now() }
    }

    /// A moment that belongs to a place: "Friday 17:00 Stockholm (16:00 UTC)".
    pub(super) fn moment(self, at: Timestamp, place: &TimeZoneName) -> String {
        moment::in_places(at, &place.time_zone(), &[TimeZone::UTC], self.now, self.language)
    }

    /// The time on the clock that messages are written by: UTC, since the reader's is not known here.
    pub(super) fn zoned(self) -> Zoned {
        self.now.to_zoned(TimeZone::UTC)
    }

    pub(super) fn engineer(
        self,
        engineer: &Engineer,
        username: Option<LocalPart>,
        roster: &Roster,
        rows: &[Enrollment],
    ) -> EngineerView {
        let held_since = engineer.held().map(|(since, _)| since);
        let waits = self.waits_as_a_whole(engineer, roster, rows);
        EngineerView {
            key: engineer.key.clone(),
            goal: engineer.stated.goal.want,
            state: Progress::of(engineer, roster, rows),
            revision: engineer.newest().goal.revision,
            username,
            waiting_on: waits.as_ref().map(|(on, ..)| *on),
            reason: waits.as_ref().map(|(_, code, _)| *code),
            message: waits.as_ref().map(|(.., sentences)| sentences.to_string()),
            sentences: waits.map(|(.., sentences)| sentences),
            held_since,
            starts: engineer.stated.starts,
            handover: engineer.handover.as_deref().map(HandoverView::of),
            starts_shown: engineer.stated.starts.map(|at| self.moment(at, &engineer.stated.time_zone)),
            opens: rows.iter().filter(|row| row.waits_on(Who::Calendar)).filter_map(|row| row.opens).min(),
            time_zone: engineer.stated.time_zone.clone(),
            upcoming: engineer.upcoming.iter().map(|statement| UpcomingView::of(statement, self)).collect(),
            leaving: LeavingView::of(engineer, rows),
            enrollments: rows.iter().map(|row| self.enrollment(row)).collect(),
            version: engineer.version,
        }
    }

    /// What keeps the engineer waiting that no row can show: the limit on grants, or a reseller account whose domains nobody knows
    /// yet.
    fn waits_as_a_whole(
        self,
        engineer: &Engineer,
        roster: &Roster,
        rows: &[Enrollment],
    ) -> Option<(Who, FailureCode, Message)> {
        if engineer.stated.goal.want == Want::Absent {
            return None;
        }
        if let Some((_, why)) = engineer.held() {
            return Some((Who::Operator, why.code(), self.held(why)));
        }
        let is_told = rows.iter().any(|row| row.id.target() == Target::Engineer);
        if is_told || !rows.iter().all(Enrollment::is_settled) || roster.knows(&engineer.stated.scope) {
            return None;
        }
        let (unknown, _) = roster.resellers.iter().find(|(_, status)| status.domains.is_none())?;
        let (on, code) = (Who::Reseller, FailureCode::ResellerNotReady);
        let place = Place { reseller: Some(unknown.clone()), ..nowhere() };
        Some((on, code, self.explain(&Failure::needs(on, code), &place)))
    }

    pub(super) fn enrollment(self, row: &Enrollment) -> EnrollmentView {
        let at = row.state.at();
        let (waiting_on, failure, look_again_at) = match &row.state {
            State::Scheduled { due, last, .. } => (None, last.as_ref(), Some(*due)),
            State::Waiting { on, reason, look_again, .. } => (Some(*on), Some(reason), Some(*look_again)),
            State::Running { .. } | State::Completed | State::Cancelled { .. } => (None, None, None),
        };
        let sentences = failure.map(|failure| self.explain(failure, &Place::of(row, TimeZone::UTC)));
        let message = match &row.state {
            State::Cancelled { reason } => Some(ended_words(reason, self.language)),
            State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } | State::Completed => {
                sentences.as_ref().map(ToString::to_string)
            }
        };
        EnrollmentView {
            target: TargetView::of(&row.id),
            goal: row.goal.want,
            state: row.state.as_str(),
            step: at.map(|at| at.step),
            attempt: at.map(|at| at.attempt),
            since: at.map(|at| at.since),
            waiting_on,
            reason: failure.map(|failure| failure.code),
            message,
            sentences,
            detail: failure.map(|failure| failure.detail.clone()).filter(|detail| !detail.is_empty()),
            look_again_at,
            done: row.done.clone(),
            two_step: None,
            version: row.version,
        }
    }

    pub(super) fn task(self, card: Card) -> TaskView {
        let Card { task, engineers } = card;
        let sentences = match self.language {
            Language::English => task.message.en,
            Language::Swedish => task.message.sv,
        };
        TaskView {
            id: task.id.to_string(),
            reason: task.code,
            step: Some(task.step),
            waiting_on: task.on,
            reseller: task.reseller,
            domain: task.domain,
            starts: task.starts,
            since: task.since,
            look_again_at: task.look_again,
            message: sentences.to_string(),
            sentences,
            detail: task.detail,
            paste: task.paste,
            values: task.values,
            console_link: task.console_link,
            closes_itself: task.closes_itself,
            open_exposure: task.leaving,
            by_hand: task.leaving.then(|| by_hand(self.language).to_owned()),
            confirmable: task.confirmable,
            shown_at: None,
            engineers,
        }
    }

    /// The card of those who are held for a person, for one reason. They have no rows yet, so it is read from the engineers.
    pub(super) fn held_task(self, why: Hold, since: Timestamp, engineers: Vec<EngineerKey>) -> TaskView {
        let sentences = self.held(why);
        TaskView {
            id: CardId::Held(why).to_string(),
            reason: why.code(),
            step: None,
            waiting_on: Who::Operator,
            reseller: None,
            domain: None,
            starts: None,
            since,
            look_again_at: None,
            message: sentences.to_string(),
            sentences,
            detail: String::new(),
            paste: None,
            values: Vec::new(),
            console_link: None,
            closes_itself: false,
            open_exposure: false,
            by_hand: None,
            confirmable: why == Hold::GrantLimit,
            shown_at: Some(self.now),
            engineers,
        }
    }

    fn held(self, why: Hold) -> Message {
        self.explain(&Failure::needs(Who::Operator, why.code()), &nowhere())
    }

    fn explain(self, failure: &Failure, place: &Place) -> Message {
        explain(failure, place, self.now, self.language)
    }
}

/// The engineer as a whole.
fn nowhere() -> Place {
    Place { reseller: None, domain: None, step: None, look_again: None, time_zone: TimeZone::UTC }
}

impl TargetView {
    pub(super) fn of(id: &EnrollmentId) -> Self {
        let kind = match id {
            EnrollmentId::Reseller(_) => "reseller",
            EnrollmentId::Domain(..) => "domain",
            EnrollmentId::Engineer(_) => "engineer",
        };
        Self { kind, reseller: id.reseller().cloned(), domain: id.domain().cloned() }
    }
}

impl EntryView {
    /// The entry as far as it concerns the engineer.
    pub(super) fn of(entry: &Entry, key: &EngineerKey) -> Self {
        let concerning = entry.changes.iter().filter(|change| change.engineer() == Some(key));
        Self {
            position: entry.position.0,
            at: entry.at,
            actor: actor(&entry.actor),
            changes: concerning.map(change).collect(),
        }
    }
}

fn actor(actor: &Actor) -> Value {
    match actor {
        Actor::Engine => json!({ "kind": "engine" }),
        Actor::Event(event) => json!({ "kind": "event", "source": event.source, "id": event.id }),
        Actor::Operator { name, reason } => json!({ "kind": "operator", "name": name, "reason": reason }),
    }
}

/// A change as it stands in the ledger, with its kind beside it and nothing of what is sealed.
fn change(change: &Change) -> Value {
    let (kind, mut value) = match change {
        Change::Received(received) => ("received", json!(received)),
        Change::Engineer(engineer) => ("engineer", json!(engineer)),
        Change::Enrollment { row, .. } => ("enrollment", json!(row)),
        Change::Reserved { engineer, .. } => {
            ("reserved", json!({ "username": SEALED, "engineer": engineer }))
        }
        Change::Released { engineer, .. } => {
            ("released", json!({ "username": SEALED, "engineer": engineer }))
        }
        Change::Erased { engineer } => ("erased", json!({ "engineer": engineer })),
        Change::Parked(parked) => ("parked", json!(parked)),
        Change::Unparked { id, how } => ("unparked", json!({ "id": id, "how": how })),
        Change::Bookmark { reader, position } => {
            ("bookmark", json!({ "reader": reader, "position": position }))
        }
    };
    hide_sealed(&mut value);
    value["kind"] = json!(kind);
    value
}

/// Wherever they stand: what HR has said for later is sealed as well.
fn hide_sealed(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "person" | "username" | "aliases" | "credential" | "home_account" | "token" => {
                        *value = json!(SEALED);
                    }
                    _ => hide_sealed(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_sealed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
