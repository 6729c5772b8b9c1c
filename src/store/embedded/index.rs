//! The index: a sled tree that can be thrown away, because the ledger holds all it knows. It says how far it is and what it
//! ought to hold, so that damage is found when it is opened; sled itself does not notice (measured: one flipped bit in 2000
//! records ended in a silent loss in 32 of 150 cases). Its durability is of no concern. Not here: rebuilding it (`recover`).
//!
//! Settings, all measured on sled 0.34.7: `segment_size` 2 MiB, so that pages of 24 KiB values stay out of `blobs/`; a cache of
//! 64 MiB instead of 1 GiB; `flush_every_ms` as it is, because garbage collection stops without it; snapshots that a killed
//! process left half-written (`snap.*.generating`) are deleted first, because sled takes them for the newest.
//!
//! The whole comparison takes seconds for a million rows. What was written since the machine was booted is in the system's cache as it was
//! written, also when the process was killed: such an index is used at once and looked through beside the work ([`Index::look_on`]).

use super::digest::Digest;
use super::frame::Link;
use super::late::{Held, Newest};
use super::merged::{Found, Merged};
use super::{layout, value};
use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The version of keys and values. An index of another version is rebuilt.
const VERSION: u32 = 2;

/// How often an index that is held is looked at again: for two seconds or a little more.
const HELD_LOOKS: u32 = 400;

/// How long between two looks.
const HELD_LOOK: Duration = Duration::from_millis(5);

/// The open index.
#[derive(Debug)]
pub struct Index {
    /// Taken by the end alone.
    tree: Option<sled::Db>,
    /// What it does not have yet.
    newest: RwLock<Newest>,
    /// How far it was looked through, while it is.
    look: Mutex<Option<Look>>,
    /// This boot of the machine, where that can be told.
    boot: Option<Digest>,
}

/// What was seen of the keys up to one of them, as they are now.
#[derive(Debug, Default)]
struct Look {
    until: Vec<u8>,
    count: u64,
    sum: u64,
}

/// Where the system tells one boot of the machine from another.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

impl Drop for Index {
    /// sled writes its last bytes here, and panics where it cannot; nothing depends on them.
    fn drop(&mut self) {
        let tree = self.tree.take();
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(tree)));
    }
}

/// Why it is not open.
#[derive(Debug)]
pub enum Unopened {
    /// Somebody has it: nothing is known of what is in it, and it may be whole.
    Held(String),
    /// It is of no use.
    Unusable(String),
}

/// How far the index is, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    version: u32,
    /// The boot of the machine in which it was written last; `None` if that was not known.
    boot: Option<Digest>,
    /// The last frame that is in it.
    pub at: Link,
    /// The number of keys, without this one.
    pub count: u64,
    /// The sum of all checks, without this one, in wrapping arithmetic.
    pub sum: u64,
}

impl Index {
    /// Opens the index, or makes an empty one. A closed index may be held for some moments more, by sled's own threads or by a child of the
    /// process that is just being started: that is waited for, since an index that is only held is not damaged, and bears witness.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, Unopened> {
        remove_half_snapshots(path).map_err(|error| Unopened::Unusable(error.to_string()))?;
        let config = sled::Config::new().path(path).segment_size(2 << 20).cache_capacity(cache_bytes);
        let mut opened = config.open();
        for _ in 0..HELD_LOOKS {
            if !matches!(&opened, Err(sled::Error::Io(error)) if is_held(error)) {
                break;
            }
            std::thread::park_timeout(HELD_LOOK);
            opened = config.open();
        }
        match opened {
            Ok(tree) => {
                let boot = std::fs::read(BOOT).ok().map(|id| Digest::of(&[&id]));
                Ok(Self { tree: Some(tree), newest: RwLock::default(), look: Mutex::default(), boot })
            }
            Err(sled::Error::Io(error)) if is_held(&error) => Err(Unopened::Held(error.to_string())),
            Err(error) => Err(Unopened::Unusable(error.to_string())),
        }
    }

    /// How far it is. An empty index stands at the opening line; one without a readable answer is damaged.
    pub fn meta(&self) -> Result<Meta, String> {
        let Some(stored) = self.tree().get(layout::META).map_err(|error| error.to_string())? else {
            let empty = self.tree().is_empty();
            return if empty { Ok(Meta::empty()) } else { Err("it does not say how far it is".to_owned()) };
        };
        let payload = value::open(layout::META, &stored).ok_or("what says how far it is, is damaged")?;
        let meta: Meta = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if meta.version != VERSION {
            return Err(format!("it has version {}, not {VERSION}", meta.version));
        }
        Ok(meta)
    }

    /// Reads every key and compares all of it with what `meta` says.
    pub fn verify(&self, meta: &Meta) -> Result<(), String> {
        let (mut count, mut sum) = (0_u64, 0_u64);
        for item in self.tree().iter() {
            let (key, stored) = item.map_err(|error| error.to_string())?;
            if *key == *layout::META {
                continue;
            }
            value::open(&key, &stored).ok_or("a value does not match its check")?;
            count += 1;
            sum = sum.wrapping_add(value::number(&stored));
        }
        if (count, sum) == (meta.count, meta.sum) {
            return Ok(());
        }
        Err(differs(count, meta))
    }

    /// What a key holds.
    pub fn get(&self, key: &[u8]) -> Result<Option<Held>, StoreError> {
        let newer = self.newest.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(held) = newer {
            return Ok(held);
        }
        let stored = self.stored(key)?;
        stored.map(|stored| Ok(Held::Bytes(opened(key, &stored)?.to_vec()))).transpose()
    }

    /// Keys from `start` on that lie before `end`, in order.
    pub fn range(&self, start: Vec<u8>, end: Vec<u8>) -> Merged<'_> {
        Merged::new(self.tree(), &self.newest, start, end)
    }

    /// Keys that begin with `prefix` and lie behind `after`, in order.
    pub fn behind(&self, prefix: &[u8], mut after: Vec<u8>) -> Merged<'_> {
        after.push(0);
        self.range(after, end_of(prefix))
    }

    /// The last key that begins with `prefix` and does not lie behind `until`, where no such key ever goes.
    pub fn last_until(&self, prefix: &[u8], until: &[u8]) -> Result<Option<Found>, StoreError> {
        let newer = {
            let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
            newest.last_until(prefix, until).map(|(key, held)| (key.clone(), held.clone()))
        };
        if newer.is_some() {
            // What is newer lies behind.
            return Ok(newer);
        }
        let stored = self.tree().range(prefix..=until).next_back();
        let Some(stored) = stored else { return Ok(None) };
        let (key, stored) = stored.map_err(|error| broken(&error.to_string()))?;
        Ok(Some((key.to_vec(), Held::Bytes(opened(&key, &stored)?.to_vec()))))
    }

    /// Whether it was last written since the machine was booted.
    pub fn is_of_this_boot(&self, meta: &Meta) -> bool {
        self.boot.is_some() && self.boot == meta.boot
    }

    /// Takes over what frames up to `at` changed. Everybody sees it from now on; it is written later ([`Index::catch_up`]).
    pub fn absorb(&self, changed: BTreeMap<Vec<u8>, Option<Held>>, at: Link) -> Result<(), StoreError> {
        let gone = self.gone(&changed)?;
        self.newest.write().unwrap_or_else(PoisonError::into_inner).absorb(changed, &gone, at);
        Ok(())
    }

    /// Keys that go before the index has heard of them. Wakes mostly: whoever looks for one that is due would else pass over all that were.
    fn gone(&self, changed: &BTreeMap<Vec<u8>, Option<Held>>) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut gone = Vec::new();
        for key in changed.iter().filter(|(_, held)| held.is_none()).map(|(key, _)| key) {
            if self.stored(key)?.is_none() {
                gone.push(key.clone());
            }
        }
        Ok(gone)
    }

    /// How many keys are to be written.
    pub fn behind_by(&self) -> usize {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Writes what was taken over, together with how far the index then is. One batch: after a crash all of it is there, or none.
    /// One thread at a time does this, the one that [`Index::absorb`]s.
    pub fn catch_up(&self) -> Result<(), StoreError> {
        {
            let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = newest.at() else { return Ok(()) };
            self.write(&newest, at)?;
        }
        self.newest.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    fn write(&self, newest: &Newest, at: Link) -> Result<(), StoreError> {
        let mut meta = Meta { boot: self.boot, at, ..self.meta().map_err(|why| broken(&why))? };
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = sled::Batch::default();
        for (key, held) in newest.iter() {
            let before = self.stored(key)?;
            let after = held.as_ref().map(|held| sealed(key, held)).transpose()?;
            if before.as_deref() == after.as_deref() {
                continue;
            }
            replace(&mut meta.count, &mut meta.sum, before.as_deref(), after.as_deref());
            if let Some(look) = look.as_mut().filter(|look| *key <= look.until) {
                replace(&mut look.count, &mut look.sum, before.as_deref(), after.as_deref());
            }
            match after {
                Some(after) => batch.insert(key.as_slice(), after),
                None => batch.remove(key.as_slice()),
            }
        }
        let payload = serde_json::to_vec(&meta).expect("numbers and text become JSON");
        batch.insert(layout::META, value::seal(layout::META, &payload));
        self.tree().apply_batch(batch).map_err(|error| broken(&error.to_string()))
    }

    fn stored(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.tree().get(key).map_err(|error| broken(&error.to_string()))
    }

    /// From now on [`Index::look_on`] looks through it.
    pub fn look_through_later(&self) {
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = Some(Look::default());
    }

    /// Whether something is left to be looked at.
    pub fn is_being_looked_through(&self) -> bool {
        self.look.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Looks at the next so many keys, while others read and write, and at the end compares all of it with what it says of itself. `true`
    /// when there is nothing more to look at.
    pub fn look_on(&self, keys: usize) -> Result<bool, String> {
        let mut guard = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(look) = guard.as_mut() else { return Ok(true) };
        let start =
            if look.until.is_empty() { Bound::Unbounded } else { Bound::Excluded(look.until.clone()) };
        let mut seen = 0;
        for item in self.tree().range::<Vec<u8>, _>((start, Bound::Unbounded)).take(keys) {
            let (key, stored) = item.map_err(|error| error.to_string())?;
            if *key != *layout::META {
                value::open(&key, &stored).ok_or("a value does not match its check")?;
                replace(&mut look.count, &mut look.sum, None, Some(&stored));
            }
            look.until = key.to_vec();
            seen += 1;
        }
        if seen == keys {
            return Ok(false);
        }
        let meta = self.meta()?;
        let found = (look.count, look.sum);
        if found != (meta.count, meta.sum) {
            return Err(differs(found.0, &meta));
        }
        *guard = None;
        Ok(true)
    }

    fn tree(&self) -> &sled::Db {
        self.tree.as_ref().expect("it is there until the end")
    }
}

#[cfg(test)]
impl Index {
    /// Writes past all accounting, as damage does.
    pub fn write_raw(&self, batch: sled::Batch) {
        self.tree().apply_batch(batch).unwrap();
    }
}

impl Meta {
    /// Nothing is in the index.
    pub fn empty() -> Self {
        Self { version: VERSION, boot: None, at: Link::opening(), count: 0, sum: 0 }
    }
}

fn replace(count: &mut u64, sum: &mut u64, before: Option<&[u8]>, after: Option<&[u8]>) {
    if let Some(before) = before {
        *count = count.wrapping_sub(1);
        *sum = sum.wrapping_sub(value::number(before));
    }
    if let Some(after) = after {
        *count = count.wrapping_add(1);
        *sum = sum.wrapping_add(value::number(after));
    }
}

fn differs(count: u64, meta: &Meta) -> String {
    format!("it holds {count} keys where {} were written, or others than these", meta.count)
}

/// Behind every key that begins with `prefix`. The prefixes end in a name's zero byte or in the letter of a kind.
pub fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

/// Says that the index failed while it was in use.
pub fn broken(why: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "the index failed ({why}); it is rebuilt from the ledger at the next start"
    ))
}

fn sealed(key: &[u8], held: &Held) -> Result<Vec<u8>, StoreError> {
    let payload = held.payload().map_err(|error| broken(&error.to_string()))?;
    Ok(value::seal(key, &payload))
}

/// The payload of a value, if the check holds.
pub fn opened<'a>(key: &[u8], stored: &'a [u8]) -> Result<&'a [u8], StoreError> {
    value::open(key, stored).ok_or_else(|| broken("a value does not match its check"))
}

/// sled tells a lock that it did not get by its words alone.
fn is_held(error: &io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}

fn remove_half_snapshots(path: &Path) -> io::Result<()> {
    let Ok(directory) = std::fs::read_dir(path) else { return Ok(()) };
    for file in directory {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}
