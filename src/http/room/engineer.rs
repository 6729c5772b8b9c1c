//! One engineer: five lines, every domain with its buttons, and the history. Not here: what an order does (`model/transition`).

use super::super::drift::drift_of;
use super::super::extract::{Asked, Named};
use super::super::leaving_view::LeavingView;
use super::super::problem::{Problem, ProblemKind};
use super::super::tokens::Role;
use super::super::views::Wording;
use super::super::{Api, api};
use super::cell::Cell;
use super::drift;
use super::five::{Five, failure};
use super::history;
use super::matrix::word_of;
use super::orders::{ENGINEER_VERSION, ROW_VERSION};
use super::page::{Page, Said, answer};
use super::parts::{Button, first_day, length, moment, only_looking, order, sentences};
use super::text::Text;
use super::visitor::Visitor;
use crate::model::engineer::{Engineer, Progress};
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::entry::{Entry, Position};
use crate::model::failure::{Failure, Who};
use crate::model::id::EngineerKey;
use crate::model::message::{Place, explain, state_words};
use crate::model::person::Language;
use crate::model::plan::may_be_skipped;
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use std::sync::Arc;

/// Entries read for the history from its end, and shown of those.
const READ_MAX: usize = 2_000;
const READ: usize = 200;
const SHOWN: usize = 40;

/// Rows that get a form of their own, the most urgent first.
const FORMS: usize = 20;

/// What was read of an engineer's history.
struct Past {
    /// The newest first.
    entries: Vec<Entry>,
    /// So many were read.
    count: usize,
    /// There are older ones, which were not read.
    is_more: bool,
    /// There are older ones, which are not shown.
    is_cut: bool,
}

/// What an engineer's page is made of.
struct Shown<'a> {
    api: &'a Api,
    visitor: &'a Visitor,
    engineer: &'a Engineer,
    rows: &'a [Enrollment],
    wording: Wording,
}

/// `GET /engineers/{key}`
pub(super) async fn engineer(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    named: Named,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["said"])?;
    let key: EngineerKey = named.get("key")?;
    let store = &api.engine.house().store;
    let engineer = store.engineer(&key).await?.ok_or(ProblemKind::NotFound)?;
    let rows = store.enrollments_of(&key).await?;
    let past = past(&api, &key).await?;
    let name = api::username(&api, &engineer).await?;
    let wording = Wording::new(&api, visitor.spoken);
    let shown = Shown { api: &api, visitor: &visitor, engineer: &engineer, rows: &rows, wording };
    let language = visitor.language();
    let progress = Progress::of(&engineer, &api.engine.roster(), &rows);
    let page = Page {
        area: None,
        title: name.map_or_else(|| key.to_string(), |name| format!("{key} · {name}")),
        lead: Some(word_of(progress).of(language).to_owned()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content: html! { (shown.content()) (drifted(&api, &key, wording).await?) (shown.past(&past)) },
    };
    Ok(answer(&visitor, &page))
}

/// What others have changed of the engineer's accounts, if anything.
async fn drifted(api: &Api, key: &EngineerKey, wording: Wording) -> Result<Markup, Problem> {
    let mut lists = Vec::new();
    for name in api.engine.house().sites.keys() {
        if let Some(drift) = drift_of(api, name).await? {
            let own = drift.of(key);
            lists.extend((!own.is_empty()).then(|| drift::list(name, &own, wording)));
        }
    }
    Ok(html! {
        @if !lists.is_empty() {
            section aria-labelledby="drift" {
                h2 id="drift" { (Text::Drift.of(wording.language)) }
                @for list in &lists { (list) }
            }
        }
    })
}

/// The newest entries that say something.
async fn past(api: &Api, key: &EngineerKey) -> Result<Past, Problem> {
    let mut past = Past { entries: Vec::new(), count: 0, is_more: true, is_cut: false };
    let mut before = Position(u64::MAX);
    while past.entries.len() < SHOWN && past.count < READ_MAX {
        let found = api.engine.house().store.recent(key, before, READ).await?;
        let Some(oldest) = found.last() else {
            past.is_more = false;
            break;
        };
        before = oldest.position;
        past.count += found.len();
        let tells = |entry: &Entry| history::tells(entry, |change| change.engineer() == Some(key));
        past.entries.extend(found.into_iter().filter(tells));
    }
    past.is_more = past.is_more && !api.engine.house().store.recent(key, before, 1).await?.is_empty();
    past.is_cut = past.is_more || past.entries.len() > SHOWN;
    past.entries.truncate(SHOWN);
    Ok(past)
}

impl Shown<'_> {
    fn language(&self) -> Language {
        self.visitor.language()
    }

    fn content(&self) -> Markup {
        let held = self.engineer.held().map(|(_, why)| Failure::needs(Who::Operator, why.code()));
        let five = Five { rows: self.rows, held, now: self.wording.now, language: self.language() };
        html! {
            div.two {
                section.card aria-labelledby="now" { h2 id="now" { (Text::InShort.of(self.language())) } (five.show()) (self.leaving()) (self.dates()) }
                section.card aria-labelledby="whole" { h2 id="whole" { (Text::AsAWhole.of(self.language())) } (self.as_a_whole()) }
            }
            h2 { (Text::Domains.of(self.language())) }
            (self.table())
            (self.forms())
        }
    }

    fn leaving(&self) -> Markup {
        let language = self.language();
        html! {
            @if let Some(leaving) = LeavingView::of(self.engineer, self.rows) {
                dl {
                    dt { (Text::AccessEnds.of(language)) } dd { (moment(leaving.said_at)) }
                    @if let Some(seconds) = leaving.took_seconds { dt { (Text::LockedOutAfter.of(language)) } dd { (length(seconds)) } }
                    @if !leaving.open.is_empty() { dt { (Text::OpenStill.of(language)) } dd { strong { (leaving.open.len()) } } }
                }
            }
        }
    }

    fn dates(&self) -> Markup {
        let (stated, language) = (&self.engineer.stated, self.language());
        html! {
            @if stated.starts.is_some() || !self.engineer.upcoming.is_empty() {
                dl {
                    @if let Some(starts) = stated.starts { dt { (Text::FirstDay.of(language)) } dd { (first_day(starts, Some(&stated.time_zone))) } }
                    @for said in &self.engineer.upcoming {
                        dt { (if said.goal.want == Want::Absent { Text::Leaves } else { Text::Changes }.of(language)) }
                        dd { (self.wording.moment(said.from, &said.time_zone)) }
                    }
                }
            }
        }
    }

    /// What is decided about the engineer and not about one domain.
    fn as_a_whole(&self) -> Markup {
        let language = self.language();
        let whole = self.rows.iter().find(|row| matches!(row.id, EnrollmentId::Engineer(_)));
        let held = self.engineer.held();
        let mut buttons = Vec::new();
        if held.is_some() && self.visitor.may(Role::Approver) {
            buttons.push(Button { word: "approve", text: Text::Approve, is_main: true });
        }
        if let Some(row) = whole.filter(|row| !row.is_settled()) {
            buttons.extend(row_buttons(row));
        }
        if whole.is_some_and(Enrollment::is_settled) {
            buttons.push(Button { word: "reissue", text: Text::Reissue, is_main: false });
        }
        let id = "whole";
        let no_letter = match self.engineer.stated.goal.want {
            Want::Present => Text::NoLetterYet,
            Want::Absent => Text::NoLetterAtTheEnd,
        };
        let versions = html! {
            input type="hidden" name=(ENGINEER_VERSION) value=(self.engineer.version);
            @if let Some(row) = whole { input type="hidden" name=(ROW_VERSION) value=(row.version); }
        };
        html! {
            p { @match whole { Some(row) => (self.words(row)), None => (no_letter.of(language)) } }
            @if let Some((since, _)) = held { p { (Text::HeldSince.of(language)) " " (moment(since)) } }
            @if let Some(handover) = &self.engineer.handover {
                dl {
                    dt { (Text::FirstPasswords.of(language)) }
                    dd { (moment(handover.issued_at)) @if let Some(opened) = handover.opened_at { " – " (Text::Opened.of(language)) " " (moment(opened)) } }
                }
            }
            @if !self.visitor.may(Role::Operator) { (only_looking(language)) }
            @else if !buttons.is_empty() {
                (order(self.visitor, id, &format!("/engineers/{}/orders", self.engineer.key), Text::AsAWhole.of(language), &versions, &buttons))
            }
        }
    }

    fn table(&self) -> Markup {
        let language = self.language();
        let say = |text: Text| text.of(language);
        html! {
            div.scroll role="region" tabindex="0" aria-label=(say(Text::Domains)) {
                table {
                    thead { tr { th scope="col" { (say(Text::Domain)) } th scope="col" { (say(Text::Reseller)) } th scope="col" { (say(Text::State)) } th scope="col" { (say(Text::InWords)) } } }
                    tbody {
                        @for row in self.rows {
                            @if let EnrollmentId::Domain(_, reseller, domain) = &row.id {
                                tr {
                                    th scope="row" { (domain) }
                                    td { a href={ "/resellers/" (reseller) } { (reseller) } }
                                    td { (Cell::of(row).show(language)) }
                                    td { (self.words(row)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn forms(&self) -> Markup {
        let mut rows: Vec<&Enrollment> =
            self.rows.iter().filter(|row| !row.is_settled() && row.id.domain().is_some()).collect();
        rows.sort_by_key(|row| (failure(row).is_none(), row.wake_at()));
        let more = rows.len().saturating_sub(FORMS);
        html! {
            @for (number, row) in rows.into_iter().take(FORMS).enumerate() { (self.form(row, number)) }
            @if more > 0 { p.quiet { (Text::AndMore.of(self.language())) " " (more) } }
        }
    }

    /// One domain that is not at its end: why, what to do, and the buttons.
    fn form(&self, row: &Enrollment, number: usize) -> Markup {
        let EnrollmentId::Domain(key, reseller, domain) = &row.id else { return html! {} };
        let (language, id) = (self.language(), format!("row-{number}"));
        let is_home = self.api.engine.house().sites.get(reseller).is_some_and(|site| site.reseller.home);
        let adopts = is_home && self.visitor.may(Role::Approver);
        let mut buttons = row_buttons(row);
        if adopts {
            buttons.push(Button { word: "adopt", text: Text::Adopt, is_main: false });
        }
        let more = html! {
            input type="hidden" name=(ROW_VERSION) value=(row.version);
            @if adopts {
                div.field {
                    label for={ (id) "-account" } { (Text::AdoptAccount.of(language)) }
                    input id={ (id) "-account" } name="account" type="text" autocomplete="off" spellcheck="false" maxlength="320";
                }
            }
        };
        let problem = failure(row);
        html! {
            details.card id=(id) open[problem.is_some_and(|_| number < 3)] {
                summary { (domain) " · " (self.words(row)) }
                @if let Some(problem) = problem {
                    (sentences(&explain(problem, &Place::of(row, TimeZone::UTC), self.wording.now, language), language))
                    @if !problem.detail.is_empty() { p.quiet { (Text::Evidence.of(language)) ": " code { (problem.detail) } } }
                }
                @if self.visitor.may(Role::Operator) {
                    (order(self.visitor, &id, &format!("/engineers/{key}/{reseller}/{domain}/orders"), domain.as_str(), &more, &buttons))
                } @else { (only_looking(language)) }
            }
        }
    }

    fn words(&self, row: &Enrollment) -> String {
        state_words(row, &self.wording.zoned(), self.language())
    }

    fn past(&self, past: &Past) -> Markup {
        let (language, key) = (self.language(), &self.engineer.key);
        html! {
            section aria-labelledby="past" {
                h2 id="past" { (Text::History.of(language)) }
                p.quiet { (Text::HistoryLead.of(language)) " " (past.entries.len()) " / " (past.count) @if past.is_more { "+" } }
                @if past.is_cut {
                    p.quiet { (Text::HistoryCut.of(language)) " " code { "carepass engineer show " (key) " --history" } ", " code { "GET /v1/engineers/" (key) "/ledger" } }
                }
                div.card { (history::list(&past.entries, |change| change.engineer() == Some(key), language)) }
            }
        }
    }
}

/// What may be ordered about a row that is not at its end; a step that later ones rest on is not offered to be skipped.
fn row_buttons(row: &Enrollment) -> Vec<Button> {
    let retry = Button { word: "retry", text: Text::Retry, is_main: true };
    let skip = Button { word: "skip", text: Text::Skip, is_main: false };
    let cancel = Button { word: "cancel", text: Text::CancelRow, is_main: false };
    let may_skip = row.state.at().is_some_and(|at| may_be_skipped(row.id.kind(), at.step));
    [retry].into_iter().chain(may_skip.then_some(skip)).chain([cancel]).collect()
}
