//! Which language an answer is written in: the caller's `Accept-Language` (RFC 9110, section 12.5.4), of the languages that are
//! spoken here. Not here: the sentences.

use crate::model::person::Language;
use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use std::convert::Infallible;

/// Ranges of languages that are looked at; a longer list is cut.
const RANGES_MAX: usize = 32;

/// The language to answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spoken(pub(super) Language);

impl<S: Sync> FromRequestParts<S> for Spoken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Spoken {
    /// The language the headers ask for; English where they ask for nothing that is spoken here.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let wish = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self(wish.map_or(Language::English, preferred))
    }

    /// The value of `Content-Language`.
    pub(super) fn tag(self) -> HeaderValue {
        HeaderValue::from_static(match self.0 {
            Language::English => "en",
            Language::Swedish => "sv",
        })
    }
}

/// Swedish where it is liked better than English, or as much and named first.
fn preferred(wish: &str) -> Language {
    let ranges = wish.split(',').take(RANGES_MAX).filter_map(range);
    let mut best = (0, Language::English);
    for (language, weight) in ranges {
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

/// One range with its weight in thousandths; `None` for a language that is not spoken here.
fn range(text: &str) -> Option<(Language, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next()?.to_ascii_lowercase();
    let language = match tag.split('-').next()? {
        "sv" => Language::Swedish,
        "en" | "*" => Language::English,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths)?;
    Some((language, weight))
}

/// A weight between 0 and 1 with up to three decimals, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_liked_best() {
        let check = |wish: &str, expected: Language| assert_eq!(preferred(wish), expected, "{wish}");
        check("sv", Language::Swedish);
        check("sv-SE,sv;q=0.9,en;q=0.8", Language::Swedish);
        check("en-GB,en;q=0.9,sv;q=0.8", Language::English);
        check("de,sv;q=0.5,en;q=0.4", Language::Swedish);
        check("sv;q=0,en;q=0.1", Language::English);
        check("*", Language::English);
        check("de", Language::English);
        check("sv;q=7, ;;;,q=", Language::English);
        check("", Language::English);
    }
}
