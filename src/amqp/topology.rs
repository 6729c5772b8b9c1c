//! Exchanges, queues and bindings as carepass needs them: declared, or only checked.
//!
//! - Events: topic exchange, routing key = the CloudEvents type. The main queue takes
//!   `com.carepass.engineer.#`, the leavers' queue takes `left`, `cancelled` and `erased` as well. Such an event thus
//!   arrives twice, which does no harm: the inbox knows an event by its source and id. The other way, a main
//!   queue bound to every type but those (a topic exchange cannot exclude), would let an event of a type we
//!   do not know yet vanish at the exchange instead of coming back as a dead letter with a reason.
//! - Both are quorum queues that dead-letter at least once. That needs `x-overflow=reject-publish`
//!   (RabbitMQ, "Quorum Queues", dead lettering), and a dead-letter exchange, since without one RabbitMQ 4
//!   drops what was delivered more often than the limit of 20. Hence no start without one.
//! - Dead letters: direct exchange, routing key = the name of the queue behind it.
//! - Outcomes: topic exchange, and one queue `carepass.outcomes` that takes everything, so that outcomes from
//!   before anybody subscribed are there. It keeps the newest 100 000 and lets the oldest go: the ledger has
//!   them all, and the other choice would stop the publisher for ever where nobody subscribes.
//! - The last two have no dead-letter exchange of their own; their delivery limit is out of reach, so that
//!   looking at them often loses nothing.
//!
//! With `declare = false` only existence is checked: AMQP does not tell arguments, bindings or policies. The queue
//! `carepass.outcomes` is not asked for then: whoever declares for himself may have another queue for outcomes.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ExchangeKind};
use tokio::time::timeout;

use super::endpoint::{self, Endpoint};
use super::error::{AmqpError, TopologyFault, plain_words, reply_code};
use super::settings::{AmqpSettings, OUTCOMES_QUEUE};

/// Everything about engineers.
const ENGINEER_EVENTS: &str = "com.carepass.engineer.#";
/// Those who leave, never come, or are to be forgotten: no flood of joiners may delay the end of access.
const LEAVER_EVENTS: [&str; 3] =
    ["com.carepass.engineer.left.#", "com.carepass.engineer.cancelled.#", "com.carepass.engineer.erased.#"];
const OUTCOMES_LENGTH_MAX: i64 = 100_000;
/// Redeliveries before a message is dead-lettered: the default of RabbitMQ 4, said aloud for older ones.
const DELIVERY_LIMIT: i64 = 20;
const DELIVERY_LIMIT_OUT_OF_REACH: i64 = 1_000_000;
const ENSURE_TIME: Duration = Duration::from_secs(30);

/// What there must be, in the order in which it has to be declared.
#[derive(Debug, Clone)]
pub struct Topology {
    items: Vec<Item>,
    declare: bool,
}

#[derive(Debug, Clone)]
enum Item {
    Exchange { name: ShortString, kind: ExchangeKind },
    Queue { name: ShortString, arguments: FieldTable },
    Binding { queue: ShortString, exchange: ShortString, key: ShortString },
}

impl Topology {
    /// Works it out from the settings.
    ///
    /// # Errors
    /// [`AmqpError::NoDeadLetterExchange`]; [`AmqpError::TooLong`].
    pub fn of(settings: &AmqpSettings) -> Result<Self, AmqpError> {
        if settings.dead_letter_exchange.is_empty() || settings.dead_letter_queue.is_empty() {
            return Err(AmqpError::NoDeadLetterExchange);
        }
        let events = name(&settings.exchange, "intake.amqp.exchange")?;
        let engineers = name(&settings.queue, "intake.amqp.queue")?;
        let leavers = name(&settings.leavers_queue, "the name of the leavers' queue")?;
        let dead = name(&settings.dead_letter_exchange, "intake.amqp.dead_letter_exchange")?;
        let dead_queue = name(&settings.dead_letter_queue, "the name of the dead-letter queue")?;
        let outcomes = name(&settings.outcomes_exchange, "outcomes.exchange")?;
        let outcomes_queue = ShortString::from(OUTCOMES_QUEUE);
        let mut items = vec![
            Item::exchange(&dead, ExchangeKind::Direct),
            Item::queue(&dead_queue, keeping()),
            Item::binding(&dead_queue, &dead, dead_queue.as_str()),
            Item::exchange(&events, ExchangeKind::Topic),
            Item::queue(&engineers, dead_lettering(settings)),
            Item::binding(&engineers, &events, ENGINEER_EVENTS),
            Item::queue(&leavers, dead_lettering(settings)),
            Item::exchange(&outcomes, ExchangeKind::Topic),
            Item::queue(&outcomes_queue, newest()),
            Item::binding(&outcomes_queue, &outcomes, "#"),
        ];
        items.extend(LEAVER_EVENTS.map(|key| Item::binding(&leavers, &events, key)));
        Ok(Self { items, declare: settings.declare })
    }

    /// Declares or checks everything over an own connection: for the demo and for tests.
    ///
    /// # Errors
    /// As for [`Topology::ensure`], and what connecting says.
    pub async fn ensure_at(&self, endpoint: &Endpoint) -> Result<(), AmqpError> {
        let connection = endpoint.connect("carepass topology").await?;
        let ensured = self.ensure(&connection).await;
        endpoint::close(&connection).await;
        ensured
    }

    /// Declares or checks everything.
    ///
    /// # Errors
    /// [`AmqpError::Topology`] with every fault there is, not only the first; [`AmqpError::Slow`] after
    /// 30 seconds; [`AmqpError::Broker`] if the connection broke.
    pub async fn ensure(&self, connection: &Connection) -> Result<(), AmqpError> {
        match timeout(ENSURE_TIME, self.ensure_each(connection)).await {
            Ok(ensured) => ensured,
            Err(_) => Err(AmqpError::Slow { doing: "declaring exchanges and queues", limit: ENSURE_TIME }),
        }
    }

    /// Each item on a channel of its own, since a refusal closes the channel.
    async fn ensure_each(&self, connection: &Connection) -> Result<(), AmqpError> {
        let mut faults = Vec::new();
        for item in self.items.iter().filter(|item| self.concerns(item)) {
            let channel = connection.create_channel().await?;
            match item.ensure(&channel, self.declare).await {
                Ok(()) => endpoint::close_channel(&channel).await,
                Err(error) => faults.push(item.fault(&error, self.declare).ok_or(error)?),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(AmqpError::Topology(faults)) }
    }

    /// Bindings cannot be checked.
    fn concerns(&self, item: &Item) -> bool {
        self.declare
            || match item {
                Item::Exchange { .. } => true,
                Item::Queue { name, .. } => name.as_str() != OUTCOMES_QUEUE,
                Item::Binding { .. } => false,
            }
    }
}

impl Item {
    fn exchange(name: &ShortString, kind: ExchangeKind) -> Self {
        Self::Exchange { name: name.clone(), kind }
    }

    fn queue(name: &ShortString, arguments: FieldTable) -> Self {
        Self::Queue { name: name.clone(), arguments }
    }

    fn binding(queue: &ShortString, exchange: &ShortString, key: &str) -> Self {
        Self::Binding { queue: queue.clone(), exchange: exchange.clone(), key: key.into() }
    }

    async fn ensure(&self, channel: &Channel, declare: bool) -> Result<(), lapin::Error> {
        match self.clone() {
            Self::Exchange { name, kind } => {
                let options = ExchangeDeclareOptions {
                    passive: !declare,
                    durable: true,
                    ..ExchangeDeclareOptions::default()
                };
                channel.exchange_declare(name, kind, options, FieldTable::default()).await
            }
            Self::Queue { name, arguments } => {
                let options = QueueDeclareOptions {
                    passive: !declare,
                    durable: true,
                    ..QueueDeclareOptions::default()
                };
                let declared = channel.queue_declare(name, options, arguments).await;
                declared.map(|_| ())
            }
            Self::Binding { queue, exchange, key } => {
                let options = QueueBindOptions::default();
                channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await
            }
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Exchange { name, .. } => format!("exchange '{name}'"),
            Self::Queue { name, .. } => format!("queue '{name}'"),
            Self::Binding { queue, exchange, key } => {
                format!("binding of queue '{queue}' to exchange '{exchange}' by '{key}'")
            }
        }
    }

    /// What to do about a thing that is there in another shape.
    fn another_shape(&self) -> &'static str {
        match self {
            Self::Queue { .. } => {
                "Delete it when it is empty and carepass declares it anew, or give it a dead-letter exchange \
                 by a policy and set intake.amqp.declare = false"
            }
            Self::Exchange { .. } | Self::Binding { .. } => {
                "Give carepass another name for it in the configuration, or delete it when nobody uses it any more \
                 (its bindings go with it) and carepass declares it anew"
            }
        }
    }

    /// The refusal in plain words; `None` when it is not about this item but about the connection.
    fn fault(&self, error: &lapin::Error, declare: bool) -> Option<TopologyFault> {
        let (fault, advice) = match (reply_code(error)?, declare) {
            (404, true) => (
                "lacks its queue or exchange".to_owned(),
                "See the other faults; it is declared once they are gone",
            ),
            (404, false) => (
                "is missing".to_owned(),
                "Create it, or set intake.amqp.declare = true and carepass declares it",
            ),
            (406, _) => (
                format!("is there, but not as carepass declares it: {}", plain_words(error)),
                self.another_shape(),
            ),
            (403, _) => (
                format!("may not be declared or read by this user: {}", plain_words(error)),
                "Grant the permission, or let an administrator create everything and set \
                 intake.amqp.declare = false",
            ),
            (405, _) => {
                ("belongs to another connection alone".to_owned(), "End what holds it, or use another name")
            }
            (_, _) => return None,
        };
        Some(TopologyFault { subject: self.subject(), fault, advice: advice.to_owned() })
    }
}

fn name(name: &str, what: &'static str) -> Result<ShortString, AmqpError> {
    ShortString::try_new(name).map_err(|_| AmqpError::TooLong(what))
}

fn dead_lettering(settings: &AmqpSettings) -> FieldTable {
    arguments(&[
        ("x-queue-type", text("quorum")),
        ("x-dead-letter-exchange", text(&settings.dead_letter_exchange)),
        ("x-dead-letter-routing-key", text(&settings.dead_letter_queue)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT)),
    ])
}

fn keeping() -> FieldTable {
    arguments(&[
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT_OUT_OF_REACH)),
    ])
}

fn newest() -> FieldTable {
    arguments(&[
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(OUTCOMES_LENGTH_MAX)),
        ("x-overflow", text("drop-head")),
        ("x-delivery-limit", AMQPValue::LongLongInt(DELIVERY_LIMIT_OUT_OF_REACH)),
    ])
}

fn arguments(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
