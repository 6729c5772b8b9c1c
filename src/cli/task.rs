//! `carepass task list` and `carepass task done`: what only a person can do, and saying that it was done.
//! Not here: what carepass makes of it (`http/tasks`), and the words, which are the API's.

use super::answers::{Sentences, reason_words};
use super::client::{ApiArgs, Client};
use super::exit::{Ended, Exit};
use super::order::line;
use super::screen::Screen;
use super::speech::Speech;
use crate::model::person::Language;
use crate::model::task::CardId;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;

/// Engineers of a card who are named.
const NAMED_MAX: usize = 6;

/// What to do with tasks.
#[derive(Clone, Debug, Subcommand)]
pub enum TaskCommand {
    /// Show what only a person can do: leavers who still have access first, then whoever starts soonest
    List(ListArgs),
    /// Say that a task is done: carepass looks at once, or takes your word where it cannot see
    Done(DoneArgs),
}

/// Arguments of `task list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Arguments of `task done`.
#[derive(Clone, Debug, Args)]
pub struct DoneArgs {
    /// The task's id, as `carepass task list` shows it; `grants-held` lets in all whom the limit on grants holds
    id: CardId,
    /// What you did; kept in the ledger beside your token's name
    #[arg(long)]
    reason: String,
    /// The route of case mail is an address map: each new engineer becomes a task of its own
    #[arg(long)]
    address_map: bool,
    /// Of `grants-held`: when you looked, as `carepass task list` shows it; who came later stays held. Now, if you do not say it
    #[arg(long, value_name = "TIME")]
    held_before: Option<Timestamp>,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// A task as the API tells it.
#[derive(Deserialize)]
struct TaskAnswer {
    id: String,
    reason: String,
    sentences: Sentences,
    #[serde(default)]
    detail: String,
    console_link: Option<String>,
    #[serde(default)]
    values: Vec<ValueAnswer>,
    shown_at: Option<Timestamp>,
    reseller: Option<String>,
    domain: Option<String>,
    #[serde(default)]
    engineers: Vec<String>,
    /// What to do at once, where access is open that was to end.
    by_hand: Option<String>,
}

#[derive(Deserialize)]
struct ValueAnswer {
    name: String,
    value: String,
}

/// Runs the command.
pub async fn run(command: &TaskCommand, screen: &mut Screen) -> Ended {
    match command {
        TaskCommand::List(args) => list(args, screen).await,
        TaskCommand::Done(args) => done(args, screen).await,
    }
}

async fn list(args: &ListArgs, screen: &mut Screen) -> Ended {
    let language = args.speech.language;
    let client = Client::new(&args.api, language)?;
    let items = client.list(&["v1", "tasks"], &[]).await?;
    if args.json {
        screen.say(format_args!("{:#}", json!({ "items": items, "next_cursor": null })));
        return Ok(Exit::Done);
    }
    let tasks: Vec<TaskAnswer> = client.read(items.into())?;
    if tasks.is_empty() {
        screen.note(match language {
            Language::English => "Nothing waits for a person.",
            Language::Swedish => "Inget väntar på en människa.",
        });
    }
    for task in &tasks {
        screen.say(render(task, language));
    }
    Ok(Exit::Done)
}

async fn done(args: &DoneArgs, screen: &mut Screen) -> Ended {
    let client = Client::new(&args.api, args.speech.language)?;
    let mut body = json!({ "reason": args.reason });
    if args.address_map {
        body["address_map"] = json!(true);
    }
    if let Some(held_before) = args.held_before {
        body["held_before"] = json!(held_before);
    }
    let answer = client.post(&["v1", "tasks", &args.id.to_string(), "done"], &body).await?;
    if args.json {
        screen.say(format_args!("{answer:#}"));
    } else {
        for row in answer["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            screen.say(line(row));
        }
    }
    Ok(Exit::Done)
}

/// A card: its id and what it is, where and for whom, what to do, and what to copy.
fn render(task: &TaskAnswer, language: Language) -> String {
    let mut text = format!("{}  {}", task.id, reason_words(&task.reason, language));
    let place: Vec<&str> = [&task.reseller, &task.domain].into_iter().flatten().map(String::as_str).collect();
    let about = [place.join(" "), named(&task.engineers, language)];
    let about: Vec<String> = about.into_iter().filter(|part| !part.is_empty()).collect();
    if !about.is_empty() {
        let _ = write!(text, " ({})", about.join(": "));
    }
    let Sentences { so, next, you } = &task.sentences;
    if let Some(by_hand) = &task.by_hand {
        let _ = write!(text, "\n  {by_hand}");
    }
    let _ = write!(text, "\n  {so}\n  {next}\n  {you}");
    for ValueAnswer { name, value } in &task.values {
        let _ = write!(text, "\n    {name}: {value}");
    }
    for extra in [task.console_link.as_deref(), Some(task.detail.as_str())].into_iter().flatten() {
        if !extra.is_empty() && !you.contains(extra) {
            let _ = write!(text, "\n    {extra}");
        }
    }
    if let Some(shown_at) = task.shown_at {
        let _ = write!(text, "\n    --held-before {shown_at}");
    }
    text
}

/// Whom a card is about: the first by name, and how many more.
fn named(engineers: &[String], language: Language) -> String {
    let (first, more) = engineers.split_at(engineers.len().min(NAMED_MAX));
    let first = first.join(", ");
    match (more.len(), language) {
        (0, _) => first,
        (more, Language::English) => format!("{first} and {more} more"),
        (more, Language::Swedish) => format!("{first} och {more} till"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_shows_what_to_do_and_what_to_copy() {
        let task: TaskAnswer = serde_json::from_value(json!({
            "id": "T-0123456789", "reason": "auto_licensing_unconfirmed",
            "sentences": { "so": "It is on.", "next": "carepass waits.", "you": "Turn it off (https://x.example)." },
            "detail": "audit log: on", "console_link": "https://x.example", "reseller": "nordic-se", "engineers": ["E-1", "E-2"],
            "values": [{ "name": "org_unit", "value": "/Customer Care" }]
        }))
        .unwrap();
        let expected = "T-0123456789  confirm that automatic licensing is off (nordic-se: E-1, E-2)\n  It is on.\n  carepass waits.\n  \
                        Turn it off (https://x.example).\n    org_unit: /Customer Care\n    audit log: on";
        assert_eq!(render(&task, Language::English), expected);
    }
}
