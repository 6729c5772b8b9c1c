//! The consuming connection: each delivery is handed to [`Intake`], and acknowledged only when Intake says that
//! it is durable. What cannot be used is copied to the dead-letter exchange on the publishing connection, with
//! the reason, and acknowledged when that copy is confirmed.
//!
//! When carepass cannot take events, nothing is acknowledged, rejected or requeued: consuming stops, the
//! channel closes, and the broker keeps the messages. Since it counts every such return against the delivery
//! limit, consuming begins again only when [`Intake::ready`] says so, and with one message at a time until one
//! has been settled. A copy that the dead-letter exchange did not take is sent first. Not here: what a message means
//! (`engine/intake`), and the deliveries of one queue (`lane`).

mod lane;
mod owed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lapin::Connection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::lane::{Ended, Lane};
use self::owed::Owed;
use super::backoff::{Backoff, GOOD_CONNECTION};
use super::endpoint::{self, Endpoint};
use super::error::AmqpError;
use super::health::{Health, HealthReporter};
use super::message::Incoming;
use super::publish::Publisher;
use super::settings::AmqpSettings;
use super::topology::Topology;

/// That of the leavers, and the main one.
const QUEUES: usize = 2;

/// How often Intake is asked whether it is ready: that troubles nobody, and however long it was away, events are taken soon after.
const LOOK_WHETHER_READY: Duration = Duration::from_secs(1);

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is on disk, or was before: it may be acknowledged.
    Durable,
    /// It can never be used: to the dead letters with it.
    Refused {
        /// A code, e.g. `missing_field`.
        reason: String,
        /// Pointers to the faulty places, without their values; cut after 2 KiB.
        detail: String,
    },
    /// carepass cannot take events now, e.g. because the store is down.
    Unavailable,
}

/// Takes deliveries: the engine's end of this door.
pub trait Intake: Send + Sync {
    /// Takes one delivery. Several are under way at once, up to the prefetch of each queue. Must come back in
    /// milliseconds to seconds: no work is done under an open delivery. May be dropped at any await when the
    /// connection is lost; the delivery comes again then.
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict>;

    /// Whether taking has a chance; asked before consuming begins again after [`Verdict::Unavailable`].
    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// Consumes both queues for as long as it runs.
pub struct Consumer {
    endpoint: Endpoint,
    topology: Topology,
    settings: AmqpSettings,
    intake: Arc<dyn Intake>,
    publisher: Publisher,
    health: HealthReporter,
    health_reader: watch::Receiver<Health>,
    backoff: Backoff,
    owed: Owed,
}

impl Consumer {
    /// Nothing is connected before [`Consumer::run`]. `chance` spreads reconnects; `publisher` takes the copies
    /// of what is refused and must outlive this.
    ///
    /// # Errors
    /// [`AmqpError::NoDeadLetterExchange`], [`AmqpError::TooLong`].
    pub fn new(
        settings: &AmqpSettings,
        intake: Arc<dyn Intake>,
        publisher: Publisher,
        chance: fastrand::Rng,
    ) -> Result<Self, AmqpError> {
        let endpoint = settings.endpoint.clone();
        let (health, health_reader) = HealthReporter::new("intake", endpoint.to_string());
        Ok(Self {
            topology: Topology::of(settings)?,
            endpoint,
            settings: settings.clone(),
            intake,
            publisher,
            health,
            health_reader,
            backoff: Backoff::new(chance),
            owed: Owed::default(),
        })
    }

    /// How the consuming connection is doing.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health_reader.clone()
    }

    /// Connects, consumes and reconnects for ever, until `stop`; then finishes what is in hand and closes.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut careful = false;
        loop {
            let began = Instant::now();
            let ended = self.session(careful, &stop).await;
            if began.elapsed() >= GOOD_CONNECTION {
                self.backoff.reset();
            }
            match ended {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Recovered) => {
                    careful = false;
                    self.backoff.reset();
                    continue;
                }
                Ok(Ended::Unavailable) => {
                    careful = true;
                    self.health.lost("carepass cannot take events at the moment");
                }
                Ok(Ended::NotDeadLettered(error)) => {
                    careful = true;
                    let text = format!("a refused message could not be copied to the dead letters: {error}");
                    self.health.lost(&text);
                }
                Ok(Ended::Lost(error)) => self.health.lost(&error),
                Err(error) => self.health.lost(&error.to_string()),
            }
            if !self.rest(careful, &stop).await {
                return;
            }
        }
    }

    /// Waits, and after a failure of our own until Intake is ready; `false` when it is time to stop.
    async fn rest(&mut self, careful: bool, stop: &CancellationToken) -> bool {
        let wait = self.backoff.next();
        let rested = async {
            sleep(wait).await;
            while careful && !self.intake.ready().await {
                sleep(LOOK_WHETHER_READY).await;
            }
        };
        tokio::select! { () = stop.cancelled() => false, () = rested => true }
    }

    async fn session(&self, careful: bool, stop: &CancellationToken) -> Result<Ended, AmqpError> {
        let connecting = async {
            let connection = self.endpoint.connect("carepass intake").await?;
            let ensured = self.topology.ensure(&connection).await;
            Ok::<_, AmqpError>((connection, ensured))
        };
        let (connection, ensured) = tokio::select! {
            () = stop.cancelled() => return Ok(Ended::Stopped),
            connected = connecting => connected?,
        };
        let ended = match ensured {
            Ok(()) => Ok(match self.send_owed(stop).await {
                Some(ended) => ended,
                None => self.consume(&connection, careful, stop).await,
            }),
            Err(error) => Err(error),
        };
        endpoint::close(&connection).await;
        ended
    }

    /// `None` when nothing is owed to the dead letters any more.
    async fn send_owed(&self, stop: &CancellationToken) -> Option<Ended> {
        tokio::select! {
            () = stop.cancelled() => Some(Ended::Stopped),
            sent = self.owed.send(&self.publisher) => sent.err().map(Ended::NotDeadLettered),
        }
    }

    /// Both queues side by side; when one ends, the other finishes what it has in hand.
    async fn consume(&self, connection: &Connection, careful: bool, stop: &CancellationToken) -> Ended {
        let halt = stop.child_token();
        let begun = AtomicUsize::new(0);
        // Connected is who consumes: a queue that may not be read would be told as connected at each attempt.
        let begins = || {
            if begun.fetch_add(1, Ordering::Relaxed) + 1 == QUEUES {
                self.health.connected();
            }
        };
        let lane = |queue: &str| {
            let lane = Lane {
                queue: queue.to_owned(),
                settings: &self.settings,
                intake: &*self.intake,
                publisher: &self.publisher,
                owed: &self.owed,
                careful,
                begins: &begins,
            };
            let halt = &halt;
            async move {
                let ended = lane.run(connection, halt).await;
                halt.cancel();
                ended
            }
        };
        let (leavers, engineers) =
            tokio::join!(lane(&self.settings.leavers_queue), lane(&self.settings.queue));
        leavers.or(engineers)
    }
}
