//! Which duties this replica holds, and until when: what others ask before they claim a row, commit, or write to Google. A store that one
//! process has for itself is never asked: everything is held for ever.
//! Not here: the calls to the store and what begins and ends with a duty (`tenure`), and who ought to hold what (`model/spread`).

use crate::model::duty::{Duty, Fence, LeaseBook, LeaseCall, ReplicaId};
use crate::model::spread::{Moves, moves};
use crate::planted::planted;
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// One time of holding a duty. Copies are the same time.
#[derive(Clone, Debug)]
pub(super) struct Tenure {
    pub(super) duty: Duty,
    epoch: u64,
    /// By this machine's monotonic clock; none is for ever.
    until: Arc<Mutex<Option<Instant>>>,
    /// Nothing new is begun any more.
    pub(super) closing: CancellationToken,
    /// What is under way ends at its next await.
    pub(super) over: CancellationToken,
    /// What is under way.
    pub(super) tasks: TaskTracker,
}

/// The duties of one replica.
#[derive(Debug)]
pub(super) struct Duties {
    pub(super) replica: ReplicaId,
    /// How long a lease holds.
    pub(super) term: Duration,
    is_shared: bool,
    state: Mutex<State>,
    /// There may be something to ask the store about at once.
    pub(super) moved: Notify,
    stop: CancellationToken,
    cut: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// What this replica can do.
    able: BTreeSet<Duty>,
    held: BTreeMap<Duty, Tenure>,
    /// What it held until its time was over, and the store may still take for its: given up before it is held again.
    lapsed: BTreeSet<Duty>,
    /// What was under way then: it has no effects any more, and what it has brought may still be told while nobody else has the duty.
    dangling: Vec<Tenure>,
    /// What it is to take with the next call.
    wanted: BTreeSet<Duty>,
    free_since: BTreeMap<Duty, Instant>,
    stray: BTreeSet<Duty>,
    /// As the store said last, and when it was asked.
    book: Option<(LeaseBook, Instant)>,
}

/// What an answer of the store has changed.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Begun.
    pub(super) gained: Vec<Tenure>,
    /// Ended; what was under way is cut off.
    pub(super) lost: Vec<Tenure>,
    /// There is more to ask at once.
    pub(super) at_once: bool,
}

/// Who does what, as people are told.
#[derive(Clone, Debug)]
pub struct DutyRoll {
    /// This replica.
    pub replica: ReplicaId,
    /// What it holds.
    pub held: BTreeSet<Duty>,
    /// Who held each duty when the store was asked last.
    pub holders: BTreeMap<Duty, ReplicaId>,
    /// The living, as of then.
    pub living: BTreeSet<ReplicaId>,
    /// How long ago the store was last asked and answered.
    pub age: Duration,
    /// Whether it is heard of by the others.
    pub is_current: bool,
}

impl Tenure {
    /// Whether something new may be begun.
    pub(super) fn is_open(&self) -> bool {
        !self.closing.is_cancelled() && self.is_held()
    }

    /// Whether what is under way may go on.
    pub(super) fn is_held(&self) -> bool {
        !self.over.is_cancelled() && self.until().is_none_or(|until| Instant::now() < until)
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prolong(&self, to: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }

    fn end(&self) {
        self.closing.cancel();
        self.over.cancel();
    }

    fn is_drained(&self) -> bool {
        self.closing.is_cancelled() && self.tasks.is_empty()
    }

    /// The mark of its commits, whether or not it is over.
    fn fence(&self) -> Vec<Fence> {
        self.until().map(|_| Fence { duty: self.duty.clone(), epoch: self.epoch }).into_iter().collect()
    }
}

impl Duties {
    pub(super) fn new(
        replica: ReplicaId,
        term: Duration,
        is_shared: bool,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Arc<Self> {
        let (state, moved) = (Mutex::default(), Notify::new());
        Arc::new(Self { replica, term, is_shared, state, moved, stop, cut })
    }

    /// Whether others share the store.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether no other replica takes events.
    pub(super) fn is_alone(&self) -> bool {
        let is_other = |id: &ReplicaId| *id != self.replica;
        !self.is_shared
            || self.state().book.as_ref().is_some_and(|(book, _)| !book.living.keys().any(is_other))
    }

    /// What this replica can do; where nobody shares the store all of it is held from now on.
    pub(super) fn begin(&self, able: BTreeSet<Duty>) -> Vec<Tenure> {
        let mut state = self.state();
        if !self.is_shared {
            for duty in &able {
                let tenure = self.tenure(duty, LeaseBook::SOLE_EPOCH, None);
                state.held.insert(duty.clone(), tenure);
            }
        }
        state.able = able;
        state.held.values().cloned().collect()
    }

    /// Whether this replica is the one to begin something of the duty now.
    pub(super) fn holds(&self, duty: &Duty) -> bool {
        !self.is_shared || self.state().held.get(duty).is_some_and(Tenure::is_open)
    }

    /// Whether what is under way of the duty may still have effects.
    pub(super) fn may_write(&self, duty: &Duty) -> bool {
        !self.is_shared
            || self.state().held.get(duty).is_some_and(Tenure::is_held)
            || planted!(WritesAfterTheLease)
    }

    /// The mark of a commit that only the holder of the duty may make. `Conflict` if that is not this replica any more.
    pub(super) fn fence(&self, duty: &Duty) -> Result<Vec<Fence>, StoreError> {
        if !self.is_shared {
            return Ok(Vec::new());
        }
        let state = self.state();
        let held = state.held.get(duty).filter(|tenure| tenure.is_held());
        held.map(Tenure::fence).ok_or(StoreError::Conflict)
    }

    /// The same under any of several duties, the first that is held.
    pub(super) fn fence_of_one(&self, duties: &[&Duty]) -> Result<Vec<Fence>, StoreError> {
        let held = duties.iter().find_map(|duty| self.fence(duty).ok());
        held.ok_or(StoreError::Conflict)
    }

    /// The mark of a duty that is held or was until a moment ago, for giving back what is cut off.
    pub(super) fn last_fence(&self, duty: &Duty) -> Vec<Fence> {
        self.state().held.get(duty).map(Tenure::fence).unwrap_or_default()
    }

    /// What the store is asked next. After the stop nothing new is wanted, and when the last work has ended, this replica leaves.
    pub(super) fn next_call(&self) -> LeaseCall {
        let state = self.state();
        let alive = LeaseCall::alive(self.replica.clone(), self.term);
        let drained = |tenure: &Tenure| tenure.is_drained();
        if self.stop.is_cancelled() && state.held.values().all(drained) {
            return LeaseCall { leaves: true, ..alive };
        }
        let (over, kept): (Vec<_>, Vec<_>) = state.held.iter().partition(|(_, tenure)| drained(tenure));
        let mut gives_up = state.lapsed.clone();
        gives_up.extend(over.into_iter().map(|(duty, _)| duty.clone()));
        let mut wants: BTreeSet<Duty> = kept.into_iter().map(|(duty, _)| duty.clone()).collect();
        if !self.stop.is_cancelled() {
            wants.extend(state.wanted.iter().cloned());
        }
        LeaseCall { gives_up, wants, ..alive }
    }

    /// Takes in what the store answered to a call that was sent then.
    pub(super) fn take_in(&self, call: &LeaseCall, book: LeaseBook, sent: Instant) -> Turn {
        let mut state = self.state();
        let mut turn = Turn::default();
        let lapsed = Self::lapse(&mut state);
        for duty in &call.gives_up {
            state.lapsed.remove(duty);
            if let Some(tenure) = state.held.remove(duty) {
                turn.lost.push(tenure);
            }
        }
        let until = sent + self.term;
        for duty in &call.wants {
            let lease = book.leases.get(duty).filter(|lease| lease.holder == self.replica);
            let epoch = lease.map(|lease| lease.epoch);
            let is_same = state.held.get(duty).map(|tenure| Some(tenure.epoch) == epoch);
            match (epoch, is_same) {
                (_, Some(true)) => state.held[duty].prolong(until),
                // Its time was over before the answer came: the next call gives it up.
                (Some(_), None) if state.lapsed.contains(duty) => (),
                (epoch, _) => {
                    turn.lost.extend(state.held.remove(duty));
                    if let Some(epoch) = epoch {
                        let tenure = self.tenure(duty, epoch, Some(until));
                        state.held.insert(duty.clone(), tenure.clone());
                        turn.gained.push(tenure);
                    }
                }
            }
        }
        // A call that was given up may have been carried out late.
        let unknown = book.leases.iter().filter(|(_, lease)| lease.holder == self.replica);
        let unknown = unknown.map(|(duty, _)| duty).filter(|duty| !state.held.contains_key(*duty));
        let unknown: Vec<Duty> = unknown.cloned().collect();
        state.lapsed.extend(unknown);
        turn.lost.iter().for_each(Tenure::end);
        turn.lost.extend(lapsed);
        state.cut_dangling(&self.replica, &book);
        state.decide(&self.replica, &book, sent, self.term);
        state.book = Some((book, sent));
        turn.at_once = !state.lapsed.is_empty()
            || !self.stop.is_cancelled() && !state.wanted.is_empty()
            || state.held.values().any(Tenure::is_drained);
        turn
    }

    /// Ends what has not been renewed in time.
    pub(super) fn end_lapsed(&self) -> Vec<Tenure> {
        Self::lapse(&mut self.state())
    }

    fn lapse(state: &mut State) -> Vec<Tenure> {
        let is_over = |tenure: &Tenure| !tenure.over.is_cancelled() && !tenure.is_held();
        let over: Vec<Duty> =
            state.held.iter().filter(|(_, tenure)| is_over(tenure)).map(|(duty, _)| duty.clone()).collect();
        state.lapsed.extend(over.iter().cloned());
        let over: Vec<Tenure> = over.iter().filter_map(|duty| state.held.remove(duty)).collect();
        for tenure in &over {
            tenure.closing.cancel();
            if planted!(LapsedIsCut) {
                tenure.over.cancel();
            }
        }
        state.dangling.extend(over.iter().cloned());
        over
    }

    /// When the first of what is held ends, if it is not renewed.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.state().held.values().filter_map(Tenure::until).min()
    }

    /// When to ask again, where it was asked last at a time: a third of the term later, or when the first lease of another's ends.
    pub(super) fn ask_again(&self, sent: Instant) -> Instant {
        let state = self.state();
        let of_others = state.book.iter().flat_map(|(book, asked)| {
            let theirs = book.leases.values().filter(|lease| lease.holder != self.replica);
            theirs.filter_map(|lease| asked.checked_add(lease.left))
        });
        let third = sent + self.term / 3;
        of_others.min().map_or(third, |end| third.min(end.max(sent + self.term / 30)))
    }

    /// Who does what, as far as is known; none where nobody shares the store.
    pub(super) fn roll(&self) -> Option<DutyRoll> {
        let state = self.state();
        if !self.is_shared {
            return None;
        }
        let held = state.held.values().filter(|tenure| tenure.is_held());
        let held = held.map(|tenure| tenure.duty.clone()).collect();
        let (book, age) = match &state.book {
            Some((book, asked)) => (book.clone(), asked.elapsed()),
            None => (LeaseBook::default(), Duration::ZERO),
        };
        Some(DutyRoll {
            replica: self.replica.clone(),
            held,
            holders: book.leases.into_iter().map(|(duty, lease)| (duty, lease.holder)).collect(),
            living: book.living.into_keys().collect(),
            age,
            is_current: age < self.term,
        })
    }

    fn tenure(&self, duty: &Duty, epoch: u64, until: Option<Instant>) -> Tenure {
        Tenure {
            duty: duty.clone(),
            epoch,
            until: Arc::new(Mutex::new(until)),
            closing: self.stop.child_token(),
            over: self.cut.child_token(),
            tasks: TaskTracker::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What others have taken meanwhile is cut off.
    fn cut_dangling(&mut self, me: &ReplicaId, book: &LeaseBook) {
        self.dangling.retain(|tenure| {
            let is_anothers = book.leases.get(&tenure.duty).is_some_and(|lease| lease.holder != *me);
            if is_anothers {
                tenure.end();
            }
            !is_anothers && !tenure.tasks.is_empty()
        });
    }

    /// What is to be taken with the next call, and what is to come to its end.
    fn decide(&mut self, me: &ReplicaId, book: &LeaseBook, now: Instant, term: Duration) {
        let is_free = |duty: &&Duty| !book.leases.contains_key(*duty);
        let free: BTreeSet<Duty> = self.able.iter().filter(is_free).cloned().collect();
        self.free_since.retain(|duty, _| free.contains(duty));
        for duty in free {
            let since = *self.free_since.entry(duty.clone()).or_insert(now);
            if now.duration_since(since) > term {
                self.stray.insert(duty);
            }
        }
        self.stray.retain(|duty| self.held.contains_key(duty) || self.free_since.contains_key(duty));
        let Moves { take, give_up } = moves(&self.able, &self.stray, book, me);
        for duty in give_up {
            if let Some(tenure) = self.held.get(&duty) {
                tenure.closing.cancel();
            }
        }
        self.wanted = take;
    }
}
