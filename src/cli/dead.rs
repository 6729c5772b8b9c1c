//! `carepass dead list`, `dead show` and `dead replay`: messages that could not be used, and taking them up once the cause is mended.
//! Not here: the copies in the broker's dead-letter queue, which are for RabbitMQ's own tools.

use super::answers::{clock, words};
use super::client::{ApiArgs, Client, ClientError};
use super::exit::{Ended, Exit, Trouble};
use super::screen::{Screen, Tone};
use super::speech::Speech;
use super::table::{Cell, Table};
use crate::model::parked::LetterId;
use crate::model::person::Language;
use crate::model::person::name::is_unseen;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What to do with messages that could not be used.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadCommand {
    /// Show what could not be used, the oldest first
    List(ListArgs),
    /// Show one message: what is wrong with it and what to send instead
    Show(ShowArgs),
    /// Take messages up again, once the cause is mended
    Replay(ReplayArgs),
}

#[derive(Clone, Debug, Args)]
struct CommonArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Arguments of `dead list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `dead show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The message's id, as `carepass dead list` shows it
    id: LetterId,
    /// The message itself too: personal data, for operators
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `dead replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// The message's id, as `carepass dead list` shows it
    #[arg(required_unless_present = "all")]
    id: Option<LetterId>,
    /// Every message, the oldest first
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Why; kept in the ledger beside your token's name
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// A message as the API tells it.
#[derive(Deserialize)]
struct LetterAnswer {
    id: String,
    at: Timestamp,
    door: String,
    reason: String,
    message: String,
    #[serde(default)]
    faults: Vec<FaultAnswer>,
    event: Option<EventAnswer>,
    engineer: Option<String>,
    size: u64,
    #[serde(default)]
    truncated: bool,
    content_type: Option<String>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
struct FaultAnswer {
    pointer: String,
    reason: String,
    text: String,
}

#[derive(Deserialize)]
struct EventAnswer {
    source: String,
    id: String,
}

/// What became of one message.
struct Replayed {
    id: String,
    outcome: Result<Value, String>,
}

/// Runs the command.
pub async fn run(command: &DeadCommand, screen: &mut Screen) -> Ended {
    match command {
        DeadCommand::List(args) => list(args, screen).await,
        DeadCommand::Show(args) => show(args, screen).await,
        DeadCommand::Replay(args) => replay(args, screen).await,
    }
}

async fn list(args: &ListArgs, screen: &mut Screen) -> Ended {
    let common = &args.common;
    let client = Client::new(&common.api, common.speech.language)?;
    let items = client.list(&["v1", "dead-letters"], &[]).await?;
    if common.json {
        screen.say(format_args!("{:#}", json!({ "items": items })));
        return Ok(Exit::Done);
    }
    let letters: Vec<LetterAnswer> =
        items.into_iter().map(|item| client.read(item)).collect::<Result<_, _>>()?;
    if letters.is_empty() {
        screen.note(nothing(common.speech.language));
    } else {
        screen.say(table(&letters, common.speech.language, &TimeZone::system(), screen.is_colored()));
    }
    Ok(Exit::Done)
}

async fn show(args: &ShowArgs, screen: &mut Screen) -> Ended {
    let common = &args.common;
    let client = Client::new(&common.api, common.speech.language)?;
    let query: &[_] = if args.body { &[("body", "true")] } else { &[] };
    let answer = client.get(&["v1", "dead-letters", args.id.as_str()], query).await?;
    if common.json {
        screen.say(format_args!("{answer:#}"));
    } else {
        screen.say(render(&client.read(answer)?, &TimeZone::system()));
    }
    Ok(Exit::Done)
}

async fn replay(args: &ReplayArgs, screen: &mut Screen) -> Ended {
    let common = &args.common;
    let client = Client::new(&common.api, common.speech.language)?;
    let ids = if let Some(id) = &args.id { vec![id.to_string()] } else { parked_ids(&client).await? };
    let (mut replayed, total) = (Vec::new(), ids.len());
    for id in ids {
        screen.progress(replayed.len(), total);
        let body = json!({ "reason": args.reason });
        let outcome = match client.post(&["v1", "dead-letters", &id, "replay"], &body).await {
            Ok(answer) => Ok(answer),
            // One that is still refused, or that somebody else was faster with, does not hold up the others.
            Err(ClientError::Refused { status: 404 | 409 | 422, problem }) => Err(problem.to_string()),
            Err(error) => {
                screen.end_progress();
                return Err(error.into());
            }
        };
        replayed.push(Replayed { id, outcome });
    }
    screen.end_progress();
    tell(&replayed, common, screen)
}

async fn parked_ids(client: &Client) -> Result<Vec<String>, ClientError> {
    let items = client.list(&["v1", "dead-letters"], &[]).await?;
    items.into_iter().map(|item| client.read(item).map(|letter: LetterAnswer| letter.id)).collect()
}

/// Exit 0: all were taken up, or there was none; 3: some; 1: none of them.
fn tell(replayed: &[Replayed], common: &CommonArgs, screen: &mut Screen) -> Ended {
    let done = replayed.iter().filter(|one| one.outcome.is_ok()).count();
    if common.json {
        let item = |Replayed { id, outcome }: &Replayed| match outcome {
            Ok(answer) => answer.clone(),
            Err(problem) => json!({ "id": id, "outcome": "refused", "problem": problem }),
        };
        screen.say(format_args!("{:#}", json!({ "items": replayed.iter().map(item).collect::<Vec<_>>() })));
    } else if replayed.is_empty() {
        screen.note(nothing(common.speech.language));
    }
    for Replayed { id, outcome } in replayed {
        match outcome {
            Ok(answer) if !common.json => {
                let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                screen.say(format_args!("{id}  {}  {}", text("outcome"), text("engineer")));
            }
            Err(problem) => screen.note(format_args!("{id}: {problem}")),
            Ok(_) => (),
        }
    }
    match (done, replayed.len()) {
        (done, all) if done == all => Ok(Exit::Done),
        (0, _) => Err(Trouble::failed(none_taken(common.speech.language))),
        _ => Ok(Exit::Partly),
    }
}

fn nothing(language: Language) -> &'static str {
    match language {
        Language::English => "Nothing is parked: every event could be used.",
        Language::Swedish => "Inget ligger kvar: alla händelser kunde användas.",
    }
}

fn none_taken(language: Language) -> &'static str {
    match language {
        Language::English => "Nothing was taken up; what was refused stays parked.",
        Language::Swedish => "Inget togs upp; det som vägrades ligger kvar.",
    }
}

fn table(letters: &[LetterAnswer], language: Language, zone: &TimeZone, colored: bool) -> String {
    let mut table = Table::new(match language {
        Language::English => ["ID", "SINCE", "DOOR", "ENGINEER", "REASON", "BYTES"],
        Language::Swedish => ["ID", "SEDAN", "VÄG", "TEKNIKER", "ORSAK", "BYTE"],
    });
    for letter in letters {
        table.row([
            letter.id.as_str().into(),
            clock(letter.at, zone).into(),
            letter.door.as_str().into(),
            letter.engineer.as_deref().unwrap_or("-").into(),
            Cell::toned(words(&letter.reason), Tone::Urgent),
            letter.size.to_string().into(),
        ]);
    }
    table.render(colored)
}

/// One message in words: which, what is wrong, and the message itself where it was asked for.
fn render(letter: &LetterAnswer, zone: &TimeZone) -> String {
    let mut text = format!("{}  {}  {}", letter.id, clock(letter.at, zone), letter.door);
    for (name, value) in [
        ("engineer", letter.engineer.as_deref()),
        ("source", letter.event.as_ref().map(|event| event.source.as_str())),
        ("id", letter.event.as_ref().map(|event| event.id.as_str())),
        ("content type", letter.content_type.as_deref()),
    ] {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {name}: {value}");
        }
    }
    if letter.faults.is_empty() {
        let _ = write!(text, "\n  {}: {}", letter.reason, letter.message);
    }
    for FaultAnswer { pointer, reason, text: words } in &letter.faults {
        let place = if pointer.is_empty() { "/" } else { pointer };
        let _ = write!(text, "\n  {place}  {reason}\n    {words}");
    }
    if letter.truncated {
        let _ = write!(text, "\n  ({} bytes, not kept in full)", letter.size);
    }
    if let Some(body) = letter.body.as_ref().or(letter.body_base64.as_ref()) {
        let _ = write!(text, "\n\n{}", visible(body));
    }
    text
}

/// What cannot be seen is spelt out: it could change the terminal or turn the text around, and may be what is wrong with the message.
fn visible(body: &str) -> String {
    let mut shown = String::with_capacity(body.len());
    for one in body.chars() {
        if is_unseen(one) && one != '\n' { shown.extend(one.escape_unicode()) } else { shown.push(one) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn letter() -> LetterAnswer {
        serde_json::from_value(json!({
            "id": "0123456789abcdef0123456789abcdef", "at": "2026-11-22T10:00:00Z", "door": "amqp", "reason": "missing_field",
            "message": "m", "detail": "d", "engineer": "E-1", "event": { "source": "https://hr.example", "id": "7" },
            "faults": [{ "pointer": "/data/scope", "reason": "missing_field", "text": "Add it." }],
            "size": 812, "truncated": false, "body": "{\u{1b}[2J\n}", "later": 1
        }))
        .unwrap()
    }

    #[test]
    fn how_many_were_taken_up_is_how_it_ends() {
        let check = |outcomes: &[bool], expected: Exit| {
            let args = Cli::try_parse_from(["carepass", "dead", "list"]).map(|cli| cli.command);
            let Ok(Command::Dead(DeadCommand::List(ListArgs { common }))) = args else { panic!("no list") };
            let one = |taken: &bool| Replayed {
                id: "0".repeat(32),
                outcome: if *taken { Ok(json!({ "outcome": "applied" })) } else { Err("refused".to_owned()) },
            };
            let replayed: Vec<Replayed> = outcomes.iter().map(one).collect();
            let ended = tell(&replayed, &common, &mut Screen::standard(true));
            assert_eq!(ended.unwrap_or_else(|trouble| trouble.exit), expected, "{outcomes:?}");
        };
        check(&[], Exit::Done);
        check(&[true, true], Exit::Done);
        check(&[true, false], Exit::Partly);
        check(&[false, false], Exit::Failed);
    }

    #[test]
    fn a_message_is_a_line_of_the_table() {
        let expected = "ID                                SINCE                 DOOR  ENGINEER  REASON         BYTES\n\
                        0123456789abcdef0123456789abcdef  2026-11-22 10:00 UTC  amqp  E-1       missing field  812";
        assert_eq!(table(&[letter()], Language::English, &TimeZone::UTC, false), expected);
        assert!(table(&[letter()], Language::Swedish, &TimeZone::UTC, false).contains("TEKNIKER"));
    }

    #[test]
    fn a_message_says_what_is_wrong_and_its_body_cannot_change_the_terminal() {
        let expected = "0123456789abcdef0123456789abcdef  2026-11-22 10:00 UTC  amqp\n  engineer: E-1\n  \
                        source: https://hr.example\n  id: 7\n  /data/scope  missing_field\n    Add it.\n\n{\\u{1b}[2J\n}";
        assert_eq!(render(&letter(), &TimeZone::UTC), expected);
    }
}
