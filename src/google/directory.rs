//! Accounts, the addresses around them, the customer and its domains.
//! Not here: whether an account is ours (`guard`), units and roles.

use super::call::Call;
use super::classify::Meaning;
use super::pages::{List, Page};
use super::request::{Request, UserKey};
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, Address, CustomerId, DomainName, EngineerKey, MailAddress, OrgUnitPath};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fmt;

/// The `customType` of the external id by which carepass knows its own accounts.
pub const MARKER_TYPE: &str = "carepass";

/// An account to be made. All of it is personal: `Debug` shows for whom it is.
#[derive(Clone)]
pub struct NewAccount {
    /// Its primary address.
    pub address: Address,
    /// For whom: the marker.
    pub engineer: EngineerKey,
    /// Given name, at most 40 characters (Google's limits page).
    pub given_name: String,
    /// Family name, at most 40 characters.
    pub family_name: String,
    /// The initial password; it must be changed at the first sign-in.
    pub password: SecretString,
    /// Where it goes.
    pub org_unit: OrgUnitPath,
    /// When carepass made the unit, if it did: while the unit is young, "forbidden" is propagation.
    pub org_unit_made_at: Option<Timestamp>,
    /// Where Google sends account recovery, if known.
    pub recovery_address: Option<MailAddress>,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewAccount({})", self.engineer)
    }
}

/// What came of making an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Made(Box<Account>),
    /// An account, alias, group or group alias holds the address; it may be our own, from an earlier run.
    Taken,
    /// An unmanaged consumer account holds the address, and Google has invited its owner (202): no account was made.
    Invited,
}

/// An account as Google shows it. What Google left out is unknown, never "no".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Google's immutable id.
    pub id: AccountId,
    /// The primary address, lower-cased.
    pub primary_address: String,
    /// Whose it is.
    pub customer: Option<CustomerId>,
    /// The engineer's key, if there is exactly one marker of carepass.
    pub marker: Option<String>,
    /// Super administrator.
    pub is_admin: Option<bool>,
    /// Holds some administrator role.
    pub is_delegated_admin: Option<bool>,
    /// Suspended by somebody.
    pub suspended: Option<bool>,
    /// Why it is suspended: `ADMIN`, or Google's own reason; only a suspended account has one.
    pub suspension_reason: Option<String>,
    /// Archived by somebody: kept without sign-in.
    pub archived: Option<bool>,
    /// Enrolled in 2-Step Verification.
    pub two_step_enrolled: Option<bool>,
    /// 2-Step Verification is enforced: whoever is not enrolled cannot sign in.
    pub two_step_enforced: Option<bool>,
    /// Its unit.
    pub org_unit_path: Option<String>,
    /// All other addresses, those of alias domains included, lower-cased.
    pub aliases: BTreeSet<String>,
    /// Given and family name: evidence for a person, and for carepass never a reason.
    pub name: Option<(String, String)>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When somebody last signed in; the beginning of 1970 if nobody ever has.
    pub last_login: Option<Timestamp>,
    /// When it was deleted; only the list of deleted ones has it.
    pub deleted: Option<Timestamp>,
}

/// A group, as far as it holds addresses; lower-cased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its address.
    pub address: String,
    /// Its other addresses.
    pub aliases: BTreeSet<String>,
}

/// The customer that the administrator belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
}

impl Google {
    /// Makes an account with our marker. Errors: `seats_spent`, `org_unit_settling`, `not_authorized`, …; after an unclear
    /// one the account may exist.
    pub async fn create_account(&self, account: &NewAccount) -> Result<Creation, Failure> {
        match self.made_at(account.org_unit_made_at).ask(&Request::InsertUser { account }).await? {
            Outcome::Done(answer) if answer.status == 202 => Ok(Creation::Invited),
            Outcome::Done(answer) => {
                Ok(Creation::Made(Box::new(just_made(answer.decode(Call::InsertUser)?))))
            }
            Outcome::Means(Meaning::AlreadyExists) => Ok(Creation::Taken),
            Outcome::Means(meaning @ (Meaning::NotThere | Meaning::AlreadyHeld | Meaning::Unavailable)) => {
                Err(unexpected(Call::InsertUser, meaning))
            }
        }
    }

    /// Reads an account by its immutable id. A young one may be missing for a while.
    pub async fn account_by_id(&self, id: &AccountId) -> Result<Option<Account>, Failure> {
        let found = self.account(UserKey::Id(id)).await?;
        match found {
            Some(account) if account.id != *id => Err(Failure::permanent(FailureCode::UnknownAnswer)
                .with_detail("asked for one account, got another")),
            found => Ok(found),
        }
    }

    /// Reads the account that an address leads to: it may be an alias of somebody else's, so compare.
    pub async fn account_by_address(&self, address: &Address) -> Result<Option<Account>, Failure> {
        self.account(UserKey::Address(address)).await
    }

    pub(super) async fn account(&self, key: UserKey<'_>) -> Result<Option<Account>, Failure> {
        match self.ask(&Request::GetUser { key }).await? {
            Outcome::Done(answer) => Ok(Some(answer.decode::<WireAccount>(Call::GetUser)?.into())),
            Outcome::Means(Meaning::NotThere) => Ok(None),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::GetUser, meaning)),
        }
    }

    /// All accounts of the customer, or all that were deleted in the last 20 days.
    pub async fn accounts(&self, deleted: bool) -> Result<Vec<Account>, Failure> {
        let listed = self.all_pages::<UserPage>(List::Users { deleted }).await?;
        Ok(listed.into_iter().map(Account::from).collect())
    }

    /// All groups of the customer.
    pub async fn groups(&self) -> Result<Vec<Group>, Failure> {
        let listed = self.all_pages::<GroupPage>(List::Groups).await?;
        Ok(listed.into_iter().map(Group::from).collect())
    }

    /// The customer that the credentials lead to: to be compared with the pinned one, since a reseller's administrator
    /// may also act on customers of the reseller.
    pub async fn customer(&self) -> Result<Customer, Failure> {
        let call = Call::GetCustomer;
        self.ask(&Request::GetCustomer)
            .await?
            .done(call)?
            .decode::<WireCustomer>(call)
            .map(|wire| Customer { id: wire.id })
    }

    /// The verified domains that can have accounts; alias domains cannot.
    pub async fn domains(&self) -> Result<BTreeSet<DomainName>, Failure> {
        let call = Call::ListDomains;
        let request = Request::ListDomains { customer: &self.shared.customer };
        Ok(usable_domains(self.ask(&request).await?.done(call)?.decode(call)?))
    }

    /// The primary domain, if it can have accounts of carepass's making.
    pub async fn primary_domain(&self) -> Result<Option<DomainName>, Failure> {
        let call = Call::ListDomains;
        let request = Request::ListDomains { customer: &self.shared.customer };
        Ok(primary_domain(self.ask(&request).await?.done(call)?.decode(call)?))
    }

    /// Whether the address belongs to an unmanaged consumer account, which must not be replaced.
    pub async fn is_invitable(&self, address: &Address) -> Result<bool, Failure> {
        let request = Request::IsInvitable { customer: &self.shared.customer, address };
        match self.ask(&request).await? {
            Outcome::Done(answer) => Ok(answer.decode::<WireInvitable>(Call::IsInvitable)?.is_invitable_user),
            Outcome::Means(Meaning::NotThere) => Ok(false),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::IsInvitable, meaning)),
        }
    }
}

impl Account {
    /// Whether nobody has ever signed in; unknown while Google does not say.
    pub fn never_signed_in(&self) -> Option<bool> {
        self.last_login.map(|at| at == Timestamp::UNIX_EPOCH)
    }
}

impl NewAccount {
    /// The body of `users.insert`.
    pub(super) fn body(&self) -> Json {
        let mut body = json!({
            "primaryEmail": self.address.to_string(),
            "name": {"givenName": self.given_name, "familyName": self.family_name},
            "password": self.password.expose_secret(),
            "changePasswordAtNextLogin": true,
            "orgUnitPath": self.org_unit.as_str(),
            "externalIds": [{"type": "custom", "customType": MARKER_TYPE, "value": self.engineer.as_str()}],
        });
        if let Some(address) = &self.recovery_address {
            body["recoveryEmail"] = address.as_str().into();
        }
        body
    }
}

/// `users` resource, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireAccount {
    id: AccountId,
    primary_email: String,
    customer_id: Option<CustomerId>,
    #[serde(default)]
    external_ids: Option<Vec<WireExternalId>>,
    is_admin: Option<bool>,
    is_delegated_admin: Option<bool>,
    suspended: Option<bool>,
    suspension_reason: Option<String>,
    archived: Option<bool>,
    #[serde(rename = "isEnrolledIn2Sv")]
    two_step_enrolled: Option<bool>,
    #[serde(rename = "isEnforcedIn2Sv")]
    two_step_enforced: Option<bool>,
    org_unit_path: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    non_editable_aliases: Vec<String>,
    name: Option<WireName>,
    creation_time: Option<String>,
    last_login_time: Option<String>,
    deletion_time: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireName {
    #[serde(default)]
    given_name: String,
    #[serde(default)]
    family_name: String,
}

/// An external id; anybody may have put anything there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExternalId {
    #[serde(default)]
    r#type: Json,
    #[serde(default)]
    custom_type: Json,
    #[serde(default)]
    value: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserPage {
    #[serde(default)]
    users: Vec<WireAccount>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupPage {
    #[serde(default)]
    groups: Vec<WireGroup>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireGroup {
    email: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    non_editable_aliases: Vec<String>,
}

#[derive(Deserialize)]
struct WireCustomer {
    id: CustomerId,
}

#[derive(Deserialize)]
struct WireDomains {
    #[serde(default)]
    domains: Vec<WireDomain>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDomain {
    domain_name: String,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    is_primary: bool,
    #[serde(default)]
    domain_aliases: Vec<WireDomainAlias>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDomainAlias {
    #[serde(default)]
    domain_alias_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireInvitable {
    /// Left out when false.
    #[serde(default)]
    is_invitable_user: bool,
}

impl Page for UserPage {
    type Item = WireAccount;
    fn split(self) -> (Vec<WireAccount>, Option<String>) {
        (self.users, self.next_page_token)
    }
}

impl Page for GroupPage {
    type Item = WireGroup;
    fn split(self) -> (Vec<WireGroup>, Option<String>) {
        (self.groups, self.next_page_token)
    }
}

impl From<WireGroup> for Group {
    fn from(wire: WireGroup) -> Self {
        Self {
            address: wire.email.to_ascii_lowercase(),
            aliases: lower_cased(wire.aliases, wire.non_editable_aliases),
        }
    }
}

impl From<WireAccount> for Account {
    fn from(wire: WireAccount) -> Self {
        // A time that cannot be read is unknown: it is evidence, and no guard rests on it.
        let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Self {
            id: wire.id,
            primary_address: wire.primary_email.to_ascii_lowercase(),
            customer: wire.customer_id,
            marker: only_marker(&wire.external_ids.unwrap_or_default()),
            is_admin: wire.is_admin,
            is_delegated_admin: wire.is_delegated_admin,
            suspended: wire.suspended,
            suspension_reason: wire.suspension_reason,
            archived: wire.archived,
            two_step_enrolled: wire.two_step_enrolled,
            two_step_enforced: wire.two_step_enforced,
            org_unit_path: wire.org_unit_path,
            aliases: lower_cased(wire.aliases, wire.non_editable_aliases),
            name: wire.name.map(|name| (name.given_name, name.family_name)),
            created: time(wire.creation_time),
            last_login: time(wire.last_login_time),
            deleted: time(wire.deletion_time),
        }
    }
}

/// The answer of our own insert, which asked for an active account: there, and only there, a missing `suspended` is no doubt
/// (`docs/GOOGLE.md` 46).
fn just_made(wire: WireAccount) -> Account {
    let account = Account::from(wire);
    Account { suspended: account.suspended.or(Some(false)), ..account }
}

/// Our marker. Two of them are no marker: somebody was at work there.
fn only_marker(ids: &[WireExternalId]) -> Option<String> {
    let mut ours = ids.iter().filter(|id| id.r#type == "custom" && id.custom_type == MARKER_TYPE);
    match (ours.next(), ours.next()) {
        (Some(only), None) => only.value.as_str().map(str::to_owned),
        (None | Some(_), _) => None,
    }
}

fn lower_cased(aliases: Vec<String>, more: Vec<String>) -> BTreeSet<String> {
    aliases.into_iter().chain(more).map(|alias| alias.to_ascii_lowercase()).collect()
}

/// Verified domains whose name carepass can hold and that are nobody's alias.
fn usable_domains(wire: WireDomains) -> BTreeSet<DomainName> {
    let lower = |name: &str| name.to_ascii_lowercase();
    let aliases: BTreeSet<String> = wire
        .domains
        .iter()
        .flat_map(|domain| &domain.domain_aliases)
        .map(|alias| lower(&alias.domain_alias_name))
        .collect();
    let usable = |domain: WireDomain| {
        let name = DomainName::parse(&lower(&domain.domain_name)).ok()?;
        let own = domain.verified && !aliases.contains(name.as_str());
        own.then_some(name)
    };
    wire.domains.into_iter().filter_map(usable).collect()
}

/// The one among them that Google calls primary.
fn primary_domain(wire: WireDomains) -> Option<DomainName> {
    let primary = wire.domains.iter().find(|domain| domain.is_primary);
    let name = primary.and_then(|domain| DomainName::parse(&domain.domain_name.to_ascii_lowercase()).ok());
    name.filter(|name| usable_domains(wire).contains(name))
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
