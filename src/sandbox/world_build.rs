//! A customer is put together from the parts of the world file, and what does not fit together is named.
//! Not here: the file's form (`world_file`).

use super::clock::Millis;
use super::customer::domain_of;
use super::directory::LONG_AGO;
use super::licensing;
use super::roles::flatten;
use super::world::{
    Access, Assignment, Customer, Domain, DomainKind, Group, OrgUnit, Policy, Role, Settings, User,
};
use super::world_file::{PolicyPart, ResellerPart, RolePart, UserPart};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A day.
const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/// Puts a customer together and collects its faults.
pub struct Builder<'a> {
    /// Where in the file.
    pub place: String,
    /// What is wrong with it.
    pub faults: &'a mut Vec<String>,
}

impl Builder<'_> {
    /// The customer; its faults are added to the list.
    pub fn customer(&mut self, part: ResellerPart, settings: Settings) -> Customer {
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
        for user in part.deleted {
            self.deleted(&mut customer, user);
        }
        for policy in part.policies {
            self.policy(&mut customer, policy);
        }
        if part.subscriptions.iter().any(|one| one.customer_id == customer.id) {
            self.fault("subscriptions: of the reseller itself, which no API tells");
        }
        customer.subscriptions = part.subscriptions;
        self.products(&customer);
        customer
    }

    fn products(&mut self, customer: &Customer) {
        for product in customer.settings.products.iter().flatten() {
            if !licensing::is_product(product) {
                self.fault(format!("products: there is no product {product}"));
            }
        }
        for rule in &customer.settings.auto_licensing {
            if customer.org_unit(&rule.org_unit).is_none() {
                self.fault(format!("auto_licensing: there is no unit {}", rule.org_unit));
            }
            if !licensing::is_known(&rule.product, &rule.sku) {
                self.fault(format!("auto_licensing: there is no SKU {} of {}", rule.sku, rule.product));
            }
        }
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

    /// A user on the shelf. Several may have had one address, and somebody may have it now.
    fn deleted(&mut self, customer: &mut Customer, part: UserPart) {
        if domain_of(&part.email).is_none_or(|name| customer.user_domain(name).is_none()) {
            self.fault(format!("deleted.{}: not an address in a primary or secondary domain", part.email));
        }
        let unit = customer.org_unit(part.org_unit.as_deref().unwrap_or("/")).map(|(id, _)| id.clone());
        let id = customer.issue_user_id();
        let days_ago = part.days_ago;
        let mut user = user(part, id.clone(), unit.unwrap_or_default());
        // Counted from the sandbox's start, which is not known here: `Customer::begin` makes it a moment.
        user.deleted = Some(-Millis::from(days_ago) * DAY_MS);
        customer.deleted.insert(id, user.into());
    }

    fn policy(&mut self, customer: &mut Customer, part: PolicyPart) {
        let path = part.org_unit.as_deref().unwrap_or("/");
        let Some(org_unit) = customer.org_unit(path).map(|(id, _)| id.clone()) else {
            return self.fault(format!("policies.{}: there is no unit {path}", part.setting));
        };
        if !part.setting.starts_with("settings/") || !part.value.is_object() {
            self.fault(format!(
                "policies.{}: a setting begins with settings/ and its value is a table",
                part.setting
            ));
        }
        let id = customer.issue_policy_id();
        let (group, sort_order) = (part.group, part.sort_order);
        let (kind, setting, value) = (part.kind, part.setting, part.value);
        customer.policies.push(Policy { id, kind, setting, value, org_unit, group, sort_order });
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

    /// Adds a fault at this place.
    pub fn fault(&mut self, text: impl std::fmt::Display) {
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
        changed: None,
        last_login: LONG_AGO,
        agreed_to_terms: true,
        change_password: false,
        enrolled_in_2sv: part.enrolled_in_2sv,
        passwords_set: 1,
        sign_outs: 0,
        tokens: part.tokens,
        access: Access::default(),
        fields,
        version: 1,
    }
}
