//! Least privilege at a real node: what carepass's user needs, and what it is told when a permission lacks.
//! The table is the one of `docs/OPERATING.md`, *RabbitMQ*. Not here: faults of the broker (`broker_faults`).

use crate::broker_door::{Door, message, settings, told};
use crate::rabbit::RabbitNode;
use carepass::amqp::{AmqpSettings, PublishError, Topology, publish_all};
use secrecy::SecretString;

const READ: &str = "^carepass\\.(engineers|leavers)$";
const WRITE: &str = "^carepass\\.(dead|outcomes)$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbit_user_of_carepass_needs_no_more_than_is_documented_and_hears_what_lacks() {
    let node = RabbitNode::start();
    let administrator = node.url();
    let full = settings(&administrator);
    Topology::of(&full).unwrap().ensure_at(&full.endpoint).await.unwrap();
    node.ctl(&["add_user", "carepass", "secret"]);
    let url = administrator.replace("guest:guest", "carepass:secret");
    let checking = AmqpSettings { declare: false, ..settings(&url) };
    let grant =
        |read: &str, write: &str| node.ctl(&["set_permissions", "-p", "/", "carepass", "^$", write, read]);

    grant(READ, WRITE);
    let door = Door::open(&checking, 10);
    door.connected().await;
    let hr = SecretString::from(administrator.clone());
    publish_all(&hr, vec![message("hr.events", "m1")], |_, _| ()).await.unwrap();
    door.takes("m1").await;
    for exchange in ["carepass.outcomes", "carepass.dead"] {
        let mut outcome = message(exchange, "o1");
        "carepass.dead-letters".clone_into(&mut outcome.routing_key);
        assert_eq!(door.publisher.publish(outcome).await, Ok(()), "{exchange}");
    }
    let forged = door.publisher.publish(message("hr.events", "forged")).await;
    let Err(PublishError::Closed(words)) = forged else { panic!("an event of its own: {forged:?}") };
    assert!(words.contains("may not write to exchange 'hr.events'"), "{words}");
    told(&door.outcomes, "may not write to exchange 'hr.events'").await;
    let declaring = Topology::of(&settings(&url)).unwrap().ensure_at(&settings(&url).endpoint).await;
    let refused = declaring.unwrap_err().to_string();
    assert!(refused.contains("may not be declared") && refused.contains("declare = false"), "{refused}");
    drop(door);

    for (lacking, read, write, words) in [
        ("read of the leavers", "^carepass\\.engineers$", WRITE, "may not read queue 'carepass.leavers'"),
        ("read of the engineers", "^carepass\\.leavers$", WRITE, "may not read queue 'carepass.engineers'"),
    ] {
        grant(read, write);
        println!("{lacking}");
        let door = Door::open(&checking, 10);
        told(&door.intake, words).await;
        grant(READ, WRITE);
        door.connected().await;
    }
    grant(READ, "^carepass\\.dead$");
    let door = Door::open(&checking, 10);
    let refused = door.publisher.publish(message("carepass.outcomes", "o2")).await.unwrap_err().to_string();
    assert!(refused.contains("may not write to exchange 'carepass.outcomes'"), "{refused}");
}
