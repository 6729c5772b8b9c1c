//! Buttons that no situation needs: adopting an account with evidence, taking a step as done, ending a domain, copying a value.
//! Not here: which of them is offered when (`model/plan`, `http/room/engineer`).

use super::scene::{DENMARK, Scene, row_at, strangers_account};
use super::{comes_to, form_of, press};
use crate::fixture::{Neighbour, events, until};
use serde_json::{Value, json};

const DANISH: &str = "reseller-dk.example";

/// Where engineers are at home, a person names the account; it gets the role and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn button_adopt() {
    let own = "t.quistgaard@reseller-dk.example";
    let scene = Scene::begin(Neighbour::start().await, &[("RESELLERS__NORDIC_DK__HOME", "true")]).await;
    scene.change(DENMARK, |customer| strangers_account(customer, own));
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "home_account_missing").await;
    let browser = scene.browser().await;
    let form = form_of(&scene, &browser, "E-1", DANISH).await;
    browser.write(&format!("{form} input[name=account]"), own).await;
    press(&browser, &form, "adopt").await;
    comes_to(&scene, &browser, "E-1", DANISH, "ready").await;
    scene.until_state("E-1", "ready").await;
    let (roles, marker) = scene.change(DENMARK, |customer| {
        let user = customer.user(own).expect("the account").clone();
        (customer.roles_of(&user.id).count(), user.fields.contains_key("externalIds"))
    });
    assert_eq!((roles, marker), (1, false));
    let history = scene.get("/v1/engineers/E-1/ledger").await.to_string();
    assert!(history.contains("pressed in the browser"), "who and why stand in the ledger");
    scene.close(browser).await;
}

/// A domain is ended in the browser, the others stay; a value of a card comes into the clipboard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn button_cancel_and_copy() {
    let scene = Scene::open(&[]).await;
    scene.leave_seats(DENMARK, 0);
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "seats_spent").await;
    let browser = scene.browser().await;
    browser.open(&scene.at("/tasks")).await;
    browser.click("button[data-copy$='-value-0']").await;
    let said = "return document.getElementById('live').textContent === document.body.dataset.copied";
    browser.until("it says that it has copied", said).await;
    assert_eq!(browser.clipboard().await, DENMARK);
    let form = form_of(&scene, &browser, "E-1", DANISH).await;
    assert!(
        browser.run(&format!("return document.querySelector(\"{form} button[value=skip]\") === null")).await
            == json!(true),
        "an account is never taken as made"
    );
    press(&browser, &form, "cancel").await;
    comes_to(&scene, &browser, "E-1", DANISH, "ended").await;
    until("the card is gone", || async { scene.card("seats_spent").await.is_null() }).await;
    let engineer = scene.engineer("E-1").await;
    assert_eq!(
        (&engineer["state"], &row_at(&engineer, DANISH)["state"]),
        (&json!("partly_ready"), &json!("cancelled"))
    );
    scene.close(browser).await;
}

/// What a person has done elsewhere is taken as done, step by step: whatever needs the address that HR does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn button_skip() {
    let scene = Scene::open(&[]).await;
    let mut event = events::joined_as("E-1", "Torvild", "Quistgaard");
    event["data"]["engineer"].as_object_mut().expect("an object").remove("contactEmail");
    event["data"]["scope"]["domains"] = json!([DANISH]);
    assert_eq!(scene.send(&event).await, 202);
    // The first looks come before there is a row.
    let waits = |engineer: &Value| {
        engineer["enrollments"] != json!([]) && row_at(engineer, DANISH)["reason"] == "contact_missing"
    };
    scene.until_engineer("E-1", "a missing address", waits).await;
    let browser = scene.browser().await;
    let form = form_of(&scene, &browser, "E-1", DANISH).await;
    press(&browser, &form, "skip").await;
    comes_to(&scene, &browser, "E-1", DANISH, "ready").await;
    let letter = |engineer: &Value| {
        engineer["state"] == "partly_ready" && engineer.to_string().contains("contact_missing")
    };
    scene.until_engineer("E-1", "a letter without an address", letter).await;
    browser.open(&scene.at("/engineers/E-1")).await;
    press(&browser, "form.order[action='/engineers/E-1/orders']", "skip").await;
    browser
        .until("the engineer is ready", "return document.querySelector('.lead').textContent === 'Ready'")
        .await;
    scene.until_state("E-1", "ready").await;
    let history = scene.get("/v1/engineers/E-1/ledger").await.to_string();
    assert_eq!(history.matches("pressed in the browser").count(), 2, "who and why stand in the ledger");
    scene.close(browser).await;
}
