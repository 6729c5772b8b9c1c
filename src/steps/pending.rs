//! Steps whose files are being written.

use super::{Context, Outcome, Step};
use crate::model::enrollment::TargetKind;
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

const fn step(name: StepName, scope: TargetKind) -> Step {
    Step { name, scope, summary: "", seals_credential: false, ensure: |cx| Box::pin(ensure(cx)) }
}

pub const PASSWORD: Step = step(StepName::Password, TargetKind::Domain);
pub const TWO_STEP: Step = step(StepName::TwoStep, TargetKind::Domain);
pub const ROLE_OFF: Step = step(StepName::RoleOff, TargetKind::Domain);
pub const SIGN_OUT: Step = step(StepName::SignOut, TargetKind::Domain);
pub const SUSPEND: Step = step(StepName::Suspend, TargetKind::Domain);
pub const LOCKED_OUT: Step = step(StepName::LockedOut, TargetKind::Domain);
pub const LAST_LOOK: Step = step(StepName::LastLook, TargetKind::Domain);
pub const REMOVAL: Step = step(StepName::Removal, TargetKind::Domain);
pub const HAND_OVER: Step = step(StepName::HandOver, TargetKind::Engineer);
pub const TOGETHER: Step = step(StepName::Together, TargetKind::Engineer);
pub const FAREWELL: Step = step(StepName::Farewell, TargetKind::Engineer);

async fn ensure(_: &Context<'_>) -> Outcome {
    Ok(Ensured::default())
}
