//! What begins and ends with a duty. On a store that is shared one loop keeps the leases: it says that this replica lives, takes what is
//! meant for it and gives up what it has too much of, once the work in hand is done. Whoever gets a duty takes over what its last holder
//! left running, looks at the account, and drives; when its time is over, everything under way is cut off.
//! Not here: what is held (`duties`), and what others write meanwhile (`follow`).

use super::duties::{Tenure, Turn};
use super::outcomes::OutcomeSink;
use super::{Engine, Running, observe};
use crate::model::duty::{Duty, LeaseCall};
use crate::model::entry::{Actor, Change, Commit, Position};
use crate::planted::planted;
use crate::store::{StoreError, seldom};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The bookmark by which the others hear at once that a duty is free: there is nothing to remember in it.
pub(super) const FREED: &str = "duties";

/// How long to wait for a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Keeps this replica's leases until the stop, and until what is under way then has ended; and leaves.
    pub(super) async fn keep_duties(self: Arc<Self>, sink: Option<Arc<dyn OutcomeSink>>) {
        loop {
            if !self.hands_out() {
                self.pulse.beat();
            }
            let call = self.duties.next_call();
            let sent = Instant::now();
            let at_once = match self.ask_for_leases(&call).await {
                Ok(turn) => {
                    let at_once = turn.at_once;
                    self.turn_over(turn, sink.as_ref());
                    if call.leaves || !call.gives_up.is_empty() {
                        self.say_that_it_is_free().await;
                    }
                    at_once
                }
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(%error, kept_back, "the leases could not be renewed");
                    }
                    false
                }
            };
            if call.leaves {
                return;
            }
            if !at_once {
                self.wait_for_leases(sent).await;
            }
        }
    }

    /// Whether a lane has to come round here. Only then does its own loop beat; and only then must nothing else beat for it.
    fn hands_out(&self) -> bool {
        self.lanes.keys().any(|lane| self.duties.holds(&Duty::of_lane(lane)))
    }

    async fn ask_for_leases(&self, call: &LeaseCall) -> Result<Turn, StoreError> {
        let sent = Instant::now();
        let answer = tokio::time::timeout(self.duties.term / 3, self.house.store.lease(call));
        tokio::pin!(answer);
        let book = loop {
            let first_end = self.duties.first_end();
            let lapses = async {
                match first_end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                () = lapses => self.end_lapsed(),
            }
        };
        let late = |_| StoreError::Unavailable("no answer in time".to_owned());
        Ok(self.duties.take_in(call, book.map_err(late)??, sent))
    }

    async fn wait_for_leases(&self, sent: Instant) {
        let (again, is_stopping) = (self.duties.ask_again(sent), self.stop.is_cancelled());
        loop {
            let end = self.duties.first_end().filter(|end| *end < again);
            tokio::select! {
                () = self.duties.moved.notified() => return,
                () = self.stop.cancelled(), if !is_stopping => return,
                () = tokio::time::sleep_until(end.unwrap_or(again)) => (),
            }
            if end.is_none() {
                return;
            }
            self.end_lapsed();
        }
    }

    fn end_lapsed(&self) {
        for tenure in self.duties.end_lapsed() {
            self.lost(&tenure);
        }
    }

    fn turn_over(self: &Arc<Self>, turn: Turn, sink: Option<&Arc<dyn OutcomeSink>>) {
        for tenure in &turn.lost {
            self.lost(tenure);
        }
        for tenure in turn.gained {
            tracing::info!(duty = %tenure.duty, replica = %self.duties.replica, "the duty is this replica's");
            let (engine, sink, mine) = (Arc::clone(self), sink.cloned(), tenure.clone());
            self.run_under(&tenure, async move { engine.take_up_for_sure(mine, sink).await });
        }
    }

    /// What was known only to the holder is known no more.
    fn lost(&self, tenure: &Tenure) {
        tracing::info!(duty = %tenure.duty, replica = %self.duties.replica, "the duty is this replica's no more");
        match &tenure.duty {
            Duty::Account(name) => {
                self.walls().forget(name);
                let mut known = self.known();
                known.unseen.remove(name);
                known.first_looks.end(name);
            }
            Duty::Reconcile => self.agenda().clear(),
            Duty::House | Duty::Outcomes => (),
        }
    }

    async fn say_that_it_is_free(&self) {
        if planted!(FreedUnheard) {
            return;
        }
        let change = Change::Bookmark { reader: FREED.to_owned(), position: Position::default() };
        let said = self.commit(Commit::of(self.house.clock.now(), Actor::Engine, change)).await;
        if let Err(error) = said {
            tracing::info!(%error, "the others find out by themselves that a duty is free");
        }
    }

    async fn take_up_for_sure(self: Arc<Self>, tenure: Tenure, sink: Option<Arc<dyn OutcomeSink>>) {
        while tenure.is_open() {
            // No lane comes round before its duty is taken up: each try has the pulse's whole time.
            self.pulse.beat();
            match self.take_up(&tenure.duty).await {
                Ok(()) => return self.go_on(&tenure, sink),
                Err(error) => {
                    if let Some(kept_back) = seldom::may_tell() {
                        tracing::warn!(duty = %tenure.duty, %error, kept_back, "the duty cannot be taken up yet");
                    }
                    tokio::select! { () = tenure.closing.cancelled() => (), () = tokio::time::sleep(STORE_PAUSE) => () }
                }
            }
        }
    }

    /// Takes over what the last holder has left.
    pub(super) async fn take_up(self: &Arc<Self>, duty: &Duty) -> Result<(), StoreError> {
        if let Duty::Account(name) = duty {
            self.walls().forget(name);
        }
        for lane in duty.lanes() {
            self.take_over(&lane).await?;
        }
        match duty {
            Duty::Account(name) => self.look_at_reseller(name.clone()).await,
            Duty::Reconcile => {
                self.sweep.notify_one();
                Ok(())
            }
            Duty::House | Duty::Outcomes => Ok(()),
        }
    }

    /// Starts the loops of a duty that was taken up.
    pub(super) fn go_on(self: &Arc<Self>, tenure: &Tenure, sink: Option<Arc<dyn OutcomeSink>>) {
        for lane in tenure.duty.lanes() {
            self.run_under(tenure, Arc::clone(self).drive(lane, tenure.clone()));
        }
        if let (Duty::Outcomes, Some(sink)) = (&tenure.duty, sink) {
            self.run_under(tenure, Arc::clone(self).publish_for_ever(sink, tenure.clone()));
        }
    }

    /// Starts a loop that is meant to run as long as the duty is held.
    fn run_under(self: &Arc<Self>, tenure: &Tenure, body: impl Future<Output = ()> + Send + 'static) {
        let running = Running::begin(self, Some(tenure.closing.clone()));
        self.spawn_under(tenure, async move {
            body.await;
            running.ended_well();
        });
    }

    /// What is under way of a duty: it is waited for before the duty is given up, and cut off when its time is over.
    pub(super) fn spawn_under(
        self: &Arc<Self>,
        tenure: &Tenure,
        body: impl Future<Output = ()> + Send + 'static,
    ) {
        let (over, closing, engine) = (tenure.over.clone(), tenure.closing.clone(), Arc::clone(self));
        let tracked = tenure.tasks.track_future(async move {
            tokio::select! { biased; () = over.cancelled() => (), () = body => () }
        });
        self.spawn(async move {
            tracked.await;
            if closing.is_cancelled() {
                engine.duties.moved.notify_one();
            }
        });
    }

    /// Frees everything at once, when this replica goes and what it had under way was cut off.
    pub(super) async fn leave(&self) {
        if !self.duties.is_shared() {
            return;
        }
        let alive = LeaseCall::alive(self.duties.replica.clone(), self.duties.term);
        match self.house.store.lease(&LeaseCall { leaves: true, ..alive }).await {
            Ok(_) => self.say_that_it_is_free().await,
            Err(error) => tracing::warn!(%error, "the leases are not given back; they end by themselves"),
        }
    }

    /// Who does what, as far as is known here; none where nobody shares the store.
    pub fn duties(&self) -> Option<super::DutyRoll> {
        self.duties.roll()
    }
}

/// Sets the gauges of the duties.
pub(super) fn gauge(engine: &Engine) {
    if let Some(roll) = engine.duties() {
        observe::duties(roll.held.len(), roll.living.len(), roll.age);
    }
}
