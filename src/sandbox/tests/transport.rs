//! The way there and back: what a fault rule does to an answer.

use super::*;
use tokio::time::{Duration, Instant};

const PATH: &str = "/admin/directory/v1/customers/my_customer";

/// One answer under a rule.
async fn struck(action: Value) -> reqwest::Response {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google.control_set("faults", json!({"do": action})).await;
    client.send(Method::GET, PATH, None).await.unwrap()
}

#[tokio::test]
async fn a_failure_takes_the_form_that_a_rule_names() {
    let envelope = json!({"error": {"code": 503, "message": "down", "errors": [{"domain": "global", "reason": "backendError", "message": "down"}]}});
    let esf = |code: u16, status: &str| json!({"error": {"code": code, "message": "down", "status": status}});
    let page = "<html>502</html>";
    let cases = [
        (json!({"status": 503, "message": "down"}), 503, "application/json", envelope),
        (
            json!({"status": 503, "message": "down", "envelope": "esf"}),
            503,
            "application/json",
            esf(503, "UNAVAILABLE"),
        ),
        (
            json!({"status": 429, "message": "down", "envelope": "esf"}),
            429,
            "application/json",
            esf(429, "RESOURCE_EXHAUSTED"),
        ),
        (
            json!({"status": 400, "message": "down", "envelope": "esf", "reason": "FAILED_PRECONDITION"}),
            400,
            "application/json",
            esf(400, "FAILED_PRECONDITION"),
        ),
        (
            json!({"status": 403, "message": "Request rate higher than configured.", "envelope": "plain"}),
            403,
            "text/plain",
            json!("Request rate higher than configured."),
        ),
        (json!({"status": 502, "body": page}), 502, "text/html", json!(page)),
        (json!({"status": 404, "body": "<html>404</html>"}), 404, "text/html", json!("<html>404</html>")),
        (json!({"status": 500, "body": {"error": "odd"}}), 500, "application/json", json!({"error": "odd"})),
    ];
    for (action, status, kind, body) in cases {
        let response = struck(action.clone()).await;
        let told = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(told.starts_with(kind), "{action}: {told}");
        assert_eq!(seen(response).await, (status, body), "{action}");
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_told_or_not() {
    for (action, expected) in [
        (json!({"status": 429, "retry_after": 7}), Some("7")),
        (json!({"status": 429}), None),
        (json!({"status": 503, "retry_after": 2}), Some("2")),
        (json!({"status": 503}), None),
    ] {
        let response = struck(action.clone()).await;
        let told = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), expected, "{action}");
    }
}

#[tokio::test]
async fn a_good_answer_may_be_called_what_it_is_not_and_stays_good() {
    let response = struck(json!({"content_type": "text/html; charset=UTF-8"})).await;
    assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
    assert_eq!(seen(response).await.1["id"], SE);
}

#[tokio::test]
async fn a_body_may_come_in_pieces_or_break_off() {
    let began = Instant::now();
    let response = struck(json!({"drip_ms": 20})).await;
    assert_eq!(seen(response).await.1["id"], SE);
    assert!(began.elapsed() >= Duration::from_millis(100), "eight pieces, each after 20 ms");
    let response = struck(json!({"truncate": true})).await;
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap_err();
}

#[tokio::test]
async fn a_world_file_may_bring_its_own_rules() {
    let rules = "\n[[faults]]\nmatch = { method = \"GET\" }\ndo = { status = 503 }\n";
    let google =
        Google::with(|world| *world = World::from_toml(&format!("{}{rules}", files().world)).unwrap()).await;
    assert_eq!(google.client(SE).await.get(PATH).await.0, 503);
    let faults = World::from_toml(&format!("{}\n[[faults]]\ndo = {{ drip_ms = 600001 }}\n", files().world))
        .unwrap_err();
    assert!(faults[0].starts_with("faults: rule 0: do.delay_ms, do.drip_ms"), "{faults:?}");
}
