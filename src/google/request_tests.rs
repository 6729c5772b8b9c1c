//! Hostile values either do not parse or stay inside their segment; each request is what its template says.

use super::super::licensing::PaidProduct;
use super::content::{PAGE_TOKEN_MAX, parent_and_name};
use super::path::encode;
use super::*;
use crate::model::id::{DomainName, EngineerKey, LocalPart};
use serde_json::json;

const HOSTILE: &[&str] = &[
    "",
    ".",
    "..",
    "../..",
    "%2e%2e",
    "%2E%2E/",
    "\t..",
    "..\n",
    "a/b",
    "a\\b",
    "a?b=c",
    "a#b",
    "a;b",
    "a%00",
    "\0",
    "a@b",
    "@evil.example",
    "//evil.example",
    "https://evil.example",
    "/",
    "/..",
    "/a/../b",
    "/ a",
    "/A B",
    "/Å/Ö",
    "/a;b",
    "/a:b",
    "/id:03ph",
    "id:03ph",
    "/.",
    "/a/.",
    "C01",
    "C01/..",
    "C01abc123",
    "103456789012345678901",
    "1",
    "my_customer",
    "ALL",
    "a.b",
    "xn--a.example",
    "a..b",
    "/\u{202e}a",
    "/a&b",
    "/a=b",
    "/a'b",
    "/a\"b",
    "/{customer}",
    "/~",
    "/@evil",
];

fn address(local_part: &str) -> Address {
    Address { local_part: local_part.parse().unwrap(), domain: "reseller-se.example".parse().unwrap() }
}

fn url(request: Request<'_>) -> String {
    request.build(&Endpoint::Google).unwrap().url.to_string()
}

/// The path must be the template's, with one unslashed, undotted segment for each value.
fn stays_inside(request: Request<'_>) {
    for endpoint in [Endpoint::Google, Endpoint::parse("http://127.0.0.1:9010").unwrap()] {
        let Ok(outgoing) = request.build(&endpoint) else { continue };
        let spec = request.call().spec();
        assert!(outgoing.url.as_str().starts_with(&format!("{}/", endpoint.base(spec.api))));
        let mut segments = outgoing.url.path().split('/');
        for expected in spec.path.split('/') {
            if expected.starts_with("{+") {
                let rest: Vec<&str> = segments.by_ref().collect();
                assert!(
                    !rest.is_empty() && rest.iter().all(|part| !part.is_empty() && !part.starts_with('.')),
                    "{rest:?}"
                );
                break;
            }
            let segment = segments.next().expect("a segment for each of the template");
            let (before, after) = expected
                .split_once('{')
                .map_or((expected, expected), |(before, rest)| (before, rest.split_once('}').unwrap().1));
            assert!(segment.starts_with(before) && segment.ends_with(after), "{segment} is not {expected}");
            assert!(!segment.contains(".."), "{segment}");
        }
        assert_eq!(segments.next(), None);
    }
}

#[test]
fn hostile_values_stay_inside_their_segment() {
    let customer: CustomerId = "C01abc123".parse().unwrap();
    let mut asked = 0;
    for text in HOSTILE {
        if let Ok(customer) = CustomerId::parse(text) {
            stays_inside(Request::ListDomains { customer: &customer });
            asked += 1;
        }
        if let Ok(id) = AccountId::parse(text) {
            stays_inside(Request::GetUser { key: UserKey::Id(&id) });
            asked += 1;
        }
        if let Ok(path) = OrgUnitPath::parse(text) {
            stays_inside(Request::GetOrgUnit { customer: &customer, key: UnitKey::Path(&path) });
            asked += 1;
        }
        for other in HOSTILE {
            if let (Ok(local_part), Ok(domain)) = (LocalPart::parse(text), DomainName::parse(other)) {
                let address = Address { local_part, domain };
                stays_inside(Request::GetUser { key: UserKey::Address(&address) });
                stays_inside(Request::IsInvitable { customer: &customer, address: &address });
                asked += 1;
            }
        }
        let page = Some(*text);
        let listed = Request::ListUsers { customer: &customer, deleted: false, page }
            .build(&Endpoint::Google)
            .unwrap();
        assert_eq!(listed.url.path(), "/admin/directory/v1/users");
        assert_eq!(listed.url.query_pairs().filter(|(name, _)| name == "pageToken").count(), 1);
    }
    assert!(asked > 20, "the test must reach the builder");
}

#[test]
fn raw_texts_cannot_pass_the_encoder() {
    for text in ["", ".", "..", "id:03ph", "a/b", "a\\b", "%2e%2e", "a\tb", "a\nb", "\0"] {
        assert!(encode(text).is_err(), "{text:?}");
    }
    assert_eq!(encode("A b+Å?#").unwrap(), "A%20b%2B%C3%85%3F%23");
}

#[test]
fn a_path_that_changes_in_parsing_is_refused() {
    let spec = Call::GetUser.spec();
    for path in [
        "/admin/directory/v1/users/..",
        "/admin/directory/v1/users/%2e%2e",
        "/admin/directory/v1/users/a/b",
        "/admin/directory/v1/users/\t..",
        "/admin/directory/v1/groups/a",
        "/admin/directory/v1/users/a?b",
        "/admin/directory/v1/users",
    ] {
        assert!(prove(&spec, &Endpoint::Google, path).is_err(), "{path}");
    }
    assert!(prove(&spec, &Endpoint::Google, "/admin/directory/v1/users/1").is_ok());
}

#[test]
fn paths_are_googles() {
    let customer: CustomerId = "C01abc123".parse().unwrap();
    let address = address("asa.oberg");
    assert_eq!(
        url(Request::GetCustomer),
        "https://admin.googleapis.com/admin/directory/v1/customers/my_customer"
    );
    assert_eq!(
        url(Request::GetOrgUnit {
            customer: &customer,
            key: UnitKey::Path(&"/Customer Care/Å".parse().unwrap())
        }),
        "https://admin.googleapis.com/admin/directory/v1/customer/C01abc123/orgunits/Customer%20Care/%C3%85"
    );
    assert_eq!(
        url(Request::ListLicenses {
            customer: &customer,
            product: Listed::Paid(PaidProduct::CloudIdentityPremium),
            page: None
        }),
        "https://licensing.googleapis.com/apps/licensing/v1/product/101005/users?customerId=C01abc123&maxResults=100"
    );
    assert_eq!(
        url(Request::IsInvitable { customer: &customer, address: &address }),
        "https://cloudidentity.googleapis.com/v1/customers/C01abc123/userinvitations/asa.oberg@reseller-se.example:isInvitableUser"
    );
    assert_eq!(
        url(Request::GetOrgUnit { customer: &customer, key: UnitKey::Id(&"id:03ph8a2z".parse().unwrap()) }),
        "https://admin.googleapis.com/admin/directory/v1/customer/C01abc123/orgunits/id:03ph8a2z"
    );
    assert_eq!(
        url(Request::RemoveLicense {
            address: &address,
            license: &LicenseSku::parse("Google-Apps/1010020027").unwrap()
        }),
        "https://licensing.googleapis.com/apps/licensing/v1/product/Google-Apps/sku/1010020027/user/asa.oberg@reseller-se.example"
    );
    let (account, client) = ("103".parse().unwrap(), "770-a.apps.googleusercontent.com".parse().unwrap());
    assert_eq!(
        url(Request::Account { id: &account, act: AccountAct::DeleteToken(&client) }),
        "https://admin.googleapis.com/admin/directory/v1/users/103/tokens/770-a.apps.googleusercontent.com"
    );
    assert_eq!(
        url(Request::Account { id: &account, act: AccountAct::ListPasswords }),
        "https://admin.googleapis.com/admin/directory/v1/users/103/asps?fields=items%28codeId%29"
    );
    assert_eq!(
        url(Request::RemoveAssignment { customer: &customer, assignment: &"8".parse().unwrap() }),
        "https://admin.googleapis.com/admin/directory/v1/customer/C01abc123/roleassignments/8"
    );
    let signer = "carepass@project.iam.gserviceaccount.com".parse().unwrap();
    assert_eq!(
        url(Request::SignJwt { account: &signer, payload: "{}" }),
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/carepass@project.iam.gserviceaccount.com:signJwt"
    );
    assert_eq!(
        url(Request::OwnToken),
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!(
        url(Request::Token { assertion: &"a.b.c".to_owned().into() }),
        "https://oauth2.googleapis.com/token"
    );
    let id: AccountId = "1".parse().unwrap();
    let listed =
        url(Request::ListAssignments { customer: &customer, account: Some(&id), page: Some("a&b=c") });
    assert!(listed.ends_with("roleassignments?maxResults=200&userKey=1&pageToken=a%26b%3Dc"), "{listed}");
    let long = "x".repeat(PAGE_TOKEN_MAX + 1);
    assert!(Request::ListRoles { customer: &customer, page: Some(&long) }.build(&Endpoint::Google).is_err());
}

#[test]
fn a_new_account_carries_the_marker_and_never_replaces_a_conflicting_one() {
    let account = NewAccount {
        address: address("asa.oberg"),
        engineer: EngineerKey::parse("E-1").unwrap(),
        given_name: "Åsa".into(),
        family_name: "Öberg".into(),
        password: "correct horse".to_owned().into(),
        org_unit: "/Customer Care".parse().unwrap(),
        org_unit_made_at: None,
        recovery_address: Some("asa@nordresale.example".parse().unwrap()),
    };
    let outgoing = Request::InsertUser { account: &account }.build(&Endpoint::Google).unwrap();
    assert!(
        outgoing.url.query_pairs().any(|(name, value)| name == "resolveConflictAccount" && value == "true")
    );
    assert!(!format!("{outgoing:?} {account:?}").contains("horse"));
    let Body::Json(body) = outgoing.body else { panic!("a body") };
    let expected = json!({
        "primaryEmail": "asa.oberg@reseller-se.example",
        "name": {"givenName": "Åsa", "familyName": "Öberg"},
        "password": "correct horse",
        "changePasswordAtNextLogin": true,
        "orgUnitPath": "/Customer Care",
        "recoveryEmail": "asa@nordresale.example",
        "externalIds": [{"type": "custom", "customType": "carepass", "value": "E-1"}],
    });
    assert_eq!(body, expected);
}

#[test]
fn a_unit_is_made_under_its_parent() {
    assert_eq!(parent_and_name(&"/A".parse().unwrap()), ("/", "A"));
    assert_eq!(parent_and_name(&"/A/B c".parse().unwrap()), ("/A", "B c"));
}
