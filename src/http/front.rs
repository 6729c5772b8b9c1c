//! What holds for every request: it is meant for us, small enough, and answered in time; and for every answer: problems are in
//! words, and browsers are told to keep, guess and embed nothing. Not here: who may do what (`auth`).

use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use super::routes::{EVENTS, PROBES};
use super::{Api, BODY_MAX, envelope, events, room};
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The longest path with query, in bytes.
const URI_MAX: usize = 4 * 1024;

/// All headers of a request together, in bytes, and their number. (hyper itself stops reading at 100 headers and about 400 KiB.)
const HEADERS_MAX: usize = 16 * 1024;
const HEADER_COUNT_MAX: usize = 64;

/// Headers of every answer that does not say otherwise itself.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Refusals of these types are written for whoever reads them.
const WRITTEN: [&[u8]; 2] = [b"application/json", b"text/html; charset=utf-8"];

/// Stands before every route.
pub(super) async fn front(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (spoken, uri) = (Spoken::of(request.headers()), request.uri().clone());
    let reader = room::reader(request.headers());
    let is_signed_in = room::is_signed_in(&api, uri.path(), request.headers());
    let answered = match refused(&api, &request) {
        Some(kind) => Problem::from(kind).into_response(),
        None => match timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::from(ProblemKind::RequestTimeout).into_response(),
        },
    };
    let mut response = in_words(answered, uri.path(), spoken, reader, is_signed_in);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Why a request is not even looked at.
fn refused(api: &Api, request: &Request) -> Option<ProblemKind> {
    let (uri, headers) = (request.uri(), request.headers());
    // Whoever probes may know the machine by any name, and is told no more than strangers are.
    let open = PROBES.contains(&uri.path());
    if !open && !api.hosts.accept(headers, uri.authority().map(Authority::as_str)) {
        Some(ProblemKind::HostNotAllowed)
    } else if length_of(uri) > URI_MAX {
        Some(ProblemKind::UriTooLong)
    } else if headers.len() > HEADER_COUNT_MAX || size_of(headers) > HEADERS_MAX {
        Some(ProblemKind::HeadersTooLarge)
    } else if announced(headers).is_some_and(|length| length > body_max(uri) as u64) {
        Some(ProblemKind::PayloadTooLarge)
    } else {
        None
    }
}

fn body_max(uri: &Uri) -> usize {
    if uri.path() == EVENTS { events::BODY_MAX } else { BODY_MAX }
}

fn length_of(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, str::len)
}

fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A problem becomes words, on the page for engineers too, and so does a bare refusal of the router; every other answer stays as it is.
fn in_words(response: Response, path: &str, spoken: Spoken, reader: Spoken, is_signed_in: bool) -> Response {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let bare = failed
        && response.headers().get(CONTENT_TYPE).is_none_or(|value| !WRITTEN.contains(&value.as_bytes()));
    let problem = response.extensions().get::<Problem>().cloned();
    let Some(problem) = problem.or_else(|| bare.then(|| Problem::of_status(status))) else { return response };
    let page = envelope::in_words(path, &problem, spoken)
        .or_else(|| room::in_words(path, &problem, reader, is_signed_in));
    let mut rendered = page.unwrap_or_else(|| problem.render(spoken));
    if let Some(allow) = response.headers().get(ALLOW) {
        rendered.headers_mut().insert(ALLOW, allow.clone());
    }
    rendered
}
