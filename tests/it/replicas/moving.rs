//! How duties move: within the lease and a little after a death, at once after a stop in order; and whoever wakes up after its lease does
//! no harm. Not here: whole histories (`history`).

use super::in_virtual_time;
use super::town::{LEASE, Town, duties};
use carepass::model::duty::Duty;
use carepass::model::enrollment::{Enrollment, State};
use carepass::model::entry::{Change, Position};
use carepass::model::failure::FailureCode;
use carepass::store::Store;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Longer than the lease a death may not take.
const LATER: Duration = Duration::from_secs(5);

/// What a stop in order may take, once the work in hand is done.
const AT_ONCE: Duration = Duration::from_millis(500);

async fn settled(replicas: u32) -> Town {
    let town = Town::open(replicas, None, 1).await;
    town.ready().await;
    let begun = Instant::now();
    while town
        .lanes()
        .await
        .is_none_or(|lanes| lanes.iter().max() > lanes.iter().min().map(|least| least + 1).as_ref())
    {
        assert!(begun.elapsed() < 10 * LEASE, "never even: {:?}", town.book().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    town
}

fn lanes() -> impl Iterator<Item = Duty> {
    duties().into_iter().filter(|duty| *duty != Duty::Outcomes)
}

#[test]
fn after_a_death_every_duty_is_held_again_within_the_lease_and_a_little() {
    in_virtual_time(async || {
        for duty in lanes() {
            let mut town = settled(3).await;
            // At any moment between two renewals.
            for moment in [0, 900, 1_700, 2_500, 3_200] {
                tokio::time::sleep(Duration::from_millis(moment)).await;
                let place = town.holder(&duty).await.expect("somebody has it");
                town.kill(place).await;
                let took = town.held_again(&duty).await;
                assert!(took <= LEASE + LATER, "{duty} took {took:?}");
                town.add().await;
                tokio::time::sleep(3 * LEASE).await;
            }
        }
    });
}

#[test]
fn after_a_stop_in_order_every_duty_is_held_again_at_once() {
    in_virtual_time(whoever_leaves_says_so);
}

#[test]
fn a_replica_that_comes_gets_its_share_and_no_more_than_that_moves() {
    in_virtual_time(async || {
        let mut town = settled(2).await;
        let before = town.book().await;
        town.add().await;
        tokio::time::sleep(2 * LEASE).await;
        let after = town.book().await;
        let of_lanes = lanes().filter(|duty| !duty.lanes().is_empty());
        let moved = of_lanes.filter(|duty| before.leases[duty].holder != after.leases[duty].holder).count();
        assert_eq!((town.lanes().await.map(|lanes| lanes.iter().sum::<usize>()), moved), (Some(4), 1));
        tokio::time::sleep(20 * LEASE).await;
        let later = town.book().await;
        assert!(
            lanes().all(|duty| later.leases[&duty].epoch == after.leases[&duty].epoch),
            "nothing moves for ever"
        );
    });
}

/// One stands still in the middle of its work, for longer than its lease; another does the work meanwhile.
async fn outlived() -> (Town, usize) {
    let mut town = settled(2).await;
    town.room
        .sandbox
        .add_faults(&serde_json::json!([{"match": {}, "do": {"delay_ms": 400}}]))
        .expect("a rule");
    town.join(0, "E-1").await;
    let account: Duty = "account/nordic-dk".parse().expect("a duty");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let place = town.holder(&account).await.expect("somebody has it");
    town.freeze(place, true);
    town.settle(&["E-1"]).await;
    (town, place)
}

/// From the moment in which it goes on, before it has heard that it holds nothing, whoever stood still writes nothing.
pub async fn whoever_wakes_up_writes_nothing() {
    let (mut town, place) = outlived().await;
    let id = town.replicas[place].id.clone();
    let name = "nordic-dk".parse().expect("a name");
    let site = town.replicas[place].engine.house().sites[&name].google.clone();
    town.freeze(place, false);
    let account: Duty = "account/nordic-dk".parse().expect("a duty");
    assert_ne!(town.book().await.leases[&account].holder, id, "another has it");
    let refused = site.create_org_unit(&"/Late".parse().expect("a path")).await;
    assert!(refused.is_err(), "a write after the lease: {refused:?}");
    let units = town.room.sandbox.world_json().to_string();
    assert!(!units.contains("/Late"), "it was written");
}

#[test]
fn a_replica_that_stood_still_harms_nothing() {
    in_virtual_time(whoever_wakes_up_writes_nothing);
}

/// Whoever leaves tells the others that its duties are free.
pub async fn whoever_leaves_says_so() {
    let mut town = settled(3).await;
    for duty in lanes() {
        let place = town.holder(&duty).await.expect("somebody has it");
        town.stop(place).await;
        let took = town.held_again(&duty).await;
        assert!(took <= AT_ONCE, "{duty} took {took:?}");
        town.add().await;
        tokio::time::sleep(3 * LEASE).await;
    }
}

/// A replica is killed while a call is under way: whoever takes over goes on at once, and does not wait for the end of the run's own lease.
pub async fn what_was_left_running_goes_on() {
    let mut town = settled(2).await;
    town.room
        .sandbox
        .add_faults(&serde_json::json!([{"match": {}, "do": {"delay_ms": 20_000}}]))
        .expect("a rule");
    town.join(0, "E-1").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let account: Duty = "account/nordic-dk".parse().expect("a duty");
    let place = town.holder(&account).await.expect("somebody has it");
    town.kill(place).await;
    let died = town.room.clock.now();
    town.room.sandbox.clear_faults();
    town.held_again(&account).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rows = town.rows("E-1").await;
    assert!(rows.iter().all(|row| !is_of_the_dead(row, died)), "{died}: {rows:#?}");
    town.settle(&["E-1"]).await;
}

/// The first run of a step that began before the death; whoever has taken over may have come to the next step meanwhile.
fn is_of_the_dead(row: &Enrollment, died: Timestamp) -> bool {
    matches!(&row.state, State::Running { at, .. } if at.attempt == 1 && at.runs == 1 && at.since <= died)
        && row.id.reseller().is_some_and(|name| name.as_str() == "nordic-dk")
}

#[test]
fn whoever_takes_over_goes_on_with_what_was_left_running() {
    in_virtual_time(what_was_left_running_goes_on);
}

/// Requests of one kind that reached Google.
fn asked(town: &Town, method: &str, end: &str) -> usize {
    let is_meant = |call: &carepass::sandbox::CallLine| call.method == method && call.path.ends_with(end);
    town.room.sandbox.calls().iter().filter(|call| is_meant(call)).count()
}

/// The store is away for longer than the lease while calls are under way: their results are kept, and nothing is asked twice.
pub async fn an_outage_repeats_no_call() {
    for moment in [2, 4, 6, 8] {
        let town = settled(1).await;
        let slow = serde_json::json!([{"match": {}, "do": {"delay_ms": 3_000}}]);
        town.room.sandbox.add_faults(&slow).expect("a rule");
        town.join(0, "E-1").await;
        tokio::time::sleep(Duration::from_secs(moment)).await;
        town.room.store.go_away();
        tokio::time::sleep(3 * LEASE).await;
        town.room.store.come_back();
        town.settle(&["E-1"]).await;
        let made = (asked(&town, "POST", "/users"), asked(&town, "POST", "/roleassignments"));
        let domains = town.domains().len();
        assert_eq!(made, (domains, domains), "away after {moment} s");
        let entries = town.room.store.entries(Position::default(), usize::MAX).await.expect("memory answers");
        let lost =
            entries.iter().flat_map(|entry| &entry.changes).filter(|change| tells_of_a_lost_worker(change));
        assert_eq!(lost.count(), 0, "away after {moment} s, a run's result was thrown away");
    }
}

/// A run of which nobody knows what it has brought.
fn tells_of_a_lost_worker(change: &Change) -> bool {
    let Change::Enrollment { row, .. } = change else { return false };
    let (State::Scheduled { last: Some(failure), .. } | State::Waiting { reason: failure, .. }) = &row.state
    else {
        return false;
    };
    failure.code == FailureCode::WorkerLost
}

#[test]
fn a_store_that_is_away_for_longer_than_the_lease_repeats_no_call() {
    in_virtual_time(an_outage_repeats_no_call);
}
