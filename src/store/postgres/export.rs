//! The entries of a ledger in PostgreSQL, one after the other, read beside daemons that write. Entries are only ever added, so pages by
//! position show one ledger without a transaction around them. Not here: whether they are what was written (`verify`).

use super::batch::{signed, unsigned};
use super::endpoint::Endpoint;
use super::session::Session;
use super::{fault, pending};
use crate::model::entry::{Entry, Position};
use crate::store::StoreError;

/// Entries that are read at a time.
const PAGE: i64 = 500;

/// Tells the entries behind a position, up to those that are there when the reading comes to them, until that is not wanted any more.
///
/// # Errors
/// `Unavailable`, or `Damaged` where an entry cannot be read; what comes before that was told.
pub async fn export(
    endpoint: &Endpoint,
    after: Position,
    mut tell: impl FnMut(Entry, String) -> bool,
) -> Result<(), StoreError> {
    let unavailable = |error: tokio_postgres::Error| fault::unavailable(&error, endpoint);
    let session = Session::connect(endpoint).await?;
    let page = "select position, body from carepass.entries where position > $1 order by position limit $2";
    let page = session.client.prepare(page).await.map_err(unavailable)?;
    let mut after = after;
    loop {
        let rows = session.client.query(&page, &[&signed(after.0), &PAGE]).await.map_err(unavailable)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            after = Position(unsigned(row.try_get(0).map_err(unavailable)?));
            let body: &str = row.try_get(1).map_err(unavailable)?;
            let entry = pending::entry(after, body).map_err(|error| {
                StoreError::Damaged(format!("{endpoint}: entry {} cannot be read: {error}", after.0))
            })?;
            if !tell(entry, line(after, body)) {
                return Ok(());
            }
        }
    }
}

/// The entry as files have it: the body byte for byte, with the position before it.
fn line(position: Position, body: &str) -> String {
    let rest = body.strip_prefix('{').unwrap_or(body);
    format!("{{\"position\":{},{rest}", position.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::entry::{Actor, Change};

    /// What is written into the database is read back as the line that a ledger in files has.
    #[test]
    fn a_line_of_the_database_is_a_line_of_the_files() {
        let (at, position) = (jiff::Timestamp::UNIX_EPOCH, Position(7));
        let change = Change::Bookmark { reader: "a".to_owned(), position: Position(3) };
        let commit = crate::model::entry::Commit::of(at, Actor::Engine, change.clone());
        let (pending, _) = pending::Pending::new(commit).unwrap();
        let entry = Entry { position, at, actor: Actor::Engine, changes: vec![change] };
        assert_eq!(line(position, &pending.body), serde_json::to_string(&entry).unwrap());
    }
}
