//! The model as plain data: what each Google customer holds. Tests change it and read it afterwards.
//! Not here: how it is read from a file (`world_file`), how it looks over HTTP, and every rule of Google's.

use super::clock::Millis;
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
}

/// A service account that may ask for tokens.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Its unique id, the "client id" of domain-wide delegation.
    pub client_id: String,
    /// Public keys (PKCS#1 DER) by key id.
    pub keys: BTreeMap<String, Vec<u8>>,
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
}

/// How a customer behaves; the world file's scalar keys of a reseller.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The user cap: users that exist or were deleted in the last 20 days. Absent: none.
    pub seats: Option<u32>,
    /// How Cloud Identity Free is licensed here.
    pub license_mode: LicenseMode,
    /// Free licences that can be assigned. Absent: no limit but `seats`.
    pub license_seats: Option<u32>,
    /// What a second unit with the same path answers.
    pub org_unit_duplicate: OrgUnitDuplicate,
    /// Lists of roles and role assignments begin with an empty page that has a token.
    pub empty_pages: bool,
    /// A restored user comes back suspended.
    pub undelete_suspended: bool,
    /// A new user is a 404 by id for this long (by e-mail it is there).
    pub new_user_delay_ms: u64,
    /// A new user refuses update and delete with 412 for this long.
    pub creating_window_ms: u64,
    /// A new unit refuses new users with 403 for this long.
    pub new_ou_delay_ms: u64,
    /// Automatic licensing strikes this long after a user was created.
    pub auto_license_delay_ms: u64,
    /// Licensing does not know a new user for this long.
    pub license_user_delay_ms: u64,
    /// A token in the name of a new user is refused for this long.
    pub young_user_token_ms: u64,
    /// After a rename every change answers 409 for this long.
    pub rename_window_ms: u64,
    /// Request quotas; absent: none.
    pub quotas: Quotas,
    /// Where automatic licensing is on.
    pub auto_licensing: Vec<AutoLicensing>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seats: None,
            license_mode: LicenseMode::PerUser,
            license_seats: None,
            org_unit_duplicate: OrgUnitDuplicate::Invalid,
            empty_pages: false,
            undelete_suspended: false,
            new_user_delay_ms: 0,
            creating_window_ms: 0,
            new_ou_delay_ms: 0,
            auto_license_delay_ms: 0,
            license_user_delay_ms: 0,
            young_user_token_ms: 0,
            rename_window_ms: 0,
            quotas: Quotas::default(),
            auto_licensing: Vec::new(),
        }
    }
}

/// The two ways in which Cloud Identity Free is licensed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LicenseMode {
    /// Everybody has it and the licensing API knows nothing of it.
    Site,
    /// It is assigned user by user.
    PerUser,
}

/// Google answers either, "not consistent".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrgUnitDuplicate {
    /// 400 "Invalid Ou Id".
    Invalid,
    /// 409 `duplicate`.
    Duplicate,
}

/// Request quotas; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Directory calls per minute (Google: 2,400).
    pub directory_per_minute: Option<u32>,
    /// `users.insert` per domain and second (Google: 10).
    pub user_inserts_per_second: Option<u32>,
    /// Unit writes per second (Google: 1).
    pub org_unit_writes_per_second: Option<u32>,
    /// Licensing calls per second (Google: 1).
    pub licensing_per_second: Option<u32>,
}

impl Quotas {
    /// Google's published numbers.
    pub const GOOGLE: Self = Self {
        directory_per_minute: Some(2_400),
        user_inserts_per_second: Some(10),
        org_unit_writes_per_second: Some(1),
        licensing_per_second: Some(1),
    };
}

/// Automatic licensing for a unit and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoLicensing {
    /// The unit's path.
    pub org_unit: String,
    /// The product, `Google-Apps`.
    pub product: String,
    /// The SKU, `1010020027` (Business Starter).
    pub sku: String,
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
    /// Fields that Google only keeps: `externalIds`, `organizations`, `recoveryEmail`, ….
    pub fields: Map<String, Value>,
    /// Counts changes; the entity tag.
    pub version: u64,
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
