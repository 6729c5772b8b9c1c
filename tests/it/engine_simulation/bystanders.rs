//! Everybody else: accounts and a group at the names that the engineers want, from the start and later on. What was there must stay as it
//! was. Not here: the engineers' own accounts (`verdict`).

use carepass::sandbox::{Access, Assignment, Customer, Group, User, World};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The names that two Åsa Öbergs want, in that order; after these there are more.
const WANTED: [&str; 3] = ["asa.oberg", "a.oberg", "asa.oberg2"];

/// Names that come into question after those.
const LATER: [&str; 4] = ["asa.oberg3", "asa.oberg4", "asa.oberg5", "asa.oberg6"];

/// Who or what holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    AliasOfAUser,
    AliasOfAnAdministrator,
    AnotherMarker,
    NoMarker,
    SuperAdministrator,
    Suspended,
    Group,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::AliasOfAUser,
        Self::AliasOfAnAdministrator,
        Self::AnotherMarker,
        Self::NoMarker,
        Self::SuperAdministrator,
        Self::Suspended,
        Self::Group,
    ];

    /// Puts one at an address.
    fn settle_at(self, customer: &mut Customer, address: &str) {
        let (local, domain) = address.split_once('@').expect("an address");
        let named = |prefix: &str| format!("{prefix}-{local}@{domain}");
        match self {
            Self::AliasOfAUser => put(customer, &named("user"), |user| user.aliases.push(address.to_owned())),
            Self::AliasOfAnAdministrator => {
                let id = put(customer, &named("boss"), |user| user.aliases.push(address.to_owned()));
                assign(customer, &id, "_USER_MANAGEMENT_ADMIN_ROLE");
                id
            }
            Self::AnotherMarker => put(customer, address, |user| {
                let marker = json!([{"type": "custom", "customType": "carepass", "value": "E-9"}]);
                user.fields.insert("externalIds".into(), marker);
            }),
            Self::NoMarker => put(customer, address, |_| ()),
            Self::SuperAdministrator => {
                let id = put(customer, address, |_| ());
                assign(customer, &id, "_SEED_ADMIN_ROLE");
                id
            }
            Self::Suspended => put(customer, address, |user| user.suspended = true),
            Self::Group => {
                let group = Group { email: address.to_owned(), name: "Group".into(), aliases: Vec::new() };
                customer.put_group(group);
                String::new()
            }
        };
    }
}

/// One of each kind, spread over the wanted names and the domains that there are.
pub fn settle(world: &mut World, chance: &mut fastrand::Rng) {
    let mut addresses: Vec<String> =
        domains(world).iter().flat_map(|domain| WANTED.map(|name| format!("{name}@{domain}"))).collect();
    chance.shuffle(&mut addresses);
    for (kind, address) in Kind::ALL.into_iter().zip(&addresses) {
        settle_one(world, kind, address);
    }
}

/// A name that nobody has in any domain, of those that come into question later.
pub fn free_name(world: &World, chance: &mut fastrand::Rng) -> Option<&'static str> {
    let is_held = |name: &str| {
        let held = |address: &String| address.split_once('@').is_some_and(|(local, _)| local == name);
        world.customers.values().any(|customer| customer.addresses.keys().any(held))
    };
    let free: Vec<&str> = LATER.into_iter().filter(|name| !is_held(name)).collect();
    chance.choice(free).map(|name| name as _)
}

/// Somebody comes to a name, in some domain.
pub fn come(world: &mut World, name: &str, chance: &mut fastrand::Rng) {
    let domains = domains(world);
    let domain = chance.choice(&domains).expect("there are some");
    let address = format!("{name}@{domain}");
    settle_one(world, *chance.choice(&Kind::ALL).expect("there are some"), &address);
}

/// Whether somebody has the address.
pub fn is_held(world: &World, address: &str) -> bool {
    world.customers.values().any(|customer| customer.addresses.contains_key(address))
}

/// At the console the address is given up: a group goes, a user gets another one. Answers the user's id.
pub fn give_way(world: &mut World, address: &str) -> Option<String> {
    let holds = |customer: &&mut Customer| customer.addresses.contains_key(address);
    let customer = world.customers.values_mut().find(holds).expect("somebody holds it");
    let Some(user) = customer.user(address) else {
        customer.groups.retain(|_, group| group.email != address);
        customer.addresses.remove(address);
        return None;
    };
    let mut user = User::clone(user);
    customer.take_user(&user.id);
    user.aliases.retain(|alias| alias != address);
    if user.primary_email == address {
        user.primary_email = format!("moved-{address}");
    }
    let id = user.id.clone();
    customer.put_user(user);
    Some(id)
}

/// Everybody who is no engineer, by id, as Google shows them.
pub fn seen(world: &Value, engineers: &[&str]) -> BTreeMap<String, Value> {
    let customers = world["customers"].as_object().expect("customers by id");
    let users = customers.values().flat_map(|state| state["users"].as_array().expect("users"));
    let others =
        users.filter(|user| !super::verdict::marker(user).is_some_and(|key| engineers.contains(&&*key)));
    others.map(|user| (user["id"].as_str().expect("an id").to_owned(), user.clone())).collect()
}

fn domains(world: &World) -> Vec<String> {
    let all = world.customers.values().flat_map(|customer| &customer.domains);
    all.filter(|domain| domain.kind != carepass::sandbox::DomainKind::Alias)
        .map(|domain| domain.name.clone())
        .collect()
}

fn settle_one(world: &mut World, kind: Kind, address: &str) {
    let domain = address.split_once('@').expect("an address").1;
    let has = |customer: &&mut Customer| customer.domains.iter().any(|one| one.name == domain);
    let customer = world.customers.values_mut().find(has).expect("somebody's domain");
    kind.settle_at(customer, address);
}

fn put(customer: &mut Customer, address: &str, change: impl FnOnce(&mut User)) -> String {
    let id = customer.issue_user_id();
    let org_unit = customer.org_unit("/").expect("every customer has one").0.clone();
    let mut user = User {
        id: id.clone(),
        primary_email: address.to_owned(),
        given_name: "Åsa".into(),
        family_name: "Öberg".into(),
        org_unit,
        suspended: false,
        suspension_reason: None,
        aliases: Vec::new(),
        created: 0,
        deleted: None,
        renamed: None,
        changed: None,
        last_login: 0,
        agreed_to_terms: true,
        change_password: false,
        enrolled_in_2sv: false,
        passwords_set: 1,
        sign_outs: 0,
        tokens: BTreeSet::new(),
        access: Access::default(),
        fields: Map::new(),
        version: 1,
    };
    change(&mut user);
    customer.put_user(user);
    id
}

fn assign(customer: &mut Customer, user: &str, name: &str) {
    let found = customer.roles.iter().find(|(_, role)| role.name == name);
    let role_id = *found.unwrap_or_else(|| panic!("no role {name}")).0;
    let id = customer.issue_number();
    customer.assignments.insert(id, Assignment { role_id, assigned_to: user.to_owned(), org_unit: None });
}
