//! Events in: a CloudEvents 1.0 message of the HR system becomes a value that holds only what may be acted on,
//! or a refusal that names every fault at once. The message's bytes are all that is known here: whether the
//! source is trusted, the event a duplicate or the revision stale is for the intake to say.

mod content;
mod employment;
mod envelope;
mod fault;
mod fields;
mod json;
mod message;
mod reason;
mod state;
#[cfg(test)]
mod tests;

pub use content::ContentHash;
pub use employment::Employment;
pub use fault::{DETAIL_MAX, FAULTS_MAX, Fault, Refusal, lint_text};
pub use json::{DEPTH_MAX, FIELDS_MAX};
pub use message::{BATCH_MAX, is_structured, split_batch};
pub use reason::ReasonCode;
pub use state::{Approval, DOMAINS_MAX, Ending, Erasure, Full, Profile};

use super::engineer::EventRef;
use super::id::EngineerKey;
use envelope::Envelope;
use fault::Faults;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Largest body, in bytes.
pub const BODY_MAX: usize = 256 * 1024;

/// The types of the contract, in their first major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// A new engineer, or one who is employed again.
    Joined,
    /// Name, scope, manager or dates changed; always the full state.
    Moved,
    /// Leaves the team or the company.
    Left,
    /// Never started.
    Cancelled,
    /// To be forgotten.
    Erased,
}

/// An event that may be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which event it is.
    pub reference: EventRef,
    /// What happened.
    pub lifecycle: Lifecycle,
    /// When it happened in HR. Informative: order comes from the revision.
    pub time: Option<Timestamp>,
    /// The place in the source's order, compared as text (CloudEvents extension `sequence`).
    pub sequence: Option<String>,
    /// The case this belongs to at HR.
    pub correlation_id: Option<String>,
    /// The sender's trace (W3C Trace Context); a malformed one is dropped, as that standard asks.
    pub trace_parent: Option<String>,
    /// How the sender classifies the data, such as `confidential`.
    pub classification: Option<String>,
    /// The hash of what the event says: equal for copies, whatever their transport or the order of fields.
    pub content_hash: ContentHash,
}

/// What happened to an engineer, by type of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// A new engineer, or one who is employed again.
    Joined(Box<Full>),
    /// Name, scope, manager or dates changed.
    Moved(Box<Full>),
    /// Leaves the team or the company.
    Left(Ending),
    /// Never started.
    Cancelled(Ending),
    /// To be forgotten.
    Erased(Erasure),
}

impl Event {
    /// The type it came as.
    pub fn event_type(&self) -> EventType {
        match self.lifecycle {
            Lifecycle::Joined(_) => EventType::Joined,
            Lifecycle::Moved(_) => EventType::Moved,
            Lifecycle::Left(_) => EventType::Left,
            Lifecycle::Cancelled(_) => EventType::Cancelled,
            Lifecycle::Erased(_) => EventType::Erased,
        }
    }

    /// Whom it is about.
    pub fn engineer(&self) -> &EngineerKey {
        match &self.lifecycle {
            Lifecycle::Joined(full) | Lifecycle::Moved(full) => &full.key,
            Lifecycle::Left(ending) | Lifecycle::Cancelled(ending) => &ending.key,
            Lifecycle::Erased(erasure) => &erasure.key,
        }
    }

    /// Which revision of the engineer it brings.
    pub fn revision(&self) -> u64 {
        match &self.lifecycle {
            Lifecycle::Joined(full) | Lifecycle::Moved(full) => full.revision,
            Lifecycle::Left(ending) | Lifecycle::Cancelled(ending) => ending.revision,
            Lifecycle::Erased(erasure) => erasure.revision,
        }
    }
}

impl EventType {
    /// Every type of the contract.
    pub const ALL: [Self; 5] = [Self::Joined, Self::Moved, Self::Left, Self::Cancelled, Self::Erased];

    const PREFIX: &str = "com.carepass.engineer.";

    /// Reads the `type` attribute: an unknown word and an unknown major version are different answers.
    pub fn parse(text: &str) -> Result<Self, ReasonCode> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(ReasonCode::UnknownType)?;
        let (word, version) = rest.split_once(".v").ok_or(ReasonCode::UnknownType)?;
        let known =
            Self::ALL.into_iter().find(|known| known.word() == word).ok_or(ReasonCode::UnknownType)?;
        match version {
            "1" => Ok(known),
            other if !other.is_empty() && other.bytes().all(|b| b.is_ascii_digit()) => {
                Err(ReasonCode::UnknownVersion)
            }
            _ => Err(ReasonCode::UnknownType),
        }
    }

    /// The full `type` attribute.
    pub fn as_text(self) -> String {
        format!("{}{}.v1", Self::PREFIX, self.word())
    }

    /// The word that tells it from the others.
    pub fn word(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Moved => "moved",
            Self::Left => "left",
            Self::Cancelled => "cancelled",
            Self::Erased => "erased",
        }
    }
}

/// Reads a message, in structured mode (content type `application/cloudevents+json`) or in binary mode (headers
/// beginning with `cloudEvents_` or `cloudEvents:`). The refusal names all faults, none of their values.
pub fn parse(
    body: &[u8],
    content_type: Option<&str>,
    headers: &BTreeMap<String, String>,
) -> Result<Event, Refusal> {
    let mut faults = Faults::default();
    let message = message::read(body, content_type, headers, &mut faults);
    let (attributes, data) = message.map_or((None, None), |message| (Some(message.attributes), message.data));
    let envelope = attributes.map(|attributes| Envelope::read(&attributes, &mut faults)).unwrap_or_default();
    let subject = envelope.subject.as_deref();
    let lifecycle = match (envelope.event_type, &data) {
        (Some(event_type), Some(data)) => lifecycle(event_type, data, subject, &mut faults),
        (None, _) | (_, None) => None,
    };
    match (faults.into_refusal(envelope.reference.clone()), envelope.reference, lifecycle, data) {
        (None, Some(reference), Some((event_type, lifecycle)), Some(data)) => Ok(Event {
            reference,
            content_hash: ContentHash::of(event_type, data),
            lifecycle,
            time: envelope.time,
            sequence: envelope.sequence,
            correlation_id: envelope.correlation_id,
            trace_parent: envelope.trace_parent,
            classification: envelope.classification,
        }),
        (Some(refusal), ..) => Err(refusal),
        // Whatever is left out has its fault; should one be forgotten, the message is still refused.
        (None, reference, ..) => Err(Refusal::one("", ReasonCode::MissingField, reference)),
    }
}

fn lifecycle(
    event_type: EventType,
    data: &Map<String, Value>,
    subject: Option<&str>,
    faults: &mut Faults,
) -> Option<(EventType, Lifecycle)> {
    let lifecycle = match event_type {
        EventType::Joined => state::read_full(data, subject, faults).map(Box::new).map(Lifecycle::Joined),
        EventType::Moved => state::read_full(data, subject, faults).map(Box::new).map(Lifecycle::Moved),
        EventType::Left => state::read_ending(data, subject, faults).map(Lifecycle::Left),
        EventType::Cancelled => state::read_ending(data, subject, faults).map(Lifecycle::Cancelled),
        EventType::Erased => state::read_erasure(data, subject, faults).map(Lifecycle::Erased),
    };
    lifecycle.map(|lifecycle| (event_type, lifecycle))
}
