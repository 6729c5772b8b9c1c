//! `carepass check --online`: the flight check as a table, or as JSON. Not here: what is looked at (`app/flight`).

use super::exit::Exit;
use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use crate::app::flight::{self, Finding, Flight, Grade, Verdict};
use crate::clock::Clock;
use crate::config::Config;
use anyhow::Result;

/// Looks, and shows what was seen.
pub(super) async fn run(config: &Config, json: bool, screen: &mut Screen) -> Result<Exit> {
    let seen = flight::look(config, &Clock::System, |done, total| screen.progress(done, total)).await;
    screen.end_progress();
    let seen = seen?;
    if json {
        screen.say(format_args!("{:#}", serde_json::to_value(&seen)?));
    } else {
        let colored = screen.is_colored();
        screen.say(render(&seen, colored));
    }
    Ok(match seen.verdict() {
        Verdict::NeighbourAway => Exit::Unreachable,
        Verdict::GoogleAway => Exit::GoogleUnreachable,
        Verdict::NeedsPerson => Exit::NeedsPerson,
        Verdict::Partly => Exit::Partly,
        Verdict::Well => Exit::Done,
    })
}

/// The table, and below it what to do about each thing that is not in order.
fn render(flight: &Flight, colored: bool) -> String {
    let mut table = Table::new(["WHERE", "CHECK", "GRADE", "FOUND"]);
    let mut advice: Vec<String> = Vec::new();
    let house = [&flight.store, &flight.broker].into_iter().map(|finding| ("carepass", finding));
    let resellers =
        flight.resellers.iter().flat_map(|seen| seen.checks.iter().map(|it| (seen.reseller.as_str(), it)));
    for (place, finding) in house.chain(resellers) {
        let (word, tone) = shown(finding.grade);
        table.row([
            place.into(),
            finding.check.as_str().into(),
            Cell::toned(word, tone),
            finding.said.as_str().into(),
        ]);
        if !finding.advice.is_empty() {
            push_advice(&mut advice, place, finding);
        }
    }
    let mut text = table.render(colored);
    if !advice.is_empty() {
        text.push_str("\n\nWhat you can do:\n");
        text.push_str(&advice.join("\n"));
    }
    text
}

/// The same advice for several checks in a row stands once.
fn push_advice(advice: &mut Vec<String>, place: &str, finding: &Finding) {
    let lines = finding.advice.replace('\n', "\n    ");
    let ending = format!(": {lines}");
    match advice
        .last_mut()
        .filter(|last| last.starts_with(&format!("- {place}, ")) && last.ends_with(&ending))
    {
        Some(last) => {
            let at = last.len() - ending.len();
            last.insert_str(at, &format!("; {}", finding.check));
        }
        None => advice.push(format!("- {place}, {}{ending}", finding.check)),
    }
}

fn shown(grade: Grade) -> (&'static str, Tone) {
    match grade {
        Grade::Ok => ("ok", Tone::Good),
        Grade::Unknown => ("unknown", Tone::Calm),
        Grade::Warning => ("warning", Tone::Calm),
        Grade::Fault => ("fault", Tone::Urgent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::flight::Seen;

    #[test]
    fn the_table_grades_and_the_advice_is_given_once() {
        let finding = |check: &str, grade, advice: &str| Finding {
            check: check.to_owned(),
            grade,
            said: "so".to_owned(),
            advice: advice.to_owned(),
            code: None,
        };
        let checks = vec![
            finding("scope a", Grade::Fault, "do this\nclient_id: 1"),
            finding("scope b", Grade::Fault, "do this\nclient_id: 1"),
            finding("clock", Grade::Warning, "do that"),
        ];
        let flight = Flight {
            store: finding("store", Grade::Ok, ""),
            broker: finding("broker", Grade::Unknown, ""),
            resellers: vec![Seen { reseller: "se".parse().unwrap(), checks }],
        };
        let expected = "\
WHERE     CHECK    GRADE    FOUND
carepass  store    ok       so
carepass  broker   unknown  so
se        scope a  fault    so
se        scope b  fault    so
se        clock    warning  so

What you can do:
- se, scope a; scope b: do this
    client_id: 1
- se, clock: do that";
        assert_eq!(render(&flight, false), expected);
    }
}
