//! The door as callers find it: over real sockets, with the store in memory. The table of routes is walked, so that a new route is
//! tested by standing in it.

mod conditions;
mod envelope;
mod events;
mod hostile;
mod orders;
mod room;
mod stream;
mod tasks;

use super::routes::ROUTES;
use super::*;
use crate::clock::Clock;
use crate::engine::Settings;
use crate::mail::{Mailer, PortalUrl};
use crate::model::engineer::{Engineer, Hold, Release};
use crate::model::enrollment::{Enrollment, Goal, State, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::grants::GrantLimits;
use crate::model::id::EngineerKey;
use crate::model::plan::StepName;
use crate::planted::{Bug, caught};
use crate::seal::Sealer;
use crate::steps::House;
use crate::store::Store;
use crate::store::memory::Memory;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Server {
    address: std::net::SocketAddr,
    client: reqwest::Client,
    tokens: BTreeMap<Role, String>,
    store: Arc<Memory>,
    engine: Arc<Engine>,
    broker_up: Arc<AtomicBool>,
    paces: Arc<Paces>,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    async fn start() -> Self {
        let random = SystemRandom::new();
        let made: Vec<(Role, NewToken)> =
            Role::ALL.map(|role| (role, NewToken::make(&random).unwrap())).into();
        let file: String = made.iter().map(|(role, token)| token.lines(role.as_str(), *role)).collect();
        let tokens = made.iter().map(|(role, token)| (*role, token.reveal().to_owned())).collect();
        Self::with(&file, tokens).await
    }

    async fn with(file: &str, tokens: BTreeMap<Role, String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = Arc::new(Memory::new());
        let stop = CancellationToken::new();
        let broker_up = Arc::new(AtomicBool::new(true));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, paces) = (Arc::clone(&broker_up), Arc::<Paces>::default());
        let status = move || Status {
            loops: vec![Part::new("drive", true)],
            intake: vec![Part::new("amqp", up.load(Ordering::SeqCst)).with_detail("secret detail")],
            standing: Vec::new(),
        };
        let engine = Engine::new(house(Arc::clone(&store)), settings(), stop.clone());
        let api = Api {
            engine: Arc::clone(&engine),
            tokens: Tokens::parse(file, &SystemRandom::new()).unwrap(),
            takes_events: true,
            hosts: Hosts::new(address, []),
            status: Arc::new(status),
            repeats: Arc::default(),
            streams: Arc::default(),
            paces: Arc::clone(&paces),
            sessions: Arc::default(),
            metrics: Arc::new(|| "carepass_build_info 1\n".to_owned()),
        };
        tokio::spawn(serve(listener, Arc::new(api), stop.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, client, tokens, store, engine, broker_up, paces, stop }
    }

    fn request(&self, method: Method, path: &str, role: Option<Role>) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        match role {
            Some(role) => request.bearer_auth(&self.tokens[&role]),
            None => request,
        }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path, Some(Role::Viewer))).await
    }

    async fn order(&self, path: &str, role: Role, body: Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path, Some(role)).json(&body)).await
    }

    /// Sends bytes as they are, and gives the first line of the answer.
    async fn raw(&self, bytes: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        while !text.contains(&b'\n') {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed without an answer");
            text.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&text).lines().next().unwrap().to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn house(store: Arc<Memory>) -> House {
    House {
        sites: BTreeMap::new(),
        store,
        sealer: Sealer::ephemeral().unwrap(),
        mailer: Mailer::None,
        clock: Clock::manual("2026-11-22T10:00:00Z".parse().unwrap()),
        naming: crate::model::username::Naming::of(crate::model::person::LanguageTag::english()),
        letters_language: crate::model::person::Language::English,
        license_spacing: SignedDuration::ZERO,
        portal: PortalUrl::default(),
        handovers: crate::handover::Handovers::default(),
        to_managers: true,
    }
}

fn settings() -> Settings {
    Settings {
        grants: GrantLimits { per_hour: 1, per_day: 1 },
        outcome_source: "https://carepass.example/".to_owned(),
        ..Settings::default()
    }
}

fn engineer(key: &str, release: Release) -> Engineer {
    let mut engineer = Engineer { release, ..Engineer::example(key) };
    engineer.stated.goal.revision = 3;
    engineer
}

async fn put(store: &Memory, changes: Vec<Change>) {
    let commit = Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, changes);
    store.commit(commit).await.unwrap();
}

async fn put_engineer(store: &Memory, key: &str, release: Release) {
    put(store, vec![Change::Engineer(Box::new(engineer(key, release)))]).await;
}

/// A row that waits for an operator.
async fn put_waiting(store: &Memory, id: &str) {
    let goal = Goal { want: Want::Present, revision: 3 };
    let mut row = Enrollment::open(id.parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
    let mut at = row.state.at().unwrap();
    if row.id.domain().is_some() {
        row.done = [StepName::Username, StepName::Account].into();
        at.step = StepName::License;
    }
    let reason = Failure::needs(Who::Operator, FailureCode::SeatsSpent);
    let look_again = "2026-11-22T11:00:00Z".parse().unwrap();
    row.state = State::Waiting { at, on: Who::Operator, reason, look_again };
    put(store, vec![Change::Enrollment { from: None, row: Box::new(row) }]).await;
}

const GRANTED: Release = Release::Granted(Timestamp::UNIX_EPOCH);
const HELD: Release = Release::Held { since: Timestamp::UNIX_EPOCH, why: Hold::GrantLimit };

fn filled(path: &str) -> String {
    path.replace("{key}", "E-1")
        .replace("{reseller}", "se")
        .replace("{domain}", "a.se")
        .replace("dead-letters/{id}", &format!("dead-letters/{}", "0".repeat(32)))
        .replace("{id}", "T-0123456789")
        // It would not end.
        .replace("/v1/stream", "/v1/stream?after=none")
}

#[tokio::test]
async fn every_route_asks_for_a_token_and_for_its_role() {
    let server = Server::start().await;
    for route in &ROUTES {
        let path = filled(route.path);
        let send = |role| server.request(route.method.clone(), &path, role).json(&json!({}));
        let refused = send(None).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(refused.headers().contains_key("www-authenticate"), "{path}");
        let (status, _) = answer(send(None).bearer_auth("a".repeat(43))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} with a strange token");
        for role in Role::ALL {
            let (status, body) = answer(send(Some(role))).await;
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !role.may(route.least),
                "{path} as {role}: {status} {body}"
            );
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{path} as {role}");
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_taken() {
    let server = Server::start().await;
    for route in &ROUTES {
        let path = filled(route.path);
        let response = server.request(Method::DELETE, &path, Some(Role::Approver)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allow = response.headers()["allow"].to_str().unwrap().to_owned();
        assert!(allow.contains(route.method.as_str()), "{path}: {allow}");
        assert_eq!(answer_code(response).await, "method_not_allowed", "{path}");
    }
}

async fn answer_code(response: reqwest::Response) -> String {
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_tokens_file_only_the_probes_answer() {
    let server = Server::with("", BTreeMap::new()).await;
    for route in &ROUTES {
        let (status, _) = answer(server.request(route.method.clone(), &filled(route.path), None)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{}", route.path);
    }
    for path in ["/startupz", "/livez", "/readyz", "/readyz?intake", "/metrics"] {
        let (status, _) = answer(server.request(Method::GET, path, None)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn problems_have_one_shape_and_speak_the_callers_language() {
    let server = Server::start().await;
    let request = server.request(Method::GET, "/v1/engineers/E-1", Some(Role::Viewer));
    let response = request.header("accept-language", "sv-SE, en;q=0.5").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["content-language"], "sv");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "https://carepass.example/problems/not_found",
            "title": "Det finns inget sådant",
            "status": 404,
            "detail": "Kontrollera sökvägen och nyckeln, återförsäljaren och domänen i den.",
            "code": "not_found",
        })
    );
    let (_, body) = server.get("/v1/engineers?state=done").await;
    assert_eq!((&body["code"], &body["errors"][0]["place"]), (&json!("invalid_request"), &json!("state")));
    for path in [
        "/v1/engineers?status=ready",
        "/v1/engineers?limit=0",
        "/v1/engineers?cursor=%20",
        "/v1/engineers?limit=1&limit=2",
    ] {
        let (status, body) = server.get(path).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")), "{path}");
    }
    for path in ["/v2/engineers", "/v1/engineers/%FF", "/v1/engineers/..%2f..", "/v1/engineers/a%40b"] {
        let (status, body) = server.get(path).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{path}");
    }
}

#[tokio::test]
async fn answers_tell_browsers_to_keep_and_guess_nothing() {
    let server = Server::start().await;
    for (path, role) in
        [("/livez", None), ("/v1/engineers", Some(Role::Viewer)), ("/v1/engineers", None), ("/no", None)]
    {
        let response = server.request(Method::GET, path, role).send().await.unwrap();
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(response.headers()[name], value, "{path}");
        }
    }
}

#[tokio::test]
async fn hostile_requests_are_refused() {
    let server = Server::start().await;
    let check = async |request: String, expected: &str| {
        let line = server.raw(&request).await;
        assert!(
            line.starts_with(&format!("HTTP/1.1 {expected}")),
            "{}…: {line}",
            &request[..request.len().min(80)]
        );
    };
    check("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "200").await;
    let tasks = "GET /v1/tasks HTTP/1.1\r\n";
    check(format!("{tasks}Host: localhost\r\n\r\n"), "401").await;
    check(format!("{tasks}Host: evil.example\r\n\r\n"), "421").await;
    check("GET http://evil.example/v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), "421").await;
    check(format!("{tasks}\r\n"), "421").await;
    check(format!("{tasks}Host: localhost\r\nHost: localhost\r\n\r\n"), "421").await;
    for probe in ["/livez", "/readyz", "/metrics"] {
        check(format!("GET {probe} HTTP/1.1\r\nHost: node-7.monitoring.example\r\n\r\n"), "200").await;
    }
    let long = "a".repeat(20_000);
    check(format!("GET /livez?{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "414").await;
    check(format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"), "431").await;
    let order =
        "POST /v1/engineers/E-1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    check(format!("{order}Content-Length: 16385\r\n\r\n"), "413").await;
    let token = &server.tokens[&Role::Operator];
    let chunk = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let chunked =
        format!("{order}Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    check(chunked, "413").await;
    let two = format!(
        "{order}Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    check(two, "401").await;
}

#[tokio::test]
async fn probes_tell_strangers_one_word_and_known_callers_the_parts() {
    let server = Server::start().await;
    let (_, stranger) = answer(server.request(Method::GET, "/readyz?intake", None)).await;
    assert_eq!(stranger, json!({ "status": "ready" }));
    let (_, known) = server.get("/readyz?intake").await;
    assert_eq!(known["parts"].as_array().unwrap().len(), 3, "{known}");
    server.broker_up.store(false, Ordering::SeqCst);
    for (path, expected) in [("/livez", 200), ("/readyz", 200), ("/readyz?intake", 503)] {
        let (status, body) = answer(server.request(Method::GET, path, None)).await;
        assert_eq!(status.as_u16(), expected, "{path}: {body}");
        assert!(body.get("parts").is_none() && body.get("code").is_none(), "{path}: {body}");
    }
    let metrics = crate::telemetry::metrics();
    server.get("/metrics").await;
    assert!(metrics.render().contains("carepass_broker_up{link=\"amqp\"} 0"), "{}", metrics.render());
}

#[tokio::test]
async fn engineers_come_in_parts_and_by_filter() {
    let server = Server::start().await;
    for number in 0..5 {
        put_engineer(&server.store, &format!("E-{number}"), GRANTED).await;
    }
    put_waiting(&server.store, "domain/E-3/se/a.se").await;
    let (mut cursor, mut keys, mut parts) = (String::new(), Vec::new(), 0);
    loop {
        let (status, page) =
            server.get(&format!("/v1/engineers?state=&reseller=&limit=2&cursor={cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        keys.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()),
        );
        parts += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!((keys.join(" ").as_str(), parts), ("E-0 E-1 E-2 E-3 E-4", 3));
    for (filter, expected) in
        [("state=provisioning", 1), ("state=planned", 4), ("reseller=se", 1), ("reseller=dk", 0)]
    {
        let (_, page) = server.get(&format!("/v1/engineers?{filter}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), expected, "{filter}: {page}");
        assert_eq!(page["next_cursor"], Value::Null, "{filter}");
    }
}

#[tokio::test]
async fn an_engineer_is_shown_as_the_contract_says() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let (_, shown) = server.get("/v1/engineers/E-1").await;
    assert_eq!(
        json!({ "key": shown["key"], "goal": shown["goal"], "state": shown["state"], "revision": shown["revision"], "username": shown["username"] }),
        json!({ "key": "E-1", "goal": "present", "state": "provisioning", "revision": 3, "username": null })
    );
    let row = &shown["enrollments"][0];
    assert_eq!(
        (&row["state"], &row["step"], &row["attempt"]),
        (&json!("waiting"), &json!("license"), &json!(1))
    );
    assert_eq!((&row["waiting_on"], &row["reason"]), (&json!("operator"), &json!("seats_spent")));
    assert_eq!(row["look_again_at"], "2026-11-22T11:00:00Z");
    let (_, tasks) = server.get("/v1/tasks").await;
    assert_eq!(tasks["items"], json!([]), "no lane of that reseller is configured here");
    let (_, ledger) = server.get("/v1/engineers/E-1/ledger?limit=1").await;
    assert_eq!(
        (&ledger["items"][0]["position"], &ledger["next_cursor"]),
        (&json!(1), &json!("1")),
        "{ledger}"
    );
    assert_eq!(ledger["items"][0]["changes"][0]["stated"]["person"], "(sealed)");
    let (_, rest) = server.get("/v1/engineers/E-1/ledger?cursor=1").await;
    assert_eq!((&rest["items"][0]["position"], &rest["next_cursor"]), (&json!(2), &Value::Null), "{rest}");
}

#[tokio::test]
async fn a_username_is_previewed_with_what_is_taken_and_every_fault_is_named() {
    let server = Server::start().await;
    let ask = async |body| server.order("/v1/usernames:preview", Role::Operator, body).await;
    let (status, found) = ask(json!({ "given": "Åsa", "family": "Ek", "language": "sv" })).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    assert_eq!((&found["username"], &found["reason"]), (&json!("asa.ek"), &json!("given_family")));
    assert_eq!(found["candidates"][0], json!({ "name": "asa.ek", "taken_by": null }));
    assert_eq!(found["unknown"], json!([]));
    let wish = json!({ "given": "太郎", "family": "山田", "preferredUsername": "support", "key": "J-1" });
    let (_, asked_back) = ask(wish).await;
    assert_eq!(
        asked_back["candidates"],
        json!([
            { "name": "support", "taken_by": { "kind": "stop_list" } },
            { "name": "eng-j-1", "taken_by": null },
        ])
    );
    assert_eq!((&asked_back["username"], &asked_back["reason"]), (&Value::Null, &json!("needs_latin")));
    let (status, refused) = ask(json!({ "given": "", "family": "Ek", "language": "!", "key": "a@b" })).await;
    let places: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|fault| fault["place"].clone()).collect();
    assert_eq!(
        (status, places),
        (StatusCode::BAD_REQUEST, vec![json!("/given"), json!("/language"), json!("/key")])
    );
}

#[tokio::test]
async fn the_stop_ends_the_serving() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let api = Api {
        engine: Engine::new(house(Arc::new(Memory::new())), settings(), stop.clone()),
        takes_events: false,
        tokens: Tokens::none(&SystemRandom::new()).unwrap(),
        hosts: Hosts::new(address, []),
        status: Arc::new(Status::default),
        repeats: Arc::default(),
        streams: Arc::default(),
        paces: Arc::default(),
        sessions: Arc::default(),
        metrics: Arc::new(String::new),
    };
    let serving = tokio::spawn(serve(listener, Arc::new(api), stop.clone()));
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[test]
fn planted_any_token_may_do_anything() {
    caught(Bug::RoleNotAsked, every_route_asks_for_a_token_and_for_its_role);
}

#[test]
fn planted_any_name_is_answered_to() {
    caught(Bug::HostNotAsked, hostile_requests_are_refused);
}
