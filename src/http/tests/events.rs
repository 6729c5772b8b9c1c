//! Events over HTTP: the same intake as over the broker, with answers that say what became of each; and what was refused, listed and
//! replayed. Not here: what makes an event unusable (`model/event`).

use super::*;
use crate::model::event::{BODY_MAX as EVENT_MAX, EventType, ReasonCode, Refusal};
use crate::model::outcome::OutcomeKind;
use crate::model::parked::{Door, Letter, Parked};
use crate::store::memory::Lost;

const SAMPLE: &str = include_str!("../../../docs/schemas/samples/1-joined-sv-de.json");
const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";
const PATH: &str = "/v1/events";

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

/// The sample about somebody else, with something to refuse.
fn faulty(key: &str) -> Value {
    let mut event = sample();
    event["id"] = json!(format!("id-of-{key}"));
    event["subject"] = json!(format!("engineer/{key}"));
    event["data"]["engineer"]["key"] = json!(key);
    event["data"]["engineer"]["role"] = json!("super");
    event["data"]["employment"]["timeZone"] = json!("Mars/Base");
    event
}

impl Server {
    async fn publish(&self, content_type: &str, body: impl ToString) -> (StatusCode, Value) {
        self.publish_as(Role::Publisher, content_type, body).await
    }

    async fn publish_as(&self, role: Role, content_type: &str, body: impl ToString) -> (StatusCode, Value) {
        let request = self.request(Method::POST, PATH, Some(role)).header("content-type", content_type);
        answer(request.body(body.to_string())).await
    }
}

#[tokio::test]
async fn the_same_message_is_one_event_by_every_door_and_in_every_mode() {
    let server = Server::start().await;
    let (status, first) = server.publish(STRUCTURED, SAMPLE).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    let event = sample();
    let expected =
        json!({ "id": event["id"], "source": event["source"], "outcome": "applied", "engineer": "E-20417" });
    assert_eq!(first["items"], json!([expected]));
    // As the broker's lane hands it over.
    let letter = Letter::new(Some(STRUCTURED.to_owned()), BTreeMap::new(), SAMPLE.as_bytes().to_vec());
    let again = server.engine.receive(&letter, Door::Amqp).await.unwrap();
    assert_eq!(again, crate::engine::Admitted::Unchanged("E-20417".parse().unwrap()));
    let mut binary = server.request(Method::POST, PATH, Some(Role::Operator));
    for (name, value) in event.as_object().unwrap() {
        if let Some(text) = value.as_str().filter(|_| name != "data") {
            binary = binary.header(format!("ce-{name}"), text.replace('/', "%2F"));
        }
    }
    let (status, third) = answer(binary.json(&event["data"])).await;
    assert_eq!(
        (status, &third["items"][0]["outcome"]),
        (StatusCode::ACCEPTED, &json!("unchanged")),
        "{third}"
    );
    assert_eq!(server.store.engineers(None, 9).await.unwrap().len(), 1);
    assert_eq!(server.store.parked(None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn each_event_of_a_batch_has_its_own_result() {
    let server = Server::start().await;
    let batch = json!([sample(), faulty("E-2"), sample(), 7]);
    let (status, answer) = server.publish("application/cloudevents-batch+json", batch).await;
    assert_eq!(status, StatusCode::ACCEPTED, "one that is refused does not hold up the others");
    let items = answer["items"].as_array().unwrap();
    let outcomes: Vec<_> = items.iter().map(|item| item["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["applied", "refused", "unchanged", "refused"]);
    assert_eq!((&items[1]["id"], &items[1]["reason"]), (&json!("id-of-E-2"), &json!("role_field_forbidden")));
    assert_eq!(items[1]["faults"][1]["pointer"], "/data/employment/timeZone", "{answer}");
    assert_eq!(items[3]["id"], Value::Null);
    assert_eq!(server.store.parked(None, 9).await.unwrap().len(), 2);
    let many = format!("[{}]", vec!["{}"; 101].join(","));
    for (body, code) in [(many.as_str(), "batch_too_long"), ("{}", "json_syntax")] {
        let (status, problem) = server.publish("application/cloudevents-batch+json", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["reason"], code, "{problem}");
    }
}

#[tokio::test]
async fn what_no_event_can_be_read_from_is_refused_by_its_status() {
    let server = Server::start().await;
    for media in ["application/json", "text/plain", ""] {
        let (status, problem) = server.publish(media, "{}").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("no_cloud_event"))
        );
    }
    let (status, _) = server.publish(STRUCTURED, "x".repeat(EVENT_MAX + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let padded = format!("{SAMPLE}{}", " ".repeat(EVENT_MAX - SAMPLE.len()));
    let (status, _) = server.publish(STRUCTURED, padded).await;
    assert_eq!(status, StatusCode::ACCEPTED, "a large one is taken");
    let (status, _) = server.publish_as(Role::Viewer, STRUCTURED, SAMPLE).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a viewer looks on");
    server.store.lose_next_commit(Lost::BeforeEffect);
    let request =
        server.request(Method::POST, PATH, Some(Role::Publisher)).header("content-type", STRUCTURED);
    let response = request.body(faulty("E-2").to_string()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "it could not be parked");
    assert!(response.headers().contains_key("retry-after"));
}

/// As many events as there is room for wait for a person: the next one is neither taken nor lost, its sender has it.
#[tokio::test]
async fn an_event_that_cannot_be_kept_stays_with_its_sender() {
    let server = Server::start().await;
    let letter = Letter::new(None, BTreeMap::new(), Vec::new());
    let refusal = Refusal::one("", ReasonCode::UnknownVersion, None);
    let parked = |number: u16| {
        let id = format!("{number:032x}").parse().unwrap();
        let engineer = Some("E-9".parse().unwrap());
        Change::Parked(Parked {
            engineer,
            ..Parked::of(id, &letter, &refusal, Door::Http, Timestamp::UNIX_EPOCH)
        })
    };
    put(&server.store, (0..9_000).map(parked).collect()).await;
    let (status, problem) = server.publish(STRUCTURED, faulty("E-2")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("no_room")), "{problem}");
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(2), "it is told what is wrong: {problem}");
    let batch = json!([sample(), faulty("E-2")]);
    let (status, problem) = server.publish("application/cloudevents-batch+json", batch).await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("no_room")));
    assert_eq!(
        server.publish(STRUCTURED, "{").await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "junk has its own room"
    );
    assert_eq!(server.publish(STRUCTURED, SAMPLE).await.0, StatusCode::ACCEPTED, "what is good passes");
    assert_eq!(server.store.parked(None, usize::MAX).await.unwrap().len(), 9_001);
}

#[tokio::test]
async fn a_refused_event_is_listed_looked_at_and_replayed() {
    let server = Server::start().await;
    let request =
        server.request(Method::POST, PATH, Some(Role::Publisher)).header("content-type", STRUCTURED);
    let (status, problem) =
        answer(request.header("accept-language", "sv").body(faulty("E-2").to_string())).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("event_refused")));
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");
    assert!(problem["errors"][1]["detail"].as_str().unwrap().contains("IANA-tidszon"), "{problem}");
    let (_, list) = server.get("/v1/dead-letters").await;
    let item = &list["items"][0];
    assert_eq!(
        (&item["id"], &item["engineer"], &item["door"]),
        (&problem["letter"], &json!("E-2"), &json!("http"))
    );
    assert_eq!(item["reason"], "role_field_forbidden");
    assert!(!list.to_string().contains("Mars") && !list.to_string().contains("Öberg"), "no values: {list}");

    let path = format!("/v1/dead-letters/{}", problem["letter"].as_str().unwrap());
    let (status, shown) = server.get(&path).await;
    assert_eq!((status, shown.get("body")), (StatusCode::OK, None));
    let body = format!("{path}?body=true");
    assert_eq!(server.get(&body).await.0, StatusCode::FORBIDDEN);
    let (_, shown) = answer(server.request(Method::GET, &body, Some(Role::Operator))).await;
    assert_eq!(shown["body"], faulty("E-2").to_string());

    let replay = format!("{path}/replay");
    let why = json!({ "reason": "try again" });
    let (status, refused) = server.order(&replay, Role::Operator, why.clone()).await;
    assert_eq!((status, &refused["letter"]), (StatusCode::UNPROCESSABLE_ENTITY, &problem["letter"]));
    assert_eq!(
        server.order(&replay, Role::Operator, json!({ "reason": "" })).await.0,
        StatusCode::BAD_REQUEST
    );
    let absent = format!("/v1/dead-letters/{}/replay", "0".repeat(32));
    assert_eq!(server.order(&absent, Role::Operator, why).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dead_letters_come_in_parts() {
    let server = Server::start().await;
    for key in ["E-1", "E-2", "E-3"] {
        server.publish(STRUCTURED, faulty(key)).await;
    }
    let (mut cursor, mut found) = (String::new(), BTreeSet::new());
    for _ in 0..2 {
        let (_, part) = server.get(&format!("/v1/dead-letters?limit=2&cursor={cursor}")).await;
        found.extend(part["items"].as_array().unwrap().iter().map(|item| item["engineer"].to_string()));
        cursor = part["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((found.len(), cursor.as_str()), (3, ""));
    assert_eq!(server.get("/v1/dead-letters?cursor=x").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_order_that_is_sent_twice_under_one_key_is_carried_out_once() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_engineer(&server.store, "E-2", HELD).await;
    let send = async |engineer: &str, key: &str, reason: &str| {
        let path = format!("/v1/engineers/{engineer}/orders");
        let request =
            server.request(Method::POST, &path, Some(Role::Approver)).header("idempotency-key", key);
        answer(request.json(&json!({ "order": "approve", "reason": reason }))).await
    };
    let (status, first) = send("E-1", "a", "checked").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert_eq!(send("E-1", "a", "checked").await, (status, first), "the first answer");
    assert_eq!(send("E-1", "b", "checked").await.1["code"], "not_held", "another key is another order");
    for (engineer, reason) in [("E-1", "other"), ("E-2", "checked")] {
        let (status, problem) = send(engineer, "a", reason).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency_key_reused"))
        );
    }
    assert_eq!(send("E-2", "", "checked").await.0, StatusCode::BAD_REQUEST);
    put_engineer(&server.store, "E-3", GRANTED).await;
    assert_eq!(send("E-3", "c", "checked").await.1["code"], "not_held");
    assert_eq!(
        send("E-3", "c", "otherwise").await.1["code"],
        "not_held",
        "what was refused is not remembered"
    );
}

#[tokio::test]
async fn schemas_and_asyncapi_need_no_token() {
    let server = Server::start().await;
    for (path, _, text) in schemas::DOCUMENTS {
        let (status, shown) = answer(server.request(Method::GET, path, None)).await;
        assert_eq!((status, shown), (StatusCode::OK, serde_json::from_str(text).unwrap()), "{path}");
    }
    for (path, _, text) in &schemas::DOCUMENTS[..2] {
        let schema: Value = serde_json::from_str(text).unwrap();
        let id = schema["$id"].as_str().unwrap();
        assert!(path.ends_with(id.trim_start_matches("https://schemas.carepass.example")), "{id}");
    }
}

#[test]
fn the_asyncapi_document_names_every_type() {
    let document: Value = serde_json::from_str(schemas::DOCUMENTS[2].2).unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    let named = |channel: &str| -> BTreeMap<String, bool> {
        let of_channel = document["channels"][channel]["messages"].as_object().unwrap();
        let message = |name: &String| (messages[name]["name"].as_str().unwrap(), &messages[name]["summary"]);
        of_channel
            .keys()
            .map(message)
            .map(|(name, summary)| {
                (name.to_owned(), !summary.as_str().unwrap().contains("Not published yet"))
            })
            .collect()
    };
    let incoming: BTreeSet<String> = EventType::ALL.map(EventType::as_text).into();
    assert_eq!(named("engineerEvents").into_keys().collect::<BTreeSet<_>>(), incoming);
    let told = OutcomeKind::ALL.map(|kind| kind.event_type().to_owned());
    let published = named("outcomes").into_iter().filter(|(_, is_published)| *is_published);
    assert_eq!(published.map(|(name, _)| name).collect::<BTreeSet<_>>(), told.into());
    assert_eq!(named("outcomes").len(), 11, "those of the contract");
}
