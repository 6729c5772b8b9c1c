//! What a web page, a scanner or a thief may send, at every route of the table: other names, other origins, other methods, other bodies,
//! tokens where they do not belong. Nothing of it does anything. The API knows no cookie, so a page of another origin has nothing to send
//! in somebody's name; what it sends with a token that it has is its own. Not here: sizes and broken HTTP (`tests`), the dashboard (`room`).

use super::*;

const EVIL: &str = "https://evil.example";

/// A way to come in, and what is answered.
struct Attempt {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    role: Option<Role>,
    /// Behind the path.
    query: String,
    expected: StatusCode,
}

fn attempts(token: &str) -> Vec<Attempt> {
    let attempt = |name, headers: &[(&'static str, &str)], expected| Attempt {
        name,
        headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        role: None,
        query: String::new(),
        expected,
    };
    let known = |attempt: Attempt| Attempt { role: Some(Role::Approver), ..attempt };
    let cross_site = [("origin", EVIL), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
    let cookie = format!("token={token}; authorization=Bearer {token}");
    let basic = format!("Basic {token}");
    let bare = token.to_owned();
    vec![
        attempt("a page of another origin", &cross_site, StatusCode::UNAUTHORIZED),
        attempt(
            "with what a browser keeps",
            &[("cookie", &cookie), ("origin", EVIL)],
            StatusCode::UNAUTHORIZED,
        ),
        attempt("with a password's scheme", &[("authorization", &basic)], StatusCode::UNAUTHORIZED),
        attempt("with no scheme", &[("authorization", &bare)], StatusCode::UNAUTHORIZED),
        attempt(
            "behind a proxy that says who it is",
            &[("x-forwarded-user", "approver")],
            StatusCode::UNAUTHORIZED,
        ),
        Attempt {
            query: format!("?access_token={token}&token={token}"),
            ..attempt("in the address", &[], StatusCode::UNAUTHORIZED)
        },
        known(attempt(
            "a name of its own for us",
            &[("host", "evil.example")],
            StatusCode::MISDIRECTED_REQUEST,
        )),
        known(attempt(
            "a name like ours",
            &[("host", "localhost.evil.example")],
            StatusCode::MISDIRECTED_REQUEST,
        )),
        known(attempt(
            "a user in the name",
            &[("host", "localhost@evil.example")],
            StatusCode::MISDIRECTED_REQUEST,
        )),
    ]
}

#[tokio::test]
async fn hostile_requests_to_every_route_do_nothing() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    put_waiting(&server.store, "domain/E-1/se/a.se").await;
    let before = server.store.head().await.unwrap();
    let token = &server.tokens[&Role::Approver];
    let body = r#"{"order":"release","reason":"hostile"}"#;
    let mut sent = 0;
    for route in &ROUTES {
        for attempt in attempts(token) {
            let path = format!("{}{}", filled(route.path), attempt.query);
            let mut request = server.request(route.method.clone(), &path, attempt.role).body(body);
            request = request.header("content-type", "application/json");
            for (name, value) in &attempt.headers {
                request = request.header(*name, value);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), attempt.expected, "{path}: {}", attempt.name);
            let opened = answer.headers().keys().any(|name| name.as_str().starts_with("access-control"));
            assert!(!opened && !answer.headers().contains_key("set-cookie"), "{path}: {}", attempt.name);
            sent += 1;
        }
    }
    assert!(sent >= 40, "{sent}");
    assert_eq!(server.store.head().await.unwrap(), before, "something was written");
}

/// What a page may send to another origin without asking first ("simple" requests) is no JSON; and who asks first is told no.
#[tokio::test]
async fn a_page_elsewhere_can_send_nothing_that_is_taken() {
    let server = Server::start().await;
    put_engineer(&server.store, "E-1", HELD).await;
    let before = server.store.head().await.unwrap();
    for route in &ROUTES {
        let path = filled(route.path);
        let asked = server
            .request(Method::OPTIONS, &path, None)
            .header("origin", EVIL)
            .header("access-control-request-method", route.method.as_str())
            .header("access-control-request-headers", "authorization");
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
        if route.method != Method::POST {
            continue;
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""]
        {
            let body = r#"{"order":"release","reason":"hostile"}"#;
            let request = server.request(Method::POST, &path, Some(Role::Approver)).body(body);
            let answer = request.header("content-type", kind).send().await.unwrap();
            assert!(answer.status().is_client_error(), "{path} as '{kind}': {}", answer.status());
        }
    }
    assert_eq!(server.store.head().await.unwrap(), before, "something was written");
}

/// Every method that HTTP knows, in every role, at every route: one method and enough of a role, or nothing.
#[tokio::test]
async fn no_method_and_no_role_is_let_in_by_mistake() {
    let server = Server::start().await;
    let methods =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE];
    for route in &ROUTES {
        for method in &methods {
            // axum answers HEAD where it answers GET, without the body.
            let same = *method == route.method || *method == Method::HEAD && route.method == Method::GET;
            for role in Role::ALL {
                let request =
                    server.request(method.clone(), &filled(route.path), Some(role)).json(&json!({}));
                let status = request.send().await.unwrap().status();
                let case = format!("{method} {} as {role}: {status}", route.path);
                if !same {
                    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{case}");
                } else if !role.may(route.least) {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{case}");
                } else {
                    assert_ne!(status, StatusCode::UNAUTHORIZED, "{case}");
                }
            }
        }
    }
}
