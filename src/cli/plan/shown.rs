//! A plan as a table and as JSON, with what it cannot know. Not here: how it is worked out (`engine/forecast`).

use super::super::answers::words;
use super::super::screen::Tone;
use super::super::table::{Cell, Table};
use super::{EventWould, Plan};
use crate::engine::forecast::Foreseen;
use crate::model::enrollment::{EnrollmentId, Want};
use crate::steps::writes::{Act, Write};
use serde_json::{Value, json};

/// What no plan knows, since it asks nobody.
pub(super) const NOT_KNOWN: [&str; 5] = [
    "Google was not asked: who holds an address, what an account holds, whether seats are left and scopes are delegated shows when carepass \
     gets there (`carepass check --online` looks before).",
    "A domain that Google has and carepass has not seen yet is not in it.",
    "The limits on grants are counted by the daemon alone: above them new engineers wait for a person.",
    "Whether an event is signed and its source is listened to is for the daemon to say.",
    "What goes wrong, and what somebody decides meanwhile, changes it.",
];

/// A table of the writes and what they depend on, and sentences.
pub(super) fn text(plan: &Plan, colored: bool) -> String {
    let mut parts = Vec::new();
    let event = match plan.event {
        Some(EventWould::ChangeNothing) => {
            Some("The event changes nothing: it is known, says the same again, or came too late.")
        }
        Some(EventWould::Keep) => Some(
            "The event is kept, and there is nothing to end: carepass has not heard of anybody with that key.",
        ),
        Some(EventWould::Apply) | None => None,
    };
    parts.extend(event.map(str::to_owned));
    if let Some(name) = &plan.name {
        parts.push(format!("The username would be {name}, unless somebody has it."));
    }
    let rows = || plan.forecast.rows.iter();
    if rows().next().is_some() {
        parts.push(table(rows(), colored));
    }
    let held = plan.forecast.held.iter();
    parts.extend(
        held.map(|(key, why)| format!("{key} is held for a person: {}.", words(why.code().as_str()))),
    );
    parts.extend(plan.forecast.later.iter().map(|later| {
        let what = match later.want {
            Want::Present => "what HR has said of",
            Want::Absent => "the end of access of",
        };
        format!("From {}: {what} {}, which is not in the plan yet.", later.from, later.engineer)
    }));
    parts.extend(plan.forecast.unknown.iter().map(|name| {
        format!("The domains of {name} are not known yet, so nothing is planned there but the set-up.")
    }));
    parts.push(counted(plan));
    parts.extend(NOT_KNOWN.iter().map(|line| format!("Not known here: {line}")));
    parts.join("\n")
}

fn table<'a>(rows: impl Iterator<Item = &'a Foreseen>, colored: bool) -> String {
    let mut table = Table::new(["WHO", "WHERE", "STEP", "WRITES", "WHAT", "ONLY IF"]);
    for row in rows {
        let (who, place) = names(&row.id);
        if let Some((on, code)) = row.waits {
            let waits = format!("waits for {}: {}", on.as_str(), words(code.as_str()));
            table.row([
                who.as_str().into(),
                place.as_str().into(),
                "".into(),
                Cell::toned(waits, Tone::Urgent),
                "".into(),
                "".into(),
            ]);
        }
        for write in &row.writes {
            table.row([
                who.as_str().into(),
                place.as_str().into(),
                write.step.as_str().into(),
                act(write).into(),
                write.says.as_str().into(),
                write.only_if.unwrap_or_default().into(),
            ]);
        }
        if row.waits.is_none() && row.writes.is_empty() {
            let nothing = "nothing: looked at only";
            table.row([
                who.as_str().into(),
                place.as_str().into(),
                "".into(),
                nothing.into(),
                "".into(),
                "".into(),
            ]);
        }
    }
    table.render(colored)
}

fn names(id: &EnrollmentId) -> (String, String) {
    match id {
        EnrollmentId::Reseller(name) => ("-".to_owned(), name.to_string()),
        EnrollmentId::Domain(key, _, domain) => (key.to_string(), domain.to_string()),
        EnrollmentId::Engineer(key) => (key.to_string(), "-".to_owned()),
    }
}

fn act(write: &Write) -> &'static str {
    match write.act {
        Act::Google(call) => call.template(),
        Act::Letter => "a letter",
        Act::FirstPasswords => "first passwords",
    }
}

fn counted(plan: &Plan) -> String {
    let writes = || plan.forecast.rows.iter().flat_map(|row| &row.writes);
    let sure = writes().filter(|write| write.only_if.is_none()).count();
    let perhaps = writes().count() - sure;
    format!(
        "{sure} writes, and {perhaps} that depend on what is found; as of entry {} of the ledger. Nothing was written.",
        plan.position.0
    )
}

/// The same as data.
pub(super) fn json(plan: &Plan) -> Value {
    let rows: Vec<Value> = plan.forecast.rows.iter().map(row).collect();
    let later: Vec<Value> = plan
        .forecast
        .later
        .iter()
        .map(|later| json!({ "engineer": later.engineer, "from": later.from, "goal": later.want }))
        .collect();
    let held: Vec<Value> = plan
        .forecast
        .held
        .iter()
        .map(|(key, why)| json!({ "engineer": key, "reason": why.code() }))
        .collect();
    let event = plan.event.map(|would| match would {
        EventWould::Apply => "applied",
        EventWould::ChangeNothing => "unchanged",
        EventWould::Keep => "kept",
    });
    json!({
        "position": plan.position.0, "event": event, "username": plan.name, "rows": rows, "later": later, "held": held,
        "domains_unknown": plan.forecast.unknown, "not_known": NOT_KNOWN,
    })
}

fn row(row: &Foreseen) -> Value {
    let waits = row.waits.map(|(on, code)| json!({ "on": on, "reason": code }));
    let writes: Vec<Value> = row.writes.iter().map(write).collect();
    json!({
        "id": row.id, "engineer": row.id.engineer(), "reseller": row.id.reseller(), "domain": row.id.domain(), "goal": row.want,
        "waits": waits, "writes": writes,
    })
}

fn write(write: &Write) -> Value {
    let (kind, method, path) = match write.act {
        Act::Google(call) => {
            let spec = call.spec();
            ("google", Some(spec.method.to_string()), Some(spec.path))
        }
        Act::Letter => ("letter", None, None),
        Act::FirstPasswords => ("first_passwords", None, None),
    };
    json!({
        "step": write.step, "kind": kind, "method": method, "path": path, "says": write.says, "only_if": write.only_if,
    })
}
