//! What the ledger has and the index does not have yet: the newest of everything that was written lately, as it is in memory. Readers see it
//! in front of the index. It is bounded, and goes into the index as one batch; until then a row that moved ten times is one key there, a
//! wake that came and went is none, and nothing was turned into bytes.
//! Not here: the index behind it (`index`), and when it is written (`writer`).

use super::frame::Link;
use super::value::{self, Content, Document, Wake};
use crate::model::engineer::Engineer;
use crate::model::enrollment::Enrollment;
use crate::model::entry::{Position, Received};
use crate::model::parked::Parked;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// What a key holds.
#[derive(Clone, Debug)]
pub enum Held {
    /// Bytes that are no document, or a document that was read from the index.
    Bytes(Vec<u8>),
    /// A document that the entry at a position brought.
    Late(Position, Late),
}

/// A document in memory.
#[derive(Clone, Debug)]
pub enum Late {
    /// An engineer.
    Engineer(Arc<Engineer>),
    /// A row.
    Row(Arc<Enrollment>),
    /// An event of the inbox.
    Received(Arc<Received>),
    /// What is known of a parked message.
    Parked(Arc<Parked>),
}

/// The newest values of keys, `None` for one that is gone.
#[derive(Debug, Default)]
pub struct Newest {
    by_key: BTreeMap<Vec<u8>, Option<Held>>,
    /// The last frame that changed something.
    at: Option<Link>,
    /// Counts how often everything went into the index.
    generation: u64,
}

/// Keys in order, as far as they were looked at.
pub type Page = Vec<(Vec<u8>, Option<Held>)>;

impl Held {
    /// The version of a document, and the time by which it is listed; `None` if these bytes are none.
    pub fn stub(&self) -> Option<(u64, Option<Wake>)> {
        match self {
            Self::Bytes(payload) => {
                Document::decode(payload).map(|document| (document.version, document.wake))
            }
            Self::Late(_, late) => Some((late.version(), late.wake())),
        }
    }

    /// As the index keeps it.
    pub fn payload(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Bytes(payload) => Ok(payload.clone()),
            Self::Late(position, late) => {
                let json = late.json()?;
                let inline = json.len() <= value::INLINE_MAX;
                let content = if inline { Content::Inline(&json) } else { Content::InLedger(*position) };
                Ok(Document { version: late.version(), wake: late.wake(), content }.encode())
            }
        }
    }
}

impl Late {
    fn version(&self) -> u64 {
        match self {
            Self::Engineer(engineer) => engineer.version,
            Self::Row(row) => row.version,
            Self::Received(_) | Self::Parked(_) => 0,
        }
    }

    fn wake(&self) -> Option<Wake> {
        match self {
            Self::Row(row) => row.place().map(|(step, at)| (step.number(), at)),
            Self::Parked(parked) => Some((0, parked.at)),
            Self::Engineer(_) | Self::Received(_) => None,
        }
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        fn of(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
            serde_json::to_vec(document)
        }
        match self {
            Self::Engineer(engineer) => of(&**engineer),
            Self::Row(row) => of(&**row),
            Self::Received(received) => of(&**received),
            Self::Parked(parked) => of(&**parked),
        }
    }
}

impl Newest {
    /// How many keys.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The newest of a key; the outer `None` if it is as the index has it.
    pub fn get(&self, key: &[u8]) -> Option<&Option<Held>> {
        self.by_key.get(key)
    }

    /// Takes over what frames up to one changed. `gone` were written and removed again since the index was: there is nothing to say of them.
    pub fn absorb(&mut self, changed: BTreeMap<Vec<u8>, Option<Held>>, gone: &[Vec<u8>], at: Link) {
        self.by_key.extend(changed);
        for key in gone {
            self.by_key.remove(key);
        }
        self.at = Some(at);
    }

    /// The last frame that changed something; `None` if the index has everything.
    pub fn at(&self) -> Option<Link> {
        self.at
    }

    /// Everything.
    pub fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, &Option<Held>)> {
        self.by_key.iter()
    }

    /// The index has it now.
    pub fn clear(&mut self) {
        self.by_key.clear();
        self.at = None;
        self.generation += 1;
    }

    /// See [`Newest::clear`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The next so many keys of a range.
    pub fn page(&self, from: Bound<&[u8]>, end: &[u8], limit: usize) -> Page {
        let is_empty = match from {
            Bound::Included(from) | Bound::Excluded(from) => from >= end,
            Bound::Unbounded => end.is_empty(),
        };
        if is_empty {
            return Vec::new();
        }
        let range = self.by_key.range::<[u8], _>((from, Bound::Excluded(end)));
        range.take(limit).map(|(key, held)| (key.clone(), held.clone())).collect()
    }

    /// The last key of those that are there, up to and with one.
    pub fn last_until(&self, from: &[u8], until: &[u8]) -> Option<(&Vec<u8>, &Held)> {
        if from > until {
            return None;
        }
        let range = self.by_key.range::<[u8], _>((Bound::Included(from), Bound::Included(until)));
        range.rev().find_map(|(key, held)| held.as_ref().map(|held| (key, held)))
    }
}
