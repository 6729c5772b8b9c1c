//! Directory API: the customer, its domains, its groups. Read only; nobody provisions those through carepass.

use super::call::{Answer, Reply};
use super::clock::rfc3339;
use super::error::Refusal;
use super::google::{Scene, check_customer};
use super::paging::{PageRule, page};
use super::users::find;
use super::world::{Customer, Domain, DomainKind, Group};
use serde_json::{Value, json};

/// Creation time of everything that the world file lists: 2020-01-01T00:00:00Z.
pub const LONG_AGO: i64 = 1_577_836_800_000;

const GROUP_PAGES: PageRule =
    PageRule { default: 200, largest: 200, refuse_larger: true, empty_first: false };

/// `customers.get`.
pub fn customer(scene: &Scene<'_>) -> Answer {
    Answer::json(json!({
        "kind": "admin#directory#customer",
        "etag": etag(&scene.customer.id, 1),
        "id": scene.customer.id,
        "customerDomain": scene.customer.primary_domain(),
        "customerCreationTime": rfc3339(LONG_AGO),
        "language": "en",
    }))
}

/// `domains.list`.
pub fn domains(scene: &Scene<'_>) -> Answer {
    let own = scene.customer.domains.iter().filter(|domain| domain.kind != DomainKind::Alias);
    let domains: Vec<Value> = own.map(|domain| domain_json(scene.customer, domain)).collect();
    Answer::json(json!({"kind": "admin#directory#domains", "etag": etag("domains", 1), "domains": domains}))
}

/// `groups.list`, for the customer, one of its domains, or a user. Who is in a group is not modelled: no user is in any.
pub fn groups(scene: &Scene<'_>) -> Reply {
    if let Some(key) = scene.call.parameter("userKey") {
        find(scene, &key)?;
        return Ok(Answer::json(list("admin#directory#groups", "groups", Vec::new(), None)));
    }
    let domain = scene.call.parameter("domain");
    match (scene.call.parameter("customer"), &domain) {
        (Some(asked), None) => check_customer(scene.customer, &asked)?,
        (None, Some(name)) if scene.customer.user_domain(name).is_some() => {}
        (None, Some(_)) => return Err(Refusal::not_found("Domain not found")),
        (Some(_), Some(_)) | (None, None) => return Err(Refusal::new(400, "badRequest", "Bad Request")),
    }
    let within =
        |group: &Group| domain.as_ref().is_none_or(|name| group.email.ends_with(&format!("@{name}")));
    let groups = scene.customer.groups.iter().filter(|(_, group)| within(group));
    let mut items: Vec<_> = groups.map(|(id, group)| (group.email.clone(), group_json(id, group))).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let page = page(scene.call, GROUP_PAGES, items)?;
    Ok(Answer::json(list("admin#directory#groups", "groups", page.items, page.next)))
}

/// `groups.get`; the key may be an alias.
pub fn group(scene: &Scene<'_>, key: &str) -> Reply {
    if key.contains('@') && !scene.customer.owns(&key.to_ascii_lowercase()) {
        return Err(Refusal::forbidden());
    }
    let (id, group) =
        scene.customer.group(key).ok_or_else(|| Refusal::not_found("Resource Not Found: groupKey"))?;
    Ok(Answer::json(group_json(id, group)))
}

/// A list answer: an empty list has no field for its items, and the last page no token.
pub fn list(kind: &str, field: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut body = json!({"kind": kind, "etag": etag(kind, items.len() as u64)});
    if !items.is_empty() {
        body[field] = Value::Array(items);
    }
    if let Some(token) = next {
        body["nextPageToken"] = Value::String(token);
    }
    body
}

/// An entity tag: quoted, opaque.
pub fn etag(of: &str, version: u64) -> String {
    format!("\"sandbox/{of}/{version}\"")
}

fn domain_json(customer: &Customer, domain: &Domain) -> Value {
    let aliases = customer.domains.iter().filter(|alias| alias.parent.as_ref() == Some(&domain.name));
    let aliases: Vec<Value> = aliases
        .map(|alias| {
            json!({"kind": "admin#directory#domainAlias", "domainAliasName": alias.name,
                   "parentDomainName": domain.name, "verified": alias.verified,
                   "creationTime": LONG_AGO.to_string()})
        })
        .collect();
    let mut body = json!({
        "kind": "admin#directory#domain",
        "etag": etag(&domain.name, 1),
        "domainName": domain.name,
        "isPrimary": domain.kind == DomainKind::Primary,
        "verified": domain.verified,
        "creationTime": LONG_AGO.to_string(),
    });
    if !aliases.is_empty() {
        body["domainAliases"] = Value::Array(aliases);
    }
    body
}

/// A group as Google shows it.
pub fn group_json(id: &str, group: &Group) -> Value {
    let mut body = json!({
        "kind": "admin#directory#group",
        "id": id,
        "etag": etag(id, 1),
        "email": group.email,
        "name": group.name,
        "directMembersCount": "0",
        "description": "",
        "adminCreated": true,
    });
    if !group.aliases.is_empty() {
        body["aliases"] = json!(group.aliases);
    }
    body
}
