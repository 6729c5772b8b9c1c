//! What integrators build against, served by the daemon itself: the schemas of incoming events, the AsyncAPI and the OpenAPI document. They hold
//! nothing of anybody and need no token. Not here: whether they are right, which the tests say.

use super::{Api, openapi};
use axum::Router;
use axum::http::HeaderName;
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
    let made = get(|| async { (headers("application/json"), openapi::TEXT.as_str()) });
    DOCUMENTS.iter().fold(Router::new().route(openapi::PATH, made), |router, (path, media, text)| {
        router.route(path, get(move || async move { (headers(media), *text) }))
    })
}

fn headers(media: &'static str) -> [(HeaderName, &'static str); 2] {
    [(CONTENT_TYPE, media), (CACHE_CONTROL, "public, max-age=3600")]
}
