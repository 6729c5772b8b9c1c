//! `POST /v1/events`: the HTTP binding of CloudEvents 1.0, structured, binary and batched, as another door to the same intake. What is
//! answered with 202 is on disk; what is refused is parked first. Not here: what an event means (`engine/intake`), and parking
//! (`engine/park`).

use super::Api;
use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use crate::engine::{Admitted, IntakeError};
use crate::model::engineer::EventRef;
use crate::model::event::{Fault, Refusal, split_batch};
use crate::model::id::EngineerKey;
use crate::model::parked::{Door, Letter, LetterId};
use crate::model::signature::SIGNATURE_HEADER;
use crate::trace::{Context, Kind};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use crate::model::event::BODY_MAX;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCHED: &str = "application/cloudevents-batch+json";

/// What the headers of binary mode begin with (HTTP binding, section 3.1.3), and how the intake spells that.
const HEADER_PREFIX: &str = "ce-";
const INTAKE_PREFIX: &str = "cloudEvents_";

/// W3C Trace Context: the span of whoever calls. An event's own attribute is stronger.
const TRACE_PARENT: &str = "traceparent";

/// What became of each event, in the order in which they were sent.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "EventResults")]
pub(super) struct Taken {
    items: Vec<EventResult>,
}

/// What became of one event.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct EventResult {
    id: Option<String>,
    source: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    engineer: Option<EngineerKey>,
    #[serde(flatten)]
    refused: Option<Refused>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Refused {
    /// The parked message.
    letter: LetterId,
    reason: &'static str,
    faults: Vec<FaultView>,
}

/// One thing that is wrong, and what to send instead.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "EventFault")]
pub(super) struct FaultView {
    pointer: String,
    reason: &'static str,
    text: &'static str,
}

/// Answers 202 with what became of each event. A single one that is refused is a problem (422).
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    spoken: Spoken,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if !api.takes_events {
        return Err(ProblemKind::IntakeClosed.into());
    }
    let body = body.map_err(|rejection| Problem::of_status(rejection.status()))?;
    let sender = headers.get(TRACE_PARENT).and_then(|value| Context::parse(value.to_str().ok()?));
    let results = match letter(&headers, &body)? {
        Sent::One(letter) => {
            let result = take(&api, letter, sender, spoken).await?;
            vec![result.map_err(|(refusal, letter)| Problem::refused(&refusal, &letter, spoken))?]
        }
        Sent::Batch(batch) => {
            let mut results = Vec::new();
            for letter in split(&api, batch, spoken).await? {
                let event = letter.event();
                let result = take(&api, letter, sender, spoken).await?;
                results.push(result.unwrap_or_else(|(refusal, letter)| {
                    EventResult::refused(event, &refusal, letter, spoken)
                }));
            }
            results
        }
    };
    Ok((StatusCode::ACCEPTED, Json(Taken { items: results })).into_response())
}

/// A request's body.
enum Sent {
    One(Letter),
    Batch(Letter),
}

fn letter(headers: &HeaderMap, body: &Bytes) -> Result<Sent, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let media = content_type.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    let attributes = attributes(headers);
    let message = |attributes| Letter::new(content_type.clone(), attributes, body.to_vec());
    match media.as_str() {
        // The attributes may be repeated as headers; the body is what counts.
        STRUCTURED => Ok(Sent::One(message(signature(headers).collect()))),
        BATCHED => Ok(Sent::Batch(message(BTreeMap::new()))),
        _ if !attributes.is_empty() => {
            Ok(Sent::One(message(attributes.into_iter().chain(signature(headers)).collect())))
        }
        _ => Err(ProblemKind::NoCloudEvent.into()),
    }
}

/// The signature; several are none.
fn signature(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let values: Vec<&str> =
        headers.get_all(SIGNATURE_HEADER).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    let whole = values.join(", ");
    (!values.is_empty()).then(|| (SIGNATURE_HEADER.to_owned(), whole)).into_iter()
}

/// The attributes of binary mode, in the intake's spelling.
fn attributes(headers: &HeaderMap) -> BTreeMap<String, String> {
    let named = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(HEADER_PREFIX)?;
        Some((format!("{INTAKE_PREFIX}{name}"), decoded(value.to_str().ok()?)))
    });
    named.collect()
}

/// A header's value with its `%XX` read; the text as it is where that gives no UTF-8 (HTTP binding, section 3.1.3.2).
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let digits =
            others.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(coded.unwrap_or(*first));
        rest = if coded.is_some() { &others[2..] } else { others };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The events of a batch. One that is no batch is parked as a whole.
async fn split(api: &Api, batch: Letter, spoken: Spoken) -> Result<Vec<Letter>, Problem> {
    let refusal = match split_batch(&batch.body) {
        Ok(bodies) => {
            let one = |body: &[u8]| Letter::new(Some(STRUCTURED.to_owned()), BTreeMap::new(), body.to_vec());
            return Ok(bodies.into_iter().map(one).collect());
        }
        Err(refusal) => refusal,
    };
    let (engine, id) = (Arc::clone(&api.engine), api.engine.house().sealer.letter_id(&batch));
    let parking = async move { engine.park(&batch, &refusal, Door::Http).await.map(|()| refusal) };
    match api.engine.to_its_end(parking).await.ok_or(ProblemKind::Internal)? {
        Ok(refusal) => Err(Problem::refused(&refusal, &id, spoken)),
        Err(IntakeError::NoRoom(refusal)) => Err(Problem::no_room(&refusal, spoken)),
        Err(error @ (IntakeError::Refused(_) | IntakeError::Unavailable(_))) => Err(error.into()),
    }
}

/// Offers one event. The inner error says why it was refused, and under which id it is parked.
async fn take(
    api: &Api,
    letter: Letter,
    sender: Option<Context>,
    spoken: Spoken,
) -> Result<Result<EventResult, (Refusal, LetterId)>, Problem> {
    let (id, event) = (api.engine.house().sealer.letter_id(&letter), letter.event());
    let engine = Arc::clone(&api.engine);
    let span = engine.tracer().begin(Kind::Server, "POST /v1/events");
    span.note(|notes| {
        notes.text("http.request.method", "POST");
        notes.text("http.route", "/v1/events");
    });
    let receiving = async move { span.run(engine.receive_from(&letter, Door::Http, sender)).await };
    let received = api.engine.to_its_end(receiving).await;
    let (outcome, engineer) = match received.ok_or(ProblemKind::Internal)? {
        Ok(Admitted::Applied(key)) => ("applied", key),
        Ok(Admitted::Unchanged(key)) => ("unchanged", key),
        Err(IntakeError::Refused(refusal)) => return Ok(Err((refusal, id))),
        Err(IntakeError::NoRoom(refusal)) => return Err(Problem::no_room(&refusal, spoken)),
        Err(error @ IntakeError::Unavailable(_)) => return Err(error.into()),
    };
    let (id, source) = event.map(|event| (event.id, event.source)).unzip();
    Ok(Ok(EventResult { id, source, outcome, engineer: Some(engineer), refused: None }))
}

impl EventResult {
    fn refused(event: Option<EventRef>, refusal: &Refusal, letter: LetterId, spoken: Spoken) -> Self {
        let (id, source) = event.map(|event| (event.id, event.source)).unzip();
        let refused = Refused { letter, reason: refusal.reason.code(), faults: faults(refusal, spoken) };
        Self { id, source, outcome: "refused", engineer: None, refused: Some(refused) }
    }
}

/// The faults of a refusal in the caller's language.
pub(super) fn faults(refusal: &Refusal, spoken: Spoken) -> Vec<FaultView> {
    let view = |fault: &Fault| FaultView {
        pointer: fault.pointer.clone(),
        reason: fault.code.code(),
        text: fault.code.text(spoken.0),
    };
    refusal.faults.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_of_headers_are_read() {
        let check = |text: &str, expected: &str| assert_eq!(decoded(text), expected, "{text}");
        check("engineer/E-1", "engineer/E-1");
        check("%C3%A5sa%20%25", "åsa %");
        check("%c3", "%c3");
        check("100%", "100%");
        check("%+1%zz", "%+1%zz");
    }
}
