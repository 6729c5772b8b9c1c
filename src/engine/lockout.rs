//! How long it took to lock a leaver out: measured from HR's word coming into force to the moment at which the last domain was seen to be
//! without access, once for each end of an engineer's access. Not here: locking out (`steps/leaving`), and who is told (`outcomes`).

use super::{Engine, observe};
use crate::model::enrollment::{Enrollment, EnrollmentId};
use std::time::Duration;

impl Engine {
    /// A domain where access has gone may be the last one; the farewell brings the time at which it was gone everywhere.
    pub(super) fn note_lock_out(&self, before: &Enrollment, after: &Enrollment) {
        if let (EnrollmentId::Domain(engineer, ..), false, true) =
            (&after.id, before.has_lost_access(), after.has_lost_access())
        {
            self.signal(engineer);
        }
        if let (EnrollmentId::Engineer(_), Some(took)) = (&after.id, took(before, after)) {
            observe::locked_out(took);
        }
    }
}

/// The time that it took, when it has just become known.
fn took(before: &Enrollment, after: &Enrollment) -> Option<Duration> {
    let (leaving, gone_at) = (after.leaving?, after.facts.locked_out_at?);
    if before.facts.locked_out_at.is_some() {
        return None;
    }
    // A clock that was set back makes it no shorter than nothing.
    Some(Duration::try_from(gone_at.duration_since(leaving.said_at)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{Goal, Want, Wish};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn it_is_measured_once_and_from_hrs_word() {
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let goal = Goal { want: Want::Absent, revision: 2 };
        let wish = Wish { said_at: Some(at(100)), ..goal.into() };
        let open = Enrollment::open("engineer/E-1".parse().unwrap(), wish, at(130));
        let mut gone = open.clone();
        gone.facts.locked_out_at = Some(at(112));
        assert_eq!(took(&open, &gone), Some(Duration::from_secs(12)));
        assert_eq!(took(&gone, &gone), None, "once");
        assert_eq!(took(&open, &open), None, "nothing was ever open");
        gone.facts.locked_out_at = Some(at(90));
        assert_eq!(took(&open, &gone), Some(Duration::ZERO));
    }
}
