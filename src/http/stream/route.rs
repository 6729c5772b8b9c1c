//! `GET /v1/stream` over HTTP: who asks, from where on, and the answer that does not end. Not here: what is said and when (`stream`).

use super::{Allowed, Follower, NoStream};
use crate::http::Api;
use crate::http::extract::Asked;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::tokens::Caller;
use crate::model::entry::Position;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;

/// Where the caller had got to: what the browser sends by itself when it comes again.
const LAST_EVENT_ID: &str = "last-event-id";

/// What a proxy like nginx is told, which would otherwise keep events until there are many.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// `GET /v1/stream?after=`: behind the entry of `Last-Event-ID`, else of `after`, else from now on.
pub(in crate::http) async fn stream(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    allowed: Option<Extension<Allowed>>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = asked.only(&["after"])?;
    let after = match last_event_id(&headers)? {
        Some(place) => Some(place),
        None => asked.get("after")?,
    };
    let store = Arc::clone(&api.engine.house().store);
    // Under a token there is no session to end with.
    let Extension(allowed) = allowed.unwrap_or_default();
    let follower = Follower::begin(&api.streams, store, &caller.name, after.map(Position), allowed).await?;
    let chunks = unfold(follower, async |mut follower: Follower| {
        let chunk = follower.next().await?;
        Some((Ok::<_, Infallible>(chunk), follower))
    });
    let kind = (CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(([kind, UNBUFFERED], Body::from_stream(chunks)).into_response())
}

/// An empty one is what a browser has that saw no event yet.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(sent) = headers.get(LAST_EVENT_ID).filter(|sent| !sent.is_empty()) else { return Ok(None) };
    let place = sent.to_str().ok().and_then(|text| text.parse().ok());
    place.map(Some).ok_or_else(|| Problem::invalid("Last-Event-ID", "the `id` of an event of this stream"))
}

impl From<NoStream> for Problem {
    fn from(why: NoStream) -> Self {
        match why {
            NoStream::TooMany => ProblemKind::TooManyStreams.into(),
            NoStream::Store(error) => error.into(),
        }
    }
}
