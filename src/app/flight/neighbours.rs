//! Store and broker, as the flight check sees them. The store's folder is looked at and not opened: a running carepass may hold it. Its
//! database is asked what it is, and nothing is made in it.
//! Not here: whether the ledger is whole, which every start verifies.

use super::{Finding, Grade};
use crate::amqp::{DEAD_LETTER_QUEUE, look_at_queues};
use crate::config::{AmqpSection, Backend};
use crate::model::failure::FailureCode;
use crate::store::postgres::{self, Endpoint, Seen};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

/// The store.
pub(super) async fn store(backend: &Backend) -> Finding {
    match backend {
        Backend::Embedded { path } => folder(path),
        Backend::Postgres { endpoint, .. } => database(endpoint).await,
    }
}

/// The database of the store. Nothing is made in it.
async fn database(endpoint: &Endpoint) -> Finding {
    let shown = |said: String| format!("{endpoint}: {said}");
    match postgres::look(endpoint).await {
        Err(error) => {
            let finding = Finding::new("store", Grade::Fault, error.to_string());
            let finding = finding.advising("correct what is said of it, in store.url or on the server");
            Finding { code: Some(FailureCode::StoreUnavailable), ..finding }
        }
        Ok(Seen { version, is_made: false, .. }) => {
            let said = format!("PostgreSQL {version}, without carepass's tables");
            Finding::new("store", Grade::Warning, shown(said))
                .advising("nothing, if this is a first start, which makes them; else correct store.url")
        }
        Ok(Seen { version, has_full_pages: false, .. }) => {
            let said = format!("PostgreSQL {version}, with full_page_writes off");
            Finding::new("store", Grade::Warning, shown(said))
                .advising("set full_page_writes = on there, unless its disk never writes a page by halves")
        }
        Ok(Seen { version, .. }) => Finding::ok("store", shown(format!("PostgreSQL {version}"))),
    }
}

/// The folder of the store.
fn folder(path: &Path) -> Finding {
    let shown = path.display();
    let wrong = |why: &str| {
        let finding = Finding::new("store", Grade::Fault, format!("{shown}: {why}"));
        let finding =
            finding.advising("correct store.path, or the owner and mode of the folder, or mount its disk");
        Finding { code: Some(FailureCode::StoreUnavailable), ..finding }
    };
    match std::fs::read_dir(path) {
        Ok(_) => match holder(path) {
            Ok(true) => Finding::ok("store", format!("{shown}: in use by a carepass that runs")),
            Ok(false) => Finding::ok("store", format!("{shown}: nobody uses it")),
            Err(why) => wrong(&why),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::new(
            "store",
            Grade::Warning,
            format!("{shown}: not there"),
        )
        .advising(
            "nothing, if this is a first start, which makes it; else correct store.path or mount its disk",
        ),
        Err(error) => wrong(&error.kind().to_string()),
    }
}

/// Whether a process holds the store. The question takes a shared lock for a moment; a start waits longer than that.
fn holder(path: &Path) -> Result<bool, String> {
    let file = match File::open(path.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(format!("its lock: {}", error.kind())),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(format!("its lock: {}", error.kind())),
    }
}

/// The broker and its queues.
pub(super) async fn broker(section: Option<&AmqpSection>) -> Finding {
    let Some(section) = section else {
        return Finding::new("broker", Grade::Warning, "none is configured: no events come in")
            .advising("set intake.amqp.url");
    };
    let queues = [section.queue.as_str(), DEAD_LETTER_QUEUE];
    let looks = match look_at_queues(&section.endpoint, &queues).await {
        Ok(looks) => looks,
        Err(error) => {
            return Finding::new("broker", Grade::Fault, error.to_string())
                .advising("check that the broker runs, and the address, user and rights in intake.amqp.url");
        }
    };
    let absent: Vec<&str> =
        queues.iter().zip(&looks).filter(|(_, look)| look.is_none()).map(|(queue, _)| *queue).collect();
    if absent.is_empty() {
        let waiting = looks.first().copied().flatten().map_or(0, |look| look.messages);
        return Finding::ok("broker", format!("its queues are there; {waiting} messages wait"));
    }
    let said = format!("reached; not there: {}", absent.join(", "));
    if section.declare {
        Finding::new("broker", Grade::Warning, said).advising("nothing: the first start declares them")
    } else {
        Finding::new("broker", Grade::Fault, said)
            .advising("declare them, or set intake.amqp.declare = true so that carepass does")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_looked_at_and_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let check = |path: &Path, grade: Grade, words: &str| {
            let finding = folder(path);
            assert_eq!(finding.grade, grade, "{finding:?}");
            assert!(finding.said.contains(words), "{finding:?}");
        };
        check(&root.path().join("none"), Grade::Warning, "not there");
        assert!(!root.path().join("none").exists());
        check(root.path(), Grade::Ok, "nobody");
        let lock = File::create(root.path().join("lock")).unwrap();
        check(root.path(), Grade::Ok, "nobody");
        lock.try_lock().unwrap();
        check(root.path(), Grade::Ok, "in use");
        check(&root.path().join("lock"), Grade::Fault, "");
    }
}
