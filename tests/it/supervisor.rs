//! `serve` under a service manager that speaks as systemd does: what it is told, and that the sign of life stops when the loops stand still.
//! Not here: what systemd makes of it, which takes a system that systemd runs.

use crate::fixture::daemon::{self, Daemon};
use crate::fixture::door::Door;
use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{Neighbour, demo};
use carepass::engine::Engine;
use carepass::sandbox::World;
use std::time::Duration;
use tokio::net::UnixDatagram;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_mins(1);

/// What the manager hears, until it hears this.
async fn heard(manager: &UnixDatagram, wanted: &str, neighbour: &Neighbour) -> Vec<String> {
    let mut all = Vec::new();
    let listening = async {
        let mut buffer = [0; 4096];
        while !all.iter().any(|said: &String| said.contains(wanted)) {
            let length = manager.recv(&mut buffer).await.expect("a datagram");
            all.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    };
    let heard = tokio::time::timeout(LIMIT, listening).await;
    assert!(heard.is_ok(), "no {wanted}, but {all:?}\n{}", daemon::log_tail(neighbour));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_manager_is_told_how_it_is() {
    let neighbour = Neighbour::start().await;
    let door = Door::of(&neighbour);
    let socket = neighbour.folder().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    let mut environment = neighbour.environment(&door.settings());
    environment.insert("NOTIFY_SOCKET".into(), socket.to_str().expect("a path of letters").into());
    // A sign each second: seldom enough that a slow reader's queue does not fill up with them.
    environment.insert("WATCHDOG_USEC".into(), "3000000".into());
    let daemon = Daemon::start(&neighbour, &environment);

    let before = heard(&manager, "READY=1", &neighbour).await;
    let ready = before.last().expect("one");
    assert!(ready.contains("STATUS=working for 3 reseller accounts"), "{ready}");
    assert!(before[..before.len() - 1].iter().all(|said| said == "WATCHDOG=1"), "{before:?}");
    door.ready().await;
    heard(&manager, "WATCHDOG=1", &neighbour).await;

    daemon.signal("HUP");
    heard(&manager, "STATUS=reading the configuration again", &neighbour).await;
    heard(&manager, "READY=1", &neighbour).await;
    daemon.signal("TERM");
    heard(&manager, "STOPPING=1", &neighbour).await;
    assert!(daemon.until_ended().await.success());
}

/// The executor goes on, and so would a timer: but no lane comes round.
#[tokio::test(start_paused = true)]
async fn loops_that_stand_still_give_no_sign_of_life() {
    let room = EngineRoom::open(World::from_toml(&demo::files().world).expect("init's world")).await;
    let stop = CancellationToken::new();
    let resellers = demo::files().resellers.iter().map(demo::reseller);
    let engine = Engine::new(room.house(resellers), settings(4), stop.clone());
    engine.start(None).await.expect("memory answers");
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(engine.is_moving(), "a lane that has nothing to do comes round all the same");
    }
    engine.freeze(true);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(!engine.is_moving());
    engine.freeze(false);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(engine.is_moving());
    engine.cut_off();
}
