//! Messages without the protocol: what comes in, what goes out, and how a refused one is copied to the
//! dead-letter exchange. Pure; what a body means is decided above. Not here: topology, connections and confirms.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::error::PublishError;

/// Headers taken over from a message at most; the rest is left out.
const HEADERS_MAX: usize = 64;
/// Bytes of one header's value at most; a longer header is left out.
const HEADER_MAX: usize = 8 * 1024;
/// Bytes of `carepass-detail` at most.
const DETAIL_MAX: usize = 2 * 1024;
/// Persistent, in the words of AMQP.
const PERSISTENT: u8 = 2;

/// A delivered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
    /// The `content-type` property.
    pub content_type: Option<String>,
    /// Headers that are texts, numbers or booleans, as text; at most 64 of at most 8 KiB.
    pub headers: BTreeMap<String, String>,
    /// Whether the broker delivered it before, perhaps to somebody who never acknowledged it.
    pub redelivered: bool,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The queue it came from.
    pub queue: String,
}

impl Incoming {
    pub(super) fn of(delivery: &lapin::message::Delivery, queue: &str) -> Self {
        let properties = &delivery.properties;
        Self {
            body: delivery.data.clone(),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            headers: properties.headers().as_ref().map(texts).unwrap_or_default(),
            redelivered: delivery.redelivered,
            routing_key: delivery.routing_key.to_string(),
            queue: queue.to_owned(),
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

/// An outgoing message in the types of the protocol.
pub(super) struct Parcel {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
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

/// Why a message is not used: a code, and pointers to the faulty places without their values.
pub(super) struct Refusal<'a> {
    pub(super) reason: &'a str,
    pub(super) detail: &'a str,
    pub(super) queue: &'a str,
    pub(super) routing_key: &'a str,
}

/// The properties of the copy that goes to the dead-letter exchange.
///
/// Left out on purpose: `expiration` (the copy would vanish), `user-id` (the broker compares it with our own
/// and refuses the message), `reply-to`, and the headers `CC` and `BCC` (the broker would route by them).
pub(super) fn dead_letter_properties(original: &BasicProperties, refusal: &Refusal<'_>) -> BasicProperties {
    let mut headers = FieldTable::default();
    let kept = original.headers().iter().flat_map(FieldTable::inner);
    for (name, value) in kept.filter(|(name, _)| !matches!(name.as_str(), "CC" | "BCC")) {
        headers.insert(name.clone(), value.clone());
    }
    for (name, value) in [
        ("carepass-reason", refusal.reason),
        ("carepass-detail", cut(refusal.detail, DETAIL_MAX)),
        ("carepass-queue", refusal.queue),
        ("carepass-routing-key", refusal.routing_key),
    ] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let mut copy = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    copy = with(copy, original.content_type().clone(), BasicProperties::with_content_type);
    copy = with(copy, original.content_encoding().clone(), BasicProperties::with_content_encoding);
    copy = with(copy, original.message_id().clone(), BasicProperties::with_message_id);
    copy = with(copy, original.correlation_id().clone(), BasicProperties::with_correlation_id);
    copy = with(copy, original.kind().clone(), BasicProperties::with_type);
    copy = with(copy, original.app_id().clone(), BasicProperties::with_app_id);
    with(copy, *original.timestamp(), BasicProperties::with_timestamp)
}

fn with<T>(
    properties: BasicProperties,
    value: Option<T>,
    set: fn(BasicProperties, T) -> BasicProperties,
) -> BasicProperties {
    match value {
        Some(value) => set(properties, value),
        None => properties,
    }
}

/// A short string; lapin's own conversion panics over 255 bytes.
pub(super) fn short(text: String, what: &'static str) -> Result<ShortString, PublishError> {
    ShortString::try_new(text).map_err(|_| PublishError::TooLong(what))
}

fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn texts(table: &FieldTable) -> BTreeMap<String, String> {
    table
        .inner()
        .iter()
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
mod tests {
    use super::*;

    fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
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
            many.insert(format!("h{number}").into(), AMQPValue::LongInt(number));
        }
        assert_eq!(texts(&many).len(), HEADERS_MAX);
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

    #[test]
    fn a_dead_letter_keeps_what_helps_and_drops_what_would_lose_it() {
        let original = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_message_id("m1".into())
            .with_expiration("10".into())
            .with_user_id("hr-publisher".into())
            .with_headers(table(&[
                ("cloudEvents_id", AMQPValue::LongString("e1".into())),
                ("CC", AMQPValue::LongString("elsewhere".into())),
                ("carepass-reason", AMQPValue::LongString("forged".into())),
            ]));
        let detail = "å".repeat(DETAIL_MAX);
        let refusal = Refusal {
            reason: "not_json",
            detail: &detail,
            queue: "carepass.engineers",
            routing_key: "com.carepass.engineer.joined.v1",
        };
        let copy = dead_letter_properties(&original, &refusal);
        assert_eq!(copy.message_id(), original.message_id());
        assert_eq!(copy.content_type(), original.content_type());
        assert_eq!(*copy.delivery_mode(), Some(PERSISTENT));
        assert_eq!((copy.expiration(), copy.user_id()), (&None, &None));
        let headers = texts(copy.headers().as_ref().unwrap());
        assert_eq!(headers["carepass-reason"], "not_json");
        assert_eq!(headers["carepass-detail"].len(), DETAIL_MAX);
        assert_eq!(headers["cloudEvents_id"], "e1");
        assert!(!headers.contains_key("CC"));
    }
}
