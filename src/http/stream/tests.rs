//! Streams without HTTP, in virtual time, on a store in memory.

use super::*;
use crate::model::engineer::Engineer;
use crate::model::entry::{Actor, Change, Commit};
use crate::store::memory::Memory;
use jiff::Timestamp;

async fn put(store: &Memory, changes: Vec<Change>) {
    store.commit(Commit::new(Timestamp::UNIX_EPOCH, Actor::Engine, changes)).await.unwrap();
}

async fn put_engineer(store: &Memory, key: &str) {
    put(store, vec![Change::Engineer(Box::new(Engineer::example(key)))]).await;
}

async fn put_bookmark(store: &Memory) {
    put(store, vec![Change::Bookmark { reader: "outcomes".into(), position: Position(0) }]).await;
}

async fn begin(streams: &Arc<Streams>, store: &Arc<Memory>, after: Option<u64>) -> Follower {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    Follower::begin(streams, store, "asa", after.map(Position), Allowed::default()).await.unwrap()
}

/// The names of the events of a chunk, each with its id.
fn events(chunk: &str) -> Vec<String> {
    let event = |block: &str| {
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").to_owned();
        format!("{} {}", field("event: "), field("id: "))
    };
    chunk.split_terminator("\n\n").map(event).collect()
}

async fn next(follower: &mut Follower) -> Vec<String> {
    events(&follower.next().await.expect("it goes on"))
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_is_told_and_a_place_is_where_one_goes_on() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    put_engineer(&store, "E-1").await;
    let mut live = begin(&streams, &store, None).await;
    assert_eq!(next(&mut live).await, ["opened 1"]);
    put_engineer(&store, "E-2").await;
    put_bookmark(&store).await;
    put_engineer(&store, "E-3").await;
    assert_eq!(next(&mut live).await, ["engineer 2", "engineer 4"]);
    let mut again = begin(&streams, &store, Some(2)).await;
    assert_eq!(next(&mut again).await, ["opened 2"]);
    assert_eq!(next(&mut again).await, ["engineer 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_beats_and_its_place_moves_on() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let mut follower = begin(&streams, &store, None).await;
    next(&mut follower).await;
    put_bookmark(&store).await;
    let begun = Instant::now();
    assert_eq!(next(&mut follower).await, ["- 1"]);
    assert_eq!(begun.elapsed(), BEAT);
    assert_eq!(next(&mut follower).await, ["- 1"]);
    assert_eq!(begun.elapsed(), BEAT * 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_too_far_behind_skips_ahead_and_is_told_so() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let mut slow = begin(&streams, &store, None).await;
    next(&mut slow).await;
    for _ in 0..=BEHIND_MAX {
        put_bookmark(&store).await;
    }
    tokio::time::advance(POLL).await;
    assert_eq!(next(&mut slow).await, [format!("skipped {}", BEHIND_MAX + 1)]);
    put_engineer(&store, "E-1").await;
    assert_eq!(next(&mut slow).await, [format!("engineer {}", BEHIND_MAX + 2)]);
    let mut foreign = begin(&streams, &store, Some(BEHIND_MAX * 2)).await;
    let expected = [format!("skipped {}", BEHIND_MAX + 2), format!("opened {}", BEHIND_MAX + 2)];
    assert_eq!(next(&mut foreign).await, expected, "a place of another ledger");
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_bounded_and_nothing_is_lost_between_two() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let mut follower = begin(&streams, &store, None).await;
    next(&mut follower).await;
    for number in 0..1_500 {
        put_engineer(&store, &format!("E-{number}")).await;
    }
    tokio::time::advance(POLL).await;
    let mut told = Vec::new();
    while told.len() < 1_500 {
        let chunk = follower.next().await.unwrap();
        assert!(chunk.len() < CHUNK + 1_024, "{}", chunk.len());
        told.extend(events(&chunk));
    }
    let expected: Vec<String> = (1..=1_500).map(|position| format!("engineer {position}")).collect();
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn streams_are_few_and_a_place_is_given_back() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let open = async |caller: &str| {
        let store = Arc::clone(&store) as Arc<dyn Store>;
        Follower::begin(&streams, store, caller, None, Allowed::default()).await.ok()
    };
    let mut held = Vec::new();
    for caller in 0..STREAMS_MAX / EACH_MAX {
        for _ in 0..EACH_MAX {
            held.push(open(&caller.to_string()).await.expect("there is room"));
        }
        assert!(open(&caller.to_string()).await.is_none(), "one caller's share");
    }
    assert!(open("another").await.is_none(), "all together");
    held.pop();
    assert!(open("another").await.is_some());
    held.clear();
    assert!(streams.open().is_empty(), "nothing is kept of whoever is gone");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_after_its_time_and_at_the_stop() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let mut long = begin(&streams, &store, None).await;
    let begun = Instant::now();
    while long.next().await.is_some() {}
    assert_eq!(begun.elapsed(), LIFE);
    let mut stopped = begin(&streams, &store, None).await;
    next(&mut stopped).await;
    let closes = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        streams.close();
    };
    let begun = Instant::now();
    let (ended, ()) = tokio::join!(stopped.next(), closes);
    assert_eq!((ended, begun.elapsed()), (None, Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_makes_a_stream_wait_and_not_end() {
    let (streams, store) = (Arc::new(Streams::default()), Arc::new(Memory::new()));
    let mut follower = begin(&streams, &store, None).await;
    next(&mut follower).await;
    put_engineer(&store, "E-1").await;
    store.go_away();
    assert_eq!(next(&mut follower).await, ["- 0"]);
    store.come_back();
    assert_eq!(next(&mut follower).await, ["engineer 1"]);
}
