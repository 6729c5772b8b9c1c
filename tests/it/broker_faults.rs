//! Faults of a real broker on one node: nothing lost, nothing stuck, and each state told in plain words in the log, and where that lasts in `/readyz`. Each
//! scenario has a virtual host of its own; those that concern the whole node come one after the other, then all others side by side, and
//! in the end the node itself goes. Not here: what happens in a scenario (`scenarios`, `broker_permissions`), kills of carepass itself
//! (`end_to_end`).

mod scenarios;
mod scene;

use crate::broker_door::{Door, settings, told, until};
use crate::broker_permissions;
use crate::fixture::queues::Queues;
use crate::rabbit::RabbitNode;
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join_all};
use scene::{ENGINEERS, Scene, tell};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::Instant;

/// For one scenario; each wait in it has a limit of its own, which says what was waited for.
const LIMIT: Duration = Duration::from_secs(90);

/// How an alarm is raised, and how it ends.
const MEMORY: [&str; 2] = [
    "vm_memory_monitor:set_vm_memory_high_watermark(0.00001)",
    "vm_memory_monitor:set_vm_memory_high_watermark(0.4)",
];
const DISK: [&str; 2] = [
    "rabbit_disk_monitor:set_disk_free_limit(\"900000GB\")",
    "rabbit_disk_monitor:set_disk_free_limit(\"1MB\")",
];

type Scenario = fn(Scene<'_>) -> LocalBoxFuture<'_, ()>;

const ONE_AFTER_THE_OTHER: [(&str, Scenario); 3] = [
    ("memory alarm", |scene| Box::pin(scene.alarm(MEMORY))),
    ("disk alarm", |scene| Box::pin(scene.alarm(DISK))),
    ("consumer timeout with a full prefetch", |scene| Box::pin(scene.consumer_timeout())),
];

const SIDE_BY_SIDE: [(&str, Scenario); 14] = [
    ("queue deleted", |scene| Box::pin(scene.queue_deleted())),
    ("connection closed by an operator", |scene| Box::pin(scene.closed_by_operator())),
    ("permission revoked", |scene| Box::pin(scene.permission_revoked())),
    ("unroutable outcome", |scene| Box::pin(scene.unroutable())),
    ("nack on publish", |scene| Box::pin(scene.nacked())),
    ("reset", |scene| Box::pin(scene.reset())),
    ("silent both ways", |scene| Box::pin(scene.silent(true, true))),
    ("silent from the broker", |scene| Box::pin(scene.silent(false, true))),
    ("silent to the broker", |scene| Box::pin(scene.silent(true, false))),
    ("confirm lost", |scene| Box::pin(scene.confirm_lost())),
    ("carepass cannot take events", |scene| Box::pin(scene.unavailable())),
    ("dead letters without their queue", |scene| Box::pin(scene.dead_letters_gone())),
    ("21 crashes with a full prefetch", |scene| Box::pin(scene.crashes())),
    ("least privilege", |scene| Box::pin(broker_permissions::no_more_than_documented(scene.node, scene.url))),
];

type End = fn(&mut RabbitNode);

/// How the node goes.
const ENDS: [(&str, End); 2] = [("stop", RabbitNode::stop), ("kill -9", RabbitNode::kill9)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_faults_lose_nothing_and_are_told() {
    let began = Instant::now();
    let mut node = RabbitNode::start();
    println!("the node runs after {:?}", began.elapsed());
    let mut failed = Vec::new();
    for (name, scenario) in ONE_AFTER_THE_OTHER {
        failed.extend(outcome(name, play(&node, scenario)).await);
        // One that failed half-way leaves no alarm to the others.
        for [_, off] in [MEMORY, DISK] {
            node.order(off);
        }
    }
    // Making virtual hosts keeps this thread for seconds, and no scenario that has begun is to wait for that.
    let mut side_by_side = Vec::new();
    for (name, scenario) in SIDE_BY_SIDE {
        side_by_side.push(outcome(name, scenario(Scene::new(&node).await)));
    }
    failed.extend(join_all(side_by_side).await.into_iter().flatten());
    for (name, end) in ENDS {
        failed.extend(outcome(name, ended_and_started(&mut node, end)).await);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

async fn play(node: &RabbitNode, scenario: Scenario) {
    scenario(Scene::new(node).await).await;
}

/// What failed, if anything did.
async fn outcome(name: &str, scenario: impl Future<Output = ()>) -> Option<String> {
    let began = Instant::now();
    let done = tokio::time::timeout(LIMIT, AssertUnwindSafe(scenario).catch_unwind()).await;
    let failure = match done {
        Ok(Ok(())) => None,
        Ok(Err(panic)) => Some(words_of(&*panic)),
        Err(_) => Some(format!("not done after {LIMIT:?}")),
    };
    println!("{name}: {:?} {}", began.elapsed(), failure.as_deref().unwrap_or("well"));
    failure.map(|failure| format!("{name}: {failure}"))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// The node goes with a message in carepass's hand, and comes back.
async fn ended_and_started(node: &mut RabbitNode, end: End) {
    let scene = Scene::new(node).await;
    scene.hr(&["before"]).await;
    let (url, vhost) = (scene.url.clone(), scene.vhost().to_owned());
    node.put_definitions_down();
    let door = Door::open(&settings(&url), 0);
    door.connected().await;
    door.has_in_hand(1).await;
    end(node);
    for link in [&door.intake, &door.outcomes] {
        told(link, "nobody listens there").await;
    }
    door.engine.gate.add_permits(10);
    node.restart();
    door.connected().await;
    door.takes("before").await;
    tell(&door, "after").await;
    let queues = Queues::at(&url).await;
    until("nothing is left", async || {
        queues.depth(ENGINEERS).await.0 == 0 && node.in_hand(&vhost, ENGINEERS) == 0
    })
    .await;
}
