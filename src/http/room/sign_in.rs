//! The way in and out: a token opens a session, an invitation opens one without typing, and a reader chooses a language. Guessing a token
//! is hopeless (`tokens`), so nobody is locked out for trying. Not here: what a session is (`session`).

use super::super::Api;
use super::super::language::Spoken;
use super::super::problem::{Problem, ProblemKind};
use super::super::tokens::Role;
use super::SIGN_IN;
use super::page::{languages, plain};
use super::session::NotSignedIn;
use super::text::Text;
use super::visitor::{Open, Signed, back, keep, keep_language, kept, reader, session, with_back};
use crate::model::person::Language;
use crate::store::seldom::Seldom;
use axum::extract::{Path, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 512;

/// Whoever tries tokens does not fill the log.
static REFUSED: Seldom = Seldom::new();

/// What the form may be asked with.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// The page that is wanted.
    back: Option<String>,
}

/// `GET /sign-in`
pub(super) async fn form(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let place = back(asked.back);
    // Whoever may see nothing here gets the form, to sign in with another token.
    if session(&api, &headers).is_some_and(|session| session.caller.role.may(Role::Viewer)) {
        return Redirect::to(&place).into_response();
    }
    let language = reader(&headers).0;
    plain(StatusCode::OK, language, Text::SignIn.of(language), &sign_in_form(language, &place, None))
}

/// `POST /sign-in`
pub(super) async fn sign_in(State(api): State<Arc<Api>>, headers: HeaderMap, open: Open) -> Response {
    let Open { spoken, mut fields } = open;
    let token = Zeroizing::new(fields.take("token").unwrap_or_default());
    let place = back(fields.take("back"));
    if let Err(problem) = fields.no_more() {
        return problem.into_response();
    }
    let opened = if token.len() > TOKEN_MAX {
        Err(NotSignedIn::UnknownToken)
    } else {
        api.sessions.sign_in(&api.tokens, token.trim())
    };
    entered(&api, &headers, opened, &place, spoken)
}

/// `GET /enter/{word}`: the invitation that the demo prints. It is spent by whoever comes first, and says so to the next.
pub(super) async fn enter(
    State(api): State<Arc<Api>>,
    Path(word): Path<String>,
    headers: HeaderMap,
) -> Response {
    entered(&api, &headers, api.sessions.accept(&api.tokens, &word), "/", reader(&headers))
}

/// `POST /sign-out`
pub(super) async fn sign_out(State(api): State<Arc<Api>>, headers: HeaderMap, _: Signed) -> Response {
    if let Some(kept) = kept(&headers) {
        api.sessions.sign_out(kept);
    }
    with_cookie(Redirect::to(SIGN_IN).into_response(), keep(&headers, None))
}

/// `POST /language`: needs no session, since the page for signing in has a language too.
pub(super) async fn language(headers: HeaderMap, open: Open) -> Result<Response, Problem> {
    let mut fields = open.fields;
    let (wish, place) = (fields.take("language"), back(fields.take("back")));
    fields.no_more()?;
    let language = match wish.as_deref() {
        Some("en") => Language::English,
        Some("sv") => Language::Swedish,
        Some(_) | None => return Err(Problem::invalid("language", "en or sv")),
    };
    Ok(with_cookie(Redirect::to(&place).into_response(), keep_language(&headers, language)))
}

fn entered(
    api: &Api,
    headers: &HeaderMap,
    opened: Result<String, NotSignedIn>,
    place: &str,
    spoken: Spoken,
) -> Response {
    let language = spoken.0;
    match opened {
        Ok(fresh) => {
            // A browser has one session: the one before is not left behind.
            if let Some(before) = kept(headers) {
                api.sessions.sign_out(before);
            }
            if let Some(session) = api.sessions.find(&api.tokens, &fresh, true) {
                tracing::info!(operator = session.caller.name, "signed in to the dashboard");
            }
            with_cookie(Redirect::to(place).into_response(), keep(headers, Some(&fresh)))
        }
        Err(NotSignedIn::UnknownToken) => {
            if let Some(kept_back) = REFUSED.may_tell() {
                tracing::warn!(
                    kept_back,
                    "refused: nobody was signed in to the dashboard, the token or invitation is unknown"
                );
            }
            let content = sign_in_form(language, place, Some(Text::TokenUnknown));
            plain(StatusCode::FORBIDDEN, language, Text::SignIn.of(language), &content)
        }
        Err(NotSignedIn::NoRandomness) => Problem::from(ProblemKind::Internal).into_response(),
    }
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

fn sign_in_form(language: Language, place: &str, trouble: Option<Text>) -> Markup {
    let say = |text: Text| text.of(language);
    html! {
        @if let Some(trouble) = trouble {
            p.trouble role="alert" id="trouble" { (say(trouble)) }
        }
        p.lead { (say(Text::SignInLead)) }
        form.card method="post" action=(SIGN_IN) {
            div.field {
                label for="token" { (say(Text::Token)) }
                input id="token" name="token" type="password" autocomplete="off" spellcheck="false" required
                    aria-describedby=[trouble.map(|_| "trouble")];
            }
            @if place != "/" { input type="hidden" name="back" value=(place); }
            button.main type="submit" { (say(Text::SignIn)) }
        }
        div.who { (languages(language, &with_back(place))) }
    }
}
