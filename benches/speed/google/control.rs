//! The latency of calls, and what the bench asks the stand-in: to forget everything, what it has counted, and to say when something
//! has come about. Not here: calls of Google's (`routes`).

use super::Shared;
use super::connection::{Reply, Request};
use super::routes::parameter;
use std::cell::Cell;
use std::time::Duration;
use tokio::sync::Notify;

/// Where the bench asks; everything else is Google's.
const PREFIX: &str = "/_speed/";

/// What can be set, and who waits.
#[derive(Default)]
pub struct Control {
    latency: Cell<Duration>,
    /// A call has arrived.
    arrived: Notify,
    calls: Cell<u64>,
}

/// Answers the bench at once, and Google's caller after the latency; the effect is there before it.
pub async fn answer(shared: &Shared, request: &Request<'_>) -> Reply {
    if let Some(question) = request.path.strip_prefix(PREFIX) {
        return answer_bench(shared, question, request.query).await;
    }
    let reply = {
        let mut world = shared.world.borrow_mut();
        world.counts.in_flight += 1;
        world.counts.in_flight_max = world.counts.in_flight_max.max(world.counts.in_flight);
        world.answer(request)
    };
    shared.control.calls.set(shared.control.calls.get() + 1);
    shared.control.arrived.notify_waiters();
    let latency = shared.control.latency.get();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    shared.world.borrow_mut().counts.in_flight -= 1;
    reply
}

async fn answer_bench(shared: &Shared, question: &str, query: &str) -> Reply {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let size = |name| usize::try_from(number(name)).expect("a small number");
    let control = &shared.control;
    match question {
        "reset" => shared.world.borrow_mut().reset(size("customers"), size("domains")),
        "recount" => shared.world.borrow_mut().recount(),
        "latency" => control.latency.set(Duration::from_millis(number("ms"))),
        "left" => return Reply::ok(shared.world.borrow_mut().leave_behind().to_string()),
        // Ends at the first call from now on.
        "call" => {
            let before = control.calls.get();
            until(control, || control.calls.get() > before).await;
        }
        // Ends when whoever was left behind has been come back to.
        "resumed" => until(control, || shared.world.borrow().unfinished.0.is_empty()).await,
        // Ends when so many roles are given.
        "roles" => {
            let wanted = number("count");
            until(control, || shared.world.borrow().counts.roles >= wanted).await;
        }
        _ => (),
    }
    Reply::ok(serde_json::to_string(&shared.world.borrow().counts).expect("counts become JSON"))
}

async fn until(control: &Control, fact: impl Fn() -> bool) {
    loop {
        let arrived = control.arrived.notified();
        if fact() {
            return;
        }
        arrived.await;
    }
}
