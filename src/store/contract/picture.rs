//! A picture of all that can be read from a store, to compare it with itself later or with another.
//! Not here: what ought to be in it.

use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, Lane};
use crate::model::entry::{Change, Entry, Position, Received};
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::WrappedKey;
use crate::store::{Store, StoredLetter};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Everything that can be read from a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Picture {
    head: Position,
    entries: Vec<Entry>,
    engineers: Vec<Person>,
    lanes: Vec<(Lane, Option<Timestamp>, Vec<Enrollment>)>,
    resellers: Vec<Option<Enrollment>>,
    inbox: Vec<Option<Received>>,
    holders: Vec<Option<EngineerKey>>,
    bookmarks: Vec<Position>,
    parked: Vec<Parked>,
    letters: Vec<Option<StoredLetter>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Person {
    engineer: Engineer,
    key: Option<WrappedKey>,
    rows: Vec<Enrollment>,
    history: Vec<Entry>,
}

impl Picture {
    /// Whether the other store may have been like this one earlier on.
    pub(crate) fn is_prefix_of(&self, later: &Self) -> bool {
        later.entries.starts_with(&self.entries)
    }
}

/// Reads everything, page by page.
pub(crate) async fn picture(store: &dyn Store) -> Picture {
    let mut picture = Picture { head: store.head().await.unwrap(), ..Picture::default() };
    picture.entries = all_entries(store).await;
    let mut lanes = BTreeSet::new();
    for change in picture.entries.iter().flat_map(|entry| &entry.changes) {
        match change {
            Change::Received(received) => picture.inbox.push(store.received(&received.event).await.unwrap()),
            Change::Enrollment { row, .. } => {
                lanes.insert(row.lane());
                if row.id.engineer().is_none() {
                    picture.resellers.push(store.enrollment(&row.id).await.unwrap());
                }
            }
            Change::Reserved { tag, .. } | Change::Released { tag, .. } => {
                picture.holders.push(store.holder(tag).await.unwrap());
            }
            Change::Bookmark { reader, .. } => picture.bookmarks.push(store.bookmark(reader).await.unwrap()),
            Change::Parked(parked) => picture.letters.push(store.letter(&parked.id).await.unwrap()),
            Change::Engineer(_) | Change::Erased { .. } | Change::Unparked { .. } => {}
        }
    }
    picture.parked = all_parked(store, 2).await;
    for lane in lanes {
        let next = store.next_wake(&lane).await.unwrap();
        let queue = whole_queue(store, &lane, 7).await;
        picture.lanes.push((lane, next, queue));
    }
    for engineer in all_engineers(store, 3).await {
        let key = store.data_key(&engineer.key).await.unwrap();
        let rows = store.enrollments_of(&engineer.key).await.unwrap();
        let history = store.history(&engineer.key, Position(0), usize::MAX).await.unwrap();
        let mut newest = store.recent(&engineer.key, Position(u64::MAX), usize::MAX).await.unwrap();
        newest.reverse();
        assert_eq!(newest, history, "from its end a history is the same");
        picture.engineers.push(Person { engineer, key, rows, history });
    }
    picture
}

/// All entries, read in pages.
pub(crate) async fn all_entries(store: &dyn Store) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map(|entry| entry.position).unwrap_or_default();
        let page = store.entries(after, 13).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// All parked messages, read in pages.
pub(crate) async fn all_parked(store: &dyn Store, page: usize) -> Vec<Parked> {
    let mut all: Vec<Parked> = Vec::new();
    loop {
        let after: Option<(Timestamp, LetterId)> = all.last().map(|parked| (parked.at, parked.id.clone()));
        let parked = store.parked(after.as_ref(), page).await.unwrap();
        if parked.is_empty() {
            return all;
        }
        all.extend(parked);
    }
}

/// All engineers, read in pages.
pub(crate) async fn all_engineers(store: &dyn Store, page: usize) -> Vec<Engineer> {
    let mut all: Vec<Engineer> = Vec::new();
    loop {
        let after = all.last().map(|engineer| engineer.key.clone());
        let engineers = store.engineers(after.as_ref(), page).await.unwrap();
        if engineers.is_empty() {
            return all;
        }
        all.extend(engineers);
    }
}

/// The queue of a lane, read in pages.
pub(crate) async fn whole_queue(store: &dyn Store, lane: &Lane, page: usize) -> Vec<Enrollment> {
    let mut all: Vec<Enrollment> = Vec::new();
    loop {
        let after = all.last().map(|row| (row.wake_at().unwrap(), row.id.clone()));
        let rows = store.queue(lane, after.as_ref(), page).await.unwrap();
        if rows.is_empty() {
            return all;
        }
        all.extend(rows);
    }
}
