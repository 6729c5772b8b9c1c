//! Ending access: in which order, and only of what is ours. That each step may be cut, repeated and run twice is the harness's own business,
//! whose journey leads through leaving as well. Traps, each of which fails without the guard that it is for:
//!
//! | Guard | Traps |
//! |---|---|
//! | `guard::leaving`: the address is the primary one | renamed, with our address as an alias |
//! | `guard::leaving`: whose marker | another engineer's marker; no marker |
//! | `guard::leaving`: `isAdmin` | a super administrator |
//! | `leaving::find`: an account is known by its marker | a stranger at the address, where an insert was not answered |
//! | `removal`: still suspended | let in again before the deletion |
//!
//! Another customer's account is the business of `google/guard`. Not here: leavers in a running engine (`leavers`).

use super::end::effects;
use super::journey::{Moment, home_moments, moments, moments_in};
use super::stage::{MOODS, Stage};
use super::traps::{assign, edit, mark, rename};
use carepass::model::enrollment::{Enrollment, Want};
use carepass::model::failure::{FailureCode, FailureKind, Who};
use carepass::model::plan::StepName;
use carepass::model::transition::Input;
use carepass::sandbox::init::Mood;
use carepass::sandbox::{Customer, User};
use carepass::seal::Sealer;
use jiff::SignedDuration;
use serde_json::json;

const ROW: &str = "domain/E-1/nordic-se/care-se.example";
const CUSTOMER: &str = "C01nordicse";
const ADDRESS: &str = "asa.oberg@care-se.example";

async fn moment(step: StepName, mood: Mood) -> Moment {
    let wanted = |moment: &Moment| moment.step.name == step && moment.row.to_string() == ROW;
    moments_in(mood).await.into_iter().find(wanted).expect("a step of the journey")
}

fn change(stage: &Stage, change: impl FnOnce(&mut Customer)) {
    stage.sandbox.change(|world| change(world.customers.get_mut(CUSTOMER).expect("a customer of the demo")));
}

fn writes(stage: &Stage) -> Vec<String> {
    let calls = stage.sandbox.calls().into_iter();
    calls
        .filter(|call| call.method != "GET" && call.path != "/token")
        .map(|call| format!("{} {}", call.method, call.path))
        .collect()
}

/// What somebody did, with the id of the account.
type Spoil = fn(&mut Customer, &str);

/// Every step that may write looks first, at its first run and after a death.
#[tokio::test(start_paused = true)]
async fn nothing_is_ended_that_is_not_ours() {
    let traps: [(&str, Spoil, FailureCode); 5] = [
        (
            "another engineer's marker",
            |customer, id| mark(customer, id, &["E-2"]),
            FailureCode::AccountNotOurs,
        ),
        ("no marker", |customer, id| mark(customer, id, &[]), FailureCode::AccountNotOurs),
        (
            "our address is an alias",
            |customer, id| {
                rename(customer, id, "boss@care-se.example");
                edit(customer, id, |user| user.aliases.push(ADDRESS.into()));
            },
            FailureCode::AccountNotOurs,
        ),
        (
            "the twin in another domain",
            |customer, id| rename(customer, id, "asa.oberg@reseller-se.example"),
            FailureCode::AccountNotOurs,
        ),
        (
            "a super administrator",
            |customer, id| assign(customer, id, "_SEED_ADMIN_ROLE", None),
            FailureCode::AccountIsAdmin,
        ),
    ];
    let steps =
        [StepName::RoleOff, StepName::SignOut, StepName::Suspend, StepName::LastLook, StepName::Removal];
    for mood in MOODS {
        let moments = moments_in(mood).await;
        for step in steps {
            let wanted = |moment: &&Moment| moment.step.name == step && moment.row.to_string() == ROW;
            let moment = moments.iter().find(wanted).expect("a step of the journey");
            for (name, spoil, code) in &traps {
                for after_death in [false, true] {
                    let stage = Stage::set_later(&moment.before, SignedDuration::from_hours(1)).await;
                    let house = stage.house();
                    let mut claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
                    if after_death {
                        claimed = stage.claim_after_death(&house, &claimed).await;
                    }
                    let id = claimed.facts.account.as_ref().expect("it is known").id.to_string();
                    change(&stage, |customer| spoil(customer, &id));
                    let place = format!("{step}, {name}, {mood:?}, after a death: {after_death}");
                    let failure = stage.run(&house, &claimed).await.map(drop).expect_err(&place);
                    assert_eq!((failure.code, writes(&stage)), (*code, Vec::new()), "{place}");
                }
            }
        }
    }
}

/// The row as it is when the insert was never answered, and the engineer has left.
async fn unanswered(since: SignedDuration) -> (Stage, Enrollment) {
    let moment = moment(StepName::RoleOff, Mood::Nasty).await;
    let stage = Stage::set_later(&moment.before, SignedDuration::from_hours(1)).await;
    let mut row = stage.row(&moment.row).await;
    row.facts.account = None;
    let leaving = row.leaving.as_mut().expect("it has left");
    (leaving.since, leaving.unfinished) = (stage.ago(since), true);
    (stage, row)
}

/// What an insert made whose answer was lost is found by its address or its marker; a stranger at the address is a person's to look at.
#[tokio::test(start_paused = true)]
async fn what_an_unanswered_insert_has_made_is_found_and_nothing_else() {
    type Case = (&'static str, fn(&mut Customer, &str), Result<bool, FailureCode>);
    let cases: [Case; 4] = [
        ("there", |_, _| (), Ok(true)),
        ("not there", |customer, id| drop(customer.take_user(id)), Ok(false)),
        ("a stranger", |customer, id| mark(customer, id, &[]), Err(FailureCode::AccountNotOurs)),
        (
            "under another name",
            |customer, id| rename(customer, id, "asa.berg@care-se.example"),
            Err(FailureCode::AccountNotOurs),
        ),
    ];
    for (name, spoil, expected) in cases {
        let (stage, row) = unanswered(SignedDuration::ZERO).await;
        change(&stage, |customer| {
            let id = customer.user(ADDRESS).expect("the account").id.clone();
            spoil(customer, &id);
        });
        let house = stage.house();
        let claimed = stage.claim(&house, &row).await;
        let found = stage.run(&house, &claimed).await;
        let found = found.map(|ensured| ensured.facts.account.is_some()).map_err(|failure| failure.code);
        assert_eq!(found, expected, "{name}");
        assert_eq!(expected == Ok(true), !writes(&stage).is_empty(), "{name}");
    }
}

/// Three looks; what comes about between them is locked out in the right order, and looked at once more.
#[tokio::test(start_paused = true)]
async fn what_comes_late_is_locked_out_when_it_comes() {
    let (stage, mut row) = unanswered(SignedDuration::ZERO).await;
    row.done = [StepName::RoleOff, StepName::SignOut, StepName::Suspend, StepName::LockedOut].into();
    let at = row.state.at().expect("it is under way");
    let at = carepass::model::enrollment::At { step: StepName::LastLook, ..at };
    row.state = carepass::model::enrollment::State::Scheduled { at, due: stage.clock.now(), last: None };
    let mut shelf: Option<User> = None;
    change(&stage, |customer| {
        let id = customer.user(ADDRESS).expect("the account").id.clone();
        shelf = customer.take_user(&id);
    });
    let house = stage.house();
    let begun = stage.clock.now();
    let claimed = stage.claim(&house, &row).await;
    let failure = stage.run(&house, &claimed).await.expect_err("it has only begun");
    assert_eq!((failure.kind, failure.code), (FailureKind::NotYet, FailureCode::LateEffect));
    assert!(stage.sandbox.calls().is_empty(), "nobody looks before a minute has passed");
    change(&stage, |customer| customer.put_user(shelf.take().expect("it was there")));
    let done = stage.until_ok(&house, claimed).await.expect("in the end nothing comes any more");
    let took = stage.clock.now().duration_since(begun);
    assert!(took >= SignedDuration::from_mins(15) && took < SignedDuration::from_mins(25), "{took:?}");
    assert!(done.facts.locked_out_at.is_some() && done.facts.account.is_some());
    let effects: Vec<String> = stage.sandbox.calls().into_iter().filter_map(|call| call.effect).collect();
    let expected = [
        "role.unassigned",
        "user.signed_out",
        "token.deleted",
        "application_password.deleted",
        "backup_codes.invalidated",
        "user.updated",
    ];
    assert_eq!(effects, expected);
}

/// The account is deleted only while it is still as carepass left it.
#[tokio::test(start_paused = true)]
async fn an_account_that_was_let_in_again_is_not_deleted() {
    let moment = moment(StepName::Removal, Mood::Plain).await;
    let stage = Stage::set_later(&moment.before, SignedDuration::from_hours(1)).await;
    change(&stage, |customer| {
        let id = customer.user(ADDRESS).expect("the account").id.clone();
        edit(customer, &id, |user| user.suspended = false);
    });
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let failure = stage.run(&house, &claimed).await.expect_err("somebody wants it to be there");
    assert_eq!((failure.kind, writes(&stage)), (FailureKind::Needs(Who::Operator), Vec::new()));
}

/// What cannot be done for long does not keep the account open.
#[tokio::test(start_paused = true)]
async fn what_stands_in_the_way_of_signing_out_does_not_keep_the_account_open() {
    let moment = moment(StepName::SignOut, Mood::Plain).await;
    let stage = Stage::set(&moment.before).await;
    let refused = serde_json::json!({"match": {"path_regex": "/signOut$"}, "do": {"fail_before": true, "status": 403, "reason": "forbidden"}});
    stage.sandbox.add_faults(&refused).expect("a rule that is understood");
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let failure = stage.run(&house, &claimed).await.expect_err("Google refuses");
    assert_eq!(failure.kind, FailureKind::Needs(Who::Operator));
    assert!(failure.detail.contains("suspended meanwhile"), "{failure:?}");
    change(&stage, |customer| assert!(customer.user(ADDRESS).expect("the account").suspended));
}

/// An engineer's own account loses carepass's role and nothing else.
#[tokio::test(start_paused = true)]
async fn an_own_account_loses_the_role_and_nothing_else() {
    let row = "domain/E-1/nordic-se/reseller-se.example";
    for moment in home_moments(Mood::Plain).await {
        let stage = Stage::set(&moment.before).await;
        let stored = stage.row(&moment.row).await;
        if moment.row.to_string() != row || stored.goal.want == Want::Present {
            continue;
        }
        let house = stage.house();
        let claimed = stage.claim(&house, &stored).await;
        stage.until_ok(&house, claimed).await.expect("nothing stands in the way");
        let expected = (moment.step.name == StepName::RoleOff).then(|| ("role.unassigned".to_owned(), 1));
        assert_eq!(effects(&stage), expected.into_iter().collect(), "{}", moment.step.name);
    }
}

/// What an own account was given stays carepass's to take away when the configuration means another role by then; what others gave it
/// does not become so.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_no_longer_configured_is_taken_away_all_the_same() {
    let moments = home_moments(Mood::Plain).await;
    let moment = moments.iter().find(|moment| moment.step.name == StepName::RoleOff).expect("a step");
    for (remembered, taken) in [(true, 1), (false, 0)] {
        let stage = Stage::set(&moment.before).await;
        let mut reseller = stage.row(&"reseller/nordic-se".parse().expect("a row")).await;
        for role in reseller.facts.roles.values_mut() {
            role.id = "999".parse().expect("a role");
        }
        reseller.version += 1;
        stage.keep(&reseller).await;
        let mut row = stage.row(&moment.row).await;
        let account = row.facts.account.as_mut().expect("it is known");
        if !remembered {
            account.given.clear();
        }
        let id = account.id.to_string();
        change(&stage, |customer| assign(customer, &id, "_RESELLER_ADMIN_ROLE", None));
        let house = stage.house();
        let claimed = stage.claim(&house, &row).await;
        stage.until_ok(&house, claimed).await.expect("nothing stands in the way");
        let made = effects(&stage).get("role.unassigned").copied().unwrap_or_default();
        assert_eq!(made, taken, "remembered: {remembered}");
        change(&stage, |customer| {
            let held = customer.assignments.values().filter(|held| held.assigned_to == id).count();
            assert_eq!(held, 2 - taken, "what others gave stays");
        });
    }
}

/// Without the engineer's record the account is known by its id, and by its marker; young or old.
#[tokio::test(start_paused = true)]
async fn whose_record_cannot_be_read_is_locked_out_all_the_same() {
    let other = tempfile::tempdir().expect("a temporary folder");
    for step in [StepName::RoleOff, StepName::SignOut, StepName::Suspend, StepName::LockedOut] {
        let moment = moment(step, Mood::Plain).await;
        for (is_young, is_ours) in [(false, true), (true, true), (false, false)] {
            let stage = Stage::set(&moment.before).await;
            let mut house = stage.house();
            house.sealer = Sealer::open(&other.path().join("master")).expect("a master key");
            let mut row = stage.row(&moment.row).await;
            let account = row.facts.account.as_mut().expect("it is known");
            account.read_at = jiff::Timestamp::UNIX_EPOCH;
            let id = account.id.to_string();
            if is_young {
                account.since = stage.clock.now();
            }
            if !is_ours {
                change(&stage, |customer| mark(customer, &id, &["E-2"]));
            }
            let claimed = stage.claim(&house, &row).await;
            let outcome = stage.run(&house, &claimed).await.map(drop).map_err(|failure| failure.code);
            let expected = if is_ours { Ok(()) } else { Err(FailureCode::AccountNotOurs) };
            assert_eq!(outcome, expected, "{step}, young: {is_young}");
        }
    }
}

/// That carepass suspended the account is known also where the act failed, or its answer was lost; and never of what others suspended.
#[tokio::test(start_paused = true)]
async fn who_suspended_the_account_is_known_whatever_came_of_the_act() {
    let refused = |path: &str| json!({"match": {"path_regex": path, "method": "DELETE"}, "do": {"fail_before": true, "status": 403, "reason": "forbidden"}});
    let lost = json!({"match": {"path_regex": "/users/[^/]+$", "method": "PUT"}, "do": {"fail_after": true, "reset": true}});
    let faults = [
        (StepName::RoleOff, refused("/roleassignments/")),
        (StepName::SignOut, refused("/tokens/")),
        (StepName::Suspend, lost),
    ];
    for (step, fault) in faults {
        let moment = moment(step, Mood::Plain).await;
        for by_others in [false, true] {
            let stage = Stage::set(&moment.before).await;
            // An earlier step, which would have noted it, was taken as done.
            let mut row = stage.row(&moment.row).await;
            let account = row.facts.account.as_mut().expect("it is known");
            (account.suspended_by_us, account.read_at) = (None, jiff::Timestamp::UNIX_EPOCH);
            let id = account.id.to_string();
            if by_others {
                change(&stage, |customer| edit(customer, &id, |user| user.suspended = true));
            }
            stage.sandbox.add_faults(&fault).expect("a rule that is understood");
            let house = stage.house();
            let claimed = stage.claim(&house, &row).await;
            let after = stage.moved(&claimed, Input::Reported(stage.run(&house, &claimed).await));
            change(&stage, |customer| {
                assert!(customer.user(ADDRESS).expect("the account").suspended, "{step}");
            });
            let known = after.facts.account.expect("it is known");
            assert_eq!(known.suspended_by_us.is_some(), !by_others, "{step}");
        }
    }
}

/// Backup codes are worthless afterwards; that Google refuses this alone holds nobody up.
#[tokio::test(start_paused = true)]
async fn backup_codes_are_made_worthless_and_hold_nobody_up() {
    let moment = moment(StepName::SignOut, Mood::Plain).await;
    for is_refused in [false, true] {
        let stage = Stage::set(&moment.before).await;
        change(&stage, |customer| {
            let id = customer.user(ADDRESS).expect("the account").id.clone();
            edit(customer, &id, |user| user.access.backup_codes = 10);
        });
        if is_refused {
            let refused = json!({"match": {"path_regex": "/verificationCodes/"}, "do": {"fail_before": true, "status": 400, "reason": "invalid"}});
            stage.sandbox.add_faults(&refused).expect("a rule that is understood");
        }
        let house = stage.house();
        let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
        stage.run(&house, &claimed).await.expect("the sessions are ended");
        change(&stage, |customer| {
            let left = customer.user(ADDRESS).expect("the account").access.backup_codes;
            assert_eq!(left, if is_refused { 10 } else { 0 });
        });
    }
}

/// Whoever had nothing is asked about by nobody.
#[tokio::test]
async fn a_row_for_which_nothing_was_tried_asks_nothing() {
    let moments = moments().await;
    let username = |moment: &&Moment| moment.step.name == StepName::Username && moment.row.to_string() == ROW;
    let moment = moments.iter().find(username).expect("a step of the journey");
    let stage = Stage::set(&moment.before).await;
    stage.keep(&stage.row(&moment.row).await).await;
    stage.leave().await;
    let mut row = stage.row(&moment.row).await;
    row.leaving.as_mut().expect("it has left").unfinished = false;
    let house = stage.house();
    let claimed = stage.claim(&house, &row).await;
    let done = stage.until_ok(&house, claimed).await.expect("there is nothing to do");
    assert_eq!((done.next_step(), stage.sandbox.calls().len()), (None, 0));
}
