//! The way through every plan, once and undisturbed: what stood on the stage before each step, and how the step ended.
//! Not here: what is done to a step (`disturbance`).

use super::end::End;
use super::stage::{ENGINEER, Snapshot, Stage, step_of};
use carepass::model::enrollment::EnrollmentId;
use carepass::sandbox::Customer;
use carepass::sandbox::init::Mood;
use carepass::steps::Step;
use jiff::SignedDuration;

/// The rows in the order in which the engine would finish them.
const ROWS: [&str; 5] = [
    "reseller/nordic-se",
    "reseller/nordic-no",
    "domain/E-1/nordic-se/care-se.example",
    "domain/E-1/nordic-no/reseller-no.example",
    "engineer/E-1",
];

/// Those of a leaver.
const LEAVING_ROWS: [&str; 3] = [ROWS[2], ROWS[3], ROWS[4]];

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

/// The rows where the first reseller account is the engineers' own.
const HOME_ROWS: [&str; 5] = [
    "reseller/nordic-se",
    "reseller/nordic-no",
    "domain/E-1/nordic-se/reseller-se.example",
    "domain/E-1/nordic-no/reseller-no.example",
    "engineer/E-1",
];

/// Every step of every row's plan, in order: of joining, and then of leaving.
pub async fn moments() -> Vec<Moment> {
    moments_in(Mood::Plain).await
}

/// The same where Google is in such a mood.
pub async fn moments_in(mood: Mood) -> Vec<Moment> {
    let (mut moments, ready) = along(&ROWS, Stage::opening(mood).await.snapshot().await).await;
    moments.extend(along(&LEAVING_ROWS, left(&ready).await).await.0);
    moments
}

/// The same where the first reseller account is the engineers' own.
pub async fn home_moments(mood: Mood) -> Vec<Moment> {
    let (mut moments, ready) = along(&HOME_ROWS, Stage::opening_home(mood).await.snapshot().await).await;
    moments.extend(along(&HOME_ROWS[2..], left(&ready).await).await.0);
    moments
}

/// An hour after everything was ready the engineer has left, with sessions open in the first reseller account.
async fn left(ready: &Snapshot) -> Snapshot {
    let stage = match ready.mood() {
        Mood::Plain => Stage::set(ready).await,
        Mood::Nasty => Stage::set_later(ready, SignedDuration::from_hours(1)).await,
    };
    stage.sign_in();
    stage.leave().await;
    stage.snapshot().await
}

async fn along(rows: &[&str], mut before: Snapshot) -> (Vec<Moment>, Snapshot) {
    assert!(rows.last().is_some_and(|row| row.ends_with(ENGINEER)));
    let mut moments = Vec::new();
    for row in rows.iter().map(|row| row.parse::<EnrollmentId>().expect("a row")) {
        while let Some(moment) = next(&row, before.clone()).await {
            before = moment.1;
            moments.push(moment.0);
        }
    }
    (moments, before)
}

/// The same moment after something was changed in Google, with the end that it has then.
pub async fn changed(moment: &Moment, change: impl FnOnce(&mut Customer)) -> Moment {
    let stage = Stage::set(&moment.before).await;
    stage.sandbox.change(|world| {
        change(world.customers.get_mut("C01nordicse").expect("a customer of the demo"));
    });
    next(&moment.row, stage.snapshot().await).await.expect("the row has not settled").0
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
    let next = stage.snapshot().await;
    let end = End::of(&stage, &after).await;
    Some((Moment { row: id.clone(), step, before, end }, next))
}
