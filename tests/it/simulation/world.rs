//! The world of the simulation: who does what next is the seed's choice; what must hold is checked after each event.
//! Here is the world itself, with the clock and the store; what happens in it is in `loops`, `steps` and `outside`, the judgement in
//! `verdict`.

mod loops;
mod outside;
mod steps;
mod verdict;

use super::google::{Google, Place, Write};
use super::stats::Stats;
use carepass::model::enrollment::{Enrollment, EnrollmentId, Lane, State};
use carepass::model::entry::{Actor, Change, Commit};
use carepass::model::failure::Failure;
use carepass::model::id::{DomainName, EngineerKey, ResellerName};
use carepass::model::roster::Roster;
use carepass::model::rules::Rules;
use carepass::model::transition::Ensured;
use carepass::store::memory::Memory;
use carepass::store::{Store, StoreError};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use verdict::Judge;

/// How the processes are arranged.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Processes over the one store.
    pub replicas: usize,
    /// A restarted process takes over what it left running, without waiting for the lease (embedded store).
    pub orphans: bool,
}

/// A run under way in a process: its report waits for its time.
struct Run {
    row: Enrollment,
    outcome: Result<Ensured, Failure>,
    reports_at: Timestamp,
}

#[derive(Default)]
struct Replica {
    /// Rows read as due and not yet claimed: they may be stale.
    picked: Vec<Enrollment>,
    runs: Vec<Run>,
}

pub struct World {
    chance: fastrand::Rng,
    now: Timestamp,
    rules: Rules,
    fleet: Fleet,
    store: Memory,
    google: Google,
    /// Requests on their way, which land whatever becomes of their sender.
    flying: Vec<(Timestamp, Timestamp, Write)>,
    domains: BTreeMap<ResellerName, BTreeSet<DomainName>>,
    engineers: Vec<EngineerKey>,
    judge: Judge,
    replicas: Vec<Replica>,
    faults: bool,
    stats: Stats,
}

const FAULTY_EVENTS: usize = 1_100;
const CALM_EVENTS_MAX: usize = 60_000;

impl World {
    pub fn new(seed: u64, fleet: Fleet) -> Self {
        let set = |domains: &[&str]| domains.iter().map(|domain| domain.parse().unwrap()).collect();
        let rules = Rules {
            lease: SignedDuration::from_secs(60),
            attempts_max: 4,
            patience: SignedDuration::from_mins(5),
            look_max: SignedDuration::from_mins(20),
            ..Rules::default()
        };
        let mut world = Self {
            chance: fastrand::Rng::with_seed(seed),
            now: Timestamp::UNIX_EPOCH,
            rules,
            fleet,
            store: Memory::new(),
            google: Google::default(),
            flying: Vec::new(),
            domains: [
                ("se".parse().unwrap(), set(&["a.se", "b.se"])),
                ("dk".parse().unwrap(), set(&["a.dk"])),
            ]
            .into(),
            engineers: Vec::new(),
            judge: Judge::default(),
            replicas: (0..fleet.replicas).map(|_| Replica::default()).collect(),
            faults: true,
            stats: Stats::default(),
        };
        world.open_resellers();
        world
    }

    /// Runs the faulty part, then the calm part until everything has settled well.
    pub fn run(mut self) -> Stats {
        for event in 0..FAULTY_EVENTS {
            match event {
                20 => self.join("E-1"),
                60 => self.join("E-2"),
                350 => self.new_domain(),
                _ => self.event(),
            }
        }
        self.faults = false;
        for event in 0.. {
            assert!(event < CALM_EVENTS_MAX, "did not settle: {:#?}", self.rows());
            self.event();
            if event % 25 == 0 && self.has_settled() {
                break;
            }
        }
        self.check_end();
        self.stats
    }

    fn event(&mut self) {
        self.stats.events += 1;
        self.land_due();
        let replica = self.chance.usize(..self.replicas.len());
        match self.chance.u8(..20) {
            0..=3 => self.pick(replica),
            4..=9 => self.claim(replica),
            10..=14 => self.report(replica),
            15..=16 => self.pass_time(),
            17 if self.faults && self.chance.u8(..4) == 0 => self.crash(replica),
            17..=18 => self.sweep(),
            _ => self.operate(),
        }
        self.check_always();
    }

    /// Time passes in small steps while faults are about; in the calm it jumps to the next thing that can happen.
    fn pass_time(&mut self) {
        self.now += SignedDuration::from_secs(self.chance.i64(0..45));
        let idle = self.replicas.iter().all(|replica| replica.runs.is_empty());
        if !self.faults && idle && self.flying.is_empty() {
            let wakes = self.lanes().filter_map(|lane| now(self.store.next_wake(&lane)).unwrap());
            self.now = self.now.max(wakes.min().unwrap_or(self.now));
        }
    }

    fn lanes(&self) -> impl Iterator<Item = Lane> {
        self.domains.keys().cloned().map(Lane::Reseller).chain([Lane::House])
    }

    fn place(&self, row: &Enrollment) -> (Place, EngineerKey) {
        let EnrollmentId::Domain(key, _, domain) = &row.id else { panic!("{} has no account", row.id) };
        let name =
            now(self.store.engineer(key)).unwrap().unwrap().username.expect("the username comes first");
        let name = String::from_utf8(name.as_bytes().to_vec()).unwrap();
        ((domain.clone(), name), key.clone())
    }

    fn roster(&self) -> Roster {
        let mut roster = Roster::default();
        for name in self.domains.keys() {
            let row = now(self.store.enrollment(&EnrollmentId::Reseller(name.clone()))).unwrap().unwrap();
            roster.learn(name, &row);
        }
        roster
    }

    fn rows(&self) -> Vec<Enrollment> {
        let resellers = self.domains.keys().cloned().map(EnrollmentId::Reseller);
        let resellers = resellers.filter_map(|id| now(self.store.enrollment(&id)).unwrap());
        let engineers = self.engineers.iter().flat_map(|key| now(self.store.enrollments_of(key)).unwrap());
        resellers.chain(engineers).collect()
    }

    fn commit_row(&mut self, before: &Enrollment, after: &Enrollment) -> bool {
        assert!(before.version < after.version);
        let committed = self
            .commit(vec![Change::Enrollment { from: Some(before.version), row: Box::new(after.clone()) }]);
        self.stats.waits += u64::from(committed && matches!(after.state, State::Waiting { .. }));
        committed
    }

    fn commit(&mut self, changes: Vec<Change>) -> bool {
        self.commit_as(Actor::Engine, changes)
    }

    fn commit_as(&mut self, actor: Actor, changes: Vec<Change>) -> bool {
        let commit = Commit::new(self.now, actor, changes);
        match now(self.store.commit(commit)) {
            Ok(_) => true,
            Err(StoreError::Conflict) => {
                self.stats.conflicts += 1;
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The memory store answers at once.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the memory store never waits")
}
