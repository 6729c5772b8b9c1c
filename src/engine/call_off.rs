//! The end of an engine whose time to finish is over: what is under way is cut off, and each row whose lease it held is given back, so that
//! the next engine goes on at once and no attempt is spent. A step that was cut off may have had its effect; the next run looks first.
//! Not here: the order in which a house is taken down (`app`), and the rows of a process that died (`start`).

use super::Engine;
use crate::model::duty::{Duty, Fence};
use crate::model::enrollment::EnrollmentId;
use crate::model::transition::Input;
use std::collections::BTreeMap;

impl Engine {
    /// Cuts off what is under way, waits until it has ended, and gives back what it held. A row that cannot be written now is taken over at
    /// the next start.
    pub async fn call_off(&self) {
        let held: BTreeMap<EnrollmentId, Vec<Fence>> = self
            .lanes
            .iter()
            .flat_map(|(lane, state)| {
                let fences = self.duties.last_fence(&Duty::of_lane(lane));
                state.at_work().keys().map(|id| (id.clone(), fences.clone())).collect::<Vec<_>>()
            })
            .collect();
        self.cut_off();
        self.stopped().await;
        for (id, fences) in held {
            match self.house.store.enrollment(&id).await {
                Ok(Some(row)) => self.move_fenced(&row, Input::CalledOff, Ok(fences)).await,
                Ok(None) => (),
                Err(error) => {
                    tracing::warn!(row = %id, %error, "a lease is not given back; the next start takes it over");
                }
            }
        }
        self.leave().await;
    }
}
