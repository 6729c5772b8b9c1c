//! Vault as it answers over HTTP: a stand-in that keeps to its documentation, on a real socket.

use super::*;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap as Headers;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const TOKEN: &str = "hvs.CAESIGenerated-for-this_test.0123456789";

/// What the stand-in does, and what it has seen.
#[derive(Default)]
struct Vault {
    status: Mutex<u16>,
    ttl: Mutex<Option<i64>>,
    body: Mutex<Option<&'static str>>,
    wrapped: Mutex<Vec<Value>>,
}

/// As `sys/wrapping/wrap` does: a token of the policy, a lifetime in a header, any JSON.
async fn wrap(State(vault): State<Arc<Vault>>, headers: Headers, body: String) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let errors = |status: u16, error: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        (status, axum::Json(json!({ "errors": [error] }))).into_response()
    };
    if text("x-vault-token") != "hvs.agent" || text("x-vault-namespace") != "support" {
        return errors(403, "permission denied");
    }
    let Ok(seconds) = text("x-vault-wrap-ttl").parse::<i64>() else {
        return errors(400, "endpoint requires response wrapping");
    };
    let status = *vault.status.lock().unwrap();
    if status != 0 {
        return errors(status, "Vault is sealed");
    }
    if let Some(body) = *vault.body.lock().unwrap() {
        return body.into_response();
    }
    vault.wrapped.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    let ttl = vault.ttl.lock().unwrap().unwrap_or(seconds);
    axum::Json(json!({ "request_id": "r", "lease_id": "", "data": null, "wrap_info": {
        "token": TOKEN, "accessor": "a", "ttl": ttl, "creation_time": "2026-11-22T10:00:00Z",
        "creation_path": "sys/wrapping/wrap" } }))
    .into_response()
}

async fn start(token: &str) -> (Arc<Vault>, VaultClient, tempfile::TempDir) {
    let vault = Arc::new(Vault::default());
    let router = Router::new().route("/v1/sys/wrapping/wrap", post(wrap)).with_state(Arc::clone(&vault));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, format!("{token}\n")).unwrap();
    let namespace = Some("support".to_owned());
    let settings = VaultSettings { address, token_file, namespace, wrap_ttl: SignedDuration::from_hours(24) };
    (vault, VaultClient::new(settings).unwrap(), folder)
}

fn passwords() -> Vec<FirstPassword> {
    vec![FirstPassword {
        domain: "a.se".parse().unwrap(),
        address: "asa@a.se".to_owned(),
        password: SecretString::from("canary-password"),
    }]
}

#[tokio::test]
async fn passwords_are_wrapped_and_a_token_comes_back() {
    let (vault, client, _folder) = start("hvs.agent").await;
    let wrapping = client.wrap(&passwords()).await.unwrap();
    assert_eq!(wrapping.token.expose_secret(), TOKEN);
    assert_eq!(wrapping.ttl, SignedDuration::from_hours(24));
    let expected = json!({ "a.se": { "address": "asa@a.se", "password": "canary-password" } });
    assert_eq!(*vault.wrapped.lock().unwrap(), [expected]);
    let shown = format!("{wrapping:?} {client:?} {:?}", passwords());
    assert!(!shown.contains(TOKEN) && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_token_is_read_anew_each_time() {
    let (_vault, client, folder) = start("hvs.expired").await;
    assert_eq!(client.wrap(&passwords()).await.unwrap_err(), VaultError::Refused("status 403".into()));
    std::fs::write(folder.path().join("token"), "hvs.agent").unwrap();
    assert!(client.wrap(&passwords()).await.is_ok());
    std::fs::write(folder.path().join("token"), " \n").unwrap();
    assert!(matches!(client.wrap(&passwords()).await, Err(VaultError::Refused(_))));
    std::fs::remove_file(folder.path().join("token")).unwrap();
    assert!(matches!(client.wrap(&passwords()).await, Err(VaultError::Unavailable(_))));
}

#[tokio::test]
async fn what_passes_is_told_apart_from_what_is_refused() {
    let (vault, client, _folder) = start("hvs.agent").await;
    for (status, passes) in
        [(503, true), (500, true), (429, true), (412, true), (400, false), (404, false), (307, false)]
    {
        *vault.status.lock().unwrap() = status;
        let error = client.wrap(&passwords()).await.unwrap_err();
        assert_eq!(matches!(error, VaultError::Unavailable(_)), passes, "{status}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_vaults_is_none() {
    let (vault, client, _folder) = start("hvs.agent").await;
    for (ttl, good) in [(1, true), (86_400, true), (0, false), (-1, false), (86_401, false)] {
        *vault.ttl.lock().unwrap() = Some(ttl);
        assert_eq!(client.wrap(&passwords()).await.is_ok(), good, "{ttl}");
    }
    for body in ["{}", "<html>", "{\"wrap_info\":null}"] {
        *vault.body.lock().unwrap() = Some(body);
        assert!(matches!(client.wrap(&passwords()).await, Err(VaultError::Refused(_))), "{body}");
    }
}

/// A Vault that takes the connection and says nothing costs its time and no more.
#[tokio::test(start_paused = true)]
async fn a_silent_vault_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "hvs.agent").unwrap();
    let settings =
        VaultSettings { address, token_file, namespace: None, wrap_ttl: SignedDuration::from_hours(1) };
    let error = VaultClient::new(settings).unwrap().wrap(&passwords()).await.unwrap_err();
    assert_eq!(error, VaultError::Unavailable("no answer in time".into()));
    drop(listener);
}
