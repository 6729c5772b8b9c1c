//! What a batch of entries changes in the index, before it is written: the index as it will be. Conditions are checked against
//! it, so a commit sees those before it in the same batch. Recovery stages the same way, without conditions: what is in the
//! ledger has happened. Not here: when the batch is written (`writer`, `recover`).

use super::frame::Link;
use super::index::{Index, Meta, Slot, broken};
use super::keys::Keys;
use super::layout;
use super::value::{self, Content, Document};
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
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The index as it will be.
#[derive(Debug)]
pub struct Stage<'a> {
    index: &'a Index,
    keys: &'a Keys,
    slots: BTreeMap<Vec<u8>, Slot>,
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
            slots: BTreeMap::new(),
            data_keys: BTreeMap::new(),
            letters: BTreeMap::new(),
            erased: Vec::new(),
            unparked: BTreeSet::new(),
        }
    }

    /// The number of keys that change.
    pub fn len(&self) -> usize {
        self.slots.len()
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
    pub fn put_changes(&mut self, position: Position, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            self.put_change(change, position)?;
            self.erased.extend(change.erased().map(|engineer| (engineer.clone(), position)));
            if let Some(engineer) = change.engineer() {
                self.put(layout::history(engineer, position), &[])?;
            }
        }
        Ok(())
    }

    /// Takes over the beginning of a frame.
    pub fn put_frame(&mut self, first: u64, offset: u64) -> Result<(), StoreError> {
        self.put(layout::frame(first), &offset.to_be_bytes())
    }

    /// Writes everything to the index, which then is at `at`.
    pub fn write(self, before: &Meta, at: &Link) -> Result<Meta, StoreError> {
        self.index.apply(self.slots, before, at)
    }

    fn put_change(&mut self, change: &Change, position: Position) -> Result<(), StoreError> {
        let key = layout::subject(change);
        match change {
            Change::Received(received) => self.put_document(key, 0, None, received, position),
            Change::Engineer(engineer) => self.put_document(key, engineer.version, None, engineer, position),
            Change::Enrollment { row, .. } => self.put_row(key, row, position),
            Change::Reserved { engineer, .. } => self.put(key, engineer.as_str().as_bytes()),
            Change::Released { .. } => {
                self.slot(key)?.after = None;
                Ok(())
            }
            Change::Erased { .. } => Ok(()),
            Change::Parked(parked) => self.put_parked(key, parked, position),
            Change::Unparked { id, .. } => self.take_parked(&key, id),
            Change::Bookmark { position, .. } => self.put(key, &position.0.to_be_bytes()),
        }
    }

    /// What is parked already stays as it was first parked.
    fn put_parked(&mut self, key: Vec<u8>, parked: &Parked, position: Position) -> Result<(), StoreError> {
        self.unparked.remove(&parked.id);
        if self.payload(&key)?.is_some() {
            return Ok(());
        }
        self.put(layout::parked(parked.at, &parked.id), &[])?;
        self.put_document(key, 0, Some((0, parked.at)), parked, position)
    }

    fn take_parked(&mut self, key: &[u8], id: &LetterId) -> Result<(), StoreError> {
        if let Some((_, Some((_, at)))) = self.stub(key)? {
            self.slot(layout::parked(at, id))?.after = None;
        }
        self.slot(key.to_vec())?.after = None;
        self.unparked.insert(id.clone());
        Ok(())
    }

    fn put_row(&mut self, key: Vec<u8>, row: &Enrollment, position: Position) -> Result<(), StoreError> {
        if let Some((_, Some((step, at)))) = self.stub(&key)? {
            // The row may have queued in another lane.
            for lane in row.id.lanes() {
                self.slot(layout::wake_in(&lane, step, at, &row.id))?.after = None;
            }
        }
        let wake = row.place().map(|(step, at)| (step.number(), at));
        if let Some((step, at)) = wake {
            self.put(layout::wake_in(&row.lane(), step, at, &row.id), &[])?;
        }
        self.put_document(key, row.version, wake, row, position)
    }

    fn put_document(
        &mut self,
        key: Vec<u8>,
        version: u64,
        wake: Option<value::Wake>,
        document: &impl Serialize,
        position: Position,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_vec(document).map_err(|error| broken(&error.to_string()))?;
        let inline = json.len() <= value::INLINE_MAX;
        let content = if inline { Content::Inline(&json) } else { Content::InLedger(position) };
        self.put(key, &Document { version, wake, content }.encode())
    }

    fn put(&mut self, key: Vec<u8>, payload: &[u8]) -> Result<(), StoreError> {
        let sealed = value::seal(&key, payload);
        self.slot(key)?.after = Some(sealed);
        Ok(())
    }

    /// The version and the wake of a document.
    fn stub(&mut self, key: &[u8]) -> Result<Option<(u64, Option<value::Wake>)>, StoreError> {
        let Some(payload) = self.payload(key)? else { return Ok(None) };
        let document = Document::decode(payload).ok_or_else(|| broken("a document cannot be read"))?;
        Ok(Some((document.version, document.wake)))
    }

    fn payload(&mut self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        let slot = self.slot(key.to_vec())?;
        let payload = slot.after.as_deref().map(|stored| value::open(key, stored));
        payload.map(|payload| payload.ok_or_else(|| broken("a value does not match its check"))).transpose()
    }

    fn slot(&mut self, key: Vec<u8>) -> Result<&mut Slot, StoreError> {
        match self.slots.entry(key) {
            std::collections::btree_map::Entry::Occupied(slot) => Ok(slot.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let before = self.index.stored(vacant.key())?;
                let after = before.as_ref().map(|stored| stored.to_vec());
                Ok(vacant.insert(Slot { before, after }))
            }
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
        Ok(self.payload(&layout::received(event))?.is_some())
    }

    fn engineer_version(&mut self, key: &EngineerKey) -> Result<Option<u64>, StoreError> {
        Ok(self.stub(&layout::engineer(key))?.map(|(version, _)| version))
    }

    fn enrollment_version(&mut self, id: &EnrollmentId) -> Result<Option<u64>, StoreError> {
        Ok(self.stub(&layout::row(id))?.map(|(version, _)| version))
    }

    fn holder(&mut self, tag: &NameTag) -> Result<Option<EngineerKey>, StoreError> {
        let payload = self.payload(&layout::holder(tag))?;
        payload.map(engineer_key).transpose()
    }

    fn is_parked(&mut self, id: &LetterId) -> Result<bool, StoreError> {
        Ok(self.payload(&layout::letter(id))?.is_some())
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

/// Reads the key of an engineer from a payload.
pub fn engineer_key(payload: &[u8]) -> Result<EngineerKey, StoreError> {
    let text = std::str::from_utf8(payload).ok().and_then(|text| EngineerKey::parse(text).ok());
    text.ok_or_else(|| broken("a holder cannot be read"))
}
