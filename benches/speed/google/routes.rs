//! Which call is which, and what it answers. Not here: latency and what the bench asks about (`control`).

use super::connection::{Reply, Request};
use super::counts::{Counts, Unfinished};
use super::customer::{Customer, admin};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const UNIT: &str = "id:03phspeedunit0001";
const TOP: &str = "id:03phspeedtop00001";

/// All customers, and what was counted.
#[derive(Debug, Default)]
pub struct World {
    customers: Vec<Customer>,
    /// Counted since the last reset.
    pub counts: Counts,
    /// Whom a killed process has left behind.
    pub unfinished: Unfinished,
    begun: BTreeSet<String>,
    /// By customer and door.
    writes: BTreeMap<(usize, usize), u64>,
}

impl World {
    /// Forgets everything; so many customers with so many domains each.
    pub fn reset(&mut self, customers: usize, domains: usize) {
        *self = Self { counts: self.counts.afresh(), ..Self::default() };
        self.customers = (0..customers).map(|number| Customer::new(number, domains)).collect();
    }

    /// Counts from nothing, and keeps the accounts.
    pub fn recount(&mut self) {
        self.counts = self.counts.afresh();
    }

    /// Writes to customers through doors, since the last reset.
    pub fn writes(&self, counts: impl Fn(usize, usize) -> bool) -> u64 {
        let meant = self.writes.iter().filter(|((customer, door), _)| counts(*customer, *door));
        meant.map(|(_, writes)| writes).sum()
    }

    /// Whoever has an account and no role is left behind now.
    pub fn leave_behind(&mut self) -> usize {
        self.unfinished.0 = self.begun.clone();
        self.begun.len()
    }

    /// Answers a call of Google's.
    pub fn answer(&mut self, request: &Request<'_>) -> Reply {
        let (name, reply) = match self.route(request) {
            Some(answered) => answered,
            None => ("unknown", refusal(501, "notImplemented", "the stand-in does not know this call")),
        };
        *self.counts.calls.entry(name.to_owned()).or_default() += 1;
        if let (true, Some(number)) = (is_write(request), customer(request)) {
            *self.writes.entry((number, request.door)).or_default() += 1;
            self.counts.doors[request.door].writes += 1;
        }
        reply
    }

    /// A call of a customer in trouble gets no good answer.
    pub fn lose(&mut self) {
        *self.counts.calls.entry("lost".to_owned()).or_default() += 1;
    }

    fn route(&mut self, request: &Request<'_>) -> Option<(&'static str, Reply)> {
        if request.path == "/token" {
            return Some(("token", token(request)?));
        }
        let number = customer(request)?;
        let customer = self.customers.get(number)?;
        let from = parameter(request.query, "pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let read = |name, body: String| Some((name, Reply::ok(body)));
        match (request.method, parts.as_slice()) {
            ("GET", ["admin", "directory", "v1", "customers", "my_customer"]) => {
                read("customers.get", customer.resource())
            }
            ("GET", ["admin", "directory", "v1", "users"]) => {
                let deleted = parameter(request.query, "showDeleted") == Some("true");
                read("users.list", if deleted { "{}".to_owned() } else { customer.users(from) })
            }
            ("GET", ["admin", "directory", "v1", "users", key]) => {
                Some(("users.get", found(customer.user(key))))
            }
            ("PUT", ["admin", "directory", "v1", "users", key]) => {
                Some(("users.update", found(customer.user(key))))
            }
            ("POST", ["admin", "directory", "v1", "users"]) => {
                Some(("users.insert", self.insert(number, request)?))
            }
            ("GET", ["admin", "directory", "v1", "groups"]) => read("groups.list", "{}".to_owned()),
            ("GET", ["admin", "directory", "v1", "customer", _, "domains"]) => {
                read("domains.list", customer.domains())
            }
            ("GET", ["admin", "directory", "v1", "customer", _, "orgunits", ..]) => {
                read("orgunits.get", unit())
            }
            ("GET", ["admin", "directory", "v1", "customer", _, "roles"]) => {
                read("roles.list", Customer::roles())
            }
            ("GET", ["admin", "directory", "v1", "customer", _, "roleassignments"]) => {
                read("roleAssignments.list", customer.assignments(from))
            }
            ("POST", ["admin", "directory", "v1", "customer", _, "roleassignments"]) => {
                Some(("roleAssignments.insert", self.give(number, request)?))
            }
            ("POST", ["apps", "licensing", "v1", "product", _, "sku", _, "user"]) => {
                Some(("licenseAssignments.insert", self.license(number, request)?))
            }
            ("GET", ["apps", "licensing", "v1", "product", product, "users"]) => {
                let absent = matches!(*product, "101005" | "101006");
                Some((
                    "licenseAssignments.list",
                    if absent { nothing("SKU or product does not exist") } else { Reply::ok("{}") },
                ))
            }
            ("GET", ["v1", "customers", _, "userinvitations", _]) => read("isInvitableUser", "{}".to_owned()),
            ("GET", ["v1", "policies"]) => read("policies.list", policies()),
            ("GET", ["admin", "reports", ..]) => read("activities.list", "{}".to_owned()),
            _ => None,
        }
    }

    fn insert(&mut self, number: usize, request: &Request<'_>) -> Option<Reply> {
        let body: Value = serde_json::from_slice(request.body).ok()?;
        let address = body["primaryEmail"].as_str()?.to_owned();
        self.come_back(&address);
        let has_one = self.customers[number].has_account(&body);
        let Some(made) = self.customers[number].insert(&body) else {
            self.counts.repeat(request.door);
            return Some(refusal(409, "duplicate", "Entity already exists."));
        };
        let made = Reply::ok(made);
        self.counts.accounts += 1;
        self.counts.twice += u64::from(has_one);
        self.begun.insert(address);
        Some(made)
    }

    fn license(&mut self, number: usize, request: &Request<'_>) -> Option<Reply> {
        let body: Value = serde_json::from_slice(request.body).ok()?;
        let address = body["userId"].as_str()?;
        self.come_back(address);
        if self.customers[number].license(address) {
            let answer = json!({ "userId": address, "productId": "101001", "skuId": "1010010001" });
            return Some(Reply::ok(answer.to_string()));
        }
        self.counts.repeat(request.door);
        Some(refusal(412, "conditionNotMet", "User already has a license for the specified product and SKU"))
    }

    fn give(&mut self, number: usize, request: &Request<'_>) -> Option<Reply> {
        let body: Value = serde_json::from_slice(request.body).ok()?;
        let Some((assignment, address)) = self.customers[number].give(&body) else {
            self.counts.repeat(request.door);
            return Some(refusal(409, "duplicate", "Role assignment already exists for the role"));
        };
        self.come_back(&address);
        self.begun.remove(&address);
        self.counts.roles += 1;
        Some(Reply::ok(assignment))
    }

    fn come_back(&mut self, address: &str) {
        self.unfinished.0.remove(address);
    }
}

/// Whom a call is about: the token names its customer, and so does the assertion for which there is a token.
pub fn customer(request: &Request<'_>) -> Option<usize> {
    if request.path != "/token" {
        return request.bearer.strip_prefix("speed.")?.parse().ok();
    }
    let body = std::str::from_utf8(request.body).ok()?;
    let claims = parameter(body, "assertion")?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let subject = claims["sub"].as_str()?;
    (0..100).find(|number| admin(*number) == subject)
}

fn is_write(request: &Request<'_>) -> bool {
    request.method != "GET" && request.path != "/token"
}

fn token(request: &Request<'_>) -> Option<Reply> {
    let number = customer(request)?;
    let answer =
        json!({ "access_token": format!("speed.{number}"), "expires_in": 3599, "token_type": "Bearer" });
    Some(Reply::ok(answer.to_string()))
}

fn unit() -> String {
    json!({ "orgUnitId": UNIT, "orgUnitPath": "/Customer Care", "parentOrgUnitId": TOP, "name": "Customer Care" }).to_string()
}

/// Private accounts that have an address are spared: nobody has to ask about each.
fn policies() -> String {
    let top = TOP.trim_start_matches("id:");
    json!({ "policies": [{
        "name": "policies/speed", "type": "ADMIN",
        "policyQuery": { "orgUnit": format!("orgUnits/{top}"), "sortOrder": 1,
            "query": format!("entity.org_units.exists(org_unit, org_unit.org_unit_id == orgUnitId('{top}'))") },
        "setting": { "type": "settings/provisioning.conflicting_accounts_management",
            "value": { "conflictingAccountsPolicy": "SEND_INVITATION" } }
    }]})
    .to_string()
}

fn found(user: Option<&str>) -> Reply {
    user.map_or_else(|| nothing("Resource Not Found: userKey"), Reply::ok)
}

fn nothing(message: &str) -> Reply {
    refusal(404, "notFound", message)
}

/// An error in Google's form.
pub fn refusal(status: u16, reason: &str, message: &str) -> Reply {
    let error = json!({ "error": { "code": status, "message": message,
        "errors": [{ "domain": "global", "reason": reason, "message": message }] } });
    Reply { status, body: error.to_string() }
}

/// A parameter as it stands there: what is looked for has no character that would be encoded.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
