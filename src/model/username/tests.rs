//! The table of names that HR and carepass agreed on, then order, stop-list, length and choice.

use super::*;
use crate::model::person::{LanguageTag, NamePart};

fn name(given: &str, family: &str, language: &str) -> PersonName {
    PersonName {
        given: NamePart::parse(given).unwrap(),
        family: NamePart::parse(family).unwrap(),
        latin_given: None,
        latin_family: None,
        language: LanguageTag::parse(language),
    }
}

fn key(text: &str) -> EngineerKey {
    EngineerKey::parse(text).unwrap()
}

fn texts(candidates: &Candidates) -> Vec<&str> {
    match candidates {
        Candidates::Derived(all) => all.iter().map(|candidate| candidate.local_part.as_str()).collect(),
        Candidates::NeedsLatin { .. } => vec![],
    }
}

fn first(name: &PersonName) -> String {
    let choice = choose(&candidates(name, None, &key("J-00311"), "sv"), |_| None);
    choice.username().map_or_else(|| choice.reason().to_owned(), ToString::to_string)
}

#[test]
fn the_agreed_table() {
    let check =
        |given, family, language, expected| assert_eq!(first(&name(given, family, language)), expected);
    check("Åsa Märta", "Öberg-Großmann", "sv", "asa.oberg-grossmann");
    check("Jürgen", "Groß", "de", "juergen.gross");
    check("Jürgen", "Groß", "sv", "jurgen.gross");
    check("Işıl", "Yıldız Ağaoğlu", "tr", "isil.yildiz-agaoglu");
    check("IŞIL", "YILDIZ", "tr", "isil.yildiz");
    check("İbrahim", "ÇAĞLAR", "tr", "ibrahim.caglar");
    check("Thị Đường", "Nguyễn", "vi", "duong.nguyen");
    check("太郎", "山田", "ja", "needs_latin");
    check("Søren", "Kjær", "da", "soeren.kjaer");
    check("Søren", "Kjær", "sv", "soren.kjaer");
    check("Ægir", "Þórðarson", "is", "aegir.thordarson");
    check("Łukasz", "Żak", "pl", "lukasz.zak");
    check("Siobhán", "O’Brien", "en", "siobhan.obrien");
    check("Zoë", "van den Berg", "nl", "zoe.van-den-berg");
    let mut japanese = name("太郎", "山田", "ja");
    japanese.latin_given = Some(LatinPart::parse("Tarō").unwrap());
    japanese.latin_family = Some(LatinPart::parse("Yamada").unwrap());
    assert_eq!(first(&japanese), "taro.yamada");
}

#[test]
fn the_name_without_a_language_is_read_in_the_default_one() {
    let jurgen = name("Jürgen", "Groß", "");
    assert_eq!(texts(&candidates(&jurgen, None, &key("1"), "de"))[0], "juergen.gross");
    assert_eq!(texts(&candidates(&jurgen, None, &key("1"), "sv"))[0], "jurgen.gross");
}

#[test]
fn candidates_come_in_order_and_once() {
    let check = |name: &PersonName, preferred: Option<&str>, expected: &str| {
        let wish = preferred.map(|text| LocalPart::parse(text).unwrap());
        let found = candidates(name, wish.as_ref(), &key("E:20417"), "sv");
        assert_eq!(texts(&found).join(" "), expected);
    };
    check(
        &name("Åsa Märta", "Ek", "sv"),
        None,
        "asa.ek asa.m.ek a.ek asa.ek2 asa.ek3 asa.ek4 asa.ek5 asa.ek6 asa.ek7 asa.ek8 asa.ek9 eng-e-20417",
    );
    check(
        &name("Åsa", "Ek", "sv"),
        Some("asa.ek"),
        "asa.ek a.ek asa.ek2 asa.ek3 asa.ek4 asa.ek5 asa.ek6 asa.ek7 asa.ek8 asa.ek9 eng-e-20417",
    );
    check(
        &name("Anna-Karin", "-", "sv"),
        Some("support"),
        "anna-karin anna-karin2 anna-karin3 anna-karin4 anna-karin5 anna-karin6 anna-karin7 anna-karin8 \
         anna-karin9 eng-e-20417",
    );
    check(&name("Adolf", "Hitler", "de"), None, "eng-e-20417");
    check(&name("Ad", "Min", "de"), None, "a.min eng-e-20417");
}

#[test]
fn long_names_are_cut_at_sixty_four_and_never_end_in_a_separator() {
    let long = name(&"ß".repeat(60), &format!("{} {}", "x".repeat(29), "y".repeat(30)), "de");
    let found = candidates(&long, None, &key(&format!("E{}", "-x".repeat(31))), "de");
    assert_eq!(texts(&found).len(), 11);
    for text in texts(&found) {
        assert!(text.len() <= LOCAL_PART_MAX && !text.ends_with('-'), "{text}");
    }
    let uneven = name("Bo", &"y".repeat(60), "sv");
    assert_eq!(texts(&candidates(&uneven, None, &key("1"), "sv"))[0].len(), 61);
}

#[test]
fn the_first_free_one_is_chosen_and_all_are_shown() {
    let found = candidates(&name("Åsa", "Ek", "sv"), None, &key("1"), "sv");
    let choice = choose(&found, |name| match name.as_str() {
        "asa.ek" => Some(TakenBy::User),
        "a.ek" => Some(TakenBy::Reservation),
        _ => None,
    });
    assert_eq!((choice.username().unwrap().as_str(), choice.reason()), ("asa.ek2", "numbered"));
    assert_eq!(choice.considered.len(), 11);
    let shown = serde_json::to_string(&choice.considered[..2]).unwrap();
    assert_eq!(shown, r#"[{"name":"asa.ek","taken_by":"user"},{"name":"a.ek","taken_by":"reservation"}]"#);

    let nothing_free = choose(&found, |_| Some(TakenBy::User));
    assert_eq!((nothing_free.username(), nothing_free.reason()), (None, "exhausted"));
}

#[test]
fn without_a_latin_form_only_the_wish_of_hr_is_used() {
    let wish = LocalPart::parse("taro.yamada").unwrap();
    let found = candidates(&name("太郎", "山田", "ja"), Some(&wish), &key("J-00311"), "sv");
    assert_eq!(choose(&found, |_| None).username(), Some(&wish));
    let taken = choose(&found, |name| (*name == wish).then_some(TakenBy::User));
    assert_eq!((taken.username(), taken.reason()), (None, "needs_latin"));
    let names: Vec<_> = taken.considered.iter().map(|seen| seen.name.as_str()).collect();
    assert_eq!(names, ["taro.yamada", "eng-j-00311"]);
}

#[test]
fn a_half_foreign_name_is_not_half_guessed() {
    let mut half = name("太郎", "Andersson", "ja");
    assert_eq!(first(&half), "needs_latin");
    half.latin_given = Some(LatinPart::parse("Tarō").unwrap());
    assert_eq!(first(&half), "taro.andersson");
    assert_eq!(first(&name("Anna 太郎", "Ek", "sv")), "anna.ek");
}
