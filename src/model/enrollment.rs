//! One row: who × target, its goal, its state, what is done and what was learned. Data only: how a row moves is in `transition`.
//! Not here either: who commits a row, and the person's data, which are sealed in `engineer`.

use super::failure::{Failure, FailureCode, FailureKind, Who};
use super::id::{DomainName, EngineerKey, InvalidName, ResellerName};
use super::plan::StepName;
use super::sealed::Sealed;
use super::statement::{Cause, Changed};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use super::facts::{AccountFact, Facts, LicenseLesson, RoleFact, TwoStep};

/// How often in a row Google may put a row off before a person is asked.
pub const PUT_OFF_MAX: u32 = 6;

/// Which row. Its text form is a path: `reseller/R`, `domain/E/R/D`, `engineer/E`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EnrollmentId {
    /// The set-up of a reseller account.
    Reseller(ResellerName),
    /// An engineer in one reseller domain.
    Domain(EngineerKey, ResellerName, DomainName),
    /// The engineer as a whole.
    Engineer(EngineerKey),
}

/// What an enrollment brings about, without the engineer's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A reseller account.
    Reseller(ResellerName),
    /// A domain of a reseller.
    Domain(ResellerName, DomainName),
    /// The person as a whole.
    Engineer,
}

/// The kind of a target: it chooses the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// A reseller account.
    Reseller,
    /// A domain of a reseller.
    Domain,
    /// The person as a whole.
    Engineer,
}

/// Where rows queue for work: one lane per reseller account, and one for what needs no reseller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Everything that gives access in one reseller account, and its set-up.
    Reseller(ResellerName),
    /// Everything that takes access away there: with permits of its own, so that no joiner is ever ahead of it.
    Leaving(ResellerName),
    /// Engineer-wide rows.
    House,
}

/// What ought to be.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// The access exists.
    Present,
    /// The access is gone.
    Absent,
}

/// What ought to be, and the revision of HR that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Goal {
    /// What ought to be.
    pub want: Want,
    /// HR's revision of the engineer; 0 for resellers, whose goal comes from the configuration.
    pub revision: u64,
}

impl Goal {
    /// Whether this goal replaces the other: the higher revision does, and at the same one the end of access, which the calendar or the
    /// scope brings without a new word of HR's.
    pub fn replaces(self, other: Self) -> bool {
        (self.revision, self.want) > (other.revision, other.want)
    }
}

/// A goal and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What ought to be.
    pub goal: Goal,
    /// The event that said so; none for a reseller account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The engineer's start date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// When the work for a new engineer begins; none is at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Timestamp>,
    /// The engineer never started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_started: bool,
    /// When it came into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Timestamp>,
    /// What has changed, and when.
    #[serde(default)]
    pub changed: Changed,
}

/// So long after access has ended something that was under way then may still come about at Google.
pub const WATCHED: SignedDuration = SignedDuration::from_mins(15);

/// How access ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// When HR's word came into force: the clock of the lock-out starts here.
    pub said_at: Timestamp,
    /// When this row took it up.
    pub since: Timestamp,
    /// Something was under way for the old goal, and may still come about: an account whose insert was not answered, a role.
    pub unfinished: bool,
    /// The engineer never started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_started: bool,
}

/// Which step, which attempt, how often it was looked at again, and since when it is the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// The current step.
    pub step: StepName,
    /// Counts from 1; only transient failures spend one.
    pub attempt: u32,
    /// How often a run of the step has begun. Every one counts, since any may have done something whose answer was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub runs: u32,
    /// How often the row has waited for the same thing; the interval at which it looks again grows with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub looks: u32,
    /// What the row last waited for; a person is asked once for each thing, not at each look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_for: Option<FailureCode>,
    /// When the step became the current one, or when the row's last wait for somebody ended.
    pub since: Timestamp,
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing runs; look at it at `due`.
    Scheduled {
        /// Where it stands.
        at: At,
        /// When to look.
        due: Timestamp,
        /// What went wrong the last time, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Failure>,
    },
    /// A worker runs the step; a silence until `lease_until` means that it is lost.
    Running {
        /// Where it stands.
        at: At,
        /// When the silence becomes a failure.
        lease_until: Timestamp,
    },
    /// Somebody must act; looked at again by itself.
    Waiting {
        /// Where it stands.
        at: At,
        /// Who acts next.
        on: Who,
        /// Why.
        reason: Failure,
        /// When carepass looks again by itself.
        look_again: Timestamp,
    },
    /// The goal holds.
    Completed,
    /// An operator ended it.
    Cancelled {
        /// The operator's words.
        reason: String,
    },
}

/// One engineer's way (or one reseller account's) to one goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Which row.
    pub id: EnrollmentId,
    /// Grows by one with each transition; a commit is a compare-and-set on it.
    pub version: u64,
    /// What ought to be.
    pub goal: Goal,
    /// A newer wish that takes over when the run in hand has reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<Wish>>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// The steps of the goal's plan that hold.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub done: BTreeSet<StepName>,
    /// Those of them that an operator took as done: they stay so when the row is looked at from the start.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub skipped: BTreeSet<StepName>,
    /// The row had settled well and is only being looked at once more; nothing new is told if it settles so again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rechecking: bool,
    /// The version in which access was seen to be gone, while other things are still to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_in: Option<u64>,
    /// What was learned.
    #[serde(default)]
    pub facts: Facts,
    /// The initial password, sealed before the account is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Sealed>,
    /// An operator has asked for a new first password, which is not the account's yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reissue: bool,
    /// The engineer's own account, at a home reseller, as an operator's order names it; sealed with the engineer's data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_account: Option<Sealed>,
    /// When what HR has said, as far as the row has heard of it, came into force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_at: Option<Timestamp>,
    /// The event that asked for the goal in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The engineer's start date: earlier ones go first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Timestamp>,
    /// When the work begins, for a goal of which nothing is done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Timestamp>,
    /// How access ends, where it is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
}

/// A goal that no event stands behind.
impl From<Goal> for Wish {
    fn from(goal: Goal) -> Self {
        Self {
            goal,
            cause: None,
            starts: None,
            opens: None,
            never_started: false,
            said_at: None,
            changed: Changed::default(),
        }
    }
}

impl EnrollmentId {
    /// The engineer, unless the row belongs to a reseller account.
    pub fn engineer(&self) -> Option<&EngineerKey> {
        match self {
            Self::Reseller(_) => None,
            Self::Domain(engineer, _, _) | Self::Engineer(engineer) => Some(engineer),
        }
    }

    /// What the row brings about.
    pub fn target(&self) -> Target {
        match self {
            Self::Reseller(reseller) => Target::Reseller(reseller.clone()),
            Self::Domain(_, reseller, domain) => Target::Domain(reseller.clone(), domain.clone()),
            Self::Engineer(_) => Target::Engineer,
        }
    }

    /// The kind of the target.
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Reseller(_) => TargetKind::Reseller,
            Self::Domain(..) => TargetKind::Domain,
            Self::Engineer(_) => TargetKind::Engineer,
        }
    }

    /// The lanes in which the row may queue, by its goal.
    pub fn lanes(&self) -> Vec<Lane> {
        match self {
            Self::Reseller(reseller) => vec![Lane::Reseller(reseller.clone())],
            Self::Domain(_, reseller, _) => {
                vec![Lane::Reseller(reseller.clone()), Lane::Leaving(reseller.clone())]
            }
            Self::Engineer(_) => vec![Lane::House],
        }
    }

    /// The reseller, unless the row is engineer-wide.
    pub fn reseller(&self) -> Option<&ResellerName> {
        match self {
            Self::Reseller(reseller) | Self::Domain(_, reseller, _) => Some(reseller),
            Self::Engineer(_) => None,
        }
    }

    /// The domain, if the row has one.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Self::Domain(_, _, domain) => Some(domain),
            Self::Reseller(_) | Self::Engineer(_) => None,
        }
    }
}

impl fmt::Display for EnrollmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reseller(reseller) => write!(f, "reseller/{reseller}"),
            Self::Domain(engineer, reseller, domain) => write!(f, "domain/{engineer}/{reseller}/{domain}"),
            Self::Engineer(engineer) => write!(f, "engineer/{engineer}"),
        }
    }
}

impl FromStr for EnrollmentId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["reseller", reseller] => Ok(Self::Reseller(reseller.parse()?)),
            ["domain", engineer, reseller, domain] => {
                Ok(Self::Domain(engineer.parse()?, reseller.parse()?, domain.parse()?))
            }
            ["engineer", engineer] => Ok(Self::Engineer(engineer.parse()?)),
            _ => Err(InvalidName { expected: "reseller/R, domain/E/R/D or engineer/E" }),
        }
    }
}

impl TryFrom<String> for EnrollmentId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<EnrollmentId> for String {
    fn from(id: EnrollmentId) -> String {
        id.to_string()
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reseller(reseller) => reseller.fmt(f),
            Self::Leaving(reseller) => write!(f, "{reseller}, leavers"),
            Self::House => f.write_str("house"),
        }
    }
}

impl State {
    /// The name of the state in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Running { .. } => "running",
            Self::Waiting { .. } => "waiting",
            Self::Completed => "completed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Where the row stands, unless it has settled.
    pub fn at(&self) -> Option<At> {
        match self {
            Self::Scheduled { at, .. } | Self::Running { at, .. } | Self::Waiting { at, .. } => Some(*at),
            Self::Completed | Self::Cancelled { .. } => None,
        }
    }
}

impl Enrollment {
    /// The lane that works on the row.
    pub fn lane(&self) -> Lane {
        match (&self.id, self.goal.want) {
            (EnrollmentId::Domain(_, reseller, _), Want::Absent) => Lane::Leaving(reseller.clone()),
            (EnrollmentId::Reseller(reseller) | EnrollmentId::Domain(_, reseller, _), _) => {
                Lane::Reseller(reseller.clone())
            }
            (EnrollmentId::Engineer(_), _) => Lane::House,
        }
    }

    /// What the row is to bring about, as it was said last.
    pub fn newest_goal(&self) -> Goal {
        self.next.as_ref().map_or(self.goal, |next| next.goal)
    }

    /// Whether a wish is newer than what the row is to bring about: by its goal, or because what HR has said came into force later, under
    /// the same revision, or as an end or a return under whatever revision.
    pub fn takes(&self, wish: &Wish) -> bool {
        let (goal, said_at) = match &self.next {
            Some(next) => (next.goal, next.said_at),
            None => (self.goal, self.said_at),
        };
        let is_later = said_at.zip(wish.said_at).is_some_and(|(before, after)| before < after);
        let changes_sides = goal.want != wish.goal.want;
        wish.goal.replaces(goal) || is_later && (changes_sides || goal == wish.goal)
    }

    /// Whether anything was ever tried for the goal in force.
    pub fn has_begun(&self) -> bool {
        !self.done.is_empty() || self.is_settled() || self.state.at().is_some_and(|at| at.runs > 0)
    }

    /// Whether access has ended here for good: the row has settled, or only the deletion of a suspended account is still to come.
    pub fn has_lost_access(&self) -> bool {
        let is_told = self.newest_goal().want == Want::Absent && self.goal.want == Want::Absent;
        is_told && (self.state == State::Completed || self.done.contains(&StepName::LastLook))
    }

    /// The only index that work needs: when must somebody look at this row again?
    pub fn wake_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Scheduled { due, .. } => Some(*due),
            State::Running { lease_until, .. } => Some(*lease_until),
            State::Waiting { look_again, .. } => Some(*look_again),
            State::Completed | State::Cancelled { .. } => None,
        }
    }

    /// Where the row queues in its lane: at which step, and from when on. Rows that wait for different things do not stand in each other's way.
    pub fn place(&self) -> Option<(StepName, Timestamp)> {
        self.state.at().map(|at| at.step).zip(self.wake_at())
    }

    /// Nothing more will happen by itself.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Completed | State::Cancelled { .. })
    }

    /// Whether carepass itself acts next: now, or when a short delay is over.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, State::Scheduled { .. } | State::Running { .. })
    }

    /// Whether the row has just begun to wait for this thing, as against having looked once more in vain; or was put off by Google so
    /// often that a person is asked now.
    pub fn has_begun_to_wait(&self) -> bool {
        let State::Waiting { at, reason, .. } = &self.state else { return false };
        at.looks == 1 || reason.kind == FailureKind::Throttled && at.looks == PUT_OFF_MAX + 1
    }

    /// The row with what was found out about the account's licences, if that is news. It moves nowhere.
    pub fn with_lesson(&self, lesson: LicenseLesson) -> Option<Self> {
        // What a waiting row has to tell would be told once more.
        if self.facts.licensing == Some(lesson) || matches!(self.state, State::Waiting { .. }) {
            return None;
        }
        let mut row = self.clone();
        row.version += 1;
        row.facts.licensing = Some(lesson);
        // What a settled row has to tell was told when it settled.
        if row.state == State::Completed {
            row.rechecking = true;
            row.facts.seats = row.facts.seats.map(|seats| Box::new(seats.kept()));
        }
        Some(row)
    }

    /// Whether the account stands and its role waits for 2-Step Verification, also in the moment in which that is looked at again.
    pub fn waits_for_two_step(&self) -> bool {
        let at = self.state.at().filter(|at| at.step == StepName::TwoStep);
        self.facts.account.is_some()
            && at.is_some_and(|at| at.waited_for == Some(FailureCode::TwoStepPending))
    }

    /// Whether the row waits for the given one to act.
    pub fn waits_on(&self, who: Who) -> bool {
        matches!(self.state, State::Waiting { on, .. } if on == who)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
