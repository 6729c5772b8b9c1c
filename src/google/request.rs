//! Typed values into the path templates of `call`, and the proof after building that nothing else came out (guard 6).
//! Not here: sending (`transport`). There is no way to ask for a path that is a text.
//!
//! Why the proof: the `url` crate resolves `..`, also when it is percent-encoded, and drops tabs, so that encoding
//! alone does not keep a hostile value inside its segment.

use super::call::{Api, Call, Spec};
use super::directory::NewAccount;
use super::endpoint::Endpoint;
use super::licensing::PaidProduct;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, Address, CustomerId, OrgUnitPath, RoleId};
use crate::model::reseller::Privilege;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fmt;

/// The longest page token that is sent back to Google, in bytes.
const PAGE_TOKEN_MAX: usize = 4096;

/// What is read of an account.
const ACCOUNT_FIELDS: &str = "id,primaryEmail,customerId,externalIds,isAdmin,isDelegatedAdmin,suspended,orgUnitPath,\
                              aliases,nonEditableAliases";

/// How an account is named in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UserKey<'a> {
    /// The immutable id: what guards read by.
    Id(&'a AccountId),
    /// The address; Google matches aliases too, so the answer may be somebody else.
    Address(&'a Address),
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
        path: &'a OrgUnitPath,
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
    /// Assigns Cloud Identity Free.
    AssignLicense {
        /// To which account.
        address: &'a Address,
    },
    /// A page of the licences of a product that are assigned.
    ListLicenses {
        /// Whose.
        customer: &'a CustomerId,
        /// Of which product.
        product: PaidProduct,
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

/// A value that may stand in a path: nothing but names that cannot hold a wrong value.
#[derive(Clone, Copy)]
enum Value<'a> {
    Customer(&'a CustomerId),
    Account(&'a AccountId),
    Address(&'a Address),
    OrgUnit(&'a OrgUnitPath),
    Product(PaidProduct),
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
            Self::ListGroups { .. } => Call::ListGroups,
            Self::GetOrgUnit { .. } => Call::GetOrgUnit,
            Self::InsertOrgUnit { .. } => Call::InsertOrgUnit,
            Self::ListRoles { .. } => Call::ListRoles,
            Self::InsertRole { .. } => Call::InsertRole,
            Self::ListAssignments { .. } => Call::ListAssignments,
            Self::InsertAssignment { .. } => Call::InsertAssignment,
            Self::AssignLicense { .. } => Call::AssignLicense,
            Self::ListLicenses { .. } => Call::ListLicenses,
            Self::IsInvitable { .. } => Call::IsInvitable,
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
            ],
            Self::GetUser { key: UserKey::Address(address) }
            | Self::AssignLicense { address }
            | Self::IsInvitable { address, .. } => vec![address.local_part.as_str()],
            Self::GetUser { key: UserKey::Id(_) }
            | Self::GetCustomer
            | Self::ListDomains { .. }
            | Self::ListUsers { .. }
            | Self::ListGroups { .. }
            | Self::GetOrgUnit { .. }
            | Self::InsertOrgUnit { .. }
            | Self::ListRoles { .. }
            | Self::InsertRole { .. }
            | Self::ListAssignments { .. }
            | Self::InsertAssignment { .. }
            | Self::ListLicenses { .. }
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
            | Self::Token { .. } => Vec::new(),
            Self::ListDomains { customer }
            | Self::InsertOrgUnit { customer, .. }
            | Self::ListRoles { customer, .. }
            | Self::InsertRole { customer, .. }
            | Self::ListAssignments { customer, .. }
            | Self::InsertAssignment { customer, .. } => vec![Value::Customer(customer)],
            Self::GetUser { key: UserKey::Id(id) } => vec![Value::Account(id)],
            Self::GetUser { key: UserKey::Address(address) } => vec![Value::Address(address)],
            Self::ListLicenses { product, .. } => vec![Value::Product(product)],
            Self::GetOrgUnit { customer, path } => vec![Value::Customer(customer), Value::OrgUnit(path)],
            Self::IsInvitable { customer, address } => {
                vec![Value::Customer(customer), Value::Address(address)]
            }
        }
    }

    fn query(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (mut query, page) = match *self {
            Self::ListUsers { customer, deleted, page } => {
                let mut query = vec![
                    ("customer", customer.to_string()),
                    ("maxResults", "500".to_owned()),
                    ("fields", format!("nextPageToken,users({ACCOUNT_FIELDS})")),
                ];
                if deleted {
                    query.push(("showDeleted", "true".to_owned()));
                }
                (query, page)
            }
            Self::GetUser { .. } => (vec![("fields", ACCOUNT_FIELDS.to_owned())], None),
            Self::InsertUser { .. } => {
                // Absent means "replace a conflicting unmanaged account" (GAM's `alwaysevict`): never leave it out.
                let query = vec![
                    ("resolveConflictAccount", "true".to_owned()),
                    ("fields", ACCOUNT_FIELDS.to_owned()),
                ];
                (query, None)
            }
            Self::ListGroups { customer, page } => (
                vec![
                    ("customer", customer.to_string()),
                    ("maxResults", "200".to_owned()),
                    ("fields", "nextPageToken,groups(email,aliases,nonEditableAliases)".to_owned()),
                ],
                page,
            ),
            Self::ListRoles { page, .. } => (vec![("maxResults", "100".to_owned())], page),
            Self::ListAssignments { account, page, .. } => {
                let mut query = vec![("maxResults", "200".to_owned())];
                query.extend(account.map(|account| ("userKey", account.to_string())));
                (query, page)
            }
            // Above 100 the counts came back wrong (GAM, 2023-04-27).
            Self::ListLicenses { customer, page, .. } => {
                (vec![("customerId", customer.to_string()), ("maxResults", "100".to_owned())], page)
            }
            Self::GetCustomer
            | Self::ListDomains { .. }
            | Self::GetOrgUnit { .. }
            | Self::InsertOrgUnit { .. }
            | Self::InsertRole { .. }
            | Self::InsertAssignment { .. }
            | Self::AssignLicense { .. }
            | Self::IsInvitable { .. }
            | Self::Token { .. } => (Vec::new(), None),
        };
        if let Some(page) = page {
            if page.len() > PAGE_TOKEN_MAX {
                return Err(refused("the page token is too long"));
            }
            query.push(("pageToken", page.to_owned()));
        }
        Ok(query)
    }

    fn body(&self) -> Body {
        match *self {
            Self::InsertUser { account } => Body::Json(account.body()),
            Self::InsertOrgUnit { path, .. } => {
                let (parent, name) = parent_and_name(path);
                Body::Json(json!({"name": name, "parentOrgUnitPath": parent}))
            }
            Self::InsertRole { name, privileges, .. } => {
                let privileges: Vec<Json> = privileges
                    .iter()
                    .map(|privilege| json!({"privilegeName": privilege.name, "serviceId": privilege.service_id}))
                    .collect();
                Body::Json(json!({"roleName": name, "rolePrivileges": privileges}))
            }
            // roleId is an int64, which Google wants as text.
            Self::InsertAssignment { role, account, .. } => Body::Json(
                json!({"roleId": role.as_str(), "assignedTo": account.as_str(), "scopeType": "CUSTOMER"}),
            ),
            Self::AssignLicense { address } => Body::Json(json!({"userId": address.to_string()})),
            // The assertion is base64url and dots: it needs no encoding.
            Self::Token { assertion } => Body::Form(
                format!(
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
                    assertion.expose_secret()
                )
                .into(),
            ),
            Self::GetCustomer
            | Self::ListDomains { .. }
            | Self::ListUsers { .. }
            | Self::GetUser { .. }
            | Self::ListGroups { .. }
            | Self::GetOrgUnit { .. }
            | Self::ListRoles { .. }
            | Self::ListAssignments { .. }
            | Self::ListLicenses { .. }
            | Self::IsInvitable { .. } => Body::Empty,
        }
    }
}

/// The parent's path and the last name of a unit's path.
fn parent_and_name(path: &OrgUnitPath) -> (&str, &str) {
    let (parent, name) = path.as_str().rsplit_once('/').expect("an OrgUnitPath begins with a slash");
    (if parent.is_empty() { "/" } else { parent }, name)
}

/// Puts the values into the template, encoded.
fn fill(template: &str, values: &[Value<'_>]) -> Result<String, Failure> {
    let mut values = values.iter();
    let mut path = String::new();
    for segment in template.split('/').skip(1) {
        let Some((before, rest)) = segment.split_once('{') else {
            path.push('/');
            path.push_str(segment);
            continue;
        };
        let (_, after) = rest.split_once('}').ok_or_else(|| refused("a template without its brace"))?;
        let value = values.next().ok_or_else(|| refused("a template without its value"))?;
        for text in texts(value) {
            path.push('/');
            path.push_str(before);
            path.push_str(&encode(&text)?);
            path.push_str(after);
        }
    }
    if values.next().is_some() { Err(refused("a value without its place")) } else { Ok(path) }
}

/// The segments that a value stands for.
fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::Customer(customer) => vec![customer.to_string()],
        Value::Account(account) => vec![account.to_string()],
        Value::Address(address) => vec![address.to_string()],
        Value::Product(product) => vec![product.as_str().to_owned()],
        Value::OrgUnit(path) => path.as_str()[1..].split('/').map(str::to_owned).collect(),
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters and `@`.
fn encode(text: &str) -> Result<String, Failure> {
    // `id:…` names a unit by its id, so a unit whose name begins so cannot be asked for by path.
    if text.is_empty() || text == "." || text == ".." || text.starts_with("id:") {
        return Err(refused("a value that cannot stand in a path"));
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else if byte.is_ascii_control() || b"/\\%".contains(&byte) {
            return Err(refused("a character that cannot stand in a path"));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 0xF].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    Ok(encoded)
}

/// Parses the address and proves that parsing changed nothing.
fn prove(spec: &Spec, endpoint: &Endpoint, path: &str) -> Result<Url, Failure> {
    let base = endpoint.base(spec.api);
    let url = Url::parse(&format!("{base}{path}")).map_err(|_| refused("not an address"))?;
    let same_origin =
        url.origin().ascii_serialization() == base && url.username().is_empty() && url.password().is_none();
    let pinned = match endpoint {
        Endpoint::Google => url.scheme() == "https" && url.port().is_none() && base == Api::origin(spec.api),
        Endpoint::Loopback(_) => true,
    };
    let literal = spec.path.split('{').next().unwrap_or(spec.path);
    let as_built = url.path() == path
        && url.path().starts_with(literal)
        && url.query().is_none()
        && url.fragment().is_none();
    let one_more = spec.path.contains("{+");
    let segments = |text: &str| text.split('/').count();
    let counted = if one_more {
        segments(url.path()) >= segments(spec.path)
    } else {
        segments(url.path()) == segments(spec.path)
    };
    if same_origin && pinned && as_built && counted {
        Ok(url)
    } else {
        Err(refused("an address that is not its template"))
    }
}

fn refused(why: &str) -> Failure {
    Failure::permanent(FailureCode::RequestRefused).with_detail(why)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
