//! The classes `exchange`, `queue` and `confirm` of one channel: from method to state and back.
//! Not modelled: exchange-to-exchange bindings, alternate exchanges, headers exchanges.

use amq_protocol::protocol::{AMQPClass, confirm, exchange, queue};

use super::channel::Channel;
use super::queue::Declaration;
use super::refusal::Refusal;
use super::state::{ExchangeKind, State};
use super::wire::{Outbox, short};

/// A method of the class `confirm`.
pub(super) fn confirm(
    channel: &mut Channel,
    method: &confirm::AMQPMethod,
    out: &mut Outbox,
) -> Result<(), Refusal> {
    match method {
        confirm::AMQPMethod::Select(select) => {
            channel.select_confirms();
            if !select.nowait {
                let answer = confirm::AMQPMethod::SelectOk(confirm::SelectOk {});
                out.method(channel.id(), AMQPClass::Confirm(answer));
            }
            Ok(())
        }
        confirm::AMQPMethod::SelectOk(_) => Err(servers_only()),
    }
}

/// A method of the class `exchange`.
pub(super) fn exchange(
    channel: &Channel,
    method: &exchange::AMQPMethod,
    state: &mut State,
    out: &mut Outbox,
) -> Result<(), Refusal> {
    use exchange::AMQPMethod as Method;
    let (nowait, answer) = match method {
        Method::Declare(declare) => {
            declare_exchange(declare, state)?;
            let answer = Method::DeclareOk(exchange::DeclareOk {});
            (declare.nowait, answer)
        }
        Method::Delete(delete) => {
            refuse_reserved(delete.exchange.as_str())?;
            state.delete_exchange(delete.exchange.as_str());
            (delete.nowait, Method::DeleteOk(exchange::DeleteOk {}))
        }
        Method::Bind(_) | Method::Unbind(_) => {
            return Err(Refusal::not_implemented("bindings between exchanges"));
        }
        Method::DeclareOk(_) | Method::DeleteOk(_) | Method::BindOk(_) | Method::UnbindOk(_) => {
            return Err(servers_only());
        }
    };
    if !nowait {
        out.method(channel.id(), AMQPClass::Exchange(answer));
    }
    Ok(())
}

fn declare_exchange(declare: &exchange::Declare, state: &mut State) -> Result<(), Refusal> {
    let name = declare.exchange.as_str();
    if declare.passive {
        return state.check_exchange(name);
    }
    if declare.arguments.inner().is_empty() && !declare.auto_delete && !declare.internal {
        let kind = ExchangeKind::parse(declare.kind.as_str())?;
        return state.declare_exchange(name, kind, declare.durable);
    }
    Err(Refusal::precondition(
        "arguments, auto_delete and internal of exchanges are not modelled by this sandbox broker",
    ))
}

fn refuse_reserved(exchange: &str) -> Result<(), Refusal> {
    if exchange.is_empty() || exchange.starts_with("amq.") {
        return Err(Refusal::precondition("the broker's own exchanges stay"));
    }
    Ok(())
}

/// A method of the class `queue`.
pub(super) fn queue(
    channel: &mut Channel,
    method: &queue::AMQPMethod,
    state: &mut State,
    out: &mut Outbox,
) -> Result<(), Refusal> {
    use queue::AMQPMethod as Method;
    let (nowait, answer) = match method {
        Method::Declare(declare) => {
            let answer = declare_queue(channel, declare, state)?;
            (declare.nowait, Method::DeclareOk(answer))
        }
        Method::Bind(bind) => {
            let queue = own(channel, bind.queue.as_str(), state)?;
            state.bind(&queue, bind.exchange.as_str(), bind.routing_key.as_str())?;
            (bind.nowait, Method::BindOk(queue::BindOk {}))
        }
        Method::Unbind(unbind) => {
            let queue = own(channel, unbind.queue.as_str(), state)?;
            state.unbind(&queue, unbind.exchange.as_str(), unbind.routing_key.as_str())?;
            (false, Method::UnbindOk(queue::UnbindOk {}))
        }
        Method::Purge(purge) => {
            let queue = own(channel, purge.queue.as_str(), state)?;
            let message_count = count(state.purge(&queue));
            (purge.nowait, Method::PurgeOk(queue::PurgeOk { message_count }))
        }
        Method::Delete(delete) => {
            let message_count = count(delete_queue(channel, delete, state)?);
            (delete.nowait, Method::DeleteOk(queue::DeleteOk { message_count }))
        }
        Method::DeclareOk(_)
        | Method::BindOk(_)
        | Method::PurgeOk(_)
        | Method::DeleteOk(_)
        | Method::UnbindOk(_) => return Err(servers_only()),
    };
    if !nowait {
        out.method(channel.id(), AMQPClass::Queue(answer));
    }
    Ok(())
}

fn declare_queue(
    channel: &mut Channel,
    declare: &queue::Declare,
    state: &mut State,
) -> Result<queue::DeclareOk, Refusal> {
    let asked = declare.queue.as_str();
    let name = if declare.passive {
        asked.to_owned()
    } else {
        let declaration = Declaration::parse(declare)?;
        state.declare_queue(asked, declaration, channel.connection)?
    };
    let queue = state.queue_for(&name, channel.connection)?;
    let answer = queue::DeclareOk {
        queue: short(&name),
        message_count: count(queue.ready.len()),
        consumer_count: count(queue.consumers),
    };
    channel.last_queue = name;
    Ok(answer)
}

/// Deleting a queue that is not there is no error in RabbitMQ.
fn delete_queue(channel: &Channel, delete: &queue::Delete, state: &mut State) -> Result<usize, Refusal> {
    let name = channel.named(delete.queue.as_str());
    let Some(queue) = state.queue(name) else {
        return Ok(0);
    };
    if delete.if_unused && queue.consumers > 0 {
        return Err(Refusal::precondition(&format!("queue '{name}' in use")));
    }
    if delete.if_empty && !queue.ready.is_empty() {
        return Err(Refusal::precondition(&format!("queue '{name}' not empty")));
    }
    state.queue_for(name, channel.connection)?;
    Ok(state.delete_queue(name))
}

fn own(channel: &Channel, asked: &str, state: &State) -> Result<String, Refusal> {
    let name = channel.named(asked);
    state.queue_for(name, channel.connection)?;
    Ok(name.to_owned())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn servers_only() -> Refusal {
    Refusal::command_invalid("a method of servers only")
}
