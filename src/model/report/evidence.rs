//! What the ledger proves of an engineer, entry by entry, for an auditor: request, approval, each act, verification, removal; a sample that
//! whoever makes the pack does not choose; and the chain of the pack's lines, each of which names the hash of the one before. Pure.
//! Not here: files and the ledger's own chain (`cli/report/pack`).

use super::super::engineer::{Engineer, Release};
use super::super::enrollment::{Enrollment, EnrollmentId, State, Want};
use super::super::entry::{Actor, Change, Entry};
use super::super::id::{AccountId, EngineerKey};
use super::super::plan::StepName;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What an entry proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// HR asked for it.
    Request,
    /// A person let it in; or the event did, by the approval that it names or within the limits.
    Approval,
    /// A person decided something else.
    Order,
    /// Something that gives or shapes access was brought about, or found to be so.
    Write,
    /// It was seen in Google's own lists.
    Verification,
    /// Something that ends access was brought about, or found to be so.
    Removal,
    /// Somebody was told.
    Notice,
    /// A person was asked.
    Question,
}

/// One thing that an entry proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What kind of thing.
    pub kind: Kind,
    /// The row, or the engineer.
    pub subject: String,
    /// What: a step that holds since, the goal that was asked for, the reason of a question.
    pub what: String,
    /// Google's id of the account, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// What the rows of the sample were like before each entry.
#[derive(Debug, Default)]
pub struct Prover {
    done: BTreeMap<EnrollmentId, (Want, BTreeSet<StepName>)>,
    admitted: BTreeMap<EngineerKey, Admitted>,
}

/// What of an engineer was let in.
#[derive(Debug, Default)]
struct Admitted {
    is_in: bool,
    /// More is asked for.
    is_asked: bool,
    approval: Option<String>,
}

impl Admitted {
    fn of(stored: &Engineer) -> Self {
        let is_in = stored.stated.goal.want == Want::Present && matches!(stored.release, Release::Granted(_));
        Self { is_in, is_asked: stored.asked.is_some(), approval: stored.stated.approval.clone() }
    }
}

impl Prover {
    /// What an entry proves of an engineer. Entries come in order.
    pub fn proofs(&mut self, entry: &Entry, engineer: &EngineerKey) -> Vec<Proof> {
        let concerning = entry.changes.iter().filter(|change| change.engineer() == Some(engineer));
        let mut proofs = Vec::new();
        for change in concerning {
            match change {
                Change::Received(received) => {
                    let what = format!("event {} {}", received.event.source, received.event.id);
                    proofs.push(proof(Kind::Request, engineer.to_string(), what));
                }
                Change::Engineer(stored) => {
                    let was = self.admitted.insert(engineer.clone(), Admitted::of(stored));
                    proofs.extend(of_engineer(entry, stored, &was.unwrap_or_default()));
                }
                Change::Enrollment { row, .. } => proofs.extend(self.of_row(entry, row)),
                Change::Erased { .. } => {
                    proofs.push(proof(Kind::Removal, engineer.to_string(), "forgotten".to_owned()));
                }
                Change::Reserved { .. }
                | Change::Released { .. }
                | Change::Parked(_)
                | Change::Unparked { .. }
                | Change::Bookmark { .. } => (),
            }
        }
        proofs
    }

    fn of_row(&mut self, entry: &Entry, row: &Enrollment) -> Vec<Proof> {
        let subject = row.id.to_string();
        let known = (row.goal.want, row.done.clone());
        let before = self.done.insert(row.id.clone(), known).filter(|(want, _)| *want == row.goal.want);
        let before = before.map(|(_, done)| done).unwrap_or_default();
        let mut proofs: Vec<Proof> = Vec::new();
        if let Actor::Operator { .. } = &entry.actor {
            proofs.push(proof(Kind::Order, subject.clone(), row.state.as_str().to_owned()));
        }
        let fresh = row.done.difference(&before);
        proofs.extend(fresh.filter_map(|step| {
            let kind = kind_of(*step, row.goal.want)?;
            let account = row.facts.account.as_ref().map(|fact| fact.id.clone());
            Some(Proof { account, ..proof(kind, subject.clone(), step.to_string()) })
        }));
        if let State::Waiting { on, reason, .. } = &row.state
            && row.has_begun_to_wait()
        {
            let what = format!("{}: {}", on.as_str(), reason.code.as_str());
            proofs.push(proof(Kind::Question, subject, what));
        }
        proofs
    }
}

fn of_engineer(entry: &Entry, stored: &Engineer, was: &Admitted) -> Vec<Proof> {
    let subject = stored.key.to_string();
    let want = match stored.stated.goal.want {
        Want::Present => "present",
        Want::Absent => "absent",
    };
    let what = format!("{want} by revision {}", stored.stated.goal.revision);
    let asked = matches!(entry.actor, Actor::Event(_));
    let request = asked.then(|| proof(Kind::Request, subject.clone(), what));
    let is = Admitted::of(stored);
    let is_new = is.is_in && !was.is_in;
    let is_taken_in = is.is_in && was.is_asked && !is.is_asked;
    // Of what still waits for a person nobody has approved anything that is in force.
    let is_named = is.is_in && !is.is_asked && is.approval != was.approval;
    let approval = match (&entry.actor, is.approval) {
        (Actor::Operator { .. }, _) => (is_new || is_taken_in).then(|| "by an operator".to_owned()),
        (Actor::Engine | Actor::Event(_), Some(reference)) => {
            (is_new || is_named).then(|| format!("by the event: {reference}"))
        }
        (Actor::Engine | Actor::Event(_), None) => {
            is_new.then(|| "none asked for: within the limits on grants".to_owned())
        }
    };
    request.into_iter().chain(approval.map(|what| proof(Kind::Approval, subject, what))).collect()
}

fn proof(kind: Kind, subject: String, what: String) -> Proof {
    Proof { kind, subject, what, account: None }
}

/// What a step proves that holds from now on; none for those that prove nothing by themselves.
fn kind_of(step: StepName, want: Want) -> Option<Kind> {
    match step {
        StepName::Account
        | StepName::Password
        | StepName::Name
        | StepName::License
        | StepName::Role
        | StepName::Username => Some(Kind::Write),
        StepName::NoPaidLicense => Some(if want == Want::Present { Kind::Write } else { Kind::Removal }),
        StepName::Verify | StepName::LockedOut | StepName::LastLook | StepName::TwoStep => {
            Some(Kind::Verification)
        }
        StepName::RoleOff | StepName::SignOut | StepName::Suspend | StepName::Removal => Some(Kind::Removal),
        StepName::HandOver | StepName::Welcome | StepName::Together | StepName::Farewell => {
            Some(Kind::Notice)
        }
        StepName::Credentials
        | StepName::Domains
        | StepName::OrgUnit
        | StepName::AutoLicensing
        | StepName::FreeSubscription
        | StepName::TwoStepPolicy
        | StepName::CaseAlertRoute
        | StepName::Seats
        | StepName::CaseAlerts => None,
    }
}

/// Chooses engineers by a seed: those whose hash with it is the smallest. Whoever knows the seed can choose again.
#[derive(Debug)]
pub struct Sample {
    seed: String,
    size: usize,
    population: BTreeSet<EngineerKey>,
}

impl Sample {
    /// So many of them.
    pub fn new(seed: &str, size: usize) -> Self {
        Self { seed: seed.to_owned(), size, population: BTreeSet::new() }
    }

    /// Somebody to choose from.
    pub fn add(&mut self, key: &EngineerKey) {
        if !self.population.contains(key) {
            self.population.insert(key.clone());
        }
    }

    /// How many there were to choose from.
    pub fn population(&self) -> usize {
        self.population.len()
    }

    /// Those who are chosen.
    pub fn chosen(&self) -> BTreeSet<EngineerKey> {
        let hash = |key: &EngineerKey| sha256(format!("{}\n{key}", self.seed).as_bytes());
        let mut all: Vec<(String, &EngineerKey)> =
            self.population.iter().map(|key| (hash(key), key)).collect();
        all.sort();
        all.into_iter().take(self.size).map(|(_, key)| key.clone()).collect()
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes every write");
        text
    })
}
