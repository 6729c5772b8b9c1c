//! How many new rows of an engineer have not settled yet, so that the engineer is looked at when the last one has, and not at each. A count
//! that is too low, or not there, costs a look that finds nothing; one that is too high, say of rows whose account is given up meanwhile,
//! costs time: the sweep looks at everybody. Pure. Not here: the look (`reconcile`).

use crate::model::id::EngineerKey;
use std::collections::BTreeMap;

/// Engineers who are counted; of others every row that settles is told.
const ENGINEERS_MAX: usize = 10_000;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct OnTheirWay(BTreeMap<EngineerKey, usize>);

impl OnTheirWay {
    /// So many rows are about to be opened.
    pub(super) fn opened(&mut self, engineer: &EngineerKey, rows: usize) {
        let has_room = self.0.len() < ENGINEERS_MAX || self.0.contains_key(engineer);
        if rows > 0 && has_room {
            *self.0.entry(engineer.clone()).or_default() += rows;
        }
    }

    /// They were not opened after all.
    pub(super) fn not_opened(&mut self, engineer: &EngineerKey, rows: usize) {
        if let Some(left) = self.0.get_mut(engineer) {
            *left = left.saturating_sub(rows);
            if *left == 0 {
                self.0.remove(engineer);
            }
        }
    }

    /// A row has settled: whether none is known that has not.
    pub(super) fn is_last(&mut self, engineer: &EngineerKey) -> bool {
        match self.0.get_mut(engineer) {
            Some(left) if *left > 1 => {
                *left -= 1;
                false
            }
            Some(_) | None => {
                self.0.remove(engineer);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_an_engineers_rows_is_told_and_so_is_everything_that_was_not_counted() {
        let [one, other]: [EngineerKey; 2] = ["E-1", "E-2"].map(|key| key.parse().unwrap());
        let mut counts = OnTheirWay::default();
        counts.opened(&one, 2);
        counts.opened(&other, 0);
        assert!(counts.is_last(&other), "nothing was opened");
        assert!(!counts.is_last(&one));
        counts.opened(&one, 1);
        assert!(!counts.is_last(&one), "one was opened meanwhile");
        assert!(counts.is_last(&one));
        assert!(counts.is_last(&one), "it settles once more");
        counts.opened(&one, 1);
        counts.opened(&one, 2);
        counts.not_opened(&one, 2);
        assert!(counts.is_last(&one));
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut counts = OnTheirWay::default();
        for number in 0..=ENGINEERS_MAX {
            counts.opened(&format!("E-{number}").parse().unwrap(), 2);
        }
        assert_eq!(counts.0.len(), ENGINEERS_MAX);
        assert!(counts.is_last(&format!("E-{ENGINEERS_MAX}").parse().unwrap()));
        assert!(!counts.is_last(&"E-0".parse().unwrap()));
    }
}
