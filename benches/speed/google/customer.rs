//! One customer of Google's as the stand-in keeps it: accounts as the JSON that lists hand out, so that a list is put together by
//! copying. Not here: paths and queries (`routes`).

use carepass::clock::Clock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The role's privileges are pinned in the configuration.
pub const MARKER: [&str; 2] = ["VIEW_CUSTOMERS", "ACCESS_CUSTOMER_SUPPORT_CASES"];

const USERS_PAGE: usize = 500;
const SMALL_PAGE: usize = 100;

/// The id of a customer by its number.
pub fn customer_id(number: usize) -> String {
    format!("C{number:02}speed")
}

/// The administrator that carepass acts as there.
pub fn admin(number: usize) -> String {
    format!("robot@r{number}d0.example")
}

/// A customer.
#[derive(Debug)]
pub struct Customer {
    id: String,
    number: usize,
    domains: usize,
    users: Vec<User>,
    by_address: BTreeMap<String, usize>,
    by_id: BTreeMap<String, usize>,
    licensed: BTreeSet<String>,
    assignments: Vec<String>,
    holders: BTreeSet<String>,
    /// Who has an account in which domain, by what carepass marks it with.
    marked: BTreeSet<(String, String)>,
}

#[derive(Debug)]
struct User {
    resource: Value,
    json: String,
}

impl Customer {
    /// A customer with so many domains and its administrator.
    pub fn new(number: usize, domains: usize) -> Self {
        let id = customer_id(number);
        let mut customer = Self {
            id,
            number,
            domains,
            users: Vec::new(),
            by_address: BTreeMap::new(),
            by_id: BTreeMap::new(),
            licensed: BTreeSet::new(),
            assignments: Vec::new(),
            holders: BTreeSet::new(),
            marked: BTreeSet::new(),
        };
        let robot = json!({ "primaryEmail": admin(number), "name": { "givenName": "R", "familyName": "R" }, "orgUnitPath": "/" });
        customer.insert(&robot);
        customer
    }

    /// `customers.get`.
    pub fn resource(&self) -> String {
        json!({ "id": self.id, "customerDomain": format!("r{}d0.example", self.number) }).to_string()
    }

    /// `domains.list`.
    pub fn domains(&self) -> String {
        let domain = |place: usize| json!({ "domainName": format!("r{}d{place}.example", self.number), "isPrimary": place == 0, "verified": true });
        json!({ "domains": (0..self.domains).map(domain).collect::<Vec<_>>() }).to_string()
    }

    /// Whether somebody with the same mark has an account in the same domain, under whatever address.
    pub fn has_account(&self, body: &Value) -> bool {
        self.marked.contains(&mark(body))
    }

    /// Makes an account; none if the address is taken.
    pub fn insert(&mut self, body: &Value) -> Option<&str> {
        let address = body["primaryEmail"].as_str()?.to_owned();
        if self.by_address.contains_key(&address) {
            return None;
        }
        let id = format!("1{:02}{:018}", self.number, self.users.len());
        let resource = json!({
            "kind": "admin#directory#user", "id": id, "primaryEmail": address, "customerId": self.id,
            "name": body["name"], "isAdmin": false, "isDelegatedAdmin": false, "suspended": false, "archived": false,
            "isEnrolledIn2Sv": false, "isEnforcedIn2Sv": false, "orgUnitPath": body["orgUnitPath"], "externalIds": body["externalIds"],
            "creationTime": Clock::System.now(), "lastLoginTime": "1970-01-01T00:00:00.000Z",
            "agreedToTerms": false, "ipWhitelisted": false, "changePasswordAtNextLogin": true, "includeInGlobalAddressList": true
        });
        let place = self.users.len();
        self.users.push(User { json: resource.to_string(), resource });
        self.marked.insert(mark(body));
        self.by_address.insert(address, place);
        self.by_id.insert(id, place);
        Some(&self.users[place].json)
    }

    /// `users.get`.
    pub fn user(&self, key: &str) -> Option<&str> {
        let place = self.by_address.get(key).or_else(|| self.by_id.get(key))?;
        Some(&self.users[*place].json)
    }

    /// `users.list`.
    pub fn users(&self, from: usize) -> String {
        page("users", self.users.iter().map(|user| user.json.as_str()), self.users.len(), from, USERS_PAGE)
    }

    /// Gives the free licence; false if the account has it.
    pub fn license(&mut self, address: &str) -> bool {
        self.licensed.insert(address.to_owned())
    }

    /// `roles.list`: the super administrator's, and the one that is configured.
    pub fn roles() -> String {
        let privileges = MARKER.map(|name| json!({ "serviceId": "02w5ecyt3pkeyqi", "privilegeName": name }));
        json!({ "items": [
            { "roleId": "1", "roleName": "_SEED_ADMIN_ROLE", "isSystemRole": true, "isSuperAdminRole": true, "rolePrivileges": privileges },
            { "roleId": "2", "roleName": "Customer Care", "rolePrivileges": privileges },
        ]})
        .to_string()
    }

    /// Gives a role; none if the account has it. Answers with the account's address too.
    pub fn give(&mut self, body: &Value) -> Option<(String, String)> {
        let holder = body["assignedTo"].as_str()?;
        let place = *self.by_id.get(holder)?;
        if !self.holders.insert(holder.to_owned()) {
            return None;
        }
        let user = &mut self.users[place];
        user.resource["isDelegatedAdmin"] = true.into();
        user.json = user.resource.to_string();
        let assignment = json!({
            "kind": "admin#directory#roleAssignment", "roleAssignmentId": format!("9{:02}{:012}", self.number, self.assignments.len()),
            "roleId": body["roleId"], "assignedTo": holder, "assigneeType": "user", "scopeType": "CUSTOMER"
        })
        .to_string();
        self.assignments.push(assignment.clone());
        Some((assignment, user.resource["primaryEmail"].as_str().unwrap_or_default().to_owned()))
    }

    /// `roleAssignments.list`.
    pub fn assignments(&self, from: usize) -> String {
        let count = self.assignments.len();
        page("items", self.assignments.iter().map(String::as_str), count, from, SMALL_PAGE)
    }
}

fn mark(body: &Value) -> (String, String) {
    let address = body["primaryEmail"].as_str().unwrap_or_default();
    (body["externalIds"].to_string(), address.rsplit('@').next().unwrap_or_default().to_owned())
}

/// A page that begins at an item; its token is the number of the next one.
fn page<'a>(
    name: &str,
    items: impl Iterator<Item = &'a str>,
    count: usize,
    from: usize,
    size: usize,
) -> String {
    let mut body = format!("{{\"{name}\":[");
    for (place, item) in items.skip(from).take(size).enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(item);
    }
    body.push(']');
    if from + size < count {
        write!(body, ",\"nextPageToken\":\"{}\"", from + size).expect("a String takes every text");
    }
    body.push('}');
    body
}
