//! The lane's loop: starts the due rows that can go on now, as many as it has workers, and moves each until it has to wait. Between looks
//! it sleeps until the next `wake_at`, until a turn at Google's limits comes, or until somebody wakes it. A stuck lane costs the others
//! nothing. Not here: which of the due rows start (`choose`), running a step (`run`), and what is missing (`reconcile`).

use super::Engine;
use super::choose::{Busy, Candidate, Choice, Need, Progress, Scene, Urgency, choose};
use super::dated::is_dated;
use super::duties::Tenure;
use super::first_looks::is_about_a_name;
use super::run::Work;
use crate::google::{Quota, Supply, Tickets, Turn};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::transition::Input;
use crate::steps::{self, Cost, Outlook};
use crate::store::{StoreError, seldom};
use crate::trace::Span;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The longest sleep of a lane: nobody's signal is relied on for ever.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How long a lane waits for a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Rows with a date that are passed over while the clock is not believed.
const DATED_MAX: usize = 10_000;

/// Rows at each step that are looked at for each free worker, so that the most urgent go first.
const CHOICE: usize = 4;

/// Rows at each step that are looked at however few workers are free, and however many: whoever is left is looked at next.
const CHOICE_BOUNDS: (usize, usize) = (16, 64);

/// The shortest sleep before a turn that is about to come.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// How long a row waits for a turn that a list took first.
const TAKEN_MEANWHILE: Duration = Duration::from_millis(100);

/// A lane with so many rows at work looks once for all whose work ends within a moment: a look costs as much as some steps do.
const BUSY: usize = 8;

/// That moment.
const GATHER: Duration = Duration::from_millis(5);

/// The right to be at work, in the lane and in all.
struct Worker {
    _lane: OwnedSemaphorePermit,
    _all: Option<OwnedSemaphorePermit>,
}

/// What a row may start its next step with: turns at Google's limits, if it takes any.
#[derive(Clone, Debug, Default)]
pub(super) struct Pass(Option<Arc<Tickets>>);

impl Pass {
    /// Does work that may use these turns; those that nobody uses go back with the last copy.
    pub(super) async fn spend_in<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.0 {
            Some(tickets) => tickets.spend_in(work).await,
            None => work.await,
        }
    }

    fn covers(&self, turns: &[Turn]) -> bool {
        turns.is_empty() || self.0.as_ref().is_some_and(|tickets| tickets.cover(turns))
    }
}

/// What came of a look.
struct Picked {
    /// The rows that start.
    rows: Vec<(Enrollment, Pass)>,
    /// When the look was.
    at: Timestamp,
    /// When to look again, if nothing happens before.
    look_again: Option<Duration>,
}

/// What a lane's last look left behind.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Turns that somebody waits for.
    lacking: BTreeSet<Turn>,
    /// Whether somebody is due who did not start.
    some: bool,
}

impl Engine {
    /// Drives one lane until the stop, or until its duty goes to another replica.
    pub(super) async fn drive(self: Arc<Self>, lane: Lane, tenure: Tenure) {
        let workers = Arc::new(Semaphore::new(self.settings.permits));
        loop {
            self.pulse.beat();
            let worker = tokio::select! {
                biased;
                () = tenure.closing.cancelled() => return,
                worker = self.worker(&lane, &workers) => worker,
            };
            if self.lanes[&lane].at_work().len() >= BUSY {
                tokio::time::sleep(GATHER).await;
            }
            match self.pick(&lane, workers.available_permits() + 1).await {
                Ok(picked) if picked.rows.is_empty() => {
                    drop(worker);
                    self.sleep(&lane, &tenure, &picked).await;
                }
                Ok(picked) => self.hand_out(&lane, &tenure, picked.rows, worker, &workers),
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(%lane, %error, kept_back, "the lane pauses: the store does not answer");
                    }
                    drop(worker);
                    tokio::select! { () = tenure.closing.cancelled() => (), () = tokio::time::sleep(STORE_PAUSE) => () }
                }
            }
        }
    }

    /// Waits for a worker. Whoever takes access away needs one of the lane's only: its end is held up by no other lane's work.
    async fn worker(&self, lane: &Lane, workers: &Arc<Semaphore>) -> Worker {
        let permit = |from: &Arc<Semaphore>| Arc::clone(from).acquire_owned();
        let own = permit(workers).await.expect("the lane never closes its permits");
        let all = match lane {
            Lane::Leaving(_) => None,
            Lane::Reseller(_) | Lane::House => {
                Some(permit(&self.in_flight).await.expect("nobody closes these permits"))
            }
        };
        Worker { _lane: own, _all: all }
    }

    /// Another one, if it is there now.
    fn another_worker(&self, lane: &Lane, workers: &Arc<Semaphore>) -> Option<Worker> {
        let own = Arc::clone(workers).try_acquire_owned().ok()?;
        let all = match lane {
            Lane::Leaving(_) => None,
            Lane::Reseller(_) | Lane::House => Some(Arc::clone(&self.in_flight).try_acquire_owned().ok()?),
        };
        Some(Worker { _lane: own, _all: all })
    }

    /// The rows that start now, each with its turns.
    async fn pick(&self, lane: &Lane, free: usize) -> Result<Picked, StoreError> {
        let now = self.house.clock.now();
        let mut rows = self.due(lane, free, now).await?;
        let names_wait = self.known().first_looks.names_wait(Instant::now());
        if names_wait.is_some() {
            rows.retain(|row| !is_about_a_name(row));
        }
        if rows.is_empty() {
            *self.lanes[lane].left() = Left { lacking: self.kept(lane), some: false };
            return Ok(Picked { rows: Vec::new(), at: now, look_again: names_wait });
        }
        let Choice { start, lacking, leaves_some, look_again } = self.choose(lane, &rows, free, now);
        *self.lanes[lane].left() = Left { lacking, some: leaves_some };
        let chosen = start.len();
        let mut rows: Vec<Option<Enrollment>> = rows.into_iter().map(Some).collect();
        let rows: Vec<(Enrollment, Pass)> = start
            .into_iter()
            .filter_map(|index| rows.get_mut(index)?.take())
            .filter_map(|row| self.pass(&row).map(|pass| (row, pass)))
            .collect();
        let look_again = if rows.len() < chosen { Some(TAKEN_MEANWHILE) } else { look_again };
        let look_again = look_again.into_iter().chain(names_wait).min();
        Ok(Picked { rows, at: now, look_again })
    }

    /// The due rows that nobody is at work on. Before the first look at a reseller account has ended, none but the account's own row.
    async fn due(&self, lane: &Lane, free: usize, now: Timestamp) -> Result<Vec<Enrollment>, StoreError> {
        let state = &self.lanes[lane];
        let is_believed = self.house.clock.is_believed();
        let mut rows = if let Some(id) = self.unseen(lane) {
            let row = self.house.store.enrollment(&id).await?;
            row.filter(|row| row.wake_at().is_some_and(|at| at <= now)).into_iter().collect()
        } else {
            let dated = if is_believed { 0 } else { DATED_MAX };
            let listed = |busy: &&Busy| busy.wake.is_some_and(|wake| wake <= now);
            let listed = state.at_work().values().filter(listed).count();
            let limit = (free * CHOICE).clamp(CHOICE_BOUNDS.0, CHOICE_BOUNDS.1) + listed + dated;
            self.house.store.due(lane, now, limit).await?
        };
        let at_work = state.at_work();
        rows.retain(|row| !at_work.contains_key(&row.id) && (is_believed || !is_dated(row)));
        Ok(rows)
    }

    fn choose(&self, lane: &Lane, rows: &[Enrollment], workers: usize, now: Timestamp) -> Choice {
        let account = rows.first().and_then(|row| self.account_of(row));
        let candidate = |row| Candidate {
            urgency: Urgency::of(row, now),
            progress: Progress::of(row),
            need: self.need(row, account.as_ref(), now),
        };
        let due: Vec<Candidate> = rows.iter().map(candidate).collect();
        let at_work: Vec<Busy> = self.lanes[lane].at_work().values().cloned().collect();
        let supply = self.supply(lane, &due);
        choose(Scene { due: &due, at_work: &at_work, supply, kept: self.kept(lane), workers })
    }

    /// Turns that are left to those who leave.
    fn kept(&self, lane: &Lane) -> BTreeSet<Turn> {
        match lane {
            Lane::Reseller(name) => {
                let leaving = self.lanes.get(&Lane::Leaving(name.clone()));
                leaving.map(|state| state.left().lacking.clone()).unwrap_or_default()
            }
            Lane::Leaving(_) | Lane::House => BTreeSet::new(),
        }
    }

    /// What there is of every turn that somebody names.
    fn supply(&self, lane: &Lane, due: &[Candidate]) -> BTreeMap<Turn, Supply> {
        let site = match lane {
            Lane::Reseller(name) | Lane::Leaving(name) => self.house.sites.get(name),
            Lane::House => None,
        };
        let Some(site) = site else { return BTreeMap::new() };
        let named = due.iter().flat_map(|row| match &row.need {
            Need::Turns { now, soon } => now.iter().chain(soon).cloned().collect(),
            Need::List { .. } => Vec::new(),
        });
        let named: BTreeSet<Turn> = named.collect();
        named.into_iter().map(|turn| (turn.clone(), site.google.supply(&turn))).collect()
    }

    /// What a row needs to start the step that is next.
    fn need(&self, row: &Enrollment, account: Option<&Enrollment>, now: Timestamp) -> Need {
        match self.cost(row, account, now) {
            Cost::Turns { now, soon } => Need::Turns { now: turns(row, now), soon: turns(row, soon) },
            Cost::List { is_at_hand, gather } => {
                let waited = row.wake_at().map_or(SignedDuration::ZERO, |due| now.duration_since(due));
                let gathers = Duration::try_from(gather - waited).unwrap_or(Duration::ZERO);
                Need::List { is_at_hand, gathers }
            }
        }
    }

    fn cost(&self, row: &Enrollment, account: Option<&Enrollment>, now: Timestamp) -> Cost {
        let step = row.next_step().and_then(|step| steps::find(row.id.kind(), step));
        let Some(step) = step else { return Cost::Turns { now: &[], soon: &[] } };
        let site = row.id.reseller().and_then(|name| self.house.sites.get(name));
        (step.cost)(&Outlook { site, account, row, now })
    }

    /// The row of the reseller account that a row belongs to.
    fn account_of(&self, row: &Enrollment) -> Option<Enrollment> {
        row.id.reseller().and_then(|name| self.known().rows.get(name).cloned())
    }

    /// The turns that the row's next step takes, if all of them are there now.
    fn pass(&self, row: &Enrollment) -> Option<Pass> {
        let cost = self.cost(row, self.account_of(row).as_ref(), self.house.clock.now());
        let Cost::Turns { now, .. } = cost else { return Some(Pass::default()) };
        let site = row.id.reseller().and_then(|name| self.house.sites.get(name));
        match site.filter(|_| !now.is_empty()) {
            Some(site) => site.google.take(turns(row, now)).map(|tickets| Pass(Some(Arc::new(tickets)))),
            None => Some(Pass::default()),
        }
    }

    /// What a row that is at work goes on with to its next step: what it has left, if that is enough. None where it has to wait, or others
    /// wait for the same.
    pub(super) fn pass_on(&self, row: &Enrollment, left: Pass) -> Option<Pass> {
        // An account's own leavers have no lane where the account is not configured any more.
        let Some(state) = self.lanes.get(&row.lane()) else { return Some(Pass::default()) };
        match self.need(row, self.account_of(row).as_ref(), self.house.clock.now()) {
            Need::Turns { now, .. } if left.covers(&now) => Some(left),
            Need::Turns { now, .. } => {
                drop(left);
                let others_wait = now.iter().any(|turn| state.left().lacking.contains(turn));
                if others_wait { None } else { self.pass(row) }
            }
            Need::List { is_at_hand: true, .. } => Some(Pass::default()),
            Need::List { is_at_hand: false, .. } => {
                let progress = Progress::of(row);
                let is_alone = !state.left().some
                    && state.at_work().iter().all(|(id, busy)| {
                        *id == row.id || busy.progress != progress && !busy.progress.is_before(progress)
                    });
                is_alone.then(Pass::default)
            }
        }
    }

    /// Notes what a row at work does now.
    pub(super) fn note_at_work(&self, row: &Enrollment) {
        let Some(state) = self.lanes.get(&row.lane()) else { return };
        let busy = self.busy(row);
        if let Some(noted) = state.at_work().get_mut(&row.id) {
            *noted = busy;
        }
    }

    fn busy(&self, row: &Enrollment) -> Busy {
        let soon = match self.need(row, self.account_of(row).as_ref(), self.house.clock.now()) {
            Need::Turns { soon, .. } => soon,
            Need::List { .. } => Vec::new(),
        };
        Busy { progress: Progress::of(row), soon, wake: row.wake_at() }
    }

    fn hand_out(
        self: &Arc<Self>,
        lane: &Lane,
        tenure: &Tenure,
        rows: Vec<(Enrollment, Pass)>,
        first: Worker,
        workers: &Arc<Semaphore>,
    ) {
        let mut first = Some(first);
        for (row, pass) in rows {
            let Some(worker) = first.take().or_else(|| self.another_worker(lane, workers)) else {
                return;
            };
            let place = AtWork::enter(self, lane, &row);
            let (engine, mine) = (Arc::clone(self), tenure.clone());
            self.spawn_under(tenure, async move {
                engine.work(row, Some(&mine), pass).await;
                drop(place);
                drop(worker);
            });
        }
    }

    /// Moves one row until it has to wait.
    pub(super) async fn work(&self, row: Enrollment, tenure: Option<&Tenure>, pass: Pass) {
        let mut work = Work::new(self, tenure, row, pass);
        let (mut input, mut span) = (Input::Wake, Span::default());
        while let Some(step) = span.run(work.commit(input)).await {
            span = work.span(step);
            input = Input::Reported(span.run(work.run(step)).await);
            span.end();
        }
    }

    /// The row that comes before all others of the lane.
    fn unseen(&self, lane: &Lane) -> Option<EnrollmentId> {
        let Lane::Reseller(name) = lane else { return None };
        self.known().unseen.contains(name).then(|| EnrollmentId::Reseller(name.clone()))
    }

    /// When the next row becomes due that is not due yet; those that are were looked at.
    async fn next_wake(&self, lane: &Lane, looked_at: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        if let Some(id) = self.unseen(lane) {
            return Ok(self.house.store.enrollment(&id).await?.and_then(|row| row.wake_at()));
        }
        let any: EnrollmentId = "reseller/any".parse().expect("a row's id");
        let looked_at = (looked_at - SignedDuration::from_nanos(1), any);
        let next = self.house.store.queue(lane, Some(&looked_at), 1).await?;
        Ok(next.first().and_then(Enrollment::wake_at))
    }

    async fn sleep(&self, lane: &Lane, tenure: &Tenure, picked: &Picked) {
        let now = self.house.clock.now();
        let limit = now + LOOK_AGAIN;
        let next = self.next_wake(lane, picked.at).await.ok().flatten().unwrap_or(limit);
        // A due row that somebody is at work on must not make the lane spin.
        // Nor must one that waits until the clock is believed.
        let least = if self.house.clock.is_believed() { 5 } else { 1_000 };
        let until = next.clamp(now + SignedDuration::from_millis(least), limit);
        let turn = async {
            match picked.look_again {
                Some(wait) => tokio::time::sleep(wait.max(LEAST_WAIT)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tenure.closing.cancelled() => (),
            () = self.lanes[lane].notify.notified() => (),
            () = self.house.clock.sleep_until(until) => (),
            () = turn => (),
        }
    }
}

/// The turns of a row's calls.
fn turns(row: &Enrollment, quotas: &[Quota]) -> Vec<Turn> {
    quotas.iter().map(|quota| quota.turn(row.id.domain())).collect()
}

/// A row's place among those at work; leaving wakes the lane, whatever way the work ended.
struct AtWork {
    engine: Arc<Engine>,
    lane: Lane,
    id: EnrollmentId,
}

impl AtWork {
    fn enter(engine: &Arc<Engine>, lane: &Lane, row: &Enrollment) -> Self {
        let busy = engine.busy(row);
        engine.lanes[lane].at_work().insert(row.id.clone(), busy);
        Self { engine: Arc::clone(engine), lane: lane.clone(), id: row.id.clone() }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.engine.lanes[&self.lane].at_work().remove(&self.id);
        self.engine.wake(&self.lane);
    }
}
