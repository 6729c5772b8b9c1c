//! What an event would make of what is so, decided as intake decides it, with nothing sealed and nothing written. Pure.
//! Not here: whether the sender may say it (signature, source) and whether the limit on grants has room, which only the daemon knows.

use crate::model::admission::{Admission, House, decide};
use crate::model::engineer::{Engineer, Forgetting, Hold, Release};
use crate::model::enrollment::Want;
use crate::model::event::{Ending, Event, Full, Lifecycle, ReasonCode};
use crate::model::sealed::Sealed;
use crate::model::snapshot::Snapshot;
use crate::model::statement::{self, Changed, Statement, ending_heard};
use jiff::{SignedDuration, Timestamp};

/// What an event would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The engineer would be so.
    Applied(Box<Engineer>),
    /// It changes nothing: it is known, says the same again, or came too late.
    Unchanged,
    /// It is kept. It ends the access of somebody who was never heard of, so there is nothing to end.
    Kept,
    /// It would be parked.
    Refused {
        /// Where: a JSON pointer.
        pointer: &'static str,
        /// Why.
        reason: ReasonCode,
    },
}

/// What decides.
#[derive(Clone, Copy)]
pub struct Hearing<'a> {
    /// The reseller accounts and profiles.
    pub house: House<'a>,
    /// Whether somebody has to have approved a grant.
    pub approval_required: bool,
    /// How long before a start the work begins.
    pub lead_time: SignedDuration,
}

/// Judges it. The event's content must be keyed as the stored one is.
pub fn heard(event: &Event, snapshot: &Snapshot, hearing: Hearing<'_>, now: Timestamp) -> Judged {
    let stored = snapshot.engineers.get(event.engineer());
    match decide(event, snapshot.received.as_ref(), stored, hearing.house) {
        Admission::Known | Admission::Note(_) => Judged::Unchanged,
        Admission::Refuse { pointer, reason } => Judged::Refused { pointer, reason },
        Admission::Apply { hold, .. } => {
            let engineer = match &event.lifecycle {
                Lifecycle::Joined(full) | Lifecycle::Moved(full) => {
                    Some(of_full(event, full, stored, hold, hearing, now))
                }
                Lifecycle::Left(ending) => {
                    let from = ending.employment.leaves_at().unwrap_or(now).max(now);
                    stored.map(|stored| of_ending(event, ending, stored, from, hearing, now))
                }
                Lifecycle::Cancelled(ending) => {
                    stored.map(|stored| of_ending(event, ending, stored, now, hearing, now))
                }
                Lifecycle::Erased(_) => stored.map(|stored| Engineer {
                    stated: stored.stated.clone().ended(event, now, stored.stated.never_started),
                    upcoming: Vec::new(),
                    forgetting: Some(Forgetting::Asked(now)),
                    ..stored.clone()
                }),
            };
            engineer.map_or(Judged::Kept, |engineer| Judged::Applied(Box::new(engineer)))
        }
    }
}

fn of_full(
    event: &Event,
    full: &Full,
    stored: Option<&Engineer>,
    hold: Option<Hold>,
    hearing: Hearing<'_>,
    now: Timestamp,
) -> Engineer {
    let person = Sealed::from_bytes(Vec::new());
    let said = Statement::of_full(event, full, person, now);
    let (stated, upcoming) = statement::heard(stored, said, now, hearing.lead_time);
    let had = stored.filter(|before| before.stated.goal.want == Want::Present && before.is_released());
    let lacks_approval = hearing.approval_required && stated.approval.is_none() && had.is_none();
    let why = hold.or_else(|| lacks_approval.then_some(Hold::ApprovalMissing));
    let kept = stored.map(|before| before.release);
    let release = match (why, kept) {
        (Some(why), _) => Release::Held { since: now, why },
        (None, Some(kept @ Release::Held { why: Hold::GrantLimit, .. })) => kept,
        (None, _) => Release::Granted(now),
    };
    // Whether name or contact differ only the sealed record tells: it is taken that they may.
    let changed = stored.map_or_else(Changed::default, |before| {
        let replaced = before.stated != stated;
        before.changed.noting(&before.stated, &stated, replaced, replaced)
    });
    match stored {
        Some(before) => Engineer { stated, upcoming, changed, release, ..before.clone() },
        None => Engineer {
            key: full.key.clone(),
            version: 1,
            stated,
            upcoming,
            changed,
            username: None,
            aliases: Vec::new(),
            release,
            asked: None,
            widened: None,
            past: Vec::new(),
            forgetting: None,
            handover: None,
            at_risk: None,
            reminded: None,
        },
    }
}

fn of_ending(
    event: &Event,
    ending: &Ending,
    stored: &Engineer,
    from: Timestamp,
    hearing: Hearing<'_>,
    now: Timestamp,
) -> Engineer {
    let (stated, upcoming) = ending_heard(stored, event, ending, from, now, hearing.lead_time);
    Engineer { stated, upcoming, ..stored.clone() }
}
