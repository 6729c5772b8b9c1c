//! What a configuration makes run, as one thing: the engine and its doors. It is planned while something else still runs, opened when that
//! has ended, and taken down as a whole, so that there is never a mix of two configurations. Not here: what outlives it (`app`), and when
//! it is exchanged (`reload`).

use super::doors::{Door, Planned};
use super::in_force::InForce;
use super::kept::Kept;
use super::{StoreDown, api, broker, house, traces};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, OutcomeSink};
use crate::http::{Repeats, Sessions};
use crate::seal::Sealer;
use anyhow::Result;
use futures_util::future::join_all;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the works stand on, and what outlives them.
pub(super) struct Base<'a> {
    pub(super) store: &'a Arc<dyn Kept>,
    pub(super) sealer: Sealer,
    pub(super) clock: Clock,
    pub(super) listen: SocketAddr,
    pub(super) in_force: &'a Arc<InForce>,
    pub(super) repeats: &'a Arc<Repeats>,
    pub(super) sessions: &'a Arc<Sessions>,
}

/// Works that are built and do nothing yet.
pub(super) struct PlannedWorks {
    pub(super) engine: Arc<Engine>,
    engine_stop: CancellationToken,
    admissions: TaskTracker,
    sink: Option<Arc<dyn OutcomeSink>>,
    doors: Vec<Planned>,
}

/// The engine with its doors, running.
pub(super) struct Works {
    pub(super) engine: Arc<Engine>,
    engine_stop: CancellationToken,
    /// Admissions of events that are under way.
    admissions: TaskTracker,
    doors: Vec<Door>,
    lost: watch::Receiver<Option<&'static str>>,
}

/// Builds everything that can fail to be built. Nothing is connected or begun.
///
/// # Errors
/// Whatever the configuration names and cannot be had.
pub(super) fn plan(config: &Config, base: Base<'_>, listener: TcpListener) -> Result<PlannedWorks> {
    let Base { store, sealer, clock, listen, in_force, repeats, sessions } = base;
    let (engine_stop, admissions, mut doors) = (CancellationToken::new(), TaskTracker::new(), Vec::new());
    let replica = house::replica(config)?;
    let tracer = traces::plan(config, &replica, &clock, &mut doors)?;
    let house = house::house(config, Arc::<dyn Kept>::clone(store), sealer, clock, listen)?;
    let engine = Engine::new(house, house::settings(config, replica, tracer), engine_stop.clone());
    let section = config.intake.amqp.as_ref();
    let plan = |section| broker::plan(section, config, &engine, &admissions, &mut doors);
    let (sink, health) = section.map(plan).transpose()?.map(|broker| (broker.sink, broker.health)).unzip();
    let shown = api::Shown { engine: &engine, broker: health, in_force, repeats, sessions };
    api::plan(config, listener, listen, shown, &mut doors);
    Ok(PlannedWorks { engine, engine_stop, admissions, sink, doors })
}

impl PlannedWorks {
    /// Sets the engine going, and then opens the doors: it knows what was granted before it is offered events. After an error nothing is
    /// left running.
    pub(super) async fn open(self) -> Result<Works, StoreDown> {
        let Self { engine, engine_stop, admissions, sink, doors } = self;
        if let Err(error) = engine.start(sink).await {
            engine_stop.cancel();
            engine.stopped().await;
            return Err(StoreDown(error));
        }
        let (watch, lost) = watch::channel(None);
        let doors = doors.into_iter().map(|door| door.open(&watch)).collect();
        Ok(Works { engine, engine_stop, admissions, doors, lost })
    }
}

impl Works {
    /// Waits until a door has ended by itself, and names it.
    pub(super) async fn door_lost(&self) -> &'static str {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(name) => name.unwrap_or("door"),
            // Every door has ended without a word.
            Err(_) => "door",
        }
    }

    /// Ends in order: nothing new is begun, calls in hand are finished, and what is not finished in time is cut off and given back. Of the
    /// time, half is for the doors, three quarters for the work, the rest for giving back, for the publisher and for the last traces.
    pub(super) async fn take_down(self, within: Duration) {
        let Self { engine, engine_stop, admissions, mut doors, .. } = self;
        let now = Instant::now();
        // The engine tells what it has finished, and only then is all of that traced.
        let last = [broker::PUBLISHER, traces::EXPORTER].map(|name| {
            let place = doors.iter().position(|door| door.name == name);
            place.map(|place| doors.remove(place))
        });
        engine_stop.cancel();
        let finished = async {
            join_all(doors.into_iter().map(|door| door.close(now + within / 2))).await;
            admissions.close();
            admissions.wait().await;
            engine.stopped().await;
        };
        if timeout(within * 3 / 4, finished).await.is_err() {
            tracing::warn!("work in hand is cut off and given back");
            if timeout(within / 8, engine.call_off()).await.is_err() {
                tracing::warn!("not all of it could be given back; the next start takes it over");
            }
        }
        for door in last.into_iter().flatten() {
            door.close(now + within).await;
        }
    }
}
