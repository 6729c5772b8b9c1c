//! The built binary at the command line: what it prints, on which stream, and the number it ends with. All of it is the contract of
//! scripts. Not here: what commands work out (beside `cli`'s modules), and the daemon at work (`end_to_end`).

use crate::fixture::process::{carepass, signal};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The longest that any command here may take. The demo gives up by itself after one minute and shows how far it got; that it ends within
/// ten seconds in a release build is measured by `.ci/run`.
const LIMIT: Duration = Duration::from_mins(2);

const ENGINEERS: [&str; 8] =
    ["E-20417", "E-20418", "E-20419", "E-20420", "E-20421", "E-20422", "J-00311", "J-00312"];

/// How a command ended.
struct Ran {
    code: Option<i32>,
    out: String,
    notes: String,
}

impl Ran {
    /// Its whole standard output as one JSON document.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.notes))
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::from(carepass());
    command.args(arguments).kill_on_drop(true);
    command
}

async fn run(arguments: &[&str]) -> Ran {
    finish(&mut command(arguments)).await
}

async fn finish(command: &mut Command) -> Ran {
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let output = ended.expect("the binary can be run");
    let text = |bytes| String::from_utf8(bytes).expect("carepass writes UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), notes: text(output.stderr) }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder")
}

/// Writes a file into the folder and gives its path.
fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a folder of our own");
    path
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("our names are ASCII")
}

#[tokio::test]
async fn the_demo_ends_with_somebody_who_waits_for_a_person() {
    let scratch = folder();
    let ran = finish(command(&["demo", "--once"]).env("TMPDIR", scratch.path())).await;
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.notes);
    let table: Vec<&str> = ran.out.lines().skip(1).take(ENGINEERS.len()).collect();
    let keys: Vec<&str> = table.iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(keys, ENGINEERS, "{}", ran.out);
    assert!(table.iter().any(|line| line.contains(" ready ") && line.contains(" 4/4")), "{}", ran.out);
    let waits = |words: &str| ran.out.lines().filter(|line| line.contains(words)).count();
    // Two of the seven who have a name get the last two seats of the Danish reseller account.
    assert_eq!(waits("in reseller-dk.example: waits for you: seats"), 5, "{}", ran.out);
    assert_eq!(
        waits("J-00312 in reseller-dk.example: waits for HR: a name in Latin letters"),
        1,
        "{}",
        ran.out
    );
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

/// A demo that runs on, for the commands that talk to a daemon.
struct House {
    demo: Child,
    api: String,
    token: String,
    /// The command that the demo prints for whoever wants to see a task close.
    more_seats: String,
}

impl House {
    /// Starts it, and reads from its notes where it is and what opens it.
    async fn open() -> Self {
        let mut demo = command(&["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let mut notes = BufReader::new(demo.stderr.take().expect("a pipe")).lines();
        let mut more_seats = String::new();
        let hint = async {
            loop {
                let line = notes.next_line().await.expect("a pipe").expect("the demo says how to look at it");
                if line.contains("--token-file") {
                    return line;
                }
                if line.trim_start().starts_with("curl ") {
                    line.trim().clone_into(&mut more_seats);
                }
            }
        };
        let hint = tokio::time::timeout(LIMIT, hint).await.expect("the demo starts within the limit");
        let after = |option: &str| {
            let words = hint.split([' ', '`']).skip_while(|word| *word != option);
            words
                .skip(1)
                .map(|word| word.trim_end_matches('.'))
                .next()
                .expect("an option has a value")
                .to_owned()
        };
        Self { api: after("--api"), token: after("--token-file"), more_seats, demo }
    }

    async fn asked(&self, arguments: &[&str]) -> Ran {
        run(&[arguments, &["--api", &self.api, "--token-file", &self.token]].concat()).await
    }

    /// Asks until the answer is the one that is waited for.
    async fn asked_until(&self, arguments: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let ran = self.asked(arguments).await;
                if ran.code == Some(0) && holds(&ran.json()) {
                    return ran.json();
                }
            }
        };
        tokio::time::timeout(LIMIT, asking).await.expect("it comes about within the limit")
    }

    async fn close(mut self) -> Option<i32> {
        signal(&self.demo.id().expect("it runs").to_string(), "TERM");
        let ended = tokio::time::timeout(LIMIT, self.demo.wait()).await.expect("it ends within the limit");
        ended.expect("a child of this process").code()
    }
}

#[tokio::test]
async fn what_scripts_ask_a_daemon_is_json_of_the_contract() {
    let house = House::open().await;
    let waits = |engineer: &Value| {
        let rows = engineer["enrollments"].as_array().cloned().unwrap_or_default();
        rows.iter().any(|row| row["reason"] == "seats_spent")
    };
    let status = house
        .asked_until(&["status", "--json"], |status| {
            let items = status["items"].as_array().expect("items");
            items.len() == ENGINEERS.len() && items.iter().any(waits)
        })
        .await;
    let items = status["items"].as_array().unwrap();
    let somebody = items.iter().find(|engineer| waits(engineer)).unwrap();
    for field in ["key", "goal", "state", "revision", "username", "enrollments"] {
        assert!(somebody.get(field).is_some(), "no {field} in {somebody:#}");
    }

    let key = somebody["key"].as_str().unwrap();
    let explained = house.asked(&["explain", key, "--json"]).await;
    assert_eq!(
        (explained.code, &explained.json()["key"]),
        (Some(0), &somebody["key"]),
        "{}",
        explained.notes
    );
    let asa = ["--given", "Åsa Märta", "--family", "Öberg-Großmann", "--language", "sv", "--json"];
    let preview = house
        .asked_until(&[&["username", "preview"], &asa[..]].concat(), |found| {
            found["candidates"][0]["taken_by"].is_object()
        })
        .await;
    let taken = json!({ "kind": "reservation", "engineer": "E-20417" });
    assert_eq!(
        (&preview["candidates"][0]["name"], &preview["candidates"][0]["taken_by"]),
        (&json!("asa.oberg-grossmann"), &taken)
    );
    assert_eq!(preview["username"], "asa.m.oberg-grossmann", "{preview:#}");
    let held = [
        ("Mette", "Holm", json!({ "kind": "account", "domain": "reseller-dk.example" })),
        ("Maria", "Nilsson", json!({ "kind": "account", "domain": "reseller-se.example" })),
    ];
    for (given, family, by) in held {
        let names = ["--given", given, "--family", family, "--language", "sv", "--json"];
        let ask = [&["username", "preview"], &names[..]].concat();
        let found = house.asked_until(&ask, |found| found["unknown"] == json!([])).await;
        assert_eq!(found["candidates"][0]["taken_by"], by, "{found:#}");
    }
    let kept = house.asked(&[&["username", "preview", "--key", "E-20417"], &asa[..]].concat()).await.json();
    assert_eq!((&kept["username"], &kept["reason"]), (&json!("asa.oberg-grossmann"), &json!("kept")));
    let row = ["--domain", "reseller-dk.example", "--reason", "a test", "--json"];
    let ordered = house.asked(&[&["order", "retry", key][..], &row].concat()).await;
    assert_eq!(ordered.code, Some(0), "{}", ordered.notes);
    assert_eq!(ordered.json()["items"][0]["target"]["domain"], "reseller-dk.example", "{}", ordered.out);
    assert_eq!(house.asked(&["explain", "E-0"]).await.code, Some(1), "nobody of that key");
    a_name_that_is_missing_is_one_task(&house).await;
    a_task_closes_as_the_demo_says(&house).await;
    assert_eq!(house.close().await, Some(0));
}

/// The name is the engineer's and not a domain's: one card, and every domain looks when it is done.
async fn a_name_that_is_missing_is_one_task(house: &House) {
    let waits = |row: &&Value| row["reason"] == "latin_name_needed";
    let rows = |answer: &Value, list: &str| answer[list].as_array().cloned().unwrap_or_default();
    house
        .asked_until(&["explain", "J-00312", "--json"], |engineer| {
            rows(engineer, "enrollments").iter().filter(waits).count() == 4
        })
        .await;
    let tasks = house.asked(&["task", "list", "--json"]).await.json();
    let cards: Vec<Value> = rows(&tasks, "items").into_iter().filter(|card| waits(&card)).collect();
    let [card] = cards.as_slice() else { panic!("one card: {cards:#?}") };
    assert_eq!(
        (&card["engineers"], &card["reseller"], &card["domain"]),
        (&json!(["J-00312"]), &Value::Null, &Value::Null)
    );
    let id = card["id"].as_str().expect("an id");
    let done = house.asked(&["task", "done", id, "--reason", "HR was asked", "--json"]).await;
    assert_eq!((done.code, rows(&done.json(), "items").len()), (Some(0), 4), "{}", done.notes);
}

/// The printed command is sent as `curl` would send it; then the card that it is about is said to be done, and goes.
async fn a_task_closes_as_the_demo_says(house: &House) {
    let seats = |tasks: &Value| {
        let items = tasks["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|card| card["reason"] == "seats_spent")
    };
    let tasks = house.asked_until(&["task", "list", "--json"], |tasks| seats(tasks).is_some()).await;
    let card = seats(&tasks).expect("it waits for seats");
    let [_, body, address] = house.more_seats.split('\'').collect::<Vec<_>>()[..] else {
        panic!("a command with one quoted body: {}", house.more_seats)
    };
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let form = "application/x-www-form-urlencoded";
    let request = client.post(address.trim()).header("content-type", form).body(body.to_owned());
    assert_eq!(request.send().await.expect("the sandbox answers").status().as_u16(), 204);
    let id = card["id"].as_str().expect("an id");
    let done = house.asked(&["task", "done", id, "--reason", "seats were bought"]).await;
    assert_eq!(done.code, Some(0), "{}", done.notes);
    house.asked_until(&["task", "list", "--json"], |tasks| seats(tasks).is_none()).await;
}

/// Offers an event over HTTP, and gives the status and the answer.
async fn offered(house: &House, event: &Value) -> (u16, Value) {
    let token = std::fs::read_to_string(&house.token).expect("the demo wrote it");
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.post(format!("{}/v1/events", house.api)).bearer_auth(token.trim());
    let request = request.header("content-type", crate::fixture::events::CONTENT_TYPE);
    let response = request.body(event.to_string()).send().await.expect("the demo answers");
    let (status, text) = (response.status().as_u16(), response.text().await.expect("an answer"));
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn what_could_not_be_used_is_listed_shown_and_offered_again() {
    let house = House::open().await;
    let nothing = house.asked(&["dead", "list"]).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(0), ""), "{}", nothing.notes);
    assert_eq!(house.asked(&["dead", "replay", "--all", "--reason", "a test"]).await.code, Some(0));
    let (status, problem) = offered(&house, &crate::fixture::events::joined(1)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("event_refused")), "another source than the demo's");
    let letter = problem["letter"].as_str().expect("an id");

    let table = house.asked(&["dead", "list"]).await;
    let line = table.out.lines().nth(1).expect("one message");
    let columns: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(
        (columns[0], &columns[4..8]),
        (letter, &["http", "E-00001", "untrusted", "source"][..]),
        "{line}"
    );
    let listed = house.asked(&["dead", "list", "--json"]).await.json();
    assert_eq!(
        (&listed["items"][0]["id"], listed["items"].as_array().map(Vec::len)),
        (&json!(letter), Some(1))
    );

    let shown = house.asked(&["dead", "show", letter]).await;
    assert!(shown.out.contains("/source  untrusted_source") && !shown.out.contains("Groß"), "{}", shown.out);
    let whole = house.asked(&["dead", "show", letter, "--body", "--json"]).await.json();
    let body: Value = serde_json::from_str(whole["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body, crate::fixture::events::joined(1));

    let why = ["--reason", "a test"];
    let replayed = house.asked(&[&["dead", "replay", letter][..], &why].concat()).await;
    assert_eq!((replayed.code, replayed.out.as_str()), (Some(1), ""), "{}", replayed.notes);
    assert!(replayed.notes.contains("/source"), "{}", replayed.notes);
    let all = house.asked(&[&["dead", "replay", "--all", "--json"][..], &why].concat()).await;
    assert_eq!((all.code, &all.json()["items"][0]["outcome"]), (Some(1), &json!("refused")), "{}", all.out);
    assert_eq!(house.asked(&["dead", "show", &"0".repeat(32)]).await.code, Some(1), "no such message");
    assert_eq!(run(&["dead", "replay", "--reason", "neither"]).await.code, Some(2));
    assert_eq!(house.close().await, Some(0));
}

#[tokio::test]
async fn without_a_daemon_the_commands_say_so() {
    let ran = run(&["status", "--api", "http://127.0.0.1:9"]).await;
    assert_eq!(ran.code, Some(6));
    assert!(ran.out.is_empty() && ran.notes.contains("http://127.0.0.1:9"), "{}", ran.notes);
}

const BROKEN: &str = r#"
[intake.amqp]
prefetchh = 5
[engine]
lease = "soon"
[http]
listen = "everywhere"
[mail]
transport = "none"
[[resellers]]
name = "nordic-se"
customer_id = "abc"
"#;

/// Each fault of `BROKEN`: its key, and a word of what to do.
const FAULTS: [(&str, &str); 6] = [
    ("intake.amqp.prefetchh", "did you mean prefetch?"),
    ("engine.lease", "write it like"),
    ("http.listen", "write them like"),
    ("resellers[0].customer_id", "copy it from"),
    ("resellers[0].admin", "write the address"),
    ("resellers[0].credentials_file", "name the JSON key"),
];

#[tokio::test]
async fn every_fault_of_a_configuration_is_named_at_once() {
    let folder = folder();
    let file = written(&folder, "broken.toml", BROKEN);
    for name in ["check", "serve"] {
        let ran = run(&[name, "--config", shown(&file)]).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{name}: {}", ran.notes);
        for (key, advice) in FAULTS {
            let names = |line: &&str| line.contains("broken.toml") && line.contains(&format!(" {key}:"));
            let line =
                ran.notes.lines().find(names).unwrap_or_else(|| panic!("{name}: no {key}: {}", ran.notes));
            assert!(line.contains(advice), "{name}: {line}");
        }
        assert_eq!(ran.notes.lines().count(), FAULTS.len(), "{name}: {}", ran.notes);
    }
}

#[tokio::test]
async fn every_fault_of_an_event_is_named_at_once() {
    let mut event = crate::fixture::events::joined(1);
    event["subject"] = json!("engineer/E-99999");
    event["data"]["employment"]["timeZone"] = json!("Mars/Base");
    event["data"]["engineer"]["role"] = json!("super");
    let folder = folder();
    let file = written(&folder, "event.json", &event.to_string());
    let faults = [
        ("/subject", "subject_mismatch"),
        ("/data/employment/timeZone", "unknown_time_zone"),
        ("/data/engineer/role", "role_field_forbidden"),
    ];

    let told = run(&["event", "lint", shown(&file)]).await;
    assert_eq!(told.code, Some(1), "the command was called rightly, the event is what is wrong");
    for (pointer, code) in faults {
        assert!(told.out.contains(&format!("{pointer}  {code}")), "no {code}: {}", told.out);
    }
    let listed = run(&["event", "lint", "--json", shown(&file)]).await;
    let mut found: Vec<Value> = listed.json()["items"][0]["faults"].as_array().unwrap().clone();
    found.sort_by_key(ToString::to_string);
    let mut expected = faults.map(|(pointer, code)| json!({ "pointer": pointer, "code": code }));
    expected.sort_by_key(ToString::to_string);
    assert_eq!((listed.code, found), (Some(1), expected.to_vec()));

    let unsent = run(&["event", "publish", shown(&file)]).await;
    assert_eq!((unsent.code, unsent.out.as_str()), (Some(1), ""), "{}", unsent.notes);
    let good = written(&folder, "good.json", &crate::fixture::events::joined(1).to_string());
    assert_eq!(run(&["event", "lint", shown(&good)]).await.code, Some(0));
}

#[tokio::test]
async fn what_sandbox_init_wrote_works_together_and_is_not_written_over() {
    let folder = folder();
    let made = folder.path().join("try");
    let first = run(&["sandbox", "init", shown(&made)]).await;
    assert_eq!(first.code, Some(0), "{}", first.notes);
    let checked = run(&["check", "--config", shown(&made.join("carepass.toml"))]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.notes);

    let world = std::fs::read(made.join("world.toml")).unwrap();
    let second = run(&["sandbox", "init", shown(&made)]).await;
    assert_eq!(second.code, Some(1));
    assert!(
        second.notes.contains("already there") && second.notes.contains("world.toml"),
        "{}",
        second.notes
    );
    assert_eq!(std::fs::read(made.join("world.toml")).unwrap(), world);
}

#[tokio::test]
async fn a_sandbox_that_cannot_speak_https_leaves_nothing_behind() {
    let folder = folder();
    let missing = folder.path().join("missing.pem");
    let mut sandbox = command(&["sandbox", "--tls", shown(&missing), shown(&missing)]);
    let ran = finish(sandbox.env("TMPDIR", folder.path())).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.notes);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder of our own").count(), 0);
}

#[tokio::test]
async fn a_previewed_username_has_the_shape_of_the_contract() {
    let preview = |given, family, language| async move {
        let names = ["--given", given, "--family", family, "--language", language, "--json"];
        let ran = run(&[&["username", "preview"], &names[..]].concat()).await;
        assert_eq!(ran.code, Some(0), "{}", ran.notes);
        ran.json()
    };
    let found = preview("Åsa", "Öberg", "sv").await;
    assert_eq!(found["username"], "asa.oberg");
    assert_eq!(found["candidates"][0], json!({ "name": "asa.oberg", "taken_by": null }));
    assert!(found["reason"].is_string());
    assert_eq!(preview("太郎", "山田", "ja").await["username"], Value::Null, "nothing is guessed");
}

#[tokio::test]
async fn people_of_a_spreadsheet_are_shown_before_anything_is_sent() {
    let folder = folder();
    let good = "\u{feff}key;given;family;language;start_date\r\nE-1;Åsa;Öberg;sv;2026-12-01\r\nJ-1;太郎;山田;ja;\r\n";
    let file = written(&folder, "people.csv", good);
    let import = ["event", "import", shown(&file), "--time-zone", "Europe/Stockholm"];
    let ran = run(&import).await;
    assert_eq!(ran.code, Some(0), "{}", ran.notes);
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1], ["E-1", "asa.oberg", "2026-12-01", "Europe/Stockholm", "all"]);
    assert_eq!(lines[2], ["J-1", "asked", "back", "at", "once", "all"]);
    assert!(ran.notes.contains("Nothing was published"), "{}", ran.notes);

    let listed = run(&[&import[..], &["--json"]].concat()).await.json();
    let again = run(&[&import[..], &["--json"]].concat()).await.json();
    assert_eq!(
        (listed["items"][0]["id"].as_str(), &listed["published"]),
        (again["items"][0]["id"].as_str(), &Value::Null)
    );
    let unsent = run(&[&import[..], &["--publish", "--amqp", "amqp://127.0.0.1:9"]].concat()).await;
    assert_eq!(unsent.code, Some(6), "{}", unsent.notes);
}

#[tokio::test]
async fn every_fault_of_a_spreadsheet_is_named_with_line_and_column() {
    let folder = folder();
    let bad = "key,given,family,time_zone,start_date\nE-1,=cmd(),Ek,Mars/Base,2026-12-01\na@b,Åsa,Ek,Europe/Oslo,1/12/2026\n";
    let file = written(&folder, "people.csv", bad);
    let told = run(&["event", "import", shown(&file), "--publish", "--language", "sv"]).await;
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{}", told.notes);
    for place in [
        "rad 2, kolumn 2 (given)",
        "rad 2, kolumn 4 (time_zone)",
        "rad 3, kolumn 1 (key)",
        "rad 3, kolumn 5 (start_date)",
    ] {
        assert!(told.notes.contains(place), "no {place}: {}", told.notes);
    }
    let listed = run(&["event", "import", shown(&file), "--json"]).await;
    let first = &listed.json()["faults"][0];
    assert_eq!(
        (listed.code, first),
        (Some(1), &json!({ "line": 2, "column": 2, "name": "given", "code": "formula" }))
    );

    let latin = folder.path().join("latin.csv");
    std::fs::write(&latin, b"key,given,family\nE-1,\xc5sa,Ek\n").unwrap();
    let refused = run(&["event", "import", shown(&latin), "--time-zone", "Europe/Oslo"]).await;
    assert!(
        refused.code == Some(1) && refused.notes.contains("line 2: The file is not UTF-8"),
        "{}",
        refused.notes
    );
    assert_eq!(run(&["event", "import", "/nowhere.csv"]).await.code, Some(2));
}

#[tokio::test]
async fn a_wrong_call_is_told_from_a_failure() {
    for arguments in [&[][..], &["nonsense"], &["check"], &["serve", "--config"], &["username", "preview"]] {
        assert_eq!(run(arguments).await.code, Some(2), "{arguments:?}");
    }
    assert_eq!(run(&["--version"]).await.code, Some(0));
}
