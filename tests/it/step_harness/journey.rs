//! The way through every plan, once and undisturbed: what stood on the stage before each step, and how the step ended.
//! Not here: what is done to a step (`disturbance`).

use super::end::End;
use super::stage::{ENGINEER, Snapshot, Stage, step_of};
use carepass::model::enrollment::EnrollmentId;
use carepass::steps::Step;

/// The rows in the order in which the engine would finish them.
const ROWS: [&str; 5] = [
    "reseller/nordic-se",
    "reseller/nordic-no",
    "domain/E-1/nordic-se/care-se.example",
    "domain/E-1/nordic-no/reseller-no.example",
    "engineer/E-1",
];

/// One step of one row.
#[derive(Clone)]
pub struct Moment {
    pub row: EnrollmentId,
    pub step: &'static Step,
    /// The stage when the step is next.
    pub before: Snapshot,
    /// The end when nothing disturbs it.
    pub end: End,
}

/// Every step of every row's plan, in order.
pub async fn moments() -> Vec<Moment> {
    assert!(ROWS.last().is_some_and(|row| row.ends_with(ENGINEER)));
    let mut moments = Vec::new();
    let mut before = Stage::opening().await.snapshot().await;
    for row in ROWS.map(|row| row.parse::<EnrollmentId>().expect("a row")) {
        while let Some(moment) = next(&row, before.clone()).await {
            before = moment.1;
            moments.push(moment.0);
        }
    }
    moments
}

/// The next step of a row, if there is one, and what the stage is afterwards. Each step has a stage and a process of its own,
/// so that it starts with no more than what is stored.
async fn next(id: &EnrollmentId, before: Snapshot) -> Option<(Moment, Snapshot)> {
    let stage = Stage::set(&before).await;
    let row = stage.row(id).await;
    row.state.at()?;
    let (house, step) = (stage.house(), step_of(&row));
    let claimed = stage.claim(&house, &row).await;
    let after =
        stage.until_ok(&house, claimed).await.unwrap_or_else(|why| panic!("{id} {}: {why}", step.name));
    stage.keep(&after).await;
    let end = End::of(&stage, &after).await;
    Some((Moment { row: id.clone(), step, before, end }, stage.snapshot().await))
}
