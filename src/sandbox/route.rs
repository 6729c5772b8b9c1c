//! Google's paths as a closed list of operations, each with the scopes that open it.
//! A path that is not here is one that Google does not have either: a 404 page without `error.code`.

/// What is asked for: each is Google's method of that name. Texts are decoded parts of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    CustomerGet { customer: &'a str },
    DomainsList { customer: &'a str },
    OrgUnitsList { customer: &'a str },
    OrgUnitsGet { customer: &'a str, key: String },
    OrgUnitsInsert { customer: &'a str },
    OrgUnitsUpdate { customer: &'a str, key: String },
    OrgUnitsDelete { customer: &'a str, key: String },
    RolesList { customer: &'a str },
    RolesGet { customer: &'a str, id: &'a str },
    RolesInsert { customer: &'a str },
    PrivilegesList { customer: &'a str },
    AssignmentsList { customer: &'a str },
    AssignmentsGet { customer: &'a str, id: &'a str },
    AssignmentsInsert { customer: &'a str },
    AssignmentsDelete { customer: &'a str, id: &'a str },
    GroupsList,
    GroupsGet { key: &'a str },
    UsersList,
    UsersGet { key: &'a str },
    UsersInsert,
    UsersUpdate { key: &'a str },
    UsersDelete { key: &'a str },
    UsersUndelete { key: &'a str },
    UsersSignOut { key: &'a str },
    UsersMakeAdmin { key: &'a str },
    AliasesList { key: &'a str },
    AliasesInsert { key: &'a str },
    AliasesDelete { key: &'a str, alias: &'a str },
    TokensList { key: &'a str },
    TokensDelete { key: &'a str, client: &'a str },
    PasswordsList { key: &'a str },
    PasswordsDelete { key: &'a str, code: &'a str },
    CodesInvalidate { key: &'a str },
    LicensesList { product: &'a str, sku: Option<&'a str> },
    LicensesGet { product: &'a str, sku: &'a str, user: &'a str },
    LicensesInsert { product: &'a str, sku: &'a str },
    LicensesUpdate { product: &'a str, sku: &'a str, user: &'a str },
    LicensesDelete { product: &'a str, sku: &'a str, user: &'a str },
    IsInvitableUser { customer: &'a str, email: &'a str },
    PoliciesList,
    PoliciesGet { id: &'a str },
    ActivitiesList { user: &'a str, application: &'a str },
    UsageGet { date: &'a str },
    SubscriptionsList,
    SubscriptionsGet { customer: &'a str, id: &'a str },
}

/// The back ends, which have quotas of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `admin.googleapis.com`, Directory.
    Directory,
    /// `licensing.googleapis.com`.
    Licensing,
    /// `cloudidentity.googleapis.com`.
    CloudIdentity,
    /// `admin.googleapis.com`, Reports.
    Reports,
    /// `reseller.googleapis.com`.
    Reseller,
}

impl<'a> Operation<'a> {
    /// The operation of a method and a path's decoded segments.
    pub fn parse(method: &str, segments: &'a [String]) -> Option<Self> {
        let parts: Vec<&'a str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["admin", "directory", "v1", "customer", customer, rest @ ..] => {
                customer_operation(method, customer, rest)
            }
            ["admin", "directory", "v1", "users", rest @ ..] => user_operation(method, rest),
            ["apps", "licensing", "v1", "product", product, rest @ ..] => {
                license_operation(method, product, rest)
            }
            ["admin", "directory", "v1", "customers", customer] if method == "GET" => {
                Some(Self::CustomerGet { customer })
            }
            ["admin", "directory", "v1", "groups"] if method == "GET" => Some(Self::GroupsList),
            ["admin", "directory", "v1", "groups", key] if method == "GET" => Some(Self::GroupsGet { key }),
            ["v1", "customers", customer, "userinvitations", name] if method == "GET" => {
                let email = name.strip_suffix(":isInvitableUser")?;
                Some(Self::IsInvitableUser { customer, email })
            }
            ["v1", "policies"] if method == "GET" => Some(Self::PoliciesList),
            ["v1", "policies", id] if method == "GET" => Some(Self::PoliciesGet { id }),
            ["admin", "reports", "v1", "activity", "users", user, "applications", application]
                if method == "GET" =>
            {
                Some(Self::ActivitiesList { user, application })
            }
            ["admin", "reports", "v1", "usage", "dates", date] if method == "GET" => {
                Some(Self::UsageGet { date })
            }
            ["apps", "reseller", "v1", "subscriptions"] if method == "GET" => Some(Self::SubscriptionsList),
            ["apps", "reseller", "v1", "customers", customer, "subscriptions", id] if method == "GET" => {
                Some(Self::SubscriptionsGet { customer, id })
            }
            _ => None,
        }
    }

    /// Scopes of which any one opens the operation.
    pub fn scopes(&self) -> &'static [&'static str] {
        match self {
            Self::CustomerGet { .. } => &["admin.directory.customer", "admin.directory.customer.readonly"],
            Self::DomainsList { .. } => &["admin.directory.domain", "admin.directory.domain.readonly"],
            Self::OrgUnitsList { .. } | Self::OrgUnitsGet { .. } => {
                &["admin.directory.orgunit", "admin.directory.orgunit.readonly"]
            }
            Self::OrgUnitsInsert { .. } | Self::OrgUnitsUpdate { .. } | Self::OrgUnitsDelete { .. } => {
                &["admin.directory.orgunit"]
            }
            Self::RolesList { .. }
            | Self::RolesGet { .. }
            | Self::PrivilegesList { .. }
            | Self::AssignmentsList { .. }
            | Self::AssignmentsGet { .. } => {
                &["admin.directory.rolemanagement", "admin.directory.rolemanagement.readonly"]
            }
            Self::RolesInsert { .. } | Self::AssignmentsInsert { .. } | Self::AssignmentsDelete { .. } => {
                &["admin.directory.rolemanagement"]
            }
            Self::GroupsList | Self::GroupsGet { .. } => {
                &["admin.directory.group", "admin.directory.group.readonly"]
            }
            Self::UsersList | Self::UsersGet { .. } => {
                &["admin.directory.user", "admin.directory.user.readonly"]
            }
            Self::UsersInsert
            | Self::UsersUpdate { .. }
            | Self::UsersDelete { .. }
            | Self::UsersUndelete { .. }
            | Self::UsersMakeAdmin { .. } => &["admin.directory.user"],
            Self::UsersSignOut { .. }
            | Self::TokensList { .. }
            | Self::TokensDelete { .. }
            | Self::PasswordsList { .. }
            | Self::PasswordsDelete { .. }
            | Self::CodesInvalidate { .. } => &["admin.directory.user.security"],
            Self::AliasesList { .. } => &[
                "admin.directory.user",
                "admin.directory.user.alias",
                "admin.directory.user.alias.readonly",
                "admin.directory.user.readonly",
            ],
            Self::AliasesInsert { .. } | Self::AliasesDelete { .. } => {
                &["admin.directory.user", "admin.directory.user.alias"]
            }
            Self::LicensesList { .. }
            | Self::LicensesGet { .. }
            | Self::LicensesInsert { .. }
            | Self::LicensesUpdate { .. }
            | Self::LicensesDelete { .. } => &["apps.licensing"],
            Self::IsInvitableUser { .. } => {
                &["cloud-identity.userinvitations", "cloud-identity.userinvitations.readonly"]
            }
            Self::PoliciesList | Self::PoliciesGet { .. } => {
                &["cloud-identity.policies", "cloud-identity.policies.readonly"]
            }
            Self::ActivitiesList { .. } => &["admin.reports.audit.readonly"],
            Self::UsageGet { .. } => &["admin.reports.usage.readonly"],
            Self::SubscriptionsList | Self::SubscriptionsGet { .. } => &["apps.order", "apps.order.readonly"],
        }
    }

    /// The back end.
    pub fn api(&self) -> Api {
        match self.scopes().first() {
            Some(scope) if scope.starts_with("apps.licensing") => Api::Licensing,
            Some(scope) if scope.starts_with("cloud-identity") => Api::CloudIdentity,
            Some(scope) if scope.starts_with("admin.reports") => Api::Reports,
            Some(scope) if scope.starts_with("apps.order") => Api::Reseller,
            Some(_) | None => Api::Directory,
        }
    }
}

fn customer_operation<'a>(method: &str, customer: &'a str, rest: &[&'a str]) -> Option<Operation<'a>> {
    Some(match (method, rest) {
        ("GET", ["domains"]) => Operation::DomainsList { customer },
        ("GET", ["orgunits"]) => Operation::OrgUnitsList { customer },
        ("POST", ["orgunits"]) => Operation::OrgUnitsInsert { customer },
        ("GET", ["orgunits", key @ ..]) => Operation::OrgUnitsGet { customer, key: org_unit_key(key) },
        ("PUT" | "PATCH", ["orgunits", key @ ..]) => {
            Operation::OrgUnitsUpdate { customer, key: org_unit_key(key) }
        }
        ("DELETE", ["orgunits", key @ ..]) => Operation::OrgUnitsDelete { customer, key: org_unit_key(key) },
        ("GET", ["roles", "ALL", "privileges"]) => Operation::PrivilegesList { customer },
        ("GET", ["roles"]) => Operation::RolesList { customer },
        ("POST", ["roles"]) => Operation::RolesInsert { customer },
        ("GET", ["roles", id]) => Operation::RolesGet { customer, id },
        ("GET", ["roleassignments"]) => Operation::AssignmentsList { customer },
        ("POST", ["roleassignments"]) => Operation::AssignmentsInsert { customer },
        ("GET", ["roleassignments", id]) => Operation::AssignmentsGet { customer, id },
        ("DELETE", ["roleassignments", id]) => Operation::AssignmentsDelete { customer, id },
        _ => return None,
    })
}

fn user_operation<'a>(method: &str, rest: &[&'a str]) -> Option<Operation<'a>> {
    Some(match (method, rest) {
        ("GET", []) => Operation::UsersList,
        ("POST", []) => Operation::UsersInsert,
        ("GET", [key]) => Operation::UsersGet { key },
        ("PUT" | "PATCH", [key]) => Operation::UsersUpdate { key },
        ("DELETE", [key]) => Operation::UsersDelete { key },
        ("POST", [key, "undelete"]) => Operation::UsersUndelete { key },
        ("POST", [key, "signOut"]) => Operation::UsersSignOut { key },
        ("POST", [key, "makeAdmin"]) => Operation::UsersMakeAdmin { key },
        ("GET", [key, "aliases"]) => Operation::AliasesList { key },
        ("POST", [key, "aliases"]) => Operation::AliasesInsert { key },
        ("DELETE", [key, "aliases", alias]) => Operation::AliasesDelete { key, alias },
        ("GET", [key, "tokens"]) => Operation::TokensList { key },
        ("DELETE", [key, "tokens", client]) => Operation::TokensDelete { key, client },
        ("GET", [key, "asps"]) => Operation::PasswordsList { key },
        ("DELETE", [key, "asps", code]) => Operation::PasswordsDelete { key, code },
        ("POST", [key, "verificationCodes", "invalidate"]) => Operation::CodesInvalidate { key },
        _ => return None,
    })
}

fn license_operation<'a>(method: &str, product: &'a str, rest: &[&'a str]) -> Option<Operation<'a>> {
    Some(match (method, rest) {
        ("GET", ["users"]) => Operation::LicensesList { product, sku: None },
        ("GET", ["sku", sku, "users"]) => Operation::LicensesList { product, sku: Some(sku) },
        ("POST", ["sku", sku, "user"]) => Operation::LicensesInsert { product, sku },
        ("GET", ["sku", sku, "user", user]) => Operation::LicensesGet { product, sku, user },
        ("PUT" | "PATCH", ["sku", sku, "user", user]) => Operation::LicensesUpdate { product, sku, user },
        ("DELETE", ["sku", sku, "user", user]) => Operation::LicensesDelete { product, sku, user },
        _ => return None,
    })
}

/// `{+orgUnitPath}` keeps its slashes and drops the leading one; `id:…` stays.
fn org_unit_key(parts: &[&str]) -> String {
    let joined = parts.join("/");
    let key = joined.trim_start_matches('/');
    if key.starts_with("id:") { key.to_owned() } else { format!("/{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::call::Call;

    fn check(method: &str, path: &str, expected: Option<&Operation<'_>>) {
        let segments = Call { path: path.into(), ..Call::default() }.segments();
        assert_eq!(Operation::parse(method, &segments).as_ref(), expected, "{method} {path}");
    }

    #[test]
    fn paths_are_googles() {
        let customer = "C1";
        check("GET", "/admin/directory/v1/customer/C1/domains", Some(&Operation::DomainsList { customer }));
        check(
            "GET",
            "/admin/directory/v1/customer/C1/orgunits/A%20B/C",
            Some(&Operation::OrgUnitsGet { customer, key: "/A B/C".into() }),
        );
        check(
            "GET",
            "/admin/directory/v1/customer/C1/orgunits/id:03ph",
            Some(&Operation::OrgUnitsGet { customer, key: "id:03ph".into() }),
        );
        check(
            "GET",
            "/admin/directory/v1/customer/C1/roles/ALL/privileges",
            Some(&Operation::PrivilegesList { customer }),
        );
        check(
            "PATCH",
            "/admin/directory/v1/users/a%40b.example",
            Some(&Operation::UsersUpdate { key: "a@b.example" }),
        );
        check(
            "POST",
            "/apps/licensing/v1/product/101001/sku/1010010001/user",
            Some(&Operation::LicensesInsert { product: "101001", sku: "1010010001" }),
        );
        check(
            "GET",
            "/v1/customers/C1/userinvitations/a@b.example:isInvitableUser",
            Some(&Operation::IsInvitableUser { customer, email: "a@b.example" }),
        );
    }

    #[test]
    fn other_paths_are_nothing() {
        check("GET", "/", None);
        check("GET", "/admin/directory/v2/users", None);
        check("DELETE", "/admin/directory/v1/customer/C1/roles/1", None);
        check("GET", "/v1/customers/C1/userinvitations/a@b.example", None);
    }
}
