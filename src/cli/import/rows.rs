//! Rows of people as events: `joined`, with an id that follows from what the row says, so that a row that is imported twice is one event.
//! Linted as the daemon would read it, and faults told by the column they come from. Not here: reading the file (`table`).

use super::fault::{Fault, FaultKind};
use super::table::{Column, Row};
use crate::cli::event::CONTENT_TYPE;
use crate::model::event::{self, Lifecycle};
use crate::model::id::{EngineerKey, LocalPart};
use crate::model::person::LanguageTag;
use crate::model::username::{Holder, Naming, candidates, choose};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the digest that make an id.
const ID_BYTES: usize = 16;

/// What holds for rows that do not say.
pub(super) struct Defaults {
    pub(super) source: String,
    pub(super) time_zone: Option<String>,
}

/// An event that could be published.
pub(super) struct Made {
    /// The line of its row.
    pub(super) line: u64,
    pub(super) key: String,
    /// The name that the engineer would get if nobody else had any; none where HR would be asked.
    pub(super) username: Option<LocalPart>,
    /// The first day and its zone; none for at once.
    pub(super) start: Option<String>,
    pub(super) domains: String,
    pub(super) id: String,
    pub(super) event: event::Event,
    pub(super) body: Vec<u8>,
}

/// The events of all rows, and the faults of those that make none.
pub(super) fn events(rows: &[Row], defaults: &Defaults) -> (Vec<Made>, Vec<Fault>) {
    let (mut made, mut faults) = (Vec::new(), Vec::new());
    let (mut keys, mut names) = (BTreeSet::new(), BTreeMap::new());
    for row in rows {
        match read(row, defaults) {
            Err(found) => faults.extend(found),
            Ok((id, body, event)) => {
                let Lifecycle::Joined(joined) = &event.lifecycle else {
                    unreachable!("rows are written as joiners")
                };
                if !keys.insert((joined.key.clone(), joined.revision)) {
                    faults.push(Fault { place: row.place(Some(Column::Key)), kind: FaultKind::RepeatedKey });
                    continue;
                }
                let username = username(joined, &mut names);
                let zone = joined.employment.time_zone.as_str();
                let start = joined.employment.start.map(|date| format!("{date} {zone}"));
                let domains = row.get(Column::Domains).unwrap_or("all").to_owned();
                let key = joined.key.to_string();
                made.push(Made { line: row.line, key, username, start, domains, id, event, body });
            }
        }
    }
    (made, faults)
}

/// With the daemon's own patterns, past the names that earlier rows take. What others hold is not known here.
fn username(joined: &event::Full, names: &mut BTreeMap<LocalPart, EngineerKey>) -> Option<LocalPart> {
    let (key, person) = (&joined.key, &joined.person);
    let naming = Naming::of(LanguageTag::parse("sv").expect("a language tag"));
    let found = candidates(&person.name, person.preferred_username.as_ref(), Some(key), &naming);
    let choice = choose(&found, |name| {
        let engineer = names.get(name).filter(|holder| *holder != key)?.clone();
        Some(Holder::Reservation { engineer })
    });
    let name = choice.username().cloned()?;
    names.insert(name.clone(), key.clone());
    Some(name)
}

type Read = (String, Vec<u8>, event::Event);

fn read(row: &Row, defaults: &Defaults) -> Result<Read, Vec<Fault>> {
    let revision = revision(row).map_err(|fault| vec![fault])?;
    let (id, value) = event_of(row, revision, defaults);
    let body = value.to_string().into_bytes();
    match event::parse(&body, Some(CONTENT_TYPE), &BTreeMap::new()) {
        Ok(event) => Ok((id, body, event)),
        Err(refusal) => {
            let placed = |fault: &event::Fault| Fault {
                place: row.place(column(&fault.pointer)),
                kind: FaultKind::Event(fault.code),
            };
            // The subject is made of the key and has no fault of its own.
            let own = refusal.faults.iter().filter(|fault| fault.pointer != "/subject").map(placed).collect();
            Err(own)
        }
    }
}

fn revision(row: &Row) -> Result<u64, Fault> {
    let Some(text) = row.get(Column::Revision) else { return Ok(1) };
    let wrong = || Fault { place: row.place(Some(Column::Revision)), kind: FaultKind::NotNumber };
    text.parse().ok().filter(|revision| *revision >= 1).ok_or_else(wrong)
}

/// The event without a time: nothing in it may depend on when the file is imported.
fn event_of(row: &Row, revision: u64, defaults: &Defaults) -> (String, Value) {
    let key = row.get(Column::Key).unwrap_or_default();
    let mut name = json!({});
    let mut engineer = json!({ "key": key });
    let mut employment =
        json!({ "id": row.get(Column::EmploymentId).map_or_else(|| format!("{key}/1"), str::to_owned) });
    let mut scope = json!({ "domains": domains(row) });
    let zone = row.get(Column::TimeZone).or(defaults.time_zone.as_deref());
    set(&mut name, "given", row.get(Column::Given));
    set(&mut name, "family", row.get(Column::Family));
    set(&mut name, "latinGiven", row.get(Column::LatinGiven));
    set(&mut name, "latinFamily", row.get(Column::LatinFamily));
    set(&mut name, "language", row.get(Column::Language));
    set(&mut engineer, "contactEmail", row.get(Column::ContactEmail));
    set(&mut engineer, "managerEmail", row.get(Column::ManagerEmail));
    set(&mut engineer, "locale", row.get(Column::Locale));
    set(&mut engineer, "preferredUsername", row.get(Column::PreferredUsername));
    set(&mut employment, "startDate", row.get(Column::StartDate));
    set(&mut employment, "timeZone", zone);
    set(&mut scope, "profile", row.get(Column::Profile));
    engineer["name"] = name;
    let mut event = json!({
        "specversion": "1.0",
        "source": row.get(Column::Source).unwrap_or(&defaults.source),
        "type": event::EventType::Joined.as_text(),
        "subject": format!("engineer/{key}"),
        "datacontenttype": "application/json",
        "data": { "revision": revision, "engineer": engineer, "employment": employment, "scope": scope },
    });
    let id = id(&event);
    event["id"] = json!(id);
    (id, event)
}

fn set(object: &mut Value, field: &str, text: Option<&str>) {
    if let Some(text) = text {
        object[field] = json!(text);
    }
}

/// `all`, or domains between blanks, commas or semicolons.
fn domains(row: &Row) -> Value {
    match row.get(Column::Domains) {
        None | Some("all") => json!("all"),
        Some(text) => text.split([' ', ',', ';']).filter(|domain| !domain.is_empty()).collect(),
    }
}

/// The id of an event that says this. `serde_json` keeps the fields of an object in the order of their names.
fn id(event: &Value) -> String {
    let hash = digest(&SHA256, event.to_string().as_bytes());
    let hex: Vec<String> = hash.as_ref().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("import-{}", hex.concat())
}

/// The column that a place of the event comes from.
fn column(pointer: &str) -> Option<Column> {
    if pointer.starts_with("/data/scope/domains") {
        return Some(Column::Domains);
    }
    Some(match pointer {
        "/source" => Column::Source,
        "/subject" | "/data/engineer/key" => Column::Key,
        "/data/revision" => Column::Revision,
        "/data/engineer/name/given" => Column::Given,
        "/data/engineer/name/family" => Column::Family,
        "/data/engineer/name/latinGiven" => Column::LatinGiven,
        "/data/engineer/name/latinFamily" => Column::LatinFamily,
        "/data/engineer/name/language" => Column::Language,
        "/data/engineer/contactEmail" => Column::ContactEmail,
        "/data/engineer/managerEmail" => Column::ManagerEmail,
        "/data/engineer/locale" => Column::Locale,
        "/data/engineer/preferredUsername" => Column::PreferredUsername,
        "/data/employment/id" => Column::EmploymentId,
        "/data/employment/startDate" => Column::StartDate,
        "/data/employment/timeZone" => Column::TimeZone,
        "/data/scope/profile" => Column::Profile,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    const HEADINGS: &str =
        "key,given,family,language,time_zone,start_date,domains,revision,contact_email,profile";

    fn made(rows: &str) -> (Vec<Made>, Vec<Fault>) {
        let (rows, faults) = table::read(format!("{HEADINGS}\n{rows}").as_bytes());
        assert_eq!(faults, []);
        let defaults = Defaults { source: "urn:test".into(), time_zone: Some("Europe/Stockholm".into()) };
        events(&rows, &defaults)
    }

    #[test]
    fn a_row_is_an_event_of_the_contract() {
        let (made, faults) = made("E-1,Åsa,Ek,sv,,2026-12-01,a.se b.se,,asa@x.example,\n");
        assert_eq!((made.len(), faults.len()), (1, 0));
        let value: Value = serde_json::from_slice(&made[0].body).unwrap();
        assert_eq!(value["data"]["scope"], json!({ "domains": ["a.se", "b.se"] }));
        assert_eq!(
            value["data"]["employment"],
            json!({ "id": "E-1/1", "startDate": "2026-12-01", "timeZone": "Europe/Stockholm" })
        );
        assert_eq!((&value["subject"], &value["data"]["revision"]), (&json!("engineer/E-1"), &json!(1)));
        assert_eq!(
            (made[0].start.as_deref(), made[0].key.as_str()),
            (Some("2026-12-01 Europe/Stockholm"), "E-1")
        );
    }

    #[test]
    fn the_id_follows_from_the_row_alone() {
        let id = |rows: &str| made(rows).0.remove(0).id;
        let row = "E-1,Åsa,Ek,sv,,,all,,,\n";
        assert_eq!(id(row), id(row));
        assert_eq!(
            id(row),
            id("E-1,Åsa,Ek,sv,Europe/Stockholm,,,1,,\n"),
            "defaults that are said say the same"
        );
        assert_ne!(id(row), id("E-1,Åsa,Ek,sv,,,all,2,,\n"));
        assert_ne!(id(row), id("E-1,Åsa,Eka,sv,,,all,,,\n"));
    }

    #[test]
    fn two_of_a_name_get_two_usernames() {
        let (made, _) =
            made("E-1,Åsa,Ek,sv,,,,,,\nE-2,Åsa,Ek,sv,,,,,,\nJ-1,太郎,山田,ja,,,,,,\nE-1,Åsa,Ek,sv,,,,2,,\n");
        let names: Vec<_> = made.iter().map(|one| one.username.as_ref().map(LocalPart::as_str)).collect();
        assert_eq!(names, [Some("asa.ek"), Some("a.ek"), None, Some("asa.ek")]);
    }

    #[test]
    fn faults_are_told_by_their_columns() {
        let check = |row: &str, expected: &[(Option<&str>, &str)]| {
            let (_, faults) = made(row);
            let found: Vec<_> = faults.iter().map(|fault| (fault.place.column, fault.kind.code())).collect();
            assert_eq!(found, expected, "{row}");
        };
        check(
            "a@b,Åsa,,xx-!,Mars,1/12/2026,A.se,,asa,root\n",
            &[
                (Some("key"), "invalid_key"),
                (Some("family"), "missing_field"),
                (Some("language"), "invalid_language"),
                (Some("contact_email"), "invalid_email"),
                (Some("start_date"), "invalid_date"),
                (Some("time_zone"), "unknown_time_zone"),
                (Some("profile"), "unknown_profile"),
                (Some("domains"), "invalid_domain"),
            ],
        );
        check("E-1,a,b,,,,,x,,\n", &[(Some("revision"), "invalid_revision")]);
        check("E-1,a,b,,,,,,,\nE-1,a,c,,,,,,,\n", &[(Some("key"), "repeated_key")]);
    }
}
