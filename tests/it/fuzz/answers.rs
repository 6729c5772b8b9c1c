//! Google's answers: whatever a server says to any call, over HTTP and by the whole client, is a result or a failure within a limit of
//! time, never a panic, and a failure tells nothing that is private to the request. Not here: what real answers mean (`google/classify`).

use super::engine::{Judged, run};
use crate::fixture::demo;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use carepass::clock::Clock;
use carepass::google::call::Scope;
use carepass::google::{self, Endpoint, Google, NewAccount};
use carepass::model::failure::{Failure, FailureKind};
use carepass::model::id::{AccountId, Address, LicenseSku, MailAddress, OrgUnitPath};
use carepass::model::reseller::Privilege;
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// No answer of a server on this machine takes as long.
const LIMIT: Duration = Duration::from_secs(20);

/// What is private to the requests: name, password, address.
const PRIVATE: [&str; 5] =
    ["kanariegiven", "kanariefamily", "kanarie-password", "kanarie.fagel", "kanarie.contact"];

const WORDS: &[&str] = &[
    "Kanariegiven",
    "KANARIEFAMILY",
    "kanarie-password",
    "kanarie.fagel",
    "kanarie.fagel@reseller-se.example",
    "kanarie.contact",
    "200",
    "202",
    "204",
    "302",
    "400",
    "401",
    "403",
    "404",
    "409",
    "412",
    "429",
    "500",
    "503",
    "application/json",
    "text/html",
    "error",
    "errors",
    "reason",
    "message",
    "code",
    "status",
    "duplicate",
    "notFound",
    "forbidden",
    "userRateLimitExceeded",
    "invalid_grant",
    "unauthorized_client",
    "insufficientPermissions",
    "conditionNotMet",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "nextPageToken",
    "users",
    "items",
    "organizationUnits",
    "policies",
    "primaryEmail",
    "id",
    "externalIds",
    "isSuperAdmin",
    "isDelegatedAdmin",
    "customerId",
    "suspended",
    "orgUnitPath",
    "rolePrivileges",
    "roleId",
    "assignedTo",
    "true",
    "\u{0}",
    "\u{7}",
    "\u{200b}",
    "\u{202e}",
    "<html>",
    "\u{feff}",
];

/// Each call by its name, with a body of a success.
const CALLS: [(&str, &str); 22] = [
    ("create_account", ACCOUNT),
    ("account_by_id", ACCOUNT),
    ("account_by_address", ACCOUNT),
    ("account_by_named", ACCOUNT),
    ("accounts", r#"{"users":[{"id":"103","primaryEmail":"a@reseller-se.example"}],"nextPageToken":"x"}"#),
    (
        "groups",
        r#"{"groups":[{"id":"1","email":"g@reseller-se.example","aliases":["h@reseller-se.example"]}]}"#,
    ),
    ("customer", r#"{"id":"C01nordicse","customerDomain":"reseller-se.example"}"#),
    ("domains", r#"{"domains":[{"domainName":"reseller-se.example","isPrimary":true,"verified":true}]}"#),
    ("is_invitable", r#"{"isInvitableUser":false}"#),
    (
        "org_unit",
        r#"{"orgUnitPath":"/Customer Care","orgUnitId":"id:03ph8a2z1abcdef","name":"Customer Care"}"#,
    ),
    ("create_org_unit", r#"{"orgUnitPath":"/Customer Care","orgUnitId":"id:03ph8a2z1abcdef"}"#),
    (
        "roles",
        r#"{"items":[{"roleId":"7","roleName":"Customer Care","rolePrivileges":[{"serviceId":"s","privilegeName":"P"}]}]}"#,
    ),
    (
        "privileges",
        r#"{"items":[{"serviceId":"s","privilegeName":"P","childPrivileges":[{"serviceId":"s","privilegeName":"Q"}]}]}"#,
    ),
    ("give", r#"{"roleAssignmentId":"8","roleId":"7","assignedTo":"103","scopeType":"CUSTOMER"}"#),
    (
        "assignments",
        r#"{"items":[{"roleAssignmentId":"8","roleId":"7","assignedTo":"103","scopeType":"CUSTOMER"}]}"#,
    ),
    (
        "assign_free",
        r#"{"userId":"kanarie.fagel@reseller-se.example","productId":"101001","skuId":"1010010001"}"#,
    ),
    ("remove_license", "{}"),
    (
        "paid_licenses",
        r#"{"items":[{"userId":"a@reseller-se.example","productId":"Google-Apps","skuId":"1010020027"}]}"#,
    ),
    (
        "policies",
        r#"{"policies":[{"policyQuery":{"orgUnit":"orgUnits/03ph"},"setting":{"type":"settings/security.two_step_verification_enforcement","value":{"enforcedFrom":"2026-01-01T00:00:00Z"}}}]}"#,
    ),
    (
        "licensing_changes",
        r#"{"items":[{"id":{"time":"2026-11-20T08:00:00Z"},"actor":{"email":"admin@reseller-se.example"},"events":[{"name":"CHANGE_LICENSE_AUTO_ASSIGN","parameters":[{"name":"NEW_VALUE","value":"On"}]}]}]}"#,
    ),
    ("set_names", ACCOUNT),
    ("probe", r#"{"access_token":"ya29.x","expires_in":3600,"token_type":"Bearer"}"#),
];

const ACCOUNT: &str = r#"{"id":"103456789012345678901","primaryEmail":"kanarie.fagel@reseller-se.example","customerId":"C01nordicse","isAdmin":false,"isDelegatedAdmin":false,"suspended":false,"orgUnitPath":"/Customer Care","externalIds":[{"value":"E-1","type":"custom","customType":"carepass"}],"aliases":[],"nonEditableAliases":[],"creationTime":"2026-11-20T08:00:00.000Z","lastLoginTime":"1970-01-01T00:00:00.000Z"}"#;

const REFUSAL: &str = r#"{"error":{"code":403,"message":"Not Kanariegiven Kanariefamily kanarie.fagel@reseller-se.example","errors":[{"domain":"global","reason":"forbidden","message":"kanarie-password"}]}}"#;

/// An answer as an input says it: call, status, content type and `Retry-After` on the first line, then the body.
#[derive(Clone, Debug, Default)]
struct Reply {
    status: u16,
    content_type: String,
    retry_after: String,
    body: Vec<u8>,
}

impl Reply {
    fn response(self) -> Response<Body> {
        let plain = Response::builder().status(self.status);
        let whole = plain.header("content-type", self.content_type).header("retry-after", self.retry_after);
        whole.body(Body::from(self.body.clone())).unwrap_or_else(|_| Response::new(Body::from(self.body)))
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let line = |name: &str, status: u16, body: &str| {
        format!("{name} {status} application/json 0\n{body}").into_bytes()
    };
    let of = |(name, good): &(&str, &str)| {
        let refused = [403, 404, 409, 412, 429, 503]
            .map(|status| line(name, status, &REFUSAL.replace("403", &status.to_string())));
        let token =
            line(name, 400, r#"{"error":"invalid_grant","error_description":"Invalid email or User ID"}"#);
        [line(name, 200, good), token].into_iter().chain(refused).collect::<Vec<_>>()
    };
    CALLS.iter().flat_map(of).collect()
}

fn parts(input: &[u8]) -> (&'static str, Reply) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let head = String::from_utf8_lossy(&input[..end]).into_owned();
    let mut words = head.split(' ');
    let name = words.next().unwrap_or_default();
    let known = CALLS.iter().map(|(known, _)| *known).find(|known| *known == name);
    let status =
        words.next().and_then(|word| word.parse().ok()).filter(|status| (200..1000).contains(status));
    let reply = Reply {
        status: status.unwrap_or(200),
        content_type: words.next().unwrap_or("application/json").to_owned(),
        retry_after: words.next().unwrap_or_default().to_owned(),
        body: input.get(end + 1..).unwrap_or_default().to_vec(),
    };
    // A call that does not exist is one that does.
    (known.unwrap_or(CALLS[input.len() % CALLS.len()].0), reply)
}

/// A server that answers as told, the client of it, and what the calls are about.
struct Room {
    runtime: Runtime,
    reply: Arc<Mutex<Reply>>,
    endpoint: Endpoint,
    client: google::HttpClient,
    google: Mutex<Google>,
    account: NewAccount,
    id: AccountId,
    named: MailAddress,
}

#[derive(Clone)]
struct Told(Arc<Mutex<Reply>>, Arc<Mutex<bool>>);

/// Answers as told. Tokens are good, unless they are what is asked about; the second page of a list is empty.
async fn answer(State(Told(reply, tokens)): State<Told>, request: Request) -> Response<Body> {
    let is_told = *tokens.lock().expect("nobody panics with it");
    if request.uri().path() == "/token" && !is_told {
        let good = CALLS[CALLS.len() - 1].1.to_owned().into_bytes();
        return Reply {
            status: 200,
            content_type: "application/json".to_owned(),
            body: good,
            ..Reply::default()
        }
        .response();
    }
    let mut reply = reply.lock().expect("nobody panics with it").clone();
    if request.uri().query().is_some_and(|query| query.contains("pageToken")) {
        reply.body = b"{}".to_vec();
    }
    reply.response()
}

impl Room {
    fn open() -> (Self, Arc<Mutex<bool>>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (reply, tokens) = (Arc::default(), Arc::default());
        let told = Told(Arc::clone(&reply), Arc::clone(&tokens));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let endpoint = Endpoint::parse(&endpoint).expect("a loopback address");
        let routes = Router::new().fallback(answer).with_state(told);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        demo::files();
        let client = google::client(&endpoint).expect("a client for loopback");
        let address = Address {
            local_part: "kanarie.fagel".parse().expect("a name"),
            domain: "reseller-se.example".parse().expect("a domain"),
        };
        let named: MailAddress = "kanarie.contact@nordresale.example".parse().expect("an address");
        let account = NewAccount {
            address,
            engineer: "E-1".parse().expect("a key"),
            given_name: "Kanariegiven".to_owned(),
            family_name: "Kanariefamily".to_owned(),
            password: "kanarie-password".to_owned().into(),
            org_unit: "/Customer Care".parse().expect("a path"),
            org_unit_made_at: None,
            recovery_address: Some(named.clone()),
        };
        let google = Mutex::new(fresh(&endpoint, &client));
        let room = Self {
            runtime,
            reply,
            endpoint,
            client,
            google,
            account,
            id: "103".parse().expect("an id"),
            named,
        };
        (room, tokens)
    }

    async fn call(&self, google: &Google, name: &str) -> Result<String, Failure> {
        let (address, path, id) = (&self.account.address, &self.account.org_unit, &self.id);
        let path: &OrgUnitPath = path;
        match name {
            "create_account" => google.create_account(&self.account).await.map(shown),
            "account_by_id" => google.account_by_id(id).await.map(shown),
            "account_by_address" => google.account_by_address(address).await.map(shown),
            "account_by_named" => google.account_by_named(&self.named).await.map(shown),
            "accounts" => google.accounts(false).await.map(shown),
            "groups" => google.groups().await.map(shown),
            "customer" => google.customer().await.map(shown),
            "domains" => google.domains().await.map(shown),
            "is_invitable" => google.is_invitable(address).await.map(shown),
            "org_unit" => google.org_unit(path).await.map(shown),
            "create_org_unit" => google.create_org_unit(path).await.map(shown),
            "roles" => google.roles().await.map(shown),
            "privileges" => google.privileges().await.map(shown),
            "give" => google.give(id, &"7".parse().expect("a role")).await.map(shown),
            "assignments" => google.assignments().await.map(shown),
            "assign_free" => google.assign_free(address).await.map(shown),
            "remove_license" => {
                let license = LicenseSku::parse("Google-Apps/1010020027").expect("a licence");
                google.remove_license(address, &license).await.map(shown)
            }
            "paid_licenses" => google.paid_licenses().await.map(shown),
            "policies" => google.policies().await.map(shown),
            "licensing_changes" => google.licensing_changes(Timestamp::UNIX_EPOCH).await.map(shown),
            "set_names" => {
                google.set_names(id, "Kanariegiven", "Kanariefamily").await?;
                google.set_password(id, &SecretString::from("kanarie-password")).await?;
                let privileges =
                    BTreeSet::from([Privilege { service_id: "s".to_owned(), name: "P".to_owned() }]);
                google.create_role("Customer Care", &privileges).await?;
                google.tokens_of(id).await.map(shown)
            }
            _ => google.probe(Scope::ALL[0]).await.map(shown),
        }
    }
}

fn fresh(endpoint: &Endpoint, client: &google::HttpClient) -> Google {
    let reseller = demo::reseller(&demo::files().resellers[0]);
    demo::site(reseller, endpoint, client, demo::in_a_hurry(), &Clock::System).google
}

/// The beginning of what came out: enough to tell one end from another.
fn shown(value: impl Debug) -> String {
    format!("{value:?}").chars().filter(char::is_ascii_alphabetic).take(16).collect()
}

fn judge(room: &Room, tokens: &Mutex<bool>, input: &[u8]) -> Judged {
    let (name, reply) = parts(input);
    let status = reply.status;
    *room.reply.lock().expect("nobody panics with it") = reply;
    *tokens.lock().expect("nobody panics with it") = name == "probe";
    let google = room.google.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let called = room.runtime.block_on(async { tokio::time::timeout(LIMIT, room.call(&google, name)).await });
    // What a client has learned, such as a wish to be slower, must not change what the next answer leads to.
    let has_learned = ["paid_licenses", "probe"].contains(&name)
        || matches!(&called, Ok(Err(failure)) if failure.kind == FailureKind::Throttled);
    if has_learned {
        *room.google.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            fresh(&room.endpoint, &room.client);
    }
    match called {
        Err(_) => Err(format!("{name}: no end within {LIMIT:?}")),
        Ok(Ok(end)) => Ok(format!("{name} {}: {end}", status / 100)),
        Ok(Err(failure)) => failed(name, &failure),
    }
}

fn failed(name: &str, failure: &Failure) -> Judged {
    let private: &[&str] = match name {
        "create_account" => &PRIVATE,
        "account_by_address" | "is_invitable" | "assign_free" | "remove_license" => &PRIVATE[3..4],
        "account_by_named" => &PRIVATE[4..],
        _ => &[],
    };
    let told = format!("{} {:?}", failure.detail, failure.answer).to_lowercase();
    if private.iter().any(|word| told.contains(word)) || failure.detail.chars().any(char::is_control) {
        return Err(format!("{name}: a failure tells {}", failure.detail));
    }
    if failure.detail.len() > Failure::LIST_MAX + 3 {
        return Err(format!("{name}: a failure of {} bytes", failure.detail.len()));
    }
    Ok(format!("{name} fails: {} {:?}", failure.code.as_str(), failure.kind))
}

#[test]
fn any_answer_of_a_server_is_a_result_or_a_discreet_failure() {
    let (room, tokens) = Room::open();
    run("answers", seeds(), WORDS, |input| judge(&room, &tokens, input));
}
