//! What the engine knows and watches of licences beyond one row, in virtual time: a lesson outlives the process that learned it, and a
//! paid licence that comes after everything was done is found. Not here: what the steps do about it (`step_harness`).

use crate::fixture::demo;
use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::events;
use carepass::engine::{Engine, RowOrder};
use carepass::model::enrollment::{Enrollment, EnrollmentId, LicenseLesson, State, Want};
use carepass::model::failure::FailureCode;
use carepass::model::id::LicenseSku;
use carepass::model::reseller::Reseller;
use carepass::planted::{Bug, caught};
use carepass::sandbox::{AutoLicensing, World};
use carepass::store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const NORWAY: &str = "C01nordicno";
const ROW: &str = "domain/E-1/nordic-no/reseller-no.example";
const PAID: (&str, &str) = ("Google-Apps", "1010020027");
const HOUR: Duration = Duration::from_hours(1);

/// The demo's account whose licence comes with the site.
fn norway() -> Reseller {
    let mut all = demo::files().resellers.iter().map(demo::reseller);
    all.find(|reseller| reseller.name.as_str() == "nordic-no").expect("an account of the demo")
}

async fn room(change: impl FnOnce(&mut World)) -> EngineRoom {
    let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
    change(&mut world);
    EngineRoom::open(world).await
}

async fn live(room: &EngineRoom, reseller: Reseller) -> Arc<Engine> {
    let engine = Engine::new(room.house([reseller]), settings(4), CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    engine
}

async fn end(engine: &Engine) {
    engine.cut_off();
    engine.stopped().await;
}

async fn join(engine: &Engine, key: &str) {
    let body = events::joined_as(key, "Åsa", "Öberg").to_string();
    let admitted = engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");
}

async fn row(room: &EngineRoom, id: &str) -> Option<Enrollment> {
    room.store.enrollment(&id.parse::<EnrollmentId>().expect("a row")).await.expect("memory answers")
}

/// Waits until the row is as wanted, in virtual time.
async fn until(room: &EngineRoom, id: &str, within: Duration, holds: impl Fn(&Enrollment) -> bool) {
    let waiting = async {
        while !row(room, id).await.is_some_and(|row| holds(&row)) {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    };
    let came = tokio::time::timeout(within, waiting).await.is_ok();
    assert!(came, "not within {within:?}: {:#?}", row(room, id).await);
}

fn is_completed(row: &Enrollment) -> bool {
    row.state == State::Completed
}

/// Calls of the licence manager with this method to an address that begins so.
fn count(room: &EngineRoom, method: &str, path: &str) -> usize {
    let calls = room.sandbox.calls();
    calls.iter().filter(|call| call.method == method && call.path.starts_with(path)).count()
}

const LIST: &str = "/apps/licensing/v1/product/Google-Apps/users";

/// The three refusals that it takes are not suffered again after a restart.
#[tokio::test(start_paused = true)]
async fn how_the_licence_comes_is_known_after_a_restart() {
    let room = room(|_| ()).await;
    let engine = live(&room, norway()).await;
    join(&engine, "E-1").await;
    until(&room, ROW, HOUR, is_completed).await;
    let known = row(&room, "reseller/nordic-no").await.expect("a configured account").facts.licensing;
    assert!(matches!(known, Some(LicenseLesson::Site { .. })), "{known:?}");
    let refused = count(&room, "POST", "/apps/");
    // Three that count, and those that came too soon after one that did.
    assert!((3..=6).contains(&refused), "{refused} refusals");
    end(&engine).await;

    let engine = live(&room, norway()).await;
    join(&engine, "E-2").await;
    until(&room, &ROW.replace("E-1", "E-2"), HOUR, is_completed).await;
    assert_eq!(count(&room, "POST", "/apps/"), refused, "what is known is not asked again");
    end(&engine).await;
}

/// Automatic licensing is on when the account is made, and strikes so much later.
fn strikes_after(delay: Duration) -> impl FnOnce(&mut World) {
    move |world: &mut World| {
        let settings = &mut world.customers.get_mut(NORWAY).expect("a customer of the demo").settings;
        settings.auto_license_delay_ms = u64::try_from(delay.as_millis()).expect("some hours");
        let (product, sku) = PAID;
        let rule = AutoLicensing {
            org_unit: "/".into(),
            product: product.into(),
            sku: sku.into(),
            off_after_ms: None,
        };
        settings.auto_licensing = vec![rule];
    }
}

fn sku() -> LicenseSku {
    LicenseSku::parse(&format!("{}/{}", PAID.0, PAID.1)).expect("a product and a SKU")
}

fn switch_off(room: &EngineRoom) {
    room.sandbox.change(|world| {
        world.customers.get_mut(NORWAY).expect("a customer of the demo").settings.auto_licensing.clear();
    });
}

fn paid(room: &EngineRoom) -> usize {
    room.sandbox
        .change(|world| world.customers[NORWAY].licenses.iter().filter(|held| held.0 == PAID.0).count())
}

fn waits_for(code: FailureCode) -> impl Fn(&Enrollment) -> bool {
    move |row| matches!(&row.state, State::Waiting { reason, .. } if reason.code == code)
}

/// What was listed is taken away within the hour, and nothing is read any more when a day is over.
#[tokio::test(start_paused = true)]
async fn a_paid_licence_that_comes_later_is_taken_away() {
    let room = room(strikes_after(3 * HOUR)).await;
    let engine = live(&room, Reseller { removable_licenses: [sku()].into(), ..norway() }).await;
    join(&engine, "E-1").await;
    until(&room, ROW, HOUR, is_completed).await;
    switch_off(&room);
    let begun = count(&room, "GET", LIST);
    tokio::time::sleep(5 * HOUR).await;
    assert_eq!(count(&room, "DELETE", "/apps/"), 1, "it was there, and is taken away once");
    assert_eq!(
        count(&room, "POST", "/admin/directory/v1/users"),
        1,
        "a row that looks again makes no second account"
    );
    assert_eq!(paid(&room), 0);
    until(&room, ROW, HOUR, is_completed).await;
    tokio::time::sleep(21 * HOUR).await;
    let watched = count(&room, "GET", LIST) - begun;
    // Once an hour, and once more for the row that looks again and for its second look.
    assert!((24..=29).contains(&watched), "{watched} lists in 26 hours");
    tokio::time::sleep(48 * HOUR).await;
    assert_eq!(count(&room, "GET", LIST) - begun, watched, "the day is over");
    end(&engine).await;
}

/// What was not listed is asked about, and a switch that is still on is told from the answer; a restart in between is no gap.
#[tokio::test(start_paused = true)]
async fn a_paid_licence_that_comes_later_is_asked_about() {
    for (listed, code) in [(false, FailureCode::PaidLicenseFound), (true, FailureCode::AutoLicensingOn)] {
        let room = room(strikes_after(20 * HOUR)).await;
        let removable_licenses = listed.then(sku).into_iter().collect();
        let reseller = Reseller { removable_licenses, ..norway() };
        let engine = live(&room, reseller.clone()).await;
        join(&engine, "E-1").await;
        until(&room, ROW, HOUR, is_completed).await;
        tokio::time::sleep(10 * HOUR).await;
        end(&engine).await;
        let engine = live(&room, reseller).await;
        until(&room, ROW, 13 * HOUR, waits_for(code)).await;
        assert_eq!(paid(&room), 1);
        end(&engine).await;
    }
}

/// A list that could not be read shows nothing, and comes again.
#[tokio::test(start_paused = true)]
async fn a_list_that_failed_is_no_list() {
    let room = room(strikes_after(3 * HOUR)).await;
    let engine = live(&room, norway()).await;
    join(&engine, "E-1").await;
    until(&room, ROW, HOUR, is_completed).await;
    let broken = serde_json::json!({"match": {"method": "GET", "path_regex": "^/apps/"}, "do": {"status": 403,
        "reason": "forbidden", "message": "Unauthorized operation for the given domain"}});
    room.sandbox.add_faults(&broken).expect("a rule that is understood");
    tokio::time::sleep(30 * HOUR).await;
    assert!(row(&room, ROW).await.is_some_and(|row| is_completed(&row)), "nothing is known");
    room.sandbox.clear_faults();
    until(&room, ROW, 2 * HOUR, waits_for(FailureCode::PaidLicenseFound)).await;
    end(&engine).await;
}

/// An operator's "it may keep it" stays said, and what somebody gives an account that has been there for days is theirs to give.
#[tokio::test(start_paused = true)]
async fn what_a_person_wants_an_account_to_have_it_keeps() {
    let room = room(strikes_after(3 * HOUR)).await;
    let engine = live(&room, norway()).await;
    join(&engine, "E-1").await;
    until(&room, ROW, 13 * HOUR, waits_for(FailureCode::PaidLicenseFound)).await;
    let id = ROW.parse().expect("a row");
    engine.order_row(&id, RowOrder::Skip, "ada", "she needs it").await.expect("it waits");
    until(&room, ROW, HOUR, is_completed).await;
    let settled = row(&room, ROW).await;
    tokio::time::sleep(15 * HOUR).await;
    assert_eq!(row(&room, ROW).await, settled, "nobody asks again");
    switch_off(&room);

    // A year has passed for all that matters; then somebody new comes, and the lists are read again.
    tokio::time::sleep(48 * HOUR).await;
    join(&engine, "E-2").await;
    let second = ROW.replace("E-1", "E-2");
    until(&room, &second, HOUR, is_completed).await;
    tokio::time::sleep(30 * HOUR).await;
    let of_the_second = row(&room, &second).await;
    room.sandbox.change(|world| {
        let customer = world.customers.get_mut(NORWAY).expect("a customer of the demo");
        let given: Vec<String> = customer.users.keys().cloned().collect();
        customer.licenses.extend(given.into_iter().map(|user| (PAID.0.into(), PAID.1.into(), user)));
    });
    join(&engine, "E-3").await;
    tokio::time::sleep(5 * HOUR).await;
    assert_eq!(row(&room, &second).await, of_the_second);
    end(&engine).await;
}

/// Somebody leaves before the licence that came by itself was looked for: it does not stay on the suspended account.
#[tokio::test(start_paused = true)]
async fn whoever_leaves_in_the_middle_keeps_no_paid_licence() {
    let room = room(strikes_after(Duration::from_mins(2))).await;
    let removable = Reseller { removable_licenses: [sku()].into(), ..norway() };
    let engine = live(&room, removable).await;
    join(&engine, "E-1").await;
    until(&room, ROW, HOUR, |row| row.facts.account.is_some()).await;
    let body = events::ended("left", "E-1", 2).to_string();
    let admitted = engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an end of what was begun");
    until(&room, ROW, HOUR, |row| row.goal.want == Want::Absent && row.has_lost_access()).await;
    switch_off(&room);
    until(&room, ROW, HOUR, |row| row.goal.want == Want::Absent && is_completed(row)).await;
    assert_eq!(paid(&room), 0);
    end(&engine).await;
}

/// Automatic licensing strikes when everything of a leaver's is done: within the day the licence is taken away, and nobody is told anew.
#[tokio::test(start_paused = true)]
async fn what_comes_after_the_end_is_taken_away_as_well() {
    let room = room(strikes_after(3 * HOUR)).await;
    let engine = live(&room, Reseller { removable_licenses: [sku()].into(), ..norway() }).await;
    join(&engine, "E-1").await;
    until(&room, ROW, HOUR, is_completed).await;
    let body = events::ended("left", "E-1", 2).to_string();
    let admitted = engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an end of what was begun");
    until(&room, ROW, HOUR, |row| row.goal.want == Want::Absent && is_completed(row)).await;
    let before = row(&room, ROW).await.expect("a row").facts;
    switch_off(&room);
    tokio::time::sleep(5 * HOUR).await;
    assert_eq!((paid(&room), count(&room, "DELETE", "/apps/")), (0, 1));
    until(&room, ROW, HOUR, is_completed).await;
    let after = row(&room, ROW).await.expect("a row").facts;
    assert_eq!(after.locked_out_at, before.locked_out_at, "when access ended stays known");
    end(&engine).await;
}

#[test]
fn planted_a_paid_licence_stays() {
    caught(Bug::PaidLicenceStays, whoever_leaves_in_the_middle_keeps_no_paid_licence);
}
