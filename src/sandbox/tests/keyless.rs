//! Credentials without key files, and the Reseller API, which only tells of others.

use super::*;
use crate::sandbox::Subscription;

const MACHINE: &str = "runtime@machines.example";
const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default";

/// A world whose machine may sign for one reseller's service account, which has no key file.
async fn machine() -> Google {
    Google::with(|world| {
        world.metadata_account = Some(MACHINE.into());
        let account = world.service_accounts.get_mut(&account()).unwrap();
        account.keys.clear();
        account.keyless_callers.insert(MACHINE.into());
    })
    .await
}

fn account() -> String {
    let reseller = files().resellers.iter().find(|reseller| reseller.customer_id == SE).unwrap();
    let key: Value = serde_json::from_str(&reseller.credentials).unwrap();
    key["client_email"].as_str().unwrap().to_owned()
}

impl Google {
    async fn metadata(&self, what: &str, flavor: Option<&str>) -> reqwest::Response {
        let request = self.http.get(format!("{}{METADATA}/{what}", self.url));
        let request =
            if let Some(flavor) = flavor { request.header("Metadata-Flavor", flavor) } else { request };
        request.send().await.unwrap()
    }

    async fn machine_token(&self) -> String {
        let (status, body) = seen(self.metadata("token", Some("Google")).await).await;
        assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn sign_jwt(&self, token: &str, name: &str, payload: &str) -> Seen {
        let request = self.http.post(format!("{}/v1/{name}:signJwt", self.url)).bearer_auth(token);
        seen(request.json(&json!({"payload": payload})).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn the_metadata_server_asks_for_its_header_and_answers_with_it() {
    let google = machine().await;
    for flavor in [None, Some("google"), Some("Other")] {
        assert_eq!(google.metadata("token", flavor).await.status(), 403, "{flavor:?}");
    }
    let email = google.metadata("email", Some("Google")).await;
    assert_eq!(email.headers()["metadata-flavor"], "Google");
    assert_eq!(email.text().await.unwrap(), MACHINE);
    assert_eq!(google.metadata("identity", Some("Google")).await.status(), 404);
    let elsewhere = Google::start().await;
    assert_eq!(elsewhere.metadata("token", Some("Google")).await.status(), 404, "no machine of Google's");
}

#[tokio::test]
async fn what_was_signed_without_a_key_opens_the_door() {
    let google = machine().await;
    let token = google.machine_token().await;
    let claims = google.claims(SE, "admin.directory.user");
    let name = format!("projects/-/serviceAccounts/{}", account());
    let (status, signed) = google.sign_jwt(&token, &name, &claims.to_string()).await;
    assert_eq!(status, 200, "{signed}");
    assert!(signed["keyId"].is_string());
    let jwt = signed["signedJwt"].as_str().unwrap();
    let (status, body) = google.exchange(jwt).await;
    assert_eq!(status, 200, "{body}");
    let client = Client { google: &google, token: body["access_token"].as_str().unwrap().to_owned() };
    assert_eq!(client.get("/admin/directory/v1/users?customer=my_customer").await.0, 200);
    let mut forged: Vec<&str> = jwt.split('.').collect();
    let mut other = claims;
    other["sub"] = json!("maria.nilsson@reseller-se.example");
    let other = BASE64_URL_SAFE_NO_PAD.encode(other.to_string());
    forged[1] = &other;
    assert_eq!(google.exchange(&forged.join(".")).await.1["error_description"], "Invalid JWT Signature.");
}

#[tokio::test]
async fn signing_is_refused_without_the_role_and_for_claims_that_make_no_sense() {
    let google = machine().await;
    let token = google.machine_token().await;
    let claims = google.claims(SE, "admin.directory.user").to_string();
    let name = |project: &str, account: &str| format!("projects/{project}/serviceAccounts/{account}");
    let late = json!({"exp": google.seconds() + 12 * 3_600 + 1}).to_string();
    let cases = [
        ("made-up", name("-", &account()), claims.as_str(), (401, "UNAUTHENTICATED")),
        (
            &token,
            name("-", "carepass@sandbox-nordic-dk.iam.gserviceaccount.com"),
            &claims,
            (403, "PERMISSION_DENIED"),
        ),
        (&token, name("-", "nobody@sandbox.iam.gserviceaccount.com"), &claims, (403, "PERMISSION_DENIED")),
        (&token, name("sandbox-nordic-se", &account()), &claims, (400, "INVALID_ARGUMENT")),
        (&token, name("-", &account()), &late, (400, "INVALID_ARGUMENT")),
        (&token, name("-", &account()), "x", (400, "INVALID_ARGUMENT")),
    ];
    for (token, name, payload, expected) in cases {
        let seen = google.sign_jwt(token, &name, payload).await;
        let (status, reason, _) = refusal(&seen);
        assert_eq!((status, reason), expected, "{name} {payload}");
    }
    google.wait(3_600_000);
    assert_eq!(google.sign_jwt(&token, &name("-", &account()), "{}").await.0, 401, "it has run out");
}

#[tokio::test]
async fn a_machine_token_without_a_subject_belongs_to_no_customer() {
    let google = machine().await;
    let client = Client { google: &google, token: google.machine_token().await };
    let seen = client.get("/admin/directory/v1/users?customer=my_customer").await;
    assert_eq!(refusal(&seen), (400, "invalid", "Invalid Customer Id"));
}

#[tokio::test]
async fn subscriptions_are_those_of_resold_customers() {
    let google = Google::with(|world| {
        let se = customer_of(world, SE);
        se.delegated_scopes.insert(format!("{AUTH}apps.order.readonly"));
        let subscription = |id: &str, domain: &str, plan: &str| Subscription {
            id: id.into(),
            customer_id: format!("C02{id}"),
            customer_domain: domain.into(),
            sku: "1010010001".into(),
            plan: plan.into(),
            seats: 50,
            licensed: 3,
        };
        se.subscriptions = vec![
            subscription("1", "b.example", "FREE"),
            subscription("2", "a.example", "ANNUAL_MONTHLY_PAY"),
        ];
    })
    .await;
    let client = google.client_for(SE, "apps.order.readonly").await;
    let path = |rest: &str| format!("/apps/reseller/v1/{rest}");
    let list = client.get(&path("subscriptions")).await.1;
    let seats: Vec<&Value> =
        list["subscriptions"].as_array().unwrap().iter().map(|one| &one["seats"]).collect();
    assert_eq!(seats[0]["numberOfSeats"], 50);
    assert_eq!(
        (&seats[1]["maximumNumberOfSeats"], &seats[1]["licensedNumberOfSeats"]),
        (&json!(50), &json!(3))
    );
    assert_eq!(
        client.get(&path("subscriptions?customerId=C021")).await.1["subscriptions"].as_array().unwrap().len(),
        1
    );
    assert_eq!(client.get(&path("customers/C021/subscriptions/1")).await.1["skuId"], "1010010001");
    assert_eq!(client.get(&path("customers/C021/subscriptions/2")).await.0, 404);
    for own in
        [path(&format!("subscriptions?customerId={SE}")), path(&format!("customers/{SE}/subscriptions/1"))]
    {
        assert_eq!(refusal(&client.get(&own).await).1, "forbidden", "one's own");
    }
}
