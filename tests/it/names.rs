//! Usernames of more than two hundred names in many languages and scripts (`src/model/username/names.tsv`), and what holds for every name
//! that anybody could have. Not here: order, choice and patterns (`model/username`).

use crate::fixture::seed;
use carepass::model::id::EngineerKey;
use carepass::model::person::{LanguageTag, LatinPart, NamePart, PersonName};
use carepass::model::username::{Candidates, Choice, Naming, candidates, choose};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization as _;

const TABLE: &str = include_str!("../../src/model/username/names.tsv");

/// Random names that are tried.
const TRIES: usize = 20_000;

/// Alphabets of which nothing may be guessed, by ranges that hold letters only or letters and marks.
const UNREADABLE: [(u32, u32); 14] = [
    (0x3b1, 0x3c9),
    (0x410, 0x44f),
    (0x561, 0x586),
    (0x5d0, 0x5ea),
    (0x627, 0x64a),
    (0x905, 0x939),
    (0xb85, 0xb8a),
    (0xe01, 0xe30),
    (0x10d0, 0x10f0),
    (0x1200, 0x1248),
    (0x1780, 0x17a2),
    (0x3041, 0x3096),
    (0x4e00, 0x9fa5),
    (0xac00, 0xd7a3),
];

/// Everything that is read as letters, marks or signs beside them.
const READABLE: [(u32, u32); 8] = [
    (0x20, 0x7e),
    (0xa1, 0x24f),
    (0x2b9, 0x2c1),
    (0x300, 0x33f),
    (0x1e00, 0x1eff),
    (0x2010, 0x2027),
    (0xfb00, 0xfb06),
    (0xff01, 0xff5e),
];

const LANGUAGES: [&str; 8] = ["sv", "de", "da", "tr", "az", "vi", "ja", "en"];

fn random() -> fastrand::Rng {
    let seed = seed::asked_for().unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("{}={seed}", seed::VARIABLE);
    fastrand::Rng::with_seed(seed)
}

fn key() -> EngineerKey {
    "E-1".parse().expect("a key")
}

fn name(given: &str, family: &str, language: &str) -> Option<PersonName> {
    Some(PersonName {
        given: NamePart::parse(given).ok()?,
        family: NamePart::parse(family).ok()?,
        latin_given: None,
        latin_family: None,
        language: LanguageTag::parse(language),
    })
}

fn previewed(name: &PersonName) -> Choice {
    let found = candidates(name, None, Some(&key()), &Naming::of(LanguageTag::english()));
    choose(&found, |_| None)
}

fn first(name: &PersonName) -> String {
    previewed(name).username().map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// Resolves `\u{…}`.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split("\\u{");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once('}').expect("\\u{…} has an end");
        let code = u32::from_str_radix(code, 16).expect("a hexadecimal number");
        whole.push(char::from_u32(code).expect("a character"));
        whole.push_str(rest);
    }
    whole
}

fn rows() -> impl Iterator<Item = [String; 6]> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let columns: Vec<String> = line.split('\t').map(unescaped).collect();
        columns.try_into().unwrap_or_else(|_| panic!("six columns: {line}"))
    })
}

#[test]
fn every_name_of_the_table_gets_the_username_it_should() {
    let mut wrong = Vec::new();
    let (mut count, mut languages) = (0, BTreeSet::new());
    for [language, given, family, latin_given, latin_family, expected] in rows() {
        let latin = |text: &str| {
            let part = || LatinPart::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            (!text.is_empty()).then(part)
        };
        let found = name(&given, &family, &language).map(|name| {
            first(&PersonName {
                latin_given: latin(&latin_given),
                latin_family: latin(&latin_family),
                ..name
            })
        });
        let found = found.unwrap_or_else(|| "!".to_owned());
        if found != expected {
            wrong.push(format!(
                "{language} {given} {family} {latin_given} {latin_family}: {found}, not {expected}"
            ));
        }
        count += 1;
        languages.insert(language);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 200 && languages.len() >= 40, "{count} names in {} languages", languages.len());
}

/// What Google takes (`docs/GOOGLE.md`), and what carepass allows of it.
fn assert_legal(choice: &Choice) {
    for considered in &choice.considered {
        let text = considered.name.as_str();
        let letters =
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        let separators = [".", "-", "_"];
        let ends = separators.iter().any(|sign| text.starts_with(sign) || text.ends_with(sign));
        assert!(letters && !ends && !text.contains("..") && (1..=64).contains(&text.len()), "{text}");
    }
    if let Some(username) = choice.username() {
        assert!(!["abuse", "postmaster"].contains(&username.as_str()), "{username}");
    }
}

fn drawn(random: &mut fastrand::Rng, ranges: &[(u32, u32)]) -> char {
    let (first, last) = ranges[random.usize(0..ranges.len())];
    char::from_u32(random.u32(first..=last)).unwrap_or('x')
}

fn text(random: &mut fastrand::Rng, ranges: &[(u32, u32)]) -> String {
    (0..random.usize(1..=20)).map(|_| drawn(random, ranges)).collect()
}

#[test]
fn whatever_the_name_every_candidate_is_legal_and_composition_does_not_matter() {
    let mut random = random();
    let mut derived = 0;
    for _ in 0..TRIES {
        let language = LANGUAGES[random.usize(0..LANGUAGES.len())];
        let (given, family) = (text(&mut random, &READABLE), text(&mut random, &READABLE));
        let Some(composed) = name(&given, &family, language) else { continue };
        let choice = previewed(&composed);
        assert_legal(&choice);
        derived += usize::from(choice.username().is_some());
        let apart = |text: &str| text.nfd().collect::<String>();
        if let Some(decomposed) = name(&apart(&given), &apart(&family), language) {
            assert_eq!(previewed(&decomposed), choice, "{given:?} {family:?} as {language}");
        }
    }
    assert!(derived > TRIES / 20, "only {derived} of {TRIES} were names");
}

#[test]
fn any_text_at_all_is_no_cause_for_a_panic() {
    let mut random = random();
    for _ in 0..TRIES {
        let any = [(0, 0x10_ffff)];
        let language = LANGUAGES[random.usize(0..LANGUAGES.len())];
        if let Some(name) = name(&text(&mut random, &any), &text(&mut random, &any), language) {
            assert_legal(&previewed(&name));
        }
    }
}

#[test]
fn a_letter_that_cannot_be_read_is_asked_back_wherever_it_stands() {
    let mut random = random();
    for _ in 0..TRIES {
        let language = LANGUAGES[random.usize(0..LANGUAGES.len())];
        let mut letters: Vec<char> = "anna".chars().collect();
        letters.insert(random.usize(0..=letters.len()), drawn(&mut random, &UNREADABLE));
        let strange: String = letters.into_iter().collect();
        for (given, family) in [(strange.as_str(), "Ek"), ("Anna", strange.as_str())] {
            let Some(name) = name(given, family, language) else { continue };
            let found = candidates(&name, None, Some(&key()), &Naming::of(LanguageTag::english()));
            assert!(matches!(found, Candidates::NeedsLatin { .. }), "{given} {family} as {language}");
        }
    }
}
