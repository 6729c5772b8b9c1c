//! `POST /_sandbox/set`: what a test or an operator changes while the sandbox runs, the console's part included.
//! All of it or nothing: what names something that is not there changes nothing. Not here: fault rules (`faults`).

use super::audit;
use super::clock::Millis;
use super::roles::flatten;
use super::sign_in::{SignIn, TwoStep, changed};
use super::state::State;
use super::token::SCOPE_PREFIX;
use super::world::{AutoLicensing, Customer, Quotas, Settings, World};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The body; every part may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Every call takes at least this long.
    latency_ms: Option<u64>,
    /// The sandbox's clock against the wall clock.
    clock_offset_ms: Option<Millis>,
    /// `true`: Google's numbers; `false`: none; an object: these; for every customer.
    quotas: Option<QuotaSetting>,
    /// User cap by customer id; null: none.
    seats: BTreeMap<String, Option<u32>>,
    /// Free licences by customer id; null: none but the seats.
    license_seats: BTreeMap<String, Option<u32>>,
    /// By customer id. `false` revokes, `true` restores; an object does so for single scopes.
    delegation: BTreeMap<String, Delegation>,
    /// Scopes that are no longer delegated, by customer id; full or without Google's prefix.
    scopes_revoked: BTreeMap<String, BTreeSet<String>>,
    /// What roles may from now on, by customer id and role name: `NAME`, or `service/NAME` where several have the name.
    roles: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Where automatic licensing is on from now on, by customer id.
    auto_licensing: BTreeMap<String, Vec<AutoLicensing>>,
    /// Any keys of the world file's settings, by customer id.
    settings: BTreeMap<String, Map<String, Value>>,
    /// Who enrols in 2-Step Verification: customer, user, and if need be `enrolled` and `enforced`.
    two_step: Option<TwoStep>,
    /// Who signs in: customer, user, and if need be `password`, `client` and `application_password`.
    sign_in: Option<SignIn>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum QuotaSetting {
    OnOff(bool),
    Numbers(Quotas),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Delegation {
    All(bool),
    Scopes(BTreeMap<String, bool>),
}

impl Changes {
    /// Reads a body.
    pub fn parse(body: &Value) -> Result<Self, String> {
        serde_json::from_value(body.clone()).map_err(|error| error.to_string())
    }

    /// The clock's offset, which lies outside the state.
    pub fn clock_offset(&self) -> Option<Millis> {
        self.clock_offset_ms
    }

    fn customers(&self) -> impl Iterator<Item = &String> {
        self.seats
            .keys()
            .chain(self.license_seats.keys())
            .chain(self.delegation.keys())
            .chain(self.scopes_revoked.keys())
            .chain(self.roles.keys())
            .chain(self.auto_licensing.keys())
            .chain(self.settings.keys())
    }

    /// Scopes that the customer takes back.
    fn revoked(&self, id: &str) -> Vec<String> {
        let single = self.delegation.get(id).and_then(|delegation| match delegation {
            Delegation::Scopes(scopes) => Some(scopes.iter().filter(|(_, given)| !**given)),
            Delegation::All(_) => None,
        });
        let single = single.into_iter().flatten().map(|(scope, _)| scope);
        single.chain(self.scopes_revoked.get(id).into_iter().flatten()).map(|scope| full(scope)).collect()
    }
}

/// Applies changes; none when something is unknown.
pub fn apply(state: &mut State, changes: &Changes, now: Millis) -> Result<(), String> {
    if let Some(unknown) = changes.customers().find(|id| !state.world.customers.contains_key(*id)) {
        return Err(format!("there is no customer {unknown}"));
    }
    let settings = new_settings(&state.world, changes)?;
    let roles = new_privileges(&state.world, changes)?;
    let people = changed(&state.world, changes.two_step.as_ref(), changes.sign_in.as_ref(), now)?;
    if let Some(latency) = changes.latency_ms {
        state.world.latency_ms = latency;
    }
    for (id, settings) in settings {
        if let Some(customer) = state.world.customers.get_mut(&id) {
            note_switches(customer, &settings.auto_licensing, now);
            customer.settings = settings;
        }
    }
    for (id, user) in people {
        if let Some(customer) = state.world.customers.get_mut(&id) {
            customer.put_user(user);
        }
    }
    for (id, role, privileges) in roles {
        if let Some(customer) = state.world.customers.get_mut(&id) {
            change_role(customer, &role, privileges, now);
        }
    }
    for (id, customer) in &mut state.world.customers {
        if let Some(delegation) = changes.delegation.get(id) {
            delegate(customer, delegation);
        }
        // Tokens that were given before a revocation stay dead after it is taken back.
        if matches!(changes.delegation.get(id), Some(Delegation::All(false))) {
            state.tokens.revoke(id);
        }
        for scope in changes.revoked(id) {
            customer.delegated_scopes.remove(&scope);
            state.tokens.revoke_scope(id, &scope);
        }
    }
    Ok(())
}

/// Every customer's settings as they will be.
fn new_settings(world: &World, changes: &Changes) -> Result<BTreeMap<String, Settings>, String> {
    let mut all = BTreeMap::new();
    for (id, customer) in &world.customers {
        let mut settings = match changes.settings.get(id) {
            Some(keys) => with_keys(&customer.settings, keys)
                .map_err(|problem| format!("settings of {id}: {problem}"))?,
            None => customer.settings.clone(),
        };
        match changes.quotas {
            Some(QuotaSetting::OnOff(true)) => settings.quotas = Quotas::GOOGLE,
            Some(QuotaSetting::OnOff(false)) => settings.quotas = Quotas::default(),
            Some(QuotaSetting::Numbers(quotas)) => settings.quotas = quotas,
            None => {}
        }
        if let Some(seats) = changes.seats.get(id) {
            settings.seats = *seats;
        }
        if let Some(seats) = changes.license_seats.get(id) {
            settings.license_seats = *seats;
        }
        if let Some(rules) = changes.auto_licensing.get(id) {
            settings.auto_licensing.clone_from(rules);
        }
        all.insert(id.clone(), settings);
    }
    Ok(all)
}

fn with_keys(settings: &Settings, keys: &Map<String, Value>) -> Result<Settings, String> {
    let mut all = serde_json::to_value(settings).map_err(|error| error.to_string())?;
    if let Value::Object(all) = &mut all {
        all.extend(keys.clone());
    }
    serde_json::from_value(all).map_err(|error| error.to_string())
}

type NewPrivileges = Vec<(String, String, BTreeSet<(String, String)>)>;

/// What the named roles will hold; customer, role and (service, name).
fn new_privileges(world: &World, changes: &Changes) -> Result<NewPrivileges, String> {
    let mut all = Vec::new();
    for (id, roles) in &changes.roles {
        let Some(customer) = world.customers.get(id) else { continue };
        let offered = flatten(&customer.privileges, "");
        for (name, wanted) in roles {
            if !customer.roles.values().any(|role| role.name == *name) {
                return Err(format!("{id} has no role {name}"));
            }
            let pairs = wanted.iter().map(|text| privilege(&offered, text));
            all.push((id.clone(), name.clone(), pairs.collect::<Result<_, String>>()?));
        }
    }
    Ok(all)
}

/// The one privilege that is meant.
fn privilege(offered: &BTreeSet<(String, String)>, text: &str) -> Result<(String, String), String> {
    let (service, name) = text.split_once('/').map_or((None, text), |(service, name)| (Some(service), name));
    let is_meant =
        |pair: &&(String, String)| pair.1 == name && service.is_none_or(|service| pair.0 == service);
    let found: Vec<_> = offered.iter().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(format!("there is no privilege {text}")),
        _ => Err(format!("several services have a privilege {name}; write service/{name}")),
    }
}

fn change_role(customer: &mut Customer, name: &str, privileges: BTreeSet<(String, String)>, now: Millis) {
    let Some(role) = customer.roles.values_mut().find(|role| role.name == name) else { return };
    let added: Vec<_> = privileges.difference(&role.privileges).cloned().collect();
    role.privileges = privileges;
    audit::note_privileges(customer, name, &added, now);
}

/// What the console switched on or off leaves a line in the audit log.
fn note_switches(customer: &mut Customer, rules: &[AutoLicensing], now: Millis) {
    let before = customer.settings.auto_licensing.clone();
    for rule in before.iter().filter(|rule| !rules.contains(rule)) {
        audit::note_auto_licensing(customer, rule, false, now);
    }
    for rule in rules.iter().filter(|rule| !before.contains(rule)) {
        audit::note_auto_licensing(customer, rule, true, now);
    }
}

fn delegate(customer: &mut Customer, delegation: &Delegation) {
    match delegation {
        Delegation::All(given) => customer.delegation_revoked = !given,
        Delegation::Scopes(scopes) => {
            let given = scopes.iter().filter(|(_, given)| **given);
            customer.delegated_scopes.extend(given.map(|(scope, _)| full(scope)));
        }
    }
}

fn full(scope: &str) -> String {
    if scope.starts_with("https://") { scope.to_owned() } else { format!("{SCOPE_PREFIX}{scope}") }
}
