//! `carepass probe`: the first-run checklist against the real Google, read-only, as a file that may be shown to others. Not here: what is
//! looked at (`app/flight/probe`).

use super::exit::{Exit, Trouble};
use super::screen::{Screen, Tone};
use super::serve::load;
use super::table::{Cell, Table};
use crate::app::flight::probe::{self, By, Part, Probed, Report};
use crate::app::flight::{Grade, Verdict};
use crate::clock::Clock;
use anyhow::Result;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Read at Google what is known of it from paper only, and write a report without names; nothing is changed
#[derive(Debug, clap::Args)]
pub struct ProbeArgs {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
    /// Where the report goes; a file that is there is left alone
    #[arg(long, value_name = "FILE", default_value = "carepass-probe.json")]
    output: PathBuf,
}

/// Probes, writes the report and says what is left.
pub async fn run(args: &ProbeArgs, screen: &mut Screen) -> Result<Exit> {
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    if args.output.exists() {
        return Err(taken(&args.output).into());
    }
    let report = probe::probe(&config, &Clock::System, |done, total| screen.progress(done, total)).await;
    screen.end_progress();
    let report = report?;
    write(&report, &args.output)?;
    screen.say(render(&report, screen.is_colored()));
    screen.say(format_args!(
        "\nThe report is {}. It holds no address, no domain, no customer and no name of yours; read it before you send it to anybody.",
        args.output.display()
    ));
    Ok(match report.verdict() {
        Verdict::NeighbourAway => Exit::Unreachable,
        Verdict::GoogleAway => Exit::GoogleUnreachable,
        Verdict::NeedsPerson => Exit::NeedsPerson,
        Verdict::Partly => Exit::Partly,
        Verdict::Well => Exit::Done,
    })
}

fn write(report: &Report, path: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return taken(path);
        }
        Trouble::failed(format!("{} cannot be written: {error}", path.display()))
    })?;
    writeln!(file, "{:#}", serde_json::to_value(report)?)?;
    Ok(())
}

fn taken(path: &Path) -> Trouble {
    Trouble::usage(format!(
        "{} is there already and is left alone. Name another file with --output, or remove it.",
        path.display()
    ))
}

/// The open questions, with what the report says to those that reading answers.
fn render(report: &Report, colored: bool) -> String {
    let mut accounts = Table::new(["RESELLER", "CHECKS", "ROLES", "PRIVILEGES", "ACCOUNTS"]);
    for (number, probed) in (1..).zip(&report.resellers) {
        let (word, tone) = worst(probed);
        accounts.row([
            format!("{number}").into(),
            Cell::toned(word, tone),
            count(&probed.roles, Vec::len).into(),
            count(&probed.privileges, Vec::len).into(),
            count(&probed.accounts, |accounts| accounts.all).into(),
        ]);
    }
    let mut questions = Table::new(["OPEN", "WHO", "HOW"]);
    for question in &report.questions {
        let who = match question.by {
            By::Report => "the report",
            By::FirstEngineer => "the first engineer",
            By::Person => "a person",
        };
        questions.row([question.open.into(), who.into(), question.how.into()]);
    }
    format!("{}\n\n{}", accounts.render(colored), questions.render(colored))
}

fn worst(probed: &Probed) -> (&'static str, Tone) {
    match probed.checks.iter().map(|check| check.grade).max() {
        Some(Grade::Fault) => ("fault", Tone::Urgent),
        Some(Grade::Warning) => ("warning", Tone::Calm),
        Some(Grade::Unknown) => ("unknown", Tone::Calm),
        Some(Grade::Ok) | None => ("ok", Tone::Good),
    }
}

fn count<T>(part: &Part<T>, count: impl Fn(&T) -> usize) -> String {
    match part {
        Part::Seen(seen) => count(seen).to_string(),
        Part::Failed(code) => code.to_string(),
    }
}
