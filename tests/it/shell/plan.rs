//! `carepass plan` against what then happens: each write that is foretold without a condition is made, no other is, and planning itself
//! writes nothing. Not here: what single steps write (`steps/writes`).

use super::story::{Story, joiner};
use crate::fixture::events;
use carepass::google::call::{Access, Call};
use regex_lite::Regex;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The templates of writes, each with how often.
type Counted = BTreeMap<String, usize>;

/// What a plan foretells: for sure, and perhaps.
fn foretold(plan: &Value) -> (Counted, Counted) {
    let (mut sure, mut perhaps) = (Counted::new(), Counted::new());
    let rows = plan["rows"].as_array().expect("rows").iter();
    let rows = rows.filter(|row| row["engineer"].is_string());
    for write in rows.flat_map(|row| row["writes"].as_array().expect("writes")) {
        if write["kind"] == "google" {
            let template = format!("{} {}", text(&write["method"]), text(&write["path"]));
            let counted = if write["only_if"].is_null() { &mut sure } else { &mut perhaps };
            *counted.entry(template).or_default() += 1;
        }
    }
    (sure, perhaps)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// The writes that Google was asked for behind a call.
fn written(story: &Story, behind: u64) -> Counted {
    let writes = Call::ALL.iter().filter(|call| call.spec().access == Access::Write);
    let patterns: Vec<(Regex, &str)> = writes.map(|call| (pattern(*call), call.template())).collect();
    let calls = story.neighbour.sandbox.calls();
    let mut counted = Counted::new();
    for call in calls.iter().filter(|call| call.seq > behind && call.status < 400) {
        let line = format!("{} {}", call.method, call.path);
        if let Some((_, template)) = patterns.iter().find(|(pattern, _)| pattern.is_match(&line)) {
            *counted.entry((*template).to_owned()).or_default() += 1;
        }
    }
    counted
}

fn pattern(call: Call) -> Regex {
    let parts = call.template().split('/').map(|part| match part {
        part if part.starts_with("{+") => ".+".to_owned(),
        part if part.starts_with('{') => "[^/]+".to_owned(),
        part => part.replace('.', "\\."),
    });
    Regex::new(&format!("^{}$", parts.collect::<Vec<_>>().join("/"))).expect("a pattern")
}

fn check(story: &Story, plan: &Value, behind: u64) {
    let ((sure, perhaps), written) = (foretold(plan), written(story, behind));
    assert!(!sure.is_empty(), "{plan:#}");
    for (template, count) in &sure {
        let made = written.get(template).copied().unwrap_or_default();
        let most = count + perhaps.get(template).copied().unwrap_or_default();
        assert!((*count..=most).contains(&made), "{template}: {made} of {count} to {most}\n{written:#?}");
    }
    for (template, made) in &written {
        let most = [&sure, &perhaps].map(|one| one.get(template).copied().unwrap_or_default());
        // A licence that turns out to come by itself is tried for several times, and refused.
        assert!(*made <= most.iter().sum(), "{template} was not foretold: {made}\n{plan:#}");
    }
}

fn last_call(story: &Story) -> u64 {
    story.neighbour.sandbox.calls().last().map_or(0, |call| call.seq)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_planned_is_then_written_and_nothing_else() {
    let story = Story::begin().await;
    let before = story.configured(&["plan", "--json"]).json();
    assert_eq!(before["domains_unknown"].as_array().map(Vec::len), Some(3), "{before:#}");
    assert_eq!(before["rows"].as_array().map(Vec::len), Some(3), "{before:#}");
    assert!(!story.store().exists(), "planning makes no store");
    assert_eq!(last_call(&story), 0, "nobody was asked");

    let daemon = story.daemon().await;
    let joins = joiner("E-1");
    let file = story.file(&joins);
    let about = ["plan", "--event", file.to_str().expect("a plain path")];
    let planned = story.configured(&[&about[..], &["--json"]].concat()).json();
    assert_eq!((&planned["event"], &planned["username"]), (&json!("applied"), &json!("torvild.quista")));
    let unknown = story.configured(&["plan", "--engineer", "E-1"]);
    assert_eq!(unknown.code, Some(1), "planning admits nobody: {}", unknown.out);
    let shown = story.configured(&about).done();
    assert!(
        shown.contains("POST /admin/directory/v1/users") && shown.contains("Nothing was written."),
        "{shown}"
    );
    let behind = last_call(&story);
    story.live(&joins, "E-1", "ready").await;
    check(&story, &planned, behind);

    let again = story.configured(&[&about[..], &["--json"]].concat()).json();
    assert_eq!(
        (&again["event"], again["rows"].as_array().map(|rows| of(rows, "E-1"))),
        (&json!("unchanged"), Some(0))
    );
    let calm = story.configured(&["plan", "--engineer", "E-1", "--json"]).json();
    assert_eq!(foretold(&calm), (Counted::new(), Counted::new()), "{calm:#}");

    let leaves = events::ended("left", "E-1", 2);
    let file = story.file(&leaves);
    let planned =
        story.configured(&["plan", "--event", file.to_str().expect("a plain path"), "--json"]).json();
    let behind = last_call(&story);
    story.live(&leaves, "E-1", "removed").await;
    check(&story, &planned, behind);

    let unheard_of = story.file(&events::ended("left", "E-9", 1));
    let about = ["plan", "--event", unheard_of.to_str().expect("a plain path")];
    assert_eq!(story.configured(&[&about[..], &["--json"]].concat()).json()["event"], "kept");
    assert!(story.configured(&about).done().contains("there is nothing to end"));

    let stale = story.file(&events::ended("left", "E-1", 1));
    let refused = story.configured(&["plan", "--event", stale.to_str().expect("a plain path")]);
    assert!(refused.code != Some(6), "{}", refused.notes);
    assert!(daemon.stop().await.success());
}

fn of(rows: &[Value], key: &str) -> usize {
    rows.iter().filter(|row| row["engineer"] == key).count()
}
