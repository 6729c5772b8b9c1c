//! The store of one machine: a ledger that is the durable truth, and an index (sled) that is rebuilt from it when need be.
//!
//! ```text
//! <path>/ledger/                every commit, in frames under a hash chain (`frame`, `segments`); appended and synced by one thread (`writer`)
//! <path>/index/                 rows, wakes, inbox, places of entries (`layout`, `value`, `index`); may be deleted at any time
//! <path>/keys/                  one wrapped data key per engineer (`keys`)
//! <path>/letters/               parked messages, each sealed (`letters`)
//! <path>/lock                   one process at a time (`lock`)
//! ```
//!
//! A read of a few keys is answered on the thread that asks; long ones run on the runtime's threads for blocking work, a few at a time. After a failed write or sync nothing is acknowledged until the writer has opened everything anew (`standing`).
//! Not here: several machines; that is PostgreSQL's, behind the same trait.

mod audit;
mod backup;
mod chain_key;
mod digest;
mod export;
mod files;
mod frame;
mod index;
mod keys;
mod late;
mod layout;
mod ledger;
mod letters;
mod lock;
mod merged;
mod reads;
mod recent;
mod recover;
mod repair;
mod segments;
mod stage;
mod standing;
mod survey;
mod value;
mod verify;
mod writer;

#[cfg(test)]
mod forged_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod segment_tests;
#[cfg(test)]
mod tests;

pub use backup::{BackupError, Manifest, backup, restore};
pub use chain_key::ChainKey;
pub use export::export;
pub use repair::{Repaired, repair};
pub use verify::{Behind, Flaw, Verified, verify, verify_keyed};

use super::{Answer, Store, StoreError, StoredLetter};
use crate::crash::crash_point;
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Commit, Entry, Position, Received};
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::{NameTag, WrappedKey};
use frame::Link;
use index::{Index, broken};
use jiff::Timestamp;
use keys::Keys;
use ledger::LedgerReader;
use letters::Letters;
use recover::Recovered;
pub use segments::SEGMENT_BYTES;
use standing::Standing;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use writer::{Pending, Request, Writer};

/// How long a start waits for the process before to go down.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How many commits may wait for the writer; the next one waits for room.
const QUEUE: usize = 1024;

/// How much of the index is kept in memory.
const CACHE_BYTES: u64 = 64 << 20;

/// How many long reads run at a time.
const READERS: usize = 8;

/// So many rows are few.
const FEW: usize = 64;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What is not vouched for with it is damage.
    pub key: ChainKey,
    /// Whether the work may begin before all that is stored was read. Of the ledger only the last file is read first; an index that was
    /// written since the machine was booted is used as it is. The rest is read beside the work.
    pub promptly: bool,
    /// The length at which a new file of the ledger is begun, in bytes.
    pub segment_bytes: u64,
    /// How much of the index is kept in memory, in bytes.
    pub cache_bytes: u64,
}

impl Manner {
    /// Everything is read before anything else.
    pub fn thorough(key: &ChainKey) -> Self {
        Self { key: key.clone(), promptly: false, segment_bytes: SEGMENT_BYTES, cache_bytes: CACHE_BYTES }
    }

    /// The work begins as soon as it can.
    pub fn prompt(key: &ChainKey) -> Self {
        Self { promptly: true, ..Self::thorough(key) }
    }
}

/// A store in a directory of one machine.
#[derive(Debug)]
pub struct Embedded {
    // Dropped before the queue: the writer, which ends when the queue is gone, is so the last to let go of the files.
    shared: Arc<Standing>,
    readers: Semaphore,
    queue: mpsc::Sender<Request>,
}

/// How much was written since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commits on disk.
    pub commits: u64,
    /// Syncs of the ledger: one per batch of commits.
    pub syncs: u64,
}

/// The head of the hash chain. Kept outside (published, printed), it proves later that nothing up to it was changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The last position.
    pub position: Position,
    /// The number of the frame that holds it.
    pub frame: u64,
    /// The SHA-256 that closes the frame, in hexadecimal.
    pub sha256: String,
}

impl From<Link> for Anchor {
    fn from(Link { frame, position, hash, .. }: Link) -> Self {
        Self { position: Position(position), frame, sha256: hash.to_string() }
    }
}

/// What the writer and the readers both use, until a failure; then it is opened anew.
#[derive(Debug)]
struct Shared {
    index: Index,
    ledger: LedgerReader,
    keys: Keys,
    letters: Letters,
    end: Arc<Mutex<Link>>,
}

impl Embedded {
    /// Opens the store in a directory, which is made if it is missing, under the key that everybody knows. Reads and verifies the whole ledger, so it blocks: call it
    /// through `spawn_blocking`. `Unavailable` if another process holds it or the disk refuses, `Damaged` if the ledger is not
    /// whole; the message says what is known and what to do.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_keyed(path, &ChainKey::known())
    }

    /// The same, under a key that is not in the folder: what was not written with it is damage.
    pub fn open_keyed(path: &Path, key: &ChainKey) -> Result<Self, StoreError> {
        Self::open_as(path, &Manner::thorough(key))
    }

    /// The same, in another manner.
    pub fn open_as(path: &Path, manner: &Manner) -> Result<Self, StoreError> {
        Self::start(recover::recover(path, LOCK_PATIENCE, manner)?)
    }

    /// Makes the folder of a store, for what has to be there before the store is opened.
    pub fn make_folder(path: &Path) -> Result<(), StoreError> {
        files::make_directory(path).map_err(files::unavailable(path))
    }

    /// Whether anything was written to the store in a folder. Looks at the length of the ledger only.
    pub fn is_begun(path: &Path) -> bool {
        let ledger = std::fs::metadata(verify::directory_of(path).join(segments::FIRST));
        ledger.is_ok_and(|ledger| ledger.len() > frame::OPENING.len() as u64)
    }

    /// Writes what is waiting and refuses commits from then on. Reads go on; the files are let go of with the value.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Request::Close(done)).await.is_ok() {
            // An error means that the writer is gone, which is what we wait for.
            let _ = closed.await;
        }
    }

    /// Whether the store takes commits, and why not. After a failure it is opened anew by itself, as soon as the disk takes writes.
    pub fn health(&self) -> Result<(), StoreError> {
        self.shared.health()
    }

    /// Whether it never takes commits again, because it is damaged: a person must look.
    pub fn is_lost(&self) -> bool {
        self.shared.is_damaged()
    }

    /// Whether what a prompt start trusted of the index was looked through since; an index that was not sound is made anew by then, or soon.
    pub fn is_looked_through(&self) -> bool {
        self.shared.look(|shared| !shared.index.is_being_looked_through()).unwrap_or(false)
    }

    /// How much was written since the start.
    pub fn counters(&self) -> Counters {
        let standing::Counting { commits, syncs } = &self.shared.counters;
        Counters { commits: commits.load(Relaxed), syncs: syncs.load(Relaxed) }
    }

    /// The head of the hash chain.
    pub fn anchor(&self) -> Anchor {
        self.shared.end().into()
    }

    fn start(recovered: Recovered) -> Result<Self, StoreError> {
        let unread = recovered.unread;
        let (shared, ledger) = Standing::new(recovered);
        let shared = Arc::new(shared);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Writer { shared: shared.clone(), ledger, queue: waiting, behind: (None, 0) };
        #[cfg(debug_assertions)]
        let bug = crate::planted::here();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                #[cfg(debug_assertions)]
                crate::planted::plant(bug);
                writer.run();
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread for the writer: {error}")))?;
        audit::begin(&shared, unread, queue.downgrade())?;
        Ok(Self { shared, readers: Semaphore::new(READERS), queue })
    }

    /// Reads a few keys at once: they are in memory, or one look at the disk away, and a change of threads costs more than they do.
    fn glance<T: Send + 'static>(
        &self,
        read: impl Fn(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            // An answer at once is no pause: whoever reads in a loop would keep the thread from others.
            tokio::task::coop::consume_budget().await;
            // sled panics where others return an error.
            let now = std::panic::catch_unwind(AssertUnwindSafe(|| self.shared.read_now(&read)));
            let answer = match now {
                Ok(Some(answer)) => answer,
                Ok(None) => return self.read(read).await,
                Err(_) => {
                    let broken = broken("a read panicked");
                    self.shared.fail(&broken);
                    Err(broken)
                }
            };
            self.have_looked();
            answer
        })
    }

    /// If the store has failed, the writer may be waiting for commits. With a full queue it is not, and looks by itself.
    fn have_looked(&self) {
        if self.shared.health().is_err() {
            let _ = self.queue.try_send(Request::Look);
        }
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let _turn = self.readers.acquire().await.map_err(|_| unavailable("no reader is left"))?;
            let shared = self.shared.clone();
            let done = tokio::task::spawn_blocking(move || shared.read(read)).await;
            let answer = done.unwrap_or_else(|_| {
                let broken = broken("a read panicked or was cut off");
                self.shared.fail(&broken);
                Err(broken)
            });
            self.have_looked();
            answer
        })
    }
}

impl Shared {
    fn end(&self) -> Link {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn head(&self) -> Position {
        Position(self.end().position)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

impl Store for Embedded {
    fn commit(&self, commit: Commit) -> Answer<'_, Position> {
        Box::pin(async move {
            self.shared.health()?;
            let (pending, answered) = Pending::new(commit)?;
            let lost = || self.shared.health().err().unwrap_or_else(|| unavailable("the writer is gone"));
            crash_point!(async "embedded.commit.before");
            self.queue.send(Request::Commit(pending)).await.map_err(|_| lost())?;
            let committed = answered.await.map_err(|_| lost())?;
            crash_point!(async "embedded.commit.after");
            committed
        })
    }

    fn engineer<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<Engineer>> {
        let seen = match self.shared.recent.get(key) {
            // While the store does not stand well a read says so.
            Ok(engineer) if self.shared.health().is_ok() => {
                return Box::pin(std::future::ready(Ok(Some(engineer))));
            }
            Ok(_) => None,
            Err(seen) => Some(seen),
        };
        Box::pin(async move {
            let owned = key.clone();
            let found = self.glance(move |shared| shared.engineer(&owned)).await?;
            if let (Some(engineer), Some(seen)) = (&found, seen) {
                self.shared.recent.put(engineer, seen);
            }
            Ok(found)
        })
    }

    fn engineers<'a>(&'a self, after: Option<&'a EngineerKey>, limit: usize) -> Answer<'a, Vec<Engineer>> {
        let after = after.cloned();
        self.read(move |shared| shared.engineers(after.as_ref(), limit))
    }

    fn data_key<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<WrappedKey>> {
        let key = key.clone();
        Box::pin(async move { self.glance(move |shared| shared.data_key(&key)).await? })
    }

    fn enrollment<'a>(&'a self, id: &'a EnrollmentId) -> Answer<'a, Option<Enrollment>> {
        let id = id.clone();
        self.glance(move |shared| shared.enrollment(&id))
    }

    fn enrollments_of<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Vec<Enrollment>> {
        let key = key.clone();
        self.glance(move |shared| shared.enrollments_of(&key))
    }

    fn due<'a>(&'a self, lane: &'a Lane, now: Timestamp, limit: usize) -> Answer<'a, Vec<Enrollment>> {
        let lane = lane.clone();
        if limit <= FEW {
            return self.glance(move |shared| shared.due(&lane, now, limit));
        }
        self.read(move |shared| shared.due(&lane, now, limit))
    }

    fn queue<'a>(
        &'a self,
        lane: &'a Lane,
        after: Option<&'a (Timestamp, EnrollmentId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Enrollment>> {
        let (lane, after) = (lane.clone(), after.cloned());
        if limit <= FEW {
            return self.glance(move |shared| shared.queue(&lane, after.as_ref(), limit));
        }
        self.read(move |shared| shared.queue(&lane, after.as_ref(), limit))
    }

    fn next_wake<'a>(&'a self, lane: &'a Lane) -> Answer<'a, Option<Timestamp>> {
        let lane = lane.clone();
        self.glance(move |shared| shared.next_wake(&lane))
    }

    fn received<'a>(&'a self, event: &'a EventRef) -> Answer<'a, Option<Received>> {
        let event = event.clone();
        self.glance(move |shared| shared.received(&event))
    }

    fn holder<'a>(&'a self, tag: &'a NameTag) -> Answer<'a, Option<EngineerKey>> {
        let tag = tag.clone();
        self.glance(move |shared| shared.holder(&tag))
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a (Timestamp, LetterId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Parked>> {
        let after = after.cloned();
        self.read(move |shared| shared.parked(after.as_ref(), limit))
    }

    fn letter<'a>(&'a self, id: &'a LetterId) -> Answer<'a, Option<StoredLetter>> {
        let id = id.clone();
        Box::pin(async move { self.read(move |shared| shared.letter(&id)).await? })
    }

    fn entries(&self, after: Position, limit: usize) -> Answer<'_, Vec<Entry>> {
        self.read(move |shared| shared.entries(after, limit))
    }

    fn history<'a>(&'a self, key: &'a EngineerKey, after: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        let key = key.clone();
        self.read(move |shared| shared.history(&key, after, limit))
    }

    fn recent<'a>(&'a self, key: &'a EngineerKey, before: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        let key = key.clone();
        self.read(move |shared| shared.recent(&key, before, limit))
    }

    fn bookmark<'a>(&'a self, reader: &'a str) -> Answer<'a, Position> {
        let reader = reader.to_owned();
        self.glance(move |shared| shared.bookmark(&reader))
    }

    fn head(&self) -> Answer<'_, Position> {
        Box::pin(async move { self.shared.health().map(|()| self.shared.head()) })
    }

    fn chain_head(&self) -> Option<String> {
        Some(self.anchor().sha256)
    }
}
