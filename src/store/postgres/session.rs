//! One connection: made, looked at whether the server is fit to keep what is acknowledged, and its statements prepared, in three round
//! trips. Statements that are begun side by side go out together, in the order in which they stand.
//! Not here: when it is made anew (`writer`, `readers`), and the tables (`migrate`).

use super::endpoint::Endpoint;
use super::fault::{self, Unfit};
use crate::store::StoreError;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest server, as it numbers itself.
const VERSION_MIN: i32 = 140_000;

/// How long it may take until a session is ready.
const READY_MAX: Duration = Duration::from_secs(10);

/// Nothing waits for ever: not a statement, not a lock, and above all no transaction whose carepass is gone, since it holds the lock that
/// all commits need: one that stands still in the middle of a batch must not cost the others their leases, which they renew each third of ten
/// seconds. A server that is set to answer before it has synced is told to sync first.
const SETTINGS: &str = "\
set session characteristics as transaction isolation level read committed;
set statement_timeout = '30s';
set lock_timeout = '15s';
set idle_in_transaction_session_timeout = '3s';
set client_min_messages = warning;
set jit = off;
select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

const CHECK: &str = "\
select current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
       current_setting('transaction_read_only') = 'on', current_setting('server_encoding'), current_setting('fsync') = 'on',
       current_setting('full_page_writes') = 'on'";

/// A connection that is ready to be used.
pub struct Session {
    /// Where questions are asked.
    pub client: Client,
    /// What is known of the server.
    pub server: Server,
    driver: Driver,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its version, for people.
    pub version: String,
    /// Whether a page that was written half is known after a power cut.
    pub has_full_pages: bool,
}

/// Moves the bytes; ends with the session.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Statements of one kind of session, prepared.
macro_rules! statements {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $sql:expr,)* }) => {
        $(#[$doc])*
        pub struct $name {
            $(pub $field: tokio_postgres::Statement,)*
        }

        impl $name {
            pub async fn prepare(client: &tokio_postgres::Client) -> Result<Self, tokio_postgres::Error> {
                // On the heap: it is large, and rare.
                let ($($field,)*) = Box::pin(async { tokio::try_join!($(client.prepare($sql),)*) }).await?;
                Ok(Self { $($field,)* })
            }
        }
    };
}

pub(super) use statements;

impl Session {
    /// Connects, and looks at the server.
    ///
    /// # Errors
    /// `Unavailable`, with what is so and what to do.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, StoreError> {
        let ready = timeout(READY_MAX, Box::pin(Self::open(endpoint))).await;
        ready.unwrap_or_else(|_| Err(fault::silent("connecting", endpoint)))
    }

    /// Waits until the connection has ended.
    pub async fn ended(&mut self) {
        // An error is a panic of the driver, which is an end as well.
        let _ = (&mut self.driver.0).await;
    }

    async fn open(endpoint: &Endpoint) -> Result<Self, StoreError> {
        let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
        let (client, driver) = dial(endpoint).await.map_err(unavailable)?;
        let answered = client.query_one(CHECK, &[]).await.map_err(unavailable)?;
        let server = judge(&answered).map_err(unavailable)?.map_err(|why| fault::unfit(&why, endpoint))?;
        client.batch_execute(SETTINGS).await.map_err(unavailable)?;
        Ok(Self { client, server, driver })
    }
}

async fn dial(endpoint: &Endpoint) -> Result<(Client, Driver), tokio_postgres::Error> {
    let config = endpoint.config();
    if let Some(tls) = endpoint.tls() {
        let (client, connection) = config.connect(MakeRustlsConnect::new((**tls).clone())).await?;
        return Ok((client, drive(connection)));
    }
    let (client, connection) = config.connect(NoTls).await?;
    Ok((client, drive(connection)))
}

fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) -> Driver {
    Driver(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    }))
}

fn judge(row: &Row) -> Result<Result<Server, Unfit>, tokio_postgres::Error> {
    let (number, version): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    let (is_standby, only_reads): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
    let encoding: String = row.try_get(4)?;
    let (syncs, has_full_pages): (bool, bool) = (row.try_get(5)?, row.try_get(6)?);
    Ok(if number < VERSION_MIN {
        Err(Unfit::Version(version))
    } else if is_standby {
        Err(Unfit::Standby)
    } else if only_reads {
        Err(Unfit::ReadOnly)
    } else if encoding != "UTF8" {
        Err(Unfit::Encoding(encoding))
    } else if syncs {
        Ok(Server { version, has_full_pages })
    } else {
        Err(Unfit::NoSync)
    })
}
