//! Which role is chosen, and which are never given.

use super::*;

fn privileges(names: &[&str]) -> BTreeSet<Privilege> {
    names.iter().map(|name| Privilege { service_id: "01abc".to_owned(), name: (*name).to_owned() }).collect()
}

fn role(name: &str, is_system: bool, held: &[&str]) -> Role {
    Role {
        id: "7".parse().unwrap(),
        name: name.to_owned(),
        description: String::new(),
        is_system,
        is_super_admin: false,
        privileges: privileges(held),
    }
}

fn check_refused(choice: &RoleChoice, roles: &[Role], code: FailureCode, evidence: &str) {
    let failure = choose(choice, roles).expect_err("a refusal");
    assert_eq!(
        (failure.code, failure.kind),
        (code, crate::model::failure::FailureKind::Needs(Who::Operator))
    );
    assert!(failure.detail.contains(evidence), "{}", failure.detail);
}

#[test]
fn trap_the_super_administrators_role() {
    let all = privileges(&["A"]);
    let mut flagged = role("Customer Care", false, &["A"]);
    flagged.is_super_admin = true;
    for bad in [flagged, role(SUPER_ADMIN_NAME, true, &["A"])] {
        assert_eq!(approve(&bad, &all).unwrap_err().code, FailureCode::RoleTooPowerful);
    }
}

#[test]
fn trap_a_role_that_was_widened() {
    let approved = privileges(&["A", "B"]);
    assert_eq!(approve(&role("r", false, &["A"]), &approved), Ok(()));
    let failure = approve(&role("r", false, &["A", "C"]), &approved).unwrap_err();
    assert_eq!(failure.detail, "beyond what was approved: 01abc/C");
    let elsewhere = BTreeSet::from([Privilege { service_id: "other".to_owned(), name: "A".to_owned() }]);
    assert!(approve(&role("r", false, &["A"]), &elsewhere).is_err(), "a name alone is not a privilege");
}

#[test]
fn trap_a_role_that_does_not_say_what_it_may_do() {
    assert_eq!(
        approve(&role("r", false, &[]), &privileges(&["A"])).unwrap_err().code,
        FailureCode::RoleTooPowerful
    );
}

#[test]
fn googles_role_for_resellers_is_found_or_nothing_is() {
    let choice = RoleChoice::ResellerAdmin { privileges: privileges(&[]) };
    let admin = role("_RESELLER_ADMIN_ROLE", true, &["A"]);
    let indirect = role("_INDIRECT_RESELLER_ADMIN_ROLE", true, &["A"]);
    let other = role("_GROUPS_ADMIN_ROLE", true, &["A"]);
    let homemade = role("Reseller helpers", false, &["A"]);
    let mut described = role("_SOME_ROLE", true, &["A"]);
    described.description = "Reseller Admin".to_owned();
    let roles = [other.clone(), indirect.clone(), homemade.clone(), admin.clone()];
    assert_eq!(choose(&choice, &roles), Ok(Chosen::Use(admin.clone())));
    assert_eq!(choose(&choice, &[other.clone(), described.clone()]), Ok(Chosen::Use(described.clone())));
    check_refused(&choice, &[other, indirect, homemade], FailureCode::RoleMissing, "_GROUPS_ADMIN_ROLE");
    check_refused(&choice, &[admin, described], FailureCode::RoleAmbiguous, "_SOME_ROLE");
}

#[test]
fn googles_role_for_resellers_passes_the_guard_like_any_other() {
    let choice = |held: &[&str]| RoleChoice::ResellerAdmin { privileges: privileges(held) };
    let admin = role("_RESELLER_ADMIN_ROLE", true, &["A", "B"]);
    let only = std::slice::from_ref(&admin);
    assert_eq!(choose(&choice(&["A", "B", "C"]), only), Ok(Chosen::Use(admin.clone())));
    check_refused(&choice(&["A"]), only, FailureCode::RoleTooPowerful, "01abc/B");
    let empty = role("_RESELLER_ADMIN_ROLE", true, &[]);
    let speaks_of_resellers =
        Role { description: "may resell".to_owned(), ..role(SUPER_ADMIN_NAME, true, &["A"]) };
    for trap in [empty, speaks_of_resellers] {
        for held in [&[][..], &["A"][..]] {
            check_refused(&choice(held), std::slice::from_ref(&trap), FailureCode::RoleTooPowerful, "it");
        }
    }
    let flagged = Role { is_super_admin: true, ..admin };
    check_refused(&choice(&["A"]), &[flagged], FailureCode::RoleMissing, "_RESELLER_ADMIN_ROLE");
}

#[test]
fn what_an_operator_is_to_pin_is_shown_whole() {
    let names: Vec<String> = (0..60).map(|number| format!("A_PRIVILEGE_OF_SOME_LENGTH_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let choice = RoleChoice::Existing { name: "Care".to_owned(), privileges: privileges(&[]) };
    let failure = choose(&choice, &[role("Care", false, &names)]).unwrap_err();
    assert!(names.iter().all(|name| failure.detail.contains(&format!("\"{name}\""))), "{}", failure.detail);
}

#[test]
fn our_own_role_has_exactly_what_is_pinned() {
    let choice = |held: &[&str]| RoleChoice::Custom { name: "Care".to_owned(), privileges: privileges(held) };
    let two = ["VIEW_CUSTOMER", "SUPPORT_CASE"];
    let create = Chosen::Create { name: "Care".to_owned(), privileges: privileges(&two) };
    assert_eq!(choose(&choice(&two), &[]), Ok(create.clone()));
    assert_eq!(choose(&choice(&two), &[role("care", false, &two)]), Ok(create), "another name");
    let exact = role("Care", false, &two);
    assert_eq!(choose(&choice(&two), std::slice::from_ref(&exact)), Ok(Chosen::Use(exact.clone())));
    check_refused(
        &choice(&two[..1]),
        std::slice::from_ref(&exact),
        FailureCode::RoleTooPowerful,
        "SUPPORT_CASE",
    );
    check_refused(&choice(&two), &[role("Care", false, &two[..1])], FailureCode::RoleMissing, "SUPPORT_CASE");
    check_refused(&choice(&two), &[exact.clone(), exact.clone()], FailureCode::RoleAmbiguous, "2 roles");
    let line = choice(&two).line();
    check_refused(&choice(&[]), &[exact], FailureCode::RoleNotPinned, &line);
    let anchor = role("_RESELLER_ADMIN_ROLE", true, &two);
    assert_eq!(choose(&choice(&[]), &[anchor]), Ok(Chosen::Propose { name: "Care".to_owned() }));
}

#[test]
fn an_existing_role_may_do_less_than_what_is_pinned_but_not_more() {
    let choice =
        |held: &[&str]| RoleChoice::Existing { name: "Care".to_owned(), privileges: privileges(held) };
    let care = role("Care", false, &["A"]);
    let roles = std::slice::from_ref(&care);
    assert_eq!(choose(&choice(&["A", "B"]), roles), Ok(Chosen::Use(care.clone())));
    check_refused(&choice(&["B"]), roles, FailureCode::RoleTooPowerful, "01abc/A");
    check_refused(&choice(&[]), roles, FailureCode::RoleNotPinned, &choice(&["A"]).line());
    check_refused(&choice(&["A"]), &[role("Other", false, &["A"])], FailureCode::RoleMissing, "Other");
    let mut raised = care.clone();
    raised.is_super_admin = true;
    check_refused(&choice(&["A"]), &[raised], FailureCode::RoleTooPowerful, "super");
}

/// What the set-up remembered, what the role may do now, and what is pinned.
fn check_widened(before: &[&str], now: &[&str], pinned: &[&str], added: Option<&str>) {
    let choice = RoleChoice::ResellerAdmin { privileges: privileges(pinned) };
    let role = role("_RESELLER_ADMIN_ROLE", true, now);
    let answer = unchanged(&choice, &role, &privileges(before));
    let Some(added) = added else { return assert_eq!(answer, Ok(())) };
    let failure = answer.expect_err("a wider role");
    assert_eq!(failure.code, FailureCode::RoleWidened);
    assert!(failure.detail.starts_with(added), "{}", failure.detail);
    let pin = RoleChoice::ResellerAdmin { privileges: role.privileges };
    assert_eq!(RoleChoice::line_in(&failure.detail), Some(pin.line().as_str()));
}

#[test]
fn trap_a_role_of_googles_that_was_widened() {
    check_widened(&["A", "B"], &["A", "B"], &[], None);
    check_widened(&["A", "B"], &["A"], &[], None);
    check_widened(&["A"], &["A", "B", "C"], &[], Some("added since the set-up: 01abc/B 01abc/C;"));
    check_widened(&["A"], &["B"], &[], Some("added since the set-up: 01abc/B;"));
    check_widened(&["A"], &["A", "B"], &["A", "B"], None);
}

#[test]
fn what_is_remembered_of_a_role_is_bounded() {
    let names: Vec<String> =
        (0..1_000).map(|number| format!("A_PRIVILEGE_OF_SOME_LENGTH_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (small, large) = (role("r", true, &["A"]), role("r", true, &names));
    let choice = |held: &[&str]| RoleChoice::ResellerAdmin { privileges: privileges(held) };
    assert_eq!(remembered(&choice(&[]), &small), Ok(Some(privileges(&["A"]))));
    assert_eq!(remembered(&choice(&names), &large), Ok(None));
    assert_eq!(remembered(&choice(&[]), &large).unwrap_err().code, FailureCode::RoleTooPowerful);
}

#[test]
fn googles_legacy_roles_for_support_give_the_access() {
    let described = |text: &str| Role { description: text.to_owned(), ..role("_X_ROLE", true, &["A"]) };
    let legacy = role("_LEGACY_ENTERPRISE_SUPPORT_ROLE", true, &["A"]);
    let fitting = [
        legacy.clone(),
        described("Legacy Resold Enterprise Support"),
        described("LEGACY enterprise support"),
    ];
    for role in fitting {
        assert!(is_legacy_access(&role), "{role:?}");
    }
    let others = [
        Role { is_system: false, ..legacy.clone() },
        Role { is_super_admin: true, ..legacy },
        Role { description: "Legacy Enterprise Support".to_owned(), ..role(SUPER_ADMIN_NAME, true, &["A"]) },
        described("Enterprise Support"),
        described("Legacy support"),
    ];
    for role in others {
        assert!(!is_legacy_access(&role), "{role:?}");
    }
}
