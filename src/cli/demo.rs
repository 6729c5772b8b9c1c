//! `carepass demo`: the whole house in one process, against the sandbox. Everything between the event and the welcome is the code
//! that `serve` runs; only the neighbours are built in. Not here: another intake or another engine for show.

use super::exit::Exit;
use super::roll::{self, Roll};
use super::screen::Screen;
use crate::amqp::{AmqpSettings, Endpoint, Outgoing, Topology, publish_all};
use crate::app::App;
use crate::config::{self, Config};
use crate::sandbox::broker::Broker;
use crate::sandbox::{self, Sandbox, World};
use crate::telemetry;
use anyhow::{Context as _, Result};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The engineers of the demo: the two joiners of the published samples and six more.
const EVENTS: &str = include_str!("demo_events.json");

/// The sources of those events.
const SOURCES: [&str; 3] = [
    "https://hr.nordresale.example/personio/se",
    "https://hr.nordresale.example/workday/jp",
    "https://hr.nordresale.example/demo",
];

/// How long `--once` waits for everybody to settle.
const SETTLE_MAX: Duration = Duration::from_mins(1);

/// How often the demo looks whether everybody has settled.
const LOOK: Duration = Duration::from_millis(50);

/// Shows the main job against a built-in model of Google; nothing need be installed.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Where the API listens [default: 127.0.0.1:8080; with --once any free port]
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Exit when every engineer has settled, and print who is ready where
    #[arg(long)]
    once: bool,
    /// A RabbitMQ to use instead of the built-in loopback broker
    #[arg(long)]
    amqp: Option<String>,
}

/// Runs the demo.
pub async fn run(args: Demo, screen: &mut Screen) -> Result<Exit> {
    let folder = Folder::new()?;
    sandbox::init::write(&folder.0).context("the sandbox's files")?;
    let stop = CancellationToken::new();
    let google = start_google(&folder.0, &stop).await?;
    let (broker, url) = start_broker(args.amqp.as_deref(), &stop).await?;
    let port = if args.once { 0 } else { 8080 };
    let listen = args.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let config = configuration(&folder.0, google, &url, listen)?;
    telemetry::logs(&config.log);
    screen.note(format_args!("Google: the built-in sandbox on http://{google}. Broker: {broker}."));
    let app = App::start(&config).await?;
    screen.note(format_args!("API: http://{}", app.listen));
    let expected = publish(&url).await?;
    let exit = if args.once {
        settle(&app, expected, screen).await?
    } else {
        until_stopped(&app, &folder.0.join("token"), screen).await?
    };
    app.stop().await;
    stop.cancel();
    Ok(exit)
}

async fn start_google(folder: &Path, stop: &CancellationToken) -> Result<SocketAddr> {
    let text = std::fs::read_to_string(folder.join("world.toml")).context("the world")?;
    let world =
        World::from_toml(&text).map_err(|faults| anyhow::anyhow!("the world: {}", faults.join("; ")))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the sandbox's port")?;
    let address = listener.local_addr().context("the sandbox's port")?;
    tokio::spawn(Sandbox::new(world).serve(listener, stop.clone()));
    Ok(address)
}

async fn start_broker(named: Option<&str>, stop: &CancellationToken) -> Result<(String, SecretString)> {
    if let Some(url) = named {
        let url = SecretString::from(url);
        return Ok((Endpoint::parse(&url).context("--amqp")?.to_string(), url));
    }
    let broker =
        Broker::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.context("the built-in broker")?;
    let url = broker.uri();
    tokio::spawn(broker.serve(stop.clone()));
    Ok((
        "the built-in loopback broker (AMQP 0-9-1, in memory, for the demo only)".to_owned(),
        SecretString::from(url),
    ))
}

/// The sandbox's own configuration, with the addresses of this run and without Google's real rates.
fn configuration(
    folder: &Path,
    google: SocketAddr,
    url: &SecretString,
    listen: SocketAddr,
) -> Result<Config> {
    use secrecy::ExposeSecret as _;
    let settings = [
        ("GOOGLE__ENDPOINT", format!("http://{google}")),
        ("INTAKE__AMQP__URL", url.expose_secret().to_owned()),
        ("HTTP__LISTEN", listen.to_string()),
        ("INTAKE__AMQP__ALLOWED_SOURCES", SOURCES.join(",")),
        ("ENGINE__BACKOFF_MIN", "300ms".to_owned()),
        ("GOOGLE__RATES__DIRECTORY_PER_SECOND", "200".to_owned()),
        ("GOOGLE__RATES__USER_INSERTS_PER_SECOND", "50".to_owned()),
        ("GOOGLE__RATES__ORG_UNITS_PER_SECOND", "50".to_owned()),
        ("GOOGLE__RATES__LICENSING_PER_SECOND", "50".to_owned()),
        ("LOG__FILTER", "warn,lapin=off".to_owned()),
    ];
    let environment = settings.into_iter().map(|(key, value)| (format!("CAREPASS__{key}"), value));
    let outside = config::environment().filter(|(name, _)| name == "NO_COLOR");
    let loaded = config::load(&[folder.join("carepass.toml")], environment.chain(outside));
    loaded.map_err(|faults| anyhow::anyhow!("the demo's own configuration: {faults}"))
}

/// Publishes the sample engineers as HR would, and answers how many there are.
async fn publish(url: &SecretString) -> Result<usize> {
    let settings = AmqpSettings::new(url.clone());
    let endpoint = Endpoint::parse(&settings.url)?;
    Topology::of(&settings)?.ensure_at(&endpoint).await.context("the broker's exchanges and queues")?;
    let events: Vec<serde_json::Value> = serde_json::from_str(EVENTS).context("the demo's events")?;
    let outgoing = events.iter().map(|event| Outgoing {
        exchange: settings.exchange.clone(),
        routing_key: event["type"].as_str().unwrap_or_default().to_owned(),
        message_id: event["id"].as_str().unwrap_or_default().to_owned(),
        content_type: "application/cloudevents+json; charset=utf-8".to_owned(),
        headers: BTreeMap::new(),
        body: event.to_string().into_bytes(),
    });
    publish_all(url, outgoing.collect(), |_, _| ()).await.context("publishing the sample engineers")?;
    Ok(events.len())
}

/// Waits until nobody can go on without a person, and prints the table.
async fn settle(app: &App, expected: usize, screen: &mut Screen) -> Result<Exit> {
    let watched = tokio::time::timeout(SETTLE_MAX, async {
        loop {
            let roll = Roll::read(&app.engine).await?;
            screen.draw(roll.progress(expected));
            if roll.has_settled(expected) {
                return anyhow::Ok(roll);
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    let settled = watched.await;
    screen.end_progress();
    let (roll, exit) = match settled {
        Ok(roll) => {
            let roll = roll?;
            let exit = roll.exit();
            (roll, exit)
        }
        Err(_) => (Roll::read(&app.engine).await?, Exit::Failed),
    };
    screen.say(roll::render(&roll, screen.is_colored()));
    Ok(exit)
}

async fn until_stopped(app: &App, token: &Path, screen: &mut Screen) -> Result<Exit> {
    screen.note(format_args!(
        "Look with `carepass status --api http://{} --token-file {}`. Ctrl-C ends the demo and removes its files.",
        app.listen,
        token.display()
    ));
    super::serve::stop_signal().await?;
    screen.say(roll::render(&Roll::read(&app.engine).await?, screen.is_colored()));
    Ok(Exit::Done)
}

/// A folder of this run's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let unique = crate::app::random_seed()?;
        let path = std::env::temp_dir().join(format!("carepass-demo-{unique:016x}"));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the folder of the demo could not be removed");
        }
    }
}
