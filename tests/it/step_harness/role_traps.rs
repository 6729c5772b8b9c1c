//! The role between its set-up and its grant, for every kind of role: widened, mightier than anybody may be given, not pinned; and roles
//! of Google's that give the same access. Not here: the traps on the account (`traps`), and the pure cases (`google/role`).

use super::end::effects;
use super::journey::{Moment, moments_in};
use super::stage::{MOODS, Stage};
use carepass::model::enrollment::{EnrollmentId, State, Want};
use carepass::model::failure::{Failure, FailureCode};
use carepass::model::plan::{StepName, plan};
use carepass::model::reseller::{Privilege, RoleChoice};
use carepass::model::rules::Rules;
use carepass::model::task::task;
use carepass::model::transition::{Ensured, Input, apply};
use carepass::sandbox::init::Mood;
use carepass::sandbox::{Assignment, Customer, Role};
use carepass::steps::House;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

const CUSTOMER: &str = "C01nordicse";
const OURS: &str = "Customer Care";
const GOOGLES: &str = "_RESELLER_ADMIN_ROLE";
const SERVICE: &str = "02w5ecyt3pkeyqi";

/// A step of the engineer's row in one domain.
async fn moment(mood: Mood, step: StepName) -> Moment {
    let wanted =
        |moment: &Moment| moment.step.name == step && moment.row.to_string().contains("care-se.example");
    moments_in(mood).await.into_iter().find(wanted).expect("a step of the journey")
}

/// A stage at that step, an hour later than the step before. Where several roles of Google's speak of resellers none is ever chosen
/// (`google/role`): the nasty world is without its second one here.
async fn stage_at(moment: &Moment) -> (Stage, EnrollmentId) {
    let stage = Stage::set_later(&moment.before, SignedDuration::from_hours(1)).await;
    world(&stage, |customer| customer.roles.retain(|_, role| role.name != "_RESELLER_SUPPORT_ROLE"));
    (stage, moment.row.clone())
}

async fn stage(step: StepName) -> (Stage, EnrollmentId) {
    stage_at(&moment(Mood::Plain, step).await).await
}

/// A process that has just begun, with this choice of a role.
fn house(stage: &Stage, choice: &RoleChoice) -> House {
    let mut house = stage.house();
    house.sites.values_mut().for_each(|site| site.reseller.role = choice.clone());
    house
}

fn world<T>(stage: &Stage, change: impl FnOnce(&mut Customer) -> T) -> T {
    stage.sandbox.change(|world| change(world.customers.get_mut(CUSTOMER).expect("a customer of the demo")))
}

fn pins(names: &[&str]) -> BTreeSet<Privilege> {
    names.iter().map(|name| Privilege { service_id: SERVICE.into(), name: (*name).to_owned() }).collect()
}

fn held(stage: &Stage, name: &str) -> BTreeSet<Privilege> {
    world(stage, |customer| {
        let role = customer.roles.values().find(|role| role.name == name).expect("it is there");
        role.privileges
            .iter()
            .map(|(id, name)| Privilege { service_id: id.clone(), name: name.clone() })
            .collect()
    })
}

fn edit(customer: &mut Customer, name: &str, change: impl FnOnce(&mut Role)) {
    change(customer.roles.values_mut().find(|role| role.name == name).expect("it is there"));
}

fn widen(customer: &mut Customer, name: &str) {
    edit(customer, name, |role| role.privileges.extend([(SERVICE.into(), "RESELLER_BILLING".into())]));
}

fn raise(customer: &mut Customer, name: &str) {
    edit(customer, name, |role| role.super_admin = true);
}

/// The reseller account's set-up looks at its role once more.
async fn set_up(stage: &Stage, house: &House) -> Result<(), Failure> {
    let id = "reseller/nordic-se".parse().expect("a row");
    let row = stage.row(&id).await;
    let mut row = match row.state {
        State::Completed => {
            apply(&row, Input::Recheck, &Rules::default(), stage.clock.now()).expect("it has settled").after
        }
        State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } | State::Cancelled { .. } => {
            panic!("{row:?}")
        }
    };
    row.done =
        plan(id.kind(), Want::Present).iter().copied().filter(|step| *step != StepName::Role).collect();
    let claimed = stage.claim(house, &row).await;
    let outcome = stage.run(house, &claimed).await;
    if let Ok(ensured) = &outcome {
        let mut row = stage.row(&id).await;
        row.version += 1;
        row.facts.learn((*ensured.facts).clone());
        stage.keep(&row).await;
    }
    outcome.map(drop)
}

/// The engineer's step is run.
async fn run(stage: &Stage, house: &House, id: &EnrollmentId) -> Result<Ensured, Failure> {
    let claimed = stage.claim(house, &stage.row(id).await).await;
    stage.run(house, &claimed).await
}

fn assert_nothing_written(stage: &Stage, place: &str) {
    let calls = stage.sandbox.calls();
    let mut writes = calls.iter().filter(|call| call.method != "GET" && call.path != "/token");
    assert_eq!(writes.next(), None, "{place}");
}

/// The role is set up, spoilt, and neither given nor set up again.
async fn check(
    moment: &Moment,
    name: &str,
    choice: impl Fn(&Stage) -> RoleChoice,
    spoil: fn(&mut Customer),
    code: FailureCode,
) {
    let (stage, id) = stage_at(moment).await;
    let choice = choice(&stage);
    set_up(&stage, &house(&stage, &choice)).await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
    world(&stage, spoil);
    let next = house(&stage, &choice);
    let failure = run(&stage, &next, &id).await.expect_err(name);
    assert_eq!(failure.code, code, "{name}: {failure:?}");
    let failure = set_up(&stage, &next).await.expect_err(name);
    assert_eq!(failure.code, code, "{name}: {failure:?}");
    assert_nothing_written(&stage, name);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_was_widened_is_given_to_nobody() {
    for mood in MOODS {
        every_wider_role(&moment(mood, StepName::Role).await).await;
    }
}

async fn every_wider_role(moment: &Moment) {
    let custom = |stage: &Stage| RoleChoice::Custom { name: OURS.into(), privileges: held(stage, OURS) };
    let existing = |stage: &Stage| RoleChoice::Existing { name: OURS.into(), privileges: held(stage, OURS) };
    let pinned = |stage: &Stage| RoleChoice::ResellerAdmin { privileges: held(stage, GOOGLES) };
    let unpinned = |_: &Stage| RoleChoice::ResellerAdmin { privileges: BTreeSet::new() };
    check(moment, "custom", custom, |customer| widen(customer, OURS), FailureCode::RoleTooPowerful).await;
    check(moment, "existing", existing, |customer| widen(customer, OURS), FailureCode::RoleTooPowerful).await;
    check(
        moment,
        "Google's, pinned",
        pinned,
        |customer| widen(customer, GOOGLES),
        FailureCode::RoleTooPowerful,
    )
    .await;
    check(moment, "Google's", unpinned, |customer| widen(customer, GOOGLES), FailureCode::RoleWidened).await;
    check(moment, "custom, raised", custom, |customer| raise(customer, OURS), FailureCode::RoleTooPowerful)
        .await;
    check(
        moment,
        "existing, raised",
        existing,
        |customer| raise(customer, OURS),
        FailureCode::RoleTooPowerful,
    )
    .await;
    check(
        moment,
        "Google's, raised",
        unpinned,
        |customer| raise(customer, GOOGLES),
        FailureCode::RoleMissing,
    )
    .await;
}

/// What was added is shown, and pinning it is the cure; fewer privileges are fine, and are what counts from then on.
#[tokio::test(start_paused = true)]
async fn a_wider_role_of_googles_is_given_again_once_it_is_pinned() {
    let (stage, id) = stage(StepName::Role).await;
    let unpinned = RoleChoice::ResellerAdmin { privileges: BTreeSet::new() };
    set_up(&stage, &house(&stage, &unpinned)).await.expect("chosen is approved");
    world(&stage, |customer| {
        edit(customer, GOOGLES, |role| {
            role.privileges.retain(|(_, name)| name != "EDIT_CUSTOMERS");
        });
    });
    set_up(&stage, &house(&stage, &unpinned)).await.expect("fewer are fine");
    world(&stage, |customer| {
        edit(customer, GOOGLES, |role| {
            role.privileges.extend([(SERVICE.into(), "EDIT_CUSTOMERS".into())]);
        });
    });
    let next = house(&stage, &unpinned);
    let failure = run(&stage, &next, &id).await.expect_err("it was not there the last time");
    assert_eq!(failure.code, FailureCode::RoleWidened);
    assert!(
        failure.detail.contains(&format!("added since the set-up: {SERVICE}/EDIT_CUSTOMERS;")),
        "{failure:?}"
    );
    let pinned = RoleChoice::ResellerAdmin { privileges: held(&stage, GOOGLES) };
    assert_eq!(RoleChoice::line_in(&failure.detail), Some(pinned.line().as_str()));
    let cured = house(&stage, &pinned);
    set_up(&stage, &cured).await.expect("it is pinned");
    assert!(run(&stage, &cured, &id).await.expect("it is pinned").made);
    set_up(&stage, &house(&stage, &unpinned)).await.expect("the pins were an approval");
}

#[tokio::test(start_paused = true)]
async fn a_super_administrators_role_is_never_set_up() {
    let name = "_SEED_ADMIN_ROLE";
    for mood in MOODS {
        let (stage, _) = stage_at(&moment(mood, StepName::Role).await).await;
        for choice in [
            RoleChoice::Existing { name: name.into(), privileges: pins(&["VIEW_CUSTOMERS"]) },
            RoleChoice::Custom { name: name.into(), privileges: pins(&["VIEW_CUSTOMERS"]) },
        ] {
            let failure = set_up(&stage, &house(&stage, &choice)).await.expect_err("never");
            assert_eq!(failure.code, FailureCode::RoleTooPowerful, "{failure:?}");
        }
        assert_nothing_written(&stage, "the super administrator's role");
    }
}

/// What is proposed comes from `privileges.list`, read once and only then, and stands in the task ready to be pasted.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_pinned_is_proposed() {
    let (stage, _) = stage(StepName::Role).await;
    let choice = RoleChoice::Custom { name: "Another".into(), privileges: BTreeSet::new() };
    let reads = || stage.sandbox.calls().iter().filter(|call| call.path.ends_with("/privileges")).count();
    let failure = set_up(&stage, &house(&stage, &choice)).await.expect_err("nothing is pinned");
    assert_eq!((failure.code, reads()), (FailureCode::RoleNotPinned, 1));
    let wanted = ["ACCESS_CUSTOMER_SUPPORT_CASES", "VIEW_CUSTOMERS"];
    let line = RoleChoice::Custom { name: "Another".into(), privileges: pins(&wanted) }.line();
    assert_eq!(RoleChoice::line_in(&failure.detail), Some(line.as_str()));
    assert_eq!(pasted(&stage, failure).await, Some(line));
    world(&stage, |customer| customer.roles.retain(|_, role| role.name != GOOGLES));
    let failure = set_up(&stage, &house(&stage, &choice)).await.expect_err("nothing is pinned");
    assert_eq!((failure.code, reads()), (FailureCode::RoleNotPinned, 1), "there is no anchor to read for");
    assert!(
        failure.detail.contains("its roles: ") && failure.detail.contains("_SEED_ADMIN_ROLE"),
        "{failure:?}"
    );
    assert_nothing_written(&stage, "a proposal");
}

async fn pasted(stage: &Stage, failure: Failure) -> Option<String> {
    let mut row = stage.row(&"reseller/nordic-se".parse().expect("a row")).await;
    let now = stage.clock.now();
    row = apply(&row, Input::Recheck, &Rules::default(), now).expect("it has settled").after;
    row = apply(&row, Input::Wake, &Rules::default(), now).expect("it is due").after;
    row = apply(&row, Input::Reported(Err(failure)), &Rules::default(), now).expect("it runs").after;
    task(&row, &now.to_zoned(TimeZone::UTC)).expect("a person has to act").paste
}

/// Somebody gave the account one of Google's legacy roles for support.
fn give(customer: &mut Customer, user: &str, name: &str, system: bool) {
    let privileges = BTreeSet::from([("00legacy".to_owned(), "SUPPORT".to_owned())]);
    let role = Role { name: name.into(), description: String::new(), system, super_admin: false, privileges };
    let (role_id, id) = (customer.issue_number(), customer.issue_number());
    customer.roles.insert(role_id, role);
    customer.assignments.retain(|_, given| given.assigned_to != user);
    customer.assignments.insert(id, Assignment { role_id, assigned_to: user.to_owned(), org_unit: None });
}

#[tokio::test(start_paused = true)]
async fn a_legacy_role_for_support_is_the_access() {
    for name in ["_LEGACY_ENTERPRISE_SUPPORT_ROLE", "Legacy Resold Enterprise Support"] {
        for step in [StepName::License, StepName::Role, StepName::Verify] {
            let (stage, id) = stage(step).await;
            let account = account(&stage, &id).await;
            world(&stage, |customer| give(customer, &account, name, true));
            let house = stage.house();
            let ensured =
                run(&stage, &house, &id).await.unwrap_or_else(|failure| panic!("{step}: {failure:?}"));
            if step == StepName::Role {
                assert!(!ensured.made);
                assert_nothing_written(&stage, name);
            }
        }
    }
}

/// What carepass gave before, under a configuration that has changed since, gives way to what it gives now.
#[tokio::test(start_paused = true)]
async fn a_role_that_was_given_before_is_carepasses_to_take_away() {
    for remembered in [true, false] {
        let (stage, id) = stage(StepName::Role).await;
        let account = account(&stage, &id).await;
        world(&stage, |customer| give(customer, &account, "What was configured before", false));
        let before = world(&stage, |customer| {
            let held = customer.assignments.values().find(|held| held.assigned_to == account);
            held.expect("it was given").role_id.to_string()
        });
        let mut row = stage.row(&id).await;
        let known = row.facts.account.as_mut().expect("the account was made before");
        known.read_at = jiff::Timestamp::UNIX_EPOCH;
        if remembered {
            known.given.insert(before.parse().expect("a role"));
        }
        let house = stage.house();
        let claimed = stage.claim(&house, &row).await;
        let outcome = stage.run(&house, &claimed).await;
        if remembered {
            let given = outcome.expect("it gives way").facts.account.expect("it is known").given;
            assert_eq!(given.len(), 2);
            assert_eq!(
                effects(&stage),
                [("role.assigned".to_owned(), 1), ("role.unassigned".to_owned(), 1)].into()
            );
        } else {
            assert_eq!(outcome.expect_err("somebody else's").code, FailureCode::AccountIsAdmin);
            assert_nothing_written(&stage, "a role of others");
        }
    }
}

/// Anybody can call a role of their own so.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_only_called_so_is_another_role() {
    for mood in MOODS {
        let (stage, id) = stage_at(&moment(mood, StepName::Role).await).await;
        let account = account(&stage, &id).await;
        world(&stage, |customer| give(customer, &account, "Legacy Enterprise Support", false));
        let failure = run(&stage, &stage.house(), &id).await.expect_err("an administrator of something");
        assert_eq!(failure.code, FailureCode::AccountIsAdmin);
        assert_nothing_written(&stage, "a role that is only called so");
    }
}

async fn account(stage: &Stage, id: &EnrollmentId) -> String {
    let row = stage.row(id).await;
    row.facts.account.expect("the account was made before").id.as_str().to_owned()
}
