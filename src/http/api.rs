//! The reading routes: from the store and the engine's knowledge into views. Lists come in parts, and each part reads a bounded
//! number of records. Not here: the shapes (`views`) and the orders (`orders`).

use super::Api;
use super::conditional::Version;
use super::drift::DriftSummary;
use super::extract::{Asked, Named};
use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use super::reseller_view::{OrgUnitView, ResellerView, SeatsView};
use super::views::{EngineerView, EntryView, Page, Wording};
use crate::model::duty::Duty;
use crate::model::engineer::{Engineer, Progress};
use crate::model::enrollment::EnrollmentId;
use crate::model::entry::Position;
use crate::model::id::{EngineerKey, LocalPart, ResellerName};
use crate::steps::{Sheet, SheetError};
use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use std::ops::Bound;
use std::sync::Arc;

/// Items of a part, unless asked for otherwise, and at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Records read from the store at a time.
pub(super) const PAGE: usize = 200;

/// Engineers looked at for one part of a filtered list; a part may come out short, and the cursor goes on behind them.
const LOOKED_AT_MAX: usize = 2_000;

/// What a list of engineers is narrowed to.
struct Filter {
    state: Option<Progress>,
    reseller: Option<ResellerName>,
}

/// `GET /v1/engineers?state=&reseller=&cursor=&limit=`
pub(super) async fn engineers(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<EngineerView>>, Problem> {
    let asked = asked.only(&["state", "reseller", "cursor", "limit"])?;
    let filter = Filter { state: state_of(&asked)?, reseller: asked.get("reseller")? };
    let limit = limit_of(&asked)?;
    let mut after: Option<EngineerKey> = asked.get("cursor")?;
    let (mut items, mut looked_at) = (Vec::new(), 0);
    loop {
        let page = api.engine.house().store.engineers(after.as_ref(), PAGE).await?;
        let last_page = page.len() < PAGE;
        let count = page.len();
        for (index, engineer) in page.into_iter().enumerate() {
            let shown = view(&api, &engineer, spoken).await?;
            after = Some(engineer.key);
            looked_at += 1;
            if filter.fits(&shown) {
                items.push(shown);
            }
            let more = !last_page || index + 1 < count;
            if more && (items.len() == limit || looked_at == LOOKED_AT_MAX) {
                return Ok(Json(Page { items, next_cursor: after.map(String::from) }));
            }
        }
        if last_page {
            return Ok(Json(Page { items, next_cursor: None }));
        }
    }
}

/// `GET /v1/engineers/{key}`
pub(super) async fn engineer(
    State(api): State<Arc<Api>>,
    named: Named,
    spoken: Spoken,
) -> Result<(Extension<Version>, Json<EngineerView>), Problem> {
    let engineer = find(&api, &named).await?;
    Ok((Extension(Version(engineer.version)), Json(view(&api, &engineer, spoken).await?)))
}

/// `GET /v1/engineers/{key}/ledger?cursor=&limit=`
pub(super) async fn ledger(
    State(api): State<Arc<Api>>,
    named: Named,
    asked: Asked,
) -> Result<Json<Page<EntryView>>, Problem> {
    let asked = asked.only(&["cursor", "limit"])?;
    let (after, limit) = (Position(asked.get("cursor")?.unwrap_or(0)), limit_of(&asked)?);
    let key = find(&api, &named).await?.key;
    // One more than shown tells whether there is a next part.
    let mut entries = api.engine.house().store.history(&key, after, limit + 1).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next_cursor = entries.last().filter(|_| more).map(|entry| entry.position.0.to_string());
    let items = entries.iter().map(|entry| EntryView::of(entry, &key)).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// `GET /v1/resellers?cursor=&limit=`, in the order of their names.
pub(super) async fn resellers(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<ResellerView>>, Problem> {
    let asked = asked.only(&["cursor", "limit"])?;
    let (after, limit) = (asked.get::<ResellerName>("cursor")?, limit_of(&asked)?);
    let wording = Wording::new(&api, spoken);
    let (roster, duties) = (api.engine.roster(), api.engine.duties());
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut items: Vec<ResellerView> = Vec::new();
    for (name, site) in api.engine.house().sites.range((from, Bound::Unbounded)) {
        if items.len() == limit {
            let next_cursor = items.last().map(|last| last.name.to_string());
            return Ok(Json(Page { items, next_cursor }));
        }
        let row = api.engine.house().store.enrollment(&EnrollmentId::Reseller(name.clone())).await?;
        let status = roster.resellers.get(name);
        items.push(ResellerView {
            name: name.clone(),
            customer_id: site.reseller.customer.clone(),
            ready: status.is_some_and(|status| status.ready),
            domains: status.and_then(|status| status.domains.clone()),
            org_unit: row.as_ref().and_then(|row| OrgUnitView::of(&row.facts)),
            two_step: row.as_ref().and_then(|row| row.facts.two_step),
            words: row.as_ref().map(|row| row.facts.words.clone()).unwrap_or_default(),
            enrollment: row.as_ref().map(|row| wording.enrollment(row)),
            drift: row.as_ref().and_then(|row| row.facts.drift.as_deref()).map(DriftSummary::from),
            seats: row
                .and_then(|row| row.facts.seats)
                .map(|count| SeatsView::of(*count, site.reseller.seats)),
            driven_by: duties
                .as_ref()
                .and_then(|duties| duties.holders.get(&Duty::Account(name.clone())))
                .map(|holder| holder.name().to_owned()),
        });
    }
    Ok(Json(Page { items, next_cursor: None }))
}

/// The engineer of the path.
async fn find(api: &Api, named: &Named) -> Result<Engineer, Problem> {
    let key: EngineerKey = named.get("key")?;
    let engineer = api.engine.house().store.engineer(&key).await?;
    engineer.ok_or_else(|| ProblemKind::NotFound.into())
}

/// An engineer with rows and the unsealed name of the account.
pub(super) async fn view(api: &Api, engineer: &Engineer, spoken: Spoken) -> Result<EngineerView, Problem> {
    let rows = api.engine.house().store.enrollments_of(&engineer.key).await?;
    let (name, roster) = (username(api, engineer).await?, api.engine.roster());
    let mut view = Wording::new(api, spoken).engineer(engineer, name, &roster, &rows);
    for (shown, row) in view.enrollments.iter_mut().zip(&rows) {
        shown.two_step = api.engine.two_step(row);
    }
    Ok(view)
}

/// The reserved name. One engineer whose record cannot be opened must not hide all the others, so it is then left out.
pub(super) async fn username(api: &Api, engineer: &Engineer) -> Result<Option<LocalPart>, Problem> {
    if engineer.username.is_none() {
        return Ok(None);
    }
    Ok(sheet(api, &engineer.key).await?.and_then(|sheet| sheet.username))
}

/// An engineer's record, unsealed; none if it cannot be opened.
pub(super) async fn sheet(api: &Api, key: &EngineerKey) -> Result<Option<Sheet>, Problem> {
    match api.engine.house().sheet(key).await {
        Ok(sheet) => Ok(Some(sheet)),
        Err(SheetError::Store(error)) => Err(error.into()),
        Err(error @ (SheetError::Seal(_) | SheetError::Incomplete)) => {
            tracing::warn!(engineer = %key, %error, "shown without a name");
            Ok(None)
        }
    }
}

pub(super) fn limit_of(asked: &Asked) -> Result<usize, Problem> {
    match asked.get::<usize>("limit")? {
        Some(0) => {
            Err(Problem::invalid("limit", format!("at least 1; above {LIMIT_MAX} counts as {LIMIT_MAX}")))
        }
        Some(limit) => Ok(limit.min(LIMIT_MAX)),
        None => Ok(LIMIT),
    }
}

/// How far those are who are asked for. A misspelt word must not look like one that finds everybody.
pub(super) fn state_of(asked: &Asked) -> Result<Option<Progress>, Problem> {
    let Some(text) = asked.get::<String>("state")? else { return Ok(None) };
    let parsed = Progress::deserialize(text.as_str().into_deserializer());
    parsed.map(Some).map_err(|error: ValueError| Problem::invalid("state", error.to_string()))
}

impl Filter {
    fn fits(&self, shown: &EngineerView) -> bool {
        let there = |name: &ResellerName| {
            shown.enrollments.iter().any(|row| row.target.reseller.as_ref() == Some(name))
        };
        self.state.is_none_or(|state| shown.state == state) && self.reseller.as_ref().is_none_or(there)
    }
}
