//! The consumer that carepass is compared with, in a process of its own: it takes events from a quorum queue, makes the calls in line
//! and acknowledges at the end. It keeps nothing: a kill does everything in hand once more. And the calls alone, without a queue.

use crate::plain::Plain;
use crate::process::{Usage, orphaned, usage};
use crate::setup::Layout;
use futures_util::StreamExt as _;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;
use std::process::{Child, Command, ExitCode, Stdio};
use tokio::task::JoinSet;

/// The argument that makes this program the consumer.
pub const ARGUMENT: &str = "--naive-consumer";

/// The argument that makes this program the plain loop.
pub const BARE: &str = "--bare-loop";

/// Messages in hand.
const PREFETCH: u16 = 200;

/// Engineers at work in the plain loop.
const SIDE_BY_SIDE: usize = 200;

/// One of the two, running.
pub struct Rival {
    child: Child,
}

impl Rival {
    /// Starts the consumer of a queue.
    pub fn consumer(google: &str, amqp: &str, queue: &str, layout: Layout) -> Self {
        Self::start(&[ARGUMENT, google, amqp, queue], layout)
    }

    /// Starts the loop over so many engineers.
    pub fn bare(google: &str, engineers: usize, layout: Layout) -> Self {
        Self::start(&[BARE, google, &engineers.to_string()], layout)
    }

    fn start(arguments: &[&str], layout: Layout) -> Self {
        let program = std::env::current_exe().expect("this program");
        let numbers = [layout.accounts, layout.domains].map(|number| number.to_string());
        let child = Command::new(program).args(arguments).args(numbers).stdin(Stdio::piped()).spawn();
        Self { child: child.expect("this program can be run") }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        usage(self.child.id())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the consumer until it is killed.
pub fn run_consumer(arguments: &[String]) -> ExitCode {
    let [google, amqp, queue, accounts, domains] = arguments else { return ExitCode::FAILURE };
    let plain = Plain::new(google, layout(accounts, domains));
    runtime().block_on(async {
        tokio::select! { () = orphaned() => (), () = consume(plain, amqp, queue) => () }
    });
    ExitCode::SUCCESS
}

/// Runs the loop to its end.
pub fn run_bare(arguments: &[String]) -> ExitCode {
    let [google, engineers, accounts, domains] = arguments else { return ExitCode::FAILURE };
    let plain = Plain::new(google, layout(accounts, domains));
    let engineers: usize = engineers.parse().expect("a number");
    runtime().block_on(async {
        let all = futures_util::stream::iter(0..engineers).map(|number| {
            let plain = plain.clone();
            tokio::spawn(async move { plain.engineer(number).await })
        });
        all.buffer_unordered(SIDE_BY_SIDE).for_each(|_| async {}).await;
        // Its CPU is read before it is gone.
        orphaned().await;
    });
    ExitCode::SUCCESS
}

async fn consume(plain: Plain, amqp: &str, queue: &str) {
    let connection = Connection::connect(amqp, ConnectionProperties::default()).await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.expect("a limit");
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await;
    let mut consumer = consumer.expect("a consumer");
    let mut at_work = JoinSet::new();
    while let Some(Ok(delivery)) = consumer.next().await {
        let plain = plain.clone();
        at_work.spawn(async move {
            let event: Value = serde_json::from_slice(&delivery.data).expect("an event of the bench");
            let key = event["data"]["engineer"]["key"].as_str().unwrap_or_default().trim_start_matches("E-");
            plain.engineer(key.parse().expect("a number")).await;
            delivery.ack(BasicAckOptions::default()).await.expect("the broker hears it");
        });
        while at_work.try_join_next().is_some() {}
    }
}

fn layout(accounts: &str, domains: &str) -> Layout {
    Layout { accounts: accounts.parse().expect("a number"), domains: domains.parse().expect("a number") }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
