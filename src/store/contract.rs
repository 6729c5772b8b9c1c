//! What every store promises, as one suite that runs against each of them, and the rows and engineers it is made of.
//! Of what is parked, erased and released: `contract/beside`. Not here: what only one store promises (files, damage, recovery).

pub(crate) mod beside;
pub(crate) mod picture;
pub(crate) mod together;

use self::picture::{Picture, all_engineers, all_entries, picture, whole_queue};
use super::{Store, StoreError};
use crate::model::engineer::{Engineer, EventRef};
use crate::model::enrollment::{At, Enrollment, EnrollmentId, Goal, Lane, State, Want};
use crate::model::entry::{Actor, Change, Commit, Disposition, Entry, Position, Received};
use crate::model::id::EngineerKey;
use crate::model::plan::StepName;
use crate::model::sealed::{NameTag, Sealed, WrappedKey};
use crate::model::statement::Cause;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::sync::Arc;

/// Runs the whole suite on an empty store.
pub(crate) async fn check(store: &Arc<dyn Store>) {
    assert_eq!(picture(&**store).await, Picture::default(), "an empty store is expected");
    an_event_is_received_once(&**store).await;
    an_engineer_changes_one_version_at_a_time(&**store).await;
    a_row_is_replaced_only_as_it_was_seen(&**store).await;
    a_local_part_has_one_holder(&**store).await;
    a_bookmark_has_no_condition(&**store).await;
    one_bad_change_undoes_the_commit(&**store).await;
    changes_of_a_commit_see_those_before_them(&**store).await;
    a_data_key_stays(&**store).await;
    rows_are_due_in_order_until_they_settle(&**store).await;
    rows_at_one_step_hide_none_at_another(&**store).await;
    a_queue_is_read_page_by_page(&**store).await;
    lists_have_the_models_order(&**store).await;
    entries_have_no_gaps(&**store).await;
    long_documents_are_stored_too(&**store).await;
    one_of_many_wins(store).await;
    beside::check(&**store).await;
    together::check(store).await;
}

/// An engineer in a version.
pub(crate) fn engineer(key: &str, version: u64) -> Engineer {
    let mut engineer = Engineer { version, ..Engineer::example(key) };
    engineer.stated.goal.revision = version;
    engineer.stated.person = Some(Sealed::from_bytes(vec![7; 40]));
    engineer
}

/// A row in a version, to be looked at after so many seconds, or settled.
pub(crate) fn row(id: &str, version: u64, wake: Option<i64>) -> Enrollment {
    let id: EnrollmentId = id.parse().unwrap();
    let mut row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, second(0));
    row.version = version;
    row.state = wake.map_or(State::Completed, |wake| State::Scheduled {
        at: At { step: StepName::Account, attempt: 1, runs: 1, looks: 0, waited_for: None, since: second(0) },
        due: second(wake),
        last: None,
    });
    row
}

/// The change that writes a row.
pub(crate) fn put(from: Option<u64>, row: Enrollment) -> Change {
    Change::Enrollment { from, row: Box::new(row) }
}

/// The change that writes an engineer.
pub(crate) fn put_engineer(key: &str, version: u64) -> Change {
    Change::Engineer(Box::new(engineer(key, version)))
}

/// A commit by the engine.
pub(crate) fn commit(changes: Vec<Change>) -> Commit {
    Commit::new(second(1), Actor::Engine, changes)
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn event(source: &str, id: &str) -> EventRef {
    EventRef { source: source.to_owned(), id: id.to_owned() }
}

fn received(source: &str, id: &str) -> Received {
    let engineer = Some("E-inbox".parse().unwrap());
    Received { event: event(source, id), content: "c0".repeat(32), verdict: Disposition::Applied, engineer }
}

fn tag(name: &str) -> NameTag {
    NameTag::from_bytes(name.as_bytes().to_vec())
}

fn reserve(name: &str, key: &str) -> Change {
    Change::Reserved { tag: tag(name), engineer: key.parse().unwrap() }
}

async fn done(store: &dyn Store, changes: Vec<Change>) -> Position {
    store.commit(commit(changes)).await.unwrap()
}

async fn refused(store: &dyn Store, changes: Vec<Change>) {
    let head = store.head().await.unwrap();
    assert_eq!(store.commit(commit(changes)).await, Err(StoreError::Conflict));
    assert_eq!(store.head().await.unwrap(), head, "a conflict writes nothing");
}

async fn attempt(store: &dyn Store, changes: Vec<Change>, fits: bool) {
    if fits {
        done(store, changes).await;
    } else {
        refused(store, changes).await;
    }
}

async fn an_event_is_received_once(store: &dyn Store) {
    let (first, other_source) = (received("hr", "1"), received("hr2", "1"));
    assert_eq!(store.received(&first.event).await.unwrap(), None);
    done(store, vec![Change::Received(first.clone())]).await;
    refused(store, vec![Change::Received(first.clone())]).await;
    refused(store, vec![Change::Received(Received { verdict: Disposition::Stale, ..first.clone() })]).await;
    done(store, vec![Change::Received(other_source.clone())]).await;
    // Source and id are two things: moving a letter from one to the other makes another event.
    done(store, vec![Change::Received(received("hr2\0", "1")), Change::Received(received("hr", "21"))]).await;
    assert_eq!(store.received(&first.event).await.unwrap(), Some(first));
    assert_eq!(store.received(&other_source.event).await.unwrap(), Some(other_source));
}

async fn an_engineer_changes_one_version_at_a_time(store: &dyn Store) {
    for (version, fits) in
        [(0, false), (2, false), (1, true), (1, false), (3, false), (0, false), (2, true), (3, true)]
    {
        let change = vec![put_engineer("E-versions", version)];
        attempt(store, change, fits).await;
    }
    let key: EngineerKey = "E-versions".parse().unwrap();
    assert_eq!(store.engineer(&key).await.unwrap(), Some(engineer("E-versions", 3)));
    assert_eq!(store.engineer(&"E-version".parse().unwrap()).await.unwrap(), None);
}

async fn a_row_is_replaced_only_as_it_was_seen(store: &dyn Store) {
    let id = "domain/E-rows/nordic-se/a.example";
    // Several transitions may be folded into one change: from 0 to 4.
    let tries = [
        (Some(0), 1, false),
        (None, 0, true),
        (None, 0, false),
        (Some(1), 2, false),
        (Some(0), 4, true),
        (Some(0), 1, false),
        (Some(3), 5, false),
        (Some(4), 5, true),
    ];
    for (from, version, fits) in tries {
        attempt(store, vec![put(from, row(id, version, Some(5)))], fits).await;
    }
    assert_eq!(store.enrollment(&id.parse().unwrap()).await.unwrap(), Some(row(id, 5, Some(5))));
    assert_eq!(store.enrollment(&"engineer/E-rows".parse().unwrap()).await.unwrap(), None);
}

async fn a_local_part_has_one_holder(store: &dyn Store) {
    assert_eq!(store.holder(&tag("ann")).await.unwrap(), None);
    done(store, vec![reserve("ann", "E-ann")]).await;
    done(store, vec![reserve("ann", "E-ann")]).await;
    refused(store, vec![reserve("ann", "E-other")]).await;
    done(store, vec![reserve("anna", "E-other")]).await;
    assert_eq!(store.holder(&tag("ann")).await.unwrap(), Some("E-ann".parse().unwrap()));
}

async fn a_bookmark_has_no_condition(store: &dyn Store) {
    assert_eq!(store.bookmark("outcomes").await.unwrap(), Position(0));
    for position in [3, 9, 2] {
        done(store, vec![Change::Bookmark { reader: "outcomes".to_owned(), position: Position(position) }])
            .await;
        assert_eq!(store.bookmark("outcomes").await.unwrap(), Position(position));
    }
    assert_eq!(store.bookmark("outcome").await.unwrap(), Position(0));
}

async fn one_bad_change_undoes_the_commit(store: &dyn Store) {
    done(store, vec![reserve("taken", "E-first")]).await;
    let before = picture(store).await;
    let id = "domain/E-undone/nordic-se/a.example";
    let good = vec![
        Change::Received(received("hr", "undone")),
        put_engineer("E-undone", 1),
        put(None, row(id, 0, Some(1))),
        reserve("free", "E-undone"),
        Change::Bookmark { reader: "undone".to_owned(), position: Position(1) },
    ];
    for place in 0..=good.len() {
        let mut changes = good.clone();
        changes.insert(place, reserve("taken", "E-undone"));
        let keys = vec![("E-undone".parse().unwrap(), WrappedKey::from_bytes(vec![1; 40]))];
        let answer = store.commit(Commit { keys, ..commit(changes) }).await;
        assert_eq!(answer, Err(StoreError::Conflict));
    }
    assert_eq!(picture(store).await, before);
    assert_eq!(store.enrollment(&id.parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.holder(&tag("free")).await.unwrap(), None);
    assert_eq!(store.received(&event("hr", "undone")).await.unwrap(), None);
    assert_eq!(store.bookmark("undone").await.unwrap(), Position(0));
    done(store, good).await;
    assert_eq!(
        store.data_key(&"E-undone".parse().unwrap()).await.unwrap(),
        None,
        "its key was refused with it"
    );
}

async fn changes_of_a_commit_see_those_before_them(store: &dyn Store) {
    let id = "reseller/folded";
    let twice = |from, to| vec![put(None, row(id, 0, Some(1))), put(from, row(id, to, Some(2)))];
    refused(store, twice(None, 1)).await;
    refused(
        store,
        vec![Change::Received(received("hr", "twice")), Change::Received(received("hr", "twice"))],
    )
    .await;
    refused(store, vec![reserve("twice", "E-1"), reserve("twice", "E-2")]).await;
    refused(store, vec![put_engineer("E-twice", 1), put_engineer("E-twice", 1)]).await;
    done(store, twice(Some(0), 1)).await;
    done(store, vec![put_engineer("E-twice", 1), put_engineer("E-twice", 2)]).await;
    let lane = Lane::Reseller("folded".parse().unwrap());
    assert_eq!(store.queue(&lane, None, 9).await.unwrap(), vec![row(id, 1, Some(2))]);
    assert_eq!(store.commit(commit(Vec::new())).await.unwrap(), store.head().await.unwrap());
}

async fn a_data_key_stays(store: &dyn Store) {
    let key: EngineerKey = "E-key".parse().unwrap();
    let with = |change, byte| Commit {
        keys: vec![("E-key".parse().unwrap(), WrappedKey::from_bytes(vec![byte; 40]))],
        ..commit(change)
    };
    // A key whose engineer is not there yet is not shown, and does not stand in the way of the one that comes with the engineer.
    store.commit(with(Vec::new(), 1)).await.unwrap();
    assert_eq!(store.data_key(&key).await.unwrap(), None);
    store.commit(with(vec![put_engineer("E-key", 1)], 2)).await.unwrap();
    assert_eq!(store.commit(with(vec![put_engineer("E-key", 2)], 3)).await, Err(StoreError::Conflict));
    assert_eq!(store.data_key(&key).await.unwrap(), Some(WrappedKey::from_bytes(vec![2; 40])));
    store.commit(with(vec![put_engineer("E-key", 2)], 2)).await.unwrap();
    assert_eq!(store.data_key(&key).await.unwrap(), Some(WrappedKey::from_bytes(vec![2; 40])));
}

async fn rows_are_due_in_order_until_they_settle(store: &dyn Store) {
    let lane = Lane::Reseller("due".parse().unwrap());
    let id = |name: &str| format!("domain/{name}/due/a.example");
    assert_eq!(store.next_wake(&lane).await.unwrap(), None);
    let born = [("E-c", 30), ("E-b", 10), ("E-a", 10), ("E-d", -5), ("E-e", 40)];
    done(store, born.map(|(name, wake)| put(None, row(&id(name), 0, Some(wake)))).to_vec()).await;
    done(
        store,
        vec![
            put(None, row("domain/E-a/due-2/a.example", 0, Some(-99))),
            put(None, row("engineer/E-a", 0, Some(-99))),
        ],
    )
    .await;
    let names = async |now, limit| {
        let due = store.due(&lane, second(now), limit).await.unwrap();
        due.iter().map(|row| row.id.engineer().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(-6, 9).await, Vec::<String>::new());
    assert_eq!(names(9, 9).await, ["E-d"]);
    assert_eq!(names(10, 9).await, ["E-d", "E-a", "E-b"]);
    assert_eq!(names(30, 9).await, ["E-d", "E-a", "E-b", "E-c"]);
    assert_eq!(names(30, 2).await, ["E-d", "E-a"]);
    assert_eq!(names(30, 0).await, Vec::<String>::new());
    assert_eq!(store.next_wake(&lane).await.unwrap(), Some(second(-5)));
    done(store, vec![put(Some(0), row(&id("E-d"), 1, Some(35))), put(Some(0), row(&id("E-a"), 1, None))])
        .await;
    assert_eq!(names(99, 9).await, ["E-b", "E-c", "E-d", "E-e"]);
    assert_eq!(store.next_wake(&lane).await.unwrap(), Some(second(10)));
    done(store, vec![put(Some(1), row(&id("E-a"), 2, Some(1)))]).await;
    assert_eq!(names(99, 1).await, ["E-a"]);
    assert_eq!(store.next_wake(&Lane::House).await.unwrap(), Some(second(-99)));
}

/// However many rows wait at one step, the due ones of each other step are seen, while the whole queue stays one list.
async fn rows_at_one_step_hide_none_at_another(store: &dyn Store) {
    let lane = Lane::Reseller("steps".parse().unwrap());
    let at = |number: usize, step, wake| {
        let mut row = row(&format!("domain/E-{number:02}/steps/a.example"), 0, Some(wake));
        if let State::Scheduled { at, .. } = &mut row.state {
            at.step = step;
        }
        row
    };
    let many = (0..9).map(|number| at(number, StepName::License, 1));
    let rows: Vec<Enrollment> = many
        .chain([at(10, StepName::Role, 7), at(11, StepName::Role, 2), at(12, StepName::Verify, 9)])
        .collect();
    done(store, rows.iter().cloned().map(|row| put(None, row)).collect()).await;
    let names = |rows: Vec<Enrollment>| -> Vec<String> {
        rows.iter().map(|row| row.id.engineer().unwrap().to_string()).collect()
    };
    let due = store.due(&lane, second(8), 2).await.unwrap();
    assert_eq!(names(due), ["E-00", "E-01", "E-11", "E-10"]);
    assert_eq!(whole_queue(store, &lane, 3).await.len(), rows.len());
    // A row that goes on to the next step leaves nothing behind.
    let gone_on = Enrollment { version: 1, ..at(0, StepName::Role, 8) };
    done(store, vec![put(Some(0), gone_on)]).await;
    let due = store.due(&lane, second(8), 3).await.unwrap();
    assert_eq!(names(due), ["E-01", "E-02", "E-03", "E-11", "E-10", "E-00"]);
    assert_eq!(store.next_wake(&lane).await.unwrap(), Some(second(1)));
    assert_eq!(whole_queue(store, &lane, 2).await.len(), rows.len());
}

async fn a_queue_is_read_page_by_page(store: &dyn Store) {
    let lane = Lane::Reseller("paged".parse().unwrap());
    let mut rows = Vec::new();
    for (number, wake) in [5, 5, 5, 1, 9, 5, 1, i64::from(u32::MAX)].into_iter().enumerate() {
        for domain in ["a-b.example", "a.example"] {
            rows.push(row(&format!("domain/E-{number}/paged/{domain}"), 0, Some(wake)));
        }
    }
    rows.push(row("reseller/paged", 0, Some(5)));
    done(store, rows.iter().cloned().map(|row| put(None, row)).collect()).await;
    rows.sort_by_key(|row| (row.wake_at(), row.id.clone()));
    for page in 1..=rows.len() + 1 {
        assert_eq!(whole_queue(store, &lane, page).await, rows, "pages of {page}");
    }
    let absent = (second(5), "domain/E-1/paged/a-c.example".parse().unwrap());
    let behind: Vec<Enrollment> =
        rows.iter().filter(|row| (row.wake_at(), &row.id) > (Some(absent.0), &absent.1)).cloned().collect();
    assert_eq!(store.queue(&lane, Some(&absent), 99).await.unwrap(), behind, "the place need not be taken");
}

async fn lists_have_the_models_order(store: &dyn Store) {
    let mut ids: Vec<EnrollmentId> = ["a", "a-b", "ab", "a0"]
        .iter()
        .flat_map(|reseller| {
            ["a.b", "a-b.c", "ab.c"].map(|domain| format!("domain/E-list/{reseller}/{domain}"))
        })
        .chain(["engineer/E-list".to_owned()])
        .map(|id| id.parse().unwrap())
        .collect();
    let strangers = ["domain/E-list.1/a/a.b", "engineer/E-lis", "domain/E-list-1/a/a.b"];
    let all = ids.iter().map(ToString::to_string).chain(strangers.map(str::to_owned));
    done(store, all.map(|id| put(None, row(&id, 0, None))).collect()).await;
    ids.sort();
    let found = store.enrollments_of(&"E-list".parse().unwrap()).await.unwrap();
    assert_eq!(found.into_iter().map(|row| row.id).collect::<Vec<_>>(), ids);

    let mut keys = ["E-page", "E-page-1", "E-page.1", "E-page:1", "E-page1", "e-page"];
    done(store, keys.map(|key| put_engineer(key, 1)).to_vec()).await;
    keys.sort_unstable();
    for page in 1..9 {
        let engineers = all_engineers(store, page).await;
        let ours = engineers.iter().map(|engineer| engineer.key.as_str()).filter(|key| key.contains("-page"));
        assert_eq!(ours.collect::<Vec<_>>(), keys, "pages of {page}");
        assert!(engineers.is_sorted_by(|a, b| a.key < b.key));
    }
}

async fn entries_have_no_gaps(store: &dyn Store) {
    let before = store.head().await.unwrap();
    let operator = Actor::Operator { name: "åsa".to_owned(), reason: "line\nbreak \" \u{2028}".to_owned() };
    let mut written = Vec::new();
    for number in 0..20_u64 {
        let key = if number % 3 == 0 { "E-told" } else { "E-untold" };
        let at = "2026-03-29T01:59:59.000000001Z".parse().unwrap();
        let changes = vec![put(None, row(&format!("domain/{key}/told/d{number}.example"), 0, Some(1)))];
        let position = store.commit(Commit::new(at, operator.clone(), changes.clone())).await.unwrap();
        assert_eq!(position, Position(before.0 + number + 1));
        written.push(Entry { position, at, actor: operator.clone(), changes });
    }
    assert_eq!(store.entries(before, usize::MAX).await.unwrap(), written);
    assert_eq!(store.entries(Position(before.0 + 7), 5).await.unwrap(), written[7..12]);
    assert_eq!(store.entries(before, 0).await.unwrap(), []);
    assert_eq!(store.entries(Position(u64::MAX), 9).await.unwrap(), []);
    let told: Vec<Entry> = written.iter().step_by(3).cloned().collect();
    let key = "E-told".parse().unwrap();
    assert_eq!(store.history(&key, Position(0), usize::MAX).await.unwrap(), told);
    assert_eq!(store.history(&key, told[1].position, 2).await.unwrap(), told[2..4]);
    assert_eq!(store.history(&key, Position(u64::MAX), 2).await.unwrap(), []);
    let newest: Vec<Entry> = told.iter().rev().cloned().collect();
    assert_eq!(store.recent(&key, Position(u64::MAX), usize::MAX).await.unwrap(), newest);
    assert_eq!(store.recent(&key, newest[1].position, 2).await.unwrap(), newest[2..4]);
    assert_eq!(store.recent(&key, told[0].position, 2).await.unwrap(), []);
    assert_eq!(store.recent(&key, Position(0), 2).await.unwrap(), []);
    let all = all_entries(store).await;
    assert!(all.iter().map(|entry| entry.position.0).eq(1..=store.head().await.unwrap().0));
}

async fn long_documents_are_stored_too(store: &dyn Store) {
    let id = "reseller/long";
    let long = |version: u64, domains: u32| {
        let mut row = row(id, version, Some(4));
        row.facts.domains =
            Some((0..domains).map(|n| format!("domain-number-{n}.example").parse().unwrap()).collect());
        row
    };
    done(
        store,
        vec![
            put(None, long(0, 5000)),
            put(Some(0), long(1, 4000)),
            put(None, row("reseller/long-2", 0, None)),
        ],
    )
    .await;
    assert_eq!(store.enrollment(&id.parse().unwrap()).await.unwrap(), Some(long(1, 4000)));
    let commits = [(1, 3000), (2, 2000)]
        .map(|(from, domains)| store.commit(commit(vec![put(Some(from), long(from + 1, domains))])));
    assert!(join_all(commits).await.iter().all(Result::is_ok));
    let lane = Lane::Reseller("long".parse().unwrap());
    assert_eq!(store.queue(&lane, None, 9).await.unwrap(), vec![long(3, 2000)]);
    let enormous = row("reseller/enormous", 0, None);
    let cause = Some(event(&"x".repeat(5 << 20), "1"));
    let answer = store
        .commit(commit(vec![put(
            None,
            Enrollment {
                cause: cause.map(|event| Cause { event, correlation_id: None, trace_parent: None }),
                ..enormous
            },
        )]))
        .await;
    assert!(matches!(answer, Ok(_) | Err(StoreError::Unavailable(_))));
    done(store, vec![put(Some(3), row(id, 4, None))]).await;
}

async fn one_of_many_wins(store: &Arc<dyn Store>) {
    done(&**store, vec![put(None, row("reseller/race", 0, Some(1)))]).await;
    let change_of: [fn(u64) -> Change; 4] = [
        |number| put(Some(0), row("reseller/race", 1, Some(i64::try_from(number).unwrap()))),
        |number| reserve("race", &format!("E-race-{number}")),
        |_| Change::Received(received("hr", "race")),
        |_| put_engineer("E-race", 1),
    ];
    for change in change_of {
        let start = Arc::new(tokio::sync::Barrier::new(40));
        let racers = (0..40).map(|number| {
            let (store, start) = (store.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                let own =
                    put(None, row(&format!("engineer/E-{}-{number}", change_name(&change(0))), 0, None));
                let answer = store.commit(commit(vec![own, change(number)])).await;
                // Whoever lost sees the winner at once.
                let seen = store.head().await.unwrap();
                (number, answer, seen)
            })
        });
        let ends: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
        let won: Vec<Position> = ends.iter().filter_map(|(_, answer, _)| answer.clone().ok()).collect();
        assert_eq!(won.len(), 1, "{ends:?}");
        assert!(
            ends.iter().all(|(_, answer, seen)| *seen >= won[0]
                && (answer.is_ok() || *answer == Err(StoreError::Conflict)))
        );
        for (number, answer, _) in ends {
            let own = format!("engineer/E-{}-{number}", change_name(&change(0))).parse().unwrap();
            assert_eq!(store.enrollment(&own).await.unwrap().is_some(), answer.is_ok());
        }
    }
}

fn change_name(change: &Change) -> &'static str {
    match change {
        Change::Received(_) => "received",
        Change::Engineer(_) => "engineer",
        Change::Enrollment { .. } => "row",
        Change::Reserved { .. } => "reserved",
        Change::Released { .. } => "released",
        Change::Erased { .. } => "erased",
        Change::Parked(_) => "parked",
        Change::Unparked { .. } => "unparked",
        Change::Bookmark { .. } => "bookmark",
    }
}
