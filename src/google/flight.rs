//! One reader at a time, whose answer serves all who waited for it: tokens and bulk lists are shared this way.
//! Not here: what is read.

use crate::model::failure::Failure;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// A shared answer. A reader that is cut off leaves nothing behind; the next in line reads.
#[derive(Debug)]
pub(super) struct Flight<T> {
    arrivals: AtomicU64,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    latest: Option<T>,
    failed: Option<Failed>,
}

/// A read that failed, and whom it serves: those who had arrived before it began.
#[derive(Debug)]
struct Failed {
    serves_below: u64,
    failure: Failure,
}

impl<T: Clone> Flight<T> {
    pub(super) fn new() -> Self {
        Self { arrivals: AtomicU64::new(0), state: Mutex::new(State { latest: None, failed: None }) }
    }

    /// The latest answer if it is good enough; else waits for the reader at work, if any, and looks again; else reads.
    /// A failure goes to those who waited for that read and is not kept for those who come later.
    pub(super) async fn get(
        &self,
        good: impl Fn(&T) -> bool,
        read: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let ticket = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock().await;
        if let Some(latest) = state.latest.as_ref().filter(|latest| good(latest)) {
            return Ok(latest.clone());
        }
        if let Some(failed) = state.failed.as_ref().filter(|failed| ticket < failed.serves_below) {
            return Err(failed.failure.clone());
        }
        let serves_below = self.arrivals.load(Ordering::Relaxed);
        let outcome = read.await;
        match &outcome {
            Ok(answer) => *state = State { latest: Some(answer.clone()), failed: None },
            Err(failure) => state.failed = Some(Failed { serves_below, failure: failure.clone() }),
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::FailureCode;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use tokio::sync::Semaphore;

    /// Reads number themselves and wait for a permit.
    #[derive(Clone)]
    struct Source {
        flight: Arc<Flight<u32>>,
        reads: Arc<AtomicU32>,
        gate: Arc<Semaphore>,
    }

    impl Source {
        fn new() -> Self {
            let (flight, reads) = (Arc::new(Flight::new()), Arc::default());
            Self { flight, reads, gate: Arc::new(Semaphore::new(0)) }
        }

        async fn get(&self, at_least: u32, fails: bool) -> Result<u32, Failure> {
            let read = async {
                let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
                self.gate.acquire().await.unwrap().forget();
                if fails { Err(Failure::transient(FailureCode::Timeout)) } else { Ok(number) }
            };
            self.flight.get(|number| *number >= at_least, read).await
        }

        fn spawn(&self, at_least: u32, fails: bool) -> tokio::task::JoinHandle<Result<u32, Failure>> {
            let source = self.clone();
            tokio::spawn(async move { source.get(at_least, fails).await })
        }
    }

    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_read_serves_all_who_can_use_it() {
        let source = Source::new();
        let waiters: Vec<_> = (0..20).map(|_| source.spawn(1, false)).collect();
        settle().await;
        source.gate.add_permits(1);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Ok(1));
        }
        assert_eq!(source.reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_newer_wish_queues_for_the_next_read_which_serves_all_of_them() {
        let source = Source::new();
        let first = source.spawn(1, false);
        settle().await;
        let later: Vec<_> = (0..20).map(|_| source.spawn(2, false)).collect();
        settle().await;
        source.gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Ok(1));
        for waiter in later {
            assert_eq!(waiter.await.unwrap(), Ok(2));
        }
        assert_eq!(source.reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failure_goes_to_its_waiters_and_is_not_kept() {
        let source = Source::new();
        let blocker = source.spawn(1, false);
        settle().await;
        let waiters: Vec<_> = (0..20).map(|_| source.spawn(2, true)).collect();
        settle().await;
        source.gate.add_permits(2);
        assert_eq!(blocker.await.unwrap(), Ok(1));
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap_err().code, FailureCode::Timeout);
        }
        assert_eq!(source.reads.load(Ordering::SeqCst), 2, "the waiters shared one failed read");
        source.gate.add_permits(1);
        assert_eq!(source.get(2, false).await, Ok(3), "who comes later reads anew");
    }

    #[tokio::test]
    async fn a_reader_that_is_cut_off_is_replaced() {
        let source = Source::new();
        let first = source.spawn(1, false);
        settle().await;
        let second = source.spawn(1, false);
        settle().await;
        first.abort();
        source.gate.add_permits(1);
        assert_eq!(second.await.unwrap(), Ok(2));
    }
}
