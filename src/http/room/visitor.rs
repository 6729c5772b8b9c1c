//! Who looks at the dashboard and who presses its buttons: cookies, and where a request comes from. A page is shown to whoever has signed
//! in; a button works only on our own page, in the session it was made for. Not here: how sessions are kept (`session`), and what a role
//! may do (`auth`).

use super::super::language::Spoken;
use super::super::problem::{Problem, ProblemKind};
use super::super::stream::Allowed;
use super::super::tokens::{Caller, Role};
use super::super::{Api, auth, hosts};
use super::session::{AGE_MAX, Session};
use super::{LANGUAGE, SIGN_IN, SIGN_OUT, STREAM, page};
use crate::model::person::Language;
use crate::planted::planted;
use axum::extract::{Form, FromRequest, FromRequestParts, Request, State};
use axum::http::header::{COOKIE, HOST, IF_NONE_MATCH, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the browser keeps. A browser takes the first name only over TLS and for this very host (RFC 6265bis, 4.1.3.2). On this machine
/// itself there is no TLS, and not every browser takes it there without.
const COOKIE_TLS: &str = "__Host-carepass";
const COOKIE_LOOPBACK: &str = "carepass-session";

/// The reader's choice of a language.
const COOKIE_LANGUAGE: &str = "carepass-language";
const LANGUAGE_AGE: u32 = 365 * 24 * 60 * 60;

/// Sent by the script of the page, which looks by itself.
const LOOKS: &str = "carepass-looks";

/// Fields of a form, at most.
const FIELDS_MAX: usize = 16;

/// The field of a form that proves whose it is.
pub(super) const PROOF: &str = "proof";

/// Somebody who has signed in and looks.
pub(super) struct Visitor {
    pub(super) session: Session,
    pub(super) spoken: Spoken,
    /// The path with its query, to come back to.
    pub(super) place: String,
    /// What the reader has already.
    pub(super) has: Option<HeaderValue>,
}

/// Somebody who has signed in and pressed a button on our own page.
pub(super) struct Signed {
    pub(super) caller: Caller,
    pub(super) spoken: Spoken,
    pub(super) fields: Fields,
}

/// A form that needs no session, from our own page all the same.
pub(super) struct Open {
    pub(super) spoken: Spoken,
    pub(super) fields: Fields,
}

/// The fields of a form by name, each once.
pub(super) struct Fields(BTreeMap<String, String>);

impl Visitor {
    pub(super) fn language(&self) -> Language {
        self.spoken.0
    }

    /// Whether buttons are shown; each is checked again when it is pressed.
    pub(super) fn may(&self, least: Role) -> bool {
        self.session.caller.role.may(least)
    }
}

/// Stands before every page and button: lets only browsers through that have signed in, with a token of at least this role.
pub(super) async fn require(
    State((api, least)): State<(Arc<Api>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    if is_embedded(request.headers()) {
        return Problem::from(ProblemKind::ForeignPage).into_response();
    }
    let looks = looks(request.uri().path(), request.headers());
    let Some(session) = found(&api, request.headers(), looks) else {
        return way_in(&request);
    };
    if !api.paces.take(&session.caller.name) {
        return Problem::from(ProblemKind::TooManyRequests).into_response();
    }
    // Who may only send events sees nothing here either.
    if let Err(problem) = auth::check(&session.caller, least) {
        return problem.into_response();
    }
    // A route of the API that stands in the table of rooms finds its caller where it always does.
    request.extensions_mut().insert(session.caller.clone());
    request.extensions_mut().insert(Allowed(session.ended.clone()));
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Where somebody is led who is not signed in, or does not seem to be: with a link on another site a browser does not send what it keeps,
/// with the same link on our own page it does.
fn way_in(request: &Request) -> Response {
    let place = request.uri().path_and_query().map_or("/", |place| place.as_str()).to_owned();
    let word = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_navigation = word("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    if request.method() != Method::GET || !is_navigation || back(Some(place.clone())) != place {
        return Redirect::to(SIGN_IN).into_response();
    }
    if matches!(word("sec-fetch-site"), Some("cross-site" | "same-site")) {
        return page::once_more(reader(request.headers()).0, &place);
    }
    Redirect::to(&with_back(&place)).into_response()
}

/// The way to the form that leads back to a page.
pub(super) fn with_back(place: &str) -> String {
    if place == "/" {
        return SIGN_IN.to_owned();
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let encode =
        |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("{SIGN_IN}?back={}", place.bytes().map(encode).collect::<String>())
}

impl FromRequestParts<Arc<Api>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        let session = parts.extensions.get::<Session>().cloned().ok_or(ProblemKind::Unauthorized)?;
        let place = parts.uri.path_and_query().map_or("/", |place| place.as_str()).to_owned();
        let has = parts.headers.get(IF_NONE_MATCH).cloned();
        Ok(Self { session, spoken: reader(&parts.headers), place, has })
    }
}

impl FromRequest<Arc<Api>> for Signed {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let session = request.extensions().get::<Session>().cloned().ok_or(ProblemKind::Unauthorized)?;
        let Open { spoken, mut fields } = Open::from_request(request, api).await?;
        let sent = fields.take(PROOF).unwrap_or_default();
        if !session.is_proven(&sent) && !planted!(FormNotProven) {
            return Err(ProblemKind::ForeignPage.into());
        }
        Ok(Self { caller: session.caller, spoken, fields })
    }
}

impl FromRequest<Arc<Api>> for Open {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        if !is_ours(request.headers()) && !planted!(OriginNotAsked) {
            return Err(ProblemKind::ForeignPage.into());
        }
        let spoken = reader(request.headers());
        let form = Form::<Vec<(String, String)>>::from_request(request, api).await;
        let Form(pairs) = form.map_err(|rejection| Problem::of_status(rejection.into_response().status()))?;
        Ok(Self { spoken, fields: Fields::of(pairs)? })
    }
}

impl Fields {
    fn of(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            if fields.len() == FIELDS_MAX || fields.insert(name, value).is_some() {
                return Err(Problem::invalid("form", "has too many fields, or one twice"));
            }
        }
        Ok(Self(fields))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Refuses what the form does not have: it was not sent by our page.
    pub(super) fn no_more(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid("form", "has a field that is unknown")) }
    }
}

/// The language that the reader has chosen, or else the browser's.
pub(in super::super) fn reader(headers: &HeaderMap) -> Spoken {
    match cookie(headers, COOKIE_LANGUAGE) {
        Some("sv") => Spoken(Language::Swedish),
        Some("en") => Spoken(Language::English),
        Some(_) | None => Spoken::of(headers),
    }
}

/// The session of a request, if its browser has signed in.
pub(in super::super) fn session(api: &Api, headers: &HeaderMap) -> Option<Session> {
    found(api, headers, headers.contains_key(LOOKS))
}

/// Whether its browser has signed in; to ask that keeps no session open.
pub(super) fn is_signed_in(api: &Api, headers: &HeaderMap) -> bool {
    found(api, headers, true).is_some()
}

/// Whether the page asks by itself, and nobody has pressed anything. Its script cannot mark the stream.
fn looks(path: &str, headers: &HeaderMap) -> bool {
    path == STREAM || headers.contains_key(LOOKS)
}

/// The same; what the page itself asks keeps no session open.
fn found(api: &Api, headers: &HeaderMap, looks: bool) -> Option<Session> {
    api.sessions.find(&api.tokens, kept(headers)?, !looks)
}

/// What the browser keeps of its session.
pub(super) fn kept(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, cookie_name(headers))
}

/// Has the browser keep a session, or forget it.
pub(super) fn keep(headers: &HeaderMap, kept: Option<&str>) -> HeaderValue {
    let secure = if hosts::is_loopback(headers) { "" } else { "; Secure" };
    let age = if kept.is_some() { AGE_MAX.as_secs() } else { 0 };
    let (name, kept) = (cookie_name(headers), kept.unwrap_or_default());
    let text = format!("{name}={kept}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    HeaderValue::from_str(&text).expect("base64 is a header's value")
}

/// Has the browser keep the choice of a language.
pub(super) fn keep_language(headers: &HeaderMap, language: Language) -> HeaderValue {
    let secure = if hosts::is_loopback(headers) { "" } else { "; Secure" };
    let tag = Spoken(language).tag();
    let tag = tag.to_str().unwrap_or("en");
    let text =
        format!("{COOKIE_LANGUAGE}={tag}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LANGUAGE_AGE}{secure}");
    HeaderValue::from_str(&text).expect("a tag is a header's value")
}

/// Where a form leads back to: a page of the dashboard and nothing else, whatever the form says.
pub(super) fn back(wish: Option<String>) -> String {
    let is_page = |wish: &String| {
        let plain = wish.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let ways = [LANGUAGE, SIGN_IN, SIGN_OUT];
        plain
            && super::is_room(wish.split('?').next().unwrap_or_default())
            && !ways.iter().any(|way| wish.starts_with(way))
    };
    wish.filter(is_page).unwrap_or_else(|| "/".to_owned())
}

fn cookie_name(headers: &HeaderMap) -> &'static str {
    if hosts::is_loopback(headers) { COOKIE_LOOPBACK } else { COOKIE_TLS }
}

/// The value of a cookie that was sent once. Of one that was sent twice nobody knows which is ours.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let sent = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = sent.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    match (ours.next(), ours.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Whether a button on our own page was pressed. A browser says the origin of each form that it sends; who says none says at least that it
/// is the same.
fn is_ours(headers: &HeaderMap) -> bool {
    let only = |name| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
            (Some(_), Some(_)) => Err(()),
        }
    };
    let (Ok(site), Ok(origin)) = (only("sec-fetch-site"), only(ORIGIN.as_str())) else { return false };
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = origin else { return site.is_some() };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    hosts::authority_of(origin)
        .zip(host)
        .is_some_and(|(from, host)| from.eq_ignore_ascii_case(host) && origin.ends_with(from))
}

/// Whether another page shows this one inside itself, or reads it; browsers say so before they are told not to. A link on it may be
/// followed.
fn is_embedded(headers: &HeaderMap) -> bool {
    let word = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_frame = |dest| ["iframe", "frame", "embed", "object", "fencedframe"].contains(&dest);
    let is_foreign = |site| ["cross-site", "same-site"].contains(&site);
    let is_part = word("sec-fetch-mode").is_some_and(|mode| mode != "navigate");
    word("sec-fetch-dest").is_some_and(is_frame) || is_part && word("sec-fetch-site").is_some_and(is_foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_the_page_asks_by_itself_keeps_no_session_open() {
        let check = |path: &str, pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(looks(path, &headers(pairs)), expected, "{path} {pairs:?}");
        };
        check("/tasks", &[], false);
        check("/tasks", &[("carepass-looks", "1")], true);
        check("/stream", &[], true);
        check("/stream/", &[], false);
    }

    #[test]
    fn only_a_button_of_our_own_page_is_pressed() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            let mut all = vec![("host", "care.example")];
            all.extend_from_slice(pairs);
            assert_eq!(is_ours(&headers(&all)), expected, "{pairs:?}");
        };
        check(&[("origin", "https://care.example")], true);
        check(&[("origin", "https://Care.example"), ("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], false);
        check(&[("origin", "https://care.example:8443")], false);
        check(&[("origin", "https://care.example.evil.example")], false);
        check(&[("origin", "https://care.example/evil")], false);
        check(&[("origin", "https://care.example"), ("origin", "https://evil.example")], false);
        for site in ["cross-site", "same-site", "none", ""] {
            check(&[("origin", "https://care.example"), ("sec-fetch-site", site)], false);
        }
    }

    #[test]
    fn another_site_may_link_here_and_show_nothing() {
        let check = |site: &str, mode: &str, dest: &str, expected: bool| {
            let pairs = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            assert_eq!(is_embedded(&headers(&pairs)), expected, "{pairs:?}");
        };
        check("cross-site", "navigate", "document", false);
        check("none", "navigate", "document", false);
        check("same-origin", "cors", "empty", false);
        for (mode, dest) in
            [("navigate", "iframe"), ("no-cors", "image"), ("no-cors", "script"), ("cors", "empty")]
        {
            check("cross-site", mode, dest, true);
            check("same-site", mode, dest, true);
        }
        assert!(!is_embedded(&headers(&[])), "a client that says nothing");
    }

    #[test]
    fn the_way_in_leads_back() {
        assert_eq!(with_back("/"), "/sign-in");
        assert_eq!(with_back("/tasks?from=50&x=%41"), "/sign-in?back=/tasks%3Ffrom%3D50%26x%3D%2541");
    }

    #[test]
    fn a_form_leads_back_to_a_page_of_ours_alone() {
        let check = |wish: &str, expected: &str| assert_eq!(back(Some(wish.to_owned())), expected, "{wish}");
        check("/tasks?after=3", "/tasks?after=3");
        check("/engineers/E-1", "/engineers/E-1");
        for wish in [
            "/sign-in?back=/",
            "/sign-out",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/v1/tasks",
            "tasks",
            "/a\nb",
            "",
        ] {
            check(wish, "/");
        }
        assert_eq!(back(None), "/");
    }

    #[test]
    fn a_cookie_belongs_to_the_name_it_was_made_for_and_stands_there_once() {
        let check = |host: &str, cookie: &str, expected: Option<&str>| {
            let headers = headers(&[("host", host), ("cookie", cookie)]);
            assert_eq!(kept(&headers), expected, "{host}: {cookie}");
        };
        check("care.example", "a=b; __Host-carepass=x; c", Some("x"));
        check("care.example", "carepass-session=x", None);
        check("127.0.0.1:8080", "carepass-session=x", Some("x"));
        check("localhost:8080", "carepass-session=x", Some("x"));
        check("127.0.0.1:8080", "__Host-carepass=x", None);
        check("care.example", "__Host-carepass=x; __Host-carepass=y", None);
        let of = |host| keep(&headers(&[("host", host)]), Some("x")).to_str().unwrap().to_owned();
        assert_eq!(
            of("care.example"),
            "__Host-carepass=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800; Secure"
        );
        assert_eq!(of("[::1]:8080"), "carepass-session=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800");
    }
}
