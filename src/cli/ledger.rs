//! `carepass ledger verify`: whether the ledger is whole, from its files alone, also while the daemon runs. Not here: exporting it.

use super::exit::{Exit, Trouble};
use super::screen::Screen;
use super::serve::load;
use crate::config::Backend;
use crate::store::StoreError;
use crate::store::embedded::{Anchor, Embedded};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// The commands about the ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Verify the whole chain; nothing is written
    Verify(VerifyArgs),
}

/// Arguments of `ledger verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: &LedgerCommand, screen: &mut Screen) -> super::Ended {
    let LedgerCommand::Verify(args) = command;
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    let Backend::Embedded { path } = config.store.backend;
    let verified = tokio::task::spawn_blocking(move || Embedded::verify(&path)).await;
    let verified = verified.map_err(|error| Trouble::failed(error.to_string()))?;
    let Anchor { position, frame, sha256 } = verified.map_err(|error| match error {
        StoreError::Unavailable(_) => Trouble { exit: Exit::Unreachable, text: error.to_string() },
        StoreError::Conflict | StoreError::Damaged(_) => Trouble::failed(error.to_string()),
    })?;
    if args.json {
        let head = json!({ "position": position.0, "frame": frame, "sha256": sha256 });
        screen.say(format_args!("{head:#}"));
    } else {
        screen.say(format_args!("The ledger is whole: {} entries in {frame} frames.", position.0));
        screen.say(format_args!("Head of the chain: {sha256}. Kept elsewhere, it proves later that nothing up to here was changed."));
    }
    Ok(Exit::Done)
}
