//! Log lines with the ids of what they belong to: `trace_id` and `event_id` stand at the end of each line that is written in a piece of work
//! of which they are known. Not here: which work that is (`trace`), and the form of the rest of the line.

use crate::trace::{self, LogIds};
use std::fmt::{self, Write as _};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// A form of lines, with ids.
pub(super) enum WithIds {
    /// An object for each line.
    Json(Format<Json>),
    /// Text.
    Text(Format<Full>),
}

impl<S, N> FormatEvent<S, N> for WithIds
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let ids = trace::current().ids();
        if ids == LogIds::default() {
            return self.plain(context, writer, event);
        }
        let mut line = String::new();
        self.plain(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        match self {
            Self::Json(_) => {
                writeln!(writer, "{}{}}}", line.strip_suffix('}').unwrap_or(line), in_json(&ids))
            }
            Self::Text(_) => writeln!(writer, "{line}{}", in_text(&ids)),
        }
    }
}

impl WithIds {
    fn plain<S, N>(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        match self {
            Self::Json(form) => form.format_event(context, writer, event),
            Self::Text(form) => form.format_event(context, writer, event),
        }
    }
}

/// As members behind others.
fn in_json(ids: &LogIds) -> String {
    let mut members = String::new();
    if let Some(trace) = ids.trace {
        // Writing to a String cannot fail.
        let _ = write!(members, ",\"trace_id\":\"{trace}\"");
    }
    if let Some(event) = &ids.event {
        let _ = write!(members, ",\"event_id\":{}", serde_json::Value::from(event.as_str()));
    }
    members
}

fn in_text(ids: &LogIds) -> String {
    let mut fields = String::new();
    if let Some(trace) = ids.trace {
        // Writing to a String cannot fail.
        let _ = write!(fields, " trace_id={trace}");
    }
    if let Some(event) = &ids.event {
        let _ = write!(fields, " event_id={event}");
    }
    fields
}
