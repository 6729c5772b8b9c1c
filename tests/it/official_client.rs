//! The sandbox serves a client that nobody here wrote: Google's own for Python. What it asks and expects is in
//! `tests/python/official_client.py`; here it gets a sandbox and is run. Not here: getting the client (`./test` does).

use crate::fixture::{Neighbour, python};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The longest that all its tests may take together (measured: two seconds).
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn googles_own_python_client_works_against_the_sandbox() {
    let neighbour = Neighbour::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/official_client.py");
    let mut command = Command::new(python());
    // Without a proxy, a configuration or credentials of whoever runs the tests.
    command
        .env_clear()
        .env("CAREPASS_ENDPOINT", format!("http://{}", neighbour.address))
        .env("CAREPASS_KEY_FILE", neighbour.folder().join("nordic-se.json"))
        .args(["-I", "-B"])
        .arg(script)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = ended.expect("Python can be run");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    assert!(!notes.contains("Ran 0 tests") && !notes.contains("skipped"), "{notes}");
}
