//! A reseller account that lets nobody in, while the daemon is at work: one task, no calls but the probes, everybody else as if alone, and
//! back at work when the delegation is. Not here: which answer of Google's means what (`google/classify`).

use crate::fixture::{Neighbour, events};
use carepass::app::App;
use carepass::model::enrollment::{Enrollment, EnrollmentId, State};
use carepass::model::failure::{Failure, FailureCode, Who};
use carepass::model::outcome::{OutcomeKind, outcomes};
use carepass::model::task::{Card, batch, task};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);
const CLOSED: &str = "C01nordicdk";
const LICENSING: &str = "https://www.googleapis.com/auth/apps.licensing";

async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} does not come about"));
}

async fn admit(app: &App, engineers: std::ops::Range<usize>) {
    for number in engineers {
        let event = events::joined(number).to_string();
        let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }
}

/// The rows of the first engineers, and those of the accounts.
async fn rows(app: &App, engineers: usize) -> Vec<Enrollment> {
    let store = &app.engine.house().store;
    let mut rows = Vec::new();
    for name in app.engine.roster().resellers.keys() {
        rows.extend(
            store.enrollment(&EnrollmentId::Reseller(name.clone())).await.expect("the store answers"),
        );
    }
    for number in 0..engineers {
        let key = format!("E-{number:05}").parse().expect("a key");
        rows.extend(store.enrollments_of(&key).await.expect("the store answers"));
    }
    rows
}

fn is_danish(row: &Enrollment) -> bool {
    matches!(&row.id, EnrollmentId::Domain(_, reseller, _) if reseller.as_str() == "nordic-dk")
}

/// Whether every Danish row waits for its account, and every other row of a domain is completed.
async fn only_danes_wait(app: &App, engineers: usize) -> bool {
    let rows = rows(app, engineers).await;
    let domains: Vec<&Enrollment> = rows.iter().filter(|row| row.id.domain().is_some()).collect();
    let fits = |row: &&Enrollment| {
        if is_danish(row) { row.waits_on(Who::Reseller) } else { row.state == State::Completed }
    };
    domains.len() == engineers * 4 && domains.iter().all(fits)
}

async fn account(app: &App) -> Enrollment {
    let id: EnrollmentId = "reseller/nordic-dk".parse().expect("a row");
    app.engine.house().store.enrollment(&id).await.expect("the store answers").expect("a configured account")
}

async fn stopped_by(app: &App) -> Option<Failure> {
    match account(app).await.state {
        State::Waiting { reason, on: Who::Operator, .. } => Some(reason),
        State::Waiting { .. }
        | State::Scheduled { .. }
        | State::Running { .. }
        | State::Completed
        | State::Cancelled { .. } => None,
    }
}

async fn cards(app: &App, engineers: usize) -> Vec<Card> {
    let now = "2026-11-25T12:00:00Z[UTC]".parse().expect("a time");
    batch(rows(app, engineers).await.iter().filter_map(|row| task(row, &now)).collect())
}

async fn told(app: &App) -> Vec<OutcomeKind> {
    let store = &app.engine.house().store;
    let mut told = Vec::new();
    let mut after = carepass::model::entry::Position::default();
    loop {
        let page = store.entries(after, 500).await.expect("the store answers");
        let Some(last) = page.last() else { return told };
        after = last.position;
        let all = page.iter().flat_map(outcomes);
        let about = |outcome: &carepass::model::outcome::Outcome| match &outcome.about {
            carepass::model::outcome::About::Row(row) => row.id.to_string() == "reseller/nordic-dk",
            carepass::model::outcome::About::Engineer(_) | carepass::model::outcome::About::Letter(_) => {
                false
            }
        };
        told.extend(all.filter(about).map(|outcome| outcome.kind));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_lets_nobody_in_is_closed_with_one_task_and_opens_again() {
    let neighbour = Neighbour::start().await;
    let app = App::start(&neighbour.config(&[("INTAKE__AMQP__URL", "")])).await.expect("a house that starts");
    until("ready accounts", || async {
        app.engine.roster().resellers.values().all(|reseller| reseller.ready)
    })
    .await;
    neighbour.sandbox.set(&json!({"delegation": {CLOSED: {LICENSING: false}}})).expect("a setting");
    admit(&app, 0..4).await;
    until("a closed account", || async {
        stopped_by(&app).await.is_some() && only_danes_wait(&app, 4).await
    })
    .await;

    let failure = stopped_by(&app).await.expect("just seen");
    assert_eq!(failure.code, FailureCode::DelegationMissing);
    assert!(
        failure.detail.starts_with("refused: apps.licensing; working: admin.directory.user, "),
        "{failure:?}"
    );
    assert!(failure.detail.contains("all worked last at 2"), "{failure:?}");
    let cards = cards(&app, 4).await;
    let [card] = cards.as_slice() else { panic!("one task and not {cards:#?}") };
    let names: Vec<&str> = card.task.values.iter().map(|value| value.name.as_str()).collect();
    assert_eq!(names, ["client_id", "scopes", "optional_scopes", "customer_id"]);
    assert!(card.task.values[1].value.split(',').any(|scope| scope == LICENSING));
    assert!(card.task.console_link.is_some() && card.task.closes_itself);

    // Who comes now costs the closed account nothing, and the others nothing either.
    let seen = neighbour.sandbox.calls().last().map_or(0, |line| line.seq);
    admit(&app, 4..6).await;
    until("the others' accounts", || async { only_danes_wait(&app, 6).await }).await;
    let asked = neighbour.sandbox.calls_after(seen);
    let danish =
        asked.iter().filter(|line| line.customer.as_deref() == Some(CLOSED) && line.path != "/token");
    assert_eq!(danish.count(), 0, "{asked:#?}");

    neighbour.sandbox.set(&json!({"delegation": {CLOSED: {LICENSING: true}}})).expect("a setting");
    let id = account(&app).await.id;
    let retry = carepass::engine::RowOrder::Retry;
    app.engine.order_row(&id, retry, "ada", "it is delegated again").await.expect("an order that fits");
    until("everybody", || async {
        rows(&app, 6)
            .await
            .iter()
            .filter(|row| row.state == State::Completed && row.id.domain().is_some())
            .count()
            == 24
    })
    .await;
    let (blocked, healthy) = (OutcomeKind::ResellerBlocked, OutcomeKind::ResellerHealthy);
    assert_eq!(told(&app).await, [healthy, blocked, healthy]);
    app.stop().await;
}
