//! What is left of an engineer when all access is gone. Who was called off before the start, and for whom nothing was made, gives the name
//! back. Who is to be forgotten loses the record, everything that was sealed for it, parked messages and the data key, in one commit; the ledger keeps who
//! did what and when under the opaque key, and verifies as before.
//! Not here: ending access (`steps/leaving`), and destroying the key's file, which the store does (`Change::Erased`).

use super::Engine;
use crate::model::engineer::{Engineer, Forgetting};
use crate::model::enrollment::{Enrollment, EnrollmentId, Want};
use crate::model::entry::{Actor, Change, Commit};
use crate::model::id::LocalPart;
use crate::steps::House;
use crate::store::StoreError;
use jiff::Timestamp;

impl Engine {
    /// Does what is due once every row has settled. Somebody else's change is a conflict: it is looked at again.
    pub(super) async fn clear_up(&self, engineer: &Engineer, rows: &[Enrollment]) -> Result<(), StoreError> {
        if !is_over(engineer, rows) {
            return Ok(());
        }
        let now = self.house.clock.now();
        let changes = match engineer.forgetting {
            Some(Forgetting::Asked(_)) => {
                let mut changes = forgotten(engineer, rows, now);
                changes.extend(self.drop_letters_of(&engineer.key).await?);
                changes
            }
            Some(Forgetting::Done(_)) | None if is_no_show(engineer, rows) => {
                self.name_freed(engineer).await?
            }
            Some(Forgetting::Done(_)) | None => return Ok(()),
        };
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(Commit::new(now, Actor::Engine, changes)).await?;
        self.grown.notify_one();
        Ok(())
    }

    /// The reserved names, given back. A record that cannot be opened keeps them: nobody can tell which they are.
    async fn name_freed(&self, engineer: &Engineer) -> Result<Vec<Change>, StoreError> {
        if engineer.username.is_none() && engineer.aliases.is_empty() {
            return Ok(Vec::new());
        }
        let data_key = match self.house.store.data_key(&engineer.key).await {
            Err(StoreError::Damaged(_)) => None,
            answer => answer?,
        };
        let place = House::username_place(&engineer.key);
        let Some(data_key) = data_key else { return Ok(Vec::new()) };
        let sealed = engineer.username.iter().chain(&engineer.aliases);
        let names: Result<Vec<LocalPart>, _> =
            sealed.map(|sealed| self.house.open(&data_key, &place, sealed)).collect();
        let Ok(names) = names else { return Ok(Vec::new()) };
        let mut freed = engineer.clone();
        freed.version += 1;
        freed.username = None;
        freed.aliases.clear();
        let released = names.iter().map(|name| Change::Released {
            tag: self.house.sealer.tag(name),
            engineer: engineer.key.clone(),
        });
        Ok(released.chain([Change::Engineer(Box::new(freed))]).collect())
    }
}

/// Whether all access has ended and nothing is to come: every row has settled, and whoever had a row has a farewell.
fn is_over(engineer: &Engineer, rows: &[Enrollment]) -> bool {
    let ended = |row: &Enrollment| row.is_settled() && row.goal.want == Want::Absent && row.next.is_none();
    let told = rows.iter().any(|row| matches!(row.id, EnrollmentId::Engineer(_)));
    engineer.stated.goal.want == Want::Absent
        && engineer.upcoming.is_empty()
        && rows.iter().all(ended)
        && (told || rows.is_empty())
}

/// Whether the engineer never started, and no account was ever made anywhere.
fn is_no_show(engineer: &Engineer, rows: &[Enrollment]) -> bool {
    engineer.stated.never_started && rows.iter().all(|row| row.facts.account.is_none())
}

fn forgotten(engineer: &Engineer, rows: &[Enrollment], now: Timestamp) -> Vec<Change> {
    let mut bare = engineer.clone();
    bare.version += 1;
    bare.stated.person = None;
    bare.username = None;
    bare.aliases.clear();
    if let Some(last) = &mut bare.handover {
        last.wrapped = None;
    }
    bare.forgetting = Some(Forgetting::Done(now));
    let sealed = rows.iter().filter(|row| row.credential.is_some() || row.home_account.is_some());
    let emptied = sealed.map(|row| {
        let mut bare = row.clone();
        bare.version += 1;
        (bare.credential, bare.home_account) = (None, None);
        // What it has to tell was told when it settled.
        bare.rechecking = true;
        Change::Enrollment { from: Some(row.version), row: Box::new(bare) }
    });
    let erased = Change::Erased { engineer: engineer.key.clone() };
    [Change::Engineer(Box::new(bare))].into_iter().chain(emptied).chain([erased]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{Goal, State};
    use crate::model::sealed::Sealed;

    const DOMAIN: &str = "domain/E-1/se/a.se";

    fn leaver() -> Engineer {
        let mut engineer = Engineer::example("E-1");
        engineer.stated.goal = Goal { want: Want::Absent, revision: 2 };
        engineer.username = Some(Sealed::from_bytes(vec![2; 8]));
        engineer.aliases = vec![Sealed::from_bytes(vec![3; 8])];
        engineer.forgetting = Some(Forgetting::Asked(Timestamp::UNIX_EPOCH));
        engineer
    }

    fn row(id: &str, state: State) -> Enrollment {
        let goal = Goal { want: Want::Absent, revision: 2 };
        let mut row = Enrollment::open(id.parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
        row.credential = Some(Sealed::from_bytes(vec![1; 8]));
        row.state = state;
        row
    }

    #[test]
    fn nobody_is_forgotten_before_all_access_is_gone() {
        let over = |rows: &[Enrollment]| is_over(&leaver(), rows);
        let open = Enrollment::open(
            DOMAIN.parse().unwrap(),
            Goal { want: Want::Absent, revision: 2 },
            Timestamp::UNIX_EPOCH,
        );
        assert!(over(&[]));
        assert!(!over(&[row(DOMAIN, State::Completed)]), "the farewell is still to come");
        assert!(over(&[row(DOMAIN, State::Completed), row("engineer/E-1", State::Completed)]));
        assert!(!over(&[open, row("engineer/E-1", State::Completed)]));
        let mut present = row(DOMAIN, State::Completed);
        present.goal.want = Want::Present;
        assert!(!over(&[present, row("engineer/E-1", State::Completed)]));
        let mut back = leaver();
        back.stated.goal.want = Want::Present;
        assert!(!is_over(&back, &[]));
    }

    #[test]
    fn what_was_sealed_goes_in_one_commit() {
        let rows = [row(DOMAIN, State::Completed), row("engineer/E-1", State::Completed)];
        let changes = forgotten(&leaver(), &rows, Timestamp::UNIX_EPOCH);
        let text = serde_json::to_string(&changes).unwrap();
        for name in ["person", "username", "aliases", "credential", "home_account"] {
            assert!(!text.contains(&format!("\"{name}\"")), "{text}");
        }
        assert!(changes.iter().any(|change| change.erased().is_some()));
        assert_eq!(changes.len(), 4);
    }

    #[test]
    fn a_name_is_freed_only_where_no_account_was_ever_made() {
        let mut engineer = leaver();
        engineer.stated.never_started = true;
        let mut made = row(DOMAIN, State::Completed);
        assert!(is_no_show(&engineer, &[made.clone()]));
        let at = Timestamp::UNIX_EPOCH;
        let id = "1".parse().unwrap();
        made.facts.account = Some(crate::model::enrollment::AccountFact {
            id,
            since: at,
            read_at: at,
            restored: false,
            home: false,
            suspended_by_us: None,
            given: std::collections::BTreeSet::new(),
        });
        assert!(!is_no_show(&engineer, &[made]));
        engineer.stated.never_started = false;
        assert!(!is_no_show(&engineer, &[]));
    }
}
