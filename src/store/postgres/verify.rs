//! Whether the ledger is whole: every batch's hash computed anew from the entries, each with its code where the key is at hand, up to the
//! head that the database has. Reads page by page, in one state of the database, beside daemons that write.
//! Not here: the rows, which are what the entries made of them; and a whole database that was exchanged for an older one, which only a
//! published head tells.

use super::batch::{signed, unsigned};
use super::chain::{Hash, Open, Seal};
use super::endpoint::Endpoint;
use super::fault;
use super::pending;
use super::session::Session;
use crate::model::entry::Position;
use crate::store::StoreError;
use crate::store::embedded::ChainKey;
use jiff::Timestamp;
use tokio_postgres::Row;

/// Entries that are read at a time.
const PAGE: i64 = 500;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last entry that is sound.
    pub position: Position,
    /// How many batches are sound.
    pub batches: u64,
    /// The hash that the chain of these ends with.
    pub sha256: String,
    /// When the last of them was decided.
    pub last_at: Option<Timestamp>,
    /// What is wrong behind them, if anything.
    pub flaw: Option<String>,
    /// Whether the head that was asked for closes a batch; also if none was asked for.
    pub known: bool,
    /// Whether the codes were looked at.
    pub is_vouched: bool,
}

struct Walk<'a> {
    key: Option<&'a ChainKey>,
    head: Option<&'a str>,
    entries: Vec<(u64, String)>,
    before: Hash,
    found: Verified,
}

/// Verifies.
///
/// # Errors
/// `Unavailable`. What is wrong with the ledger is no error.
pub async fn verify(
    endpoint: &Endpoint,
    head: Option<&str>,
    key: Option<&ChainKey>,
) -> Result<Verified, StoreError> {
    let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
    let session = Session::connect(endpoint).await?;
    let client = &session.client;
    client.batch_execute("begin isolation level repeatable read read only").await.map_err(unavailable)?;
    let page =
        "select position, body, seal from carepass.entries where position > $1 order by position limit $2";
    let page = client.prepare(page).await.map_err(unavailable)?;
    let mut walk = Walk::new(head, key);
    let mut after = 0;
    loop {
        let rows = client.query(&page, &[&signed(after), &PAGE]).await.map_err(unavailable)?;
        let Some(last) = rows.last() else { break };
        after = unsigned(last.try_get(0).map_err(unavailable)?);
        for row in &rows {
            walk.step(row).map_err(unavailable)?;
        }
        if walk.found.flaw.is_some() {
            break;
        }
    }
    let end = client.query_one("select position, hash from carepass.head", &[]).await.map_err(unavailable)?;
    let end: (i64, Vec<u8>) = (end.try_get(0).map_err(unavailable)?, end.try_get(1).map_err(unavailable)?);
    Ok(walk.finish(unsigned(end.0), &end.1))
}

impl<'a> Walk<'a> {
    fn new(head: Option<&'a str>, key: Option<&'a ChainKey>) -> Self {
        let found = Verified {
            position: Position(0),
            batches: 0,
            sha256: Hash::default().to_string(),
            last_at: None,
            flaw: None,
            known: head.is_none(),
            is_vouched: key.is_some(),
        };
        Self { key, head, entries: Vec::new(), before: Hash::default(), found }
    }

    fn step(&mut self, row: &Row) -> Result<(), tokio_postgres::Error> {
        let (position, seal): (i64, Option<Vec<u8>>) = (row.try_get(0)?, row.try_get(2)?);
        if self.found.flaw.is_none() {
            self.entries.push((unsigned(position), row.try_get(1)?));
            if let Some(seal) = seal {
                self.close(&seal);
            }
        }
        Ok(())
    }

    fn close(&mut self, seal: &[u8]) {
        let entries = std::mem::take(&mut self.entries);
        let first = self.found.position.0 + 1;
        let last = entries.last().map_or(first, |(position, _)| *position);
        let wrong = |what: &str| Some(format!("entries {first} to {last}: {what}"));
        let Some(seal) = Seal::parse(seal) else {
            self.found.flaw = wrong("the seal of the batch cannot be read");
            return;
        };
        let mut open = Open::after(&self.before, seal.token);
        for (position, body) in &entries {
            open.push(*position, body);
        }
        let has_gap = entries.iter().zip(first..).any(|((position, _), expected)| *position != expected);
        self.found.flaw = if has_gap {
            wrong("one is missing")
        } else if open.hash() != seal.hash {
            wrong("they are not what was written, or what was before them is not")
        } else if self.key.is_some_and(|key| !seal.is_vouched_by(key)) {
            wrong("they were not written with this master key")
        } else {
            None
        };
        if self.found.flaw.is_some() {
            return;
        }
        self.before = seal.hash;
        self.found.position = Position(last);
        self.found.batches += 1;
        self.found.sha256 = seal.hash.to_string();
        self.found.known |= self.head == Some(self.found.sha256.as_str());
        let read = entries.last().and_then(|(position, body)| pending::entry(Position(*position), body).ok());
        self.found.last_at = read.map(|entry| entry.at);
    }

    fn finish(mut self, position: u64, hash: &[u8]) -> Verified {
        if self.found.flaw.is_none() {
            let ends_so = self.found.position.0 == position && Hash::parse(hash) == Some(self.before);
            self.found.flaw = if !self.entries.is_empty() {
                Some(format!("behind entry {} are entries that no batch closes", self.found.position.0))
            } else if ends_so {
                None
            } else {
                Some(format!(
                    "the entries end with {}, and the head of the ledger says {position}: entries were removed",
                    self.found.position.0
                ))
            };
        }
        self.found
    }
}
