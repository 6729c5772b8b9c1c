//! How a command ended, as the number that scripts read. Part of the contract: numbers are added to, never changed.

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
