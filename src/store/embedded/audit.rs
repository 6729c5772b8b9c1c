//! Reading, beside the work, what a prompt start has not read: the index, then the older files of the ledger, slowly, so that nobody waits
//! for the disk. An index that is not what it says is made anew by the writer, as after a failure; a ledger that is not whole stops the
//! store, and the next start reads all of it first. Not here: what is sound (`index`, `recover`).

use super::frame::{Frame, Tail};
use super::index::broken;
use super::standing::Standing;
use super::survey::{self, Survey};
use super::unavailable;
use super::verify;
use super::writer::Request;
use crate::store::StoreError;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Keys of the index that are looked at in one go: the writer waits meanwhile.
const KEYS: usize = 256;

/// Of its time the look through the index takes at most this part, one in so many.
const SHARE: u32 = 2;

/// How much of the ledger is read in a second, in bytes.
const BYTES_PER_SECOND: u64 = 8 << 20;

/// The longest pause: whoever closes the store is not held up.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// Begins to read, on a thread of its own. So many files of the ledger, from the first on, were not read. The writer hears of what is found.
pub fn begin(
    standing: &Arc<Standing>,
    unread: usize,
    writer: mpsc::WeakSender<Request>,
) -> Result<(), StoreError> {
    let standing = Arc::downgrade(standing);
    let spawned = std::thread::Builder::new().name("store-audit".to_owned()).spawn(move || {
        let index = look_through(&standing, &writer);
        let ledger = read_through(&standing, unread);
        if index.is_some() && ledger.is_some() && unread > 0 {
            tracing::info!(files = unread, "the older files of the ledger are whole, too");
        }
    });
    spawned.map(drop).map_err(|error| unavailable(&format!("no thread to look through the store: {error}")))
}

/// `None` if the store is gone, or turned out not to be sound.
fn look_through(standing: &Weak<Standing>, writer: &mpsc::WeakSender<Request>) -> Option<()> {
    loop {
        let store = standing.upgrade()?;
        let begun = Instant::now();
        let look = || store.look(|shared| shared.index.look_on(KEYS));
        // sled panics on damaged files.
        let looked = std::panic::catch_unwind(AssertUnwindSafe(look));
        match looked.unwrap_or_else(|_| Some(Err("sled panicked".to_owned()))) {
            None | Some(Ok(false)) => (),
            Some(Ok(true)) => return Some(()),
            Some(Err(why)) => {
                store.fail(&broken(&why));
                // With a full queue it looks by itself.
                if let Some(writer) = writer.upgrade() {
                    let _ = writer.try_send(Request::Look);
                }
                return None;
            }
        }
        drop(store);
        std::thread::park_timeout(
            (begun.elapsed() * (SHARE - 1)).clamp(Duration::from_micros(50), PAUSE_MAX),
        );
    }
}

fn read_through(standing: &Weak<Standing>, unread: usize) -> Option<()> {
    if unread == 0 {
        return Some(());
    }
    let store = standing.upgrade()?;
    let (reader, key) = (store.look(|shared| shared.ledger.clone())?, store.key().clone());
    drop(store);
    let mut survey = told(Survey::begin(&reader, 0))?;
    while let Some(read) = told(survey.step(Some(&key)))?.map(Frame::length) {
        if survey.walk.place() >= unread {
            return Some(());
        }
        standing.upgrade()?;
        pause(read);
    }
    let store = standing.upgrade()?;
    let flaw = survey.flaw?;
    let (_, judged) = told(survey::tail(&survey.walk).map_err(|error| unavailable(&error.to_string())))?;
    let why = match judged {
        Tail::Damaged(why) => why,
        Tail::Torn => "it was whole once",
    };
    let text = verify::damage(&reader, &survey, flaw, why);
    store.damaged_behind(&text.map_or_else(|error| error, StoreError::Damaged));
    None
}

/// What cannot be read now may be whole: whoever is responsible for the disk hears of it, and the work goes on.
fn told<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| {
        tracing::error!(%error, "the older files of the ledger cannot be read; see to the disk, then ask `carepass ledger verify`");
    })
    .ok()
}

fn pause(read: u64) {
    let micros = read * 1_000_000 / BYTES_PER_SECOND;
    std::thread::park_timeout(Duration::from_micros(micros).min(PAUSE_MAX));
}
