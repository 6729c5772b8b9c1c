//! SIGHUP to the built binary, in the middle of its work: a broken configuration changes nothing and the answer names file, key and what to
//! do; a good one is taken as a whole. The process stays the same, and nobody's way is cut short.
//! Not here: what is a fault (`config/fault_tests`), and a stop during a reload (`stop`).

use crate::fixture::Neighbour;
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::{Door, check_world};
use carepass::http::{NewToken, Role};
use ring::rand::SystemRandom;
use serde_json::json;
use std::time::Duration;

/// One change of the good file that makes it a bad one: what is replaced, by what, and the key that the answer names. Where nothing is
/// replaced, it is added at the end.
type Broken = (&'static str, &'static str, &'static str);

const BROKEN: [Broken; 49] = [
    ("", "[log]\nformt = \"json\"", "log.formt"),
    ("", "[log]\nformat = \"xml\"", "log.format"),
    ("", "[log]\nfilter = \"info,=x=y=\"", "log.filter"),
    ("", "[limits]\nsource_grants_per_hour = \"many\"", "limits.source_grants_per_hour"),
    ("", "[limits]\nsource_grants_per_day = -3", "limits.source_grants_per_day"),
    ("", "[approval]\nrequired = \"perhaps\"", "approval.required"),
    ("", "[calendar]\nlead_time = 14", "calendar.lead_time"),
    ("", "[calendar]\nlead_time = \"soon\"", "calendar.lead_time"),
    ("[engine]\n", "[engine]\nlease = \"1 fortnight\"\n", "engine.lease"),
    ("[engine]\n", "[engine]\nattempts_max = 0\n", "engine.attempts_max"),
    ("[engine]\n", "[engine]\npatience = true\n", "engine.patience"),
    ("[engine]\n", "[engine]\nlook_max = \"0s\"\n", "engine.look_max"),
    ("[engine]\n", "[engine]\nbackoff_max = \"99999h\"\n", "engine.backoff_max"),
    ("", "[usernames]\ncandidates = [\"{surname}\"]", "usernames.candidates"),
    ("", "[usernames]\nstop = [\"\"]", "usernames.stop"),
    ("", "[handover]\nexpires = \"never\"", "handover.expires"),
    ("", "[handover]\npublic_url = \"ftp://x\"", "handover.public_url"),
    ("", "[language]\nmessages_default = \"tlh\"", "language.messages_default"),
    ("", "[outcomes]\nsource = \"not a uri\"", "outcomes.source"),
    ("", "[seal]\nkey_file = \"/nowhere/at/all/key\"", "seal.key_file"),
    ("", "[intake]\nkeep_refused = \"1s\"", "intake.keep_refused"),
    ("", "[[intake.keys]]\nsource = \"a\"\nid = \"b\"\npublic_key = \"c\"", "intake.keys"),
    ("", "[wholly_unknown]\nx = 1", "wholly_unknown"),
    ("", "this is no toml", "carepass.toml"),
    ("admin = \"carepass-robot@reseller-se.example\"", "admin = \"nobody\"", "admin"),
    ("admin = \"carepass-robot@reseller-se.example\"\n", "", "admin"),
    ("customer_id = \"C01nordicse\"", "customer_id = \"my_customer\"", "customer_id"),
    ("name = \"nordic-se\"", "name = \"Nordic SE\"", "name"),
    ("name = \"nordic-dk\"", "name = \"nordic-se\"", "name: another"),
    ("nordic-se.json", "missing.json", "credentials_file"),
    ("nordic-se.json", "world.toml", "credentials_file"),
    ("org_unit = \"/Customer Care\"", "org_unit = \"Customer Care\"", "org_unit"),
    ("license = \"auto\"", "license = \"free\"", "license"),
    ("license = \"auto\"", "license = \"auto\"\ndomains = \"some\"", "domains"),
    ("license = \"auto\"", "license = \"auto\"\nremoval = \"purge\"", "removal"),
    ("license = \"auto\"", "license = \"auto\"\ntwo_step = \"never\"", "two_step"),
    ("license = \"auto\"", "license = \"auto\"\nseats = \"many\"", "seats"),
    ("license = \"auto\"", "license = \"auto\"\nhome = \"perhaps\"", "home"),
    ("case_alerts = \"case-sharing\"", "case_alerts = \"pigeon\"", "case_alerts"),
    ("kind = \"custom\"", "kind = \"super\"", "role"),
    ("on = \"2026-01-01\"", "on = \"tomorrow\"", "auto_licensing_off"),
    ("on = \"2026-01-01\"", "on = \"2099-01-01\"", "auto_licensing_off"),
    ("tokens.toml", "tokens-gone.toml", "http.tokens_file"),
    ("transport = \"file\"", "transport = \"pigeon\"", "mail.transport"),
    ("transport = \"file\"", "transport = \"smtp\"", "mail"),
    ("backend = \"embedded\"", "backend = \"sqlite\"", "store.backend"),
    ("backend = \"embedded\"", "backend = \"postgres\"", "store.url"),
    // These are no faults at a start, and cannot change while carepass runs.
    ("/data\"", "/other-data\"", "store.path"),
    ("", "[log]\nfilter = \"debug\"", "log"),
];

struct House {
    neighbour: Neighbour,
    door: Door,
    daemon: Daemon,
    good: String,
    joined: usize,
}

impl House {
    async fn start() -> Self {
        let neighbour = Neighbour::start().await;
        let door = Door::of(&neighbour);
        let daemon = Daemon::start(&neighbour, &neighbour.environment(&door.settings()));
        let good = std::fs::read_to_string(neighbour.configuration_file()).expect("init writes it");
        door.ready().await;
        // Each step takes a while, so that a reload finds some on their way.
        neighbour.sandbox.set(&json!({ "latency_ms": 40 })).expect("a setting");
        Self { neighbour, door, daemon, good, joined: 0 }
    }

    async fn join(&mut self) {
        self.door.join(self.joined).await;
        self.joined += 1;
    }

    /// Puts a text in the file's place, or takes the file away, asks for a reload, and waits for the answer.
    async fn reload(&mut self, text: Option<&str>) -> String {
        let before = self.door.part("configuration").await;
        let file = self.neighbour.configuration_file();
        match text {
            Some(text) => std::fs::write(file, text).expect("a file of this test"),
            None => std::fs::remove_file(file).expect("a file of this test"),
        }
        self.daemon.signal("HUP");
        let answered = async {
            loop {
                let after = self.door.part("configuration").await;
                if after != before {
                    return after;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), answered).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer:\n{}", daemon::log_tail(&self.neighbour)));
        assert!(!self.daemon.has_ended(), "{}", daemon::log_tail(&self.neighbour));
        answer
    }

    async fn take(&mut self, text: &str) {
        let answer = self.reload(Some(text)).await;
        assert!(!answer.contains("refused"), "{answer}");
    }

    fn accounts_in(&self, customer: &str) -> usize {
        self.neighbour.accounts().iter().filter(|account| account.customer == customer).count()
    }

    /// Everybody comes to the end in the very process that was started. What it has said until its end.
    async fn settle(mut self) -> String {
        self.door.settled(0..self.joined, &mut self.daemon, &self.neighbour).await;
        check_world(&self.neighbour, self.joined);
        assert!(self.daemon.stop().await.success());
        let log = daemon::said(&self.neighbour);
        assert_eq!(log.matches("carepass is running").count(), 1, "one process");
        log
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_configuration_changes_nothing_and_the_answer_says_why() {
    let mut house = House::start().await;
    let since = house.door.part("configuration").await;
    let (good, mut wrong) = (house.good.clone(), Vec::new());
    for (number, (from, to, key)) in BROKEN.into_iter().enumerate() {
        if number % 8 == 0 {
            house.join().await;
        }
        let broken = if from.is_empty() { format!("{good}\n{to}\n") } else { good.replacen(from, to, 1) };
        assert_ne!(broken, good, "{from} is in the file");
        let answer = house.reload(Some(&broken)).await;
        let advice =
            answer.strip_prefix(&since).unwrap_or_else(|| panic!("the old one is not in force: {answer}"));
        let is_fixed = advice.contains("cannot change while carepass runs; restart carepass");
        let says_all = advice.contains("refused and changed nothing") && advice.contains(key);
        if !says_all || !is_fixed && !advice.contains("carepass.toml: ") {
            wrong.push(format!("{key}: {advice}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let answer = house.reload(None).await;
    assert!(answer.contains("refused") && answer.contains("carepass.toml"), "{answer}");
    let answer = house.reload(Some("")).await;
    assert!(answer.contains("refused") && answer.contains("resellers"), "{answer}");
    let log = house.settle().await;
    let refused = log.lines().filter(|line| line.contains("the new configuration is refused")).count();
    assert_eq!(refused, BROKEN.len() + 2, "one line for each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_configuration_is_taken_in_the_middle_of_the_work() {
    let mut house = House::start().await;
    let good = house.good.clone();
    let norway = good.find("\n[[resellers]]\nname = \"nordic-no\"").expect("the last one in the file");

    house.join().await;
    house.take(&good[..norway]).await;
    let before = house.accounts_in("C01nordicno");
    house.join().await;
    let mut two = 0..house.joined;
    let path = format!("/v1/engineers/E-{:05}", two.next_back().expect("two"));
    while house.door.get(&path).await["state"] == "planned" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(house.accounts_in("C01nordicno"), before, "something was made while it was removed");
    house.take(&good).await;

    house.join().await;
    house.take(&format!("{good}\n[limits]\nsource_grants_per_hour = 1000\n")).await;

    let file = house.neighbour.folder().join("tokens.toml");
    let tokens = std::fs::read_to_string(&file).expect("init writes it");
    let token = NewToken::make(&SystemRandom::new()).expect("randomness");
    std::fs::write(&file, format!("{tokens}\n{}", token.lines("eva", Role::Viewer)))
        .expect("a file of this test");
    house.join().await;
    assert_eq!(house.door.status("/v1/tasks", token.reveal()).await, 401, "not before it is read");
    house.take(&good).await;
    assert_eq!(house.door.status("/v1/tasks", token.reveal()).await, 200);

    // A master key that is gone from the disk is still the one in hand, and none is made in its place.
    let (key, aside) = (house.neighbour.config(&[]).seal.key_file, house.neighbour.folder().join("aside"));
    std::fs::rename(&key, &aside).expect("the key lies there");
    house.take(&good).await;
    assert!(!key.exists(), "another master key was made");
    std::fs::rename(&aside, &key).expect("the key lies here");
    house.join().await;

    let other = good.replacen(
        "url = \"amqp://127.0.0.1:5672\"",
        "url = \"amqp://127.0.0.1:5672\"\nallowed_sources = [\"https://hr.example/other\"]",
        1,
    );
    house.take(&other).await;
    assert_eq!(house.door.publish(house.joined).await, Some(422), "its source is not allowed any more");
    let named = good.replacen(
        "url = \"amqp://127.0.0.1:5672\"",
        "url = \"amqp://127.0.0.1:5672\"\nallowed_sources = [\"https://hr.nordresale.example/test\"]",
        1,
    );
    house.take(&named).await;
    house.join().await;
    house.settle().await;
}
