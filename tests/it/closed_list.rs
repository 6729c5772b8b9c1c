//! Guard 6 against chance: random and hostile texts of every kind for every value of every request. Whatever parses is built, and what was
//! built is checked against a list that is written down here a second time, from Google's published paths. So no value leads outside it.
//! `CAREPASS_TEST_SEED` shows a run again. Not here: single hostile values (`google/request`).

pub mod texts;

use crate::fixture::{events, seed};
use carepass::google::licensing::{Listed, PaidProduct};
use carepass::google::request::{AccountAct, AuditEvent, Body, Outgoing, Request, UnitKey, UserKey};
use carepass::google::{Endpoint, NewAccount};
use carepass::model::event::{self, Event, Lifecycle};
use carepass::model::id::{
    AccountId, Address, AssignmentId, ClientId, CustomerId, DomainName, EngineerKey, LicenseSku, LocalPart,
    MailAddress, OrgUnitId, OrgUnitPath, RoleId,
};
use carepass::model::person::LanguageTag;
use carepass::model::reseller::Privilege;
use carepass::model::username::{self, Naming};
use carepass::planted::{Bug, caught};
use jiff::Timestamp;
use regex_lite::Regex;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use texts::Texts;

/// Random inputs; each is asked of both endpoints.
const INPUTS: usize = 10_000;
/// Events through the front door.
const EVENTS: usize = 2_000;

/// A published method: HTTP method, host, path with `*` for one segment and `**` for several, names in the query, keys of the body.
type Published = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const DIRECTORY: &str = "https://admin.googleapis.com";
const LICENSING: &str = "https://licensing.googleapis.com";
const IDENTITY: &str = "https://cloudidentity.googleapis.com";
const LIST: &[&str] = &["maxResults", "pageToken"];

/// Written from the discovery documents (`admin.directory_v1`, `licensing.v1`, `cloudidentity.v1`, `admin.reports_v1`, `iamcredentials.v1`),
/// Google Cloud's page of the metadata server, and RFC 7523.
#[rustfmt::skip]
const PUBLISHED: &[Published] = &[
    ("GET", DIRECTORY, "/admin/directory/v1/customers/my_customer", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/customer/*/domains", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/users", &["customer", "maxResults", "pageToken", "showDeleted", "fields"], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/users/*", &["fields"], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/users", &["resolveConflictAccount", "fields"],
        &["primaryEmail", "name", "password", "changePasswordAtNextLogin", "orgUnitPath", "recoveryEmail", "externalIds"]),
    ("POST", DIRECTORY, "/admin/directory/v1/users/*/undelete", &[], &["orgUnitPath"]),
    ("PUT", DIRECTORY, "/admin/directory/v1/users/*", &["fields"],
        &["suspended", "name", "recoveryEmail", "password", "changePasswordAtNextLogin"]),
    ("DELETE", DIRECTORY, "/admin/directory/v1/users/*", &[], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/users/*/signOut", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/users/*/tokens", &["fields"], &[]),
    ("DELETE", DIRECTORY, "/admin/directory/v1/users/*/tokens/*", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/users/*/asps", &["fields"], &[]),
    ("DELETE", DIRECTORY, "/admin/directory/v1/users/*/asps/*", &[], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/users/*/verificationCodes/invalidate", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/users/*/aliases", &["fields"], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/users/*/aliases", &[], &["alias"]),
    ("DELETE", DIRECTORY, "/admin/directory/v1/customer/*/roleassignments/*", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/groups/*", &["fields"], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/groups", &["customer", "maxResults", "pageToken", "fields"], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/customer/*/orgunits/**", &[], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/customer/*/orgunits", &[], &["name", "parentOrgUnitPath"]),
    ("GET", DIRECTORY, "/admin/directory/v1/customer/*/roles", LIST, &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/customer/*/roles", &[], &["roleName", "rolePrivileges"]),
    ("GET", DIRECTORY, "/admin/directory/v1/customer/*/roles/ALL/privileges", &[], &[]),
    ("GET", DIRECTORY, "/admin/directory/v1/customer/*/roleassignments", &["maxResults", "pageToken", "userKey"], &[]),
    ("POST", DIRECTORY, "/admin/directory/v1/customer/*/roleassignments", &[], &["roleId", "assignedTo", "scopeType"]),
    ("POST", LICENSING, "/apps/licensing/v1/product/101001/sku/1010010001/user", &[], &["userId"]),
    ("DELETE", LICENSING, "/apps/licensing/v1/product/*/sku/*/user/*", &[], &[]),
    ("GET", LICENSING, "/apps/licensing/v1/product/*/users", &["customerId", "maxResults", "pageToken"], &[]),
    ("GET", IDENTITY, "/v1/customers/*/userinvitations/*:isInvitableUser", &[], &[]),
    ("GET", IDENTITY, "/v1/policies", &["filter", "pageSize", "pageToken"], &[]),
    ("GET", DIRECTORY, "/admin/reports/v1/activity/users/all/applications/admin",
        &["eventName", "startTime", "maxResults", "pageToken"], &[]),
    ("POST", "https://iamcredentials.googleapis.com", "/v1/projects/-/serviceAccounts/*:signJwt", &[], &["payload"]),
    ("GET", "http://169.254.169.254", "/computeMetadata/v1/instance/service-accounts/default/token", &[], &[]),
    ("POST", "https://oauth2.googleapis.com", "/token", &[], &["grant_type", "assertion"]),
];

/// The paths as regular expressions: a segment has no slash, and none of what begins a query, a fragment or an escape of those.
static PATHS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    const SEGMENT: &str = "[A-Za-z0-9@._~:%-]+";
    let regex = |(_, _, path, _, _): &Published| {
        let path = path.replace('.', r"\.").replace("**", "\u{1}").replace('*', SEGMENT);
        Regex::new(&format!("^{}$", path.replace('\u{1}', &format!("{SEGMENT}(?:/{SEGMENT})*"))))
            .expect("a path")
    };
    PUBLISHED.iter().map(regex).collect()
});

/// What is wrong with a request that was built, by the list above and nothing of the client.
fn fault(outgoing: &Outgoing, origin: Option<&str>) -> Option<String> {
    let url = &outgoing.url;
    let path = url.path();
    let fits = |(published, regex): &(&Published, &Regex)| {
        published.0 == outgoing.method.as_str() && regex.is_match(path)
    };
    let Some(((_, host, _, query, body), _)) = PUBLISHED.iter().zip(&*PATHS).find(fits) else {
        return Some(format!("{} {path} is not published", outgoing.method));
    };
    let origin = origin.unwrap_or(host);
    if !url.as_str().starts_with(&format!("{origin}/")) || url.fragment().is_some() {
        return Some(format!("{url} is not at {origin}"));
    }
    let hostile = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        [".", ".."].contains(&plain.as_str())
            || ["%2f", "%5c", "%00", "%25"].iter().any(|bad| plain.contains(bad))
    };
    if path.split('/').any(hostile) {
        return Some(format!("{path} leads elsewhere"));
    }
    let mut seen = BTreeSet::new();
    let wrong =
        url.query_pairs().find(|(name, _)| !query.contains(&&**name) || !seen.insert(name.to_string()));
    if let Some((name, _)) = wrong {
        return Some(format!("{path} has no {name}, or it twice"));
    }
    let keys = keys(&outgoing.body);
    keys.iter().find(|key| !body.contains(&key.as_str())).map(|key| format!("{path} takes no {key}"))
}

/// Whether a call that arrived somewhere is of a published method, as far as method and path tell.
pub fn is_published(method: &str, path: &str) -> bool {
    PUBLISHED.iter().zip(&*PATHS).any(|(published, regex)| published.0 == method && regex.is_match(path))
}

fn keys(body: &Body) -> Vec<String> {
    match body {
        Body::Empty => Vec::new(),
        Body::Json(json) => json.as_object().expect("an object").keys().cloned().collect(),
        Body::Form(form) => {
            let pairs = form.expose_secret().split('&');
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")).0.to_owned()).collect()
        }
    }
}

/// Builds the request for both endpoints; what is built must be on the list. Whether anything was.
fn check(request: Request<'_>, seed: u64) -> bool {
    let built = build(request);
    built.unwrap_or_else(|fault| panic!("{request:?}: {fault}; to see it again: {}={seed}", seed::VARIABLE))
}

/// The same; the error says what is wrong with what was built.
fn build(request: Request<'_>) -> Result<bool, String> {
    let loopback = "http://127.0.0.1:9010";
    let endpoints =
        [(Endpoint::Google, None), (Endpoint::parse(loopback).expect("loopback"), Some(loopback))];
    let mut is_built = false;
    for (endpoint, origin) in endpoints {
        let Ok(outgoing) = request.build(&endpoint) else { continue };
        fault(&outgoing, origin).map_or(Ok(()), Err)?;
        is_built = true;
    }
    Ok(is_built)
}

/// A good text for each value that has a shape.
pub const SHAPED: [&str; 12] = [
    "asa.oberg-2",
    "reseller-se.example",
    "C01abc123",
    "103456789012345678901",
    "3894208461012995",
    "3894208461012996",
    "770-a1.apps.googleusercontent.com",
    "a.b+c@nordresale.example",
    "/Customer Care/Å",
    "id:03ph8a2z1abcdef",
    "Google-Apps/1010020027",
    "E-20417",
];

/// Texts without a shape: those of a privilege, three others, and the token of a page.
pub const FREE: usize = 6;

/// Builds every request whose values parse from these texts, and gives what was built; the error says what leads outside the list.
pub fn build_all(shaped: &[String; SHAPED.len()], free: &[String; FREE]) -> Result<BTreeSet<String>, String> {
    let values = Values::of(shaped, free);
    let new_account = values.new_account();
    let mut built = BTreeSet::new();
    for request in values.requests(new_account.as_ref()) {
        let name = format!("{request:?}");
        if build(request).map_err(|fault| format!("{name}: {fault}"))? {
            built.insert(name);
        }
    }
    Ok(built)
}

/// Random values, as far as they parse.
struct Values {
    customer: Option<CustomerId>,
    account: Option<AccountId>,
    role: Option<RoleId>,
    assignment: Option<AssignmentId>,
    client: Option<ClientId>,
    code: u32,
    address: Option<Address>,
    named: Option<MailAddress>,
    path: Option<OrgUnitPath>,
    unit: Option<OrgUnitId>,
    license: Option<LicenseSku>,
    engineer: Option<EngineerKey>,
    texts: [String; 3],
    page: Option<String>,
    since: Timestamp,
    assertion: secrecy::SecretString,
    privileges: BTreeSet<Privilege>,
}

impl Values {
    fn roll(texts: &mut Texts) -> Self {
        let shaped = SHAPED.map(|good| texts.like(good));
        let values = Self::of(&shaped, &std::array::from_fn(|_| texts.any()));
        Self {
            code: u32::try_from(texts.below(1_000)).unwrap_or(u32::MAX),
            page: values.page.filter(|_| texts.chance(2)),
            since: Timestamp::from_second(texts.number()).unwrap_or(Timestamp::MAX),
            // Only signatures are sent, in base64url: `google/auth` makes no other.
            assertion: texts.base64url().into(),
            ..values
        }
    }

    fn of(shaped: &[String; SHAPED.len()], free: &[String; FREE]) -> Self {
        let [
            local_part,
            domain,
            customer,
            account,
            role,
            assignment,
            client,
            named,
            path,
            unit,
            license,
            engineer,
        ] = shaped;
        let [service_id, name, one, two, three, page] = free.clone();
        let local_part = LocalPart::parse(local_part).ok();
        let domain = DomainName::parse(domain).ok();
        Self {
            customer: CustomerId::parse(customer).ok(),
            account: AccountId::parse(account).ok(),
            role: RoleId::parse(role).ok(),
            assignment: AssignmentId::parse(assignment).ok(),
            client: ClientId::parse(client).ok(),
            code: 7,
            address: local_part.zip(domain).map(|(local_part, domain)| Address { local_part, domain }),
            named: MailAddress::parse(named).ok(),
            path: OrgUnitPath::parse(path).ok(),
            unit: OrgUnitId::parse(unit).ok(),
            license: LicenseSku::parse(license).ok(),
            engineer: EngineerKey::parse(engineer).ok(),
            texts: [one, two, three],
            page: Some(page),
            since: Timestamp::UNIX_EPOCH,
            assertion: "e30.e30.AA".to_owned().into(),
            privileges: BTreeSet::from([Privilege { service_id, name }]),
        }
    }

    fn new_account(&self) -> Option<NewAccount> {
        let [given_name, family_name, password] = self.texts.clone();
        Some(NewAccount {
            address: self.address.clone()?,
            engineer: self.engineer.clone()?,
            given_name,
            family_name,
            password: password.into(),
            org_unit: self.path.clone()?,
            org_unit_made_at: None,
            recovery_address: self.named.clone(),
        })
    }

    /// Everything about one account, as far as the values parse.
    fn about_an_account(&self) -> Vec<Request<'_>> {
        let Some(id) = self.account.as_ref() else { return Vec::new() };
        let [given, family, _] = &self.texts;
        let all = [
            Some(AccountAct::Suspend),
            Some(AccountAct::Unsuspend),
            Some(AccountAct::SetNames { given, family }),
            self.named.as_ref().map(AccountAct::SetRecoveryAddress),
            Some(AccountAct::SetPassword(&self.assertion)),
            Some(AccountAct::Delete),
            Some(AccountAct::SignOut),
            Some(AccountAct::ListTokens),
            self.client.as_ref().map(AccountAct::DeleteToken),
            Some(AccountAct::ListPasswords),
            Some(AccountAct::DeletePassword(self.code)),
            Some(AccountAct::InvalidateCodes),
            Some(AccountAct::ListAliases),
            self.address.as_ref().map(AccountAct::AddAlias),
        ];
        all.into_iter().flatten().map(|act| Request::Account { id, act }).collect()
    }

    /// Every request whose values parse.
    fn requests<'a>(&'a self, new_account: Option<&'a NewAccount>) -> Vec<Request<'a>> {
        let page = self.page.as_deref();
        let (customer, account) = (self.customer.as_ref(), self.account.as_ref());
        let (address, path) = (self.address.as_ref(), self.path.as_ref());
        let products = [Listed::Free].into_iter().chain(PaidProduct::ALL.map(Listed::Paid));
        let mut all = vec![
            Some(Request::GetCustomer),
            customer.map(|customer| Request::ListDomains { customer }),
            customer.map(|customer| Request::ListUsers { customer, deleted: false, page }),
            customer.map(|customer| Request::ListUsers { customer, deleted: true, page }),
            account.map(|id| Request::GetUser { key: UserKey::Id(id) }),
            address.map(|address| Request::GetUser { key: UserKey::Address(address) }),
            self.named.as_ref().map(|named| Request::GetUser { key: UserKey::Named(named) }),
            new_account.map(|account| Request::InsertUser { account }),
            account.zip(path).map(|(account, org_unit)| Request::UndeleteUser { account, org_unit }),
            address.map(|address| Request::GetGroup { address }),
            customer.map(|customer| Request::ListGroups { customer, page }),
            customer.zip(path).map(|(customer, path)| {
                let key = UnitKey::Path(path);
                Request::GetOrgUnit { customer, key }
            }),
            customer.zip(self.unit.as_ref()).map(|(customer, id)| {
                let key = UnitKey::Id(id);
                Request::GetOrgUnit { customer, key }
            }),
            customer.zip(path).map(|(customer, path)| Request::InsertOrgUnit { customer, path }),
            customer.map(|customer| Request::ListRoles { customer, page }),
            customer.map(|customer| {
                let (name, privileges) = (self.texts[0].as_str(), &self.privileges);
                Request::InsertRole { customer, name, privileges }
            }),
            customer.map(|customer| Request::ListPrivileges { customer }),
            customer.map(|customer| Request::ListAssignments { customer, account, page }),
            customer
                .zip(account)
                .zip(self.role.as_ref())
                .map(|((customer, account), role)| Request::InsertAssignment { customer, role, account }),
            address.map(|address| Request::AssignLicense { address }),
            address
                .zip(self.license.as_ref())
                .map(|(address, license)| Request::RemoveLicense { address, license }),
            customer.zip(address).map(|(customer, address)| Request::IsInvitable { customer, address }),
            Some(Request::ListPolicies { page }),
            Some(Request::ListActivities { event: AuditEvent::AutoLicensing, since: self.since, page }),
            Some(Request::ListActivities { event: AuditEvent::RoleGiven, since: self.since, page }),
            self.named.as_ref().map(|account| Request::SignJwt { account, payload: &self.texts[1] }),
            Some(Request::OwnToken),
            Some(Request::Token { assertion: &self.assertion }),
        ];
        all.extend(
            products
                .map(|product| customer.map(|customer| Request::ListLicenses { customer, product, page })),
        );
        all.push(
            customer
                .zip(self.assignment.as_ref())
                .map(|(customer, assignment)| Request::RemoveAssignment { customer, assignment }),
        );
        all.into_iter().flatten().chain(self.about_an_account()).collect()
    }
}

fn seed() -> u64 {
    let seed = seed::asked_for().unwrap_or_else(|| fastrand::Rng::new().u64(..));
    println!("{}={seed}", seed::VARIABLE);
    seed
}

#[test]
fn ten_thousand_random_inputs_lead_nowhere_outside_the_closed_list() {
    let seed = seed();
    let mut texts = Texts::new(seed);
    let mut built: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..INPUTS {
        let values = Values::roll(&mut texts);
        let new_account = values.new_account();
        for request in values.requests(new_account.as_ref()) {
            if check(request, seed) {
                *built.entry(format!("{request:?}")).or_default() += 1;
            }
        }
    }
    assert_eq!(built.len(), PUBLISHED.len(), "every call is reached: {built:#?}");
    assert!(built.values().all(|count| *count > 100), "often enough to mean something: {built:#?}");
}

/// The event with hostile texts in some of its places.
fn hostile_event(texts: &mut Texts) -> Value {
    let mut event = events::joined(texts.below(50));
    let domains = json!([texts.like("reseller-se.example"), texts.like("a.example")]);
    let places: [(&str, Value); 8] = [
        ("/data/engineer/name/given", texts.like("Åsa Maria").into()),
        ("/data/engineer/name/family", texts.like("Öberg").into()),
        ("/data/engineer/name/language", texts.like("sv").into()),
        ("/data/engineer/contactEmail", texts.like("asa@nordresale.example").into()),
        ("/data/engineer/key", texts.like("E-20417").into()),
        ("/data/employment/id", texts.any().into()),
        ("/data/scope/domains", domains),
        ("/id", texts.any().into()),
    ];
    for (pointer, value) in places {
        if texts.chance(3) {
            *event.pointer_mut(pointer).expect("a place of the sample") = value;
        }
    }
    let key = event["data"]["engineer"]["key"].as_str().unwrap_or_default().to_owned();
    event["subject"] = format!("engineer/{key}").into();
    event
}

/// What carepass would ask for the engineer of an event, in every address that could be given out.
fn ask_for(event: &Event, seed: u64) -> usize {
    let Lifecycle::Joined(joined) = &event.lifecycle else { panic!("a joiner was sent") };
    let name = &joined.person.name;
    let naming = Naming::of(LanguageTag::english());
    let found = username::candidates(name, None, Some(&joined.key), &naming);
    let derived: Vec<_> = found.names().into_iter().cloned().collect();
    let customer: CustomerId = "C01abc123".parse().expect("an id");
    let mut built = 0;
    for local_part in derived {
        let domain = "reseller-se.example".parse().expect("a domain");
        let address = Address { local_part, domain };
        let account = NewAccount {
            address: address.clone(),
            engineer: joined.key.clone(),
            given_name: name.given.for_google().to_owned(),
            family_name: name.family.for_google().to_owned(),
            password: "correct horse battery".to_owned().into(),
            org_unit: "/Customer Care".parse().expect("a path"),
            org_unit_made_at: None,
            recovery_address: None,
        };
        let requests = [
            Request::InsertUser { account: &account },
            Request::GetUser { key: UserKey::Address(&address) },
            Request::GetGroup { address: &address },
            Request::IsInvitable { customer: &customer, address: &address },
            Request::AssignLicense { address: &address },
        ];
        for request in requests {
            assert!(check(request, seed), "an event that was taken can be acted on: {request:?}");
            built += 1;
        }
    }
    built
}

#[test]
fn no_event_leads_outside_the_closed_list() {
    let seed = seed();
    let mut texts = Texts::new(seed);
    let (mut taken, mut built) = (0, 0);
    for _ in 0..EVENTS {
        let body = hostile_event(&mut texts).to_string();
        if let Ok(event) = event::parse(body.as_bytes(), Some(events::CONTENT_TYPE), &BTreeMap::new()) {
            taken += 1;
            built += ask_for(&event, seed);
        }
    }
    println!("{taken} of {EVENTS} events were taken, and {built} requests built");
    assert!(taken > EVENTS / 20 && taken < EVENTS && built > taken, "{taken} {built}");
}

#[test]
fn planted_values_stand_in_addresses_as_they_are() {
    caught(Bug::PathUnguarded, ten_thousand_random_inputs_lead_nowhere_outside_the_closed_list);
}
