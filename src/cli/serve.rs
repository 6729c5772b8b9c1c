//! `carepass serve`: the daemon. SIGTERM and SIGINT stop it in order; a second one ends it at once, which is as good as a crash. SIGHUP makes
//! it read its configuration again. Not here: what runs and in which order it is taken down (`app`), and becoming a daemon, which is the
//! supervisor's.

use super::exit::Exit;
use super::screen::Screen;
use super::supervisor::Supervisor;
use crate::app::{App, Reloaded, StoreDown};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::telemetry;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Run the daemon.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
}

/// Runs until a signal. Signals are heeded from the first moment on, so that a stop before carepass is ready is a stop as well.
pub async fn run(args: Serve, screen: &mut Screen) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    telemetry::logs(&config.log, screen.wants_color());
    warn_of(&config);
    let asked = Asked::new(&config);
    let mut life = Box::pin(live(&config, &args.config, &asked));
    loop {
        let signal = tokio::select! {
            biased;
            ended = &mut life => return ended,
            signal = signals.next() => signal,
            () = asked.out_of_time() => {
                tracing::warn!("the end takes too long and is cut off; the next start resumes, as after a crash");
                return Ok(Exit::Done);
            }
        };
        match signal {
            Signal::Reload => asked.reload.notify_one(),
            Signal::Stop if asked.stop.is_cancelled() => {
                tracing::warn!("ended at once by a second signal; the next start resumes, as after a crash");
                return Ok(Exit::Partly);
            }
            Signal::Stop => {
                tracing::info!(
                    "stopping: work in hand is finished, nothing new is begun; a second signal ends it at once"
                );
                asked.stop();
            }
        }
    }
}

/// What signals have asked for.
struct Asked {
    stop: CancellationToken,
    stop_by: watch::Sender<Option<Instant>>,
    reload: Notify,
    stop_within: Mutex<Duration>,
}

impl Asked {
    fn new(config: &Config) -> Self {
        Self {
            stop: CancellationToken::new(),
            stop_by: watch::Sender::new(None),
            reload: Notify::new(),
            stop_within: Mutex::new(config.stop.within.unsigned_abs()),
        }
    }

    fn stop(&self) {
        let within = *self.stop_within.lock().unwrap_or_else(PoisonError::into_inner);
        self.stop_by.send_replace(Some(Instant::now() + within));
        self.stop.cancel();
    }

    /// Another configuration may give a stop another time.
    fn follow(&self, within: Duration) {
        *self.stop_within.lock().unwrap_or_else(PoisonError::into_inner) = within;
    }

    /// Returns when a stop has taken as long as it may.
    async fn out_of_time(&self) {
        let mut stop_by = self.stop_by.subscribe();
        let by = stop_by.wait_for(Option::is_some).await.ok().and_then(|by| *by);
        match by {
            Some(by) => tokio::time::sleep_until(by).await,
            None => std::future::pending().await,
        }
    }
}

/// From the start to the end; reloads on the way.
async fn live(config: &Config, files: &[PathBuf], asked: &Asked) -> Result<Exit> {
    let supervisor = Supervisor::find(config::service_manager());
    let mut app = App::start(config).await.context("cannot start")?;
    supervisor.ready(&app.engine);
    tracing::info!(listen = %app.listen, "carepass is running");
    let exit = loop {
        tokio::select! {
            biased;
            () = asked.stop.cancelled() => break Exit::Done,
            () = asked.reload.notified() => match reload(&mut app, files, asked, &supervisor).await {
                Ok(()) => supervisor.ready(&app.engine),
                Err(error) => {
                    tracing::error!(%error, "the store has failed: carepass ends, so that a new start can read it afresh");
                    break Exit::Unreachable;
                }
            },
            exit = lost(&app) => break exit,
        }
    };
    supervisor.stopping();
    app.stop().await;
    tracing::info!("stopped");
    Ok(exit)
}

/// Waits for what must never end by itself, says what has, and how carepass ends then.
async fn lost(app: &App) -> Exit {
    tokio::select! {
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
    }
}

/// Reads the configuration again and takes it up as a whole, or says in one line all that is wrong and goes on.
async fn reload(
    app: &mut App,
    files: &[PathBuf],
    asked: &Asked,
    supervisor: &Supervisor,
) -> Result<(), StoreDown> {
    supervisor.reloading();
    tracing::info!("reloading the configuration");
    let files = files.to_vec();
    let reading = move || config::load(&files, config::environment(), Clock::System.now());
    let read = match tokio::task::spawn_blocking(reading).await {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(%error, "the configuration could not be read again; carepass goes on with the one it has");
            return Ok(());
        }
    };
    if let Ok(config) = &read {
        warn_of(config);
    }
    match app.reload(read, &asked.stop).await? {
        Reloaded::Taken => {
            asked.follow(app.in_force.stop_within());
            tracing::info!(listen = %app.listen, "the new configuration is in force");
        }
        Reloaded::Refused(faults) => {
            tracing::error!(
                %faults,
                "the new configuration is refused and nothing has changed; correct it and reload again"
            );
        }
        Reloaded::Stopped => (),
    }
    Ok(())
}

fn warn_of(config: &Config) {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
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

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Stop,
    Reload,
}

/// The signals of this process, none of which ends it by itself from now on.
struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate()).context("SIGTERM")?,
            interrupt: unix::signal(SignalKind::interrupt()).context("SIGINT")?,
            hang_up: unix::signal(SignalKind::hangup()).context("SIGHUP")?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn stop_signal() -> Result<()> {
    let mut terminate = unix::signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = unix::signal(SignalKind::interrupt()).context("SIGINT")?;
    tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
    Ok(())
}
