//! What can be asked of the store: a question each, over the readers' connections. Every question is one statement, so it sees one state.
//! Not here: the statements (`readers`), and writing, which is handed to the writer.

use super::batch::{signed, unsigned};
use super::chain::Hash;
use super::layout;
use super::pending::{self, Pending};
use super::readers::Questions;
use super::standing::Link;
use super::writer::Request;
use super::{Postgres, fault};
use crate::crash::crash_point;
use crate::model::duty::{LeaseBook, LeaseCall};
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane};
use crate::model::entry::{Commit, Entry, Position, Received};
use crate::model::grants::Grant;
use crate::model::id::EngineerKey;
use crate::model::parked::{LetterId, Parked};
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use crate::store::{Answer, Store, StoreError, StoredLetter};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Row, Statement};

impl Postgres {
    async fn ask(
        &self,
        question: fn(&Questions) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.standing.may_read()?;
        self.readers.ask(question, parameters).await
    }

    async fn documents<T: DeserializeOwned>(
        &self,
        question: fn(&Questions) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<T>, StoreError> {
        self.ask(question, parameters).await?.iter().map(|row| self.document(row)).collect()
    }

    async fn one<T: DeserializeOwned>(
        &self,
        question: fn(&Questions) -> &Statement,
        key: &(dyn ToSql + Sync),
    ) -> Result<Option<T>, StoreError> {
        Ok(self.documents(question, &[key]).await?.pop())
    }

    async fn found(
        &self,
        entries: fn(&Questions) -> &Statement,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Entry>, StoreError> {
        let entry = |row: &Row| {
            let position = Position(unsigned(self.value(row, 0)?));
            pending::entry(position, self.value(row, 1)?)
                .map_err(|error| self.damaged(&format!("entry {} cannot be read: {error}", position.0)))
        };
        self.ask(entries, parameters).await?.iter().map(entry).collect()
    }

    fn document<T: DeserializeOwned>(&self, row: &Row) -> Result<T, StoreError> {
        serde_json::from_str(self.value(row, 0)?)
            .map_err(|error| self.damaged(&format!("a document cannot be read: {error}")))
    }

    fn value<'a, T: FromSql<'a>>(&self, row: &'a Row, column: usize) -> Result<T, StoreError> {
        row.try_get(column).map_err(|error| self.damaged(&format!("a value cannot be read: {error}")))
    }
}

/// A number of rows, as PostgreSQL takes it.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl Store for Postgres {
    fn commit(&self, commit: Commit) -> Answer<'_, Position> {
        Box::pin(async move {
            self.standing.may_offer()?;
            let (pending, answered) = Pending::new(commit)?;
            let pending = Box::new(pending);
            let lost = || self.standing.health().err().unwrap_or_else(|| fault::ended(&self.endpoint));
            crash_point!(async "postgres.commit.before");
            self.queue.send(Request::Commit(pending)).await.map_err(|_| lost())?;
            let committed = answered.await.map_err(|_| lost())?;
            crash_point!(async "postgres.commit.after");
            committed
        })
    }

    fn engineer<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<Engineer>> {
        Box::pin(async move { self.one(|ask| &ask.engineer, &key.as_str()).await })
    }

    fn engineers<'a>(&'a self, after: Option<&'a EngineerKey>, limit: usize) -> Answer<'a, Vec<Engineer>> {
        // No key is as short as none.
        let after = after.map_or("", EngineerKey::as_str);
        Box::pin(async move { self.documents(|ask| &ask.engineers, &[&after, &rows(limit)]).await })
    }

    fn data_key<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Option<WrappedKey>> {
        Box::pin(async move {
            let found = self.ask(|ask| &ask.data_key, &[&key.as_str()]).await?;
            found.first().map(|row| self.value(row, 0).map(WrappedKey::from_bytes)).transpose()
        })
    }

    fn enrollment<'a>(&'a self, id: &'a EnrollmentId) -> Answer<'a, Option<Enrollment>> {
        Box::pin(async move { self.one(|ask| &ask.enrollment, &layout::row(id)).await })
    }

    fn enrollments_of<'a>(&'a self, key: &'a EngineerKey) -> Answer<'a, Vec<Enrollment>> {
        let (from, to) = layout::rows_of(key);
        Box::pin(async move { self.documents(|ask| &ask.enrollments_of, &[&from, &to]).await })
    }

    fn due<'a>(&'a self, lane: &'a Lane, now: Timestamp, limit: usize) -> Answer<'a, Vec<Enrollment>> {
        let (lane, (micros, nanos)) = (layout::lane(lane), layout::time(now));
        Box::pin(async move { self.documents(|ask| &ask.due, &[&lane, &micros, &nanos, &rows(limit)]).await })
    }

    fn queue<'a>(
        &'a self,
        lane: &'a Lane,
        after: Option<&'a (Timestamp, EnrollmentId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Enrollment>> {
        let lane = layout::lane(lane);
        Box::pin(async move {
            let Some((at, id)) = after else {
                return self.documents(|ask| &ask.queue, &[&lane, &rows(limit)]).await;
            };
            let ((micros, nanos), id) = (layout::time(*at), layout::row(id));
            self.documents(|ask| &ask.queue_after, &[&lane, &micros, &nanos, &id, &rows(limit)]).await
        })
    }

    fn next_wake<'a>(&'a self, lane: &'a Lane) -> Answer<'a, Option<Timestamp>> {
        let lane = layout::lane(lane);
        Box::pin(async move {
            let found = self.ask(|ask| &ask.next_wake, &[&lane]).await?;
            let Some(row) = found.first() else { return Ok(None) };
            let at = layout::from_time((self.value(row, 0)?, self.value(row, 1)?));
            at.map(Some).ok_or_else(|| self.damaged("a time cannot be read"))
        })
    }

    fn received<'a>(&'a self, event: &'a EventRef) -> Answer<'a, Option<Received>> {
        Box::pin(async move { self.one(|ask| &ask.received, &layout::received(event)).await })
    }

    fn holder<'a>(&'a self, tag: &'a NameTag) -> Answer<'a, Option<EngineerKey>> {
        Box::pin(async move {
            let found = self.ask(|ask| &ask.holder, &[&tag.as_bytes()]).await?;
            let Some(row) = found.first() else { return Ok(None) };
            let holder = EngineerKey::parse(self.value(row, 0)?);
            holder.map(Some).map_err(|_| self.damaged("a holder of a local part cannot be read"))
        })
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a (Timestamp, LetterId)>,
        limit: usize,
    ) -> Answer<'a, Vec<Parked>> {
        Box::pin(async move {
            let Some((at, id)) = after else {
                return self.documents(|ask| &ask.parked, &[&rows(limit)]).await;
            };
            let (micros, nanos) = layout::time(*at);
            self.documents(|ask| &ask.parked_after, &[&micros, &nanos, &id.as_str(), &rows(limit)]).await
        })
    }

    fn letter<'a>(&'a self, id: &'a LetterId) -> Answer<'a, Option<StoredLetter>> {
        Box::pin(async move {
            let found = self.ask(|ask| &ask.letter, &[&id.as_str()]).await?;
            let Some(row) = found.first() else { return Ok(None) };
            let sealed = self.value::<Option<Vec<u8>>>(row, 1)?.map(Sealed::from_bytes);
            Ok(Some((self.document(row)?, sealed)))
        })
    }

    fn entries(&self, after: Position, limit: usize) -> Answer<'_, Vec<Entry>> {
        Box::pin(async move { self.found(|ask| &ask.entries, &[&signed(after.0), &rows(limit)]).await })
    }

    fn history<'a>(&'a self, key: &'a EngineerKey, after: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move {
            self.found(|ask| &ask.history, &[&key.as_str(), &signed(after.0), &rows(limit)]).await
        })
    }

    fn recent<'a>(&'a self, key: &'a EngineerKey, before: Position, limit: usize) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move {
            self.found(|ask| &ask.recent, &[&key.as_str(), &signed(before.0), &rows(limit)]).await
        })
    }

    fn bookmark<'a>(&'a self, reader: &'a str) -> Answer<'a, Position> {
        Box::pin(async move {
            let found = self.ask(|ask| &ask.bookmark, &[&reader]).await?;
            let position = found.first().map(|row| self.value(row, 0)).transpose()?;
            Ok(Position(position.map_or(0, unsigned)))
        })
    }

    fn head(&self) -> Answer<'_, Position> {
        Box::pin(async move {
            self.standing.health()?;
            let found = self.ask(|ask| &ask.head, &[]).await?;
            let row = found.first().ok_or_else(|| self.damaged("the head of the ledger is missing"))?;
            let hash = Hash::parse(self.value(row, 1)?);
            let hash = hash.ok_or_else(|| self.damaged("the head of the chain cannot be read"))?;
            let position = Position(unsigned(self.value(row, 0)?));
            self.standing.advance(Link { position, hash });
            Ok(position)
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn lease<'a>(&'a self, call: &'a LeaseCall) -> Answer<'a, LeaseBook> {
        Box::pin(async move {
            self.standing.may_read()?;
            self.leases.serve(call).await
        })
    }

    fn granted(&self, after: Timestamp) -> Answer<'_, Vec<Grant>> {
        let (micros, nanos) = layout::time(after);
        Box::pin(async move {
            let grant = |row: &Row| {
                let at = layout::from_time((self.value(row, 1)?, self.value(row, 2)?));
                let at = at.ok_or_else(|| self.damaged("a time cannot be read"))?;
                Ok(Grant { source: self.value(row, 0)?, at, room: None })
            };
            self.ask(|ask| &ask.granted, &[&micros, &nanos]).await?.iter().map(grant).collect()
        })
    }

    fn chain_head(&self) -> Option<String> {
        Some(self.standing.end().hash.to_string())
    }
}
