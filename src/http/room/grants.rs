//! Who is held for a person to let in: by the limit on grants, for want of an approval, or because the employment had ended. Not here: the
//! limit (`engine/granting`).

use super::super::extract::Asked;
use super::super::problem::Problem;
use super::super::tokens::Role;
use super::super::views::Wording;
use super::super::{Api, task_list};
use super::page::{Area, Page, Said, answer};
use super::parts::{Button, engineer_link, moment, order, sentences};
use super::text::Text;
use super::visitor::Visitor;
use crate::model::engineer::Hold;
use crate::model::failure::{Failure, Who};
use crate::model::id::EngineerKey;
use crate::model::message::{Place, explain, in_short};
use crate::model::task::CardId;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use std::sync::Arc;

/// Engineers named on a card; all of them are let in by it.
const NAMED: usize = 200;

/// `GET /grants`
pub(super) async fn grants(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["said"])?;
    let wording = Wording::new(&api, visitor.spoken);
    let held = task_list::held_engineers(&api).await?;
    let language = visitor.language();
    let content = html! {
        @if held.is_empty() { p { (Text::NobodyHeld.of(language)) } }
        @for (why, (since, keys)) in &held { (show(&visitor, wording, *why, *since, keys)) }
    };
    let page = Page {
        area: Some(Area::Grants),
        title: Text::GrantsTitle.of(language).to_owned(),
        lead: Some(Text::GrantsLead.of(language).to_owned()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content,
    };
    Ok(answer(&visitor, &page))
}

fn show(visitor: &Visitor, wording: Wording, why: Hold, since: Timestamp, keys: &[EngineerKey]) -> Markup {
    let language = visitor.language();
    let say = |text: Text| text.of(language);
    let id = CardId::Held(why).to_string();
    let nowhere =
        Place { reseller: None, domain: None, step: None, look_again: None, time_zone: TimeZone::UTC };
    let message = explain(&Failure::needs(Who::Operator, why.code()), &nowhere, wording.now, language);
    html! {
        article.card aria-labelledby=(id) {
            header { h2 id=(id) { (in_short(why.code(), language)) " (" (keys.len()) ")" } span.quiet { (say(Text::Since)) ": " (moment(since)) } }
            (sentences(&message, language))
            p { (say(Text::WhoWaits)) ": "
                @for (number, key) in keys.iter().take(NAMED).enumerate() { @if number > 0 { ", " } (engineer_link(key)) }
                @if keys.len() > NAMED { " " (say(Text::AndMore)) " " (keys.len() - NAMED) }
            }
            @if !visitor.may(Role::Approver) { p.quiet { (say(Text::OnlyApprovers)) } }
            @else if why == Hold::GrantLimit { (release(visitor, wording, &id)) }
            @else { p { (say(Text::OneByOne)) } }
        }
    }
}

/// The button names the moment that the page shows: nobody is let in who came later.
fn release(visitor: &Visitor, wording: Wording, id: &str) -> Markup {
    let more = html! { input type="hidden" name="held_before" value=(wording.now); };
    let button = Button { word: "release", text: Text::ReleaseAll, is_main: true };
    let about = Text::ReleaseAll.of(visitor.language());
    order(visitor, id, &format!("/grants/{id}/release"), about, &more, &[button])
}
