//! The same situations where nobody presses anything: carepass looks by itself, in vain as long as it is so, and goes on once that is over.
//! Here it looks each second; how seldom it is otherwise, `model/rules` decides. Not here: what is shown and offered meanwhile (`at_google`),
//! and those that go on by themselves there already (seats, quota, a leaver, a broker that comes back).

use super::items;
use super::scene::{DENMARK, Scene, delete_unit, row_at, strangers_account, unit_made};
use crate::fixture::until;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DANISH: &str = "reseller-dk.example";
const LOOKS_EACH_SECOND: [(&str, &str); 2] = [("ENGINE__LOOK_MIN", "1s"), ("ENGINE__LOOK_MAX", "1s")];

/// Looks in vain after which it has shown that it goes on looking.
const LOOKS: usize = 3;

/// Whose look it is that finds out.
#[derive(Clone, Copy)]
enum Looks {
    /// The reseller account's row, for everybody there.
    Account,
    /// The row of the engineer's domain.
    Domain,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpressed_delegation() {
    let roles = "https://www.googleapis.com/auth/admin.directory.rolemanagement";
    let scene = Scene::open(&LOOKS_EACH_SECOND).await;
    scene.set(&json!({ "delegation": { DENMARK: { roles: false } } }));
    scene.join("E-1", "Quistgaard").await;
    waits(&scene, "delegation_missing", Looks::Account).await;
    scene.set(&json!({ "delegation": { DENMARK: { roles: true } } }));
    goes_on(&scene, "delegation_missing").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpressed_role() {
    let role = |privileges: &[&str]| json!({ "roles": { DENMARK: { "Customer Care": privileges } } });
    let pinned = ["VIEW_CUSTOMERS", "ACCESS_CUSTOMER_SUPPORT_CASES"];
    let scene = Scene::open(&LOOKS_EACH_SECOND).await;
    scene.set(&role(&[pinned[0], pinned[1], "RESELLER_BILLING"]));
    // What was looked at a few minutes ago is believed; a start looks anew.
    let scene = scene.again(&LOOKS_EACH_SECOND).await;
    scene.join("E-1", "Quistgaard").await;
    waits(&scene, "role_too_powerful", Looks::Account).await;
    scene.set(&role(&pinned));
    goes_on(&scene, "role_too_powerful").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpressed_unit() {
    let scene = unit_made(&LOOKS_EACH_SECOND).await;
    scene.join("E-0", "Ravnkilde").await;
    scene.until_state("E-0", "ready").await;
    let unit = delete_unit(&scene);
    scene.join("E-1", "Quistgaard").await;
    waits(&scene, "org_unit_gone", Looks::Account).await;
    scene.change(DENMARK, |customer| customer.org_units.insert("03pnew".to_owned(), unit));
    goes_on(&scene, "org_unit_gone").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpressed_name() {
    let scene = Scene::open(&LOOKS_EACH_SECOND).await;
    scene.leave_seats(DENMARK, 0);
    scene.join("E-1", "Quistgaard").await;
    scene.until_only("E-1", DANISH, "seats_spent").await;
    let address = scene.address("E-1", DANISH).await;
    let stranger = scene.change(DENMARK, |customer| strangers_account(customer, &address));
    scene.leave_seats(DENMARK, 1);
    waits(&scene, "address_taken", Looks::Domain).await;
    scene.change(DENMARK, |customer| customer.take_user(&stranger).expect("nobody touched it"));
    goes_on(&scene, "address_taken").await;
    scene.end().await;
}

/// Everywhere but in Denmark the engineer is ready; a task says why not there, and looks come and go.
async fn waits(scene: &Scene, reason: &str, looks: Looks) {
    let seen_on_row = match looks {
        Looks::Account => "reseller_not_ready",
        Looks::Domain => reason,
    };
    scene.until_only("E-1", DANISH, seen_on_row).await;
    until("a task", || async { !scene.card(reason).await.is_null() }).await;
    let planned = std::sync::Mutex::new(BTreeSet::new());
    until("looks in vain", || async {
        let row = row(scene, looks).await;
        let mut planned = planned.lock().expect("nobody panics with it");
        let waits = row["state"] == "waiting";
        planned.extend(row["look_again_at"].as_str().filter(|_| waits).map(str::to_owned));
        planned.len() > LOOKS
    })
    .await;
    scene.until_only("E-1", DANISH, seen_on_row).await;
}

/// Nobody has pressed anything, and the engineer is ready everywhere; the task is gone.
async fn goes_on(scene: &Scene, reason: &str) {
    scene.until_state("E-1", "ready").await;
    until("the task is gone", || async { scene.card(reason).await.is_null() }).await;
}

async fn row(scene: &Scene, looks: Looks) -> Value {
    match looks {
        Looks::Domain => row_at(&scene.engineer("E-1").await, DANISH),
        Looks::Account => {
            let accounts = items(&scene.get("/v1/resellers").await);
            let account = accounts.into_iter().find(|account| account["name"] == "nordic-dk");
            account.expect("it is configured")["enrollment"].clone()
        }
    }
}
