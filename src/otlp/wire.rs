//! The messages of OTLP 1 for traces that carepass sends and reads, field by field as `opentelemetry/proto/trace/v1/trace.proto`,
//! `common.proto`, `resource.proto` and `trace_service.proto` number them. A test reads what is made with OpenTelemetry's own types.
//! Not here: sending (`exporter`), and what carepass never says (events, trace state, lists).

use crate::trace::{Context, Finished, Kind, Value};
use prost::Message;

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// What a collector did not take of what it took.
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

/// Who says it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    /// `span_id`.
    id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(fixed32, tag = "6")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Said", tags = "1, 3")]
    value: Option<Said>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Said {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

impl Resource {
    /// Who says it: `service.name` and the like.
    pub(super) fn new(attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes.iter().map(|(key, text)| key_value(key, Said::Text((*text).to_owned())));
        Self { attributes: attributes.collect() }
    }
}

impl ExportRequest {
    /// The spans as one request of this resource.
    pub(super) fn new(resource: &Resource, spans: &[Finished]) -> Self {
        let scope = Scope { name: "carepass".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let scope_spans = ScopeSpans { scope: Some(scope), spans: spans.iter().map(span).collect() };
        let all = ResourceSpans { resource: Some(resource.clone()), scope_spans: vec![scope_spans] };
        Self { resource_spans: vec![all] }
    }
}

impl ExportResponse {
    /// How many spans were not taken.
    pub(super) fn rejected(&self) -> usize {
        let rejected = self.partial_success.as_ref().map_or(0, |partial| partial.rejected_spans);
        usize::try_from(rejected).unwrap_or(0)
    }
}

fn span(finished: &Finished) -> Span {
    let began = u64::try_from(finished.began.as_nanosecond()).unwrap_or(0);
    let took = u64::try_from(finished.took.as_nanos()).unwrap_or(u64::MAX);
    let attribute = |(key, value): &(&str, Value)| {
        let said = match value {
            Value::Text(text) => Said::Text(text.clone()),
            Value::Number(number) => Said::Number(*number),
        };
        key_value(key, said)
    };
    Span {
        trace_id: finished.context.trace.0.to_vec(),
        id: finished.context.span.0.to_vec(),
        parent_span_id: finished.parent.map_or_else(Vec::new, |parent| parent.0.to_vec()),
        name: finished.name.clone().into_owned(),
        kind: match finished.kind {
            Kind::Internal => 1,
            Kind::Server => 2,
            Kind::Client => 3,
            Kind::Producer => 4,
            Kind::Consumer => 5,
        },
        start_time_unix_nano: began,
        end_time_unix_nano: began.saturating_add(took),
        attributes: finished.attributes.iter().map(attribute).collect(),
        links: finished.links.iter().map(link).collect(),
        status: finished.has_failed.then_some(Status { code: ERROR }),
        flags: finished.context.flags.into(),
    }
}

fn link(to: &Context) -> Link {
    Link { trace_id: to.trace.0.to_vec(), span_id: to.span.0.to_vec(), flags: to.flags.into() }
}

fn key_value(key: &str, said: Said) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(said) }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    };
    use opentelemetry_proto::tonic::common::v1::any_value;
    use std::time::Duration;

    #[test]
    fn opentelemetrys_own_types_read_what_is_sent() {
        let context = |text: &str| Context::parse(text).unwrap();
        let own = context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let sender = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        let finished = Finished {
            context: own,
            parent: Some(sender.span),
            kind: Kind::Client,
            name: "GET /x".into(),
            began: Timestamp::from_second(1_700_000_000).unwrap(),
            took: Duration::from_micros(1_500),
            attributes: vec![("a", Value::Text("å".into())), ("b", Value::Number(503))],
            links: vec![sender],
            has_failed: true,
        };
        let resource = Resource::new(&[("service.name", "carepass")]);
        let bytes = ExportRequest::new(&resource, &[finished]).encode_to_vec();
        let read = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(read.encode_to_vec(), bytes, "nothing is said that they do not know");
        let all = &read.resource_spans[0];
        let text = |value: &any_value::Value| format!("{value:?}");
        let said = all.resource.as_ref().unwrap().attributes[0].clone();
        assert_eq!(said.key, "service.name");
        assert_eq!(text(&said.value.unwrap().value.unwrap()), "StringValue(\"carepass\")");
        let scope = all.scope_spans[0].scope.as_ref().unwrap();
        assert_eq!((scope.name.as_str(), scope.version.as_str()), ("carepass", env!("CARGO_PKG_VERSION")));
        let span = &all.scope_spans[0].spans[0];
        assert_eq!((span.trace_id.as_slice(), span.span_id.as_slice()), (&own.trace.0[..], &own.span.0[..]));
        assert_eq!((span.parent_span_id.as_slice(), span.flags), (&sender.span.0[..], 1));
        assert_eq!((span.name.as_str(), span.kind().as_str_name()), ("GET /x", "SPAN_KIND_CLIENT"));
        assert_eq!(span.start_time_unix_nano, 1_700_000_000_000_000_000);
        assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_500_000);
        assert_eq!(span.status.as_ref().unwrap().code().as_str_name(), "STATUS_CODE_ERROR");
        let link = &span.links[0];
        assert_eq!(
            (link.trace_id.as_slice(), link.span_id.as_slice()),
            (&sender.trace.0[..], &sender.span.0[..])
        );
        let attributes: Vec<_> = span.attributes.iter().map(|said| said.key.as_str()).collect();
        assert_eq!(attributes, ["a", "b"]);
        assert_eq!(text(span.attributes[1].value.as_ref().unwrap().value.as_ref().unwrap()), "IntValue(503)");
    }

    #[test]
    fn what_a_collector_refuses_is_read() {
        let check = |partial_success, expected| {
            let bytes = ExportTraceServiceResponse { partial_success }.encode_to_vec();
            assert_eq!(ExportResponse::decode(bytes.as_slice()).unwrap().rejected(), expected);
        };
        check(None, 0);
        let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".into() };
        check(Some(partial), 3);
    }
}
