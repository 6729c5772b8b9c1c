//! The page of first passwords. Whoever fetches it, a mail scanner or a previewer as well, sees a button and no secret; only the button
//! opens it. It works without scripts, loads nothing, and is kept nowhere. The address is the secret: it stands in no log.
//! Not here: what may be opened, and when (`engine/envelope`).

use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use super::{Api, hosts};
use crate::engine::{Envelope, EnvelopeStanding};
use crate::handover::FirstPassword;
use crate::mail::WebUrl;
use crate::model::person::Language;
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// The page's only style, by its hash: nothing else is loaded, run, framed or sent elsewhere.
const STYLE: &str = "body{font-family:system-ui,sans-serif;line-height:1.5;max-width:40em;margin:0 auto;padding:1em}code{font-size:1.2em;overflow-wrap:anywhere}button{font:inherit;padding:.5em 1em}";

/// What the address of such a page begins with; the token follows.
const PATH: &str = "/envelope/";

/// What the page says.
struct Words {
    title: &'static str,
    closed: &'static str,
    once: &'static str,
    button: &'static str,
    shown: &'static str,
    write_down: &'static str,
    password: &'static str,
    sign_in: &'static str,
    opened: [&'static str; 2],
    expired: [&'static str; 2],
    revoked: [&'static str; 2],
    unknown: [&'static str; 2],
    too_many: [&'static str; 2],
    foreign: [&'static str; 2],
    away: [&'static str; 2],
    failed: [&'static str; 2],
}

const ENGLISH: Words = Words {
    title: "Your first passwords",
    closed: "Here are the first passwords of your accounts in Google's Customer Care Portal.",
    once: "This page opens once. Open it when you have time to sign in to every account.",
    button: "Show the passwords",
    shown: "These are your first passwords. They are shown this once and are no longer kept by carepass.",
    write_down: "Sign in to each account now: Google asks you to choose a password of your own.",
    password: "Password",
    sign_in: "Sign in",
    opened: [
        "This page was opened already, and what it showed is no longer kept.",
        "If it was not you who opened it, tell the administrator who looks after these accounts at once.",
    ],
    expired: [
        "This page no longer opens: its time is over, or there is a newer one.",
        "Use the link of your latest letter, or ask your administrator for a new one.",
    ],
    revoked: ["This access was taken away.", "If you think that this is wrong, ask your manager."],
    unknown: ["There is no such page.", "Check that you have the whole link of your letter."],
    too_many: ["This page was asked for too often.", "Try again in a minute."],
    foreign: ["Another page tried to open this one.", "Open the link of your letter yourself."],
    away: [
        "This page cannot be shown right now.",
        "Try again in a few minutes. If it then says that it was opened already, tell your administrator: you get a new one.",
    ],
    failed: ["This page cannot be shown.", "Open the link exactly as it stands in your letter."],
};

const SWEDISH: Words = Words {
    title: "Dina första lösenord",
    closed: "Här finns de första lösenorden till dina konton i Googles Customer Care Portal.",
    once: "Sidan öppnas en gång. Öppna den när du har tid att logga in på alla konton.",
    button: "Visa lösenorden",
    shown: "Det här är dina första lösenord. De visas den här enda gången och sparas inte längre av carepass.",
    write_down: "Logga in på varje konto nu: Google ber dig välja ett eget lösenord.",
    password: "Lösenord",
    sign_in: "Logga in",
    opened: [
        "Sidan har redan öppnats, och det den visade finns inte kvar.",
        "Om det inte var du som öppnade den, säg det genast till administratören som sköter kontona.",
    ],
    expired: [
        "Sidan går inte längre att öppna: tiden är ute, eller så finns det en nyare.",
        "Använd länken i ditt senaste brev, eller be din administratör om en ny.",
    ],
    revoked: ["Åtkomsten har tagits bort.", "Om du tror att det är fel, fråga din chef."],
    unknown: ["Det finns ingen sådan sida.", "Kontrollera att du har hela länken från ditt brev."],
    too_many: ["Sidan har begärts för ofta.", "Försök igen om en minut."],
    foreign: ["En annan sida försökte öppna den här.", "Öppna själv länken från ditt brev."],
    away: [
        "Sidan kan inte visas just nu.",
        "Försök igen om några minuter. Om det då står att den redan har öppnats, säg det till din administratör: du får en ny.",
    ],
    failed: ["Sidan kan inte visas.", "Öppna länken precis som den står i ditt brev."],
};

/// `GET` and `HEAD /envelope/{token}`: changes nothing, however often.
pub(super) async fn look(
    State(api): State<Arc<Api>>,
    Path(token): Path<String>,
    spoken: Spoken,
) -> Result<Response, Problem> {
    answer(&api, api.engine.envelope(&token).await, spoken)
}

/// `POST /envelope/{token}`: opens it.
pub(super) async fn open(
    State(api): State<Arc<Api>>,
    Path(token): Path<String>,
    spoken: Spoken,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !is_own_form(&headers, &api.engine.house().handovers.public_url) {
        return Ok(written(StatusCode::FORBIDDEN, spoken.0, &plain(words(spoken.0).foreign)));
    }
    answer(&api, api.engine.open_envelope(&token).await, spoken)
}

/// The page for whatever went wrong on the way to it: whoever opens it is no machine. `None` for other paths.
pub(super) fn in_words(path: &str, problem: &Problem, spoken: Spoken) -> Option<Response> {
    path.strip_prefix(PATH).filter(|token| !token.is_empty())?;
    let (status, words) = (problem.kind.status(), words(spoken.0));
    let is_away = status.is_server_error() || problem.kind == ProblemKind::Busy;
    let lines = if is_away { words.away } else { words.failed };
    let mut response =
        written(if is_away { StatusCode::SERVICE_UNAVAILABLE } else { status }, spoken.0, &plain(lines));
    if is_away {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    Some(response)
}

/// Whether the button on our own page was pressed, as far as the browser says. It says `null` as the origin of a page that sends no
/// referrer (Fetch, "append a request `Origin` header"), as ours does.
fn is_own_form(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |value: Option<&HeaderValue>| value.map(|value| value.to_str().unwrap_or("?").to_owned());
    let site = text(headers.get("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = text(headers.get(ORIGIN)).filter(|origin| origin != "null") else { return true };
    let own = [text(headers.get(HOST)), hosts::authority_of(public_url).map(str::to_owned)];
    hosts::authority_of(&origin)
        .is_some_and(|from| own.iter().flatten().any(|own| own.eq_ignore_ascii_case(from)))
}

fn answer(api: &Api, envelope: Result<Envelope, StoreError>, spoken: Spoken) -> Result<Response, Problem> {
    let Envelope { standing, language, passwords } = envelope?;
    let language = language.unwrap_or(spoken.0);
    let words = words(language);
    let (status, content) = match standing {
        EnvelopeStanding::Closed => (StatusCode::OK, closed(words)),
        EnvelopeStanding::Opened if !passwords.is_empty() => {
            (StatusCode::OK, shown(words, &passwords, api.engine.house().portal.as_str()))
        }
        EnvelopeStanding::Opened => (StatusCode::GONE, plain(words.opened)),
        EnvelopeStanding::Expired => (StatusCode::GONE, plain(words.expired)),
        EnvelopeStanding::Revoked => (StatusCode::GONE, plain(words.revoked)),
        EnvelopeStanding::Unknown => (StatusCode::NOT_FOUND, plain(words.unknown)),
        EnvelopeStanding::TooMany => (StatusCode::TOO_MANY_REQUESTS, plain(words.too_many)),
    };
    Ok(written(status, language, &content))
}

fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Swedish => &SWEDISH,
    }
}

fn written(status: StatusCode, language: Language, content: &Markup) -> Response {
    let tag = Spoken(language).tag();
    let page = page(words(language), tag.to_str().unwrap_or("en"), content).into_string();
    let mut response = (status, page).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(axum::http::header::CONTENT_LANGUAGE, tag);
    headers.insert(CONTENT_SECURITY_POLICY, policy());
    response
}

fn policy() -> HeaderValue {
    use base64::Engine as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    let text = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text).expect("base64 is a header's value")
}

fn page(words: &Words, language: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (words.title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { h1 { (words.title) } (content) } }
        }
    }
}

fn closed(words: &Words) -> Markup {
    html! {
        p { (words.closed) }
        p { (words.once) }
        form method="post" { button type="submit" { (words.button) } }
    }
}

fn shown(words: &Words, passwords: &[FirstPassword], portal: &str) -> Markup {
    let next = WebUrl::parse(portal).ok();
    html! {
        p { (words.shown) }
        @for one in passwords {
            h2 { (one.domain) }
            p {
                (one.address) br;
                (words.password) ": " code { (one.password.expose_secret()) } br;
                @if let Some(next) = &next {
                    a rel="noreferrer" href=(WebUrl::sign_in(&one.address, next).as_str()) { (words.sign_in) }
                }
            }
        }
        p { (words.write_down) }
    }
}

fn plain(lines: [&str; 2]) -> Markup {
    html! { @for line in lines { p { (line) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_button_of_the_page_itself_opens_it() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<Vec<(axum::http::HeaderName, HeaderValue)>>()
                .into_iter()
                .collect();
            assert_eq!(is_own_form(&headers, "https://care.example/pass"), expected, "{pairs:?}");
        };
        check(&[("host", "127.0.0.1:8080")], true);
        check(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], true);
        check(&[("host", "127.0.0.1:8080"), ("origin", "https://Care.example")], true);
        check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "null")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8081")], false);
        check(&[("host", "care.example"), ("origin", "https://care.example.evil.example")], false);
    }
}
