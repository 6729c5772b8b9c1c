//! How the broker says no: a reply code and a sentence, and whether the channel or the whole connection ends.
//! The codes are those of AMQP 0-9-1 ("Constants") as RabbitMQ uses them. No frames here.

use amq_protocol::protocol::{AMQPHardError, AMQPSoftError};

/// What ends with the refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Only the channel on which it was asked.
    Channel,
    /// The connection with all its channels.
    Connection,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) ends: Ends,
    pub(super) code: u16,
    pub(super) text: String,
}

impl Refusal {
    fn soft(error: &AMQPSoftError, name: &str, text: &str) -> Self {
        Self { ends: Ends::Channel, code: error.get_id(), text: format!("{name} - {text}") }
    }

    fn hard(error: &AMQPHardError, name: &str, text: &str) -> Self {
        Self { ends: Ends::Connection, code: error.get_id(), text: format!("{name} - {text}") }
    }

    /// 404: no such queue or exchange.
    pub(super) fn not_found(text: &str) -> Self {
        Self::soft(&AMQPSoftError::NOTFOUND, "NOT_FOUND", text)
    }

    /// 405: another connection has it for itself.
    pub(super) fn locked(text: &str) -> Self {
        Self::soft(&AMQPSoftError::RESOURCELOCKED, "RESOURCE_LOCKED", text)
    }

    /// 406: it is there, but not as asked; or a limit of this broker is reached.
    pub(super) fn precondition(text: &str) -> Self {
        Self::soft(&AMQPSoftError::PRECONDITIONFAILED, "PRECONDITION_FAILED", text)
    }

    /// 403 on the connection: wrong name or password.
    pub(super) fn access(text: &str) -> Self {
        Self { ends: Ends::Connection, ..Self::soft(&AMQPSoftError::ACCESSREFUSED, "ACCESS_REFUSED", text) }
    }

    /// 503: a method that makes no sense here and now.
    pub(super) fn command_invalid(text: &str) -> Self {
        Self::hard(&AMQPHardError::COMMANDINVALID, "COMMAND_INVALID", text)
    }

    /// 501: bytes that are not a frame, or a frame over the limit.
    pub(super) fn frame(text: &str) -> Self {
        Self::hard(&AMQPHardError::FRAMEERROR, "FRAME_ERROR", text)
    }

    /// 504: a channel that is not open, or open already.
    pub(super) fn channel(text: &str) -> Self {
        Self::hard(&AMQPHardError::CHANNELERROR, "CHANNEL_ERROR", text)
    }

    /// 505: content where none belongs.
    pub(super) fn unexpected_frame(text: &str) -> Self {
        Self::hard(&AMQPHardError::UNEXPECTEDFRAME, "UNEXPECTED_FRAME", text)
    }

    /// 530: no such virtual host, a tag used twice.
    pub(super) fn not_allowed(text: &str) -> Self {
        Self::hard(&AMQPHardError::NOTALLOWED, "NOT_ALLOWED", text)
    }

    /// 540: AMQP knows it, this broker does not.
    pub(super) fn not_implemented(text: &str) -> Self {
        Self::hard(&AMQPHardError::NOTIMPLEMENTED, "NOT_IMPLEMENTED", text)
    }
}
