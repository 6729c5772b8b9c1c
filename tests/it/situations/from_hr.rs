//! Situations that begin with HR or on the way from there: a leaver in the middle, a broker that is away, the same event twice.
//! Not here: those that begin at Google (`at_google`).

use super::scene::{NORWAY, Scene, row_at};
use super::{Situation, check, comes_to, items, press, press_retry, text};
use crate::fixture::{Neighbour, events, until};
use carepass::sandbox::broker::Broker;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const DANISH: &str = "reseller-dk.example";
const NORWEGIAN: &str = "reseller-no.example";

/// Somebody leaves who is still on the way in: what was made is locked out, the rest is not begun, and where Google fails it is said that
/// access is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_leaves_while_provisioning() {
    // Nothing is begun in Denmark before that is confirmed.
    let scene = Scene::begin(
        Neighbour::start().await,
        &[
            ("ENGINE__BACKOFF_MAX", "1s"),
            ("ENGINE__ATTEMPTS_MAX", "1000"),
            ("RESELLERS__NORDIC_DK__AUTO_LICENSING_OFF__BY", ""),
            ("RESELLERS__NORDIC_DK__AUTO_LICENSING_OFF__ON", ""),
        ],
    )
    .await;
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "reseller_not_ready").await;
    let fault = |retry_after: Option<u64>| {
        let mut does = json!({ "fail_before": true, "status": 503 });
        if let Some(seconds) = retry_after {
            does["retry_after"] = seconds.into();
        }
        json!({ "match": { "path_regex": "/admin/directory", "customer": NORWAY }, "do": does })
    };
    // Nothing is tried again while it is looked at.
    scene.faults(&fault(Some(3_600)));
    assert_eq!(scene.send(&events::ended("left", "E-1", 2)).await, 202);
    scene
        .until_engineer("E-1", "open access in one domain alone", |engineer| {
            engineer["leaving"]["open"] == json!([NORWEGIAN])
                && row_at(engineer, NORWEGIAN)["reason"] == "backend_error"
        })
        .await;
    let browser = scene.browser().await;
    let situation = Situation {
        engineer: "E-1",
        state: ("leaving", "Leaving"),
        place: NORWEGIAN,
        account: ("nordic-no", true),
        reason: "backend_error",
        waiting_on: None,
        word: "still open",
        so: "Google answered with a fault of its own in reseller-no.example",
        card: None,
    };
    check(&scene, &browser, &situation).await;
    assert!(scene.explain("E-1").await.contains("is leaving: access is still open in reseller-no.example."));
    assert_eq!(
        scene.card("seats_spent").await,
        Value::Null,
        "what was still to be made is not asked for any more"
    );
    browser.open(&scene.at("/leavers")).await;
    let line = browser.run("return document.querySelector('tbody tr').textContent").await;
    assert!(text(&line).contains("still open") && text(&line).contains(NORWEGIAN), "{line}");

    // From here on it is tried again by itself, as long as Google fails.
    scene.neighbour.sandbox.clear_faults();
    scene.faults(&fault(None));
    press_retry(&scene, &browser, "E-1", NORWEGIAN).await;
    browser.open(&scene.at("/leavers")).await;
    scene.neighbour.sandbox.clear_faults();
    let gone = "return document.querySelector('tbody tr').textContent.includes('locked out')";
    browser.until("the leavers' page says that all is locked out", gone).await;
    comes_to(&scene, &browser, "E-1", NORWEGIAN, "gone").await;
    scene.until_state("E-1", "removed").await;
    let accounts = scene.neighbour.accounts();
    assert!(
        accounts.len() == 3 && accounts.iter().all(|account| account.suspended && account.roles.is_empty()),
        "{accounts:#?}"
    );
    assert!(
        scene.explain("E-1").await.contains("has no access any more; the last domain was locked out after")
    );
    scene.close(browser).await;
}

/// The broker is away: work in hand goes on and the house says so, HTTP is the other door, and what waited at the broker comes in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_broker_down() {
    let broker = Broker::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let stop = CancellationToken::new();
    tokio::spawn(broker.clone().serve(stop.clone()));
    let scene = Scene::begin(Neighbour::start().await, &[("INTAKE__AMQP__URL", &broker.uri())]).await;
    until("a consumer", || async { broker.consumers("carepass.engineers") == Some(1) }).await;
    broker.set_away(true);
    broker.drop_connections();
    until("the house says that the broker is away", || async { part(&scene, "amqp").await["up"] == false })
        .await;

    let browser = scene.browser().await;
    assert_eq!(scene.get("/readyz").await["status"], "ready", "what is in hand goes on");
    assert_eq!(scene.get("/readyz?intake").await["status"], "not_ready");
    // Each attempt may say it in other words.
    let why = part(&scene, "amqp").await;
    assert!(text(&why["detail"]).len() > 5, "the cause is named: {why}");
    browser.open(&scene.at("/")).await;
    let notice = "const notice = document.querySelector('.trouble');
         return [notice?.textContent ?? '', notice?.querySelector('code')?.textContent ?? '']";
    let notice = browser.run(notice).await;
    assert!(
        text(&notice[0]).contains("Events do not come in, or outcomes do not go out.")
            && text(&notice[0]).contains("An urgent leaver can be sent to POST /v1/events.")
            && text(&notice[1]).len() > 5,
        "{notice}"
    );
    // The other door.
    scene.join("E-1", "Quistgaard").await;
    comes_to(&scene, &browser, "E-1", DANISH, "ready").await;
    scene.until_state("E-1", "ready").await;

    broker.set_away(false);
    until("it consumes again", || async { broker.consumers("carepass.engineers") == Some(1) }).await;
    until("the house says so", || async { scene.get("/readyz?intake").await["status"] == "ready" }).await;
    browser.open(&scene.at("/")).await;
    assert_eq!(browser.run("return document.querySelector('.trouble')").await, Value::Null);
    until("what it had to tell is told", || async {
        broker.depth("carepass.outcomes").is_some_and(|depth| depth > 0)
    })
    .await;
    scene.close(browser).await;
    stop.cancel();
}

async fn part(scene: &Scene, name: &str) -> Value {
    let parts = scene.get("/readyz?intake").await["parts"].clone();
    items(&parts).into_iter().find(|part| part["name"] == name).unwrap_or(Value::Null)
}

/// The same event twice changes nothing; the same revision with another content is used by nobody and asks; a later revision clears it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_duplicate_event() {
    let scene = Scene::open(&[]).await;
    let event = events::joined_as("E-1", "Torvild", "Quistgaard");
    assert_eq!(scene.send(&event).await, 202);
    scene.until_state("E-1", "ready").await;
    scene.until_still().await;
    let before = scene.engineer("E-1").await;
    assert_eq!(scene.send(&event).await, 202);
    assert_eq!(scene.engineer("E-1").await, before, "a repeat changes nothing");

    let mut other = events::joined_as("E-1", "Torvild", "Andersen");
    other["id"] = "another-of-revision-1".into();
    assert_eq!(scene.send(&other).await, 422);
    assert_eq!(scene.engineer("E-1").await, before, "neither of two words is used");
    let letters = items(&scene.get("/v1/dead-letters").await);
    assert_eq!((letters.len(), &letters[0]["engineer"]), (1, &json!("E-1")), "{letters:#?}");
    let browser = scene.browser().await;
    browser.open(&scene.at("/events")).await;
    let shown = browser.run("return document.querySelector('article').textContent").await;
    assert!(text(&shown).contains("E-1") && text(&shown).contains(text(&letters[0]["reason"])), "{shown}");
    assert!(scene.explain("E-1").await.contains("is ready"));

    // Taken up again it is what it was.
    browser.write("article input[name=reason]", "once more").await;
    browser.click("article button[value=replay]").await;
    browser.until("it is refused again", "return document.querySelector('[role=alert]')").await;
    assert_eq!(scene.engineer("E-1").await, before);
    other["data"]["revision"] = 2.into();
    other["id"] = "revision-2".into();
    assert_eq!(scene.send(&other).await, 202);
    until("the later word is in force", || async { scene.engineer("E-1").await["revision"] == 2 }).await;
    scene.close(browser).await;
}

/// A flood above the limit is held and asks once; leavers pass; a person lets the rest in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn situation_flood() {
    let scene = Scene::open(&[("LIMITS__GRANTS_PER_HOUR", "1")]).await;
    scene.join("E-1", "Quistgaard").await;
    scene.join("E-2", "Ravnkilde").await;
    scene.join("E-3", "Sandholm").await;
    scene.until_state("E-1", "ready").await;
    assert_eq!(scene.send(&events::ended("left", "E-1", 2)).await, 202);
    scene.until_state("E-1", "removed").await;
    scene.until_still().await;
    let held = scene.engineer("E-2").await;
    assert_eq!((&held["state"], &held["reason"]), (&json!("planned"), &json!("grants_held")), "{held:#}");
    let card = scene.card("grants_held").await;
    assert_eq!(card["engineers"], json!(["E-2", "E-3"]), "{card:#}");
    let so = text(&card["sentences"]["so"]).to_owned();
    assert!(scene.explain("E-2").await.contains(&so));
    let browser = scene.browser().await;
    browser.open(&scene.at("/engineers/E-2")).await;
    let page = browser.run("return document.getElementById('main').textContent").await;
    assert!(text(&page).contains(&so), "{page}");
    browser.open(&scene.at("/grants")).await;
    let page = browser.run("return document.querySelector('article').textContent").await;
    assert!(text(&page).contains(&so) && text(&page).contains("E-3"), "{page}");
    press(&browser, "article form.order", "release").await;
    comes_to(&scene, &browser, "E-2", DANISH, "ready").await;
    scene.until_state("E-2", "ready").await;
    scene.until_state("E-3", "ready").await;
    scene.close(browser).await;
}
