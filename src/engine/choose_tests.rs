//! Which due rows start, by cases. Not here: what a step costs, and starting them.

use super::*;
use crate::google::Quota;
use crate::model::enrollment::{At, Goal, State};
use crate::model::plan::StepName;
use jiff::SignedDuration;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn turn(quota: Quota) -> Turn {
    quota.turn(None)
}

/// A joiner's row at a step, due at this second.
fn row(number: i64, step: StepName, due: i64) -> Enrollment {
    let id = format!("domain/E-{number:03}/se/a.example").parse().unwrap();
    let mut row = Enrollment::open(id, Goal { want: Want::Present, revision: 1 }, at(due));
    let state = At { step, attempt: 1, runs: 0, looks: 0, waited_for: None, since: at(due) };
    row.state = State::Scheduled { at: state, due: at(due), last: None };
    row
}

fn candidate(row: &Enrollment, is_new: bool, now: &[Quota], soon: &[Quota]) -> Candidate {
    let turns = |quotas: &[Quota]| quotas.iter().copied().map(turn).collect();
    Candidate {
        urgency: Urgency { is_new, ..Urgency::of(row, at(100)) },
        progress: Progress::of(row),
        need: Need::Turns { now: turns(now), soon: turns(soon) },
    }
}

fn new(number: i64) -> Candidate {
    candidate(
        &row(number, StepName::Account, number),
        true,
        &[Quota::UserInsert, Quota::Directory],
        &[Quota::Licensing],
    )
}

fn begun(number: i64, step: StepName, quota: Quota) -> Candidate {
    candidate(&row(number, step, number), false, &[quota], &[])
}

fn waits(number: i64, step: StepName, is_at_hand: bool, gathers: u64) -> Candidate {
    let need = Need::List { is_at_hand, gathers: Duration::from_secs(gathers) };
    Candidate { need, ..begun(number, step, Quota::Directory) }
}

/// Plenty of everything but these: none now, and one after so many seconds.
fn all_but(scarce: &[(Quota, u64)]) -> BTreeMap<Turn, Supply> {
    let mut supply: BTreeMap<Turn, Supply> = [Quota::Directory, Quota::UserInsert, Quota::Licensing]
        .map(|quota| (turn(quota), Supply { now: 30, wait: Duration::ZERO, per_second: 1.0 }))
        .into();
    for (quota, wait) in scarce {
        let none = Supply { now: 0, wait: Duration::from_secs(*wait), per_second: 1.0 };
        supply.insert(turn(*quota), none);
    }
    supply
}

fn chosen(due: &[Candidate], at_work: &[Busy], supply: BTreeMap<Turn, Supply>, workers: usize) -> Choice {
    choose(Scene { due, at_work, supply, kept: BTreeSet::new(), workers })
}

#[test]
fn who_lacks_a_turn_holds_up_nobody_who_needs_another() {
    let licenses = (0..200).map(|number| begun(number, StepName::License, Quota::Licensing));
    let due: Vec<Candidate> = licenses.chain([begun(900, StepName::Role, Quota::Directory)]).collect();
    let choice = chosen(&due, &[], all_but(&[(Quota::Licensing, 3)]), 16);
    assert_eq!(choice.start, [200]);
    assert_eq!(choice.lacking, [turn(Quota::Licensing)].into());
    assert_eq!((choice.leaves_some, choice.look_again), (true, Some(Duration::from_secs(3))));
}

#[test]
fn turns_go_in_order_and_no_further_than_they_last() {
    let due: Vec<Candidate> =
        [7, 3, 5].map(|number| begun(number, StepName::License, Quota::Licensing)).into();
    let mut supply = all_but(&[]);
    supply.insert(turn(Quota::Licensing), Supply { now: 2, wait: Duration::ZERO, per_second: 1.0 });
    assert_eq!(chosen(&due, &[], supply.clone(), 16).start, [1, 2]);
    assert_eq!(chosen(&due, &[], supply, 1).start, [1]);
}

/// Whoever is first for a rare turn is not passed by for the common one that it takes as well.
#[test]
fn what_the_first_lacks_nobody_behind_it_takes() {
    let due = [new(1), new(2), begun(3, StepName::Role, Quota::Directory)];
    let choice = chosen(&due, &[], all_but(&[(Quota::UserInsert, 1)]), 16);
    assert_eq!(choice.start, [2], "the role needs no insert");
    let choice = chosen(&due, &[], all_but(&[(Quota::Directory, 1)]), 16);
    assert_eq!(choice.start, Vec::<usize>::new());
    assert_eq!(choice.lacking, [turn(Quota::Directory)].into());
    let kept = [turn(Quota::Directory)].into();
    let choice = choose(Scene { due: &due, at_work: &[], supply: all_but(&[]), kept, workers: 16 });
    assert_eq!(choice.start, Vec::<usize>::new(), "leavers wait for it");
}

#[test]
fn no_row_begins_that_could_not_end_in_time() {
    let due: Vec<Candidate> = (0..20).map(new).collect();
    let choice = chosen(&due, &[], all_but(&[]), 16);
    assert_eq!(choice.start, [0, 1, 2, 3, 4, 5], "two, and those whose turns come in four seconds");
    let licenses = (100..106).map(|number| begun(number, StepName::License, Quota::Licensing));
    let due: Vec<Candidate> = (0..3).map(new).chain(licenses).collect();
    let choice = chosen(&due, &[], all_but(&[(Quota::Licensing, 1)]), 16);
    assert_eq!(choice.start, Vec::<usize>::new(), "as many wait already");
    let busy = Busy { progress: new(0).progress, soon: vec![turn(Quota::Licensing)], wake: None };
    let choice = chosen(&due[..3], &vec![busy; 5], all_but(&[]), 16);
    assert_eq!(choice.start, [0], "five are on their way");
    // A turn that is out of sight is no reason to wait.
    let choice = chosen(&due, &[], all_but(&[(Quota::Licensing, 600)]), 16);
    assert_eq!(choice.start, [0, 1, 2]);
}

#[test]
fn one_row_reads_a_list_for_all() {
    let step = StepName::NoPaidLicense;
    let alone = [waits(1, step, false, 30), waits(2, step, false, 30)];
    assert_eq!(chosen(&alone, &[], all_but(&[]), 16).start, [0], "one reads, the other one waits");
    let behind = [waits(1, step, false, 30), begun(2, StepName::License, Quota::Licensing)];
    let choice = chosen(&behind, &[], all_but(&[(Quota::Licensing, 40)]), 16);
    assert_eq!((choice.start, choice.look_again), (vec![], Some(Duration::from_secs(30))));
    let patient = [waits(1, step, false, 0), begun(2, StepName::License, Quota::Licensing)];
    assert_eq!(chosen(&patient, &[], all_but(&[(Quota::Licensing, 40)]), 16).start, [0]);
    let at_hand = [waits(1, step, true, 30), waits(2, step, true, 30), behind[1].clone()];
    assert_eq!(chosen(&at_hand, &[], all_but(&[(Quota::Licensing, 40)]), 16).start, [0, 1]);
    let busy = |step| Busy { progress: Progress::of(&row(9, step, 1)), soon: Vec::new(), wake: None };
    assert_eq!(
        chosen(&alone, &[busy(step)], all_but(&[]), 16).start,
        Vec::<usize>::new(),
        "it is being read"
    );
    assert_eq!(chosen(&alone, &[busy(StepName::Account)], all_but(&[]), 16).start, Vec::<usize>::new());
    assert_eq!(chosen(&alone, &[busy(StepName::Role)], all_but(&[]), 16).start, [0], "it is past the list");
}

#[test]
fn the_most_urgent_go_first() {
    let of = |id: &str, want, due: i64, starts: Option<i64>, has_begun: bool| {
        let mut row = Enrollment::open(id.parse().unwrap(), Goal { want, revision: 1 }, at(due));
        row.starts = starts.map(at);
        Urgency { is_new: !has_begun, ..Urgency::of(&row, at(0)) }
    };
    let day = SECONDS_A_DAY;
    let domain = "domain/E-1/se/a.example";
    let order = [
        of("reseller/se", Want::Present, 9 * day, None, true),
        of(domain, Want::Absent, 9 * day, None, false),
        of(domain, Want::Present, 9 * day, None, true),
        of(domain, Want::Present, day - 1, Some(99 * day), false),
        of(domain, Want::Present, day + 9, Some(-5), false),
        of(domain, Want::Present, day + 7, None, false),
        of(domain, Want::Present, day + 8, Some(2 * day), false),
        of(domain, Want::Present, day + 1, Some(3 * day), false),
        // However early it starts: nobody who became due on an earlier day is passed by.
        of(domain, Want::Present, 2 * day, Some(-9), false),
    ];
    assert!(order.is_sorted(), "{order:#?}");
}
