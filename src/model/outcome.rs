//! What the world is told: a pure reading of the ledger. Stable ids follow from the place in the ledger, so that a repeated
//! publication is recognised. Not here: the words (`message`), the envelope and the broker (`engine/outcomes`, `amqp`).

use super::engineer::{Engineer, EventRef};
use super::enrollment::{Enrollment, State, TargetKind, Want};
use super::entry::{Actor, Change, Entry, Position};
use super::id::EngineerKey;
use super::parked::Parked;
use super::statement::Cause;
use jiff::Timestamp;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Derived from the place in the ledger: the same for each publication of the same outcome.
    pub id: String,
    /// The entry it was read from.
    pub position: Position,
    /// When it came about.
    pub at: Timestamp,
    /// What there is to tell.
    pub kind: OutcomeKind,
    /// What it is about.
    pub about: About,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeKind {
    /// An event was taken up.
    Accepted,
    /// A domain of an engineer is ready, or access there is gone.
    Progressed,
    /// A person must act before a domain, or the engineer as a whole, can go on.
    ActionRequired,
    /// Every domain has settled, at least one of them well, and the engineer was told.
    Ready,
    /// The engineer starts within a day, or has started, and is not ready; once for each start date.
    Delayed,
    /// An operator ended what was to become a domain's access, or the engineer's as a whole.
    Failed,
    /// All access of the engineer is gone, or never was given.
    Deprovisioned,
    /// An event cannot be used, and was parked.
    EventRejected,
    /// A reseller account waits for a person.
    ResellerBlocked,
    /// A reseller account's set-up is finished.
    ResellerHealthy,
    /// A reseller account will soon have too few seats.
    SeatsLow,
}

/// What an outcome is about, as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An engineer.
    Engineer(Box<Engineer>),
    /// A row.
    Row(Box<Enrollment>),
    /// A parked message.
    Letter(Box<Parked>),
}

impl OutcomeKind {
    /// The `CloudEvents` `type`; the routing key is what follows `com.carepass.`.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Accepted => "com.carepass.provisioning.accepted.v1",
            Self::Progressed => "com.carepass.provisioning.progressed.v1",
            Self::ActionRequired => "com.carepass.provisioning.action-required.v1",
            Self::Ready => "com.carepass.provisioning.ready.v1",
            Self::Delayed => "com.carepass.provisioning.delayed.v1",
            Self::Failed => "com.carepass.provisioning.failed.v1",
            Self::Deprovisioned => "com.carepass.provisioning.deprovisioned.v1",
            Self::EventRejected => "com.carepass.provisioning.event-rejected.v1",
            Self::ResellerBlocked => "com.carepass.reseller.blocked.v1",
            Self::ResellerHealthy => "com.carepass.reseller.healthy.v1",
            Self::SeatsLow => "com.carepass.reseller.seats-low.v1",
        }
    }
}

impl OutcomeKind {
    /// Every kind that is told.
    pub const ALL: [Self; 11] = [
        Self::Accepted,
        Self::Progressed,
        Self::ActionRequired,
        Self::Ready,
        Self::Delayed,
        Self::Failed,
        Self::Deprovisioned,
        Self::EventRejected,
        Self::ResellerBlocked,
        Self::ResellerHealthy,
        Self::SeatsLow,
    ];
}

impl About {
    /// The engineer concerned, if it is about one.
    pub fn engineer(&self) -> Option<&EngineerKey> {
        match self {
            Self::Engineer(engineer) => Some(&engineer.key),
            Self::Row(row) => row.id.engineer(),
            Self::Letter(parked) => parked.engineer.as_ref(),
        }
    }

    /// The incoming event behind it.
    pub fn event(&self) -> Option<&EventRef> {
        match self {
            Self::Engineer(_) | Self::Row(_) => self.cause().map(|cause| &cause.event),
            Self::Letter(parked) => parked.event.as_ref(),
        }
    }

    /// The incoming event, with what HR wants to see again.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Engineer(engineer) => Some(&engineer.newest().cause),
            Self::Row(row) => row.cause.as_ref(),
            Self::Letter(_) => None,
        }
    }
}

/// Everything there is to tell of an entry, in order.
pub fn outcomes(entry: &Entry) -> Vec<Outcome> {
    let told = entry.changes.iter().flat_map(|change| read(&entry.actor, change));
    let numbered = told.enumerate().map(|(index, (kind, about))| Outcome {
        id: format!("{:012}-{index}-{}", entry.position.0, entry.at.as_millisecond()),
        position: entry.position,
        at: entry.at,
        kind,
        about,
    });
    numbered.collect()
}

/// Whether a row, as it was just written, is something to tell.
pub fn is_told(row: &Enrollment) -> bool {
    of_row(row).is_some() || became_low(row)
}

fn read(actor: &Actor, change: &Change) -> Vec<(OutcomeKind, About)> {
    match change {
        Change::Engineer(engineer) if matches!(actor, Actor::Event(_)) => {
            vec![(OutcomeKind::Accepted, About::Engineer(engineer.clone()))]
        }
        Change::Engineer(engineer) if is_late_now(engineer) => {
            vec![(OutcomeKind::Delayed, About::Engineer(engineer.clone()))]
        }
        Change::Enrollment { row, .. } => {
            let seats_low = became_low(row).then_some(OutcomeKind::SeatsLow);
            of_row(row).into_iter().chain(seats_low).map(|kind| (kind, About::Row(row.clone()))).collect()
        }
        Change::Parked(parked) => {
            vec![(OutcomeKind::EventRejected, About::Letter(Box::new(parked.clone())))]
        }
        Change::Engineer(_) | Change::Received(_) | Change::Reserved { .. } | Change::Bookmark { .. } => {
            Vec::new()
        }
        Change::Released { .. } | Change::Erased { .. } | Change::Unparked { .. } => Vec::new(),
    }
}

/// Whether this very version of the engineer says that the first day cannot be kept.
fn is_late_now(engineer: &Engineer) -> bool {
    engineer.at_risk.is_some_and(|risk| risk.late == Some(engineer.version))
}

fn of_row(row: &Enrollment) -> Option<OutcomeKind> {
    match (&row.state, row.id.kind()) {
        (State::Completed, TargetKind::Domain) => (!row.rechecking).then_some(OutcomeKind::Progressed),
        (State::Completed, TargetKind::Engineer) => Some(match row.goal.want {
            Want::Present => OutcomeKind::Ready,
            Want::Absent => OutcomeKind::Deprovisioned,
        }),
        (State::Cancelled { .. }, TargetKind::Domain | TargetKind::Engineer) => {
            (row.goal.want == Want::Present).then_some(OutcomeKind::Failed)
        }
        (State::Completed, TargetKind::Reseller) => (!row.rechecking).then_some(OutcomeKind::ResellerHealthy),
        (State::Waiting { on, .. }, kind) if on.is_a_person() && row.has_begun_to_wait() => match kind {
            TargetKind::Reseller => Some(OutcomeKind::ResellerBlocked),
            TargetKind::Domain | TargetKind::Engineer => Some(OutcomeKind::ActionRequired),
        },
        (_, TargetKind::Domain) if row.gone_in == Some(row.version) => Some(OutcomeKind::Progressed),
        (
            State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } | State::Cancelled { .. },
            _,
        ) => None,
    }
}

/// The count is made anew at each look at the account, which ends with the row as completed.
fn became_low(row: &Enrollment) -> bool {
    row.state == State::Completed && row.facts.seats.as_ref().is_some_and(|seats| seats.became_low)
}

#[cfg(test)]
mod tests {
    use super::super::engineer::AtRisk;
    use super::super::enrollment::{Goal, Wish};
    use super::super::failure::{Failure, FailureCode, FailureKind, Who};
    use super::super::plan::{StepName, plan};
    use super::super::rules::Rules;
    use super::super::seats::SeatCount;
    use super::super::transition::{Ensured, Input, Order, apply};
    use super::*;

    fn entry(row: Enrollment) -> Entry {
        let change = Change::Enrollment { from: Some(1), row: Box::new(row) };
        Entry {
            position: Position(7),
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Engine,
            changes: vec![change],
        }
    }

    /// Runs the inputs one after the other and lists the types that each entry tells.
    fn told(id: &str, inputs: Vec<Input>) -> Vec<&'static str> {
        let rules = Rules::default();
        let mut row = Enrollment::open(
            id.parse().unwrap(),
            Goal { want: Want::Present, revision: 1 },
            Timestamp::UNIX_EPOCH,
        );
        let mut told = Vec::new();
        for input in inputs {
            let now = row.wake_at().unwrap_or(Timestamp::UNIX_EPOCH);
            row = apply(&row, input, &rules, now).unwrap().after;
            told.extend(outcomes(&entry(row.clone())).iter().map(|outcome| outcome.kind.event_type()));
        }
        told
    }

    fn fails(kind: FailureKind, code: FailureCode) -> Input {
        Input::Reported(Err(Failure::new(kind, code)))
    }

    #[test]
    fn a_person_is_asked_once_for_each_thing() {
        let seats = || fails(FailureKind::Needs(Who::Operator), FailureCode::SeatsSpent);
        let taken = || fails(FailureKind::Needs(Who::Operator), FailureCode::AddressTaken);
        let inputs =
            vec![Input::Wake, seats(), Input::Wake, seats(), Input::Wake, taken(), Input::Wake, taken()];
        let asked = "com.carepass.provisioning.action-required.v1";
        assert_eq!(told("domain/E-1/se/a.se", inputs), [asked, asked]);
        let reseller = vec![Input::Wake, fails(FailureKind::Permanent, FailureCode::UnknownAnswer)];
        assert_eq!(told("reseller/se", reseller), ["com.carepass.reseller.blocked.v1"]);
        let google = vec![Input::Wake, fails(FailureKind::Needs(Who::Google), FailureCode::RateLimited)];
        assert_eq!(told("domain/E-1/se/a.se", google), [""; 0]);
    }

    #[test]
    fn a_reseller_account_is_healthy_once_and_again_after_trouble() {
        let steps = plan(TargetKind::Reseller, Want::Present).len();
        let reported = || [Input::Reported(Ok(Ensured::default())), Input::Wake];
        let fine = || (0..steps).flat_map(|_| reported()).take(2 * steps - 1);
        let trouble =
            || [Input::Wake, fails(FailureKind::Permanent, FailureCode::UnknownAnswer), Input::Wake];
        let recheck = || [Input::Recheck, Input::Wake];
        let healthy = "com.carepass.reseller.healthy.v1";
        let once: Vec<Input> =
            [Input::Wake].into_iter().chain(fine()).chain(recheck()).chain(fine()).collect();
        assert_eq!(told("reseller/se", once.clone()), [healthy]);
        let again = once.into_iter().chain([Input::Recheck]).chain(trouble()).chain(fine()).collect();
        assert_eq!(told("reseller/se", again), [healthy, "com.carepass.reseller.blocked.v1", healthy]);
    }

    #[test]
    fn a_domain_that_is_looked_at_once_more_is_ready_once_and_again_under_a_new_goal() {
        let steps = plan(TargetKind::Domain, Want::Present).len();
        let reported = || [Input::Wake, Input::Reported(Ok(Ensured::default()))];
        let fine = || (0..steps).flat_map(|_| reported());
        let progressed = "com.carepass.provisioning.progressed.v1";
        let twice: Vec<Input> = fine().chain([Input::Recheck]).chain(fine()).collect();
        assert_eq!(told("domain/E-1/se/a.se", twice.clone()), [progressed]);
        let asks = |who| {
            [Input::Recheck, Input::Wake, fails(FailureKind::Needs(who), FailureCode::PaidLicenseFound)]
        };
        let google: Vec<Input> = twice.iter().cloned().chain(asks(Who::Google)).chain(fine()).collect();
        assert_eq!(told("domain/E-1/se/a.se", google), [progressed], "nobody was asked for anything");
        let operator = twice.iter().cloned().chain(asks(Who::Operator)).chain(fine()).collect();
        let asked = "com.carepass.provisioning.action-required.v1";
        assert_eq!(told("domain/E-1/se/a.se", operator), [progressed, asked, progressed]);
        let wish = Goal { want: Want::Present, revision: 2 }.into();
        let anew = twice.into_iter().chain([Input::Retargeted(Box::new(wish))]).collect();
        assert_eq!(told("domain/E-1/se/a.se", anew), [progressed, progressed]);
    }

    /// What comes after the last look may take days, and is no news: only trouble is, and that it is over.
    #[test]
    fn a_domain_is_gone_when_it_was_seen_to_be_and_not_when_all_is_tidied_up() {
        let id = "domain/E-1/se/a.se";
        let steps = plan(TargetKind::Domain, Want::Absent);
        let seen = steps.iter().position(|step| *step == StepName::LastLook).unwrap() + 1;
        let leaves = Input::Retargeted(Box::new(Goal { want: Want::Absent, revision: 2 }.into()));
        let reported = || [Input::Wake, Input::Reported(Ok(Ensured::default()))];
        let up_to = |count: usize| [leaves.clone()].into_iter().chain((0..count).flat_map(|_| reported()));
        let progressed = "com.carepass.provisioning.progressed.v1";
        assert_eq!(told(id, up_to(seen - 1).collect()), [""; 0]);
        assert_eq!(told(id, up_to(seen).collect()), [progressed]);
        assert_eq!(told(id, up_to(steps.len()).collect()), [progressed]);
        let asks = [Input::Wake, fails(FailureKind::Needs(Who::Operator), FailureCode::PaidLicenseFound)];
        let rest = (seen..steps.len()).flat_map(|_| reported());
        let asked = "com.carepass.provisioning.action-required.v1";
        assert_eq!(told(id, up_to(seen).chain(asks).chain(rest).collect()), [progressed, asked, progressed]);
    }

    /// Counted in vain afterwards, it is no news.
    #[test]
    fn low_seats_are_told_once() {
        let counted = SeatCount {
            counted_at: Timestamp::UNIX_EPOCH,
            users: 49,
            suspended: 0,
            deleted: 0,
            starters: 0,
            remaining: None,
            low: false,
            became_low: false,
        };
        let low = counted.concluded(Some(50), None);
        let look = |seats: Option<SeatCount>| {
            let steps = plan(TargetKind::Reseller, Want::Present).len();
            let mut inputs = vec![Input::Wake];
            for _ in 1..steps {
                inputs.extend([Input::Reported(Ok(Ensured::default())), Input::Wake]);
            }
            let mut ensured = Ensured::default();
            ensured.facts.seats = seats.map(Box::new);
            inputs.push(Input::Reported(Ok(ensured)));
            inputs
        };
        let looks = [vec![], vec![Input::Recheck], vec![Input::Recheck]];
        let counts = [Some(low), Some(low.kept()), Some(counted.concluded(Some(50), Some(&low)))];
        let inputs = looks.into_iter().zip(counts).flat_map(|(begin, seats)| [begin, look(seats)].concat());
        let expected = ["com.carepass.reseller.healthy.v1", "com.carepass.reseller.seats-low.v1"];
        assert_eq!(told("reseller/se", inputs.collect()), expected);
    }

    #[test]
    fn a_parked_event_is_told_as_rejected() {
        let letter =
            super::super::parked::Letter::new(None, std::collections::BTreeMap::new(), b"{}".to_vec());
        let refusal =
            super::super::event::Refusal::one("", super::super::event::ReasonCode::JsonSyntax, None);
        let door = super::super::parked::Door::Http;
        let parked = Parked::of(
            super::super::parked::LetterId::of_tag(&letter.digest()),
            &letter,
            &refusal,
            door,
            Timestamp::UNIX_EPOCH,
        );
        let unparked =
            Change::Unparked { id: parked.id.clone(), how: super::super::parked::Unparking::Replayed };
        let told = |change: Change| {
            let entry = Entry {
                position: Position(7),
                at: Timestamp::UNIX_EPOCH,
                actor: Actor::Engine,
                changes: vec![change],
            };
            outcomes(&entry).iter().map(|outcome| outcome.kind.event_type()).collect::<Vec<_>>()
        };
        assert_eq!(told(Change::Parked(parked)), ["com.carepass.provisioning.event-rejected.v1"]);
        assert_eq!(told(unparked), [""; 0]);
    }

    #[test]
    fn the_welcome_makes_ready() {
        let steps = plan(TargetKind::Engineer, Want::Present).len();
        let inputs = (0..steps).flat_map(|_| [Input::Wake, Input::Reported(Ok(Ensured::default()))]);
        assert_eq!(told("engineer/E-1", inputs.collect()), ["com.carepass.provisioning.ready.v1"]);
    }

    fn types(changes: Vec<Change>, actor: Actor) -> Vec<&'static str> {
        let entry = Entry { position: Position(7), at: Timestamp::UNIX_EPOCH, actor, changes };
        outcomes(&entry).iter().map(|outcome| outcome.kind.event_type()).collect()
    }

    #[test]
    fn access_that_is_gone_is_told_for_each_domain_and_then_as_a_whole() {
        let check = |id: &str, expected: &[&str]| {
            let mut row = Enrollment::open(
                id.parse().unwrap(),
                Wish::from(Goal { want: Want::Absent, revision: 2 }),
                Timestamp::UNIX_EPOCH,
            );
            row.state = State::Completed;
            let change = Change::Enrollment { from: Some(1), row: Box::new(row) };
            assert_eq!(types(vec![change], Actor::Engine), expected, "{id}");
        };
        check("domain/E-1/se/a.se", &["com.carepass.provisioning.progressed.v1"]);
        check("engineer/E-1", &["com.carepass.provisioning.deprovisioned.v1"]);
    }

    #[test]
    fn what_an_operator_ends_has_failed_unless_access_was_to_end() {
        let cancel = || Input::Ordered(Order::Cancel { reason: "a name that nobody may read".into() });
        let failed = "com.carepass.provisioning.failed.v1";
        assert_eq!(told("domain/E-1/se/a.se", vec![cancel()]), [failed]);
        assert_eq!(told("engineer/E-1", vec![cancel()]), [failed]);
        assert_eq!(told("reseller/se", vec![cancel()]), [""; 0]);
        let absent = Input::Retargeted(Box::new(Goal { want: Want::Absent, revision: 2 }.into()));
        let locked_out = || {
            let all = plan(TargetKind::Domain, Want::Absent).iter().copied();
            let also = all.filter(|step| *step != StepName::Removal).collect();
            Input::Reported(Ok(Ensured { also, ..Ensured::default() }))
        };
        let kept = vec![absent, Input::Wake, locked_out(), cancel()];
        let gone = "com.carepass.provisioning.progressed.v1";
        assert_eq!(told("domain/E-1/se/a.se", kept), [gone], "only the deletion is called off");
    }

    #[test]
    fn a_first_day_that_cannot_be_kept_is_told_with_one_version_only() {
        let check = |version: u64, late: Option<u64>, expected: &[&str]| {
            let mut engineer = Engineer { version, ..Engineer::example("E-1") };
            let (starts, since) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            engineer.at_risk = Some(AtRisk { starts, since, late });
            assert_eq!(types(vec![Change::Engineer(Box::new(engineer))], Actor::Engine), expected);
        };
        check(3, None, &[]);
        check(3, Some(3), &["com.carepass.provisioning.delayed.v1"]);
        check(4, Some(3), &[]);
    }

    #[test]
    fn ids_follow_from_the_ledger() {
        let mut row = Enrollment::open(
            "engineer/E-1".parse().unwrap(),
            Goal { want: Want::Present, revision: 1 },
            Timestamp::UNIX_EPOCH,
        );
        row.state = State::Completed;
        assert_eq!(outcomes(&entry(row))[0].id, "000000000007-0-0");
    }
}
