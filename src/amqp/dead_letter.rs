//! How a refused message is copied to the dead-letter exchange: what is kept, what is added, and that it fits into a frame. Pure.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::message::PERSISTENT;

/// Bytes of `carepass-detail` at most.
const DETAIL_MAX: usize = 2 * 1024;
/// Bytes of a frame that are left for everything but the headers taken over: carepass's own headers and the properties.
const FRAME_RESERVE: usize = 8 * 1024;
/// The least room for headers, whatever the broker's frames.
const HEADERS_ROOM_MIN: usize = 1024;
/// Counts of RabbitMQ about a delivery; they mean nothing on a copy, and differ each time.
const DELIVERY_COUNTS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];
/// How many headers a copy lacks for want of room.
const LEFT_OUT: &str = "carepass-headers-left-out";
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
/// and refuses the message), `reply-to`, the headers `CC` and `BCC` (the broker would route by them), the counts of
/// deliveries, and headers beyond `headers_max` bytes, which would not fit into a frame beside our own.
pub(super) fn dead_letter_properties(
    original: &BasicProperties,
    refusal: &Refusal<'_>,
    headers_max: usize,
) -> BasicProperties {
    let mut headers = kept(original.headers().as_ref(), headers_max);
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

/// The headers of the original, those of `CloudEvents` first, as far as there is room.
fn kept(original: Option<&FieldTable>, mut room: usize) -> FieldTable {
    let meant = |name: &str| !matches!(name, "CC" | "BCC") && !DELIVERY_COUNTS.contains(&name);
    let all = || original.into_iter().flat_map(FieldTable::inner).filter(|(name, _)| meant(name.as_str()));
    let is_event = |name: &str| name.starts_with("cloudEvents");
    let (first, rest) = (
        all().filter(|(name, _)| is_event(name.as_str())),
        all().filter(|(name, _)| !is_event(name.as_str())),
    );
    let (mut headers, mut left_out) = (FieldTable::default(), 0_u32);
    for (name, value) in first.chain(rest) {
        let bytes = 1 + name.as_str().len() + size(value);
        if let Some(left) = room.checked_sub(bytes) {
            room = left;
            headers.insert(name.clone(), value.clone());
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        headers.insert(LEFT_OUT.into(), AMQPValue::LongString(left_out.to_string().into()));
    }
    headers
}

/// Bytes of a value in a table (AMQP 0-9-1, 4.2.5; RabbitMQ's errata for the types).
fn size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.as_bytes().len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.as_slice().len(),
        AMQPValue::FieldArray(items) => 4 + items.as_slice().iter().map(size).sum::<usize>(),
        AMQPValue::FieldTable(table) => {
            let entry = |(name, value): (&ShortString, &AMQPValue)| 1 + name.as_str().len() + size(value);
            4 + table.inner().iter().map(entry).sum::<usize>()
        }
    }
}

/// The room for headers taken over, where a frame may have this many bytes.
pub(super) fn headers_max(frame_max: u32) -> usize {
    usize::try_from(frame_max).unwrap_or(usize::MAX).saturating_sub(FRAME_RESERVE).max(HEADERS_ROOM_MIN)
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

fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::message::tests::table;
    use crate::amqp::message::texts;

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
                ("x-delivery-count", AMQPValue::LongLongInt(3)),
                ("carepass-reason", AMQPValue::LongString("forged".into())),
            ]));
        let detail = "å".repeat(DETAIL_MAX);
        let refusal = Refusal {
            reason: "not_json",
            detail: &detail,
            queue: "carepass.engineers",
            routing_key: "com.carepass.engineer.joined.v1",
        };
        let copy = dead_letter_properties(&original, &refusal, headers_max(131_072));
        assert_eq!(copy.message_id(), original.message_id());
        assert_eq!(copy.content_type(), original.content_type());
        assert_eq!(*copy.delivery_mode(), Some(PERSISTENT));
        assert_eq!((copy.expiration(), copy.user_id()), (&None, &None));
        let headers = texts(copy.headers().as_ref().unwrap());
        assert_eq!(headers["carepass-reason"], "not_json");
        assert_eq!(headers["carepass-detail"].len(), DETAIL_MAX);
        assert_eq!(headers["cloudEvents_id"], "e1");
        assert!(!headers.contains_key("CC") && !headers.contains_key("x-delivery-count"));
        assert!(!headers.contains_key(LEFT_OUT));
    }

    #[test]
    fn headers_beyond_a_frame_are_left_out_the_events_own_last() {
        let long = |bytes: usize| AMQPValue::LongString("x".repeat(bytes).into());
        let nested = AMQPValue::FieldTable(table(&[("a", AMQPValue::FieldArray(vec![long(400)].into()))]));
        let original = BasicProperties::default().with_headers(table(&[
            ("aaa", long(600)),
            ("bbb", long(100)),
            ("cloudEvents_id", long(700)),
            ("nested", nested),
        ]));
        let refusal = Refusal { reason: "r", detail: "d", queue: "q", routing_key: "k" };
        let copy = dead_letter_properties(&original, &refusal, 1000);
        let headers = texts(copy.headers().as_ref().unwrap());
        let names: Vec<&str> = headers.keys().map(String::as_str).collect();
        let ours = ["carepass-detail", LEFT_OUT, "carepass-queue", "carepass-reason", "carepass-routing-key"];
        let expected: Vec<&str> = ["bbb"].into_iter().chain(ours).chain(["cloudEvents_id"]).collect();
        assert_eq!(names, expected);
        assert_eq!(headers[LEFT_OUT], "2");
    }
}
