//! What holds for every message: three whole sentences in both languages, nothing left to fill in, nothing personal.

use super::super::enrollment::{Enrollment, Goal};
use super::super::failure::{Failure, FailureCode, FailureKind};
use super::*;
use std::collections::BTreeSet;

const NOW: &str = "2026-11-22T09:06:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn stockholm() -> TimeZone {
    TimeZone::get("Europe/Stockholm").unwrap()
}

fn place(reseller: Option<&str>, domain: Option<&str>, look_again: Option<&str>) -> Place {
    Place {
        reseller: reseller.map(|name| name.parse().unwrap()),
        domain: domain.map(|name| name.parse().unwrap()),
        step: Some(StepName::Account),
        look_again: look_again.map(|time| time.parse().unwrap()),
        time_zone: stockholm(),
    }
}

/// Every kind of row: of a domain, of a reseller account, of the engineer as a whole; with and without what may be missing.
fn places() -> Vec<Place> {
    let soon = Some("2026-11-22T09:16:00Z");
    vec![
        place(Some("nordic-dk"), Some("reseller-dk.example"), soon),
        place(Some("nordic-dk"), None, soon),
        place(None, None, soon),
        place(None, None, None),
        Place { step: None, ..place(Some("nordic-dk"), None, Some(NOW)) },
    ]
}

fn message(code: FailureCode, place: &Place, language: Language) -> Message {
    let failure = Failure::permanent(code).with_detail("Domain user limit reached for asa@x.example");
    explain(&failure, place, now(), language)
}

fn left_open(text: &str) -> bool {
    let brace = text.find('{').is_some_and(|at| text[at + 1..].starts_with(|c: char| c.is_alphabetic()));
    brace || text.contains("()") || text.contains("  ") || text.contains(" .") || text.contains(", )")
}

#[test]
fn every_failure_is_three_whole_sentences() {
    for (&code, language, place) in FailureCode::ALL.iter().flat_map(|code| {
        Language::ALL
            .into_iter()
            .flat_map(move |language| places().into_iter().map(move |p| (code, language, p)))
    }) {
        let message = message(code, &place, language);
        for sentence in [&message.so, &message.next, &message.you] {
            let context = format!("{code} {language:?}: {sentence}");
            assert!(sentence.len() > 20 && sentence.ends_with('.'), "{context}");
            assert!(!left_open(sentence) && !sentence.contains('@'), "{context}");
            // One sentence: what follows a full stop is never a capital.
            let mut after = sentence.split(". ").skip(1);
            assert!(after.all(|rest| !rest.starts_with(char::is_uppercase)), "{context}");
        }
        assert_eq!(message.to_string(), format!("{} {} {}", message.so, message.next, message.you));
    }
}

#[test]
fn the_languages_differ_in_every_sentence_and_no_two_failures_read_alike() {
    let place = &places()[0];
    for &code in FailureCode::ALL {
        let (en, sv) = (message(code, place, Language::English), message(code, place, Language::Swedish));
        assert!(en.so != sv.so && en.next != sv.next && en.you != sv.you, "{code}");
        assert_ne!(in_short(code, Language::English), in_short(code, Language::Swedish), "{code}");
    }
    for language in Language::ALL {
        let said: BTreeSet<String> =
            FailureCode::ALL.iter().map(|code| message(*code, place, language).so).collect();
        assert_eq!(said.len(), FailureCode::ALL.len());
        let short: BTreeSet<&str> = FailureCode::ALL.iter().map(|code| in_short(*code, language)).collect();
        assert_eq!(short.len(), FailureCode::ALL.len());
    }
}

#[test]
fn what_concerns_one_place_names_it_and_says_when_carepass_looks_again() {
    // The letter, the limit, the name and the store are the same wherever the row stands.
    let everywhere = [
        FailureCode::LatinNameNeeded,
        FailureCode::AccountsUnsettled,
        FailureCode::ContactMissing,
        FailureCode::MailUnavailable,
        FailureCode::MailRefused,
        FailureCode::GrantsHeld,
        FailureCode::VaultUnavailable,
        FailureCode::VaultRefused,
        FailureCode::HandOverFailed,
        FailureCode::LockOutsPending,
        FailureCode::ApprovalMissing,
        FailureCode::EmploymentEnded,
        FailureCode::SealBroken,
        FailureCode::StoreUnavailable,
    ];
    for &code in FailureCode::ALL {
        for (language, time) in
            [(Language::English, "at 10:16 (Stockholm)"), (Language::Swedish, "kl. 10.16 (Stockholm)")]
        {
            let said = message(code, &places()[0], language);
            // Those whom the limit holds are released by a person, and by no look.
            let is_held = matches!(
                code,
                FailureCode::GrantsHeld | FailureCode::ApprovalMissing | FailureCode::EmploymentEnded
            );
            assert_eq!(said.next.contains(time), !is_held, "{code}: {}", said.next);
            let named = said.so.contains("reseller-dk.example") || said.so.contains("nordic-dk");
            assert_eq!(named, !everywhere.contains(&code), "{code}: {}", said.so);
        }
    }
}

#[test]
fn moments_are_on_the_readers_clock() {
    let check = |look_again: Option<&str>, english: &str, swedish: &str| {
        let place = place(None, None, look_again);
        for (language, expected) in [(Language::English, english), (Language::Swedish, swedish)] {
            let next = message(FailureCode::AccountGone, &place, language).next;
            assert!(next.contains(expected), "{next} lacks {expected}");
        }
    };
    check(None, "again later", "igen senare");
    check(Some(NOW), "in a moment", "strax");
    check(Some("2026-11-22T22:59:00Z"), "again at 23:59 (Stockholm)", "igen kl. 23.59 (Stockholm)");
    check(
        Some("2026-11-22T23:00:00Z"),
        "on 23 November at 00:00 (Stockholm)",
        "den 23 november kl. 00.00 (Stockholm)",
    );
    check(
        Some("2027-01-03T08:05:00Z"),
        "on 3 January 2027 at 09:05 (Stockholm)",
        "den 3 januari 2027 kl. 09.05 (Stockholm)",
    );
}

#[test]
fn the_message_holds_the_line_to_paste() {
    let place = &places()[1];
    let said = message(FailureCode::AutoLicensingUnconfirmed, place, Language::English).you;
    assert!(said.contains(r#"auto_licensing_off = { by = "your name", on = "2026-11-22" }"#), "{said}");
    let said = message(FailureCode::FreeSubscriptionUnconfirmed, place, Language::Swedish).you;
    assert!(said.contains(r#"free_subscription = { by = "ditt namn", on = "2026-11-22" }"#), "{said}");
}

#[test]
fn a_link_is_shown_with_its_message() {
    for &code in FailureCode::ALL {
        for language in Language::ALL {
            let you = message(code, &places()[0], language).you;
            match link::console_link(code) {
                Some(link) => assert!(link.starts_with("https://") && you.contains(link), "{code}: {you}"),
                None => assert!(!you.contains("https://"), "{code}: {you}"),
            }
        }
    }
}

#[test]
fn a_state_is_one_line() {
    let at = |step, attempt| At { step, attempt, runs: 1, looks: 0, waited_for: None, since: now() };
    let check = |state: State, english: &str, swedish: &str| {
        let id = "domain/E-1/nordic-dk/reseller-dk.example".parse().unwrap();
        let mut row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, now());
        row.state = state;
        let here = now().to_zoned(stockholm());
        assert_eq!(state_words(&row, &here, Language::English), english);
        assert_eq!(state_words(&row, &here, Language::Swedish), swedish);
    };
    let later: Timestamp = "2026-11-22T09:16:00Z".parse().unwrap();
    let waiting = |on, code| State::Waiting {
        at: at(StepName::Account, 1),
        on,
        reason: Failure::new(FailureKind::Needs(on), code),
        look_again: later,
    };
    check(State::Completed, "ready", "klar");
    check(
        State::Running { at: at(StepName::Account, 2), lease_until: later },
        "running: account (attempt 2)",
        "pågår: konto (försök 2)",
    );
    check(
        State::Scheduled { at: at(StepName::License, 1), due: now(), last: None },
        "next: license",
        "näst på tur: licens",
    );
    check(
        State::Scheduled {
            at: at(StepName::License, 3),
            due: later,
            last: Some(Failure::transient(FailureCode::BackendError)),
        },
        "tries again 10:16: license (attempt 3), Google has a fault",
        "försöker igen 10.16: licens (försök 3), fel hos Google",
    );
    check(
        waiting(Who::Operator, FailureCode::SeatsSpent),
        "waits for you: seats are used up, looks again 10:16",
        "väntar på dig: platserna är slut, kontrolleras igen 10.16",
    );
    check(
        waiting(Who::Reseller, FailureCode::ResellerNotReady),
        "waits for the reseller account: its set-up is not finished, looks again 10:16",
        "väntar på återförsäljarkontot: det är inte färdigt, kontrolleras igen 10.16",
    );
    check(
        State::Cancelled { reason: "asa@x.example".to_owned() },
        "ended by an operator",
        "avslutad av en operatör",
    );
}

#[test]
fn the_runbook_has_exactly_the_codes_as_headings() {
    let runbook = include_str!("../../../docs/RUNBOOK.md");
    let headings: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let codes: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(headings, codes);
    for section in runbook.split("\n## ").skip(1) {
        for part in [
            "What it means.",
            "What carepass does by itself.",
            "What you do.",
            "How you see that it is over.",
        ] {
            assert_eq!(section.matches(part).count(), 1, "{part} in {}", section.lines().next().unwrap());
        }
    }
}
