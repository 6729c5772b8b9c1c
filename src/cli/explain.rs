//! `carepass explain KEY`: at most five plain lines: what the engineer has, what is lacking, why, who acts, when carepass looks
//! again; beside them what is to come, and which replica drives it, where there are several. The sentences are the API's, so that everybody reads the same. Not here: lists (`status`).

use super::answers::{EngineerAnswer, EnrollmentAnswer, LeavingAnswer, Sentences, clock, words};
use super::client::{ApiArgs, Client};
use super::driven::Driven;
use super::exit::{Ended, Exit};
use super::screen::Screen;
use super::speech::Speech;
use crate::clock::Clock;
use crate::model::calendar::moment;
use crate::model::id::EngineerKey;
use crate::model::person::Language;
use crate::model::time_zone::TimeZoneName;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// HR's key of the engineer
    key: EngineerKey,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    speech: Speech,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: &ExplainArgs, screen: &mut Screen) -> Ended {
    let language = args.speech.language;
    let client = Client::new(&args.api, language)?;
    let mut answer = client.get(&["v1", "engineers", args.key.as_str()], &[]).await?;
    let driven = Driven::ask(&client).await?;
    if args.json {
        answer["driven_by"] = json!(driven.all());
        screen.say(format_args!("{answer:#}"));
    } else {
        let engineer: EngineerAnswer = client.read(answer)?;
        let unsettled = engineer.unsettled();
        let accounts = unsettled.iter().filter_map(|row| row.target.reseller.as_deref());
        let mut lines = dates(&engineer, language, &TimeZone::system(), Clock::System.now());
        lines.insert(0, render(&engineer, language, &TimeZone::system()));
        lines.extend(driven.sentence(accounts, language));
        screen.say(lines.join("\n"));
    }
    Ok(Exit::Done)
}

/// The lines.
pub fn render(engineer: &EngineerAnswer, language: Language, zone: &TimeZone) -> String {
    let unsettled = engineer.unsettled();
    let ended: Vec<&EnrollmentAnswer> = engineer.enrollments.iter().filter(|row| is_ended(row)).collect();
    let mut lines = vec![has(engineer, language)];
    if engineer.state != "leaving" {
        lines.extend(lacks(&unsettled, &ended, language));
    }
    if let Some(sentences) = &engineer.sentences {
        lines.extend(because(sentences, engineer.waiting_on.as_deref(), language));
    } else if let Some(first) = unsettled.first() {
        lines.extend(of_row(first, unsettled.len() - 1, language));
        lines.extend(first.look_again_at.map(|time| looks_again(&clock(time, zone), language)));
    } else {
        lines.extend(ended_why(&ended, language));
    }
    lines.join("\n")
}

/// What is to come: the start while it has not been, a change, the end; on the clock of the place of work and on the reader's.
pub fn dates(engineer: &EngineerAnswer, language: Language, zone: &TimeZone, now: Timestamp) -> Vec<String> {
    let shown = |at: Timestamp, place: &TimeZoneName| {
        moment::in_places(at, &place.time_zone(), std::slice::from_ref(zone), now, language)
    };
    let starts = engineer.starts.zip(engineer.time_zone.as_ref()).filter(|(at, _)| *at > now);
    let starts = starts.map(|(at, place)| {
        let starts = shown(at, place);
        let opens = engineer.opens.filter(|opens| *opens > now).map(|opens| shown(opens, place));
        match (language, opens) {
            (Language::English, Some(opens)) => format!("Starts {starts}; work begins by itself {opens}."),
            (Language::Swedish, Some(opens)) => {
                format!("Börjar {starts}; arbetet börjar av sig självt {opens}.")
            }
            (Language::English, None) => format!("Starts {starts}."),
            (Language::Swedish, None) => format!("Börjar {starts}."),
        }
    });
    let upcoming = engineer.upcoming.iter().map(|said| {
        let at = shown(said.from, &said.time_zone);
        match (language, said.goal.as_str()) {
            (Language::English, "absent") => format!("Leaves {at}; HR can take it back until then."),
            (Language::Swedish, "absent") => format!("Slutar {at}; HR kan ta tillbaka det fram till dess."),
            (Language::English, _) => format!("Changes {at}."),
            (Language::Swedish, _) => format!("Ändras {at}."),
        }
    });
    starts.into_iter().chain(upcoming).collect()
}

fn has(engineer: &EngineerAnswer, language: Language) -> String {
    let who = match &engineer.username {
        Some(name) => format!("{name} ({})", engineer.key),
        None => engineer.key.clone(),
    };
    if let Some(leaving) =
        engineer.leaving.as_ref().filter(|_| ["leaving", "removed"].contains(&engineer.state.as_str()))
    {
        return leaves(&who, leaving, language);
    }
    let ready = list(engineer.meant().filter(|row| row.state == "completed"), language);
    match (language, engineer.state.as_str(), ready) {
        (Language::English, "removed", _) => format!("{who} has no access any more."),
        (Language::Swedish, "removed", _) => format!("{who} har inte längre åtkomst."),
        (Language::English, "ready", Some(domains)) => format!("{who} is ready: access in {domains}."),
        (Language::Swedish, "ready", Some(domains)) => format!("{who} är klar: åtkomst i {domains}."),
        (Language::English, _, Some(domains)) => format!("{who} has access in {domains}."),
        (Language::Swedish, _, Some(domains)) => format!("{who} har åtkomst i {domains}."),
        (Language::English, _, None) => format!("{who} has no access yet."),
        (Language::Swedish, _, None) => format!("{who} har ingen åtkomst än."),
    }
}

/// Where access is still open, or how long it took to end it.
fn leaves(who: &str, leaving: &LeavingAnswer, language: Language) -> String {
    let open = leaving.open.join(", ");
    match (language, leaving.took_seconds) {
        (Language::English, _) if !open.is_empty() => {
            format!("{who} is leaving: access is still open in {open}.")
        }
        (Language::Swedish, _) if !open.is_empty() => {
            format!("{who} slutar: åtkomsten är fortfarande öppen i {open}.")
        }
        (Language::English, Some(seconds)) => {
            format!("{who} has no access any more; the last domain was locked out after {seconds} s.")
        }
        (Language::Swedish, Some(seconds)) => {
            format!("{who} har inte längre åtkomst; den sista domänen stängdes efter {seconds} s.")
        }
        (Language::English, None) => format!("{who} has no access any more."),
        (Language::Swedish, None) => format!("{who} har inte längre åtkomst."),
    }
}

/// Whether an operator ended what was to be had: nothing more happens there, and it is lacking all the same.
fn is_ended(row: &EnrollmentAnswer) -> bool {
    row.state == "cancelled" && !row.ends_access()
}

fn lacks(unsettled: &[&EnrollmentAnswer], ended: &[&EnrollmentAnswer], language: Language) -> Option<String> {
    let (ending, lacking): (Vec<_>, Vec<_>) = unsettled.iter().copied().partition(|row| row.ends_access());
    let lacking = list(lacking.into_iter(), language).map(|places| match language {
        Language::English => format!("Lacking: {places}."),
        Language::Swedish => format!("Saknas: {places}."),
    });
    let ending = list(ending.into_iter(), language).map(|places| match language {
        Language::English => format!("Access is still to end in {places}."),
        Language::Swedish => format!("Åtkomsten ska ännu upphöra i {places}."),
    });
    let ended = list(ended.iter().copied(), language).map(|places| match language {
        Language::English => format!("Ended by an operator: {places}."),
        Language::Swedish => format!("Avslutat av en operatör: {places}."),
    });
    let parts: Vec<String> = lacking.into_iter().chain(ended).chain(ending).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Why nothing more happens where an operator ended it, and that nobody acts; where the words differ, of each place by itself.
fn ended_why(ended: &[&EnrollmentAnswer], language: Language) -> Vec<String> {
    let said = |row: &EnrollmentAnswer| row.message.clone().unwrap_or_default();
    let Some(first) = ended.first().map(|row| said(row)) else { return Vec::new() };
    let why = if ended.iter().all(|row| said(row) == first) {
        first
    } else {
        let one = |row: &&EnrollmentAnswer| format!("{}: {}", name(row, language), said(row));
        ended.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    match language {
        Language::English => vec![format!("Why: {why}"), "Who acts: nobody.".to_owned()],
        Language::Swedish => vec![format!("Varför: {why}"), "Vem: ingen.".to_owned()],
    }
}

/// Why and who acts, of the row that needs somebody most.
fn of_row(row: &EnrollmentAnswer, others: usize, language: Language) -> Vec<String> {
    if let Some(sentences) = &row.sentences {
        let mut lines = because(sentences, row.waiting_on.as_deref(), language);
        if others > 0 {
            let more = match language {
                Language::English => "more",
                Language::Swedish => "till",
            };
            // Most messages name their place themselves.
            let place = Some(name(row, language)).filter(|name| !sentences.so.contains(name.as_str()));
            let place = place.map_or_else(String::new, |name| format!("{name}; "));
            lines[0] = format!("{} ({place}{others} {more})", lines[0]);
        }
        return lines;
    }
    let step = row.step.as_deref().map(words).unwrap_or_default();
    match language {
        Language::English => {
            vec![format!("Why: carepass is at work on it (step: {step})."), "Who acts: carepass.".to_owned()]
        }
        Language::Swedish => {
            vec![format!("Varför: carepass arbetar med det (steg: {step})."), "Vem: carepass.".to_owned()]
        }
    }
}

fn because(sentences: &Sentences, waiting_on: Option<&str>, language: Language) -> Vec<String> {
    let who = who_acts(waiting_on, language);
    match language {
        Language::English => {
            vec![format!("Why: {}", sentences.so), format!("Who acts: {who}. {}", sentences.you)]
        }
        Language::Swedish => {
            vec![format!("Varför: {}", sentences.so), format!("Vem: {who}. {}", sentences.you)]
        }
    }
}

fn who_acts(waiting_on: Option<&str>, language: Language) -> &str {
    match (language, waiting_on) {
        (Language::English, Some("operator")) => "the operators",
        (Language::Swedish, Some("operator")) => "driften",
        (Language::English, Some("engineer")) => "the engineer",
        (Language::Swedish, Some("engineer")) => "teknikern",
        (_, Some("hr")) => "HR",
        (_, Some("google")) => "Google",
        (Language::English, Some("calendar")) => "nobody: the date has to come",
        (Language::Swedish, Some("calendar")) => "ingen: datumet måste komma",
        (Language::English, Some("reseller")) => "whoever sets the reseller account up",
        (Language::Swedish, Some("reseller")) => "den som sätter upp återförsäljarkontot",
        (_, Some(other)) => other,
        (_, None) => "carepass",
    }
}

fn looks_again(time: &str, language: Language) -> String {
    match language {
        Language::English => format!("carepass looks again at {time}."),
        Language::Swedish => format!("carepass tittar igen {time}."),
    }
}

/// The rows' names as a list in a sentence; nothing for none.
fn list<'a>(rows: impl Iterator<Item = &'a EnrollmentAnswer>, language: Language) -> Option<String> {
    let names: Vec<String> = rows.map(|row| name(row, language)).collect();
    let and = match language {
        Language::English => "and",
        Language::Swedish => "och",
    };
    match names.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [others @ .., last] => Some(format!("{} {and} {last}", others.join(", "))),
    }
}

fn name(row: &EnrollmentAnswer, language: Language) -> String {
    match (&row.target.domain, language) {
        (Some(domain), _) => domain.clone(),
        (None, Language::English) => "the welcome".to_owned(),
        (None, Language::Swedish) => "välkomstbrevet".to_owned(),
    }
}
