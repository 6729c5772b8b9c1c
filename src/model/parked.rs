//! Messages that cannot be used, kept so that none is lost: what is known of one, and the message itself as it came. Here is no
//! value of any field, only places; the message in clear exists only in memory.
//! Not here: sealing it (`seal`), keeping it (`store`), and offering it again (`engine/park`).

use super::engineer::EventRef;
use super::event::{self, Fault, ReasonCode, Refusal};
use super::id::EngineerKey;
use super::signature::SIGNATURE_HEADER;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The most of a body that is kept, in bytes. Longer messages are refused for their length already, so nothing that could be
/// used is cut.
pub const KEPT_MAX: usize = event::BODY_MAX;

/// The most `CloudEvents` headers that are kept, and the longest of them with its name, in bytes. An attribute that could be used is
/// shorter.
const HEADERS_MAX: usize = 64;
const HEADER_MAX: usize = 1024;

/// What the `CloudEvents` headers of a message begin with, by the doors' spellings.
const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];

/// The length of a letter's id, in hexadecimal digits.
const ID_LENGTH: usize = 32;

/// Which message it is: the beginning of a keyed hash of what it says (`seal`), so that the same message is the same letter, by whatever
/// door and however often it came, and nobody can try out what it said.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct LetterId(String);

/// A text that is no letter's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {ID_LENGTH} hexadecimal digits in lower case")]
pub struct InvalidLetterId;

/// A message as a door took it in. `Debug` shows nothing of it: it is about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its media type.
    pub content_type: Option<String>,
    /// Its `CloudEvents` headers, in the spelling of the AMQP binding, and its signature.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The door that a message came in by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "Door")]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The broker.
    Amqp,
    /// `POST /v1/events`.
    Http,
}

/// One thing that is wrong with a parked message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// Where, as in [`Fault`].
    pub pointer: String,
    /// What.
    pub reason: ReasonCode,
}

/// What is known of a parked message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Which it is.
    pub id: LetterId,
    /// When it was parked first.
    pub at: Timestamp,
    /// The most general of the reasons.
    pub reason: ReasonCode,
    /// Everything that is wrong with it.
    pub flaws: Vec<Flaw>,
    /// Which event it was, where that much could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventRef>,
    /// Whom it is about, where that much could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engineer: Option<EngineerKey>,
    /// By which door it came.
    pub door: Door,
    /// The length of its body, in bytes.
    pub size: u64,
    /// Whether a part of it was too long to be kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// How a parked message came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unparking {
    /// It was offered again and taken up.
    Replayed,
    /// It was given up: its time was over, too many cannot be read, or its engineer was erased.
    Dropped,
}

impl LetterId {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, InvalidLetterId> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits && text.len() == ID_LENGTH { Ok(Self(text.to_owned())) } else { Err(InvalidLetterId) }
    }

    /// The id that a keyed hash begins with.
    pub fn of_tag(tag: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(ID_LENGTH);
        for byte in &tag[..ID_LENGTH / 2] {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LetterId {
    type Error = InvalidLetterId;
    fn try_from(text: String) -> Result<Self, InvalidLetterId> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for LetterId {
    type Err = InvalidLetterId;
    fn from_str(text: &str) -> Result<Self, InvalidLetterId> {
        Self::parse(text)
    }
}

impl From<LetterId> for String {
    fn from(id: LetterId) -> Self {
        id.0
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({} bytes)", self.body.len())
    }
}

impl Door {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amqp => "amqp",
            Self::Http => "http",
        }
    }
}

impl Letter {
    /// A message without the headers that do not belong to the event.
    pub fn new(content_type: Option<String>, headers: BTreeMap<String, String>, body: Vec<u8>) -> Self {
        let belongs = |name: &str| attribute(name).is_some() || name == SIGNATURE_HEADER;
        let headers = headers.into_iter().filter(|(name, _)| belongs(name)).collect();
        Self { content_type, headers, body }
    }

    /// SHA-256 of what it says. It leads back to whoever can guess that: what is kept is made of it with a key (`seal`).
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        add(self.media_type().as_bytes());
        // What follows is told apart from other headers and another body by its number.
        add(&(self.headers.len() as u64).to_be_bytes());
        let by_attribute: BTreeMap<&str, &String> =
            self.headers.iter().map(|(name, value)| (attribute(name).unwrap_or(name), value)).collect();
        for (name, value) in by_attribute {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        add(&self.body);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// The message as bytes to be sealed: one line of JSON, then the body as far as it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let headers: BTreeMap<_, _> = self.kept_headers().collect();
        let mut bytes = json!([self.content_type, headers]).to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body[..self.body.len().min(KEPT_MAX)]);
        bytes
    }

    /// Whether all of it is kept.
    pub fn is_kept_whole(&self) -> bool {
        self.body.len() <= KEPT_MAX && self.kept_headers().count() == self.headers.len()
    }

    fn kept_headers(&self) -> impl Iterator<Item = (&String, &String)> {
        let short = |(name, value): &(&String, &String)| name.len() + value.len() <= HEADER_MAX;
        self.headers.iter().filter(short).take(HEADERS_MAX)
    }

    /// Which event it is, read as leniently as [`Letter::engineer`].
    pub fn event(&self) -> Option<EventRef> {
        let document = self.document();
        let read = |attribute: &str| {
            let pointer = format!("/{attribute}");
            let text = document.pointer(&pointer).and_then(Value::as_str).map(str::to_owned);
            text.or_else(|| self.header(attribute).map(str::to_owned))
        };
        Some(EventRef { source: read("source")?, id: read("id")? })
    }

    /// Reads what [`Letter::encode`] made.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (content_type, headers) = serde_json::from_slice(&bytes[..end]).ok()?;
        Some(Self { content_type, headers, body: bytes[end + 1..].to_vec() })
    }

    /// The engineer whom it seems to be about, read leniently: it is a label to find the letter by, and nothing is done in its name.
    pub fn engineer(&self) -> Option<EngineerKey> {
        let document = self.document();
        let key = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let subject = key("/subject").or_else(|| self.header("subject"));
        let named = key("/data/engineer/key").or_else(|| key("/engineer/key"));
        let named = named.or_else(|| subject.and_then(|subject| subject.strip_prefix("engineer/")));
        named.and_then(|key| key.parse().ok())
    }

    /// The content type without what says nothing: events are UTF-8 unless they say otherwise.
    fn media_type(&self) -> String {
        let pieces = self.content_type.as_deref().unwrap_or_default().split(';');
        let pieces = pieces.map(|piece| piece.trim().to_ascii_lowercase());
        let telling = pieces.filter(|piece| piece != "charset=utf-8" && piece != "charset=\"utf-8\"");
        telling.collect::<Vec<_>>().join(";")
    }

    fn document(&self) -> Value {
        let is_short = self.body.len() <= KEPT_MAX;
        is_short.then(|| serde_json::from_slice(&self.body).ok()).flatten().unwrap_or_default()
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| attribute(name) == Some(wanted));
        found.map(|(_, value)| value.as_str())
    }
}

impl Parked {
    /// What is known of a message that was refused.
    pub fn of(id: LetterId, letter: &Letter, refusal: &Refusal, door: Door, at: Timestamp) -> Self {
        let flaw = |fault: &Fault| Flaw { pointer: fault.pointer.clone(), reason: fault.code };
        Self {
            id,
            at,
            reason: refusal.reason,
            flaws: refusal.faults.iter().map(flaw).collect(),
            event: refusal.event.clone(),
            engineer: letter.engineer(),
            door,
            size: letter.body.len() as u64,
            truncated: !letter.is_kept_whole(),
        }
    }

    /// Whether nothing that mends the cause here would make an event of it: no event can be read in it, or none of a type that there is.
    /// Whoever fills the room for those takes none from events that wait for a person.
    pub fn is_unreadable(&self) -> bool {
        self.reason <= ReasonCode::UnknownType || self.event.is_none() && self.engineer.is_none()
    }

    /// The refusal as it was.
    pub fn refusal(&self) -> Refusal {
        let fault = |flaw: &Flaw| Fault { pointer: flaw.pointer.clone(), code: flaw.reason };
        Refusal {
            reason: self.reason,
            faults: self.flaws.iter().map(fault).collect(),
            event: self.event.clone(),
        }
    }
}

/// The attribute that a header carries.
fn attribute(name: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(content_type: &str, headers: &[(&str, &str)], body: &str) -> Letter {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Letter::new(Some(content_type.to_owned()), headers, body.as_bytes().to_vec())
    }

    #[test]
    fn the_same_message_is_the_same_letter_by_every_door() {
        let same = |one: &Letter, other: &Letter| one.digest() == other.digest();
        let plain = letter("application/json", &[("cloudEvents_id", "1")], "{}");
        assert!(same(
            &plain,
            &letter("Application/JSON; charset=UTF-8", &[("cloudEvents:id", "1"), ("x-trace", "7")], "{}")
        ));
        for other in [
            letter("application/json", &[("cloudEvents_id", "2")], "{}"),
            letter("application/json", &[("cloudEvents_i", "d1")], "{}"),
            letter("application/json", &[], "{}"),
            letter("text/plain", &[("cloudEvents_id", "1")], "{}"),
            letter("application/json", &[("cloudEvents_id", "1")], "{ }"),
        ] {
            assert!(!same(&plain, &other), "{:?}", other.headers);
        }
        let id = LetterId::of_tag(&[0xa7; 32]);
        assert_eq!(LetterId::parse(id.as_str()), Ok(id));
        assert_eq!(LetterId::parse("0123"), Err(InvalidLetterId));
    }

    #[test]
    fn a_letter_comes_back_as_far_as_it_is_kept() {
        let whole = letter("a/b", &[("cloudEvents_id", "å\n1")], "{\n}");
        assert_eq!(Letter::decode(&whole.encode()), Some(whole));
        let long = letter("a/b", &[], &"x".repeat(KEPT_MAX + 1));
        assert_eq!(Letter::decode(&long.encode()).unwrap().body.len(), KEPT_MAX);
        let refusal = Refusal::one("", ReasonCode::TooLarge, None);
        let id = LetterId::of_tag(&long.digest());
        let parked = Parked::of(id, &long, &refusal, Door::Amqp, Timestamp::UNIX_EPOCH);
        assert!(parked.truncated && parked.size == KEPT_MAX as u64 + 1);
        assert_eq!(parked.refusal(), refusal);
    }

    #[test]
    fn what_is_about_an_event_is_told_from_junk() {
        let check = |body: &str, headers: &[(&str, &str)], reason: ReasonCode, expected: bool| {
            let letter = letter("application/cloudevents+json", headers, body);
            let refusal = Refusal::one("", reason, letter.event());
            let id = LetterId::of_tag(&letter.digest());
            let parked = Parked::of(id, &letter, &refusal, Door::Amqp, Timestamp::UNIX_EPOCH);
            assert_eq!(parked.is_unreadable(), expected, "{body} {reason:?}");
        };
        let named = r#"{"id":"1","source":"hr","subject":"engineer/E-1"}"#;
        check("\u{1}", &[], ReasonCode::JsonSyntax, true);
        check("{}", &[], ReasonCode::MissingField, true);
        check(named, &[], ReasonCode::UnknownType, true);
        check(named, &[], ReasonCode::UnknownVersion, false);
        check(named, &[], ReasonCode::UntrustedSource, false);
        check(r#"{"subject":"engineer/E-1"}"#, &[], ReasonCode::MissingField, false);
        check(
            "{}",
            &[("cloudEvents_id", "1"), ("cloudEvents_source", "hr")],
            ReasonCode::MissingField,
            false,
        );
    }

    #[test]
    fn the_engineer_is_read_where_the_message_says_one() {
        let check = |body: &str, headers: &[(&str, &str)], expected: Option<&str>| {
            let found = letter("application/json", headers, body).engineer();
            assert_eq!(found.as_ref().map(EngineerKey::as_str), expected, "{body}");
        };
        check(r#"{"subject":"engineer/E-1"}"#, &[], Some("E-1"));
        check(r#"{"subject":"engineer/E-1","data":{"engineer":{"key":"E-2"}}}"#, &[], Some("E-2"));
        check(r#"{"engineer":{"key":"E-3"}}"#, &[("cloudEvents_subject", "engineer/E-4")], Some("E-3"));
        check("{", &[("cloudEvents_subject", "engineer/E-4")], Some("E-4"));
        check(r#"{"data":{"engineer":{"key":"asa@a.example"}}}"#, &[], None);
        check("[]", &[], None);
    }
}
