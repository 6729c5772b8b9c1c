//! `carepass plan`: what carepass would write where, worked out from the configuration and the ledger beside the daemon; nothing is asked of
//! Google and nothing is written. Not here: how it is worked out (`engine/forecast`), and what each step writes (`steps/writes`).

mod shown;

use super::event::CONTENT_TYPE;
use super::events_file;
use super::exit::{Ended, Exit, Trouble};
use super::ledger_source::{self, Reading};
use super::screen::Screen;
use super::serve::load;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::forecast::{Forecast, Hearing, Judged, Means, forecast, heard, roster};
use crate::model::admission::House;
use crate::model::engineer::Engineer;
use crate::model::entry::Position;
use crate::model::event::{self, Event, Lifecycle, Refusal, lint_text};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::person::Language;
use crate::model::reseller::Reseller;
use crate::model::snapshot::{Interest, Snapshot};
use crate::model::username::{Candidates, candidates};
use crate::seal::Sealer;
use clap::Args;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Say what carepass would write where, and write nothing
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Configuration files, the later the stronger
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    config: Vec<PathBuf>,
    /// Only for this engineer
    #[arg(long, value_name = "KEY", conflicts_with = "event")]
    engineer: Option<EngineerKey>,
    /// As if this event of the HR system had just come
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// What is planned, and what is so beside it.
pub(super) struct Plan {
    /// What would be done.
    pub(super) forecast: Forecast,
    /// The local part that the event's engineer would get where nobody has it; none where no event is asked about, or no name can be made.
    pub(super) name: Option<String>,
    /// What the event would change; none where no event is asked about.
    pub(super) event: Option<EventWould>,
    /// The last entry of the ledger that is in it.
    pub(super) position: Position,
}

/// What an event would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventWould {
    /// It is taken up.
    Apply,
    /// It changes nothing: it is known, says the same again, or came too late.
    ChangeNothing,
    /// It is kept, and ends nothing: nobody with that key was heard of.
    Keep,
}

/// Runs the command.
pub async fn run(args: &PlanArgs, screen: &mut Screen) -> Ended {
    let Some(config) = load(&args.config, screen) else { return Ok(Exit::Usage) };
    let event = args.event.as_deref().map(read).transpose()?;
    let mut event = match event {
        None => None,
        Some(Ok(event)) => Some(event),
        Some(Err(refusal)) => return Ok(refused(&refusal, screen)),
    };
    let engineer = args.engineer.clone().or_else(|| event.as_ref().map(|event| event.engineer().clone()));
    let interest =
        Interest { engineer: engineer.clone(), event: event.as_ref().map(|event| event.reference.clone()) };
    let mut snapshot = Snapshot::of(interest);
    if ledger_source::is_begun(&config.store.backend).await? {
        if let Some(event) = &mut event {
            key_content(event, &config.seal.key_file)?;
        }
        let taken = ledger_source::each(&config.store.backend, Position(0), |entry, _| {
            snapshot.take(entry);
            Ok(Reading::On)
        });
        taken.await?;
    }
    if let Some(key) = args.engineer.as_ref().filter(|key| !snapshot.engineers.contains_key(*key)) {
        return Err(Trouble::failed(format!(
            "carepass knows no engineer {key}; to plan for a new one, give the event with --event"
        )));
    }
    let plan = match worked_out(&config, snapshot, event.as_ref(), Clock::System.now()) {
        Ok(mut plan) => {
            if engineer.is_some() {
                let is_asked = |foreseen: &crate::engine::forecast::Foreseen| {
                    foreseen.id.engineer().is_some() || !foreseen.writes.is_empty()
                };
                plan.forecast.rows.retain(is_asked);
            }
            plan
        }
        Err(refusal) => return Ok(refused(&refusal, screen)),
    };
    if args.json {
        screen.say(format_args!("{:#}", shown::json(&plan)));
    } else {
        screen.say(shown::text(&plan, screen.is_colored()));
    }
    Ok(Exit::Done)
}

/// The one event of a file.
fn read(file: &Path) -> Result<Result<Event, Refusal>, Trouble> {
    let mut found = events_file::read(file)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(event::parse(&one.body, Some(CONTENT_TYPE), &BTreeMap::new())),
        (_, others) => {
            Err(Trouble::usage(format!("{} holds {} events; a plan is for one", file.display(), others + 1)))
        }
    }
}

fn refused(refusal: &Refusal, screen: &mut Screen) -> Exit {
    screen.note(format_args!(
        "carepass would park this event: {}",
        lint_text(refusal, Language::English).trim_end()
    ));
    Exit::Failed
}

/// What the ledger knows of contents is keyed with the master key, which is read here and never made.
fn key_content(event: &mut Event, key_file: &Path) -> Result<(), Trouble> {
    let sealer = Sealer::existing(key_file).map_err(|error| {
        Trouble::usage(if error.is_missing() {
            let file = key_file.display();
            format!(
                "the master key {file} is missing: without it nobody can tell whether this event came before"
            )
        } else {
            format!("the master key: {error}")
        })
    })?;
    event.content_hash = sealer.content(&event.content_hash);
    Ok(())
}

/// The plan, or why the event would be parked.
fn worked_out(
    config: &Config,
    mut snapshot: Snapshot,
    event: Option<&Event>,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let resellers: BTreeMap<ResellerName, Reseller> = config
        .resellers
        .iter()
        .map(|section| (section.reseller.name.clone(), section.reseller.clone()))
        .collect();
    let (mut name, mut would) = (None, None);
    if let Some(event) = event {
        let profiles: BTreeSet<_> =
            resellers.values().flat_map(Reseller::roles).map(|(profile, _)| profile).collect();
        let hearing = Hearing {
            house: House { roster: &roster(&snapshot, &resellers), profiles: &profiles },
            approval_required: config.approval.required,
            lead_time: config.calendar.lead_time,
        };
        would = Some(match heard(event, &snapshot, hearing, now) {
            Judged::Applied(engineer) => {
                name = named(config, event, &engineer);
                snapshot.engineers.insert(engineer.key.clone(), *engineer);
                EventWould::Apply
            }
            Judged::Unchanged => EventWould::ChangeNothing,
            Judged::Kept => EventWould::Keep,
            Judged::Refused { pointer, reason } => {
                return Err(Refusal::one(pointer, reason, Some(event.reference.clone())));
            }
        });
    }
    let means = Means { resellers: &resellers, lead_time: config.calendar.lead_time, rules: &config.engine };
    let position = snapshot.position;
    Ok(Plan { forecast: forecast(&snapshot, means, now), name, event: would, position })
}

/// The first candidate of a new engineer; one who has a name keeps it.
fn named(config: &Config, event: &Event, engineer: &Engineer) -> Option<String> {
    let (Lifecycle::Joined(full) | Lifecycle::Moved(full)) = &event.lifecycle else { return None };
    if engineer.username.is_some() {
        return None;
    }
    let (person, wish) = (&full.person, full.person.preferred_username.as_ref());
    match candidates(&person.name, wish, Some(&full.key), &config.usernames) {
        Candidates::Derived(made) => made.first().map(|candidate| candidate.local_part.to_string()),
        Candidates::NeedsLatin { .. } => None,
    }
}
