//! Walls in virtual time: many engineers and few seats, the engine with its steps and its client, and the sandbox behind real HTTP.
//! What was refused is counted where it arrives. Not here: who leads (`model/wall`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, RowOrder, Settings};
use carepass::model::enrollment::{At, Enrollment, EnrollmentId, Goal, State, Want};
use carepass::model::entry::{Actor, Change, Commit, Position};
use carepass::model::failure::{Failure, FailureCode, Who};
use carepass::model::outcome::{OutcomeKind, outcomes};
use carepass::model::plan::StepName;
use carepass::sandbox::World;
use carepass::steps::House;
use carepass::store::Store;
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CUSTOMER: &str = "C01nordicdk";
const ENGINEERS: usize = 20;
const PERMITS: usize = 4;

/// One reseller account with one domain.
struct Town {
    room: EngineRoom,
    engine: Option<Arc<Engine>>,
}

impl Town {
    /// Room for so many engineers.
    async fn with_room(room: usize) -> Self {
        let world = World::from_toml(&demo::files().world).expect("the world that init writes");
        let town = Self { room: EngineRoom::open(world).await, engine: None };
        town.room.sandbox.change(|world| {
            let customer = world.customers.get_mut(CUSTOMER).expect("a customer of the demo");
            customer.settings.seats =
                Some(number(customer.seats_used(town.room.clock.now().as_millisecond())));
        });
        town.raise(room);
        town
    }

    fn raise(&self, by: usize) {
        self.room.sandbox.change(|world| {
            let customer = world.customers.get_mut(CUSTOMER).expect("a customer of the demo");
            customer.settings.seats = customer.settings.seats.map(|seats| seats + number(by));
        });
    }

    async fn live(&mut self) {
        // Whoever is here stands before the wall now, whatever the first day.
        let settings = Settings { lead_time: SignedDuration::from_hours(24 * 366), ..settings(PERMITS) };
        let engine = Engine::new(self.house(), settings, CancellationToken::new());
        engine.start(None).await.expect("memory answers");
        self.engine = Some(engine);
    }

    async fn die(&mut self) {
        let engine = self.engine.take().expect("it lives");
        engine.cut_off();
        engine.stopped().await;
    }

    fn house(&self) -> House {
        let demo = demo::files().resellers.iter().find(|reseller| reseller.customer_id == CUSTOMER);
        let mut reseller = demo::reseller(demo.expect("a reseller account of the demo"));
        reseller.seats = Some(10);
        self.room.house([reseller])
    }

    fn engine(&self) -> &Engine {
        self.engine.as_deref().expect("it lives")
    }

    /// An engineer joins, who starts in so many days.
    async fn join(&self, key: &str, days: usize) {
        let mut event = events::joined_as(key, &format!("Anna{key}"), "Berg");
        let start = jiff::civil::date(2026, 12, 1) + jiff::Span::new().days(i64::try_from(days).unwrap());
        event["data"]["employment"]["startDate"] = start.to_string().into();
        let event = event.to_string();
        let admitted =
            self.engine().admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    /// Those who came last start first.
    async fn all_join(&self) {
        for number in 0..ENGINEERS {
            self.join(&engineer(number), ENGINEERS - number).await;
        }
    }

    async fn rows(&self) -> Vec<Enrollment> {
        let mut rows = Vec::new();
        for engineer in self.room.store.engineers(None, 1_000).await.expect("memory answers") {
            let of = self.room.store.enrollments_of(&engineer.key).await.expect("memory answers");
            rows.extend(of.into_iter().filter(|row| row.id.domain().is_some()));
        }
        rows
    }

    async fn waiting(&self, code: FailureCode) -> usize {
        let waits =
            |row: &Enrollment| matches!(&row.state, State::Waiting { reason, .. } if reason.code == code);
        self.rows().await.iter().filter(|row| waits(row)).count()
    }

    /// Until so many wait for the reason and nobody is under way.
    async fn until_waiting(&self, count: usize, code: FailureCode, wanted: usize) {
        let waiting = async {
            loop {
                let rows = self.rows().await;
                let at_rest = rows.len() == wanted && !rows.iter().any(Enrollment::is_under_way);
                if at_rest && self.waiting(code).await == count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_mins(30), waiting).await.is_ok();
        assert!(in_time, "{count} do not wait for {code}: {:#?}", self.rows().await);
    }

    /// The inserts that Google refused for want of seats.
    fn refused(&self) -> usize {
        let calls = self.room.sandbox.calls();
        calls.iter().filter(|call| is_insert(call) && call.status == 412).count()
    }

    /// Whose accounts were made, in order.
    async fn made(&self) -> Vec<String> {
        let mut made: Vec<_> = self
            .rows()
            .await
            .into_iter()
            .filter_map(|row| Some((row.facts.account?.since, row.id.engineer()?.to_string())))
            .collect();
        made.sort();
        made.into_iter().map(|(_, key)| key).collect()
    }

    /// Within less than the time after which a row looks by itself.
    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_mins(3), waiting).await.is_ok();
        assert!(in_time, "not in time: {what}: {:#?}", self.rows().await);
    }

    async fn pass(&self, minutes: u64) {
        tokio::time::sleep(Duration::from_mins(minutes)).await;
    }
}

fn is_insert(call: &carepass::sandbox::CallLine) -> bool {
    call.method == "POST" && call.path.ends_with("/users")
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a few")
}

fn engineer(number: usize) -> String {
    format!("E-{number:02}")
}

fn live(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(body);
}

/// The wall is met by those under way, and then one asks for all, more and more seldom.
#[test]
fn one_row_asks_for_all_and_ever_more_seldom() {
    live(async {
        let mut town = Town::with_room(3).await;
        town.live().await;
        town.all_join().await;
        town.until_waiting(17, FailureCode::SeatsSpent, ENGINEERS).await;
        let first = town.refused();
        assert!((1..=PERMITS).contains(&first), "{first} were refused at the first hit");
        // 5, 10, 20, 40 minutes, then an hour each, and up to a quarter more.
        let mut found = Vec::new();
        for _ in 0..6 {
            town.pass(60).await;
            found.push(town.refused() - first);
        }
        assert!((2..=4).contains(&found[0]), "{found:?}");
        assert!((5..=8).contains(&found[5]), "{found:?}");
        // Who waits behind it asks nothing: what is read of single accounts is the leader's, before each of its inserts.
        let (begun, before) = (town.room.sandbox.calls().len(), town.refused());
        town.pass(10 * 60).await;
        let (calls, probes) = (town.room.sandbox.calls().split_off(begun), town.refused() - before);
        let about_one = calls.iter().filter(|call| call.path.contains('@')).count();
        assert!(probes > 5 && about_one <= 2 * probes, "{about_one} reads for {probes} probes");
    });
}

#[test]
fn seats_go_to_the_earliest_start_dates_also_after_a_restart() {
    live(async {
        let mut town = Town::with_room(3).await;
        town.live().await;
        town.all_join().await;
        town.until_waiting(17, FailureCode::SeatsSpent, ENGINEERS).await;
        let with_seats = town.made().await;
        let mut order: Vec<String> = (0..ENGINEERS).rev().map(engineer).collect();
        order.retain(|key| !with_seats.contains(key));
        town.raise(1);
        town.until_waiting(16, FailureCode::SeatsSpent, ENGINEERS).await;
        assert_eq!(town.made().await[3..], order[..1]);

        town.die().await;
        town.live().await;
        town.pass(1).await;
        let before = town.refused();
        town.pass(120).await;
        assert!((1..=4).contains(&(town.refused() - before)), "one asks for all after a restart too");
        town.raise(2);
        town.until_waiting(14, FailureCode::SeatsSpent, ENGINEERS).await;
        assert_eq!(town.made().await[3..], order[..3]);

        // Who starts before all others is next, whenever the event comes.
        town.join("E-99", 0).await;
        town.until_waiting(15, FailureCode::SeatsSpent, ENGINEERS + 1).await;
        town.raise(100);
        town.until_waiting(0, FailureCode::SeatsSpent, ENGINEERS + 1).await;
        let made = town.made().await;
        assert_eq!(made[6], "E-99");
        assert_eq!(made[7..], order[3..]);
    });
}

#[test]
fn an_order_on_any_row_asks_once_and_the_seat_is_still_the_earliests() {
    live(async {
        let mut town = Town::with_room(0).await;
        town.live().await;
        town.all_join().await;
        town.until_waiting(20, FailureCode::SeatsSpent, ENGINEERS).await;
        town.pass(100).await;
        let id = town.rows().await[0].id.clone();
        let before = town.refused();
        town.engine()
            .order_row(&id, RowOrder::Retry, "ada", "asked Google")
            .await
            .expect("an order that fits");
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(town.refused() - before, 1);
        town.raise(1);
        town.engine()
            .order_row(&id, RowOrder::Retry, "ada", "there is one")
            .await
            .expect("an order that fits");
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(town.made().await, [engineer(ENGINEERS - 1)]);
        // Who leads may be given up.
        let leader: EnrollmentId = town.rows().await[ENGINEERS - 2].id.clone();
        town.raise(1);
        town.engine().order_row(&leader, RowOrder::Cancel, "ada", "left").await.expect("an order that fits");
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(town.made().await, [ENGINEERS - 1, ENGINEERS - 3].map(engineer));
    });
}

/// What a look that has begun already answers is older than the word that things have changed.
#[test]
fn who_is_asked_in_the_middle_of_a_look_looks_once_more() {
    live(async {
        let mut town = Town::with_room(0).await;
        town.live().await;
        town.all_join().await;
        town.until_waiting(20, FailureCode::SeatsSpent, ENGINEERS).await;
        let rows = town.rows().await;
        let (leader, other) = (&rows[ENGINEERS - 1].id, &rows[0].id);
        let slow =
            json!({ "match": { "method": "POST", "path_regex": "/users$" }, "do": { "delay_ms": 10_000 } });
        town.room.sandbox.add_faults(&slow).expect("a rule");
        let before = town.refused();
        town.engine().order_row(leader, RowOrder::Retry, "ada", "look").await.expect("an order that fits");
        town.until("Google has said no", async || town.refused() > before).await;
        // The answer is still on its way.
        town.room.sandbox.clear_faults();
        town.raise(1);
        town.engine().order_row(other, RowOrder::Retry, "ada", "bought").await.expect("an order that fits");
        town.until("the account is made", async || town.made().await == [engineer(ENGINEERS - 1)]).await;
        town.until("somebody else has asked in vain", async || town.refused() == before + 2).await;
    });
}

/// Somebody's paid licence cannot be taken away: no further account gets one until it can.
#[test]
fn automatic_licensing_keeps_new_accounts_waiting() {
    live(async {
        let mut town = Town::with_room(100).await;
        town.live().await;
        town.join("E-50", 50).await;
        town.pass(10).await;
        town.until_waiting(0, FailureCode::AutoLicensingOn, 1).await;
        town.die().await;
        let met = put_behind(&town).await;
        town.live().await;
        for number in 0..5 {
            town.join(&engineer(number), number).await;
        }
        town.until_waiting(6, FailureCode::AutoLicensingOn, 6).await;
        assert_eq!(town.made().await, ["E-50"]);
        // It is off now: the one that met it sees that when it looks.
        town.engine().order_row(&met, RowOrder::Retry, "ada", "it is off").await.expect("an order that fits");
        town.until_waiting(0, FailureCode::AutoLicensingOn, 6).await;
        assert_eq!(town.made().await.len(), 6);
    });
}

/// The only row, as if its paid licence could not be taken away.
async fn put_behind(town: &Town) -> EnrollmentId {
    let row = town.rows().await.remove(0);
    let now = town.room.clock.now();
    let code = FailureCode::AutoLicensingOn;
    let at = At {
        step: StepName::NoPaidLicense,
        attempt: 1,
        runs: 1,
        looks: 1,
        waited_for: Some(code),
        since: now,
    };
    let look_again = now + SignedDuration::from_hours(1);
    let state =
        State::Waiting { at, on: Who::Operator, reason: Failure::needs(Who::Operator, code), look_again };
    let mut done = row.done.clone();
    done.retain(|step| {
        use StepName::{Account, License, Name, Password, Username};
        matches!(step, Username | Account | Password | Name | License)
    });
    let goal = Goal { want: Want::Present, ..row.goal };
    let after = Enrollment { version: row.version + 1, state, done, goal, ..row.clone() };
    let change = Change::Enrollment { from: Some(row.version), row: Box::new(after) };
    town.room.store.commit(Commit::of(now, Actor::Engine, change)).await.expect("a row of this test");
    row.id
}

/// Ten seats are configured, and more than that are wanted: somebody hears of it once.
#[test]
fn low_seats_are_told_before_they_are_spent() {
    live(async {
        let mut town = Town::with_room(100).await;
        town.live().await;
        town.pass(1).await;
        let reseller =
            EnrollmentId::Reseller(town.engine().house().sites.keys().next().expect("one").clone());
        let seats = async || {
            let row = town.room.store.enrollment(&reseller).await.expect("memory answers").expect("its row");
            row.facts.seats.expect("counted")
        };
        let first = seats().await;
        assert_eq!((first.starters, first.low), (0, false), "{first:?}");
        for number in 0..ENGINEERS {
            town.join(&engineer(number), 0).await;
        }
        town.pass(200).await;
        let second = seats().await;
        assert_eq!((second.users - first.users, second.remaining, second.low), (20, Some(0), true));
        let entries = town.room.store.entries(Position::default(), 10_000).await.expect("memory answers");
        let low = entries.iter().flat_map(outcomes).filter(|outcome| outcome.kind == OutcomeKind::SeatsLow);
        assert_eq!(low.count(), 1);
    });
}
