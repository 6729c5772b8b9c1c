//! A store in memory with the semantics of the real ones: for tests and for simulations in paused time.
//! No thread, no file; leases expire by tokio's time. Not here: durability; everything is gone with the value.

use super::condition::{self, Known};
use super::leases::Leases;
use super::{Answer, Store, StoreError, StoredLetter};
use crate::crash::crash_point;
use crate::model::duty::{Duty, LeaseBook, LeaseCall};
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Change, Commit, Entry, Position, Received};
use crate::model::grants::Grant;
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::plan::StepName;
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// A store that lives as long as the value.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
    /// Since when several engines share it; none where it is one's own.
    shared_since: Option<Instant>,
}

/// How a commit is lost: the caller hears `Unavailable` either way and cannot tell which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing happened.
    BeforeEffect,
    /// It happened; only the answer is lost.
    AfterEffect,
}

#[derive(Debug, Default)]
struct State {
    engineers: BTreeMap<EngineerKey, Engineer>,
    data_keys: BTreeMap<EngineerKey, WrappedKey>,
    rows: BTreeMap<EnrollmentId, Enrollment>,
    rows_of: BTreeMap<EngineerKey, BTreeSet<EnrollmentId>>,
    wakes: BTreeMap<Lane, BTreeMap<StepName, BTreeSet<(Timestamp, EnrollmentId)>>>,
    inbox: BTreeMap<EventRef, Received>,
    holders: BTreeMap<NameTag, EngineerKey>,
    parked: BTreeMap<LetterId, Parked>,
    parked_since: BTreeSet<(Timestamp, LetterId)>,
    letters: BTreeMap<LetterId, Sealed>,
    bookmarks: BTreeMap<String, Position>,
    is_shared: bool,
    leases: Leases,
    grants: Vec<Grant>,
    entries: Vec<Entry>,
    lose_next: Option<Lost>,
    is_away: bool,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several engines in one process share.
    pub fn shared() -> Self {
        let state = Mutex::new(State { is_shared: true, ..State::default() });
        Self { state, shared_since: Some(Instant::now()) }
    }

    /// Makes the next commit answer `Unavailable`. A commit that conflicts still answers `Conflict` and leaves this in force.
    pub fn lose_next_commit(&self, lost: Lost) {
        self.state().lose_next = Some(lost);
    }

    /// Makes every read and every commit answer `Unavailable` from now on.
    pub fn go_away(&self) {
        self.state().is_away = true;
    }

    /// Makes it answer again.
    pub fn come_back(&self) {
        self.state().is_away = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two writes to the maps, so what a panicking test left behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&State) -> T + Send + 'a) -> Answer<'a, T> {
        Box::pin(async move {
            let state = self.state();
            state.check().map(|()| read(&state))
        })
    }
}

impl Store for Memory {
    fn commit(&self, commit: Commit) -> Answer<'_, Position> {
        // The effect comes when the answer is awaited, as with a store that has to be reached first.
        Box::pin(async move {
            crash_point!(async "memory.commit.before");
            let committed = self.state().commit(commit);
            crash_point!(async "memory.commit.after");
            committed
        })
    }

    fn engineer<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<Engineer>> {
        self.read(|state| state.engineers.get(key).cloned())
    }

    fn engineers<'a>(&'a self, after: Option<&'a EngineerKey>, limit: usize) -> Answer<'a, Vec<Engineer>> {
        self.read(move |state| {
            let rest = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            state
                .engineers
                .range::<EngineerKey, _>(rest)
                .take(limit)
                .map(|(_, found)| found.clone())
                .collect()
        })
    }

    fn data_key<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<WrappedKey>> {
        self.read(|state| state.engineers.get(key).and_then(|_| state.data_keys.get(key).cloned()))
    }

    fn enrollment<'a>(&'a self, id: &'a EnrollmentId) -> Answer<'a, Option<Enrollment>> {
        self.read(|state| state.rows.get(id).cloned())
    }

    fn enrollments_of<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Vec<Enrollment>> {
        self.read(|state| state.rows_of.get(key).into_iter().flatten().map(|id| state.row(id)).collect())
    }

    fn due<'a>(&'a self, lane: &'a Lane, now: Timestamp, limit: usize) -> Answer<'a, Vec<Enrollment>> {
        self.read(move |state| {
            let due = state
                .wakes_of(lane)
                .flat_map(|wakes| wakes.iter().take_while(|(at, _)| *at <= now).take(limit));
            let due: BTreeSet<&(Timestamp, EnrollmentId)> = due.collect();
            due.into_iter().map(|(_, id)| state.row(id)).collect()
        })
    }

    fn queue<'a>(
        &'a self,
        lane: &'a Lane,
        after: Option<&'a (Timestamp, EnrollmentId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Enrollment>> {
        self.read(move |state| {
            let rest = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let wakes = state.wakes_of(lane).flat_map(|wakes| wakes.range(rest).take(limit));
            let wakes: BTreeSet<&(Timestamp, EnrollmentId)> = wakes.collect();
            wakes.into_iter().take(limit).map(|(_, id)| state.row(id)).collect()
        })
    }

    fn next_wake<'a>(&'a self, lane: &'a Lane) -> Answer<'a, Option<Timestamp>> {
        self.read(|state| state.wakes_of(lane).filter_map(|wakes| wakes.first()).map(|(at, _)| *at).min())
    }

    fn received<'a>(&'a self, event: &'a EventRef) -> Answer<'a, Option<Received>> {
        self.read(|state| state.inbox.get(event).cloned())
    }

    fn holder<'a>(&'a self, tag: &'a NameTag) -> Answer<'a, Option<EngineerKey>> {
        self.read(|state| state.holders.get(tag).cloned())
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a (Timestamp, LetterId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Parked>> {
        self.read(move |state| {
            let rest = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let found = state.parked_since.range(rest).filter_map(|(_, id)| state.parked.get(id));
            found.take(limit).cloned().collect()
        })
    }

    fn letter<'a>(&'a self, id: &'a LetterId) -> Answer<'a, Option<StoredLetter>> {
        self.read(|state| Some((state.parked.get(id)?.clone(), state.letters.get(id).cloned())))
    }

    fn entries(&self, after: Position, limit: usize) -> Answer<'_, Vec<Entry>> {
        self.read(move |state| state.entries_after(after).iter().take(limit).cloned().collect())
    }

    fn history<'a>(&'a self, key: &'a EngineerKey, after: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        self.read(move |state| {
            let concerns = |entry: &&Entry| entry.engineers().contains(&key);
            state.entries_after(after).iter().filter(concerns).take(limit).cloned().collect()
        })
    }

    fn recent<'a>(&'a self, key: &'a EngineerKey, before: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        self.read(move |state| {
            let concerns = |entry: &&Entry| entry.position < before && entry.engineers().contains(&key);
            state.entries_after(Position(0)).iter().rev().filter(concerns).take(limit).cloned().collect()
        })
    }

    fn bookmark<'a>(&'a self, reader: &'a str) -> Answer<'a, Position> {
        self.read(|state| state.bookmarks.get(reader).copied().unwrap_or_default())
    }

    fn head(&self) -> Answer<'_, Position> {
        self.read(State::head)
    }

    fn is_shared(&self) -> bool {
        self.shared_since.is_some()
    }

    fn lease<'a>(&'a self, call: &'a LeaseCall) -> Answer<'a, LeaseBook> {
        Box::pin(async move {
            let Some(since) = self.shared_since else { return Ok(LeaseBook::sole(call)) };
            let mut state = self.state();
            state.check()?;
            Ok(state.leases.serve(call, since.elapsed()))
        })
    }

    fn granted(&self, after: Timestamp) -> Answer<'_, Vec<Grant>> {
        self.read(move |state| {
            let mut later: Vec<Grant> =
                state.grants.iter().filter(|grant| grant.at > after).cloned().collect();
            later.sort_by_key(|grant| grant.at);
            later
        })
    }
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        if self.is_away { Err(StoreError::Unavailable("it has gone away".to_owned())) } else { Ok(()) }
    }

    fn commit(&mut self, commit: Commit) -> Result<Position, StoreError> {
        self.check()?;
        condition::admit(&commit, self)?;
        let lost = self.lose_next.take();
        if lost != Some(Lost::BeforeEffect) {
            self.apply(commit);
        }
        match lost {
            Some(_) => Err(StoreError::Unavailable("this commit was to be lost".to_owned())),
            None => Ok(self.head()),
        }
    }

    fn apply(&mut self, commit: Commit) {
        let Commit { at, actor, changes, keys, letters, fences: _, grants } = commit;
        self.data_keys.extend(keys);
        self.grants.extend(grants);
        for (id, letter) in letters {
            self.letters.entry(id).or_insert(letter);
        }
        for change in &changes {
            self.apply_change(change);
        }
        self.entries.push(Entry { position: Position(self.head().0 + 1), at, actor, changes });
    }

    fn apply_change(&mut self, change: &Change) {
        match change {
            Change::Received(received) => {
                self.inbox.insert(received.event.clone(), received.clone());
            }
            Change::Engineer(engineer) => {
                self.engineers.insert(engineer.key.clone(), engineer.as_ref().clone());
            }
            Change::Enrollment { row, .. } => self.put_row(row),
            Change::Reserved { tag, engineer } => {
                self.holders.insert(tag.clone(), engineer.clone());
            }
            Change::Released { tag, .. } => {
                self.holders.remove(tag);
            }
            Change::Erased { engineer } => {
                self.data_keys.remove(engineer);
            }
            Change::Parked(parked) => {
                if !self.parked.contains_key(&parked.id) {
                    self.parked.insert(parked.id.clone(), parked.clone());
                    self.parked_since.insert((parked.at, parked.id.clone()));
                }
            }
            Change::Unparked { id, .. } => {
                if let Some(parked) = self.parked.remove(id) {
                    self.parked_since.remove(&(parked.at, parked.id));
                }
                self.letters.remove(id);
            }
            Change::Bookmark { reader, position } => {
                self.bookmarks.insert(reader.clone(), *position);
            }
        }
    }

    fn put_row(&mut self, row: &Enrollment) {
        if let Some(engineer) = row.id.engineer() {
            self.rows_of.entry(engineer.clone()).or_default().insert(row.id.clone());
        }
        let before = self.rows.insert(row.id.clone(), row.clone());
        if let Some((lane, (step, at))) = before.and_then(|before| Some((before.lane(), before.place()?))) {
            self.forget_wake(&lane, step, &(at, row.id.clone()));
        }
        if let Some((step, at)) = row.place() {
            self.wakes.entry(row.lane()).or_default().entry(step).or_default().insert((at, row.id.clone()));
        }
    }

    fn head(&self) -> Position {
        self.entries.last().map(|entry| entry.position).unwrap_or_default()
    }

    fn entries_after(&self, after: Position) -> &[Entry] {
        let known = self.entries.partition_point(|entry| entry.position <= after);
        &self.entries[known..]
    }

    /// The wakes of a lane, step by step.
    fn wakes_of(&self, lane: &Lane) -> impl Iterator<Item = &BTreeSet<(Timestamp, EnrollmentId)>> {
        self.wakes.get(lane).into_iter().flat_map(BTreeMap::values)
    }

    /// A step at which nobody waits is not kept: every look at the lane would pass it.
    fn forget_wake(&mut self, lane: &Lane, step: StepName, wake: &(Timestamp, EnrollmentId)) {
        let Some(steps) = self.wakes.get_mut(lane) else { return };
        let Some(wakes) = steps.get_mut(&step) else { return };
        wakes.remove(wake);
        if wakes.is_empty() {
            steps.remove(&step);
        }
    }

    fn row(&self, id: &EnrollmentId) -> Enrollment {
        self.rows.get(id).expect("a wake is removed with its row").clone()
    }
}

impl Known for State {
    fn epoch(&mut self, duty: &Duty) -> Result<Option<u64>, StoreError> {
        Ok(if self.is_shared { self.leases.epoch(duty) } else { Some(LeaseBook::SOLE_EPOCH) })
    }

    fn granted_after(&mut self, source: Option<&str>, after: Timestamp) -> Result<u32, StoreError> {
        let counts = |grant: &&Grant| grant.at > after && source.is_none_or(|source| grant.source == source);
        Ok(u32::try_from(self.grants.iter().filter(counts).count()).unwrap_or(u32::MAX))
    }

    fn has_received(&mut self, event: &EventRef) -> Result<bool, StoreError> {
        Ok(self.inbox.contains_key(event))
    }

    fn engineer_version(&mut self, key: &EngineerKey) -> Result<Option<u64>, StoreError> {
        Ok(self.engineers.get(key).map(|engineer| engineer.version))
    }

    fn enrollment_version(&mut self, id: &EnrollmentId) -> Result<Option<u64>, StoreError> {
        Ok(self.rows.get(id).map(|row| row.version))
    }

    fn holder(&mut self, tag: &NameTag) -> Result<Option<EngineerKey>, StoreError> {
        Ok(self.holders.get(tag).cloned())
    }

    fn is_parked(&mut self, id: &LetterId) -> Result<bool, StoreError> {
        Ok(self.parked.contains_key(id))
    }

    fn data_key(&mut self, key: &EngineerKey) -> Result<Option<WrappedKey>, StoreError> {
        Ok(self.data_keys.get(key).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;
    use crate::planted::{Bug, caught};
    use std::sync::Arc;

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract() {
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        contract::check(&store).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keeps_the_contract_when_it_is_shared() {
        let store: Arc<dyn Store> = Arc::new(Memory::shared());
        contract::check(&store).await;
    }

    #[test]
    fn planted_a_new_holder_has_the_old_number() {
        caught(Bug::EpochStays, keeps_the_contract_when_it_is_shared);
    }

    #[test]
    fn planted_whoever_held_a_duty_before_commits() {
        caught(Bug::FenceNotCompared, keeps_the_contract_when_it_is_shared);
    }

    #[test]
    fn planted_nobody_counts_grants() {
        caught(Bug::GrantsUncounted, keeps_the_contract_when_it_is_shared);
    }

    #[test]
    fn planted_two_engineers_get_one_name() {
        caught(Bug::NameHeldByTwo, keeps_the_contract);
    }

    #[test]
    fn planted_an_event_is_taken_twice() {
        caught(Bug::ReceivedTwice, keeps_the_contract);
    }

    #[tokio::test]
    async fn a_lost_commit_has_happened_or_not_and_the_caller_cannot_tell() {
        for (lost, happened) in [(Lost::BeforeEffect, 0), (Lost::AfterEffect, 1)] {
            let store = Memory::new();
            store.lose_next_commit(lost);
            let first = contract::commit(vec![contract::put_engineer("E-1", 1)]);
            assert!(matches!(store.commit(first.clone()).await, Err(StoreError::Unavailable(_))));
            assert_eq!(store.head().await, Ok(Position(happened)));
            let again = store.commit(first).await;
            assert_eq!(again, if happened == 0 { Ok(Position(1)) } else { Err(StoreError::Conflict) });
        }
    }
}
