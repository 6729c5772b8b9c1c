//! The stand-in as the bench sees it: a process to start, to ask and to end.

use super::ARGUMENT;
use super::counts::Counts;
use super::trouble::Trouble;
use crate::process::{Usage, usage};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// What was counted.
pub type Tally = Counts;

/// A running stand-in.
pub struct StandIn {
    child: Child,
    doors: Vec<String>,
    client: reqwest::Client,
}

impl StandIn {
    /// Starts it.
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be run");
        let mut line = String::new();
        let output = child.stdout.take().expect("asked for");
        BufReader::new(output).read_line(&mut line).expect("it says its ports");
        let doors = line.split_whitespace().map(|port| format!("http://127.0.0.1:{port}")).collect();
        Self { child, doors, client: crate::plain::http_client() }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.door(0)
    }

    /// One of its doors: what comes in there is counted by itself.
    pub fn door(&self, number: usize) -> &str {
        &self.doors[number]
    }

    /// Its CPU and memory.
    pub fn usage(&self) -> Usage {
        usage(self.child.id())
    }

    /// Forgets everything; so many customers with so many domains each, and answers that take so many milliseconds.
    pub async fn reset(&self, customers: usize, domains: usize, latency_ms: u64) {
        self.ask(&format!("reset?customers={customers}&domains={domains}")).await;
        self.ask(&format!("latency?ms={latency_ms}")).await;
    }

    /// Counts from nothing.
    pub async fn recount(&self) {
        self.ask("recount").await;
    }

    /// What was counted.
    pub async fn tally(&self) -> Tally {
        self.counts("counts").await
    }

    /// Waits until so many roles are given.
    pub async fn until_roles(&self, count: usize) -> Tally {
        self.counts(&format!("roles?count={count}")).await
    }

    /// Whoever has an account and no role was left behind; how many those are.
    pub async fn leave_behind(&self) -> usize {
        self.ask("left").await.parse().expect("a number")
    }

    /// Waits for the next call.
    pub async fn until_call(&self) {
        self.ask("call").await;
    }

    /// Waits until somebody has come back to everybody who was left behind.
    pub async fn until_resumed(&self) {
        self.ask("resumed").await;
    }

    /// Waits until there have been so many calls of a name.
    pub async fn until_calls(&self, name: &str, count: usize) {
        self.ask(&format!("calls?name={name}&count={count}")).await;
    }

    /// Waits until so many calls are under way through a door.
    pub async fn until_busy(&self, door: usize, count: usize) {
        self.ask(&format!("busy?door={door}&count={count}")).await;
    }

    /// Waits for the next write.
    pub async fn until_write(&self) {
        self.ask("write").await;
    }

    /// Waits until a customer is written to through another door than this one.
    pub async fn until_moved(&self, customer: usize, door: usize) {
        self.ask(&format!("moved?customer={customer}&door={door}")).await;
    }

    /// Puts a customer into trouble, until the next reset.
    pub async fn trouble(&self, customer: usize, trouble: Trouble) {
        self.ask(&format!("trouble?customer={customer}&kind={}", trouble.name())).await;
    }

    async fn counts(&self, question: &str) -> Tally {
        serde_json::from_str(&self.ask(question).await).expect("counts")
    }

    async fn ask(&self, question: &str) -> String {
        let answer = self.client.get(format!("{}/_speed/{question}", self.url())).send().await;
        answer.expect("the stand-in answers").text().await.expect("a short text")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
