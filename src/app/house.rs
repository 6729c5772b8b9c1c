//! From a configuration to what the engine works with: the store, the services of the house, the numbers. Not here: doors.

use super::kept::Kept;
use super::{StoreDown, random_seed};
use crate::clock::Clock;
use crate::config::{Backend, Config, MailTls, MailTransport, ResellerSection};
use crate::engine::{LetterSettings, Settings};
use crate::google::{self, Census, Google, GoogleSettings, Now, Rate, Rates};
use crate::handover::{Handovers, VaultClient};
use crate::mail::{FileMailer, Mailer, PortalUrl, Security, Sender, SmtpMailer, SmtpSettings};
use crate::model::duty::ReplicaId;
use crate::model::grants::GrantLimits;
use crate::model::id::ResellerName;
use crate::seal::Sealer;
use crate::steps::{House, Learned, SheetError, Site};
use crate::store::embedded::{ChainKey, Embedded, Manner};
use crate::store::postgres::Opening;
use crate::trace::Tracer;
use anyhow::{Context as _, Result};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often every engineer is looked at for missing rows, besides at each change.
const SWEEP: Duration = Duration::from_mins(5);

/// How often a finished reseller account is looked at again.
const RECHECK: SignedDuration = SignedDuration::from_hours(1);

/// How long a mail server may take.
const MAIL_MAX: Duration = Duration::from_secs(30);

/// Letters of a host's name that are used.
const HOST_MAX: usize = 100;

/// Engineers whose records are tried with the master key.
const WITNESSES_MAX: usize = 20;

/// Opens the store with the master key, which verifies the end of the ledger and that it was written with that key. The key is read this once:
/// a file that is exchanged or gone later changes nothing.
pub(super) async fn open_store(config: &Config) -> Result<(Arc<dyn Kept>, Sealer)> {
    let key_file = config.seal.key_file.clone();
    match config.store.backend.clone() {
        Backend::Embedded { path } => {
            refuse_new_key(&key_file, Embedded::is_begun(&path), "restore it from the backup")?;
            let opening = move || -> Result<(Arc<dyn Kept>, Sealer)> {
                let sealer = open_sealer(&path, &key_file)?;
                let manner = Manner::prompt(&ChainKey::of(sealer.chain_key()));
                let store = Embedded::open_as(&path, &manner).map_err(StoreDown)?;
                Ok((Arc::new(store), sealer))
            };
            tokio::task::spawn_blocking(opening).await.context("the store's opening was cut off")?
        }
        Backend::Postgres { endpoint, path } => {
            let opening = Opening::connect(&endpoint).await.map_err(StoreDown)?;
            let how = "copy it from a replica that has it, or restore it from the backup";
            refuse_new_key(&key_file, opening.is_begun(), how)?;
            let sealer = tokio::task::spawn_blocking(move || open_sealer(&path, &key_file)).await;
            let sealer = sealer.context("the master key's reading was cut off")??;
            let store =
                opening.start(&ChainKey::of(sealer.chain_key()), random_seed()?).map_err(StoreDown)?;
            Ok((Arc::new(store), sealer))
        }
    }
}

/// The key is made in the folder, unless somebody said otherwise.
fn open_sealer(folder: &Path, key_file: &Path) -> Result<Sealer> {
    Embedded::make_folder(folder).map_err(StoreDown)?;
    Sealer::open(key_file).context("the master key")
}

/// A fresh master key beside an old ledger would open nobody's record and forget every reservation.
fn refuse_new_key(key_file: &Path, is_old: bool, how: &str) -> Result<()> {
    anyhow::ensure!(
        !is_old || key_file.exists(),
        "the store is in use, and its master key {} is missing: {how}",
        key_file.display()
    );
    Ok(())
}

/// Another master key than before would open nobody's record and forget every reservation, one new engineer at a time.
pub(super) async fn refuse_strange_key(house: &House, key_file: &Path) -> Result<()> {
    let witnesses = house.store.engineers(None, WITNESSES_MAX).await.map_err(StoreDown)?;
    let mut is_strange = false;
    for engineer in &witnesses {
        match house.sheet(&engineer.key).await {
            Ok(_) => return Ok(()),
            Err(SheetError::Seal(_)) => is_strange = true,
            // One damaged record says nothing about the key.
            Err(SheetError::Incomplete) => (),
            Err(SheetError::Store(error)) => return Err(StoreDown(error).into()),
        }
    }
    anyhow::ensure!(
        !is_strange,
        "the master key {} opens nothing of what the store holds: restore the one that belongs to it from the backup",
        key_file.display()
    );
    Ok(())
}

/// The engine's numbers and names.
pub(super) fn settings(config: &Config, replica: ReplicaId, tracer: Tracer) -> Settings {
    Settings {
        rules: config.engine.clone(),
        grants: GrantLimits {
            per_hour: config.limits.grants_per_hour,
            per_day: config.limits.grants_per_day,
        },
        source_grants: GrantLimits {
            per_hour: config.limits.source_grants_per_hour.unwrap_or(GrantLimits::NONE.per_hour),
            per_day: config.limits.source_grants_per_day.unwrap_or(GrantLimits::NONE.per_day),
        },
        approval_required: config.approval.required,
        lead_time: config.calendar.lead_time,
        profiles: config
            .resellers
            .iter()
            .flat_map(|section| section.reseller.roles())
            .map(|(profile, _)| profile)
            .collect(),
        permits: usize::from(config.google.calls_in_flight),
        permits_in_all: usize::from(config.google.calls_in_flight_in_all),
        allowed_sources: config.intake.allowed_sources.iter().cloned().collect(),
        source_keys: config.intake.keys.clone(),
        sweep: SWEEP,
        recheck: RECHECK,
        outcome_source: config.outcomes.source.clone(),
        keep_refused: config.intake.keep_refused,
        letters: LetterSettings {
            operators: config.mail.operators.clone(),
            digest_at: config.mail.digest_at,
            time_zone: config.mail.time_zone.time_zone(),
            remind_before: config.mail.remind_before,
        },
        drift: config.drift.clone(),
        replica,
        lease: config.replica.lease.unsigned_abs(),
        tracer,
    }
}

/// This run of this replica. A host whose name has other letters than a replica's may have is called nearly so.
pub(super) fn replica(config: &Config) -> Result<ReplicaId> {
    let host = || {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' });
        let plain: String = plain.take(HOST_MAX).collect();
        if plain.is_empty() { "replica".to_owned() } else { plain }
    };
    let name = config.replica.name.clone().unwrap_or_else(host);
    let chance = u32::from_le_bytes(super::random()?);
    ReplicaId::new(&name, chance).map_err(|error| anyhow::anyhow!("replica.name: {error}"))
}

/// What steps may use.
pub(super) fn house(
    config: &Config,
    store: Arc<dyn Kept>,
    sealer: Sealer,
    clock: Clock,
    listen: SocketAddr,
) -> Result<House> {
    Ok(House {
        sites: sites(config, &clock)?,
        store,
        sealer,
        mailer: mailer(&config.mail.transport)?,
        clock,
        // Google's advice for a licence is 5, 10 and 20 s between tries; a shorter back-off, as in a demo, shortens it in step.
        license_spacing: config.engine.backoff_min * 15,
        naming: config.usernames.clone(),
        letters_language: config.language.messages_default,
        portal: PortalUrl::parse(&config.portal_url).context("portal_url")?,
        handovers: handovers(config, listen)?,
        to_managers: config.mail.to_managers,
    })
}

/// The ways for first passwords. Without a public address links lead to the listener, on this machine.
fn handovers(config: &Config, listen: SocketAddr) -> Result<Handovers> {
    let section = &config.handover;
    let here = || format!("http://localhost:{}", listen.port());
    Ok(Handovers {
        public_url: section.public_url.clone().unwrap_or_else(here),
        expires: section.expires,
        vault: section.vault.clone().map(VaultClient::new).transpose().context("handover.vault")?,
        age: section.age.clone(),
    })
}

/// The reseller accounts with their clients, which have asked nothing yet.
pub(super) fn sites(config: &Config, clock: &Clock) -> Result<BTreeMap<ResellerName, Site>> {
    let client = google::client(&config.google.endpoint)
        .map_err(|failure| anyhow::anyhow!("the HTTP client: {}", failure.code))?;
    let shown = clock.clone();
    let now: Now = Arc::new(move || shown.now());
    let named = |section: &ResellerSection| {
        let site = site(section, config, client.clone(), Arc::clone(&now));
        if let Some(heard) = clock.listener() {
            site.google.tell_time_to(heard);
        }
        (section.reseller.name.clone(), site)
    };
    Ok(config.resellers.iter().map(named).collect())
}

fn site(section: &ResellerSection, config: &Config, client: google::HttpClient, now: Now) -> Site {
    let reseller = section.reseller.clone();
    let settings = GoogleSettings {
        customer: reseller.customer.clone(),
        admin: reseller.admin.clone(),
        credentials: section.credentials.clone(),
        endpoint: config.google.endpoint.clone(),
        rates: rates(&config.google.rates),
        answers: config.google.answers.clone(),
    };
    let google = Google::new(settings, client, now);
    Site { reseller, census: Census::new(google.clone()), google, learned: Learned::default() }
}

/// The configured rates; a burst of a second's worth, and one call at least. Of new accounts it is a ninth: Google's window is a second,
/// and what comes back in it counts too.
fn rates(configured: &crate::config::Rates) -> Rates {
    let rate = |per_second: f64| Rate { per_second, burst: per_second.max(1.0) };
    Rates {
        directory: rate(configured.directory_per_second),
        user_insert: Rate {
            burst: (configured.user_inserts_per_second / 9.0).max(1.0),
            ..rate(configured.user_inserts_per_second)
        },
        org_unit: rate(configured.org_units_per_second),
        licensing: rate(configured.licensing_per_second),
        cloud_identity: rate(configured.cloud_identity_per_second),
        policies: Rates::default().policies,
        reports: Rates::default().reports,
        token: Rates::default().token,
    }
}

fn mailer(transport: &MailTransport) -> Result<Mailer> {
    match transport {
        MailTransport::Smtp { host, port, login, from, tls, authorities } => {
            let settings = SmtpSettings {
                host: host.clone(),
                port: *port,
                security: match tls {
                    MailTls::Implicit => Security::Tls,
                    MailTls::StartTls => Security::StartTls,
                    MailTls::None => Security::None,
                },
                authorities: authorities.clone(),
                credentials: login.clone(),
                sender: sender(from.clone()),
                timeout: MAIL_MAX,
            };
            Ok(Mailer::Smtp(SmtpMailer::new(settings).context("mail")?))
        }
        MailTransport::File { path, from } => {
            Ok(Mailer::File(FileMailer::open(Path::new(path), sender(from.clone())).context("mail.path")?))
        }
        MailTransport::None => Ok(Mailer::None),
    }
}

fn sender(address: crate::model::id::MailAddress) -> Sender {
    Sender { name: Some("carepass".to_owned()), address }
}
