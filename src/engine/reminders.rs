//! What is said of an engineer who is not ready in time: a first day at risk, told to the manager and then, once for each start date, to
//! HR; and 2-Step Verification that nobody has turned on, of which the engineer is reminded. What was said is kept with the engineer,
//! so that a restart says nothing twice. Who has enrolled is read in bulk, at most once an hour for each reseller account, while there
//! is somebody of whom it is not known. Level-triggered: looked at whenever the engineer's rows are.
//! Not here: the words (`steps/letters`), and the wait before the role (`steps/two_step`).

use super::{Engine, traced};
use crate::model::engineer::{AtRisk, Engineer, Progress};
use crate::model::enrollment::{Enrollment, EnrollmentId, Target, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureKind};
use crate::model::id::{AccountId, ResellerName};
use crate::model::plan::StepName;
use crate::model::two_step::{self, Reminded, Standing};
use crate::steps::letters;
use crate::store::{StoreError, seldom};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often the accounts of a reseller account are read for this.
const LIST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// With less than this left an engineer who is not ready is late.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// Work that has just begun is not late.
const BEGINNING: SignedDuration = SignedDuration::from_hours(1);

/// A start so long before HR spoke of it is history.
const HISTORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who has enrolled, by reseller account.
#[derive(Default)]
pub(super) struct Enrolments {
    by_reseller: Mutex<BTreeMap<ResellerName, Enrolment>>,
}

#[derive(Default)]
struct Enrolment {
    /// As Google showed it last.
    listed: Option<BTreeMap<AccountId, bool>>,
    /// When a list was last asked for.
    tried: Option<Timestamp>,
    /// Rows of which it is not known that the account is enrolled.
    open: BTreeMap<EnrollmentId, Standing>,
}

impl Enrolments {
    fn of(&self) -> MutexGuard<'_, BTreeMap<ResellerName, Enrolment>> {
        self.by_reseller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// What is known of the 2-Step Verification of a row's account; none where nobody watches it.
    pub fn two_step(&self, row: &Enrollment) -> Option<Standing> {
        let name = row.id.reseller()?;
        let gate = self.house.sites.get(name)?.reseller.two_step;
        let enrolments = self.enrolments.of();
        two_step::standing(row, gate, enrolments.get(name).and_then(|seen| seen.listed.as_ref()))
    }

    /// How many accounts are not enrolled, by reseller account; zero while nothing is known.
    pub(super) fn two_step_pending(&self) -> BTreeMap<ResellerName, u32> {
        let enrolments = self.enrolments.of();
        let pending = |name| {
            let open = enrolments.get(name).into_iter().flat_map(|seen| seen.open.values());
            u32::try_from(open.filter(|standing| **standing == Standing::Pending).count()).unwrap_or(u32::MAX)
        };
        self.house.sites.keys().map(|name| (name.clone(), pending(name))).collect()
    }

    /// Reads who has enrolled, where that is not known of everybody. Long lists hold nobody up.
    pub(super) fn watch_two_step(self: &Arc<Self>) {
        let now = self.house.clock.now();
        let mut due = Vec::new();
        for (name, seen) in self.enrolments.of().iter_mut().filter(|(_, seen)| !seen.open.is_empty()) {
            if seen.tried.is_none_or(|tried| tried > now || now.duration_since(tried) >= LIST_PAUSE) {
                seen.tried = Some(now);
                due.push(name.clone());
            }
        }
        for name in due {
            let engine = Arc::clone(self);
            let span = traced::look(&self.settings.tracer, "look at two-step", &name);
            self.spawn(async move { span.run(engine.read_enrolments(&name, now)).await });
        }
    }

    async fn read_enrolments(&self, name: &ResellerName, now: Timestamp) {
        let Some(site) = self.house.sites.get(name) else { return };
        match site.census.accounts(now - LIST_PAUSE / 2).await {
            Ok(accounts) => {
                let said = accounts.items.iter();
                let listed =
                    said.filter_map(|account| Some((account.id.clone(), account.two_step_enrolled?)));
                self.enrolments.of().entry(name.clone()).or_default().listed = Some(listed.collect());
                self.sweep.notify_one();
            }
            Err(failure) => {
                tracing::warn!(reseller = %name, code = %failure.code, "who has enrolled in 2-Step Verification could not be read");
            }
        }
    }

    /// Says what is to be said of an engineer who is not ready, or not enrolled.
    pub(super) async fn remind(&self, engineer: &Engineer, rows: &[Enrollment]) {
        let pending = self.note_enrolments(rows);
        if engineer.stated.goal.want == Want::Absent || engineer.forgetting.is_some() {
            return;
        }
        let said = match self.say_at_risk(engineer, rows).await {
            Ok(false) => self.say_two_step(engineer, rows, &pending).await,
            said => said,
        };
        if let Err(error) = said
            && let Some(kept_back) = seldom::may_tell()
        {
            tracing::warn!(engineer = %engineer.key, %error, kept_back, "a reminder could not be noted; the next sweep tries again");
        }
    }

    /// Keeps in mind which rows are not known to be enrolled; answers with those that are known not to be.
    fn note_enrolments(&self, rows: &[Enrollment]) -> BTreeSet<EnrollmentId> {
        let mut pending = BTreeSet::new();
        for row in rows {
            let Some(name) = row.id.reseller() else { continue };
            let standing = self.two_step(row);
            if standing == Some(Standing::Pending) || row.waits_for_two_step() {
                pending.insert(row.id.clone());
            }
            let mut enrolments = self.enrolments.of();
            let open = &mut enrolments.entry(name.clone()).or_default().open;
            match standing {
                Some(standing @ (Standing::Pending | Standing::Unknown)) => {
                    open.insert(row.id.clone(), standing);
                }
                Some(Standing::Enrolled) | None => {
                    open.remove(&row.id);
                }
            }
        }
        pending
    }

    /// A first day that comes before the access. Answers whether something was said.
    async fn say_at_risk(&self, engineer: &Engineer, rows: &[Enrollment]) -> Result<bool, StoreError> {
        let now = self.house.clock.now();
        let Some(risk) = self.at_risk(engineer, now) else { return Ok(false) };
        if Progress::of(engineer, &self.roster(), rows) == Progress::Ready {
            return Ok(false);
        }
        if risk.since == now {
            let told = match self.house.sheet(&engineer.key).await {
                Ok(sheet) => letters::to_manager_at_risk(&self.house, &sheet, risk.starts, rows).await,
                Err(error) => Err(Failure::from(error)),
            };
            if !Self::is_said(engineer, &told) && risk.late.is_none() {
                return Ok(false);
            }
        }
        tracing::warn!(engineer = %engineer.key, starts = %risk.starts, late = risk.late.is_some(), "not ready for the first day");
        let noted = Engineer { version: engineer.version + 1, at_risk: Some(risk), ..engineer.clone() };
        self.note_said(noted, now).await
    }

    /// What is to be said now of the engineer's first day, if the engineer is not ready.
    fn at_risk(&self, engineer: &Engineer, now: Timestamp) -> Option<AtRisk> {
        let stated = &engineer.stated;
        let starts = stated.starts.filter(|starts| stated.from.duration_since(*starts) < HISTORY)?;
        let begun = stated.opens(self.settings.lead_time).map_or(stated.from, |opens| opens.max(stated.from));
        let left = starts.duration_since(now);
        if now.duration_since(begun) < BEGINNING || left > self.settings.letters.remind_before.max(LATE) {
            return None;
        }
        let known = engineer.at_risk.filter(|known| known.starts == starts);
        let late = known.and_then(|known| known.late);
        let is_late = left < LATE && late.is_none();
        let said_now = is_late.then_some(engineer.version + 1);
        let since = known.map_or(now, |known| known.since);
        (known.is_none() || is_late).then(|| AtRisk { starts, since, late: late.or(said_now) })
    }

    /// 2-Step Verification that is not on, once the engineer knows of the accounts. Answers whether something was said.
    async fn say_two_step(
        &self,
        engineer: &Engineer,
        rows: &[Enrollment],
        pending: &BTreeSet<EnrollmentId>,
    ) -> Result<bool, StoreError> {
        let now = self.house.clock.now();
        let is_told =
            |row: &Enrollment| row.id.target() == Target::Engineer && row.done.contains(&StepName::Welcome);
        let pending: Vec<&Enrollment> = rows.iter().filter(|row| pending.contains(&row.id)).collect();
        let oldest = pending.iter().filter_map(|row| Some(row.facts.account.as_ref()?.since)).min();
        let Some(since) = oldest.filter(|_| rows.iter().any(is_told)) else { return Ok(false) };
        let revision = engineer.stated.goal.revision;
        let Some(reminder) = two_step::due(since, engineer.reminded, revision, now) else { return Ok(false) };
        let Reminded { count, .. } = reminder;
        let sent = match self.house.sheet(&engineer.key).await {
            Ok(sheet) => letters::remind_of_two_step(&self.house, &sheet, &pending, count).await,
            Err(error) => Err(Failure::from(error)),
        };
        if !Self::is_said(engineer, &sent.map(|()| true)) {
            return Ok(false);
        }
        tracing::info!(engineer = %engineer.key, count, "reminded of 2-Step Verification");
        let noted = Engineer { version: engineer.version + 1, reminded: Some(reminder), ..engineer.clone() };
        self.note_said(noted, now).await
    }

    /// Whether a letter counts as said: one that can never leave is not tried for ever.
    fn is_said(engineer: &Engineer, sent: &Result<bool, Failure>) -> bool {
        let Err(failure) = sent else { return true };
        tracing::warn!(engineer = %engineer.key, code = %failure.code, detail = failure.detail, "a letter did not leave");
        match failure.kind {
            FailureKind::Transient | FailureKind::Throttled | FailureKind::NotYet => false,
            FailureKind::Needs(_) | FailureKind::Permanent => true,
        }
    }

    /// Notes with the engineer what was said. Where HR was faster, the next look decides anew; the letter has the same name then.
    async fn note_said(&self, noted: Engineer, now: Timestamp) -> Result<bool, StoreError> {
        let change = Change::Engineer(Box::new(noted));
        match self.commit(Commit::of(now, Actor::Engine, change)).await {
            Ok(_) => {
                self.grown.notify_one();
                Ok(true)
            }
            Err(StoreError::Conflict) => Ok(true),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Err(error),
        }
    }
}
