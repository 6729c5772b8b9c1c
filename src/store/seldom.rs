//! What follows from a store that does not answer: every row, event and request meets it, for as long as it lasts, and the store has said
//! why. So that the log can be read, it is told once, and then once in a while with how often it was kept back.
//! Not here: the words, which are those of whoever meets it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// For so long one of them speaks for all.
const QUIET: Duration = Duration::from_mins(1);

static STORE: Mutex<Seldom> = Mutex::new(Seldom { told: None, kept_back: 0 });

#[derive(Debug)]
struct Seldom {
    told: Option<Instant>,
    kept_back: u64,
}

/// Whether it is to be told now that the store does not answer; then how often it was kept back since the last time.
pub fn may_tell() -> Option<u64> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner).may_tell(Instant::now())
}

impl Seldom {
    fn may_tell(&mut self, now: Instant) -> Option<u64> {
        if self.told.is_some_and(|told| now < told + QUIET) {
            self.kept_back = self.kept_back.saturating_add(1);
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_then_one_a_minute() {
        let (mut seldom, begun) = (Seldom { told: None, kept_back: 0 }, Instant::now());
        let at = [(0, Some(0)), (1, None), (59, None), (60, Some(2)), (61, None), (300, Some(1))];
        for (second, expected) in at {
            let told = seldom.may_tell(begun + Duration::from_secs(second));
            assert_eq!(told, expected, "at {second} s");
        }
    }
}
