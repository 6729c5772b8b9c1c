//! Where the broker is: the URL taken apart once, shown without user and password, and connected to with
//! limits on every wait. lapin has no connect timeout of its own: it waits for ever on a silent peer.
//! Not here: connecting again, which is the matter of those who hold a connection.

use std::fmt;
use std::time::Duration;

use lapin::runtime::default_runtime;
use lapin::tcp::AMQPUriTcpExt as _;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::error::{AmqpError, is_broken};
use super::tls::Tls;
use crate::model::this_machine::is_this_machine;

const CONNECT_TIME: Duration = Duration::from_secs(10);
/// A frozen broker does not answer a close; it is not waited for.
const CLOSE_TIME: Duration = Duration::from_secs(2);
/// A frozen broker is noticed after twice this many seconds, unless the URL says otherwise.
const HEARTBEAT_SECONDS: u16 = 10;

/// A text that is no broker's URL: what is so and what to do. Never the URL itself: it carries the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidUrl(&'static str);

/// A broker's address with its credentials. `Display` and `Debug` show neither user nor password.
#[derive(Clone)]
pub struct Endpoint {
    uri: AMQPUri,
    /// What is said of TLS beyond the scheme; else the authorities of the machine count, and nothing is shown.
    tls: Option<Tls>,
}

impl Endpoint {
    /// Takes the URL apart.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(url: &SecretString) -> Result<Self, InvalidUrl> {
        let url = url.expose_secret();
        let mut uri: AMQPUri = url.parse().map_err(|_: String| {
            InvalidUrl("is not a broker's URL; write it like amqps://user:password@host:5671/vhost")
        })?;
        // The parser under lapin silently takes "localhost" for both.
        if authority(url).contains('[') {
            return Err(InvalidUrl(
                "has an IPv6 address in it, which the AMQP library cannot use; give the broker a host name",
            ));
        }
        if host(url).is_empty() {
            return Err(InvalidUrl("names no host; write it like amqps://user:password@host:5671/vhost"));
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri, tls: None })
    }

    /// Whether TLS is spoken.
    pub fn is_encrypted(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }

    /// The same broker, known and met in this way. For an encrypted endpoint.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Whether the password would cross a network in clear.
    pub fn is_in_clear(&self) -> bool {
        !self.is_encrypted() && !is_this_machine(&self.uri.authority.host)
    }

    /// Connects; `name` is shown in the broker's management pages.
    ///
    /// # Errors
    /// [`AmqpError::Slow`] after ten seconds, [`AmqpError::BrokenAtOpening`] where TLS is to be spoken and the connection broke, else what
    /// broker or network said.
    pub async fn connect(&self, name: &str) -> Result<Connection, AmqpError> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        match timeout(CONNECT_TIME, self.open(properties)).await {
            Ok(Err(error)) if self.is_encrypted() && is_broken(&error) => Err(AmqpError::BrokenAtOpening),
            Ok(connected) => Ok(connected?),
            Err(_) => Err(AmqpError::Slow { doing: "connecting to the broker", limit: CONNECT_TIME }),
        }
    }

    async fn open(&self, properties: ConnectionProperties) -> lapin::Result<Connection> {
        let Some(tls) = self.tls.clone() else {
            return Connection::connect_uri(self.uri.clone(), properties).await;
        };
        // lapin itself only adds authorities to those of the machine, and keeps a client's key in a type that shows it.
        let dial = async move |mut uri: AMQPUri, runtime| {
            uri.scheme = AMQPScheme::AMQP;
            let stream = uri.connect_async(&runtime).await?;
            Ok(stream.into_rustls(tls.connector(), &uri.authority.host).await?)
        };
        Connection::connector(self.uri.clone(), default_runtime()?, dial, properties).await
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        let (host, port) = (&authority.host, authority.port);
        write!(formatter, "{scheme}://{host}:{port}/{vhost}")
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Endpoint({self})")
    }
}

/// Ends a channel in good order: when this comes back, the broker has seen every acknowledgement sent before.
/// Without it lapin sends the close by itself when the channel is dropped, and the close of the connection fails.
pub(super) async fn close_channel(channel: &Channel) {
    let closing = channel.close(200, "carepass is done".into());
    match timeout(CLOSE_TIME, closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the AMQP channel was gone before it was closed"),
        Err(_) => tracing::debug!("the broker did not answer the close of the AMQP channel"),
    }
}

/// Ends a connection in good order. That it is gone already is no error.
pub(super) async fn close(connection: &Connection) {
    let closing = connection.close(200, "carepass is done".into());
    match timeout(CLOSE_TIME, closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the AMQP connection was gone before it was closed"),
        Err(_) => tracing::debug!("the broker did not answer the close of the AMQP connection"),
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host(url: &str) -> &str {
    let authority = authority(url);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Result<String, String> {
        Endpoint::parse(&SecretString::from(url))
            .map(|endpoint| endpoint.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn user_and_password_are_never_shown() {
        let cases = [
            ("amqp://u:p4ss@mq.example", "amqp://mq.example:5672//"),
            ("amqp://u:p4ss@mq.example/%2f", "amqp://mq.example:5672//"),
            ("amqps://u:p4ss@mq.example/hr", "amqps://mq.example:5671/hr"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(url), Ok(expected.to_owned()));
            let endpoint = Endpoint::parse(&SecretString::from(url)).unwrap();
            assert!(!format!("{endpoint:?}").contains("p4ss"));
        }
    }

    #[test]
    fn urls_that_would_lead_elsewhere_are_refused_without_repeating_them() {
        for url in [
            "amqp://u:p4ss@[2001:db8::1]:5672/",
            "amqp:///vhost",
            "amqp://u:p4ss@/vhost",
            "https://u:p4ss@mq.example",
            "u:p4ss@mq.example",
            "",
        ] {
            let error = shown(url).unwrap_err();
            assert!(!error.contains("p4ss"), "{error}");
        }
    }

    #[test]
    fn a_password_in_clear_is_told_from_one_that_is_not() {
        let cases = [
            ("amqp://mq.example", true),
            ("amqps://mq.example", false),
            ("amqp://127.0.0.1", false),
            ("amqp://localhost", false),
        ];
        for (url, expected) in cases {
            let endpoint = Endpoint::parse(&SecretString::from(url)).unwrap();
            assert_eq!(endpoint.is_in_clear(), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn nobody_listening_is_said_in_plain_words() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let url = SecretString::from(format!("amqp://{address}"));
        let error = Endpoint::parse(&url).unwrap().connect("test").await;
        let text = error.unwrap_err().to_string();
        assert!(text.contains("nobody listens there"), "{text}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_while_it_is_opened_is_told_as_no_more_than_that() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let broker = tokio::spawn(async move {
            loop {
                drop(listener.accept().await.unwrap());
            }
        });
        for (scheme, expected) in [("amqps", "while it was being opened"), ("amqp", "the connection broke")] {
            let endpoint =
                Endpoint::parse(&SecretString::from(format!("{scheme}://u:p4ss@{address}/"))).unwrap();
            let said = endpoint.connect("test").await.unwrap_err().to_string();
            assert!(said.contains(expected), "{scheme}: {said}");
        }
        broker.abort();
    }
}
