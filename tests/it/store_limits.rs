//! The daemon with its store at its limits: the disk is full, read-only, or answers with errors. Nothing is acknowledged that cannot be
//! kept, the state is told in plain words and once, reads go on, and it resumes by itself. Nothing acknowledged is lost, and nothing is
//! done twice at Google. Not here: each single write and sync (`store/embedded/limits`).

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::free_address;
use crate::fixture::failing_calls::FailingCalls;
use crate::fixture::process::carepass;
use crate::fixture::queues::Queues;
use crate::fixture::small_disk::SmallDisk;
use crate::fixture::{Neighbour, events, until};
use crate::rabbit::RabbitNode;
use carepass::amqp::publish_all;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const DOMAINS: usize = 4;
const QUEUE: &str = "carepass.engineers";

/// Events that come in while all is well, and those that wait at the broker.
const BEFORE: usize = 4;
const AT_BROKER: usize = 3;

/// After so many the disk has to be full.
const OFFERS_MAX: usize = 100;

/// How long nothing is taken, at the least, and how often it is looked meanwhile.
const TROUBLE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);

/// Longer than anything takes on busy cores.
const LIMIT: Duration = Duration::from_secs(45);

/// "Within about ten seconds" on a machine that does other things too.
const RESUMES: Duration = Duration::from_secs(15);

/// How the log begins to tell of a trouble.
const FAILED: &str = "the store failed";

/// Lines of the log about one trouble that nobody calls a flood.
const LINES_MAX: usize = 12;

/// A disk that fails: what a person calls it, which calls fail and how, what is told, and whether it lasts.
const TROUBLES: [(&str, &str, &str, bool); 5] = [
    (
        "read-only",
        "openat,write,pwrite64,ftruncate,fsync,fdatasync:error=EROFS",
        "Read-only file system",
        true,
    ),
    ("full, by its answers", "write,pwrite64:error=ENOSPC", "No space left on device", true),
    ("no write reaches it", "write,pwrite64:error=EIO", "Input/output error", true),
    ("no sync reaches it", "fsync,fdatasync:error=EIO", "Input/output error", true),
    ("the second sync fails", "fdatasync:error=EIO:when=2", "Input/output error", false),
];

/// A daemon that takes events over HTTP, and perhaps from a broker.
struct House {
    neighbour: Neighbour,
    client: reqwest::Client,
    address: String,
    token: String,
    environment: BTreeMap<String, String>,
    offered: usize,
    /// Whose events were acknowledged.
    acknowledged: BTreeSet<String>,
}

impl House {
    async fn new(broker: &str) -> Self {
        let neighbour = Neighbour::start().await;
        let address = free_address();
        let settings = [
            ("INTAKE__AMQP__URL", broker),
            ("HTTP__LISTEN", &address),
            ("INTAKE__HTTP__ENABLED", "true"),
            // A claim that was written without an answer keeps its row for as long.
            ("ENGINE__LEASE", "10s"),
        ];
        let environment = neighbour.environment(&settings);
        let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (token, acknowledged) = (token.trim().to_owned(), BTreeSet::new());
        Self { neighbour, client, address, token, environment, offered: 0, acknowledged }
    }

    fn data(&self) -> PathBuf {
        self.neighbour.folder().join("data")
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = self.client.get(format!("http://{}{path}", self.address)).bearer_auth(&self.token);
        match request.send().await {
            Ok(answer) => (answer.status(), answer.text().await.expect("text")),
            Err(_) => (StatusCode::BAD_GATEWAY, String::new()),
        }
    }

    /// The next joiner, with what is answered; one that is refused is offered again the next time.
    async fn offer(&mut self) -> StatusCode {
        let event = events::joined(self.offered);
        let request = self.client.post(format!("http://{}/v1/events", self.address)).bearer_auth(&self.token);
        let request = request.header("content-type", events::CONTENT_TYPE).body(event.to_string());
        let status = request.send().await.expect("an answer").status();
        if status == StatusCode::ACCEPTED {
            self.acknowledge(self.offered);
            self.offered += 1;
        }
        status
    }

    fn acknowledge(&mut self, number: usize) {
        self.acknowledged.insert(format!("E-{number:05}"));
    }

    /// Until the first one is ready, and with them the reseller accounts: a name that is chosen before may be taken in one of them.
    async fn begins(&mut self) {
        self.ready().await;
        assert_eq!(self.offer().await, StatusCode::ACCEPTED);
        self.everybody_is_ready().await;
    }

    async fn everybody_is_ready(&self) {
        self.comes_about("everybody is ready", async || {
            let (_, shown) = self.get("/v1/engineers?state=ready").await;
            let shown: Value = serde_json::from_str(&shown).unwrap_or_default();
            shown["items"].as_array().is_some_and(|items| items.len() == self.acknowledged.len())
        })
        .await;
    }

    /// Offers events until one is refused, as one that may come again, or until the log says that the store failed: a commit of the
    /// engine's own may be the one that fails, and where the trouble does not last the store can be back before the next event. That no
    /// commit whose sync failed is acknowledged, `store/embedded/limits` shows of each.
    async fn offer_until_trouble(&mut self, since: usize) {
        for _ in 0..OFFERS_MAX {
            match self.offer().await {
                StatusCode::ACCEPTED if self.log()[since..].contains(FAILED) => return,
                StatusCode::ACCEPTED => {}
                StatusCode::SERVICE_UNAVAILABLE => return,
                other => panic!("{other}"),
            }
        }
        panic!("{OFFERS_MAX} events were taken:\n{}", self.log());
    }

    async fn ready(&self) {
        self.comes_about("it becomes ready", async || self.get("/readyz").await.0 == StatusCode::OK).await;
    }

    /// As long as the trouble lasts: red with the reason, alive, read, and nothing is taken.
    async fn is_in_trouble(&mut self, words: &str) {
        let begun = Instant::now();
        while begun.elapsed() < TROUBLE {
            let (status, told) = self.get("/readyz").await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}\n{}", self.log());
            assert!(told.contains(words) && told.contains("Nothing is acknowledged until"), "{told}");
            assert_eq!(self.get("/livez").await.0, StatusCode::OK);
            for key in &self.acknowledged {
                let (status, shown) = self.get(&format!("/v1/engineers/{key}")).await;
                assert_eq!(status, StatusCode::OK, "{key}: {shown}\n{}", self.log());
            }
            assert_eq!(self.offer().await, StatusCode::SERVICE_UNAVAILABLE, "{}", self.log());
            sleep(LOOK).await;
        }
    }

    /// By itself and soon.
    async fn resumes(&mut self) {
        let begun = Instant::now();
        self.ready().await;
        assert!(begun.elapsed() < RESUMES, "it took {:?}", begun.elapsed());
        assert_eq!(self.offer().await, StatusCode::ACCEPTED, "{}", self.log());
    }

    /// What was said since a place in the log: the trouble once, its end once, and no flood.
    fn told_once(&self, since: usize) {
        let said = daemon::said(&self.neighbour);
        let lines: Vec<&str> = said[since..].lines().collect();
        let about = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        let told = (about(FAILED), about("takes commits again"));
        assert_eq!(told, (1, 1), "{lines:#?}");
        let loud = lines.iter().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let loud: Vec<_> = loud.collect();
        assert!(loud.len() <= LINES_MAX, "{} lines: {loud:#?}", loud.len());
    }

    /// Every acknowledged event has led to its accounts, and to nothing twice.
    async fn settles(&self) {
        let wanted = self.acknowledged.len() * DOMAINS;
        self.everybody_is_ready().await;
        let whose: BTreeSet<String> =
            self.neighbour.accounts().into_iter().map(|account| account.engineer).collect();
        assert_eq!(whose, self.acknowledged);
        let mut effects: BTreeMap<String, usize> = BTreeMap::new();
        for effect in self.neighbour.sandbox.calls().into_iter().filter_map(|call| call.effect) {
            *effects.entry(effect).or_default() += 1;
        }
        // One of the three reseller accounts is licensed as a site: nothing is assigned there.
        let expected = [
            ("license.assigned", wanted - self.acknowledged.len()),
            ("orgunit.created", 3),
            ("role.assigned", wanted),
            ("role.created", 3),
            ("user.created", wanted),
        ];
        assert!(effects.iter().map(|(effect, count)| (effect.as_str(), *count)).eq(expected), "{effects:?}");
    }

    /// After the next start everybody is there.
    async fn all_are_there(&self) {
        self.ready().await;
        for key in &self.acknowledged {
            assert_eq!(self.get(&format!("/v1/engineers/{key}")).await.0, StatusCode::OK, "{key}");
        }
    }

    /// Waits until something holds, in real time; where it does not come about, the log says why.
    async fn comes_about<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let waiting = async {
            while !holds().await {
                sleep(LOOK).await;
            }
        };
        let waited = tokio::time::timeout(LIMIT, waiting).await;
        waited.unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}\n{}", self.log()));
    }

    fn log(&self) -> String {
        daemon::said(&self.neighbour)
    }
}

async fn run(mut command: Command) -> (Option<i32>, String) {
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let Output { status, stdout, stderr } = ended.expect("the binary can be run");
    (status.code(), String::from_utf8([stdout, stderr].concat()).expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_a_full_disk_takes_nothing_and_loses_nothing() {
    let rabbit = RabbitNode::start();
    let mut house = House::new(&rabbit.url()).await;
    let disk = SmallDisk::mounted_on(&house.data(), "8m");
    let start = || Daemon::start_by(disk.carepass(), &house.neighbour, &house.environment);
    let running = start();
    until("it reads the queue", async || house.get("/readyz?intake").await.0 == StatusCode::OK).await;
    house.begins().await;
    for _ in 0..BEFORE {
        assert_eq!(house.offer().await, StatusCode::ACCEPTED);
    }
    let since = daemon::said(&house.neighbour).len();
    disk.fill(64 << 10);
    house.offer_until_trouble(since).await;

    let waiting: Vec<usize> = (OFFERS_MAX..OFFERS_MAX + AT_BROKER).collect();
    let messages = waiting.iter().map(|number| {
        let body = events::joined(*number).to_string().into_bytes();
        events::outgoing(body, &format!("joined-{number}"))
    });
    let messages = messages.collect();
    let sent = publish_all(&SecretString::from(rabbit.url()), messages, |_, _| ()).await;
    assert_eq!(sent.expect("a broker").confirmed, AT_BROKER);

    let copies = tempfile::tempdir().expect("a folder");
    let commands = async {
        let mut second = disk.carepass();
        second.arg("serve").arg("--config").arg(house.neighbour.configuration_file());
        second.envs(&house.environment).env("CAREPASS__HTTP__LISTEN", "127.0.0.1:0");
        let backup = |to: PathBuf| {
            let mut backup = disk.carepass();
            backup.args(["store", "backup"]).arg(to).arg("--store").arg(house.data());
            run(backup)
        };
        let (elsewhere, onto_itself) = (copies.path().join("copy"), house.data().join("copy"));
        tokio::join!(run(second), backup(elsewhere), backup(onto_itself))
    };
    let (second, elsewhere, onto_itself) = commands.await;
    let refused = format!("in use by process {}", running.pid());
    assert!(second.0 == Some(6) && second.1.contains(&refused), "{second:?}");
    assert_eq!(elsewhere.0, Some(0), "a full disk can be read: {elsewhere:?}");
    assert!(onto_itself.0 == Some(6) && onto_itself.1.contains("No space left on device"), "{onto_itself:?}");

    house.is_in_trouble("No space left on device").await;
    let queues = Queues::at(&rabbit.url()).await;
    until("the broker keeps them", async || queues.depth(QUEUE).await.0 == AT_BROKER).await;

    disk.resize("64m");
    house.resumes().await;
    house.told_once(since);
    let begun = Instant::now();
    until("the queue is empty", async || queues.depth(QUEUE).await.0 == 0).await;
    assert!(begun.elapsed() < RESUMES, "it took {:?}", begun.elapsed());
    for number in waiting {
        house.acknowledge(number);
    }
    house.settles().await;
    running.kill9();
    let again = Daemon::start_by(disk.carepass(), &house.neighbour, &house.environment);
    house.all_are_there().await;
    assert!(again.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_is_told_and_outlived() {
    let mut house = House::new("").await;
    let running = Daemon::start(&house.neighbour, &house.environment);
    house.begins().await;
    assert_eq!(house.offer().await, StatusCode::ACCEPTED);
    let files = ["ledger/entries.jsonl", "probe"].map(|file| house.data().join(file));
    for (name, inject, words, lasts) in TROUBLES {
        println!("{name}");
        let since = daemon::said(&house.neighbour).len();
        let failing = FailingCalls::of(running.pid(), inject, &files);
        house.offer_until_trouble(since).await;
        if lasts {
            house.is_in_trouble(words).await;
            drop(failing);
        }
        house.resumes().await;
        house.told_once(since);
    }
    house.settles().await;
    running.kill9();
    let again = Daemon::start_by(carepass(), &house.neighbour, &house.environment);
    house.all_are_there().await;
    assert!(again.stop().await.success());
}
