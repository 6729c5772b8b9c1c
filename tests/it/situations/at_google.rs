//! Situations that begin at Google: seats, the unit, the quota, the delegation, the role, names, a new account.
//! Not here: those that begin with HR (`from_hr`).

use super::scene::{DENMARK, NORWAY, Scene, UNIT, delete_unit, strangers_account, unit_made};
use super::{Card, Situation, check, comes_to, press_card, press_retry};
use crate::fixture::{Neighbour, events, until};
use serde_json::json;

const ROLES: &str = "https://www.googleapis.com/auth/admin.directory.rolemanagement";
const DANISH: &str = "reseller-dk.example";

/// Delegation revoked: one card with what to paste, the leaver who is locked in on it, and every engineer says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_delegation_revoked() {
    let scene = Scene::open(&[]).await;
    scene.join("E-1", "Quistgaard").await;
    scene.until_state("E-1", "ready").await;
    scene.set(&json!({ "delegation": { DENMARK: { ROLES: false } } }));
    scene.join("E-2", "Ravnkilde").await;
    scene.until_only("E-2", DANISH, "reseller_not_ready").await;
    scene.send(&events::ended("left", "E-1", 2)).await;
    until("a leaver on the card", || async {
        scene.card("delegation_missing").await["engineers"] == json!(["E-1"])
    })
    .await;

    let browser = scene.browser().await;
    let so =
        "The domain-wide delegation of the reseller account nordic-dk lacks a scope that carepass needs.";
    let card = || Card {
        reason: "delegation_missing",
        so,
        values: &["client_id", "scopes", "optional_scopes", "customer_id"],
        button: "Done: look now",
        is_open_exposure: true,
    };
    let joiner = Situation {
        engineer: "E-2",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", false),
        reason: "reseller_not_ready",
        waiting_on: Some("reseller"),
        word: "waits: account",
        so: "The set-up of the reseller account nordic-dk is not finished.",
        card: Some(card()),
    };
    check(&scene, &browser, &joiner).await;
    let leaver = Situation {
        engineer: "E-1",
        state: ("leaving", "Leaving"),
        reason: "delegation_missing",
        waiting_on: Some("operator"),
        word: "still open",
        so,
        card: Some(card()),
        ..joiner
    };
    check(&scene, &browser, &leaver).await;
    let told = scene.card("delegation_missing").await;
    let detail = told["detail"].as_str().expect("evidence");
    assert!(
        detail.starts_with("refused: admin.directory.rolemanagement; working: ")
            && detail.contains("all worked last at 2"),
        "{detail}"
    );
    assert_eq!(told["console_link"], "https://admin.google.com/ac/owl/domainwidedelegation");

    scene.set(&json!({ "delegation": { DENMARK: { ROLES: true } } }));
    press_card(&scene, &browser, "delegation_missing").await;
    comes_to(&scene, &browser, "E-2", DANISH, "ready").await;
    comes_to(&scene, &browser, "E-1", DANISH, "gone").await;
    scene.until_state("E-2", "ready").await;
    scene.until_state("E-1", "removed").await;
    scene.close(browser).await;
}

/// Seats run out: the others go on, one card with the request ready to paste.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_seats_run_out() {
    let scene = Scene::open(&[]).await;
    scene.leave_seats(DENMARK, 0);
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "seats_spent").await;
    let browser = scene.browser().await;
    let situation = Situation {
        engineer: "E-1",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", true),
        reason: "seats_spent",
        waiting_on: Some("operator"),
        word: "needs you",
        so: "No Cloud Identity seat is left in the reseller account nordic-dk.",
        card: Some(Card {
            reason: "seats_spent",
            so: "No Cloud Identity seat is left in the reseller account nordic-dk. One engineer waits.",
            values: &["customer_id", "request"],
            button: "Done: look now",
            is_open_exposure: false,
        }),
    };
    check(&scene, &browser, &situation).await;
    let card = scene.card("seats_spent").await;
    let request = card["values"][1]["value"].as_str().expect("a text to paste");
    assert!(request.contains("of C01nordicdk (reseller-dk.example) by 1 or more by 2026-1"), "{request}");
    assert!(card["console_link"].is_string() && card["closes_itself"] == true, "{card:#}");
    for path in ["/resellers", "/resellers/nordic-dk"] {
        browser.open(&scene.at(path)).await;
        let spent = "return [...document.querySelectorAll('.s.you')].some((one) => one.textContent === 'used up, engineers who wait: 1')";
        browser.until("the account says that its seats are used up", spent).await;
    }

    // A look that finds nothing, after which it looks by itself; whoever buys the seat presses nothing.
    let scene = scene.again(&[("ENGINE__LOOK_MIN", "1s"), ("ENGINE__LOOK_MAX", "1s")]).await;
    scene.say_done("seats_spent").await;
    scene.leave_seats(DENMARK, 1);
    scene.until_state("E-1", "ready").await;
    scene.close(browser).await;
}

/// Somebody else's account has the address where others are made already: nothing is taken over, and a person is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_name_collision() {
    let scene = Scene::open(&[]).await;
    scene.leave_seats(DENMARK, 0);
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "seats_spent").await;
    let address = scene.address("E-1", DANISH).await;
    let stranger = scene.change(DENMARK, |customer| strangers_account(customer, &address));
    scene.leave_seats(DENMARK, 1);
    let browser = scene.browser().await;
    press_card(&scene, &browser, "seats_spent").await;
    scene.until_only("E-1", DANISH, "address_taken").await;
    let situation = Situation {
        engineer: "E-1",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", true),
        reason: "address_taken",
        waiting_on: Some("operator"),
        word: "needs you",
        so: "belongs to somebody or something else.",
        card: Some(Card {
            reason: "address_taken",
            so: "belongs to somebody or something else.",
            values: &[],
            button: "Done: look now",
            is_open_exposure: false,
        }),
    };
    check(&scene, &browser, &situation).await;
    let detail = scene.card("address_taken").await["detail"].clone();
    assert!(!detail.as_str().unwrap_or_default().is_empty(), "the evidence for and against is shown");

    // The stranger is left alone until somebody frees the address.
    let untouched = scene.change(DENMARK, |customer| customer.take_user(&stranger).expect("it is there"));
    assert!(!untouched.suspended && !untouched.fields.contains_key("externalIds"), "{untouched:?}");
    press_card(&scene, &browser, "address_taken").await;
    comes_to(&scene, &browser, "E-1", DANISH, "ready").await;
    scene.until_state("E-1", "ready").await;
    scene.close(browser).await;
}

/// Google asks us to slow down: nobody has anything to do, the page shows which rate, and the work goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_quota_exhausted() {
    let scene = Scene::open(&[]).await;
    let fault = |retry_after: u64| {
        json!({
            "match": { "method": "POST", "path_regex": "/users$", "customer": DENMARK },
            "do": { "fail_before": true, "status": 429, "reason": "rateLimitExceeded", "retry_after": retry_after }
        })
    };
    // Nothing is tried again while it is looked at.
    scene.faults(&fault(3_600));
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "rate_limited").await;
    let browser = scene.browser().await;
    let situation = Situation {
        engineer: "E-1",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", true),
        reason: "rate_limited",
        waiting_on: None,
        word: "tries again",
        so: "Google asks carepass to slow down in reseller-dk.example.",
        card: None,
    };
    check(&scene, &browser, &situation).await;
    browser.open(&scene.at("/resellers/nordic-dk")).await;
    let slowed = "return [...document.querySelectorAll('tr')].some((one) => one.textContent.includes('users.insert') && one.textContent.includes('slowed down by Google'))";
    browser.until("the rate is shown as slowed down", slowed).await;

    // A house that has begun anew knows nothing of that hour, and from here on it tries again by itself.
    scene.neighbour.sandbox.clear_faults();
    scene.faults(&fault(0));
    let scene = scene.again(&[("ENGINE__BACKOFF_MAX", "1s")]).await;
    // A page that renews itself takes a field away while it is written in.
    scene.until_still().await;
    scene.sign_in(&browser).await;
    press_retry(&scene, &browser, "E-1", DANISH).await;
    scene.neighbour.sandbox.clear_faults();
    comes_to(&scene, &browser, "E-1", DANISH, "ready").await;
    scene.until_state("E-1", "ready").await;
    scene.close(browser).await;
}

/// The unit was there and is gone: nobody is put at the top, and the same unit is not silently made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_unit_missing() {
    let scene = unit_made(&[]).await;
    scene.join("E-1", "Quistgaard").await;
    scene.until_state("E-1", "ready").await;
    let unit = delete_unit(&scene);
    scene.join("E-2", "Ravnkilde").await;
    scene.until_only("E-2", DANISH, "reseller_not_ready").await;
    let browser = scene.browser().await;
    let situation = Situation {
        engineer: "E-2",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", false),
        reason: "reseller_not_ready",
        waiting_on: Some("reseller"),
        word: "waits: account",
        so: "The set-up of the reseller account nordic-dk is not finished.",
        card: Some(Card {
            reason: "org_unit_gone",
            so: "The organizational unit of the reseller account nordic-dk was there and is gone.",
            values: &["customer_id", "org_unit"],
            button: "Done: look now",
            is_open_exposure: false,
        }),
    };
    check(&scene, &browser, &situation).await;
    let accounts = scene.neighbour.accounts();
    assert!(
        accounts.iter().all(|account| account.engineer != "E-2" || account.domain() != DANISH),
        "nobody is put at the top"
    );

    scene.change(DENMARK, |customer| customer.org_units.insert("03pnew".to_owned(), unit));
    press_card(&scene, &browser, "org_unit_gone").await;
    comes_to(&scene, &browser, "E-2", DANISH, "ready").await;
    scene.until_state("E-2", "ready").await;
    let made = scene
        .neighbour
        .accounts()
        .into_iter()
        .find(|account| account.engineer == "E-2" && account.domain() == DANISH);
    assert_eq!(made.expect("an account").org_unit, UNIT);
    scene.close(browser).await;
}

/// A reseller account is added: nothing is made there before a person has confirmed what no API shows, and then it is filled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_account_added() {
    let place = "reseller-no.example";
    let mut settings = Vec::new();
    for key in ["AUTO_LICENSING_OFF", "FREE_SUBSCRIPTION"] {
        settings.extend(["BY", "ON"].map(|part| format!("RESELLERS__NORDIC_NO__{key}__{part}")));
    }
    let settings: Vec<(&str, &str)> = settings.iter().map(|key| (key.as_str(), "")).collect();
    let scene = Scene::begin(Neighbour::start().await, &settings).await;
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", place, "reseller_not_ready").await;
    let browser = scene.browser().await;
    let card =
        |reason, so, values| Card { reason, so, values, button: "It is done", is_open_exposure: false };
    let situation = Situation {
        engineer: "E-1",
        state: ("partly_ready", "Partly ready"),
        place,
        account: ("nordic-no", false),
        reason: "reseller_not_ready",
        waiting_on: Some("reseller"),
        word: "waits: account",
        so: "The set-up of the reseller account nordic-no is not finished.",
        card: Some(card(
            "auto_licensing_unconfirmed",
            "It is not confirmed that automatic licensing is off",
            &["customer_id", "org_unit", "configuration"],
        )),
    };
    check(&scene, &browser, &situation).await;
    assert!(
        scene.neighbour.accounts().iter().all(|account| account.customer != NORWAY),
        "nothing is made before that"
    );

    press_card(&scene, &browser, "auto_licensing_unconfirmed").await;
    until("the next card", || async { !scene.card("free_subscription_unconfirmed").await.is_null() }).await;
    press_card(&scene, &browser, "free_subscription_unconfirmed").await;
    comes_to(&scene, &browser, "E-1", place, "ready").await;
    scene.until_state("E-1", "ready").await;
    assert!(scene.neighbour.accounts().iter().any(|account| account.customer == NORWAY));
    scene.close(browser).await;
}

/// Somebody gives the role a third privilege: nobody gets it until that is taken out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_role_widened() {
    let scene = Scene::open(&[]).await;
    scene.join("E-1", "Quistgaard").await;
    scene.until_state("E-1", "ready").await;
    let role = |privileges: &[&str]| json!({ "roles": { DENMARK: { "Customer Care": privileges } } });
    let pinned = ["VIEW_CUSTOMERS", "ACCESS_CUSTOMER_SUPPORT_CASES"];
    scene.set(&role(&[pinned[0], pinned[1], "RESELLER_BILLING"]));
    // What was looked at a few minutes ago is believed; a start looks anew.
    let scene = scene.again(&[]).await;
    scene.join("E-2", "Ravnkilde").await;
    scene.until_only("E-2", DANISH, "reseller_not_ready").await;
    let browser = scene.browser().await;
    let situation = Situation {
        engineer: "E-2",
        state: ("partly_ready", "Partly ready"),
        place: DANISH,
        account: ("nordic-dk", false),
        reason: "reseller_not_ready",
        waiting_on: Some("reseller"),
        word: "waits: account",
        so: "The set-up of the reseller account nordic-dk is not finished.",
        card: Some(Card {
            reason: "role_too_powerful",
            so: "The role in the reseller account nordic-dk may do more than what was approved.",
            values: &["customer_id"],
            button: "Done: look now",
            is_open_exposure: false,
        }),
    };
    check(&scene, &browser, &situation).await;
    let detail = scene.card("role_too_powerful").await["detail"].clone();
    assert!(detail.to_string().contains("RESELLER_BILLING"), "what was added is named: {detail}");

    scene.set(&role(&pinned));
    press_card(&scene, &browser, "role_too_powerful").await;
    comes_to(&scene, &browser, "E-2", DANISH, "ready").await;
    scene.until_state("E-2", "ready").await;
    scene.close(browser).await;
}
