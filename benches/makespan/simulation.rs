//! Many engineers in many reseller accounts in virtual time: the engine itself, its steps, the client and the sandbox with Google's quotas
//! and a latency, all on one thread whose clock jumps. The benchmark runs it in full, a test in small.
//! Not here: what the figures are held against (`report`).

use super::world::{self, Account};
use carepass::clock::Clock;
use carepass::engine::{Engine, Settings};
use carepass::google::{self, Endpoint};
use carepass::handover::Handovers;
use carepass::mail::{Mailer, MemoryMailer, PortalUrl};
use carepass::model::enrollment::{State, TargetKind};
use carepass::model::entry::{Change, Position};
use carepass::model::id::ResellerName;
use carepass::model::person::{Language, LanguageTag};
use carepass::model::username::Naming;
use carepass::sandbox::{CallLine, Sandbox, SandboxClock, World};
use carepass::seal::Sealer;
use carepass::steps::House;
use carepass::store::Store;
use carepass::store::memory::Memory;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const BEGINNING: &str = "2026-11-20T08:00:00Z";

/// Each call takes so long.
const LATENCY_MS: u64 = 100;

/// By then everybody who can be is ready, in virtual time.
const PATIENCE: Duration = Duration::from_hours(12);

/// Entries of the ledger that are read at a time.
const PAGE: usize = 2_000;

/// What is wrong with the first account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It answers nothing within the client's patience.
    Hanging,
    /// It refuses nine calls in ten.
    Throttled,
    /// It has taken its delegation back.
    Revoked,
}

/// What is lived through.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Who join, all at once.
    pub engineers: usize,
    /// Reseller accounts, with a domain each.
    pub accounts: usize,
    /// The last of them have their licences with the site; at the others each is assigned.
    pub site_licensed: usize,
    /// Other tools use so many percent of each quota.
    pub others_percent: u32,
    /// What is wrong with the first account.
    pub trouble: Trouble,
}

/// What became of one account.
#[derive(Debug)]
pub struct Lane {
    /// Whether each licence is assigned.
    pub per_user: bool,
    /// When each engineer was ready there, since all came; in order.
    pub ready: Vec<Duration>,
    /// Its calls.
    pub calls: Vec<CallLine>,
}

impl Lane {
    /// When the last one was ready.
    pub fn makespan(&self) -> Duration {
        self.ready.last().copied().unwrap_or_default()
    }

    /// Calls that were refused because they were too many.
    pub fn throttled(&self) -> usize {
        let too_many = |call: &&CallLine| {
            let slows =
                call.path.contains("/licensing/") || call.method == "POST" && !call.path.contains("token");
            call.status == 429 || call.status == 503 && slows
        };
        self.calls.iter().filter(too_many).count()
    }
}

/// Lives through a plan, in a runtime of its own.
pub fn run(plan: Plan) -> Vec<Lane> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(live(plan))
}

async fn live(plan: Plan) -> Vec<Lane> {
    let accounts = world::accounts(plan.accounts, plan.site_licensed);
    let clock = Clock::following(BEGINNING.parse().expect("a time"));
    let sandbox = sandbox(&accounts, plan.others_percent, &clock);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
    let stop = CancellationToken::new();
    tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
    let store = Arc::new(Memory::new());
    let seal = tempfile::tempdir().expect("a folder");
    let sealer = Sealer::open(&seal.path().join("master")).expect("a master key");
    let house = house(&accounts, &endpoint, &clock, Arc::clone(&store), sealer);
    let engine = Engine::new(house, Settings::default(), CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    sandbox.set(&json!({"latency_ms": LATENCY_MS})).expect("a setting");
    befall(&sandbox, &accounts[0], plan.trouble);
    let (begun, called) = (clock.now(), sandbox.calls().last().map_or(0, |call| call.seq));
    for number in 0..plan.engineers {
        let event = joined(number).to_string();
        let kind = "application/cloudevents+json";
        engine.admit(event.as_bytes(), Some(kind), &BTreeMap::new()).await.expect("an event without faults");
    }
    let healthy = accounts.len() - usize::from(plan.trouble != Trouble::None);
    let ready =
        tokio::time::timeout(PATIENCE, all_ready(&store, begun, plan.engineers * healthy, &accounts[0]));
    let mut ready = ready.await.expect("everybody becomes ready in time");
    engine.cut_off();
    engine.stopped().await;
    stop.cancel();
    let calls = sandbox.calls_after(called);
    let of = |account: &Account| Lane {
        per_user: account.per_user,
        ready: ready.remove(&account.name).unwrap_or_default(),
        calls: calls
            .iter()
            .filter(|call| call.customer.as_ref() == Some(&account.customer))
            .cloned()
            .collect(),
    };
    accounts.iter().map(of).collect()
}

/// When each row was ready, by account; waits until so many are outside of the first account or in all.
async fn all_ready(
    store: &Memory,
    begun: Timestamp,
    wanted: usize,
    first: &Account,
) -> BTreeMap<ResellerName, Vec<Duration>> {
    let mut ready: BTreeMap<ResellerName, Vec<Duration>> = BTreeMap::new();
    let mut read = Position::default();
    loop {
        let entries = store.entries(read, PAGE).await.expect("memory answers");
        for entry in &entries {
            read = entry.position;
            for change in &entry.changes {
                if let Change::Enrollment { row, .. } = change
                    && row.state == State::Completed
                    && row.id.kind() == TargetKind::Domain
                    && let Some(name) = row.id.reseller()
                {
                    let took = Duration::try_from(entry.at.duration_since(begun)).unwrap_or_default();
                    ready.entry(name.clone()).or_default().push(took);
                }
            }
        }
        let all: usize = ready.values().map(Vec::len).sum();
        let of_first = ready.get(&first.name).map_or(0, Vec::len);
        if all >= wanted && (all - of_first >= wanted || of_first > 0) {
            return ready;
        }
        if entries.is_empty() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn befall(sandbox: &Sandbox, account: &Account, trouble: Trouble) {
    let customer = &account.customer;
    let rule = match trouble {
        Trouble::None => return,
        Trouble::Hanging => json!({"match": {"customer": customer}, "do": {"delay_ms": 600_000}}),
        Trouble::Throttled => json!({"match": {"customer": customer, "probability": 0.9},
            "do": {"fail_before": true, "status": 429, "reason": "rateLimitExceeded"}}),
        Trouble::Revoked => {
            return sandbox.set(&json!({"delegation": {customer: false}})).expect("a setting");
        }
    };
    sandbox.add_faults(&rule).expect("a rule that is understood");
}

fn sandbox(accounts: &[Account], others_percent: u32, clock: &Clock) -> Sandbox {
    let world =
        World::from_toml(&world::text(accounts, others_percent)).expect("the world of this simulation");
    let shown = clock.clone();
    Sandbox::with_clock(world, SandboxClock::from_source(move || shown.now().as_millisecond()))
}

fn house(accounts: &[Account], endpoint: &str, clock: &Clock, store: Arc<Memory>, sealer: Sealer) -> House {
    let endpoint = Endpoint::parse(endpoint).expect("a loopback address");
    let client = google::client(&endpoint).expect("a client for loopback");
    let site = |account: &Account| (account.name.clone(), account.site(&endpoint, &client, clock));
    House {
        sites: accounts.iter().map(site).collect(),
        store,
        sealer,
        mailer: Mailer::Memory(MemoryMailer::default()),
        clock: clock.clone(),
        naming: Naming::of(LanguageTag::english()),
        letters_language: Language::English,
        license_spacing: SignedDuration::from_secs(30),
        portal: PortalUrl::default(),
        handovers: Handovers::default(),
        to_managers: true,
    }
}

/// A joiner whose name nobody else has.
fn joined(number: usize) -> Value {
    let letters = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu"];
    let family: String = [number / 100, number / 10, number].map(|digit| letters[digit % 10]).concat();
    let key = format!("E-{number:05}");
    json!({
        "specversion": "1.0", "id": key, "source": "https://hr.example/bench", "type": "com.carepass.engineer.joined.v1",
        "subject": format!("engineer/{key}"), "datacontenttype": "application/json",
        "dataschema": "https://schemas.carepass.example/engineer-full/1.0.json",
        "data": {
            "revision": 1,
            "engineer": {
                "key": key,
                "name": { "given": "Ada", "family": format!("Berg{family}"), "language": "sv" },
                "contactEmail": "a@nordresale.example"
            },
            "employment": { "id": "1", "timeZone": "Europe/Stockholm" },
            "scope": { "domains": "all" }
        }
    })
}
