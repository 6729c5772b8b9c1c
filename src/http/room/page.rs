//! The frame around every page: landmarks, the way around, who is signed in, and what a browser may do with it. Pages that nobody has
//! changed are told apart by their hash, so that a look costs next to nothing. Not here: what stands on the pages.

use super::super::language::Spoken;
use super::super::problem::Problem;
use super::super::tokens::Role;
use super::assets::{MARK, SCRIPT, STYLE};
use super::text::Text;
use super::visitor::{PROOF, Visitor};
use super::{LANGUAGE, SIGN_IN, SIGN_OUT};
use crate::model::person::Language;
use axum::http::header::{
    CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, RETRY_AFTER, VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::{DOCTYPE, Markup, html};

/// Nothing from elsewhere, nothing inline, no frame; forms and looks go to this server alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// A page of the dashboard that the navigation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Matrix,
    Tasks,
    Grants,
    Leavers,
    Resellers,
    Events,
}

/// A page.
pub(super) struct Page {
    pub(super) area: Option<Area>,
    pub(super) title: String,
    /// What stands under the title.
    pub(super) lead: Option<String>,
    /// What the last button did.
    pub(super) said: Option<Said>,
    pub(super) content: Markup,
}

/// What a button did, as the address of the next page says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Done,
    Checked,
    Released,
    Replayed,
}

impl Area {
    pub(super) const ALL: [Self; 6] =
        [Self::Matrix, Self::Tasks, Self::Grants, Self::Leavers, Self::Resellers, Self::Events];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Matrix => "/",
            Self::Tasks => "/tasks",
            Self::Grants => "/grants",
            Self::Leavers => "/leavers",
            Self::Resellers => "/resellers",
            Self::Events => "/events",
        }
    }

    pub(super) fn text(self) -> Text {
        match self {
            Self::Matrix => Text::Matrix,
            Self::Tasks => Text::Tasks,
            Self::Grants => Text::Grants,
            Self::Leavers => Text::Leavers,
            Self::Resellers => Text::Resellers,
            Self::Events => Text::Events,
        }
    }
}

impl Said {
    const ALL: [Self; 4] = [Self::Done, Self::Checked, Self::Released, Self::Replayed];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Checked => "checked",
            Self::Released => "released",
            Self::Replayed => "replayed",
        }
    }

    fn text(self) -> Text {
        match self {
            Self::Done => Text::SaidDone,
            Self::Checked => Text::SaidChecked,
            Self::Released => Text::SaidReleased,
            Self::Replayed => Text::SaidReplayed,
        }
    }

    /// The query's word; none for a word that is none of ours.
    pub(super) fn of(word: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|said| Some(said.word()) == word)
    }
}

/// The page for somebody who has signed in; nothing but a number if the reader has it already.
pub(super) fn answer(visitor: &Visitor, page: &Page) -> Response {
    let language = visitor.language();
    let title = format!("{} – carepass", page.title);
    let inside = html! {
        (top(visitor, page.area))
        main id="main" tabindex="-1" {
            @if let Some(said) = page.said { p.said role="status" { (said.text().of(language)) } }
            h1 { (page.title) }
            @if let Some(lead) = &page.lead { p.lead { (lead) } }
            (page.content)
        }
        footer.foot { p.live id="live" role="status" {} }
    };
    let text = whole(&title, language, true, &inside).into_string();
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let etag = HeaderValue::from_str(&format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash)));
    let etag = etag.expect("base64 is a header's value");
    let mut response = if visitor.has.as_ref() == Some(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        written(StatusCode::OK, language, text)
    };
    response.headers_mut().insert(ETAG, etag);
    response.headers_mut().insert(VARY, HeaderValue::from_static("cookie, accept-language"));
    response
}

/// A page for anybody: the sign-in, or what went wrong.
pub(super) fn plain(status: StatusCode, language: Language, title: &str, content: &Markup) -> Response {
    let inside = html! {
        main.narrow id="main" tabindex="-1" { h1 { (title) } (content) }
        p.live id="live" role="status" {}
    };
    written(status, language, whole(&format!("{title} – carepass"), language, false, &inside).into_string())
}

/// Has the browser come once more, from a page of ours: then it sends what it keeps of a session.
pub(super) fn once_more(language: Language, place: &str) -> Response {
    let title = Text::SignIn.of(language);
    let page = html! {
        (DOCTYPE)
        html lang=(Spoken(language).tag().to_str().unwrap_or("en")) {
            head { meta charset="utf-8"; title { (title) " – carepass" } meta http-equiv="refresh" content={ "0; url=" (place) }; }
            body { main { h1 { (title) } p { a href=(place) { (place) } } } }
        }
    };
    written(StatusCode::OK, language, page.into_string())
}

/// A problem in words: whoever meets it here is no machine. Who has signed in and may look is led back from the form, and so not there.
pub(super) fn problem(problem: &Problem, spoken: Spoken, is_signed_in: bool) -> Response {
    let (title, detail) = problem.words(spoken);
    let language = spoken.0;
    let content = html! {
        div.trouble role="alert" {
            p { (detail) }
            @if !problem.errors.is_empty() {
                ul { @for fault in &problem.errors { li { (fault.place.trim_start_matches('/')) ": " (fault.detail) } } }
            }
            @if let Some(role) = problem.required_role { p { (Text::NeedsRole.of(language)) " " strong { (role) } } }
        }
        p.next { a href="/" { (Text::BackToMatrix.of(language)) } @if !is_signed_in || problem.required_role == Some(Role::Viewer) { a href=(SIGN_IN) { (Text::SignIn.of(language)) } } }
    };
    let mut response = plain(problem.kind.status(), language, title, &content);
    let wait = match problem.kind.status() {
        StatusCode::SERVICE_UNAVAILABLE => Some("5"),
        StatusCode::TOO_MANY_REQUESTS => Some("1"),
        _ => None,
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

/// A choice of language that comes back to the same page.
pub(super) fn languages(language: Language, place: &str) -> Markup {
    html! {
        form method="post" action=(LANGUAGE) aria-label=(Text::Language.of(language)) {
            input type="hidden" name="back" value=(place);
            @for (other, tag, name) in [(Language::English, "en", "English"), (Language::Swedish, "sv", "Svenska")] {
                @if other != language { button.small name="language" value=(tag) lang=(tag) { (name) } }
            }
        }
    }
}

fn top(visitor: &Visitor, area: Option<Area>) -> Markup {
    let language = visitor.language();
    let caller = &visitor.session.caller;
    html! {
        a.skip href="#main" { (Text::SkipToContent.of(language)) }
        header.top { div {
            a.brand href="/" { "carepass" }
            nav aria-label=(Text::Pages.of(language)) { ul {
                @for one in Area::ALL {
                    li { a href=(one.path()) aria-current=[(area == Some(one)).then_some("page")] { (one.text().of(language)) } }
                }
            } }
            div.who {
                span { (caller.name) " (" (caller.role) ")" }
                (languages(language, &visitor.place))
                form method="post" action=(SIGN_OUT) {
                    input type="hidden" name=(PROOF) value=(visitor.session.proof);
                    button.small { (Text::SignOut.of(language)) }
                }
            }
        } }
    }
}

fn whole(title: &str, language: Language, live: bool, inside: &Markup) -> Markup {
    let tag = Spoken(language).tag();
    let say = |text: Text| text.of(language);
    html! {
        (DOCTYPE)
        html lang=(tag.to_str().unwrap_or("en")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(MARK.address());
                link rel="stylesheet" href=(STYLE.address());
                script src=(SCRIPT.address()) defer {}
            }
            body data-live=(live) data-updated=(say(Text::Updated)) data-changed=(say(Text::Changed)) data-ended=(say(Text::Ended))
                data-away=(say(Text::Away)) data-copied=(say(Text::Copied)) data-marked=(say(Text::Marked)) { (inside) }
        }
    }
}

fn written(status: StatusCode, language: Language, text: String) -> Response {
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LANGUAGE, Spoken(language).tag());
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // Without a referrer a browser says no origin of a form either, and that is asked for.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
