//! `carepass event lint` and `event publish`: for those who make the events, before and instead of their HR system. Linting is the
//! daemon's own reading of a message, so what passes here is taken there. Not here: cutting files into events (`events_file`).

use super::event_hints::{Hint, hints};
use super::event_key::SignArgs;
use super::events_file::{self, FoundEvent};
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use super::speech::Speech;
use crate::amqp::{AmqpError, Endpoint, Outgoing, PublishCounts, publish_all};
use crate::clock::Clock;
use crate::model::event::{self, Event, Refusal, lint_text};
use crate::model::person::Language;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Fewer events than this are over before a bar is seen.
const PROGRESS_FROM: usize = 20;

pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The commands about events.
#[derive(Clone, Debug, Subcommand)]
pub enum EventCommand {
    /// Say whether events can be used, and everything that is wrong with those that cannot
    Lint(LintArgs),
    /// Publish events to the broker, after linting them
    Publish(PublishArgs),
    /// Make a key to sign events with, and the lines for the configuration of carepass
    Keygen(super::event_key::KeygenArgs),
    /// Show the people of a spreadsheet as new engineers, and publish them
    Import(super::import::ImportArgs),
}

/// Arguments of `event lint`.
#[derive(Clone, Debug, Args)]
pub struct LintArgs {
    /// Files with one event, a JSON array of events, or an event per line; `-` is the standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Arguments of `event publish`.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    /// Files with one event, a JSON array of events, or an event per line; `-` is the standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The broker; a password is better given by the environment, since other users see arguments
    #[arg(
        long = "amqp",
        value_name = "URL",
        env = "CAREPASS__INTAKE__AMQP__URL",
        hide_env_values = true,
        default_value = "amqp://127.0.0.1:5672"
    )]
    url: SecretString,
    /// The exchange that carepass listens to
    #[arg(
        long,
        env = "CAREPASS__INTAKE__AMQP__EXCHANGE",
        hide_env_values = true,
        default_value = "hr.events"
    )]
    exchange: String,
    /// Publish events that cannot be used as well: to see them arrive among the dead letters
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    signing: SignArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// An event and what became of its linting.
pub(super) struct Linted {
    pub(super) found: FoundEvent,
    pub(super) verdict: Result<Event, Refusal>,
}

/// Runs `event lint`.
pub fn lint(args: &LintArgs, screen: &mut Screen) -> Ended {
    let (linted, now) = (lint_files(&args.files, screen)?, Clock::System.now());
    if args.json {
        screen.say(format_args!(
            "{:#}",
            json!({ "items": linted.iter().map(|one| one.json(now)).collect::<Vec<_>>() })
        ));
    } else {
        for one in &linted {
            match &one.verdict {
                Ok(event) => {
                    screen.say(format_args!("{}: ok", one.found.place));
                    for hint in hints(event, now) {
                        let (pointer, code) = (hint.pointer(), hint.code());
                        screen.say(format_args!(
                            "  {pointer}  {code}\n    {}",
                            hint.text(args.speech.language)
                        ));
                    }
                }
                Err(refusal) => screen.say(format_args!(
                    "{}: {}",
                    one.found.place,
                    lint_text(refusal, args.speech.language).trim_end()
                )),
            }
        }
    }
    Ok(if linted.iter().all(|one| one.verdict.is_ok()) { Exit::Done } else { Exit::Failed })
}

/// Runs `event publish`.
pub async fn publish(args: PublishArgs, screen: &mut Screen) -> Ended {
    let linted = lint_files(&args.files, screen)?;
    let refused: Vec<&Linted> = linted.iter().filter(|one| one.verdict.is_err()).collect();
    for one in &refused {
        if let Err(refusal) = &one.verdict {
            screen.note(format_args!(
                "{}: {}",
                one.found.place,
                lint_text(refusal, args.speech.language).trim_end()
            ));
        }
    }
    if !refused.is_empty() && !args.force {
        return Err(Trouble::failed(match args.speech.language {
            Language::English => {
                "Nothing was published. Mend the events above, or publish all of them with --force."
            }
            Language::Swedish => {
                "Inget publicerades. Rätta händelserna ovan, eller publicera alla med --force."
            }
        }));
    }
    let mut messages = linted.iter().map(|one| one.message(&args.exchange)).collect::<Result<Vec<_>, _>>()?;
    args.signing.sign(&mut messages)?;
    let counts = send(&args.url, messages, &linted, screen).await?;
    report(counts, linted.len(), args.json, screen);
    Ok(match counts.confirmed {
        all if all == linted.len() => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Partly,
    })
}

fn lint_files(files: &[PathBuf], screen: &mut Screen) -> Result<Vec<Linted>, Trouble> {
    let mut found = Vec::new();
    for file in files {
        found.extend(events_file::read(file)?);
    }
    let total = found.len();
    let shown = total >= PROGRESS_FROM;
    let mut linted = Vec::with_capacity(total);
    for one in found {
        let verdict = event::parse(&one.body, Some(CONTENT_TYPE), &BTreeMap::new());
        linted.push(Linted { found: one, verdict });
        if shown && linted.len().is_multiple_of(PROGRESS_FROM) {
            screen.progress(linted.len(), total);
        }
    }
    screen.end_progress();
    Ok(linted)
}

pub(super) async fn send(
    url: &SecretString,
    messages: Vec<Outgoing>,
    linted: &[Linted],
    screen: &mut Screen,
) -> Result<PublishCounts, Trouble> {
    let total = messages.len();
    let (mut settled, mut failed) = (0, Vec::new());
    let published = publish_all(url, messages, |place, sent| {
        settled += 1;
        if total >= PROGRESS_FROM {
            screen.progress(settled, total);
        }
        if let Err(error) = sent {
            failed.push(format!("{}: {error}", linted[place].found.place));
        }
    });
    let counts = published.await.map_err(|error| unpublished(url, &error));
    screen.end_progress();
    failed.sort();
    for line in &failed {
        screen.note(line);
    }
    counts
}

/// The counts as data.
pub(super) fn counted(counts: PublishCounts, total: usize) -> Value {
    let PublishCounts { confirmed, unroutable, failed } = counts;
    json!({ "events": total, "confirmed": confirmed, "unroutable": unroutable, "failed": failed })
}

pub(super) fn report(counts: PublishCounts, total: usize, json: bool, screen: &mut Screen) {
    let PublishCounts { confirmed, unroutable, failed } = counts;
    if json {
        screen.say(format_args!("{:#}", counted(counts, total)));
    } else {
        screen.say(format_args!(
            "{confirmed} of {total} published, {unroutable} not routed to any queue, {failed} failed"
        ));
    }
}

fn unpublished(url: &SecretString, error: &AmqpError) -> Trouble {
    let place = Endpoint::parse(url).map_or_else(|_| "--amqp".to_owned(), |endpoint| endpoint.to_string());
    Trouble { exit: error.into(), text: format!("nothing was published to {place}: {error}") }
}

impl Linted {
    /// The message: structured mode, routed by its type.
    pub(super) fn message(&self, exchange: &str) -> Result<Outgoing, Trouble> {
        let (event_type, id) = match &self.verdict {
            Ok(event) => (event.event_type().as_text(), event.reference.id.clone()),
            Err(_) => self.attributes()?,
        };
        Ok(Outgoing {
            exchange: exchange.to_owned(),
            routing_key: event_type,
            message_id: id,
            content_type: CONTENT_TYPE.to_owned(),
            headers: BTreeMap::new(),
            body: self.found.body.clone(),
        })
    }

    /// What a refused event has to have so that it can be sent nevertheless.
    fn attributes(&self) -> Result<(String, String), Trouble> {
        let value: Value = serde_json::from_slice(&self.found.body).unwrap_or_default();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let event_type = text("type").ok_or_else(|| {
            let place = &self.found.place;
            Trouble::failed(format!(
                "nothing was published: {place} has no type to be routed by, so not even --force can send it"
            ))
        })?;
        Ok((event_type, text("id").unwrap_or_default()))
    }

    fn json(&self, now: Timestamp) -> Value {
        let shown = |hint: Hint| json!({ "pointer": hint.pointer(), "code": hint.code() });
        let hints: Vec<Value> = self.verdict.iter().flat_map(|event| hints(event, now)).map(shown).collect();
        let faults = self.verdict.as_ref().err().map(|refusal| {
            let faults =
                refusal.faults.iter().map(|fault| json!({ "pointer": fault.pointer, "code": fault.code }));
            faults.collect::<Vec<_>>()
        });
        json!({
            "file": self.found.file,
            "event": self.found.number,
            "usable": self.verdict.is_ok(),
            "faults": faults.unwrap_or_default(),
            "hints": hints,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");

    fn linted(text: &str) -> Linted {
        let found =
            FoundEvent { file: "x.json".into(), number: 1, place: "x.json".into(), body: text.into() };
        Linted { verdict: event::parse(&found.body, Some(CONTENT_TYPE), &BTreeMap::new()), found }
    }

    #[test]
    fn an_event_is_routed_by_its_type() {
        let message = linted(SAMPLE).message("hr.events").unwrap();
        assert_eq!(message.routing_key, "com.carepass.engineer.joined.v1");
        assert_eq!((message.exchange.as_str(), message.content_type.as_str()), ("hr.events", CONTENT_TYPE));
        assert_eq!(message.body, SAMPLE.as_bytes());
    }

    /// Every event of the project's own, whatever its type.
    #[test]
    fn the_samples_can_be_used_and_are_routed_by_their_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/samples");
        let mut types = std::collections::BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let sample = linted(&std::fs::read_to_string(&path).unwrap());
            let event =
                sample.verdict.as_ref().unwrap_or_else(|refusal| panic!("{}: {refusal}", path.display()));
            assert_eq!(sample.message("x").unwrap().routing_key, event.event_type().as_text());
            let before = "2026-11-01T00:00:00Z".parse().unwrap();
            assert_eq!(hints(event, before), [], "{}", path.display());
            types.insert(event.event_type());
        }
        assert_eq!(types.into_iter().collect::<Vec<_>>(), event::EventType::ALL);
    }

    #[test]
    fn a_refused_event_is_sent_only_with_a_type() {
        let forced = linted(r#"{"type":"com.example.other","id":"7"}"#).message("x").unwrap();
        assert_eq!((forced.routing_key.as_str(), forced.message_id.as_str()), ("com.example.other", "7"));
        assert_eq!(linted("{").message("x").unwrap_err().exit, Exit::Failed);
    }

    #[test]
    fn faults_are_shown_by_place_and_code() {
        let now = Timestamp::UNIX_EPOCH;
        let shown = linted("[]").json(now);
        assert_eq!((&shown["usable"], &shown["faults"][0]["code"]), (&json!(false), &json!("not_an_object")));
        let sample = linted(SAMPLE).json(now);
        assert_eq!((&sample["faults"], &sample["hints"]), (&json!([]), &json!([])));
    }
}
