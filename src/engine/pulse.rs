//! The pulse of the loops that hand out work: a beat each time one of them comes round. What misses it is whoever supervises the process,
//! which no timer can deceive: a beat proves that the executor runs and that a lane was looked at. Not here: who asks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Without a beat for so long nothing is handed out any more: twice the longest sleep of a lane.
const STILL_MAX: Duration = Duration::from_mins(1);

/// When a loop last came round.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Instant>);

impl Pulse {
    /// As if one had come round just now.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// A loop comes round.
    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether one has come round lately.
    pub(super) fn is_felt(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= STILL_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_missed_after_a_minute_and_felt_again() {
        let pulse = Pulse::new();
        tokio::time::advance(STILL_MAX).await;
        assert!(pulse.is_felt());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!pulse.is_felt());
        pulse.beat();
        assert!(pulse.is_felt());
    }
}
