//! What is done from outside: HR, a new domain, an operator. Not here: what carepass does by itself (`loops`).

use super::World;
use carepass::model::engineer::{Engineer, EventRef, Release, Scope};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Goal, State, TargetKind, Want};
use carepass::model::entry::{Actor, Change};
use carepass::model::event::Profile;
use carepass::model::id::EngineerKey;
use carepass::model::sealed::Sealed;
use carepass::model::statement::{Cause, Changed, Statement};
use carepass::model::time_zone::TimeZoneName;
use carepass::model::transition::{Input, Order, apply};

impl World {
    pub(super) fn open_resellers(&mut self) {
        for name in self.domains.keys().cloned().collect::<Vec<_>>() {
            let goal = Goal { want: Want::Present, revision: 0 };
            let row = Enrollment::open(EnrollmentId::Reseller(name), goal, self.now);
            assert!(self.commit(vec![Change::Enrollment { from: None, row: Box::new(row) }]));
        }
    }

    pub(super) fn join(&mut self, key: &str) {
        let key: EngineerKey = key.parse().unwrap();
        let cause = EventRef { source: "hr".into(), id: key.to_string() };
        let engineer = Engineer {
            key: key.clone(),
            version: 1,
            stated: Statement {
                goal: Goal { want: Want::Present, revision: 1 },
                from: self.now,
                own_from: self.now,
                own_revision: 1,
                employment: "1".parse().unwrap(),
                starts: None,
                time_zone: TimeZoneName::parse("UTC").unwrap(),
                scope: Scope::All,
                profile: Profile::SupportCases,
                person: Some(Sealed::from_bytes(Vec::new())),
                never_started: false,
                approval: None,
                content: String::new(),
                cause: Cause { event: cause.clone(), correlation_id: None, trace_parent: None },
            },
            upcoming: Vec::new(),
            changed: Changed::default(),
            username: None,
            aliases: Vec::new(),
            release: Release::Granted(self.now),
            asked: None,
            widened: None,
            past: Vec::new(),
            forgetting: None,
            at_risk: None,
            handover: None,
            reminded: None,
        };
        assert!(self.commit_as(Actor::Event(cause), vec![Change::Engineer(Box::new(engineer))]));
        self.engineers.push(key);
    }

    pub(super) fn new_domain(&mut self) {
        self.domains.get_mut(&"dk".parse().unwrap()).unwrap().insert("new.dk".parse().unwrap());
    }

    /// An operator retries what waits; a finished reseller account is looked at again now and then.
    pub(super) fn operate(&mut self) {
        if self.faults && self.chance.u8(..2) != 0 {
            return;
        }
        let rows = self.rows();
        let Some(row) = self.chance.choice(&rows) else { return };
        let input = match row.state {
            State::Waiting { on, .. } if on.is_a_person() => Input::Ordered(Order::Retry),
            State::Completed if row.id.kind() == TargetKind::Reseller && self.has_old_domains(row) => {
                Input::Recheck
            }
            State::Scheduled { .. }
            | State::Running { .. }
            | State::Waiting { .. }
            | State::Completed
            | State::Cancelled { .. } => return,
        };
        let Ok(moved) = apply(row, input, &self.rules, self.now) else { return };
        self.commit_row(row, &moved.after);
    }

    /// Whether the row does not know all domains of its reseller account yet; now and then also if it does.
    fn has_old_domains(&self, row: &Enrollment) -> bool {
        let EnrollmentId::Reseller(name) = &row.id else { return false };
        self.faults || row.facts.domains.as_ref() != Some(&self.domains[name])
    }
}
