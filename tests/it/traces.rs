//! What a collector of traces is told of one engineer, through the front door of the built binary: the event, each step and each call to
//! Google, tied to the trace that HR began, and nothing personal. A collector that is away changes nothing, and without one log lines
//! carry HR's ids all the same. Not here: messages of a broker (`canaries`), and the sending itself (`otlp/exporter`).

use crate::fixture::Neighbour;
use crate::fixture::collector::{Collector, HEADERS, is_linked, said};
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::{Door, free_address};
use crate::fixture::{events, until};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const KEY: &str = "E-00000";

/// The name that the joiner has, and what carepass makes of it.
const PERSONAL: [&str; 4] = ["Torvild", "Quistaa", "torvild.quistaa", "engineer@nordresale.example"];

/// Said where they are lost.
const NOT_TAKEN: &str = "the collector does not take spans";

/// A step may take a while on a slow machine; what it must not be is the days that an engineer takes.
const SHORT: u64 = 120_000_000_000;

fn joiner() -> Value {
    let mut event = events::joined_as(KEY, PERSONAL[0], PERSONAL[1]);
    event["traceparent"] = format!("00-{TRACE}-00f067aa0ba902b7-01").into();
    event["correlationid"] = "onboarding-1".into();
    event
}

/// Somebody joins and is ready; then carepass stops in order. What was said on the way.
async fn joined(
    more: &[(&str, &str)],
    process: &[(&str, &str)],
    look: impl AsyncFn(&Neighbour),
) -> (Neighbour, String) {
    let neighbour = Neighbour::start().await;
    let door = Door::of(&neighbour);
    // On a slow machine, too, the last spans are to be sent.
    let own = vec![("LOG__FORMAT", "json"), ("STOP__WITHIN", "40s")];
    let settings = [door.settings(), own, more.to_vec()].concat();
    let mut environment = neighbour.environment(&settings);
    environment.extend(process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut daemon = Daemon::start(&neighbour, &environment);
    door.ready().await;
    assert_eq!(door.send(&joiner()).await, Some(202));
    door.settled(0..1, &mut daemon, &neighbour).await;
    look(&neighbour).await;
    assert!(daemon.stop().await.success());
    let lines = daemon::said(&neighbour);
    (neighbour, lines)
}

fn id(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Each line about a move of the engineer's rows names HR's trace and event.
fn check_lines(lines: &str) {
    let lines: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let about = |line: &&Value| {
        line["row"].as_str().is_some_and(|row| row.contains(KEY)) && line["message"] == "moved"
            || line["message"] == "event applied"
    };
    let about: Vec<&Value> = lines.iter().filter(about).collect();
    assert!(about.len() > 20, "{lines:#?}");
    for line in about {
        assert_eq!(
            (&line["trace_id"], &line["event_id"]),
            (&TRACE.into(), &"joined-E-00000".into()),
            "{line}"
        );
    }
}

fn check_events(spans: &[Span]) {
    let came: Vec<&Span> = spans.iter().filter(|span| span.name == "POST /v1/events").collect();
    let [came] = came.as_slice() else { panic!("one event came: {came:?}") };
    assert!(came.kind() == SpanKind::Server && is_linked(came, &id(TRACE)), "{came:?}");
    let expected = [
        ("cloudevents.event_id", "joined-E-00000"),
        ("cloudevents.event_source", "https://hr.nordresale.example/test"),
        ("cloudevents.event_type", events::TYPE),
        ("carepass.engineer", KEY),
        ("carepass.outcome", "applied"),
    ];
    for (key, value) in expected {
        assert_eq!(said(came, key).as_deref(), Some(value), "{key}");
    }
}

/// Every step of the engineer is short, says how it went, and is linked to HR's trace.
fn check_steps(spans: &[Span]) {
    let steps = spans.iter().filter(|span| span.name.starts_with("step "));
    let own: Vec<&Span> = steps.filter(|span| said(span, "carepass.engineer").is_some()).collect();
    for step in ["username", "account", "license", "no_paid_license", "role", "verify"] {
        let runs = own.iter().filter(|span| said(span, "carepass.step").as_deref() == Some(step));
        assert!(runs.count() >= 4, "{step} in four domains");
    }
    for span in own {
        assert!(is_linked(span, &id(TRACE)), "{span:?}");
        assert_ne!(span.trace_id, id(TRACE), "a trace of its own");
        assert!(span.end_time_unix_nano - span.start_time_unix_nano < SHORT, "{span:?}");
        assert_eq!(said(span, "carepass.engineer").as_deref(), Some(KEY));
        assert_eq!(said(span, "carepass.correlation_id").as_deref(), Some("onboarding-1"));
        assert!(
            said(span, "carepass.outcome").is_some() && said(span, "carepass.attempt").is_some(),
            "{span:?}"
        );
    }
}

/// Every call to Google is a part of a step that is linked to HR's trace, of a reseller account's set-up, or of a read that serves
/// several and says for whom.
fn check_calls(spans: &[Span], neighbour: &Neighbour) {
    let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let calls: Vec<&Span> = spans.iter().filter(|span| span.kind() == SpanKind::Client).collect();
    for call in &calls {
        let whole = by_id.get(call.parent_span_id.as_slice()).unwrap_or_else(|| panic!("nobody's: {call:?}"));
        assert_eq!(call.trace_id, whole.trace_id);
        let asks = |name: &str| whole.name == name;
        if asks("shared read") {
            let askers = whole.links.iter().filter_map(|link| by_id.get(link.span_id.as_slice()));
            assert!(askers.count() > 0, "{whole:?}");
        } else if whole.name.starts_with("step ") {
            let is_set_up = said(whole, "carepass.engineer").is_none();
            assert!(is_set_up || is_linked(whole, &id(TRACE)), "{whole:?}");
        } else {
            let looks = ["look at licenses", "look at two-step", "look for drift"];
            assert!(looks.into_iter().any(asks), "{whole:?}");
        }
        assert_eq!(said(call, "server.address").as_deref(), Some("127.0.0.1"));
        assert!(said(call, "http.response.status_code").is_some(), "{call:?}");
    }
    // None is missing: as many as the model of Google was asked.
    assert_eq!(calls.len(), neighbour.sandbox.calls().len());
    let inserts = calls.iter().filter(|call| call.name == "POST /admin/directory/v1/users");
    assert_eq!(inserts.count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_and_every_call_to_google_leads_back_to_the_event_of_hr() {
    let collector = Collector::start().await;
    let settings = [("TRACES__ENDPOINT", collector.endpoint.as_str()), ("TRACES__HEADERS", HEADERS)];
    let (neighbour, lines) = joined(&settings, &[], async |neighbour| {
        // The stop waits for the last spans for a moment only.
        until("all that was asked, and why", async || {
            let spans = collector.spans();
            let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
            let calls = spans.iter().filter(|span| span.kind() == SpanKind::Client);
            let whole = calls.filter(|call| ids.contains(call.parent_span_id.as_slice()));
            let all = whole.count() >= neighbour.sandbox.calls().len();
            let mut shared = spans.iter().filter(|span| span.name == "shared read");
            all && shared.all(|read| read.links.iter().any(|link| ids.contains(link.span_id.as_slice())))
        })
        .await;
    })
    .await;
    let spans = collector.spans();
    assert_eq!(collector.resource("service.name").as_deref(), Some("carepass"));
    check_events(&spans);
    check_steps(&spans);
    check_calls(&spans, &neighbour);
    check_lines(&lines);
    for body in collector.bodies() {
        let text = String::from_utf8_lossy(&body).to_lowercase();
        for personal in PERSONAL {
            assert!(!text.contains(&personal.to_lowercase()), "{personal} is told");
        }
    }
    let told = |span: &Span| format!("{} {:?}", span.name, span.attributes);
    assert!(!spans.iter().any(|span| told(span).contains('@')), "an address is told");
    assert!(!lines.contains("KanarieCollectorToken"), "the collector's secret is in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_changes_nothing_and_is_told_once() {
    let nobody = format!("http://{}", free_address());
    let told = |lines: &str| lines.matches(NOT_TAKEN).count();
    let settings = [("TRACES__ENDPOINT", nobody.as_str())];
    let (_, lines) = joined(&settings, &[], async |neighbour| {
        until("a line about it", async || told(&daemon::said(neighbour)) > 0).await;
    })
    .await;
    assert_eq!(told(&lines), 1);
    assert!(lines.contains("not all spans reached the collector"), "what was lost is told at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_tls_a_collector_is_told_only_where_its_authority_is_named() {
    for is_named in [true, false] {
        let collector = Collector::start().await;
        let [own, other] = [(), ()]
            .map(|()| rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate"));
        let endpoint = collector.behind_tls(&own.cert.pem(), &own.signing_key.serialize_pem()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("ca.pem");
        let named = if is_named { &own } else { &other };
        std::fs::write(&authority, named.cert.pem()).expect("a file");
        let authority = authority.display().to_string();
        let settings = [
            ("TRACES__ENDPOINT", endpoint.as_str()),
            ("TRACES__HEADERS", HEADERS),
            ("TRACES__CA_FILE", &authority),
        ];
        let (_, lines) = joined(&settings, &[], async |neighbour| {
            until("spans, or a line about them", async || {
                if is_named {
                    !collector.spans().is_empty()
                } else {
                    daemon::said(neighbour).contains(NOT_TAKEN)
                }
            })
            .await;
        })
        .await;
        assert_eq!(!collector.spans().is_empty(), is_named, "{lines}");
        assert!(is_named || lines.contains(NOT_TAKEN), "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_endpoint_nothing_is_exported_and_lines_carry_the_ids_all_the_same() {
    let collector = Collector::start().await;
    let process = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str())];
    let (neighbour, lines) = joined(&[], &process, async |_| ()).await;
    assert!(neighbour.config(&[]).traces.is_none());
    assert_eq!(collector.bodies(), Vec::<Vec<u8>>::new());
    check_lines(&lines);
}
