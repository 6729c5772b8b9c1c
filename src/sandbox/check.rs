//! Whether a call is one that Google publishes: its parameters and its body, before any handler sees them.
//!
//! Known (docs/GOOGLE.md, rows 50-53): the types, ranges, values and required fields; the words of the newer back ends for names
//! that they do not know; "Required parameter: […]" and "Invalid Given/Family Name" of the Directory API.
//! Inferred: that all of these APIs refuse what they do not know. The Directory API was seen to pass over unknown names in a body
//! (2021) and in a query (2018); here a misspelt name is refused, so that it is found here (docs/DECISIONS.md, 70).
//! Not here: whether a value makes sense (the handlers), and paths that nobody publishes (`route`).

use super::call::Call;
use super::error::{Envelope, Refusal};
use super::published::{Field, Fields, Found, Kind, find, published};
use regex_lite::Regex;
use serde_json::{Map, Value};

/// Deepest nesting of a body that is looked into.
const DEEPEST: usize = 8;

/// Refuses what a published method does not take. A method that is not in the list passes.
pub fn check(call: &Call) -> Result<(), Refusal> {
    let Some(found) = find(&call.method, &call.segments()) else { return Ok(()) };
    check_parameters(call, &found)
        .and_then(|()| check_body(call, &found))
        .map_err(|fault| fault.refusal(found.api.envelope))
}

/// What is wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// A name that is not published.
    Unknown(String),
    /// A value that is of another type.
    WrongType(String),
    /// A value of the right type that may not be.
    BadValue(String),
    /// What must be there, and is not.
    Missing(String),
    /// A name without which there is no account; the Directory API has words of its own for it.
    NoName(&'static str),
    /// A body that is no JSON object.
    NoObject,
}

impl Fault {
    fn refusal(self, envelope: Envelope) -> Refusal {
        let (reason, message) = match self {
            Self::Unknown(message) | Self::WrongType(message) => ("invalid", message),
            Self::BadValue(name) => ("invalid", format!("Invalid Input: {name}")),
            Self::Missing(name) => ("required", format!("Required parameter: {name}")),
            Self::NoName(part) => ("invalid", format!("Invalid Given/Family Name: {part}")),
            Self::NoObject => ("parseError", "Parse Error".to_owned()),
        };
        match envelope {
            Envelope::Classic => Refusal::new(400, reason, message),
            Envelope::Status => Refusal::with_status(400, "INVALID_ARGUMENT", message),
        }
    }
}

fn check_parameters(call: &Call, found: &Found) -> Result<(), Fault> {
    let known = &found.method.parameters;
    for (name, value) in call.parameters() {
        let published = known.get(&name).filter(|_| !found.path.iter().any(|(of_path, _)| *of_path == name));
        let field = published.or_else(|| published_for_all(&name)).ok_or_else(|| unknown_parameter(&name))?;
        // An empty value counts as none, here as at the handlers.
        if !value.is_empty() {
            check_parameter(&name, &value, field)?;
        }
    }
    for (name, value) in &found.path {
        known.get(*name).map_or(Ok(()), |field| check_parameter(name, value, field))?;
    }
    let there =
        |name: &str| call.parameter(name).is_some() || found.path.iter().any(|(of_path, _)| *of_path == name);
    match known.iter().find(|(name, field)| field.required && !there(name)) {
        Some((name, _)) => Err(Fault::Missing(name.clone())),
        None => Ok(()),
    }
}

fn published_for_all(name: &str) -> Option<&'static Field> {
    published().common.get(name)
}

fn unknown_parameter(name: &str) -> Fault {
    Fault::Unknown(format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be \
         found in request message."
    ))
}

fn check_parameter(name: &str, value: &str, field: &Field) -> Result<(), Fault> {
    let wrong = || wrong_type(&snake(name), type_name(&field.kind), &Value::from(value));
    match &field.kind {
        Kind::Boolean if !["true", "false"].contains(&value) => return Err(wrong()),
        Kind::Int32 | Kind::Uint32 | Kind::Int64 => {
            let number =
                value.parse::<i64>().ok().filter(|number| is_of(*number, &field.kind)).ok_or_else(wrong)?;
            check_range(name, number, field)?;
        }
        Kind::Double if value.parse::<f64>().is_err() => return Err(wrong()),
        Kind::Boolean
        | Kind::Double
        | Kind::String
        | Kind::Any
        | Kind::Map
        | Kind::List(_)
        | Kind::Message(_) => {}
    }
    check_words(name, value, field)
}

fn check_range(name: &str, number: i64, field: &Field) -> Result<(), Fault> {
    let below = field.minimum.is_some_and(|least| number < least);
    let above = field.maximum.is_some_and(|most| number > most);
    if below || above { Err(Fault::BadValue(name.to_owned())) } else { Ok(()) }
}

fn check_words(name: &str, value: &str, field: &Field) -> Result<(), Fault> {
    if !field.values.is_empty() && !field.values.iter().any(|known| known == value) {
        return Err(wrong_type(&snake(name), "TYPE_ENUM", &Value::from(value)));
    }
    let matches = |pattern: &String| {
        Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(value))
    };
    if field.pattern.as_ref().is_some_and(|pattern| !matches(pattern)) {
        return Err(Fault::BadValue(name.to_owned()));
    }
    Ok(())
}

fn check_body(call: &Call, found: &Found) -> Result<(), Fault> {
    let Some(fields) = found.method.request.as_ref().and_then(|name| found.api.schemas.get(name)) else {
        return Ok(());
    };
    // What an empty body means is up to the handler, unless something must be in it.
    let body = if call.body.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(&call.body).map_err(|_| Fault::NoObject)?
    };
    let object = body.as_object().ok_or(Fault::NoObject)?;
    check_object(found, "", object, fields, 0)?;
    found.method.required.iter().try_for_each(|path| check_there(found.id, &body, path))
}

fn check_there(method: &str, body: &Value, path: &str) -> Result<(), Fault> {
    if !path.split('.').fold(body, |value, part| &value[part]).is_null() {
        return Ok(());
    }
    Err(match (method, path) {
        ("users.insert", "name.familyName") => Fault::NoName("FamilyName"),
        ("users.insert", "name.givenName") => Fault::NoName("GivenName"),
        (_, path) => Fault::Missing(format!("[resource.{}]", snake(path))),
    })
}

fn check_object(
    found: &Found,
    at: &str,
    object: &Map<String, Value>,
    fields: &Fields,
    depth: usize,
) -> Result<(), Fault> {
    for (name, value) in object {
        let field = fields.get(name).or_else(|| fields.get("*")).ok_or_else(|| unknown_field(name, at))?;
        // Google passes over what only Google sets: clients send back what they have read.
        if !field.read_only {
            let path = if at.is_empty() { snake(name) } else { format!("{at}.{}", snake(name)) };
            check_value(found, &path, value, &field.kind, depth)?;
            value.as_str().map_or(Ok(()), |text| check_words(name, text, field))?;
        }
    }
    Ok(())
}

fn check_value(found: &Found, path: &str, value: &Value, kind: &Kind, depth: usize) -> Result<(), Fault> {
    let wrong = || wrong_type(path, type_name(kind), value);
    // `null` says "nothing" for every type.
    if value.is_null() {
        return Ok(());
    }
    let fits = match kind {
        Kind::String => value.is_string(),
        Kind::Boolean => value.is_boolean(),
        Kind::Int32 | Kind::Uint32 | Kind::Int64 => {
            whole_number(value).is_some_and(|number| is_of(number, kind))
        }
        Kind::Double => value.is_number(),
        Kind::Any => true,
        Kind::Map => value.is_object(),
        Kind::List(item) => {
            let items = value.as_array().ok_or_else(wrong)?;
            let mut items = items.iter().enumerate();
            return items.try_for_each(|(at, value)| {
                check_value(found, &format!("{path}[{at}]"), value, item, depth + 1)
            });
        }
        Kind::Message(name) => match (value.as_object(), found.api.schemas.get(name)) {
            (Some(object), Some(fields)) if depth < DEEPEST => {
                return check_object(found, path, object, fields, depth + 1);
            }
            (Some(_) | None, Some(_) | None) => false,
        },
    };
    if fits { Ok(()) } else { Err(wrong()) }
}

/// A number, or a string that holds one: JSON of protocol buffers takes either.
fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn is_of(number: i64, kind: &Kind) -> bool {
    match kind {
        Kind::Int32 => i32::try_from(number).is_ok(),
        Kind::Uint32 => u32::try_from(number).is_ok(),
        Kind::String
        | Kind::Boolean
        | Kind::Int64
        | Kind::Double
        | Kind::Any
        | Kind::Map
        | Kind::List(_)
        | Kind::Message(_) => true,
    }
}

fn unknown_field(name: &str, at: &str) -> Fault {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    Fault::Unknown(format!(
        "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
    ))
}

fn wrong_type(path: &str, kind: &str, value: &Value) -> Fault {
    Fault::WrongType(format!("Invalid value at '{path}' ({kind}), {value}"))
}

fn type_name(kind: &Kind) -> &str {
    match kind {
        Kind::String => "TYPE_STRING",
        Kind::Boolean => "TYPE_BOOL",
        Kind::Int32 => "TYPE_INT32",
        Kind::Uint32 => "TYPE_UINT32",
        Kind::Int64 => "TYPE_INT64",
        Kind::Double => "TYPE_DOUBLE",
        Kind::Any | Kind::Map | Kind::Message(_) => "TYPE_MESSAGE",
        Kind::List(item) => type_name(item),
    }
}

/// Google's own names of fields in its messages: `primaryEmail` is `primary_email` there.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
