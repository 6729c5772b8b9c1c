//! The client of Google for one reseller account: what there is, what is made, and what Google's answers mean.
//! Not here: when to ask and what then (`steps`), and which of several reseller accounts (`engine`).
//!
//! From the inside out: `call` and `request` say what may be asked, `transport` asks, `answer` and `classify` read,
//! `auth` and `limits` let in, `directory`, `org_unit`, `role`, `licensing`, `policies`, `activities`, `changes`, `leaving` are the words for
//! it, `guard` protects accounts that are not ours, `census` shares what is read in bulk.

pub mod activities;
pub mod address_book;
mod answer;
mod answers;
#[cfg(test)]
mod answers_tests;
mod asked;
pub mod auth;
pub mod call;
pub mod census;
pub mod changes;
pub mod classify;
#[cfg(test)]
mod coverage_tests;
pub mod directory;
pub mod drift;
pub mod endpoint;
mod exceptions;
#[cfg(test)]
mod fixture_tests;
mod flight;
pub mod guard;
pub mod key;
mod key_text;
pub mod leaving;
pub mod licensing;
pub mod limits;
pub mod mapped;
pub mod org_unit;
pub mod overview;
mod pages;
pub mod policies;
pub mod request;
pub mod role;
pub mod transport;

use crate::model::failure::{Failure, FailureCode, FailureKind, Prefilled};
use crate::model::id::{CustomerId, DomainName, MailAddress};
use answer::Answer;
use auth::Tokens;
use call::{Access, Call, Scope};
use classify::{Meaning, Verdict, judge};
use jiff::{SignedDuration, Timestamp};
use limits::Limits;
use request::Request;
use std::fmt;
use std::sync::{Arc, OnceLock};
use transport::Transport;

pub use activities::{Audited, LicensingChange};
pub use answer::{ApiError, Shown};
pub use asked::Asked;
pub use census::{Census, Fresh, Snapshot};
pub use changes::{AliasAddition, Change};
pub use directory::{Account, Creation, Customer, Group, NewAccount};
pub use endpoint::Endpoint;
pub use key::Credentials;
pub use leaving::{Ended, Removal};
pub use licensing::{FreeLicense, PaidLicense};
pub use limits::{Quota, Rate, Rates, Supply, Tickets, Turn};
pub use mapped::{MappedAnswer, MappedThen};
pub use org_unit::{OrgUnit, OrgUnitCreation};
pub use policies::{Policy, SignIn};
pub use role::{Assignment, Chosen, Given, Role};
pub use transport::{Heard, HttpClient, Now, client};

/// What is fixed about one reseller account.
#[derive(Clone, Debug)]
pub struct GoogleSettings {
    /// The pinned customer.
    pub customer: CustomerId,
    /// The super administrator to act as.
    pub admin: MailAddress,
    /// The service account that may.
    pub credentials: Credentials,
    /// Where Google is.
    pub endpoint: Endpoint,
    /// How fast to ask.
    pub rates: Rates,
    /// What the operator says about answers that carepass does not know.
    pub answers: Vec<MappedAnswer>,
}

/// Whether a write may be sent now.
pub type MayWrite = Arc<dyn Fn() -> bool + Send + Sync>;

/// Google, as one reseller account sees it. Clones share tokens and limits.
#[derive(Clone)]
pub struct Google {
    shared: Arc<Shared>,
    made_at: Option<Timestamp>,
    writes_until: Option<Timestamp>,
    is_patient: bool,
}

struct Shared {
    customer: CustomerId,
    transport: Arc<Transport>,
    tokens: Arc<Tokens>,
    limits: Arc<Limits>,
    mapped: Vec<MappedAnswer>,
    absent: licensing::Absent,
    may_write: OnceLock<MayWrite>,
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("customer", &self.shared.customer).finish_non_exhaustive()
    }
}

/// What came of a call.
#[derive(Debug)]
enum Outcome {
    /// It was carried out.
    Done(Answer),
    /// It was refused, which tells something.
    Means(Meaning),
}

impl Google {
    /// A client that has asked nothing yet. `client` comes from [`client`] and is shared by all reseller accounts.
    pub fn new(settings: GoogleSettings, client: HttpClient, now: Now) -> Self {
        let GoogleSettings { customer, admin, credentials, endpoint, rates, answers } = settings;
        let shared = Shared {
            customer,
            transport: Arc::new(Transport::new(client, endpoint, now)),
            tokens: Arc::new(Tokens::new(credentials, admin)),
            limits: Arc::new(Limits::new(rates)),
            mapped: answers,
            absent: licensing::Absent::default(),
            may_write: OnceLock::new(),
        };
        Self { shared: Arc::new(shared), made_at: None, writes_until: None, is_patient: false }
    }

    /// The same client, told when the thing was made that the next calls are about: while it is young, "forbidden" may be
    /// propagation and is `not_yet`; without this it is taken at its word.
    #[must_use]
    pub fn made_at(&self, made_at: Option<Timestamp>) -> Self {
        Self { made_at, ..self.clone() }
    }

    /// The same client, told until when a write may be sent: what it rests on was read so long ago by then that it must be read anew.
    /// A write that would be later is not sent and fails with `timeout`.
    #[must_use]
    pub fn writing_until(&self, until: Timestamp) -> Self {
        Self { writes_until: Some(until), ..self.clone() }
    }

    /// Whether a token for the scope can be had now, whatever was had before: each scope is asked for by itself.
    pub async fn probe(&self, scope: Scope) -> Result<(), Failure> {
        let shared = &self.shared;
        shared.tokens.anew(scope, &shared.transport, &shared.limits).await.map(drop)
    }

    /// What an operator pastes into the Admin console, so that the service account may act for the administrator.
    pub fn delegation(&self) -> Vec<Prefilled> {
        self.shared.tokens.delegation()
    }

    /// How far this machine's clock was ahead of Google's at the last answer, to about a second.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        self.shared.transport.clock_ahead()
    }

    /// Tells somebody what time it is at Google, at each answer from now on; the first who asks, and for all copies of this client.
    pub fn tell_time_to(&self, heard: Heard) {
        self.shared.transport.tell_time_to(heard);
    }

    /// Asks before each write from now on whether it may be sent; the first who says so, and for all copies of this client. A write that
    /// may not is not sent and fails with `timeout`: somebody else works for the account.
    pub fn write_while(&self, may_write: MayWrite) {
        // Whoever comes later has another client of its own.
        let _ = self.shared.may_write.set(may_write);
    }

    /// Takes turns of this account's limits beforehand: all of them, or none.
    pub fn take(&self, turns: Vec<Turn>) -> Option<Tickets> {
        self.shared.limits.take(turns)
    }

    /// What there is of a turn.
    pub fn supply(&self, turn: &Turn) -> Supply {
        self.shared.limits.supply(turn)
    }

    /// How fast may be asked at most, whatever Google allows now.
    pub fn ceiling(&self, quota: Quota) -> Rate {
        self.shared.limits.ceiling(quota)
    }

    /// What was asked since this was last called, by all copies of this client.
    pub fn asked(&self) -> Asked {
        self.shared.transport.asked.take()
    }

    fn now(&self) -> Timestamp {
        self.shared.transport.now()
    }

    /// Asks, and once more with a fresh token if a read was refused with the old one.
    async fn ask(&self, request: &Request<'_>) -> Result<Outcome, Failure> {
        let mut answer = Box::pin(self.ask_once(request)).await?;
        if answer.status == 401 && request.call().spec().access == Access::Read {
            answer = Box::pin(self.ask_once(request)).await?;
        }
        let (call, limits, domain) = (request.call(), &self.shared.limits, domain_of(request));
        let quota = call.spec().quota;
        if answer.is_success() {
            limits.answered(quota, domain);
            return Ok(Outcome::Done(answer));
        }
        let error = answer.error(call, &request.private_words());
        // Another replica's clock may be ahead: what was made "later than now" is young.
        let age = self.made_at.map(|made_at| self.now().duration_since(made_at).max(SignedDuration::ZERO));
        let (status, reason, row) = (error.status, &error.shown.reason, classify::row_of(&error, age));
        tracing::debug!(call = call.template(), status, reason, row, "refused");
        match judge(&error, age, &self.shared.mapped) {
            Verdict::Means(meaning) => Ok(Outcome::Means(meaning)),
            Verdict::Fails(failure) => {
                if failure.kind == FailureKind::Throttled || may_be_too_many(quota, status) {
                    self.shared.transport.asked.throttle(quota);
                    limits.throttled(quota, domain, error.retry_after);
                }
                Err(failure)
            }
        }
    }

    async fn ask_once(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let Shared { transport, tokens, limits, .. } = &*self.shared;
        let spec = request.call().spec();
        let scope = spec.scope.expect("only the token request has no scope, and `auth` sends it");
        limits.acquire(spec.quota, domain_of(request)).await?;
        let token = tokens.get(scope, transport, limits).await?;
        // Here and not before the waits for a turn and a token, which may be long.
        if spec.access == Access::Write && self.writes_until.is_some_and(|until| self.now() > until) {
            return Err(Failure::transient(FailureCode::Timeout)
                .with_detail("not sent: what the write rests on was read too long ago"));
        }
        if spec.access == Access::Write && self.shared.may_write.get().is_some_and(|may_write| !may_write()) {
            return Err(Failure::transient(FailureCode::Timeout)
                .with_detail("not sent: another replica works for the reseller account now"));
        }
        let answer = transport.send(request, Some(&token.secret)).await?;
        if answer.status == 401 {
            tokens.refused(scope, &token);
        }
        Ok(answer)
    }
}

impl Outcome {
    /// The answer of a call whose refusals tell nothing.
    fn done(self, call: Call) -> Result<Answer, Failure> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Means(meaning) => Err(unexpected(call, meaning)),
        }
    }
}

/// The domain by which the call is counted, where it is.
fn domain_of<'a>(request: &Request<'a>) -> Option<&'a DomainName> {
    if let Request::InsertUser { account } = request { Some(&account.address.domain) } else { None }
}

/// Too many of these a second are answered like an outage (`docs/GOOGLE.md` 75): the call is looked after as one, and the next ones come
/// slower all the same.
fn may_be_too_many(quota: Quota, status: u16) -> bool {
    matches!(quota, Quota::UserInsert | Quota::OrgUnit) && status == 503
}

/// The table gave a meaning to a call that has no use for it.
fn unexpected(call: Call, meaning: Meaning) -> Failure {
    Failure::permanent(FailureCode::UnknownAnswer).with_detail(&format!("{}: {meaning:?}", call.template()))
}

#[cfg(test)]
#[path = "google_tests.rs"]
mod tests;
