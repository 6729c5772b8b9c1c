//! Somebody's word that a thing was done which no API does: an operator's, on a task, or carepass's own, when a detector saw it. It
//! holds for what it was given for, and until the opposite shows. Pure.
//! Not here: the attestations of the configuration (`reseller`), giving a word (`transition`), and looking (`steps`).

use super::enrollment::{Enrollment, Facts, State, TargetKind};
use super::failure::FailureCode;
use super::id::{CustomerId, DomainName};
use super::plan::StepName;
use super::reseller::{Attestation, Reseller};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What can be confirmed. Names are stored: never rename one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Automatic licensing is off for the unit.
    AutoLicensing,
    /// The free subscription was taken.
    FreeSubscription,
    /// Engineers can enrol in 2-Step Verification, whatever the policies seem to say.
    TwoStepPolicy,
    /// Case mail of a domain is routed to the engineers.
    CaseAlertRoute,
    /// Case mail of one engineer is redirected.
    CaseAlerts,
    /// An address from the changed name is to be added.
    Rename,
}

/// A word, and what it was given for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Word {
    /// The name of the operator's token; none: carepass saw it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was given, or when what was seen was done.
    pub at: Timestamp,
    /// The operator's reason, or what was seen.
    pub reason: String,
    /// The customer it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The organisational unit it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit: Option<String>,
    /// The domains it is about.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub domains: BTreeSet<DomainName>,
    /// The route of case mail is an address map: each engineer is entered by hand and is a task of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_by_one: bool,
}

/// Whether a thing is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody said so, and nothing has shown the opposite since.
    Confirmed,
    /// Somebody said so, and the opposite showed later.
    TakenBack,
    /// Nobody has said so of what there is now.
    Unsaid,
}

impl Subject {
    /// What the step asks a person for.
    pub fn of(kind: TargetKind, step: StepName) -> Option<Self> {
        let asked = [
            (TargetKind::Reseller, StepName::AutoLicensing, Self::AutoLicensing),
            (TargetKind::Reseller, StepName::FreeSubscription, Self::FreeSubscription),
            (TargetKind::Reseller, StepName::TwoStepPolicy, Self::TwoStepPolicy),
            (TargetKind::Reseller, StepName::CaseAlertRoute, Self::CaseAlertRoute),
            (TargetKind::Domain, StepName::CaseAlerts, Self::CaseAlerts),
            (TargetKind::Domain, StepName::Name, Self::Rename),
        ];
        asked.into_iter().find(|row| (row.0, row.1) == (kind, step)).map(|row| row.2)
    }

    /// What a step that waits for this thing asks a person for.
    pub fn asked(kind: TargetKind, step: StepName, code: FailureCode) -> Option<Self> {
        Self::of(kind, step).filter(|subject| subject.codes().contains(&code))
    }

    /// What the row waits for somebody's word on, if that is what it waits for.
    pub fn asked_by(row: &Enrollment) -> Option<Self> {
        let State::Waiting { at, reason, .. } = &row.state else { return None };
        Self::asked(row.id.kind(), at.step, reason.code)
    }

    /// The failures that a word cures.
    pub fn codes(self) -> &'static [FailureCode] {
        match self {
            Self::AutoLicensing => &[FailureCode::AutoLicensingUnconfirmed],
            Self::FreeSubscription => &[FailureCode::FreeSubscriptionUnconfirmed],
            Self::TwoStepPolicy => &[FailureCode::TwoStepEnforced],
            Self::CaseAlertRoute => &[FailureCode::CaseRouteUnconfirmed],
            Self::CaseAlerts => &[FailureCode::CaseRedirectNeeded],
            Self::Rename => &[FailureCode::RenameQuestion],
        }
    }

    /// Whether it is about one organisational unit; another one needs another word.
    fn is_of_a_unit(self) -> bool {
        match self {
            Self::AutoLicensing | Self::TwoStepPolicy => true,
            Self::FreeSubscription | Self::CaseAlertRoute | Self::CaseAlerts | Self::Rename => false,
        }
    }

    fn attestation(self, reseller: &Reseller) -> Option<&Attestation> {
        match self {
            Self::AutoLicensing => reseller.auto_licensing_off.as_ref(),
            Self::FreeSubscription => reseller.free_subscription.as_ref(),
            Self::TwoStepPolicy => reseller.two_step_policy.as_ref(),
            Self::CaseAlertRoute => reseller.case_alert_route.as_ref(),
            Self::CaseAlerts | Self::Rename => None,
        }
    }
}

impl Word {
    /// A word about what the facts of a row name.
    pub fn about(facts: &Facts, by: Option<String>, at: Timestamp, reason: String) -> Self {
        Self {
            by,
            at,
            reason,
            customer: facts.customer.clone(),
            org_unit: facts.org_unit.clone(),
            domains: facts.domains.clone().unwrap_or_default(),
            one_by_one: false,
        }
    }
}

/// Whether a thing is confirmed for a reseller account, by its configuration or in the facts of its row. A day of the configuration
/// counts from its beginning (UTC): what shows itself on that very day came later, and takes it back.
pub fn standing(subject: Subject, reseller: &Reseller, facts: &Facts) -> Standing {
    let opposite = facts.auto_licensing_on_at.filter(|_| subject == Subject::AutoLicensing);
    let attested = subject.attestation(reseller);
    let attestation_holds = attested.is_some_and(|attestation| {
        opposite.is_none_or(|on_at| on_at.to_zoned(TimeZone::UTC).date() < attestation.on)
    });
    let word = facts.words.get(&subject).filter(|word| fits(subject, word, reseller, facts));
    let word_holds = word.is_some_and(|word| opposite.is_none_or(|on_at| on_at < word.at));
    if attestation_holds || word_holds {
        Standing::Confirmed
    } else if attested.is_some() || word.is_some() {
        Standing::TakenBack
    } else {
        Standing::Unsaid
    }
}

/// Whether one rule routes the case mail of the whole domain, so that nobody has to enter each engineer.
pub fn routes_all_of(domain: &DomainName, reseller: &Reseller, facts: &Facts) -> bool {
    let word = facts.words.get(&Subject::CaseAlertRoute);
    reseller.case_alert_route.is_some()
        || word.is_some_and(|word| {
            !word.one_by_one
                && word.customer.as_ref() == Some(&reseller.customer)
                && word.domains.contains(domain)
        })
}

/// Whether the word was given for the customer, the unit and the domains that there are now.
fn fits(subject: Subject, word: &Word, reseller: &Reseller, facts: &Facts) -> bool {
    let same_unit = !subject.is_of_a_unit() || word.org_unit.is_some() && word.org_unit == facts.org_unit;
    let same_domains = subject != Subject::CaseAlertRoute
        || facts.domains.as_ref().is_some_and(|domains| domains.is_subset(&word.domains));
    word.customer.as_ref() == Some(&reseller.customer) && same_unit && same_domains
}

#[cfg(test)]
mod tests {
    use super::super::reseller::{CaseAlerts, DomainChoice, LicenseMode, Removal, RoleChoice, TwoStepGate};
    use super::*;
    use std::collections::BTreeMap;

    const AT: &str = "2026-11-22T12:00:00Z";

    fn reseller(attested: bool) -> Reseller {
        let attestation = || Some(Attestation { by: "asa".into(), on: "2026-11-22".parse().unwrap() });
        Reseller {
            name: "nordic-se".parse().unwrap(),
            customer: "C01abc123".parse().unwrap(),
            admin: "robot@reseller-se.example".parse().unwrap(),
            domains: DomainChoice::Discover,
            org_unit: "/Customer Care".parse().unwrap(),
            license: LicenseMode::Auto,
            role: RoleChoice::ResellerAdmin { privileges: BTreeSet::new() },
            case_alerts: CaseAlerts::Redirect,
            auto_licensing_off: attested.then(attestation).flatten(),
            free_subscription: None,
            case_alert_route: None,
            two_step_policy: None,
            seats: None,
            removable_licenses: BTreeSet::new(),
            home: false,
            handover: crate::model::handover::Delivery::default(),
            home_accounts: BTreeMap::new(),
            removal: Removal::Suspend,
            two_step: TwoStepGate::default(),
            profiles: BTreeMap::new(),
        }
    }

    fn facts() -> Facts {
        Facts {
            customer: Some("C01abc123".parse().unwrap()),
            org_unit: Some("id:03ph1".into()),
            domains: Some(["a.se".parse().unwrap()].into()),
            ..Facts::default()
        }
    }

    fn said(subject: Subject, change: fn(&mut Facts)) -> Facts {
        let mut facts = facts();
        let word = Word::about(&facts, Some("asa".into()), AT.parse().unwrap(), "done".into());
        facts.words.insert(subject, word);
        change(&mut facts);
        facts
    }

    #[test]
    fn a_word_holds_for_what_it_was_given_for() {
        let check = |subject, change, expected| {
            let facts = said(subject, change);
            assert_eq!(standing(subject, &reseller(false), &facts), expected, "{subject:?} {facts:?}");
        };
        let other_unit: fn(&mut Facts) = |facts| facts.org_unit = Some("id:03ph2".into());
        let other_customer: fn(&mut Facts) =
            |facts| facts.words.values_mut().for_each(|word| word.customer = None);
        let new_domain: fn(&mut Facts) =
            |facts| facts.domains = Some(["a.se".parse().unwrap(), "b.se".parse().unwrap()].into());
        for subject in [
            Subject::AutoLicensing,
            Subject::FreeSubscription,
            Subject::TwoStepPolicy,
            Subject::CaseAlertRoute,
        ] {
            check(subject, |_| (), Standing::Confirmed);
            check(subject, other_customer, Standing::Unsaid);
        }
        check(Subject::AutoLicensing, other_unit, Standing::Unsaid);
        check(Subject::TwoStepPolicy, other_unit, Standing::Unsaid);
        check(Subject::FreeSubscription, other_unit, Standing::Confirmed);
        check(Subject::FreeSubscription, new_domain, Standing::Confirmed);
        check(Subject::CaseAlertRoute, new_domain, Standing::Unsaid);
        assert_eq!(standing(Subject::AutoLicensing, &reseller(false), &facts()), Standing::Unsaid);
    }

    #[test]
    fn what_shows_later_takes_a_word_back() {
        let check = |attested, on_at: &str, expected| {
            let mut facts = if attested { facts() } else { said(Subject::AutoLicensing, |_| ()) };
            facts.auto_licensing_on_at = Some(on_at.parse().unwrap());
            let found = standing(Subject::AutoLicensing, &reseller(attested), &facts);
            assert_eq!(found, expected, "{attested} {on_at}");
        };
        check(false, "2026-11-22T11:59:00Z", Standing::Confirmed);
        check(false, "2026-11-22T12:00:00Z", Standing::TakenBack);
        check(true, "2026-11-21T23:59:00Z", Standing::Confirmed);
        check(true, "2026-11-22T00:00:00Z", Standing::TakenBack);
        let mut facts = said(Subject::FreeSubscription, |_| ());
        facts.auto_licensing_on_at = Some("2026-11-23T00:00:00Z".parse().unwrap());
        assert_eq!(standing(Subject::FreeSubscription, &reseller(false), &facts), Standing::Confirmed);
    }

    #[test]
    fn a_route_is_a_rule_for_a_domain_or_a_map_of_addresses() {
        let (known, new) = ("a.se".parse().unwrap(), "b.se".parse().unwrap());
        let rule = said(Subject::CaseAlertRoute, |_| ());
        assert!(routes_all_of(&known, &reseller(false), &rule));
        assert!(!routes_all_of(&new, &reseller(false), &rule));
        let map = said(Subject::CaseAlertRoute, |facts| {
            facts.words.values_mut().for_each(|word| word.one_by_one = true);
        });
        assert_eq!(standing(Subject::CaseAlertRoute, &reseller(false), &map), Standing::Confirmed);
        assert!(!routes_all_of(&known, &reseller(false), &map));
        assert!(!routes_all_of(&known, &reseller(false), &facts()));
    }
}
