//! What each step may write, told without asking anybody: for `carepass plan`. It is written beside the steps and from them; a test holds
//! what was foretold against what the steps then did. Not here: which steps are still to come (`engine/forecast`).

use super::learned::is_believed;
use crate::google::call::Call;
use crate::model::engineer::Engineer;
use crate::model::enrollment::{AccountFact, Enrollment, LicenseLesson, TargetKind, Want};
use crate::model::plan::StepName;
use crate::model::reseller::{LicenseMode, Removal, Reseller, RoleChoice};
use jiff::Timestamp;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Of which step.
    pub step: StepName,
    /// What is written to.
    pub act: Act,
    /// What it says.
    pub says: String,
    /// What it depends on that is not known here; none where it is what happens if nothing stands in the way.
    pub only_if: Option<&'static str>,
}

/// What is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Google.
    Google(Call),
    /// The mail server.
    Letter,
    /// Vault, or a file for recipients.
    FirstPasswords,
}

/// What is known of a row from outside.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The row.
    pub row: &'a Enrollment,
    /// Its reseller account; none for the engineer as a whole.
    pub reseller: Option<&'a Reseller>,
    /// The row of that.
    pub account: Option<&'a Enrollment>,
    /// The engineer.
    pub engineer: Option<&'a Engineer>,
    /// The time.
    pub now: Timestamp,
}

/// What a step of the row may write, in this order.
pub fn writes(step: StepName, known: &Known<'_>) -> Vec<Write> {
    let kind = known.row.id.kind();
    match (kind, known.reseller) {
        (TargetKind::Reseller, Some(reseller)) => of_account(step, known, reseller),
        (TargetKind::Domain, Some(reseller)) => match known.row.goal.want {
            Want::Present => of_joining(step, known, reseller),
            Want::Absent => of_leaving(step, known, reseller),
        },
        (TargetKind::Engineer, _) => of_engineer(step),
        // An account that is not configured is not written to.
        (TargetKind::Reseller | TargetKind::Domain, None) => Vec::new(),
    }
}

fn of_account(step: StepName, known: &Known<'_>, reseller: &Reseller) -> Vec<Write> {
    let facts = &known.row.facts;
    match step {
        StepName::OrgUnit if !reseller.home && facts.org_unit.is_none() => {
            vec![maybe(step, Call::InsertOrgUnit, reseller.org_unit.to_string(), "no unit is at this path")]
        }
        StepName::Role => {
            let unknown = reseller.roles().filter(|(profile, _)| !facts.roles.contains_key(profile));
            let made = unknown.filter_map(|(_, choice)| match choice {
                RoleChoice::Custom { name, privileges } if !privileges.is_empty() => Some(name.clone()),
                RoleChoice::Custom { .. }
                | RoleChoice::ResellerAdmin { .. }
                | RoleChoice::Existing { .. } => None,
            });
            made.map(|name| maybe(step, Call::InsertRole, name, "no role has this name")).collect()
        }
        StepName::Credentials
        | StepName::Domains
        | StepName::OrgUnit
        | StepName::AutoLicensing
        | StepName::FreeSubscription
        | StepName::TwoStepPolicy
        | StepName::CaseAlertRoute
        | StepName::Seats
        | StepName::Username
        | StepName::Account
        | StepName::Password
        | StepName::Name
        | StepName::License
        | StepName::NoPaidLicense
        | StepName::TwoStep
        | StepName::CaseAlerts
        | StepName::Verify
        | StepName::HandOver
        | StepName::Welcome
        | StepName::Together
        | StepName::RoleOff
        | StepName::SignOut
        | StepName::Suspend
        | StepName::LockedOut
        | StepName::LastLook
        | StepName::Removal
        | StepName::Farewell => Vec::new(),
    }
}

fn of_joining(step: StepName, known: &Known<'_>, reseller: &Reseller) -> Vec<Write> {
    let account = known.row.facts.account.as_ref();
    match step {
        StepName::Account if reseller.home => Vec::new(),
        StepName::Account => of_account_step(account, reseller),
        StepName::Password if known.row.reissue && !reseller.home => {
            vec![sure(step, Call::UpdateUser, "a new first password".to_owned())]
        }
        StepName::Name if !reseller.home => of_name(known, account),
        StepName::License if !reseller.home => of_license(known, reseller),
        StepName::NoPaidLicense => of_paid(reseller),
        StepName::Role => of_role(known, reseller),
        StepName::Credentials
        | StepName::Domains
        | StepName::OrgUnit
        | StepName::AutoLicensing
        | StepName::FreeSubscription
        | StepName::TwoStepPolicy
        | StepName::CaseAlertRoute
        | StepName::Seats
        | StepName::Username
        | StepName::Password
        | StepName::Name
        | StepName::License
        | StepName::TwoStep
        | StepName::CaseAlerts
        | StepName::Verify
        | StepName::HandOver
        | StepName::Welcome
        | StepName::Together
        | StepName::RoleOff
        | StepName::SignOut
        | StepName::Suspend
        | StepName::LockedOut
        | StepName::LastLook
        | StepName::Removal
        | StepName::Farewell => Vec::new(),
    }
}

fn of_account_step(account: Option<&AccountFact>, reseller: &Reseller) -> Vec<Write> {
    let step = StepName::Account;
    match account {
        Some(account) if account.suspended_by_us.is_some() => {
            vec![sure(step, Call::UpdateUser, "not suspended any more".to_owned())]
        }
        Some(_) => Vec::new(),
        None => vec![
            sure(step, Call::InsertUser, format!("an account in {}", reseller.org_unit)),
            maybe(
                step,
                Call::UndeleteUser,
                "carepass's own account, instead".to_owned(),
                "it was deleted within the last 20 days",
            ),
            maybe(
                step,
                Call::UpdateUser,
                "not suspended any more, instead".to_owned(),
                "carepass's own account is there, suspended",
            ),
        ],
    }
}

fn of_name(known: &Known<'_>, account: Option<&AccountFact>) -> Vec<Write> {
    let only_if = match account {
        Some(_) => "HR says others than the account shows",
        None => "the account was there before",
    };
    let shown = maybe(StepName::Name, Call::UpdateUser, "name and recovery address".to_owned(), only_if);
    let is_renamed = known.engineer.is_some_and(|engineer| engineer.changed.name > 0);
    let alias = is_renamed.then(|| {
        let only_if = "the changed name makes another address, and aliases are wanted";
        maybe(StepName::Name, Call::InsertAlias, "an alias of the changed name".to_owned(), only_if)
    });
    [shown].into_iter().chain(alias).collect()
}

fn of_license(known: &Known<'_>, reseller: &Reseller) -> Vec<Write> {
    let (step, says) = (StepName::License, "Cloud Identity Free".to_owned());
    let lesson = known.account.and_then(|row| row.facts.licensing);
    let lesson = lesson.filter(|lesson| is_believed(*lesson, known.now));
    match (reseller.license, lesson) {
        (LicenseMode::Site, _) | (LicenseMode::Auto, Some(LicenseLesson::Site { .. })) => Vec::new(),
        (LicenseMode::PerUser, _) | (LicenseMode::Auto, Some(LicenseLesson::Assigned { .. })) => {
            vec![sure(step, Call::AssignLicense, says)]
        }
        (LicenseMode::Auto, None) => {
            vec![maybe(step, Call::AssignLicense, says, "the licence does not come with the account")]
        }
    }
}

fn of_paid(reseller: &Reseller) -> Vec<Write> {
    let only_if = "the account turns out to have it";
    let removed = reseller.removable_licenses.iter().filter(|_| !reseller.home);
    removed
        .map(|sku| maybe(StepName::NoPaidLicense, Call::RemoveLicense, format!("without {sku}"), only_if))
        .collect()
}

fn of_role(known: &Known<'_>, reseller: &Reseller) -> Vec<Write> {
    let step = StepName::Role;
    let Some(engineer) = known.engineer else { return Vec::new() };
    // Where the profile has no role nothing is given, and a person is asked.
    let Some(choice) = reseller.role_of(engineer.stated.profile) else { return Vec::new() };
    let mut found = vec![sure(step, Call::InsertAssignment, format!("the role {}", name_of(choice)))];
    if engineer.changed.profile > 0 {
        let only_if = "the account holds it";
        let says = "without the role of the profile before".to_owned();
        found.push(maybe(step, Call::RemoveAssignment, says, only_if));
    }
    found
}

fn name_of(choice: &RoleChoice) -> String {
    match choice {
        RoleChoice::Custom { name, .. } | RoleChoice::Existing { name, .. } => format!("\"{name}\""),
        RoleChoice::ResellerAdmin { .. } => "Reseller Admin of Google's".to_owned(),
    }
}

fn of_leaving(step: StepName, known: &Known<'_>, reseller: &Reseller) -> Vec<Write> {
    let account = known.row.facts.account.as_ref();
    let unfinished = known.row.leaving.is_some_and(|leaving| leaving.unfinished);
    if account.is_none() && (reseller.home || !unfinished) {
        return Vec::new();
    }
    let lost = "an insert that was under way has made an account";
    let certain = |call: Call, says: &str| match account {
        Some(_) => sure(step, call, says.to_owned()),
        None => maybe(step, call, says.to_owned(), lost),
    };
    let found_open = "it is found open";
    match step {
        StepName::RoleOff => vec![certain(Call::RemoveAssignment, "without the role")],
        StepName::SignOut if !reseller.home => vec![
            certain(Call::SignOut, "no session"),
            maybe(step, Call::DeleteToken, "without the program".to_owned(), "a program was let in"),
            maybe(step, Call::DeletePassword, "without it".to_owned(), "there is an application password"),
            certain(Call::InvalidateCodes, "no backup codes"),
        ],
        StepName::Suspend if !reseller.home => vec![certain(Call::UpdateUser, "suspended")],
        StepName::LockedOut | StepName::LastLook => {
            let role =
                maybe(step, Call::RemoveAssignment, "without the role, once more".to_owned(), found_open);
            let suspended = (!reseller.home)
                .then(|| maybe(step, Call::UpdateUser, "suspended, once more".to_owned(), found_open));
            [role].into_iter().chain(suspended).collect()
        }
        StepName::NoPaidLicense => of_paid(reseller),
        StepName::Removal => match reseller.removal {
            Removal::SuspendThenDelete { .. } if !reseller.home => {
                vec![certain(Call::DeleteUser, "deleted, once the days of grace are over")]
            }
            Removal::SuspendThenDelete { .. } | Removal::Suspend => Vec::new(),
        },
        StepName::Credentials
        | StepName::Domains
        | StepName::OrgUnit
        | StepName::Role
        | StepName::AutoLicensing
        | StepName::FreeSubscription
        | StepName::TwoStepPolicy
        | StepName::CaseAlertRoute
        | StepName::Seats
        | StepName::Username
        | StepName::Account
        | StepName::Password
        | StepName::Name
        | StepName::License
        | StepName::TwoStep
        | StepName::CaseAlerts
        | StepName::Verify
        | StepName::HandOver
        | StepName::Welcome
        | StepName::Together
        | StepName::SignOut
        | StepName::Suspend
        | StepName::Farewell => Vec::new(),
    }
}

fn of_engineer(step: StepName) -> Vec<Write> {
    let letter = |says: &str, only_if| Write { step, act: Act::Letter, says: says.to_owned(), only_if };
    match step {
        StepName::HandOver => vec![Write {
            step,
            act: Act::FirstPasswords,
            says: "first passwords, as `handover` says".to_owned(),
            only_if: Some("an account was made with one"),
        }],
        StepName::Welcome => vec![letter("to the engineer", None)],
        StepName::Together => {
            vec![letter("to the manager, that all is ready", Some("HR names one, and managers are told"))]
        }
        StepName::Farewell => {
            vec![letter("to the manager, that access is gone", Some("HR names one, and managers are told"))]
        }
        StepName::Credentials
        | StepName::Domains
        | StepName::OrgUnit
        | StepName::Role
        | StepName::AutoLicensing
        | StepName::FreeSubscription
        | StepName::TwoStepPolicy
        | StepName::CaseAlertRoute
        | StepName::Seats
        | StepName::Username
        | StepName::Account
        | StepName::Password
        | StepName::Name
        | StepName::License
        | StepName::NoPaidLicense
        | StepName::TwoStep
        | StepName::CaseAlerts
        | StepName::Verify
        | StepName::RoleOff
        | StepName::SignOut
        | StepName::Suspend
        | StepName::LockedOut
        | StepName::LastLook
        | StepName::Removal => Vec::new(),
    }
}

fn sure(step: StepName, call: Call, says: String) -> Write {
    Write { step, act: Act::Google(call), says, only_if: None }
}

fn maybe(step: StepName, call: Call, says: String, only_if: &'static str) -> Write {
    Write { step, act: Act::Google(call), says, only_if: Some(only_if) }
}
