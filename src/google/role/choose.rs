//! Which role is given, and which never is (guard 3). Pure: it judges what was listed.
//! Not here: proposing privileges to pin (`propose`), and the lists.
//!
//! The names of the reseller privileges are published nowhere, so nothing here guesses one: what is not pinned stops, and
//! the failure lists what was seen.

use super::Role;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::reseller::{Privilege, RoleChoice};
use crate::planted::planted;
use std::collections::BTreeSet;

/// The super administrator's role by its name, should Google leave the flag out (Google, "manage roles").
const SUPER_ADMIN_NAME: &str = "_SEED_ADMIN_ROLE";

/// What is remembered of a role, at most, in bytes: many times what a role of Google's lists.
const REMEMBERED_MAX: usize = 16 * 1024;

/// The role to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// This one.
    Use(Role),
    /// One that has to be made.
    Create {
        /// Its name.
        name: String,
        /// What it may do, as pinned.
        privileges: BTreeSet<Privilege>,
    },
    /// None: there is no role of this name, and nothing is pinned to make one from.
    Propose {
        /// Its name.
        name: String,
    },
}

/// Guard 3: never the super administrator's role, and nothing beyond what was approved. A role that lists no privilege is
/// not harmless but unknown. Errors: `role_too_powerful`, with what is too much.
pub fn approve(role: &Role, approved: &BTreeSet<Privilege>) -> Result<(), Failure> {
    harmless(role)?;
    let excess: BTreeSet<Privilege> = role.privileges.difference(approved).cloned().collect();
    if excess.is_empty() || planted!(RoleMayDoMore) {
        Ok(())
    } else {
        let excess = format!("beyond what was approved: {}", shown(&excess));
        Err(stop(FailureCode::RoleTooPowerful, &excess))
    }
}

/// What holds for every role that is given, whatever was approved.
fn harmless(role: &Role) -> Result<(), Failure> {
    let too_powerful = |why: &str| Err(stop(FailureCode::RoleTooPowerful, why));
    if (role.is_super_admin || role.name == SUPER_ADMIN_NAME) && !planted!(SuperRolePasses) {
        return too_powerful("it is the super administrator's role");
    }
    if role.privileges.is_empty() {
        return too_powerful("it does not say what it may do");
    }
    Ok(())
}

/// Guard 3 over time: a role that was approved without pins may do no more now than when it was last looked at by the set-up, and
/// with pins no more than those, which [`choose`] has seen to. Errors: `role_widened`, with what was added.
pub fn unchanged(choice: &RoleChoice, role: &Role, before: &BTreeSet<Privilege>) -> Result<(), Failure> {
    let added: BTreeSet<Privilege> = role.privileges.difference(before).cloned().collect();
    if added.is_empty() || !choice.privileges().is_empty() {
        return Ok(());
    }
    let line = RoleChoice::ResellerAdmin { privileges: role.privileges.clone() }.line();
    let list = format!("added since the set-up: {}; to pin, if it is right: {line}", shown(&added));
    Err(Failure::needs(Who::Operator, FailureCode::RoleWidened).with_list(&list))
}

/// What is to be remembered of a role that is chosen, for [`unchanged`]. Of one that lists more than any known role nothing is, which
/// its pins make up for. Errors: without pins, `role_too_powerful`.
pub fn remembered(choice: &RoleChoice, role: &Role) -> Result<Option<BTreeSet<Privilege>>, Failure> {
    let size: usize =
        role.privileges.iter().map(|privilege| privilege.service_id.len() + privilege.name.len()).sum();
    if size <= REMEMBERED_MAX {
        return Ok(Some(role.privileges.clone()));
    }
    if choice.privileges().is_empty() {
        return Err(stop(
            FailureCode::RoleTooPowerful,
            "it lists more than can be remembered: pin what it may do",
        ));
    }
    Ok(None)
}

/// Whether who holds the role has the access already: Google's legacy roles for support (`docs/GOOGLE.md` 68). Their API names are
/// published nowhere, so a name or a description that says it will do, in a role that Google made.
pub fn is_legacy_access(role: &Role) -> bool {
    let says_it = |text: &str| {
        let text = text.replace('_', " ").to_lowercase();
        text.contains("legacy") && text.contains("enterprise support")
    };
    let is_super = role.is_super_admin || role.name == SUPER_ADMIN_NAME;
    role.is_system && !is_super && (says_it(&role.name) || says_it(&role.description))
}

/// Picks the role that the configuration means, or stops and says what there is.
/// Errors: `role_missing`, `role_ambiguous`, `role_not_pinned`, `role_too_powerful`.
pub fn choose(choice: &RoleChoice, roles: &[Role]) -> Result<Chosen, Failure> {
    match choice {
        RoleChoice::ResellerAdmin { privileges } => reseller_admin(privileges, roles).map(Chosen::Use),
        RoleChoice::Custom { name, privileges } => custom(name, privileges, roles),
        RoleChoice::Existing { name, privileges } => existing(name, privileges, roles).map(Chosen::Use),
    }
}

/// Google's own role for resellers, whose API name is published nowhere: the one system role that speaks of resellers,
/// without the one for indirect resellers (Google help 9749959). Without pins the operator has approved it by choosing it, as it was
/// then: see [`unchanged`].
fn reseller_admin(pinned: &BTreeSet<Privilege>, roles: &[Role]) -> Result<Role, Failure> {
    match reseller_admins(roles).as_slice() {
        [only] => {
            if pinned.is_empty() {
                harmless(only)?;
            } else {
                approve(only, pinned)?;
            }
            Ok((*only).clone())
        }
        [] => Err(stop(FailureCode::RoleMissing, &format!("system roles: {}", names(&system_roles(roles))))),
        several => Err(stop(FailureCode::RoleAmbiguous, &format!("these fit: {}", names(several)))),
    }
}

/// Google's roles that may be the one for resellers (`docs/GOOGLE.md` 24).
pub(super) fn reseller_admins(roles: &[Role]) -> Vec<&Role> {
    roles.iter().filter(|role| is_reseller_admin(role)).collect()
}

/// Google's own roles.
pub(super) fn system_roles(roles: &[Role]) -> Vec<&Role> {
    roles.iter().filter(|role| role.is_system).collect()
}

fn is_reseller_admin(role: &Role) -> bool {
    let speaks_of = |word: &str| {
        role.name.to_lowercase().contains(word) || role.description.to_lowercase().contains(word)
    };
    role.is_system && !role.is_super_admin && speaks_of("resell") && !speaks_of("indirect")
}

/// A role of our own with exactly the pinned privileges.
fn custom(name: &str, pinned: &BTreeSet<Privilege>, roles: &[Role]) -> Result<Chosen, Failure> {
    let Some(found) = one_named(name, roles)? else {
        if pinned.is_empty() {
            return Ok(Chosen::Propose { name: name.to_owned() });
        }
        return Ok(Chosen::Create { name: name.to_owned(), privileges: pinned.clone() });
    };
    let line = |privileges| RoleChoice::Custom { name: name.to_owned(), privileges };
    let role = pinned_role(found, pinned, line)?;
    let lacking: BTreeSet<Privilege> = pinned.difference(&role.privileges).cloned().collect();
    if lacking.is_empty() {
        return Ok(Chosen::Use(role));
    }
    Err(stop(FailureCode::RoleMissing, &format!("the role of that name lacks: {}", shown(&lacking))))
}

/// A role that somebody made, as long as it may do no more than what is pinned.
fn existing(name: &str, pinned: &BTreeSet<Privilege>, roles: &[Role]) -> Result<Role, Failure> {
    let Some(found) = one_named(name, roles)? else {
        let all: Vec<&Role> = roles.iter().collect();
        return Err(stop(FailureCode::RoleMissing, &format!("there are: {}", names(&all))));
    };
    pinned_role(found, pinned, |privileges| RoleChoice::Existing { name: name.to_owned(), privileges })
}

fn pinned_role(
    role: &Role,
    pinned: &BTreeSet<Privilege>,
    line: impl FnOnce(BTreeSet<Privilege>) -> RoleChoice,
) -> Result<Role, Failure> {
    if pinned.is_empty() {
        let seen = format!("to pin, if it is right: {}", line(role.privileges.clone()).line());
        return Err(Failure::needs(Who::Operator, FailureCode::RoleNotPinned).with_list(&seen));
    }
    approve(role, pinned)?;
    Ok(role.clone())
}

/// The role of a name. Errors: `role_ambiguous`.
pub(super) fn one_named<'a>(name: &str, roles: &'a [Role]) -> Result<Option<&'a Role>, Failure> {
    let named: Vec<&Role> = roles.iter().filter(|role| role.name == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => Err(stop(FailureCode::RoleAmbiguous, &format!("{} roles have that name", several.len()))),
    }
}

fn shown(privileges: &BTreeSet<Privilege>) -> String {
    if privileges.is_empty() {
        return "none".to_owned();
    }
    let pairs: Vec<String> =
        privileges.iter().map(|privilege| format!("{}/{}", privilege.service_id, privilege.name)).collect();
    pairs.join(" ")
}

pub(super) fn names(roles: &[&Role]) -> String {
    if roles.is_empty() {
        return "none".to_owned();
    }
    roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn stop(code: FailureCode, why: &str) -> Failure {
    Failure::needs(Who::Operator, code).with_detail(why)
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
