//! The built binary as a process: started against the stand-in and a broker, measured, killed. Not here: what is done with it
//! (`measures`).

use crate::measures::Bench;
use crate::process::{Usage, bytes_below, usage};
use crate::setup::{self, Layout, Manner};
use crate::traced::Traced;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder on a real disk with the configuration and the store of daemons that run one after the other.
pub struct House {
    program: String,
    folder: TempDir,
    configuration: PathBuf,
    listen: String,
    layout: Layout,
    client: reqwest::Client,
}

/// A running daemon.
pub struct Daemon {
    child: Child,
}

impl House {
    /// A new one.
    pub fn new(bench: &Bench, layout: Layout, amqp: &str) -> Self {
        Self::with(bench, layout, amqp, &Manner::default())
    }

    /// A new one that differs.
    pub fn with(bench: &Bench, layout: Layout, amqp: &str, manner: &Manner) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder of the build's");
        let listen = free_address();
        let configuration =
            setup::write(folder.path(), layout, manner, [bench.google.door(manner.replica), amqp, &listen]);
        let client = crate::plain::http_client();
        Self { program: bench.program.clone(), folder, configuration, listen, layout, client }
    }

    /// Where the master key of its daemons is.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("seal.key")
    }

    /// Starts the daemon; it is not waited for.
    pub fn start(&self) -> Daemon {
        let child = Command::new(&self.program)
            .arg("serve")
            .arg("--config")
            .arg(&self.configuration)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.log())
            .spawn()
            .expect("the built binary can be run");
        Daemon { child }
    }

    /// The same under `strace`; none where there is none.
    pub async fn start_traced(&self) -> Option<Traced> {
        let (configuration, log) = (self.configuration.display().to_string(), self.log());
        let arguments = ["serve", "--config", &configuration];
        let summary = self.folder.path().join("strace");
        let traced = Traced::start(&self.program, &arguments, summary, log)?;
        self.until_ready().await;
        Some(traced)
    }

    /// Starts the daemon and waits until every reseller account is set up and events are taken.
    pub async fn start_ready(&self) -> Daemon {
        let daemon = self.start();
        self.until_ready().await;
        daemon
    }

    async fn until_ready(&self) {
        let ready = async {
            while !self.is_ready().await {
                tokio::time::sleep(LOOK).await;
            }
        };
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        assert!(ready.is_ok(), "the daemon does not become ready:\n{}", self.log_tail());
    }

    fn log(&self) -> File {
        File::options().create(true).append(true).open(self.folder.path().join("log")).expect("the log")
    }

    async fn is_ready(&self) -> bool {
        let metrics = self.metrics().await;
        let sum = |name: &str| sum(&metrics, name);
        let accounts = u32::try_from(self.layout.accounts).expect("a small number");
        sum("carepass_reseller_up") >= f64::from(accounts) && sum("carepass_broker_up") >= 2.0
    }

    /// All metrics, by name and labels.
    pub async fn metrics(&self) -> BTreeMap<String, f64> {
        let Ok(answer) = self.client.get(format!("http://{}/metrics", self.listen)).send().await else {
            return BTreeMap::new();
        };
        let text = answer.text().await.unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// The bytes of the ledger, of the index, and of everything in the store.
    pub fn bytes(&self) -> (u64, u64, u64) {
        let data = self.folder.path().join("data");
        let below = |name: &str| bytes_below(&data.join(name));
        (below("ledger"), below("index"), bytes_below(&data))
    }

    /// The end of the log, for whoever has to look.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// The sum of a metric over all labels.
pub fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    metrics.iter().filter(|(full, _)| full.split('{').next() == Some(name)).map(|(_, value)| value).sum()
}

impl Daemon {
    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        crate::fixture::process::signal(&self.child.id().to_string(), name);
    }

    /// Ends it at once.
    pub fn kill9(mut self) {
        self.child.kill().expect("a running child");
        self.child.wait().expect("a child of this process");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").to_string()
}
