//! What came back, bounded and read into the little that decisions need: success to decode, or an [`ApiError`].
//! Not here: what an error means (`classify`).

use super::call::Call;
use super::classify::is_listed;
use crate::model::failure::{Failure, FailureCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// The longest reason that is kept, in bytes.
const REASON_MAX: usize = 64;
/// A private word of fewer characters may stand in Google's own names by chance.
const WORD_MIN: usize = 4;
/// How much of a body that is not JSON is searched for known words, in bytes.
const PLAIN_MAX: usize = 512;

/// An answer of Google's, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Google's wish, if it came with one.
    pub retry_after: Option<Duration>,
    /// Whether the content type says JSON and the body begins like an object.
    pub is_json: bool,
    /// The body, within the limit of its call.
    pub body: Vec<u8>,
}

/// A refusal in the form that the classifier knows. It may hold words of people: `Debug` shows the call and the status.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Which call.
    pub call: Call,
    /// The HTTP status.
    pub status: u16,
    /// `error.code` of a JSON body: only with it a 404 says something about the thing that was asked for.
    pub code: Option<u16>,
    /// `errors[0].reason`, else `error.status`, else empty; `error` of a token answer.
    pub reason: String,
    /// Google's words, for the table only: a person may be called like a word of it.
    pub message: String,
    /// What may be shown of it.
    pub shown: Shown,
    /// Whether the message is Google's own and not the text of some page.
    pub structured: bool,
    /// Google's wish.
    pub retry_after: Option<Duration>,
}

/// The part of a refusal that may be shown and stored: without the words that are private to the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The reason.
    pub reason: String,
    /// Google's words.
    pub message: String,
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiError({}: {})", self.call.template(), self.status)
    }
}

/// Google's error envelope; newer back ends leave `errors` out and add `status`.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    error: Option<EnvelopeError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnvelopeError {
    code: Option<u16>,
    message: Option<String>,
    status: Option<String>,
    errors: Vec<EnvelopeItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EnvelopeItem {
    reason: Option<String>,
    message: Option<String>,
}

/// The error of a token endpoint (RFC 6749, 5.2).
#[derive(Debug, Deserialize)]
struct TokenError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Answer {
    /// Whether the call was carried out.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a success. A success that cannot be read is unclear, not final: the effect may have happened.
    pub fn decode<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let unreadable = |what: &str| {
            Failure::transient(FailureCode::UnknownAnswer)
                .with_detail(&format!("{}: {what}", call.template()))
        };
        if !self.is_json {
            return Err(unreadable("a success whose body is not JSON"));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            // The words of the error may quote the body; the place does not.
            unreadable(&format!(
                "a success that cannot be read, line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }

    /// Whether a success that says nothing is Google's own: its body is empty, or JSON. Some proxy's page is unclear, not final.
    pub fn is_googles(&self, call: Call) -> Result<(), Failure> {
        if self.body.is_empty() || self.is_json {
            return Ok(());
        }
        Err(Failure::transient(FailureCode::UnknownAnswer)
            .with_detail(&format!("{}: a success with a page", call.template())))
    }

    /// The body of a refusal; what may be shown of it is without the request's private words.
    pub fn error(&self, call: Call, private_words: &[&str]) -> ApiError {
        let (code, reason, message, structured) =
            if self.is_json { self.structured(call) } else { self.plain() };
        let reason: String = reason
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c))
            .take(REASON_MAX)
            .collect();
        let shown = Shown {
            reason: shown_reason(&reason, private_words),
            message: private_words.iter().fold(printable(&message), |message, word| blot(&message, word)),
        };
        ApiError {
            call,
            status: self.status,
            code,
            reason,
            message,
            shown,
            structured,
            retry_after: self.retry_after,
        }
    }

    fn structured(&self, call: Call) -> (Option<u16>, String, String, bool) {
        if call == Call::Token
            && let Ok(error) = serde_json::from_slice::<TokenError>(&self.body)
        {
            return (None, error.error, error.error_description, true);
        }
        let Ok(Envelope { error: Some(mut error) }) = serde_json::from_slice::<Envelope>(&self.body) else {
            return self.plain();
        };
        let first =
            if error.errors.is_empty() { EnvelopeItem::default() } else { error.errors.swap_remove(0) };
        let reason = first.reason.or(error.status).unwrap_or_default();
        let message = error.message.or(first.message).unwrap_or_default();
        (error.code, reason, message, true)
    }

    fn plain(&self) -> (Option<u16>, String, String, bool) {
        let start = &self.body[..self.body.len().min(PLAIN_MAX)];
        (None, String::new(), String::from_utf8_lossy(start).into_owned(), false)
    }
}

/// A reason is a word of Google's, and of the request only where something is wrong: one that the table lists is shown as it is.
fn shown_reason(reason: &str, private_words: &[&str]) -> String {
    let is_private = |word: &&str| {
        let (reason, word) = (reason.to_lowercase(), word.to_lowercase());
        reason == word || (word.chars().count() >= WORD_MIN && reason.contains(&word))
    };
    let hidden = !is_listed(reason) && private_words.iter().any(is_private);
    if hidden { String::new() } else { reason.to_owned() }
}

/// One line without control characters, so that nothing can stand between the letters of a word that must not be shown.
fn printable(message: &str) -> String {
    let words = message.split_whitespace().map(|word| word.chars().filter(|c| !c.is_control()).collect());
    words.collect::<Vec<String>>().join(" ")
}

/// Blots a word out, in any case of letters.
fn blot(message: &str, word: &str) -> String {
    let word = printable(word);
    let length = word.chars().count();
    if length < 2 {
        return message.to_owned();
    }
    let same = |a: char, b: char| a == b || a.to_lowercase().eq(b.to_lowercase());
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        let begins =
            rest.chars().count() >= length && rest.chars().zip(word.chars()).all(|(a, b)| same(a, b));
        let taken =
            if begins { rest.chars().take(length).map(char::len_utf8).sum() } else { first.len_utf8() };
        shown.push_str(if begins { "(private)" } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    shown
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds or a date. Google documents none for these APIs; nonsense is no wish.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(u64::from(u32::MAX))));
    }
    let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(status: u16, is_json: bool, body: &str) -> Answer {
        Answer { status, retry_after: None, is_json, body: body.as_bytes().to_vec() }
    }

    fn check(answer: &Answer, code: Option<u16>, reason: &str, message: &str) {
        let error = answer.error(Call::GetUser, &["asa.oberg", "Å"]);
        assert_eq!(
            (error.code, error.reason.as_str(), error.shown.message.as_str()),
            (code, reason, message)
        );
    }

    #[test]
    fn every_envelope_is_read() {
        let classic = r#"{"error":{"code":409,"message":"Entity already exists.","errors":[{"domain":"global",
            "reason":"duplicate","message":"Entity already exists."}]}}"#;
        check(&answer(409, true, classic), Some(409), "duplicate", "Entity already exists.");
        let newer = r#"{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}"#;
        check(&answer(403, true, newer), Some(403), "PERMISSION_DENIED", "No.");
        check(&answer(403, true, r#"{"error":{"code":403,"errors":[]}}"#), Some(403), "", "");
        check(&answer(404, true, r#"{"error":"gone"}"#), None, "", r#"{"error":"gone"}"#);
        check(&answer(404, true, "{}"), None, "", "{}");
        check(&answer(502, false, "<html>Bad Gateway"), None, "", "<html>Bad Gateway");
        check(&answer(404, true, "{ not json"), None, "", "{ not json");
        let odd = r#"{"error":{"code":400,"errors":[{"reason":"in valid\n<b>","message":"asa.oberg no"}]}}"#;
        check(&answer(400, true, odd), Some(400), "invalidb", "(private) no");
    }

    #[test]
    fn what_is_private_to_the_request_is_not_shown_and_the_table_reads_it_all_the_same() {
        let body = |reason: &str, message: &str| {
            let error = json!({"code": 400, "message": message, "errors": [{"reason": reason}]});
            answer(400, true, &json!({"error": error}).to_string())
        };
        let check = |reason: &str, message: &str, words: &[&str], shown: (&str, &str)| {
            let error = body(reason, message).error(Call::InsertUser, words);
            assert_eq!((error.shown.reason.as_str(), error.shown.message.as_str()), shown);
            assert_eq!((error.reason.as_str(), error.message.as_str()), (reason, message));
            assert_eq!(format!("{error:?}"), "ApiError(POST /admin/directory/v1/users: 400)");
        };
        // Ou is a family name, and a word of Google's.
        check("invalid", "Invalid Ou Id", &["Ou"], ("invalid", "Invalid (private) Id"));
        check("invalid", "ÖBERG, öberg", &["Öberg"], ("invalid", "(private), (private)"));
        check("invalid", "Ob\u{7}erg  x", &["Oberg"], ("invalid", "(private) x"));
        check("invalid", "Anna \u{a0} Maria", &["Anna Maria"], ("invalid", "(private)"));
        check("obergRefused", "", &["Oberg"], ("", ""));
        check("newLimit", "Li", &["Li", "N"], ("newLimit", "(private)"));
        check("oberg", "", &["berg", "Oberg"], ("", ""));
    }

    #[test]
    fn token_errors_have_their_own_shape() {
        let body = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
        let error = answer(400, true, body).error(Call::Token, &[]);
        assert_eq!(
            (error.reason.as_str(), error.message.as_str()),
            ("invalid_grant", "Invalid JWT Signature.")
        );
    }

    #[test]
    fn a_success_that_cannot_be_read_is_unclear() {
        #[derive(Debug, Deserialize)]
        struct Id {
            id: String,
        }
        assert_eq!(answer(200, true, r#"{"id":"1"}"#).decode::<Id>(Call::GetUser).unwrap().id, "1");
        for (is_json, body) in [(false, "<html>"), (true, r#"{"id":"#), (true, r#"{"id":1}"#), (true, "{}")] {
            let failure = answer(200, is_json, body).decode::<Id>(Call::GetUser).unwrap_err();
            assert_eq!(failure, Failure::transient(FailureCode::UnknownAnswer).with_detail(&failure.detail));
            assert!(!failure.detail.contains("html"));
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_or_nothing() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        assert_eq!(retry_after("0", now), Some(Duration::ZERO));
        assert_eq!(retry_after(" 30 ", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        for nothing in ["", "soon", "-1", "1e9", "Sun, 06 Nov 1994 08:48:37 GMT"] {
            assert_eq!(retry_after(nothing, now), None, "{nothing}");
        }
    }
}
