//! What the operator says about answers that the table does not know: asked only when no row fits, and never a success.
//! Not here: the table (`answers`), and reading the configuration.

use super::answer::ApiError;
use super::call::Call;
use crate::model::failure::{FailureCode, FailureKind, Who};

/// An answer that the operator has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedAnswer {
    /// Of which call.
    pub call: Call,
    /// With which HTTP status, from 300.
    pub status: u16,
    /// With which reason, in any case of letters; none: any.
    pub reason: Option<String>,
    /// With which words in its message, in any case of letters; none: any.
    pub message: Option<String>,
    /// What to do about it.
    pub then: MappedThen,
}

/// What to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappedThen {
    /// Try again; a person is asked after as many tries as after any passing failure.
    Retry,
    /// Google asks to slow down.
    SlowDown,
    /// Something is not visible yet.
    NotYet,
    /// Somebody must act.
    Operator,
}

impl MappedAnswer {
    /// How many an operator may name.
    pub const MOST: usize = 50;

    /// Whether it speaks about this answer.
    pub(super) fn fits(&self, error: &ApiError) -> bool {
        let words = |words: &String| error.message.to_lowercase().contains(&words.to_lowercase());
        self.call == error.call
            && self.status == error.status
            && self.reason.as_ref().is_none_or(|reason| reason.eq_ignore_ascii_case(&error.reason))
            && self.message.as_ref().is_none_or(words)
    }
}

impl MappedThen {
    /// Kind and code of the failure that it becomes.
    pub(super) fn handling(self) -> (FailureKind, FailureCode) {
        match self {
            Self::Retry => (FailureKind::Transient, FailureCode::UnknownAnswer),
            Self::SlowDown => (FailureKind::Throttled, FailureCode::RateLimited),
            Self::NotYet => (FailureKind::NotYet, FailureCode::UnknownAnswer),
            Self::Operator => (FailureKind::Needs(Who::Operator), FailureCode::UnknownAnswer),
        }
    }
}

/// Whether an operator may name the call's answers: not those about getting in, which decide for a whole reseller account.
pub(super) fn is_mappable(call: Call) -> bool {
    call.spec().scope.is_some()
}

impl Call {
    /// The mappable call that has this name at Google.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| is_mappable(*call) && call.name() == name)
    }

    /// Google's name of the method (discovery documents).
    pub fn name(self) -> &'static str {
        match self {
            Self::GetCustomer => "customers.get",
            Self::ListDomains => "domains.list",
            Self::ListUsers => "users.list",
            Self::GetUser => "users.get",
            Self::InsertUser => "users.insert",
            Self::UndeleteUser => "users.undelete",
            Self::UpdateUser => "users.update",
            Self::DeleteUser => "users.delete",
            Self::SignOut => "users.signOut",
            Self::ListTokens => "tokens.list",
            Self::DeleteToken => "tokens.delete",
            Self::ListPasswords => "asps.list",
            Self::DeletePassword => "asps.delete",
            Self::InvalidateCodes => "verificationCodes.invalidate",
            Self::ListAliases => "users.aliases.list",
            Self::InsertAlias => "users.aliases.insert",
            Self::GetGroup => "groups.get",
            Self::ListGroups => "groups.list",
            Self::GetOrgUnit => "orgunits.get",
            Self::InsertOrgUnit => "orgunits.insert",
            Self::ListRoles => "roles.list",
            Self::InsertRole => "roles.insert",
            Self::ListPrivileges => "privileges.list",
            Self::ListAssignments => "roleAssignments.list",
            Self::InsertAssignment => "roleAssignments.insert",
            Self::RemoveAssignment => "roleAssignments.delete",
            Self::AssignLicense => "licenseAssignments.insert",
            Self::RemoveLicense => "licenseAssignments.delete",
            Self::ListLicenses => "licenseAssignments.listForProduct",
            Self::IsInvitable => "customers.userinvitations.isInvitableUser",
            Self::ListPolicies => "policies.list",
            Self::ListActivities => "activities.list",
            Self::SignJwt => "projects.serviceAccounts.signJwt",
            Self::OwnToken => "token of the metadata server",
            Self::Token => "token",
        }
    }
}

#[cfg(test)]
#[path = "mapped_tests.rs"]
mod tests;
