//! Calls that reach Google when nobody waits for them any more. Not here: which (`plan`).

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// No request of ours is larger.
const BODY_MAX: usize = 1 << 20;

/// Which call comes late, and how late.
#[derive(Debug, Default)]
pub struct Late(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    calls: usize,
    late: Option<(usize, Duration)>,
}

impl Late {
    /// Counts from here on.
    pub fn begin(&self, late: Option<(usize, Duration)>) {
        *self.0.lock().expect("nobody panics with it") = Counted { calls: 0, late };
    }

    /// How late the next call is.
    fn next(&self) -> Option<Duration> {
        let mut counted = self.0.lock().expect("nobody panics with it");
        counted.calls += 1;
        let calls = counted.calls;
        counted.late.filter(|(call, _)| *call == calls).map(|(_, after)| after)
    }
}

/// Wraps the sandbox's routes.
pub fn around(routes: axum::Router, late: Arc<Late>) -> axum::Router {
    routes.layer(from_fn_with_state(late, pass))
}

async fn pass(State(late): State<Arc<Late>>, request: Request, next: Next) -> Response {
    let Some(after) = late.next() else { return next.run(request).await };
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.expect("a request that was sent whole");
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        next.run(Request::from_parts(head, Body::from(body))).await
    });
    std::future::pending().await
}
