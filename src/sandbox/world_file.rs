//! The world file (TOML) becomes a world. Every fault is named with its place, not only the first.
//! The format is explained by example in `config/world.example.toml`. Not here: the way back; a world is never written to a file.

use super::customer::domain_of;
use super::directory::LONG_AGO;
use super::licensing;
use super::roles::flatten;
use super::rsa::unpem;
use super::world::{
    Assignment, ConflictChoice, Customer, Domain, DomainKind, Group, OrgUnit, Privilege, Role,
    ServiceAccount, Settings, User, World,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Reads a world file; the error lists every fault.
    pub fn from_toml(text: &str) -> Result<Self, Vec<String>> {
        let mut file: toml::Table = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
        let mut faults = Vec::new();
        let mut world = Self::default();
        // The accounts name resellers, so they come last; what all resellers share comes first.
        let accounts = file.remove("service_accounts");
        let shared = SHARED.map(|key| (key, file.remove(key)));
        for (key, value) in file {
            match key.as_str() {
                "seed" => world.seed = part(value, "seed", &mut faults).unwrap_or_default(),
                "latency_ms" => world.latency_ms = part(value, "latency_ms", &mut faults).unwrap_or_default(),
                "resellers" => resellers(&mut world, value, &shared, &mut faults),
                other => faults.push(format!("{other}: unknown key")),
            }
        }
        service_accounts(&mut world, accounts, &mut faults);
        if world.customers.is_empty() && faults.is_empty() {
            faults.push("resellers: none".into());
        }
        if faults.is_empty() { Ok(world) } else { Err(faults) }
    }
}

/// Lists that may stand at the top for every reseller; a reseller's own follow them.
const SHARED: [&str; 3] = ["privileges", "roles", "delegated_scopes"];
/// The parts of a reseller that are lists; scalar keys are `Settings`.
const LISTS: &[&str] = &[
    "name",
    "customer_id",
    "domains",
    "org_units",
    "delegated_scopes",
    "users",
    "groups",
    "roles",
    "privileges",
    "unmanaged",
];
/// The keys of `Settings`.
const SETTINGS: &[&str] = &[
    "seats",
    "license_mode",
    "license_seats",
    "org_unit_duplicate",
    "empty_pages",
    "undelete_suspended",
    "new_user_delay_ms",
    "creating_window_ms",
    "new_ou_delay_ms",
    "auto_license_delay_ms",
    "license_user_delay_ms",
    "young_user_token_ms",
    "rename_window_ms",
    "quotas",
    "auto_licensing",
];

#[derive(Deserialize)]
struct ResellerPart {
    name: String,
    customer_id: String,
    domains: Vec<Domain>,
    #[serde(default)]
    org_units: Vec<String>,
    #[serde(default)]
    delegated_scopes: BTreeSet<String>,
    #[serde(default)]
    users: Vec<UserPart>,
    #[serde(default)]
    groups: Vec<GroupPart>,
    #[serde(default)]
    roles: Vec<RolePart>,
    #[serde(default)]
    privileges: Vec<Privilege>,
    #[serde(default)]
    unmanaged: Vec<UnmanagedPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserPart {
    email: String,
    given_name: String,
    family_name: String,
    #[serde(default)]
    org_unit: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    licenses: Vec<String>,
    #[serde(default)]
    external_ids: Vec<ExternalIdPart>,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    suspension_reason: Option<String>,
    #[serde(default)]
    enrolled_in_2sv: bool,
    #[serde(default)]
    tokens: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalIdPart {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    custom_type: Option<String>,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupPart {
    email: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolePart {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    system: bool,
    #[serde(default)]
    super_admin: bool,
    #[serde(default)]
    privileges: Vec<PrivilegeRef>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivilegeRef {
    service_id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnmanagedPart {
    email: String,
    choice: ConflictChoice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceAccountPart {
    email: String,
    client_id: String,
    key_id: String,
    public_key: String,
    resellers: Vec<String>,
}

fn part<T: DeserializeOwned>(value: toml::Value, place: &str, faults: &mut Vec<String>) -> Option<T> {
    let read = value.try_into();
    read.map_err(|error: toml::de::Error| faults.push(format!("{place}: {}", error.message()))).ok()
}

fn resellers(
    world: &mut World,
    value: toml::Value,
    shared: &[(&str, Option<toml::Value>)],
    faults: &mut Vec<String>,
) {
    let Some(list) = part::<Vec<toml::Table>>(value, "resellers", faults) else { return };
    for (index, mut table) in list.into_iter().enumerate() {
        share(&mut table, shared);
        let name = table.get("name").and_then(|name| name.as_str()).map(str::to_owned);
        let place = name.map_or_else(|| format!("resellers[{index}]"), |name| format!("resellers.{name}"));
        for key in
            table.keys().filter(|key| !LISTS.contains(&key.as_str()) && !SETTINGS.contains(&key.as_str()))
        {
            faults.push(format!("{place}.{key}: unknown key"));
        }
        let settings: Option<Settings> = part(toml::Value::Table(table.clone()), &place, faults);
        let reseller: Option<ResellerPart> = part(toml::Value::Table(table), &place, faults);
        let (Some(settings), Some(reseller)) = (settings, reseller) else { continue };
        let mut builder = Builder { place, faults };
        let customer = builder.customer(reseller, settings);
        if world.customers.contains_key(&customer.id) {
            builder.fault(format!("customer_id: {} twice", customer.id));
        }
        world.customers.insert(customer.id.clone(), customer);
    }
}

/// Puts what all resellers share before a reseller's own.
fn share(table: &mut toml::Table, shared: &[(&str, Option<toml::Value>)]) {
    for (key, value) in shared {
        let Some(value) = value else { continue };
        let own = table.remove(*key);
        let joined = match (value.clone(), own) {
            (toml::Value::Array(mut all), Some(toml::Value::Array(own))) => {
                all.extend(own);
                toml::Value::Array(all)
            }
            (value, _) => value,
        };
        table.insert((*key).to_owned(), joined);
    }
}

fn service_accounts(world: &mut World, value: Option<toml::Value>, faults: &mut Vec<String>) {
    let Some(list) =
        value.and_then(|value| part::<Vec<ServiceAccountPart>>(value, "service_accounts", faults))
    else {
        return;
    };
    for account in list {
        let place = format!("service_accounts.{}", account.email);
        let Some(key) = unpem("RSA PUBLIC KEY", &account.public_key) else {
            faults.push(format!("{place}.public_key: not a PEM with the label RSA PUBLIC KEY"));
            continue;
        };
        for name in &account.resellers {
            match world.customers.values_mut().find(|customer| customer.name == *name) {
                Some(customer) => {
                    customer.delegates.insert(account.email.clone());
                }
                None => faults.push(format!("{place}.resellers: there is no reseller {name}")),
            }
        }
        let keys = BTreeMap::from([(account.key_id, key)]);
        world.service_accounts.insert(account.email, ServiceAccount { client_id: account.client_id, keys });
    }
}

/// Puts a customer together and collects its faults.
struct Builder<'a> {
    place: String,
    faults: &'a mut Vec<String>,
}

impl Builder<'_> {
    fn customer(&mut self, part: ResellerPart, settings: Settings) -> Customer {
        let domains = self.domains(part.domains);
        let mut customer = Customer::new(&part.customer_id, &part.name, domains, settings);
        if !part.customer_id.starts_with('C') {
            self.fault("customer_id: does not begin with C");
        }
        customer.delegated_scopes = part.delegated_scopes;
        customer.privileges = part.privileges;
        self.org_units(&mut customer, part.org_units);
        self.roles(&mut customer, part.roles);
        for group in part.groups {
            self.address(&customer, &group.email);
            group.aliases.iter().for_each(|alias| self.address(&customer, alias));
            customer.put_group(Group { email: group.email, name: group.name, aliases: group.aliases });
        }
        for user in part.users {
            self.user(&mut customer, user);
        }
        for account in part.unmanaged {
            self.address(&customer, &account.email);
            customer.unmanaged.insert(account.email, account.choice);
        }
        for rule in &customer.settings.auto_licensing {
            if customer.org_unit(&rule.org_unit).is_none() {
                self.fault(format!("auto_licensing: there is no unit {}", rule.org_unit));
            }
            if !licensing::is_known(&rule.product, &rule.sku) {
                self.fault(format!("auto_licensing: there is no SKU {} of {}", rule.sku, rule.product));
            }
        }
        customer
    }

    fn domains(&mut self, domains: Vec<Domain>) -> Vec<Domain> {
        let primaries = domains.iter().filter(|domain| domain.kind == DomainKind::Primary).count();
        if primaries != 1 {
            self.fault(format!("domains: {primaries} primary ones instead of one"));
        }
        for domain in &domains {
            let parent = domain.parent.as_ref();
            let parent_is_there = parent.is_some_and(|name| domains.iter().any(|other| other.name == *name));
            if (domain.kind == DomainKind::Alias) != parent_is_there {
                self.fault(format!(
                    "domains.{}: an alias, and only an alias, has a parent among the domains",
                    domain.name
                ));
            }
            if domain.name.chars().any(|c| c.is_ascii_uppercase()) || !domain.name.contains('.') {
                self.fault(format!("domains.{}: not a domain in lower case", domain.name));
            }
        }
        domains
    }

    fn org_units(&mut self, customer: &mut Customer, mut paths: Vec<String>) {
        paths.sort();
        for path in paths.into_iter().filter(|path| path != "/") {
            let parent =
                path.rsplit_once('/').map(|(parent, _)| if parent.is_empty() { "/" } else { parent });
            if parent.is_none_or(|parent| customer.org_unit(parent).is_none())
                || customer.org_unit(&path).is_some()
            {
                self.fault(format!("org_units.{path}: no parent, or twice"));
            }
            let id = customer.issue_org_unit_id();
            customer.org_units.insert(id, OrgUnit { path, description: String::new(), created: LONG_AGO });
        }
    }

    fn roles(&mut self, customer: &mut Customer, roles: Vec<RolePart>) {
        let offered = flatten(&customer.privileges, "");
        for part in roles {
            let privileges: BTreeSet<_> =
                part.privileges.into_iter().map(|one| (one.service_id, one.name)).collect();
            for (service, name) in privileges.difference(&offered) {
                self.fault(format!(
                    "roles.{}: privilege {name} of service {service} is not in the tree",
                    part.name
                ));
            }
            let (system, super_admin) = (part.system, part.super_admin);
            let role =
                Role { name: part.name, description: part.description, system, super_admin, privileges };
            let id = customer.issue_number();
            customer.roles.insert(id, role);
        }
    }

    fn user(&mut self, customer: &mut Customer, part: UserPart) {
        self.address(customer, &part.email);
        part.aliases.iter().for_each(|alias| self.address(customer, alias));
        let path = part.org_unit.as_deref().unwrap_or("/");
        let unit = customer.org_unit(path).map(|(id, _)| id.clone());
        let org_unit = unit.unwrap_or_else(|| {
            self.fault(format!("users.{}: there is no unit {path}", part.email));
            String::new()
        });
        let id = customer.issue_user_id();
        for name in &part.roles {
            let Some(role_id) = customer.roles.iter().find(|(_, role)| role.name == *name).map(|(id, _)| *id)
            else {
                self.fault(format!("users.{}: there is no role {name}", part.email));
                continue;
            };
            let number = customer.issue_number();
            let given = Assignment { role_id, assigned_to: id.clone(), org_unit: None };
            customer.assignments.insert(number, given);
        }
        for license in &part.licenses {
            match license.split_once('/').filter(|(product, sku)| licensing::is_known(product, sku)) {
                Some((product, sku)) => {
                    customer.licenses.insert((product.to_owned(), sku.to_owned(), id.clone()));
                }
                None => self.fault(format!("users.{}: there is no licence {license}", part.email)),
            }
        }
        customer.put_user(user(part, id, org_unit));
    }

    /// An address must be in lower case, in one of the domains, and free.
    fn address(&mut self, customer: &Customer, address: &str) {
        let ours = domain_of(address).is_some_and(|name| customer.user_domain(name).is_some());
        if !ours || address.chars().any(|c| c.is_ascii_uppercase()) {
            self.fault(format!("{address}: not an address in lower case in a primary or secondary domain"));
        }
        if customer.holder(address).is_some() {
            self.fault(format!("{address}: twice"));
        }
    }

    fn fault(&mut self, text: impl std::fmt::Display) {
        self.faults.push(format!("{}.{text}", self.place));
    }
}

fn user(part: UserPart, id: String, org_unit: String) -> User {
    let external_ids: Vec<Value> = part
        .external_ids
        .into_iter()
        .map(|id| match id.custom_type {
            Some(custom) => json!({"type": id.kind, "customType": custom, "value": id.value}),
            None => json!({"type": id.kind, "value": id.value}),
        })
        .collect();
    let mut fields = Map::new();
    if !external_ids.is_empty() {
        fields.insert("externalIds".into(), external_ids.into());
    }
    let reason = part.suspension_reason.or_else(|| part.suspended.then(|| "ADMIN".to_owned()));
    User {
        id,
        primary_email: part.email,
        given_name: part.given_name,
        family_name: part.family_name,
        org_unit,
        suspended: part.suspended,
        suspension_reason: reason,
        aliases: part.aliases,
        created: LONG_AGO,
        deleted: None,
        renamed: None,
        last_login: LONG_AGO,
        agreed_to_terms: true,
        change_password: false,
        enrolled_in_2sv: part.enrolled_in_2sv,
        passwords_set: 1,
        sign_outs: 0,
        tokens: part.tokens,
        fields,
        version: 1,
    }
}
