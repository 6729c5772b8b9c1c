//! What the AMQP door is told. Parsing and defaults of the file are `config`'s; the names below are the
//! documented defaults, so that tests and the demo need not repeat them.

use super::endpoint::Endpoint;

/// The queue that leavers reach as well, so that they need not wait behind joiners.
pub const LEAVERS_QUEUE: &str = "carepass.leavers";
/// The queue behind the dead-letter exchange.
pub const DEAD_LETTER_QUEUE: &str = "carepass.dead-letters";
/// The queue that takes every outcome until others subscribe.
pub const OUTCOMES_QUEUE: &str = "carepass.outcomes";

/// Where the broker is and how its exchanges and queues are called.
#[derive(Debug, Clone)]
pub struct AmqpSettings {
    /// The broker, with user and password.
    pub endpoint: Endpoint,
    /// Topic exchange to which HR publishes.
    pub exchange: String,
    /// Queue of all events about engineers.
    pub queue: String,
    /// Queue that leavers reach as well, so that they need not wait behind joiners.
    pub leavers_queue: String,
    /// Exchange for what cannot be used. Must not be empty.
    pub dead_letter_exchange: String,
    /// Queue behind it.
    pub dead_letter_queue: String,
    /// Whether to declare what is missing; otherwise only to check it.
    pub declare: bool,
    /// Deliveries in hand at most, per queue. Small, since a lost connection counts against the delivery
    /// limit of each of them.
    pub prefetch: u16,
    /// Topic exchange to which outcomes are published.
    pub outcomes_exchange: String,
}

impl AmqpSettings {
    /// The documented defaults for a broker.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            exchange: "hr.events".to_owned(),
            queue: "carepass.engineers".to_owned(),
            leavers_queue: LEAVERS_QUEUE.to_owned(),
            dead_letter_exchange: "carepass.dead".to_owned(),
            dead_letter_queue: DEAD_LETTER_QUEUE.to_owned(),
            declare: true,
            prefetch: 20,
            outcomes_exchange: "carepass.outcomes".to_owned(),
        }
    }
}
