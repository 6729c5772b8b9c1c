//! What a request says, read in one way for all routes: every fault becomes a problem. Not here: what it means.

use super::problem::{Problem, ProblemKind};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The query's parameters by name. An empty one counts as absent.
pub(super) struct Asked(BTreeMap<String, String>);

/// The placeholders of the path, as text.
pub(super) struct Named(BTreeMap<String, String>);

/// A body in JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|rejection| Problem::invalid("query", rejection.body_text()))?;
        let mut asked = BTreeMap::new();
        for (name, value) in pairs {
            if asked.insert(name.clone(), value).is_some() {
                return Err(Problem::invalid(&name, "stands there more than once"));
            }
        }
        asked.retain(|_, value| !value.is_empty());
        Ok(Self(asked))
    }
}

impl Asked {
    /// Refuses parameters that the route does not know: a misspelt filter must not look like one that finds everything.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(Problem::invalid(name, format!("is unknown here; known are {}", known.join(", "))))
            }
            None => Ok(self),
        }
    }

    /// A parameter, if it is there.
    pub(super) fn get<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.0.get(name).map(|text| text.parse());
        parsed.transpose().map_err(|error: T::Err| Problem::invalid(name, error.to_string()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        path.map(|Path(named)| Self(named)).map_err(|_| ProblemKind::NotFound.into())
    }
}

impl Named {
    /// A placeholder. What cannot be a name of the wanted kind names nothing that exists.
    pub(super) fn get<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let parsed = self.0.get(name).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| ProblemKind::NotFound.into())
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
        if !json {
            return Err(ProblemKind::UnsupportedMediaType.into());
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
            let kind = if too_large { ProblemKind::PayloadTooLarge } else { ProblemKind::InvalidRequest };
            Problem::from(kind)
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::invalid("", error.to_string()))
    }
}

/// `application/json`, perhaps with parameters.
fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}
