//! Names at a start: one that is taken in an account that this process has not looked at yet is not chosen, so that nobody is asked about
//! it. Not here: how long names wait (`engine/first_looks`), and accounts that cannot be looked at (`steps/username`).

use crate::fixture::{Neighbour, events};
use carepass::app::App;
use carepass::engine::Admitted;
use carepass::model::enrollment::{Enrollment, State};
use carepass::model::failure::Who;
use carepass::planted::{Bug, caught};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// The account whose answers come late, and in which somebody of the engineer's name works already.
const SLOW: &str = "C01nordicdk";

/// The engineer of the sample events whose name it is.
const NAMESAKE: usize = 3;

#[test]
fn a_name_waits_for_the_first_look_at_every_account() {
    at_a_start(0);
}

#[test]
fn a_name_waits_where_the_process_before_ended_in_its_first_look() {
    at_a_start(1);
}

#[test]
fn planted_names_are_chosen_at_once() {
    caught(Bug::NamesAtOnce, || at_a_start(0));
}

/// After so many starts that ended before the slow account was looked at.
fn at_a_start(cut_off: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let neighbour = Neighbour::start().await;
        for _ in 0..cut_off {
            slow_down(&neighbour, 60_000);
            let app = start(&neighbour).await;
            until(async || app.engine.roster().resellers.values().any(|reseller| reseller.ready)).await;
            app.stop().await;
        }
        slow_down(&neighbour, 40);
        let app = start(&neighbour).await;
        let event = events::joined(NAMESAKE);
        let body = event.to_string();
        let admitted = app.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        assert!(matches!(admitted, Ok(Admitted::Applied(_))), "{admitted:?}");
        until(async || rows(&app, &event).await.iter().filter(|row| is_at_its_end(row)).count() == 4).await;
        for row in rows(&app, &event).await {
            assert_eq!(row.state, State::Completed, "{}", row.id);
        }
        app.stop().await;
    });
}

/// Every answer of the slow account comes so many milliseconds late.
fn slow_down(neighbour: &Neighbour, delay_ms: u64) {
    neighbour.sandbox.clear_faults();
    let rule = json!({"match": {"customer": SLOW}, "do": {"delay_ms": delay_ms}});
    neighbour.sandbox.add_faults(&rule).expect("a rule that is understood");
}

async fn start(neighbour: &Neighbour) -> App {
    App::start(&neighbour.config(&[("INTAKE__AMQP__URL", "")])).await.expect("a house that starts")
}

async fn rows(app: &App, event: &Value) -> Vec<Enrollment> {
    let key = event["data"]["engineer"]["key"].as_str().and_then(|key| key.parse().ok()).expect("a key");
    let rows = app.engine.house().store.enrollments_of(&key).await.expect("the store answers");
    rows.into_iter().filter(|row| row.id.domain().is_some()).collect()
}

fn is_at_its_end(row: &Enrollment) -> bool {
    row.state == State::Completed || row.waits_on(Who::Operator)
}

async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("it comes about");
}
