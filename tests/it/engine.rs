//! The engine's two loops from outside: what it tells, whom it lets wait, and how far one broken record reaches.
//! Not here: how a row moves (`model/transition`), and the whole daemon under fire (`end_to_end`).

use crate::fixture::{Neighbour, events};
use carepass::app::App;
use carepass::clock::Clock;
use carepass::engine::{Admitted, Engine, IntakeError, OutcomeEvent, OutcomeSink, RowOrder, SinkError};
use carepass::mail::{Mailer, PortalUrl};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Goal, State, Want};
use carepass::model::entry::{Actor, Change, Commit};
use carepass::model::event::ReasonCode;
use carepass::model::failure::{FailureCode, Who};
use carepass::model::person::{Language, LanguageTag};
use carepass::seal::Sealer;
use carepass::steps::House;
use carepass::store::Store;
use carepass::store::embedded::Embedded;
use carepass::store::memory::Memory;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(1);

/// An engine without any reseller account: whoever joins waits for HR as a whole.
fn engine(store: Arc<dyn Store>, folder: &Path, stop: &CancellationToken) -> Arc<Engine> {
    let house = House {
        sites: BTreeMap::new(),
        store,
        sealer: Sealer::open(&folder.join("master")).expect("a master key"),
        mailer: Mailer::None,
        clock: Clock::System,
        naming: carepass::model::username::Naming::of(LanguageTag::english()),
        letters_language: Language::English,
        license_spacing: SignedDuration::ZERO,
        portal: PortalUrl::default(),
        handovers: carepass::handover::Handovers::default(),
        to_managers: true,
    };
    Engine::new(house, crate::fixture::engine_room::settings(4), stop.clone())
}

async fn admit(engine: &Engine, event: &Value) -> Result<Admitted, IntakeError> {
    engine.admit(event.to_string().as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await
}

async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} does not come about"));
}

/// A broker that refuses what is about one engineer for a while.
struct Fussy {
    refuses: &'static str,
    times: Mutex<usize>,
    told: Mutex<Vec<(String, String)>>,
}

impl OutcomeSink for Fussy {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let body: Value = serde_json::from_slice(&event.body).expect("an outcome is JSON");
        let subject = body["subject"].as_str().expect("an outcome has a subject").to_owned();
        let mut times = self.times.lock().expect("nobody panics with it");
        let refused = subject == self.refuses && *times > 0;
        if refused {
            *times -= 1;
        } else {
            self.told.lock().expect("nobody panics with it").push((subject, event.id));
        }
        Box::pin(async move { if refused { Err(SinkError("unroutable".into())) } else { Ok(()) } })
    }
}

/// One engineer's outcome that nobody takes must not make everybody else's come again and again.
#[tokio::test]
async fn what_was_confirmed_is_not_told_again_because_of_another() {
    let (folder, stop) = (tempfile::tempdir().expect("a folder"), CancellationToken::new());
    let engine = engine(Arc::new(Memory::new()), folder.path(), &stop);
    for number in 0..5 {
        admit(&engine, &events::joined(number)).await.expect("an event without faults");
    }
    let sink = Arc::new(Fussy { refuses: "engineer/E-00002", times: Mutex::new(2), told: Mutex::default() });
    engine.start(Some(Arc::clone(&sink) as Arc<dyn OutcomeSink>)).await.expect("memory answers");
    let told = || sink.told.lock().expect("nobody panics with it").clone();
    // Each is accepted, and asked about: a scope that meets no domain is HR's to correct.
    until("ten outcomes", || async { told().len() >= 10 }).await;
    stop.cancel();
    engine.stopped().await;
    let told = told();
    let ids: BTreeSet<&String> = told.iter().map(|(_, id)| id).collect();
    assert_eq!((told.len(), ids.len()), (10, 10), "{told:?}");
    for number in 0..5 {
        let subject = format!("engineer/E-{number:05}");
        let mine: Vec<&String> = told.iter().filter(|(of, _)| *of == subject).map(|(_, id)| id).collect();
        assert!(mine.is_sorted(), "the ledger's order is kept: {mine:?}");
        assert_eq!(mine.len(), 2, "{told:?}");
    }
}

/// A damaged or missing data key is one engineer's trouble: a newer revision is refused, with the old record untouched, and
/// everybody else goes on.
#[tokio::test]
async fn one_broken_record_stops_nobody_else() {
    for (broken, breaks) in [
        ("damaged", (|file: &Path| std::fs::write(file, "rubbish")) as fn(&Path) -> std::io::Result<()>),
        ("missing", |file| std::fs::remove_file(file)),
    ] {
        let (folder, stop) = (tempfile::tempdir().expect("a folder"), CancellationToken::new());
        let data = folder.path().join("data");
        let store = Arc::new(Embedded::open(&data).expect("a new store"));
        let engine = engine(Arc::clone(&store) as Arc<dyn Store>, folder.path(), &stop);
        admit(&engine, &events::joined(0)).await.expect("an event without faults");
        let file = std::fs::read_dir(data.join("keys")).expect("keys").next().expect("one key");
        breaks(&file.expect("a file").path()).expect("it can be broken");
        let mut newer = events::joined(0);
        newer["id"] = "newer".into();
        newer["data"]["revision"] = 2.into();
        let refused = admit(&engine, &newer).await;
        let Err(IntakeError::Refused(refusal)) = refused else { panic!("{broken}: {refused:?}") };
        assert_eq!(refusal.reason, ReasonCode::RecordUnreadable, "{broken}");
        admit(&engine, &events::joined(1)).await.expect("another engineer");
        let kept = store.engineer(&"E-00000".parse().expect("a key")).await.expect("the store answers");
        assert_eq!(kept.map(|engineer| engineer.stated.goal.revision), Some(1), "{broken}");
        store.close().await;
    }
}

/// The row of a reseller account that left the configuration may be tidied up; that does not bring the account back.
#[tokio::test]
async fn an_account_that_left_the_configuration_stays_away() {
    let (folder, stop) = (tempfile::tempdir().expect("a folder"), CancellationToken::new());
    let store = Arc::new(Memory::new());
    let engine = engine(Arc::clone(&store) as Arc<dyn Store>, folder.path(), &stop);
    let id: EnrollmentId = "reseller/gone".parse().expect("a row");
    let now = Clock::System.now();
    let row = Enrollment::open(id.clone(), Goal { want: Want::Present, revision: 0 }, now);
    let change = Change::Enrollment { from: None, row: Box::new(row) };
    store.commit(Commit::of(now, Actor::Engine, change)).await.expect("a new row");
    engine.order_row(&id, RowOrder::Cancel, "ada", "it was sold").await.expect("an order that fits");
    assert!(engine.roster().resellers.is_empty());
}

/// A set-up that waited in its middle begins anew with the configuration of the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_that_waits_is_looked_at_from_the_start() {
    let neighbour = Neighbour::start().await;
    let broker = [("INTAKE__AMQP__URL", "")];
    let file = neighbour.configuration_file();
    let whole = std::fs::read_to_string(&file).expect("the configuration");
    let kept = whole.lines().filter(|line| !line.starts_with("auto_licensing_off"));
    std::fs::write(&file, kept.collect::<Vec<_>>().join("\n")).expect("a file of this test");
    let app = App::start(&neighbour.config(&broker)).await.expect("a house that starts");
    until("accounts that wait for a word", || async { resellers_wait(&app).await }).await;
    app.stop().await;

    std::fs::write(&file, whole.replace("/Customer Care", "/Other Care")).expect("a file of this test");
    let app = App::start(&neighbour.config(&broker)).await.expect("a house that starts");
    until("ready accounts", || async {
        app.engine.roster().resellers.values().all(|reseller| reseller.ready)
    })
    .await;
    let units = neighbour.sandbox.change(|world| {
        world.customers.values().filter(|customer| customer.org_unit("/Other Care").is_some()).count()
    });
    assert_eq!(units, 3, "the new unit was made everywhere");
    app.stop().await;
}

async fn resellers_wait(app: &App) -> bool {
    let mut all = true;
    for name in app.engine.roster().resellers.keys() {
        let id = EnrollmentId::Reseller(name.clone());
        let row = app.engine.house().store.enrollment(&id).await.expect("the store answers");
        all &= row.is_some_and(|row| row.waits_on(Who::Operator));
    }
    all
}

/// The letter that waits for an account goes out when the account has settled, not at the next look minutes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_waits_goes_out_when_the_last_account_has_settled() {
    let neighbour = Neighbour::start().await;
    let app = App::start(&neighbour.config(&[("INTAKE__AMQP__URL", "")])).await.expect("a house that starts");
    until("ready accounts", || async {
        app.engine.roster().resellers.values().all(|reseller| reseller.ready)
    })
    .await;
    // The last list that the last domain needs is held back.
    let slow = json!({"match": {"path_regex": "/roleassignments$", "customer": "C01nordicno", "method": "GET"},
        "do": {"status": 503, "fail_before": true}});
    neighbour.sandbox.add_faults(&slow).expect("a rule that is understood");
    let store = Arc::clone(&app.engine.house().store);
    admit(&app.engine, &events::joined(0)).await.expect("an event without faults");
    let key = "E-00000".parse().expect("a key");
    until("three domains", || async {
        let rows = store.enrollments_of(&key).await.expect("the store answers");
        rows.iter().filter(|row| row.state == State::Completed).count() == 3
    })
    .await;
    // Somebody opened the engineer's row too early: it waits, and would look again in minutes.
    let engineer = store.engineer(&key).await.expect("the store answers").expect("just admitted");
    let id = EnrollmentId::Engineer(key.clone());
    let row = Enrollment::open(id.clone(), engineer.wish(SignedDuration::ZERO), Clock::System.now());
    let change = Change::Enrollment { from: None, row: Box::new(row) };
    store.commit(Commit::of(Clock::System.now(), Actor::Engine, change)).await.expect("a new row");
    // Whoever is at work on it needs no waking.
    let _ = app.engine.order_row(&id, RowOrder::Retry, "ada", "wake the lane").await;
    until("a letter that waits", || async {
        let row = store.enrollment(&id).await.expect("the store answers");
        row.is_some_and(|row| row.waits_on(Who::Reseller))
    })
    .await;
    neighbour.sandbox.clear_faults();
    let last: EnrollmentId = "domain/E-00000/nordic-no/reseller-no.example".parse().expect("a row");
    until("the last domain", || async {
        // It may have begun to wait meanwhile; if it has not, there is nothing to order.
        let _ = app.engine.order_row(&last, RowOrder::Retry, "ada", "Google is well again").await;
        let row = store.enrollment(&last).await.expect("the store answers");
        row.is_some_and(|row| row.state == State::Completed)
    })
    .await;
    until("the letter", || async {
        let row = store.enrollment(&id).await.expect("the store answers");
        row.is_some_and(|row| row.state == State::Completed)
    })
    .await;
    app.stop().await;
}

/// Another master key would make every record unreadable, one new revision at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_key_than_before_is_refused_at_the_start() {
    let neighbour = Neighbour::start().await;
    let config = neighbour.config(&[("INTAKE__AMQP__URL", "")]);
    let app = App::start(&config).await.expect("a house that starts");
    admit(&app.engine, &events::joined(0)).await.expect("an event without faults");
    app.stop().await;
    let key_file = &config.seal.key_file;
    let right = std::fs::read(key_file).expect("the master key");
    std::fs::remove_file(key_file).expect("a file of this test");
    let _fresh = Sealer::open(key_file).expect("a fresh master key");
    let Err(refused) = App::start(&config).await else { panic!("it starts with a strange key") };
    assert!(refused.to_string().contains("was written with this master key"), "{refused}");
    std::fs::write(key_file, right).expect("a file of this test");
    App::start(&config).await.expect("a house that starts").stop().await;
}

/// What an operator takes back in the configuration counts from the next start, before anything is made for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_looks_at_the_configuration_before_it_goes_on() {
    let neighbour = Neighbour::start().await;
    let broker = [("INTAKE__AMQP__URL", "")];
    let ready = |app: &App| app.engine.roster().resellers.values().all(|reseller| reseller.ready);
    let app = App::start(&neighbour.config(&broker)).await.expect("a house that starts");
    until("ready accounts", || async { ready(&app) }).await;
    app.stop().await;

    let file = neighbour.configuration_file();
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let kept = text.lines().filter(|line| !line.starts_with("auto_licensing_off"));
    std::fs::write(&file, kept.collect::<Vec<_>>().join("\n")).expect("a file of this test");
    // The look takes longer than it would take to make the first account.
    neighbour.sandbox.set(&json!({ "latency_ms": 200 })).expect("a setting");
    let app = App::start(&neighbour.config(&broker)).await.expect("a house that starts");
    for number in 0..5 {
        admit(&app.engine, &events::joined(number)).await.expect("an event without faults");
    }
    until("rows that wait for their reseller account", || async {
        let key = "E-00004".parse().expect("a key");
        let rows = app.engine.house().store.enrollments_of(&key).await.expect("the store answers");
        rows.len() == 4 && rows.iter().all(|row| row.waits_on(Who::Reseller))
    })
    .await;
    for name in app.engine.roster().resellers.keys() {
        let id = EnrollmentId::Reseller(name.clone());
        let row = app.engine.house().store.enrollment(&id).await.expect("the store answers");
        let State::Waiting { reason, .. } = row.expect("a configured account").state else {
            panic!("{name} does not wait");
        };
        assert_eq!(reason.code, FailureCode::AutoLicensingUnconfirmed);
    }
    assert_eq!(neighbour.accounts(), []);
    app.stop().await;
}
