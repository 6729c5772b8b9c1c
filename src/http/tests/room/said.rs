//! What pages say of what is so: first days. Not here: what the buttons do (`room`).

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
