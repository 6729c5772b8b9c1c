//! The context attributes of CloudEvents 1.0 and of the extensions the contract uses. Attributes it does not
//! know are let pass. Not here: the data.

use super::fault::Faults;
use super::fields::{self, Fields};
use super::{EventType, ReasonCode, message};
use crate::model::engineer::EventRef;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Longest attribute, in bytes.
const ATTRIBUTE_MAX: usize = 256;

/// What is known of an event before its data: as much as could be read; what is missing has its fault.
#[derive(Default)]
pub(super) struct Envelope {
    pub(super) reference: Option<EventRef>,
    pub(super) event_type: Option<EventType>,
    pub(super) subject: Option<String>,
    pub(super) time: Option<Timestamp>,
    pub(super) sequence: Option<String>,
    pub(super) correlation_id: Option<String>,
    pub(super) trace_parent: Option<String>,
    pub(super) classification: Option<String>,
}

impl Envelope {
    pub(super) fn read(attributes: &Map<String, Value>, faults: &mut Faults) -> Self {
        let mut fields = Fields::new(attributes, "", faults);
        fields.required("specversion", specversion);
        let id = fields.required("id", attribute);
        let source = fields.required("source", attribute);
        let event_type = fields.required("type", |value| EventType::parse(fields::text(value)?));
        let subject = fields.required("subject", |value| fields::text(value).map(str::to_owned));
        let time = fields.optional("time", fields::timestamp);
        fields.optional("datacontenttype", data_content_type);
        fields.optional("dataschema", data_schema);
        let sequence = fields.optional("sequence", attribute);
        let correlation_id = fields.optional("correlationid", attribute);
        fields.optional("causationid", attribute);
        let classification = fields.optional("dataclassification", classified);
        fields.optional("datacategory", classified);
        let trace_parent =
            attributes.get("traceparent").and_then(Value::as_str).filter(|text| is_trace(text));
        Self {
            reference: id.zip(source).map(|(id, source)| EventRef { source, id }),
            event_type,
            subject,
            time,
            sequence,
            correlation_id,
            trace_parent: trace_parent.map(str::to_owned),
            classification,
        }
    }
}

fn specversion(value: &Value) -> Result<(), ReasonCode> {
    if fields::text(value)? == "1.0" { Ok(()) } else { Err(ReasonCode::UnsupportedSpecversion) }
}

fn attribute(value: &Value) -> Result<String, ReasonCode> {
    let text = fields::text(value)?;
    let sound = (1..=ATTRIBUTE_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if sound { Ok(text.to_owned()) } else { Err(ReasonCode::InvalidAttribute) }
}

fn data_content_type(value: &Value) -> Result<(), ReasonCode> {
    let text = fields::text(value)?.to_ascii_lowercase();
    let media = text.split(';').next().unwrap_or_default().trim();
    if message::is_json(media) { Ok(()) } else { Err(ReasonCode::UnsupportedContentType) }
}

/// A schema's address ends in `<major>.<minor>.json`: every minor of major 1 is read, nothing else.
fn data_schema(value: &Value) -> Result<(), ReasonCode> {
    let address = attribute(value)?;
    let version = address.rsplit('/').next().and_then(|file| file.strip_suffix(".json"));
    let numbers = version.and_then(|version| version.split_once('.'));
    let is_number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if numbers.is_some_and(|(major, minor)| major == "1" && is_number(minor)) {
        Ok(())
    } else {
        Err(ReasonCode::UnknownVersion)
    }
}

/// Who reads the classification must refuse what it cannot honour (CloudEvents extension data classification).
fn classified(value: &Value) -> Result<String, ReasonCode> {
    let mut marks = fields::text(value)?.split(',').map(str::trim);
    if marks.any(|mark| mark.eq_ignore_ascii_case("special-category")) {
        return Err(ReasonCode::SpecialCategory);
    }
    fields::visible_text(value, ATTRIBUTE_MAX).map_err(|_| ReasonCode::InvalidAttribute)
}

/// W3C Trace Context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero.
fn is_trace(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    matches!(parts[..], ["00", trace, span, flags]
        if hex(trace, 32) && nonzero(trace) && hex(span, 16) && nonzero(span) && hex(flags, 2))
}
