//! Parts of an engineer's view. Pure. Not here: the engineer as a whole (`views`).

use super::views::Wording;
use crate::model::engineer::Scope;
use crate::model::enrollment::Want;
use crate::model::handover::{Delivery, Handover};
use crate::model::id::DomainName;
use crate::model::statement::Statement;
use crate::model::time_zone::TimeZoneName;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// An envelope with first passwords.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Handover")]
pub(super) struct HandoverView {
    issue: u32,
    issued_at: Timestamp,
    /// For what goes by a page.
    expires_at: Timestamp,
    opened_at: Option<Timestamp>,
    /// When what nobody opened was destroyed, or a newer one was ordered.
    lapsed_at: Option<Timestamp>,
    /// The way, domain by domain.
    delivery: BTreeMap<DomainName, Delivery>,
}

impl HandoverView {
    pub(super) fn of(last: &Handover) -> Self {
        Self {
            issue: last.issue,
            issued_at: last.issued_at,
            expires_at: last.expires_at,
            opened_at: last.opened_at,
            lapsed_at: last.lapsed_at,
            delivery: last.ways.clone(),
        }
    }
}

/// What HR has said for later.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Upcoming")]
pub(super) struct UpcomingView {
    goal: Want,
    revision: u64,
    from: Timestamp,
    /// The same on the clock of the place of work, and in UTC.
    pub(super) shown: String,
    time_zone: TimeZoneName,
    scope: Scope,
}

impl UpcomingView {
    pub(super) fn of(statement: &Statement, wording: Wording) -> Self {
        Self {
            shown: wording.moment(statement.from, &statement.time_zone),
            time_zone: statement.time_zone.clone(),
            goal: statement.goal.want,
            revision: statement.goal.revision,
            from: statement.from,
            scope: statement.scope.clone(),
        }
    }
}
