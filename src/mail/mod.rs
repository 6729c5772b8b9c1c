//! Letters to engineers, managers and operators, and the ways they leave the house: SMTP, files, memory, or not at all.
//! Not here: when a letter is due, and to whom; the steps decide that.

mod address;
mod before_role;
mod content;
mod digest;
mod file;
mod letter;
#[cfg(test)]
mod letter_tests;
mod manager;
mod memory;
mod message;
mod message_id;
mod smtp;
mod template;
mod welcome;

pub use address::{InvalidPortalUrl, InvalidWebUrl, InvalidWrappingToken, PortalUrl, WebUrl, WrappingToken};
pub use before_role::{BeforeRole, before_role};
pub use content::Wording;
pub use digest::{Digest, Held, LockOut, OpenLeaver, OpenTasks, StartAtRisk, UnopenedLink, digest};
pub use file::FileMailer;
pub use letter::{AccountKind, Handover, HandoverWay, ReadyAccount};
pub use manager::{Closed, Report, Waiting, manager_at_risk, manager_gone, manager_ready};
pub use memory::MemoryMailer;
pub use message_id::{InvalidMessageId, MessageId, Purpose};
pub use smtp::{Security, SmtpMailer, SmtpSettings};
pub use welcome::{Welcome, welcome};

use crate::crash::crash_point;
use crate::model::id::MailAddress;
use crate::model::person::Language;
use jiff::Timestamp;
use std::fmt::{self, Write as _};

/// One letter to one person. Its text is personal: `Debug` shows only its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its stable name.
    pub message_id: MessageId,
    /// When it was written.
    pub date: Timestamp,
    /// Who gets it.
    pub to: MailAddress,
    /// The language of its words.
    pub language: Language,
    /// One line.
    pub subject: String,
    /// The plain text, which reads well everywhere.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl Letter {
    /// A letter with this wording.
    pub fn new(
        message_id: MessageId,
        date: Timestamp,
        to: MailAddress,
        language: Language,
        wording: Wording,
    ) -> Self {
        let Wording { subject, text, html } = wording;
        Self { message_id, date, to, language, subject, text, html }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({})", self.message_id.as_str())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every text");
        text
    })
}

/// As RFC 5646 names it.
fn language_tag(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::Swedish => "sv",
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
        crash_point!(async "letter.send.before");
        let sent = match self {
            Self::Smtp(mailer) => mailer.send(letter).await,
            Self::File(mailer) => mailer.send(letter).await,
            Self::Memory(mailer) => mailer.send(letter),
            Self::None => Ok(()),
        };
        crash_point!(async "letter.send.after");
        sent
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
            html: "<!DOCTYPE html><html lang=\"sv\"><body><p>Hej Åsa,</p></body></html>\n".to_owned(),
        }
    }

    /// Whom the letters of the tests come from.
    pub(super) fn sender() -> Sender {
        Sender {
            name: Some("carepass".to_owned()),
            address: MailAddress::parse("carepass@home.example").unwrap(),
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
