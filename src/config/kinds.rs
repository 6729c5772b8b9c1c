//! What a value may be: from a leaf to a type, or to what is wrong and what to do. No message repeats the value.
//! Not here: which key has which kind, and defaults.

use super::fault::Origin;
use super::suggest;
use super::tree::{Datum, Leaf, Node};
use crate::google::Endpoint;
use crate::model::id::InvalidName;
use crate::model::this_machine::is_this_machine;
use crate::model::time_zone::TimeZoneName;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What a leaf turned out to be.
pub(super) type Parsed<T> = Result<T, String>;

/// Any text.
pub(super) fn text(leaf: &Leaf) -> Parsed<String> {
    plain(leaf).map(str::to_owned)
}

fn plain(leaf: &Leaf) -> Parsed<&str> {
    match &leaf.value {
        Datum::Text(text) => Ok(text),
        Datum::Flag(_) | Datum::Whole(_) | Datum::Fraction(_) | Datum::List(_) => {
            Err(mismatch(leaf, "text", "put it in quotes"))
        }
    }
}

fn mismatch(leaf: &Leaf, expected: &str, advice: &str) -> String {
    format!("{} where {expected} is expected; {advice}", leaf.value.kind())
}

fn from_environment(leaf: &Leaf) -> Option<&str> {
    match (&leaf.value, &leaf.place.origin) {
        (Datum::Text(text), Origin::Variable(_)) => Some(text.trim()),
        _ => None,
    }
}

/// True or false.
pub(super) fn flag(leaf: &Leaf) -> Parsed<bool> {
    let said = from_environment(leaf).map(str::to_ascii_lowercase);
    match (&leaf.value, said.as_deref()) {
        (Datum::Flag(flag), _) => Ok(*flag),
        (_, Some("true" | "1" | "yes" | "on")) => Ok(true),
        (_, Some("false" | "0" | "no" | "off")) => Ok(false),
        (_, Some(_)) => Err("neither true nor false; write one of them".into()),
        (_, None) => Err(mismatch(leaf, "true or false", "write it without quotes")),
    }
}

/// A whole number within limits.
pub(super) fn whole<T: TryFrom<i64>>(range: RangeInclusive<i64>) -> impl Fn(&Leaf) -> Parsed<T> {
    move |leaf| {
        let wrong = || format!("not a whole number from {} to {}; write one", range.start(), range.end());
        let number = match (&leaf.value, from_environment(leaf)) {
            (Datum::Whole(number), _) => *number,
            (_, Some(text)) => text.parse().map_err(|_| wrong())?,
            (_, None) => return Err(mismatch(leaf, "a whole number", "write it without quotes")),
        };
        let number = Some(number).filter(|number| range.contains(number)).ok_or_else(wrong)?;
        T::try_from(number).map_err(|_| wrong())
    }
}

/// Calls per second.
pub(super) fn rate(leaf: &Leaf) -> Parsed<f64> {
    let rate = match (&leaf.value, from_environment(leaf)) {
        (Datum::Whole(number), _) => i32::try_from(*number).map(f64::from).ok(),
        (Datum::Fraction(number), _) => Some(*number),
        (_, Some(text)) => text.parse().ok(),
        (_, None) => return Err(mismatch(leaf, "a number", "write it without quotes")),
    };
    rate.filter(|rate| (0.01..=1000.0).contains(rate))
        .ok_or_else(|| "not a rate from 0.01 to 1000 calls per second; write one".into())
}

/// A duration of at least a millisecond and at most a year.
pub(super) fn duration(leaf: &Leaf) -> Parsed<SignedDuration> {
    const ADVICE: &str = "write it like \"90s\", \"15m\" or \"1h\"";
    let Datum::Text(text) = &leaf.value else { return Err(mismatch(leaf, "a duration", ADVICE)) };
    let range = SignedDuration::from_millis(1)..=SignedDuration::from_hours(366 * 24);
    let duration = text.parse().ok().filter(|duration| range.contains(duration));
    duration.ok_or_else(|| format!("not a duration from 1ms to a year; {ADVICE}"))
}

/// A time in which days are 24 hours: at least an hour, and at most ten years.
pub(super) fn days(leaf: &Leaf) -> Parsed<SignedDuration> {
    const ADVICE: &str = "write it like \"90d\" or \"36h\"";
    let Datum::Text(text) = &leaf.value else { return Err(mismatch(leaf, "a time", ADVICE)) };
    let range = SignedDuration::from_hours(1)..=SignedDuration::from_hours(3_660 * 24);
    let span: Option<Span> = text.parse().ok();
    let time = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let time = time.filter(|time| range.contains(time));
    time.ok_or_else(|| format!("not a time from 1h to ten years; {ADVICE}"))
}

/// A path; a relative one starts at the file that says it, or where carepass was started if a variable says it.
pub(super) fn path(leaf: &Leaf) -> Parsed<PathBuf> {
    let path = Path::new(plain(leaf)?);
    Ok(match &leaf.place.origin {
        Origin::File(file) => file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path)),
        Origin::Default | Origin::Credential(_) | Origin::Variable(_) => path.to_owned(),
    })
}

/// One of a few words.
pub(super) fn choice<T: Clone>(words: &[(&str, T)]) -> impl Fn(&Leaf) -> Parsed<T> {
    move |leaf| {
        let said = plain(leaf)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == said) {
            return Ok(meaning.clone());
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(match suggest::nearest(said, known.iter().copied()) {
            Some(near) => format!("none of {}; did you mean {near}?", known.join(", ")),
            None => format!("none of {}; write one of them", known.join(", ")),
        })
    }
}

/// A name of the model, and where to find the right one.
pub(super) fn name<T>(
    parse: impl Fn(&str) -> Result<T, InvalidName>,
    advice: &str,
) -> impl Fn(&Leaf) -> Parsed<T> {
    move |leaf| parse(plain(leaf)?).map_err(|wrong| format!("{wrong}; {advice}"))
}

/// A list of texts; in the environment they are separated by commas.
pub(super) fn texts(leaf: &Leaf) -> Parsed<Vec<String>> {
    let advice = "write it like [\"one\", \"two\"]";
    if let Some(text) = from_environment(leaf) {
        return Ok(text.split(',').map(|item| item.trim().to_owned()).collect());
    }
    let Datum::List(items) = &leaf.value else { return Err(mismatch(leaf, "a list", advice)) };
    let text = |item: &Node| match item {
        Node::Leaf(Leaf { value: Datum::Text(text), .. }) if !text.is_empty() => Ok(text.clone()),
        Node::Leaf(_) | Node::Section(_) => Err(format!("not a list of texts; {advice}")),
    };
    items.iter().map(text).collect()
}

/// A calendar date.
pub(super) fn date(leaf: &Leaf) -> Parsed<Date> {
    plain(leaf)?.parse().map_err(|_| "not a date; write it like 2026-03-31".into())
}

/// A time of day, to the minute.
pub(super) fn time_of_day(leaf: &Leaf) -> Parsed<Time> {
    let wrong = |_| "not a time of day; write it like \"08:00\"".to_owned();
    Time::strptime("%H:%M", plain(leaf)?).map_err(wrong)
}

/// An IANA time zone.
pub(super) fn time_zone(leaf: &Leaf) -> Parsed<TimeZoneName> {
    TimeZoneName::parse(plain(leaf)?).map_err(|wrong| format!("{wrong}; write one"))
}

/// An address and a port to listen on.
pub(super) fn socket(leaf: &Leaf) -> Parsed<SocketAddr> {
    plain(leaf)?
        .parse()
        .map_err(|_| "not an address and a port; write them like 127.0.0.1:8080 or [::1]:8080".into())
}

/// The name of an exchange or a queue: a short string of AMQP 0-9-1, of which `amq.` is the broker's own.
pub(super) fn broker_name(leaf: &Leaf) -> Parsed<String> {
    let name = plain(leaf)?;
    if name.len() <= 200 && name.bytes().all(|b| b.is_ascii_graphic()) && !name.starts_with("amq.") {
        Ok(name.to_owned())
    } else {
        Err("not a name of 1 to 200 visible characters outside amq.*; write one like carepass.engineers"
            .into())
    }
}

/// Another Google: on this machine only, since whoever answers there is given the keys' signatures.
pub(super) fn google(leaf: &Leaf) -> Parsed<Endpoint> {
    Endpoint::parse(plain(leaf)?).map_err(|_| {
        "must be a base like http://127.0.0.1:9010 on this machine; use one, or leave it empty for Google"
            .into()
    })
}

/// Names that a server is called by: without a scheme, a port or a path.
pub(super) fn hosts(leaf: &Leaf) -> Parsed<Vec<String>> {
    let hosts = texts(leaf)?;
    if hosts.iter().all(|host| is_host(host)) {
        return Ok(hosts);
    }
    Err("not a list of host names without scheme and port; write it like [\"carepass.example\"]".into())
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = host.len() <= 253 && host.split('.').all(label);
    name || host.parse::<IpAddr>().is_ok()
}

/// A URI reference (RFC 3986, section 4.1), as CloudEvents wants a `source` to be.
pub(super) fn uri_reference(leaf: &Leaf) -> Parsed<String> {
    const MAX: usize = 256;
    let text = plain(leaf)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    if (1..=MAX).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "not a URI reference of 1 to {MAX} characters; write one like urn:carepass or https://carepass.example/"
        ))
    }
}

/// What addresses of a server begin with, without a slash at the end: in clear on this machine only.
pub(super) fn base(leaf: &Leaf) -> Parsed<String> {
    const MAX: usize = 200;
    let wrong = "not the beginning of an address; write one like https://carepass.example, without query; http:// is for this machine only";
    let url = reqwest::Url::parse(plain(leaf)?).map_err(|_| wrong.to_owned())?;
    let here = url.host_str().is_some_and(|host| is_this_machine(host.trim_matches(['[', ']'])));
    let is_base = (url.scheme() == "https" || url.scheme() == "http" && here)
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.as_str().len() <= MAX;
    if is_base { Ok(url.as_str().trim_end_matches('/').to_owned()) } else { Err(wrong.to_owned()) }
}

/// A page that an engineer is sent to.
pub(super) fn page(leaf: &Leaf) -> Parsed<String> {
    match reqwest::Url::parse(plain(leaf)?) {
        Ok(url) if url.scheme() == "https" && url.host_str().is_some() => Ok(url.into()),
        Ok(_) | Err(_) => Err("not an address of a page; write one that starts with https://".into()),
    }
}
