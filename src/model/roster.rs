//! What ought to exist and does not: the fan-out and the join in one pure question, asked again and again, so that a new domain
//! is the same case as a new engineer, and a lost signal costs latency, never a row.
//! Not here: what ought no longer to exist; nothing is removed by absence (guard 4).

use super::engineer::{Engineer, Scope};
use super::enrollment::{Enrollment, State, Target, Want};
use super::id::{DomainName, ResellerName};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one reseller account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResellerStatus {
    /// Its verified domains; `None` until they were asked for once.
    pub domains: Option<BTreeSet<DomainName>>,
    /// Whether its set-up is finished.
    pub ready: bool,
}

/// The configured reseller accounts and what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// By the operator's name.
    pub resellers: BTreeMap<ResellerName, ResellerStatus>,
}

impl Roster {
    /// The state of a reseller account from its row: known domains stay known while the row is looked at again.
    pub fn learn(&mut self, reseller: &ResellerName, row: &Enrollment) {
        let status = self.resellers.entry(reseller.clone()).or_default();
        let given_up = matches!(row.state, State::Cancelled { .. });
        status.domains = if given_up { Some(BTreeSet::new()) } else { row.facts.domains.clone() };
        status.ready = match row.state {
            State::Completed => true,
            State::Scheduled { .. } | State::Running { .. } => status.ready,
            State::Waiting { .. } | State::Cancelled { .. } => false,
        };
    }

    /// Whether the domains of every reseller account are known.
    pub fn is_complete(&self) -> bool {
        self.resellers.values().all(|status| status.domains.is_some())
    }

    /// Whether everything that a scope means is known.
    pub fn knows(&self, scope: &Scope) -> bool {
        self.is_complete() || matches!(scope, Scope::Domains(_)) && self.strangers(scope).is_empty()
    }

    /// The domains that a scope names and no reseller account is known to have.
    pub fn strangers<'a>(&self, scope: &'a Scope) -> BTreeSet<&'a DomainName> {
        let Scope::Domains(named) = scope else { return BTreeSet::new() };
        let known: BTreeSet<_> = self.domains().map(|(_, domain)| domain).collect();
        named.iter().filter(|domain| !known.contains(domain)).collect()
    }

    /// Whether the set-up of a reseller account is finished.
    pub fn is_ready(&self, reseller: &ResellerName) -> bool {
        self.resellers.get(reseller).is_some_and(|status| status.ready)
    }

    /// What a scope means among the known domains.
    pub fn wanted(&self, scope: &Scope) -> impl Iterator<Item = Target> {
        let wanted = self.domains().filter(move |(_, domain)| scope.covers(domain));
        wanted.map(|(reseller, domain)| Target::Domain(reseller.clone(), domain.clone()))
    }

    /// Every known domain with its reseller.
    pub fn domains(&self) -> impl Iterator<Item = (&ResellerName, &DomainName)> {
        self.resellers.iter().flat_map(|(reseller, status)| {
            status.domains.iter().flatten().map(move |domain| (reseller, domain))
        })
    }
}

/// The targets of an engineer that ought to have a row and have none. The engineer-wide one is missing only once every domain
/// that is wanted is known, has a row and has settled, or waits for the engineer's 2-Step Verification, and at least one of them has an
/// account: the letter says what the engineer has to do before the role. Rows that are no longer wanted, say
/// of a reseller account that left the configuration, hold nobody up.
#[must_use]
pub fn missing(roster: &Roster, engineer: &Engineer, rows: &BTreeMap<Target, Enrollment>) -> Vec<Target> {
    let scope = &engineer.stated.scope;
    if engineer.stated.goal.want == Want::Absent {
        return gone(rows);
    }
    let wanted: Vec<Target> = roster.wanted(scope).collect();
    let mut absent: Vec<Target> =
        wanted.iter().filter(|target| !rows.contains_key(target)).cloned().collect();
    let row_of = |target: &Target| rows.get(target);
    // A domain that has come back into the scope may still be at the end of its access.
    let is_settled = |row: &Enrollment| row.is_settled() && row.goal.want == Want::Present;
    let is_told = |row: &Enrollment| is_settled(row) || row.waits_for_two_step();
    let settled = wanted.iter().all(|target| row_of(target).is_some_and(is_told));
    let has_account = |row: &Enrollment| row.state == State::Completed || row.waits_for_two_step();
    let somewhere = wanted.iter().any(|target| row_of(target).is_some_and(has_account));
    // A scope that names no domain at all has nobody to ask but the engineer-wide row.
    let joined = roster.knows(scope) && settled && (somewhere || wanted.is_empty());
    if joined && !rows.contains_key(&Target::Engineer) {
        absent.push(Target::Engineer);
    }
    absent
}

/// Where access ends nothing new is opened but the engineer-wide row, once every domain has lost access. Whoever never had a row has nobody
/// to tell.
fn gone(rows: &BTreeMap<Target, Enrollment>) -> Vec<Target> {
    let settled = rows.values().all(Enrollment::has_lost_access);
    let told = rows.contains_key(&Target::Engineer);
    if rows.is_empty() || told || !settled { Vec::new() } else { vec![Target::Engineer] }
}

#[cfg(test)]
mod tests {
    use super::super::enrollment::{AccountFact, At, EnrollmentId, Goal, Want};
    use super::super::failure::{Failure, FailureCode, Who};
    use super::super::plan::StepName;
    use super::*;
    use jiff::Timestamp;

    /// A domain that comes back into the scope is not settled by the end of access there.
    #[test]
    fn what_ended_before_is_no_access_now() {
        let mut roster = Roster::default();
        let known = ResellerStatus { domains: Some(["a.se".parse().unwrap()].into()), ready: true };
        roster.resellers.insert("se".parse().unwrap(), known);
        let engineer = Engineer::example("E-1");
        for (want, expected) in [(Want::Present, vec![Target::Engineer]), (Want::Absent, Vec::new())] {
            let id: EnrollmentId = "domain/E-1/se/a.se".parse().unwrap();
            let mut row = Enrollment::open(id, Goal { want, revision: 1 }, Timestamp::UNIX_EPOCH);
            row.state = State::Completed;
            let rows = [(row.id.target(), row)].into();
            assert_eq!(missing(&roster, &engineer, &rows), expected, "{want:?}");
        }
    }

    /// Rows are written `domain=state`, with `engineer` for the engineer-wide one.
    fn check(known: &[(&str, &[&str])], unknown: &[&str], scope: &Scope, rows: &[&str], expected: &[&str]) {
        let mut roster = Roster::default();
        for (reseller, domains) in known {
            let domains = Some(domains.iter().map(|d| d.parse().unwrap()).collect());
            roster.resellers.insert(reseller.parse().unwrap(), ResellerStatus { domains, ready: true });
        }
        for reseller in unknown {
            roster.resellers.insert(reseller.parse().unwrap(), ResellerStatus::default());
        }
        let rows = rows.iter().map(|text| row(&roster, text)).map(|row| (row.id.target(), row)).collect();
        let mut engineer = Engineer::example("E-1");
        engineer.stated.scope = scope.clone();
        let found: Vec<String> = missing(&roster, &engineer, &rows).iter().map(show).collect();
        assert_eq!(found, expected, "{rows:?}");
    }

    fn row(roster: &Roster, text: &str) -> Enrollment {
        let (name, state) = text.split_once('=').unwrap();
        let id = match roster.domains().find(|(_, domain)| domain.as_str() == name) {
            Some((reseller, domain)) => {
                EnrollmentId::Domain("E-1".parse().unwrap(), reseller.clone(), domain.clone())
            }
            None => EnrollmentId::Engineer("E-1".parse().unwrap()),
        };
        let goal = Goal { want: Want::Present, revision: 1 };
        let mut row = Enrollment::open(id, goal, Timestamp::UNIX_EPOCH);
        match state {
            "open" => (),
            "done" => row.state = State::Completed,
            "cancelled" => row.state = State::Cancelled { reason: String::new() },
            "gate" => row = gated(row),
            other => panic!("{other}"),
        }
        row
    }

    /// The row, waiting for 2-Step Verification.
    fn gated(mut row: Enrollment) -> Enrollment {
        let now = Timestamp::UNIX_EPOCH;
        let reason = Failure::needs(Who::Engineer, FailureCode::TwoStepPending);
        let at = At {
            step: StepName::TwoStep,
            attempt: 1,
            runs: 1,
            looks: 1,
            waited_for: Some(reason.code),
            since: now,
        };
        row.state = State::Waiting { at, on: Who::Engineer, reason, look_again: now };
        row.facts.account = Some(AccountFact {
            id: "1".parse().unwrap(),
            since: now,
            read_at: now,
            restored: false,
            home: false,
            suspended_by_us: None,
            given: BTreeSet::new(),
        });
        row
    }

    fn show(target: &Target) -> String {
        match target {
            Target::Domain(_, domain) => domain.to_string(),
            Target::Engineer => "engineer".into(),
            Target::Reseller(reseller) => reseller.to_string(),
        }
    }

    #[test]
    fn fan_out_and_join() {
        let two: &[(&str, &[&str])] = &[("se", &["a.se", "b.se"]), ("dk", &["a.dk"])];
        let all = Scope::All;
        check(two, &[], &all, &[], &["a.dk", "a.se", "b.se"]);
        check(two, &[], &all, &["a.dk=open", "a.se=done"], &["b.se"]);
        check(two, &[], &all, &["a.dk=open", "a.se=done", "b.se=done"], &[]);
        check(two, &[], &all, &["a.dk=done", "a.se=done", "b.se=done"], &["engineer"]);
        check(two, &[], &all, &["a.dk=cancelled", "a.se=done", "b.se=done"], &["engineer"]);
        check(two, &[], &all, &["a.dk=cancelled", "a.se=cancelled", "b.se=cancelled"], &[]);
        check(two, &[], &all, &["a.dk=done", "a.se=done", "b.se=done", "engineer=done"], &[]);
        check(two, &["no"], &all, &["a.dk=done", "a.se=done", "b.se=done"], &[]);
        check(two, &[], &all, &["a.dk=gate", "a.se=gate", "b.se=gate"], &["engineer"]);
        check(two, &[], &all, &["a.dk=gate", "a.se=done", "b.se=cancelled"], &["engineer"]);
        check(two, &[], &all, &["a.dk=gate", "a.se=open", "b.se=done"], &[]);
        check(&[], &["no"], &all, &[], &[]);
    }

    #[test]
    fn a_narrow_scope_opens_only_what_it_names() {
        let two: &[(&str, &[&str])] = &[("se", &["a.se", "b.se"]), ("dk", &["a.dk"])];
        let scope = Scope::Domains(["b.se".parse().unwrap()].into());
        check(two, &[], &scope, &[], &["b.se"]);
        check(two, &[], &scope, &["b.se=done"], &["engineer"]);
        let elsewhere = Scope::Domains(["x.example".parse().unwrap()].into());
        check(two, &[], &elsewhere, &[], &["engineer"]);
        check(two, &["no"], &elsewhere, &[], &[]);
        check(two, &[], &scope, &["b.se=done", "a.dk=open"], &["engineer"]);
        check(two, &["no"], &scope, &["b.se=done"], &["engineer"]);
    }

    /// A reseller account that is not ready holds everybody's welcome up, until an operator gives it up.
    #[test]
    fn a_reseller_account_that_is_given_up_holds_nobody_up() {
        let goal = Goal { want: Want::Present, revision: 0 };
        let mut row = Enrollment::open("reseller/no".parse().unwrap(), goal, Timestamp::UNIX_EPOCH);
        let mut roster = Roster::default();
        roster.learn(&"no".parse().unwrap(), &row);
        assert!(!roster.is_complete());
        row.facts.domains = Some(["a.no".parse().unwrap()].into());
        row.state = State::Cancelled { reason: String::new() };
        roster.learn(&"no".parse().unwrap(), &row);
        assert!(roster.is_complete());
        assert_eq!(roster.domains().count(), 0);
    }

    #[test]
    fn a_new_domain_after_the_welcome_opens_only_itself() {
        let now: &[(&str, &[&str])] = &[("se", &["a.se", "new.se"])];
        check(now, &[], &Scope::All, &["a.se=done", "engineer=done"], &["new.se"]);
        check(now, &[], &Scope::All, &["a.se=done", "engineer=done", "new.se=done"], &[]);
    }
}
