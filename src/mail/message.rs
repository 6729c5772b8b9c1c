//! A letter as an Internet message (RFC 5322), built by lettre so that no value can become a header.
//! Not here: how the message leaves.

use super::{Letter, MailError, MailFault, Sender, hex, language_tag};
use crate::model::id::MailAddress;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use ring::digest::{Context, SHA256};
use std::time::SystemTime;

/// Writes the letter as a message from `sender`.
pub(super) fn message(letter: &Letter, sender: &Sender) -> Result<Message, MailError> {
    let head = Message::builder()
        .message_id(Some(format!("<{}>", letter.message_id.as_str())))
        .date(SystemTime::from(letter.date))
        .from(mailbox(sender.name.as_deref(), &sender.address)?)
        .to(mailbox(None, &letter.to)?)
        .subject(one_line(&letter.subject))
        // So that absence notices do not answer (RFC 3834, 5).
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("Content-Language", language_tag(letter.language)));
    // The last form is the one to be preferred (RFC 2046, 5.1.4).
    let forms = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(boundary(letter))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    head.multipart(forms).map_err(|_| MailError::Permanent(MailFault::Letter))
}

/// What stands between the forms: the same for the same letter, and in no text, since no text can hold its own hash.
fn boundary(letter: &Letter) -> String {
    let mut hash = Context::new(&SHA256);
    for part in [letter.message_id.as_str(), &letter.text, &letter.html] {
        hash.update(part.as_bytes());
    }
    let hex = hex(hash.finish().as_ref());
    format!("=_{}", &hex[..40])
}

fn mailbox(name: Option<&str>, address: &MailAddress) -> Result<Mailbox, MailError> {
    let address = address.as_str().parse().map_err(|_| MailError::Permanent(MailFault::Letter))?;
    Ok(Mailbox::new(name.map(one_line), address))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// lettre encodes what cannot stand in a header; a line break, even an encoded one, is nothing anybody meant.
fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{letter, sender};
    use super::*;

    fn written(letter: &Letter, sender: &Sender) -> String {
        String::from_utf8(message(letter, sender).unwrap().formatted()).unwrap()
    }

    fn head(written: &str) -> Vec<&str> {
        written.split_once("\r\n\r\n").unwrap().0.split("\r\n").collect()
    }

    #[test]
    fn a_letter_has_the_headers_that_mail_wants() {
        let written = written(&letter("welcome.1@home.example"), &sender());
        let head = head(&written);
        for line in [
            "Message-ID: <welcome.1@home.example>",
            "Date: Sun, 22 Nov 2026 10:00:00 +0000",
            "From: carepass <carepass@home.example>",
            "To: asa.oberg@home.example",
            "Auto-Submitted: auto-generated",
            "Content-Language: sv",
            "MIME-Version: 1.0",
        ] {
            assert!(head.contains(&line), "{line} is not in {head:#?}");
        }
        let forms = ["multipart/alternative", "text/plain; charset=utf-8", "text/html; charset=utf-8"];
        let mut rest = written.as_str();
        for form in forms {
            rest = rest.split_once(&format!("Content-Type: {form}")).expect(form).1;
        }
    }

    #[test]
    fn the_same_letter_is_the_same_message_and_another_has_another_boundary() {
        let sender = sender();
        let one = letter("welcome.1@home.example");
        assert_eq!(written(&one, &sender), written(&one, &sender));
        let mut other = one.clone();
        other.text = format!("--{}\r\nContent-Type: text/html\r\n\r\n<b>Eve</b>", boundary(&one));
        assert_ne!(boundary(&one), boundary(&other));
    }

    #[test]
    fn no_value_becomes_a_header_or_ends_the_head() {
        let mut letter = letter("a@b");
        letter.subject = "x\r\nBcc: eve@evil.example\r\n\r\nbody".to_owned();
        let mut sender = sender();
        sender.name = Some("Åsa\"\r\nBcc: eve@evil.example\n<eve@evil.example>, x".to_owned());
        let written = written(&letter, &sender);
        let head = head(&written);
        assert!(!head.iter().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head:#?}");
        let names = ["From", "To", "Subject"]
            .map(|name| head.iter().filter(|line| line.starts_with(&format!("{name}:"))).count());
        assert_eq!(names, [1, 1, 1]);

        let message = message(&letter, &sender).unwrap();
        assert_eq!(message.envelope().to().len(), 1);
        assert_eq!(message.envelope().from().unwrap().to_string(), "carepass@home.example");
    }

    #[test]
    fn long_lines_and_letters_beyond_ascii_are_encoded_for_the_wire() {
        let mut letter = letter("a@b");
        letter.text = format!("{}\r\n.\r\n{}", "å".repeat(2000), "x".repeat(2000));
        letter.subject = "Å".repeat(300);
        let written = written(&letter, &sender());
        assert!(written.is_ascii());
        assert!(written.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }
}
