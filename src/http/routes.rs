//! Every route in one table, with the least role that may use it; the tests walk the same table. Not here: what the routes do.

use super::tokens::Role;
use super::{
    Api, address_map, api, auth, conditional, dead_letters, drift, envelope, events, health, idempotency,
    orders, room, schemas, stream, task_list, tasks, usernames,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use std::sync::Arc;

/// One route of the API.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// The least role. What an order asks for beyond that is checked when it has been read.
    pub(super) least: Role,
    handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>,
}

/// Every route that needs a token.
pub(super) const ROUTES: [Route; 17] = [
    read("/v1/engineers", |method| on(method, api::engineers)),
    read("/v1/engineers/{key}", |method| on(method, api::engineer)),
    read("/v1/engineers/{key}/ledger", |method| on(method, api::ledger)),
    read("/v1/resellers", |method| on(method, api::resellers)),
    read("/v1/tasks", |method| on(method, task_list::tasks)),
    read("/v1/drift", |method| on(method, drift::findings)),
    read(STREAM, |method| on(method, stream::route::stream)),
    order("/v1/engineers/{key}/orders", |method| on(method, orders::of_engineer)),
    order("/v1/enrollments/{key}/{reseller}/{domain}/orders", |method| on(method, orders::of_domain)),
    order("/v1/resellers/{reseller}/orders", |method| on(method, orders::of_reseller)),
    order("/v1/tasks/{id}/done", |method| on(method, tasks::done)),
    order("/v1/usernames:preview", |method| on(method, usernames::preview)),
    read("/v1/dead-letters", |method| on(method, dead_letters::list)),
    read("/v1/dead-letters/{id}", |method| on(method, dead_letters::letter)),
    order("/v1/dead-letters/{id}/replay", |method| on(method, dead_letters::replay)),
    Route {
        method: Method::POST,
        path: EVENTS,
        least: Role::Publisher,
        handler: |method| on(method, events::events).layer(DefaultBodyLimit::max(events::BODY_MAX)),
    },
    // It holds personal data: not for everybody who may look.
    Route {
        method: Method::GET,
        path: "/v1/resellers/{reseller}/address-map.csv",
        least: Role::Operator,
        handler: |method| on(method, address_map::address_map),
    },
];

const fn read(path: &'static str, handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>) -> Route {
    Route { method: Method::GET, path, least: Role::Viewer, handler }
}

const fn order(path: &'static str, handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>) -> Route {
    Route { method: Method::POST, path, least: Role::Operator, handler }
}

/// The routes for supervisors, which need no token and answer to every name.
pub(super) const PROBES: [&str; 4] = [STARTUP, LIVE, READY, METRICS];

/// What does not end, and so has no tag.
const STREAM: &str = "/v1/stream";

/// Where events come in, with bodies larger than those of orders.
pub(super) const EVENTS: &str = "/v1/events";

const STARTUP: &str = "/startupz";
const LIVE: &str = "/livez";
const READY: &str = "/readyz";
const METRICS: &str = "/metrics";

/// The router of the table, of the probes and documents, and of the page for engineers, which need no token.
pub(super) fn router(api: &Arc<Api>) -> Router<Arc<Api>> {
    let opening = post(envelope::open).route_layer(from_fn_with_state(Arc::clone(api), orders::to_its_end));
    let probes = Router::new()
        .route(STARTUP, get(health::started))
        .route(LIVE, get(health::live))
        .route(READY, get(health::ready))
        .route(METRICS, get(health::metrics))
        // Its token is its path.
        .route("/envelope/{token}", get(envelope::look).merge(opening));
    let repeats = &api.repeats;
    let open = probes.merge(schemas::router()).merge(room::router(api));
    ROUTES.iter().fold(open, |router, route| {
        let guard = from_fn_with_state((Arc::clone(api), route.least), auth::require);
        let method =
            MethodFilter::try_from(route.method.clone()).expect("the table holds common methods only");
        let mut served = (route.handler)(method);
        if route.method == Method::GET && route.path != STREAM {
            served = served.route_layer(from_fn(conditional::tag));
        }
        if route.method == Method::POST && route.path != EVENTS {
            served = served
                .route_layer(from_fn_with_state(Arc::clone(repeats), idempotency::once))
                .route_layer(from_fn_with_state(Arc::clone(api), orders::to_its_end));
        }
        router.route(route.path, served.route_layer(guard))
    })
}
