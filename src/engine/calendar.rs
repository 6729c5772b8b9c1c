//! What HR has said for later comes into force when its time has come, and whoever may begin is let in. The agenda in memory holds the
//! moments until well after the next sweep, which reads them from the store: a lost one costs a sweep, never an end of access. Those that
//! there was no room for are fetched as soon as there is.
//! Not here: what is said (`model/statement`), and the start of a row's work, which its own wake-up time holds.

use super::Engine;
use crate::model::engineer::Engineer;
use crate::model::enrollment::Want;
use crate::model::entry::{Actor, Change, Commit};
use crate::model::id::EngineerKey;
use crate::model::person::Person;
use crate::model::sealed::{Sealed, WrappedKey};
use crate::model::statement::{Changed, Statement};
use crate::steps::{House, SheetError};
use crate::store::StoreError;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Moments in memory at most; the sweep finds the others.
const AGENDA_MAX: usize = 10_000;

/// The longest sleep: a clock that is set, forward or back, is noticed within it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Moments that are to come soon, and whose.
pub(super) type Agenda = BTreeSet<(Timestamp, EngineerKey)>;

impl Engine {
    /// Wakes engineers at their moments, until the stop.
    pub(super) async fn keep_calendar(self: Arc<Self>) {
        loop {
            let now = self.house.clock.now();
            let next = if self.house.clock.is_believed() { self.take_due(now) } else { None };
            let until = next.unwrap_or(now + LOOK_AGAIN).min(now + LOOK_AGAIN);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.agenda_moved.notified() => (),
                () = self.house.clock.sleep_until(until) => (),
                // A clock that is set back would hold that up.
                () = tokio::time::sleep(LOOK_AGAIN.unsigned_abs()) => (),
            }
        }
    }

    /// Notes the engineer's next moment.
    pub(super) fn note_moment(&self, engineer: &Engineer) {
        let Some(at) = engineer.next_moment() else { return };
        let mut agenda = self.agenda();
        if agenda.insert((at, engineer.key.clone())) {
            if agenda.len() > AGENDA_MAX {
                agenda.pop_last();
                self.agenda_overflowed.store(true, Ordering::Relaxed);
            }
            self.agenda_moved.notify_one();
        }
    }

    /// Brings into force what was said for now or earlier; none if there is nothing. Several moments may have passed.
    pub(super) async fn turn_page(&self, engineer: &Engineer) -> Result<Option<Engineer>, StoreError> {
        let now = self.house.clock.now();
        let due = engineer.upcoming.iter().take_while(|statement| statement.from <= now).count();
        if due == 0 || !self.house.clock.is_believed() {
            return Ok(None);
        }
        let mut turned = engineer.clone();
        let data_key = self.key_if_whole(engineer).await?;
        let mut taken = Vec::new();
        let come: Vec<Statement> = turned.upcoming.drain(..due).collect();
        for statement in lived(&come) {
            let granting = self.granting(Some(&turned), statement, None, now);
            taken.extend(granting.taken.then(|| (granting.source(), now)));
            turned.changed = self.seen_changes(&turned, &granting.stated, data_key.as_ref());
            turned.past = turned.past_after(&granting.stated);
            turned = granting.over(turned);
        }
        turned.version += 1;
        let change = Change::Engineer(Box::new(turned.clone()));
        let commit = Commit { grants: self.granted(taken.clone()), ..Commit::of(now, Actor::Engine, change) };
        let written = self.commit(commit).await;
        if written.is_err() {
            self.took_none(&taken).await;
        }
        written?;
        self.grown.notify_one();
        Ok(Some(turned))
    }

    /// The engineer's data key. A broken one must keep neither the end of access nor a person's order from coming.
    pub(super) async fn key_if_whole(&self, engineer: &Engineer) -> Result<Option<WrappedKey>, StoreError> {
        match self.house.store.data_key(&engineer.key).await {
            Err(StoreError::Damaged(_)) => Ok(None),
            answer => answer,
        }
    }

    /// What a statement changes, as far as can be seen: a record that cannot be opened shows no change, and its rows say so themselves.
    pub(super) fn seen_changes(
        &self,
        before: &Engineer,
        stated: &Statement,
        data_key: Option<&WrappedKey>,
    ) -> Changed {
        let noted = data_key.and_then(|key| self.note_changes(before, stated, key).ok());
        noted.unwrap_or(before.changed)
    }

    /// What a statement changes for the engineer. Errors: a record cannot be opened.
    pub(super) fn note_changes(
        &self,
        before: &Engineer,
        stated: &Statement,
        data_key: &WrappedKey,
    ) -> Result<Changed, SheetError> {
        let place = House::person_place(&before.key);
        let open = |sealed: Option<&Sealed>| -> Result<Option<Person>, SheetError> {
            sealed.map(|sealed| self.house.open(data_key, &place, sealed)).transpose()
        };
        let (old, new) = (open(before.stated.person.as_ref())?, open(stated.person.as_ref())?);
        let name = old.as_ref().map(|person| &person.name) != new.as_ref().map(|person| &person.name);
        let reached = |person: &Option<Person>| {
            person.as_ref().map(|person| {
                (person.contact_email.clone(), person.manager_email.clone(), person.locale.clone())
            })
        };
        Ok(before.changed.noting(&before.stated, stated, name, reached(&old) != reached(&new)))
    }

    fn take_due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut agenda = self.agenda();
        while let Some((at, key)) = agenda.first().cloned() {
            if at > now {
                return Some(at);
            }
            agenda.pop_first();
            self.signal(&key);
        }
        // There is room again for those that were left out.
        if agenda.len() <= AGENDA_MAX / 2 && self.agenda_overflowed.swap(false, Ordering::Relaxed) {
            self.sweep.notify_one();
        }
        None
    }
}

/// Without the ends that the next spell of employment has followed in the same moment: nobody was away.
fn lived(due: &[Statement]) -> Vec<Statement> {
    let has_followed = |end: &Statement, next: Option<&Statement>| {
        let follows = |next: &&Statement| next.goal.want == Want::Present && next.from <= end.from;
        let has_begun = |next: &Statement| next.starts.is_none_or(|starts| starts <= end.from);
        end.goal.want == Want::Absent && next.filter(follows).is_some_and(has_begun)
    };
    let next = due.iter().skip(1).map(Some).chain([None]);
    due.iter().zip(next).filter(|(end, next)| !has_followed(end, *next)).map(|(end, _)| end.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::Goal;

    #[test]
    fn an_end_that_a_beginning_has_followed_was_not_lived() {
        let day = |day: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day);
        let statement = |(want, from, starts): (Want, i64, Option<i64>)| Statement {
            goal: Goal { want, revision: 1 },
            from: day(from),
            starts: starts.map(day),
            ..Engineer::example("E-1").stated
        };
        let check = |due: &[(Want, i64, Option<i64>)], left: usize| {
            let due_now: Vec<Statement> = due.iter().map(|one| statement(*one)).collect();
            let lived = lived(&due_now);
            assert_eq!(lived.len(), left, "{due:?}");
        };
        let (present, absent) = (Want::Present, Want::Absent);
        check(&[(absent, 1, None)], 1);
        check(&[(absent, 1, None), (present, 1, None)], 1);
        check(&[(absent, 1, None), (present, 1, Some(1))], 1);
        // A gap that nobody was there to see is one all the same, also where the work for the return begins at once.
        check(&[(absent, 1, None), (present, 2, None)], 2);
        check(&[(absent, 1, None), (present, 1, Some(9))], 2);
        check(&[(present, 1, None), (absent, 2, None)], 2);
    }
}
