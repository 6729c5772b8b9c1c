//! The stable name of a letter, made from what the letter is about and nothing else, so that a letter that is sent again after a lost
//! answer is recognisably the same. Not here: the headers around it.

use super::hex;
use crate::model::id::EngineerKey;
use crate::planted::{self, planted};
use jiff::civil::Date;

/// A letter's stable name (RFC 5322, 3.6.4): the same letter sent again has the same one, so that it is one letter for whoever gets it
/// twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(String);

/// Why a text is no [`MessageId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a message id: two parts of letters, digits, '.', '_' or '-' around an '@', 200 characters at most"
)]
pub struct InvalidMessageId;

/// What a letter about an engineer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All accounts are ready; to the engineer.
    Welcome,
    /// The role waits for 2-Step Verification; to the engineer.
    BeforeRole,
    /// The same, again; the generation counts the reminders.
    BeforeRoleAgain,
    /// All accounts are ready; to the manager.
    ManagerReady,
    /// The first day is at risk; to the manager.
    ManagerAtRisk,
    /// The access is gone; to the manager.
    ManagerGone,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] = [
        Self::Welcome,
        Self::BeforeRole,
        Self::BeforeRoleAgain,
        Self::ManagerReady,
        Self::ManagerAtRisk,
        Self::ManagerGone,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::BeforeRole => "before-role",
            Self::BeforeRoleAgain => "before-role-again",
            Self::ManagerReady => "manager-ready",
            Self::ManagerAtRisk => "manager-at-risk",
            Self::ManagerGone => "manager-gone",
        }
    }
}

impl MessageId {
    /// Names a letter about an engineer. The revision is that of the event that the letter answers; the generation tells letters of one
    /// purpose under one revision apart, such as reminders and links made anew, and counts from 0.
    pub fn of(purpose: Purpose, engineer: &EngineerKey, revision: u64, generation: u32) -> Self {
        let key = hex(engineer.as_str().as_bytes());
        let generation = if planted!(LetterIdByChance) {
            u32::try_from(planted::number()).unwrap_or(0)
        } else {
            generation
        };
        Self(format!("{}.{key}.{revision}.{generation}@carepass.invalid", purpose.as_str()))
    }

    /// Names the digest of a day to one of the operators, counted from 0 as the configuration lists them.
    pub fn of_digest(day: Date, operator: usize) -> Self {
        Self(format!("digest.{day}.{operator}@carepass.invalid"))
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

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

    #[test]
    fn a_letter_is_named_by_what_it_is_about() {
        let key = |text: &str| EngineerKey::parse(text).unwrap();
        let id = MessageId::of(Purpose::Welcome, &key("E-1"), 7, 0);
        assert_eq!(id.as_str(), "welcome.452d31.7.0@carepass.invalid");
        assert_eq!(MessageId::of(Purpose::Welcome, &key("E-1"), 7, 0), id);
        let day = "2026-12-01".parse().unwrap();
        assert_eq!(MessageId::of_digest(day, 1).as_str(), "digest.2026-12-01.1@carepass.invalid");

        let mut all = BTreeSet::new();
        let longest = "e".repeat(64);
        let keys = ["E-1", "e-1", "E:1", longest.as_str()].map(key);
        for (purpose, key) in
            Purpose::ALL.iter().flat_map(|purpose| keys.iter().map(move |key| (purpose, key)))
        {
            for (revision, generation) in [(0, 0), (0, 1), (1, 0), (11, 1), (1, 11), (u64::MAX, u32::MAX)] {
                let id = MessageId::of(*purpose, key, revision, generation);
                assert_eq!(MessageId::parse(id.as_str()).as_ref(), Ok(&id), "{id:?}");
                assert!(all.insert(id.clone()), "{id:?} names two letters");
            }
        }
    }
}
