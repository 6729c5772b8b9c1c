//! What outlasts a failure: whether the store takes commits, and the lock, which is held while everything else is opened anew.
//!
//! | It stands | Commits | Reads | Then |
//! |---|---|---|---|
//! | well | yes | yes | |
//! | failed: a write, a sync or the index | no | as far as they go | opened anew, each second, once the disk takes writes |
//! | damaged: what is on the disk contradicts itself | no | as far as they go | a person looks |
//! | closed | no | yes | |
//!
//! A failed sync is never repeated: what it left in the cache of the system can be read and still be lost, and a second sync would not
//! say so. Opening anew reads what is there, and writes the last frame once more before anything is built on it (`Ledger::settle`).
//! Not here: when it is tried (`writer`), and how (`recover`).

use super::chain_key::ChainKey;
use super::files;
use super::frame::Link;
use super::ledger::Ledger;
use super::lock::Lock;
use super::recent::Recent;
use super::recover::{self, Recovered};
use super::{Manner, Shared};
use crate::model::entry::Position;
use crate::store::StoreError;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

/// What outlasts a failure.
#[derive(Debug)]
pub struct Standing {
    root: PathBuf,
    lock: Arc<Lock>,
    manner: Manner,
    /// Nothing while it is opened anew.
    open: RwLock<Option<Shared>>,
    end: Arc<Mutex<Link>>,
    trouble: Mutex<Option<Trouble>>,
    /// How much was written.
    pub counters: Counting,
    /// Records that were read lately.
    pub recent: Recent,
}

/// How much was written since the start.
#[derive(Debug, Default)]
pub struct Counting {
    /// Commits on disk.
    pub commits: AtomicU64,
    /// Syncs of the ledger.
    pub syncs: AtomicU64,
}

/// Why no commits are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    Failed(String),
    Damaged(String),
    Closed,
}

impl Standing {
    /// A store that was opened, and what its writer needs.
    pub fn new(recovered: Recovered) -> (Self, Ledger) {
        let end = Arc::new(Mutex::new(*recovered.ledger.end()));
        let (root, lock) = (recovered.root.clone(), recovered.lock.clone());
        let manner = recovered.manner.clone();
        let (shared, ledger) = shared(recovered, end.clone());
        let standing = Self {
            root,
            lock,
            manner,
            open: RwLock::new(Some(shared)),
            end,
            trouble: Mutex::default(),
            counters: Counting::default(),
            recent: Recent::default(),
        };
        (standing, ledger)
    }

    /// Whether commits are taken.
    pub fn health(&self) -> Result<(), StoreError> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match trouble {
            None => Ok(()),
            Some(Trouble::Failed(why)) => Err(StoreError::Unavailable(format!(
                "{why}. Nothing is acknowledged until it could be opened anew, which is tried each second; see to the disk"
            ))),
            Some(Trouble::Damaged(why)) => Err(StoreError::Damaged(why)),
            Some(Trouble::Closed) => Err(StoreError::Unavailable("it was closed".to_owned())),
        }
    }

    /// Whether it is to be opened anew.
    pub fn has_failed(&self) -> bool {
        matches!(*self.trouble.lock().unwrap_or_else(PoisonError::into_inner), Some(Trouble::Failed(_)))
    }

    /// Whether a person must look.
    pub fn is_damaged(&self) -> bool {
        matches!(*self.trouble.lock().unwrap_or_else(PoisonError::into_inner), Some(Trouble::Damaged(_)))
    }

    /// Refuses commits because of a failure. The first reason stays.
    pub fn fail(&self, error: &StoreError) {
        let trouble = match error {
            StoreError::Conflict => return,
            StoreError::Unavailable(why) => Trouble::Failed(why.clone()),
            StoreError::Damaged(why) => Trouble::Damaged(why.clone()),
        };
        let mut stored = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.is_none() {
            tracing::error!(%error, "the store failed; nothing is acknowledged until it could be opened anew");
            *stored = Some(trouble);
        }
    }

    /// Refuses commits from now on, as it was asked to.
    pub fn close(&self) {
        let mut stored = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // Damage is the better answer, and stays.
        if !matches!(*stored, Some(Trouble::Damaged(_))) {
            *stored = Some(Trouble::Closed);
        }
    }

    /// Reads. What fails in it fails the store.
    pub fn read<T>(&self, read: impl FnOnce(&Shared) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let Some(shared) = open.as_ref() else {
            return Err(StoreError::Unavailable("the store is being opened anew".to_owned()));
        };
        // Still within the guard: by the time it is gone another may stand in its place, which has not failed.
        read(shared).inspect_err(|error| self.fail(error))
    }

    /// The same at once; `None` while everything is being opened anew, which takes a while.
    pub fn read_now<T>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let open = match self.open.try_read() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(open)) => open.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(read(open.as_ref()?).inspect_err(|error| self.fail(error)))
    }

    /// Looks at what is open, if it is; what is found there fails nothing by itself.
    pub fn look<T>(&self, look: impl FnOnce(&Shared) -> T) -> Option<T> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// Opens everything anew, if the disk takes writes: what was in memory goes, what is on the disk counts. `None` if it has to be
    /// tried again, or if a person must look.
    pub fn open_anew(&self) -> Option<Ledger> {
        let opened = files::probe(&self.root).map_err(files::unavailable(&self.root)).and_then(|()| {
            let acknowledged = self.end();
            *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
            recover::reopen(&self.root, self.lock.clone(), &self.manner, false, Some(acknowledged))
        });
        match opened {
            Ok(recovered) => {
                let (shared, ledger) = shared(recovered, self.end.clone());
                self.advance(*ledger.end());
                self.recent.forget();
                *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(shared);
                self.recovered();
                tracing::info!(position = self.head().0, "the store was opened anew and takes commits again");
                Some(ledger)
            }
            Err(error) => {
                self.still(error);
                None
            }
        }
    }

    /// What its frames are vouched for with.
    pub fn key(&self) -> &ChainKey {
        &self.manner.key
    }

    /// The ledger was found to be damaged behind the work: nothing more is written, and the next start reads all of it.
    pub fn damaged_behind(&self, error: &StoreError) {
        if let Err(error) = recover::doubt(&self.root) {
            tracing::error!(%error, "it cannot be noted that the ledger is damaged; `carepass ledger verify` finds it");
        }
        self.fail(error);
    }

    /// The end of the ledger.
    pub fn end(&self) -> Link {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger has grown.
    pub fn advance(&self, end: Link) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// The last position.
    pub fn head(&self) -> Position {
        Position(self.end().position)
    }

    fn recovered(&self) {
        let mut stored = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stored, Some(Trouble::Failed(_))) {
            *stored = None;
        }
    }

    fn still(&self, error: StoreError) {
        let trouble = match error {
            StoreError::Conflict => return,
            StoreError::Unavailable(why) => Trouble::Failed(why),
            StoreError::Damaged(why) => {
                tracing::error!(reason = why, "the store cannot be opened anew: it is damaged");
                Trouble::Damaged(why)
            }
        };
        let mut stored = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stored, Some(Trouble::Failed(_))) {
            *stored = Some(trouble);
        }
    }
}

fn shared(recovered: Recovered, end: Arc<Mutex<Link>>) -> (Shared, Ledger) {
    let Recovered { root: _, ledger, index, keys, letters, lock: _, manner: _, unread: _ } = recovered;
    (Shared { index, ledger: ledger.reader(), keys, letters, end }, ledger)
}
