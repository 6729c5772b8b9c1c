//! What an order for new first passwords is answered: the engineer, and the domains in which none is set, with the reason. Pure.
//! Not here: the order (`engine/orders`).

use super::language::Spoken;
use super::problem::{Fault, Problem};
use super::views::EngineerView;
use crate::engine::{NotReissued, Refused};
use crate::model::id::{DomainName, ResellerName};
use crate::model::person::Language;
use serde::Serialize;

/// The engineer, and where the order was refused.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Reissue")]
pub(super) struct ReissueView {
    #[serde(flatten)]
    engineer: EngineerView,
    reissue_refused: Vec<RefusedView>,
}

/// A domain in which no new password is set.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "NotReissued")]
struct RefusedView {
    reseller: Option<ResellerName>,
    domain: Option<DomainName>,
    reason: &'static str,
    message: &'static str,
}

impl ReissueView {
    pub(super) fn of(engineer: EngineerView, refused: &[Refused], spoken: Spoken) -> Self {
        let view = |(id, why): &Refused| RefusedView {
            reseller: id.reseller().cloned(),
            domain: id.domain().cloned(),
            reason: why.code(),
            message: why.words(spoken.0),
        };
        Self { engineer, reissue_refused: refused.iter().map(view).collect() }
    }
}

/// The problem where no domain is left.
pub(super) fn nothing(refused: &[Refused]) -> Problem {
    let fault = |(id, why): &Refused| Fault {
        place: id.domain().map_or_else(|| id.to_string(), ToString::to_string),
        detail: why.words(Language::English).to_owned(),
        reason: Some(why.code()),
    };
    Problem::unfit(refused.iter().map(fault).collect())
}

impl NotReissued {
    fn code(self) -> &'static str {
        match self {
            Self::InUse => "password_in_use",
            Self::UnderWay => "under_way",
            Self::NoFirstPassword => "no_first_password",
        }
    }

    fn words(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::InUse, Language::English) => {
                "Somebody has signed in, so the account has a password of its owner's. Use Google's account recovery, or reset it in the Admin console."
            }
            (Self::InUse, Language::Swedish) => {
                "Någon har loggat in, så kontot har ett eget lösenord. Använd Googles kontoåterställning eller återställ det i administratörskonsolen."
            }
            (Self::UnderWay, Language::English) => {
                "The domain is not finished. Its first password is handed over when it is; look at the enrollment."
            }
            (Self::UnderWay, Language::Swedish) => {
                "Domänen är inte klar. Det första lösenordet lämnas ut när den är det; titta på registreringen."
            }
            (Self::NoFirstPassword, Language::English) => {
                "There is no account here whose first password carepass hands over."
            }
            (Self::NoFirstPassword, Language::Swedish) => {
                "Här finns inget konto vars första lösenord carepass lämnar ut."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_domain_without_a_new_password_is_named_with_its_reason() {
        let id = |text: &str| text.parse().unwrap();
        let refused = [
            (id("domain/E-1/se/a.se"), NotReissued::InUse),
            (id("domain/E-1/se/b.se"), NotReissued::UnderWay),
            (id("engineer/E-1"), NotReissued::NoFirstPassword),
        ];
        let named: Vec<_> = nothing(&refused)
            .errors
            .into_iter()
            .map(|fault| (fault.place, fault.reason.unwrap_or_default()))
            .collect();
        let expected =
            [("a.se", "password_in_use"), ("b.se", "under_way"), ("engineer/E-1", "no_first_password")];
        assert_eq!(named, expected.map(|(place, reason)| (place.to_owned(), reason)));
        for (_, why) in refused {
            assert_ne!(why.words(Language::English), why.words(Language::Swedish));
        }
    }
}
