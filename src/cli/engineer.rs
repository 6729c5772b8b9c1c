//! `carepass engineer list` and `engineer show`: engineers as tables, row by row, and what the ledger says of one. Not here: the summary
//! of all (`status`), and one engineer in words (`explain`).

use super::answers::{EngineerAnswer, EnrollmentAnswer, clock, reason_words, spoken, words};
use super::client::{ApiArgs, Client};
use super::driven::Driven;
use super::exit::{Ended, Exit};
use super::screen::{Screen, Tone};
use super::speech::Speech;
use super::table::{Cell, Table};
use crate::model::id::EngineerKey;
use crate::model::person::Language;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

/// The commands about engineers.
#[derive(Clone, Debug, Subcommand)]
pub enum EngineerCommand {
    /// List engineers: how far each is, and where
    List(ListArgs),
    /// Show one engineer, a line for each domain
    Show(ShowArgs),
}

/// Arguments of `engineer list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Only engineers in this state, such as `provisioning` or `ready`
    #[arg(long)]
    state: Option<String>,
    /// Only engineers with something at this reseller account
    #[arg(long)]
    reseller: Option<String>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Arguments of `engineer show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// HR's key of the engineer
    key: EngineerKey,
    /// Also what the ledger says of the engineer, the oldest first
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// An entry of the ledger, as far as it is shown.
#[derive(Deserialize)]
struct EntryAnswer {
    position: u64,
    at: Timestamp,
    #[serde(default)]
    actor: Value,
    #[serde(default)]
    changes: Vec<Value>,
}

/// Runs the command.
pub async fn run(command: &EngineerCommand, screen: &mut Screen) -> Ended {
    match command {
        EngineerCommand::List(args) => list(args, screen).await,
        EngineerCommand::Show(args) => show(args, screen).await,
    }
}

async fn list(args: &ListArgs, screen: &mut Screen) -> Ended {
    let language = args.speech.language;
    let client = Client::new(&args.api, language)?;
    let filters = [("state", &args.state), ("reseller", &args.reseller)];
    let filters: Vec<_> =
        filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let items = client.list(&["v1", "engineers"], &filters).await?;
    if args.json {
        screen.say(format_args!("{:#}", json!({ "items": items })));
        return Ok(Exit::Done);
    }
    let engineers: Vec<EngineerAnswer> =
        items.into_iter().map(|item| client.read(item)).collect::<Result<_, _>>()?;
    if engineers.is_empty() {
        screen.note(none_like_that(language));
    } else {
        screen.say(listed(&engineers, language, screen.is_colored()));
    }
    Ok(Exit::Done)
}

async fn show(args: &ShowArgs, screen: &mut Screen) -> Ended {
    let language = args.speech.language;
    let client = Client::new(&args.api, language)?;
    let key = args.key.as_str();
    let mut answer = client.get(&["v1", "engineers", key], &[]).await?;
    let history =
        if args.history { client.list(&["v1", "engineers", key, "ledger"], &[]).await? } else { Vec::new() };
    if args.json {
        if args.history {
            answer["history"] = json!(history);
        }
        screen.say(format_args!("{answer:#}"));
        return Ok(Exit::Done);
    }
    let engineer: EngineerAnswer = client.read(answer)?;
    let driven = Driven::ask(&client).await?;
    screen.say(shown(&engineer, &driven, language, &TimeZone::system(), screen.is_colored()));
    for entry in history {
        screen.say(told(&client.read(entry)?, &TimeZone::system()));
    }
    Ok(Exit::Done)
}

/// A filter leaves nobody.
pub(super) fn none_like_that(language: Language) -> &'static str {
    match language {
        Language::English => "No engineers like that.",
        Language::Swedish => "Inga sådana tekniker.",
    }
}

/// The table of many: where each is ready and where not yet.
pub fn listed(engineers: &[EngineerAnswer], language: Language, colored: bool) -> String {
    let mut table = Table::new(match language {
        Language::English => ["KEY", "USERNAME", "STATE", "READY IN", "NOT YET IN"],
        Language::Swedish => ["NYCKEL", "NAMN", "LÄGE", "KLAR I", "INTE ÄN I"],
    });
    for engineer in engineers {
        let domains = |done: bool| -> String {
            let rows = engineer.meant().filter(|row| (row.state == "completed") == done);
            rows.filter_map(|row| row.target.domain.as_deref()).collect::<Vec<_>>().join(" ")
        };
        table.row([
            engineer.key.as_str().into(),
            engineer.username.as_deref().unwrap_or("-").into(),
            spoken(&engineer.state, language).into(),
            domains(true).into(),
            domains(false).into(),
        ]);
    }
    table.render(colored)
}

/// One engineer: a heading, and a table of the rows.
pub fn shown(
    engineer: &EngineerAnswer,
    driven: &Driven,
    language: Language,
    zone: &TimeZone,
    colored: bool,
) -> String {
    let name = engineer.username.as_deref().unwrap_or("-");
    let heading = format!("{}  {name}  {}", engineer.key, spoken(&engineer.state, language));
    let mut table = Table::new(match language {
        Language::English => ["WHERE", "GOAL", "STATE", "STEP", "WAITS FOR", "LOOKED AT AGAIN", "DRIVEN BY"],
        Language::Swedish => ["VAR", "MÅL", "LÄGE", "STEG", "VÄNTAR PÅ", "NÄSTA TITT", "DRIVS AV"],
    });
    for row in &engineer.enrollments {
        let by = row.target.reseller.as_deref().and_then(|reseller| driven.by(reseller));
        table.row([
            place(row, language).into(),
            row.goal.as_str().into(),
            spoken(&row.state, language).into(),
            row.step.as_deref().map(words).unwrap_or_default().into(),
            waits_for(row, language),
            row.look_again_at.map_or_else(String::new, |time| clock(time, zone)).into(),
            by.unwrap_or_default().into(),
        ]);
    }
    format!("{heading}\n{}", table.render(colored))
}

fn place(row: &EnrollmentAnswer, language: Language) -> String {
    match (&row.target.domain, language) {
        (Some(domain), _) => domain.clone(),
        (None, Language::English) => "the engineer as a whole".to_owned(),
        (None, Language::Swedish) => "teknikern som helhet".to_owned(),
    }
}

fn waits_for(row: &EnrollmentAnswer, language: Language) -> Cell {
    let reason = row.reason.as_deref().map(|code| reason_words(code, language));
    let text = match (&row.waiting_on, reason) {
        (Some(on), Some(reason)) => format!("{}: {reason}", spoken(on, language)),
        (Some(on), None) => spoken(on, language),
        (None, reason) => reason.unwrap_or_default(),
    };
    if row.needs_person() { Cell::toned(text, Tone::Urgent) } else { text.into() }
}

/// An entry on one line: when, by whom, and what it changed.
fn told(entry: &EntryAnswer, zone: &TimeZone) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let by = match entry.actor["kind"].as_str() {
        Some("operator") => format!("{} ({})", text(&entry.actor["name"]), text(&entry.actor["reason"])),
        Some("event") => format!("event {}", text(&entry.actor["id"])),
        _ => "carepass".to_owned(),
    };
    let changes: Vec<String> = entry.changes.iter().map(changed).collect();
    let line = format!("{}  {}  {by}: {}", entry.position, clock(entry.at, zone), changes.join("; "));
    // What stands in a reason was typed by somebody.
    Cell::from(line).into_text()
}

fn changed(change: &Value) -> String {
    let kind = change["kind"].as_str().unwrap_or_default();
    let id = change["id"].as_str().unwrap_or_default();
    let state = change["state"].as_str().unwrap_or_default();
    let step = change["at"]["step"].as_str().map_or_else(String::new, |step| format!(" at {}", words(step)));
    match kind {
        "enrollment" => format!("{id} {state}{step}"),
        "engineer" => format!("wanted {}", change["stated"]["goal"]["want"].as_str().unwrap_or_default()),
        other => words(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_whatever_a_reason_holds() {
        let entry: EntryAnswer = serde_json::from_value(json!({
            "position": 7, "at": "2026-11-22T10:05:00Z",
            "actor": { "kind": "operator", "name": "ada", "reason": "looked\n\u{1b}[2Jtwice" },
            "changes": [
                { "kind": "enrollment", "id": "domain/E-1/se/a.se", "state": "scheduled", "at": { "step": "no_paid_license" } },
                { "kind": "engineer", "stated": { "goal": { "want": "present" } } },
                { "kind": "reserved" }
            ]
        }))
        .unwrap();
        let expected = "7  2026-11-22 10:05 UTC  ada (looked[2Jtwice): domain/E-1/se/a.se scheduled at no paid license; wanted present; \
                        reserved";
        assert_eq!(told(&entry, &TimeZone::UTC), expected);
    }
}
