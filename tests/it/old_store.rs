//! Upgrade: a store that an earlier build wrote, checked in as it was, is restored, read to its last entry, opened, and worked on. Not here: a
//! form that this build does not know (`store/embedded`), and tables (`store/postgres`).

use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events, until};
use carepass::app::App;
use carepass::model::engineer::Progress;
use carepass::model::id::EngineerKey;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The versions that wrote one; none is ever taken off.
const WRITERS: [&str; 1] = ["0.1.0"];

/// A store of an earlier build in a folder of this test.
struct Old {
    backup: PathBuf,
    data: PathBuf,
    key: PathBuf,
}

impl Old {
    fn restore(version: &str, folder: &Path) -> Self {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store").join(version);
        let old =
            Self { backup: kept.join("backup"), data: folder.join("old-data"), key: folder.join("old-key") };
        fs::copy(kept.join("seal.key"), &old.key).expect("the key is checked in");
        fs::set_permissions(&old.key, fs::Permissions::from_mode(0o600)).expect("it is ours");
        old.carepass(&["store", "restore", text(&old.backup), "--store", text(&old.data)]);
        old
    }

    /// What a command says, which has to end well.
    fn carepass(&self, arguments: &[&str]) -> String {
        let output = carepass().args(arguments).output().expect("the binary can be run");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{arguments:?} in {}: {said}", self.data.display());
        said
    }

    /// Verifies the whole chain with its key, and that this head is in it.
    fn verify(&self, head: &str) {
        let (data, key) = (text(&self.data), text(&self.key));
        self.carepass(&["ledger", "verify", "--store", data, "--master-key", key, "--head", head]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

async fn progress(app: &App, key: &str) -> Option<Progress> {
    let key: EngineerKey = key.parse().expect("a key");
    let store = &app.engine.house().store;
    let engineer = store.engineer(&key).await.expect("the store answers")?;
    let rows = store.enrollments_of(&key).await.expect("the store answers");
    Some(Progress::of(&engineer, &app.engine.roster(), &rows))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_an_earlier_build_is_read_and_worked_on() {
    for version in WRITERS {
        let neighbour = Neighbour::start().await;
        let old = Old::restore(version, neighbour.folder());
        let manifest = fs::read(old.backup.join("backup.json")).expect("it is checked in");
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        let head = manifest["sha256"].as_str().expect("a hash");
        old.verify(head);
        let entries = old.carepass(&["ledger", "export", "--store", text(&old.data)]);
        let entries = entries.lines().filter(|line| line.starts_with('{')).count() as u64;
        assert_eq!(Some(entries), manifest["position"].as_u64(), "{version}");

        let settings =
            [("INTAKE__AMQP__URL", ""), ("STORE__PATH", text(&old.data)), ("SEAL__KEY_FILE", text(&old.key))];
        let app = App::start(&neighbour.config(&settings)).await.expect("the old store opens");
        assert_eq!(progress(&app, "E-90001").await, Some(Progress::Ready), "{version}");
        assert_eq!(progress(&app, "E-90002").await, Some(Progress::Removed), "{version}");
        let key: EngineerKey = "E-90001".parse().expect("a key");
        let sheet = app.engine.house().sheet(&key).await.expect("what was sealed then opens now");
        assert_eq!(sheet.username.as_ref().map(ToString::to_string).as_deref(), Some("asa.oberg"));

        let house = app.engine.house();
        let tag = house.sealer.tag(&"asa.oberg".parse().expect("a local part"));
        assert_eq!(house.store.holder(&tag).await.expect("the store answers"), Some(key));
        let parked = house.store.parked(None, 10).await.expect("the store answers");
        assert_eq!(parked.len(), 1, "{version}");
        let letter = house.store.letter(&parked[0].id).await.expect("the store answers");
        let sealed = letter.and_then(|(_, sealed)| sealed).expect("it is kept");
        house.sealer.unseal_letter(&parked[0].id, &sealed).expect("what was parked then opens now");

        // It goes on where that one has ended. The world is another one, so nobody gets ready in it.
        let event = events::joined_as("E-90004", "Siv", "Ek").to_string();
        let admitted = app.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        until("rows for the new engineer", async || {
            let key: EngineerKey = "E-90004".parse().expect("a key");
            house.store.enrollments_of(&key).await.is_ok_and(|rows| rows.len() == 4)
        })
        .await;
        app.stop().await;
        old.verify(head);
    }
}
