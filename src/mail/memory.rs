//! Letters kept in memory, for tests and the demo.
//! Not here: anything that lasts.

use super::{Letter, MailError, MailFault, MessageId};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many letters are kept; memory has a limit even in a demo.
const LETTERS_MAX: usize = 10_000;

/// Keeps letters by their name; copies share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryMailer {
    letters: Arc<Mutex<BTreeMap<MessageId, Letter>>>,
}

impl MemoryMailer {
    /// The letters so far, one for each message id, in the order of their ids.
    pub fn letters(&self) -> Vec<Letter> {
        self.locked().values().cloned().collect()
    }

    pub(super) fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let mut letters = self.locked();
        if letters.len() >= LETTERS_MAX && !letters.contains_key(&letter.message_id) {
            return Err(MailError::Transient(MailFault::Storage(ErrorKind::StorageFull)));
        }
        letters.entry(letter.message_id.clone()).or_insert_with(|| letter.clone());
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<MessageId, Letter>> {
        // A map that was being written by a thread that panicked is still a map.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::letter;
    use super::*;

    #[test]
    fn a_letter_sent_twice_is_one_letter() {
        let mailer = MemoryMailer::default();
        for id in ["b@x", "a@x", "b@x"] {
            mailer.clone().send(&letter(id)).unwrap();
        }
        assert_eq!(mailer.letters(), [letter("a@x"), letter("b@x")]);
    }

    #[test]
    fn memory_has_a_limit() {
        let mailer = MemoryMailer::default();
        for number in 0..LETTERS_MAX {
            mailer.send(&letter(&format!("{number}@x"))).unwrap();
        }
        assert!(matches!(mailer.send(&letter("more@x")), Err(MailError::Transient(MailFault::Storage(_)))));
        assert_eq!(mailer.send(&letter("0@x")), Ok(()), "what is kept already needs no room");
    }
}
