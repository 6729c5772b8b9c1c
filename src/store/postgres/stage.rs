//! What a batch changes, before it is written: what the database holds as far as the batch asks, as it will be. Conditions are checked
//! against it, so a commit sees those before it in the same batch. Pure.
//! Not here: asking and writing (`batch`).

use super::layout::{self, Time};
use super::pending::Pending;
use crate::model::duty::Duty;
use crate::model::engineer::EventRef;
use crate::model::enrollment::{Enrollment, EnrollmentId};
use crate::model::entry::Change;
use crate::model::id::EngineerKey;
use crate::model::parked::LetterId;
use crate::model::sealed::{NameTag, WrappedKey};
use crate::store::StoreError;
use crate::store::condition::{self, Known};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Grants count for so long (`Grant::fits`).
const GRANTS_COUNT: SignedDuration = SignedDuration::from_hours(24);

/// What the batch asks about.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub received: BTreeSet<Vec<u8>>,
    pub engineers: BTreeSet<String>,
    pub keys: BTreeSet<String>,
    pub rows: BTreeSet<String>,
    pub holders: BTreeSet<Vec<u8>>,
    pub parked: BTreeSet<String>,
    pub duties: BTreeSet<String>,
    /// Grants later than this.
    pub granted_after: Option<Timestamp>,
}

/// What there is of it, as it will be.
#[derive(Debug, Default)]
pub struct Held {
    pub received: BTreeSet<Vec<u8>>,
    pub engineers: BTreeMap<String, u64>,
    pub keys: BTreeMap<String, WrappedKey>,
    pub rows: BTreeMap<String, u64>,
    pub holders: BTreeMap<Vec<u8>, EngineerKey>,
    pub parked: BTreeSet<String>,
    pub epochs: BTreeMap<String, u64>,
    pub grants: Vec<(String, Timestamp)>,
}

/// A row that is written.
#[derive(Debug)]
pub struct PutRow {
    pub wake: Option<Wake>,
    pub version: u64,
    pub body: String,
}

/// Where a row queues.
#[derive(Debug)]
pub struct Wake {
    pub lane: String,
    pub step: &'static str,
    pub at: Time,
}

/// What is written. Nothing for a value means that it is removed.
#[derive(Debug, Default)]
pub struct Puts {
    pub received: BTreeMap<Vec<u8>, String>,
    pub engineers: BTreeMap<String, (u64, String)>,
    pub keys: BTreeMap<String, Option<WrappedKey>>,
    pub rows: BTreeMap<String, PutRow>,
    pub holders: BTreeMap<Vec<u8>, Option<EngineerKey>>,
    /// Removed before anything is put.
    pub unparked: BTreeSet<String>,
    pub parked: BTreeMap<String, (Time, String)>,
    /// One that is there already stays, unless it is removed.
    pub letters: BTreeMap<String, Vec<u8>>,
    pub bookmarks: BTreeMap<String, u64>,
    pub grants: Vec<(String, Time)>,
}

/// A batch that is being decided.
#[derive(Debug)]
pub struct Stage {
    held: Held,
    puts: Puts,
}

impl Asked {
    /// What the conditions of these commits ask about.
    pub fn of<'a>(batch: impl IntoIterator<Item = &'a Pending>) -> Self {
        let mut asked = Self::default();
        for pending in batch {
            let engineers = pending.commit.keys.iter().map(|(engineer, _)| engineer.to_string());
            for engineer in engineers {
                asked.keys.insert(engineer.clone());
                asked.engineers.insert(engineer);
            }
            asked.duties.extend(pending.commit.fences.iter().map(|fence| fence.duty.to_string()));
            let limited = pending.commit.grants.iter().filter(|grant| grant.room.is_some());
            let days = limited.map(|grant| grant.at - GRANTS_COUNT);
            asked.granted_after = asked.granted_after.into_iter().chain(days).min();
            pending.commit.changes.iter().for_each(|change| asked.about(change));
        }
        asked
    }

    fn about(&mut self, change: &Change) {
        match change {
            Change::Received(received) => {
                self.received.insert(layout::received(&received.event));
            }
            Change::Engineer(engineer) => {
                self.engineers.insert(engineer.key.to_string());
            }
            Change::Enrollment { row, .. } => {
                self.rows.insert(layout::row(&row.id));
            }
            Change::Reserved { tag, .. } | Change::Released { tag, .. } => {
                self.holders.insert(tag.as_bytes().to_vec());
            }
            Change::Parked(parked) => {
                self.parked.insert(parked.id.as_str().to_owned());
            }
            Change::Unparked { id, .. } => {
                self.parked.insert(id.as_str().to_owned());
            }
            Change::Erased { .. } | Change::Bookmark { .. } => (),
        }
    }
}

impl Stage {
    /// Nothing is changed yet.
    pub fn new(held: Held) -> Self {
        Self { held, puts: Puts::default() }
    }

    /// Takes a commit over if it may happen.
    ///
    /// # Errors
    /// `Conflict`; nothing has changed then.
    pub fn take(&mut self, pending: &Pending) -> Result<(), StoreError> {
        condition::admit(&pending.commit, self)?;
        for (engineer, key) in &pending.commit.keys {
            self.held.keys.insert(engineer.to_string(), key.clone());
            self.puts.keys.insert(engineer.to_string(), Some(key.clone()));
        }
        for grant in &pending.commit.grants {
            self.held.grants.push((grant.source.clone(), grant.at));
            self.puts.grants.push((grant.source.clone(), layout::time(grant.at)));
        }
        for (id, letter) in &pending.commit.letters {
            let put = self.puts.letters.entry(id.as_str().to_owned());
            put.or_insert_with(|| letter.as_bytes().to_vec());
        }
        pending.changes().for_each(|(change, document)| self.change(change, document));
        Ok(())
    }

    /// What is to be written.
    pub fn into_puts(self) -> Puts {
        self.puts
    }

    fn change(&mut self, change: &Change, document: &str) {
        let body = document.to_owned();
        match change {
            Change::Received(received) => {
                let key = layout::received(&received.event);
                self.held.received.insert(key.clone());
                self.puts.received.insert(key, body);
            }
            Change::Engineer(engineer) => {
                self.held.engineers.insert(engineer.key.to_string(), engineer.version);
                self.puts.engineers.insert(engineer.key.to_string(), (engineer.version, body));
            }
            Change::Enrollment { row, .. } => self.put_row(row, body),
            Change::Reserved { tag, engineer } => {
                self.held.holders.insert(tag.as_bytes().to_vec(), engineer.clone());
                self.puts.holders.insert(tag.as_bytes().to_vec(), Some(engineer.clone()));
            }
            Change::Released { tag, .. } => {
                self.held.holders.remove(tag.as_bytes());
                self.puts.holders.insert(tag.as_bytes().to_vec(), None);
            }
            Change::Erased { engineer } => {
                self.held.keys.remove(engineer.as_str());
                self.puts.keys.insert(engineer.to_string(), None);
            }
            Change::Parked(parked) => {
                if self.held.parked.insert(parked.id.as_str().to_owned()) {
                    let put = (layout::time(parked.at), body);
                    self.puts.parked.insert(parked.id.as_str().to_owned(), put);
                }
            }
            Change::Unparked { id, .. } => self.unpark(id),
            Change::Bookmark { reader, position } => {
                self.puts.bookmarks.insert(reader.clone(), position.0);
            }
        }
    }

    fn put_row(&mut self, row: &Enrollment, body: String) {
        let key = layout::row(&row.id);
        let wake = row.place().map(|(step, at)| Wake {
            lane: layout::lane(&row.lane()),
            step: step.as_str(),
            at: layout::time(at),
        });
        self.held.rows.insert(key.clone(), row.version);
        self.puts.rows.insert(key, PutRow { wake, version: row.version, body });
    }

    fn unpark(&mut self, id: &LetterId) {
        self.held.parked.remove(id.as_str());
        self.puts.parked.remove(id.as_str());
        self.puts.letters.remove(id.as_str());
        self.puts.unparked.insert(id.as_str().to_owned());
    }
}

impl Known for Stage {
    fn has_received(&mut self, event: &EventRef) -> Result<bool, StoreError> {
        Ok(self.held.received.contains(&layout::received(event)))
    }

    fn engineer_version(&mut self, key: &EngineerKey) -> Result<Option<u64>, StoreError> {
        Ok(self.held.engineers.get(key.as_str()).copied())
    }

    fn enrollment_version(&mut self, id: &EnrollmentId) -> Result<Option<u64>, StoreError> {
        Ok(self.held.rows.get(&layout::row(id)).copied())
    }

    fn holder(&mut self, tag: &NameTag) -> Result<Option<EngineerKey>, StoreError> {
        Ok(self.held.holders.get(tag.as_bytes()).cloned())
    }

    fn is_parked(&mut self, id: &LetterId) -> Result<bool, StoreError> {
        Ok(self.held.parked.contains(id.as_str()))
    }

    fn data_key(&mut self, key: &EngineerKey) -> Result<Option<WrappedKey>, StoreError> {
        Ok(self.held.keys.get(key.as_str()).cloned())
    }

    fn epoch(&mut self, duty: &Duty) -> Result<Option<u64>, StoreError> {
        Ok(self.held.epochs.get(&duty.to_string()).copied())
    }

    fn granted_after(&mut self, source: Option<&str>, after: Timestamp) -> Result<u32, StoreError> {
        let counts =
            |(by, at): &&(String, Timestamp)| *at > after && source.is_none_or(|source| by == source);
        Ok(u32::try_from(self.held.grants.iter().filter(counts).count()).unwrap_or(u32::MAX))
    }
}
