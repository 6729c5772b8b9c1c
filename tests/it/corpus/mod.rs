//! Bad input: the corpus of `tests/corpus`, read by carepass and sent through a real queue to the built binary. Whatever comes is taken or
//! is a dead letter with its reason; nothing of it is told anywhere, nobody else is held up, and names that slipped in do no harm in any
//! output. Not here: input that chance makes (`fuzz`).

pub mod format;
mod sending;
mod verdict;

use crate::fixture::{daemon, seed};
use crate::rabbit::RabbitNode;
use carepass::model::event::{self, ReasonCode};
use carepass::planted::{Bug, caught};
use format::{CATEGORIES, Case, cases};
use sending::{Room, good};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use verdict::Copies;

/// Reasons that are found beyond the message itself: in the configuration, in what was said before, in the store, and by the HTTP door.
const BEYOND: [&str; 15] = [
    "batch_too_long",
    "untrusted_source",
    "id_conflict",
    "revision_conflict",
    "employment_mismatch",
    "overtaken",
    "employment_over",
    "too_many_upcoming",
    "erase_while_present",
    "signature_missing",
    "signature_invalid",
    "domain_not_configured",
    "record_unreadable",
    "profile_not_configured",
    "expired",
];

/// What the whole corpus may take beside other tests, the start of the broker not counted.
const LIMIT: Duration = Duration::from_mins(1);

/// Who comes beside the corpus: nobody is held up by it.
const BYSTANDERS: [&str; 3] = ["before-the-stories", "behind-the-stories", "before-the-others"];

/// Headers as the door hands them on: texts, numbers and flags, at most 64 of at most 8 KiB.
fn handed_on(headers: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let texts = headers.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
    let is_event = |name: &String| name.starts_with("cloudEvents");
    let (first, rest): (Vec<_>, Vec<_>) = texts.partition(|(name, _)| is_event(name));
    first.into_iter().chain(rest).filter(|(_, text)| text.len() <= 8 * 1024).take(64).collect()
}

/// How the message alone is read.
fn read(case: &Case) -> String {
    let body = case.body();
    if case.content_type.as_deref() == Some("application/cloudevents-batch+json") && case.door == "http" {
        return event::split_batch(&body).map_or_else(|refusal| refusal.detail(), |_| "accepted".to_owned());
    }
    let read = event::parse(&body, case.content_type.as_deref(), &handed_on(case.headers()));
    read.map_or_else(|refusal| refusal.detail(), |_| "accepted".to_owned())
}

#[test]
fn every_message_of_the_corpus_is_read_as_expected() {
    let mut wrong = Vec::new();
    for case in cases() {
        let is_beyond =
            case.codes().iter().any(|code| BEYOND.contains(code)) && !case.door.starts_with("http");
        let expected = if !case.is_refused() || is_beyond { "accepted" } else { case.expect.as_str() };
        let found = read(&case);
        if found != expected && case.expect != "expired" {
            wrong.push(format!("{}: {found} instead of {expected}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_large_and_reaches_every_reason() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert!(
        names.len() == cases.len() && names.len() >= 300,
        "{} different names of {}",
        names.len(),
        cases.len()
    );
    for category in CATEGORIES {
        assert!(names.iter().filter(|name| name.starts_with(category)).count() >= 40, "{category}");
    }
    let reached: BTreeSet<&str> = cases.iter().flat_map(Case::codes).collect();
    let missing: Vec<&str> =
        ReasonCode::ALL.iter().map(|code| code.code()).filter(|code| !reached.contains(code)).collect();
    assert!(missing.is_empty(), "no message of the corpus is refused for {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_takes_or_refuses_every_message_of_the_corpus() {
    let seed = seed::asked_for().unwrap_or_else(|| u64::from(std::process::id()));
    println!("to see this run again: {}={seed}", seed::VARIABLE);
    let rabbit = RabbitNode::start();
    let mut room = Room::open(&rabbit).await;
    let (mut cases, mut copies) = (cases(), Copies::new());
    let told = tokio::time::timeout(LIMIT, stories(&cases, &mut room, &mut copies)).await;
    told.unwrap_or_else(|_| panic!("not done after {LIMIT:?}:\n{}", daemon::log_tail(&room.neighbour)));
    fastrand::Rng::with_seed(seed).shuffle(&mut cases);
    send_the_others(&cases, &mut room, &mut copies).await;
    verdict::list(&cases, &room).await;
    verdict::engineers(&cases, &BYSTANDERS.map(|name| good(name, "all")), &room).await;
    verdict::outputs(&cases, &room).await;
    room.stop().await;
    verdict::take(&room.queues.take_all("carepass.dead-letters").await, &mut copies);
    verdict::dead_letters(&cases, &copies);
    for queue in ["carepass.engineers", "carepass.leavers"] {
        assert_eq!(room.queues.depth(queue).await, (0, 0), "{queue} is empty");
    }
    verdict::log(&cases, &room);
}

/// Sends what means something only after what came before it, one message after the other.
async fn stories(cases: &[Case], room: &mut Room, copies: &mut Copies) {
    room.start(1, BYSTANDERS[0]).await;
    for case in cases.iter().filter(|case| !case.before.is_empty()) {
        for before in &case.before {
            room.publish(before).await;
        }
        if !case.spoil_key {
            room.publish(case).await;
        }
    }
    // The last message of a queue that is worked off one by one: once it is done, so is everything before it.
    let last = good(BYSTANDERS[1], "all");
    room.publish(&last).await;
    while !room.is_listed(&last.key(), "ready").await {
        room.pause("the stories").await;
    }
    room.stop().await;
    verdict::take(&room.queues.take_all("carepass.dead-letters").await, copies);
}

/// Sends the rest, as many at a time as carepass takes, and waits for what is to come of it.
async fn send_the_others(cases: &[Case], room: &mut Room, copies: &mut Copies) {
    cases.iter().filter(|case| case.spoil_key).for_each(|case| room.spoil_key(&case.key()));
    for case in cases.iter().filter(|case| case.expect == "expired") {
        // Nobody consumes: it cannot be delivered at once.
        room.publish(case).await;
    }
    room.start(20, BYSTANDERS[2]).await;
    let begun = tokio::time::Instant::now();
    for case in cases.iter().filter(|case| case.before.is_empty() || case.spoil_key) {
        if case.door == "http" {
            assert_eq!(room.post(case).await, case.expect, "{}", case.name);
        } else if case.expect != "expired" {
            room.publish(case).await;
        }
    }
    loop {
        verdict::take(&room.queues.take_all("carepass.dead-letters").await, copies);
        let awaited = verdict::awaited(cases, copies, room).await;
        if awaited.is_empty() {
            break;
        }
        assert!(
            begun.elapsed() < LIMIT,
            "{awaited:#?} after {LIMIT:?}:\n{}",
            daemon::log_tail(&room.neighbour)
        );
        room.pause("the corpus").await;
    }
    println!("{} messages, {} of them dead letters, in {:?}", cases.len(), copies.len(), begun.elapsed());
}

#[test]
fn planted_times_of_any_form() {
    caught(Bug::TimesOfAnyForm, every_message_of_the_corpus_is_read_as_expected);
}

#[test]
fn planted_formulas_as_addresses() {
    caught(Bug::FormulaIsAddress, every_message_of_the_corpus_is_read_as_expected);
}

#[test]
fn planted_what_nobody_sees_in_names() {
    caught(Bug::UnseenInNames, every_message_of_the_corpus_is_read_as_expected);
}
