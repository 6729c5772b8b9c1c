//! `carepass serve`: the daemon. It stops on SIGTERM and SIGINT; a second signal ends it at once, which is as good as a crash.
//! Not here: what runs and in which order it is taken down (`app`), and becoming a daemon, which is the supervisor's.

use super::exit::Exit;
use super::screen::Screen;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::telemetry;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Run the daemon.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
}

/// Runs until a signal.
pub async fn run(args: Serve, screen: &mut Screen) -> Result<Exit> {
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    telemetry::logs(&config.log, screen.wants_color());
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let app = App::start(&config).await.context("cannot start")?;
    tracing::info!(listen = %app.listen, "carepass is running");
    let exit = tokio::select! {
        asked = stop_signal() => asked.map(|()| Exit::Done)?,
        () = app.store_lost() => {
            tracing::error!("the store is damaged: carepass ends, and a person has to look");
            Exit::Unreachable
        }
        () = app.loop_lost() => {
            tracing::error!("a loop of the engine has ended by itself: carepass ends, so that a new start can take up its work");
            Exit::Failed
        }
        door = app.door_lost() => {
            tracing::error!(door, "a door has ended by itself: carepass ends, so that a new start can open it again");
            Exit::Failed
        }
    };
    tracing::info!("stopping: work in hand is finished, nothing new is begun");
    tokio::select! {
        () = app.stop() => tracing::info!("stopped"),
        second = stop_signal() => {
            second?;
            tracing::warn!("stopped at once by a second signal; the next start resumes");
        }
    }
    Ok(exit)
}

/// Loads the configuration, or names every fault on standard error.
pub(super) fn load(files: &[PathBuf], screen: &mut Screen) -> Option<Config> {
    match config::load(files, config::environment(), Clock::System.now()) {
        Ok(config) => Some(config),
        Err(faults) => {
            screen.note(faults);
            None
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn stop_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
    Ok(())
}
