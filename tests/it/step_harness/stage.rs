//! A stage for one step: a sandbox on a socket, a store, and houses that stand for processes. What is on a stage can be kept as a
//! snapshot and set up again. Not here: what goes wrong on a stage, and what must hold afterwards.

use crate::fixture::{demo, events};
use carepass::clock::Clock;
use carepass::engine::{Engine, Settings};
use carepass::google::{self, Endpoint, Rates};
use carepass::mail::{Letter, Mailer, MemoryMailer, PortalUrl};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Goal, State, Want};
use carepass::model::entry::{Actor, Change, Commit, Entry, Position};
use carepass::model::failure::{Failure, FailureKind};
use carepass::model::id::{EngineerKey, ResellerName};
use carepass::model::person::{Language, LanguageTag};
use carepass::model::reseller::{DomainChoice, Removal, Reseller};
use carepass::model::roster::Roster;
use carepass::model::rules::Rules;
use carepass::model::sealed::WrappedKey;
use carepass::model::transition::{Input, apply};
use carepass::sandbox::init::{DemoReseller, Mood};
use carepass::sandbox::{Sandbox, SandboxClock, User, World};
use carepass::seal::{Sealer, password};
use carepass::steps::{self, Context, House, Outcome, Step};
use carepass::store::Store;
use carepass::store::memory::Memory;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The reseller accounts on the stage: one that assigns licences, and one whose licence comes with the site.
pub const RESELLERS: [&str; 2] = ["nordic-se", "nordic-no"];

/// The engineer whom everything is about.
pub const ENGINEER: &str = "E-1";

/// Her own account at a home reseller.
pub const HOME_ACCOUNT: &str = "asa@reseller-se.example";

/// Google as a demo wants it, at whom a row asks again at once; and Google at its worst, with the machine's own pauses in virtual time.
pub const MOODS: [Mood; 2] = [Mood::Plain, Mood::Nasty];

/// When every history in the nasty world begins.
const BEGINNING: &str = "2026-11-20T08:00:00Z";

/// Runs of one step until it must have succeeded: more than fit into the longest of Google's windows.
const RUNS_MAX: usize = 60;

/// Entries of the ledger that a stage may have.
const ENTRIES_MAX: usize = 1_000;

/// Everything that outlives a process: Google, the store, the letters that were sent.
pub struct Stage {
    pub sandbox: Sandbox,
    pub store: Arc<Memory>,
    /// Everybody's: the processes', the sandbox's and the test's.
    pub clock: Clock,
    letters: MemoryMailer,
    endpoint: Endpoint,
    kit: Arc<Kit>,
    home: bool,
    mood: Mood,
    _stop: DropGuard,
}

/// A stage as it was, to be set up again as often as one likes.
#[derive(Clone)]
pub struct Snapshot {
    world: World,
    entries: Vec<Entry>,
    keys: Vec<(EngineerKey, WrappedKey)>,
    kit: Arc<Kit>,
    home: bool,
    mood: Mood,
    at: Timestamp,
}

/// What takes long to make and is the same on every stage.
struct Kit {
    client: google::HttpClient,
    seal: TempDir,
}

impl Snapshot {
    /// Of Google on that stage.
    pub fn mood(&self) -> Mood {
        self.mood
    }
}

impl Stage {
    /// The demo's world, and an engineer whose event was admitted. The nasty one is without its rules of chance, which the harness's own
    /// disturbances replace, and wants tokio's time to be paused.
    pub async fn opening(mood: Mood) -> Self {
        let seal = tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder");
        let (files, clock) = (demo::files(), Clock::following(BEGINNING.parse().expect("a time")));
        let (text, clock) = match mood {
            Mood::Plain => (&files.world, Clock::System),
            Mood::Nasty => (&files.nasty_world, clock),
        };
        let world =
            World { faults: Vec::new(), ..World::from_toml(text).expect("the world that init writes") };
        let loopback = Endpoint::parse("http://127.0.0.1:9010").expect("a loopback address");
        let client = google::client(&loopback).expect("a client for loopback");
        let stage = Self::raise(world, Memory::new(), Arc::new(Kit { client, seal }), clock).await;
        let stage = Self { mood, ..stage };
        let engine = stage.engine(stage.house());
        let event = events::joined_as(ENGINEER, "Åsa", "Öberg").to_string();
        let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        stage
    }

    /// The same, and the first reseller account is the engineers' own, where an account of Åsa's is named.
    pub async fn opening_home(mood: Mood) -> Self {
        let stage = Self { home: true, ..Self::opening(mood).await };
        stage.sandbox.change(|world| {
            let customer = world.customers.get_mut("C01nordicse").expect("a customer of the demo");
            let somebody = customer.users.values().next().expect("its administrator");
            let own = User { primary_email: HOME_ACCOUNT.into(), ..User::clone(somebody) };
            let id = customer.issue_user_id();
            customer.put_user(User { id, ..own });
        });
        stage
    }

    /// At the time at which it was kept, where that goes with tokio's; else now.
    pub async fn set(snapshot: &Snapshot) -> Self {
        let clock = match snapshot.mood {
            Mood::Plain => Clock::System,
            Mood::Nasty => Clock::following(snapshot.at),
        };
        Self::set_at(snapshot, clock).await
    }

    /// So long after it was kept, which tokio's time must be paused for.
    pub async fn set_later(snapshot: &Snapshot, by: SignedDuration) -> Self {
        Self::set_at(snapshot, Clock::following(snapshot.at + by)).await
    }

    /// With a clock of its own, such as one that goes with tokio's time.
    pub async fn set_at(snapshot: &Snapshot, clock: Clock) -> Self {
        let store = Memory::new();
        for (place, entry) in snapshot.entries.iter().cloned().enumerate() {
            let keys = if place == 0 { snapshot.keys.clone() } else { Vec::new() };
            let Entry { at, actor, changes, .. } = entry;
            store
                .commit(Commit { keys, ..Commit::new(at, actor, changes) })
                .await
                .expect("the same entries in the same order");
        }
        let stage = Self::raise(snapshot.world.clone(), store, Arc::clone(&snapshot.kit), clock).await;
        Self { home: snapshot.home, mood: snapshot.mood, ..stage }
    }

    async fn raise(world: World, store: Memory, kit: Arc<Kit>, clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let endpoint = Endpoint::parse(&format!("http://{address}")).expect("a loopback address");
        let shown = clock.clone();
        let shown = SandboxClock::from_source(move || shown.now().as_millisecond());
        let (sandbox, stop) = (Sandbox::with_clock(world, shown), CancellationToken::new());
        tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
        let letters = MemoryMailer::default();
        Self {
            sandbox,
            store: Arc::new(store),
            clock,
            letters,
            endpoint,
            kit,
            home: false,
            mood: Mood::Plain,
            _stop: stop.drop_guard(),
        }
    }

    pub async fn snapshot(&self) -> Snapshot {
        let entries = self.entries().await;
        let key: EngineerKey = ENGINEER.parse().expect("a key");
        let data_key =
            self.store.data_key(&key).await.expect("memory answers").expect("an admitted engineer");
        let world = self.sandbox.change(|world| world.clone());
        Snapshot {
            world,
            entries,
            keys: vec![(key, data_key)],
            kit: Arc::clone(&self.kit),
            home: self.home,
            mood: self.mood,
            at: self.clock.now(),
        }
    }

    /// The engineer signs in to the account that there is at the first reseller account, lets a program in and makes an application password.
    pub fn sign_in(&self) {
        let addresses = ["asa.oberg@care-se.example", HOME_ACCOUNT];
        let user = addresses[usize::from(self.home)];
        let sign_in = json!({"customer": "C01nordicse", "user": user, "application_password": "phone"});
        self.sandbox.set(&json!({ "sign_in": sign_in })).expect("somebody who may sign in");
    }

    /// HR says that the engineer has left, an hour ago, and every row is told; what was under way in the first domain may still come about.
    pub async fn leave(&self) {
        let engine = self.engine(self.house());
        let event = events::ended("left", ENGINEER, 2).to_string();
        let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        let key: EngineerKey = ENGINEER.parse().expect("a key");
        let engineer = self.store.engineer(&key).await.expect("memory answers").expect("an engineer");
        for row in self.store.enrollments_of(&key).await.expect("memory answers") {
            let wish = engineer.wish_for(&row.id.target(), SignedDuration::ZERO);
            let mut told = self.moved(&row, Input::Retargeted(Box::new(wish)));
            let leaving = told.leaving.as_mut().expect("access is to end");
            let long_ago = self.ago(SignedDuration::from_hours(1));
            leaving.since = long_ago;
            if let Some(account) = &mut told.facts.account {
                account.since = long_ago;
            }
            leaving.unfinished = row.id.reseller().is_some_and(|name| name.as_str() == RESELLERS[0]);
            self.keep(&told).await;
        }
    }

    /// All that Google holds. How often a young account was read is nothing that it holds.
    pub fn world_text(&self) -> String {
        let mut customers = self.sandbox.change(|world| world.customers.clone());
        for customer in customers.values_mut() {
            customer.young.clear();
        }
        format!("{customers:?}")
    }

    pub async fn entries(&self) -> Vec<Entry> {
        self.store.entries(Position::default(), ENTRIES_MAX).await.expect("memory answers")
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.letters.letters()
    }

    /// A process that has just begun: it knows what is stored and nothing else. It keeps to Google's rates where there are any.
    pub fn house(&self) -> House {
        match self.mood {
            Mood::Plain => self.house_in_a_hurry_but(|_| ()),
            Mood::Nasty => self.house_at(Rates::default(), SignedDuration::from_secs(30)),
        }
    }

    /// A process that asks as fast as it likes, but for what is changed.
    pub fn house_in_a_hurry_but(&self, change: impl FnOnce(&mut Rates)) -> House {
        let mut rates = demo::in_a_hurry();
        change(&mut rates);
        self.house_at(rates, SignedDuration::ZERO)
    }

    fn house_at(&self, rates: Rates, license_spacing: SignedDuration) -> House {
        let demo = demo::files().resellers.iter().filter(|demo| RESELLERS.contains(&demo.name));
        let site = |reseller| demo::site(reseller, &self.endpoint, &self.kit.client, rates, &self.clock);
        House {
            sites: demo
                .map(|demo| self.reseller(demo))
                .map(|reseller| (reseller.name.clone(), site(reseller)))
                .collect(),
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            sealer: Sealer::open(&self.kit.seal.path().join("master")).expect("a master key"),
            mailer: Mailer::Memory(self.letters.clone()),
            clock: self.clock.clone(),
            naming: carepass::model::username::Naming::of(LanguageTag::english()),
            letters_language: Language::English,
            license_spacing,
            portal: PortalUrl::parse("https://support.example/").expect("an address"),
            handovers: carepass::handover::Handovers::default(),
            to_managers: true,
        }
    }

    /// The engine of a process, for orders.
    pub fn engine(&self, house: House) -> Arc<Engine> {
        Engine::new(house, settings(self.rules()), CancellationToken::new())
    }

    /// The stored row; a new one if there is none yet.
    pub async fn row(&self, id: &EnrollmentId) -> Enrollment {
        let stored = self.store.enrollment(id).await.expect("memory answers");
        let goal = Goal { want: Want::Present, revision: 1 };
        stored.unwrap_or_else(|| Enrollment::open(id.clone(), goal, self.clock.now()))
    }

    /// Keeps the row. Several transitions may be behind it.
    pub async fn keep(&self, row: &Enrollment) {
        let from = self.store.enrollment(&row.id).await.expect("memory answers").map(|stored| stored.version);
        let change = Change::Enrollment { from, row: Box::new(row.clone()) };
        let commit = Commit::of(self.clock.now(), Actor::Engine, change);
        self.store.commit(commit).await.expect("nobody else writes");
    }

    /// Claims the row's next step as the engine does once it is due, with the password sealed into the row where the step needs one. A step that
    /// never ran becomes the current one and is claimed in one commit.
    pub async fn claim(&self, house: &House, row: &Enrollment) -> Enrollment {
        if let State::Scheduled { due, .. } = row.state {
            self.clock.sleep_until(due).await;
        }
        let (mut row, now) = (row.clone(), self.clock.now());
        if let State::Scheduled { at, last: None, .. } = &mut row.state
            && at.attempt == 1
            && at.waited_for.is_none()
        {
            at.since = now;
        }
        let mut claimed = apply(&row, Input::Wake, self.rules(), now).expect("the machine takes it").after;
        if step_of(&claimed).seals_credential && claimed.credential.is_none() {
            let key = claimed.id.engineer().expect("an engineer's row");
            let data_key =
                self.store.data_key(key).await.expect("memory answers").expect("an admitted engineer");
            let password = password(&SystemRandom::new()).expect("the system has randomness");
            let sealed =
                house.sealer.seal(&data_key, &claimed.id.to_string(), password.expose_secret().as_bytes());
            claimed.credential = Some(sealed.expect("a short text"));
        }
        claimed
    }

    /// The row as the next process claims it after one that ran it has died.
    pub async fn claim_after_death(&self, house: &House, claimed: &Enrollment) -> Enrollment {
        self.claim(house, &self.moved(claimed, Input::Orphaned)).await
    }

    /// Runs the claimed step once.
    pub async fn run(&self, house: &House, claimed: &Enrollment) -> Outcome {
        let at = claimed.state.at().expect("a claimed row");
        let sheet = super::disturbance::sheet(house, claimed).await?;
        let reseller_row = match claimed.id.reseller() {
            Some(name) => Some(self.row(&EnrollmentId::Reseller(name.clone())).await),
            None => None,
        };
        let roster = self.roster().await;
        let context = Context {
            house,
            row: claimed,
            roster: &roster,
            reseller_row: reseller_row.as_ref(),
            sheet: sheet.as_ref(),
            attempt: at.attempt,
            is_first: at.runs == 1,
            since: at.since,
            wall: None,
        };
        (step_of(claimed).ensure)(&context).await
    }

    /// Runs the claimed step until it waits for somebody: the row of that run, and why. None if the fact holds.
    pub async fn until_refused(&self, house: &House, claimed: &Enrollment) -> Option<(Enrollment, Failure)> {
        let mut claimed = claimed.clone();
        for _ in 0..RUNS_MAX {
            match self.run(house, &claimed).await {
                Ok(_) => return None,
                Err(failure) if matches!(failure.kind, FailureKind::Needs(_)) => {
                    return Some((claimed, failure));
                }
                failed @ Err(_) => {
                    let reported = self.moved(&claimed, Input::Reported(failed));
                    claimed = self.claim(house, &reported).await;
                }
            }
        }
        panic!("{} neither holds nor waits in {RUNS_MAX} runs", claimed.id);
    }

    /// Runs the claimed step until it says that its fact holds, and gives the row with what was learned; or says why it never
    /// will: a failure that waits for a person, or too many runs.
    pub async fn until_ok(&self, house: &House, mut claimed: Enrollment) -> Result<Enrollment, String> {
        let step = step_of(&claimed).name;
        for _ in 0..RUNS_MAX {
            let outcome = self.run(house, &claimed).await;
            let reported = self.moved(&claimed, Input::Reported(outcome));
            if reported.done.contains(&step) {
                return Ok(reported);
            }
            if let State::Waiting { reason, .. } = reported.state {
                return Err(format!("it waits for a person: {reason:?}"));
            }
            claimed = self.claim(house, &reported).await;
        }
        Err(format!("it has not succeeded in {RUNS_MAX} runs"))
    }

    /// The row after a failure that waits for somebody, when the time of its next look has come.
    pub fn look_again(&self, claimed: &Enrollment, failure: Failure) -> Enrollment {
        let mut row = self.moved(claimed, Input::Reported(Err(failure)));
        let State::Waiting { look_again, .. } = &mut row.state else { panic!("{row:?} does not wait") };
        *look_again = self.clock.now();
        row
    }

    /// A moment so long ago.
    pub fn ago(&self, time: SignedDuration) -> Timestamp {
        self.clock.now() - time
    }

    /// Lets come what Google does by itself after a while.
    pub async fn until_calm(&self) {
        if self.mood == Mood::Nasty {
            self.clock.sleep_until(self.clock.now() + SignedDuration::from_mins(1)).await;
        }
    }

    pub fn moved(&self, row: &Enrollment, input: Input) -> Enrollment {
        apply(row, input, self.rules(), self.clock.now()).expect("the machine takes it").after
    }

    fn rules(&self) -> &'static Rules {
        match self.mood {
            Mood::Plain => &HASTY,
            Mood::Nasty => &RULES,
        }
    }

    fn reseller(&self, demo: &DemoReseller) -> Reseller {
        if self.home && demo.name == RESELLERS[0] { home_reseller(demo) } else { reseller(demo) }
    }

    async fn roster(&self) -> Roster {
        let mut roster = Roster::default();
        for name in RESELLERS {
            let name: ResellerName = name.parse().expect("a name");
            let row = self.row(&EnrollmentId::Reseller(name.clone())).await;
            roster.learn(&name, &row);
        }
        roster
    }
}

/// The step that a row is at.
pub fn step_of(row: &Enrollment) -> &'static Step {
    let at = row.state.at().expect("a row that has not settled");
    steps::find(row.id.kind(), at.step).expect("a step of this version")
}

/// The machine's own rules.
static RULES: LazyLock<Rules> = LazyLock::new(Rules::default);

/// The same without the pauses.
static HASTY: LazyLock<Rules> = LazyLock::new(|| Rules {
    backoff_min: SignedDuration::ZERO,
    backoff_max: SignedDuration::ZERO,
    settle: SignedDuration::ZERO,
    ..Rules::default()
});

fn settings(rules: &Rules) -> Settings {
    Settings {
        rules: rules.clone(),
        sweep: Duration::MAX,
        recheck: SignedDuration::MAX,
        ..crate::fixture::engine_room::settings(1)
    }
}

/// A reseller of the demo with one domain.
fn reseller(demo: &DemoReseller) -> Reseller {
    let only = || BTreeSet::from(["care-se.example".parse().expect("a domain")]);
    let reseller = demo::reseller(demo);
    if demo.name != "nordic-se" {
        return reseller;
    }
    // It is also the one that deletes a leaver's account, at once.
    let removal = Removal::SuspendThenDelete { grace: SignedDuration::ZERO };
    Reseller { domains: DomainChoice::These(only()), removal, ..reseller }
}

/// The engineers' own reseller account: nothing has been confirmed there, since nothing is made there.
fn home_reseller(demo: &DemoReseller) -> Reseller {
    let named = (ENGINEER.parse().expect("a key"), HOME_ACCOUNT.parse().expect("an address"));
    Reseller {
        home: true,
        home_accounts: [named].into(),
        auto_licensing_off: None,
        free_subscription: None,
        ..demo::reseller(demo)
    }
}
