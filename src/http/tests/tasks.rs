//! `POST /v1/tasks/{id}/done` as callers find it. Not here: words about a reseller account, which the step harness gives.

use super::*;

/// What carepass can see itself it looks at at once; the rest has its own tests, since only reseller accounts ask for somebody's word.
#[tokio::test]
async fn a_task_that_is_done_is_looked_at() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    put_waiting(&server.store, "engineer/E-1").await;
    let (_, tasks) = server.get("/v1/tasks").await;
    let task = &tasks["items"][0];
    assert_eq!((&task["confirmable"], &task["values"]), (&json!(false), &json!([])), "{task}");
    let path = format!("/v1/tasks/{}/done", task["id"].as_str().unwrap());
    for (path, body, expected) in [
        (path.as_str(), json!({}), StatusCode::BAD_REQUEST),
        (&path, json!({ "reason": " " }), StatusCode::BAD_REQUEST),
        (&path, json!({ "reason": "bought", "address_map": true }), StatusCode::BAD_REQUEST),
        ("/v1/tasks/T-0000000000/done", json!({ "reason": "bought" }), StatusCode::NOT_FOUND),
        ("/v1/tasks/grants-held/done", json!({ "reason": "bought" }), StatusCode::NOT_FOUND),
        (&path, json!({ "reason": "bought" }), StatusCode::OK),
        (&path, json!({ "reason": "bought" }), StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = server.order(path, Role::Operator, body.clone()).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
        if status == StatusCode::OK {
            assert_eq!(answer["items"][0]["state"], "scheduled", "{answer}");
        }
    }
    let key: EngineerKey = "E-1".parse().unwrap();
    let entries = server.store.history(&key, crate::model::entry::Position(2), 9).await.unwrap();
    let done = Actor::Operator { name: "operator".into(), reason: "bought".into() };
    assert_eq!(entries.iter().map(|entry| &entry.actor).collect::<Vec<_>>(), [&done]);
}
