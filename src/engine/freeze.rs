//! Standing still as a process does that was sent SIGSTOP: nothing of an engine goes on until it thaws, while everything around it does.
//! For tests; release builds hold nothing of it. Not here: which tests freeze what.

/// What holds an engine's tasks.
#[derive(Debug, Default)]
pub(super) struct Freezer {
    #[cfg(debug_assertions)]
    is_frozen: tokio::sync::watch::Sender<bool>,
}

#[cfg(debug_assertions)]
impl Freezer {
    /// Nothing goes on from now on, or everything does again.
    pub(super) fn set(&self, is_frozen: bool) {
        self.is_frozen.send_replace(is_frozen);
    }

    /// The same work, which stands still while this is frozen.
    pub(super) fn hold<T, F: Future<Output = T>>(&self, body: F) -> impl Future<Output = T> + use<T, F> {
        let mut frozen = self.is_frozen.subscribe();
        async move {
            let mut body = std::pin::pin!(body);
            loop {
                // An error means that the engine is gone, and nobody freezes it any more.
                if frozen.wait_for(|frozen| !frozen).await.is_err() {
                    return body.await;
                }
                tokio::select! { biased; changed = frozen.changed() => if changed.is_err() { return body.await }, done = &mut body => return done }
            }
        }
    }
}

#[cfg(not(debug_assertions))]
impl Freezer {
    /// The same work.
    pub(super) fn hold<T, F: Future<Output = T>>(&self, body: F) -> impl Future<Output = T> + use<T, F> {
        body
    }
}
