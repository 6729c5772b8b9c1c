//! Drift: what others have changed at Google on what carepass looks after, as it is kept and shown. Found by bulk reads, kept in the row of
//! the reseller account, so that a restart and an auditor see it. Data and small decisions only.
//! Not here: how it is found (`google/drift`), when (`engine/drift`), and the words (`message`).

mod hold;

use super::enrollment::{Enrollment, EnrollmentId, State};
use super::id::{DomainName, EngineerKey, InvalidName, ResellerName};
use super::rules::fnv1a;
use hold::{hold_back, mended};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Findings that are kept of one reseller account, at most; of more only how many they are is known.
const LISTED_MAX: usize = 40;

/// What they may weigh together, in bytes of text: a small part of what a row may.
const LISTED_BYTES: usize = 7 * 1024;

/// What a finding weighs beside its texts.
const FINDING_BYTES: usize = 140;

/// The longest evidence of a finding, in characters.
const DETAIL_MAX: usize = 200;

/// The longest id of Google's that is kept.
const SUBJECT_MAX: usize = 64;

/// What was changed. Names are stored and published: never rename one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "DriftKind")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The role may do more than was approved.
    RoleWidened,
    /// Somebody holds the role who is no engineer of carepass here.
    UnknownHolder,
    /// The account was made a super administrator.
    SuperAdministrator,
    /// The account holds a role that carepass gives to nobody.
    OtherRole,
    /// The account holds another one of carepass's roles than its engineer is to have.
    SpareRole,
    /// A leaver's account is open, or holds the role.
    Reopened,
    /// The account has a paid licence.
    PaidLicense,
    /// The role may do less than was approved, or is gone.
    RoleNarrowed,
    /// The account does not hold the role any more.
    RoleTaken,
    /// The account is suspended or archived, and carepass did not do it.
    Suspended,
    /// The account is gone.
    Deleted,
    /// The account has another primary address.
    Renamed,
    /// The account does not carry its engineer's marker any more.
    MarkerGone,
    /// The account is in another organisational unit.
    UnitChanged,
}

/// How grave it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "DriftSeverity")]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// More rights than planned, a holder whom nobody knows, or a licence that costs money.
    High,
    /// Fewer rights than planned, or an account that carepass cannot look after any more.
    Medium,
    /// Nobody can do more or less for it.
    Low,
}

/// What carepass does about it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "DriftAction")]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The row looks again from the start, with all its guards, and mends what it may.
    Repair,
    /// A task asks a person.
    Ask,
    /// It is shown.
    Report,
}

/// What the operator wants done, by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// About high ones.
    pub more: Action,
    /// About medium ones.
    pub fewer: Action,
    /// About low ones.
    pub cosmetic: Action,
}

/// The id of a finding, `D-` and ten hexadecimal digits: the same as long as the same is so of the same thing, by the same evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FindingId(u64);

/// One thing that others have changed. Google's immutable ids, never a name or address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Whose account it is, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engineer: Option<EngineerKey>,
    /// In which domain that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
    /// Google's id of the account, of whoever holds the role, or of the role.
    pub subject: String,
    /// The first look that found it.
    pub since: Timestamp,
    /// What is done about it.
    pub action: Action,
    /// Evidence in Google's own terms; may be empty, and is cut where it is long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// A hash of the whole evidence: other evidence is another finding.
    #[serde(default)]
    pub evidence: u64,
}

/// What the last whole look at a reseller account found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// When its lists had been read.
    pub checked_at: Timestamp,
    /// When carepass looks again by itself; none where it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_again: Option<Timestamp>,
    /// The gravest first, as many as there is room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many there are of each severity, those included that are not listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<Severity, u32>,
    /// Listed before, still so, and accepted by the operator since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<FindingId>,
    /// What rows were told to mend, by kind and row, the latest last: what comes again after that is asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<FindingId>,
}

/// What a look has changed in what is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// Found now, and not before.
    pub appeared: Vec<Finding>,
    /// Found before, and not now.
    pub gone: Vec<Finding>,
    /// Found before, and accepted since.
    pub accepted: Vec<Finding>,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::RoleWidened,
        Self::UnknownHolder,
        Self::SuperAdministrator,
        Self::OtherRole,
        Self::SpareRole,
        Self::Reopened,
        Self::PaidLicense,
        Self::RoleNarrowed,
        Self::RoleTaken,
        Self::Suspended,
        Self::Deleted,
        Self::Renamed,
        Self::MarkerGone,
        Self::UnitChanged,
    ];

    /// The stored and published name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoleWidened => "role_widened",
            Self::UnknownHolder => "unknown_holder",
            Self::SuperAdministrator => "super_administrator",
            Self::OtherRole => "other_role",
            Self::SpareRole => "spare_role",
            Self::Reopened => "reopened",
            Self::PaidLicense => "paid_license",
            Self::RoleNarrowed => "role_narrowed",
            Self::RoleTaken => "role_taken",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::MarkerGone => "marker_gone",
            Self::UnitChanged => "unit_changed",
        }
    }

    /// How grave it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::RoleWidened
            | Self::UnknownHolder
            | Self::SuperAdministrator
            | Self::OtherRole
            | Self::SpareRole
            | Self::Reopened
            | Self::PaidLicense => Severity::High,
            Self::RoleNarrowed
            | Self::RoleTaken
            | Self::Suspended
            | Self::Deleted
            | Self::Renamed
            | Self::MarkerGone => Severity::Medium,
            Self::UnitChanged => Severity::Low,
        }
    }

    /// Whether the row's own steps can do something about it, or ask about it themselves: what they would refuse to touch, and what is
    /// no row's, is a person's.
    fn is_for_a_row(self) -> bool {
        match self {
            Self::SpareRole
            | Self::PaidLicense
            | Self::RoleNarrowed
            | Self::RoleTaken
            | Self::Suspended
            | Self::Deleted
            | Self::Renamed
            | Self::MarkerGone => true,
            Self::RoleWidened
            | Self::UnknownHolder
            | Self::SuperAdministrator
            | Self::OtherRole
            | Self::Reopened
            | Self::UnitChanged => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    /// Every one, the gravest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];

    /// The published name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { more: Action::Ask, fewer: Action::Repair, cosmetic: Action::Report }
    }
}

impl Policy {
    /// What is done about it: where no row can mend it, a person is asked instead.
    pub fn on(&self, kind: Kind) -> Action {
        let wanted = match kind.severity() {
            Severity::High => self.more,
            Severity::Medium => self.fewer,
            Severity::Low => self.cosmetic,
        };
        if wanted == Action::Repair && !kind.is_for_a_row() { Action::Ask } else { wanted }
    }
}

impl Finding {
    /// Found at a time. Ids and evidence are cut to what is kept. The evidence says the same in the same order as long as the same is so.
    pub fn new(
        kind: Kind,
        of: Option<(EngineerKey, DomainName)>,
        subject: &str,
        detail: &str,
        at: Timestamp,
        policy: &Policy,
    ) -> Self {
        let (engineer, domain) = of.unzip();
        let plain = |text: &str, most: usize| {
            text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(most).collect::<String>()
        };
        let evidence = FindingId::of(detail).0;
        let (subject, detail) = (plain(subject, SUBJECT_MAX), plain(detail, DETAIL_MAX));
        Self { kind, engineer, domain, subject, since: at, action: policy.on(kind), detail, evidence }
    }

    /// Its id in a reseller account.
    pub fn id(&self, reseller: &ResellerName) -> FindingId {
        let engineer = self.engineer.as_ref().map_or("-", EngineerKey::as_str);
        let domain = self.domain.as_ref().map_or("-", DomainName::as_str);
        let Self { kind, subject, evidence, .. } = self;
        FindingId::of(&format!("{reseller} {kind} {engineer} {domain} {subject} {evidence}"))
    }

    /// The row that looks after it: the account's in its domain, or that of the reseller account.
    pub fn row(&self, reseller: &ResellerName) -> EnrollmentId {
        match (&self.engineer, &self.domain) {
            (Some(engineer), Some(domain)) => {
                EnrollmentId::Domain(engineer.clone(), reseller.clone(), domain.clone())
            }
            (_, _) => EnrollmentId::Reseller(reseller.clone()),
        }
    }

    /// Whether it is the same thing as the other, by the same evidence.
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.engineer == other.engineer
            && self.domain == other.domain
            && self.subject == other.subject
            && self.evidence == other.evidence
    }

    /// What a row has mended, whatever the evidence was.
    fn mend(&self, reseller: &ResellerName) -> FindingId {
        FindingId::of(&format!("{} {}", self.kind, self.row(reseller)))
    }

    fn weight(&self) -> usize {
        let engineer = self.engineer.as_ref().map_or(0, |key| key.as_str().len());
        let domain = self.domain.as_ref().map_or(0, |domain| domain.as_str().len());
        FINDING_BYTES + engineer + domain + self.subject.len() + self.detail.len()
    }
}

impl Drift {
    /// What a whole look has found, of which what was found before is known longer.
    pub fn after(
        before: Option<&Self>,
        reseller: &ResellerName,
        mut found: Vec<Finding>,
        accepted: &BTreeSet<FindingId>,
        checked_at: Timestamp,
    ) -> Self {
        let is_accepted = |finding: &Finding| accepted.contains(&finding.id(reseller));
        let listed = before.map(|before| before.findings.as_slice()).unwrap_or_default();
        let is_let_be = |known: &&Finding| is_accepted(known) && found.iter().any(|one| one.is(known));
        let let_be = listed.iter().filter(is_let_be).map(|known| known.id(reseller)).collect();
        found.retain(|finding| !is_accepted(finding));
        let mut counts = BTreeMap::new();
        for finding in &mut found {
            *counts.entry(finding.kind.severity()).or_default() += 1;
            let known = listed.iter().find(|known| known.is(finding));
            finding.since = known.map_or(finding.since, |known| known.since);
        }
        hold_back(before, reseller, &mut found);
        let mended = mended(before, reseller, &found);
        // What is known longest stays listed, so that what is left out has not gone and come again.
        found.sort_by_key(|finding| (finding.kind.severity(), finding.since, finding.kind, finding.weight()));
        let (mut findings, mut weight) = (Vec::new(), 0);
        for finding in found {
            weight += finding.weight();
            if findings.len() == LISTED_MAX || weight > LISTED_BYTES {
                break;
            }
            findings.push(finding);
        }
        Self { checked_at, look_again: None, findings, counts, accepted: let_be, mended }
    }

    /// What has come and gone since the look before. While not all are listed, nothing is known to have gone.
    pub fn turned(&self, before: Option<&Self>, reseller: &ResellerName) -> Turned {
        let listed = before.map(|before| before.findings.as_slice()).unwrap_or_default();
        let lacks = |among: &[Finding], finding: &&Finding| !among.iter().any(|other| other.is(finding));
        let appeared = self.findings.iter().filter(|finding| lacks(listed, finding)).cloned().collect();
        let mut turned = Turned { appeared, ..Turned::default() };
        for finding in listed.iter().filter(|finding| lacks(&self.findings, finding)) {
            if self.accepted.contains(&finding.id(reseller)) {
                turned.accepted.push(finding.clone());
            } else if self.unlisted() == 0 {
                turned.gone.push(finding.clone());
            }
        }
        turned
    }

    /// How many of a severity.
    pub fn count(&self, severity: Severity) -> u32 {
        self.counts.get(&severity).copied().unwrap_or(0)
    }

    /// How many are not listed.
    pub fn unlisted(&self) -> u32 {
        let all: u32 = self.counts.values().sum();
        all.saturating_sub(u32::try_from(self.findings.len()).unwrap_or(u32::MAX))
    }

    /// Those of one engineer, the latest first.
    pub fn of<'a>(&'a self, engineer: &EngineerKey) -> Vec<&'a Finding> {
        let mut own: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.engineer.as_ref() == Some(engineer)).collect();
        own.sort_by_key(|finding| Reverse(finding.since));
        own
    }
}

impl Enrollment {
    /// The row of a reseller account with what a look has found there. It moves nowhere, and nobody is told anew what it has told.
    #[must_use]
    pub fn with_drift(&self, drift: Drift) -> Self {
        let mut row = self.clone();
        row.version += 1;
        row.facts.drift = Some(Box::new(drift));
        if row.state == State::Completed {
            row.rechecking = true;
            row.facts.seats = row.facts.seats.map(|seats| Box::new(seats.kept()));
        }
        // What it waits for was said when the wait began: it counts as one look more.
        if row.has_begun_to_wait()
            && let State::Waiting { at, .. } = &mut row.state
        {
            at.looks += 1;
        }
        row
    }
}

impl FindingId {
    const DIGITS: usize = 10;

    fn of(text: &str) -> Self {
        Self(fnv1a(text.as_bytes()) >> (64 - 4 * Self::DIGITS))
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "D-{:0width$x}", self.0, width = Self::DIGITS)
    }
}

impl FromStr for FindingId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = InvalidName { expected: "the id of a finding like D-0123456789" };
        let digits = text.strip_prefix("D-").ok_or(invalid)?;
        let hexadecimal = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits.len() != Self::DIGITS || !hexadecimal {
            return Err(invalid);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| invalid)
    }
}

impl TryFrom<String> for FindingId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<FindingId> for String {
    fn from(id: FindingId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
