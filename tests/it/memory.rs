//! What a running daemon has of its keys in memory: what they were read from is gone, and the master key lies where it is used. Where the
//! kernel lets nobody look (whoever runs the tests is not root), that is what is shown. Not here: that it leaves no core (`hardening`).

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::{Neighbour, python, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The kernel lets nobody look.
const CLOSED: i32 = 77;

/// One is in use; the others are what a move left behind. Sixty-three were found once.
const COPIES_MAX: usize = 8;

/// How often each text is in the memory of a process; nothing where the kernel lets nobody look.
fn counted(process: u32, texts: &[Vec<u8>]) -> Option<Vec<usize>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/memory.py");
    let hexadecimal =
        |text: &Vec<u8>| text.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let lines: Vec<String> = texts.iter().map(hexadecimal).collect();
    let mut looking = Command::new(python())
        .arg(script)
        .arg(process.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    looking.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = looking.wait_with_output().unwrap();
    if output.status.code() == Some(CLOSED) {
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    let counts = String::from_utf8(output.stdout).unwrap();
    Some(counts.lines().map(|line| line.parse().unwrap()).collect())
}

/// From the middle of each account's key: a line of its text, and bytes that the text means.
fn traces(neighbour: &Neighbour) -> Vec<Vec<u8>> {
    let names = ["nordic-se", "nordic-dk", "nordic-no"];
    let files = names.map(|name| neighbour.folder().join(format!("{name}.json")));
    let traces = files.into_iter().flat_map(|file| {
        let known: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let pem = known["private_key"].as_str().unwrap();
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("--")).collect();
        let bytes = STANDARD.decode(lines.concat()).unwrap();
        [lines[10].as_bytes().to_vec(), bytes[600..632].to_vec()]
    });
    traces.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keys_were_read_from_is_not_left_in_memory() {
    let neighbour = Neighbour::start().await;
    let settings = [("INTAKE__AMQP__URL", ""), ("HTTP__LISTEN", "127.0.0.1:0")];
    let running = Daemon::start(&neighbour, &neighbour.environment(&settings));
    // Then every key has signed, and the master key has made a row's code.
    until("ready accounts", || async {
        daemon::log_tail(&neighbour).matches("\"to\":\"completed\"").count() >= 3
    })
    .await;

    let mut texts = traces(&neighbour);
    let key_file = neighbour.config(&[]).seal.key_file;
    let master = std::fs::read_to_string(key_file).unwrap();
    let master = master.trim().rsplit(':').next().unwrap();
    texts.push(master.as_bytes().to_vec());
    let Some(mut counts) = counted(running.pid(), &texts) else {
        println!("the kernel lets nobody look into its memory");
        assert!(running.stop().await.success());
        return;
    };
    assert!(counts.iter().all(|count| *count == 0), "what keys were read from is left: {counts:?}");
    counts = counted(running.pid(), &[STANDARD.decode(master).unwrap()]).unwrap();
    assert!((1..=COPIES_MAX).contains(&counts[0]), "{} master keys", counts[0]);
    assert!(running.stop().await.success());
}
