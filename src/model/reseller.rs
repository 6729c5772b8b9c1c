//! What the operator configured for one reseller account. Data only: reading it from files is `config`'s.
//! Not here either: what was learned of the account at Google, which stands in its row (`enrollment`), and its credentials.

use super::event::Profile;
use super::handover::Delivery;
use super::id::{CustomerId, DomainName, EngineerKey, LicenseSku, MailAddress, OrgUnitPath, ResellerName};
use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

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
    /// The role that is given to those who work on support cases.
    pub role: RoleChoice,
    /// The roles of the other profiles that are configured.
    pub profiles: BTreeMap<Profile, RoleChoice>,
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
    /// How first passwords come to the engineers.
    pub handover: Delivery,
    /// Whether engineers have accounts of their own here, which get the role and nothing else.
    pub home: bool,
    /// Those accounts, as the operator named them.
    pub home_accounts: BTreeMap<EngineerKey, MailAddress>,
    /// What becomes of an account of ours once access has ended.
    pub removal: Removal,
    /// Whether the role waits for 2-Step Verification.
    pub two_step: TwoStepGate,
}

/// What becomes of an account that carepass made, once access has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It stays suspended.
    Suspend,
    /// It is deleted so long after it was locked out.
    SuspendThenDelete {
        /// The days of grace.
        grace: SignedDuration,
    },
}

/// When an engineer gets the role, as to 2-Step Verification (`docs/GOOGLE.md` 22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TwoStepGate {
    /// Once Google shows that the engineer has enrolled.
    BeforeRole,
    /// At once; enrolment is watched, and the engineer reminded.
    #[default]
    WithRole,
    /// At once, and nothing is watched.
    Off,
}

impl Reseller {
    /// The profiles that engineers may have here, each with its role.
    pub fn roles(&self) -> impl Iterator<Item = (Profile, &RoleChoice)> {
        let others = self.profiles.iter().map(|(profile, choice)| (*profile, choice));
        others.chain([(Profile::SupportCases, &self.role)])
    }

    /// The role of a profile, if one is configured.
    pub fn role_of(&self, profile: Profile) -> Option<&RoleChoice> {
        self.roles().find(|(other, _)| *other == profile).map(|(_, choice)| choice)
    }
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
        /// What it may do at most, if the operator pinned it; empty: what it holds at the set-up.
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

impl RoleChoice {
    /// How [`RoleChoice::line`] begins, to find it again in the evidence of a failure.
    const LINE: &str = "role = { kind = ";

    /// What is pinned; may be empty.
    pub fn privileges(&self) -> &BTreeSet<Privilege> {
        match self {
            Self::Custom { privileges, .. }
            | Self::ResellerAdmin { privileges }
            | Self::Existing { privileges, .. } => privileges,
        }
    }

    /// The choice as it is written in the configuration under the reseller account, on one line.
    pub fn line(&self) -> String {
        let begun = match self {
            Self::Custom { name, .. } => format!("\"custom\", name = {}", toml_text(name)),
            Self::ResellerAdmin { .. } => "\"reseller-admin\"".to_owned(),
            Self::Existing { name, .. } => format!("\"existing\", name = {}", toml_text(name)),
        };
        let pins: Vec<String> = self
            .privileges()
            .iter()
            .map(|pin| {
                format!("{{ service_id = {}, name = {} }}", toml_text(&pin.service_id), toml_text(&pin.name))
            })
            .collect();
        format!("{}{begun}, privileges = [{}] }}", Self::LINE, pins.join(", "))
    }

    /// The line at the end of a failure's evidence, if there is one and it is whole.
    pub fn line_in(detail: &str) -> Option<&str> {
        let line = &detail[detail.find(Self::LINE)?..];
        line.ends_with("] }").then_some(line)
    }
}

/// A basic string of TOML. Evidence is kept as words with a blank between, and without addresses: what would not survive that is escaped.
fn toml_text(text: &str) -> String {
    let mut shown = String::from("\"");
    let mut blank = true;
    for (place, c) in text.char_indices() {
        let ends = place + c.len_utf8() == text.len();
        let lone = c == ' ' && !blank && !ends;
        if matches!(c, '"' | '\\') {
            shown.extend(['\\', c]);
        } else if c == '@' || c.is_control() || (c.is_whitespace() && !lone) {
            write!(shown, "\\U{:08X}", u32::from(c)).expect("a text takes every write");
        } else {
            shown.push(c);
        }
        blank = lone;
    }
    shown.push('"');
    shown
}

/// A privilege; the name alone is not unique (`docs/GOOGLE.md` 25).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::failure::{Failure, FailureCode};

    /// A line goes through the evidence of a failure and comes back as what was meant.
    fn check(name: &str, privilege: &str) {
        let pin = Privilege { service_id: "02w5ecyt3pkeyqi".into(), name: privilege.into() };
        let choice = RoleChoice::Custom { name: name.into(), privileges: BTreeSet::from([pin]) };
        let failure = Failure::permanent(FailureCode::RoleNotPinned)
            .with_list(&format!("to pin, if it is right: {}", choice.line()));
        let line = RoleChoice::line_in(&failure.detail).unwrap_or_else(|| panic!("{}", failure.detail));
        let read: toml::Table = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        let role = &read["role"];
        assert_eq!(role["kind"].as_str(), Some("custom"));
        assert_eq!(role["name"].as_str(), Some(name));
        assert_eq!(role["privileges"][0]["name"].as_str(), Some(privilege));
        assert_eq!(role["privileges"][0]["service_id"].as_str(), Some("02w5ecyt3pkeyqi"));
    }

    #[test]
    fn a_role_is_written_as_the_configuration_reads_it() {
        check("Customer Care", "VIEW_CUSTOMERS");
        check("Kundvård @ \"Norden\" \\ 1", "A  B ");
        check(" ", "\u{a0}\t");
    }

    #[test]
    fn a_line_that_was_cut_is_no_line() {
        let pin = |number| Privilege { service_id: format!("{number}"), name: "A_PRIVILEGE".into() };
        let choice = RoleChoice::ResellerAdmin { privileges: (0..1_000).map(pin).collect() };
        let failure = Failure::permanent(FailureCode::RoleWidened).with_list(&choice.line());
        assert_eq!(RoleChoice::line_in(&failure.detail), None);
        assert_eq!(RoleChoice::line_in("beyond what was approved: 1/A"), None);
    }
}
