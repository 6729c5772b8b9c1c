//! Setting the engine going: what a dead process left running is taken over at once, reseller accounts are looked at with today's
//! configuration, and then the loops begin. Of a store that is shared each replica takes over what it gets the duty for (`tenure`). Crash recovery is not a mode: every row has a time at which somebody looks at it.
//! Not here: opening the store and what is repaired then (`store/embedded/recover`), and the loops themselves.

use super::dated::is_put_off;
use super::outcomes::OutcomeSink;
use super::pace::Pace;
use super::{Engine, Running, observe};
use crate::model::duty::Duty;
use crate::model::engineer::Release;
use crate::model::enrollment::{Enrollment, EnrollmentId, Goal, Lane, State, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::grants::Grants;
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::transition::Input;
use crate::planted::planted;
use crate::store::StoreError;
use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use tokio::time::Instant;

/// Rows read from the store at a time.
const PAGE: usize = 500;

/// So many rows of each lane are looked at before the work begins.
const FIRST_LOOK: usize = 10_000;

/// Who looks at what a dead process has left: nothing runs yet, or work has begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taker {
    Start,
    Beside,
}

/// A place in the queue of a lane.
type QueuePlace = (Timestamp, EnrollmentId);

/// Rows that are moved at once, so that their commits share a sync.
const SIDE_BY_SIDE: usize = 32;

impl Engine {
    /// Takes over what is stored and starts the loops. Where the store belongs to this process alone, rows that a dead process left
    /// running are taken from it without waiting for their lease; where it is shared, each with the lease of its duty.
    pub async fn start(self: &Arc<Self>, sink: Option<Arc<dyn OutcomeSink>>) -> Result<(), StoreError> {
        let mut able: BTreeSet<Duty> = self.lanes.keys().map(Duty::of_lane).collect();
        able.insert(Duty::Reconcile);
        able.extend(sink.as_ref().map(|_| Duty::Outcomes));
        let tenures = self.duties.begin(able);
        if self.duties.is_shared() {
            return self.start_together(sink).await;
        }
        for lane in self.lanes.keys() {
            self.take_over(lane).await?;
        }
        self.count_grants().await?;
        let resellers: Vec<ResellerName> = self.house.sites.keys().cloned().collect();
        for name in resellers {
            self.look_at_reseller(name).await?;
        }
        self.run_house_loops();
        for tenure in &tenures {
            self.go_on(tenure, sink.clone());
        }
        Ok(())
    }

    /// What every replica knows and does, whatever its duties; these it gets by and by.
    async fn start_together(self: &Arc<Self>, sink: Option<Arc<dyn OutcomeSink>>) -> Result<(), StoreError> {
        let head = self.house.store.head().await?;
        self.count_grants().await?;
        for name in self.house.sites.keys() {
            if let Some(row) = self.house.store.enrollment(&EnrollmentId::Reseller(name.clone())).await? {
                self.learn(&row);
            }
        }
        self.run_loop(Arc::clone(self).follow_ledger(head));
        self.run_house_loops();
        let keeping = Running::begin(self, Some(self.stop.clone()));
        let engine = Arc::clone(self);
        self.spawn(async move {
            engine.keep_duties(sink).await;
            drop(keeping);
        });
        Ok(())
    }

    /// The loops of the house; each asks whether its duty is held before it does anything of it.
    fn run_house_loops(self: &Arc<Self>) {
        // What came before may have taken long, and nobody was to hand out anything yet.
        self.pulse.beat();
        let signals = self.signalled.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(signals) = signals {
            self.run_loop(Arc::clone(self).answer_signals(signals));
        }
        self.run_loop(Arc::clone(self).sweep_for_ever());
        self.run_loop(Arc::clone(self).go_round_for_ever());
        self.run_loop(Arc::clone(self).keep_calendar());
        self.run_loop(Arc::clone(self).heed_clock());
        self.run_loop(Arc::clone(self).tend_walls());
        self.run_loop(Arc::clone(self).tend_parked());
        self.run_loop(Arc::clone(self).look_for_drift_for_ever());
        self.run_loop(observe::watch(Arc::clone(self)));
        self.run_loop(Arc::clone(self).count_for_ever());
        self.run_loop(Arc::clone(self).keep_standing_for_ever());
        self.run_loop(Arc::clone(self).write_digests());
    }

    /// Takes what a dead process left running: such a row wakes when its lease ends, so it is among the first of its lane. The rows behind
    /// those, which a wrong clock may have put off or which stand at a wall, are looked at beside the work, where they are many.
    pub(super) async fn take_over(self: &Arc<Self>, lane: &Lane) -> Result<(), StoreError> {
        let leased_until = self.house.clock.now() + self.settings.rules.lease;
        let (mut after, mut seen) = (None, 0);
        loop {
            let Some(last) = self.take_over_page(lane, &mut after, Taker::Start).await? else {
                return Ok(());
            };
            seen += PAGE;
            if seen >= FIRST_LOOK && last > leased_until {
                break;
            }
        }
        let (engine, lane) = (Arc::clone(self), lane.clone());
        self.spawn(async move { engine.take_over_rest(&lane, after).await });
        Ok(())
    }

    async fn take_over_rest(&self, lane: &Lane, mut after: Option<QueuePlace>) {
        let mut pace = Pace::brisk();
        while !self.stop.is_cancelled() && self.duties.holds(&Duty::of_lane(lane)) {
            match self.take_over_page(lane, &mut after, Taker::Beside).await {
                Ok(Some(_)) => pace.page_done(&self.stop).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%lane, %error, "not all rows of the lane could be looked at; those wake by themselves");
                    return;
                }
            }
        }
    }

    /// Looks at the next rows of a lane; answers when the last of them wakes.
    async fn take_over_page(
        &self,
        lane: &Lane,
        after: &mut Option<QueuePlace>,
        taker: Taker,
    ) -> Result<Option<Timestamp>, StoreError> {
        let horizon = self.horizon();
        let page = self.house.store.queue(lane, after.as_ref(), PAGE).await?;
        let Some((at, last)) = page.last().and_then(|last| Some((last.wake_at()?, last))) else {
            return Ok(None);
        };
        *after = Some((at, last.id.clone()));
        for row in &page {
            self.note_wall(None, row);
        }
        // What this replica still works at since it last had the duty is not left.
        let at_work = self.lanes[lane].at_work().clone();
        let left = page.iter().filter(|row| !at_work.contains_key(&row.id));
        let left = left.filter_map(|row| Some((row, left_by_the_dead(row, horizon, taker)?)));
        stream::iter(left)
            .for_each_concurrent(SIDE_BY_SIDE, |(row, input)| async move {
                tracing::info!(row = %row.id, ?input, "taken over from the process before");
                self.move_row(row, input).await;
            })
            .await;
        Ok(Some(at))
    }

    /// Counts the grants of the last day. One that a clock was ahead for counts as made now. Where the store is shared it counts itself, and
    /// what is known here is an estimate.
    pub(super) async fn count_grants(&self) -> Result<(), StoreError> {
        let now = self.house.clock.now();
        let day_ago = now - SignedDuration::from_hours(24);
        let mut grants = Grants::default();
        if self.duties.is_shared() {
            for grant in self.house.store.granted(day_ago).await? {
                grants.note(&grant.source, grant.at);
            }
            *self.grants() = grants;
            return Ok(());
        }
        let mut after: Option<EngineerKey> = None;
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for engineer in &page {
                // Of whom HR has only ever said that access ends, nobody was let in.
                if let Release::Granted(at) = engineer.release
                    && at > day_ago
                    && engineer.stated.person.is_some()
                {
                    grants.note(&engineer.stated.cause.event.source, at.min(now));
                }
                if let Some(at) = engineer.widened.filter(|at| *at > day_ago) {
                    grants.note(&engineer.stated.cause.event.source, at.min(now));
                }
            }
        }
        *self.grants() = grants;
        Ok(())
    }

    /// A new reseller account gets its row; a known one is looked at again, since its configuration may have changed. Until that look
    /// has ended its engineers' rows rest.
    pub(super) async fn look_at_reseller(&self, name: ResellerName) -> Result<(), StoreError> {
        let id = EnrollmentId::Reseller(name.clone());
        let Some(row) = self.house.store.enrollment(&id).await? else {
            let now = self.house.clock.now();
            let row = Enrollment::open(id, Goal { want: Want::Present, revision: 0 }, now);
            let change = Change::Enrollment { from: None, row: Box::new(row.clone()) };
            let fences = self.fences_of(&row)?;
            self.commit(Commit { fences, ..Commit::of(now, Actor::Engine, change) }).await?;
            self.learn(&row);
            self.begin_first_look(name);
            return Ok(());
        };
        self.learn(&row);
        self.watch_from_now(&name);
        self.move_row(&row, Input::Recheck).await;
        let is_under_way = {
            let mut known = self.known();
            let is_under_way = known.rows.get(&name).is_some_and(Enrollment::is_under_way);
            is_under_way && known.unseen.insert(name.clone())
        };
        if is_under_way {
            self.begin_first_look(name);
        }
        Ok(())
    }

    /// At a home reseller nobody gets a name.
    fn begin_first_look(&self, name: ResellerName) {
        if self.house.sites.get(&name).is_some_and(|site| !site.reseller.home) {
            self.known().first_looks.begin(name, Instant::now());
        }
    }
}

/// What a row that the process before has left behind is told: its worker is gone, or a clock that was ahead has put it off.
fn left_by_the_dead(row: &Enrollment, horizon: Timestamp, taker: Taker) -> Option<Input> {
    match row.state {
        State::Running { lease_until, .. } => {
            // Beside the work it may be our own; but no lease of ours ends so late.
            let is_left = taker == Taker::Start || lease_until > horizon;
            (is_left && !planted!(LeftRunning)).then_some(Input::Orphaned)
        }
        State::Scheduled { .. } | State::Waiting { .. } | State::Completed | State::Cancelled { .. } => {
            is_put_off(row, horizon).then_some(Input::Nudge)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::At;
    use crate::model::plan::StepName;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn only_a_start_takes_over_a_lease_that_could_be_our_own() {
        let horizon = at(120);
        let here =
            At { step: StepName::Account, attempt: 1, runs: 1, looks: 0, waited_for: None, since: at(0) };
        let running = |until| State::Running { at: here, lease_until: at(until) };
        let scheduled = |due| State::Scheduled { at: here, due: at(due), last: None };
        let check = |state: State, taker, expected: Option<Input>| {
            let goal = Goal { want: Want::Present, revision: 1 };
            let row = Enrollment::open("domain/E-1/nordic-se/a.example".parse().unwrap(), goal, at(0));
            let row = Enrollment { state: state.clone(), ..row };
            assert_eq!(left_by_the_dead(&row, horizon, taker), expected, "{state:?}");
        };
        check(running(2), Taker::Start, Some(Input::Orphaned));
        check(running(2), Taker::Beside, None);
        check(running(121), Taker::Beside, Some(Input::Orphaned));
        check(scheduled(2), Taker::Start, None);
        check(scheduled(121), Taker::Beside, Some(Input::Nudge));
    }
}
