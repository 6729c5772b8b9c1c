//! The model as plain data: what each Google customer holds. Tests change it and read it afterwards.
//! Not here: how it is read from a file (`world_file`), how it looks over HTTP, and every rule of Google's.

use super::clock::Millis;
pub use super::settings::*;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a deleted user stays restorable and keeps its seat: 20 days.
pub const DELETED_KEPT_MS: Millis = 20 * 24 * 60 * 60 * 1000;
/// Product and SKU of Cloud Identity Free.
pub const FREE_PRODUCT: &str = "101001";
/// SKU of Cloud Identity Free.
pub const FREE_SKU: &str = "1010010001";

/// Everything. Clones are cheap: users are shared until they change.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Seed of the chances that fault rules take.
    pub seed: u64,
    /// Every call takes at least this long.
    pub latency_ms: u64,
    /// Customers by their `C…` id.
    pub customers: BTreeMap<String, Customer>,
    /// Service accounts by e-mail.
    pub service_accounts: BTreeMap<String, ServiceAccount>,
    /// The service account of the machine on which the caller runs, as the metadata server tells it. Absent: no such server.
    pub metadata_account: Option<String>,
    /// Fault rules in force from the start, in the shape of `POST /_sandbox/faults`.
    pub faults: Vec<Value>,
}

/// A service account that may ask for tokens.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its unique id, the "client id" of domain-wide delegation.
    pub client_id: String,
    /// Public keys (PKCS#1 DER) by key id; none for an account that is used without key files.
    pub keys: BTreeMap<String, Vec<u8>>,
    /// Service accounts that hold the role *Token Creator* on it and so may have JWTs signed.
    pub keyless_callers: BTreeSet<String>,
}

/// One Google customer: a reseller account.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The `C…` id.
    pub id: String,
    /// The world file's name for it.
    pub name: String,
    /// Primary, secondary and alias domains.
    pub domains: Vec<Domain>,
    /// Users by id.
    pub users: BTreeMap<String, Arc<User>>,
    /// Deleted users by id.
    pub deleted: BTreeMap<String, Arc<User>>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Organisational units by id, without the prefix `id:`.
    pub org_units: BTreeMap<String, OrgUnit>,
    /// Roles by id.
    pub roles: BTreeMap<u64, Role>,
    /// The privilege tree.
    pub privileges: Vec<Privilege>,
    /// Role assignments by id.
    pub assignments: BTreeMap<u64, Assignment>,
    /// Licences: (product, SKU, user id).
    pub licenses: BTreeSet<(String, String, String)>,
    /// Licences that automatic licensing will give: when, and which.
    pub coming_licenses: Vec<(Millis, (String, String, String))>,
    /// Unmanaged ("conflicting") consumer accounts by address, and what the console says to do with each.
    pub unmanaged: BTreeMap<String, ConflictChoice>,
    /// Who holds an address: user and group primaries and aliases. Kept by `put_user` and `put_group`.
    pub addresses: BTreeMap<String, Holder>,
    /// Service accounts (e-mails) with domain-wide delegation.
    pub delegates: BTreeSet<String>,
    /// The scopes that are delegated to them.
    pub delegated_scopes: BTreeSet<String>,
    /// Delegation switched off as a whole.
    pub delegation_revoked: bool,
    /// How it behaves.
    pub settings: Settings,
    /// Source of ids.
    pub issued: u64,
    /// When the sandbox started.
    pub begun: Millis,
    /// The world's seed, for delays that differ from account to account.
    pub seed: u64,
    /// What reads still show of users that were made here; kept only while a setting asks for it.
    pub young: BTreeMap<String, Youth>,
    /// Policies as the Policy API lists them.
    pub policies: Vec<Policy>,
    /// Subscriptions of the customers that this one resells to.
    pub subscriptions: Vec<Subscription>,
    /// The administrators' audit log, oldest first.
    pub activities: Vec<Activity>,
}

/// What is remembered of a user that was made here, for reads that do not show everything yet.
#[derive(Clone, Debug)]
pub struct Youth {
    /// How often it was read by id.
    pub reads: u32,
    /// As it was made.
    pub as_created: Arc<User>,
}

/// A policy: the value of one setting for a unit or a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The last part of its name.
    pub id: String,
    /// Google's own default, or an administrator's choice.
    pub kind: PolicyKind,
    /// `settings/security.password`.
    pub setting: String,
    /// The setting's fields.
    pub value: Value,
    /// The unit's id.
    pub org_unit: String,
    /// The group it is for, if it is for one.
    pub group: Option<String>,
    /// The highest one wins, field by field.
    pub sort_order: f64,
}

/// Who set a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PolicyKind {
    /// Google.
    System,
    /// An administrator.
    Admin,
}

/// A subscription of a customer that is resold to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The resold customer's `C…` id.
    pub customer_id: String,
    /// The resold customer's primary domain.
    pub customer_domain: String,
    /// `1010010001`.
    pub sku: String,
    /// `FREE`, `FLEXIBLE`, ….
    pub plan: String,
    /// Seats bought; of a flexible plan the most that can be used.
    pub seats: u32,
    /// Seats in use.
    #[serde(default)]
    pub licensed: u32,
}

/// An entry of the administrators' audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When it happened; it shows later.
    pub at: Millis,
    /// Address and id of the administrator; none for what Google did by itself.
    pub actor: Option<(String, String)>,
    /// `ASSIGN_ROLE`.
    pub event: &'static str,
    /// `ROLE_NAME` and so on, with their values.
    pub parameters: Vec<(&'static str, String)>,
}

/// What the console says to do with an unmanaged account when its address is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictChoice {
    /// Take the address: 200.
    Replace,
    /// Ask the person: 202, no user.
    Invite,
    /// Leave it: 409.
    Keep,
}

/// A domain of a customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// Its name, lower case.
    pub name: String,
    /// What it is.
    pub kind: DomainKind,
    /// For an alias: the domain it stands for.
    #[serde(default)]
    pub parent: Option<String>,
    /// Whether it has been verified.
    #[serde(default = "yes")]
    pub verified: bool,
}

/// What a domain is to its customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainKind {
    /// The first.
    Primary,
    /// Another with users of its own.
    Secondary,
    /// Another name of a domain; no users of its own.
    Alias,
}

/// A user.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are Google's flags, independent of one another")]
pub struct User {
    /// Immutable id.
    pub id: String,
    /// Lower case.
    pub primary_email: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// The unit's id.
    pub org_unit: String,
    /// Whether sign-in is off.
    pub suspended: bool,
    /// `ADMIN` or Google's own.
    pub suspension_reason: Option<String>,
    /// Editable aliases.
    pub aliases: Vec<String>,
    /// When it came to be; moments long past for what the world file lists.
    pub created: Millis,
    /// When it was deleted.
    pub deleted: Option<Millis>,
    /// When its address last changed.
    pub renamed: Option<Millis>,
    /// When it last changed; none since it was made.
    pub changed: Option<Millis>,
    /// Last sign-in; 0 never.
    pub last_login: Millis,
    /// Whether the person has signed in and agreed.
    pub agreed_to_terms: bool,
    /// Whether the next sign-in asks for a new password.
    pub change_password: bool,
    /// Whether 2-Step Verification is enrolled.
    pub enrolled_in_2sv: bool,
    /// How often a password was set, creation included.
    pub passwords_set: u32,
    /// How often all sessions were ended.
    pub sign_outs: u32,
    /// OAuth clients with tokens of this user.
    pub tokens: BTreeSet<String>,
    /// What is open besides, and what would open it.
    pub access: Access,
    /// Fields that Google only keeps: `externalIds`, `organizations`, `recoveryEmail`, ….
    pub fields: Map<String, Value>,
    /// Counts changes; the entity tag.
    pub version: u64,
}

/// How a user gets in.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The password, if an API set it; people's own are nobody's business.
    pub password: Option<SecretString>,
    /// Sessions that are open.
    pub sessions: u32,
    /// When all sessions were ended last.
    pub signed_out_at: Option<Millis>,
    /// Application passwords: their names by their numbers.
    pub application_passwords: BTreeMap<u32, String>,
    /// Backup codes that are left.
    pub backup_codes: u32,
    /// Whether 2-Step Verification is enforced.
    pub two_step_enforced: bool,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its address.
    pub email: String,
    /// Its display name.
    pub name: String,
    /// Other addresses.
    pub aliases: Vec<String>,
}

/// An organisational unit.
#[derive(Clone, Debug)]
pub struct OrgUnit {
    /// `/Customer Care`; the top is `/`.
    pub path: String,
    /// What it is for.
    pub description: String,
    /// When it came to be.
    pub created: Millis,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Name; Google's own begin with `_`.
    pub name: String,
    /// Description.
    pub description: String,
    /// Google's own.
    pub system: bool,
    /// Super administrator.
    pub super_admin: bool,
    /// (service id, privilege name).
    pub privileges: BTreeSet<(String, String)>,
}

/// A privilege and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// The service it belongs to; inherited from the parent when absent.
    #[serde(default)]
    pub service_id: String,
    /// Name; not unique without the service.
    pub name: String,
    /// Whether it can be given for one unit.
    #[serde(default)]
    pub ou_scopable: bool,
    /// Privileges below.
    #[serde(default)]
    pub children: Vec<Privilege>,
}

/// A role given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The role.
    pub role_id: u64,
    /// User id, or a service account's unique id.
    pub assigned_to: String,
    /// The unit's id, when the role holds for one unit only.
    pub org_unit: Option<String>,
}

/// Who holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A user, by id.
    User(String),
    /// A group, by id.
    Group(String),
}

fn yes() -> bool {
    true
}
