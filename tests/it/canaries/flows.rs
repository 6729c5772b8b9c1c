//! What else marked people go through: pages that are opened, events that are signed, spreadsheets, and messages that are taken up again.
//! Not here: the order of it all (`story`).

use super::PERSONAL;
use super::story::{LOOK, Story, joined};
use crate::fixture::mailbox;
use crate::fixture::process::carepass;
use serde_json::{Value, json};
use std::fmt::Write as _;
use tokio::process::Command;

/// The source that signs its events.
pub(super) const SIGNING: &str = "https://hr.nordresale.example/signed";

impl Story<'_> {
    /// Makes a key of the signing source, and gives the lines for the configuration.
    pub(super) async fn keygen(&mut self, key_id: &str) -> String {
        let file = format!("{key_id}.pem");
        self.typed(&["event", "keygen", &file, "--key-id", key_id, "--source", SIGNING], true).await
    }

    /// Adds the lines of a key to the configuration, for the next start.
    pub(super) fn trust(&self, lines: &str) {
        let mut text = std::fs::read_to_string(self.neighbour.configuration_file()).expect("init writes it");
        write!(text, "\n{lines}").expect("a String takes every text");
        std::fs::write(self.neighbour.configuration_file(), text).expect("a file of this test");
    }

    /// What stands in the files of the keys.
    pub(super) fn private_keys(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.desk.path()).expect("a folder of our own").flatten();
        let texts = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "pem"));
        let texts = texts.map(|file| std::fs::read_to_string(file.path()).expect("a key file"));
        let keys: Vec<String> = texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.starts_with("--"))
            .collect();
        assert_eq!(keys.len(), 2, "two keys were made");
        keys
    }

    /// A joiner whose event is signed with a key.
    pub(super) async fn signed(&mut self, engineer: &str, key_id: &str) {
        let mut event = joined(engineer, 1, None);
        event["source"] = json!(SIGNING);
        self.on_desk("signed.json", &event.to_string());
        let key = format!("{key_id}.pem");
        self.typed(&["event", "publish", "--sign-key", &key, "--key-id", key_id, "signed.json"], true).await;
    }

    /// A joiner from a spreadsheet, after a look at two files with faults.
    pub(super) async fn imported(&mut self, engineer: &str) {
        let [given, family, contact, manager, wish, _] = PERSONAL;
        let heading = "key,given,family,contact_email,manager_email,preferred_username,time_zone";
        let row = |family: &str, wish: &str| {
            format!("{heading}\n{engineer},{given},{family},{contact},{manager},{wish},Europe/Stockholm\n")
        };
        self.on_desk("faulty.csv", &row(&format!("={family}"), wish));
        self.typed(&["event", "import", "faulty.csv"], false).await;
        let mut faulty = joined(engineer, 1, Some(wish));
        faulty["data"]["engineer"]["role"] = json!(given);
        self.on_desk("faulty.json", &faulty.to_string());
        self.typed(&["event", "lint", "faulty.json"], false).await;
        self.on_desk("people.csv", &row(family, ""));
        self.typed(&["event", "import", "people.csv"], true).await;
        self.typed(&["event", "import", "--publish", "people.csv"], true).await;
    }

    /// Waits for so many letters, and opens all pages but two by their button, twice.
    pub(super) async fn opened(&mut self, letters: usize) {
        let pages = self.unopened(letters).await;
        for page in pages.iter().take(letters - 2) {
            self.send_to_page("GET", page).await;
            let shown = self.ask("POST", &format!("/envelope/{page}"), "", "").await;
            assert_eq!(shown.matches("<code>").count(), 3, "all but those of Vault are shown");
            let again = self.send_to_page("POST", page).await;
            assert!(again.starts_with("HTTP/1.1 410"), "{again}");
        }
    }

    /// Waits for so many letters, and gives the tokens of their pages.
    pub(super) async fn unopened(&mut self, letters: usize) -> Vec<String> {
        loop {
            let (pages, wrappings) = mailbox::tokens(&self.neighbour.folder().join("mail"));
            if pages.len() >= letters && wrappings.len() >= letters {
                assert!(self.vault.kept().len() >= letters);
                return pages.into_iter().collect();
            }
            self.assert_alive("letters");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks at a page, or opens it again; the answer is kept.
    pub(super) async fn send_to_page(&mut self, method: &str, page: &str) -> String {
        let answer = self.ask(method, &format!("/envelope/{page}"), "", "").await;
        self.answers.push((format!("{method} /envelope"), answer.clone().into_bytes()));
        answer
    }

    /// A joiner whose event is signed with a key that carepass does not know yet: it is parked, and taken up again once it does.
    pub(super) async fn replayed(&mut self, engineer: &str, key_id: &str) {
        let lines = self.keygen(key_id).await;
        self.signed(engineer, key_id).await;
        let id = self.parked("signature_invalid").await;
        self.typed(&["dead", "list"], true).await;
        self.typed(&["dead", "show", &id], true).await;
        self.typed(&["dead", "replay", &id, "--reason", "too early"], false).await;
        self.stop().await;
        self.trust(&lines);
        self.start().await;
        self.typed(&["dead", "replay", &id, "--reason", "the key is known now"], true).await;
    }

    /// The id of the message that was parked for this reason, once it is.
    async fn parked(&mut self, reason: &str) -> String {
        loop {
            let listed = self.typed(&["dead", "list", "--json"], true).await;
            let listed: Value = serde_json::from_str(&listed).expect("JSON");
            let items = listed["items"].as_array().expect("a list");
            if let Some(item) = items.iter().find(|item| item["reason"] == reason) {
                return item["id"].as_str().expect("an id").to_owned();
            }
            self.assert_alive("a parked message");
            tokio::time::sleep(LOOK).await;
        }
    }

    fn on_desk(&self, name: &str, text: &str) {
        std::fs::write(self.desk.path().join(name), text).expect("a folder of our own");
    }

    /// Runs a command at HR's desk, keeps what it prints, and gives its standard output.
    async fn typed(&mut self, arguments: &[&str], succeeds: bool) -> String {
        let mut command = Command::from(carepass());
        command
            .args(arguments)
            .current_dir(self.desk.path())
            .env("CAREPASS__INTAKE__AMQP__URL", &self.url)
            .env("CAREPASS_API", format!("http://{}", self.address))
            .env("CAREPASS_TOKEN_FILE", self.neighbour.folder().join("token"))
            .kill_on_drop(true);
        let output = command.output().await.expect("the binary can be run");
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), succeeds, "{arguments:?}: {notes}");
        let place = arguments.join(" ");
        self.answers.push((format!("{place}: its output"), output.stdout.clone()));
        self.answers.push((format!("notes of {place}"), output.stderr));
        String::from_utf8(output.stdout).expect("carepass writes UTF-8")
    }
}
