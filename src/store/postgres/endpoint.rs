//! Where the database is: the URL taken apart once, shown without user and password. Two ways to get there: `verify-full` (TLS, the
//! server's certificate and name are checked), which every other machine needs, and `disable`, for this machine only. The ways between
//! them encrypt for whoever answers, and are refused.
//! Not here: connecting (`session`), and reading files.

use crate::model::authorities::Authorities;
use crate::model::this_machine::is_this_machine;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A server that is gone without a word is noticed after about this time, with or without a question under way.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What the port is when nobody says.
const PORT: u16 = 5432;

/// A text that is no database's URL: what is so and what to do. Never the URL itself: it carries the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(String);

/// A database's address with its credentials. `Display` and `Debug` show neither user nor password.
#[derive(Clone)]
pub struct Endpoint {
    config: Box<Config>,
    authorities: Option<Authorities>,
    tls: Option<Arc<ClientConfig>>,
}

/// What the URL says of TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    VerifyFull,
    Disable,
}

impl Endpoint {
    /// Takes the URL apart. The authorities are the only ones that may vouch for the server, else those of the machine.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(url: &SecretString, authorities: Option<Authorities>) -> Result<Self, InvalidUrl> {
        let (plain, mode) = split(url.expose_secret())?;
        let mut config: Config = plain.parse().map_err(|_: tokio_postgres::Error| {
            wrong("is not a database's URL; write it like postgres://user:password@host:5432/database")
        })?;
        for (is_said, what) in [
            (!config.get_hosts().is_empty(), "host"),
            (config.get_user().is_some(), "user"),
            (config.get_dbname().is_some(), "database"),
        ] {
            if !is_said {
                return Err(wrong(&format!(
                    "names no {what}; write it like postgres://user:password@host:5432/database"
                )));
            }
        }
        let is_here = is_here(&config);
        let mode = match mode {
            Some(Mode::Disable) if !is_here => {
                return Err(wrong(
                    "turns TLS off to another machine: password and events would cross the network in clear; write sslmode=verify-full, or \
                     leave it out",
                ));
            }
            Some(Mode::Disable) if authorities.is_some() => {
                return Err(wrong("turns TLS off, and store.ca_file is for TLS; remove one of them"));
            }
            Some(mode) => mode,
            None if is_here && authorities.is_none() => Mode::Disable,
            None => Mode::VerifyFull,
        };
        let tls = if mode == Mode::VerifyFull { Some(client(authorities.as_ref())?) } else { None };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        complete(&mut config);
        Ok(Self { config: Box::new(config), authorities, tls })
    }

    /// Whether TLS is spoken.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// The user that it comes as.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// The database.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config && self.authorities == other.authorities
    }
}

impl Eq for Endpoint {}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        f.write_str("postgres://")?;
        for (number, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(number).or_else(|| ports.first()).copied().unwrap_or(PORT);
            let comma = if number > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(f, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(f, "/{}", self.database())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// The URL without what is said of TLS, which the client under this knows less of.
fn split(url: &str) -> Result<(String, Option<Mode>), InvalidUrl> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong(
            "does not begin with postgres://; write it like postgres://user:password@host:5432/database",
        ));
    }
    let Some((address, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let (mut mode, mut rest) = (None, Vec::new());
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", "verify-full")) => mode = Some(Mode::VerifyFull),
            Some(("sslmode", "disable")) => mode = Some(Mode::Disable),
            Some(("sslmode", _)) => {
                return Err(wrong(
                    "has an sslmode that checks too little: it encrypts for whoever answers; write sslmode=verify-full, with store.ca_file \
                     where the server's authority is your own",
                ));
            }
            Some(("sslrootcert", _)) => {
                return Err(wrong("has sslrootcert; name the file in store.ca_file instead"));
            }
            Some(("sslcert" | "sslkey", _)) => {
                return Err(wrong("has a client certificate, which carepass does not show; use a password"));
            }
            Some(_) | None => rest.push(parameter),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    Ok((format!("{address}{query}"), mode))
}

/// Whether nothing leaves this machine.
fn is_here(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Tcp(name) => is_this_machine(name),
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(is_local)
        && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

fn client(authorities: Option<&Authorities>) -> Result<Arc<ClientConfig>, InvalidUrl> {
    let unusable = |error: rustls::Error| wrong(&format!("needs TLS, which cannot be had here: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let trusting = match authorities {
        Some(these) => {
            let mut roots = RootCertStore::empty();
            for certificate in these.certificates() {
                roots.add(CertificateDer::from(certificate)).map_err(unusable)?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(unusable)?,
    };
    Ok(Arc::new(trusting.with_no_client_auth()))
}

/// What carepass needs of a connection, where the URL does not say otherwise.
fn complete(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("carepass");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_MAX);
    }
    config.keepalives(true).keepalives_idle(SILENCE_MAX / 2).keepalives_interval(SILENCE_MAX / 5);
    config.keepalives_retries(2).tcp_user_timeout(SILENCE_MAX);
    if config.get_hosts().len() > 1 {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

fn wrong(what: &str) -> InvalidUrl {
    InvalidUrl(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Endpoint, InvalidUrl> {
        Endpoint::parse(&SecretString::from(url), None)
    }

    #[test]
    fn user_and_password_are_never_shown() {
        let check = |url: &str, expected: &str| {
            let endpoint = parse(url).unwrap();
            assert_eq!(endpoint.to_string(), expected);
            assert!(!format!("{endpoint:?}").contains("p4ss"), "{endpoint:?}");
        };
        check("postgres://u:p4ss@127.0.0.1/carepass", "postgres://127.0.0.1:5432/carepass");
        check("postgresql://u:p4ss@localhost:5433/a", "postgres://localhost:5433/a");
        check("postgres://u:p4ss@%2Frun%2Fpostgresql/a", "postgres:///run/postgresql:5432/a");
        check("postgres://u:p4ss@a.example:1,b.example:2/a", "postgres://a.example:1,b.example:2/a");
    }

    #[test]
    fn another_machine_is_met_by_tls_or_not_at_all() {
        let check = |url: &str, expected: Option<bool>| {
            let encrypted = parse(url).map(|endpoint| endpoint.is_encrypted());
            assert_eq!(encrypted.ok(), expected, "{url}");
        };
        check("postgres://u@db.example/a", Some(true));
        check("postgres://u@db.example/a?sslmode=verify-full", Some(true));
        check("postgres://u@127.0.0.1/a", Some(false));
        check("postgres://u@[::1]/a?sslmode=disable", Some(false));
        check("postgres://u@127.0.0.1/a?sslmode=verify-full", Some(true));
        check("postgres://u@db.example/a?sslmode=disable", None);
        check("postgres://u@127.0.0.1,db.example/a?sslmode=disable", None);
        check("postgres://u@localhost/a?hostaddr=192.0.2.7&sslmode=disable", None);
        for weak in ["allow", "prefer", "require", "verify-ca", "nonsense"] {
            check(&format!("postgres://u@db.example/a?sslmode={weak}"), None);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        let check = |url: &str, expected: &str| {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("p4ss"), "{url}: {error}");
        };
        check("", "does not begin with");
        check("mysql://u:p4ss@h/a", "does not begin with");
        check("host=h user=u password=p4ss", "does not begin with");
        check("postgres://u:p4ss@h:x/a", "is not a database's URL");
        check("postgres://u:p4ss@h/a?p4ss=1", "is not a database's URL");
        check("postgres://u:p4ss@h", "names no database");
        check("postgres://h/a", "names no user");
        check("postgres://u:p4ss@h/a?sslrootcert=/p4ss", "store.ca_file");
        check("postgres://u:p4ss@h/a?sslmode=require", "checks too little");
        check("postgres://u:p4ss@h/a?sslmode=disable", "in clear");
    }
}
