//! What a letter may consist of: a small closed set of parts, written once and shown as text and as HTML, so that the two say the same.
//! Whatever comes from elsewhere is cleaned on the way in. Not here: how the parts look (`content/text`, `content/html`), and the words.

mod html;
mod text;

use super::address::WebUrl;
use crate::model::person::Language;
use unicode_normalization::char::is_combining_mark;

const NAME_MAX: usize = 80;
/// The longest value or sentence; what is longer is cut, since nobody meant it.
const PHRASE_MAX: usize = 2_000;
/// The longest list or table; of what is longer the reader learns how many more there are.
pub(super) const ROWS_MAX: usize = 25;

/// Subject and body of a letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Wording {
    /// One line.
    pub subject: String,
    /// Plain text, lines ended by `\n`.
    pub text: String,
    /// The same as a whole HTML document without anything to load.
    pub html: String,
}

/// A letter before it is written down.
pub(super) struct Document {
    language: Language,
    subject: String,
    parts: Vec<Part>,
}

/// A part of a letter; there are no others.
enum Part {
    Heading(String),
    Paragraph(String),
    Bullets(Vec<String>),
    Steps(Vec<String>),
    Accounts(Vec<AccountLine>),
    Link { label: String, url: WebUrl },
    Verbatim(Vec<String>),
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
    Footer(String),
}

/// An account with where it belongs and where to sign in with it.
pub(super) struct AccountLine {
    address: String,
    domain: (String, String),
    sign_in: (String, WebUrl),
}

impl AccountLine {
    /// The labels are the caller's words.
    pub fn new(address: &str, domain: (&str, &str), sign_in: (&str, WebUrl)) -> Self {
        let (url_label, url) = sign_in;
        Self {
            address: clean(address),
            domain: (clean(domain.0), clean(domain.1)),
            sign_in: (clean(url_label), url),
        }
    }
}

impl Document {
    /// An empty letter.
    pub fn new(language: Language, subject: &str) -> Self {
        Self { language, subject: clean(subject), parts: Vec::new() }
    }

    /// Begins a section.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.with(Part::Heading(clean(text)))
    }

    /// A few sentences.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.with(Part::Paragraph(clean(text)))
    }

    /// Things in no order; nothing where there are none.
    pub fn bullets(&mut self, items: &[String]) -> &mut Self {
        self.with_some(items, Part::Bullets)
    }

    /// Things to do one after the other.
    pub fn steps(&mut self, items: &[&str]) -> &mut Self {
        self.with_some(items, Part::Steps)
    }

    /// Accounts to sign in with.
    pub fn accounts(&mut self, accounts: Vec<AccountLine>) -> &mut Self {
        self.with(Part::Accounts(accounts))
    }

    /// A page to open, on a line of its own.
    pub fn link(&mut self, label: &str, url: &WebUrl) -> &mut Self {
        self.with(Part::Link { label: clean(label), url: url.clone() })
    }

    /// Values to be copied, each on a line of its own.
    pub fn verbatim(&mut self, values: &[&str]) -> &mut Self {
        self.with_some(values, Part::Verbatim)
    }

    /// A table; nothing where it has no rows.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: Vec<[String; N]>) -> &mut Self {
        if rows.is_empty() {
            return self;
        }
        let row = |row: [String; N]| row.iter().map(|cell| clean(cell)).collect();
        let head = head.iter().map(|cell| clean(cell)).collect();
        self.with(Part::Table { head, rows: rows.into_iter().map(row).collect() })
    }

    /// Who wrote the letter, below everything else.
    pub fn footer(&mut self, text: &str) -> &mut Self {
        self.with(Part::Footer(clean(text)))
    }

    /// Both forms.
    pub fn written(&self) -> Wording {
        Wording { subject: self.subject.clone(), text: text::text(&self.parts), html: html::html(self) }
    }

    fn with(&mut self, part: Part) -> &mut Self {
        self.parts.push(part);
        self
    }

    fn with_some<T: AsRef<str>>(&mut self, items: &[T], part: fn(Vec<String>) -> Part) -> &mut Self {
        if items.is_empty() {
            return self;
        }
        self.with(part(items.iter().map(|item| clean(item.as_ref())).collect()))
    }
}

/// One line without what a reader cannot see: control characters, line separators, and what turns the direction of writing.
fn clean(text: &str) -> String {
    let may_stand = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain: String = text.chars().take(PHRASE_MAX).map(|c| if may_stand(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name in one line without what could pass for markup, a link or a line of its own. A dot inside a word would be made a link by
/// some mail programs.
pub(super) fn plain_name(name: &str) -> String {
    let may_stand = |c: char| c.is_alphanumeric() || is_combining_mark(c) || " '’.-·".contains(c);
    let mut plain = String::with_capacity(name.len());
    for c in name.chars().take(NAME_MAX) {
        if c.is_alphanumeric() && plain.ends_with('.') {
            plain.push(' ');
        }
        plain.push(if may_stand(c) { c } else { ' ' });
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
