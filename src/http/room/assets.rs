//! What the pages load, from this binary and nowhere else: each file has its hash in its name, so a browser may keep it for ever.
//! Not here: the pages (`page`).

use super::super::problem::{Problem, ProblemKind};
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Where they are.
pub(super) const PATH: &str = "/assets/{name}";

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Bytes of the hash that stand in the name.
const HASH_BYTES: usize = 8;

/// One file.
pub(super) struct Asset {
    name: String,
    media: &'static str,
    content: &'static str,
}

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("room", "css", "text/css; charset=utf-8", include_str!("room.css")));
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("room", "js", "text/javascript; charset=utf-8", include_str!("room.js")));
pub(super) static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_str!("mark.svg")));

impl Asset {
    fn new(stem: &str, ending: &str, media: &'static str, content: &'static str) -> Self {
        let hash = digest(&SHA256, content.as_bytes());
        let hash = hash.as_ref().iter().take(HASH_BYTES).fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { name: format!("{stem}-{hash}.{ending}"), media, content }
    }

    /// Where a page finds it.
    pub(super) fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// `GET /assets/{name}`. There is nothing secret in them.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let known = [&*STYLE, &*SCRIPT, &*MARK];
    let Some(asset) = known.into_iter().find(|asset| asset.name == name) else {
        return Problem::from(ProblemKind::NotFound).into_response();
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(asset.media)), (CACHE_CONTROL, FOREVER)];
    (headers, asset.content).into_response()
}
