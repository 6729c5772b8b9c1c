//! What an operator may want to pin for a role of our own: never used before it stands in the configuration. Pure.
//! Not here: choosing a role (`choose`).
//!
//! Google publishes no names of the reseller privileges (`docs/GOOGLE.md` 23), and other services have privileges of like names. Its own
//! role for resellers is the anchor: only the services in which that role has privileges are looked through.

use super::Role;
use super::choose::{names, reseller_admins, system_roles};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::reseller::{Privilege, RoleChoice};
use std::collections::BTreeSet;

/// Google's own role for resellers, to propose from. Errors: `role_not_pinned` if there is none, or several, with what there is.
pub fn anchor(roles: &[Role]) -> Result<&Role, Failure> {
    match reseller_admins(roles).as_slice() {
        [only] => Ok(only),
        [] => Err(not_pinned(&format!(
            "nothing is pinned, and nothing can be proposed: no role of Google's speaks of resellers; its roles: {}",
            names(&system_roles(roles))
        ))),
        several => Err(not_pinned(&format!(
            "nothing is pinned, and nothing can be proposed: several roles of Google's speak of resellers: {}; its roles: {}",
            names(several),
            names(&system_roles(roles))
        ))),
    }
}

/// The failure that shows what to pin for a role of that name, from everything that a role of the customer can have.
pub fn propose(name: &str, anchor: &Role, offered: &BTreeSet<Privilege>) -> Failure {
    let services: BTreeSet<&str> =
        anchor.privileges.iter().map(|privilege| privilege.service_id.as_str()).collect();
    let candidates: BTreeSet<Privilege> = offered
        .iter()
        .filter(|privilege| services.contains(privilege.service_id.as_str()) && is_wanted(&privilege.name))
        .cloned()
        .collect();
    if candidates.is_empty() {
        return not_pinned(&format!(
            "nothing is pinned, and nothing can be proposed: among what Google offers beside {} nothing speaks of viewing customers \
             or of support cases",
            anchor.name
        ));
    }
    let line = RoleChoice::Custom { name: name.to_owned(), privileges: candidates }.line();
    not_pinned(&format!("nothing is pinned; proposed from the services of {}: {line}", anchor.name))
}

/// Whether it speaks of viewing customers, or of support cases.
fn is_wanted(name: &str) -> bool {
    let name = name.to_uppercase();
    let has = |word: &str| name.contains(word);
    has("SUPPORT") || has("CASE") || has("CUSTOMER") && (has("VIEW") || has("READ") || has("RETRIEVE"))
}

fn not_pinned(list: &str) -> Failure {
    Failure::needs(Who::Operator, FailureCode::RoleNotPinned).with_list(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(text: &str) -> Privilege {
        let (service, name) = text.split_once('/').unwrap();
        Privilege { service_id: service.to_owned(), name: name.to_owned() }
    }

    fn role(name: &str, held: &[&str]) -> Role {
        Role {
            id: "7".parse().unwrap(),
            name: name.to_owned(),
            description: String::new(),
            is_system: true,
            is_super_admin: false,
            privileges: held.iter().map(|text| privilege(text)).collect(),
        }
    }

    fn check(roles: &[Role], offered: &[&str], expected: &str) {
        let offered = offered.iter().map(|text| privilege(text)).collect();
        let failure = match anchor(roles) {
            Ok(anchor) => propose("Customer Care", anchor, &offered),
            Err(failure) => failure,
        };
        assert_eq!(failure.code, FailureCode::RoleNotPinned);
        assert!(failure.detail.contains(expected), "{}", failure.detail);
    }

    #[test]
    fn a_proposal_stays_within_the_services_of_googles_role_for_resellers() {
        let anchor = role("_RESELLER_ADMIN_ROLE", &["r/TOP", "s/ANY"]);
        let other = role("_HELP_DESK_ADMIN_ROLE", &["h/SUPPORT"]);
        let offered = [
            "r/VIEW_CUSTOMERS",
            "r/EDIT_CUSTOMERS",
            "s/CASES",
            "h/SUPPORT",
            "r/CUSTOMER_READ",
            "r/VIEW_ORDERS",
        ];
        let line = r#"the services of _RESELLER_ADMIN_ROLE: role = { kind = "custom", name = "Customer Care", privileges = [{ service_id = "r", name = "CUSTOMER_READ" }, { service_id = "r", name = "VIEW_CUSTOMERS" }, { service_id = "s", name = "CASES" }] }"#;
        check(&[other.clone(), anchor.clone()], &offered, line);
        check(&[other, anchor], &["h/SUPPORT"], "nothing speaks of");
    }

    #[test]
    fn without_one_anchor_nothing_is_proposed_and_what_there_is_is_listed() {
        let reseller = |name| role(name, &["r/TOP"]);
        let offered = ["r/VIEW_CUSTOMERS"];
        check(&[role("_GROUPS_ADMIN_ROLE", &["g/A"])], &offered, "its roles: _GROUPS_ADMIN_ROLE");
        let indirect = reseller("_INDIRECT_RESELLER_ADMIN_ROLE");
        check(&[indirect], &offered, "no role of Google's speaks of resellers");
        let two = [reseller("_RESELLER_ADMIN_ROLE"), reseller("_RESELLER_VIEWER_ROLE")];
        check(
            &two,
            &offered,
            "several roles of Google's speak of resellers: _RESELLER_ADMIN_ROLE, _RESELLER_VIEWER_ROLE",
        );
    }
}
