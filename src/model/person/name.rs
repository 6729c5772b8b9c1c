//! The parts of a person's name, as parsed values. Any script is welcome; characters that cannot be seen, or
//! that turn the text around them, are not. Not here: how an address is made of a name (`model/username`).

use crate::planted::planted;
use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest name part taken from HR, in characters (schema engineer/1.0).
pub const NAME_PART_MAX: usize = 60;

/// Longest name part sent to Google, in characters.
pub const GOOGLE_NAME_MAX: usize = 40;

/// Longest language tag taken, in bytes: room for every tag in use (RFC 5646, section 4.4.1).
const LANGUAGE_TAG_MAX: usize = 35;

/// A person's name. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    /// Given names, all of them, with diacritics.
    pub given: NamePart,
    /// Family names, all of them, with diacritics.
    pub family: NamePart,
    /// The given names in Latin letters, as the person writes them.
    #[serde(default)]
    pub latin_given: Option<LatinPart>,
    /// The family names in Latin letters, as the person writes them.
    #[serde(default)]
    pub latin_family: Option<LatinPart>,
    /// The language of the *name*, which decides between ö→o and ö→oe.
    #[serde(default)]
    pub language: Option<LanguageTag>,
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(..)")
    }
}

/// Why a text is not a part of a name. Carries no value, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing is left when the blanks around it are taken away.
    #[error("an empty name")]
    Empty,
    /// More than [`NAME_PART_MAX`] characters.
    #[error("a name of more than 60 characters")]
    TooLong,
    /// A control, formatting, invisible, private-use or replacement character.
    #[error("a name with characters that cannot be seen")]
    Unseen,
    /// A character outside the Latin ranges of the schema.
    #[error("a Latin form with characters that are not Latin")]
    NotLatin,
}

/// Defines one kind of name part: the same door for code and for serde, nothing shown by `Debug`.
macro_rules! part {
    ($(#[$doc:meta])* $type:ident, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Parses the text into NFC, without blanks around it.
            pub fn parse(text: &str) -> Result<Self, NameFault> {
                let allowed: fn(char) -> Result<(), NameFault> = $allowed;
                tidy(text, allowed).map(Self)
            }

            /// The part as text, in NFC.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameFault;
            fn try_from(text: String) -> Result<Self, NameFault> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(part: $type) -> String {
                part.0
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "(..)"))
            }
        }
    };
}

part! {
    /// Given or family names in any script: NFC, 1 to 60 characters, each of which can be seen.
    NamePart, |c| if is_unseen(c) { Err(NameFault::Unseen) } else { Ok(()) }
}

part! {
    /// A romanised form: Latin letters, blanks, dots, apostrophes and hyphens (schema engineer/1.0).
    LatinPart, |c| if is_latin(c) { Ok(()) } else { Err(NameFault::NotLatin) }
}

impl NamePart {
    /// The part as sent to Google: at most [`GOOGLE_NAME_MAX`] characters, never cut inside a letter.
    pub fn for_google(&self) -> &str {
        let mut cuts = self.0.char_indices().skip(GOOGLE_NAME_MAX);
        let Some((mut end, first_cut)) = cuts.next() else { return &self.0 };
        if is_combining_mark(first_cut) {
            end = self.0[..end].rfind(|c| !is_combining_mark(c)).unwrap_or(end);
        }
        self.0[..end].trim_end()
    }
}

/// A language tag such as `sv` or `de-CH` (BCP 47, in the form of schema engineer/1.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

impl LanguageTag {
    /// Parses the tag; `None` where the text has another shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut subtags = text.split('-');
        let primary = subtags.next()?;
        let sound = text.len() <= LANGUAGE_TAG_MAX
            && (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && subtags.all(|s| (2..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()));
        sound.then(|| Self(text.to_owned()))
    }

    /// The tag of English.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language itself: `de` of `de-CH`.
    pub fn primary(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(primary, _)| primary)
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a language tag like sv or de-CH")
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> String {
        tag.0
    }
}

fn tidy(text: &str, allowed: fn(char) -> Result<(), NameFault>) -> Result<String, NameFault> {
    // Composing cannot shorten a text more than threefold (UAX 15), so a bomb is refused before it is worked on.
    if text.chars().take(NAME_PART_MAX * 4 + 1).count() > NAME_PART_MAX * 4 {
        return Err(NameFault::TooLong);
    }
    let composed: String = text.trim_matches(' ').nfc().collect();
    if composed.is_empty() {
        return Err(NameFault::Empty);
    }
    if composed.chars().count() > NAME_PART_MAX {
        return Err(NameFault::TooLong);
    }
    composed.chars().try_for_each(allowed)?;
    if composed.chars().all(|c| c.is_whitespace() || is_combining_mark(c)) {
        return Err(NameFault::Empty);
    }
    Ok(composed)
}

/// The ranges of the schema's pattern `[A-Za-zÀ-ɏḀ-ỿ .'’-]`.
fn is_latin(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | ' ' | '.' | '\'' | '’' | '-')
}

/// General categories Cc, Cf, Zl, Zp and Co, the noncharacters, the replacement characters, and the letters
/// that are defined to look like nothing (Unicode 17, `DerivedGeneralCategory` and `Default_Ignorable_Code_Point`).
pub fn is_unseen(c: char) -> bool {
    if planted!(UnseenInNames) && c == '\u{fffc}' {
        return false;
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{feff}'
            | '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffd}' | '\u{fdd0}'..='\u{fdef}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_pass_and_invisible_ones_do_not() {
        let check = |text: &str, expected: Result<(), NameFault>| {
            assert_eq!(NamePart::parse(text).map(drop), expected, "{text:?}");
        };
        for good in ["Zoë", "李", "O'Brien", "José-María", "Thị Đường", "محمد", "Αλέξης", "X Æ A-12", "-"]
        {
            check(good, Ok(()));
        }
        check("", Err(NameFault::Empty));
        check("   ", Err(NameFault::Empty));
        check("\u{301}", Err(NameFault::Empty));
        check(&"å".repeat(60), Ok(()));
        check(&"å".repeat(61), Err(NameFault::TooLong));
        check(&format!("a{}", "\u{301}".repeat(3000)), Err(NameFault::TooLong));
        for unseen in
            ['\0', '\n', '\u{1b}', '\u{200b}', '\u{202e}', '\u{e000}', '\u{fffd}', '\u{3164}', '\u{1fffe}']
        {
            check(&format!("An{unseen}na"), Err(NameFault::Unseen));
        }
    }

    #[test]
    fn a_part_is_composed_and_trimmed() {
        assert_eq!(NamePart::parse(" A\u{30a}sa ").unwrap().as_str(), "Åsa");
        assert_eq!(LatinPart::parse("Taro\u{304}").unwrap().as_str(), "Tarō");
    }

    #[test]
    fn the_latin_form_is_latin() {
        assert!(LatinPart::parse("Siobhán O’Brien-Müller Jr.").is_ok());
        assert_eq!(LatinPart::parse("太郎").unwrap_err(), NameFault::NotLatin);
        assert_eq!(LatinPart::parse("Аnna").unwrap_err(), NameFault::NotLatin);
        assert_eq!(LatinPart::parse("Anna2").unwrap_err(), NameFault::NotLatin);
    }

    #[test]
    fn google_gets_forty_characters_and_no_half_letters() {
        let google = |text: &str| NamePart::parse(text).unwrap().for_google().to_owned();
        assert_eq!(google("Åsa Märta"), "Åsa Märta");
        assert_eq!(google(&"å".repeat(41)), "å".repeat(40));
        assert_eq!(google(&format!("{}x\u{30a}y", "a".repeat(39))), "a".repeat(39));
        assert_eq!(google(&format!("{} bb", "a".repeat(39))), "a".repeat(39));
    }

    #[test]
    fn language_tags_have_a_shape() {
        for good in ["sv", "de-CH", "zh-Hant-TW", "gsw"] {
            assert!(LanguageTag::parse(good).is_some(), "{good}");
        }
        for bad in ["", "s", "SV", "sv_SE", "swedish", "sv-", "sv-toolongtag", "så"] {
            assert!(LanguageTag::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(LanguageTag::parse("de-CH").unwrap().primary(), "de");
    }
}
