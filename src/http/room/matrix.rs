//! Engineers × domains: who is ready where, in parts, so that the page stays small however many there are. Not here: why (`engineer`).

use super::super::extract::Asked;
use super::super::problem::Problem;
use super::super::{Api, api};
use super::cell::Cell;
use super::page::{Area, Page, Said, answer};
use super::parts::{broker_away, moment, pager};
use super::text::Text;
use super::visitor::Visitor;
use crate::engine::Standing;
use crate::model::engineer::{Engineer, Progress};
use crate::model::enrollment::Target;
use crate::model::id::{DomainName, EngineerKey, LocalPart, ResellerName};
use crate::model::person::Language;
use crate::model::roster::Roster;
use axum::extract::State as Handed;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Engineers and domains on one page.
const LINES: usize = 40;
const COLUMNS: usize = 20;

/// Engineers looked at for one page of a narrowed list, before all were counted.
const LOOKED_AT_MAX: usize = 400;

/// Engineers read side by side.
const SIDE_BY_SIDE: usize = 8;

/// States that the list can be narrowed to.
const STATES: [Progress; 7] = [
    Progress::Planned,
    Progress::Provisioning,
    Progress::PartlyReady,
    Progress::Ready,
    Progress::Leaving,
    Progress::Removed,
    Progress::Cancelled,
];

/// One engineer of the matrix.
struct Line {
    key: EngineerKey,
    name: Option<LocalPart>,
    progress: Progress,
    cells: BTreeMap<(ResellerName, DomainName), Cell>,
}

/// What the reader asked for.
struct View {
    state: Option<Progress>,
    after: Option<EngineerKey>,
    column: usize,
}

/// `GET /?state=&after=&column=&key=`
pub(super) async fn matrix(
    Handed(api): Handed<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["state", "after", "column", "key", "said"])?;
    if let Some(key) = asked.get::<EngineerKey>("key")? {
        return Ok(Redirect::to(&format!("/engineers/{key}")).into_response());
    }
    let state = api::state_of(&asked)?;
    let view = View { state, after: asked.get("after")?, column: asked.get("column")?.unwrap_or(0) };
    let (roster, standing) = (api.engine.roster(), api.engine.standing().await);
    let (lines, next) = match (&standing, view.state) {
        (Some(standing), Some(state)) => {
            let keys = standing.keys(state, view.after.as_ref(), LINES + 1);
            named(&api, keys, state, &roster).await?
        }
        (None, _) | (_, None) => lines(&api, &view, &roster).await?,
    };
    let language = visitor.language();
    let columns: Vec<(&ResellerName, &DomainName)> = roster.domains().collect();
    let content = html! {
        (broker_away(&api, language))
        (narrow(&view, standing.as_ref(), language))
        @if lines.is_empty() { p { (if next.is_some() || view.after.is_some() { Text::NobodyInPart } else { Text::NobodyHere }.of(language)) } } @else { (table(&lines, &columns, &view, language)) }
        (columns_pager(columns.len(), &view, language))
        (pager(view.after.is_some().then(|| view.address(None, view.column)).as_deref(),
            next.map(|key| view.address(Some(&key), view.column)).as_deref(), language))
        (key(language))
    };
    let page = Page {
        area: Some(Area::Matrix),
        title: Text::MatrixTitle.of(language).to_owned(),
        lead: Some(Text::MatrixLead.of(language).to_owned()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content,
    };
    Ok(answer(&visitor, &page))
}

/// The engineers of the page, and behind whom the next one begins.
async fn lines(api: &Api, view: &View, roster: &Roster) -> Result<(Vec<Line>, Option<EngineerKey>), Problem> {
    let (mut lines, mut after, mut looked_at) = (Vec::new(), view.after.clone(), 0);
    loop {
        // One more than shown tells whether there is a next page.
        let mut page = api.engine.house().store.engineers(after.as_ref(), LINES + 1).await?;
        let more = page.len() > LINES;
        page.truncate(LINES);
        looked_at += page.len();
        let last = page.last().map(|engineer| engineer.key.clone());
        let read = page.into_iter().map(|engineer| line(api, engineer, roster));
        let read: Vec<Line> = stream::iter(read).buffered(SIDE_BY_SIDE).try_collect().await?;
        for line in read {
            after = Some(line.key.clone());
            if view.state.is_none_or(|state| state == line.progress) {
                lines.push(line);
            }
            if lines.len() == LINES {
                let is_last = !more && after == last;
                return Ok((lines, after.filter(|_| !is_last)));
            }
        }
        if !more || looked_at >= LOOKED_AT_MAX {
            return Ok((lines, after.filter(|_| more)));
        }
    }
}

/// Of engineers who stood there when all were counted, those who do, and behind whom the next part begins.
async fn named(
    api: &Api,
    mut keys: Vec<EngineerKey>,
    state: Progress,
    roster: &Roster,
) -> Result<(Vec<Line>, Option<EngineerKey>), Problem> {
    let more = keys.len() > LINES;
    keys.truncate(LINES);
    let next = keys.last().cloned().filter(|_| more);
    let read = keys.into_iter().map(|key| line_of(api, key, roster));
    let read: Vec<Option<Line>> = stream::iter(read).buffered(SIDE_BY_SIDE).try_collect().await?;
    Ok((read.into_iter().flatten().filter(|line| line.progress == state).collect(), next))
}

async fn line_of(api: &Api, key: EngineerKey, roster: &Roster) -> Result<Option<Line>, Problem> {
    match api.engine.house().store.engineer(&key).await? {
        Some(engineer) => line(api, engineer, roster).await.map(Some),
        None => Ok(None),
    }
}

async fn line(api: &Api, engineer: Engineer, roster: &Roster) -> Result<Line, Problem> {
    let rows = api.engine.house().store.enrollments_of(&engineer.key).await?;
    let cells = rows.iter().filter_map(|row| match row.id.target() {
        Target::Domain(reseller, domain) => Some(((reseller, domain), Cell::of(row))),
        Target::Engineer | Target::Reseller(_) => None,
    });
    Ok(Line {
        name: api::username(api, &engineer).await?,
        progress: Progress::of(&engineer, roster, &rows),
        cells: cells.collect(),
        key: engineer.key,
    })
}

impl View {
    fn address(&self, after: Option<&EngineerKey>, column: usize) -> String {
        let mut parts = Vec::new();
        parts.extend(self.state.map(|state| format!("state={}", state.as_str())));
        parts.extend(after.map(|key| format!("after={key}")));
        parts.extend((column > 0).then(|| format!("column={column}")));
        if parts.is_empty() { "/".to_owned() } else { format!("/?{}", parts.join("&")) }
    }
}

fn narrow(view: &View, standing: Option<&Standing>, language: Language) -> Markup {
    let say = |text: Text| text.of(language);
    let counts = standing.map(Standing::counts);
    let all = counts.as_ref().map(|counts| counts.values().sum());
    let of = |state| counts.as_ref().map(|counts| counts.get(&state).copied().unwrap_or_default());
    html! {
        form.line method="get" action="/" role="search" aria-label=(say(Text::FindEngineer)) {
            div { label for="key" { (say(Text::HrKey)) } input id="key" name="key" type="text" maxlength="64" autocomplete="off" required; }
            button { (say(Text::FindEngineer)) }
        }
        nav.glance aria-label=(say(Text::State)) {
            (part("/", say(Text::Everybody), all, view.state.is_none()))
            @for state in STATES { (part(&format!("/?state={}", state.as_str()), say(word_of(state)), of(state), view.state == Some(state))) }
        }
        @if let Some(at) = standing.and_then(|standing| standing.was_at) {
            p.quiet { (say(if view.state.is_some() { Text::ListedAt } else { Text::CountedAt })) " " (moment(at)) "." }
        }
    }
}

/// One part of the list, and how many are in it.
fn part(address: &str, word: &str, count: Option<usize>, is_shown: bool) -> Markup {
    html! {
        a href=(address) aria-current=[is_shown.then_some("true")] { (word) @if let Some(count) = count { " " strong { (count) } } }
    }
}

fn table(
    lines: &[Line],
    columns: &[(&ResellerName, &DomainName)],
    view: &View,
    language: Language,
) -> Markup {
    let shown: Vec<_> = columns.iter().skip(view.column).take(COLUMNS).copied().collect();
    html! {
        div.scroll role="region" tabindex="0" aria-label=(Text::MatrixTitle.of(language)) {
            table.matrix {
                thead { tr {
                    th scope="col" { (Text::Engineer.of(language)) }
                    th scope="col" { (Text::State.of(language)) }
                    @for (reseller, domain) in &shown { th scope="col" { (domain) small { (reseller) } } }
                } }
                tbody {
                    @for line in lines {
                        tr {
                            th scope="row" { a href={ "/engineers/" (line.key) } { (line.key) } @if let Some(name) = &line.name { small { (name) } } }
                            td { (word_of(line.progress).of(language)) }
                            @for (reseller, domain) in &shown {
                                @let cell = line.cells.get(&((*reseller).clone(), (*domain).clone())).copied().unwrap_or(Cell::Nothing);
                                td { (cell.show(language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn columns_pager(count: usize, view: &View, language: Language) -> Markup {
    let further = view.column.saturating_add(COLUMNS);
    let last = further.min(count);
    html! {
        @if count > COLUMNS {
            nav.next aria-label=(Text::Domains.of(language)) {
                span.quiet { (Text::Domains.of(language)) " " (view.column.saturating_add(1)) "–" (last) " / " (count) }
                @if view.column > 0 { a href=(view.address(view.after.as_ref(), view.column.saturating_sub(COLUMNS))) { "← " (Text::DomainsBefore.of(language)) } }
                @if last < count { a href=(view.address(view.after.as_ref(), further)) { (Text::DomainsAfter.of(language)) " →" } }
            }
        }
    }
}

fn key(language: Language) -> Markup {
    html! {
        h2 { (Text::Key.of(language)) }
        ul.key { @for cell in Cell::ALL { li { (cell.show(language)) } } }
    }
}

/// How far an engineer is, in a word.
pub(super) fn word_of(progress: Progress) -> Text {
    match progress {
        Progress::Planned => Text::Planned,
        Progress::Provisioning => Text::Provisioning,
        Progress::PartlyReady => Text::PartlyReady,
        Progress::Ready => Text::ReadyEverywhere,
        Progress::Leaving => Text::Leaving,
        Progress::Removed => Text::Removed,
        Progress::Cancelled => Text::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_parts_and_each_part_leads_to_the_next() {
        let reseller: ResellerName = "se".parse().unwrap();
        let domains: Vec<DomainName> = (0..45).map(|n| format!("d{n:02}.se").parse().unwrap()).collect();
        let columns: Vec<_> = domains.iter().map(|domain| (&reseller, domain)).collect();
        for (column, shown, before, after) in
            [(0, 0..20, None, Some(20)), (20, 20..40, Some(0), Some(40)), (40, 40..45, Some(20), None)]
        {
            let view = View { state: Some(Progress::Ready), after: None, column };
            let page = table(&[], &columns, &view, Language::English).into_string();
            for (number, domain) in domains.iter().enumerate() {
                assert_eq!(page.contains(domain.as_str()), shown.contains(&number), "{column}: {domain}");
            }
            let ways = columns_pager(columns.len(), &view, Language::English).into_string();
            let expected: Vec<String> =
                [before, after].into_iter().flatten().map(|to| view.address(None, to)).collect();
            let found = ways
                .split("href=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{column}");
            assert!(expected.iter().all(|address| address.contains("state=ready")), "{expected:?}");
        }
    }
}
