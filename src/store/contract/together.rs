//! What every store promises to several replicas at once: leases of duties, fences and limits on grants. A store that is one process's
//! alone promises that it holds everything. Not here: who ought to hold what (`model/spread`).

use super::{commit, put_engineer, refused, second};
use crate::model::duty::{Duty, Fence, LeaseBook, LeaseCall, ReplicaId};
use crate::model::entry::Commit;
use crate::model::grants::{Grant, GrantLimits, GrantRoom};
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A term that does not end while the suite runs.
const LONG: Duration = Duration::from_hours(1);

/// A term whose end is waited for.
const SHORT: Duration = Duration::from_millis(300);

/// Runs this part of the suite.
pub(super) async fn check(store: &Arc<dyn Store>) {
    if !store.is_shared() {
        return one_process_holds_everything(&**store).await;
    }
    a_duty_has_one_holder(&**store).await;
    what_is_given_up_or_left_is_free_at_once(&**store).await;
    a_lease_ends_by_itself_and_another_begins(&**store).await;
    only_the_holders_commits_pass(&**store).await;
    one_of_many_gets_a_duty(store).await;
    grants_fit_into_their_limits(&**store).await;
    the_last_grant_is_given_once(store).await;
}

fn replica(number: u32) -> ReplicaId {
    ReplicaId::new("replica", number).unwrap()
}

fn duties<const N: usize>(texts: [&str; N]) -> BTreeSet<Duty> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn wants<const N: usize>(number: u32, wanted: [&str; N]) -> LeaseCall {
    LeaseCall { wants: duties(wanted), ..LeaseCall::alive(replica(number), LONG) }
}

async fn lease(store: &dyn Store, call: &LeaseCall) -> LeaseBook {
    store.lease(call).await.unwrap()
}

/// The duties of a replica with their epochs.
fn held(book: &LeaseBook, number: u32) -> Vec<(String, u64)> {
    let mine = book.leases.iter().filter(|(_, lease)| lease.holder == replica(number));
    mine.map(|(duty, lease)| (duty.to_string(), lease.epoch)).collect()
}

fn fenced(duty: &str, epoch: u64) -> Commit {
    let fences = vec![Fence { duty: duty.parse().unwrap(), epoch }];
    Commit { fences, ..commit(Vec::new()) }
}

async fn one_process_holds_everything(store: &dyn Store) {
    let book = lease(store, &wants(1, ["account/sole", "house"])).await;
    let all =
        [("account/sole".to_owned(), LeaseBook::SOLE_EPOCH), ("house".to_owned(), LeaseBook::SOLE_EPOCH)];
    assert_eq!(held(&book, 1), all);
    assert!(book.leases.values().all(|lease| lease.left == Duration::MAX));
    assert!(store.commit(fenced("account/sole", LeaseBook::SOLE_EPOCH)).await.is_ok());
    assert_eq!(store.commit(fenced("account/sole", 2)).await, Err(StoreError::Conflict));
}

async fn a_duty_has_one_holder(store: &dyn Store) {
    let book = lease(store, &wants(1, ["account/one", "house"])).await;
    assert_eq!(held(&book, 1), [("account/one".to_owned(), 1), ("house".to_owned(), 1)]);
    let book = lease(store, &wants(2, ["account/one", "account/two"])).await;
    assert_eq!(held(&book, 2), [("account/two".to_owned(), 1)]);
    assert_eq!(held(&book, 1), [("account/one".to_owned(), 1), ("house".to_owned(), 1)], "all see all");
    assert_eq!(book.living.keys().cloned().collect::<Vec<_>>(), [replica(1), replica(2)]);
    assert!(book.living.values().all(|left| *left <= LONG && *left > LONG / 2), "{book:?}");
    let book = lease(store, &wants(1, ["account/one", "house"])).await;
    assert_eq!(
        held(&book, 1),
        [("account/one".to_owned(), 1), ("house".to_owned(), 1)],
        "renewed, not taken anew"
    );
    assert!(book.leases.values().all(|lease| lease.left <= LONG && lease.left > LONG / 2), "{book:?}");
}

async fn what_is_given_up_or_left_is_free_at_once(store: &dyn Store) {
    lease(store, &wants(3, ["account/given", "account/kept"])).await;
    let others = LeaseCall { gives_up: duties(["account/given"]), ..LeaseCall::alive(replica(4), LONG) };
    assert_eq!(held(&lease(store, &others).await, 3).len(), 2, "only the holder gives up");
    let gives = LeaseCall { gives_up: duties(["account/given"]), ..wants(3, ["account/kept"]) };
    assert_eq!(held(&lease(store, &gives).await, 3), [("account/kept".to_owned(), 1)]);
    let book = lease(store, &wants(4, ["account/given"])).await;
    assert_eq!(held(&book, 4), [("account/given".to_owned(), 2)]);
    // Given up and wanted at once is held anew, under another number.
    let anew = LeaseCall { gives_up: duties(["account/given"]), ..wants(4, ["account/given"]) };
    assert_eq!(held(&lease(store, &anew).await, 4), [("account/given".to_owned(), 3)]);
    let leaves = LeaseCall { leaves: true, ..LeaseCall::alive(replica(4), LONG) };
    let book = lease(store, &leaves).await;
    assert_eq!((held(&book, 4), book.living.contains_key(&replica(4))), (Vec::new(), false));
    assert_eq!(held(&book, 3), [("account/kept".to_owned(), 1)], "another's stays");
}

async fn a_lease_ends_by_itself_and_another_begins(store: &dyn Store) {
    let sent = Instant::now();
    let first = LeaseCall { term: SHORT, ..wants(5, ["account/ends"]) };
    assert_eq!(held(&lease(store, &first).await, 5), [("account/ends".to_owned(), 1)]);
    let book = loop {
        let book = lease(store, &wants(6, ["account/ends"])).await;
        if !held(&book, 6).is_empty() {
            break book;
        }
        assert!(book.leases[&"account/ends".parse().unwrap()].left <= SHORT);
        assert!(sent.elapsed() < LONG, "it never ended");
        tokio::task::yield_now().await;
    };
    assert!(sent.elapsed() >= SHORT, "it was taken away before its end");
    assert_eq!((held(&book, 6), held(&book, 5)), (vec![("account/ends".to_owned(), 2)], Vec::new()));
    assert!(!book.living.contains_key(&replica(5)), "whoever is silent for so long is not counted");
    let book = lease(store, &wants(5, ["account/ends"])).await;
    assert_eq!(held(&book, 5), [], "it is another's now");
}

async fn only_the_holders_commits_pass(store: &dyn Store) {
    refused_fenced(store, "account/fenced", 1).await;
    lease(store, &wants(7, ["account/fenced"])).await;
    let both = Commit { changes: vec![put_engineer("E-fenced", 1)], ..fenced("account/fenced", 1) };
    store.commit(both).await.unwrap();
    refused_fenced(store, "account/fenced", 2).await;
    refused_fenced(store, "account/fence", 1).await;
    lease(store, &LeaseCall { leaves: true, ..LeaseCall::alive(replica(7), LONG) }).await;
    lease(store, &wants(8, ["account/fenced"])).await;
    let late = Commit { changes: vec![put_engineer("E-fenced", 2)], ..fenced("account/fenced", 1) };
    assert_eq!(store.commit(late).await, Err(StoreError::Conflict), "the holder before");
    let mut two = fenced("account/fenced", 2);
    two.fences.extend(fenced("account/fenced", 1).fences);
    assert_eq!(store.commit(two).await, Err(StoreError::Conflict), "every fence must stand");
    store.commit(fenced("account/fenced", 2)).await.unwrap();
    refused(store, vec![put_engineer("E-fenced", 1)]).await;
}

async fn refused_fenced(store: &dyn Store, duty: &str, epoch: u64) {
    assert_eq!(store.commit(fenced(duty, epoch)).await, Err(StoreError::Conflict), "{duty} {epoch}");
}

async fn one_of_many_gets_a_duty(store: &Arc<dyn Store>) {
    let tries = (20..40).map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move { (number, lease(&*store, &wants(number, ["account/many"])).await) })
    });
    let books: Vec<(u32, LeaseBook)> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let won = books.iter().filter(|(number, book)| !held(book, *number).is_empty()).count();
    assert_eq!(won, 1);
    let last = lease(&**store, &LeaseCall::alive(replica(40), LONG)).await;
    assert_eq!(last.leases[&"account/many".parse().unwrap()].epoch, 1);
}

fn granting(key: &str, source: &str, minute: i64, room: Option<GrantRoom>) -> Commit {
    let at = second(0) + SignedDuration::from_mins(minute);
    let grants = vec![Grant { source: source.to_owned(), at, room }];
    Commit { grants, ..commit(vec![put_engineer(key, 1)]) }
}

async fn grants_fit_into_their_limits(store: &dyn Store) {
    let limits = |per_hour, per_day| GrantLimits { per_hour, per_day };
    let room = Some(GrantRoom { all: limits(3, 5), each: limits(2, 9) });
    let mut number = 0;
    let mut check = async |source: &str, minute, room, fits: bool| {
        number += 1;
        let key = format!("E-grant-{number}");
        let answer = store.commit(granting(&key, source, minute, room)).await;
        assert_eq!(answer.is_ok(), fits, "{source} at {minute}: {answer:?}");
        assert_eq!(store.engineer(&key.parse().unwrap()).await.unwrap().is_some(), fits);
    };
    check("hr", 100_000, room, true).await;
    check("hr", 100_010, room, true).await;
    check("hr", 100_020, room, false).await;
    check("hr2", 100_020, room, true).await;
    check("hr3", 100_021, room, false).await;
    check("hr3", 100_022, None, true).await;
    check("hr", 100_060, room, false).await;
    check("hr", 100_082, room, true).await;
    check("hr4", 100_200, room, false).await;
    // A clock that is behind opens nothing: what was given later is counted too.
    check("hr4", 99_990, room, false).await;
    check("hr4", 101_441, room, true).await;
    let several = |count: usize| {
        let one = granting("E-grant-several", "hr9", 200_000, room);
        let grants = one.grants.iter().cycle().take(count).cloned().collect();
        Commit { grants, ..one }
    };
    assert_eq!(
        store.commit(several(3)).await,
        Err(StoreError::Conflict),
        "those of one commit see one another"
    );
    store.commit(several(2)).await.unwrap();
    let told = store.granted(second(0) + SignedDuration::from_mins(200_000 - 1)).await.unwrap();
    assert_eq!(told.iter().map(|grant| grant.source.as_str()).collect::<Vec<_>>(), ["hr9", "hr9"]);
}

async fn the_last_grant_is_given_once(store: &Arc<dyn Store>) {
    let limits = |per_hour| GrantLimits { per_hour, per_day: 1_000 };
    let room = Some(GrantRoom { all: limits(7), each: GrantLimits::NONE });
    let tries = (0..30).map(|number| {
        let store = Arc::clone(store);
        let commit = granting(&format!("E-last-{number}"), "hr", 300_000 + number % 3, room);
        tokio::spawn(async move { store.commit(commit).await })
    });
    let ends: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ends.iter().filter(|answer| answer.is_ok()).count(), 7, "{ends:?}");
}
