//! The coverage list: every row of the table of answers is reached from an answer of the sandbox over HTTP, and it is that row which
//! decides. `cargo nextest run coverage --no-capture` prints it. A row in the shadow of an earlier one, or one that nothing asks for, fails.
//! Not here: what each answer means (`answers_tests`).

use super::classify::{Age, Calls, Meaning, Row, Status, Then, row_of, table};
use super::fixture_tests::{demo, google_at, google_with};
use super::licensing::{Listed, PaidProduct};
use super::request::{AccountAct, AuditEvent, UnitKey, UserKey};
use super::*;
use crate::google::call::Api;
use crate::model::failure::FailureKind;
use crate::model::id::{AccountId, Address, AssignmentId, ClientId, LicenseSku, OrgUnitPath, RoleId};
use crate::model::reseller::Privilege;
use crate::sandbox::{Sandbox, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// What a call is about.
struct Things {
    customer: CustomerId,
    account: AccountId,
    address: Address,
    new_account: NewAccount,
    path: OrgUnitPath,
    role: RoleId,
    assignment: AssignmentId,
    client: ClientId,
    license: LicenseSku,
    privileges: BTreeSet<Privilege>,
}

impl Things {
    fn new() -> Self {
        let address = Address {
            local_part: "nobody.at-all".parse().unwrap(),
            domain: "reseller-se.example".parse().unwrap(),
        };
        let path: OrgUnitPath = "/Nowhere".parse().unwrap();
        let new_account = NewAccount {
            address: address.clone(),
            engineer: "E-1".parse().unwrap(),
            given_name: "Åsa".to_owned(),
            family_name: "Öberg".to_owned(),
            password: "correct horse battery".to_owned().into(),
            org_unit: path.clone(),
            org_unit_made_at: None,
            recovery_address: None,
        };
        Self {
            customer: demo().resellers[0].customer_id.parse().unwrap(),
            account: "103".parse().unwrap(),
            address,
            new_account,
            path,
            role: "7".parse().unwrap(),
            assignment: "8".parse().unwrap(),
            client: "770.apps.googleusercontent.com".parse().unwrap(),
            license: LicenseSku::parse("Google-Apps/1010020027").unwrap(),
            privileges: BTreeSet::from([Privilege { service_id: "s".to_owned(), name: "P".to_owned() }]),
        }
    }

    /// The request of a call; none for those about getting in, which no request asks for by itself.
    fn request(&self, call: Call) -> Option<Request<'_>> {
        let (customer, address, account) = (&self.customer, &self.address, &self.account);
        let page = None;
        let about = |act| Request::Account { id: account, act };
        Some(match call {
            Call::UpdateUser => about(AccountAct::Suspend),
            Call::DeleteUser => about(AccountAct::Delete),
            Call::SignOut => about(AccountAct::SignOut),
            Call::ListTokens => about(AccountAct::ListTokens),
            Call::DeleteToken => about(AccountAct::DeleteToken(&self.client)),
            Call::ListPasswords => about(AccountAct::ListPasswords),
            Call::DeletePassword => about(AccountAct::DeletePassword(7)),
            Call::InvalidateCodes => about(AccountAct::InvalidateCodes),
            Call::ListAliases => about(AccountAct::ListAliases),
            Call::InsertAlias => about(AccountAct::AddAlias(address)),
            Call::RemoveAssignment => Request::RemoveAssignment { customer, assignment: &self.assignment },
            Call::GetCustomer => Request::GetCustomer,
            Call::ListDomains => Request::ListDomains { customer },
            Call::ListUsers => Request::ListUsers { customer, deleted: false, page },
            Call::GetUser => Request::GetUser { key: UserKey::Id(account) },
            Call::InsertUser => Request::InsertUser { account: &self.new_account },
            Call::UndeleteUser => Request::UndeleteUser { account, org_unit: &self.path },
            Call::GetGroup => Request::GetGroup { address },
            Call::ListGroups => Request::ListGroups { customer, page },
            Call::GetOrgUnit => Request::GetOrgUnit { customer, key: UnitKey::Path(&self.path) },
            Call::InsertOrgUnit => Request::InsertOrgUnit { customer, path: &self.path },
            Call::ListRoles => Request::ListRoles { customer, page },
            Call::InsertRole => {
                Request::InsertRole { customer, name: "Customer Care", privileges: &self.privileges }
            }
            Call::ListPrivileges => Request::ListPrivileges { customer },
            Call::ListAssignments => Request::ListAssignments { customer, account: Some(account), page },
            Call::InsertAssignment => Request::InsertAssignment { customer, role: &self.role, account },
            Call::AssignLicense => Request::AssignLicense { address },
            Call::RemoveLicense => Request::RemoveLicense { address, license: &self.license },
            Call::ListLicenses => {
                Request::ListLicenses { customer, product: Listed::Paid(PaidProduct::Workspace), page }
            }
            Call::IsInvitable => Request::IsInvitable { customer, address },
            Call::ListPolicies => Request::ListPolicies { page },
            Call::ListActivities => Request::ListActivities {
                event: AuditEvent::AutoLicensing,
                since: Timestamp::UNIX_EPOCH,
                page,
            },
            Call::SignJwt | Call::OwnToken | Call::Token => return None,
        })
    }
}

/// The sandbox on a socket, its faults, and which rows decided.
struct Stage {
    sandbox: Sandbox,
    base: String,
    decided: Decided,
    things: Things,
    _stop: DropGuard,
}

impl Stage {
    async fn start(decided: Decided) -> Self {
        let sandbox = Sandbox::new(World::from_toml(&demo().nasty_world).unwrap());
        sandbox.change(|world| {
            for customer in world.customers.values_mut() {
                customer.settings = crate::sandbox::Settings::default();
            }
        });
        sandbox.clear_faults();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(sandbox.clone().serve(listener, stop.clone()));
        Self { sandbox, base, decided, things: Things::new(), _stop: stop.drop_guard() }
    }

    /// A client that has seen nothing yet, so that no row slows the next one down.
    fn google(&self) -> Google {
        let reseller = &demo().resellers[0];
        google_at(&self.base, reseller.credentials.as_bytes(), reseller.customer_id, &reseller.admin)
    }

    /// The same without a key: the machine's own account has Google sign.
    fn keyless(&self) -> Google {
        let reseller = &demo().resellers[0];
        let key: Value = serde_json::from_str(&reseller.credentials).unwrap();
        let credentials = Credentials::keyless(key["client_email"].as_str().unwrap().parse().unwrap());
        google_with(&self.base, credentials, reseller.customer_id, &reseller.admin, Vec::new())
    }

    /// Asks, and says what it came to and which row decided about this call.
    async fn ask(&self, call: Call, young: bool) -> (Option<Then>, Option<usize>) {
        self.decided.0.lock().unwrap().clear();
        let google = if is_keyless(call) { self.keyless() } else { self.google() };
        let google = google.made_at(young.then(|| google.now()));
        let asked = match self.things.request(call) {
            Some(request) => google.ask(&request).await,
            None => google.probe(Scope::Users).await.map(|()| Outcome::Means(Meaning::NotThere)),
        };
        let then = match asked {
            Ok(Outcome::Done(_)) => None,
            Ok(Outcome::Means(meaning)) => Some(Then::Means(meaning)),
            Err(failure) => Some(Then::Fails(failure.kind, failure.code)),
        };
        (then, self.decided.0.lock().unwrap().get(call.template()).copied())
    }
}

/// The row that decided last about each call, from the client's own log.
#[derive(Clone, Default)]
struct Decided(Arc<Mutex<BTreeMap<String, usize>>>);

#[derive(Default)]
struct Fields {
    call: String,
    row: Option<usize>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "call" {
            value.clone_into(&mut self.call);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "row" {
            self.row = usize::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Decided {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(row) = fields.row {
            self.0.lock().unwrap().insert(fields.call, row);
        }
    }
}

/// An answer that a row describes.
struct Case {
    call: Call,
    status: u16,
    reason: &'static str,
}

/// An answer of each call, status and reason of the row that no earlier row takes for itself.
fn cases(index: usize, row: &Row) -> impl Iterator<Item = Case> {
    let statuses: &[u16] = match row.status {
        Status::Any => &[400, 500],
        Status::In(statuses) => statuses,
        Status::NotFound | Status::NotFoundPage => &[404],
        Status::Server => &[500, 502, 503, 504],
    };
    let reasons: &[&str] = if row.reasons.is_empty() { &["somethingNew"] } else { row.reasons };
    let age = matches!(row.age, Age::Young).then_some(SignedDuration::ZERO);
    let (calls, message) = (row.calls, row.message);
    let calls = Call::ALL.iter().copied().filter(move |call| calls.include(*call));
    let all = calls.flat_map(move |call| {
        let of_status = move |status: &u16| {
            let status = *status;
            reasons.iter().map(move |reason| Case { call, status, reason })
        };
        statuses.iter().flat_map(of_status)
    });
    all.filter(move |case| {
        let error = ApiError {
            call: case.call,
            status: case.status,
            code: (!matches!(row.status, Status::NotFoundPage)).then_some(case.status),
            reason: case.reason.to_owned(),
            message: message.to_owned(),
            shown: Shown::default(),
            structured: true,
            retry_after: None,
        };
        row_of(&error, age) == Some(index)
    })
}

impl Case {
    /// The fault rule that makes the sandbox answer so, in the shape that the answer comes in.
    fn rule(&self, row: &Row) -> Value {
        let (method, path) = self.call.template().split_once(' ').unwrap();
        let any = regex_lite::Regex::new(r"\{[^}]*\}").unwrap();
        let path_regex = format!("^{}$", any.replace_all(path, ".+"));
        let Self { status, reason, .. } = self;
        let is_page = matches!(row.status, Status::NotFoundPage);
        let plain = is_page || matches!(row.calls, Calls::AnyAndToken) && row.reasons.is_empty();
        let newer = reason.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let mut action = json!({"status": status, "reason": reason, "message": row.message});
        if self.call.spec().api == Api::Token {
            action["body"] = json!({"error": reason, "error_description": row.message});
        } else if plain {
            action["body"] = row.message.into();
        } else if newer {
            let error = json!({"code": status, "message": row.message, "status": reason});
            action["body"] = json!({"error": error});
        }
        json!({"match": {"method": method, "path_regex": path_regex}, "do": action})
    }
}

#[tokio::test]
async fn every_row_is_reached_from_an_answer_of_the_sandbox() {
    let decided = Decided::default();
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(decided.clone()));
    let stage = Stage::start(decided).await;
    let by_itself = by_itself(&stage).await;
    assert!(by_itself.len() >= 9, "the sandbox itself shows {by_itself:?}");
    println!("| row | source | call | answer | what it means | reached by |\n|---|---|---|---|---|---|");
    for (index, row) in table().iter().enumerate() {
        let case = cases(index, row).next().unwrap_or_else(|| panic!("row {index} is unreachable: {row:?}"));
        let young = matches!(row.age, Age::Young);
        stage.sandbox.add_faults(&case.rule(row)).unwrap();
        let reached = stage.ask(case.call, young).await;
        stage.sandbox.clear_faults();
        assert_eq!(reached, (Some(row.then), Some(index)), "{row:?}");
        let Case { call, status, reason } = case;
        let by = if by_itself.contains(&index) { "a fault rule, and by itself" } else { "a fault rule" };
        let age = if young { ", young" } else { "" };
        let meaning = match row.then {
            Then::Means(meaning) => format!("{meaning:?}"),
            Then::Fails(kind, code) => format!("{code} ({})", kind_of(kind)),
        };
        let message = row.message;
        println!(
            "| {index} | {} | {} | {status} {reason} {message}{age} | {meaning} | {by} |",
            row.source,
            call.name()
        );
    }
}

/// Whether only a client without a key asks so.
fn is_keyless(call: Call) -> bool {
    [Call::SignJwt, Call::OwnToken].contains(&call)
}

/// From the machine's own token to an answer of an API, with nothing but what the sandbox gives out.
#[tokio::test]
async fn a_client_without_a_key_is_let_in() {
    let stage = Stage::start(Decided::default()).await;
    let customer = stage.keyless().customer().await.unwrap().id;
    assert_eq!(customer.as_str(), demo().resellers[0].customer_id);
    let calls = stage.sandbox.calls();
    let asked = |path: &str| calls.iter().filter(|call| call.path.ends_with(path)).count();
    assert_eq!((asked("/default/token"), asked(":signJwt"), asked("/token")), (1, 1, 2));
}

fn kind_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Transient => "retry",
        FailureKind::Throttled => "slow down",
        FailureKind::NotYet => "not yet",
        FailureKind::Needs(_) => "somebody acts",
        FailureKind::Permanent => "stop",
    }
}

/// The rows that decide about the sandbox's own answers, without any fault rule.
async fn by_itself(stage: &Stage) -> BTreeSet<usize> {
    let customer = demo().resellers[0].customer_id;
    let mut rows = BTreeSet::new();
    let missing = [
        Call::GetUser,
        Call::GetGroup,
        Call::GetOrgUnit,
        Call::InsertUser,
        Call::UndeleteUser,
        Call::InsertAssignment,
        Call::AssignLicense,
        Call::InsertRole,
        Call::RemoveLicense,
        Call::ListAssignments,
        Call::UpdateUser,
        Call::RemoveAssignment,
    ];
    for call in missing {
        rows.extend(stage.ask(call, false).await.1);
    }
    let change = |change: &dyn Fn(&mut crate::sandbox::Customer)| {
        stage.sandbox.change(|world| change(world.customers.get_mut(customer).unwrap()));
    };
    // The second time it is there already.
    for call in [Call::InsertOrgUnit, Call::InsertOrgUnit] {
        rows.extend(stage.ask(call, false).await.1);
    }
    change(&|customer| customer.settings.seats = Some(0));
    rows.extend(stage.ask(Call::InsertUser, false).await.1);
    change(&|customer| customer.settings.seats = None);
    for call in [Call::InsertUser, Call::InsertUser] {
        rows.extend(stage.ask(call, false).await.1);
    }
    rows.extend(stage.ask(Call::GetOrgUnit, false).await.1);
    for call in [Call::AssignLicense, Call::AssignLicense, Call::ListLicenses, Call::IsInvitable] {
        rows.extend(stage.ask(call, false).await.1);
    }
    change(&|customer| customer.delegation_revoked = true);
    rows.extend(stage.ask(Call::Token, false).await.1);
    change(&|customer| customer.delegation_revoked = false);
    rows
}
