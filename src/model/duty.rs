//! What one replica does for all of them: duties, who holds which, and the mark by which a commit proves that its replica held one.
//! Data only. Not here: who keeps the leases (`store`), who ought to hold what (`model/spread`), and what a duty consists of
//! (`engine/duties`).

use super::enrollment::Lane;
use super::id::{InvalidName, ResellerName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Something that one replica does at a time. Its text form is `account/R`, `house`, `reconcile`, `outcomes`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Duty {
    /// A reseller account with both its lanes: its limits, caches and order are one process's, and so exact.
    Account(ResellerName),
    /// The lane of what needs no reseller account.
    House,
    /// Looking at engineers: rows that are missing, what was said for later, digests, what is parked.
    Reconcile,
    /// Telling the world what the ledger tells.
    Outcomes,
}

/// One run of a process on the shared store: its name and a word of chance, so that a successor of the same name is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplicaId(String);

/// Which lease a commit was decided under. It grows with each holder of the duty: whoever held it before cannot commit any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence {
    /// The duty.
    pub duty: Duty,
    /// The number of the lease, from 1.
    pub epoch: u64,
}

/// What a replica says to the store about its duties, all in one call, which also says that it lives. The store first frees, then
/// renews and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseCall {
    /// Who.
    pub replica: ReplicaId,
    /// How long from now, by the store's clock, leases and the sign of life hold.
    pub term: Duration,
    /// Those that it holds are free from now on.
    pub gives_up: BTreeSet<Duty>,
    /// Those that it holds are renewed under the same epoch; those that are free, or whose lease has expired whoever held it, are given
    /// to it under the next epoch; those of others stay theirs.
    pub wants: BTreeSet<Duty>,
    /// It goes: everything that it holds is freed, and it is not counted among the living any more. It wants nothing then.
    pub leaves: bool,
}

/// The answer: how things stand after the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseBook {
    /// Leases that have not expired.
    pub leases: BTreeMap<Duty, Lease>,
    /// The living, with what is left of their sign of life.
    pub living: BTreeMap<ReplicaId, Duration>,
}

/// Who holds a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub holder: ReplicaId,
    /// The number of the lease, from 1.
    pub epoch: u64,
    /// What is left of it.
    pub left: Duration,
}

impl Duty {
    /// The duty that a lane belongs to.
    pub fn of_lane(lane: &Lane) -> Self {
        match lane {
            Lane::Reseller(name) | Lane::Leaving(name) => Self::Account(name.clone()),
            Lane::House => Self::House,
        }
    }

    /// The lanes that it consists of.
    pub fn lanes(&self) -> Vec<Lane> {
        match self {
            Self::Account(name) => vec![Lane::Reseller(name.clone()), Lane::Leaving(name.clone())],
            Self::House => vec![Lane::House],
            Self::Reconcile | Self::Outcomes => Vec::new(),
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "account/{name}"),
            Self::House => f.write_str("house"),
            Self::Reconcile => f.write_str("reconcile"),
            Self::Outcomes => f.write_str("outcomes"),
        }
    }
}

impl FromStr for Duty {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once('/') {
            Some(("account", name)) => Ok(Self::Account(name.parse()?)),
            None if text == "house" => Ok(Self::House),
            None if text == "reconcile" => Ok(Self::Reconcile),
            None if text == "outcomes" => Ok(Self::Outcomes),
            Some(_) | None => Err(InvalidName { expected: "account/R, house, reconcile or outcomes" }),
        }
    }
}

impl TryFrom<String> for Duty {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Duty> for String {
    fn from(duty: Duty) -> String {
        duty.to_string()
    }
}

impl ReplicaId {
    /// Letters of a name at most.
    const NAME_MAX: usize = 100;

    /// This run of the replica of a name: letters, digits, `.`, `-` and `_`, 100 at most.
    pub fn new(name: &str, chance: u32) -> Result<Self, InvalidName> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if name.is_empty() || name.len() > Self::NAME_MAX || !name.chars().all(fits) {
            return Err(InvalidName {
                expected: "letters, digits, dots, hyphens and underscores, at most 100",
            });
        }
        Ok(Self(format!("{name}/{chance:08x}")))
    }

    /// The name and the run.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name alone, as people say it.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(name, _)| name)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReplicaId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let parts = text.rsplit_once('/').filter(|(_, chance)| chance.len() == 8);
        let parts = parts.and_then(|(name, chance)| Some((name, u32::from_str_radix(chance, 16).ok()?)));
        parts.map_or(
            Err(InvalidName { expected: "a replica's name, a slash, and eight hexadecimal digits" }),
            |(name, chance)| Self::new(name, chance),
        )
    }
}

impl TryFrom<String> for ReplicaId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ReplicaId> for String {
    fn from(id: ReplicaId) -> String {
        id.0
    }
}

impl LeaseCall {
    /// A call that only says that the replica lives.
    pub fn alive(replica: ReplicaId, term: Duration) -> Self {
        Self { replica, term, gives_up: BTreeSet::new(), wants: BTreeSet::new(), leaves: false }
    }
}

impl LeaseBook {
    /// The epoch under which nobody shares the store: one process holds everything, always.
    pub const SOLE_EPOCH: u64 = 1;

    /// The answer of a store that one process has for itself: whatever it wants it holds, and for ever.
    pub fn sole(call: &LeaseCall) -> Self {
        let lease = || Lease { holder: call.replica.clone(), epoch: Self::SOLE_EPOCH, left: Duration::MAX };
        Self {
            leases: call.wants.iter().map(|duty| (duty.clone(), lease())).collect(),
            living: BTreeMap::from([(call.replica.clone(), Duration::MAX)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_is_read_as_it_is_written() {
        for text in ["account/nordic-se", "house", "reconcile", "outcomes"] {
            assert_eq!(text.parse::<Duty>().map(|duty| duty.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "account", "account/", "account/Å", "house/x", "lane/x", "House"] {
            assert!(text.parse::<Duty>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_replica_has_a_name_and_a_run() {
        let id = ReplicaId::new("web-1.example", 0xab).unwrap();
        assert_eq!((id.as_str(), id.name()), ("web-1.example/000000ab", "web-1.example"));
        assert_eq!(id.as_str().parse(), Ok(id));
        for text in ["", "a b", "a/b", "å", &"a".repeat(101)] {
            assert!(ReplicaId::new(text, 1).is_err(), "{text}");
        }
        for text in ["web", "web/1", "web/0000000g", "/00000000"] {
            assert!(text.parse::<ReplicaId>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_lane_is_of_the_duty_that_has_it() {
        for duty in ["account/a", "house", "reconcile", "outcomes"].map(|text| text.parse::<Duty>().unwrap())
        {
            assert!(duty.lanes().iter().all(|lane| Duty::of_lane(lane) == duty));
        }
    }
}
