//! Messages that could not be used: the list of them, one with its body for those who may see that, and the order to take one up
//! again. Not here: how they are kept and offered (`engine/park`).

use super::events::{FaultView, faults};
use super::extract::{Asked, Named, Sent};
use super::language::Spoken;
use super::orders::{REASON_MAX, REASON_PATTERN, reason};
use super::problem::{Problem, ProblemKind};
use super::tokens::{Caller, Role};
use super::views::Page;
use super::{Api, api, auth};
use crate::engine::{Admitted, ReplayError};
use crate::model::engineer::EventRef;
use crate::model::id::EngineerKey;
use crate::model::parked::{Door, Letter, LetterId, Parked};
use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

/// A parked message.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "DeadLetter")]
pub(super) struct LetterView {
    id: LetterId,
    at: Timestamp,
    door: Door,
    reason: &'static str,
    message: &'static str,
    detail: String,
    faults: Vec<FaultView>,
    event: Option<EventRef>,
    engineer: Option<EngineerKey>,
    size: u64,
    truncated: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

/// The message itself: personal data.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LetterContent")]
struct Content {
    #[serde(rename = "content_type")]
    media: Option<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A place in the list: `<time>_<id>`.
pub(super) struct Cursor(pub(super) (Timestamp, LetterId));

#[derive(Debug, thiserror::Error)]
#[error("not a cursor of this list")]
pub(super) struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('_').ok_or(InvalidCursor)?;
        let at = at.parse().map_err(|_| InvalidCursor)?;
        Ok(Self((at, id.parse().map_err(|_| InvalidCursor)?)))
    }
}

/// The body of a replay.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "ReplayOrder")]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// Why; it is kept in the ledger. On one line, and not blank.
    #[schemars(length(min = 1, max = "REASON_MAX"), extend("pattern" = REASON_PATTERN))]
    reason: String,
}

/// What became of the message.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Replayed {
    id: LetterId,
    outcome: &'static str,
    engineer: EngineerKey,
}

/// `GET /v1/dead-letters?cursor=&limit=`, the oldest first.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<LetterView>>, Problem> {
    let asked = asked.only(&["cursor", "limit"])?;
    let limit = api::limit_of(&asked)?;
    let after = asked.get::<Cursor>("cursor")?.map(|Cursor(place)| place);
    // One more than shown tells whether there is a next part.
    let mut parked = api.engine.house().store.parked(after.as_ref(), limit + 1).await?;
    let more = parked.len() > limit;
    parked.truncate(limit);
    let next_cursor = parked.last().filter(|_| more).map(|parked| format!("{}_{}", parked.at, parked.id));
    let items = parked.into_iter().map(|parked| LetterView::of(parked, spoken)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// `GET /v1/dead-letters/{id}`; with `?body=true`, for operators, the message itself.
pub(super) async fn letter(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<LetterView>, Problem> {
    let id: LetterId = named.get("id")?;
    let wants_body = asked.only(&["body"])?.get::<bool>("body")?.unwrap_or(false);
    if wants_body {
        auth::check(&caller, Role::Operator)?;
    }
    let found = api.engine.house().store.letter(&id).await?;
    let (parked, _) = found.ok_or(ProblemKind::NotFound)?;
    let mut view = LetterView::of(parked, spoken);
    if wants_body {
        view.content = Some(Content::of(api.engine.opened(&id).await?));
        tracing::info!(token = caller.name, letter = %id, "a parked message was looked at");
    }
    Ok(Json(view))
}

/// `POST /v1/dead-letters/{id}/replay`
pub(super) async fn replay(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    spoken: Spoken,
    Sent(body): Sent<Replay>,
) -> Result<Json<Replayed>, Problem> {
    again(&api, &caller, named.get("id")?, &body.reason, spoken).await
}

/// Offers a message once more, from whichever page that is asked.
pub(super) async fn again(
    api: &Api,
    caller: &Caller,
    id: LetterId,
    why: &str,
    spoken: Spoken,
) -> Result<Json<Replayed>, Problem> {
    let reason = reason(why)?;
    let (outcome, engineer) = match api.engine.replay(&id, &caller.name, reason).await {
        Ok(Admitted::Applied(key)) => ("applied", key),
        Ok(Admitted::Unchanged(key)) => ("unchanged", key),
        Err(ReplayError::Refused(refusal)) => return Err(Problem::refused(&refusal, &id, spoken)),
        Err(error) => return Err(error.into()),
    };
    Ok(Json(Replayed { id, outcome, engineer }))
}

impl LetterView {
    fn of(parked: Parked, spoken: Spoken) -> Self {
        let refusal = parked.refusal();
        Self {
            reason: parked.reason.code(),
            message: parked.reason.text(spoken.0),
            detail: refusal.detail(),
            faults: faults(&refusal, spoken),
            id: parked.id,
            at: parked.at,
            door: parked.door,
            event: parked.event,
            engineer: parked.engineer,
            size: parked.size,
            truncated: parked.truncated,
            content: None,
        }
    }
}

impl Content {
    fn of(letter: Letter) -> Self {
        let Letter { content_type, headers, body } = letter;
        let (body, body_base64) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self { media: content_type, headers, body, body_base64 }
    }
}
