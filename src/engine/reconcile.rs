//! Opens the rows that ought to exist and do not, for one engineer or for all, and wakes what waited for a reseller account. Level-
//! triggered: a lost signal costs latency, never a row. Not here: the question itself (`model/roster`).

use super::pace::Pace;
use super::{Engine, observe};
use crate::model::duty::{Duty, Fence};
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, State, Target, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::Who;
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::plan::StepName;
use crate::model::roster::{Roster, missing};
use crate::model::transition::{Input, apply};
use crate::store::{StoreError, seldom};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Engineers, or rows, read from the store at a time.
pub(super) const PAGE: usize = 200;

/// Engineers, or rows, that are written at once, so that their commits share a sync.
pub(super) const SIDE_BY_SIDE: usize = 32;

/// How long a sweep waits for a store that did not answer.
const BEHIND: Duration = Duration::from_secs(1);

impl Engine {
    /// Asks for an engineer to be looked at soon. Where another replica does that, it reads of it in the ledger.
    pub fn signal(&self, key: &EngineerKey) {
        if self.duties.holds(&Duty::Reconcile) && self.signals.try_send(key.clone()).is_err() {
            self.sweep.notify_one();
        }
    }

    /// Answers signals one by one.
    pub(super) async fn answer_signals(self: Arc<Self>, mut signals: mpsc::Receiver<EngineerKey>) {
        let mut batch = Vec::new();
        loop {
            batch.clear();
            tokio::select! {
                () = self.stop.cancelled() => return,
                count = signals.recv_many(&mut batch, SIDE_BY_SIDE) => if count == 0 { return },
            }
            batch.sort();
            batch.dedup();
            stream::iter(&batch).for_each_concurrent(SIDE_BY_SIDE, |key| self.reconcile_logged(key)).await;
        }
    }

    /// Looks at every engineer at each change of a reseller account, and now and then.
    pub(super) async fn sweep_for_ever(self: Arc<Self>) {
        let mut at_least = tokio::time::interval(self.settings.sweep);
        at_least.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.sweep.notified() => (),
                () = self.catch_up() => (),
                _ = at_least.tick() => {
                    self.recheck_resellers().await;
                    self.watch_licenses();
                    if self.duties.holds(&Duty::Reconcile) {
                        self.watch_two_step();
                    }
                    self.round.notify_one();
                    continue;
                }
            }
            self.sweep_logged(Pace::hurried()).await;
        }
    }

    /// Looks at every engineer each time that it is time to; where there are many, that takes longer than until the next time.
    pub(super) async fn go_round_for_ever(self: Arc<Self>) {
        loop {
            tokio::select! { () = self.stop.cancelled() => return, () = self.round.notified() => () }
            self.sweep_logged(Pace::idle()).await;
        }
    }

    async fn sweep_logged(&self, pace: Pace) {
        let Err(error) = self.sweep_once(pace).await else { return };
        self.behind.notify_one();
        if let Some(kept_back) = seldom::may_tell() {
            tracing::warn!(%error, kept_back, "the sweep was cut short: the store does not answer");
        }
    }

    /// Waits until something was left undone and the store may be back. Lanes look anew then: their rows may have moved unheard.
    async fn catch_up(&self) {
        self.behind.notified().await;
        tokio::time::sleep(BEHIND).await;
        for lane in self.lanes.values() {
            lane.notify.notify_one();
        }
    }

    async fn sweep_once(&self, mut tempo: Pace) -> Result<(), StoreError> {
        self.settle_doubts().await?;
        let resellers: Vec<(ResellerName, bool)> =
            self.known().roster.resellers.iter().map(|(name, status)| (name.clone(), status.ready)).collect();
        let mine = |name: &ResellerName| self.duties.holds(&Duty::Account(name.clone()));
        for (name, _) in resellers.iter().filter(|(name, ready)| *ready && mine(name)) {
            self.wake_waiting(name, &mut tempo).await?;
        }
        self.check_leaders().await?;
        if !self.duties.holds(&Duty::Reconcile) {
            return Ok(());
        }
        let mut after: Option<EngineerKey> = None;
        let (now, mut unopened) = (self.house.clock.now(), 0);
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await?;
            let is_unopened =
                |engineer: &&Engineer| engineer.handover.as_ref().is_some_and(|last| last.is_open(now));
            unopened += u32::try_from(page.iter().filter(is_unopened).count()).unwrap_or(u32::MAX);
            let Some(last) = page.last() else {
                observe::unopened(unopened);
                return Ok(());
            };
            after = Some(last.key.clone());
            stream::iter(&page)
                .for_each_concurrent(SIDE_BY_SIDE, |engineer| self.reconcile_logged(&engineer.key))
                .await;
            // A mail server that is slow holds up nobody's row.
            stream::iter(&page)
                .for_each_concurrent(SIDE_BY_SIDE, |engineer| self.remind_logged(&engineer.key))
                .await;
            tempo.page_done(&self.stop).await;
        }
    }

    /// Looks again at the reseller accounts that one of their rows has put in doubt.
    async fn settle_doubts(&self) -> Result<(), StoreError> {
        let doubted = std::mem::take(&mut self.known().doubted);
        for name in doubted {
            let id = EnrollmentId::Reseller(name);
            if let Some(row) = self.house.store.enrollment(&id).await? {
                self.move_row(&row, Input::Recheck).await;
                self.wake(&row.lane());
            }
        }
        Ok(())
    }

    async fn reconcile_logged(&self, key: &EngineerKey) {
        let looked = async {
            if self.look_at(key).await? {
                self.expose(self.house.store.enrollments_of(key).await?).await;
            }
            Ok::<(), StoreError>(())
        };
        let Err(error) = looked.await else { return };
        self.behind.notify_one();
        if let Some(kept_back) = seldom::may_tell() {
            tracing::warn!(engineer = %key, %error, kept_back, "could not look for missing rows; the next sweep will");
        }
    }

    /// Brings what HR has said for now into force, tells the rows that there are, and opens those that the engineer lacks.
    /// The loops do this by themselves; public for simulations that drive an engine by hand.
    pub async fn reconcile(&self, key: &EngineerKey) -> Result<(), StoreError> {
        self.look_at(key).await.map(drop)
    }

    /// The same; answers whether there are rows of accounts that are not configured any more.
    async fn look_at(&self, key: &EngineerKey) -> Result<bool, StoreError> {
        let Some(engineer) = self.house.store.engineer(key).await? else { return Ok(false) };
        let engineer = match self.turn_page(&engineer).await {
            Ok(turned) => turned.unwrap_or(engineer),
            // Somebody else has turned it, or HR has said more: look again at once.
            Err(StoreError::Conflict) => {
                self.signal(key);
                return Ok(false);
            }
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => return Err(error),
        };
        self.note_moment(&engineer);
        let rows = self.house.store.enrollments_of(key).await?;
        let is_strange =
            |row: &Enrollment| row.id.reseller().is_some_and(|name| !self.house.sites.contains_key(name));
        let has_strangers = rows.iter().any(is_strange);
        self.bring_about(&engineer, rows).await?;
        Ok(has_strangers)
    }

    async fn bring_about(&self, engineer: &Engineer, rows: Vec<Enrollment>) -> Result<(), StoreError> {
        let key = &engineer.key;
        self.lapse(engineer, &rows).await?;
        for row in &rows {
            self.tell(engineer, row).await;
        }
        match self.clear_up(engineer, &rows).await {
            Ok(()) => (),
            Err(StoreError::Conflict) => self.signal(key),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => return Err(error),
        }
        // Access is given to whoever is released; the end of access waits for nobody.
        if engineer.stated.goal.want == Want::Present && !engineer.is_released() {
            return Ok(());
        }
        let rows: BTreeMap<Target, Enrollment> = rows.into_iter().map(|row| (row.id.target(), row)).collect();
        let roster = self.roster();
        self.nudge_letter(engineer, &roster, &rows).await;
        let now = self.house.clock.now();
        let new: Vec<Enrollment> = missing(&roster, engineer, &rows)
            .into_iter()
            .map(|target| self.open(engineer, target, &roster, now))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let lanes: Vec<Lane> = new.iter().map(Enrollment::lane).collect();
        let waiting: Vec<ResellerName> = new
            .iter()
            .filter(|row| row.waits_on(Who::Reseller))
            .filter_map(|row| row.id.reseller().cloned())
            .collect();
        let Ok(fences) = self.duties.fence(&Duty::Reconcile) else { return Ok(()) };
        let domains = new.iter().filter(|row| row.id.domain().is_some()).count();
        // Before anybody can take one of them up.
        self.on_their_way().opened(key, domains);
        let changes =
            new.into_iter().map(|row| Change::Enrollment { from: None, row: Box::new(row) }).collect();
        let opened = self.commit(Commit { fences, ..Commit::new(now, Actor::Engine, changes) }).await;
        if opened.is_err() {
            self.on_their_way().not_opened(key, domains);
        }
        match opened {
            Ok(_) => {
                self.grown.notify_one();
                for lane in &lanes {
                    self.wake(lane);
                }
                // The account may have become ready meanwhile, and the sweep that says so may have passed before the rows were there.
                if waiting.iter().any(|name| self.known().roster.is_ready(name)) {
                    self.sweep.notify_one();
                }
                Ok(())
            }
            // Somebody else opened one of them: look again at once.
            Err(StoreError::Conflict) => {
                self.signal(key);
                Ok(())
            }
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Err(error),
        }
    }

    async fn remind_logged(&self, key: &EngineerKey) {
        let read = async {
            let Some(engineer) = self.house.store.engineer(key).await? else { return Ok(()) };
            self.remind(&engineer, &self.house.store.enrollments_of(key).await?).await;
            Ok::<(), StoreError>(())
        };
        if let Err(error) = read.await
            && let Some(kept_back) = seldom::may_tell()
        {
            tracing::warn!(engineer = %key, %error, kept_back, "could not look for reminders; the next sweep will");
        }
    }

    /// Tells a row what it is to bring about now. A row that is at its goal is not troubled by a revision that changes nothing for it;
    /// whoever waits may wait for just this newer revision, say for a name in Latin letters.
    async fn tell(&self, engineer: &Engineer, row: &Enrollment) {
        let wish = engineer.wish_for(&row.id.target(), self.settings.lead_time);
        let known = row.newest_goal();
        // While a person is asked whether the engineer may have more there is nothing to tell.
        let is_early = row.id.target() == Target::Engineer && engineer.asked.is_some();
        if is_early || !row.takes(&wish) {
            return;
        }
        let has_changed = wish.changes(known, row.id.kind()).next().is_some();
        let is_news =
            wish.goal.want != known.want || has_changed && row.state == State::Completed || !row.is_settled();
        if is_news {
            self.move_row(row, Input::Retargeted(Box::new(wish))).await;
            for lane in row.id.lanes() {
                self.wake(&lane);
            }
        }
    }

    /// A letter that waits for accounts goes out as soon as they have settled; so does the word that access is gone.
    async fn nudge_letter(&self, engineer: &Engineer, roster: &Roster, rows: &BTreeMap<Target, Enrollment>) {
        let Some(row) = rows.get(&Target::Engineer).filter(|row| row.waits_on(Who::Reseller)) else { return };
        let settled = match engineer.stated.goal.want {
            Want::Present => {
                let together = row.state.at().is_some_and(|at| at.step == StepName::Together);
                let is_told = |other: &Enrollment| {
                    other.is_settled() && other.goal.want == Want::Present
                        || !together && other.waits_for_two_step()
                };
                roster.wanted(&engineer.stated.scope).all(|target| rows.get(&target).is_some_and(is_told))
            }
            Want::Absent => rows.values().all(|other| other.id == row.id || other.has_lost_access()),
        };
        if settled {
            self.move_row(row, Input::Nudge).await;
            self.wake(&Lane::House);
        }
    }

    fn open(&self, engineer: &Engineer, target: Target, roster: &Roster, now: Timestamp) -> Enrollment {
        let key = engineer.key.clone();
        let (id, ready) = match target {
            Target::Domain(reseller, domain) => {
                let ready = roster.is_ready(&reseller);
                (EnrollmentId::Domain(key, reseller, domain), ready)
            }
            Target::Engineer => (EnrollmentId::Engineer(key), true),
            Target::Reseller(reseller) => (EnrollmentId::Reseller(reseller), true),
        };
        let row = Enrollment::open(id, engineer.wish(self.settings.lead_time), now);
        if ready || engineer.stated.goal.want == Want::Absent {
            row
        } else {
            row.until_reseller_ready(&self.settings.rules, now)
        }
    }

    /// Wakes the rows that wait for a reseller account which is ready now, leavers first.
    async fn wake_waiting(&self, name: &ResellerName, tempo: &mut Pace) -> Result<(), StoreError> {
        self.wake_lane(Lane::Leaving(name.clone()), tempo).await?;
        self.wake_lane(Lane::Reseller(name.clone()), tempo).await
    }

    async fn wake_lane(&self, lane: Lane, tempo: &mut Pace) -> Result<(), StoreError> {
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        loop {
            let page = self.house.store.queue(&lane, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.wake_at().map(|at| (at, last.id.clone()));
            let waiting = page.iter().filter(|row| waits_for_account(row));
            stream::iter(waiting)
                .for_each_concurrent(SIDE_BY_SIDE, |row| self.move_row(row, Input::Nudge))
                .await;
            tempo.page_done(&self.stop).await;
        }
        self.wake(&lane);
        Ok(())
    }

    /// Looks at finished reseller accounts from the start, once they are old enough.
    async fn recheck_resellers(&self) {
        let now = self.house.clock.now();
        // Each look brings Google's word on the time.
        let jumped = self.house.clock.as_steady().is_some_and(|steady| steady.jumped().is_some());
        let is_doubtful = jumped || !self.house.clock.is_believed();
        let rows: Vec<Enrollment> = self.known().rows.values().cloned().collect();
        let mine = |row: &&Enrollment| self.duties.holds(&Duty::of_lane(&row.lane()));
        for row in rows.iter().filter(|row| row.is_settled()).filter(mine) {
            let old = is_doubtful
                || row.facts.checked_at.is_none_or(|at| now.duration_since(at) >= self.settings.recheck);
            if old {
                self.move_row(row, Input::Recheck).await;
                self.wake(&row.lane());
            }
        }
    }

    /// Applies an input that needs no run. A row that somebody else has moved, or that does not take the input, is left alone.
    pub(super) async fn move_row(&self, row: &Enrollment, input: Input) {
        let fences = self.fences_of(row);
        self.move_fenced(row, input, fences).await;
    }

    /// The same under a lease that may have ended meanwhile.
    pub(super) async fn move_fenced(
        &self,
        row: &Enrollment,
        input: Input,
        fences: Result<Vec<Fence>, StoreError>,
    ) {
        let Ok(moved) = apply(row, input, &self.settings.rules, self.house.clock.now()) else { return };
        let committed = match fences {
            Ok(fences) => self.commit_row(row, &moved.after, Actor::Engine, fences).await,
            Err(error) => Err(error),
        };
        match committed {
            Ok(()) => self.follow(row, &moved),
            Err(StoreError::Conflict) => (),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => {
                if let Some(kept_back) = seldom::may_tell() {
                    tracing::warn!(row = %row.id, %error, kept_back, "the row could not be moved; it is looked at again by itself");
                }
            }
        }
    }
}

/// Whether the row looks again when its reseller account is ready: a leaver waits with the account's trouble as its own, so that people see
/// whose access is open.
fn waits_for_account(row: &Enrollment) -> bool {
    let State::Waiting { on, reason, .. } = &row.state else { return false };
    *on == Who::Reseller || row.goal.want == Want::Absent && reason.code.may_close_account()
}
