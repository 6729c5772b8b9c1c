//! What is written, as one unit: a commit says what changes, who caused it and under which conditions it may happen;
//! an entry is a commit that has its place in the ledger. Not here: frames, hashes and files (`store/embedded`).

use super::duty::Fence;
use super::engineer::{Engineer, EventRef};
use super::enrollment::Enrollment;
use super::grants::Grant;
use super::id::EngineerKey;
use super::parked::{LetterId, Parked, Unparking};
use super::sealed::{NameTag, Sealed, WrappedKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The place of an entry in the ledger: 1, 2, 3, … without gaps. 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// One atomic, durable unit of change: all of it happens, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// When it was decided.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What changes. Each change carries its own condition.
    pub changes: Vec<Change>,
    /// New data keys of engineers. Stored beside the ledger, never in it, so that destroying a key later destroys the person
    /// and keeps the proof.
    pub keys: Vec<(EngineerKey, WrappedKey)>,
    /// The sealed messages of [`Change::Parked`]. Stored beside the ledger like data keys, and destroyed when they are unparked.
    pub letters: Vec<(LetterId, Sealed)>,
    /// The leases that it was decided under. Condition: the last lease of each duty has this epoch, expired or not. Not in the ledger.
    pub fences: Vec<Fence>,
    /// The grants that it gives, for stores that several replicas share. Condition: those with limits fit into them, each counted with all
    /// that are stored and with those before it. Stored beside the ledger; what is older than a day may be forgotten.
    pub grants: Vec<Grant>,
}

/// Who caused a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// carepass itself.
    Engine,
    /// An incoming event.
    Event(EventRef),
    /// A person, by the name of the API token, with the reason given.
    Operator {
        /// The token's name.
        name: String,
        /// Why.
        reason: String,
    },
}

/// One change and the condition under which it may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An event was received. Condition: its `source` and `id` are new.
    Received(Received),
    /// An engineer as it is now. Condition: the stored version is one less, or there is none and the version is 1.
    Engineer(Box<Engineer>),
    /// A row as it is now. Condition: the stored version is `from`, or there is none and `from` is absent.
    Enrollment {
        /// The version that is replaced; several transitions may be folded into one change.
        from: Option<u64>,
        /// The row.
        row: Box<Enrollment>,
    },
    /// A local part now belongs to an engineer. Condition: nobody else holds it.
    Reserved {
        /// The local part, as a keyed hash.
        tag: NameTag,
        /// Its holder.
        engineer: EngineerKey,
    },
    /// A local part that an engineer held is free again. Condition: the engineer holds it.
    Released {
        /// The local part, as a keyed hash.
        tag: NameTag,
        /// Its holder until now.
        engineer: EngineerKey,
    },
    /// The data key of an engineer is destroyed, and with it all that was sealed for the engineer. Condition: the commit brings no key
    /// for the engineer; once may be more than once. A later commit may bring a new one.
    Erased {
        /// Whose.
        engineer: EngineerKey,
    },
    /// A message that cannot be used is kept. Condition: none; what is parked already stays as it was first parked.
    Parked(Parked),
    /// A parked message is kept no longer. Condition: it is parked.
    Unparked {
        /// Which.
        id: LetterId,
        /// How it came to its end.
        how: Unparking,
    },
    /// A reader of the ledger has got this far. Condition: none.
    Bookmark {
        /// The reader.
        reader: String,
        /// The last entry it is done with.
        position: Position,
    },
}

/// An event in the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Its identity.
    pub event: EventRef,
    /// Keyed hash of the parsed content in hexadecimal: tells a duplicate from a conflict.
    pub content: String,
    /// What was made of it.
    pub verdict: Disposition,
    /// Whom it concerns, as far as it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engineer: Option<EngineerKey>,
}

/// What was made of a received event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It set a new goal.
    Applied,
    /// Another event said the same before.
    Repeated,
    /// A newer revision was in force.
    Stale,
}

/// A commit with its place in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// When it was decided.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What changed.
    pub changes: Vec<Change>,
}

impl Commit {
    /// A commit of these changes, with nothing beside the ledger.
    pub fn new(at: Timestamp, actor: Actor, changes: Vec<Change>) -> Self {
        let (keys, letters, fences, grants) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { at, actor, changes, keys, letters, fences, grants }
    }

    /// A commit of one change.
    pub fn of(at: Timestamp, actor: Actor, change: Change) -> Self {
        Self::new(at, actor, vec![change])
    }

    /// Whose data keys it destroys.
    pub fn erased(&self) -> impl Iterator<Item = &EngineerKey> {
        self.changes.iter().filter_map(Change::erased)
    }
}

impl Entry {
    /// The engineers whom the entry concerns, each once.
    pub fn engineers(&self) -> Vec<&EngineerKey> {
        let mut keys: Vec<&EngineerKey> = self.changes.iter().filter_map(Change::engineer).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

impl Change {
    /// The engineer whom the change concerns, if any.
    pub fn engineer(&self) -> Option<&EngineerKey> {
        match self {
            Self::Received(received) => received.engineer.as_ref(),
            Self::Engineer(engineer) => Some(&engineer.key),
            Self::Enrollment { row, .. } => row.id.engineer(),
            Self::Reserved { engineer, .. } | Self::Released { engineer, .. } | Self::Erased { engineer } => {
                Some(engineer)
            }
            Self::Parked(parked) => parked.engineer.as_ref(),
            Self::Unparked { .. } | Self::Bookmark { .. } => None,
        }
    }

    /// The engineer whose data key it destroys, if it does.
    pub fn erased(&self) -> Option<&EngineerKey> {
        if let Self::Erased { engineer } = self { Some(engineer) } else { None }
    }
}
