//! Roles: several that look alike, one that somebody widens, limits, and who may give them.

use super::*;
use crate::sandbox::{RoleDuplicate, World};

const RESELLER_SERVICE: &str = "02w5ecyt3pkeyqi";

fn path(rest: &str) -> String {
    format!("/admin/directory/v1/customer/{SE}/{rest}")
}

/// A user of the world and the role that it is to get.
fn assignment(world: &mut World, email: &str, role: &str) -> Value {
    let se = customer_of(world, SE);
    let id = *se.roles.iter().find(|(_, held)| held.name == role).unwrap().0;
    json!({"roleId": id.to_string(), "assignedTo": se.user(email).unwrap().id, "scopeType": "CUSTOMER"})
}

const HELP: &str = "_USER_MANAGEMENT_ADMIN_ROLE";
const TARO: &str = "t.yamada@care-se.example";

#[tokio::test]
async fn an_assignment_that_exists_is_a_500_or_a_409() {
    for (setting, expected) in
        [(RoleDuplicate::Exists, (500, "internalError")), (RoleDuplicate::Duplicate, (409, "duplicate"))]
    {
        let google = Google::set(|settings| settings.role_duplicate = setting).await;
        let client = google.client(SE).await;
        let body = google.sandbox.change(|world| assignment(world, TARO, HELP));
        assert_eq!(client.post(&path("roleassignments"), body.clone()).await.0, 200);
        let again = client.post(&path("roleassignments"), body).await;
        let (status, reason, message) = refusal(&again);
        assert_eq!((status, reason), expected);
        assert_eq!(message.starts_with("Role assignment exists: roleAssignment"), status == 500);
    }
}

#[tokio::test]
async fn assignments_have_a_limit_with_a_reason_of_its_own() {
    let google = Google::set(|settings| settings.role_assignments_max = Some(2)).await;
    let body = google.sandbox.change(|world| assignment(world, TARO, HELP));
    let seen = google.client(SE).await.post(&path("roleassignments"), body).await;
    assert_eq!(refusal(&seen).1, "CUSTOMER_EXCEEDED_ROLE_ASSIGNMENTS_LIMIT");
}

#[tokio::test]
async fn several_of_googles_roles_speak_of_resellers_and_ids_are_texts() {
    let google = Google::with(|world| *world = World::from_toml(&files().nasty_world).unwrap()).await;
    google.control_set("set", json!({"quotas": false})).await;
    google.sandbox.clear_faults();
    let client = google.client(SE).await;
    let first = client.get(&path("roles")).await.1;
    assert!(first.get("items").is_none(), "an empty page with a token");
    let next = first["nextPageToken"].as_str().unwrap();
    let roles = client.get(&path(&format!("roles?pageToken={next}"))).await.1["items"].clone();
    let roles = roles.as_array().unwrap();
    let speaks = |role: &&Value| {
        let text = format!("{} {}", role["roleName"], role["roleDescription"]).to_lowercase();
        role["isSystemRole"] == true && text.contains("resell") && !text.contains("indirect")
    };
    assert_eq!(roles.iter().filter(speaks).count(), 2);
    for name in ["Legacy Enterprise Support", "Legacy Resold Enterprise Support"] {
        assert!(roles.iter().any(|role| role["roleName"] == name && role["isSystemRole"] == true), "{name}");
    }
    assert!(roles.iter().all(|role| role["roleId"].is_string()));
    let tree = client.get(&path("roles/ALL/privileges")).await.1["items"].clone();
    let services: Vec<&Value> = tree
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["privilegeName"] == "APP_ADMIN")
        .map(|one| &one["serviceId"])
        .collect();
    assert_eq!(services.len(), 2, "a name alone tells nothing");
}

#[tokio::test]
async fn a_role_can_be_widened_behind_a_clients_back() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let pair = |name: &str| json!({"privilegeName": name, "serviceId": RESELLER_SERVICE});
    let role = json!({"roleName": "Customer Care", "rolePrivileges": [pair("VIEW_CUSTOMERS")]});
    let id = client.post(&path("roles"), role).await.1["roleId"].as_str().unwrap().to_owned();
    let wider = json!(["VIEW_CUSTOMERS", format!("{RESELLER_SERVICE}/EDIT_CUSTOMERS")]);
    google.control_set("set", json!({"roles": {SE: {"Customer Care": wider}}})).await;
    let read = client.get(&path(&format!("roles/{id}"))).await.1;
    assert_eq!(read["rolePrivileges"], json!([pair("EDIT_CUSTOMERS"), pair("VIEW_CUSTOMERS")]));
    for broken in [json!({"None": []}), json!({"Customer Care": ["NONE"]})] {
        assert!(google.sandbox.set(&json!({"roles": {SE: broken}})).is_err());
    }
    assert_eq!(client.get(&path(&format!("roles/{id}"))).await.1, read, "none of it was done");
}

#[tokio::test]
async fn a_deleted_user_gets_no_role_and_loses_none() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let body = google.sandbox.change(|world| assignment(world, TARO, HELP));
    let given = client.post(&path("roleassignments"), body.clone()).await.1;
    client.delete(&format!("/admin/directory/v1/users/{TARO}")).await;
    let gone = (404, "notFound", "Does not exist");
    let one = path(&format!("roleassignments/{}", given["roleAssignmentId"].as_str().unwrap()));
    assert_eq!(refusal(&client.delete(&one).await), gone);
    assert_eq!(refusal(&client.post(&path("roleassignments"), body).await), gone);
}

#[tokio::test]
async fn only_a_super_administrator_gives_roles() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let body = google.sandbox.change(|world| assignment(world, TARO, HELP));
    google.sandbox.change(|world| customer_of(world, SE).assignments.clear());
    let seen = client.post(&path("roleassignments"), body).await;
    assert_eq!(refusal(&seen).1, "forbidden", "it lost the role while its token is still good");
}
