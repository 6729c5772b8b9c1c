//! Who may hold the address that an engineer was to get, one trap for each kind: it is never touched. Before anything was made the
//! engineer gets another name in all domains; after that a person is asked, with the evidence.
//! Not here: our own deleted account (`restored`), and accounts that change between two steps (`traps`).

use super::end::effects;
use super::journey::{Moment, moments, moments_in};
use super::stage::{ENGINEER, MOODS, Stage};
use carepass::model::enrollment::{At, Enrollment, EnrollmentId, Goal, State, Want};
use carepass::model::failure::{Failure, FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::sandbox::init::Mood;
use carepass::sandbox::{Assignment, ConflictChoice, Customer, Group, User};
use carepass::store::Store;
use futures_util::future::join;
use jiff::SignedDuration;
use serde_json::{Value, json};

const SE: (&str, &str, &str) =
    ("domain/E-1/nordic-se/care-se.example", "C01nordicse", "asa.oberg@care-se.example");
const NO: (&str, &str, &str) =
    ("domain/E-1/nordic-no/reseller-no.example", "C01nordicno", "asa.oberg@reseller-no.example");

struct Trap {
    name: &'static str,
    /// Who holds the address.
    set: fn(&mut Customer, &str),
    /// What a person reads of it.
    evidence: &'static str,
    /// What the task is.
    code: FailureCode,
}

const TAKEN: FailureCode = FailureCode::AddressTaken;

const TRAPS: [Trap; 9] = [
    Trap {
        name: "an alias of an ordinary user",
        set: |customer, address| user(customer, "boss", Some(address), None, None),
        evidence: "held by an account, as an alias, made",
        code: TAKEN,
    },
    Trap {
        name: "an alias of an administrator",
        set: |customer, address| user(customer, "boss", Some(address), None, Some("_SEED_ADMIN_ROLE")),
        evidence: "a super administrator",
        code: TAKEN,
    },
    Trap {
        name: "the same address with another marker",
        set: |customer, address| user(customer, address, None, Some("E-2"), None),
        evidence: "with the marker of another engineer",
        code: TAKEN,
    },
    Trap {
        name: "the same address without a marker",
        set: |customer, address| user(customer, address, None, None, None),
        evidence: "without a marker of carepass, of the same name",
        code: TAKEN,
    },
    Trap {
        name: "a super administrator without a marker",
        set: |customer, address| user(customer, address, None, None, Some("_SEED_ADMIN_ROLE")),
        evidence: "a super administrator",
        code: TAKEN,
    },
    Trap {
        name: "our own twin in another domain, with the address as an alias",
        set: |customer, address| user(customer, "twin", Some(address), Some("E-1"), None),
        evidence: "with this engineer's own marker",
        code: TAKEN,
    },
    Trap {
        name: "a group",
        set: |customer, address| group(customer, address, &[]),
        evidence: "held by a group",
        code: TAKEN,
    },
    Trap {
        name: "a group's alias",
        set: |customer, address| group(customer, "team", &[address]),
        evidence: "held by a group, as an alias",
        code: TAKEN,
    },
    Trap {
        name: "somebody's private account",
        set: |customer, address| {
            customer.unmanaged.insert(address.to_owned(), ConflictChoice::Invite);
        },
        evidence: "held by a private account",
        code: FailureCode::UnmanagedAccount,
    },
];

/// Of the same name; `of` is an address, or the local part of another one in the customer's first domain.
pub(super) fn user(
    customer: &mut Customer,
    of: &str,
    alias: Option<&str>,
    marker: Option<&str>,
    role: Option<&str>,
) {
    let mut user = User::clone(customer.users.values().next().expect("its administrator"));
    user.id = customer.issue_user_id();
    let domain = customer.domains[0].name.clone();
    user.primary_email = if of.contains('@') { of.to_owned() } else { format!("{of}@{domain}") };
    user.aliases = alias.iter().map(|&alias| alias.to_owned()).collect();
    (user.given_name, user.family_name) = ("Åsa".into(), "Öberg".into());
    let ids: Vec<Value> = marker
        .iter()
        .map(|marker| json!({"type": "custom", "customType": "carepass", "value": marker}))
        .collect();
    user.fields.insert("externalIds".into(), ids.into());
    if let Some(name) = role {
        let role_id = *customer.roles.iter().find(|(_, role)| role.name == name).expect("a role").0;
        let number = customer.issue_number();
        let assignment = Assignment { role_id, assigned_to: user.id.clone(), org_unit: None };
        customer.assignments.insert(number, assignment);
    }
    customer.put_user(user);
}

fn group(customer: &mut Customer, of: &str, aliases: &[&str]) {
    let domain = &customer.domains[0].name;
    let email = if of.contains('@') { of.to_owned() } else { format!("{of}@{domain}") };
    let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
    customer.put_group(Group { email, name: "Team".into(), aliases });
}

/// An hour after the set-up: no unit is young any more.
async fn at_the_account(
    moments: &[Moment],
    place: (&str, &str, &str),
    trap: &Trap,
) -> (Stage, Moment, String) {
    let wanted =
        |moment: &&Moment| moment.step.name == StepName::Account && moment.row.to_string() == place.0;
    let moment = moments.iter().find(wanted).expect("a step of the journey");
    let stage = Stage::set_later(&moment.before, SignedDuration::from_hours(1)).await;
    stage.sandbox.change(|world| {
        (trap.set)(world.customers.get_mut(place.1).expect("a customer of the demo"), place.2);
    });
    let before = stage.world_text();
    (stage, moment.clone(), before)
}

/// Nothing was made yet: another name, everywhere, and the one who has the address notices nothing.
#[tokio::test(start_paused = true)]
async fn before_anything_was_made_the_engineer_gets_another_name() {
    for mood in MOODS {
        Box::pin(another_name_in(mood)).await;
    }
}

async fn another_name_in(mood: Mood) {
    let moments = moments_in(mood).await;
    for trap in &TRAPS {
        for after_death in [false, true] {
            let (stage, moment, before) = at_the_account(&moments, SE, trap).await;
            let house = stage.house();
            let mut claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
            if after_death {
                claimed = stage.claim_after_death(&house, &claimed).await;
            }
            let failure = stage.run(&house, &claimed).await.expect_err(trap.name);
            assert_eq!(stage.world_text(), before, "{}", trap.name);
            // An earlier run may have had the owner of a private account invited: then it is waited for.
            if trap.code == FailureCode::UnmanagedAccount && after_death {
                assert_eq!((failure.kind, failure.code), (FailureKind::Needs(Who::Operator), trap.code));
                continue;
            }
            assert_eq!(
                (failure.kind, failure.code),
                (FailureKind::NotYet, TAKEN),
                "{}: {failure:?}",
                trap.name
            );
            assert!(failure.detail.contains(trap.evidence), "{}: {failure:?}", trap.name);
            assert!(!failure.detail.contains("boss") && !failure.detail.contains("sa.oberg"), "{failure:?}");
            let done =
                stage.until_ok(&house, claimed).await.unwrap_or_else(|why| panic!("{}: {why}", trap.name));
            let sheet = house.sheet(&ENGINEER.parse().expect("a key")).await.expect("an admitted engineer");
            assert_eq!(sheet.username.expect("there is one").as_str(), "a.oberg", "{}", trap.name);
            let account = done.facts.account.expect("the account was made");
            let made = stage
                .sandbox
                .change(|world| world.customers[SE.1].users[account.id.as_str()].primary_email.clone());
            assert_eq!(made, "a.oberg@care-se.example", "{}", trap.name);
            assert_eq!(effects(&stage), [("user.created".to_owned(), 1)].into(), "{}", trap.name);
        }
    }
}

/// An account stands under the name in another domain: a person is asked once, with the evidence.
#[tokio::test(start_paused = true)]
async fn after_the_first_account_a_person_decides() {
    for mood in MOODS {
        Box::pin(a_person_decides_in(mood)).await;
    }
}

async fn a_person_decides_in(mood: Mood) {
    let moments = moments_in(mood).await;
    for trap in &TRAPS {
        let (stage, moment, before) = at_the_account(&moments, NO, trap).await;
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let failure = stage.run(&house, &claimed).await.expect_err(trap.name);
        assert_eq!(
            (failure.kind, failure.code),
            (FailureKind::Needs(Who::Operator), trap.code),
            "{}",
            trap.name
        );
        assert!(failure.detail.contains(trap.evidence), "{}: {failure:?}", trap.name);
        assert_eq!(stage.world_text(), before, "{}", trap.name);
        assert!(effects(&stage).is_empty(), "{}", trap.name);
    }
}

/// With our own marker on it, at our address, it is still no account to write to.
#[tokio::test(start_paused = true)]
async fn our_own_account_is_not_taken_when_it_is_spoilt() {
    let moments = moments().await;
    let suspended = |customer: &mut Customer, address: &str| {
        user(customer, address, None, Some("E-1"), None);
        let id = customer.user(address).expect("just made").id.clone();
        let user = customer.take_user(&id).expect("just made");
        customer.put_user(User { suspended: true, ..user });
    };
    let traps: [Trap; 2] = [
        Trap { name: "suspended", set: suspended, evidence: "", code: FailureCode::AccountSuspended },
        Trap {
            name: "a super administrator",
            set: |customer, address| user(customer, address, None, Some("E-1"), Some("_SEED_ADMIN_ROLE")),
            evidence: "",
            code: FailureCode::AccountIsAdmin,
        },
    ];
    for trap in &traps {
        let (stage, moment, before) = at_the_account(&moments, SE, trap).await;
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let failure = stage.run(&house, &claimed).await.expect_err(trap.name);
        assert_eq!(failure.code, trap.code, "{}", trap.name);
        assert_eq!(stage.world_text(), before, "{}", trap.name);
    }
}

/// Our own twin in another domain is another account: it is neither taken nor touched.
#[tokio::test(start_paused = true)]
async fn the_twin_in_a_secondary_domain_is_left_alone() {
    let moments = moments().await;
    let twin = Trap {
        name: "the twin",
        set: |customer, _| user(customer, "asa.oberg@reseller-se.example", None, Some("E-1"), None),
        evidence: "",
        code: TAKEN,
    };
    let (stage, moment, _) = at_the_account(&moments, SE, &twin).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let account = stage.run(&house, &claimed).await.expect("the address is free").facts.account;
    let made = account.expect("the account was made").id;
    let twin =
        stage.sandbox.change(|world| world.customers[SE.1].user("asa.oberg@reseller-se.example").cloned());
    assert_ne!(twin.expect("it is there").id, made.as_str());
}

/// A row that was opened, and has begun to make an account, while the lists were read that the next name is chosen by.
#[tokio::test]
async fn a_row_that_is_opened_meanwhile_keeps_the_name() {
    let wanted = |moment: &Moment| moment.step.name == StepName::Account && moment.row.to_string() == SE.0;
    let moment = moments().await.into_iter().find(wanted).expect("a step of the journey");
    let stage = Stage::set(&moment.before).await;
    stage.sandbox.change(|world| {
        (TRAPS[0].set)(world.customers.get_mut(SE.1).expect("a customer of the demo"), SE.2);
    });
    let slow = json!({"match": {"method": "GET", "path_regex": "/groups$"}, "do": {"delay_ms": 500}});
    stage.sandbox.add_faults(&slow).expect("a rule that is understood");
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let meanwhile = async {
        while !stage.sandbox.calls().iter().any(|call| call.path.ends_with("/groups")) {
            tokio::task::yield_now().await;
        }
        let goal = Goal { want: Want::Present, revision: 1 };
        let mut row = Enrollment::open(NO.0.parse().expect("a row"), goal, stage.clock.now());
        row.done.insert(StepName::Username);
        let at = At { step: StepName::Account, ..row.state.at().expect("just opened") };
        row.state = State::Scheduled { at, due: stage.clock.now(), last: None };
        stage.keep(&stage.claim(&house, &row).await).await;
    };
    let (outcome, ()) = join(stage.run(&house, &claimed), meanwhile).await;
    let failure = outcome.expect_err("somebody has the address");
    assert!(failure.detail.contains("is being made under the same name"), "{failure:?}");
    let sheet = house.sheet(&ENGINEER.parse().expect("a key")).await.expect("an admitted engineer");
    assert_eq!(sheet.username.expect("there is one").as_str(), "asa.oberg");
}

/// The other rows of the engineer are touched in the same commit, so that one that is being claimed begins anew; and one that may have
/// begun to make an account under the old name keeps it.
#[tokio::test(start_paused = true)]
async fn the_name_changes_for_all_rows_or_for_none() {
    let moments = moments().await;
    let (other, goal): (EnrollmentId, _) =
        (NO.0.parse().expect("a row"), Goal { want: Want::Present, revision: 1 });
    let seats = || Failure::needs(Who::Operator, FailureCode::SeatsSpent);
    for (begun, ended, expected) in [
        (false, None, FailureKind::NotYet),
        (true, None, FailureKind::NotYet),
        (true, Some(seats()), FailureKind::Needs(Who::Operator)),
        (true, Some(Failure::needs(Who::Operator, TAKEN)), FailureKind::NotYet),
    ] {
        let (stage, moment, _) = at_the_account(&moments, SE, &TRAPS[0]).await;
        let house = stage.house();
        let mut row = Enrollment::open(other.clone(), goal, stage.clock.now());
        let refused = ended.as_ref().is_some_and(|failure| failure.code == TAKEN);
        if begun {
            row.done.insert(StepName::Username);
            row.state = State::Scheduled {
                at: At { step: StepName::Account, ..row.state.at().expect("just opened") },
                due: stage.clock.now(),
                last: None,
            };
            row = stage.claim(&house, &row).await;
        }
        if let Some(failure) = ended {
            row = stage.look_again(&row, failure);
        }
        stage.keep(&row).await;
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        let failure = stage.run(&house, &claimed).await.expect_err("somebody has the address");
        assert_eq!((failure.kind, failure.code), (expected, TAKEN), "{begun} {failure:?}");
        let after = stage.store.enrollment(&other).await.expect("memory answers").expect("just kept");
        let sheet = house.sheet(&ENGINEER.parse().expect("a key")).await.expect("an admitted engineer");
        let changed = !begun || refused;
        assert_eq!(sheet.username.expect("there is one").as_str() != "asa.oberg", changed, "{failure:?}");
        assert_eq!(after.version, row.version + u64::from(changed));
        // Who waited for the name goes on with the new one.
        assert_eq!(
            matches!(after.state, State::Waiting { .. }),
            matches!(row.state, State::Waiting { .. }) && !refused
        );
    }
}
