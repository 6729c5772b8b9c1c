//! What others change at Google on what carepass looks after: each kind is found, kept, shown, asked about or mended, and goes again by
//! itself; and what a look costs. In virtual time.
//! Not here: the doors of a running daemon (`doors`), what is no finding (`google/drift`), and what is done about which (`model/drift`).

mod doors;

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{DriftSettings, Engine, Settings};
use carepass::model::drift::{Action, Drift, Kind, Policy};
use carepass::model::enrollment::{Enrollment, EnrollmentId, State};
use carepass::model::entry::{Actor, Change, Entry, Position};
use carepass::model::failure::FailureCode;
use carepass::model::id::{EngineerKey, ResellerName};
use carepass::model::reseller::Reseller;
use carepass::model::task::drift_tasks;
use carepass::sandbox::{Assignment, Customer, User, World};
use carepass::store::Store;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NORWAY: &str = "C01nordicno";
const NAME: &str = "nordic-no";
const DOMAIN: &str = "reseller-no.example";
const HOUR: Duration = Duration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const PAID: (&str, &str) = ("Google-Apps", "1010020027");

/// What somebody does at Google, in the account or to the one with this id.
type Deed = fn(&mut Customer, &str);

/// What is done to the account of each engineer, and what is found then.
const DEEDS: [(&str, Kind, Deed); 11] = [
    ("E-01", Kind::RoleTaken, |customer, id| customer.assignments.retain(|_, held| held.assigned_to != id)),
    ("E-02", Kind::OtherRole, |customer, id| give(customer, "_USER_MANAGEMENT_ADMIN_ROLE", id)),
    ("E-03", Kind::SuperAdministrator, |customer, id| give(customer, "_SEED_ADMIN_ROLE", id)),
    ("E-04", Kind::Suspended, |customer, id| change(customer, id, |user| user.suspended = true)),
    ("E-05", Kind::Deleted, |customer, id| drop(customer.take_user(id))),
    ("E-06", Kind::Renamed, |customer, id| {
        change(customer, id, |user| user.primary_email = format!("somebody@{DOMAIN}"));
    }),
    ("E-07", Kind::MarkerGone, |customer, id| {
        change(customer, id, |user| drop(user.fields.remove("externalIds")));
    }),
    ("E-08", Kind::UnitChanged, |customer, id| change(customer, id, |user| user.org_unit = "top".into())),
    ("E-09", Kind::PaidLicense, |customer, id| {
        customer.licenses.insert((PAID.0.into(), PAID.1.into(), id.into()));
    }),
    ("E-10", Kind::Suspended, |customer, id| {
        change(customer, id, |user| drop(user.fields.insert("archived".into(), true.into())));
    }),
    ("E-11", Kind::Reopened, |customer, id| change(customer, id, |user| user.suspended = false)),
];

/// Who has left before the last of them is done.
const LEAVER: &str = "E-11";

fn change(customer: &mut Customer, id: &str, how: impl FnOnce(&mut User)) {
    let mut user = customer.take_user(id).expect("an account of the world");
    how(&mut user);
    customer.put_user(user);
}

fn role_named(customer: &Customer, name: &str) -> u64 {
    let role = customer.roles.iter().find(|(_, role)| role.name == name);
    *role.unwrap_or_else(|| panic!("no role {name}")).0
}

fn give(customer: &mut Customer, role: &str, to: &str) {
    let (role_id, number) = (role_named(customer, role), customer.issue_number());
    customer.assignments.insert(number, Assignment { role_id, assigned_to: to.to_owned(), org_unit: None });
}

/// The demo's account whose licence comes with the site.
fn norway() -> Reseller {
    let mut all = demo::files().resellers.iter().map(demo::reseller);
    all.find(|reseller| reseller.name.as_str() == NAME).expect("an account of the demo")
}

async fn room(change: impl FnOnce(&mut Customer)) -> EngineRoom {
    let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
    let customer = world.customers.get_mut(NORWAY).expect("a customer of the demo");
    customer.settings.seats = None;
    change(customer);
    EngineRoom::open(world).await
}

async fn live(room: &EngineRoom, policy: Policy) -> Arc<Engine> {
    // But for the first, which comes within an hour, each look is asked for.
    let drift = DriftSettings { every: Some(2 * DAY), policy, ..DriftSettings::default() };
    let settings = Settings { drift, ..settings(8) };
    let engine = Engine::new(room.house([norway()]), settings, CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    engine
}

async fn end(engine: &Engine) {
    engine.cut_off();
    engine.stopped().await;
}

async fn say(engine: &Engine, event: &Value) {
    let body = event.to_string();
    let admitted = engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");
}

/// Somebody with a name that nobody else has.
fn joiner(key: &str) -> Value {
    let letter = |digit: u8| char::from(b'a' + digit - b'0');
    let family: String = key.bytes().filter(u8::is_ascii_digit).map(letter).collect();
    events::joined_as(key, "Torvild", &format!("Quist{family}"))
}

async fn row(room: &EngineRoom, id: &str) -> Enrollment {
    let row = room.store.enrollment(&id.parse::<EnrollmentId>().expect("a row")).await;
    row.expect("memory answers").unwrap_or_else(|| panic!("no row {id}"))
}

fn of(key: &str) -> String {
    format!("domain/{key}/{NAME}/{DOMAIN}")
}

async fn kept(room: &EngineRoom) -> Option<Drift> {
    row(room, &format!("reseller/{NAME}")).await.facts.drift.map(|drift| *drift)
}

/// In virtual time.
async fn comes<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    assert!(tokio::time::timeout(HOUR, waiting).await.is_ok(), "{what} does not come about");
}

/// Everybody is ready for longer than a new account may be late, and the account has been looked at.
async fn settle(room: &EngineRoom, engine: &Engine, keys: &[&str]) {
    for key in keys {
        say(engine, &joiner(key)).await;
    }
    for key in keys {
        let id = of(key);
        comes(key, || async {
            let row = room.store.enrollment(&id.parse().expect("a row")).await.expect("memory answers");
            row.is_some_and(|row| row.state == State::Completed)
        })
        .await;
    }
    tokio::time::sleep(Duration::from_mins(16)).await;
    comes("the first look", || async { kept(room).await.is_some() }).await;
}

/// Looks at the account, once what was seen of its products is not taken for granted any more, and waits until that is done.
async fn look(room: &EngineRoom, engine: &Engine) -> Drift {
    tokio::time::sleep(Duration::from_mins(11)).await;
    look_now(room, engine).await
}

async fn look_now(room: &EngineRoom, engine: &Engine) -> Drift {
    let before = kept(room).await.map(|drift| drift.checked_at);
    ask(engine).await;
    comes("a look", || async { kept(room).await.map(|drift| drift.checked_at) != before }).await;
    kept(room).await.expect("a look has ended")
}

async fn ask(engine: &Engine) {
    let name: ResellerName = NAME.parse().expect("a name");
    engine.look_for_drift(&name, "ada", "put right").await.expect("memory answers");
}

fn found(drift: &Drift) -> BTreeSet<(Kind, String)> {
    let whose = |key: Option<&str>| key.unwrap_or("-").to_owned();
    let findings = drift.findings.iter();
    findings.map(|one| (one.kind, whose(one.engineer.as_ref().map(EngineerKey::as_str)))).collect()
}

async fn account_of(room: &EngineRoom, key: &str) -> String {
    row(room, &of(key)).await.facts.account.expect("an account").id.to_string()
}

fn in_norway<T>(room: &EngineRoom, act: impl FnOnce(&mut Customer) -> T) -> T {
    room.sandbox.change(|world| act(world.customers.get_mut(NORWAY).expect("a customer of the demo")))
}

/// Each kind at once: it is there after one look, is known again after the next and after a restart, and is gone when it was put right.
#[tokio::test(start_paused = true)]
async fn what_others_change_is_found_is_kept_and_goes() {
    let room = room(|_| ()).await;
    let silent = Policy { more: Action::Report, fewer: Action::Report, cosmetic: Action::Report };
    let engine = live(&room, silent).await;
    let keys: Vec<&str> = DEEDS.iter().map(|(key, _, _)| *key).collect();
    settle(&room, &engine, &keys).await;
    say(&engine, &events::ended("left", LEAVER, 2)).await;
    comes("the end of access", || async { row(&room, &of(LEAVER)).await.has_lost_access() }).await;
    // Paid licences are watched for by themselves on the first day.
    tokio::time::sleep(25 * HOUR).await;
    assert_eq!(found(&look(&room, &engine).await), BTreeSet::new(), "nobody has done anything");

    let before = in_norway(&room, |customer| customer.clone());
    let mut expected: BTreeSet<(Kind, String)> =
        [Kind::UnknownHolder, Kind::RoleWidened, Kind::RoleNarrowed].map(|kind| (kind, "-".into())).into();
    for (key, kind, deed) in DEEDS {
        let id = account_of(&room, key).await;
        in_norway(&room, |customer| deed(customer, &id));
        expected.insert((kind, key.to_owned()));
    }
    let copied = account_of(&room, "E-02").await;
    in_norway(&room, |customer| {
        // A stranger whose account has an engineer's marker is a stranger all the same.
        let user = customer.users.values().find(|user| user.id == copied).expect("an account");
        let user = user.as_ref().clone();
        let id = customer.issue_user_id();
        let primary_email = format!("stranger@{DOMAIN}");
        customer.put_user(User { id: id.clone(), primary_email, aliases: Vec::new(), ..user });
        give(customer, "Customer Care", &id);
        let role = role_named(customer, "Customer Care");
        let role = customer.roles.get_mut(&role).expect("just found");
        let first = role.privileges.pop_first().expect("two");
        role.privileges.insert((first.0, "DELETE_EVERYTHING".into()));
    });
    let first = look(&room, &engine).await;
    assert_eq!(found(&first), expected);
    let second = look(&room, &engine).await;
    let since = |drift: &Drift| drift.findings.iter().map(|one| one.since).max();
    assert_eq!((found(&second), since(&second)), (expected.clone(), since(&first)), "known again");
    let told = serde_json::to_string(&second).expect("JSON");
    assert!(!told.contains('@') && !told.contains("quist"), "{told}");

    // What cannot be read shows nothing: neither that something has gone, nor that something is there.
    in_norway(&room, |customer| *customer = before);
    for list in ["/roleassignments", "/roles", "/v1/users", "/apps/licensing/"] {
        let broken = json!({"match": {"method": "GET", "path_regex": list},
            "do": {"fail_before": true, "status": 403, "reason": "forbidden", "message": "Not Authorized"}});
        room.sandbox.add_faults(&broken).expect("a rule that is understood");
        let begun = room.sandbox.calls().last().map_or(0, |call| call.seq);
        ask(&engine).await;
        tokio::time::sleep(Duration::from_mins(3)).await;
        let asked = room.sandbox.calls_after(begun);
        assert!(asked.iter().any(|call| call.path.contains(list)), "{list} was asked for");
        assert_eq!(kept(&room).await.map(|drift| found(&drift)).as_ref(), Some(&expected), "{list}");
        room.sandbox.clear_faults();
    }
    end(&engine).await;

    let engine = live(&room, silent).await;
    assert_eq!(
        kept(&room).await.map(|drift| found(&drift)),
        Some(found(&second)),
        "a restart forgets nothing"
    );
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(found(&look(&room, &engine).await), BTreeSet::new());
    for key in keys {
        let row = row(&room, &of(key)).await;
        assert_eq!(row.state, State::Completed, "nobody was told to do anything about {key}");
    }
    end(&engine).await;
}

/// As it is shipped: what is lacking is given back, and what is too much is asked about until it is gone.
#[tokio::test(start_paused = true)]
async fn what_was_taken_is_given_back_and_what_was_given_is_asked_about() {
    let room = room(|_| ()).await;
    let engine = live(&room, Policy::default()).await;
    settle(&room, &engine, &["E-01", "E-02"]).await;
    let (first, second) = (account_of(&room, "E-01").await, account_of(&room, "E-02").await);
    let (settled, untouched) = (row(&room, &of("E-01")).await, row(&room, &of("E-02")).await);
    in_norway(&room, |customer| {
        customer.assignments.retain(|_, held| held.assigned_to != first);
        give(customer, "_USER_MANAGEMENT_ADMIN_ROLE", &second);
    });
    let drift = look(&room, &engine).await;
    let actions: Vec<(Kind, Action)> = drift.findings.iter().map(|one| (one.kind, one.action)).collect();
    assert_eq!(actions, [(Kind::OtherRole, Action::Ask), (Kind::RoleTaken, Action::Repair)]);
    let soon = drift.checked_at + SignedDuration::from_mins(15);
    assert!(drift.look_again.is_some_and(|at| at <= soon), "what is mended is looked at again: {drift:?}");
    comes("the role that was taken", || async {
        let has_role = in_norway(&room, |customer| customer.roles_of(&first).count() == 1);
        let row = row(&room, &of("E-01")).await;
        has_role && row.state == State::Completed && row.version > settled.version
    })
    .await;

    let cards = async || {
        let row = row(&room, &format!("reseller/{NAME}")).await;
        drift_tasks(&row, &room.clock.now().to_zoned(TimeZone::UTC))
    };
    let asked = cards().await;
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!((asked[0].code, &asked[0].enrollment), (FailureCode::DriftFound, &untouched.id));
    assert!(asked[0].closes_itself && asked[0].message.sv.so.contains("en roll som carepass inte ger"));
    assert_eq!(found(&look(&room, &engine).await), [(Kind::OtherRole, "E-02".to_owned())].into());
    let other = in_norway(&room, |customer| role_named(customer, "_USER_MANAGEMENT_ADMIN_ROLE"));
    in_norway(&room, |customer| customer.assignments.retain(|_, held| held.role_id != other));
    assert_eq!(found(&look(&room, &engine).await), BTreeSet::new());
    assert_eq!(cards().await, []);
    assert_eq!(row(&room, &of("E-02")).await.version, untouched.version, "the row was left alone");
    let operator = Actor::Operator { name: "ada".into(), reason: "put right".into() };
    let asked = ledger(&room).await.into_iter().filter(|entry| entry.actor == operator);
    assert_eq!(asked.count(), 3, "who asked for each look, and why");
    end(&engine).await;
}

/// A look takes half a minute here. Meanwhile the row of whoever lacks the role moves, and somebody asks for a look.
#[tokio::test(start_paused = true)]
async fn what_happens_during_a_look_is_for_the_next_one() {
    let room = room(|_| ()).await;
    let engine = live(&room, Policy::default()).await;
    settle(&room, &engine, &["E-01"]).await;
    let id = account_of(&room, "E-01").await;
    tokio::time::sleep(Duration::from_mins(11)).await;
    let slow =
        json!({"match": {"method": "GET", "path_regex": "/roleassignments"}, "do": {"delay_ms": 20_000}});
    room.sandbox.add_faults(&slow).expect("a rule that is understood");
    in_norway(&room, |customer| customer.assignments.retain(|_, held| held.assigned_to != id));
    let before = looks(&room).await.len();
    ask(&engine).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    say(&engine, &events::ended("left", "E-01", 2)).await;
    ask(&engine).await;
    assert_eq!(looks(&room).await.len(), before, "the first look is under way");
    comes("another look", || async { looks(&room).await.len() == before + 2 }).await;
    for look in looks(&room).await {
        assert_eq!(found(&look), BTreeSet::new(), "a row was judged that had moved");
    }
    end(&engine).await;
}

async fn ledger(room: &EngineRoom) -> Vec<Entry> {
    room.store.entries(Position(0), 100_000).await.expect("memory answers")
}

/// Each look that was kept.
async fn looks(room: &EngineRoom) -> Vec<Drift> {
    let changes = ledger(room).await.into_iter().flat_map(|entry| entry.changes);
    let drift = changes.filter_map(|change| {
        let Change::Enrollment { row, .. } = change else { return None };
        row.facts.drift
    });
    drift.map(|drift| (drift.checked_at, *drift)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The role is taken away from somebody whose row then waits for Google: what was found stays until the row is at rest.
#[tokio::test(start_paused = true)]
async fn what_a_row_is_still_mending_has_not_gone() {
    let room = room(|_| ()).await;
    let engine = live(&room, Policy::default()).await;
    settle(&room, &engine, &["E-01"]).await;
    let id = account_of(&room, "E-01").await;
    let broken = json!({"match": {"method": "POST", "path_regex": "/roleassignments"},
        "do": {"fail_before": true, "status": 403, "reason": "forbidden", "message": "Not Authorized"}});
    room.sandbox.add_faults(&broken).expect("a rule that is understood");
    in_norway(&room, |customer| customer.assignments.retain(|_, held| held.assigned_to != id));
    let taken: BTreeSet<(Kind, String)> = [(Kind::RoleTaken, "E-01".to_owned())].into();
    let first = look(&room, &engine).await;
    assert_eq!(found(&first), taken);
    comes("a row that waits", || async {
        matches!(row(&room, &of("E-01")).await.state, State::Waiting { .. })
    })
    .await;
    let second = look(&room, &engine).await;
    assert_eq!(second.findings, first.findings, "it is neither gone nor new");
    room.sandbox.clear_faults();
    end(&engine).await;
}

/// Whole lists: accounts 500 a page, role assignments 200, licences 100; below that one call for each list.
#[tokio::test(start_paused = true)]
async fn a_look_costs_less_than_a_call_for_fifty_accounts() {
    for (accounts, most) in [(0_usize, 6), (1_200, 13)] {
        let room = room(|customer| {
            let model = customer.users.values().next().expect("the robot").as_ref().clone();
            for number in 0..accounts {
                let id = customer.issue_user_id();
                let primary_email = format!("user{number}@{DOMAIN}");
                customer.put_user(User {
                    id: id.clone(),
                    primary_email,
                    aliases: Vec::new(),
                    ..model.clone()
                });
                if number % 2 == 0 {
                    give(customer, "_USER_MANAGEMENT_ADMIN_ROLE", &id);
                }
                if number % 4 == 0 {
                    customer.licenses.insert((PAID.0.into(), PAID.1.into(), id));
                }
            }
        })
        .await;
        let engine = live(&room, Policy::default()).await;
        settle(&room, &engine, &["E-01"]).await;
        let calls = || room.sandbox.calls().last().map_or(0, |call| call.seq);
        // The hourly look at the account itself is over.
        tokio::time::sleep(Duration::from_mins(11)).await;
        let begun = calls();
        let drift = look_now(&room, &engine).await;
        assert_eq!(found(&drift), BTreeSet::new());
        let asked = room.sandbox.calls_after(begun);
        let lists: Vec<&str> =
            asked.iter().map(|call| call.path.as_str()).filter(|path| !path.ends_with("/token")).collect();
        assert!(lists.len() <= most, "{} calls for {accounts} accounts: {lists:#?}", lists.len());
        assert!(accounts == 0 || lists.len() * 50 < accounts, "{} calls", lists.len());
        end(&engine).await;
    }
}
