//! What must be so when the corpus has been sent: every message that cannot be used is among the dead letters and in the list with its
//! reason, the others are engineers, and no output tells or carries out what stood in a message. Not here: letters of hostile texts in
//! every place (`src/mail/content`), and marks in all files (`canaries`).

use super::format::{Case, FAMILY};
use super::sending::{Room, body_of};
use crate::fixture::mailbox;
use lapin::message::BasicGetMessage;
use lapin::types::AMQPValue;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the copies in the broker's dead letters say: reason and detail by the message's id.
pub type Copies = BTreeMap<String, BTreeSet<(String, String)>>;

/// Takes what lies among the dead letters.
pub fn take(letters: &[BasicGetMessage], copies: &mut Copies) {
    for letter in letters {
        let headers = letter.delivery.properties.headers().clone().unwrap_or_default();
        let header = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            Some(AMQPValue::ShortString(text)) => text.to_string(),
            _ => String::new(),
        };
        // The broker's own reason stands where carepass has never seen the message.
        let reason = Some(header("carepass-reason")).filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| header("x-first-death-reason"));
        let id =
            letter.delivery.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
        copies.entry(id).or_default().insert((reason, header("carepass-detail")));
    }
}

/// Each message that cannot be used has copies, all of which say why; no other message has one.
pub fn dead_letters(cases: &[Case], copies: &Copies) {
    let by_broker = cases.iter().filter(|case| case.door != "http");
    let expected: Copies = by_broker
        .filter_map(|case| {
            let told = match case.expect.as_str() {
                "accepted" | "unchanged" => return None,
                "expired" => ("expired".to_owned(), String::new()),
                detail => (case.reason().code().to_owned(), detail.to_owned()),
            };
            Some((case.name.clone(), BTreeSet::from([told])))
        })
        .collect();
    let wrong: Vec<_> = expected.iter().filter(|(name, told)| copies.get(*name) != Some(told)).collect();
    assert!(
        wrong.is_empty(),
        "{} messages, expected and found:\n{:#?}",
        wrong.len(),
        wrong.iter().map(|(name, told)| (told, copies.get(*name))).collect::<Vec<_>>()
    );
    let more: Vec<_> = copies.keys().filter(|name| !expected.contains_key(*name)).collect();
    assert!(more.is_empty(), "copies of what could be used: {more:?}");
}

/// The list of what could not be used holds each such message once, by both doors, with its reason, its places and its size.
pub async fn list(cases: &[Case], room: &Room) {
    let mut expected: Vec<(String, String, u64)> = cases
        .iter()
        .filter(|case| case.is_refused())
        .map(|case| (case.reason().code().to_owned(), case.expect.clone(), case.body().len() as u64))
        .collect();
    let listed = room.listed(&["dead", "list"]).await;
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> = listed
        .iter()
        .map(|item| (text(item, "reason"), text(item, "detail"), item["size"].as_u64().unwrap_or_default()))
        .collect();
    expected.sort();
    found.sort();
    let lacking: Vec<_> = expected.iter().filter(|one| !found.contains(one)).collect();
    assert!(found == expected, "{} listed of {}; not there: {lacking:#?}", found.len(), expected.len());
    let hostile = listed.iter().filter(|item| text(item, "reason") == "name_characters").take(4);
    let ids: Vec<String> = hostile.map(|item| text(item, "id")).collect();
    let mut printed = room.typed(&["dead", "list"]).await;
    for id in &ids {
        printed += &room.typed(&["dead", "show", id]).await;
        printed += &room.typed(&["dead", "show", id, "--body"]).await;
    }
    assert_plain("dead letters", &printed);
}

/// Whoever was accepted is an engineer, and nobody else is.
pub async fn engineers(cases: &[Case], more: &[Case], room: &Room) {
    let accepted = cases.iter().filter(|case| case.expect == "accepted").map(Case::key);
    let before = cases.iter().flat_map(|case| &case.before).chain(more).map(Case::key);
    let expected: BTreeSet<String> = accepted.chain(before).collect();
    let listed = room.listed(&["status"]).await;
    let found: BTreeSet<String> =
        listed.iter().map(|item| item["key"].as_str().expect("a key").to_owned()).collect();
    let difference: Vec<_> = expected.symmetric_difference(&found).collect();
    assert!(difference.is_empty(), "engineers that should be and are not, or the other way: {difference:?}");
}

/// What has not come about yet: copies of what cannot be used, and letters to everybody whose names slipped in.
pub async fn awaited(cases: &[Case], copies: &Copies, room: &Room) -> Vec<String> {
    let by_broker = cases.iter().filter(|case| case.door != "http");
    let dead = by_broker.filter(|case| case.is_refused() || case.expect == "expired");
    let lacking: Vec<String> =
        dead.map(|case| case.name.clone()).filter(|name| !copies.contains_key(name)).collect();
    if !lacking.is_empty() {
        return lacking;
    }
    let listed = room.listed(&["status", "--state", "ready"]).await;
    let ready: BTreeSet<&str> = listed.iter().filter_map(|item| item["key"].as_str()).collect();
    let slipped = cases.iter().filter(|case| case.slipped).map(Case::key);
    slipped.filter(|key| !ready.contains(key.as_str())).collect()
}

/// Names that slipped in stand at Google as they are, and do nothing in any output.
pub async fn outputs(cases: &[Case], room: &Room) {
    at_google(cases, room);
    let slipped: Vec<&Case> = cases.iter().filter(|case| case.slipped).collect();
    letters(&slipped, room);
    let mut printed = room.typed(&["status"]).await;
    for case in slipped.iter().step_by(8) {
        printed += &room.typed(&["explain", &case.key()]).await;
    }
    assert_plain("commands", &printed);
    let hostile_ids =
        cases.iter().filter(|case| case.expect == "accepted" && case.name.starts_with("injection-id"));
    for case in hostile_ids.chain(slipped.iter().copied().take(3)) {
        let answer = room.ask("GET", &format!("/v1/engineers/{}/ledger", case.key()), "", b"").await;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
        assert!(
            head.contains("content-type: application/json")
                && head.contains("x-content-type-options: nosniff"),
            "{head}"
        );
        let entries: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
        let id = &case.event()["id"];
        assert!(
            case.slipped || entries.to_string().contains(&id.to_string()),
            "{id} is told as it is: {entries}"
        );
    }
    table(room).await;
    for message in room.queues.take_all("carepass.outcomes").await {
        let text = String::from_utf8(message.delivery.data.clone()).expect("UTF-8");
        let told: Result<Value, _> = serde_json::from_str(&text);
        assert!(told.is_ok() && !text.contains(FAMILY), "an outcome: {text}");
    }
}

/// The accounts have exactly the names that were sent, as far as Google takes them.
fn at_google(cases: &[Case], room: &Room) {
    let world = room.neighbour.sandbox.world_json();
    let customers = world["customers"].as_object().expect("customers by id").values();
    let users: Vec<&Value> =
        customers.flat_map(|customer| customer["users"].as_array().expect("users")).collect();
    for case in cases.iter().filter(|case| case.slipped) {
        let key = case.key();
        let marked = |user: &&&Value| {
            user["externalIds"].as_array().is_some_and(|ids| ids.iter().any(|id| id["value"] == key))
        };
        let user = users.iter().find(marked).unwrap_or_else(|| panic!("{key} has no account"));
        let sent = case.event()["data"]["engineer"]["name"]["given"]
            .as_str()
            .expect("a name")
            .chars()
            .take(40)
            .collect::<String>();
        assert_eq!(user["name"]["givenName"].as_str(), Some(sent.trim_end()), "{key}");
        assert_eq!(user["isAdmin"], false, "{key}");
    }
}

/// No name is a header of a letter or an element of its HTML.
fn letters(slipped: &[&Case], room: &Room) {
    let letters = mailbox::letters(&room.neighbour.folder().join("mail"));
    assert!(letters.len() >= slipped.len(), "{} letters for {} people", letters.len(), slipped.len());
    for letter in &letters {
        let (head, parts) = letter.split_once("\r\n\r\n").expect("a head and a body");
        let names = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':'));
        let known = [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "Content-Language",
            "MIME-Version",
            "Content-Type",
        ];
        names.for_each(|(name, _)| assert!(known.contains(&name), "a header {name}: {head}"));
        let html = parts.split_once("<!DOCTYPE html>").expect("a form in HTML").1;
        for element in html.split('<').skip(1) {
            let name: String =
                element.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(
                !["script", "img", "title2", "iframe", "svg"].contains(&name.as_str()),
                "an element {name}: {html}"
            );
            assert!(!element.split('>').next().unwrap_or_default().contains("onerror"), "{html}");
        }
    }
}

/// No cell of the table begins like a formula.
async fn table(room: &Room) {
    let mut lines = 0;
    for reseller in ["nordic-se", "nordic-dk", "nordic-no"] {
        let answer = room.ask("GET", &format!("/v1/resellers/{reseller}/address-map.csv"), "", b"").await;
        for line in body_of(&answer).lines() {
            let cells: Vec<&str> = line.split(',').collect();
            let is_address =
                |cell: &&str| cell.contains('@') && cell.starts_with(|one: char| one.is_ascii_alphanumeric());
            assert!(cells.len() == 2 && cells.iter().all(is_address), "{line:?}");
            lines += 1;
        }
    }
    assert!(lines > 20, "{lines} lines in the tables");
}

/// The log is lines of JSON without anything of a message but its id, by which it is looked for, and nothing in it went wrong.
pub fn log(cases: &[Case], room: &Room) {
    let log = room.log();
    assert_plain("the log", &log);
    let marks: BTreeSet<String> = cases.iter().flat_map(Case::marks).collect();
    for line in log.lines() {
        let mut entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(entry["level"], "ERROR", "{line}");
        // The corpus names its events after what is in them.
        entry.as_object_mut().and_then(|members| members.remove("event_id"));
        let mut texts = Vec::new();
        texts_of(&entry, &mut texts);
        let told = marks.iter().find(|mark| texts.iter().any(|text| text.contains(mark.as_str())));
        assert_eq!(told, None, "{line}");
    }
}

fn texts_of<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| texts_of(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// Nothing that a terminal would obey.
fn assert_plain(what: &str, text: &str) {
    let odd =
        |one: char| one != '\n' && one.is_control() || ['\u{202e}', '\u{2028}', '\u{200b}'].contains(&one);
    let line = text.lines().find(|line| line.contains(odd));
    assert_eq!(line, None, "{what}");
}
