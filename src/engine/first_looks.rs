//! The first look at each reseller account since the start. While one is under way its address book cannot be asked, and a name that turns
//! out to be taken there costs a person's decision: so no name is chosen for some seconds. An account that takes longer holds nobody up;
//! there Google's own 409 is the last word. Not here: what is looked at (`steps`), and the account's own rows, which rest all the while
//! (`drive`).

use crate::model::enrollment::Enrollment;
use crate::model::id::ResellerName;
use crate::model::plan::StepName;
use crate::planted::planted;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a look that is under way puts names off: a healthy account is looked at in less than a second.
const NAMES_WAIT: Duration = Duration::from_secs(3);

/// When the looks that have not ended began.
#[derive(Debug, Default)]
pub(super) struct FirstLooks(BTreeMap<ResellerName, Instant>);

impl FirstLooks {
    /// A look has begun.
    pub(super) fn begin(&mut self, name: ResellerName, now: Instant) {
        self.0.insert(name, now);
    }

    /// A look has ended, or is somebody else's; whether it was known here.
    pub(super) fn end(&mut self, name: &ResellerName) -> bool {
        self.0.remove(name).is_some()
    }

    /// How long no name is chosen from now on, unless the looks end before.
    pub(super) fn names_wait(&self, now: Instant) -> Option<Duration> {
        if planted!(NamesAtOnce) {
            return None;
        }
        let left = self.0.values().map(|begun| (*begun + NAMES_WAIT).saturating_duration_since(now));
        left.max().filter(|left| !left.is_zero())
    }
}

/// Whether a name is chosen, or found, when this row is moved.
pub(super) fn is_about_a_name(row: &Enrollment) -> bool {
    row.next_step() == Some(StepName::Username)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ResellerName {
        text.parse().expect("a name")
    }

    /// The account that takes longest decides, and none longer than its time.
    #[tokio::test(start_paused = true)]
    async fn names_wait_for_every_look_but_not_for_ever() {
        let (begun, mut looks) = (Instant::now(), FirstLooks::default());
        assert_eq!(looks.names_wait(begun), None);
        looks.begin(name("se"), begun);
        looks.begin(name("dk"), begun + Duration::from_secs(1));
        assert_eq!(looks.names_wait(begun + Duration::from_secs(1)), Some(NAMES_WAIT));
        assert!(looks.end(&name("se")) && !looks.end(&name("no")));
        assert_eq!(looks.names_wait(begun + NAMES_WAIT), Some(Duration::from_secs(1)));
        assert_eq!(looks.names_wait(begun + NAMES_WAIT + Duration::from_secs(1)), None);
        assert!(looks.end(&name("dk")));
        assert_eq!(looks.names_wait(begun), None);
    }
}
