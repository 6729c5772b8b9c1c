//! HTTP/1.1 by hand, as far as two clients speak it that are known: a head, a body of a told length, an answer, the next one.
//! Not here: what a call means (`routes`).

use super::{Shared, control};
use carepass::clock::Clock;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use std::rc::Rc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest request that is read.
const REQUEST_MAX: usize = 1 << 20;

/// One request, borrowed from what was read.
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// What follows the question mark; may be empty.
    pub query: &'a str,
    /// The bearer token; may be empty.
    pub bearer: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The port that it came in at, by its place.
    pub door: usize,
}

/// An answer: its status, and a body in JSON.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Reply {
    /// 200.
    pub fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, body: body.into() }
    }
}

/// Answers what comes on a connection until it ends.
pub async fn serve_connection(mut stream: TcpStream, door: usize, shared: Rc<Shared>) {
    let (mut buffer, mut out) = (Vec::with_capacity(16 << 10), Vec::new());
    let mut dated = Dated::default();
    loop {
        let taken = match parse(&buffer, door) {
            Some((request, taken)) => {
                let reply = control::answer(&shared, &request).await;
                dated.write(&mut out, &reply);
                if stream.write_all(&out).await.is_err() {
                    return;
                }
                taken
            }
            None if buffer.len() > REQUEST_MAX => return,
            None => match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => 0,
            },
        };
        buffer.drain(..taken);
    }
}

/// A whole request and its length, if all of it is there.
fn parse(bytes: &[u8], door: usize) -> Option<(Request<'_>, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut length, mut bearer) = (0, "");
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        } else if name.eq_ignore_ascii_case("authorization") {
            bearer = value.strip_prefix("Bearer ").unwrap_or_default();
        }
    }
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some((Request { method, path, query, bearer, body, door }, end + 4 + length))
}

/// The date of answers, written anew once a second: carepass believes its own clock when Google's agrees.
#[derive(Default)]
struct Dated {
    second: i64,
    text: String,
}

impl Dated {
    fn write(&mut self, out: &mut Vec<u8>, reply: &Reply) {
        let now = Clock::System.now();
        if self.second != now.as_second() {
            self.second = now.as_second();
            let whole = Timestamp::from_second(self.second).expect("a second of today");
            self.text =
                DateTimePrinter::new().timestamp_to_rfc9110_string(&whole).expect("a year of four digits");
        }
        let head = format!(
            "HTTP/1.1 {} -\r\nContent-Type: application/json; charset=UTF-8\r\nDate: {}\r\nContent-Length: {}\r\n\r\n",
            reply.status,
            self.text,
            reply.body.len()
        );
        out.clear();
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(reply.body.as_bytes());
    }
}
