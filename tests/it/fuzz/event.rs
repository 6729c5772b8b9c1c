//! Messages: any bytes under any content type and headers are refused without a panic and without a value in the refusal, or are an event
//! that means the same however it is written down. Not here: whether the event is wanted (`model/admission`).

use super::engine::{Judged, run};
use crate::corpus::format::known_places;
use crate::fixture::events;
use carepass::model::event::{
    self, DETAIL_MAX, Event, FAULTS_MAX, Lifecycle, ReasonCode, Refusal, lint_text,
};
use carepass::model::parked::Letter;
use carepass::model::person::{Language, Person};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const SAMPLES: [&str; 6] = [
    include_str!("../../../docs/schemas/samples/1-joined-sv-de.json"),
    include_str!("../../../docs/schemas/samples/2-moved-tr.json"),
    include_str!("../../../docs/schemas/samples/3-left-vi.json"),
    include_str!("../../../docs/schemas/samples/4-joined-ja.json"),
    include_str!("../../../docs/schemas/samples/5-cancelled-fi.json"),
    include_str!("../../../docs/schemas/samples/6-erased.json"),
];

const WORDS: &[&str] = &[
    "application/json",
    "application/cloudevents+json",
    "; charset=utf-8",
    "cloudEvents_id: 1\n",
    "cloudEvents:type: x\n",
    "carepass-signature: e30..AA\n",
    "\n\n",
    "\u{feff}",
    "\u{0}",
    "\u{202e}",
    "\u{200b}",
    "\u{fffd}",
    "\\u0000",
    "\\ud800",
    "аnna",
    "ﬁ",
    "İ",
    "e\u{301}",
    "日本",
    "data",
    "data_base64",
    "role",
    "isAdmin",
    "org_unit-path",
    "E-20417",
    "engineer/",
    "all",
    "support-cases",
    "reseller-admin",
    "com.carepass.engineer.joined.v1",
    "com.carepass.engineer.erased.v1",
    ".v2",
    "2026-12-15T00:00:00+01:00",
    "2026-12-15",
    "+24:00",
    "[Europe/Stockholm]",
    "Z",
    "Europe/Stockholm",
    "UTC",
    "../../etc/passwd",
    "a@b.example",
    "=cmd",
    "\"",
    "\\",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "special-category",
    "1.0",
    "null",
];

/// The messages of the corpus that have a body of their own, and the samples.
fn seeds() -> Vec<Vec<u8>> {
    let structured = |body: &str| format!("{}\n\n{body}", events::CONTENT_TYPE).into_bytes();
    let mut seeds: Vec<Vec<u8>> = SAMPLES.map(structured).into();
    seeds.extend(SAMPLES.map(|sample| binary(sample).expect("a sample")));
    seeds.extend(
        crate::corpus::format::bodies()
            .into_iter()
            .map(|body| [events::CONTENT_TYPE.as_bytes(), b"\n\n", &body].concat()),
    );
    seeds
}

/// A message as lines: its content type, its headers, an empty line, its body.
struct Message<'a> {
    content_type: Option<&'a str>,
    headers: BTreeMap<String, String>,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn of(input: &'a [u8]) -> Self {
        let end = input.windows(2).position(|two| two == b"\n\n");
        let head = end.and_then(|end| std::str::from_utf8(&input[..end]).ok());
        let (Some(end), Some(head)) = (end, head) else {
            return Self { content_type: Some(events::CONTENT_TYPE), headers: BTreeMap::new(), body: input };
        };
        let (content_type, headers) = head.split_once('\n').unwrap_or((head, ""));
        let pair =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let content_type = (!content_type.is_empty()).then_some(content_type);
        Self { content_type, headers: headers.lines().filter_map(pair).collect(), body: &input[end + 2..] }
    }

    fn read(&self) -> Result<Event, Refusal> {
        event::parse(self.body, self.content_type, &self.headers)
    }
}

/// A structured message in binary mode, if it can be said so.
fn binary(body: &str) -> Option<Vec<u8>> {
    let event: Value = serde_json::from_str(body).ok()?;
    let mut message = "application/json".to_owned();
    for (name, value) in event.as_object()?.iter().filter(|(name, _)| *name != "data") {
        let value = value.as_str()?;
        let sound =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !sound(name) || !sound(value) || name.contains(": ") || value.contains(": ") {
            return None;
        }
        message = format!("{message}\ncloudEvents_{name}: {value}");
    }
    Some(format!("{message}\n\n{}", event.get("data")?).into_bytes())
}

fn judge(input: &[u8]) -> Judged {
    let message = Message::of(input);
    let letter =
        Letter::new(message.content_type.map(str::to_owned), message.headers.clone(), message.body.to_vec());
    let kept = Letter::decode(&letter.encode()).ok_or("a letter that cannot be read again")?;
    if letter.is_kept_whole() && kept != letter {
        return Err("a letter that comes back as another".to_owned());
    }
    let _ = (letter.event(), letter.engineer(), event::split_batch(message.body).map(|events| events.len()));
    match message.read() {
        Ok(event) => accepted(&message, &event),
        Err(refusal) => refused(&refusal),
    }
}

/// What is taken means the same in other bytes, by the other mode and after it was sealed.
fn accepted(message: &Message<'_>, event: &Event) -> Judged {
    let value: Value =
        serde_json::from_slice(message.body).map_err(|error| format!("taken, and no JSON: {error}"))?;
    let spaced = serde_json::to_vec_pretty(&value).expect("JSON");
    let again = Message { body: &spaced, headers: message.headers.clone(), ..*message }.read();
    if again.as_ref() != Ok(event) {
        return Err(format!(
            "taken, and otherwise once it is written anew: {:?}",
            again.map_err(|refusal| refusal.detail())
        ));
    }
    if event::is_structured(message.content_type, &message.headers)
        && let Some(input) = std::str::from_utf8(message.body).ok().and_then(binary)
        && Message::of(&input).headers.len() <= 64
        && Message::of(&input).read().as_ref() != Ok(event)
    {
        return Err("taken, and otherwise in binary mode".to_owned());
    }
    if let Lifecycle::Joined(full) | Lifecycle::Moved(full) = &event.lifecycle {
        let sealed = serde_json::to_vec(&full.person).expect("a person is plain data");
        if serde_json::from_slice::<Person>(&sealed).ok().as_ref() != Some(&full.person) {
            return Err("a person that cannot be read again".to_owned());
        }
    }
    let about = [event.reference.id.as_str(), &event.reference.source, event.engineer().as_str()];
    if about.iter().any(|text| text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(format!("names that cannot be shown: {about:?}"));
    }
    Ok(format!("taken: {}", event.event_type().as_text()))
}

/// A refusal tells codes and places, in words of the contract.
fn refused(refusal: &Refusal) -> Judged {
    static CODES: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| ReasonCode::ALL.iter().map(|code| code.code()).collect());
    static PLACES: LazyLock<BTreeSet<String>> = LazyLock::new(known_places);
    let detail = refusal.detail();
    let is_known =
        |word: &str| word == "*" || word.bytes().all(|byte| byte.is_ascii_digit()) || PLACES.contains(word);
    let is_fault = |fault: &str| {
        fault
            .split_once(" at /")
            .is_some_and(|(code, place)| CODES.contains(code) && place.split('/').all(is_known))
    };
    let told = detail.strip_suffix("; ...").unwrap_or(&detail);
    if !told.split("; ").all(is_fault) || detail.len() > DETAIL_MAX {
        return Err(format!("a refusal with something of the message: {detail}"));
    }
    let worst = refusal.faults.iter().map(|fault| fault.code).min();
    if worst != Some(refusal.reason) || refusal.faults.len() > FAULTS_MAX {
        return Err(format!("a refusal whose reason is none of its faults: {detail}"));
    }
    if Language::ALL.into_iter().any(|language| lint_text(refusal, language).is_empty()) {
        return Err("a refusal without words".to_owned());
    }
    let first = told.split("; ").next().unwrap_or_default();
    Ok(first.chars().filter(|one| !one.is_ascii_digit()).collect())
}

#[test]
fn messages_are_read_without_a_panic_and_refused_without_a_value() {
    run("messages", seeds(), WORDS, judge);
}
