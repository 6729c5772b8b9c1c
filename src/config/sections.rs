//! The configuration as types: whatever is here has been checked. Not here: how it is read.

use crate::amqp;
use crate::engine::DriftSettings;
use crate::google::{Credentials, Endpoint, MappedAnswer};
use crate::handover::{AgeFolder, VaultSettings};
use crate::http::Tokens;
use crate::model::authorities::Authorities;
use crate::model::id::MailAddress;
use crate::model::person::{Language, LanguageTag};
use crate::model::reseller::Reseller;
use crate::model::rules::Rules;
use crate::model::signature::SourceKey;
use crate::model::time_zone::TimeZoneName;
use crate::model::username::Naming;
use crate::otlp::OtlpSettings;
use crate::store::postgres;
use jiff::SignedDuration;
use jiff::civil::Time;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where events come in.
#[derive(Clone, Debug)]
pub struct Intake {
    /// From a broker; none if no URL is set.
    pub amqp: Option<AmqpSection>,
    /// Whether `POST /v1/events` takes events.
    pub http: bool,
    /// The `CloudEvents` sources that are listened to, by every door; empty = any.
    pub allowed_sources: Vec<String>,
    /// The keys of the sources that must sign their events.
    pub keys: Vec<SourceKey>,
    /// How long refused messages are kept.
    pub keep_refused: SignedDuration,
}

/// The broker and what carepass uses there.
#[derive(Clone, Debug)]
pub struct AmqpSection {
    /// Where it is, with user and password.
    pub endpoint: amqp::Endpoint,
    /// The topic exchange that HR publishes to.
    pub exchange: String,
    /// The quorum queue of carepass.
    pub queue: String,
    /// Where unusable messages go.
    pub dead_letter_exchange: String,
    /// Whether exchanges and queues are declared; else they are only checked.
    pub declare: bool,
    /// How many deliveries may be in hand.
    pub prefetch: u16,
}

/// Where outcomes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// The topic exchange.
    pub exchange: String,
    /// Their `CloudEvents` source: a URI reference.
    pub source: String,
}

/// Where the truth is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// In what.
    pub backend: Backend,
}

/// What keeps the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Ledger and index in a folder of this machine.
    Embedded {
        /// The folder; made if it is missing.
        path: PathBuf,
    },
    /// A `PostgreSQL` database, which several machines may share.
    Postgres {
        /// Where it is, with user and password.
        endpoint: postgres::Endpoint,
        /// The folder of what is this machine's own: the master key and letters in files, unless they are said to be elsewhere.
        path: PathBuf,
    },
}

impl Backend {
    /// The folder of this machine that belongs to it.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Embedded { path } | Self::Postgres { path, .. } => path,
        }
    }
}

/// What seals personal data and initial passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The file of the master key; made if it is missing.
    pub key_file: PathBuf,
}

/// How Google is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Google {
    /// Google itself, or what stands in for it on this machine.
    pub endpoint: Endpoint,
    /// How often.
    pub rates: Rates,
    /// Calls at a time for each reseller account.
    pub calls_in_flight: u16,
    /// Calls at a time in all.
    pub calls_in_flight_in_all: u16,
    /// What to do about answers that carepass does not know.
    pub answers: Vec<MappedAnswer>,
}

/// Calls per second and reseller account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Directory API.
    pub directory_per_second: f64,
    /// `users.insert`.
    pub user_inserts_per_second: f64,
    /// Writes of organisational units.
    pub org_units_per_second: f64,
    /// Enterprise License Manager API.
    pub licensing_per_second: f64,
    /// Cloud Identity API.
    pub cloud_identity_per_second: f64,
}

/// One reseller account and how to get in.
#[derive(Clone, Debug)]
pub struct ResellerSection {
    /// What the model knows of it.
    pub reseller: Reseller,
    /// The way in: the key of a service account.
    pub credentials: Credentials,
}

/// Above these, grants wait for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In any hour.
    pub grants_per_hour: u32,
    /// In any 24 hours.
    pub grants_per_day: u32,
    /// By the word of one source, in any hour; none = only the limit for all.
    pub source_grants_per_hour: Option<u32>,
    /// The same in any 24 hours.
    pub source_grants_per_day: Option<u32>,
}

/// Whether access needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whoever's event names none waits for an approver.
    pub required: bool,
}

/// Dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// How long before an engineer's start the work begins.
    pub lead_time: SignedDuration,
}

/// The API.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may come in. Without a tokens file nobody may, and the API listens to this machine only.
    pub tokens: Tokens,
    /// Names it answers to besides its own.
    pub hosts: Vec<String>,
}

/// How letters leave.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The way.
    pub transport: MailTransport,
    /// Who gets the digest; nobody where empty.
    pub operators: Vec<MailAddress>,
    /// When the digest is written, by the clock of `time_zone`.
    pub digest_at: Time,
    /// The clock of the digest.
    pub time_zone: TimeZoneName,
    /// Whether managers are written to.
    pub to_managers: bool,
    /// How long before a first day at risk somebody is told.
    pub remind_before: SignedDuration,
}

/// The way letters leave.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// Through a mail server.
    Smtp {
        /// Its name, as in its certificate.
        host: String,
        /// Its port; the usual one of `tls` when absent.
        port: Option<u16>,
        /// User name and password.
        login: Option<(String, SecretString)>,
        /// The sender.
        from: MailAddress,
        /// How the connection is protected.
        tls: MailTls,
        /// The only authorities that may vouch for the server; the public ones when absent.
        authorities: Option<Authorities>,
    },
    /// Into a folder.
    File {
        /// The folder; made if it is missing.
        path: PathBuf,
        /// The sender.
        from: MailAddress,
    },
    /// Not at all.
    None,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// After a `STARTTLS` that must succeed.
    StartTls,
    /// Not; only to this machine.
    None,
}

/// How first passwords leave the house.
#[derive(Clone, Debug)]
pub struct Handover {
    /// What the addresses of envelopes begin with; none: the address that is listened on, for this machine only.
    pub public_url: Option<String>,
    /// How long an envelope's page can be opened.
    pub expires: SignedDuration,
    /// Vault, if it is configured.
    pub vault: Option<VaultSettings>,
    /// The folder of encrypted files, if it is configured.
    pub age: Option<AgeFolder>,
}

/// Languages where nobody says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages {
    /// The language whose rules spell a name in ASCII, as a tag like `sv`.
    pub names_default: LanguageTag,
    /// The language of letters.
    pub messages_default: Language,
}

/// The end of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How long it may take.
    pub within: SignedDuration,
}

/// This process among those that share a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What it is called; none is the name of the host.
    pub name: Option<String>,
    /// How long its leases hold without being renewed.
    pub lease: SignedDuration,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form.
    pub format: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// JSON.
    Json,
    /// Text.
    Text,
}

/// Everything that an operator can set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Events in.
    pub intake: Intake,
    /// Events out.
    pub outcomes: Outcomes,
    /// The truth.
    pub store: Store,
    /// The master key.
    pub seal: Seal,
    /// Google.
    pub google: Google,
    /// The reseller accounts, by name; never empty.
    pub resellers: Vec<ResellerSection>,
    /// Limits of grants.
    pub limits: Limits,
    /// Approval.
    pub approval: Approval,
    /// Dates.
    pub calendar: Calendar,
    /// What others change at Google.
    pub drift: DriftSettings,
    /// The API.
    pub http: Http,
    /// Mail.
    pub mail: Mail,
    /// First passwords.
    pub handover: Handover,
    /// The numbers of the machine.
    pub engine: Rules,
    /// Languages.
    pub language: Languages,
    /// How usernames are made.
    pub usernames: Naming,
    /// The page that an engineer is sent to.
    pub portal_url: String,
    /// The end of the daemon.
    pub stop: Stop,
    /// This process among those that share a store.
    pub replica: Replica,
    /// Where traces go; none: nowhere.
    pub traces: Option<OtlpSettings>,
    /// Logs.
    pub log: Log,
}
