//! What stands on the pages: who is shown which button, all of a list that comes in parts, the clock of those who leave, cards in the
//! reader's language. Not here: who may come at all (`hostile`), and what a button does (`room`).

use super::*;
use crate::model::failure::Prefilled;
use crate::store::contract::beside;

/// What the pages name in their parts, and in how many.
async fn walk(browser: &Browser<'_>, first: &str, named: &str) -> (Vec<String>, usize) {
    let (mut path, mut found, mut parts) = (first.to_owned(), Vec::new(), 0);
    loop {
        let (_, page) = browser.page(&path).await;
        let things = page.split(named).skip(1);
        found.extend(things.map(|rest| rest.split(['"', '/']).next().unwrap().to_owned()));
        parts += 1;
        let Some((before, _)) = page.split_once("\" rel=\"next\"") else { return (found, parts) };
        path = before.rsplit("href=\"").next().unwrap().replace("&amp;", "&");
    }
}

/// A row that waits for an operator for this reason.
fn waiting(id: &str, reason: Failure) -> Change {
    let goal = Goal { want: Want::Present, revision: 3 };
    let mut row = Enrollment::open(id.parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
    let (at, look_again) = (row.state.at().unwrap(), "2026-11-22T11:00:00Z".parse().unwrap());
    row.state = State::Waiting { at, on: Who::Operator, reason, look_again };
    Change::Enrollment { from: None, row: Box::new(row) }
}

#[tokio::test]
async fn each_button_is_shown_to_those_who_may_press_it_with_its_proof_and_a_reason() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_waiting(&server.store, "engineer/E-1").await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    server.store.commit(beside::park(&beside::parked("a letter", 1), 1)).await.unwrap();
    let pages: [(&str, &str, Role); 7] = [
        ("/tasks", "done", Role::Operator),
        ("/events", "replay", Role::Operator),
        ("/grants", "release", Role::Approver),
        ("/engineers/E-1", "retry", Role::Operator),
        ("/engineers/E-1", "skip", Role::Operator),
        ("/engineers/E-1", "cancel", Role::Operator),
        ("/engineers/E-1", "approve", Role::Approver),
    ];
    for role in [Role::Viewer, Role::Operator, Role::Approver] {
        let browser = Browser::of(&server, role).await;
        let proof = format!("name=\"proof\" value=\"{}\"", browser.proof);
        for (path, order, least) in pages {
            let (_, page) = browser.page(path).await;
            let forms: Vec<&str> = page.split("<form class=\"order\"").skip(1).collect();
            let has_button = forms.iter().any(|form| form.contains(&format!("value=\"{order}\"")));
            assert_eq!(has_button, role.may(least), "{order} on {path} as {role}: {page}");
            assert!(!page.contains("value=\"adopt\""), "nobody is at home here: {page}");
            for form in forms {
                let form = form.split("</form>").next().unwrap();
                assert!(form.contains(&proof), "{path} as {role}: {form}");
                assert!(form.contains("name=\"reason\" type=\"text\" required"), "{path}: {form}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_in_parts_shows_each_thing_once() {
    let server = Server::start().await;
    for number in 0..80_i64 {
        let key = format!("E-{number:02}");
        put_engineer(&server.store, &key, GRANTED).await;
        // Of every fourth nothing is known: there is no row, no task and no letter.
        if number % 4 != 0 {
            let parked = beside::parked(&format!("letter {number}"), number / 7);
            server.store.commit(beside::park(&parked, 1)).await.unwrap();
            let reason = Failure::needs(Who::Operator, FailureCode::ContactMissing);
            put(&server.store, vec![waiting(&format!("engineer/{key}"), reason)]).await;
        }
    }
    let browser = Browser::of(&server, Role::Operator).await;
    for (path, named, things, expected) in [
        ("/events", "action=\"/events/", 60, 3),
        ("/tasks", "action=\"/tasks/", 60, 2),
        ("/?state=provisioning", "<a href=\"/engineers/", 60, 2),
    ] {
        let (mut found, parts) = walk(&browser, path, named).await;
        assert_eq!((found.len(), parts), (things, expected), "{path}: {found:?}");
        found.sort();
        found.dedup();
        assert_eq!(found.len(), things, "{path}: {found:?}");
    }
}

/// Whoever has a page is sent it again when something on it is different, wherever that stands.
#[tokio::test]
async fn a_page_that_says_something_else_is_sent_again() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    let browser = Browser::of(&server, Role::Viewer).await;
    for (path, changes) in [
        (
            "/engineers/E-1",
            vec![waiting("engineer/E-1", Failure::needs(Who::Operator, FailureCode::SeatsSpent))],
        ),
        ("/events", vec![Change::Parked(beside::parked("a letter", 1))]),
    ] {
        let before = browser.get(path).send().await.unwrap().headers()["etag"].clone();
        put(&server.store, changes).await;
        let after = browser.get(path).header("if-none-match", before).send().await.unwrap();
        assert_eq!(after.status(), StatusCode::OK, "{path}");
    }
}

/// As it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// It is 10:00.
#[tokio::test]
async fn the_clock_of_a_leaver_runs_until_the_last_domain_is_locked_out() {
    let server = Server::start().await;
    let leaver = async |key: &str, from: &str, locked_out: &[Option<&str>]| {
        let goal = Goal { want: Want::Absent, revision: 4 };
        let mut engineer = engineer(key, GRANTED);
        (engineer.stated.goal, engineer.stated.from) = (goal, from.parse().unwrap());
        put(&server.store, vec![Change::Engineer(Box::new(engineer))]).await;
        for (number, locked_out) in locked_out.iter().enumerate() {
            let id = format!("domain/{key}/se/d{number}.se").parse().unwrap();
            let mut row = Enrollment::open(id, goal, Timestamp::UNIX_EPOCH);
            row.facts.locked_out_at = locked_out.map(|at| at.parse().unwrap());
            put(&server.store, vec![Change::Enrollment { from: None, row: Box::new(row) }]).await;
        }
    };
    let (soon, late) = (Some("2026-11-22T09:30:02Z"), Some("2026-11-22T09:34:05Z"));
    leaver("E-1", "2026-11-22T09:30:00Z", &[soon, late]).await;
    leaver("E-2", "2026-11-22T08:00:00Z", &[soon, None]).await;
    leaver("E-3", "2026-11-22T09:59:30Z", &[None]).await;
    let (_, page) = Browser::of(&server, Role::Viewer).await.page("/leavers").await;
    let lines: Vec<&str> = page.split("<tr>").skip(2).collect();
    // Open access comes first, and there who left last.
    let expected: [(&str, &str, &str, &[&str]); 3] = [
        ("E-3", "s open", "<td>30 s</td>", &["d0.se"]),
        ("E-2", "s open", "<td>2 h 0 min</td>", &["d1.se"]),
        ("E-1", "s gone", "<td>4 min 5 s</td>", &[]),
    ];
    assert_eq!(lines.len(), expected.len(), "{page}");
    for (line, (key, mark, clock, open)) in lines.into_iter().zip(expected) {
        assert!(line.contains(key) && line.contains(mark) && line.contains(clock), "{key}: {line}");
        for domain in ["d0.se", "d1.se"] {
            assert_eq!(line.contains(domain), open.contains(&domain), "{key}, {domain}: {line}");
        }
    }
}

#[tokio::test]
async fn a_card_says_what_the_api_says_in_the_readers_language() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    let value = |name: &str, value: &str| Prefilled { name: name.to_owned(), value: value.to_owned() };
    let values = vec![value("customer_id", "C01abc123"), value("org_unit", "/Customer Care")];
    let reason = Failure { values, ..Failure::needs(Who::Operator, FailureCode::SeatsSpent) };
    put(&server.store, vec![waiting("engineer/E-1", reason)]).await;
    let browser = Browser::of(&server, Role::Operator).await;
    for language in ["en", "sv"] {
        let request = server.request(Method::GET, "/v1/tasks", Some(Role::Viewer));
        let (_, tasks) = answer(request.header("accept-language", language)).await;
        let task = &tasks["items"][0];
        let page = browser.get("/tasks").header("accept-language", language).send().await.unwrap();
        let page = page.text().await.unwrap();
        for sentence in ["so", "next", "you"] {
            let said = escaped(task["sentences"][sentence].as_str().unwrap());
            assert!(page.contains(&said), "{language}, {said}: {page}");
        }
        let link = task["console_link"].as_str().expect("seats are bought in the console");
        assert!(page.contains(&format!("href=\"{}\"", escaped(link))), "{link}: {page}");
        for value in task["values"].as_array().unwrap() {
            let shown = format!(">{}</code>", value["value"].as_str().unwrap());
            assert!(page.contains(&shown), "{shown}: {page}");
        }
        assert_eq!(task["values"].as_array().map(Vec::len), Some(3), "ours and the request: {task:#}");
    }
}

/// What Google or HR has written stands there as text too.
#[tokio::test]
async fn evidence_and_letters_are_text() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    let text = INJECTIONS.concat();
    for id in ["engineer/E-1", "domain/E-1/se/a.se"] {
        let reason = Failure::needs(Who::Operator, FailureCode::SeatsSpent);
        let values = vec![Prefilled { name: text.clone(), value: text.clone() }];
        let reason = Failure { detail: text.clone(), values, ..reason };
        put(&server.store, vec![waiting(id, reason)]).await;
    }
    let mut parked = beside::parked("a letter", 1);
    parked.event = Some(EventRef { source: text.clone(), id: text.clone() });
    parked.flaws[0].pointer.clone_from(&text);
    put(&server.store, vec![Change::Parked(parked)]).await;
    let browser = Browser::of(&server, Role::Operator).await;
    for (path, least) in [("/tasks", 2), ("/engineers/E-1", 1), ("/events", 3)] {
        let (_, page) = browser.page(path).await;
        assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= least, "{path}: {page}");
        for code in ["<script>", "<img", "<svg", "</textarea>"] {
            assert!(!page.contains(code), "{code} on {path}: {page}");
        }
    }
}
