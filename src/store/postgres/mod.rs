//! The store that several machines share: PostgreSQL 14 or newer. Row, index and ledger entry are written in one transaction.
//!
//! ```text
//! engineers, enrollments, received, holders, parked, bookmarks   documents in JSON as they are now; enrollments carry the wake index
//! data_keys, letters                                             what is destroyed: gone with the row
//! entries, entry_engineers                                       the ledger under a hash chain (`chain`), and whom it concerns
//! head                                                           where the ledger ends; locked by whoever commits
//! leases, living, grants                                         what replicas agree on
//! ```
//!
//! One task writes, over a connection of its own (`writer`, `batch`, `stage`); reads go over a few others (`readers`). All tables lie in
//! the schema `carepass` and are made by the first start (`migrate`). While the database is away nothing is acknowledged; commits wait some
//! seconds for it, and what became of a commit whose answer was lost is found out (`writer`).
//! Not here: who ought to work on which rows; a commit's conditions are all that is relied on.

mod batch;
mod chain;
mod endpoint;
mod export;
mod fault;
mod layout;
mod leases;
mod look;
mod migrate;
mod pending;
mod readers;
mod reads;
mod session;
mod stage;
mod standing;
mod verify;
mod writer;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod lost_tests;
#[cfg(test)]
#[path = "../../../tests/it/postgres/node.rs"]
mod node;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, InvalidUrl};
pub use export::export;
pub use look::{Seen, look};
pub use verify::{Verified, verify};

use super::StoreError;
use super::embedded::ChainKey;
use crate::model::entry::Position;
use chain::Seal;
use leases::Leases;
use readers::Readers;
use session::Session;
use standing::{Link, Standing};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::{mpsc, oneshot};
use writer::{Open, Request, Writer};

/// How many commits may wait for the writer; the next one waits for room.
const QUEUE: usize = 1024;

/// A store in a PostgreSQL database.
pub struct Postgres {
    standing: Arc<Standing>,
    readers: Readers,
    leases: Leases,
    endpoint: Endpoint,
    queue: mpsc::Sender<Request>,
}

/// A database that is connected to and has its tables, and that nobody writes to yet.
pub struct Opening {
    endpoint: Endpoint,
    open: Open,
    end: Link,
    seal: Option<Seal>,
}

/// How much was written since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commits.
    pub commits: u64,
    /// Transactions: one per batch of commits.
    pub batches: u64,
}

impl Opening {
    /// Connects, looks whether the server is fit, and makes the tables or brings them up to date.
    ///
    /// # Errors
    /// `Unavailable`, or `Damaged`; the message says what is so and what to do.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, StoreError> {
        let session = Session::connect(endpoint).await?;
        migrate::migrate(&session, endpoint).await?;
        if !session.server.has_full_pages {
            tracing::warn!("full_page_writes is off on the server: a power cut may damage its tables");
        }
        let open = Open::new(session, endpoint).await?;
        let (end, _) = open.look(Position(0), endpoint).await?;
        let (_, seal) = open.look(end.position, endpoint).await?;
        Ok(Self { endpoint: endpoint.clone(), open, end, seal })
    }

    /// Whether anything was written to it.
    pub fn is_begun(&self) -> bool {
        self.end.position > Position(0)
    }

    /// Begins to work, under a key that the last batch of the ledger must have been written with. The seed tells this process from every
    /// other one that ever wrote here: chance. Needs a runtime.
    ///
    /// # Errors
    /// `Damaged` if the ledger does not end with a batch that was written with the key.
    pub fn start(self, key: &ChainKey, seed: u64) -> Result<Postgres, StoreError> {
        let Self { endpoint, open, end, seal } = self;
        if end.position > Position(0)
            && !seal.is_some_and(|seal| seal.hash == end.hash && seal.is_vouched_by(key))
        {
            return Err(StoreError::Damaged(format!(
                "{endpoint}: the ledger's last batch, which ends with entry {}, was not written with this master key: restore the key that \
                 belongs to the database, or correct store.url",
                end.position.0
            )));
        }
        let standing = Arc::<Standing>::default();
        standing.advance(end);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let own = (endpoint.clone(), key.clone());
        tokio::spawn(Writer::new(Arc::clone(&standing), own, waiting, open, seed).run());
        let (readers, leases) = (Readers::new(endpoint.clone()), Leases::new(endpoint.clone()));
        Ok(Postgres { standing, readers, leases, endpoint, queue })
    }
}

impl Postgres {
    /// Writes what is waiting and refuses commits from then on. Reads go on.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Request::Close(done)).await.is_ok() {
            // An error means that the writer is gone, which is what we wait for.
            let _ = closed.await;
        }
    }

    /// Whether the store takes commits, and why not. A database that is away is connected to anew by itself.
    pub fn health(&self) -> Result<(), StoreError> {
        self.standing.health()
    }

    /// Whether it never takes commits again, because it is damaged: a person must look.
    pub fn is_lost(&self) -> bool {
        self.standing.is_damaged()
    }

    /// How much was written since the start.
    pub fn counters(&self) -> Counters {
        let counted = &self.standing.counters;
        Counters { commits: counted.commits.load(Relaxed), batches: counted.batches.load(Relaxed) }
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged(format!("{}: {what}", self.endpoint))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({})", self.endpoint)
    }
}
