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
use crate::model::report::evidence::{Prover, Sample, sha256};
use crate::store::embedded::{self, ChainKey};
use crate::store::postgres;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
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

/// Where the ledger's chain stood.
struct Head {
    position: Position,
    sha256: String,
    is_vouched: bool,
}

/// Runs the command: the ledger is verified first, then read twice, once for the choice and once for the evidence.
pub async fn run(args: &EvidenceArgs, screen: &mut Screen) -> Ended {
    let period = args.period.period()?;
    let Some((place, key)) = args.which.of(screen)? else { return Ok(Exit::Usage) };
    let head = head(&place, key).await?;
    let seed = args.seed.clone().unwrap_or_else(|| head.sha256.clone());
    let mut sample = Sample::new(&seed, args.sample as usize);
    let is_behind = |position: Position| position > head.position;
    ledger_source::each(&place, Position(0), |entry, _| {
        if is_behind(entry.position) {
            return Ok(Reading::Enough);
        }
        if period.has(entry.at) {
            entry.engineers().into_iter().for_each(|key| sample.add(key));
        }
        Ok(Reading::On)
    })
    .await?;
    let named: BTreeSet<EngineerKey> = args.engineer.iter().cloned().collect();
    let is_sample = named.is_empty();
    let chosen = if is_sample { sample.chosen() } else { named };
    let mut pack = Pack::create(&args.out)?;
    let how = if is_sample { json!({ "size": args.sample, "seed": seed }) } else { Value::Null };
    pack.line(json!({
        "format": FORMAT, "made_at": Clock::System.now(), "from": period.from, "to": period.to, "population": sample.population(),
        "sample": how, "engineers": chosen,
        "ledger": { "position": head.position.0, "sha256": head.sha256, "vouched": head.is_vouched },
    }))?;
    let mut provers: Vec<(&EngineerKey, Prover)> =
        chosen.iter().map(|key| (key, Prover::default())).collect();
    ledger_source::each(&place, Position(0), |entry, line| {
        if is_behind(entry.position) {
            return Ok(Reading::Enough);
        }
        let concerned = entry.engineers();
        for (key, prover) in provers.iter_mut().filter(|(key, _)| concerned.contains(key)) {
            // What came before the period is looked at as well: an entry proves what is new in it.
            let proofs = prover.proofs(&entry, key);
            if entry.at < period.to && !proofs.is_empty() {
                pack.line(json!({
                    "engineer": key, "position": entry.position.0, "at": entry.at, "actor": entry.actor, "proofs": proofs,
                    "entry_sha256": sha256(line.as_bytes()),
                }))?;
            }
        }
        Ok(Reading::On)
    })
    .await?;
    let (lines, sha256) = pack.end()?;
    screen.say(format_args!(
        "{} of {} engineers, {lines} lines in {}. Head of the pack: {sha256}. Kept elsewhere, it proves later that nothing in it was changed.",
        chosen.len(),
        sample.population(),
        args.out.display()
    ));
    if !head.is_vouched {
        screen.note(
            "Who wrote the ledger was not looked at, since the master key is not at hand (--master-key).",
        );
    }
    Ok(Exit::Done)
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
            Ok(Head { position: head.position, sha256: head.sha256, is_vouched })
        }
        Backend::Postgres { endpoint, .. } => {
            let verified = postgres::verify(endpoint, None, key.as_ref()).await;
            let verified = verified.map_err(|error| trouble(&error))?;
            if let Some(flaw) = &verified.flaw {
                return Err(flawed(flaw));
            }
            let postgres::Verified { position, sha256, is_vouched, .. } = verified;
            Ok(Head { position, sha256, is_vouched })
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
        let file = File::create_new(path).map_err(|error| unwritable(path, &error))?;
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

    /// The closing line; how many lines there are, and the hash of the last.
    fn end(mut self) -> Result<(u64, String), Trouble> {
        self.line(json!({ "end": true }))?;
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|error| unwritable(&self.path, &error))?;
        Ok((self.lines, self.previous))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::failed(format!("{} cannot be written: {error}", path.display()))
}
