//! Whoever moves, through the front door and in virtual time: another scope, another profile, another name, now and at a moment that is
//! to come, and a clock that is set. Not here: how access ends at Google, step by step (`step_harness`), nor whoever leaves as a whole.

use crate::fixture::engine_room::{EngineRoom, settings};
use crate::fixture::{demo, events};
use carepass::clock::Clock;
use carepass::engine::{Engine, EngineerOrder, RowOrder};
use carepass::model::engineer::{Engineer, Hold, Progress};
use carepass::model::enrollment::{Enrollment, EnrollmentId, State, Want};
use carepass::model::event::Profile;
use carepass::model::failure::FailureCode;
use carepass::model::id::EngineerKey;
use carepass::model::reseller::RoleChoice;
use carepass::model::username::Rename;
use carepass::model::word::Subject;
use carepass::sandbox::{User, World};
use carepass::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const KEY: &str = "E-00000";
const SE: &str = "reseller-se.example";
const DK: &str = "reseller-dk.example";
const NO: &str = "reseller-no.example";

/// By then whatever is to be is so.
const PATIENCE: Duration = Duration::from_mins(20);

/// One engineer in a house with every reseller account of the demo.
struct Town {
    room: EngineRoom,
    engine: Arc<Engine>,
    revision: std::cell::Cell<u64>,
}

/// How a house differs from the demo's.
#[derive(Default)]
struct Differences {
    rename: Option<Rename>,
    /// Reseller accounts with a role for resellers' administrators.
    administrators: &'static [&'static str],
    /// The clock is moved by hand.
    by_hand: bool,
    /// Nobody is let in without an approval.
    approval_required: bool,
}

impl Town {
    async fn with(differences: Differences) -> Self {
        let mut world = World::from_toml(&demo::files().world).expect("the world that init writes");
        world.customers.values_mut().for_each(|customer| customer.settings.seats = None);
        let room = if differences.by_hand {
            EngineRoom::by_hand(world).await
        } else {
            EngineRoom::open(world).await
        };
        let resellers = demo::files().resellers.iter().map(|demo| {
            let mut reseller = demo::reseller(demo);
            if differences.administrators.contains(&demo.name) {
                let choice = RoleChoice::ResellerAdmin { privileges: BTreeSet::new() };
                reseller.profiles.insert(Profile::ResellerAdmin, choice);
            }
            reseller
        });
        let mut house = room.house(resellers);
        house.naming.rename = differences.rename.unwrap_or(Rename::Ask);
        let mut settings = settings(8);
        settings.profiles.insert(Profile::ResellerAdmin);
        settings.approval_required = differences.approval_required;
        let engine = Engine::new(house, settings, CancellationToken::new());
        engine.start(None).await.expect("memory answers");
        let town = Self { room, engine, revision: std::cell::Cell::new(0) };
        let ready = || async { town.engine.roster().resellers.values().all(|reseller| reseller.ready) };
        town.until("ready accounts", ready).await;
        town
    }

    async fn close(self) {
        self.engine.cut_off();
        self.engine.stopped().await;
    }

    /// HR says more of the engineer: `joined` first, then `moved`, each with what differs from the joiner of the tests.
    async fn say(&self, domains: Value, differs: &[(&str, Value)]) {
        let revision = self.revision.get() + 1;
        self.revision.set(revision);
        let mut event = events::joined_as(KEY, "Åsa", "Öberg");
        if revision > 1 {
            event["type"] = "com.carepass.engineer.moved.v1".into();
        }
        event["id"] = format!("said-{revision}").into();
        event["data"]["revision"] = revision.into();
        event["data"]["scope"]["domains"] = domains;
        event["data"]["employment"]["startDate"] = "2026-11-02".into();
        for (pointer, value) in differs {
            let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
            event["data"].pointer_mut(parent).expect("a part of the event")[last] = value.clone();
        }
        let event = event.to_string();
        let admitted =
            self.engine.admit(event.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()).await;
        admitted.expect("an event without faults");
        // The rows are told.
        self.pass(Duration::from_secs(1)).await;
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let waiting = async {
            while !holds().await {
                self.pass(Duration::from_millis(500)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{what} does not come about: {:#?}", self.rows().await);
    }

    /// Time goes by, half a second after the other.
    async fn pass(&self, time: Duration) {
        const TICK: Duration = Duration::from_millis(500);
        for _ in 0..time.as_millis().div_ceil(TICK.as_millis()) {
            tokio::time::sleep(TICK).await;
            if let Clock::Manual(_) = self.room.clock {
                self.room.clock.advance(TICK);
            }
        }
    }

    async fn engineer(&self) -> Engineer {
        let key: EngineerKey = KEY.parse().expect("a key");
        self.room.store.engineer(&key).await.expect("memory answers").expect("an engineer")
    }

    async fn rows(&self) -> Vec<Enrollment> {
        let key: EngineerKey = KEY.parse().expect("a key");
        self.room.store.enrollments_of(&key).await.expect("memory answers")
    }

    async fn progress(&self) -> Progress {
        Progress::of(&self.engineer().await, &self.engine.roster(), &self.rows().await)
    }

    /// The domains that are open, or on the way, and those that are closed; nothing is under way.
    async fn at_rest(&self) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let rows = self.rows().await;
        let domains = |want: Want| -> BTreeSet<String> {
            let wanted = rows.iter().filter(|row| row.goal.want == want && row.next.is_none());
            wanted.filter_map(|row| row.id.domain().map(ToString::to_string)).collect()
        };
        let rests = rows.iter().all(Enrollment::is_settled);
        rests.then(|| (domains(Want::Present), domains(Want::Absent)))
    }

    async fn until_open(&self, open: &[&str], closed: &[&str]) {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let expected = Some((set(open), set(closed)));
        self.until(&format!("{open:?} open and {closed:?} closed"), || async {
            self.at_rest().await == expected && self.progress().await == Progress::Ready
        })
        .await;
    }

    async fn until_waiting(&self, code: FailureCode, rows: usize) {
        let waits =
            |row: &&Enrollment| matches!(&row.state, State::Waiting { reason, .. } if reason.code == code);
        self.until(&format!("{rows} that wait for {code}"), || async {
            let all = self.rows().await;
            all.iter().filter(waits).count() == rows && !all.iter().any(Enrollment::is_under_way)
        })
        .await;
    }

    fn letters(&self) -> Vec<String> {
        self.room.letters.letters().iter().map(|letter| letter.text.clone()).collect()
    }

    /// The engineer's account in a domain.
    fn account(&self, domain: &str) -> User {
        let address = format!("asa.oberg@{domain}");
        self.room.sandbox.change(|world| {
            let users = world.customers.values().flat_map(|customer| customer.users.values());
            let found = users.into_iter().find(|user| user.primary_email == address);
            found.unwrap_or_else(|| panic!("no {address}")).as_ref().clone()
        })
    }

    /// The roles that the account holds, by name.
    fn held(&self, domain: &str) -> BTreeSet<String> {
        let id = self.account(domain).id;
        self.room.sandbox.change(|world| {
            let held = world.customers.values().flat_map(|customer| {
                let of = customer.assignments.values().filter(|held| held.assigned_to == id);
                of.filter_map(|held| customer.roles.get(&held.role_id).map(|role| role.name.clone()))
            });
            held.collect()
        })
    }

    fn writes(&self) -> usize {
        self.room.sandbox.calls().iter().filter(|call| call.method != "GET").count()
    }
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

#[test]
fn a_scope_grows_and_shrinks_and_comes_back() {
    in_virtual_time(async {
        let town = Town::with(Differences::default()).await;
        town.say(json!([SE, DK]), &[]).await;
        town.until_open(&[SE, DK], &[]).await;
        let id = town.account(SE).id;
        // Moved from one domain to another: the letter goes again, and names what there is now.
        town.say(json!([DK, NO]), &[]).await;
        town.until_open(&[DK, NO], &[SE]).await;
        let letters = town.letters();
        assert_eq!(letters.len(), 2, "{letters:?}");
        assert!(letters[1].contains(NO) && !letters[1].contains(SE), "{}", letters[1]);
        // Back: the same account.
        town.say(json!([SE, DK, NO]), &[]).await;
        town.until_open(&[SE, DK, NO], &[]).await;
        assert_eq!(town.account(SE).id, id, "the account is the one from before");
        assert_eq!(town.held(SE), ["Customer Care".to_owned()].into());
        assert_eq!(town.letters().len(), 3);
        town.close().await;
    });
}

/// What a move takes away goes at once. What it gives waits, as it would for a joiner, while everything else stays.
#[test]
fn a_move_to_more_needs_an_approval_of_its_own() {
    in_virtual_time(async {
        let differences = Differences {
            administrators: &["nordic-se", "nordic-dk"],
            approval_required: true,
            ..Differences::default()
        };
        let town = Town::with(differences).await;
        let approved = json!({"reference": "ITSM-1", "approvedBy": "g@nordresale.example", "approvedAt": "2026-11-19T14:02:11Z"});
        town.say(json!([SE, NO]), &[("/approval", approved.clone())]).await;
        town.until_open(&[SE, NO], &[]).await;
        let letters = town.letters().len();

        town.say(json!([SE, DK]), &[("/scope/profile", "reseller-admin".into())]).await;
        town.until_open(&[SE], &[NO]).await;
        assert_eq!(town.engineer().await.held().map(|(_, why)| why), Some(Hold::ApprovalMissing));
        town.pass(Duration::from_hours(2)).await;
        assert_eq!(town.held(SE), ["Customer Care".to_owned()].into(), "the role that it had");
        assert!(
            town.rows().await.iter().all(|row| row.id.domain().is_none_or(|domain| domain.as_str() != DK))
        );
        assert_eq!(town.letters().len(), letters, "one letter, when all is decided");

        let key: EngineerKey = KEY.parse().expect("a key");
        let approve = town.engine.order_engineer(&key, EngineerOrder::Approve, "ann", "seen");
        approve.await.expect("somebody who is held");
        town.until_open(&[SE, DK], &[NO]).await;
        assert_eq!(town.held(SE), ["_RESELLER_ADMIN_ROLE".to_owned()].into());
        assert_eq!(town.engineer().await.held(), None);
        assert_eq!(town.letters().len(), letters + 1);

        // The approval may come with a later word of HR's as well.
        town.say(json!([DK, NO]), &[]).await;
        town.until_open(&[DK], &[SE, NO]).await;
        town.say(json!([DK, NO]), &[("/approval", approved)]).await;
        town.until_open(&[DK, NO], &[SE]).await;
        town.close().await;
    });
}

#[test]
fn what_changes_nothing_writes_nothing() {
    in_virtual_time(async {
        let town = Town::with(Differences::default()).await;
        town.say(json!([SE, DK]), &[]).await;
        town.until_open(&[SE, DK], &[]).await;
        let (writes, letters) = (town.writes(), town.letters().len());
        town.say(json!([SE, DK]), &[]).await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((town.writes(), town.letters().len()), (writes, letters));
        town.close().await;
    });
}

#[test]
fn a_moment_that_is_to_come_changes_nothing_before() {
    in_virtual_time(async {
        let town = Town::with(Differences::default()).await;
        town.say(json!([SE]), &[]).await;
        town.until_open(&[SE], &[]).await;
        let at = |moment: &str| [("/employment/effectiveAt", json!(moment))];
        town.say(json!([DK]), &at("2026-11-20T09:30:00Z")).await;
        // Said anew before the moment: that one is forgotten.
        town.say(json!([SE, NO]), &at("2026-11-20T10:30:00Z")).await;
        let moment: Timestamp = "2026-11-20T10:30:00Z".parse().expect("a time");
        let before = moment - SignedDuration::from_secs(5);
        town.room.clock.sleep_until(before).await;
        assert_eq!(town.at_rest().await, Some(([SE.to_owned()].into(), BTreeSet::new())));
        town.room.clock.sleep_until(moment + SignedDuration::from_secs(1)).await;
        assert_eq!(town.engineer().await.upcoming, []);
        town.until_open(&[SE, NO], &[]).await;
        town.close().await;
    });
}

#[test]
fn a_last_day_ends_in_its_zone_unless_it_is_taken_back() {
    in_virtual_time(async {
        for taken_back in [false, true] {
            let town = Town::with(Differences::default()).await;
            let last_day =
                [("/employment/lastDay", json!("2026-11-20")), ("/employment/timeZone", json!("Asia/Tokyo"))];
            town.say(json!([SE]), &last_day).await;
            town.until_open(&[SE], &[]).await;
            if taken_back {
                town.say(json!([SE]), &[]).await;
            }
            // Tokyo's midnight.
            let end: Timestamp = "2026-11-20T15:00:00Z".parse().expect("a time");
            town.room.clock.sleep_until(end - SignedDuration::from_secs(5)).await;
            town.until_open(&[SE], &[]).await;
            town.room.clock.sleep_until(end + SignedDuration::from_secs(1)).await;
            let want = if taken_back { Want::Present } else { Want::Absent };
            assert_eq!(town.engineer().await.stated.goal.want, want);
            town.close().await;
        }
    });
}

#[test]
fn the_profile_changes_the_role() {
    in_virtual_time(async {
        let town = Town::with(Differences { administrators: &["nordic-se"], ..Differences::default() }).await;
        town.say(json!([SE]), &[]).await;
        town.until_open(&[SE], &[]).await;
        let first = town.held(SE);
        assert_eq!(first, ["Customer Care".to_owned()].into());
        let calls = town.room.sandbox.calls().len();
        let administrator = [("/scope/profile", json!("reseller-admin"))];
        town.say(json!([SE]), &administrator).await;
        town.until_open(&[SE], &[]).await;
        let second = town.held(SE);
        assert!(second.len() == 1 && second != first, "{second:?}");
        // The new one first, so that nobody is without in between.
        let calls = town.room.sandbox.calls().split_off(calls);
        let changes =
            calls.iter().filter(|call| call.path.contains("/roleassignments") && call.method != "GET");
        let order: Vec<&str> = changes.map(|call| call.method.as_str()).collect();
        assert_eq!(order, ["POST", "DELETE"]);
        town.say(json!([SE]), &[]).await;
        town.until_open(&[SE], &[]).await;
        assert_eq!(town.held(SE), first);
        // An account that does not know the profile gives no other role, and makes no account.
        town.say(json!([SE, DK]), &administrator).await;
        town.until_waiting(FailureCode::ProfileUnconfigured, 1).await;
        town.say(json!([SE, DK]), &[]).await;
        town.until_open(&[SE, DK], &[]).await;
        assert_eq!(town.held(DK), first);
        // Whoever has the role of the profile before there loses it, and gets it back with the profile.
        town.say(json!([SE, DK]), &administrator).await;
        town.until_waiting(FailureCode::ProfileUnconfigured, 1).await;
        assert_eq!((town.held(SE), town.held(DK)), (second, BTreeSet::new()));
        town.say(json!([SE, DK]), &[]).await;
        town.until_open(&[SE, DK], &[]).await;
        assert_eq!((town.held(SE), town.held(DK)), (first.clone(), first));
        town.close().await;
    });
}

#[test]
fn a_changed_name_leaves_the_address_and_may_bring_an_alias() {
    let married = [("/engineer/name/family", json!("Lind"))];
    in_virtual_time(async {
        for rename in [Rename::Never, Rename::Alias, Rename::Ask] {
            let town = Town::with(Differences { rename: Some(rename), ..Differences::default() }).await;
            town.say(json!([SE, DK]), &[]).await;
            town.until_open(&[SE, DK], &[]).await;
            town.say(json!([SE, DK]), &married).await;
            if rename == Rename::Ask {
                town.until_waiting(FailureCode::RenameQuestion, 2).await;
                assert_eq!(town.account(SE).family_name, "Lind", "the name is shown all the same");
                let id: EnrollmentId = format!("domain/{KEY}/nordic-dk/{DK}").parse().expect("a row");
                let order = RowOrder::Confirm { subject: Subject::Rename, one_by_one: false };
                town.engine
                    .order_row(&id, order, "ada", "Åsa asked for it")
                    .await
                    .expect("an order that fits");
            }
            town.until_open(&[SE, DK], &[]).await;
            for domain in [SE, DK] {
                let account = town.account(domain);
                assert_eq!(account.family_name, "Lind", "{rename:?}");
                let alias = format!("asa.lind@{domain}");
                let expected = if rename == Rename::Never { Vec::new() } else { vec![alias] };
                assert_eq!(account.aliases, expected, "{rename:?}");
            }
            town.close().await;
        }
    });
}

#[test]
fn another_contact_becomes_the_recovery_address() {
    in_virtual_time(async {
        let town = Town::with(Differences::default()).await;
        town.say(json!([SE]), &[]).await;
        town.until_open(&[SE], &[]).await;
        assert_eq!(town.account(SE).fields["recoveryEmail"], "engineer@nordresale.example");
        town.say(json!([SE]), &[("/engineer/contactEmail", json!("asa@nordresale.example"))]).await;
        town.until_open(&[SE], &[]).await;
        assert_eq!(town.account(SE).fields["recoveryEmail"], "asa@nordresale.example");
        assert!(town.letters().last().expect("a letter").contains("asa@nordresale.example"));
        town.close().await;
    });
}

#[test]
fn a_clock_that_is_set_ends_nothing_early_and_loses_no_moment() {
    in_virtual_time(async {
        let town = Town::with(Differences { by_hand: true, ..Differences::default() }).await;
        let last_day =
            [("/employment/lastDay", json!("2027-11-20")), ("/employment/timeZone", json!("Asia/Tokyo"))];
        town.say(json!([SE]), &last_day).await;
        town.until_open(&[SE], &[]).await;
        let set = |to: &str| town.room.clock.set(to.parse().expect("a time"));
        let minute = Duration::from_mins(1);
        // Back by a day, forward by months, to just before the end, and back again.
        for to in
            ["2026-11-19T08:00:00Z", "2027-10-01T08:00:00Z", "2027-11-20T14:58:00Z", "2026-12-01T08:00:00Z"]
        {
            set(to);
            town.pass(minute).await;
            let engineer = town.engineer().await;
            assert_eq!((engineer.stated.goal.want, engineer.upcoming.len()), (Want::Present, 1), "{to}");
        }
        // Past the end by years.
        set("2031-01-01T00:00:00Z");
        town.pass(minute).await;
        assert_eq!(town.engineer().await.stated.goal.want, Want::Absent);
        town.close().await;
    });
}
