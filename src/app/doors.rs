//! The doors as tasks: each is planned first, opened when everything is there, and watched until its own stop. Not here: what a door
//! does.

use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a door may take to close.
const CLOSE_MAX: Duration = Duration::from_secs(8);

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
    /// Asks it to end, and waits until it has.
    pub(super) async fn close(self) {
        self.stop.cancel();
        match tokio::time::timeout(CLOSE_MAX, self.task).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::error!(door = self.name, %error, "a door had failed"),
            Err(_) => tracing::warn!(door = self.name, "a door did not close in time"),
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

    async fn lost(planned: Planned) -> Option<&'static str> {
        let (sender, _receiver) = watch::channel(None);
        let door = planned.open(&sender);
        // Of the tasks of this one thread, the door's is polled first.
        tokio::task::yield_now().await;
        let before_its_stop = *sender.borrow();
        door.close().await;
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
}
