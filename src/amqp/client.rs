//! Publishing a list of messages once, for `carepass event publish`: one connection, many messages under way,
//! a count at the end. No retries: the caller shows what was not taken.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ExchangeKind};
use secrecy::SecretString;
use tokio::time::timeout;

use super::endpoint::{self, Endpoint};
use super::error::{AmqpError, PublishError, TopologyFault, reply_code};
use super::message::{Outgoing, Parcel, short};
use super::publish::{confirming_channel, transmit};

const IN_FLIGHT_MAX: usize = 64;
/// Longer than for outcomes: somebody is watching, and a busy broker is no error.
const CONFIRM_TIME: Duration = Duration::from_secs(30);

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishCounts {
    /// Confirmed, and in a queue.
    pub confirmed: usize,
    /// Given back: no queue is bound for them.
    pub unroutable: usize,
    /// Everything else.
    pub failed: usize,
}

/// Publishes `messages` to the broker at `url` and tells `on_each` of each one as it is settled, with its place
/// in the list; not necessarily in order.
///
/// # Errors
/// Nothing was published: the URL, the connection, or an exchange that is missing.
pub async fn publish_all(
    url: &SecretString,
    messages: Vec<Outgoing>,
    mut on_each: impl FnMut(usize, &Result<(), PublishError>),
) -> Result<PublishCounts, AmqpError> {
    let connection = Endpoint::parse(url)?.connect("carepass event publish").await?;
    let published = publish_over(&connection, messages, &mut on_each).await;
    endpoint::close(&connection).await;
    published
}

async fn publish_over(
    connection: &Connection,
    messages: Vec<Outgoing>,
    on_each: &mut impl FnMut(usize, &Result<(), PublishError>),
) -> Result<PublishCounts, AmqpError> {
    let exchanges: std::collections::BTreeSet<String> =
        messages.iter().map(|message| message.exchange.clone()).collect();
    for exchange in exchanges {
        check_exchange(connection, &exchange).await?;
    }
    let channel = confirming_channel(connection).await?;
    let mut counts = PublishCounts::default();
    let sending = messages.into_iter().enumerate().map(|(place, message)| {
        let channel = &channel;
        async move {
            let sent = async { transmit(channel, &Parcel::try_from(message)?).await };
            let sent = timeout(CONFIRM_TIME, sent).await;
            (place, sent.unwrap_or(Err(PublishError::Timeout)))
        }
    });
    let mut settled = stream::iter(sending).buffer_unordered(IN_FLIGHT_MAX);
    while let Some((place, sent)) = settled.next().await {
        on_each(place, &sent);
        counts.add(&sent);
    }
    drop(settled);
    endpoint::close_channel(&channel).await;
    Ok(counts)
}

/// Publishing to an exchange that is not there closes the channel under everything else that is under way.
async fn check_exchange(connection: &Connection, exchange: &str) -> Result<(), AmqpError> {
    if exchange.is_empty() {
        return Ok(());
    }
    let name = short(exchange.to_owned(), "the exchange").map_err(|_| AmqpError::TooLong("the exchange"))?;
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    let checked = channel.exchange_declare(name, ExchangeKind::Topic, passive, FieldTable::default()).await;
    match checked {
        Ok(()) => {
            endpoint::close_channel(&channel).await;
            Ok(())
        }
        Err(error) if reply_code(&error) == Some(404) => Err(AmqpError::Topology(vec![TopologyFault {
            subject: format!("exchange '{exchange}'"),
            fault: "is missing".to_owned(),
            advice:
                "Start carepass once with intake.amqp.declare = true, or create it, or publish to another"
                    .to_owned(),
        }])),
        Err(error) => Err(error.into()),
    }
}

impl PublishCounts {
    fn add(&mut self, sent: &Result<(), PublishError>) {
        match sent {
            Ok(()) => self.confirmed += 1,
            Err(PublishError::Unroutable { .. }) => self.unroutable += 1,
            Err(
                PublishError::Nacked
                | PublishError::Blocked
                | PublishError::Timeout
                | PublishError::Closed(_)
                | PublishError::TooLong(_),
            ) => self.failed += 1,
        }
    }
}
