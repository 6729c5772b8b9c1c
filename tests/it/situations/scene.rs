//! What a situation happens in: the sandbox on a socket, the house in this process as `serve` wires it, the three doors to it.
//! Not here: what is brought about, and what is expected.

use super::{items, text};
use crate::fixture::chromium::Chromium;
use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, events, until};
use carepass::app::App;
use carepass::clock::Clock;
use carepass::config::Config;
use carepass::sandbox::{Customer, OrgUnit, User};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::process::Command;

/// The reseller accounts of the demo's world by Google's ids.
pub const DENMARK: &str = "C01nordicdk";
pub const NORWAY: &str = "C01nordicno";

/// The unit of the support engineers.
pub const UNIT: &str = "/Customer Care";
const UNIT_ID: &str = "03pold";

/// How long a command of the shell may take.
const COMMAND_MAX: Duration = Duration::from_mins(1);

/// How often something is looked for, and how long anything is waited for.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_mins(2);

/// How long a situation is looked at, at most.
const STILL: SignedDuration = SignedDuration::from_mins(3);

/// A house with its neighbour.
pub struct Scene {
    pub neighbour: Neighbour,
    app: App,
    http: reqwest::Client,
    token: String,
}

impl Scene {
    /// A house in which events come in by HTTP, and whose reseller accounts are ready.
    pub async fn open(settings: &[(&str, &str)]) -> Self {
        let scene = Self::begin(Neighbour::start().await, settings).await;
        until("ready reseller accounts", || async {
            scene.app.engine.roster().resellers.values().all(|account| account.ready)
        })
        .await;
        scene
    }

    /// The same beside a neighbour that was changed before; nothing is waited for.
    pub async fn begin(neighbour: Neighbour, settings: &[(&str, &str)]) -> Self {
        let app = App::start(&config(&neighbour, settings)).await.expect("a house that starts");
        let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { neighbour, app, http, token: token.trim().to_owned() }
    }

    /// The same after a stop and another start, with these settings and nobody signed in.
    pub async fn again(self, settings: &[(&str, &str)]) -> Self {
        self.app.stop().await;
        let app = App::start(&config(&self.neighbour, settings)).await.expect("a house that starts");
        Self { app, ..self }
    }

    /// A browser whose user has signed in with the token.
    pub async fn browser(&self) -> Chromium {
        let browser = Chromium::start().await;
        self.sign_in(&browser).await;
        browser
    }

    pub async fn sign_in(&self, browser: &Chromium) {
        browser.open(&self.at("/sign-in")).await;
        browser.write("#token", &self.token).await;
        browser.click("button.main").await;
        browser
            .until("it is signed in", "return location.pathname === '/' && document.querySelector('h1')")
            .await;
    }

    /// Ends everything.
    pub async fn close(self, browser: Chromium) {
        browser.close().await;
        self.end().await;
    }

    /// The same where nobody has looked by a browser.
    pub async fn end(self) {
        self.app.stop().await;
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.app.listen)
    }

    /// HR sends an event; the status of the answer.
    pub async fn send(&self, event: &Value) -> u16 {
        let request = self.http.post(self.at("/v1/events")).bearer_auth(&self.token);
        let request = request.header("content-type", events::CONTENT_TYPE).body(event.to_string());
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Somebody joins, under a name that nobody else has.
    pub async fn join(&self, key: &str, family: &str) {
        assert_eq!(self.send(&events::joined_as(key, "Torvild", family)).await, 202);
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = self.http.get(self.at(path)).bearer_auth(&self.token);
        let body = request.send().await.expect("an answer").text().await.expect("a body");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    pub async fn engineer(&self, key: &str) -> Value {
        self.get(&format!("/v1/engineers/{key}")).await
    }

    /// The task with this reason; null if there is none.
    pub async fn card(&self, reason: &str) -> Value {
        let cards = items(&self.get("/v1/tasks").await);
        cards.into_iter().find(|card| card["reason"] == reason).unwrap_or(Value::Null)
    }

    /// Says by the API that a task is done, once it is there; carepass looks then.
    pub async fn say_done(&self, reason: &str) {
        let said = async {
            loop {
                if let Some(id) = self.card(reason).await["id"].as_str() {
                    let request = self.http.post(self.at(&format!("/v1/tasks/{id}/done")));
                    let request = request.bearer_auth(&self.token).json(&json!({ "reason": "looked after" }));
                    // Where the row looks at this very moment there is no card, or nothing to order.
                    if request.send().await.expect("an answer").status().is_success() {
                        return;
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, said).await.is_ok(), "no task {reason} to be done");
    }

    /// Waits until an engineer is in this state.
    pub async fn until_state(&self, key: &str, state: &str) {
        self.until_engineer(key, state, |engineer| engineer["state"] == state).await;
    }

    /// Waits until an engineer's domain has this reason to be where it is, and every other one is ready.
    pub async fn until_only(&self, key: &str, place: &str, reason: &str) {
        self.until_engineer(key, reason, |engineer| {
            let rows = items(&engineer["enrollments"]);
            let domains: Vec<&Value> = rows.iter().filter(|row| row["target"]["kind"] == "domain").collect();
            let fits = |row: &Value| {
                if row["target"]["domain"] == place {
                    row["reason"] == reason
                } else {
                    row["state"] == "completed"
                }
            };
            domains.len() == 4 && domains.into_iter().all(fits)
        })
        .await;
    }

    /// Waits until nothing moves, and nothing will by itself for longer than anybody looks at it, on a slow machine too.
    pub async fn until_still(&self) {
        let waiting = async {
            while !self.is_still().await {
                tokio::time::sleep(LOOK).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "something goes on moving: {:#}", self.get("/v1/engineers").await);
    }

    async fn is_still(&self) -> bool {
        let end = Clock::System.now() + STILL;
        let engineers = items(&self.get("/v1/engineers").await);
        let resellers = items(&self.get("/v1/resellers").await);
        let of_engineers = engineers.iter().flat_map(|engineer| items(&engineer["enrollments"]));
        let mut rows = of_engineers.chain(resellers.iter().map(|account| account["enrollment"].clone()));
        rows.all(|row| is_still(&row, end))
    }

    /// Waits until what the API says of an engineer is as wanted.
    pub async fn until_engineer(&self, key: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let waiting = async {
            while !holds(&self.engineer(key).await) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{key} does not come to {what}: {:#}", self.engineer(key).await);
    }

    /// What `carepass explain` prints.
    pub async fn explain(&self, key: &str) -> String {
        let mut command = Command::from(carepass());
        command.args(["explain", key, "--api", &self.at("")]).kill_on_drop(true);
        command.arg("--token-file").arg(self.neighbour.folder().join("token"));
        let ended =
            tokio::time::timeout(COMMAND_MAX, command.output()).await.expect("it ends within the limit");
        let output = ended.expect("the binary can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("carepass writes UTF-8")
    }

    /// Changes a reseller account as its administrator or Google would.
    pub fn change<T>(&self, customer: &str, change: impl FnOnce(&mut Customer) -> T) -> T {
        change_customer(&self.neighbour, customer, change)
    }

    /// Leaves so many seats free.
    pub fn leave_seats(&self, customer: &str, free: u64) {
        let world = self.neighbour.sandbox.world_json();
        let used = world["customers"][customer]["seats"]["used"].as_u64().expect("a count");
        self.set(&json!({ "seats": { customer: used + free } }));
    }

    pub fn set(&self, settings: &Value) {
        self.neighbour.sandbox.set(settings).expect("a setting");
    }

    pub fn faults(&self, rules: &Value) {
        self.neighbour.sandbox.add_faults(rules).expect("rules");
    }

    pub async fn address(&self, key: &str, domain: &str) -> String {
        format!("{}@{domain}", text(&self.engineer(key).await["username"]))
    }
}

fn config(neighbour: &Neighbour, settings: &[(&str, &str)]) -> Config {
    let mut all = vec![("INTAKE__AMQP__URL", ""), ("INTAKE__HTTP__ENABLED", "true"), ("STOP__WITHIN", "5s")];
    all.extend_from_slice(settings);
    neighbour.config(&all)
}

/// Whether a row is at its end, or looks again after this time only.
fn is_still(row: &Value, end: Timestamp) -> bool {
    let looks_again: Option<Timestamp> = text(&row["look_again_at"]).parse().ok();
    match text(&row["state"]) {
        "completed" | "cancelled" => true,
        "waiting" | "scheduled" => looks_again.is_some_and(|time| time > end),
        _ => false,
    }
}

fn change_customer<T>(neighbour: &Neighbour, customer: &str, change: impl FnOnce(&mut Customer) -> T) -> T {
    neighbour
        .sandbox
        .change(|world| change(world.customers.get_mut(customer).expect("a customer of the demo")))
}

/// A house that finds the unit of the support engineers in Denmark made already.
pub async fn unit_made(settings: &[(&str, &str)]) -> Scene {
    let neighbour = Neighbour::start().await;
    let unit = OrgUnit { path: UNIT.to_owned(), description: String::new(), created: 0 };
    change_customer(&neighbour, DENMARK, |customer| customer.org_units.insert(UNIT_ID.to_owned(), unit));
    Scene::begin(neighbour, settings).await
}

/// Deletes that unit, as an administrator can once nobody is in it: whoever was is at the top then.
pub fn delete_unit(scene: &Scene) -> OrgUnit {
    scene.change(DENMARK, |customer| {
        let unit = customer.org_units.remove(UNIT_ID).expect("it was there");
        let top = customer.org_units.iter().find(|(_, unit)| unit.path == "/").expect("the top").0.clone();
        for id in customer.users.keys().cloned().collect::<Vec<_>>() {
            let mut user = customer.take_user(&id).expect("just seen");
            if user.org_unit == UNIT_ID {
                user.org_unit.clone_from(&top);
            }
            customer.put_user(user);
        }
        unit
    })
}

/// An account that somebody else has made; its id.
pub fn strangers_account(customer: &mut Customer, address: &str) -> String {
    let own =
        customer.users.values().find(|user| !user.fields.contains_key("externalIds")).expect("somebody");
    let own = User::clone(own);
    let id = customer.issue_user_id();
    customer.put_user(User { id: id.clone(), primary_email: address.to_owned(), aliases: Vec::new(), ..own });
    id
}

/// The row of a domain.
pub fn row_at(engineer: &Value, place: &str) -> Value {
    let rows = items(&engineer["enrollments"]);
    let row = rows.into_iter().find(|row| row["target"]["domain"] == place);
    row.unwrap_or_else(|| panic!("no row in {place}: {engineer:#}"))
}
