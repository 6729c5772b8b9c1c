//! Whether the store takes commits, and why not.
//!
//! | It stands | Commits | Reads | Then |
//! |---|---|---|---|
//! | well | yes | yes | |
//! | away: the connection or the server is gone | wait some seconds, then no | no | connected to anew, each second |
//! | damaged: what the database holds contradicts itself, or what was acknowledged is gone | no | no | a person looks |
//! | closed | no | yes | |
//!
//! Not here: connecting anew (`writer`).

use super::chain::Hash;
use crate::model::entry::Position;
use crate::store::StoreError;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// For so long a commit waits for a database that is away: a restart of the server is over by then.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the store takes commits.
#[derive(Debug, Default)]
pub struct Standing {
    trouble: Mutex<Option<Trouble>>,
    end: Mutex<Link>,
    /// How much was written.
    pub counters: Counting,
}

/// The end of the ledger, as it was seen last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The last position.
    pub position: Position,
    /// The hash that the chain ends with.
    pub hash: Hash,
}

/// How much was written since the start.
#[derive(Debug, Default)]
pub struct Counting {
    /// Commits.
    pub commits: AtomicU64,
    /// Transactions.
    pub batches: AtomicU64,
}

#[derive(Clone, Debug)]
enum Trouble {
    Away { why: String, since: Instant },
    Damaged(String),
    Closed,
}

impl Standing {
    /// Whether commits are taken.
    pub fn health(&self) -> Result<(), StoreError> {
        match &*self.trouble() {
            None => Ok(()),
            Some(Trouble::Away { why, .. }) => Err(away(why)),
            Some(Trouble::Damaged(why)) => Err(StoreError::Damaged(why.clone())),
            Some(Trouble::Closed) => Err(closed()),
        }
    }

    /// Whether a commit may be offered: also while the database has only just gone away.
    pub fn may_offer(&self) -> Result<(), StoreError> {
        match &*self.trouble() {
            Some(Trouble::Away { since, .. }) if since.elapsed() < PATIENCE => Ok(()),
            Some(Trouble::Away { why, .. }) => Err(away(why)),
            Some(Trouble::Damaged(why)) => Err(StoreError::Damaged(why.clone())),
            Some(Trouble::Closed) => Err(closed()),
            None => Ok(()),
        }
    }

    /// Whether anything can be read.
    pub fn may_read(&self) -> Result<(), StoreError> {
        match &*self.trouble() {
            None | Some(Trouble::Closed) => Ok(()),
            Some(Trouble::Away { why, .. }) => Err(away(why)),
            Some(Trouble::Damaged(why)) => Err(StoreError::Damaged(why.clone())),
        }
    }

    /// Whether a person must look.
    pub fn is_damaged(&self) -> bool {
        matches!(*self.trouble(), Some(Trouble::Damaged(_)))
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        matches!(*self.trouble(), Some(Trouble::Closed))
    }

    /// Takes note of a failure. The latest reason is told; damage stays.
    pub fn fail(&self, error: &StoreError) {
        let mut stored = self.trouble();
        match (error, &mut *stored) {
            (StoreError::Conflict, _) | (_, Some(Trouble::Damaged(_) | Trouble::Closed)) => (),
            (StoreError::Damaged(why), _) => {
                tracing::error!(reason = why, "the store is damaged; nothing is acknowledged any more");
                *stored = Some(Trouble::Damaged(why.clone()));
            }
            (StoreError::Unavailable(why), Some(Trouble::Away { why: told, .. })) => told.clone_from(why),
            (StoreError::Unavailable(why), None) => {
                tracing::error!(
                    reason = why,
                    "the database is away; nothing is acknowledged until it is back, which is tried each second"
                );
                *stored = Some(Trouble::Away { why: why.clone(), since: Instant::now() });
            }
        }
    }

    /// The database is back.
    pub fn recovered(&self) {
        let mut stored = self.trouble();
        if let Some(Trouble::Away { since, .. }) = &*stored {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "the database is back, and the store takes commits again");
            *stored = None;
        }
    }

    /// Refuses commits from now on, as it was asked to.
    pub fn close(&self) {
        let mut stored = self.trouble();
        // Damage is the better answer, and stays.
        if !matches!(*stored, Some(Trouble::Damaged(_))) {
            *stored = Some(Trouble::Closed);
        }
    }

    /// The end of the ledger, as it was seen last.
    pub fn end(&self) -> Link {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger was seen to end there. What others see later may be told earlier.
    pub fn advance(&self, end: Link) {
        let mut stored = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if end.position >= stored.position {
            *stored = end;
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn away(why: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "{why}. Nothing is acknowledged until the database is back, which is tried each second"
    ))
}

fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}
