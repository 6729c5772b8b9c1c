//! One reader at a time, whose answer serves all who waited for it: tokens and bulk lists are shared this way. A read is a task of its
//! own: whoever asked for it may be cut off, and it still serves those who come later. It ends with its flight at the latest. A read that
//! holds its own flight, as that of a token does, keeps it until then and ends by itself or after `read_max`.
//! Not here: what is read.

use crate::model::failure::{Failure, FailureCode};
use crate::trace::{self, Context};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A shared answer.
#[derive(Debug)]
pub(super) struct Flight<T> {
    state: Arc<Mutex<State<T>>>,
    read_max: Duration,
}

#[derive(Debug)]
struct State<T> {
    arrivals: u64,
    answers: u64,
    latest: Option<T>,
    failed: Option<Failed>,
    /// The read at work; closed when it has ended, however it did.
    reading: Option<watch::Receiver<()>>,
    task: Option<AbortHandle>,
    /// The span of that read.
    span: Option<Context>,
}

/// A read that failed, and whom it serves: those who had arrived before it began.
#[derive(Debug)]
struct Failed {
    serves_below: u64,
    failure: Failure,
}

impl<T: Clone + Send + 'static> Flight<T> {
    /// Nothing read yet. A read that takes longer than `read_max` ends with `timeout`.
    pub(super) fn new(read_max: Duration) -> Self {
        let state = State {
            arrivals: 0,
            answers: 0,
            latest: None,
            failed: None,
            reading: None,
            task: None,
            span: None,
        };
        Self { state: Arc::new(Mutex::new(state)), read_max }
    }

    /// The latest answer if it is good enough; else waits for the read at work, if any, and looks again; else reads.
    /// A failure goes to those who waited for that read and is not kept for those who come later.
    pub(super) async fn get<R>(
        &self,
        good: impl Fn(&T) -> bool,
        read: impl FnOnce() -> R,
    ) -> Result<T, Failure>
    where
        R: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let ticket = self.lock().arrive();
        let mut read = Some(read);
        let mut answers_before = 0;
        loop {
            let mut reading = {
                let mut state = self.lock();
                if let Some(outcome) = state.answer(ticket, &good) {
                    return outcome;
                }
                match state.reading.clone().filter(|reading| reading.has_changed().is_ok()) {
                    Some(reading) => {
                        rests_on(state.span);
                        reading
                    }
                    None => match read.take() {
                        Some(read) => {
                            answers_before = state.answers;
                            self.begin(&mut state, read())
                        }
                        // Our own read has ended: nothing could be newer, even if a clock that was set back says otherwise.
                        None => return state.newer_than(answers_before),
                    },
                }
            };
            // Nothing is ever sent: this ends when the read drops its end.
            let _ = reading.changed().await;
        }
    }

    /// The latest answer, however old.
    pub(super) fn latest(&self) -> Option<T> {
        self.lock().latest.clone()
    }

    /// Starts a read as a task of its own.
    fn begin(
        &self,
        state: &mut State<T>,
        read: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> watch::Receiver<()> {
        let (ended, reading) = watch::channel(());
        let (shared, serves_below, read_max) = (Arc::clone(&self.state), state.arrivals, self.read_max);
        let span = trace::current().apart("shared read");
        state.span = span.context();
        rests_on(state.span);
        let task = tokio::spawn(async move {
            let outcome = tokio::time::timeout(read_max, span.run(read)).await;
            let outcome = outcome.unwrap_or_else(|_| Err(Failure::transient(FailureCode::Timeout)));
            let mut state = lock(&shared);
            match outcome {
                Ok(answer) => {
                    (state.latest, state.failed) = (Some(answer), None);
                    state.answers += 1;
                }
                Err(failure) => state.failed = Some(Failed { serves_below, failure }),
            }
            drop(ended);
        });
        (state.reading, state.task) = (Some(reading.clone()), Some(task.abort_handle()));
        reading
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

/// Nobody is left who could use the answer.
impl<T> Drop for Flight<T> {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.state).task.take() {
            task.abort();
        }
    }
}

impl<T: Clone> State<T> {
    fn arrive(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals - 1
    }

    /// The latest answer if there were only so many before it; a read that ended without one was cut off.
    fn newer_than(&self, answers_before: u64) -> Result<T, Failure> {
        let newer = self.latest.clone().filter(|_| self.answers > answers_before);
        newer.ok_or_else(|| Failure::transient(FailureCode::Timeout))
    }

    /// What is known already, for one who arrived then.
    fn answer(&self, ticket: u64, good: impl Fn(&T) -> bool) -> Option<Result<T, Failure>> {
        if let Some(latest) = self.latest.as_ref().filter(|latest| good(latest)) {
            return Some(Ok(latest.clone()));
        }
        let failed = self.failed.as_ref().filter(|failed| ticket < failed.serves_below)?;
        Some(Err(failed.failure.clone()))
    }
}

/// Whoever waits for a read says so in its own span.
fn rests_on(read: Option<Context>) {
    if let Some(read) = read {
        trace::current().note(|notes| notes.link(read));
    }
}

/// The state is whole after each change, so one that a panicking thread held is as good as any.
fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
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
            let (flight, reads) = (Arc::new(Flight::new(Duration::from_mins(1))), Arc::default());
            Self { flight, reads, gate: Arc::new(Semaphore::new(0)) }
        }

        async fn get(&self, at_least: u32, fails: bool) -> Result<u32, Failure> {
            let (reads, gate) = (Arc::clone(&self.reads), Arc::clone(&self.gate));
            let read = || async move {
                let number = reads.fetch_add(1, Ordering::SeqCst) + 1;
                gate.acquire().await.unwrap().forget();
                if fails { Err(Failure::transient(FailureCode::ConnectionLost)) } else { Ok(number) }
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
            assert_eq!(waiter.await.unwrap().unwrap_err().code, FailureCode::ConnectionLost);
        }
        assert_eq!(source.reads.load(Ordering::SeqCst), 2, "the waiters shared one failed read");
        source.gate.add_permits(1);
        assert_eq!(source.get(2, false).await, Ok(3), "who comes later reads anew");
    }

    #[tokio::test]
    async fn a_read_outlives_whoever_asked_for_it() {
        let source = Source::new();
        let first = source.spawn(1, false);
        settle().await;
        first.abort();
        assert!(first.await.is_err(), "cut off");
        let second = source.spawn(1, false);
        settle().await;
        source.gate.add_permits(1);
        assert_eq!(second.await.unwrap(), Ok(1));
        assert_eq!(source.reads.load(Ordering::SeqCst), 1, "the read was not begun anew");
    }

    #[tokio::test]
    async fn a_read_does_not_outlive_its_flight() {
        let source = Source::new();
        let first = source.spawn(1, false);
        settle().await;
        first.abort();
        let gate = Arc::clone(&source.gate);
        drop((first.await, source));
        settle().await;
        assert_eq!(Arc::strong_count(&gate), 1, "the read is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_never_ends_is_ended() {
        let source = Source::new();
        assert_eq!(source.get(1, false).await.unwrap_err().code, FailureCode::Timeout);
        source.gate.add_permits(1);
        assert_eq!(source.get(1, false).await, Ok(2));
    }
}
