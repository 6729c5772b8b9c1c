//! Composition: the configuration becomes a running house, and a stop becomes an orderly end. Not here: any decision; what is built
//! here is only wired.

mod api;
mod broker;
mod doors;
pub mod flight;
mod house;
mod in_force;
mod kept;
mod reload;
mod traces;
mod works;

pub use in_force::InForce;
pub use reload::{Reloaded, refused_words};

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::http::{Repeats, Sessions};
use crate::seal::Sealer;
use anyhow::{Context as _, Result};
use kept::Kept;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use works::Works;

/// How often the health of the store and of the loops is looked at.
const LOOK_AT_HEALTH: Duration = Duration::from_millis(500);

/// A running house. What stays over a reload is here, the rest in [`Works`].
pub struct App {
    /// The engine, for those who look on; another one after a reload.
    pub engine: Arc<Engine>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// What is in force, and what became of the last reload.
    pub in_force: Arc<InForce>,
    config: Config,
    store: Arc<dyn Kept>,
    /// The API's address, held open so that whoever calls during a reload waits and is not refused.
    socket: std::net::TcpListener,
    repeats: Arc<Repeats>,
    /// Who has signed in to the dashboard; a reload signs nobody out whose token is still there.
    pub sessions: Arc<Sessions>,
    /// None once it was taken down.
    works: Option<Works>,
}

/// The store, told apart from other failures at the start: it has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreDown(#[from] pub crate::store::StoreError);

impl App {
    /// Builds and starts everything that the configuration asks for. What can fail comes before the engine begins to work: each
    /// beginning spends an attempt of the rows that it takes over. After an error nothing is left running.
    ///
    /// # Errors
    /// [`StoreDown`], or whatever cannot be had: the address, the master key, the mail folder.
    pub async fn start(config: &Config) -> Result<Self> {
        let (socket, listen) = api::bind(config.http.listen)?;
        let (store, sealer) = house::open_store(config).await?;
        let started = Self::start_on(config, socket, listen, Arc::clone(&store), sealer).await;
        if started.is_err() {
            store.close().await;
        }
        started
    }

    async fn start_on(
        config: &Config,
        socket: std::net::TcpListener,
        listen: SocketAddr,
        store: Arc<dyn Kept>,
        sealer: Sealer,
    ) -> Result<Self> {
        let clock = Clock::steady(Clock::System);
        let in_force = Arc::new(InForce::new(config, clock.now()));
        let repeats = Arc::<Repeats>::default();
        let sessions = Arc::<Sessions>::default();
        let base = works::Base {
            store: &store,
            sealer,
            clock,
            listen,
            in_force: &in_force,
            repeats: &repeats,
            sessions: &sessions,
        };
        let planned = works::plan(config, base, listener(&socket)?)?;
        house::refuse_strange_key(planned.engine.house(), &config.seal.key_file).await?;
        let works = planned.open().await?;
        let engine = Arc::clone(&works.engine);
        let config = config.clone();
        Ok(Self { engine, listen, in_force, config, store, socket, repeats, sessions, works: Some(works) })
    }

    /// Waits until the store is damaged. It takes nothing more then, and only a person mends it; after any other failure it opens itself
    /// anew.
    pub async fn store_lost(&self) {
        while !self.store.is_lost() {
            tokio::time::sleep(LOOK_AT_HEALTH).await;
        }
    }

    /// Waits until a loop of the engine has ended by itself: events would be taken and nobody would work on them.
    pub async fn loop_lost(&self) {
        while self.engine.is_alive() {
            tokio::time::sleep(LOOK_AT_HEALTH).await;
        }
    }

    /// Waits until a door has ended by itself, and names it. Only a new start opens it again.
    pub async fn door_lost(&self) -> &'static str {
        match &self.works {
            Some(works) => works.door_lost().await,
            None => std::future::pending().await,
        }
    }

    /// Ends in order: no new events, no new work, work in hand finished or given back, everything on disk. What was not told yet is told at
    /// the next start. It takes as long as `stop.within` says at most.
    pub async fn stop(self) {
        let within = self.in_force.stop_within();
        let ended = async {
            if let Some(works) = self.works {
                works.take_down(within * WORKS_PERCENT / 100).await;
            }
            self.store.close().await;
        };
        if tokio::time::timeout(within, ended).await.is_err() {
            tracing::warn!("the end takes too long and is cut off; the next start resumes, as after a crash");
        }
    }
}

/// What of a stop's time is for the work and its doors; the rest is for the store.
const WORKS_PERCENT: u32 = 80;

/// Another handle to the socket, for a door.
fn listener(socket: &std::net::TcpListener) -> Result<TcpListener> {
    let again = socket.try_clone().context("http.listen")?;
    TcpListener::from_std(again).context("http.listen")
}

/// A number that nobody can foresee.
pub(crate) fn random_seed() -> Result<u64> {
    Ok(u64::from_le_bytes(random()?))
}

/// Bytes that nobody can foresee.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::sandbox;
    use std::path::Path;

    fn configuration(folder: &Path, listen: SocketAddr) -> Config {
        let _ = rustls::crypto::ring::default_provider().install_default();
        sandbox::init::write(folder).unwrap();
        let environment = [("CAREPASS__HTTP__LISTEN".to_owned(), listen.to_string())];
        let config =
            config::load(&[folder.join("carepass.toml")], environment.into_iter(), Clock::System.now());
        config.unwrap_or_else(|faults| panic!("{faults}"))
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_found_before_anything_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = configuration(folder.path(), taken.local_addr().unwrap());
        let error = App::start(&config).await.map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("http.listen 127.0.0.1:"), "{error:#}");
        assert!(!folder.path().join("data").exists(), "the store was opened");
    }

    #[tokio::test]
    async fn whatever_fails_later_gives_the_store_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = configuration(folder.path(), "127.0.0.1:0".parse().unwrap());
        let good = config.seal.key_file.clone();
        config.seal.key_file = folder.path().join("token");
        let error = App::start(&config).await.map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("master key"), "{error:#}");

        config.seal.key_file = good;
        let app = App::start(&config).await.unwrap();
        assert!(app.engine.is_alive());
        app.stop().await;
    }
}
