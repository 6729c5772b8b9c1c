//! `carepass store migrate`: brings the tables of a shared store up to date, as a step of its own before new replicas start. Every start does
//! the same under a lock, so nobody has to; whoever deploys sees here what it comes to. Not here: the steps (`store/postgres/migrate`).

use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use super::serve::load;
use crate::config::Backend;
use crate::store::postgres::Opening;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `store migrate`.
#[derive(Clone, Debug, Args)]
pub struct MigrateArgs {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
}

/// Runs the command.
pub async fn run(args: &MigrateArgs, screen: &mut Screen) -> Ended {
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    match &config.store.backend {
        Backend::Embedded { path } => {
            screen.say(format_args!(
                "{}: a folder of one machine needs no step before a start.",
                path.display()
            ));
        }
        Backend::Postgres { endpoint, .. } => {
            let unreachable = |text: String| Trouble { exit: Exit::Unreachable, text };
            Opening::connect(endpoint).await.map_err(|error| unreachable(error.to_string()))?;
            screen.say(format_args!("The tables at {endpoint} are up to date."));
        }
    }
    Ok(Exit::Done)
}
