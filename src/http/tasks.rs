//! `POST /v1/tasks/{id}/done`: a person says that a task is done. What carepass can see it looks at at once; what only a person can
//! confirm goes into the rows' facts, with the token's name and the reason. Not here: which tasks there are (`api`, `model/task`).

use super::extract::{Named, Sent};
use super::language::Spoken;
use super::orders::reason;
use super::problem::{Problem, ProblemKind};
use super::tokens::Caller;
use super::views::{EnrollmentView, Page, Wording};
use super::{Api, api};
use crate::engine::RowOrder;
use crate::model::failure::FailureCode;
use crate::model::task::{Task, TaskId};
use crate::model::word::Subject;
use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use std::sync::Arc;

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    reason: String,
    /// Of the route of case mail: it is an address map, so each new engineer is a task of its own.
    #[serde(default)]
    address_map: bool,
}

/// Answers with the rows of the card as they are then.
pub(super) async fn done(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    spoken: Spoken,
    Sent(body): Sent<Done>,
) -> Result<Json<Page<EnrollmentView>>, Problem> {
    let id: TaskId = named.get("id")?;
    let reason = reason(&body.reason)?;
    let wording = Wording::new(&api, spoken);
    let mut card = api::open_tasks(&api, wording).await?;
    card.retain(|task| task.id == id);
    check(&card, body.address_map)?;
    let (mut items, mut refused) = (Vec::new(), None);
    for task in card {
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
    let Some(task) = card.first() else { return Err(ProblemKind::NotFound.into()) };
    if address_map && task.code != FailureCode::CaseRouteUnconfirmed {
        return Err(Problem::invalid("/address_map", "belongs to the task case_route_unconfirmed only"));
    }
    Ok(())
}

/// A word on what the task asks for, if it asks for one; everything else is looked at. The row may ask something else by now: nobody has
/// answered that.
fn order(task: &Task, address_map: bool) -> RowOrder {
    match Subject::asked(task.enrollment.kind(), task.step, task.code) {
        Some(subject) => RowOrder::Confirm { subject, one_by_one: address_map },
        None => RowOrder::Retry,
    }
}
