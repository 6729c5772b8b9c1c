//! A fuzz target: any bytes where frames of the ledger are expected are read without a panic, and whatever verifies is, byte for byte, what
//! the writer would have written there. Not here: whole stores that are spoiled (`tests/it/corruption`), and power cuts.

use super::chain_key::ChainKey;
use super::frame::{Link, OPENING, Tail, encode, frame_at, judge, lines, next_frame, version_of};
use crate::fuzz::{Judged, run};

const WORDS: &[&str] = &[
    "{\"frame\":",
    "{\"frame\":1,",
    "\"first\":",
    "\"count\":",
    "\"bytes\":",
    "\"prev\":\"",
    "{\"closes\":",
    "\"sha256\":\"",
    "\n",
    "\n\n",
    " ",
    "}\n",
    "\u{0}\u{0}\u{0}\u{0}",
    "0",
    "18446744073709551615",
    "5242880",
    "{\"ledger\":\"carepass\",\"version\":2}\n",
];

/// Ledgers of some frames, whole, cut, and with a hole as large as a sector.
fn seeds() -> Vec<Vec<u8>> {
    let mut at = Link::opening();
    let mut ledger = OPENING.to_vec();
    let entry =
        |number: usize| format!("{{\"position\":{number},\"at\":\"2026-11-20T08:00:00Z\",\"changes\":[]}}\n");
    for count in 1..5 {
        let body: String = (0..count).map(entry).collect();
        let (bytes, end) = encode(&at, count as u64, body.as_bytes(), &ChainKey::known());
        ledger.extend(bytes);
        at = end;
    }
    let cut = ledger[..ledger.len() - 100].to_vec();
    let mut torn = ledger.clone();
    torn[512..1024].fill(0);
    vec![ledger, cut, torn, OPENING.to_vec()]
}

fn verify(input: &[u8]) -> Judged {
    let _ = version_of(input);
    let Some(mut rest) = input.strip_prefix(OPENING) else {
        return Ok(format!("no ledger: {:?}", judge(input, &Link::opening())));
    };
    let (mut at, mut frames) = (Link::opening(), 0_u64);
    loop {
        let before = rest;
        match next_frame(&mut rest, &at) {
            Ok(None) => return Ok(format!("whole, {frames} frames")),
            // Another code than its writer's: read, and refused by whoever has the key.
            Ok(Some(frame)) if !ChainKey::known().vouches_for(&frame) => {
                return Ok(format!("{frames} frames, then a stranger's"));
            }
            Ok(Some(frame)) => {
                let Ok(body) = frame.body() else {
                    return Err("a frame that somebody with the key wrote cannot be unpacked".to_owned());
                };
                let count = lines(&body).count() as u64;
                let (written, end) = encode(&at, count, &body, &ChainKey::known());
                let taken = &before[..before.len() - rest.len()];
                if written != taken || end != frame.end {
                    return Err("a frame verifies that nobody would have written so".to_owned());
                }
                if frame_at(&mut &*written, at.offset).map(|again| again.end == frame.end).ok() != Some(true)
                {
                    return Err("a frame that verifies in its place, and not by itself".to_owned());
                }
                (at, frames) = (frame.end, frames + 1);
            }
            Err(unread) => {
                let tail = judge(before, &at);
                if tail == Tail::Torn
                    && before.windows(9).any(|window| window == b"{\"frame\":")
                    && holds(before)
                {
                    return Err("cut away, and a whole frame lies there".to_owned());
                }
                return Ok(format!("{frames} frames, then {unread:?}, {tail:?}"));
            }
        }
    }
}

/// Whether a whole frame lies anywhere.
fn holds(tail: &[u8]) -> bool {
    (0..tail.len()).any(|start| frame_at(&mut &tail[start..], 0).is_ok())
}

#[test]
fn any_bytes_are_frames_as_they_were_written_or_none() {
    run("frames", seeds(), WORDS, verify);
}
