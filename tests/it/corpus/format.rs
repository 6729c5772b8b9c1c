//! The corpus of bad input as it lies in `tests/corpus`: a case a line, most of them one change of a good event, with what is expected of
//! it. Large ones are written as what is repeated how often. Not here: sending them (`sending`), and what must be so afterwards (`verdict`).

use crate::fixture::events;
use carepass::model::event::ReasonCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files, by category.
pub const CATEGORIES: [&str; 7] =
    ["syntax", "bomb", "schema", "identity", "unicode", "injection", "protocol"];

/// What stands in the names of everybody who is not about names: a mark that must not be told anywhere.
pub const GIVEN: &str = "Kanariegiven";
pub const FAMILY: &str = "Kanariefamily";

/// The sources that are taken, the second of which signs.
pub const SOURCES: [&str; 2] = ["https://hr.nordresale.example/test", "https://hr.nordresale.example/signed"];

/// One message, and what is to become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name, which is the message's id as well.
    #[serde(default)]
    pub name: String,
    /// `accepted`, `unchanged`, `expired`, or the detail of the refusal: `code at /pointer; …`.
    #[serde(default)]
    pub expect: String,
    /// The word of the event's type.
    #[serde(default = "joined")]
    kind: String,
    /// Values that are put in, by their pointers.
    #[serde(default)]
    with: BTreeMap<String, Value>,
    /// Fields that are taken out.
    #[serde(default)]
    without: Vec<String>,
    /// Pieces of the text that are exchanged.
    #[serde(default)]
    edit: Vec<(String, String)>,
    /// Fields are added until there are so many.
    #[serde(default)]
    fill: usize,
    /// The whole body, instead of all that.
    #[serde(default)]
    body: Value,
    /// A part of the event that is sent, or how many bytes it lacks.
    #[serde(default)]
    cut: f64,
    /// `escaped` or `pretty`: the same event in other bytes.
    #[serde(default)]
    form: String,
    /// In binary mode, with this before the attributes' names.
    #[serde(default)]
    binary: String,
    #[serde(default)]
    binary_data: Value,
    #[serde(default = "structured")]
    pub content_type: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    header_count: usize,
    #[serde(default = "header_prefix")]
    header_prefix: String,
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
    #[serde(default = "routing_key")]
    pub routing_key: String,
    /// How it is signed.
    #[serde(default)]
    pub sign: String,
    /// `http` for the other door.
    #[serde(default)]
    pub door: String,
    /// What is sent before, and is accepted.
    #[serde(default)]
    pub before: Vec<Case>,
    /// The engineer's data key is damaged before it is sent.
    #[serde(default)]
    pub spoil_key: bool,
    /// The names hold something that would do harm where an output is not encoded.
    #[serde(default)]
    pub slipped: bool,
}

fn joined() -> String {
    "joined".to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's own type")]
fn structured() -> Option<String> {
    Some(events::CONTENT_TYPE.to_owned())
}

fn header_prefix() -> String {
    "x-kanarie-".to_owned()
}

fn routing_key() -> String {
    events::TYPE.to_owned()
}

/// Every case, in the order of the files.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for category in CATEGORIES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/{category}.jsonl"));
        let text = std::fs::read_to_string(&path).expect("a file of the corpus");
        for (number, line) in (1..).zip(text.lines()) {
            let case: Result<Case, _> = serde_json::from_str(line);
            cases.push(case.unwrap_or_else(|error| panic!("{category}.jsonl:{number}: {error}")).whole());
        }
    }
    cases
}

/// The bodies of structured messages that are not too long, for fuzzing.
pub fn bodies() -> Vec<Vec<u8>> {
    cases()
        .iter()
        .filter(|case| case.binary.is_empty())
        .map(Case::body)
        .filter(|body| body.len() < 4_000)
        .collect()
}

/// The words that a place may be told in: fields of the schemas, attributes of `CloudEvents` that the contract uses, and names of rights.
pub fn known_places() -> BTreeSet<String> {
    let schemas = [
        include_str!("../../../docs/schemas/engineer.v1.schema.json"),
        include_str!("../../../docs/schemas/engineer-full.v1.schema.json"),
    ];
    let mut known = BTreeSet::from([String::new()]);
    for schema in schemas {
        properties(&serde_json::from_str(schema).expect("a schema"), &mut known);
    }
    let attributes = "specversion id source type subject time datacontenttype dataschema data data_base64 sequence partitionkey \
        correlationid causationid traceparent tracestate dataclassification dataregulation datacategory";
    let rights = "role roles roleId roleIds roleName admin isAdmin superAdmin isSuperAdmin isDelegatedAdmin orgUnit orgUnitId \
        orgUnitPath privilege privileges";
    known.extend(attributes.split_whitespace().chain(rights.split_whitespace()).map(str::to_owned));
    known
}

fn properties(schema: &Value, known: &mut BTreeSet<String>) {
    if let Some(fields) = schema["properties"].as_object() {
        known.extend(fields.keys().cloned());
    }
    schema.as_object().into_iter().flat_map(Map::values).for_each(|inner| properties(inner, known));
}

impl Case {
    /// With the names of what belongs together filled in.
    fn whole(mut self) -> Self {
        let name = self.name.clone();
        for (number, before) in self.before.iter_mut().enumerate() {
            before.name.clone_from(&name);
            // The first one may be the very same event.
            if number > 0 || before.with.contains_key("/id") {
                before
                    .with
                    .entry("/id".to_owned())
                    .or_insert_with(|| json!(format!("{name}-before-{number}")));
            }
        }
        self
    }

    /// The key of the engineer it is about.
    pub fn key(&self) -> String {
        self.event()["data"]["engineer"]["key"].as_str().unwrap_or_default().to_owned()
    }

    /// Codes of the expected refusal.
    pub fn codes(&self) -> BTreeSet<&str> {
        self.expect.split("; ").filter_map(|fault| fault.split_once(" at ")).map(|(code, _)| code).collect()
    }

    /// Whether it is expected to be refused.
    pub fn is_refused(&self) -> bool {
        self.expect.contains(" at ")
    }

    /// The most general of the expected codes.
    pub fn reason(&self) -> ReasonCode {
        let code = ReasonCode::ALL.iter().find(|code| self.codes().contains(code.code()));
        *code.unwrap_or_else(|| panic!("{}: no code of carepass's in {:?}", self.name, self.expect))
    }

    /// The event without what makes its text odd.
    pub fn event(&self) -> Value {
        let key = format!("C-{}", self.name);
        let mut event = match self.kind.as_str() {
            "joined" | "moved" => events::joined_as(&key, GIVEN, &family(&self.name)),
            kind => events::ended(kind, &key, 1),
        };
        if self.kind == "moved" {
            event["type"] = json!("com.carepass.engineer.moved.v1");
        }
        if event["data"]["scope"].is_object() {
            event["data"]["scope"]["domains"] = json!(["care-se.example"]);
            event["data"]["engineer"]["contactEmail"] = json!("kanarie.contact@nordresale.example");
            event["data"]["employment"].as_object_mut().expect("an employment").remove("startDate");
        }
        event["id"] = json!(self.name);
        if let Some(Value::String(key)) =
            self.with.get("/data/engineer/key").map(|key| self.generated(key, ""))
        {
            event["subject"] = json!(format!("engineer/{key}"));
        }
        let subject = event["subject"].as_str().unwrap_or_default().to_owned();
        for (pointer, value) in &self.with {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            event.pointer_mut(parent).expect("a place of the event")[field] = self.generated(value, &subject);
        }
        for pointer in &self.without {
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
            let parent = event.pointer_mut(parent).and_then(Value::as_object_mut);
            parent.and_then(|parent| parent.remove(field)).expect("a field of the event");
        }
        fill(&mut event, self.fill);
        event
    }

    /// The value that a generator stands for.
    fn generated(&self, value: &Value, subject: &str) -> Value {
        if let Some(text) = value.as_str() {
            return text.replace("$name", &self.name).replace("$subject", subject).into();
        }
        let Some((word, argument)) = value.as_object().and_then(|fields| fields.iter().next()) else {
            return value.clone();
        };
        let count = usize::try_from(argument.as_u64().unwrap_or(0)).expect("a number of the corpus");
        match word.as_str() {
            "$repeat" => repeated(argument).into(),
            "$list" => vec![argument[0].clone(); argument[1].as_u64().map_or(0, as_count)].into(),
            "$domains" => (0..count).map(|number| json!(format!("d{number}.example"))).collect(),
            "$nest" => (0..count).fold(Value::Null, |inner, _| json!([inner])),
            "$fields" => (0..count).map(|number| (format!("k{number}"), json!(1))).collect(),
            "$objects" => (0..count).map(|number| (format!("k{number}"), json!({"a": 1}))).collect(),
            _ => {
                let fields = value.as_object().expect("an object").iter();
                fields.map(|(name, value)| (name.clone(), self.generated(value, subject))).collect()
            }
        }
    }

    /// The event as text.
    fn text(&self) -> String {
        let event = self.event();
        let text = if self.form == "pretty" { format!("{event:#}") } else { event.to_string() };
        self.edit.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{}: nothing to exchange: {from}", self.name);
            text.replacen(from, to, 1)
        })
    }

    /// The bytes that are sent.
    pub fn body(&self) -> Vec<u8> {
        if !self.binary.is_empty() {
            return match &self.binary_data {
                Value::Null => self.event()["data"].to_string().into_bytes(),
                data @ (Value::String(_)
                | Value::Object(_)
                | Value::Array(_)
                | Value::Bool(_)
                | Value::Number(_)) => self.pieces(data),
            };
        }
        if !self.body.is_null() {
            return self.pieces(&self.body);
        }
        let text = self.text();
        if self.form == "escaped" {
            return escaped(&text).into_bytes();
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a short text"
        )]
        let end = if self.cut > 0.0 {
            (text.len() as f64 * self.cut) as usize
        } else {
            text.len() - self.cut.abs() as usize
        };
        text.as_bytes()[..end].to_vec()
    }

    fn pieces(&self, body: &Value) -> Vec<u8> {
        match body {
            Value::String(word) => self.piece(word).into_bytes(),
            Value::Array(items) if items.get(1).is_some_and(Value::is_number) => repeated(body).into_bytes(),
            Value::Array(items) => items.iter().flat_map(|item| self.pieces(item)).collect(),
            Value::Object(fields) => self.coded(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => panic!("{}: no body: {body}", self.name),
        }
    }

    fn piece(&self, word: &str) -> String {
        let text = || self.text();
        let split = || {
            let text = text();
            let at = text.find("\"data\":{").expect("an event has data") + "\"data\":{".len();
            (text[..at].to_owned(), text[at..].to_owned())
        };
        match word {
            "$event" => text(),
            "$before-data" => split().0,
            "$data" => split().1,
            text => text.to_owned(),
        }
    }

    fn coded(&self, fields: &Map<String, Value>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(|word| self.piece(word));
        if let Some(hex) = text("hex") {
            bytes.extend(hex.as_bytes().chunks(2).map(|pair| {
                u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal digits")
            }));
        }
        let mark = if fields.contains_key("bom") { "\u{feff}" } else { "" };
        if let Some(text) = text("utf16le") {
            bytes.extend(format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes));
        }
        if let Some(text) = text("utf16be") {
            bytes.extend(format!("{mark}{text}").encode_utf16().flat_map(u16::to_be_bytes));
        }
        if let Some(length) = fields.get("pad").and_then(Value::as_u64) {
            bytes.extend(self.text().into_bytes());
            bytes.resize(as_count(length), b' ');
        }
        bytes
    }

    /// The headers that are sent, but for a signature.
    pub fn headers(&self) -> BTreeMap<String, Value> {
        let mut headers = BTreeMap::new();
        if !self.binary.is_empty() {
            let event = self.event();
            let attributes = event.as_object().expect("an object").iter().filter(|(name, _)| *name != "data");
            headers.extend(attributes.map(|(name, value)| (format!("{}{name}", self.binary), value.clone())));
        }
        headers.extend(
            (0..self.header_count).map(|number| (format!("{}{number}", self.header_prefix), json!("1"))),
        );
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), self.generated(value, ""))));
        headers
    }

    /// Texts of the message that must not be told by logs: what is personal, and what is no event at all.
    pub fn marks(&self) -> BTreeSet<String> {
        let mut marks = BTreeSet::from([GIVEN.to_owned(), FAMILY.to_owned()]);
        let personal =
            |pointer: &&String| pointer.starts_with("/data/engineer/") && *pointer != "/data/engineer/key";
        for pointer in self.with.keys().filter(personal) {
            marks.extend(self.event().pointer(pointer).and_then(Value::as_str).map(str::to_owned));
        }
        marks.extend(self.body.as_str().filter(|text| !text.starts_with('$')).map(str::to_owned));
        marks.into_iter().filter(|mark| (8..1_000).contains(&mark.trim().len())).collect()
    }
}

/// A family name that nobody else in the corpus has, so that everybody finds a username.
fn family(name: &str) -> String {
    let hash = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let letters =
        (0..6).map(|place| char::from(b'a' + u8::try_from(hash / 26_u32.pow(place) % 26).expect("a letter")));
    FAMILY.chars().chain(letters).collect()
}

fn as_count(number: u64) -> usize {
    usize::try_from(number).expect("a number of the corpus")
}

/// `[text, times, text, times, …]`; the last may stand alone.
fn repeated(pairs: &Value) -> String {
    let pairs = pairs.as_array().expect("texts and how often");
    pairs
        .chunks(2)
        .map(|pair| {
            pair[0]
                .as_str()
                .expect("a text")
                .repeat(pair.get(1).map_or(1, |times| as_count(times.as_u64().expect("a number"))))
        })
        .collect()
}

/// Adds fields until the event has so many.
fn fill(event: &mut Value, wanted: usize) {
    let present = event.to_string().matches("\":").count();
    for number in present..wanted.max(present) {
        event["data"][format!("x{number}")] = json!(0);
    }
}

/// The same JSON with every letter of its texts escaped.
fn escaped(text: &str) -> String {
    let letter = |one: char| {
        if one.is_ascii_alphabetic() { format!("\\u{:04x}", u32::from(one)) } else { one.to_string() }
    };
    let inside = text
        .split('"')
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { part.chars().map(letter).collect() } else { part.to_owned() });
    inside.collect::<Vec<String>>().join("\"")
}
