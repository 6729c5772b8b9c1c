//! What a readable event means for what is already known: new, said before, too late, or in conflict (`docs/EVENTS.md`, order and
//! duplicates). Pure. Not here: reading the message (`event`), sealing and storing (`engine/intake`).

use super::engineer::{Engineer, Hold, UPCOMING_MAX};
use super::enrollment::Want;
use super::entry::{Disposition, Received};
use super::event::{Ending, Event, Full, Lifecycle, Profile, ReasonCode};
use super::id::EmploymentId;
use super::roster::Roster;
use crate::planted::planted;
use std::collections::BTreeSet;

/// What is to be done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It says what is to be so.
    Apply {
        /// A person is asked first, for this reason; nobody is asked about the end of access.
        hold: Option<Hold>,
        /// Revisions were left out before it: an event may be missing. It is used all the same, since it is the full state.
        gap: bool,
    },
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

/// What the house allows.
#[derive(Clone, Copy, Debug)]
pub struct House<'a> {
    /// The reseller accounts and what is known of them.
    pub roster: &'a Roster,
    /// What an engineer may do here.
    pub profiles: &'a BTreeSet<Profile>,
}

/// Decides, from the event, what the inbox knows of its id, the engineer as stored, and what the house allows.
pub fn decide(
    event: &Event,
    received: Option<&Received>,
    engineer: Option<&Engineer>,
    house: House<'_>,
) -> Admission {
    let content = event.content_hash.to_string();
    if let Some(received) = received {
        let same = received.content == content;
        return if same { Admission::Known } else { refuse("/id", ReasonCode::IdConflict) };
    }
    if let Some(newest) = engineer.map(Engineer::newest) {
        if event.revision() < newest.goal.revision
            && !planted!(OlderWordWins)
            && !engineer.is_some_and(|known| ends_what_holds(event, known))
        {
            let is_overtaken = engineer.is_some_and(|known| begins_something(event, known));
            return if is_overtaken {
                refuse("/data/revision", ReasonCode::Overtaken)
            } else {
                Admission::Note(Disposition::Stale)
            };
        }
        if event.revision() == newest.goal.revision {
            let repeated = Admission::Note(Disposition::Repeated);
            let conflict = refuse("/data/revision", ReasonCode::RevisionConflict);
            return if newest.content == content { repeated } else { conflict };
        }
    }
    match &event.lifecycle {
        Lifecycle::Joined(full) | Lifecycle::Moved(full) => of_full(full, engineer, house),
        Lifecycle::Left(ending) | Lifecycle::Cancelled(ending) => of_ending(ending, engineer),
        Lifecycle::Erased(_) => of_erasure(event.revision(), engineer),
    }
}

/// Whether the event ends the spell of employment in force and is the newest word about that one: late, and no less true.
fn ends_what_holds(event: &Event, engineer: &Engineer) -> bool {
    let (Lifecycle::Left(ending) | Lifecycle::Cancelled(ending)) = &event.lifecycle else { return false };
    let said = [&engineer.stated].into_iter().chain(&engineer.upcoming);
    let of_it = said.filter(|statement| statement.employment == ending.employment.id);
    engineer.stated.goal.want == Want::Present
        && engineer.stated.employment == ending.employment.id
        && of_it.map(|statement| statement.own_revision).max() < Some(ending.revision)
}

/// Whether the event tells of a spell of employment that nobody has heard of: it must not vanish behind a newer word about another one.
fn begins_something(event: &Event, engineer: &Engineer) -> bool {
    let (Lifecycle::Joined(full) | Lifecycle::Moved(full)) = &event.lifecycle else { return false };
    !is_known(engineer, &full.employment.id) && !engineer.past.contains(&full.employment.id)
}

fn is_known(engineer: &Engineer, id: &EmploymentId) -> bool {
    [&engineer.stated].into_iter().chain(&engineer.upcoming).any(|statement| statement.employment == *id)
}

/// A full state is used, unless the house does not know what it names. That somebody is back whose employment had ended is a question.
fn of_full(full: &Full, engineer: Option<&Engineer>, house: House<'_>) -> Admission {
    if !house.profiles.contains(&full.profile) {
        return refuse("/data/scope/profile", ReasonCode::ProfileNotConfigured);
    }
    if house.roster.is_complete() && !house.roster.strangers(&full.scope).is_empty() {
        return refuse("/data/scope/domains", ReasonCode::DomainNotConfigured);
    }
    if engineer.is_some_and(|engineer| engineer.upcoming.len() >= UPCOMING_MAX) {
        return refuse("/data/employment", ReasonCode::TooManyUpcoming);
    }
    if engineer.is_some_and(|engineer| is_over(engineer, full)) {
        return refuse("/data/employment/id", ReasonCode::EmploymentOver);
    }
    let has_ended = |engineer: &&Engineer| {
        let id = &full.employment.id;
        let has_been =
            engineer.stated.employment == *id || !is_known(engineer, id) && engineer.past.contains(id);
        engineer.stated.goal.want == Want::Absent && has_been && !planted!(ReturnUnasked)
    };
    Admission::Apply {
        hold: engineer.filter(has_ended).map(|_| Hold::EmploymentEnded),
        gap: has_gap(full.revision, engineer),
    }
}

/// Whether the spell of employment ended before the one that is in force began.
fn is_over(engineer: &Engineer, full: &Full) -> bool {
    let id = &full.employment.id;
    engineer.stated.goal.want == Want::Present && engineer.past.contains(id) && !is_known(engineer, id)
}

/// The end of access is about the spell of employment that is in force, or one that is to come; who was never heard of is fenced by it, and
/// so is a spell that nobody has heard of where there is no access.
fn of_ending(ending: &Ending, engineer: Option<&Engineer>) -> Admission {
    let id = &ending.employment.id;
    let fences =
        |engineer: &Engineer| engineer.stated.goal.want == Want::Absent && !engineer.past.contains(id);
    if engineer.is_some_and(|engineer| !is_known(engineer, id) && !fences(engineer)) {
        return refuse("/data/employment/id", ReasonCode::EmploymentMismatch);
    }
    Admission::Apply { hold: None, gap: has_gap(ending.revision, engineer) }
}

/// Only who has no access, and is not about to get any, is forgotten; who was never heard of needs nothing. Who is forgotten already is so
/// under the newer revision, which fences what comes late and is older.
fn of_erasure(revision: u64, engineer: Option<&Engineer>) -> Admission {
    let Some(engineer) = engineer else { return Admission::Note(Disposition::Repeated) };
    if engineer.stated.goal.want == Want::Present || !engineer.upcoming.is_empty() {
        return refuse("/type", ReasonCode::EraseWhilePresent);
    }
    Admission::Apply { hold: None, gap: has_gap(revision, Some(engineer)) }
}

fn has_gap(revision: u64, engineer: Option<&Engineer>) -> bool {
    engineer.is_some_and(|engineer| revision > engineer.newest().goal.revision.saturating_add(1))
}

fn refuse(pointer: &'static str, reason: ReasonCode) -> Admission {
    Admission::Refuse { pointer, reason }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
