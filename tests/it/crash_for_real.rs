//! The built binary ends at one crash point after the other, each time in the middle of another engineer, on a real RabbitMQ and with the
//! embedded store; the next process takes up what the one before left. In the end everybody is ready, nothing exists twice, and the world
//! outside was told everything once. Not here: all points and pairs of them in one process (`crash_points`).

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::queues::Queues;
use crate::fixture::{Account, Neighbour, events};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, Endpoint, Topology, publish_all};
use carepass::store::embedded::Embedded;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::time::Instant;

/// Where the process ends while it sets up the reseller accounts, and the how manieth time it comes by.
const SETTING_UP: &[&str] = &["google.call.before:1", "google.call.after:9", "embedded.commit.before:4"];

/// Where it ends in the middle of an engineer, likewise. By then the accounts are ready: a name that is chosen before may be taken there.
const POINTS: &[&str] = &[
    "embedded.commit.before:3",
    "embedded.commit.after:2",
    "keys.write.before:1",
    "letters.write.before:2",
    "ledger.append.before:2",
    "ledger.append.after:1",
    "ledger.append.after:4",
    "ledger.append.before:6",
    // The index is brought up when nothing was to be written for a moment: once for each engineer, at least.
    "index.write.before:1",
    "index.write.after:1",
    "amqp.ack.before:1",
    "amqp.ack.after:1",
    "outcome.publish.before:1",
    "amqp.publish.before:2",
    "amqp.confirm.before:1",
    "amqp.confirm.after:2",
    "outcome.publish.after:3",
    "letter.send.before:1",
    "letter.send.after:1",
    "google.call.before:7",
];

/// One for each end, and one before.
const ENGINEERS: usize = POINTS.len() + 1;

const DOMAINS: usize = 4;

/// Whose address is somebody else's in one account. A name that is chosen before a start has looked at that account is taken there, and then
/// a person is asked; here each life is a start.
const NAMESAKE: usize = 3;

/// For everything after the broker's start; it usually takes a third of it.
const LIMIT: Duration = Duration::from_secs(150);

/// After the last end; an end costs no row its lease, since the next start knows that nobody works on it.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How often a fact is looked for that comes about in another process.
const LOOK: Duration = Duration::from_millis(20);

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_a_process_may_end_at_any_crash_point() {
    let rabbit = RabbitNode::start();
    let neighbour = Neighbour::start().await;
    let story = Story { url: rabbit.url(), neighbour: &neighbour };
    let told = tokio::time::timeout(LIMIT, story.run()).await;
    let told = told.unwrap_or_else(|_| panic!("not done after {LIMIT:?}:\n{}", daemon::log_tail(&neighbour)));
    check_world(&neighbour);
    check_effects(&neighbour);
    check_outcomes(&told);
    let ledger = Embedded::open_keyed(&neighbour.folder().join("data"), &neighbour.chain_key())
        .expect("a whole ledger");
    assert!(ledger.anchor().position.0 > 0);
}

struct Story<'a> {
    url: String,
    neighbour: &'a Neighbour,
}

impl Story<'_> {
    async fn run(self) -> Vec<Value> {
        let endpoint = Endpoint::parse(&SecretString::from(self.url.clone())).expect("the node's address");
        let settings = AmqpSettings::new(endpoint);
        let topology = Topology::of(&settings).expect("the usual names");
        topology.ensure_at(&settings.endpoint).await.expect("a broker that lives");
        let queues = Queues::at(&self.url).await;
        let mut told = Vec::new();
        for point in SETTING_UP {
            self.ends_at(point).await;
        }
        self.publish(0).await;
        self.until_ready(1, &queues, &mut told).await;
        for (number, point) in POINTS.iter().enumerate() {
            self.publish(number + 1).await;
            self.ends_at(point).await;
        }
        self.until_ready(ENGINEERS, &queues, &mut told).await;
        for queue in ["carepass.engineers", "carepass.dead-letters"] {
            assert_eq!(queues.take_all(queue).await.len(), 0, "{queue} is empty");
        }
        told
    }

    /// A process that nobody ends, until it has told of so many who are ready.
    async fn until_ready(&self, count: usize, queues: &Queues, told: &mut Vec<Value>) {
        let (mut daemon, mut ready, begun) = (self.start(None), BTreeSet::new(), Instant::now());
        while ready.len() < count {
            for message in queues.take_all("carepass.outcomes").await {
                told.push(serde_json::from_slice(&message.delivery.data).expect("an outcome is JSON"));
            }
            let of_ready = told.iter().filter(|event| event["type"] == "com.carepass.provisioning.ready.v1");
            ready.extend(of_ready.map(|event| event["subject"].to_string()));
            assert!(!daemon.has_ended(), "the daemon has ended:\n{}", daemon::log_tail(self.neighbour));
            assert!(
                begun.elapsed() < READY_WITHIN,
                "only {ready:?} are ready:\n{}",
                daemon::said(self.neighbour)
            );
            tokio::time::sleep(LOOK).await;
        }
        assert!(daemon.stop().await.success());
    }

    fn start(&self, point: Option<&str>) -> Daemon {
        let mut environment = self.neighbour.environment(&[("INTAKE__AMQP__URL", &self.url)]);
        environment.extend(point.map(|point| ("CAREPASS_CRASH_AT".to_owned(), point.to_owned())));
        Daemon::start(self.neighbour, &environment)
    }

    async fn publish(&self, number: usize) {
        let event = events::joined(if number < NAMESAKE { number } else { number + 1 });
        let id = event["id"].as_str().expect("an event has an id");
        let message = events::outgoing(event.to_string().into_bytes(), id);
        let counts = publish_all(&SecretString::from(self.url.clone()), vec![message], |_, _| ()).await;
        assert_eq!(counts.expect("a broker that lives").confirmed, 1);
    }

    async fn ends_at(&self, point: &str) {
        let mut daemon = self.start(Some(point));
        let status = loop {
            match daemon.exit_status() {
                Some(status) => break status,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        assert_eq!(status.signal(), Some(SIGABRT), "{point}: {status}\n{}", daemon::log_tail(self.neighbour));
    }
}

fn check_world(neighbour: &Neighbour) {
    let mut by_engineer: BTreeMap<String, Vec<Account>> = BTreeMap::new();
    for account in neighbour.accounts() {
        assert_eq!(
            (&*account.licenses, &*account.roles),
            (&["1010010001".to_owned()][..], &["Customer Care".to_owned()][..])
        );
        by_engineer.entry(account.engineer.clone()).or_default().push(account);
    }
    assert_eq!(by_engineer.len(), ENGINEERS);
    for (engineer, accounts) in by_engineer {
        let domains: BTreeSet<&str> = accounts.iter().map(Account::domain).collect();
        assert_eq!((accounts.len(), domains.len()), (DOMAINS, DOMAINS), "{engineer}: {accounts:?}");
    }
}

/// Google was made to do each thing once.
fn check_effects(neighbour: &Neighbour) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for effect in neighbour.sandbox.calls().into_iter().filter_map(|call| call.effect) {
        *effects.entry(effect).or_default() += 1;
    }
    let accounts = ENGINEERS * DOMAINS;
    let expected = [
        ("license.assigned", accounts - ENGINEERS),
        ("orgunit.created", 3),
        ("role.assigned", accounts),
        ("role.created", 3),
        ("user.created", accounts),
    ];
    assert!(effects.iter().map(|(effect, count)| (effect.as_str(), *count)).eq(expected), "{effects:?}");
}

/// Each engineer was told of once, by the outcomes' ids, and ready comes last.
fn check_outcomes(told: &[Value]) {
    let mut seen = BTreeSet::new();
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for event in told.iter().filter(|event| seen.insert(event["id"].as_str())) {
        let kind = event["type"].as_str().and_then(|kind| kind.strip_prefix("com.carepass.provisioning."));
        kinds.entry(event["subject"].to_string()).or_default().extend(kind);
    }
    for (subject, kinds) in kinds.iter().filter(|(subject, _)| subject.contains("engineer/")) {
        let count = |wanted: &str| kinds.iter().filter(|kind| **kind == wanted).count();
        let counted = (count("accepted.v1"), count("progressed.v1"), count("ready.v1"));
        assert_eq!(counted, (1, DOMAINS, 1), "{subject}: {kinds:?}");
        assert_eq!((kinds.first(), kinds.last()), (Some(&"accepted.v1"), Some(&"ready.v1")), "{subject}");
    }
}
