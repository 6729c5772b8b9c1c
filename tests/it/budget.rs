//! What the happy path costs: calls to Google for each engineer and domain, counted where they arrive, and commits for each row,
//! counted in the ledger. Not here: what a step does when something goes wrong (`step_harness`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{Account, Neighbour, demo, events};
use carepass::app::App;
use carepass::engine::Engine;
use carepass::model::enrollment::{EnrollmentId, State, Want};
use carepass::model::entry::{Change, Position};
use carepass::model::plan::plan;
use carepass::model::reseller::Reseller;
use carepass::sandbox::init::DemoReseller;
use carepass::sandbox::{CallLine, World};
use carepass::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Engineers who come after the first.
const ENGINEERS: usize = 5;
const DOMAINS: usize = 4;
const RESELLERS: usize = 3;

/// Calls for one engineer in one domain; the one read asks whether a private account has the address.
const WRITES_MAX: usize = 3;
const READS_MAX: usize = 1;

/// The lists that confirm the end, which serve all rows of a reseller account; everything else that is shared was read for the first
/// engineer. Those who come at the same time share a read: one for each engineer and reseller account at most (measured: half of
/// that), which a list that were read for each account would exceed.
const LISTS: [&str; 5] = [
    "/admin/directory/v1/users",
    "/admin/directory/v1/customer/{customer}/roleassignments",
    "/apps/licensing/v1/product/Google-Apps/users",
    "/apps/licensing/v1/product/101005/users",
    "/apps/licensing/v1/product/101006/users",
];
const LISTS_MAX: usize = ENGINEERS * RESELLERS;

/// Engineers who come at once in virtual time, and how long that may take.
const MANY: usize = 20;
const VIRTUAL_PATIENCE: Duration = Duration::from_hours(24);

const PATIENCE: Duration = Duration::from_mins(1);
const ENTRIES_MAX: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_happy_path_stays_within_its_budget() {
    let neighbour = Neighbour::start().await;
    let app = App::start(&neighbour.config(&[("INTAKE__AMQP__URL", "")])).await.expect("a house that starts");
    // Only then the first engineer's name is looked for in every account, and the lists that this takes are read once for all.
    every_account_is_ready(&app).await;
    admit(&app, 0..1).await;
    let begun = neighbour.sandbox.calls().len();
    let known: BTreeSet<String> = neighbour.accounts().into_iter().map(|account| account.address).collect();
    admit(&app, 1..=ENGINEERS).await;

    let calls = neighbour.sandbox.calls().split_off(begun);
    let new = neighbour.accounts().into_iter().filter(|account| !known.contains(&account.address));
    check_calls(&calls, &new.collect::<Vec<_>>());
    check_ledger(&app).await;
    app.stop().await;
}

/// Google at its worst costs less than twice what Google at its best does, tokens and lists included; both in virtual time, at the rates
/// at which Google is asked.
#[tokio::test(start_paused = true)]
async fn calls_per_engineer_and_domain_in_the_nasty_world_stay_below_twice_the_happy_path() {
    let files = demo::files();
    let plain = calls_per_account(&files.world, demo::reseller).await;
    let nasty = calls_per_account(&files.nasty_world, demo::nasty_reseller).await;
    println!(
        "for each engineer and domain: {plain:.2} calls in the plain world, {nasty:.2} in the nasty one"
    );
    assert!(nasty < 2.0 * plain, "{nasty:.2} calls instead of {plain:.2}");
}

/// Calls after the set-up until everybody is ready, for each engineer and domain.
async fn calls_per_account(world: &str, reseller: fn(&DemoReseller) -> Reseller) -> f64 {
    let mut world = World::from_toml(world).expect("a world that init writes");
    world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
    let room = EngineRoom::open(world).await;
    let engine = Engine::new(
        room.house(demo::files().resellers.iter().map(reseller)),
        settings(4),
        CancellationToken::new(),
    );
    engine.start(None).await.expect("memory answers");
    let ready = async {
        while !engine.roster().resellers.values().all(|reseller| reseller.ready) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(VIRTUAL_PATIENCE, ready).await.expect("every reseller account becomes ready");
    let begun = room.sandbox.calls().len();
    for number in 0..MANY {
        let event = events::joined(number).to_string();
        let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }
    let settled = async {
        for number in 0..MANY {
            let key = format!("E-{number:05}").parse().expect("a key");
            loop {
                let rows = room.store.enrollments_of(&key).await.expect("memory answers");
                if rows.len() == DOMAINS + 1 && rows.iter().all(|row| row.state == State::Completed) {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let begun_at = room.clock.now();
    tokio::time::timeout(VIRTUAL_PATIENCE, settled).await.expect("every engineer becomes ready");
    println!("{MANY} engineers are ready after {:#}", room.clock.now().duration_since(begun_at));
    let calls = room.sandbox.calls().split_off(begun);
    engine.cut_off();
    engine.stopped().await;
    let number = |count: usize| f64::from(u32::try_from(count).expect("not that many"));
    number(calls.len()) / number(MANY * DOMAINS)
}

async fn every_account_is_ready(app: &App) {
    let ready = async {
        while !app.engine.roster().resellers.values().all(|reseller| reseller.ready) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("every reseller account becomes ready");
}

/// Admits engineers, all at once, and waits until each was welcomed.
async fn admit(app: &App, numbers: impl IntoIterator<Item = usize>) {
    let mut last_rows = BTreeSet::new();
    for number in numbers {
        let event = events::joined(number).to_string();
        let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        last_rows.insert(format!("engineer/E-{number:05}").parse::<EnrollmentId>().expect("a row"));
    }
    let welcomed = async {
        for id in last_rows {
            while !is_settled(app, &id).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, welcomed).await.expect("every engineer becomes ready");
}

async fn is_settled(app: &App, id: &EnrollmentId) -> bool {
    let row = app.engine.house().store.enrollment(id).await.expect("the store answers");
    row.is_some_and(|row| row.is_settled())
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// A change, for one engineer in one domain.
    Write,
    /// A question about one account.
    Read,
    /// A list, or a token: one for all rows of the reseller account.
    Shared,
}

fn cost(call: &CallLine) -> Cost {
    let about_one = call.path.starts_with("/admin/directory/v1/users/")
        || call.path.contains("/user/")
        || call.query.contains("userKey=")
        || call.path.contains("userinvitations");
    match call.method.as_str() {
        "GET" if about_one => Cost::Read,
        "GET" => Cost::Shared,
        "POST" if call.path == "/token" => Cost::Shared,
        "POST" => Cost::Write,
        other => panic!("{other} {}: carepass never changes or removes anything", call.path),
    }
}

fn check_calls(calls: &[CallLine], accounts: &[Account]) {
    let mut costs: BTreeMap<(Cost, String), usize> = BTreeMap::new();
    let mut effects: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        assert!(!call.path.contains("makeAdmin"), "{call:?}");
        assert!(call.status < 300, "the happy path meets no refusal: {call:?}");
        *costs.entry((cost(call), format!("{} {}", call.method, call.path))).or_default() += 1;
        if let Some(effect) = &call.effect {
            *effects.entry(effect).or_default() += 1;
        }
    }
    println!("{costs:#?}");
    let count = |wanted: Cost| {
        costs.iter().filter(|((cost, _), _)| *cost == wanted).map(|(_, count)| count).sum::<usize>()
    };
    let pairs = accounts.len();
    assert_eq!(pairs, ENGINEERS * DOMAINS);
    let licensed = accounts.iter().filter(|account| account.customer != "C01nordicno").count();
    // Each account is there with its role and its licence. As many writes as that and no more: not one was made twice.
    let expected = [("license.assigned", licensed), ("role.assigned", pairs), ("user.created", pairs)];
    assert_eq!(effects, expected.into());
    assert_eq!(count(Cost::Write), effects.values().sum::<usize>(), "every write has its effect");
    assert!(count(Cost::Write) <= pairs * WRITES_MAX);
    assert!(count(Cost::Read) <= pairs * READS_MAX);
    let reads = costs.iter().filter(|((cost, _), _)| *cost == Cost::Read);
    assert!(
        reads.clone().all(|(_, count)| *count <= READS_MAX),
        "one account is asked about twice: {costs:#?}"
    );
    println!(
        "{pairs} accounts: {} writes, {} reads, {} shared",
        count(Cost::Write),
        count(Cost::Read),
        count(Cost::Shared)
    );
    check_lists(calls);
}

/// Each list by itself, so that a new one cannot hide behind the others.
fn check_lists(calls: &[CallLine]) {
    let mut lists: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| cost(call) == Cost::Shared) {
        let customer = call.customer.as_deref().expect("every call is somebody's");
        *lists.entry(call.path.replace(customer, "{customer}")).or_default() += 1;
    }
    println!("{lists:#?}, at most {LISTS_MAX} each");
    for (list, count) in &lists {
        assert!(LISTS.contains(&list.as_str()), "a list that the happy path did not need before: {list}");
        assert!(*count <= LISTS_MAX, "{list} was read {count} times for {ENGINEERS} engineers");
    }
    assert_eq!(lists.len(), LISTS.len(), "a list that is no longer read: take it out of LISTS");
}

/// A row of a plan of N steps is committed N + 2 times at most: its opening, its claim, and each step; that of a reseller account once
/// more, when it is found out how its licence comes. The first engineer's rows are not counted: they find that out.
async fn check_ledger(app: &App) {
    let entries =
        app.engine.house().store.entries(Position::default(), ENTRIES_MAX).await.expect("the store answers");
    assert!(entries.len() < ENTRIES_MAX);
    let mut commits: BTreeMap<EnrollmentId, usize> = BTreeMap::new();
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        if let Change::Enrollment { row, .. } = change {
            *commits.entry(row.id.clone()).or_default() += 1;
        }
    }
    commits.retain(|id, _| id.engineer().is_none_or(|engineer| engineer.as_str() != "E-00000"));
    assert_eq!(commits.len(), RESELLERS + ENGINEERS * (DOMAINS + 1));
    for (id, commits) in commits {
        let steps = plan(id.kind(), Want::Present).len();
        let most = steps + 2 + usize::from(id.engineer().is_none());
        assert!(commits <= most, "{id}: {commits} commits for {steps} steps");
    }
}
