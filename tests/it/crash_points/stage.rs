//! One run: a reseller account that is ready, one engineer, the real engine with its steps and client, the sandbox behind HTTP, in virtual
//! time. Whenever the process ends a new one begins; HR's door delivers again what was not acknowledged. Not here: what must hold in the
//! end (`verdict`).

use super::late::{self, Late};
use super::plan::{Plan, Story};
use super::verdict;
use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::crash;
use carepass::engine::{Engine, OutcomeEvent, OutcomeSink, SinkError};
use carepass::model::enrollment::{Enrollment, State, Want};
use carepass::model::id::EngineerKey;
use carepass::sandbox::World;
use carepass::store::Store;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};

pub const KEY: &str = "E-1";
const RESELLER: &str = "nordic-dk";

/// By then everything must have settled, in virtual time.
const SETTLES_WITHIN: Duration = Duration::from_hours(12);

/// How often it is looked, in virtual time.
const LOOK: Duration = Duration::from_secs(1);

/// For what is still to be told, and for what comes late.
const AFTERMATH: Duration = Duration::from_mins(20);

/// Whatever a process has begun ends with it, in virtual time.
const ENDS_WITHIN: Duration = Duration::from_mins(1);

/// What a run has met.
#[derive(Clone, Debug)]
pub struct Met {
    /// The crash points that were passed, in order.
    pub points: Vec<&'static str>,
    /// Google's calls.
    pub calls: usize,
}

/// What lives on when a process ends.
pub struct Stage {
    pub room: EngineRoom,
    pub world: Arc<Outside>,
    pub errors: Errors,
    watch: Arc<crash::Watch>,
    late: Arc<Late>,
    engine: watch::Sender<Option<Arc<Engine>>>,
}

/// Who listens to outcomes.
#[derive(Default)]
pub struct Outside(Mutex<Vec<Value>>);

impl Outside {
    pub fn told(&self) -> Vec<Value> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

impl OutcomeSink for Outside {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let told = serde_json::from_slice(&event.body).expect("an outcome is JSON");
        self.0.lock().expect("nobody panics with it").push(told);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What was logged as an error.
#[derive(Clone, Default)]
pub struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    pub fn logged(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == tracing::Level::ERROR {
            self.0.lock().expect("nobody panics with it").push(format!("{event:?}"));
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::ERROR)
    }
}

/// Lives through a plan and checks every promise.
pub async fn live_through(plan: &Plan) -> Met {
    let stage = Arc::new(Stage::set().await);
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(stage.errors.clone()));
    let life = tokio::spawn(Arc::clone(&stage).keep_alive());
    stage.is_ready().await;
    if plan.story == Story::Leaves {
        stage.deliver(&joined()).await;
        stage.settled(Want::Present).await;
    }
    let before = stage.room.sandbox.calls().len();
    stage.watch.begin(plan.strikes.iter().copied());
    stage.late.begin(plan.fault.and_then(|(call, fault)| Some((call, fault.comes_after()?))));
    stage.room.sandbox.add_faults(&plan.rules()).expect("rules that are understood");
    let (event, want) = match plan.story {
        Story::Joins => (joined(), Want::Present),
        Story::Leaves => (events::ended("left", KEY, 2), Want::Absent),
    };
    stage.deliver(&event).await;
    stage.settled(want).await;
    tokio::time::sleep(AFTERMATH).await;
    stage.settled(want).await;
    verdict::check(&stage, plan).await;
    let met = Met { points: stage.watch.passed(), calls: stage.room.sandbox.calls().len() - before };
    life.abort();
    stage.end().await;
    met
}

impl Stage {
    async fn set() -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let late = Arc::new(Late::default());
        Self {
            room: EngineRoom::open_around(world, |routes| late::around(routes, Arc::clone(&late))).await,
            world: Arc::new(Outside::default()),
            errors: Errors::default(),
            watch: crash::Watch::this_thread(),
            late,
            engine: watch::Sender::new(None),
        }
    }

    /// A process, and another whenever it ends.
    async fn keep_alive(self: Arc<Self>) {
        loop {
            let resellers = demo::files().resellers.iter().filter(|reseller| reseller.name == RESELLER);
            let house = self.room.house(resellers.map(demo::reseller));
            let engine = Engine::new(house, settings(4), CancellationToken::new());
            let sink = Arc::clone(&self.world) as Arc<dyn OutcomeSink>;
            tokio::select! {
                biased;
                () = self.watch.struck() => {}
                started = engine.start(Some(sink)) => {
                    started.expect("memory answers");
                    self.engine.send_replace(Some(Arc::clone(&engine)));
                    self.watch.struck().await;
                }
            }
            self.engine.send_replace(None);
            cut_off(&engine).await;
            self.watch.revive();
        }
    }

    async fn living(&self) -> Arc<Engine> {
        let mut engine = self.engine.subscribe();
        let living = engine.wait_for(Option::is_some).await.expect("the stage holds it");
        living.clone().expect("just seen")
    }

    async fn is_ready(&self) {
        let engine = self.living().await;
        let ready = async {
            while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(SETTLES_WITHIN, ready).await.expect("a reseller account that becomes ready");
    }

    /// Delivers until it is acknowledged.
    async fn deliver(&self, event: &Value) {
        let body = event.to_string();
        let delivered = async {
            loop {
                let engine = self.living().await;
                let mut life = self.engine.subscribe();
                let none = BTreeMap::new();
                tokio::select! {
                    biased;
                    admitted = engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &none) => {
                        admitted.expect("an event without faults");
                        return;
                    }
                    _ = life.wait_for(|now| now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, &engine))) => {}
                }
            }
        };
        tokio::time::timeout(SETTLES_WITHIN, delivered).await.expect("an event that is acknowledged");
    }

    /// Waits until every row is at its goal and the engineer's own is among them.
    async fn settled(&self, want: Want) {
        let settled = async {
            loop {
                let rows = self.rows().await;
                let at_goal = |row: &Enrollment| row.state == State::Completed && row.goal.want == want;
                if rows.iter().any(|row| row.id.domain().is_none()) && rows.iter().all(at_goal) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let settles = tokio::time::timeout(SETTLES_WITHIN, settled).await.is_ok();
        assert!(settles, "has not settled: {:#?}", self.rows().await);
    }

    async fn rows(&self) -> Vec<Enrollment> {
        let key: EngineerKey = KEY.parse().expect("a key");
        self.room.store.enrollments_of(&key).await.expect("memory answers")
    }

    async fn end(&self) {
        let engine = self.engine.send_replace(None);
        if let Some(engine) = engine {
            cut_off(&engine).await;
        }
    }
}

async fn cut_off(engine: &Engine) {
    engine.cut_off();
    let stopped = tokio::time::timeout(ENDS_WITHIN, engine.stopped());
    stopped.await.expect("a task outlives its process");
}

fn joined() -> Value {
    events::joined_as(KEY, "Åsa", "Öberg")
}
