//! Least privilege at a real node: what carepass's user needs, and what it is told when a permission lacks.
//! The table is the one of `docs/OPERATING.md`, *RabbitMQ*. A scenario of `broker_faults`, on its node.

use crate::broker_door::{Door, message, settings, told};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, PublishError, Topology, publish_all};
use secrecy::SecretString;

const READ: &str = "^carepass\\.(engineers|leavers)$";
const WRITE: &str = "^carepass\\.(dead|outcomes)$";

/// In a virtual host in which an administrator has declared everything.
pub async fn no_more_than_documented(node: &RabbitNode, administrator: String) {
    node.order("rabbit_auth_backend_internal:add_user(<<\"carepass\">>, <<\"secret\">>, <<\"test\">>)");
    let url = administrator.replace("guest:guest", "carepass:secret");
    let (_, vhost) = url.rsplit_once('/').unwrap();
    let checking = AmqpSettings { declare: false, ..settings(&url) };
    let grant = |read: &str, write: &str| node.grant(vhost, "carepass", ["^$", write, read]);

    grant(READ, WRITE);
    what_is_documented_is_enough(&checking, &administrator).await;
    let declaring = Topology::of(&settings(&url)).unwrap().ensure_at(&settings(&url).endpoint).await;
    let refused = declaring.unwrap_err().to_string();
    assert!(refused.contains("may not be declared") && refused.contains("declare = false"), "{refused}");

    for (read, words) in [
        ("^carepass\\.engineers$", "may not read queue 'carepass.leavers'"),
        ("^carepass\\.leavers$", "may not read queue 'carepass.engineers'"),
    ] {
        grant(read, WRITE);
        let door = Door::open(&checking, 10);
        told(&door.intake, words).await;
        grant(READ, WRITE);
        door.connected().await;
    }
    for (write, exchange) in
        [("^carepass\\.dead$", "carepass.outcomes"), ("^carepass\\.outcomes$", "carepass.dead")]
    {
        grant(READ, write);
        let door = Door::open(&checking, 10);
        let refused = door.publish(message(exchange, "o2")).await.unwrap_err().to_string();
        let words = format!("may not write to exchange '{exchange}'");
        assert!(refused.contains(&words), "{refused}");
        told(&door.outcomes, &words).await;
    }
}

async fn what_is_documented_is_enough(checking: &AmqpSettings, administrator: &str) {
    let door = Door::open(checking, 10);
    door.connected().await;
    let hr = SecretString::from(administrator.to_owned());
    publish_all(&hr, vec![message("hr.events", "m1")], |_, _| ()).await.unwrap();
    door.takes("m1").await;
    for exchange in ["carepass.outcomes", "carepass.dead"] {
        let mut outcome = message(exchange, "o1");
        "carepass.dead-letters".clone_into(&mut outcome.routing_key);
        assert_eq!(door.publish(outcome).await, Ok(()), "{exchange}");
    }
    let forged = door.publish(message("hr.events", "forged")).await;
    let Err(PublishError::Closed(words)) = forged else { panic!("an event of its own: {forged:?}") };
    assert!(words.contains("may not write to exchange 'hr.events'"), "{words}");
    told(&door.outcomes, "may not write to exchange 'hr.events'").await;
}
