//! A message as the broker holds it, its way to a dead-letter exchange, and the plain view tests read.
//! The time of death is left out of the header: this broker has no clock. Not here: queues, and the bytes of frames (`wire`).

use std::collections::BTreeMap;
use std::sync::Arc;

use amq_protocol::protocol::basic::AMQPProperties;
use amq_protocol::types::{AMQPValue, FieldArray, FieldTable};

use super::wire::short;

/// Why a message left its queue without an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeathReason {
    Rejected,
    DeliveryLimit,
    MaxLength,
}

impl DeathReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::DeliveryLimit => "delivery_limit",
            Self::MaxLength => "maxlen",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) properties: AMQPProperties,
    pub(super) body: Arc<[u8]>,
    /// How often it came back unacknowledged.
    pub(super) returns: u32,
    pub(super) redelivered: bool,
}

impl Message {
    /// The properties to deliver: those published, and the count of returns as quorum queues give it.
    pub(super) fn delivered_properties(&self) -> AMQPProperties {
        if self.returns == 0 {
            return self.properties.clone();
        }
        let mut headers = self.headers();
        headers.insert(short("x-delivery-count"), AMQPValue::LongLongInt(i64::from(self.returns)));
        self.properties.clone().with_headers(headers)
    }

    /// The same message on its way to a dead-letter exchange, with an `x-death` header of one entry per
    /// queue and reason, the newest first (RabbitMQ, "Dead Letter Exchanges").
    pub(super) fn died(mut self, queue: &str, reason: DeathReason) -> Self {
        let mut headers = self.headers();
        let mut earlier: Vec<AMQPValue> = match headers.inner().get("x-death") {
            Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().to_vec(),
            Some(_) | None => Vec::new(),
        };
        let same = earlier.iter().position(|death| is_death(death, queue, reason));
        let count = same.map_or(0, |at| death_count(&earlier.remove(at)));
        let death = self.death(queue, reason, count + 1);
        earlier.insert(0, AMQPValue::FieldTable(death));
        headers.insert(short("x-death"), AMQPValue::FieldArray(FieldArray::from(earlier)));
        for (name, value) in [
            ("x-first-death-queue", queue),
            ("x-first-death-reason", reason.as_str()),
            ("x-first-death-exchange", self.exchange.as_str()),
        ] {
            if !headers.contains_key(name) {
                headers.insert(short(name), text(value));
            }
        }
        self.properties = self.properties.with_headers(headers);
        self.returns = 0;
        self.redelivered = false;
        self
    }

    fn death(&self, queue: &str, reason: DeathReason, count: i64) -> FieldTable {
        let mut death = FieldTable::default();
        death.insert(short("count"), AMQPValue::LongLongInt(count));
        death.insert(short("reason"), text(reason.as_str()));
        death.insert(short("queue"), text(queue));
        death.insert(short("exchange"), text(&self.exchange));
        let keys = FieldArray::from(vec![text(&self.routing_key)]);
        death.insert(short("routing-keys"), AMQPValue::FieldArray(keys));
        death
    }

    fn headers(&self) -> FieldTable {
        self.properties.headers().clone().unwrap_or_default()
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn is_death(death: &AMQPValue, queue: &str, reason: DeathReason) -> bool {
    let AMQPValue::FieldTable(death) = death else {
        return false;
    };
    death.inner().get("queue") == Some(&text(queue))
        && death.inner().get("reason") == Some(&text(reason.as_str()))
}

fn death_count(death: &AMQPValue) -> i64 {
    let AMQPValue::FieldTable(death) = death else {
        return 0;
    };
    match death.inner().get("count") {
        Some(AMQPValue::LongLongInt(count)) => *count,
        Some(_) | None => 0,
    }
}

/// A message as a test or a demo looks at it: plain values, no protocol types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMessage {
    /// Exchange it was published to; empty for the default exchange.
    pub exchange: String,
    /// Routing key it was published with.
    pub routing_key: String,
    /// The `content-type` property.
    pub content_type: Option<String>,
    /// The `message-id` property.
    pub message_id: Option<String>,
    /// Whether it was published as persistent (`delivery-mode` 2).
    pub persistent: bool,
    /// Headers whose value is a string or a whole number, as text.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it was delivered before.
    pub redelivered: bool,
}

impl From<&Message> for SeenMessage {
    fn from(message: &Message) -> Self {
        let properties = message.delivered_properties();
        let headers = properties.headers().clone().unwrap_or_default();
        Self {
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            persistent: *properties.delivery_mode() == Some(2),
            headers: headers
                .inner()
                .iter()
                .filter_map(|(name, value)| Some((name.to_string(), plain(value)?)))
                .collect(),
            body: message.body.to_vec(),
            redelivered: message.redelivered,
        }
    }
}

fn plain(value: &AMQPValue) -> Option<String> {
    if let AMQPValue::LongString(text) = value {
        return Some(text.to_string());
    }
    if let AMQPValue::ShortString(text) = value {
        return Some(text.to_string());
    }
    value.as_long_long_int().or_else(|| value.as_long_int().map(i64::from)).map(|number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            exchange: "hr.events".into(),
            routing_key: "joined".into(),
            properties: AMQPProperties::default(),
            body: Arc::from(&b"{}"[..]),
            returns: 0,
            redelivered: false,
        }
    }

    fn deaths(message: &Message) -> Vec<AMQPValue> {
        match message.headers().inner().get("x-death") {
            Some(AMQPValue::FieldArray(deaths)) => deaths.as_slice().to_vec(),
            other => panic!("no x-death: {other:?}"),
        }
    }

    #[test]
    fn deaths_are_counted_per_queue_and_reason() {
        let once = message().died("q", DeathReason::Rejected);
        let twice = once.died("q", DeathReason::Rejected);
        assert_eq!(deaths(&twice).len(), 1);
        assert_eq!(death_count(&deaths(&twice)[0]), 2);
        let other = twice.died("q", DeathReason::DeliveryLimit);
        assert_eq!(deaths(&other).len(), 2);
        assert_eq!(SeenMessage::from(&other).headers["x-first-death-reason"], "rejected");
    }

    #[test]
    fn a_returned_message_carries_its_count() {
        let returned = Message { returns: 2, ..message() };
        assert_eq!(SeenMessage::from(&returned).headers["x-delivery-count"], "2");
    }
}
