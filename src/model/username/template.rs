//! The patterns that candidates are made of, as the operator may configure them: `given.family`, `given.m.family`, `g.family`,
//! `given.family{n}`, `eng-key`. Parsing is the only way in, so that whatever is here makes legal local parts.
//! Not here: folding of names, and which patterns apply where a name is missing (`username`).

use super::Reason;
use crate::model::id::LocalPart;

/// Most patterns in a list.
const TEMPLATES_MAX: usize = 20;

/// Most characters beside the two names, so that there is room for them: separators, initials and the number.
const OTHERS_MAX: usize = 4;

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `given`: the name that the person is called by.
    Given,
    /// `family`: all family names.
    Family,
    /// `g`: the first letter of the given name.
    GivenInitial,
    /// `m`: the first letter of the second given name.
    MiddleInitial,
    /// `f`: the first letter of the family name.
    FamilyInitial,
    /// `eng-key`: HR's key behind these letters, so that it looks like no name.
    MarkedKey,
    /// `key`: HR's key.
    Key,
    /// `{n}`: the numbers 2 to 9, one candidate for each.
    Number,
    /// `.`, `-` or `_`.
    Separator(char),
}

/// What pieces are written as, longer ones first.
const PIECES: [(&str, Piece); 11] = [
    ("family", Piece::Family),
    ("given", Piece::Given),
    ("eng-key", Piece::MarkedKey),
    ("key", Piece::Key),
    ("{n}", Piece::Number),
    ("g", Piece::GivenInitial),
    ("m", Piece::MiddleInitial),
    ("f", Piece::FamilyInitial),
    (".", Piece::Separator('.')),
    ("-", Piece::Separator('-')),
    ("_", Piece::Separator('_')),
];

/// One pattern of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// Why a text is not a pattern, or a list not a list of patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// A piece that is not known.
    #[error("has a piece that is none of given, family, g, m, f, {{n}}, eng-key, key, '.', '-' and '_'")]
    Unknown,
    /// A piece is there twice.
    #[error("has a piece twice")]
    Twice,
    /// Neither a name nor the key is in it.
    #[error("has neither a name nor the key in it, so all engineers would want the same")]
    Nobody,
    /// The key stands beside a name.
    #[error("has the key together with a name; write the key alone, or as eng-key")]
    KeyWithName,
    /// The number is not at the end.
    #[error("has {{n}} elsewhere than at its end")]
    NumberInside,
    /// Separators that no address may have.
    #[error("has a separator at an end or two in a row")]
    Separators,
    /// Too much beside the names.
    #[error("has more than four characters beside given and family")]
    Crowded,
    /// No pattern, or too many.
    #[error("is not a list of 1 to 20 patterns")]
    Count,
    /// A pattern is there twice.
    #[error("has a pattern twice")]
    Repeated,
}

impl Template {
    /// Parses a pattern such as `given.family{n}`.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let found = PIECES.iter().find_map(|(word, piece)| Some((rest.strip_prefix(word)?, *piece)));
            let (behind, piece) = found.ok_or(TemplateFault::Unknown)?;
            if pieces.contains(&piece) && !matches!(piece, Piece::Separator(_)) {
                return Err(TemplateFault::Twice);
            }
            pieces.push(piece);
            rest = behind;
        }
        let template = Self(pieces);
        template.check()?;
        Ok(template)
    }

    /// Parses a list of patterns, best first.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, TemplateFault> {
        if !(1..=TEMPLATES_MAX).contains(&texts.len()) {
            return Err(TemplateFault::Count);
        }
        let all = texts.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let repeated = all.iter().enumerate().any(|(index, template)| all[..index].contains(template));
        if repeated { Err(TemplateFault::Repeated) } else { Ok(all) }
    }

    /// `given.family`, `given.m.family`, `g.family`, `given.family{n}`, `eng-key`.
    ///
    /// # Panics
    /// Never: a test proves that they are sound.
    pub fn defaults() -> Vec<Self> {
        let texts = ["given.family", "given.m.family", "g.family", "given.family{n}", "eng-key"];
        texts.map(|text| Self::parse(text).expect("our own patterns are sound, which a test proves")).into()
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(super) fn has(&self, piece: Piece) -> bool {
        self.0.contains(&piece)
    }

    /// How a name of this pattern came about; separators play no part in that.
    pub(super) fn reason(&self) -> Reason {
        let words: Vec<Piece> =
            self.0.iter().copied().filter(|piece| !matches!(piece, Piece::Separator(_))).collect();
        match words.as_slice() {
            [Piece::Given, Piece::Family] => Reason::GivenFamily,
            [Piece::Given, Piece::MiddleInitial, Piece::Family] => Reason::GivenInitialFamily,
            [Piece::GivenInitial, Piece::Family] => Reason::InitialFamily,
            [.., Piece::Number] => Reason::Numbered,
            [Piece::Key | Piece::MarkedKey] => Reason::Key,
            _ => Reason::Pattern,
        }
    }

    fn check(&self) -> Result<(), TemplateFault> {
        let names =
            [Piece::Given, Piece::Family, Piece::GivenInitial, Piece::MiddleInitial, Piece::FamilyInitial];
        let of_person = names.iter().any(|piece| self.has(*piece));
        let others = self.0.iter().filter(|piece| !matches!(piece, Piece::Given | Piece::Family));
        let keys = [Piece::Key, Piece::MarkedKey].iter().filter(|piece| self.has(**piece)).count();
        if !of_person && keys == 0 {
            Err(TemplateFault::Nobody)
        } else if keys > 1 {
            Err(TemplateFault::Twice)
        } else if of_person && keys > 0 {
            Err(TemplateFault::KeyWithName)
        } else if self.has(Piece::Number) && self.0.last() != Some(&Piece::Number) {
            Err(TemplateFault::NumberInside)
        } else if others.count() > OTHERS_MAX {
            Err(TemplateFault::Crowded)
        } else if LocalPart::parse(&self.sample()).is_err() {
            Err(TemplateFault::Separators)
        } else {
            Ok(())
        }
    }

    /// A local part of this pattern, each piece as one character.
    fn sample(&self) -> String {
        let sign = |piece: &Piece| match piece {
            Piece::Separator(separator) => *separator,
            Piece::Given
            | Piece::Family
            | Piece::GivenInitial
            | Piece::MiddleInitial
            | Piece::FamilyInitial
            | Piece::MarkedKey
            | Piece::Key
            | Piece::Number => 'x',
        };
        self.0.iter().map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Reason, TemplateFault>) {
        assert_eq!(Template::parse(text).map(|template| template.reason()), expected, "{text}");
    }

    #[test]
    fn patterns_are_words_and_separators() {
        check("given.family", Ok(Reason::GivenFamily));
        check("given-m-family", Ok(Reason::GivenInitialFamily));
        check("gfamily", Ok(Reason::InitialFamily));
        check("given_family{n}", Ok(Reason::Numbered));
        check("eng-key", Ok(Reason::Key));
        check("key", Ok(Reason::Key));
        check("family.given", Ok(Reason::Pattern));
        check("givenf", Ok(Reason::Pattern));
        for unknown in [
            "givn.family",
            "Given.family",
            "given.family{m}",
            "given family",
            "å",
            "given.family2",
            "eng-given",
        ] {
            check(unknown, Err(TemplateFault::Unknown));
        }
        check("given.given", Err(TemplateFault::Twice));
        check("", Err(TemplateFault::Nobody));
        check("{n}", Err(TemplateFault::Nobody));
        check("key-eng-key", Err(TemplateFault::Twice));
        check("given-key", Err(TemplateFault::KeyWithName));
        check("given{n}.family", Err(TemplateFault::NumberInside));
        check(".given", Err(TemplateFault::Separators));
        check("given..family", Err(TemplateFault::Separators));
        check("g.m.f.given.family", Err(TemplateFault::Crowded));
    }

    #[test]
    fn a_list_has_patterns_and_each_once() {
        let check = |texts: &[&str], expected: Option<TemplateFault>| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(Template::parse_all(&texts).err(), expected, "{texts:?}");
        };
        check(&["given.family", "key"], None);
        check(&[], Some(TemplateFault::Count));
        check(&["given.family"; 21], Some(TemplateFault::Count));
        check(&["given.family", "given.family"], Some(TemplateFault::Repeated));
        check(&["given.family", "x"], Some(TemplateFault::Unknown));
        assert_eq!(Template::defaults().len(), 5);
    }
}
