//! An order whose caller has gone, or was told that it takes too long, is carried out to its end all the same, with what follows from it.
//! Not here: what an order does, and what callers are answered (`http`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::watched::{Point, Watch, WatchedStore};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, Settings};
use carepass::http::{Api, Hosts, NewToken, Role, Status, Tokens, serve};
use carepass::model::grants::GrantLimits;
use carepass::sandbox::World;
use carepass::steps::House;
use reqwest::StatusCode;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn an_order_is_carried_out_to_its_end_also_when_nobody_waits_for_it() {
    let room =
        EngineRoom::open(World::from_toml(&demo::files().world).expect("the world that init writes")).await;
    let watch = Arc::new(Watch::default());
    let watched = WatchedStore { store: Arc::clone(&room.store), watch: Arc::clone(&watch) };
    let house = House { store: Arc::new(watched), ..room.house([]) };
    let stop = CancellationToken::new();
    let grants = GrantLimits { per_hour: 0, per_day: 0 };
    let engine = Engine::new(house, Settings { grants, ..settings(1) }, stop.clone());
    let event = events::joined(0).to_string();
    let admitted = engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");

    let token = NewToken::make(&SystemRandom::new()).expect("randomness");
    let file = token.lines("asa", Role::Approver);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    let api = Api {
        engine: Arc::clone(&engine),
        tokens: Tokens::parse(&file, &SystemRandom::new()).expect("a tokens file"),
        takes_events: true,
        hosts: Hosts::new(address, []),
        status: Arc::new(Status::default),
        repeats: Arc::default(),
        streams: Arc::default(),
        paces: Arc::default(),
        sessions: Arc::default(),
        metrics: Arc::new(String::new),
    };
    tokio::spawn(serve(listener, Arc::new(api), CancellationToken::new()));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let send = async || {
        let order = client.post(format!("http://{address}/v1/engineers/E-00000/orders"));
        let order = order.bearer_auth(token.reveal()).header("idempotency-key", "a");
        let answer = order.json(&json!({ "order": "approve", "reason": "checked" })).send().await;
        let answer = answer.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("text"));
        (status, serde_json::from_str::<Value>(&text).expect("JSON"))
    };

    watch.begin(Some(Point::AfterCommit(1)));
    let (status, problem) = send().await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("request_timeout")));
    watch.go_on();
    stop.cancel();
    engine.stopped().await;
    let (status, answer) = send().await;
    assert_eq!((status, &answer["key"]), (StatusCode::OK, &json!("E-00000")), "the first answer: {answer}");
}
