//! What HR has said of an engineer with one event, as it is stored: who is to have access where, and from when. One statement is in
//! force; those that are to come wait beside it, and a newer full state of a spell of employment replaces those of that spell.
//! Not here: reading an event (`event`), whether it may be used (`admission`), sealing and storing (`engine/intake`).

use super::engineer::{Engineer, EventRef, Scope};
use super::enrollment::{Goal, TargetKind, Want};
use super::event::{Ending, Event, Full, Lifecycle, Profile};
use super::id::EmploymentId;
use super::plan::StepName;
use super::sealed::Sealed;
use super::time_zone::TimeZoneName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The event behind something, and what HR wants to see again in what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event.
    #[serde(flatten)]
    pub event: EventRef,
    /// HR's onboarding case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The sender's trace (W3C Trace Context).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_parent: Option<String>,
}

/// What HR has said with one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What ought to be, by which revision.
    pub goal: Goal,
    /// When it comes into force.
    pub from: Timestamp,
    /// When it would, if no other spell of employment were in its way.
    pub own_from: Timestamp,
    /// HR's revision of it, which `goal` may have outgrown.
    pub own_revision: u64,
    /// The spell of employment behind it.
    pub employment: EmploymentId,
    /// When the engineer starts, if HR said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// The zone in which HR means its dates.
    pub time_zone: TimeZoneName,
    /// Where.
    pub scope: Scope,
    /// What the engineer does there.
    pub profile: Profile,
    /// Name and contact, sealed; none where HR has only ever said that access ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Sealed>,
    /// The engineer never started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_started: bool,
    /// The case in which the access was approved, where the event says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Keyed hash of the event's content in hexadecimal: tells a repetition of a revision from a conflict.
    pub content: String,
    /// The event.
    pub cause: Cause,
}

/// A part of a full state, and the revision that changed it last: rows that were brought about under an older one look at it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The name.
    #[serde(default)]
    pub name: u64,
    /// Contact, manager or language.
    #[serde(default)]
    pub contact: u64,
    /// What the engineer does.
    #[serde(default)]
    pub profile: u64,
    /// Where the engineer works.
    #[serde(default)]
    pub scope: u64,
}

impl Changed {
    /// The steps of a row that were done under an older revision and are about something that has changed since.
    pub fn since(self, revision: u64, kind: TargetKind) -> impl Iterator<Item = StepName> {
        let parts = match kind {
            TargetKind::Reseller => [(0, &[][..]), (0, &[]), (0, &[]), (0, &[])],
            TargetKind::Domain => [
                (self.name, &[StepName::Name][..]),
                (self.contact, &[StepName::Name, StepName::CaseAlerts]),
                (self.profile, &[StepName::Role, StepName::Verify]),
                (0, &[]),
            ],
            TargetKind::Engineer => {
                let told = &[StepName::HandOver, StepName::Welcome, StepName::Together][..];
                [
                    (0, &[][..]),
                    (self.contact, told),
                    (self.profile, &[StepName::Together]),
                    (self.scope, told),
                ]
            }
        };
        parts
            .into_iter()
            .filter(move |(changed, _)| *changed > revision)
            .flat_map(|(_, steps)| steps.iter().copied())
    }
}

impl Statement {
    /// What a full state says: that the engineer is to have access, and, where it knows a last day, that it ends then. A `joined` says
    /// when the engineer starts; a `moved`, from when what it says is so.
    pub fn of_full(event: &Event, full: &Full, person: Sealed, now: Timestamp) -> (Self, Vec<Self>) {
        let employment = &full.employment;
        let (starts, from) = match event.lifecycle {
            Lifecycle::Moved(_) => (employment.first_moment(), employment.effective_at.unwrap_or(now)),
            Lifecycle::Joined(_) | Lifecycle::Left(_) | Lifecycle::Cancelled(_) | Lifecycle::Erased(_) => {
                (employment.starts_at(), now)
            }
        };
        let present = Self {
            goal: Goal { want: Want::Present, revision: full.revision },
            from: from.max(now),
            own_from: from.max(now),
            own_revision: full.revision,
            employment: employment.id.clone(),
            starts,
            time_zone: employment.time_zone.clone(),
            scope: full.scope.clone(),
            profile: full.profile,
            person: Some(person),
            never_started: false,
            approval: full.approval.as_ref().map(|approval| approval.reference.clone()),
            content: event.content_hash.to_string(),
            cause: event.cause(),
        };
        let ends = employment.last_moment().map(|ends| Self {
            goal: Goal { want: Want::Absent, ..present.goal },
            from: ends.max(now),
            own_from: ends.max(now),
            ..present.clone()
        });
        (present, ends.into_iter().collect())
    }

    /// What the end of access says of an engineer of whom nothing was ever heard: it fences what comes later and is older.
    pub fn of_ending(event: &Event, ending: &Ending, now: Timestamp) -> Self {
        Self {
            goal: Goal { want: Want::Absent, revision: ending.revision },
            from: now,
            own_from: now,
            own_revision: ending.revision,
            employment: ending.employment.id.clone(),
            starts: None,
            time_zone: ending.employment.time_zone.clone(),
            scope: Scope::All,
            profile: Profile::SupportCases,
            person: None,
            never_started: matches!(event.lifecycle, Lifecycle::Cancelled(_)),
            approval: None,
            content: event.content_hash.to_string(),
            cause: event.cause(),
        }
    }

    /// The same engineer with another goal: what a `left` or `cancelled` says of whoever is known.
    #[must_use]
    pub fn ended(self, event: &Event, from: Timestamp, never_started: bool) -> Self {
        Self {
            goal: Goal { want: Want::Absent, revision: event.revision() },
            from,
            own_from: from,
            own_revision: event.revision(),
            never_started,
            content: event.content_hash.to_string(),
            cause: event.cause(),
            ..self
        }
    }

    /// Whether it gives somebody who has access under another statement more than that: a domain, or a role that may do more.
    pub fn widens(&self, before: &Self) -> bool {
        self.scope.within(&before.scope) != self.scope || self.profile > before.profile
    }

    /// As much of it as the other one gives as well.
    #[must_use]
    pub fn narrowed_to(self, before: &Self) -> Self {
        Self { scope: self.scope.within(&before.scope), profile: self.profile.min(before.profile), ..self }
    }

    /// All that was asked for, let in now: in force after what was, whatever the clock says, under the newest revision there is.
    #[must_use]
    pub fn let_in(self, stated: &Self, now: Timestamp) -> Self {
        let after = stated.from.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
        let from = now.max(after);
        Self { from, own_from: from, ..fenced(&self, stated) }
    }

    /// When the work for it begins: so long before the start.
    pub fn opens(&self, lead_time: SignedDuration) -> Option<Timestamp> {
        self.starts.map(|starts| starts.checked_sub(lead_time).unwrap_or(Timestamp::MIN))
    }
}

/// What is in force and what is to come, once more has been said. Each spell of employment is a row of statements of its own: what is said
/// of one takes the place of what was to come of that one and leaves the others standing, in their order. A spell begins after the end of
/// the one before it.
pub fn heard(
    before: Option<&Engineer>,
    (first, then): (Statement, Vec<Statement>),
    now: Timestamp,
    lead_time: SignedDuration,
) -> (Statement, Vec<Statement>) {
    let Some(before) = before else {
        // Of whom nothing was heard before, what is to come is a start.
        let starts = if first.from > now { first.starts.max(Some(first.from)) } else { first.starts };
        return (Statement { starts, ..first }, then);
    };
    match first.goal.want {
        Want::Present => {
            let said = with_its_start(first, before);
            let first = from_its_beginning(said.clone(), before, lead_time);
            let is_in_force = before.stated.employment == first.employment;
            // A change within a spell that is to come does not put its beginning off.
            let changes_later = !is_in_force && said.opens(lead_time).is_some_and(|opens| opens < said.from);
            let mut mine = before_it(before, &first);
            mine.retain(|_| changes_later);
            let begins = mine.first().map_or(first.from, |begins| begins.from);
            let begins = if is_in_force { Timestamp::MIN } else { begins };
            let (earlier, later) = around(before, &first.employment, begins);
            in_order(before, earlier, mine.into_iter().chain([first]).chain(then).collect(), later, now)
        }
        Want::Absent => ended(before, first, now),
    }
}

/// An end of the spell in force, or of one that is to come: what comes before it stays, but not an older date of the same end.
fn ended(before: &Engineer, end: Statement, now: Timestamp) -> (Statement, Vec<Statement>) {
    let mine = before_it(before, &end);
    let begins = mine.first().filter(|_| before.stated.employment != end.employment);
    let (earlier, later) =
        around(before, &end.employment, begins.map_or(Timestamp::MIN, |begins| begins.from));
    let said = mine.into_iter().chain([end]).collect();
    in_order(before, earlier, said, later, now)
}

/// What an end of access makes of what was said: of the spell in force, or of one that is to come, which it ends later or calls off.
pub fn ending_heard(
    stored: &Engineer,
    event: &Event,
    ending: &Ending,
    from: Timestamp,
    now: Timestamp,
    lead_time: SignedDuration,
) -> (Statement, Vec<Statement>) {
    let never_started = matches!(event.lifecycle, Lifecycle::Cancelled(_));
    let employment = &ending.employment.id;
    if stored.stated.employment == *employment {
        let said = stored.stated.clone().ended(event, from, never_started);
        return heard(Some(stored), (said, Vec::new()), now, lead_time);
    }
    let ends = (!never_started).then(|| ends_later(stored, event, employment, from, now));
    ends.flatten().unwrap_or_else(|| called_off(stored, event, employment))
}

/// What is to come of the same spell of employment before this.
fn before_it(before: &Engineer, said: &Statement) -> Vec<Statement> {
    let is_mine = |kept: &&Statement| kept.employment == said.employment && kept.goal.want == Want::Present;
    before.upcoming.iter().filter(is_mine).filter(|kept| kept.from < said.from).cloned().collect()
}

/// What is to come of other spells of employment: of those that begin before this moment, and of those that begin after it. Nothing is
/// left of a spell in force that would come only after another has begun.
fn around(
    before: &Engineer,
    employment: &EmploymentId,
    begins: Timestamp,
) -> (Vec<Statement>, Vec<Statement>) {
    let others = || before.upcoming.iter().filter(|kept| kept.employment != *employment);
    let begins_of = |spell: &EmploymentId| {
        let its_own = |kept: &&Statement| kept.employment == *spell && kept.goal.want == Want::Present;
        let announced = others().find(its_own).filter(|_| before.stated.employment != *spell);
        announced.map_or(Timestamp::MIN, |first| first.from)
    };
    let (earlier, later): (Vec<&Statement>, Vec<&Statement>) =
        others().partition(|kept| begins_of(&kept.employment) <= begins);
    // Of the spell in force everything is earlier, but if this is it.
    let is_over = |kept: &&Statement| kept.goal.want == Want::Present && kept.from > begins;
    let earlier = earlier.into_iter().filter(|kept| !is_over(kept)).cloned().collect();
    (earlier, later.into_iter().cloned().collect())
}

/// Puts what was said between what comes before and after it, each spell after the one before it. Whatever has come already is in force;
/// what comes later is under a revision no older than what it follows, which fences what HR's words bring late.
fn in_order(
    before: &Engineer,
    earlier: Vec<Statement>,
    said: Vec<Statement>,
    later: Vec<Statement>,
    now: Timestamp,
) -> (Statement, Vec<Statement>) {
    // Whether what comes after that may be let in is asked when the page turns.
    let at_most = earlier.len() + said.len();
    let said = said.into_iter().map(|statement| fenced(&statement, before.newest()));
    let mut all: Vec<Statement> = earlier.into_iter().chain(said).chain(later).collect();
    let mut previous = Statement { from: Timestamp::MIN, ..before.stated.clone() };
    for statement in &mut all {
        statement.from = placed(statement, &previous);
        previous = statement.clone();
    }
    let due = all.iter().take(at_most).take_while(|statement| statement.from <= now).count();
    let stated = all.drain(..due).next_back().unwrap_or_else(|| before.stated.clone());
    let mut newest = stated.clone();
    for statement in &mut all {
        *statement = fenced(statement, &newest);
        newest = statement.clone();
    }
    (stated, all)
}

/// A spell begins after the end of the one before it, and where that has none, on its first day: until then the one before goes on.
fn placed(statement: &Statement, previous: &Statement) -> Timestamp {
    let own = statement.own_from.max(previous.from);
    let takes_over = statement.employment != previous.employment && previous.goal.want == Want::Present;
    if takes_over { statement.starts.map_or(own, |starts| starts.max(own)) } else { own }
}

/// What was to come stays so under the newer revision.
fn fenced(statement: &Statement, newest: &Statement) -> Statement {
    let revision = newest.goal.revision;
    if revision <= statement.goal.revision {
        return statement.clone();
    }
    let goal = Goal { revision, ..statement.goal };
    Statement { goal, content: newest.content.clone(), ..statement.clone() }
}

/// The start that HR has named before, where this word about the same spell names none: a change of other things does not move it.
fn with_its_start(first: Statement, before: &Engineer) -> Statement {
    let of_mine = |known: &&Statement| known.employment == first.employment && known.starts.is_some();
    let known = [&before.stated].into_iter().chain(&before.upcoming).find(of_mine);
    let starts = first.starts.or_else(|| known?.starts);
    Statement { starts, ..first }
}

/// A full state that begins a spell of employment, or comes after an end, waits for its own beginning: until then what is in force holds,
/// also that there is no access.
fn from_its_beginning(first: Statement, before: &Engineer, lead_time: SignedDuration) -> Statement {
    let begins = before.stated.goal.want == Want::Absent || before.stated.employment != first.employment;
    if !begins {
        return first;
    }
    let from = first.from.max(first.opens(lead_time).unwrap_or(first.from));
    Statement { from, own_from: from, ..first }
}

/// An end that is said of a spell of employment which is to come, and begins before that end.
pub fn ends_later(
    before: &Engineer,
    event: &Event,
    employment: &EmploymentId,
    from: Timestamp,
    now: Timestamp,
) -> Option<(Statement, Vec<Statement>)> {
    let starts = |kept: &&Statement| {
        kept.goal.want == Want::Present && kept.employment == *employment && kept.from < from
    };
    let end = before.upcoming.iter().find(starts)?.clone().ended(event, from, false);
    Some(ended(before, end, now))
}

/// A spell of employment that was to come is called off: the rest stays as it is, all of it under the newer revision, so that an end that
/// is still to come is not taken for an old one.
pub fn called_off(
    before: &Engineer,
    event: &Event,
    employment: &EmploymentId,
) -> (Statement, Vec<Statement>) {
    let renewed = |statement: &Statement| Statement {
        goal: Goal { revision: event.revision(), ..statement.goal },
        content: event.content_hash.to_string(),
        cause: event.cause(),
        ..statement.clone()
    };
    let others = before.upcoming.iter().filter(|statement| statement.employment != *employment);
    (renewed(&before.stated), others.map(renewed).collect())
}

impl Changed {
    /// What a statement changes that takes the place of another; whether name or contact differ, only who can open the records knows.
    #[must_use]
    pub fn noting(self, before: &Statement, after: &Statement, name: bool, contact: bool) -> Self {
        let revision = after.goal.revision;
        let noted = |changed: bool, before: u64| if changed { revision } else { before };
        Self {
            name: noted(name, self.name),
            contact: noted(contact, self.contact),
            profile: noted(before.profile != after.profile, self.profile),
            scope: noted(before.scope != after.scope, self.scope),
        }
    }
}

impl Event {
    /// The event as a cause.
    pub fn cause(&self) -> Cause {
        Cause {
            event: self.reference.clone(),
            correlation_id: self.correlation_id.clone(),
            trace_parent: self.trace_parent.clone(),
        }
    }
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
