//! Floor 5: logs to standard error and the recorder behind `/metrics`. Not here: which metrics there are
//! (`engine/observe`), except the one about the build.

use crate::config::{Log, LogFormat};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

/// Upper bounds in seconds of every `…_seconds` histogram: from a call to Google to an engineer's days.
const SECONDS: [f64; 16] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// Sends logs to standard error from now on. A second call changes nothing.
pub fn logs(log: &Log) {
    let terminal = std::io::stderr().is_terminal();
    // Somebody else's subscriber, in a test, may stay.
    let _ = tracing::subscriber::set_global_default(subscriber(log, terminal, std::io::stderr));
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

fn subscriber<W>(log: &Log, terminal: bool, writer: W) -> Box<dyn tracing::Subscriber + Send + Sync>
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
    let lines = fmt().with_env_filter(filter).with_writer(writer).with_ansi(terminal && log.color);
    if json {
        Box::new(lines.json().flatten_event(true).with_current_span(true).with_span_list(false).finish())
    } else {
        Box::new(lines.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn logged(format: LogFormat, color: bool, terminal: bool) -> String {
        let (lines, log) = (Lines::default(), Log { format, filter: "info".into(), color });
        let writer = lines.clone();
        tracing::subscriber::with_default(subscriber(&log, terminal, move || writer.clone()), || {
            tracing::info!(engineer = "E-20417", "ready");
            tracing::debug!("too fine");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
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
    fn the_build_is_a_metric_however_often_it_is_asked_for() {
        metrics();
        let text = metrics().render();
        let line = format!("carepass_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&line), "{text}");
    }
}
