//! The configuration: any text in a file and in variables loads or is refused without a panic, every fault says where and what, and no
//! secret of it is told. Not here: which settings are right (`config`).

use super::engine::{Judged, run};
use carepass::clock::Clock;
use carepass::config;
use carepass::sandbox::init;
use std::path::{Path, PathBuf};

/// What must not be told: it stands in the seeds where secrets stand.
const SECRET: &str = "kanarie~hemlighet";

const WORDS: &[&str] = &[
    "[",
    "]",
    "[[resellers]]\n",
    "[intake.amqp]\n",
    "[[intake.keys]]\n",
    "=",
    "\"",
    "'",
    "\"\"\"",
    "{",
    "}",
    ",",
    "#",
    "\n",
    "\u{0}",
    "\u{feff}",
    "å",
    "true",
    "false",
    "-1",
    "1e999",
    "99999999999999999999",
    "nan",
    "inf",
    "2026-01-01",
    "\"1d\"",
    "\"-1s\"",
    "\"99999999999d\"",
    "\"all\"",
    "[]",
    "name = \"nordic-se\"\n",
    "resellers = 1\n",
    "CAREPASS__STORE__PATH=x\n",
    "CAREPASS__=\n",
    "CAREPASS__RESELLERS__NORDIC_SE__ADMIN=x\n",
    "http://",
    "https://evil.example",
    "@",
    "..",
    "/nowhere",
];

/// The files that come with carepass, and some variables; with a secret in each place that takes one.
fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    init::write(folder).expect("the sandbox's files");
    let own = std::fs::read_to_string(folder.join("carepass.toml")).expect("just written");
    let secret = own.replacen("amqp://127.0.0.1", &format!("amqp://carepass:{SECRET}@127.0.0.1"), 1);
    assert!(secret.contains(SECRET), "the seed holds a secret");
    let variables = format!(
        "CAREPASS__INTAKE__AMQP__URL=amqp://u:{SECRET}@127.0.0.1:5672\nCAREPASS__HTTP__LISTEN=127.0.0.1:0\n\
         CAREPASS__MAIL__PASSWORD={SECRET}\nCAREPASS__ENGINE__BACKOFF_MIN=1s\n\n{own}"
    );
    let shipped = [
        include_str!("../../../config/default.toml"),
        include_str!("../../../config/production.example.toml"),
    ];
    // Short ones are changed where it matters, and are read at once.
    let short = format!(
        "[intake.amqp]\nurl = \"amqp://carepass:{SECRET}@127.0.0.1:5672/%2f\"\n[mail]\ntransport = \"smtp\"\nhost = \"localhost\"\n\
         user = \"carepass\"\npassword = \"{SECRET}\"\n"
    );
    let broker = format!("CAREPASS__INTAKE__AMQP__URL=amqps://carepass:{SECRET}@mq.example:5671/hr\n\n");
    let mail = format!("CAREPASS__MAIL__PASSWORD={SECRET}\nCAREPASS__MAIL__USER=carepass\n\n");
    let own_ones = [own, secret, variables, short, broker, mail];
    let mut seeds: Vec<Vec<u8>> = own_ones.into_iter().map(String::into_bytes).collect();
    seeds.extend(shipped.map(|text| text.as_bytes().to_vec()));
    seeds
}

/// The variables are the lines before the first empty one that look like some; the rest is the file.
fn parts(input: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let end = input.windows(2).position(|two| two == b"\n\n").filter(|_| input.starts_with(b"CAREPASS__"));
    let Some(end) = end else { return (Vec::new(), input) };
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    (head.lines().filter_map(pair).collect(), &input[end + 2..])
}

fn judge(file: &PathBuf, input: &[u8]) -> Judged {
    let (variables, text) = parts(input);
    std::fs::write(file, text).map_err(|error| error.to_string())?;
    let load =
        || config::load(std::slice::from_ref(file), variables.clone().into_iter(), Clock::System.now());
    match load() {
        Ok(config) => {
            let shown = format!("{config:?}");
            if shown.contains(SECRET) {
                return Err("a configuration that shows a secret".to_owned());
            }
            let again = load().map(|config| format!("{config:?}"));
            if again.as_ref() == Ok(&shown) {
                Ok("loads".to_owned())
            } else {
                Err("loads otherwise the second time".to_owned())
            }
        }
        Err(faults) => {
            let told = format!("{faults} {faults:?}");
            if told.contains(SECRET) {
                return Err(format!("a fault that tells a secret: {told}"));
            }
            let first = faults.iter().next().ok_or("no fault, and it does not load")?;
            if faults.iter().any(|fault| fault.what.is_empty()) {
                return Err("a fault without words".to_owned());
            }
            let what: String = first.what.chars().filter(|one| !one.is_ascii_digit()).take(40).collect();
            Ok(format!(
                "{}: {what}",
                first
                    .key
                    .chars()
                    .filter(|one| one.is_ascii_lowercase() || "._".contains(*one))
                    .take(40)
                    .collect::<String>()
            ))
        }
    }
}

#[test]
fn any_configuration_loads_or_is_refused_without_a_secret() {
    let folder = tempfile::Builder::new().prefix("carepass-it-").tempdir().expect("a temporary folder");
    let seeds = seeds(folder.path());
    // Beside the files that the configuration names.
    let file = folder.path().join("fuzzed.toml");
    run("configurations", seeds, WORDS, |input| judge(&file, input));
}
