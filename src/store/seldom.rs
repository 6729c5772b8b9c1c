//! What follows from a store that does not answer: every row, event and request meets it, for as long as it lasts, and the store has said
//! why. So that the log can be read, it is told once, and then once in a while with how often it was kept back.
//! Other lines that anybody could bring about are kept back the same way, each kind for itself ([`Seldom`]).
//! Not here: the words, which are those of whoever meets it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// For so long one of them speaks for all.
const QUIET: Duration = Duration::from_mins(1);

static STORE: Seldom = Seldom::new();

/// One kind of line that is told seldom.
#[derive(Debug)]
pub struct Seldom(Mutex<Told>);

#[derive(Debug)]
struct Told {
    last: Option<Instant>,
    kept_back: u64,
}

/// Whether it is to be told now that the store does not answer; then how often it was kept back since the last time.
pub fn may_tell() -> Option<u64> {
    STORE.may_tell()
}

impl Seldom {
    /// A kind of which nothing was told yet.
    #[expect(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self(Mutex::new(Told { last: None, kept_back: 0 }))
    }

    /// Whether it is to be told now; then how often it was kept back since the last time.
    pub fn may_tell(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).may_tell(Instant::now())
    }
}

impl Told {
    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now < last + QUIET) {
            self.kept_back = self.kept_back.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_then_one_a_minute() {
        let (mut seldom, begun) = (Told { last: None, kept_back: 0 }, Instant::now());
        let at = [(0, Some(0)), (1, None), (59, None), (60, Some(2)), (61, None), (300, Some(1))];
        for (second, expected) in at {
            let told = seldom.may_tell(begun + Duration::from_secs(second));
            assert_eq!(told, expected, "at {second} s");
        }
    }
}
