//! Fuzzing without a nightly compiler: inputs are made from seeds by mutation for a few seconds, and what an input leads to is judged. An
//! input that leads to something new joins the seeds, so that the hunt goes on from there. A failure is cut down to the least input that
//! still fails, and told with its seed. `CAREPASS_TEST_SEED` repeats a run, `CAREPASS_TEST_ROUNDS` makes it that many times longer.
//! Part of the library's own tests too (`src/lib.rs`), so it names nothing of carepass. Not here: how an input is changed (`mutate`).

#[path = "mutate.rs"]
mod mutate;

use mutate::Mutator;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::Duration;
use tokio::time::Instant;

/// How long a target is fuzzed in CI.
const TIME: Duration = Duration::from_secs(4);

/// The most inputs that are kept to go on from, and the longest of them in bytes: long ones slow everything down.
const POOL_MAX: usize = 4_000;
const KEPT_MAX: usize = 16 * 1024;

/// How long a failure is cut down.
const MINIMISING: Duration = Duration::from_secs(10);

/// The most of an input that is shown, in bytes.
const SHOWN_MAX: usize = 4_000;

/// What an input led to, in a few words; the error says which promise was broken.
pub type Judged = Result<String, String>;

/// Fuzzes until the time is over. The seeds themselves have to be fine.
///
/// # Panics
/// With the least input that breaks a promise or makes the judge panic.
pub fn run(target: &str, seeds: Vec<Vec<u8>>, words: &[&str], judge: impl Fn(&[u8]) -> Judged) {
    let seed = number("CAREPASS_TEST_SEED").unwrap_or_else(|| fastrand::Rng::new().u64(..));
    let rounds = u32::try_from(number("CAREPASS_TEST_ROUNDS").unwrap_or(1)).unwrap_or(u32::MAX);
    println!("fuzzing {target}: CAREPASS_TEST_SEED={seed}");
    let mut hunt =
        Hunt { mutator: Mutator::new(seed, words), pool: Vec::new(), seen: BTreeMap::new(), judge };
    for input in seeds {
        hunt.take(target, seed, input);
    }
    let (begun, mut inputs) = (Instant::now(), 0_u64);
    while begun.elapsed() < TIME.saturating_mul(rounds) {
        let input = hunt.mutator.next(&hunt.pool);
        hunt.take(target, seed, input);
        inputs += 1;
    }
    println!("{target}: {inputs} inputs led to {} different ends", hunt.seen.len());
    let often: Vec<_> = hunt.seen.iter().filter(|(_, count)| **count > inputs / 50).collect();
    println!("most often: {often:#?}");
    assert!(inputs > 0 && hunt.seen.len() > 1, "the seeds lead somewhere");
}

struct Hunt<'w, J> {
    mutator: Mutator<'w>,
    pool: Vec<Vec<u8>>,
    /// What inputs led to, and how often.
    seen: BTreeMap<String, u64>,
    judge: J,
}

impl<J: Fn(&[u8]) -> Judged> Hunt<'_, J> {
    fn take(&mut self, target: &str, seed: u64, input: Vec<u8>) {
        match attempt(&self.judge, &input) {
            Ok(end) => {
                let count = self.seen.entry(end).or_default();
                *count += 1;
                if *count == 1 && input.len() <= KEPT_MAX && self.pool.len() < POOL_MAX {
                    self.pool.push(input);
                }
            }
            Err(complaint) => {
                let (least, complaint) = minimise(&self.judge, input, complaint);
                panic!(
                    "{target} (CAREPASS_TEST_SEED={seed}): {complaint}\nthe least input that does it, {} bytes: {}",
                    least.len(),
                    least[..least.len().min(SHOWN_MAX)].escape_ascii()
                );
            }
        }
    }
}

/// A panic is a complaint like any other.
fn attempt(judge: &impl Fn(&[u8]) -> Judged, input: &[u8]) -> Judged {
    catch_unwind(AssertUnwindSafe(|| judge(input))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("a panic: {}", text.unwrap_or("without words")))
    })
}

/// Takes parts away, large ones first, as long as something is still wrong.
fn minimise(judge: &impl Fn(&[u8]) -> Judged, input: Vec<u8>, complaint: String) -> (Vec<u8>, String) {
    let hook = take_hook();
    // The panic was told once; each attempt would tell it again.
    set_hook(Box::new(|_| ()));
    let (mut least, mut complaint, begun) = (input, complaint, Instant::now());
    let mut part = least.len().div_ceil(2);
    while part > 0 {
        let (mut at, mut has_shrunk) = (0, false);
        while at < least.len() && begun.elapsed() < MINIMISING {
            let end = (at + part).min(least.len());
            let shorter = [&least[..at], &least[end..]].concat();
            match attempt(judge, &shorter) {
                Err(other) => (least, complaint, has_shrunk) = (shorter, other, true),
                Ok(_) => at = end,
            }
        }
        if !has_shrunk || begun.elapsed() >= MINIMISING {
            part /= 2;
        }
    }
    set_hook(hook);
    (least, complaint)
}

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "no product code: whoever runs the test asks for it")]
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

#[test]
fn a_planted_fault_is_found_and_cut_down() {
    let judge = |input: &[u8]| {
        let text = String::from_utf8_lossy(input).into_owned();
        if text.contains("[[") { Err("two brackets".to_owned()) } else { Ok(text.len().to_string()) }
    };
    let hunted = catch_unwind(|| run("planted", vec![b"{\"a\": [1, 2]}".to_vec()], &["["], judge));
    let told = *hunted.expect_err("it is found").downcast::<String>().expect("words");
    assert!(told.ends_with("2 bytes: [["), "{told}");
    let panics = attempt(&|_: &[u8]| panic!("planted"), b"");
    assert_eq!(panics, Err("a panic: planted".to_owned()));
}
