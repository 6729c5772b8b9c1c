//! The broker as lapin sees it over a real socket.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions,
    BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, ExchangeKind,
};

use super::*;

async fn start() -> (Broker, CancellationToken) {
    let broker = Broker::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(broker.clone().serve(stop.clone()));
    (broker, stop)
}

async fn connect(broker: &Broker) -> Connection {
    Connection::connect(&broker.uri(), ConnectionProperties::default()).await.unwrap()
}

async fn channel(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

fn table(arguments: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn declare(channel: &Channel, queue: &str, arguments: &[(&str, AMQPValue)]) {
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), table(arguments)).await.unwrap();
}

async fn publish(channel: &Channel, exchange: &str, key: &str, body: &[u8]) -> Confirmation {
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    channel
        .basic_publish(exchange.into(), key.into(), mandatory, body, properties)
        .await
        .unwrap()
        .await
        .unwrap()
}

async fn consume(channel: &Channel, queue: &str, prefetch: u16) -> Consumer {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.unwrap();
    channel
        .basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await
        .unwrap()
}

async fn next(consumer: &mut Consumer) -> Delivery {
    consumer.next().await.unwrap().unwrap()
}

async fn ack(delivery: &Delivery) {
    assert!(delivery.ack(BasicAckOptions::default()).await.unwrap());
}

async fn nack(delivery: &Delivery, requeue: bool) {
    let options = BasicNackOptions { requeue, ..BasicNackOptions::default() };
    assert!(delivery.nack(options).await.unwrap());
}

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = Broker::bind(address.parse().unwrap()).await.map(|_| ());
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{address}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let (broker, _stop) = start().await;
    let uri = broker.uri();
    let uri = format!("amqp://guest:guest@{}", uri.split_once('@').unwrap().1);
    let error = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap_err();
    assert!(error.to_string().contains("ACCESS_REFUSED"), "{error}");
}

#[tokio::test]
async fn an_idle_consumer_gets_what_another_connection_publishes() {
    let (broker, _stop) = start().await;
    let (reader, writer) = (connect(&broker).await, connect(&broker).await);
    let (reading, writing) = (channel(&reader).await, channel(&writer).await);
    declare(&reading, "q", &[]).await;
    let mut consumer = consume(&reading, "q", 10).await;
    let body = vec![7; 300_000];
    assert!(publish(&writing, "", "q", &body).await.is_ack());
    let delivery = next(&mut consumer).await;
    assert_eq!((delivery.data.len(), delivery.redelivered), (300_000, false));
    ack(&delivery).await;
    broker.wait_until(|broker| broker.unacknowledged("q") == Some(0)).await;
    assert_eq!(broker.depth("q"), Some(0));
}

#[tokio::test]
async fn prefetch_bounds_each_consumer_and_ack_multiple_frees_it() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let one = channel(&connection).await;
    declare(&one, "q", &[]).await;
    let mut consumer = consume(&one, "q", 3).await;
    for number in 0..7u8 {
        publish(&one, "", "q", &[number]).await;
    }
    let mut last = next(&mut consumer).await;
    for _ in 0..2 {
        last = next(&mut consumer).await;
    }
    assert_eq!((broker.depth("q"), broker.unacknowledged("q")), (Some(4), Some(3)));
    let multiple = BasicAckOptions { multiple: true };
    last.ack(multiple).await.unwrap();
    broker.wait_until(|broker| broker.depth("q") == Some(1)).await;
    assert_eq!(broker.unacknowledged("q"), Some(3));
}

#[tokio::test]
async fn declarations_are_compared_and_a_channel_closes_alone() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let good = channel(&connection).await;
    declare(&good, "q", &[("x-delivery-limit", AMQPValue::LongInt(20))]).await;
    declare(&good, "q", &[("x-delivery-limit", AMQPValue::LongLongInt(20))]).await;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let cases =
        [("q", QueueDeclareOptions::durable(), "PRECONDITION_FAILED"), ("missing", passive, "NOT_FOUND")];
    for (queue, options, expected) in cases {
        let bad = channel(&connection).await;
        let error = bad.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!bad.status().connected() && good.status().connected());
    }
}

#[tokio::test]
async fn topic_and_direct_exchanges_route_and_the_unroutable_comes_back() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let channel = channel(&connection).await;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for (name, kind, key) in [("events", ExchangeKind::Topic, "a.*.#"), ("dead", ExchangeKind::Direct, "a.b")]
    {
        channel.exchange_declare(name.into(), kind, durable, FieldTable::default()).await.unwrap();
        declare(&channel, name, &[]).await;
        channel
            .queue_bind(
                name.into(),
                name.into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
    }
    let cases = [
        ("events", "a.b", true),
        ("events", "a", false),
        ("dead", "a.b", true),
        ("dead", "a.b.c", false),
        ("", "nobody", false),
    ];
    for (exchange, key, routed) in cases {
        let confirmation = publish(&channel, exchange, key, b"x").await;
        assert!(confirmation.is_ack());
        let returned = confirmation.take_message().map(|message| message.reply_code);
        assert_eq!(returned, (!routed).then_some(312), "{exchange} {key}");
    }
}

#[tokio::test]
async fn rejected_and_spent_messages_are_dead_lettered() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let channel = channel(&connection).await;
    declare(&channel, "dead", &[]).await;
    let arguments = [
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text("dead")),
        ("x-delivery-limit", AMQPValue::LongInt(3)),
    ];
    declare(&channel, "q", &arguments).await;
    let mut consumer = consume(&channel, "q", 1).await;

    publish(&channel, "", "q", b"bad").await;
    nack(&next(&mut consumer).await, false).await;
    broker.wait_until(|broker| broker.depth("dead") == Some(1)).await;
    let dead = broker.take("dead").unwrap();
    assert_eq!(dead.headers["x-first-death-reason"], "rejected");

    publish(&channel, "", "q", b"again").await;
    for expected in [None, Some("1"), Some("2"), Some("3")] {
        let delivery = next(&mut consumer).await;
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        let count = headers.inner().get("x-delivery-count").and_then(AMQPValue::as_long_long_int);
        assert_eq!(count.map(|count| count.to_string()).as_deref(), expected);
        nack(&delivery, true).await;
    }
    broker.wait_until(|broker| broker.depth("dead") == Some(1)).await;
    let dead = broker.take("dead").unwrap();
    assert_eq!(dead.headers["x-first-death-reason"], "delivery_limit");
}

#[tokio::test]
async fn dropped_connections_give_everything_back_in_order() {
    let (broker, _stop) = start().await;
    let writer = connect(&broker).await;
    let writing = channel(&writer).await;
    declare(&writing, "q", &[]).await;
    for number in 0..5u8 {
        publish(&writing, "", "q", &[number]).await;
    }
    let mut consumer = consume(&writing, "q", 3).await;
    let first = next(&mut consumer).await;
    ack(&first).await;
    // Three are in hand before the acknowledgement arrives, too; one more was delivered after it.
    broker.wait_until(|broker| (broker.unacknowledged("q"), broker.depth("q")) == (Some(3), Some(1))).await;
    broker.drop_connections();
    broker.wait_until(|broker| broker.depth("q") == Some(4)).await;
    let seen: Vec<_> = broker.messages("q");
    let bodies: Vec<_> = seen.iter().map(|message| message.body[0]).collect();
    let redelivered: Vec<_> = seen.iter().map(|message| message.redelivered).collect();
    assert_eq!(bodies, [1, 2, 3, 4]);
    assert_eq!(redelivered, [true, true, true, false]);
    broker.wait_until(|broker| broker.connections() == 0).await;
    connect(&broker).await;
}

#[tokio::test]
async fn limits_answer_with_an_error_and_not_with_a_loss() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let limited = channel(&connection).await;
    let overflow = |how: &str| [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", text(how))];
    declare(&limited, "refusing", &overflow("reject-publish")).await;
    declare(&limited, "dropping", &overflow("drop-head")).await;
    for (queue, acked) in [("refusing", false), ("dropping", true)] {
        assert!(publish(&limited, "", queue, b"1").await.is_ack());
        assert_eq!(publish(&limited, "", queue, b"2").await.is_ack(), acked);
    }
    assert_eq!(broker.take("refusing").unwrap().body, b"1");
    assert_eq!(broker.take("dropping").unwrap().body, b"2");

    let oversized = vec![0; 1024 * 1024 + 1];
    let published = limited
        .basic_publish(
            "".into(),
            "dropping".into(),
            BasicPublishOptions::default(),
            &oversized,
            BasicProperties::default(),
        )
        .await;
    let error = published.unwrap().await.unwrap_err();
    assert!(error.to_string().contains("PRECONDITION_FAILED"), "{error}");
    assert!(connection.status().connected());
}

#[tokio::test]
async fn an_alarm_holds_publishers_and_nobody_else() {
    let (broker, _stop) = start().await;
    let (reader, writer) = (connect(&broker).await, connect(&broker).await);
    let (reading, writing) = (channel(&reader).await, channel(&writer).await);
    declare(&reading, "q", &[]).await;
    publish(&writing, "", "q", b"before").await;
    broker.set_alarm(true);
    let mut consumer = consume(&reading, "q", 1).await;
    let held = publish(&writing, "", "q", b"held");
    let reads_and_ends_the_alarm = async {
        ack(&next(&mut consumer).await).await;
        broker.wait_until(|broker| broker.unacknowledged("q") == Some(0)).await;
        assert_eq!(broker.depth("q"), Some(0));
        broker.set_alarm(false);
        assert_eq!(next(&mut consumer).await.data, b"held");
    };
    let (confirmation, ()) = tokio::join!(held, reads_and_ends_the_alarm);
    assert!(confirmation.is_ack());
}

#[tokio::test]
async fn get_purge_delete_and_the_end_of_a_consumer() {
    let (broker, _stop) = start().await;
    let connection = connect(&broker).await;
    let channel = channel(&connection).await;
    declare(&channel, "q", &[]).await;
    let get = |options| channel.basic_get("q".into(), options);
    assert!(get(BasicGetOptions::default()).await.unwrap().is_none());
    for body in [b"1", b"2", b"3"] {
        publish(&channel, "", "q", body).await;
    }
    let got = get(BasicGetOptions::default()).await.unwrap().unwrap();
    assert_eq!((got.message_count, got.delivery.data.as_slice()), (2, &b"1"[..]));
    ack(&got.delivery).await;
    let purged = channel.queue_purge("q".into(), QueuePurgeOptions::default()).await;
    assert_eq!(purged.unwrap(), 2);
    let mut consumer = consume(&channel, "q", 1).await;
    channel.queue_delete("q".into(), QueueDeleteOptions::default()).await.unwrap();
    assert!(consumer.next().await.is_none());
    assert_eq!(broker.depth("q"), None);
}

#[tokio::test]
async fn a_stranger_is_shown_the_protocol_and_the_door() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (broker, _stop) = start().await;
    let address = broker.address;
    for greeting in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"AMQP\x00\x01\x00\x00"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(greeting).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"AMQP\x00\x00\x09\x01");
    }
}

#[tokio::test]
async fn stopping_ends_the_broker_and_its_connections() {
    let broker = Broker::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(broker.clone().serve(stop.clone()));
    let _connection = connect(&broker).await;
    stop.cancel();
    serving.await.unwrap().unwrap();
    assert_eq!(broker.connections(), 0);
}
