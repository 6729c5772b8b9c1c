//! Whether a commit may happen: the conditions of `model::entry::Change`, spelled out once for every store that checks them
//! in its own code. Not here: how a store looks things up and how it writes them.

use super::StoreError;
use crate::model::duty::Duty;
use crate::model::engineer::EventRef;
use crate::model::enrollment::EnrollmentId;
use crate::model::entry::{Change, Commit};
use crate::model::grants::Grant;
use crate::model::id::EngineerKey;
use crate::model::parked::LetterId;
use crate::model::sealed::{NameTag, WrappedKey};
use crate::planted::planted;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is stored, as far as conditions ask. `&mut` lets a store remember what it looked up.
pub(super) trait Known {
    /// Whether an event is in the inbox.
    fn has_received(&mut self, event: &EventRef) -> Result<bool, StoreError>;

    /// The version of an engineer.
    fn engineer_version(&mut self, key: &EngineerKey) -> Result<Option<u64>, StoreError>;

    /// The version of a row.
    fn enrollment_version(&mut self, id: &EnrollmentId) -> Result<Option<u64>, StoreError>;

    /// Who holds a local part.
    fn holder(&mut self, tag: &NameTag) -> Result<Option<EngineerKey>, StoreError>;

    /// Whether a message is parked.
    fn is_parked(&mut self, id: &LetterId) -> Result<bool, StoreError>;

    /// The data key of an engineer.
    fn data_key(&mut self, key: &EngineerKey) -> Result<Option<WrappedKey>, StoreError>;

    /// The number of the last lease of a duty, expired or not.
    fn epoch(&mut self, duty: &Duty) -> Result<Option<u64>, StoreError>;

    /// How many grants are stored that are later than a time, of all or by the word of one source.
    fn granted_after(&mut self, source: Option<&str>, after: Timestamp) -> Result<u32, StoreError>;
}

/// Checks every condition of a commit, each change seeing the ones before it. `Conflict` if one does not hold.
///
/// A data key has a condition too: an engineer who is stored keeps the key that is stored. Otherwise a commit that is
/// lost half-way could leave a person sealed with one key and another key in its place. For the same reason a key is never
/// destroyed and brought by one commit: the new one is on disk before the frame, and the old one only goes after it.
pub(super) fn admit(commit: &Commit, known: &mut impl Known) -> Result<(), StoreError> {
    for fence in &commit.fences {
        demand(known.epoch(&fence.duty)? == Some(fence.epoch) || planted!(FenceNotCompared))?;
    }
    for (place, grant) in commit.grants.iter().enumerate() {
        demand(fits(grant, &commit.grants[..place], known)?)?;
    }
    for (engineer, key) in &commit.keys {
        let kept = match known.engineer_version(engineer)? {
            Some(_) => known.data_key(engineer)?,
            None => None,
        };
        demand(kept.is_none_or(|kept| kept == *key) && commit.erased().all(|erased| erased != engineer))?;
    }
    let mut earlier = Earlier::default();
    commit.changes.iter().try_for_each(|change| earlier.admit(change, known))
}

/// Whether a grant fits into its limits, with those before it in the same commit.
fn fits(grant: &Grant, before: &[Grant], known: &mut impl Known) -> Result<bool, StoreError> {
    let is_within = grant.fits(|source, after| {
        let counts =
            |earlier: &&Grant| source.is_none_or(|source| earlier.source == source) && earlier.at > after;
        let beside = u32::try_from(before.iter().filter(counts).count()).unwrap_or(u32::MAX);
        Ok(known.granted_after(source, after)?.saturating_add(beside))
    })?;
    Ok(is_within || planted!(GrantsUncounted))
}

/// What the changes before this one, in the same commit, have made so.
#[derive(Default)]
struct Earlier<'a> {
    received: BTreeSet<&'a EventRef>,
    engineers: BTreeMap<&'a EngineerKey, u64>,
    rows: BTreeMap<&'a EnrollmentId, u64>,
    holders: BTreeMap<&'a NameTag, Option<&'a EngineerKey>>,
    parked: BTreeMap<&'a LetterId, bool>,
}

impl<'a> Earlier<'a> {
    fn admit(&mut self, change: &'a Change, known: &mut impl Known) -> Result<(), StoreError> {
        match change {
            Change::Received(received) => {
                let is_new = self.received.insert(&received.event);
                demand(is_new && !known.has_received(&received.event)? || planted!(ReceivedTwice))
            }
            Change::Engineer(engineer) => {
                let stored = match self.engineers.insert(&engineer.key, engineer.version) {
                    Some(version) => Some(version),
                    None => known.engineer_version(&engineer.key)?,
                };
                demand(stored.unwrap_or(0).checked_add(1) == Some(engineer.version))
            }
            Change::Enrollment { from, row } => {
                let stored = match self.rows.insert(&row.id, row.version) {
                    Some(version) => Some(version),
                    None => known.enrollment_version(&row.id)?,
                };
                demand(stored == *from || planted!(VersionNotCompared))
            }
            Change::Reserved { tag, engineer } => {
                let holder = match self.holders.insert(tag, Some(engineer)) {
                    Some(holder) => holder.cloned(),
                    None => known.holder(tag)?,
                };
                demand(holder.is_none_or(|holder| holder == *engineer) || planted!(NameHeldByTwo))
            }
            Change::Released { tag, engineer } => {
                let holder = match self.holders.insert(tag, None) {
                    Some(holder) => holder.cloned(),
                    None => known.holder(tag)?,
                };
                demand(holder.as_ref() == Some(engineer))
            }
            Change::Parked(parked) => {
                self.parked.insert(&parked.id, true);
                Ok(())
            }
            Change::Unparked { id, .. } => {
                let is_parked = match self.parked.insert(id, false) {
                    Some(is_parked) => is_parked,
                    None => known.is_parked(id)?,
                };
                demand(is_parked)
            }
            Change::Erased { .. } | Change::Bookmark { .. } => Ok(()),
        }
    }
}

fn demand(holds: bool) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Conflict) }
}
