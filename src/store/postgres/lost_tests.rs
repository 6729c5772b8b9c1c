//! Answers that are lost on the way: a proxy between store and server ends the connection right before or right after a transaction is
//! committed. Each commit is answered truly nevertheless, and none is written twice. Not here: a server that dies (`tests`).

use super::node::shared;
use super::tests::open;
use crate::planted::{Bug, caught};
use crate::store::Store;
use crate::store::contract::{commit, put_engineer};
use futures_util::future::join_all;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a client says to commit, and the server when it has.
const COMMIT: &[u8] = b"commit\0";
const COMMITTED: &[u8] = b"COMMIT\0";

/// Where the next connection that commits is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The word does not arrive.
    Before,
    /// It does, and the answer does not.
    After,
}

/// A proxy before the shared cluster.
struct Proxy {
    port: u16,
    cut: Arc<Mutex<Option<Cut>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, cut) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Option<Cut>>>::default());
        let shown = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(address()).await.unwrap();
                tokio::spawn(pass(near, far, Arc::clone(&shown)));
            }
        });
        Self { port, cut }
    }

    fn cut_next(&self, cut: Cut) {
        *self.cut.lock().unwrap() = Some(cut);
    }

    fn is_through(&self) -> bool {
        self.cut.lock().unwrap().is_none()
    }
}

/// Where the shared cluster listens.
fn address() -> String {
    let url = shared().url("");
    url.trim_start_matches("postgres://carepass@").trim_end_matches('/').to_owned()
}

/// Passes bytes on until one side ends, or until it is cut.
async fn pass(mut near: TcpStream, mut far: TcpStream, cut: Arc<Mutex<Option<Cut>>>) {
    let (mut out, mut back) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut cuts_answer = false;
    loop {
        tokio::select! {
            read = near.read(&mut out) => {
                let Ok(count @ 1..) = read else { return };
                if holds(&out[..count], COMMIT) {
                    match cut.lock().unwrap().take() {
                        Some(Cut::Before) => return,
                        Some(Cut::After) => cuts_answer = true,
                        None => (),
                    }
                }
                if far.write_all(&out[..count]).await.is_err() {
                    return;
                }
            }
            read = far.read(&mut back) => {
                let Ok(count @ 1..) = read else { return };
                if cuts_answer && holds(&back[..count], COMMITTED) {
                    return;
                }
                if !cuts_answer && near.write_all(&back[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_answered_truly() {
    let proxy = Proxy::start().await;
    let url = format!("postgres://carepass@127.0.0.1:{}/{}", proxy.port, shared().fresh_database());
    let store = open(&url).await.unwrap();
    let mut written = 0;
    for (version, cut) in [(1, Cut::Before), (2, Cut::After), (3, Cut::After), (4, Cut::Before)] {
        proxy.cut_next(cut);
        // A batch of several, of which one does not fit.
        let keys = ["E-1", "E-2", "E-3", "E-1"];
        let answers = join_all(keys.map(|key| store.commit(commit(vec![put_engineer(key, version)])))).await;
        assert!(proxy.is_through(), "{cut:?}: nothing was cut");
        let well: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(well, [true, true, true, false], "{cut:?}: {answers:?}");
        written += 3;
        assert_eq!(store.head().await.unwrap().0, written, "{cut:?}");
        for key in keys {
            let stored = store.engineer(&key.parse().unwrap()).await.unwrap();
            assert_eq!(stored.map(|stored| stored.version), Some(version), "{cut:?}: {key}");
        }
    }
}

#[test]
fn planted_a_lost_answer_is_taken_for_a_lost_commit() {
    caught(Bug::LostAnswerMeansLost, a_commit_whose_answer_is_lost_is_answered_truly);
}

#[test]
fn planted_a_lost_answer_is_taken_for_done() {
    caught(Bug::LostAnswerMeansDone, a_commit_whose_answer_is_lost_is_answered_truly);
}
