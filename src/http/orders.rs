//! Operators' decisions over HTTP: read, checked for the role they need, handed to the engine. The token's name and the reason go
//! into the ledger with what they change. Not here: what an order does to a row (`model/transition`).

use super::conditional::Seen;
use super::extract::{Named, Sent};
use super::language::Spoken;
use super::problem::{Problem, ProblemKind};
use super::reissue::ReissueView;
use super::tokens::{Caller, Role};
use super::views::{EnrollmentView, Wording};
use super::{Api, api, auth};
use crate::engine::{EngineerOrder, OrderError, RowOrder};
use crate::model::enrollment::EnrollmentId;
use crate::model::id::{EngineerKey, MailAddress};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use std::sync::Arc;

/// The longest reason, in characters.
pub(super) const REASON_MAX: usize = 500;

/// On one line, and not blank, as the OpenAPI document says it.
pub(super) const REASON_PATTERN: &str =
    r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$";

/// The body of an order.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Order")]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    order: Wish,
    /// Why; it is kept in the ledger. On one line, and not blank.
    #[schemars(length(min = 1, max = "REASON_MAX"), extend("pattern" = REASON_PATTERN))]
    reason: String,
    /// The account that `adopt` is about.
    #[serde(default)]
    account: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "OrderKind")]
#[serde(rename_all = "snake_case")]
enum Wish {
    Approve,
    Retry,
    Skip,
    Cancel,
    Adopt,
    Reissue,
}

/// What a wish is, once its role was checked.
enum Decision {
    Engineer(EngineerOrder),
    Row(RowOrder),
    Adopt(MailAddress),
    Reissue,
}

/// Carries an order out to its end, also when its caller hangs up or has waited too long: cut off between its commit and what follows from
/// it, it would wake nobody.
pub(super) async fn to_its_end(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let done = api.engine.to_its_end(async move { next.run(request).await }).await;
    done.unwrap_or_else(|| Problem::from(ProblemKind::Internal).into_response())
}

/// `POST /v1/engineers/{key}/orders`: `approve` is about the engineer, the others are about the engineer-wide row.
pub(super) async fn of_engineer(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    seen: Seen,
    spoken: Spoken,
    Sent(body): Sent<Body>,
) -> Result<Response, Problem> {
    about_engineer(&api, &caller, named.get("key")?, &body, seen, spoken).await
}

/// An order about an engineer, from whichever page it comes.
pub(super) async fn about_engineer(
    api: &Api,
    caller: &Caller,
    key: EngineerKey,
    body: &Body,
    seen: Seen,
    spoken: Spoken,
) -> Result<Response, Problem> {
    let reason = body.reason()?;
    match body.decision(caller)? {
        Decision::Engineer(order) => {
            let engineer = api.engine.order_seen_engineer(&key, order, seen.0, &caller.name, reason).await?;
            Ok(Json(api::view(api, &engineer, spoken).await?).into_response())
        }
        Decision::Row(order) => {
            let row = api
                .engine
                .order_seen_row(&EnrollmentId::Engineer(key), order, seen.0, &caller.name, reason)
                .await?;
            Ok(Json(Wording::new(api, spoken).enrollment(&row)).into_response())
        }
        Decision::Reissue => {
            let reissued = api.engine.order_reissue(&key, None, seen.0, &caller.name, reason).await?;
            let engineer = api::view(api, &reissued.engineer, spoken).await?;
            Ok(Json(ReissueView::of(engineer, &reissued.refused, spoken)).into_response())
        }
        Decision::Adopt(_) => {
            Err(Problem::invalid("/order", "an account is adopted in one domain: name the enrollment"))
        }
    }
}

/// `POST /v1/enrollments/{key}/{reseller}/{domain}/orders`
pub(super) async fn of_domain(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    seen: Seen,
    spoken: Spoken,
    Sent(body): Sent<Body>,
) -> Result<Json<EnrollmentView>, Problem> {
    let id = EnrollmentId::Domain(named.get("key")?, named.get("reseller")?, named.get("domain")?);
    of_row(&api, &caller, &id, &body, seen, spoken).await
}

/// `POST /v1/resellers/{reseller}/orders`
pub(super) async fn of_reseller(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    named: Named,
    seen: Seen,
    spoken: Spoken,
    Sent(body): Sent<Body>,
) -> Result<Json<EnrollmentView>, Problem> {
    let id = EnrollmentId::Reseller(named.get("reseller")?);
    of_row(&api, &caller, &id, &body, seen, spoken).await
}

/// An order about one row, from whichever page it comes.
pub(super) async fn of_row(
    api: &Api,
    caller: &Caller,
    id: &EnrollmentId,
    body: &Body,
    seen: Seen,
    spoken: Spoken,
) -> Result<Json<EnrollmentView>, Problem> {
    let reason = body.reason()?;
    match body.decision(caller)? {
        Decision::Engineer(EngineerOrder::Approve) => Err(Problem::invalid(
            "/order",
            "only an engineer can be approved; here: retry, skip, cancel, adopt or reissue",
        )),
        Decision::Row(order) => {
            let row = api.engine.order_seen_row(id, order, seen.0, &caller.name, reason).await?;
            Ok(Json(Wording::new(api, spoken).enrollment(&row)))
        }
        Decision::Adopt(account) => {
            let row = api.engine.order_adoption(id, &account, seen.0, &caller.name, reason).await?;
            Ok(Json(Wording::new(api, spoken).enrollment(&row)))
        }
        Decision::Reissue => {
            let key = id
                .engineer()
                .ok_or_else(|| Problem::invalid("/order", "a reseller account has no first password"))?;
            api.engine.order_reissue(key, Some(id), seen.0, &caller.name, reason).await?;
            let row = api.engine.house().store.enrollment(id).await?.ok_or(OrderError::NotFound)?;
            Ok(Json(Wording::new(api, spoken).enrollment(&row)))
        }
    }
}

impl Body {
    /// An order as a form sends it.
    pub(super) fn of_form(order: &str, reason: String, account: Option<String>) -> Result<Self, Problem> {
        let parsed = Wish::deserialize(order.into_deserializer());
        let order = parsed.map_err(|error: ValueError| Problem::invalid("order", error.to_string()))?;
        Ok(Self { order, reason, account })
    }

    fn reason(&self) -> Result<&str, Problem> {
        reason(&self.reason)
    }
}

/// A reason for the ledger, without blanks around it.
pub(super) fn reason(text: &str) -> Result<&str, Problem> {
    let reason = text.trim();
    let length = reason.chars().count();
    if !(1..=REASON_MAX).contains(&length) || reason.chars().any(char::is_control) {
        let detail = format!("1 to {REASON_MAX} characters on one line; it is kept in the ledger");
        return Err(Problem::invalid("/reason", detail));
    }
    Ok(reason)
}

impl Body {
    /// What is meant, if the caller may decide that.
    fn decision(&self, caller: &Caller) -> Result<Decision, Problem> {
        let (least, decision) = match self.order {
            Wish::Approve => (Role::Approver, Decision::Engineer(EngineerOrder::Approve)),
            Wish::Retry => (Role::Operator, Decision::Row(RowOrder::Retry)),
            Wish::Skip => (Role::Operator, Decision::Row(RowOrder::Skip)),
            Wish::Cancel => (Role::Operator, Decision::Row(RowOrder::Cancel)),
            Wish::Reissue => (Role::Operator, Decision::Reissue),
            Wish::Adopt => (Role::Approver, Decision::Adopt(self.account()?)),
        };
        auth::check(caller, least)?;
        if self.order != Wish::Adopt && self.account.is_some() {
            return Err(Problem::invalid("/account", "only adopt is about an account"));
        }
        Ok(decision)
    }

    fn account(&self) -> Result<MailAddress, Problem> {
        let account = self.account.as_deref().and_then(|text| text.trim().parse().ok());
        account
            .ok_or_else(|| Problem::invalid("/account", "the primary address of the engineer's own account"))
    }
}
