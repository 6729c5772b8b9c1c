//! Where in Google's own pages an operator does what a failure asks for.
//!
//! Sources: Google help answers 6342682, 7295541, 9807615, 1397578, 11112794 and 2368153, and the Admin console's own addresses.
//! Google publishes no list of console addresses and may change them: the words of the path in the message are the second way.

use super::super::failure::FailureCode;

/// The page that the failure's message points at, if there is one.
#[expect(clippy::too_many_lines, reason = "a code, a line")]
pub fn console_link(code: FailureCode) -> Option<&'static str> {
    use FailureCode as C;
    match code {
        C::BackendError | C::Timeout => Some("https://www.google.com/appsstatus/dashboard/"),
        C::DailyQuotaSpent => Some("https://console.cloud.google.com/iam-admin/quotas"),
        C::DelegationMissing => Some("https://admin.google.com/ac/owl/domainwidedelegation"),
        C::ApiDisabled => Some("https://console.cloud.google.com/apis/library"),
        C::DomainNotFound => Some("https://admin.google.com/ac/domains/manage"),
        C::OrgUnitRefused | C::OrgUnitSettling | C::OrgUnitGone => {
            Some("https://admin.google.com/ac/orgunits")
        }
        C::NotAuthorized
        | C::RoleMissing
        | C::RoleNotPinned
        | C::RoleAmbiguous
        | C::RoleTooPowerful
        | C::RoleWidened
        | C::RoleLimitReached
        | C::AccountIsAdmin => Some("https://admin.google.com/ac/roles"),
        C::AutoLicensingUnconfirmed | C::AutoLicensingOn => {
            Some("https://admin.google.com/ac/billing/licensesettings")
        }
        C::FreeSubscriptionUnconfirmed | C::LicensesSpent => {
            Some("https://admin.google.com/ac/billing/subscriptions")
        }
        C::SeatsSpent => Some("https://support.google.com/cloudidentity/answer/7295541"),
        C::UnmanagedAccount => Some("https://support.google.com/a/answer/11112794"),
        C::AccountGone | C::RestoreRefused => Some("https://support.google.com/a/answer/1397578"),
        C::AccountSettling
        | C::AddressTaken
        | C::PaidLicenseFound
        | C::LicenseConflict
        | C::HomeAccountMissing
        | C::AccountNotOurs
        | C::TwoStepPending
        | C::AliasTaken
        | C::PasswordInUse
        | C::ResellerRemoved
        | C::DriftFound
        | C::AccountSuspended => Some("https://admin.google.com/ac/users"),
        C::TwoStepEnforced => Some("https://admin.google.com/ac/security/2sv"),
        C::CaseRedirectNeeded | C::CaseRouteUnconfirmed => {
            Some("https://admin.google.com/ac/apps/gmail/defaultrouting")
        }
        C::ConnectionLost
        | C::WorkerLost
        | C::RateLimited
        | C::NotYetConfirmed
        | C::ResellerNotReady
        | C::CredentialsUnusable
        | C::CredentialsRefused
        | C::ClockWrong
        | C::CustomerMismatch
        | C::LatinNameNeeded
        | C::ScopeMismatch
        | C::UsernamesSpent
        | C::AccountsUnsettled
        | C::ContactMissing
        | C::MailUnavailable
        | C::MailRefused
        | C::GrantsHeld
        | C::SealBroken
        | C::StoreUnavailable
        | C::StepUnknown
        | C::RequestRefused
        | C::StartsLater
        | C::RenameQuestion
        | C::VaultUnavailable
        | C::VaultRefused
        | C::HandOverFailed
        | C::LateEffect
        | C::LockOutsPending
        | C::RemovalDue
        | C::ProfileUnconfigured
        | C::ApprovalMissing
        | C::EmploymentEnded
        | C::UnknownAnswer => None,
    }
}
