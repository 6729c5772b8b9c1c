//! Two things that no API can do (`docs/GOOGLE.md` 31, 32): a person does them once per reseller account and says so, in the configuration
//! or on the task; or carepass sees it, in the audit log and in the list of licences. No account is made before that, so that no paid
//! licence comes with it. What shows itself to be on later takes an earlier word back, and what the log says of a unit that was there
//! before this one tells nothing of this one.
//! Not here: what a word is good for (`model/word`).

use super::optional::optional;
use super::{Context, Cost, Outcome, Step};
use crate::google::Audited;
use crate::google::activities::audited;
use crate::model::enrollment::{Facts, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::plan::StepName;
use crate::model::reseller::Reseller;
use crate::model::transition::Ensured;
use crate::model::word::{Standing, Subject, Word, standing};
use jiff::{SignedDuration, Timestamp};

/// How far back the audit log is read: Google keeps it for six months.
pub const LOG_AGE_MAX: SignedDuration = SignedDuration::from_hours(179 * 24);

/// Automatic licensing is off for the unit.
pub const AUTO_LICENSING: Step = Step {
    name: StepName::AutoLicensing,
    scope: TargetKind::Reseller,
    summary: "automatic licensing is known to be off",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(auto_licensing(cx)),
};

/// The free Cloud Identity subscription was taken.
pub const FREE_SUBSCRIPTION: Step = Step {
    name: StepName::FreeSubscription,
    scope: TargetKind::Reseller,
    summary: "the free Cloud Identity subscription is known to be taken",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(free_subscription(cx)),
};

async fn auto_licensing(cx: &Context<'_>) -> Outcome {
    // Where engineers have accounts of their own none is made, and nothing has to be so before that.
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let (site, subject) = (cx.site()?, Subject::AutoLicensing);
    let changes = optional(cx, site.google.licensing_changes(cx.now() - LOG_AGE_MAX).await)?;
    let path = cx.row.facts.org_unit_path.as_ref().unwrap_or(&site.reseller.org_unit);
    let seen = audited(&changes.unwrap_or_default(), path.as_str());
    let mut ensured = Ensured::default();
    if let Audited::On(at) = seen {
        ensured.facts.auto_licensing_on_at = Some(at);
    }
    let mut facts = cx.row.facts.clone();
    facts.learn((*ensured.facts).clone());
    if let Some(at) = known_off(&seen, &site.reseller, &facts)? {
        ensured.facts.words.insert(subject, seen_at(cx, at, "the audit log says so"));
    }
    Ok(ensured)
}

/// Whether automatic licensing is known to be off, and since when where the audit log alone says so. Errors:
/// `auto_licensing_unconfirmed`, with what is known.
pub fn known_off(seen: &Audited, reseller: &Reseller, facts: &Facts) -> Result<Option<Timestamp>, Failure> {
    if standing(Subject::AutoLicensing, reseller, facts) == Standing::Confirmed {
        return Ok(None);
    }
    match seen {
        Audited::Off(at) if is_proof(*at, facts) => Ok(Some(*at)),
        Audited::Off(_) | Audited::On(_) | Audited::Unclear(_) | Audited::Silent => {
            let failure = Failure::needs(Who::Operator, FailureCode::AutoLicensingUnconfirmed);
            Err(failure.with_detail(&evidence(seen, facts)))
        }
    }
}

/// Whether an "off" of that time is about the unit that there is now, and newer than what showed itself to be on.
fn is_proof(off_at: Timestamp, facts: &Facts) -> bool {
    facts.org_unit_made_at.is_none_or(|made_at| made_at <= off_at)
        && facts.auto_licensing_on_at.is_none_or(|on_at| on_at < off_at)
}

/// What is known, for whoever is asked.
fn evidence(seen: &Audited, facts: &Facts) -> String {
    let on = facts.auto_licensing_on_at.map(|at| format!("the audit log says that it was turned on at {at}"));
    let other = match seen {
        Audited::Off(at) if facts.org_unit_made_at.is_some_and(|made_at| *at < made_at) => {
            Some(format!("turned off at {at}, before the unit was made"))
        }
        Audited::Off(at) => Some(format!("turned off at {at}")),
        Audited::Unclear(entry) => Some(entry.clone()),
        Audited::On(_) | Audited::Silent => None,
    };
    on.into_iter().chain(other).collect::<Vec<_>>().join("; ")
}

async fn free_subscription(cx: &Context<'_>) -> Outcome {
    if cx.is_home() {
        return Ok(Ensured::default());
    }
    let (site, subject) = (cx.site()?, Subject::FreeSubscription);
    let mut ensured = Ensured::default();
    if standing(subject, &site.reseller, &cx.row.facts) == Standing::Confirmed {
        return Ok(ensured);
    }
    if optional(cx, site.google.is_free_license_held().await)? == Some(true) {
        ensured.facts.words.insert(subject, seen_at(cx, cx.now(), "an account holds Cloud Identity Free"));
        return Ok(ensured);
    }
    Err(Failure::needs(Who::Operator, FailureCode::FreeSubscriptionUnconfirmed))
}

/// What carepass saw itself counts like a word.
fn seen_at(cx: &Context<'_>, at: Timestamp, what: &str) -> Word {
    Word::about(&cx.row.facts, None, at, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_entry_proves_nothing_of_a_younger_unit_or_before_what_was_seen_on() {
        let check = |made_at: Option<i64>, on_at: Option<i64>, expected: bool, said: &str| {
            let facts = Facts {
                org_unit_made_at: made_at.map(at),
                auto_licensing_on_at: on_at.map(at),
                ..Facts::default()
            };
            assert_eq!(is_proof(at(10), &facts), expected, "{facts:?}");
            assert_eq!(evidence(&Audited::Off(at(10)), &facts), said, "{facts:?}");
        };
        let off = "turned off at 1970-01-01T00:00:10Z";
        check(None, None, true, off);
        check(
            Some(10),
            Some(9),
            true,
            &format!("the audit log says that it was turned on at 1970-01-01T00:00:09Z; {off}"),
        );
        check(Some(11), None, false, &format!("{off}, before the unit was made"));
        check(
            None,
            Some(10),
            false,
            &format!("the audit log says that it was turned on at 1970-01-01T00:00:10Z; {off}"),
        );
    }

    #[test]
    fn what_is_on_is_said_once() {
        let facts = Facts { auto_licensing_on_at: Some(at(9)), ..Facts::default() };
        let said = "the audit log says that it was turned on at 1970-01-01T00:00:09Z";
        assert_eq!(evidence(&Audited::On(at(9)), &facts), said);
        assert_eq!(evidence(&Audited::Silent, &facts), said);
        assert_eq!(evidence(&Audited::Unclear("an entry".into()), &Facts::default()), "an entry");
        assert_eq!(evidence(&Audited::Silent, &Facts::default()), "");
    }
}
