//! `carepass demo`: the whole house in one process, against the sandbox. Everything between the event and the welcome is the code
//! that `serve` runs; only the neighbours are built in. Not here: another intake or another engine for show.

use super::exit::{Exit, Trouble};
use super::roll::{self, Roll};
use super::screen::Screen;
use crate::amqp::{
    AmqpSettings, Endpoint, Outgoing, PublishError, QueueLook, Topology, look_at_queues, publish_all,
};
use crate::app::App;
use crate::clock::Clock;
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

/// Show the main job against a built-in model of Google; nothing need be installed.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Where the API listens [default: 127.0.0.1:8080; with --once any free port]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Exit when every engineer has settled, and print who is ready where
    #[arg(long)]
    once: bool,
    /// A RabbitMQ of its own to use instead of the built-in loopback broker; one that is in use is refused
    #[arg(long, value_name = "URL")]
    amqp: Option<String>,
}

/// Runs the demo.
pub async fn run(args: Demo, screen: &mut Screen) -> Result<Exit> {
    let named = match &args.amqp {
        Some(url) => Some(broker_of_its_own(url).await?),
        None => None,
    };
    let folder = Folder::new()?;
    sandbox::init::write(&folder.0).context("the sandbox's files")?;
    let stop = CancellationToken::new();
    let google = start_google(&folder.0, &stop).await?;
    let (broker, url) = match named {
        Some(endpoint) => (endpoint.to_string(), SecretString::from(args.amqp.unwrap_or_default())),
        None => start_broker(&stop).await?,
    };
    let port = if args.once { 0 } else { 8080 };
    let listen = args.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let config = configuration(&folder.0, google, &url, listen)?;
    telemetry::logs(&config.log, screen.wants_color());
    screen.note(format_args!("Google: the built-in sandbox on http://{google}. Broker: {broker}."));
    let app = App::start(&config).await?;
    screen.note(format_args!("API: http://{}", app.listen));
    let token = folder.0.join("token");
    if !args.once {
        screen.note(format_args!("{}", dashboard(&app, &token)?));
        screen.note(more_seats(google));
    }
    let shown = show(&app, args.once, &url, &token, screen).await;
    app.stop().await;
    stop.cancel();
    shown
}

async fn show(app: &App, once: bool, url: &SecretString, token: &Path, screen: &mut Screen) -> Result<Exit> {
    let expected = publish(url).await?;
    if once { settle(app, expected, screen).await } else { until_stopped(app, token, screen).await }
}

/// How to look at the dashboard. On this machine one link signs in once; to any other a link that was read along would be a way in, so
/// there the token is asked for.
fn dashboard(app: &App, token: &Path) -> Result<String> {
    if !app.listen.ip().is_loopback() {
        let token = token.display();
        return Ok(format!("Dashboard: http://{}/ – sign in with the token in {token}.", app.listen));
    }
    let secret = zeroize::Zeroizing::new(std::fs::read_to_string(token).context("the demo's own token")?);
    let path = app.sessions.invite(secret.trim())?;
    Ok(format!(
        "Dashboard: http://{}{path} (this link signs in once; later: the token in {})",
        app.listen,
        token.display()
    ))
}

/// How to see a task close: what an administrator of the Danish account would do at Google, done to the model of it. Its world has seats
/// for two of those who come.
fn more_seats(google: SocketAddr) -> String {
    format!(
        "To see a task close, give the Danish account more seats, then press \"Done: look now\" on its card under Tasks:\n  \
         curl -d '{{\"seats\":{{\"C01nordicdk\":50}}}}' http://{google}/_sandbox/set"
    )
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

/// A broker that somebody named, unless somebody works with it: the demo would take real events into a model of Google, and
/// publish engineers who do not exist.
async fn broker_of_its_own(url: &str) -> Result<Endpoint> {
    let endpoint = Endpoint::parse(&SecretString::from(url))
        .map_err(|wrong| Trouble::usage(format!("--amqp {wrong}")))?;
    let settings = AmqpSettings::new(endpoint.clone());
    let queues = [settings.queue.as_str(), settings.leavers_queue.as_str()];
    let seen =
        look_at_queues(&endpoint, &queues).await.with_context(|| format!("the broker at {endpoint}"))?;
    for (queue, look) in queues.into_iter().zip(seen) {
        let Some(QueueLook { messages, consumers }) = look else { continue };
        if messages > 0 || consumers > 0 {
            let text = format!(
                "the broker at {endpoint} is in use: {queue} has {messages} waiting messages and {consumers} consumers. The demo would \
                 take them, and publish engineers who do not exist. Name a broker or a virtual host of its own, or leave --amqp out."
            );
            return Err(Trouble::usage(text).into());
        }
    }
    Ok(endpoint)
}

async fn start_broker(stop: &CancellationToken) -> Result<(String, SecretString)> {
    let broker =
        Broker::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.context("the built-in broker")?;
    let url = broker.uri();
    tokio::spawn(broker.serve(stop.clone()));
    Ok((
        "the built-in loopback broker (AMQP 0-9-1, in memory, for the demo only)".to_owned(),
        SecretString::from(url),
    ))
}

/// The sandbox's own configuration, with the addresses of this run.
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
        ("INTAKE__HTTP__ENABLED", "true".to_owned()),
        ("HTTP__LISTEN", listen.to_string()),
        ("INTAKE__AMQP__ALLOWED_SOURCES", SOURCES.join(",")),
        ("LOG__FILTER", "warn,lapin=off".to_owned()),
    ];
    let environment = settings.into_iter().map(|(key, value)| (format!("CAREPASS__{key}"), value));
    let loaded = config::load(&[folder.join("carepass.toml")], environment, Clock::System.now());
    loaded.map_err(|faults| anyhow::anyhow!("the demo's own configuration: {faults}"))
}

/// Publishes the sample engineers as HR would, and answers how many there are.
async fn publish(url: &SecretString) -> Result<usize> {
    let settings = AmqpSettings::new(Endpoint::parse(url)?);
    Topology::of(&settings)?
        .ensure_at(&settings.endpoint)
        .await
        .context("the broker's exchanges and queues")?;
    let events: Vec<serde_json::Value> = serde_json::from_str(EVENTS).context("the demo's events")?;
    let outgoing = events.iter().map(|event| Outgoing {
        exchange: settings.exchange.clone(),
        routing_key: event["type"].as_str().unwrap_or_default().to_owned(),
        message_id: event["id"].as_str().unwrap_or_default().to_owned(),
        content_type: "application/cloudevents+json; charset=utf-8".to_owned(),
        headers: BTreeMap::new(),
        body: event.to_string().into_bytes(),
    });
    let mut refused = Vec::new();
    let note = |_: usize, sent: &Result<(), PublishError>| refused.extend(sent.clone().err());
    publish_all(url, outgoing.collect(), note).await.context("publishing the sample engineers")?;
    match refused.first() {
        None => Ok(events.len()),
        Some(first) => {
            let count = refused.len();
            Err(anyhow::anyhow!(
                "{count} of {} sample engineers could not be published: {first}",
                events.len()
            ))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(url: &str) -> Option<Exit> {
        broker_of_its_own(url).await.err().map(|error| Exit::from(&error))
    }

    #[tokio::test]
    async fn a_broker_that_is_in_use_is_left_alone() {
        let stop = CancellationToken::new();
        let (_, url) = start_broker(&stop).await.unwrap();
        let url_text = secrecy::ExposeSecret::expose_secret(&url).to_owned();
        assert_eq!(refused(&url_text).await, None, "nothing is there yet");
        let settings = AmqpSettings::new(Endpoint::parse(&url).unwrap());
        Topology::of(&settings).unwrap().ensure_at(&settings.endpoint).await.unwrap();
        assert_eq!(refused(&url_text).await, None, "empty queues are nobody's");
        assert!(publish(&url).await.unwrap() > 0);
        assert_eq!(refused(&url_text).await, Some(Exit::Usage), "somebody's events wait there");
    }

    #[tokio::test]
    async fn a_broker_that_is_not_there_is_unreachable() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        assert_eq!(refused(&format!("amqp://{address}")).await, Some(Exit::Unreachable));
        assert_eq!(refused("amqp:///vhost").await, Some(Exit::Usage));
    }
}
