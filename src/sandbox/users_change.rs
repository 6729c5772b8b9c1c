//! Directory API: what happens to a user after it was made: update, delete, undelete, aliases.
//! `makeAdmin` is here so that a test can see that nobody calls it. Not here: how somebody gets in (`users_security`).

use super::call::{Answer, Reply};
use super::directory::{etag, list as list_json};
use super::error::Refusal;
use super::google::Scene;
use super::users::{
    check_password, find, name, org_unit, own_address, password, seat_wall, store_fields, user_json,
};
use super::world::{Assignment, DELETED_KEPT_MS, Holder, User};
use serde_json::{Value, json};

/// Aliases per user.
const ALIASES_MOST: usize = 30;

/// `users.update` and `users.patch`. Both keep what the body does not name; arrays are replaced whole.
pub fn update(scene: &mut Scene<'_>, key: &str) -> Reply {
    let body = scene.call.json()?;
    // PATCH by id works even while GET by id is still a 404.
    let mut user = changeable(scene, key)?;
    change_names_and_unit(scene, &mut user, &body)?;
    change_suspension(&mut user, &body)?;
    if !body["password"].is_null() {
        check_password(&body)?;
        user.passwords_set += 1;
        user.access.password = password(&body);
    }
    if let Some(change) = body["changePasswordAtNextLogin"].as_bool() {
        user.change_password = change;
        // Whoever must change the password is asked for it at once (docs/GOOGLE.md, row 78).
        user.access.sessions = if change { 0 } else { user.access.sessions };
    }
    store_fields(&mut user, &body)?;
    let renamed = rename(scene, &mut user, &body)?;
    user.version += 1;
    user.changed = Some(scene.now);
    let answer = Answer::json(user_json(scene.customer, &user));
    scene.customer.put_user(user);
    Ok(answer.with_effect(if renamed { "user.renamed" } else { "user.updated" }))
}

/// `users.delete`: to the shelf, where the seat stays taken. Role assignments stay behind.
pub fn delete(scene: &mut Scene<'_>, key: &str) -> Reply {
    let id = changeable(scene, key)?.id;
    let mut user = scene.customer.take_user(&id).ok_or_else(Refusal::no_such_user)?;
    scene.customer.young.remove(&id);
    user.deleted = Some(scene.now);
    scene.customer.licenses.retain(|(_, _, holder)| *holder != id);
    scene.customer.deleted.insert(id, user.into());
    Ok(Answer::empty().with_effect("user.deleted"))
}

/// `users.undelete`; the key must be the id.
pub fn undelete(scene: &mut Scene<'_>, key: &str) -> Reply {
    let body = scene.call.json()?;
    if key.contains('@') {
        return Err(Refusal::invalid("Type not supported: userKey"));
    }
    let shelved = scene.customer.deleted.get(key).ok_or_else(Refusal::no_such_user)?;
    let mut user = User::clone(shelved);
    if user.deleted.is_none_or(|at| scene.now - at >= DELETED_KEPT_MS) {
        return Err(Refusal::condition("Could not undelete user: too old"));
    }
    if scene.customer.holder(&user.primary_email).is_some() {
        return Err(Refusal::duplicate());
    }
    // Its own seat is still taken by it, so only a cap that was lowered since stands in the way.
    if scene
        .customer
        .settings
        .seats
        .is_some_and(|seats| scene.customer.seats_used(scene.now) > seats as usize)
    {
        return Err(seat_wall(scene.customer.settings.seat_wall));
    }
    user.org_unit = org_unit(scene.customer, body["orgUnitPath"].as_str().unwrap_or("/"))?;
    user.deleted = None;
    user.version += 1;
    if scene.customer.settings.undelete_suspended {
        user.suspended = true;
        user.suspension_reason = Some("ADMIN".into());
    }
    // An alias that somebody else took meanwhile is lost.
    user.aliases.retain(|alias| scene.customer.holder(alias).is_none());
    scene.customer.deleted.remove(key);
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("user.undeleted"))
}

/// `users.makeAdmin`: gives or takes the super administrator's role.
pub fn make_admin(scene: &mut Scene<'_>, key: &str) -> Reply {
    let status =
        scene.call.json()?["status"].as_bool().ok_or_else(|| Refusal::invalid("Invalid Input: status"))?;
    let assigned_to = find(scene, key)?.id.clone();
    let role = scene.customer.roles.iter().find(|(_, role)| role.super_admin).map(|(id, _)| *id);
    let role_id = role.ok_or_else(|| Refusal::not_found("Does not exist"))?;
    let given = Assignment { role_id, assigned_to, org_unit: None };
    scene.customer.assignments.retain(|_, held| *held != given);
    if status {
        let id = scene.customer.issue_number();
        scene.customer.assignments.insert(id, given);
    }
    Ok(Answer::empty().with_effect(if status { "user.made_admin" } else { "user.made_no_admin" }))
}

/// `users.aliases.list`.
pub fn aliases(scene: &Scene<'_>, key: &str) -> Reply {
    let user = find(scene, key)?;
    let items = user.aliases.iter().map(|alias| alias_json(user, alias)).collect();
    Ok(Answer::json(list_json("admin#directory#aliases", "aliases", items, None)))
}

/// `users.aliases.insert`.
pub fn add_alias(scene: &mut Scene<'_>, key: &str) -> Reply {
    let body = scene.call.json()?;
    let mut user = changeable(scene, key)?;
    let alias = own_address(scene.customer, body["alias"].as_str().unwrap_or_default())?;
    if scene.customer.holder(&alias).is_some() {
        return Err(Refusal::duplicate());
    }
    if user.aliases.len() >= ALIASES_MOST {
        return Err(Refusal::new(412, "limitExceeded", "Alias limit reached"));
    }
    let answer = Answer::json(alias_json(&user, &alias));
    user.aliases.push(alias);
    scene.customer.put_user(user);
    Ok(answer.with_effect("alias.created"))
}

/// `users.aliases.delete`.
pub fn remove_alias(scene: &mut Scene<'_>, key: &str, alias: &str) -> Reply {
    let mut user = find(scene, key)?.clone();
    let before = user.aliases.len();
    user.aliases.retain(|held| !held.eq_ignore_ascii_case(alias));
    if user.aliases.len() == before {
        return Err(Refusal::not_found("Resource Not Found: alias"));
    }
    scene.customer.put_user(user);
    Ok(Answer::empty().with_effect("alias.deleted"))
}

/// A copy of the user, if it can be changed already.
fn changeable(scene: &Scene<'_>, key: &str) -> Result<User, Refusal> {
    if key.contains('@') && !scene.customer.owns(&key.to_ascii_lowercase()) {
        return Err(Refusal::forbidden());
    }
    let user = scene.customer.user(key).ok_or_else(Refusal::no_such_user)?;
    let settings = &scene.customer.settings;
    if scene.is_within(user.created, settings.creating_window_ms) {
        return Err(Refusal::condition("User creation is not complete."));
    }
    if user.renamed.is_some_and(|at| scene.is_within(at, settings.rename_window_ms)) {
        return Err(Refusal::duplicate());
    }
    if user.changed.is_some_and(|at| scene.is_within(at, settings.conflict_window_ms)) {
        return Err(Refusal::new(409, "conflict", "Conflicting requests"));
    }
    Ok(User::clone(user))
}

fn change_names_and_unit(scene: &Scene<'_>, user: &mut User, body: &Value) -> Result<(), Refusal> {
    if let Some(given) = name(body, "givenName")? {
        user.given_name = given;
    }
    if let Some(family) = name(body, "familyName")? {
        user.family_name = family;
    }
    if let Some(path) = body["orgUnitPath"].as_str() {
        user.org_unit = org_unit(scene.customer, path)?;
    }
    Ok(())
}

fn change_suspension(user: &mut User, body: &Value) -> Result<(), Refusal> {
    match body["suspended"].as_bool() {
        Some(true) if !user.suspended => {
            user.suspended = true;
            user.suspension_reason = Some("ADMIN".into());
        }
        Some(false) if user.suspended => {
            if user.suspension_reason.as_deref().is_some_and(|reason| reason != "ADMIN") {
                return Err(Refusal::new(
                    412,
                    "adminCannotUnsuspend",
                    "Cannot restore a user suspended for abuse.",
                ));
            }
            user.suspended = false;
            user.suspension_reason = None;
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// A new primary address; the old one stays as an alias.
fn rename(scene: &Scene<'_>, user: &mut User, body: &Value) -> Result<bool, Refusal> {
    let Some(wanted) = body["primaryEmail"].as_str() else { return Ok(false) };
    let email = own_address(scene.customer, wanted)?;
    if email == user.primary_email {
        return Ok(false);
    }
    match scene.customer.holder(&email) {
        Some(Holder::User(id)) if *id == user.id => user.aliases.retain(|alias| *alias != email),
        Some(Holder::User(_) | Holder::Group(_)) => return Err(Refusal::duplicate()),
        None => {}
    }
    user.aliases.push(std::mem::replace(&mut user.primary_email, email));
    user.renamed = Some(scene.now);
    Ok(true)
}

fn alias_json(user: &User, alias: &str) -> Value {
    json!({"kind": "admin#directory#alias", "id": user.id, "etag": etag(alias, 1), "alias": alias,
           "primaryEmail": user.primary_email})
}
