//! The lane's loop: takes as many due rows as it has permits, and moves each until it has to wait. Between looks it sleeps until the
//! next `wake_at`, or until somebody wakes it. A stuck lane costs the others nothing.
//! Not here: running a step (`run`), and what is missing (`reconcile`).

use super::Engine;
use super::dated::is_dated;
use super::duties::Tenure;
use super::run::Work;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, Want};
use crate::model::transition::Input;
use crate::store::{StoreError, seldom};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest sleep of a lane: nobody's signal is relied on for ever.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How long a lane waits for a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Rows with a date that are passed over while the clock is not believed.
const DATED_MAX: usize = 10_000;

/// Rows that are looked at for each free permit, so that the most urgent go first.
const CHOICE: usize = 4;

impl Engine {
    /// Drives one lane until the stop, or until its duty goes to another replica.
    pub(super) async fn drive(self: Arc<Self>, lane: Lane, tenure: Tenure) {
        let permits = Arc::new(Semaphore::new(self.settings.permits));
        loop {
            let permit = tokio::select! {
                biased;
                () = tenure.closing.cancelled() => return,
                permit = Arc::clone(&permits).acquire_owned() => permit.expect("the lane never closes its permits"),
            };
            match self.pick(&lane, permits.available_permits() + 1).await {
                Ok(rows) if rows.is_empty() => {
                    drop(permit);
                    self.sleep(&lane, &tenure).await;
                }
                Ok(rows) => self.hand_out(&lane, &tenure, rows, permit, &permits),
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(%lane, %error, kept_back, "the lane pauses: the store does not answer");
                    }
                    drop(permit);
                    tokio::select! { () = tenure.closing.cancelled() => (), () = tokio::time::sleep(STORE_PAUSE) => () }
                }
            }
        }
    }

    /// The most urgent due rows that nobody is at work on: leavers first, then the earliest start date. Before the first look at a
    /// reseller account has ended, none but the account's own row.
    async fn pick(&self, lane: &Lane, free: usize) -> Result<Vec<Enrollment>, StoreError> {
        let (state, now) = (&self.lanes[lane], self.house.clock.now());
        let is_believed = self.house.clock.is_believed();
        let mut rows = if let Some(id) = self.unseen(lane) {
            let row = self.house.store.enrollment(&id).await?;
            row.filter(|row| row.wake_at().is_some_and(|at| at <= now)).into_iter().collect()
        } else {
            let dated = if is_believed { 0 } else { DATED_MAX };
            let limit = free * CHOICE + state.at_work().len() + dated;
            self.house.store.due(lane, now, limit).await?
        };
        let at_work = state.at_work();
        rows.retain(|row| !at_work.contains(&row.id) && (is_believed || !is_dated(row)));
        rows.sort_by_key(|row| {
            (row.goal.want == Want::Present, row.starts.unwrap_or(Timestamp::MIN), row.wake_at())
        });
        rows.truncate(free);
        Ok(rows)
    }

    fn hand_out(
        self: &Arc<Self>,
        lane: &Lane,
        tenure: &Tenure,
        rows: Vec<Enrollment>,
        first: OwnedSemaphorePermit,
        permits: &Arc<Semaphore>,
    ) {
        let mut first = Some(first);
        for row in rows {
            let Some(permit) = first.take().or_else(|| Arc::clone(permits).try_acquire_owned().ok()) else {
                return;
            };
            let place = AtWork::enter(self, lane, &row);
            let (engine, mine) = (Arc::clone(self), tenure.clone());
            self.spawn_under(tenure, async move {
                engine.work(row, Some(&mine)).await;
                drop(place);
                drop(permit);
            });
        }
    }

    /// Moves one row until it has to wait.
    pub(super) async fn work(&self, row: Enrollment, tenure: Option<&Tenure>) {
        let mut work = Work::new(self, tenure, row);
        let mut input = Input::Wake;
        while let Some(step) = work.commit(input).await {
            input = Input::Reported(work.run(step).await);
        }
    }

    /// The row that comes before all others of the lane.
    fn unseen(&self, lane: &Lane) -> Option<EnrollmentId> {
        let Lane::Reseller(name) = lane else { return None };
        self.known().unseen.contains(name).then(|| EnrollmentId::Reseller(name.clone()))
    }

    async fn next_wake(&self, lane: &Lane) -> Result<Option<Timestamp>, StoreError> {
        match self.unseen(lane) {
            Some(id) => Ok(self.house.store.enrollment(&id).await?.and_then(|row| row.wake_at())),
            None => self.house.store.next_wake(lane).await,
        }
    }

    async fn sleep(&self, lane: &Lane, tenure: &Tenure) {
        let now = self.house.clock.now();
        let limit = now + LOOK_AGAIN;
        let next = self.next_wake(lane).await.ok().flatten().unwrap_or(limit);
        // A due row that somebody is at work on must not make the lane spin.
        // Nor must one that waits until the clock is believed.
        let least = if self.house.clock.is_believed() { 5 } else { 1_000 };
        let until = next.clamp(now + SignedDuration::from_millis(least), limit);
        tokio::select! {
            () = tenure.closing.cancelled() => (),
            () = self.lanes[lane].notify.notified() => (),
            () = self.house.clock.sleep_until(until) => (),
        }
    }
}

/// A row's place among those at work; leaving wakes the lane, whatever way the work ended.
struct AtWork {
    engine: Arc<Engine>,
    lane: Lane,
    id: EnrollmentId,
}

impl AtWork {
    fn enter(engine: &Arc<Engine>, lane: &Lane, row: &Enrollment) -> Self {
        engine.lanes[lane].at_work().insert(row.id.clone());
        Self { engine: Arc::clone(engine), lane: lane.clone(), id: row.id.clone() }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.engine.lanes[&self.lane].at_work().remove(&self.id);
        self.engine.wake(&self.lane);
    }
}
