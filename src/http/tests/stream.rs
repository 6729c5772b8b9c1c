//! The stream as a browser or a script finds it: over a real socket. When it tells what is tested without HTTP (`stream/tests`).

use super::*;

/// The response, read event by event.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(server: &Server, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, path, Some(Role::Viewer));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { response, text: String::new() }
    }

    /// The next event: its name, its id and its data.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        while !self.text.contains("\n\n") {
            self.text += std::str::from_utf8(&self.response.chunk().await.unwrap()?).unwrap();
        }
        let (event, rest) = self.text.split_once("\n\n").unwrap();
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let data = serde_json::from_str(field("data: ")).unwrap_or_default();
        let read = (field("event: ").to_owned(), field("id: ").to_owned(), data);
        self.text = rest.to_owned();
        Some(read)
    }

    async fn named(&mut self) -> (String, String) {
        let (name, id, _) = self.next().await.expect("it goes on");
        (name, id)
    }
}

fn pair(name: &str, id: &str) -> (String, String) {
    (name.to_owned(), id.to_owned())
}

#[tokio::test]
async fn what_changes_is_told_and_the_last_id_is_where_one_comes_back() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    let mut live = Events::open(&server, "/v1/stream", None).await;
    assert_eq!(live.named().await, pair("opened", "1"));
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let (name, id, data) = live.next().await.unwrap();
    assert_eq!((name.as_str(), id.as_str()), ("enrollment", "2"));
    assert_eq!(data["target"], json!({ "kind": "domain", "reseller": "se", "domain": "a.se" }), "{data}");
    assert_eq!((&data["state"], &data["reason"]), (&json!("waiting"), &json!("seats_spent")));
    for (path, last) in
        [("/v1/stream?after=1", None), ("/v1/stream", Some("1")), ("/v1/stream?after=2", Some("1"))]
    {
        let mut again = Events::open(&server, path, last).await;
        assert_eq!(again.named().await, pair("opened", "1"), "{path}");
        assert_eq!(again.named().await, pair("enrollment", "2"), "{path}");
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_and_so_is_one_stream_too_many() {
    let server = Server::start().await;
    let ask = |last: &str| {
        server.request(Method::GET, "/v1/stream", Some(Role::Viewer)).header("last-event-id", last.to_owned())
    };
    for last in ["x", "-1", "1 2"] {
        let (status, problem) = answer(ask(last)).await;
        assert_eq!(
            (status, &problem["errors"][0]["place"]),
            (StatusCode::BAD_REQUEST, &json!("Last-Event-ID"))
        );
    }
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(Events::open(&server, "/v1/stream", None).await);
    }
    let refused = ask("").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(answer_code(refused).await, "too_many_streams");
}

#[tokio::test]
async fn the_stop_ends_streams() {
    let server = Server::start().await;
    let mut live = Events::open(&server, "/v1/stream", None).await;
    assert_eq!(live.named().await, pair("opened", "0"));
    server.stop.cancel();
    assert_eq!(live.next().await, None);
}
