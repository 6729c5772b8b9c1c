//! What the welcome promises in each language. Not here: how it looks as a whole (`letter_tests`).

use super::super::letter::AccountKind;
use super::*;
use crate::model::id::DomainName;
use crate::model::reseller::CaseAlerts;

/// The accounts in these domains; a domain that ends with `*` has its mail redirected, one with `+` a restored account, one with `~`
/// the engineer's own.
fn accounts(domains: &[&str]) -> Vec<ReadyAccount> {
    let account = |text: &&str| {
        let domain = DomainName::parse(text.trim_end_matches(['*', '+', '~'])).unwrap();
        ReadyAccount {
            address: format!("asa.oberg@{domain}"),
            domain,
            kind: match text.chars().last() {
                Some('+') => AccountKind::Restored,
                Some('~') => AccountKind::Home,
                _ => AccountKind::New,
            },
            case_alerts: if text.ends_with('*') { CaseAlerts::Redirect } else { CaseAlerts::CaseSharing },
        }
    };
    domains.iter().map(account).collect()
}

fn written(name: &str, language: Language, ready: &[&str]) -> Wording {
    welcome(&Welcome {
        name,
        language,
        ready: &accounts(ready),
        handovers: &[],
        contact: &MailAddress::parse("asa.oberg@home.example").unwrap(),
        portal: &PortalUrl::default(),
    })
}

/// The text without its line breaks.
fn flowing(wording: &Wording) -> String {
    wording.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sealed first password opens neither an account that was restored nor the engineer's own.
#[test]
fn nobody_is_sent_for_a_first_password_that_does_not_exist() {
    let check = |ready: &[&str], [first, restored, own]: [bool; 3]| {
        let words = [
            (Language::English, ["for a first password", "back with the password", "your own account:"]),
            (Language::Swedish, ["ett första lösenord", "tillbaka med det lösenord", "ditt eget konto:"]),
        ];
        for (language, passages) in words {
            let text = flowing(&written("A", language, ready));
            for (passage, expected) in passages.into_iter().zip([first, restored, own]) {
                assert_eq!(text.contains(passage), expected, "{passage} in:\n{text}");
            }
        }
    };
    check(&["a.example"], [true, false, false]);
    check(&["a.example+"], [false, true, false]);
    check(&["a.example~"], [false, false, true]);
    check(&["a.example", "b.example+", "c.example~"], [true, true, true]);
    for language in [Language::English, Language::Swedish] {
        let text = written("A", language, &["a.example~"]).text;
        assert!(!text.contains("Case Sharing"), "it has a mailbox:\n{text}");
    }
}

#[test]
fn only_who_has_to_is_asked_to_enter_an_address() {
    let check = |ready: &[&str], asked: bool, redirected: bool| {
        for (language, words) in [(Language::English, "redirected"), (Language::Swedish, "omdirigeras")] {
            let text = flowing(&written("A", language, ready));
            assert_eq!(text.contains("Case Sharing"), asked, "{text}");
            assert_eq!(text.contains("asa.oberg@home.example"), asked, "{text}");
            assert_eq!(text.contains(words), redirected, "{text}");
        }
    };
    check(&["reseller-se.example"], true, false);
    check(&["reseller-se.example*"], false, true);
    check(&["reseller-se.example*", "reseller-dk.example*"], false, true);
    check(&["reseller-se.example", "reseller-dk.example*"], true, true);
}

#[test]
fn lines_are_short_but_for_links() {
    for language in [Language::English, Language::Swedish] {
        let text = written(&"Å".repeat(500), language, &["reseller-se.example", "reseller-dk.example*"]).text
            + &written("A", language, &["reseller-dk.example*"]).text
            + &written("A", language, &["a.example+", "b.example~"]).text;
        for line in text.lines() {
            assert!(line.len() <= 998, "RFC 5322, 2.1.1: {line}");
            assert!(
                line.chars().count() <= 78 || line.contains("https://") || line.contains("ÅÅÅ"),
                "{line}"
            );
            assert_eq!(line.trim_end(), line, "no blanks at the end");
        }
        assert!(text.ends_with('\n') && !text.contains("\n\n\n"));
    }
}
