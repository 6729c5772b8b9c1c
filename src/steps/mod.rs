//! Floor 2: what "ensured" means, one file a step. A step answers Ok when its fact holds, whoever made it hold; it may be called any
//! number of times, may be cut off at any await, and shares nothing with other steps but what Google and the store say.
//! Adding one: a file, its line in [`ALL`] and its place in a plan (`model/plan`). Not here: when a step runs (`engine/drive`).

mod account;
mod attested;
mod case_alert_route;
mod case_alerts;
mod cost;
mod credentials;
mod domains;
mod hand_over;
mod handed;
mod home;
mod house;
mod learned;
mod leaving;
pub mod letters;
mod license;
mod name;
mod no_paid_license;
mod optional;
mod org_unit;
mod password;
mod reseller_role;
mod role;
mod seats;
mod together;
mod two_step;
mod two_step_policy;
mod username;
mod verify;
mod welcome;
pub mod writes;

pub use attested::{LOG_AGE_MAX, known_off};
pub use cost::{Cost, Outlook};
pub(crate) use hand_over::destroyed;
pub use house::{Context, House, Sheet, SheetError, Site};
pub use learned::Learned;
pub use username::{UsernamePreview, UsernameWish, preview_username};

use crate::model::enrollment::TargetKind;
use crate::model::failure::Failure;
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use futures_util::future::BoxFuture;

/// What a step answers.
pub type Outcome = Result<Ensured, Failure>;

/// One step: a fact to bring about.
pub struct Step {
    /// The stored name.
    pub name: StepName,
    /// Which kind of row it belongs to; names repeat between kinds.
    pub scope: TargetKind,
    /// The fact in words.
    pub summary: &'static str,
    /// Whether a fresh password is sealed into the row before the step first runs.
    pub seals_credential: bool,
    /// What it takes of Google's limits on its happy path.
    pub cost: fn(&Outlook<'_>) -> Cost,
    /// Brings the fact about.
    pub ensure: Ensure,
}

/// How a step brings its fact about.
pub type Ensure = for<'a> fn(&'a Context<'a>) -> BoxFuture<'a, Outcome>;

/// Every step of this version.
pub const ALL: &[Step] = &[
    credentials::STEP,
    domains::STEP,
    org_unit::STEP,
    reseller_role::STEP,
    attested::AUTO_LICENSING,
    attested::FREE_SUBSCRIPTION,
    two_step_policy::STEP,
    case_alert_route::STEP,
    seats::STEP,
    username::STEP,
    account::STEP,
    password::STEP,
    name::STEP,
    license::STEP,
    no_paid_license::STEP,
    two_step::STEP,
    role::STEP,
    case_alerts::STEP,
    verify::STEP,
    leaving::role_off::STEP,
    leaving::sign_out::STEP,
    leaving::suspend::STEP,
    leaving::locked_out::STEP,
    leaving::last_look::STEP,
    leaving::removal::STEP,
    hand_over::STEP,
    welcome::STEP,
    together::STEP,
    leaving::farewell::STEP,
];

/// The step of a plan, if this version knows it.
pub fn find(scope: TargetKind, name: StepName) -> Option<&'static Step> {
    ALL.iter().find(|step| step.scope == scope && step.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::Want;
    use crate::model::plan::plan;

    #[test]
    fn every_step_is_built_and_stands_in_a_plan() {
        for scope in [TargetKind::Reseller, TargetKind::Domain, TargetKind::Engineer] {
            let planned = [plan(scope, Want::Present), plan(scope, Want::Absent)].concat();
            for name in &planned {
                assert!(find(scope, *name).is_some(), "{scope:?} {name}");
            }
            for step in ALL.iter().filter(|step| step.scope == scope) {
                assert!(planned.contains(&step.name), "{scope:?} {}", step.name);
            }
        }
    }
}
