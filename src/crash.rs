//! Crash points: places right before and right after everything that outlives the process. A test ends the process exactly there: it
//! aborts a real one, and lets one that lives on a test's thread do nothing from there on. Release builds hold nothing of it.
//! Not here: which plans are tried (`tests/it/crash_points`), and that no effect lacks its points (`tests/it/tidy`).

/// A place where the process may end. With `async` it is awaited, and can hold a process on a test's thread as well.
#[cfg(debug_assertions)]
macro_rules! crash_point {
    (async $name:literal) => {
        $crate::crash::pass(concat!("crash point ", $name)).await
    };
    ($name:literal) => {
        $crate::crash::pass_by(concat!("crash point ", $name))
    };
}

/// Nothing.
#[cfg(not(debug_assertions))]
macro_rules! crash_point {
    ($($name:tt)*) => {};
}

pub(crate) use crash_point;

#[cfg(debug_assertions)]
pub use armed::{Watch, arm, pass, pass_by};

#[cfg(debug_assertions)]
mod armed {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
    use tokio::sync::Notify;

    /// How a name begins in the binary.
    const PREFIX: &str = "crash point ";

    thread_local! {
        static WATCH: RefCell<Option<Arc<Watch>>> = const { RefCell::new(None) };
    }

    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        name: String,
        times: AtomicU64,
    }

    /// The process aborts when it passes the point for the n-th time, from 1; said as `name:n`. Once for each process; anything that
    /// cannot be read arms nothing.
    pub fn arm(wanted: &str) {
        let Some((name, Ok(times))) = wanted.rsplit_once(':').map(|(name, times)| (name, times.parse()))
        else {
            return;
        };
        // A process is armed once, at its start.
        let _ = ARMED.set(Armed { name: format!("{PREFIX}{name}"), times: AtomicU64::new(times) });
    }

    /// Passes a point on any thread.
    pub fn pass_by(name: &'static str) {
        let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else { return };
        if armed.times.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }

    /// Passes a point in a task.
    pub async fn pass(name: &'static str) {
        pass_by(name);
        let watch = WATCH.with(|watch| watch.borrow().clone());
        if let Some(watch) = watch
            && watch.is_fatal(name)
        {
            std::future::pending::<()>().await;
        }
    }

    /// Counts the points that are passed on this thread, and ends the process that lives there.
    #[derive(Debug, Default)]
    pub struct Watch {
        state: Mutex<State>,
        struck: Notify,
    }

    #[derive(Debug, Default)]
    struct State {
        passed: Vec<&'static str>,
        strikes: VecDeque<usize>,
        is_dead: bool,
    }

    impl Watch {
        /// Watches this thread from here on, instead of whatever watched it.
        pub fn this_thread() -> Arc<Self> {
            let watch = Arc::new(Self::default());
            WATCH.with(|mine| *mine.borrow_mut() = Some(Arc::clone(&watch)));
            watch
        }

        /// Counts anew. The process ends at each of these points, counted from 1 over all its lives.
        pub fn begin(&self, strikes: impl IntoIterator<Item = usize>) {
            let strikes = strikes.into_iter().collect();
            *self.state() = State { strikes, ..State::default() };
        }

        /// The names of the points that were passed, in order.
        pub fn passed(&self) -> Vec<&'static str> {
            self.state().passed.iter().map(|name| name.strip_prefix(PREFIX).unwrap_or(name)).collect()
        }

        /// Waits until the process has ended.
        pub async fn struck(&self) {
            let struck = self.struck.notified();
            if !self.state().is_dead {
                struck.await;
            }
        }

        /// The next process begins.
        pub fn revive(&self) {
            self.state().is_dead = false;
        }

        fn is_fatal(&self, name: &'static str) -> bool {
            let mut state = self.state();
            if state.is_dead {
                return true;
            }
            state.passed.push(name);
            let number = state.passed.len();
            if state.strikes.front() != Some(&number) {
                return false;
            }
            state.strikes.pop_front();
            state.is_dead = true;
            drop(state);
            self.struck.notify_waiters();
            true
        }

        fn state(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
