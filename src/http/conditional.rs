//! Conditions on requests (RFC 9110, section 13): an answer that the caller has already is not sent again (`ETag`, `If-None-Match`), and an
//! order is carried out only if what it is about is still as the caller saw it (`If-Match`). The tag of an answer is a hash of it, so it is
//! right whatever the answer was made of; behind a version it can be sent back with an order. Not here: comparing the version, which the
//! engine does where it writes (`engine/orders`).

use super::problem::{Problem, ProblemKind};
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{
    ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// The longest answer that gets a tag, in bytes.
const TAGGED_MAX: usize = 1024 * 1024;

/// Bytes of the hash that stand in a tag.
const HASH_LENGTH: usize = 12;

/// The version of the one thing that an answer is about; put beside the answer by its route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version(pub(super) u64);

/// The version that the caller saw, if the order is to hold for that one only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(pub(super) Option<u64>);

/// A text that is no version in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotATag;

/// Stands before every reading route: gives its answer a tag, or says that nothing has changed.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let known = request.headers().clone();
    let response = next.run(request).await;
    let length = response.body().size_hint().upper();
    if response.status() != StatusCode::OK || length.is_none_or(|length| length > TAGGED_MAX as u64) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, TAGGED_MAX).await else {
        return Problem::from(ProblemKind::Internal).into_response();
    };
    let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &body).as_ref()[..HASH_LENGTH]);
    let tag = match parts.extensions.get::<Version>() {
        Some(Version(version)) => format!("\"{version}-{hash}\""),
        None => format!("\"{hash}\""),
    };
    let value = HeaderValue::from_str(&tag).expect("digits, base64 and quotes");
    parts.headers.insert(ETAG, value);
    parts.headers.insert(VARY, HeaderValue::from_name(ACCEPT_LANGUAGE));
    if is_known(&known, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// Whether the caller names the tag. Weak tags are compared like others here.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH).any(|known| known == "*" || bare(known) == tag)
}

fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

fn bare(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if !parts.headers.contains_key(IF_MATCH) {
            return Ok(Self(None));
        }
        let mut tags = listed(&parts.headers, &IF_MATCH);
        let (Some(tag), None) = (tags.next(), tags.next()) else { return Err(unreadable()) };
        seen(tag).map(Self).map_err(|NotATag| unreadable())
    }
}

/// The version of a tag: `"7"`, or an `ETag` as it was answered. `*` asks for no version: what an order is about has to be there anyway.
fn seen(tag: &str) -> Result<Option<u64>, NotATag> {
    if tag == "*" {
        return Ok(None);
    }
    let inner = bare(tag).strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(NotATag)?;
    let digits = inner.split_once('-').map_or(inner, |(version, _)| version);
    digits.parse().map(Some).map_err(|_| NotATag)
}

fn unreadable() -> Problem {
    Problem::invalid("If-Match", "one version in quotes, like \"7\", or the ETag of what the order is about")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_a_tag() {
        let check =
            |tag: &str, expected: Result<Option<u64>, NotATag>| assert_eq!(seen(tag), expected, "{tag}");
        check("\"7\"", Ok(Some(7)));
        check("\"7-Zm9vYmFy-_\"", Ok(Some(7)));
        check("W/\"7\"", Ok(Some(7)));
        check("*", Ok(None));
        for wrong in ["7", "\"\"", "\"x-7\"", "\"-7\"", "\"7", "\"99999999999999999999\""] {
            check(wrong, Err(NotATag));
        }
    }

    #[test]
    fn a_tag_is_known_wherever_it_stands() {
        let check = |sent: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(sent))]);
            assert_eq!(is_known(&headers, "\"7-a\""), expected, "{sent}");
        };
        check("\"7-a\"", true);
        check("\"x\", W/\"7-a\"", true);
        check("*", true);
        check("\"7\"", false);
        check("7-a", false);
        check("", false);
    }
}
