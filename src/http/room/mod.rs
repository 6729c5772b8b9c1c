//! The dashboard at `/`: pages for operators and auditors, rendered here, readable without scripts, with nothing from elsewhere. What it
//! shows is read as the API reads it, and its buttons call what the API's orders call, so the same rules hold. Not here: rules.

mod assets;
mod cell;
mod drift;
mod engineer;
mod events;
mod five;
mod grants;
mod history;
mod inbox;
mod leavers;
mod matrix;
mod orders;
mod page;
mod parts;
mod reseller;
mod session;
mod sign_in;
mod text;
mod visitor;

pub use session::{NotSignedIn, Sessions};
pub(super) use visitor::reader;

use super::Api;
use super::language::Spoken;
use super::orders::to_its_end;
use super::problem::Problem;
use super::stream;
use super::tokens::Role;
use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use std::sync::Arc;

const SIGN_IN: &str = "/sign-in";
const SIGN_OUT: &str = "/sign-out";
const LANGUAGE: &str = "/language";

/// Where an invitation leads; its word follows.
const ENTER: &str = "/enter/";

/// What changes, for the script of the pages: what the API tells, under the browser's session.
pub(super) const STREAM: &str = "/stream";

/// What the paths of the dashboard begin with.
const ROOMS: [&str; 13] = [
    "",
    "assets",
    "engineers",
    "enter",
    "events",
    "grants",
    "language",
    "leavers",
    "resellers",
    "sign-in",
    "sign-out",
    "stream",
    "tasks",
];

/// One route that needs a session.
pub(super) struct Room {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// The least role.
    pub(super) least: Role,
    handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>,
}

/// Every page and every button that needs a session; the tests walk the same table.
pub(super) const ROUTES: [Room; 16] = [
    page("/", |method| on(method, matrix::matrix)),
    page("/tasks", |method| on(method, inbox::inbox)),
    page("/grants", |method| on(method, grants::grants)),
    page("/leavers", |method| on(method, leavers::leavers)),
    page("/resellers", |method| on(method, reseller::resellers)),
    page("/resellers/{reseller}", |method| on(method, reseller::reseller)),
    page("/events", |method| on(method, events::events)),
    page("/engineers/{key}", |method| on(method, engineer::engineer)),
    page(STREAM, |method| on(method, stream::route::stream)),
    button("/tasks/{id}/done", |method| on(method, orders::task_done)),
    button("/events/{id}/replay", |method| on(method, orders::replay)),
    button("/engineers/{key}/orders", |method| on(method, orders::of_engineer)),
    button("/engineers/{key}/{reseller}/{domain}/orders", |method| on(method, orders::of_domain)),
    button("/resellers/{reseller}/orders", |method| on(method, orders::of_reseller)),
    button("/grants/{id}/release", |method| on(method, orders::release)),
    Room {
        method: Method::POST,
        path: SIGN_OUT,
        least: Role::Viewer,
        handler: |method| on(method, sign_in::sign_out),
    },
];

const fn page(path: &'static str, handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>) -> Room {
    Room { method: Method::GET, path, least: Role::Viewer, handler }
}

const fn button(path: &'static str, handler: fn(MethodFilter) -> MethodRouter<Arc<Api>>) -> Room {
    Room { method: Method::POST, path, least: Role::Operator, handler }
}

/// The pages, the buttons, and what needs no session: the way in, the language and the files that pages load.
pub(super) fn router(api: &Arc<Api>) -> Router<Arc<Api>> {
    let open = Router::new()
        .route(SIGN_IN, get(sign_in::form).merge(post(sign_in::sign_in)))
        .route("/enter/{word}", get(sign_in::enter))
        .route(LANGUAGE, post(sign_in::language))
        .route(assets::PATH, get(assets::asset));
    ROUTES.iter().fold(open, |router, room| {
        let method =
            MethodFilter::try_from(room.method.clone()).expect("the table holds common methods only");
        let mut served = (room.handler)(method);
        if room.method == Method::POST {
            served = served.route_layer(from_fn_with_state(Arc::clone(api), to_its_end));
        }
        let guard = from_fn_with_state((Arc::clone(api), room.least), visitor::require);
        router.route(room.path, served.route_layer(guard))
    })
}

/// Whether a path is one of the dashboard's.
fn is_room(path: &str) -> bool {
    let first = path.strip_prefix('/').map(|path| path.split('/').next().unwrap_or_default());
    let is_root = path == "/";
    first.is_some_and(|first| ROOMS.contains(&first) && (is_root || !first.is_empty()))
}

/// Whether a request for one of the dashboard's paths comes from a browser that has signed in; none for other paths.
pub(super) fn is_signed_in(api: &Api, path: &str, headers: &HeaderMap) -> bool {
    is_room(path) && visitor::is_signed_in(api, headers)
}

/// The page for whatever went wrong on the way to one. `None` for other paths.
pub(super) fn in_words(
    path: &str,
    problem: &Problem,
    reader: Spoken,
    is_signed_in: bool,
) -> Option<Response> {
    is_room(path).then(|| page::problem(problem, reader, is_signed_in))
}
