//! The numbers of the machine and the delays that follow from them. Chance is a hash of the row: it spreads and stays pure.
//! Not here: Google's rates (`google/limits`), and when to ask whom (`transition`).

use super::enrollment::{At, EnrollmentId};
use super::failure::{Failure, FailureCode, FailureKind};
use jiff::{SignedDuration, Timestamp};

/// The longest interval at which a reseller account that waits is looked at.
const RESELLER_LOOK_MAX: SignedDuration = SignedDuration::from_mins(30);

/// The longest delay while something is "not yet", in multiples of [`Rules::settle`].
const SETTLES_MAX: i32 = 10;

/// How long, how often, how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a run may be silent before it counts as lost.
    pub lease: SignedDuration,
    /// Transient failures in a row before a person is asked.
    pub attempts_max: u32,
    /// How long a thing may be "not yet" or throttled before it becomes a wait.
    pub patience: SignedDuration,
    /// The delay after the first transient failure; it doubles.
    pub backoff_min: SignedDuration,
    /// The longest delay between two attempts.
    pub backoff_max: SignedDuration,
    /// The delay while something is "not yet"; it grows with the time that this takes, up to tenfold.
    pub settle: SignedDuration,
    /// The first interval at which a waiting row looks again by itself; it doubles.
    pub look_min: SignedDuration,
    /// The longest interval at which a waiting row looks again.
    pub look_max: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_secs(120),
            attempts_max: 8,
            patience: SignedDuration::from_mins(15),
            backoff_min: SignedDuration::from_secs(2),
            backoff_max: SignedDuration::from_mins(5),
            settle: SignedDuration::from_secs(3),
            look_min: SignedDuration::from_mins(5),
            look_max: SignedDuration::from_hours(1),
        }
    }
}

impl Rules {
    /// When a row that failed is tried again.
    pub fn retry_at(&self, id: &EnrollmentId, at: At, failure: &Failure, now: Timestamp) -> Timestamp {
        let base = match failure.kind {
            // Nothing is known to be wrong with the step, unless it happens again.
            FailureKind::Transient if failure.code == FailureCode::WorkerLost => match at.attempt {
                ..=1 => SignedDuration::ZERO,
                again => doubled(self.backoff_min, again - 2, self.backoff_max),
            },
            FailureKind::Transient | FailureKind::Throttled => {
                doubled(self.backoff_min, at.attempt - 1, self.backoff_max)
            }
            // What takes long is asked about less and less often.
            FailureKind::NotYet => {
                (now.duration_since(at.since) / 2).clamp(self.settle, self.settle * SETTLES_MAX)
            }
            // Nothing is tried again by itself here: such a row waits (`look_again_at`).
            FailureKind::Needs(_) | FailureKind::Permanent => self.look_min,
        };
        let wished = SignedDuration::from_millis(
            i64::try_from(failure.retry_after_ms.unwrap_or(0)).unwrap_or(i64::MAX),
        );
        later(now, spread(base.max(wished.min(self.look_max)), id, at))
    }

    /// When a waiting row looks again.
    pub fn look_again_at(&self, id: &EnrollmentId, at: At, now: Timestamp) -> Timestamp {
        let look_max = match id {
            // A whole account stands still, and one look is cheap.
            EnrollmentId::Reseller(_) => self.look_max.min(RESELLER_LOOK_MAX),
            EnrollmentId::Domain(..) | EnrollmentId::Engineer(_) => self.look_max,
        };
        later(now, spread(doubled(self.look_min, at.looks.saturating_sub(1), look_max), id, at))
    }
}

/// `now` and a duration, held at the end of time instead of overflowing.
pub fn later(now: Timestamp, duration: SignedDuration) -> Timestamp {
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

fn doubled(first: SignedDuration, times: u32, max: SignedDuration) -> SignedDuration {
    first.checked_mul(1 << times.min(20)).unwrap_or(max).min(max)
}

/// Adds up to a quarter, by a hash of the row and the attempt.
fn spread(base: SignedDuration, id: &EnrollmentId, at: At) -> SignedDuration {
    let text = format!("{id} {} {} {}", at.step, at.attempt, at.looks);
    let percent = i32::try_from(fnv1a(text.as_bytes()) % 25).expect("a remainder of 25 fits");
    base + base * percent / 100
}

/// A part of a time that is always the same for a name, so that what comes again for many names does not come for all at once.
pub(crate) fn part_of(name: &str, whole: SignedDuration) -> SignedDuration {
    let thousandth = i32::try_from(fnv1a(name.as_bytes()) % 1_000).expect("a remainder of 1000 fits");
    whole / 1_000 * thousandth
}

/// FNV-1a, 64 bit: the same on every machine and in every version, unlike the standard library's hasher.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::super::plan::StepName;
    use super::*;

    #[test]
    fn delays_double_within_their_bounds_and_obey_the_other_side() {
        let rules = Rules::default();
        let id: EnrollmentId = "reseller/nordic-se".parse().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let delay = |attempt, failure: &Failure| {
            let at =
                At { step: StepName::Credentials, attempt, runs: 1, looks: 0, waited_for: None, since: now };
            rules.retry_at(&id, at, failure, now).duration_since(now)
        };
        let transient = Failure::transient(FailureCode::Timeout);
        for attempt in 1..40 {
            let base = doubled(rules.backoff_min, attempt - 1, rules.backoff_max);
            assert!(delay(attempt, &transient) >= base && delay(attempt, &transient) <= base * 5 / 4);
        }
        let lost = Failure::transient(FailureCode::WorkerLost);
        assert_eq!(delay(1, &lost), SignedDuration::ZERO, "a process that ended says nothing of the step");
        for attempt in 2..40 {
            let base = doubled(rules.backoff_min, attempt - 2, rules.backoff_max);
            assert!(delay(attempt, &lost) >= base && delay(attempt, &lost) <= base * 5 / 4, "{attempt}");
        }
        let not_yet = Failure::not_yet(FailureCode::AccountSettling);
        let delay_after = |seconds| {
            let since = now - SignedDuration::from_secs(seconds);
            let at = At { step: StepName::Role, attempt: 1, runs: 1, looks: 0, waited_for: None, since };
            rules.retry_at(&id, at, &not_yet, now).duration_since(now).as_millis() * 4 / 5
        };
        for (seconds, least, most) in
            [(-9, 2_000, 3_000), (4, 2_000, 3_000), (20, 8_000, 10_000), (900, 24_000, 30_000)]
        {
            assert!((least..=most).contains(&delay_after(seconds)), "{seconds}: {}", delay_after(seconds));
        }
        assert!(delay(1, &transient.clone().after_ms(60_000)) >= SignedDuration::from_secs(60));
        assert!(delay(1, &transient.after_ms(u64::MAX)) <= rules.look_max * 5 / 4);
        assert_eq!(later(Timestamp::MAX, SignedDuration::MAX), Timestamp::MAX);
    }
}
