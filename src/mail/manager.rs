//! Letters to an engineer's manager: all is ready, the first day is at risk, the access is gone. Pure; the words are in `template/`.
//! Not here: whether managers are written to at all.

use super::content::{Document, Wording, plain_name};
use super::template::{self, Words};
use crate::model::id::DomainName;
use crate::model::person::Language;

/// Whom a letter to a manager is about.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// The engineer's whole name, as HR writes it.
    pub engineer: &'a str,
    /// The language of the house.
    pub language: Language,
}

/// Something that is not ready. Both are ready phrases in the language of the letter.
#[derive(Clone)]
pub struct Waiting {
    /// What waits, such as what a task says is so.
    pub what: String,
    /// On whom.
    pub on: String,
}

/// A domain in which the access is closed.
#[derive(Clone)]
pub struct Closed {
    /// The domain.
    pub domain: DomainName,
    /// When that was seen, as a ready phrase.
    pub at: String,
}

/// Writes that every account is ready, listed by address; with the first day, if it is still to come.
pub fn manager_ready(about: Report<'_>, accounts: &[String], starts: Option<&str>) -> Wording {
    let words = template::words(about.language);
    let (own, name) = (&words.manager, plain_name(about.engineer));
    let mut letter = begun(about, words, &(own.ready_subject)(&name));
    letter.paragraph(&(own.ready)(&name)).bullets(accounts);
    if let Some(starts) = starts {
        letter.paragraph(&(own.starts)(&name, starts));
    }
    letter.paragraph(&(own.ready_next)(&name)).footer(words.footer_to_others);
    letter.written()
}

/// Writes that the first day may come before the access, and why.
pub fn manager_at_risk(about: Report<'_>, starts: &str, waiting: &[Waiting]) -> Wording {
    let words = template::words(about.language);
    let (own, name) = (&words.manager, plain_name(about.engineer));
    let mut letter = begun(about, words, &(own.risk_subject)(&name));
    let rows = waiting.iter().map(|waiting| [waiting.what.clone(), waiting.on.clone()]).collect();
    letter.paragraph(&(own.risk)(&name, starts)).table(own.risk_head, rows);
    letter.paragraph(own.risk_next).footer(words.footer_to_others);
    letter.written()
}

/// Writes that the access is gone, where and since when. It is true only when no domain is left open.
pub fn manager_gone(about: Report<'_>, closed: &[Closed]) -> Wording {
    let words = template::words(about.language);
    let (own, name) = (&words.manager, plain_name(about.engineer));
    let mut letter = begun(about, words, &(own.gone_subject)(&name));
    let rows = closed.iter().map(|closed| [closed.domain.to_string(), closed.at.clone()]).collect();
    letter.paragraph(&(own.gone)(&name)).table(own.gone_head, rows);
    letter.paragraph(own.gone_next).footer(words.footer_to_others);
    letter.written()
}

fn begun(about: Report<'_>, words: &Words, subject: &str) -> Document {
    let mut letter = Document::new(about.language, subject);
    letter.paragraph(&format!("{},", words.hello));
    letter
}
