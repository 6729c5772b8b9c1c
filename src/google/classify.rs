//! What an answer of Google's means: the rules that read the table. The table itself is in `answers`.
//! Not here: reading bodies (`answer`), slowing down (`limits`), and what a step does about it.
//!
//! Unclear outcomes (timeout, reset, 5xx, 401 on a write) need nothing but the right kind here: a step looks first on
//! its next run.

use super::answer::ApiError;
use super::answers::TABLE;
use super::call::{Access, Api, Call};
use super::mapped::{self, MappedAnswer};
use crate::model::failure::{Failure, FailureCode, FailureKind, UnmappedAnswer};
use jiff::SignedDuration;
use std::time::Duration;

/// As long as a thing is this young, "not there", "forbidden" and "not complete" may be propagation
/// (the longest lag seen and published is about 5 minutes; the Terraform provider waits as long).
pub const YOUNG: SignedDuration = SignedDuration::from_mins(15);

/// The wish that is assumed when the quota of a day is spent.
const DAILY_QUOTA_PAUSE: Duration = Duration::from_hours(1);

/// A refusal that tells something about the thing that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What was to be made is there, or the address is taken.
    AlreadyExists,
    /// What was asked for is not there.
    NotThere,
    /// What was to be given is held.
    AlreadyHeld,
    /// License Manager's 503: a quota, an outage, or for ever because the licence comes with the site. Or what an account refuses while
    /// it is suspended.
    Unavailable,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It tells something.
    Means(Meaning),
    /// It did not work.
    Fails(Failure),
}

/// One line of the table; the first that fits decides.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where the fact comes from.
    pub source: &'static str,
    /// For which calls.
    pub calls: Calls,
    /// With which status.
    pub status: Status,
    /// With one of these reasons, in any case of letters; none listed: any.
    pub reasons: &'static [&'static str],
    /// With these words in the message, in any case of letters; empty: any.
    pub message: &'static str,
    /// At which age of the thing.
    pub age: Age,
    /// What it means.
    pub then: Then,
}

/// For which calls a row holds.
#[derive(Clone, Copy, Debug)]
pub enum Calls {
    /// Every call but the token request.
    Any,
    /// Every call, the token request included.
    AnyAndToken,
    /// Those of one API.
    Of(Api),
    /// Those that change something.
    Writes,
    /// Those that change nothing, without the ways in.
    Reads,
    /// These.
    These(&'static [Call]),
}

/// With which status a row holds.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    /// Any.
    Any,
    /// One of these.
    In(&'static [u16]),
    /// 404 in JSON with the same number in `error.code`: anything else is a wrong address or some proxy's page.
    NotFound,
    /// 404 that is not Google's: without `error.code`.
    NotFoundPage,
    /// 500 and above.
    Server,
}

/// At which age of the thing a row holds.
#[derive(Clone, Copy, Debug)]
pub enum Age {
    /// Any, also unknown.
    Any,
    /// Known to be below [`YOUNG`].
    Young,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It tells something.
    Means(Meaning),
    /// It did not work.
    Fails(FailureKind, FailureCode),
}

/// Says what a refusal means. `age` is that of the thing that was asked about or built upon, if carepass knows it.
/// What no row knows is `unknown_answer`: permanent, for a person to see.
pub fn classify(error: &ApiError, age: Option<SignedDuration>) -> Verdict {
    judge(error, age, &[])
}

/// The same, where the operator has said what to do about answers that no row knows. The table comes first.
pub fn judge(error: &ApiError, age: Option<SignedDuration>, mapped: &[MappedAnswer]) -> Verdict {
    match row_of(error, age).and_then(|index| TABLE.get(index)).map(|row| row.then) {
        Some(Then::Means(meaning)) => Verdict::Means(meaning),
        Some(Then::Fails(kind, code)) => Verdict::Fails(failure(error, kind, code)),
        None => Verdict::Fails(unknown(error, mapped)),
    }
}

/// Which row of [`table`] speaks about the answer.
pub fn row_of(error: &ApiError, age: Option<SignedDuration>) -> Option<usize> {
    TABLE.iter().position(|row| row.fits(error, age))
}

/// The whole table, most particular first.
pub fn table() -> &'static [Row] {
    TABLE
}

/// Whether some row names the reason, so that it is Google's and nobody's name.
pub(super) fn is_listed(reason: &str) -> bool {
    TABLE.iter().any(|row| row.reasons.iter().any(|listed| listed.eq_ignore_ascii_case(reason)))
}

/// An answer that no row knows: handled as the operator has said, else kept for a person, with what it takes to say so.
fn unknown(error: &ApiError, mapped: &[MappedAnswer]) -> Failure {
    if let Some(answer) = mapped.iter().find(|answer| answer.fits(error)) {
        let (kind, code) = answer.then.handling();
        return failure(error, kind, code);
    }
    let failure = failure(error, FailureKind::Permanent, FailureCode::UnknownAnswer);
    if !mapped::is_mappable(error.call) {
        return failure;
    }
    let reason = error.shown.reason.clone();
    failure.with_answer(UnmappedAnswer { call: error.call.name().to_owned(), status: error.status, reason })
}

impl Row {
    /// Whether the row speaks about this answer.
    pub fn fits(&self, error: &ApiError, age: Option<SignedDuration>) -> bool {
        self.calls.include(error.call)
            && self.status.fits(error)
            && (self.reasons.is_empty()
                || self.reasons.iter().any(|reason| reason.eq_ignore_ascii_case(&error.reason)))
            && error.message.to_lowercase().contains(&self.message.to_lowercase())
            && self.age.fits(age)
    }
}

impl Calls {
    /// Whether the call is one of them.
    pub fn include(self, call: Call) -> bool {
        match self {
            Self::Any => call != Call::Token,
            Self::AnyAndToken => true,
            Self::Of(api) => call.spec().api == api,
            Self::Writes => call.spec().access == Access::Write,
            Self::Reads => call.spec().access == Access::Read && call.spec().scope.is_some(),
            Self::These(calls) => calls.contains(&call),
        }
    }
}

impl Status {
    fn fits(self, error: &ApiError) -> bool {
        match self {
            Self::Any => true,
            Self::In(statuses) => statuses.contains(&error.status),
            Self::NotFound => error.status == 404 && error.code == Some(404),
            Self::NotFoundPage => error.status == 404 && error.code.is_none(),
            Self::Server => error.status >= 500,
        }
    }
}

impl Age {
    fn fits(self, age: Option<SignedDuration>) -> bool {
        match self {
            Self::Any => true,
            Self::Young => age.is_some_and(|age| age < YOUNG),
        }
    }
}

fn failure(error: &ApiError, kind: FailureKind, code: FailureCode) -> Failure {
    // The text of a page that is not Google's envelope may hold anything.
    let words = if error.structured { error.shown.message.as_str() } else { "(no error envelope)" };
    let detail = format!("{}: {} {} {words}", error.call.template(), error.status, error.shown.reason);
    let failure = Failure::new(kind, code).with_detail(&detail);
    let pause = (code == FailureCode::DailyQuotaSpent).then_some(DAILY_QUOTA_PAUSE);
    match error.retry_after.max(pause) {
        Some(wish) => failure.after_ms(u64::try_from(wish.as_millis()).unwrap_or(u64::MAX)),
        None => failure,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
