//! The bench at the broker: events go out, confirmed; outcomes come in, with the moment at which they did. Not here: the node.

use crate::setup;
use carepass::amqp::{AmqpSettings, Endpoint, Topology};
use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The exchange and routing key of events.
const EVENTS: (&str, &str) = ("hr.events", "com.carepass.engineer.joined.v1");
const OUTCOMES: &str = "carepass.outcomes";

/// Routing keys of outcomes: an engineer is ready; one domain of an engineer is.
const READY: &str = "provisioning.ready.v1";
pub const PROGRESSED: &str = "provisioning.progressed.v1";

/// Events without their confirm at most.
const IN_FLIGHT: usize = 256;

/// How long one outcome may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// The queue that events come to.
pub const QUEUE: &str = "carepass.engineers";

/// Makes the queues and exchanges that a daemon would make.
pub async fn declare(url: &str) {
    let endpoint = Endpoint::parse(&SecretString::from(url)).expect("a broker's URL");
    let topology = Topology::of(&AmqpSettings::new(endpoint.clone())).expect("the names as they are shipped");
    topology.ensure_at(&endpoint).await.expect("a broker without queues");
}

/// A connection of the bench's own.
pub struct Desk {
    channel: Channel,
    outcomes: Consumer,
    /// Engineers of whom it was told that they are ready: with replicas the same may be told twice.
    told: BTreeSet<String>,
    _connection: Connection,
}

impl Desk {
    /// Connects, and hears of everybody who becomes ready from now on. The exchanges must be there.
    pub async fn at(url: &str) -> Self {
        Self::hearing(url, READY).await
    }

    /// Connects, and hears of every outcome of one kind from now on.
    pub async fn hearing(url: &str, key: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a broker");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let own =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), own, FieldTable::default()).await.expect("a queue");
        let binding = QueueBindOptions::default();
        let bound = channel.queue_bind(
            queue.name().clone(),
            OUTCOMES.into(),
            key.into(),
            binding,
            FieldTable::default(),
        );
        bound.await.expect("the exchange is there");
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let outcomes =
            channel.basic_consume(queue.name().clone(), "".into(), options, FieldTable::default()).await;
        let outcomes = outcomes.expect("a consumer");
        Self { channel, outcomes, told: BTreeSet::new(), _connection: connection }
    }

    /// Publishes joiners and waits for every confirm.
    pub async fn publish(&self, numbers: impl IntoIterator<Item = usize>, first_day: Option<&str>) {
        let sending = numbers.into_iter().map(|number| self.send(number, first_day));
        futures_util::stream::iter(sending).buffer_unordered(IN_FLIGHT).for_each(|()| async {}).await;
    }

    async fn send(&self, number: usize, first_day: Option<&str>) {
        let body = setup::joined(number, first_day).to_string().into_bytes();
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/cloudevents+json; charset=utf-8".into())
            .with_message_id(setup::key(number).into());
        let (exchange, key) = EVENTS;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, &body, properties).await;
        let confirmed = sent.expect("a channel").await.expect("a confirm");
        assert!(confirmed.is_ack(), "the broker takes the event");
    }

    /// The next outcome that it hears of.
    pub async fn next(&mut self) -> Value {
        let delivery =
            tokio::time::timeout(PATIENCE, self.outcomes.next()).await.expect("something comes about");
        let delivery = delivery.expect("a consumer that lives").expect("a delivery");
        serde_json::from_slice(&delivery.data).expect("an outcome")
    }

    /// Waits until so many more are ready.
    pub async fn until_ready(&mut self, count: usize) {
        let wanted = self.told.len() + count;
        while self.told.len() < wanted {
            let outcome = self.next().await;
            self.told.insert(outcome["subject"].as_str().unwrap_or_default().to_owned());
        }
    }
}
