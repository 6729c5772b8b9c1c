//! The tables, made and brought up to date by steps that are never changed once they were released. Several replicas may start at once:
//! one of them does it, the others wait. A database that a newer carepass has been at is left alone.
//! Not here: what the tables mean (`migrations`).

use super::endpoint::Endpoint;
use super::fault::{self, Unfit};
use super::session::Session;
use crate::crash::crash_point;
use crate::store::StoreError;

/// Every step, in order. The version of the tables is the number of steps that were taken.
const STEPS: [&str; 1] = [include_str!("migrations/0001_begin.sql")];

/// The lock that steps are taken under: "carepass" in ASCII.
const LOCK: i64 = 0x6361_7265_7061_7373;

const BEGIN: &str = "create schema if not exists carepass;
create table carepass.schema_version (version int not null, taken_at timestamptz not null default now());
insert into carepass.schema_version (version) values (0)";

/// The version that this binary knows.
pub fn known() -> i32 {
    i32::try_from(STEPS.len()).expect("few steps")
}

/// The version of the tables; nothing where there are none.
///
/// # Errors
/// `Unavailable`.
pub async fn found(session: &Session, endpoint: &Endpoint) -> Result<Option<i32>, StoreError> {
    let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
    // Asked of the catalogue itself: a name's absence is remembered within a transaction.
    let is_there = "select exists (select from pg_catalog.pg_tables where schemaname = 'carepass' and tablename = 'schema_version')";
    let row = session.client.query_one(is_there, &[]).await.map_err(unavailable)?;
    if !row.try_get::<_, bool>(0).map_err(unavailable)? {
        return Ok(None);
    }
    let version = "select max(version) from carepass.schema_version";
    let row = session.client.query_one(version, &[]).await.map_err(unavailable)?;
    row.try_get(0).map_err(unavailable)
}

/// Brings the tables up to date.
///
/// # Errors
/// `Unavailable`, also if they are newer than this binary.
pub async fn migrate(session: &Session, endpoint: &Endpoint) -> Result<(), StoreError> {
    if is_newest(found(session, endpoint).await?, endpoint)? {
        return Ok(());
    }
    let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
    let run = async |sql: &str| session.client.batch_execute(sql).await.map_err(unavailable);
    run(&format!("begin; select pg_advisory_xact_lock({LOCK})")).await?;
    let before = found(session, endpoint).await?;
    if !is_newest(before, endpoint)? {
        crash_point!(async "postgres.migrate.before");
        if before.is_none() {
            make_room(session, endpoint).await?;
        }
        for (number, step) in (1..).zip(STEPS).skip_while(|(number, _)| *number <= before.unwrap_or(0)) {
            run(step).await?;
            run(&format!("insert into carepass.schema_version (version) values ({number})")).await?;
        }
    }
    run("commit").await?;
    crash_point!(async "postgres.migrate.after");
    tracing::info!(version = known(), "the tables of the database are up to date");
    Ok(())
}

fn is_newest(found: Option<i32>, endpoint: &Endpoint) -> Result<bool, StoreError> {
    match found {
        Some(found) if found > known() => {
            Err(fault::unfit(&Unfit::Newer { found, known: known() }, endpoint))
        }
        Some(found) => Ok(found == known()),
        None => Ok(false),
    }
}

/// A schema that an administrator has made needs no right to make one.
async fn make_room(session: &Session, endpoint: &Endpoint) -> Result<(), StoreError> {
    let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
    let is_there = "select exists (select from pg_catalog.pg_namespace where nspname = 'carepass')";
    let row = session.client.query_one(is_there, &[]).await.map_err(unavailable)?;
    let (schema, tables) = BEGIN.split_once('\n').expect("two lines at least");
    if !row.try_get::<_, bool>(0).map_err(unavailable)? {
        session.client.batch_execute(schema).await.map_err(unavailable)?;
    }
    session.client.batch_execute(tables).await.map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    #[test]
    fn tables_that_are_newer_are_left_alone() {
        let url = SecretString::from("postgres://carepass:x@127.0.0.1/carepass");
        let endpoint = Endpoint::parse(&url, None).unwrap();
        let check = |found: Option<i32>, expected: Result<bool, &str>| {
            let told = is_newest(found, &endpoint).map_err(|error| error.to_string());
            match (told, expected) {
                (Err(told), Err(said)) => assert!(told.contains(said), "{told}"),
                (told, expected) => assert_eq!(told, expected.map_err(str::to_owned)),
            }
        };
        check(None, Ok(false));
        check(Some(0), Ok(false));
        check(Some(known()), Ok(true));
        check(Some(known() + 1), Err("start the newer carepass again"));
    }
}
