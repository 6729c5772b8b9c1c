//! Cloud Identity Policy API: `policies.list` and `policies.get`. Only what somebody set is a policy; a setting that is
//! missing has its default (docs/GOOGLE.md row 60). Not here: which policy wins for a unit, which is the reader's business, and changes.

use super::call::{Answer, Reply};
use super::error::Refusal;
use super::google::Scene;
use super::paging::{PageRule, page_of};
use super::world::{Customer, Policy, PolicyKind};
use regex_lite::Regex;
use serde_json::{Value, json};

/// The longest filter that is read, in bytes.
const FILTER_MOST: usize = 512;

/// `policies.list`, in the order of their ids.
pub fn list(scene: &Scene<'_>) -> Reply {
    let filter = Filter::parse(&scene.call.parameter("filter").unwrap_or_default())?;
    let empty_first = scene.customer.settings.policy_empty_pages;
    let rule = PageRule { default: 50, largest: 100, refuse_larger: false, empty_first };
    let wanted = scene.customer.policies.iter().filter(|policy| filter.holds(scene.customer, policy));
    let mut items: Vec<(String, Value)> =
        wanted.map(|policy| (policy.id.clone(), policy_json(scene.customer, policy))).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let page = page_of(scene.call, "pageSize", rule, items).map_err(|_| invalid())?;
    // proto3 JSON leaves empty lists and texts out.
    let mut body = json!({});
    if !page.items.is_empty() {
        body["policies"] = page.items.into();
    }
    if let Some(token) = page.next {
        body["nextPageToken"] = token.into();
    }
    Ok(Answer::json(body))
}

/// `policies.get`.
pub fn get(scene: &Scene<'_>, id: &str) -> Reply {
    let policy = scene.customer.policies.iter().find(|policy| policy.id == id);
    let missing = || Refusal::with_status(404, "NOT_FOUND", "Requested entity was not found.");
    policy.map(|policy| Answer::json(policy_json(scene.customer, policy))).ok_or_else(missing)
}

/// Conditions joined by `&&`, all of which must hold.
struct Filter(Vec<Condition>);

enum Condition {
    /// `setting.type.matches('…')`, by a regular expression.
    Matches(Regex),
    /// `setting.type == '…'`.
    Setting(String),
    /// `customer == 'customers/C…'`.
    Customer(String),
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > FILTER_MOST {
            return Err(invalid());
        }
        let conditions = text.split("&&").map(str::trim).filter(|condition| !condition.is_empty());
        conditions.map(condition).collect::<Option<_>>().map(Self).ok_or_else(invalid)
    }

    fn holds(&self, customer: &Customer, policy: &Policy) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Matches(regex) => regex.is_match(&policy.setting),
            Condition::Setting(setting) => *setting == policy.setting,
            Condition::Customer(name) => name.strip_prefix("customers/") == Some(&customer.id),
        })
    }
}

fn condition(text: &str) -> Option<Condition> {
    if let Some(rest) = text.strip_prefix("setting.type.matches(") {
        return Regex::new(&literal(rest.strip_suffix(')')?)?).ok().map(Condition::Matches);
    }
    let (field, value) = text.split_once("==")?;
    match field.trim() {
        "setting.type" => literal(value).map(Condition::Setting),
        "customer" => literal(value).map(Condition::Customer),
        _ => None,
    }
}

/// A text in quotes; `\\` stands for one backslash.
fn literal(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    Some(inner.replace("\\\\", "\\"))
}

fn policy_json(customer: &Customer, policy: &Policy) -> Value {
    let mut query =
        json!({"orgUnit": format!("orgUnits/{}", policy.org_unit), "sortOrder": policy.sort_order});
    query["query"] = match &policy.group {
        Some(group) => {
            query["group"] = json!(format!("groups/{group}"));
            json!(format!("entity.groups.exists(group, group.group_id == groupId('{group}'))"))
        }
        None => json!(format!(
            "entity.org_units.exists(org_unit, org_unit.org_unit_id == orgUnitId('{}'))",
            policy.org_unit
        )),
    };
    json!({
        "name": format!("policies/{}", policy.id),
        "customer": format!("customers/{}", customer.id),
        "type": match policy.kind {
            PolicyKind::System => "SYSTEM",
            PolicyKind::Admin => "ADMIN",
        },
        "policyQuery": query,
        "setting": {"type": policy.setting, "value": policy.value},
    })
}

fn invalid() -> Refusal {
    Refusal::with_status(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused() {
        let check = |text: &str, count: Option<usize>| {
            assert_eq!(Filter::parse(text).ok().map(|filter| filter.0.len()), count, "{text}");
        };
        check("", Some(0));
        check(r"setting.type.matches('^settings/security\\..*$')", Some(1));
        check(r#"customer == "customers/C1" && setting.type == 'settings/security.password'"#, Some(2));
        for broken in ["x", "setting.type.matches('(')", "setting.type == a", "type == 'a'", &"a".repeat(600)]
        {
            check(broken, None);
        }
    }
}
