//! The world of the simulation: who does what next is the seed's choice; what must hold is checked after each event.

use super::google::{Google, Place, Write};
use carepass::model::engineer::{Engineer, EventRef, Release, Scope};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Goal, Lane, State, Target, TargetKind, Want};
use carepass::model::entry::{Actor, Change, Commit, Position};
use carepass::model::failure::{Failure, FailureCode, FailureKind, Who};
use carepass::model::id::{DomainName, EngineerKey, ResellerName};
use carepass::model::plan::{StepName, plan};
use carepass::model::roster::{Roster, missing};
use carepass::model::rules::Rules;
use carepass::model::sealed::{NameTag, Sealed};
use carepass::model::transition::{Effect, Ensured, Input, Order, apply, apply_and_claim};
use carepass::store::memory::Memory;
use carepass::store::{Store, StoreError};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How the processes are arranged.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Processes over the one store.
    pub replicas: usize,
    /// A restarted process takes over what it left running, without waiting for the lease (embedded store).
    pub orphans: bool,
}

/// What the runs met.
#[derive(Default, Debug)]
pub struct Stats {
    pub events: u64,
    pub runs: u64,
    pub conflicts: u64,
    pub crashes: u64,
    pub lost_answers: u64,
    pub late_reports: u64,
    pub late_effects: u64,
    pub waits: u64,
    pub name_races: u64,
}

impl Stats {
    pub fn add(&mut self, more: &Self) {
        let Self {
            events,
            runs,
            conflicts,
            crashes,
            lost_answers,
            late_reports,
            late_effects,
            waits,
            name_races,
        } = more;
        self.events += events;
        self.runs += runs;
        self.conflicts += conflicts;
        self.crashes += crashes;
        self.lost_answers += lost_answers;
        self.late_reports += late_reports;
        self.late_effects += late_effects;
        self.waits += waits;
        self.name_races += name_races;
    }
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
    creations: BTreeMap<Place, u32>,
    replicas: Vec<Replica>,
    faults: bool,
    stats: Stats,
}

const FAULTY_EVENTS: usize = 700;
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
            creations: BTreeMap::new(),
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

    // -- the daemon's two loops, as one process sees them

    fn pick(&mut self, replica: usize) {
        let due = self.lanes().flat_map(|lane| now(self.store.due(&lane, self.now, 4)).unwrap()).collect();
        self.replicas[replica].picked = due;
    }

    fn claim(&mut self, replica: usize) {
        let Some(row) = self.replicas[replica].picked.pop() else { return };
        self.advance(replica, &row, Input::Wake);
    }

    fn report(&mut self, replica: usize) {
        let ready = self.replicas[replica].runs.iter().position(|run| run.reports_at <= self.now);
        let Some(place) = ready else { return };
        let run = self.replicas[replica].runs.remove(place);
        if let State::Running { lease_until, .. } = run.row.state
            && lease_until <= self.now
        {
            self.stats.late_reports += 1;
        }
        self.advance(replica, &run.row, Input::Reported(run.outcome));
    }

    fn advance(&mut self, replica: usize, row: &Enrollment, input: Input) {
        let Ok(moved) = apply_and_claim(row, input, &self.rules, self.now) else { return };
        if !self.commit_row(row, &moved.after) {
            return;
        }
        if let Some(Effect::Run { step, attempt }) = moved.effect {
            let outcome = self.ensure(&moved.after, step, attempt);
            let slow = if self.faults { 90 } else { 10 };
            let reports_at = self.now + SignedDuration::from_secs(self.chance.i64(0..slow));
            self.replicas[replica].runs.push(Run { row: moved.after, outcome, reports_at });
        }
    }

    /// A process dies: what it had in memory is gone, what it had sent flies on.
    fn crash(&mut self, replica: usize) {
        self.stats.crashes += 1;
        self.replicas[replica] = Replica::default();
        if self.fleet.orphans {
            for row in self.rows().into_iter().filter(|row| matches!(row.state, State::Running { .. })) {
                let moved = apply(&row, Input::Orphaned, &self.rules, self.now).unwrap();
                assert!(self.commit_row(&row, &moved.after));
            }
        }
    }

    fn sweep(&mut self) {
        let roster = self.roster();
        let ready: Vec<_> = roster
            .resellers
            .iter()
            .filter(|(_, status)| status.ready)
            .map(|(name, _)| name.clone())
            .collect();
        for row in self.rows().into_iter().filter(|row| row.waits_on(Who::Reseller)) {
            if row.id.reseller().is_some_and(|name| ready.contains(name)) {
                let moved = apply(&row, Input::Nudge, &self.rules, self.now).unwrap();
                self.commit_row(&row, &moved.after);
            }
        }
        for key in self.engineers.clone() {
            self.reconcile(&key, &roster);
        }
    }

    fn reconcile(&mut self, key: &EngineerKey, roster: &Roster) {
        let engineer = now(self.store.engineer(key)).unwrap().unwrap();
        let rows: BTreeMap<Target, Enrollment> = now(self.store.enrollments_of(key))
            .unwrap()
            .into_iter()
            .map(|row| (row.id.target(), row))
            .collect();
        for target in missing(roster, &engineer.scope, &rows) {
            let id = match &target {
                Target::Domain(reseller, domain) => {
                    EnrollmentId::Domain(key.clone(), reseller.clone(), domain.clone())
                }
                Target::Engineer => {
                    assert!(
                        rows.values().all(Enrollment::is_settled),
                        "the welcome came before every domain had settled"
                    );
                    EnrollmentId::Engineer(key.clone())
                }
                Target::Reseller(_) => unreachable!("resellers are not an engineer's targets"),
            };
            let ready = id.reseller().is_none_or(|name| roster.resellers[name].ready);
            let mut row = Enrollment::open(id, engineer.goal, self.now);
            if !ready {
                row = row.until_reseller_ready(&self.rules, self.now);
            }
            self.commit(vec![Change::Enrollment { from: None, row: Box::new(row) }]);
        }
    }

    // -- what is done from outside

    fn open_resellers(&mut self) {
        for name in self.domains.keys().cloned().collect::<Vec<_>>() {
            let goal = Goal { want: Want::Present, revision: 0 };
            let row = Enrollment::open(EnrollmentId::Reseller(name), goal, self.now);
            assert!(self.commit(vec![Change::Enrollment { from: None, row: Box::new(row) }]));
        }
    }

    fn join(&mut self, key: &str) {
        let key: EngineerKey = key.parse().unwrap();
        let engineer = Engineer {
            key: key.clone(),
            version: 1,
            goal: Goal { want: Want::Present, revision: 1 },
            employment: "1".parse().unwrap(),
            starts: None,
            scope: Scope::All,
            person: Sealed::from_bytes(Vec::new()),
            username: None,
            release: Release::Granted(self.now),
            content: String::new(),
            cause: EventRef { source: "hr".into(), id: key.to_string() },
            correlation_id: None,
        };
        assert!(self.commit(vec![Change::Engineer(Box::new(engineer))]));
        self.engineers.push(key);
    }

    fn new_domain(&mut self) {
        self.domains.get_mut(&"dk".parse().unwrap()).unwrap().insert("new.dk".parse().unwrap());
    }

    /// An operator retries what waits; a finished reseller account is looked at again now and then.
    fn operate(&mut self) {
        if self.faults && self.chance.u8(..2) != 0 {
            return;
        }
        let rows = self.rows();
        let Some(row) = self.chance.choice(&rows) else { return };
        let input = match row.state {
            State::Waiting { on, .. } if on.is_a_person() => Input::Ordered(Order::Retry),
            State::Completed if row.id.kind() == TargetKind::Reseller && self.has_old_domains(row) => {
                Input::Recheck
            }
            State::Scheduled { .. }
            | State::Running { .. }
            | State::Waiting { .. }
            | State::Completed
            | State::Cancelled { .. } => return,
        };
        let Ok(moved) = apply(row, input, &self.rules, self.now) else { return };
        self.commit_row(row, &moved.after);
    }

    /// Whether the row does not know all domains of its reseller account yet; now and then also if it does.
    fn has_old_domains(&self, row: &Enrollment) -> bool {
        let EnrollmentId::Reseller(name) = &row.id else { return false };
        self.faults || row.facts.domains.as_ref() != Some(&self.domains[name])
    }

    // -- one run of a step

    /// The request flies off now and lands at its own time; the answer that the process will hear is fixed here.
    fn ensure(&mut self, row: &Enrollment, step: StepName, attempt: u32) -> Result<Ensured, Failure> {
        self.stats.runs += 1;
        if self.faults && self.chance.u8(..100) < 12 {
            return Err(self.some_failure());
        }
        let ensured = self.fact(row, step, attempt)?;
        if self.faults && self.chance.u8(..100) < 12 {
            self.stats.lost_answers += 1;
            return Err(Failure::transient(FailureCode::Timeout));
        }
        Ok(ensured)
    }

    fn some_failure(&mut self) -> Failure {
        let code = FailureCode::UnknownAnswer;
        let kinds = [
            FailureKind::Transient,
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotYet,
            FailureKind::Needs(Who::Operator),
            FailureKind::Permanent,
        ];
        Failure::new(kinds[self.chance.usize(..kinds.len())], code)
    }

    fn fact(&mut self, row: &Enrollment, step: StepName, attempt: u32) -> Result<Ensured, Failure> {
        let mut ensured = Ensured::default();
        if let EnrollmentId::Reseller(name) = &row.id {
            if step == StepName::Domains {
                ensured.facts.domains = Some(self.domains[name].clone());
            }
            return Ok(ensured);
        }
        let ready = row.id.reseller().is_none_or(|name| self.roster().resellers[name].ready);
        if !ready {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        match step {
            StepName::Username => self.reserve(row.id.engineer().unwrap())?,
            StepName::Account => self.account(row, attempt)?,
            StepName::License => self.write(row, |place, owner| Write::License { place, owner })?,
            StepName::Role => self.write(row, |place, owner| Write::Role { place, owner })?,
            StepName::Verify => self.verify(row)?,
            StepName::Credentials
            | StepName::Domains
            | StepName::OrgUnit
            | StepName::AutoLicensing
            | StepName::FreeSubscription
            | StepName::NoPaidLicense
            | StepName::CaseAlerts
            | StepName::Welcome
            | StepName::RoleOff
            | StepName::SignOut
            | StepName::Suspend
            | StepName::Farewell => (),
        }
        Ok(ensured)
    }

    /// As the real step does: the reservation and the engineer's record are one commit, and a conflict is looked at anew.
    fn reserve(&mut self, key: &EngineerKey) -> Result<(), Failure> {
        loop {
            let engineer = now(self.store.engineer(key)).unwrap().unwrap();
            if engineer.username.is_some() {
                return Ok(());
            }
            let names = ["anna.berg", "anna.berg2", "anna.berg3"];
            let free = names.iter().find(|name| {
                let holder = now(self.store.holder(&tag(name))).unwrap();
                holder.is_none_or(|holder| holder == *key)
            });
            let name = free.expect("there are more names than engineers");
            if *name != names[0] {
                self.stats.name_races += 1;
            }
            let username = Some(Sealed::from_bytes(name.as_bytes().to_vec()));
            let engineer = Engineer { version: engineer.version + 1, username, ..engineer };
            let reserved = Change::Reserved { tag: tag(name), engineer: key.clone() };
            if self.commit(vec![reserved, Change::Engineer(Box::new(engineer))]) {
                return Ok(());
            }
        }
    }

    /// The first attempt inserts; later ones look first, and may see an old picture.
    fn account(&mut self, row: &Enrollment, attempt: u32) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        let stale = self.faults && self.chance.u8(..100) < 20;
        if attempt > 1
            && !stale
            && let Some(account) = self.google.account(&place)
        {
            assert_eq!(account.owner, owner, "one engineer's address is another's");
            return Ok(());
        }
        if self.google.account(&place).is_some() {
            return if stale { Err(Failure::not_yet(FailureCode::AccountSettling)) } else { Ok(()) };
        }
        self.fly(Write::Account { place, owner })
    }

    fn write(
        &mut self,
        row: &Enrollment,
        write: impl Fn(Place, EngineerKey) -> Write,
    ) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        if self.google.account(&place).is_none_or(|account| account.owner != owner) {
            return Err(Failure::not_yet(FailureCode::AccountSettling));
        }
        self.fly(write(place, owner))
    }

    /// A request usually lands at once. A slow one lands later, and its sender hears a time-out.
    fn fly(&mut self, write: Write) -> Result<(), Failure> {
        let slow = self.faults && self.chance.u8(..100) < 30;
        let lands_at = self.now + SignedDuration::from_secs(if slow { self.chance.i64(1..200) } else { 0 });
        self.flying.push((lands_at, self.now + self.rules.lease, write));
        self.land_due();
        if slow { Err(Failure::transient(FailureCode::Timeout)) } else { Ok(()) }
    }

    fn land_due(&mut self) {
        let (due, later) = std::mem::take(&mut self.flying).into_iter().partition(|(at, ..)| *at <= self.now);
        self.flying = later;
        let due: Vec<(Timestamp, Timestamp, Write)> = due;
        for (at, lease_over, write) in due {
            self.stats.late_effects += u64::from(at > lease_over);
            if self.google.land(&write)
                && let Write::Account { place, .. } = write
            {
                *self.creations.entry(place).or_default() += 1;
            }
        }
    }

    fn verify(&mut self, row: &Enrollment) -> Result<(), Failure> {
        let (place, owner) = self.place(row);
        let account = self.google.account(&place).filter(|_| !self.faults || self.chance.u8(..100) >= 20);
        let seen = account.is_some_and(|account| account.owner == owner && account.licensed && account.role);
        if seen { Ok(()) } else { Err(Failure::not_yet(FailureCode::NotYetConfirmed)) }
    }

    // -- looking and writing

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
        let commit = Commit { at: self.now, actor: Actor::Engine, changes, keys: Vec::new() };
        match now(self.store.commit(commit)) {
            Ok(_) => true,
            Err(StoreError::Conflict) => {
                self.stats.conflicts += 1;
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    // -- the verdict

    fn check_always(&self) {
        for (place, count) in &self.creations {
            assert_eq!(*count, 1, "{place:?} was made more than once");
        }
    }

    fn has_settled(&self) -> bool {
        let rows = self.rows();
        let domains: usize = self.domains.values().map(BTreeSet::len).sum();
        let wanted = self.domains.len() + self.engineers.len() * (domains + 1);
        self.flying.is_empty() && rows.len() == wanted && rows.iter().all(|row| row.state == State::Completed)
    }

    fn check_end(&self) {
        for row in self.rows() {
            let planned = plan(row.id.kind(), row.goal.want);
            assert!(planned.iter().all(|step| row.done.contains(step)), "{row:?}");
            if row.id.kind() == TargetKind::Domain {
                let (place, owner) = self.place(&row);
                let account = self.google.account(&place).expect("a completed row has its account");
                assert!(account.owner == owner && account.licensed && account.role, "{account:?}");
            }
        }
        let domains: usize = self.domains.values().map(BTreeSet::len).sum();
        assert_eq!(
            self.google.accounts().count(),
            self.engineers.len() * domains,
            "an account too many, or too few"
        );
        let head = now(self.store.head()).unwrap().0;
        let entries = now(self.store.entries(Position::default(), usize::MAX)).unwrap();
        assert_eq!(entries.len() as u64, head);
        assert!(
            entries.windows(2).all(|pair| pair[0].position.0 + 1 == pair[1].position.0),
            "a gap in the ledger"
        );
    }
}

/// The memory store answers at once.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the memory store never waits")
}

fn tag(name: &str) -> NameTag {
    NameTag::from_bytes(name.as_bytes().to_vec())
}
