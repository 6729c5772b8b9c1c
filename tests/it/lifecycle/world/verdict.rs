//! What was found at rest, against what the model says. Not here: the model.

use super::{World, domain_of, now};
use crate::lifecycle::google::Account;
use crate::lifecycle::history::{DOMAINS, key};
use crate::lifecycle::model::Stands;
use carepass::model::engineer::Release;
use carepass::model::entry::{Entry, Position};
use carepass::model::id::{DomainName, EngineerKey};
use carepass::store::Store;
use std::collections::BTreeMap;

impl World {
    pub(super) fn check(&mut self) {
        let mut found: BTreeMap<(EngineerKey, DomainName), &Account> = BTreeMap::new();
        for ((domain, _), account) in &self.google.accounts {
            let second = found.insert((account.owner.clone(), domain.clone()), account);
            assert!(second.is_none(), "{} has two accounts in {domain}", account.owner);
        }
        let expected = self.model.at_rest();
        for ((engineer, domain), stands) in &expected {
            let account = found.remove(&(key(*engineer).parse().expect("a key"), domain_of(*domain)));
            let fits = match stands {
                Stands::Open => account.is_some_and(|one| one.has_role && !one.is_suspended),
                Stands::LockedOut => account.is_none_or(|one| !one.has_role && one.is_suspended),
                Stands::Nothing => account.is_none(),
            };
            self.stats.open += u64::from(*stands == Stands::Open);
            self.stats.locked_out += u64::from(*stands == Stands::LockedOut && account.is_some());
            assert!(fits, "{} in {}: {account:?} and not {stands:?}", key(*engineer), DOMAINS[*domain]);
        }
        assert!(found.is_empty(), "accounts of people whom no event names: {found:?}");
        self.stats.held +=
            self.engineers().iter().filter(|one| matches!(one.release, Release::Held { .. })).count() as u64;
        let entries = now(self.store.entries(Position::default(), usize::MAX)).expect("memory answers");
        let follow = |pair: &[Entry]| pair[0].position.0 + 1 == pair[1].position.0;
        assert!(entries.windows(2).all(follow), "a gap in the ledger");
    }
}
