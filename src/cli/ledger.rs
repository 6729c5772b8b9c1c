//! `carepass ledger verify`: whether the ledger is whole, from its files or its database alone, also while the daemon runs. `carepass ledger
//! repair`: going on with what is sound of a damaged one. `carepass ledger export`: its entries as JSON. Not here: copies of it (`store`).

use super::exit::{Ended, Exit, Trouble};
use super::ledger_database;
use super::ledger_source::{self, Reading};
use super::screen::Screen;
use super::serve::load;
use crate::clock::Clock;
use crate::config::Backend;
use crate::model::entry::Position;
use crate::seal::Sealer;
use crate::store::StoreError;
use crate::store::embedded::{ChainKey, Repaired, Verified, repair, verify, verify_keyed};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// The commands about the ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Verify the whole chain; nothing is written
    Verify(VerifyArgs),
    /// Say what is sound of a damaged ledger; with --cut-after, go on with that
    Repair(RepairArgs),
    /// Print the entries as JSON, one a line, also while the daemon runs; from the files or from the database
    Export(ExportArgs),
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub struct WhichStore {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required_unless_present = "store", num_args = 1..)]
    config: Vec<PathBuf>,
    /// The folder of a store or of a backup, instead of the configured one
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    store: Option<PathBuf>,
}

/// Which ledger, and the key that it was written with.
#[derive(Clone, Debug, Args)]
pub struct WhichLedger {
    #[command(flatten)]
    store: WhichStore,
    /// The file of the master key, instead of the configured one: whether everything was written with it
    #[arg(long, value_name = "FILE")]
    master_key: Option<PathBuf>,
}

/// Arguments of `ledger verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    which: WhichLedger,
    /// Also say whether this head, of an outcome (`ledgerhead`) or an earlier verification, is in the chain
    #[arg(long, value_name = "SHA256")]
    head: Option<String>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Arguments of `ledger repair`.
#[derive(Clone, Debug, Args)]
pub struct RepairArgs {
    #[command(flatten)]
    which: WhichLedger,
    /// Cut behind this entry, which must be the last sound one: the confirmation
    #[arg(long, value_name = "ENTRY")]
    cut_after: Option<u64>,
}

/// Arguments of `ledger export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    store: WhichStore,
    /// Only entries behind this one
    #[arg(long, value_name = "ENTRY", default_value_t = 0)]
    after: u64,
}

/// Runs the command.
pub async fn run(command: &LedgerCommand, screen: &mut Screen) -> Ended {
    match command {
        LedgerCommand::Verify(args) => {
            let Some((place, key)) = args.which.of(screen)? else { return Ok(Exit::Usage) };
            let head = args.head.as_ref().map(|head| head.trim().to_ascii_lowercase());
            match place {
                Backend::Embedded { path } => {
                    let verified = look(path, head, key).await?;
                    Ok(show(&verified, args.json, screen))
                }
                Backend::Postgres { endpoint, .. } => {
                    ledger_database::verify(&endpoint, head.as_deref(), key.as_ref(), args.json, screen).await
                }
            }
        }
        LedgerCommand::Repair(args) => mend(args, screen).await,
        LedgerCommand::Export(args) => tell(args, screen).await,
    }
}

async fn tell(args: &ExportArgs, screen: &mut Screen) -> Ended {
    let Some(place) = args.store.place(screen) else { return Ok(Exit::Usage) };
    let told = ledger_source::each_line(&place, Position(args.after), |line| {
        screen.say(line);
        Ok(Reading::On)
    });
    told.await.map(|()| Exit::Done)
}

impl WhichStore {
    /// Where it is, in files or in a database; `None` if the configuration has faults, which are told then.
    pub(super) fn place(&self, screen: &mut Screen) -> Option<Backend> {
        match &self.store {
            Some(store) => Some(Backend::Embedded { path: store.clone() }),
            None => load(&self.config, screen).map(|config| config.store.backend),
        }
    }

    /// Its folder; `None` if the configuration has faults, which are told then.
    pub(super) fn folder(&self, screen: &mut Screen) -> Result<Option<PathBuf>, Trouble> {
        if let Some(store) = &self.store {
            return Ok(Some(store.clone()));
        }
        match load(&self.config, screen).map(|config| config.store.backend) {
            None => Ok(None),
            Some(Backend::Embedded { path }) => Ok(Some(path)),
            Some(Backend::Postgres { endpoint, .. }) => Err(Trouble::usage(format!(
                "the store is in {endpoint}; back it up and restore it with PostgreSQL's own means: pg_dump and pg_restore, or a base backup \
                 with its log. Nothing was done"
            ))),
        }
    }
}

impl WhichLedger {
    /// Where it is, and its key where that can be had; `None` if the configuration has faults, which are told then. A key that is
    /// configured and may not be read is left out: an auditor need not have it.
    pub(super) fn of(&self, screen: &mut Screen) -> Result<Option<(Backend, Option<ChainKey>)>, Trouble> {
        let WhichStore { config, store } = &self.store;
        let (place, configured) = if let Some(store) = store {
            (Backend::Embedded { path: store.clone() }, None)
        } else {
            let Some(config) = load(config, screen) else { return Ok(None) };
            (config.store.backend, Some(config.seal.key_file))
        };
        let read = |file: &PathBuf| Sealer::existing(file).map(|sealer| ChainKey::of(sealer.chain_key()));
        let key = match &self.master_key {
            Some(file) => Some(read(file).map_err(|error| {
                Trouble::usage(if error.is_missing() {
                    format!("{} does not exist; name the file of the master key", file.display())
                } else {
                    error.to_string()
                })
            })?),
            None => configured.and_then(|file| read(&file).ok()),
        };
        Ok(Some((place, key)))
    }
}

/// With the key, if there is one.
async fn look(root: PathBuf, head: Option<String>, key: Option<ChainKey>) -> Result<Verified, Trouble> {
    let look = move || match key {
        Some(key) => verify_keyed(&root, head.as_deref(), &key),
        None => verify(&root, head.as_deref()),
    };
    blocking(look).await?.map_err(|error| trouble(&error))
}

/// Runs what reads and writes many files where that holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Trouble::failed(error.to_string()))
}

/// A store that cannot be read has an exit code of its own.
pub(super) fn trouble(error: &StoreError) -> Trouble {
    match error {
        StoreError::Unavailable(_) => Trouble { exit: Exit::Unreachable, text: error.to_string() },
        StoreError::Conflict | StoreError::Damaged(_) => Trouble::failed(error.to_string()),
    }
}

fn show(verified: &Verified, as_json: bool, screen: &mut Screen) -> Exit {
    let Verified { head, bytes, last_at, flaw, damaged_keys, in_use, known, is_vouched } = verified;
    if as_json {
        let flaw = flaw.as_ref().map(|flaw| {
            json!({
                "frame": flaw.frame, "byte": bytes, "torn": flaw.torn, "text": flaw.text,
                "whole_behind": { "frames": flaw.behind.frames, "first": flaw.behind.first, "last": flaw.behind.last },
            })
        });
        let shown = json!({
            "sound": verified.is_sound(), "position": head.position.0, "frame": head.frame, "sha256": head.sha256, "bytes": bytes,
            "last_at": last_at, "flaw": flaw, "damaged_keys": damaged_keys, "in_use": in_use, "head_known": known,
            "vouched": is_vouched,
        });
        screen.say(format_args!("{shown:#}"));
    } else if flaw.is_none() {
        screen
            .say(format_args!("The ledger is whole: {} entries in {} frames.", head.position.0, head.frame));
    }
    if !as_json {
        screen.say(format_args!(
            "Head of the chain: {}. Kept elsewhere, it proves later that nothing up to here was changed.",
            head.sha256
        ));
    }
    if !is_vouched && !as_json {
        screen.note(
            "Who wrote it was not looked at, since the master key is not at hand (--master-key): whoever may write to the folder could have written it anew.",
        );
    }
    if let Some(flaw) = flaw {
        screen.note(&flaw.text);
    }
    if !damaged_keys.is_empty() {
        screen.note(format_args!(
            "{} files in keys/ are no sound data key: what is sealed for these engineers cannot be read. Restore the files from a backup: {}",
            damaged_keys.len(),
            damaged_keys.join(", ")
        ));
    }
    if !known {
        screen.note(
            "The head that was asked for closes no frame of this ledger: the ledger is older than that, or it was rewritten since. Compare it with a backup before anything is built on it.",
        );
    }
    exit_of(verified)
}

/// A last frame that was never completed is no loss that is known, and no soundness either.
fn exit_of(verified: &Verified) -> Exit {
    match &verified.flaw {
        Some(flaw) if !flaw.torn => Exit::Failed,
        _ if !verified.known || !verified.damaged_keys.is_empty() => Exit::Failed,
        Some(_) => Exit::Partly,
        None => Exit::Done,
    }
}

async fn mend(args: &RepairArgs, screen: &mut Screen) -> Ended {
    let Some((place, key)) = args.which.of(screen)? else { return Ok(Exit::Usage) };
    let root = match place {
        Backend::Embedded { path } => path,
        Backend::Postgres { endpoint, .. } => {
            return Err(Trouble::usage(format!(
                "the ledger is in {endpoint}, and is not repaired there: restore the database from a backup. Nothing was changed"
            )));
        }
    };
    let found = look(root.clone(), None, key.clone()).await?;
    let sound = found.head.position;
    let Some(asked) = args.cut_after else {
        say_what_would_be(&found, screen);
        return Ok(Exit::NeedsPerson);
    };
    if asked != sound.0 {
        return Err(Trouble::usage(format!(
            "the ledger is sound up to entry {}, not {asked}. Nothing was changed. `carepass ledger repair` without --cut-after says what \
             would be cut.",
            sound.0
        )));
    }
    let now = Clock::System.now();
    let Repaired { kept, cut, keys } = blocking(move || repair(&root, Position(asked), key.as_ref(), now))
        .await?
        .map_err(|error| trouble(&error))?;
    screen.say(format_args!(
        "The ledger ends with entry {asked} now; {cut} bytes were cut, and {keys} data keys of later entries set aside. The original is in {}. \
         The next start makes a new index. Have HR send again what it sent since {}.",
        kept.display(),
        found.last_at.map_or("the beginning".to_owned(), |at| at.to_string())
    ));
    Ok(Exit::Done)
}

fn say_what_would_be(found: &Verified, screen: &mut Screen) {
    let sound = found.head.position.0;
    match &found.flaw {
        Some(flaw) => screen.say(&flaw.text),
        None => screen.say(format_args!("The ledger is whole up to its end, entry {sound}.")),
    }
    let since = found.last_at.map_or("the beginning".to_owned(), |at| at.to_string());
    screen.say(format_args!(
        "\nWith --cut-after {sound} everything behind entry {sound} is cut, and what the index and the data keys know beyond it is set aside; the \
         original is kept beside the ledger. Lost are then all events, orders and accounts that were noted since {since}: HR has to send again what \
         it sent since then, and whoever was erased since then has to be erased again. A backup is better. Nothing was changed."
    ));
}
