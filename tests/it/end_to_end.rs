//! The main job, end to end: events on a real RabbitMQ, the built binary, a daemon that is killed while deliveries are under way. In the
//! end Google's world equals the model, nothing exists twice, and every event is accounted for. Here is what happens, by the seed's
//! choice; what must be so afterwards is judged by `verdict` and `outcomes`.

mod outcomes;
mod verdict;

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::queues::Queues;
use crate::fixture::{Neighbour, events, seed};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, Endpoint, Outgoing, Topology, publish_all};
use outcomes::Told;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ENGINEERS: usize = 185;
const DUPLICATES: usize = 10;
const MALFORMED: [(&str, &str); 5] = [
    ("not json", "json_syntax"),
    ("[]", "not_an_object"),
    ("{\"specversion\":\"1.0\"}", "missing_field"),
    ("{\"a\":1,\"a\":2}", "duplicate_key"),
    ("", "json_syntax"),
];
const MALFORMED_ID: &str = "malformed-";
const DOMAINS: [&str; 4] =
    ["care-se.example", "reseller-dk.example", "reseller-no.example", "reseller-se.example"];
/// The reseller account that has too few seats, its only domain, and how many engineers find none.
const CROWDED: (&str, &str) = ("nordic-dk", "reseller-dk.example");
const WITHOUT_SEAT: usize = 3;
const KILLS: usize = 3;
/// Messages that are on their way when the daemon is killed, and those that are sent while there is none.
const BURST: usize = 40;
const MEANWHILE: usize = 5;
/// Messages that are sent at once. The broker confirms them together, so with larger ones a kill would always meet the first of a burst.
const WAVE: usize = 6;

/// Everything after the broker's start has this long; it usually takes a tenth of it. With the two minutes that a node may take to
/// start it stays within the eight of `.config/nextest.toml`, so that a run that hangs shows the daemon's log.
const LIMIT: Duration = Duration::from_secs(150);

/// How often a fact is looked for that comes about in another process.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_two_hundred_events_and_three_kills() {
    let seed = seed::asked_for().unwrap_or_else(|| u64::from(std::process::id()));
    println!("to see this run again: {}={seed}", seed::VARIABLE);
    let rabbit = RabbitNode::start();
    let neighbour = Neighbour::start().await;
    leave_seats(&neighbour);
    let story = Story::new(seed, &rabbit, &neighbour);
    let told = tokio::time::timeout(LIMIT, story.run()).await;
    let told = told.unwrap_or_else(|_| panic!("not done after {LIMIT:?}:\n{}", daemon::log_tail(&neighbour)));

    let waiting = told.check();
    verdict::world(&neighbour, &waiting);
    verdict::effects(&neighbour, &waiting);
    verdict::queues(&rabbit.url()).await;
    verdict::ledger(&neighbour).await;
}

/// Takes seats away until some of the engineers find none.
fn leave_seats(neighbour: &Neighbour) {
    neighbour.sandbox.change(|world| {
        let mut customers = world.customers.values_mut();
        let crowded = customers.find(|customer| customer.name == CROWDED.0).expect("the demo's world has it");
        let seats = crowded.users.len() + ENGINEERS - WITHOUT_SEAT;
        crowded.settings.seats = Some(u32::try_from(seats).expect("a small number"));
    });
}

/// What happens, one thing after the other.
struct Story<'a> {
    chance: fastrand::Rng,
    url: String,
    neighbour: &'a Neighbour,
    environment: BTreeMap<String, String>,
    unsent: Vec<Outgoing>,
    /// The joiners whose events are at the broker.
    joined: BTreeSet<String>,
    /// Messages that the killed daemons had in hand.
    in_hand: usize,
}

impl<'a> Story<'a> {
    fn new(seed: u64, rabbit: &RabbitNode, neighbour: &'a Neighbour) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut unsent = messages();
        chance.shuffle(&mut unsent);
        let environment = neighbour.environment(&[("INTAKE__AMQP__URL", &rabbit.url())]);
        Self {
            chance,
            url: rabbit.url(),
            neighbour,
            environment,
            unsent,
            joined: BTreeSet::new(),
            in_hand: 0,
        }
    }

    async fn run(mut self) -> Told {
        let url = SecretString::from(self.url.clone());
        let settings = AmqpSettings::new(Endpoint::parse(&url).unwrap());
        Topology::of(&settings).unwrap().ensure_at(&settings.endpoint).await.unwrap();
        let queues = Queues::at(&self.url).await;
        let mut daemon = self.start();
        for kill in 0..KILLS {
            let steady = self.chance.usize(10..=20);
            self.publish(steady, |_| ()).await;
            self.wait_for_accounts(&mut daemon, kill).await;
            daemon = self.kill(daemon, &queues).await;
        }
        // No assertion: where nothing takes time, a kill may meet nothing that is under way.
        println!("{} messages were in hand when their daemon was killed", self.in_hand);
        self.publish(self.unsent.len(), |_| ()).await;
        let mut told = Told::default();
        while !told.is_complete() {
            told.read(&queues).await;
            pause(&mut daemon, self.neighbour).await;
        }
        assert!(daemon.stop().await.success());
        told.read(&queues).await;
        told
    }

    fn start(&self) -> Daemon {
        Daemon::start(self.neighbour, &self.environment)
    }

    /// Waits until a part of what can be made by now is made: little before the first kill, most of it before the last.
    async fn wait_for_accounts(&mut self, daemon: &mut Daemon, kill: usize) {
        let part = (self.chance.usize(..30) + kill * 30).max(1);
        let accounts = (self.joined.len() * DOMAINS.len() - WITHOUT_SEAT) * part / 100;
        while self.neighbour.accounts().len() < accounts {
            pause(daemon, self.neighbour).await;
        }
    }

    /// Kills the daemon while a burst of messages is on its way to it, and starts the next one when some more have come.
    async fn kill(&mut self, daemon: Daemon, queues: &Queues) -> Daemon {
        let point = self.chance.usize(BURST / 4..BURST);
        let mut daemon = Some(daemon);
        self.publish(BURST, |confirmed| {
            if confirmed == point {
                daemon.take().expect("the burst passes this point once").kill9();
            }
        })
        .await;
        assert!(daemon.is_none(), "it was killed in the burst");
        self.publish(MEANWHILE, |_| ()).await;
        // What was confirmed after the kill has never been delivered, the rest was on its way or in hand.
        let in_hand = left_behind(queues).await.saturating_sub(MEANWHILE + BURST - point);
        let accounts = self.neighbour.accounts().len();
        println!("killed at message {point} of {BURST}, {in_hand} of them in hand; {accounts} accounts");
        self.in_hand += in_hand;
        self.start()
    }

    /// Publishes the next few messages, wave after wave, and counts aloud as they are confirmed.
    async fn publish(&mut self, count: usize, mut on_confirmed: impl FnMut(usize)) {
        let url = SecretString::from(self.url.clone());
        let batch: Vec<Outgoing> = self.unsent.drain(..count).collect();
        let ids = batch.iter().map(|message| message.message_id.clone());
        self.joined.extend(ids.filter(|id| !id.starts_with(MALFORMED_ID)));
        let mut confirmed = 0;
        for wave in batch.chunks(WAVE) {
            let counts = publish_all(&url, wave.to_vec(), |_, sent| {
                assert!(sent.is_ok(), "{sent:?}");
                confirmed += 1;
                on_confirmed(confirmed);
            });
            assert_eq!(counts.await.expect("a broker that lives").confirmed, wave.len());
        }
    }
}

/// Every message, each in the form in which HR sends it.
fn messages() -> Vec<Outgoing> {
    let joined = |number| {
        let event = events::joined(number);
        events::outgoing(event.to_string().into_bytes(), event["id"].as_str().unwrap())
    };
    let duplicates = (0..DUPLICATES).map(|number| joined(number * 17));
    let malformed = MALFORMED.iter().enumerate().map(|(number, (body, _))| {
        events::outgoing(body.as_bytes().to_vec(), &format!("{MALFORMED_ID}{number}"))
    });
    let messages: Vec<_> = (0..ENGINEERS).map(joined).chain(duplicates).chain(malformed).collect();
    assert_eq!(messages.len(), 200);
    messages
}

/// Messages that nobody has acknowledged, once the broker has noticed that their consumer is gone.
async fn left_behind(queues: &Queues) -> usize {
    loop {
        let (ready, consumers) = queues.depth("carepass.engineers").await;
        if consumers == 0 {
            return ready;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn pause(daemon: &mut Daemon, neighbour: &Neighbour) {
    assert!(!daemon.has_ended(), "the daemon has ended:\n{}", daemon::log_tail(neighbour));
    tokio::time::sleep(LOOK).await;
}
