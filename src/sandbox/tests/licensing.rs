//! The licensing API in both its modes, and automatic licensing.

use super::*;
use crate::sandbox::{AutoLicensing, Customer};

const FREE: &str = "/apps/licensing/v1/product/101001/sku/1010010001";
const STARTER: &str = "/apps/licensing/v1/product/Google-Apps/sku/1010020027";

fn dk(world: &mut World) -> &mut Customer {
    world.customers.get_mut(DK).unwrap()
}

async fn assign(client: &Client<'_>, email: &str) -> Seen {
    client.post(&format!("{FREE}/user"), json!({"userId": email})).await
}

#[tokio::test]
async fn per_user_licences_are_given_once_and_run_out() {
    let google = Google::with(|world| dk(world).settings.license_seats = Some(1)).await;
    let client = google.client(DK).await;
    let (email, other) = ("mette.holm@reseller-dk.example", "soren.kjaer@reseller-dk.example");
    let none = (404, "notFound", "User does not have a license for specified sku and product");
    assert_eq!(refusal(&client.get(&format!("{FREE}/user/{email}")).await), none);
    let (status, given) = assign(&client, email).await;
    assert_eq!(
        (status, given["skuId"].as_str(), given["userId"].as_str()),
        (200, Some("1010010001"), Some(email))
    );
    let already = "User already has a license for the specified product and SKU";
    assert_eq!(refusal(&assign(&client, email).await), (412, "conditionNotMet", already));
    let out = "There aren't enough available licenses for the specified product-SKU pair";
    assert_eq!(refusal(&assign(&client, other).await), (412, "conditionNotMet", out));
    let list = client.get(&format!("{FREE}/users?customerId={DK}&maxResults=1000")).await.1;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.delete(&format!("{FREE}/user/{email}")).await, (200, json!({})));
    assert_eq!(refusal(&client.delete(&format!("{FREE}/user/{email}")).await), none);
    let different = client.post(&format!("{STARTER}/user"), json!({"userId": email})).await;
    assert!(
        refusal(&different)
            .2
            .starts_with("User already has a license of the product, but with a different SKU.")
    );
    let paid = client
        .get(&format!("/apps/licensing/v1/product/Google-Apps/users?customerId={DK}&maxResults=1"))
        .await
        .1;
    assert!(paid["nextPageToken"].is_string());
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let google = Google::start().await;
    let client = google.client(DK).await;
    let cases = [
        ("/apps/licensing/v1/product/101001/sku/1/user/mette.holm@reseller-dk.example", 400),
        ("/apps/licensing/v1/product/101001/sku/1010010001/user/nobody@reseller-dk.example", 400),
        ("/apps/licensing/v1/product/101001/sku/1010010001/user/a@elsewhere.example", 403),
        ("/apps/licensing/v1/product/101001/users", 400),
        ("/apps/licensing/v1/product/101001/users?customerId=C01nordicse", 403),
    ];
    for (path, status) in cases {
        assert_eq!(refusal(&client.get(path).await).0, status, "{path}");
    }
}

#[tokio::test]
async fn a_site_licence_cannot_be_assigned_and_does_not_show() {
    let google = Google::start().await;
    let client = google.client(NO).await;
    let email = "kari.nordmann@reseller-no.example";
    for _ in 0..3 {
        assert_eq!(refusal(&assign(&client, email).await), (503, "backendError", "Backend Error"));
        google.wait(60_000);
    }
    assert_eq!(refusal(&client.get(&format!("{FREE}/user/{email}")).await).0, 404);
    assert!(client.get(&format!("{FREE}/users?customerId={NO}")).await.1.get("items").is_none());
    assert_eq!(
        refusal(&client.get(&format!("{STARTER}/user/{email}")).await).0,
        404,
        "the control call answers"
    );
}

#[tokio::test]
async fn automatic_licensing_strikes_late_and_does_not_let_go() {
    let google = Google::with(|world| {
        let settings = &mut dk(world).settings;
        settings.auto_license_delay_ms = 5_000;
        let rule = AutoLicensing {
            org_unit: "/".into(),
            product: "Google-Apps".into(),
            sku: "1010020027".into(),
            off_after_ms: None,
        };
        settings.auto_licensing = vec![rule];
    })
    .await;
    let client = google.client(DK).await;
    let email = "a@reseller-dk.example";
    assert_eq!(client.post("/admin/directory/v1/users", person(email)).await.0, 200);
    let paid = format!("{STARTER}/user/{email}");
    assert_eq!(client.get(&paid).await.0, 404);
    google.wait(5_000);
    assert_eq!(client.get(&paid).await.0, 200);
    let on = (412, "conditionNotMet", "Auto License un-assignment is not allowed");
    assert_eq!(refusal(&client.delete(&paid).await), on);
    assert_eq!(
        assign(&client, email).await.0,
        200,
        "the free licence beside the paid one: the double assignment"
    );
    google.sandbox.change(|world| dk(world).settings.auto_licensing.clear());
    assert_eq!(client.delete(&paid).await.0, 200);
}

#[tokio::test]
async fn one_query_a_second_when_the_quota_is_on() {
    let google = Google::start().await;
    google.sandbox.set(&json!({"quotas": true})).unwrap();
    let client = google.client(DK).await;
    let path = format!("{FREE}/user/mette.holm@reseller-dk.example");
    assert_eq!(client.get(&path).await.0, 404);
    assert_eq!(refusal(&client.get(&path).await).1, "backendError");
    google.wait(1_000);
    assert_eq!(client.get(&path).await.0, 404);
    google.sandbox.set(&json!({"quotas": false})).unwrap();
    for _ in 0..3 {
        assert_eq!(client.get(&path).await.0, 404);
    }
}
