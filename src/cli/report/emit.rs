//! The lines of a report as a table, as CSV (RFC 4180) or as JSON: the same fields in each, in the same order. Not here: the lines.

use super::super::exit::{Ended, Exit, Trouble};
use super::super::screen::Screen;
use super::super::table::Table;
use crate::model::entry::Position;
use crate::model::report::Spread;
use clap::Args;
use serde::Serialize;
use serde_json::json;

/// How a report is printed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Shape {
    /// Print CSV, with a line of headings; nothing where there is nothing to report
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print JSON
    #[arg(long, display_order = super::super::LAST)]
    json: bool,
}

/// The same as a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl Shape {
    pub(super) fn format(self) -> Format {
        match self {
            Self { csv: true, .. } => Format::Csv,
            Self { json: true, .. } => Format::Json,
            Self { .. } => Format::Table,
        }
    }
}

/// Prints a report as of an entry; none was read where the configuration has faults.
pub(super) fn told<T: Serialize>(
    read: Option<Position>,
    name: &str,
    lines: &[T],
    spread: Option<Spread>,
    shape: Shape,
    screen: &mut Screen,
) -> Ended {
    let Some(position) = read else { return Ok(Exit::Usage) };
    match shape.format() {
        Format::Json => {
            let shown = json!({ "report": name, "position": position.0, "summary": spread, "items": lines });
            screen.say(format_args!("{shown:#}"));
        }
        Format::Csv if lines.is_empty() => (),
        Format::Csv => screen.say(csv(lines)?.trim_end()),
        Format::Table if lines.is_empty() => screen.note("Nothing to report."),
        Format::Table => {
            screen.say(table(&csv(lines)?, screen.is_colored())?);
            if let Some(Spread { count, median_seconds, p90_seconds, max_seconds }) = spread {
                screen.note(format_args!(
                    "{count} measured: half within {median_seconds} s, nine of ten within {p90_seconds} s, all within {max_seconds} s."
                ));
            }
        }
    }
    Ok(Exit::Done)
}

fn csv<T: Serialize>(lines: &[T]) -> Result<String, Trouble> {
    let failed =
        |error: &dyn std::fmt::Display| Trouble::failed(format!("the report cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.serialize(line).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn table(csv: &str, colored: bool) -> Result<String, Trouble> {
    let unreadable = |error: csv::Error| Trouble::failed(error.to_string());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headings = reader.headers().map_err(unreadable)?.clone();
    let mut table = Table::of(headings.iter().map(|name| name.replace('_', " ").to_uppercase()));
    for record in reader.records() {
        table.line(record.map_err(unreadable)?.iter().map(Into::into));
    }
    Ok(table.render(colored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Line {
        engineer: &'static str,
        took_seconds: Option<i64>,
    }

    #[test]
    fn a_table_has_the_fields_of_the_csv() {
        let lines = [
            Line { engineer: "E-1", took_seconds: Some(3) },
            Line { engineer: "a,\"b\"", took_seconds: None },
        ];
        let csv = csv(&lines).unwrap();
        assert_eq!(csv, "engineer,took_seconds\nE-1,3\n\"a,\"\"b\"\"\",\n");
        assert_eq!(table(&csv, false).unwrap(), "ENGINEER  TOOK SECONDS\nE-1       3\na,\"b\"");
    }
}
