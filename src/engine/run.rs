//! One row at work: claim, run, report. Each commit is a compare-and-set on the row's version, so that a worker that lost its lease
//! changes nothing. A report and the claim of the next step are one commit.
//! Not here: which row is next (`drive`).

use super::drive::Pass;
use super::duties::Tenure;
use super::{Engine, observe, traced};
use crate::model::duty::{Duty, Fence};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, State, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::outcome::is_told;
use crate::model::plan::StepName;
use crate::model::roster::Roster;
use crate::model::sealed::{Sealed, WrappedKey};
use crate::model::transition::{Effect, Input, Transition, apply, apply_and_claim};
use crate::seal::{SealError, password};
use crate::steps::{self, Context, Outcome, Sheet, SheetError};
use crate::store::{StoreError, seldom};
use crate::trace::Span;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

/// How often a report is offered anew to a row that somebody else has moved meanwhile.
const RACES_MAX: usize = 5;

/// How long a report waits before it is offered again to a store that does not answer.
const STORE_PAUSE: Duration = Duration::from_millis(250);

/// A step may run for this part of its lease; the rest is for the commit.
const RUN_PERCENT: i32 = 75;

/// A look at a reseller account so recent is not put in doubt by one of its rows.
const DOUBTED_AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// A row at work.
pub(super) struct Work<'a> {
    engine: &'a Engine,
    /// Under which it is worked at; none for a row that no lane has.
    tenure: Option<&'a Tenure>,
    row: Enrollment,
    /// What the next run may spend.
    pass: Pass,
    sheet: Option<Sheet>,
    /// Whether the reseller account was ready when the last run looked.
    saw_ready: bool,
    /// What the last run had to wait behind.
    wall: Option<FailureCode>,
    /// That, if it stood no longer when the row was put behind it.
    fallen: Option<FailureCode>,
}

/// A step that was claimed and is to be run.
#[derive(Clone, Copy)]
pub(super) struct Claimed {
    step: StepName,
    attempt: u32,
}

impl<'a> Work<'a> {
    pub(super) fn new(engine: &'a Engine, tenure: Option<&'a Tenure>, row: Enrollment, pass: Pass) -> Self {
        Self { engine, tenure, row, pass, sheet: None, saw_ready: true, wall: None, fallen: None }
    }

    /// Applies the input and makes it durable; answers with the step to run, if there is one.
    pub(super) async fn commit(&mut self, input: Input) -> Option<Claimed> {
        let mut races = 0;
        while races < RACES_MAX {
            let moved = self.decide(&input).await?;
            let fences = match self.fences() {
                Ok(fences) => fences,
                Err(error) => {
                    self.wait_for_store(&input, &error).await?;
                    continue;
                }
            };
            match self.engine.commit_row(&self.row, &moved.after, Actor::Engine, fences).await {
                Ok(()) => {
                    let claimed = self.committed(moved);
                    self.look_behind_wall().await;
                    return claimed;
                }
                Err(StoreError::Conflict) => {
                    races += 1;
                    self.reread().await?;
                }
                Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => {
                    self.wait_for_store(&input, &error).await?;
                }
            }
        }
        None
    }

    /// What the input makes of the row. A report is kept whatever happens; nothing new is claimed after the stop, or without the
    /// password that the claim must hold.
    async fn decide(&mut self, input: &Input) -> Option<Transition> {
        let (now, rules) = (self.engine.house.clock.now(), &self.engine.settings.rules);
        if self.may_begin() && self.goes_on(input) {
            let mut moved = apply_and_claim(&self.row, input.clone(), rules, now).ok()?;
            if self.seal_credential(&mut moved).await.is_ok() {
                return Some(moved);
            }
        }
        if *input == Input::Wake {
            // The lane looks again after a pause.
            tokio::time::sleep(STORE_PAUSE).await;
            return None;
        }
        apply(&self.row, input.clone(), rules, now).ok()
    }

    /// Whether a step may be claimed now.
    fn may_begin(&self) -> bool {
        !self.engine.stop.is_cancelled() && self.tenure.is_none_or(Tenure::is_open)
    }

    /// The mark of this row's commits. Where the lease has run out, a result is kept for as long as nobody else has the duty: whether it is
    /// still wanted the row's version says.
    fn fences(&self) -> Result<Vec<Fence>, StoreError> {
        let duty = self.tenure.map_or(Duty::Reconcile, |tenure| tenure.duty.clone());
        let over = |_| StoreError::Unavailable("this replica's lease is over".to_owned());
        self.engine.duties.fence(&duty).map_err(over)
    }

    /// Whether a step may be claimed: the lane has chosen the row, or the step after the one that is reported can follow at once. Else the
    /// row goes back into its lane's queue, and its worker to another row.
    fn goes_on(&mut self, input: &Input) -> bool {
        if *input == Input::Wake {
            return true;
        }
        let (now, rules) = (self.engine.house.clock.now(), &self.engine.settings.rules);
        let Ok(moved) = apply(&self.row, input.clone(), rules, now) else { return false };
        if !matches!(moved.after.state, State::Scheduled { due, .. } if due <= now) {
            return false;
        }
        let pass = self.engine.pass_on(&moved.after, std::mem::take(&mut self.pass));
        let goes_on = pass.is_some();
        self.pass = pass.unwrap_or_default();
        goes_on
    }

    /// What is told of a run of the claimed step.
    pub(super) fn span(&self, claimed: Claimed) -> Span {
        traced::step(&self.engine.settings.tracer, &self.row, claimed.step, claimed.attempt)
    }

    /// Runs the claimed step within its lease.
    pub(super) async fn run(&mut self, claimed: Claimed) -> Outcome {
        let Some(step) = steps::find(self.row.id.kind(), claimed.step) else {
            return Err(Failure::permanent(FailureCode::StepUnknown));
        };
        let limit = Duration::try_from(self.engine.settings.rules.lease * RUN_PERCENT / 100)
            .unwrap_or(Duration::ZERO);
        let begun = tokio::time::Instant::now();
        let outcome = match tokio::time::timeout(limit, self.ensure(step, claimed)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::transient(FailureCode::Timeout)),
        };
        observe::step(claimed.step, &self.row.lane(), &outcome, begun.elapsed());
        traced::ran(&outcome);
        self.engine.remember_lesson(&self.row.id).await;
        let judged = self.engine.judge(&self.row, outcome.clone()).await;
        // The account may be ready again before the row's wait for it is written.
        self.saw_ready &= judged == outcome;
        judged
    }

    async fn ensure(&mut self, step: &steps::Step, claimed: Claimed) -> Outcome {
        let pass = self.pass.clone();
        let (roster, reseller_row) = {
            let known = self.engine.known();
            let row = self.row.id.reseller().and_then(|name| known.rows.get(name)).cloned();
            (Arc::clone(&known.roster), row)
        };
        self.saw_ready = is_ready(&roster, &self.row);
        if !self.saw_ready {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        match self.load_sheet().await {
            // Access ends also for whoever's record is broken, or gone: what can be done without it is.
            Err(SheetError::Seal(_) | SheetError::Incomplete) if self.row.goal.want == Want::Absent => {
                self.sheet = None;
            }
            loaded => loaded?,
        }
        self.check_scope(&roster)?;
        self.check_wish()?;
        let at = self.row.state.at();
        self.wall = self.engine.walls().before(&self.row, claimed.step);
        // Who waited for it before has made nothing since: there is nothing to look for at Google.
        if let Some(code) = self.wall.filter(|code| at.is_some_and(|at| at.waited_for == Some(*code))) {
            return Err(Failure::needs(Who::Operator, code));
        }
        let context = Context {
            house: &self.engine.house,
            row: &self.row,
            roster: &roster,
            reseller_row: reseller_row.as_ref(),
            sheet: self.sheet.as_ref(),
            attempt: claimed.attempt,
            is_first: at.is_some_and(|at| at.runs == 1 && at.attempt == 1 && at.waited_for.is_none()),
            since: at.map_or(Timestamp::MIN, |at| at.since),
            wall: self.wall,
        };
        pass.spend_in((step.ensure)(&context)).await
    }

    /// The end of access may be stored, and the row not told yet: nothing is given any more, and the row is told now.
    fn check_wish(&self) -> Result<(), Failure> {
        let Some(sheet) = self.sheet.as_ref().filter(|_| self.row.goal.want == Want::Present) else {
            return Ok(());
        };
        let engineer = &sheet.engineer;
        let wish = engineer.wish_for(&self.row.id.target(), self.engine.settings.lead_time);
        if wish.goal.want == Want::Present && !engineer.has_ended(self.engine.house.clock.now()) {
            return Ok(());
        }
        self.engine.signal(&sheet.engineer.key);
        Err(Failure::not_yet(FailureCode::NotYetConfirmed).with_detail("access is to end"))
    }

    /// What HR wants must fit the reseller domains: the row's own domain, and for the engineer as a whole every domain that was named.
    fn check_scope(&self, roster: &Roster) -> Result<(), Failure> {
        let Some(sheet) = &self.sheet else { return Ok(()) };
        if self.row.goal.want == Want::Absent {
            return Ok(());
        }
        let scope = &sheet.engineer.stated.scope;
        let stranger = match self.row.id.domain() {
            Some(domain) => (!scope.covers(domain)).then_some(domain),
            None => roster.strangers(scope).first().copied(),
        };
        match stranger {
            Some(domain) => {
                Err(Failure::needs(Who::Hr, FailureCode::ScopeMismatch).with_detail(domain.as_str()))
            }
            None => Ok(()),
        }
    }

    /// Reads the engineer's sheet, anew for each step: HR may have changed the scope meanwhile.
    async fn load_sheet(&mut self) -> Result<(), SheetError> {
        if let Some(key) = self.row.id.engineer() {
            let known = self.sheet.take();
            self.sheet = Some(self.engine.house.sheet_again(key, known).await?);
        }
        Ok(())
    }

    /// The initial password is sealed into the row in the very commit that claims the step which needs it: a lost answer
    /// loses no password, and no second one is ever set.
    ///
    /// An engineer whose record cannot be opened gets none: the step then says so, and a person looks.
    async fn seal_credential(&mut self, moved: &mut Transition) -> Result<(), StoreError> {
        let Some(Effect::Run { step, .. }) = moved.effect else { return Ok(()) };
        let needed = steps::find(moved.after.id.kind(), step).is_some_and(|step| step.seals_credential);
        if !needed || moved.after.credential.is_some() {
            return Ok(());
        }
        match self.load_sheet().await {
            Ok(()) => (),
            Err(SheetError::Store(error)) => return Err(error),
            Err(SheetError::Seal(_) | SheetError::Incomplete) => return Ok(()),
        }
        let sealed =
            self.sheet.as_ref().and_then(|sheet| self.new_credential(&sheet.data_key, &moved.after.id).ok());
        moved.after.credential = sealed;
        Ok(())
    }

    fn new_credential(&self, key: &WrappedKey, id: &EnrollmentId) -> Result<Sealed, SealError> {
        let password = password(&SystemRandom::new())?;
        self.engine.house.sealer.seal(key, &id.to_string(), password.expose_secret().as_bytes())
    }

    /// The wall fell while this row was being put behind it: whoever woke the others may have passed before.
    async fn look_behind_wall(&mut self) {
        let Some(code) = self.fallen.take() else { return };
        if self.row.state.at().is_some_and(|at| at.waited_for == Some(code)) {
            self.engine.move_row(&self.row, Input::Nudge).await;
        }
    }

    fn committed(&mut self, moved: Transition) -> Option<Claimed> {
        let reseller = self.row.id.reseller();
        let wall = self.wall.take();
        self.fallen =
            wall.filter(|code| reseller.is_some_and(|name| !self.engine.walls().stands(name, *code)));
        self.engine.follow(&self.row, &moved);
        self.row = moved.after;
        self.engine.note_at_work(&self.row);
        // The account became ready while this was being written: the sweep that says so may have passed before.
        if !self.saw_ready && is_ready(&self.engine.roster(), &self.row) {
            self.engine.sweep.notify_one();
        }
        self.saw_ready = true;
        // What the letter waits for may have settled while this was being written.
        if let (EnrollmentId::Engineer(key), true) = (&self.row.id, self.row.waits_on(Who::Reseller)) {
            self.engine.signal(key);
        }
        match moved.effect {
            Some(Effect::Run { step, attempt }) => Some(Claimed { step, attempt }),
            Some(Effect::Reconcile) | None => None,
        }
    }

    /// Somebody else moved the row. Our report counts only if the same run is still under way.
    async fn reread(&mut self) -> Option<()> {
        let stored = self.engine.house.store.enrollment(&self.row.id).await.ok().flatten()?;
        let same_run = matches!((&stored.state, &self.row.state),
            (State::Running { at: theirs, lease_until: a }, State::Running { at: ours, lease_until: b }) if theirs == ours && a == b);
        self.row = stored;
        same_run.then_some(())
    }

    /// A result is kept and offered again while the store is away, until the lease is over.
    async fn wait_for_store(&self, input: &Input, error: &StoreError) -> Option<()> {
        if let Some(kept_back) = seldom::may_tell() {
            tracing::warn!(row = %self.row.id, %error, kept_back, "the commit waits: the store does not answer");
        }
        let State::Running { lease_until, .. } = self.row.state else { return None };
        let worth_it = matches!(input, Input::Reported(_)) && self.engine.house.clock.now() < lease_until;
        tokio::time::sleep(STORE_PAUSE).await;
        worth_it.then_some(())
    }
}

/// Whether the row's reseller account is ready; rows of no account need none, an account's own row makes it so, and taking access away
/// needs nothing that a set-up makes.
fn is_ready(roster: &Roster, row: &Enrollment) -> bool {
    match (&row.id, row.goal.want) {
        (EnrollmentId::Domain(_, reseller, _), Want::Present) => roster.is_ready(reseller),
        (EnrollmentId::Domain(..), Want::Absent)
        | (EnrollmentId::Reseller(_) | EnrollmentId::Engineer(_), _) => true,
    }
}

impl Engine {
    /// Replaces a row by its successor.
    pub(super) async fn commit_row(
        &self,
        before: &Enrollment,
        after: &Enrollment,
        actor: Actor,
        fences: Vec<Fence>,
    ) -> Result<(), StoreError> {
        let change = Change::Enrollment { from: Some(before.version), row: Box::new(after.clone()) };
        let commit = Commit { fences, ..Commit::of(self.house.clock.now(), actor, change) };
        let committed = self.commit(commit).await;
        if let Err(StoreError::Unavailable(_)) = committed {
            self.behind.notify_one();
        }
        committed?;
        // The reader of the ledger passes over the rest when it comes by.
        if is_told(after) {
            self.grown.notify_one();
        }
        Ok(())
    }

    /// The mark of a commit that moves a row without being asked to by a person: this replica has the row's duty, or reconciles.
    pub(super) fn fences_of(&self, row: &Enrollment) -> Result<Vec<Fence>, StoreError> {
        self.duties.fence_of_one(&[&Duty::of_lane(&row.lane()), &Duty::Reconcile])
    }

    /// What follows from every move once it is durable: it is seen, and who has to know of it knows.
    pub(super) fn follow(&self, before: &Enrollment, moved: &Transition) {
        // A goal that took over in the middle of a run may queue elsewhere: a leaver must not wait until that lane looks by itself.
        if before.lane() != moved.after.lane() {
            self.wake(&moved.after.lane());
        }
        observe::moved(before, &moved.after);
        self.learn(&moved.after);
        self.watch_new_account(before, &moved.after);
        self.note_wall(Some(before), &moved.after);
        self.doubt(&moved.after);
        self.note_lock_out(before, &moved.after);
        self.note_ready(before, &moved.after);
        // The letter goes to whoever has to act before the role.
        if moved.effect == Some(Effect::Reconcile) || moved.after.waits_for_two_step() {
            self.settled(&moved.after);
        }
    }

    /// A unit that Google refuses one account may not be where it was found. A signal that is lost comes again when the row looks again.
    fn doubt(&self, row: &Enrollment) {
        let (State::Waiting { reason, .. }, EnrollmentId::Domain(_, name, _)) = (&row.state, &row.id) else {
            return;
        };
        let mut known = self.known();
        let now = self.house.clock.now();
        let may_have_changed = known.rows.get(name).is_some_and(|account| {
            let looked_at = account.facts.checked_at;
            account.state == State::Completed
                && looked_at.is_none_or(|at| now.duration_since(at) >= DOUBTED_AGAIN)
        });
        if reason.code == FailureCode::OrgUnitRefused && may_have_changed {
            known.doubted.insert(name.clone());
            self.sweep.notify_one();
        }
    }

    /// A row has settled: for an engineer's row, something else may be missing now, once the others have settled too.
    fn settled(&self, row: &Enrollment) {
        if let Some(engineer) = row.id.engineer()
            && self.on_their_way().is_last(engineer)
        {
            self.signal(engineer);
        }
    }

    /// Keeps what is known of a reseller account in step with its row; what waited for the account looks again. The row of an account
    /// that is no longer configured teaches nothing.
    /// The loops do this by themselves; public for simulations that drive an engine by hand.
    pub fn learn(&self, row: &Enrollment) {
        let EnrollmentId::Reseller(name) = &row.id else { return };
        if !self.house.sites.contains_key(name) {
            return;
        }
        self.recall_lesson(row);
        let (changed, names_go_on) = {
            let mut known = self.known();
            // Commits are told about in any order.
            if known.rows.get(name).is_some_and(|newer| newer.version > row.version) {
                return;
            }
            let before = known.roster.resellers.get(name).cloned();
            Arc::make_mut(&mut known.roster).learn(name, row);
            known.rows.insert(name.clone(), row.clone());
            let seen = !row.is_under_way() && known.unseen.remove(name);
            let names_go_on = !row.is_under_way() && known.first_looks.end(name);
            (seen || before != known.roster.resellers.get(name).cloned(), names_go_on)
        };
        if changed {
            self.sweep.notify_one();
            self.wake(&Lane::Reseller(name.clone()));
        }
        if names_go_on {
            self.lanes.keys().for_each(|lane| self.wake(lane));
        }
    }
}
