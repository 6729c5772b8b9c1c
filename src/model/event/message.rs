//! The two shapes of a CloudEvents message, structured and binary, brought into one: attributes and data. Not
//! here: what attributes mean. There is no official binding to AMQP 0-9-1; structured mode is the same bytes
//! there as everywhere, and for binary mode the prefixes of the AMQP 1.0 binding are taken.

use super::fault::{Faults, Refusal};
use super::{BODY_MAX, ReasonCode, json};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most events in one batch of the HTTP intake.
pub const BATCH_MAX: usize = 100;

/// Most attributes taken from headers.
const HEADERS_MAX: usize = 64;

const STRUCTURED: &str = "application/cloudevents+json";

/// The two spellings of the AMQP binding of CloudEvents 1.0, section 3.1.3; a message uses one of them.
const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];

/// A message in one shape.
pub(super) struct Message {
    /// The context attributes; a `null` counts as absent (CloudEvents JSON format, section 2.2).
    pub(super) attributes: Map<String, Value>,
    /// The data; `None` where its fault is noted already.
    pub(super) data: Option<Map<String, Value>>,
}

/// Reads a message; `None` where not even attributes can be read, with the fault noted.
pub(super) fn read(
    body: &[u8],
    content_type: Option<&str>,
    headers: &BTreeMap<String, String>,
    faults: &mut Faults,
) -> Option<Message> {
    if body.len() > BODY_MAX {
        faults.add(String::new(), ReasonCode::TooLarge);
        return None;
    }
    match mode(content_type, headers) {
        Ok(Mode::Structured) => structured(body, faults),
        Ok(Mode::Binary(prefix)) => binary(body, headers, prefix, faults),
        Err(code) => {
            faults.add(String::new(), code);
            None
        }
    }
}

/// Splits a batch (`application/cloudevents-batch+json`) into the bodies of its events, each of which is then
/// parsed as a structured message. Only the outermost list is looked at.
pub fn split_batch(body: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let refuse = |code| Refusal::one("", code, None);
    if body.len() > BODY_MAX {
        return Err(refuse(ReasonCode::TooLarge));
    }
    let text = std::str::from_utf8(body).map_err(|_| refuse(ReasonCode::NotUtf8))?;
    let events: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| refuse(ReasonCode::JsonSyntax))?;
    if events.len() > BATCH_MAX {
        return Err(refuse(ReasonCode::BatchTooLong));
    }
    Ok(events.into_iter().map(|event| event.get().as_bytes()).collect())
}

/// Whether a message that can be read is one in structured mode: its body is the whole event.
pub fn is_structured(content_type: Option<&str>, headers: &BTreeMap<String, String>) -> bool {
    matches!(mode(content_type, headers), Ok(Mode::Structured))
}

enum Mode {
    Structured,
    Binary(&'static str),
}

fn mode(content_type: Option<&str>, headers: &BTreeMap<String, String>) -> Result<Mode, ReasonCode> {
    let media = content_type.map(media_type).transpose()?;
    let used = |prefix: &&str| headers.keys().any(|name| name.starts_with(prefix));
    let mut prefixes = PREFIXES.into_iter().filter(used);
    match (media.as_deref(), prefixes.next(), prefixes.next()) {
        // Structured mode may repeat its attributes as headers; the body is what counts.
        (Some(STRUCTURED), ..) | (None, None, None) => Ok(Mode::Structured),
        (_, Some(_), Some(_)) => Err(ReasonCode::MixedHeaderPrefixes),
        (None, Some(prefix), None) => Ok(Mode::Binary(prefix)),
        (Some(media), Some(prefix), None) if is_json(media) => Ok(Mode::Binary(prefix)),
        (Some(_), _, None) | (None | Some(_), None, Some(_)) => Err(ReasonCode::UnsupportedContentType),
    }
}

/// The media type in lower case; another character set than UTF-8 is refused.
fn media_type(content_type: &str) -> Result<String, ReasonCode> {
    let mut pieces = content_type.split(';').map(|piece| piece.trim().to_ascii_lowercase());
    let media = pieces.next().unwrap_or_default();
    let readable = |piece: &String| match piece.split_once('=') {
        Some(("charset", charset)) => matches!(charset.trim_matches('"'), "utf-8" | "us-ascii"),
        Some(_) | None => true,
    };
    if pieces.all(|piece| readable(&piece)) { Ok(media) } else { Err(ReasonCode::UnsupportedContentType) }
}

/// Whether a media type is plain JSON (RFC 6839); a batch or another event format is not.
pub(super) fn is_json(media: &str) -> bool {
    let cloud_event = media.starts_with("application/cloudevents");
    media == "application/json" || (media.ends_with("+json") && !cloud_event)
}

fn structured(body: &[u8], faults: &mut Faults) -> Option<Message> {
    let mut attributes = json::read_object(body, "", faults)?;
    attributes.retain(|_, value| !value.is_null());
    if attributes.contains_key("data_base64") {
        faults.add("/data_base64".to_owned(), ReasonCode::UnsupportedContentType);
        return Some(Message { attributes, data: None });
    }
    let data = match attributes.remove("data") {
        Some(Value::Object(data)) => Some(data),
        Some(_) => {
            faults.add("/data".to_owned(), ReasonCode::WrongType);
            None
        }
        None => {
            faults.add("/data".to_owned(), ReasonCode::MissingField);
            None
        }
    };
    Some(Message { attributes, data })
}

fn binary(
    body: &[u8],
    headers: &BTreeMap<String, String>,
    prefix: &str,
    faults: &mut Faults,
) -> Option<Message> {
    let named = headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
    let attributes: Map<_, _> = named
        .map(|(name, value)| (name.to_owned(), Value::String(value.clone())))
        .take(HEADERS_MAX + 1)
        .collect();
    if attributes.len() > HEADERS_MAX {
        faults.add(String::new(), ReasonCode::TooManyFields);
        return None;
    }
    Some(Message { attributes, data: json::read_object(body, "/data", faults) })
}
