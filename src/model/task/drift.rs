//! Cards about what others have changed: one for each reseller account and kind of change, with everybody whose account it is. Read from the
//! account's row each time, so that a card closes itself when the next look does not find the thing.
//! Not here: the look (`engine/drift`), and the words (`message/drift`).

use super::super::drift::{Action, Finding, Kind};
use super::super::enrollment::{Enrollment, EnrollmentId};
use super::super::failure::{FailureCode, Prefilled, Who};
use super::super::message::{Place, drift::console_link, drift::drifted};
use super::super::person::Language;
use super::super::plan::StepName;
use super::{FINDING, Task, TaskId, Texts};
use jiff::Zoned;

/// What a person is asked about the reseller account of the row; nothing of other rows.
pub fn drift_tasks(row: &Enrollment, now: &Zoned) -> Vec<Task> {
    let (EnrollmentId::Reseller(name), Some(drift)) = (&row.id, &row.facts.drift) else { return Vec::new() };
    let asked = drift.findings.iter().filter(|finding| finding.action == Action::Ask);
    // Of its role the row asks by itself, once it has looked.
    let is_asked_for = |finding: &&Finding| {
        let waits_for_role = row.state.at().is_some_and(|at| at.step == StepName::Role);
        !(waits_for_role && matches!(finding.kind, Kind::RoleWidened | Kind::RoleNarrowed))
    };
    asked
        .filter(is_asked_for)
        .map(|finding| {
            let place = Place {
                reseller: Some(name.clone()),
                domain: None,
                step: None,
                look_again: drift.look_again,
                time_zone: now.time_zone().clone(),
            };
            let say = |language| drifted(finding.kind, &place, now.timestamp(), language);
            Task {
                id: TaskId::of(&format!("{name} drift {}", finding.kind)),
                code: FailureCode::DriftFound,
                step: StepName::Verify,
                on: Who::Operator,
                enrollment: finding.row(name),
                since: finding.since,
                look_again: drift.look_again,
                message: Texts { en: say(Language::English), sv: say(Language::Swedish) },
                detail: finding.detail.clone(),
                paste: None,
                values: values(finding, name),
                console_link: Some(console_link(finding.kind)),
                closes_itself: true,
                starts: None,
                starter: None,
                turn: None,
                leaving: finding.kind == Kind::Reopened,
                confirmable: false,
                reseller: Some(name.clone()),
                domain: finding.domain.clone(),
            }
        })
        .collect()
}

/// Whether the row shows something that a person is asked about.
pub fn asks_about_drift(row: &Enrollment) -> bool {
    row.facts
        .drift
        .as_ref()
        .is_some_and(|drift| drift.findings.iter().any(|finding| finding.action == Action::Ask))
}

fn values(finding: &Finding, name: &super::super::id::ResellerName) -> Vec<Prefilled> {
    let value = |name: &str, value: String| Prefilled { name: name.to_owned(), value };
    vec![value(FINDING, finding.id(name).to_string()), value("google_id", finding.subject.clone())]
}

#[cfg(test)]
mod tests {
    use super::super::super::drift::{Drift, Policy};
    use super::super::super::enrollment::{At, Goal, State, Want};
    use super::super::super::failure::Failure;
    use super::super::batch;
    use super::*;
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, Timestamp};
    use std::collections::BTreeSet;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn row(findings: &[(Kind, &str)]) -> Enrollment {
        let goal = Goal { want: Want::Present, revision: 0 };
        let row = Enrollment::open("reseller/nordic-se".parse().unwrap(), goal, at(0));
        let found = findings.iter().map(|(kind, key)| {
            let of = Some((key.parse().unwrap(), "a.example".parse().unwrap()));
            let of = of.filter(|_| *kind != Kind::RoleWidened);
            Finding::new(*kind, of, "1", "", at(0), &Policy::default())
        });
        let name = "nordic-se".parse().unwrap();
        let drift = Drift::after(None, &name, found.collect(), &BTreeSet::new(), at(0));
        let drift = Drift { look_again: Some(at(60)), ..drift };
        Enrollment { state: State::Completed, ..row }.with_drift(drift)
    }

    fn cards(row: &Enrollment) -> Vec<(String, usize)> {
        let tasks = drift_tasks(row, &at(1).to_zoned(TimeZone::UTC));
        let cards = batch(tasks).into_iter();
        cards.map(|card| (card.task.message.en.so, card.engineers.len())).collect()
    }

    #[test]
    fn there_is_a_card_for_each_kind_that_is_asked_about() {
        let found = cards(&row(&[
            (Kind::OtherRole, "E-1"),
            (Kind::OtherRole, "E-2"),
            (Kind::Reopened, "E-3"),
            (Kind::RoleTaken, "E-4"),
            (Kind::UnitChanged, "E-5"),
        ]));
        assert_eq!(found.iter().map(|(_, engineers)| *engineers).collect::<Vec<_>>(), [1, 2], "{found:?}");
        assert!(found[0].0.starts_with("The account of an engineer who has left"), "open access comes first");
        assert_eq!(cards(&row(&[])), []);
    }

    #[test]
    fn a_card_shows_every_finding_that_it_has_room_for() {
        let shown = |count: usize| {
            let keys: Vec<String> = (0..count).map(|n| format!("E-{n}")).collect();
            let found: Vec<(Kind, &str)> = keys.iter().map(|key| (Kind::OtherRole, key.as_str())).collect();
            let row = row(&found);
            let cards = batch(drift_tasks(&row, &at(1).to_zoned(TimeZone::UTC)));
            assert_eq!((cards.len(), cards[0].engineers.len()), (1, count));
            let values = cards[0].task.values.iter().filter(|value| value.name == "finding");
            values.map(|value| value.value.clone()).collect::<BTreeSet<String>>().len()
        };
        assert_eq!((shown(1), shown(3), shown(30)), (1, 3, 12));
    }

    #[test]
    fn what_the_accounts_own_row_asks_about_is_not_asked_twice() {
        let settled = row(&[(Kind::RoleWidened, "E-0")]);
        assert_eq!(cards(&settled).len(), 1);
        let here = At { step: StepName::Role, attempt: 1, runs: 1, looks: 1, waited_for: None, since: at(0) };
        let reason = Failure::needs(Who::Operator, FailureCode::RoleWidened);
        let waiting = State::Waiting { at: here, on: Who::Operator, reason, look_again: at(5) };
        assert_eq!(cards(&Enrollment { state: waiting, ..settled }), []);
    }
}
