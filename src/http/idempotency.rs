//! The header `Idempotency-Key` of orders: an order that is sent twice under one key is carried out once, and the second caller gets
//! the first answer. Kept in memory, for a day, and of the last thousand: after a restart orders are told apart by the ledger alone.
//! An order that was refused changed nothing, so it is not remembered. Not here: events, which have ids of their own.

use super::BODY_MAX;
use super::problem::{Problem, ProblemKind};
use super::tokens::Caller;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The header.
const NAME: &str = "idempotency-key";

/// The longest key, in bytes.
const KEY_MAX: usize = 255;

/// Answers that are remembered, how long, and the largest, in bytes.
const KEPT_MAX: usize = 1_000;
const KEPT_FOR: Duration = Duration::from_hours(24);
const ANSWER_MAX: usize = 1024 * 1024;

/// What was answered to whom.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<BTreeMap<Key, Known>>);

/// The caller's token and the caller's key.
type Key = (String, String);

#[derive(Clone, Debug)]
struct Known {
    since: Instant,
    /// SHA-256 of what was asked.
    asked: Vec<u8>,
    /// None while it is being carried out.
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Takes the place of an order that is being carried out; gone with it when nobody waits any more.
struct Place {
    repeats: Arc<Repeats>,
    key: Key,
    answered: bool,
}

/// Stands before every order, behind the check of its token.
pub(super) async fn once(State(repeats): State<Arc<Repeats>>, request: Request, next: Next) -> Response {
    match carry_out(repeats, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn carry_out(repeats: Arc<Repeats>, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(sent) = request.headers().get(NAME) else { return Ok(next.run(request).await) };
    let sent = sent.to_str().ok().filter(|key| (1..=KEY_MAX).contains(&key.len()));
    let key = sent.ok_or_else(|| Problem::invalid("Idempotency-Key", "1 to 255 visible characters"))?;
    let caller = request.extensions().get::<Caller>().map(|caller| caller.name.clone());
    let key = (caller.unwrap_or_default(), key.to_owned());
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX).await.map_err(|_| Problem::from(ProblemKind::PayloadTooLarge))?;
    let mut place = match repeats.ask(key, digest(parts.uri.path(), &body))? {
        Asked::Anew(place) => place,
        Asked::Again(answer) => return Ok(answer.into_response()),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_MAX).await.map_err(|_| Problem::from(ProblemKind::Internal))?;
    let answer = Answer { status: parts.status, headers: parts.headers, body };
    place.answer(answer.clone());
    Ok(answer.into_response())
}

enum Asked {
    Anew(Place),
    Again(Answer),
}

impl Repeats {
    fn ask(self: Arc<Self>, key: Key, asked: Vec<u8>) -> Result<Asked, Problem> {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| known.answer.is_none() || now.duration_since(known.since) < KEPT_FOR);
        match known.get(&key) {
            Some(before) if before.asked != asked => return Err(ProblemKind::IdempotencyKeyReused.into()),
            Some(Known { answer: Some(answer), .. }) => return Ok(Asked::Again(answer.clone())),
            Some(Known { answer: None, .. }) => return Err(ProblemKind::OrderUnderWay.into()),
            None => (),
        }
        let oldest = known.iter().min_by_key(|(_, known)| known.since).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| known.len() >= KEPT_MAX) {
            known.remove(&oldest);
        }
        known.insert(key.clone(), Known { since: now, asked, answer: None });
        drop(known);
        Ok(Asked::Anew(Place { repeats: self, key, answered: false }))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn answer(&mut self, answer: Answer) {
        if let Some(known) = self.repeats.known().get_mut(&self.key) {
            known.answer = Some(answer);
            self.answered = true;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.answered {
            self.repeats.known().remove(&self.key);
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}

fn digest(path: &str, body: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(&(path.len() as u64).to_be_bytes());
    context.update(path.as_bytes());
    context.update(body);
    context.finish().as_ref().to_vec()
}
