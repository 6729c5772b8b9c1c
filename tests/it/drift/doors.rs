//! What others have changed, at the doors of a daemon that looks by the clock. Not here: what is found (`drift`).

use super::{NORWAY, give};
use crate::fixture::daemon::Daemon;
use crate::fixture::door::Door;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, until};
use serde_json::{Value, json};

const SWEDEN: &str = "C01nordicse";

/// The doors of a daemon that looks by the clock: API, tasks, metrics and the report of the command line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_with_the_role_is_seen_at_every_door() {
    let neighbour = Neighbour::start().await;
    let door = Door::of(&neighbour);
    let mut settings = door.settings();
    settings.push(("DRIFT__EVERY", "1s"));
    let environment = neighbour.environment(&settings);
    let mut daemon = Daemon::start(&neighbour, &environment);
    door.ready().await;
    door.join(0).await;
    door.settled(0..1, &mut daemon, &neighbour).await;
    let checked = || async {
        let all = door.get("/v1/resellers").await;
        all["items"].as_array().is_some_and(|all| all.iter().all(|one| one["drift"].is_object()))
    };
    until("a look at every account", checked).await;
    assert_eq!(door.get("/v1/drift").await["items"], json!([]));

    let stranger = "109999999999999999999";
    for customer in [NORWAY, SWEDEN] {
        neighbour.sandbox.change(|world| {
            give(world.customers.get_mut(customer).expect("a customer"), "Customer Care", stranger);
        });
    }
    until("two findings", || async { door.get("/v1/drift").await["items"][1].is_object() }).await;
    let found = door.get("/v1/drift?reseller=nordic-no").await;
    let one = &found["items"][0];
    let said = ["reseller", "kind", "severity", "action", "google_id"].map(|field| one[field].as_str());
    let expected = ["nordic-no", "unknown_holder", "high", "ask", stranger].map(Some);
    assert_eq!((said, found["items"].as_array().map(Vec::len)), (expected, Some(1)), "{found:#}");
    let first = door.get("/v1/drift?limit=1").await;
    let cursor = first["next_cursor"].as_str().expect("another part");
    let second = door.get(&format!("/v1/drift?limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0]["reseller"], &second["next_cursor"]), (&json!("nordic-no"), &Value::Null));
    assert_eq!(second["items"][0]["reseller"], "nordic-se", "{second:#}");
    let page = page(&neighbour, &door, "/resellers/nordic-no").await;
    for said in ["who is not one of its engineers", stranger, "more rights than planned"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let asks = |tasks: &Value| {
        let tasks = tasks["items"].as_array().expect("items").clone();
        // Which of the two accounts was looked at first, nobody knows.
        tasks.into_iter().find(|task| task["reason"] == "drift_found" && task["reseller"] == "nordic-no")
    };
    let task = asks(&door.get("/v1/tasks").await).expect("a task");
    assert_eq!((&task["reseller"], &task["closes_itself"]), (&json!("nordic-no"), &json!(true)), "{task:#}");
    until("the metric", || async { high(&door).await == Some(2.0) }).await;
    assert!(gauge(&door, "carepass_drift_look_age_seconds").await.is_some_and(|age| age < 3_600.0));

    neighbour.sandbox.change(|world| {
        for customer in world.customers.values_mut() {
            customer.assignments.retain(|_, held| held.assigned_to != stranger);
        }
    });
    until("nothing any more", || async { door.get("/v1/drift").await["items"] == json!([]) }).await;
    assert_eq!(asks(&door.get("/v1/tasks").await), None);
    let report = carepass()
        .args(["report", "drift", "--json", "--config"])
        .arg(neighbour.configuration_file())
        .envs(&environment)
        .output()
        .expect("the binary can be run");
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let lines = report["items"].as_array().expect("items");
    let line = lines.iter().find(|line| line["reseller"] == "nordic-no").expect("the finding");
    assert_eq!((&line["id"], &line["kind"]), (&one["id"], &json!("unknown_holder")), "{report:#}");
    assert!(line["since"].is_string() && line["gone"].is_string() && line["engineer"].is_null(), "{line:#}");
    assert!(daemon.stop().await.success());
}

/// A page of the dashboard, for whoever has signed in.
async fn page(neighbour: &Neighbour, door: &Door, path: &str) -> String {
    let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
    let policy = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().no_proxy().redirect(policy).build().expect("a client");
    let origin = format!("http://{}", door.address);
    let request = client.post(format!("{origin}/sign-in")).header("origin", &origin);
    let answer = request.form(&[("token", token.trim())]).send().await.expect("an answer");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie");
    let request = client.get(format!("{origin}{path}")).header("cookie", cookie);
    request.send().await.expect("an answer").text().await.expect("a text")
}

/// The gauge of what is grave.
async fn high(door: &Door) -> Option<f64> {
    gauge(door, "carepass_drift_findings{severity=\"high\"}").await
}

async fn gauge(door: &Door, series: &str) -> Option<f64> {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(format!("http://{}/metrics", door.address)).send().await.expect("an answer");
    let text = answer.text().await.expect("a text");
    let line = text.lines().find(|line| line.starts_with(&format!("{series} ")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}
