//! The pace of reading all that is stored, so that a million rows that wait cost next to nothing: the first pages at once, then so slowly
//! that it takes a small share of a core. What is found late costs its row some time, never its end: rows and engineers wake by themselves.
//! Not here: what is looked for.

use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pages that are read without a pause: a house of some thousands is gone through at once.
const AT_ONCE: u32 = 20;

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// How slowly.
#[derive(Debug)]
pub(super) struct Pace {
    /// A pause is so many times as long as the page took; none for who is in a hurry.
    times: u32,
    pages: u32,
    begun: Instant,
}

impl Pace {
    /// No pauses.
    pub(super) fn hurried() -> Self {
        Self::of(0)
    }

    /// A quarter of a core, for what is done once.
    pub(super) fn brisk() -> Self {
        Self::of(3)
    }

    /// The hundred-and-fiftieth part of a core, for what never ends.
    pub(super) fn idle() -> Self {
        Self::of(149)
    }

    fn of(times: u32) -> Self {
        Self { times, pages: 0, begun: Instant::now() }
    }

    /// A page was dealt with.
    pub(super) async fn page_done(&mut self, stop: &CancellationToken) {
        self.pages += 1;
        let pause = if self.pages > AT_ONCE {
            (self.begun.elapsed() * self.times).min(PAUSE_MAX)
        } else {
            Duration::ZERO
        };
        if !pause.is_zero() {
            tokio::select! { () = stop.cancelled() => (), () = tokio::time::sleep(pause) => () }
        }
        self.begun = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it takes until so many pages of 10 ms each were dealt with.
    async fn check(mut pace: Pace, pages: u32, expected_ms: u64) {
        let (stop, begun) = (CancellationToken::new(), Instant::now());
        for _ in 0..pages {
            tokio::time::advance(Duration::from_millis(10)).await;
            pace.page_done(&stop).await;
        }
        let took = begun.elapsed().as_millis();
        assert!(
            (i128::try_from(took).unwrap() - i128::from(expected_ms)).abs() <= 2 * i128::from(pages),
            "{pages}: {took} ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_pages_are_read_at_once_and_the_rest_at_a_pace() {
        check(Pace::hurried(), 100, 1_000).await;
        check(Pace::idle(), AT_ONCE, 200).await;
        check(Pace::idle(), AT_ONCE + 10, 200 + 10 * 1_500).await;
        check(Pace::brisk(), AT_ONCE + 10, 200 + 10 * 40).await;
        let stop = CancellationToken::new();
        stop.cancel();
        let (begun, mut pace) = (Instant::now(), Pace { pages: AT_ONCE, ..Pace::idle() });
        tokio::time::advance(Duration::from_secs(1)).await;
        pace.page_done(&stop).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(1), "whoever stops waits for nobody");
    }
}
