//! Engineers as they were read last, so that ten rows of one engineer do not read the same record for each of their steps. What is here
//! is what the index holds: the writer puts a new version in the place of an old one before it answers, and a read puts in nothing that
//! was read before a change. Records are sealed here as everywhere. Not here: rows, which change with each commit, and data keys.

use crate::model::engineer::Engineer;
use crate::model::id::EngineerKey;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are kept; the one that came first goes first.
const ENGINEERS_MAX: usize = 1_024;

/// The records.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    by_key: BTreeMap<EngineerKey, Engineer>,
    order: VecDeque<EngineerKey>,
    /// Counts what may have made a read that is under way an old one.
    changes: u64,
}

/// What a read that is about to begin has to show when it puts its record in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u64);

impl Recent {
    /// The record; or what to show when it has been read.
    pub fn get(&self, key: &EngineerKey) -> Result<Engineer, Seen> {
        let records = self.lock();
        records.by_key.get(key).cloned().ok_or(Seen(records.changes))
    }

    /// Keeps a record that was read, unless an engineer was written since.
    pub fn put(&self, engineer: &Engineer, seen: Seen) {
        let mut records = self.lock();
        if records.changes != seen.0 || records.by_key.contains_key(&engineer.key) {
            return;
        }
        if records.order.len() == ENGINEERS_MAX
            && let Some(oldest) = records.order.pop_front()
        {
            records.by_key.remove(&oldest);
        }
        records.order.push_back(engineer.key.clone());
        records.by_key.insert(engineer.key.clone(), engineer.clone());
    }

    /// These are stored now, in this order.
    pub fn written(&self, engineers: Vec<Engineer>) {
        if engineers.is_empty() {
            return;
        }
        let mut records = self.lock();
        records.changes += 1;
        for engineer in engineers {
            if let Some(kept) = records.by_key.get_mut(&engineer.key) {
                *kept = engineer;
            }
        }
    }

    /// What is on the disk counts from now on.
    pub fn forget(&self) {
        let mut records = self.lock();
        *records = Records { changes: records.changes + 1, ..Records::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // The records are whole after each call, so those that a panicking thread held are as good as any.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: u64) -> Engineer {
        Engineer { version, ..Engineer::example("E-1") }
    }

    fn write(recent: &Recent, engineer: Engineer) {
        recent.written(vec![engineer]);
    }

    #[test]
    fn a_read_that_was_overtaken_by_a_write_is_not_kept() {
        let (recent, key) = (Recent::default(), "E-1".parse().unwrap());
        let seen = recent.get(&key).unwrap_err();
        write(&recent, version(2));
        recent.put(&version(1), seen);
        let seen = recent.get(&key).unwrap_err();
        recent.put(&version(2), seen);
        assert_eq!(recent.get(&key), Ok(version(2)));
        write(&recent, version(3));
        assert_eq!(recent.get(&key), Ok(version(3)), "a write takes the place of what is kept");
        recent.forget();
        assert!(recent.get(&key).is_err());
        recent.put(&version(3), seen);
        assert!(recent.get(&key).is_err(), "read before everything was opened anew");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let recent = Recent::default();
        for number in 0..=ENGINEERS_MAX {
            let engineer = Engineer::example(&format!("E-{number}"));
            let seen = recent.get(&engineer.key).unwrap_err();
            recent.put(&engineer, seen);
        }
        assert!(recent.get(&"E-0".parse().unwrap()).is_err());
        assert!(recent.get(&"E-1".parse().unwrap()).is_ok());
        assert_eq!(recent.lock().by_key.len(), ENGINEERS_MAX);
    }
}
