//! The table of names that HR and carepass agreed on, then order, stop-list, length and choice.

use super::*;
use crate::model::person::{LanguageTag, LatinPart, NamePart};

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
        Candidates::Derived(all) => {
            let free = all.iter().filter(|candidate| !candidate.stopped);
            free.map(|candidate| candidate.local_part.as_str()).collect()
        }
        Candidates::NeedsLatin { .. } => vec![],
    }
}

/// The candidates with carepass's own patterns.
fn candidates_of(
    name: &PersonName,
    wish: Option<&LocalPart>,
    key: &EngineerKey,
    language: &str,
) -> Candidates {
    candidates(name, wish, Some(key), &Naming::of(LanguageTag::parse(language).unwrap()))
}

fn account() -> Holder {
    Holder::Account { domain: "reseller-se.example".parse().unwrap() }
}

fn first(name: &PersonName) -> String {
    let choice = choose(&candidates_of(name, None, &key("J-00311"), "sv"), |_| None);
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
    assert_eq!(texts(&candidates_of(&jurgen, None, &key("1"), "de"))[0], "juergen.gross");
    assert_eq!(texts(&candidates_of(&jurgen, None, &key("1"), "sv"))[0], "jurgen.gross");
}

#[test]
fn candidates_come_in_order_and_once() {
    let check = |name: &PersonName, preferred: Option<&str>, expected: &str| {
        let wish = preferred.map(|text| LocalPart::parse(text).unwrap());
        let found = candidates_of(name, wish.as_ref(), &key("E:20417"), "sv");
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
    let found = candidates_of(&long, None, &key(&format!("E{}", "-x".repeat(31))), "de");
    assert_eq!(texts(&found).len(), 11);
    for text in texts(&found) {
        assert!(text.len() <= 64 && !text.ends_with('-'), "{text}");
    }
    let uneven = name("Bo", &"y".repeat(60), "sv");
    assert_eq!(texts(&candidates_of(&uneven, None, &key("1"), "sv"))[0].len(), 61);
}

#[test]
fn the_first_free_one_is_chosen_and_all_are_shown() {
    let found = candidates_of(&name("Åsa", "Ek", "sv"), None, &key("1"), "sv");
    let choice = choose(&found, |name| match name.as_str() {
        "asa.ek" => Some(account()),
        "a.ek" => Some(Holder::Reservation { engineer: key("E-2") }),
        _ => None,
    });
    assert_eq!((choice.username().unwrap().as_str(), choice.reason()), ("asa.ek2", "numbered"));
    assert_eq!(choice.considered.len(), 11);
    let shown = serde_json::to_string(&choice.considered[..2]).unwrap();
    let expected = r#"[{"name":"asa.ek","taken_by":{"kind":"account","domain":"reseller-se.example"}},{"name":"a.ek","taken_by":{"kind":"reservation","engineer":"E-2"}}]"#;
    assert_eq!(shown, expected);

    let nothing_free = choose(&found, |_| Some(account()));
    assert_eq!((nothing_free.username(), nothing_free.reason()), (None, "exhausted"));
}

#[test]
fn without_a_latin_form_only_the_wish_of_hr_is_used() {
    let wish = LocalPart::parse("taro.yamada").unwrap();
    let found = candidates_of(&name("太郎", "山田", "ja"), Some(&wish), &key("J-00311"), "sv");
    assert_eq!(choose(&found, |_| None).username(), Some(&wish));
    let taken = choose(&found, |name| (*name == wish).then(account));
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

#[test]
fn a_stopped_name_is_shown_and_passed_over_without_its_word() {
    let naming = Naming { stop: ["ek".to_owned()].into(), ..Naming::of(LanguageTag::english()) };
    let found = candidates(&name("Åsa", "Ek", "sv"), None, Some(&key("1")), &naming);
    let choice = choose(&found, |_| None);
    assert_eq!((choice.username().unwrap().as_str(), choice.reason()), ("eng-1", "key"));
    assert_eq!(
        serde_json::to_string(&choice.considered[0]).unwrap(),
        r#"{"name":"asa.ek","taken_by":{"kind":"stop_list"}}"#
    );
    let wish = LocalPart::parse("support").unwrap();
    let wished = candidates_of(&name("太郎", "山田", "ja"), Some(&wish), &key("1"), "sv");
    assert_eq!(choose(&wished, |_| None).reason(), "needs_latin");
}

#[test]
fn patterns_say_which_candidates_there_are() {
    let check = |texts_of: &[&str], name: &PersonName, expected: &str| {
        let owned: Vec<String> = texts_of.iter().map(|&text| text.to_owned()).collect();
        let templates = Template::parse_all(&owned).unwrap();
        let naming = Naming { templates, ..Naming::of(LanguageTag::english()) };
        let found = candidates(name, None, Some(&key("E:1")), &naming);
        assert_eq!(texts(&found).join(" "), expected, "{texts_of:?}");
    };
    let asa = name("Åsa Märta", "Ek", "sv");
    check(&["gfamily", "givenf", "family_given", "key"], &asa, "aek asae ek_asa e-1");
    check(&["gmf", "given-{n}"], &asa, "ame asa-2 asa-3 asa-4 asa-5 asa-6 asa-7 asa-8 asa-9");
    check(&["given.family", "family.given", "g.family", "given"], &name("Suharto", "-", "id"), "suharto");
    check(&["g.family"], &name("Suharto", "-", "id"), "");
    let nobody = candidates(
        &name("Suharto", "-", "id"),
        None,
        None,
        &Naming { templates: vec![Template::parse("key").unwrap()], ..Naming::of(LanguageTag::english()) },
    );
    assert_eq!(choose(&nobody, |_| None).decision, Decision::Exhausted);
}

#[test]
fn a_title_before_the_name_is_none_of_it() {
    let check =
        |given: &str, expected: &str| assert_eq!(first(&name(given, "Ek", "de")), expected, "{given}");
    check("Dr. Anna", "anna.ek");
    check("Prof. Dr. Anna", "anna.ek");
    check("Dipl.-Ing. Jörg", "joerg.ek");
    check("Dr Anna", "anna.ek");
    check("Mag. Anna", "anna.ek");
    check("Mag Anna", "mag.ek");
    check("J. R. R.", "j.ek");
    check("Dr.", "dr.ek");
}
