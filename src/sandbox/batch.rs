//! Many calls in one request, as administrators' tools send them: `multipart/mixed`, each part an HTTP request of its own
//! (Google's "Batch requests" guide). n calls count as n, here as there. Not here: what any of the calls means.

use super::call::{Answer, Body, Call};
use axum::http::StatusCode;

/// Calls in one batch.
const CALLS_MOST: usize = 1_000;
const BOUNDARY: &str = "batch_carepass_sandbox";

/// One call of a batch, with the name that its answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its `Content-ID`, without the angle brackets.
    pub id: Option<String>,
    /// The call.
    pub call: Call,
}

/// Whether a request is a batch: the path of today's discovery documents, or the older ones that name the API.
pub fn is_batch(method: &str, path: &str) -> bool {
    method == "POST" && (path == "/batch" || path.starts_with("/batch/"))
}

/// Takes a batch apart; nothing where it is none. A part without a token of its own has that of the whole.
pub fn split(content_type: &str, outer: &Call) -> Option<Vec<Item>> {
    let boundary =
        content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
    let text = std::str::from_utf8(&outer.body).ok()?.replace("\r\n", "\n");
    // What stands before the first boundary is for nobody, and after the last there are only dashes.
    let text = format!("\n{text}");
    let delimiter = format!("\n--{boundary}");
    let mut parts = text.split(&delimiter).skip(1);
    let items: Option<Vec<Item>> = parts
        .by_ref()
        .take_while(|part| !part.starts_with("--"))
        .map(|part| item(part.strip_prefix('\n')?, outer))
        .collect();
    items.filter(|items| (1..=CALLS_MOST).contains(&items.len()))
}

/// The answers, each with its call's id: content type and body.
pub fn join(answers: &[(Option<String>, Answer)]) -> (String, String) {
    let parts: Vec<String> = answers.iter().map(|(id, answer)| part(id.as_deref(), answer)).collect();
    (format!("multipart/mixed; boundary={BOUNDARY}"), format!("{}--{BOUNDARY}--\r\n", parts.concat()))
}

fn part(id: Option<&str>, answer: &Answer) -> String {
    let id = id.map(|id| format!("Content-ID: <response-{id}>\r\n")).unwrap_or_default();
    let (kind, text) = match &answer.body {
        Body::Empty => ("text/plain", String::new()),
        Body::Json(value) => ("application/json; charset=UTF-8", value.to_string()),
        Body::Html(page) => ("text/html; charset=UTF-8", page.clone()),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    format!(
        "--{BOUNDARY}\r\nContent-Type: application/http\r\n{id}\r\nHTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n\r\n{text}\r\n",
        text.len(),
    )
}

/// A part: its own headers, then a request.
fn item(part: &str, outer: &Call) -> Option<Item> {
    let (headers, request) = part.split_once("\n\n")?;
    // Long headers come folded.
    let headers = &headers.replace("\n ", " ");
    let id =
        header(headers, "content-id").map(|id| id.trim_start_matches('<').trim_end_matches('>').to_owned());
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (line, headers) = head.trim_start().split_once('\n').unwrap_or((head.trim_start(), ""));
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    // A whole URL is taken too; only its path counts.
    let target = target
        .split_once("://")
        .map_or(target, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let bearer =
        header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let mut call = Call {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        bearer: bearer.or_else(|| outer.bearer.clone()),
        body: body.trim().as_bytes().to_vec(),
        ..Call::default()
    };
    call.host.clone_from(&outer.host);
    // A batch within a batch is nothing that Google has.
    (path.starts_with('/') && !is_batch(method, path)).then_some(Item { id, call })
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = headers.lines().filter_map(|line| line.split_once(':'));
    lines.find_map(|(held, value)| held.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/mixed; boundary=\"=x=\"";

    fn split_of(body: &str) -> Option<Vec<Item>> {
        split(KIND, &Call { body: body.into(), bearer: Some("outer".into()), ..Call::default() })
    }

    #[test]
    fn a_batch_is_taken_apart() {
        let body = "--=x=\r\nContent-Type: application/http\r\nContent-ID:\r\n <b + 1>\r\n\r\nGET /a/v1?x=1 HTTP/1.1\r\n\
            Authorization: Bearer own\r\n\r\n\r\n--=x=\nContent-Type: application/http\n\nPOST https://h.example/b HTTP/1.1\n\
            content-length: 2\n\n{}\n--=x=--";
        let items = split_of(body).unwrap();
        let seen: Vec<_> = items
            .iter()
            .map(|Item { id, call }| {
                (
                    id.as_deref(),
                    call.method.as_str(),
                    call.path.as_str(),
                    call.query.as_str(),
                    call.bearer.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [(Some("b + 1"), "GET", "/a/v1", "x=1", Some("own")), (None, "POST", "/b", "", Some("outer"))]
        );
        assert_eq!(items[1].call.body, b"{}");
    }

    #[test]
    fn what_is_no_batch_is_nothing() {
        for body in ["", "--=x=--", "--=x=\n\nGET", "--=x=\nA: b\n\nPOST /batch HTTP/1.1\n\n\n--=x=--"] {
            assert_eq!(split_of(body), None, "{body}");
        }
        let many = "--=x=\nA: b\n\nGET /a HTTP/1.1\n\n\n".repeat(CALLS_MOST + 1);
        assert_eq!(split_of(&format!("{many}--=x=--")), None);
        assert_eq!(split("application/json", &Call::default()), None);
    }

    #[test]
    fn each_answer_carries_the_id_of_its_call() {
        let (kind, body) =
            join(&[(Some("b + 1".into()), Answer::json(serde_json::json!({}))), (None, Answer::empty())]);
        assert!(kind.ends_with(BOUNDARY));
        assert!(body.contains("Content-ID: <response-b + 1>\r\n\r\nHTTP/1.1 200 OK\r\n"), "{body}");
        assert!(
            body.contains("HTTP/1.1 204 No Content\r\n") && body.ends_with("--batch_carepass_sandbox--\r\n"),
            "{body}"
        );
    }
}
