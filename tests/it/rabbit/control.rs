//! Orders to a private node and questions, by `erl_call`, which comes with Erlang: an answer takes milliseconds, where `rabbitmqctl`
//! starts a whole Erlang machine for each. The functions called are those that `rabbitmqctl` of RabbitMQ 3.10 calls. Not here:
//! starting and ending a node (`super`).

use super::RabbitNode;
use std::io::Write as _;
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// Each question is asked under a name of its own: `erl_call` calls itself `c17` otherwise, and a node refuses whoever comes under a name
/// that is connected already.
static ASKED: AtomicU64 = AtomicU64::new(0);

impl RabbitNode {
    /// Evaluates an Erlang expression in the node and gives back its value as Erlang writes it.
    ///
    /// # Panics
    /// When the node refuses it.
    pub fn eval(&self, expression: &str) -> String {
        let asker = format!("asker{}x{}", process::id(), ASKED.fetch_add(1, Ordering::Relaxed));
        let mut child = self
            .command("/usr/bin/erl_call")
            .args(["-h", &asker, "-sname", &self.name(), "-e"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("erl_call comes with Erlang");
        let mut question = child.stdin.take().expect("it was asked for");
        writeln!(question, "{expression}.").expect("erl_call reads the expression");
        drop(question);
        let output = child.wait_with_output().expect("a child of this process");
        let printed = String::from_utf8_lossy(&output.stdout);
        let value = printed.strip_prefix("{ok, ").and_then(|rest| rest.strip_suffix('}'));
        let complaint = String::from_utf8_lossy(&output.stderr);
        value.unwrap_or_else(|| panic!("{expression}: {printed}{complaint}")).to_owned()
    }

    /// The same for an order, whose answer is `ok`.
    ///
    /// # Panics
    /// When the node refuses it.
    pub fn order(&self, expression: &str) {
        assert_eq!(self.eval(expression), "ok", "{expression}");
    }

    /// Gives a user these permissions, and no others, in a virtual host.
    pub fn grant(&self, vhost: &str, user: &str, [configure, write, read]: [&str; 3]) {
        let [configure, write, read] = [configure, write, read].map(binary);
        self.order(&format!(
            "rabbit_auth_backend_internal:set_permissions({}, {}, {configure}, {write}, {read}, <<\"test\">>)",
            binary(user),
            binary(vhost),
        ));
    }

    /// Closes every connection to a virtual host, as an operator does. Of the others some may end while they are asked where they lead.
    pub fn close_connections(&self, vhost: &str) {
        self.eval(&format!(
            "[rabbit_networking:close_connection(Each, \"maintenance\") || Each <- rabbit_networking:connections(), \
             (catch rabbit_reader:info(Each, [vhost])) =:= [{{vhost, {}}}]]",
            binary(vhost),
        ));
    }

    /// Deletes a queue with everything in it.
    pub fn delete_queue(&self, vhost: &str, queue: &str) {
        let delete = "{ok, _} = rabbit_amqqueue:delete(Queue, false, false, <<\"test\">>), ok";
        self.order(&format!("{}, {delete}", queue_named(vhost, queue)));
    }

    /// Puts all queues and bindings on disk: RabbitMQ does that some time after it has answered. A queue that is half on disk when the node is
    /// killed confirms nothing for ever.
    pub fn put_definitions_down(&self) {
        self.order("mnesia:sync_log(), [ok = dets:sync(Table) || Table <- dets:all()], ok");
    }

    /// How many messages of a quorum queue are in its consumers' hands.
    pub fn in_hand(&self, vhost: &str, queue: &str) -> usize {
        let count = "{ok, {_, Count}, _} = ra:local_query(amqqueue:get_pid(Queue), \
                     fun rabbit_fifo:query_messages_checked_out/1), Count";
        self.eval(&format!("{}, {count}", queue_named(vhost, queue))).parse().expect("a number")
    }
}

pub fn binary(text: &str) -> String {
    format!("<<\"{}\">>", text.replace('\\', "\\\\"))
}

fn queue_named(vhost: &str, queue: &str) -> String {
    let (vhost, queue) = (binary(vhost), binary(queue));
    format!("{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r({vhost}, queue, {queue}))")
}
