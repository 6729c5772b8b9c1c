//! What a store full of rows that wait costs: the engine itself fills it (engineers whose work begins next year, in 10 domains of 5 reseller
//! accounts), is killed with SIGKILL and started again in a process of its own. Shows the time, the memory, the bytes on disk for each row,
//! the time from the start to the first call at Google, and what the idle daemon takes of a core. Run with
//! `cargo bench --bench waiting -- ROWS [SECONDS]`, where SECONDS is how long the idle daemon is watched. Not here: work in flight.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use carepass::app::App;
use carepass::clock::Clock;
use carepass::config;
use carepass::sandbox::{Sandbox, World, init};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const RESELLERS: usize = 5;
const DOMAINS: usize = 2;
const ROWS_EACH: usize = RESELLERS * DOMAINS;

/// Engineers that are admitted at once.
const SIDE_BY_SIDE: usize = 256;

/// What a fresh daemon does at its start is over by then.
const SETTLES: Duration = Duration::from_secs(30);

/// Where the files are, so that a run can be looked at afterwards.
fn folder() -> PathBuf {
    std::env::current_dir().expect("a folder").join("target/waiting")
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["fill", url, engineers] => runtime.block_on(fill(url, engineers.parse().expect("a number"))),
        ["hold", url] => runtime.block_on(hold(url)),
        [rows] => runtime.block_on(measure(rows.parse().expect("a number of rows"), 60)),
        [rows, seconds] => runtime.block_on(measure(
            rows.parse().expect("a number of rows"),
            seconds.parse().expect("a number of seconds"),
        )),
        _ => runtime.block_on(measure(10_000, 10)),
    }
}

async fn measure(rows: usize, watched: u64) {
    let folder = folder();
    let folder = folder.as_path();
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("a folder");
    init::write(folder).expect("the sandbox's files");
    let sandbox = Sandbox::new(World::from_toml(&world(folder)).expect("the world of this benchmark"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let google = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(sandbox.clone().serve(listener, CancellationToken::new()));
    let engineers = rows / ROWS_EACH;
    let begun = Instant::now();
    let mut child = run(&["fill", &google, &engineers.to_string()]);
    until_said(&mut child, "full").await;
    println!("{rows} rows in {:.1?}", begun.elapsed());
    println!("  filled:  {}", memory(&child));
    kill(child);
    show_disk(folder, engineers * ROWS_EACH);
    for again in 0..2 {
        restart(&sandbox, &google, if again == 0 { watched } else { 0 }).await;
    }
    show_disk(folder, engineers * ROWS_EACH);
}

/// From the start after a kill to the first call, and what the process then takes.
async fn restart(sandbox: &Sandbox, google: &str, watched: u64) {
    let (before, begun) = (sandbox.calls().len(), Instant::now());
    let mut child = run(&["hold", google]);
    let first = async {
        while sandbox.calls().len() == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    };
    let said = async {
        until_said(&mut child, "started").await;
        begun.elapsed()
    };
    let (first, started) = tokio::join!(first, said);
    println!("  started after {started:.2?}, first call after {first:.2?}; {}", memory(&child));
    if watched > 0 {
        tokio::time::sleep(SETTLES).await;
        let (cpu, begun) = (ticks(&child), Instant::now());
        tokio::time::sleep(Duration::from_secs(watched)).await;
        let used = (ticks(&child) - cpu) / 100.0;
        println!(
            "  idle for {watched} s: {:.2} % of a core; {}",
            100.0 * used / begun.elapsed().as_secs_f64(),
            memory(&child)
        );
    }
    kill(child);
}

/// A process that fills the store, and then idles until it is killed.
async fn fill(google: &str, engineers: usize) {
    let app = start(&folder(), google).await;
    while !app.engine.roster().resellers.values().all(|reseller| reseller.ready) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    stream::iter(0..engineers).for_each_concurrent(SIDE_BY_SIDE, |number| admit(&app, number)).await;
    println!("  admitted in {:.1?}", begun.elapsed());
    let store = &app.engine.house().store;
    let (mut head, mut same) = (store.head().await.expect("the store"), 0);
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = store.head().await.expect("the store");
        same = if now == head { same + 1 } else { 0 };
        head = now;
    }
    println!("  {} entries, at rest after {:.1?}", head.0, begun.elapsed());
    println!("full");
    std::future::pending::<()>().await;
}

/// A process that finds the store full.
async fn hold(google: &str) {
    let _app = start(&folder(), google).await;
    println!("started");
    std::future::pending::<()>().await;
}

fn run(words: &[&str]) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program).args(words).stdout(Stdio::piped()).spawn().expect("this program runs")
}

async fn until_said(child: &mut Child, word: &str) {
    use std::io::{BufRead, BufReader};
    let output = child.stdout.take().expect("it is piped");
    let word = word.to_owned();
    let reading = move || {
        for line in BufReader::new(output).lines() {
            let line = line.expect("text");
            if line == word {
                return true;
            }
            println!("{line}");
        }
        false
    };
    assert!(tokio::task::spawn_blocking(reading).await.expect("no panic"), "the process ended");
}

fn kill(mut child: Child) {
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
}

fn memory(child: &Child) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let lines = status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    let shown = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, kilobytes) = (words.next()?, words.next()?.parse::<u64>().ok()?);
        Some(format!("{name} {} MiB", kilobytes / 1024))
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// User and system time in hundredths of a second.
fn ticks(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("it runs");
    let behind_name = stat.rsplit_once(')').expect("it has a name").1;
    behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|number| number.parse::<f64>().expect("a number"))
        .sum()
}

fn show_disk(folder: &Path, rows: usize) {
    let mut shown = Vec::new();
    let mut all = 0;
    for name in ["ledger", "index", "keys"] {
        let bytes = size(&folder.join("data").join(name));
        all += bytes;
        shown.push(format!("{name} {} MiB, {} a row", bytes >> 20, bytes / rows.max(1) as u64));
    }
    println!("  disk: {}; {} bytes a row in all", shown.join("; "), all / rows.max(1) as u64);
}

/// What the files take of the disk, in bytes.
fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = std::fs::metadata(path) else { return 0 };
    if found.is_dir() {
        let files = std::fs::read_dir(path).expect("a folder");
        return files.filter_map(Result::ok).map(|file| size(&file.path())).sum();
    }
    found.blocks() * 512
}

async fn start(folder: &Path, google: &str) -> App {
    let mut text = format!(
        "[store]\npath = \"{0}/data\"\n[google]\nendpoint = \"{google}\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [mail]\ntransport = \"file\"\npath = \"{0}/mail\"\n[limits]\ngrants_per_hour = 100000\ngrants_per_day = 1000000\n",
        folder.display()
    );
    for number in 0..RESELLERS {
        write!(
            text,
            "[[resellers]]\nname = \"r{number}\"\ncustomer_id = \"C0{number}bench\"\nadmin = \"robot@r{number}a.example\"\n\
             credentials_file = \"{}/nordic-se.json\"\nlicense = \"per-user\"\nrole = {{ kind = \"reseller-admin\" }}\n\
             auto_licensing_off = {{ by = \"bench\", on = \"2026-01-01\" }}\nfree_subscription = {{ by = \"bench\", on = \"2026-01-01\" }}\n",
            folder.display()
        )
        .expect("a String takes every text");
    }
    let file = folder.join("bench.toml");
    std::fs::write(&file, text).expect("the configuration");
    let config = config::load(&[file], std::iter::empty(), Clock::System.now())
        .expect("a configuration without faults");
    App::start(&config).await.expect("the house starts")
}

/// The example world's roles and privileges, and reseller accounts of this benchmark's own; one service account serves them all.
fn world(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("world.toml")).expect("just written");
    let (shared, _) = text.split_once("[[resellers]]").expect("the example has resellers");
    let names: Vec<String> = (0..RESELLERS).map(|number| format!("\"r{number}\"")).collect();
    let first = text.split("\n[[service_accounts]]\n").nth(1).expect("init adds service accounts");
    let account = first.rsplit_once("resellers =").expect("which it serves").0;
    let mut world = shared.to_owned();
    for number in 0..RESELLERS {
        write!(
            world,
            "[[resellers]]\nname = \"r{number}\"\ncustomer_id = \"C0{number}bench\"\nlicense_mode = \"per-user\"\n\
             domains = [{{ name = \"r{number}a.example\", kind = \"primary\" }}, {{ name = \"r{number}b.example\", kind = \"secondary\" }}]\n\
             [[resellers.users]]\nemail = \"robot@r{number}a.example\"\ngiven_name = \"R\"\nfamily_name = \"R\"\nroles = [\"_SEED_ADMIN_ROLE\"]\n",
        )
        .expect("a String takes every text");
    }
    format!("{world}[[service_accounts]]\n{account}resellers = [{}]\n", names.join(", "))
}

async fn admit(app: &App, number: usize) {
    let key = format!("E-{number:07}");
    let event: Value = json!({
        "specversion": "1.0", "id": key, "source": "https://hr.example/bench", "type": "com.carepass.engineer.joined.v1",
        "subject": format!("engineer/{key}"), "datacontenttype": "application/json",
        "dataschema": "https://schemas.carepass.example/engineer-full/1.0.json",
        "data": {
            "revision": 1,
            "engineer": { "key": key, "name": { "given": "Åsa", "family": "Öberg", "language": "sv" }, "contactEmail": "a@nordresale.example" },
            "employment": { "id": "1", "startDate": "2027-06-01", "timeZone": "Europe/Stockholm" },
            "scope": { "domains": "all" }
        }
    });
    let body = event.to_string();
    app.engine
        .admit(body.as_bytes(), Some("application/cloudevents+json"), &BTreeMap::new())
        .await
        .expect("a good event");
}
