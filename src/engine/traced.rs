//! What spans say: of an event that came, of a step that ran, of an outcome that is told. Never a name, an address or a secret: the
//! engineer's key, a step, an outcome. A step is a trace of its own, linked to the span of the event behind its row: work on an engineer
//! takes days, and no span may. Not here: calls to Google (`google/transport`), what a door knows of a message (the doors), logs and
//! metrics (`observe`).

use super::{Admitted, Engine, IntakeError};
use crate::model::enrollment::Enrollment;
use crate::model::event::{Event, Refusal};
use crate::model::failure::FailureKind;
use crate::model::id::ResellerName;
use crate::model::outcome::Outcome as Told;
use crate::model::plan::StepName;
use crate::model::statement::Cause;
use crate::steps::Outcome;
use crate::trace::{self, Context, Kind, Notes, Span, Tracer};

impl Engine {
    /// Where spans go.
    pub fn tracer(&self) -> &Tracer {
        &self.settings.tracer
    }
}

/// An event is to be admitted, in the span of the door that it came in by.
pub(super) fn admits(event: &Event) {
    let span = trace::current();
    span.about(&event.reference.id, event.trace_parent.as_deref().and_then(Context::parse));
    span.note(|notes| {
        notes.text("cloudevents.event_id", &event.reference.id);
        notes.text("cloudevents.event_source", &event.reference.source);
        notes.text(
            "cloudevents.event_type",
            &format!("com.carepass.engineer.{}.v1", event.event_type().word()),
        );
        notes.text("carepass.engineer", event.engineer().as_str());
        if let Some(case) = &event.correlation_id {
            notes.text("carepass.correlation_id", case);
        }
    });
}

/// An event cannot even be read; as much is known of it as could be.
pub(super) fn cannot_read(refusal: &Refusal, sender: Option<Context>) {
    let Some(event) = &refusal.event else { return };
    let span = trace::current();
    span.about(&event.id, sender);
    span.note(|notes| {
        notes.text("cloudevents.event_id", &event.id);
        notes.text("cloudevents.event_source", &event.source);
    });
}

/// What became of it.
pub(super) fn admitted(admitted: &Result<Admitted, IntakeError>) {
    trace::current().note(|notes| {
        let outcome = match admitted {
            Ok(Admitted::Applied(_)) => "applied",
            Ok(Admitted::Unchanged(_)) => "unchanged",
            Err(IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal)) => {
                notes.text("carepass.reason", refusal.reason.code());
                "refused"
            }
            Err(IntakeError::Unavailable(_)) => {
                notes.text("error.type", "unavailable");
                notes.failed();
                "unavailable"
            }
        };
        notes.text("carepass.outcome", outcome);
    });
}

/// A step of a row begins.
pub(super) fn step(tracer: &Tracer, row: &Enrollment, step: StepName, attempt: u32) -> Span {
    let span = tracer.begin(Kind::Internal, "step");
    about(&span, row.cause.as_ref());
    span.note(|notes| {
        notes.name(format!("step {step}"));
        notes.text("carepass.step", step.as_str());
        notes.number("carepass.attempt", attempt.into());
        of_row(notes, row);
        of_cause(notes, row.cause.as_ref());
    });
    span
}

/// Something is looked at that no step asks for.
pub(super) fn look(tracer: &Tracer, name: &'static str, reseller: &ResellerName) -> Span {
    let span = tracer.begin(Kind::Internal, name);
    span.note(|notes| notes.text("carepass.reseller", reseller.as_str()));
    span
}

/// It has run.
pub(super) fn ran(outcome: &Outcome) {
    trace::current().note(|notes| match outcome {
        Ok(ensured) => notes.text("carepass.outcome", if ensured.made { "made" } else { "found" }),
        Err(failure) => {
            notes.text("carepass.outcome", failure.code.as_str());
            match failure.kind {
                FailureKind::Transient | FailureKind::Permanent => {
                    notes.text("error.type", failure.code.as_str());
                    notes.failed();
                }
                // What is waited for has not gone wrong.
                FailureKind::Throttled | FailureKind::NotYet | FailureKind::Needs(_) => (),
            }
        }
    });
}

/// An outcome is to be told.
pub(super) fn tells(tracer: &Tracer, told: &Told) -> Span {
    let span = tracer.begin(Kind::Producer, "send");
    about(&span, told.about.cause());
    span.note(|notes| {
        notes.text("messaging.operation.type", "send");
        notes.text("messaging.message.id", &told.id);
        notes.text("cloudevents.event_id", &told.id);
        notes.text("cloudevents.event_type", told.kind.event_type());
        if let Some(key) = told.about.engineer() {
            notes.text("carepass.engineer", key.as_str());
        }
        of_cause(notes, told.about.cause());
    });
    span
}

/// For lines about a row: the ids of the event behind it; where that names no trace, our own stays.
pub(super) fn lines_about(row: &Enrollment) -> Span {
    let running = trace::current();
    if running.is_some() || row.cause.is_none() {
        return running;
    }
    let span = Tracer::default().begin(Kind::Internal, "line");
    about(&span, row.cause.as_ref());
    span
}

fn about(span: &Span, cause: Option<&Cause>) {
    if let Some(cause) = cause {
        span.about(&cause.event.id, cause.trace_parent.as_deref().and_then(Context::parse));
    }
}

fn of_row(notes: &mut Notes<'_>, row: &Enrollment) {
    if let Some(key) = row.id.engineer() {
        notes.text("carepass.engineer", key.as_str());
    }
    if let Some(reseller) = row.id.reseller() {
        notes.text("carepass.reseller", reseller.as_str());
    }
    if let Some(domain) = row.id.domain() {
        notes.text("carepass.domain", domain.as_str());
    }
}

fn of_cause(notes: &mut Notes<'_>, cause: Option<&Cause>) {
    let Some(cause) = cause else { return };
    notes.text("carepass.cause_id", &cause.event.id);
    notes.text("carepass.cause_source", &cause.event.source);
    if let Some(case) = &cause.correlation_id {
        notes.text("carepass.correlation_id", case);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{Goal, Want};
    use crate::model::failure::{Failure, FailureCode, Who};
    use crate::trace::tracer;
    use jiff::Timestamp;

    /// Exactly these attributes: what is added is thought about here first. Evidence may hold an address, and is for the operator.
    #[test]
    fn a_step_that_failed_tells_its_code_and_no_evidence() {
        let goal = Goal { want: Want::Present, revision: 1 };
        let row = Enrollment::open("domain/E-1/se/a.se".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
        let check = |failure: Failure, more: &[&str]| {
            let (tracer, mut spans) = tracer(|| Timestamp::UNIX_EPOCH, fastrand::Rng::with_seed(7));
            let failure = Failure { detail: "asa.lind@a.se".to_owned(), ..failure };
            step(&tracer, &row, StepName::Account, 2).show(|| ran(&Err(failure)));
            let span = spans.try_recv().unwrap();
            let told: Vec<&str> = span.attributes.iter().map(|(key, _)| *key).collect();
            let of_step = ["step", "attempt", "engineer", "reseller", "domain", "outcome"];
            let of_step = of_step.map(|key| format!("carepass.{key}"));
            let expected: Vec<&str> =
                of_step.iter().map(String::as_str).chain(more.iter().copied()).collect();
            assert_eq!((told, span.has_failed), (expected, !more.is_empty()));
            assert!(!format!("{span:?}").contains("asa.lind"), "{span:?}");
        };
        check(Failure::permanent(FailureCode::RequestRefused), &["error.type"]);
        check(Failure::needs(Who::Operator, FailureCode::AddressTaken), &[]);
    }
}
