//! What the welcome promises in each language, and what no name can do to it.

use super::*;

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
        contact: &MailAddress::parse("asa.oberg@home.example").unwrap(),
        portal: &PortalUrl::default(),
    })
}

/// The letter holds these passages in this order.
fn check(wording: &Wording, passages: &[&str]) {
    let mut rest = wording.text.as_str();
    for passage in passages {
        let at = rest
            .find(passage)
            .unwrap_or_else(|| panic!("{passage:?} is missing or misplaced in:\n{}", wording.text));
        rest = &rest[at + passage.len()..];
    }
}

#[test]
fn the_english_welcome_says_all_that_is_needed() {
    let wording = written(
        "Åsa Öberg",
        Language::English,
        &["reseller-se.example", "reseller-no.example", "reseller-dk.example*"],
    );
    assert_eq!(wording.subject, "Your accounts for Google's Customer Care Portal");
    check(
        &wording,
        &[
            "Hello Åsa Öberg,\n\nYou have an account",
            "YOUR ACCOUNTS\n\nasa.oberg@reseller-se.example\n  Reseller domain: reseller-se.example\n  Sign in: \
             https://accounts.google.com/AccountChooser?Email=asa.oberg%40reseller-se.example\
             &continue=https%3A%2F%2Fsupport.cloud.google.com%2Fportal%2F\n\nasa.oberg@reseller-no.example\n",
            "Email=asa.oberg%40reseller-no.example&continue=",
            "Email=asa.oberg%40reseller-dk.example&continue=",
            "THE PORTAL\n\nhttps://support.cloud.google.com/portal/\n",
            "Sign in with your company's single sign-on, or ask the administrator who\n\
             looks after these accounts for a first password. It never comes by mail",
            "enforces 2-Step Verification for administrators\nat once",
            "\nhttps://support.google.com/a/answer/9176805\n",
            "Case Sharing:\n\nasa.oberg@home.example\n",
            "no need to for these accounts, whose mail is redirected to you:\n\nasa.oberg@reseller-dk.example\n\n",
            "Chrome profile for each",
            "\nhttps://support.google.com/accounts/answer/1721977\n",
            "24 hours",
            "switched\nreseller access off",
            "\nhttps://support.google.com/a/answer/114840\n",
            "\n--\n",
        ],
    );
}

#[test]
fn the_swedish_welcome_says_the_same() {
    let wording = written("Åsa Öberg", Language::Swedish, &["reseller-se.example", "reseller-dk.example*"]);
    assert_eq!(wording.subject, "Dina konton för Googles kundvårdsportal");
    check(
        &wording,
        &[
            "Hej Åsa Öberg,\n\nDu har ett eget konto",
            "DINA KONTON\n\nasa.oberg@reseller-se.example\n  Återförsäljardomän: reseller-se.example\n  Logga in: https://",
            "PORTALEN\n\nhttps://support.cloud.google.com/portal/\n",
            "enkel inloggning (SSO) via ditt företag, eller be\nadministratören som sköter de här kontona om ett första lösenord. Det kommer\naldrig via e-post",
            "TVÅSTEGSVERIFIERING",
            "\nhttps://support.google.com/a/answer/9176805\n",
            "Case Sharing i portalen:\n\nasa.oberg@home.example\n",
            "Det behövs inte för de här kontona, vars e-post omdirigeras till dig:\n\nasa.oberg@reseller-dk.example\n\n",
            "Chrome-profil",
            "\nhttps://support.google.com/accounts/answer/1721977\n",
            "24 timmar",
            "återförsäljarens åtkomst",
            "\nhttps://support.google.com/a/answer/114840\n",
        ],
    );
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
            let text = written("A", language, ready).text;
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
            let text = written("A", language, ready).text;
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

#[test]
fn a_name_stays_a_name() {
    for (given, expected) in [
        ("Anne-Marie O'Brien Jr.", "Anne-Marie O'Brien Jr."),
        ("Zoe\u{308} Müller", "Zoe\u{308} Müller"),
        ("李 小龙", "李 小龙"),
        ("  A \t B  ", "A B"),
        ("Eve\r\nBcc: x@y.example\r\n\r\nPay here", "Eve Bcc x y.example Pay here"),
        ("<b>Eve</b> https://evil.example/?a=b", "b Eve b https evil.example a b"),
        ("Eve\u{202e}\u{0}\u{2028}x", "Eve x"),
        ("<>\n", ""),
    ] {
        assert_eq!(plain_name(given), expected, "{given:?}");
    }
    assert!(written("<>\n", Language::English, &[]).text.starts_with("Hello,\n"));
    assert_eq!(plain_name(&"a".repeat(500)).len(), NAME_MAX);
}

#[test]
fn values_in_links_are_encoded() {
    assert_eq!(percent_encoded("a-b_c.d~e+f@g å&?=%/#"), "a-b_c.d~e%2Bf%40g%20%C3%A5%26%3F%3D%25%2F%23");
}

#[test]
fn the_portal_is_an_https_address() {
    for good in ["https://support.cloud.google.com/portal/", "https://a.example:8443/x?y=z#w"] {
        assert!(PortalUrl::parse(good).is_ok(), "{good}");
    }
    let long = format!("https://a.example/{}", "x".repeat(500));
    for bad in [
        "",
        "http://a.example/",
        "https://",
        "https:///x",
        "https://localhost/",
        "https://u:p@a.example/",
        "https://a.example/\r\nx",
        "https://a.example/<x>",
        "javascript:x",
        &long,
    ] {
        assert_eq!(PortalUrl::parse(bad), Err(InvalidPortalUrl), "{bad}");
    }
    assert_eq!(PortalUrl::parse(PortalUrl::default().as_str()), Ok(PortalUrl::default()));
}
