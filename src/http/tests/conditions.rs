//! Conditions on requests, the rate of a token, and lists in parts, as callers find them.

use super::*;

async fn etag(server: &Server, path: &str, known: Option<&str>) -> (StatusCode, String, String) {
    let mut request = server.request(Method::GET, path, Some(Role::Viewer));
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let response = request.send().await.unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["vary"], "accept-language");
    (response.status(), tag, response.text().await.unwrap())
}

#[tokio::test]
async fn what_the_caller_has_already_is_not_sent_again() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    for path in ["/v1/engineers/E-1", "/v1/engineers", "/v1/engineers/E-1/ledger", "/v1/dead-letters"] {
        let (status, tag, _) = etag(&server, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let (status, same, body) = etag(&server, path, Some(&format!("\"other\", {tag}"))).await;
        assert_eq!((status, same, body), (StatusCode::NOT_MODIFIED, tag, String::new()), "{path}");
    }
    let (_, before, _) = etag(&server, "/v1/engineers/E-1", None).await;
    assert!(before.starts_with("\"1-"), "{before}: the version stands in front");
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let (status, after, body) = etag(&server, "/v1/engineers/E-1", Some(&before)).await;
    assert_eq!(status, StatusCode::OK, "a row of the engineer is another now");
    assert!(before != after && body.contains("a.se"), "{after} {body}");
    let refused = server.request(Method::GET, "/v1/engineers/none", Some(Role::Viewer)).send().await.unwrap();
    assert!(!refused.headers().contains_key("etag"), "a problem is no record");
}

#[tokio::test]
async fn an_order_holds_for_the_version_that_was_seen() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let send = async |path: &str, seen: &str, order: &str| {
        let body = json!({ "order": order, "reason": "checked" });
        let request = server.request(Method::POST, path, Some(Role::Approver)).json(&body);
        answer(request.header("if-match", seen)).await
    };
    let (engineer, row) = ("/v1/engineers/E-1/orders", "/v1/enrollments/E-1/se/a.se/orders");
    let head = server.store.head().await.unwrap();
    for (path, seen, order) in
        [(engineer, "\"7\"", "approve"), (row, "\"7\"", "retry"), (row, "\"7-x\"", "cancel")]
    {
        let (status, problem) = send(path, seen, order).await;
        let expected = (StatusCode::PRECONDITION_FAILED, &json!("precondition_failed"));
        assert_eq!((status, &problem["code"]), expected, "{path} {order}");
    }
    for wrong in ["7", "\"1\", \"2\"", ""] {
        let (status, problem) = send(row, wrong, "retry").await;
        let expected = (StatusCode::BAD_REQUEST, &json!("If-Match"));
        assert_eq!((status, &problem["errors"][0]["place"]), expected, "{wrong}");
    }
    assert_eq!(server.store.head().await.unwrap(), head, "nothing was written");
    let (_, tag, _) = etag(&server, "/v1/engineers/E-1", None).await;
    let (status, approved) = send(engineer, &tag, "approve").await;
    assert_eq!((status, &approved["version"]), (StatusCode::OK, &json!(2)), "{approved}");
    let (status, problem) = send(engineer, "\"1\"", "approve").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_held")));
    let (status, moved) = send(row, "\"0\"", "retry").await;
    assert_eq!((status, &moved["version"]), (StatusCode::OK, &json!(1)), "{moved}");
    assert_eq!(send(row, "\"0\"", "skip").await.0, StatusCode::PRECONDITION_FAILED, "it has moved on");
    assert_eq!(send(row, "*", "skip").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_asks_too_fast_is_told_to_wait_and_nobody_else_is() {
    let server = Server::start().await;
    server.paces.exhaust("viewer");
    let refused = server.request(Method::GET, "/v1/tasks", Some(Role::Viewer)).send().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    assert_eq!(answer_code(refused).await, "too_many_requests");
    let (status, _) = answer(server.request(Method::GET, "/v1/tasks", Some(Role::Operator))).await;
    assert_eq!(status, StatusCode::OK);
    server.paces.exhaust("publisher");
    let (status, _) = answer(server.request(Method::POST, "/v1/events", Some(Role::Publisher))).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "events are not counted");
}

#[tokio::test]
async fn tasks_come_in_parts() {
    let server = Server::start().await;
    let held = |why| Release::Held { since: Timestamp::UNIX_EPOCH, why };
    for (key, why) in
        [("E-1", Hold::GrantLimit), ("E-2", Hold::ApprovalMissing), ("E-3", Hold::EmploymentEnded)]
    {
        put_engineer(&server.store, key, held(why)).await;
    }
    put_waiting(&server.store, "engineer/E-4").await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, whole) = server.get("/v1/tasks").await;
    assert_eq!((ids(&whole).len(), &whole["next_cursor"]), (4, &Value::Null), "{whole}");
    let (mut seen, mut path) = (Vec::new(), "/v1/tasks?limit=1".to_owned());
    loop {
        let (_, part) = server.get(&path).await;
        assert_eq!(ids(&part).len(), 1, "{part}");
        seen.extend(ids(&part));
        let Some(cursor) = part["next_cursor"].as_str() else { break };
        path = format!("/v1/tasks?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, ids(&whole));
    let (status, problem) = server.get("/v1/tasks?cursor=T-1").await;
    assert_eq!((status, &problem["errors"][0]["place"]), (StatusCode::BAD_REQUEST, &json!("cursor")));
}
