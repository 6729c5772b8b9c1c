//! One batch of commits as one transaction, in two round trips: lock the end of the ledger and fetch what the conditions need; decide;
//! write everything and commit. What is written goes out by `unnest`, one statement a table, whatever the number of rows.
//!
//! The lock on `head` puts the commits of all replicas in one order: positions have no gaps, and what was read stays so until the end.
//! Not here: what becomes of a batch whose answer is lost (`writer`).

use super::chain::{Hash, Open, Seal, Token};
use super::endpoint::Endpoint;
use super::fault;
use super::layout;
use super::pending::{Answered, Pending};
use super::session::statements;
use super::stage::{Asked, Held, Puts, Stage};
use super::standing::Link;
use crate::model::entry::{Change, Position};
use crate::model::id::EngineerKey;
use crate::model::sealed::WrappedKey;
use crate::store::StoreError;
use crate::store::embedded::ChainKey;
use std::collections::BTreeSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

/// Grants are kept for a week, in microseconds: longer than any limit counts, so that a clock that is ahead opens nothing.
const GRANTS_KEPT_MICROS: i64 = 7 * 24 * 3600 * 1_000_000;

statements! {
    /// What the writer says.
    Orders {
        head: "select position, hash from carepass.head for update",
        seal: "select seal from carepass.entries where position = $1",
        received: "select key from carepass.received where key = any($1)",
        engineers: "select key, version from carepass.engineers where key = any($1)",
        keys: "select engineer, wrapped from carepass.data_keys where engineer = any($1)",
        rows: "select id, version from carepass.enrollments where id = any($1)",
        holders: "select tag, engineer from carepass.holders where tag = any($1)",
        parked: "select id from carepass.parked where id = any($1)",
        epochs: "select duty, epoch from carepass.leases where duty = any($1)",
        grants: "select source, at_micros, at_nanos from carepass.grants where at_micros >= $1",
        put_received: "insert into carepass.received (key, body) select * from unnest($1::bytea[], $2::text[])",
        put_engineers: "insert into carepass.engineers (key, version, body)
            select * from unnest($1::text[], $2::bigint[], $3::text[])
            on conflict (key) do update set version = excluded.version, body = excluded.body",
        put_keys: "insert into carepass.data_keys (engineer, wrapped) select * from unnest($1::text[], $2::bytea[])
            on conflict (engineer) do update set wrapped = excluded.wrapped",
        put_rows: "insert into carepass.enrollments (id, lane, step, wake_micros, wake_nanos, version, body)
            select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::bigint[], $7::text[])
            on conflict (id) do update set lane = excluded.lane, step = excluded.step, wake_micros = excluded.wake_micros,
            wake_nanos = excluded.wake_nanos, version = excluded.version, body = excluded.body",
        put_holders: "insert into carepass.holders (tag, engineer) select * from unnest($1::bytea[], $2::text[])
            on conflict (tag) do update set engineer = excluded.engineer",
        put_parked: "insert into carepass.parked (id, at_micros, at_nanos, body)
            select * from unnest($1::text[], $2::bigint[], $3::smallint[], $4::text[])",
        put_letters: "insert into carepass.letters (id, sealed) select * from unnest($1::text[], $2::bytea[])
            on conflict (id) do nothing",
        put_bookmarks: "insert into carepass.bookmarks (reader, position) select * from unnest($1::text[], $2::bigint[])
            on conflict (reader) do update set position = excluded.position",
        put_grants: "insert into carepass.grants (source, at_micros, at_nanos)
            select * from unnest($1::text[], $2::bigint[], $3::smallint[])",
        take_grants: "delete from carepass.grants where at_micros < $1",
        take_keys: "delete from carepass.data_keys where engineer = any($1)",
        take_holders: "delete from carepass.holders where tag = any($1)",
        take_parked: "delete from carepass.parked where id = any($1)",
        take_letters: "delete from carepass.letters where id = any($1)",
        append: "insert into carepass.entries (position, engineer, body, seal)
            select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])",
        concern: "insert into carepass.entry_engineers (engineer, position) select * from unnest($1::text[], $2::bigint[])",
        advance: "update carepass.head set position = $1, hash = $2",
    }
}

/// A batch that was decided, and is not written yet.
pub struct Decided {
    /// What each commit is answered once the batch is written.
    pub answers: Vec<Answered>,
    /// Where the ledger ends then.
    pub end: Link,
    /// How the batch is recognized; nothing if there is nothing to write.
    pub token: Option<Token>,
    writes: Writes,
}

/// Everything that goes out with the second round trip, table by table and column by column.
#[derive(Default)]
struct Writes {
    puts: Puts,
    positions: Vec<i64>,
    engineers: Vec<Option<String>>,
    bodies: Vec<String>,
    seals: Vec<Option<Vec<u8>>>,
    concerned: Vec<(String, i64)>,
}

/// Why a batch was not decided or written.
pub enum Failure {
    /// By connection or server.
    Server(Error),
    /// The database holds what cannot be understood.
    Damaged(String),
    /// Nothing was heard in time.
    Silent,
}

impl Failure {
    /// For whoever asked, and for an operator.
    pub fn told(&self, endpoint: &Endpoint) -> StoreError {
        match self {
            Self::Server(error) => fault::unavailable(error, endpoint),
            Self::Damaged(why) => StoreError::Damaged(format!("{endpoint}: {why}")),
            Self::Silent => fault::silent("writing", endpoint),
        }
    }

    /// What the server has against the data themselves, if that is it.
    pub fn refusal(&self, endpoint: &Endpoint) -> Option<StoreError> {
        match self {
            Self::Server(error) if fault::is_refusal(error) => Some(fault::unavailable(error, endpoint)),
            Self::Server(_) | Self::Damaged(_) | Self::Silent => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if fault::is_contradiction(&error) {
            return Self::Damaged(format!("the tables contradict themselves: {error}"));
        }
        Self::Server(error)
    }
}

/// The first round trip, and the decision.
///
/// # Errors
/// When nothing was decided. Nothing was written then.
pub async fn decide(
    client: &Client,
    orders: &Orders,
    batch: &[Pending],
    key: &ChainKey,
    token: Token,
) -> Result<Decided, Failure> {
    let asked = Asked::of(batch);
    let (before, held) = fetch(client, orders, &asked).await?;
    let mut stage = Stage::new(held);
    let (mut position, mut answers, mut admitted) = (before.position.0, Vec::new(), Vec::new());
    for pending in batch {
        let answer = stage.take(pending).map(|()| {
            position += 1;
            admitted.push((position, pending));
            Position(position)
        });
        answers.push(answer);
    }
    let mut decided = Decided {
        answers,
        end: before,
        token: None,
        writes: Writes { puts: stage.into_puts(), ..Writes::default() },
    };
    if !admitted.is_empty() {
        let seal = append(&mut decided.writes, &before.hash, token, &admitted, key);
        decided.end = Link { position: Position(position), hash: seal.hash };
        decided.token = Some(token);
    }
    Ok(decided)
}

/// The second round trip. After an error nobody knows whether it has happened.
///
/// # Errors
/// Whatever connection and server say.
pub async fn put_down(client: &Client, orders: &Orders, decided: &Decided) -> Result<(), Failure> {
    if decided.token.is_none() {
        return Ok(client.batch_execute("rollback").await?);
    }
    let Writes { puts, positions, engineers, bodies, seals, concerned } = &decided.writes;
    let (position, hash) = (signed(decided.end.position.0), decided.end.hash.bytes());
    let (who, whose): (Vec<&str>, Vec<i64>) =
        concerned.iter().map(|(who, whose)| (who.as_str(), *whose)).unzip();
    // Each is sent when it is looked at first, so they arrive in this order.
    tokio::try_join!(
        biased;
        take(client, orders, puts),
        put_people(client, orders, puts),
        put_rows(client, orders, puts),
        put_parked(client, orders, puts),
        put_grants(client, orders, puts),
        execute(client, &orders.append, [positions, engineers, bodies, seals], true),
        execute(client, &orders.concern, [&who, &whose], !who.is_empty()),
        execute(client, &orders.advance, [&position, &hash], true),
        client.batch_execute("commit"),
    )?;
    Ok(())
}

/// Waits until no transaction of anybody's is under way, and says where the ledger ends, and what closes the entry at a place.
///
/// # Errors
/// Whatever connection and server say.
pub async fn look(client: &Client, orders: &Orders, at: Position) -> Result<(Link, Option<Seal>), Failure> {
    let at = signed(at.0);
    let ((), end, seals, ()) = tokio::try_join!(
        biased;
        client.batch_execute("begin"),
        client.query_one(&orders.head, &[]),
        query(client, &orders.seal, &at, true),
        client.batch_execute("rollback"),
    )?;
    let seal = match seals.first() {
        Some(row) => row.try_get::<_, Option<Vec<u8>>>(0)?.as_deref().and_then(Seal::parse),
        None => None,
    };
    Ok((link(&end)?, seal))
}

async fn fetch(client: &Client, orders: &Orders, asked: &Asked) -> Result<(Link, Held), Failure> {
    let engineers: Vec<&str> = asked.engineers.iter().map(String::as_str).collect();
    let keys: Vec<&str> = asked.keys.iter().map(String::as_str).collect();
    let rows: Vec<&str> = asked.rows.iter().map(String::as_str).collect();
    let parked: Vec<&str> = asked.parked.iter().map(String::as_str).collect();
    let received: Vec<&[u8]> = asked.received.iter().map(Vec::as_slice).collect();
    let holders: Vec<&[u8]> = asked.holders.iter().map(Vec::as_slice).collect();
    let duties: Vec<&str> = asked.duties.iter().map(String::as_str).collect();
    let granted_after = asked.granted_after.map_or(0, |at| layout::time(at).0);
    // What comes behind the lock sees everything that whoever held it has written.
    let ((), end, received, engineers, keys, rows, holders, parked, epochs, grants) = tokio::try_join!(
        biased;
        client.batch_execute("begin"),
        client.query_one(&orders.head, &[]),
        query(client, &orders.received, &received, !received.is_empty()),
        query(client, &orders.engineers, &engineers, !engineers.is_empty()),
        query(client, &orders.keys, &keys, !keys.is_empty()),
        query(client, &orders.rows, &rows, !rows.is_empty()),
        query(client, &orders.holders, &holders, !holders.is_empty()),
        query(client, &orders.parked, &parked, !parked.is_empty()),
        query(client, &orders.epochs, &duties, !duties.is_empty()),
        query(client, &orders.grants, &granted_after, asked.granted_after.is_some()),
    )?;
    let mut held = Held::default();
    for row in received {
        held.received.insert(row.try_get(0)?);
    }
    for row in engineers {
        held.engineers.insert(row.try_get(0)?, unsigned(row.try_get(1)?));
    }
    for row in keys {
        held.keys.insert(row.try_get(0)?, WrappedKey::from_bytes(row.try_get(1)?));
    }
    for row in rows {
        held.rows.insert(row.try_get(0)?, unsigned(row.try_get(1)?));
    }
    for row in holders {
        let holder = EngineerKey::parse(row.try_get(1)?);
        let holder =
            holder.map_err(|_| Failure::Damaged("a holder of a local part cannot be read".to_owned()))?;
        held.holders.insert(row.try_get(0)?, holder);
    }
    for row in parked {
        held.parked.insert(row.try_get(0)?);
    }
    for row in epochs {
        held.epochs.insert(row.try_get(0)?, unsigned(row.try_get(1)?));
    }
    for row in grants {
        let at = layout::from_time((row.try_get(1)?, row.try_get(2)?));
        let at = at.ok_or_else(|| Failure::Damaged("the time of a grant cannot be read".to_owned()))?;
        held.grants.push((row.try_get(0)?, at));
    }
    Ok((link(&end)?, held))
}

fn link(row: &Row) -> Result<Link, Failure> {
    let hash = Hash::parse(row.try_get(1)?);
    let hash = hash.ok_or_else(|| Failure::Damaged("the head of the chain cannot be read".to_owned()))?;
    Ok(Link { position: Position(unsigned(row.try_get(0)?)), hash })
}

/// Lays the entries out in columns, and closes the batch with the last of them.
fn append(
    writes: &mut Writes,
    before: &Hash,
    token: Token,
    admitted: &[(u64, &Pending)],
    key: &ChainKey,
) -> Seal {
    let mut open = Open::after(before, token);
    for (position, pending) in admitted {
        open.push(*position, &pending.body);
        let concerned: BTreeSet<&EngineerKey> =
            pending.commit.changes.iter().filter_map(Change::engineer).collect();
        let only = concerned.first().filter(|_| concerned.len() == 1).map(ToString::to_string);
        if only.is_none() {
            writes
                .concerned
                .extend(concerned.iter().map(|engineer| (engineer.to_string(), signed(*position))));
        }
        writes.positions.push(signed(*position));
        writes.engineers.push(only);
        writes.bodies.push(pending.body.clone());
        writes.seals.push(None);
    }
    let seal = open.close(key);
    if let Some(last) = writes.seals.last_mut() {
        *last = Some(seal.bytes());
    }
    seal
}

async fn take(client: &Client, orders: &Orders, puts: &Puts) -> Result<(), Error> {
    let keys: Vec<&str> =
        puts.keys.iter().filter(|(_, key)| key.is_none()).map(|(engineer, _)| engineer.as_str()).collect();
    let tags: Vec<&[u8]> =
        puts.holders.iter().filter(|(_, holder)| holder.is_none()).map(|(tag, _)| tag.as_slice()).collect();
    let unparked: Vec<&str> = puts.unparked.iter().map(String::as_str).collect();
    tokio::try_join!(
        biased;
        execute(client, &orders.take_keys, [&keys], !keys.is_empty()),
        execute(client, &orders.take_holders, [&tags], !tags.is_empty()),
        execute(client, &orders.take_parked, [&unparked], !unparked.is_empty()),
        execute(client, &orders.take_letters, [&unparked], !unparked.is_empty()),
    )?;
    Ok(())
}

async fn put_people(client: &Client, orders: &Orders, puts: &Puts) -> Result<(), Error> {
    let engineers: Vec<&str> = puts.engineers.keys().map(String::as_str).collect();
    let versions: Vec<i64> = puts.engineers.values().map(|(version, _)| signed(*version)).collect();
    let bodies: Vec<&str> = puts.engineers.values().map(|(_, body)| body.as_str()).collect();
    let keys =
        puts.keys.iter().filter_map(|(engineer, key)| Some((engineer.as_str(), key.as_ref()?.as_bytes())));
    let (owners, keys): (Vec<&str>, Vec<&[u8]>) = keys.unzip();
    let holders =
        puts.holders.iter().filter_map(|(tag, holder)| Some((tag.as_slice(), holder.as_ref()?.as_str())));
    let (tags, holders): (Vec<&[u8]>, Vec<&str>) = holders.unzip();
    tokio::try_join!(
        biased;
        execute(client, &orders.put_engineers, [&engineers, &versions, &bodies], !engineers.is_empty()),
        execute(client, &orders.put_keys, [&owners, &keys], !owners.is_empty()),
        execute(client, &orders.put_holders, [&tags, &holders], !tags.is_empty()),
    )?;
    Ok(())
}

async fn put_rows(client: &Client, orders: &Orders, puts: &Puts) -> Result<(), Error> {
    let (ids, rows): (Vec<&str>, Vec<_>) = puts.rows.iter().map(|(id, row)| (id.as_str(), row)).unzip();
    let wakes = || rows.iter().map(|row| row.wake.as_ref());
    let lanes: Vec<Option<&str>> = wakes().map(|wake| wake.map(|wake| wake.lane.as_str())).collect();
    let steps: Vec<Option<&str>> = wakes().map(|wake| wake.map(|wake| wake.step)).collect();
    let micros: Vec<Option<i64>> = wakes().map(|wake| wake.map(|wake| wake.at.0)).collect();
    let nanos: Vec<Option<i16>> = wakes().map(|wake| wake.map(|wake| wake.at.1)).collect();
    let versions: Vec<i64> = rows.iter().map(|row| signed(row.version)).collect();
    let bodies: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
    let columns: [&(dyn ToSql + Sync); 7] = [&ids, &lanes, &steps, &micros, &nanos, &versions, &bodies];
    execute(client, &orders.put_rows, columns, !ids.is_empty()).await
}

async fn put_parked(client: &Client, orders: &Orders, puts: &Puts) -> Result<(), Error> {
    let events: Vec<&[u8]> = puts.received.keys().map(Vec::as_slice).collect();
    let received: Vec<&str> = puts.received.values().map(String::as_str).collect();
    let ids: Vec<&str> = puts.parked.keys().map(String::as_str).collect();
    let micros: Vec<i64> = puts.parked.values().map(|((micros, _), _)| *micros).collect();
    let nanos: Vec<i16> = puts.parked.values().map(|((_, nanos), _)| *nanos).collect();
    let parked: Vec<&str> = puts.parked.values().map(|(_, body)| body.as_str()).collect();
    let letters: Vec<&str> = puts.letters.keys().map(String::as_str).collect();
    let sealed: Vec<&[u8]> = puts.letters.values().map(Vec::as_slice).collect();
    let readers: Vec<&str> = puts.bookmarks.keys().map(String::as_str).collect();
    let places: Vec<i64> = puts.bookmarks.values().map(|place| signed(*place)).collect();
    tokio::try_join!(
        biased;
        execute(client, &orders.put_received, [&events, &received], !events.is_empty()),
        execute(client, &orders.put_parked, [&ids, &micros, &nanos, &parked], !ids.is_empty()),
        execute(client, &orders.put_letters, [&letters, &sealed], !letters.is_empty()),
        execute(client, &orders.put_bookmarks, [&readers, &places], !readers.is_empty()),
    )?;
    Ok(())
}

/// Those that no limit asks about any more are forgotten on the way.
async fn put_grants(client: &Client, orders: &Orders, puts: &Puts) -> Result<(), Error> {
    let sources: Vec<&str> = puts.grants.iter().map(|(source, _)| source.as_str()).collect();
    let micros: Vec<i64> = puts.grants.iter().map(|(_, (micros, _))| *micros).collect();
    let nanos: Vec<i16> = puts.grants.iter().map(|(_, (_, nanos))| *nanos).collect();
    let forgotten = micros.iter().min().map_or(0, |at| at.saturating_sub(GRANTS_KEPT_MICROS));
    tokio::try_join!(
        biased;
        execute(client, &orders.take_grants, [&forgotten], !sources.is_empty()),
        execute(client, &orders.put_grants, [&sources, &micros, &nanos], !sources.is_empty()),
    )?;
    Ok(())
}

async fn execute<const COLUMNS: usize>(
    client: &Client,
    order: &Statement,
    columns: [&(dyn ToSql + Sync); COLUMNS],
    is_wanted: bool,
) -> Result<(), Error> {
    if is_wanted { client.execute(order, &columns).await.map(|_| ()) } else { Ok(()) }
}

async fn query(
    client: &Client,
    order: &Statement,
    keys: &(dyn ToSql + Sync),
    is_wanted: bool,
) -> Result<Vec<Row>, Error> {
    if is_wanted { client.query(order, &[keys]).await } else { Ok(Vec::new()) }
}

/// Positions and versions count from 0 or 1 by one, so they never reach what a bigint cannot hold.
pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same, read.
pub fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
