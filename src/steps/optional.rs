//! Reads that nothing depends on: where they are not allowed or do not work, what they would show stays unknown and nothing else stops.
//! Not here: what is read.

use super::Context;
use crate::model::failure::{Failure, FailureCode, FailureKind};
use jiff::SignedDuration;

/// Tries before an answer is done without, and how long it is tried.
const TRIES: u32 = 3;
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// What was read, or nothing. Errors: passing trouble, as long as it is worth trying again; never anything that a person is asked for.
pub(super) fn optional<T>(cx: &Context<'_>, read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    let failure = match read {
        Ok(value) => return Ok(Some(value)),
        Err(failure) => failure,
    };
    let patient = cx.attempt < TRIES && cx.now().duration_since(cx.since) < PATIENCE;
    if patient && !is_forbidden(failure.code) {
        let kind = match failure.kind {
            kind @ (FailureKind::Transient | FailureKind::Throttled | FailureKind::NotYet) => kind,
            FailureKind::Needs(_) | FailureKind::Permanent => FailureKind::Transient,
        };
        return Err(Failure { kind, ..failure });
    }
    tracing::info!(row = %cx.row.id, code = %failure.code, detail = failure.detail, "an optional read stays unknown");
    Ok(None)
}

/// It was not allowed, which is nobody's fault here.
fn is_forbidden(code: FailureCode) -> bool {
    [
        FailureCode::DelegationMissing,
        FailureCode::NotAuthorized,
        FailureCode::ApiDisabled,
        FailureCode::CredentialsRefused,
    ]
    .contains(&code)
}
