//! `carepass check --online` with the built binary: what it says of a world, the number it ends with, and that it leaves everything as it was.
//! Not here: the grades of single numbers (`app/flight`).

use crate::fixture::door::free_address;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events};
use carepass::app::App;
use carepass::clock::Clock;
use carepass::sandbox::{Activity, Customer, Policy, PolicyKind, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_mins(2);
const DANISH: &str = "C01nordicdk";
const LICENSING: &str = "https://www.googleapis.com/auth/apps.licensing";

/// Runs the check and gives its number and its answer.
async fn check(neighbour: &Neighbour, more: &[(&str, &str)]) -> (Option<i32>, Value) {
    let more: Vec<_> = [("INTAKE__AMQP__URL", "")].into_iter().chain(more.iter().copied()).collect();
    let mut command = Command::from(carepass());
    command.arg("check").arg("--config").arg(neighbour.configuration_file()).args(["--online", "--json"]);
    command.envs(neighbour.environment(&more)).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = output.expect("the binary can be run");
    let answer = serde_json::from_slice(&output.stdout);
    let answer = answer.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), answer)
}

/// The grade of a check of a reseller account.
fn grade<'a>(answer: &'a Value, reseller: &str, check: &str) -> &'a str {
    finding(answer, reseller, check)["grade"].as_str().expect("a grade")
}

fn finding<'a>(answer: &'a Value, reseller: &str, check: &str) -> &'a Value {
    let resellers = answer["resellers"].as_array().expect("resellers");
    let seen = resellers.iter().find(|seen| seen["reseller"] == reseller).expect("a configured account");
    let checks = seen["checks"].as_array().expect("checks");
    checks
        .iter()
        .find(|finding| finding["check"] == check)
        .unwrap_or_else(|| panic!("no {check}: {answer:#}"))
}

const ALWAYS_WELL: [&str; 9] = [
    "scope admin.directory.user",
    "scope apps.licensing",
    "super admin",
    "customer id",
    "domains",
    "organisational unit",
    "role",
    "licence mode",
    "clock",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_in_order_is_looked_at_and_left_as_it_was() {
    let neighbour = Neighbour::start().await;
    let store = neighbour.config(&[("INTAKE__AMQP__URL", "")]).store.backend;
    let path = store.folder();
    let before = neighbour.sandbox.change(|world| format!("{world:?}"));
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!(code, Some(0), "{answer:#}");
    for reseller in ["nordic-se", "nordic-dk", "nordic-no"] {
        for name in ALWAYS_WELL {
            assert_eq!(grade(&answer, reseller, name), "ok", "{reseller} {name}: {answer:#}");
        }
    }
    assert_eq!(
        (&answer["store"]["grade"], &answer["broker"]["grade"]),
        (&json!("warning"), &json!("warning"))
    );
    assert!(!path.exists(), "no store was made");
    let calls = neighbour.sandbox.calls();
    assert!(!calls.is_empty());
    for call in &calls {
        assert!(call.method == "GET" || call.path == "/token", "{call:?}");
        assert_eq!(call.effect, None, "{call:?}");
    }
    assert_eq!(neighbour.sandbox.change(|world: &mut World| format!("{world:?}")), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_daemon_it_writes_nothing() {
    let neighbour = Neighbour::start().await;
    let app = App::start(&neighbour.config(&[("INTAKE__AMQP__URL", "")])).await.expect("a house that starts");
    let event = events::joined(0).to_string();
    let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!(code, Some(0), "{answer:#}");
    let said = answer["store"]["said"].as_str().expect("a sentence");
    assert!(said.contains("in use by a carepass that runs"), "{said}");
    assert!(app.engine.house().store.head().await.is_ok());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_with_what_to_do() {
    let neighbour = Neighbour::start().await;
    neighbour.sandbox.set(&json!({"delegation": {DANISH: {LICENSING: false}}})).expect("a setting");
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!(code, Some(4), "{answer:#}");
    let scope = finding(&answer, "nordic-dk", "scope apps.licensing");
    assert_eq!((&scope["grade"], &scope["code"]), (&json!("fault"), &json!("delegation_missing")));
    assert!(scope["advice"].as_str().expect("advice").contains("client_id: "), "{scope:#}");
    assert_eq!(grade(&answer, "nordic-dk", "scope admin.directory.user"), "ok");
    assert_eq!(grade(&answer, "nordic-se", "scope apps.licensing"), "ok");
    neighbour.sandbox.set(&json!({"delegation": {DANISH: {LICENSING: true}}})).expect("a setting");

    neighbour.sandbox.change(|world| {
        world.customers.get_mut(DANISH).expect("the demo's world has it").delegated_scopes.clear();
    });
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!(code, Some(4), "{answer:#}");
    assert_eq!(grade(&answer, "nordic-dk", "customer id"), "fault");
}

/// Google's own `Date` tells how far apart the clocks are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_differs_is_seen() {
    let neighbour = Neighbour::start().await;
    for (offset, grade_of_it) in [(0, "ok"), (60_000, "warning"), (-400_000, "fault")] {
        neighbour.sandbox.set(&json!({ "clock_offset_ms": offset })).expect("a setting");
        let (_, answer) = check(&neighbour, &[]).await;
        assert_eq!(grade(&answer, "nordic-se", "clock"), grade_of_it, "{offset}: {answer:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_reached_decides_the_number() {
    let neighbour = Neighbour::start().await;
    let nobody = free_address();
    let (code, answer) = check(&neighbour, &[("GOOGLE__ENDPOINT", &format!("http://{nobody}"))]).await;
    assert_eq!(code, Some(5), "{answer:#}");
    assert_eq!(grade(&answer, "nordic-se", "scope admin.directory.user"), "unknown");
    let (code, answer) =
        check(&neighbour, &[("INTAKE__AMQP__URL", &format!("amqp://guest:guest@{nobody}/"))]).await;
    assert_eq!((code, &answer["broker"]["grade"]), (Some(6), &json!("fault")), "{answer:#}");
}

fn danish(neighbour: &Neighbour, change: impl FnOnce(&mut Customer)) {
    neighbour
        .sandbox
        .change(|world| change(world.customers.get_mut(DANISH).expect("the demo's world has it")));
}

/// The unit is not made yet: what holds for the top will hold for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_steps_that_bar_a_first_sign_in_need_a_person() {
    let neighbour = Neighbour::start().await;
    danish(&neighbour, |customer| {
        let top = customer.org_unit("/").expect("the top").0.clone();
        customer.policies.push(Policy {
            id: "enforced".into(),
            kind: PolicyKind::Admin,
            setting: "settings/security.two_step_verification_enforcement".into(),
            value: json!({"enforcedFrom": "2026-01-01T00:00:00Z"}),
            org_unit: top,
            group: None,
            sort_order: 1.0,
        });
    });
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!(code, Some(4), "{answer:#}");
    let barred = finding(&answer, "nordic-dk", "2-Step Verification");
    assert_eq!((&barred["grade"], &barred["code"]), (&json!("fault"), &json!("two_step_enforced")));
    assert_eq!(grade(&answer, "nordic-se", "2-Step Verification"), "ok");
    let attested = [
        ("RESELLERS__NORDIC_DK__TWO_STEP_POLICY__BY", "asa"),
        ("RESELLERS__NORDIC_DK__TWO_STEP_POLICY__ON", "2026-01-01"),
    ];
    let (code, answer) = check(&neighbour, &attested).await;
    assert_eq!((code, grade(&answer, "nordic-dk", "2-Step Verification")), (Some(0), "ok"), "{answer:#}");
}

const UNCONFIRMED: [(&str, &str); 3] = [
    ("automatic licensing", "auto_licensing_unconfirmed"),
    ("free subscription", "free_subscription_unconfirmed"),
    ("case mail route", "case_route_unconfirmed"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_confirmed_needs_a_person() {
    let neighbour = Neighbour::start().await;
    let unsaid = [
        ("RESELLERS__NORDIC_DK__AUTO_LICENSING_OFF__BY", ""),
        ("RESELLERS__NORDIC_DK__AUTO_LICENSING_OFF__ON", ""),
        ("RESELLERS__NORDIC_DK__FREE_SUBSCRIPTION__BY", ""),
        ("RESELLERS__NORDIC_DK__FREE_SUBSCRIPTION__ON", ""),
        ("RESELLERS__NORDIC_DK__CASE_ALERTS", "redirect"),
    ];
    let (code, answer) = check(&neighbour, &unsaid).await;
    assert_eq!(code, Some(4), "{answer:#}");
    for (name, expected) in UNCONFIRMED {
        let found = finding(&answer, "nordic-dk", name);
        assert_eq!((&found["grade"], &found["code"]), (&json!("fault"), &json!(expected)), "{found:#}");
        let said = found["said"].as_str().expect("a sentence");
        assert!(said.contains("a word given on the task may stand in the store"), "{said}");
        assert_eq!(grade(&answer, "nordic-se", name), "ok");
    }
    let switched = |value: &str| {
        let yesterday = Clock::System.now() - jiff::SignedDuration::from_hours(24);
        danish(&neighbour, |customer| {
            customer.activities = vec![Activity {
                at: yesterday.as_millisecond(),
                actor: None,
                event: "CHANGE_LICENSE_AUTO_ASSIGN",
                parameters: vec![
                    ("NEW_VALUE", value.to_owned()),
                    ("PRODUCT_NAME", "Google Workspace".to_owned()),
                    ("ORG_UNIT_NAME", "/Customer Care".to_owned()),
                ],
            }];
        });
    };
    switched("ON");
    let (code, answer) = check(&neighbour, &[]).await;
    let said = &finding(&answer, "nordic-dk", "automatic licensing")["said"];
    assert_eq!(code, Some(4), "{answer:#}");
    assert!(said.as_str().is_some_and(|said| said.contains("turned on at")), "{said}");
    switched("OFF");
    let (_, answer) = check(&neighbour, &unsaid).await;
    let said = &finding(&answer, "nordic-dk", "automatic licensing")["said"];
    assert!(said.as_str().is_some_and(|said| said.contains("before the unit was made")), "{said}");
}

/// A token proves nothing of an API that is switched off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apis_are_asked_and_not_only_their_tokens() {
    let neighbour = Neighbour::start().await;
    let audit = json!({"match": {"path_regex": "/activity/"}, "do": {"fail_before": true, "status": 403}});
    neighbour.sandbox.add_faults(&audit).expect("a rule that is understood");
    let (code, answer) = check(&neighbour, &[]).await;
    assert_eq!((code, grade(&answer, "nordic-dk", "audit log")), (Some(0), "warning"), "{answer:#}");
    let invitations = json!({"match": {"path_regex": ":isInvitableUser$"},
        "do": {"fail_before": true, "status": 403, "reason": "accessNotConfigured"}});
    neighbour.sandbox.add_faults(&invitations).expect("a rule that is understood");
    let (code, answer) = check(&neighbour, &[]).await;
    let found = finding(&answer, "nordic-dk", "scope cloud-identity.userinvitations.readonly");
    assert_eq!((code, &found["grade"]), (Some(4), &json!("fault")), "{found:#}");
}

/// Engineers have accounts of their own there, and no account is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_reseller_is_asked_for_what_is_used_there() {
    let neighbour = Neighbour::start().await;
    let (code, answer) = check(&neighbour, &[("RESELLERS__NORDIC_SE__HOME", "true")]).await;
    assert_eq!(code, Some(0), "{answer:#}");
    assert_eq!(finding(&answer, "nordic-se", "domains")["said"], "reseller-se.example");
    let resellers = answer["resellers"].as_array().expect("resellers");
    let home = resellers.iter().find(|seen| seen["reseller"] == "nordic-se").expect("it is configured");
    let made = ["organisational unit", "seats", "2-Step Verification", "automatic licensing", "audit log"];
    for check in home["checks"].as_array().expect("checks") {
        assert!(!made.contains(&check["check"].as_str().expect("a name")), "{check:#}");
    }
    let asked = |call: &carepass::sandbox::CallLine| {
        call.path.contains("isInvitableUser") && call.path.contains("reseller-se")
    };
    assert!(!neighbour.sandbox.calls().iter().any(asked));
}
