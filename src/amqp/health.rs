//! How a connection to the broker is doing, for `/readyz` and metrics. One log line per change of state
//! or of the reason; attempts that fail like the one before are not told again.
//! Not here: looking; the loops that hold the connections report.

use std::fmt;

use tokio::sync::watch;
use tokio::time::Instant;

/// The state of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// In use.
    Connected,
    /// Not connected, and trying.
    Connecting {
        /// Since when.
        since: Instant,
        /// Why, in plain words; `None` before the first attempt has failed.
        last_error: Option<String>,
    },
    /// Connected, and the broker takes no messages because of a memory or disk alarm.
    Blocked,
}

/// In plain words, for whoever looks at `/readyz`.
impl fmt::Display for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => formatter.write_str("connected"),
            Self::Connecting { last_error, .. } => {
                formatter.write_str(last_error.as_deref().unwrap_or("connecting"))
            }
            Self::Blocked => formatter.write_str("the broker has a memory or disk alarm"),
        }
    }
}

/// The writing end. One per connection.
pub(super) struct HealthReporter {
    /// What the connection is for, as a log field.
    link: &'static str,
    peer: String,
    sender: watch::Sender<Health>,
}

impl HealthReporter {
    pub(super) fn new(link: &'static str, peer: String) -> (Self, watch::Receiver<Health>) {
        let (sender, receiver) =
            watch::channel(Health::Connecting { since: Instant::now(), last_error: None });
        (Self { link, peer, sender }, receiver)
    }

    pub(super) fn connected(&self) {
        if self.change(&Health::Connected) {
            tracing::info!(link = self.link, broker = %self.peer, "connected to the AMQP broker");
        }
    }

    pub(super) fn blocked(&self, reason: &str) {
        if self.change(&Health::Blocked) {
            tracing::warn!(link = self.link, broker = %self.peer, reason, "the AMQP broker has an alarm and takes no messages; what is to be published waits");
        }
    }

    /// The connection was lost, or an attempt failed.
    pub(super) fn lost(&self, error: &str) {
        let since = match &*self.sender.borrow() {
            Health::Connecting { since, .. } => *since,
            Health::Connected | Health::Blocked => Instant::now(),
        };
        let news = self.change(&Health::Connecting { since, last_error: Some(error.to_owned()) });
        if news {
            tracing::warn!(link = self.link, broker = %self.peer, error, "not connected to the AMQP broker; trying again until connected");
        }
    }

    /// Whether that is news: another state, or another reason for not being connected.
    fn change(&self, new: &Health) -> bool {
        let old = self.sender.send_replace(new.clone());
        match (&old, new) {
            (Health::Connected, Health::Connected) | (Health::Blocked, Health::Blocked) => false,
            (Health::Connecting { last_error: before, .. }, Health::Connecting { last_error: now, .. }) => {
                before != now
            }
            (
                Health::Connected | Health::Blocked | Health::Connecting { .. },
                Health::Connected | Health::Blocked | Health::Connecting { .. },
            ) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn since_is_when_it_began_and_the_error_is_the_last() {
        let (reporter, health) = HealthReporter::new("intake", "amqp://mq:5672//".to_owned());
        let Health::Connecting { since, .. } = health.borrow().clone() else {
            panic!("not connecting at first");
        };
        reporter.lost("one");
        reporter.lost("two");
        let expected = Health::Connecting { since, last_error: Some("two".to_owned()) };
        assert_eq!(*health.borrow(), expected);
        assert_eq!(health.borrow().to_string(), "two", "`/readyz` says what the log says");
    }

    #[tokio::test]
    async fn only_changes_are_news() {
        let (reporter, _health) = HealthReporter::new("intake", String::new());
        let connecting =
            |error: &str| Health::Connecting { since: Instant::now(), last_error: Some(error.to_owned()) };
        let steps = [
            (connecting("refused"), true),
            (connecting("refused"), false),
            (connecting("queue missing"), true),
            (Health::Connected, true),
            (Health::Connected, false),
            (Health::Blocked, true),
            (Health::Connected, true),
            (connecting("broke"), true),
        ];
        for (state, news) in steps {
            assert_eq!(reporter.change(&state), news, "{state:?}");
        }
    }
}
