//! How a command ended, as the number that scripts read. Part of the contract: numbers are added to, never changed.
//! Not here: which command ends how.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// It failed.
    Failed,
    /// It was called wrongly, or the configuration has faults.
    Usage,
    /// A part was done.
    Partly,
    /// A person has to act.
    NeedsPerson,
    /// Google cannot be reached.
    GoogleUnreachable,
    /// The broker or the store cannot be reached.
    Unreachable,
    /// A limit holds it back.
    Held,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::NeedsPerson => 4,
            Self::GoogleUnreachable => 5,
            Self::Unreachable => 6,
            Self::Held => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not go on: what it says to the person, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// How it ends.
    pub exit: Exit,
    /// What is so, and what can be done.
    pub text: String,
}

/// What a command gives back.
pub type Ended = Result<Exit, Trouble>;

impl Trouble {
    /// It failed.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into() }
    }

    /// It was called wrongly.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Partly,
            Exit::NeedsPerson,
            Exit::GoogleUnreachable,
            Exit::Unreachable,
            Exit::Held,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
