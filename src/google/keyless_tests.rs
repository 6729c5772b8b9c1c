//! Credentials without a key, against the small server: who is asked for what, with which token, and what refusals mean.

use super::*;
use crate::google::Google;
use crate::google::fixture_tests::{Fake, Reply};

const SIGN: &str = "POST /v1/projects/-/serviceAccounts/care@test.iam.gserviceaccount.com:signJwt";
const OWN: &str = "GET /computeMetadata/v1/instance/service-accounts/default/token";

async fn start(replies: Vec<Reply>) -> (Fake, Google) {
    let account = "care@test.iam.gserviceaccount.com".parse().unwrap();
    Fake::start_with(Credentials::keyless(account), replies).await
}

fn own(token: &str) -> Reply {
    let grant = json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"});
    Reply::json(200, &grant).with("metadata-flavor", "Google")
}

fn signed() -> Reply {
    Reply::json(200, &json!({"keyId": "k", "signedJwt": "header.claims.signature"}))
}

#[tokio::test]
async fn google_signs_and_the_machines_own_token_is_asked_for_once() {
    let (fake, google) = start(vec![own("own-1"), signed(), signed()]).await;
    google.probe(Scope::Users).await.unwrap();
    google.probe(Scope::Roles).await.unwrap();
    assert_eq!(fake.calls(), [OWN, SIGN, SIGN]);
    assert_eq!(fake.bearers(), ["", "Bearer own-1", "Bearer own-1"]);
    assert_eq!(fake.tokens(), 2);
}

#[tokio::test]
async fn a_refused_token_of_the_machine_is_replaced_once() {
    let refused = || Reply::error(401, "authError", "Invalid Credentials");
    let (fake, google) = start(vec![own("own-1"), refused(), own("own-2"), signed()]).await;
    google.probe(Scope::Users).await.unwrap();
    assert_eq!(fake.bearers(), ["", "Bearer own-1", "", "Bearer own-2"]);
    let (fake, google) = start(vec![own("own-1"), refused(), own("own-2"), refused()]).await;
    let failure = google.probe(Scope::Users).await.unwrap_err();
    assert_eq!((failure.code, fake.tokens()), (FailureCode::CredentialsUnusable, 0));
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_in_plain_words() {
    let denied = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).";
    let stranger = || Reply::json(200, &json!({"access_token": "theirs", "expires_in": 3599}));
    for (replies, code, words) in [
        (vec![stranger()], FailureCode::CredentialsUnusable, "is not Google's metadata server"),
        (
            vec![Reply::error(404, "", "").with("metadata-flavor", "Google")],
            FailureCode::CredentialsUnusable,
            "no token of the machine's account",
        ),
        (
            vec![own("own-1"), Reply::error(403, "PERMISSION_DENIED", denied)],
            FailureCode::CredentialsUnusable,
            "Google does not sign for the service account",
        ),
        (vec![own("own-1"), Reply::error(503, "UNAVAILABLE", "")], FailureCode::BackendError, "signJwt"),
    ] {
        let (fake, google) = start(replies).await;
        let failure = google.probe(Scope::Users).await.unwrap_err();
        assert_eq!(failure.code, code, "{}", failure.detail);
        assert!(failure.detail.contains(words), "{}", failure.detail);
        assert_eq!(fake.tokens(), 0);
    }
}

#[tokio::test]
async fn where_no_metadata_server_is_a_person_is_told_so() {
    let refused = Failure::transient(FailureCode::ConnectionLost);
    assert_eq!(nobody_there(refused.clone(), false).code, FailureCode::CredentialsUnusable);
    assert_eq!(nobody_there(refused.clone(), true), refused, "it was there before");
    let slow_down = Failure::new(FailureKind::Throttled, FailureCode::RateLimited);
    assert_eq!(nobody_there(slow_down.clone(), false), slow_down);
}
