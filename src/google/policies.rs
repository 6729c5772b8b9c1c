//! Cloud Identity policies, read only: what they say about the first sign-in of a new account in a unit, and about unmanaged accounts
//! that hold an address (`docs/GOOGLE.md` 60, 70). Not here: that they may be unreadable, which stops nothing (`steps`).

use super::pages::{List, Page};
use super::{Failure, Google};
use crate::model::failure::FailureCode;
use crate::model::id::{OrgUnitId, OrgUnitPath};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const ENFORCEMENT: &str = "security.two_step_verification_enforcement";
const GRACE_PERIOD: &str = "security.two_step_verification_grace_period";
const ENROLLMENT: &str = "security.two_step_verification_enrollment";
const CONFLICTS: &str = "provisioning.conflicting_accounts_management";

/// The deepest unit (Google: 35 levels).
const DEPTH_MAX: usize = 40;

/// One policy: a setting for a unit and all below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The setting's type without `settings/`.
    pub setting: String,
    /// The unit's id without a prefix; none: everybody.
    pub org_unit: Option<String>,
    /// It is about a group or a narrower question, and so not about every account of a unit.
    pub is_narrow: bool,
    /// Which of several wins: the highest.
    pub sort_order: f64,
    /// An administrator's, as against Google's own.
    pub is_own: bool,
    /// The fields that it sets.
    pub value: Map<String, Value>,
}

/// What the policies say about a new account's first sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// It works.
    Open,
    /// It cannot work.
    Barred,
    /// They say something that nobody knows how to read.
    Unclear,
}

impl Google {
    /// Every policy about signing in and unmanaged accounts. Pages may be blank; only a missing token ends the list.
    pub async fn policies(&self) -> Result<Vec<Policy>, Failure> {
        let wires = self.all_pages::<PolicyPage>(List::Policies).await?;
        Ok(wires.into_iter().map(Policy::from).collect())
    }

    /// The ids of the unit (`id:…`) and of all above it, as policies write them. Errors: `org_unit_settling`, if one cannot be seen.
    pub async fn lineage(&self, unit: &str) -> Result<BTreeSet<String>, Failure> {
        let mut lineage = BTreeSet::new();
        let mut next = Some(unit.to_owned());
        while let Some(id) = next.take().filter(|_| lineage.len() < DEPTH_MAX) {
            let gone = || Failure::not_yet(FailureCode::OrgUnitSettling);
            let unit = self.org_unit_by_id(&unit_id(&id)?).await?.ok_or_else(gone)?;
            lineage.insert(bare(&id));
            // The top is known by its id from what lies right below it, and need not be asked for.
            let is_below_the_top = unit.path.matches('/').count() <= 1;
            match unit.parent {
                Some(top) if is_below_the_top => {
                    lineage.insert(bare(&top));
                }
                parent => next = parent,
            }
        }
        Ok(lineage)
    }

    /// The units that the policies name and that lie above the path, at which there is no unit yet: what holds for them will hold for it.
    /// None if a named unit cannot be seen, or there are too many of them to ask for.
    pub async fn future_lineage(
        &self,
        policies: &[Policy],
        path: &OrgUnitPath,
    ) -> Result<Option<BTreeSet<String>>, Failure> {
        let named: BTreeSet<&String> =
            policies.iter().filter_map(|policy| policy.org_unit.as_ref()).collect();
        if named.len() > DEPTH_MAX {
            return Ok(None);
        }
        let mut lineage = BTreeSet::new();
        for id in named {
            let Some(unit) = self.org_unit_by_id(&unit_id(&format!("id:{id}"))?).await? else {
                return Ok(None);
            };
            if is_above(&unit.path, path.as_str()) {
                lineage.insert(id.clone());
            }
        }
        Ok(Some(lineage))
    }
}

fn unit_id(id: &str) -> Result<OrgUnitId, Failure> {
    id.parse().map_err(|_| Failure::permanent(FailureCode::UnknownAnswer).with_detail("an id of a unit"))
}

/// The id as policies write it.
fn bare(id: &str) -> String {
    id.strip_prefix("id:").unwrap_or(id).to_owned()
}

fn is_above(unit: &str, path: &str) -> bool {
    let (unit, path) = (unit.to_lowercase(), path.to_lowercase());
    unit == "/" || path.starts_with(&format!("{unit}/"))
}

/// What holds for a new account in a unit. `lineage`: the ids of the unit and of all above it, without a prefix.
/// Missing settings have Google's default: not enforced, no grace period, everybody may enrol.
pub fn sign_in(policies: &[Policy], lineage: &BTreeSet<String>, now: Timestamp) -> SignIn {
    let field = |setting, field| resolve(policies, lineage, setting, field);
    let enforced = match field(ENFORCEMENT, "enforcedFrom") {
        None | Some(Value::Null) => Some(false),
        Some(from) => from.as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(|from| from <= now),
    };
    let has_grace = match field(GRACE_PERIOD, "enrollmentGracePeriod") {
        None | Some(Value::Null) => Some(false),
        Some(period) => duration(period).map(|period| period > SignedDuration::ZERO),
    };
    let may_enroll = match field(ENROLLMENT, "allowEnrollment") {
        None | Some(Value::Null) => Some(true),
        Some(allowed) => allowed.as_bool(),
    };
    match (enforced, has_grace, may_enroll) {
        (Some(false), _, _) | (Some(true), Some(true), Some(true)) => SignIn::Open,
        (Some(true), Some(false), _) | (Some(true), _, Some(false)) => SignIn::Barred,
        (None | Some(true), _, _) => SignIn::Unclear,
    }
}

/// Whether unmanaged accounts that hold an address are known to be spared: asked or left alone, and never replaced. The field's name has
/// changed before, so every text of the setting must say so, and what nobody knows is not safe.
pub fn spares_unmanaged(policies: &[Policy], lineage: &BTreeSet<String>) -> bool {
    let fields: BTreeSet<&str> = policies
        .iter()
        .filter(|policy| policy.setting == CONFLICTS)
        .flat_map(|policy| policy.value.keys().map(String::as_str))
        .collect();
    let values: Vec<&Value> =
        fields.into_iter().filter_map(|field| resolve(policies, lineage, CONFLICTS, field)).collect();
    let is_kind = |value: &&Value| {
        value.as_str().is_some_and(|text| {
            !text.contains("REPLACE") && (text.contains("INVIT") || text.contains("PRESERVE"))
        })
    };
    !values.is_empty() && values.iter().all(is_kind)
}

/// The value of a field: that of the policy with the highest order among those that apply.
fn resolve<'a>(
    policies: &'a [Policy],
    lineage: &BTreeSet<String>,
    setting: &str,
    field: &str,
) -> Option<&'a Value> {
    let applies = |policy: &&Policy| {
        policy.setting == setting
            && !policy.is_narrow
            && policy.org_unit.as_ref().is_none_or(|unit| lineage.contains(unit))
    };
    let setters =
        policies.iter().filter(applies).filter_map(|policy| Some((policy, policy.value.get(field)?)));
    let order = |policy: &Policy| (policy.sort_order, policy.is_own);
    setters
        .max_by(|(a, _), (b, _)| {
            let (a, b) = (order(a), order(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
        })
        .map(|(_, value)| value)
}

/// A duration as Google writes it: `604800s`, `168h`, or a bare number of seconds.
fn duration(value: &Value) -> Option<SignedDuration> {
    if let Some(seconds) = value.as_i64() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let text = value.as_str()?;
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    let seconds = match &text[unit..] {
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        "d" => number * 86_400.0,
        _ => return None,
    };
    SignedDuration::try_from_secs_f64(seconds).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyPage {
    #[serde(default)]
    policies: Vec<WirePolicy>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePolicy {
    #[serde(default, rename = "type")]
    origin: String,
    #[serde(default)]
    policy_query: WireQuery,
    setting: WireSetting,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireQuery {
    #[serde(default)]
    org_unit: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    sort_order: f64,
}

#[derive(Deserialize)]
struct WireSetting {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    value: Map<String, Value>,
}

impl Page for PolicyPage {
    type Item = WirePolicy;
    fn split(self) -> (Vec<WirePolicy>, Option<String>) {
        (self.policies, self.next_page_token)
    }
}

impl From<WirePolicy> for Policy {
    fn from(wire: WirePolicy) -> Self {
        let WireQuery { org_unit, group, query, sort_order } = wire.policy_query;
        let unit = org_unit.strip_prefix("orgUnits/").unwrap_or(&org_unit);
        // A query that only repeats the unit narrows nothing.
        let repeats = !unit.is_empty() && query.contains(unit) && !query.contains("&&");
        Self {
            setting: wire.setting.kind.strip_prefix("settings/").unwrap_or(&wire.setting.kind).to_owned(),
            org_unit: (!unit.is_empty()).then(|| unit.to_owned()),
            is_narrow: !group.is_empty() || !query.is_empty() && !repeats,
            sort_order,
            is_own: wire.origin == "ADMIN",
            value: wire.setting.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture_tests::{Fake, Reply};
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-11-22T12:00:00Z";
    const PAST: &str = "2026-01-01T00:00:00Z";
    const FUTURE: &str = "2027-01-01T00:00:00Z";

    /// A policy `(unit, order, setting, value)`.
    fn policies(rows: &[(&str, f64, &str, Value)]) -> Vec<Policy> {
        let wire = |(unit, order, setting, value): &(&str, f64, &str, Value)| {
            let wire = json!({"type": "ADMIN", "policyQuery": {"orgUnit": format!("orgUnits/{unit}"), "sortOrder": order},
                "setting": {"type": format!("settings/{setting}"), "value": value}});
            Policy::from(serde_json::from_value::<WirePolicy>(wire).unwrap())
        };
        rows.iter().map(wire).collect()
    }

    fn lineage() -> BTreeSet<String> {
        ["unit", "top"].map(str::to_owned).into()
    }

    fn check(rows: &[(&str, f64, &str, Value)], expected: SignIn) {
        let found = sign_in(&policies(rows), &lineage(), NOW.parse().unwrap());
        assert_eq!(found, expected, "{rows:?}");
    }

    fn enforced(unit: &'static str, order: f64, from: &str) -> (&'static str, f64, &'static str, Value) {
        (unit, order, ENFORCEMENT, json!({"enforcedFrom": from}))
    }

    fn grace(unit: &'static str, order: f64, period: Value) -> (&'static str, f64, &'static str, Value) {
        (
            unit,
            order,
            GRACE_PERIOD,
            Value::Object([("enrollmentGracePeriod".to_owned(), period)].into_iter().collect()),
        )
    }

    #[test]
    fn a_first_sign_in_needs_time_and_the_right_to_enrol() {
        let enrollment = |allowed: bool| ("top", 1.0, ENROLLMENT, json!({"allowEnrollment": allowed}));
        check(&[], SignIn::Open);
        check(&[enforced("top", 1.0, FUTURE)], SignIn::Open);
        check(&[enforced("top", 1.0, PAST)], SignIn::Barred);
        check(&[enforced("top", 1.0, NOW)], SignIn::Barred);
        for period in [json!("604800s"), json!("168h"), json!("1d"), json!(86_400)] {
            check(&[enforced("top", 1.0, PAST), grace("top", 1.0, period)], SignIn::Open);
        }
        check(&[enforced("top", 1.0, PAST), grace("top", 1.0, json!("0s"))], SignIn::Barred);
        check(&[enforced("top", 1.0, PAST), grace("top", 1.0, json!("7d")), enrollment(true)], SignIn::Open);
        check(
            &[enforced("top", 1.0, PAST), grace("top", 1.0, json!("7d")), enrollment(false)],
            SignIn::Barred,
        );
        check(&[enrollment(false)], SignIn::Open);
    }

    #[test]
    fn the_highest_order_wins_for_each_field_in_the_units_line() {
        check(&[enforced("top", 1.0, PAST), enforced("unit", 2.0, FUTURE)], SignIn::Open);
        check(&[enforced("unit", 2.0, PAST), enforced("top", 1.0, FUTURE)], SignIn::Barred);
        check(&[enforced("elsewhere", 9.0, PAST)], SignIn::Open);
        check(&[enforced("top", 1.0, PAST), grace("elsewhere", 9.0, json!("7d"))], SignIn::Barred);
        let nothing_of_it = ("unit", 9.0, ENFORCEMENT, json!({"another": 1}));
        check(&[enforced("top", 1.0, PAST), nothing_of_it], SignIn::Barred);
        let mut group = policies(&[enforced("top", 9.0, PAST)]);
        group[0].is_narrow = true;
        assert_eq!(sign_in(&group, &lineage(), NOW.parse().unwrap()), SignIn::Open);
    }

    #[test]
    fn what_cannot_be_read_is_unclear() {
        check(&[enforced("top", 1.0, "soon")], SignIn::Unclear);
        check(&[enforced("top", 1.0, PAST), grace("top", 1.0, json!("P7D"))], SignIn::Unclear);
        check(&[enforced("top", 1.0, FUTURE), grace("top", 1.0, json!("P7D"))], SignIn::Open);
    }

    #[test]
    fn unmanaged_accounts_are_safe_only_where_that_is_known() {
        let check = |values: &[Value], expected: bool| {
            let rows: Vec<_> = values
                .iter()
                .zip([1.0, 2.0])
                .map(|(value, order)| ("top", order, CONFLICTS, value.clone()))
                .collect();
            assert_eq!(spares_unmanaged(&policies(&rows), &lineage()), expected, "{values:?}");
        };
        check(&[], false);
        check(&[json!({"conflictingAccountsManagement": "INVITE_CONFLICTING_ACCOUNTS"})], true);
        check(&[json!({"conflictingAccountsManagement": "REPLACE_CONFLICTING_ACCOUNTS"})], false);
        check(&[json!({"option": "PRESERVE_CONFLICTING_ACCOUNT"})], true);
        check(&[json!({"option": "AUTOMATICALLY_SEND_INVITATIONS"})], true);
        check(&[json!({"option": "INVITE_OR_REPLACE"})], false);
        check(&[json!({"option": "NEVER_SEEN_BEFORE"})], false);
        check(&[json!({"option": 3})], false);
        check(
            &[
                json!({"option": "REPLACE_CONFLICTING_ACCOUNT"}),
                json!({"option": "PRESERVE_CONFLICTING_ACCOUNT"}),
            ],
            true,
        );
        check(
            &[
                json!({"option": "PRESERVE_CONFLICTING_ACCOUNT"}),
                json!({"option": "REPLACE_CONFLICTING_ACCOUNT"}),
            ],
            false,
        );
    }

    #[test]
    fn a_unit_lies_above_what_is_in_it() {
        for (unit, path, expected) in [
            ("/", "/Customer Care", true),
            ("/Support", "/support/Care", true),
            ("/Support", "/Supporters", false),
            ("/Customer Care", "/Customer Care", false),
            ("/Sales", "/Customer Care", false),
        ] {
            assert_eq!(is_above(unit, path), expected, "{unit} {path}");
        }
    }

    #[tokio::test]
    async fn blank_pages_with_a_token_are_followed() {
        let policy = json!({"name": "policies/1", "customer": "customers/C01abc123", "type": "SYSTEM",
            "policyQuery": {"orgUnit": "orgUnits/03phtop", "query": "entity.org_units.exists(org_unit, org_unit.org_unit_id == orgUnitId('03phtop'))", "sortOrder": 1},
            "setting": {"type": "settings/security.two_step_verification_enrollment", "value": {"allowEnrollment": true}}});
        let grouped = json!({"type": "ADMIN", "policyQuery": {"group": "groups/1", "orgUnit": "orgUnits/03phtop"},
            "setting": {"type": "settings/security.password"}});
        let replies = vec![
            Reply::json(200, &json!({"nextPageToken": "a"})),
            Reply::json(200, &json!({"policies": [policy, grouped], "nextPageToken": "b"})),
            Reply::json(200, &json!({})),
        ];
        let (fake, google) = Fake::start(replies).await;
        let found = google.policies().await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].org_unit.as_deref(), found[0].is_narrow, found[0].is_own),
            (Some("03phtop"), false, false)
        );
        assert_eq!(found[0].setting, ENROLLMENT);
        assert!(found[1].is_narrow && found[1].is_own);
        assert!(
            fake.calls().iter().all(|call| call.starts_with("GET /v1/policies?filter=")),
            "{:?}",
            fake.calls()
        );
    }
}
