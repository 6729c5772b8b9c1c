//! What the welcome promises in each language, and what no name can do to it.

use super::*;
use crate::model::id::{DomainName, LocalPart};

fn addresses(domains: &[&str]) -> Vec<Address> {
    let address = |domain: &&str| Address {
        local_part: LocalPart::parse("asa.oberg").unwrap(),
        domain: DomainName::parse(domain).unwrap(),
    };
    domains.iter().map(address).collect()
}

fn written(name: &str, language: Language, ready: &[&str], preparing: &[&str]) -> Wording {
    welcome(&Welcome {
        name,
        language,
        ready: &addresses(ready),
        preparing: &addresses(preparing),
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
        &["reseller-se.example", "reseller-no.example"],
        &["reseller-dk.example"],
    );
    assert_eq!(wording.subject, "Your accounts for Google's Customer Care Portal");
    assert_eq!(wording.html, None);
    check(
        &wording,
        &[
            "Hello Åsa Öberg,\n\nYou have an account",
            "YOUR ACCOUNTS\n\nasa.oberg@reseller-se.example\n  Reseller domain: reseller-se.example\n  Sign in: \
             https://accounts.google.com/AccountChooser?Email=asa.oberg%40reseller-se.example\
             &continue=https%3A%2F%2Fsupport.cloud.google.com%2Fportal%2F\n\nasa.oberg@reseller-no.example\n",
            "Email=asa.oberg%40reseller-no.example&continue=",
            "\nasa.oberg@reseller-dk.example (still being prepared)\n",
            "THE PORTAL\n\nhttps://support.cloud.google.com/portal/\n",
            "The operator hands the initial password over to you separately, never by\nmail.",
            "enforces 2-Step Verification for administrators\nat once",
            "\nhttps://support.google.com/a/answer/9176805\n",
            "Case Sharing:\n\nasa.oberg@home.example\n",
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
    let wording = written("Åsa Öberg", Language::Swedish, &["reseller-se.example"], &["reseller-dk.example"]);
    assert_eq!(wording.subject, "Dina konton för Googles kundvårdsportal");
    check(
        &wording,
        &[
            "Hej Åsa Öberg,\n\nDu har ett eget konto",
            "DINA KONTON\n\nasa.oberg@reseller-se.example\n  Återförsäljardomän: reseller-se.example\n  Logga in: https://",
            "KONTON PÅ VÄG\n\nasa.oberg@reseller-dk.example (förbereds fortfarande)\n",
            "PORTALEN\n\nhttps://support.cloud.google.com/portal/\n",
            "separat av den driftansvariga, aldrig med\ne-post",
            "TVÅSTEGSVERIFIERING",
            "\nhttps://support.google.com/a/answer/9176805\n",
            "Case Sharing i portalen:\n\nasa.oberg@home.example\n",
            "Chrome-profil",
            "\nhttps://support.google.com/accounts/answer/1721977\n",
            "24 timmar",
            "återförsäljarens åtkomst",
            "\nhttps://support.google.com/a/answer/114840\n",
        ],
    );
}

#[test]
fn an_account_is_ready_or_being_prepared_and_never_both() {
    let ready = written("A", Language::English, &["reseller-se.example"], &[]).text;
    assert!(!ready.contains("being prepared") && !ready.contains("ON THEIR WAY"));
    let preparing = written("A", Language::English, &[], &["reseller-se.example"]).text;
    assert!(
        preparing.contains("being prepared")
            && !preparing.contains("YOUR ACCOUNTS")
            && !preparing.contains("AccountChooser")
    );
}

#[test]
fn lines_are_short_but_for_links() {
    for language in [Language::English, Language::Swedish] {
        let text =
            written(&"Å".repeat(500), language, &["reseller-se.example"], &["reseller-dk.example"]).text;
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
    assert!(written("<>\n", Language::English, &[], &[]).text.starts_with("Hello,\n"));
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
