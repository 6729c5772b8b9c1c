//! The dashboard in a real Chromium, over the demo as a user starts it: the way in, every page in both languages, dark and light, wide and
//! narrow, one order, pages that renew themselves, the keyboard alone, another site's page. Pictures are left in `target/room`. Not here:
//! requests that no browser sends (`src/http/tests/room.rs`).

use crate::fixture::chromium::{Chromium, ENTER, TAB};
use crate::fixture::process::carepass;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// What can be said of accessibility without judgement.
const ACCESSIBLE: &str = include_str!("room/accessible.js");

/// Pages, and the files of their pictures.
const PAGES: [(&str, &str); 9] = [
    ("/", "matrix"),
    ("/tasks", "tasks"),
    ("/grants", "grants"),
    ("/leavers", "leavers"),
    ("/resellers", "resellers"),
    ("/resellers/nordic-dk", "reseller"),
    ("/events", "events"),
    ("/engineers/E-20418", "engineer"),
    ("/engineers/J-00312", "engineer-waiting"),
];

/// Whether there is a number for every state, and each is that of the lines in it.
const NUMBERS: &str = "
    const lines = [...document.querySelectorAll('.matrix tbody tr')].map(line => line.cells[1].innerText.trim());
    const parts = [...document.querySelectorAll('.glance a')];
    return parts.length === 8 && parts.every((part, place) => {
        const [word, number] = [part.firstChild.textContent.trim(), part.querySelector('strong')?.innerText];
        return number === String(place === 0 ? lines.length : lines.filter(line => line === word).length);
    })";

/// Streams that a caller may have at once.
const STREAMS: usize = 8;

/// A page that breaks every rule of the check, and the rules.
const FAULTY: &str = "<header></header><h3></h3><main></main><main></main><p style='color:%23aaa;width:9999px'>pale</p>\
     <input name=a id=a><button id=a style='width:9px;height:9px;padding:0'></button><table><tr><td>x</table><table><tr><th>y</table>\
     <label for=nowhere>z</label><b tabindex=3>t</b><div class=scroll>s</div><i class=s style='color:%23000'>q</i>";
const RULES: [&str; 18] = [
    "no language",
    "no title",
    "not one main",
    "not one h1",
    "no way past the navigation",
    "a heading leaves out a level",
    "an empty heading",
    "a head of a table without a scope",
    "a table without heads",
    "no name",
    "no label",
    "an id twice",
    "for leads nowhere",
    "an order of its own",
    "cannot be scrolled by keyboard",
    "contrast",
    "a small target",
    "the page is",
];

/// What somebody writes as a reason who hopes that it is run.
const REASON: &str = "<img src=x onerror=document.title='run'>\"'><script>document.title='run'</script>";

/// The demo, with what it has printed.
struct Demo {
    origin: String,
    link: String,
    token: String,
    process: Child,
}

impl Demo {
    async fn start() -> Self {
        let mut command = Command::from(carepass());
        let command = command.args(["demo", "--listen", "127.0.0.1:0"]).env("RUST_BACKTRACE", "1");
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("the built binary");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let said = loop {
            let line = lines.next_line().await.expect("text").expect("the demo says where the dashboard is");
            if let Some(said) = line.strip_prefix("Dashboard: ") {
                break said.to_owned();
            }
        };
        // What it says later is read, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let link = said.split(' ').next().expect("a link").to_owned();
        let file = said.rsplit(' ').next().expect("a file").trim_end_matches(')').to_owned();
        let origin = link.split("/enter/").next().expect("an origin").to_owned();
        let token = std::fs::read_to_string(file).expect("the demo's token").trim().to_owned();
        Self { origin, link, token, process }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Retries the row, which nobody is at work on.
    async fn order(&self, reason: &str) {
        self.rests().await;
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let order = client.post(self.at(&format!("/v1/enrollments/{KEY}/{}/{}/orders", PLACE[0], PLACE[1])));
        let order = order.bearer_auth(&self.token).json(&json!({ "order": "retry", "reason": reason }));
        let answer = order.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Until the row waits, as it does but for moments; its version.
    async fn rests(&self) -> u64 {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let waiting = async {
            loop {
                let ask = client.get(self.at(&format!("/v1/engineers/{KEY}"))).bearer_auth(&self.token);
                let shown = ask.send().await.expect("an answer").text().await.expect("text");
                let shown: Value = serde_json::from_str(&shown).expect("an engineer");
                let rows = shown["enrollments"].as_array().expect("its rows");
                let is_it = |row: &&Value| {
                    let target = &row["target"];
                    [&target["reseller"], &target["domain"]].map(Value::as_str) == PLACE.map(Some)
                };
                let row = rows.iter().find(is_it).expect("the row");
                if row["state"] == "waiting" {
                    return row["version"].as_u64().expect("a version");
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the row waits")
    }
}

#[tokio::test]
async fn the_dashboard_in_chromium() {
    let (demo, browser) = tokio::join!(Demo::start(), Chromium::start());
    signs_in(&demo, &browser).await;
    settles(&demo, &browser).await;
    faults_are_found(&browser).await;
    every_page_is_accessible(&demo, &browser).await;
    an_order_is_carried_out_and_its_words_are_text(&demo, &browser).await;
    a_page_renews_itself(&demo, &browser).await;
    a_page_is_told(&demo, &browser).await;
    a_page_without_a_stream_looks_by_itself(&demo, &browser).await;
    the_keyboard_is_enough(&demo, &browser).await;
    a_page_elsewhere_orders_nothing(&demo, &browser).await;
    the_language_is_the_readers(&demo, &browser).await;
    signs_out(&demo, &browser).await;
    browser.close().await;
    let Demo { mut process, .. } = demo;
    process.kill().await.expect("the demo can be ended");
}

/// The link that the demo prints opens the dashboard, once.
async fn signs_in(demo: &Demo, browser: &Chromium) {
    browser.open(&demo.link).await;
    assert_eq!(browser.address().await, demo.at("/"));
    let cookies = browser.run("return document.cookie").await;
    assert_eq!(cookies, json!(""), "scripts can read the session");
}

/// The demo begins while somebody watches: states change on the page, which nobody reloads.
async fn settles(demo: &Demo, browser: &Chromium) {
    browser.run("window.mark = 'the same page'").await;
    let settled = "return document.querySelectorAll('.matrix .s.ready').length >= 20 && document.querySelectorAll('.matrix .s.you').length >= 3";
    browser.until("most are ready, some wait for a person", settled).await;
    browser.until("the numbers are those of the lines", NUMBERS).await;
    assert_eq!(browser.run("return window.mark").await, json!("the same page"), "it was loaded anew");
    assert_eq!(browser.address().await, demo.at("/"));
}

/// The check itself: it says of a page what is wrong with it.
async fn faults_are_found(browser: &Chromium) {
    browser.open(&format!("data:text/html,{FAULTY}")).await;
    let found = list(&browser.run(ACCESSIBLE).await);
    for rule in RULES {
        assert!(found.iter().any(|line| line.starts_with(rule)), "not found: {rule} in {found:?}");
    }
}

async fn every_page_is_accessible(demo: &Demo, browser: &Chromium) {
    let folder = pictures();
    let mut wrong = Vec::new();
    for (path, name) in PAGES {
        browser.look(1280, false).await;
        browser.open(&demo.at(path)).await;
        for (suffix, width, is_dark) in [("", 1280, false), ("-dark", 1280, true), ("-narrow", 360, false)] {
            browser.look(width, is_dark).await;
            let found = browser.run(ACCESSIBLE).await;
            wrong.extend(list(&found).into_iter().map(|line| format!("{path}{suffix}: {line}")));
            browser.picture(&folder.join(format!("{name}{suffix}.png"))).await;
        }
    }
    browser.look(1280, false).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}

async fn an_order_is_carried_out_and_its_words_are_text(demo: &Demo, browser: &Chromium) {
    browser.open(&demo.at("/tasks")).await;
    // No task of the demo has values to copy, so one is put there; the script is the page's own.
    let value = "<code id=probe>C01abc123</code><button data-copy=probe>Copy</button>";
    browser
        .run(&format!("document.getElementById('main').insertAdjacentHTML('afterbegin', '{value}')"))
        .await;
    browser.click("button[data-copy]").await;
    let copied = "const { copied, marked } = document.body.dataset; return [copied, marked].includes(document.getElementById('live').textContent)";
    browser.until("it says that it has copied", copied).await;
    let engineer = browser
        .run("return document.querySelector('article a[href^=\"/engineers/\"]').getAttribute('href')")
        .await;
    browser.open(&demo.at(engineer.as_str().expect("a path"))).await;
    browser.write("details[open] input[name=reason]", REASON).await;
    browser.click("details[open] button[value=retry]").await;
    browser.until("it says what it did", "return document.querySelector('.said')").await;
    browser
        .until(
            "the reason is in the history",
            "return [...document.querySelectorAll('q')].some((q) => q.textContent.startsWith('<img'))",
        )
        .await;
    assert_ne!(browser.run("return document.title").await, json!("run"), "a reason was run");
    assert_eq!(
        browser.run("return document.querySelectorAll('.past img, .past script').length").await,
        json!(0)
    );
}

/// What somebody else does is seen without a reload; while somebody writes, nothing is taken from under their hands.
async fn a_page_renews_itself(demo: &Demo, browser: &Chromium) {
    browser.open(&demo.at(ENGINEER)).await;
    browser.run("window.mark = 'the same page'").await;
    demo.order("seen without a reload").await;
    browser.until("the order is seen", &sees("seen without a reload")).await;
    // What is shown is taken away by nothing once nothing more is to be shown.
    let last = demo.rests().await;
    let shown = format!(
        "return [...document.querySelectorAll('details.card')].some((one) => one.textContent.includes('{}')
         && one.querySelector('input[name=row_version]')?.value === '{last}')",
        PLACE[1]
    );
    browser.until("the page shows the row at rest", &shown).await;
    browser.write("details[open] input[name=reason]", "half a sen").await;
    demo.order("not seen yet").await;
    let waits = "return document.getElementById('live').textContent === document.body.dataset.changed";
    browser.until("it says that something has changed", waits).await;
    assert_eq!(
        browser.run("return document.querySelector('details[open] input[name=reason]').value").await,
        json!("half a sen")
    );
    assert_eq!(browser.run("return window.mark").await, json!("the same page"));
}

/// A row of which the tests order something, and its engineer's page.
const KEY: &str = "J-00312";
const PLACE: [&str; 2] = ["nordic-se", "reseller-se.example"];
const ENGINEER: &str = "/engineers/J-00312";

fn sees(word: &str) -> String {
    format!("return [...document.querySelectorAll('q')].some((q) => q.textContent === '{word}')")
}

/// What changes is told: a page that cannot look by itself shows it all the same.
async fn a_page_is_told(demo: &Demo, browser: &Chromium) {
    let never = browser.before_pages("window.setInterval = () => 0").await;
    browser.open(&demo.at(ENGINEER)).await;
    browser.until("the page is told", "return document.body.dataset.told === 'true'").await;
    demo.order("told at once").await;
    browser.until("the order is seen", &sees("told at once")).await;
    browser.not_before_pages(never).await;
}

/// As many streams as a caller may have are open elsewhere.
async fn a_page_without_a_stream_looks_by_itself(demo: &Demo, browser: &Chromium) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = || client.get(demo.at("/v1/stream")).bearer_auth(&demo.token).send();
    let mut streams = Vec::new();
    browser.open("about:blank").await;
    // The page's own stream ends when the server has seen that it is gone.
    while streams.len() < STREAMS {
        let answer = ask().await.expect("an answer");
        if answer.status().is_success() {
            streams.push(answer);
        } else {
            sleep(Duration::from_millis(20)).await;
        }
    }
    browser.open(&demo.at(ENGINEER)).await;
    demo.order("seen without a stream").await;
    browser.until("the order is seen", &sees("seen without a stream")).await;
    assert_eq!(browser.run("return document.body.dataset.told").await, json!("false"));
    drop(streams);
}

/// From the address line to an order with Tab and Enter alone, and the keyboard is always seen.
async fn the_keyboard_is_enough(demo: &Demo, browser: &Chromium) {
    browser.open(&demo.at("/")).await;
    browser.press(TAB).await;
    let focus = "const at = document.activeElement; return [at.tagName, at.getAttribute('href') ?? at.name ?? '', getComputedStyle(at).outlineStyle]";
    assert_eq!(
        browser.run(focus).await,
        json!(["A", "#main", "solid"]),
        "the first stop leads past the navigation"
    );
    browser.press(ENTER).await;
    assert_eq!(browser.run("return document.activeElement.id").await, json!("main"));
    browser.open(&demo.at("/")).await;
    tab_to(browser, "at.getAttribute('href') === '/tasks'").await;
    browser.press(ENTER).await;
    browser
        .until(
            "the tasks are there",
            "return location.pathname === '/tasks' && document.querySelector('article')",
        )
        .await;
    tab_to(browser, "at.name === 'reason'").await;
    browser.press("k").await;
    tab_to(browser, "at.tagName === 'BUTTON' && at.name === 'order'").await;
    browser.press(ENTER).await;
    browser
        .until(
            "the order is carried out",
            "return location.search === '?said=checked' && document.querySelector('.said')",
        )
        .await;
}

async fn tab_to(browser: &Chromium, wanted: &str) {
    let script = format!(
        "const at = document.activeElement; const style = getComputedStyle(at); \
         return [at !== document.body && at !== document.documentElement && Boolean({wanted}), at === document.body || style.outlineStyle !== 'none']"
    );
    for _ in 0..200 {
        browser.press(TAB).await;
        let found = browser.run(&script).await;
        assert_eq!(found[1], json!(true), "the keyboard is where nobody sees it");
        if found[0] == json!(true) {
            return;
        }
    }
    panic!("the keyboard does not come to: {wanted}");
}

/// A page at another port is of the same site, so the browser sends the cookie along; the order is refused all the same. Nor can the
/// page show ours inside itself.
async fn a_page_elsewhere_orders_nothing(demo: &Demo, browser: &Chromium) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let elsewhere = format!("http://{address}/");
    let page = format!(
        "<!doctype html><title>elsewhere</title><a href='{0}/tasks?from=0'>what is to be done</a><iframe src='{0}/'></iframe>\
         <form method=post action='{0}/engineers/E-20418/orders'><input name=order value=retry><input name=reason value=forged></form>",
        demo.origin
    );
    // A browser opens more connections than it uses.
    let routes = Router::new().route("/", get(Html(page)));
    let serving = tokio::spawn(axum::serve(listener, routes).into_future());
    browser.open(&elsewhere).await;
    browser.run("document.forms[0].submit()").await;
    let refused = browser
        .until(
            "it is refused",
            "return location.pathname.endsWith('/orders') && document.querySelector('h1')?.textContent",
        )
        .await;
    assert_eq!(refused, json!("This was not sent by a page of this session"));
    a_link_on_another_site_leads_to_its_page(demo, browser, address.port()).await;
    serving.abort();
    browser.open(&demo.at("/engineers/E-20418")).await;
    let forged = browser.run("return document.body.textContent.includes('forged')").await;
    assert_eq!(forged, json!(false));
    // The frame and the refused form are what the browser has to complain about.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().any(|line| line.contains("frame")), "the frame was shown: {complaints:?}");
}

/// To a browser `localhost` is another site than 127.0.0.1: it keeps the session's cookie back, and yet nobody has to sign in again.
async fn a_link_on_another_site_leads_to_its_page(demo: &Demo, browser: &Chromium, port: u16) {
    browser.open(&format!("http://localhost:{port}/")).await;
    assert_eq!(browser.run("return document.title").await, json!("elsewhere"));
    browser.click("a").await;
    browser
        .until(
            "the link leads to the tasks",
            "return document.querySelector('h1')?.textContent.startsWith('What only a person can do')",
        )
        .await;
    assert_eq!(browser.address().await, demo.at("/tasks?from=0"));
}

async fn the_language_is_the_readers(demo: &Demo, browser: &Chromium) {
    browser.open(&demo.at("/tasks")).await;
    browser.click("button[lang=sv]").await;
    browser
        .until(
            "the page is Swedish",
            "return document.documentElement.lang === 'sv' && location.pathname === '/tasks'",
        )
        .await;
    let found = browser.run(ACCESSIBLE).await;
    assert_eq!(list(&found), Vec::<String>::new());
    browser.picture(&pictures().join("tasks-swedish.png")).await;
    browser.click("button[lang=en]").await;
    browser.until("and English again", "return document.documentElement.lang === 'en'").await;
}

async fn signs_out(demo: &Demo, browser: &Chromium) {
    browser.click("form[action='/sign-out'] button").await;
    browser.until("nobody is signed in", "return location.pathname === '/sign-in'").await;
    let found = browser.run(ACCESSIBLE).await;
    assert_eq!(list(&found), Vec::<String>::new());
    browser.picture(&pictures().join("sign-in.png")).await;
    browser.open(&demo.link).await;
    browser.until("the link was good once", "return document.querySelector('[role=alert]')").await;
    browser.write("#token", &demo.token).await;
    browser.click("button.main").await;
    browser.until("the token opens it again", "return location.pathname === '/'").await;
}

fn list(found: &Value) -> Vec<String> {
    let lines = found.as_array().expect("a list");
    lines.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}

/// Where the pictures are left; of the last run only.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/room");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
