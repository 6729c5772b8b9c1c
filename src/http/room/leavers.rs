//! Whose access ends, with the clock that runs until the last domain is seen to be locked out; those first where it is still open.
//! Not here: how access is taken away (`steps/leaving`).

use super::super::Api;
use super::super::extract::Asked;
use super::super::leaving_view::LeavingView;
use super::super::problem::Problem;
use super::super::views::Wording;
use super::page::{Area, Page, answer};
use super::parts::{engineer_link, length, moment};
use super::text::Text;
use super::visitor::Visitor;
use crate::model::enrollment::{Enrollment, EnrollmentId, Lane, Want};
use crate::model::id::EngineerKey;
use crate::model::message::state_words;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Leavers on the page, and rows of each lane and engineers looked at for it.
const LEAVERS: usize = 100;
const LOOKED_AT_MAX: usize = 20_000;
const PART: usize = 200;

struct Leaver {
    key: EngineerKey,
    leaving: LeavingView,
    /// Each open domain with where it stands.
    open: Vec<String>,
}

/// `GET /leavers`
pub(super) async fn leavers(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.only(&[])?;
    let wording = Wording::new(&api, visitor.spoken);
    let mut leavers = Vec::new();
    let (keys, more) = keys(&api).await?;
    for key in keys {
        leavers.extend(leaver(&api, key, wording).await?);
    }
    leavers
        .sort_by_key(|leaver| (leaver.open.is_empty(), Reverse(leaver.leaving.said_at), leaver.key.clone()));
    let language = visitor.language();
    let page = Page {
        area: Some(Area::Leavers),
        title: Text::LeaversTitle.of(language).to_owned(),
        lead: Some(Text::LeaversLead.of(language).to_owned()),
        said: None,
        content: html! {
            @if more { p.trouble { (Text::MoreLeave.of(language)) " " code { "carepass report leavers" } } }
            (table(&visitor, &leavers, wording))
        },
    };
    Ok(answer(&visitor, &page))
}

/// Those whose access is open first, then who left last, and whether there are more.
async fn keys(api: &Api) -> Result<(Vec<EngineerKey>, bool), Problem> {
    let (house, mut found) = (api.engine.house(), BTreeMap::new());
    let (gone, mut more) = gone(api).await?;
    found.extend(gone.into_iter().map(|(from, key)| (key, (true, Reverse(from)))));
    let removed = api.engine.removed().into_iter();
    for lane in house.sites.keys().cloned().chain(removed).map(Lane::Leaving) {
        let (mut after, mut looked_at) = (None::<(Timestamp, EnrollmentId)>, 0);
        loop {
            let rows = house.store.queue(&lane, after.as_ref(), PART).await?;
            looked_at += rows.len();
            for row in rows.iter().filter(|row| is_open(row)) {
                let Some(key) = row.id.engineer() else { continue };
                let said_at = row.leaving.map_or(Timestamp::MAX, |leaving| leaving.said_at);
                found.insert(key.clone(), (false, Reverse(said_at)));
            }
            after = rows.last().and_then(|row| row.wake_at().map(|at| (at, row.id.clone())));
            if rows.len() < PART {
                break;
            }
            if looked_at >= LOOKED_AT_MAX {
                more = true;
                break;
            }
        }
    }
    let mut places: Vec<_> = found.into_iter().map(|(key, place)| (place, key)).collect();
    places.sort();
    more |= places.len() > LEAVERS;
    Ok((places.into_iter().take(LEAVERS).map(|(_, key)| key).collect(), more))
}

fn is_open(row: &Enrollment) -> bool {
    row.newest_goal().want == Want::Absent && row.facts.locked_out_at.is_none() && !row.has_lost_access()
}

/// Who is to have no access at all, and whether there are more engineers than were looked at.
async fn gone(api: &Api) -> Result<(Vec<(Timestamp, EngineerKey)>, bool), Problem> {
    let (mut after, mut looked_at, mut gone) = (None, 0, Vec::new());
    while looked_at < LOOKED_AT_MAX {
        let part = api.engine.house().store.engineers(after.as_ref(), PART).await?;
        looked_at += part.len();
        let is_last = part.len() < PART;
        after = part.last().map(|engineer| engineer.key.clone());
        let leaves = part.into_iter().filter(|engineer| engineer.stated.goal.want == Want::Absent);
        gone.extend(leaves.map(|engineer| (engineer.stated.from, engineer.key)));
        if is_last {
            return Ok((gone, false));
        }
    }
    Ok((gone, true))
}

async fn leaver(api: &Api, key: EngineerKey, wording: Wording) -> Result<Option<Leaver>, Problem> {
    let store = &api.engine.house().store;
    let Some(engineer) = store.engineer(&key).await? else { return Ok(None) };
    let rows = store.enrollments_of(&key).await?;
    let Some(leaving) = LeavingView::of(&engineer, &rows) else { return Ok(None) };
    let is_open = |domain| leaving.open.contains(domain);
    let open = rows.iter().filter_map(|row| {
        let domain = row.id.domain().filter(|domain| is_open(domain))?;
        Some(format!("{domain}: {}", state_words(row, &wording.zoned(), wording.language)))
    });
    Ok(Some(Leaver { key, open: open.collect(), leaving }))
}

fn table(visitor: &Visitor, leavers: &[Leaver], wording: Wording) -> Markup {
    let language = visitor.language();
    let say = |text: Text| text.of(language);
    html! {
        @if leavers.is_empty() { p { (say(Text::NobodyLeaves)) } } @else {
            div.scroll role="region" tabindex="0" aria-label=(say(Text::LeaversTitle)) { table {
                thead { tr {
                    th scope="col" { (say(Text::Engineer)) } th scope="col" { (say(Text::State)) } th scope="col" { (say(Text::AccessEnds)) }
                    th scope="col" { (say(Text::Clock)) } th scope="col" { (say(Text::OpenIn)) }
                } }
                tbody { @for leaver in leavers { tr {
                    th scope="row" { (engineer_link(&leaver.key)) }
                    td { @if leaver.open.is_empty() { span class="s gone" { (say(Text::LockedOut)) } } @else { span class="s open" { (say(Text::CellStillOpen)) } } }
                    td { (moment(leaver.leaving.said_at)) }
                    td { (clock(leaver, wording)) }
                    td { ul.plain { @for line in &leaver.open { li { (line) } } } }
                } } }
            } }
        }
    }
}

/// How long it took, or has been going on. To the minute while it goes on, so that the page does not change at every look.
fn clock(leaver: &Leaver, wording: Wording) -> String {
    if let Some(seconds) = leaver.leaving.took_seconds {
        return length(seconds);
    }
    if leaver.open.is_empty() {
        return "–".to_owned();
    }
    let seconds = wording.now.duration_since(leaver.leaving.said_at).as_secs();
    if seconds < 60 { length(seconds) } else { length(seconds / 60 * 60) }
}
