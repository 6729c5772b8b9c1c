//! What other replicas write is learned from the ledger, page by page, in order: rows that are due wake their lanes, engineers are looked
//! at by whoever reconciles, what is known of reseller accounts follows. Nothing rests on it but time: whatever is missed here is found by
//! the sweep, a lane's own look, or a commit that conflicts. A store that one process has for itself is not read like this.
//! Not here: publishing what the ledger tells (`outcomes`), and this replica's own commits, which tell everybody themselves.

use super::Engine;
use super::tenure::FREED;
use crate::model::duty::Duty;
use crate::model::enrollment::{Enrollment, EnrollmentId, State, Want};
use crate::model::entry::{Actor, Change, Commit, Entry, Position};
use crate::model::failure::Who;
use crate::store::{StoreError, seldom};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Entries read at a time.
const PAGE: usize = 500;

/// How often the ledger is looked at, and how often while others are writing.
const POLL: Duration = Duration::from_millis(200);
const BUSY: Duration = Duration::from_millis(50);

/// How long to wait for a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Own commits that are remembered at most, while the ledger cannot be read; what is forgotten is heeded twice.
const OWN_MAX: usize = 10_000;

/// The places of this replica's own commits that it has not read yet.
#[derive(Debug, Default)]
pub(super) struct Own(Mutex<BTreeSet<Position>>);

impl Own {
    fn places(&self) -> MutexGuard<'_, BTreeSet<Position>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, position: Position) {
        let mut places = self.places();
        if places.len() < OWN_MAX {
            places.insert(position);
        }
    }
}

impl Engine {
    /// Commits, and remembers that it was this replica.
    pub(super) async fn commit(&self, commit: Commit) -> Result<Position, StoreError> {
        let committed = self.house.store.commit(commit).await;
        if let (Ok(position), true) = (&committed, self.duties.is_shared()) {
            self.own.note(*position);
        }
        committed
    }

    /// Reads what others have written since, until the stop.
    pub(super) async fn follow_ledger(self: Arc<Self>, since: Position) {
        let mut read = since;
        while !self.stop.is_cancelled() {
            let pause = match self.house.store.entries(read, PAGE).await {
                Ok(page) => {
                    read = page.last().map_or(read, |last| last.position);
                    let of_others = self.of_others(&page, read);
                    for entry in &of_others {
                        self.heed(entry);
                    }
                    if !of_others.is_empty() {
                        self.grown.notify_one();
                    }
                    match page.len() {
                        PAGE => continue,
                        _ if of_others.is_empty() => POLL,
                        _ => BUSY,
                    }
                }
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(%error, kept_back, "what others write is not seen: the store does not answer");
                    }
                    STORE_PAUSE
                }
            };
            tokio::select! { () = self.stop.cancelled() => return, () = tokio::time::sleep(pause) => () }
        }
    }

    fn of_others<'a>(&self, page: &'a [Entry], read: Position) -> Vec<&'a Entry> {
        let mut own = self.own.places();
        let others = page.iter().filter(|entry| !own.contains(&entry.position)).collect();
        *own = own.split_off(&Position(read.0 + 1));
        others
    }

    fn heed(&self, entry: &Entry) {
        for change in &entry.changes {
            match change {
                Change::Engineer(engineer) => self.signal(&engineer.key),
                Change::Enrollment { row, .. } => self.heed_row(row, &entry.actor),
                Change::Parked(parked) => self.parked_elsewhere(Some(parked)),
                Change::Unparked { .. } => self.parked_elsewhere(None),
                Change::Bookmark { reader, .. } if reader == FREED => self.duties.moved.notify_one(),
                Change::Received(_)
                | Change::Reserved { .. }
                | Change::Released { .. }
                | Change::Erased { .. }
                | Change::Bookmark { .. } => (),
            }
        }
    }

    fn heed_row(&self, row: &Enrollment, actor: &Actor) {
        self.learn(row);
        self.note_removed(row);
        let lane = row.lane();
        if self.duties.holds(&Duty::of_lane(&lane)) {
            self.note_wall(None, row);
            self.wake(&lane);
            if let (Actor::Operator { .. }, Some(name)) = (actor, row.id.reseller()) {
                self.ask_at_walls_of(name);
            }
        }
        if let Some(engineer) = row.id.engineer().filter(|_| may_concern_others(row)) {
            // It may be one of those that were opened here, and the last of our own is waited for.
            self.on_their_way().is_last(engineer);
            self.signal(engineer);
        }
    }
}

/// Whether something else of the engineer may have to move now, as `run` and `lockout` judge it of their own commits.
fn may_concern_others(row: &Enrollment) -> bool {
    let is_letter = matches!(row.id, EnrollmentId::Engineer(_));
    let waits = matches!(row.state, State::Waiting { .. });
    row.is_settled()
        || waits && row.waits_for_two_step()
        || is_letter && row.waits_on(Who::Reseller)
        || waits && row.goal.want == Want::Absent
        || row.has_lost_access()
}
