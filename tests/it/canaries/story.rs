//! The story that marked people live through, in one run of a broker: how they come, move and go, and everything that is asked meanwhile.
//! Not here: pages, signatures, spreadsheets and replays (`flows`), and what must not be found (`super`).

use super::PERSONAL;
use super::flows::SIGNING;
use crate::fixture::collector::{self, Collector};
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::free_address;
use crate::fixture::queues::Queues;
use crate::fixture::vault::{AGENT, NAMESPACE, Vault};
use crate::fixture::{Neighbour, events, mailbox};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, Endpoint, Topology, publish_all};
use carepass::http::{NewToken, Role};
use ring::rand::SystemRandom;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The file of the token for Vault.
pub(super) const VAULT_TOKEN: &str = "vault-token";

/// The span that the broker's messages name in their header, and its trace.
const SENDER: &str = "00-0102030405060708090a0b0c0d0e0f10-00f067aa0ba902b7-01";
pub(super) const SENDER_TRACE: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// What came of it.
pub(super) struct Told {
    /// The addresses of all accounts.
    pub(super) names: Vec<String>,
    /// The private keys of those who sign events.
    pub(super) keys: Vec<String>,
    /// Everything that was answered, and where.
    pub(super) answers: Vec<(String, Vec<u8>)>,
}

/// What happens.
pub(super) struct Story<'a> {
    pub(super) url: String,
    pub(super) address: String,
    pub(super) neighbour: &'a Neighbour,
    pub(super) vault: &'a Vault,
    /// The folder of those at HR.
    pub(super) desk: TempDir,
    pub(super) answers: Vec<(String, Vec<u8>)>,
    environment: BTreeMap<String, String>,
    daemon: Option<Daemon>,
    token: String,
    viewer: String,
}

impl<'a> Story<'a> {
    pub(super) async fn new(
        rabbit: &RabbitNode,
        neighbour: &'a Neighbour,
        vault: &'a Vault,
        collector: &Collector,
    ) -> Self {
        let url = rabbit.url();
        let secret = SecretString::from(url.clone());
        let settings = AmqpSettings::new(Endpoint::parse(&secret).expect("the node's URL"));
        let topology = Topology::of(&settings).expect("names that are fine");
        topology.ensure_at(&settings.endpoint).await.expect("a node that runs");
        let address = free_address();
        let viewer = NewToken::make(&SystemRandom::new()).expect("randomness");
        let tokens = neighbour.folder().join("tokens.toml");
        let before = std::fs::read_to_string(&tokens).expect("init writes it");
        std::fs::write(&tokens, format!("{before}\n{}", viewer.lines("viewer", Role::Viewer)))
            .expect("a file");
        let vault_token = neighbour.folder().join(VAULT_TOKEN);
        private(&vault_token, AGENT);
        let configuration = std::fs::read_to_string(neighbour.configuration_file()).expect("init writes it");
        let name = "name = \"nordic-no\"\n";
        let with_vault = configuration.replace(name, &format!("{name}handover = \"vault\"\n"));
        // Keys stand only beside the names of all sources that are taken.
        let sources = [SIGNING, "https://hr.nordresale.example/test", "urn:carepass:import"];
        let amqp = "[intake.amqp]\n";
        let whole = with_vault.replace(amqp, &format!("{amqp}allowed_sources = {sources:?}\n"));
        std::fs::write(neighbour.configuration_file(), whole).expect("a file");
        let environment = neighbour.environment(&[
            ("HANDOVER__VAULT__ADDRESS", &vault.address),
            ("HANDOVER__VAULT__TOKEN_FILE", vault_token.to_str().expect("our names are ASCII")),
            ("HANDOVER__VAULT__NAMESPACE", NAMESPACE),
            ("INTAKE__AMQP__URL", &url),
            ("HTTP__LISTEN", &address),
            ("INTAKE__HTTP__ENABLED", "true"),
            ("TRACES__ENDPOINT", &collector.endpoint),
            ("TRACES__HEADERS", collector::HEADERS),
            ("LOG__FILTER", "trace"),
            ("LOG__FORMAT", "json"),
        ]);
        let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
        let mut story = Self {
            url,
            address,
            neighbour,
            vault,
            desk: tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder"),
            answers: Vec::new(),
            environment,
            daemon: None,
            token: token.trim().to_owned(),
            viewer: viewer.reveal().to_owned(),
        };
        let lines = story.keygen("hr-2026").await;
        story.trust(&lines);
        story
    }

    pub(super) async fn run(mut self) -> Told {
        self.start().await;
        let queues = Queues::at(&self.url).await;
        // Joined by the broker and by HTTP; the third wishes for a name.
        self.publish(&joined("E-1", 1, None)).await;
        self.post(&joined("E-2", 1, None)).await;
        self.post(&joined("E-3", 1, Some("kanariewish"))).await;
        self.signed("E-6", "hr-2026").await;
        self.imported("E-8").await;
        self.until_accounts("five engineers everywhere", 20, false).await;
        self.opened(5).await;
        self.replayed("E-7", "hr-2027").await;
        self.until_accounts("six engineers everywhere", 24, false).await;
        self.unopened(6).await;
        let names = self.neighbour.accounts().into_iter().map(|account| account.address).collect();
        self.moved("E-1").await;
        self.refused().await;
        self.look().await;
        let ends = [
            ("E-1", "left"),
            ("E-2", "left"),
            ("E-3", "cancelled"),
            ("E-6", "left"),
            ("E-7", "left"),
            ("E-8", "left"),
        ];
        for (key, kind) in ends {
            self.post(&ended(key, kind, 5)).await;
        }
        self.until_accounts("everybody is locked out", 24, true).await;
        self.look().await;
        for (key, _) in ends {
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
        self.stop().await;
        Told { names, keys: self.private_keys(), answers: self.answers }
    }

    /// Starts the daemon and waits until it is ready.
    pub(super) async fn start(&mut self) {
        self.daemon = Some(Daemon::start(self.neighbour, &self.environment));
        while !self.get("/readyz", false).await.starts_with("HTTP/1.1 200") {
            self.assert_alive("a start");
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) async fn stop(&mut self) {
        let daemon = self.daemon.take().expect("it runs");
        assert!(daemon.stop().await.success());
    }

    pub(super) fn assert_alive(&mut self, what: &str) {
        let has_ended = self.daemon.as_mut().is_none_or(Daemon::has_ended);
        assert!(!has_ended, "{what}: ended:\n{}", daemon::log_tail(self.neighbour));
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
        for key in ["E-1", "E-2", "E-3", "E-4", "E-6", "E-7", "E-8"] {
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
        for page in mailbox::tokens(&self.neighbour.folder().join("mail")).0 {
            self.send_to_page("GET", &page).await;
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
        let mut outgoing = events::outgoing(event.to_string().into_bytes(), id);
        outgoing.headers.insert("traceparent".to_owned(), SENDER.to_owned());
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

    pub(super) async fn send(&mut self, method: &str, path: &str, keep: bool, body: &str) -> String {
        let token = self.token.clone();
        let answer = self.ask(method, path, &token, body).await;
        if keep {
            self.answers.push((format!("{method} {path}"), answer.clone().into_bytes()));
        }
        answer
    }

    pub(super) async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> String {
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

    pub(super) async fn until_accounts(&mut self, what: &str, count: usize, suspended: bool) {
        loop {
            let accounts = self.neighbour.accounts();
            let fits =
                accounts.iter().filter(|one| one.suspended == suspended && one.roles.is_empty() == suspended);
            if accounts.len() >= count && fits.count() == accounts.len() {
                return;
            }
            self.assert_alive(what);
            tokio::time::sleep(LOOK).await;
        }
    }
}

pub(super) fn joined(key: &str, revision: u64, wish: Option<&str>) -> Value {
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

/// A file that nobody else may read.
fn private(path: &Path, text: &str) {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a folder of our own");
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
