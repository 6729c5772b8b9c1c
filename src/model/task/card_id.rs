//! What a card is called: the task of rows by its id, those who are held by a person's limit by why. Not here: the cards.

use super::super::engineer::Hold;
use super::super::id::InvalidName;
use super::TaskId;
use std::fmt;
use std::str::FromStr;

/// The name of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CardId {
    /// Rows wait for it.
    Rows(TaskId),
    /// Engineers are held for it, who have no rows yet.
    Held(Hold),
}

impl CardId {
    const HELD: [Self; 3] =
        [Self::Held(Hold::GrantLimit), Self::Held(Hold::ApprovalMissing), Self::Held(Hold::EmploymentEnded)];
}

impl fmt::Display for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(id) => id.fmt(f),
            Self::Held(Hold::GrantLimit) => f.write_str("grants-held"),
            Self::Held(Hold::ApprovalMissing) => f.write_str("approval-missing"),
            Self::Held(Hold::EmploymentEnded) => f.write_str("employment-ended"),
        }
    }
}

impl FromStr for CardId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let held = Self::HELD.into_iter().find(|card| card.to_string() == text);
        let expected = "a task id like T-0123456789, or grants-held";
        held.map_or_else(|| text.parse().map(Self::Rows).map_err(|_| InvalidName { expected }), Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_named_as_the_api_shows_them() {
        let check =
            |text: &str| assert_eq!(text.parse::<CardId>().map(|card| card.to_string()), Ok(text.to_owned()));
        check("T-0123456789");
        check("grants-held");
        check("approval-missing");
        check("employment-ended");
        for wrong in ["", "T-1", "grants_held", "held"] {
            assert!(wrong.parse::<CardId>().is_err(), "{wrong}");
        }
    }
}
