//! `carepass status`: one line for each engineer, one for each reseller account that is not ready or will soon lack seats, and which
//! replica drives which, where there are several. Not here: one engineer in words (`explain`).

use super::answers::{EngineerAnswer, ResellerAnswer, clock, needs_person, reason_words, spoken};
use super::client::{ApiArgs, Client};
use super::driven::Driven;
use super::exit::{Ended, Exit};
use super::screen::{Screen, Tone};
use super::speech::Speech;
use super::table::{Cell, Table};
use crate::model::person::Language;
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;

/// Arguments of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
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

/// Runs the command.
pub async fn run(args: &StatusArgs, screen: &mut Screen) -> Ended {
    let language = args.speech.language;
    let client = Client::new(&args.api, language)?;
    let filters = [("state", &args.state), ("reseller", &args.reseller)];
    let filters: Vec<_> =
        filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let items = client.list(&["v1", "engineers"], &filters).await?;
    let answers = client.list(&["v1", "resellers"], &[]).await?;
    let resellers: Vec<ResellerAnswer> =
        answers.into_iter().map(|answer| client.read(answer)).collect::<Result<_, _>>()?;
    let driven = Driven::of(&resellers);
    if args.json {
        screen.say(format_args!("{:#}", json!({ "items": items, "driven_by": driven.all() })));
        return Ok(Exit::Done);
    }
    let mut engineers: Vec<EngineerAnswer> =
        items.into_iter().map(|item| client.read(item)).collect::<Result<_, _>>()?;
    // Whoever has access that was to end comes first.
    engineers.sort_by_key(|engineer| !engineer.is_exposed());
    if engineers.is_empty() {
        screen.note(match language {
            _ if !filters.is_empty() => super::engineer::none_like_that(language),
            Language::English => "No engineers. They come with events of the HR system.",
            Language::Swedish => "Inga tekniker. De kommer med händelser från HR-systemet.",
        });
    } else {
        screen.say(render(&engineers, language, &TimeZone::system(), screen.is_colored()));
    }
    for reseller in &resellers {
        let lines = [not_ready(reseller, language, &TimeZone::system()), seats_low(reseller, language)];
        for line in lines.into_iter().flatten() {
            screen.note(&line);
        }
    }
    let names = resellers.iter().map(|reseller| reseller.name.as_str());
    if let Some(line) = driven.sentence(names, language) {
        screen.note(&line);
    }
    Ok(Exit::Done)
}

/// What to say of an account that takes no engineers: why, and where it says what to do.
pub fn not_ready(reseller: &ResellerAnswer, language: Language, zone: &TimeZone) -> Option<String> {
    if reseller.ready != Some(false) {
        return None;
    }
    let name = &reseller.name;
    let Some(row) = &reseller.enrollment else {
        return Some(match language {
            Language::English => format!("The reseller account {name} has not been looked at yet."),
            Language::Swedish => format!("Återförsäljarkontot {name} har inte granskats än."),
        });
    };
    if row.state == "cancelled" {
        return Some(match language {
            Language::English => format!("The reseller account {name} was given up by an order."),
            Language::Swedish => format!("Återförsäljarkontot {name} gavs upp genom en order."),
        });
    }
    let why = match &row.reason {
        Some(code) => reason_words(code, language),
        None => row.work(language),
    };
    let again = row.look_again_at.map(|time| clock(time, zone));
    Some(match language {
        Language::English => {
            let again = again.map_or_else(String::new, |time| format!(", looked at again {time}"));
            let what = if row.needs_person() { " `carepass task list` says what to do." } else { "" };
            format!("The reseller account {name} is not ready: {why}{again}.{what}")
        }
        Language::Swedish => {
            let again = again.map_or_else(String::new, |time| format!(", nästa titt {time}"));
            let what =
                if row.needs_person() { " `carepass task list` säger vad som ska göras." } else { "" };
            format!("Återförsäljarkontot {name} är inte klart: {why}{again}.{what}")
        }
    })
}

/// What to say of an account whose seats will not do for those who are known to come.
pub fn seats_low(reseller: &ResellerAnswer, language: Language) -> Option<String> {
    let seats = reseller.seats.filter(|seats| seats.low)?;
    let (name, remaining, starters) = (&reseller.name, seats.remaining?, seats.starters);
    Some(match language {
        Language::English => format!(
            "Seats run low in the reseller account {name}: {remaining} left, {starters} accounts still to be made. Ask Google for \
             more in time."
        ),
        Language::Swedish => format!(
            "Platserna börjar ta slut i återförsäljarkontot {name}: {remaining} kvar, {starters} konton ska skapas. Begär fler av \
             Google i tid."
        ),
    })
}

/// The table.
pub fn render(engineers: &[EngineerAnswer], language: Language, zone: &TimeZone, colored: bool) -> String {
    let mut table = Table::new(match language {
        Language::English => ["KEY", "USERNAME", "STATE", "DONE", "WAITS FOR", "LOOKED AT AGAIN"],
        Language::Swedish => ["NYCKEL", "NAMN", "LÄGE", "KLART", "VÄNTAR PÅ", "NÄSTA TITT"],
    });
    for engineer in engineers {
        let done = engineer.meant().filter(|row| row.state == "completed").count();
        let look_again = engineer.enrollments.iter().filter_map(|row| row.look_again_at).min();
        table.row([
            engineer.key.as_str().into(),
            engineer.username.as_deref().unwrap_or("-").into(),
            state(engineer, language),
            format!("{done}/{}", engineer.meant().count()).into(),
            waits_for(engineer, language),
            look_again.map_or_else(String::new, |time| clock(time, zone)).into(),
        ]);
    }
    table.render(colored)
}

fn state(engineer: &EngineerAnswer, language: Language) -> Cell {
    let tone = match engineer.state.as_str() {
        _ if engineer.is_exposed() => Tone::Urgent,
        "ready" | "removed" => Tone::Good,
        _ => Tone::Calm,
    };
    Cell::toned(spoken(&engineer.state, language), tone)
}

/// Who has to act and why, for the most urgent thing, and how many other things there are.
fn waits_for(engineer: &EngineerAnswer, language: Language) -> Cell {
    let held = engineer.waiting_on.as_ref().map(|on| (on, &engineer.reason));
    let rows = engineer.unsettled();
    let mut waiting: Vec<_> =
        rows.iter().filter_map(|row| Some((row.waiting_on.as_ref()?, &row.reason))).collect();
    waiting.dedup();
    let mut all = held.into_iter().chain(waiting);
    let Some((on, reason)) = all.next() else { return "".into() };
    let reason =
        reason.as_deref().map_or_else(String::new, |code| format!(": {}", reason_words(code, language)));
    let more = match all.count() {
        0 => String::new(),
        count => format!(" (+{count})"),
    };
    let text = format!("{}{reason}{more}", spoken(on, language));
    if needs_person(Some(on)) { Cell::toned(text, Tone::Urgent) } else { text.into() }
}
