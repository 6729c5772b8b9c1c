//! The limits on grants before a flood, in virtual time: joiners wait for one release by a person, leavers pass, another source keeps
//! its room, and who comes after the person has looked is not let in. Not here: the counting (`model/grants`) and the API (`http`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, Settings};
use carepass::model::engineer::{Engineer, Hold, Progress, Release};
use carepass::model::enrollment::Want;
use carepass::model::grants::GrantLimits;
use carepass::model::id::EngineerKey;
use carepass::planted::{Bug, caught};
use carepass::sandbox::World;
use carepass::store::Store;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const RESELLER: &str = "nordic-dk";
const FLOOD: usize = 300;
const LIMIT: u32 = 50;
const OTHERS: usize = 10;
const FORGED: usize = 40;
const LEAVERS: usize = 5;

/// In virtual time; a new account every second.
const PATIENCE: Duration = Duration::from_hours(4);

/// One reseller account with one domain.
struct Town {
    room: EngineRoom,
    engine: Arc<Engine>,
}

impl Town {
    async fn open(settings: Settings) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let room = EngineRoom::open(world).await;
        let reseller = demo::files().resellers.iter().find(|reseller| reseller.name == RESELLER);
        let reseller = demo::reseller(reseller.expect("a reseller account of the demo"));
        let engine = Engine::new(room.house([reseller]), settings, CancellationToken::new());
        engine.start(None).await.expect("memory answers");
        let town = Self { room, engine };
        town.until("a ready account", async || {
            town.engine.roster().resellers.values().all(|reseller| reseller.ready)
        })
        .await;
        town
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{what} does not come about"));
    }

    async fn say(&self, event: &Value) {
        let body = event.to_string();
        let admitted = self.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    async fn engineers(&self) -> Vec<Engineer> {
        self.room.store.engineers(None, 10_000).await.expect("memory answers")
    }

    async fn held(&self, why: Hold) -> BTreeSet<EngineerKey> {
        let engineers = self.engineers().await.into_iter();
        let held = engineers
            .filter(|engineer| matches!(engineer.release, Release::Held { why: held, .. } if held == why));
        held.map(|engineer| engineer.key).collect()
    }

    /// Those who are ready everywhere, and told.
    async fn ready(&self) -> usize {
        let (mut ready, roster) = (0, self.engine.roster());
        for engineer in self.engineers().await {
            let rows = self.room.store.enrollments_of(&engineer.key).await.expect("memory answers");
            ready += usize::from(Progress::of(&engineer, &roster, &rows) == Progress::Ready);
        }
        ready
    }

    async fn close(self) {
        self.engine.cut_off();
        self.engine.stopped().await;
    }
}

fn joined(number: usize, source: &str) -> Value {
    let mut event = events::joined(number);
    event["source"] = source.into();
    event["data"]["engineer"]["name"]["given"] = format!("Anna{}", letters(number)).into();
    event
}

/// A number as letters, so that names differ.
fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

fn left(number: usize, source: &str) -> Value {
    let mut event = joined(number, source);
    event["id"] = format!("left-{number}").into();
    event["type"] = "com.carepass.engineer.left.v1".into();
    event["dataschema"] = "https://schemas.carepass.example/engineer/1.0.json".into();
    event["data"]["revision"] = 2.into();
    event["data"]["employment"]["urgency"] = "immediate".into();
    event
}

fn in_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test);
}

/// Who met the limit is let in with everybody else on its card; whom nobody has approved must not be among them.
#[test]
fn the_limit_does_not_hide_that_an_approval_is_missing() {
    in_virtual_time(async {
        let limits = GrantLimits { per_hour: 1, per_day: 1 };
        let town = Town::open(Settings { grants: limits, approval_required: true, ..settings(8) }).await;
        let approved = |number: usize| {
            let mut event = joined(number, "https://hr.example/a");
            event["data"]["approval"] = serde_json::json!({
                "reference": "ITSM-1", "approvedBy": "g@nordresale.example", "approvedAt": "2026-11-19T14:02:11Z"
            });
            event
        };
        town.say(&approved(1)).await;
        town.say(&approved(2)).await;
        assert_eq!(town.held(Hold::GrantLimit).await.len(), 1);
        let mut wider = joined(2, "https://hr.example/a");
        wider["id"] = "without".into();
        wider["type"] = "com.carepass.engineer.moved.v1".into();
        wider["data"]["revision"] = 2.into();
        town.say(&wider).await;
        assert_eq!(
            (town.held(Hold::GrantLimit).await.len(), town.held(Hold::ApprovalMissing).await.len()),
            (0, 1)
        );
        town.close().await;
    });
}

#[test]
fn a_flood_waits_for_one_release_while_leavers_pass() {
    in_virtual_time(async {
        let (flooding, other) = ("https://hr.example/flood", "https://hr.example/other");
        let town = Town::open(Settings {
            grants: GrantLimits { per_hour: 2 * LIMIT, per_day: 1_000 },
            source_grants: GrantLimits { per_hour: LIMIT, per_day: 1_000 },
            ..settings(8)
        })
        .await;
        for number in 0..FLOOD {
            town.say(&joined(number, flooding)).await;
            tokio::time::sleep(Duration::from_mins(1) / u32::try_from(FLOOD).expect("a small number")).await;
        }
        for number in FLOOD..FLOOD + OTHERS {
            town.say(&joined(number, other)).await;
        }
        let held = town.held(Hold::GrantLimit).await;
        let first_held: EngineerKey = format!("E-{LIMIT:05}").parse().expect("a key");
        assert_eq!((held.len(), held.first()), (FLOOD - LIMIT as usize, Some(&first_held)));

        // A person looks; what is forged after that is not let in with those whom HR has vouched for.
        let shown_at = town.room.clock.now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for number in FLOOD + OTHERS..FLOOD + OTHERS + FORGED {
            town.say(&joined(number, flooding)).await;
        }
        for number in 0..LEAVERS {
            town.say(&left(number, flooding)).await;
        }
        let gone = |engineer: &&Engineer| engineer.stated.goal.want == Want::Absent;
        assert_eq!(town.engineers().await.iter().filter(gone).count(), LEAVERS, "nobody holds a leaver");

        let released = town.engine.release_held(shown_at, "asa", "HR has confirmed 300").await;
        let released: BTreeSet<EngineerKey> =
            released.expect("memory answers").into_iter().map(|engineer| engineer.key).collect();
        assert_eq!(released, held, "those who were shown, and nobody else");
        assert_eq!(town.held(Hold::GrantLimit).await.len(), FORGED);
        town.until("readiness of everybody who was let in", async || {
            town.ready().await == FLOOD + OTHERS - LEAVERS
        })
        .await;
        assert_eq!(
            town.held(Hold::GrantLimit).await.len(),
            FORGED,
            "room that is there again lets nobody in"
        );
        town.close().await;
    });
}

/// What was granted before a restart counts after it, by its source.
#[test]
fn grants_are_counted_over_a_restart() {
    in_virtual_time(async {
        let limits = || Settings { source_grants: GrantLimits { per_hour: 2, per_day: 3 }, ..settings(8) };
        let town = Town::open(limits()).await;
        town.say(&left(9, "hr")).await;
        town.say(&joined(0, "hr")).await;
        let Town { room, engine } = town;
        engine.cut_off();
        engine.stopped().await;
        let engine = Engine::new(room.house([]), limits(), CancellationToken::new());
        engine.start(None).await.expect("memory answers");
        let town = Town { room, engine };
        for number in [1, 2] {
            town.say(&joined(number, "hr")).await;
        }
        town.say(&joined(3, "other")).await;
        let held = town.held(Hold::GrantLimit).await;
        assert_eq!(held.iter().map(EngineerKey::as_str).collect::<Vec<_>>(), ["E-00002"]);
        town.close().await;
    });
}

#[test]
fn who_needs_an_approval_waits_for_one_in_an_event_or_by_an_order() {
    in_virtual_time(async {
        let town = Town::open(Settings { approval_required: true, ..settings(8) }).await;
        let approval = serde_json::json!({ "reference": "CHG-1", "approvedBy": "m.lind", "approvedAt": "2026-11-20T08:00:00Z" });
        let approved = |number: usize, revision: u64| {
            let mut event = joined(number, "hr");
            event["id"] = format!("approved-{number}").into();
            event["data"]["revision"] = revision.into();
            event["data"]["approval"] = approval.clone();
            event
        };
        town.say(&approved(0, 1)).await;
        town.say(&joined(1, "hr")).await;
        town.say(&joined(2, "hr")).await;
        let waiting = async || {
            let held = town.held(Hold::ApprovalMissing).await;
            held.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(waiting().await, ["E-00001", "E-00002"]);
        let everybody = town.engine.release_held(town.room.clock.now(), "asa", "all of them").await;
        assert_eq!(everybody.expect("memory answers"), [], "an approval is about one engineer");
        town.say(&approved(1, 2)).await;
        assert_eq!(waiting().await, ["E-00002"]);
        let key = "E-00002".parse().expect("a key");
        let order = carepass::engine::EngineerOrder::Approve;
        town.engine.order_engineer(&key, order, "asa", "CHG-2").await.expect("she is held");
        assert_eq!(waiting().await, Vec::<String>::new());
        town.until("three who are ready", async || town.ready().await == 3).await;
        let kept = town.engineers().await.into_iter().map(|engineer| engineer.stated.approval);
        assert_eq!(kept.collect::<Vec<_>>(), [Some("CHG-1".to_owned()), Some("CHG-1".to_owned()), None]);
        town.close().await;
    });
}

#[test]
fn planted_grants_are_not_counted() {
    caught(Bug::GrantsUncounted, a_flood_waits_for_one_release_while_leavers_pass);
}
