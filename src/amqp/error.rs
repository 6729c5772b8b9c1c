//! What can go wrong at this door, in plain words. The broker's URL is never part of an error.
//! Not here: what to do about it; whoever meets an error decides that.

use std::fmt;
use std::io;
use std::time::Duration;

use lapin::ErrorKind;

use super::endpoint::InvalidUrl;
use super::tls;

/// How the end of a connection looks that nobody announced.
const BROKEN: [io::ErrorKind; 4] = [
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::UnexpectedEof,
];

/// The door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AmqpError {
    /// The URL is not one this door can use.
    #[error("the broker's URL {0}")]
    Url(#[from] InvalidUrl),
    /// Without a dead-letter exchange a broker drops what was delivered too often
    /// (RabbitMQ, "Quorum Queues", poison message handling).
    #[error(
        "no dead-letter exchange is configured; carepass does not start without one, because the broker \
         would drop events. Set intake.amqp.dead_letter_exchange"
    )]
    NoDeadLetterExchange,
    /// It broke while it was being opened over TLS. A broker refuses a client's certificate after the client believes the handshake done
    /// (RFC 8446, 4.4.2.4 and 6.2), and its words may be lost with the connection.
    #[error(
        "the broker broke the connection off while it was being opened; its log says why. If it asks for client certificates, look at \
         intake.amqp.client_certificate_file and client_key_file"
    )]
    BrokenAtOpening,
    /// A name that does not fit into the protocol.
    #[error("{0} is longer than the 255 bytes AMQP allows")]
    TooLong(&'static str),
    /// No answer in time.
    #[error("{doing} took longer than {} s", .limit.as_secs())]
    Slow {
        /// What was waited for.
        doing: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The exchanges and queues are not as they must be; every fault found.
    #[error("{}", list(.0))]
    Topology(Vec<TopologyFault>),
    /// The broker or the network said no.
    #[error("{}", plain_words(.0))]
    Broker(lapin::Error),
}

/// Without its own sources: the words say what they say.
impl From<lapin::Error> for AmqpError {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error)
    }
}

/// One exchange, queue or binding that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyFault {
    /// The thing, e.g. `queue 'carepass.engineers'`.
    pub subject: String,
    /// What is so.
    pub fault: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for TopologyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}. {}.", self.subject, self.fault, self.advice)
    }
}

fn list(faults: &[TopologyFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join(" ")
}

/// A message was not published, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No queue is bound for it; the broker gave it back.
    #[error("no queue takes '{routing_key}' from exchange '{exchange}'")]
    Unroutable {
        /// Exchange it was published to.
        exchange: String,
        /// Routing key it was published with.
        routing_key: String,
    },
    /// The broker refused to keep it, usually because a queue is full.
    #[error("the broker did not take the message; a queue may be full")]
    Nacked,
    /// The broker has a memory or disk alarm. The message may still be taken later.
    #[error("the broker has an alarm and takes nothing at the moment")]
    Blocked,
    /// No confirm in time. The message may have been taken.
    #[error("the broker did not confirm in time")]
    Timeout,
    /// There is no connection, or it broke. The message may have been taken.
    #[error("there is no connection to the broker: {0}")]
    Closed(String),
    /// It cannot be expressed in AMQP; trying again does not help.
    #[error("{0} is longer than the 255 bytes AMQP allows")]
    TooLong(&'static str),
}

/// An error of lapin as one sentence for an operator.
pub(super) fn plain_words(error: &lapin::Error) -> String {
    if let ErrorKind::ProtocolError(refusal) = error.kind() {
        let text = refusal.get_message();
        return match refusal.get_id() {
            403 => format!("the broker refuses access ({text}); check user, password and permissions"),
            530 => format!("the broker does not allow it ({text}); check the virtual host in the URL"),
            320 => format!("the broker is shutting down or an operator closed the connection ({text})"),
            406 if text.as_str().contains("delivery acknowledgement") => {
                format!(
                    "an event was in hand longer than the broker allows ({text}); it comes again. Is the store slow?"
                )
            }
            _ => format!("the broker refused: {text}"),
        };
    }
    if let ErrorKind::IOError(cause) = error.kind() {
        return network_words(cause);
    }
    if let ErrorKind::MissingHeartbeatError = error.kind() {
        return "the broker has gone silent: no heartbeat".to_owned();
    }
    format!("the connection cannot be used: {error}")
}

/// The same where one thing was being done, e.g. `read queue 'carepass.engineers'`: a refusal names the permission that lacks, which
/// RabbitMQ 3.10 itself does not.
pub(super) fn words_while(doing: &str, error: &lapin::Error) -> String {
    match reply_code(error) {
        Some(403) => {
            format!("this user may not {doing}; grant it that permission ({})", plain_words(error))
        }
        Some(_) | None => plain_words(error),
    }
}

fn network_words(cause: &io::Error) -> String {
    use io::ErrorKind as Kind;
    if let Some(words) = tls::words(cause) {
        return words;
    }
    let kind = cause.kind();
    if kind == Kind::ConnectionRefused {
        return "nobody listens there; is the broker running, and are host and port right?".to_owned();
    }
    if BROKEN.contains(&kind) {
        return "the connection broke".to_owned();
    }
    format!("the network failed: {cause}")
}

/// Whether the other side ended the connection without a word.
pub(super) fn is_broken(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::IOError(cause) if tls::words(cause).is_none() && BROKEN.contains(&cause.kind()))
}

/// The AMQP reply code of an error the broker gave, e.g. 404.
pub(super) fn reply_code(error: &lapin::Error) -> Option<u16> {
    if let ErrorKind::ProtocolError(refusal) = error.kind() { Some(refusal.get_id()) } else { None }
}
