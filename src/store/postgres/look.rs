//! A look at a database, as the flight check has it: nothing is made and nothing is written.

use super::endpoint::Endpoint;
use super::fault::{self, Unfit};
use super::migrate;
use super::session::Session;
use crate::store::StoreError;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The server's version.
    pub version: String,
    /// Whether carepass's tables are there.
    pub is_made: bool,
    /// Whether a page that was written half is known after a power cut.
    pub has_full_pages: bool,
}

/// Looks.
///
/// # Errors
/// `Unavailable`, with what is so and what to do.
pub async fn look(endpoint: &Endpoint) -> Result<Seen, StoreError> {
    let session = Session::connect(endpoint).await?;
    let (found, known) = (migrate::found(&session, endpoint).await?, migrate::known());
    if let Some(found) = found.filter(|found| *found > known) {
        return Err(fault::unfit(&Unfit::Newer { found, known }, endpoint));
    }
    let is_made = found.is_some();
    Ok(Seen { version: session.server.version, is_made, has_full_pages: session.server.has_full_pages })
}
