//! Who gets a card, what engineers share, and that an id stays what it was.

use super::super::enrollment::{At, Goal, Want};
use super::super::failure::FailureKind;
use super::*;

fn now() -> Zoned {
    "2026-11-22T10:06:00+01:00[Europe/Stockholm]".parse().unwrap()
}

fn waiting(id: &str, step: StepName, on: Who, code: FailureCode, since: &str) -> Enrollment {
    let since = since.parse().unwrap();
    let mut row =
        Enrollment::open(id.parse().unwrap(), Goal { want: Want::Present, revision: 1 }, now().timestamp());
    row.state = State::Waiting {
        at: At { step, attempt: 1, runs: 1, looks: 1, waited_for: Some(code), since },
        on,
        reason: Failure::new(FailureKind::Needs(on), code).with_detail("as Google said"),
        look_again: "2026-11-22T09:16:00Z".parse().unwrap(),
    };
    row
}

fn operators(id: &str, code: FailureCode, since: &str) -> Task {
    task(&waiting(id, StepName::Account, Who::Operator, code, since), &now()).unwrap()
}

const EARLY: &str = "2026-11-22T08:00:00Z";
const LATE: &str = "2026-11-22T09:00:00Z";

#[test]
fn only_a_row_that_waits_on_a_person_is_a_task() {
    let check = |on: Who, expected: bool| {
        let row = waiting(
            "domain/E-1/nordic-dk/a.example",
            StepName::Account,
            on,
            FailureCode::ResellerNotReady,
            EARLY,
        );
        assert_eq!(task(&row, &now()).is_some(), expected, "{on}");
    };
    check(Who::Operator, true);
    check(Who::Engineer, true);
    check(Who::Hr, true);
    check(Who::Google, false);
    check(Who::Calendar, false);
    check(Who::Reseller, false);
    let fresh = Enrollment::open(
        "engineer/E-1".parse().unwrap(),
        Goal { want: Want::Present, revision: 1 },
        now().timestamp(),
    );
    assert_eq!(task(&fresh, &now()), None);
}

/// The card of a wall says how many wait, and shows the row that looks for all.
#[test]
fn the_card_of_a_wall_speaks_for_all_who_wait() {
    let one = |id: &str, starts: Option<&str>| {
        let mut row = waiting(id, StepName::Account, Who::Operator, FailureCode::SeatsSpent, EARLY);
        row.starts = starts.map(|starts| starts.parse().unwrap());
        task(&row, &now()).unwrap()
    };
    let tasks = || {
        vec![
            one("domain/E-1/nordic-dk/a.example", Some("2026-12-02T00:00:00Z")),
            one("domain/E-2/nordic-dk/a.example", Some("2026-12-01T00:00:00Z")),
            one("domain/E-2/nordic-dk/b.example", Some("2026-12-01T00:00:00Z")),
        ]
    };
    let [card] = batch(tasks()).try_into().unwrap();
    let Card { task, engineers } = card;
    assert_eq!(
        task.starter.as_ref().map(EngineerKey::as_str),
        Some("E-2"),
        "whoever is first says in which zone"
    );
    assert_eq!(
        (task.enrollment.to_string().as_str(), engineers.len()),
        ("domain/E-2/nordic-dk/a.example", 2)
    );
    let so = "No Cloud Identity seat is left in the reseller account nordic-dk. 2 engineers wait.";
    assert_eq!(task.message.en.so, so);
    assert!(task.message.sv.so.ends_with(". 2 supporttekniker väntar."), "{}", task.message.sv.so);
    let customer = "C01abc123".parse().unwrap();
    let [card] =
        batch(tasks().into_iter().map(|task| task.of_customer(&customer)).collect()).try_into().unwrap();
    let values: Vec<_> =
        card.task.values.iter().map(|value| (value.name.as_str(), value.value.as_str())).collect();
    let request = "Please raise the number of Cloud Identity Free users of C01abc123 (a.example) by 2 or more by 2026-12-01: so \
                   many support engineers are waiting.";
    assert_eq!(values, [("customer_id", "C01abc123"), ("request", request)]);
    let [alone] = batch(tasks().split_off(2)).try_into().unwrap();
    assert!(alone.task.message.en.so.ends_with(" One engineer waits."));
}

#[test]
fn engineers_who_wait_for_the_same_thing_share_a_card() {
    let check = |code: FailureCode, expected: &[usize], first: &str| {
        let tasks = (1..=12).flat_map(|number| {
            ["a.example", "b.example"].map(|domain| {
                let since = if number == 7 { EARLY } else { LATE };
                operators(&format!("domain/E-{number:02}/nordic-dk/{domain}"), code, since)
            })
        });
        let cards = batch(tasks.collect());
        let sizes: Vec<usize> = cards.iter().map(|card| card.engineers.len()).collect();
        assert_eq!(sizes, expected, "{code}");
        assert_eq!(cards[0].task.enrollment.engineer().unwrap().as_str(), first, "{code}");
        assert!(cards[0].engineers.is_sorted());
    };
    // Who looks for all is shown, or else who has waited longest.
    check(FailureCode::SeatsSpent, &[12], "E-01");
    check(FailureCode::DelegationMissing, &[12], "E-07");
    check(FailureCode::StoreUnavailable, &[12], "E-07");
    check(FailureCode::CaseRedirectNeeded, &[12, 12], "E-07");
    check(FailureCode::LatinNameNeeded, &[1; 12], "E-07");
    check(FailureCode::AddressTaken, &[1; 24], "E-07");
}

#[test]
fn a_shared_card_says_nothing_of_a_single_row() {
    let task = operators("domain/E-1/nordic-dk/a.example", FailureCode::SeatsSpent, EARLY);
    assert_eq!(task.domain, None);
    assert_eq!(task.reseller.as_ref().unwrap().as_str(), "nordic-dk");
    for message in [&task.message.en, &task.message.sv] {
        assert!(message.so.contains("nordic-dk") && !message.to_string().contains("a.example"), "{message}");
    }
    let setup = operators("reseller/nordic-dk", FailureCode::SeatsSpent, LATE);
    assert_eq!(setup.id, task.id);
    assert_ne!(operators("reseller/nordic-se", FailureCode::SeatsSpent, LATE).id, task.id);
    let cards = batch(vec![setup]);
    assert_eq!(cards[0].engineers, []);
}

#[test]
fn what_hr_has_to_say_of_an_engineer_is_one_card_for_all_domains() {
    for code in [FailureCode::LatinNameNeeded, FailureCode::UsernamesSpent, FailureCode::ContactMissing] {
        let ask = |id: &str, step, since| task(&waiting(id, step, Who::Hr, code, since), &now()).unwrap();
        let tasks = vec![
            ask("domain/E-1/nordic-dk/a.example", StepName::Username, LATE),
            ask("domain/E-1/nordic-se/b.example", StepName::Username, EARLY),
            ask("engineer/E-1", StepName::Welcome, LATE),
        ];
        let other = ask("domain/E-2/nordic-dk/a.example", StepName::Username, LATE);
        assert_ne!(other.id, tasks[0].id, "{code}");
        let [card] = batch(tasks).try_into().unwrap();
        assert_eq!(card.engineers, ["E-1".parse::<EngineerKey>().unwrap()], "{code}");
        assert_eq!(card.task.since, EARLY.parse::<Timestamp>().unwrap(), "{code}");
        assert_eq!((card.task.reseller, card.task.domain), (None, None), "{code}");
        let message = card.task.message.en.to_string();
        assert!(!message.contains("example") && !message.contains("nordic"), "{message}");
    }
}

#[test]
fn an_id_stays_what_it_was_and_has_one_text() {
    let shared = operators("domain/E-1/nordic-dk/a.example", FailureCode::SeatsSpent, EARLY).id;
    let own = operators("domain/E-1/nordic-dk/a.example", FailureCode::AddressTaken, EARLY).id;
    assert_eq!((shared.to_string(), own.to_string()), ("T-ceffc2f684".to_owned(), "T-e40717e07c".to_owned()));
    let ids: BTreeSet<TaskId> = FailureCode::ALL
        .iter()
        .map(|code| operators("domain/E-1/nordic-dk/a.example", *code, EARLY).id)
        .collect();
    assert_eq!(ids.len(), FailureCode::ALL.len());
    for id in ids {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 12);
    }
    for wrong in ["", "T-", "T-012345678", "T-01234567890", "T-012345678g", "T-+123456789", "T-012345678A"] {
        assert!(wrong.parse::<TaskId>().is_err(), "{wrong:?}");
    }
}

#[test]
fn an_unknown_answer_shows_the_lines_that_name_it() {
    let check = |reason: &str, expected: &str| {
        let mut row = waiting(
            "domain/E-1/nordic-dk/a.example",
            StepName::Account,
            Who::Operator,
            FailureCode::UnknownAnswer,
            EARLY,
        );
        let State::Waiting { reason: failure, .. } = &mut row.state else { panic!("it waits") };
        let answer = UnmappedAnswer { call: "users.insert".into(), status: 418, reason: reason.into() };
        *failure = failure.clone().with_answer(answer);
        let stored: Enrollment = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        let lines = task(&stored, &now()).unwrap().paste.unwrap();
        assert_eq!(lines, expected);
        toml::from_str::<toml::Table>(&lines).unwrap();
    };
    check(
        "teapot",
        "[[google.answers]]\ncall = \"users.insert\"\nstatus = 418\nreason = \"teapot\"\nthen = \"operator\" # or \"retry\", \"slow-down\", \"not-yet\"",
    );
    check(
        "",
        "[[google.answers]]\ncall = \"users.insert\"\nstatus = 418\nthen = \"operator\" # or \"retry\", \"slow-down\", \"not-yet\"",
    );
}

#[test]
fn what_no_api_does_is_confirmed_on_the_task_or_in_the_configuration() {
    let check = |step: StepName, code: FailureCode, expected: &str| {
        let task = task(&waiting("reseller/nordic-dk", step, Who::Operator, code, EARLY), &now()).unwrap();
        assert_eq!(task.paste.as_deref(), Some(expected));
        for message in [&task.message.en, &task.message.sv] {
            assert!(message.you.contains("carepass task done"), "{}", message.you);
        }
        assert!(task.message.en.you.contains(expected), "{}", task.message.en.you);
        assert!(task.message.en.you.contains("restart carepass"));
        assert!(task.console_link.is_some() && task.confirmable);
        toml::from_str::<toml::Table>(expected).unwrap();
    };
    check(
        StepName::AutoLicensing,
        FailureCode::AutoLicensingUnconfirmed,
        r#"auto_licensing_off = { by = "your name", on = "2026-11-22" }"#,
    );
    check(
        StepName::FreeSubscription,
        FailureCode::FreeSubscriptionUnconfirmed,
        r#"free_subscription = { by = "your name", on = "2026-11-22" }"#,
    );
    check(
        StepName::CaseAlertRoute,
        FailureCode::CaseRouteUnconfirmed,
        r#"case_alert_route = { by = "your name", on = "2026-11-22" }"#,
    );
    check(
        StepName::TwoStepPolicy,
        FailureCode::TwoStepEnforced,
        r#"two_step_policy = { by = "your name", on = "2026-11-22" }"#,
    );
    let seats = operators("reseller/nordic-dk", FailureCode::SeatsSpent, EARLY);
    assert!(seats.paste.is_none() && !seats.confirmable && seats.closes_itself);
}

#[test]
fn a_card_holds_what_google_asks_for() {
    let check = |id: &str, step: StepName, code: FailureCode, expected: &[(&str, &str)]| {
        let mut row = waiting(id, step, Who::Operator, code, EARLY);
        if row.id.domain().is_none() {
            row.facts.customer = Some("C01abc123".parse().unwrap());
            row.facts.org_unit_path = Some("/Support/Care".parse().unwrap());
            row.facts.org_unit_wanted = Some("/Customer Care".parse().unwrap());
            row.facts.domains = Some(["a.example", "b.example"].map(|name| name.parse().unwrap()).into());
        }
        let values = task(&row, &now()).unwrap().values;
        let values: Vec<_> = values.iter().map(|v| (v.name.as_str(), v.value.as_str())).collect();
        assert_eq!(values, expected, "{code}");
    };
    let (reseller, domain) = ("reseller/nordic-dk", "domain/E-1/nordic-dk/a.example");
    let customer = ("customer_id", "C01abc123");
    let unit = ("org_unit", "/Support/Care");
    check(reseller, StepName::AutoLicensing, FailureCode::AutoLicensingUnconfirmed, &[customer, unit]);
    check(reseller, StepName::TwoStepPolicy, FailureCode::TwoStepEnforced, &[customer, unit]);
    check(reseller, StepName::FreeSubscription, FailureCode::FreeSubscriptionUnconfirmed, &[customer]);
    check(reseller, StepName::OrgUnit, FailureCode::OrgUnitGone, &[customer, ("org_unit", "/Customer Care")]);
    let pattern = ("pattern a.example", r"^[^@]+@a\.example$");
    let other = ("pattern b.example", r"^[^@]+@b\.example$");
    check(reseller, StepName::CaseAlertRoute, FailureCode::CaseRouteUnconfirmed, &[customer, pattern, other]);
    check(domain, StepName::CaseAlerts, FailureCode::CaseRedirectNeeded, &[pattern]);
    check(domain, StepName::Account, FailureCode::AddressTaken, &[]);
}
