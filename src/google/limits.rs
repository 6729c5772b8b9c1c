//! How fast carepass asks: one token bucket per API of a reseller account, which halves when Google throttles and creeps
//! back (AIMD). Pure: time is passed in; `acquire` is the thin shell that waits.
//! Not here: which answers mean "slower" (`classify`).
//!
//! Limits belong to the Google account and other tools use them too, so the configured rate is a ceiling, not a right.

use crate::model::failure::{Failure, FailureCode, FailureKind};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A budget of its own at Google.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// The Directory API in general: 2,400 a minute for user and project together.
    Directory,
    /// New accounts: 10 a second and domain.
    UserInsert,
    /// New organisational units: one a second and customer.
    OrgUnit,
    /// License Manager: one a second, lists included.
    Licensing,
    /// Cloud Identity: no published number.
    CloudIdentity,
    /// Reports: 250 filtered questions a minute.
    Reports,
    /// The token endpoint: no published number.
    Token,
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
    /// New accounts.
    pub user_insert: Rate,
    /// New organisational units.
    pub org_unit: Rate,
    /// License Manager.
    pub licensing: Rate,
    /// Cloud Identity.
    pub cloud_identity: Rate,
    /// Reports.
    pub reports: Rate,
    /// The token endpoint.
    pub token: Rate,
}

impl Default for Rates {
    /// Well below Google's published limits (Directory API "limits and quotas", License Manager "usage limits").
    fn default() -> Self {
        Self {
            directory: Rate { per_second: 5.0, burst: 10.0 },
            user_insert: Rate { per_second: 1.0, burst: 1.0 },
            org_unit: Rate { per_second: 1.0, burst: 1.0 },
            licensing: Rate { per_second: 1.0 / 1.2, burst: 1.0 },
            cloud_identity: Rate { per_second: 1.0 / 1.5, burst: 1.0 },
            reports: Rate { per_second: 1.0, burst: 1.0 },
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
            Quota::Reports => self.reports,
            Quota::Token => self.token,
        }
    }
}

/// The longest a call waits for its turn; beyond that the row comes back later and frees its worker.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// A burst of throttled answers counts once.
const CUT_GAP: Duration = Duration::from_secs(1);
/// The rate never falls below this share of its ceiling.
const FLOOR: f64 = 1.0 / 32.0;
/// How long the way back from nothing to the ceiling takes, in seconds.
const RECOVERY_SECONDS: f64 = 120.0;
/// The longest wish of Google's that is obeyed in one go.
const HOLD_MAX: Duration = Duration::from_hours(1);

/// The buckets of one reseller account.
#[derive(Debug)]
pub struct Limits {
    rates: Rates,
    buckets: Mutex<BTreeMap<Quota, Bucket>>,
}

impl Limits {
    /// Full buckets.
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// Waits for a turn, in order of arrival. Errors: `rate_limited` when the turn is too far away to wait for, or moves there because
    /// Google asks to wait; nothing was taken then.
    pub async fn acquire(&self, quota: Quota) -> Result<(), Failure> {
        let give_up = Instant::now() + WAIT_MAX;
        let reserved = self
            .with(quota, |bucket| bucket.reserve(Instant::now(), WAIT_MAX).map(|wait| (wait, bucket.held)));
        let (mut wait, mut held) = reserved.map_err(too_far)?;
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            let patience = give_up.saturating_duration_since(Instant::now());
            wait = self.with(quota, |bucket| bucket.moved_by(held, patience)).map_err(too_far)?;
            held += wait;
        }
        Ok(())
    }

    /// Google asked to slow down.
    pub fn throttled(&self, quota: Quota, retry_after: Option<Duration>) {
        self.with(quota, |bucket| bucket.throttled(Instant::now(), retry_after));
    }

    fn with<R>(&self, quota: Quota, act: impl FnOnce(&mut Bucket) -> R) -> R {
        // A bucket is whole after each step, so one that a panicking thread held is as good as any.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        act(buckets.entry(quota).or_insert_with(|| Bucket::new(self.rates.of(quota), Instant::now())))
    }
}

fn too_far(wait: Duration) -> Failure {
    Failure::new(FailureKind::Throttled, FailureCode::RateLimited)
        .after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// One token bucket. Its tokens go below zero: that is the queue, first come, first served.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    ceiling: Rate,
    rate: f64,
    tokens: f64,
    at: Instant,
    hold: Instant,
    /// For how long Google has asked to wait, all together.
    held: Duration,
    last_cut: Option<Instant>,
}

impl Bucket {
    fn new(configured: Rate, now: Instant) -> Self {
        // A zero or a "not a number" would stop the lane for ever.
        let ceiling = Rate { per_second: configured.per_second.max(0.01), burst: configured.burst.max(1.0) };
        Self {
            ceiling,
            rate: ceiling.per_second,
            tokens: ceiling.burst,
            at: now,
            hold: now,
            held: Duration::ZERO,
            last_cut: None,
        }
    }

    /// Lets time pass: tokens come back, but not while Google's wish holds, and a lowered rate creeps up.
    fn roll(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        let unheld = now.saturating_duration_since(self.at.max(self.hold)).as_secs_f64();
        self.tokens = (self.tokens + unheld * self.rate).min(self.ceiling.burst);
        let growth = seconds * self.ceiling.per_second / RECOVERY_SECONDS;
        self.rate = (self.rate + growth).min(self.ceiling.per_second);
        self.at = self.at.max(now);
    }

    /// Takes one token and says how long to wait for it; takes none if that is longer than `patience`.
    fn reserve(&mut self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        self.roll(now);
        let missing = 1.0 - self.tokens;
        let queue =
            if missing <= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(missing / self.rate) };
        let wait = self.hold.saturating_duration_since(now) + queue;
        if wait > patience {
            return Err(wait);
        }
        self.tokens -= 1.0;
        Ok(wait)
    }

    /// How far a turn has moved that was given when Google had asked to wait for so long; it is given back if that is too far.
    fn moved_by(&mut self, held: Duration, patience: Duration) -> Result<Duration, Duration> {
        let moved = self.held.saturating_sub(held);
        if moved > patience {
            self.tokens += 1.0;
            return Err(moved);
        }
        Ok(moved)
    }

    fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.roll(now);
        if self.last_cut.is_none_or(|cut| now.saturating_duration_since(cut) >= CUT_GAP) {
            self.rate = (self.rate / 2.0).max(self.ceiling.per_second * FLOOR);
            self.tokens = self.tokens.min(0.0);
            self.last_cut = Some(now);
        }
        if let Some(wish) = retry_after {
            let hold = now + wish.min(HOLD_MAX);
            self.held += hold.saturating_duration_since(self.hold.max(now));
            self.hold = self.hold.max(hold);
            // What was saved up is not spent in one go when the wish is over.
            self.tokens = self.tokens.min(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 1.0 };

    fn bucket() -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket::new(RATE, now), now)
    }

    #[test]
    fn turns_come_at_the_configured_pace_and_in_order() {
        let (mut bucket, now) = bucket();
        let waits: Vec<u128> = (0..64).map(|_| bucket.reserve(now, WAIT_MAX).unwrap().as_millis()).collect();
        let expected: Vec<u128> = (0..64).map(|turn| turn * 100).collect();
        assert!(
            waits.iter().zip(&expected).all(|(wait, expected)| wait.abs_diff(*expected) <= 1),
            "{waits:?}"
        );
    }

    #[test]
    fn a_turn_too_far_away_is_refused_and_costs_nothing() {
        let (mut bucket, now) = bucket();
        let patience = Duration::from_millis(150);
        assert!(bucket.reserve(now, patience).is_ok());
        assert!(bucket.reserve(now, patience).is_ok());
        for _ in 0..10 {
            assert_eq!(bucket.reserve(now, patience).unwrap_err().as_millis(), 200);
        }
    }

    #[test]
    fn throttling_halves_once_a_second_down_to_the_floor_and_creeps_back() {
        let (mut bucket, now) = bucket();
        bucket.throttled(now, None);
        bucket.throttled(now + Duration::from_millis(500), None);
        assert!((5.0..5.1).contains(&bucket.rate), "{}", bucket.rate);
        for second in 1..60 {
            bucket.throttled(now + Duration::from_secs(second), None);
        }
        assert!(bucket.rate >= RATE.per_second * FLOOR && bucket.rate < 0.5, "{}", bucket.rate);
        bucket.roll(now + Duration::from_secs(59 + 130));
        assert!((bucket.rate - RATE.per_second).abs() < f64::EPSILON);
    }

    #[test]
    fn googles_wish_holds_the_whole_bucket_within_bounds() {
        let (mut bucket, now) = bucket();
        bucket.throttled(now, Some(Duration::from_secs(15)));
        assert!(bucket.reserve(now, WAIT_MAX).unwrap() >= Duration::from_secs(15));
        bucket.throttled(now, Some(Duration::from_secs(u64::MAX)));
        let wait = bucket.reserve(now, WAIT_MAX).unwrap_err();
        assert!(wait <= HOLD_MAX + Duration::from_secs(1));
    }

    #[test]
    fn after_googles_wish_the_turns_come_one_by_one() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 10.0 }, now);
        bucket.throttled(now, Some(Duration::from_secs(10)));
        let turns = (0..5).map(|_| bucket.reserve(now, WAIT_MAX).unwrap().as_millis());
        let turns: Vec<u128> = turns.collect();
        assert!(turns.windows(2).all(|pair| (199..=201).contains(&(pair[1] - pair[0]))), "{turns:?}");
        let later = bucket.reserve(now + Duration::from_secs(10), WAIT_MAX).unwrap();
        assert!((Duration::from_millis(600)..Duration::from_secs(2)).contains(&later), "{later:?}");
    }

    #[test]
    fn nonsense_rates_do_not_stop_the_lane() {
        for per_second in [0.0, -1.0, f64::NAN] {
            let now = Instant::now();
            let mut bucket = Bucket::new(Rate { per_second, burst: f64::NAN }, now);
            assert_eq!(bucket.reserve(now, WAIT_MAX), Ok(Duration::ZERO));
            assert!(bucket.rate > 0.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_shell_waits_on_the_clock_that_tests_can_move() {
        let limits = Limits::new(Rates { org_unit: RATE, ..Rates::default() });
        let begun = Instant::now();
        for _ in 0..11 {
            limits.acquire(Quota::OrgUnit).await.unwrap();
        }
        assert!((990..1_100).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        limits.throttled(Quota::OrgUnit, Some(Duration::from_mins(1)));
        let failure = limits.acquire(Quota::OrgUnit).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::RateLimited);
        assert!(failure.retry_after_ms.is_some_and(|wait| (59_000..=61_000).contains(&wait)));
        assert!(limits.acquire(Quota::Directory).await.is_ok(), "the other buckets go on");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_already_waits_on_when_google_asks_to() {
        let limits = Limits::new(Rates { org_unit: RATE, ..Rates::default() });
        limits.acquire(Quota::OrgUnit).await.unwrap();
        let begun = Instant::now();
        let ask = async || {
            limits.acquire(Quota::OrgUnit).await.unwrap();
            begun.elapsed()
        };
        let google = async { limits.throttled(Quota::OrgUnit, Some(Duration::from_secs(5))) };
        let (first, second, ()) = tokio::join!(ask(), ask(), google);
        assert!(first >= Duration::from_secs(5), "{first:?}");
        assert!(second >= first + Duration::from_millis(99), "{second:?} after {first:?}");
    }
}
