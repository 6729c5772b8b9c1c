//! The closed list of what carepass may ask Google (guard 6): method, host, path template, scope, quota and limits of
//! each call, as data. Not here: the values that go into the templates (`request`).
//! Paths and scopes: Google's discovery documents, `admin.directory_v1` 20261104, licensing.v1 20251108,
//! cloudidentity.v1 20261019.

use super::limits::Quota;
use reqwest::Method;

/// The hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// Accounts, groups, units, roles, domains.
    Directory,
    /// License Manager.
    Licensing,
    /// Conflicting unmanaged accounts.
    CloudIdentity,
    /// The administrators' audit log.
    Reports,
    /// Signatures of service accounts without a key.
    Iam,
    /// The machine's own identity in Google Cloud.
    Metadata,
    /// OAuth 2.0 tokens.
    Token,
}

impl Api {
    /// Its name, as metrics show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Licensing => "licensing",
            Self::CloudIdentity => "cloud_identity",
            Self::Reports => "reports",
            Self::Iam => "iam",
            Self::Metadata => "metadata",
            Self::Token => "token",
        }
    }

    /// Google's own address of the API.
    pub fn origin(self) -> &'static str {
        match self {
            Self::Directory | Self::Reports => "https://admin.googleapis.com",
            Self::Licensing => "https://licensing.googleapis.com",
            Self::CloudIdentity => "https://cloudidentity.googleapis.com",
            Self::Iam => "https://iamcredentials.googleapis.com",
            // The link-local address and not its name, which only Google's own resolvers are sure to know.
            Self::Metadata => "http://169.254.169.254",
            Self::Token => "https://oauth2.googleapis.com",
        }
    }
}

/// What a token opens. One token per member: delegation is all or nothing for the scopes of one token request, so a
/// scope that is missing stops only the calls that need it, and the failure can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read and write accounts.
    Users,
    /// Read groups, whose addresses are taken.
    Groups,
    /// Read and write organisational units.
    OrgUnits,
    /// Read and write roles and their assignments.
    Roles,
    /// Read the domains.
    Domains,
    /// Read the customer.
    Customer,
    /// Read and write licences.
    Licensing,
    /// Ask whether an address belongs to an unmanaged account.
    Invitations,
    /// End sessions, and take away tokens, application passwords and backup codes.
    Security,
    /// Read the policies of the customer. Optional.
    Policies,
    /// Read the administrators' audit log. Optional.
    Audit,
}

impl Scope {
    /// Every scope that must be delegated.
    pub const ALL: [Self; 9] = [
        Self::Users,
        Self::Groups,
        Self::OrgUnits,
        Self::Roles,
        Self::Domains,
        Self::Customer,
        Self::Licensing,
        Self::Invitations,
        Self::Security,
    ];

    /// Scopes that may be delegated besides: without one, what it would show stays unknown and nothing else stops.
    pub const OPTIONAL: [Self; 2] = [Self::Policies, Self::Audit];

    /// The scope as Google writes it: what an operator pastes into the Admin console.
    pub fn url(self) -> &'static str {
        match self {
            Self::Users => "https://www.googleapis.com/auth/admin.directory.user",
            Self::Groups => "https://www.googleapis.com/auth/admin.directory.group.readonly",
            Self::OrgUnits => "https://www.googleapis.com/auth/admin.directory.orgunit",
            Self::Roles => "https://www.googleapis.com/auth/admin.directory.rolemanagement",
            Self::Domains => "https://www.googleapis.com/auth/admin.directory.domain.readonly",
            Self::Customer => "https://www.googleapis.com/auth/admin.directory.customer.readonly",
            Self::Licensing => "https://www.googleapis.com/auth/apps.licensing",
            Self::Invitations => "https://www.googleapis.com/auth/cloud-identity.userinvitations.readonly",
            Self::Security => "https://www.googleapis.com/auth/admin.directory.user.security",
            Self::Policies => "https://www.googleapis.com/auth/cloud-identity.policies.readonly",
            Self::Audit => "https://www.googleapis.com/auth/admin.reports.audit.readonly",
        }
    }

    /// The scope without what all have in common.
    pub fn short_name(self) -> &'static str {
        let url = self.url();
        url.strip_prefix("https://www.googleapis.com/auth/").unwrap_or(url)
    }
}

/// Whether a call changes something, and so whether an unclear answer may have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// May be repeated at will.
    Read,
    /// Unclear answers mean: look first.
    Write,
}

/// Everything that is fixed about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The HTTP method.
    pub method: Method,
    /// The host.
    pub api: Api,
    /// The path; each `{…}` stands for one value, `{+…}` for a path of values.
    pub path: &'static str,
    /// What the token must open; none for the token request itself.
    pub scope: Option<Scope>,
    /// The budget that it is taken from.
    pub quota: Quota,
    /// Whether it changes something.
    pub access: Access,
    /// The longest answer that is read, in bytes.
    pub body_max: usize,
}

/// The longest answer of a list, in bytes.
const LIST_BYTES: usize = 8 * 1024 * 1024;
/// The longest answer of anything else, in bytes.
const ITEM_BYTES: usize = 1024 * 1024;

/// Defines the calls with their fixed properties and the list of all of them.
macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident: $method:ident $api:ident $path:literal, $scope:expr, $quota:ident, $access:ident, $bytes:ident;)+) => {
        /// A kind of call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Call {
            $($(#[$doc])* $call,)+
        }

        impl Call {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$call,)+];

            /// What is fixed about the call.
            pub fn spec(self) -> Spec {
                match self {
                    $(Self::$call => Spec {
                        method: Method::$method,
                        api: Api::$api,
                        path: $path,
                        scope: $scope,
                        quota: Quota::$quota,
                        access: Access::$access,
                        body_max: $bytes,
                    },)+
                }
            }

            /// The call as it may stand in logs and failures: no value in it.
            pub fn template(self) -> &'static str {
                match self {
                    $(Self::$call => concat!(stringify!($method), " ", $path),)+
                }
            }
        }
    };
}

calls! {
    /// `customers.get` of the administrator's own customer.
    GetCustomer: GET Directory "/admin/directory/v1/customers/my_customer",
        Some(Scope::Customer), Directory, Read, ITEM_BYTES;
    /// `domains.list`.
    ListDomains: GET Directory "/admin/directory/v1/customer/{customer}/domains",
        Some(Scope::Domains), Directory, Read, LIST_BYTES;
    /// `users.list`.
    ListUsers: GET Directory "/admin/directory/v1/users",
        Some(Scope::Users), Directory, Read, LIST_BYTES;
    /// `users.get`.
    GetUser: GET Directory "/admin/directory/v1/users/{user}",
        Some(Scope::Users), Directory, Read, ITEM_BYTES;
    /// `users.insert`.
    InsertUser: POST Directory "/admin/directory/v1/users",
        Some(Scope::Users), UserInsert, Write, ITEM_BYTES;
    /// `users.undelete`: restores one of our own accounts.
    UndeleteUser: POST Directory "/admin/directory/v1/users/{user}/undelete",
        Some(Scope::Users), Directory, Write, ITEM_BYTES;
    /// `users.update`: the narrow changes of [`super::request::AccountAct`], and nothing else.
    UpdateUser: PUT Directory "/admin/directory/v1/users/{user}",
        Some(Scope::Users), Directory, Write, ITEM_BYTES;
    /// `users.delete` of one of our own accounts, if the operator wants that.
    DeleteUser: DELETE Directory "/admin/directory/v1/users/{user}",
        Some(Scope::Users), Directory, Write, ITEM_BYTES;
    /// `users.signOut`: ends all sessions.
    SignOut: POST Directory "/admin/directory/v1/users/{user}/signOut",
        Some(Scope::Security), Directory, Write, ITEM_BYTES;
    /// `tokens.list`: the programs that an account let in.
    ListTokens: GET Directory "/admin/directory/v1/users/{user}/tokens",
        Some(Scope::Security), Directory, Read, LIST_BYTES;
    /// `tokens.delete`: locks one of them out.
    DeleteToken: DELETE Directory "/admin/directory/v1/users/{user}/tokens/{client}",
        Some(Scope::Security), Directory, Write, ITEM_BYTES;
    /// `asps.list`: application passwords.
    ListPasswords: GET Directory "/admin/directory/v1/users/{user}/asps",
        Some(Scope::Security), Directory, Read, LIST_BYTES;
    /// `asps.delete`.
    DeletePassword: DELETE Directory "/admin/directory/v1/users/{user}/asps/{code}",
        Some(Scope::Security), Directory, Write, ITEM_BYTES;
    /// `verificationCodes.invalidate`: backup codes of 2-Step Verification.
    InvalidateCodes: POST Directory "/admin/directory/v1/users/{user}/verificationCodes/invalidate",
        Some(Scope::Security), Directory, Write, ITEM_BYTES;
    /// `users.aliases.list`.
    ListAliases: GET Directory "/admin/directory/v1/users/{user}/aliases",
        Some(Scope::Users), Directory, Read, ITEM_BYTES;
    /// `users.aliases.insert`.
    InsertAlias: POST Directory "/admin/directory/v1/users/{user}/aliases",
        Some(Scope::Users), Directory, Write, ITEM_BYTES;
    /// `groups.get`.
    GetGroup: GET Directory "/admin/directory/v1/groups/{group}",
        Some(Scope::Groups), Directory, Read, ITEM_BYTES;
    /// `groups.list`.
    ListGroups: GET Directory "/admin/directory/v1/groups",
        Some(Scope::Groups), Directory, Read, LIST_BYTES;
    /// `orgunits.get`.
    GetOrgUnit: GET Directory "/admin/directory/v1/customer/{customer}/orgunits/{+path}",
        Some(Scope::OrgUnits), Directory, Read, ITEM_BYTES;
    /// `orgunits.insert`.
    InsertOrgUnit: POST Directory "/admin/directory/v1/customer/{customer}/orgunits",
        Some(Scope::OrgUnits), OrgUnit, Write, ITEM_BYTES;
    /// `roles.list`.
    ListRoles: GET Directory "/admin/directory/v1/customer/{customer}/roles",
        Some(Scope::Roles), Directory, Read, LIST_BYTES;
    /// `roles.insert`.
    InsertRole: POST Directory "/admin/directory/v1/customer/{customer}/roles",
        Some(Scope::Roles), Directory, Write, ITEM_BYTES;
    /// `privileges.list`.
    ListPrivileges: GET Directory "/admin/directory/v1/customer/{customer}/roles/ALL/privileges",
        Some(Scope::Roles), Directory, Read, LIST_BYTES;
    /// `roleAssignments.list`.
    ListAssignments: GET Directory "/admin/directory/v1/customer/{customer}/roleassignments",
        Some(Scope::Roles), Directory, Read, LIST_BYTES;
    /// `roleAssignments.insert`.
    InsertAssignment: POST Directory "/admin/directory/v1/customer/{customer}/roleassignments",
        Some(Scope::Roles), Directory, Write, ITEM_BYTES;
    /// `roleAssignments.delete`.
    RemoveAssignment: DELETE Directory "/admin/directory/v1/customer/{customer}/roleassignments/{assignment}",
        Some(Scope::Roles), Directory, Write, ITEM_BYTES;
    /// `licenseAssignments.insert` of Cloud Identity Free (product 101001, SKU 1010010001).
    AssignLicense: POST Licensing "/apps/licensing/v1/product/101001/sku/1010010001/user",
        Some(Scope::Licensing), Licensing, Write, ITEM_BYTES;
    /// `licenseAssignments.delete` of a paid licence on one of our own accounts, if the operator listed it.
    RemoveLicense: DELETE Licensing "/apps/licensing/v1/product/{product}/sku/{sku}/user/{user}",
        Some(Scope::Licensing), Licensing, Write, ITEM_BYTES;
    /// `licenseAssignments.listForProduct`.
    ListLicenses: GET Licensing "/apps/licensing/v1/product/{product}/users",
        Some(Scope::Licensing), Licensing, Read, LIST_BYTES;
    /// `customers.userinvitations.isInvitableUser`.
    IsInvitable: GET CloudIdentity "/v1/customers/{customer}/userinvitations/{user}:isInvitableUser",
        Some(Scope::Invitations), CloudIdentity, Read, ITEM_BYTES;
    /// `policies.list` of Cloud Identity.
    ListPolicies: GET CloudIdentity "/v1/policies",
        Some(Scope::Policies), Policies, Read, LIST_BYTES;
    /// `activities.list` of the administrators' audit log.
    ListActivities: GET Reports "/admin/reports/v1/activity/users/all/applications/admin",
        Some(Scope::Audit), Reports, Read, LIST_BYTES;
    /// `projects.serviceAccounts.signJwt`: a signature without a key. Changes nothing at Google.
    SignJwt: POST Iam "/v1/projects/-/serviceAccounts/{account}:signJwt", None, Token, Read, ITEM_BYTES;
    /// The machine's own access token, from the metadata server of Google Cloud.
    OwnToken: GET Metadata "/computeMetadata/v1/instance/service-accounts/default/token", None, Token, Read, ITEM_BYTES;
    /// The exchange of a signed assertion for an access token (RFC 7523). Changes nothing at Google.
    Token: POST Token "/token", None, Token, Read, ITEM_BYTES;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that takes something away. What takes an account away names it by its immutable id.
    const REMOVING: &[Call] = &[
        Call::RemoveLicense,
        Call::RemoveAssignment,
        Call::DeleteUser,
        Call::DeleteToken,
        Call::DeletePassword,
    ];

    #[test]
    fn nothing_destructive_is_on_the_list() {
        for call in Call::ALL {
            let spec = call.spec();
            let path = spec.path;
            let removes = REMOVING.contains(call);
            assert_eq!(spec.method == Method::DELETE, removes, "{}", call.template());
            assert_eq!(spec.method == Method::PUT, *call == Call::UpdateUser, "{}", call.template());
            let is_known = [Method::GET, Method::POST, Method::PUT, Method::DELETE].contains(&spec.method);
            assert!(is_known, "{}: PATCH can do more than is needed", call.template());
            assert!(!path.contains("makeAdmin") && !path.contains("turnOff"), "{}", call.template());
            let removes_more = removes && (path.contains("orgunits") || path.contains("/roles/"));
            assert!(!removes_more, "{}", call.template());
            let signs_in = [Call::Token, Call::SignJwt, Call::OwnToken].contains(call);
            let changes = spec.method != Method::GET && !signs_in;
            assert_eq!(spec.access == Access::Write, changes, "{}", call.template());
            assert_eq!(spec.scope.is_none(), signs_in);
        }
    }
}
