//! The call log: what was asked and what it changed, newest last, bounded. Not here: who reads it (`control`).

use super::clock::Millis;
use serde::Serialize;
use std::collections::VecDeque;

/// Lines kept.
const KEPT: usize = 200_000;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallLine {
    /// 1, 2, 3, … without gaps.
    pub seq: u64,
    /// The sandbox's time.
    pub at_ms: Millis,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent; empty without one.
    pub query: String,
    /// Whose; absent where the call could not be told to be anybody's.
    pub customer: Option<String>,
    /// HTTP status; 0 when the connection was cut without an answer.
    pub status: u16,
    /// Google's reason of a refusal.
    pub reason: Option<String>,
    /// What it changed, `user.created`; absent for reads and for what had no effect.
    pub effect: Option<String>,
    /// Whether a fault rule had its hand in it.
    pub fault: bool,
}

/// The log.
#[derive(Debug, Default)]
pub struct Calls {
    lines: VecDeque<CallLine>,
    last: u64,
}

impl Calls {
    /// Writes a line; its `seq` is given here.
    pub fn push(&mut self, line: CallLine) {
        self.last += 1;
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(CallLine { seq: self.last, ..line });
    }

    /// The lines after a number.
    pub fn after(&self, seq: u64) -> impl Iterator<Item = &CallLine> {
        self.lines.iter().skip_while(move |line| line.seq <= seq)
    }

    /// The lines after a number as NDJSON. Where some of them were dropped, a first line says so:
    /// `{"note":"dropped","dropped":N,"seq":…}`, with the number of the last one dropped.
    pub fn ndjson(&self, seq: u64) -> String {
        let first = self.lines.front().map_or(self.last + 1, |line| line.seq);
        let mut text = String::new();
        if first > seq + 1 {
            let (dropped, last) = (first - seq - 1, first - 1);
            let note = serde_json::json!({"note": "dropped", "dropped": dropped, "seq": last});
            text.push_str(&note.to_string());
            text.push('\n');
        }
        for line in self.after(seq) {
            text.push_str(&serde_json::to_string(line).unwrap_or_default());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> CallLine {
        CallLine {
            seq: 0,
            at_ms: 5,
            method: "GET".into(),
            path: "/x".into(),
            query: String::new(),
            customer: None,
            status: 200,
            reason: None,
            effect: None,
            fault: false,
        }
    }

    #[test]
    fn the_log_numbers_its_lines_and_forgets_the_oldest_aloud() {
        let mut calls = Calls::default();
        for _ in 0..KEPT + 2 {
            calls.push(line());
        }
        assert_eq!(calls.after(0).next().unwrap().seq, 3);
        let first: serde_json::Value = serde_json::from_str(calls.ndjson(0).lines().next().unwrap()).unwrap();
        assert_eq!(first, serde_json::json!({"note": "dropped", "dropped": 2, "seq": 2}));
        let last = calls.ndjson(KEPT as u64 + 1);
        assert_eq!(last.lines().count(), 1);
        assert!(last.contains("\"status\":200,\"reason\":null,\"effect\":null"));
    }
}
