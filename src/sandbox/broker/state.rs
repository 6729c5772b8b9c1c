//! What the broker holds for everybody: exchanges, bindings, queues and their messages, in memory only.
//! All of it is synchronous and behind one lock; nothing here knows of sockets or frames.

use std::collections::{BTreeMap, BTreeSet};

use super::message::{DeathReason, Message};
use super::queue::{Declaration, QUEUE_LENGTH_MAX, Queue, Room};
use super::refusal::Refusal;
use super::topic;

const QUEUES_MAX: usize = 256;
const EXCHANGES_MAX: usize = 256;
const BINDINGS_MAX: usize = 4096;
/// Bytes of bodies held at most, over all queues; a body counts once per queue that holds it.
const BODIES_MAX: usize = 256 * 1024 * 1024;

/// How an exchange picks queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExchangeKind {
    Direct,
    Fanout,
    Topic,
}

impl ExchangeKind {
    pub(super) fn parse(kind: &str) -> Result<Self, Refusal> {
        match kind {
            "direct" => Ok(Self::Direct),
            "fanout" => Ok(Self::Fanout),
            "topic" => Ok(Self::Topic),
            other => Err(Refusal::precondition(&format!(
                "exchange type '{other}' is not modelled by this sandbox broker"
            ))),
        }
    }
}

#[derive(Debug)]
struct Exchange {
    kind: ExchangeKind,
    durable: bool,
    /// Routing key or pattern, and queue.
    bindings: BTreeSet<(String, String)>,
}

/// What became of a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    Queued,
    Unroutable,
    /// A full queue with `x-overflow=reject-publish` would have had to take it; nobody got it.
    Rejected,
}

#[derive(Debug)]
pub(super) struct State {
    exchanges: BTreeMap<String, Exchange>,
    queues: BTreeMap<String, Queue>,
    bodies: usize,
    names_given: u64,
    version: u64,
    /// A memory or disk alarm: publishing connections are held up.
    pub(super) alarm: bool,
    /// New connections are closed at once.
    pub(super) away: bool,
}

impl State {
    pub(super) fn new() -> Self {
        let own = [
            ("", ExchangeKind::Direct),
            ("amq.direct", ExchangeKind::Direct),
            ("amq.fanout", ExchangeKind::Fanout),
            ("amq.topic", ExchangeKind::Topic),
        ];
        let exchanges = own.map(|(name, kind)| (name.to_owned(), Exchange::new(kind, true)));
        Self {
            exchanges: BTreeMap::from(exchanges),
            queues: BTreeMap::new(),
            bodies: 0,
            names_given: 0,
            version: 0,
            alarm: false,
            away: false,
        }
    }

    /// Grows with every change that somebody may wait for.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn touch(&mut self) {
        self.version += 1;
    }

    pub(super) fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name)
    }

    /// The queue, for a client that asks for it by name.
    pub(super) fn queue_for(&self, name: &str, connection: u64) -> Result<&Queue, Refusal> {
        let queue = self
            .queues
            .get(name)
            .ok_or_else(|| Refusal::not_found(&format!("no queue '{name}' in vhost '/'")))?;
        match queue.owner {
            Some(owner) if owner != connection => {
                Err(Refusal::locked(&format!("cannot obtain exclusive access to locked queue '{name}'")))
            }
            Some(_) | None => Ok(queue),
        }
    }

    pub(super) fn check_exchange(&self, name: &str) -> Result<(), Refusal> {
        self.exchange(name).map(|_| ())
    }

    fn exchange(&self, name: &str) -> Result<&Exchange, Refusal> {
        self.exchanges
            .get(name)
            .ok_or_else(|| Refusal::not_found(&format!("no exchange '{name}' in vhost '/'")))
    }

    pub(super) fn declare_exchange(
        &mut self,
        name: &str,
        kind: ExchangeKind,
        durable: bool,
    ) -> Result<(), Refusal> {
        if let Some(exchange) = self.exchanges.get(name) {
            return if exchange.kind == kind && exchange.durable == durable {
                Ok(())
            } else {
                Err(Refusal::precondition(&format!(
                    "inequivalent arg 'type' or 'durable' for exchange '{name}' in vhost '/'"
                )))
            };
        }
        within(self.exchanges.len(), EXCHANGES_MAX, "exchanges")?;
        self.exchanges.insert(name.to_owned(), Exchange::new(kind, durable));
        self.touch();
        Ok(())
    }

    pub(super) fn delete_exchange(&mut self, name: &str) {
        self.exchanges.remove(name);
        self.touch();
    }

    /// Declares a queue and gives back its name, a new one when `name` is empty.
    pub(super) fn declare_queue(
        &mut self,
        name: &str,
        declaration: Declaration,
        connection: u64,
    ) -> Result<String, Refusal> {
        if self.queues.contains_key(name) {
            let there = self.queue_for(name, connection)?;
            return match there.declaration().difference(&declaration) {
                None => Ok(name.to_owned()),
                Some(argument) => Err(Refusal::precondition(&format!(
                    "inequivalent arg '{argument}' for queue '{name}' in vhost '/'"
                ))),
            };
        }
        within(self.queues.len(), QUEUES_MAX, "queues")?;
        let name = self.name_or_new(name);
        let owner = declaration.is_exclusive().then_some(connection);
        self.queues.insert(name.clone(), Queue::new(declaration, owner));
        self.touch();
        Ok(name)
    }

    fn name_or_new(&mut self, name: &str) -> String {
        if !name.is_empty() {
            return name.to_owned();
        }
        self.names_given += 1;
        format!("amq.gen-{}", self.names_given)
    }

    pub(super) fn bind(&mut self, queue: &str, exchange: &str, key: &str) -> Result<(), Refusal> {
        let bindings = self.exchange(exchange)?.bindings.len();
        within(bindings, BINDINGS_MAX, "bindings of one exchange")?;
        if let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.bindings.insert((key.to_owned(), queue.to_owned()));
        }
        Ok(())
    }

    pub(super) fn unbind(&mut self, queue: &str, exchange: &str, key: &str) -> Result<(), Refusal> {
        self.exchange(exchange)?;
        if let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.bindings.remove(&(key.to_owned(), queue.to_owned()));
        }
        Ok(())
    }

    /// Gives the message to every queue its exchange picks, or to none of them.
    pub(super) fn publish(&mut self, message: &Message) -> Result<Published, Refusal> {
        let targets = self.route(&message.exchange, &message.routing_key)?;
        if targets.is_empty() {
            return Ok(Published::Unroutable);
        }
        for name in &targets {
            match self.queues.get(name).map_or(Room::Free, Queue::room) {
                Room::Free | Room::DropHead => {}
                Room::RejectPublish => return Ok(Published::Rejected),
                Room::Exhausted => {
                    return Err(Refusal::precondition(&format!(
                        "queue '{name}' holds {QUEUE_LENGTH_MAX} messages, the limit of this sandbox broker"
                    )));
                }
            }
        }
        let bytes = self.bodies + targets.len() * message.body.len();
        within(bytes, BODIES_MAX, "bytes of messages")?;
        for name in &targets {
            if let Some(oldest) = self.push(name, message.clone()) {
                self.dead_letter(name, oldest, DeathReason::MaxLength);
            }
        }
        Ok(Published::Queued)
    }

    fn route(&self, exchange: &str, key: &str) -> Result<BTreeSet<String>, Refusal> {
        if exchange.is_empty() {
            let queue = self.queues.contains_key(key).then(|| key.to_owned());
            return Ok(queue.into_iter().collect());
        }
        let exchange = self.exchange(exchange)?;
        let takes = |pattern: &str| match exchange.kind {
            ExchangeKind::Direct => pattern == key,
            ExchangeKind::Fanout => true,
            ExchangeKind::Topic => topic::matches(pattern, key),
        };
        let bound = exchange.bindings.iter();
        Ok(bound
            .filter(|(pattern, queue)| takes(pattern) && self.queues.contains_key(queue))
            .map(|(_, queue)| queue.clone())
            .collect())
    }

    /// Puts a message at the end and gives back the oldest, if it had to make room.
    fn push(&mut self, name: &str, message: Message) -> Option<Message> {
        let queue = self.queues.get_mut(name)?;
        let oldest = match queue.room() {
            Room::Free => None,
            Room::DropHead | Room::RejectPublish | Room::Exhausted => queue.ready.pop_front(),
        };
        self.bodies += message.body.len();
        queue.ready.push_back(message);
        self.touch();
        if let Some(oldest) = &oldest {
            self.release(oldest);
        }
        oldest
    }

    /// Sends a message that left `name` to its dead-letter exchange; without one it is gone. A message
    /// that has to make room for a dead one is lost, which bounds the work and ends every cycle.
    fn dead_letter(&mut self, name: &str, message: Message, reason: DeathReason) {
        let Some(route) = self.queues.get(name).and_then(Queue::dead_letter) else {
            return;
        };
        let mut dead = message.died(name, reason);
        let key = route.routing_key.unwrap_or_else(|| dead.routing_key.clone());
        let targets = self.route(&route.exchange, &key).unwrap_or_default();
        dead.exchange = route.exchange;
        dead.routing_key = key;
        for target in targets {
            self.push(&target, dead.clone());
        }
    }

    /// The oldest waiting message, now unacknowledged.
    pub(super) fn take(&mut self, name: &str) -> Option<Message> {
        let queue = self.queues.get_mut(name)?;
        let message = queue.ready.pop_front()?;
        queue.unacknowledged += 1;
        self.touch();
        Some(message)
    }

    /// An unacknowledged message is done with.
    pub(super) fn acknowledge(&mut self, name: &str, message: &Message) {
        self.release(message);
        self.no_longer_out(name);
    }

    /// An unacknowledged message comes back to the front, unless it came back too often.
    pub(super) fn give_back(&mut self, name: &str, mut message: Message) {
        self.no_longer_out(name);
        let Some(queue) = self.queues.get_mut(name) else {
            self.release(&message);
            return;
        };
        message.returns += 1;
        message.redelivered = true;
        if queue.is_over_delivery_limit(message.returns) {
            self.release(&message);
            self.dead_letter(name, message, DeathReason::DeliveryLimit);
        } else {
            queue.ready.push_front(message);
        }
    }

    /// An unacknowledged message is refused for good.
    pub(super) fn reject(&mut self, name: &str, message: Message) {
        self.no_longer_out(name);
        self.release(&message);
        self.dead_letter(name, message, DeathReason::Rejected);
    }

    fn no_longer_out(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.unacknowledged = queue.unacknowledged.saturating_sub(1);
        }
        self.touch();
    }

    fn release(&mut self, message: &Message) {
        self.bodies = self.bodies.saturating_sub(message.body.len());
    }

    /// Drops the waiting messages and gives back how many there were.
    pub(super) fn purge(&mut self, name: &str) -> usize {
        let Some(queue) = self.queues.get_mut(name) else {
            return 0;
        };
        let dropped = std::mem::take(&mut queue.ready);
        for message in &dropped {
            self.release(message);
        }
        self.touch();
        dropped.len()
    }

    /// Deletes a queue with its messages and bindings and gives back how many messages there were.
    pub(super) fn delete_queue(&mut self, name: &str) -> usize {
        let dropped = self.purge(name);
        self.queues.remove(name);
        for exchange in self.exchanges.values_mut() {
            exchange.bindings.retain(|(_, queue)| queue != name);
        }
        self.touch();
        dropped
    }

    pub(super) fn consumer_came(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.consumers += 1;
        }
        self.touch();
    }

    pub(super) fn consumer_went(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        queue.consumers = queue.consumers.saturating_sub(1);
        if queue.is_spent() {
            self.delete_queue(name);
        }
        self.touch();
    }

    /// The queues that belonged to a connection alone go with it.
    pub(super) fn connection_went(&mut self, connection: u64) {
        let owned: Vec<String> = self
            .queues
            .iter()
            .filter(|(_, queue)| queue.owner == Some(connection))
            .map(|(name, _)| name.clone())
            .collect();
        for name in owned {
            self.delete_queue(&name);
        }
        self.touch();
    }
}

impl Exchange {
    fn new(kind: ExchangeKind, durable: bool) -> Self {
        Self { kind, durable, bindings: BTreeSet::new() }
    }
}

fn within(count: usize, limit: usize, what: &str) -> Result<(), Refusal> {
    if count < limit {
        return Ok(());
    }
    Err(Refusal::precondition(&format!("this sandbox broker holds at most {limit} {what}")))
}
