//! Who is calling, and whether the route is for them. Not here: how tokens are kept and compared (`tokens`).

use super::Api;
use super::problem::{Problem, ProblemKind};
use super::routes::EVENTS;
use super::tokens::{Caller, Role};
use crate::planted::planted;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Lets only callers with at least this role through, and tells the route who it is.
pub(super) async fn require(
    State((api, least)): State<(Arc<Api>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(caller) = caller(&api, request.headers()) else {
        return Problem::from(ProblemKind::Unauthorized).into_response();
    };
    if request.uri().path() != EVENTS && !api.paces.take(&caller.name) {
        return Problem::from(ProblemKind::TooManyRequests).into_response();
    }
    if let Err(problem) = check(&caller, least) {
        return problem.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Whether the caller may do what needs this role.
pub(super) fn check(caller: &Caller, least: Role) -> Result<(), Problem> {
    if caller.role.may(least) || planted!(RoleNotAsked) {
        return Ok(());
    }
    tracing::info!(token = caller.name, role = %caller.role, required = %least, "refused: the role is too small");
    Err(Problem::needs(least))
}

/// The caller, if the request carries exactly one known bearer token (RFC 6750, section 2.1).
pub(super) fn caller(api: &Api, headers: &HeaderMap) -> Option<Caller> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (sent.next()?, sent.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    bearer.then(|| api.tokens.caller(token.trim_start()).cloned()).flatten()
}
