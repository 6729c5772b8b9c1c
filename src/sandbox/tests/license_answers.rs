//! The licensing API where Google words one thing in several ways, or answers late.

use super::*;
use crate::sandbox::{
    AutoLicensing, FREE_PRODUCT, FREE_SKU, LicenseDuplicate, LicenseMode, MissingProduct, UnknownUser,
};

const FREE: &str = "/apps/licensing/v1/product/101001/sku/1010010001";
const STARTER: &str = "/apps/licensing/v1/product/Google-Apps/sku/1010020027";
const METTE: &str = "mette.holm@reseller-dk.example";

#[tokio::test]
async fn a_product_that_the_customer_does_not_have_is_told_in_three_ways() {
    for (setting, expected) in [
        (MissingProduct::Empty, None),
        (MissingProduct::Invalid, Some((400, "invalid", "SKU or product does not exist"))),
        (MissingProduct::NotFound, Some((404, "notFound", "SKU or product does not exist"))),
    ] {
        let google = Google::set(|settings| {
            settings.products = Some(vec!["101001".into(), "Google-Apps".into()]);
            settings.missing_product = setting;
        })
        .await;
        let client = google.client(DK).await;
        let list = |product: &str| format!("/apps/licensing/v1/product/{product}/users?customerId={DK}");
        let missing = client.get(&list("101005")).await;
        match expected {
            Some(expected) => assert_eq!(refusal(&missing), expected),
            None => assert_eq!((missing.0, missing.1.get("items")), (200, None)),
        }
        assert_eq!(client.get(&list("Google-Apps")).await.1["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_user_that_licensing_does_not_know_yet_is_told_in_two_ways_for_a_while() {
    for (setting, expected) in
        [(UnknownUser::Invalid, (400, "invalid")), (UnknownUser::NotFound, (404, "notFound"))]
    {
        let google = Google::set(|settings| {
            (settings.license_user_delay_ms, settings.license_unknown_user) = (5_000, setting);
        })
        .await;
        let client = google.client(DK).await;
        let email = "a@reseller-dk.example";
        client.post("/admin/directory/v1/users", person(email)).await;
        let assign = async || client.post(&format!("{FREE}/user"), json!({"userId": email})).await;
        let seen = assign().await;
        let (status, reason, message) = refusal(&seen);
        assert_eq!((status, reason), expected);
        assert!(message.contains("userId"));
        google.wait(5_000);
        assert_eq!(assign().await.0, 200);
    }
}

#[tokio::test]
async fn a_licence_that_is_held_is_a_412_or_an_odd_500() {
    for (setting, expected) in [
        (
            LicenseDuplicate::Condition,
            (412, "conditionNotMet", "User already has a license for the specified product and SKU"),
        ),
        (
            LicenseDuplicate::Reassign,
            (500, "internalError", "For reassign operation new sku should be different than the old sku"),
        ),
    ] {
        let google = Google::set(|settings| settings.license_duplicate = setting).await;
        let client = google.client(DK).await;
        let assign = async || client.post(&format!("{FREE}/user"), json!({"userId": METTE})).await;
        assert_eq!(assign().await.0, 200);
        assert_eq!(refusal(&assign().await), expected);
    }
}

#[tokio::test]
async fn with_the_site_even_a_licence_that_was_assigned_before_does_not_show() {
    let google = Google::with(|world| {
        let dk = customer_of(world, DK);
        let id = dk.user(METTE).unwrap().id.clone();
        dk.licenses.insert((FREE_PRODUCT.into(), FREE_SKU.into(), id));
        dk.settings.license_mode = LicenseMode::Site;
    })
    .await;
    let client = google.client(DK).await;
    assert_eq!(client.get(&format!("{FREE}/users?customerId={DK}")).await.1.get("items"), None);
    assert_eq!(client.get(&format!("{FREE}/user/{METTE}")).await.0, 404);
    let assign = client.post(&format!("{FREE}/user"), json!({"userId": METTE})).await;
    assert_eq!(refusal(&assign), (503, "backendError", "Backend Error"));
}

/// When each of five new users has its automatic licence, in seconds.
async fn struck(seed: u64) -> Vec<i64> {
    let google = Google::with(|world| {
        world.seed = seed;
        let settings = &mut customer_of(world, SE).settings;
        (settings.auto_license_delay_ms, settings.auto_license_delay_max_ms) = (2_000, 30_000);
        let rule = AutoLicensing {
            org_unit: "/".into(),
            product: "Google-Apps".into(),
            sku: "1010020027".into(),
            off_after_ms: None,
        };
        settings.auto_licensing = vec![rule];
    })
    .await;
    let client = google.client(SE).await;
    for number in 0..5 {
        client.post("/admin/directory/v1/users", person(&format!("a{number}@care-se.example"))).await;
    }
    let mut when = vec![0; 5];
    for second in 0..=30 {
        for (number, when) in when.iter_mut().enumerate().filter(|(_, when)| **when == 0) {
            if client.get(&format!("{STARTER}/user/a{number}@care-se.example")).await.0 == 200 {
                *when = second;
            }
        }
        google.wait(1_000);
    }
    when
}

#[tokio::test]
async fn automatic_licensing_strikes_differently_for_each_user_and_the_same_for_each_seed() {
    let when = struck(1).await;
    assert!(when.iter().all(|second| (2..=30).contains(second)), "{when:?}");
    assert!(when.windows(2).any(|pair| pair[0] != pair[1]), "{when:?}");
    assert_eq!(struck(1).await, when);
    assert_ne!(struck(2).await, when);
}

#[tokio::test]
async fn switching_skus_is_refused_where_it_changes_nothing_or_is_automatic() {
    let google = Google::start().await;
    let client = google.client(DK).await;
    let standard = format!("/apps/licensing/v1/product/Google-Apps/sku/1010020028/user/{METTE}");
    let to = |sku: &str| json!({"productId": "Google-Apps", "skuId": sku, "userId": METTE});
    let same = client.put(&standard, to("1010020028")).await;
    assert!(refusal(&same).2.starts_with("For reassign operations, the new SKU should be different"));
    let rule = json!([{"org_unit": "/", "product": "Google-Apps", "sku": "1010020028"}]);
    google.control_set("set", json!({"auto_licensing": {DK: rule}})).await;
    let other = to("1010020027");
    assert_eq!(
        refusal(&client.put(&standard, other.clone()).await).2,
        "Auto License switching is not allowed"
    );
    assert_eq!(refusal(&client.delete(&standard).await).2, "Auto License un-assignment is not allowed");
    google.control_set("set", json!({"auto_licensing": {DK: []}})).await;
    assert_eq!(client.put(&standard, other).await.0, 200);
}
