//! The reseller accounts: the flight check, seats with their forecast, how fast we may ask, and what has changed since yesterday.
//! Not here: asking Google anything; what is shown was found out by the work.

use super::super::Api;
use super::super::extract::{Asked, Named};
use super::super::problem::{Problem, ProblemKind};
use super::super::tokens::Role;
use super::super::views::Wording;
use super::cell::Cell;
use super::drift;
use super::five::failure;
use super::history;
use super::page::{Area, Page, Said, answer};
use super::parts::{Button, length, moment, only_looking, order, sentences, values};
use super::text::Text;
use super::visitor::Visitor;
use crate::engine::Waiting;
use crate::google::{Quota, Supply};
use crate::model::duty::Duty;
use crate::model::enrollment::{Enrollment, EnrollmentId, TargetKind, Want};
use crate::model::entry::{Change, Entry, Position};
use crate::model::failure::FailureCode;
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::message::{Place, explain, state_words, step_name};
use crate::model::person::Language;
use crate::model::plan::{StepName, plan};
use crate::model::seats::SeatCount;
use crate::steps::Site;
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Entries read at a time, changes looked through for what has changed, and entries shown.
const PART: u64 = 50;
const LOOKED_AT_MAX: usize = 5_000;
const SHOWN: usize = 30;
const SINCE: SignedDuration = SignedDuration::from_hours(24);

/// Each budget at Google with its name in Google's own words.
const QUOTAS: [(Quota, &str); 8] = [
    (Quota::Directory, "Directory API"),
    (Quota::UserInsert, "users.insert"),
    (Quota::OrgUnit, "orgunits.insert"),
    (Quota::Licensing, "License Manager"),
    (Quota::CloudIdentity, "Cloud Identity"),
    (Quota::Policies, "Cloud Identity policies"),
    (Quota::Reports, "Reports API"),
    (Quota::Token, "OAuth token"),
];

struct Account<'a> {
    name: &'a ResellerName,
    site: &'a Site,
    row: Option<Enrollment>,
    is_ready: bool,
    seatless: Seatless,
    driven_by: Option<String>,
}

/// Who waits for a seat: Google's own refusal, which counts for more than what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seatless {
    engineers: usize,
    /// More rows wait than were looked at.
    is_cut: bool,
}

/// What waits; nothing while the store takes nothing, so that what else is known is shown all the same, as it was counted last.
async fn waiting(api: &Api) -> Waiting {
    api.engine.waiting().await.unwrap_or_default()
}

/// `GET /resellers`
pub(super) async fn resellers(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.only(&[])?;
    let language = visitor.language();
    let say = |text: Text| text.of(language);
    let mut accounts = Vec::new();
    let waiting = waiting(&api).await;
    for (name, site) in &api.engine.house().sites {
        accounts.push(account(&api, name, site, &waiting).await?);
    }
    let now = Wording::new(&api, visitor.spoken).zoned();
    let content = html! {
        @if accounts.is_empty() { p { (say(Text::NoResellers)) } } @else {
            div.scroll role="region" tabindex="0" aria-label=(say(Text::Resellers)) { table {
                thead { tr {
                    th scope="col" { (say(Text::Reseller)) } th scope="col" { (say(Text::SetUp)) } th scope="col" { (say(Text::Domains)) }
                    th scope="col" { (say(Text::Seats)) } th scope="col" { (say(Text::InWords)) }
                } }
                tbody { @for account in &accounts { tr {
                    th scope="row" { a href={ "/resellers/" (account.name) } { (account.name) } }
                    td { (account.mark(language)) }
                    td { (account.row.as_ref().and_then(|row| row.facts.domains.as_ref()).map_or(0, BTreeSet::len)) }
                    td { (account.seats_in_short(language)) }
                    td { @if let Some(row) = &account.row { (state_words(row, &now, language)) } }
                } } }
            } }
        }
    };
    let page = Page {
        area: Some(Area::Resellers),
        title: say(Text::Resellers).to_owned(),
        lead: Some(say(Text::ResellersLead).to_owned()),
        said: None,
        content,
    };
    Ok(answer(&visitor, &page))
}

/// `GET /resellers/{reseller}`
pub(super) async fn reseller(
    State(api): State<Arc<Api>>,
    visitor: Visitor,
    named: Named,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked = asked.only(&["said"])?;
    let name: ResellerName = named.get("reseller")?;
    let site = api.engine.house().sites.get(&name).ok_or(ProblemKind::NotFound)?;
    let account = account(&api, &name, site, &waiting(&api).await).await?;
    let wording = Wording::new(&api, visitor.spoken);
    let (entries, is_cut) = changes(&api, &name, wording.now).await?;
    let language = visitor.language();
    let content = html! {
        div.two {
            section.card aria-labelledby="check" { h2 id="check" { (Text::FlightCheck.of(language)) } (account.check(&visitor, wording)) }
            section.card aria-labelledby="seats" { h2 id="seats" { (Text::Seats.of(language)) } (account.seats(language)) }
        }
        section aria-labelledby="drift" {
            h2 id="drift" { (Text::Drift.of(language)) }
            (drift::of_reseller(&name, account.row.as_ref().and_then(|row| row.facts.drift.as_deref()), wording))
        }
        section aria-labelledby="lane" { h2 id="lane" { (Text::Lane.of(language)) } (account.lane(language)) }
        section aria-labelledby="changes" {
            h2 id="changes" { (Text::SinceYesterday.of(language)) }
            @if is_cut { p.quiet { (Text::OlderLeftOut.of(language)) } }
            @if entries.is_empty() { p { (Text::NothingChanged.of(language)) } } @else {
                div.card { (history::list(&entries, |change| is_about(change, &name), language)) }
            }
        }
    };
    let page = Page {
        area: Some(Area::Resellers),
        title: name.to_string(),
        lead: Some(site.reseller.customer.to_string()),
        said: Said::of(asked.get::<String>("said")?.as_deref()),
        content,
    };
    Ok(answer(&visitor, &page))
}

async fn account<'a>(
    api: &Api,
    name: &'a ResellerName,
    site: &'a Site,
    waiting: &Waiting,
) -> Result<Account<'a>, Problem> {
    let row = api.engine.house().store.enrollment(&EnrollmentId::Reseller(name.clone())).await?;
    let duties = api.engine.duties();
    let holder = duties.as_ref().and_then(|duties| duties.holders.get(&Duty::Account(name.clone())));
    Ok(Account {
        name,
        site,
        row,
        is_ready: api.engine.roster().is_ready(name),
        seatless: Seatless::of(waiting, name),
        driven_by: holder.map(|holder| holder.name().to_owned()),
    })
}

/// What the ledger's end says of the account since yesterday, the newest first, and whether older entries were not looked at: read part by
/// part backwards, until there is enough.
async fn changes(api: &Api, name: &ResellerName, now: Timestamp) -> Result<(Vec<Entry>, bool), Problem> {
    let store = &api.engine.house().store;
    let head = store.head().await?;
    let (mut end, mut looked_at, mut found) = (head, 0, Vec::new());
    while end.0 > 0 {
        let begin = Position(end.0.saturating_sub(PART));
        let part = store.entries(begin, usize::try_from(end.0 - begin.0).unwrap_or(usize::MAX)).await?;
        let is_older = part.first().is_none_or(|first| first.at < now - SINCE);
        looked_at += part.iter().map(|entry| entry.changes.len()).sum::<usize>();
        let recent = part.into_iter().rev().filter(|entry| entry.at >= now - SINCE);
        found.extend(recent.filter(|entry| history::tells(entry, |change| is_about(change, name))));
        end = begin;
        let is_enough = found.len() > SHOWN || !is_older && looked_at >= LOOKED_AT_MAX;
        if is_enough || is_older {
            found.truncate(SHOWN);
            return Ok((found, is_enough));
        }
    }
    let is_cut = found.len() > SHOWN;
    found.truncate(SHOWN);
    Ok((found, is_cut))
}

/// A change of the account's own rows.
fn is_about(change: &Change, name: &ResellerName) -> bool {
    matches!(change, Change::Enrollment { row, .. } if row.id.reseller() == Some(name))
}

impl Seatless {
    fn of(waiting: &Waiting, name: &ResellerName) -> Self {
        let waits = |row: &&Arc<Enrollment>| {
            let for_a_seat = failure(row).is_some_and(|failure| failure.code == FailureCode::SeatsSpent);
            for_a_seat && row.id.reseller() == Some(name)
        };
        let rows = waiting.rows.iter().filter(waits);
        let engineers: BTreeSet<&EngineerKey> = rows.filter_map(|row| row.id.engineer()).collect();
        Self { engineers: engineers.len(), is_cut: waiting.rows_cut }
    }

    /// That the seats are used up, and for how many; nothing while nobody waits.
    fn show(self, language: Language) -> Markup {
        html! {
            @if self.engineers > 0 {
                span class=(Cell::NeedsOperator.class()) { (Text::SeatsSpent.of(language)) " " (self.engineers) @if self.is_cut { "+" } }
            }
        }
    }
}

impl Account<'_> {
    fn mark(&self, language: Language) -> Markup {
        let cell = self.row.as_ref().map_or(Cell::Nothing, Cell::of);
        cell.show(language)
    }

    fn counted(&self) -> Option<SeatCount> {
        self.row.as_ref().and_then(|row| row.facts.seats.as_deref().copied())
    }

    fn seats_in_short(&self, language: Language) -> Markup {
        if self.seatless.engineers > 0 {
            return self.seatless.show(language);
        }
        html! {
            @match self.counted() {
                None => (Text::NotCounted.of(language)),
                Some(count) => {
                    @match count.remaining { Some(left) => { (left) " " (Text::SeatsLeft.of(language)) }, None => { (count.users) " " (Text::SeatsUsed.of(language)) } }
                    @if count.low { " " span class="s you" { (Text::SeatsLow.of(language)) } }
                }
            }
        }
    }

    /// Every step of the set-up, the breaker, and what is in the way.
    fn check(&self, visitor: &Visitor, wording: Wording) -> Markup {
        let language = visitor.language();
        let Some(row) = &self.row else { return html! { p { (Text::NothingKnown.of(language)) } } };
        let current = row.state.at().map(|at| at.step);
        html! {
            dl {
                dt { (Text::SetUp.of(language)) } dd { (self.mark(language)) }
                dt { (Text::Breaker.of(language)) } dd { (if self.is_ready { Text::BreakerClosed } else { Text::BreakerOpen }.of(language)) }
                @if let Some(at) = row.facts.checked_at { dt { (Text::LookedAt.of(language)) } dd { (moment(at)) } }
                @if let Some(at) = row.wake_at() { dt { (Text::LooksAgain.of(language)) } dd { (moment(at)) } }
                @if let Some(replica) = &self.driven_by { dt { (Text::DrivenBy.of(language)) } dd { (replica) } }
                @if let Some(path) = &row.facts.org_unit_path { dt { (Text::OrgUnit.of(language)) } dd { (path) } }
            }
            ul.plain.steps {
                @for step in plan(TargetKind::Reseller, Want::Present) {
                    // The step has counted them; that Google has no more of them shows at the engineers.
                    @let is_spent = *step == StepName::Seats && self.seatless.engineers > 0;
                    @let cell = if is_spent { Cell::NeedsOperator } else if row.done.contains(step) { Cell::Ready } else if current == Some(*step) { Cell::of(row) } else { Cell::Nothing };
                    li { span { (step_name(*step, language)) } (cell.show(language)) }
                }
            }
            @if let Some(problem) = failure(row) {
                h3 { (state_words(row, &wording.zoned(), language)) }
                (sentences(&explain(problem, &Place::of(row, TimeZone::UTC), wording.now, language), language))
                (values("check", &problem.values, None, language))
                @if !problem.detail.is_empty() { p.quiet { (Text::Evidence.of(language)) ": " code { (problem.detail) } } }
            }
            @if !visitor.may(Role::Operator) { (only_looking(language)) } @else if !row.is_settled() {
                (order(visitor, "account", &format!("/resellers/{}/orders", self.name), Text::SetUp.of(language), &html! {},
                    &[Button { word: "retry", text: Text::Retry, is_main: true }]))
            }
        }
    }

    fn seats(&self, language: Language) -> Markup {
        let say = |text: Text| text.of(language);
        let spent = html! {
            @if self.seatless.engineers > 0 {
                p.trouble { (say(Text::SeatsSpentLong)) }
                p { (self.seatless.show(language)) }
            }
        };
        let Some(count) = self.counted() else { return html! { (spent) p { (say(Text::NotCounted)) } } };
        html! {
            (spent)
            @if count.low && self.seatless.engineers == 0 { p.trouble { (say(Text::SeatsLowLong)) } }
            dl {
                @if let Some(seats) = self.site.reseller.seats { dt { (say(Text::SeatsConfigured)) } dd { (seats) } }
                dt { (say(Text::SeatsUsed)) } dd { (count.users) " (" (say(Text::SeatsSuspended)) " " (count.suspended) ")" }
                dt { (say(Text::SeatsDeleted)) } dd { (count.deleted) }
                dt { (say(Text::SeatsStarters)) } dd { (count.starters) }
                dt { (say(Text::SeatsLeft)) } dd { @match count.remaining { Some(left) => { (left) }, None => (say(Text::SeatsUnknown)) } }
                @if let Some(left) = count.remaining { dt { (say(Text::SeatsAfter)) } dd { (i64::from(left) - i64::from(count.starters)) } }
                dt { (say(Text::LookedAt)) } dd { (moment(count.counted_at)) }
            }
        }
    }

    /// What there is of a quota; of one that each domain has for itself, where there is least.
    fn supply(&self, quota: Quota) -> Supply {
        let domains = self.row.iter().flat_map(|row| row.facts.domains.iter().flatten());
        let of_domains = domains.map(|domain| self.site.google.supply(&quota.turn(Some(domain))));
        let least = of_domains.min_by(|one, other| one.per_second.total_cmp(&other.per_second));
        least.unwrap_or_else(|| self.site.google.supply(&quota.turn(None)))
    }

    /// How fast each of Google's APIs may be asked now, as this process knows it.
    fn lane(&self, language: Language) -> Markup {
        let say = |text: Text| text.of(language);
        html! {
            div.scroll role="region" tabindex="0" aria-label=(say(Text::Lane)) { table {
                caption { (say(Text::LaneLead)) }
                thead { tr { th scope="col" { "API" } th scope="col" { (say(Text::RateNow)) } th scope="col" { (say(Text::RateCeiling)) } th scope="col" { (say(Text::State)) } } }
                tbody { @for (quota, name) in QUOTAS {
                    @let (supply, ceiling) = (self.supply(quota), self.site.google.ceiling(quota).per_second);
                    @let is_slowed = supply.per_second < ceiling * 0.99;
                    tr {
                        th scope="row" { (name) }
                        td { (format!("{:.2} /s", supply.per_second)) }
                        td { (format!("{ceiling:.2} /s")) }
                        td {
                            @if is_slowed { span class="s again" { (say(Text::Throttled)) } } @else { span class="s ready" { (say(Text::AtFullRate)) } }
                            @if supply.wait.as_secs() > 1 { " " (say(Text::AsksAgainIn)) " " (length(i64::try_from(supply.wait.as_secs()).unwrap_or(i64::MAX))) }
                        }
                    }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{Goal, State as At};
    use crate::model::failure::{Failure, Who};

    #[test]
    fn seats_are_used_up_while_an_engineer_waits_for_one() {
        let row = |id: &str, code: FailureCode| {
            let goal = Goal { want: Want::Present, revision: 1 };
            let mut row = Enrollment::open(id.parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
            let (at, reason) = (row.state.at().unwrap(), Failure::needs(Who::Operator, code));
            row.state = At::Waiting { at, on: Who::Operator, reason, look_again: Timestamp::UNIX_EPOCH };
            Arc::new(row)
        };
        let rows = vec![
            row("domain/E-1/se/a.se", FailureCode::SeatsSpent),
            row("domain/E-1/se/b.se", FailureCode::SeatsSpent),
            row("domain/E-2/se/a.se", FailureCode::SeatsSpent),
            row("domain/E-3/se/a.se", FailureCode::AddressTaken),
            row("domain/E-3/no/a.no", FailureCode::AddressTaken),
            row("reseller/no", FailureCode::SeatsSpent),
        ];
        let check = |name: &str, rows_cut: bool, expected: &str| {
            let waiting = Waiting { rows: rows.clone(), rows_cut, ..Waiting::default() };
            let shown = Seatless::of(&waiting, &name.parse().unwrap()).show(Language::English);
            assert_eq!(shown.into_string(), expected, "{name}");
        };
        check("se", false, "<span class=\"s you\">used up, engineers who wait: 2</span>");
        check("se", true, "<span class=\"s you\">used up, engineers who wait: 2+</span>");
        check("no", false, "");
    }
}
