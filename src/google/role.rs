//! Roles, what they may do, and who holds them; and the pure guards that keep a role harmless (guard 3).
//! Not here: taking a role away.
//!
//! The names of the reseller privileges are published nowhere, so nothing here guesses one: what is not pinned stops, and
//! the failure lists what was seen.

use super::call::Call;
use super::classify::Meaning;
use super::pages::{List, Page};
use super::request::Request;
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{AccountId, RoleId};
use crate::model::reseller::{Privilege, RoleChoice};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The super administrator's role by its name, should Google leave the flag out (Google, "manage roles").
const SUPER_ADMIN_NAME: &str = "_SEED_ADMIN_ROLE";

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its id, different at each customer.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    pub description: String,
    /// Made by Google.
    pub is_system: bool,
    /// The super administrator's.
    pub is_super_admin: bool,
    /// What it may do.
    pub privileges: BTreeSet<Privilege>,
}

/// That somebody holds a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// Its id.
    pub id: String,
    /// Which role.
    pub role: RoleId,
    /// The id of the account, group or service account that holds it.
    pub assigned_to: String,
    /// Whether it holds for the whole customer and without conditions.
    pub customer_wide: bool,
}

/// What came of giving a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It was given.
    Made,
    /// The account held it.
    Found,
}

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
}

impl Google {
    /// All roles of the customer.
    pub async fn roles(&self) -> Result<Vec<Role>, Failure> {
        let listed = self.all_pages::<RolePage>(List::Roles).await?;
        Ok(listed.into_iter().map(Role::from).collect())
    }

    /// Makes a role; one of the same name that is there is returned instead, and must be approved like any other.
    pub async fn create_role(&self, name: &str, privileges: &BTreeSet<Privilege>) -> Result<Role, Failure> {
        let request = Request::InsertRole { customer: &self.shared.customer, name, privileges };
        match self.ask(&request).await? {
            Outcome::Done(answer) => Ok(answer.decode::<WireRole>(Call::InsertRole)?.into()),
            Outcome::Means(Meaning::AlreadyExists) => {
                one_named(name, &self.roles().await?)?.cloned().ok_or_else(|| {
                    Failure::not_yet(FailureCode::NotYetConfirmed)
                        .with_detail("the role exists and is not listed yet")
                })
            }
            Outcome::Means(meaning @ (Meaning::NotThere | Meaning::AlreadyHeld | Meaning::Unavailable)) => {
                Err(unexpected(Call::InsertRole, meaning))
            }
        }
    }

    /// Gives a role for the whole customer. The caller has approved the role and proved that the account is ours.
    pub async fn give(&self, account: &AccountId, role: &RoleId) -> Result<Given, Failure> {
        let request = Request::InsertAssignment { customer: &self.shared.customer, role, account };
        match self.ask(&request).await? {
            // A page of some proxy is no success: only Google's own words are.
            Outcome::Done(answer) => {
                answer.decode::<WireAssignment>(Call::InsertAssignment).map(|_| Given::Made)
            }
            Outcome::Means(Meaning::AlreadyHeld) => Ok(Given::Found),
            Outcome::Means(meaning @ (Meaning::AlreadyExists | Meaning::NotThere | Meaning::Unavailable)) => {
                Err(unexpected(Call::InsertAssignment, meaning))
            }
        }
    }

    /// The roles that an account holds itself, not through a group.
    pub async fn assignments_of(&self, account: &AccountId) -> Result<Vec<Assignment>, Failure> {
        self.assignments_in(Some(account)).await
    }

    /// Every role assignment of the customer.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, Failure> {
        self.assignments_in(None).await
    }

    async fn assignments_in(&self, account: Option<&AccountId>) -> Result<Vec<Assignment>, Failure> {
        let listed = self.all_pages::<AssignmentPage>(List::Assignments { account }).await?;
        Ok(listed.into_iter().map(Assignment::from).collect())
    }
}

/// Guard 3: never the super administrator's role, and nothing beyond what was approved. A role that lists no privilege is
/// not harmless but unknown. Errors: `role_too_powerful`, with what is too much.
pub fn approve(role: &Role, approved: &BTreeSet<Privilege>) -> Result<(), Failure> {
    harmless(role)?;
    let excess: BTreeSet<Privilege> = role.privileges.difference(approved).cloned().collect();
    if excess.is_empty() {
        Ok(())
    } else {
        let excess = format!("beyond what was approved: {}", shown(&excess));
        Err(stop(FailureCode::RoleTooPowerful, &excess))
    }
}

/// What holds for every role that is given, whatever was approved.
fn harmless(role: &Role) -> Result<(), Failure> {
    let too_powerful = |why: &str| Err(stop(FailureCode::RoleTooPowerful, why));
    if role.is_super_admin || role.name == SUPER_ADMIN_NAME {
        return too_powerful("it is the super administrator's role");
    }
    if role.privileges.is_empty() {
        return too_powerful("it does not say what it may do");
    }
    Ok(())
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
/// without the one for indirect resellers (Google help 9749959). Without pins the operator has approved it by choosing it, with
/// whatever Google puts into it.
fn reseller_admin(pinned: &BTreeSet<Privilege>, roles: &[Role]) -> Result<Role, Failure> {
    let fitting: Vec<&Role> = roles.iter().filter(|role| is_reseller_admin(role)).collect();
    match fitting.as_slice() {
        [only] => {
            if pinned.is_empty() {
                harmless(only)?;
            } else {
                approve(only, pinned)?;
            }
            Ok((*only).clone())
        }
        [] => {
            let system: Vec<&Role> = roles.iter().filter(|role| role.is_system).collect();
            Err(stop(FailureCode::RoleMissing, &format!("system roles: {}", names(&system))))
        }
        several => Err(stop(FailureCode::RoleAmbiguous, &format!("these fit: {}", names(several)))),
    }
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
            let proposal =
                format!("nothing is pinned and no role has that name; candidates: {}", candidates(roles));
            return Err(Failure::needs(Who::Operator, FailureCode::RoleNotPinned).with_list(&proposal));
        }
        return Ok(Chosen::Create { name: name.to_owned(), privileges: pinned.clone() });
    };
    let role = pinned_role(found, pinned)?;
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
    pinned_role(found, pinned)
}

fn pinned_role(role: &Role, pinned: &BTreeSet<Privilege>) -> Result<Role, Failure> {
    if pinned.is_empty() {
        let seen = format!("to pin, if it is right: {}", shown(&role.privileges));
        return Err(Failure::needs(Who::Operator, FailureCode::RoleNotPinned).with_list(&seen));
    }
    approve(role, pinned)?;
    Ok(role.clone())
}

fn one_named<'a>(name: &str, roles: &'a [Role]) -> Result<Option<&'a Role>, Failure> {
    let named: Vec<&Role> = roles.iter().filter(|role| role.name == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => Err(stop(FailureCode::RoleAmbiguous, &format!("{} roles have that name", several.len()))),
    }
}

/// Privileges that a person may want to pin: those of Google's role for resellers that speak of viewing customers or of
/// support cases. That role is the anchor, since other services have privileges of the same names.
fn candidates(roles: &[Role]) -> String {
    let wanted = |privilege: &&Privilege| {
        let has = |word: &str| privilege.name.to_uppercase().contains(word);
        has("SUPPORT") || has("CASE") || (has("CUSTOMER") && (has("VIEW") || has("READ") || has("RETRIEVE")))
    };
    let found: BTreeSet<Privilege> = roles
        .iter()
        .filter(|role| is_reseller_admin(role))
        .flat_map(|role| &role.privileges)
        .filter(wanted)
        .cloned()
        .collect();
    shown(&found)
}

fn shown(privileges: &BTreeSet<Privilege>) -> String {
    if privileges.is_empty() {
        return "none".to_owned();
    }
    let pairs: Vec<String> =
        privileges.iter().map(|privilege| format!("{}/{}", privilege.service_id, privilege.name)).collect();
    pairs.join(" ")
}

fn names(roles: &[&Role]) -> String {
    if roles.is_empty() {
        return "none".to_owned();
    }
    roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn stop(code: FailureCode, why: &str) -> Failure {
    Failure::needs(Who::Operator, code).with_detail(why)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolePage {
    #[serde(default)]
    items: Vec<WireRole>,
    next_page_token: Option<String>,
}

/// Google leaves flags that are false out of roles; `approve` does not rest on them alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRole {
    role_id: RoleId,
    #[serde(default)]
    role_name: String,
    #[serde(default)]
    role_description: String,
    #[serde(default)]
    is_system_role: bool,
    #[serde(default)]
    is_super_admin_role: bool,
    #[serde(default)]
    role_privileges: Vec<WirePrivilege>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePrivilege {
    #[serde(default)]
    privilege_name: String,
    #[serde(default)]
    service_id: String,
    #[serde(default)]
    child_privileges: Vec<WirePrivilege>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentPage {
    #[serde(default)]
    items: Vec<WireAssignment>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAssignment {
    role_assignment_id: String,
    role_id: RoleId,
    assigned_to: String,
    #[serde(default)]
    scope_type: String,
    #[serde(default)]
    condition: String,
}

impl Page for RolePage {
    type Item = WireRole;
    fn split(self) -> (Vec<WireRole>, Option<String>) {
        (self.items, self.next_page_token)
    }
}

impl Page for AssignmentPage {
    type Item = WireAssignment;
    fn split(self) -> (Vec<WireAssignment>, Option<String>) {
        (self.items, self.next_page_token)
    }
}

impl From<WireRole> for Role {
    fn from(wire: WireRole) -> Self {
        Self {
            id: wire.role_id,
            name: wire.role_name,
            description: wire.role_description,
            is_system: wire.is_system_role,
            is_super_admin: wire.is_super_admin_role,
            privileges: flattened(wire.role_privileges),
        }
    }
}

impl From<WireAssignment> for Assignment {
    fn from(wire: WireAssignment) -> Self {
        Self {
            id: wire.role_assignment_id,
            role: wire.role_id,
            assigned_to: wire.assigned_to,
            customer_wide: wire.scope_type == "CUSTOMER" && wire.condition.is_empty(),
        }
    }
}

/// The privileges of a tree; serde bounds its depth.
fn flattened(mut open: Vec<WirePrivilege>) -> BTreeSet<Privilege> {
    let mut flat = BTreeSet::new();
    while let Some(node) = open.pop() {
        open.extend(node.child_privileges);
        flat.insert(Privilege { service_id: node.service_id, name: node.privilege_name });
    }
    flat
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
