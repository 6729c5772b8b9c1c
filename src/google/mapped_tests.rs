//! An answer that nobody knows, over HTTP from the sandbox: first it waits for a person with the lines to name it, then it does as named.

use super::*;
use crate::google::Google;
use crate::google::fixture_tests::{demo, google_at_with};
use crate::model::failure::{Failure, UnmappedAnswer};
use crate::sandbox::{Sandbox, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// A sandbox whose accounts answer oddly, and clients of it.
async fn sandbox(rule: Value) -> (Sandbox, String, CancellationToken) {
    let sandbox = Sandbox::new(World::from_toml(&demo().world).unwrap());
    sandbox.add_faults(&json!({"match": {"path_regex": "/users/[^/]+$"}, "do": rule})).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
    (sandbox, base, stop)
}

fn client(base: &str, answers: Vec<MappedAnswer>) -> Google {
    let reseller = &demo().resellers[0];
    google_at_with(base, reseller.credentials.as_bytes(), reseller.customer_id, &reseller.admin, answers)
}

fn teapot(then: MappedThen) -> MappedAnswer {
    let (call, reason) = (Call::GetUser, Some("Teapot".to_owned()));
    MappedAnswer { call, status: 418, reason, message: Some("SHORT and".to_owned()), then }
}

async fn ask(google: &Google) -> Result<bool, Failure> {
    google.account_by_id(&"103".parse().unwrap()).await.map(|account| account.is_some())
}

#[tokio::test]
async fn an_unknown_answer_waits_with_its_lines_and_then_does_as_named() {
    let odd = json!({"status": 418, "reason": "teapot", "message": "asa@x.se is short and stout"});
    let (_, base, stop) = sandbox(odd).await;
    let failure = ask(&client(&base, Vec::new())).await.unwrap_err();
    assert_eq!((failure.kind, failure.code), (FailureKind::Permanent, FailureCode::UnknownAnswer));
    assert!(failure.detail.ends_with("418 teapot (address) is short and stout"), "{}", failure.detail);
    let named = UnmappedAnswer { call: "users.get".into(), status: 418, reason: "teapot".into() };
    assert_eq!(failure.answer.as_deref(), Some(&named));
    for (then, kind, code) in [
        (MappedThen::Retry, FailureKind::Transient, FailureCode::UnknownAnswer),
        (MappedThen::SlowDown, FailureKind::Throttled, FailureCode::RateLimited),
        (MappedThen::NotYet, FailureKind::NotYet, FailureCode::UnknownAnswer),
        (MappedThen::Operator, FailureKind::Needs(Who::Operator), FailureCode::UnknownAnswer),
    ] {
        let failure = ask(&client(&base, vec![teapot(then)])).await.unwrap_err();
        assert_eq!((failure.kind, failure.code, failure.answer), (kind, code, None), "{then:?}");
    }
    let other = |change: &dyn Fn(&mut MappedAnswer)| {
        let mut answer = teapot(MappedThen::Retry);
        change(&mut answer);
        answer
    };
    let misses = vec![
        other(&|answer| answer.call = Call::InsertUser),
        other(&|answer| answer.status = 419),
        other(&|answer| answer.reason = Some("pot".to_owned())),
        other(&|answer| answer.message = Some("tall".to_owned())),
    ];
    let failure = ask(&client(&base, misses)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Permanent);
    stop.cancel();
}

#[tokio::test]
async fn what_the_table_knows_is_not_the_operators_to_say() {
    for (status, reason, expected) in [
        (403, "forbidden", Err((FailureKind::Needs(Who::Operator), FailureCode::NotAuthorized))),
        (404, "notFound", Ok(false)),
        (503, "backendError", Err((FailureKind::Transient, FailureCode::BackendError))),
    ] {
        let (_, base, stop) = sandbox(json!({"status": status, "reason": reason})).await;
        let (reason, message) = (None, None);
        let answer =
            MappedAnswer { call: Call::GetUser, status, reason, message, then: MappedThen::SlowDown };
        let found = ask(&client(&base, vec![answer])).await;
        assert_eq!(found.map_err(|failure| (failure.kind, failure.code)), expected);
        stop.cancel();
    }
}

#[tokio::test]
async fn a_page_is_kept_by_its_kind_and_status_only() {
    let (_, base, stop) = sandbox(json!({"status": 409, "body": "<html>Åsa Öberg, secret"})).await;
    let failure = ask(&client(&base, Vec::new())).await.unwrap_err();
    assert_eq!(failure.detail, "GET /admin/directory/v1/users/{user}: 409 (no error envelope)");
    assert_eq!(failure.answer.map(|answer| answer.reason), Some(String::new()));
    stop.cancel();
}

#[test]
fn every_call_has_a_name_of_its_own_and_those_about_getting_in_are_not_to_be_mapped() {
    let names: BTreeSet<&str> = Call::ALL.iter().map(|call| call.name()).collect();
    assert_eq!(names.len(), Call::ALL.len());
    for call in Call::ALL {
        let expected = call.spec().scope.is_some().then_some(*call);
        assert_eq!(Call::named(call.name()), expected, "{}", call.name());
    }
    assert_eq!(Call::named("users.makeAdmin"), None);
}
