//! The whole machine as one table that a reviewer can read, and a walk over everything that can be reached.

use super::*;
use crate::model::engineer::EventRef;
use crate::model::enrollment::{Goal, Want};
use crate::model::statement::Cause;
use jiff::SignedDuration;
use std::fmt::Write as _;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn rules() -> Rules {
    Rules { attempts_max: 3, ..Rules::default() }
}

fn open() -> Enrollment {
    Enrollment::open("domain/E-1/nordic-se/reseller-se.example".parse().unwrap(), goal(Want::Present, 2), NOW)
}

fn goal(want: Want, revision: u64) -> Goal {
    Goal { want, revision }
}

fn retargeted(want: Want, revision: u64) -> Input {
    Input::Retargeted(Box::new(goal(want, revision).into()))
}

/// An engineer who starts in a week, whose work begins an hour from now.
fn later_wish() -> Wish {
    let opens = Some(NOW + SignedDuration::from_hours(1));
    Wish { opens, ..Wish::from(goal(Want::Present, 3)) }
}

fn fail(kind: FailureKind) -> Input {
    Input::Reported(Err(Failure::new(kind, FailureCode::UnknownAnswer)))
}

fn inputs() -> Vec<(&'static str, Input)> {
    vec![
        ("wake", Input::Wake),
        ("orphaned", Input::Orphaned),
        ("called off", Input::CalledOff),
        ("ensured", Input::Reported(Ok(Ensured::default()))),
        ("transient", fail(FailureKind::Transient)),
        ("throttled", fail(FailureKind::Throttled)),
        ("not yet", fail(FailureKind::NotYet)),
        ("needs operator", fail(FailureKind::Needs(Who::Operator))),
        ("needs reseller", fail(FailureKind::Needs(Who::Reseller))),
        ("permanent", fail(FailureKind::Permanent)),
        ("nudge", Input::Nudge),
        ("recheck", Input::Recheck),
        ("goal present 3", retargeted(Want::Present, 3)),
        ("present 3 later", Input::Retargeted(Box::new(later_wish()))),
        ("goal absent 3", retargeted(Want::Absent, 3)),
        ("goal absent 2", retargeted(Want::Absent, 2)),
        ("retry!", Input::Ordered(Order::Retry)),
        ("skip!", Input::Ordered(Order::Skip)),
        ("adopt!", Input::Ordered(Order::Adopt { account: Sealed::from_bytes(vec![7]) })),
        ("reissue!", Input::Ordered(Order::Reissue)),
        ("cancel!", Input::Ordered(Order::Cancel { reason: "left".into() })),
        ("confirm!", confirm(Subject::AutoLicensing, false)),
    ]
}

fn confirm(subject: Subject, one_by_one: bool) -> Input {
    Input::Ordered(Order::Confirm { subject, by: "asa".into(), reason: "done".into(), one_by_one })
}

fn label(row: &Enrollment) -> String {
    let mut text = match &row.state {
        State::Scheduled { at, .. } => format!("Scheduled({} #{})", at.step, at.attempt),
        State::Running { at, .. } => format!("Running({} #{})", at.step, at.attempt),
        State::Waiting { at, on, .. } => format!("Waiting({} #{} on {on})", at.step, at.attempt),
        State::Completed => "Completed".into(),
        State::Cancelled { .. } => "Cancelled".into(),
    };
    if let Some(Wish { goal: next, .. }) = row.next.as_deref() {
        write!(text, " then {:?}/{}", next.want, next.revision).unwrap();
    }
    text
}

fn states() -> Vec<Enrollment> {
    let at = At::first(StepName::License, NOW);
    let last_try = At { attempt: 3, ..at };
    let impatient = At { since: NOW - SignedDuration::from_hours(1), ..at };
    let reason = Failure::needs(Who::Operator, FailureCode::SeatsSpent);
    let done = BTreeSet::from([StepName::Username, StepName::Account, StepName::Password, StepName::Name]);
    let with = |state| Enrollment { state, done: done.clone(), ..open() };
    vec![
        with(State::Scheduled { at, due: NOW, last: None }),
        with(State::Scheduled { at, due: NOW + SignedDuration::from_secs(1), last: None }),
        with(State::Running { at, lease_until: NOW }),
        with(State::Running { at: last_try, lease_until: NOW + SignedDuration::from_secs(1) }),
        with(State::Running { at: impatient, lease_until: NOW }),
        Enrollment {
            next: Some(Box::new(goal(Want::Absent, 3).into())),
            ..with(State::Running { at, lease_until: NOW })
        },
        with(State::Waiting { at, on: Who::Operator, reason, look_again: NOW }),
        with(State::Completed),
        with(State::Cancelled { reason: "left".into() }),
        Enrollment::open("domain/E-1/nordic-se/reseller-se.example".parse().unwrap(), later_wish(), NOW),
        Enrollment { state: State::Completed, goal: goal(Want::Absent, 2), ..open() },
    ]
}

fn table() -> String {
    let notes = [
        "due",
        "due later",
        "lease over",
        "last attempt, leased",
        "patience over",
        "goal beside",
        "",
        "",
        "",
        "starts later",
        "left",
    ];
    let mut table = String::new();
    for (row, note) in states().iter().zip(notes) {
        for (name, input) in inputs() {
            let outcome = match apply(row, input, &rules(), NOW) {
                Ok(moved) => format!("{}{}", label(&moved.after), effect(moved.effect)),
                Err(why) => format!("-- {why:?}"),
            };
            writeln!(table, "{:<40} {:<21} {name:<15} {outcome}", label(row), note).unwrap();
        }
    }
    table
}

fn effect(effect: Option<Effect>) -> String {
    match effect {
        Some(Effect::Run { step, attempt }) => format!(" + run {step} #{attempt}"),
        Some(Effect::Reconcile) => " + reconcile".into(),
        None => String::new(),
    }
}

/// On a deliberate change of the machine: copy the table from the failure, line by line, and read the difference.
#[test]
fn the_whole_transition_table() {
    let expected = include_str!("transitions.txt");
    let table = table();
    for (found, wanted) in table.lines().zip(expected.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(table.lines().count(), expected.lines().count(), "{table}");
}

/// Time moves only to the next wake; `looks` and `since` are left out of the key, so that the space is finite.
#[test]
fn every_reachable_state_is_live_and_bounded() {
    let rules = rules();
    let mut seen = BTreeSet::new();
    let mut todo = vec![(open(), NOW)];
    while let Some((row, now)) = todo.pop() {
        assert!(row.wake_at().is_some() || row.is_settled(), "nobody would ever look at {row:?} again");
        for (_, input) in inputs() {
            let now = now.max(row.wake_at().unwrap_or(now));
            let Ok(moved) = apply(&row, input.clone(), &rules, now) else { continue };
            check_move(&row, &input, &moved, &rules, now);
            let key = (label(&moved.after), moved.after.done.clone(), format!("{:?}", moved.after.goal));
            if seen.insert(key) {
                todo.push((moved.after, now));
            }
        }
    }
    assert!(seen.iter().any(|(label, ..)| label == "Completed"));
    assert!(seen.len() > 100, "the walk saw only {} states", seen.len());
}

fn check_move(row: &Enrollment, input: &Input, moved: &Transition, rules: &Rules, now: Timestamp) {
    let after = &moved.after;
    assert_eq!(after.version, row.version + 1);
    let same_plan = after.goal.want == row.goal.want;
    assert!(
        !same_plan || matches!(input, Input::Recheck) || row.done.is_subset(&after.done),
        "a done step was undone"
    );
    assert!(after.goal.revision >= row.goal.revision, "an older goal came back");
    if let Some(wake) = after.wake_at() {
        assert!(wake <= later(now, rules.look_max * 2), "the wait is bounded: {after:?}");
    }
    if let Some(at) = after.state.at() {
        assert!((1..=rules.attempts_max).contains(&at.attempt), "{row:?} {input:?} {after:?}");
        assert!(!after.done.contains(&at.step));
        assert!(
            plan(after.id.kind(), after.goal.want).contains(&at.step),
            "a step of another plan: {after:?}"
        );
    }
    assert_eq!(
        matches!(after.state, State::Running { .. }) && !matches!(input, Input::Retargeted(_)),
        matches!(moved.effect, Some(Effect::Run { .. }))
    );
    assert_eq!(after.is_settled(), matches!(moved.effect, Some(Effect::Reconcile)));
}

const SUBJECTS: [Subject; 5] = [
    Subject::AutoLicensing,
    Subject::FreeSubscription,
    Subject::TwoStepPolicy,
    Subject::CaseAlertRoute,
    Subject::CaseAlerts,
];

/// A word is taken only where it is asked for, and looked at anew at once. A row that asks something else by then, since somebody else was
/// quicker, takes none.
#[test]
fn a_word_goes_into_the_facts_of_the_row_that_asks_for_it() {
    let check = |id: &str, step: StepName, code: FailureCode, expected: Option<Subject>| {
        let mut row = Enrollment::open(id.parse().unwrap(), goal(Want::Present, 0), NOW);
        row.facts.org_unit = Some("id:03ph1".into());
        let reason = Failure::needs(Who::Operator, code);
        let at = At { runs: 3, looks: 2, ..At::first(step, NOW) };
        row.state =
            State::Waiting { at, on: Who::Operator, reason, look_again: later(NOW, rules().look_max) };
        for subject in SUBJECTS.into_iter().filter(|subject| Some(*subject) != expected) {
            let moved = apply(&row, confirm(subject, true), &rules(), NOW);
            assert_eq!(moved, Err(Rejected::Unconfirmable), "{id} {step} {code}: {subject:?}");
        }
        let Some(subject) = expected else { return };
        let after = apply(&row, confirm(subject, true), &rules(), NOW).unwrap().after;
        let word = &after.facts.words[&subject];
        assert_eq!((word.by.as_deref(), word.at, word.reason.as_str()), (Some("asa"), NOW, "done"));
        assert!(word.one_by_one && word.org_unit == row.facts.org_unit);
        let due = At { runs: 3, ..At::first(step, NOW) };
        assert_eq!(after.state, State::Scheduled { at: due, due: NOW, last: None });
    };
    let (reseller, domain) = ("reseller/nordic-se", "domain/E-1/nordic-se/a.se");
    let off = FailureCode::AutoLicensingUnconfirmed;
    check(reseller, StepName::AutoLicensing, off, Some(Subject::AutoLicensing));
    check(reseller, StepName::AutoLicensing, FailureCode::AutoLicensingOn, None);
    check(reseller, StepName::AutoLicensing, FailureCode::BackendError, None);
    let free = FailureCode::FreeSubscriptionUnconfirmed;
    check(reseller, StepName::FreeSubscription, free, Some(Subject::FreeSubscription));
    check(reseller, StepName::TwoStepPolicy, FailureCode::TwoStepEnforced, Some(Subject::TwoStepPolicy));
    let route = FailureCode::CaseRouteUnconfirmed;
    check(reseller, StepName::CaseAlertRoute, route, Some(Subject::CaseAlertRoute));
    check(domain, StepName::CaseAlerts, FailureCode::CaseRedirectNeeded, Some(Subject::CaseAlerts));
    check(domain, StepName::License, FailureCode::AutoLicensingOn, None);
    check(domain, StepName::Account, FailureCode::SeatsSpent, None);
}

#[test]
fn a_step_that_a_later_release_adds_is_picked_up() {
    let mut row = open();
    row.done = [StepName::Account, StepName::Password, StepName::Name].into();
    let moved = apply(&row, Input::Wake, &rules(), NOW).unwrap();
    assert_eq!(label(&moved.after), "Running(username #1)");
    let moved = apply(&moved.after, Input::Reported(Ok(Ensured::default())), &rules(), NOW).unwrap();
    assert_eq!(label(&moved.after), "Scheduled(license #1)");
}

#[test]
fn a_waiting_row_looks_again_ever_more_seldom() {
    let rules = rules();
    let mut row = open();
    let mut intervals = Vec::new();
    for _ in 0..8 {
        let now = row.wake_at().unwrap();
        let running = apply(&row, Input::Wake, &rules, now).unwrap().after;
        row = apply(&running, fail(FailureKind::Needs(Who::Operator)), &rules, now).unwrap().after;
        intervals.push(row.wake_at().unwrap().duration_since(now));
    }
    assert!(intervals.windows(2).take(4).all(|w| w[0] < w[1]), "{intervals:?}");
    assert!(intervals.iter().all(|i| *i <= rules.look_max * 5 / 4));
}

/// Runs the inputs one after the other, each when the row is due, and tells where that leads.
fn run(inputs: Vec<Input>) -> Vec<String> {
    let (rules, mut row) = (rules(), open());
    let mut labels = Vec::new();
    for input in inputs {
        let now = row.wake_at().unwrap();
        row = apply(&row, input, &rules, now).unwrap().after;
        let looks = row.state.at().map_or(0, |at| at.looks);
        if !matches!(row.state, State::Running { .. }) {
            labels.push(format!("{} {looks}", label(&row)));
        }
    }
    labels
}

/// Alternates wakes with the given failures.
fn failing(failures: &[(FailureKind, FailureCode)]) -> Vec<Input> {
    let report = |(kind, code): &(FailureKind, FailureCode)| Input::Reported(Err(Failure::new(*kind, *code)));
    failures.iter().flat_map(|failure| [Input::Wake, report(failure)]).collect()
}

/// Where a quota does not come back somebody may have to change something: a person sees it at last, and is told once.
#[test]
fn whom_google_puts_off_again_and_again_asks_a_person() {
    let (rules, mut row) = (Rules { patience: SignedDuration::ZERO, ..rules() }, open());
    let mut told = 0;
    for look in 1..=9 {
        let now = row.wake_at().unwrap();
        let running = apply(&row, Input::Wake, &rules, now).unwrap().after;
        let put_off = Failure::new(FailureKind::Throttled, FailureCode::RateLimited);
        row = apply(&running, Input::Reported(Err(put_off)), &rules, now).unwrap().after;
        let asks = look > 6;
        assert_eq!((row.waits_on(Who::Google), row.waits_on(Who::Operator)), (!asks, asks), "look {look}");
        told += u32::from(asks && row.has_begun_to_wait());
    }
    assert_eq!(told, 1);
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_more_patient() {
    let running = apply(&open(), Input::Wake, &rules(), NOW).unwrap().after;
    let earlier = NOW - SignedDuration::from_hours(24 * 30);
    let moved = apply(&running, fail(FailureKind::NotYet), &rules(), earlier).unwrap().after;
    assert!(moved.waits_on(Who::Operator), "{}", label(&moved));
}

/// What an operator took as done is not done again because the row is looked at once more; another goal begins anew.
#[test]
fn what_was_skipped_stays_so() {
    let mut row = open();
    row.done = [StepName::Username, StepName::Account].into();
    let at = At { step: StepName::License, ..row.state.at().unwrap() };
    row.state = State::Scheduled { at, due: NOW, last: None };
    let skipped = apply(&row, Input::Ordered(Order::Skip), &rules(), NOW).unwrap().after;
    let again = apply(&skipped, Input::Recheck, &rules(), NOW).unwrap().after;
    assert_eq!(again.done, [StepName::License].into());
    let gone = apply(&skipped, retargeted(Want::Absent, 9), &rules(), NOW).unwrap().after;
    assert!(gone.done.is_empty() && gone.skipped.is_empty());
}

/// An outage shows itself in turn as time-outs, lost connections and refusals: that is one thing to ask a person about.
#[test]
fn a_person_is_asked_once_for_an_outage() {
    let kinds = [FailureCode::Timeout, FailureCode::ConnectionLost, FailureCode::BackendError];
    let outage: Vec<_> = (0..6).map(|i| (FailureKind::Transient, kinds[i % 3])).collect();
    assert_eq!(
        run(failing(&outage)),
        [
            "Scheduled(username #2) 0",
            "Scheduled(username #3) 0",
            "Waiting(username #3 on operator) 1",
            "Waiting(username #3 on operator) 2",
            "Waiting(username #3 on operator) 3",
            "Waiting(username #3 on operator) 4",
        ]
    );
}

/// Whoever waited long for one thing is patient with the next one again, and remembers what was asked before.
#[test]
fn a_wait_does_not_use_up_the_patience_for_something_else() {
    let seats = (FailureKind::Needs(Who::Operator), FailureCode::SeatsSpent);
    let settling = (FailureKind::NotYet, FailureCode::AccountSettling);
    let timeout = (FailureKind::Transient, FailureCode::Timeout);
    let inputs = failing(&[seats, seats, seats, settling, settling, timeout, seats]);
    assert_eq!(
        run(inputs),
        [
            "Waiting(username #1 on operator) 1",
            "Waiting(username #1 on operator) 2",
            "Waiting(username #1 on operator) 3",
            "Scheduled(username #1) 3",
            "Scheduled(username #1) 3",
            "Scheduled(username #2) 3",
            "Waiting(username #2 on operator) 4",
        ]
    );
}

/// What passes by itself, on the way to the next look, is no reason to ask a person anew for what was asked before.
#[test]
fn passing_trouble_does_not_make_a_row_forget_what_was_asked() {
    let seats = (FailureKind::Needs(Who::Operator), FailureCode::SeatsSpent);
    let not_ready = (FailureKind::Needs(Who::Reseller), FailureCode::ResellerNotReady);
    let taken = (FailureKind::Needs(Who::Operator), FailureCode::AddressTaken);
    assert_eq!(
        run(failing(&[not_ready, seats, not_ready, seats, taken])),
        [
            "Waiting(username #1 on reseller) 1",
            "Waiting(username #1 on operator) 1",
            "Waiting(username #1 on reseller) 2",
            "Waiting(username #1 on operator) 3",
            "Waiting(username #1 on operator) 1",
        ]
    );
}

/// After a start nothing counts that another configuration was good for, wherever the row stood.
#[test]
fn a_row_that_waits_is_looked_at_from_the_start_when_asked_to() {
    for row in states()
        .into_iter()
        .filter(|row| !matches!(row.state, State::Running { .. } | State::Cancelled { .. }))
    {
        let after = apply(&row, Input::Recheck, &rules(), NOW).unwrap().after;
        let first = match (row.goal.want, row.opens) {
            (Want::Present, None) => "Scheduled(username #1)",
            (Want::Present, Some(_)) => "Waiting(username #1 on calendar)",
            // Of access that is gone only what may come by itself is looked at again.
            (Want::Absent, _) if row.done.contains(&StepName::LastLook) => "Scheduled(no_paid_license #1)",
            (Want::Absent, _) => "Scheduled(role_off #1)",
        };
        assert_eq!(label(&after), first, "{row:?}");
        assert!(after.done.is_empty() || row.done.contains(&StepName::LastLook), "{row:?}");
        assert_eq!(after.rechecking, row.state == State::Completed);
    }
}

#[test]
fn what_later_steps_need_cannot_be_skipped() {
    use StepName::{Account, Credentials, Domains, License, OrgUnit, Role, Username};
    let skip = |id: &str, done: &[StepName]| {
        let mut row = Enrollment::open(id.parse().unwrap(), goal(Want::Present, 1), NOW);
        row.done = done.iter().copied().collect();
        let step = row.next_step().unwrap();
        row.state = due_now(At::first(step, NOW), NOW);
        apply(&row, Input::Ordered(Order::Skip), &rules(), NOW).map(|moved| moved.after.done.contains(&step))
    };
    let domain = "domain/E-1/nordic-se/reseller-se.example";
    assert_eq!(skip(domain, &[]), Err(Rejected::Unskippable));
    assert_eq!(skip(domain, &[Username]), Err(Rejected::Unskippable));
    assert_eq!(skip(domain, &[Username, Account]), Ok(true));
    assert_eq!(skip(domain, &[Username, Account, License]), Ok(true));
    assert_eq!(skip("reseller/nordic-se", &[]), Err(Rejected::Unskippable));
    assert_eq!(
        skip("reseller/nordic-se", &[Credentials, Domains, OrgUnit, Role]),
        Err(Rejected::Unskippable)
    );
    assert_eq!(skip("engineer/E-1", &[]), Ok(true));
}

/// A newer revision brings its own cause, case and start date, also beside a run that is under way.
#[test]
fn a_newer_revision_says_where_it_comes_from() {
    let event = EventRef { source: "hr".into(), id: "3".into() };
    let cause = Cause { event, correlation_id: Some("case".into()), trace_parent: Some("00-1-2-01".into()) };
    let wish = Wish { cause: Some(cause), starts: Some(NOW), ..Wish::from(goal(Want::Present, 3)) };
    for row in states() {
        let Ok(moved) = apply(&row, Input::Retargeted(Box::new(wish.clone())), &rules(), NOW) else {
            continue;
        };
        let is_running = matches!(row.state, State::Running { .. });
        let said = if is_running {
            *moved.after.next.unwrap()
        } else {
            Wish {
                goal: moved.after.goal,
                cause: moved.after.cause,
                starts: moved.after.starts,
                ..wish.clone()
            }
        };
        assert_eq!(said, wish);
    }
}

/// That a step may have done something before is never forgotten, whatever brought its next run.
#[test]
fn a_step_that_has_run_is_never_at_its_first_run_again() {
    let rules = rules();
    for row in states().into_iter().filter(|row| row.state.at().is_some()) {
        let before = row.state.at().unwrap();
        let running = Enrollment {
            state: State::Running { at: At { runs: 1, ..before }, lease_until: NOW },
            next: None,
            ..row
        };
        for failure in [FailureKind::Transient, FailureKind::NotYet, FailureKind::Needs(Who::Operator)] {
            for then in [
                None,
                Some(Input::Nudge),
                Some(Input::Ordered(Order::Retry)),
                Some(retargeted(Want::Present, 9)),
            ] {
                let mut row = apply(&running, fail(failure), &rules, NOW).unwrap().after;
                if let Some(input) = then {
                    row = apply(&row, input, &rules, NOW).unwrap().after;
                }
                let row = apply(&row, Input::Wake, &rules, row.wake_at().unwrap()).unwrap().after;
                assert_eq!(row.state.at().map(|at| (at.step, at.runs)), Some((before.step, 2)), "{row:?}");
            }
        }
    }
}

/// Stored rows outlive releases: each of these must parse for ever (`docs/DECISIONS.md`).
#[test]
fn stored_rows_keep_their_form() {
    for row in states() {
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Enrollment>(&text).unwrap(), row);
    }
    let golden = r#"{"id":"domain/E-1/nordic-se/reseller-se.example","version":7,"goal":{"want":"present","revision":3},"state":"waiting","at":{"step":"account","attempt":1,"looks":2,"waited_for":"seats_spent","since":"2026-11-22T10:00:00Z"},"on":"operator","reason":{"kind":{"needs":"operator"},"code":"seats_spent"},"look_again":"2026-11-22T10:05:00Z","done":["username"],"facts":{},"credential":"AAEC","cause":{"source":"https://hr.example/se","id":"1"}}"#;
    let row: Enrollment = serde_json::from_str(golden).unwrap();
    assert!(row.waits_on(Who::Operator));
    assert_eq!(serde_json::to_string(&row).unwrap(), golden);
}
