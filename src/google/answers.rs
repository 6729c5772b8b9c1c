//! The table of Google's answers, most particular first. Data only: `classify` reads it, its tests go through it row by row.
//! A row that a real answer proved wrong is changed here and nowhere else.
//! Not here: reading an answer (`answer`), and what a step does about it.

use super::call::{Api, Call};
use super::classify::{Age, Calls, Meaning, Row, Status, Then};
use crate::model::failure::{FailureCode as Code, FailureKind as Kind, Who};

const OPERATOR: Kind = Kind::Needs(Who::Operator);

/// Calls about one account that may be too young for them.
const ABOUT_AN_ACCOUNT: Calls = Calls::These(&[
    Call::GetUser,
    Call::AssignLicense,
    Call::ListAssignments,
    Call::InsertAssignment,
    Call::UpdateUser,
    Call::DeleteUser,
    Call::SignOut,
    Call::ListTokens,
    Call::DeleteToken,
    Call::ListPasswords,
    Call::DeletePassword,
    Call::InvalidateCodes,
    Call::ListAliases,
    Call::InsertAlias,
]);
const INSERT_USER: Calls = Calls::These(&[Call::InsertUser]);
const UNDELETE_USER: Calls = Calls::These(&[Call::UndeleteUser]);
const INSERT_UNIT: Calls = Calls::These(&[Call::InsertOrgUnit]);
const INSERT_ASSIGNMENT: Calls = Calls::These(&[Call::InsertAssignment]);
const INSERT_ROLE: Calls = Calls::These(&[Call::InsertRole]);
const ASSIGN_LICENSE: Calls = Calls::These(&[Call::AssignLicense]);
/// Calls that change something about one account, and that a young or just renamed one refuses.
const ON_AN_ACCOUNT: Calls = Calls::These(&[
    Call::AssignLicense,
    Call::RemoveLicense,
    Call::InsertAssignment,
    Call::UpdateUser,
    Call::DeleteUser,
    Call::SignOut,
    Call::InsertAlias,
]);
/// Changes that never touch the address, so that a conflict is not about it.
const CHANGES: Calls =
    Calls::These(&[Call::UpdateUser, Call::DeleteUser, Call::SignOut, Call::InvalidateCodes]);
/// What ends access besides the suspension.
const SECURITY: Calls =
    Calls::These(&[Call::SignOut, Call::DeleteToken, Call::DeletePassword, Call::InvalidateCodes]);
/// Calls whose 404 says that the account, or what should go, is not there.
const GONE: Calls = Calls::These(&[
    Call::UpdateUser,
    Call::DeleteUser,
    Call::SignOut,
    Call::ListTokens,
    Call::DeleteToken,
    Call::ListPasswords,
    Call::DeletePassword,
    Call::InvalidateCodes,
    Call::ListAliases,
    Call::InsertAlias,
    Call::RemoveAssignment,
]);
const INSERT_ALIAS: Calls = Calls::These(&[Call::InsertAlias]);
const ROLE_WRITES: Calls = Calls::These(&[Call::InsertRole, Call::InsertAssignment]);
const REMOVE_LICENSE: Calls = Calls::These(&[Call::RemoveLicense]);
const LIST_LICENSES: Calls = Calls::These(&[Call::ListLicenses]);
const INVITABLE: Calls = Calls::These(&[Call::IsInvitable]);
const TOKEN: Calls = Calls::Of(Api::Token);
const SIGN: Calls = Calls::These(&[Call::SignJwt]);
const OWN_TOKEN: Calls = Calls::These(&[Call::OwnToken]);

const fn row(
    source: &'static str,
    calls: Calls,
    status: Status,
    reasons: &'static [&'static str],
    message: &'static str,
    then: Then,
) -> Row {
    Row { source, calls, status, reasons, message, age: Age::Any, then }
}

const fn young(row: Row) -> Row {
    Row { age: Age::Young, ..row }
}

const fn fails(kind: Kind, code: Code) -> Then {
    Then::Fails(kind, code)
}

/// Sources: GAM = public source of GAM 7.49; directory, licensing, roles = Google's guides of the APIs, 2026-04-23;
/// discovery = Google's discovery documents; RFC 6749 = OAuth 2.0; seen = an answer that a public repository recorded.
#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    // Token requests: another envelope, other words. Permanent unless marked (GAM glapi.py; RFC 6749, 5.2).
    row("GAM: one missing scope refuses the whole token", TOKEN, Status::In(&[400, 401, 403]), &["unauthorized_client", "invalid_scope"], "", fails(OPERATOR, Code::DelegationMissing)),
    row("GAM: the administrator is suspended", TOKEN, Status::In(&[400, 401, 403]), &["access_denied"], "account restricted", fails(OPERATOR, Code::CredentialsRefused)),
    row("GAM: for minutes with a new administrator", TOKEN, Status::In(&[400, 401, 403]), &["access_denied"], "requested client not authorized", fails(Kind::Transient, Code::CredentialsRefused)),
    row("seen: the clocks differ", TOKEN, Status::In(&[400, 401]), &["invalid_grant"], "reasonable timeframe", fails(OPERATOR, Code::ClockWrong)),
    row("seen: the same in fewer words", TOKEN, Status::In(&[400, 401]), &["invalid_grant"], "short-lived token", fails(OPERATOR, Code::ClockWrong)),
    row("seen: the same", TOKEN, Status::In(&[400, 401]), &["invalid_grant"], "iat and exp", fails(OPERATOR, Code::ClockWrong)),
    row("GAM: unknown or deleted administrator, bad signature, skewed clock, reauthentication policy", TOKEN, Status::In(&[400, 401, 403]), &["invalid_grant", "invalid_account", "invalid_client", "access_denied", "disabled_client", "deleted_client", "admin_policy_enforced", "org_internal"], "", fails(OPERATOR, Code::CredentialsRefused)),
    row("GAM: 'Backend Error' of the token endpoint", TOKEN, Status::Any, &["internal_failure", "server_error", "temporarily_unavailable"], "", fails(Kind::Transient, Code::BackendError)),
    row("RFC 6749, 5.2: our request is wrong", TOKEN, Status::In(&[400]), &["invalid_request", "unsupported_grant_type"], "", fails(Kind::Permanent, Code::RequestRefused)),

    // Without a key: Google signs for the service account, asked with the token of the machine's own account.
    row("seen: the machine has too few access scopes", SIGN, Status::In(&[403]), &["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"], "", fails(OPERATOR, Code::CredentialsUnusable)),
    row("seen: the same from newer back ends", SIGN, Status::In(&[403]), &[], "insufficient authentication scopes", fails(OPERATOR, Code::CredentialsUnusable)),
    row("seen: the IAM Credentials API is off in the project", SIGN, Status::In(&[403]), &["accessNotConfigured", "SERVICE_DISABLED"], "", fails(OPERATOR, Code::ApiDisabled)),
    row("seen: the same by its words", SIGN, Status::In(&[403]), &[], "has not been used in project", fails(OPERATOR, Code::ApiDisabled)),
    row("discovery iamcredentials: no role tokenCreator on the service account", SIGN, Status::In(&[403]), &["PERMISSION_DENIED", "forbidden"], "", fails(OPERATOR, Code::CredentialsUnusable)),
    row("discovery iamcredentials: no such service account, or it is disabled", SIGN, Status::In(&[400, 401, 404]), &["NOT_FOUND", "notFound", "FAILED_PRECONDITION", "failedPrecondition", "INVALID_ARGUMENT", "UNAUTHENTICATED", "authError", "required"], "", fails(OPERATOR, Code::CredentialsUnusable)),
    row("metadata server: no service account belongs to the machine", OWN_TOKEN, Status::In(&[400, 403, 404]), &[], "", fails(OPERATOR, Code::CredentialsUnusable)),

    // Slower. Quotas come as 403, 429 and 503, with and without an envelope.
    row("directory: quota of the day", Calls::AnyAndToken, Status::In(&[403, 429]), &["dailyLimitExceeded", "dailyLimitExceededUnreg"], "", fails(Kind::Throttled, Code::DailyQuotaSpent)),
    row("directory: 2,400 a minute, concurrent requests, quota metrics", Calls::AnyAndToken, Status::In(&[403, 503]), &["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED", "sharingRateLimitExceeded"], "", fails(Kind::Throttled, Code::RateLimited)),
    row("directory: per Workspace account, shared with other tools", Calls::AnyAndToken, Status::In(&[429]), &[], "", fails(Kind::Throttled, Code::RateLimited)),
    row("GAM: plain text", Calls::AnyAndToken, Status::In(&[403, 503]), &[], "quota exceeded for", fails(Kind::Throttled, Code::RateLimited)),
    row("GAM: plain text", Calls::AnyAndToken, Status::In(&[403, 503]), &[], "request rate higher than configured", fails(Kind::Throttled, Code::RateLimited)),

    // Switched off or not allowed, for every call.
    row("directory common errors: API access of the domain is off", Calls::Any, Status::In(&[403]), &["domainCannotUseApis"], "", fails(OPERATOR, Code::ApiDisabled)),
    row("GAM: the API is off in the project", Calls::Any, Status::In(&[403]), &["accessNotConfigured", "SERVICE_DISABLED"], "", fails(OPERATOR, Code::ApiDisabled)),
    row("GAM: the same from newer back ends", Calls::Any, Status::In(&[403]), &[], "has not been used in project", fails(OPERATOR, Code::ApiDisabled)),
    row("GAM: the token lacks a scope", Calls::Any, Status::In(&[403]), &["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"], "", fails(OPERATOR, Code::DelegationMissing)),
    row("GAM: the same from newer back ends", Calls::Any, Status::In(&[403]), &[], "insufficient authentication scopes", fails(OPERATOR, Code::DelegationMissing)),
    row("seen: the subject was dropped, or another customer's id", Calls::Any, Status::In(&[400]), &[], "invalid customer id", fails(OPERATOR, Code::CustomerMismatch)),
    // A 401 on a write may have been carried out (seen: terraform-provider-googleworkspace 0.7.0 on orgunits.insert).
    row("terraform-provider-googleworkspace 0.7.0: refused, and done", Calls::Writes, Status::In(&[401]), &[], "", fails(Kind::Transient, Code::CredentialsRefused)),
    row("Terraform: 'Login Required' passes by itself", Calls::Any, Status::In(&[401]), &[], "login required", fails(Kind::Transient, Code::CredentialsRefused)),
    row("directory: a fresh token was refused too", Calls::Any, Status::In(&[401]), &[], "", fails(OPERATOR, Code::CredentialsRefused)),

    // users.insert.
    row("seen: two writes at once", Calls::Writes, Status::In(&[409]), &[], "conflicting request", fails(Kind::Transient, Code::BackendError)),
    row("discovery: an account, alias, group or group alias holds the address", INSERT_USER, Status::In(&[409]), &["duplicate", "conflict", "ALREADY_EXISTS"], "", Then::Means(Meaning::AlreadyExists)),
    row("GAM: the same without a reason", INSERT_USER, Status::In(&[409]), &[], "already exists", Then::Means(Meaning::AlreadyExists)),
    row("seen: the cap on accounts", INSERT_USER, Status::In(&[400, 403, 412]), &["limitExceeded"], "", fails(OPERATOR, Code::SeatsSpent)),
    row("seen: the same by its words", INSERT_USER, Status::In(&[400, 403, 412]), &[], "user limit reached", fails(OPERATOR, Code::SeatsSpent)),
    young(row("seen: a new unit is refused for about 12 seconds", INSERT_USER, Status::In(&[403]), &["forbidden", "PERMISSION_DENIED"], "", fails(Kind::NotYet, Code::OrgUnitSettling))),
    young(row("GAM: the unit is not visible yet", INSERT_USER, Status::In(&[400]), &[], "invalid_ou_id", fails(Kind::NotYet, Code::OrgUnitSettling))),
    young(row("GAM: the unit is not visible yet", INSERT_USER, Status::In(&[400]), &[], "invalid org unit", fails(Kind::NotYet, Code::OrgUnitSettling))),
    young(row("GAM: the unit is not visible yet", INSERT_USER, Status::In(&[400]), &[], "invalid ou id", fails(Kind::NotYet, Code::OrgUnitSettling))),
    row("GAM: the unit is gone", INSERT_USER, Status::In(&[400]), &[], "invalid_ou_id", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the unit is gone", INSERT_USER, Status::In(&[400]), &[], "invalid org unit", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the unit is gone", INSERT_USER, Status::In(&[400]), &[], "invalid ou id", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: not a domain of the customer", INSERT_USER, Status::NotFound, &[], "domain", fails(OPERATOR, Code::DomainNotFound)),

    // users.undelete. What is refused may have been done before, so the step looks.
    row("GAM: the address is taken by now", UNDELETE_USER, Status::In(&[409]), &[], "", fails(OPERATOR, Code::RestoreRefused)),
    row("GAM: the cap on accounts", UNDELETE_USER, Status::In(&[400, 403, 412]), &["limitExceeded"], "", fails(OPERATOR, Code::SeatsSpent)),
    row("GAM: the same by its words", UNDELETE_USER, Status::In(&[400, 403, 412]), &[], "user limit reached", fails(OPERATOR, Code::SeatsSpent)),
    row("GAM: deleted more than 20 days ago", UNDELETE_USER, Status::In(&[412]), &["conditionNotMet", "FAILED_PRECONDITION"], "", fails(OPERATOR, Code::RestoreRefused)),
    row("GAM: no such deleted account", UNDELETE_USER, Status::NotFound, &[], "", fails(OPERATOR, Code::RestoreRefused)),
    row("GAM: the unit is gone", UNDELETE_USER, Status::In(&[400]), &[], "invalid_ou_id", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the unit is gone", UNDELETE_USER, Status::In(&[400]), &[], "invalid org unit", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the unit is gone", UNDELETE_USER, Status::In(&[400]), &[], "invalid ou id", fails(OPERATOR, Code::OrgUnitRefused)),

    // Accounts in general.
    row("GAM 7.00.10: for seconds after creation", Calls::Any, Status::In(&[412]), &[], "creation is not complete", fails(Kind::NotYet, Code::AccountSettling)),
    row("GAM: suspended by Google for abuse", Calls::Any, Status::In(&[412]), &["adminCannotUnsuspend"], "", fails(OPERATOR, Code::AccountSuspended)),
    row("GAM: the same by its words", Calls::Any, Status::In(&[412]), &[], "suspended for abuse", fails(OPERATOR, Code::AccountSuspended)),
    row("GAM: a deleted account that was archived needs a licence of its own kind", Calls::These(&[Call::UndeleteUser]), Status::In(&[412]), &[], "insufficient archived user licenses", fails(OPERATOR, Code::RestoreRefused)),
    row("GAM, better-auth: for a minute after somebody renamed the account", ON_AN_ACCOUNT, Status::In(&[409]), &["conflict"], "", fails(Kind::Transient, Code::BackendError)),
    row("better-auth: for a minute after somebody renamed the account, with the words of a duplicate", CHANGES, Status::In(&[409]), &["duplicate", "ALREADY_EXISTS"], "", fails(Kind::Transient, Code::BackendError)),
    row("GAM: 'deprovision' goes on; a suspended account cannot be signed out", SECURITY, Status::In(&[400]), &["invalid", "invalidInput", "invalidParameter"], "", Then::Means(Meaning::Unavailable)),
    row("GAM: an account, alias, group or group alias holds the address", INSERT_ALIAS, Status::In(&[409]), &["duplicate", "ALREADY_EXISTS"], "", Then::Means(Meaning::AlreadyExists)),
    row("GAM: the same without a reason", INSERT_ALIAS, Status::In(&[409]), &[], "already exists", Then::Means(Meaning::AlreadyExists)),
    row("guide (Directory): 30 aliases an account", INSERT_ALIAS, Status::In(&[400, 403, 412]), &["limitExceeded"], "", fails(Kind::Permanent, Code::RequestRefused)),
    row("GAM: no such account, or gone already", GONE, Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),
    row("discovery: no such account", Calls::These(&[Call::GetUser]), Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),
    row("discovery: no such group", Calls::These(&[Call::GetGroup]), Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),

    // orgunits.
    row("GAM: 'Invalid Ou Id' on insert is a duplicate", INSERT_UNIT, Status::In(&[400]), &[], "invalid ou id", Then::Means(Meaning::AlreadyExists)),
    row("seen: a duplicate on other paths", INSERT_UNIT, Status::In(&[409]), &[], "", Then::Means(Meaning::AlreadyExists)),
    row("GAM: the parent is missing", INSERT_UNIT, Status::In(&[400]), &[], "invalid parent orgunit id", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the name is refused", INSERT_UNIT, Status::In(&[400]), &[], "invalid ou name", fails(OPERATOR, Code::OrgUnitRefused)),
    row("GAM: the parent is below the unit", INSERT_UNIT, Status::In(&[412]), &[], "hierarchy has cycle", fails(OPERATOR, Code::OrgUnitRefused)),
    row("discovery: no such unit", Calls::These(&[Call::GetOrgUnit]), Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),

    // Roles.
    row("GAM: the role is held, said as a 500", INSERT_ASSIGNMENT, Status::In(&[400, 409, 412, 500]), &[], "role assignment exists", Then::Means(Meaning::AlreadyHeld)),
    row("GAM: the role is held", INSERT_ASSIGNMENT, Status::In(&[409]), &["duplicate", "ALREADY_EXISTS"], "", Then::Means(Meaning::AlreadyHeld)),
    row("GAM: the same without a reason", INSERT_ASSIGNMENT, Status::In(&[409]), &[], "already exists", Then::Means(Meaning::AlreadyHeld)),
    row("roles: 1,000 assignments a unit", INSERT_ASSIGNMENT, Status::Any, &["CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT", "customerExceededRoleAssignmentsLimit"], "", fails(OPERATOR, Code::RoleLimitReached)),
    row("roles: the same by its words", INSERT_ASSIGNMENT, Status::Any, &[], "EXCEEDED_ROLE_ASSIGNMENTS_LIMIT", fails(OPERATOR, Code::RoleLimitReached)),
    row("GAM: the account is too young", INSERT_ASSIGNMENT, Status::In(&[412]), &["conditionNotMet", "failedPrecondition", "FAILED_PRECONDITION"], "", fails(Kind::NotYet, Code::AccountSettling)),
    young(row("GAM: the same from newer back ends", INSERT_ASSIGNMENT, Status::In(&[400]), &["failedPrecondition", "FAILED_PRECONDITION"], "", fails(Kind::NotYet, Code::AccountSettling))),
    row("GAM: not possible with this role", ROLE_WRITES, Status::In(&[400, 412]), &["failedPrecondition", "FAILED_PRECONDITION"], "", fails(Kind::Permanent, Code::RequestRefused)),
    row("GAM: not possible with this role, said as a 500", ROLE_WRITES, Status::In(&[500, 501]), &["operationNotSupported"], "", fails(Kind::Permanent, Code::RequestRefused)),
    row("inferred: the account is not visible to roles yet", Calls::These(&[Call::InsertAssignment, Call::ListAssignments]), Status::NotFound, &[], "", fails(Kind::NotYet, Code::AccountSettling)),
    row("GAM: a role of that name", INSERT_ROLE, Status::In(&[409]), &["duplicate", "ALREADY_EXISTS"], "", Then::Means(Meaning::AlreadyExists)),
    row("GAM: the same without a reason", INSERT_ROLE, Status::In(&[409]), &[], "already exists", Then::Means(Meaning::AlreadyExists)),
    row("GAM 7.34.01: a pinned privilege is not offered to the customer", INSERT_ROLE, Status::In(&[400]), &[], "invalid role privileges", fails(OPERATOR, Code::RoleNotPinned)),

    // Licences.
    row("licensing: held", ASSIGN_LICENSE, Status::In(&[412]), &[], "already has a license for the specified product and sku", Then::Means(Meaning::AlreadyHeld)),
    row("licensing: another edition of the product is held", ASSIGN_LICENSE, Status::In(&[412]), &[], "with a different sku", fails(OPERATOR, Code::LicenseConflict)),
    row("GAM#1046: held, said as an exchange for itself", ASSIGN_LICENSE, Status::In(&[500]), &[], "new sku should be different than the old sku", Then::Means(Meaning::AlreadyHeld)),
    row("GAM#447, licensing: there is none to take away", REMOVE_LICENSE, Status::NotFound, &[], "does not have a license", Then::Means(Meaning::NotThere)),
    row("licensing: none left", ASSIGN_LICENSE, Status::In(&[412]), &[], "enough available licenses", fails(OPERATOR, Code::LicensesSpent)),
    row("licensing: automatic licensing is on", Calls::Of(Api::Licensing), Status::In(&[412]), &[], "auto license", fails(OPERATOR, Code::AutoLicensingOn)),
    row("GAM#1046, licensing: we never reassign", Calls::Of(Api::Licensing), Status::In(&[412, 500]), &[], "reassign operation", fails(Kind::Permanent, Code::RequestRefused)),
    row("GAM: the account is not known to licensing yet", ASSIGN_LICENSE, Status::In(&[400, 404]), &["invalid", "notFound", "INVALID_ARGUMENT", "NOT_FOUND"], "userid", fails(Kind::NotYet, Code::AccountSettling)),
    row("licensing: the same, or an address that it will never know", ASSIGN_LICENSE, Status::In(&[400]), &[], "user email not valid", fails(Kind::NotYet, Code::AccountSettling)),
    row("google-api-php-client#575: another customer's account", Calls::Of(Api::Licensing), Status::In(&[403]), &[], "unauthorized operation for the given domain", fails(OPERATOR, Code::NotAuthorized)),
    row("GAM: the same when one is taken away", REMOVE_LICENSE, Status::In(&[400, 404]), &["invalid", "notFound"], "userid", fails(Kind::NotYet, Code::AccountSettling)),
    row("licensing: the same when one is taken away", REMOVE_LICENSE, Status::In(&[400]), &[], "user email not valid", fails(Kind::NotYet, Code::AccountSettling)),
    young(row("seen: a new account is forbidden for a while", REMOVE_LICENSE, Status::In(&[403]), &["forbidden", "PERMISSION_DENIED"], "", fails(Kind::NotYet, Code::AccountSettling))),
    row("licensing: a product that the customer does not have", LIST_LICENSES, Status::In(&[400]), &[], "product does not exist", Then::Means(Meaning::NotThere)),
    row("inferred: the same as a 404", LIST_LICENSES, Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),
    row("GAM#1176: quota, outage, or a site licence", ASSIGN_LICENSE, Status::In(&[503]), &["backendError"], "", Then::Means(Meaning::Unavailable)),
    row("licensing limits: a spent quota is a 503", Calls::Of(Api::Licensing), Status::In(&[503]), &["backendError"], "", fails(Kind::Throttled, Code::RateLimited)),

    // Unmanaged accounts: GAM takes each of these for "nobody to invite".
    row("GAM: nobody to invite", INVITABLE, Status::NotFound, &[], "", Then::Means(Meaning::NotThere)),
    row("GAM: nobody to invite", INVITABLE, Status::In(&[400, 403]), &["badRequest", "invalid", "invalidArgument", "failedPrecondition", "forbidden", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "PERMISSION_DENIED"], "", Then::Means(Meaning::NotThere)),

    // What is left of the common answers.
    young(row("seen: a new account is forbidden for a while", ABOUT_AN_ACCOUNT, Status::In(&[403]), &["forbidden", "PERMISSION_DENIED"], "", fails(Kind::NotYet, Code::AccountSettling))),
    young(row("GAM: a new account takes changes only when it is complete", ON_AN_ACCOUNT, Status::In(&[400, 412]), &["conditionNotMet", "failedPrecondition", "FAILED_PRECONDITION"], "", fails(Kind::NotYet, Code::AccountSettling))),
    row("directory: no right, or not our domain or customer", Calls::Any, Status::In(&[403]), &["forbidden", "permissionDenied", "PERMISSION_DENIED", "authError"], "", fails(OPERATOR, Code::NotAuthorized)),
    row("GAM: our request is malformed", Calls::Any, Status::In(&[400]), &["badRequest", "invalid", "invalidInput", "invalidArgument", "required", "parseError", "INVALID_ARGUMENT"], "", fails(Kind::Permanent, Code::RequestRefused)),
    row("discovery: no such customer", Calls::These(&[Call::GetCustomer, Call::ListDomains]), Status::NotFound, &[], "", fails(OPERATOR, Code::CustomerMismatch)),
    row("seen: no answer in time, from a proxy", Calls::AnyAndToken, Status::In(&[408]), &[], "", fails(Kind::Transient, Code::Timeout)),
    row("better-auth: some proxy's page says nothing about the thing; reading again does no harm", Calls::Reads, Status::NotFoundPage, &[], "", fails(Kind::Transient, Code::UnknownAnswer)),
    row("directory: Google's own faults", Calls::AnyAndToken, Status::Server, &[], "", fails(Kind::Transient, Code::BackendError)),
];
