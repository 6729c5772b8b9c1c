//! The pace of reading all that is stored, so that a million rows that wait cost next to nothing: the first pages at once, then so slowly
//! that it takes a small share of a core. What is found late costs its row some time, never its end: rows and engineers wake by themselves.
//! Not here: what is looked for.

use super::Engine;
use std::time::Duration;
use tokio::time::Instant;

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
    pub(super) async fn page_done(&mut self, engine: &Engine) {
        self.pages += 1;
        let pause = if self.pages > AT_ONCE {
            (self.begun.elapsed() * self.times).min(PAUSE_MAX)
        } else {
            Duration::ZERO
        };
        if !pause.is_zero() {
            tokio::select! { () = engine.stop.cancelled() => (), () = tokio::time::sleep(pause) => () }
        }
        self.begun = Instant::now();
    }
}
