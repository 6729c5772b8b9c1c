//! The client against one odd answer at a time, and then against the sandbox from end to end.

use super::fixture_tests::{Fake, Reply, google_at};
use super::*;
use crate::model::failure::Who;
use crate::model::id::{AccountId, Address};
use crate::model::username::TakenBy;
use crate::sandbox::{Sandbox, World};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn id() -> AccountId {
    "103".parse().unwrap()
}

fn address(local_part: &str) -> Address {
    Address { local_part: local_part.parse().unwrap(), domain: "reseller-se.example".parse().unwrap() }
}

fn new_account(local_part: &str) -> NewAccount {
    NewAccount {
        address: address(local_part),
        engineer: "E-1".parse().unwrap(),
        given_name: "Åsa".to_owned(),
        family_name: "Öberg".to_owned(),
        password: "correct horse battery".to_owned().into(),
        org_unit: "/Customer Care".parse().unwrap(),
        org_unit_made_at: None,
        recovery_address: None,
    }
}

fn user() -> Value {
    json!({"id": "103", "primaryEmail": "asa.oberg@reseller-se.example"})
}

fn code(failure: &Failure) -> (FailureKind, FailureCode) {
    (failure.kind, failure.code)
}

const OPERATOR: FailureKind = FailureKind::Needs(Who::Operator);

#[tokio::test]
async fn a_read_that_was_refused_with_an_old_token_is_repeated_once() {
    let unauthorized = || Reply::error(401, "authError", "Invalid Credentials");
    let (fake, google) = Fake::start(vec![unauthorized(), Reply::json(200, &user())]).await;
    assert!(google.account_by_id(&id()).await.unwrap().is_some());
    assert_eq!(fake.bearers(), ["Bearer token-1", "Bearer token-2"]);
    fake.then(vec![unauthorized(), unauthorized()]);
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!(code(&failure), (OPERATOR, FailureCode::CredentialsRefused));
    assert_eq!(fake.calls().len(), 4);
}

#[tokio::test]
async fn a_write_is_never_repeated() {
    let (fake, google) = Fake::start(vec![Reply::error(401, "required", "Login Required")]).await;
    let failure = google.give(&id(), &"7".parse().unwrap()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::CredentialsRefused));
    assert_eq!(fake.calls().len(), 1);
    fake.then(vec![Reply::error(500, "", "Role assignment exists: roleId")]);
    assert_eq!(google.give(&id(), &"7".parse().unwrap()).await, Ok(Given::Found));
    assert_eq!(fake.bearers(), ["Bearer token-1", "Bearer token-2"], "the next write has another token");
    for status in [500, 502, 503, 504] {
        fake.then(vec![Reply::html(status, "<html>")]);
        let failure = google.create_account(&new_account("asa.oberg")).await.unwrap_err();
        assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::BackendError));
    }
    assert_eq!(fake.calls().len(), 6);
}

#[tokio::test]
async fn one_token_serves_all_and_each_scope_has_its_own() {
    let (fake, google) = Fake::start((0..20).map(|_| Reply::json(200, &user())).collect()).await;
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let google = google.clone();
            tokio::spawn(async move { google.account_by_id(&id()).await })
        })
        .collect();
    for read in reads {
        assert!(read.await.unwrap().unwrap().is_some());
    }
    assert_eq!(fake.tokens(), 1);
    let message = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any \
                   of the scopes requested.";
    let body = json!({"error": "unauthorized_client", "error_description": message});
    fake.refuse_token(Reply::json(401, &body));
    let failure = google.assign_free(&address("asa")).await.unwrap_err();
    assert_eq!(code(&failure), (OPERATOR, FailureCode::DelegationMissing));
    assert!(failure.detail.contains("https://www.googleapis.com/auth/apps.licensing"), "{}", failure.detail);
    fake.then(vec![Reply::json(200, &user())]);
    assert!(google.account_by_id(&id()).await.is_ok(), "other scopes go on");
}

#[tokio::test]
async fn a_token_is_renewed_at_four_fifths_of_its_life() {
    let (fake, google) = Fake::start((0..3).map(|_| Reply::json(200, &user())).collect()).await;
    for (pass, tokens) in [(0, 1), (2_870, 1), (20, 2)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(pass)).await;
        tokio::time::resume();
        google.account_by_id(&id()).await.unwrap();
        assert_eq!(fake.tokens(), tokens);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Reply::html(302, "").with("location", "/admin/directory/v1/users/1");
    let (fake, google) = Fake::start(vec![elsewhere, Reply::json(200, &user())]).await;
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Permanent, FailureCode::UnknownAnswer));
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let big = |bytes: usize| Reply::json(200, &json!({"users": [], "padding": "x".repeat(bytes)}));
    let (_, google) = Fake::start(vec![big(2 << 20), big(2 << 20), big(9 << 20)]).await;
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::UnknownAnswer));
    assert_eq!(google.accounts(false).await, Ok(vec![]), "lists may be longer");
    assert_eq!(google.accounts(false).await.unwrap_err().code, FailureCode::UnknownAnswer);
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    let (_, google) = Fake::start(vec![
        Reply::error(404, "notFound", "Resource Not Found: userKey"),
        Reply::html(404, "<html>Not Found"),
        Reply::html(200, &user().to_string()),
        Reply::json(200, &json!([user()])),
        Reply::json(200, &json!({"id": "104", "primaryEmail": "b@x.se"})),
    ])
    .await;
    assert_eq!(google.account_by_id(&id()).await, Ok(None));
    for kind in
        [FailureKind::Transient, FailureKind::Transient, FailureKind::Transient, FailureKind::Permanent]
    {
        let failure = google.account_by_id(&id()).await.unwrap_err();
        assert_eq!(code(&failure), (kind, FailureCode::UnknownAnswer));
    }
}

#[tokio::test]
async fn a_lost_connection_is_unclear() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let file = fixture_tests::key_file("https://oauth2.googleapis.com/token");
    let google = google_at(&base, file.as_bytes(), "C01abc123", "robot@reseller-se.example");
    let hangs_up = tokio::spawn(async move { drop(listener.accept().await) });
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::ConnectionLost));
    hangs_up.await.unwrap();
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::ConnectionLost));
    assert!(!failure.detail.contains("127.0.0.1"), "{}", failure.detail);
}

#[tokio::test]
async fn googles_wish_stops_the_whole_quota_and_no_other() {
    let slower = Reply::error(429, "rateLimitExceeded", "").with("retry-after", "30");
    let held = json!({"userId": "asa@reseller-se.example", "productId": "101001", "skuId": "1010010001"});
    let (fake, google) = Fake::start(vec![slower, Reply::json(200, &held)]).await;
    let failure = google.account_by_id(&id()).await.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after_ms), (FailureKind::Throttled, Some(30_000)));
    let failure = google.roles().await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Throttled, FailureCode::RateLimited));
    assert_eq!(fake.calls().len(), 1, "nothing was sent");
    assert_eq!(google.assign_free(&address("asa")).await, Ok(FreeLicense::Made));
}

#[tokio::test]
async fn lists_go_on_through_empty_pages_and_are_whole_or_nothing() {
    let role = json!({"roleId": "7", "roleName": "r"});
    let empty = || Reply::json(200, &json!({"nextPageToken": "a&b"}));
    let last = || Reply::json(200, &json!({"items": [role], "nextPageToken": ""}));
    let (fake, google) = Fake::start(vec![empty(), empty(), last()]).await;
    assert_eq!(google.roles().await.unwrap().len(), 1);
    assert!(fake.calls()[2].ends_with("/roles?maxResults=100&pageToken=a%26b"), "{:?}", fake.calls());
    fake.then(vec![empty(), Reply::error(500, "backendError", "")]);
    assert_eq!(google.roles().await.unwrap_err().code, FailureCode::BackendError);
    fake.then((0..250).map(|_| empty()).collect());
    assert_eq!(google.roles().await.unwrap_err().code, FailureCode::UnknownAnswer);
    assert_eq!(fake.calls().len(), 5 + 200);
}

#[tokio::test]
async fn making_an_account_has_three_ends() {
    let (_, google) = Fake::start(vec![
        Reply::json(202, &json!({})),
        Reply::error(409, "duplicate", "Entity already exists."),
        Reply::json(200, &user()),
        Reply::error(400, "invalid", "Invalid Input: Öberg of asa.oberg, password correct horse battery"),
    ])
    .await;
    let account = new_account("asa.oberg");
    assert_eq!(google.create_account(&account).await, Ok(Creation::Invited));
    assert_eq!(google.create_account(&account).await, Ok(Creation::Taken));
    assert!(matches!(google.create_account(&account).await, Ok(Creation::Made(made)) if made.id == id()));
    let failure = google.create_account(&account).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Permanent, FailureCode::RequestRefused));
    assert!(failure.detail.ends_with("(private) of (private), password (private)"), "{}", failure.detail);
}

#[tokio::test]
async fn a_refused_unit_is_looked_for_and_adopted() {
    let unit = json!({"orgUnitId": "id:03ph", "orgUnitPath": "/Customer Care"});
    let path = "/Customer Care".parse().unwrap();
    for refusal in
        [(401, "required", "Login Required"), (400, "invalid", "Invalid Ou Id"), (503, "backendError", "")]
    {
        let refused = || Reply::error(refusal.0, refusal.1, refusal.2);
        let missing = Reply::error(404, "notFound", "Org unit not found");
        let (_, google) = Fake::start(vec![refused(), Reply::json(200, &unit), refused(), missing]).await;
        assert!(matches!(google.create_org_unit(&path).await, Ok(OrgUnitCreation::Found(_))), "{refusal:?}");
        let failure = google.create_org_unit(&path).await.unwrap_err();
        assert!([FailureKind::Transient, FailureKind::NotYet].contains(&failure.kind), "{failure:?}");
    }
}

#[tokio::test]
async fn age_turns_a_refusal_into_patience() {
    let forbidden = || Reply::error(403, "forbidden", "Not Authorized to access this resource/api");
    let (_, google) = Fake::start(vec![forbidden(), forbidden()]).await;
    let young = google.made_at(Some(google.now()));
    assert_eq!(young.account_by_id(&id()).await.unwrap_err().kind, FailureKind::NotYet);
    assert_eq!(google.account_by_id(&id()).await.unwrap_err().kind, OPERATOR);
}

#[tokio::test]
async fn a_write_that_would_be_too_late_is_not_sent() {
    let (fake, google) = Fake::start(vec![Reply::json(200, &user())]).await;
    let late = google.writing_until(google.now() - SignedDuration::from_millis(1));
    let failure = late.give(&id(), &"7".parse().unwrap()).await.unwrap_err();
    assert_eq!(code(&failure), (FailureKind::Transient, FailureCode::Timeout));
    assert_eq!(fake.calls(), [""; 0]);
    assert!(late.account_by_id(&id()).await.is_ok(), "reads are never too late");
}

#[tokio::test]
async fn paid_licences_are_looked_for_in_every_product_that_the_customer_has() {
    let customer = "C01nordicse";
    let (sandbox, google, stop) = in_the_sandbox().await;
    let given = [("101005", "1010050001"), ("101006", "1010060001"), ("101001", "1010010001")];
    sandbox.change(|world| {
        let customer = world.customers.get_mut(customer).unwrap();
        customer.settings.quotas = crate::sandbox::Quotas::default();
        let user = customer.users.keys().next().unwrap().clone();
        let licenses = given.map(|(product, sku)| (product.to_owned(), sku.to_owned(), user.clone()));
        customer.licenses.extend(licenses);
    });
    let skus = async || {
        let paid = google.paid_licenses().await.unwrap();
        paid.into_iter().map(|license| license.sku).collect::<std::collections::BTreeSet<_>>()
    };
    let all = skus().await;
    assert!(
        all.contains("1010050001") && all.contains("1010060001") && !all.contains("1010010001"),
        "{all:?}"
    );
    let refuse = |path: &str| {
        let refusal = json!({"status": 400, "reason": "invalid", "message": "SKU or product does not exist"});
        sandbox.add_faults(&json!({"match": {"path_regex": path}, "do": refusal})).unwrap();
    };
    refuse("/product/10100[56]/users$");
    assert!(!skus().await.contains("1010050001"), "nobody holds what the customer does not have");
    let asked = || sandbox.calls().iter().filter(|call| call.path.ends_with("/product/101005/users")).count();
    let before = asked();
    skus().await;
    assert_eq!(asked(), before, "what is not there is not asked for again at once");
    refuse("/product/Google-Apps/users$");
    let failure = google.paid_licenses().await.unwrap_err();
    assert_eq!(failure.code, FailureCode::UnknownAnswer, "every reseller has this one: that was no answer");
    stop.cancel();
}

#[tokio::test]
async fn an_address_book_is_as_old_as_its_oldest_part() {
    let (_, google, stop) = in_the_sandbox().await;
    let census = Census::new(google.clone());
    let start = google.now();
    let accounts = census.accounts(start).await.unwrap();
    let book = census.addresses(start).await.unwrap();
    assert_eq!(book.began, accounts.began);
    assert!(book.began <= book.ended);
    stop.cancel();
}

#[tokio::test]
async fn a_snapshot_serves_until_a_newer_one_is_wanted_and_failures_are_not_kept() {
    let page = |id: &str| Reply::json(200, &json!({"items": [{"roleId": id, "roleName": "r"}]}));
    let refusal = Reply::error(403, "forbidden", "Not Authorized to access this resource/api");
    let (fake, google) = Fake::start(vec![refusal, page("1"), page("2")]).await;
    let census = Census::new(google.clone());
    let start = google.now();
    assert!(census.roles(start).await.is_err());
    let first = census.roles(start).await.unwrap();
    assert!(first.began >= start);
    assert_eq!(census.roles(start).await.unwrap(), first);
    assert_eq!(fake.calls().len(), 2);
    let newer = census.roles(google.now()).await.unwrap();
    assert!(newer.began > first.began && newer.items != first.items);
}

/// A list of roles as Google's answers let it come about for a census: how many there are, or why none, after how many calls and at
/// least how many seconds.
async fn check_list(replies: Vec<Reply>, expected: Result<usize, FailureCode>, calls: usize, seconds: u64) {
    let (fake, google) = Fake::start(replies).await;
    let begun = tokio::time::Instant::now();
    let listed = Census::new(google.clone()).roles(google.now()).await;
    let listed = listed.map(|roles| roles.items.len()).map_err(|failure| failure.code);
    assert_eq!((listed, fake.calls().len()), (expected, calls), "{:?}", fake.calls());
    assert!(begun.elapsed() >= Duration::from_secs(seconds), "{:?}", fake.calls());
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_went_wrong_does_not_throw_a_list_away() {
    let trouble = || Reply::error(503, "backendError", "");
    let slower = |seconds| Reply::error(429, "rateLimitExceeded", "").with("retry-after", seconds);
    let role = json!({"roleId": "7", "roleName": "r"});
    let first = || Reply::json(200, &json!({"items": [role], "nextPageToken": "a"}));
    let last = || Reply::json(200, &json!({"items": [role]}));
    let patient = vec![first(), trouble(), trouble(), trouble(), trouble(), last()];
    check_list(patient, Ok(2), 6, 3).await;
    let (late, page) = (slower("30"), Reply::html(200, "<html>"));
    check_list(vec![late, first(), page, last()], Ok(2), 4, 30).await;
    let lasting = (0..9).map(|_| trouble()).collect();
    check_list(lasting, Err(FailureCode::BackendError), 5, 3).await;
    check_list(vec![slower("120"), last()], Err(FailureCode::RateLimited), 1, 0).await;
    let refusal = Reply::error(403, "forbidden", "Not Authorized to access this resource/api");
    check_list(vec![first(), refusal, last()], Err(FailureCode::NotAuthorized), 2, 0).await;
}

/// A client of the sandbox's first reseller account, which runs on a socket.
async fn in_the_sandbox() -> (Sandbox, Google, CancellationToken) {
    let demo = fixture_tests::demo();
    let sandbox = Sandbox::new(World::from_toml(&demo.world).unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
    let reseller = &demo.resellers[0];
    let google = google_at(&base, reseller.credentials.as_bytes(), reseller.customer_id, &reseller.admin);
    (sandbox, google, stop)
}

#[tokio::test]
async fn the_whole_way_through_the_sandbox() {
    let (sandbox, google, stop) = in_the_sandbox().await;
    sandbox.change(|world| {
        for customer in world.customers.values_mut() {
            customer.settings = crate::sandbox::Settings::default();
        }
    });
    for scope in Scope::ALL {
        google.probe(scope).await.unwrap_or_else(|failure| panic!("{scope:?}: {failure:?}"));
    }
    assert_eq!(google.customer().await.unwrap().id, google.shared.customer);
    assert!(google.domains().await.unwrap().contains(&"reseller-se.example".parse().unwrap()));
    let account = new_account("asa.oberg");
    let org_unit = "/Brand New Ö".parse().unwrap();
    assert_eq!(google.org_unit(&org_unit).await, Ok(None));
    let Ok(OrgUnitCreation::Made(unit)) = google.create_org_unit(&org_unit).await else { panic!("made") };
    assert_eq!(google.create_org_unit(&org_unit).await, Ok(OrgUnitCreation::Found(unit)));
    assert_eq!(google.is_invitable(&account.address).await, Ok(false));
    let account = NewAccount { org_unit, ..account };
    let Ok(Creation::Made(made)) = google.create_account(&account).await else { panic!("made") };
    assert_eq!(google.create_account(&account).await, Ok(Creation::Taken));
    // The answer of an insert does not say so, the later reads do.
    let read = Account { archived: Some(false), ..Account::clone(&made) };
    assert_eq!(google.account_by_address(&account.address).await, Ok(Some(read)));
    let found = google.account_by_id(&made.id).await.unwrap().unwrap();
    let expected = guard::Expected {
        address: &account.address,
        engineer: &account.engineer,
        customer: &google.shared.customer,
    };
    assert_eq!(guard::ours(&found, &expected, false), Ok(()));
    assert_eq!(google.assign_free(&account.address).await, Ok(FreeLicense::Made));
    assert_eq!(google.assign_free(&account.address).await, Ok(FreeLicense::Found));
    let offered = google.roles().await.unwrap().into_iter().find(|role| !role.privileges.is_empty()).unwrap();
    let pinned = offered.privileges.into_iter().take(1).collect();
    let role = google.create_role("Customer Care test", &pinned).await.unwrap();
    role::approve(&role, &pinned).unwrap();
    assert_eq!(google.give(&made.id, &role.id).await, Ok(Given::Made));
    assert_eq!(google.give(&made.id, &role.id).await, Ok(Given::Found));
    let held = google.assignments_of(&made.id).await.unwrap();
    assert!(matches!(held.as_slice(), [only] if only.role == role.id && only.customer_wide), "{held:?}");
    let after = google.account_by_id(&made.id).await.unwrap().unwrap();
    assert_eq!(guard::ours(&after, &expected, true), Ok(()));
    assert!(guard::ours(&after, &expected, false).is_err());
    let census = Census::new(google.clone());
    let book = census.addresses(google.now()).await.unwrap();
    let stranger = "E-2".parse().unwrap();
    assert_eq!(book.items.holder("asa.oberg@reseller-se.example", Some(&stranger)), Some(TakenBy::User));
    assert!(census.assignments(google.now()).await.unwrap().items.len() > 1);
    assert!(census.paid_licenses(google.now()).await.is_ok());
    stop.cancel();
}
