//! 2-Step Verification and the days before a start, through the front door and in virtual time: an event comes in, people do at the
//! sandbox's sign-in page what they do, and letters, roles and outcomes follow. Not here: what each outcome says (`outcomes`).

use crate::fixture::engine_room::{BEGINNING, EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::engine::{Engine, LetterSettings, Settings};
use carepass::mail::Letter;
use carepass::model::enrollment::{Enrollment, EnrollmentId, State};
use carepass::model::failure::FailureCode;
use carepass::model::id::EngineerKey;
use carepass::model::plan::StepName;
use carepass::model::reseller::{Reseller, TwoStepGate};
use carepass::model::two_step::Standing;
use carepass::sandbox::World;
use carepass::store::Store;
use jiff::SignedDuration;
use jiff::civil::time;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One reseller account with one domain.
const RESELLER: &str = "nordic-no";
const CUSTOMER: &str = "C01nordicno";
const ROW: &str = "domain/E-1/nordic-no/reseller-no.example";
const WHOLE: &str = "engineer/E-1";
const KEY: &str = "E-1";

const PATIENCE: Duration = Duration::from_hours(60 * 24);
const DAY: Duration = Duration::from_hours(24);

/// A room in which one engine at a time is at work.
struct House {
    room: EngineRoom,
    gate: TwoStepGate,
    settings: Settings,
    engine: Arc<Engine>,
}

impl House {
    async fn open(gate: TwoStepGate, settings: Settings) -> Self {
        Self::open_at(BEGINNING, gate, settings).await
    }

    async fn open_at(beginning: &str, gate: TwoStepGate, settings: Settings) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let room = EngineRoom::open_at(world, beginning).await;
        let engine = start(&room, gate, &settings).await;
        Self { room, gate, settings, engine }
    }

    /// The process ends and begins again.
    async fn restart(&mut self) {
        self.close().await;
        self.engine = start(&self.room, self.gate, &self.settings).await;
    }

    async fn close(&self) {
        self.engine.cut_off();
        self.engine.stopped().await;
    }

    async fn admit(&self, event: &Value) {
        let body = event.to_string();
        let admitted = self.engine.admit(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
    }

    async fn row(&self, id: &str) -> Option<Enrollment> {
        let id: EnrollmentId = id.parse().expect("a row");
        self.room.store.enrollment(&id).await.expect("memory answers")
    }

    async fn until(&self, what: &str, id: &str, holds: impl Fn(&Enrollment) -> bool) {
        let waiting = async {
            while !self.row(id).await.is_some_and(|row| holds(&row)) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{what} does not come about"));
    }

    /// The subjects of the letters to somebody, in the order in which they were sent.
    fn letters_to(&self, address: &str) -> Vec<Letter> {
        let mut letters: Vec<Letter> =
            self.room.letters.letters().into_iter().filter(|letter| letter.to.as_str() == address).collect();
        letters.sort_by_key(|letter| letter.date);
        letters
    }

    fn names_of_letters_to(&self, address: &str) -> Vec<String> {
        let purpose = |letter: &Letter| {
            let id = letter.message_id.as_str();
            let (purpose, rest) = id.split_once('.').expect("a purpose");
            let generation = rest.split('@').next().and_then(|rest| rest.rsplit('.').next());
            format!("{purpose} {}", generation.expect("a generation"))
        };
        self.letters_to(address).iter().map(purpose).collect()
    }

    /// What the world shows of the engineer's account.
    fn account(&self) -> Option<Value> {
        let world = self.room.sandbox.world_json();
        let users = world["customers"][CUSTOMER]["users"].as_array().expect("users").clone();
        users.into_iter().find(|user| {
            user["externalIds"].as_array().is_some_and(|ids| ids.iter().any(|id| id["value"] == KEY))
        })
    }

    fn roles(&self) -> usize {
        self.account().map_or(0, |account| account["roles"].as_array().map_or(0, Vec::len))
    }

    fn enrol(&self) {
        let address = self.account().expect("an account")["primaryEmail"].clone();
        let wish = json!({"two_step": {"customer": CUSTOMER, "user": address}});
        self.room.sandbox.set(&wish).expect("somebody who may enrol");
    }

    fn lists_of_users(&self) -> usize {
        let is_list = |path: &str| path == "/admin/directory/v1/users";
        self.room.sandbox.calls().iter().filter(|call| call.method == "GET" && is_list(&call.path)).count()
    }

    async fn lists_in(&self, hours: u64) -> usize {
        let before = self.lists_of_users();
        tokio::time::sleep(Duration::from_hours(hours)).await;
        self.lists_of_users() - before
    }

    async fn standing(&self) -> Option<Standing> {
        self.engine.two_step(&self.row(ROW).await.expect("a row"))
    }
}

async fn start(room: &EngineRoom, gate: TwoStepGate, settings: &Settings) -> Arc<Engine> {
    let demo = demo::files().resellers.iter().find(|demo| demo.name == RESELLER).expect("a reseller");
    let reseller = Reseller { two_step: gate, ..demo::reseller(demo) };
    let engine = Engine::new(room.house([reseller]), settings.clone(), CancellationToken::new());
    engine.start(None).await.expect("memory answers");
    engine
}

/// An engineer with a manager, who starts on 1 December; it is 20 November.
fn joined() -> Value {
    let mut event = events::joined_as(KEY, "Åsa", "Öberg");
    event["data"]["engineer"]["managerEmail"] = "boss@nordresale.example".into();
    event
}

const ENGINEER: &str = "engineer@nordresale.example";
const MANAGER: &str = "boss@nordresale.example";
const OPERATOR: &str = "ops@nordresale.example";

fn is_completed(row: &Enrollment) -> bool {
    row.state == State::Completed
}

#[tokio::test(start_paused = true)]
async fn the_role_waits_for_two_step_verification_and_everybody_hears_of_it_once() {
    let mut house = House::open(TwoStepGate::BeforeRole, settings(4)).await;
    house.admit(&joined()).await;
    house.until("a letter before the role", WHOLE, |row| row.done.contains(&StepName::Welcome)).await;
    assert_eq!(house.names_of_letters_to(ENGINEER), ["before-role 1"]);
    assert_eq!(house.roles(), 0);
    let row = house.row(ROW).await.expect("a row");
    assert!(
        row.waits_for_two_step()
            && matches!(&row.state, State::Waiting { reason, .. } if reason.code == FailureCode::TwoStepPending)
    );

    tokio::time::sleep(DAY * 2).await;
    assert_eq!(house.names_of_letters_to(ENGINEER), ["before-role 1", "before-role-again 1"]);
    house.restart().await;
    tokio::time::sleep(Duration::from_hours(12)).await;
    assert_eq!(house.letters_to(ENGINEER).len(), 2, "a restart reminds nobody again");
    tokio::time::sleep(DAY).await;
    assert_eq!(house.letters_to(ENGINEER).len(), 3);
    assert_eq!(house.standing().await, Some(Standing::Pending));
    assert_eq!(house.roles(), 0, "nobody was let in meanwhile");

    house.enrol();
    house.until("the end", WHOLE, is_completed).await;
    assert_eq!(house.roles(), 1);
    let told = ["before-role 1", "before-role-again 1", "before-role-again 2", "welcome 1"];
    assert_eq!(house.names_of_letters_to(ENGINEER), told);
    assert_eq!(house.names_of_letters_to(MANAGER), ["manager-ready 0"]);
    tokio::time::sleep(DAY * 8).await;
    assert_eq!(house.letters_to(ENGINEER).len(), told.len(), "who has enrolled is left in peace");
    assert_eq!(house.standing().await, Some(Standing::Enrolled));
    house.close().await;
}

/// Many who wait share a list, and a list is at most so old.
#[tokio::test(start_paused = true)]
async fn one_list_answers_for_everybody_who_waits() {
    let house = House::open(TwoStepGate::BeforeRole, settings(4)).await;
    for number in 0..12 {
        house.admit(&events::joined(number)).await;
    }
    tokio::time::sleep(Duration::from_hours(1)).await;
    let before = house.lists_of_users();
    tokio::time::sleep(DAY).await;
    let lists = house.lists_of_users() - before;
    // Every row looks 24 times, and the reseller account is looked at each hour; a list stands for five minutes.
    assert!(lists <= 24 * 12, "{lists} lists in a day");
    assert!(lists >= 24, "somebody looks: {lists}");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_role_is_given_at_once_enrolment_is_watched_once_an_hour() {
    let mut house = House::open(TwoStepGate::WithRole, settings(4)).await;
    house.admit(&joined()).await;
    house.until("the end", WHOLE, is_completed).await;
    assert_eq!((house.roles(), house.names_of_letters_to(ENGINEER)), (1, vec!["welcome 1".to_owned()]));
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(house.standing().await, Some(Standing::Pending));
    let watched = house.lists_in(6).await;
    tokio::time::sleep(DAY).await;
    house.restart().await;
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(house.names_of_letters_to(ENGINEER), ["welcome 1", "before-role-again 1"]);
    house.enrol();
    tokio::time::sleep(DAY * 8).await;
    assert_eq!(house.letters_to(ENGINEER).len(), 2, "who has enrolled is left in peace");
    assert_eq!(house.standing().await, Some(Standing::Enrolled));
    // The reseller account itself is looked at each hour too, and counts its users for the forecast.
    let unwatched = house.lists_in(6).await;
    assert!(watched <= unwatched + 6, "{watched} lists in six hours, {unwatched} when nobody is watched");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_watched_nobody_is_reminded() {
    let house = House::open(TwoStepGate::Off, settings(4)).await;
    house.admit(&joined()).await;
    house.until("the end", WHOLE, is_completed).await;
    tokio::time::sleep(DAY * 2).await;
    assert_eq!(house.names_of_letters_to(ENGINEER), ["welcome 1"]);
    assert_eq!(house.standing().await, None);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_first_day_at_risk_is_told_to_the_manager_once_before_it_and_to_hr_once_when_it_comes() {
    let mut house = House::open_at("2026-11-27T20:00:00Z", TwoStepGate::BeforeRole, settings(4)).await;
    house.admit(&joined()).await;
    let risk = async |house: &House| {
        let key: EngineerKey = KEY.parse().expect("a key");
        house.room.store.engineer(&key).await.expect("memory answers").expect("just admitted").at_risk
    };
    // The first day begins on 1 December at 0 o'clock in Stockholm, an hour before UTC.
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(risk(&house).await, None, "three days and an hour are left");
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(house.names_of_letters_to(MANAGER), ["manager-at-risk 0"]);
    assert_eq!(risk(&house).await.expect("a risk").late, None);
    house.restart().await;
    tokio::time::sleep(DAY * 2).await;
    let late = risk(&house).await.expect("a risk").late;
    assert!(late.is_some(), "less than a day is left");
    house.restart().await;
    tokio::time::sleep(DAY * 3).await;
    assert_eq!(risk(&house).await.expect("a risk").late, late, "told once");
    assert_eq!(house.names_of_letters_to(MANAGER), ["manager-at-risk 0"]);

    let mut later = joined();
    later["id"] = "later".into();
    later["data"]["revision"] = 2.into();
    later["data"]["employment"]["startDate"] = "2026-12-07".into();
    house.admit(&later).await;
    tokio::time::sleep(DAY * 5).await;
    let again = risk(&house).await.expect("a risk");
    assert!(again.late > late, "another date is told anew");
    assert_eq!(house.letters_to(MANAGER).len(), 2);
    house.close().await;
}

/// What needs a person stands in one letter a day, on a morning that Stockholm's clock was changed before too, and a restart sends none twice.
#[tokio::test(start_paused = true)]
async fn operators_get_one_digest_a_day() {
    let letters = LetterSettings {
        operators: vec![
            OPERATOR.parse().expect("an address"),
            "second@nordresale.example".parse().expect("an address"),
        ],
        digest_at: time(8, 30, 0, 0),
        time_zone: TimeZone::get("Europe/Stockholm").expect("a zone"),
        remind_before: SignedDuration::from_hours(3 * 24),
    };
    let mut house =
        House::open_at("2027-03-24T08:00:00Z", TwoStepGate::BeforeRole, Settings { letters, ..settings(4) })
            .await;
    tokio::time::sleep(DAY).await;
    assert_eq!(house.letters_to(OPERATOR), [], "there is nothing to say");
    house.admit(&joined()).await;
    tokio::time::sleep(DAY).await;
    let digests = house.letters_to(OPERATOR);
    assert_eq!(digests.len(), 1);
    assert_eq!(digests[0].date.to_string(), "2027-03-26T07:30:00Z");
    assert!(
        digests[0].text.contains("E-1") && digests[0].text.contains("2-STEP VERIFICATION"),
        "{}",
        digests[0].text
    );
    assert!(!digests[0].text.contains("NOBODY HAS OPENED"), "not a day old: {}", digests[0].text);
    house.restart().await;
    tokio::time::sleep(Duration::from_hours(20)).await;
    assert_eq!(house.letters_to(OPERATOR).len(), 1, "the day's digest was written");
    // Over the last Sunday of March.
    tokio::time::sleep(DAY * 3).await;
    let digests = house.letters_to(OPERATOR);
    let days: Vec<String> = digests.iter().map(|letter| letter.date.to_string()).collect();
    let expected =
        ["2027-03-26T07:30:00Z", "2027-03-27T07:30:00Z", "2027-03-28T06:30:00Z", "2027-03-29T06:30:00Z"];
    assert_eq!(days, expected);
    assert!(digests[1].text.contains("NOBODY HAS OPENED"), "{}", digests[1].text);
    assert_eq!(house.letters_to("second@nordresale.example").len(), digests.len());
    house.close().await;
}
