//! Roles, what they may do, and who holds them, as Google lists and changes them.
//! Not here: which role is given, and which never (`choose`), and taking one away (`leaving`).

mod choose;
mod propose;

pub use choose::{Chosen, approve, choose, is_legacy_access, remembered, unchanged};
pub use propose::{anchor, propose};

use super::call::Call;
use super::classify::Meaning;
use super::pages::{List, Page};
use super::request::Request;
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, AssignmentId, RoleId};
use crate::model::reseller::Privilege;
use serde::Deserialize;
use std::collections::BTreeSet;

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
    /// Its id, by which it is taken away.
    pub id: AssignmentId,
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
                choose::one_named(name, &self.roles().await?)?.cloned().ok_or_else(|| {
                    Failure::not_yet(FailureCode::NotYetConfirmed)
                        .with_detail("the role exists and is not listed yet")
                })
            }
            Outcome::Means(meaning @ (Meaning::NotThere | Meaning::AlreadyHeld | Meaning::Unavailable)) => {
                Err(unexpected(Call::InsertRole, meaning))
            }
        }
    }

    /// Every privilege that a role of the customer can have.
    pub async fn privileges(&self) -> Result<BTreeSet<Privilege>, Failure> {
        let request = Request::ListPrivileges { customer: &self.shared.customer };
        let tree: WirePrivileges =
            self.ask(&request).await?.done(Call::ListPrivileges)?.decode(Call::ListPrivileges)?;
        Ok(flattened(tree.items))
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

/// The one list without pages.
#[derive(Deserialize)]
struct WirePrivileges {
    #[serde(default)]
    items: Vec<WirePrivilege>,
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
    role_assignment_id: AssignmentId,
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
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trees_and_assignments_are_read() {
        let tree = json!({"items": [
            {"privilegeName": "TOP", "serviceId": "1", "isOuScopable": true, "childPrivileges": [
                {"privilegeName": "LEAF", "serviceId": "1"}]},
            {"privilegeName": "LEAF", "serviceId": "2"}]});
        let tree: WirePrivileges = serde_json::from_value(tree).unwrap();
        let flat: Vec<String> = flattened(tree.items)
            .iter()
            .map(|privilege| format!("{}/{}", privilege.service_id, privilege.name))
            .collect();
        assert_eq!(flat, ["1/LEAF", "1/TOP", "2/LEAF"]);
        let assignment = |extra: &str| -> Assignment {
            let text = format!(r#"{{"roleAssignmentId":"9","roleId":"7","assignedTo":"03group"{extra}}}"#);
            serde_json::from_str::<WireAssignment>(&text).unwrap().into()
        };
        assert!(assignment(r#","scopeType":"CUSTOMER""#).customer_wide);
        for other in [
            "",
            r#","scopeType":"ORG_UNIT","orgUnitId":"03ph""#,
            r#","scopeType":"CUSTOMER","condition":"x""#,
        ] {
            assert!(!assignment(other).customer_wide, "{other}");
        }
    }
}
