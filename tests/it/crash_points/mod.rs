//! Every place where the process can end, one after the other and in pairs; every answer of Google's that can go wrong, alone and with an
//! end of the process; a dead worker's call that comes late. Enumerated, not drawn by lot. Not here: random histories
//! (`engine_simulation`, `lifecycle`), and real processes (`crash_for_real`).

mod campaign;
mod late;
mod plan;
mod stage;
mod verdict;

use carepass::planted::{Bug, caught};
use plan::Story;

/// One test each, so that they run side by side.
macro_rules! campaigns {
    ($($name:ident: $family:ident $story:ident $part:literal;)+) => {$(
        #[test]
        fn $name() {
            campaign::$family(Story::$story, $part);
        }
    )+};
}

campaigns! {
    a_joiner_ends_well_wherever_the_process_ends_first_part: ends Joins 0;
    a_joiner_ends_well_wherever_the_process_ends_second_part: ends Joins 1;
    a_leaver_ends_well_wherever_the_process_ends_first_part: ends Leaves 0;
    a_leaver_ends_well_wherever_the_process_ends_second_part: ends Leaves 1;
    a_joiner_ends_well_whatever_google_answers_first_part: faults Joins 0;
    a_joiner_ends_well_whatever_google_answers_second_part: faults Joins 1;
    a_leaver_ends_well_whatever_google_answers_first_part: faults Leaves 0;
    a_leaver_ends_well_whatever_google_answers_second_part: faults Leaves 1;
}

/// Bugs that these runs must see.
macro_rules! bugs {
    ($($name:ident: $bug:ident $story:ident;)+) => {$(
        #[test]
        fn $name() {
            caught(Bug::$bug, || campaign::singly(Story::$story));
        }
    )+};
}

bugs! {
    planted_acknowledged_before_it_is_stored: AcksBeforeCommit Joins;
    planted_noted_as_told_before_it_is: BookmarkBeforeOutcomes Joins;
    planted_outcomes_with_other_ids: OutcomeIdByChance Joins;
    planted_a_lost_worker_is_believed: LostWorkerIsDone Joins;
    planted_an_unanswered_role_is_believed: UnansweredIsDone Joins;
    planted_an_insert_is_not_looked_for: NeverLooksForItsOwn Joins;
    planted_what_passes_is_given_up: TransientIsForever Joins;
    planted_letters_with_other_ids: LetterIdByChance Joins;
    planted_a_leavers_account_stays_open: LeavesAccountOpen Leaves;
    planted_a_leaver_keeps_the_role: KeepsTheRole Leaves;
}
