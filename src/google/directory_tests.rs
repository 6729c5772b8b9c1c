//! What is read of accounts and domains, and what is not shown of people.

use super::*;

fn account(json: Json) -> Account {
    serde_json::from_value::<WireAccount>(json).unwrap().into()
}

#[test]
fn what_is_left_out_is_unknown() {
    let bare = account(json!({"id": "1", "primaryEmail": "Asa@X.se"}));
    assert_eq!(bare.primary_address, "asa@x.se");
    assert_eq!((bare.is_admin, bare.is_delegated_admin, bare.suspended), (None, None, None));
    assert_eq!((&bare.customer, &bare.marker, &bare.org_unit_path), (&None, &None, &None));
    assert_eq!(
        (&bare.suspension_reason, bare.two_step_enrolled, bare.two_step_enforced),
        (&None, None, None)
    );
    assert_eq!(bare.never_signed_in(), None);
    let full = account(json!({"id": "1", "primaryEmail": "a@x.se", "suspended": false, "isAdmin": false,
        "aliases": ["B@x.se"], "nonEditableAliases": ["a@Y.se"], "customerId": "C01abc123", "unknownField": [1]}));
    assert_eq!(full.suspended, Some(false));
    assert_eq!(full.aliases, BTreeSet::from(["b@x.se".to_owned(), "a@y.se".to_owned()]));
}

#[test]
fn only_the_answer_of_our_own_insert_may_leave_out_that_the_account_is_active() {
    let wire = |json: Json| serde_json::from_value::<WireAccount>(json).unwrap();
    let made = just_made(wire(json!({"id": "1", "primaryEmail": "a@x.se", "isAdmin": false})));
    assert_eq!((made.suspended, made.is_admin, made.is_delegated_admin), (Some(false), Some(false), None));
    let suspended = wire(json!({"id": "1", "primaryEmail": "a@x.se", "suspended": true}));
    assert_eq!(just_made(suspended).suspended, Some(true));
}

#[test]
fn debug_shows_no_person() {
    let account = NewAccount {
        address: Address { local_part: "asa.oberg".parse().unwrap(), domain: "x.se".parse().unwrap() },
        engineer: "E-1".parse().unwrap(),
        given_name: "Åsa".to_owned(),
        family_name: "Öberg".to_owned(),
        password: "secret".to_owned().into(),
        org_unit: "/Customer Care".parse().unwrap(),
        org_unit_made_at: None,
        recovery_address: None,
    };
    assert_eq!(format!("{account:?}"), "NewAccount(E-1)");
    assert_eq!(format!("{:?}", Request::InsertUser { account: &account }), "POST /admin/directory/v1/users");
    let key = UserKey::Address(&account.address);
    assert_eq!(format!("{:?}", Request::GetUser { key }), "GET /admin/directory/v1/users/{user}");
}

#[test]
fn only_one_marker_of_our_own_counts() {
    let check = |ids: Json, expected: Option<&str>| {
        let found = account(json!({"id": "1", "primaryEmail": "a@x.se", "externalIds": ids}));
        assert_eq!(found.marker.as_deref(), expected);
    };
    let ours = json!({"type": "custom", "customType": "carepass", "value": "E-1"});
    check(json!([ours]), Some("E-1"));
    check(json!([{"type": "organization", "value": "E-1"}, ours]), Some("E-1"));
    check(json!([ours, ours]), None);
    check(json!([{"type": "custom", "customType": "Carepass", "value": "E-1"}]), None);
    check(json!([{"type": "organization", "customType": "carepass", "value": "E-1"}]), None);
    check(json!([{"type": "custom", "customType": "carepass", "value": 1}]), None);
    check(json!([{"type": 7}]), None);
    check(json!([]), None);
    check(Json::Null, None);
}

#[test]
fn alias_and_unverified_domains_are_left_out() {
    let listed = json!({"domains": [
        {"domainName": "Main.example", "isPrimary": true, "verified": true,
         "domainAliases": [{"domainAliasName": "Alias.example", "verified": true}]},
        {"domainName": "second.example", "isPrimary": false, "verified": true},
        {"domainName": "alias.example", "verified": true},
        {"domainName": "young.example", "verified": false},
        {"domainName": "unsaid.example"},
    ]});
    let wire = || serde_json::from_value(listed.clone()).unwrap();
    let expected = ["main.example", "second.example"].map(|name| name.parse().unwrap());
    assert_eq!(usable_domains(wire()), expected.into());
    assert_eq!(primary_domain(wire()), Some("main.example".parse().unwrap()));
    let unverified = json!({"domains": [{"domainName": "main.example", "isPrimary": true}]});
    assert_eq!(primary_domain(serde_json::from_value(unverified).unwrap()), None);
}

#[test]
fn two_step_verification_and_the_last_sign_in_are_told() {
    let told =
        account(json!({"id": "1", "primaryEmail": "a@x.se", "suspended": true, "suspensionReason": "ADMIN",
        "isEnrolledIn2Sv": false, "isEnforcedIn2Sv": true, "lastLoginTime": "1970-01-01T00:00:00.000Z"}));
    assert_eq!((told.two_step_enrolled, told.two_step_enforced), (Some(false), Some(true)));
    assert_eq!((told.suspension_reason.as_deref(), told.never_signed_in()), (Some("ADMIN"), Some(true)));
    let used =
        account(json!({"id": "1", "primaryEmail": "a@x.se", "lastLoginTime": "2026-11-24T07:08:09.000Z"}));
    assert_eq!(used.never_signed_in(), Some(false));
}
