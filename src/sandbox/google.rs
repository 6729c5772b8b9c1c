//! Who may ask what: token, scope, customer, quota; then the handler of the operation.
//! Pure: the state, the call and the time go in, the answer comes out.

use super::call::{Answer, Call, Reply};
use super::clock::Millis;
use super::error::{Refusal, UNKNOWN_PATH_PAGE};
use super::fields::Mask;
use super::quota::Meters;
use super::route::{Api, Operation};
use super::token::{Grant, SCOPE_PREFIX, TOKEN_PATH, Tokens};
use super::world::{Customer, World};
use super::{
    audit, call::Body, directory, identity, licensing, org_units, policies, reports, reseller, roles, users,
    users_change, users_list, users_security,
};

/// What a handler works on.
pub struct Scene<'a> {
    /// The customer of the caller; calls reach no other.
    pub customer: &'a mut Customer,
    /// The quotas' meters, for those that depend on the body.
    pub meters: &'a mut Meters,
    /// The call.
    pub call: &'a Call,
    /// The time.
    pub now: Millis,
}

impl Scene<'_> {
    /// Whether less than `span_ms` has passed since `then`.
    pub fn is_within(&self, then: Millis, span_ms: u64) -> bool {
        self.now.saturating_sub(then) < Millis::try_from(span_ms).unwrap_or(Millis::MAX)
    }
}

/// Answers any call that is Google's.
pub fn answer(
    world: &mut World,
    tokens: &mut Tokens,
    meters: &mut Meters,
    call: &Call,
    now: Millis,
) -> Answer {
    if call.path == TOKEN_PATH && call.method == "POST" {
        return tokens.answer(world, call, now);
    }
    if let Some(answer) = tokens.keyless.answer(world, call, now) {
        return answer;
    }
    let segments = call.segments();
    if let Some(document) = super::discovery::answer(call, &segments) {
        return document;
    }
    let Some(operation) = Operation::parse(&call.method, &segments) else {
        return Answer::html(404, UNKNOWN_PATH_PAGE);
    };
    let reply = authorise(world, tokens, call, &operation, now).and_then(|grant| {
        super::check::check(call)?;
        let mask = call.parameter("fields").map(|text| Mask::parse(&text)).transpose()?;
        let answer = perform(world, meters, call, &operation, &grant, now)?;
        Ok(masked(answer, mask.as_ref()))
    });
    reply.unwrap_or_else(Answer::from)
}

fn authorise(
    world: &World,
    tokens: &Tokens,
    call: &Call,
    operation: &Operation<'_>,
    now: Millis,
) -> Result<Grant, Refusal> {
    let Some(bearer) = &call.bearer else { return Err(Refusal::new(401, "required", "Login Required")) };
    let invalid = || Refusal::new(401, "authError", "Invalid Credentials");
    // A service account in its own name belongs to no customer: what befalls whoever loses the subject on the way.
    if tokens.keyless.account(bearer, now).is_some() {
        return Err(Refusal::invalid("Invalid Customer Id"));
    }
    let grant = tokens.grant(bearer, now).ok_or_else(invalid)?;
    let customer = world.customers.get(&grant.customer).ok_or_else(invalid)?;
    if customer.users.get(&grant.subject).is_none_or(|subject| subject.suspended) {
        return Err(invalid());
    }
    if customer.delegation_revoked || !grant.scopes.is_subset(&customer.delegated_scopes) {
        return Err(invalid());
    }
    let opens = |scope: &str| grant.scopes.contains(&format!("{SCOPE_PREFIX}{scope}"));
    if !operation.scopes().iter().any(|scope| opens(scope)) {
        return Err(missing_scope(operation.api()));
    }
    Ok(grant.clone())
}

fn missing_scope(api: Api) -> Refusal {
    let message = "Request had insufficient authentication scopes.";
    match api {
        Api::Directory | Api::Licensing | Api::Reports | Api::Reseller => {
            Refusal::new(403, "insufficientPermissions", message)
        }
        Api::CloudIdentity => Refusal::with_status(403, "PERMISSION_DENIED", message),
    }
}

fn perform(
    world: &mut World,
    meters: &mut Meters,
    call: &Call,
    operation: &Operation<'_>,
    grant: &Grant,
    now: Millis,
) -> Reply {
    let customer = world.customers.get_mut(&grant.customer).ok_or_else(Refusal::forbidden)?;
    customer.settle(now);
    meters.take(&customer.id, operation, call, &customer.settings, now)?;
    // Delegated administrators are not modelled: whoever is no super administrator may nothing.
    if !customer.is_super_admin(&grant.subject) {
        return Err(Refusal::forbidden());
    }
    let before = audit::concerned(customer, operation);
    let answer = dispatch(&mut Scene { customer, meters, call, now }, operation)?;
    audit::note(customer, (operation, call), &before, &answer, (&grant.subject, now));
    Ok(answer)
}

fn dispatch(scene: &mut Scene<'_>, operation: &Operation<'_>) -> Reply {
    if let Some(asked) = customer_in_path(operation) {
        check_customer(scene.customer, asked)?;
    }
    match operation {
        Operation::CustomerGet { .. } => Ok(directory::customer(scene)),
        Operation::DomainsList { .. } => Ok(directory::domains(scene)),
        Operation::OrgUnitsList { .. } => org_units::list(scene),
        Operation::OrgUnitsGet { key, .. } => org_units::get(scene, key),
        Operation::OrgUnitsInsert { .. } => org_units::insert(scene),
        Operation::OrgUnitsUpdate { key, .. } => org_units::update(scene, key),
        Operation::OrgUnitsDelete { key, .. } => org_units::delete(scene, key),
        Operation::RolesList { .. } => roles::list(scene),
        Operation::RolesGet { id, .. } => roles::get(scene, id),
        Operation::RolesInsert { .. } => roles::insert(scene),
        Operation::PrivilegesList { .. } => Ok(roles::privileges(scene)),
        Operation::AssignmentsList { .. } => roles::assignments(scene),
        Operation::AssignmentsGet { id, .. } => roles::assignment(scene, id),
        Operation::AssignmentsInsert { .. } => roles::assign(scene),
        Operation::AssignmentsDelete { id, .. } => roles::unassign(scene, id),
        Operation::GroupsList => directory::groups(scene),
        Operation::GroupsGet { key } => directory::group(scene, key),
        Operation::UsersList => users_list::list(scene),
        Operation::UsersGet { key } => users::get(scene, key),
        Operation::UsersInsert => users::insert(scene),
        Operation::UsersUpdate { key } => users_change::update(scene, key),
        Operation::UsersDelete { key } => users_change::delete(scene, key),
        Operation::UsersUndelete { key } => users_change::undelete(scene, key),
        Operation::UsersSignOut { key } => users_security::sign_out(scene, key),
        Operation::UsersMakeAdmin { key } => users_change::make_admin(scene, key),
        Operation::AliasesList { key } => users_change::aliases(scene, key),
        Operation::AliasesInsert { key } => users_change::add_alias(scene, key),
        Operation::AliasesDelete { key, alias } => users_change::remove_alias(scene, key, alias),
        Operation::TokensList { key } => users_security::tokens(scene, key),
        Operation::TokensDelete { key, client } => users_security::remove_token(scene, key, client),
        Operation::PasswordsList { key } => users_security::application_passwords(scene, key),
        Operation::PasswordsDelete { key, code } => {
            users_security::remove_application_password(scene, key, code)
        }
        Operation::CodesInvalidate { key } => users_security::invalidate_codes(scene, key),
        Operation::LicensesList { product, sku } => licensing::list(scene, product, *sku),
        Operation::LicensesGet { product, sku, user } => licensing::get(scene, product, sku, user),
        Operation::LicensesInsert { product, sku } => licensing::insert(scene, product, sku),
        Operation::LicensesUpdate { product, sku, user } => licensing::update(scene, product, sku, user),
        Operation::LicensesDelete { product, sku, user } => licensing::delete(scene, product, sku, user),
        Operation::IsInvitableUser { email, .. } => identity::is_invitable(scene, email),
        Operation::PoliciesList => policies::list(scene),
        Operation::PoliciesGet { id } => policies::get(scene, id),
        Operation::ActivitiesList { user, application } => reports::activities(scene, user, application),
        Operation::UsageGet { date } => reports::usage(scene, date),
        Operation::SubscriptionsList => reseller::list(scene),
        Operation::SubscriptionsGet { customer, id } => reseller::get(scene, customer, id),
    }
}

fn customer_in_path<'a>(operation: &Operation<'a>) -> Option<&'a str> {
    match operation {
        Operation::CustomerGet { customer }
        | Operation::DomainsList { customer }
        | Operation::OrgUnitsList { customer }
        | Operation::OrgUnitsGet { customer, .. }
        | Operation::OrgUnitsInsert { customer }
        | Operation::OrgUnitsUpdate { customer, .. }
        | Operation::OrgUnitsDelete { customer, .. }
        | Operation::RolesList { customer }
        | Operation::RolesGet { customer, .. }
        | Operation::RolesInsert { customer }
        | Operation::PrivilegesList { customer }
        | Operation::AssignmentsList { customer }
        | Operation::AssignmentsGet { customer, .. }
        | Operation::AssignmentsInsert { customer }
        | Operation::AssignmentsDelete { customer, .. }
        | Operation::IsInvitableUser { customer, .. } => Some(customer),
        Operation::GroupsList
        | Operation::GroupsGet { .. }
        | Operation::UsersList
        | Operation::UsersGet { .. }
        | Operation::UsersInsert
        | Operation::UsersUpdate { .. }
        | Operation::UsersDelete { .. }
        | Operation::UsersUndelete { .. }
        | Operation::UsersSignOut { .. }
        | Operation::UsersMakeAdmin { .. }
        | Operation::AliasesList { .. }
        | Operation::AliasesInsert { .. }
        | Operation::AliasesDelete { .. }
        | Operation::TokensList { .. }
        | Operation::TokensDelete { .. }
        | Operation::PasswordsList { .. }
        | Operation::PasswordsDelete { .. }
        | Operation::CodesInvalidate { .. }
        | Operation::LicensesList { .. }
        | Operation::LicensesGet { .. }
        | Operation::LicensesInsert { .. }
        | Operation::LicensesUpdate { .. }
        | Operation::LicensesDelete { .. }
        | Operation::PoliciesList
        | Operation::PoliciesGet { .. }
        | Operation::ActivitiesList { .. }
        | Operation::UsageGet { .. }
        | Operation::SubscriptionsList
        | Operation::SubscriptionsGet { .. } => None,
    }
}

/// A customer may be named by its id or as `my_customer`; another's id is none of the caller's business.
pub fn check_customer(customer: &Customer, asked: &str) -> Result<(), Refusal> {
    if asked == "my_customer" || asked == customer.id {
        return Ok(());
    }
    Err(if asked.starts_with('C') { Refusal::forbidden() } else { Refusal::invalid("Invalid Customer Id") })
}

fn masked(answer: Answer, mask: Option<&Mask>) -> Answer {
    match (answer.body, mask) {
        (Body::Json(body), Some(mask)) => Answer { body: Body::Json(mask.apply(body)), ..answer },
        (body, _) => Answer { body, ..answer },
    }
}
