//! Which local part an engineer may get: candidates in a fixed order, made of the name by the rules of the
//! name's own language, and the choice of the first one that is free everywhere. Nothing is ever guessed: a
//! name in another script needs a Latin form from HR. The rule in words: `docs/EVENTS.md`, usernames.
//! Not here: who holds an address (the caller knows), and the reservation.

mod fold;
mod holder;
mod parts;
mod stop;
mod template;
#[cfg(test)]
mod tests;

pub use holder::{Holder, TakenBy};
pub use stop::is_reserved;
pub use template::{Template, TemplateFault};

use super::id::{EngineerKey, LocalPart};
use super::person::{LanguageTag, PersonName};
use fold::Alphabet;
use parts::Parts;
use serde::Serialize;
use std::collections::BTreeSet;

/// How names are made, as the operator may configure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The language of a name that has none of its own.
    pub language: LanguageTag,
    /// The patterns, best first.
    pub templates: Vec<Template>,
    /// Words that stop a candidate besides carepass's own: lower-case letters and digits.
    pub stop: BTreeSet<String>,
    /// What becomes of the address when the name behind it changes.
    pub rename: Rename,
}

/// What becomes of an address when HR changes the name behind it. The primary address stays in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// A person is asked whether an alias is added.
    Ask,
    /// Nothing.
    Never,
    /// An alias from the new name is added.
    Alias,
}

/// What the name allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// The candidates, best first. There are none only where the patterns ask for what the engineer has not.
    Derived(Vec<Candidate>),
    /// A letter of the name has no known Latin form: HR must be asked for one.
    NeedsLatin {
        /// HR's own wish, which needs no derivation and may be used where it is free.
        preferred: Option<Candidate>,
        /// What is proposed until the answer comes; nothing where there is no key.
        proposal: Option<LocalPart>,
    },
}

/// One local part that might be used, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The local part.
    pub local_part: LocalPart,
    /// How it was made.
    pub reason: Reason,
    /// It is on the stop-list: passed over, and shown in the preview without saying which word it was.
    pub stopped: bool,
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
    /// Another pattern that the operator configured.
    Pattern,
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
    NeedsLatin,
    /// Every candidate is taken: a person decides.
    Exhausted,
}

/// One name that came into question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Candidate")]
pub struct Considered {
    /// The local part.
    pub name: LocalPart,
    /// Who holds it; `None` where it is free.
    pub taken_by: Option<Holder>,
}

impl Naming {
    /// carepass's own patterns and stop-list.
    pub fn of(language: LanguageTag) -> Self {
        Self { language, templates: Template::defaults(), stop: BTreeSet::new(), rename: Rename::Ask }
    }
}

/// The candidates for a name, best first. Without a key, none is made of it.
pub fn candidates(
    name: &PersonName,
    preferred: Option<&LocalPart>,
    key: Option<&EngineerKey>,
    naming: &Naming,
) -> Candidates {
    let candidate = |(local_part, reason): (LocalPart, Reason)| {
        let stopped = stop::is_stopped(&local_part, &naming.stop);
        Candidate { local_part, reason, stopped }
    };
    let preferred = preferred.map(|wish| candidate((wish.clone(), Reason::Preferred)));
    let language = name.language.as_ref().unwrap_or(&naming.language);
    let Some(parts) = Parts::of(name, Alphabet::of(language.primary()), key) else {
        return Candidates::NeedsLatin { preferred, proposal: key.map(parts::of_key) };
    };
    let derived = naming.templates.iter().flat_map(|template| parts.render(template)).map(candidate);
    let mut seen = BTreeSet::new();
    let all = preferred.into_iter().chain(derived);
    Candidates::Derived(all.filter(|candidate| seen.insert(candidate.local_part.clone())).collect())
}

/// Takes the first candidate that nobody holds in any domain of the plan.
pub fn choose(candidates: &Candidates, taken_by: impl Fn(&LocalPart) -> Option<Holder>) -> Choice {
    let consider = |candidate: &Candidate| {
        let taken_by =
            if candidate.stopped { Some(Holder::StopList) } else { taken_by(&candidate.local_part) };
        Considered { name: candidate.local_part.clone(), taken_by }
    };
    match candidates {
        Candidates::Derived(all) => {
            let considered: Vec<_> = all.iter().map(consider).collect();
            let free = all.iter().zip(&considered).find(|(_, seen)| seen.taken_by.is_none());
            let decision =
                free.map_or(Decision::Exhausted, |(candidate, _)| Decision::Use(candidate.clone()));
            Choice { decision, considered }
        }
        Candidates::NeedsLatin { preferred, proposal } => {
            let wish = preferred.as_ref().map(|wish| (wish, consider(wish)));
            let free = wish.as_ref().filter(|(_, seen)| seen.taken_by.is_none());
            let decision = free.map_or(Decision::NeedsLatin, |(wish, _)| Decision::Use((*wish).clone()));
            let proposed =
                proposal.iter().map(|name| Considered { name: name.clone(), taken_by: taken_by(name) });
            Choice { decision, considered: wish.map(|(_, seen)| seen).into_iter().chain(proposed).collect() }
        }
    }
}

impl Candidates {
    /// Every name that comes into question, best first.
    pub fn names(&self) -> Vec<&LocalPart> {
        match self {
            Self::Derived(all) => all.iter().map(|candidate| &candidate.local_part).collect(),
            Self::NeedsLatin { preferred, proposal } => {
                preferred.iter().map(|wish| &wish.local_part).chain(proposal).collect()
            }
        }
    }
}

impl Choice {
    /// The local part to use; `None` where a person must be asked.
    pub fn username(&self) -> Option<&LocalPart> {
        match &self.decision {
            Decision::Use(candidate) => Some(&candidate.local_part),
            Decision::NeedsLatin | Decision::Exhausted => None,
        }
    }

    /// The stable word for how the decision came about (`reason` of the preview).
    pub fn reason(&self) -> &'static str {
        match &self.decision {
            Decision::Use(candidate) => candidate.reason.code(),
            Decision::NeedsLatin => "needs_latin",
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
            Self::Pattern => "pattern",
        }
    }
}
