//! How a step ended: everything that lasts and that somebody could find twice, without the times.
//! Not here: how it came to that.

use super::stage::{ENGINEER, Stage};
use carepass::model::enrollment::{Enrollment, Facts};
use carepass::model::entry::Change;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Two ends that are equal differ in nothing but when they came. Each thing that lasts has a line of its own.
#[derive(Clone)]
pub struct End(BTreeMap<String, Value>);

impl End {
    /// All that Google holds, ids included: those of the sandbox follow from what was made, so that even a thing that was
    /// made twice and once removed shows. Then how often Google was made to change what, the engineer's local part and
    /// how often one was reserved, the letters, and what the row knows. A letter counts once under its name, however often it was sent:
    /// mail is at least once, and a second copy is recognised by the name. So does a sign-out, the end of backup codes, and a change of an account
    /// that sets what is set.
    pub async fn of(stage: &Stage, row: &Enrollment) -> Self {
        stage.until_calm().await;
        let sheet =
            stage.house().sheet(&ENGINEER.parse().expect("a key")).await.expect("an admitted engineer");
        let entries = stage.entries().await;
        let changes = entries.iter().flat_map(|entry| &entry.changes);
        let letters =
            stage.letters().into_iter().map(|letter| (letter.message_id.as_str().to_owned(), letter.text));
        // The forecast is whatever could be counted (decision 86), and nothing that a step brings about.
        let facts = Facts { seats: None, ..row.facts.clone() };
        let mut lines = BTreeMap::new();
        let end = json!({
            "google": stage.sandbox.world_json(),
            "effects": effects(stage).into_iter().map(once).collect::<BTreeMap<_, _>>(),
            "username": sheet.username,
            "reservations": changes.filter(|change| matches!(change, Change::Reserved { .. })).count(),
            "letters": letters.collect::<BTreeMap<_, _>>(),
            "facts": facts,
        });
        spread(&mut lines, "", end);
        Self(lines)
    }

    /// Where this end is not the other.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let lines = self.0.keys().chain(other.0.keys()).collect::<BTreeSet<_>>().into_iter();
        let differing = lines.filter(|line| self.0.get(*line) != other.0.get(*line));
        differing.map(|line| format!("{line}: {:?}, not {:?}", self.0.get(line), other.0.get(line))).collect()
    }
}

/// What Google was made to change on this stage.
pub fn effects(stage: &Stage) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for effect in stage.sandbox.calls().into_iter().filter_map(|call| call.effect) {
        *effects.entry(effect).or_default() += 1;
    }
    effects
}

fn once((effect, times): (String, usize)) -> (String, usize) {
    let times = if ["user.signed_out", "user.updated", "backup_codes.invalidated"].contains(&effect.as_str())
    {
        1
    } else {
        times
    };
    (effect, times)
}

/// One line for each value. That there is a time stays to be seen; which one does not.
fn spread(lines: &mut BTreeMap<String, Value>, place: &str, value: Value) {
    const TIMES: [&str; 13] = [
        "creationTime",
        "now",
        "checked_at",
        "org_unit_made_at",
        "since",
        "read_at",
        "locked_out_at",
        "cut_short_at",
        "suspended_by_us",
        "signed_out_at",
        "signOuts",
        "deletionTime",
        "etag",
    ];
    match value {
        Value::Object(fields) => {
            fields.into_iter().for_each(|(key, field)| spread(lines, &format!("{place}/{key}"), field));
        }
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items.for_each(|(number, item)| spread(lines, &format!("{place}/{number}"), item));
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            let is_time = TIMES.iter().any(|time| place.ends_with(&format!("/{time}")));
            lines.insert(place.to_owned(), if is_time { json!("some time") } else { value });
        }
    }
}
