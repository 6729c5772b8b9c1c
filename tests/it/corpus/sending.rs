//! The room in which the corpus is sent: a broker, the built binary beside the model of Google, and whoever looks at it. Not here: what is
//! sent (`format`), and what must be so afterwards (`verdict`).

use super::format::{Case, SOURCES};
use crate::fixture::Neighbour;
use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::free_address;
use crate::fixture::process::carepass;
use crate::fixture::queues::Queues;
use crate::rabbit::RabbitNode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carepass::amqp::{AmqpSettings, Endpoint, Topology};
use carepass::model::signature::{SIGNATURE_HEADER, SigningKey};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use secrecy::SecretString;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often a fact is looked for that comes about in another process.
const LOOK: Duration = Duration::from_millis(50);

/// The name of the key that is known, and the seeds of that one and of another.
const KEY_ID: &str = "hr-2026";
const SEEDS: [[u8; 32]; 2] = [[7; 32], [8; 32]];

/// Everything that runs.
pub struct Room {
    pub neighbour: Neighbour,
    pub queues: Queues,
    address: String,
    url: String,
    token: String,
    daemon: Option<Daemon>,
    channel: Channel,
    _connection: Connection,
}

impl Room {
    pub async fn open(rabbit: &RabbitNode) -> Self {
        let (neighbour, url) = (Neighbour::start().await, rabbit.url());
        let settings =
            AmqpSettings::new(Endpoint::parse(&SecretString::from(url.clone())).expect("the node's URL"));
        Topology::of(&settings)
            .expect("names that are fine")
            .ensure_at(&settings.endpoint)
            .await
            .expect("a node that runs");
        let file = neighbour.configuration_file();
        let written = std::fs::read_to_string(&file).expect("init writes it");
        let section = "[intake.amqp]\n";
        let whole = written.replace(section, &format!("{section}allowed_sources = {SOURCES:?}\n"));
        let key = signing_key(0).public_key();
        let keys = format!(
            "\n[[intake.keys]]\nsource = {:?}\nid = {KEY_ID:?}\npublic_key = \"{key}\"\n",
            SOURCES[1]
        );
        std::fs::write(&file, whole + &keys).expect("a file of this test");
        let address = free_address();
        let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.expect("a broker");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("a broker that confirms");
        let queues = Queues::at(&url).await;
        let token = token.trim().to_owned();
        Self { neighbour, queues, address, url, token, daemon: None, channel, _connection: connection }
    }

    /// Starts the daemon with so many messages in hand at most, and waits until somebody of this name has come through everywhere.
    pub async fn start(&mut self, prefetch: usize, name: &str) {
        let prefetch = prefetch.to_string();
        let environment = self.neighbour.environment(&[
            ("INTAKE__AMQP__URL", &self.url),
            ("INTAKE__AMQP__PREFETCH", &prefetch),
            ("INTAKE__HTTP__ENABLED", "true"),
            ("HTTP__LISTEN", &self.address),
            ("LOG__FILTER", "debug"),
            ("LOG__FORMAT", "json"),
        ]);
        self.daemon = Some(Daemon::start(&self.neighbour, &environment));
        // Until every account was looked at, a domain that is not known may be a new one of theirs.
        let everywhere = good(name, "all");
        self.publish(&everywhere).await;
        while !self.is_listed(&everywhere.key(), "ready").await {
            self.pause("a start").await;
        }
    }

    /// Whether an engineer is in this state.
    pub async fn is_listed(&self, key: &str, state: &str) -> bool {
        let answer = self.ask("GET", &format!("/v1/engineers/{key}"), "", b"").await;
        let body: Value = serde_json::from_str(body_of(&answer)).unwrap_or_default();
        body["state"] == state
    }

    /// Stops the daemon in its own time; it must end as one that was asked to.
    pub async fn stop(&mut self) {
        assert!(self.daemon.take().expect("it runs").stop().await.success(), "it stops as asked");
    }

    /// Lets a moment pass in which the daemon must not end.
    pub async fn pause(&mut self, what: &str) {
        let has_ended = self.daemon.as_mut().is_some_and(Daemon::has_ended);
        assert!(!has_ended, "{what}: the daemon has ended:\n{}", daemon::log_tail(&self.neighbour));
        tokio::time::sleep(LOOK).await;
    }

    /// Sends by the broker, and waits until it has the message.
    pub async fn publish(&self, case: &Case) {
        let body = case.body();
        let mut headers = FieldTable::default();
        for (name, value) in case.headers() {
            headers.insert(name.into(), amqp(&value));
        }
        if let Some(signature) = signature(case, &body) {
            headers.insert(SIGNATURE_HEADER.into(), AMQPValue::LongString(signature.into()));
        }
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirmed = self
            .channel
            .basic_publish(
                "hr.events".into(),
                case.routing_key.as_str().into(),
                options,
                &body,
                properties(case, headers),
            )
            .await
            .expect("a broker that lives");
        assert!(confirmed.await.expect("a confirm").is_ack(), "{}", case.name);
    }

    /// Sends by HTTP, and gives what was answered in the words of a refusal.
    pub async fn post(&self, case: &Case) -> String {
        let answer = self
            .ask("POST", "/v1/events", case.content_type.as_deref().unwrap_or_default(), &case.body())
            .await;
        let body: Value = serde_json::from_str(body_of(&answer)).unwrap_or_default();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match answer.get(9..12) {
            Some("202") => "accepted".to_owned(),
            Some("422") => {
                let errors = body["errors"].as_array().cloned().unwrap_or_default();
                let place = |error: &Value| word(&error["place"]);
                let fault = |error: &Value| {
                    format!(
                        "{} at {}",
                        word(&error["reason"]),
                        if place(error).is_empty() { "/".to_owned() } else { place(error) }
                    )
                };
                errors.iter().map(fault).collect::<Vec<_>>().join("; ")
            }
            _ => answer,
        }
    }

    /// Asks the API, and gives the whole answer.
    pub async fn ask(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> String {
        let Ok(mut stream) = TcpStream::connect(&self.address).await else { return String::new() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            self.token,
            body.len(),
        );
        let mut answer = Vec::new();
        let sent = stream.write_all(&[request.as_bytes(), body].concat()).await;
        if sent.is_ok() && stream.read_to_end(&mut answer).await.is_ok() {
            String::from_utf8_lossy(&answer).into_owned()
        } else {
            String::new()
        }
    }

    /// Runs a command against the daemon, and gives what it printed.
    pub async fn typed(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::from(carepass());
        command
            .args(arguments)
            .env("CAREPASS_API", format!("http://{}", self.address))
            .env("CAREPASS_TOKEN_FILE", self.neighbour.folder().join("token"))
            .kill_on_drop(true);
        let output = command.output().await.expect("the binary can be run");
        let notes = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {notes}");
        String::from_utf8(output.stdout).expect("carepass writes UTF-8") + &notes
    }

    /// The items of a command that lists.
    pub async fn listed(&self, command: &[&str]) -> Vec<Value> {
        let printed = self.typed(&[command, &["--json"]].concat()).await;
        let mut listed: Value = serde_json::from_str(&printed).expect("JSON");
        listed["items"].as_array_mut().map(std::mem::take).expect("a list")
    }

    /// Damages an engineer's data key, as a disk may.
    pub fn spoil_key(&self, engineer: &str) {
        let digits = engineer.bytes().map(|byte| format!("{byte:02x}"));
        let path = self.neighbour.folder().join("data/keys").join(digits.collect::<Vec<_>>().concat());
        let mut bytes = std::fs::read(&path).expect("the engineer has a data key");
        bytes[3] ^= 1;
        std::fs::write(&path, bytes).expect("a file of this test");
    }

    /// The log of all daemons that ran.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.neighbour.folder().join("carepass.log")).expect("a log")
    }
}

/// What stands behind the head of an answer.
pub fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn signing_key(number: usize) -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::pkcs8_of(&SEEDS[number])).expect("a key")
}

fn signature(case: &Case, body: &[u8]) -> Option<String> {
    let good = signing_key(0).sign(KEY_ID, body);
    Some(match case.sign.as_str() {
        "" => return None,
        "good" => good,
        "other-key" => signing_key(1).sign(KEY_ID, body),
        "other-body" => signing_key(0).sign(KEY_ID, b"{}"),
        "other-kid" => signing_key(0).sign("hr-1999", body),
        "cut" => good[..good.len() - 9].to_owned(),
        "no-jws" => "kanarie".to_owned(),
        "algorithm-none" => {
            let header = format!(r#"{{"alg":"none","kid":"{KEY_ID}"}}"#);
            format!("{}..", URL_SAFE_NO_PAD.encode(header))
        }
        other => panic!("{}: nobody signs {other:?}", case.name),
    })
}

fn properties(case: &Case, headers: FieldTable) -> BasicProperties {
    let durable = BasicProperties::default().with_delivery_mode(2);
    let mut properties = durable.with_message_id(case.name.as_str().into()).with_headers(headers);
    if let Some(content_type) = &case.content_type {
        properties = properties.with_content_type(content_type.as_str().into());
    }
    for (name, value) in &case.properties {
        let text = || ShortString::from(value.as_str().expect("a text"));
        let small = || u8::try_from(value.as_u64().expect("a number")).expect("a byte");
        properties = match name.as_str() {
            "reply_to" => properties.with_reply_to(text()),
            "correlation_id" => properties.with_correlation_id(text()),
            "content_encoding" => properties.with_content_encoding(text()),
            "expiration" => properties.with_expiration(text()),
            "type" => properties.with_type(text()),
            "app_id" => properties.with_app_id(text()),
            "delivery_mode" => properties.with_delivery_mode(small()),
            "priority" => properties.with_priority(small()),
            "timestamp" => properties.with_timestamp(value.as_u64().expect("a number")),
            other => panic!("{}: no property {other:?}", case.name),
        };
    }
    properties
}

fn amqp(value: &Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().expect("a whole number")),
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(items) => AMQPValue::FieldArray(items.iter().map(amqp).collect::<Vec<_>>().into()),
        Value::Object(fields) => {
            let mut table = FieldTable::default();
            for (name, value) in fields {
                table.insert(name.as_str().into(), amqp(value));
            }
            AMQPValue::FieldTable(table)
        }
    }
}

/// An event without faults, whose engineer works in this place.
pub fn good(name: &str, domains: &str) -> Case {
    let line =
        format!(r#"{{"name":{name:?},"expect":"accepted","with":{{"/data/scope/domains":{domains:?}}}}}"#);
    serde_json::from_str(&line).expect("a case")
}
