//! One token bucket whose rate adapts (AIMD): it halves when Google throttles, comes back within seconds to a little below the rate at
//! which that happened, creeps on to it over four minutes, and only then looks for more. So whoever shares a quota with others meets its
//! edge once in a few minutes and is close to it in between. Pure: time is passed in.
//! Not here: waiting (`limits`).

use super::{Rate, Supply};
use std::time::Duration;
use tokio::time::Instant;

/// A burst of throttled answers counts once.
const CUT_GAP: Duration = Duration::from_secs(1);
/// The rate never falls below this share of its ceiling.
const FLOOR: f64 = 1.0 / 32.0;
/// The longest wish of Google's that is obeyed in one go.
const HOLD_MAX: Duration = Duration::from_hours(1);
/// After throttled answers in a row, with none of another kind in between, nothing is asked for so long at most.
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// Without another throttled answer for so long what was asked in vain is over.
const QUIET: Duration = Duration::from_mins(1);

/// How far the rate comes back quickly, as a share of the limit that was met, and in how many seconds.
const QUICKLY: (f64, f64) = (0.96, 4.0);
/// How many seconds it takes from there to the limit.
const CREEP_SECONDS: f64 = 240.0;
/// In so many seconds beyond that the rate doubles, faster and faster.
const SEARCH_SECONDS: f64 = 60.0;
/// Throttled below the limit that was believed in, and within so many seconds of coming back: far above what Google allows.
const FAR_SECONDS: f64 = 6.0;
/// How much of that rate is believed in then, and how much where it took longer.
const FAR: f64 = 0.8;
const NEAR: f64 = 0.98;

/// One bucket. Its tokens go below zero: that is the queue, first come, first served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    ceiling: Rate,
    rate: f64,
    tokens: f64,
    at: Instant,
    hold: Instant,
    /// For how long nothing was to be asked, all together.
    held: Duration,
    cut: Option<Cut>,
}

/// What is remembered of the last throttled answer that counted.
#[derive(Clone, Copy, Debug)]
struct Cut {
    counted: Instant,
    /// Since when the rate comes back: from then, or from the first answer of another kind since.
    at: Instant,
    /// The rate that Google seems to allow.
    limit: f64,
    /// The rate right after it.
    low: f64,
    /// How many there were without an answer of another kind in between; 0 after one.
    in_vain: u32,
}

impl Bucket {
    pub(super) fn new(configured: Rate, now: Instant) -> Self {
        // A zero or a "not a number" would stop the lane for ever.
        let ceiling = Rate { per_second: configured.per_second.max(0.01), burst: configured.burst.max(1.0) };
        Self {
            ceiling,
            rate: ceiling.per_second,
            tokens: ceiling.burst,
            at: now,
            hold: now,
            held: Duration::ZERO,
            cut: None,
        }
    }

    pub(super) fn held(&self) -> Duration {
        self.held
    }

    pub(super) fn supply(&mut self, now: Instant) -> Supply {
        self.roll(now);
        let hold = self.hold.saturating_duration_since(now);
        let has_one = self.tokens >= 1.0 - ROUNDING && hold.is_zero();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a burst is a small number, and below one there is none"
        )]
        let now = if has_one { (self.tokens + ROUNDING) as u32 } else { 0 };
        let missing = (1.0 - self.tokens).max(0.0);
        let wait = if has_one { Duration::ZERO } else { hold + Duration::from_secs_f64(missing / self.rate) };
        Supply { now, wait, per_second: self.rate }
    }

    /// Takes a token that is there.
    pub(super) fn spend(&mut self) {
        self.tokens -= 1.0;
    }

    /// One that was taken was not used.
    pub(super) fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.ceiling.burst);
    }

    /// Lets time pass: tokens come back, but not while nothing is to be asked, and a lowered rate comes back.
    fn roll(&mut self, now: Instant) {
        let unheld = now.saturating_duration_since(self.at.max(self.hold)).as_secs_f64();
        self.tokens = (self.tokens + unheld * self.rate).min(self.ceiling.burst);
        self.at = self.at.max(now);
        self.rate =
            self.cut.map_or(self.ceiling.per_second, |cut| cut.rate(now)).min(self.ceiling.per_second);
    }

    /// Takes one token and says how long to wait for it; takes none if that is longer than `patience`.
    pub(super) fn reserve(&mut self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
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

    /// How far a turn has moved that was given when nothing was to be asked for so long; it is given back if that is too far.
    pub(super) fn moved_by(&mut self, held: Duration, patience: Duration) -> Result<Duration, Duration> {
        let moved = self.held.saturating_sub(held);
        if moved > patience {
            self.tokens += 1.0;
            return Err(moved);
        }
        Ok(moved)
    }

    /// Google did what it was asked.
    pub(super) fn answered(&mut self, now: Instant) {
        if self.cut.is_some_and(|cut| cut.in_vain > 0) {
            self.roll(now);
            self.cut = self.cut.map(|cut| Cut { at: now, in_vain: 0, ..cut });
        }
    }

    pub(super) fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.roll(now);
        if self.cut.is_none_or(|cut| now.saturating_duration_since(cut.counted) >= CUT_GAP) {
            let cut = Cut::after(self.cut, self.rate, self.ceiling.per_second * FLOOR, now);
            self.rate = cut.low;
            self.tokens = self.tokens.min(0.0);
            self.cut = Some(cut);
            self.hold(now, cut.pause());
        }
        if let Some(wish) = retry_after {
            self.hold(now, wish.min(HOLD_MAX));
            // What was saved up is not spent in one go when the wish is over.
            self.tokens = self.tokens.min(0.0);
        }
    }

    /// Nothing is asked for so long.
    fn hold(&mut self, now: Instant, wish: Duration) {
        let hold = now + wish;
        self.held += hold.saturating_duration_since(self.hold.max(now));
        self.hold = self.hold.max(hold);
    }
}

/// Tokens are fractions, and adding them up makes them a little less than they are.
const ROUNDING: f64 = 1e-6;

impl Cut {
    /// What follows from a throttled answer at a rate.
    fn after(before: Option<Self>, rate: f64, floor: f64, now: Instant) -> Self {
        let low = (rate / 2.0).max(floor);
        let (limit, in_vain) = match before {
            Some(cut) if cut.is_in_vain(now) => (cut.limit, cut.in_vain.saturating_add(1)),
            Some(cut) if rate < cut.limit => {
                let since = now.saturating_duration_since(cut.at).as_secs_f64();
                ((rate * if since < FAR_SECONDS { FAR } else { NEAR }).max(floor), 1)
            }
            Some(_) | None => (rate, 1),
        };
        Self { counted: now, at: now, limit, low, in_vain }
    }

    fn is_in_vain(&self, now: Instant) -> bool {
        self.in_vain > 0 && now.saturating_duration_since(self.at) < QUIET
    }

    /// Nothing is asked for a while where asking again was in vain.
    fn pause(&self) -> Duration {
        if self.in_vain < 2 {
            return Duration::ZERO;
        }
        Duration::from_secs(1 << (self.in_vain - 2).min(3)).min(PAUSE_MAX)
    }

    /// The rate at a time.
    fn rate(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        let (share, quickly) = QUICKLY;
        let low = self.low.min(share * self.limit);
        if self.is_in_vain(now) {
            low
        } else if since < quickly {
            low + (share * self.limit - low) * since / quickly
        } else if since < quickly + CREEP_SECONDS {
            self.limit * (share + (1.0 - share) * (since - quickly) / CREEP_SECONDS)
        } else {
            let beyond = (since - quickly - CREEP_SECONDS) / SEARCH_SECONDS;
            self.limit * (1.0 + beyond * beyond)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WAIT_MAX;
    use super::*;

    const RATE: Rate = Rate { per_second: 10.0, burst: 1.0 };

    fn bucket() -> (Bucket, Instant) {
        let now = Instant::now();
        (Bucket::new(RATE, now), now)
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
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
    fn throttling_halves_once_a_second_down_to_the_floor_and_comes_back() {
        let (mut bucket, now) = bucket();
        bucket.throttled(now, None);
        bucket.throttled(now + seconds(0.5), None);
        assert!((bucket.rate - 5.0).abs() < 0.1, "{}", bucket.rate);
        for second in 1..60 {
            bucket.throttled(now + Duration::from_secs(second), None);
        }
        assert!(bucket.rate >= RATE.per_second * FLOOR && bucket.rate < 0.5, "{}", bucket.rate);
        bucket.roll(now + Duration::from_secs(59 + 250));
        assert!((bucket.rate - RATE.per_second).abs() < f64::EPSILON, "{}", bucket.rate);
    }

    #[test]
    fn asking_in_vain_pauses_longer_and_longer_and_the_first_answer_ends_it() {
        let (mut bucket, mut now) = bucket();
        let mut waits = Vec::new();
        for _ in 0..7 {
            bucket.throttled(now, None);
            waits.push(bucket.hold.saturating_duration_since(now).as_secs());
            now = bucket.hold.max(now + CUT_GAP);
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 8, 8]);
        assert!(bucket.rate < 0.5);
        bucket.answered(now);
        bucket.roll(now + seconds(4.0));
        assert!((9.5..9.7).contains(&bucket.rate), "{}", bucket.rate);
    }

    /// Others leave half of the quota. What is asked in ten minutes, once that has been found out: close to the half, and hardly anything
    /// in vain.
    #[test]
    fn what_others_leave_is_found_and_kept_to() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        let (mut last_served, mut served, mut refused) = (now, 0_u32, 0_u32);
        let (settled, end) = (now + Duration::from_mins(3), now + Duration::from_mins(13));
        while now < end {
            now += bucket.reserve(now, WAIT_MAX).unwrap();
            let is_served = now.duration_since(last_served) >= seconds(0.2);
            if is_served {
                bucket.answered(now);
                last_served = now;
            } else {
                bucket.throttled(now, None);
            }
            if now >= settled {
                served += u32::from(is_served);
                refused += u32::from(!is_served);
            }
        }
        let share = f64::from(served) / (5.0 * 600.0);
        assert!(share > 0.9, "{served} served of 3,000");
        assert!(f64::from(refused) < 0.02 * f64::from(served), "{refused} refused");
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
}
