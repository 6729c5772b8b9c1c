//! How a command ended, as the number that scripts read. Part of the contract: numbers are added to, never changed.
//! Not here: which command ends how.

use crate::amqp::AmqpError;
use crate::app::StoreDown;
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

impl From<&AmqpError> for Exit {
    fn from(error: &AmqpError) -> Self {
        match error {
            AmqpError::Url(_) | AmqpError::TooLong(_) | AmqpError::NoDeadLetterExchange => Self::Usage,
            AmqpError::Topology(_) => Self::Failed,
            AmqpError::Slow { .. } | AmqpError::BrokenAtOpening | AmqpError::Broker(_) => Self::Unreachable,
        }
    }
}

/// How a command ends that could not go on: by the cause, where the cause has a number.
impl From<&anyhow::Error> for Exit {
    fn from(error: &anyhow::Error) -> Self {
        if let Some(trouble) = error.downcast_ref::<Trouble>() {
            trouble.exit
        } else if let Some(amqp) = error.downcast_ref::<AmqpError>() {
            amqp.into()
        } else if error.is::<StoreDown>() {
            Self::Unreachable
        } else {
            Self::Failed
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
    fn a_cause_keeps_its_number_under_whatever_is_said_of_it() {
        use anyhow::Context as _;
        let check = |error: anyhow::Error, expected: Exit| {
            let said = Err::<(), _>(error).context("publishing").unwrap_err();
            assert_eq!(Exit::from(&said), expected, "{said:#}");
        };
        check(Trouble::usage("no").into(), Exit::Usage);
        check(AmqpError::NoDeadLetterExchange.into(), Exit::Usage);
        let slow = AmqpError::Slow { doing: "connecting", limit: std::time::Duration::from_secs(1) };
        check(slow.into(), Exit::Unreachable);
        let failed = crate::store::StoreError::Unavailable("disk full".into());
        check(StoreDown(failed).into(), Exit::Unreachable);
        check(anyhow::anyhow!("else"), Exit::Failed);
    }

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
