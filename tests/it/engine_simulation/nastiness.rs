//! What the histories in the nasty world met of it, told by the sandbox's log of calls. Not here: what went wrong at the seed's choice
//! (`outside`).

use carepass::sandbox::CallLine;

/// How often each kind of nastiness was met.
#[derive(Debug, Default)]
pub struct Nastiness {
    pub histories: u64,
    /// An account by its id was not found.
    pub unseen: u64,
    /// A new account was refused because somebody has the address.
    pub taken: u64,
    /// A new account was refused because the seats are spent.
    pub seats: u64,
    /// A unit was made and the answer said that it was not, or it took no accounts yet.
    pub units: u64,
    /// A paid licence could not be taken away: automatic licensing was on.
    pub automatic: u64,
    /// A paid licence was taken away.
    pub removed: u64,
    /// Licensing did not know a new account.
    pub unlicensed: u64,
    /// An account that was still being made refused a change.
    pub creating: u64,
    /// A person had to move somebody who came to a name at the same time as the engineer.
    pub moved: u64,
    /// Somebody came to a name that nobody had.
    pub came: u64,
}

impl Nastiness {
    /// Counts the calls of one history.
    pub fn count(&mut self, calls: &[CallLine]) {
        self.histories += 1;
        for call in calls.iter().filter(|call| !call.fault) {
            let is_of = |method: &str, part: &str| call.method == method && call.path.contains(part);
            let counter = match (call.status, call.reason.as_deref()) {
                (404, _) if is_of("GET", "/users/1") => &mut self.unseen,
                (409, _) if is_of("POST", "/v1/users") => &mut self.taken,
                (412, Some("limitExceeded")) if is_of("POST", "/v1/users") => &mut self.seats,
                (401 | 403, _) if is_of("POST", "/orgunits") || is_of("POST", "/v1/users") => &mut self.units,
                (412, _) if is_of("DELETE", "/licensing/") => &mut self.automatic,
                (200, _) if is_of("DELETE", "/licensing/") => &mut self.removed,
                (400 | 404, _) if is_of("POST", "/licensing/") => &mut self.unlicensed,
                (412, _) if is_of("POST", "/roleassignments") => &mut self.creating,
                _ => continue,
            };
            *counter += 1;
        }
    }

    pub fn add(&mut self, more: &Self) {
        let Self {
            histories,
            unseen,
            taken,
            seats,
            units,
            automatic,
            removed,
            unlicensed,
            creating,
            moved,
            came,
        } = more;
        self.histories += histories;
        self.unseen += unseen;
        self.taken += taken;
        self.seats += seats;
        self.units += units;
        self.automatic += automatic;
        self.removed += removed;
        self.unlicensed += unlicensed;
        self.creating += creating;
        self.moved += moved;
        self.came += came;
    }

    /// A nasty world that was met by none proves nothing. What depends on the first five minutes is rare.
    pub fn check(&self) {
        let Self {
            histories,
            // A young account is read by its address: hardly anybody asks by the id that Google does not know yet.
            unseen: _,
            taken,
            seats,
            units,
            automatic,
            removed,
            unlicensed,
            creating,
            moved: _,
            came,
        } = self;
        let some = histories / 8;
        for (what, count, least) in [
            ("addresses taken", taken, some),
            ("seats spent", seats, some),
            ("units that settle", units, *histories),
            ("licences kept by Google", automatic, 1),
            ("licences taken away", removed, some),
            ("accounts that licensing does not know", unlicensed, *histories),
            ("accounts still being made", creating, some),
            ("people who came", came, *histories),
        ] {
            assert!(*count >= least, "too few {what}: {self:?}");
        }
    }
}
