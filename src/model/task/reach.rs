//! What is known of a failure's cure beyond its words: how far one act reaches, and whether carepass sees that it was done.
//! Not here: the words (`message`) and the card (`task`).

use super::super::failure::FailureCode;
use super::super::message::Place;

/// How far one act of a person reaches: everybody inside waits for the same thing and shares a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything carepass does.
    House,
    /// A reseller account with all its domains.
    Reseller,
    /// One domain.
    Domain,
    /// One engineer in every domain: what HR says of a person is said once.
    Engineer,
    /// One row.
    Row,
}

impl Reach {
    /// The place without what does not matter for this reach, so that a shared card names nothing that is only one row's.
    pub(super) fn narrow(self, place: Place) -> Place {
        match self {
            Self::House | Self::Engineer => Place { reseller: None, domain: None, step: None, ..place },
            Self::Reseller => Place { domain: None, step: None, ..place },
            Self::Domain => Place { step: None, ..place },
            Self::Row => place,
        }
    }
}

/// How far the cure of a failure reaches.
#[expect(clippy::too_many_lines, reason = "a code, a line")]
pub(super) fn of(code: FailureCode) -> Reach {
    use FailureCode as C;
    match code {
        C::MailUnavailable
        | C::GrantsHeld
        | C::StoreUnavailable
        | C::VaultUnavailable
        | C::VaultRefused
        | C::HandOverFailed
        | C::ApprovalMissing
        | C::EmploymentEnded => Reach::House,
        C::BackendError
        | C::Timeout
        | C::ConnectionLost
        | C::RateLimited
        | C::DailyQuotaSpent
        | C::OrgUnitSettling
        | C::ResellerNotReady
        | C::ResellerRemoved
        | C::CredentialsUnusable
        | C::CredentialsRefused
        | C::DelegationMissing
        | C::ApiDisabled
        | C::NotAuthorized
        | C::CustomerMismatch
        | C::DomainNotFound
        | C::ClockWrong
        | C::OrgUnitRefused
        | C::OrgUnitGone
        | C::RoleMissing
        | C::RoleNotPinned
        | C::RoleAmbiguous
        | C::RoleTooPowerful
        | C::RoleWidened
        | C::RoleLimitReached
        | C::CaseRouteUnconfirmed
        | C::TwoStepEnforced
        | C::AutoLicensingUnconfirmed
        | C::FreeSubscriptionUnconfirmed
        | C::SeatsSpent
        | C::LicensesSpent
        | C::ProfileUnconfigured
        | C::DriftFound
        | C::AutoLicensingOn => Reach::Reseller,
        C::CaseRedirectNeeded => Reach::Domain,
        // One username and one address are used everywhere, and one event of HR's gives them.
        C::LatinNameNeeded | C::UsernamesSpent | C::ContactMissing => Reach::Engineer,
        C::WorkerLost
        | C::AccountSettling
        | C::NotYetConfirmed
        | C::ScopeMismatch
        | C::AddressTaken
        | C::UnmanagedAccount
        | C::PaidLicenseFound
        | C::HomeAccountMissing
        | C::RestoreRefused
        | C::LicenseConflict
        | C::AccountNotOurs
        | C::AccountIsAdmin
        | C::AccountSuspended
        | C::AccountGone
        | C::AccountsUnsettled
        | C::MailRefused
        | C::SealBroken
        | C::StepUnknown
        | C::RequestRefused
        | C::StartsLater
        | C::TwoStepPending
        | C::RenameQuestion
        | C::AliasTaken
        | C::PasswordInUse
        | C::LateEffect
        | C::LockOutsPending
        | C::RemovalDue
        | C::UnknownAnswer => Reach::Row,
    }
}

/// Whether carepass may see by looking again that the failure is cured. What is cured in the configuration or by a person's word
/// alone does not show by itself: the configuration is read when carepass starts.
#[expect(clippy::too_many_lines, reason = "a code, a line")]
pub(super) fn closes_itself(code: FailureCode) -> bool {
    use FailureCode as C;
    match code {
        C::CustomerMismatch
        | C::RoleNotPinned
        | C::RoleAmbiguous
        | C::RoleWidened
        | C::CaseRouteUnconfirmed
        | C::HomeAccountMissing
        | C::CaseRedirectNeeded
        | C::GrantsHeld
        | C::SealBroken
        | C::StepUnknown
        | C::RenameQuestion
        | C::PasswordInUse
        | C::ProfileUnconfigured
        | C::ResellerRemoved
        | C::ApprovalMissing
        | C::EmploymentEnded
        | C::RequestRefused => false,
        C::BackendError
        | C::Timeout
        | C::ConnectionLost
        | C::WorkerLost
        | C::RateLimited
        | C::DailyQuotaSpent
        | C::AccountSettling
        | C::OrgUnitSettling
        | C::NotYetConfirmed
        | C::ResellerNotReady
        | C::CredentialsUnusable
        | C::CredentialsRefused
        | C::DelegationMissing
        | C::ApiDisabled
        | C::NotAuthorized
        | C::DomainNotFound
        | C::ClockWrong
        | C::OrgUnitRefused
        | C::OrgUnitGone
        | C::TwoStepEnforced
        | C::AutoLicensingUnconfirmed
        | C::FreeSubscriptionUnconfirmed
        | C::RestoreRefused
        | C::LicenseConflict
        | C::RoleMissing
        | C::RoleTooPowerful
        | C::RoleLimitReached
        | C::LatinNameNeeded
        | C::ScopeMismatch
        | C::UsernamesSpent
        | C::AddressTaken
        | C::UnmanagedAccount
        | C::SeatsSpent
        | C::LicensesSpent
        | C::PaidLicenseFound
        | C::AutoLicensingOn
        | C::AccountNotOurs
        | C::AccountIsAdmin
        | C::AccountSuspended
        | C::AccountGone
        | C::AccountsUnsettled
        | C::ContactMissing
        | C::MailUnavailable
        | C::MailRefused
        | C::StoreUnavailable
        | C::StartsLater
        | C::TwoStepPending
        | C::AliasTaken
        | C::VaultUnavailable
        | C::VaultRefused
        | C::HandOverFailed
        | C::LateEffect
        | C::LockOutsPending
        | C::RemovalDue
        | C::DriftFound
        | C::UnknownAnswer => true,
    }
}

/// The key of the configuration under which a person's word is written, for the facts that no API of Google shows.
pub(super) fn attestation(code: FailureCode) -> Option<&'static str> {
    if code == FailureCode::AutoLicensingUnconfirmed {
        Some("auto_licensing_off")
    } else if code == FailureCode::FreeSubscriptionUnconfirmed {
        Some("free_subscription")
    } else if code == FailureCode::CaseRouteUnconfirmed {
        Some("case_alert_route")
    } else if code == FailureCode::TwoStepEnforced {
        Some("two_step_policy")
    } else {
        None
    }
}
