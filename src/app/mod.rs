//! Composition: the configuration becomes a running house, and a stop becomes an orderly end. Not here: any decision; what is built
//! here is only wired.

mod api;
mod broker;
mod doors;
pub mod flight;
mod house;

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::store::embedded::Embedded;
use anyhow::Result;
use doors::Door;
use futures_util::future::join_all;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long work in hand may take after the stop; what is cut off is resumed at the next start.
const GOODBYE_MAX: Duration = Duration::from_secs(8);

/// How often the health of the store and of the loops is looked at.
const LOOK_AT_HEALTH: Duration = Duration::from_millis(500);

/// A running house.
pub struct App {
    /// The engine, for those who look on.
    pub engine: Arc<Engine>,
    /// Where the API listens.
    pub listen: SocketAddr,
    store: Arc<Embedded>,
    engine_stop: CancellationToken,
    /// Admissions of events that are under way.
    admissions: TaskTracker,
    /// Closed in the order in which they stand.
    doors: Vec<Door>,
    lost: watch::Receiver<Option<&'static str>>,
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
        let (listener, listen) = api::bind(config).await?;
        let store = Arc::new(house::open_store(config).await?);
        let started = Self::start_on(config, listener, listen, Arc::clone(&store)).await;
        if started.is_err() {
            store.close().await;
        }
        started
    }

    async fn start_on(
        config: &Config,
        listener: TcpListener,
        listen: SocketAddr,
        store: Arc<Embedded>,
    ) -> Result<Self> {
        house::refuse_new_key_for_old_store(config, store.as_ref()).await?;
        let house = house::house(config, Arc::clone(&store), Clock::System, listen)?;
        house::refuse_strange_key(&house, &config.seal.key_file).await?;
        let (engine_stop, admissions, mut planned) =
            (CancellationToken::new(), TaskTracker::new(), Vec::new());
        let engine = Engine::new(house, house::settings(config), engine_stop.clone());
        let section = config.intake.amqp.as_ref();
        let plan = |section| broker::plan(section, config, &engine, &admissions, &mut planned);
        let (sink, health) =
            section.map(plan).transpose()?.map(|broker| (broker.sink, broker.health)).unzip();
        api::plan(config, listener, listen, &engine, health, &mut planned);
        // The engine knows what was granted before it is offered events.
        if let Err(error) = engine.start(sink).await {
            engine_stop.cancel();
            engine.stopped().await;
            return Err(StoreDown(error).into());
        }
        let (watch, lost) = watch::channel(None);
        let doors = planned.into_iter().map(|door| door.open(&watch)).collect();
        Ok(Self { engine, listen, store, engine_stop, admissions, doors, lost })
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
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(name) => name.unwrap_or("door"),
            // Every door has ended without a word.
            Err(_) => "door",
        }
    }

    /// Ends in order: no new events, no new work, work in hand finished, everything on disk. What was not told yet is told at the
    /// next start.
    pub async fn stop(self) {
        let Self { engine, store, engine_stop, admissions, mut doors, .. } = self;
        let publisher = doors.iter().position(|door| door.name == broker::PUBLISHER);
        let publisher = publisher.map(|place| doors.remove(place));
        join_all(doors.into_iter().map(Door::close)).await;
        admissions.close();
        engine_stop.cancel();
        let finished = async {
            admissions.wait().await;
            engine.stopped().await;
        };
        if tokio::time::timeout(GOODBYE_MAX, finished).await.is_err() {
            tracing::warn!("work in hand is cut off; it is resumed at the next start");
            engine.cut_off();
        }
        if let Some(publisher) = publisher {
            publisher.close().await;
        }
        store.close().await;
    }
}

/// A number that nobody can foresee.
pub(crate) fn random_seed() -> Result<u64> {
    let mut seed = [0; 8];
    SystemRandom::new().fill(&mut seed).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(u64::from_le_bytes(seed))
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
