//! A joiner where one reseller account hands over by Vault: the whole daemon, the model of Google and Vault over HTTP. The letter says how
//! to unwrap; whatever Vault answers, nothing stands anywhere in clear, and once Vault is well the letter goes out.
//! Not here: how one answer is judged (`client`), and pages (`handover`).

use crate::fixture::mailbox;
use crate::fixture::vault::{AGENT, Kept, Mood, NAMESPACE, Vault};
use crate::fixture::{Account, Neighbour, Overheard, events, until};
use carepass::app::App;
use carepass::engine::RowOrder;
use carepass::model::enrollment::{Enrollment, EnrollmentId, State};
use carepass::model::failure::{Failure, FailureCode, Who};
use carepass::model::handover::Delivery;
use carepass::model::id::EngineerKey;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::OnceLock;

/// The reseller account that hands over by Vault, and its one domain.
const BY_VAULT: (&str, &str) = ("nordic-no", "reseller-no.example");

struct House {
    neighbour: Neighbour,
    overheard: Overheard,
    vault: Vault,
    app: App,
    key: EngineerKey,
}

impl House {
    /// With one joiner on the way.
    async fn open(mood: Mood) -> Self {
        let (overheard, vault) = (Overheard::default(), Vault::start(mood).await);
        let neighbour = Neighbour::start_overheard(overheard.clone()).await;
        let file = neighbour.configuration_file();
        let text = std::fs::read_to_string(&file).expect("the sandbox's configuration");
        let name = format!("name = \"{}\"\n", BY_VAULT.0);
        std::fs::write(&file, text.replace(&name, &format!("{name}handover = \"vault\"\n"))).expect("a file");
        let token_file = neighbour.folder().join("vault-token");
        std::fs::write(&token_file, AGENT).expect("a file");
        std::fs::set_permissions(&token_file, std::fs::Permissions::from_mode(0o600))
            .expect("a file of our own");
        let config = neighbour.config(&[
            ("INTAKE__AMQP__URL", ""),
            ("HANDOVER__VAULT__ADDRESS", &vault.address),
            ("HANDOVER__VAULT__TOKEN_FILE", token_file.to_str().expect("our names are ASCII")),
            ("HANDOVER__VAULT__NAMESPACE", NAMESPACE),
        ]);
        let app = App::start(&config).await.expect("a house that starts");
        let event = events::joined(0).to_string();
        let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        Self { neighbour, overheard, vault, app, key: "E-00000".parse().expect("a key") }
    }

    async fn rows(&self) -> Vec<Enrollment> {
        self.app.engine.house().store.enrollments_of(&self.key).await.expect("the store answers")
    }

    /// Waits for what is wrong with the engineer as a whole, and gives whether it is somebody's task.
    async fn failed(&self, code: FailureCode) -> Option<Who> {
        let failed = async || {
            let rows = self.rows().await;
            let row = rows.into_iter().find(|row| row.id == EnrollmentId::Engineer(self.key.clone()))?;
            failure(&row.state).filter(|(failure, _)| failure.code == code)
        };
        // Vault may be asked again at any moment, so what was seen counts.
        let seen = OnceLock::new();
        until(code.as_str(), async || failed().await.is_some_and(|(_, who)| seen.set(who).is_ok())).await;
        seen.into_inner().expect("it was seen")
    }

    async fn letter(&self) -> String {
        let mail = self.neighbour.folder().join("mail");
        let told = |text: &String| text.contains("vault unwrap ");
        until("a letter", async || mailbox::letters(&mail).iter().any(told)).await;
        let letters: Vec<String> = mailbox::letters(&mail).into_iter().filter(told).collect();
        let [letter] = letters.try_into().expect("one letter");
        letter
    }

    fn assert_no_letter(&self) {
        let letters = mailbox::letters(&self.neighbour.folder().join("mail"));
        assert!(letters.iter().all(|text| !text.contains("vault unwrap ") && !text.contains("/envelope/")));
    }

    fn account(&self) -> Account {
        let accounts = self.neighbour.accounts();
        accounts.into_iter().find(|account| account.domain() == BY_VAULT.1).expect("an account")
    }

    /// The letter comes, and names the one wrapping that there was.
    async fn hands_over_once(self) {
        self.letter().await;
        let [kept] = self.vault.kept().try_into().expect("one wrapping");
        self.assert_handed_over(&kept).await;
        self.app.stop().await;
    }

    /// The one token that the letter names shows the one password of this way, once, and no password is kept for it any more.
    async fn assert_handed_over(&self, expected: &Kept) {
        let letter = self.letter().await;
        let (pages, wrappings) = mailbox::tokens(&self.neighbour.folder().join("mail"));
        assert_eq!(wrappings, BTreeSet::from([expected.token.clone()]), "{letter}");
        assert_eq!((pages.len(), expected.seconds), (1, 86_400), "the others have a page");
        let shown = self.vault.unwrap(&expected.token).await.expect("what was wrapped");
        let password = shown[BY_VAULT.1]["password"].as_str().expect("a password").to_owned();
        assert!(self.overheard.words("password").contains(&password), "Google was told another one");
        let account = json!({ "address": self.account().address, "password": password });
        assert_eq!(shown, json!({ BY_VAULT.1: account }), "it is the account's, and no other is there");
        assert_eq!(self.vault.unwrap(&expected.token).await, None);
        for row in self.rows().await.iter().filter(|row| row.id.domain().is_some()) {
            let by_vault = row.id.reseller().is_some_and(|name| name.as_str() == BY_VAULT.0);
            assert_eq!(row.credential.is_none(), by_vault, "{}", row.id);
        }
        let engineer = self.app.engine.house().store.engineer(&self.key).await.expect("the store answers");
        let handover = engineer.expect("the engineer").handover.expect("an envelope");
        assert_eq!(handover.domains(Delivery::Vault).len(), 1, "{handover:?}");
        self.assert_nothing_in_clear().await;
    }

    /// Neither rows nor record nor any file of the house has a password, a wrapping token, or the token for Vault.
    async fn assert_nothing_in_clear(&self) {
        let wrappings = self.vault.kept().into_iter().map(|kept| kept.token);
        let passwords = self.overheard.words("password");
        assert!(passwords.len() >= 4, "Google was told {} passwords", passwords.len());
        let secrets: Vec<String> = passwords.into_iter().chain(wrappings).chain([AGENT.to_owned()]).collect();
        let rows = self.rows().await;
        let engineer = self.app.engine.house().store.engineer(&self.key).await.expect("the store answers");
        let mut places = contents(self.neighbour.folder());
        places.push(("rows".to_owned(), serde_json::to_vec(&rows).expect("JSON")));
        places.push(("rows as shown".to_owned(), format!("{rows:?}{engineer:?}").into_bytes()));
        places.push(("the engineer".to_owned(), serde_json::to_vec(&engineer).expect("JSON")));
        for (place, bytes) in &places {
            for secret in &secrets {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "in {place}");
            }
        }
    }
}

/// What is wrong with a row, and whose task it is, if it is one.
fn failure(state: &State) -> Option<(Failure, Option<Who>)> {
    match state {
        State::Scheduled { last, .. } => last.clone().map(|failure| (failure, None)),
        State::Waiting { on, reason, .. } => Some((reason.clone(), Some(*on))),
        State::Running { .. } | State::Completed | State::Cancelled { .. } => None,
    }
}

/// Every file below a folder but the letters and the file of the token.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("mail") {
            all.extend(contents(&path));
        } else if path.is_file() && !path.ends_with("vault-token") {
            all.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_names_what_unwraps_the_password_of_vault_once() {
    let house = House::open(Mood::Well).await;
    house.hands_over_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_refuses_is_an_operators_task_and_loses_no_password() {
    let house = House::open(Mood::Refuses(403)).await;
    assert_eq!(house.failed(FailureCode::VaultRefused).await, Some(Who::Operator));
    house.assert_no_letter();
    assert!(house.rows().await.iter().all(|row| row.id.domain().is_none() || row.credential.is_some()));
    house.assert_nothing_in_clear().await;

    house.vault.set(Mood::Well);
    let id = EnrollmentId::Engineer(house.key.clone());
    let retried = house.app.engine.order_row(&id, RowOrder::Retry, "ada", "the policy is mended").await;
    retried.expect("an order that fits");
    house.hands_over_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_vault_is_asked_again_by_itself() {
    let house = House::open(Mood::Refuses(503)).await;
    assert_eq!(house.failed(FailureCode::VaultUnavailable).await, None, "nobody needs to act yet");
    house.assert_no_letter();
    assert!(house.rows().await.iter().all(|row| row.id.domain().is_none() || row.credential.is_some()));
    house.assert_nothing_in_clear().await;

    house.vault.set(Mood::Well);
    house.hands_over_once().await;
}

/// Nobody has the token of the first wrapping, and it expires by itself; the letter names the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_vault_wrapped_with_a_lost_answer_is_wrapped_again() {
    let house = House::open(Mood::LosesAnswers(502)).await;
    assert_eq!(house.failed(FailureCode::VaultUnavailable).await, None, "nobody needs to act yet");
    house.assert_no_letter();
    house.assert_nothing_in_clear().await;

    house.vault.set(Mood::Well);
    house.letter().await;
    let kept = house.vault.kept();
    let contents: BTreeSet<String> = kept.iter().map(|kept| kept.content.to_string()).collect();
    assert!(kept.len() >= 2 && contents.len() == 1, "the same password each time: {} times", kept.len());
    house.assert_handed_over(kept.last().expect("two at least")).await;
    house.app.stop().await;
}
