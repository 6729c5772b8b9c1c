//! The connections that reads go over: a few, made when they are needed. Questions that are asked at once share one, without waiting for
//! one another's answers on the way.
//! Not here: the questions' meaning (`reads`).

use super::endpoint::Endpoint;
use super::fault;
use super::session::{Session, statements};
use crate::store::StoreError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

/// How many connections there are at most.
const CONNECTIONS: usize = 4;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(15);

statements! {
    /// Every question that is asked.
    Questions {
        engineer: "select body from carepass.engineers where key = $1",
        engineers: "select body from carepass.engineers where key > $1 order by key limit $2",
        data_key: "select wrapped from carepass.data_keys join carepass.engineers on key = engineer where engineer = $1",
        enrollment: "select body from carepass.enrollments where id = $1",
        enrollments_of: "select body from carepass.enrollments where id >= $1 and id < $2 order by id",
        due: "select body from carepass.steps_of($1) at cross join lateral (
                select body, wake_micros, wake_nanos, id from carepass.enrollments
                where lane = $1 and step = at and (wake_micros, wake_nanos) <= ($2, $3)
                order by wake_micros, wake_nanos, id limit $4) rows
            order by wake_micros, wake_nanos, id",
        queue: "select body from carepass.steps_of($1) at cross join lateral (
                select body, wake_micros, wake_nanos, id from carepass.enrollments where lane = $1 and step = at
                order by wake_micros, wake_nanos, id limit $2) rows
            order by wake_micros, wake_nanos, id limit $2",
        queue_after: "select body from carepass.steps_of($1) at cross join lateral (
                select body, wake_micros, wake_nanos, id from carepass.enrollments
                where lane = $1 and step = at and (wake_micros, wake_nanos, id) > ($2, $3, $4)
                order by wake_micros, wake_nanos, id limit $5) rows
            order by wake_micros, wake_nanos, id limit $5",
        next_wake: "select wake_micros, wake_nanos from carepass.steps_of($1) at cross join lateral (
                select wake_micros, wake_nanos from carepass.enrollments where lane = $1 and step = at
                order by wake_micros, wake_nanos, id limit 1) rows
            order by wake_micros, wake_nanos limit 1",
        received: "select body from carepass.received where key = $1",
        holder: "select engineer from carepass.holders where tag = $1",
        parked: "select body from carepass.parked order by at_micros, at_nanos, id limit $1",
        parked_after: "select body from carepass.parked where (at_micros, at_nanos, id) > ($1, $2, $3)
            order by at_micros, at_nanos, id limit $4",
        letter: "select body, sealed from carepass.parked left join carepass.letters using (id) where id = $1",
        entries: "select position, body from carepass.entries where position > $1 order by position limit $2",
        history: "(select position, body from carepass.entries where engineer = $1 and position > $2 order by position limit $3)
            union all
            (select position, body from carepass.entry_engineers a join carepass.entries b using (position)
             where a.engineer = $1 and position > $2 order by position limit $3)
            order by position limit $3",
        recent: "(select position, body from carepass.entries where engineer = $1 and position < $2 order by position desc limit $3)
            union all
            (select position, body from carepass.entry_engineers a join carepass.entries b using (position)
             where a.engineer = $1 and position < $2 order by position desc limit $3)
            order by position desc limit $3",
        bookmark: "select position from carepass.bookmarks where reader = $1",
        granted: "select source, at_micros, at_nanos from carepass.grants where (at_micros, at_nanos) > ($1, $2)
            order by at_micros, at_nanos",
        head: "select position, hash from carepass.head",
    }
}

/// Connections that reads share.
pub struct Readers {
    endpoint: Endpoint,
    slots: [Mutex<Option<Arc<Reader>>>; CONNECTIONS],
    next: AtomicUsize,
}

struct Reader {
    session: Session,
    questions: Questions,
}

impl Readers {
    /// None is made yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, slots: Default::default(), next: AtomicUsize::new(0) }
    }

    /// Asks.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ask(
        &self,
        question: fn(&Questions) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let reader = self.reader(turn).await?;
        let asked = reader.session.client.query(question(&reader.questions), parameters);
        match timeout(ANSWER_MAX, asked).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(fault::unavailable(&error, &self.endpoint)),
            Err(_) => {
                self.forget(turn, &reader).await;
                Err(fault::silent("reading", &self.endpoint))
            }
        }
    }

    async fn reader(&self, turn: usize) -> Result<Arc<Reader>, StoreError> {
        let mut slot = self.slots[turn].lock().await;
        if let Some(reader) = slot.as_ref().filter(|reader| !reader.session.client.is_closed()) {
            return Ok(Arc::clone(reader));
        }
        *slot = None;
        let session = Session::connect(&self.endpoint).await?;
        let questions = Questions::prepare(&session.client).await;
        let questions = questions.map_err(|error| fault::unavailable(&error, &self.endpoint))?;
        let reader = Arc::new(Reader { session, questions });
        *slot = Some(Arc::clone(&reader));
        Ok(reader)
    }

    /// A connection that answers no longer is not asked again.
    async fn forget(&self, turn: usize, reader: &Arc<Reader>) {
        let mut slot = self.slots[turn].lock().await;
        if slot.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, reader)) {
            *slot = None;
        }
    }
}
