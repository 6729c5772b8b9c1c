//! Directory API: a user's JSON, `users.get` and `users.insert`.
//! Rules and refusals: Google's "Manage user accounts" guide and the messages that admin tools match on.
//! Not here: lists (`users_list`) and changes (`users_change`).

use super::call::{Answer, Reply};
use super::clock::rfc3339;
use super::customer::domain_of;
use super::directory::etag;
use super::error::Refusal;
use super::google::Scene;
use super::visibility;
use super::world::{
    Access, ConflictChoice, Customer, ForeignDomain, InvitedBody, MissingOrgUnit, SeatWall, User,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Fields that Google stores as they come.
const STORED: &[&str] = &[
    "addresses",
    "archived",
    "customSchemas",
    "externalIds",
    "gender",
    "ims",
    "includeInGlobalAddressList",
    "ipWhitelisted",
    "keywords",
    "languages",
    "locations",
    "notes",
    "organizations",
    "phones",
    "posixAccounts",
    "recoveryEmail",
    "recoveryPhone",
    "relations",
    "sshPublicKeys",
    "websites",
];
/// Kinds that an external id may have.
const EXTERNAL_ID_TYPES: &[&str] = &["account", "custom", "customer", "login_id", "network", "organization"];
/// Longest name that Google's limits page allows.
const NAME_MOST: usize = 60;

/// `users.get`. A new user shows by address before it shows by id.
pub fn get(scene: &mut Scene<'_>, key: &str) -> Reply {
    visibility::count_read(scene.customer, key);
    let user = visibility::shown(scene, find(scene, key)?);
    Ok(Answer::json(user_json(scene.customer, user)))
}

/// The user of a `userKey`, or Google's refusal: 403 outside the customer's domains, else 404.
pub fn find<'a>(scene: &'a Scene<'_>, key: &str) -> Result<&'a User, Refusal> {
    if key.contains('@') && !scene.customer.owns(&key.to_ascii_lowercase()) {
        return Err(Refusal::forbidden());
    }
    let user = scene.customer.user(key).ok_or_else(Refusal::no_such_user)?;
    if visibility::hides(scene, user, !key.contains('@')) {
        return Err(Refusal::no_such_user());
    }
    Ok(user)
}

/// `users.insert`.
pub fn insert(scene: &mut Scene<'_>) -> Reply {
    let body = scene.call.json()?;
    let user = new_user(scene, &body)?;
    let (email, org_unit) = (user.primary_email.clone(), user.org_unit.clone());
    let domain = domain_of(&email).unwrap_or_default();
    scene.meters.take_user_insert(domain, scene.customer.settings.quotas, scene.now)?;
    let unit = &scene.customer.org_units[&org_unit];
    if scene.is_within(unit.created, scene.customer.settings.new_ou_delay_ms) {
        return Err(Refusal::forbidden());
    }
    if scene.customer.holder(&email).is_some() {
        return Err(Refusal::duplicate());
    }
    if let Some(invited) = resolve_conflict(scene, &email)? {
        return Ok(invited);
    }
    if !scene.customer.has_free_seat(scene.now) {
        return Err(seat_wall(scene.customer.settings.seat_wall));
    }
    scene.customer.unmanaged.remove(&email);
    Ok(create(scene, user).with_effect("user.created"))
}

/// A user as Google shows it: all fields, whatever the projection; the password never.
pub fn user_json(customer: &Customer, user: &User) -> Value {
    let mut body = Value::Object(user.fields.clone());
    let super_admin = customer.is_super_admin(&user.id);
    let given = customer.roles_of(&user.id).next().is_some();
    let known = json!({
        "kind": "admin#directory#user",
        "id": user.id,
        "etag": etag(&user.id, user.version),
        "primaryEmail": user.primary_email,
        "name": {"givenName": user.given_name, "familyName": user.family_name,
                 "fullName": format!("{} {}", user.given_name, user.family_name)},
        "isAdmin": super_admin,
        "isDelegatedAdmin": given && !super_admin,
        "lastLoginTime": rfc3339(user.last_login),
        "creationTime": rfc3339(user.created),
        "agreedToTerms": user.agreed_to_terms,
        "suspended": user.suspended,
        "changePasswordAtNextLogin": user.change_password,
        "customerId": customer.id,
        "orgUnitPath": customer.org_unit_path(&user.org_unit),
        "isMailboxSetup": false,
        "isEnrolledIn2Sv": user.enrolled_in_2sv,
        "isEnforcedIn2Sv": user.access.two_step_enforced,
        "emails": addresses(customer, user),
    });
    merge(&mut body, known);
    for (field, default) in
        [("archived", false), ("ipWhitelisted", false), ("includeInGlobalAddressList", true)]
    {
        if body.get(field).is_none() {
            body[field] = json!(default);
        }
    }
    let not_editable = customer.alias_domain_addresses(user);
    for (field, aliases) in [("aliases", &user.aliases), ("nonEditableAliases", &not_editable)] {
        if !aliases.is_empty() {
            body[field] = json!(aliases);
        }
    }
    if let Some(reason) = &user.suspension_reason {
        body["suspensionReason"] = json!(reason);
    }
    if let Some(at) = user.deleted {
        body["deletionTime"] = json!(rfc3339(at));
    }
    body
}

/// Takes over the fields that Google only stores; checks those that it checks.
pub fn store_fields(user: &mut User, body: &Value) -> Result<(), Refusal> {
    for item in body["externalIds"].as_array().into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or_default();
        if !EXTERNAL_ID_TYPES.contains(&kind) || item["value"].as_str().is_none_or(str::is_empty) {
            return Err(Refusal::invalid("Invalid Input: externalIds"));
        }
    }
    if body["archived"] == json!(true) {
        return Err(Refusal::condition("Insufficient archived user licenses"));
    }
    for field in STORED {
        match body.get(field) {
            Some(Value::Null) => drop(user.fields.remove(*field)),
            Some(value) => drop(user.fields.insert((*field).to_owned(), value.clone())),
            None => {}
        }
    }
    Ok(())
}

/// A name of the body, if there: 1 to 60 characters.
pub fn name(body: &Value, part: &str) -> Result<Option<String>, Refusal> {
    let value = &body["name"][part];
    if value.is_null() {
        return Ok(None);
    }
    let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= NAME_MOST;
    let text =
        value.as_str().filter(fits).ok_or_else(|| Refusal::invalid(format!("Invalid Input: name.{part}")))?;
    Ok(Some(text.to_owned()))
}

/// Whether a password of the body will do: 8 to 100 ASCII characters, or any hash.
pub fn check_password(body: &Value) -> Result<(), Refusal> {
    let text = body["password"].as_str().unwrap_or_default();
    let hashed = body["hashFunction"].is_string() && !text.is_empty();
    if hashed || (text.is_ascii() && (8..=100).contains(&text.len())) {
        return Ok(());
    }
    Err(Refusal::invalid("Invalid Password"))
}

/// The password of a body, as far as it is known: not from a hash.
pub fn password(body: &Value) -> Option<SecretString> {
    let text = body["password"].as_str().filter(|_| !body["hashFunction"].is_string());
    text.map(|text| text.to_owned().into())
}

/// An address of the body in lower case, in a verified domain of the customer that has users of its own.
pub fn own_address(customer: &Customer, text: &str) -> Result<String, Refusal> {
    let email = text.to_ascii_lowercase();
    let bad = || Refusal::invalid("Invalid Input: primary_user_email");
    let (local, domain) = email.split_once('@').ok_or_else(bad)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.'".contains(c);
    if local.is_empty() || local.len() > 64 || !local.chars().all(allowed) || local.contains("..") {
        return Err(bad());
    }
    match customer.user_domain(domain) {
        Some(domain) if domain.verified => Ok(email),
        Some(_) | None => Err(Refusal::forbidden()),
    }
}

/// The unit's id of a path in a body.
pub fn org_unit(customer: &Customer, path: &str) -> Result<String, Refusal> {
    let found = customer.org_unit(path).filter(|_| path.starts_with('/'));
    found.map(|(id, _)| id.clone()).ok_or_else(|| {
        Refusal::invalid(match customer.settings.missing_org_unit {
            MissingOrgUnit::InvalidInput => "Invalid Input: INVALID_OU_ID",
            MissingOrgUnit::InvalidOrgUnit => "Invalid Org Unit",
            MissingOrgUnit::InvalidOuId => "Invalid Ou Id",
        })
    })
}

/// The wall of seats, in one of Google's two sentences.
pub fn seat_wall(words: SeatWall) -> Refusal {
    let what_next = match words {
        SeatWall::ContactSupport => "Contact Support.",
        SeatWall::StartSubscription => "Start paid subscription.",
    };
    Refusal::new(412, "limitExceeded", format!("Domain user limit reached. {what_next}"))
}

/// What an insert into another's domain answers; other refusals stay.
fn foreign(customer: &Customer, refusal: Refusal) -> Refusal {
    match customer.settings.foreign_domain {
        ForeignDomain::DomainNotFound if refusal.status == 403 => Refusal::not_found("Domain not found"),
        ForeignDomain::ResourceNotFound if refusal.status == 403 => {
            Refusal::not_found("Resource Not Found: domain")
        }
        ForeignDomain::Forbidden | ForeignDomain::DomainNotFound | ForeignDomain::ResourceNotFound => refusal,
    }
}

fn new_user(scene: &mut Scene<'_>, body: &Value) -> Result<User, Refusal> {
    // That the required fields are there was checked before (`check`); an empty text is refused below.
    let email = body["primaryEmail"].as_str().unwrap_or_default();
    let given_name = name(body, "givenName")?.unwrap_or_default();
    let family_name = name(body, "familyName")?.unwrap_or_default();
    check_password(body)?;
    let primary_email =
        own_address(scene.customer, email).map_err(|refusal| foreign(scene.customer, refusal))?;
    let org_unit = org_unit(scene.customer, body["orgUnitPath"].as_str().unwrap_or("/"))?;
    let mut user = User {
        id: String::new(),
        primary_email,
        given_name,
        family_name,
        org_unit,
        suspended: body["suspended"] == json!(true),
        suspension_reason: (body["suspended"] == json!(true)).then(|| "ADMIN".to_owned()),
        aliases: Vec::new(),
        created: scene.now,
        deleted: None,
        renamed: None,
        changed: None,
        last_login: 0,
        agreed_to_terms: false,
        change_password: body["changePasswordAtNextLogin"] == json!(true),
        enrolled_in_2sv: false,
        passwords_set: 1,
        sign_outs: 0,
        tokens: BTreeSet::new(),
        access: Access { password: password(body), ..Access::default() },
        fields: Map::new(),
        version: 1,
    };
    store_fields(&mut user, body)?;
    Ok(user)
}

/// An unmanaged account at the address: `Some` is the answer that ends the insert.
fn resolve_conflict(scene: &Scene<'_>, email: &str) -> Result<Option<Answer>, Refusal> {
    let Some(choice) = scene.customer.unmanaged.get(email) else { return Ok(None) };
    // Without `resolveConflictAccount=true` Google replaces the account, whatever the console says.
    if scene.call.parameter("resolveConflictAccount").as_deref() != Some("true") {
        return Ok(None);
    }
    match choice {
        ConflictChoice::Replace => Ok(None),
        ConflictChoice::Keep => Err(Refusal::duplicate()),
        ConflictChoice::Invite => {
            Ok(Some(invited(scene, email).with_status(202).with_effect("user.invited")))
        }
    }
}

/// The body of a 202 is not known, so that a client must do with any of these.
fn invited(scene: &Scene<'_>, email: &str) -> Answer {
    match scene.customer.settings.invited_body {
        InvitedBody::Object => Answer::json(json!({})),
        InvitedBody::Empty => Answer::empty(),
        InvitedBody::User => Answer::json(json!({"kind": "admin#directory#user", "primaryEmail": email})),
    }
}

fn create(scene: &mut Scene<'_>, mut user: User) -> Answer {
    user.id = scene.customer.issue_user_id();
    let path = scene.customer.org_unit_path(&user.org_unit);
    if let Some(rule) = scene.customer.auto_licensing(path) {
        let license = (rule.product.clone(), rule.sku.clone(), user.id.clone());
        let delay = scene.customer.settings.auto_license_after(scene.customer.chance_of(&user.id));
        scene.customer.coming_licenses.push((scene.now.saturating_add(delay), license));
    }
    let mut body = user_json(scene.customer, &user);
    // The answer of an insert lacks them (firezone/firezone#15291), the later reads have them.
    if let Value::Object(fields) = &mut body {
        fields.retain(|name, _| !["suspended", "archived"].contains(&name.as_str()));
    }
    visibility::remember(scene.customer, &user);
    scene.customer.put_user(user);
    Answer::json(body)
}

fn addresses(customer: &Customer, user: &User) -> Vec<Value> {
    let mut addresses = vec![json!({"address": user.primary_email, "primary": true})];
    let others = user.aliases.iter().cloned().chain(customer.alias_domain_addresses(user));
    addresses.extend(others.map(|address| json!({"address": address})));
    addresses
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
