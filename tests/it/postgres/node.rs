//! A private, throw-away PostgreSQL cluster for tests: own folder, own port, never the system's service. It syncs, as a real one does.
//! Stands alone, since the tests of the store itself include it too. Not here: what carepass does with a database. Give a test the word
//! `postgres` in its name or its module's when it uses a cluster (`.config/nextest.toml` runs few of those at a time).

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A start takes less than a second on an idle machine; two cores full of tests may need many times that.
const START_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(20);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Ports below the kernel's own choice for outgoing connections (32768 and up) and above those of RabbitMQ's nodes.
const FIRST_PORT: u16 = 31_800;
const PORTS: u16 = 960;
/// PostgreSQL refuses to be root; this user owns nothing else.
const NOBODY: &str = "65534";

/// Waits until the test process lets go of standard input, however it ends; then nothing is left.
const KEEPER: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -s KILL "$pid" 2>/dev/null
rm -rf "$1"
"#;

/// A running cluster, whose superuser `carepass` needs no password. Dropping it, or the end of the test process, ends it and removes its
/// folder.
pub struct PostgresNode {
    folder: PathBuf,
    port: u16,
    keeper: Child,
    /// The postmaster; `None` while none runs.
    server: Option<Child>,
}

/// The cluster that the tests of this process share: use a database of your own, and do not kill it.
pub fn shared() -> &'static PostgresNode {
    static SHARED: OnceLock<PostgresNode> = OnceLock::new();
    SHARED.get_or_init(|| PostgresNode::start(""))
}

impl PostgresNode {
    /// Starts a cluster with more lines of configuration, and waits until it answers.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or the cluster does not come up; the message carries its log.
    pub fn start(configuration: &str) -> Self {
        Self::start_in(&in_memory(), configuration)
    }

    /// The same in a folder of its own below a place, which decides what a sync costs.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_in(place: &Path, configuration: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("carepass-postgres-").tempdir_in(place);
        // From here on the folder is the keeper's to remove: a destructor does not run in a process that is killed.
        let folder = folder.expect("a temporary folder").keep();
        let port = free_port();
        copy(&template().join("data"), &folder.join("data"));
        // Memory that a killed server leaves behind goes with the folder.
        let basics = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 60\nshared_buffers = 32MB\n\
             max_wal_size = 128MB\nlog_min_messages = warning\ndynamic_shared_memory_type = mmap\n"
        );
        fs::write(folder.join("data/postgresql.auto.conf"), format!("{basics}{configuration}"))
            .expect("the folder is ours");
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "carepass-postgres-keeper"])
            .arg(&folder)
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh can be run");
        let mut node = Self { folder, port, keeper, server: None };
        node.put("nothing", "");
        node.start_server();
        node
    }

    /// Where a database is reached.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://carepass@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database that no other test uses, and gives back its name.
    pub fn fresh_database(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name} encoding UTF8 template template0"));
        name
    }

    /// Runs SQL as the superuser and gives back what was printed: values alone.
    ///
    /// # Panics
    /// When it is refused.
    pub fn sql(&self, database: &str, text: &str) -> String {
        let mut psql = program("psql");
        psql.args(["--no-psqlrc", "-Atq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", text]);
        succeeded(psql.output(), text)
    }

    /// Puts a file into the cluster's folder, as the server's own, and gives back its path.
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join("data").join(name);
        fs::write(&path, text).expect("the folder is ours");
        let mut command = Command::new("/bin/sh");
        let how = if is_root() {
            r#"chown -R "$2:$2" "$1/.." && chmod 600 "$1/$3""#
        } else {
            r#"chmod 600 "$1/$3""#
        };
        command.args(["-c", how, "sh"]).arg(self.folder.join("data")).args([NOBODY, name]);
        succeeded(command.output(), "a file of the server's");
        path
    }

    /// Ends the server at once, as a power cut of the process would.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it is a child of this process");
            server.wait().expect("it is a child of this process");
        }
    }

    /// Starts the server again on the same port and data, after ending it if it still runs.
    pub fn restart(&mut self) {
        self.kill9();
        self.start_server();
    }

    fn start_server(&mut self) {
        let begun = Instant::now();
        loop {
            let mut server = self.spawn();
            while server.try_wait().expect("it is a child of this process").is_none() {
                if self.answers() {
                    self.server = Some(server);
                    return;
                }
                assert!(begun.elapsed() < START_LIMIT, "PostgreSQL does not answer:\n{}", self.log());
                std::thread::park_timeout(POLL);
            }
            // What a killed server leaves running holds its memory for a moment.
            assert!(begun.elapsed() < START_LIMIT, "PostgreSQL ends at once:\n{}", self.log());
            std::thread::park_timeout(POLL);
        }
    }

    fn spawn(&self) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"));
        let log = log.expect("the folder is ours");
        let mut command = as_nobody(&binaries().join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).env("HOME", &self.folder).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle of the log")).stderr(log);
        command.spawn().expect("postgres can be run")
    }

    fn answers(&self) -> bool {
        let mut ready = program("pg_isready");
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.status().expect("pg_isready can be run").success()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for PostgresNode {
    fn drop(&mut self) {
        self.kill9();
        // Closing its standard input is the word to the keeper; waiting for it means that nothing is left behind.
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper is a child of this process");
    }
}

/// An empty cluster, made once for each build folder and then copied: making one takes seconds.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let binary = std::env::current_exe().expect("a test has a binary");
        let built = binary.parent().and_then(Path::parent).expect("a binary lies in target/*/deps");
        let version =
            binaries().parent().and_then(Path::file_name).expect("a version").to_string_lossy().into_owned();
        let folder = built.join(format!("postgres-template-{version}"));
        let lock = fs::File::create(built.join("postgres-template.lock")).expect("the build folder is ours");
        lock.lock().expect("whoever holds it is about to be done");
        if !folder.exists() {
            make_template(&folder);
        }
        folder
    })
}

fn make_template(folder: &Path) {
    let made = tempfile::Builder::new().prefix("carepass-postgres-template-").tempdir_in(in_memory());
    let made = made.expect("a temporary folder");
    if is_root() {
        let mut chown = Command::new("chown");
        chown.arg(NOBODY).arg(made.path());
        succeeded(chown.output(), "the folder is handed over");
    }
    let mut initdb = as_nobody(&binaries().join("initdb"));
    initdb.arg("-D").arg(made.path().join("data")).env("HOME", made.path());
    initdb.args([
        "-U",
        "carepass",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
        "-N",
    ]);
    initdb.arg("--wal-segsize=4");
    succeeded(initdb.output(), "initdb");
    let unfinished = folder.with_extension("new");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir(&unfinished).expect("the build folder is ours");
    copy(&made.path().join("data"), &unfinished.join("data"));
    fs::rename(&unfinished, folder).expect("the build folder is ours");
}

/// With owners and modes, which the server insists on.
fn copy(from: &Path, to: &Path) {
    let mut cp = Command::new("cp");
    cp.arg("-a").arg(from).arg(to);
    succeeded(cp.output(), "a cluster is copied");
}

/// A program that may not be root, as somebody else if need be. It takes the place of `setpriv` and keeps its id.
fn as_nobody(binary: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .arg("--clear-groups")
            .arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").current_dir("/");
    command
}

fn program(name: &str) -> Command {
    let mut command = Command::new(binaries().join(name));
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let complete = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file());
    complete.max().expect(
        "PostgreSQL is not installed: run ./test, or apt-get install --no-install-recommends postgresql",
    )
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folder lies in memory where the system has that: syncs there are counted and cost nothing.
fn in_memory() -> PathBuf {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() }
}

/// A port that nobody listens on; where it is looked for first depends on the process, since tests run in several.
fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % u32::from(PORTS)).expect("less than the ports");
    (0..PORTS)
        .map(|_| FIRST_PORT + (process + TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("some loopback port is free")
}

fn succeeded(output: std::io::Result<Output>, what: &str) -> String {
    let output = output.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
