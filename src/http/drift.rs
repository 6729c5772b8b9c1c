//! `GET /v1/drift?reseller=&cursor=&limit=`: what others have changed at Google, as the last look at each reseller account found it.
//! Not here: the look (`engine/drift`), what it means (`model/drift`), and the cards that ask about it (`task_list`).

use super::Api;
use super::api::limit_of;
use super::extract::Asked;
use super::language::Spoken;
use super::problem::Problem;
use super::views::{Page, Wording};
use crate::model::drift::{Action, Drift, Finding, FindingId, Kind, Severity};
use crate::model::enrollment::EnrollmentId;
use crate::model::id::{DomainName, EngineerKey, ResellerName};
use crate::model::message::Place as Where;
use crate::model::message::drift::what_drifted;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What others have changed.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Finding")]
pub(super) struct FindingView {
    /// The same as long as the same is so: the one to write into `drift.accepted`.
    id: String,
    reseller: ResellerName,
    kind: Kind,
    severity: Severity,
    /// What carepass does about it.
    action: Action,
    /// Whose account it is; null where it is nobody's whom carepass knows, and of the role itself.
    engineer: Option<EngineerKey>,
    domain: Option<DomainName>,
    /// Google's immutable id of the account, of whoever holds the role, or of the role.
    google_id: String,
    /// The first look that found it.
    since: Timestamp,
    /// What is so, in words.
    message: String,
    /// Evidence beside the message, in Google's own terms.
    detail: String,
}

/// The last look at a reseller account for what others have changed.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "DriftSummary")]
pub(super) struct DriftSummary {
    checked_at: Timestamp,
    /// Null where nobody looks by the clock.
    look_again_at: Option<Timestamp>,
    high: u32,
    medium: u32,
    low: u32,
    /// How many of them are counted here and listed nowhere.
    unlisted: u32,
}

/// A place in the list: `<reseller>/<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    reseller: ResellerName,
    id: FindingId,
}

/// In the order of the reseller accounts, and there of the ids.
pub(super) async fn findings(
    State(api): State<Arc<Api>>,
    asked: Asked,
    spoken: Spoken,
) -> Result<Json<Page<FindingView>>, Problem> {
    let asked = asked.only(&["reseller", "cursor", "limit"])?;
    let only: Option<ResellerName> = asked.get("reseller")?;
    let (after, limit) = (asked.get::<Place>("cursor")?, limit_of(&asked)?);
    let wording = Wording::new(&api, spoken);
    let mut items: Vec<(Place, FindingView)> = Vec::new();
    let is_asked_for = |name: &&ResellerName| {
        only.as_ref().is_none_or(|only| only == *name)
            && after.as_ref().is_none_or(|after| after.reseller <= **name)
    };
    for name in api.engine.house().sites.keys().filter(is_asked_for) {
        let Some(drift) = drift_of(&api, name).await? else { continue };
        let listed = drift.findings.iter().map(|finding| {
            let place = Place { reseller: name.clone(), id: finding.id(name) };
            (place, FindingView::of(finding, name, wording))
        });
        let mut listed: Vec<(Place, FindingView)> =
            listed.filter(|(place, _)| after.as_ref().is_none_or(|after| place > after)).collect();
        listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        items.extend(listed);
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|(place, _)| place.to_string());
    Ok(Json(Page { items: items.into_iter().map(|(_, view)| view).collect(), next_cursor }))
}

/// What is known of a reseller account; nothing before the first look.
pub(super) async fn drift_of(api: &Api, name: &ResellerName) -> Result<Option<Drift>, Problem> {
    let row = api.engine.house().store.enrollment(&EnrollmentId::Reseller(name.clone())).await?;
    Ok(row.and_then(|row| row.facts.drift).map(|drift| *drift))
}

impl FindingView {
    fn of(finding: &Finding, name: &ResellerName, wording: Wording) -> Self {
        Self {
            id: finding.id(name).to_string(),
            reseller: name.clone(),
            kind: finding.kind,
            severity: finding.kind.severity(),
            action: finding.action,
            engineer: finding.engineer.clone(),
            domain: finding.domain.clone(),
            google_id: finding.subject.clone(),
            since: finding.since,
            message: sentence(finding, name, wording),
            detail: finding.detail.clone(),
        }
    }
}

/// What is so, in one sentence.
pub(super) fn sentence(finding: &Finding, name: &ResellerName, wording: Wording) -> String {
    let place = Where {
        reseller: Some(name.clone()),
        domain: finding.domain.clone(),
        step: None,
        look_again: None,
        time_zone: TimeZone::UTC,
    };
    what_drifted(finding.kind, &place, wording.now, wording.language)
}

impl From<&Drift> for DriftSummary {
    fn from(drift: &Drift) -> Self {
        Self {
            checked_at: drift.checked_at,
            look_again_at: drift.look_again,
            high: drift.count(Severity::High),
            medium: drift.count(Severity::Medium),
            low: drift.count(Severity::Low),
            unlisted: drift.unlisted(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.reseller, self.id)
    }
}

/// A text that is no place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (reseller, id) = text.split_once('/').ok_or(InvalidPlace)?;
        let reseller = reseller.parse().map_err(|_| InvalidPlace)?;
        Ok(Self { reseller, id: id.parse().map_err(|_| InvalidPlace)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let text = "nordic-se/D-0123456789";
        assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        for wrong in ["", "nordic-se", "nordic-se/D-1", "/D-0123456789", "nordic-se/T-0123456789"] {
            assert_eq!(wrong.parse::<Place>(), Err(InvalidPlace), "{wrong}");
        }
    }
}
