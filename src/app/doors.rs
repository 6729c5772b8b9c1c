//! The doors as tasks: each is planned first, opened when everything is there, and watched until its own stop. Not here: what a door
//! does.

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// A door that is built and not open yet.
pub(super) struct Planned {
    name: &'static str,
    stop: CancellationToken,
    run: BoxFuture<'static, ()>,
}

/// Something that runs until its own stop.
pub(super) struct Door {
    pub(super) name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Where a door says that it has ended by itself.
pub(super) type Lost = watch::Sender<Option<&'static str>>;

/// Lives as long as the door's task, whatever way that ends.
struct Watch {
    name: &'static str,
    stop: CancellationToken,
    lost: Lost,
}

impl Planned {
    /// What is to run, given the stop that it has to heed.
    pub(super) fn new<F>(name: &'static str, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Self { name, run: Box::pin(run(stop.clone())), stop }
    }

    /// Lets it run.
    pub(super) fn open(self, lost: &Lost) -> Door {
        let Self { name, stop, run } = self;
        let watch = Watch { name, stop: stop.clone(), lost: lost.clone() };
        let task = tokio::spawn(async move {
            run.await;
            drop(watch);
        });
        Door { name, stop, task }
    }
}

impl Door {
    /// Asks it to end, and waits until it has, or ends it when the time is over.
    pub(super) async fn close(mut self, until: Instant) {
        self.stop.cancel();
        match timeout_at(until, &mut self.task).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::error!(door = self.name, %error, "a door had failed"),
            Err(_) => {
                self.task.abort();
                tracing::warn!(door = self.name, "a door did not close in time and is cut off");
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.lost.send_replace(Some(self.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn lost(planned: Planned) -> Option<&'static str> {
        let (sender, _receiver) = watch::channel(None);
        let door = planned.open(&sender);
        // Of the tasks of this one thread, the door's is polled first.
        tokio::task::yield_now().await;
        let before_its_stop = *sender.borrow();
        door.close(Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(*sender.borrow(), before_its_stop, "a close is no loss");
        before_its_stop
    }

    #[tokio::test]
    async fn a_door_that_ends_by_itself_is_missed() {
        assert_eq!(lost(Planned::new("ended", |_| async {})).await, Some("ended"));
        let panics = Planned::new("panicked", |_| async { std::panic::panic_any("planted") });
        assert_eq!(lost(panics).await, Some("panicked"));
        let open = Planned::new("open", |stop| async move { stop.cancelled().await });
        assert_eq!(lost(open).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_door_that_does_not_close_is_cut_off() {
        let (sender, _receiver) = watch::channel(None);
        let (held, gone) = tokio::sync::oneshot::channel::<()>();
        let stuck = Planned::new("stuck", |_| async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        let door = stuck.open(&sender);
        door.close(Instant::now() + Duration::from_secs(5)).await;
        assert!(gone.await.is_err(), "nothing of it is left");
    }
}
