//! A town of replicas: one store that they share, one Google, and the engines, each with a house of its own.
//! Not here: what happens to them.

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, OutcomeSink, Settings};
use carepass::model::duty::{Duty, LeaseBook, LeaseCall, ReplicaId};
use carepass::model::enrollment::{Enrollment, State};
use carepass::model::id::EngineerKey;
use carepass::sandbox::World;
use carepass::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a lease holds here.
pub const LEASE: Duration = Duration::from_secs(10);

/// By then everything must have settled, in virtual time.
const SETTLES_WITHIN: Duration = Duration::from_hours(6);

/// One engine among several.
pub struct Replica {
    pub id: ReplicaId,
    pub engine: Arc<Engine>,
    pub is_frozen: bool,
    stop: CancellationToken,
}

/// What they share.
pub struct Town {
    pub room: EngineRoom,
    pub replicas: Vec<Replica>,
    sink: Option<Arc<dyn OutcomeSink>>,
    settings: Settings,
    births: u32,
}

impl Town {
    pub async fn open(replicas: u32, sink: Option<Arc<dyn OutcomeSink>>, seed: u64) -> Self {
        Self::with(Settings { lease: LEASE, ..settings(4) }, replicas, sink, seed).await
    }

    pub async fn with(
        settings: Settings,
        replicas: u32,
        sink: Option<Arc<dyn OutcomeSink>>,
        seed: u64,
    ) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("a world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        world.seed = seed;
        let room = EngineRoom::open(world).await.shared();
        let mut town = Self { room, replicas: Vec::new(), sink, settings, births: 0 };
        for _ in 0..replicas {
            town.add().await;
        }
        town
    }

    /// One more; a store that is away is waited for.
    pub async fn add(&mut self) {
        self.births += 1;
        let id = ReplicaId::new(&format!("r{}", self.births), 0).expect("a name");
        let stop = CancellationToken::new();
        let settings = Settings { replica: id.clone(), ..self.settings.clone() };
        let house = self.room.house(demo::files().resellers.iter().map(demo::reseller));
        let engine = Engine::new(house, settings, stop.clone());
        while engine.start(self.sink.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.replicas.push(Replica { id, engine, is_frozen: false, stop });
    }

    /// Ends one as SIGKILL would.
    pub async fn kill(&mut self, place: usize) {
        let dead = self.replicas.remove(place);
        dead.engine.cut_off();
        dead.engine.freeze(false);
        dead.engine.stopped().await;
    }

    /// Ends one in order.
    pub async fn stop(&mut self, place: usize) {
        let leaving = self.replicas.remove(place);
        leaving.engine.freeze(false);
        leaving.stop.cancel();
        leaving.engine.stopped().await;
    }

    pub fn freeze(&mut self, place: usize, is_frozen: bool) {
        self.replicas[place].is_frozen = is_frozen;
        self.replicas[place].engine.freeze(is_frozen);
    }

    /// What the store says of leases, to somebody who wants none.
    pub async fn book(&self) -> LeaseBook {
        let onlooker = ReplicaId::new("onlooker", 0).expect("a name");
        let call = LeaseCall { leaves: true, ..LeaseCall::alive(onlooker, LEASE) };
        self.room.store.lease(&call).await.expect("memory answers")
    }

    /// The place of the replica that holds a duty.
    pub async fn holder(&self, duty: &Duty) -> Option<usize> {
        let book = self.book().await;
        let holder = &book.leases.get(duty)?.holder;
        self.replicas.iter().position(|replica| replica.id == *holder)
    }

    /// Waits until one that lives holds it, and says how long that took.
    pub async fn held_again(&self, duty: &Duty) -> Duration {
        let begun = tokio::time::Instant::now();
        while self.holder(duty).await.is_none() {
            assert!(begun.elapsed() < 10 * LEASE, "{duty} is nobody's");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }

    /// How many lanes each has, where each has a holder that lives.
    pub async fn lanes(&self) -> Option<Vec<usize>> {
        let book = self.book().await;
        let mut counts: BTreeMap<&ReplicaId, usize> =
            self.replicas.iter().map(|replica| (&replica.id, 0)).collect();
        for duty in duties().iter().filter(|duty| !duty.lanes().is_empty()) {
            *counts.get_mut(&book.leases.get(duty)?.holder)? += 1;
        }
        Some(counts.into_values().collect())
    }

    pub async fn join(&self, place: usize, key: &str) {
        let event = events::joined_as(key, "Åsa", "Öberg").to_string();
        let engine = &self.replicas[place].engine;
        while engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub async fn rows(&self, key: &str) -> Vec<Enrollment> {
        let key: EngineerKey = key.parse().expect("a key");
        self.room.store.enrollments_of(&key).await.expect("memory answers")
    }

    /// Every domain that engineers get accounts in.
    pub fn domains(&self) -> BTreeSet<String> {
        self.room.sandbox.change(|world| {
            let domains = world.customers.values().flat_map(|customer| &customer.domains);
            let wanted = domains.filter(|domain| domain.kind != carepass::sandbox::DomainKind::Alias);
            wanted.map(|domain| domain.name.clone()).collect()
        })
    }

    pub async fn settle(&self, engineers: &[&str]) {
        let settled = async {
            loop {
                let mut over = 0;
                for key in engineers {
                    let rows = self.rows(key).await;
                    over += rows.iter().filter(|row| row.state == State::Completed).count();
                }
                if over == engineers.len() * (self.domains().len() + 1) {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
        };
        if tokio::time::timeout(SETTLES_WITHIN, settled).await.is_err() {
            for key in engineers {
                eprintln!("{:#?}", self.rows(key).await);
            }
            panic!("has not settled: {:#?}", self.book().await);
        }
    }

    /// Waits until every account is ready.
    pub async fn ready(&self) {
        for replica in &self.replicas {
            while !replica.engine.roster().resellers.values().all(|reseller| reseller.ready) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// All that there is to do.
pub fn duties() -> BTreeSet<Duty> {
    let accounts = demo::files().resellers.iter().map(|reseller| format!("account/{}", reseller.name));
    let accounts = accounts.map(|text| text.parse().expect("a duty"));
    accounts.chain([Duty::House, Duty::Reconcile, Duty::Outcomes]).collect()
}
