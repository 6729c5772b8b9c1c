//! The page of first passwords when it cannot be shown: whoever opens it is no machine. Not here: the page as it should be, which needs
//! a house with an engineer (`tests/it/handover`).

use super::*;
use secrecy::ExposeSecret;

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_to_the_page_is_a_page() {
    let server = Server::start().await;
    let token = server.engine.house().sealer.envelope_token(&"E-1".parse().unwrap(), 1);
    let path = format!("/envelope/{}", token.expose_secret());
    server.store.go_away();
    let check = async |method: Method, path: &str, language: &str, status: StatusCode, expected: &str| {
        let request = server.request(method.clone(), path, None).header("accept-language", language);
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8", "{method} {path}");
        assert_eq!(headers["content-language"], language);
        assert_eq!(
            (&headers["cache-control"], headers.contains_key("retry-after")),
            (&"no-store".parse().unwrap(), status == StatusCode::SERVICE_UNAVAILABLE)
        );
        let page = response.text().await.unwrap();
        assert!(page.contains(expected) && page.contains("<style>"), "{page}");
    };
    for method in [Method::GET, Method::POST] {
        check(method.clone(), &path, "en", StatusCode::SERVICE_UNAVAILABLE, "Try again in a few minutes.")
            .await;
        check(method, &path, "sv", StatusCode::SERVICE_UNAVAILABLE, "Försök igen om några minuter.").await;
    }
    check(Method::DELETE, &path, "sv", StatusCode::METHOD_NOT_ALLOWED, "Öppna länken precis som den står")
        .await;
    check(Method::GET, "/envelope/%ff", "en", StatusCode::BAD_REQUEST, "exactly as it stands in your letter")
        .await;
    check(Method::GET, "/envelope/a/b", "en", StatusCode::NOT_FOUND, "exactly as it stands").await;
    let other = server.get("/v1/engineers").await;
    assert_eq!((other.0, &other.1["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("store_unavailable")));
}
