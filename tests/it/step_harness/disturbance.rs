//! What may happen to a step, and how it is played on a stage. Not here: what must hold afterwards.

use super::end::End;
use super::journey::Moment;
use super::stage::Stage;
use carepass::google::call::Scope;
use carepass::model::enrollment::{Enrollment, Want};
use carepass::model::entry::{Actor, Change, Commit, Position};
use carepass::model::failure::Failure;
use carepass::steps::{House, Sheet, SheetError};
use carepass::store::Store;
use carepass::store::memory::Lost;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// It has succeeded, and is asked for again by the same process.
    Repeated,
    /// It has succeeded, but the process died before it could say so.
    Forgotten,
    /// Two processes run it at the same time; the second knows that it is the second, or does not.
    Overlapped { knowingly: bool },
    /// The n-th of the calls that the fault is about fails.
    Struck { fault: Fault, nth: usize, tokens: Tokens, then: Then },
    /// The answer of its commit is lost.
    CommitLost(Lost),
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The connection broke before anything happened.
    CutBefore,
    /// The connection broke after everything had happened.
    CutAfter,
    /// Done, and answered with a status that says otherwise.
    DoneBut(u16),
    /// Not done, and answered with a page that looks like a success.
    PageInstead,
    /// Done, and answered with a page.
    DoneButPage,
    /// A write that was done is answered with "conflict".
    WriteDoneButConflict,
    /// A call is answered with "unauthorised" though it was done.
    DoneButUnauthorized,
}

/// Whether the process has its tokens already, or has to ask for them among the calls that are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tokens {
    Cold,
    Warm,
}

/// What becomes of the process whose call failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    /// It lives and tries again as the machine says.
    Lives,
    /// It dies, whatever the step said, and another process takes over.
    Dies,
}

impl Fault {
    pub const ALL: [Self; 8] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::DoneBut(500),
        Self::DoneBut(503),
        Self::PageInstead,
        Self::DoneButPage,
        Self::WriteDoneButConflict,
        Self::DoneButUnauthorized,
    ];

    fn rule(self, nth: usize) -> Value {
        let (mut wanted, action) = match self {
            Self::CutBefore => (json!({}), json!({"fail_before": true, "reset": true})),
            Self::CutAfter => (json!({}), json!({"fail_after": true, "reset": true})),
            Self::DoneBut(status) => (json!({}), json!({"fail_after": true, "status": status})),
            Self::PageInstead => (json!({}), json!({"fail_before": true, "status": 200, "body": "<html>"})),
            Self::DoneButPage => (json!({}), json!({"fail_after": true, "status": 200, "body": "<html>"})),
            // License Manager has no such answer.
            Self::WriteDoneButConflict => (
                json!({"method": "POST", "path_regex": "^/admin/"}),
                json!({"fail_after": true, "status": 409}),
            ),
            // The token endpoint says it in other words.
            Self::DoneButUnauthorized => {
                (json!({"path_regex": "^/admin/|^/apps/"}), json!({"fail_after": true, "status": 401}))
            }
        };
        wanted["nth"] = json!(nth);
        json!({"match": wanted, "do": action})
    }
}

/// Plays a step with a disturbance. Gives the end, and whether the disturbance has come about; or why the step never succeeds.
pub async fn play(moment: &Moment, disturbance: Disturbance) -> Result<(End, bool), String> {
    let stage = Stage::set(&moment.before).await;
    let house = stage.house();
    let claimed = stage.claim(&house, &stage.row(&moment.row).await).await;
    let (row, happened) = match disturbance {
        Disturbance::Repeated => {
            let once = stage.until_ok(&house, claimed.clone()).await?;
            let again = Enrollment { facts: once.facts, ..claimed };
            (stage.until_ok(&house, again).await?, true)
        }
        Disturbance::Forgotten => {
            stage.until_ok(&house, claimed.clone()).await?;
            (take_over(&stage, &claimed).await?, true)
        }
        Disturbance::Overlapped { knowingly } => (overlap(&stage, &house, claimed, knowingly).await?, true),
        Disturbance::Struck { fault, nth, tokens, then } => {
            warm(&house, tokens).await;
            stage.sandbox.add_faults(&fault.rule(nth)).expect("a rule that is understood");
            let row = after_fault(&stage, &house, claimed, then).await?;
            (row, stage.sandbox.calls().iter().any(|call| call.fault))
        }
        Disturbance::CommitLost(lost) => {
            stage.store.lose_next_commit(lost);
            let row = stage.until_ok(&house, claimed).await?;
            (row, !is_armed(&stage).await)
        }
    };
    Ok((End::of(&stage, &row).await, happened))
}

/// The engineer's record as the engine hands it to a step: access ends also where it cannot be read.
pub async fn sheet(house: &House, claimed: &Enrollment) -> Result<Option<Sheet>, Failure> {
    let Some(key) = claimed.id.engineer() else { return Ok(None) };
    match house.sheet(key).await {
        Err(SheetError::Seal(_) | SheetError::Incomplete) if claimed.goal.want == Want::Absent => Ok(None),
        sheet => Ok(Some(sheet.map_err(Failure::from)?)),
    }
}

async fn after_fault(
    stage: &Stage,
    house: &House,
    claimed: Enrollment,
    then: Then,
) -> Result<Enrollment, String> {
    match then {
        Then::Lives => stage.until_ok(house, claimed).await,
        Then::Dies => {
            // Nobody hears what the step says.
            let _ = stage.run(house, &claimed).await;
            take_over(stage, &claimed).await
        }
    }
}

/// Another process finds the row claimed and its worker gone.
async fn take_over(stage: &Stage, claimed: &Enrollment) -> Result<Enrollment, String> {
    let house = stage.house();
    let claimed = stage.claim_after_death(&house, claimed).await;
    stage.until_ok(&house, claimed).await
}

/// Each call takes a moment, so that those of both processes are under way at once.
async fn overlap(
    stage: &Stage,
    house: &House,
    claimed: Enrollment,
    knowingly: bool,
) -> Result<Enrollment, String> {
    let other = stage.house();
    let second = if knowingly { stage.claim_after_death(&other, &claimed).await } else { claimed.clone() };
    stage.sandbox.change(|world| world.latency_ms = 2);
    let (first, second) = join(stage.until_ok(house, claimed), stage.until_ok(&other, second)).await;
    stage.sandbox.change(|world| world.latency_ms = 0);
    let (first, mut second) = (first?, second?);
    // Only one of the two reports is taken; here none is preferred.
    let later = std::mem::take(&mut second.facts);
    second.facts = first.facts;
    second.facts.learn(later);
    Ok(second)
}

async fn warm(house: &House, tokens: Tokens) {
    if tokens == Tokens::Warm {
        for site in house.sites.values() {
            let probes = join_all(Scope::ALL.map(|scope| site.google.probe(scope))).await;
            assert!(probes.iter().all(Result::is_ok), "{probes:?}");
        }
    }
}

/// Whether the loss of a commit is still to come. A commit that says nothing finds out.
async fn is_armed(stage: &Stage) -> bool {
    let nothing = Change::Bookmark { reader: "harness".into(), position: Position::default() };
    let at = stage.ago(jiff::SignedDuration::ZERO);
    stage.store.commit(Commit::of(at, Actor::Engine, nothing)).await.is_err()
}
