//! What the dashboard costs with many engineers in many domains: the engine itself fills the store with engineers whose work begins next
//! year, and then the pages are asked for as a browser asks. Shows the time to the first byte, to the last, and the size. Run with
//! `cargo bench --bench room -- ENGINEERS DOMAINS [LOOKS]`. Not here: work in flight, and the browser's own time.

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
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Domains of one reseller account.
const DOMAINS_EACH: usize = 10;

/// Engineers that are admitted at once.
const SIDE_BY_SIDE: usize = 256;

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let numbers: Vec<usize> = words.map(|word| word.parse().expect("a number")).collect();
    let (engineers, domains, looks) = match numbers[..] {
        [engineers, domains] => (engineers, domains, 50),
        [engineers, domains, looks] => (engineers, domains, looks),
        _ => (50, 20, 5),
    };
    runtime.block_on(measure(engineers, domains, looks));
}

async fn measure(engineers: usize, domains: usize, looks: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    init::write(folder.path()).expect("the sandbox's files");
    let accounts = domains.div_ceil(DOMAINS_EACH);
    let world = World::from_toml(&world(folder.path(), accounts)).expect("the world of this benchmark");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let google = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(Sandbox::new(world).serve(listener, CancellationToken::new()));
    let app = start(folder.path(), &google, accounts).await;
    fill(&app, engineers).await;
    let session = sign_in(&app, folder.path()).await;
    println!("{engineers} engineers in {} domains", accounts * DOMAINS_EACH);
    let last = format!("/?after=E-{:07}", engineers.saturating_sub(41));
    let pages = [
        "/",
        "/?column=20",
        &last,
        "/?state=planned",
        "/?state=ready",
        "/tasks",
        "/leavers",
        "/grants",
        "/engineers/E-0000000",
        "/resellers/r0",
    ];
    for path in pages {
        look(&app, &session, path, looks).await;
    }
    app.stop().await;
}

async fn fill(app: &App, engineers: usize) {
    while !app.engine.roster().resellers.values().all(|reseller| reseller.ready) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream::iter(0..engineers).for_each_concurrent(SIDE_BY_SIDE, |number| admit(app, number)).await;
    let store = &app.engine.house().store;
    let (mut head, mut same) = (store.head().await.expect("the store"), 0);
    while same < 8 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = store.head().await.expect("the store");
        same = if now == head { same + 1 } else { 0 };
        head = now;
    }
}

/// A client that has signed in, and the cookie that it keeps.
async fn sign_in(app: &App, folder: &Path) -> (reqwest::Client, String) {
    let token = std::fs::read_to_string(folder.join("token")).expect("init writes a token");
    let path = app.sessions.invite(token.trim()).expect("a token");
    let policy = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().no_proxy().redirect(policy).build().expect("a client");
    let answer = client.get(format!("http://{}{path}", app.listen)).send().await.expect("an answer");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    (client, cookie)
}

/// Asks for a page again and again, as a page asks for itself.
async fn look(app: &App, (client, cookie): &(reqwest::Client, String), path: &str, looks: usize) {
    let (mut firsts, mut lasts, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..looks.max(1) {
        let begun = Instant::now();
        let request = client.get(format!("http://{}{path}", app.listen)).header("cookie", cookie);
        let answer = request.send().await.expect("an answer");
        firsts.push(begun.elapsed());
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        bytes = answer.bytes().await.expect("a page").len();
        lasts.push(begun.elapsed());
    }
    firsts.sort();
    lasts.sort();
    let middle = |times: &[Duration]| times[times.len() / 2];
    let worst = firsts.last().copied().unwrap_or_default();
    println!(
        "  {path:<28} first byte {:>8.1?} (worst {worst:.1?}), whole {:>8.1?}, {} kB",
        middle(&firsts),
        middle(&lasts),
        bytes / 1000
    );
}

async fn start(folder: &Path, google: &str, accounts: usize) -> App {
    let mut text = format!(
        "[store]\npath = \"{0}/data\"\n[google]\nendpoint = \"{google}\"\n[http]\nlisten = \"127.0.0.1:0\"\ntokens_file = \"{0}/tokens.toml\"\n\
         [mail]\ntransport = \"none\"\n[limits]\ngrants_per_hour = 100000\ngrants_per_day = 1000000\n",
        folder.display()
    );
    for number in 0..accounts {
        write!(
            text,
            "[[resellers]]\nname = \"r{number}\"\ncustomer_id = \"C0{number}bench\"\nadmin = \"robot@d0.r{number}.example\"\n\
             credentials_file = \"{}/nordic-se.json\"\nlicense = \"per-user\"\nrole = {{ kind = \"reseller-admin\" }}\n\
             auto_licensing_off = {{ by = \"bench\", on = \"2026-01-01\" }}\nfree_subscription = {{ by = \"bench\", on = \"2026-01-01\" }}\n",
            folder.display()
        )
        .expect("a String takes every text");
    }
    let file = folder.join("bench.toml");
    std::fs::write(&file, text).expect("the configuration");
    let config = config::load(&[file], std::iter::empty(), Clock::System.now());
    let config = config.expect("a configuration without faults");
    App::start(&config).await.expect("the house starts")
}

/// The example world's roles and privileges, and reseller accounts of this benchmark's own; one service account serves them all.
fn world(folder: &Path, accounts: usize) -> String {
    let text = std::fs::read_to_string(folder.join("world.toml")).expect("just written");
    let (shared, _) = text.split_once("[[resellers]]").expect("the example has resellers");
    let names: Vec<String> = (0..accounts).map(|number| format!("\"r{number}\"")).collect();
    let first = text.split("\n[[service_accounts]]\n").nth(1).expect("init adds service accounts");
    let account = first.rsplit_once("resellers =").expect("which it serves").0;
    let mut world = shared.to_owned();
    for number in 0..accounts {
        let domains: Vec<String> = (0..DOMAINS_EACH)
            .map(|domain| {
                let kind = if domain == 0 { "primary" } else { "secondary" };
                format!("{{ name = \"d{domain}.r{number}.example\", kind = \"{kind}\" }}")
            })
            .collect();
        write!(
            world,
            "[[resellers]]\nname = \"r{number}\"\ncustomer_id = \"C0{number}bench\"\nlicense_mode = \"per-user\"\ndomains = [{}]\n\
             [[resellers.users]]\nemail = \"robot@d0.r{number}.example\"\ngiven_name = \"R\"\nfamily_name = \"R\"\nroles = [\"_SEED_ADMIN_ROLE\"]\n",
            domains.join(", ")
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
            "employment": { "id": "1", "startDate": "2029-06-01", "timeZone": "Europe/Stockholm" },
            "scope": { "domains": "all" }
        }
    });
    let body = event.to_string();
    let media = Some("application/cloudevents+json");
    app.engine.admit(body.as_bytes(), media, &BTreeMap::new()).await.expect("a good event");
}
