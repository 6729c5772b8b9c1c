//! `POST /v1/tasks/{id}/done`: a person says that a task is done. What carepass can see it looks at at once; what only a person can
//! confirm goes into the rows' facts, with the token's name and the reason. The card of the limit on grants lets in all who were on it.
//! Not here: which tasks there are (`task_list`, `model/task`).

use super::extract::{Named, Sent};
use super::language::Spoken;
use super::orders::{REASON_MAX, REASON_PATTERN, reason};
use super::problem::{Problem, ProblemKind};
use super::tokens::{Caller, Role};
use super::views::{EnrollmentView, Page, Wording};
use super::{Api, api, auth, task_list};
use crate::engine::RowOrder;
use crate::model::engineer::Hold;
use crate::model::failure::FailureCode;
use crate::model::task::{CardId, Task, TaskId};
use crate::model::word::Subject;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// The body.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "TaskDone")]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    /// Why; it is kept in the ledger. On one line, and not blank.
    #[schemars(length(min = 1, max = "REASON_MAX"), extend("pattern" = REASON_PATTERN))]
    pub(super) reason: String,
    /// Of the route of case mail: it is an address map, so each new engineer is a task of its own.
    #[serde(default)]
    pub(super) address_map: bool,
    /// Of those who are held: the card's `shown_at`. Who came later is not let in.
    #[serde(default)]
    pub(super) held_before: Option<Timestamp>,
}

/// Answers with the rows of the card as they are then, or with the engineers who were let in.
pub(super) async fn done(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    spoken: Spoken,
    Sent(body): Sent<Done>,
) -> Result<Response, Problem> {
    about_card(&api, &caller, named.get("id")?, body, spoken).await
}

/// A person's word on a card, from whichever page it comes.
pub(super) async fn about_card(
    api: &Arc<Api>,
    caller: &Caller,
    id: CardId,
    body: Done,
    spoken: Spoken,
) -> Result<Response, Problem> {
    reason(&body.reason)?;
    match id {
        CardId::Rows(id) => Ok(of_rows(api, caller, id, &body, spoken).await?.into_response()),
        CardId::Held(why) => of_held(api, caller, why, body, spoken).await,
    }
}

/// Everybody who was on the card begins. An approval, or an employment that had ended, is a question about one person, and is answered
/// for each.
async fn of_held(
    api: &Arc<Api>,
    caller: &Caller,
    why: Hold,
    body: Done,
    spoken: Spoken,
) -> Result<Response, Problem> {
    auth::check(caller, Role::Approver)?;
    if why != Hold::GrantLimit {
        return Err(Problem::invalid(
            "id",
            "each of these is decided by itself: send the order approve for the engineer",
        ));
    }
    if body.address_map {
        return Err(no_address_map());
    }
    let engine = Arc::clone(&api.engine);
    let (name, shown_at) = (caller.name.clone(), body.held_before.unwrap_or(engine.house().clock.now()));
    let releasing = async move {
        engine.release_held(shown_at, &name, reason(&body.reason)?).await.map_err(Problem::from)
    };
    // Who waits for the answer may go away; the release is then finished all the same.
    let released = api.engine.to_its_end(releasing).await.ok_or(ProblemKind::Internal)??;
    if released.is_empty() {
        return Err(ProblemKind::TaskNotOpen.into());
    }
    let mut items = Vec::with_capacity(released.len());
    for engineer in &released {
        items.push(api::view(api, engineer, spoken).await?);
    }
    Ok(Json(Page { items, next_cursor: None }).into_response())
}

async fn of_rows(
    api: &Api,
    caller: &Caller,
    id: TaskId,
    body: &Done,
    spoken: Spoken,
) -> Result<Json<Page<EnrollmentView>>, Problem> {
    let reason = reason(&body.reason)?;
    if body.held_before.is_some() {
        return Err(Problem::invalid("/held_before", "belongs to the card grants-held only"));
    }
    let wording = Wording::new(api, spoken);
    let mut card = task_list::open_tasks(api, &api.engine.waiting().await?, wording);
    card.retain(|task| task.id == id);
    check(&card, body.address_map)?;
    let (mut items, mut refused) = (Vec::new(), None);
    let drifted = card.iter().find(|task| task.code == FailureCode::DriftFound);
    if let Some(name) = drifted.and_then(|task| task.reseller.as_ref()) {
        // What is found there then closes the card, or does not.
        api.engine.look_for_drift(name, &caller.name, reason).await?;
    }
    for task in card {
        if task.code == FailureCode::DriftFound {
            let row = api.engine.house().store.enrollment(&task.enrollment).await?;
            items.extend(row.map(|row| wording.enrollment(&row)));
            continue;
        }
        let order = order(&task, body.address_map);
        match api.engine.order_row(&task.enrollment, order, &caller.name, reason).await {
            Ok(row) => items.push(wording.enrollment(&row)),
            // The row moved on meanwhile; the others are told all the same.
            Err(error) => refused = refused.or(Some(Problem::from(error))),
        }
    }
    match refused {
        Some(problem) if items.is_empty() => Err(problem),
        _ => Ok(Json(Page { items, next_cursor: None })),
    }
}

fn check(card: &[Task], address_map: bool) -> Result<(), Problem> {
    let Some(task) = card.first() else { return Err(ProblemKind::TaskNotOpen.into()) };
    if address_map && task.code != FailureCode::CaseRouteUnconfirmed {
        return Err(no_address_map());
    }
    Ok(())
}

fn no_address_map() -> Problem {
    Problem::invalid("/address_map", "belongs to the task case_route_unconfirmed only")
}

/// A word on what the task asks for, if it asks for one; everything else is looked at. The row may ask something else by now: nobody has
/// answered that.
fn order(task: &Task, address_map: bool) -> RowOrder {
    match Subject::asked(task.enrollment.kind(), task.step, task.code) {
        Some(subject) => RowOrder::Confirm { subject, one_by_one: address_map },
        None => RowOrder::Retry,
    }
}
