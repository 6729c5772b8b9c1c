//! Whether an engineer has enrolled in 2-Step Verification, as far as it is known, and when somebody is reminded who has not. Pure.
//! Not here: asking Google (`engine/reminders`, `steps/two_step`), and what the policies of a reseller account say (`facts`).

use super::enrollment::{Enrollment, TargetKind, Want};
use super::id::AccountId;
use super::reseller::TwoStepGate;
use super::rules::later;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of an account's 2-Step Verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "TwoStepStanding")]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Google shows that it is on.
    Enrolled,
    /// Google shows that it is off.
    Pending,
    /// Google has not said yet.
    Unknown,
}

/// The reminders that went out to an engineer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminded {
    /// Under which revision of HR's; a newer one counts anew.
    pub revision: u64,
    /// How many.
    pub count: u32,
    /// When the last one did.
    pub last: Timestamp,
}

/// What is known of a row's account; none where nobody watches it. What Google leaves out is unknown.
pub fn standing(
    row: &Enrollment,
    gate: TwoStepGate,
    listed: Option<&BTreeMap<AccountId, bool>>,
) -> Option<Standing> {
    let is_watched =
        row.id.kind() == TargetKind::Domain && row.goal.want == Want::Present && gate != TwoStepGate::Off;
    let account = row.facts.account.as_ref().filter(|_| is_watched)?;
    Some(match listed.and_then(|listed| listed.get(&account.id)) {
        Some(true) => Standing::Enrolled,
        Some(false) => Standing::Pending,
        None => Standing::Unknown,
    })
}

/// How long after the one before a reminder goes out: 1, 3 and 7 days after the account came, then weekly.
fn pause(sent: u32) -> SignedDuration {
    let days = match sent {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 7,
    };
    SignedDuration::from_hours(24 * days)
}

/// The reminder that is due, counted from 1, for accounts of which the oldest came at `since`. What was missed while nobody looked is
/// not made up for.
pub fn due(since: Timestamp, before: Option<Reminded>, revision: u64, now: Timestamp) -> Option<Reminded> {
    let last = before.map(|before| before.last);
    let count = before.filter(|before| before.revision == revision).map_or(0, |before| before.count);
    let from = last.map_or(since, |last| last.max(since));
    (now >= later(from, pause(count))).then(|| Reminded { revision, count: count + 1, last: now })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * number)
    }

    #[test]
    fn reminders_come_after_one_three_and_seven_days_and_then_weekly() {
        let (mut before, mut sent) = (None, Vec::new());
        for number in 0..30 {
            if let Some(next) = due(day(0), before, 4, day(number)) {
                before = Some(next);
                sent.push(number);
            }
        }
        assert_eq!(sent, [1, 3, 7, 14, 21, 28]);
        assert_eq!(before.map(|before| before.count), Some(6));
    }

    #[test]
    fn what_was_missed_is_not_made_up_for_and_a_new_revision_counts_anew() {
        let first = due(day(0), None, 4, day(10)).expect("due since days");
        assert_eq!((first.count, first.last), (1, day(10)));
        assert_eq!(due(day(0), Some(first), 4, day(11)), None);
        assert_eq!(due(day(0), Some(first), 5, day(10)), None);
        assert_eq!(due(day(0), Some(first), 5, day(11)).map(|next| next.count), Some(1));
    }
}
