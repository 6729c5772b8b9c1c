//! The latency of calls, a customer's trouble, and what the bench asks the stand-in: to forget everything, what it has counted, and to say
//! when something has come about. Not here: calls of Google's (`routes`).

use super::Shared;
use super::connection::{Reply, Request};
use super::routes::{customer, parameter};
use super::trouble::{Patient, Verdict};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::sync::Notify;

/// Where the bench asks; everything else is Google's.
const PREFIX: &str = "/_speed/";

/// What can be set, and who waits.
#[derive(Default)]
pub struct Control {
    latency: Cell<Duration>,
    patient: RefCell<Option<Patient>>,
    /// A customer's trouble is over.
    cured: Notify,
    /// A call has arrived.
    arrived: Notify,
    calls: Cell<u64>,
}

/// Answers the bench at once, and Google's caller after the latency; the effect is there before it.
pub async fn answer(shared: &Shared, request: &Request<'_>) -> Reply {
    if let Some(question) = request.path.strip_prefix(PREFIX) {
        return answer_bench(shared, question, request.query).await;
    }
    shared.world.borrow_mut().counts.begin(request.door);
    let reply = answer_google(shared, request).await;
    shared.world.borrow_mut().counts.end(request.door);
    reply
}

async fn answer_google(shared: &Shared, request: &Request<'_>) -> Reply {
    let Control { latency, patient, cured, arrived, calls } = &shared.control;
    let verdict = customer(request).map_or(Verdict::Fine, |number| {
        patient.borrow_mut().as_mut().map_or(Verdict::Fine, |patient| patient.judge(number, request))
    });
    let over = cured.notified();
    let reply = match verdict {
        Verdict::Fine => shared.world.borrow_mut().answer(request),
        Verdict::Refused(reply) => {
            shared.world.borrow_mut().lose();
            reply
        }
        Verdict::Silence => {
            shared.world.borrow_mut().lose();
            over.await;
            return Reply { status: 503, body: "{}".to_owned() };
        }
    };
    calls.set(calls.get() + 1);
    arrived.notify_waiters();
    let latency = latency.get();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    reply
}

async fn answer_bench(shared: &Shared, question: &str, query: &str) -> Reply {
    let number = |name| parameter(query, name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let size = |name| usize::try_from(number(name)).expect("a small number");
    let control = &shared.control;
    match question {
        "reset" => {
            control.patient.replace(None);
            control.cured.notify_waiters();
            shared.world.borrow_mut().reset(size("customers"), size("domains"));
        }
        "trouble" => {
            let kind = parameter(query, "kind").unwrap_or_default();
            control.patient.replace(Patient::new(size("customer"), kind));
        }
        "recount" => shared.world.borrow_mut().recount(),
        "latency" => control.latency.set(Duration::from_millis(number("ms"))),
        "left" => return Reply::ok(shared.world.borrow_mut().leave_behind().to_string()),
        // Ends at the first call from now on.
        "call" => {
            let before = control.calls.get();
            until(control, || control.calls.get() > before).await;
        }
        // Ends when there have been so many calls of a name.
        "calls" => {
            let (name, wanted) = (parameter(query, "name").unwrap_or_default(), number("count"));
            let calls = || shared.world.borrow().counts.calls.get(name).copied().unwrap_or(0);
            until(control, || calls() >= wanted).await;
        }
        // Ends when so many calls are under way through a door.
        "busy" => {
            let (door, wanted) = (size("door"), number("count"));
            until(control, || shared.world.borrow().counts.doors[door].in_flight >= wanted).await;
        }
        // Ends at the first write from now on.
        "write" => {
            let before = shared.world.borrow().writes(|_, _| true);
            until(control, || shared.world.borrow().writes(|_, _| true) > before).await;
        }
        // Ends at the first write from now on to a customer by any other daemon.
        "moved" => {
            let (wanted, but) = (size("customer"), size("door"));
            let writes = || shared.world.borrow().writes(|customer, door| customer == wanted && door != but);
            let before = writes();
            until(control, || writes() > before).await;
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
