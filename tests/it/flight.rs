//! `carepass check --online` with the built binary: what it says of a world, the number it ends with, and that it leaves everything as it was.
//! Not here: the grades of single numbers (`app/flight`).

use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events};
use carepass::app::App;
use carepass::sandbox::World;
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
    let carepass::config::Backend::Embedded { path } = store;
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
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("127.0.0.1:{}", listener.local_addr().expect("a bound port").port())
    };
    let (code, answer) = check(&neighbour, &[("GOOGLE__ENDPOINT", &format!("http://{nobody}"))]).await;
    assert_eq!(code, Some(5), "{answer:#}");
    assert_eq!(grade(&answer, "nordic-se", "scope admin.directory.user"), "unknown");
    let (code, answer) =
        check(&neighbour, &[("INTAKE__AMQP__URL", &format!("amqp://guest:guest@{nobody}/"))]).await;
    assert_eq!((code, &answer["broker"]["grade"]), (Some(6), &json!("fault")), "{answer:#}");
}
