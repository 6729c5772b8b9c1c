//! How many requests a caller may send: a thousand at once, and a hundred a second in the long run. A script that runs wild is slowed
//! down before it slows down everybody else. Events are not counted: they are bounded by their size, and each costs a sync of the disk.
//! Not here: who is calling (`auth`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a request uses of a caller's time.
const EACH: Duration = Duration::from_millis(10);

/// Requests that may come at once.
const BURST: u32 = 1_000;

/// Callers that are remembered. Whoever has been quiet is like a new one, and is forgotten first.
const CALLERS_MAX: usize = 4_000;

/// Until when each caller has used up its time (the virtual scheduling of GCRA, ITU-T I.371).
#[derive(Debug, Default)]
pub struct Paces(Mutex<BTreeMap<String, Instant>>);

impl Paces {
    /// Counts a request; whether there is room for it.
    pub(super) fn take(&self, caller: &str) -> bool {
        let now = Instant::now();
        // Nothing panics while it is held.
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains_key(caller) && used.len() >= CALLERS_MAX {
            used.retain(|_, until| *until > now);
            if used.len() >= CALLERS_MAX {
                return false;
            }
        }
        let until = used.get(caller).copied().unwrap_or(now).max(now);
        if until.duration_since(now) > EACH * (BURST - 1) {
            return false;
        }
        used.insert(caller.to_owned(), until + EACH);
        true
    }
}

#[cfg(test)]
impl Paces {
    /// As if the caller had asked for an hour.
    pub(super) fn exhaust(&self, caller: &str) {
        self.0.lock().unwrap().insert(caller.to_owned(), Instant::now() + Duration::from_hours(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(paces: &Paces, caller: &str) -> usize {
        (0..=2 * BURST).take_while(|_| paces.take(caller)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_as_many_as_time_allows() {
        let paces = Paces::default();
        assert_eq!(taken(&paces, "a"), 1_000);
        assert_eq!(taken(&paces, "b"), 1_000, "each has its own");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(&paces, "a"), 100);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(taken(&paces, "a"), 1_000, "and no more after a long rest");
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_remembered_within_bounds() {
        let paces = Paces::default();
        for caller in 0..CALLERS_MAX {
            assert!(paces.take(&caller.to_string()));
        }
        assert!(!paces.take("one too many"));
        tokio::time::advance(EACH * 2).await;
        assert!(paces.take("one too many"), "the others were quiet");
        assert_eq!(paces.0.lock().unwrap().len(), 1);
    }
}
