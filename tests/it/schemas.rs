//! The committed schemas, their samples and the AsyncAPI document before a validator that nobody here wrote, in
//! `tests/python/schemas.py`. Not here: that the document names every type of the code (beside `http`), and getting the validator
//! (`./test` does).

use crate::fixture::python;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The longest that all its tests may take together (measured: half a second).
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn samples_are_valid_by_the_schemas_and_the_asyncapi_document() {
    let python = python();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    command
        .env_clear()
        .env("CAREPASS_DOCS", root.join("docs"))
        .args(["-I", "-B"])
        .arg(root.join("tests/python/schemas.py"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = ended.expect("Python can be run");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    assert!(!notes.contains("Ran 0 tests") && !notes.contains("skipped"), "{notes}");
}
