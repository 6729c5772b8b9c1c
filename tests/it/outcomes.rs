//! What the world is told of an engineer, from the acceptance to the end: every type in the order in which things came about, with its
//! cause, its case and its trace, the same ids when it is told again, and nothing personal. In virtual time, through the front door.
//! Not here: reseller accounts' outcomes and what is asked of whom (`model/outcome`), and the broker (`rabbit`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, OutcomeEvent, OutcomeSink, RowOrder, SinkError};
use carepass::model::enrollment::{EnrollmentId, State};
use carepass::model::failure::Who;
use carepass::model::reseller::{Reseller, TwoStepGate};
use carepass::sandbox::World;
use carepass::store::Store;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PREFIX: &str = "com.carepass.provisioning.";
const PATIENCE: Duration = Duration::from_hours(24);
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Takes everything.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<Value>>,
}

impl OutcomeSink for Listener {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let body = serde_json::from_slice(&event.body).expect("an outcome is JSON");
        self.heard.lock().expect("nobody panics with it").push(body);
        Box::pin(async { Ok(()) })
    }
}

impl Listener {
    /// What was told of engineers, each once.
    fn of_engineers(&self) -> Vec<Value> {
        let heard = self.heard.lock().expect("nobody panics with it").clone();
        heard
            .into_iter()
            .filter(|event| event["type"].as_str().is_some_and(|t| t.starts_with(PREFIX)))
            .collect()
    }

    fn types(&self) -> Vec<String> {
        let short = |event: &Value| {
            let name = event["type"].as_str().expect("a type");
            name.trim_start_matches(PREFIX).trim_end_matches(".v1").to_owned()
        };
        self.of_engineers().iter().map(short).collect()
    }

    async fn until(&self, last: &str) {
        let heard = async {
            while self.types().last().map(String::as_str) != Some(last) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let heard = tokio::time::timeout(PATIENCE * 30, heard).await;
        heard.unwrap_or_else(|_| panic!("{last} is not told: {:?}", self.types()));
    }
}

struct House {
    room: EngineRoom,
    engine: Arc<Engine>,
    listener: Arc<Listener>,
}

impl House {
    async fn open(gate: TwoStepGate) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let room = EngineRoom::open_at(world, "2026-11-27T20:00:00Z").await;
        let demo = demo::files().resellers.iter().find(|demo| demo.name == "nordic-no").expect("a reseller");
        let reseller = Reseller { two_step: gate, ..demo::reseller(demo) };
        let engine = Engine::new(room.house([reseller]), settings(4), CancellationToken::new());
        let listener = Arc::new(Listener::default());
        let sink = Arc::clone(&listener) as Arc<dyn OutcomeSink>;
        engine.start(Some(sink)).await.expect("memory answers");
        Self { room, engine, listener }
    }

    async fn admit(&self, event: &Value) {
        let body = event.to_string();
        let admitted = self.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    async fn close(self) -> Vec<Value> {
        self.engine.cut_off();
        self.engine.stopped().await;
        self.listener.of_engineers()
    }
}

fn joined() -> Value {
    let mut event = events::joined_as("E-1", "Åsa", "Öberg");
    event["correlationid"] = "onboarding-1".into();
    event["traceparent"] = TRACE.into();
    event
}

/// Each names its event, its case and its trace, stands in the ledger's order, and says nothing personal.
fn check_envelopes(told: &[Value], cause: &str) {
    let places: Vec<&str> = told.iter().map(|event| event["sequence"].as_str().expect("a place")).collect();
    assert!(places.is_sorted(), "{places:?}");
    for event in told {
        assert_eq!(event["subject"], "engineer/E-1");
        assert_eq!(event["partitionkey"], "E-1");
        assert_eq!(event["causationid"], cause, "{event}");
        assert_eq!(event["correlationid"], "onboarding-1", "{event}");
        assert_eq!(event["traceparent"], TRACE, "{event}");
        let text = event.to_string();
        for personal in ["Åsa", "Öberg", "oberg", "nordresale.example/", "engineer@", "ended it for Åsa"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_engineer_who_is_late_for_want_of_two_step_verification() {
    let house = House::open(TwoStepGate::BeforeRole).await;
    house.admit(&joined()).await;
    house.listener.until("delayed").await;
    let users = house.room.sandbox.world_json()["customers"]["C01nordicno"]["users"].clone();
    let ours = users.as_array().expect("users").iter().find(|user| user["externalIds"][0]["value"] == "E-1");
    let address = ours.expect("an account")["primaryEmail"].clone();
    let wish = json!({"two_step": {"customer": "C01nordicno", "user": address}});
    house.room.sandbox.set(&wish).expect("somebody who may enrol");
    house.listener.until("ready").await;
    let types = house.listener.types();
    assert_eq!(types, ["accepted", "action-required", "delayed", "progressed", "ready"]);
    let told = house.close().await;
    check_envelopes(&told, "joined-E-1");
    assert_eq!(told[1]["data"]["reason"], "two_step_pending");
    assert_eq!(told[1]["data"]["waitingOn"], "engineer");
    assert_eq!(told[2]["data"]["startsAt"], "2026-11-30T23:00:00Z");
    assert_eq!(told[2]["data"]["state"], "delayed");
    assert_eq!(told[3]["data"]["goal"], "present");
    assert_eq!(told[4]["data"]["domains"], json!(["reseller-no.example"]));
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_ends_is_told_without_the_operators_words() {
    let house = House::open(TwoStepGate::BeforeRole).await;
    house.admit(&joined()).await;
    house.listener.until("action-required").await;
    let id: EnrollmentId = "domain/E-1/nordic-no/reseller-no.example".parse().expect("a row");
    house
        .engine
        .order_row(&id, RowOrder::Cancel, "ada", "ended it for Åsa")
        .await
        .expect("an order that fits");
    // With the last domain nothing is left to be told of; whoever ended it has a task about the whole.
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(house.listener.types(), ["accepted", "action-required", "failed"]);
    let row = house.room.store.enrollment(&id).await.expect("memory answers").expect("a row");
    assert!(matches!(row.state, State::Cancelled { .. }));
    let whole: EnrollmentId = "engineer/E-1".parse().expect("a row");
    let whole = house.room.store.enrollment(&whole).await.expect("memory answers");
    assert!(whole.is_none_or(|row| row.waits_on(Who::Operator)));
    let told = house.close().await;
    check_envelopes(&told, "joined-E-1");
    let last = &told[2]["data"];
    assert_eq!(
        (&last["state"], &last["goal"], &last["domain"]),
        (&json!("cancelled"), &json!("present"), &json!("reseller-no.example"))
    );
}
