//! Every letter in both languages and both forms, against what stands in `golden/`. On a deliberate change: what is new lies in
//! `target/golden/` after the failure; read the difference and copy it. Not here: what a name can do to a letter (`content/tests`).

use super::*;
use crate::model::id::{DomainName, EngineerKey, ResellerName};
use crate::model::reseller::CaseAlerts;
use std::path::Path;

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn account(domain_name: &str, kind: AccountKind, case_alerts: CaseAlerts) -> ReadyAccount {
    let address = format!("asa.oberg@{domain_name}");
    ReadyAccount { address, domain: domain(domain_name), kind, case_alerts }
}

/// One account of each kind, and two more that are new.
fn every_kind() -> Vec<ReadyAccount> {
    vec![
        account("reseller-se.example", AccountKind::New, CaseAlerts::CaseSharing),
        account("reseller-no.example", AccountKind::New, CaseAlerts::Redirect),
        account("reseller-fi.example", AccountKind::New, CaseAlerts::CaseSharing),
        account("reseller-dk.example", AccountKind::Restored, CaseAlerts::Redirect),
        account("home.example", AccountKind::Home, CaseAlerts::CaseSharing),
    ]
}

fn url(text: &str) -> WebUrl {
    WebUrl::parse(text).unwrap()
}

fn contact() -> MailAddress {
    MailAddress::parse("asa.oberg@home.example").unwrap()
}

fn key(text: &str) -> EngineerKey {
    EngineerKey::parse(text).unwrap()
}

/// A moment as the model's formatter writes it.
fn friday(language: Language) -> &'static str {
    match language {
        Language::English => "Friday 17:00 Stockholm (01:00 Tokyo)",
        Language::Swedish => "fredag 17.00 Stockholm (01.00 Tokyo)",
    }
}

/// A letter of each kind.
fn letters(language: Language) -> Vec<(&'static str, Wording)> {
    let one = vec![account("reseller-se.example", AccountKind::New, CaseAlerts::CaseSharing)];
    vec![
        ("welcome", welcomed(language, &one, &[])),
        ("welcome-every-way", every_way(language)),
        ("before-role", gate(language, false)),
        ("before-role-again", gate(language, true)),
        (
            "manager-ready",
            manager_ready(
                report(language),
                &["asa.oberg@reseller-se.example".to_owned()],
                Some(friday(language)),
            ),
        ),
        ("manager-at-risk", late(language)),
        ("manager-gone", gone(language)),
        ("digest", digest(&busy(language)).unwrap()),
    ]
}

fn welcomed(language: Language, ready: &[ReadyAccount], handovers: &[Handover<'_>]) -> Wording {
    let (contact, portal) = (contact(), PortalUrl::default());
    welcome(&Welcome { name: "Åsa", language, ready, handovers, contact: &contact, portal: &portal })
}

fn every_way(language: Language) -> Wording {
    let token = WrappingToken::parse("hvs.CAESIGenerated-for-this_test.0123456789").unwrap();
    let page = url("https://carepass.example/handover/generated-for-this-test");
    let expires_at = friday(language);
    let ways = [
        HandoverWay::Link { page: &page, expires_at },
        HandoverWay::Vault { token: &token, expires_at },
        HandoverWay::Age,
        HandoverWay::SingleSignOn,
    ];
    let names = ["reseller-se.example", "reseller-no.example", "reseller-fi.example", "reseller-ee.example"];
    let mut ready = every_kind();
    ready.push(account("reseller-ee.example", AccountKind::New, CaseAlerts::CaseSharing));
    ready.push(account("reseller-lv.example", AccountKind::New, CaseAlerts::CaseSharing));
    let handovers: Vec<_> = ways
        .into_iter()
        .zip(names)
        .map(|(way, name)| Handover { way, accounts: vec![format!("asa.oberg@{name}")] })
        .collect();
    welcomed(language, &ready, &handovers)
}

fn gate(language: Language, again: bool) -> Wording {
    let page = url("https://carepass.example/handover/generated-for-this-test");
    let accounts = &every_kind()[..2];
    let way = HandoverWay::Link { page: &page, expires_at: friday(language) };
    let all = [Handover { way, accounts: accounts.iter().map(|account| account.address.clone()).collect() }];
    let handovers = if again { &[] } else { all.as_slice() };
    before_role(&BeforeRole {
        name: "Åsa",
        language,
        accounts,
        handovers,
        starts: Some(friday(language)),
        again,
        role_given: false,
    })
}

fn report(language: Language) -> Report<'static> {
    Report { engineer: "Åsa Öberg", language }
}

fn late(language: Language) -> Wording {
    let waiting = |what: &str, on: &str| Waiting { what: what.to_owned(), on: on.to_owned() };
    let waiting = match language {
        Language::English => [
            waiting("No Cloud Identity seats are left in reseller-dk.example.", "the operator"),
            waiting("No contact address.", "HR"),
        ],
        Language::Swedish => [
            waiting("Platserna för Cloud Identity är slut i reseller-dk.example.", "den driftansvariga"),
            waiting("Ingen adress.", "HR"),
        ],
    };
    manager_at_risk(report(language), friday(language), &waiting)
}

fn gone(language: Language) -> Wording {
    let closed = Closed { domain: domain("reseller-se.example"), at: friday(language).to_owned() };
    manager_gone(report(language), &[closed])
}

fn quiet(language: Language) -> Digest {
    Digest {
        language,
        at: friday(language).to_owned(),
        leavers: Vec::new(),
        at_risk: Vec::new(),
        tasks: Vec::new(),
        held: Vec::new(),
        lock_outs: Vec::new(),
        links: Vec::new(),
    }
}

fn busy(language: Language) -> Digest {
    let moment = || friday(language).to_owned();
    let nordic = ResellerName::parse("nordic-se").unwrap();
    Digest {
        leavers: vec![OpenLeaver {
            engineer: key("E-1"),
            domain: domain("reseller-se.example"),
            since: moment(),
        }],
        at_risk: vec![StartAtRisk {
            engineer: key("E-2"),
            starts: moment(),
            waits_for: "seats_exhausted".to_owned(),
        }],
        tasks: vec![
            OpenTasks { reseller: Some(nordic), count: 12, oldest: moment() },
            OpenTasks { reseller: None, count: 1, oldest: moment() },
        ],
        held: vec![Held { engineer: key("E-3"), since: moment() }],
        lock_outs: vec![LockOut {
            engineer: key("E-4"),
            domain: domain("reseller-se.example"),
            at: moment(),
        }],
        links: vec![UnopenedLink { engineer: key("E-5"), expires_at: moment() }],
        ..quiet(language)
    }
}

#[test]
fn the_letters_are_those_that_somebody_has_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (golden, found) = (root.join("src/mail/golden"), root.join("target/golden"));
    let mut changed = Vec::new();
    for language in Language::ALL {
        for (name, wording) in letters(language) {
            let text = format!("Subject: {}\n\n{}", wording.subject, wording.text);
            for (form, written) in [("txt", text), ("html", wording.html)] {
                let file = format!("{name}.{}.{form}", language_tag(language));
                if std::fs::read_to_string(golden.join(&file)).unwrap_or_default() != written {
                    std::fs::create_dir_all(&found).unwrap();
                    std::fs::write(found.join(&file), written).unwrap();
                    changed.push(file);
                }
            }
        }
    }
    assert!(changed.is_empty(), "other than in src/mail/golden; see target/golden: {changed:#?}");
}

/// Every line that is seen in one form is seen in the other.
#[test]
fn both_forms_say_the_same() {
    for (name, wording) in Language::ALL.into_iter().flat_map(letters) {
        let html = wording.html.replace("&amp;", "&").replace("&quot;", "\"").to_lowercase();
        for word in wording.text.to_lowercase().split_whitespace() {
            let word = word.trim_end_matches(':');
            let is_form = ["-", "--"].contains(&word) || word.trim_end_matches('.').parse::<u8>().is_ok();
            assert!(is_form || html.contains(word), "{name}: {word} is not in\n{html}");
        }
    }
}

#[test]
fn lines_are_short_but_for_links_and_end_well() {
    for (name, wording) in Language::ALL.into_iter().flat_map(letters) {
        for line in wording.text.lines() {
            assert!(line.chars().count() <= 78 || line.contains("https://"), "{name}: {line}");
            assert_eq!(line.trim_end(), line, "{name}: no blanks at the end");
        }
        assert!(wording.text.ends_with('\n') && !wording.text.contains("\n\n\n"), "{name}");
        assert!(wording.html.lines().all(|line| line.len() < 10_000), "{name}");
    }
}

#[test]
fn a_quiet_day_has_no_digest() {
    for language in Language::ALL {
        assert!(digest(&quiet(language)).is_none());
    }
}

#[test]
fn a_digest_has_a_limit_and_says_what_it_leaves_out() {
    let held =
        (0..1000).map(|number| Held { engineer: key(&format!("E-{number}")), since: "now".to_owned() });
    let written = digest(&Digest { held: held.collect(), ..quiet(Language::English) }).unwrap();
    assert_eq!(written.subject, "carepass: 1000 held");
    assert!(written.text.contains("and 975 more") && written.text.lines().count() < 60, "{}", written.text);
}

/// Whoever left is on top, whatever else there is.
#[test]
fn open_exposure_comes_first() {
    let text = digest(&busy(Language::English)).unwrap().text;
    let first = text.lines().find(|line| !line.is_empty() && **line == line.to_uppercase()).unwrap();
    assert_eq!(first, "LEFT, AND NOT LOCKED OUT YET");
}

#[test]
fn nobody_is_greeted_by_nothing() {
    let (contact, portal) = (contact(), PortalUrl::default());
    let about = Welcome {
        name: "<>\n",
        language: Language::English,
        ready: &[],
        handovers: &[],
        contact: &contact,
        portal: &portal,
    };
    assert!(welcome(&about).text.starts_with("Hello,\n"));
}
