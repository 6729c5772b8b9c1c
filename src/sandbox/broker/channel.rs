//! One channel: publishing with confirms, consumers, and the deliveries that are not settled yet.
//! Synchronous: frames in, frames out. Queue and exchange declarations are in `declare`. Not here: the socket (`connection`).

use std::collections::BTreeMap;

use amq_protocol::frame::AMQPContentHeader;
use amq_protocol::protocol::{AMQPSoftError, basic};

use super::message::Message;
use super::refusal::Refusal;
use super::state::{Published, State};
use super::wire::{Outbox, short};

/// Largest body in bytes.
pub(super) const BODY_MAX: u64 = 1024 * 1024;
const CONSUMERS_MAX: usize = 64;

#[derive(Debug)]
struct Consumer {
    tag: String,
    queue: String,
    no_ack: bool,
    /// Unsettled deliveries at most; 0 is no limit.
    prefetch: u16,
    unsettled: u16,
}

#[derive(Debug)]
struct Unsettled {
    queue: String,
    /// `None` for a message that was got, not consumed.
    consumer: Option<String>,
    message: Message,
}

#[derive(Debug)]
struct Incoming {
    publish: basic::Publish,
    header: Option<AMQPContentHeader>,
    body: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Channel {
    id: u16,
    pub(super) connection: u64,
    /// The queue declared last, which an empty name stands for.
    pub(super) last_queue: String,
    /// Closed by the broker; everything but the client's answer is ignored.
    pub(super) closing: bool,
    /// Messages confirmed so far, once the client has asked for confirms.
    confirmed: Option<u64>,
    prefetch: u16,
    last_tag: u64,
    consumers: Vec<Consumer>,
    unsettled: BTreeMap<u64, Unsettled>,
    incoming: Option<Incoming>,
}

impl Channel {
    pub(super) fn new(id: u16, connection: u64) -> Self {
        Self {
            id,
            connection,
            last_queue: String::new(),
            closing: false,
            confirmed: None,
            prefetch: 0,
            last_tag: 0,
            consumers: Vec::new(),
            unsettled: BTreeMap::new(),
            incoming: None,
        }
    }

    pub(super) fn id(&self) -> u16 {
        self.id
    }

    pub(super) fn select_confirms(&mut self) {
        self.confirmed.get_or_insert(0);
    }

    pub(super) fn named<'a>(&'a self, queue: &'a str) -> &'a str {
        if queue.is_empty() { &self.last_queue } else { queue }
    }

    /// A method of the class `basic`.
    pub(super) fn basic(
        &mut self,
        method: basic::AMQPMethod,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        use basic::AMQPMethod as Method;
        match method {
            Method::Qos(qos) => self.qos(&qos, out),
            Method::Consume(consume) => self.consume(&consume, state, out),
            Method::Cancel(cancel) => {
                self.cancel(&cancel, state, out);
                Ok(())
            }
            Method::Publish(publish) => self.begin(publish, state),
            Method::Get(get) => self.get(&get, state, out),
            Method::Ack(ack) => self.settle(ack.delivery_tag, ack.multiple, Settle::Ack, state),
            Method::Reject(reject) => {
                self.settle(reject.delivery_tag, false, Settle::no(reject.requeue), state)
            }
            Method::Nack(nack) => {
                let how = Settle::no(nack.requeue);
                self.settle(nack.delivery_tag, nack.multiple, how, state)
            }
            Method::Recover(_) | Method::RecoverAsync(_) => {
                Err(Refusal::not_implemented("basic.recover is not modelled by this sandbox broker"))
            }
            Method::QosOk(_)
            | Method::ConsumeOk(_)
            | Method::CancelOk(_)
            | Method::Return(_)
            | Method::Deliver(_)
            | Method::GetOk(_)
            | Method::GetEmpty(_)
            | Method::RecoverOk(_) => Err(Refusal::command_invalid("a method of servers only")),
        }
    }

    fn qos(&mut self, qos: &basic::Qos, out: &mut Outbox) -> Result<(), Refusal> {
        if qos.global {
            return Err(Refusal::not_implemented(
                "basic.qos with global=true is not modelled; quorum queues refuse it too",
            ));
        }
        self.prefetch = qos.prefetch_count;
        out.basic(self.id, basic::AMQPMethod::QosOk(basic::QosOk {}));
        Ok(())
    }

    fn consume(
        &mut self,
        consume: &basic::Consume,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let queue = self.named(consume.queue.as_str()).to_owned();
        state.queue_for(&queue, self.connection)?;
        if consume.exclusive || consume.no_local {
            return Err(Refusal::not_implemented(
                "exclusive and no-local consumers are not modelled by this sandbox broker",
            ));
        }
        if self.consumers.len() >= CONSUMERS_MAX {
            return Err(Refusal::precondition("too many consumers on one channel"));
        }
        let tag = match consume.consumer_tag.as_str() {
            "" => format!("amq.ctag-{}-{}", self.id, self.last_tag + self.consumers.len() as u64),
            given => given.to_owned(),
        };
        if self.consumers.iter().any(|consumer| consumer.tag == tag) {
            return Err(Refusal::not_allowed("the consumer tag is in use"));
        }
        if !consume.nowait {
            let consumer_tag = short(&tag);
            let answer = basic::AMQPMethod::ConsumeOk(basic::ConsumeOk { consumer_tag });
            out.basic(self.id, answer);
        }
        state.consumer_came(&queue);
        self.consumers.push(Consumer {
            tag,
            queue,
            no_ack: consume.no_ack,
            prefetch: self.prefetch,
            unsettled: 0,
        });
        Ok(())
    }

    fn cancel(&mut self, cancel: &basic::Cancel, state: &mut State, out: &mut Outbox) {
        let tag = cancel.consumer_tag.as_str();
        if let Some(at) = self.consumers.iter().position(|consumer| consumer.tag == tag) {
            let consumer = self.consumers.remove(at);
            state.consumer_went(&consumer.queue);
        }
        if !cancel.nowait {
            let consumer_tag = cancel.consumer_tag.clone();
            let answer = basic::AMQPMethod::CancelOk(basic::CancelOk { consumer_tag });
            out.basic(self.id, answer);
        }
    }

    fn begin(&mut self, publish: basic::Publish, state: &State) -> Result<(), Refusal> {
        if publish.immediate {
            return Err(Refusal::not_implemented("immediate=true"));
        }
        state.check_exchange(publish.exchange.as_str())?;
        self.incoming = Some(Incoming { publish, header: None, body: Vec::new() });
        Ok(())
    }

    /// The header of a published message.
    pub(super) fn header(
        &mut self,
        header: AMQPContentHeader,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        if header.body_size > BODY_MAX {
            self.incoming = None;
            return Err(Refusal::precondition(&format!(
                "message size {} is larger than the {BODY_MAX} bytes this sandbox broker takes",
                header.body_size
            )));
        }
        match &mut self.incoming {
            Some(incoming) if incoming.header.is_none() => incoming.header = Some(header),
            Some(_) | None => return Err(Refusal::unexpected_frame("a header without a publish")),
        }
        self.finish(state, out)
    }

    /// A part of the body of a published message.
    pub(super) fn body(&mut self, part: &[u8], state: &mut State, out: &mut Outbox) -> Result<(), Refusal> {
        let Some(incoming) = &mut self.incoming else {
            return Err(Refusal::unexpected_frame("a body without a publish"));
        };
        let size = incoming.header.as_ref().map_or(0, |header| header.body_size);
        incoming.body.extend_from_slice(part);
        if incoming.body.len() as u64 > size {
            return Err(Refusal::unexpected_frame("more body than announced"));
        }
        self.finish(state, out)
    }

    fn finish(&mut self, state: &mut State, out: &mut Outbox) -> Result<(), Refusal> {
        let complete = |incoming: &mut Incoming| {
            let size = incoming.header.as_ref().map(|header| header.body_size);
            size == Some(incoming.body.len() as u64)
        };
        let Some(incoming) = self.incoming.take_if(complete) else {
            return Ok(());
        };
        let message = Message {
            exchange: incoming.publish.exchange.to_string(),
            routing_key: incoming.publish.routing_key.to_string(),
            properties: incoming.header.map(|header| header.properties).unwrap_or_default(),
            body: incoming.body.into(),
            returns: 0,
            redelivered: false,
        };
        let published = state.publish(&message)?;
        if published == Published::Unroutable && incoming.publish.mandatory {
            self.give_back_to_publisher(&message, out);
        }
        self.confirm(published, out);
        Ok(())
    }

    /// `basic.return`, which must come before the confirm.
    fn give_back_to_publisher(&self, message: &Message, out: &mut Outbox) {
        let returned = basic::Return {
            reply_code: AMQPSoftError::NOROUTE.get_id(),
            reply_text: short("NO_ROUTE"),
            exchange: short(&message.exchange),
            routing_key: short(&message.routing_key),
        };
        out.basic(self.id, basic::AMQPMethod::Return(returned));
        out.content(self.id, &message.properties, &message.body);
    }

    fn confirm(&mut self, published: Published, out: &mut Outbox) {
        let Some(confirmed) = &mut self.confirmed else {
            return;
        };
        *confirmed += 1;
        let delivery_tag = *confirmed;
        let answer = match published {
            Published::Queued | Published::Unroutable => {
                basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple: false })
            }
            Published::Rejected => {
                basic::AMQPMethod::Nack(basic::Nack { delivery_tag, multiple: false, requeue: false })
            }
        };
        out.basic(self.id, answer);
    }

    fn get(&mut self, get: &basic::Get, state: &mut State, out: &mut Outbox) -> Result<(), Refusal> {
        let queue = self.named(get.queue.as_str()).to_owned();
        state.queue_for(&queue, self.connection)?;
        let Some(message) = state.take(&queue) else {
            out.basic(self.id, basic::AMQPMethod::GetEmpty(basic::GetEmpty {}));
            return Ok(());
        };
        self.last_tag += 1;
        let left = state.queue(&queue).map_or(0, |queue| queue.ready.len());
        let answer = basic::GetOk {
            delivery_tag: self.last_tag,
            redelivered: message.redelivered,
            exchange: short(&message.exchange),
            routing_key: short(&message.routing_key),
            message_count: u32::try_from(left).unwrap_or(u32::MAX),
        };
        out.basic(self.id, basic::AMQPMethod::GetOk(answer));
        out.content(self.id, &message.delivered_properties(), &message.body);
        self.keep(queue, None, message, get.no_ack, state);
        Ok(())
    }

    fn settle(&mut self, tag: u64, multiple: bool, how: Settle, state: &mut State) -> Result<(), Refusal> {
        let settled = self.unsettled_up_to(tag, multiple);
        if settled.is_empty() && !(multiple && tag == 0) {
            return Err(Refusal::precondition(&format!("unknown delivery tag {tag}")));
        }
        // Given back from the newest to the oldest, each to the front: the old order comes out.
        for tag in settled.into_iter().rev() {
            let Some(unsettled) = self.unsettled.remove(&tag) else {
                continue;
            };
            self.count_settled(unsettled.consumer.as_deref());
            match how {
                Settle::Ack => state.acknowledge(&unsettled.queue, &unsettled.message),
                Settle::Requeue => state.give_back(&unsettled.queue, unsettled.message),
                Settle::Reject => state.reject(&unsettled.queue, unsettled.message),
            }
        }
        Ok(())
    }

    fn unsettled_up_to(&self, tag: u64, multiple: bool) -> Vec<u64> {
        match (multiple, tag) {
            (true, 0) => self.unsettled.keys().copied().collect(),
            (true, tag) => self.unsettled.range(..=tag).map(|(tag, _)| *tag).collect(),
            (false, tag) => self.unsettled.contains_key(&tag).then_some(tag).into_iter().collect(),
        }
    }

    fn count_settled(&mut self, tag: Option<&str>) {
        let of = |consumer: &&mut Consumer| Some(consumer.tag.as_str()) == tag;
        if let Some(consumer) = self.consumers.iter_mut().find(of) {
            consumer.unsettled = consumer.unsettled.saturating_sub(1);
        }
    }

    /// Delivers at most one message to each consumer and says whether there was any.
    pub(super) fn deliver(&mut self, state: &mut State, out: &mut Outbox) -> bool {
        if self.closing {
            return false;
        }
        self.cancel_orphans(state, out);
        let mut any = false;
        for at in 0..self.consumers.len() {
            any |= self.deliver_to(at, state, out);
        }
        any
    }

    fn deliver_to(&mut self, at: usize, state: &mut State, out: &mut Outbox) -> bool {
        let consumer = &mut self.consumers[at];
        if consumer.prefetch > 0 && consumer.unsettled >= consumer.prefetch {
            return false;
        }
        let Some(message) = state.take(&consumer.queue) else {
            return false;
        };
        self.last_tag += 1;
        let deliver = basic::Deliver {
            consumer_tag: short(&consumer.tag),
            delivery_tag: self.last_tag,
            redelivered: message.redelivered,
            exchange: short(&message.exchange),
            routing_key: short(&message.routing_key),
        };
        out.basic(self.id, basic::AMQPMethod::Deliver(deliver));
        out.content(self.id, &message.delivered_properties(), &message.body);
        let (queue, tag, no_ack) = (consumer.queue.clone(), consumer.tag.clone(), consumer.no_ack);
        consumer.unsettled = consumer.unsettled.saturating_add(u16::from(!no_ack));
        self.keep(queue, Some(tag), message, no_ack, state);
        true
    }

    fn keep(
        &mut self,
        queue: String,
        consumer: Option<String>,
        message: Message,
        no_ack: bool,
        state: &mut State,
    ) {
        if no_ack {
            state.acknowledge(&queue, &message);
            return;
        }
        let unsettled = Unsettled { queue, consumer, message };
        self.unsettled.insert(self.last_tag, unsettled);
    }

    /// A consumer whose queue was deleted is told so.
    fn cancel_orphans(&mut self, state: &State, out: &mut Outbox) {
        let id = self.id;
        self.consumers.retain(|consumer| {
            let alive = state.queue(&consumer.queue).is_some();
            if !alive {
                let cancel = basic::Cancel { consumer_tag: short(&consumer.tag), nowait: true };
                out.basic(id, basic::AMQPMethod::Cancel(cancel));
            }
            alive
        });
    }

    /// The channel is gone: consumers too, and what is not settled goes back to its queue.
    pub(super) fn close(&mut self, state: &mut State) {
        self.incoming = None;
        for (_, unsettled) in std::mem::take(&mut self.unsettled).into_iter().rev() {
            state.give_back(&unsettled.queue, unsettled.message);
        }
        for consumer in std::mem::take(&mut self.consumers) {
            state.consumer_went(&consumer.queue);
        }
    }
}

/// How a delivery is settled.
#[derive(Debug, Clone, Copy)]
enum Settle {
    Ack,
    Requeue,
    Reject,
}

impl Settle {
    fn no(requeue: bool) -> Self {
        if requeue { Self::Requeue } else { Self::Reject }
    }
}
