//! `carepass report evidence`: a pack for an auditor. It is a file of JSON lines, each of which names the SHA-256 of the line before it;
//! the first says what the pack is of and where the ledger's own chain stood, the last how many there are. `sha256sum` is enough to check
//! it. Not here: what an entry proves (`model/report/evidence`), and checking (`verify`).

use super::super::exit::{Ended, Exit, Trouble};
use super::super::ledger::{WhichLedger, blocking, trouble};
use super::super::ledger_source::{self, Reading};
use super::super::screen::Screen;
use super::PeriodOptions;
use crate::clock::Clock;
use crate::config::Backend;
use crate::model::entry::Position;
use crate::model::id::EngineerKey;
use crate::model::report::Period;
use crate::model::report::evidence::{Prover, Sample, sha256};
use crate::store::embedded::{self, ChainKey};
use crate::store::postgres;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What the first line says it is.
pub(super) const FORMAT: &str = "carepass-evidence-1";

/// The largest sample: each of its engineers is kept in mind.
const SAMPLE_MAX: u32 = 10_000;

/// Arguments of `report evidence`.
#[derive(Clone, Debug, Args)]
pub struct EvidenceArgs {
    #[command(flatten)]
    which: WhichLedger,
    #[command(flatten)]
    period: PeriodOptions,
    /// So many of the engineers whom an entry of the period concerns
    #[arg(long, value_name = "NUMBER", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=i64::from(SAMPLE_MAX)))]
    sample: u32,
    /// What chooses them: the auditor's own word; the head of the ledger's chain, if you do not say it
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// These engineers, instead of a sample
    #[arg(long, value_name = "KEY", conflicts_with_all = ["sample", "seed"])]
    engineer: Vec<EngineerKey>,
    /// The file to write, which must not be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What a pack is of, as its first line says it. Everything else in a pack follows from this and the ledger.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Opening {
    made_at: Timestamp,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// How the engineers were chosen; none where somebody named them.
    pub(super) sample: Option<Lot>,
    pub(super) engineers: BTreeSet<EngineerKey>,
    /// How many there were to choose from.
    pub(super) population: usize,
    pub(super) ledger: Head,
}

/// So many, chosen by a seed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lot {
    size: u32,
    pub(super) seed: String,
}

/// Where the ledger's chain stood.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) position: Position,
    pub(super) sha256: String,
    vouched: bool,
}

/// Runs the command: the ledger is verified first.
pub async fn run(args: &EvidenceArgs, screen: &mut Screen) -> Ended {
    let period = args.period.period()?;
    let Some((place, key)) = args.which.of(screen)? else { return Ok(Exit::Usage) };
    let ledger = head(&place, key).await?;
    let engineers: BTreeSet<EngineerKey> = args.engineer.iter().cloned().collect();
    refuse_unheard_of(&place, engineers.clone(), ledger.position).await?;
    let seed = || args.seed.clone().unwrap_or_else(|| ledger.sha256.clone());
    let sample = engineers.is_empty().then(|| Lot { size: args.sample, seed: seed() });
    let made_at = Clock::System.now();
    let opening =
        Opening { made_at, from: period.from, to: period.to, sample, engineers, population: 0, ledger };
    let (mut pack, mut first) = (None, None);
    let made = make(&place, &opening, |line| {
        first.get_or_insert_with(|| line.clone());
        // Nothing is left behind where the ledger cannot even be read for the choice.
        let pack = match &mut pack {
            Some(pack) => pack,
            none @ None => none.insert(Pack::create(&args.out)?),
        };
        pack.line(line).map(|()| Reading::On)
    });
    made.await?;
    let (lines, sha256) = pack.expect("every pack has a first line").end()?;
    let first = first.unwrap_or_default();
    screen.say(format_args!(
        "{} of {} engineers, {lines} lines in {}. Head of the pack: {sha256}. Kept elsewhere, it proves later that nothing in it was changed.",
        first["engineers"].as_array().map_or(0, Vec::len),
        first["population"],
        args.out.display()
    ));
    if !opening.ledger.vouched {
        screen.note(
            "Who wrote the ledger was not looked at, since the master key is not at hand (--master-key).",
        );
    }
    Ok(Exit::Done)
}

/// A pack of a key that was mistyped would prove that nothing was done for that person.
async fn refuse_unheard_of(
    place: &Backend,
    mut keys: BTreeSet<EngineerKey>,
    until: Position,
) -> Result<(), Trouble> {
    if keys.is_empty() {
        return Ok(());
    }
    let read = ledger_source::each(place, Position(0), |entry, _| {
        if entry.position > until {
            return Ok(Reading::Enough);
        }
        keys.retain(|key| !entry.engineers().contains(&key));
        Ok(if keys.is_empty() { Reading::Enough } else { Reading::On })
    });
    read.await?;
    match keys.first() {
        Some(key) => Err(Trouble::failed(format!(
            "carepass knows no engineer {key}, so no pack can show what was done"
        ))),
        None => Ok(()),
    }
}

/// Shows the lines of a pack without their chain, until that is not wanted any more. The ledger is read twice, once for the choice and once
/// for the evidence. The same ledger always makes the same lines.
pub(super) async fn make(
    place: &Backend,
    of: &Opening,
    mut show: impl FnMut(Value) -> Result<Reading, Trouble>,
) -> Result<(), Trouble> {
    let period = Period { from: of.from, to: of.to };
    let (seed, size) = of.sample.as_ref().map_or(("", 0), |lot| (lot.seed.as_str(), lot.size));
    let mut sample = Sample::new(seed, size as usize);
    let is_behind = |position: Position| position > of.ledger.position;
    ledger_source::each(place, Position(0), |entry, _| {
        if is_behind(entry.position) {
            return Ok(Reading::Enough);
        }
        if period.has(entry.at) {
            entry.engineers().into_iter().for_each(|key| sample.add(key));
        }
        Ok(Reading::On)
    })
    .await?;
    let chosen = if of.sample.is_some() { sample.chosen() } else { of.engineers.clone() };
    let first = show(json!({
        "format": FORMAT, "made_at": of.made_at, "from": of.from, "to": of.to, "population": sample.population(),
        "sample": of.sample, "engineers": chosen, "ledger": of.ledger,
    }))?;
    if first == Reading::Enough {
        return Ok(());
    }
    let mut provers: Vec<(&EngineerKey, Prover)> =
        chosen.iter().map(|key| (key, Prover::default())).collect();
    ledger_source::each(place, Position(0), |entry, line| {
        if is_behind(entry.position) {
            return Ok(Reading::Enough);
        }
        let concerned = entry.engineers();
        for (key, prover) in provers.iter_mut().filter(|(key, _)| concerned.contains(key)) {
            // What came before the period is looked at as well: an entry proves what is new in it.
            let proofs = prover.proofs(&entry, key);
            if entry.at < period.to && !proofs.is_empty() {
                let shown = show(json!({
                    "engineer": key, "position": entry.position.0, "at": entry.at, "actor": entry.actor, "proofs": proofs,
                    "entry_sha256": sha256(line.as_bytes()),
                }))?;
                if shown == Reading::Enough {
                    return Ok(Reading::Enough);
                }
            }
        }
        Ok(Reading::On)
    })
    .await?;
    show(json!({ "end": true })).map(|_| ())
}

/// Verifies the ledger, and says where its chain ends.
async fn head(place: &Backend, key: Option<ChainKey>) -> Result<Head, Trouble> {
    let flawed = |text: &str| {
        Trouble::failed(format!("{text} No pack was written: it would prove what the ledger does not."))
    };
    match place {
        Backend::Embedded { path } => {
            let root = path.clone();
            let verified = blocking(move || match &key {
                Some(key) => embedded::verify_keyed(&root, None, key),
                None => embedded::verify(&root, None),
            });
            let verified = verified.await?.map_err(|error| trouble(&error))?;
            // A frame that is being written is not whole yet.
            if let Some(flaw) = verified.flaw.as_ref().filter(|flaw| !(flaw.torn && verified.in_use)) {
                return Err(flawed(&flaw.text));
            }
            let embedded::Verified { head, is_vouched, .. } = verified;
            Ok(Head { position: head.position, sha256: head.sha256, vouched: is_vouched })
        }
        Backend::Postgres { endpoint, .. } => {
            let verified = postgres::verify(endpoint, None, key.as_ref()).await;
            let verified = verified.map_err(|error| trouble(&error))?;
            if let Some(flaw) = &verified.flaw {
                return Err(flawed(flaw));
            }
            let postgres::Verified { position, sha256, is_vouched, .. } = verified;
            Ok(Head { position, sha256, vouched: is_vouched })
        }
    }
}

/// The file, line by line.
struct Pack {
    file: BufWriter<File>,
    path: PathBuf,
    lines: u64,
    previous: String,
}

impl Pack {
    fn create(path: &Path) -> Result<Self, Trouble> {
        let file = File::create_new(path).map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                return Trouble::failed(format!(
                    "{} is there already, and a pack is never written over another: name another file with --out",
                    path.display()
                ));
            }
            unwritable(path, &error)
        })?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned(), lines: 0, previous: String::new() })
    }

    /// Writes a line that names its number and the hash of the one before it; the first names none.
    fn line(&mut self, mut line: Value) -> Result<(), Trouble> {
        self.lines += 1;
        line["line"] = json!(self.lines);
        line["previous"] = json!(self.previous);
        let text = line.to_string();
        writeln!(self.file, "{text}").map_err(|error| unwritable(&self.path, &error))?;
        self.previous = sha256(text.as_bytes());
        Ok(())
    }

    /// How many lines there are, and the hash of the last.
    fn end(mut self) -> Result<(u64, String), Trouble> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|error| unwritable(&self.path, &error))?;
        Ok((self.lines, self.previous))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::failed(format!("{} cannot be written: {error}", path.display()))
}
