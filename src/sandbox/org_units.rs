//! Directory API: organisational units. Rules and refusals: Google's "Organizational units" guide. Not here: who is in a unit (`users`).

use super::call::{Answer, Reply};
use super::customer::is_within;
use super::directory::{etag, list as list_json};
use super::error::Refusal;
use super::google::Scene;
use super::world::{Customer, OrgUnit, OrgUnitDuplicate};
use serde_json::{Value, json};

/// Most units in one customer's list here; Google allows 40,000.
const UNITS_MOST: usize = 40_000;
/// Longest name, in bytes.
const NAME_MOST: usize = 256;
/// Deepest nesting (Google: 35).
const DEEPEST: usize = 35;

/// `orgunits.list`: children of `orgUnitPath`, or `type=all`.
pub fn list(scene: &Scene<'_>) -> Reply {
    let key = scene.call.parameter("orgUnitPath").unwrap_or_else(|| "/".into());
    let key = if key.starts_with('/') || key.starts_with("id:") { key } else { format!("/{key}") };
    let (_, above) = scene.customer.org_unit(&key).ok_or_else(not_found)?;
    let kind = scene.call.parameter("type").unwrap_or_else(|| "children".into());
    let wanted = |unit: &OrgUnit| match kind.as_str() {
        "all" => unit.path != above.path && is_within(&unit.path, &above.path),
        "allIncludingParent" => is_within(&unit.path, &above.path),
        _ => unit.path != "/" && parent_of(&unit.path).eq_ignore_ascii_case(&above.path),
    };
    let mut units: Vec<_> = scene.customer.org_units.iter().filter(|(_, unit)| wanted(unit)).collect();
    units.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    let items = units.into_iter().map(|(id, unit)| org_unit_json(scene.customer, id, unit)).collect();
    Ok(Answer::json(list_json("admin#directory#orgUnits", "organizationUnits", items, None)))
}

/// `orgunits.get`.
pub fn get(scene: &Scene<'_>, key: &str) -> Reply {
    let (id, unit) = scene.customer.org_unit(key).ok_or_else(not_found)?;
    Ok(Answer::json(org_unit_json(scene.customer, id, unit)))
}

/// `orgunits.insert`.
pub fn insert(scene: &mut Scene<'_>) -> Reply {
    let body = scene.call.json()?;
    let name = body["name"].as_str().unwrap_or_default();
    if name.is_empty() || name.contains('/') || name.len() > NAME_MOST {
        return Err(Refusal::invalid("Invalid Ou Name"));
    }
    let parent = parent_path(scene.customer, &body)?;
    let path = if parent == "/" { format!("/{name}") } else { format!("{parent}/{name}") };
    if path.matches('/').count() > DEEPEST || scene.customer.org_units.len() >= UNITS_MOST {
        return Err(Refusal::condition("OrgUnit limit reached"));
    }
    if scene.customer.org_unit(&path).is_some() {
        return Err(match scene.customer.settings.org_unit_duplicate {
            OrgUnitDuplicate::Invalid => Refusal::invalid("Invalid Ou Id"),
            OrgUnitDuplicate::Duplicate => Refusal::duplicate(),
        });
    }
    let description = body["description"].as_str().unwrap_or_default().to_owned();
    let unit = OrgUnit { path, description, created: scene.now };
    let id = scene.customer.issue_org_unit_id();
    let answer = Answer::json(org_unit_json(scene.customer, &id, &unit));
    scene.customer.org_units.insert(id, unit);
    if scene.customer.settings.org_unit_created_401 {
        let refusal = Refusal::new(401, "required", "Login Required");
        return Ok(Answer::from(refusal).with_effect("orgunit.created"));
    }
    Ok(answer.with_effect("orgunit.created"))
}

/// `orgunits.patch` and `orgunits.update`: name, place and description. Both keep what the body does not name.
pub fn update(scene: &mut Scene<'_>, key: &str) -> Reply {
    let body = scene.call.json()?;
    let (id, unit) = scene.customer.org_unit(key).ok_or_else(not_found)?;
    let (id, unit) = (id.clone(), unit.clone());
    let path = changed_path(scene.customer, &unit.path, &body)?;
    if path != unit.path {
        relocate(scene.customer, &unit.path, &path);
    }
    let description = body["description"].as_str().unwrap_or(&unit.description).to_owned();
    let unit = OrgUnit { path, description, ..unit };
    let answer = Answer::json(org_unit_json(scene.customer, &id, &unit));
    scene.customer.org_units.insert(id, unit);
    Ok(answer.with_effect("orgunit.updated"))
}

/// `orgunits.delete`; a unit with users or units in it stays.
pub fn delete(scene: &mut Scene<'_>, key: &str) -> Reply {
    let (id, unit) = scene.customer.org_unit(key).ok_or_else(not_found)?;
    let id = id.clone();
    let below = scene
        .customer
        .org_units
        .values()
        .any(|other| other.path != unit.path && is_within(&other.path, &unit.path));
    if below || scene.customer.users.values().any(|user| user.org_unit == id) {
        let message = "Cannot delete OrgUnit with following members: Users";
        return Err(Refusal::condition(message));
    }
    scene.customer.org_units.remove(&id);
    Ok(Answer::empty().with_effect("orgunit.deleted"))
}

/// A unit as Google shows it; its id carries the prefix `id:` here, and nowhere else.
pub fn org_unit_json(customer: &Customer, id: &str, unit: &OrgUnit) -> Value {
    let mut body = json!({
        "kind": "admin#directory#orgUnit",
        "etag": etag(id, unit.description.len() as u64),
        "name": unit.path.rsplit('/').next(),
        "description": unit.description,
        "orgUnitPath": unit.path,
        "orgUnitId": format!("id:{id}"),
    });
    if unit.path != "/" {
        let parent = parent_of(&unit.path);
        body["parentOrgUnitPath"] = json!(parent);
        body["parentOrgUnitId"] = json!(customer.org_unit(parent).map(|(id, _)| format!("id:{id}")));
    }
    body
}

fn parent_path(customer: &Customer, body: &Value) -> Result<String, Refusal> {
    let missing = || Refusal::invalid("Invalid Parent Orgunit Id");
    let find = |key: &str| customer.org_unit(key).map(|(_, unit)| unit.path.clone()).ok_or_else(missing);
    match (body["parentOrgUnitPath"].as_str(), body["parentOrgUnitId"].as_str()) {
        (Some(path), None) => find(path),
        (None, Some(id)) => find(id),
        (Some(path), Some(id)) if find(path)? == find(id)? => find(path),
        (Some(_), Some(_)) => Err(Refusal::new(
            400,
            "invalidInput",
            "Invalid Input: Inconsistent Orgunit id and path in request",
        )),
        (None, None) => Err(missing()),
    }
}

/// Where a unit is after a change of its name or of what is above it.
fn changed_path(customer: &Customer, path: &str, body: &Value) -> Result<String, Refusal> {
    let own_name = path.rsplit('/').next().unwrap_or_default();
    let name = body["name"].as_str().unwrap_or(own_name);
    let moves = body["parentOrgUnitPath"].is_string() || body["parentOrgUnitId"].is_string();
    let parent = if moves { parent_path(customer, body)? } else { parent_of(path).to_owned() };
    let wanted = if parent == "/" { format!("/{name}") } else { format!("{parent}/{name}") };
    if path == "/" && wanted != path {
        return Err(Refusal::new(501, "operationNotSupported", "Operation not supported"));
    }
    if wanted != path {
        if name.is_empty() || name.contains('/') || name.len() > NAME_MOST {
            return Err(Refusal::invalid("Invalid Ou Name"));
        }
        if is_within(&parent, path) {
            return Err(Refusal::condition("OrgUnit hierarchy has cycle"));
        }
        if !wanted.eq_ignore_ascii_case(path) && customer.org_unit(&wanted).is_some() {
            return Err(Refusal::invalid("Invalid Ou Id"));
        }
    }
    Ok(wanted)
}

/// Everything below a unit moves along. Users are in a unit by its id.
fn relocate(customer: &mut Customer, from: &str, to: &str) {
    for unit in customer.org_units.values_mut().filter(|unit| is_within(&unit.path, from)) {
        unit.path = format!("{to}{}", &unit.path[from.len()..]);
    }
}

fn parent_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

fn not_found() -> Refusal {
    Refusal::not_found("Org unit not found")
}
