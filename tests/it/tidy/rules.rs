//! The house rules that no compiler keeps, each a pure function from a file to its offences.
//! Not here: the walk over the real files (`tidy.rs`), and what clippy keeps already.

use super::code::{Source, line_of, names_after, places_of};
use std::fmt;

/// One line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offence {
    /// Which file.
    pub path: String,
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub complaint: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.complaint)
    }
}

impl Offence {
    /// A line that breaks a rule.
    pub fn new(path: String, line: usize, complaint: String) -> Self {
        Self { path, line, complaint }
    }
}

/// A rule about one file.
pub type Rule = fn(&Source) -> Vec<Offence>;

/// Every rule about one file.
pub const RULES: [Rule; 7] = [floors, model_is_pure, sandbox_stands_alone, environment, time, metrics, shape];

/// The floors, top to bottom. A room uses only rooms on floors below its own; the composition at the top may use itself.
const FLOORS: [(u8, &[&str]); 6] = [
    (5, &["main", "cli", "app", "config", "telemetry"]),
    (4, &["amqp", "http"]),
    (3, &["engine"]),
    (2, &["steps"]),
    (1, &["google", "handover", "mail", "otlp", "store", "clock", "seal"]),
    (0, &["model", "trace"]),
];
const COMPOSITION: u8 = 5;

/// What only tests use stands on no floor and uses none; release builds do not have it.
const FOR_TESTS: [&str; 2] = ["crash", "planted"];

/// A file over this many lines is split; there are no exceptions.
const LINES_MAX: usize = 500;

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

/// A file uses only floors below its own; neighbours on a floor never name each other.
fn floors(source: &Source) -> Vec<Offence> {
    let room = source.room();
    if room == "lib" || room == "sandbox" {
        return Vec::new();
    }
    if FOR_TESTS.contains(&room) {
        return names_after(source.product(), "crate")
            .into_iter()
            .filter(|(_, name)| *name != room)
            .map(|(at, name)| offence(source, at, format!("`{room}` may not use `{name}`")))
            .collect();
    }
    let Some(floor) = floor_of(room) else {
        return vec![offence(
            source,
            0,
            format!("`{room}` has no floor: give it one in tests/it/tidy/rules.rs"),
        )];
    };
    let may_use = |other: &str| match floor_of(other) {
        _ if other == room || FOR_TESTS.contains(&other) => true,
        Some(below) => below < floor || floor == COMPOSITION,
        None => other == "sandbox" && floor == COMPOSITION,
    };
    let mut offences: Vec<_> = ["crate", "carepass"]
        .iter()
        .flat_map(|root| names_after(source.product(), root))
        .filter(|(_, name)| !may_use(name))
        .map(|(at, name)| {
            offence(source, at, format!("`{room}` is on floor {floor} and may not use `{name}`"))
        })
        .collect();
    offences.extend(climbs(source));
    offences
}

/// `super::super::…` that arrives at the root of the crate hides which floor is used.
fn climbs(source: &Source) -> Vec<Offence> {
    let climb = "super::".repeat(source.depth());
    let at_root = places_of(source.product(), &climb);
    at_root.map(|at| offence(source, at, "reaches the root by `super`: write `crate::`".to_owned())).collect()
}

/// The model has no async, no clock, no randomness and no I/O.
fn model_is_pure(source: &Source) -> Vec<Offence> {
    const WORDS: [&str; 10] = [
        "async",
        "await",
        "tokio",
        "fastrand",
        "SystemRandom",
        "ring::rand",
        "Timestamp::now",
        "Zoned::now",
        "SystemTime",
        "Instant",
    ];
    const STANDARD: [&str; 6] = ["fs", "net", "env", "process", "thread", "io"];
    if source.room() != "model" {
        return Vec::new();
    }
    let mut offences = forbid(source, &WORDS, "the model is pure");
    let standard =
        names_after(source.product(), "std").into_iter().filter(|(_, name)| STANDARD.contains(name));
    offences
        .extend(standard.map(|(at, name)| offence(source, at, format!("`std::{name}`: the model is pure"))));
    offences
}

/// The sandbox imports nothing of the house, in its tests neither: a shared wire type would hide its own mistakes.
fn sandbox_stands_alone(source: &Source) -> Vec<Offence> {
    if source.room() != "sandbox" {
        return Vec::new();
    }
    let imports = names_after(&source.code, "crate").into_iter().filter(|(_, name)| *name != "sandbox");
    imports
        .map(|(at, name)| offence(source, at, format!("the sandbox may not use `{name}`")))
        .chain(climbs(source))
        .collect()
}

/// Only the configuration reads the environment. A test that runs itself as the process that is recorded has no other way to tell it so.
fn environment(source: &Source) -> Vec<Offence> {
    if source.room() == "config" || source.path == "store/embedded/power_cut/mod.rs" {
        return Vec::new();
    }
    forbid(
        source,
        &["env::var", "env::vars", "env::var_os", "env::vars_os"],
        "only `config` reads the environment",
    )
}

/// Only the clocks read the time; durations are measured with tokio's `Instant`, which a paused test can move.
fn time(source: &Source) -> Vec<Offence> {
    if ["clock.rs", "sandbox/clock.rs"].contains(&source.path.as_str()) {
        return Vec::new();
    }
    let words = ["Timestamp::now", "Zoned::now", "SystemTime::now", "std::time::Instant"];
    forbid(source, &words, "only `clock` reads the time")
}

/// Only the engine's observer writes what carepass counts; `telemetry` and `http` count themselves.
fn metrics(source: &Source) -> Vec<Offence> {
    if source.path == "engine/observe.rs" || ["telemetry", "http"].contains(&source.room()) {
        return Vec::new();
    }
    forbid(source, &["counter!", "gauge!", "histogram!"], "only `engine/observe.rs` writes metrics")
}

fn shape(source: &Source) -> Vec<Offence> {
    shape_of(&format!("src/{}", source.path), &source.text)
}

/// Every file, of tests and benchmarks too, says first what it is for, and is small enough to be read.
pub fn shape_of(path: &str, text: &str) -> Vec<Offence> {
    let offence = |complaint| Offence { path: path.to_owned(), line: 1, complaint };
    let mut offences = Vec::new();
    if !text.starts_with("//!") {
        offences.push(offence("does not begin with `//!`: say what the file is for".to_owned()));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        offences.push(offence(format!("{lines} lines, {LINES_MAX} at most: split it by purpose")));
    }
    offences
}

/// Every failure code has its heading in the runbook, and every such heading its code.
/// A heading that is no single lower-case word is prose and not a code.
pub fn runbook(codes: &[&str], text: &str) -> Vec<Offence> {
    let headings: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, line.strip_prefix("## ")?.trim().trim_matches('`'))))
        .filter(|(_, name)| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    let offence = |line, complaint| Offence { path: "docs/RUNBOOK.md".to_owned(), line, complaint };
    let missing = codes.iter().filter(|code| !headings.iter().any(|(_, name)| name == *code));
    let stale = headings.iter().filter(|(_, name)| !codes.contains(name));
    missing
        .map(|code| offence(0, format!("no heading `## {code}` for this failure code")))
        .chain(stale.map(|(line, name)| offence(*line, format!("no failure has the code `{name}`"))))
        .collect()
}

/// What each section of a code in the runbook says, in this order.
const RUNBOOK_POINTS: [&str; 4] = [
    "- **What it means.** ",
    "- **What carepass does by itself.** ",
    "- **What you do.** ",
    "- **How you see that it is over.** ",
];

/// The section of every failure code says what an operator needs: four points, in order, none empty.
pub fn runbook_sections(codes: &[&str], text: &str) -> Vec<Offence> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = lines.iter().enumerate().filter_map(|(at, line)| {
        let name = line.strip_prefix("## ")?.trim().trim_matches('`');
        codes.contains(&name).then_some((at, name))
    });
    let faulty = begins.filter(|(at, _)| {
        let section = lines[at + 1..].iter().take_while(|line| !line.starts_with('#'));
        let points: Vec<&&str> = section.filter(|line| line.starts_with("- **")).collect();
        let says =
            |(point, begin): (&&&str, &&str)| point.strip_prefix(*begin).is_some_and(|rest| rest.len() > 10);
        points.len() != RUNBOOK_POINTS.len() || !points.iter().zip(&RUNBOOK_POINTS).all(says)
    });
    let offence = |(at, name)| {
        let complaint = format!("`{name}` lacks one of its four points, or their order");
        Offence { path: "docs/RUNBOOK.md".to_owned(), line: at + 1, complaint }
    };
    faulty.map(offence).collect()
}

/// The table of reasons in the page about events says what carepass itself says, in the same order.
pub fn reasons(reasons: &[(&str, &str)], text: &str) -> Vec<Offence> {
    let expected: Vec<String> =
        reasons.iter().map(|(code, words)| format!("| `{code}` | {words} |")).collect();
    let rows = text.lines().enumerate().skip_while(|(_, line)| *line != "## Dead letters");
    let rows =
        rows.take_while(|(_, line)| *line != "## Outcomes").filter(|(_, line)| line.starts_with("| `"));
    let rows: Vec<(usize, &str)> = rows.map(|(index, line)| (index + 1, line)).collect();
    let offence = |line, complaint| Offence { path: "docs/EVENTS.md".to_owned(), line, complaint };
    let missing = expected.iter().filter(|row| !rows.iter().any(|(_, line)| line == row));
    let stale = rows.iter().filter(|(_, line)| !expected.iter().any(|row| row == line));
    let mut offences: Vec<_> = missing
        .map(|row| offence(0, format!("lacks the reason {row}")))
        .chain(stale.map(|(line, row)| offence(*line, format!("no refusal says {row}"))))
        .collect();
    if offences.is_empty() && !rows.iter().map(|(_, line)| *line).eq(&expected) {
        offences.push(offence(0, "the reasons are not in their order, the most general first".to_owned()));
    }
    offences
}

fn forbid(source: &Source, words: &[&str], why: &str) -> Vec<Offence> {
    let code = source.product();
    words
        .iter()
        .flat_map(|word| places_of(code, word).map(move |at| offence(source, at, format!("`{word}`: {why}"))))
        .collect()
}

fn offence(source: &Source, at: usize, complaint: String) -> Offence {
    Offence { path: format!("src/{}", source.path), line: line_of(&source.code, at), complaint }
}

#[cfg(test)]
mod tests {
    use super::{
        RUNBOOK_POINTS, Rule, Source, environment, floors, metrics, model_is_pure, reasons, runbook,
        runbook_sections, sandbox_stands_alone, shape, time,
    };

    /// Each planted text must be caught on its second line, each clean one must pass.
    fn check(rule: Rule, planted: &[(&str, &str)], clean: &[(&str, &str)]) {
        for (path, text) in planted {
            let found: Vec<_> =
                rule(&Source::new(path, &format!("//!\n{text}"))).iter().map(ToString::to_string).collect();
            let place = format!("src/{path}:2: ");
            assert!(
                found.iter().any(|line| line.starts_with(&place)),
                "{path}: {text} is not caught: {found:?}"
            );
        }
        for (path, text) in clean {
            assert_eq!(rule(&Source::new(path, &format!("//!\n{text}"))), [], "{path}: {text}");
        }
    }

    #[test]
    fn a_floor_uses_only_floors_below() {
        check(
            floors,
            &[
                ("model/plan.rs", "use crate::engine::drive;"),
                ("model/plan.rs", "use crate::{model::id, store};"),
                ("google/client.rs", "crate::store::open();"),
                ("mail/smtp.rs", "use crate::{clock::Clock, model::id::Address};"),
                ("steps/role.rs", "use crate::engine::lanes;"),
                ("amqp/consumer.rs", "use crate::http::api;"),
                ("engine/drive.rs", "use crate::sandbox::world;"),
                ("engine/drive.rs", "use super::super::http::api;"),
                ("clock.rs", "use super::seal;"),
                ("engine/drive.rs", "let a = carepass::cli::run();"),
            ],
            &[
                ("engine/drive.rs", "use crate::{engine::lanes, model::{id, plan}, steps, store};"),
                ("engine/drive.rs", "use super::lanes; // crate::http\nlet text = \"crate::http\";"),
                ("engine/drive.rs", "fn a() {}\n#[cfg(test)]\nmod tests { use crate::sandbox::world; }"),
                ("cli/demo.rs", "use crate::{app, config, sandbox};"),
                ("main.rs", "use carepass::cli;"),
                ("lib.rs", "pub mod http;"),
            ],
        );
        assert_eq!(floors(&Source::new("attic/box.rs", "//!")).len(), 1, "a room without a floor is named");
    }

    #[test]
    fn the_model_is_pure() {
        let planted = [
            "async fn f() {}",
            "f().await;",
            "tokio::spawn();",
            "use std::fs;",
            "use std::{fmt, net};",
            "Timestamp::now();",
            "fastrand::u8();",
            "std::env::args();",
        ];
        let planted = planted.map(|text| ("model/plan.rs", text));
        check(
            model_is_pure,
            &planted,
            &[
                ("engine/drive.rs", "async fn f() {}"),
                ("model/plan.rs", "use std::{fmt, str::FromStr}; let awaited = 1; // async"),
            ],
        );
    }

    #[test]
    fn the_sandbox_uses_nothing_of_the_house() {
        check(
            sandbox_stands_alone,
            &[
                ("sandbox/world.rs", "use crate::model::id;"),
                ("sandbox/world.rs", "#[cfg(test)] mod tests { use crate::google; }"),
                ("sandbox/mod.rs", "use super::model;"),
            ],
            &[
                ("sandbox/world.rs", "use crate::sandbox::clock; use super::clock;"),
                ("http/api.rs", "use crate::model::id;"),
            ],
        );
    }

    #[test]
    fn only_config_reads_the_environment() {
        check(
            environment,
            &[("cli/mod.rs", "let a = std::env::var(A);"), ("sandbox/mod.rs", "for a in env::vars() {}")],
            &[("config.rs", "std::env::var(A);"), ("cli/mod.rs", "std::env::args();")],
        );
    }

    #[test]
    fn only_the_clocks_read_the_time() {
        check(
            time,
            &[
                ("engine/drive.rs", "jiff::Timestamp::now();"),
                ("store/mod.rs", "SystemTime::now();"),
                ("http/api.rs", "use std::time::Instant;"),
            ],
            &[
                ("clock.rs", "Timestamp::now();"),
                ("sandbox/clock.rs", "Timestamp::now();"),
                ("http/api.rs", "tokio::time::Instant::now();"),
            ],
        );
    }

    #[test]
    fn only_the_observer_writes_metrics() {
        check(
            metrics,
            &[
                ("engine/drive.rs", "metrics::counter!(A);"),
                ("google/client.rs", "histogram!(A);"),
                ("store/mod.rs", "gauge!(A);"),
            ],
            &[
                ("engine/observe.rs", "metrics::counter!(A);"),
                ("telemetry.rs", "gauge!(A);"),
                ("http/health.rs", "counter!(A);"),
            ],
        );
    }

    #[test]
    fn files_say_what_they_are_for_and_are_short() {
        assert_eq!(shape(&Source::new("a.rs", "use b;")).len(), 1);
        assert_eq!(shape(&Source::new("a.rs", "")).len(), 1);
        assert_eq!(shape(&Source::new("a.rs", &"//!\n".repeat(501))).len(), 1);
        assert_eq!(shape(&Source::new("a.rs", &"//!\n".repeat(500))), []);
    }

    #[test]
    fn reasons_and_the_page_about_events_agree() {
        let check = |table: &str, expected: &[&str]| {
            let text =
                format!("| `x` | elsewhere |\n## Dead letters\n{table}\n## Outcomes\n| `y` | elsewhere |");
            let found = reasons(&[("a", "A. Do."), ("b", "B. Do.")], &text);
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{table}");
        };
        check("| Code | Words |\n|---|---|\n| `a` | A. Do. |\n| `b` | B. Do. |", &[]);
        check("| `a` | A. Do. |", &["docs/EVENTS.md:0: lacks the reason | `b` | B. Do. |"]);
        check(
            "| `a` | A. Do. |\n| `b` | B. |",
            &[
                "docs/EVENTS.md:0: lacks the reason | `b` | B. Do. |",
                "docs/EVENTS.md:4: no refusal says | `b` | B. |",
            ],
        );
        let disorder = "docs/EVENTS.md:0: the reasons are not in their order, the most general first";
        check("| `b` | B. Do. |\n| `a` | A. Do. |", &[disorder]);
    }

    #[test]
    fn a_code_in_the_runbook_has_its_four_points() {
        let whole = RUNBOOK_POINTS.map(|point| format!("{point}Words enough.\n")).concat();
        let check = |section: &str, offences: usize| {
            let text = format!("## timeout\n\n{section}\n# Else\n\n## prose here\n");
            assert_eq!(runbook_sections(&["timeout"], &text).len(), offences, "{section}");
        };
        check(&whole, 0);
        check("", 1);
        check(&whole.replace("Words enough.", ""), 1);
        check(&whole.replace("- **What you do.** Words enough.\n", ""), 1);
        check(&whole.replace("What you do", "What it means"), 1);
        check(&format!("{whole}- **More.** Words enough.\n"), 1);
    }

    #[test]
    fn failure_codes_and_runbook_agree() {
        let found = |text: &str| {
            runbook(&["out_of_seats", "timeout"], text).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            found("# Runbook\n## How to read this\n## out_of_seats\n## `timeout`\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("## out_of_seats\n"),
            ["docs/RUNBOOK.md:0: no heading `## timeout` for this failure code"]
        );
        assert_eq!(
            found("## out_of_seats\n## timeout\n## gone\n"),
            ["docs/RUNBOOK.md:3: no failure has the code `gone`"]
        );
    }
}
