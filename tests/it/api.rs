//! The built daemon's API before judges that nobody here wrote, in `tests/python/openapi.py`: real answers of every route are held
//! against `/v1/openapi.json`, and schemathesis makes requests of that document, right and wrong ones. Not here: that every route
//! stands in the document (beside `http`), and getting the judges (`./test` does).

use crate::fixture::daemon::Daemon;
use crate::fixture::door::Door;
use crate::fixture::{Neighbour, python};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The longest that all of it may take together (measured: a minute on two cores that built four other things).
const LIMIT: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_openapi_document_says() {
    let neighbour = Neighbour::start().await;
    neighbour.sandbox.change(|world| {
        let mut customers = world.customers.values_mut();
        let crowded =
            customers.find(|customer| customer.name == "nordic-dk").expect("the demo's world has it");
        crowded.settings.seats = Some(u32::try_from(crowded.users.len() + 2).expect("a small number"));
    });
    let door = Door::of(&neighbour);
    let mut settings = door.settings();
    // Three begin, of whom one gets no seat in Denmark; the fourth is held.
    settings.push(("LIMITS__GRANTS_PER_HOUR", "3"));
    let daemon = Daemon::start(&neighbour, &neighbour.environment(&settings));
    for number in 0..4 {
        door.join(number).await;
    }
    let work = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(python());
    command
        .env_clear()
        .env("CAREPASS_API", format!("http://{}", door.address))
        .env("CAREPASS_TOKEN_FILE", neighbour.folder().join("token"))
        .env("HOME", work.path())
        .current_dir(work.path())
        .args(["-I", "-B"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/openapi.py"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = ended.expect("Python can be run");
    let notes = [output.stdout, output.stderr].concat();
    let notes = String::from_utf8_lossy(&notes);
    assert!(output.status.success(), "{notes}");
    assert!(!notes.contains("Ran 0 tests") && !notes.contains("skipped"), "{notes}");
    daemon.stop().await;
}
