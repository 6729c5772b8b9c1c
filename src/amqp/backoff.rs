//! How long to wait before the next attempt to connect: full jitter between 0.2 s and a ceiling that doubles
//! up to 5 s, so that replicas that lost the same broker do not come back in step.
//! Not here: waiting itself, and when a connection counts as good (`publish`, `consume`).

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// A connection that lasted this long was a good one: the wait after it is short again.
pub(super) const GOOD_CONNECTION: Duration = Duration::from_secs(30);

pub(super) struct Backoff {
    chance: fastrand::Rng,
    attempt: u32,
}

impl Backoff {
    pub(super) fn new(chance: fastrand::Rng) -> Self {
        Self { chance, attempt: 0 }
    }

    /// The next wait; each is drawn from a wider range than the one before.
    pub(super) fn next(&mut self) -> Duration {
        self.attempt = self.attempt.saturating_add(1);
        let ceiling = SHORTEST.saturating_mul(2u32.saturating_pow(self.attempt)).min(LONGEST);
        let spread = self.chance.f64();
        SHORTEST + ceiling.saturating_sub(SHORTEST).mul_f64(spread)
    }

    /// The connection has proved itself.
    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_within_a_ceiling_that_doubles() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            for attempt in 1..40u32 {
                let ceiling = SHORTEST.saturating_mul(2u32.saturating_pow(attempt));
                let wait = backoff.next();
                assert!((SHORTEST..=ceiling.min(LONGEST)).contains(&wait));
            }
            backoff.reset();
            assert!(backoff.next() <= SHORTEST * 2);
        }
    }
}
