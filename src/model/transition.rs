//! How one row moves: `apply` spells out every (state, input) pair. No clock, no chance, no I/O: all are arguments.
//! Not here: who commits the result and who carries out the effect (`engine/drive`).

mod rejected;

pub use rejected::Rejected;

use super::enrollment::{At, Enrollment, EnrollmentId, Facts, PUT_OFF_MAX, State, TargetKind, Want, Wish};
use super::failure::{Failure, FailureCode, FailureKind, Who};
use super::plan::{StepName, may_be_skipped, plan};
use super::rules::{Rules, later};
use super::sealed::Sealed;
use super::take_over::{adopt, called_off, leaving, take_over};
use super::word::{Subject, Word};
use crate::planted::planted;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// What can happen to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The time in `wake_at` has come.
    Wake,
    /// The process that ran the step is known to be gone, before its lease is over.
    Orphaned,
    /// The run was cut off because carepass stops or takes up another configuration: nobody's failure.
    CalledOff,
    /// The run we started has ended.
    Reported(Result<Ensured, Failure>),
    /// What the row waits for may have changed: look now.
    Nudge,
    /// The row is to be looked at from the start once more.
    Recheck,
    /// HR or the configuration wants something else.
    Retargeted(Box<Wish>),
    /// A person decided.
    Ordered(Order),
}

/// What a step found or made: the fact holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ensured {
    /// Whether this run wrote something.
    pub made: bool,
    /// Other steps of the plan whose facts hold by the same act: an insert makes the account, its password and its name at once.
    pub also: BTreeSet<StepName>,
    /// What was learned.
    pub facts: Box<Facts>,
}

/// An operator's decision about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Try now, with all attempts again.
    Retry,
    /// Take the current step as done.
    Skip,
    /// Use this account of the engineer's own, at a home reseller.
    Adopt {
        /// Its address, sealed.
        account: Sealed,
    },
    /// Set a new first password, unless somebody has signed in; on the engineer-wide row: hand over once more and say so.
    Reissue,
    /// End the row.
    Cancel {
        /// The operator's words.
        reason: String,
    },
    /// What the row asks for was done: it goes into the row's facts, and the step looks at it at once.
    Confirm {
        /// What was asked; the order is refused when the row asks something else by now.
        subject: Subject,
        /// The name of the operator's token.
        by: String,
        /// The operator's words.
        reason: String,
        /// The route of case mail is an address map, and each engineer a task of its own.
        one_by_one: bool,
    },
}

/// What the shell has to do after the commit; at most one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Run the step and report.
    Run {
        /// Which.
        step: StepName,
        /// Which time.
        attempt: u32,
    },
    /// The row has settled: see what is missing now.
    Reconcile,
}

/// A move of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transition {
    /// The row as it is to be committed.
    pub after: Enrollment,
    /// What to do then.
    pub effect: Option<Effect>,
}

impl Enrollment {
    /// A new row at the first step of its plan, due at once.
    pub fn open(id: EnrollmentId, wish: impl Into<Wish>, now: Timestamp) -> Self {
        let wish = wish.into();
        let leaving = leaving(&wish, now, false);
        let Wish { goal, cause, starts, opens, said_at, .. } = wish;
        let mut row = Self {
            id,
            version: 0,
            goal,
            next: None,
            state: State::Completed,
            done: BTreeSet::new(),
            skipped: BTreeSet::new(),
            rechecking: false,
            gone_in: None,
            facts: Facts::default(),
            credential: None,
            reissue: false,
            home_account: None,
            said_at,
            cause,
            starts,
            // The end of access waits for no start.
            opens: opens.filter(|_| goal.want == Want::Present),
            leaving,
        };
        row.state = next_state(&row, now).0;
        row
    }

    /// The first step of the plan that is not done: asked anew each time, so that a step that a later
    /// release adds is picked up without a migration.
    pub fn next_step(&self) -> Option<StepName> {
        plan(self.id.kind(), self.goal.want).iter().copied().find(|step| !self.done.contains(step))
    }

    /// The row, waiting from its birth until the reseller account is ready.
    #[must_use]
    pub fn until_reseller_ready(mut self, rules: &Rules, now: Timestamp) -> Self {
        if let State::Scheduled { at, .. } = self.state {
            let reason = Failure::needs(Who::Reseller, FailureCode::ResellerNotReady);
            let look_again = rules.look_again_at(&self.id, at, now);
            self.state = State::Waiting { at, on: Who::Reseller, reason, look_again };
        }
        self
    }
}

/// The attempt at which a row goes on after a wait: one for which the trouble of others is no longer waited for (`steps/username`).
const AFTER_WAITING: u32 = 3;

impl At {
    /// The first attempt of a step.
    fn first(step: StepName, now: Timestamp) -> Self {
        Self { step, attempt: 1, runs: 0, looks: 0, waited_for: None, since: now }
    }

    /// A wait is over. Other trouble than what was waited for gets patience and attempts of its own; that the step has run before
    /// stays known.
    fn after_waiting(self, now: Timestamp) -> Self {
        Self { attempt: self.attempt.min(AFTER_WAITING), since: now, ..self }
    }

    /// Another wait begins, or goes on. What passes by itself does not make the row forget what somebody was asked for.
    fn waiting_for(self, code: FailureCode, again: bool) -> Self {
        let passes = code.is_trouble() || code == FailureCode::ResellerNotReady;
        if again || passes && self.waited_for.is_some() {
            return Self { looks: self.looks.saturating_add(1), ..self };
        }
        Self { looks: 1, waited_for: Some(code), ..self }
    }

    /// Whether the row has waited for this before. The kinds of passing trouble come and go in turn and are one thing to wait for.
    fn has_waited_for(self, code: FailureCode) -> bool {
        self.waited_for.is_some_and(|before| before == code || before.is_trouble() && code.is_trouble())
    }
}

/// Moves one row, or says why the input does not fit.
pub fn apply(row: &Enrollment, input: Input, rules: &Rules, now: Timestamp) -> Result<Transition, Rejected> {
    let mut after = row.clone();
    after.version += 1;
    let (state, effect) = match (&row.state, input) {
        (State::Scheduled { due: time, .. } | State::Waiting { look_again: time, .. }, Input::Wake)
            if now < *time =>
        {
            return Err(Rejected::TooEarly);
        }
        (State::Scheduled { at, .. }, Input::Wake) => start(row, *at, rules, now),
        (State::Waiting { at, .. }, Input::Wake) => start(row, at.after_waiting(now), rules, now),
        (State::Running { lease_until, .. }, Input::Wake) if now < *lease_until => {
            return Err(Rejected::TooEarly);
        }
        (State::Running { at, .. }, Input::Wake | Input::Orphaned) => {
            failed(&mut after, *at, Failure::transient(FailureCode::WorkerLost), rules, now)
        }
        (State::Running { at, .. }, Input::CalledOff) => called_off(&mut after, *at, now),
        (State::Running { at, .. }, Input::Reported(Ok(ensured))) => holds(&mut after, *at, ensured, now),
        (State::Running { at, .. }, Input::Reported(Err(mut failure))) => {
            after.facts.account = failure.seen.take().map(|seen| *seen).or(after.facts.account.take());
            failed(&mut after, *at, failure, rules, now)
        }
        (State::Running { .. }, Input::Retargeted(wish)) => {
            adopt(&mut after, *wish)?;
            return Ok(Transition { after, effect: None });
        }
        (State::Running { .. }, Input::Nudge | Input::Recheck | Input::Ordered(_)) => {
            return Err(Rejected::Busy);
        }
        (State::Scheduled { at, .. }, Input::Nudge) => (due_now(*at, now), None),
        (State::Waiting { on: Who::Calendar, .. }, Input::Nudge) => next_state(row, now),
        (State::Waiting { at, .. }, Input::Nudge) => (due_now(at.after_waiting(now), now), None),
        (State::Scheduled { at, .. } | State::Waiting { at, .. }, Input::Ordered(order)) => {
            ordered(&mut after, *at, order, now)?
        }
        (
            State::Scheduled { .. } | State::Waiting { .. } | State::Completed | State::Cancelled { .. },
            Input::Retargeted(wish),
        ) => {
            adopt(&mut after, *wish)?;
            take_over(&mut after, now);
            next_state(&after, now)
        }
        (State::Completed | State::Scheduled { .. } | State::Waiting { .. }, Input::Recheck) => {
            after.rechecking |= row.state == State::Completed;
            from_the_start(&mut after, now)
        }
        (
            State::Scheduled { .. } | State::Waiting { .. },
            Input::Reported(_) | Input::Orphaned | Input::CalledOff,
        ) => return Err(Rejected::NothingRan),
        (State::Completed, Input::Ordered(Order::Reissue)) => reissued(&mut after, now)?,
        (State::Cancelled { .. }, Input::Ordered(Order::Retry)) => next_state(&after, now),
        (State::Cancelled { .. }, Input::Recheck)
        | (
            State::Completed | State::Cancelled { .. },
            Input::Wake
            | Input::Orphaned
            | Input::CalledOff
            | Input::Reported(_)
            | Input::Nudge
            | Input::Ordered(_),
        ) => return Err(Rejected::Settled),
    };
    after.state = state;
    note_gone(row, &mut after);
    Ok(Transition { after, effect })
}

/// Access is gone when it was seen to be, and the world is told then: what is still to be done may take days. Settling is news once more
/// only where a person was asked for meanwhile.
fn note_gone(before: &Enrollment, after: &mut Enrollment) {
    let is_gone = after.has_lost_access() && !before.has_lost_access();
    if is_gone && after.state != State::Completed && !after.rechecking {
        after.gone_in = Some(after.version);
        after.rechecking = true;
    }
}

/// Moves one row like [`apply`] and, where a report makes the next step due at once, claims that step in the same breath:
/// a plan of N steps then takes N+1 commits, not 2N.
pub fn apply_and_claim(
    row: &Enrollment,
    input: Input,
    rules: &Rules,
    now: Timestamp,
) -> Result<Transition, Rejected> {
    let reported = matches!(input, Input::Reported(Ok(_)));
    let moved = apply(row, input, rules, now)?;
    let due = matches!(moved.after.state, State::Scheduled { due, .. } if due <= now);
    if !reported || !due {
        return Ok(moved);
    }
    let mut claimed = apply(&moved.after, Input::Wake, rules, now)?;
    // Both moves are one version to whoever reads the ledger.
    if moved.after.gone_in == Some(moved.after.version) {
        claimed.after.gone_in = Some(claimed.after.version);
    }
    Ok(claimed)
}

/// The fact of the current step holds, and of those that came with it.
fn holds(row: &mut Enrollment, at: At, ensured: Ensured, now: Timestamp) -> (State, Option<Effect>) {
    row.done.insert(at.step);
    row.done.extend(ensured.also);
    row.reissue &= at.step != StepName::Password;
    row.facts.learn(*ensured.facts);
    take_over(row, now);
    next_state(row, now)
}

/// Claims the row for a run of the first step that is not done.
fn start(row: &Enrollment, at: At, rules: &Rules, now: Timestamp) -> (State, Option<Effect>) {
    let Some(step) = row.next_step() else {
        return (State::Completed, Some(Effect::Reconcile));
    };
    let at = if step == at.step { at } else { At::first(step, now) };
    let at = At { runs: at.runs.saturating_add(1), ..at };
    let state = State::Running { at, lease_until: later(now, rules.lease) };
    (state, Some(Effect::Run { step, attempt: at.attempt }))
}

/// Where the row stands when its current step is out of the way. Where the step stays the same, under a new goal, its runs are
/// remembered. What has not begun and is for later waits for its day.
pub(super) fn next_state(row: &Enrollment, now: Timestamp) -> (State, Option<Effect>) {
    let Some(step) = row.next_step() else { return (State::Completed, Some(Effect::Reconcile)) };
    let runs = match &row.state {
        State::Scheduled { at, .. } | State::Running { at, .. } | State::Waiting { at, .. } => {
            if at.step == step { at.runs } else { 0 }
        }
        // What an ended row had begun is not known.
        State::Cancelled { .. } => 1,
        State::Completed => 0,
    };
    let at = At { runs, ..At::first(step, now) };
    match row.opens.filter(|opens| *opens > now && row.done.is_empty() && runs == 0) {
        Some(look_again) => {
            let reason = Failure::needs(Who::Calendar, FailureCode::StartsLater);
            (State::Waiting { at, on: Who::Calendar, reason, look_again }, None)
        }
        None => (due_now(at, now), None),
    }
}

pub(super) fn due_now(at: At, now: Timestamp) -> State {
    State::Scheduled { at, due: now, last: None }
}

/// Nothing counts as done any more; of access that is gone, what may come about afterwards without anybody's letting the engineer in.
fn from_the_start(row: &mut Enrollment, now: Timestamp) -> (State, Option<Effect>) {
    if row.has_lost_access() {
        row.done.remove(&StepName::NoPaidLicense);
        row.done.extend(&row.skipped);
    } else {
        row.done.clone_from(&row.skipped);
    }
    // A step that ends the process must not do so for ever, start after start.
    let spent = row.state.at().map_or(1, |at| at.attempt);
    match next_state(row, now) {
        (State::Scheduled { at, due, last }, effect) => {
            (State::Scheduled { at: At { attempt: spent, ..at }, due, last }, effect)
        }
        settled => settled,
    }
}

fn ordered(
    row: &mut Enrollment,
    at: At,
    order: Order,
    now: Timestamp,
) -> Result<(State, Option<Effect>), Rejected> {
    match order {
        Order::Retry => Ok(retried(at, now)),
        Order::Confirm { subject, .. } if Subject::asked_by(row) != Some(subject) => {
            Err(Rejected::Unconfirmable)
        }
        Order::Confirm { subject, by, reason, one_by_one } => {
            let word = Word { one_by_one, ..Word::about(&row.facts, Some(by), now, reason) };
            row.facts.words.insert(subject, word);
            Ok(retried(at, now))
        }
        Order::Skip if !may_be_skipped(row.id.kind(), at.step) => Err(Rejected::Unskippable),
        Order::Skip => {
            if at.step == StepName::Password {
                // It is not the account's, and never will be.
                row.credential = None;
                row.reissue = false;
            }
            row.done.insert(at.step);
            row.skipped.insert(at.step);
            Ok(next_state(row, now))
        }
        Order::Adopt { .. } if row.facts.account.is_some() => Err(Rejected::HasAccount),
        Order::Adopt { account } => {
            row.home_account = Some(account);
            Ok((due_now(At { runs: at.runs, ..At::first(at.step, now) }, now), None))
        }
        Order::Reissue => reissued(row, now),
        // Nobody could tell that access is still open there, or that a licence is still paid for.
        Order::Cancel { .. } if row.goal.want == Want::Absent && at.step != StepName::Removal => {
            Err(Rejected::StillOpen)
        }
        Order::Cancel { reason } => Ok((State::Cancelled { reason }, Some(Effect::Reconcile))),
    }
}

/// The password is set once more, or the engineer told once more. The claim of the step seals the new password.
fn reissued(row: &mut Enrollment, now: Timestamp) -> Result<(State, Option<Effect>), Rejected> {
    let own = row.facts.account.as_ref().is_some_and(|account| !account.home);
    let again: &[StepName] = match (row.id.kind(), row.goal.want) {
        (TargetKind::Domain, Want::Present) if own => &[StepName::Password],
        (TargetKind::Engineer, Want::Present) => &[StepName::HandOver, StepName::Welcome],
        (TargetKind::Domain | TargetKind::Engineer | TargetKind::Reseller, _) => {
            return Err(Rejected::NoFirstPassword);
        }
    };
    for step in again {
        row.done.remove(step);
        row.skipped.remove(step);
    }
    row.reissue = row.id.kind() == TargetKind::Domain;
    row.credential = None;
    row.rechecking = false;
    Ok(next_state(row, now))
}

fn retried(at: At, now: Timestamp) -> (State, Option<Effect>) {
    (due_now(At { runs: at.runs, ..At::first(at.step, now) }, now), None)
}

/// Tries again, waits for somebody, or moves on to a goal that came in the meantime.
fn failed(
    row: &mut Enrollment,
    at: At,
    mut failure: Failure,
    rules: &Rules,
    now: Timestamp,
) -> (State, Option<Effect>) {
    if planted!(LostWorkerIsDone) && failure.code == FailureCode::WorkerLost {
        row.done.insert(at.step);
        return next_state(row, now);
    }
    if planted!(TransientIsForever) {
        failure.kind = FailureKind::Permanent;
    }
    if row.next.is_some() {
        take_over(row, now);
        return next_state(row, now);
    }
    let again = at.has_waited_for(failure.code);
    // A clock that was set back does not make patience longer.
    let patient = !again && at.since <= now && now < later(at.since, rules.patience);
    let wait_on = match failure.kind {
        FailureKind::Transient if !again && at.attempt < rules.attempts_max => None,
        FailureKind::Throttled | FailureKind::NotYet if patient => None,
        FailureKind::Throttled if at.looks < PUT_OFF_MAX => Some(Who::Google),
        FailureKind::Throttled | FailureKind::Transient | FailureKind::NotYet | FailureKind::Permanent => {
            Some(Who::Operator)
        }
        FailureKind::Needs(who) => Some(who),
    };
    let Some(on) = wait_on else {
        let due = rules.retry_at(&row.id, at, &failure, now);
        let spent = u32::from(failure.kind == FailureKind::Transient);
        return (
            State::Scheduled { at: At { attempt: at.attempt + spent, ..at }, due, last: Some(failure) },
            None,
        );
    };
    let at = at.waiting_for(failure.code, again);
    let look_again = match (on, failure.retry_after_ms) {
        // A date is known; nothing is to be seen before.
        (Who::Calendar, Some(ms)) => {
            later(now, SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)))
        }
        (_, _) => rules.look_again_at(&row.id, at, now),
    };
    row.state = State::Waiting { at, on, reason: failure, look_again };
    // What a person was asked for is over when the row settles again, and that is news.
    row.rechecking &= !(on.is_a_person() && row.has_begun_to_wait());
    (row.state.clone(), None)
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;
