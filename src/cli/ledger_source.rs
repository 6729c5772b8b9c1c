//! The entries of a ledger for commands that read it beside the daemon, from its files or its database: each as it is and as its line of
//! JSON. Nothing is written. Not here: what commands make of them, and whether the chain is whole (`ledger verify`).

use super::exit::Trouble;
use super::ledger::trouble;
use crate::config::Backend;
use crate::model::entry::{Entry, Position};
use crate::store::embedded::{self, Embedded};
use crate::store::postgres;

/// Lines that are read ahead of what is being looked at.
const AHEAD: usize = 256;

/// Whether more is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is.
    On,
    /// It is not.
    Enough,
}

/// What is done with each entry.
pub(super) trait Visit: FnMut(Entry, &str) -> Result<Reading, Trouble> {}
impl<F: FnMut(Entry, &str) -> Result<Reading, Trouble>> Visit for F {}

/// Shows the entries behind a position, in order, in as much memory as a few of them take.
pub(super) async fn each(place: &Backend, after: Position, mut visit: impl Visit) -> Result<(), Trouble> {
    match place {
        Backend::Embedded { path } => {
            let parsed = |line: &str| {
                let entry: Entry = serde_json::from_str(line).map_err(|error| {
                    Trouble::failed(format!(
                        "an entry cannot be read, perhaps because a later release wrote it ({error})"
                    ))
                })?;
                visit(entry, line)
            };
            of_files(path.clone(), after, parsed).await
        }
        Backend::Postgres { endpoint, .. } => of_database(endpoint, after, visit).await,
    }
}

/// The same with the lines alone: those of files also where this release cannot read what they say.
pub(super) async fn each_line(
    place: &Backend,
    after: Position,
    mut visit: impl FnMut(&str) -> Result<Reading, Trouble>,
) -> Result<(), Trouble> {
    match place {
        Backend::Embedded { path } => of_files(path.clone(), after, visit).await,
        Backend::Postgres { endpoint, .. } => of_database(endpoint, after, |_, line| visit(line)).await,
    }
}

/// Whether there is a ledger yet.
pub(super) async fn is_begun(place: &Backend) -> Result<bool, Trouble> {
    match place {
        Backend::Embedded { path } => Ok(Embedded::is_begun(path)),
        Backend::Postgres { endpoint, .. } => {
            Ok(postgres::look(endpoint).await.map_err(|error| trouble(&error))?.is_made)
        }
    }
}

async fn of_files(
    root: std::path::PathBuf,
    after: Position,
    mut visit: impl FnMut(&str) -> Result<Reading, Trouble>,
) -> Result<(), Trouble> {
    let (lines, mut read) = tokio::sync::mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        embedded::export(&root, after, |line| lines.blocking_send(line).is_ok())
    });
    while let Some(line) = read.recv().await {
        if visit(&line)? == Reading::Enough {
            break;
        }
    }
    // Whoever reads is told by the next line that nobody listens.
    drop(read);
    let ended = reading.await.map_err(|error| Trouble::failed(error.to_string()))?;
    ended.map_err(|error| trouble(&error))
}

async fn of_database(
    endpoint: &postgres::Endpoint,
    after: Position,
    mut visit: impl Visit,
) -> Result<(), Trouble> {
    let mut failed = None;
    let told = postgres::export(endpoint, after, |entry, line| match visit(entry, &line) {
        Ok(reading) => reading == Reading::On,
        Err(trouble) => {
            failed = Some(trouble);
            false
        }
    });
    told.await.map_err(|error| trouble(&error))?;
    failed.map_or(Ok(()), Err)
}
