//! The audit log and the counts of a day.

use super::*;
use crate::sandbox::{AutoLicensing, Quotas};

const LOG: &str = "/admin/reports/v1/activity/users/all/applications/admin";
const SCOPES: &str = "admin.directory.user admin.directory.orgunit admin.directory.rolemanagement apps.licensing \
    admin.reports.audit.readonly admin.reports.usage.readonly";
const FREE: &str = "/apps/licensing/v1/product/101001/sku/1010010001/user";
const ROBOT: &str = "carepass-robot@reseller-se.example";

/// Names of the events of a list, with the values of their parameters.
fn told(list: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = list["items"].as_array().into_iter().flatten();
    items
        .map(|item| {
            let event = &item["events"][0];
            let parameters = event["parameters"].as_array().unwrap();
            (text(&event["name"]), parameters.iter().map(|parameter| text(&parameter["value"])).collect())
        })
        .collect()
}

#[tokio::test]
async fn changes_are_noted_with_who_made_them_newest_first_and_late() {
    let google = Google::set(|settings| settings.report_delay_ms = 60_000).await;
    let client = google.client_for(SE, SCOPES).await;
    let customer = format!("/admin/directory/v1/customer/{SE}");
    client.post(&format!("{customer}/orgunits"), json!({"name": "Care", "parentOrgUnitPath": "/"})).await;
    google.wait(1_000);
    let email = "a@reseller-se.example";
    let id = client.post("/admin/directory/v1/users", person(email)).await.1["id"].clone();
    google.wait(1_000);
    client.post(FREE, json!({"userId": email})).await;
    let role = google.sandbox.change(|world| {
        let roles = &customer_of(world, SE).roles;
        roles.iter().find(|(_, role)| role.name == "_RESELLER_ADMIN_ROLE").unwrap().0.to_string()
    });
    let given = json!({"roleId": role, "assignedTo": id, "scopeType": "CUSTOMER"});
    let given =
        client.post(&format!("{customer}/roleassignments"), given).await.1["roleAssignmentId"].clone();
    client.delete(&format!("{customer}/roleassignments/{}", given.as_str().unwrap())).await;
    client
        .put(
            &format!("/admin/directory/v1/users/{email}"),
            json!({"suspended": true, "password": "another one"}),
        )
        .await;
    client.delete(&format!("{FREE}/{email}")).await;
    client.delete(&format!("/admin/directory/v1/users/{email}")).await;
    assert_eq!(told(&client.get(LOG).await.1), [], "not yet");
    google.wait(60_000);
    let list = client.get(LOG).await.1;
    let free = || vec![email.to_owned(), "Cloud Identity Free".into(), "Cloud Identity Free".into()];
    let about = || vec![email.to_owned()];
    let role = || vec!["_RESELLER_ADMIN_ROLE".to_owned(), email.into()];
    let expected = [
        ("DELETE_USER", about()),
        ("USER_LICENSE_REVOKE", free()),
        ("CHANGE_PASSWORD", about()),
        ("SUSPEND_USER", about()),
        ("UNASSIGN_ROLE", role()),
        ("ASSIGN_ROLE", role()),
        ("USER_LICENSE_ASSIGNMENT", free()),
        ("CREATE_USER", about()),
        ("CREATE_ORG_UNIT", vec!["Care".into()]),
    ];
    assert_eq!(told(&list), expected.map(|(name, values)| (name.to_owned(), values)));
    let assigned = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["events"][0]["name"] == "ASSIGN_ROLE")
        .unwrap();
    assert_eq!((&assigned["actor"]["email"], &assigned["id"]["customerId"]), (&json!(ROBOT), &json!(SE)));
    assert_eq!(assigned["events"][0]["parameters"][0]["name"], "ROLE_NAME");
    assert_eq!(assigned["events"][0]["parameters"][1]["name"], "USER_EMAIL");
}

#[tokio::test]
async fn the_log_is_filtered_and_paged() {
    let google = Google::start().await;
    let client = google.client_for(SE, SCOPES).await;
    for number in 0..9 {
        client.post("/admin/directory/v1/users", person(&format!("a{number}@care-se.example"))).await;
        google.wait(1_000);
    }
    for (query, count) in [
        ("eventName=CREATE_USER", 9),
        ("startTime=2026-01-01T00:00:01Z", 8),
        ("endTime=2026-01-01T00:00:01Z", 2),
        ("eventName=NONE", 0),
    ] {
        assert_eq!(told(&client.get(&format!("{LOG}?{query}")).await.1).len(), count, "{query}");
    }
    let page = client.get(&format!("{LOG}?maxResults=8")).await.1;
    let rest = client
        .get(&format!("{LOG}?maxResults=8&pageToken={}", page["nextPageToken"].as_str().unwrap()))
        .await
        .1;
    assert_eq!((told(&page).len(), told(&rest).len()), (8, 1));
    for broken in [
        format!("{LOG}?startTime=x"),
        LOG.replace("admin?", "").replace("applications/admin", "applications/x"),
    ] {
        assert_eq!(refusal(&client.get(&broken).await).0, 400, "{broken}");
    }
}

#[tokio::test]
async fn a_switch_of_automatic_licensing_is_noted_and_what_it_gives_too() {
    let google = Google::start().await;
    let client = google.client_for(SE, SCOPES).await;
    let rule = AutoLicensing {
        org_unit: "/".into(),
        product: "Google-Apps".into(),
        sku: "1010020027".into(),
        off_after_ms: None,
    };
    google.control_set("set", json!({"auto_licensing": {SE: [rule]}})).await;
    client.post("/admin/directory/v1/users", person("a@reseller-se.example")).await;
    google.control_set("set", json!({"auto_licensing": {SE: []}})).await;
    let starter = "Google Workspace Business Starter";
    let switched = told(&client.get(&format!("{LOG}?eventName=CHANGE_LICENSE_AUTO_ASSIGN")).await.1);
    let values = switched.iter().map(|(_, values)| values[..3].to_vec()).collect::<Vec<_>>();
    assert_eq!(values, [["OFF", "Google Workspace", starter], ["ON", "Google Workspace", starter]]);
    let given = told(&client.get(&format!("{LOG}?eventName=USER_LICENSE_ASSIGNMENT")).await.1);
    assert_eq!(given[0].1, ["a@reseller-se.example", "Google Workspace", starter]);
}

#[tokio::test]
async fn automatic_licensing_goes_off_when_its_time_is_over_and_that_is_noted() {
    let google = Google::start().await;
    let client = google.client_for(SE, SCOPES).await;
    let rule =
        json!({"org_unit": "/", "product": "Google-Apps", "sku": "1010020027", "off_after_ms": 60_000});
    google.control_set("set", json!({"auto_licensing": {SE: [rule]}})).await;
    client.post("/admin/directory/v1/users", person("a@reseller-se.example")).await;
    google.wait(60_000);
    client.post("/admin/directory/v1/users", person("b@reseller-se.example")).await;
    let switched = told(&client.get(&format!("{LOG}?eventName=CHANGE_LICENSE_AUTO_ASSIGN")).await.1);
    assert_eq!(switched.iter().map(|(_, values)| values[0].as_str()).collect::<Vec<_>>(), ["OFF", "ON"]);
    let given = told(&client.get(&format!("{LOG}?eventName=USER_LICENSE_ASSIGNMENT")).await.1);
    assert_eq!(
        given.iter().map(|(_, values)| values[0].as_str()).collect::<Vec<_>>(),
        ["a@reseller-se.example"]
    );
}

#[tokio::test]
async fn questions_with_a_filter_have_a_quota() {
    let google = Google::set(|settings| {
        settings.quotas = Quotas { reports_per_minute: Some(1), ..Quotas::default() };
    })
    .await;
    let client = google.client_for(SE, SCOPES).await;
    let filtered = format!("{LOG}?eventName=CREATE_USER");
    let statuses = [client.get(&filtered).await.0, client.get(LOG).await.0, client.get(&filtered).await.0];
    assert_eq!(statuses, [200, 200, 503]);
}

#[tokio::test]
async fn the_counts_of_a_day_come_two_days_later() {
    let google = Google::start().await;
    let client = google.client_for(SE, SCOPES).await;
    client.post("/admin/directory/v1/users", person("a@reseller-se.example")).await;
    let path = |date: &str| format!("/admin/reports/v1/usage/dates/{date}");
    let early = client.get(&path("2025-12-31")).await;
    assert_eq!(
        refusal(&early).2,
        "Data for dates later than 2025-12-30 is not yet available. Please check back later"
    );
    assert_eq!(refusal(&client.get(&path("2025-13-01")).await).0, 400);
    let counts = async |client: &Client<'_>, date: &str| {
        client.get(&format!("{}?parameters=accounts:num_users", path(date))).await.1["usageReports"][0]["parameters"].clone()
    };
    let expected = |count: &str| json!([{"name": "accounts:num_users", "intValue": count}]);
    assert_eq!(counts(&client, "2025-12-30").await, expected("4"));
    google.wait(2 * 24 * 60 * 60 * 1_000);
    let client = google.client_for(SE, SCOPES).await;
    assert_eq!(counts(&client, "2026-01-01").await, expected("5"));
}
