//! The dashboard as browsers and their enemies find it: sessions, the proof in each form, origins, frames, orders, names that are code.
//! The table of rooms is walked, so that a new page is tested by standing in it. Not here: a real browser (`tests/it/room`).

mod glance;
mod hostile;
mod pages;
mod said;

use super::*;
use crate::http::room::{ROUTES as ROOMS, Room, STREAM};
use crate::model::engineer::EventRef;
use crate::model::entry::{Disposition, Received};
use crate::model::parked::{Door, Letter};
use reqwest::RequestBuilder;
use std::time::Duration;

const EVIL: &str = "https://evil.example";

/// What somebody writes who hopes that it is run, or ends an attribute.
const INJECTIONS: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus=alert(1) autofocus='",
    "javascript:alert(1)",
    "</title></textarea><svg onload=alert(1)>",
    "{{7*7}} ${7*7} \u{202e}evil",
];

/// A browser that has signed in.
struct Browser<'s> {
    server: &'s Server,
    client: reqwest::Client,
    cookie: String,
    proof: String,
}

impl<'s> Browser<'s> {
    async fn of(server: &'s Server, role: Role) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut browser = Self { server, client, cookie: String::new(), proof: String::new() };
        let answer = browser.sign_in(&server.tokens[&role]).await;
        assert_eq!(
            (answer.status(), &answer.headers()["location"]),
            (StatusCode::SEE_OTHER, &"/".parse().unwrap())
        );
        let kept = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(kept.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800"), "{kept}");
        kept.split(';').next().unwrap().clone_into(&mut browser.cookie);
        let (_, page) = browser.page("/").await;
        let field = page.split("name=\"proof\" value=\"").nth(1);
        field.map_or("", |rest| rest.split('"').next().unwrap()).clone_into(&mut browser.proof);
        browser
    }

    async fn sign_in(&self, token: &str) -> reqwest::Response {
        let request = self.client.post(self.url("/sign-in")).header("origin", self.origin());
        request.form(&[("token", token)]).send().await.unwrap()
    }

    fn origin(&self) -> String {
        format!("http://{}", self.server.address)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).header("cookie", &self.cookie)
    }

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let answer = self.get(path).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// A form as our own page sends it.
    fn press(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let mut all = vec![("proof", self.proof.as_str())];
        all.extend_from_slice(fields);
        self.client
            .post(self.url(path))
            .header("cookie", &self.cookie)
            .header("origin", self.origin())
            .header("sec-fetch-site", "same-origin")
            .form(&all)
    }
}

fn room_path(path: &str) -> String {
    let path = path.replace("events/{id}", &format!("events/{}", "0".repeat(32)));
    filled(&path.replace("grants/{id}", "grants/grants-held"))
}

#[tokio::test]
async fn whoever_has_signed_in_sees_every_page_and_is_gone_after_the_sign_out() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    put_waiting(&server.store, "engineer/E-1").await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let is_page =
        |room: &&Room| room.method == Method::GET && !room.path.contains("{reseller}") && room.path != STREAM;
    for room in ROOMS.iter().filter(is_page) {
        let path = room_path(room.path);
        let answer = browser.get(&path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'")
                && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{path}: {policy}"
        );
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        let page = answer.text().await.unwrap();
        let looks = page.contains("data-live=\"true\"");
        assert!(looks && page.matches("<h1>").count() == 1, "{path}: {page}");
        assert!(!page.contains("<form class=\"order\""), "{path}: a viewer has no buttons");
        assert!(page.len() < 300_000, "{path}");
        // Looked at again, nothing is sent that the reader has.
        let again = browser.get(&path).header("if-none-match", &headers["etag"]).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
    let answer = browser.press("/sign-out", &[]).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/sign-in");
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(browser.page("/").await.0, StatusCode::SEE_OTHER, "the session is over, not only the cookie");
}

/// The pages are told what the API tells, under the session and not under a token.
#[tokio::test]
async fn a_page_is_told_what_changes_while_its_session_lasts() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let mut answer = browser.get(STREAM).send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    let mut told = String::new();
    while !told.contains("event: opened") {
        told += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    put_engineer(&server.store, "E-1", HELD).await;
    while !told.contains("\"key\":\"E-1\"") {
        told += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    browser.press("/sign-out", &[]).send().await.unwrap();
    let ends = async { while answer.chunk().await.unwrap().is_some() {} };
    let in_time = tokio::time::timeout(Duration::from_mins(1), ends).await;
    assert!(in_time.is_ok(), "who has signed out is told on");
    assert_eq!(browser.get(STREAM).send().await.unwrap().status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_signs_in_without_a_token() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    for token in ["", "short", &"a".repeat(43), &"a".repeat(4_000), "<script>"] {
        let answer = browser.sign_in(token).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{token}");
        assert!(!answer.headers().contains_key("set-cookie"), "{token}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("role=\"alert\"") && !page.contains("<script>"), "{page}");
    }
    let publisher = server.tokens[&Role::Publisher].clone();
    let answer = browser.sign_in(&publisher).await;
    let kept = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = browser.client.get(browser.url("/sign-in")).header("cookie", kept).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK, "whoever may see nothing gets the form");
    for path in ["/enter/", "/enter/nothing", &format!("/enter/{}", "a".repeat(43))] {
        let answer = browser.client.get(browser.url(path)).send().await.unwrap();
        assert!(answer.status().is_client_error() && !answer.headers().contains_key("set-cookie"), "{path}");
    }
    let token = &server.tokens[&Role::Approver];
    let foreign =
        browser.client.post(browser.url("/sign-in")).header("origin", EVIL).form(&[("token", token)]);
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN, "signed in by another page");
}

/// A link leads where it should, also for whoever has to sign in first and for whoever found it on another site.
#[tokio::test]
async fn a_link_leads_to_its_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let from = |site| {
        let link = browser.client.get(browser.url("/tasks?from=50")).header("sec-fetch-site", site);
        link.header("sec-fetch-mode", "navigate")
    };
    let answer = from("none").send().await.unwrap();
    let form = answer.headers()["location"].to_str().unwrap();
    assert_eq!(form, "/sign-in?back=/tasks%3Ffrom%3D50");
    let page = browser.client.get(browser.url(form)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("name=\"back\" value=\"/tasks?from=50\""), "{page}");
    let signed = [("token", server.tokens[&Role::Viewer].as_str()), ("back", "/tasks?from=50")];
    let sent = browser.client.post(browser.url("/sign-in")).header("origin", browser.origin()).form(&signed);
    assert_eq!(sent.send().await.unwrap().headers()["location"], "/tasks?from=50");
    assert_eq!(
        browser.get(form).send().await.unwrap().headers()["location"],
        "/tasks?from=50",
        "is signed in"
    );
    let hop = from("cross-site").send().await.unwrap();
    assert_eq!(hop.status(), StatusCode::OK);
    let page = hop.text().await.unwrap();
    assert!(page.contains("http-equiv=\"refresh\" content=\"0; url=/tasks?from=50\""), "{page}");
    let evil = browser.client.get(browser.url("/sign-in?back=//evil.example")).send().await.unwrap();
    assert!(!evil.text().await.unwrap().contains("evil"));
    // Nor does a form, whoever has filled it in.
    let token = server.tokens[&Role::Viewer].as_str();
    for (path, field) in [("/sign-in", ("token", token)), ("/language", ("language", "sv"))] {
        let sent = browser.client.post(browser.url(path)).header("origin", browser.origin());
        let answer = sent.form(&[field, ("back", "//evil.example")]).send().await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["location"]),
            (StatusCode::SEE_OTHER, &"/".parse().unwrap()),
            "{path}"
        );
    }
}

/// The same rules as at the API, and the same words in the ledger.
#[tokio::test]
async fn buttons_do_what_the_orders_of_the_api_do() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_engineer(&server.store, "E-2", GRANTED).await;
    put_waiting(&server.store, "engineer/E-2").await;
    let (operator, approver) =
        (Browser::of(&server, Role::Operator).await, Browser::of(&server, Role::Approver).await);
    let engineer = "/engineers/E-2/orders";
    let (_, tasks) = operator.page("/tasks").await;
    let task = tasks.split("action=\"/tasks/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let done = format!("/tasks/{task}/done");
    let check = async |browser: &Browser<'_>, path: &str, fields: &[(&str, &str)], expected: StatusCode| {
        let answer = browser.press(path, fields).send().await.unwrap();
        let (status, place) = (answer.status(), answer.headers().get("location").cloned());
        assert_eq!(status, expected, "{path} {fields:?}: {}", answer.text().await.unwrap());
        place.map(|place| place.to_str().unwrap().to_owned())
    };
    let (faulty, no, gone) = (StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND);
    check(&operator, engineer, &[("order", "retry")], faulty).await;
    check(&operator, engineer, &[("order", "retry"), ("reason", " ")], faulty).await;
    check(&operator, engineer, &[("order", "retry"), ("reason", "two\nlines")], faulty).await;
    check(&operator, engineer, &[("order", "retry"), ("reason", &"x".repeat(501))], faulty).await;
    check(&operator, engineer, &[("order", "erase"), ("reason", "x")], faulty).await;
    check(&operator, engineer, &[("order", "retry"), ("reason", "x"), ("account", "a@b.se")], faulty).await;
    check(&operator, engineer, &[("order", "retry"), ("reason", "x"), ("role", "approver")], faulty).await;
    check(&operator, "/engineers/E-9/orders", &[("order", "retry"), ("reason", "x")], gone).await;
    let approve = [("order", "approve"), ("reason", "x"), ("engineer_version", "1")];
    check(&operator, "/engineers/E-1/orders", &approve, no).await;
    check(&operator, "/grants/grants-held/release", &[("reason", "x")], no).await;
    let place =
        check(&operator, &done, &[("order", "done"), ("reason", "bought seats")], StatusCode::SEE_OTHER)
            .await;
    assert_eq!(place.as_deref(), Some("/tasks?said=checked"));
    check(&operator, &done, &[("order", "done"), ("reason", "again")], gone).await;
    let (_, page) = approver.page("/grants").await;
    assert!(page.contains("name=\"held_before\" value=\"1970-01-01T00:00:00Z\""), "the last of them: {page}");
    let released =
        [("order", "release"), ("reason", "HR has confirmed"), ("held_before", "1970-01-01T00:00:00Z")];
    let place = check(&approver, "/grants/grants-held/release", &released, StatusCode::SEE_OTHER).await;
    assert_eq!(place.as_deref(), Some("/grants?said=released"));
    let (_, page) = approver.page("/grants?said=released").await;
    assert!(page.contains("role=\"status\">Released") && page.contains("Nobody is held"), "{page}");
    let (_, page) = operator.page("/engineers/E-2").await;
    assert!(page.contains("operator: <q lang=\"\">bought seats</q>"), "{page}");
    server.paces.exhaust("operator");
    assert_eq!(operator.page("/tasks").await.0, StatusCode::TOO_MANY_REQUESTS, "as at the API");
    assert_eq!(approver.page("/tasks").await.0, StatusCode::OK);
}

/// What has moved since the page was shown is not what somebody has decided about; looking once more does no harm.
#[tokio::test]
async fn a_button_holds_for_what_its_page_showed() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let browser = Browser::of(&server, Role::Approver).await;
    let (_, page) = browser.page("/engineers/E-1").await;
    let shown = |name: &str, place: &str| {
        let form =
            page.split(&format!("action=\"{place}\"")).nth(1).unwrap().split("</form>").next().unwrap();
        let field = form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        field.split('"').next().unwrap().to_owned()
    };
    let press = async |path: &str, order: &str, version: Option<(&str, &str)>| {
        let mut fields = vec![("order", order), ("reason", "x")];
        fields.extend(version);
        browser.press(path, &fields).send().await.unwrap().status()
    };
    let (engineer, row) = ("/engineers/E-1/orders", "/engineers/E-1/se/a.se/orders");
    let (seen, seen_row) = (shown("engineer_version", engineer), shown("row_version", row));
    let moved = StatusCode::PRECONDITION_FAILED;
    let before = server.store.head().await.unwrap();
    for version in
        [None, Some(("row_version", "7")), Some(("row_version", "x")), Some(("engineer_version", "0"))]
    {
        assert_eq!(press(row, "skip", version).await, moved, "{version:?}");
    }
    for version in [None, Some(("engineer_version", "7")), Some(("row_version", seen.as_str()))] {
        assert_eq!(press(engineer, "approve", version).await, moved, "{version:?}");
    }
    assert_eq!(server.store.head().await.unwrap(), before, "something was written");
    let (seen, seen_row) =
        (Some(("engineer_version", seen.as_str())), Some(("row_version", seen_row.as_str())));
    assert_eq!(press(row, "skip", seen_row).await, StatusCode::SEE_OTHER);
    assert_eq!(press(row, "skip", seen_row).await, moved, "the same form once more");
    assert_eq!(press(row, "retry", seen_row).await, StatusCode::SEE_OTHER);
    assert_eq!(press(engineer, "approve", seen).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_message_that_cannot_be_used_is_shown_and_taken_up_again() {
    let server = Server::start().await;
    let body = json!({ "specversion": "1.0", "id": "\"><script>alert(1)</script>", "source": "hr", "type": "com.carepass.engineer.joined.v1", "data": { "name": "<b>" } });
    let letter = Letter {
        content_type: Some("application/cloudevents+json".into()),
        headers: BTreeMap::new(),
        body: body.to_string().into_bytes(),
    };
    assert!(server.engine.receive(&letter, Door::Amqp).await.is_err());
    let browser = Browser::of(&server, Role::Operator).await;
    let (_, page) = browser.page("/events").await;
    assert!(!page.contains("<script>alert") && page.contains("What is wrong"), "{page}");
    let id = page.split("action=\"/events/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let answer = browser
        .press(&format!("/events/{id}/replay"), &[("order", "replay"), ("reason", "mended")])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "nothing was mended");
    let page = answer.text().await.unwrap();
    assert!(page.contains("<h1>The event cannot be used</h1>") && page.contains("<li>"), "{page}");
}

/// Whatever somebody writes stands there as text; nothing of it is a tag, an attribute or an address.
#[tokio::test]
async fn what_people_write_is_text() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    put_waiting(&server.store, "engineer/E-1").await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let mut engineer = engineer("E-1", GRANTED);
    engineer.version = 2;
    for text in INJECTIONS {
        let event = EventRef { source: text.to_owned(), id: text.to_owned() };
        put(&server.store, Vec::new()).await;
        let commit = Commit::new(
            Timestamp::UNIX_EPOCH,
            Actor::Event(event),
            vec![Change::Engineer(Box::new(engineer.clone()))],
        );
        server.store.commit(commit).await.unwrap();
        engineer.version += 1;
        let reason = Actor::Operator { name: text.to_owned(), reason: text.to_owned() };
        let commit =
            Commit::new(Timestamp::UNIX_EPOCH, reason, vec![Change::Engineer(Box::new(engineer.clone()))]);
        server.store.commit(commit).await.unwrap();
        engineer.version += 1;
    }
    let browser = Browser::of(&server, Role::Operator).await;
    let (status, page) = browser.page("/engineers/E-1").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    for code in
        ["<script>", "<img", "<svg", " onerror=alert(1)>", "\"' onfocus", "href=\"javascript", "style=\""]
    {
        assert!(!page.contains(code), "{code}: {page}");
    }
    for place in INJECTIONS {
        let answer = browser.get("/").query(&[("said", place), ("state", place)]).send().await.unwrap();
        let page = answer.text().await.unwrap();
        assert!(!page.contains("<script>") && !page.contains("alert(1)>"), "{place}: {page}");
    }
}

#[tokio::test]
async fn a_reader_chooses_the_language() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let choose = |fields: &[(&str, &str)]| {
        browser.client.post(browser.url("/language")).header("origin", browser.origin()).form(fields)
    };
    let answer = choose(&[("language", "sv"), ("back", "/tasks")]).send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/tasks".parse().unwrap())
    );
    let kept = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let swedish = browser.client.get(browser.url("/tasks")).header("accept-language", "en");
    let answer = swedish.header("cookie", format!("{}; {kept}", browser.cookie)).send().await.unwrap();
    assert_eq!(answer.headers()["content-language"], "sv");
    let page = answer.text().await.unwrap();
    assert!(page.contains("<html lang=\"sv\">") && page.contains("Det finns inget att göra"), "{page}");
    let answer = choose(&[("language", "sv"), ("back", "//evil.example")]).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/");
    assert_eq!(choose(&[("language", "de")]).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let none = browser.get("/engineers/E-9").header("accept-language", "sv").send().await.unwrap();
    assert_eq!(
        (none.status(), &none.headers()["content-type"]),
        (StatusCode::NOT_FOUND, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(none.text().await.unwrap().contains("<h1>Det finns inget sådant</h1>"));
}

#[tokio::test]
async fn the_files_of_the_pages_may_be_kept_for_ever_and_nothing_else_is_there() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let (_, page) = browser.page("/").await;
    let files: BTreeSet<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let answer = browser.client.get(browser.url(file)).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable", "{file}");
        assert!(!answer.text().await.unwrap().is_empty());
    }
    for path in ["/assets/", "/assets/room.js", "/assets/..%2f..%2fetc%2fpasswd", "/assets/mark-0.svg"] {
        assert_eq!(browser.page(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let elsewhere = page.split("=\"").filter(|text| text.starts_with("http") || text.starts_with("//"));
    assert_eq!(elsewhere.count(), 0, "{page}");
}

#[tokio::test]
async fn the_matrix_comes_in_parts_and_can_be_narrowed() {
    let server = Server::start().await;
    for number in 0..85 {
        put_engineer(&server.store, &format!("E-{number:02}"), GRANTED).await;
    }
    put_waiting(&server.store, "domain/E-50/se/a.se").await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let (mut path, mut keys, mut parts) = ("/".to_owned(), Vec::new(), 0);
    loop {
        let (_, page) = browser.page(&path).await;
        let found = page.split("<a href=\"/engineers/").skip(1);
        keys.extend(found.map(|rest| rest.split('"').next().unwrap().to_owned()));
        parts += 1;
        let Some(before) = page.split("\" rel=\"next\"").next().filter(|before| before.len() < page.len())
        else {
            break;
        };
        before.rsplit("href=\"").next().unwrap().clone_into(&mut path);
    }
    assert_eq!((keys.len(), parts), (85, 3));
    keys.dedup();
    assert_eq!(keys.len(), 85);
    for (query, expected) in [("state=provisioning", 1), ("state=ready", 0), ("state=", 40)] {
        let (_, page) = browser.page(&format!("/?{query}")).await;
        assert_eq!(page.matches("<a href=\"/engineers/").count(), expected, "{query}");
    }
    let answer = browser.get("/?key=E-50").send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/engineers/E-50");
    for query in ["key=a%20b", "state=nonsense"] {
        assert_eq!(browser.page(&format!("/?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
}

/// What an operator looks for at night is at the end of a long history.
#[tokio::test]
async fn of_a_long_history_the_newest_is_shown() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    let last = 2_100;
    for number in 1..=last {
        let event = EventRef { source: "hr".to_owned(), id: number.to_string() };
        let engineer = Some("E-1".parse().unwrap());
        let received = Received { event, content: "c0".repeat(32), verdict: Disposition::Applied, engineer };
        let actor = Actor::Operator { name: "åsa".to_owned(), reason: format!("word {number}.") };
        let commit = Commit::new(Timestamp::UNIX_EPOCH, actor, vec![Change::Received(received)]);
        server.store.commit(commit).await.unwrap();
    }
    let (_, page) = Browser::of(&server, Role::Viewer).await.page("/engineers/E-1").await;
    let places: Vec<Option<usize>> =
        [last, last - 1, last - 39, last - 40, 1].map(|number| page.find(&format!("word {number}."))).into();
    let [Some(newest), Some(next), Some(_), None, None] = places[..] else { panic!("{places:?}: {page}") };
    assert!(newest < next && page.contains("There are older entries"), "{page}");
}
