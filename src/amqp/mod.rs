//! The AMQP door: bytes in, bytes out. It knows connections, queues and confirms; what an event means is
//! decided above, through [`Intake`], and what is published is handed down, through [`Publisher`].
//!
//! Two connections, because acknowledgements stall on a connection that publishes while the broker has a
//! memory or disk alarm: one consumes and acknowledges, one publishes. Both are kept up by loops of our own;
//! lapin's automatic recovery hides disconnects and does not cover channels that the broker closes.
//!
//! Never here: an acknowledgement before the event is durable, a requeue, a wait under an open delivery.

mod backoff;
mod client;
mod consume;
mod dead_letter;
mod endpoint;
mod error;
mod health;
mod look;
mod message;
mod publish;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod topology;
#[cfg(test)]
mod topology_tests;

pub use client::{PublishCounts, publish_all};
pub use consume::{Consumer, Intake, Verdict};
pub use endpoint::{Endpoint, InvalidUrl};
pub use error::{AmqpError, PublishError, TopologyFault};
pub use health::Health;
pub use look::{QueueLook, look_at_queues};
pub use message::{Incoming, Outgoing, Way};
pub use publish::{Publisher, PublisherLink};
pub use settings::{AmqpSettings, DEAD_LETTER_QUEUE, LEAVERS_QUEUE, OUTCOMES_QUEUE};
pub use tls::{ClientCertificate, InvalidTls, Tls};
pub use topology::Topology;
