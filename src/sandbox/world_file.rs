//! The world file (TOML) becomes a world. Every fault is named with its place, not only the first.
//! The format is explained by example in `config/world.example.toml`. Not here: how a customer is put together from its
//! parts (`world_build`), and the way back; a world is never written to a file.

use super::faults::Faults;
use super::rsa::unpem;
use super::world::{
    ConflictChoice, Domain, PolicyKind, Privilege, ServiceAccount, Settings, Subscription, World,
};
use super::world_build::Builder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Reads a world file; the error lists every fault.
    pub fn from_toml(text: &str) -> Result<Self, Vec<String>> {
        let mut file: toml::Table = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
        let mut faults = Vec::new();
        let mut world = Self::default();
        // The accounts name resellers, so they come last; what all resellers share comes first.
        let accounts = file.remove("service_accounts");
        let shared = Shared {
            lists: SHARED.map(|key| (key, file.remove(key))),
            every: table(&mut file, "every", &mut faults),
            additions: table(&mut file, "additions", &mut faults),
        };
        for (key, value) in file {
            match key.as_str() {
                "seed" => world.seed = part(value, "seed", &mut faults).unwrap_or_default(),
                "latency_ms" => world.latency_ms = part(value, "latency_ms", &mut faults).unwrap_or_default(),
                "metadata" => {
                    let metadata = part::<MetadataPart>(value, "metadata", &mut faults);
                    world.metadata_account = metadata.map(|metadata| metadata.account);
                }
                "faults" => fault_rules(&mut world, value, &mut faults),
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
/// The parts of a reseller that are what it holds; all other keys are `Settings`.
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
    "deleted",
    "policies",
    "subscriptions",
];

/// What stands at the top of the file for all resellers.
struct Shared {
    lists: [(&'static str, Option<toml::Value>); 3],
    /// Keys for every reseller: its own scalar wins, its own list follows.
    every: toml::Table,
    /// By reseller: keys that win over its own, lists that follow its own.
    additions: toml::Table,
}
/// A reseller as it stands in the file, without its settings.
#[derive(Deserialize)]
pub struct ResellerPart {
    pub name: String,
    pub customer_id: String,
    pub domains: Vec<Domain>,
    #[serde(default)]
    pub org_units: Vec<String>,
    #[serde(default)]
    pub delegated_scopes: BTreeSet<String>,
    #[serde(default)]
    pub users: Vec<UserPart>,
    #[serde(default)]
    pub groups: Vec<GroupPart>,
    #[serde(default)]
    pub roles: Vec<RolePart>,
    #[serde(default)]
    pub privileges: Vec<Privilege>,
    #[serde(default)]
    pub unmanaged: Vec<UnmanagedPart>,
    #[serde(default)]
    pub deleted: Vec<UserPart>,
    #[serde(default)]
    pub policies: Vec<PolicyPart>,
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
}

/// A user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPart {
    pub email: String,
    pub given_name: String,
    pub family_name: String,
    #[serde(default)]
    pub org_unit: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub licenses: Vec<String>,
    #[serde(default)]
    pub external_ids: Vec<ExternalIdPart>,
    #[serde(default)]
    pub suspended: bool,
    #[serde(default)]
    pub suspension_reason: Option<String>,
    #[serde(default)]
    pub enrolled_in_2sv: bool,
    #[serde(default)]
    pub tokens: BTreeSet<String>,
    /// Of a deleted user: how long ago that was when the sandbox starts.
    #[serde(default)]
    pub days_ago: u32,
}

/// An external id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalIdPart {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub custom_type: Option<String>,
    pub value: String,
}

/// A group.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPart {
    pub email: String,
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolePart {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub system: bool,
    #[serde(default)]
    pub super_admin: bool,
    #[serde(default)]
    pub privileges: Vec<PrivilegeRef>,
}

/// A privilege that a role has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivilegeRef {
    pub service_id: String,
    pub name: String,
}

/// A consumer account at an address of the customer's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnmanagedPart {
    pub email: String,
    pub choice: ConflictChoice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetadataPart {
    account: String,
}

/// A policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPart {
    #[serde(default = "admin")]
    pub kind: PolicyKind,
    pub setting: String,
    pub value: Value,
    #[serde(default)]
    pub org_unit: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub sort_order: f64,
}

fn admin() -> PolicyKind {
    PolicyKind::Admin
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceAccountPart {
    email: String,
    client_id: String,
    #[serde(default)]
    key_id: String,
    /// Absent: the account has no key file.
    #[serde(default)]
    public_key: Option<String>,
    resellers: Vec<String>,
    #[serde(default)]
    keyless_callers: BTreeSet<String>,
}

fn part<T: DeserializeOwned>(value: toml::Value, place: &str, faults: &mut Vec<String>) -> Option<T> {
    let read = value.try_into();
    read.map_err(|error: toml::de::Error| faults.push(format!("{place}: {}", error.message()))).ok()
}

fn table(file: &mut toml::Table, key: &str, faults: &mut Vec<String>) -> toml::Table {
    file.remove(key).and_then(|value| part(value, key, faults)).unwrap_or_default()
}

fn fault_rules(world: &mut World, value: toml::Value, faults: &mut Vec<String>) {
    let Some(rules) = part::<Vec<Value>>(value, "faults", faults) else { return };
    if let Err(problems) = Faults::new(0).add(&Value::Array(rules.clone())) {
        faults.extend(problems.into_iter().map(|problem| format!("faults: {problem}")));
    }
    world.faults = rules;
}

fn resellers(world: &mut World, value: toml::Value, shared: &Shared, faults: &mut Vec<String>) {
    let Some(list) = part::<Vec<toml::Table>>(value, "resellers", faults) else { return };
    let mut additions = shared.additions.clone();
    for (index, mut table) in list.into_iter().enumerate() {
        let name = table.get("name").and_then(|name| name.as_str()).map(str::to_owned);
        let own = name.as_ref().and_then(|name| additions.remove(name));
        let place = name.map_or_else(|| format!("resellers[{index}]"), |name| format!("resellers.{name}"));
        share(&mut table, &shared.lists);
        let mut table = merged(shared.every.clone(), table);
        if let Some(own) = own.and_then(|own| part(own, &format!("additions of {place}"), faults)) {
            table = merged(table, own);
        }
        reseller(world, table, place, faults);
    }
    faults.extend(additions.keys().map(|name| format!("additions.{name}: there is no such reseller")));
}

fn reseller(world: &mut World, table: toml::Table, place: String, faults: &mut Vec<String>) {
    let (held, switches): (toml::Table, toml::Table) =
        table.into_iter().partition(|(key, _)| LISTS.contains(&key.as_str()));
    let (known, unknown): (toml::Table, toml::Table) =
        switches.into_iter().partition(|(key, _)| Settings::KEYS.contains(&key.as_str()));
    faults.extend(unknown.keys().map(|key| format!("{place}.{key}: unknown key")));
    let settings: Option<Settings> = part(toml::Value::Table(known), &place, faults);
    let reseller: Option<ResellerPart> = part(toml::Value::Table(held), &place, faults);
    let (Some(settings), Some(reseller)) = (settings, reseller) else { return };
    let mut builder = Builder { place, faults };
    let customer = builder.customer(reseller, settings);
    if world.customers.contains_key(&customer.id) {
        builder.fault(format!("customer_id: {} twice", customer.id));
    }
    world.customers.insert(customer.id.clone(), customer);
}

/// Two tables in one: of a scalar the later one holds, of a list both, one after the other.
fn merged(mut first: toml::Table, later: toml::Table) -> toml::Table {
    for (key, value) in later {
        match (first.get_mut(&key), value) {
            (Some(toml::Value::Array(all)), toml::Value::Array(more)) => all.extend(more),
            (_, value) => drop(first.insert(key, value)),
        }
    }
    first
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
        let mut keys = BTreeMap::new();
        if let Some(text) = &account.public_key {
            let Some(key) = unpem("RSA PUBLIC KEY", text) else {
                faults.push(format!("{place}.public_key: not a PEM with the label RSA PUBLIC KEY"));
                continue;
            };
            keys.insert(account.key_id, key);
        }
        for name in &account.resellers {
            match world.customers.values_mut().find(|customer| customer.name == *name) {
                Some(customer) => {
                    customer.delegates.insert(account.email.clone());
                }
                None => faults.push(format!("{place}.resellers: there is no reseller {name}")),
            }
        }
        let account_of =
            ServiceAccount { client_id: account.client_id, keys, keyless_callers: account.keyless_callers };
        world.service_accounts.insert(account.email, account_of);
    }
}
