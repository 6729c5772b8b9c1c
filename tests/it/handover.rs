//! First passwords on their way to the engineer: a letter with a link, a page over HTTP that opens once or is closed before, and an order
//! for new ones; and that neither password nor link stands anywhere else. Not here: Vault and encrypted files (`handover`), and the page's words.

use crate::fixture::mailbox::letters;
use crate::fixture::{Neighbour, Overheard, events, until};
use carepass::app::App;
use carepass::engine::NotReissued;
use carepass::model::engineer::{Engineer, Progress};
use carepass::model::enrollment::{Enrollment, State};
use carepass::model::entry::{Actor, Change, Commit};
use carepass::model::failure::FailureCode;
use carepass::model::handover::Handover;
use carepass::model::id::EngineerKey;
use reqwest::StatusCode;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

struct Daemon {
    neighbour: Neighbour,
    overheard: Overheard,
    app: App,
    client: reqwest::Client,
    key: EngineerKey,
}

impl Daemon {
    /// A daemon with one engineer who was told.
    async fn with_an_engineer() -> Self {
        Self::with_configuration(|text| text).await
    }

    /// The same, after a change to the file of the configuration.
    async fn with_configuration(change: impl FnOnce(String) -> String) -> Self {
        let overheard = Overheard::default();
        let neighbour = Neighbour::start_overheard(overheard.clone()).await;
        let file = neighbour.configuration_file();
        let text = std::fs::read_to_string(&file).expect("the sandbox's configuration");
        std::fs::write(&file, change(text)).expect("a file");
        let settings = [("INTAKE__AMQP__URL", ""), ("HTTP__LISTEN", "127.0.0.1:0")];
        let app = App::start(&neighbour.config(&settings)).await.expect("a house that starts");
        let event = events::joined(0).to_string();
        let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let daemon = Self { neighbour, overheard, app, client, key: "E-00000".parse().expect("a key") };
        until("the welcome", || async { daemon.is_ready().await }).await;
        daemon
    }

    async fn engineer(&self) -> Engineer {
        let stored = self.app.engine.house().store.engineer(&self.key).await;
        stored.expect("the store answers").expect("the engineer")
    }

    async fn rows(&self) -> Vec<Enrollment> {
        self.app.engine.house().store.enrollments_of(&self.key).await.expect("the store answers")
    }

    async fn is_ready(&self) -> bool {
        let stored = self.app.engine.house().store.engineer(&self.key).await.expect("the store answers");
        let rows = self.rows().await;
        stored.is_some_and(|engineer| {
            Progress::of(&engineer, &self.app.engine.roster(), &rows) == Progress::Ready
        })
    }

    /// The links of all letters so far.
    fn links(&self) -> Vec<String> {
        let mut links: Vec<String> = letters(&self.neighbour.folder().join("mail"))
            .iter()
            .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|word| word.strip_prefix("http://localhost:").map(str::to_owned))
            .filter(|link| link.contains("/envelope/"))
            .map(|link| format!("http://127.0.0.1:{}", link.trim_matches(['"', '<', '>'])))
            .collect();
        links.sort();
        links.dedup();
        links
    }

    /// Looking and opening alike find a page that opens no more and says why, and show nothing.
    async fn assert_closed(&self, link: &str, why: &str) {
        for (status, page) in [self.get(link).await, self.post(link).await] {
            assert_eq!((status, passwords(&page).len()), (StatusCode::GONE, 0), "{page}");
            assert!(page.contains(why), "{page}");
        }
    }

    /// Nothing is left of the first passwords: no row keeps one, and no file of the house has what Google was told in clear.
    async fn assert_destroyed(&self) {
        until("an end of the sealed passwords", || async {
            self.rows().await.iter().all(|row| row.credential.is_none())
        })
        .await;
        let told = self.overheard.words("password");
        assert!(told.len() >= 4, "Google was told {} passwords", told.len());
        for (place, bytes) in contents(self.neighbour.folder()) {
            for secret in &told {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "in {place}");
            }
        }
    }

    async fn get(&self, link: &str) -> (StatusCode, String) {
        answer(self.client.get(link)).await
    }

    async fn post(&self, link: &str) -> (StatusCode, String) {
        answer(self.client.post(link)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, String) {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    let policy = response.headers()["content-security-policy"].to_str().expect("text");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    (response.status(), response.text().await.expect("text"))
}

/// Every file below a folder but the letters.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("mail") {
            all.extend(contents(&path));
        } else if path.is_file() {
            all.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
        }
    }
    all
}

fn passwords(page: &str) -> Vec<String> {
    page.split("<code>")
        .skip(1)
        .map(|rest| rest.split("</code>").next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_first_passwords_opens_once_and_leaves_nothing_behind() {
    let daemon = Daemon::with_an_engineer().await;
    let links = daemon.links();
    let [link] = links.as_slice() else { panic!("one link and not {}", links.len()) };
    for _ in 0..20 {
        let (status, page) = daemon.get(link).await;
        assert_eq!((status, passwords(&page).len()), (StatusCode::OK, 0));
        assert!(page.contains("<form method=\"post\">"), "{page}");
    }
    let head = daemon.client.head(link).send().await.expect("an answer");
    assert_eq!(head.status(), StatusCode::OK);
    let foreign = daemon.client.post(link).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
    let other = if link.ends_with('A') { 'E' } else { 'A' };
    let (status, _) = daemon.post(&format!("{}{other}", &link[..link.len() - 1])).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let (status, page) = daemon.post(link).await;
    let shown = passwords(&page);
    assert_eq!((status, shown.len()), (StatusCode::OK, 4), "{page}");
    let (again, second) = daemon.post(link).await;
    assert_eq!((again, passwords(&second).len()), (StatusCode::GONE, 0));
    assert_eq!(daemon.get(link).await.0, StatusCode::GONE);
    assert!(daemon.rows().await.iter().all(|row| row.credential.is_none()));
    let handover = daemon.engineer().await.handover.expect("an envelope");
    assert!(handover.opened_at.is_some() && handover.issue == 1, "{handover:?}");

    let token = link.rsplit('/').next().expect("a token");
    let metrics = daemon.client.get(format!("http://{}/metrics", daemon.app.listen)).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("text");
    let mut places = contents(daemon.neighbour.folder());
    places.push(("metrics".to_owned(), metrics.into_bytes()));
    for (place, bytes) in &places {
        for secret in shown.iter().map(String::as_str).chain([token]) {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "in {place}");
        }
    }
    daemon.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_first_passwords_are_set_by_order_where_nobody_has_signed_in() {
    let daemon = Daemon::with_an_engineer().await;
    let [first] = daemon.links().try_into().expect("one link");
    let before = passwords(&daemon.post(&first).await.1);
    let reissued = daemon.app.engine.order_reissue(&daemon.key, None, None, "ada", "the page was lost").await;
    reissued.expect("an order that fits");
    until("a second letter", || async { daemon.links().len() == 2 && daemon.is_ready().await }).await;
    let second = daemon.links().into_iter().find(|link| *link != first).expect("another link");
    assert_eq!(daemon.get(&first).await.0, StatusCode::GONE);
    let after = passwords(&daemon.post(&second).await.1);
    assert_eq!(after.len(), 4);
    assert!(after.iter().all(|password| !before.contains(password)));

    // Whoever signs in has a password of their own, which no order of carepass's touches.
    let row = daemon.rows().await.into_iter().find(|row| row.id.domain().is_some()).expect("a row");
    let (reseller, domain) = (row.id.reseller().expect("one"), row.id.domain().expect("one"));
    let customer = daemon.app.engine.house().sites[reseller].reseller.customer.to_string();
    let id = row.facts.account.as_ref().expect("an account").id.to_string();
    let signed_in = daemon.neighbour.sandbox.set(&json!({"sign_in": {"customer": customer, "user": id}}));
    signed_in.unwrap_or_else(|fault| panic!("{fault:?} {domain}"));
    // The other domains are not held up by it, and the answer names the one.
    let reissued = daemon.app.engine.order_reissue(&daemon.key, None, None, "ada", "once more").await;
    assert_eq!(reissued.expect("an order that fits").refused, [(row.id.clone(), NotReissued::InUse)]);
    until("a third letter", || async { daemon.links().len() == 3 && daemon.is_ready().await }).await;
    let third =
        daemon.links().into_iter().find(|link| *link != first && *link != second).expect("another link");
    assert_eq!(passwords(&daemon.post(&third).await.1).len(), 3);
    let ordered = daemon.app.engine.order_reissue(&daemon.key, Some(&row.id), None, "ada", "once more").await;
    ordered.expect("an order that fits");
    until("a task", || async {
        daemon.rows().await.iter().any(|row| {
            matches!(&row.state, State::Waiting { reason, .. } if reason.code == FailureCode::PasswordInUse)
        })
    })
    .await;
    daemon.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_closed_from_the_moment_that_the_end_is_heard() {
    let daemon = Daemon::with_an_engineer().await;
    let [link] = daemon.links().try_into().expect("one link");
    assert_eq!(daemon.get(&link).await.0, StatusCode::OK);
    let end = events::ended("left", "E-00000", 2).to_string();
    let admitted =
        daemon.app.engine.admit(end.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
    admitted.expect("an event without faults");
    daemon.assert_closed(&link, "Åtkomsten har tagits bort.").await;
    daemon.assert_destroyed().await;
    daemon.assert_closed(&link, "Åtkomsten har tagits bort.").await;
    daemon.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_nobody_opens_in_time_is_closed_and_its_passwords_are_destroyed() {
    let daemon = Daemon::with_an_engineer().await;
    let [link] = daemon.links().try_into().expect("one link");
    assert!(daemon.rows().await.iter().any(|row| row.credential.is_some()));
    // Its time is moved, since the house's clock cannot be.
    until("a store that takes the change", || async {
        let engineer = daemon.engineer().await;
        let last = *engineer.handover.clone().expect("an envelope");
        let past = Handover { expires_at: last.issued_at, ..last };
        let (version, handover) = (engineer.version + 1, Some(Box::new(past)));
        let change = Change::Engineer(Box::new(Engineer { version, handover, ..engineer }));
        let house = daemon.app.engine.house();
        let commit = Commit::new(house.clock.now(), Actor::Engine, vec![change]);
        house.store.commit(commit).await.is_ok()
    })
    .await;
    daemon.assert_closed(&link, "tiden är ute").await;
    daemon.app.engine.signal(&daemon.key);
    daemon.assert_destroyed().await;
    daemon.assert_closed(&link, "tiden är ute").await;
    let handover = daemon.engineer().await.handover.expect("an envelope");
    assert!(handover.lapsed_at.is_some() && handover.opened_at.is_none(), "{handover:?}");
    daemon.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_shows_every_domain_but_those_with_single_sign_on() {
    let name = "name = \"nordic-dk\"\n";
    let daemon =
        Daemon::with_configuration(|text| text.replace(name, &format!("{name}handover = \"sso\"\n"))).await;
    let [link] = daemon.links().try_into().expect("one link");
    let (status, page) = daemon.post(&link).await;
    let (other, by_link): (BTreeSet<String>, BTreeSet<String>) = daemon
        .neighbour
        .accounts()
        .into_iter()
        .map(|account| account.address)
        .partition(|address| address.ends_with("@reseller-dk.example"));
    assert_eq!((status, passwords(&page).len()), (StatusCode::OK, by_link.len()), "{page}");
    assert!(by_link.len() >= 2 && !other.is_empty(), "{by_link:?} {other:?}");
    assert!(by_link.iter().all(|address| page.contains(address)), "{page}");
    assert!(other.iter().all(|address| !page.contains(address)), "{page}");
    daemon.app.stop().await;
}
