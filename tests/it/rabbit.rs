//! A private, throw-away RabbitMQ node for tests: own ports, own data folder, own epmd; never the system's service.
//! Not here: what carepass does with a broker. Give a test the word `rabbit` in its name when it uses a node
//! (`.config/nextest.toml` runs those one at a time).

// By its path: a benchmark has this file too, and would look for the other elsewhere.
#[path = "rabbit/control.rs"]
mod control;

use crate::fixture::process::signal;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A first start takes about four seconds on an idle machine; two cores full of tests may need many times that.
const START_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(20);
/// The answer to this header is the broker's word that it serves AMQP 0-9-1 (specification, 4.2.2).
const AMQP_HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Ports below the kernel's own choice for outgoing connections (32768 and up), so that a node that restarts finds its ports free.
const FIRST_PORT: u16 = 10_000;
const PORT_WINDOWS: u16 = 340;
const PORTS_PER_WINDOW: u16 = 64;

/// Runs the node's epmd and waits until the test process lets go of standard input, however it ends; then nothing is left.
const KEEPER: &str = r#"
epmd -address 127.0.0.1 -port "$2" >/dev/null 2>&1 &
epmd=$!
cat >/dev/null
[ -f "$1/group" ] && kill -s KILL -- "-$(cat "$1/group")"
kill -s KILL "$epmd"
wait
rm -rf "$1"
"#;

/// A running node. Dropping it, or the end of the test process, ends the node and its epmd and removes its folder.
pub struct RabbitNode {
    folder: PathBuf,
    sbin: PathBuf,
    ports: Ports,
    keeper: Child,
    /// RabbitMQ's script, the leader of a process group with the Erlang machine in it; `None` while none runs.
    server: Option<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    amqps: u16,
    distribution: u16,
    epmd: u16,
    first_of_tools: u16,
    last_of_tools: u16,
}

/// The node that the tests of this process share: use a virtual host of your own, and do not kill it.
pub fn shared() -> &'static RabbitNode {
    static SHARED: OnceLock<RabbitNode> = OnceLock::new();
    SHARED.get_or_init(RabbitNode::start)
}

impl RabbitNode {
    /// Starts a node with an empty data folder and waits until it answers AMQP.
    ///
    /// # Panics
    /// When RabbitMQ is not installed or the node does not come up; the message carries its log.
    pub fn start() -> Self {
        Self::start_as("", &[])
    }

    /// The same, listening for TLS as well. Whoever comes that way shows a certificate of the authority in `ca.pem`; its common name is a
    /// user of the broker for who asks for `EXTERNAL`.
    ///
    /// # Panics
    /// As [`RabbitNode::start`].
    pub fn start_with_tls(certificates: &Path) -> Self {
        let file = |name: &str| certificates.join(name).display().to_string();
        let configuration = format!(
            "ssl_options.cacertfile = {}\n\
             ssl_options.certfile = {}\n\
             ssl_options.keyfile = {}\n\
             ssl_options.verify = verify_peer\n\
             ssl_options.fail_if_no_peer_cert = true\n\
             auth_mechanisms.1 = PLAIN\n\
             auth_mechanisms.2 = EXTERNAL\n\
             ssl_cert_login_from = common_name\n",
            file("ca.pem"),
            file("broker.pem"),
            file("broker.key"),
        );
        Self::start_as(&configuration, &["rabbitmq_auth_mechanism_ssl"])
    }

    fn start_as(configuration: &str, plugins: &[&str]) -> Self {
        let sbin = installed_scripts();
        let ports = Ports::free();
        let folder = tempfile::Builder::new()
            .prefix("carepass-rabbit-")
            .tempdir_in(in_memory())
            .expect("a temporary folder");
        write_configuration(folder.path(), ports, configuration, plugins);
        // From here on the folder is the keeper's to remove: a destructor does not run in a process that is killed.
        let folder = folder.keep();
        let keeper = start_keeper(&folder, ports);
        let mut node = Self { folder, sbin, ports, keeper, server: None };
        node.start_server();
        node
    }

    /// Where the default virtual host is reached.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Where the default virtual host is reached by TLS, of a node that listens for it.
    pub fn tls_url(&self, user: &str, host: &str) -> String {
        format!("amqps://{user}@{host}:{}/%2f", self.ports.amqps)
    }

    /// Makes a virtual host that no other test uses, and says where it is reached.
    pub fn fresh_vhost(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.order(&format!("rabbit_vhost:add({}, <<\"test\">>)", control::binary(&name)));
        self.grant(&name, "guest", [".*"; 3]);
        format!("amqp://guest:guest@127.0.0.1:{}/{name}", self.ports.amqp)
    }

    /// Ends the node at once, as a power cut of the process would; what it had synced stays.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(&format!("-{}", server.id()), "KILL");
            server.wait().expect("the server is a child of this process");
            self.is_gone("RabbitMQ survives SIGKILL");
        }
    }

    /// Ends the node as an administrator does: it takes leave of its clients and puts everything down first.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            self.eval("spawn(fun() -> rabbit:stop_and_halt() end)");
            let ended = || server.try_wait().expect("the server is a child of this process").is_some();
            poll_until(ended, || "RabbitMQ does not stop".to_owned());
            self.is_gone("RabbitMQ survives its stop");
        }
    }

    /// Starts the node again on the same ports and data, after ending it if it still runs.
    pub fn restart(&mut self) {
        self.kill9();
        self.start_server();
    }

    /// Runs `rabbitmqctl` against this node and gives back what it printed.
    ///
    /// # Panics
    /// When the tool refuses.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = self
            .command("rabbitmqctl")
            .arg("--quiet")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("rabbitmqctl can be run");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rabbitmqctl {arguments:?}: {printed}{complaint}");
        printed
    }

    fn start_server(&mut self) {
        let log = fs::File::create(self.folder.join("log/console")).expect("the log folder exists");
        let mut server = self
            .command("rabbitmq-server")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("the server's script can be run");
        fs::write(self.folder.join("group"), server.id().to_string()).expect("the node's folder is writable");
        let ready = || {
            let ended = server.try_wait().expect("the server is a child of this process");
            assert_eq!(ended, None, "RabbitMQ ended at once:\n{}", self.log());
            answers_amqp(self.ports.amqp)
        };
        poll_until(ready, || format!("RabbitMQ does not answer:\n{}", self.log()));
        self.server = Some(server);
    }

    /// The script is gone; the Erlang machine, its child, is gone when its sockets are.
    fn is_gone(&self, complaint: &str) {
        fs::remove_file(self.folder.join("group")).expect("written when the server was started");
        let ports = [self.ports.amqp, self.ports.distribution];
        poll_until(|| ports.iter().all(|port| connect(*port).is_err()), || complaint.to_owned());
    }

    fn name(&self) -> String {
        format!("carepass{}@localhost", self.ports.amqp)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log/console")).unwrap_or_default()
    }

    /// A script of RabbitMQ's in an environment in which everything it reads, writes or talks to is this node's.
    fn command(&self, script: &str) -> Command {
        let within = |name: &str| self.folder.join(name);
        let mut command = Command::new(self.sbin.join(script));
        command
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("HOME", within("home"))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_NODENAME", self.name())
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.ports.amqp.to_string())
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("RABBITMQ_CTL_DIST_PORT_MIN", self.ports.first_of_tools.to_string())
            .env("RABBITMQ_CTL_DIST_PORT_MAX", self.ports.last_of_tools.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2");
        for (variable, name) in [
            ("RABBITMQ_BASE", "."),
            ("RABBITMQ_MNESIA_BASE", "mnesia"),
            ("RABBITMQ_MNESIA_DIR", "mnesia/node"),
            ("RABBITMQ_FEATURE_FLAGS_FILE", "mnesia/feature_flags"),
            ("RABBITMQ_PLUGINS_EXPAND_DIR", "mnesia/plugins"),
            ("RABBITMQ_QUORUM_DIR", "mnesia/quorum"),
            ("RABBITMQ_STREAM_DIR", "mnesia/stream"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "generated"),
            ("RABBITMQ_SCHEMA_DIR", "schema"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(variable, within(name));
        }
        command
    }
}

impl Drop for RabbitNode {
    fn drop(&mut self) {
        self.kill9();
        // Closing its standard input is the word to the keeper; waiting for it means that nothing is left behind.
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper is a child of this process");
    }
}

impl Ports {
    /// Ports that nobody listens on, in a window that depends on the process, since tests run in several processes.
    fn free() -> Self {
        static TRIED: AtomicU16 = AtomicU16::new(0);
        let process =
            u16::try_from(std::process::id() % u32::from(PORT_WINDOWS)).expect("less than the windows");
        let first = (0..PORT_WINDOWS)
            .map(|_| (process + TRIED.fetch_add(1, Ordering::Relaxed)) % PORT_WINDOWS)
            .map(|window| FIRST_PORT + window * PORTS_PER_WINDOW)
            .find(|first| nobody_listens(*first))
            .expect("some window of loopback ports is free");
        Self {
            amqp: first,
            distribution: first + 1,
            epmd: first + 2,
            amqps: first + 3,
            first_of_tools: first + 4,
            last_of_tools: first + PORTS_PER_WINDOW - 1,
        }
    }
}

/// The node's folder lies in memory where the system has that: its hundreds of syncs at a start are too much for a busy disk.
fn in_memory() -> PathBuf {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() }
}

/// Takes the whole window together, so that no port is given out twice.
fn nobody_listens(first: u16) -> bool {
    let window = first..first + PORTS_PER_WINDOW;
    let taken: std::io::Result<Vec<_>> =
        window.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))).collect();
    taken.is_ok()
}

/// The folder of RabbitMQ's own scripts; the wrapper on the PATH insists on the system's user and folders.
fn installed_scripts() -> PathBuf {
    let base = Path::new("/usr/lib/rabbitmq/lib");
    let versions = fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path().join("sbin"));
    versions.filter(|sbin| sbin.join("rabbitmq-server").is_file()).max().expect(
        "RabbitMQ is not installed: run ./test, or apt-get install --no-install-recommends rabbitmq-server",
    )
}

fn write_configuration(folder: &Path, ports: Ports, more: &str, plugins: &[&str]) {
    for name in ["home", "mnesia", "log", "generated", "schema"] {
        fs::create_dir(folder.join(name)).expect("the folder is new and ours");
    }
    let tls = if more.is_empty() {
        String::new()
    } else {
        format!("listeners.ssl.default = 127.0.0.1:{}\n", ports.amqps)
    };
    let configuration = format!(
        "listeners.tcp.default = 127.0.0.1:{}\n\
         log.console = true\n\
         log.console.level = info\n\
         log.file = false\n\
         vm_memory_high_watermark.absolute = 1GB\n\
         disk_free_limit.absolute = 5MB\n{tls}{more}",
        ports.amqp
    );
    let plugins = format!("[{}].\n", plugins.join(","));
    for (name, text) in [
        ("rabbitmq.conf", configuration.as_str()),
        ("advanced.config", "[].\n"),
        ("enabled_plugins", plugins.as_str()),
    ] {
        fs::write(folder.join(name), text).expect("the folder is new and ours");
    }
}

/// The node would start an epmd by itself, but one that nobody can end by its process id.
fn start_keeper(folder: &Path, ports: Ports) -> Child {
    let keeper = Command::new("/bin/sh")
        .args(["-c", KEEPER, "carepass-rabbit-keeper"])
        .arg(folder)
        .arg(ports.epmd.to_string())
        .env("PATH", PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("/bin/sh can be run");
    poll_until(|| connect(ports.epmd).is_ok(), || format!("epmd does not listen on port {}", ports.epmd));
    keeper
}

/// Looks until the fact holds; what it is about comes from other processes, which cannot wake this one.
fn poll_until(mut fact: impl FnMut() -> bool, complaint: impl Fn() -> String) {
    let begun = Instant::now();
    while !fact() {
        assert!(begun.elapsed() < START_LIMIT, "{}", complaint());
        std::thread::park_timeout(POLL);
    }
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1))
}

fn answers_amqp(port: u16) -> bool {
    let first_byte = || {
        let mut stream = connect(port)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(AMQP_HEADER)?;
        let mut frame_type = [0];
        stream.read_exact(&mut frame_type).map(|()| frame_type[0])
    };
    // 1 is a method frame, here Connection.Start; a server that refuses the version answers with `A`.
    matches!(first_byte(), Ok(1))
}

#[cfg(test)]
mod tests {
    use super::{RabbitNode, connect};
    use futures_util::StreamExt as _;
    use lapin::options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    };
    use lapin::types::FieldTable;
    use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
    use std::time::Duration;

    /// A broker answers in milliseconds, and in seconds where many tests share two cores.
    const ANSWER_LIMIT: Duration = Duration::from_mins(1);

    /// Waits for an answer; what does not come is told with what the node knows of its queues.
    async fn within<T>(node: &RabbitNode, what: &str, answer: impl Future<Output = T>) -> T {
        let queues =
            || node.ctl(&["list_queues", "name", "messages_ready", "messages_unacknowledged", "consumers"]);
        let answered = tokio::time::timeout(ANSWER_LIMIT, answer).await;
        answered.unwrap_or_else(|_| panic!("no {what}; queues:\n{}\nlog:\n{}", queues(), node.log()))
    }

    async fn channel(url: &str) -> (Connection, Channel) {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel
            .queue_declare("q".into(), QueueDeclareOptions::durable(), FieldTable::default())
            .await
            .unwrap();
        (connection, channel)
    }

    async fn publish(channel: &Channel, body: &[u8]) {
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let durable = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirmation = channel
            .basic_publish("".into(), "q".into(), options, body, durable)
            .await
            .unwrap()
            .await
            .unwrap();
        assert!(confirmation.is_ack());
    }

    async fn consume(channel: &Channel) -> Vec<u8> {
        let mut consumer = channel
            .basic_consume("q".into(), "it".into(), BasicConsumeOptions::default(), FieldTable::default())
            .await
            .unwrap();
        let delivery = consumer.next().await.unwrap().unwrap();
        assert!(delivery.ack(BasicAckOptions::default()).await.unwrap());
        delivery.data
    }

    #[tokio::test]
    async fn a_rabbit_node_keeps_hosts_apart_and_what_it_confirmed() {
        let mut node = RabbitNode::start();
        let (here, there) = (node.fresh_vhost(), node.fresh_vhost());
        let exchange = async {
            let (_connection, here) = channel(&here).await;
            let (_connection, there) = channel(&there).await;
            publish(&here, b"here").await;
            publish(&there, b"there").await;
            (consume(&here).await, consume(&there).await)
        };
        let consumed = within(&node, "exchange of messages", exchange).await;
        assert_eq!(consumed, (b"here".to_vec(), b"there".to_vec()));

        let (_connection, before) = within(&node, "channel", channel(&node.url())).await;
        node.put_definitions_down();
        // Only a message's confirm waits for the disk.
        within(&node, "confirm", publish(&before, b"kept")).await;

        node.kill9();
        assert!(connect(node.ports.amqp).is_err(), "a killed node does not listen");
        node.restart();

        let (_connection, after) = within(&node, "channel after the restart", channel(&node.url())).await;
        assert_eq!(within(&node, "delivery after the restart", consume(&after)).await, b"kept");

        let (folder, ports) = (node.folder.clone(), node.ports);
        drop(node);
        assert!(!folder.exists(), "a dropped node leaves no folder");
        for port in [ports.amqp, ports.distribution, ports.epmd] {
            assert!(connect(port).is_err(), "a dropped node leaves nobody listening");
        }
    }
}
