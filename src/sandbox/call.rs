//! One request and its answer as plain data, so that the model can be asked without a socket.
//! Not here: HTTP types of the server, and what any path means.

use super::error::Refusal;
use serde_json::Value;

/// A request, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as it was sent, without the query.
    pub path: String,
    /// The query as it was sent, without `?`.
    pub query: String,
    /// The token of the `Authorization: Bearer` header.
    pub bearer: Option<String>,
    /// The `Host` header, for the audience of a token request.
    pub host: Option<String>,
    /// The `Metadata-Flavor` header, for the metadata server.
    pub metadata_flavor: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call {
    /// The parts of the path between slashes, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path.trim_start_matches('/').split('/').map(|part| percent_decode(part, false)).collect()
    }

    /// The first value of a query parameter; an empty one counts as absent.
    pub fn parameter(&self, name: &str) -> Option<String> {
        form_value(&self.query, name).filter(|value| !value.is_empty())
    }

    /// Every query parameter as it was sent, decoded, those without a value too.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (percent_decode(name, true), percent_decode(value, true)))
            .collect()
    }

    /// A field of a form body.
    pub fn form(&self, name: &str) -> Option<String> {
        form_value(std::str::from_utf8(&self.body).ok()?, name)
    }

    /// The body as JSON object, or Google's 400.
    pub fn json(&self) -> Result<Value, Refusal> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            Ok(_) | Err(_) => Err(Refusal::new(400, "parseError", "Parse Error")),
        }
    }
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Body,
    /// Google's reason, when it is a refusal; for the call log.
    pub reason: Option<String>,
    /// What the call changed: `user.created`; for the call log.
    pub effect: Option<String>,
    /// `Retry-After` in seconds, when a fault asks for it.
    pub retry_after: Option<u64>,
    /// How it is sent, where that is not the usual way.
    pub delivery: Delivery,
}

/// How an answer travels. The usual way is at once, whole, and called what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The body comes in pieces, each so many milliseconds after the one before; 0: in one.
    pub drip_ms: u64,
    /// The connection ends in the middle of the body.
    pub truncated: bool,
    /// `Content-Type` instead of the true one.
    pub content_type: Option<String>,
    /// The header by which the metadata server is known.
    pub metadata_flavor: bool,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing at all.
    Empty,
    /// JSON.
    Json(Value),
    /// A page for people.
    Html(String),
}

impl Answer {
    /// 200 with JSON.
    pub fn json(body: Value) -> Self {
        Self::new(200, Body::Json(body))
    }

    /// 204 without a body.
    pub fn empty() -> Self {
        Self::new(204, Body::Empty)
    }

    /// An answer with a page that is not JSON.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::new(status, Body::Html(page.into()))
    }

    /// An answer that is plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let mut answer = Self::html(status, text);
        answer.delivery.content_type = Some("text/plain; charset=UTF-8".to_owned());
        answer
    }

    /// Status and body, and nothing else yet.
    pub fn new(status: u16, body: Body) -> Self {
        Self { status, body, reason: None, effect: None, retry_after: None, delivery: Delivery::default() }
    }

    /// Notes what the call changed.
    #[must_use]
    pub fn with_effect(mut self, effect: &str) -> Self {
        self.effect = Some(effect.to_owned());
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = Body::Json(refusal.body());
        Self { reason: Some(refusal.reason), ..Self::new(refusal.status, body) }
    }
}

/// What a handler gives back.
pub type Reply = Result<Answer, Refusal>;

fn form_value(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode(key, true) == name).then(|| percent_decode(value, true))
    })
}

/// RFC 3986 decoding; a broken escape stays as it is. `plus` reads `+` as a space, as forms do.
fn percent_decode(text: &str, plus: bool) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = if byte == b'%' { hex_pair(tail) } else { None };
        rest = if escaped.is_some() { &tail[2..] } else { tail };
        decoded.push(escaped.unwrap_or(if plus && byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(text.first()?)? * 16 + digit(text.get(1)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        let call = Call {
            path: "/admin/directory/v1/users/a%40b.example".into(),
            query: "query=externalId%3D%27E%201%27&domain=&x=a+b".into(),
            ..Call::default()
        };
        assert_eq!(call.segments().last().unwrap(), "a@b.example");
        assert_eq!(call.parameter("query").unwrap(), "externalId='E 1'");
        assert_eq!(call.parameter("x").unwrap(), "a b");
        assert_eq!(call.parameter("domain"), None);
    }

    #[test]
    fn a_plus_in_a_path_stays_and_a_broken_escape_too() {
        assert_eq!(percent_decode("a+b%4", false), "a+b%4");
        assert_eq!(percent_decode("%C3%85", false), "Å");
    }
}
