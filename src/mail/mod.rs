//! Letters to engineers, and the ways they leave the house: SMTP, files, memory, or not at all.
//! Not here: when a letter is due, and to whom; the steps decide that.

mod file;
mod memory;
mod message;
mod smtp;
mod template;
mod welcome;

pub use file::FileMailer;
pub use memory::MemoryMailer;
pub use smtp::{Security, SmtpMailer, SmtpSettings};
pub use welcome::{AccountKind, PortalUrl, ReadyAccount, Welcome, Wording, welcome};

use crate::model::id::MailAddress;
use crate::model::person::Language;
use jiff::Timestamp;
use std::fmt;

/// A letter's stable name (RFC 5322, 3.6.4), derived by the caller from what the letter is about:
/// the same letter sent again has the same one, so that it is one letter for whoever gets it twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(String);

/// Why a text is no [`MessageId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a message id: two parts of letters, digits, '.', '_' or '-' around an '@', 200 characters at most"
)]
pub struct InvalidMessageId;

impl MessageId {
    /// Parses `left@right`, without angle brackets; narrow enough to be a file name as well.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidMessageId> {
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
                && !part.contains("..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match text.split_once('@') {
            Some((left, right)) if text.len() <= 200 && part(left) && part(right) => {
                Ok(Self(text.to_owned()))
            }
            Some(_) | None => Err(InvalidMessageId),
        }
    }

    /// The id without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One letter to one person. Its text is personal: `Debug` shows only its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its stable name.
    pub message_id: MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Who gets it.
    pub to: MailAddress,
    /// The language of subject and text.
    pub language: Language,
    /// One line.
    pub subject: String,
    /// The plain text, which reads well everywhere.
    pub text: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({})", self.message_id.as_str())
    }
}

/// Whom letters come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name that mail programs show.
    pub name: Option<String>,
    /// Where answers go.
    pub address: MailAddress,
}

/// Why a letter did not leave. Carries no address and no text of the server's, which would repeat the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The same letter may leave later.
    #[error("the letter could not leave now: {0}")]
    Transient(MailFault),
    /// The same letter fails the same way until a person changes something.
    #[error("the letter cannot leave: {0}")]
    Permanent(MailFault),
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// The server refused with this reply code (RFC 5321, 4.2).
    #[error("the mail server answered {0}")]
    Reply(u16),
    /// The server was too slow.
    #[error("the mail server did not answer in time")]
    Timeout,
    /// The server could not be reached, or hung up.
    #[error("the mail server could not be reached")]
    Connection,
    /// No trusted encryption could be agreed on.
    #[error("no trusted encryption with the mail server")]
    Encryption,
    /// The server lacks what we ask for, or answers what we do not understand.
    #[error("the mail server speaks another dialect")]
    Protocol,
    /// Letters and passwords leave this machine encrypted only.
    #[error("an unencrypted mail server must be on this machine")]
    Unencrypted,
    /// The letter has an address or header that mail cannot carry.
    #[error("the letter cannot be written as mail")]
    Letter,
    /// The folder or memory that takes the letters refused.
    #[error("the letter could not be stored: {0}")]
    Storage(std::io::ErrorKind),
}

/// The way letters leave.
#[derive(Debug)]
pub enum Mailer {
    /// Through a mail server.
    Smtp(SmtpMailer),
    /// Into a folder.
    File(FileMailer),
    /// Into memory: for tests and the demo.
    Memory(MemoryMailer),
    /// Not at all: letters are dropped, which the operator has chosen.
    None,
}

impl Mailer {
    /// Sends a letter. May be called again with the same letter: file and memory keep one; a mail server may deliver
    /// a second copy when its first answer was lost, with the same message id.
    ///
    /// # Errors
    /// When the letter did not leave, or nobody knows whether it did.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        match self {
            Self::Smtp(mailer) => mailer.send(letter).await,
            Self::File(mailer) => mailer.send(letter).await,
            Self::Memory(mailer) => mailer.send(letter),
            Self::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter for the tests of every way.
    pub(super) fn letter(id: &str) -> Letter {
        Letter {
            message_id: MessageId::parse(id).unwrap(),
            date: "2026-11-22T10:00:00Z".parse().unwrap(),
            to: MailAddress::parse("asa.oberg@home.example").unwrap(),
            language: Language::Swedish,
            subject: "Välkommen".to_owned(),
            text: "Hej Åsa,\n\nallt är klart.\n".to_owned(),
        }
    }

    /// Whom the letters of the tests come from.
    pub(super) fn sender() -> Sender {
        Sender {
            name: Some("carepass".to_owned()),
            address: MailAddress::parse("carepass@home.example").unwrap(),
        }
    }

    #[test]
    fn message_ids_are_narrow() {
        for good in ["welcome.E-20417.1@home.example", "a@b"] {
            assert!(MessageId::parse(good).is_ok(), "{good}");
        }
        let long = format!("{}@b", "a".repeat(199));
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "../a@b",
            ".a@b",
            "a..b@c",
            "a/b@c",
            "<a@b>",
            "a@b\r\nBcc: c@d",
            &long,
        ] {
            assert_eq!(MessageId::parse(bad), Err(InvalidMessageId), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_mailer_that_sends_nothing_succeeds() {
        assert_eq!(Mailer::None.send(&letter("a@b")).await, Ok(()));
    }

    #[test]
    fn debug_shows_no_person() {
        assert_eq!(format!("{:?}", letter("a@b")), "Letter(a@b)");
    }
}
