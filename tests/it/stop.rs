//! SIGTERM to the built binary in each phase of its life: it ends by itself within its time with exit code 0, nothing is lost and nothing is
//! made twice, and the next start goes on at once. A second signal ends it at once.
//! Not here: crashes at each point (`crash_points`), and `kill -9` under load (`end_to_end`).

use crate::fixture::Neighbour;
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::{Door, check_world};
use crate::fixture::seed;
use serde_json::json;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// `stop.within` of these daemons: a tenth of it is for giving back what was cut off, with a write for each row.
const STOP: (&str, &str) = ("STOP__WITHIN", "8s");

/// The same, and what a process takes on a busy machine. carepass gives up a call after 30 s: a stop that waits for that takes longer.
const WITHIN: Duration = Duration::from_secs(8 + 10);

/// The longest that can be configured: no stop in order comes to its end before the second signal.
const LONG: (&str, &str) = ("STOP__WITHIN", "50s");

/// What an end at once takes on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Said at the first signal.
const STOPPING: &str = "stopping: work in hand is finished";

/// How long anything else is waited for, and how often it is looked.
const LIMIT: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(10);

/// Calls of one engineer's way, among which the hanging one is picked.
const CALLS: [&str; 6] =
    ["/token$", "/users$", "/users/[^/]+$", "/licensing/", "/roleassignments$", "/customer/[^/]+/domains$"];

/// When the signal comes.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// So many milliseconds after it has taken its address, which comes before everything that takes long.
    Starting(u64),
    /// While a broker takes the connection and says nothing.
    SilentBroker,
    /// While Google does not answer the n-th call of this kind.
    Hanging(&'static str, u64),
    /// While events come in.
    Busy,
    /// While another configuration is taken up.
    Reloading,
    /// And again while it stops, at so many milliseconds.
    Twice(u64),
}

fn phases() -> Vec<Phase> {
    let rounds = u64::try_from(seed::rounds()).expect("few");
    let starting = (0..4 * rounds).map(|step| Phase::Starting(200 * step / rounds));
    let hanging = (0..rounds).flat_map(|round| CALLS.map(|path| Phase::Hanging(path, 1 + round)));
    starting.chain([Phase::SilentBroker, Phase::Busy, Phase::Reloading]).chain(hanging).collect()
}

/// A world, a door, and how many have joined.
struct House {
    neighbour: Neighbour,
    door: Door,
    joined: usize,
}

impl House {
    fn start(&self, more: &[(&str, &str)]) -> Daemon {
        let settings: Vec<(&str, &str)> =
            self.door.settings().into_iter().chain([STOP]).chain(more.iter().copied()).collect();
        Daemon::start(&self.neighbour, &self.neighbour.environment(&settings))
    }

    async fn join(&mut self, count: usize) {
        for _ in 0..count {
            self.door.join(self.joined).await;
            self.joined += 1;
        }
    }

    /// Lives until the moment of the signal, and ends.
    async fn live(&mut self, phase: Phase) {
        match phase {
            Phase::Starting(ms) => {
                let daemon = self.start(&[]);
                while TcpStream::connect(&self.door.address).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(ms)).await;
                self.stop(daemon).await;
            }
            Phase::SilentBroker => {
                let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let url = format!("amqp://{}", silent.local_addr().expect("a bound port"));
                let daemon = self.start(&[("INTAKE__AMQP__URL", &url)]);
                let (_connection, _) = silent.accept().await.expect("carepass connects");
                self.stop(daemon).await;
            }
            Phase::Hanging(path, nth) => {
                let daemon = self.start(&[]);
                let begun = self.neighbour.sandbox.calls().len();
                let rule = json!({"match": {"path_regex": path, "nth": nth}, "do": {"delay_ms": 60_000}});
                self.neighbour.sandbox.add_faults(&rule).expect("a rule that is understood");
                self.join(1).await;
                // A call that nobody makes in this round is none of ours.
                let _ = tokio::time::timeout(Duration::from_millis(1500), self.met(begun)).await;
                self.stop(daemon).await;
                self.neighbour.sandbox.clear_faults();
            }
            Phase::Busy => {
                let daemon = self.start(&[]);
                self.join(5).await;
                self.stop(daemon).await;
            }
            Phase::Reloading => {
                let daemon = self.start(&[]);
                self.door.ready().await;
                self.join(1).await;
                daemon.signal("HUP");
                self.stop(daemon).await;
            }
            Phase::Twice(ms) => {
                let since = daemon::said(&self.neighbour).len();
                let daemon = self.start(&[LONG]);
                let (begun, stops) = (self.neighbour.sandbox.calls().len(), self.stops());
                let rule = json!({"match": {"path_regex": "/users"}, "do": {"delay_ms": 60_000}});
                self.neighbour.sandbox.add_faults(&rule).expect("a rule that is understood");
                self.join(1).await;
                tokio::time::timeout(LIMIT, self.met(begun)).await.expect("users are always asked about");
                daemon.signal("TERM");
                // Two signals that wait together are one.
                let heard = async {
                    while self.stops() == stops {
                        tokio::time::sleep(LOOK).await;
                    }
                };
                tokio::time::timeout(LIMIT, heard).await.expect("a signal is heard");
                tokio::time::sleep(Duration::from_millis(ms)).await;
                let asked = Instant::now();
                daemon.signal("TERM");
                let status = tokio::time::timeout(LIMIT, daemon.until_ended()).await.expect("it ends");
                assert_eq!(status.code(), Some(3), "{}", daemon::log_tail(&self.neighbour));
                assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
                let said = daemon::said(&self.neighbour);
                assert!(said[since..].contains("ended at once by a second signal"), "{said}");
                self.neighbour.sandbox.clear_faults();
            }
        }
    }

    /// Until a call has met the rule.
    async fn met(&self, begun: usize) {
        while !self.neighbour.sandbox.calls().iter().skip(begun).any(|call| call.fault) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How often it was heard that it is to stop.
    fn stops(&self) -> usize {
        daemon::said(&self.neighbour).matches(STOPPING).count()
    }

    async fn stop(&self, daemon: Daemon) {
        let asked = Instant::now();
        let status = tokio::time::timeout(LIMIT, daemon.stop()).await;
        let status =
            status.unwrap_or_else(|_| panic!("it does not end:\n{}", daemon::log_tail(&self.neighbour)));
        assert_eq!(status.code(), Some(0), "{}", daemon::log_tail(&self.neighbour));
        assert!(asked.elapsed() < WITHIN, "{:?}\n{}", asked.elapsed(), daemon::log_tail(&self.neighbour));
    }
}

/// One life after the other on one store; after all the next one brings everybody to the end.
async fn check(phases: Vec<Phase>) -> String {
    let neighbour = Neighbour::start().await;
    let mut house = House { door: Door::of(&neighbour), neighbour, joined: 0 };
    for phase in phases {
        let begun = Instant::now();
        house.live(phase).await;
        println!("{phase:?}: {} ms", begun.elapsed().as_millis());
    }
    let mut daemon = house.start(&[]);
    house.door.settled(0..house.joined, &mut daemon, &house.neighbour).await;
    house.stop(daemon).await;
    check_world(&house.neighbour, house.joined);
    let log = daemon::said(&house.neighbour);
    assert!(!log.contains("\"level\":\"ERROR\""), "no error without a fault:\n{log}");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_each_phase_loses_nothing_and_ends_in_time() {
    let log = check(phases()).await;
    assert!(log.contains("work in hand is cut off and given back"), "nothing hung at a stop");
    // What a stop has cut off is nobody's failure: no attempt is spent, and no worker was lost.
    assert!(!log.contains("worker_lost"), "{log}");
    assert!(!log.contains("taken over from the process before"), "a lease was not given back:\n{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let steps = 2 * u64::try_from(seed::rounds()).expect("few");
    check((0..steps).map(|step| Phase::Twice(20 + 600 * step / steps)).collect()).await;
}
