//! Which local part an engineer may get: candidates in a fixed order, made of the name by the rules of the
//! name's own language, and the choice of the first one that is free everywhere. Nothing is ever guessed: a
//! name in another script needs a Latin form from HR. The rule in words: `docs/EVENTS.md`, usernames.
//! Not here: who holds an address (the caller knows), and the reservation.

mod fold;
mod stop;
#[cfg(test)]
mod tests;

pub use stop::is_reserved;

use super::id::{EngineerKey, LocalPart};
use super::person::{LatinPart, PersonName};
use fold::Alphabet;
use serde::Serialize;
use std::collections::BTreeSet;

/// Longest local part, in characters (Google's limit of an address's user name).
const LOCAL_PART_MAX: usize = 64;

/// Room kept beside given and family name: two dots, one initial, one digit.
const NAMES_MAX: usize = LOCAL_PART_MAX - 4;

/// The numbers tried behind `given.family`; the first is 2, as people count themselves.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=9;

/// What the name allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// The candidates, best first; at least one.
    Derived(Vec<Candidate>),
    /// A letter of the name has no known Latin form: HR must be asked for one.
    NeedsLatin {
        /// HR's own wish, which needs no derivation and may be used where it is free.
        preferred: Option<LocalPart>,
        /// What is proposed until the answer comes.
        proposal: LocalPart,
    },
}

/// One local part that might be used, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The local part.
    pub local_part: LocalPart,
    /// How it was made.
    pub reason: Reason,
}

/// How a local part came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// HR asked for it.
    Preferred,
    /// `given.family`.
    GivenFamily,
    /// `given.m.family`, with the initial of the second given name.
    GivenInitialFamily,
    /// `g.family`.
    InitialFamily,
    /// `given.family2` and so on.
    Numbered,
    /// `eng-<key>`.
    Key,
}

/// Who holds an address already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenBy {
    /// An account.
    User,
    /// An account, as one of its other addresses.
    Alias,
    /// A group, also as one of its other addresses.
    Group,
    /// An account that was deleted in the last 20 days.
    Deleted,
    /// An engineer for whom carepass keeps it: another one, or the same one to whom Google has refused it.
    Reservation,
}

/// The choice, with everything that was looked at, for the preview and for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to do.
    pub decision: Decision,
    /// All names that come into question, best first.
    pub considered: Vec<Considered>,
}

/// What the choice comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use this one.
    Use(Candidate),
    /// Ask HR for a Latin form; nothing is used before the answer.
    NeedsLatin {
        /// What is proposed meanwhile.
        proposal: LocalPart,
    },
    /// Every candidate is taken: a person decides.
    Exhausted,
}

/// One name that came into question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The local part.
    pub name: LocalPart,
    /// Who holds it; `None` where it is free.
    pub taken_by: Option<TakenBy>,
}

/// The candidates for a name, best first, without those on the stop-list.
pub fn candidates(
    name: &PersonName,
    preferred: Option<&LocalPart>,
    key: &EngineerKey,
    default_language: &str,
) -> Candidates {
    let preferred = preferred.filter(|wish| !stop::is_stopped(wish)).cloned();
    let language = name.language.as_ref().map_or(default_language, |tag| tag.primary());
    let Some(parts) = Parts::of(name, Alphabet::of(language)) else {
        return Candidates::NeedsLatin { preferred, proposal: of_key(key) };
    };
    let wish = preferred.map(|local_part| Candidate { local_part, reason: Reason::Preferred });
    let derived = parts.candidates().into_iter().filter_map(|(text, reason)| {
        let local_part = LocalPart::parse(&text).ok().filter(|made| !stop::is_stopped(made))?;
        Some(Candidate { local_part, reason })
    });
    let last = Candidate { local_part: of_key(key), reason: Reason::Key };
    let mut seen = BTreeSet::new();
    let all = wish.into_iter().chain(derived).chain([last]);
    Candidates::Derived(all.filter(|candidate| seen.insert(candidate.local_part.clone())).collect())
}

/// Takes the first candidate that nobody holds in any domain of the plan.
pub fn choose(candidates: &Candidates, taken_by: impl Fn(&LocalPart) -> Option<TakenBy>) -> Choice {
    let consider = |name: &LocalPart| Considered { name: name.clone(), taken_by: taken_by(name) };
    match candidates {
        Candidates::Derived(all) => {
            let considered: Vec<_> = all.iter().map(|candidate| consider(&candidate.local_part)).collect();
            let free = all.iter().zip(&considered).find(|(_, seen)| seen.taken_by.is_none());
            let decision =
                free.map_or(Decision::Exhausted, |(candidate, _)| Decision::Use(candidate.clone()));
            Choice { decision, considered }
        }
        Candidates::NeedsLatin { preferred, proposal } => {
            let considered: Vec<_> = preferred.iter().chain([proposal]).map(consider).collect();
            let wish = preferred.as_ref().filter(|_| considered[0].taken_by.is_none());
            let decision = wish.map_or_else(
                || Decision::NeedsLatin { proposal: proposal.clone() },
                |wish| Decision::Use(Candidate { local_part: wish.clone(), reason: Reason::Preferred }),
            );
            Choice { decision, considered }
        }
    }
}

impl Choice {
    /// The local part to use; `None` where a person must be asked.
    pub fn username(&self) -> Option<&LocalPart> {
        match &self.decision {
            Decision::Use(candidate) => Some(&candidate.local_part),
            Decision::NeedsLatin { .. } | Decision::Exhausted => None,
        }
    }

    /// The stable word for how the decision came about (`reason` of the preview).
    pub fn reason(&self) -> &'static str {
        match &self.decision {
            Decision::Use(candidate) => candidate.reason.code(),
            Decision::NeedsLatin { .. } => "needs_latin",
            Decision::Exhausted => "exhausted",
        }
    }
}

impl Reason {
    /// The stable word, part of the contract (`username preview`).
    pub fn code(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::GivenFamily => "given_family",
            Self::GivenInitialFamily => "given_initial_family",
            Self::InitialFamily => "initial_family",
            Self::Numbered => "numbered",
            Self::Key => "key",
        }
    }
}

/// The folded pieces that candidates are made of. At least one of `given` and `family` is not empty.
struct Parts {
    given: String,
    middle_initial: Option<char>,
    family: String,
}

impl Parts {
    /// `None` where a letter of the called name or of the family name is left over.
    fn of(name: &PersonName, alphabet: Alphabet) -> Option<Self> {
        let given = name.latin_given.as_ref().map_or(name.given.as_str(), LatinPart::as_str);
        let family = name.latin_family.as_ref().map_or(name.family.as_str(), LatinPart::as_str);
        let folded: Vec<_> = given.split_whitespace().map(|token| alphabet.fold(token)).collect();
        let mut tokens: Vec<_> = folded.into_iter().filter(|token| token.as_deref() != Some("")).collect();
        if alphabet.calls_by_last_token() {
            tokens.reverse();
        }
        let mut tokens = tokens.into_iter();
        let given = tokens.next().unwrap_or_else(|| Some(String::new()))?;
        let middle_initial = tokens.next().flatten().and_then(|token| token.chars().next());
        let family = alphabet.fold(family)?;
        (!(given.is_empty() && family.is_empty())).then(|| Self { given, middle_initial, family }.shortened())
    }

    /// Keeps at least half of the room for the given name, so that a long family name leaves it readable.
    fn shortened(mut self) -> Self {
        shorten(&mut self.given, (NAMES_MAX / 2).max(NAMES_MAX.saturating_sub(self.family.len())));
        shorten(&mut self.family, NAMES_MAX - self.given.len());
        self
    }

    fn candidates(&self) -> Vec<(String, Reason)> {
        let Self { given, middle_initial, family } = self;
        if given.is_empty() || family.is_empty() {
            let only = format!("{given}{family}");
            return numbered(&only, Reason::GivenFamily);
        }
        let mut all = numbered(&format!("{given}.{family}"), Reason::GivenFamily);
        let initial = &given[..1];
        let middle = middle_initial.map(|m| (format!("{given}.{m}.{family}"), Reason::GivenInitialFamily));
        let short = (format!("{initial}.{family}"), Reason::InitialFamily);
        all.splice(1..1, middle.into_iter().chain([short]));
        all
    }
}

fn numbered(base: &str, reason: Reason) -> Vec<(String, Reason)> {
    let plain = (base.to_owned(), reason);
    std::iter::once(plain).chain(NUMBERS.map(|n| (format!("{base}{n}"), Reason::Numbered))).collect()
}

/// Cuts a folded, thus ASCII, text and leaves no separator at the cut.
fn shorten(text: &mut String, max: usize) {
    text.truncate(max);
    text.truncate(text.trim_end_matches('-').len());
}

/// `eng-<key>`, in the letters a local part may have.
fn of_key(key: &EngineerKey) -> LocalPart {
    let mut text = String::from("eng-");
    for c in key.as_str().chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_lowercase());
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    shorten(&mut text, LOCAL_PART_MAX);
    LocalPart::parse(&text)
        .expect("a key begins with a letter or digit, and single hyphens separate the rest")
}
