//! The header `Idempotency-Key` of orders: an order that is sent twice under one key is carried out once, and the second caller gets
//! the first answer. Kept in memory, for a day, of the last thousand and within 8 MiB: after a restart orders are told apart by the ledger
//! alone. Of an answer that is too long for that it is only known that there was one. What is under way is never forgotten. An order that
//! was refused changed nothing, so it is not remembered. Not here: events, which have ids of their own.

use super::BODY_MAX;
use super::problem::{Problem, ProblemKind};
use super::tokens::Caller;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
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

/// Orders that are remembered, and how long.
const KEPT_MAX: usize = 1_000;
const KEPT_FOR: Duration = Duration::from_hours(24);

/// The longest answer that is kept, and all together, in bytes.
const ANSWER_MAX: usize = 1024 * 1024;
const ANSWERS_MAX: usize = 8 * 1024 * 1024;

/// What was answered to whom.
#[derive(Debug, Default)]
pub struct Repeats(Mutex<BTreeMap<Key, Known>>);

/// The caller's token and the caller's key.
type Key = (String, String);

#[derive(Clone, Debug)]
struct Known {
    since: Instant,
    /// SHA-256 of what was asked.
    asked: Vec<u8>,
    standing: Standing,
}

#[derive(Clone, Debug)]
enum Standing {
    UnderWay,
    Answered(Answer),
    /// Carried out; what was answered is not kept.
    Forgotten,
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
    let place = match repeats.ask(key, digest(parts.uri.path(), &body))? {
        Asked::Anew(place) => place,
        Asked::Again(answer) => return Ok(answer.into_response()),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    if !fits(&response) {
        place.stand(Standing::Forgotten);
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_MAX).await.map_err(|_| Problem::from(ProblemKind::Internal))?;
    let answer = Answer { status: parts.status, headers: parts.headers, body };
    place.stand(Standing::Answered(answer.clone()));
    Ok(answer.into_response())
}

/// Whether the answer is known not to be too long.
fn fits(response: &Response) -> bool {
    response.body().size_hint().upper().is_some_and(|length| length <= ANSWER_MAX as u64)
}

enum Asked {
    Anew(Place),
    Again(Answer),
}

impl Repeats {
    fn ask(self: Arc<Self>, key: Key, asked: Vec<u8>) -> Result<Asked, Problem> {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| known.is_under_way() || now.duration_since(known.since) < KEPT_FOR);
        if let Some(before) = known.get(&key) {
            return before.again(&asked);
        }
        if known.len() >= KEPT_MAX && !forget_oldest(&mut known) {
            return Err(ProblemKind::TooManyOrders.into());
        }
        known.insert(key.clone(), Known { since: now, asked, standing: Standing::UnderWay });
        drop(known);
        Ok(Asked::Anew(Place { repeats: self, key, answered: false }))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room. What is under way stays: whoever sends it again must not have it done twice.
fn forget_oldest(known: &mut BTreeMap<Key, Known>) -> bool {
    let ended = known.iter().filter(|(_, known)| !known.is_under_way());
    let oldest = ended.min_by_key(|(_, known)| known.since).map(|(key, _)| key.clone());
    oldest.is_some_and(|oldest| known.remove(&oldest).is_some())
}

impl Known {
    fn is_under_way(&self) -> bool {
        matches!(self.standing, Standing::UnderWay)
    }

    /// What whoever asks once more is told.
    fn again(&self, asked: &[u8]) -> Result<Asked, Problem> {
        if self.asked != asked {
            return Err(ProblemKind::IdempotencyKeyReused.into());
        }
        match &self.standing {
            Standing::Answered(answer) => Ok(Asked::Again(answer.clone())),
            Standing::UnderWay => Err(ProblemKind::OrderUnderWay.into()),
            Standing::Forgotten => Err(ProblemKind::AnswerNotKept.into()),
        }
    }

    fn size(&self) -> usize {
        match &self.standing {
            Standing::Answered(answer) => answer.body.len(),
            Standing::UnderWay | Standing::Forgotten => 0,
        }
    }
}

impl Place {
    fn stand(mut self, standing: Standing) {
        let mut known = self.repeats.known();
        if let Some(mine) = known.get_mut(&self.key) {
            mine.standing = standing;
        }
        while known.values().map(Known::size).sum::<usize>() > ANSWERS_MAX && forget_oldest(&mut known) {}
        drop(known);
        self.answered = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        ("approver".to_owned(), number.to_string())
    }

    fn place(repeats: &Arc<Repeats>, number: usize) -> Place {
        match Arc::clone(repeats).ask(key(number), vec![1]) {
            Ok(Asked::Anew(place)) => place,
            Ok(Asked::Again(_)) => panic!("{number} is known"),
            Err(problem) => panic!("{number}: {problem:?}"),
        }
    }

    fn answer(length: usize) -> Standing {
        let body = Bytes::from(vec![b'x'; length]);
        Standing::Answered(Answer { status: StatusCode::OK, headers: HeaderMap::new(), body })
    }

    fn refusal(repeats: &Arc<Repeats>, number: usize) -> Option<ProblemKind> {
        Arc::clone(repeats).ask(key(number), vec![1]).err().map(|problem| problem.kind)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_never_forgotten_and_what_has_ended_makes_room() {
        let repeats = Arc::new(Repeats::default());
        let mut places: Vec<Place> = (0..KEPT_MAX).map(|number| place(&repeats, number)).collect();
        tokio::time::advance(KEPT_FOR * 2).await;
        assert_eq!(refusal(&repeats, KEPT_MAX), Some(ProblemKind::TooManyOrders));
        assert_eq!(refusal(&repeats, 0), Some(ProblemKind::OrderUnderWay));
        places.remove(7).stand(answer(1));
        let more = place(&repeats, KEPT_MAX);
        assert_eq!(refusal(&repeats, KEPT_MAX + 1), Some(ProblemKind::TooManyOrders));
        drop(more);
        drop(place(&repeats, KEPT_MAX + 1));
        assert_eq!(repeats.known().len(), KEPT_MAX - 1, "who gives up gives the place back");
    }

    #[tokio::test]
    async fn answers_are_kept_within_bounds() {
        let repeats = Arc::new(Repeats::default());
        for number in 0..20 {
            place(&repeats, number).stand(answer(ANSWER_MAX));
        }
        assert_eq!(repeats.known().values().map(Known::size).sum::<usize>(), ANSWERS_MAX);
        assert!(matches!(Arc::clone(&repeats).ask(key(19), vec![1]), Ok(Asked::Again(_))));
        place(&repeats, 20).stand(Standing::Forgotten);
        assert_eq!(refusal(&repeats, 20), Some(ProblemKind::AnswerNotKept));
    }

    #[test]
    fn only_an_answer_whose_length_is_known_is_kept() {
        let check = |length: usize, expected: bool| {
            assert_eq!(fits(&vec![b'x'; length].into_response()), expected, "{length}");
        };
        check(ANSWER_MAX, true);
        check(ANSWER_MAX + 1, false);
    }

    /// Through the middleware: the caller gets all of it, and is told the second time that it cannot be repeated.
    #[tokio::test]
    async fn a_long_answer_is_given_and_not_repeated() {
        let repeats = Arc::new(Repeats::default());
        let long = axum::routing::post(|| async { vec![b'x'; ANSWER_MAX + 1] });
        let routes = axum::Router::new()
            .route("/", long.route_layer(axum::middleware::from_fn_with_state(repeats, once)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, routes).into_future());
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let send = async || client.post(&url).header(NAME, "a").send().await.unwrap();
        let first = send().await;
        assert_eq!((first.status(), first.bytes().await.unwrap().len()), (StatusCode::OK, ANSWER_MAX + 1));
        assert_eq!(send().await.status(), StatusCode::CONFLICT);
    }
}
