//! The operator's day: each situation is one test that brings it about with the real parts (the sandbox over HTTP, the house as `serve`
//! wires it, the broker's protocol, a real Chromium), looks at it through every door, does in the browser what is offered there, and sees
//! the work go on once that is pressed. Nothing moves while it is looked at. Here is what the doors have in common; what happens is in
//! `at_google` and `from_hr`, that the work goes on by itself too in `unpressed`, and what only a button shows in `buttons`. Not here: how
//! single pages look (`room`), and which answer of Google's means what (`google/answers`).

mod at_google;
mod buttons;
mod from_hr;
mod scene;
mod unpressed;

use crate::fixture::chromium::Chromium;
use scene::Scene;
use serde_json::{Value, json};

/// What every door says of an engineer.
struct Situation<'a> {
    engineer: &'a str,
    /// The engineer's state, in the API's word and the dashboard's.
    state: (&'a str, &'a str),
    /// The domain that shows it, and the reseller account with whether new accounts are made there.
    place: &'a str,
    account: (&'a str, bool),
    /// Why the domain's row is not at its end, and who acts next.
    reason: &'a str,
    waiting_on: Option<&'a str>,
    /// The word in the matrix.
    word: &'a str,
    /// What is so, in the same words at every door.
    so: &'a str,
    /// The task of it; none where nobody need do anything.
    card: Option<Card<'a>>,
}

/// What a person is shown and offered.
struct Card<'a> {
    reason: &'a str,
    so: &'a str,
    /// The values to copy, by name.
    values: &'a [&'a str],
    button: &'a str,
    /// It keeps access open that was to end.
    is_open_exposure: bool,
}

/// Looks at the situation through the API, the dashboard and the shell.
async fn check(scene: &Scene, browser: &Chromium, situation: &Situation<'_>) {
    scene.until_still().await;
    api_says(scene, situation).await;
    let shell = scene.explain(situation.engineer).await;
    assert!(shell.contains(situation.so), "explain: {shell}");
    matrix_shows(scene, browser, situation).await;
    account_shows(scene, browser, situation.account).await;
    browser.open(&scene.at(&format!("/engineers/{}", situation.engineer))).await;
    let page = browser.run("return [document.querySelector('.lead').textContent, document.getElementById('main').textContent]").await;
    assert_eq!(page[0], situation.state.1);
    assert!(text(&page[1]).contains(situation.so), "the engineer's page: {}", text(&page[1]));
    match &situation.card {
        Some(card) => card_shows(scene, browser, card).await,
        None => assert_eq!(scene.card(situation.reason).await, Value::Null, "a task that nobody need do"),
    }
}

async fn api_says(scene: &Scene, situation: &Situation<'_>) {
    let engineer = scene.engineer(situation.engineer).await;
    assert_eq!(engineer["state"], situation.state.0, "{engineer:#}");
    let row = scene::row_at(&engineer, situation.place);
    assert_eq!(row["reason"], situation.reason, "{row:#}");
    if let Some(who) = situation.waiting_on {
        assert_eq!(row["waiting_on"], who, "{row:#}");
    }
    assert!(text(&row["sentences"]["so"]).contains(situation.so), "{row:#}");
    assert!(row["look_again_at"].is_string(), "nobody knows when carepass looks again: {row:#}");
    let (name, ready) = situation.account;
    let accounts = items(&scene.get("/v1/resellers").await);
    let account = accounts.iter().find(|account| account["name"] == name).expect("it is configured");
    assert_eq!(account["ready"], ready, "{account:#}");
}

async fn matrix_shows(scene: &Scene, browser: &Chromium, situation: &Situation<'_>) {
    let Situation { engineer, place, .. } = situation;
    browser.open(&scene.at("/")).await;
    assert_eq!(browser.run(&cell(engineer, place)).await, situation.word, "{engineer} in {place}");
    let line = format!(
        "return document.querySelector('a[href=\"/engineers/{engineer}\"]').closest('tr').children[1].textContent"
    );
    assert_eq!(browser.run(&line).await, situation.state.1);
}

/// The page of the reseller account says whether its work goes through.
async fn account_shows(scene: &Scene, browser: &Chromium, (name, ready): (&str, bool)) {
    browser.open(&scene.at(&format!("/resellers/{name}"))).await;
    let script = "return [...document.querySelectorAll('dt')].find((one) => one.textContent === 'Breaker')
         .nextElementSibling.textContent";
    let breaker = browser.run(script).await;
    let expected = if ready { "closed: " } else { "open: " };
    assert!(text(&breaker).starts_with(expected), "{name}: {breaker}");
}

async fn card_shows(scene: &Scene, browser: &Chromium, card: &Card<'_>) {
    let told = scene.card(card.reason).await;
    assert!(text(&told["sentences"]["so"]).contains(card.so), "{told:#}");
    assert_eq!(told["open_exposure"], card.is_open_exposure, "{told:#}");
    browser.open(&scene.at("/tasks")).await;
    let script = format!(
        "const card = document.querySelector('article[aria-labelledby=\"{}\"]');
         const copies = [...card.querySelectorAll('button[data-copy]')].filter((one) => !one.hidden);
         return {{
             text: card.textContent,
             button: card.querySelector('form.order button[name=order]').textContent,
             names: copies.map((one) => one.getAttribute('aria-label').replace('Copy: ', '')),
             values: copies.map((one) => document.getElementById(one.dataset.copy).textContent),
         }}",
        text(&told["id"])
    );
    let shown = browser.run(&script).await;
    assert!(text(&shown["text"]).contains(card.so), "{shown:#}");
    assert_eq!(shown["button"], card.button, "{shown:#}");
    assert_eq!(shown["names"], json!(card.values), "{shown:#}");
    let values = items(&told["values"]);
    let paste = Some(&told["paste"]).filter(|paste| !paste.is_null());
    let values: Vec<&Value> = values.iter().map(|value| &value["value"]).chain(paste).collect();
    assert_eq!(shown["values"], json!(values), "what is copied is what the API names");
    assert_eq!(text(&shown["text"]).contains("Lock it out by hand now"), card.is_open_exposure, "{shown:#}");
}

/// A script that gives the word of an engineer in a domain.
fn cell(engineer: &str, place: &str) -> String {
    format!(
        "const heads = [...document.querySelectorAll('.matrix thead th')];
         const column = heads.findIndex((one) => one.firstChild.textContent === '{place}');
         const line = document.querySelector('a[href=\"/engineers/{engineer}\"]')?.closest('tr');
         return line?.children[column]?.textContent ?? null"
    )
}

/// Watches the matrix until an engineer's domain is shown so; nobody loads the page anew.
async fn comes_to(scene: &Scene, browser: &Chromium, engineer: &str, place: &str, word: &str) {
    browser.open(&scene.at("/")).await;
    browser.run("window.mark = 'the same page'").await;
    let shown = format!("return (() => {{ {} }})() === '{word}'", cell(engineer, place));
    browser.until(&format!("{engineer} in {place} is shown as: {word}"), &shown).await;
    assert_eq!(browser.run("return window.mark").await, "the same page", "it was loaded anew");
}

/// Presses the button of a task's card, with a reason.
async fn press_card(scene: &Scene, browser: &Chromium, reason: &str) {
    let card = scene.card(reason).await;
    let form = format!("article[aria-labelledby='{}'] form.order", text(&card["id"]));
    browser.open(&scene.at("/tasks")).await;
    press(browser, &form, "done").await;
}

/// Writes a reason into a form and presses one of its buttons.
async fn press(browser: &Chromium, form: &str, order: &str) {
    browser.write(&format!("{form} input[name=reason]"), "pressed in the browser").await;
    browser.click(&format!("{form} button[value={order}]")).await;
    browser.until("it says what it did", "return document.querySelector('.said')").await;
}

/// Presses *Try again now* for an engineer's domain: what it does by itself begins with that look.
async fn press_retry(scene: &Scene, browser: &Chromium, engineer: &str, place: &str) {
    let form = form_of(scene, browser, engineer, place).await;
    press(browser, &form, "retry").await;
}

/// The form of an engineer's domain, on the engineer's page.
async fn form_of(scene: &Scene, browser: &Chromium, engineer: &str, place: &str) -> String {
    browser.open(&scene.at(&format!("/engineers/{engineer}"))).await;
    let script = format!(
        "const found = [...document.querySelectorAll('details.card')].find((one) => one.textContent.includes('{place}'));
         found.open = true; return found.id"
    );
    format!("#{} form.order", text(&browser.run(&script).await))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> Vec<Value> {
    let list = value.get("items").unwrap_or(value);
    list.as_array().cloned().unwrap_or_else(|| panic!("a list: {value:#}"))
}
