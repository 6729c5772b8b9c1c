//! What pages say of what is so: first days, letters, the way on from what is not there. Not here: what the buttons do (`room`).

use super::*;
use crate::model::time_zone::TimeZoneName;

/// The first of December in Tokyo is the last of November in UTC.
#[tokio::test]
async fn a_first_day_is_shown_on_the_clock_of_its_place_on_the_card_and_on_the_engineers_page() {
    let server = Server::start().await;
    let starts = Some("2026-11-30T15:00:00Z".parse().unwrap());
    let mut tokyo = engineer("E-1", GRANTED);
    tokyo.stated.starts = starts;
    tokyo.stated.time_zone = TimeZoneName::parse("Asia/Tokyo").unwrap();
    put(&server.store, vec![Change::Engineer(Box::new(tokyo))]).await;
    let goal = Goal { want: Want::Present, revision: 3 };
    let mut row = Enrollment::open("engineer/E-1".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
    let (at, reason) = (row.state.at().unwrap(), Failure::needs(Who::Hr, FailureCode::ContactMissing));
    let look_again = "2026-11-22T11:00:00Z".parse().unwrap();
    row.state = State::Waiting { at, on: Who::Hr, reason, look_again };
    row.starts = starts;
    put(&server.store, vec![Change::Enrollment { from: None, row: Box::new(row) }]).await;
    let browser = Browser::of(&server, Role::Viewer).await;
    for path in ["/tasks", "/engineers/E-1"] {
        let (status, page) = browser.page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(page.contains(">2026-12-01 00:00 Tokyo</time>"), "{path}: {page}");
    }
}

/// Who leaves gets none, in whatever domain.
#[tokio::test]
async fn a_letter_is_promised_to_whoever_is_to_have_access_alone() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", GRANTED).await;
    let mut leaver = engineer("E-2", GRANTED);
    leaver.stated.goal.want = Want::Absent;
    put(&server.store, vec![Change::Engineer(Box::new(leaver))]).await;
    let browser = Browser::of(&server, Role::Viewer).await;
    for (key, is_promised) in [("E-1", true), ("E-2", false)] {
        let (_, page) = browser.page(&format!("/engineers/{key}")).await;
        assert_eq!(page.contains("The letter is written when"), is_promised, "{key}");
        assert_eq!(page.contains("No letter is written to whoever leaves."), !is_promised, "{key}");
    }
}

#[tokio::test]
async fn who_has_signed_in_and_may_look_is_not_asked_to_sign_in() {
    let server = Server::start().await;
    let browser = Browser::of(&server, Role::Viewer).await;
    let link = "href=\"/sign-in\"";
    for (path, expected) in [
        ("/engineers/E-404", StatusCode::NOT_FOUND),
        ("/engineers/E-404/x", StatusCode::NOT_FOUND),
        ("/?state=nonsense", StatusCode::BAD_REQUEST),
    ] {
        let (status, page) = browser.page(path).await;
        assert_eq!(status, expected, "{path}");
        assert!(page.contains("href=\"/\"") && !page.contains(link), "{path}: {page}");
    }
    let stranger = browser.client.get(browser.url("/engineers/E-404/x")).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::NOT_FOUND);
    assert!(stranger.text().await.unwrap().contains(link));
    let refused = browser.press("/engineers/E-1/orders", &[("order", "retry"), ("reason", "x")]);
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let page = refused.text().await.unwrap();
    assert!(page.contains("<strong>operator</strong>") && page.contains("href=\"/\""), "{page}");
    assert!(!page.contains(link), "the form would lead back: {page}");
    assert_eq!(browser.get("/sign-in").send().await.unwrap().headers()["location"], "/");
    // Who may not even look is not led back, and may show another token.
    let (status, page) = Browser::of(&server, Role::Publisher).await.page("/").await;
    assert!(status == StatusCode::FORBIDDEN && page.contains(link), "{status}: {page}");
}
