//! The sandbox's own routes, `/_sandbox/*`: look at the world, read the call log, set faults and settings.
//! What `set` changes is in `changes`. Not Google's; no token is asked for, the sandbox listens on loopback only.

use super::Sandbox;
use super::clock::{Millis, rfc3339};
use super::directory::group_json;
use super::org_units::org_unit_json;
use super::roles::role_json;
use super::users::user_json;
use super::world::{Customer, FREE_PRODUCT, FREE_SKU, LicenseMode, User, World};
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The control routes.
pub fn routes() -> Router<Sandbox> {
    Router::new()
        .route(
            "/_sandbox/world",
            get(|Shared(sandbox): Shared<Sandbox>| async move { Json(sandbox.world_json()) }),
        )
        .route("/_sandbox/calls", get(calls))
        .route("/_sandbox/faults", post(add_faults).delete(clear_faults))
        .route("/_sandbox/set", post(set))
}

/// The whole model as JSON: what is so, whatever the APIs would show of it yet.
pub fn world_json(world: &World, now: Millis) -> Value {
    let customers: Map<String, Value> = world
        .customers
        .values()
        .map(|customer| (customer.id.clone(), customer_json(customer, now)))
        .collect();
    json!({"now": rfc3339(now), "latency_ms": world.latency_ms, "customers": customers})
}

fn customer_json(customer: &Customer, now: Millis) -> Value {
    let roles: Vec<Value> = customer.roles.iter().map(|(id, role)| role_json(*id, role)).collect();
    let units: Vec<Value> =
        customer.org_units.iter().map(|(id, unit)| org_unit_json(customer, id, unit)).collect();
    let groups: Vec<Value> = customer.groups.iter().map(|(id, group)| group_json(id, group)).collect();
    let domains: Vec<Value> = customer
        .domains
        .iter()
        .map(|domain| {
            json!({"name": domain.name, "kind": format!("{:?}", domain.kind).to_lowercase(),
                             "verified": domain.verified})
        })
        .collect();
    json!({
        "name": customer.name,
        "domains": domains,
        "users": customer.users.values().map(|user| person_json(customer, user)).collect::<Vec<_>>(),
        "deleted": customer.deleted.values().map(|user| person_json(customer, user)).collect::<Vec<_>>(),
        "groups": groups,
        "orgunits": units,
        "roles": roles,
        "seats": {
            "limit": customer.settings.seats,
            "used": customer.seats_used(now),
            "license_mode": if customer.settings.license_mode == LicenseMode::Site { "site" } else { "per-user" },
            "license_limit": customer.settings.license_seats,
        },
        "delegation_revoked": customer.delegation_revoked,
        "delegated_scopes": customer.delegated_scopes,
    })
}

/// A user with what Google keeps elsewhere. On a site-licensed account everybody has the free licence.
fn person_json(customer: &Customer, user: &User) -> Value {
    let site = customer.settings.license_mode == LicenseMode::Site && user.deleted.is_none();
    let free = site.then_some((FREE_PRODUCT, FREE_SKU));
    let held = customer
        .licenses
        .iter()
        .filter(|held| held.2 == user.id)
        .map(|held| (held.0.as_str(), held.1.as_str()));
    let held: Vec<(&str, &str)> = free.into_iter().chain(held).collect();
    let names =
        customer.roles_of(&user.id).filter_map(|id| customer.roles.get(&id)).map(|role| role.name.as_str());
    let mut body = user_json(customer, user);
    body["licenses"] = held.iter().map(|(_, sku)| *sku).collect::<Vec<_>>().into();
    body["licenseAssignments"] = held
        .iter()
        .map(|(product, sku)| json!({"productId": product, "skuId": sku}))
        .collect::<Vec<_>>()
        .into();
    body["roles"] = names.collect::<Vec<_>>().into();
    for (field, default) in [("externalIds", json!([])), ("aliases", json!([]))] {
        if body.get(field).is_none() {
            body[field] = default;
        }
    }
    body["passwordsSet"] = json!(user.passwords_set);
    body["signOuts"] = json!(user.sign_outs);
    let access = &user.access;
    body["sessions"] = json!(access.sessions);
    body["signed_out_at"] = access.signed_out_at.map_or(Value::Null, |at| json!(rfc3339(at)));
    body["tokens"] = json!(user.tokens);
    body["asps"] = json!(access.application_passwords.values().collect::<Vec<_>>());
    body["backup_codes"] = json!(access.backup_codes);
    body
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn calls(Shared(sandbox): Shared<Sandbox>, Query(query): Query<After>) -> Response {
    let text = sandbox.lock().calls.ndjson(query.after);
    ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}

async fn add_faults(Shared(sandbox): Shared<Sandbox>, body: Bytes) -> Response {
    let rules = json_of(&body).map_err(|problem| vec![problem]).and_then(|body| sandbox.add_faults(&body));
    match rules {
        Ok(rules) => Json(json!({"rules": rules})).into_response(),
        Err(problems) => (StatusCode::BAD_REQUEST, Json(json!({"problems": problems}))).into_response(),
    }
}

async fn clear_faults(Shared(sandbox): Shared<Sandbox>) -> StatusCode {
    sandbox.clear_faults();
    StatusCode::NO_CONTENT
}

async fn set(Shared(sandbox): Shared<Sandbox>, body: Bytes) -> Response {
    match json_of(&body).and_then(|body| sandbox.set(&body)) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => (StatusCode::BAD_REQUEST, Json(json!({"problems": [problem]}))).into_response(),
    }
}

/// A body as JSON, whatever its header calls it: `curl -d` says that it is a form.
fn json_of(body: &Bytes) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))
}
