//! Google's texts as they were seen and what carepass makes of them, then each row of the table by itself.

use super::*;
use crate::google::answer::{Answer, Shown};
use crate::model::failure::Who;
use FailureCode as Code;
use FailureKind::{NotYet, Permanent, Throttled, Transient};
use serde_json::json;

const OPERATOR: FailureKind = FailureKind::Needs(Who::Operator);
const MINUTE: Option<SignedDuration> = Some(SignedDuration::from_mins(1));
const HOUR: Option<SignedDuration> = Some(SignedDuration::from_hours(1));

fn error(call: Call, status: u16, reason: &str, message: &str) -> ApiError {
    ApiError {
        call,
        status,
        code: Some(status),
        reason: reason.to_owned(),
        message: message.to_owned(),
        shown: Shown { reason: reason.to_owned(), message: message.to_owned() },
        structured: true,
        retry_after: None,
    }
}

fn verdict(error: &ApiError, age: Option<SignedDuration>) -> Then {
    match classify(error, age) {
        Verdict::Means(meaning) => Then::Means(meaning),
        Verdict::Fails(failure) => Then::Fails(failure.kind, failure.code),
    }
}

fn check(call: Call, status: u16, reason: &str, message: &str, expected: Then) {
    for age in [None, MINUTE, HOUR] {
        assert_eq!(
            verdict(&error(call, status, reason, message), age),
            expected,
            "{call:?} {status} {reason} {message}"
        );
    }
}

fn check_by_age(call: Call, status: u16, reason: &str, message: &str, young: Then, old: Then) {
    for (age, expected) in [(MINUTE, young), (HOUR, old), (None, old)] {
        let given = error(call, status, reason, message);
        assert_eq!(verdict(&given, age), expected, "{call:?} {status} {reason} {message} {age:?}");
    }
}

fn fails(kind: FailureKind, code: Code) -> Then {
    Then::Fails(kind, code)
}

#[test]
fn common_answers() {
    let call = Call::ListUsers;
    check(
        call,
        403,
        "forbidden",
        "Not Authorized to access this resource/api",
        fails(OPERATOR, Code::NotAuthorized),
    );
    check(call, 403, "domainCannotUseApis", "Domain cannot use apis", fails(OPERATOR, Code::ApiDisabled));
    let scopes = "Request had insufficient authentication scopes.";
    check(call, 403, "PERMISSION_DENIED", scopes, fails(OPERATOR, Code::DelegationMissing));
    check(call, 403, "insufficientPermissions", scopes, fails(OPERATOR, Code::DelegationMissing));
    let disabled =
        "Admin SDK API has not been used in project 1 before or it is disabled. Enable it by visiting";
    check(call, 403, "accessNotConfigured", disabled, fails(OPERATOR, Code::ApiDisabled));
    check(call, 403, "PERMISSION_DENIED", disabled, fails(OPERATOR, Code::ApiDisabled));
    for reason in ["userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded"] {
        check(call, 403, reason, "", fails(Throttled, Code::RateLimited));
    }
    check(call, 403, "dailyLimitExceeded", "", fails(Throttled, Code::DailyQuotaSpent));
    for reason in ["rateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED", ""] {
        check(call, 429, reason, "", fails(Throttled, Code::RateLimited));
    }
    for (status, reason) in [
        (500, "internalError"),
        (500, "backendError"),
        (500, "unknownError"),
        (502, ""),
        (504, ""),
        (503, "backendError"),
        (503, "UNAVAILABLE"),
    ] {
        check(
            call,
            status,
            reason,
            "Service unavailable. Please try again",
            fails(Transient, Code::BackendError),
        );
    }
    check(call, 400, "badRequest", "Type not supported: userKey", fails(Permanent, Code::RequestRefused));
    check(call, 400, "invalid", "Invalid Customer Id", fails(OPERATOR, Code::CustomerMismatch));
    check(call, 401, "required", "Login Required", fails(Transient, Code::CredentialsRefused));
    check(call, 401, "required", "", fails(OPERATOR, Code::CredentialsRefused));
    check(call, 401, "authError", "Invalid Credentials", fails(OPERATOR, Code::CredentialsRefused));
    for call in [Call::InsertOrgUnit, Call::InsertUser, Call::AssignLicense, Call::InsertAssignment] {
        check(call, 401, "required", "Login Required", fails(Transient, Code::CredentialsRefused));
    }
}

#[test]
fn answers_without_an_envelope() {
    for (status, text, expected) in [
        (403, "Request rate higher than configured", fails(Throttled, Code::RateLimited)),
        (503, "Quota exceeded for the current request", fails(Throttled, Code::RateLimited)),
        (429, "Quota exceeded for quota metric 'Queries'", fails(Throttled, Code::RateLimited)),
        (502, "<html>Bad Gateway</html>", fails(Transient, Code::BackendError)),
        (504, "Gateway Timeout", fails(Transient, Code::BackendError)),
        (403, "<html>asa.oberg is forbidden</html>", fails(Permanent, Code::UnknownAnswer)),
        (404, "<html>Not Found</html>", fails(Transient, Code::UnknownAnswer)),
        (302, "", fails(Permanent, Code::UnknownAnswer)),
    ] {
        let plain = ApiError { code: None, structured: false, ..error(Call::GetUser, status, "", text) };
        assert_eq!(verdict(&plain, HOUR), expected, "{status} {text}");
        let Verdict::Fails(failure) = classify(&plain, HOUR) else { panic!("a failure") };
        assert!(!failure.detail.contains("oberg") && !failure.detail.contains("html"), "{}", failure.detail);
    }
}

#[test]
fn only_googles_own_404_says_that_a_thing_is_not_there() {
    let missing = "Resource Not Found: userKey";
    for call in [Call::GetUser, Call::GetOrgUnit, Call::ListLicenses] {
        check(call, 404, "notFound", missing, Then::Means(Meaning::NotThere));
        for (code, kind) in [(None, Transient), (Some(400), Permanent)] {
            let page = ApiError { code, ..error(call, 404, "notFound", missing) };
            assert_eq!(verdict(&page, HOUR), fails(kind, Code::UnknownAnswer));
        }
    }
}

#[test]
fn making_an_account() {
    let call = Call::InsertUser;
    check(call, 409, "duplicate", "Entity already exists.", Then::Means(Meaning::AlreadyExists));
    check(call, 409, "ALREADY_EXISTS", "", Then::Means(Meaning::AlreadyExists));
    check(call, 409, "conflict", "Conflicting requests", fails(Transient, Code::BackendError));
    check(call, 409, "somethingNew", "", fails(Permanent, Code::UnknownAnswer));
    check(
        call,
        412,
        "limitExceeded",
        "Domain user limit reached. Contact Support.",
        fails(OPERATOR, Code::SeatsSpent),
    );
    check(
        call,
        412,
        "conditionNotMet",
        "Domain user limit reached. Start paid subscription.",
        fails(OPERATOR, Code::SeatsSpent),
    );
    check(
        call,
        412,
        "conditionNotMet",
        "User creation is not complete.",
        fails(NotYet, Code::AccountSettling),
    );
    let forbidden = "Not Authorized to access this resource/api";
    let (young, old) = (fails(NotYet, Code::OrgUnitSettling), fails(OPERATOR, Code::NotAuthorized));
    check_by_age(call, 403, "forbidden", forbidden, young, old);
    for message in ["Invalid Input: INVALID_OU_ID", "Invalid Org Unit", "Invalid Ou Id"] {
        check_by_age(call, 400, "invalid", message, young, fails(OPERATOR, Code::OrgUnitRefused));
    }
    check(call, 400, "invalid", "Invalid Input: givenName", fails(Permanent, Code::RequestRefused));
    check(call, 404, "notFound", "Domain not found", fails(OPERATOR, Code::DomainNotFound));
    check(call, 404, "notFound", "Resource Not Found: domain", fails(OPERATOR, Code::DomainNotFound));
    check(call, 503, "backendError", "", fails(Transient, Code::BackendError));
}

#[test]
fn a_young_account_settles() {
    let (young, old) = (fails(NotYet, Code::AccountSettling), fails(OPERATOR, Code::NotAuthorized));
    for call in [Call::GetUser, Call::AssignLicense, Call::InsertAssignment] {
        check_by_age(call, 403, "forbidden", "Not Authorized to access this resource/api", young, old);
    }
    check(Call::GetUser, 412, "adminCannotUnsuspend", "", fails(OPERATOR, Code::AccountSuspended));
}

#[test]
fn organisational_units() {
    let call = Call::InsertOrgUnit;
    check(call, 400, "invalid", "Invalid Ou Id", Then::Means(Meaning::AlreadyExists));
    check(call, 409, "duplicate", "", Then::Means(Meaning::AlreadyExists));
    check(call, 400, "invalid", "Invalid Parent Orgunit Id", fails(OPERATOR, Code::OrgUnitRefused));
    check(call, 400, "invalid", "Invalid Ou Name", fails(OPERATOR, Code::OrgUnitRefused));
    let inconsistent = "Invalid Input: Inconsistent Orgunit id and path in request";
    check(call, 400, "invalidInput", inconsistent, fails(Permanent, Code::RequestRefused));
    check(call, 500, "backendError", "", fails(Transient, Code::BackendError));
    check(Call::GetOrgUnit, 404, "notFound", "Org unit not found", Then::Means(Meaning::NotThere));
}

#[test]
fn licences() {
    let call = Call::AssignLicense;
    let held = "User already has a license for the specified product and SKU";
    check(call, 412, "conditionNotMet", held, Then::Means(Meaning::AlreadyHeld));
    let other = "User already has a license of the product, but with a different SKU. To reassign a new SKU for this \
                 product, use the \"update\" operation.";
    check(call, 412, "conditionNotMet", other, fails(OPERATOR, Code::LicenseConflict));
    let exchange = "For reassign operation new sku should be different than the old sku";
    check(call, 500, "internalError", exchange, Then::Means(Meaning::AlreadyHeld));
    let spent = "There aren't enough available licenses for the specified product-SKU pair";
    check(call, 412, "conditionNotMet", spent, fails(OPERATOR, Code::LicensesSpent));
    for message in ["Auto License un-assignment is not allowed", "Auto License switching is not allowed"] {
        check(call, 412, "conditionNotMet", message, fails(OPERATOR, Code::AutoLicensingOn));
    }
    let reassign = "For reassign operations, the new SKU should be different from the old SKU: 1";
    check(call, 412, "conditionNotMet", reassign, fails(Permanent, Code::RequestRefused));
    for message in ["Invalid skuId: to", "SKU or product does not exist"] {
        check(call, 400, "invalid", message, fails(Permanent, Code::RequestRefused));
    }
    check(call, 400, "invalid", "User email not valid", fails(NotYet, Code::AccountSettling));
    check(call, 404, "notFound", "Resource not found: userId", fails(NotYet, Code::AccountSettling));
    check(call, 503, "backendError", "Backend Error", Then::Means(Meaning::Unavailable));
    check(
        call,
        503,
        "UNAVAILABLE",
        "The service is currently unavailable.",
        fails(Transient, Code::BackendError),
    );
    check(Call::ListLicenses, 503, "backendError", "Backend Error", fails(Throttled, Code::RateLimited));
    let none = "SKU or product does not exist";
    check(Call::ListLicenses, 400, "invalid", none, Then::Means(Meaning::NotThere));
    check(Call::ListLicenses, 400, "invalid", "Invalid Input", fails(Permanent, Code::RequestRefused));
    check(
        Call::ListLicenses,
        403,
        "forbidden",
        "Unauthorized operation for the given domain",
        fails(OPERATOR, Code::NotAuthorized),
    );
    check(call, 500, "internalError", "Internal error encountered.", fails(Transient, Code::BackendError));
}

/// guide (licensing, "using the API"); GAM#447; Okta for the un-assignment.
#[test]
fn licences_that_are_taken_away() {
    let call = Call::RemoveLicense;
    let none = "User does not have a license for specified sku and product";
    check(call, 404, "notFound", none, Then::Means(Meaning::NotThere));
    let automatic = "Auto License un-assignment is not allowed";
    check(call, 412, "conditionNotMet", automatic, fails(OPERATOR, Code::AutoLicensingOn));
    check(call, 404, "notFound", "Resource Not Found: userId", fails(NotYet, Code::AccountSettling));
    check(call, 400, "invalid", "Invalid value: userId", fails(NotYet, Code::AccountSettling));
    check(call, 400, "invalid", "User email not valid", fails(NotYet, Code::AccountSettling));
    check(call, 400, "invalid", "SKU or product does not exist", fails(Permanent, Code::RequestRefused));
    check(call, 503, "backendError", "Backend Error", fails(Throttled, Code::RateLimited));
    let forbidden = "Not Authorized to access this resource/api";
    let (young, old) = (fails(NotYet, Code::AccountSettling), fails(OPERATOR, Code::NotAuthorized));
    check_by_age(call, 403, "forbidden", forbidden, young, old);
}

/// GAM 7.49 (`__init__.py` 5396 for the 500 that means "held", `glapi.py` 63 for the limit); guide (manage roles).
#[test]
fn roles() {
    let call = Call::InsertAssignment;
    check(call, 500, "", "Role assignment exists: roleAssignment 1", Then::Means(Meaning::AlreadyHeld));
    check(call, 500, "internalError", "Role assignment exists: roleId", Then::Means(Meaning::AlreadyHeld));
    check(call, 500, "internalError", "Internal error encountered.", fails(Transient, Code::BackendError));
    check(call, 409, "duplicate", "", Then::Means(Meaning::AlreadyHeld));
    check(call, 400, "CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT", "", fails(OPERATOR, Code::RoleLimitReached));
    check(call, 412, "conditionNotMet", "", fails(NotYet, Code::AccountSettling));
    check(call, 404, "notFound", "Does not exist", fails(NotYet, Code::AccountSettling));
    check(call, 400, "invalid", "Invalid scope value", fails(Permanent, Code::RequestRefused));
    check(Call::InsertRole, 400, "invalid", "Invalid Role privileges", fails(OPERATOR, Code::RoleNotPinned));
    check(Call::InsertRole, 409, "duplicate", "", Then::Means(Meaning::AlreadyExists));
    let missing = "Required parameter: [resource.privileges[0].service_id]";
    check(Call::InsertRole, 400, "required", missing, fails(Permanent, Code::RequestRefused));
}

#[test]
fn restoring_an_account() {
    let call = Call::UndeleteUser;
    check(call, 409, "duplicate", "Entity already exists.", fails(OPERATOR, Code::RestoreRefused));
    check(call, 412, "limitExceeded", "Domain user limit reached.", fails(OPERATOR, Code::SeatsSpent));
    check(
        call,
        412,
        "conditionNotMet",
        "Could not undelete user: too old",
        fails(OPERATOR, Code::RestoreRefused),
    );
    check(call, 404, "notFound", "Resource Not Found: userKey", fails(OPERATOR, Code::RestoreRefused));
    check(call, 400, "invalid", "Invalid Input: INVALID_OU_ID", fails(OPERATOR, Code::OrgUnitRefused));
    let forbidden = "Not Authorized to access this resource/api";
    check(call, 403, "forbidden", forbidden, fails(OPERATOR, Code::NotAuthorized));
    check(call, 401, "authError", "Invalid Credentials", fails(Transient, Code::CredentialsRefused));
    check(call, 503, "backendError", "Backend Error", fails(Transient, Code::BackendError));
    check(Call::GetGroup, 404, "notFound", "Resource Not Found: groupKey", Then::Means(Meaning::NotThere));
}

#[test]
fn unmanaged_accounts() {
    for (status, reason) in [(404, "notFound"), (400, "INVALID_ARGUMENT"), (403, "PERMISSION_DENIED")] {
        check(Call::IsInvitable, status, reason, "", Then::Means(Meaning::NotThere));
    }
    let scopes = "Request had insufficient authentication scopes.";
    check(Call::IsInvitable, 403, "PERMISSION_DENIED", scopes, fails(OPERATOR, Code::DelegationMissing));
}

#[test]
fn tokens() {
    let call = Call::Token;
    let unauthorized = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for \
                        any of the scopes requested.";
    check(call, 401, "unauthorized_client", unauthorized, fails(OPERATOR, Code::DelegationMissing));
    for message in [
        "Invalid email or User ID",
        "Not a valid email",
        "The account has been deleted",
        "Invalid JWT: x",
        "Invalid JWT Signature.",
        "reauth related error (invalid_rapt)",
        "Bad Request",
    ] {
        check(call, 400, "invalid_grant", message, fails(OPERATOR, Code::CredentialsRefused));
    }
    for message in [
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp \
         values in the JWT claim.",
        "Invalid JWT: in a reasonable timeframe",
        "Invalid JWT: Token must be a short-lived token",
        "Invalid JWT: check iat and exp",
    ] {
        check(call, 400, "invalid_grant", message, fails(OPERATOR, Code::ClockWrong));
    }
    check(call, 400, "invalid_scope", "no such scope", fails(OPERATOR, Code::DelegationMissing));
    check(call, 401, "disabled_client", "disabled", fails(OPERATOR, Code::CredentialsRefused));
    check(
        call,
        400,
        "access_denied",
        "Requested client not authorized",
        fails(Transient, Code::CredentialsRefused),
    );
    check(call, 400, "access_denied", "Account restricted", fails(OPERATOR, Code::CredentialsRefused));
    check(call, 400, "invalid_account", "Forbidden", fails(OPERATOR, Code::CredentialsRefused));
    check(call, 500, "internal_failure", "Backend Error", fails(Transient, Code::BackendError));
    check(call, 503, "", "", fails(Transient, Code::BackendError));
    check(call, 429, "", "", fails(Throttled, Code::RateLimited));
    check(call, 400, "invented", "", fails(Permanent, Code::UnknownAnswer));
}

#[test]
fn tokens_without_a_key() {
    let unusable = fails(OPERATOR, Code::CredentialsUnusable);
    let denied = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist).";
    let scopes = "Request had insufficient authentication scopes.";
    check(Call::SignJwt, 403, "PERMISSION_DENIED", denied, unusable);
    check(Call::SignJwt, 403, "PERMISSION_DENIED", scopes, unusable);
    check(Call::SignJwt, 403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "", unusable);
    check(Call::SignJwt, 404, "NOT_FOUND", "Unknown service account", unusable);
    check(Call::SignJwt, 400, "FAILED_PRECONDITION", "Service account is disabled", unusable);
    check(Call::SignJwt, 401, "UNAUTHENTICATED", "", unusable);
    let off = "IAM Service Account Credentials API has not been used in project 1 before or it is disabled.";
    check(Call::SignJwt, 403, "PERMISSION_DENIED", off, fails(OPERATOR, Code::ApiDisabled));
    check(Call::SignJwt, 403, "accessNotConfigured", off, fails(OPERATOR, Code::ApiDisabled));
    check(Call::SignJwt, 429, "RESOURCE_EXHAUSTED", "", fails(Throttled, Code::RateLimited));
    check(Call::SignJwt, 503, "UNAVAILABLE", "", fails(Transient, Code::BackendError));
    check(Call::OwnToken, 404, "", "", unusable);
    check(Call::OwnToken, 503, "", "", fails(Transient, Code::BackendError));
}

#[test]
fn the_unknown_waits_for_a_person_and_shows_no_address() {
    let Verdict::Fails(failure) =
        classify(&error(Call::GetUser, 418, "teapot", "asa@x.se is short and stout"), None)
    else {
        panic!("a failure");
    };
    assert_eq!((failure.kind, failure.code), (Permanent, Code::UnknownAnswer));
    assert_eq!(
        failure.detail,
        "GET /admin/directory/v1/users/{user}: 418 teapot (address) is short and stout"
    );
}

#[test]
fn googles_wish_is_passed_on_and_a_spent_day_waits_an_hour() {
    let wish = |reason: &str, wish: Option<Duration>| {
        let given = ApiError { retry_after: wish, ..error(Call::GetUser, 403, reason, "") };
        let Verdict::Fails(failure) = classify(&given, None) else { panic!("a failure") };
        failure.retry_after_ms
    };
    assert_eq!(wish("rateLimitExceeded", None), None);
    assert_eq!(wish("rateLimitExceeded", Some(Duration::from_secs(7))), Some(7_000));
    assert_eq!(wish("rateLimitExceeded", Some(Duration::MAX)), Some(u64::MAX));
    assert_eq!(wish("dailyLimitExceeded", Some(Duration::from_secs(7))), Some(3_600_000));
}

/// A body in some shape, with these words somewhere in it, in some case of letters, next to other things.
fn body_with(chance: &mut fastrand::Rng, words: &[String]) -> (bool, String) {
    let glue = ["", " ", "\n", "\u{7}", "'", ": ", "Invalid ", "@x.se ", "already exists ", "\u{200b}x", "…"];
    let mut text = String::new();
    for _ in 0..chance.usize(1..8) {
        let word = &words[chance.usize(0..words.len())];
        let word = [word.clone(), word.to_uppercase(), word.to_lowercase()][chance.usize(0..3)].clone();
        let cut = word.char_indices().nth(2).map_or(0, |(at, _)| at);
        let (start, end) = word.split_at(cut);
        text.push_str(glue[chance.usize(0..glue.len())]);
        text.push_str(&[word.clone(), format!("{start}\u{7}{end}")][chance.usize(0..2)]);
    }
    let reason = [text.clone(), "invalid".to_owned(), "new_one".to_owned()][chance.usize(0..3)].clone();
    let body = match chance.usize(0..5) {
        0 => {
            json!({"error": {"code": 400, "message": text, "errors": [{"reason": reason, "message": text}]}})
        }
        1 => json!({"error": {"code": 400, "message": text, "status": reason}}),
        2 => json!({"error": reason, "error_description": text}),
        3 => {
            json!({"error": {"code": 400, "errors": [{"reason": reason, "message": text}], "extra": [text]}})
        }
        _ => return (chance.bool(), format!("{{<html>{text}")),
    };
    (true, body.to_string())
}

#[test]
fn no_failure_shows_a_private_word_of_the_request() {
    const LETTERS: [char; 12] = ['b', 'C', 'd', 'f', 'G', 'k', 'å', 'Ö', 'é', '日', '7', '.'];
    for seed in 0..3_000 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut word = || (0..chance.usize(4..12)).map(|_| LETTERS[chance.usize(0..12)]).collect::<String>();
        let words: Vec<String> = (0..4).map(|_| word()).collect();
        let (is_json, body) = body_with(&mut chance, &words);
        let status = [302, 400, 401, 403, 404, 409, 412, 418, 429, 500, 503][chance.usize(0..11)];
        let call = Call::ALL[chance.usize(0..Call::ALL.len())];
        let answer = Answer { status, retry_after: None, is_json, body: body.into_bytes() };
        let private: Vec<&str> = words.iter().map(String::as_str).collect();
        let error = answer.error(call, &private);
        let Verdict::Fails(failure) = classify(&error, None) else { continue };
        let shown = format!("{failure:?} {error:?} {:?}", error.shown).to_lowercase();
        let seen = words.iter().find(|word| shown.contains(&word.to_lowercase()));
        assert_eq!(seen, None, "seed {seed}: {shown}");
    }
}

/// The answers that a row describes: each call, status and reason of it, with its words.
fn answers_of(row: &Row) -> Vec<ApiError> {
    let calls = Call::ALL.iter().filter(|call| row.calls.include(**call));
    let statuses: &[u16] = match row.status {
        Status::Any => &[400, 500],
        Status::In(statuses) => statuses,
        Status::NotFound | Status::NotFoundPage => &[404],
        Status::Server => &[500, 502, 503, 504],
    };
    let reasons = if row.reasons.is_empty() { &["somethingNew"] } else { row.reasons };
    calls
        .flat_map(|call| statuses.iter().map(move |status| (*call, *status)))
        .flat_map(|(call, status)| reasons.iter().map(move |reason| error(call, status, reason, row.message)))
        .map(|answer| match row.status {
            Status::NotFoundPage => ApiError { code: None, ..answer },
            Status::Any | Status::In(_) | Status::NotFound | Status::Server => answer,
        })
        .collect()
}

#[test]
fn every_row_says_where_it_comes_from_and_decides_something_itself() {
    for (index, row) in TABLE.iter().enumerate() {
        assert!(!row.source.is_empty());
        assert!(!matches!(row.status, Status::Any) || !row.reasons.is_empty() || !row.message.is_empty());
        let answers = answers_of(row);
        assert!(!answers.is_empty(), "{row:?}");
        let decides = answers.iter().any(|answer| {
            let first = TABLE.iter().position(|other| other.fits(answer, MINUTE));
            first == Some(index) || TABLE.iter().position(|other| other.fits(answer, HOUR)) == Some(index)
        });
        assert!(decides, "row {index} is in the shadow of another: {row:?}");
    }
}
