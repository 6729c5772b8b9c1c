//! Canaries: personal data and secrets with marks that are recognised anywhere run through every flow of the built binary, by the broker and
//! by HTTP; then logs (at trace level), metrics, outcomes, dead letters' headers, HTTP answers and the raw files of the store are looked
//! through for the marks, in clear, in base64 and in UTF-16. None may be found but where it belongs to its owner: the body of a dead letter
//! and the address map for operators, the letter to the engineer.
//! Plugs for more flows: another answer goes through `Found::look`, another secret into `marks`. Not here: what each flow does.

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::queues::Queues;
use crate::fixture::{Neighbour, Overheard, events};
use crate::rabbit::RabbitNode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use carepass::amqp::{AmqpSettings, Endpoint, Topology, publish_all};
use carepass::http::{NewToken, Role};
use ring::rand::SystemRandom;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Everything after the broker's start.
const LIMIT: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(100);

/// What HR says of people, and nobody may read along.
const PERSONAL: [&str; 6] = [
    "Kanariegiven",
    "Kanariefamily",
    "kanarie.contact@nordresale.example",
    "kanarie.manager@nordresale.example",
    "kanariewish",
    "kanariegiven.kanariefamily",
];

/// Marks that must not be found, and places where one was.
struct Found {
    marks: Vec<(String, Vec<Vec<u8>>)>,
    found: BTreeSet<String>,
}

impl Found {
    fn new(marks: impl IntoIterator<Item = String>) -> Self {
        Self {
            marks: marks.into_iter().map(|mark| (mark.clone(), forms(&mark))).collect(),
            found: BTreeSet::new(),
        }
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        let lower = bytes.to_ascii_lowercase();
        for (mark, forms) in &self.marks {
            let clear = mark.to_ascii_lowercase();
            let is_there =
                contains(&lower, clear.as_bytes()) || forms.iter().any(|form| contains(bytes, form));
            if is_there {
                self.found.insert(format!("{mark} in {place}"));
            }
        }
    }

    fn look_at_files(&mut self, folder: &Path, is_excused: &impl Fn(&Path) -> bool) {
        for path in files(folder) {
            if !is_excused(&path) {
                let bytes = std::fs::read(&path).expect("a file that was just seen");
                self.look(&path.display().to_string(), &bytes);
            }
        }
    }
}

/// The text as other bytes: base64 at each of the three places that it can have within a text, and UTF-16.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for shift in 0..3usize {
            let shifted = [vec![0; shift], text.as_bytes().to_vec()].concat();
            let encoded = engine.encode(&shifted);
            // What the bytes before and after have a hand in is left out.
            let (from, to) = ((shift * 4).div_ceil(3), (shift + text.len()) * 4 / 3);
            forms.push(encoded.as_bytes()[from..to].to_vec());
        }
    }
    forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    forms
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some(first) = form.first() else { return false };
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| byte == first) {
        rest = &rest[place..];
        if rest.starts_with(form) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder that can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_scanner_finds_a_mark_in_every_form() {
    let plain = "kanarie.contact@nordresale.example";
    let finds = |bytes: &[u8]| {
        let mut found = Found::new([plain.to_owned()]);
        found.look("here", bytes);
        !found.found.is_empty()
    };
    assert!(finds(format!("before {plain} after").as_bytes()));
    assert!(finds(plain.to_uppercase().as_bytes()));
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{plain} and more");
        assert!(finds(STANDARD.encode(&text).as_bytes()), "{before}");
        assert!(finds(URL_SAFE_NO_PAD.encode(&text).as_bytes()), "{before}");
    }
    let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(finds(&wide));
    assert!(!finds(b"kanarie.contact@elsewhere.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_nothing_personal_or_secret_is_where_people_or_machines_read_along() {
    let rabbit = RabbitNode::start();
    let overheard = Overheard::default();
    let neighbour = Neighbour::start_overheard(overheard.clone()).await;
    let story = Story::new(&rabbit, &neighbour).await;
    let told = tokio::time::timeout(LIMIT, story.run()).await;
    let (mut found, answers) =
        told.unwrap_or_else(|_| panic!("not done after {LIMIT:?}:\n{}", daemon::log_tail(&neighbour)));

    let passwords = overheard.words("password");
    assert!(passwords.len() >= 8, "the sandbox was told {} passwords", passwords.len());
    let secrets = passwords.into_iter().chain(overheard.words("authorization")).chain(key_files(&neighbour));
    let mut secret = Found::new(secrets);
    for (place, bytes) in &answers {
        // Who may read the API may see under which name an engineer works.
        if !place.starts_with("GET /v1/engineers") {
            found.look(place, bytes);
        }
        secret.look(place, bytes);
    }
    let folder = neighbour.folder();
    // The files in which the secrets are given to carepass, and the letters, which are their owner's.
    let own = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let given = path.parent() == Some(folder) && name != "carepass.log";
        given || name.contains("master")
    };
    found.look_at_files(folder, &|path| own(path) || path.starts_with(folder.join("mail")));
    secret.look_at_files(folder, &own);
    assert!(found.found.is_empty(), "personal data in clear: {:#?}", found.found);
    assert!(secret.found.is_empty(), "secrets in clear: {:#?}", secret.found);
}

/// The private keys of the service accounts, the token of the API, and the master key.
fn key_files(neighbour: &Neighbour) -> Vec<String> {
    let mut secrets = Vec::new();
    for path in files(neighbour.folder()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if path.extension().is_some_and(|ending| ending == "json") && text.contains("private_key") {
            let key: Value = serde_json::from_str(&text).expect("a key file");
            let lines = key["private_key"].as_str().expect("a key").lines();
            secrets.extend(lines.filter(|line| line.len() > 40).map(str::to_owned));
        } else if name == "token" || name.contains("master") && !text.trim().is_empty() {
            secrets.push(text.trim().to_owned());
        }
    }
    secrets
}

/// What happens.
struct Story<'a> {
    url: String,
    address: String,
    neighbour: &'a Neighbour,
    daemon: Daemon,
    token: String,
    viewer: String,
    answers: Vec<(String, Vec<u8>)>,
}

impl<'a> Story<'a> {
    async fn new(rabbit: &RabbitNode, neighbour: &'a Neighbour) -> Self {
        let url = rabbit.url();
        let secret = SecretString::from(url.clone());
        let settings = AmqpSettings::new(Endpoint::parse(&secret).expect("the node's URL"));
        let topology = Topology::of(&settings).expect("names that are fine");
        topology.ensure_at(&settings.endpoint).await.expect("a node that runs");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("a bound port").to_string();
        drop(free);
        let viewer = NewToken::make(&SystemRandom::new()).expect("randomness");
        let tokens = neighbour.folder().join("tokens.toml");
        let before = std::fs::read_to_string(&tokens).expect("init writes it");
        std::fs::write(&tokens, format!("{before}\n{}", viewer.lines("viewer", Role::Viewer)))
            .expect("a file");
        let environment = neighbour.environment(&[
            ("INTAKE__AMQP__URL", &url),
            ("HTTP__LISTEN", &address),
            ("INTAKE__HTTP__ENABLED", "true"),
            ("LOG__FILTER", "trace"),
            ("LOG__FORMAT", "json"),
        ]);
        let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
        Self {
            url,
            address,
            neighbour,
            daemon: Daemon::start(neighbour, &environment),
            token: token.trim().to_owned(),
            viewer: viewer.reveal().to_owned(),
            answers: Vec::new(),
        }
    }

    async fn run(mut self) -> (Found, Vec<(String, Vec<u8>)>) {
        while !self.get("/readyz", false).await.starts_with("HTTP/1.1 200") {
            assert!(!self.daemon.has_ended(), "ended:\n{}", daemon::log_tail(self.neighbour));
            tokio::time::sleep(LOOK).await;
        }
        let queues = Queues::at(&self.url).await;
        // Joined by the broker and by HTTP; the third wishes for a name.
        self.publish(&joined("E-1", 1, None)).await;
        self.post(&joined("E-2", 1, None)).await;
        self.post(&joined("E-3", 1, Some("kanariewish"))).await;
        self.until_accounts("three engineers everywhere", 12, false).await;
        let accounts = self.neighbour.accounts();
        self.moved("E-1").await;
        self.refused().await;
        self.look().await;
        for (key, kind) in [("E-1", "left"), ("E-2", "left"), ("E-3", "cancelled")] {
            self.post(&ended(key, kind, 5)).await;
        }
        self.until_accounts("everybody is locked out", 12, true).await;
        self.look().await;
        for key in ["E-1", "E-2", "E-3"] {
            self.post(&ended(key, "erased", 9)).await;
        }
        self.look().await;
        for queue in ["carepass.outcomes", "carepass.dead-letters"] {
            for message in queues.take_all(queue).await {
                let headers = format!("{:?}", message.properties);
                self.answers.push((format!("headers in {queue}"), headers.into_bytes()));
                if queue == "carepass.outcomes" {
                    self.answers.push((format!("a message in {queue}"), message.data.clone()));
                }
            }
        }
        assert!(self.daemon.stop().await.success());
        let names = accounts.iter().map(|account| account.address.clone());
        let found = Found::new(PERSONAL.into_iter().map(str::to_owned).chain(names));
        (found, self.answers)
    }

    /// Name, contact and scope change.
    async fn moved(&mut self, key: &str) {
        let mut moved = joined(key, 2, None);
        moved["type"] = json!("com.carepass.engineer.moved.v1");
        moved["data"]["scope"] = json!({ "domains": ["reseller-se.example"] });
        self.publish(&moved).await;
    }

    /// What cannot be used, by both doors, and a replay of it.
    async fn refused(&mut self) {
        let mut faulty = joined("E-4", 1, None);
        faulty["data"]["engineer"]["role"] = json!("Kanariegiven");
        self.publish(&faulty).await;
        self.post(&faulty).await;
        let mut half = joined("E-5", 1, None).to_string();
        half.truncate(half.len() - 9);
        self.send("POST", "/v1/events", true, &half).await;
        let listed = self.get("/v1/dead-letters", true).await;
        let body = listed.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        for id in body
            .split('"')
            .filter(|word| word.len() > 20 && word.chars().all(|one| one.is_ascii_alphanumeric()))
        {
            let reason = r#"{"reason":"once more"}"#;
            self.send("POST", &format!("/v1/dead-letters/{id}/replay"), true, reason).await;
            // The body is for operators alone.
            let shown = self.ask("GET", &format!("/v1/dead-letters/{id}"), &self.viewer.clone(), "").await;
            self.answers.push((format!("a dead letter for a viewer ({id})"), shown.into_bytes()));
        }
    }

    /// Everything that is looked at.
    async fn look(&mut self) {
        for key in ["E-1", "E-2", "E-3", "E-4"] {
            for path in [format!("/v1/engineers/{key}"), format!("/v1/engineers/{key}/ledger")] {
                self.look_at(&path).await;
            }
        }
        for path in [
            "/v1/engineers",
            "/v1/resellers",
            "/v1/tasks",
            "/v1/dead-letters",
            "/metrics",
            "/livez",
            "/readyz",
        ] {
            self.look_at(path).await;
        }
        let order = r#"{"order":"approve","reason":"once more"}"#;
        self.send("POST", "/v1/engineers/E-1/orders", true, order).await;
        self.send("POST", "/v1/engineers/E-9/orders", true, "{").await;
    }

    async fn look_at(&mut self, path: &str) {
        for token in [self.token.clone(), self.viewer.clone()] {
            let answer = self.ask("GET", path, &token, "").await;
            self.answers.push((format!("GET {path}"), answer.into_bytes()));
        }
    }

    async fn publish(&self, event: &Value) {
        let url = SecretString::from(self.url.clone());
        let id = event["id"].as_str().expect("an id");
        let outgoing = events::outgoing(event.to_string().into_bytes(), id);
        publish_all(&url, vec![outgoing], |_, sent| assert!(sent.is_ok()))
            .await
            .expect("a broker that lives");
    }

    async fn post(&mut self, event: &Value) {
        let answer = self.send("POST", "/v1/events", true, &event.to_string()).await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["200", "202", "422"].contains(&status), "{answer}");
    }

    async fn get(&mut self, path: &str, keep: bool) -> String {
        self.send("GET", path, keep, "").await
    }

    async fn send(&mut self, method: &str, path: &str, keep: bool, body: &str) -> String {
        let token = self.token.clone();
        let answer = self.ask(method, path, &token, body).await;
        if keep {
            self.answers.push((format!("{method} {path}"), answer.clone().into_bytes()));
        }
        answer
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else { return String::new() };
        let kind = if path == "/v1/events" { events::CONTENT_TYPE } else { "application/json" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let mut answer = Vec::new();
        if stream.write_all(request.as_bytes()).await.is_ok() {
            // What came before a connection broke off counts too.
            let _ = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn until_accounts(&mut self, what: &str, count: usize, suspended: bool) {
        loop {
            let accounts = self.neighbour.accounts();
            let fits =
                accounts.iter().filter(|one| one.suspended == suspended && one.roles.is_empty() == suspended);
            if accounts.len() >= count && fits.count() == accounts.len() {
                return;
            }
            assert!(!self.daemon.has_ended(), "{what}: ended:\n{}", daemon::log_tail(self.neighbour));
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn joined(key: &str, revision: u64, wish: Option<&str>) -> Value {
    let mut event = events::joined_as(key, PERSONAL[0], PERSONAL[1]);
    event["id"] = json!(format!("{key}-{revision}"));
    event["data"]["revision"] = json!(revision);
    event["data"]["engineer"]["contactEmail"] = json!(PERSONAL[2]);
    event["data"]["engineer"]["managerEmail"] = json!(PERSONAL[3]);
    if let Some(wish) = wish {
        event["data"]["engineer"]["preferredUsername"] = json!(wish);
    }
    event
}

fn ended(key: &str, kind: &str, revision: u64) -> Value {
    json!({
        "specversion": "1.0",
        "id": format!("{key}-{kind}"),
        "source": "https://hr.nordresale.example/test",
        "type": format!("com.carepass.engineer.{kind}.v1"),
        "subject": format!("engineer/{key}"),
        "dataschema": "https://schemas.carepass.example/engineer/1.0.json",
        "data": {
            "revision": revision,
            "engineer": { "key": key },
            "employment": { "id": format!("{key}/1"), "timeZone": "Europe/Stockholm", "urgency": "immediate" }
        }
    })
}
