//! Canaries: personal data and secrets with marks that are recognised anywhere run through every flow of the built binary, by the broker,
//! by HTTP and at the command line; then logs (at trace level), metrics, outcomes, dead letters' headers, HTTP answers, what commands print
//! and the raw files of the store are looked through for the marks, in clear, in base64 and in UTF-16. None may be found but where it
//! belongs to its owner: the body of a dead letter and the address map for operators, the preview of whoever imports a file, the page that
//! the engineer opened, and the letter to the engineer, which holds no password but names what opens them.
//! Plugs for more flows: another answer goes through `Found::look`, another secret into `marks`. Not here: what each flow does.

mod flows;
mod scan;
mod story;

use crate::fixture::collector::{Collector, HEADERS, is_linked, said};
use crate::fixture::daemon;
use crate::fixture::mailbox;
use crate::fixture::vault::{Mood, Vault};
use crate::fixture::{Neighbour, Overheard};
use crate::rabbit::RabbitNode;
use scan::{Found, files};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use story::{Story, Told, VAULT_TOKEN};

/// Everything after the broker's start.
const LIMIT: Duration = Duration::from_mins(3);

/// What HR says of people, and nobody may read along.
const PERSONAL: [&str; 6] = [
    "Kanariegiven",
    "Kanariefamily",
    "kanarie.contact@nordresale.example",
    "kanarie.manager@nordresale.example",
    "kanariewish",
    "kanariegiven.kanariefamily",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_nothing_personal_or_secret_is_where_people_or_machines_read_along() {
    let rabbit = RabbitNode::start();
    let overheard = Overheard::default();
    let neighbour = Neighbour::start_overheard(overheard.clone()).await;
    let vault = Vault::start(Mood::Well).await;
    let collector = Collector::start().await;
    let story = Story::new(&rabbit, &neighbour, &vault, &collector).await;
    let told = tokio::time::timeout(LIMIT, story.run()).await;
    let Told { names, keys, answers } =
        told.unwrap_or_else(|_| panic!("not done after {LIMIT:?}:\n{}", daemon::log_tail(&neighbour)));

    let passwords = overheard.words("password");
    assert!(passwords.len() >= 8, "the sandbox was told {} passwords", passwords.len());
    let own = HEADERS.rsplit(' ').next().map(str::to_owned);
    let secrets = passwords.into_iter().chain(overheard.words("authorization")).chain(keys).chain(own);
    let mut secret = Found::new(secrets.chain(key_files(&neighbour)));
    let mut personal = Found::new(PERSONAL.into_iter().map(str::to_owned).chain(names));
    // What opens first passwords, which only letters may say, and Vault's answer of which nobody heard.
    let mail = neighbour.folder().join("mail");
    let (pages, wrappings) = mailbox::tokens(&mail);
    let kept = vault.kept().into_iter().map(|kept| kept.token);
    assert!(pages.len() >= 6 && wrappings.len() >= 6, "{} pages, {}", pages.len(), wrappings.len());
    let mut opening = Found::new(pages.into_iter().chain(wrappings).chain(kept));
    check_messages(&collector);
    for body in collector.bodies() {
        for found in [&mut personal, &mut secret, &mut opening] {
            found.look("an export of traces", &body);
        }
    }
    for (place, bytes) in &answers {
        // Who may read the API may see under which name an engineer works, and who has the file whom it names.
        if !place.starts_with("GET /v1/engineers") && !place.starts_with("event import") {
            personal.look(place, bytes);
        }
        secret.look(place, bytes);
        opening.look(place, bytes);
    }
    for letter in mailbox::letters(&mail) {
        secret.look("a letter", letter.as_bytes());
    }
    let folder = neighbour.folder();
    // The files in which the secrets are given to carepass, and the letters, which are their owner's.
    let own = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let given = path.parent() == Some(folder) && name != "carepass.log";
        given || name.contains("master")
    };
    let own_or_mail = |path: &Path| own(path) || path.starts_with(&mail);
    personal.look_at_files(folder, &own_or_mail);
    opening.look_at_files(folder, &own_or_mail);
    secret.look_at_files(folder, &own);
    let found: Vec<&String> = [&personal, &opening, &secret].iter().flat_map(|one| &one.places).collect();
    assert!(found.is_empty(), "personal data, what opens first passwords, or secrets in clear: {found:#?}");
}

/// What came by the broker and what was told there is traced as messages are, and linked to the span that HR's header names.
fn check_messages(collector: &Collector) {
    let spans = collector.spans();
    let kinds = [
        ("process carepass.engineers", "hr.events:com.carepass.engineer.joined.v1"),
        ("send carepass.outcomes", "carepass.outcomes:provisioning.progressed.v1"),
    ];
    for (name, destination) in kinds {
        let named = spans.iter().filter(|span| span.name == name);
        let mut there =
            named.filter(|span| said(span, "messaging.destination.name").as_deref() == Some(destination));
        let is_known = there.any(|span| {
            is_linked(span, &story::SENDER_TRACE)
                && said(span, "messaging.system").as_deref() == Some("rabbitmq")
                // What a sender writes there may be anything; of an event there is its own id.
                && said(span, "messaging.message.id").is_some() == name.starts_with("send")
        });
        assert!(is_known, "{name} at {destination}");
    }
    assert!(spans.iter().any(|span| span.name.starts_with("step ") && is_linked(span, &story::SENDER_TRACE)));
}

/// The private keys of the service accounts, the tokens of the API and for Vault, and the master key.
fn key_files(neighbour: &Neighbour) -> Vec<String> {
    let mut secrets = Vec::new();
    for path in files(neighbour.folder()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if path.extension().is_some_and(|ending| ending == "json") && text.contains("private_key") {
            let key: Value = serde_json::from_str(&text).expect("a key file");
            let lines = key["private_key"].as_str().expect("a key").lines();
            secrets.extend(lines.filter(|line| line.len() > 40).map(str::to_owned));
        } else if ["token", VAULT_TOKEN].contains(&name) || name.contains("master") && !text.trim().is_empty()
        {
            secrets.push(text.trim().to_owned());
        }
    }
    secrets
}
