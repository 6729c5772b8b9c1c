//! Who gets in: tokens, their refusals, scopes, revocation.

use super::*;

#[tokio::test]
async fn a_token_opens_what_its_scopes_name_and_runs_out() {
    let google = Google::start().await;
    let (status, body) = google.token(SE, &google.claims(SE, "admin.directory.user.readonly")).await;
    assert_eq!((status, body["token_type"].as_str()), (200, Some("Bearer")));
    let client = Client { google: &google, token: body["access_token"].as_str().unwrap().to_owned() };
    let users = "/admin/directory/v1/users?customer=my_customer";
    assert_eq!(client.get(users).await.0, 200);
    let insert = client.post("/admin/directory/v1/users", person("a.b@reseller-se.example")).await;
    let message = "Request had insufficient authentication scopes.";
    assert_eq!(refusal(&insert), (403, "insufficientPermissions", message));
    google.wait(3_600_000);
    assert_eq!(refusal(&client.get(users).await), (401, "authError", "Invalid Credentials"));
    let nobody = Client { google: &google, token: "made-up".into() };
    assert_eq!(refusal(&nobody.get(users).await), (401, "authError", "Invalid Credentials"));
    let bare = seen(google.http.get(format!("{}{users}", google.url)).send().await.unwrap()).await;
    assert_eq!(refusal(&bare), (401, "required", "Login Required"));
}

#[tokio::test]
async fn claims_that_google_would_refuse_are_refused() {
    let google = Google::with(|world| {
        let se = world.customers.get_mut(SE).unwrap();
        let gone = se.user("maria.nilsson@reseller-se.example").unwrap().id.clone();
        let mut user = se.take_user(&gone).unwrap();
        user.deleted = Some(START);
        se.deleted.insert(gone, user.into());
    })
    .await;
    let now = google.seconds();
    let cases = [
        (json!({"iss": "stranger@x.example"}), "invalid_grant", "Invalid grant: account not found"),
        (json!({"sub": "nobody@reseller-se.example"}), "invalid_grant", "Invalid email or User ID"),
        (json!({"sub": "nobody@elsewhere.example"}), "invalid_grant", "Invalid email or User ID"),
        (
            json!({"sub": "maria.nilsson@reseller-se.example"}),
            "invalid_grant",
            "The account has been deleted",
        ),
        (json!({"sub": "olle.berg@reseller-se.example"}), "access_denied", "Account restricted"),
        (json!({"sub": null}), "unauthorized_client", "Client is unauthorized"),
        (
            json!({"aud": "https://elsewhere.example/token"}),
            "invalid_grant",
            "Invalid JWT: Failed audience check",
        ),
        (
            json!({"iat": now + 600, "exp": now + 4_000}),
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived",
        ),
        (
            json!({"iat": now - 4_000, "exp": now - 400}),
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived",
        ),
        (json!({"exp": now + 3_601}), "invalid_grant", "Invalid JWT: Token must be a short-lived"),
        (json!({"scope": ""}), "unauthorized_client", "Client is unauthorized"),
        (
            json!({"scope": format!("{AUTH}admin.directory.user {AUTH}gmail.settings.sharing")}),
            "unauthorized_client",
            "Client is unauthorized",
        ),
        // Another reseller's service account has no delegation here.
        (
            json!({"sub": "carepass-robot@reseller-dk.example"}),
            "unauthorized_client",
            "Client is unauthorized",
        ),
    ];
    for (change, error, description) in cases {
        let mut claims = google.claims(SE, "admin.directory.user");
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, body) = google.token(SE, &claims).await;
        assert!((400..=401).contains(&status), "{change}");
        assert_eq!(body["error"], error, "{change}");
        assert!(body["error_description"].as_str().unwrap().starts_with(description), "{change}: {body}");
    }
}

#[tokio::test]
async fn a_signature_must_be_the_accounts() {
    let google = Google::start().await;
    let (_, body) = google.token(DK, &google.claims(SE, "admin.directory.user")).await;
    assert_eq!(body["error_description"], "Invalid JWT Signature.");
    for broken in ["", "a.b", "a.b.c", "a.b.c.d"] {
        assert_eq!(google.exchange(broken).await.1["error"], "invalid_grant", "{broken}");
    }
}

#[tokio::test]
async fn a_loopback_audience_is_the_endpoint_that_was_called() {
    let google = Google::start().await;
    let mut claims = google.claims(SE, "admin.directory.user");
    claims["aud"] = json!(format!("{}/token", google.url));
    assert_eq!(google.token(SE, &claims).await.0, 200);
}

#[tokio::test]
async fn revoked_delegation_kills_tokens_and_gives_no_new_ones() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let me = "/admin/directory/v1/customers/my_customer";
    google.sandbox.set(&json!({"delegation": {SE: false}})).unwrap();
    assert_eq!(refusal(&client.get(me).await).0, 401);
    assert_eq!(
        google.token(SE, &google.claims(SE, "admin.directory.user")).await.1["error"],
        "unauthorized_client"
    );
    google.sandbox.set(&json!({"delegation": {SE: true}})).unwrap();
    assert_eq!(client.get(me).await.0, 401, "an old token stays dead");
    assert_eq!(google.client(SE).await.get(me).await.0, 200);
    let scope = format!("{AUTH}apps.licensing");
    google.sandbox.set(&json!({"delegation": {SE: {scope: false}}})).unwrap();
    assert_eq!(google.token(SE, &google.claims(SE, ALL_SCOPES)).await.0, 401);
    assert_eq!(google.token(SE, &google.claims(SE, "admin.directory.user")).await.0, 200);
}

#[tokio::test]
async fn whoever_is_no_super_administrator_gets_a_token_but_may_nothing() {
    let google = Google::start().await;
    let mut claims = google.claims(SE, "admin.directory.user");
    claims["sub"] = json!("maria.nilsson@reseller-se.example");
    let (status, body) = google.token(SE, &claims).await;
    assert_eq!(status, 200);
    let client = Client { google: &google, token: body["access_token"].as_str().unwrap().to_owned() };
    let seen = client.get("/admin/directory/v1/users?customer=my_customer").await;
    assert_eq!(refusal(&seen), (403, "forbidden", "Not Authorized to access this resource/api"));
}

#[tokio::test]
async fn customers_do_not_see_each_other() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    for path in [
        "/admin/directory/v1/customers/C01nordicdk",
        "/admin/directory/v1/customer/C01nordicdk/domains",
        "/admin/directory/v1/users?customer=C01nordicdk",
        "/admin/directory/v1/users/mette.holm@reseller-dk.example",
        "/admin/directory/v1/groups/salg@reseller-dk.example",
        "/apps/licensing/v1/product/Google-Apps/users?customerId=C01nordicdk",
    ] {
        assert_eq!(refusal(&client.get(path).await).0, 403, "{path}");
    }
    assert_eq!(refusal(&client.get("/admin/directory/v1/customer/x/domains").await).2, "Invalid Customer Id");
}

#[tokio::test]
async fn a_path_that_google_does_not_have_is_a_404_without_an_error_code() {
    let google = Google::start().await;
    let (status, body) = google.client(SE).await.get("/admin/directory/v1/user/x").await;
    assert_eq!(status, 404);
    assert!(body.as_str().unwrap().contains("<!DOCTYPE html>"));
}

#[tokio::test]
async fn a_batch_is_as_many_calls_as_are_in_it() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let before = google.sandbox.calls().len();
    let part = |id: u8, user: &str| {
        format!(
            "--x\r\nContent-Type: application/http\r\nContent-ID: <b + {id}>\r\n\r\n\
             GET /admin/directory/v1/users/{user}?fields=primaryEmail HTTP/1.1\r\n\r\n\r\n"
        )
    };
    let (there, gone) = ("maria.nilsson@reseller-se.example", "nobody@reseller-se.example");
    let request = google
        .http
        .post(format!("{}/batch", google.url))
        .bearer_auth(&client.token)
        .header("content-type", "multipart/mixed; boundary=x")
        .body(format!("{}{}--x--", part(1, there), part(2, gone)));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(text.contains("<response-b + 1>\r\n\r\nHTTP/1.1 200 OK") && text.contains(there), "{text}");
    assert!(text.contains("<response-b + 2>\r\n\r\nHTTP/1.1 404 Not Found"), "{text}");
    assert_eq!(google.sandbox.calls().len() - before, 2);
}

const USERS: &str = "/admin/directory/v1/users?customer=my_customer";

#[tokio::test]
async fn a_scope_that_is_taken_back_kills_the_tokens_that_open_it_and_no_other() {
    let google = Google::start().await;
    let with = google.client_for(SE, "admin.directory.user apps.licensing").await;
    let without = google.client_for(SE, "admin.directory.user").await;
    google.control_set("set", json!({"scopes_revoked": {SE: ["apps.licensing"]}})).await;
    assert_eq!(refusal(&with.get(USERS).await), (401, "authError", "Invalid Credentials"));
    assert_eq!(without.get(USERS).await.0, 200);
    let ask = async |scopes: &str| google.token(SE, &google.claims(SE, scopes)).await.1["error"].clone();
    assert_eq!(
        ask("admin.directory.user apps.licensing").await,
        "unauthorized_client",
        "one missing scope, no token"
    );
    assert_eq!(ask("admin.directory.user").await, Value::Null);
    let scope = format!("{AUTH}apps.licensing");
    google.control_set("set", json!({"delegation": {SE: {scope: true}}})).await;
    assert_eq!(ask("apps.licensing").await, Value::Null);
    assert_eq!(with.get(USERS).await.0, 401, "an old token stays dead");
}

#[tokio::test]
async fn a_subject_that_changes_loses_what_its_token_opened() {
    let check = async |change: fn(&mut Customer, &str), expected: (u16, &str)| {
        let google = Google::start().await;
        let client = google.client(SE).await;
        google.sandbox.change(|world| {
            let se = customer_of(world, SE);
            let id = se.user("carepass-robot@reseller-se.example").unwrap().id.clone();
            change(se, &id);
        });
        let seen = client.get(USERS).await;
        let (status, reason, _) = refusal(&seen);
        assert_eq!((status, reason), expected);
    };
    check(|se, id| se.assignments.retain(|_, given| given.assigned_to != id), (403, "forbidden")).await;
    check(|se, id| drop(se.take_user(id)), (401, "authError")).await;
    check(
        |se, id| {
            let mut user = se.take_user(id).unwrap();
            user.suspended = true;
            se.put_user(user);
        },
        (401, "authError"),
    )
    .await;
}

#[tokio::test]
async fn a_young_subject_gets_no_token_for_a_while() {
    let google = Google::set(|settings| settings.young_user_token_ms = 60_000).await;
    google.client(SE).await.post("/admin/directory/v1/users", person("a@reseller-se.example")).await;
    let ask = async || {
        let mut claims = google.claims(SE, "admin.directory.user");
        claims["sub"] = json!("a@reseller-se.example");
        google.token(SE, &claims).await
    };
    let young = ask().await;
    assert_eq!(
        young.1,
        json!({"error": "access_denied", "error_description": "Requested client not authorized"})
    );
    google.wait(60_000);
    assert_eq!(ask().await.0, 200);
}
