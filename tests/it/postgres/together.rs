//! Three of the built binary on one database: one is killed, one stands still for longer than its lease and goes on, and a fourth that has
//! the longest lease stops in order. The others go on with what it had, and Google was made to do nothing twice.
//! Not here: whole histories in virtual time (`replicas`).

use super::node::PostgresNode;
use super::{environment, writes};
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::{Door, check_world};
use crate::fixture::{Neighbour, until};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The shortest lease that can be configured.
const LEASE: Duration = Duration::from_secs(3);

/// What a move may take beyond the lease.
const LATER: Duration = Duration::from_secs(5);

/// The longest that can be configured, for the one that stops in order, and what a move may take then: nobody waits for the lease.
const LONG_LEASE: Duration = Duration::from_mins(2);
const AT_ONCE: Duration = Duration::from_secs(30);

/// A daemon with its door.
struct Replica {
    door: Door,
    daemon: Daemon,
    name: &'static str,
}

impl Replica {
    async fn start(neighbour: &Neighbour, url: &str, name: &'static str, lease: Duration) -> Self {
        let door = Door::of(neighbour);
        let mut environment: BTreeMap<String, String> = environment(neighbour, &door, url);
        for (key, value) in [("NAME", name.to_owned()), ("LEASE", format!("{}s", lease.as_secs()))] {
            environment.insert(format!("CAREPASS__REPLICA__{key}"), value);
        }
        let daemon = Daemon::start(neighbour, &environment);
        door.ready().await;
        Self { door, daemon, name }
    }

    /// What it holds, in its own words.
    async fn held(&self) -> Vec<String> {
        let words = self.door.part("replica").await;
        let (_, rest) = words.split_once(": ").expect("its name, and what it holds");
        let (held, _) = rest.split_once("; ").expect("what it holds, and what it knows");
        held.split(", ").filter(|duty| *duty != "no duty").map(str::to_owned).collect()
    }

    async fn lanes(&self) -> usize {
        let held = self.held().await;
        held.iter().filter(|duty| duty.starts_with("account/") || *duty == "house").count()
    }
}

async fn are_even(replicas: &[&Replica]) -> bool {
    let mut lanes = Vec::new();
    for replica in replicas {
        lanes.push(replica.lanes().await);
    }
    let (least, most) = (lanes.iter().min().copied(), lanes.iter().max().copied());
    lanes.iter().sum::<usize>() == 4 && least.zip(most).is_some_and(|(least, most)| most - least <= 1)
}

/// Until the others hold what one had, and how long that took.
async fn taken_over(duties: &[String], others: &[&Replica]) -> Duration {
    let begun = Instant::now();
    until("somebody else has it", || async {
        let mut held = Vec::new();
        for replica in others {
            held.extend(replica.held().await);
        }
        duties.iter().all(|duty| held.contains(duty))
    })
    .await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_had_goes_on_with_the_others_and_nothing_is_done_twice() {
    let node = PostgresNode::start("");
    let url = node.url(&node.fresh_database());
    let neighbour = Neighbour::start().await;
    let first = Replica::start(&neighbour, &url, "one", LEASE).await;
    let second = Replica::start(&neighbour, &url, "two", LEASE).await;
    let mut third = Replica::start(&neighbour, &url, "three", LEASE).await;
    until("lanes are even", || async { are_even(&[&first, &second, &third]).await }).await;
    for (number, replica) in [&first, &second, &third].into_iter().cycle().take(12).enumerate() {
        replica.door.join(number).await;
    }
    third.door.settled(0..12, &mut third.daemon, &neighbour).await;

    // Killed in the middle of its work.
    let before = writes(&neighbour);
    for number in 12..24 {
        second.door.join(number).await;
    }
    until("calls are under way", || async { writes(&neighbour) > before + 10 }).await;
    let duties = first.held().await;
    first.daemon.kill9();
    let took = taken_over(&duties, &[&second, &third]).await;
    println!("after a kill -9 of {} somebody else has {duties:?} within {took:?}", first.name);
    assert!(took <= LEASE + LATER, "{took:?}\n{}", daemon::log_tail(&neighbour));
    third.door.settled(12..24, &mut third.daemon, &neighbour).await;

    // Stands still in the middle of its work, for longer than its lease, and goes on.
    let before = writes(&neighbour);
    for number in 24..36 {
        third.door.join(number).await;
    }
    until("calls are under way", || async { writes(&neighbour) > before + 10 }).await;
    let duties = second.held().await;
    second.daemon.signal("STOP");
    let took = taken_over(&duties, &[&third]).await;
    println!("after a SIGSTOP of {} somebody else has {duties:?} within {took:?}", second.name);
    assert!(took <= LEASE + LATER, "{took:?}\n{}", daemon::log_tail(&neighbour));
    third.door.settled(24..36, &mut third.daemon, &neighbour).await;
    second.daemon.signal("CONT");
    second.door.ready().await;
    until("lanes are even again", || async { are_even(&[&second, &third]).await }).await;

    // Stops in order.
    let fourth = Replica::start(&neighbour, &url, "four", LONG_LEASE).await;
    until("lanes are even with a fourth", || async { are_even(&[&second, &third, &fourth]).await }).await;
    let duties = fourth.held().await;
    let (stopping, others) = (fourth.daemon.stop(), [&second, &third]);
    let (status, took) = tokio::join!(stopping, taken_over(&duties, &others));
    println!("after a SIGTERM of {} somebody else has {duties:?} within {took:?}", fourth.name);
    assert!(
        status.code() == Some(0) && took <= AT_ONCE,
        "{status} {took:?}\n{}",
        daemon::log_tail(&neighbour)
    );
    for number in 36..40 {
        third.door.join(number).await;
    }
    third.door.settled(0..40, &mut third.daemon, &neighbour).await;
    check_world(&neighbour, 40);
    assert_eq!(third.daemon.stop().await.code(), Some(0));
}
