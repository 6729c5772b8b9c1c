//! What comes from outside: events by a door, an operator's orders, the death of the process, a domain that appears.
//! Not here: what the process does by itself (`super`).

use super::{OFFERS_MAX, RESELLERS, World, now, process};
use crate::lifecycle::history::{Act, DOMAINS, Item, NEW, key};
use carepass::engine::{EngineerOrder, IntakeError, OrderError, RowOrder};
use carepass::model::enrollment::{Enrollment, EnrollmentId, Goal, State, Want};
use carepass::model::entry::Change;
use carepass::model::transition::Input;
use carepass::store::Store;
use carepass::store::memory::Lost;
use std::collections::BTreeMap;

impl World {
    pub(super) fn happen(&mut self, item: &Item) {
        let expected = self.model.hear(item, self.clock.now());
        match &item.act {
            Act::Event(id, said) => {
                let found = self.deliver(said.body(*id).as_bytes());
                self.stats.events += 1;
                self.stats.dead += u64::from(found.is_some());
                assert_eq!(found, expected.map(str::to_owned), "of {item}");
                // The signal is usually answered at once.
                if self.chance.u8(..4) > 0 {
                    self.reconcile_all();
                }
            }
            Act::Approve(engineer) => {
                let key = key(*engineer).parse().expect("a key");
                for _ in 0..OFFERS_MAX {
                    let order = self.engine.order_engineer(&key, EngineerOrder::Approve, "ada", "it is so");
                    // Most are not held; an answer that is lost is asked for again.
                    if !matches!(now(order), Err(OrderError::Store(_))) {
                        break;
                    }
                }
            }
            Act::Retry => {
                // A person is slower than a signal.
                self.reconcile_all();
                for row in self.rows() {
                    let _ = now(self.engine.order_row(&row.id, RowOrder::Retry, "ada", "now"));
                }
            }
            Act::Crash => self.crash(),
            Act::NewDomain => {
                self.domains.insert(NEW);
                self.look_at_domains();
            }
        }
    }

    /// As a door does it: what could not be stored is offered again.
    fn deliver(&mut self, body: &[u8]) -> Option<String> {
        if self.chance.u8(..10) == 0 {
            self.stats.lost_commits += 1;
            let lost = if self.chance.bool() { Lost::AfterEffect } else { Lost::BeforeEffect };
            self.store.lose_next_commit(lost);
        }
        let headers = BTreeMap::new();
        for _ in 0..OFFERS_MAX {
            let admitted = self.engine.admit(body, Some("application/cloudevents+json"), &headers);
            match now(admitted) {
                Ok(_) => return None,
                Err(IntakeError::Refused(refusal) | IntakeError::NoRoom(refusal)) => {
                    return Some(refusal.reason.code().to_owned());
                }
                Err(IntakeError::Unavailable(_)) => (),
            }
        }
        panic!("an event that is never taken, so that nothing behind it is");
    }

    fn crash(&mut self) {
        self.stats.crashes += 1;
        self.picked.clear();
        self.runs.clear();
        self.engine = process(&self.store, &self.clock, &self.settings);
        for row in self.rows() {
            if matches!(row.state, State::Running { .. }) {
                self.advance(&row, Input::Orphaned);
            }
        }
        self.look_at_domains();
    }

    pub(super) fn open_resellers(&mut self) {
        for (name, _) in RESELLERS {
            let id = EnrollmentId::Reseller(name.parse().expect("a name"));
            let goal = Goal { want: Want::Present, revision: 0 };
            let mut row = Enrollment::open(id, goal, self.clock.now());
            row.state = State::Completed;
            self.commit(vec![Change::Enrollment { from: None, row: Box::new(row) }]);
        }
        self.look_at_domains();
    }

    /// The reseller accounts are ready all the time; what one that is not does is for `simulation` to show.
    fn look_at_domains(&mut self) {
        for (name, domains) in RESELLERS {
            let id = EnrollmentId::Reseller(name.parse().expect("a name"));
            let known = domains.iter().filter(|domain| self.domains.contains(domain));
            let known = Some(known.map(|domain| DOMAINS[*domain].parse().expect("a domain")).collect());
            // A commit may be lost with or without its effect.
            let row = loop {
                let before = now(self.store.enrollment(&id)).expect("memory answers").expect("just opened");
                if before.facts.domains == known {
                    break before;
                }
                let mut row = before.clone();
                row.version += 1;
                row.facts.domains.clone_from(&known);
                self.commit_row(&before, &row);
            };
            self.engine.learn(&row);
        }
    }
}
