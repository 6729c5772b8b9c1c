//! Messages of HR's that could not be used: what is wrong with each, and the button to take it up again. Nothing of what they say about a
//! person is shown. Not here: how they are kept (`engine/park`).

use super::super::extract::Asked;
use super::super::problem::Problem;
use super::super::tokens::Role;
use super::super::{Api, dead_letters};
use super::page::{Area, Page, Said, answer};
use super::parts::{Button, broker_away, engineer_link, moment, only_looking, order, pager};
use super::text::Text;
use super::visitor::Visitor;
use crate::model::parked::{Door, Parked};
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::Arc;

/// Messages on one page.
const LETTERS: usize = 25;

/// Faults of a message that are named.
const FAULTS: usize = 20;

/// `GET /events?cursor=`
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["cursor", "said"])?;
    let after = asked.get::<dead_letters::Cursor>("cursor")?.map(|cursor| cursor.0);
    let mut letters = api.engine.house().store.parked(after.as_ref(), LETTERS + 1).await?;
    let more = letters.len() > LETTERS;
    letters.truncate(LETTERS);
    let last = letters.last().filter(|_| more);
    let next = last.map(|letter| format!("/events?cursor={}_{}", letter.at, letter.id));
    let language = visitor.language();
    let content = html! {
        (broker_away(&api, language))
        @if letters.is_empty() { p { (Text::NoLetters.of(language)) } }
        @for letter in &letters { (show(&visitor, letter)) }
        (pager(after.is_some().then_some("/events"), next.as_deref(), language))
    };
    let page = Page {
        area: Some(Area::Events),
        title: Text::EventsTitle.of(language).to_owned(),
        lead: Some(Text::EventsLead.of(language).to_owned()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content,
    };
    Ok(answer(&visitor, &page))
}

fn show(visitor: &Visitor, letter: &Parked) -> Markup {
    let language = visitor.language();
    let say = |text: Text| text.of(language);
    let id = format!("letter-{}", letter.id);
    html! {
        article.card aria-labelledby=(id) {
            header {
                h2 id=(id) { (letter.reason.text(language)) }
                span.quiet { (moment(letter.at)) }
            }
            dl {
                @if let Some(event) = &letter.event { dt { (say(Text::Event)) } dd { (event.id) br; span.quiet { (event.source) } } }
                @if let Some(key) = &letter.engineer { dt { (say(Text::Engineer)) } dd { (engineer_link(key)) } }
                dt { (say(Text::CameBy)) } dd { (match letter.door { Door::Amqp => "AMQP", Door::Http => "HTTP" }) ", " (letter.size) " B" @if letter.truncated { " (" (say(Text::Truncated)) ")" } }
                dt { (say(Text::Code)) } dd { code { (letter.reason.code()) } }
            }
            @if !letter.flaws.is_empty() {
                h3 { (say(Text::WhatIsWrong)) }
                ul { @for flaw in letter.flaws.iter().take(FAULTS) { li { code { (flaw.pointer) } ": " (flaw.reason.text(language)) } } }
            }
            @if visitor.may(Role::Operator) {
                (order(visitor, &id, &format!("/events/{}/replay", letter.id), say(Text::Replay), &html! {},
                    &[Button { word: "replay", text: Text::Replay, is_main: true }]))
            } @else { (only_looking(language)) }
        }
    }
}
