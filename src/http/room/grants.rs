//! Who is held for a person to let in: by the limit on grants, for want of an approval, or because the employment had ended. Not here: the
//! limit (`engine/granting`).

use super::super::Api;
use super::super::extract::Asked;
use super::super::problem::Problem;
use super::super::tokens::Role;
use super::super::views::Wording;
use super::page::{Area, Page, Said, answer};
use super::parts::{Button, engineer_link, moment, order, sentences};
use super::text::Text;
use super::visitor::Visitor;
use crate::engine::Waiting;
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
use std::collections::BTreeMap;
use std::sync::Arc;

/// Engineers named on a card; all of them are let in by it.
const NAMED: usize = 200;

/// Who is held for one reason.
struct Held {
    /// Since when the first of them is.
    since: Timestamp,
    /// When the last of them was held, or HR has last said something about one of them.
    until: Timestamp,
    keys: Vec<EngineerKey>,
}

/// `GET /grants`
pub(super) async fn grants(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["said"])?;
    let wording = Wording::new(&api, visitor.spoken);
    let waiting = api.engine.waiting().await?;
    let held = held(&waiting, wording.now);
    let language = visitor.language();
    let content = html! {
        @if held.is_empty() { p { (Text::NobodyHeld.of(language)) } }
        @if waiting.held_cut { p.trouble { (Text::GrantsCut.of(language)) } }
        @for (why, held) in &held { (show(&visitor, wording, *why, held)) }
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

/// Who is held, in one look. A word that comes into force later lets nobody in before, so it does not count for `until`: nobody who comes
/// until then is to be let in with it.
fn held(waiting: &Waiting, now: Timestamp) -> BTreeMap<Hold, Held> {
    let mut all = BTreeMap::<Hold, Held>::new();
    for (key, one) in &waiting.held {
        let held =
            all.entry(one.why).or_insert(Held { since: one.since, until: one.since, keys: Vec::new() });
        held.since = held.since.min(one.since);
        let last = one.since.max(one.stated_from);
        if last <= now {
            held.until = held.until.max(last);
        }
        held.keys.push(key.clone());
    }
    all
}

fn show(visitor: &Visitor, wording: Wording, why: Hold, held: &Held) -> Markup {
    let Held { since, until, keys } = held;
    let language = visitor.language();
    let say = |text: Text| text.of(language);
    let id = CardId::Held(why).to_string();
    let nowhere =
        Place { reseller: None, domain: None, step: None, look_again: None, time_zone: TimeZone::UTC };
    let message = explain(&Failure::needs(Who::Operator, why.code()), &nowhere, wording.now, language);
    html! {
        article.card aria-labelledby=(id) {
            header { h2 id=(id) { (in_short(why.code(), language)) " (" (keys.len()) ")" } span.quiet { (say(Text::Since)) ": " (moment(*since)) } }
            (sentences(&message, language))
            p { (say(Text::WhoWaits)) ": "
                @for (number, key) in keys.iter().take(NAMED).enumerate() { @if number > 0 { ", " } (engineer_link(key)) }
                @if keys.len() > NAMED { " " (say(Text::AndMore)) " " (keys.len() - NAMED) }
            }
            @if !visitor.may(Role::Approver) { p.quiet { (say(Text::OnlyApprovers)) } }
            @else if why == Hold::GrantLimit { (release(visitor, *until, &id)) }
            @else { p { (say(Text::OneByOne)) } }
        }
    }
}

/// The button names the moment of the last of those on the page: nobody is let in who came later, and the page is the same until somebody
/// comes.
fn release(visitor: &Visitor, until: Timestamp, id: &str) -> Markup {
    let more = html! { input type="hidden" name="held_before" value=(until); };
    let button = Button { word: "release", text: Text::ReleaseAll, is_main: true };
    let about = Text::ReleaseAll.of(visitor.language());
    order(visitor, id, &format!("/grants/{id}/release"), about, &more, &[button])
}
