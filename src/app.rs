//! Composition: the configuration becomes a running house, and a stop becomes an orderly end. Not here: any decision; what is built
//! here is only wired.

use crate::amqp::{
    AmqpSettings, Consumer, Health, Incoming, Intake, Outgoing, Publisher, PublisherLink, Verdict,
};
use crate::clock::Clock;
use crate::config::{
    AmqpSection, Backend, Config, CredentialsSource, MailTls, MailTransport, ResellerSection,
};
use crate::engine::{self, Engine, IntakeError, OutcomeEvent, OutcomeSink, Settings, SinkError};
use crate::google::{self, Census, Credentials, Endpoint, Google, GoogleSettings, Now, Rate, Rates};
use crate::http::{self, Api, Hosts, Part, Status, Tokens};
use crate::mail::{FileMailer, Mailer, PortalUrl, Security, Sender, SmtpMailer, SmtpSettings};
use crate::model::entry::Position;
use crate::model::grants::GrantLimits;
use crate::seal::Sealer;
use crate::steps::{House, Learned, Site};
use crate::store::Store as _;
use crate::store::embedded::Embedded;
use crate::telemetry;
use anyhow::{Context as _, Result};
use futures_util::future::{BoxFuture, join_all};
use jiff::SignedDuration;
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often every engineer is looked at for missing rows, besides at each change.
const SWEEP: Duration = Duration::from_mins(5);

/// How often a finished reseller account is looked at again.
const RECHECK: SignedDuration = SignedDuration::from_hours(1);

/// How long work in hand may take after the stop; what is cut off is resumed at the next start.
const GOODBYE_MAX: Duration = Duration::from_secs(8);

/// How often the store's health is looked at.
const LOOK_AT_STORE: Duration = Duration::from_millis(500);

/// How often the metrics' samples are folded.
const UPKEEP: Duration = Duration::from_secs(5);

/// A running house.
pub struct App {
    /// The engine, for those who look on.
    pub engine: Arc<Engine>,
    /// Where the API listens.
    pub listen: SocketAddr,
    store: Arc<Embedded>,
    engine_stop: CancellationToken,
    doors: Vec<Door>,
}

/// Something that runs until its own stop; doors are closed in the order in which they stand.
struct Door {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// The store, told apart from other failures at the start: it has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreDown(#[from] pub crate::store::StoreError);

impl App {
    /// Builds and starts everything that the configuration asks for.
    pub async fn start(config: &Config) -> Result<Self> {
        let clock = Clock::System;
        let store = Arc::new(open_store(config).await?);
        refuse_new_key_for_old_store(config, store.as_ref()).await?;
        let house = house(config, Arc::clone(&store), clock.clone())?;
        let engine_stop = CancellationToken::new();
        let engine = Engine::new(house, settings(config), engine_stop.clone());
        let mut doors = Vec::new();
        let broker = match &config.intake.amqp {
            Some(section) => Some(prepare_amqp(section, config, &engine, &mut doors)?),
            None => None,
        };
        let (sink, intake) = broker.map(|broker| (broker.sink, broker.health)).unzip();
        // The engine knows what was granted before it is offered events.
        engine.start(sink).await.map_err(StoreDown)?;
        let listen = prepare_http(config, &engine, intake, &mut doors).await?;
        let doors = doors.into_iter().map(Planned::open).collect();
        Ok(Self { engine, listen, store, engine_stop, doors })
    }

    /// Waits until the store has failed. It serves no more then, and only a new start mends it.
    pub async fn store_lost(&self) {
        while self.store.health().is_ok() {
            tokio::time::sleep(LOOK_AT_STORE).await;
        }
    }

    /// Ends in order: no new events, no new work, work in hand finished, everything on disk. What was not told yet is told at the
    /// next start.
    pub async fn stop(self) {
        let Self { engine, store, engine_stop, mut doors, .. } = self;
        let link = doors.iter().position(|door| door.name == "publisher").map(|place| doors.remove(place));
        join_all(doors.into_iter().map(Door::close)).await;
        engine_stop.cancel();
        if tokio::time::timeout(GOODBYE_MAX, engine.stopped()).await.is_err() {
            tracing::warn!("work in hand was cut off; it is resumed at the next start");
        }
        if let Some(link) = link {
            link.close().await;
        }
        store.close().await;
    }
}

/// A door that is built and not open yet.
struct Planned {
    name: &'static str,
    stop: CancellationToken,
    run: BoxFuture<'static, ()>,
}

impl Planned {
    fn new(
        name: &'static str,
        run: impl Future<Output = ()> + Send + 'static,
        stop: CancellationToken,
    ) -> Self {
        Self { name, stop, run: Box::pin(run) }
    }

    fn open(self) -> Door {
        Door { name: self.name, stop: self.stop, task: tokio::spawn(self.run) }
    }
}

impl Door {
    async fn close(self) {
        self.stop.cancel();
        match tokio::time::timeout(GOODBYE_MAX, self.task).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => tracing::error!(door = self.name, %error, "a door had failed"),
            Err(_) => tracing::warn!(door = self.name, "a door did not close in time"),
        }
    }
}

async fn open_store(config: &Config) -> Result<Embedded> {
    let Backend::Embedded { path } = config.store.backend.clone();
    let opened = tokio::task::spawn_blocking(move || Embedded::open(&path)).await;
    Ok(opened.context("the store's opening was cut off")?.map_err(StoreDown)?)
}

/// A fresh master key beside an old ledger would open nobody's record and forget every reservation.
async fn refuse_new_key_for_old_store(config: &Config, store: &Embedded) -> Result<()> {
    let key_file = &config.seal.key_file;
    let is_old = store.head().await.map_err(StoreDown)? > Position::default();
    anyhow::ensure!(
        !is_old || key_file.exists(),
        "the store is in use, and its master key {} is missing: restore it from the backup",
        key_file.display()
    );
    Ok(())
}

fn settings(config: &Config) -> Settings {
    let sources = config.intake.amqp.iter().flat_map(|section| section.allowed_sources.clone());
    Settings {
        rules: config.engine.clone(),
        grants: GrantLimits {
            per_hour: config.limits.grants_per_hour,
            per_day: config.limits.grants_per_day,
        },
        permits: usize::from(config.google.calls_in_flight),
        allowed_sources: sources.collect(),
        sweep: SWEEP,
        recheck: RECHECK,
        outcome_source: "urn:carepass".to_owned(),
    }
}

fn house(config: &Config, store: Arc<Embedded>, clock: Clock) -> Result<House> {
    let endpoint = match &config.google.endpoint {
        Some(base) => Endpoint::parse(base).context("google.endpoint")?,
        None => Endpoint::Google,
    };
    let client =
        google::client(&endpoint).map_err(|failure| anyhow::anyhow!("the HTTP client: {}", failure.code))?;
    let now: Now = {
        let clock = clock.clone();
        Arc::new(move || clock.now())
    };
    let mut sites = BTreeMap::new();
    for section in &config.resellers {
        let site = site(section, config, &endpoint, client.clone(), Arc::clone(&now))?;
        sites.insert(section.reseller.name.clone(), site);
    }
    Ok(House {
        sites,
        store,
        sealer: Sealer::open(&config.seal.key_file).context("the master key")?,
        mailer: mailer(&config.mail.transport)?,
        clock,
        // Google's advice for a licence is 5, 10 and 20 s between tries; a shorter back-off, as in a demo, shortens it in step.
        license_spacing: config.engine.backoff_min * 15,
        names_language: config.language.names_default.clone(),
        portal: PortalUrl::parse(&config.portal_url).context("portal_url")?,
    })
}

fn site(
    section: &ResellerSection,
    config: &Config,
    endpoint: &Endpoint,
    client: reqwest::Client,
    now: Now,
) -> Result<Site> {
    let reseller = section.reseller.clone();
    let CredentialsSource::KeyFile(path) = &section.credentials;
    let credentials = Credentials::from_file(path, endpoint);
    let credentials = credentials.map_err(|failure| {
        anyhow::anyhow!("resellers.{}.credentials_file: {} {}", reseller.name, failure.code, failure.detail)
    })?;
    let settings = GoogleSettings {
        customer: reseller.customer.clone(),
        admin: reseller.admin.clone(),
        credentials,
        endpoint: endpoint.clone(),
        rates: rates(&config.google.rates),
    };
    let google = Google::new(settings, client, now);
    Ok(Site { reseller, census: Census::new(google.clone()), google, learned: Learned::default() })
}

/// The configured rates; a burst of a second's worth, and one call at least.
fn rates(configured: &crate::config::Rates) -> Rates {
    let rate = |per_second: f64| Rate { per_second, burst: per_second.max(1.0) };
    Rates {
        directory: rate(configured.directory_per_second),
        user_insert: rate(configured.user_inserts_per_second),
        org_unit: rate(configured.org_units_per_second),
        licensing: rate(configured.licensing_per_second),
        cloud_identity: rate(configured.cloud_identity_per_second),
        token: Rates::default().token,
    }
}

fn mailer(transport: &MailTransport) -> Result<Mailer> {
    match transport {
        MailTransport::Smtp { host, port, login, from, tls } => {
            let settings = SmtpSettings {
                host: host.clone(),
                port: *port,
                security: match tls {
                    MailTls::Implicit => Security::Tls,
                    MailTls::StartTls => Security::StartTls,
                    MailTls::None => Security::None,
                },
                credentials: login.clone(),
                sender: sender(from.clone()),
                timeout: Duration::from_secs(30),
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

/// What the intake's health is read from.
type IntakeHealth = watch::Receiver<Health>;

/// The two ends of a broker: where outcomes go, and how the intake is.
struct Broker {
    sink: Arc<dyn OutcomeSink>,
    health: IntakeHealth,
}

fn prepare_amqp(
    section: &AmqpSection,
    config: &Config,
    engine: &Arc<Engine>,
    doors: &mut Vec<Planned>,
) -> Result<Broker> {
    if section.allowed_sources.is_empty() {
        tracing::warn!("intake.amqp.allowed_sources is empty: events of any source are taken");
    }
    let settings = AmqpSettings {
        exchange: section.exchange.clone(),
        queue: section.queue.clone(),
        dead_letter_exchange: section.dead_letter_exchange.clone(),
        declare: section.declare,
        prefetch: section.prefetch,
        outcomes_exchange: config.outcomes.exchange.clone(),
        ..AmqpSettings::new(section.url.clone())
    };
    let (publisher, link) = Publisher::new(&settings, chance()?).context("intake.amqp")?;
    let intake = Arc::new(EngineIntake(Arc::clone(engine)));
    let consumer = Consumer::new(&settings, intake, publisher.clone(), chance()?).context("intake.amqp")?;
    let health = consumer.health();
    let stop = CancellationToken::new();
    doors.push(Planned::new("consumer", consumer.run(stop.clone()), stop));
    doors.push(publisher_door(link));
    let exchange = settings.outcomes_exchange;
    Ok(Broker { sink: Arc::new(AmqpSink { publisher, exchange }), health })
}

fn publisher_door(link: PublisherLink) -> Planned {
    let stop = CancellationToken::new();
    Planned::new("publisher", link.run(stop.clone()), stop)
}

async fn prepare_http(
    config: &Config,
    engine: &Arc<Engine>,
    intake: Option<IntakeHealth>,
    doors: &mut Vec<Planned>,
) -> Result<SocketAddr> {
    let handle = telemetry::metrics();
    engine::describe_metrics();
    let tokens = match &config.http.tokens_file {
        Some(path) => Tokens::read(path, &SystemRandom::new()).context("http.tokens_file")?,
        None => Tokens::none(&SystemRandom::new()).context("http.tokens_file")?,
    };
    let listener = TcpListener::bind(config.http.listen)
        .await
        .with_context(|| format!("http.listen {}", config.http.listen))?;
    let listen = listener.local_addr().context("http.listen")?;
    let (rendered, watched) = (handle.clone(), Arc::clone(engine));
    let api = Api {
        engine: Arc::clone(engine),
        tokens,
        hosts: Hosts::new(listen, []),
        status: Arc::new(move || status(&watched, intake.as_ref())),
        metrics: Arc::new(move || rendered.render()),
    };
    let stop = CancellationToken::new();
    let until = stop.clone();
    let serving = async move {
        if let Err(error) = http::serve(listener, Arc::new(api), until).await {
            tracing::error!(%error, "the API has failed");
        }
    };
    doors.push(Planned::new("http", serving, stop));
    let stop = CancellationToken::new();
    let until = stop.clone();
    let upkeep = async move {
        while !until.is_cancelled() {
            handle.run_upkeep();
            tokio::select! { () = until.cancelled() => (), () = tokio::time::sleep(UPKEEP) => () }
        }
    };
    doors.push(Planned::new("upkeep", upkeep, stop));
    Ok(listen)
}

fn status(engine: &Engine, intake: Option<&IntakeHealth>) -> Status {
    let intake = match intake.map(|health| health.borrow().clone()) {
        None => Part::new("amqp", false).with_detail("no broker is configured"),
        Some(Health::Connected) => Part::new("amqp", true),
        Some(Health::Connecting { last_error, .. }) => {
            Part::new("amqp", false).with_detail(last_error.unwrap_or_else(|| "connecting".to_owned()))
        }
        Some(Health::Blocked) => {
            Part::new("amqp", false).with_detail("the broker has a memory or disk alarm")
        }
    };
    Status {
        loops: vec![Part::new("engine", engine.is_alive())],
        ready: vec![Part::new("configuration", true)],
        intake: vec![intake],
    }
}

/// Chance for spreading reconnects: seeded by the system, so that replicas do not march in step.
fn chance() -> Result<fastrand::Rng> {
    Ok(fastrand::Rng::with_seed(random_seed()?))
}

/// A number that nobody can foresee.
pub(crate) fn random_seed() -> Result<u64> {
    let mut seed = [0; 8];
    SystemRandom::new().fill(&mut seed).map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(u64::from_le_bytes(seed))
}

/// The engine as the AMQP door sees it.
struct EngineIntake(Arc<Engine>);

impl Intake for EngineIntake {
    fn take(&self, delivery: Incoming) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            let taken =
                self.0.admit(&delivery.body, delivery.content_type.as_deref(), &delivery.headers).await;
            match taken {
                Ok(_) => Verdict::Durable,
                Err(IntakeError::Refused(refusal)) => {
                    Verdict::Refused { reason: refusal.reason.code().to_owned(), detail: refusal.detail() }
                }
                Err(IntakeError::Unavailable(_)) => Verdict::Unavailable,
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.0.house().store.head().await.is_ok() })
    }
}

/// The broker as the engine sees it.
struct AmqpSink {
    publisher: Publisher,
    exchange: String,
}

impl OutcomeSink for AmqpSink {
    fn publish(&self, event: OutcomeEvent) -> BoxFuture<'_, Result<(), SinkError>> {
        let routing_key =
            event.event_type.strip_prefix("com.carepass.").unwrap_or(event.event_type).to_owned();
        let outgoing = Outgoing {
            exchange: self.exchange.clone(),
            routing_key,
            message_id: event.id,
            content_type: "application/cloudevents+json; charset=utf-8".to_owned(),
            headers: BTreeMap::new(),
            body: event.body,
        };
        Box::pin(async move {
            self.publisher.publish(outgoing).await.map_err(|error| SinkError(error.to_string()))
        })
    }
}
