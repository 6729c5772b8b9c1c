//! What only a look at the whole account asks for: its administrator, its free licences, its policies about signing in.
//! Not here: what is thought of it (`app/flight`). Nothing here writes.

use super::Google;
use super::directory::Account;
use super::licensing::Listed;
use super::pages::{List, Page};
use super::request::UserKey;
use crate::model::failure::Failure;
use serde::Deserialize;
use serde_json::Value as Json;

/// What a policy says about 2-Step Verification (`docs/GOOGLE.md` 60), as Google writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TwoStepPolicies {
    /// From when it is enforced, for each policy that enforces it.
    pub enforced_from: Vec<String>,
    /// How long a new account may go without, for each policy that says so.
    pub grace_periods: Vec<String>,
}

impl Google {
    /// The administrator that carepass acts as, if there is an account under that address.
    pub async fn administrator(&self) -> Result<Option<Account>, Failure> {
        self.account(UserKey::Named(self.shared.tokens.admin())).await
    }

    /// How many accounts hold Cloud Identity Free by assignment; none where Google lists none, as where it comes with the site.
    pub async fn free_licenses(&self) -> Result<Option<usize>, Failure> {
        let listed = self.pages_if_there::<CountPage>(List::Licenses { product: Listed::Free }).await?;
        Ok(listed.map(|items| items.len()))
    }

    /// What the customer's policies say about 2-Step Verification. Needs an optional scope.
    pub async fn two_step_policies(&self) -> Result<TwoStepPolicies, Failure> {
        Ok(two_step(self.all_pages::<PolicyPage>(List::Policies).await?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountPage {
    #[serde(default)]
    items: Vec<serde::de::IgnoredAny>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyPage {
    #[serde(default)]
    policies: Vec<WirePolicy>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct WirePolicy {
    setting: WireSetting,
}

#[derive(Deserialize)]
struct WireSetting {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    value: Json,
}

impl Page for CountPage {
    type Item = serde::de::IgnoredAny;
    fn split(self) -> (Vec<serde::de::IgnoredAny>, Option<String>) {
        (self.items, self.next_page_token)
    }
}

impl Page for PolicyPage {
    type Item = WirePolicy;
    fn split(self) -> (Vec<WirePolicy>, Option<String>) {
        (self.policies, self.next_page_token)
    }
}

fn two_step(policies: Vec<WirePolicy>) -> TwoStepPolicies {
    let mut found = TwoStepPolicies::default();
    for WirePolicy { setting } in policies {
        let text = |key: &str| setting.value.get(key).and_then(Json::as_str).map(str::to_owned);
        match setting.r#type.trim_start_matches("settings/") {
            "security.two_step_verification_enforcement" => found.enforced_from.extend(text("enforcedFrom")),
            "security.two_step_verification_grace_period" => {
                found.grace_periods.extend(text("enrollmentGracePeriod"));
            }
            _ => (),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_policies_say_of_two_steps_is_picked_out() {
        let policy = |kind: &str, value: Json| {
            serde_json::from_value::<WirePolicy>(json!({"setting": {"type": kind, "value": value}})).unwrap()
        };
        let found = two_step(vec![
            policy(
                "settings/security.two_step_verification_enforcement",
                json!({"enforcedFrom": "2026-01-01T00:00:00Z"}),
            ),
            policy("settings/security.two_step_verification_enforcement", json!({})),
            policy(
                "settings/security.two_step_verification_grace_period",
                json!({"enrollmentGracePeriod": "604800s"}),
            ),
            policy("settings/security.password", json!({"minimumLength": 8})),
        ]);
        assert_eq!(found.enforced_from, ["2026-01-01T00:00:00Z"]);
        assert_eq!(found.grace_periods, ["604800s"]);
    }
}
