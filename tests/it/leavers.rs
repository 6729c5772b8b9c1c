//! The end of access, and what may come after it, in a running engine in virtual time: one event in, and Google's own call log and the store
//! say what came of it. Not here: each step by itself (`step_harness`), and leavers among everything else (`engine_simulation`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, IntakeError};
use carepass::model::engineer::{Engineer, Forgetting};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Lane, State, Want};
use carepass::model::entry::{Change, Position};
use carepass::model::failure::{FailureCode, Who};
use carepass::model::id::EngineerKey;
use carepass::model::reseller::{Removal, Reseller};
use carepass::sandbox::{Customer, World};
use carepass::steps::SheetError;
use carepass::store::Store;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const KEY: &str = "E-1";
const SWEDEN: (&str, &str) = ("C01nordicse", "asa.oberg@reseller-se.example");
const NORWAY: (&str, &str) = ("C01nordicno", "asa.oberg@reseller-no.example");

struct House {
    room: EngineRoom,
    engine: Arc<Engine>,
}

impl House {
    async fn open(change: impl Fn(Reseller) -> Reseller) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let room = EngineRoom::open(world).await;
        let all = demo::files().resellers.iter().map(demo::reseller).map(change);
        let two = all.filter(|reseller| ["nordic-se", "nordic-no"].contains(&reseller.name.as_str()));
        let engine = Engine::new(room.house(two), settings(4), CancellationToken::new());
        engine.start(None).await.expect("memory answers");
        Self { room, engine }
    }

    async fn say(&self, event: &Value) {
        let said = event.to_string();
        let admitted: Result<_, IntakeError> =
            self.engine.admit(said.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    async fn engineer(&self) -> Engineer {
        let key: EngineerKey = KEY.parse().expect("a key");
        self.room.store.engineer(&key).await.expect("memory answers").expect("an engineer")
    }

    async fn rows(&self) -> Vec<Enrollment> {
        let key: EngineerKey = KEY.parse().expect("a key");
        self.room.store.enrollments_of(&key).await.expect("memory answers")
    }

    /// Until all rows have settled at a goal, the engineer's own among them.
    async fn settled(&self, want: Want) {
        for _ in 0..2_000 {
            let rows = self.rows().await;
            let at_goal = |row: &Enrollment| row.state == State::Completed && row.goal.want == want;
            let whole = rows.iter().any(|row| row.id.domain().is_none());
            if whole && rows.iter().all(at_goal) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("it does not settle: {:#?}", self.rows().await);
    }

    async fn ready() -> Self {
        Self::ready_but(|reseller| reseller).await
    }

    async fn ready_but(change: impl Fn(Reseller) -> Reseller) -> Self {
        let house = Self::open(change).await;
        house.say(&joined(1)).await;
        house.settled(Want::Present).await;
        house
    }

    fn google<T>(&self, customer: &str, look: impl FnOnce(&mut Customer) -> T) -> T {
        let mut looked = None;
        self.room.sandbox.change(|world| {
            looked = world.customers.get_mut(customer).map(look);
        });
        looked.expect("a customer of the demo")
    }

    /// Whether somebody can sign in to the account, and how many roles it holds; none if it is not there.
    fn account(&self, (customer, address): (&str, &str)) -> Option<(bool, usize)> {
        self.google(customer, |customer| {
            let user = customer.user(address).cloned()?;
            let held = customer.assignments.values().filter(|held| held.assigned_to == user.id).count();
            Some((!user.suspended, held))
        })
    }

    fn effects_since(&self, begun: usize) -> Vec<String> {
        self.room.sandbox.calls().split_off(begun).into_iter().filter_map(|call| call.effect).collect()
    }

    fn calls(&self) -> usize {
        self.room.sandbox.calls().len()
    }

    async fn wait(&self, time: SignedDuration) {
        tokio::time::sleep(time.try_into().expect("a time ahead")).await;
    }

    async fn stop(self) {
        self.engine.cut_off();
        self.engine.stopped().await;
    }
}

fn joined(spell: u64) -> Value {
    let mut event = events::joined_as(KEY, "Åsa", "Öberg");
    event["id"] = format!("joined-{spell}").into();
    event["data"]["revision"] = (spell * 10).into();
    event["data"]["employment"]["id"] = format!("{KEY}/{spell}").into();
    event
}

fn left() -> Value {
    events::ended("left", KEY, 11)
}

/// Role, sessions, suspension, in every domain, within seconds; and the time is known.
#[tokio::test(start_paused = true)]
async fn a_leaver_is_locked_out_everywhere_in_the_right_order() {
    let house = House::ready().await;
    for (customer, user) in [SWEDEN, NORWAY] {
        let sign_in = json!({"customer": customer, "user": user, "application_password": "phone"});
        house.room.sandbox.set(&json!({ "sign_in": sign_in })).expect("somebody who may sign in");
    }
    let begun = house.calls();
    house.say(&left()).await;
    house.settled(Want::Absent).await;
    for place in [SWEDEN, NORWAY] {
        assert_eq!(house.account(place), Some((false, 0)), "{place:?}");
    }
    let order: Vec<String> = house.effects_since(begun);
    let acts = [
        "role.unassigned",
        "user.signed_out",
        "token.deleted",
        "application_password.deleted",
        "backup_codes.invalidated",
        "user.updated",
    ];
    // Domains do not wait for one another, and Norway has one.
    let calls = house.room.sandbox.calls().split_off(begun);
    let of = calls.iter().filter(|call| call.customer.as_deref() == Some(NORWAY.0));
    let made: Vec<&str> = of.filter_map(|call| call.effect.as_deref()).collect();
    let first = |act: &&str| made.iter().position(|effect| effect == act).expect(act);
    assert!(acts.iter().map(first).is_sorted(), "{made:?}");
    assert_eq!(
        order.len(),
        3 * 4 + 2 * 2,
        "role, session, backup codes and suspension in three domains, the rest in two: {order:?}"
    );
    for row in house.rows().await {
        let gone_at = row.facts.locked_out_at.expect("it was seen");
        let said_at = row.leaving.expect("it has left").said_at;
        let took = gone_at.duration_since(said_at);
        assert!(took >= SignedDuration::ZERO && took < SignedDuration::from_mins(1), "{} {took:?}", row.id);
    }
    house.stop().await;
}

/// The account comes back with its own password, and gets the role last.
#[tokio::test(start_paused = true)]
async fn whoever_returns_gets_the_same_account_back() {
    let house = House::ready().await;
    let id =
        |house: &House| house.google(NORWAY.0, |customer| customer.user(NORWAY.1).expect("it").id.clone());
    let before = id(&house);
    house.say(&left()).await;
    house.settled(Want::Absent).await;
    let begun = house.calls();
    house.say(&joined(2)).await;
    house.settled(Want::Present).await;
    assert_eq!((house.account(NORWAY), id(&house)), (Some((true, 1)), before));
    let effects = house.effects_since(begun);
    assert!(!effects.contains(&"user.created".to_owned()), "{effects:?}");
    let account = house.rows().await.into_iter().find_map(|row| row.facts.account).expect("it is known");
    assert!(account.restored && account.suspended_by_us.is_none());
    house.stop().await;
}

/// The end, and a return that begins months later, said in one breath: nobody keeps access in between.
#[tokio::test(start_paused = true)]
async fn a_return_that_begins_later_takes_no_end_away() {
    let house = House::ready().await;
    house.say(&left()).await;
    let mut later = joined(2);
    later["data"]["employment"]["startDate"] = "2026-12-20".into();
    house.say(&later).await;
    house.settled(Want::Absent).await;
    assert_eq!((house.account(SWEDEN), house.account(NORWAY)), (Some((false, 0)), Some((false, 0))));
    house.room.clock.sleep_until("2026-12-08T00:00:00Z".parse().expect("a time")).await;
    house.settled(Want::Present).await;
    assert_eq!(house.account(NORWAY), Some((true, 1)));
    house.stop().await;
}

/// A return is announced first, and then the end of the spell before it.
#[tokio::test(start_paused = true)]
async fn an_announced_return_keeps_nobody_from_leaving() {
    let house = House::ready().await;
    let mut later = joined(2);
    later["data"]["employment"]["startDate"] = "2026-12-20".into();
    house.say(&later).await;
    assert_eq!(house.account(NORWAY), Some((true, 1)), "the spell in force goes on");
    house.say(&events::ended("left", KEY, 21)).await;
    house.settled(Want::Absent).await;
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    house.room.clock.sleep_until("2026-12-08T00:00:00Z".parse().expect("a time")).await;
    house.settled(Want::Present).await;
    assert_eq!(house.account(NORWAY), Some((true, 1)));
    house.stop().await;
}

/// What somebody else suspended meanwhile is theirs to open.
#[tokio::test(start_paused = true)]
async fn an_account_that_was_suspended_before_is_not_let_in() {
    let house = House::ready().await;
    house.google(NORWAY.0, |customer| {
        let id = customer.user(NORWAY.1).expect("the account").id.clone();
        let mut user = customer.take_user(&id).expect("the account");
        (user.suspended, user.suspension_reason) = (true, Some("ADMIN".into()));
        customer.put_user(user);
    });
    house.say(&left()).await;
    house.settled(Want::Absent).await;
    house.say(&joined(2)).await;
    house.wait(SignedDuration::from_mins(2)).await;
    let rows = house.rows().await;
    let row = rows.iter().find(|row| row.id.reseller().is_some_and(|name| name.as_str() == "nordic-no"));
    let State::Waiting { on, reason, .. } = &row.expect("a row").state else { panic!("{row:?}") };
    assert_eq!((*on, reason.code), (Who::Operator, FailureCode::AccountSuspended));
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    house.stop().await;
}

/// Whoever never started and has nothing leaves nothing: no call, and the name is free.
#[tokio::test(start_paused = true)]
async fn a_no_show_leaves_nothing_behind() {
    let house = House::open(|reseller| reseller).await;
    house.wait(SignedDuration::from_mins(5)).await;
    let begun = house.calls();
    let mut later = joined(1);
    later["data"]["employment"]["startDate"] = "2026-12-20".into();
    house.say(&later).await;
    house.wait(SignedDuration::from_secs(20)).await;
    house.say(&events::ended("cancelled", KEY, 11)).await;
    house.settled(Want::Absent).await;
    assert_eq!((house.calls(), house.engineer().await.username), (begun, None));
    house.stop().await;
}

/// The name was kept for somebody who never came, and no account was made: somebody else may have it.
#[tokio::test(start_paused = true)]
async fn the_name_of_a_no_show_is_free_again() {
    let house = House::open(|reseller| reseller).await;
    let full = json!({"match": {"method": "POST", "path_regex": "/users$"},
        "do": {"fail_before": true, "status": 412, "reason": "limitExceeded"}});
    house.room.sandbox.add_faults(&full).expect("a rule that is understood");
    house.say(&joined(1)).await;
    house.wait(SignedDuration::from_mins(2)).await;
    assert!(house.engineer().await.username.is_some(), "the name is kept");
    house.say(&events::ended("cancelled", KEY, 11)).await;
    house.settled(Want::Absent).await;
    house.wait(SignedDuration::from_secs(10)).await;
    assert_eq!(house.engineer().await.username, None);
    let entries = house.room.store.entries(Position::default(), 1_000).await.expect("memory answers");
    let released = entries.iter().flat_map(|entry| &entry.changes);
    assert_eq!(released.filter(|change| matches!(change, Change::Released { .. })).count(), 1);
    house.stop().await;
}

/// The key goes when access has gone, and with it everything that was sealed; a return begins anew.
#[tokio::test(start_paused = true)]
async fn whoever_is_forgotten_is_locked_out_first() {
    let house = House::ready().await;
    let key: EngineerKey = KEY.parse().expect("a key");
    house.say(&left()).await;
    house.say(&events::ended("erased", KEY, 12)).await;
    assert!(house.engineer().await.stated.person.is_some(), "not before all access is gone");
    house.settled(Want::Absent).await;
    house.wait(SignedDuration::from_secs(10)).await;
    let engineer = house.engineer().await;
    assert!(matches!(engineer.forgetting, Some(Forgetting::Done(_))), "{engineer:?}");
    assert_eq!((engineer.stated.person, engineer.username, engineer.upcoming.len()), (None, None, 0));
    assert_eq!(house.room.store.data_key(&key).await.expect("memory answers"), None);
    let opened = house.engine.house().sheet(&key).await;
    assert!(matches!(opened, Err(SheetError::Incomplete)));
    for row in house.rows().await {
        assert!(row.credential.is_none() && row.home_account.is_none());
    }
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    house.say(&joined(2)).await;
    house.wait(SignedDuration::from_mins(1)).await;
    assert!(house.engine.house().sheet(&key).await.is_ok(), "a return has a key of its own");
    house.stop().await;
}

/// The account is kept for the days of grace, with one wake-up, and everybody is told before; then it is gone.
#[tokio::test(start_paused = true)]
async fn an_account_is_deleted_when_the_days_of_grace_are_over() {
    let grace = SignedDuration::from_hours(48);
    let deletes = |reseller: Reseller| Reseller { removal: Removal::SuspendThenDelete { grace }, ..reseller };
    let house = House::ready_but(deletes).await;
    house.say(&left()).await;
    house.wait(SignedDuration::from_hours(1)).await;
    let whole = |rows: &[Enrollment]| {
        rows.iter().any(|row| {
            matches!(row.id, EnrollmentId::Engineer(_)) && row.is_settled() && row.goal.want == Want::Absent
        })
    };
    assert!(whole(&house.rows().await), "access is gone, which is what people are told");
    let versions = |rows: Vec<Enrollment>| rows.iter().map(|row| row.version).collect::<Vec<_>>();
    let before = versions(house.rows().await);
    house.wait(SignedDuration::from_hours(40)).await;
    assert_eq!(versions(house.rows().await), before, "nobody looks before the day");
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    house.wait(SignedDuration::from_hours(8)).await;
    house.settled(Want::Absent).await;
    assert_eq!(house.account(NORWAY), None);
    house.google(NORWAY.0, |customer| assert_eq!(customer.deleted.len(), 1));
    house.stop().await;
}

/// Where carepass cannot get in the leaver waits as a task, in the open, and is locked out at once when it can again.
#[tokio::test(start_paused = true)]
async fn a_leaver_behind_a_closed_account_is_for_people_to_see() {
    let house = House::ready().await;
    house.google(NORWAY.0, |customer| customer.delegation_revoked = true);
    house.wait(SignedDuration::from_hours(2)).await;
    house.say(&left()).await;
    house.wait(SignedDuration::from_mins(2)).await;
    let lane = Lane::Leaving("nordic-no".parse().expect("a name"));
    let waiting = house.room.store.queue(&lane, None, 10).await.expect("memory answers");
    let [row] = waiting.as_slice() else { panic!("{waiting:#?}") };
    let now = house.room.clock.now().to_zoned(jiff::tz::TimeZone::UTC);
    let task = carepass::model::task::task(row, &now).expect("a person is asked");
    assert!(task.leaving);
    assert_eq!(house.account(SWEDEN), Some((false, 0)), "others go on");
    house.google(NORWAY.0, |customer| customer.delegation_revoked = false);
    house.wait(SignedDuration::from_mins(40)).await;
    house.settled(Want::Absent).await;
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    house.stop().await;
}

/// What Google refused while the engineer left does not make the account somebody else's to open.
#[tokio::test(start_paused = true)]
async fn a_return_opens_what_was_suspended_in_the_middle_of_trouble() {
    let house = House::ready().await;
    let refused = json!({"match": {"method": "DELETE", "path_regex": "/roleassignments/"},
        "do": {"fail_before": true, "status": 403, "reason": "forbidden"}});
    house.room.sandbox.add_faults(&refused).expect("a rule that is understood");
    house.say(&left()).await;
    house.wait(SignedDuration::from_mins(3)).await;
    assert_eq!(house.account(NORWAY), Some((false, 1)), "it is suspended at least");
    house.room.sandbox.clear_faults();
    house.settled(Want::Absent).await;
    house.say(&joined(2)).await;
    house.settled(Want::Present).await;
    assert_eq!(house.account(NORWAY), Some((true, 1)));
    house.stop().await;
}

/// Where the account is not configured any more a leaver is a task on top, until it is configured again.
#[tokio::test(start_paused = true)]
async fn a_leaver_of_an_account_that_is_not_configured_any_more_is_a_task() {
    let mut house = House::ready().await;
    for configured in [&["nordic-se"][..], &["nordic-se", "nordic-no"]] {
        house.engine.cut_off();
        house.engine.stopped().await;
        let all = demo::files().resellers.iter().map(demo::reseller);
        let some = all.filter(|reseller| configured.contains(&reseller.name.as_str()));
        house.engine = Engine::new(house.room.house(some), settings(4), CancellationToken::new());
        house.engine.start(None).await.expect("memory answers");
        if configured.len() == 2 {
            continue;
        }
        house.say(&left()).await;
        house.wait(SignedDuration::from_mins(10)).await;
        let norway = "nordic-no".parse().expect("a name");
        assert!(house.engine.removed().contains(&norway));
        let waiting = house.room.store.queue(&Lane::Leaving(norway), None, 10).await.expect("memory answers");
        let [row] = waiting.as_slice() else { panic!("{waiting:#?}") };
        let now = house.room.clock.now().to_zoned(jiff::tz::TimeZone::UTC);
        let task = carepass::model::task::task(row, &now).expect("a person is asked");
        assert_eq!(
            (task.code, task.leaving, task.closes_itself),
            (FailureCode::ResellerRemoved, true, false)
        );
        assert_eq!((house.account(SWEDEN), house.account(NORWAY)), (Some((false, 0)), Some((true, 1))));
    }
    house.wait(SignedDuration::from_hours(1)).await;
    house.settled(Want::Absent).await;
    assert_eq!(house.account(NORWAY), Some((false, 0)));
    assert!(house.engine.removed().is_empty());
    house.stop().await;
}
