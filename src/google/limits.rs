//! How fast carepass asks: one token bucket per API of a reseller account, and for new accounts one per domain, each with a rate that
//! adapts (`limits/bucket`). Who starts work takes its turns beforehand and all at once, or none; a call for which nobody did waits for
//! its turn here.
//! Not here: which answers mean "slower" (`classify`), and which row may start (`engine/choose`).
//!
//! Limits belong to the Google account and other tools use them too, so the configured rate is a ceiling, not a right.

mod bucket;

use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::DomainName;
use bucket::Bucket;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A budget of its own at Google.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// The Directory API in general: 2,400 a minute for user and project together.
    Directory,
    /// New accounts: 10 a second in each domain; each counts on the Directory API too.
    UserInsert,
    /// New organisational units: one a second and customer; each counts on the Directory API too.
    OrgUnit,
    /// License Manager: one a second, lists included.
    Licensing,
    /// Questions of Cloud Identity about unmanaged accounts: no published number.
    CloudIdentity,
    /// Policies of Cloud Identity: refused when they come less than a second apart.
    Policies,
    /// Reports: 250 filtered questions a minute.
    Reports,
    /// The token endpoint: no published number.
    Token,
}

/// What one call takes: of a quota, and where that is counted for each domain, in which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    quota: Quota,
    domain: Option<DomainName>,
}

impl Quota {
    /// Its name, as metrics show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::UserInsert => "user_insert",
            Self::OrgUnit => "org_unit",
            Self::Licensing => "licensing",
            Self::CloudIdentity => "cloud_identity",
            Self::Policies => "policies",
            Self::Reports => "reports",
            Self::Token => "token",
        }
    }

    /// A turn of this quota for a call about a domain.
    pub fn turn(self, domain: Option<&DomainName>) -> Turn {
        Turn { quota: self, domain: domain.filter(|_| self == Self::UserInsert).cloned() }
    }

    /// The quota on which a call counts besides.
    pub fn within(self) -> Option<Self> {
        match self {
            Self::UserInsert | Self::OrgUnit => Some(Self::Directory),
            Self::Directory
            | Self::Licensing
            | Self::CloudIdentity
            | Self::Policies
            | Self::Reports
            | Self::Token => None,
        }
    }
}

/// A ceiling: how many calls a second in the long run, and how many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Calls a second.
    pub per_second: f64,
    /// Calls at once.
    pub burst: f64,
}

/// The ceilings of one reseller account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// The Directory API in general.
    pub directory: Rate,
    /// New accounts, in each domain.
    pub user_insert: Rate,
    /// New organisational units.
    pub org_unit: Rate,
    /// License Manager.
    pub licensing: Rate,
    /// Cloud Identity, but for policies.
    pub cloud_identity: Rate,
    /// Cloud Identity's policies.
    pub policies: Rate,
    /// Reports.
    pub reports: Rate,
    /// The token endpoint.
    pub token: Rate,
}

impl Default for Rates {
    /// Google's published limits (Directory API "limits and quotas", License Manager "usage limits"), as closely as nobody is refused who
    /// is alone: in a window of Google's at most `burst` and what comes back in it are asked.
    fn default() -> Self {
        Self {
            directory: Rate { per_second: 39.0, burst: 39.0 },
            user_insert: Rate { per_second: 9.0, burst: 1.0 },
            org_unit: Rate { per_second: 0.95, burst: 1.0 },
            licensing: Rate { per_second: 0.95, burst: 1.0 },
            cloud_identity: Rate { per_second: 10.0, burst: 10.0 },
            policies: Rate { per_second: 1.0 / 1.5, burst: 1.0 },
            reports: Rate { per_second: 4.0, burst: 1.0 },
            token: Rate { per_second: 5.0, burst: 10.0 },
        }
    }
}

impl Rates {
    fn of(&self, quota: Quota) -> Rate {
        match quota {
            Quota::Directory => self.directory,
            Quota::UserInsert => self.user_insert,
            Quota::OrgUnit => self.org_unit,
            Quota::Licensing => self.licensing,
            Quota::CloudIdentity => self.cloud_identity,
            Quota::Policies => self.policies,
            Quota::Reports => self.reports,
            Quota::Token => self.token,
        }
    }
}

/// The longest a call waits for its turn; beyond that the row comes back later and frees its worker.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// What a lane can have of a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supply {
    /// So many now.
    pub now: u32,
    /// How long until there is one, where there is none now.
    pub wait: Duration,
    /// So many come back in a second.
    pub per_second: f64,
}

/// The buckets of one reseller account.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    buckets: Mutex<BTreeMap<Turn, Bucket>>,
}

impl Limits {
    /// Full buckets.
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// What there is of a turn.
    pub fn supply(&self, turn: &Turn) -> Supply {
        self.with(turn, |bucket| bucket.supply(Instant::now()))
    }

    /// The ceiling of a quota.
    pub fn ceiling(&self, quota: Quota) -> Rate {
        self.rates.of(quota)
    }

    /// Takes these turns now, all of them or none.
    pub fn take(self: &Arc<Self>, turns: Vec<Turn>) -> Option<Tickets> {
        let mut buckets = self.lock();
        let now = Instant::now();
        for turn in &turns {
            if self.bucket(&mut buckets, turn).supply(now).now == 0 {
                return None;
            }
        }
        for turn in &turns {
            self.bucket(&mut buckets, turn).spend();
        }
        drop(buckets);
        Some(Tickets { limits: Arc::clone(self), left: Mutex::new(turns) })
    }

    /// Waits for a turn, in order of arrival; whoever holds a ticket for it has it at once. Errors: `rate_limited` when the turn is too far
    /// away to wait for, or moves there because Google asks to wait; nothing was taken then.
    pub async fn acquire(&self, quota: Quota, domain: Option<&DomainName>) -> Result<(), Failure> {
        for quota in [Some(quota), quota.within()].into_iter().flatten() {
            let turn = quota.turn(domain);
            if !self.has_ticket(&turn) {
                self.wait_for(&turn).await?;
            }
        }
        Ok(())
    }

    async fn wait_for(&self, turn: &Turn) -> Result<(), Failure> {
        let give_up = Instant::now() + WAIT_MAX;
        let reserved = self
            .with(turn, |bucket| bucket.reserve(Instant::now(), WAIT_MAX).map(|wait| (wait, bucket.held())));
        let (mut wait, mut held) = reserved.map_err(too_far)?;
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            let patience = give_up.saturating_duration_since(Instant::now());
            wait = self.with(turn, |bucket| bucket.moved_by(held, patience)).map_err(too_far)?;
            held += wait;
        }
        Ok(())
    }

    /// Google asked to slow down.
    pub fn throttled(&self, quota: Quota, domain: Option<&DomainName>, retry_after: Option<Duration>) {
        self.with(&quota.turn(domain), |bucket| bucket.throttled(Instant::now(), retry_after));
    }

    /// Google did what it was asked.
    pub fn answered(&self, quota: Quota, domain: Option<&DomainName>) {
        for quota in [Some(quota), quota.within()].into_iter().flatten() {
            self.with(&quota.turn(domain), |bucket| bucket.answered(Instant::now()));
        }
    }

    fn has_ticket(&self, turn: &Turn) -> bool {
        let held = TICKETS
            .try_with(|tickets| std::ptr::eq(Arc::as_ptr(&tickets.limits), self) && tickets.use_one(turn));
        // Outside of any work nobody holds one.
        held.unwrap_or(false)
    }

    fn with<R>(&self, turn: &Turn, act: impl FnOnce(&mut Bucket) -> R) -> R {
        act(self.bucket(&mut self.lock(), turn))
    }

    fn bucket<'b>(&self, buckets: &'b mut BTreeMap<Turn, Bucket>, turn: &Turn) -> &'b mut Bucket {
        let made = || Bucket::new(self.rates.of(turn.quota), Instant::now());
        buckets.entry(turn.clone()).or_insert_with(made)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Turn, Bucket>> {
        // A bucket is whole after each step, so one that a panicking thread held is as good as any.
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// What the work in hand has taken beforehand. What it starts as tasks of their own, a list that serves many, waits for its own turns.
    static TICKETS: Arc<Tickets>;
}

/// Turns that were taken before the calls are made. Those that are not used go back when the tickets are dropped.
#[derive(Debug)]
pub struct Tickets {
    limits: Arc<Limits>,
    left: Mutex<Vec<Turn>>,
}

impl Tickets {
    /// Does work whose calls use these.
    pub async fn spend_in<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        TICKETS.scope(Arc::clone(self), work).await
    }

    /// Whether all of these are left.
    pub fn cover(&self, turns: &[Turn]) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        turns.iter().all(|turn| left.contains(turn))
    }

    fn use_one(&self, turn: &Turn) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let place = left.iter().position(|ticket| ticket == turn);
        place.map(|place| left.swap_remove(place)).is_some()
    }
}

impl Drop for Tickets {
    fn drop(&mut self) {
        for turn in self.left.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.limits.with(&turn, Bucket::give_back);
        }
    }
}

fn too_far(wait: Duration) -> Failure {
    Failure::new(FailureKind::Throttled, FailureCode::RateLimited)
        .after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 1.0 };

    fn limits() -> Arc<Limits> {
        Arc::new(Limits::new(Rates { org_unit: RATE, user_insert: RATE, ..Rates::default() }))
    }

    #[tokio::test(start_paused = true)]
    async fn the_shell_waits_on_the_clock_that_tests_can_move() {
        let limits = limits();
        let begun = Instant::now();
        for _ in 0..11 {
            limits.acquire(Quota::OrgUnit, None).await.unwrap();
        }
        assert!((990..1_100).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        limits.throttled(Quota::OrgUnit, None, Some(Duration::from_mins(1)));
        let failure = limits.acquire(Quota::OrgUnit, None).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::RateLimited);
        assert!(failure.retry_after_ms.is_some_and(|wait| (59_000..=61_000).contains(&wait)));
        assert!(limits.acquire(Quota::Directory, None).await.is_ok(), "the other buckets go on");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_already_waits_on_when_google_asks_to() {
        let limits = limits();
        limits.acquire(Quota::OrgUnit, None).await.unwrap();
        let begun = Instant::now();
        let ask = async || {
            limits.acquire(Quota::OrgUnit, None).await.unwrap();
            begun.elapsed()
        };
        let google = async { limits.throttled(Quota::OrgUnit, None, Some(Duration::from_secs(5))) };
        let (first, second, ()) = tokio::join!(ask(), ask(), google);
        assert!(first >= Duration::from_secs(5), "{first:?}");
        assert!(second >= first + Duration::from_millis(99), "{second:?} after {first:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_all_or_none_and_what_is_not_used_goes_back() {
        let limits = limits();
        let domain: DomainName = "a.example".parse().unwrap();
        let (insert, directory) = (Quota::UserInsert.turn(Some(&domain)), Quota::Directory.turn(None));
        let now = |turn: &Turn| limits.supply(turn).now;
        let tickets = limits.take(vec![insert.clone(), directory.clone()]).unwrap();
        assert_eq!((now(&insert), now(&directory)), (0, 38));
        assert!(limits.take(vec![directory.clone(), insert.clone()]).is_none());
        assert_eq!(now(&directory), 38, "nothing is taken where one turn lacks");
        assert!((90..=100).contains(&limits.supply(&insert).wait.as_millis()));
        let other: DomainName = "b.example".parse().unwrap();
        assert_eq!(now(&Quota::UserInsert.turn(Some(&other))), 1, "each domain has its own");
        drop(tickets);
        assert_eq!((now(&insert), now(&directory)), (1, 39));
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_a_ticket_waits_for_nobody() {
        let (limits, others) = (limits(), limits());
        let (insert, directory) = (Quota::UserInsert.turn(None), Quota::Directory.turn(None));
        let tickets = Arc::new(limits.take(vec![insert.clone(), directory.clone()]).unwrap());
        assert!(tickets.cover(&[directory.clone(), insert.clone()]));
        let begun = Instant::now();
        let work = async {
            others.acquire(Quota::UserInsert, None).await.unwrap();
            limits.acquire(Quota::UserInsert, None).await.unwrap();
            assert_eq!(begun.elapsed(), Duration::ZERO);
            assert_eq!(others.supply(&directory).now, 38, "a ticket is good for its own account alone");
            limits.acquire(Quota::UserInsert, None).await.unwrap();
            assert!(begun.elapsed() >= Duration::from_millis(99), "a ticket is good once");
        };
        tickets.spend_in(work).await;
        assert!(!tickets.cover(&[insert]));
        assert_eq!(limits.supply(&directory).now, 38);
    }
}
