//! The topology against the loopback broker: what is declared, what is checked, and what is said where it differs.

use super::tests::{QUEUE, broker, endpoint, settings};
use super::*;

#[tokio::test]
async fn checking_only_names_everything_that_is_missing() {
    let broker = broker().await;
    let checking = AmqpSettings { declare: false, ..settings(&broker) };
    let endpoint = checking.endpoint.clone();
    let topology = Topology::of(&checking).unwrap();
    let error = topology.ensure_at(&endpoint).await.unwrap_err();
    let AmqpError::Topology(faults) = &error else {
        panic!("{error}");
    };
    let subjects: Vec<&str> = faults.iter().map(|fault| fault.subject.as_str()).collect();
    let expected = [
        "exchange 'carepass.dead'",
        "queue 'carepass.dead-letters'",
        "exchange 'hr.events'",
        "queue 'carepass.engineers'",
        "queue 'carepass.leavers'",
        "exchange 'carepass.outcomes'",
    ];
    assert_eq!(subjects, expected);
    assert!(error.to_string().contains("is missing. Create it"), "{error}");
    assert_eq!(broker.depth(QUEUE), None, "checking has declared something");

    let declaring = Topology::of(&settings(&broker)).unwrap();
    declaring.ensure_at(&endpoint).await.unwrap();
    declaring.ensure_at(&endpoint).await.unwrap();
    topology.ensure_at(&endpoint).await.unwrap();
}

#[tokio::test]
async fn a_queue_that_is_there_in_another_shape_is_said_to_be() {
    let broker = broker().await;
    let ours = settings(&broker);
    let others = AmqpSettings { dead_letter_exchange: "other.dead".into(), ..ours.clone() };
    let endpoint = ours.endpoint.clone();
    let declare = async |settings: &AmqpSettings| {
        let topology = Topology::of(settings).unwrap();
        topology.ensure_at(&endpoint).await
    };
    declare(&others).await.unwrap();
    let text = declare(&ours).await.unwrap_err().to_string();
    assert!(text.contains("queue 'carepass.engineers' is there"), "{text}");
    assert!(text.contains("x-dead-letter-exchange") && text.contains("by a policy"), "{text}");

    let swapped = AmqpSettings { exchange: ours.outcomes_exchange.clone(), ..ours.clone() };
    let crossed = AmqpSettings { dead_letter_exchange: "hr.events".into(), ..swapped };
    let text = declare(&crossed).await.unwrap_err().to_string();
    let exchange = text.split_once("exchange 'hr.events' is there").map(|(_, rest)| rest).expect(&text);
    assert!(exchange.split("queue '").next().unwrap().contains("another name"), "{text}");
}

#[test]
fn no_start_without_a_dead_letter_exchange() {
    let without = AmqpSettings {
        dead_letter_exchange: String::new(),
        ..AmqpSettings::new(endpoint("amqp://localhost"))
    };
    let refused = Topology::of(&without).map(|_| ());
    assert!(matches!(refused, Err(AmqpError::NoDeadLetterExchange)));
}
