//! What integrators build against, served by the daemon itself: the schemas of incoming events and the AsyncAPI document. They hold
//! nothing of anybody and need no token. Not here: whether they are right, which the tests say.

use super::Api;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use std::sync::Arc;

/// A document: its path, its media type, its text.
pub(super) type Document = (&'static str, &'static str, &'static str);

const SCHEMA: &str = "application/schema+json";

/// Every document.
pub(super) const DOCUMENTS: [Document; 3] = [
    ("/v1/schemas/engineer/1.0.json", SCHEMA, include_str!("../../docs/schemas/engineer.v1.schema.json")),
    (
        "/v1/schemas/engineer-full/1.0.json",
        SCHEMA,
        include_str!("../../docs/schemas/engineer-full.v1.schema.json"),
    ),
    ("/v1/asyncapi.json", "application/json", include_str!("../../docs/asyncapi.json")),
];

/// The routes of the documents.
pub(super) fn router() -> Router<Arc<Api>> {
    DOCUMENTS.iter().fold(Router::new(), |router, (path, media, text)| {
        let headers = [(CONTENT_TYPE, *media), (CACHE_CONTROL, "public, max-age=3600")];
        router.route(path, get(move || async move { (headers, *text) }))
    })
}
