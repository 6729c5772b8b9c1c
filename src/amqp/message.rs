//! Messages without the protocol: what comes in and what goes out. Pure; what a body means is decided above. Not here: the copy of
//! a refused one (`dead_letter`), topology, connections and confirms.

use std::collections::BTreeMap;
use std::fmt;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::error::PublishError;
use crate::model::signature::SIGNATURE_HEADER;

/// Headers taken over from a message at most; the rest is left out.
const HEADERS_MAX: usize = 64;
/// Bytes of one header's value at most; a longer header is left out.
const HEADER_MAX: usize = 8 * 1024;
/// Persistent, in the words of AMQP.
pub(super) const PERSISTENT: u8 = 2;

/// A delivered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The body, of any size the broker takes.
    pub body: Vec<u8>,
    /// The `content-type` property.
    pub content_type: Option<String>,
    /// Headers that are texts, numbers or booleans, as text; at most 64 of at most 8 KiB, those of the event first.
    pub headers: BTreeMap<String, String>,
    /// Which way it came.
    pub way: Way,
}

/// Which way a message came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// The queue that it was read from.
    pub queue: String,
    /// The exchange that it was published to.
    pub exchange: String,
    /// With this routing key.
    pub routing_key: String,
}

impl Incoming {
    pub(super) fn of(delivery: &lapin::message::Delivery, queue: &str) -> Self {
        let properties = &delivery.properties;
        Self {
            body: delivery.data.clone(),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            headers: properties.headers().as_ref().map(texts).unwrap_or_default(),
            way: Way {
                queue: queue.to_owned(),
                exchange: delivery.exchange.to_string(),
                routing_key: delivery.routing_key.to_string(),
            },
        }
    }
}

/// A message to be published: persistent, mandatory, confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Exchange, at most 255 bytes like all names here.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// The `message-id` property: the same for every attempt, so that a reader can tell repeats.
    pub message_id: String,
    /// The `content-type` property.
    pub content_type: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// An outgoing message in the types of the protocol. `Debug` shows nothing of it: the body may be about a person.
#[derive(Clone, PartialEq)]
pub(super) struct Parcel {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

impl fmt::Debug for Parcel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Parcel(..)")
    }
}

impl TryFrom<Outgoing> for Parcel {
    type Error = PublishError;

    fn try_from(outgoing: Outgoing) -> Result<Self, PublishError> {
        let mut headers = FieldTable::default();
        for (name, value) in outgoing.headers {
            let name = short(name, "the name of a header")?;
            headers.insert(name, AMQPValue::LongString(value.into()));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(short(outgoing.message_id, "the message id")?)
            .with_content_type(short(outgoing.content_type, "the content type")?)
            .with_headers(headers);
        Ok(Self {
            exchange: short(outgoing.exchange, "the exchange")?,
            routing_key: short(outgoing.routing_key, "the routing key")?,
            properties,
            body: outgoing.body,
        })
    }
}

/// A short string; lapin's own conversion panics over 255 bytes.
pub(super) fn short(text: String, what: &'static str) -> Result<ShortString, PublishError> {
    ShortString::try_new(text).map_err(|_| PublishError::TooLong(what))
}

pub(super) fn texts(table: &FieldTable) -> BTreeMap<String, String> {
    let is_event =
        |name: &ShortString| name.as_str().starts_with("cloudEvents") || name.as_str() == SIGNATURE_HEADER;
    let (first, rest): (Vec<_>, Vec<_>) = table.inner().iter().partition(|(name, _)| is_event(name));
    first
        .into_iter()
        .chain(rest)
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .filter(|(_, value)| value.len() <= HEADER_MAX)
        .take(HEADERS_MAX)
        .collect()
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(str::to_owned),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(number) => Some(number.to_string()),
        AMQPValue::ShortShortUInt(number) => Some(number.to_string()),
        AMQPValue::ShortInt(number) => Some(number.to_string()),
        AMQPValue::ShortUInt(number) => Some(number.to_string()),
        AMQPValue::LongInt(number) => Some(number.to_string()),
        AMQPValue::LongUInt(number) => Some(number.to_string()),
        AMQPValue::LongLongInt(number) => Some(number.to_string()),
        AMQPValue::Float(number) => Some(number.to_string()),
        AMQPValue::Double(number) => Some(number.to_string()),
        AMQPValue::Timestamp(number) => Some(number.to_string()),
        AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Headers as a broker sends them.
    pub(in crate::amqp) fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert((*name).into(), value.clone());
        }
        table
    }

    fn outgoing() -> Outgoing {
        Outgoing {
            exchange: "e".into(),
            routing_key: "k".into(),
            message_id: "id".into(),
            content_type: "application/cloudevents+json".into(),
            headers: BTreeMap::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn headers_become_text_within_limits() {
        let long = AMQPValue::LongString("x".repeat(HEADER_MAX + 1).into());
        let headers = table(&[
            ("text", AMQPValue::LongString("å".into())),
            ("number", AMQPValue::LongLongInt(-7)),
            ("flag", AMQPValue::Boolean(true)),
            ("not-utf-8", AMQPValue::LongString(vec![0xff].into())),
            ("long", long),
            ("table", AMQPValue::FieldTable(FieldTable::default())),
        ]);
        let expected = [("flag", "true"), ("number", "-7"), ("text", "å")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(texts(&headers), BTreeMap::from(expected));

        let mut many = FieldTable::default();
        for number in 0..1000 {
            many.insert(format!("a{number}").into(), AMQPValue::LongInt(number));
        }
        many.insert("cloudEvents_id".into(), AMQPValue::LongString("e1".into()));
        let texts = texts(&many);
        assert_eq!((texts.len(), texts.get("cloudEvents_id").map(String::as_str)), (HEADERS_MAX, Some("e1")));
    }

    #[test]
    fn what_is_too_long_for_the_protocol_is_an_error_and_no_panic() {
        let long = "x".repeat(256);
        let with_header = BTreeMap::from([(long.clone(), String::new())]);
        for outgoing in [
            Outgoing { exchange: long.clone(), ..outgoing() },
            Outgoing { routing_key: long.clone(), ..outgoing() },
            Outgoing { message_id: long.clone(), ..outgoing() },
            Outgoing { content_type: long, ..outgoing() },
            Outgoing { headers: with_header, ..outgoing() },
        ] {
            let refused = Parcel::try_from(outgoing).map(|_| ());
            assert!(matches!(refused, Err(PublishError::TooLong(_))));
        }
    }

    #[test]
    fn outgoing_messages_are_persistent() {
        let parcel = Parcel::try_from(outgoing()).ok().unwrap();
        assert_eq!(*parcel.properties.delivery_mode(), Some(PERSISTENT));
    }
}
