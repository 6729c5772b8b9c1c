//! Who comes to a page or a button without having the right to: no session, another's, another origin, another name, a frame. Nothing of it
//! does anything. Not here: what those may do who have signed in (`room`).

use super::*;

/// An order that would be carried out.
const ORDER: [(&str, &str); 2] = [("order", "retry"), ("reason", "hostile")];

struct Attempt {
    name: &'static str,
    send: fn(&Browser<'_>, &Method, &str) -> RequestBuilder,
    expected: StatusCode,
}

/// Ways to come to a page or a button without having the right to.
fn attempts() -> Vec<Attempt> {
    fn bare(browser: &Browser<'_>, method: &Method, path: &str) -> RequestBuilder {
        let request = browser.client.request(method.clone(), browser.url(path));
        let request = request.header("origin", browser.origin());
        if *method == Method::POST { request.form(&ORDER) } else { request }
    }
    fn known(browser: &Browser<'_>, method: &Method, path: &str) -> RequestBuilder {
        if *method == Method::POST { browser.press(path, &ORDER) } else { browser.get(path) }
    }
    let (away, no, lost) = (StatusCode::SEE_OTHER, StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST);
    vec![
        attempt("without a cookie", bare, away),
        attempt(
            "with a made-up cookie",
            |b, m, p| bare(b, m, p).header("cookie", format!("carepass-session={}", "a".repeat(43))),
            away,
        ),
        attempt("with an empty cookie", |b, m, p| bare(b, m, p).header("cookie", "carepass-session="), away),
        attempt("with the cookie twice", |b, m, p| known(b, m, p).header("cookie", &b.cookie), away),
        attempt(
            "with the cookie of TLS",
            |b, m, p| bare(b, m, p).header("cookie", b.cookie.replace("carepass-session", "__Host-carepass")),
            away,
        ),
        attempt(
            "with the token as a cookie",
            |b, m, p| {
                bare(b, m, p)
                    .header("cookie", format!("carepass-session={}", b.server.tokens[&Role::Approver]))
            },
            away,
        ),
        attempt(
            "with a bearer token",
            |b, m, p| bare(b, m, p).bearer_auth(&b.server.tokens[&Role::Approver]),
            away,
        ),
        attempt("under another name", |b, m, p| known(b, m, p).header("host", "evil.example"), lost),
        attempt(
            "under a name like ours",
            |b, m, p| known(b, m, p).header("host", "127.0.0.1.evil.example"),
            lost,
        ),
        attempt("in a frame", |b, m, p| known(b, m, p).header("sec-fetch-dest", "iframe"), no),
        attempt(
            "as a picture on another site",
            |b, m, p| {
                known(b, m, p).header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "no-cors")
            },
            no,
        ),
        attempt("as an object", |b, m, p| known(b, m, p).header("sec-fetch-dest", "object"), no),
    ]
}

fn attempt(
    name: &'static str,
    send: fn(&Browser<'_>, &Method, &str) -> RequestBuilder,
    expected: StatusCode,
) -> Attempt {
    Attempt { name, send, expected }
}

/// A form with the session's cookie, as a browser would send it from a page of the same site.
fn raw(browser: &Browser<'_>, path: &str) -> RequestBuilder {
    browser.client.post(browser.url(path)).header("cookie", &browser.cookie)
}

/// The same, from our own page.
fn ours(browser: &Browser<'_>, path: &str) -> RequestBuilder {
    raw(browser, path).header("origin", browser.origin())
}

/// All that the order needs.
fn whole(browser: &Browser<'_>) -> Vec<(String, String)> {
    let mut fields = vec![("proof".to_owned(), browser.proof.clone())];
    fields.extend(ORDER.map(|(name, value)| (name.to_owned(), value.to_owned())));
    fields
}

/// Ways to press a button in somebody's name from another page.
fn foreign() -> Vec<Attempt> {
    fn from(browser: &Browser<'_>, path: &str, origin: &str) -> RequestBuilder {
        raw(browser, path).header("origin", origin).form(&whole(browser))
    }
    fn beside(browser: &Browser<'_>, path: &str, name: &str, value: &str) -> RequestBuilder {
        ours(browser, path).header(name, value).form(&whole(browser))
    }
    fn like_ours(browser: &Browser<'_>) -> String {
        format!("{}.evil.example", browser.origin())
    }
    let no = StatusCode::FORBIDDEN;
    vec![
        attempt("from another origin", |b, _, p| from(b, p, EVIL), no),
        attempt("from another port", |b, _, p| from(b, p, "http://127.0.0.1:1"), no),
        attempt("from an origin like ours", |b, _, p| from(b, p, &like_ours(b)), no),
        attempt("from nowhere", |b, _, p| from(b, p, "null"), no),
        attempt("without an origin", |b, _, p| raw(b, p).form(&whole(b)), no),
        attempt("from another site", |b, _, p| beside(b, p, "sec-fetch-site", "cross-site"), no),
        attempt("from a sibling site", |b, _, p| beside(b, p, "sec-fetch-site", "same-site"), no),
        attempt("with two origins", |b, _, p| beside(b, p, "origin", EVIL), no),
    ]
}

/// Ways to press a button on our own page without its proof, or with another body than a form's.
fn unproven() -> Vec<Attempt> {
    fn with(browser: &Browser<'_>, path: &str, proof: &str) -> RequestBuilder {
        ours(browser, path).form(&[("proof", proof), ORDER[0], ORDER[1]])
    }
    fn cookie(browser: &Browser<'_>) -> String {
        browser.cookie.split('=').nth(1).unwrap_or_default().to_owned()
    }
    fn twice(browser: &Browser<'_>) -> Vec<(String, String)> {
        let again = ("reason".to_owned(), "again".to_owned());
        whole(browser).into_iter().chain([again]).collect()
    }
    fn as_text(browser: &Browser<'_>, path: &str) -> RequestBuilder {
        let body = format!("proof={}&order=retry&reason=x", browser.proof);
        ours(browser, path).header("content-type", "text/plain").body(body)
    }
    fn as_json(browser: &Browser<'_>, path: &str) -> RequestBuilder {
        ours(browser, path).json(&json!({ "proof": browser.proof, "order": "retry", "reason": "x" }))
    }
    fn in_address(browser: &Browser<'_>, path: &str) -> RequestBuilder {
        ours(browser, &format!("{path}?proof={}", browser.proof)).form(&ORDER)
    }
    let (no, other) = (StatusCode::FORBIDDEN, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    vec![
        attempt("without a proof", |b, _, p| ours(b, p).form(&ORDER), no),
        attempt("with an empty proof", |b, _, p| with(b, p, ""), no),
        attempt("with a made-up proof", |b, _, p| with(b, p, &"a".repeat(43)), no),
        attempt("with the cookie as a proof", |b, _, p| with(b, p, &cookie(b)), no),
        attempt("with the token as a proof", |b, _, p| with(b, p, &b.server.tokens[&Role::Approver]), no),
        attempt("with the proof in the address", |b, _, p| in_address(b, p), no),
        attempt("with a field twice", |b, _, p| ours(b, p).form(&twice(b)), StatusCode::BAD_REQUEST),
        attempt("as JSON", |b, _, p| as_json(b, p), other),
        attempt("as plain text", |b, _, p| as_text(b, p), other),
    ]
}

#[tokio::test]
async fn hostile_requests_to_every_room_do_nothing() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let browser = Browser::of(&server, Role::Approver).await;
    let before = server.store.head().await.unwrap();
    let mut sent = 0;
    for room in &ROOMS {
        let path = room_path(room.path);
        let is_button = room.method == Method::POST;
        let forged = foreign().into_iter().chain(unproven()).filter(|_| is_button);
        for attempt in attempts().into_iter().chain(forged) {
            let answer = (attempt.send)(&browser, &room.method, &path).send().await.unwrap();
            let case = format!("{} {path} {}", room.method, attempt.name);
            assert_eq!(answer.status(), attempt.expected, "{case}");
            if attempt.expected == StatusCode::SEE_OTHER {
                let place = answer.headers()["location"].to_str().unwrap();
                assert_eq!(place.split('?').next(), Some("/sign-in"), "{case}");
            }
            let opened = answer.headers().keys().any(|name| name.as_str().starts_with("access-control"));
            assert!(!opened && !answer.headers().contains_key("set-cookie"), "{case}");
            for name in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
                assert_eq!(answer.headers()[name], "same-origin", "{case}");
            }
            sent += 1;
        }
    }
    assert!(sent >= 250, "{sent}");
    assert_eq!(server.store.head().await.unwrap(), before, "something was written");
    assert_eq!(browser.page("/").await.0, StatusCode::OK, "and nobody was signed out");
    let other = Browser::of(&server, Role::Approver).await;
    let borrowed =
        ours(&browser, "/engineers/E-1/orders").form(&[("proof", other.proof.as_str()), ORDER[0], ORDER[1]]);
    assert_eq!(
        borrowed.send().await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "with another session's proof"
    );
}

#[tokio::test]
async fn every_room_asks_for_its_role_and_takes_one_method() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    for role in Role::ALL {
        let browser = Browser::of(&server, role).await;
        // Signing out would end it.
        for room in ROOMS.iter().filter(|room| room.path != "/sign-out") {
            let path = room_path(room.path);
            let request =
                if room.method == Method::POST { browser.press(&path, &[]) } else { browser.get(&path) };
            let status = request.send().await.unwrap().status();
            // What a release asks for beyond the route is asked by the order.
            let least = if path.starts_with("/grants/") { Role::Approver } else { room.least };
            let expected =
                if role.may(room.least) && !role.may(least) { StatusCode::BAD_REQUEST } else { status };
            assert_eq!(status == StatusCode::FORBIDDEN, !role.may(room.least), "{path} as {role}: {status}");
            assert_eq!(status, expected, "{path} as {role}");
            let other = if room.method == Method::POST { Method::PUT } else { Method::DELETE };
            let answer = browser
                .get(&path)
                .build()
                .map(|mut request| {
                    *request.method_mut() = other;
                    request
                })
                .unwrap();
            let status = browser.client.execute(answer).await.unwrap().status();
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path} as {role}");
        }
    }
}

#[test]
fn planted_a_form_needs_no_proof() {
    caught(Bug::FormNotProven, hostile_requests_to_every_room_do_nothing);
}

#[test]
fn planted_a_form_may_come_from_anywhere() {
    caught(Bug::OriginNotAsked, hostile_requests_to_every_room_do_nothing);
}
