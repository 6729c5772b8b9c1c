//! What proofs rest on, counted in the sources: no effect without its crash points, no planted bug that nobody hunts.
//! Not here: the campaigns themselves.

use super::code::{Source, line_of, places_of};
use super::rules::Offence;
use carepass::planted::Bug;

/// What outlives the process, as it is written in code. The sandbox and the command line's own calls end with whoever made them.
const EFFECTS: [&str; 13] = [
    ".send().await",
    ".ack(",
    ".basic_publish(",
    "ledger.append(",
    "&Segment::opening(number, &self.end)",
    "index.catch_up()",
    ".destroy(stage.erased())",
    ".remove(unparked.iter())",
    "put(&folder, &name, &sealed)",
    ".state().commit(",
    ".send(Request::Commit(pending))",
    "self.transport.send(message)",
    "batch::put_down(",
];

/// Rooms without effects of the daemon's (the API only answers, and spans tell of work: nothing rests on them), and where an index is made
/// anew at a start: nothing is acknowledged by that.
const WITHOUT: [&str; 5] = ["sandbox/", "cli/", "store/embedded/recover.rs", "http/", "otlp/"];

/// A point stands so many lines before its effect at most, or beside the one call that leads to it.
const BEFORE_LINES: usize = 4;

/// The letter's points stand where all ways of sending meet.
const BESIDE: [(&str, &str); 1] = [("mail/smtp.rs", "mail/mod.rs")];

/// Effects without a point right before them.
pub fn effects(sources: &[Source]) -> Vec<Offence> {
    let product =
        sources.iter().filter(|source| !WITHOUT.iter().any(|without| source.path.starts_with(without)));
    let product: Vec<&Source> = product.collect();
    let unused =
        EFFECTS.iter().filter(|effect| !product.iter().any(|source| source.product().contains(**effect)));
    let unused = unused.map(|effect| {
        let complaint = format!("`{effect}` stands nowhere any more: how is it written now?");
        Offence { path: "crash.rs".to_owned(), line: 1, complaint }
    });
    unused.chain(product.iter().flat_map(|source| unwatched(source, sources))).collect()
}

fn unwatched(source: &Source, sources: &[Source]) -> Vec<Offence> {
    let product = source.product();
    let found = EFFECTS.iter().flat_map(|effect| product.match_indices(effect));
    let beside = BESIDE.iter().find(|(path, _)| *path == source.path).map(|(_, point)| *point);
    let is_watched = |line: usize| {
        if let Some(point) = beside {
            return sources.iter().any(|other| other.path == point && other.text.contains("crash_point!"));
        }
        let lines: Vec<&str> = source.text.lines().collect();
        lines[line.saturating_sub(BEFORE_LINES + 1)..line].iter().any(|line| line.contains("crash_point!"))
    };
    found
        .map(|(at, effect)| (line_of(product, at), effect))
        .filter(|(line, _)| !is_watched(*line))
        .map(|(line, effect)| {
            let complaint = format!("`{effect}` outlives the process and has no crash point before it");
            Offence { path: source.path.clone(), line, complaint }
        })
        .collect()
}

/// Planted bugs that stand nowhere in the product, or that no test hunts.
pub fn bugs(product: &[Source], tests: &[Source]) -> Vec<Offence> {
    let is_planted = |bug: Bug| {
        let planting = format!("planted!({})", bug.name());
        product.iter().any(|source| source.product().contains(&planting))
    };
    let is_hunted = |bug: Bug| {
        let hunts =
            |source: &Source, from: usize| places_of(&source.code[from..], bug.name()).next().is_some();
        tests.iter().any(|source| hunts(source, 0))
            || product.iter().any(|source| source.text.contains(&format!("caught(Bug::{}", bug.name())))
    };
    let missing = Bug::ALL.iter().filter(|bug| !is_planted(**bug) || !is_hunted(**bug));
    missing
        .map(|bug| {
            let complaint = format!("{} is planted nowhere, or nobody hunts it", bug.name());
            Offence { path: "planted.rs".to_owned(), line: 1, complaint }
        })
        .collect()
}
