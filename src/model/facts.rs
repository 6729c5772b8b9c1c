//! What the steps of a row learned and later steps need. Data only; stored with the row.
//! Not here: the row (`enrollment`), and who learns what (`steps`).

use super::drift::Drift;
use super::event::Profile;
use super::id::{AccountId, CustomerId, DomainName, OrgUnitPath, RoleId};
use super::reseller::Privilege;
use super::seats::SeatCount;
use super::word::{Subject, Word};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the steps of a row learned and later steps need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Reseller: its verified, non-alias domains. Engineer: those that the letter named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<BTreeSet<DomainName>>,
    /// Reseller: the id of the organisational unit, with Google's prefix (`id:03ph…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit: Option<String>,
    /// Reseller: when the organisational unit was made, if it is known to be new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit_made_at: Option<Timestamp>,
    /// Reseller: where the organisational unit is now; it may have been renamed or moved since it was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit_path: Option<OrgUnitPath>,
    /// Reseller: the configured path at which the unit was found or made. Another one in the configuration is another unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit_wanted: Option<OrgUnitPath>,
    /// Reseller: the role that is given for each profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Profile, RoleFact>,
    /// Reseller: the customer the credentials lead to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Reseller: when its credentials were last seen to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Timestamp>,
    /// Reseller: its seats, as they were counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Box<SeatCount>>,
    /// Reseller: what the policies say about a new account's signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_step: Option<TwoStep>,
    /// Reseller: whether its policy is known to spare the unmanaged accounts that hold an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts_are_safe: Option<bool>,
    /// What somebody has confirmed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<Subject, Word>,
    /// Reseller: when automatic licensing last showed itself to be on. Takes back what was said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_licensing_on_at: Option<Timestamp>,
    /// Domain: the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountFact>,
    /// Domain: when access was seen to be gone. Engineer: when it was gone everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_out_at: Option<Timestamp>,
    /// Domain: when access last ended while something was under way for it at Google.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short_at: Option<Timestamp>,
    /// Reseller: how the free licence turned out to come to an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensing: Option<LicenseLesson>,
    /// Engineer: the last letter was the one before the role, and the welcome is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_early: Option<bool>,
    /// Reseller: what others were last seen to have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Box<Drift>>,
}

/// The role of a profile, as the set-up resolved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFact {
    /// Its id.
    pub id: RoleId,
    /// What it could do when it was last approved; none of one that lists more than is remembered, which has pins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<BTreeSet<Privilege>>,
}

/// How the free licence turned out to come to the accounts of a reseller (`docs/GOOGLE.md` 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum LicenseLesson {
    /// By itself: assigning it was refused for ever.
    Site {
        /// When that was found out.
        since: Timestamp,
    },
    /// One by one: assigning it worked.
    Assigned {
        /// When one worked.
        since: Timestamp,
    },
}

/// What the reseller account's policies say about the first sign-in of a new account.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "SignInPolicy")]
#[serde(rename_all = "snake_case")]
pub enum TwoStep {
    /// It works.
    Open,
    /// It cannot work: 2-Step Verification is enforced and there is no time or no right to enrol.
    Enforced,
    /// The policies could not be read, or not be understood.
    Unknown,
}

/// The account of an engineer in a domain, as far as the row knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFact {
    /// Google's immutable id.
    pub id: AccountId,
    /// When the account was first known to exist as ours.
    pub since: Timestamp,
    /// When it was last read by id and found to be ours (the answer of our own insert counts as a read).
    pub read_at: Timestamp,
    /// It has a password of its own and not the one that is sealed into the row: it was made before this engineer came, or somebody has
    /// signed in to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
    /// It is the engineer's own account, which gets the role and nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub home: bool,
    /// Since when it is carepass that keeps it suspended: it was found open when access ended. None where somebody else suspended it
    /// before, and for an account that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_by_us: Option<Timestamp>,
    /// The roles that carepass has given it: they stay carepass's to take away, also where the configuration no longer names them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub given: BTreeSet<RoleId>,
}

impl Facts {
    /// Takes over whatever the newer facts know.
    pub fn learn(&mut self, newer: Self) {
        let Self {
            domains,
            org_unit,
            org_unit_made_at,
            org_unit_path,
            org_unit_wanted,
            roles,
            customer,
            checked_at,
            two_step,
            conflicts_are_safe,
            words,
            auto_licensing_on_at,
            account,
            locked_out_at,
            cut_short_at,
            seats,
            licensing,
            told_early,
            drift,
        } = newer;
        // Another customer is another account: nothing that was known of the one before holds for it.
        if customer.is_some() && self.customer.is_some() && customer != self.customer {
            *self = Self::default();
        }
        self.domains = domains.or(self.domains.take());
        self.org_unit = org_unit.or(self.org_unit.take());
        self.org_unit_made_at = org_unit_made_at.or(self.org_unit_made_at);
        self.org_unit_path = org_unit_path.or(self.org_unit_path.take());
        self.org_unit_wanted = org_unit_wanted.or(self.org_unit_wanted.take());
        self.two_step = two_step.or(self.two_step);
        self.conflicts_are_safe = conflicts_are_safe.or(self.conflicts_are_safe);
        self.words.extend(words);
        self.auto_licensing_on_at = self.auto_licensing_on_at.max(auto_licensing_on_at);
        // The set-up resolves all of them at once: one that is not configured any more is none.
        if !roles.is_empty() {
            self.roles = roles;
        }
        self.customer = customer.or(self.customer.take());
        self.checked_at = checked_at.or(self.checked_at);
        self.seats = seats.or(self.seats.take());
        self.account = account.or(self.account.take());
        self.locked_out_at = locked_out_at.or(self.locked_out_at);
        self.cut_short_at = cut_short_at.or(self.cut_short_at);
        self.licensing = licensing.or(self.licensing);
        self.told_early = told_early.or(self.told_early);
        self.drift = drift.or(self.drift.take());
    }
}
