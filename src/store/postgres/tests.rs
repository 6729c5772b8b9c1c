//! The store on a real cluster: the contract that all stores keep, several processes on one database, a server that is killed under load,
//! and a ledger that somebody has changed. Not here: lost answers (`lost_tests`), and what operators are told (`fault_tests`).

use super::node::{PostgresNode, shared};
use super::*;
use crate::model::enrollment::EnrollmentId;
use crate::store::Store;
use crate::store::contract::{self, commit, put, put_engineer, row};
use futures_util::future::join_all;
use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

pub(super) fn endpoint(url: &str) -> Endpoint {
    Endpoint::parse(&SecretString::from(url), None).unwrap()
}

pub(super) async fn open(url: &str) -> Result<Postgres, StoreError> {
    static OPENED: AtomicU64 = AtomicU64::new(1);
    Opening::connect(&endpoint(url)).await?.start(&ChainKey::known(), OPENED.fetch_add(1, Relaxed))
}

/// A store in a database of its own, and where that is.
async fn fresh() -> (Arc<Postgres>, String) {
    let url = shared().url(&shared().fresh_database());
    (Arc::new(open(&url).await.unwrap()), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_and_shows_the_same_when_it_is_opened_again() {
    let (store, url) = fresh().await;
    let kept: Arc<dyn Store> = Arc::<Postgres>::clone(&store);
    contract::check(&kept).await;
    let before = contract::picture::picture(&*kept).await;
    let Counters { commits, batches } = store.counters();
    assert!(batches > 10 && commits > batches, "{commits} commits in {batches} batches");
    let found =
        verify(&endpoint(&url), store.chain_head().as_deref(), Some(&ChainKey::known())).await.unwrap();
    assert_eq!((found.flaw, found.known, found.position), (None, true, store.head().await.unwrap()));
    store.close().await;
    assert!(matches!(store.commit(commit(Vec::new())).await, Err(StoreError::Unavailable(_))));
    assert!(store.entries(Position(0), 1).await.is_ok_and(|read| read.len() == 1), "reads go on");
    let again = open(&url).await.unwrap();
    assert_eq!(contract::picture::picture(&again).await, before);
    assert!(again.health().is_ok() && !again.is_lost());
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_side_by_side_are_one() {
    const ROUNDS: u64 = 40;
    let url = shared().url(&shared().fresh_database());
    // All at once: one makes the tables, the others wait for it.
    let stores = join_all((0..3).map(|_| open(&url))).await;
    let stores: Vec<Arc<Postgres>> = stores.into_iter().map(|store| Arc::new(store.unwrap())).collect();
    for version in 0..ROUNDS {
        let racers = stores.iter().enumerate().map(|(number, store)| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let own = row(&format!("engineer/E-{number}-{version}"), 0, Some(1));
                let shared = row("reseller/shared", version, Some(5));
                let alone = store.commit(commit(vec![put(None, own)]));
                let race = store.commit(commit(vec![put(version.checked_sub(1), shared)]));
                let (alone, race) = tokio::join!(alone, race);
                assert!(alone.is_ok(), "{alone:?}");
                // Whoever lost sees what it lost to.
                let seen = store.enrollment(&"reseller/shared".parse().unwrap()).await.unwrap().unwrap();
                assert_eq!(seen.version, version);
                race
            })
        });
        let ends: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
        assert!(ends.iter().all(|end| matches!(end, Ok(_) | Err(StoreError::Conflict))), "{ends:?}");
    }
    let all = contract::picture::picture(&*stores[0]).await;
    for store in &stores {
        assert_eq!(contract::picture::picture(&**store).await, all);
        assert_eq!(store.chain_head(), stores[0].chain_head());
    }
    assert_eq!(stores[0].head().await.unwrap(), Position(ROUNDS * 4));
    assert_eq!(verify(&endpoint(&url), None, Some(&ChainKey::known())).await.unwrap().flaw, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_costs_nothing() {
    const WORKERS: usize = 16;
    let mut node = PostgresNode::start("");
    let url = node.url(&node.fresh_database());
    let store = Arc::new(open(&url).await.unwrap());
    let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| tokio::spawn(work(Arc::clone(&store), number, Arc::clone(&is_over), Arc::clone(&done))))
        .collect();
    let wait_for = async |more: u64| {
        let until = done.load(Relaxed) + more;
        while done.load(Relaxed) < until {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    for _ in 0..3 {
        wait_for(500).await;
        tokio::task::block_in_place(|| node.kill9());
        let health = async {
            while store.health().is_ok() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        health.await;
        let read = store.engineer(&"E-1".parse().unwrap()).await;
        assert!(
            matches!(read, Err(StoreError::Unavailable(ref why)) if why.contains("tried each second")),
            "{read:?}"
        );
        tokio::task::block_in_place(|| node.restart());
    }
    wait_for(500).await;
    is_over.store(true, Relaxed);
    let mut total = 0;
    for (number, worker) in workers.into_iter().enumerate() {
        let versions = worker.await.unwrap();
        let stored = store.enrollment(&worker_row(number).parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(stored.version + 1, versions, "row {number}");
        total += versions;
    }
    assert_eq!(store.head().await.unwrap(), Position(total), "each was written once");
    assert_eq!(verify(&endpoint(&url), None, Some(&ChainKey::known())).await.unwrap().flaw, None);
}

/// Moves a row from version to version, each by one commit that is answered; a conflict would be a commit that was written twice.
async fn work(store: Arc<Postgres>, number: usize, is_over: Arc<AtomicBool>, done: Arc<AtomicU64>) -> u64 {
    let mut version = 0;
    while !is_over.load(Relaxed) {
        let next = row(&worker_row(number), version, Some(5));
        let answer = store.commit(commit(vec![put(version.checked_sub(1), next)])).await;
        assert!(answer.is_ok(), "row {number}, version {version}: {answer:?}");
        version += 1;
        done.fetch_add(1, Relaxed);
    }
    version
}

fn worker_row(number: usize) -> String {
    format!("domain/E-{number}/nordic-se/a.example")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_and_is_gone_is_damage() {
    let (store, url) = fresh().await;
    let database = url.rsplit_once('/').unwrap().1;
    for version in 1..4 {
        store.commit(commit(vec![put_engineer("E-1", version)])).await.unwrap();
    }
    let break_off = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' and pid <> pg_backend_pid()"
    );
    shared().sql(database, &break_off);
    store.commit(commit(vec![put_engineer("E-1", 4)])).await.unwrap();
    assert!(!store.is_lost(), "a connection that ended is no loss");
    shared().sql(
        database,
        "delete from carepass.entries where position = 4; update carepass.head set position = 3, hash =
         (select substr(seal, 17, 32) from carepass.entries where position = 3)",
    );
    shared().sql(database, &break_off);
    let answer = store.commit(commit(vec![put_engineer("E-1", 5)])).await;
    assert!(
        matches!(answer, Err(StoreError::Damaged(ref why)) if why.contains("entry 4 was acknowledged")),
        "{answer:?}"
    );
    assert!(store.is_lost());
    assert!(matches!(store.engineer(&"E-1".parse().unwrap()).await, Err(StoreError::Damaged(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_the_ledger_is_noticed() {
    let (store, url) = fresh().await;
    let database = url.rsplit_once('/').unwrap().1;
    for version in 1..6 {
        store.commit(commit(vec![put_engineer("E-1", version)])).await.unwrap();
    }
    let head = store.chain_head().unwrap();
    let look =
        async |head: Option<&str>, key: &ChainKey| verify(&endpoint(&url), head, Some(key)).await.unwrap();
    let known = ChainKey::known();
    let sound = look(Some(&head), &known).await;
    assert_eq!((sound.flaw, sound.known, sound.batches, sound.sha256), (None, true, 5, head.clone()));
    assert!(!look(Some(&"0".repeat(64)), &known).await.known);
    let other = ChainKey::of(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[1; 32]));
    assert!(look(None, &other).await.flaw.unwrap().contains("master key"));
    let opened = Opening::connect(&endpoint(&url)).await.unwrap();
    assert!(opened.is_begun());
    let refused = opened.start(&other, 7).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(ref why) if why.contains("master key")), "{refused:?}");

    for (change, sound, expected) in [
        (
            "update carepass.entries set body = replace(body, 'E-1', 'E-2') where position = 3",
            2,
            "not what was written",
        ),
        (
            "update carepass.entries set body = replace(body, 'E-2', 'E-1') where position = 3;
             update carepass.head set position = 4",
            5,
            "the head of the ledger says 4",
        ),
        (
            "update carepass.head set position = 5; delete from carepass.entries where position = 5",
            4,
            "entries were removed",
        ),
        ("delete from carepass.entries where position = 2", 1, "one is missing"),
    ] {
        shared().sql(database, change);
        let found = look(None, &known).await;
        assert_eq!(found.position, Position(sound), "{change}");
        assert!(found.flaw.as_ref().is_some_and(|flaw| flaw.contains(expected)), "{change}: {found:?}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_holds_nobody_else_up() {
    let (store, url) = fresh().await;
    // Stands for whatever a server may have against a value: the whole batch fails, and only whoever brought it is refused.
    shared().sql(
        url.rsplit_once('/').unwrap().1,
        "create function carepass.refuse() returns trigger language plpgsql as
         $$ begin if new.key = 'E-bad' then raise exception using errcode = '22000'; end if; return new; end $$;
         create trigger refuse before insert on carepass.engineers for each row execute function carepass.refuse()",
    );
    let keys = ["E-1", "E-bad", "E-2", "E-3"];
    let answers = join_all(keys.map(|key| store.commit(commit(vec![put_engineer(key, 1)])))).await;
    for (key, answer) in keys.iter().zip(&answers) {
        assert_eq!(answer.is_ok(), *key != "E-bad", "{key}: {answer:?}");
        assert_eq!(store.engineer(&key.parse().unwrap()).await.unwrap().is_some(), answer.is_ok());
    }
    let id: EnrollmentId = "reseller/after".parse().unwrap();
    store.commit(commit(vec![put(None, row("reseller/after", 0, None))])).await.unwrap();
    assert!(store.enrollment(&id).await.unwrap().is_some() && store.health().is_ok());
}
