//! Reports and an evidence pack of a ledger that a running daemon writes, and the tables of its API. Not here: what each report makes of
//! which entries (`model/report`).

use super::story::{Ran, Story, joiner};
use crate::fixture::events;
use carepass::clock::Clock;
use serde_json::{Value, json};
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_and_evidence_are_those_of_the_ledger() {
    let story = Story::begin().await;
    let daemon = story.daemon().await;
    for key in ["E-1", "E-2"] {
        story.live(&joiner(key), key, "ready").await;
    }
    let between = Clock::System.now().to_string();
    story.live(&events::ended("left", "E-1", 2), "E-1", "removed").await;

    tables(&story);
    let report = |name: &str, more: &[&str]| story.configured(&[&["report", name], more].concat());
    let access = report("access", &["--json"]).json();
    assert_eq!(keys(&access), ["E-2"; 4], "{access:#}");
    let before = report("access", &["--at", &between, "--json"]).json();
    assert_eq!(keys(&before), ["E-1", "E-1", "E-1", "E-1", "E-2", "E-2", "E-2", "E-2"], "{before:#}");
    let one = report("access", &["--at", &between, "--engineer", "E-1", "--csv"]).done();
    assert!(one.starts_with("engineer,reseller,domain,since,") && one.lines().count() == 5, "{one}");
    let ready = report("ready", &["--json"]).json();
    assert_eq!((keys(&ready).len(), &ready["summary"]["count"]), (8, &json!(8)), "{ready:#}");
    let leavers = report("leavers", &["--json"]).json();
    assert_eq!((keys(&leavers), &leavers["summary"]["count"]), (vec!["E-1"; 4], &json!(4)), "{leavers:#}");
    let seats = report("seats", &[]).done();
    assert!(seats.starts_with("DAY") && seats.lines().count() >= 4, "{seats}");
    assert_eq!(report("leavers", &["--from", "2026-11-30", "--to", "2026-11-01"]).code, Some(2));

    // A slip of the pen is no clean bill.
    for (slip, code, why) in [
        (["--engineer", "E-9"], 1, "carepass knows no engineer E-9"),
        (["--reseller", "nordic-xx"], 1, "carepass knows no reseller account nordic-xx"),
        (["--at", "2126-01-01"], 2, "has not come yet"),
    ] {
        let refused = report("access", &slip);
        assert!(refused.code == Some(code) && refused.notes.contains(why), "{slip:?}: {}", refused.notes);
    }

    evidence(&story);
    assert!(daemon.stop().await.success());
    let exported = story.configured(&["ledger", "export"]).done();
    assert!(exported.starts_with("{\"position\":1,"), "{}", &exported[..60]);
}

fn keys(report: &Value) -> Vec<&str> {
    let items = report["items"].as_array().expect("items");
    items.iter().map(|item| item["engineer"].as_str().expect("a key")).collect()
}

fn tables(story: &Story) {
    let list = story.run(&["engineer", "list"]).done();
    assert!(list.starts_with("KEY") && list.contains("E-1") && list.contains("E-2"), "{list}");
    let ready = story.run(&["engineer", "list", "--state", "ready", "--json"]).json();
    assert_eq!(ready["items"].as_array().map(Vec::len), Some(1), "{ready:#}");
    let show = story.run(&["engineer", "show", "E-2", "--history"]).done();
    assert!(show.contains("reseller-se.example") && show.contains("event joined-E-2"), "{show}");
    assert_eq!(story.run(&["engineer", "show", "E-9"]).code, Some(1));
    assert!(story.run(&["status", "--state", "planned"]).notes.contains("No engineers like that."));
    // One process has the store for itself: nobody else drives anything.
    let explained = story.run(&["explain", "E-2", "--json"]).json();
    assert_eq!((&explained["state"], &explained["driven_by"]), (&json!("ready"), &json!({})));
    let shown = story.configured(&["config", "show", "--said"]).done();
    assert!(shown.contains("CAREPASS__HTTP__LISTEN") && !shown.contains(" default"), "{shown}");
}

fn evidence(story: &Story) {
    let out = story.neighbour.folder().join("pack.jsonl");
    let pack = out.to_str().expect("a plain path");
    let about = ["report", "evidence", "--sample", "1", "--seed", "auditor 7", "--out", pack];
    let said = story.configured(&about).done();
    let again = story.configured(&about);
    assert!(
        again.code == Some(1) && again.notes.contains("is there already"),
        "a pack is written over: {}",
        again.notes
    );
    let nobodys = story.neighbour.folder().join("nobodys.jsonl");
    let named = ["report", "evidence", "--engineer", "E-9", "--out", nobodys.to_str().expect("a plain path")];
    let refused = story.configured(&named);
    assert!(refused.code == Some(1) && refused.notes.contains("no engineer E-9"), "{}", refused.notes);
    assert!(!nobodys.exists(), "a pack of nobody proves that nothing was done");
    let head =
        said.split("Head of the pack: ").nth(1).and_then(|rest| rest.split('.').next()).expect("a head");
    let lines: Vec<Value> =
        read(&out).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (first, chosen) = (&lines[0], lines[1]["engineer"].as_str().expect("a key"));
    assert_eq!((&first["population"], &first["engineers"]), (&json!(2), &json!([chosen])), "{first:#}");
    let all: Vec<&str> = lines
        .iter()
        .flat_map(|line| line["proofs"].as_array().into_iter().flatten())
        .map(|proof| proof["kind"].as_str().expect("a kind"))
        .collect();
    for kind in ["request", "approval", "write", "verification", "notice"] {
        assert!(all.contains(&kind), "no {kind}: {all:?}");
    }
    assert_eq!(all.contains(&"removal"), chosen == "E-1", "{chosen}: {all:?}");
    assert!(!read(&out).contains("Torvild"), "nothing personal is in it");

    let verify = |more: &[&str]| story.run(&[&["report", "verify", pack], more].concat());
    assert!(verify(&["--head", head]).done().contains(head));
    let folder = story.store();
    let ledger = ["--store", folder.to_str().expect("a plain path")];
    assert!(verify(&ledger).done().contains("every line is the same"));

    // Made anew as a whole, with its own chain sound: only the ledger and the head can tell.
    let forged = chained(lines.clone(), |line| {
        if line["position"].is_u64() {
            line["entry_sha256"] = json!("0".repeat(64));
        }
    });
    std::fs::write(&out, forged).expect("a folder of our own");
    let failed =
        |ran: Ran, why: &str| assert!(ran.code == Some(1) && ran.notes.contains(why), "{}", ran.notes);
    assert!(verify(&[]).notes.contains("(--head)"));
    failed(verify(&["--head", head]), "another pack");
    failed(verify(&ledger), "stands otherwise in the ledger");
    let proved = chained(lines.clone(), |line| {
        if line["position"].is_u64() {
            line["proofs"][0]["what"] = json!("by the event: CASE-1");
        }
    });
    let mut fewer = lines.clone();
    fewer.remove(2);
    fewer.iter_mut().zip(1..).for_each(|(line, number)| line["line"] = json!(number));
    let renamed = chained(lines.clone(), |line| {
        if line["format"].is_string() {
            line["sample"]["seed"] = json!("auditor 7 or so");
            line["population"] = json!(9);
        }
    });
    for edited in [proved, chained(fewer, |_| ()), renamed] {
        std::fs::write(&out, edited).expect("a folder of our own");
        verify(&[]).done();
        failed(verify(&ledger), "stands otherwise in the ledger");
    }
    let elsewhere = chained(lines.clone(), |line| {
        if line["format"].is_string() {
            line["ledger"]["sha256"] = json!("0".repeat(64));
        }
    });
    std::fs::write(&out, elsewhere).expect("a folder of our own");
    verify(&[]).done();
    failed(verify(&ledger), "does not go through the head");
    let text = chained(lines, |_| ());
    std::fs::write(&out, text.replacen("\"write\"", "\"order\"", 1)).expect("a folder of our own");
    failed(verify(&[]), "does not follow");
}

/// The lines with something changed and the chain made anew.
fn chained(lines: Vec<Value>, change: impl Fn(&mut Value)) -> String {
    let mut previous = String::new();
    let mut text = String::new();
    for mut line in lines {
        change(&mut line);
        line["previous"] = json!(previous);
        let written = line.to_string();
        previous = carepass::model::report::evidence::sha256(written.as_bytes());
        text.push_str(&written);
        text.push('\n');
    }
    text
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the pack")
}
