//! Google's published methods, as far as this model serves them or may be asked for them: path, parameters, and the fields of
//! what may be sent. Facts of Google's discovery documents, in `published.json`, each API with its revision
//! (docs/GOOGLE.md, row 50). Not here: what is made of them (`check`), and what an operation does (`route`, `google`).

use super::error::Envelope;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    serde_json::from_str(include_str!("published.json"))
        .expect("the file is part of the program, and a test reads it")
});

/// All that is published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Parameters that every method has.
    pub common: Fields,
    /// By the name of the discovery document.
    pub apis: BTreeMap<String, ApiDocument>,
}

/// Names with what may stand there.
pub type Fields = BTreeMap<String, Field>;

/// One API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiDocument {
    /// Name and version: `admin:directory_v1`.
    pub id: String,
    /// The day of the discovery document: `20261104`.
    pub revision: String,
    /// How its errors look.
    pub envelope: Envelope,
    /// The scopes that its methods take, without the part before the last slash.
    pub scopes: Vec<String>,
    /// By the method's id, without the API's name.
    pub methods: BTreeMap<String, Method>,
    /// The messages that can be sent, by name.
    pub schemas: BTreeMap<String, Fields>,
}

/// One method.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// `GET` and the path's template.
    pub call: Template,
    /// Parameters of the query, and those of the path of which more is known than that they are there.
    #[serde(default)]
    pub parameters: Fields,
    /// The schema of the body.
    pub request: Option<String>,
    /// Fields that must be in the body, with dots between the parts.
    #[serde(default)]
    pub required: Vec<String>,
    /// The schema of the answer; none where there is no body.
    pub response: Option<String>,
}

/// A parameter, or a field of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Field {
    /// What may stand there.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The only values, where they are few.
    #[serde(rename = "enum")]
    pub values: Vec<String>,
    /// A regular expression for the whole value.
    pub pattern: Option<String>,
    /// The smallest number.
    pub minimum: Option<i64>,
    /// The largest number.
    pub maximum: Option<i64>,
    /// A parameter that must be there.
    pub required: bool,
    /// A field that only Google sets.
    pub read_only: bool,
}

/// The types of the discovery documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    String,
    Boolean,
    Int32,
    Uint32,
    /// 64 bits, in JSON a string.
    Int64,
    Double,
    /// Anything: the discovery document does not tell.
    Any,
    /// An object with any names.
    Map,
    /// A list.
    List(Box<Kind>),
    /// A message of the schemas.
    Message(String),
}

/// A method's verb and path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// `GET`, …
    pub verb: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `{name}`, with what stands after it in the same segment.
    One {
        name: String,
        suffix: String,
    },
    /// `{+name}`: all that is left.
    Rest {
        name: String,
    },
}

/// A method that a call asks for, with its API and what stands in the path.
#[derive(Debug)]
pub struct Found {
    /// `users.list`.
    pub id: &'static str,
    pub api: &'static ApiDocument,
    pub method: &'static Method,
    /// Parameters of the path by name.
    pub path: Vec<(&'static str, String)>,
}

/// All that is published.
pub fn published() -> &'static Published {
    &PUBLISHED
}

/// The method of a verb and a path's decoded segments.
pub fn find(verb: &str, segments: &[String]) -> Option<Found> {
    let methods =
        PUBLISHED.apis.values().flat_map(|api| api.methods.iter().map(move |(id, method)| (api, id, method)));
    let mut matching = methods.filter(|(_, _, method)| method.call.verb == verb);
    matching
        .find_map(|(api, id, method)| Some(Found { id, api, method, path: method.call.matches(segments)? }))
}

impl Template {
    fn parse(text: &str) -> Option<Self> {
        let (verb, path) = text.split_once(' ')?;
        let parts = path.split('/').map(Part::parse).collect();
        Some(Self { verb: verb.to_owned(), parts })
    }

    /// The names in the path, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::One { name, .. } | Part::Rest { name } => Some(name.as_str()),
        })
    }

    fn matches<'a>(&'a self, segments: &[String]) -> Option<Vec<(&'a str, String)>> {
        let open = matches!(self.parts.last(), Some(Part::Rest { .. }));
        let fits = if open { segments.len() >= self.parts.len() } else { segments.len() == self.parts.len() };
        if !fits {
            return None;
        }
        let mut path = Vec::new();
        for (part, segment) in self.parts.iter().zip(segments) {
            match part {
                Part::Literal(text) if text == segment => {}
                Part::Literal(_) => return None,
                Part::One { name, suffix } => {
                    path.push((name.as_str(), segment.strip_suffix(suffix.as_str())?.to_owned()));
                }
                Part::Rest { .. } => {}
            }
        }
        Some(path)
    }
}

impl Part {
    fn parse(text: &str) -> Self {
        if let Some(name) = text.strip_prefix("{+").and_then(|rest| rest.strip_suffix('}')) {
            return Self::Rest { name: name.to_owned() };
        }
        match text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, suffix)) => Self::One { name: name.to_owned(), suffix: suffix.to_owned() },
            None => Self::Literal(text.to_owned()),
        }
    }
}

impl std::fmt::Display for Template {
    /// The path, without the verb.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            let slash = if at == 0 { "" } else { "/" };
            match part {
                Part::Literal(text) => write!(f, "{slash}{text}")?,
                Part::One { name, suffix } => write!(f, "{slash}{{{name}}}{suffix}")?,
                Part::Rest { name } => write!(f, "{slash}{{+{name}}}")?,
            }
        }
        Ok(())
    }
}

impl Kind {
    fn parse(text: &str) -> Self {
        if let Some(item) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::List(Box::new(Self::parse(item)));
        }
        match text {
            "string" => Self::String,
            "boolean" => Self::Boolean,
            "int32" => Self::Int32,
            "uint32" => Self::Uint32,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "any" => Self::Any,
            "map" => Self::Map,
            message => Self::Message(message.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no verb and path"))
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verb: &str, path: &str, expected: Option<&str>) {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        assert_eq!(find(verb, &segments).map(|found| found.id), expected, "{verb} {path}");
    }

    #[test]
    fn paths_find_their_method() {
        check("GET", "admin/directory/v1/users", Some("users.list"));
        check("GET", "admin/directory/v1/users/a@b.example", Some("users.get"));
        check("PUT", "admin/directory/v1/customer/C1/orgunits/A B/C", Some("orgunits.update"));
        check("GET", "admin/directory/v1/customer/C1/orgunits", Some("orgunits.list"));
        check("GET", "admin/directory/v1/customer/C1/roles/ALL/privileges", Some("privileges.list"));
        check(
            "GET",
            "v1/customers/C1/userinvitations/a@b.example:isInvitableUser",
            Some("customers.userinvitations.isInvitableUser"),
        );
        check("GET", "v1/customers/C1/userinvitations/a@b.example", None);
        check("GET", "admin/directory/v2/users", None);
        check("TRACE", "admin/directory/v1/users", None);
    }

    /// What the file says about itself: no message that is missing, no field that is required and unknown, patterns that compile.
    #[test]
    fn the_list_is_whole() {
        for api in published().apis.values() {
            let known = |kind: &Kind| {
                let item = if let Kind::List(item) = kind { item } else { kind };
                if let Kind::Message(name) = item { api.schemas.contains_key(name) } else { true }
            };
            assert!(api.schemas.values().flatten().all(|(_, field)| known(&field.kind)));
            for (id, method) in &api.methods {
                let patterns = method.parameters.values().filter_map(|field| field.pattern.as_ref());
                patterns
                    .for_each(|pattern| assert!(regex_lite::Regex::new(pattern).is_ok(), "{id} {pattern}"));
                let request = method.request.as_ref().map(|name| &api.schemas[name]);
                for path in &method.required {
                    let first = path.split('.').next().unwrap();
                    assert!(request.is_some_and(|fields| fields.contains_key(first)), "{id} {path}");
                }
            }
        }
    }
}
