//! What the administrators' audit log notes of a change, in the words of Google's event lists for the application `admin`.
//! Only what reached Google is noted, so a change whose answer got lost is there too. Not here: reading it (`reports`).

use super::call::{Answer, Call};
use super::clock::Millis;
use super::licensing;
use super::route::Operation;
use super::world::{Activity, AutoLicensing, Customer};
use serde_json::Value;

/// Entries kept; the oldest go first.
const KEPT: usize = 20_000;

type Parameters = Vec<(&'static str, String)>;

/// What a change is about, taken down before it happens: afterwards it may be gone.
#[derive(Clone, Debug, Default)]
pub struct Concerned {
    email: String,
    role: String,
    was_suspended: bool,
}

/// Looks at what a call is about.
pub fn concerned(customer: &Customer, operation: &Operation<'_>) -> Concerned {
    if let Operation::UsersUndelete { key } = operation {
        let email = customer.deleted.get(*key).map(|user| user.primary_email.clone());
        return Concerned { email: email.unwrap_or_default(), ..Concerned::default() };
    }
    if let Operation::AssignmentsDelete { id, .. } = operation {
        let given = id.parse().ok().and_then(|id: u64| customer.assignments.get(&id));
        return given.map(|given| of_role(customer, given.role_id, &given.assigned_to)).unwrap_or_default();
    }
    let (Operation::UsersUpdate { key } | Operation::UsersDelete { key } | Operation::UsersMakeAdmin { key }) =
        operation
    else {
        return Concerned::default();
    };
    of_user(customer, key)
}

/// Notes what a call changed.
pub fn note(
    customer: &mut Customer,
    (operation, call): (&Operation<'_>, &Call),
    before: &Concerned,
    answer: &Answer,
    (actor, now): (&str, Millis),
) {
    let Some(effect) = answer.effect.as_deref() else { return };
    let actor = customer.users.get(actor).map(|user| (user.primary_email.clone(), user.id.clone()));
    for (event, parameters) in events(customer, operation, call, before, effect) {
        push(customer, Activity { at: now, actor: actor.clone(), event, parameters });
    }
}

/// Notes that automatic licensing was switched on or off at the console.
pub fn note_auto_licensing(customer: &mut Customer, rule: &AutoLicensing, on: bool, now: Millis) {
    let parameters = vec![
        ("NEW_VALUE", if on { "ON" } else { "OFF" }.to_owned()),
        ("PRODUCT_NAME", licensing::product_name(&rule.product, &rule.sku).to_owned()),
        ("SKU_NAME", licensing::sku_name(&rule.product, &rule.sku).to_owned()),
        ("ORG_UNIT_NAME", rule.org_unit.clone()),
    ];
    push(customer, Activity { at: now, actor: None, event: "CHANGE_LICENSE_AUTO_ASSIGN", parameters });
}

/// Notes that automatic licensing struck.
pub fn note_automatic(customer: &mut Customer, product: &str, sku: &str, user: &str, at: Millis) {
    let email = customer.users.get(user).map(|user| user.primary_email.clone()).unwrap_or_default();
    let parameters = license(product, sku, &email);
    push(customer, Activity { at, actor: None, event: "USER_LICENSE_ASSIGNMENT", parameters });
}

/// Notes that somebody added privileges to a role at the console.
pub fn note_privileges(customer: &mut Customer, role: &str, added: &[(String, String)], now: Millis) {
    for (_, privilege) in added {
        let parameters = vec![("ROLE_NAME", role.to_owned()), ("PRIVILEGE_NAME", privilege.clone())];
        push(customer, Activity { at: now, actor: None, event: "ADD_PRIVILEGE", parameters });
    }
}

fn push(customer: &mut Customer, activity: Activity) {
    if customer.activities.len() >= KEPT {
        customer.activities.remove(0);
    }
    customer.activities.push(activity);
}

fn of_user(customer: &Customer, key: &str) -> Concerned {
    let user = customer.user(key);
    Concerned {
        email: user.map(|user| user.primary_email.clone()).unwrap_or_default(),
        was_suspended: user.is_some_and(|user| user.suspended),
        role: String::new(),
    }
}

fn of_role(customer: &Customer, role_id: u64, user: &str) -> Concerned {
    let email = customer.users.get(user).map(|user| user.primary_email.clone()).unwrap_or_default();
    let role = customer.roles.get(&role_id).map(|role| role.name.clone()).unwrap_or_default();
    Concerned { email, role, was_suspended: false }
}

fn events(
    customer: &Customer,
    operation: &Operation<'_>,
    call: &Call,
    before: &Concerned,
    effect: &str,
) -> Vec<(&'static str, Parameters)> {
    let body = call.json().unwrap_or(Value::Null);
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let about = |email: &str| vec![("USER_EMAIL", email.to_owned())];
    match effect {
        "user.created" => vec![("CREATE_USER", about(&text("primaryEmail").to_ascii_lowercase()))],
        "user.updated" | "user.renamed" => user_events(customer, before, &body),
        "user.deleted" => vec![("DELETE_USER", about(&before.email))],
        "user.undeleted" => vec![("UNDELETE_USER", about(&before.email))],
        "user.made_admin" => vec![("GRANT_ADMIN_PRIVILEGE", about(&before.email))],
        "orgunit.created" => vec![("CREATE_ORG_UNIT", vec![("ORG_UNIT_NAME", text("name"))])],
        "role.created" => vec![("CREATE_ROLE", vec![("ROLE_NAME", text("roleName"))])],
        "role.assigned" => {
            let role_id = body["roleId"].as_str().map_or_else(|| body["roleId"].to_string(), str::to_owned);
            let given = of_role(customer, role_id.parse().unwrap_or_default(), &text("assignedTo"));
            vec![("ASSIGN_ROLE", role(&given))]
        }
        "role.unassigned" => vec![("UNASSIGN_ROLE", role(before))],
        _ => license_event(operation, &text("userId"), &text("skuId")).into_iter().collect(),
    }
}

fn license_event(
    operation: &Operation<'_>,
    user_id: &str,
    sku_id: &str,
) -> Option<(&'static str, Parameters)> {
    if let Operation::LicensesInsert { product, sku } = operation {
        return Some(("USER_LICENSE_ASSIGNMENT", license(product, sku, user_id)));
    }
    if let Operation::LicensesDelete { product, sku, user } = operation {
        return Some(("USER_LICENSE_REVOKE", license(product, sku, user)));
    }
    let Operation::LicensesUpdate { product, user, .. } = operation else { return None };
    Some(("USER_LICENSE_REASSIGNMENT", license(product, sku_id, user)))
}

fn user_events(customer: &Customer, before: &Concerned, body: &Value) -> Vec<(&'static str, Parameters)> {
    let about = |name, value: Option<&str>| {
        let value = value.map(|value| ("NEW_VALUE", value.to_owned()));
        (name, std::iter::once(("USER_EMAIL", before.email.clone())).chain(value).collect())
    };
    let mut events = Vec::new();
    let is_suspended = customer.user(&before.email).is_some_and(|user| user.suspended);
    if is_suspended != before.was_suspended {
        events.push(about(if is_suspended { "SUSPEND_USER" } else { "UNSUSPEND_USER" }, None));
    }
    if body["password"].is_string() {
        events.push(about("CHANGE_PASSWORD", None));
    }
    if let Some(path) = body["orgUnitPath"].as_str() {
        events.push(about("MOVE_USER_TO_ORG_UNIT", Some(path)));
    }
    if let Some(address) = body["primaryEmail"].as_str().filter(|address| *address != before.email) {
        events.push(about("RENAME_USER", Some(address)));
    }
    events
}

fn role(given: &Concerned) -> Parameters {
    vec![("ROLE_NAME", given.role.clone()), ("USER_EMAIL", given.email.clone())]
}

fn license(product: &str, sku: &str, email: &str) -> Parameters {
    vec![
        ("USER_EMAIL", email.to_owned()),
        ("PRODUCT_NAME", licensing::product_name(product, sku).to_owned()),
        ("NEW_VALUE", licensing::sku_name(product, sku).to_owned()),
    ]
}
