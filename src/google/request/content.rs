//! What goes along with a request: its query and its body.
//! Not here: its path (`path`), and sending it.

use super::{Body, Request, refused};
use crate::model::failure::Failure;
use crate::model::id::OrgUnitPath;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

/// The longest page token that is sent back to Google, in bytes.
pub(super) const PAGE_TOKEN_MAX: usize = 4096;

/// The policies that are read (`docs/GOOGLE.md` 60).
const POLICIES: &str = r"setting.type.matches('^settings/(security|provisioning)\\..*$')";

/// What is read of an account.
pub(super) const ACCOUNT_FIELDS: &str = "id,primaryEmail,customerId,externalIds,isAdmin,isDelegatedAdmin,\
                              suspended,suspensionReason,orgUnitPath,aliases,nonEditableAliases,\
                              name(givenName,familyName),creationTime,lastLoginTime,deletionTime,\
                              archived,isEnrolledIn2Sv,isEnforcedIn2Sv";

impl Request<'_> {
    pub(super) fn query(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (mut query, page) = match *self {
            Self::ListUsers { customer, deleted, page } => {
                let mut query = vec![
                    ("customer", customer.to_string()),
                    ("maxResults", "500".to_owned()),
                    ("fields", format!("nextPageToken,users({ACCOUNT_FIELDS})")),
                ];
                query.extend(deleted.then(|| ("showDeleted", "true".to_owned())));
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
            Self::Account { act, .. } => (act.query(), None),
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
            Self::ListPolicies { page } => {
                (vec![("filter", POLICIES.to_owned()), ("pageSize", "100".to_owned())], page)
            }
            Self::ListActivities { event, since, page } => {
                let query = vec![
                    ("eventName", event.as_str().to_owned()),
                    ("startTime", since.to_string()),
                    ("maxResults", "1000".to_owned()),
                ];
                (query, page)
            }
            Self::GetCustomer
            | Self::ListDomains { .. }
            | Self::UndeleteUser { .. }
            | Self::GetGroup { .. }
            | Self::GetOrgUnit { .. }
            | Self::InsertOrgUnit { .. }
            | Self::InsertRole { .. }
            | Self::ListPrivileges { .. }
            | Self::InsertAssignment { .. }
            | Self::RemoveAssignment { .. }
            | Self::AssignLicense { .. }
            | Self::RemoveLicense { .. }
            | Self::IsInvitable { .. }
            | Self::SignJwt { .. }
            | Self::OwnToken
            | Self::Token { .. } => (Vec::new(), None),
        };
        if let Some(page) = page {
            query.push(("pageToken", page_token(page)?));
        }
        Ok(query)
    }

    pub(super) fn body(&self) -> Body {
        match *self {
            Self::InsertUser { account } => Body::Json(account.body()),
            Self::Account { act, .. } => act.body(),
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
            Self::UndeleteUser { org_unit, .. } => Body::Json(json!({"orgUnitPath": org_unit.as_str()})),
            Self::SignJwt { payload, .. } => Body::Json(json!({"payload": payload})),
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
            | Self::GetGroup { .. }
            | Self::ListGroups { .. }
            | Self::GetOrgUnit { .. }
            | Self::ListRoles { .. }
            | Self::ListPrivileges { .. }
            | Self::ListAssignments { .. }
            | Self::RemoveAssignment { .. }
            | Self::RemoveLicense { .. }
            | Self::ListLicenses { .. }
            | Self::ListPolicies { .. }
            | Self::ListActivities { .. }
            | Self::OwnToken
            | Self::IsInvitable { .. } => Body::Empty,
        }
    }
}

fn page_token(page: &str) -> Result<String, Failure> {
    if page.len() > PAGE_TOKEN_MAX { Err(refused("the page token is too long")) } else { Ok(page.to_owned()) }
}

/// The parent's path and the last name of a unit's path.
pub(super) fn parent_and_name(path: &OrgUnitPath) -> (&str, &str) {
    let (parent, name) = path.as_str().rsplit_once('/').expect("an OrgUnitPath begins with a slash");
    (if parent.is_empty() { "/" } else { parent }, name)
}
