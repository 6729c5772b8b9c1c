//! What the commands print for given answers, as pictures; and the command line as clap sees it.

use super::answers::{EngineerAnswer, reason_words, spoken, words};
use super::*;
use crate::model::engineer::Progress;
use crate::model::failure::Who;
use crate::model::person::Language;
use clap::CommandFactory;
use jiff::tz::TimeZone;
use serde_json::json;

/// Ready in one domain, waits for seats in the second and for Google in the third.
pub(super) fn engineer() -> EngineerAnswer {
    serde_json::from_value(json!({
        "key": "E-20417", "goal": "present", "state": "partly_ready", "revision": 3, "username": "asa.oberg", "later": "unknown",
        "enrollments": [
            { "target": { "kind": "domain", "reseller": "se", "domain": "a.se" }, "state": "completed", "done": ["account"] },
            {
                "target": { "kind": "domain", "reseller": "se", "domain": "b.se" }, "state": "waiting", "step": "account",
                "waiting_on": "google", "reason": "daily_quota_spent", "look_again_at": "2026-11-22T10:05:00Z",
                "sentences": { "so": "The quota of the day is used up in b.se.", "next": "n", "you": "Nothing." }
            },
            {
                "target": { "kind": "domain", "reseller": "no", "domain": "a.no" }, "state": "waiting", "step": "account",
                "waiting_on": "operator", "reason": "seats_spent", "look_again_at": "2026-11-22T11:00:00Z",
                "sentences": { "so": "No seat is left at no.", "next": "n", "you": "Buy seats." }
            }
        ]
    }))
    .unwrap()
}

fn with(change: &serde_json::Value) -> EngineerAnswer {
    let mut value = json!({ "key": "E-1", "state": "planned", "username": null, "enrollments": [] });
    for (name, field) in change.as_object().unwrap() {
        value[name] = field.clone();
    }
    serde_json::from_value(value).unwrap()
}

fn row(state: &str, step: &str) -> serde_json::Value {
    json!({ "target": { "kind": "domain", "reseller": "se", "domain": "a.se" }, "state": state, "step": step })
}

#[test]
fn explain_says_what_is_to_come() {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    let engineer = with(&json!({
        "starts": "2026-11-30T23:00:00Z", "opens": "2026-11-26T23:00:00Z", "time_zone": "Europe/Stockholm",
        "upcoming": [
            { "goal": "present", "from": "2026-12-05T16:00:00Z", "time_zone": "Europe/Stockholm" },
            { "goal": "absent", "from": "2026-12-11T16:00:00Z", "time_zone": "Europe/Stockholm" }
        ]
    }));
    let check = |language, now: &str, expected: &[&str]| {
        let lines = explain::dates(&engineer, language, &zone("Asia/Tokyo"), now.parse().unwrap());
        assert_eq!(lines, expected);
    };
    check(
        Language::English,
        "2026-11-25T12:00:00Z",
        &[
            "Starts Tuesday 00:00 Stockholm (08:00 Tokyo); work begins by itself Friday 00:00 Stockholm (08:00 Tokyo).",
            "Changes Saturday 5 December 17:00 Stockholm (01:00 Tokyo).",
            "Leaves Friday 11 December 17:00 Stockholm (01:00 Tokyo); HR can take it back until then.",
        ],
    );
    check(
        Language::Swedish,
        "2026-12-09T12:00:00Z",
        &[
            "Ändras lördag 5 december 17.00 Stockholm (01.00 Tokyo).",
            "Slutar fredag 17.00 Stockholm (01.00 Tokyo); HR kan ta tillbaka det fram till dess.",
        ],
    );
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map_err(|error| error.exit_code());
    for good in [
        "carepass status --json",
        "carepass explain E-1 --api http://127.0.0.1:1 --token-file /t --language sv",
        "carepass order approve E-1 --reason why",
        "carepass order retry E-1 --domain a.se --reason why",
        "carepass order retry --reseller se --reason why",
        "carepass order skip E-1 --domain a.se --reason why",
        "carepass order adopt E-1 --domain a.se --account a@a.se --reason why",
        "carepass event lint a.json b.json --language=sv",
        "carepass event publish a.json --amqp amqp://127.0.0.1:5672 --exchange x --force",
        "carepass --no-color status",
        "carepass username preview --given a --family b --language sv --json",
        "carepass token new asa --role operator",
        "carepass token new hr --role publisher",
        "carepass dead list --json",
        "carepass dead show 0123456789abcdef0123456789abcdef --body",
        "carepass dead replay 0123456789abcdef0123456789abcdef --reason why",
        "carepass dead replay --all --reason why",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in [
        "carepass",
        "carepass explain a@b",
        "carepass order retry --reason why",
        "carepass order retry E-1 --reseller se --reason why",
        "carepass order skip --reseller se --reason why",
        "carepass order retry E-1",
        "carepass order adopt E-1 --domain a.se --reason why",
        "carepass event lint",
        "carepass token new asa --role root",
    ] {
        assert_eq!(parse(bad).map(|_| ()), Err(i32::from(Exit::Usage.code())), "{bad}");
    }
}

#[test]
fn status_is_a_table() {
    let held = with(&json!({ "key": "E-2", "waiting_on": "operator", "reason": "grants_held" }));
    let new = with(
        &json!({ "key": "E-3", "enrollments": [{ "target": { "kind": "domain", "domain": "a.se" }, "state": "waiting", "waiting_on": "reseller", "reason": "of_tomorrow" }] }),
    );
    let shown = status::render(&[engineer(), held, new], Language::English, &TimeZone::UTC, false);
    let expected = [
        "KEY      USERNAME   STATE         DONE  WAITS FOR                              LOOKED AT AGAIN",
        "E-20417  asa.oberg  partly ready  1/3   operator: seats are used up (+1)       2026-11-22 10:05 UTC",
        "E-2      -          planned       0/0   operator: held by the limit on grants",
        "E-3      -          planned       0/1   reseller: of tomorrow",
    ];
    assert_eq!(shown, expected.join("\n"), "\n{shown}");
    let colored = status::render(&[engineer()], Language::Swedish, &TimeZone::UTC, true);
    assert!(colored.contains("\x1b[1;31mdriften: ") && colored.contains("NYCKEL"), "{colored}");
}

#[test]
fn states_and_who_acts_have_words_in_both_languages() {
    let states = Progress::ALL.map(Progress::as_str);
    let of_rows = ["scheduled", "running", "waiting", "completed", "cancelled"];
    let who = [Who::Operator, Who::Engineer, Who::Hr, Who::Google, Who::Calendar, Who::Reseller];
    for word in states.iter().chain(&of_rows).chain(&who.map(Who::as_str)) {
        assert_eq!(spoken(word, Language::English), words(word));
        assert_ne!(spoken(word, Language::Swedish), words(word), "{word} has no Swedish word");
    }
}

fn check_explain(engineer: &EngineerAnswer, language: Language, expected: &[&str]) {
    let shown = explain::render(engineer, language, &TimeZone::UTC);
    assert_eq!(shown, expected.join("\n"), "\n{shown}");
    assert!(shown.lines().count() <= 5);
}

#[test]
fn explain_says_has_lacks_why_who_and_when() {
    check_explain(
        &engineer(),
        Language::English,
        &[
            "asa.oberg (E-20417) has access in a.se.",
            "Lacking: a.no and b.se.",
            "Why: No seat is left at no. (a.no; 1 more)",
            "Who acts: the operators. Buy seats.",
            "carepass looks again at 2026-11-22 11:00 UTC.",
        ],
    );
    check_explain(
        &engineer(),
        Language::Swedish,
        &[
            "asa.oberg (E-20417) har åtkomst i a.se.",
            "Saknas: a.no och b.se.",
            "Varför: No seat is left at no. (a.no; 1 till)",
            "Vem: driften. Buy seats.",
            "carepass tittar igen 2026-11-22 11:00 UTC.",
        ],
    );
}

#[test]
fn explain_knows_the_quiet_cases() {
    let ready =
        with(&json!({ "state": "ready", "username": "bo.ek", "enrollments": [row("completed", "")] }));
    check_explain(&ready, Language::English, &["bo.ek (E-1) is ready: access in a.se."]);
    let running =
        with(&json!({ "state": "provisioning", "enrollments": [row("running", "no_paid_license")] }));
    let working = "Why: carepass is at work on it (step: no paid license).";
    check_explain(
        &running,
        Language::English,
        &["E-1 has no access yet.", "Lacking: a.se.", working, "Who acts: carepass."],
    );
    let sentences = json!({ "so": "Too many at once.", "next": "n", "you": "Ask HR." });
    let held = with(&json!({ "waiting_on": "operator", "reason": "grants_held", "sentences": sentences }));
    check_explain(
        &held,
        Language::English,
        &["E-1 has no access yet.", "Why: Too many at once.", "Who acts: the operators. Ask HR."],
    );
    check_explain(
        &with(&json!({ "state": "removed" })),
        Language::Swedish,
        &["E-1 har inte längre åtkomst."],
    );
}

#[test]
fn explain_names_what_an_operator_has_ended() {
    let said = "An operator ended this, with the words: ";
    let ended = |domain: &str, words: &str| {
        json!({
            "target": { "kind": "domain", "domain": domain }, "goal": "present", "state": "cancelled", "message": format!("{said}{words}")
        })
    };
    let of = |rows: &[serde_json::Value]| {
        with(&json!({ "state": "partly_ready", "username": "bo.ek", "enrollments": rows }))
    };
    let one = of(&[row("completed", ""), ended("b.se", "no case there")]);
    check_explain(
        &one,
        Language::English,
        &[
            "bo.ek (E-1) has access in a.se.",
            "Ended by an operator: b.se.",
            "Why: An operator ended this, with the words: no case there",
            "Who acts: nobody.",
        ],
    );
    let two = of(&[row("completed", ""), ended("b.se", "no case there"), ended("c.se", "sold")]);
    check_explain(
        &two,
        Language::Swedish,
        &[
            "bo.ek (E-1) har åtkomst i a.se.",
            "Avslutat av en operatör: b.se och c.se.",
            &format!("Varför: b.se: {said}no case there; c.se: {said}sold"),
            "Vem: ingen.",
        ],
    );
    let beside = of(&[row("running", "role"), ended("b.se", "no case there")]);
    check_explain(
        &beside,
        Language::English,
        &[
            "bo.ek (E-1) has no access yet.",
            "Lacking: a.se. Ended by an operator: b.se.",
            "Why: carepass is at work on it (step: role).",
            "Who acts: carepass.",
        ],
    );
}

/// A domain that has left the scope is no access, and not lacking either.
#[test]
fn a_movers_old_domains_are_not_among_the_new() {
    let old = |state: &str| json!({ "target": { "kind": "domain", "domain": "b.se" }, "goal": "absent", "state": state, "step": "role_off" });
    let moved =
        |state: &str, rows: &[serde_json::Value]| with(&json!({ "state": state, "enrollments": rows }));
    let ready = moved("ready", &[row("completed", ""), old("completed")]);
    check_explain(&ready, Language::English, &["E-1 is ready: access in a.se."]);
    let status = status::render(&[ready], Language::English, &TimeZone::UTC, false);
    assert!(status.contains("1/1"), "{status}");
    check_explain(
        &moved("provisioning", &[row("running", "role"), old("running")]),
        Language::English,
        &[
            "E-1 has no access yet.",
            "Lacking: a.se. Access is still to end in b.se.",
            "Why: carepass is at work on it (step: role).",
            "Who acts: carepass.",
        ],
    );
    let gone = moved("removed", &[old("completed")]);
    let status = status::render(&[gone], Language::English, &TimeZone::UTC, false);
    assert!(status.contains("1/1"), "{status}");
}

#[test]
fn a_reseller_account_that_runs_out_of_seats_is_named() {
    let check = |seats: serde_json::Value, expected: &str| {
        let answer = serde_json::from_value(json!({ "name": "dk", "ready": true, "seats": seats })).unwrap();
        let line = status::seats_low(&answer, Language::English).unwrap_or_default();
        assert!(line.starts_with(expected) && line.is_empty() == expected.is_empty(), "{line}");
    };
    check(serde_json::Value::Null, "");
    check(json!({ "users": 4, "starters": 1, "remaining": 40, "low": false }), "");
    let expected = "Seats run low in the reseller account dk: 2 left, 1 accounts still to be made.";
    check(json!({ "users": 4, "starters": 1, "remaining": 2, "low": true }), expected);
}

#[test]
fn a_reseller_account_that_is_not_ready_is_named_with_its_reason() {
    let check = |answer: serde_json::Value, language: Language, expected: &str| {
        let line = status::not_ready(&serde_json::from_value(answer).unwrap(), language, &TimeZone::UTC);
        assert_eq!(line.unwrap_or_default(), expected);
    };
    let row = |state: &str, on: serde_json::Value, reason: serde_json::Value| {
        let target = json!({ "kind": "reseller", "reseller": "dk" });
        let look = (state == "waiting").then_some("2026-11-22T10:05:00Z");
        json!({ "target": target, "state": state, "step": "org_unit", "waiting_on": on, "reason": reason, "look_again_at": look })
    };
    let none = serde_json::Value::Null;
    let (english, swedish) = (Language::English, Language::Swedish);
    let scheduled = row("scheduled", none.clone(), none.clone());
    check(json!({ "name": "dk", "ready": true, "enrollment": scheduled }), english, "");
    check(json!({ "name": "dk" }), english, "");
    let answer = |row: &serde_json::Value| json!({ "name": "dk", "ready": false, "enrollment": row });
    check(answer(&none), english, "The reseller account dk has not been looked at yet.");
    check(answer(&scheduled), english, "The reseller account dk is not ready: next (organizational unit).");
    let running = answer(&row("running", none.clone(), none.clone()));
    check(running, swedish, "Återförsäljarkontot dk är inte klart: pågår (organisationsenhet).");
    let waiting = row("waiting", json!("operator"), json!("role_not_pinned"));
    let why = reason_words("role_not_pinned", english);
    check(
        answer(&waiting),
        english,
        &format!(
            "The reseller account dk is not ready: {why}, looked at again 2026-11-22 10:05 UTC. `carepass task list` says what to do."
        ),
    );
    let why = reason_words("role_not_pinned", swedish);
    check(
        answer(&waiting),
        swedish,
        &format!(
            "Återförsäljarkontot dk är inte klart: {why}, nästa titt 2026-11-22 10:05 UTC. `carepass task list` säger vad som ska göras."
        ),
    );
    check(
        answer(&row("cancelled", none.clone(), none)),
        english,
        "The reseller account dk was given up by an order.",
    );
}
