//! Signed events from the sender's command line to the intake: the lines of `docs/EVENTS.md` are run as they stand there, and what they
//! publish is taken; whatever differs from it is not. Not here: the forms of a signature (`model/signature`).

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::process::carepass;
use carepass::amqp::{AmqpSettings, Endpoint, Topology};
use carepass::clock::Clock;
use carepass::config;
use carepass::engine::{Admitted, Engine, IntakeError, Settings};
use carepass::model::event::ReasonCode;
use carepass::model::parked::{Door, Letter};
use carepass::model::signature::{SIGNATURE_HEADER, SigningKey, SourceKey};
use carepass::sandbox::World;
use carepass::sandbox::broker::Broker;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const SAMPLE: &str = include_str!("../../docs/schemas/samples/1-joined-sv-de.json");
const STRUCTURED: &str = "application/cloudevents+json";

/// Runs the line of the document that begins so, in a folder, and gives what it printed.
async fn run_line(folder: &Path, beginning: &str, url: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/EVENTS.md")).expect("the document");
    let line = text.lines().find(|line| line.starts_with(beginning)).expect("a line of the document");
    let arguments = line.split('#').next().expect("a line").split_whitespace().skip(1);
    let mut command = tokio::process::Command::from(carepass());
    command.args(arguments).current_dir(folder).env("CAREPASS__INTAKE__AMQP__URL", url).kill_on_drop(true);
    let output = command.output().await.expect("the binary can be run");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {notes}");
    String::from_utf8(output.stdout).expect("carepass writes UTF-8")
}

/// The keys of a configuration that consists of these lines, as far as it is about keys.
fn keys_of(folder: &Path, lines: &str) -> Vec<SourceKey> {
    let files = carepass::sandbox::init::write(folder)
        .map(|()| [folder.join("carepass.toml"), folder.join("keys.toml")]);
    let files = files.expect("the sandbox's files");
    // The lines of a key are for a source that is taken, which `allowed_sources` has to say.
    let source = lines.lines().find_map(|line| line.strip_prefix("source = ")).expect("a source");
    let lines = format!("[intake.amqp]\nallowed_sources = [{source}]\n{lines}");
    std::fs::write(&files[1], lines).expect("a folder of our own");
    let loaded = config::load(&files, std::iter::empty(), Clock::System.now());
    loaded.unwrap_or_else(|faults| panic!("{faults}")).intake.keys
}

fn letter(body: &str, signature: Option<String>) -> Letter {
    let headers = signature.map(|signature| (SIGNATURE_HEADER.to_owned(), signature)).into_iter().collect();
    Letter::new(Some(STRUCTURED.to_owned()), headers, body.as_bytes().to_vec())
}

/// The same event with its attributes as headers.
fn in_binary_mode(event: &Value, key: &SigningKey) -> Letter {
    let attributes = event.as_object().expect("an object").iter().filter(|(name, _)| *name != "data");
    let text = |value: &Value| value.as_str().expect("attributes are texts").to_owned();
    let mut headers: BTreeMap<String, String> =
        attributes.map(|(name, value)| (format!("cloudEvents_{name}"), text(value))).collect();
    let body = event["data"].to_string();
    headers.insert(SIGNATURE_HEADER.to_owned(), key.sign("hr-2026", body.as_bytes()));
    Letter::new(Some("application/json".to_owned()), headers, body.into_bytes())
}

async fn check(engine: &Engine, letter: &Letter, expected: Result<(), ReasonCode>) {
    match (engine.receive(letter, Door::Amqp).await, expected) {
        (Ok(Admitted::Applied(_)), Ok(())) => (),
        (Err(IntakeError::Refused(refusal)), Err(reason)) => assert_eq!(refusal.reason, reason),
        (other, expected) => panic!("{other:?} instead of {expected:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_event_is_published_and_taken_as_the_document_says() {
    let broker = Broker::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let stop = CancellationToken::new();
    tokio::spawn(broker.clone().serve(stop.clone()));
    let amqp = AmqpSettings::new(Endpoint::parse(&SecretString::from(broker.uri())).expect("an address"));
    Topology::of(&amqp).expect("sound settings").ensure_at(&amqp.endpoint).await.expect("a broker");
    let scratch = tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder");
    std::fs::write(scratch.path().join("my-event.json"), SAMPLE).expect("a folder of our own");

    let lines = run_line(scratch.path(), "carepass event keygen", &broker.uri()).await;
    run_line(scratch.path(), "carepass event publish --sign-key", &broker.uri()).await;
    let keys = keys_of(&scratch.path().join("house"), &lines);
    let published = broker.take("carepass.engineers").expect("what was published");
    let headers: BTreeMap<String, String> = published.headers.clone().into_iter().collect();
    let good = Letter::new(Some(STRUCTURED.to_owned()), headers, published.body.clone());
    assert!(good.headers.contains_key(SIGNATURE_HEADER), "{:?}", good.headers);
    stop.cancel();

    let room = EngineRoom::open(World::default()).await;
    let engine = |keys: &[SourceKey]| -> Arc<Engine> {
        let settings = Settings { source_keys: keys.to_vec(), ..settings(4) };
        Engine::new(room.house([]), settings, CancellationToken::new())
    };
    let strict = engine(&keys);
    let signature = good.headers[SIGNATURE_HEADER].clone();
    check(&strict, &letter(SAMPLE, None), Err(ReasonCode::SignatureMissing)).await;
    let altered = SAMPLE.replacen("E-20417", "E-20418", 9);
    check(&strict, &letter(&altered, Some(signature.clone())), Err(ReasonCode::SignatureInvalid)).await;
    let reformatted = format!("{SAMPLE} ");
    check(&strict, &letter(&reformatted, Some(signature)), Err(ReasonCode::SignatureInvalid)).await;

    let other = SigningKey::from_pkcs8(&SigningKey::pkcs8_of(&[7; 32])).expect("a key");
    let by_other = |id: &str| letter(SAMPLE, Some(other.sign(id, SAMPLE.as_bytes())));
    check(&strict, &by_other("hr-2026"), Err(ReasonCode::SignatureInvalid)).await;
    let later = by_other("hr-2027");
    check(&strict, &later, Err(ReasonCode::SignatureInvalid)).await;
    let mut event: Value = serde_json::from_str(SAMPLE).expect("an event");
    let with_other = [SourceKey { public_key: other.public_key(), ..keys[0].clone() }];
    let binary = in_binary_mode(&event, &other);
    check(&engine(&with_other), &binary, Err(ReasonCode::SignatureInvalid)).await;

    event["source"] = "https://hr.nordresale.example/unsigned".into();
    event["subject"] = "engineer/E-1".into();
    event["data"]["engineer"]["key"] = "E-1".into();
    check(&strict, &letter(&event.to_string(), None), Ok(())).await;

    // A key that the operator adds afterwards: the parked message is verified again, with the signature that it came with.
    let added = SourceKey { id: "hr-2027".to_owned(), public_key: other.public_key(), ..keys[0].clone() };
    let replayed = strict.replay(&strict.house().sealer.letter_id(&later), "asa", "too early").await;
    assert!(replayed.is_err(), "{replayed:?}");
    let mended = engine(&[keys[0].clone(), added]);
    mended
        .replay(&strict.house().sealer.letter_id(&later), "asa", "the new key is known now")
        .await
        .expect("it is signed by a known key");
    let again = strict.receive(&good, Door::Amqp).await.expect("a good signature");
    assert!(matches!(again, Admitted::Unchanged(_)), "the same event by its id: {again:?}");
}
