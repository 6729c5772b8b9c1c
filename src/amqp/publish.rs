//! The publishing connection: persistent, mandatory, confirmed. A message counts as published when the broker
//! has confirmed it *and* did not give it back: for an unroutable mandatory message RabbitMQ sends both.
//!
//! [`PublisherLink`] keeps the connection up; [`Publisher`] hands messages to whatever connection there is,
//! many at a time. No outbox here: whoever publishes keeps the message until this says Ok, and tries again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Event};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, GOOD_CONNECTION};
use super::endpoint::{self, Endpoint};
use super::error::{AmqpError, PublishError, plain_words, reply_code, words_while};
use super::health::{Health, HealthReporter};
use super::message::{Outgoing, Parcel};
use super::settings::AmqpSettings;
use super::topology::Topology;
use crate::crash::crash_point;

/// From handing a message to the broker to its confirm.
const CONFIRM_TIME: Duration = Duration::from_secs(5);
/// How long a message waits for a connection before its publisher hears that there is none.
const LINK_TIME: Duration = Duration::from_secs(5);
/// How long the publisher of a refused message may take to say what it may not do.
const WORDS_TIME: Duration = Duration::from_millis(500);
/// Messages without their confirm at most; the next one waits.
const IN_FLIGHT_MAX: usize = 256;
const BROKEN_REPORTS_MAX: usize = 16;

/// Publishes. Clones share one connection.
#[derive(Clone)]
pub struct Publisher {
    link: watch::Receiver<Option<Link>>,
    health: watch::Receiver<Health>,
    broken: mpsc::Sender<(u64, PublishError)>,
    in_flight: Arc<Semaphore>,
}

/// Keeps the connection of a [`Publisher`] up.
pub struct PublisherLink {
    endpoint: Endpoint,
    topology: Topology,
    link: watch::Sender<Option<Link>>,
    health: HealthReporter,
    broken: mpsc::Receiver<(u64, PublishError)>,
    backoff: Backoff,
    generation: u64,
}

/// A channel that can publish now. The generation tells its failures from those of the one before.
#[derive(Clone)]
struct Link {
    generation: u64,
    channel: Channel,
}

impl Publisher {
    /// The two halves; nothing is connected before [`PublisherLink::run`]. `chance` spreads reconnects.
    ///
    /// # Errors
    /// [`AmqpError::NoDeadLetterExchange`], [`AmqpError::TooLong`].
    pub fn new(settings: &AmqpSettings, chance: fastrand::Rng) -> Result<(Self, PublisherLink), AmqpError> {
        let endpoint = settings.endpoint.clone();
        let (reporter, health) = HealthReporter::new("outcomes", endpoint.to_string());
        let (link_writer, link) = watch::channel(None);
        let (broken, broken_reader) = mpsc::channel(BROKEN_REPORTS_MAX);
        let publisher = Self { link, health, broken, in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX)) };
        let task = PublisherLink {
            endpoint,
            topology: Topology::of(settings)?,
            link: link_writer,
            health: reporter,
            broken: broken_reader,
            backoff: Backoff::new(chance),
            generation: 0,
        };
        Ok((publisher, task))
    }

    /// How the publishing connection is doing.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Publishes one message and waits for its confirm, ten seconds at most. Any number may be under way at
    /// once; their order is kept only by waiting for one before the next.
    ///
    /// # Errors
    /// Every [`PublishError`]. After `Blocked`, `Timeout` and `Closed` the broker may have the message
    /// nevertheless, so that trying again may repeat it.
    pub async fn publish(&self, outgoing: Outgoing) -> Result<(), PublishError> {
        self.send(Parcel::try_from(outgoing)?).await
    }

    pub(super) async fn send(&self, parcel: Parcel) -> Result<(), PublishError> {
        let _place = self.in_flight.acquire().await.expect("this semaphore is never closed");
        let link = self.link().await?;
        if *self.health.borrow() == Health::Blocked {
            return Err(PublishError::Blocked);
        }
        tokio::select! {
            sent = timeout(CONFIRM_TIME, transmit(&link.channel, &parcel)) => {
                let sent = sent.unwrap_or(Err(PublishError::Timeout));
                if let Err(error @ (PublishError::Timeout | PublishError::Closed(_))) = &sent {
                    self.report_broken(&link, error);
                }
                sent
            }
            () = self.blocked() => Err(PublishError::Blocked),
        }
    }

    async fn link(&self) -> Result<Link, PublishError> {
        let mut links = self.link.clone();
        let waiting = links.wait_for(Option::is_some);
        let link = match timeout(LINK_TIME, waiting).await {
            Ok(Ok(link)) => link.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        link.ok_or_else(|| PublishError::Closed(self.why_not_connected()))
    }

    fn why_not_connected(&self) -> String {
        match &*self.health.borrow() {
            Health::Connecting { last_error: Some(error), .. } => error.clone(),
            Health::Connecting { .. } | Health::Connected | Health::Blocked => {
                "none has been made yet, or carepass is stopping".to_owned()
            }
        }
    }

    /// Ends when the broker has an alarm: it reads no more from this connection, so waiting is in vain.
    async fn blocked(&self) {
        let mut health = self.health.clone();
        let is_blocked = |health: &Health| *health == Health::Blocked;
        let ended = health.wait_for(is_blocked).await.is_err();
        if ended {
            std::future::pending::<()>().await;
        }
    }

    /// A full channel means that it is known already.
    fn report_broken(&self, link: &Link, error: &PublishError) {
        if self.broken.try_send((link.generation, error.clone())).is_err() {
            tracing::debug!("the publishing connection is known to be broken");
        }
    }
}

impl PublisherLink {
    /// Connects and reconnects for ever, until `stop`. Stop it after everybody who publishes.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let began = Instant::now();
            let lost = tokio::select! {
                () = stop.cancelled() => return,
                opened = open(&self.endpoint, &self.topology) => match opened {
                    Ok((connection, channel)) => self.hold(&connection, channel, &stop).await,
                    Err(error) => Some(error.to_string()),
                },
            };
            let Some(lost) = lost else { return };
            self.health.lost(&lost);
            if began.elapsed() >= GOOD_CONNECTION {
                self.backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(self.backoff.next()) => {}
            }
        }
    }

    /// Lends the channel out until it breaks; `None` when it is time to stop.
    async fn hold(
        &mut self,
        connection: &Connection,
        channel: Channel,
        stop: &CancellationToken,
    ) -> Option<String> {
        self.generation += 1;
        let generation = self.generation;
        let mut events = Box::pin(connection.events_listener());
        self.health.connected();
        self.link.send_replace(Some(Link { generation, channel: channel.clone() }));
        let lost = loop {
            tokio::select! {
                () = stop.cancelled() => break None,
                event = events.next() => {
                    let may_not = matches!(&event, Some(Event::Error(error)) if reply_code(error) == Some(403));
                    if let Some(lost) = self.event(event) {
                        let more = if may_not { self.said_by_the_publisher(generation).await } else { None };
                        break Some(more.unwrap_or(lost));
                    }
                }
                Some((broken, error)) = self.broken.recv() => {
                    if broken == generation {
                        break Some(not_published(&error));
                    }
                }
            }
        };
        self.link.send_replace(None);
        if lost.is_none() {
            endpoint::close_channel(&channel).await;
        }
        endpoint::close(connection).await;
        lost
    }

    /// The connection and the publisher hear of a refusal at once; the publisher alone knows what it may not do.
    async fn said_by_the_publisher(&mut self, generation: u64) -> Option<String> {
        let said = timeout(WORDS_TIME, self.broken.recv()).await.ok().flatten();
        said.filter(|(broken, _)| *broken == generation).map(|(_, error)| not_published(&error))
    }

    fn event(&self, event: Option<Event>) -> Option<String> {
        let Some(event) = event else {
            return Some("the connection ended".to_owned());
        };
        if let Event::Error(error) = &event {
            return Some(plain_words(error));
        }
        if let Event::ConnectionBlocked(reason) = &event {
            self.health.blocked(reason);
        }
        if let Event::ConnectionUnblocked = &event {
            self.health.connected();
        }
        None
    }
}

fn not_published(error: &PublishError) -> String {
    format!("a message could not be published, so the connection is made anew: {error}")
}

/// The exchanges and queues are seen to first: the two connections come up in any order, and an outcome must find its queue.
async fn open(endpoint: &Endpoint, topology: &Topology) -> Result<(Connection, Channel), AmqpError> {
    let connection = endpoint.connect("carepass outcomes").await?;
    topology.ensure(&connection).await?;
    let channel = confirming_channel(&connection).await?;
    Ok((connection, channel))
}

/// A channel whose messages are confirmed.
pub(super) async fn confirming_channel(connection: &Connection) -> Result<Channel, AmqpError> {
    let opening = async {
        let channel = connection.create_channel().await?;
        let options = ConfirmSelectOptions::default();
        channel.confirm_select(options).await?;
        Ok::<_, lapin::Error>(channel)
    };
    match timeout(LINK_TIME, opening).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(AmqpError::Slow { doing: "opening a channel", limit: LINK_TIME }),
    }
}

/// One message, from the socket to its confirm. Has no limit of its own on the time.
pub(super) async fn transmit(channel: &Channel, parcel: &Parcel) -> Result<(), PublishError> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let properties: BasicProperties = parcel.properties.clone();
    let (exchange, routing_key) = (parcel.exchange.clone(), parcel.routing_key.clone());
    let confirmed = async {
        crash_point!(async "amqp.publish.before");
        let sent = channel.basic_publish(exchange, routing_key, options, &parcel.body, properties).await?;
        crash_point!(async "amqp.confirm.before");
        let confirmed = sent.await;
        crash_point!(async "amqp.confirm.after");
        confirmed
    };
    match confirmed.await {
        Ok(confirmation) => judge(&confirmation, parcel),
        Err(error) => {
            let doing = format!("write to exchange '{}'", parcel.exchange);
            Err(PublishError::Closed(words_while(&doing, &error)))
        }
    }
}

fn judge(confirmation: &Confirmation, parcel: &Parcel) -> Result<(), PublishError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(PublishError::Unroutable {
            exchange: parcel.exchange.to_string(),
            routing_key: parcel.routing_key.to_string(),
        }),
        Confirmation::Nack(_) => Err(PublishError::Nacked),
        Confirmation::NotRequested => Err(PublishError::Closed("the channel does not confirm".to_owned())),
    }
}
