//! What a person has to see to before accounts are made, as far as it can be seen without the store: by the configuration, the audit log,
//! the free licences and the policies, read as the steps read them. Not here: words that were given on tasks.

use super::Look;
use crate::app::flight::{Finding, Grade};
use crate::google::activities::audited;
use crate::google::policies::sign_in;
use crate::google::{Audited, LicensingChange, SignIn};
use crate::model::enrollment::Facts;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::reseller::CaseAlerts;
use crate::model::word::{Standing, Subject, standing};
use crate::steps::{LOG_AGE_MAX, known_off};

/// What a confirmation in the configuration is shown as.
const CONFIRMED: &str = "confirmed in the configuration";

impl Look<'_> {
    /// Each thing that is confirmed by a person, in the order of the set-up, and the audit log before what it shows.
    pub(super) async fn words(&self) -> Vec<Finding> {
        let (audit, changes) = self.audit_log().await;
        let automatic = self.auto_licensing(&changes).await;
        vec![audit, automatic, self.free_subscription().await, self.two_step().await, self.case_route()]
    }

    async fn audit_log(&self) -> (Finding, Vec<LicensingChange>) {
        let name = "audit log";
        match self.site.google.licensing_changes(self.clock.now() - LOG_AGE_MAX).await {
            Ok(changes) => {
                let said = format!("{} changes of automatic licensing", changes.len());
                (Finding::ok(name, said), changes)
            }
            Err(failure) => (self.unread(name, &failure), Vec::new()),
        }
    }

    async fn auto_licensing(&self, changes: &[LicensingChange]) -> Finding {
        let (name, reseller) = ("automatic licensing", &self.site.reseller);
        let mut seen = audited(changes, reseller.org_unit.as_str());
        let mut facts = Facts::default();
        match seen {
            Audited::On(at) => facts.auto_licensing_on_at = Some(at),
            // A unit that is still to be made is younger than every entry.
            Audited::Off(_) => match self.site.google.org_unit(&reseller.org_unit).await {
                Ok(Some(_)) => (),
                Ok(None) => facts.org_unit_made_at = Some(self.clock.now()),
                Err(_) => seen = Audited::Silent,
            },
            Audited::Unclear(_) | Audited::Silent => (),
        }
        match known_off(&seen, reseller, &facts) {
            Ok(None) => Finding::ok(name, CONFIRMED),
            Ok(Some(at)) => Finding::ok(name, format!("the audit log says that it was turned off at {at}")),
            Err(failure) => self.unconfirmed(name, &failure),
        }
    }

    async fn free_subscription(&self) -> Finding {
        let name = "free subscription";
        if self.is_attested(Subject::FreeSubscription) {
            return Finding::ok(name, CONFIRMED);
        }
        match self.site.google.is_free_license_held().await {
            Ok(true) => Finding::ok(name, "an account holds Cloud Identity Free"),
            // That it cannot be read is said with the licences.
            Ok(false) | Err(_) => self.asks(name, FailureCode::FreeSubscriptionUnconfirmed),
        }
    }

    async fn two_step(&self) -> Finding {
        let name = "2-Step Verification";
        match self.sign_in().await {
            Ok(SignIn::Open) => Finding::ok(name, "new accounts can sign in"),
            Ok(SignIn::Barred) if self.is_attested(Subject::TwoStepPolicy) => {
                let said = format!("enforced at the first sign-in; that engineers can enrol is {CONFIRMED}");
                Finding::ok(name, said)
            }
            Ok(SignIn::Barred) => self.asks(name, FailureCode::TwoStepEnforced),
            Ok(SignIn::Unclear) => Finding::new(
                name,
                Grade::Unknown,
                "the policies do not tell what will hold for a new account",
            )
            .advising("look in the Admin console, Security > 2-Step Verification"),
            Err(failure) => self.unread(name, &failure),
        }
    }

    /// What the policies say of a new account in the unit, or in the one that is to be made there.
    async fn sign_in(&self) -> Result<SignIn, Failure> {
        let (google, path) = (&self.site.google, &self.site.reseller.org_unit);
        let policies = google.policies().await?;
        let lineage = match google.org_unit(path).await? {
            Some(unit) => Some(google.lineage(&unit.id).await?),
            None => google.future_lineage(&policies, path).await?,
        };
        let now = self.clock.now();
        Ok(lineage.map_or(SignIn::Unclear, |lineage| sign_in(&policies, &lineage, now)))
    }

    fn case_route(&self) -> Finding {
        let name = "case mail route";
        match self.site.reseller.case_alerts {
            CaseAlerts::CaseSharing => Finding::ok(name, "not needed: engineers share cases in the portal"),
            CaseAlerts::Redirect if self.is_attested(Subject::CaseAlertRoute) => Finding::ok(name, CONFIRMED),
            CaseAlerts::Redirect => self.asks(name, FailureCode::CaseRouteUnconfirmed),
        }
    }

    fn is_attested(&self, subject: Subject) -> bool {
        standing(subject, &self.site.reseller, &Facts::default()) == Standing::Confirmed
    }

    fn asks(&self, check: &str, code: FailureCode) -> Finding {
        self.unconfirmed(check, &Failure::needs(Who::Operator, code))
    }

    fn unconfirmed(&self, check: &str, failure: &Failure) -> Finding {
        let finding = self.failed(check, failure);
        let said = format!(
            "{}; no account is made before it is confirmed; a word given on the task may stand in the store",
            finding.said
        );
        Finding { said, ..finding }
    }

    /// Nothing depends on it: carepass goes on without.
    fn unread(&self, check: &str, failure: &Failure) -> Finding {
        let finding = self.failed(check, failure);
        let grade = if finding.grade == Grade::Fault { Grade::Warning } else { finding.grade };
        Finding { grade, said: format!("cannot be read: {}", finding.said), ..finding }
    }
}
