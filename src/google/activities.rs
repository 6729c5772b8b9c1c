//! The administrators' audit log, as far as it tells of automatic licensing (`docs/GOOGLE.md` 31, 71). Who did it is not read.
//! Not here: that it may be unreadable, which stops nothing (`steps`).

use super::pages::{List, Page};
use super::request::AuditEvent;
use super::{Failure, Google};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Automatic licensing was changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicensingChange {
    /// When.
    pub at: Timestamp,
    /// The unit's path, if the entry names one.
    pub org_unit: Option<String>,
    /// The product and its edition, as the console calls them.
    pub product: String,
    /// What it was changed to, as Google writes it.
    pub value: String,
}

/// What the log says about automatic licensing in a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audited {
    /// It was turned off for the unit, and nothing newer says otherwise.
    Off(Timestamp),
    /// It was turned on for the unit.
    On(Timestamp),
    /// There are entries, and none of them proves anything about the unit: evidence for a person.
    Unclear(String),
    /// There is no entry.
    Silent,
}

impl Google {
    /// The changes of automatic licensing since then.
    pub async fn licensing_changes(&self, since: Timestamp) -> Result<Vec<LicensingChange>, Failure> {
        let list = List::Activities { event: AuditEvent::AutoLicensing, since };
        let activities = self.all_pages::<ActivityPage>(list).await?;
        Ok(activities.into_iter().flat_map(WireActivity::changes).collect())
    }
}

/// What the changes prove for the unit at the path. Strict: of each product only the newest entry counts that names the unit, or may mean
/// it by naming none or one above it. "Off" needs every one of them to name the unit and to say so.
pub fn audited(changes: &[LicensingChange], path: &str) -> Audited {
    let mut newest: BTreeMap<&str, &LicensingChange> = BTreeMap::new();
    for change in changes.iter().filter(|change| may_concern(change, path)) {
        let kept = newest.entry(change.product.as_str()).or_insert(change);
        if change.at >= kept.at {
            *kept = change;
        }
    }
    let proof = |change: &LicensingChange| {
        let named = change.org_unit.as_deref().is_some_and(|unit| unit.eq_ignore_ascii_case(path));
        named.then(|| is_on(&change.value)).flatten()
    };
    let on = newest.values().filter(|change| proof(change) == Some(true)).map(|change| change.at).max();
    let Some(latest) = newest.values().max_by_key(|change| change.at) else { return Audited::Silent };
    match on {
        Some(at) => Audited::On(at),
        None if newest.values().all(|change| proof(change) == Some(false)) => Audited::Off(latest.at),
        None => Audited::Unclear(latest.to_string()),
    }
}

/// The free edition may come by itself; an entry about a unit that is neither ours nor above ours tells nothing.
fn may_concern(change: &LicensingChange, path: &str) -> bool {
    let is_free = change.product.to_ascii_lowercase().contains("cloud identity free");
    let (path, unit) = (path.to_lowercase(), change.org_unit.as_deref().map(str::to_lowercase));
    let is_in_line = unit.is_none_or(|unit| {
        // A name that is no path may be that of any unit.
        !unit.starts_with('/') || unit == "/" || unit == path || path.starts_with(&format!("{unit}/"))
    });
    !is_free && is_in_line
}

/// The words that are known; whatever else is said proves nothing.
fn is_on(value: &str) -> Option<bool> {
    let value = value.to_ascii_lowercase();
    if ["off", "false", "disabled"].contains(&value.as_str()) {
        Some(false)
    } else if ["on", "true", "enabled"].contains(&value.as_str()) {
        Some(true)
    } else {
        None
    }
}

impl std::fmt::Display for LicensingChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = self.org_unit.as_deref().unwrap_or("no unit named");
        write!(f, "audit log, {}: {} for {}, {unit}", self.at, self.value, self.product)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivityPage {
    #[serde(default)]
    items: Vec<WireActivity>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct WireActivity {
    id: WireId,
    #[serde(default)]
    events: Vec<WireEvent>,
}

#[derive(Deserialize)]
struct WireId {
    time: Timestamp,
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(default)]
    name: String,
    #[serde(default)]
    parameters: Vec<WireParameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireParameter {
    name: String,
    value: Option<Value>,
    bool_value: Option<bool>,
}

impl Page for ActivityPage {
    type Item = WireActivity;
    fn split(self) -> (Vec<WireActivity>, Option<String>) {
        (self.items, self.next_page_token)
    }
}

impl WireActivity {
    fn changes(self) -> Vec<LicensingChange> {
        let at = self.id.time;
        let wanted = self.events.into_iter().filter(|event| event.name == AuditEvent::AutoLicensing.as_str());
        wanted.map(|event| event.change(at)).collect()
    }
}

impl WireEvent {
    fn change(&self, at: Timestamp) -> LicensingChange {
        let text = |name: &str| {
            let parameter = self.parameters.iter().find(|parameter| parameter.name == name)?;
            let text = parameter.value.as_ref().and_then(Value::as_str).map(str::to_owned);
            text.or_else(|| parameter.bool_value.map(|value| value.to_string()))
                .filter(|text| !text.is_empty())
        };
        let product = [text("PRODUCT_NAME"), text("SKU_NAME")];
        LicensingChange {
            at,
            org_unit: text("ORG_UNIT_NAME"),
            product: product.into_iter().flatten().collect::<Vec<_>>().join(", "),
            value: text("NEW_VALUE").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture_tests::{Fake, Reply};
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Entries `(second, unit, product, value)`.
    fn check(entries: &[(i64, Option<&str>, &str, &str)], expected: Option<&Audited>) {
        let changes: Vec<LicensingChange> = entries
            .iter()
            .map(|(second, unit, product, value)| LicensingChange {
                at: at(*second),
                org_unit: unit.map(str::to_owned),
                product: (*product).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        let found = audited(&changes, "/Customer Care");
        match expected {
            Some(expected) => assert_eq!(found, *expected, "{entries:?}"),
            None => assert!(matches!(found, Audited::Unclear(_)), "{entries:?} {found:?}"),
        }
    }

    #[test]
    fn only_an_entry_that_names_the_unit_proves_anything() {
        let (ours, above, other) = (Some("/Customer Care"), Some("/"), Some("/Sales"));
        check(&[], Some(&Audited::Silent));
        check(&[(1, ours, "W", "OFF")], Some(&Audited::Off(at(1))));
        check(&[(1, Some("/customer care"), "W", "false")], Some(&Audited::Off(at(1))));
        check(&[(1, ours, "W", "ON")], Some(&Audited::On(at(1))));
        check(&[(1, ours, "W", "ON"), (2, ours, "W", "OFF")], Some(&Audited::Off(at(2))));
        check(&[(2, ours, "W", "OFF"), (3, ours, "W", "ON")], Some(&Audited::On(at(3))));
        check(&[(1, ours, "W", "perhaps")], None);
        check(&[(1, None, "W", "OFF")], None);
        check(&[(1, Some("Customer Care"), "W", "OFF")], None);
        check(&[(1, ours, "W", "OFF"), (2, None, "W", "ON")], None);
        check(&[(1, ours, "W", "OFF"), (2, above, "W", "ON")], None);
        check(&[(1, other, "W", "ON")], Some(&Audited::Silent));
        check(&[(1, ours, "W", "OFF"), (2, other, "W", "ON")], Some(&Audited::Off(at(1))));
    }

    #[test]
    fn each_paid_product_counts_for_itself() {
        let ours = Some("/Customer Care");
        check(&[(1, ours, "A", "OFF"), (2, ours, "B", "OFF")], Some(&Audited::Off(at(2))));
        check(&[(1, ours, "A", "ON"), (2, ours, "B", "OFF")], Some(&Audited::On(at(1))));
        check(&[(1, ours, "A", "OFF"), (2, ours, "Cloud Identity Free", "ON")], Some(&Audited::Off(at(1))));
    }

    #[tokio::test]
    async fn the_log_is_read_without_names() {
        let item = json!({"id": {"time": "2026-11-22T10:00:00.000Z", "applicationName": "admin"}, "actor": {"email": "asa@x.example"},
            "events": [{"type": "LICENSES_SETTINGS", "name": "CHANGE_LICENSE_AUTO_ASSIGN", "parameters": [
                {"name": "NEW_VALUE", "value": "OFF"}, {"name": "PRODUCT_NAME", "value": "Google Workspace"},
                {"name": "SKU_NAME", "value": "Business Plus"}, {"name": "ORG_UNIT_NAME", "value": "/Customer Care"}]},
                {"type": "USER_SETTINGS", "name": "CREATE_USER"}]});
        let replies = vec![
            Reply::json(200, &json!({"items": [item], "nextPageToken": "a"})),
            Reply::json(200, &json!({"kind": "admin#reports#activities"})),
        ];
        let (fake, google) = Fake::start(replies).await;
        let found = google.licensing_changes(at(0)).await.unwrap();
        let [change] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            change.to_string(),
            "audit log, 2026-11-22T10:00:00Z: OFF for Google Workspace, Business Plus, /Customer Care"
        );
        assert!(
            fake.calls()[0]
                .contains("/activity/users/all/applications/admin?eventName=CHANGE_LICENSE_AUTO_ASSIGN")
        );
    }
}
