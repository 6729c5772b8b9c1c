//! The reading routes: from the store and the engine's knowledge into views. Lists come in parts, and each part reads a bounded
//! number of records. Not here: the shapes (`views`) and the orders (`orders`).

use super::Api;
use super::extract::{Asked, Named};
use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use super::reseller_view::{OrgUnitView, ResellerView, SeatsView};
use super::views::{EngineerView, EntryView, Page, TaskView, Wording};
use crate::model::duty::Duty;
use crate::model::engineer::{Engineer, Hold, Progress};
use crate::model::enrollment::{EnrollmentId, Lane};
use crate::model::entry::Position;
use crate::model::id::{EngineerKey, LocalPart, ResellerName};
use crate::model::task::{Task, batch, task};
use crate::steps::{Sheet, SheetError};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items of a part, unless asked for otherwise, and at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Records read from the store at a time.
const PAGE: usize = 200;

/// Engineers looked at for one part of a filtered list; a part may come out short, and the cursor goes on behind them.
const LOOKED_AT_MAX: usize = 2_000;

/// Rows and engineers looked at for the tasks.
const TASK_ROWS_MAX: usize = 20_000;

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
) -> Result<Json<EngineerView>, Problem> {
    let engineer = find(&api, &named).await?;
    Ok(Json(view(&api, &engineer, spoken).await?))
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

/// `GET /v1/resellers`
pub(super) async fn resellers(
    State(api): State<Arc<Api>>,
    spoken: Spoken,
) -> Result<Json<Page<ResellerView>>, Problem> {
    let wording = Wording::new(&api, spoken);
    let (roster, duties) = (api.engine.roster(), api.engine.duties());
    let mut items = Vec::new();
    for (name, site) in &api.engine.house().sites {
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

/// `GET /v1/tasks`: one card for each thing to do, those first that keep a leaver's access open, then the oldest first, and then those whom the limit on grants holds.
pub(super) async fn tasks(
    State(api): State<Arc<Api>>,
    spoken: Spoken,
) -> Result<Json<Page<TaskView>>, Problem> {
    let wording = Wording::new(&api, spoken);
    let mut items: Vec<TaskView> =
        batch(open_tasks(&api, wording).await?).into_iter().map(|card| wording.task(card)).collect();
    items.extend(held_tasks(&api, wording).await?);
    Ok(Json(Page { items, next_cursor: None }))
}

/// The tasks of all rows, before those that share a card are put together.
pub(super) async fn open_tasks(api: &Api, wording: Wording) -> Result<Vec<Task>, Problem> {
    let house = api.engine.house();
    let now = wording.zoned();
    let of = |name: &ResellerName| [Lane::Leaving(name.clone()), Lane::Reseller(name.clone())];
    let removed = api.engine.removed().into_iter().map(Lane::Leaving);
    let lanes = removed.chain(house.sites.keys().flat_map(of)).chain([Lane::House]);
    let (mut tasks, mut looked_at) = (Vec::new(), 0);
    for lane in lanes {
        let mut after: Option<(Timestamp, EnrollmentId)> = None;
        while looked_at < TASK_ROWS_MAX {
            let rows = house.store.queue(&lane, after.as_ref(), PAGE).await?;
            looked_at += rows.len();
            tasks.extend(rows.iter().filter_map(|row| task(row, &now)));
            after = rows.last().and_then(|row| row.wake_at().map(|at| (at, row.id.clone())));
            if rows.len() < PAGE {
                break;
            }
        }
    }
    Ok(tasks)
}

async fn held_tasks(api: &Api, wording: Wording) -> Result<Vec<TaskView>, Problem> {
    let held = held_engineers(api).await?;
    Ok(held.into_iter().map(|(why, (since, keys))| wording.held_task(why, since, keys)).collect())
}

/// Who is held for a person, by the reason, and since when the first of them is.
pub(super) async fn held_engineers(
    api: &Api,
) -> Result<BTreeMap<Hold, (Timestamp, Vec<EngineerKey>)>, Problem> {
    let mut after: Option<EngineerKey> = None;
    let (mut held, mut looked_at) = (BTreeMap::<Hold, (Timestamp, Vec<EngineerKey>)>::new(), 0);
    while looked_at < TASK_ROWS_MAX {
        let page = api.engine.house().store.engineers(after.as_ref(), PAGE).await?;
        looked_at += page.len();
        after = page.last().map(|engineer| engineer.key.clone());
        let last_page = page.len() < PAGE;
        for engineer in page {
            if let Some((since, why)) = engineer.held() {
                let (oldest, keys) = held.entry(why).or_insert((since, Vec::new()));
                *oldest = since.min(*oldest);
                keys.push(engineer.key);
            }
        }
        if last_page {
            break;
        }
    }
    Ok(held)
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
        Some(0) => Err(Problem::invalid("limit", format!("1 to {LIMIT_MAX}"))),
        Some(limit) => Ok(limit.min(LIMIT_MAX)),
        None => Ok(LIMIT),
    }
}

fn state_of(asked: &Asked) -> Result<Option<Progress>, Problem> {
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
