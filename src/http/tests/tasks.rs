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
        ("/v1/tasks/grants-held/done", json!({ "reason": "bought" }), StatusCode::FORBIDDEN),
        (&path, json!({ "reason": "bought" }), StatusCode::OK),
        (&path, json!({ "reason": "bought" }), StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = server.order(path, Role::Operator, body.clone()).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
        match status {
            StatusCode::OK => assert_eq!(answer["items"][0]["state"], "scheduled", "{answer}"),
            // The second press: the row looks, and the path is as good as it was.
            StatusCode::NOT_FOUND => assert_eq!(answer["code"], "task_not_open", "{answer}"),
            _ => (),
        }
    }
    let key: EngineerKey = "E-1".parse().unwrap();
    let entries = server.store.history(&key, crate::model::entry::Position(2), 9).await.unwrap();
    let done = Actor::Operator { name: "operator".into(), reason: "bought".into() };
    assert_eq!(entries.iter().map(|entry| &entry.actor).collect::<Vec<_>>(), [&done]);
}

/// Who came after the look stays held.
#[tokio::test]
async fn all_who_were_on_the_card_of_the_limit_are_let_in_by_one_approver() {
    let server = Server::start().await;
    let why = Hold::GrantLimit;
    let held = |since: &str| Release::Held { since: since.parse().unwrap(), why };
    put_engineer(&server.store, "E-1", held("2026-11-22T08:00:00Z")).await;
    put_engineer(&server.store, "E-2", held("2026-11-22T09:00:00Z")).await;
    let approval = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::ApprovalMissing };
    put_engineer(&server.store, "E-4", approval).await;
    let (_, tasks) = server.get("/v1/tasks").await;
    let card = tasks["items"].as_array().unwrap().iter().find(|task| task["id"] == "grants-held").unwrap();
    assert_eq!((&card["engineers"], &card["confirmable"]), (&json!(["E-1", "E-2"]), &json!(true)), "{card}");
    assert_eq!(card["shown_at"], "2026-11-22T10:00:00Z");
    put_engineer(&server.store, "E-3", held("2026-11-22T10:00:00.001Z")).await;

    let path = "/v1/tasks/grants-held/done";
    let body = |before: &str| json!({ "reason": "HR has confirmed it", "held_before": before });
    for (path, body, expected) in [
        (path, body("2026-11-22T07:00:00Z"), StatusCode::NOT_FOUND),
        (path, body("yesterday"), StatusCode::BAD_REQUEST),
        (path, json!({ "reason": "x", "address_map": true }), StatusCode::BAD_REQUEST),
        ("/v1/tasks/approval-missing/done", body("2026-11-22T10:00:00Z"), StatusCode::BAD_REQUEST),
        ("/v1/tasks/T-0000000000/done", body("2026-11-22T10:00:00Z"), StatusCode::BAD_REQUEST),
    ] {
        let (status, answer) = server.order(path, Role::Approver, body.clone()).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
    }
    let shown = body(card["shown_at"].as_str().unwrap());
    let (status, refused) = server.order(path, Role::Operator, shown.clone()).await;
    assert_eq!((status, &refused["required_role"]), (StatusCode::FORBIDDEN, &json!("approver")), "{refused}");
    let (status, released) = server.order(path, Role::Approver, shown).await;
    let keys: Vec<&Value> = released["items"].as_array().unwrap().iter().map(|item| &item["key"]).collect();
    assert_eq!((status, keys), (StatusCode::OK, vec![&json!("E-1"), &json!("E-2")]), "{released}");
    let (_, tasks) = server.get("/v1/tasks").await;
    assert_eq!(tasks["items"][0]["engineers"], json!(["E-3"]), "{tasks}");
    let key: EngineerKey = "E-1".parse().unwrap();
    let entry = server.store.history(&key, crate::model::entry::Position(1), 9).await.unwrap().remove(0);
    let reason = "HR has confirmed it".to_owned();
    assert_eq!(entry.actor, Actor::Operator { name: "approver".into(), reason });
}
