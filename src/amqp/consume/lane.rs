//! One queue on its channel: deliveries in hand side by side, each settled as soon as it can be.
//! Not here: reconnecting (`consume`), and why a message is refused; the lane only carries the verdict out.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::owed::Owed;
use super::{Incoming, Intake, Verdict};
use crate::amqp::dead_letter::{Refusal, dead_letter_properties, headers_max};
use crate::amqp::endpoint::close_channel;
use crate::amqp::error::{PublishError, plain_words, words_while};
use crate::amqp::message::{Parcel, short};
use crate::amqp::publish::Publisher;
use crate::amqp::settings::AmqpSettings;
use crate::crash::crash_point;

/// For the answers to qos, consume and cancel.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// For what is in hand when consuming ends.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Why consuming ended; a graver reason wins over the one it caused in the other queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was asked to.
    Stopped,
    /// Careful consuming has settled a message; full speed may be had again.
    Recovered,
    /// carepass cannot take events.
    Unavailable,
    /// The dead-letter exchange did not take a refused message.
    NotDeadLettered(PublishError),
    /// Channel or connection are gone.
    Lost(String),
}

impl Ended {
    fn gravity(&self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::Recovered => 1,
            Self::Unavailable => 2,
            Self::NotDeadLettered(_) => 3,
            Self::Lost(_) => 4,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        if other.gravity() > self.gravity() { other } else { self }
    }
}

pub(super) struct Lane<'a> {
    pub(super) queue: String,
    pub(super) settings: &'a AmqpSettings,
    pub(super) intake: &'a dyn Intake,
    pub(super) publisher: &'a Publisher,
    pub(super) owed: &'a Owed,
    /// One at a time, and end after the first that was settled.
    pub(super) careful: bool,
    /// Told when deliveries may come.
    pub(super) begins: &'a (dyn Fn() + Sync),
}

impl Lane<'_> {
    /// Consumes until `halt`, or until it cannot go on.
    pub(super) async fn run(&self, connection: &Connection, halt: &CancellationToken) -> Ended {
        let opened = async {
            let channel = connection.create_channel().await?;
            let consumer = self.open(&channel).await?;
            Ok::<_, lapin::Error>((channel, consumer))
        };
        match timeout(ANSWER_TIME, opened).await {
            Ok(Ok((channel, consumer))) => {
                (self.begins)();
                let headers_max = headers_max(connection.configuration().frame_max());
                self.consume(&channel, consumer, headers_max, halt).await
            }
            Ok(Err(error)) => Ended::Lost(words_while(&format!("read queue '{}'", self.queue), &error)),
            Err(_) => Ended::Lost("the broker did not answer".to_owned()),
        }
    }

    async fn open(&self, channel: &Channel) -> Result<lapin::Consumer, lapin::Error> {
        channel.basic_qos(self.in_hand_max(), BasicQosOptions::default()).await?;
        let queue = lapin::types::ShortString::from(self.queue.as_str());
        let options = BasicConsumeOptions::default();
        channel.basic_consume(queue, "".into(), options, FieldTable::default()).await
    }

    /// Never 0, which would mean no limit.
    fn in_hand_max(&self) -> u16 {
        if self.careful { 1 } else { self.settings.prefetch.max(1) }
    }

    async fn consume(
        &self,
        channel: &Channel,
        mut consumer: lapin::Consumer,
        headers_max: usize,
        halt: &CancellationToken,
    ) -> Ended {
        // Above what the broker sends, so that its word that the channel is closed is heard while all of that is in hand.
        let in_hand_limit = usize::from(self.in_hand_max()) * 2;
        let mut in_hand = FuturesUnordered::new();
        let ended = loop {
            tokio::select! {
                () = halt.cancelled() => break Ended::Stopped,
                Some(settled) = in_hand.next(), if !in_hand.is_empty() => {
                    if let Some(ended) = self.after(settled) {
                        break ended;
                    }
                }
                // lapin's consumer yields None once and then nothing for ever: the first None ends it.
                next = consumer.next(), if in_hand.len() < in_hand_limit => match next {
                    Some(Ok(delivery)) => in_hand.push(self.settle(delivery, headers_max)),
                    Some(Err(error)) => break Ended::Lost(plain_words(&error)),
                    None => break Ended::Lost(format!("the broker ended consuming from '{}'; was the queue deleted?", self.queue)),
                }
            }
        };
        if let Ended::Lost(_) = ended {
            // Acknowledgements can no longer reach the broker; what is in hand comes again.
            return ended;
        }
        cancel(channel, &consumer).await;
        let drain = async {
            // What the broker had sent before it heard the cancel; giving it back would count as a delivery.
            if matches!(ended, Ended::Stopped | Ended::Recovered) {
                while let Some(Ok(delivery)) = consumer.next().await {
                    in_hand.push(self.settle(delivery, headers_max));
                }
            }
            while let Some(settled) = in_hand.next().await {
                tracing::trace!(?settled, "settled after consuming had ended");
            }
        };
        if timeout(DRAIN_TIME, drain).await.is_err() {
            tracing::warn!(queue = %self.queue, "deliveries in hand were not settled in time; the broker delivers them again");
        }
        close_channel(channel).await;
        ended
    }

    fn after(&self, settled: Settled) -> Option<Ended> {
        match settled {
            Settled::Done if self.careful => Some(Ended::Recovered),
            Settled::Done => None,
            Settled::Unavailable => Some(Ended::Unavailable),
            Settled::NotDeadLettered(error) => Some(Ended::NotDeadLettered(error)),
        }
    }

    async fn settle(&self, delivery: Delivery, headers_max: usize) -> Settled {
        match self.intake.take(Incoming::of(&delivery, &self.queue)).await {
            Verdict::Durable => acknowledge(&delivery).await,
            Verdict::Refused { reason, detail } => {
                self.dead_letter(delivery, &reason, &detail, headers_max).await
            }
            Verdict::Unavailable => Settled::Unavailable,
        }
    }

    /// Copies to the dead-letter exchange, and acknowledges the original only after the copy is confirmed.
    async fn dead_letter(
        &self,
        mut delivery: Delivery,
        reason: &str,
        detail: &str,
        headers_max: usize,
    ) -> Settled {
        let refusal =
            Refusal { reason, detail, queue: &self.queue, routing_key: delivery.routing_key.as_str() };
        let properties = dead_letter_properties(&delivery.properties, &refusal, headers_max);
        let body = std::mem::take(&mut delivery.data);
        let parcel = match self.to_dead_letters(properties, body) {
            Ok(parcel) => parcel,
            Err(error) => return Settled::NotDeadLettered(error),
        };
        if !self.owed.was_sent(&parcel)
            && let Err(error) = self.publisher.send(parcel.clone()).await
        {
            self.owed.keep(parcel);
            return Settled::NotDeadLettered(error);
        }
        tracing::info!(queue = %self.queue, reason, "a message that cannot be used was copied to the dead letters");
        acknowledge(&delivery).await
    }

    fn to_dead_letters(&self, properties: BasicProperties, body: Vec<u8>) -> Result<Parcel, PublishError> {
        Ok(Parcel {
            exchange: short(self.settings.dead_letter_exchange.clone(), "the dead-letter exchange")?,
            routing_key: short(self.settings.dead_letter_queue.clone(), "the dead-letter queue")?,
            properties,
            body,
        })
    }
}

/// What became of one delivery.
#[derive(Debug)]
enum Settled {
    Done,
    Unavailable,
    NotDeadLettered(PublishError),
}

/// A late acknowledgement is no error: the broker has the message back and delivers it again, and Intake
/// knows it then.
async fn acknowledge(delivery: &Delivery) -> Settled {
    crash_point!(async "amqp.ack.before");
    let acknowledged = delivery.ack(BasicAckOptions::default()).await;
    crash_point!(async "amqp.ack.after");
    match acknowledged {
        Ok(true) => {}
        Ok(false) => tracing::debug!("the channel was closed before the acknowledgement"),
        Err(error) => tracing::debug!(%error, "the acknowledgement did not reach the broker"),
    }
    Settled::Done
}

/// Stops new deliveries, so that what is in hand is all there is to finish.
async fn cancel(channel: &Channel, consumer: &lapin::Consumer) {
    let cancelling = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
    match timeout(ANSWER_TIME, cancelling).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the consumer was gone before it was cancelled"),
        Err(_) => tracing::debug!("the broker did not answer the cancel"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graver_end_wins() {
        let lost = || Ended::Lost("gone".to_owned());
        let cases = [
            (Ended::Stopped, lost(), lost()),
            (lost(), Ended::Unavailable, lost()),
            (Ended::Unavailable, Ended::Stopped, Ended::Unavailable),
            (Ended::Recovered, Ended::Unavailable, Ended::Unavailable),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.or(other), expected);
        }
    }
}
