//! What can be asked of Google: typed values for the path templates of `call`, built and proved (guard 6).
//! Not here: sending (`transport`). There is no way to ask for a path that is a text.

mod account;
mod content;
mod path;

pub use account::AccountAct;

use self::path::{Value, fill, prove};
use super::call::Call;
use super::directory::NewAccount;
use super::endpoint::Endpoint;
use super::licensing::Listed;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{
    AccountId, Address, AssignmentId, CustomerId, LicenseSku, MailAddress, OrgUnitId, OrgUnitPath, RoleId,
};
use crate::model::reseller::Privilege;
use jiff::Timestamp;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fmt;

/// How an account is named in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UserKey<'a> {
    /// The immutable id: what guards read by.
    Id(&'a AccountId),
    /// The address; Google matches aliases too, so the answer may be somebody else.
    Address(&'a Address),
    /// An address that a person named, of a shape that carepass would not give out itself.
    Named(&'a MailAddress),
}

/// How an organisational unit is named in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKey<'a> {
    /// The path as it was configured.
    Path(&'a OrgUnitPath),
    /// Google's id, which a renamed unit keeps.
    Id(&'a OrgUnitId),
}

/// A kind of entry in the administrators' audit log (`docs/GOOGLE.md` 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// Somebody changed automatic licensing.
    AutoLicensing,
    /// Somebody gave a role.
    RoleGiven,
}

impl AuditEvent {
    /// Google's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AutoLicensing => "CHANGE_LICENSE_AUTO_ASSIGN",
            Self::RoleGiven => "ASSIGN_ROLE",
        }
    }
}

/// One thing to ask Google. Its values may be personal: `Debug` shows the template.
#[derive(Clone, Copy)]
pub enum Request<'a> {
    /// The customer of the administrator that carepass acts as.
    GetCustomer,
    /// The domains of a customer.
    ListDomains {
        /// Whose.
        customer: &'a CustomerId,
    },
    /// A page of accounts.
    ListUsers {
        /// Whose.
        customer: &'a CustomerId,
        /// The deleted ones of the last 20 days instead of those that exist.
        deleted: bool,
        /// Which page.
        page: Option<&'a str>,
    },
    /// One account.
    GetUser {
        /// Which.
        key: UserKey<'a>,
    },
    /// Makes an account.
    InsertUser {
        /// How.
        account: &'a NewAccount,
    },
    /// Restores an account that was deleted in the last 20 days.
    UndeleteUser {
        /// Which.
        account: &'a AccountId,
        /// Into which unit.
        org_unit: &'a OrgUnitPath,
    },
    /// Reads or changes something about one account, which is named by its immutable id.
    Account {
        /// Which.
        id: &'a AccountId,
        /// What.
        act: AccountAct<'a>,
    },
    /// The group that an address leads to.
    GetGroup {
        /// Which address; a group's alias is taken too.
        address: &'a Address,
    },
    /// A page of groups.
    ListGroups {
        /// Whose.
        customer: &'a CustomerId,
        /// Which page.
        page: Option<&'a str>,
    },
    /// One organisational unit.
    GetOrgUnit {
        /// Whose.
        customer: &'a CustomerId,
        /// Which.
        key: UnitKey<'a>,
    },
    /// Makes an organisational unit under its existing parent.
    InsertOrgUnit {
        /// Whose.
        customer: &'a CustomerId,
        /// Where and how it is called.
        path: &'a OrgUnitPath,
    },
    /// A page of roles.
    ListRoles {
        /// Whose.
        customer: &'a CustomerId,
        /// Which page.
        page: Option<&'a str>,
    },
    /// Makes a role.
    InsertRole {
        /// Whose.
        customer: &'a CustomerId,
        /// Its name.
        name: &'a str,
        /// What it may do.
        privileges: &'a BTreeSet<Privilege>,
    },
    /// Every privilege that a role of the customer can have.
    ListPrivileges {
        /// Whose.
        customer: &'a CustomerId,
    },
    /// A page of role assignments.
    ListAssignments {
        /// Whose.
        customer: &'a CustomerId,
        /// Only those of this account.
        account: Option<&'a AccountId>,
        /// Which page.
        page: Option<&'a str>,
    },
    /// Gives a role for the whole customer.
    InsertAssignment {
        /// Whose.
        customer: &'a CustomerId,
        /// Which role.
        role: &'a RoleId,
        /// To whom.
        account: &'a AccountId,
    },
    /// Takes a role away.
    RemoveAssignment {
        /// Whose.
        customer: &'a CustomerId,
        /// Which of the assignments.
        assignment: &'a AssignmentId,
    },
    /// Assigns Cloud Identity Free.
    AssignLicense {
        /// To which account.
        address: &'a Address,
    },
    /// Takes a paid licence away from one of our own accounts.
    RemoveLicense {
        /// From which account.
        address: &'a Address,
        /// Which licence.
        license: &'a LicenseSku,
    },
    /// A page of the licences of a product that are assigned.
    ListLicenses {
        /// Whose.
        customer: &'a CustomerId,
        /// Of which product.
        product: Listed,
        /// Which page.
        page: Option<&'a str>,
    },
    /// Whether an address belongs to an unmanaged consumer account.
    IsInvitable {
        /// Who asks.
        customer: &'a CustomerId,
        /// Which address.
        address: &'a Address,
    },
    /// A page of the customer's policies about signing in and conflicting accounts.
    ListPolicies {
        /// Which page.
        page: Option<&'a str>,
    },
    /// A page of the administrators' audit log.
    ListActivities {
        /// Which kind of entry.
        event: AuditEvent,
        /// Entries since then.
        since: Timestamp,
        /// Which page.
        page: Option<&'a str>,
    },
    /// A signature of a service account.
    SignJwt {
        /// Whose.
        account: &'a MailAddress,
        /// What is signed: claims in JSON.
        payload: &'a str,
    },
    /// The machine's own access token.
    OwnToken,
    /// An access token.
    Token {
        /// The signed JWT.
        assertion: &'a SecretString,
    },
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call().template())
    }
}

/// A request that passed the proof. Its address and body may be personal: `Debug` shows the method.
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// What is sent along.
    pub body: Body,
}

/// What is sent along.
#[derive(Clone)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Json),
    /// The form of a token request.
    Form(SecretString),
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({})", self.method)
    }
}
impl<'a> Request<'a> {
    /// Which kind it is.
    pub fn call(&self) -> Call {
        match self {
            Self::GetCustomer => Call::GetCustomer,
            Self::ListDomains { .. } => Call::ListDomains,
            Self::ListUsers { .. } => Call::ListUsers,
            Self::GetUser { .. } => Call::GetUser,
            Self::InsertUser { .. } => Call::InsertUser,
            Self::UndeleteUser { .. } => Call::UndeleteUser,
            Self::Account { act, .. } => act.call(),
            Self::GetGroup { .. } => Call::GetGroup,
            Self::ListGroups { .. } => Call::ListGroups,
            Self::GetOrgUnit { .. } => Call::GetOrgUnit,
            Self::InsertOrgUnit { .. } => Call::InsertOrgUnit,
            Self::ListRoles { .. } => Call::ListRoles,
            Self::InsertRole { .. } => Call::InsertRole,
            Self::ListPrivileges { .. } => Call::ListPrivileges,
            Self::ListAssignments { .. } => Call::ListAssignments,
            Self::InsertAssignment { .. } => Call::InsertAssignment,
            Self::RemoveAssignment { .. } => Call::RemoveAssignment,
            Self::AssignLicense { .. } => Call::AssignLicense,
            Self::RemoveLicense { .. } => Call::RemoveLicense,
            Self::ListLicenses { .. } => Call::ListLicenses,
            Self::IsInvitable { .. } => Call::IsInvitable,
            Self::ListPolicies { .. } => Call::ListPolicies,
            Self::ListActivities { .. } => Call::ListActivities,
            Self::SignJwt { .. } => Call::SignJwt,
            Self::OwnToken => Call::OwnToken,
            Self::Token { .. } => Call::Token,
        }
    }

    /// Builds the request and proves it. Errors: `request_refused`, a fault of carepass or a hostile value.
    pub fn build(&self, endpoint: &Endpoint) -> Result<Outgoing, Failure> {
        let spec = self.call().spec();
        let path = fill(spec.path, &self.values())?;
        let mut url = prove(&spec, endpoint, &path)?;
        let query = self.query()?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Outgoing { method: spec.method, url, body: self.body() })
    }

    /// What Google's answer may repeat and no log or failure may show.
    pub fn private_words(&self) -> Vec<&'a str> {
        match *self {
            Self::InsertUser { account } => vec![
                account.given_name.as_str(),
                account.family_name.as_str(),
                account.password.expose_secret(),
                account.address.local_part.as_str(),
                account.recovery_address.as_ref().map_or("", local_part),
            ],
            Self::Account { act, .. } => act.private_words(),
            Self::GetUser { key: UserKey::Address(address) }
            | Self::GetGroup { address }
            | Self::AssignLicense { address }
            | Self::RemoveLicense { address, .. }
            | Self::IsInvitable { address, .. } => vec![address.local_part.as_str()],
            Self::GetUser { key: UserKey::Named(address) } => vec![address.as_str(), local_part(address)],
            Self::GetUser { key: UserKey::Id(_) }
            | Self::GetCustomer
            | Self::ListDomains { .. }
            | Self::ListUsers { .. }
            | Self::UndeleteUser { .. }
            | Self::ListGroups { .. }
            | Self::GetOrgUnit { .. }
            | Self::InsertOrgUnit { .. }
            | Self::ListRoles { .. }
            | Self::InsertRole { .. }
            | Self::ListPrivileges { .. }
            | Self::ListAssignments { .. }
            | Self::InsertAssignment { .. }
            | Self::RemoveAssignment { .. }
            | Self::ListLicenses { .. }
            | Self::ListPolicies { .. }
            | Self::ListActivities { .. }
            | Self::SignJwt { .. }
            | Self::OwnToken
            | Self::Token { .. } => Vec::new(),
        }
    }

    /// The values of the path template, in order.
    fn values(&self) -> Vec<Value<'a>> {
        match *self {
            Self::GetCustomer
            | Self::ListUsers { .. }
            | Self::InsertUser { .. }
            | Self::ListGroups { .. }
            | Self::AssignLicense { .. }
            | Self::ListPolicies { .. }
            | Self::ListActivities { .. }
            | Self::OwnToken
            | Self::Token { .. } => Vec::new(),
            Self::ListDomains { customer }
            | Self::InsertOrgUnit { customer, .. }
            | Self::ListRoles { customer, .. }
            | Self::InsertRole { customer, .. }
            | Self::ListPrivileges { customer }
            | Self::ListAssignments { customer, .. }
            | Self::InsertAssignment { customer, .. } => vec![Value::Customer(customer)],
            Self::Account { id, act } => act.values(id),
            Self::RemoveAssignment { customer, assignment } => {
                vec![Value::Customer(customer), Value::Assignment(assignment)]
            }
            Self::GetUser { key: UserKey::Id(id) } | Self::UndeleteUser { account: id, .. } => {
                vec![Value::Account(id)]
            }
            Self::GetUser { key: UserKey::Address(address) } | Self::GetGroup { address } => {
                vec![Value::Address(address)]
            }
            Self::GetUser { key: UserKey::Named(address) } | Self::SignJwt { account: address, .. } => {
                vec![Value::Named(address)]
            }
            Self::RemoveLicense { address, license } => {
                vec![Value::Sold(&license.product), Value::Sku(&license.sku), Value::Address(address)]
            }
            Self::ListLicenses { product, .. } => vec![Value::Product(product)],
            Self::GetOrgUnit { customer, key: UnitKey::Path(path) } => {
                vec![Value::Customer(customer), Value::OrgUnit(path)]
            }
            Self::GetOrgUnit { customer, key: UnitKey::Id(id) } => {
                vec![Value::Customer(customer), Value::Unit(id)]
            }
            Self::IsInvitable { customer, address } => {
                vec![Value::Customer(customer), Value::Address(address)]
            }
        }
    }
}

fn local_part(address: &MailAddress) -> &str {
    address.as_str().rsplit_once('@').map_or("", |(local_part, _)| local_part)
}

fn refused(why: &str) -> Failure {
    Failure::permanent(FailureCode::RequestRefused).with_detail(why)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
