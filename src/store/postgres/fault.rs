//! What PostgreSQL, the network and TLS say, as one sentence for an operator: what is so, and what to do. No value of a row is in it.
//! Not here: what follows from it (`writer`, `standing`).

use super::endpoint::Endpoint;
use crate::store::StoreError;
use rustls::CertificateError;
use std::error::Error as _;
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why a database that answers cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too old.
    #[error("it is PostgreSQL {0}, and carepass needs 14 or newer; upgrade the server")]
    Version(String),
    /// A standby.
    #[error(
        "it is a standby, which only reads; name the primary in store.url, or all of them: postgres://…@a,b/…"
    )]
    Standby,
    /// It was set so.
    #[error(
        "it only reads (default_transaction_read_only is on); turn that off for carepass's user or database"
    )]
    ReadOnly,
    /// Not every text can be stored.
    #[error("the database's encoding is {0}; create one with encoding UTF8 (createdb -E UTF8 -T template0)")]
    Encoding(String),
    /// What is acknowledged would not survive a power cut.
    #[error(
        "fsync is off, so that what is acknowledged would be lost in a power cut; set fsync = on and restart the server"
    )]
    NoSync,
    /// A carepass that is newer has been here.
    #[error(
        "its tables have version {found}, and this carepass knows {known}; start the newer carepass again, or restore the backup from before it"
    )]
    Newer {
        /// What is there.
        found: i32,
        /// What this binary knows.
        known: i32,
    },
}

/// The database cannot be used now.
pub fn unavailable(error: &Error, endpoint: &Endpoint) -> StoreError {
    StoreError::Unavailable(format!("{endpoint}: {}", words(error, endpoint)))
}

/// A database that answers and cannot be used.
pub fn unfit(why: &Unfit, endpoint: &Endpoint) -> StoreError {
    StoreError::Unavailable(format!("{endpoint}: {why}"))
}

/// Nothing came in time.
pub fn silent(doing: &str, endpoint: &Endpoint) -> StoreError {
    StoreError::Unavailable(format!(
        "{endpoint}: no answer in time while {doing}; is the server overloaded, or the network cut?"
    ))
}

/// A connection that is gone.
pub fn ended(endpoint: &Endpoint) -> StoreError {
    StoreError::Unavailable(format!("{endpoint}: the connection ended"))
}

/// Whether what was to be written is at fault, and not the server: trying it again does not help.
pub fn is_refusal(error: &Error) -> bool {
    let class = error.code().map(|code| code.code().get(..2).unwrap_or_default().to_owned());
    // Data exceptions and limits of the program, as PostgreSQL numbers them.
    matches!(class.as_deref(), Some("22" | "54"))
}

/// Whether the tables contradict themselves.
pub fn is_contradiction(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code().starts_with("23"))
}

fn words(error: &Error, endpoint: &Endpoint) -> String {
    if let Some(said) = error.as_db_error() {
        return server_words(said.code(), said.message(), endpoint);
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return network_words(io);
        }
        cause = inner.source();
    }
    let text = full(error);
    if text.contains("does not support TLS") {
        return "the server speaks no TLS; set ssl = on there with a certificate, since carepass sends no password in clear".to_owned();
    }
    if text.contains("password missing") {
        return format!(
            "the server asks for the password of {}; write it into the URL, or the file of store.url_file",
            endpoint.user()
        );
    }
    if error.is_closed() {
        return "the connection ended".to_owned();
    }
    text
}

fn server_words(code: &SqlState, message: &str, endpoint: &Endpoint) -> String {
    let (user, database) = (endpoint.user(), endpoint.database());
    if *code == SqlState::INVALID_PASSWORD {
        format!(
            "the server refuses the password of {user}; correct it in store.url or the file of store.url_file"
        )
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        format!(
            "the server lets {user} not in ({message}); see pg_hba.conf there, and whether the user exists"
        )
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        format!(
            "there is no database {database}; create it: createdb -E UTF8 -T template0 -O {user} {database}"
        )
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        format!(
            "{user} lacks a permission ({message}); make it the owner: alter database {database} owner to {user}"
        )
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Unfit::Standby.to_string()
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        format!("the server is not ready ({message})")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        "the server has no connection left; raise max_connections, or end what holds them. carepass needs six"
            .to_owned()
    } else if *code == SqlState::DISK_FULL {
        "the server's disk is full; make room there".to_owned()
    } else if [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(code) {
        format!("the server is stopping, or an administrator ended the connection ({message})")
    } else {
        format!("the server says: {message} ({})", code.code())
    }
}

fn network_words(cause: &io::Error) -> String {
    if let Some(tls) = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_words(tls);
    }
    let kind = cause.kind();
    if kind == io::ErrorKind::ConnectionRefused || kind == io::ErrorKind::NotFound {
        return "nobody listens there; is PostgreSQL running, and are host and port right?".to_owned();
    }
    if kind == io::ErrorKind::TimedOut {
        return "no answer; is the host right, and does a firewall let carepass through?".to_owned();
    }
    let broken = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::UnexpectedEof,
    ];
    if broken.contains(&kind) {
        return "the connection broke".to_owned();
    }
    format!("the network failed: {cause}")
}

fn tls_words(error: &rustls::Error) -> String {
    use CertificateError as Cause;
    let rustls::Error::InvalidCertificate(fault) = error else { return format!("TLS failed: {error}") };
    if matches!(fault, Cause::UnknownIssuer | Cause::BadSignature) {
        "the server's certificate is signed by nobody who is trusted here; name the authority in store.ca_file".to_owned()
    } else if matches!(fault, Cause::NotValidForName | Cause::NotValidForNameContext { .. }) {
        "the server's certificate is for another name; write the URL's host as in the certificate".to_owned()
    } else if matches!(fault, Cause::Expired | Cause::ExpiredContext { .. }) {
        "the server's certificate has expired; have it renewed".to_owned()
    } else {
        format!("the server's certificate cannot be trusted: {fault}")
    }
}

fn full(error: &Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
