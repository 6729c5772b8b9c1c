//! What a batch of entries changes, before anybody sees it: the index as it will be. Conditions are checked against it, so a commit sees
//! those before it in the same batch. Recovery stages the same way, without conditions: what is in the ledger has happened.
//! Not here: when the batch is seen, and when it is written (`writer`, `recover`).

use super::frame::Link;
use super::index::{Index, broken};
use super::keys::Keys;
use super::late::{Held, Late};
use super::layout;
use super::value;
use crate::model::duty::{Duty, LeaseBook};
use crate::model::engineer::EventRef;
use crate::model::enrollment::{Enrollment, EnrollmentId};
use crate::model::entry::{Change, Commit, Position};
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use crate::store::StoreError;
use crate::store::condition::Known;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The index as it will be.
#[derive(Debug)]
pub struct Stage<'a> {
    index: &'a Index,
    keys: &'a Keys,
    changed: BTreeMap<Vec<u8>, Option<Held>>,
    data_keys: BTreeMap<EngineerKey, (WrappedKey, Position)>,
    letters: BTreeMap<LetterId, Sealed>,
    erased: Vec<(EngineerKey, Position)>,
    /// Messages that are parked no longer when all is written.
    unparked: BTreeSet<LetterId>,
}

impl<'a> Stage<'a> {
    /// The index as it is.
    pub fn new(index: &'a Index, keys: &'a Keys) -> Self {
        Self {
            index,
            keys,
            changed: BTreeMap::new(),
            data_keys: BTreeMap::new(),
            letters: BTreeMap::new(),
            erased: Vec::new(),
            unparked: BTreeSet::new(),
        }
    }

    /// The number of keys that change.
    pub fn len(&self) -> usize {
        self.changed.len()
    }

    /// New data keys, which must be on disk before their frame.
    pub fn data_keys(&self) -> impl Iterator<Item = (&EngineerKey, &(WrappedKey, Position))> {
        self.data_keys.iter()
    }

    /// New letters, which must be on disk before their frame.
    pub fn letters(&self) -> impl Iterator<Item = (&LetterId, &Sealed)> {
        self.letters.iter()
    }

    /// Whose data keys are to be destroyed: after the frame that says so, and before the index has it, so that whoever brings the
    /// index up to the frame destroys them too.
    pub fn erased(&self) -> impl Iterator<Item = &(EngineerKey, Position)> {
        self.erased.iter()
    }

    /// The letters that go once everything is written.
    pub fn take_unparked(&mut self) -> BTreeSet<LetterId> {
        std::mem::take(&mut self.unparked)
    }

    /// Takes over what a commit that may happen, at this position, brings for beside the ledger.
    pub fn put_beside(&mut self, commit: &Commit, position: Position) {
        self.data_keys
            .extend(commit.keys.iter().map(|(engineer, key)| (engineer.clone(), (key.clone(), position))));
        self.letters.extend(commit.letters.iter().cloned());
    }

    /// Takes over the changes of an entry.
    pub fn put_changes(&mut self, position: Position, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in changes {
            self.erased.extend(change.erased().map(|engineer| (engineer.clone(), position)));
            if let Some(engineer) = change.engineer() {
                self.put(layout::history(engineer, position), Vec::new());
            }
            self.put_change(change, position)?;
        }
        Ok(())
    }

    /// Takes over the beginning of a frame.
    pub fn put_frame(&mut self, first: u64, offset: u64) {
        self.put(layout::frame(first), offset.to_be_bytes().to_vec());
    }

    /// From now on everybody sees it; the index is to be at `at` when it has it.
    pub fn publish(self, at: Link) -> Result<(), StoreError> {
        self.index.absorb(self.changed, at)
    }

    fn put_change(&mut self, change: Change, position: Position) -> Result<(), StoreError> {
        let key = layout::subject(&change);
        match change {
            Change::Received(received) => {
                self.put_document(key, position, Late::Received(Arc::new(received)));
            }
            Change::Engineer(engineer) => {
                self.put_document(key, position, Late::Engineer(Arc::from(engineer)));
            }
            Change::Enrollment { row, .. } => return self.put_row(key, Arc::from(row), position),
            Change::Reserved { engineer, .. } => self.put(key, engineer.as_str().as_bytes().to_vec()),
            Change::Released { .. } => self.remove(key),
            Change::Erased { .. } => (),
            Change::Parked(parked) => return self.put_parked(key, parked, position),
            Change::Unparked { id, .. } => return self.take_parked(key, id),
            Change::Bookmark { position, .. } => self.put(key, position.0.to_be_bytes().to_vec()),
        }
        Ok(())
    }

    /// What is parked already stays as it was first parked.
    fn put_parked(&mut self, key: Vec<u8>, parked: Parked, position: Position) -> Result<(), StoreError> {
        self.unparked.remove(&parked.id);
        if self.held(&key)?.is_some() {
            return Ok(());
        }
        self.put(layout::parked(parked.at, &parked.id), Vec::new());
        self.put_document(key, position, Late::Parked(Arc::new(parked)));
        Ok(())
    }

    fn take_parked(&mut self, key: Vec<u8>, id: LetterId) -> Result<(), StoreError> {
        if let Some((_, Some((_, at)))) = self.stub(&key)? {
            self.remove(layout::parked(at, &id));
        }
        self.remove(key);
        self.unparked.insert(id);
        Ok(())
    }

    fn put_row(&mut self, key: Vec<u8>, row: Arc<Enrollment>, position: Position) -> Result<(), StoreError> {
        if let Some((_, Some((step, at)))) = self.stub(&key)? {
            // The row may have queued in another lane.
            for lane in row.id.lanes() {
                self.remove(layout::wake_in(&lane, step, at, &row.id));
            }
        }
        if let Some((step, at)) = row.place() {
            self.put(layout::wake_in(&row.lane(), step.number(), at, &row.id), Vec::new());
        }
        self.put_document(key, position, Late::Row(row));
        Ok(())
    }

    fn put_document(&mut self, key: Vec<u8>, position: Position, document: Late) {
        self.changed.insert(key, Some(Held::Late(position, document)));
    }

    fn put(&mut self, key: Vec<u8>, payload: Vec<u8>) {
        self.changed.insert(key, Some(Held::Bytes(payload)));
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.changed.insert(key, None);
    }

    /// The version and the wake of a document.
    fn stub(&self, key: &[u8]) -> Result<Option<(u64, Option<value::Wake>)>, StoreError> {
        let held = self.held(key)?;
        held.map(|held| held.stub().ok_or_else(|| broken("a document cannot be read"))).transpose()
    }

    fn held(&self, key: &[u8]) -> Result<Option<Held>, StoreError> {
        match self.changed.get(key) {
            Some(held) => Ok(held.clone()),
            None => self.index.get(key),
        }
    }
}

impl Known for Stage<'_> {
    /// One process holds everything.
    fn epoch(&mut self, _duty: &Duty) -> Result<Option<u64>, StoreError> {
        Ok(Some(LeaseBook::SOLE_EPOCH))
    }

    /// That process counts itself.
    fn granted_after(&mut self, _source: Option<&str>, _after: Timestamp) -> Result<u32, StoreError> {
        Ok(0)
    }

    fn has_received(&mut self, event: &EventRef) -> Result<bool, StoreError> {
        Ok(self.held(&layout::received(event))?.is_some())
    }

    fn engineer_version(&mut self, key: &EngineerKey) -> Result<Option<u64>, StoreError> {
        Ok(self.stub(&layout::engineer(key))?.map(|(version, _)| version))
    }

    fn enrollment_version(&mut self, id: &EnrollmentId) -> Result<Option<u64>, StoreError> {
        Ok(self.stub(&layout::row(id))?.map(|(version, _)| version))
    }

    fn holder(&mut self, tag: &NameTag) -> Result<Option<EngineerKey>, StoreError> {
        self.held(&layout::holder(tag))?.map(|held| engineer_key(&held)).transpose()
    }

    fn is_parked(&mut self, id: &LetterId) -> Result<bool, StoreError> {
        Ok(self.held(&layout::letter(id))?.is_some())
    }

    /// A key that this batch destroys is still on disk, where the new one would replace it ahead of the frame: it stands in the way
    /// until the batch is done.
    fn data_key(&mut self, key: &EngineerKey) -> Result<Option<WrappedKey>, StoreError> {
        match self.data_keys.get(key) {
            Some((staged, _)) => Ok(Some(staged.clone())),
            None => self.keys.read(key),
        }
    }
}

/// The key of the engineer who holds a name.
pub fn engineer_key(held: &Held) -> Result<EngineerKey, StoreError> {
    let unreadable = || broken("a holder cannot be read");
    let Held::Bytes(payload) = held else { return Err(unreadable()) };
    let text = std::str::from_utf8(payload).ok().and_then(|text| EngineerKey::parse(text).ok());
    text.ok_or_else(unreadable)
}
