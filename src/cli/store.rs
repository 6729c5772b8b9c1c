//! `carepass store backup DIR` and `carepass store restore DIR`: a copy of the store, taken while the daemon runs, and put into an empty
//! folder. Not here: what a copy is made of (`store/embedded/backup`).

use super::exit::{Ended, Exit, Trouble};
use super::ledger::{WhichStore, blocking, trouble};
use super::screen::Screen;
use super::store_migrate::{self, MigrateArgs};
use crate::clock::Clock;
use crate::store::embedded::{BackupError, Manifest, backup, restore};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// The commands about copies of the store.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy the store into an empty folder; the daemon may run
    Backup(CopyArgs),
    /// Put a backup into the folder of the store, which must hold nothing yet
    Restore(CopyArgs),
    /// Bring the tables of a store in PostgreSQL up to date; every start does so too
    Migrate(MigrateArgs),
}

/// Arguments of both.
#[derive(Clone, Debug, Args)]
pub struct CopyArgs {
    /// The folder of the backup
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    which: WhichStore,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: &StoreCommand, screen: &mut Screen) -> Ended {
    let args = match command {
        StoreCommand::Migrate(args) => return store_migrate::run(args, screen).await,
        StoreCommand::Backup(args) | StoreCommand::Restore(args) => args,
    };
    let Some(root) = args.which.folder(screen)? else { return Ok(Exit::Usage) };
    let (folder, now) = (args.folder.clone(), Clock::System.now());
    let is_backup = matches!(command, StoreCommand::Backup(_));
    let copied =
        blocking(move || if is_backup { backup(&root, &folder, now) } else { restore(&folder, &root) })
            .await?;
    let manifest = copied.map_err(told)?;
    show(&manifest, is_backup, args, screen);
    Ok(if is_backup && manifest.damaged_keys > 0 { Exit::Partly } else { Exit::Done })
}

fn told(error: BackupError) -> Trouble {
    match error {
        BackupError::Refused(text) => Trouble::failed(text),
        BackupError::Store(error) => trouble(&error),
    }
}

fn show(manifest: &Manifest, is_backup: bool, args: &CopyArgs, screen: &mut Screen) {
    if args.json {
        screen.say(format_args!("{:#}", json!(manifest)));
    } else {
        let Manifest { position, sha256, keys, letters, at, .. } = manifest;
        let what = if is_backup { "Backed up" } else { "Restored" };
        screen.say(format_args!(
            "{what}: {} entries, {keys} data keys, {letters} parked messages, as of {at}. Head of the chain: {sha256}.",
            position.0
        ));
    }
    if manifest.damaged_keys > 0 {
        screen.note(format_args!(
            "{} damaged data keys are not in it: what is sealed for these engineers cannot be read.",
            manifest.damaged_keys
        ));
    }
    screen.note(if is_backup {
        "The master key (seal.key_file) is not in it. Keep that in another place: without it nobody reads names and passwords again."
    } else {
        "Have HR send again what it sent since then, erasures too. The master key of that time has to be in its place before carepass starts."
    });
}
