//! Questions that one customer answers about itself, and the bookkeeping of changes: ids, addresses, licences due.
//! Not here: HTTP, Google's wording, and who may ask.

use super::audit;
use super::clock::Millis;
use super::world::{
    AutoLicensing, Customer, DELETED_KEPT_MS, Domain, DomainKind, FREE_PRODUCT, FREE_SKU, Group, Holder,
    OrgUnit, Settings, User,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The first role id and assignment id; a role's id must not fit a double, so that a client that reads one fails.
const FIRST_ROLE: u64 = 9_007_199_254_740_993;

impl Customer {
    /// An empty customer with its top unit.
    pub fn new(id: &str, name: &str, domains: Vec<Domain>, settings: Settings) -> Self {
        let mut customer = Self {
            id: id.to_owned(),
            name: name.to_owned(),
            domains,
            users: BTreeMap::new(),
            deleted: BTreeMap::new(),
            groups: BTreeMap::new(),
            org_units: BTreeMap::new(),
            roles: BTreeMap::new(),
            privileges: Vec::new(),
            assignments: BTreeMap::new(),
            licenses: BTreeSet::new(),
            coming_licenses: Vec::new(),
            unmanaged: BTreeMap::new(),
            addresses: BTreeMap::new(),
            delegates: BTreeSet::new(),
            delegated_scopes: BTreeSet::new(),
            delegation_revoked: false,
            settings,
            issued: 0,
            begun: 0,
            seed: 0,
            young: BTreeMap::new(),
            policies: Vec::new(),
            subscriptions: Vec::new(),
            activities: Vec::new(),
        };
        let top = OrgUnit { path: "/".into(), description: String::new(), created: Millis::MIN / 2 };
        let id = customer.issue_org_unit_id();
        customer.org_units.insert(id, top);
        customer
    }

    /// The sandbox starts: what the world file tells as so long ago becomes a moment.
    pub fn begin(&mut self, now: Millis, seed: u64) {
        (self.begun, self.seed) = (now, seed);
        for user in self.deleted.values_mut() {
            if let Some(ago) = user.deleted.filter(|ago| *ago <= 0) {
                Arc::make_mut(user).deleted = Some(now.saturating_add(ago));
            }
        }
    }

    /// A number that looks like chance, the same for the same world and user.
    pub fn chance_of(&self, user_id: &str) -> u64 {
        mix(user_id
            .bytes()
            .fold(self.seed, |sum, byte| sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)))
    }

    /// A new user id: 21 digits, the same for the same world.
    pub fn issue_user_id(&mut self) -> String {
        format!("1{:020}", self.issue_mixed())
    }

    /// A new unit id, without the prefix `id:`.
    pub fn issue_org_unit_id(&mut self) -> String {
        format!("03ph8a2z{}", base36(self.issue_mixed()))
    }

    /// A new group id.
    pub fn issue_group_id(&mut self) -> String {
        format!("01{}", base36(self.issue_mixed()))
    }

    /// A new policy id.
    pub fn issue_policy_id(&mut self) -> String {
        format!("ae{}", base36(self.issue_mixed()))
    }

    /// A new role id or role assignment id: consecutive within a customer, different between customers.
    pub fn issue_number(&mut self) -> u64 {
        let base =
            self.id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        self.issued += 1;
        FIRST_ROLE + (base % 1_000_000) * 1_000_000 + self.issued
    }

    /// The domain of this name that is not an alias.
    pub fn user_domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name == name && domain.kind != DomainKind::Alias)
    }

    /// Whether the address is in one of the customer's domains, aliases included.
    pub fn owns(&self, address: &str) -> bool {
        domain_of(address).is_some_and(|name| self.domains.iter().any(|domain| domain.name == name))
    }

    /// The primary domain's name.
    pub fn primary_domain(&self) -> &str {
        self.domains
            .iter()
            .find(|domain| domain.kind == DomainKind::Primary)
            .map_or("", |domain| &domain.name)
    }

    /// Who holds the address; alias domains stand for their parents.
    pub fn holder(&self, address: &str) -> Option<&Holder> {
        let address = address.to_ascii_lowercase();
        if let Some(holder) = self.addresses.get(&address) {
            return Some(holder);
        }
        let (local, name) = address.split_once('@')?;
        let parent = self.domains.iter().find(|domain| domain.name == name)?.parent.as_ref()?;
        self.addresses.get(&format!("{local}@{parent}"))
    }

    /// The user of a key: id, address or alias, as in `userKey`.
    pub fn user(&self, key: &str) -> Option<&Arc<User>> {
        if !key.contains('@') {
            return self.users.get(key);
        }
        match self.holder(key)? {
            Holder::User(id) => self.users.get(id),
            Holder::Group(_) => None,
        }
    }

    /// The group of a key: id, address or alias.
    pub fn group(&self, key: &str) -> Option<(&String, &Group)> {
        if !key.contains('@') {
            return self.groups.get_key_value(key);
        }
        match self.holder(key)? {
            Holder::Group(id) => self.groups.get_key_value(id),
            Holder::User(_) => None,
        }
    }

    /// The aliases that alias domains give a user; nobody can edit them.
    pub fn alias_domain_addresses(&self, user: &User) -> Vec<String> {
        let Some((local, name)) = user.primary_email.split_once('@') else { return Vec::new() };
        let aliases = self.domains.iter().filter(|domain| domain.parent.as_deref() == Some(name));
        aliases.map(|domain| format!("{local}@{}", domain.name)).collect()
    }

    /// Puts a user in (new, changed or restored) and keeps the address index.
    pub fn put_user(&mut self, user: User) {
        self.take_user(&user.id);
        for address in std::iter::once(&user.primary_email).chain(&user.aliases) {
            self.addresses.insert(address.clone(), Holder::User(user.id.clone()));
        }
        self.users.insert(user.id.clone(), Arc::new(user));
    }

    /// Takes a user out, with its addresses.
    pub fn take_user(&mut self, id: &str) -> Option<User> {
        let user = self.users.remove(id)?;
        for address in std::iter::once(&user.primary_email).chain(&user.aliases) {
            self.addresses.remove(address);
        }
        Some(Arc::unwrap_or_clone(user))
    }

    /// Puts a group in.
    pub fn put_group(&mut self, group: Group) {
        let id = self.issue_group_id();
        for address in std::iter::once(&group.email).chain(&group.aliases) {
            self.addresses.insert(address.clone(), Holder::Group(id.clone()));
        }
        self.groups.insert(id, group);
    }

    /// The unit of a path, case-insensitive, or of `id:…`.
    pub fn org_unit(&self, key: &str) -> Option<(&String, &OrgUnit)> {
        match key.strip_prefix("id:") {
            Some(id) => self.org_units.get_key_value(id),
            None => self.org_units.iter().find(|(_, unit)| unit.path.eq_ignore_ascii_case(key)),
        }
    }

    /// The path of a unit's id; `/` when the unit is gone.
    pub fn org_unit_path(&self, id: &str) -> &str {
        self.org_units.get(id).map_or("/", |unit| &unit.path)
    }

    /// Seats taken: users, suspended ones too, and those deleted in the last 20 days.
    pub fn seats_used(&self, now: Millis) -> usize {
        let held =
            self.deleted.values().filter(|user| user.deleted.is_some_and(|at| now - at < DELETED_KEPT_MS));
        self.users.len() + held.count()
    }

    /// Whether one more user is allowed.
    pub fn has_free_seat(&self, now: Millis) -> bool {
        self.settings.seats.is_none_or(|seats| self.seats_used(now) < seats as usize)
    }

    /// Whether one more free licence can be assigned.
    pub fn has_free_license(&self) -> bool {
        let held =
            self.licenses.iter().filter(|(product, sku, _)| product == FREE_PRODUCT && sku == FREE_SKU);
        self.settings.license_seats.is_none_or(|seats| held.count() < seats as usize)
    }

    /// Whether the user has a role with `isSuperAdminRole`.
    pub fn is_super_admin(&self, user_id: &str) -> bool {
        self.roles_of(user_id).any(|id| self.roles.get(&id).is_some_and(|role| role.super_admin))
    }

    /// The roles of a user.
    pub fn roles_of<'a>(&'a self, user_id: &'a str) -> impl Iterator<Item = u64> + 'a {
        self.assignments.values().filter(move |given| given.assigned_to == user_id).map(|given| given.role_id)
    }

    /// Automatic licensing that holds for a unit: that of the unit itself, else of the nearest one above.
    pub fn auto_licensing(&self, path: &str) -> Option<&AutoLicensing> {
        let rules = self.settings.auto_licensing.iter().filter(|rule| is_within(path, &rule.org_unit));
        rules.max_by_key(|rule| rule.org_unit.len())
    }

    /// Lets automatic licensing strike where it is due, and be switched off where its time is over.
    pub fn settle(&mut self, now: Millis) {
        self.switch_off(now);
        if self.coming_licenses.iter().all(|(at, _)| *at > now) {
            return;
        }
        let (due, coming): (Vec<_>, Vec<_>) = self.coming_licenses.drain(..).partition(|(at, _)| *at <= now);
        self.coming_licenses = coming;
        for (at, license) in due {
            let (product, sku, user) = &license;
            let has_one = self.licenses.iter().any(|held| &held.0 == product && &held.2 == user);
            if !has_one && self.users.contains_key(user) {
                audit::note_automatic(self, product, sku, user, at);
                self.licenses.insert(license);
            }
        }
    }

    fn switch_off(&mut self, now: Millis) {
        let begun = self.begun;
        let over = self.settings.auto_licensing.extract_if(.., |rule| rule.is_over(begun, now));
        for rule in over.collect::<Vec<_>>() {
            audit::note_auto_licensing(self, &rule, false, now);
        }
    }

    fn issue_mixed(&mut self) -> u64 {
        self.issued += 1;
        let start = self
            .id
            .bytes()
            .fold(self.issued, |sum, byte| sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
        mix(start)
    }
}

/// The part after `@`.
pub fn domain_of(address: &str) -> Option<&str> {
    address.split_once('@').map(|(_, name)| name)
}

/// Whether a unit is another or lies below it.
pub fn is_within(path: &str, above: &str) -> bool {
    above == "/"
        || path.get(..above.len()).is_some_and(|start| {
            start.eq_ignore_ascii_case(above) && matches!(path.as_bytes().get(above.len()), None | Some(b'/'))
        })
}

/// Spreads a counter over 64 bits (the finaliser of `SplitMix64`): ids that look random and repeat.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn base36(value: u64) -> String {
    let mut rest = value;
    let mut text = String::new();
    while rest > 0 {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        text.push(char::from_digit(digit, 36).unwrap_or('0'));
        rest /= 36;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_lies_within_itself_and_those_above() {
        assert!(is_within("/A/B", "/"));
        assert!(is_within("/A/B", "/a"));
        assert!(is_within("/A", "/A"));
        assert!(!is_within("/AB", "/A"));
        assert!(!is_within("/", "/A"));
    }

    #[test]
    fn ids_repeat_for_the_same_world_and_differ_between_customers() {
        let customer = |id: &str| Customer::new(id, "x", Vec::new(), Settings::default());
        assert_eq!(customer("C1").issue_user_id(), customer("C1").issue_user_id());
        assert_ne!(customer("C1").issue_user_id(), customer("C2").issue_user_id());
        assert_eq!(customer("C1").issue_user_id().len(), 21);
        assert!(customer("C1").issue_number() > 1 << 53);
    }
}
