//! One history: two people of one name join, a domain appears, processes come and go, and Google has its moods. Everything is the seed's
//! choice. Not here: what must hold in the end (`verdict`).

use super::outside::{Outside, Stats};
use super::{bystanders, verdict};
use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, OutcomeSink, RowOrder};
use carepass::model::engineer::Progress;
use carepass::model::enrollment::{Enrollment, EnrollmentId, State};
use carepass::model::failure::FailureCode;
use carepass::model::id::{Address, EngineerKey};
use carepass::model::task;
use carepass::sandbox::{Domain, DomainKind, World};
use carepass::steps::House;
use carepass::store::Store;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Who joins: two of one name, so that they want the same local part.
pub const ENGINEERS: [&str; 2] = ["E-1", "E-2"];

/// The domain that appears half-way, and whose it is.
pub const NEW_DOMAIN: &str = "new-dk.example";
const NEW_DOMAIN_OF: &str = "C01nordicdk";

const CUSTOMERS: [&str; 3] = ["C01nordicdk", "C01nordicno", "C01nordicse"];

/// Faults end after so many turns.
const TURNS: u32 = 12;

/// By then everything must have settled, once faults have ended; in virtual time.
const SETTLES_WITHIN: Duration = Duration::from_hours(48);

/// A world with its past and its processes.
pub struct History {
    pub room: EngineRoom,
    pub world: Arc<Outside>,
    pub is_nasty: bool,
    /// Fault rules of the world itself, which are always in force.
    standing: Vec<Value>,
    /// Everybody else as they were when they came, by id.
    pub bystanders: BTreeMap<String, Value>,
    chance: fastrand::Rng,
    /// The last one is the rightful one; the others are zombies.
    lives: Vec<Arc<Engine>>,
    /// The last call of which it was counted whether a fault struck it.
    counted: u64,
    pub stats: Stats,
}

impl History {
    pub async fn begin(seed: u64) -> Self {
        let is_nasty = seed % 4 >= 2;
        let text = if is_nasty { &demo::files().nasty_world } else { &demo::files().world };
        let mut world = World::from_toml(text).expect("a world that init writes");
        let mut chance = fastrand::Rng::with_seed(seed);
        if is_nasty {
            bystanders::settle(&mut world, &mut chance);
        } else {
            lift_seats(&mut world);
        }
        world.seed = seed;
        let standing = world.faults.clone();
        let room = EngineRoom::open(world).await;
        Self {
            bystanders: bystanders::seen(&room.sandbox.world_json(), &ENGINEERS),
            room,
            is_nasty,
            standing,
            world: Arc::new(Outside::moody(seed)),
            chance,
            lives: Vec::new(),
            counted: 0,
            stats: Stats::default(),
        }
    }

    /// Lives through everything, then through a calm in which all must settle.
    pub async fn run(mut self) -> Stats {
        self.live().await;
        if self.is_nasty && self.chance.bool() {
            self.set_up().await;
        }
        self.join(ENGINEERS[0]).await;
        let [second, domain, seats] = std::array::from_fn(|_| self.chance.u32(..TURNS));
        for turn in 0..TURNS {
            self.mood();
            if turn == second {
                self.join(ENGINEERS[1]).await;
            }
            if turn == domain {
                self.open_domain();
            }
            if turn == seats {
                self.room.sandbox.change(lift_seats);
            }
            if self.is_nasty && self.chance.u8(..4) == 0 {
                self.somebody_comes().await;
            }
            let longest = if self.chance.bool() { 3_000 } else { 300_000 };
            tokio::time::sleep(Duration::from_millis(self.chance.u64(..longest))).await;
            self.turn().await;
            self.look_at_the_board().await;
            self.look_at_the_numbers().await;
        }
        self.calm().await;
        self.settle().await;
        verdict::check(&mut self).await;
        self.kill_all().await;
        self.stats.unconfirmed = self.world.unconfirmed();
        if self.is_nasty {
            self.stats.nastiness.count(&self.room.sandbox.calls());
        }
        self.stats
    }

    /// Waits a while for the reseller accounts: only those that are ready can be asked whether a name is free.
    async fn set_up(&self) {
        let engine = self.lives.last().expect("somebody lives");
        let ready = async {
            while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        // One that takes longer is met on the way.
        let _ = tokio::time::timeout(Duration::from_mins(3), ready).await;
    }

    /// What happens to the processes, or what an operator does.
    async fn turn(&mut self) {
        let rows = self.rows().await;
        self.stats.waits +=
            rows.iter().filter(|row| matches!(row.state, State::Waiting { .. })).count() as u64;
        match self.chance.u8(..8) {
            0..=2 => {
                self.stats.kills += 1;
                self.kill_all().await;
                self.live().await;
            }
            3 | 4 => self.outlive().await,
            5 => self.order(rows).await,
            _ => (),
        }
    }

    /// A process that still waits for slow answers is taken for dead, and lives on beside its successor.
    async fn outlive(&mut self) {
        self.stats.zombies += 1;
        let slow = json!({"match": {"probability": 0.7}, "do": {"delay_ms": self.chance.u64(5_000..29_000)}});
        self.set_faults(vec![slow]);
        tokio::time::sleep(Duration::from_millis(self.chance.u64(..5_000))).await;
        self.live().await;
        tokio::time::sleep(Duration::from_millis(self.chance.u64(..60_000))).await;
    }

    /// Google's mood until the next: which calls go wrong, and how.
    fn mood(&mut self) {
        let calls = self.room.sandbox.calls_after(self.counted);
        self.counted = calls.last().map_or(self.counted, |call| call.seq);
        self.stats.faults += calls.iter().filter(|call| call.fault).count() as u64;
        self.delegate(|_| true);
        let mut rules = Vec::new();
        let mut rule = |chance: f64, action: Value| {
            rules.push(json!({"match": {"probability": chance}, "do": action}));
        };
        match self.chance.u8(..9) {
            0 => {
                rule(0.1, json!({"fail_before": true, "reset": true}));
                rule(0.2, json!({"fail_after": true, "reset": true}));
            }
            1 => {
                rule(0.1, json!({"fail_after": true, "status": 500}));
                rule(0.2, json!({"fail_after": true, "status": 503}));
            }
            2 => {
                self.stats.stale += 1;
                rule(0.4, json!({"stale_ms": self.chance.u64(1_000..60_000)}));
            }
            3 => {
                self.stats.late += 1;
                rule(0.2, json!({"delay_ms": self.chance.u64(10_000..200_000)}));
            }
            4 => {
                rule(0.3, json!({"fail_before": true, "status": 429, "retry_after": self.chance.u64(1..60)}));
            }
            5 => rule(0.2, json!({"fail_before": true, "status": 502, "body": "<html>Bad Gateway</html>"})),
            6 | 7 => {
                let without = *self.chance.choice(&CUSTOMERS).expect("there are some");
                self.delegate(|customer| customer != without);
            }
            _ => (),
        }
        self.set_faults(rules);
    }

    /// These, and those of the world itself.
    fn set_faults(&self, mut rules: Vec<Value>) {
        rules.extend(self.standing.iter().cloned());
        self.room.sandbox.clear_faults();
        self.room.sandbox.add_faults(&json!(rules)).expect("rules that are understood");
    }

    /// Which accounts' administrators let the service account act for them.
    fn delegate(&self, lets: impl Fn(&str) -> bool) {
        let delegation: BTreeMap<&str, bool> =
            CUSTOMERS.iter().map(|customer| (*customer, lets(customer))).collect();
        self.room.sandbox.set(&json!({ "delegation": delegation })).expect("a setting");
    }

    async fn calm(&mut self) {
        self.mood();
        self.set_faults(Vec::new());
        self.delegate(|_| true);
        self.world.calm_down();
        self.kill_all().await;
        self.live().await;
    }

    async fn settle(&mut self) {
        let settled = async {
            loop {
                tokio::time::sleep(Duration::from_mins(1)).await;
                let rows = self.rows().await;
                self.give_way(&rows).await;
                let is_over = rows.iter().all(|row| row.state == State::Completed);
                // A licence that came late is found by the watch, which looks once an hour.
                if rows.len() == self.rows_wanted() && is_over && !verdict::has_paid(self) {
                    break;
                }
            }
            // What is left to tell is told.
            tokio::time::sleep(Duration::from_mins(2)).await;
        };
        let is_settled = tokio::time::timeout(SETTLES_WITHIN, settled).await.is_ok();
        assert!(is_settled, "has not settled: {:#?}", self.rows().await);
    }

    fn rows_wanted(&self) -> usize {
        ENGINEERS.len() * (self.domains().len() + 1)
    }

    /// Every domain that can have accounts.
    pub fn domains(&self) -> BTreeSet<String> {
        self.room.sandbox.change(|world| {
            let domains = world.customers.values().flat_map(|customer| &customer.domains);
            let wanted = domains.filter(|domain| domain.verified && domain.kind != DomainKind::Alias);
            wanted.map(|domain| domain.name.clone()).collect()
        })
    }

    /// The engineers' rows.
    pub async fn rows(&self) -> Vec<Enrollment> {
        let mut rows = Vec::new();
        for key in ENGINEERS {
            let key: EngineerKey = key.parse().expect("a key");
            rows.extend(self.room.store.enrollments_of(&key).await.expect("memory answers"));
        }
        rows
    }

    /// What waits for a person is what a walk through the rows and engineers finds, in a process that has seen them change and in one that
    /// has not. Where the ledger grows meanwhile there is nothing to compare.
    async fn look_at_the_board(&mut self) {
        let engine = self.lives.last().expect("somebody lives");
        let store = &self.room.store;
        let before = store.head().await.expect("memory answers");
        let mut rows = self.rows().await;
        for name in engine.house().sites.keys() {
            let id = EnrollmentId::Reseller(name.clone());
            rows.extend(store.enrollment(&id).await.expect("memory answers"));
        }
        let engineers = store.engineers(None, ENGINEERS.len()).await.expect("memory answers");
        let waiting = engine.waiting().await.expect("memory answers");
        if store.head().await.expect("memory answers") != before {
            return;
        }
        let version = |row: &Enrollment| (row.id.clone(), row.version);
        let walked = rows.iter().filter(|row| task::id(row).is_some());
        let walked: BTreeMap<EnrollmentId, u64> = walked.map(version).collect();
        let kept: BTreeMap<EnrollmentId, u64> = waiting.rows.iter().map(|row| version(row)).collect();
        assert_eq!(kept, walked, "what waits for a person is not what is shown");
        let held = engineers.iter().filter(|engineer| engineer.held().is_some());
        let held: BTreeSet<&EngineerKey> = held.map(|engineer| &engineer.key).collect();
        assert_eq!(waiting.held.keys().collect::<BTreeSet<_>>(), held);
        assert!(!waiting.rows_cut && !waiting.held_cut);
        self.stats.boards += 1;
        self.stats.on_boards += kept.len() as u64;
    }

    /// How many stand where is what a walk through all finds. Before all were read, and where the ledger grows meanwhile, there is nothing to
    /// compare.
    async fn look_at_the_numbers(&mut self) {
        let engine = self.lives.last().expect("somebody lives");
        let (store, roster) = (&self.room.store, engine.roster());
        let before = store.head().await.expect("memory answers");
        let mut walked = BTreeMap::<Progress, usize>::new();
        for engineer in store.engineers(None, ENGINEERS.len()).await.expect("memory answers") {
            let rows = store.enrollments_of(&engineer.key).await.expect("memory answers");
            *walked.entry(Progress::of(&engineer, &roster, &rows)).or_default() += 1;
        }
        let Some(standing) = engine.standing().await.filter(|standing| standing.was_at.is_none()) else {
            return;
        };
        if store.head().await.expect("memory answers") != before || engine.roster() != roster {
            return;
        }
        assert_eq!(standing.counts(), walked, "how many stand where is not what is shown");
        self.stats.numbers += 1;
    }

    // -- processes

    async fn live(&mut self) {
        let engine = Engine::new(self.house(), settings(4), CancellationToken::new());
        let sink = Arc::clone(&self.world) as Arc<dyn OutcomeSink>;
        engine.start(Some(sink)).await.expect("memory answers");
        self.lives.push(engine);
    }

    async fn kill_all(&mut self) {
        for engine in self.lives.drain(..) {
            engine.cut_off();
            engine.stopped().await;
        }
    }

    fn house(&self) -> House {
        let reseller = if self.is_nasty { demo::nasty_reseller } else { demo::reseller };
        self.room.house(demo::files().resellers.iter().map(reseller))
    }

    // -- what comes from outside

    async fn join(&mut self, key: &str) {
        let event = events::joined_as(key, "Åsa", "Öberg").to_string();
        let engine = self.lives.last().expect("somebody lives");
        let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    fn open_domain(&self) {
        let domain =
            Domain { name: NEW_DOMAIN.into(), kind: DomainKind::Secondary, parent: None, verified: true };
        self.room.sandbox.change(|world| {
            world.customers.get_mut(NEW_DOMAIN_OF).expect("a customer of the demo").domains.push(domain);
        });
    }

    /// Somebody else gets a name that nobody has, nor is to have.
    async fn somebody_comes(&mut self) {
        let Self { room, chance, .. } = self;
        let Some(name) = room.sandbox.change(|world| bystanders::free_name(world, chance)) else { return };
        let house = self.lives.last().expect("somebody lives").house();
        let tag = house.sealer.tag(&name.parse().expect("a local part"));
        if self.room.store.holder(&tag).await.expect("memory answers").is_some() {
            return;
        }
        self.stats.nastiness.came += 1;
        let Self { room, chance, .. } = self;
        room.sandbox.change(|world| bystanders::come(world, name, chance));
        let seen = bystanders::seen(&self.room.sandbox.world_json(), &ENGINEERS);
        for (id, user) in seen {
            self.bystanders.entry(id).or_insert(user);
        }
    }

    /// Somebody at a name that was chosen while their reseller account could not be asked, or who came in the same moment, is in the
    /// way of an engineer who has an account under it elsewhere already. A person does what the task asks for.
    async fn give_way(&mut self, rows: &[Enrollment]) {
        let is_stuck = |row: &&Enrollment| matches!(&row.state, State::Waiting { reason, .. } if reason.code == FailureCode::AddressTaken);
        for row in rows.iter().filter(is_stuck) {
            let (Some(key), Some(domain)) = (row.id.engineer(), row.id.domain()) else { continue };
            let house = self.lives.last().expect("somebody lives").house();
            let name = house.sheet(key).await.expect("a sheet").username.expect("the username comes first");
            let address = Address { local_part: name, domain: domain.clone() };
            // The row may not have looked since.
            if !self.room.sandbox.change(|world| bystanders::is_held(world, &address.to_string())) {
                continue;
            }
            self.stats.nastiness.moved += 1;
            if let Some(moved) =
                self.room.sandbox.change(|world| bystanders::give_way(world, &address.to_string()))
            {
                let user = bystanders::seen(&self.room.sandbox.world_json(), &ENGINEERS).remove(&moved);
                self.bystanders.insert(moved, user.expect("just moved"));
            }
        }
    }

    /// An operator is impatient.
    async fn order(&mut self, rows: Vec<Enrollment>) {
        let waiting = rows.into_iter().filter(|row| matches!(row.state, State::Waiting { .. }));
        let waiting: Vec<EnrollmentId> = waiting.map(|row| row.id).collect();
        if let Some(id) = self.chance.choice(&waiting) {
            let engine = self.lives.last().expect("somebody lives");
            // It may have moved meanwhile; then there is nothing to order.
            let _ = engine.order_row(id, RowOrder::Retry, "ada", "now").await;
        }
    }
}

/// Somebody buys seats.
fn lift_seats(world: &mut World) {
    world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
}
