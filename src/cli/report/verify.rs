//! `carepass report verify`: whether an evidence pack is as it was written, by its own chain alone; and, where the ledger is at hand,
//! whether every line of it is what that proves. Not here: making one (`evidence`).

use super::super::exit::{Ended, Exit, Trouble};
use super::super::ledger::{blocking, trouble};
use super::super::ledger_source::Reading;
use super::super::screen::Screen;
use super::super::serve::load;
use super::evidence::{self, FORMAT, Opening};
use crate::config::Backend;
use crate::model::report::evidence::sha256;
use crate::store::{embedded, postgres};
use clap::Args;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// The longest line, in bytes.
const LINE_MAX: u64 = 16 * 1024 * 1024;

/// Arguments of `report verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The pack
    #[arg(value_name = "FILE")]
    pack: PathBuf,
    /// The head of the pack, as it was printed when the pack was made
    #[arg(long, value_name = "SHA256")]
    head: Option<String>,
    /// Configuration files, the later the stronger: also compare with the ledger that they name
    #[arg(long, value_name = "FILE", num_args = 1..)]
    config: Vec<PathBuf>,
    /// Also compare with the ledger in this folder of a store or of a backup
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = super::super::LAST)]
    json: bool,
}

/// What a pack that is whole says.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    lines: u64,
    sha256: String,
    opening: Opening,
}

/// Runs the command.
pub async fn run(args: &VerifyArgs, screen: &mut Screen) -> Ended {
    let place = match &args.store {
        Some(store) => Some(Backend::Embedded { path: store.clone() }),
        None if args.config.is_empty() => None,
        None => match load(&args.config, screen) {
            Some(config) => Some(config.store.backend),
            None => return Ok(Exit::Usage),
        },
    };
    let found = read(&args.pack)?;
    let flaw = match (&found, &args.head) {
        (Ok(found), Some(head)) if found.sha256 != head.trim().to_ascii_lowercase() => {
            Some("it is another pack than the one with this head, or was made anew".to_owned())
        }
        (Ok(found), _) => match &place {
            Some(place) => against(found, &args.pack, place).await?,
            None => None,
        },
        (Err(flaw), _) => Some(flaw.clone()),
    };
    if args.json {
        let found = found.as_ref().ok();
        let opening = found.map(|found| &found.opening);
        let shown = json!({
            "sound": flaw.is_none(), "lines": found.map(|found| found.lines), "sha256": found.map(|found| &found.sha256),
            "compared": place.is_some(), "flaw": flaw, "from": opening.map(|of| of.from), "to": opening.map(|of| of.to),
            "population": opening.map(|of| of.population), "position": opening.map(|of| of.ledger.position),
            "seed": opening.and_then(|of| Some(&of.sample.as_ref()?.seed)),
        });
        screen.say(format_args!("{shown:#}"));
    } else if let (Ok(found), None) = (&found, &flaw) {
        let compared =
            if place.is_some() { " Made again from the ledger, every line is the same." } else { "" };
        screen.say(format_args!(
            "The pack is whole: {} lines. Head of the pack: {}.{compared}\n{}",
            found.lines,
            found.sha256,
            about(&found.opening)
        ));
    }
    if let Some(flaw) = &flaw {
        screen.note(format_args!("{}: {flaw}.", args.pack.display()));
    }
    if place.is_none() && flaw.is_none() {
        screen.note("Whether the ledger says the same was not looked at; name it with --config or --store.");
        if args.head.is_none() {
            screen.note(
                "By itself a pack does not show that lines were cut or changed and its chain made anew: pass the head that was printed when it was made (--head).",
            );
        }
    }
    Ok(if flaw.is_none() { Exit::Done } else { Exit::Failed })
}

/// What whoever asked for the pack compares with what they asked for: the ledger does not know that. What a file says is quoted.
fn about(of: &Opening) -> String {
    let chosen = of
        .sample
        .as_ref()
        .map_or("named one by one".to_owned(), |lot| format!("chosen by the seed {:?}", lot.seed));
    format!(
        "It is of {} to {}, for {} of {} engineers, {chosen}, when the ledger ended with entry {}.",
        of.from,
        of.to,
        of.engineers.len(),
        of.population,
        of.ledger.position.0
    )
}

/// Reads the pack along its chain: what it says, or what is wrong with it.
fn read(path: &Path) -> Result<Result<Found, String>, Trouble> {
    let unreadable =
        |error: &dyn std::fmt::Display| Trouble::usage(format!("{} cannot be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
    let mut reader = BufReader::new(file);
    let mut walk = Walk::default();
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(LINE_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(&error))? == 0 {
            return Ok(walk.finish());
        }
        if let Err(flaw) = walk.step(line.strip_suffix(b"\n").unwrap_or(&line)) {
            return Ok(Err(flaw));
        }
    }
}

/// The lines so far.
#[derive(Default)]
struct Walk {
    lines: u64,
    previous: String,
    ended: bool,
    opening: Option<Opening>,
    /// The entry and the engineer of the last line that had them.
    last: (u64, String),
}

impl Walk {
    fn step(&mut self, line: &[u8]) -> Result<(), String> {
        self.lines += 1;
        let number = self.lines;
        let value: Value = serde_json::from_slice(line).map_err(|_| format!("line {number} is not JSON"))?;
        if self.ended {
            return Err(format!("line {number} stands behind the end"));
        }
        if value["line"] != json!(number) || value["previous"] != json!(self.previous) {
            return Err(format!("line {number} does not follow the one before it: one of them was changed"));
        }
        if number == 1 {
            self.begin(value.clone())?;
        }
        self.ended = value["end"] == true;
        if let Some(position) = value["position"].as_u64() {
            let place = (position, value["engineer"].as_str().unwrap_or_default().to_owned());
            if place <= self.last {
                return Err(format!(
                    "line {number} is of an entry and an engineer that had their line before"
                ));
            }
            self.last = place;
        }
        self.previous = sha256(line);
        Ok(())
    }

    fn begin(&mut self, value: Value) -> Result<(), String> {
        if value["format"] != FORMAT {
            return Err("it is no evidence pack of this version of carepass".to_owned());
        }
        let opening = serde_json::from_value(value);
        self.opening = Some(opening.map_err(|_| "its first line does not say what it is of".to_owned())?);
        Ok(())
    }

    fn finish(self) -> Result<Found, String> {
        match self.opening.filter(|_| self.ended) {
            Some(opening) => Ok(Found { lines: self.lines, sha256: self.previous, opening }),
            None => Err(format!("it ends after line {}, without its closing line", self.lines)),
        }
    }
}

/// What of the pack is not so in the ledger, if anything.
async fn against(found: &Found, pack: &Path, place: &Backend) -> Result<Option<String>, Trouble> {
    let head = &found.opening.ledger.sha256;
    let unknown = "the ledger's chain does not go through the head that the pack names";
    let is_known = match place {
        Backend::Embedded { path } => {
            let (root, head) = (path.clone(), head.clone());
            let verified = blocking(move || embedded::verify(&root, Some(&head))).await?;
            verified.map_err(|error| trouble(&error))?.known
        }
        Backend::Postgres { endpoint, .. } => {
            let verified = postgres::verify(endpoint, Some(head), None).await;
            verified.map_err(|error| trouble(&error))?.known
        }
    };
    if !is_known {
        return Ok(Some(unknown.to_owned()));
    }
    let unreadable =
        |error: std::io::Error| Trouble::usage(format!("{} cannot be read: {error}", pack.display()));
    let mut said = BufReader::new(std::fs::File::open(pack).map_err(unreadable)?).lines();
    let (mut number, mut flaw) = (0, None);
    evidence::make(place, &found.opening, |made| {
        number += 1;
        let line = said.next().transpose().map_err(unreadable)?;
        if line.is_some_and(|line| unchained(&line) == Some(made)) {
            return Ok(Reading::On);
        }
        flaw.get_or_insert_with(|| format!("line {number} stands otherwise in the ledger"));
        Ok(Reading::Enough)
    })
    .await?;
    let more = (number < found.lines).then(|| format!("line {} is not in the ledger", number + 1));
    Ok(flaw.or(more))
}

/// A line without what its place in the pack adds.
fn unchained(line: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(line).ok()?;
    let fields = value.as_object_mut()?;
    fields.remove("line");
    fields.remove("previous");
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a pack, chained as `evidence` chains them.
    fn pack(bodies: &[Value]) -> Vec<String> {
        let mut previous = String::new();
        let chained = bodies.iter().zip(1..).map(|(body, number)| {
            let mut body = body.clone();
            body["line"] = json!(number);
            body["previous"] = json!(previous);
            let text = body.to_string();
            previous = sha256(text.as_bytes());
            text
        });
        chained.collect()
    }

    fn bodies() -> Vec<Value> {
        vec![
            json!({
                "format": FORMAT, "made_at": "2026-11-02T00:00:00Z", "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z",
                "population": 7, "sample": { "size": 1, "seed": "a" }, "engineers": ["E-1"],
                "ledger": { "position": 9, "sha256": "ab", "vouched": true },
            }),
            json!({ "position": 3, "entry_sha256": "cd", "proofs": ["a"] }),
            json!({ "position": 5, "entry_sha256": "ef", "proofs": [] }),
            json!({ "end": true }),
        ]
    }

    fn judged(lines: &[String]) -> Result<Found, String> {
        let mut walk = Walk::default();
        lines.iter().try_for_each(|line| walk.step(line.as_bytes()))?;
        walk.finish()
    }

    #[test]
    fn a_pack_that_was_touched_anywhere_is_not_whole() {
        let lines = pack(&bodies());
        let found = judged(&lines).expect("it is whole");
        assert_eq!((found.lines, found.opening.population, found.opening.ledger.position.0), (4, 7, 9));
        let check = |what: &str, touched: Vec<String>, expected: &str| {
            let flaw = judged(&touched).expect_err(what);
            assert!(flaw.contains(expected), "{what}: {flaw}");
        };
        for place in 0..lines.len() - 1 {
            let mut less = lines.clone();
            less.remove(place);
            check("removed", less, "does not follow");
            let mut changed = lines.clone();
            changed[place] = changed[place].replacen('}', ",\"more\":1}", 1);
            check("changed", changed, "does not follow");
        }
        let mut swapped = lines.clone();
        swapped.swap(1, 2);
        check("swapped", swapped, "does not follow");
        check("cut off", lines[..3].to_vec(), "without its closing line");
        let more = pack(&[bodies(), vec![json!({})]].concat());
        check("behind the end", more, "stands behind the end");
        let mut other = bodies();
        other[0]["format"] = json!("else");
        check("another format", pack(&other), "no evidence pack");
        let mut twice = bodies();
        twice[2]["position"] = json!(3);
        check("two lines of one entry", pack(&twice), "had their line before");
    }
}
