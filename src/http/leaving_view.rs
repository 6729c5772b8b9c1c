//! How access ends, as the API shows it: when it was to, when it was gone everywhere, and where it is still open. Pure.
//! Not here: the rows themselves (`views`).

use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, TargetKind, Want};
use crate::model::id::DomainName;
use crate::model::person::Language;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// How access ends.
#[derive(Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Leaving")]
pub(super) struct LeavingView {
    /// When it was to end.
    pub(super) said_at: Timestamp,
    /// When it was seen to be gone in the last domain; null while it is open somewhere, and where nothing was ever open.
    pub(super) locked_out_at: Option<Timestamp>,
    /// How long that took, in seconds.
    pub(super) took_seconds: Option<i64>,
    /// Where it is not gone yet.
    pub(super) open: BTreeSet<DomainName>,
}

impl LeavingView {
    /// None for whoever is to have access everywhere; a domain that has left the scope shows until access is gone there.
    pub(super) fn of(engineer: &Engineer, rows: &[Enrollment]) -> Option<Self> {
        let ends =
            |row: &&Enrollment| row.id.kind() == TargetKind::Domain && row.newest_goal().want == Want::Absent;
        let rows: Vec<&Enrollment> = rows.iter().filter(ends).collect();
        let is_open = |row: &&&Enrollment| row.facts.locked_out_at.is_none() && !row.has_lost_access();
        let open: BTreeSet<DomainName> =
            rows.iter().filter(is_open).filter_map(|row| row.id.domain().cloned()).collect();
        let whole = engineer.stated.goal.want == Want::Absent;
        if !whole && open.is_empty() {
            return None;
        }
        let said_at = if whole {
            engineer.stated.from
        } else {
            rows.iter().filter_map(|row| row.leaving).map(|leaving| leaving.said_at).max()?
        };
        let gone = rows.iter().filter_map(|row| row.facts.locked_out_at).max();
        let locked_out_at = gone.filter(|_| open.is_empty());
        let took_seconds = locked_out_at.map(|at| at.duration_since(said_at).as_secs().max(0));
        Some(Self { said_at, locked_out_at, took_seconds, open })
    }
}

/// The emergency steps of the runbook, in short.
pub(super) fn by_hand(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Access that was to end is still open. Lock it out by hand now: Admin console > Directory > Users > the account > \
             Admin roles and privileges: take the roles away; Security > Sign-in cookies: reset; More options > Suspend user. \
             carepass sees it and goes on by itself."
        }
        Language::Swedish => {
            "Åtkomst som skulle upphöra är fortfarande öppen. Stäng den för hand nu: Administratörskonsolen > Katalog > Användare > \
             kontot > Administratörsroller och behörigheter: ta bort rollerna; Säkerhet > Inloggningscookies: återställ; \
             Fler alternativ > Stäng av användare. carepass ser det och fortsätter själv."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{Goal, State};
    use jiff::SignedDuration;

    #[test]
    fn access_is_open_until_the_last_domain_is_locked_out() {
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let goal = Goal { want: Want::Absent, revision: 2 };
        let row =
            |domain: &str| Enrollment::open(format!("domain/E-1/se/{domain}").parse().unwrap(), goal, at(10));
        let (mut first, second) = (row("a.se"), row("b.se"));
        first.facts.locked_out_at = Some(at(14));
        let mut engineer = Engineer::example("E-1");
        let shown = |engineer: &Engineer, rows: &[Enrollment]| {
            let shown = LeavingView::of(engineer, rows)?;
            let open: Vec<String> = shown.open.iter().map(ToString::to_string).collect();
            Some((shown.took_seconds, open.join(" ")))
        };
        assert_eq!(shown(&engineer, &[]), None);
        assert_eq!(
            shown(&engineer, &[first.clone()]),
            None,
            "a domain that left the scope, and is locked out"
        );
        assert_eq!(shown(&engineer, std::slice::from_ref(&second)), Some((None, "b.se".into())));
        (engineer.stated.goal, engineer.stated.from) = (goal, at(10));
        assert_eq!(shown(&engineer, &[first.clone(), second.clone()]), Some((None, "b.se".into())));
        let mut gone = second.clone();
        gone.facts.locked_out_at = Some(at(17));
        assert_eq!(shown(&engineer, &[first.clone(), gone]), Some((Some(7), String::new())));
        let mut never = second;
        never.state = State::Completed;
        assert_eq!(shown(&engineer, &[first, never.clone()]), Some((Some(4), String::new())));
        assert_eq!(shown(&engineer, &[never]), Some((None, String::new())));
    }
}
