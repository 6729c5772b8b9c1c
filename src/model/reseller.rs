//! What the operator configured for one reseller account. Data only: reading it from files is `config`'s.
//! Not here either: what was learned of the account at Google, which stands in its row (`enrollment`), and its credentials.

use super::id::{CustomerId, DomainName, EngineerKey, LicenseSku, MailAddress, OrgUnitPath, ResellerName};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// One reseller account: one Google customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reseller {
    /// The operator's name for it.
    pub name: ResellerName,
    /// The pinned customer id.
    pub customer: CustomerId,
    /// The super administrator to act as.
    pub admin: MailAddress,
    /// Which domains.
    pub domains: DomainChoice,
    /// The organisational unit of the support engineers' accounts.
    pub org_unit: OrgUnitPath,
    /// How the free licence comes to an account.
    pub license: LicenseMode,
    /// The role that is given.
    pub role: RoleChoice,
    /// How case mail reaches the engineer.
    pub case_alerts: CaseAlerts,
    /// Who confirmed that automatic licensing is off for the unit.
    pub auto_licensing_off: Option<Attestation>,
    /// Who confirmed that the free Cloud Identity subscription was taken.
    pub free_subscription: Option<Attestation>,
    /// Who confirmed that case mail is routed to the engineers' main addresses.
    pub case_alert_route: Option<Attestation>,
    /// Who confirmed that engineers can enrol in 2-Step Verification, whatever the policies say.
    pub two_step_policy: Option<Attestation>,
    /// How many accounts the customer may have, as the Admin console says; for the forecast only.
    pub seats: Option<u32>,
    /// Paid licences that carepass may take away from its own accounts.
    pub removable_licenses: BTreeSet<LicenseSku>,
    /// Whether engineers have accounts of their own here, which get the role and nothing else.
    pub home: bool,
    /// Those accounts, as the operator named them.
    pub home_accounts: BTreeMap<EngineerKey, MailAddress>,
}

/// Which of the reseller's domains are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainChoice {
    /// Every verified domain that is not an alias.
    Discover,
    /// These, which must be verified and no aliases.
    These(BTreeSet<DomainName>),
}

/// How the free licence comes to an account (`docs/GOOGLE.md` 1: both ways exist).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LicenseMode {
    /// Not known: look, assign, and accept what turns out to be so.
    Auto,
    /// It comes by itself with the account.
    Site,
    /// It is assigned to each account.
    PerUser,
}

/// Which role is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleChoice {
    /// A role of our own with exactly these privileges; made if it is missing and they are pinned.
    Custom {
        /// Its name.
        name: String,
        /// What it may do, pinned by the operator.
        privileges: BTreeSet<Privilege>,
    },
    /// Google's own Reseller Admin role, found at run time.
    ResellerAdmin {
        /// What it may do at most, if the operator pinned it; empty: whatever Google has put into it.
        privileges: BTreeSet<Privilege>,
    },
    /// A role that somebody made; used as long as it may do no more than these.
    Existing {
        /// Its name.
        name: String,
        /// What it may do, pinned by the operator.
        privileges: BTreeSet<Privilege>,
    },
}

/// A privilege; the name alone is not unique (`docs/GOOGLE.md` 25).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Privilege {
    /// Google's id of the service.
    pub service_id: String,
    /// Google's name of the privilege.
    pub name: String,
}

/// How case mail reaches the engineer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseAlerts {
    /// The engineer enters the main address in the portal's Case Sharing field.
    CaseSharing,
    /// An operator redirects the account's mail in the Admin console.
    Redirect,
}

/// A person's word that something without an API was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Who.
    pub by: String,
    /// When.
    pub on: Date,
}
