//! What every store promises of what lies beside the ledger: data keys that are destroyed, messages that are parked, and of local
//! parts that are free again. Not here: files, and what a crash leaves of them (`embedded/tests`).

use super::picture::all_parked;
use super::{commit, done, put_engineer, refused, reserve, second, tag};
use crate::model::entry::{Change, Commit};
use crate::model::event::{ReasonCode, Refusal};
use crate::model::id::EngineerKey;
use crate::model::parked::{Door, Letter, LetterId, Parked, Unparking};
use crate::model::sealed::{Sealed, WrappedKey};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;

/// Runs this part of the suite.
pub(super) async fn check(store: &dyn Store) {
    a_released_local_part_is_anybodys(store).await;
    an_erased_engineer_has_no_key_and_may_get_another(store).await;
    what_is_parked_is_kept_once_until_it_is_unparked(store).await;
    parked_messages_are_listed_in_order(store).await;
}

/// A parked message with so many faults that it is long.
pub(crate) fn parked(body: &str, at: i64) -> Parked {
    let letter = Letter::new(None, BTreeMap::new(), body.as_bytes().to_vec());
    let refusal = Refusal::one("/id", ReasonCode::MissingField, None);
    let key = |key: &str| Some(key.parse().unwrap());
    Parked {
        engineer: key("E-parked"),
        ..Parked::of(LetterId::of_tag(&letter.digest()), &letter, &refusal, Door::Amqp, second(at))
    }
}

/// The commit that parks it, with the letter.
pub(crate) fn park(parked: &Parked, letter: u8) -> Commit {
    let letters = vec![(parked.id.clone(), Sealed::from_bytes(vec![letter; 100_000]))];
    Commit { letters, ..commit(vec![Change::Parked(parked.clone())]) }
}

/// The change that ends it.
pub(crate) fn unpark(id: &LetterId) -> Change {
    Change::Unparked { id: id.clone(), how: Unparking::Dropped }
}

/// The commit that brings an engineer in a version, with a data key.
pub(crate) fn with_key(engineer: &str, version: u64, key: u8) -> Commit {
    let keys = vec![(engineer.parse().unwrap(), WrappedKey::from_bytes(vec![key; 40]))];
    Commit { keys, ..commit(vec![put_engineer(engineer, version)]) }
}

/// The change that erases an engineer.
pub(crate) fn erase(engineer: &str) -> Change {
    Change::Erased { engineer: engineer.parse().unwrap() }
}

async fn a_released_local_part_is_anybodys(store: &dyn Store) {
    let release = |key: &str| Change::Released { tag: tag("bea"), engineer: key.parse().unwrap() };
    refused(store, vec![release("E-bea")]).await;
    done(store, vec![reserve("bea", "E-bea")]).await;
    refused(store, vec![release("E-other")]).await;
    done(store, vec![release("E-bea")]).await;
    assert_eq!(store.holder(&tag("bea")).await.unwrap(), None);
    refused(store, vec![release("E-bea")]).await;
    done(store, vec![reserve("bea", "E-other")]).await;
    refused(store, vec![reserve("bea", "E-bea")]).await;
    // In one commit too each change sees those before it.
    done(store, vec![release("E-other"), reserve("bea", "E-bea"), release("E-bea"), reserve("bea", "E-3")])
        .await;
    assert_eq!(store.holder(&tag("bea")).await.unwrap(), Some("E-3".parse().unwrap()));
    refused(store, vec![release("E-3"), release("E-3")]).await;
}

async fn an_erased_engineer_has_no_key_and_may_get_another(store: &dyn Store) {
    let key: EngineerKey = "E-erased".parse().unwrap();
    let stored = async || store.data_key(&key).await.unwrap().map(|key| key.as_bytes()[0]);
    store.commit(with_key("E-erased", 1, 1)).await.unwrap();
    store.commit(with_key("E-stays", 1, 1)).await.unwrap();
    let both = with_key("E-erased", 2, 1);
    let both = Commit { changes: [both.changes, vec![erase("E-erased")]].concat(), ..both };
    assert_eq!(store.commit(both).await, Err(StoreError::Conflict), "brought and destroyed at once");
    assert_eq!(stored().await, Some(1));
    let at = done(store, vec![put_engineer("E-erased", 2), erase("E-erased")]).await;
    assert_eq!(stored().await, None);
    assert_eq!(store.history(&key, at, 9).await.unwrap(), []);
    done(store, vec![erase("E-erased")]).await;
    assert_eq!(store.commit(with_key("E-erased", 2, 2)).await, Err(StoreError::Conflict));
    assert_eq!(stored().await, None, "a commit that is refused brings no key");
    store.commit(with_key("E-erased", 3, 2)).await.unwrap();
    assert_eq!(stored().await, Some(2));
    assert_eq!(store.commit(with_key("E-erased", 4, 3)).await, Err(StoreError::Conflict));
    let stays = store.data_key(&"E-stays".parse().unwrap()).await.unwrap();
    assert!(stays.is_some(), "somebody else's key");
}

async fn what_is_parked_is_kept_once_until_it_is_unparked(store: &dyn Store) {
    let first = parked("first", 50);
    assert_eq!(store.letter(&first.id).await.unwrap(), None);
    refused(store, vec![unpark(&first.id)]).await;
    store.commit(park(&first, 1)).await.unwrap();
    let later = Parked { at: second(60), door: Door::Http, ..first.clone() };
    store.commit(park(&later, 1)).await.unwrap();
    let sealed = Sealed::from_bytes(vec![1; 100_000]);
    assert_eq!(store.letter(&first.id).await.unwrap(), Some((first.clone(), Some(sealed))));
    let listed = all_parked(store, 9).await;
    assert_eq!(listed.iter().filter(|parked| parked.id == first.id).count(), 1);
    refused(store, vec![unpark(&first.id), unpark(&first.id)]).await;
    done(store, vec![unpark(&first.id)]).await;
    assert_eq!(store.letter(&first.id).await.unwrap(), None);
    refused(store, vec![unpark(&first.id)]).await;
    store.commit(park(&later, 2)).await.unwrap();
    let sealed = Sealed::from_bytes(vec![2; 100_000]);
    assert_eq!(store.letter(&first.id).await.unwrap(), Some((later, Some(sealed))), "it came once more");
    let told =
        store.history(&"E-parked".parse().unwrap(), crate::model::entry::Position(0), 9).await.unwrap();
    assert_eq!(told.len(), 3, "the engineer's history tells of it");
}

async fn parked_messages_are_listed_in_order(store: &dyn Store) {
    let mut expected = all_parked(store, 9).await;
    for (number, at) in [5, 5, -5, 70, 5].into_iter().enumerate() {
        let parked = parked(&format!("listed {number}"), at);
        store.commit(park(&parked, 1)).await.unwrap();
        expected.push(parked);
    }
    expected.sort_by_key(|parked| (parked.at, parked.id.clone()));
    for page in 1..=expected.len() + 1 {
        assert_eq!(all_parked(store, page).await, expected, "pages of {page}");
    }
    let gone = expected.remove(1);
    done(store, vec![unpark(&gone.id)]).await;
    let behind = store.parked(Some(&(gone.at, gone.id)), 99).await.unwrap();
    assert_eq!(behind, expected[1..], "the place need not be taken");
    assert_eq!(store.parked(None, 0).await.unwrap(), []);
}
