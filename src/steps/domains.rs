//! The reseller's domains are known: every verified one that is no alias, or the configured ones if they are among those.
//! Alias domains have no users of their own (`docs/GOOGLE.md` 36). Not here: taking anything away from a domain that vanished.

use super::{Context, Cost, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::DomainName;
use crate::model::plan::StepName;
use crate::model::reseller::DomainChoice;
use crate::model::transition::Ensured;
use std::collections::BTreeSet;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Domains,
    scope: TargetKind::Reseller,
    summary: "the verified domains are known",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let site = cx.site()?;
    let found = match site.reseller.domains {
        // Engineers have accounts of their own in the primary domain.
        DomainChoice::Discover if site.reseller.home => {
            site.google.primary_domain().await?.into_iter().collect()
        }
        DomainChoice::Discover | DomainChoice::These(_) => site.google.domains().await?,
    };
    let mut ensured = Ensured::default();
    ensured.facts.domains = Some(choose(&site.reseller.domains, found)?);
    Ok(ensured)
}

fn choose(choice: &DomainChoice, found: BTreeSet<DomainName>) -> Result<BTreeSet<DomainName>, Failure> {
    let absent =
        |detail: &str| Failure::needs(Who::Operator, FailureCode::DomainNotFound).with_detail(detail);
    match choice {
        DomainChoice::Discover if found.is_empty() => Err(absent("no verified domain")),
        DomainChoice::Discover => Ok(found),
        DomainChoice::These(wanted) => match wanted.difference(&found).next() {
            Some(missing) => Err(absent(missing.as_str())),
            None => Ok(wanted.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<DomainName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn only_verified_domains_are_used() {
        let found = || set(&["a.se", "b.se"]);
        assert_eq!(choose(&DomainChoice::Discover, found()), Ok(found()));
        assert_eq!(choose(&DomainChoice::These(set(&["b.se"])), found()), Ok(set(&["b.se"])));
        let failure = choose(&DomainChoice::These(set(&["b.se", "c.se"])), found()).unwrap_err();
        assert_eq!((failure.code, failure.detail.as_str()), (FailureCode::DomainNotFound, "c.se"));
        assert_eq!(choose(&DomainChoice::Discover, set(&[])).unwrap_err().code, FailureCode::DomainNotFound);
    }
}
