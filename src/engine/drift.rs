//! Once every so often each reseller account is looked at for what others have changed there: its rows are read, then its whole lists, and
//! what is found is kept in the account's row. A list that failed, or was read in part, is no list: what was known stays. Rows that have
//! moved meanwhile are judged the next time: what was known of them stays. Only the replica that works for an account looks, at a few
//! accounts at once, and a slow one holds up no other.
//! Not here: when one is due (`drift/lookout`), what a finding is (`google/drift`), what is kept of it (`model/drift`), and mending it: a
//! row looks again, with its guards.

mod lookout;

use super::pace::Pace;
use super::{Engine, observe, traced};
use crate::google::drift::{Lists, Member, Planned, Standing, findings};
use crate::google::{Account, Assignment, PaidLicense, Role, Snapshot};
use crate::model::drift::{Action, Drift, Finding, FindingId, Kind, Policy, Turned};
use crate::model::duty::Duty;
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, EnrollmentId};
use crate::model::entry::Actor;
use crate::model::failure::{Failure, FailureKind};
use crate::model::id::{DomainName, EngineerKey, LocalPart, ResellerName};
use crate::model::rules::{later, part_of};
use crate::model::transition::Input;
use crate::steps::{SheetError, Site};
use crate::store::StoreError;
use futures_util::future::try_join4;
use jiff::{SignedDuration, Timestamp};
use lookout::DAY;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Engineers read from the store at a time.
const PAGE: usize = 200;

/// How often the account's row is read anew because somebody else has moved it meanwhile.
const RACES_MAX: usize = 5;

/// How often a long list is waited for, a minute each: as long as one may take.
const WAITS_MAX: usize = 30;

/// What rows were told to mend is looked at again so soon.
const AFTER_REPAIR: SignedDuration = SignedDuration::from_mins(15);

/// How often it is seen whether a look is due, as a part of the time between two.
const TICK_PART: i32 = 96;

/// The shortest and the longest time between two such looks at the clock.
const TICK: (SignedDuration, SignedDuration) =
    (SignedDuration::from_millis(50), SignedDuration::from_mins(1));

pub(super) use lookout::Lookouts;

/// How often accounts are looked at, and what is done about what is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftSettings {
    /// The time between two looks at an account; none looks only where a person asks for it.
    pub every: Option<SignedDuration>,
    /// What is done about what is found.
    pub policy: Policy,
    /// Findings that an operator has accepted.
    pub accepted: BTreeSet<FindingId>,
}

/// A look that is under way, or waits for room, until it is dropped.
struct Looking {
    engine: Arc<Engine>,
    name: ResellerName,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.engine.lookouts.of().entry(self.name.clone()).or_default().is_looking = false;
    }
}

/// The lists of one look.
struct Read {
    accounts: Arc<Snapshot<Vec<Account>>>,
    assignments: Arc<Snapshot<Vec<Assignment>>>,
    roles: Arc<Snapshot<Vec<Role>>>,
    licenses: Arc<Snapshot<Vec<PaidLicense>>>,
}

/// What one look has concluded.
struct Judged {
    /// What is so.
    found: Vec<Finding>,
    /// What was known of rows that were not judged.
    unjudged: Vec<Finding>,
    /// When the last list had ended.
    ended: Timestamp,
}

/// What has become of it.
struct Kept {
    turned: Turned,
    /// What rows are to mend.
    repairs: Vec<Finding>,
}

impl Engine {
    /// Has an account looked at soon, by whichever replica works for it: its row says so. One that was never looked at has its first look
    /// by itself.
    ///
    /// # Errors
    /// When the store does not answer, or others move the row all the time.
    pub async fn look_for_drift(
        &self,
        name: &ResellerName,
        operator: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let id = EnrollmentId::Reseller(name.clone());
        for _ in 0..RACES_MAX {
            let Some(row) = self.house.store.enrollment(&id).await? else { return Ok(()) };
            let Some(drift) = row.facts.drift.as_deref() else { return Ok(()) };
            let now = self.house.clock.now();
            let after = row.with_drift(Drift { look_again: Some(now), ..drift.clone() });
            let actor = Actor::Operator { name: operator.to_owned(), reason: reason.to_owned() };
            match self.commit_row(&row, &after, actor, Vec::new()).await {
                Err(StoreError::Conflict) => (),
                written => {
                    written?;
                    self.learn(&after);
                    self.lookouts.moved.notify_one();
                    return Ok(());
                }
            }
        }
        Err(StoreError::Conflict)
    }

    /// How long ago the oldest look ended among the accounts that this replica works for; of one that was never looked at, since it was
    /// first to be. One whose set-up has not found the role yet is not waited for. None where there is none.
    pub(super) fn oldest_look(&self) -> Option<SignedDuration> {
        let (now, known) = (self.house.clock.now(), self.known());
        let lookouts = self.lookouts.of();
        let is_mine = |name: &ResellerName| self.duties.holds(&Duty::Account(name.clone()));
        let mine = known.rows.iter().filter(|(name, row)| !row.facts.roles.is_empty() && is_mine(name));
        let looked = mine.filter_map(|(name, row)| match row.facts.drift.as_deref() {
            Some(drift) => Some(drift.checked_at),
            None => lookouts.get(name).and_then(|lookout| lookout.since),
        });
        looked.min().map(|oldest| now.duration_since(oldest).max(SignedDuration::ZERO))
    }

    /// Has accounts looked at until the stop.
    pub(super) async fn look_for_drift_for_ever(self: Arc<Self>) {
        let every = self.settings.drift.every;
        loop {
            for name in self.drift_due(every) {
                let looking = Looking { engine: Arc::clone(&self), name };
                self.spawn(async move { looking.engine.look_in_turn(&looking.name).await });
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.lookouts.moved.notified() => (),
                () = tokio::time::sleep(tick(every.unwrap_or(DAY))) => (),
            }
        }
    }

    /// The accounts that are to be looked at now; each counts as under way from here on.
    fn drift_due(&self, every: Option<SignedDuration>) -> Vec<ResellerName> {
        let (now, known) = (self.house.clock.now(), self.known());
        let mut lookouts = self.lookouts.of();
        let mut is_due = |name: &&ResellerName| {
            let is_mine = self.duties.holds(&Duty::Account((*name).clone()));
            let row = known.rows.get(*name).filter(|_| is_mine && !known.unseen.contains(*name));
            row.is_some_and(|row| {
                let lookout = lookouts.entry((*name).clone()).or_default();
                let is_due =
                    !lookout.is_looking && lookout.is_due(name, row.facts.drift.as_deref(), every, now);
                lookout.is_looking |= is_due;
                is_due
            })
        };
        self.house.sites.keys().filter(&mut is_due).cloned().collect()
    }

    async fn look_in_turn(&self, name: &ResellerName) {
        let room = tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            room = self.lookouts.room.acquire() => room,
        };
        let began = self.house.clock.now();
        self.lookouts.of().entry(name.clone()).or_default().tried = Some(began);
        let span = traced::look(&self.settings.tracer, "look for drift", name);
        if let Err(failure) = span.run(self.look_at_drift(name, began)).await {
            tracing::warn!(reseller = %name, code = %failure.code, detail = failure.detail,
                "what others have changed could not be looked for; what was known stays");
        }
        drop(room);
    }

    /// One look at an account. A stop ends it while it reads; what was concluded is kept.
    async fn look_at_drift(&self, name: &ResellerName, began: Timestamp) -> Result<(), Failure> {
        let judged = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            judged = self.judge_drift(name) => judged?,
        };
        let Some(judged) = judged else { return Ok(()) };
        let Some(kept) = self.keep_drift(name, &judged, began).await.map_err(away)? else { return Ok(()) };
        observe::drifted(name, &kept.turned);
        self.have_repaired(name, &kept.repairs).await.map_err(away)
    }

    /// What is found there. Nothing is told of an account whose set-up has not found the role yet.
    async fn judge_drift(&self, name: &ResellerName) -> Result<Option<Judged>, Failure> {
        let Some(site) = self.house.sites.get(name) else { return Ok(None) };
        let row = self.house.store.enrollment(&EnrollmentId::Reseller(name.clone())).await.map_err(away)?;
        let is_known = |row: &Enrollment| {
            row.facts.customer.as_ref() == Some(&site.reseller.customer) && !row.facts.roles.is_empty()
        };
        let Some(row) = row.filter(is_known) else { return Ok(None) };
        let members = self.members(name, &row).await?;
        let read = read_lists(site, self.house.clock.now()).await?;
        let planned = Planned {
            reseller: &site.reseller,
            roles: &row.facts.roles,
            org_unit: row.facts.org_unit_path.as_ref().unwrap_or(&site.reseller.org_unit),
            policy: &self.settings.drift.policy,
        };
        let found = findings(&planned, &read.lists(), &members);
        let found = self.still_so(name, found, &members, &read.accounts.items).await?;
        let before = row.facts.drift.map(|drift| drift.findings).unwrap_or_default();
        let unjudged = self.unjudged(name, before, &members).await?;
        Ok(Some(Judged { found, unjudged, ended: read.lists().ended }))
    }

    /// The rows that know an account here.
    async fn members(&self, name: &ResellerName, row: &Enrollment) -> Result<Vec<Member>, Failure> {
        let (mut members, mut after) = (Vec::new(), None::<EngineerKey>);
        let mut tempo = Pace::brisk();
        loop {
            let page = self.house.store.engineers(after.as_ref(), PAGE).await.map_err(away)?;
            let Some(last) = page.last() else { return Ok(members) };
            after = Some(last.key.clone());
            for engineer in &page {
                members.extend(self.members_of(engineer, name, row.facts.domains.iter().flatten()).await?);
            }
            tempo.page_done(&self.stop).await;
        }
    }

    async fn members_of(
        &self,
        engineer: &Engineer,
        name: &ResellerName,
        domains: impl Iterator<Item = &DomainName>,
    ) -> Result<Vec<Member>, Failure> {
        let mut rows = Vec::new();
        for domain in domains {
            let id = EnrollmentId::Domain(engineer.key.clone(), name.clone(), domain.clone());
            rows.extend(self.house.store.enrollment(&id).await.map_err(away)?);
        }
        rows.retain(|row| row.facts.account.is_some());
        let is_named = rows.iter().any(|row| Standing::of(row) == Standing::Ready);
        let username = if is_named { self.username_of(&engineer.key).await? } else { None };
        Ok(rows.iter().filter_map(|row| Member::of(row, engineer, username.as_ref())).collect())
    }

    /// Of whom the record cannot be opened, the address is not known, and not judged.
    async fn username_of(&self, key: &EngineerKey) -> Result<Option<LocalPart>, Failure> {
        match self.house.sheet(key).await {
            Ok(sheet) => Ok(sheet.username),
            Err(SheetError::Store(error)) => Err(away(error)),
            Err(SheetError::Seal(_) | SheetError::Incomplete) => Ok(None),
        }
    }

    /// Those whose rows have not moved since they were read. A holder whose row has come meanwhile, or stands in a domain that is not
    /// known any more, is no stranger.
    async fn still_so(
        &self,
        name: &ResellerName,
        found: Vec<Finding>,
        members: &[Member],
        accounts: &[Account],
    ) -> Result<Vec<Finding>, Failure> {
        let versions: BTreeMap<(&EngineerKey, &DomainName), u64> =
            members.iter().map(|member| ((&member.engineer, &member.domain), member.version)).collect();
        let mut still = Vec::new();
        for finding in found {
            let is_so = match (&finding.engineer, &finding.domain) {
                (Some(engineer), Some(domain)) => {
                    let row = self.house.store.enrollment(&finding.row(name)).await.map_err(away)?;
                    row.map(|row| row.version) == versions.get(&(engineer, domain)).copied()
                }
                (_, _) if finding.kind == Kind::UnknownHolder => {
                    !self.has_row(name, &finding.subject, accounts).await?
                }
                (_, _) => true,
            };
            if is_so {
                still.push(finding);
            }
        }
        Ok(still)
    }

    /// Of what was known before, that of rows which their steps are at work on, or which have moved since they were read: it is neither so
    /// nor gone.
    async fn unjudged(
        &self,
        name: &ResellerName,
        before: Vec<Finding>,
        members: &[Member],
    ) -> Result<Vec<Finding>, Failure> {
        let mut unjudged = Vec::new();
        for finding in before {
            let (Some(engineer), Some(domain)) = (&finding.engineer, &finding.domain) else { continue };
            let Some(row) = self.house.store.enrollment(&finding.row(name)).await.map_err(away)? else {
                continue;
            };
            let mut read = members.iter().filter(|one| one.engineer == *engineer && one.domain == *domain);
            let has_moved = read.any(|one| one.version != row.version);
            let is_open = match Standing::of(&row) {
                Standing::UnderWay => true,
                Standing::Ready | Standing::Gone => has_moved,
                Standing::CalledOff => false,
            };
            if is_open {
                unjudged.push(finding);
            }
        }
        Ok(unjudged)
    }

    /// Whether a row that the account's marker leads to knows it as its own.
    async fn has_row(
        &self,
        name: &ResellerName,
        holder: &str,
        accounts: &[Account],
    ) -> Result<bool, Failure> {
        let row_of = |account: &Account| {
            let engineer = account.marker.as_ref()?.parse().ok()?;
            let domain = account.primary_address.rsplit_once('@')?.1.parse().ok()?;
            Some(EnrollmentId::Domain(engineer, name.clone(), domain))
        };
        let account = accounts.iter().find(|account| account.id.as_str() == holder);
        let Some(id) = account.and_then(row_of) else { return Ok(false) };
        let row = self.house.store.enrollment(&id).await.map_err(away)?;
        let known = row.and_then(|row| row.facts.account);
        Ok(known.is_some_and(|known| known.id.as_str() == holder))
    }

    /// Writes into the account's row what a look has found. Its worker, if it is at work, offers its report again to the row as it is then.
    async fn keep_drift(
        &self,
        name: &ResellerName,
        judged: &Judged,
        began: Timestamp,
    ) -> Result<Option<Kept>, StoreError> {
        let id = EnrollmentId::Reseller(name.clone());
        for _ in 0..RACES_MAX {
            let Some(row) = self.house.store.enrollment(&id).await? else { return Ok(None) };
            let before = row.facts.drift.as_deref();
            let accepted = &self.settings.drift.accepted;
            let mut drift = Drift::after(before, name, judged.all(), accepted, judged.ended);
            let kept = Kept { turned: drift.turned(before, name), repairs: judged.repairs(&drift) };
            // Who asked while this look was under way wants another.
            let asked = before.and_then(|before| before.look_again);
            let asked = asked.filter(|at| *at > began && *at <= self.house.clock.now());
            drift.look_again = asked.or_else(|| self.next_look(name, &kept.turned, judged.ended));
            let after = row.with_drift(drift);
            match self.commit_row(&row, &after, Actor::Engine, self.fences_of(&row)?).await {
                Err(StoreError::Conflict) => (),
                written => return written.map(|()| self.learn(&after)).map(|()| Some(kept)),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Accounts are looked at one after the other and not all at once; and soon, where something was told to be mended for the first time.
    fn next_look(&self, name: &ResellerName, turned: &Turned, checked_at: Timestamp) -> Option<Timestamp> {
        let every = self.settings.drift.every?;
        let is_mended = turned.appeared.iter().any(|finding| finding.action == Action::Repair);
        let every = if is_mended { every.min(AFTER_REPAIR) } else { every };
        Some(later(checked_at, every - part_of(name.as_str(), every / 10)))
    }

    /// Has the rows look again that are to mend something, unless they are at work already.
    async fn have_repaired(&self, name: &ResellerName, repairs: &[Finding]) -> Result<(), StoreError> {
        let rows: BTreeSet<EnrollmentId> = repairs.iter().map(|finding| finding.row(name)).collect();
        for id in rows {
            let Some(row) = self.house.store.enrollment(&id).await? else { continue };
            let is_at_rest = match row.id.domain() {
                Some(_) => matches!(Standing::of(&row), Standing::Ready | Standing::Gone),
                None => row.is_settled(),
            };
            if is_at_rest {
                tracing::info!(row = %id, "others have changed something: the row looks again");
                self.move_row(&row, Input::Recheck).await;
                row.id.lanes().iter().for_each(|lane| self.wake(lane));
            }
        }
        Ok(())
    }
}

impl Judged {
    /// Everything that stands in the row from now on.
    fn all(&self) -> Vec<Finding> {
        let kept = self.unjudged.iter().filter(|known| !self.found.iter().any(|one| one.is(known)));
        self.found.iter().chain(kept).cloned().collect()
    }

    /// What rows are to mend of what is kept: rows that were not judged are at work already.
    fn repairs(&self, drift: &Drift) -> Vec<Finding> {
        let is_so = |finding: &&Finding| {
            finding.action == Action::Repair && self.found.iter().any(|one| one.is(finding))
        };
        drift.findings.iter().filter(is_so).cloned().collect()
    }
}

impl Read {
    fn lists(&self) -> Lists<'_> {
        let began = [self.accounts.began, self.assignments.began, self.roles.began, self.licenses.began];
        let ended = [self.accounts.ended, self.assignments.ended, self.roles.ended, self.licenses.ended];
        Lists {
            accounts: &self.accounts.items,
            assignments: &self.assignments.items,
            roles: &self.roles.items,
            licenses: &self.licenses.items,
            began: began.into_iter().min().expect("four lists"),
            ended: ended.into_iter().max().expect("four lists"),
        }
    }
}

/// Whole lists that begin now or later; one that fails is waited for by none of the others.
async fn read_lists(site: &Site, from: Timestamp) -> Result<Read, Failure> {
    let census = &site.census;
    let licenses = async {
        if site.reseller.home {
            // An engineer's own account may have what licences it likes.
            return Ok(Arc::new(Snapshot { began: from, ended: from, items: Vec::new() }));
        }
        patiently(|| census.paid_licenses(from)).await
    };
    let (accounts, assignments, roles, licenses) = try_join4(
        patiently(|| census.accounts(from)),
        patiently(|| census.assignments(from)),
        patiently(|| census.roles(from)),
        licenses,
    )
    .await?;
    Ok(Read { accounts, assignments, roles, licenses })
}

/// Waits for a long list that is being read.
async fn patiently<T, R>(ask: impl Fn() -> R) -> Result<T, Failure>
where
    R: Future<Output = Result<T, Failure>>,
{
    for _ in 1..WAITS_MAX {
        match ask().await {
            Err(failure) if failure.kind == FailureKind::NotYet => (),
            answered => return answered,
        }
    }
    ask().await
}

fn tick(every: SignedDuration) -> Duration {
    let (shortest, longest) = TICK;
    (every / TICK_PART).clamp(shortest, longest).unsigned_abs()
}

fn away(error: StoreError) -> Failure {
    SheetError::from(error).into()
}
