//! What only a person can do, as cards: open access first, then whose first day comes first. Each says what is so, what happens next and
//! what to do, with what Google's page asks for. Not here: which tasks there are (`model/task`).

use super::super::extract::Asked;
use super::super::problem::Problem;
use super::super::tokens::Role;
use super::super::views::Wording;
use super::super::{Api, leaving_view, task_list};
use super::page::{Area, Page, Said, answer};
use super::parts::{Button, engineer_link, first_day, moment, only_looking, order, pager, sentences, values};
use super::text::Text;
use super::visitor::Visitor;
use crate::model::failure::FailureCode;
use crate::model::id::EngineerKey;
use crate::model::message::{in_short, who_words};
use crate::model::person::Language;
use crate::model::task::{Card, Task, batch};
use crate::model::time_zone::TimeZoneName;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use maud::{Markup, html};
use std::sync::Arc;

/// Cards on one page.
const CARDS: usize = 50;

/// Engineers read side by side.
const SIDE_BY_SIDE: usize = 8;

/// Engineers named on a card.
const NAMED: usize = 12;

/// `GET /tasks?from=`
pub(super) async fn inbox(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["from", "said"])?;
    let from: usize = asked.get("from")?.unwrap_or(0);
    let language = visitor.language();
    let waiting = api.engine.waiting().await?;
    let cards = batch(task_list::open_tasks(&api, &waiting, Wording::new(&api, visitor.spoken)));
    let further = from.saturating_add(CARDS);
    let next = (further < cards.len()).then(|| format!("/tasks?from={further}"));
    let shown = cards.get(from..further.min(cards.len())).unwrap_or_default();
    let starters: Vec<Option<EngineerKey>> = shown.iter().map(|card| card.task.starter.clone()).collect();
    let read = starters.into_iter().map(|starter| place_of_work(&api, starter));
    let places: Vec<Option<TimeZoneName>> = stream::iter(read).buffered(SIDE_BY_SIDE).collect().await;
    let held = waiting.held.len();
    let content = html! {
        @if waiting.rows_cut { p.trouble { (Text::TasksCut.of(language)) } }
        @if held > 0 {
            p { a href=(Area::Grants.path()) { (Text::Grants.of(language)) ": " (held) } }
        }
        @if cards.is_empty() { p { (Text::NothingToDo.of(language)) } }
        @for (card, place) in shown.iter().zip(&places) { (show(&visitor, card, place.as_ref())) }
        (pager((from > 0).then_some("/tasks"), next.as_deref(), language))
    };
    let page = Page {
        area: Some(Area::Tasks),
        title: format!("{} ({})", Text::TasksTitle.of(language), cards.len()),
        lead: Some(Text::TasksLead.of(language).to_owned()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content,
    };
    Ok(answer(&visitor, &page))
}

/// Where whoever starts first works: a row knows the moment alone. A record that cannot be read takes no task away.
async fn place_of_work(api: &Api, starter: Option<EngineerKey>) -> Option<TimeZoneName> {
    let engineer = api.engine.house().store.engineer(&starter?).await.ok().flatten();
    engineer.map(|engineer| engineer.stated.time_zone)
}

fn show(visitor: &Visitor, card: &Card, place_of_work: Option<&TimeZoneName>) -> Markup {
    let language = visitor.language();
    let (task, say) = (&card.task, |text: Text| text.of(language));
    let id = task.id.to_string();
    let message = match language {
        Language::English => &task.message.en,
        Language::Swedish => &task.message.sv,
    };
    html! {
        article class={ "card" @if task.leaving { " open" } } aria-labelledby=(id) {
            header {
                h2 id=(id) { (in_short(task.code, language)) @if let Some(place) = place(task) { ": " (place) } }
                span.quiet { (say(Text::ActsNext)) ": " (who_words(task.on, language)) }
                @if let Some(starts) = task.starts { span.quiet { (say(Text::FirstDay)) ": " (first_day(starts, place_of_work)) } }
                span.quiet { (say(Text::Since)) ": " (moment(task.since)) }
            }
            @if task.leaving { p.trouble { (leaving_view::by_hand(language)) } }
            (sentences(message, language))
            (values(&id, &task.values, task.paste.as_deref(), language))
            @if let Some(link) = task.console_link {
                p { a href=(link) rel="noreferrer" { (say(Text::ConsoleLink)) } }
            }
            @if !task.detail.is_empty() { p.quiet { (say(Text::Evidence)) ": " code { (task.detail) } } }
            (waiting(card, language))
            @if visitor.may(Role::Operator) { (done(visitor, task, &id)) } @else { (only_looking(language)) }
        }
    }
}

fn waiting(card: &Card, language: Language) -> Markup {
    html! {
        @if !card.engineers.is_empty() {
            p { (Text::WhoWaits.of(language)) ": "
                @for (number, key) in card.engineers.iter().take(NAMED).enumerate() { @if number > 0 { ", " } (engineer_link(key)) }
                @if card.engineers.len() > NAMED { " " (Text::AndMore.of(language)) " " (card.engineers.len() - NAMED) }
            }
        }
    }
}

fn done(visitor: &Visitor, task: &Task, id: &str) -> Markup {
    let language = visitor.language();
    let text = if task.confirmable { Text::ConfirmDone } else { Text::LookNow };
    let more = html! {
        @if task.code == FailureCode::CaseRouteUnconfirmed {
            label.check { input type="checkbox" name="address_map" value="true"; (Text::AddressMap.of(language)) }
        }
        p.quiet { (if task.closes_itself { Text::ClosesItself } else { Text::ClosesByWord }.of(language)) }
    };
    let about = format!("{} {}", text.of(language), in_short(task.code, language));
    let button = Button { word: "done", text, is_main: true };
    order(visitor, id, &format!("/tasks/{id}/done"), &about, &more, &[button])
}

fn place(task: &Task) -> Option<String> {
    let domain = task.domain.as_ref().map(ToString::to_string);
    domain.or_else(|| task.reseller.as_ref().map(ToString::to_string))
}
