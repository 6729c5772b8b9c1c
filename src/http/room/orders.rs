//! The buttons: each reads its form and calls what the order of the API calls, then leads back to the page. Not here: what an order does
//! and who may order it (`http/orders`, `http/tasks`, `http/dead_letters`).

use super::super::conditional::Seen;
use super::super::extract::Named;
use super::super::orders::{self, Body};
use super::super::problem::{Problem, ProblemKind};
use super::super::tasks::{self, Done};
use super::super::{Api, dead_letters};
use super::page::{Area, Said};
use super::visitor::{Fields, Signed};
use crate::model::enrollment::EnrollmentId;
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::parked::LetterId;
use crate::model::task::CardId;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use std::sync::Arc;

/// Fields of a form with what the operator saw: the version of the row, and of the engineer.
pub(super) const ROW_VERSION: &str = "row_version";
pub(super) const ENGINEER_VERSION: &str = "engineer_version";

/// Orders of an engineer's form that are about the engineer and not about the row.
const ABOUT_ENGINEER: &[&str] = &["approve", "reissue"];

/// `POST /engineers/{key}/orders`
pub(super) async fn of_engineer(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let key: EngineerKey = named.get("key")?;
    let Signed { caller, spoken, fields } = signed;
    let (body, seen) = read(fields, ABOUT_ENGINEER)?;
    orders::about_engineer(&api, &caller, key.clone(), &body, seen, spoken).await?;
    Ok(back_to(&format!("/engineers/{key}"), Said::Done))
}

/// `POST /engineers/{key}/{reseller}/{domain}/orders`
pub(super) async fn of_domain(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let key: EngineerKey = named.get("key")?;
    let id = EnrollmentId::Domain(key.clone(), named.get("reseller")?, named.get("domain")?);
    let Signed { caller, spoken, fields } = signed;
    let (body, seen) = read(fields, &[])?;
    let _ = orders::of_row(&api, &caller, &id, &body, seen, spoken).await?;
    Ok(back_to(&format!("/engineers/{key}"), Said::Done))
}

/// `POST /resellers/{reseller}/orders`
pub(super) async fn of_reseller(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let name: ResellerName = named.get("reseller")?;
    let Signed { caller, spoken, fields } = signed;
    let id = EnrollmentId::Reseller(name.clone());
    let (body, seen) = read(fields, &[])?;
    let _ = orders::of_row(&api, &caller, &id, &body, seen, spoken).await?;
    Ok(back_to(&format!("/resellers/{name}"), Said::Done))
}

/// `POST /tasks/{id}/done`
pub(super) async fn task_done(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let (id, Signed { caller, spoken, mut fields }) = (named.get::<CardId>("id")?, signed);
    fields.take("order");
    let address_map = fields.take("address_map").is_some();
    let reason = fields.take("reason").unwrap_or_default();
    fields.no_more()?;
    let body = Done { reason, address_map, held_before: None };
    tasks::about_card(&api, &caller, id, body, spoken).await?;
    Ok(back_to(Area::Tasks.path(), Said::Checked))
}

/// `POST /grants/{id}/release`
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let (id, Signed { caller, spoken, mut fields }) = (named.get::<CardId>("id")?, signed);
    fields.take("order");
    let held_before = fields.take("held_before").map(|text| text.parse::<Timestamp>()).transpose();
    let held_before = held_before.map_err(|error| Problem::invalid("held_before", error.to_string()))?;
    let reason = fields.take("reason").unwrap_or_default();
    fields.no_more()?;
    let body = Done { reason, address_map: false, held_before };
    tasks::about_card(&api, &caller, id, body, spoken).await?;
    Ok(back_to(Area::Grants.path(), Said::Released))
}

/// `POST /events/{id}/replay`
pub(super) async fn replay(
    State(api): State<Arc<Api>>,
    named: Named,
    signed: Signed,
) -> Result<Response, Problem> {
    let (id, Signed { caller, spoken, mut fields }) = (named.get::<LetterId>("id")?, signed);
    fields.take("order");
    let reason = fields.take("reason").unwrap_or_default();
    fields.no_more()?;
    let _ = dead_letters::again(&api, &caller, id, &reason, spoken).await?;
    Ok(back_to(Area::Events.path(), Said::Replayed))
}

/// The order of a form, and the version that it holds for. The field for an account stands beside every button; without `adopt` it is
/// refused when it is filled in. `retry` holds for any version: rows move by themselves, and to look once more does no harm.
fn read(mut fields: Fields, about_engineer: &[&str]) -> Result<(Body, Seen), Problem> {
    let order = fields.take("order").unwrap_or_default();
    let (reason, account) = (fields.take("reason").unwrap_or_default(), fields.take("account"));
    let (row, engineer) = (fields.take(ROW_VERSION), fields.take(ENGINEER_VERSION));
    fields.no_more()?;
    let body = Body::of_form(&order, reason, account)?;
    if order == "retry" {
        return Ok((body, Seen(None)));
    }
    let sent = if about_engineer.contains(&order.as_str()) { engineer } else { row };
    let version = sent.and_then(|text| text.parse().ok()).ok_or(ProblemKind::PreconditionFailed)?;
    Ok((body, Seen(Some(version))))
}

/// A reload of the page that follows does not order again.
fn back_to(path: &str, said: Said) -> Response {
    Redirect::to(&format!("{path}?said={}", said.word())).into_response()
}
