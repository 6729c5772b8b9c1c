//! One connection without its socket: handshake, channels, and who is told what when something is refused.
//! Synchronous: a frame and the shared state in, frames out. Not here: what a channel does (`channel`), and the socket (`connection`).

use std::collections::BTreeMap;
use std::sync::Arc;

use amq_protocol::frame::{AMQPFrame, ProtocolVersion};
use amq_protocol::protocol::{AMQPClass, basic, channel, connection};
use amq_protocol::types::{AMQPValue, FieldTable};

use super::channel::Channel;
use super::declare;
use super::refusal::{Ends, Refusal};
use super::state::State;
use super::wire::{FRAME_MAX, Outbox, short};

const CHANNEL_MAX: u16 = 64;
/// Bytes waiting for a client at which deliveries pause until they are written.
const OUTBOX_MAX: usize = 1024 * 1024;
/// The name in [`super::Broker::uri`].
pub(super) const USER: &str = "demo";
/// What this broker calls itself in its server properties, and why it turns others away.
const PRODUCT: &str = "carepass loopback broker";
const NOT_YOURS: &str = "this is the built-in broker of `carepass demo`, which keeps nothing and serves its own demo only; name a RabbitMQ";

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Header,
    Started,
    Tuned,
    Opening,
    Open,
    /// The broker has sent `connection.close` and waits for the answer.
    Closing,
    Closed,
}

pub(super) struct Session {
    connection: u64,
    password: Arc<str>,
    phase: Phase,
    channels: BTreeMap<u16, Channel>,
    /// A publish that an alarm holds up, and with it everything behind it.
    held: Option<AMQPFrame>,
}

impl Session {
    pub(super) fn new(connection: u64, password: Arc<str>) -> Self {
        Self { connection, password, phase: Phase::Header, channels: BTreeMap::new(), held: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Nothing more is to be said; the socket may close.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Goes on with a held publish once the alarm is over.
    pub(super) fn resume(&mut self, state: &mut State, out: &mut Outbox) {
        if state.alarm {
            return;
        }
        if let Some(frame) = self.held.take() {
            let unblocked = connection::AMQPMethod::Unblocked(connection::Unblocked {});
            out.method(0, AMQPClass::Connection(unblocked));
            self.frame(frame, state, out);
        }
    }

    /// One frame from the client.
    pub(super) fn frame(&mut self, frame: AMQPFrame, state: &mut State, out: &mut Outbox) {
        if state.alarm && is_publish(&frame) {
            let reason = short("low on memory (sandbox)");
            let blocked = connection::AMQPMethod::Blocked(connection::Blocked { reason });
            out.method(0, AMQPClass::Connection(blocked));
            self.held = Some(frame);
            return;
        }
        let channel = frame.channel_id();
        let method = method_id(&frame);
        if let Err(refusal) = self.dispatch(frame, state, out) {
            self.refuse(&refusal, channel, method, state, out);
        }
    }

    /// Bytes that are no frame at all.
    pub(super) fn garbage(&mut self, refusal: &Refusal, state: &mut State, out: &mut Outbox) {
        if self.phase == Phase::Header {
            out.protocol_header();
            self.phase = Phase::Closed;
        } else {
            self.refuse(refusal, 0, (0, 0), state, out);
        }
    }

    /// Delivers what is waiting to whoever may have it, in turns.
    pub(super) fn deliver(&mut self, state: &mut State, out: &mut Outbox) {
        let mut any = self.phase == Phase::Open;
        while any && out.len() < OUTBOX_MAX {
            any = false;
            for channel in self.channels.values_mut() {
                any |= channel.deliver(state, out);
            }
        }
    }

    /// The socket is gone, in whatever way.
    pub(super) fn end(&mut self, state: &mut State) {
        for channel in self.channels.values_mut() {
            channel.close(state);
        }
        self.channels.clear();
        self.phase = Phase::Closed;
        state.connection_went(self.connection);
    }

    fn dispatch(&mut self, frame: AMQPFrame, state: &mut State, out: &mut Outbox) -> Result<(), Refusal> {
        match frame {
            AMQPFrame::ProtocolHeader(version) => self.protocol_header(version, out),
            AMQPFrame::Heartbeat => {
                out.heartbeat();
                Ok(())
            }
            AMQPFrame::InvalidHeartbeat(_) => Err(Refusal::frame("a heartbeat on a channel other than 0")),
            AMQPFrame::Method(0, AMQPClass::Connection(method)) => self.connection(method, state, out),
            // After connection.close only its answer counts (AMQP 0-9-1, connection.close).
            AMQPFrame::Method(..) | AMQPFrame::Header(..) | AMQPFrame::Body(..)
                if self.phase == Phase::Closing =>
            {
                Ok(())
            }
            AMQPFrame::Method(id, class) => self.method(id, class, state, out),
            AMQPFrame::Header(id, header) => match self.channel(id)? {
                Some(channel) => channel.header(header, state, out),
                None => Ok(()),
            },
            AMQPFrame::Body(id, part) => match self.channel(id)? {
                Some(channel) => channel.body(&part, state, out),
                None => Ok(()),
            },
        }
    }

    fn protocol_header(&mut self, version: ProtocolVersion, out: &mut Outbox) -> Result<(), Refusal> {
        if self.phase != Phase::Header {
            return Err(Refusal::frame("a second protocol header"));
        }
        if version != ProtocolVersion::amqp_0_9_1() {
            out.protocol_header();
            self.phase = Phase::Closed;
            return Ok(());
        }
        self.phase = Phase::Started;
        let start = connection::AMQPMethod::Start(connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: server_properties(),
            mechanisms: "PLAIN".into(),
            locales: "en_US".into(),
        });
        out.method(0, AMQPClass::Connection(start));
        Ok(())
    }

    fn connection(
        &mut self,
        method: connection::AMQPMethod,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        use connection::AMQPMethod as Method;
        match (self.phase, method) {
            (Phase::Started, Method::StartOk(answer)) => {
                check_login(&answer, &self.password)?;
                self.phase = Phase::Tuned;
                let tune = Method::Tune(connection::Tune {
                    channel_max: CHANNEL_MAX,
                    frame_max: FRAME_MAX,
                    heartbeat: 0,
                });
                out.method(0, AMQPClass::Connection(tune));
            }
            (Phase::Tuned, Method::TuneOk(_)) => self.phase = Phase::Opening,
            (Phase::Opening, Method::Open(open)) => {
                if open.virtual_host.as_str() != "/" {
                    return Err(Refusal::not_allowed("the only vhost here is '/'"));
                }
                self.phase = Phase::Open;
                let answer = Method::OpenOk(connection::OpenOk {});
                out.method(0, AMQPClass::Connection(answer));
            }
            (_, Method::Close(_)) => {
                let answer = Method::CloseOk(connection::CloseOk {});
                out.method(0, AMQPClass::Connection(answer));
                self.end(state);
            }
            (Phase::Closing, Method::CloseOk(_)) => self.phase = Phase::Closed,
            (Phase::Closing | Phase::Closed, _) => {}
            (_, _) => return Err(Refusal::command_invalid("not at this point")),
        }
        Ok(())
    }

    fn method(
        &mut self,
        id: u16,
        class: AMQPClass,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        if self.phase != Phase::Open {
            return Err(Refusal::command_invalid("the connection is not open yet"));
        }
        if let AMQPClass::Channel(method) = class {
            return self.channel_method(id, &method, state, out);
        }
        let Some(channel) = self.channel(id)? else {
            return Ok(());
        };
        match class {
            AMQPClass::Basic(method) => channel.basic(method, state, out),
            AMQPClass::Confirm(method) => declare::confirm(channel, &method, out),
            AMQPClass::Exchange(method) => declare::exchange(channel, &method, state, out),
            AMQPClass::Queue(method) => declare::queue(channel, &method, state, out),
            AMQPClass::Connection(_) | AMQPClass::Channel(_) => {
                Err(Refusal::command_invalid("a method of another channel's kind"))
            }
            AMQPClass::Access(_) | AMQPClass::Tx(_) => Err(Refusal::not_implemented(
                "transactions and access tickets are not modelled by this sandbox broker",
            )),
        }
    }

    fn channel_method(
        &mut self,
        id: u16,
        method: &channel::AMQPMethod,
        state: &mut State,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        use channel::AMQPMethod as Method;
        match method {
            Method::Open(_) => {
                if id == 0 || id > CHANNEL_MAX || self.channels.contains_key(&id) {
                    return Err(Refusal::channel("no such channel, or it is open already"));
                }
                self.channels.insert(id, Channel::new(id, self.connection));
                let answer = Method::OpenOk(channel::OpenOk {});
                out.method(id, AMQPClass::Channel(answer));
            }
            Method::Close(_) => {
                if let Some(mut channel) = self.channels.remove(&id) {
                    channel.close(state);
                }
                let answer = Method::CloseOk(channel::CloseOk {});
                out.method(id, AMQPClass::Channel(answer));
            }
            Method::CloseOk(_) => {
                self.channels.remove(&id);
            }
            Method::Flow(_) | Method::FlowOk(_) => {
                return Err(Refusal::not_implemented("channel.flow"));
            }
            Method::OpenOk(_) => return Err(Refusal::command_invalid("a method of servers only")),
        }
        Ok(())
    }

    /// The open channel, or `None` for one that is being closed and whose frames do not count.
    fn channel(&mut self, id: u16) -> Result<Option<&mut Channel>, Refusal> {
        match self.channels.get_mut(&id) {
            Some(channel) if channel.closing => Ok(None),
            Some(channel) => Ok(Some(channel)),
            None => Err(Refusal::channel(&format!("channel {id} is not open"))),
        }
    }

    fn refuse(
        &mut self,
        refusal: &Refusal,
        id: u16,
        (class_id, method_id): (u16, u16),
        state: &mut State,
        out: &mut Outbox,
    ) {
        let reply_text = short(&refusal.text);
        let reply_code = refusal.code;
        tracing::debug!(channel = id, code = reply_code, text = %refusal.text, "sandbox broker refuses");
        match (refusal.ends, self.channels.get_mut(&id)) {
            (Ends::Channel, Some(channel)) => {
                channel.close(state);
                channel.closing = true;
                let close = channel::AMQPMethod::Close(channel::Close {
                    reply_code,
                    reply_text,
                    class_id,
                    method_id,
                });
                out.method(id, AMQPClass::Channel(close));
            }
            (Ends::Channel, None) | (Ends::Connection, _) => {
                self.end(state);
                self.phase = Phase::Closing;
                let close = connection::AMQPMethod::Close(connection::Close {
                    reply_code,
                    reply_text,
                    class_id,
                    method_id,
                });
                out.method(0, AMQPClass::Connection(close));
            }
        }
    }
}

fn is_publish(frame: &AMQPFrame) -> bool {
    matches!(frame, AMQPFrame::Method(_, AMQPClass::Basic(basic::AMQPMethod::Publish(_))))
}

fn method_id(frame: &AMQPFrame) -> (u16, u16) {
    if let AMQPFrame::Method(_, class) = frame {
        (class.get_amqp_class_id(), class.get_amqp_method_id())
    } else {
        (0, 0)
    }
}

fn server_properties() -> FieldTable {
    let mut properties = FieldTable::default();
    properties.insert("product".into(), AMQPValue::LongString(PRODUCT.into()));
    properties
}

/// PLAIN (RFC 4616): an empty authorization identity, the name, the password, each after a zero byte.
fn check_login(answer: &connection::StartOk, password: &str) -> Result<(), Refusal> {
    let expected = format!("\0{USER}\0{password}");
    if answer.mechanism.as_str() == "PLAIN" && answer.response.as_bytes() == expected.as_bytes() {
        return Ok(());
    }
    Err(Refusal::access(NOT_YOURS))
}
