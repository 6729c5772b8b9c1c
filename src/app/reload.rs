//! Another configuration takes the place of the one in force, in the same process and on the same store: as a whole or not at all. All that
//! can fail is built while the old works still run; then those are taken down in order, as for a stop, and the new ones begin.
//! Not here: what a signal means (`cli/serve`), and reading the files (`config`).

use super::{App, StoreDown, api, listener, works};
use crate::config::{Config, Faults};
use anyhow::{Context as _, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What became of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The new configuration is in force.
    Taken,
    /// Nothing has changed; why, one fault after the other.
    Refused(String),
    /// A stop came in between; the house is to be stopped now.
    Stopped,
}

/// How often it is looked whether a store that has failed takes commits again.
const LOOK: Duration = Duration::from_millis(100);

impl App {
    /// Takes up what was read, or says why not. Nothing is exchanged while the store takes nothing: the new works begin with a commit.
    ///
    /// # Errors
    /// [`StoreDown`], when the new works could not begin. The old ones have ended then.
    pub async fn reload(
        &mut self,
        read: Result<Config, Faults>,
        stop: &CancellationToken,
    ) -> Result<Reloaded, StoreDown> {
        let prepared = match read {
            Ok(config) => self.prepare(config),
            Err(faults) => Err(refused_words(&faults)),
        };
        let now = self.engine.house().clock.now();
        match prepared {
            Err(why) => {
                self.in_force.refuse(&why, now);
                Ok(Reloaded::Refused(why))
            }
            Ok(prepared) if stop.is_cancelled() => {
                drop(prepared);
                Ok(Reloaded::Stopped)
            }
            Ok(prepared) => match self.store.health() {
                Ok(()) => self.exchange(prepared, stop).await,
                Err(error) => {
                    let why = format!(
                        "the store takes nothing at the moment ({error}); reload when /readyz is green again"
                    );
                    self.in_force.refuse(&why, now);
                    Ok(Reloaded::Refused(why))
                }
            },
        }
    }

    /// Builds the new works, which do nothing yet.
    fn prepare(&self, config: Config) -> Result<Prepared, String> {
        let fixed = fixed(&self.config, &config);
        if !fixed.is_empty() {
            return Err(fixed.join("; "));
        }
        self.build(config).map_err(|error| format!("{error:#}; correct it and reload again"))
    }

    fn build(&self, config: Config) -> Result<Prepared> {
        let (socket, listen) = if config.http.listen == self.config.http.listen {
            (self.socket.try_clone().context("http.listen")?, self.listen)
        } else {
            let bound = api::bind(config.http.listen);
            bound.context(
                "beside the socket that is open; where only the host has changed, restart carepass",
            )?
        };
        let base = works::Base {
            store: &self.store,
            sealer: self.engine.house().sealer.clone(),
            clock: self.engine.house().clock.clone(),
            listen,
            in_force: &self.in_force,
            repeats: &self.repeats,
            sessions: &self.sessions,
        };
        let works = works::plan(&config, base, listener(&socket)?)?;
        Ok(Prepared { config, socket, listen, works })
    }

    async fn exchange(
        &mut self,
        prepared: Prepared,
        stop: &CancellationToken,
    ) -> Result<Reloaded, StoreDown> {
        let Prepared { config, socket, listen, works } = prepared;
        if let Some(old) = self.works.take() {
            old.take_down(self.in_force.stop_within()).await;
        }
        // The store may have failed meanwhile; it opens itself anew.
        while self.store.health().is_err() && !self.store.is_lost() && !stop.is_cancelled() {
            tokio::time::sleep(LOOK).await;
        }
        if stop.is_cancelled() {
            return Ok(Reloaded::Stopped);
        }
        let works = works.open().await?;
        self.engine = Arc::clone(&works.engine);
        self.in_force.exchange(&config, self.engine.house().clock.now());
        (self.config, self.socket, self.listen) = (config, socket, listen);
        self.works = Some(works);
        Ok(Reloaded::Taken)
    }
}

/// A configuration and the works that were built of it.
struct Prepared {
    config: Config,
    socket: TcpListener,
    listen: SocketAddr,
    works: works::PlannedWorks,
}

/// All faults in one line.
pub fn refused_words(faults: &Faults) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What the new configuration says otherwise and cannot change while carepass runs.
fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let is_moved = old.store.backend.folder() != new.store.backend.folder();
    let changed = [
        ("store.path", is_moved),
        ("store", !is_moved && old.store != new.store),
        ("seal.key_file", old.seal != new.seal),
        ("log", old.log != new.log),
    ];
    let names = changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| key);
    names
        .map(|key| {
            format!("{key}: cannot change while carepass runs; restart carepass, or put back what it was")
        })
        .collect()
}
