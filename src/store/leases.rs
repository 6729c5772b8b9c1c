//! The leases of duties as one table that is asked one call at a time: what a store that several replicas share has to do, spelled out once.
//! Times are the store's own, counted from whenever it likes. Pure. Not here: where the table is kept, and who ought to hold what.

use crate::model::duty::{Duty, Lease, LeaseBook, LeaseCall, ReplicaId};
use crate::planted::planted;
use std::collections::BTreeMap;
use std::time::Duration;

/// All leases that there ever were, and the living.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    held: BTreeMap<Duty, Held>,
    living: BTreeMap<ReplicaId, Duration>,
}

/// A duty's last lease. It is kept when it is over, so that its number never comes again.
#[derive(Clone, Debug)]
struct Held {
    epoch: u64,
    /// None once it was given up.
    holder: Option<ReplicaId>,
    until: Duration,
}

impl Leases {
    /// The number of the last lease of a duty.
    pub fn epoch(&self, duty: &Duty) -> Option<u64> {
        self.held.get(duty).map(|held| held.epoch)
    }

    /// Does what the call says, at a time; and how things stand then.
    pub fn serve(&mut self, call: &LeaseCall, now: Duration) -> LeaseBook {
        self.living.retain(|_, until| *until > now);
        for (duty, held) in &mut self.held {
            let gives_up = call.leaves || call.gives_up.contains(duty);
            if gives_up && held.holder.as_ref() == Some(&call.replica) {
                held.holder = None;
            }
        }
        let until = now.saturating_add(call.term);
        if call.leaves {
            self.living.remove(&call.replica);
        } else {
            self.living.insert(call.replica.clone(), until);
            for duty in &call.wants {
                self.want(duty, &call.replica, now, until);
            }
        }
        self.book(now)
    }

    fn want(&mut self, duty: &Duty, replica: &ReplicaId, now: Duration, until: Duration) {
        let first = || Held { epoch: 0, holder: None, until: now };
        let held = self.held.entry(duty.clone()).or_insert_with(first);
        match &held.holder {
            Some(holder) if held.until > now && holder == replica => held.until = until,
            Some(_) if held.until > now => (),
            Some(_) | None => {
                let epoch = if planted!(EpochStays) { held.epoch.max(1) } else { held.epoch + 1 };
                *held = Held { epoch, holder: Some(replica.clone()), until };
            }
        }
    }

    fn book(&self, now: Duration) -> LeaseBook {
        let lease = |(duty, held): (&Duty, &Held)| {
            let left = held.until.checked_sub(now).filter(|left| !left.is_zero())?;
            Some((duty.clone(), Lease { holder: held.holder.clone()?, epoch: held.epoch, left }))
        };
        LeaseBook {
            leases: self.held.iter().filter_map(lease).collect(),
            living: self.living.iter().map(|(id, until)| (id.clone(), until.saturating_sub(now))).collect(),
        }
    }
}
