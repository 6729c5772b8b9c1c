//! A history before the whole engine: its loops, the real steps and client, and the sandbox over HTTP, in virtual time. Google loses answers
//! now and then while things happen in haste. In the end the sandbox's world is held against the model.
//! Not here: domains that appear (an engine finds them in its own time, and the model knows no time for that).

use super::history::{Act, BEGINNING, DOMAINS, Item, NEW, Said, key};
use super::model::{Model, SHORT_LEAD_TIME, Stands};
use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, EngineerOrder, IntakeError, OutcomeSink, RowOrder, Settings};
use carepass::model::engineer::Engineer;
use carepass::model::enrollment::{Enrollment, State};
use carepass::model::failure::FailureCode;
use carepass::sandbox::{User, World};
use carepass::store::Store;
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The reseller accounts whose domains are in [`DOMAINS`].
const RESELLERS: [&str; 2] = ["nordic-se", "nordic-dk"];

/// By then everything must be at rest, in virtual time: dates lie two days ahead at most.
const RESTS_WITHIN: Duration = Duration::from_hours(30 * 24);

/// How an account is: with a role, and suspended.
type Found = BTreeMap<(String, String), (bool, bool)>;

/// Lives through a history and judges its end.
pub fn through(seed: u64, history: &[Item]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async { Life::begin(seed).await.run(history).await });
}

struct Life {
    room: EngineRoom,
    engine: Arc<Engine>,
    model: Model,
    chance: fastrand::Rng,
}

impl Life {
    async fn begin(seed: u64) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("a world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        world.seed = seed;
        let room = EngineRoom::open(world).await;
        let engine = live(&room).await;
        let life =
            Self { room, engine, model: Model::new(SHORT_LEAD_TIME), chance: fastrand::Rng::with_seed(seed) };
        let ready = async {
            while !life.engine.roster().resellers.values().all(|reseller| reseller.ready) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(RESTS_WITHIN, ready).await.expect("reseller accounts that become ready");
        life
    }

    async fn run(mut self, history: &[Item]) {
        // The first seconds went into the set-up.
        let mut at = BEGINNING.parse::<jiff::Timestamp>().expect("a time") + SignedDuration::from_mins(10);
        self.room.clock.sleep_until(at).await;
        for item in &history.iter().filter_map(lived).collect::<Vec<_>>() {
            at = at.max(self.room.clock.now()) + item.after;
            self.room.clock.sleep_until(at).await;
            self.mood(item.after < SignedDuration::from_mins(15));
            self.happen(item).await;
        }
        self.mood(false);
        self.rest().await;
        self.check();
        self.engine.cut_off();
        self.engine.stopped().await;
    }

    /// Answers get lost in haste.
    fn mood(&mut self, in_haste: bool) {
        self.room.sandbox.clear_faults();
        if in_haste && self.chance.bool() {
            let lost = json!([
                {"match": {"probability": 0.1}, "do": {"fail_after": true, "reset": true}},
                {"match": {"probability": 0.1}, "do": {"delay_ms": self.chance.u64(1_000..60_000)}},
            ]);
            self.room.sandbox.add_faults(&lost).expect("rules that are understood");
        }
    }

    async fn happen(&mut self, item: &Item) {
        let expected = self.model.hear(item, self.room.clock.now());
        match &item.act {
            Act::Event(id, said) => {
                let (body, headers) = (said.body(*id), BTreeMap::new());
                let admitted = self.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &headers).await;
                let found = match admitted {
                    Ok(_) => None,
                    Err(IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal)) => {
                        Some(refusal.reason.code())
                    }
                    Err(IntakeError::Unavailable(why)) => panic!("{item}: {why}"),
                };
                assert_eq!(found, expected, "of {item}");
            }
            Act::Approve(engineer) => {
                let key = key(*engineer).parse().expect("a key");
                // Most are not held.
                let _ = self.engine.order_engineer(&key, EngineerOrder::Approve, "ada", "it is so").await;
            }
            Act::Retry => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                for row in self.rows().await {
                    let _ = self.engine.order_row(&row.id, RowOrder::Retry, "ada", "now").await;
                }
            }
            Act::Crash => {
                self.engine.cut_off();
                self.engine.stopped().await;
                self.engine = live(&self.room).await;
            }
            Act::NewDomain => (),
        }
    }

    async fn rest(&self) {
        let rests = async {
            loop {
                tokio::time::sleep(Duration::from_hours(1)).await;
                let over = |engineer: &Engineer| engineer.upcoming.is_empty();
                let rows = self.rows().await;
                self.let_in_again(&rows);
                let at_rest = rows.iter().all(|row| row.state == State::Completed && row.next.is_none());
                if self.engineers().await.iter().all(over) && at_rest {
                    return;
                }
            }
        };
        if tokio::time::timeout(RESTS_WITHIN, rests).await.is_err() {
            let open = self.rows().await.into_iter().filter(|row| row.state != State::Completed);
            panic!("{:#?} does not come to rest", open.collect::<Vec<_>>());
        }
    }

    /// Where the answer to a suspension was lost, nobody can tell any more whose it is: a person does what the task of the return asks for.
    fn let_in_again(&self, rows: &[Enrollment]) {
        for row in rows {
            let State::Waiting { reason, .. } = &row.state else { continue };
            let (Some(key), Some(domain)) = (row.id.engineer(), row.id.domain()) else { continue };
            if reason.code != FailureCode::AccountSuspended {
                continue;
            }
            let is_it = |user: &User| {
                marker(user).as_deref() == Some(key.as_str()) && user.primary_email.ends_with(domain.as_str())
            };
            self.room.sandbox.change(|world| {
                let users = world.customers.values_mut().flat_map(|customer| customer.users.values_mut());
                for user in users.filter(|user| is_it(user)) {
                    Arc::make_mut(user).suspended = false;
                }
            });
        }
    }

    async fn engineers(&self) -> Vec<Engineer> {
        self.room.store.engineers(None, usize::MAX).await.expect("memory answers")
    }

    async fn rows(&self) -> Vec<Enrollment> {
        let mut rows = Vec::new();
        for engineer in self.engineers().await {
            rows.extend(self.room.store.enrollments_of(&engineer.key).await.expect("memory answers"));
        }
        rows
    }

    fn check(&mut self) {
        let mut found = self.found();
        for ((engineer, domain), stands) in self.model.at_rest() {
            if domain == NEW {
                continue;
            }
            let account = found.remove(&(key(engineer), DOMAINS[domain].to_owned()));
            let fits = match stands {
                Stands::Open => account == Some((true, false)),
                Stands::LockedOut => account.is_none_or(|account| account == (false, true)),
                Stands::Nothing => account.is_none(),
            };
            assert!(fits, "{} in {}: {account:?} and not {stands:?}", key(engineer), DOMAINS[domain]);
        }
        assert!(found.is_empty(), "accounts of people whom no event names: {found:?}");
    }

    /// Every account with a marker of carepass's.
    fn found(&self) -> Found {
        let mut found = Found::new();
        self.room.sandbox.change(|world| {
            for customer in world.customers.values() {
                let holds =
                    |user: &User| customer.assignments.values().any(|held| held.assigned_to == user.id);
                for user in customer.users.values() {
                    let Some(owner) = marker(user) else { continue };
                    let domain = user.primary_email.rsplit_once('@').expect("an address").1.to_owned();
                    let second = found.insert((owner, domain), (holds(user), user.suspended));
                    assert!(second.is_none(), "a second account: {}", user.primary_email);
                }
            }
        });
        found
    }
}

/// The item as it is lived here. A new name asks a person whether the accounts are to be renamed, and nobody is there to answer.
fn lived(item: &Item) -> Option<Item> {
    let act = match &item.act {
        Act::NewDomain => return None,
        Act::Event(id, said) => Act::Event(*id, Said { name: 0, ..said.clone() }),
        act @ (Act::Approve(_) | Act::Retry | Act::Crash) => act.clone(),
    };
    Some(Item { act, ..item.clone() })
}

fn marker(user: &User) -> Option<String> {
    let markers = user.fields.get("externalIds")?.as_array()?;
    let ours = markers.iter().find(|marker| marker["customType"] == "carepass")?;
    ours["value"].as_str().map(str::to_owned)
}

async fn live(room: &EngineRoom) -> Arc<Engine> {
    let is_ours = |name: &str| RESELLERS.contains(&name);
    let resellers = demo::files().resellers.iter().filter(|demo| is_ours(demo.name));
    let settings = Settings {
        lead_time: SHORT_LEAD_TIME,
        // Looks at accounts that do not change are left out.
        sweep: Duration::from_hours(2),
        recheck: SignedDuration::from_hours(24),
        ..settings(4)
    };
    let engine = Engine::new(room.house(resellers.map(demo::reseller)), settings, CancellationToken::new());
    engine.start(None::<Arc<dyn OutcomeSink>>).await.expect("memory answers");
    engine
}
