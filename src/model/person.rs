//! The person behind an engineer's key: everything that is personal, and nothing else, so that it can be
//! sealed as one piece and forgotten as one piece. Not here: the key, the employment and the scope.

pub mod name;

pub use name::{LanguageTag, LatinPart, NameFault, NamePart, PersonName};

use super::id::{LocalPart, MailAddress};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The personal part of an engineer. `Debug` shows nothing of it, so that a log line cannot leak it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name, with its diacritics.
    pub name: PersonName,
    /// A mailbox that exists today and receives the welcome, never the password.
    #[serde(default)]
    pub contact_email: Option<MailAddress>,
    /// The manager's mailbox.
    #[serde(default)]
    pub manager_email: Option<MailAddress>,
    /// The language this person asked for; none where HR does not say.
    #[serde(default)]
    pub locale: Option<Locale>,
    /// The local part HR asks for.
    #[serde(default)]
    pub preferred_username: Option<LocalPart>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(..)")
    }
}

/// The languages carepass writes to people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English, also where a language is not spoken here.
    #[serde(rename = "en")]
    English,
    /// Swedish.
    #[serde(rename = "sv")]
    Swedish,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Swedish];
}

/// The language a person asked for: kept as asked, so that a language learnt later reaches old records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(LanguageTag);

impl Locale {
    /// The wish as it came.
    pub fn requested(&self) -> &str {
        self.0.as_str()
    }

    /// The language that is written: Swedish where it was asked for, English otherwise.
    pub fn language(&self) -> Language {
        if self.0.primary() == "sv" { Language::Swedish } else { Language::English }
    }
}

impl From<LanguageTag> for Locale {
    fn from(tag: LanguageTag) -> Self {
        Self(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        Person {
            name: PersonName {
                given: NamePart::parse("Åsa").unwrap(),
                family: NamePart::parse("Öberg").unwrap(),
                latin_given: None,
                latin_family: None,
                language: None,
            },
            contact_email: Some(MailAddress::parse("asa.oberg@nordresale.example").unwrap()),
            manager_email: None,
            locale: None,
            preferred_username: None,
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_person() {
        let shown = format!("{:?} {:?}", person(), person().name);
        assert_eq!(shown, "Person(..) PersonName(..)");
    }

    #[test]
    fn a_person_survives_being_written_and_read() {
        let text = serde_json::to_string(&person()).unwrap();
        assert_eq!(serde_json::from_str::<Person>(&text).unwrap(), person());
    }

    #[test]
    fn unspoken_languages_fall_back_to_english_and_are_remembered() {
        let check = |tag: &str, expected: Language| {
            let locale = Locale::from(LanguageTag::parse(tag).unwrap());
            assert_eq!((locale.language(), locale.requested()), (expected, tag));
        };
        check("sv", Language::Swedish);
        check("sv-FI", Language::Swedish);
        check("en", Language::English);
        check("de", Language::English);
    }
}
