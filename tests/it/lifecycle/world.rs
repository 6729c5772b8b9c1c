//! The world of one run: the real intake, calendar and reconciliation over the memory store, the real transitions of rows, a small Google,
//! and a process that dies. Virtual time; what comes next is the seed's choice.
//! Not here: the real steps and Google's HTTP face (`lived`, `step_harness`).

mod outside;
mod steps;
mod verdict;

use super::google::{Google, Place, Write};
use super::history::{BEGINNING, DOMAINS, Item, NEW, NOBODYS};
use super::model::{LEAD_TIME, Model};
use crate::fixture::demo;
use carepass::clock::Clock;
use carepass::engine::{Engine, EngineerOrder, Settings};
use carepass::google::{self, Endpoint, Rates};
use carepass::mail::{Mailer, MemoryMailer, PortalUrl};
use carepass::model::engineer::{Engineer, Hold};
use carepass::model::enrollment::{Enrollment, Lane, State, Want};
use carepass::model::entry::{Actor, Change, Commit};
use carepass::model::failure::Failure;
use carepass::model::grants::GrantLimits;
use carepass::model::id::{DomainName, EngineerKey, ResellerName};
use carepass::model::person::{Language, LanguageTag};
use carepass::model::plan::StepName;
use carepass::model::rules::Rules;
use carepass::model::sealed::Sealed;
use carepass::model::transition::{Effect, Ensured, Input, apply_and_claim};
use carepass::model::username::Naming;
use carepass::seal::Sealer;
use carepass::steps::House;
use carepass::store::memory::Memory;
use carepass::store::{Store, StoreError};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;

/// The reseller accounts and which of [`DOMAINS`] are theirs.
const RESELLERS: [(&str, &[usize]); 2] = [("nordic-dk", &[2, NEW]), ("nordic-se", &[0, 1])];

/// How often an event is offered that cannot be stored now.
const OFFERS_MAX: usize = 4;

/// Moves between two things that happen in which something may go wrong.
const FAULTY_MOVES: usize = 60;

/// Moves of the world until everything is at rest, at most.
const CALM_MAX: usize = 40_000;

static MASTER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder"));

/// Nobody is called in these runs.
static NOBODY: LazyLock<(Endpoint, google::HttpClient)> = LazyLock::new(|| {
    // The keys come with the provider of cryptography that the client needs.
    demo::files();
    let endpoint = Endpoint::parse("http://127.0.0.1:9").expect("a loopback address");
    let client = google::client(&endpoint).expect("a client for loopback");
    (endpoint, client)
});

/// A run under way: its report waits for its time.
struct Run {
    row: Enrollment,
    outcome: Result<Ensured, Failure>,
    reports_at: Timestamp,
}

/// What the runs met.
#[derive(Debug, Default)]
pub struct Stats {
    pub events: u64,
    pub dead: u64,
    pub lost_commits: u64,
    pub crashes: u64,
    pub late: u64,
    pub open: u64,
    pub locked_out: u64,
    pub held: u64,
}

impl Stats {
    pub fn add(&mut self, more: &Self) {
        let Self { events, dead, lost_commits, crashes, late, open, locked_out, held } = more;
        self.events += events;
        self.dead += dead;
        self.lost_commits += lost_commits;
        self.crashes += crashes;
        self.late += late;
        self.open += open;
        self.locked_out += locked_out;
        self.held += held;
    }
}

pub struct World {
    chance: fastrand::Rng,
    clock: Clock,
    engine: Arc<Engine>,
    settings: Settings,
    store: Arc<Memory>,
    google: Google,
    model: Model,
    /// Requests on their way, which land whatever becomes of their sender.
    flying: Vec<(Timestamp, Write, Place, EngineerKey)>,
    domains: BTreeSet<usize>,
    picked: Vec<Enrollment>,
    runs: Vec<Run>,
    faults: bool,
    stats: Stats,
}

/// The memory store answers at once, and nothing else is waited for.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the memory store never waits")
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let clock = Clock::manual(BEGINNING.parse().expect("a time"));
        let store = Arc::new(Memory::new());
        let rules = Rules {
            lease: SignedDuration::from_secs(60),
            attempts_max: 4,
            patience: SignedDuration::from_mins(5),
            look_max: SignedDuration::from_mins(20),
            ..Rules::default()
        };
        // In some worlds everybody meets the limit on grants; a person lets them in.
        let per_hour = if chance.u8(..3) == 0 { 1 } else { 1_000 };
        let settings = Settings {
            rules,
            grants: GrantLimits { per_hour, per_day: 1_000 },
            lead_time: LEAD_TIME,
            ..Settings::default()
        };
        let engine = process(&store, &clock, &settings);
        let mut world = Self {
            chance,
            clock,
            engine,
            settings,
            store,
            google: Google::default(),
            model: Model::new(LEAD_TIME),
            flying: Vec::new(),
            domains: (0..NEW).collect(),
            picked: Vec::new(),
            runs: Vec::new(),
            faults: true,
            stats: Stats::default(),
        };
        world.open_resellers();
        world
    }

    /// Lives through the history, then through a calm until everything is at rest; panics where the model says something else.
    pub fn run(mut self, history: &[Item]) -> Stats {
        for item in history {
            self.faults = true;
            self.live_until(self.clock.now() + item.after);
            self.faults = true;
            self.happen(item);
        }
        self.faults = false;
        self.rest();
        self.check();
        self.stats
    }

    // -- time

    fn live_until(&mut self, then: Timestamp) {
        let mut moves = 0;
        while self.clock.now() < then {
            self.step();
            moves += 1;
            assert!(moves < CALM_MAX, "time does not pass");
            // Trouble comes in haste; in a long time everything has come right.
            self.faults = moves < FAULTY_MOVES;
            let now = self.clock.now();
            // A long time is mostly quiet: from one moment at which somebody has to look to the next.
            if moves > 40 || self.chance.u8(..6) == 0 {
                // Signals are answered within seconds.
                self.reconcile_all();
                self.clock.set(self.next_moment().max(now + SignedDuration::from_secs(1)).min(then));
            } else if self.chance.bool() {
                self.clock.set((now + SignedDuration::from_secs(self.chance.i64(0..20))).min(then));
            }
        }
    }

    /// When there is something to do next.
    fn next_moment(&self) -> Timestamp {
        let wakes = lanes().filter_map(|lane| now(self.store.next_wake(&lane)).expect("memory answers"));
        let reports = self.runs.iter().map(|run| run.reports_at);
        let lands = self.flying.iter().map(|flight| flight.0);
        let moments = self.engineers().into_iter().filter_map(|engineer| engineer.next_moment());
        let next = wakes.chain(reports).chain(lands).chain(moments).min();
        // The clock shows whole milliseconds, and a row may be due within one.
        next.map_or(Timestamp::MAX, |next| next + SignedDuration::from_millis(1))
    }

    fn step(&mut self) {
        self.land_due();
        match self.chance.u8(..16) {
            0..=3 => self.pick(),
            4..=8 => self.claim(),
            9..=13 => self.report(),
            _ => self.reconcile(),
        }
    }

    fn rest(&mut self) {
        for moves in 0.. {
            if moves == CALM_MAX {
                let open: Vec<_> =
                    self.rows().into_iter().filter(|row| row.state != State::Completed).collect();
                panic!("{open:#?} at {} does not come to rest", self.clock.now());
            }
            self.step();
            if moves % 20 == 0 {
                self.let_in();
                if self.runs.is_empty() && self.picked.is_empty() && self.is_at_rest() {
                    break;
                }
                // As in a long time: signals are answered within seconds.
                self.reconcile_all();
                let next = self.next_moment();
                if next < Timestamp::MAX {
                    self.clock.set(next.max(self.clock.now()));
                } else {
                    self.clock.advance(std::time::Duration::from_secs(5));
                }
            }
        }
    }

    fn is_at_rest(&mut self) -> bool {
        let is_over = |engineer: &Engineer| {
            let waits = matches!(engineer.held(), Some((_, Hold::GrantLimit)));
            engineer.upcoming.is_empty() && !(waits && engineer.stated.goal.want == Want::Present)
        };
        if !self.flying.is_empty() || !self.engineers().iter().all(is_over) {
            return false;
        }
        let before = now(self.store.head());
        self.reconcile_all();
        now(self.store.head()) == before && self.rows().iter().all(|row| row.state == State::Completed)
    }

    /// Who met the limit on grants is let in by a person in the end.
    fn let_in(&self) {
        for engineer in self.engineers() {
            if matches!(engineer.held(), Some((_, Hold::GrantLimit))) {
                let let_in =
                    self.engine.order_engineer(&engineer.key, EngineerOrder::Approve, "ada", "all are real");
                // An answer that is lost is asked for again.
                let _ = now(let_in);
            }
        }
    }

    // -- the process

    fn pick(&mut self) {
        let at = self.clock.now();
        let due = lanes().flat_map(|lane| now(self.store.due(&lane, at, 8)).expect("memory answers"));
        self.picked = due.collect();
    }

    fn claim(&mut self) {
        if let Some(row) = self.picked.pop() {
            self.advance(&row, Input::Wake);
        }
    }

    fn report(&mut self) {
        let at = self.clock.now();
        if let Some(place) = self.runs.iter().position(|run| run.reports_at <= at) {
            let run = self.runs.remove(place);
            self.advance_report(run);
        }
    }

    /// A report counts as long as the same run is under way, also if the row was retargeted meanwhile.
    fn advance_report(&mut self, run: Run) {
        let stored = now(self.store.enrollment(&run.row.id)).expect("memory answers").expect("it ran");
        let same = matches!((&stored.state, &run.row.state),
            (State::Running { at: a, lease_until: b }, State::Running { at: c, lease_until: d }) if a == c && b == d);
        if same {
            self.advance(&stored, Input::Reported(run.outcome));
        }
    }

    fn advance(&mut self, row: &Enrollment, input: Input) {
        let Ok(mut moved) = apply_and_claim(row, input, &self.settings.rules, self.clock.now()) else {
            return;
        };
        if let Some(Effect::Run { step: StepName::Account, .. }) = moved.effect {
            // As the engine does it, in the commit that claims the step.
            moved.after.credential.get_or_insert_with(|| Sealed::from_bytes(Vec::new()));
        }
        if !self.commit_row(row, &moved.after) {
            return;
        }
        if let Some(Effect::Run { step, .. }) = moved.effect {
            let outcome = self.ensure(&moved.after, step);
            let slow = if self.faults { 90 } else { 3 };
            let reports_at = self.clock.now() + SignedDuration::from_secs(self.chance.i64(0..slow));
            self.runs.push(Run { row: moved.after, outcome, reports_at });
        }
    }

    fn reconcile(&mut self) {
        let engineers = self.engineers();
        if let Some(engineer) = self.chance.choice(&engineers) {
            let _ = now(self.engine.reconcile(&engineer.key));
        }
    }

    fn reconcile_all(&self) {
        for engineer in self.engineers() {
            let _ = now(self.engine.reconcile(&engineer.key));
        }
    }

    // -- the store

    fn engineers(&self) -> Vec<Engineer> {
        now(self.store.engineers(None, usize::MAX)).expect("memory answers")
    }

    fn rows(&self) -> Vec<Enrollment> {
        let keys = self.engineers();
        keys.iter()
            .flat_map(|one| now(self.store.enrollments_of(&one.key)).expect("memory answers"))
            .collect()
    }

    fn commit_row(&mut self, before: &Enrollment, after: &Enrollment) -> bool {
        self.commit(vec![Change::Enrollment { from: Some(before.version), row: Box::new(after.clone()) }])
    }

    fn commit(&mut self, changes: Vec<Change>) -> bool {
        match now(self.store.commit(Commit::new(self.clock.now(), Actor::Engine, changes))) {
            Ok(_) => true,
            Err(StoreError::Conflict | StoreError::Unavailable(_)) => false,
            Err(error @ StoreError::Damaged(_)) => panic!("{error}"),
        }
    }
}

fn domain_of(domain: usize) -> DomainName {
    assert!(domain < NOBODYS);
    DOMAINS[domain].parse().expect("a domain")
}

fn lanes() -> impl Iterator<Item = Lane> {
    let of = |name: &str| -> [Lane; 2] {
        let name: ResellerName = name.parse().expect("a name");
        [Lane::Leaving(name.clone()), Lane::Reseller(name)]
    };
    RESELLERS.into_iter().flat_map(move |(name, _)| of(name)).chain([Lane::House])
}

/// A process over the store, which drives nothing by itself.
fn process(store: &Arc<Memory>, clock: &Clock, settings: &Settings) -> Arc<Engine> {
    let is_ours = |name: &str| RESELLERS.iter().any(|(ours, _)| *ours == name);
    let resellers = demo::files().resellers.iter().filter(|demo| is_ours(demo.name));
    let house = House {
        sites: resellers
            .map(|demo| demo::site(demo::reseller(demo), &NOBODY.0, &NOBODY.1, Rates::default(), clock))
            .map(|site| (site.reseller.name.clone(), site))
            .collect(),
        store: Arc::clone(store) as Arc<dyn Store>,
        sealer: Sealer::open(&MASTER.path().join("master")).expect("a master key"),
        mailer: Mailer::Memory(MemoryMailer::default()),
        clock: clock.clone(),
        naming: Naming::of(LanguageTag::english()),
        letters_language: Language::English,
        license_spacing: SignedDuration::from_secs(30),
        portal: PortalUrl::default(),
        handovers: carepass::handover::Handovers::default(),
        to_managers: false,
    };
    Engine::new(house, settings.clone(), CancellationToken::new())
}
