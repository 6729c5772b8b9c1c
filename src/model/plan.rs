//! Which steps bring a target to its goal, in order. Not here: what a step does (`steps/`).
//! Names are stored in rows and in the ledger: never rename one, only retire it.

use super::enrollment::{TargetKind, Want};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a step; the same name may stand in several plans. A new one goes last: an index knows them by their number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The reseller's credentials work and lead to the pinned customer.
    Credentials,
    /// The reseller's verified domains are known.
    Domains,
    /// The organisational unit exists.
    OrgUnit,
    /// At a reseller: the role exists and is harmless. At a domain: the account holds it.
    Role,
    /// A person has confirmed that automatic licensing is off.
    AutoLicensing,
    /// A person has confirmed that the free subscription was taken.
    FreeSubscription,
    /// New accounts can sign in, whatever 2-Step Verification asks for.
    TwoStepPolicy,
    /// A person has confirmed the route of case mail, where it is redirected.
    CaseAlertRoute,
    /// The seats are counted, for a forecast.
    Seats,
    /// One local part is reserved for the engineer in all domains.
    Username,
    /// The account exists and is ours.
    Account,
    /// The account opens with the first password that is sealed into the row, unless somebody has signed in to it.
    Password,
    /// The account shows the name and the recovery address that HR says.
    Name,
    /// The account has the free licence.
    License,
    /// The account has no paid licence.
    NoPaidLicense,
    /// The engineer has enrolled in 2-Step Verification, where the role waits for that.
    TwoStep,
    /// Case mail reaches the engineer.
    CaseAlerts,
    /// Everything was seen in Google's own lists.
    Verify,
    /// The first passwords are ready to be handed over.
    HandOver,
    /// The engineer was told.
    Welcome,
    /// Every domain is open.
    Together,
    /// The account no longer holds the role.
    RoleOff,
    /// No session or token of the account is left.
    SignOut,
    /// The account is suspended.
    Suspend,
    /// That access is gone was seen in Google's own lists.
    LockedOut,
    /// Nothing that was under way has come about since.
    LastLook,
    /// The account is deleted, where that is configured.
    Removal,
    /// Those who must know were told that access is gone.
    Farewell,
}

impl StepName {
    /// The name as a number, for indexes, which can be made anew.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The stored and published text of the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Domains => "domains",
            Self::OrgUnit => "org_unit",
            Self::Role => "role",
            Self::AutoLicensing => "auto_licensing",
            Self::FreeSubscription => "free_subscription",
            Self::TwoStepPolicy => "two_step_policy",
            Self::CaseAlertRoute => "case_alert_route",
            Self::Seats => "seats",
            Self::Username => "username",
            Self::Account => "account",
            Self::Password => "password",
            Self::Name => "name",
            Self::License => "license",
            Self::NoPaidLicense => "no_paid_license",
            Self::TwoStep => "two_step",
            Self::CaseAlerts => "case_alerts",
            Self::Verify => "verify",
            Self::HandOver => "hand_over",
            Self::Welcome => "welcome",
            Self::Together => "together",
            Self::RoleOff => "role_off",
            Self::SignOut => "sign_out",
            Self::Suspend => "suspend",
            Self::LockedOut => "locked_out",
            Self::LastLook => "last_look",
            Self::Removal => "removal",
            Self::Farewell => "farewell",
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an operator may take the step as done. Not those that leave what later steps need, and none of a reseller account:
/// they are looked at anew every hour, and hold the guards for all its domains.
pub fn may_be_skipped(kind: TargetKind, step: StepName) -> bool {
    kind != TargetKind::Reseller && !matches!(step, StepName::Username | StepName::Account)
}

/// The steps of a target for a goal, in order; each only when the one before holds.
/// Joining gives the role as the last write, so that an account that fails half-way has no rights; leaving takes it first
/// (Google help 9807615: changing an administrator needs more rights than changing a user).
pub fn plan(kind: TargetKind, want: Want) -> &'static [StepName] {
    use StepName::{
        Account, AutoLicensing, CaseAlertRoute, CaseAlerts, Credentials, Domains, Farewell, FreeSubscription,
        HandOver, LastLook, License, LockedOut, Name, NoPaidLicense, OrgUnit, Password, Removal, Role,
        RoleOff, Seats, SignOut, Suspend, Together, TwoStep, TwoStepPolicy, Username, Verify, Welcome,
    };
    match (kind, want) {
        (TargetKind::Reseller, Want::Present) => &[
            Credentials,
            Domains,
            OrgUnit,
            Role,
            AutoLicensing,
            FreeSubscription,
            TwoStepPolicy,
            CaseAlertRoute,
            Seats,
        ],
        (TargetKind::Domain, Want::Present) => {
            &[Username, Account, Password, Name, License, NoPaidLicense, TwoStep, Role, CaseAlerts, Verify]
        }
        (TargetKind::Engineer, Want::Present) => &[HandOver, Welcome, Together],
        (TargetKind::Reseller, Want::Absent) => &[],
        (TargetKind::Domain, Want::Absent) => {
            &[RoleOff, SignOut, Suspend, LockedOut, LastLook, NoPaidLicense, Removal]
        }
        (TargetKind::Engineer, Want::Absent) => &[Farewell],
    }
}
