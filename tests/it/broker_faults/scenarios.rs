//! What happens in each scenario, what must be told, and what must be so afterwards. Not here: the node's end (`super`).

use super::scene::{DEAD, ENGINEERS, OUTCOMES, Scene, declare, tell};
use crate::broker_door::{Door, Mood, PREFETCH, message, told, until};
use crate::fixture::queues::Queues;
use carepass::amqp::{AmqpSettings, PublishError};

/// One more than the delivery limit.
const CRASHES: usize = 21;
const BATCH: usize = 12;

impl Scene<'_> {
    /// Outcomes wait for the end of the alarm; intake and its acknowledgements do not.
    pub async fn alarm(self, [on, off]: [&str; 2]) {
        self.hr(&["before"]).await;
        let door = Door::open(&self.settings(), 0);
        door.connected().await;
        door.has_in_hand(1).await;
        self.node.order(on);
        // What a node confirmed before it heard of its alarm it has taken; it tells a connection of the alarm when that publishes again.
        until("the broker takes no outcomes", async || {
            let meanwhile = door.publish(message(OUTCOMES, "held")).await;
            assert!(matches!(meanwhile, Ok(()) | Err(PublishError::Blocked)), "{meanwhile:?}");
            meanwhile.is_err()
        })
        .await;
        told(&door.outcomes, "alarm").await;
        door.engine.gate.add_permits(10);
        door.takes("before").await;
        until("acknowledgements pass", async || self.in_hand() == 0).await;
        assert_eq!(door.publish(message(OUTCOMES, "held")).await, Err(PublishError::Blocked));
        assert_eq!(door.outcomes.shown(), "the broker has a memory or disk alarm");
        self.node.order(off);
        self.works(&door).await;
    }

    /// The channel is closed under an engine that has all it may have in hand and does not come back.
    pub async fn consumer_timeout(self) {
        let set = |milliseconds| {
            self.node.order(&format!("application:set_env(rabbit, consumer_timeout, {milliseconds})"));
        };
        self.node.order("application:set_env(rabbit, channel_tick_interval, 200)");
        let bodies = batch(PREFETCH);
        self.hr(&refs(&bodies)).await;
        set(1_000);
        let door = Door::open(&self.settings(), 0);
        door.has_in_hand(PREFETCH).await;
        set(1_800_000);
        told(&door.intake, "longer than the broker allows").await;
        door.engine.gate.add_permits(10);
        for body in &bodies {
            door.takes(body).await;
        }
        self.works(&door).await;
    }

    pub async fn queue_deleted(self) {
        let door = self.open().await;
        self.node.delete_queue(self.vhost(), ENGINEERS);
        told(&door.intake, "was the queue deleted?").await;
        self.works(&door).await;
    }

    pub async fn closed_by_operator(self) {
        let door = self.open().await;
        self.node.close_connections(self.vhost());
        told(&door.intake, "an operator closed the connection").await;
        told(&door.outcomes, "an operator closed the connection").await;
        self.works(&door).await;
    }

    pub async fn permission_revoked(self) {
        let door = Door::open(&AmqpSettings { declare: false, ..self.settings() }, 10);
        door.connected().await;
        self.node.grant(self.vhost(), "guest", [".*", ".*", "^$"]);
        self.node.close_connections(self.vhost());
        self.hr(&["kept"]).await;
        told(&door.intake, "may not read queue 'carepass.").await;
        self.node.grant(self.vhost(), "guest", [".*"; 3]);
        door.takes("kept").await;
        self.works(&door).await;
        assert_eq!(door.intake.times_connected(), 2, "attempts in vain are not told as connected");
    }

    pub async fn unroutable(self) {
        let door = self.open().await;
        self.node.delete_queue(self.vhost(), OUTCOMES);
        let refused = door.publish(message(OUTCOMES, "o")).await;
        assert!(matches!(refused, Err(PublishError::Unroutable { .. })), "{refused:?}");
        declare(&self.url).await;
        self.works(&door).await;
    }

    pub async fn nacked(self) {
        let door = self.open().await;
        self.node.order(&format!(
            "rabbit_policy:set(<<\"{}\">>, <<\"full\">>, <<\"^carepass.dead-letters$\">>, \
             [{{<<\"max-length\">>, 1}}, {{<<\"overflow\">>, <<\"reject-publish\">>}}], 0, <<\"queues\">>, <<\"test\">>)",
            self.vhost(),
        ));
        let dead = || {
            let mut dead = message("carepass.dead", "d");
            DEAD.clone_into(&mut dead.routing_key);
            door.publish(dead)
        };
        until("the broker refuses what a full queue cannot take", async || {
            dead().await == Err(PublishError::Nacked)
        })
        .await;
        self.works(&door).await;
    }

    pub async fn reset(self) {
        let door = self.open().await;
        self.proxy.reset();
        told(&door.intake, "the connection broke").await;
        told(&door.outcomes, "the connection broke").await;
        self.works(&door).await;
    }

    pub async fn silent(self, out: bool, back: bool) {
        let door = Door::open(&self.settings_with_heartbeat(2), 10);
        door.connected().await;
        self.proxy.swallow(out, back);
        self.hr(&["meanwhile"]).await;
        // A broker that hears nothing closes the connection, where that reaches us.
        told(&door.intake, if back { "gone silent" } else { "the connection broke" }).await;
        self.proxy.swallow(false, false);
        self.proxy.reset();
        door.takes("meanwhile").await;
        self.works(&door).await;
    }

    /// Heartbeats would notice it later than the publisher does.
    pub async fn confirm_lost(self) {
        let door = self.open().await;
        self.proxy.swallow(false, true);
        let lost = door.publish(message(OUTCOMES, "twice")).await;
        assert_eq!(lost, Err(PublishError::Timeout));
        self.proxy.swallow(false, false);
        told(&door.outcomes, "did not confirm in time").await;
        tell(&door, "twice").await;
        let told = Queues::at(&self.url).await.take_all(OUTCOMES).await;
        let same = told.iter().all(|message| message.delivery.data == b"twice");
        assert!(told.len() == 2 && same, "told again under the same id, {} times", told.len());
        self.works(&door).await;
    }

    /// The broker has everything back while carepass cannot take it, and it comes again by itself.
    pub async fn unavailable(self) {
        let bodies = batch(PREFETCH);
        self.hr(&refs(&bodies)).await;
        let door = Door::open_in(&self.settings(), 10, Mood::Unavailable);
        told(&door.intake, "carepass cannot take events at the moment").await;
        let queues = Queues::at(&self.url).await;
        until("the broker has them back", async || {
            queues.depth(ENGINEERS).await == (PREFETCH, 0) && self.in_hand() == 0
        })
        .await;
        *door.engine.mood.lock().unwrap() = Mood::Takes;
        for body in &bodies {
            door.takes(body).await;
        }
        self.works(&door).await;
    }

    /// A refused message is not acknowledged before its copy lies with the dead letters, and is copied once.
    pub async fn dead_letters_gone(self) {
        let door = Door::open_in(&self.settings(), 10, Mood::Refuses);
        door.connected().await;
        self.node.delete_queue(self.vhost(), DEAD);
        self.hr(&["unusable"]).await;
        told(&door.intake, "a refused message could not be copied to the dead letters").await;
        // It comes a second time once its copy was confirmed, and only then is it settled.
        door.has_in_hand(2).await;
        let queues = Queues::at(&self.url).await;
        until("it is settled", async || queues.depth(ENGINEERS).await.0 == 0 && self.in_hand() == 0).await;
        let copies = queues.take_all(DEAD).await;
        let bodies: Vec<&[u8]> = copies.iter().map(|copy| &*copy.delivery.data).collect();
        assert_eq!(bodies, [b"unusable"]);
        *door.engine.mood.lock().unwrap() = Mood::Takes;
        self.works(&door).await;
    }

    /// What was in hand at too many crashes lies with the dead letters, all else in the queue: none is gone.
    pub async fn crashes(self) {
        let bodies = batch(BATCH);
        self.hr(&refs(&bodies)).await;
        for _ in 0..CRASHES {
            let door = Door::open(&self.settings(), 0);
            door.has_in_hand(PREFETCH).await;
            assert_eq!(self.in_hand(), PREFETCH, "no more are lent than the prefetch");
            drop(door);
            self.proxy.reset();
            until("the broker has them back", async || self.in_hand() == 0).await;
        }
        let door = self.open().await;
        self.works(&door).await;
        let dead = Queues::at(&self.url).await.take_all(DEAD).await;
        let taken = door.engine.taken.lock().unwrap().clone();
        let gone = bodies.iter().filter(|body| {
            !taken.contains(body.as_bytes()) && !dead.iter().any(|dead| dead.delivery.data == body.as_bytes())
        });
        assert_eq!(gone.count(), 0, "{} dead, {} taken", dead.len(), taken.len());
        assert!(!dead.is_empty(), "delivered {CRASHES} times, and the limit is 20");
    }
}

fn batch(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("m{number}")).collect()
}

fn refs(bodies: &[String]) -> Vec<&str> {
    bodies.iter().map(String::as_str).collect()
}
