//! What can go wrong, as data: a small sum type for handling and a closed code for reporting.
//! Not here: which answer of Google means what (`google/classify`), and the words for people (`message`).

use super::facts::AccountFact;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a run of a step did not bring its fact about. Stored with the row; holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What the machine does next.
    pub kind: FailureKind,
    /// What it was, for people, metrics and the runbook.
    pub code: FailureCode,
    /// Evidence for the operator, redacted and at most [`Failure::DETAIL_MAX`] bytes; a list to copy may have [`Failure::LIST_MAX`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The other side's own wish, in milliseconds from the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// An answer of Google's that nobody has named yet, as the operator can name it in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<UnmappedAnswer>>,
    /// What a person pastes somewhere to cure it; no more than [`Failure::VALUES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Prefilled>,
    /// What the run has seen of the account before it failed. The row keeps it among its facts; it is never stored with the failure.
    #[serde(skip)]
    pub seen: Option<Box<AccountFact>>,
}

/// What is the same in every answer of its kind; holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmappedAnswer {
    /// Google's name of the call, like `users.insert`.
    pub call: String,
    /// The HTTP status.
    pub status: u16,
    /// Google's reason; empty if it gave none.
    pub reason: String,
}

/// A value that a person pastes somewhere, ready-made. Never a secret, and nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Prefilled {
    /// What it is, as one word: `client_id`, `scopes`.
    pub name: String,
    /// The value, whole: a part of it would be a wrong one.
    pub value: String,
}

/// How a failure is handled; decided by the code that saw the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// May work next time. Spends an attempt.
    Transient,
    /// The other side asked us to slow down. Spends no attempt.
    Throttled,
    /// Something we depend on is not visible yet. Spends no attempt, within its patience.
    NotYet,
    /// Somebody must act; carepass looks again by itself.
    Needs(Who),
    /// The same call fails the same way, or nobody knows what the answer means.
    Permanent,
}

/// Who acts next.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Propagation or quota on Google's side.
    Google,
    /// A person who runs carepass.
    Operator,
    /// The engineer, for example with 2-Step Verification.
    Engineer,
    /// The HR system or its people.
    Hr,
    /// A date that has not come.
    Calendar,
    /// The set-up of the reseller account.
    Reseller,
}

impl Who {
    /// The name in the API and in stored rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Hr => "hr",
            Self::Calendar => "calendar",
            Self::Reseller => "reseller",
        }
    }

    /// Whether a person has to act.
    pub fn is_a_person(self) -> bool {
        match self {
            Self::Operator | Self::Engineer | Self::Hr => true,
            Self::Google | Self::Calendar | Self::Reseller => false,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Defines the closed enum of codes together with its text form and its list.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What went wrong with a row: its `reason` in the API, metric label and heading of `docs/RUNBOOK.md`. What the API refuses has
        /// codes of its own (`http/problem`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum FailureCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl FailureCode {
            /// Every code, in the order of the runbook.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable text of the code.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Google answered 5xx.
    BackendError = "backend_error",
    /// No answer in time; the effect may have happened.
    Timeout = "timeout",
    /// The connection broke; the effect may have happened.
    ConnectionLost = "connection_lost",
    /// The process that ran the step is gone.
    WorkerLost = "worker_lost",
    /// Google asked us to slow down.
    RateLimited = "rate_limited",
    /// A quota of the day is used up.
    DailyQuotaSpent = "daily_quota_spent",
    /// A young account is not visible everywhere yet.
    AccountSettling = "account_settling",
    /// A young organisational unit is not visible everywhere yet.
    OrgUnitSettling = "org_unit_settling",
    /// A written fact is not visible in the lists yet.
    NotYetConfirmed = "not_yet_confirmed",
    /// The reseller account's set-up is not finished.
    ResellerNotReady = "reseller_not_ready",
    /// The reseller account is not configured any more.
    ResellerRemoved = "reseller_removed",
    /// The key file cannot be used.
    CredentialsUnusable = "credentials_unusable",
    /// The token endpoint refuses the service account or the administrator.
    CredentialsRefused = "credentials_refused",
    /// Domain-wide delegation lacks a scope.
    DelegationMissing = "delegation_missing",
    /// The clocks of this machine and of Google differ too much.
    ClockWrong = "clock_wrong",
    /// An API is switched off in the Google Cloud project or for the domain.
    ApiDisabled = "api_disabled",
    /// The administrator lacks the right for a call.
    NotAuthorized = "not_authorized",
    /// The credentials lead to another customer than the pinned one.
    CustomerMismatch = "customer_mismatch",
    /// A configured domain is not a verified domain of the reseller.
    DomainNotFound = "domain_not_found",
    /// The parent of the organisational unit is missing or the name is refused.
    OrgUnitRefused = "org_unit_refused",
    /// The organisational unit was there and is gone.
    OrgUnitGone = "org_unit_gone",
    /// No role fits what is configured.
    RoleMissing = "role_missing",
    /// The privileges of a custom role are not pinned.
    RoleNotPinned = "role_not_pinned",
    /// Several roles fit what is configured.
    RoleAmbiguous = "role_ambiguous",
    /// The role may do more than what was approved.
    RoleTooPowerful = "role_too_powerful",
    /// The role may do more than when it was set up.
    RoleWidened = "role_widened",
    /// The unit or customer has no room for another role assignment.
    RoleLimitReached = "role_limit_reached",
    /// Nobody has confirmed that automatic licensing is off.
    AutoLicensingUnconfirmed = "auto_licensing_unconfirmed",
    /// Nobody has confirmed that the free subscription was taken.
    FreeSubscriptionUnconfirmed = "free_subscription_unconfirmed",
    /// Nobody has confirmed that case mail is routed to the engineers.
    CaseRouteUnconfirmed = "case_route_unconfirmed",
    /// New accounts could not sign in for want of 2-Step Verification.
    TwoStepEnforced = "two_step_enforced",
    /// A Latin form of the name is needed.
    LatinNameNeeded = "latin_name_needed",
    /// The scope that HR sent does not fit the reseller domains.
    ScopeMismatch = "scope_mismatch",
    /// Every candidate name is taken somewhere.
    UsernamesSpent = "usernames_spent",
    /// The address belongs to somebody or something else.
    AddressTaken = "address_taken",
    /// An unmanaged consumer account holds the address.
    UnmanagedAccount = "unmanaged_account",
    /// Nobody has named the engineer's own account.
    HomeAccountMissing = "home_account_missing",
    /// Google does not restore our own deleted account.
    RestoreRefused = "restore_refused",
    /// No seat is left.
    SeatsSpent = "seats_spent",
    /// No free licence is left.
    LicensesSpent = "licenses_spent",
    /// The account holds another licence of the same product.
    LicenseConflict = "license_conflict",
    /// The account got a paid licence.
    PaidLicenseFound = "paid_license_found",
    /// Automatic licensing is on although it was confirmed to be off.
    AutoLicensingOn = "auto_licensing_on",
    /// The account does not carry this engineer's marker.
    AccountNotOurs = "account_not_ours",
    /// The account administers something else.
    AccountIsAdmin = "account_is_admin",
    /// Somebody suspended the account.
    AccountSuspended = "account_suspended",
    /// The account was there and is gone.
    AccountGone = "account_gone",
    /// A person must redirect the case mail.
    CaseRedirectNeeded = "case_redirect_needed",
    /// Not every account of the engineer is finished, so that the letter would be incomplete.
    AccountsUnsettled = "accounts_unsettled",
    /// HR gave no address that the welcome can be sent to.
    ContactMissing = "contact_missing",
    /// The mail server does not answer.
    MailUnavailable = "mail_unavailable",
    /// The mail server refuses the letter.
    MailRefused = "mail_refused",
    /// The work for the engineer begins on a later day.
    StartsLater = "starts_later",
    /// The engineer has not enrolled in 2-Step Verification yet, and the role waits for it.
    TwoStepPending = "two_step_pending",
    /// HR changed the name, and the username no longer fits it.
    RenameQuestion = "rename_question",
    /// No address from the changed name is free.
    AliasTaken = "alias_taken",
    /// A new first password was ordered, and somebody has signed in to the account.
    PasswordInUse = "password_in_use",
    /// The vault that hands over first passwords does not answer.
    VaultUnavailable = "vault_unavailable",
    /// The vault refuses to wrap the first passwords.
    VaultRefused = "vault_refused",
    /// The first passwords could not be put where they are handed over.
    HandOverFailed = "hand_over_failed",
    /// What was under way when access ended may still come about at Google.
    LateEffect = "late_effect",
    /// Access is not gone everywhere yet.
    LockOutsPending = "lock_outs_pending",
    /// The account is suspended, and is deleted when the days of grace are over.
    RemovalDue = "removal_due",
    /// Others have changed something at Google.
    DriftFound = "drift_found",
    /// The reseller account has no role for what the engineer does.
    ProfileUnconfigured = "profile_unconfigured",
    /// Policy asks for an approval, and the event brings none.
    ApprovalMissing = "approval_missing",
    /// HR says that an engineer is present under a spell of employment that has ended.
    EmploymentEnded = "employment_ended",
    /// More engineers at once than the limit on grants allows.
    GrantsHeld = "grants_held",
    /// The sealed personal data cannot be opened.
    SealBroken = "seal_broken",
    /// The store did not answer a step.
    StoreUnavailable = "store_unavailable",
    /// This version of carepass does not know the step.
    StepUnknown = "step_unknown",
    /// Google refused our request as malformed: a fault of carepass.
    RequestRefused = "request_refused",
    /// Nobody knows yet what Google's answer means.
    UnknownAnswer = "unknown_answer",
}

impl FailureCode {
    /// Whether it may stop a whole reseller account, so that the account is looked at before anything else of it goes on.
    pub fn may_close_account(self) -> bool {
        matches!(
            self,
            Self::CredentialsUnusable
                | Self::CredentialsRefused
                | Self::DelegationMissing
                | Self::ClockWrong
                | Self::ApiDisabled
                | Self::NotAuthorized
                | Self::CustomerMismatch
                | Self::OrgUnitRefused
        )
    }

    /// Whether it is passing trouble on the way to Google, the store or the mail server, with nothing for a person to decide.
    pub fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::BackendError
                | Self::Timeout
                | Self::ConnectionLost
                | Self::WorkerLost
                | Self::MailUnavailable
                | Self::StoreUnavailable
        )
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Failure {
    /// The longest detail that is kept, in bytes.
    pub const DETAIL_MAX: usize = 400;

    /// The longest list that is kept for the operator to copy, in bytes: what is cut off cannot be pinned.
    pub const LIST_MAX: usize = 8_000;

    /// The most values that are kept for a person to paste.
    pub const VALUES_MAX: usize = 8;

    /// A failure without evidence.
    pub fn new(kind: FailureKind, code: FailureCode) -> Self {
        Self {
            kind,
            code,
            detail: String::new(),
            retry_after_ms: None,
            answer: None,
            values: Vec::new(),
            seen: None,
        }
    }

    /// May work next time.
    pub fn transient(code: FailureCode) -> Self {
        Self::new(FailureKind::Transient, code)
    }

    /// Not visible yet.
    pub fn not_yet(code: FailureCode) -> Self {
        Self::new(FailureKind::NotYet, code)
    }

    /// Somebody must act.
    pub fn needs(who: Who, code: FailureCode) -> Self {
        Self::new(FailureKind::Needs(who), code)
    }

    /// The same call fails the same way.
    pub fn permanent(code: FailureCode) -> Self {
        Self::new(FailureKind::Permanent, code)
    }

    /// Adds evidence: control characters are dropped, addresses are blotted out, and it is cut to the limit.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail = redact(detail, Self::DETAIL_MAX);
        self
    }

    /// Adds more evidence to that which is there.
    #[must_use]
    pub fn and_detail(self, more: &str) -> Self {
        let detail = format!("{} {more}", self.detail);
        Self { detail: redact(&detail, Self::DETAIL_MAX), ..self }
    }

    /// Adds a list that the operator is to copy from.
    #[must_use]
    pub fn with_list(mut self, list: &str) -> Self {
        self.detail = redact(list, Self::LIST_MAX);
        self
    }

    /// Adds the answer that nobody has named.
    #[must_use]
    pub fn with_answer(mut self, answer: UnmappedAnswer) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// Adds what a person pastes to cure it. What does not fit the limits is left out whole.
    #[must_use]
    pub fn with_values(mut self, values: Vec<Prefilled>) -> Self {
        self.values = values;
        self.values.retain(|prefilled| prefilled.value.len() <= Prefilled::BYTES_MAX);
        self.values.truncate(Self::VALUES_MAX);
        self
    }

    /// Adds what the run has seen of the account.
    #[must_use]
    pub fn having_seen(mut self, account: AccountFact) -> Self {
        self.seen = Some(Box::new(account));
        self
    }

    /// Adds the other side's own wish for the delay.
    #[must_use]
    pub fn after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}

impl Prefilled {
    /// The longest value that is kept, in bytes.
    pub const BYTES_MAX: usize = 1_500;

    /// A value under a name.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

/// Blots out what looks like an address and everything that is not printable, and cuts to the limit.
fn redact(text: &str, limit: usize) -> String {
    let mut kept = String::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let shown = if word.contains('@') { "(address)" } else { word.as_str() };
        if kept.len() + shown.len() + 1 > limit {
            kept.push('…');
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(shown);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_text_and_survives_the_store() {
        for code in FailureCode::ALL {
            let stored = serde_json::to_string(code).unwrap();
            assert_eq!(stored, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<FailureCode>(&stored).unwrap(), *code);
        }
        let texts: std::collections::BTreeSet<_> = FailureCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(texts.len(), FailureCode::ALL.len());
    }

    #[test]
    fn evidence_is_redacted_and_bounded() {
        let failure = Failure::permanent(FailureCode::UnknownAnswer).with_detail("no asa@x.se\nhere\u{7}");
        assert_eq!(failure.detail, "no (address) here");
        let long = Failure::permanent(FailureCode::UnknownAnswer).with_detail(&"word ".repeat(1_000));
        assert!(long.detail.len() <= Failure::DETAIL_MAX + '…'.len_utf8());
        let list = Failure::permanent(FailureCode::RoleNotPinned).with_list(&"word ".repeat(1_000));
        assert_eq!(list.detail.split(' ').count(), 1_000, "nothing to copy is cut off");
        let long = Failure::permanent(FailureCode::RoleNotPinned).with_list(&"word ".repeat(10_000));
        assert!(long.detail.len() <= Failure::LIST_MAX + '…'.len_utf8());
    }
}
