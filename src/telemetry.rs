//! Floor 5: logs to standard error and the recorder behind `/metrics`. Not here: which metrics there are
//! (`engine/observe`), except the one about the build.

mod ids;

use crate::config::{Log, LogFormat};
use ids::WithIds;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Upper bounds in seconds of every `…_seconds` histogram: from a call to Google to an engineer's days.
const SECONDS: [f64; 16] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// Crates that speak a protocol. Finer than `info` they write down what they send and receive: passwords, tokens, events about
/// people. No setting lets that through.
const PROTOCOLS: [&str; 10] = [
    "amq_protocol",
    "amq_protocol_tcp",
    "h2",
    "hyper",
    "hyper_util",
    "lapin",
    "lettre",
    "reqwest",
    "rustls",
    "tcp_stream",
];

/// lapin writes a message that was given back, body and all, as a warning.
const RETURNED: &str = "lapin::returned_messages";

/// Sends logs to standard error from now on, coloured only on a terminal and only if `color` is wanted. A second call changes nothing.
pub fn logs(log: &Log, color: bool) {
    let terminal = std::io::stderr().is_terminal();
    // Somebody else's subscriber, in a test, may stay.
    let _ = tracing::subscriber::set_global_default(subscriber(
        log,
        color && terminal,
        terminal,
        std::io::stderr,
    ));
}

/// The recorder of this process, installed by the first call. Someone must call `run_upkeep` every few seconds,
/// or the samples of histograms pile up between two scrapes.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .expect("there are bounds")
        .build_recorder();
    let handle = recorder.handle();
    // Fails only where another recorder was installed first, which nothing of carepass does.
    let _ = metrics::set_global_recorder(recorder);
    metrics::describe_gauge!("carepass_build_info", "1, with the version of this build as a label.");
    metrics::gauge!("carepass_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    handle
}

fn subscriber<W>(
    log: &Log,
    colored: bool,
    terminal: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The configuration has parsed it already; what is no directive would be left out.
    let filter = EnvFilter::new(&log.filter);
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let lines = fmt().with_env_filter(filter).with_writer(writer).with_ansi(colored);
    let discreet = FilterFn::new(is_discreet);
    if json {
        let form = fmt::format().json().flatten_event(true).with_current_span(true).with_span_list(false);
        let lines = lines.fmt_fields(JsonFields::new()).event_format(WithIds::Json(form));
        Box::new(lines.finish().with(discreet))
    } else {
        let lines = lines.event_format(WithIds::Text(fmt::format().with_ansi(colored)));
        Box::new(lines.finish().with(discreet))
    }
}

/// Whether nothing secret can stand in it. Beside the configured filter and not in it: there the narrowest directive wins.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let speaks = PROTOCOLS.contains(&target.split("::").next().unwrap_or_default());
    let finest = if target == RETURNED { Level::ERROR } else { Level::INFO };
    !speaks || *metadata.level() <= finest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Context, Kind, Tracer};
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(log: &Log, colored: bool, terminal: bool, write: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(log, colored, terminal, move || writer.clone()), write);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn logged(format: LogFormat, color: bool, terminal: bool) -> String {
        let log = Log { format, filter: "info".into() };
        written(&log, color && terminal, terminal, || {
            tracing::info!(engineer = "E-20417", "ready");
            tracing::debug!("too fine");
        })
    }

    #[test]
    fn no_filter_lets_a_protocol_tell_secrets() {
        for filter in
            ["trace", "lapin=trace", "lapin::channel=trace,h2=trace,hyper_util::client=debug", "info"]
        {
            for format in [LogFormat::Json, LogFormat::Text] {
                let log = Log { format, filter: filter.into() };
                let text = written(&log, false, false, || {
                    tracing::trace!(target: "lapin::channel", password = "hunter2", "frame");
                    tracing::debug!(target: "lapin", password = "hunter2");
                    tracing::warn!(target: "lapin::returned_messages", body = "hunter2", "returned");
                    tracing::trace!(target: "h2::codec::framed_write", token = "hunter2");
                    tracing::debug!(target: "hyper_util::client::legacy", token = "hunter2");
                    tracing::error!(target: "lapin::channel", "an error is told");
                });
                assert!(!text.contains("hunter2"), "{filter}: {text}");
                assert!(text.contains("an error is told"), "{filter}: {text}");
            }
        }
        let log = Log { format: LogFormat::Text, filter: "trace".into() };
        let text =
            written(&log, false, false, || tracing::trace!(target: "carepass::google", "fine and ours"));
        assert!(text.contains("fine and ours"), "{text}");
    }

    #[test]
    fn a_machine_gets_json_and_a_person_gets_text() {
        let check = |format, color, terminal, json: bool, colored: bool| {
            let text = logged(format, color, terminal);
            assert_eq!(text.lines().count(), 1, "{text}");
            let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
            assert_eq!(value.is_ok_and(|value| value["engineer"] == "E-20417"), json, "{text}");
            assert_eq!(text.contains('\x1b'), colored, "{text}");
        };
        check(LogFormat::Auto, true, false, true, false);
        check(LogFormat::Auto, true, true, false, true);
        check(LogFormat::Auto, false, true, false, false);
        check(LogFormat::Json, true, true, true, false);
        check(LogFormat::Text, true, false, false, false);
    }

    #[test]
    fn lines_carry_the_ids_of_the_event_behind_them_in_either_form() {
        let sender = Context::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let line = |format, colored, sender| {
            let log = Log { format, filter: "info".into() };
            written(&log, colored, false, || {
                let span = Tracer::default().begin(Kind::Internal, "step");
                span.about("id-\"7", sender);
                span.show(|| tracing::info!(engineer = "E-20417", "moved"));
                tracing::info!("something else");
            })
        };
        let text = line(LogFormat::Json, false, sender);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{text}");
        assert_eq!(
            (&lines[0]["event_id"], &lines[0]["engineer"]),
            (&"id-\"7".into(), &"E-20417".into()),
            "{text}"
        );
        assert_eq!((lines[1].get("trace_id"), lines[1].get("event_id")), (None, None), "{text}");

        for colored in [false, true] {
            let text = line(LogFormat::Text, colored, None);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 2, "{text}");
            assert!(lines[0].ends_with(" event_id=id-\"7") && !lines[0].contains("trace_id"), "{text}");
            assert!(!lines[1].contains("event_id"), "{text}");
            assert_eq!(text.contains('\x1b'), colored, "{text}");
        }
    }

    #[test]
    fn the_build_is_a_metric_however_often_it_is_asked_for() {
        metrics();
        let text = metrics().render();
        let line = format!("carepass_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&line), "{text}");
    }
}
