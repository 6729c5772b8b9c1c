//! Where rows, engineers and the ledger live, behind one trait. An `Ok` means: on disk, and it survives a power cut.
//! Not here: what the rows mean and how they move (`model`), and who reads them when (`engine`).

mod condition;
#[cfg(test)]
pub(crate) mod contract;
pub mod embedded;
pub mod leases;
pub mod memory;
pub mod postgres;
pub mod seldom;

use crate::model::duty::{LeaseBook, LeaseCall};
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Commit, Entry, Position, Received};
use crate::model::grants::Grant;
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// What a store answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What is known of a parked message, and the sealed message; none of the latter if it cannot be found any more.
pub type StoredLetter = (Parked, Option<Sealed>);

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A condition of the commit does not hold; nothing was changed. Look again and decide anew.
    #[error("somebody else was faster")]
    Conflict,
    /// The store cannot be read or written now. Nothing was acknowledged.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored contradicts itself. A person must look.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// A durable store with compare-and-set commits, one wake index and an append-only ledger.
///
/// Correctness rests on `commit` alone: it is atomic, checks the condition of each change (see `model::entry::Change`), and has
/// reached the disk when it answers. A read that starts after a commit has answered sees that commit.
pub trait Store: Send + Sync + 'static {
    /// Writes all changes or none.
    fn commit(&self, commit: Commit) -> Answer<'_, Position>;

    /// One engineer.
    fn engineer<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<Engineer>>;

    /// Engineers in the order of their keys, after the given one.
    fn engineers<'a>(&'a self, after: Option<&'a EngineerKey>, limit: usize) -> Answer<'a, Vec<Engineer>>;

    /// The wrapped data key of an engineer.
    fn data_key<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<WrappedKey>>;

    /// One row.
    fn enrollment<'a>(&'a self, id: &'a EnrollmentId) -> Answer<'a, Option<Enrollment>>;

    /// All rows of an engineer, in the order of their ids.
    fn enrollments_of<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Vec<Enrollment>>;

    /// Rows of a lane whose `wake_at` has come, earliest first: of each step at which some stand, the earliest `limit`. However many wait
    /// at one step, those at another are seen.
    fn due<'a>(&'a self, lane: &'a Lane, now: Timestamp, limit: usize) -> Answer<'a, Vec<Enrollment>>;

    /// All rows of a lane that have a `wake_at`, in the order of (`wake_at`, id), after the given place.
    fn queue<'a>(
        &'a self,
        lane: &'a Lane,
        after: Option<&'a (Timestamp, EnrollmentId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Enrollment>>;

    /// The earliest `wake_at` of a lane.
    fn next_wake<'a>(&'a self, lane: &'a Lane) -> Answer<'a, Option<Timestamp>>;

    /// What the inbox knows of an event.
    fn received<'a>(&'a self, event: &'a EventRef) -> Answer<'a, Option<Received>>;

    /// Who holds a local part.
    fn holder<'a>(&'a self, tag: &'a NameTag) -> Answer<'a, Option<EngineerKey>>;

    /// Parked messages in the order of (`at`, id), after the given place.
    fn parked<'a>(
        &'a self,
        after: Option<&'a (Timestamp, LetterId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Parked>>;

    /// A parked message.
    fn letter<'a>(&'a self, id: &'a LetterId) -> Answer<'a, Option<StoredLetter>>;

    /// Entries after a position, in order, without gaps.
    fn entries(&self, after: Position, limit: usize) -> Answer<'_, Vec<Entry>>;

    /// Entries that concern an engineer, after a position, in order.
    fn history<'a>(&'a self, key: &'a EngineerKey, after: Position, limit: usize) -> Answer<'a, Vec<Entry>>;

    /// Entries that concern an engineer, before a position, the newest first. Fewer than `limit` need not be the last of them; none are.
    fn recent<'a>(&'a self, key: &'a EngineerKey, before: Position, limit: usize) -> Answer<'a, Vec<Entry>>;

    /// How far a reader of the ledger has got; the start if it never said.
    fn bookmark<'a>(&'a self, reader: &'a str) -> Answer<'a, Position>;

    /// The last position; an error once the store takes no commits any more, so it also tells whether the store is there.
    fn head(&self) -> Answer<'_, Position>;

    /// The hash that the ledger's chain ends with now, where the store keeps one. Published, it proves later that nothing up to here was
    /// changed.
    fn chain_head(&self) -> Option<String> {
        None
    }

    /// Whether other processes may write to it too. Where they may, duties are leased, and what others write is read from the ledger.
    fn is_shared(&self) -> bool {
        false
    }

    /// Renews, takes and gives up leases of duties, and says that the replica lives: all at once or nothing, one call after the other
    /// (`leases` says what each does), judged by the store's own clock. After a call has given a duty to somebody, no commit under an
    /// earlier epoch of it succeeds, and whatever was committed under one is seen by every read.
    ///
    /// A holder counts its term from before the call was sent. A call whose answer is lost may have been carried out.
    fn lease<'a>(&'a self, call: &'a LeaseCall) -> Answer<'a, LeaseBook> {
        Box::pin(async move { Ok(LeaseBook::sole(call)) })
    }

    /// The grants later than a time, which is at most a day ago, in the order of their times; none where the store is not shared, since
    /// its one process counts them itself.
    fn granted(&self, _after: Timestamp) -> Answer<'_, Vec<Grant>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
