//! A ledger that somebody wrote who may write to the folder and has no master key: every hash is right. It is refused, and told.

use super::frame::{self, Link};
use super::ledger::LedgerReader;
use super::tests::scratch;
use super::*;
use crate::model::entry::{Actor, Change};
use crate::planted::{Bug, caught};
use std::path::PathBuf;

fn master(byte: u8) -> ChainKey {
    ChainKey::of(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[byte; 32]))
}

async fn bookmark(store: &Embedded, position: u64) {
    let change = Change::Bookmark { reader: "outcomes".into(), position: Position(position) };
    store.commit(Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, vec![change])).await.unwrap();
}

/// A store of three frames; where its ledger is.
async fn written(root: &Path) -> PathBuf {
    let store = Embedded::open_keyed(root, &master(7)).unwrap();
    for position in 1..=3 {
        bookmark(&store, position).await;
    }
    store.close().await;
    drop(store);
    drop(Embedded::open_keyed(root, &master(7)).unwrap());
    root.join("ledger/entries.jsonl")
}

/// Writes the ledger anew from a frame on, with another word in it, and with hashes that are all right. The index goes, which would know.
fn forge(root: &Path, from: u64, key: &ChainKey) {
    let path = root.join("ledger/entries.jsonl");
    let mut walk = LedgerReader::open(&root.join("ledger"), false).unwrap().walk(0, 1 << 16).unwrap();
    let (mut bytes, mut at, mut end) = (frame::OPENING.to_vec(), Link::opening(), Link::opening());
    while let Ok(Some(frame)) = walk.next() {
        let body = String::from_utf8(frame.body().unwrap()).unwrap();
        let forged = frame.end.frame >= from;
        let body = if forged { body.replace("outcomes", "outsiders") } else { body };
        let key = if forged { key.clone() } else { master(7) };
        let (written, next) = frame::encode(&end, frame.end.position - at.position, body.as_bytes(), &key);
        bytes.extend(written);
        (at, end) = (frame.end, next);
    }
    assert_eq!(at.frame, 3);
    std::fs::write(path, bytes).unwrap();
    std::fs::remove_dir_all(root.join("index")).unwrap();
}

#[test]
fn whoever_has_no_key_cannot_write_the_past() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for from in 1..=3 {
        let root = scratch();
        runtime.block_on(written(root.path()));
        forge(root.path(), from, &ChainKey::known());
        assert!(verify(root.path(), None).unwrap().is_sound(), "its hashes are right");
        let told = verify_keyed(root.path(), None, &master(7)).unwrap().flaw.expect("a flaw");
        assert!(told.frame == from && told.text.contains("master key"), "{told:?}");
        let Err(StoreError::Damaged(text)) = Embedded::open_keyed(root.path(), &master(7)) else {
            panic!("it opened")
        };
        assert!(text.contains("master key") && text.contains("Nothing was changed"), "{text}");
    }
}

#[test]
fn planted_anybody_may_write_the_past() {
    caught(Bug::CodeNotCompared, whoever_has_no_key_cannot_write_the_past);
}

#[tokio::test]
async fn whoever_has_the_key_may_write() {
    let root = scratch();
    written(root.path()).await;
    forge(root.path(), 2, &master(7));
    let verified = verify_keyed(root.path(), None, &master(7)).unwrap();
    assert!(verified.is_sound() && verified.is_vouched);
    Embedded::open_keyed(root.path(), &master(7)).unwrap();
}

#[tokio::test]
async fn another_key_opens_nothing_and_changes_nothing() {
    let root = scratch();
    let ledger = written(root.path()).await;
    let before = std::fs::read(&ledger).unwrap();
    for key in [master(8), ChainKey::known()] {
        let Err(StoreError::Damaged(text)) = Embedded::open_keyed(root.path(), &key) else {
            panic!("it opened")
        };
        assert!(text.contains("no frame of the ledger was written with this master key"), "{text}");
    }
    assert_eq!(std::fs::read(&ledger).unwrap(), before);
    Embedded::open_keyed(root.path(), &master(7)).unwrap();
}
