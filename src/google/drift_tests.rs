//! Every kind of finding by one change of an account on which nothing is to be found, and what is no finding.

use super::*;
use crate::model::drift::Action;
use crate::model::enrollment::{AccountFact, Goal, Wish};
use crate::model::handover::Delivery;
use crate::model::reseller::{CaseAlerts, DomainChoice, LicenseMode, Removal, TwoStepGate};
use jiff::SignedDuration;

const ROLE: &str = "7";
const SPARE: &str = "8";
const LEGACY: &str = "9";
const FOREIGN: &str = "10";
const SUPER: &str = "11";

/// What stands in the world of a test.
struct Scene {
    reseller: Reseller,
    known: BTreeMap<Profile, RoleFact>,
    accounts: Vec<Account>,
    assignments: Vec<Assignment>,
    roles: Vec<Role>,
    licenses: Vec<PaidLicense>,
    members: Vec<Member>,
    policy: Policy,
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn privilege(name: &str) -> Privilege {
    Privilege { service_id: "s".into(), name: name.into() }
}

fn role(id: &str, name: &str, may: &[&str]) -> Role {
    Role {
        id: id.parse().unwrap(),
        name: name.into(),
        description: String::new(),
        is_system: false,
        is_super_admin: false,
        privileges: may.iter().map(|name| privilege(name)).collect(),
    }
}

fn holds(account: &str, role: &str) -> Assignment {
    Assignment {
        id: role.parse().unwrap(),
        role: role.parse().unwrap(),
        assigned_to: account.into(),
        customer_wide: true,
    }
}

fn account(id: &str, address: &str, marker: &str) -> Account {
    Account {
        id: id.parse().unwrap(),
        primary_address: address.into(),
        customer: None,
        marker: Some(marker.into()),
        is_admin: Some(false),
        is_delegated_admin: Some(true),
        suspended: Some(false),
        suspension_reason: None,
        archived: Some(false),
        two_step_enrolled: None,
        two_step_enforced: None,
        org_unit_path: Some("/Customer Care".into()),
        aliases: BTreeSet::new(),
        name: None,
        created: None,
        last_login: None,
        deleted: None,
    }
}

fn member(key: &str, id: &str, standing: Standing) -> Member {
    Member {
        engineer: key.parse().unwrap(),
        domain: "a.example".parse().unwrap(),
        version: 9,
        account: id.parse().unwrap(),
        standing,
        is_home: false,
        profile: Profile::SupportCases,
        address: Some("asa@a.example".into()),
        since: at(0),
        given: BTreeSet::new(),
        skipped: BTreeSet::new(),
    }
}

fn reseller(role: RoleChoice) -> Reseller {
    Reseller {
        name: "nordic-se".parse().unwrap(),
        customer: "C01abc123".parse().unwrap(),
        admin: "robot@a.example".parse().unwrap(),
        domains: DomainChoice::Discover,
        org_unit: "/Customer Care".parse().unwrap(),
        license: LicenseMode::Auto,
        role,
        profiles: BTreeMap::new(),
        case_alerts: CaseAlerts::CaseSharing,
        auto_licensing_off: None,
        free_subscription: None,
        case_alert_route: None,
        two_step_policy: None,
        seats: None,
        removable_licenses: BTreeSet::new(),
        handover: Delivery::Link,
        home: false,
        home_accounts: BTreeMap::new(),
        removal: Removal::Suspend,
        two_step: TwoStepGate::default(),
    }
}

fn pinned() -> RoleChoice {
    let privileges = [privilege("VIEW"), privilege("CASES")].into();
    RoleChoice::Custom { name: "Care".into(), privileges }
}

/// One engineer who is ready, on whose account nothing is to be found, and a robot that is a super administrator.
fn scene() -> Scene {
    let fact = RoleFact { id: ROLE.parse().unwrap(), privileges: None };
    let highest = Role { is_super_admin: true, ..role(SUPER, "_SEED_ADMIN_ROLE", &["ALL"]) };
    let legacy = Role { is_system: true, ..role(LEGACY, "_LEGACY_ENTERPRISE_SUPPORT", &["CASES"]) };
    Scene {
        reseller: reseller(pinned()),
        known: [(Profile::SupportCases, fact)].into(),
        accounts: vec![account("1", "asa@a.example", "E-1")],
        assignments: vec![holds("1", ROLE), holds("99", SUPER)],
        roles: vec![role(ROLE, "Care", &["VIEW", "CASES"]), legacy, highest, role(FOREIGN, "Other", &["X"])],
        licenses: Vec::new(),
        members: vec![member("E-1", "1", Standing::Ready)],
        policy: Policy::default(),
    }
}

fn judged(change: impl FnOnce(&mut Scene)) -> Vec<(Kind, String)> {
    let mut scene = scene();
    change(&mut scene);
    let Scene { reseller, known, accounts, assignments, roles, licenses, members, policy } = &scene;
    let (org_unit, began, ended) = (&reseller.org_unit, at(600), at(601));
    let planned = Planned { reseller, roles: known, org_unit, policy };
    let lists = Lists { accounts, assignments, roles, licenses, began, ended };
    let found = findings(&planned, &lists, members);
    assert!(found.iter().all(|finding| finding.since == ended), "{found:?}");
    found.into_iter().map(|finding| (finding.kind, finding.subject)).collect()
}

fn check(change: impl FnOnce(&mut Scene), expected: &[(Kind, &str)]) {
    let found = judged(change);
    let found: Vec<(Kind, &str)> = found.iter().map(|(kind, subject)| (*kind, subject.as_str())).collect();
    assert_eq!(found, expected);
}

fn paid(address: &str) -> PaidLicense {
    PaidLicense { address: address.into(), product: "Google-Apps".into(), sku: "1010020027".into() }
}

#[test]
fn where_all_is_as_it_ought_to_be_nothing_is_found() {
    check(|_| (), &[]);
    check(|scene| scene.accounts[0].org_unit_path = Some("/customer care".into()), &[]);
    check(|scene| scene.assignments[0].role = LEGACY.parse().unwrap(), &[]);
    check(|scene| scene.assignments.push(holds("1", LEGACY)), &[]);
    check(|scene| scene.licenses.push(paid("somebody@a.example")), &[]);
}

#[test]
fn what_was_done_to_an_account_is_found() {
    check(|scene| scene.accounts.clear(), &[(Kind::Deleted, "1")]);
    check(|scene| scene.accounts[0].is_admin = Some(true), &[(Kind::SuperAdministrator, "1")]);
    check(
        |scene| {
            scene.accounts[0].is_admin = Some(true);
            scene.assignments.push(holds("1", SUPER));
        },
        &[(Kind::SuperAdministrator, "1")],
    );
    check(|scene| scene.accounts[0].suspended = Some(true), &[(Kind::Suspended, "1")]);
    check(|scene| scene.accounts[0].archived = Some(true), &[(Kind::Suspended, "1")]);
    check(|scene| scene.accounts[0].marker = None, &[(Kind::MarkerGone, "1")]);
    check(|scene| scene.accounts[0].marker = Some("E-2".into()), &[(Kind::MarkerGone, "1")]);
    check(|scene| scene.accounts[0].primary_address = "bo@a.example".into(), &[(Kind::Renamed, "1")]);
    check(|scene| scene.accounts[0].primary_address = "asa@b.example".into(), &[(Kind::Renamed, "1")]);
    check(|scene| scene.accounts[0].org_unit_path = Some("/".into()), &[(Kind::UnitChanged, "1")]);
    check(|scene| scene.licenses.push(paid("asa@a.example")), &[(Kind::PaidLicense, "1")]);
}

#[test]
fn what_google_leaves_out_is_unknown_and_no_finding() {
    check(
        |scene| {
            let account = &mut scene.accounts[0];
            account.is_admin = None;
            account.suspended = None;
            account.archived = None;
            account.org_unit_path = None;
        },
        &[],
    );
    check(|scene| scene.members[0].address = None, &[]);
}

#[test]
fn what_an_account_holds_is_found() {
    check(|scene| drop(scene.assignments.remove(0)), &[(Kind::RoleTaken, "1")]);
    check(|scene| scene.assignments[0].customer_wide = false, &[(Kind::RoleTaken, "1")]);
    check(|scene| scene.assignments.push(holds("1", FOREIGN)), &[(Kind::OtherRole, "1")]);
    let spare = |scene: &mut Scene| {
        let choice = RoleChoice::Existing { name: "Spare".into(), privileges: [privilege("X")].into() };
        scene.reseller.profiles.insert(Profile::ResellerAdmin, choice);
        let fact = RoleFact { id: SPARE.parse().unwrap(), privileges: None };
        scene.known.insert(Profile::ResellerAdmin, fact);
        scene.roles.push(role(SPARE, "Spare", &["X"]));
        scene.assignments.push(holds("1", SPARE));
    };
    check(spare, &[(Kind::SpareRole, "1")]);
    let given_before = |scene: &mut Scene| {
        scene.assignments.push(holds("1", FOREIGN));
        scene.members[0].given.insert(FOREIGN.parse().unwrap());
    };
    check(given_before, &[(Kind::SpareRole, "1")]);
}

#[test]
fn whoever_holds_the_role_and_has_no_row_is_a_stranger() {
    check(|scene| scene.assignments.push(holds("5", ROLE)), &[(Kind::UnknownHolder, "5")]);
    check(|scene| scene.assignments.push(holds("03group", ROLE)), &[(Kind::UnknownHolder, "03group")]);
    check(|scene| scene.assignments.push(holds("5", FOREIGN)), &[]);
    check(
        |scene| {
            scene.assignments.push(holds("5", ROLE));
            scene.members.push(member("E-2", "5", Standing::UnderWay));
        },
        &[],
    );
}

#[test]
fn what_the_role_may_do_is_compared_with_what_was_approved() {
    let may = |scene: &mut Scene, may: &[&str]| scene.roles[0] = role(ROLE, "Care", may);
    check(|scene| may(scene, &["VIEW", "CASES", "USERS"]), &[(Kind::RoleWidened, ROLE)]);
    check(|scene| may(scene, &["VIEW"]), &[(Kind::RoleNarrowed, ROLE)]);
    check(|scene| may(scene, &["VIEW", "X"]), &[(Kind::RoleWidened, ROLE), (Kind::RoleNarrowed, ROLE)]);
    check(|scene| drop(scene.roles.remove(0)), &[(Kind::RoleNarrowed, ROLE)]);
    check(|scene| scene.roles[0].is_super_admin = true, &[(Kind::RoleWidened, ROLE)]);
    let unpinned = |scene: &mut Scene, before: Option<&[&str]>| {
        scene.reseller.role = RoleChoice::ResellerAdmin { privileges: BTreeSet::new() };
        let before = before.map(|names| names.iter().map(|name| privilege(name)).collect());
        scene.known.get_mut(&Profile::SupportCases).unwrap().privileges = before;
    };
    check(|scene| unpinned(scene, Some(&["VIEW"])), &[(Kind::RoleWidened, ROLE)]);
    check(|scene| unpinned(scene, Some(&["VIEW", "CASES", "MORE"])), &[]);
    check(|scene| unpinned(scene, None), &[]);
}

#[test]
fn whose_access_has_ended_has_none() {
    let gone = |scene: &mut Scene| {
        scene.members[0].standing = Standing::Gone;
        scene.accounts[0].suspended = Some(true);
        scene.assignments.remove(0);
    };
    check(gone, &[]);
    check(
        |scene| {
            gone(scene);
            scene.accounts.clear();
        },
        &[],
    );
    check(
        |scene| {
            gone(scene);
            scene.accounts[0].suspended = Some(false);
        },
        &[(Kind::Reopened, "1")],
    );
    check(
        |scene| {
            gone(scene);
            scene.assignments.push(holds("1", ROLE));
        },
        &[(Kind::Reopened, "1")],
    );
    check(
        |scene| {
            gone(scene);
            scene.licenses.push(paid("asa@a.example"));
        },
        &[(Kind::PaidLicense, "1")],
    );
    // A role that was given once is taken away as well, whatever the profiles are today.
    check(
        |scene| {
            gone(scene);
            scene.members[0].given = [FOREIGN.parse().unwrap()].into();
            scene.assignments.push(holds("1", FOREIGN));
        },
        &[(Kind::Reopened, "1")],
    );
    // An engineer's own account stays open, and may have what licences it likes.
    check(
        |scene| {
            gone(scene);
            scene.accounts[0].suspended = Some(false);
            scene.licenses.push(paid("asa@a.example"));
            scene.members[0].is_home = true;
        },
        &[],
    );
}

#[test]
fn what_is_under_way_is_young_or_was_taken_as_done_is_left_alone() {
    let spoilt = |scene: &mut Scene| {
        scene.assignments.remove(0);
        scene.accounts[0].suspended = Some(true);
        scene.licenses.push(paid("asa@a.example"));
    };
    let all = [(Kind::Suspended, "1"), (Kind::RoleTaken, "1"), (Kind::PaidLicense, "1")];
    check(spoilt, &all);
    check(
        |scene| {
            spoilt(scene);
            scene.members[0].standing = Standing::UnderWay;
        },
        &[],
    );
    check(
        |scene| {
            spoilt(scene);
            scene.members[0].standing = Standing::CalledOff;
        },
        &[],
    );
    check(
        |scene| {
            spoilt(scene);
            scene.members[0].since = at(590);
        },
        &[],
    );
    check(
        |scene| {
            spoilt(scene);
            scene.members[0].skipped = [StepName::NoPaidLicense, StepName::Role].into();
        },
        &[(Kind::Suspended, "1")],
    );
}

#[test]
fn an_engineers_own_account_may_be_whatever_it_likes_but_an_administrator() {
    check(
        |scene| {
            scene.members[0].is_home = true;
            scene.accounts[0].marker = None;
            scene.accounts[0].primary_address = "asa.oberg@a.example".into();
            scene.accounts[0].org_unit_path = Some("/Staff".into());
            scene.licenses.push(paid("asa.oberg@a.example"));
        },
        &[],
    );
    check(
        |scene| {
            scene.members[0].is_home = true;
            scene.assignments[0].role = FOREIGN.parse().unwrap();
        },
        &[(Kind::RoleTaken, "1"), (Kind::OtherRole, "1")],
    );
}

#[test]
fn rows_are_judged_once_they_have_settled() {
    let check = |row: Enrollment, expected: Standing| assert_eq!(Standing::of(&row), expected, "{row:?}");
    let goal = |want| Goal { want, revision: 1 };
    let row = |want| Enrollment::open("domain/E-1/se/a.example".parse().unwrap(), goal(want), at(0));
    let settled = |want| Enrollment { state: State::Completed, ..row(want) };
    check(row(Want::Present), Standing::UnderWay);
    check(settled(Want::Present), Standing::Ready);
    check(row(Want::Absent), Standing::UnderWay);
    check(settled(Want::Absent), Standing::Gone);
    let seen = Enrollment { done: [StepName::LastLook].into(), ..row(Want::Absent) };
    check(seen, Standing::Gone);
    let wish = Some(Box::new(Wish::from(goal(Want::Absent))));
    check(Enrollment { next: wish, ..settled(Want::Present) }, Standing::UnderWay);
    let ended = State::Cancelled { reason: String::new() };
    check(Enrollment { state: ended, ..row(Want::Present) }, Standing::CalledOff);
}

#[test]
fn a_row_without_an_account_is_no_member() {
    let goal = Goal { want: Want::Present, revision: 1 };
    let mut row = Enrollment::open("domain/E-1/se/a.example".parse().unwrap(), goal, at(0));
    let engineer = Engineer::example("E-1");
    assert!(Member::of(&row, &engineer, None).is_none());
    row.facts.account = Some(AccountFact {
        id: "1".parse().unwrap(),
        since: at(0),
        read_at: at(0),
        restored: false,
        home: false,
        suspended_by_us: None,
        given: BTreeSet::new(),
    });
    let name = "asa".parse().unwrap();
    let member = Member::of(&row, &engineer, Some(&name)).expect("it knows its account");
    assert_eq!(member.address.as_deref(), Some("asa@a.example"));
}

#[test]
fn the_policy_goes_with_the_finding() {
    let mut scene = scene();
    scene.assignments.remove(0);
    scene.policy.fewer = Action::Report;
    let Scene { reseller, known, accounts, assignments, roles, licenses, members, policy } = &scene;
    let planned = Planned { reseller, roles: known, org_unit: &reseller.org_unit, policy };
    let lists = Lists { accounts, assignments, roles, licenses, began: at(600), ended: at(601) };
    assert_eq!(findings(&planned, &lists, members)[0].action, Action::Report);
}

#[test]
fn evidence_is_the_same_as_long_as_the_same_is_so() {
    let told = |change: &dyn Fn(&mut Scene)| {
        let mut scene = scene();
        change(&mut scene);
        let Scene { reseller, known, accounts, assignments, roles, licenses, members, policy } = &scene;
        let (org_unit, began, ended) = (&reseller.org_unit, at(600), at(601));
        let planned = Planned { reseller, roles: known, org_unit, policy };
        let lists = Lists { accounts, assignments, roles, licenses, began, ended };
        let found = findings(&planned, &lists, &members[..]);
        found.into_iter().map(|finding| finding.detail).collect::<Vec<String>>()
    };
    let roles =
        |scene: &mut Scene| scene.assignments.extend([FOREIGN, "12", FOREIGN].map(|role| holds("1", role)));
    assert_eq!(told(&roles), ["holds the role 10", "holds the role 12"], "one for each role");
    let strangers = |scene: &mut Scene| scene.assignments.extend([holds("5", ROLE), holds("5", ROLE)]);
    assert_eq!(told(&strangers), ["holds the role 7"]);
    let sku = |sku: &str| PaidLicense { sku: sku.into(), ..paid("asa@a.example") };
    let one = told(&|scene| scene.licenses.extend(["2", "1"].map(sku)));
    assert_eq!(one, told(&|scene| scene.licenses.extend(["1", "2"].map(sku))));
    let left = |scene: &mut Scene| scene.members = vec![member("E-1", "1", Standing::Gone)];
    assert_eq!(told(&left), ["holds the role 7; it is open"]);
}
