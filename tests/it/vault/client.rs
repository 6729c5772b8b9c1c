//! The client of Vault by itself: what it sends, and which answers it takes for what. Not here: the whole daemon (`joiner`).

use crate::fixture::vault::{AGENT, Mood, NAMESPACE, Vault};
use carepass::handover::{FirstPassword, VaultClient, VaultError, VaultSettings};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

async fn start(token: &str) -> (Vault, VaultClient, tempfile::TempDir) {
    let vault = Vault::start(Mood::Well).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, format!("{token}\n")).unwrap();
    let settings = VaultSettings {
        address: vault.address.clone(),
        token_file,
        namespace: Some(NAMESPACE.to_owned()),
        wrap_ttl: SignedDuration::from_hours(24),
    };
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
    let (vault, client, _folder) = start(AGENT).await;
    let wrapping = client.wrap(&passwords()).await.unwrap();
    let [kept] = vault.kept().try_into().unwrap();
    assert_eq!(wrapping.token.expose_secret(), kept.token);
    assert_eq!(wrapping.ttl, SignedDuration::from_hours(24));
    let expected = json!({ "a.se": { "address": "asa@a.se", "password": "canary-password" } });
    assert_eq!((kept.content, kept.seconds), (expected.clone(), 86_400));
    let shown = format!("{wrapping:?} {client:?} {:?}", passwords());
    assert!(!shown.contains(&kept.token) && !shown.contains("canary"), "{shown}");
    assert_eq!(vault.unwrap(&kept.token).await, Some(expected));
    assert_eq!(vault.unwrap(&kept.token).await, None, "it is shown once");
}

#[tokio::test]
async fn a_token_is_read_anew_each_time() {
    let (_vault, client, folder) = start("hvs.expired").await;
    assert_eq!(client.wrap(&passwords()).await.unwrap_err(), VaultError::Refused("status 403".into()));
    std::fs::write(folder.path().join("token"), AGENT).unwrap();
    assert!(client.wrap(&passwords()).await.is_ok());
    std::fs::write(folder.path().join("token"), " \n").unwrap();
    assert!(matches!(client.wrap(&passwords()).await, Err(VaultError::Refused(_))));
    std::fs::remove_file(folder.path().join("token")).unwrap();
    assert!(matches!(client.wrap(&passwords()).await, Err(VaultError::Unavailable(_))));
}

#[tokio::test]
async fn what_passes_is_told_apart_from_what_is_refused() {
    let (vault, client, _folder) = start(AGENT).await;
    for (status, passes) in
        [(503, true), (500, true), (429, true), (412, true), (400, false), (404, false), (307, false)]
    {
        vault.set(Mood::Refuses(status));
        let error = client.wrap(&passwords()).await.unwrap_err();
        assert_eq!(matches!(error, VaultError::Unavailable(_)), passes, "{status}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_vaults_is_none() {
    let (vault, client, _folder) = start(AGENT).await;
    for (ttl, good) in [(1, true), (86_400, true), (0, false), (-1, false), (86_401, false)] {
        vault.set(Mood::Lasts(ttl));
        assert_eq!(client.wrap(&passwords()).await.is_ok(), good, "{ttl}");
    }
    for body in ["{}", "<html>", "{\"wrap_info\":null}"] {
        vault.set(Mood::Says(body));
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
    std::fs::write(&token_file, AGENT).unwrap();
    let settings =
        VaultSettings { address, token_file, namespace: None, wrap_ttl: SignedDuration::from_hours(1) };
    let error = VaultClient::new(settings).unwrap().wrap(&passwords()).await.unwrap_err();
    assert_eq!(error, VaultError::Unavailable("no answer in time".into()));
    drop(listener);
}
