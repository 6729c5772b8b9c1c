//! One queue: what it was declared as, what its arguments mean, and the messages waiting in it.
//! Arguments that this broker does not model are refused, so that nobody tests against a silence.
//! Unacknowledged messages are kept by the channel they were delivered on; here they are only counted. Not here: bindings (`state`).

use std::collections::{BTreeMap, VecDeque};

use amq_protocol::protocol::queue::Declare;
use amq_protocol::types::{AMQPValue, FieldTable};

use super::message::Message;
use super::refusal::Refusal;

/// Messages a queue holds at most, waiting and unacknowledged, whatever its arguments say.
pub(super) const QUEUE_LENGTH_MAX: usize = 10_000;

/// The arguments this broker acts on.
const MODELLED: [&str; 5] =
    ["x-dead-letter-exchange", "x-dead-letter-routing-key", "x-delivery-limit", "x-max-length", "x-overflow"];
/// Arguments that change nothing a single node in memory could show.
const WITHOUT_EFFECT: [&str; 4] =
    ["x-queue-type", "x-dead-letter-strategy", "x-quorum-initial-group-size", "x-queue-leader-locator"];

/// One argument, with the many integer types of the protocol folded into one, as RabbitMQ compares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    Text(String),
    Number(i64),
}

/// What a queue was declared as; a second declaration must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration {
    durable: bool,
    auto_delete: bool,
    exclusive: bool,
    arguments: BTreeMap<String, Argument>,
}

/// Where rejected and spent messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetter {
    pub(super) exchange: String,
    pub(super) routing_key: Option<String>,
}

/// What happens to one more message when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// The oldest message makes room.
    DropHead,
    /// The new message is not taken: a nack to the publisher.
    RejectPublish,
    /// The limit of this broker, which no real queue would have: an error, not a loss.
    Exhausted,
}

#[derive(Debug)]
pub(super) struct Queue {
    declaration: Declaration,
    /// The connection it belongs to alone.
    pub(super) owner: Option<u64>,
    pub(super) ready: VecDeque<Message>,
    pub(super) unacknowledged: usize,
    pub(super) consumers: usize,
}

impl Declaration {
    pub(super) fn parse(declare: &Declare) -> Result<Self, Refusal> {
        let declaration = Self {
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            exclusive: declare.exclusive,
            arguments: arguments(&declare.arguments)?,
        };
        declaration.check_numbers()?;
        match declaration.text("x-overflow") {
            None | Some("drop-head" | "reject-publish") => Ok(declaration),
            Some(other) => Err(Refusal::precondition(&format!(
                "invalid arg 'x-overflow': '{other}' is not modelled by this sandbox broker"
            ))),
        }
    }

    fn check_numbers(&self) -> Result<(), Refusal> {
        for name in ["x-delivery-limit", "x-max-length"] {
            match self.arguments.get(name) {
                None => {}
                Some(Argument::Number(number)) if *number >= 0 => {}
                Some(Argument::Number(_) | Argument::Text(_)) => {
                    return Err(Refusal::precondition(&format!("invalid arg '{name}': not a whole number")));
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// The first thing in which `other` differs, for the text of the refusal.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.durable != other.durable {
            return Some("durable".to_owned());
        }
        if self.auto_delete != other.auto_delete {
            return Some("auto_delete".to_owned());
        }
        if self.exclusive != other.exclusive {
            return Some("exclusive".to_owned());
        }
        let names = self.arguments.keys().chain(other.arguments.keys());
        names.into_iter().find(|name| self.arguments.get(*name) != other.arguments.get(*name)).cloned()
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.arguments.get(name)? {
            Argument::Text(text) => Some(text),
            Argument::Number(_) => None,
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        match self.arguments.get(name)? {
            Argument::Number(number) => u64::try_from(*number).ok(),
            Argument::Text(_) => None,
        }
    }
}

fn arguments(table: &FieldTable) -> Result<BTreeMap<String, Argument>, Refusal> {
    let mut arguments = BTreeMap::new();
    for (name, value) in table {
        let name = name.as_str();
        if !MODELLED.contains(&name) && !WITHOUT_EFFECT.contains(&name) {
            return Err(Refusal::precondition(&format!(
                "invalid arg '{name}': not modelled by this sandbox broker"
            )));
        }
        let argument = argument(value).ok_or_else(|| {
            Refusal::precondition(&format!("invalid arg '{name}': neither text nor a whole number"))
        })?;
        arguments.insert(name.to_owned(), argument);
    }
    Ok(arguments)
}

fn argument(value: &AMQPValue) -> Option<Argument> {
    if let AMQPValue::LongString(text) = value {
        return Some(Argument::Text(text.to_string()));
    }
    if let AMQPValue::ShortString(text) = value {
        return Some(Argument::Text(text.to_string()));
    }
    let number = value
        .as_long_long_int()
        .or_else(|| value.as_long_int().map(i64::from))
        .or_else(|| value.as_long_uint().map(i64::from))
        .or_else(|| value.as_short_int().map(i64::from))
        .or_else(|| value.as_short_uint().map(i64::from))
        .or_else(|| value.as_short_short_int().map(i64::from))
        .or_else(|| value.as_short_short_uint().map(i64::from));
    number.map(Argument::Number)
}

impl Queue {
    pub(super) fn new(declaration: Declaration, owner: Option<u64>) -> Self {
        Self { declaration, owner, ready: VecDeque::new(), unacknowledged: 0, consumers: 0 }
    }

    pub(super) fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// Whether it goes when its last consumer has gone.
    pub(super) fn is_spent(&self) -> bool {
        self.declaration.auto_delete && self.consumers == 0
    }

    pub(super) fn dead_letter(&self) -> Option<DeadLetter> {
        Some(DeadLetter {
            exchange: self.declaration.text("x-dead-letter-exchange")?.to_owned(),
            routing_key: self.declaration.text("x-dead-letter-routing-key").map(str::to_owned),
        })
    }

    /// Whether a message that came back `returns` times has had its deliveries: the limit counts
    /// *re*deliveries, so that a limit of 3 means four deliveries (RabbitMQ 3.10, measured).
    pub(super) fn is_over_delivery_limit(&self, returns: u32) -> bool {
        self.declaration.number("x-delivery-limit").is_some_and(|limit| u64::from(returns) > limit)
    }

    pub(super) fn room(&self) -> Room {
        let rejects = self.declaration.text("x-overflow") == Some("reject-publish");
        let waiting = self.ready.len() as u64;
        let full = self.declaration.number("x-max-length").is_some_and(|limit| waiting >= limit);
        let exhausted = self.ready.len() + self.unacknowledged >= QUEUE_LENGTH_MAX;
        match (full, exhausted, rejects) {
            (false, false, _) => Room::Free,
            (_, _, true) => Room::RejectPublish,
            (true, _, false) => Room::DropHead,
            (false, true, false) => Room::Exhausted,
        }
    }
}
