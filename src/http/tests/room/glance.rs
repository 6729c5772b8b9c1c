//! The matrix at a glance: how many stand where, and who. Not here: that the numbers live on in a browser (`tests/it/room`), and how they
//! are kept (`engine/standing`).

use super::*;

/// How many stand where is said as of this look, once all were counted, and leads to them.
#[tokio::test]
async fn the_matrix_says_how_many_stand_where_and_shows_those() {
    let server = Server::start().await;
    let put_gone = async |key: &str| {
        let stored = server.store.engineer(&key.parse().unwrap()).await.unwrap();
        let mut gone = engineer(key, GRANTED);
        gone.version += stored.map_or(0, |stored| stored.version);
        gone.stated.goal = Goal { want: Want::Absent, revision: 4 };
        put(&server.store, vec![Change::Engineer(Box::new(gone))]).await;
    };
    for number in 0..50 {
        put_engineer(&server.store, &format!("E-{number:02}"), GRANTED).await;
    }
    put_gone("E-07").await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let shown = async |path: &str| {
        let (status, page) = browser.page(path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let keys = page.split("<a href=\"/engineers/").skip(1).map(|rest| rest[..4].to_owned());
        (keys.collect::<Vec<_>>(), page)
    };
    let (uncounted, page) = shown("/?state=removed").await;
    assert_eq!(uncounted, ["E-07"]);
    assert!(page.contains(">Removed</a>"), "no number before all were counted: {page}");

    server.engine.keep_standing().await;
    put_gone("E-49").await;
    let (keys, page) = shown("/?state=removed").await;
    assert_eq!(keys, ["E-07", "E-49"]);
    for number in ["Everybody <strong>50<", "Planned <strong>48<", "Removed <strong>2<", "Ready <strong>0<"] {
        assert!(page.contains(number), "{number}: {page}");
    }
    assert_eq!(page.matches("aria-current=\"true\">Removed").count(), 1, "{page}");

    let (first, page) = shown("/?state=planned").await;
    assert!(page.contains("/?state=planned&amp;after=E-40"), "{page}");
    let (rest, _) = shown("/?state=planned&after=E-40").await;
    assert_eq!((first.len(), rest.len(), rest.last().map(String::as_str)), (40, 8, Some("E-48")));
    assert!(!first.iter().chain(&rest).any(|key| key == "E-07"));
}
