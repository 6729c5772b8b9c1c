//! The Policy API: filters, pages, haste.

use super::*;
use crate::sandbox::{Policy, PolicyKind};

const PATH: &str = "/v1/policies";
const SCOPES: &str = "cloud-identity.policies.readonly";
const SECURITY: &str = r"filter=setting.type.matches(%27%5Esettings/security%5C%5C..*$%27)";

/// Three policies of one reseller account.
fn policies(world: &mut World) {
    let se = customer_of(world, SE);
    let org_unit = se.org_unit("/").unwrap().0.clone();
    let policy = |id: &str, kind, setting: &str, value, sort_order| Policy {
        id: id.into(),
        kind,
        setting: format!("settings/{setting}"),
        value,
        org_unit: org_unit.clone(),
        group: None,
        sort_order,
    };
    se.policies = vec![
        policy("a", PolicyKind::System, "security.password", json!({"minimumLength": 8}), 0.0),
        policy("b", PolicyKind::Admin, "security.password", json!({"minimumLength": 12}), 2.0),
        policy(
            "c",
            PolicyKind::Admin,
            "provisioning.conflicting_accounts_management",
            json!({"option": "X"}),
            1.0,
        ),
    ];
}

#[tokio::test]
async fn what_was_set_is_listed_and_the_rest_is_missing() {
    let google = Google::with(policies).await;
    let client = google.client_for(SE, SCOPES).await;
    let list = client.get(&format!("{PATH}?{SECURITY}&pageSize=100")).await.1;
    let kinds: Vec<_> = list["policies"].as_array().unwrap().iter().map(|policy| &policy["type"]).collect();
    assert_eq!(kinds, ["SYSTEM", "ADMIN"]);
    let admin = &list["policies"][1];
    assert_eq!(
        admin["setting"],
        json!({"type": "settings/security.password", "value": {"minimumLength": 12}})
    );
    assert_eq!(
        (&admin["customer"], &admin["policyQuery"]["sortOrder"]),
        (&json!(format!("customers/{SE}")), &json!(2.0))
    );
    assert!(admin["policyQuery"]["orgUnit"].as_str().unwrap().starts_with("orgUnits/03ph"));
    let one = client.get(&format!("/v1/{}", admin["name"].as_str().unwrap())).await;
    assert_eq!(one, (200, admin.clone()));
    assert_eq!(refusal(&client.get("/v1/policies/none").await).1, "NOT_FOUND");
    let none = format!("{PATH}?filter=setting.type.matches(%27%5Esettings/gmail%27)");
    assert_eq!(client.get(&none).await, (200, json!({})));
    assert_eq!(refusal(&client.get(&format!("{PATH}?filter=x")).await).1, "INVALID_ARGUMENT");
    let elsewhere = google.client_for(DK, SCOPES).await;
    assert_eq!(elsewhere.get(PATH).await, (200, json!({})), "another customer's do not show");
}

#[tokio::test]
async fn pages_may_be_blank_and_have_a_token() {
    let google = Google::with(|world| {
        policies(world);
        customer_of(world, SE).settings.policy_empty_pages = true;
    })
    .await;
    let client = google.client_for(SE, SCOPES).await;
    let (mut token, mut sizes) = (String::new(), Vec::new());
    loop {
        let page = client.get(&format!("{PATH}?pageSize=2&pageToken={token}")).await.1;
        sizes.push(page["policies"].as_array().map_or(0, Vec::len));
        let Some(next) = page["nextPageToken"].as_str() else { break };
        next.clone_into(&mut token);
    }
    assert_eq!(sizes, [0, 2, 1]);
}

#[tokio::test]
async fn calls_that_come_too_soon_are_refused() {
    let google = Google::set(|settings| settings.policy_spacing_ms = 1_000).await;
    let client = google.client_for(SE, SCOPES).await;
    assert_eq!(client.get(PATH).await.0, 200);
    google.wait(999);
    let seen = client.get(PATH).await;
    assert_eq!((refusal(&seen).0, refusal(&seen).1), (429, "RESOURCE_EXHAUSTED"));
    assert!(seen.1["error"].get("errors").is_none());
    google.wait(1);
    assert_eq!(client.get(PATH).await.0, 200);
}

#[tokio::test]
async fn whoever_is_no_super_administrator_reads_none() {
    let google = Google::start().await;
    let client = google.client_for(SE, SCOPES).await;
    google.sandbox.change(|world| customer_of(world, SE).assignments.clear());
    assert_eq!(client.get(PATH).await.0, 403);
}
