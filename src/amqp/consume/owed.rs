//! The copy of a refused message that the dead-letter exchange did not take. It is sent before consuming begins again: trying with the
//! message itself would cost a redelivery each time, until the broker gives it up and the reason is lost. The message that comes
//! again then is known by its copy and not copied twice. Not here: how a copy is made (`dead_letter`), and when to try (`consume`).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::amqp::error::PublishError;
use crate::amqp::message::Parcel;
use crate::amqp::publish::Publisher;

/// One copy at most: consuming stops at the first that fails.
#[derive(Default)]
pub(super) struct Owed(Mutex<Option<Copy>>);

struct Copy {
    parcel: Parcel,
    is_sent: bool,
}

impl Owed {
    /// Keeps a copy that could not be sent. While another waits to be sent, that one stays: this message comes again.
    pub(super) fn keep(&self, parcel: Parcel) {
        let mut copy = self.lock();
        if copy.as_ref().is_none_or(|copy| copy.is_sent) {
            *copy = Some(Copy { parcel, is_sent: false });
        }
    }

    /// Sends what is kept, if anything is.
    pub(super) async fn send(&self, publisher: &Publisher) -> Result<(), PublishError> {
        let waiting = self.lock().as_ref().filter(|copy| !copy.is_sent).map(|copy| copy.parcel.clone());
        let Some(parcel) = waiting else { return Ok(()) };
        publisher.send(parcel).await?;
        if let Some(copy) = self.lock().as_mut() {
            copy.is_sent = true;
        }
        Ok(())
    }

    /// Whether exactly this copy was sent already; it is then forgotten.
    pub(super) fn was_sent(&self, parcel: &Parcel) -> bool {
        let same = |copy: &mut Copy| copy.is_sent && copy.parcel == *parcel;
        self.lock().take_if(same).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Copy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
