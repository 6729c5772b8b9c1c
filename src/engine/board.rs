//! What waits for a person, rows and engineers, kept in memory as the ledger goes on: a look costs what has happened since the one
//! before, and not a walk through the store. The first look reads all, and so does one after which too much has happened.
//! Not here: what is shown of a row (`model/task`), and what is counted (`counts`).

use super::Engine;
use crate::model::engineer::{Engineer, Hold};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Change, Position};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::task;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many are kept of each: rows of leavers, of reseller accounts, of engineers, of engineers' domains, and engineers who are held.
const KEPT_MAX: usize = 20_000;

/// Entries after which reading all is cheaper than what has happened.
const BEHIND_MAX: u64 = 20_000;

/// Read from the store at a time.
const PAGE: usize = 500;

/// What is kept between two looks; `None` before the first.
#[derive(Default)]
pub(super) struct Board(Arc<tokio::sync::Mutex<Option<Kept>>>);

/// What waits for a person at one moment.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Rows that wait on somebody or show what others have changed, those that keep open what was to end before the others.
    pub rows: Vec<Arc<Enrollment>>,
    /// Engineers whom somebody has to let in.
    pub held: BTreeMap<EngineerKey, Held>,
    /// More rows wait than are kept here.
    pub rows_cut: bool,
    /// More engineers are held than are kept here.
    pub held_cut: bool,
}

/// Why and since when an engineer is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: Hold,
    /// From when what HR has said last is in force.
    pub stated_from: Timestamp,
}

/// What waited at a place of the ledger.
struct Kept {
    until: Position,
    /// The lanes whose rows were read.
    lanes: BTreeSet<Lane>,
    leaving: Shelf<EnrollmentId, Arc<Enrollment>>,
    accounts: Shelf<EnrollmentId, Arc<Enrollment>>,
    engineers: Shelf<EnrollmentId, Arc<Enrollment>>,
    domains: Shelf<EnrollmentId, Arc<Enrollment>>,
    held: Shelf<EngineerKey, Held>,
}

/// So many of one kind, and whether something found no room.
struct Shelf<K, V> {
    kept: BTreeMap<K, V>,
    is_cut: bool,
}

impl Engine {
    /// What waits for a person now. Whoever asked may go away: what was begun is finished, and the next look has it.
    ///
    /// # Errors
    /// The store does not answer, or the stop has come.
    pub async fn waiting(&self) -> Result<Waiting, StoreError> {
        let (board, store) = (Arc::clone(&self.board.0), Arc::clone(&self.house.store));
        let (lanes, stop) = (self.lanes_shown(), self.stop.clone());
        let look = async move {
            let mut board = board.lock().await;
            let head = store.head().await?;
            if let Some(kept) = board.as_mut().filter(|kept| kept.is_good_for(head, &lanes)) {
                kept.catch_up(&*store, head).await?;
                return Ok(kept.show());
            }
            let kept = Kept::read(&*store, lanes, head);
            let kept =
                tokio::select! { biased; () = stop.cancelled() => return Err(gone()), kept = kept => kept? };
            Ok(board.insert(kept).show())
        };
        self.to_its_end(look).await.unwrap_or_else(|| Err(gone()))
    }

    /// Every lane that somebody works on, and leavers of accounts that are not configured any more.
    fn lanes_shown(&self) -> BTreeSet<Lane> {
        let of = |name: &ResellerName| [Lane::Leaving(name.clone()), Lane::Reseller(name.clone())];
        let removed = self.removed().into_iter().map(Lane::Leaving);
        removed.chain(self.house.sites.keys().flat_map(of)).chain([Lane::House]).collect()
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("what waits for a person was not read to its end".into())
}

impl Kept {
    async fn read(store: &dyn Store, lanes: BTreeSet<Lane>, head: Position) -> Result<Self, StoreError> {
        let mut kept = Self {
            until: head,
            lanes,
            leaving: Shelf::new(),
            accounts: Shelf::new(),
            engineers: Shelf::new(),
            domains: Shelf::new(),
            held: Shelf::new(),
        };
        for lane in kept.lanes.clone() {
            // It may have settled and show what others have changed all the same.
            if let Lane::Reseller(name) = &lane {
                let row = store.enrollment(&EnrollmentId::Reseller(name.clone())).await?;
                if let Some(row) = row {
                    kept.take_row(row);
                }
            }
            let mut after: Option<(Timestamp, EnrollmentId)> = None;
            loop {
                let rows = store.queue(&lane, after.as_ref(), PAGE).await?;
                after = rows.last().and_then(|row| row.wake_at().map(|at| (at, row.id.clone())));
                let is_last = rows.len() < PAGE;
                for row in rows {
                    kept.take_row(row);
                }
                if is_last {
                    break;
                }
            }
        }
        let mut after: Option<EngineerKey> = None;
        loop {
            let engineers = store.engineers(after.as_ref(), PAGE).await?;
            for engineer in &engineers {
                kept.take_engineer(engineer);
            }
            let Some(last) = engineers.last().filter(|_| engineers.len() == PAGE) else { break };
            after = Some(last.key.clone());
        }
        // What was written during the reading may be missing in it or not: taking it once more does no harm.
        let head = store.head().await?;
        kept.catch_up(store, head).await?;
        Ok(kept)
    }

    fn is_good_for(&self, head: Position, lanes: &BTreeSet<Lane>) -> bool {
        let is_near = head.0.checked_sub(self.until.0).is_some_and(|behind| behind <= BEHIND_MAX);
        let has_room =
            self.shelves().iter().any(|shelf| shelf.has_room_again()) || self.held.has_room_again();
        is_near && !has_room && *lanes == self.lanes
    }

    async fn catch_up(&mut self, store: &dyn Store, head: Position) -> Result<(), StoreError> {
        while self.until < head {
            let entries = store.entries(self.until, PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.position) else { break };
            for change in entries.into_iter().flat_map(|entry| entry.changes) {
                match change {
                    Change::Enrollment { row, .. } => self.take_row(*row),
                    Change::Engineer(engineer) => self.take_engineer(&engineer),
                    Change::Received(_)
                    | Change::Reserved { .. }
                    | Change::Released { .. }
                    | Change::Erased { .. }
                    | Change::Parked(_)
                    | Change::Unparked { .. }
                    | Change::Bookmark { .. } => (),
                }
            }
            self.until = last;
        }
        Ok(())
    }

    fn take_row(&mut self, row: Enrollment) {
        let asks = task::id(&row).is_some() || task::asks_about_drift(&row);
        let (id, lane) = (row.id.clone(), row.lane());
        let mut row = (asks && self.lanes.contains(&lane)).then(|| Arc::new(row));
        let is_leaving = matches!(lane, Lane::Leaving(_));
        // A domain that was to be given and is to be taken away changes its shelf.
        self.leaving.put(&id, row.take_if(|_| is_leaving));
        match id {
            EnrollmentId::Reseller(_) => self.accounts.put(&id, row),
            EnrollmentId::Engineer(_) => self.engineers.put(&id, row),
            EnrollmentId::Domain(..) => self.domains.put(&id, row),
        }
    }

    fn take_engineer(&mut self, engineer: &Engineer) {
        let held = engineer.held();
        let held = held.map(|(since, why)| Held { since, why, stated_from: engineer.stated.from });
        self.held.put(&engineer.key, held);
    }

    /// In the order in which they are shown.
    fn shelves(&self) -> [&Shelf<EnrollmentId, Arc<Enrollment>>; 4] {
        [&self.leaving, &self.accounts, &self.engineers, &self.domains]
    }

    fn show(&self) -> Waiting {
        Waiting {
            rows: self.shelves().iter().flat_map(|shelf| shelf.kept.values()).cloned().collect(),
            held: self.held.kept.clone(),
            rows_cut: self.shelves().iter().any(|shelf| shelf.is_cut),
            held_cut: self.held.is_cut,
        }
    }
}

impl<K: Ord + Clone, V> Shelf<K, V> {
    fn new() -> Self {
        Self { kept: BTreeMap::new(), is_cut: false }
    }

    /// Puts it there, in the place of what was there before, or takes that away.
    fn put(&mut self, key: &K, value: Option<V>) {
        let Some(value) = value else {
            self.kept.remove(key);
            return;
        };
        if self.kept.len() < KEPT_MAX || self.kept.contains_key(key) {
            self.kept.insert(key.clone(), value);
        } else {
            self.is_cut = true;
        }
    }

    /// Something that found no room before would find it now.
    fn has_room_again(&self) -> bool {
        self.is_cut && self.kept.len() < KEPT_MAX / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engineer::Release;
    use crate::model::entry::{Actor, Commit};
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn a_look_takes_all_that_has_happened_however_much_it_is() {
        let store = Memory::new();
        let put = async |change| {
            store.commit(Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, vec![change])).await.unwrap();
        };
        let mut kept = Kept::read(&store, BTreeSet::new(), Position(0)).await.unwrap();
        for _ in 0..PAGE {
            put(Change::Bookmark { reader: "outcomes".into(), position: Position(0) }).await;
        }
        let release = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::GrantLimit };
        put(Change::Engineer(Box::new(Engineer { release, ..Engineer::example("E-1") }))).await;
        let head = store.head().await.unwrap();
        kept.catch_up(&store, head).await.unwrap();
        assert_eq!(kept.show().held.len(), 1, "beyond what is read at a time");
    }

    #[test]
    fn what_finds_no_room_is_told_of_until_there_is_room() {
        let mut shelf = Shelf::new();
        (0..KEPT_MAX).for_each(|key| shelf.put(&key, Some(())));
        assert!(!shelf.is_cut, "as many as there is room for");
        shelf.put(&1, Some(()));
        assert!(!shelf.is_cut, "what is there already takes no more room");
        shelf.put(&KEPT_MAX, Some(()));
        assert!(shelf.is_cut && !shelf.has_room_again());
        (0..KEPT_MAX / 2).for_each(|key| shelf.put(&key, None));
        assert!(shelf.is_cut && shelf.has_room_again(), "time to read all once more");
    }
}
