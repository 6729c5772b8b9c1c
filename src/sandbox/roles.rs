//! Directory API: roles, the privilege tree, role assignments. int64 values are JSON strings.
//! Not here: what a role allows its holder; in this model only super administrators may act.

use super::call::{Answer, Reply};
use super::directory::{etag, list as list_json};
use super::error::Refusal;
use super::google::Scene;
use super::paging::{PageRule, page};
use super::world::{Assignment, Customer, Privilege, Role, RoleDuplicate};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Custom roles per customer.
const ROLES_MOST: usize = 750;

/// `roles.list`.
pub fn list(scene: &Scene<'_>) -> Reply {
    let empty_first = scene.customer.settings.empty_pages;
    let rule = PageRule { default: 100, largest: 100, refuse_larger: true, empty_first };
    let roles = scene.customer.roles.iter();
    let page =
        page(scene.call, rule, roles.map(|(id, role)| (sortable(*id), role_json(*id, role))).collect())?;
    Ok(Answer::json(list_json("admin#directory#roles", "items", page.items, page.next)))
}

/// `roles.get`.
pub fn get(scene: &Scene<'_>, id: &str) -> Reply {
    let (id, role) = find(scene.customer, id)?;
    Ok(Answer::json(role_json(id, role)))
}

/// `roles.insert`: only privileges of the tree.
pub fn insert(scene: &mut Scene<'_>) -> Reply {
    let body = scene.call.json()?;
    let name = body["roleName"].as_str().unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::new(400, "required", "Required parameter: [resource.role_name]"));
    }
    let privileges = wanted_privileges(scene.customer, &body)?;
    if scene.customer.roles.values().any(|role| role.name == name) {
        return Err(Refusal::duplicate());
    }
    if scene.customer.roles.values().filter(|role| !role.system).count() >= ROLES_MOST {
        return Err(Refusal::condition("Role limit reached"));
    }
    let description = body["roleDescription"].as_str().unwrap_or_default().to_owned();
    let role = Role { name: name.to_owned(), description, system: false, super_admin: false, privileges };
    let id = scene.customer.issue_number();
    let answer = Answer::json(role_json(id, &role));
    scene.customer.roles.insert(id, role);
    Ok(answer.with_effect("role.created"))
}

/// `privileges.list`.
pub fn privileges(scene: &Scene<'_>) -> Answer {
    let items = scene.customer.privileges.iter().map(|privilege| privilege_json(privilege, "")).collect();
    Answer::json(list_json("admin#directory#privileges", "items", items, None))
}

/// `roleAssignments.list`, by user or role; pages may be empty and still have a token.
pub fn assignments(scene: &Scene<'_>) -> Reply {
    let user = match scene.call.parameter("userKey") {
        Some(key) => Some(scene.customer.user(&key).ok_or_else(Refusal::no_such_user)?.id.clone()),
        None => None,
    };
    let role_id = scene.call.parameter("roleId");
    let wanted = |given: &Assignment| {
        user.as_ref().is_none_or(|id| *id == given.assigned_to)
            && role_id.as_ref().is_none_or(|id| *id == given.role_id.to_string())
    };
    let empty_first = scene.customer.settings.empty_pages;
    let pages = PageRule { default: 100, largest: 200, refuse_larger: true, empty_first };
    let given = scene.customer.assignments.iter().filter(|(_, given)| wanted(given));
    let page = page(
        scene.call,
        pages,
        given.map(|(id, given)| (sortable(*id), assignment_json(*id, given))).collect(),
    )?;
    Ok(Answer::json(list_json("admin#directory#roleAssignments", "items", page.items, page.next)))
}

/// `roleAssignments.get`.
pub fn assignment(scene: &Scene<'_>, id: &str) -> Reply {
    let (id, given) = find_assignment(scene.customer, id)?;
    Ok(Answer::json(assignment_json(id, given)))
}

/// `roleAssignments.insert`. A duplicate is a 500 that says so, as Google answers it.
pub fn assign(scene: &mut Scene<'_>) -> Reply {
    let body = scene.call.json()?;
    let role_id = text_or_number(&body["roleId"]);
    let (role_id, _) = find(scene.customer, &role_id)?;
    let assigned_to = body["assignedTo"].as_str().unwrap_or_default().to_owned();
    let user = scene.customer.users.get(&assigned_to).ok_or_else(does_not_exist)?;
    if scene.is_within(user.created, scene.customer.settings.creating_window_ms) {
        return Err(Refusal::condition("User creation is not complete."));
    }
    let org_unit = match (body["scopeType"].as_str(), body["orgUnitId"].as_str()) {
        (Some("CUSTOMER"), None) => None,
        (Some("ORG_UNIT"), Some(id)) if scene.customer.org_units.contains_key(id) => Some(id.to_owned()),
        (Some(_) | None, _) => return Err(Refusal::invalid("Invalid scope value")),
    };
    let given = Assignment { role_id, assigned_to, org_unit };
    if let Some((id, _)) = scene.customer.assignments.iter().find(|(_, held)| **held == given) {
        return Err(match scene.customer.settings.role_duplicate {
            RoleDuplicate::Exists => {
                Refusal::new(500, "internalError", format!("Role assignment exists: roleAssignmentId {id}"))
            }
            RoleDuplicate::Duplicate => Refusal::duplicate(),
        });
    }
    if scene.customer.assignments.len() >= scene.customer.settings.role_assignments_most() {
        let reason = "CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT";
        return Err(Refusal::new(412, reason, "Customer exceeded role assignments limit"));
    }
    let id = scene.customer.issue_number();
    let answer = Answer::json(assignment_json(id, &given));
    scene.customer.assignments.insert(id, given);
    Ok(answer.with_effect("role.assigned"))
}

/// `roleAssignments.delete`; that of a deleted user answers 404.
pub fn unassign(scene: &mut Scene<'_>, id: &str) -> Reply {
    let (id, given) = find_assignment(scene.customer, id)?;
    if !scene.customer.users.contains_key(&given.assigned_to) {
        return Err(does_not_exist());
    }
    scene.customer.assignments.remove(&id);
    Ok(Answer::empty().with_effect("role.unassigned"))
}

/// A role as Google shows it.
pub fn role_json(id: u64, role: &Role) -> Value {
    let privileges: Vec<Value> = role
        .privileges
        .iter()
        .map(|(service, name)| json!({"privilegeName": name, "serviceId": service}))
        .collect();
    let mut body = json!({
        "kind": "admin#directory#role",
        "etag": etag(&id.to_string(), 1),
        "roleId": id.to_string(),
        "roleName": role.name,
        "roleDescription": role.description,
        "rolePrivileges": privileges,
    });
    // Google leaves both out where they are false.
    if role.system {
        body["isSystemRole"] = json!(true);
    }
    if role.super_admin {
        body["isSuperAdminRole"] = json!(true);
    }
    body
}

/// Every (service id, name) of a tree.
pub fn flatten(tree: &[Privilege], service: &str) -> BTreeSet<(String, String)> {
    let mut flat = BTreeSet::new();
    for privilege in tree {
        let service = if privilege.service_id.is_empty() { service } else { &privilege.service_id };
        flat.insert((service.to_owned(), privilege.name.clone()));
        flat.extend(flatten(&privilege.children, service));
    }
    flat
}

fn wanted_privileges(customer: &Customer, body: &Value) -> Result<BTreeSet<(String, String)>, Refusal> {
    let offered = flatten(&customer.privileges, "");
    let mut wanted = BTreeSet::new();
    for (index, item) in body["rolePrivileges"].as_array().into_iter().flatten().enumerate() {
        let part = |name: &str, parameter: &str| {
            let message = format!("Required parameter: [resource.privileges[{index}].{parameter}]");
            item[name].as_str().map(str::to_owned).ok_or_else(|| Refusal::new(400, "required", message))
        };
        let pair = (part("serviceId", "service_id")?, part("privilegeName", "privilege_name")?);
        if !offered.contains(&pair) {
            return Err(Refusal::invalid("Invalid Role privileges"));
        }
        wanted.insert(pair);
    }
    if wanted.is_empty() {
        return Err(Refusal::new(400, "required", "Required parameter: [resource.privileges]"));
    }
    Ok(wanted)
}

fn privilege_json(privilege: &Privilege, service: &str) -> Value {
    let service = if privilege.service_id.is_empty() { service } else { &privilege.service_id };
    let mut body = json!({
        "kind": "admin#directory#privilege",
        "etag": etag(&privilege.name, 1),
        "serviceId": service,
        "privilegeName": privilege.name,
        "isOuScopable": privilege.ou_scopable,
    });
    if !privilege.children.is_empty() {
        body["childPrivileges"] =
            privilege.children.iter().map(|child| privilege_json(child, service)).collect::<Vec<_>>().into();
    }
    body
}

fn assignment_json(id: u64, given: &Assignment) -> Value {
    let mut body = json!({
        "kind": "admin#directory#roleAssignment",
        "etag": etag(&id.to_string(), 1),
        "roleAssignmentId": id.to_string(),
        "roleId": given.role_id.to_string(),
        "assignedTo": given.assigned_to,
        "assigneeType": "user",
        "scopeType": if given.org_unit.is_some() { "ORG_UNIT" } else { "CUSTOMER" },
    });
    if let Some(id) = &given.org_unit {
        body["orgUnitId"] = json!(id);
    }
    body
}

fn find<'a>(customer: &'a Customer, id: &str) -> Result<(u64, &'a Role), Refusal> {
    let id: u64 = id.parse().map_err(|_| does_not_exist())?;
    customer.roles.get(&id).map(|role| (id, role)).ok_or_else(does_not_exist)
}

fn find_assignment<'a>(customer: &'a Customer, id: &str) -> Result<(u64, &'a Assignment), Refusal> {
    let id: u64 = id.parse().map_err(|_| does_not_exist())?;
    customer.assignments.get(&id).map(|given| (id, given)).ok_or_else(does_not_exist)
}

fn does_not_exist() -> Refusal {
    Refusal::not_found("Does not exist")
}

/// Numbers as text that sorts like numbers.
fn sortable(id: u64) -> String {
    format!("{id:020}")
}

fn text_or_number(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
