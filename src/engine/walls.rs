//! Walls at work: keeps `model/wall` in step with the rows, finds the next leader among the stored ones, and has it look.
//! Level-triggered: whatever is missed here costs a row its own next look, never its account. Not here: who leads (`model/wall`).

use super::{Engine, reconcile};
use crate::model::duty::Duty;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, State};
use crate::model::failure::FailureCode;
use crate::model::id::ResellerName;
use crate::model::plan::StepName;
use crate::model::transition::Input;
use crate::model::wall::{Chore, Place, WallId, Walls};
use crate::store::{StoreError, seldom};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait for a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// The walls that stand.
    pub(super) fn walls(&self) -> MutexGuard<'_, Walls> {
        self.walls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row has moved, or was read from the store.
    pub(super) fn note_wall(&self, before: Option<&Enrollment>, after: &Enrollment) {
        if self.duties.holds(&Duty::of_lane(&after.lane())) && self.walls().note(before, after) {
            self.walls_moved.notify_one();
        }
    }

    /// A person says that what a row waits for has changed: whoever probes for it looks now.
    pub(super) fn ask_at_wall(&self, row: &Enrollment) {
        if self.walls().ask(row) {
            self.walls_moved.notify_one();
        }
    }

    /// A person has said so to another replica, which does not know who probes.
    pub(super) fn ask_at_walls_of(&self, reseller: &ResellerName) {
        if self.walls().ask_all(reseller) {
            self.walls_moved.notify_one();
        }
    }

    /// Does what is to be done about walls until the stop.
    pub(super) async fn tend_walls(self: Arc<Self>) {
        loop {
            let chore = self.walls().take_chore();
            let done = match chore {
                Some((wall, Chore::Seek)) => self.seek_leader(&wall).await,
                Some((wall, Chore::Probe(leader))) => self.probe(&wall, &leader).await,
                None => {
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        () = self.walls_moved.notified() => continue,
                    }
                }
            };
            if let Err(error) = done {
                if let Some(kept_back) = seldom::may_tell() {
                    tracing::warn!(%error, kept_back, "the rows behind a wall wait on: the store does not answer");
                }
                tokio::select! { () = self.stop.cancelled() => return, () = tokio::time::sleep(STORE_PAUSE) => () }
            }
        }
    }

    /// Looks whether the leaders still are what they were: moves are told in any order, and by several processes.
    pub(super) async fn check_leaders(&self) -> Result<(), StoreError> {
        let leaders = self.walls().leaders();
        for leader in leaders {
            if let Some(row) = self.house.store.enrollment(&leader).await? {
                self.note_wall(None, &row);
            }
        }
        Ok(())
    }

    /// Makes the first of those who wait the leader. Where nobody waits any more, those behind go on.
    async fn seek_leader(&self, wall: &WallId) -> Result<(), StoreError> {
        let (reseller, code) = wall;
        let mut first: Option<Place> = None;
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        let lane = Lane::Reseller(reseller.clone());
        loop {
            let page = self.house.store.queue(&lane, after.as_ref(), reconcile::PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.wake_at().map(|at| (at, last.id.clone()));
            first = first.into_iter().chain(page.iter().filter_map(|row| Place::of(row, *code))).min();
        }
        let has_fallen = self.walls().succeed(wall, first);
        if has_fallen {
            tracing::info!(%reseller, %code, "new accounts are made again");
            self.let_through(&lane, *code).await?;
        }
        Ok(())
    }

    /// Has the leader look now, if it still is what it was. One that looks already is told once that is over; one that tries again soon
    /// is not hurried, since Google may have asked it to wait.
    async fn probe(&self, wall: &WallId, leader: &EnrollmentId) -> Result<(), StoreError> {
        let row = self.house.store.enrollment(leader).await.inspect_err(|_| self.walls().untold(wall))?;
        let Some(row) = row else {
            self.walls().told(wall);
            return Ok(());
        };
        self.note_wall(None, &row);
        if !self.walls().is_led_by(wall, leader) {
            return Ok(());
        }
        match row.state {
            State::Running { .. } => return Ok(()),
            State::Scheduled { last: Some(_), .. } => self.walls().told(wall),
            State::Scheduled { .. } | State::Waiting { .. } | State::Completed | State::Cancelled { .. } => {
                self.walls().told(wall);
                self.move_row(&row, Input::Nudge).await;
            }
        }
        self.wake(&row.lane());
        Ok(())
    }

    /// Wakes the rows that waited behind a wall.
    async fn let_through(&self, lane: &Lane, code: FailureCode) -> Result<(), StoreError> {
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        loop {
            let page = self.house.store.queue(lane, after.as_ref(), reconcile::PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.wake_at().map(|at| (at, last.id.clone()));
            let behind = page.iter().filter(|row| {
                row.state.at().is_some_and(|at| at.step == StepName::Account && at.waited_for == Some(code))
            });
            stream::iter(behind)
                .for_each_concurrent(reconcile::SIDE_BY_SIDE, |row| self.move_row(row, Input::Nudge))
                .await;
        }
        self.wake(lane);
        Ok(())
    }
}
