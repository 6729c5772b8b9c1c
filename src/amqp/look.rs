//! Looking at queues without touching them, for `carepass demo --amqp`: it must not take what is others'.

use std::time::Duration;

use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;

use super::endpoint::{self, Endpoint};
use super::error::{AmqpError, reply_code};
use super::message::short;

const LOOK_TIME: Duration = Duration::from_secs(10);

/// What a queue holds at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLook {
    /// Messages that wait; those in somebody's hand are not among them.
    pub messages: u32,
    /// Those who consume.
    pub consumers: u32,
}

/// What these queues hold, in the same order; `None` for one that is not there.
///
/// # Errors
/// What connecting says, and [`AmqpError::Broker`] where the broker refuses to tell.
pub async fn look_at_queues(
    endpoint: &Endpoint,
    queues: &[&str],
) -> Result<Vec<Option<QueueLook>>, AmqpError> {
    let connection = endpoint.connect("carepass look").await?;
    let looking = async {
        let mut seen = Vec::with_capacity(queues.len());
        for queue in queues {
            seen.push(look(&connection, queue).await?);
        }
        Ok(seen)
    };
    let seen = timeout(LOOK_TIME, looking).await;
    endpoint::close(&connection).await;
    seen.unwrap_or(Err(AmqpError::Slow { doing: "looking at queues", limit: LOOK_TIME }))
}

/// On a channel of its own, since a refusal closes the channel.
async fn look(connection: &Connection, queue: &str) -> Result<Option<QueueLook>, AmqpError> {
    let name = short(queue.to_owned(), "the queue").map_err(|_| AmqpError::TooLong("the queue"))?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    match channel.queue_declare(name, passive, FieldTable::default()).await {
        Ok(queue) => {
            let seen = QueueLook { messages: queue.message_count(), consumers: queue.consumer_count() };
            endpoint::close_channel(&channel).await;
            Ok(Some(seen))
        }
        Err(error) if reply_code(&error) == Some(404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
