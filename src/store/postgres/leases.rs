//! Leases of duties, in two tables, by the server's clock. A call is one transaction and one round trip, under the lock that all commits
//! take: once a duty has another holder, no commit under an earlier epoch is still under way.
//! Not here: who ought to hold what (`model/spread`), and the fences of commits (`stage`).

use super::batch::unsigned;
use super::endpoint::Endpoint;
use super::fault;
use super::session::{Session, statements};
use crate::crash::crash_point;
use crate::model::duty::{Duty, Lease, LeaseBook, LeaseCall, ReplicaId};
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

/// How long a call may take: longer than the server lets a lock wait.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// No lease is longer than what the server's times can be added to.
const TERM_MAX: Duration = Duration::from_hours(24 * 365);

statements! {
    /// The parts of a call, in order. All of a call is judged at one time, which is taken when the lock is had.
    Parts {
        lock: "select 1 from carepass.head for update",
        now: "select set_config('carepass.now', clock_timestamp()::text, true)",
        bury: "delete from carepass.living where until <= current_setting('carepass.now')::timestamptz or replica = $1 and $2",
        free: "update carepass.leases set holder = null where holder = $1 and (duty = any($2) or $3)",
        live: "insert into carepass.living (replica, until)
            select $1, current_setting('carepass.now')::timestamptz + $2::bigint * interval '1 microsecond' where not $3
            on conflict (replica) do update set until = excluded.until",
        take: "insert into carepass.leases as held (duty, epoch, holder, until)
            select wanted, 1, $1, current_setting('carepass.now')::timestamptz + $2::bigint * interval '1 microsecond' from unnest($3::text[]) wanted
            on conflict (duty) do update set
                epoch = case when held.holder = $1 and held.until > current_setting('carepass.now')::timestamptz then held.epoch else held.epoch + 1 end,
                holder = $1, until = excluded.until
            where held.holder is null or held.until <= current_setting('carepass.now')::timestamptz or held.holder = $1",
        leases: "select duty, holder, epoch, (extract(epoch from until - current_setting('carepass.now')::timestamptz) * 1000000)::bigint
            from carepass.leases where holder is not null and until > current_setting('carepass.now')::timestamptz",
        living: "select replica, (extract(epoch from until - current_setting('carepass.now')::timestamptz) * 1000000)::bigint from carepass.living",
    }
}

/// The connection that calls go over, one after the other.
pub struct Leases {
    endpoint: Endpoint,
    open: Mutex<Option<(Session, Parts)>>,
}

impl Leases {
    /// Not connected yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, open: Mutex::new(None) }
    }

    /// Carries out a call.
    ///
    /// # Errors
    /// `Unavailable`; it may have been carried out.
    pub async fn serve(&self, call: &LeaseCall) -> Result<LeaseBook, StoreError> {
        let mut open = self.open.lock().await;
        let (session, parts) = match open.take().filter(|(session, _)| !session.client.is_closed()) {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        crash_point!(async "postgres.lease.before");
        let served = timeout(ANSWER_MAX, run(&session.client, &parts, call)).await;
        crash_point!(async "postgres.lease.after");
        // After a failure the connection is dropped, and the server ends its transaction.
        let (leases, living) = match served {
            Ok(Ok(served)) => served,
            Ok(Err(error)) => return Err(fault::unavailable(&error, &self.endpoint)),
            Err(_) => return Err(fault::silent("leasing", &self.endpoint)),
        };
        *open = Some((session, parts));
        self.book(&leases, &living)
    }

    async fn connect(&self) -> Result<(Session, Parts), StoreError> {
        let session = Session::connect(&self.endpoint).await?;
        let parts = Parts::prepare(&session.client).await;
        let parts = parts.map_err(|error| fault::unavailable(&error, &self.endpoint))?;
        Ok((session, parts))
    }

    fn book(&self, leases: &[Row], living: &[Row]) -> Result<LeaseBook, StoreError> {
        let damaged = |what: &dyn Display| {
            StoreError::Damaged(format!("{}: a lease cannot be read: {what}", self.endpoint))
        };
        let unreadable = |error: tokio_postgres::Error| damaged(&error);
        let mut book = LeaseBook::default();
        for row in leases {
            let duty =
                Duty::from_str(row.try_get(0).map_err(unreadable)?).map_err(|error| damaged(&error))?;
            let holder =
                ReplicaId::from_str(row.try_get(1).map_err(unreadable)?).map_err(|error| damaged(&error))?;
            let (epoch, left) = (row.try_get(2).map_err(unreadable)?, row.try_get(3).map_err(unreadable)?);
            book.leases.insert(duty, Lease { holder, epoch: unsigned(epoch), left: micros(left) });
        }
        for row in living {
            let replica =
                ReplicaId::from_str(row.try_get(0).map_err(unreadable)?).map_err(|error| damaged(&error))?;
            book.living.insert(replica, micros(row.try_get(1).map_err(unreadable)?));
        }
        Ok(book)
    }
}

async fn run(
    client: &Client,
    parts: &Parts,
    call: &LeaseCall,
) -> Result<(Vec<Row>, Vec<Row>), tokio_postgres::Error> {
    let replica = call.replica.as_str();
    let term = i64::try_from(call.term.min(TERM_MAX).as_micros()).unwrap_or(i64::MAX);
    let texts = |duties: &BTreeSet<Duty>| duties.iter().map(Duty::to_string).collect::<Vec<_>>();
    let (gives_up, goes) = (texts(&call.gives_up), call.leaves);
    let wants = if goes { Vec::new() } else { texts(&call.wants) };
    let bury: [&(dyn ToSql + Sync); 2] = [&replica, &goes];
    let free: [&(dyn ToSql + Sync); 3] = [&replica, &gives_up, &goes];
    let live: [&(dyn ToSql + Sync); 3] = [&replica, &term, &goes];
    let take: [&(dyn ToSql + Sync); 3] = [&replica, &term, &wants];
    let ((), _, _, _, _, _, _, leases, living, ()) = tokio::try_join!(
        biased;
        client.batch_execute("begin"),
        client.query(&parts.lock, &[]),
        client.query(&parts.now, &[]),
        client.execute(&parts.bury, &bury),
        client.execute(&parts.free, &free),
        client.execute(&parts.live, &live),
        client.execute(&parts.take, &take),
        client.query(&parts.leases, &[]),
        client.query(&parts.living, &[]),
        client.batch_execute("commit"),
    )?;
    Ok((leases, living))
}

fn micros(left: i64) -> Duration {
    Duration::from_micros(unsigned(left))
}
