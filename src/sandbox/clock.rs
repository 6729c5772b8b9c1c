//! The sandbox's own clock: the wall clock, or a test's, moved by an offset that a control call sets.
//! Nothing else of the sandbox asks for the time; handlers get it as an argument. Not here: waiting, which the server does in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// Where the sandbox takes its time from. Clones share the offset.
#[derive(Clone)]
pub struct SandboxClock {
    source: Arc<dyn Fn() -> Millis + Send + Sync>,
    offset: Arc<AtomicI64>,
}

impl SandboxClock {
    /// The wall clock.
    pub fn wall() -> Self {
        Self::from_source(wall_millis)
    }

    /// A clock of the caller's, such as a simulation's virtual one.
    pub fn from_source(source: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), offset: Arc::default() }
    }

    /// The sandbox's time now: source plus offset.
    pub fn now(&self) -> Millis {
        (self.source)().saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the sandbox's time against its source; 0 puts it right again.
    pub fn set_offset(&self, offset: Millis) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// The offset in force.
    pub fn offset(&self) -> Millis {
        self.offset.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for SandboxClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxClock").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

/// Google's way of writing a moment: RFC 3339 in UTC with milliseconds.
pub fn rfc3339(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// A moment as the header `Date` tells it.
pub fn rfc9110(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox's only look at the wall clock; it may not use the house's"
)]
fn wall_millis() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_every_clone() {
        let clock = SandboxClock::from_source(|| 1_000);
        let other = clock.clone();
        other.set_offset(500);
        assert_eq!(clock.now(), 1_500);
    }

    #[test]
    fn moments_are_written_as_google_writes_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_735_689_600_123), "2025-01-01T00:00:00.123Z");
    }
}
