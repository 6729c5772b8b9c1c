//! What public sources say that Google answers, line by line, each as a whole body in the shape that it comes in, and what the table
//! makes of it while the thing is young and when it is not.
//! Not here: what is no answer of one call but a case of a step, and tested there: who holds an address (`steps/account`), what to do after
//! a refused unit (`a_refused_unit_is_looked_for_and_adopted`), 202 and the password (`making_an_account_has_three_ends`), empty pages
//! (`lists_go_on_through_empty_pages_and_are_whole_or_nothing`), whose account it is (`guard`), and the licence that comes with the site
//! (`steps/license`).

use super::answer::Answer;
use super::call::Call;
use super::classify::{Meaning, Then, Verdict, classify};
use crate::model::failure::{FailureCode as Code, FailureKind as Kind, Who};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The shapes that bodies come in.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// Reason and message in `errors`.
    Classic(&'static str, &'static str),
    /// Newer back ends: `status` and message only.
    Newer(&'static str, &'static str),
    /// A page or plain text.
    Page(&'static str),
    /// `error` and `error_description` of the token endpoint.
    Token(&'static str, &'static str),
}

use Body::{Classic, Newer, Page, Token};

const OPERATOR: Kind = Kind::Needs(Who::Operator);
const FORBIDDEN: &str = "Not Authorized to access this resource/api";
const BACKEND: Then = Then::Fails(Kind::Transient, Code::BackendError);
const SLOWER: Then = Then::Fails(Kind::Throttled, Code::RateLimited);
const DELEGATION: Then = Then::Fails(OPERATOR, Code::DelegationMissing);
const API_OFF: Then = Then::Fails(OPERATOR, Code::ApiDisabled);
const NO_RIGHT: Then = Then::Fails(OPERATOR, Code::NotAuthorized);
const OUR_FAULT: Then = Then::Fails(Kind::Permanent, Code::RequestRefused);
const UNCLEAR: Then = Then::Fails(Kind::Transient, Code::UnknownAnswer);
const UNKNOWN: Then = Then::Fails(Kind::Permanent, Code::UnknownAnswer);
const SETTLING: Then = Then::Fails(Kind::NotYet, Code::AccountSettling);
const UNIT_SETTLING: Then = Then::Fails(Kind::NotYet, Code::OrgUnitSettling);
const UNIT_REFUSED: Then = Then::Fails(OPERATOR, Code::OrgUnitRefused);
const SEATS: Then = Then::Fails(OPERATOR, Code::SeatsSpent);
const NO_DOMAIN: Then = Then::Fails(OPERATOR, Code::DomainNotFound);
const LOGIN: Then = Then::Fails(Kind::Transient, Code::CredentialsRefused);
const LOCKED_OUT: Then = Then::Fails(OPERATOR, Code::CredentialsRefused);
const AUTOMATIC: Then = Then::Fails(OPERATOR, Code::AutoLicensingOn);
const ROLE_LIMIT: Then = Then::Fails(OPERATOR, Code::RoleLimitReached);
const EXISTS: Then = Then::Means(Meaning::AlreadyExists);
const HELD: Then = Then::Means(Meaning::AlreadyHeld);
const NOT_THERE: Then = Then::Means(Meaning::NotThere);

/// The calls whose answers depend on the age of an account.
const ON_AN_ACCOUNT: &[Call] = &[Call::AssignLicense, Call::InsertAssignment];

fn answer(status: u16, body: Body) -> Answer {
    let json = |body: Value| (true, body.to_string());
    let (is_json, body) = match body {
        Classic(reason, message) => {
            let item = json!({"domain": "global", "reason": reason, "message": message});
            json(json!({"error": {"code": status, "message": message, "errors": [item]}}))
        }
        Newer(name, message) => json(json!({"error": {"code": status, "message": message, "status": name}})),
        Page(text) => (false, text.to_owned()),
        Token(error, description) => json(json!({"error": error, "error_description": description})),
    };
    Answer { status, retry_after: None, is_json, body: body.into_bytes() }
}

/// Source, status, body, what it means while the thing is young, and what later.
type Fact = (&'static str, u16, Body, Then, Then);

fn check(calls: &[Call], facts: &[Fact]) {
    for call in calls {
        for (source, status, body, young, old) in facts {
            assert!(!source.is_empty());
            let error = answer(*status, *body).error(*call, &[]);
            let ages = [(Some(1), young), (Some(60), old), (None, old)];
            for (minutes, expected) in ages {
                let age = minutes.map(SignedDuration::from_mins);
                let found = match classify(&error, age) {
                    Verdict::Means(meaning) => Then::Means(meaning),
                    Verdict::Fails(failure) => Then::Fails(failure.kind, failure.code),
                };
                assert_eq!(
                    found, *expected,
                    "{call:?} {status} {body:?} after {minutes:?} minutes: {source}"
                );
            }
        }
    }
}

/// Facts that do not depend on age.
fn check_always(calls: &[Call], facts: &[(&'static str, u16, Body, Then)]) {
    let facts: Vec<Fact> =
        facts.iter().map(|(source, status, body, then)| (*source, *status, *body, *then, *then)).collect();
    check(calls, &facts);
}

/// Those that no row about a single call could catch.
const COMMON: &[Call] =
    &[Call::ListUsers, Call::GetOrgUnit, Call::ListRoles, Call::ListPolicies, Call::ListActivities];

#[test]
#[rustfmt::skip]
fn common_failures_of_every_call() {
    check_always(COMMON, &[
        ("Terraform retry_predicates.go", 401, Classic("required", "Login Required"), LOGIN),
        ("guide (Directory)", 401, Classic("authError", "Invalid Credentials"), LOCKED_OUT),
        ("guide (Directory)", 401, Newer("UNAUTHENTICATED", "Request had invalid authentication credentials."), LOCKED_OUT),
        ("seen; PSGSuite#191", 403, Classic("forbidden", FORBIDDEN), NO_RIGHT),
        ("seen", 403, Newer("PERMISSION_DENIED", FORBIDDEN), NO_RIGHT),
        ("guide (reseller, common errors)", 403, Classic("domainCannotUseApis", "Domain cannot use apis"), API_OFF),
        ("GAM", 403, Classic("insufficientPermissions", "Insufficient Permission"), DELEGATION),
        ("GAM", 403, Newer("PERMISSION_DENIED", "Request had insufficient authentication scopes."), DELEGATION),
        ("GAM", 403, Classic("accessNotConfigured", "Access Not Configured"), API_OFF),
        ("GAM", 403, Newer("PERMISSION_DENIED", "Admin SDK API has not been used in project 7 before or it is disabled."), API_OFF),
        ("guide (Directory, limits)", 403, Classic("userRateLimitExceeded", ""), SLOWER),
        ("guide (Directory, limits)", 403, Classic("quotaExceeded", "limit of concurrent requests for a certain operation"), SLOWER),
        ("GAM", 403, Classic("rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit"), SLOWER),
        ("guide (reseller, common errors)", 403, Classic("dailyLimitExceeded", ""), Then::Fails(Kind::Throttled, Code::DailyQuotaSpent)),
        ("guide (Directory, limits)", 429, Classic("rateLimitExceeded", ""), SLOWER),
        ("guide (Directory, limits)", 429, Classic("quotaExceeded", ""), SLOWER),
        ("guide (Directory, limits)", 429, Newer("RESOURCE_EXHAUSTED", "Quota exceeded."), SLOWER),
        ("GAM", 500, Classic("internalError", "Internal error encountered."), BACKEND),
        ("GAM", 500, Classic("backendError", "Backend Error"), BACKEND),
        ("GAM", 500, Classic("unknownError", ""), BACKEND),
        ("guide (Directory, error codes)", 503, Newer("UNAVAILABLE", "The service is currently unavailable."), BACKEND),
        ("GAM", 400, Classic("badRequest", "Bad Request"), OUR_FAULT),
        ("GAM", 400, Classic("badRequest", "Type not supported: userKey"), OUR_FAULT),
        ("GAM", 400, Newer("INVALID_ARGUMENT", "Request contains an invalid argument."), OUR_FAULT),
        ("seen: the subject was dropped", 400, Classic("invalid", "Invalid Customer Id"), Then::Fails(OPERATOR, Code::CustomerMismatch)),
        ("GAM", 412, Classic("adminCannotUnsuspend", "Cannot restore a user suspended for abuse."), Then::Fails(OPERATOR, Code::AccountSuspended)),
        ("GAM", 412, Newer("FAILED_PRECONDITION", "Cannot restore a user suspended for abuse."), Then::Fails(OPERATOR, Code::AccountSuspended)),
        ("no source: nobody knows", 400, Newer("FAILED_PRECONDITION", "Precondition check failed."), UNKNOWN),
        ("no source: nobody knows", 409, Newer("ALREADY_EXISTS", "Requested entity already exists."), UNKNOWN),
    ]);
}

#[test]
#[rustfmt::skip]
fn bodies_without_an_envelope() {
    check_always(COMMON, &[
        ("GAM", 403, Page("Request rate higher than configured"), SLOWER),
        ("GAM", 429, Page("Quota exceeded for quota metric 'Queries'"), SLOWER),
        ("GAM", 503, Page("Quota exceeded for the current request"), SLOWER),
        ("GAM", 502, Page("<html>Bad Gateway"), BACKEND),
        ("GAM", 504, Page("Gateway Timeout"), BACKEND),
        ("GAM", 503, Page(""), BACKEND),
        ("no source: nobody knows", 403, Page("<html>Forbidden"), UNKNOWN),
        ("no source: nobody knows", 409, Page("<html>Conflict"), UNKNOWN),
        ("no source: nobody knows", 412, Page("<html>"), UNKNOWN),
    ]);
    let reads = [Call::GetUser, Call::ListUsers, Call::ListLicenses, Call::GetOrgUnit];
    check_always(&reads, &[("better-auth: a wrong address", 404, Page("<html>Not Found"), UNCLEAR)]);
    let writes = [Call::InsertUser, Call::InsertRole, Call::InsertAssignment, Call::AssignLicense];
    check_always(&writes, &[
        ("no source: nobody knows", 409, Page("<html>Conflict"), UNKNOWN),
        ("no source: nobody knows", 412, Page("<html>"), UNKNOWN),
        ("better-auth: a wrong address", 404, Page("<html>Not Found"), UNKNOWN),
    ]);
}

#[test]
#[rustfmt::skip]
fn organisational_units() {
    check_always(&[Call::InsertOrgUnit], &[
        ("GAM; Evolveum connector-googleapps", 400, Classic("invalid", "Invalid Ou Id"), EXISTS),
        ("seen: on other paths", 409, Classic("duplicate", "Entity already exists."), EXISTS),
        ("seen: on other paths", 409, Newer("ALREADY_EXISTS", ""), EXISTS),
        ("seen: two writes at once", 409, Classic("conflict", "Conflicting requests"), BACKEND),
        ("GAM: or there already, so the step looks", 500, Classic("backendError", ""), BACKEND),
        ("guide (limits): one a second; or there already", 503, Classic("backendError", ""), BACKEND),
        ("guide (limits): one a second", 429, Classic("rateLimitExceeded", ""), SLOWER),
        ("GAM", 400, Classic("invalid", "Invalid Parent Orgunit Id"), UNIT_REFUSED),
        ("GAM", 400, Classic("invalid", "Invalid Ou Name"), UNIT_REFUSED),
        ("GAM", 400, Classic("invalidInput", "Invalid Input: Inconsistent Orgunit id and path in request"), OUR_FAULT),
        ("GAM", 412, Classic("conditionNotMet", "OrgUnit hierarchy has cycle"), UNIT_REFUSED),
        ("Terraform 0.7.0: refused, and done", 401, Classic("required", "Login Required"), LOGIN),
        ("Terraform 0.7.0: refused, and done", 401, Classic("authError", "Invalid Credentials"), LOGIN),
    ]);
    check_always(&[Call::GetOrgUnit], &[
        ("GAM", 404, Classic("notFound", "Org unit not found"), NOT_THERE),
        ("GAM", 404, Newer("NOT_FOUND", "Requested entity was not found."), NOT_THERE),
    ]);
}

#[test]
#[rustfmt::skip]
fn making_an_account() {
    check(&[Call::InsertUser], &[
        ("discovery; Evolveum connector-googleapps", 409, Classic("duplicate", "Entity already exists."), EXISTS, EXISTS),
        ("discovery", 409, Newer("ALREADY_EXISTS", "Requested entity already exists."), EXISTS, EXISTS),
        ("seen: two writes at once", 409, Classic("conflict", "Conflicting requests"), BACKEND, BACKEND),
        ("seen", 412, Classic("limitExceeded", "Domain user limit reached. Contact Support."), SEATS, SEATS),
        ("seen", 412, Classic("conditionNotMet", "Domain user limit reached. Start paid subscription."), SEATS, SEATS),
        ("seen: the cap as a 400", 400, Classic("limitExceeded", ""), SEATS, SEATS),
        ("GAM 7.00.10", 412, Classic("conditionNotMet", "User creation is not complete."), SETTLING, SETTLING),
        ("seen: 0.4 s refused, 12 s fine; PSGSuite#191", 403, Classic("forbidden", FORBIDDEN), UNIT_SETTLING, NO_RIGHT),
        ("seen: the same", 403, Newer("PERMISSION_DENIED", FORBIDDEN), UNIT_SETTLING, NO_RIGHT),
        ("GAM", 400, Classic("invalid", "Invalid Input: INVALID_OU_ID"), UNIT_SETTLING, UNIT_REFUSED),
        ("GAM", 400, Classic("invalid", "Invalid Org Unit"), UNIT_SETTLING, UNIT_REFUSED),
        ("GAM", 400, Classic("invalid", "Invalid Ou Id"), UNIT_SETTLING, UNIT_REFUSED),
        ("GAM", 400, Classic("invalid", "Invalid Input: primary_user_email"), OUR_FAULT, OUR_FAULT),
        ("GAM: of the old API; unverified for this one", 400, Classic("invalid", "Invalid Password"), OUR_FAULT, OUR_FAULT),
        ("GAM", 404, Classic("notFound", "Domain not found"), NO_DOMAIN, NO_DOMAIN),
        ("GAM", 404, Classic("notFound", "Resource Not Found: domain"), NO_DOMAIN, NO_DOMAIN),
        ("guide (limits): 10 a second and domain", 503, Classic("backendError", ""), BACKEND, BACKEND),
    ]);
    check_always(&[Call::GetUser], &[
        ("GAM", 404, Classic("notFound", "Resource Not Found: userKey"), NOT_THERE),
        ("GAM", 404, Newer("NOT_FOUND", "Requested entity was not found."), NOT_THERE),
    ]);
    check_always(&[Call::GetGroup], &[("GAM", 404, Classic("notFound", "Resource Not Found: groupKey"), NOT_THERE)]);
    check_always(&[Call::UndeleteUser], &[
        ("GAM", 412, Classic("conditionNotMet", "Insufficient archived user licenses"), Then::Fails(OPERATOR, Code::RestoreRefused)),
    ]);
}

#[test]
#[rustfmt::skip]
fn changes_of_an_account_that_is_young_or_was_just_renamed() {
    check(ON_AN_ACCOUNT, &[
        ("GAM 7.00.10", 412, Classic("conditionNotMet", "User creation is not complete."), SETTLING, SETTLING),
        ("Terraform #213", 403, Classic("forbidden", FORBIDDEN), SETTLING, NO_RIGHT),
        ("GAM; better-auth", 409, Classic("conflict", "Entity already exists."), BACKEND, BACKEND),
        ("seen: two writes at once", 409, Newer("ABORTED", "Conflicting requests"), BACKEND, BACKEND),
    ]);
    check(&[Call::AssignLicense, Call::RemoveLicense], &[
        ("GAM", 412, Classic("conditionNotMet", "Precondition Failed"), SETTLING, UNKNOWN),
        ("GAM", 400, Newer("FAILED_PRECONDITION", "Precondition check failed."), SETTLING, UNKNOWN),
    ]);
}

#[test]
#[rustfmt::skip]
fn licences() {
    check_always(&[Call::AssignLicense], &[
        ("guide (licensing); Okta", 412, Classic("conditionNotMet", "User already has a license for the specified product and SKU"), HELD),
        ("guide (licensing)", 412, Classic("conditionNotMet", "User already has a license of the product, but with a different SKU. To reassign a new SKU for this product, use the \"update\" operation."), Then::Fails(OPERATOR, Code::LicenseConflict)),
        ("guide (licensing)", 412, Classic("conditionNotMet", "There aren't enough available licenses for the specified product-SKU pair"), Then::Fails(OPERATOR, Code::LicensesSpent)),
        ("guide (licensing); Okta", 412, Classic("conditionNotMet", "Auto License un-assignment is not allowed"), AUTOMATIC),
        ("guide (licensing); Okta", 412, Classic("conditionNotMet", "Auto License switching is not allowed"), AUTOMATIC),
        ("guide (licensing)", 412, Classic("conditionNotMet", "For reassign operations, the new SKU should be different from the old SKU: 1"), OUR_FAULT),
        ("guide (licensing)", 412, Classic("conditionNotMet", "Reassign operation can't be performed on different products: 1"), OUR_FAULT),
        ("GAM#1046", 500, Classic("internalError", "500: For reassign operation new sku should be different than the old sku"), HELD),
        ("GAM#1176", 400, Classic("invalid", "Invalid skuId: to"), OUR_FAULT),
        ("guide (licensing)", 400, Classic("invalid", "SKU or product does not exist"), OUR_FAULT),
        ("guide (licensing); too young is unverified", 400, Classic("invalid", "User email not valid"), SETTLING),
        ("GAM", 400, Classic("invalid", "Invalid Value: userId"), SETTLING),
        ("GAM", 404, Classic("notFound", "Resource not found: userId"), SETTLING),
        ("GAM", 404, Newer("NOT_FOUND", "Resource not found: userId"), SETTLING),
        ("guide (licensing, limits); GAM#1176; Okta", 503, Classic("backendError", "Backend Error"), Then::Means(Meaning::Unavailable)),
        ("GAM 6.25.01", 503, Classic("serviceNotAvailable", "The service is currently unavailable."), BACKEND),
        ("GAM 6.25.01", 503, Newer("UNAVAILABLE", "The service is currently unavailable."), BACKEND),
        ("GAM", 500, Classic("internalError", "Internal error encountered."), BACKEND),
    ]);
    let licensing = [Call::AssignLicense, Call::ListLicenses];
    check_always(&licensing, &[("google-api-php-client#575", 403, Classic("forbidden", "Unauthorized operation for the given domain"), NO_RIGHT)]);
    check_always(&[Call::ListLicenses], &[
        ("guide (licensing)", 400, Classic("invalid", "SKU or product does not exist"), NOT_THERE),
        ("inferred", 404, Classic("notFound", "Not Found"), NOT_THERE),
        ("guide (licensing, limits)", 503, Classic("backendError", "Backend Error"), SLOWER),
        ("GAM", 400, Classic("invalid", "Invalid skuId: to"), OUR_FAULT),
    ]);
}

#[test]
#[rustfmt::skip]
fn roles() {
    check(&[Call::InsertAssignment], &[
        ("GAM", 500, Classic("internalError", "Role assignment exists: roleAssignment 1"), HELD, HELD),
        ("GAM", 500, Newer("INTERNAL", "Role assignment exists: roleId"), HELD, HELD),
        ("GAM", 409, Classic("duplicate", "Entity already exists."), HELD, HELD),
        ("GAM", 409, Newer("ALREADY_EXISTS", ""), HELD, HELD),
        ("GAM: maybe applied, so the step looks", 500, Classic("internalError", "Internal error encountered."), BACKEND, BACKEND),
        ("GAM; guide (manage roles)", 400, Classic("CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT", ""), ROLE_LIMIT, ROLE_LIMIT),
        ("GAM; guide (manage roles)", 412, Newer("FAILED_PRECONDITION", "CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT"), ROLE_LIMIT, ROLE_LIMIT),
        ("GAM 7.34.01", 400, Classic("invalid", "Invalid scope value"), OUR_FAULT, OUR_FAULT),
        ("GAM", 412, Classic("conditionNotMet", ""), SETTLING, SETTLING),
        ("GAM", 412, Classic("failedPrecondition", ""), SETTLING, SETTLING),
        ("GAM", 400, Classic("failedPrecondition", ""), SETTLING, OUR_FAULT),
        ("GAM", 404, Classic("notFound", ""), SETTLING, SETTLING),
        ("GAM 6.72.02", 404, Classic("resourceNotFound", "Does not exist"), SETTLING, SETTLING),
        ("GAM", 501, Classic("operationNotSupported", "Operation not supported"), OUR_FAULT, OUR_FAULT),
        ("GAM", 500, Classic("operationNotSupported", "Operation not supported"), OUR_FAULT, OUR_FAULT),
        ("help 9807615: no super administrator", 403, Classic("permissionDenied", ""), NO_RIGHT, NO_RIGHT),
    ]);
    check_always(&[Call::InsertRole], &[
        ("GAM 7.34.01", 400, Classic("invalid", "Invalid Role privileges"), Then::Fails(OPERATOR, Code::RoleNotPinned)),
        ("GAM 7.34.01", 400, Classic("required", "Required parameter: [resource.privileges[0].service_id]"), OUR_FAULT),
        ("GAM", 409, Classic("duplicate", "Entity already exists."), EXISTS),
        ("GAM", 400, Newer("FAILED_PRECONDITION", "Precondition check failed."), OUR_FAULT),
        ("help 9807615: no super administrator", 403, Classic("forbidden", FORBIDDEN), NO_RIGHT),
    ]);
    check_always(&[Call::ListAssignments], &[("inferred", 404, Classic("notFound", "userKey"), SETTLING)]);
}

#[test]
#[rustfmt::skip]
fn changing_an_account_and_ending_access() {
    check(&[Call::UpdateUser, Call::DeleteUser], &[
        ("GAM 7.00.10", 412, Classic("conditionNotMet", "User creation is not complete."), SETTLING, SETTLING),
        ("GAM: too new", 412, Classic("conditionNotMet", "Precondition Failed"), SETTLING, UNKNOWN),
        ("Terraform #440: an administrator, and the delegation is no super administrator's", 403, Classic("forbidden", FORBIDDEN), SETTLING, NO_RIGHT),
        ("better-auth: just renamed", 409, Classic("duplicate", "Entity already exists."), BACKEND, BACKEND),
        ("GAM: just renamed", 409, Classic("conflict", "Entity already exists."), BACKEND, BACKEND),
        ("seen: two writes at once", 409, Newer("ABORTED", "Conflicting requests"), BACKEND, BACKEND),
        ("GAM: gone", 404, Classic("notFound", "Resource Not Found: userKey"), NOT_THERE, NOT_THERE),
        ("Terraform: refused, maybe done, so the step looks", 401, Classic("required", "Login Required"), LOGIN, LOGIN),
    ]);
    check_always(&[Call::UpdateUser], &[
        ("GAM", 412, Classic("adminCannotUnsuspend", "Cannot restore a user suspended for abuse."), Then::Fails(OPERATOR, Code::AccountSuspended)),
        ("GAM: of the old API; unverified for this one", 400, Classic("invalid", "Invalid Password"), OUR_FAULT),
    ]);
    let taken_away = [Call::RemoveAssignment, Call::DeleteToken, Call::DeletePassword, Call::SignOut, Call::InvalidateCodes];
    check_always(&taken_away, &[
        ("GAM: gone already", 404, Classic("notFound", "Does not exist"), NOT_THERE),
        ("GAM: the same from newer back ends", 404, Newer("NOT_FOUND", "Requested entity was not found."), NOT_THERE),
        ("better-auth: a wrong address is no success", 404, Page("<html>Not Found"), UNKNOWN),
        ("GAM: maybe applied, so the step looks", 500, Classic("internalError", "Internal error encountered."), BACKEND),
    ]);
    let lists = [Call::ListTokens, Call::ListPasswords, Call::ListAliases];
    check_always(&lists, &[
        ("GAM: no such account", 404, Classic("notFound", "Resource Not Found: userKey"), NOT_THERE),
        ("better-auth: a wrong address", 404, Page("<html>Not Found"), UNCLEAR),
    ]);
    let refused_by_suspended = [Call::SignOut, Call::DeleteToken, Call::DeletePassword, Call::InvalidateCodes];
    check_always(&refused_by_suspended, &[
        ("GAM catches it; the words are unverified", 400, Classic("invalid", "Invalid Input: userKey"), Then::Means(Meaning::Unavailable)),
        ("GAM", 400, Classic("invalidInput", ""), Then::Means(Meaning::Unavailable)),
        ("GAM: but not where a scope is missing", 403, Newer("PERMISSION_DENIED", "Request had insufficient authentication scopes."), DELEGATION),
    ]);
    check_always(&[Call::InsertAlias], &[
        ("GAM", 409, Classic("duplicate", "Entity already exists."), EXISTS),
        ("GAM", 409, Newer("ALREADY_EXISTS", ""), EXISTS),
        ("GAM: just renamed", 409, Classic("conflict", "Entity already exists."), BACKEND),
        ("guide (Directory)", 412, Classic("limitExceeded", ""), OUR_FAULT),
    ]);
}

#[test]
#[rustfmt::skip]
fn who_can_be_invited() {
    check_always(&[Call::IsInvitable], &[
        ("GAM", 404, Classic("notFound", ""), NOT_THERE),
        ("GAM", 404, Newer("NOT_FOUND", ""), NOT_THERE),
        ("GAM", 400, Newer("INVALID_ARGUMENT", ""), NOT_THERE),
        ("GAM", 403, Newer("PERMISSION_DENIED", FORBIDDEN), NOT_THERE),
        ("GAM: but not where a scope is missing", 403, Newer("PERMISSION_DENIED", "Request had insufficient authentication scopes."), DELEGATION),
        ("GAM: nor where the API is off", 403, Newer("PERMISSION_DENIED", "Cloud Identity API has not been used in project 7"), API_OFF),
    ]);
}

#[test]
#[rustfmt::skip]
fn the_token_endpoint() {
    check_always(&[Call::Token], &[
        ("RFC 6749; GAM; seen", 401, Token("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method"), DELEGATION),
        ("GAM; seen", 400, Token("invalid_grant", "Invalid email or User ID"), LOCKED_OUT),
        ("GAM", 400, Token("access_denied", "Requested client not authorized"), LOGIN),
        ("GAM", 500, Token("internal_failure", "Backend Error"), BACKEND),
    ]);
}
