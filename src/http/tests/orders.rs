//! Operators' decisions over HTTP: who may decide what, and what is refused. Not here: what an order does to a row (`model/transition`).

use super::*;

#[tokio::test]
async fn who_is_held_is_released_by_an_approver_alone() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    let (_, shown) = server.get("/v1/engineers/E-1").await;
    assert_eq!(
        (&shown["waiting_on"], &shown["reason"]),
        (&json!("operator"), &json!("grants_held")),
        "{shown}"
    );
    let (_, tasks) = server.get("/v1/tasks").await;
    assert_eq!(tasks["items"][0]["engineers"], json!(["E-1"]), "{tasks}");
    let approve = json!({ "order": "approve", "reason": "checked with HR" });
    let path = "/v1/engineers/E-1/orders";
    let (status, refused) = server.order(path, Role::Operator, approve.clone()).await;
    assert_eq!((status, &refused["required_role"]), (StatusCode::FORBIDDEN, &json!("approver")), "{refused}");
    let (status, released) = server.order(path, Role::Approver, approve.clone()).await;
    assert_eq!((status, &released["waiting_on"]), (StatusCode::OK, &Value::Null), "{released}");
    let (status, again) = server.order(path, Role::Approver, approve).await;
    assert_eq!((status, &again["code"]), (StatusCode::CONFLICT, &json!("not_held")));
    let key: EngineerKey = "E-1".parse().unwrap();
    let entry = server.store.history(&key, crate::model::entry::Position(1), 9).await.unwrap().remove(0);
    assert_eq!(entry.actor, Actor::Operator { name: "approver".into(), reason: "checked with HR".into() });
}

#[tokio::test]
async fn orders_about_rows_are_carried_out_and_faulty_ones_refused() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    put_waiting(&server.store, "engineer/E-1").await;
    let domain = "/v1/enrollments/E-1/se/a.se/orders";
    let long = "x".repeat(501);
    for (body, place) in [
        (json!({ "order": "retry" }), ""),
        (json!({ "order": "retry", "reason": " " }), "/reason"),
        (json!({ "order": "retry", "reason": long }), "/reason"),
        (json!({ "order": "retry", "reason": "a\nb" }), "/reason"),
        (json!({ "order": "delete", "reason": "x" }), ""),
        (json!({ "order": "retry", "reason": "x", "force": true }), ""),
        (json!({ "order": "retry", "reason": "x", "account": "a@a.se" }), "/account"),
    ] {
        let (status, problem) = server.order(domain, Role::Operator, body.clone()).await;
        assert_eq!(
            (status, &problem["errors"][0]["place"]),
            (StatusCode::BAD_REQUEST, &json!(place)),
            "{body}: {problem}"
        );
    }
    let form = server.request(Method::POST, domain, Some(Role::Operator)).body("order=retry");
    assert_eq!(answer(form).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let order = |order: &str| json!({ "order": order, "reason": "seats were bought" });
    let (status, row) = server.order(domain, Role::Operator, order("retry")).await;
    assert_eq!((status, &row["state"]), (StatusCode::OK, &json!("scheduled")), "{row}");
    let (status, row) = server.order(domain, Role::Operator, order("skip")).await;
    assert_eq!((status, row["done"].as_array().map(Vec::len)), (StatusCode::OK, Some(3)), "{row}");
    let (status, row) = server.order("/v1/engineers/E-1/orders", Role::Operator, order("cancel")).await;
    assert_eq!(
        (status, &row["state"], &row["target"]["kind"]),
        (StatusCode::OK, &json!("cancelled"), &json!("engineer"))
    );
    let (status, problem) = server.order("/v1/resellers/se/orders", Role::Operator, order("retry")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let adopt = json!({ "order": "adopt", "reason": "I know her", "account": "asa@a.se" });
    let (status, problem) = server.order(domain, Role::Operator, adopt.clone()).await;
    assert_eq!((status, &problem["required_role"]), (StatusCode::FORBIDDEN, &json!("approver")), "{problem}");
    let (status, problem) = server.order(domain, Role::Approver, adopt.clone()).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found")),
        "no such account is configured"
    );
    for (path, place) in [("/v1/engineers/E-1/orders", "/order"), (domain, "/account")] {
        let mut faulty = adopt.clone();
        if path == domain {
            faulty["account"] = json!("asa");
        }
        let (status, problem) = server.order(path, Role::Approver, faulty).await;
        assert_eq!(
            (status, &problem["errors"][0]["place"]),
            (StatusCode::BAD_REQUEST, &json!(place)),
            "{problem}"
        );
    }
    let (status, _) = server.order(domain, Role::Approver, order("approve")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a row is not approved");
}
