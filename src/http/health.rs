//! Whether carepass lives, is ready and takes events, for supervisors; and its metrics. These need no token, so they tell strangers
//! no more than a word; who shows a token is told the parts. Not here: how the parts know (`app` hands a closure down).
//!
//! A broker or a reseller account that is away never makes carepass "not live": restarting it would help nobody.

use super::{Api, auth};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the store may take to say that it is there.
const STORE_MAX: Duration = Duration::from_secs(2);

/// One for each part that events come in and outcomes leave by.
const BROKER_UP: &str = "carepass_broker_up";

/// What the part of the broker says where none is configured: nothing is wrong then.
pub const NO_BROKER: &str = "no broker is configured";

/// What the house says of itself; asked at each probe, so it has to be cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The loops: all up means that the process need not be restarted.
    pub loops: Vec<Part>,
    /// What events come in and outcomes leave by.
    pub intake: Vec<Part>,
    /// What else an operator has to know: the configuration, the clock.
    pub standing: Vec<Part>,
}

/// One part of the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Part")]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Whether it works.
    pub up: bool,
    /// What is known beside that, in words; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Health")]
pub(super) struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<Part>>,
}

impl Status {
    /// Why the broker is not there; none while it is, or where there is to be none.
    pub(super) fn broker_away(&self) -> Option<&str> {
        let is_away = |part: &&Part| !part.up && part.detail != NO_BROKER;
        self.intake.iter().find(is_away).map(|part| part.detail.as_str())
    }
}

impl Part {
    /// A part about which there is no more to say.
    pub fn new(name: &str, up: bool) -> Self {
        Self { name: name.to_owned(), up, detail: String::new() }
    }

    /// Says more.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// `GET /startupz`. The door opens when the start is over; whoever calls before waits at its address and hears nothing.
pub(super) async fn started(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    report("started", "not_started", Vec::new(), &api, &headers)
}

/// `GET /livez`
pub(super) async fn live(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    report("live", "not_live", (api.status)().loops, &api, &headers)
}

/// `GET /readyz`, and `GET /readyz?intake`
pub(super) async fn ready(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Status { loops, intake, standing } = (api.status)();
    let mut parts = loops;
    parts.push(store(&api).await);
    parts.extend(standing);
    let wanted = |query: &str| query.split('&').any(|name| name == "intake" || name.starts_with("intake="));
    if query.as_deref().is_some_and(wanted) {
        parts.extend(intake);
    }
    report("ready", "not_ready", parts, &api, &headers)
}

/// `GET /metrics`, in the text format of Prometheus. No label holds anything about a person.
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    metrics::describe_gauge!(BROKER_UP, "1 while a connection to the broker is up and takes messages.");
    for part in (api.status)().intake {
        metrics::gauge!(BROKER_UP, "link" => part.name).set(f64::from(u8::from(part.up)));
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (api.metrics)()).into_response()
}

async fn store(api: &Api) -> Part {
    match timeout(STORE_MAX, api.engine.house().store.head()).await {
        Ok(Ok(head)) => Part::new("store", true).with_detail(format!("ledger position {}", head.0)),
        Ok(Err(error)) => Part::new("store", false).with_detail(error.to_string()),
        Err(_) => Part::new("store", false).with_detail("no answer in time"),
    }
}

fn report(
    good: &'static str,
    bad: &'static str,
    parts: Vec<Part>,
    api: &Api,
    headers: &HeaderMap,
) -> Response {
    let up = parts.iter().all(|part| part.up);
    let code = if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let parts = auth::caller(api, headers).map(|_| parts);
    (code, Json(Report { status: if up { good } else { bad }, parts })).into_response()
}
