//! The folded pieces of a name, and local parts made of them by a pattern. Not here: folding itself (`fold`), and which name is chosen.

use super::Reason;
use super::fold::Alphabet;
use super::template::{Piece, Template};
use crate::model::id::{EngineerKey, LocalPart};
use crate::model::person::{LatinPart, PersonName};

/// Longest local part, in characters (Google's limit of an address's user name).
const LOCAL_PART_MAX: usize = 64;

/// Room kept beside given and family name: what a pattern may have besides, such as two dots, one initial, one digit.
const NAMES_MAX: usize = LOCAL_PART_MAX - 4;

/// The numbers tried for `{n}`; the first is 2, as people count themselves.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=9;

/// What stands before a key, so that it looks like no name.
const MARK: &str = "eng-";

/// Titles that HR systems put before given names. They are left out where a dot ends them or, the first two, where nobody is called so.
const TITLES: [&str; 14] =
    ["dr", "prof", "ing", "mag", "mgr", "bc", "dipl", "judr", "mudr", "phdr", "rndr", "mr", "mrs", "ms"];
const PLAIN_TITLES: &[&str] = &["Dr", "Prof", "Dr.", "Prof."];

/// The folded pieces that candidates are made of. At least one of `given` and `family` is not empty.
pub(super) struct Parts<'a> {
    given: String,
    middle_initial: Option<char>,
    family: String,
    key: Option<&'a EngineerKey>,
}

impl<'a> Parts<'a> {
    /// `None` where a letter of the called name or of the family name is left over.
    pub(super) fn of(name: &PersonName, alphabet: Alphabet, key: Option<&'a EngineerKey>) -> Option<Self> {
        let given = name.latin_given.as_ref().map_or(name.given.as_str(), LatinPart::as_str);
        let family = name.latin_family.as_ref().map_or(name.family.as_str(), LatinPart::as_str);
        let folded: Vec<_> = untitled(given).into_iter().map(|token| alphabet.fold(token)).collect();
        let mut tokens: Vec<_> = folded.into_iter().filter(|token| token.as_deref() != Some("")).collect();
        if alphabet.calls_by_last_token() {
            tokens.reverse();
        }
        let mut tokens = tokens.into_iter();
        let given = tokens.next().unwrap_or_else(|| Some(String::new()))?;
        let middle_initial = tokens.next().flatten().and_then(|token| token.chars().next());
        let family = alphabet.fold(family)?;
        (!(given.is_empty() && family.is_empty()))
            .then(|| Self { given, middle_initial, family, key }.shortened())
    }

    /// Keeps at least half of the room for the given name, so that a long family name leaves it readable.
    fn shortened(mut self) -> Self {
        shorten(&mut self.given, (NAMES_MAX / 2).max(NAMES_MAX.saturating_sub(self.family.len())));
        shorten(&mut self.family, NAMES_MAX - self.given.len());
        self
    }

    /// The local parts of a pattern: none where it asks for what the engineer has not, several where it is numbered. Who has one name only
    /// gets it alone where a pattern says both, and nothing where a pattern has an initial.
    pub(super) fn render(&self, template: &Template) -> Vec<(LocalPart, Reason)> {
        let numbers: Vec<Option<u8>> =
            if template.has(Piece::Number) { NUMBERS.map(Some).collect() } else { vec![None] };
        let texts = numbers.into_iter().filter_map(|number| self.text(template, number));
        let reason = template.reason();
        texts.filter_map(|text| LocalPart::parse(&text).ok()).map(|local_part| (local_part, reason)).collect()
    }

    fn text(&self, template: &Template, number: Option<u8>) -> Option<String> {
        let others = template.pieces().len() - 1;
        let (mut text, mut separator) = (String::new(), None);
        for piece in template.pieces() {
            let word = match piece {
                Piece::Given => self.given.clone(),
                Piece::Family => self.family.clone(),
                Piece::GivenInitial => self.initial(self.given.chars().next())?,
                Piece::MiddleInitial => self.initial(self.middle_initial)?,
                Piece::FamilyInitial => self.initial(self.family.chars().next())?,
                Piece::Key => key_text("", self.key?, others),
                Piece::MarkedKey => key_text(MARK, self.key?, others),
                Piece::Number => number?.to_string(),
                Piece::Separator(sign) => {
                    separator = Some(*sign);
                    continue;
                }
            };
            // A name that is not there takes its separator along.
            let between = separator.take().filter(|_| !text.is_empty() && !word.is_empty());
            text.extend(between);
            text.push_str(&word);
        }
        Some(text)
    }

    fn initial(&self, letter: Option<char>) -> Option<String> {
        letter.filter(|_| !self.given.is_empty() && !self.family.is_empty()).map(String::from)
    }
}

/// `eng-<key>`, in the letters a local part may have.
pub(super) fn of_key(key: &EngineerKey) -> LocalPart {
    LocalPart::parse(&key_text(MARK, key, 0))
        .expect("a key begins with a letter or digit, and single hyphens separate the rest")
}

/// The tokens of the given names without the titles before them, unless nothing else is there.
fn untitled(given: &str) -> Vec<&str> {
    let tokens: Vec<&str> = given.split_whitespace().collect();
    let titles = tokens.iter().take_while(|token| is_title(token)).count();
    if titles == tokens.len() { tokens } else { tokens[titles..].to_vec() }
}

fn is_title(token: &str) -> bool {
    // Dipl.-Ing. is two of them.
    let dotted =
        || token.ends_with('.') && token.split(['.', '-']).all(|word| word.is_empty() || is_title_word(word));
    PLAIN_TITLES.contains(&token) || dotted()
}

fn is_title_word(word: &str) -> bool {
    TITLES.iter().any(|title| title.eq_ignore_ascii_case(word))
}

/// The key in the letters a local part may have, cut so that there is room for `others` characters.
fn key_text(mark: &str, key: &EngineerKey, others: usize) -> String {
    let mut text = mark.to_owned();
    for c in key.as_str().chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_lowercase());
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    shorten(&mut text, LOCAL_PART_MAX - others);
    text
}

/// Cuts a folded, thus ASCII, text and leaves no separator at the cut.
fn shorten(text: &mut String, max: usize) {
    text.truncate(max);
    text.truncate(text.trim_end_matches('-').len());
}
