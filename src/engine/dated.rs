//! What has a date waits while the clock is not believed: nobody's employment begins or ends by it, and nothing is deleted for its age. What
//! needs no date goes on, an end of access that HR wants at once included. When the clock is right again, what a wrong one has put off is
//! fetched back, and grants are counted anew.
//! Not here: whether it is believed (`clock/steady`).

use super::Engine;
use super::reconcile::{PAGE, SIDE_BY_SIDE};
use crate::clock::Belief;
use crate::model::duty::Duty;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, State};
use crate::model::failure::Who;
use crate::model::transition::Input;
use crate::store::StoreError;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use std::sync::Arc;

impl Engine {
    /// Follows what is known of the clock until the stop.
    pub(super) async fn heed_clock(self: Arc<Self>) {
        let Some(steady) = self.house.clock.as_steady() else { return self.stop.cancelled().await };
        let mut beliefs = steady.beliefs();
        let mut set = beliefs.borrow_and_update().set;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = beliefs.changed() => if changed.is_err() { return self.stop.cancelled().await },
            }
            let believed = *beliefs.borrow_and_update();
            match believed.belief {
                Belief::Unknown => (),
                Belief::Wrong { .. } => tracing::error!("{}", steady.in_words().1),
                Belief::Right => tracing::info!("Google's clock agrees with this one"),
            }
            if believed.set != set {
                set = believed.set;
                tracing::warn!(
                    "the clock was set by more than a minute; what it had put off is fetched back"
                );
                if let Err(error) = self.fetch_back().await {
                    tracing::warn!(%error, "not all that was put off could be fetched back; the next start does");
                }
            }
            self.look_at_dates();
        }
    }

    /// Everything that waited for a date is looked at.
    fn look_at_dates(&self) {
        self.agenda_moved.notify_one();
        self.sweep.notify_one();
        for lane in self.lanes.keys() {
            self.wake(lane);
        }
    }

    async fn fetch_back(&self) -> Result<(), StoreError> {
        for lane in self.lanes.keys().filter(|lane| self.duties.holds(&Duty::of_lane(lane))) {
            self.fetch_back_in(lane).await?;
        }
        self.count_grants().await
    }

    async fn fetch_back_in(&self, lane: &Lane) -> Result<(), StoreError> {
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        let horizon = self.horizon();
        loop {
            let page = self.house.store.queue(lane, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.wake_at().map(|at| (at, last.id.clone()));
            let put_off = page.iter().filter(|row| is_put_off(row, horizon));
            stream::iter(put_off)
                .for_each_concurrent(SIDE_BY_SIDE, |row| self.move_row(row, Input::Nudge))
                .await;
        }
    }

    /// No rule puts a row off for longer than until then.
    pub(super) fn horizon(&self) -> Timestamp {
        self.house.clock.now() + self.settings.rules.look_max * 2
    }
}

/// Whether the row waits for longer than any rule lets it: a clock that was ahead has put it off. A date is as far away as HR says.
pub(super) fn is_put_off(row: &Enrollment, horizon: Timestamp) -> bool {
    match row.state {
        State::Scheduled { due: at, .. } => at > horizon,
        State::Waiting { look_again: at, .. } => at > horizon && !is_dated(row),
        State::Running { .. } | State::Completed | State::Cancelled { .. } => false,
    }
}

/// Whether the row waits for a date.
pub(super) fn is_dated(row: &Enrollment) -> bool {
    row.waits_on(Who::Calendar)
}
