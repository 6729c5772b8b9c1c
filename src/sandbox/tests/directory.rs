//! The Directory API: users, units, roles, groups, domains.

use super::*;

const USERS: &str = "/admin/directory/v1/users";

fn user_path(key: &str) -> String {
    format!("{USERS}/{key}")
}

async fn insert(client: &Client<'_>, email: &str) -> Seen {
    client.post(&format!("{USERS}?resolveConflictAccount=true"), person(email)).await
}

#[tokio::test]
async fn a_user_is_made_found_changed_and_deleted() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let (status, made) = insert(&client, "Anna.Akesson@Reseller-SE.example").await;
    assert_eq!(status, 200);
    assert_eq!(made["primaryEmail"], "anna.akesson@reseller-se.example");
    assert_eq!(made["creationTime"], "2026-01-01T00:00:00.000Z");
    assert_eq!(made["nonEditableAliases"], json!(["anna.akesson@reseller-sverige.example"]));
    assert!(made.get("password").is_none());
    let id = made["id"].as_str().unwrap();
    for key in [id, "anna.akesson%40reseller-se.example", "ANNA.AKESSON@reseller-sverige.example"] {
        assert_eq!(client.get(&user_path(key)).await.1["id"], id, "{key}");
    }
    let change = json!({"suspended": true, "name": {"familyName": "Berg"}, "externalIds": []});
    let (status, changed) = client.put(&user_path(id), change).await;
    assert_eq!((status, changed["suspensionReason"].as_str()), (200, Some("ADMIN")));
    assert_eq!(changed["name"]["fullName"], "Anna Berg");
    assert_eq!(client.post(&format!("{}/signOut", user_path(id)), json!({})).await.0, 204);
    assert_eq!(client.delete(&user_path(id)).await.0, 204);
    let gone = client.get(&user_path(id)).await;
    assert_eq!(refusal(&gone), (404, "notFound", "Resource Not Found: userKey"));
}

#[tokio::test]
async fn users_insert_refuses_as_google_does() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let cases = [
        ("maria.nilsson@reseller-se.example", json!({}), (409, "duplicate", "Entity already exists.")),
        ("taro.yamada@care-se.example", json!({}), (409, "duplicate", "Entity already exists.")),
        ("support@reseller-se.example", json!({}), (409, "duplicate", "Entity already exists.")),
        ("help@reseller-se.example", json!({}), (409, "duplicate", "Entity already exists.")),
        ("a@elsewhere.example", json!({}), (403, "forbidden", "Not Authorized to access this resource/api")),
        (
            "a@reseller-sverige.example",
            json!({}),
            (403, "forbidden", "Not Authorized to access this resource/api"),
        ),
        (
            "a@reseller-se.example",
            json!({"orgUnitPath": "/None"}),
            (400, "invalid", "Invalid Input: INVALID_OU_ID"),
        ),
        ("a..b@reseller-se.example", json!({}), (400, "invalid", "Invalid Input: primary_user_email")),
        (
            "a@reseller-se.example",
            json!({"password": null}),
            (400, "required", "Required parameter: [resource.password]"),
        ),
        ("a@reseller-se.example", json!({"password": "short"}), (400, "invalid", "Invalid Password")),
        (
            "a@reseller-se.example",
            json!({"name": {"givenName": "A"}}),
            (400, "invalid", "Invalid Given/Family Name: FamilyName"),
        ),
        (
            "a@reseller-se.example",
            json!({"externalIds": [{"type": "x", "value": "1"}]}),
            (400, "invalid", "Invalid Input: externalIds"),
        ),
    ];
    for (email, change, expected) in cases {
        let mut body = person(email);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let seen = client.post(USERS, body).await;
        assert_eq!(refusal(&seen), expected, "{email} {change}");
    }
    let broken =
        client.google.http.post(format!("{}{USERS}", google.url)).bearer_auth(&client.token).body("{");
    assert_eq!(refusal(&seen(broken.send().await.unwrap()).await), (400, "parseError", "Parse Error"));
}

#[tokio::test]
async fn the_seat_wall_counts_deleted_users_and_undelete_passes_it() {
    let google = Google::start().await;
    let client = google.client(DK).await;
    let first = insert(&client, "a@reseller-dk.example").await.1;
    let id = first["id"].as_str().unwrap();
    assert_eq!(insert(&client, "b@reseller-dk.example").await.0, 200);
    let wall = (412, "limitExceeded", "Domain user limit reached. Contact Support.");
    assert_eq!(refusal(&insert(&client, "c@reseller-dk.example").await), wall);
    assert_eq!(client.delete(&user_path(id)).await.0, 204);
    assert_eq!(refusal(&insert(&client, "c@reseller-dk.example").await), wall);
    let shelf = client.get(&format!("{USERS}?customer=my_customer&showDeleted=true")).await.1;
    assert_eq!(shelf["users"][0]["id"], id);
    assert!(shelf["users"][0]["deletionTime"].is_string());
    let undelete = |key: &str| format!("{}/undelete", user_path(key));
    let body = json!({"orgUnitPath": "/"});
    assert_eq!(refusal(&client.post(&undelete("a@reseller-dk.example"), body.clone()).await).0, 400);
    assert_eq!(client.post(&undelete(id), body.clone()).await.0, 204);
    assert_eq!(client.get(&user_path("a@reseller-dk.example")).await.1["id"], id);
    assert_eq!(refusal(&client.post(&undelete(id), body.clone()).await).0, 404);
    assert_eq!(client.delete(&user_path(id)).await.0, 204);
    google.wait(super::super::DELETED_KEPT_MS);
    let client = google.client(DK).await;
    assert_eq!(refusal(&client.post(&undelete(id), body).await).0, 412);
    assert_eq!(insert(&client, "c@reseller-dk.example").await.0, 200, "after 20 days the seat is free");
}

#[tokio::test]
async fn a_new_user_shows_by_address_before_it_shows_by_id_and_cannot_be_changed_yet() {
    let google = Google::with(|world| {
        let settings = &mut world.customers.get_mut(SE).unwrap().settings;
        (settings.new_user_delay_ms, settings.creating_window_ms) = (3_000, 2_000);
    })
    .await;
    let client = google.client(SE).await;
    let made = insert(&client, "a@reseller-se.example").await.1;
    let by_id = user_path(made["id"].as_str().unwrap());
    assert_eq!(client.get(&by_id).await.0, 404);
    assert_eq!(client.get(&user_path("a@reseller-se.example")).await.0, 200);
    let young = (412, "conditionNotMet", "User creation is not complete.");
    assert_eq!(refusal(&client.put(&by_id, json!({"suspended": true})).await), young);
    assert_eq!(refusal(&client.delete(&by_id).await), young);
    google.wait(2_000);
    assert_eq!(client.put(&by_id, json!({"suspended": true})).await.0, 200);
    assert_eq!(client.get(&by_id).await.0, 404);
    google.wait(1_000);
    assert_eq!(client.get(&by_id).await.0, 200);
}

#[tokio::test]
async fn an_unmanaged_account_is_invited_kept_or_replaced_by_the_consoles_choice() {
    let google = Google::with(|world| {
        let se = world.customers.get_mut(SE).unwrap();
        se.unmanaged.insert("keep@care-se.example".into(), crate::sandbox::ConflictChoice::Keep);
        se.unmanaged.insert("replace@care-se.example".into(), crate::sandbox::ConflictChoice::Replace);
    })
    .await;
    let client = google.client(SE).await;
    let invitable = |email: &str| {
        format!("/v1/customers/{SE}/userinvitations/{}:isInvitableUser", email.replace('@', "%40"))
    };
    assert_eq!(
        client.get(&invitable("linnea.holm@care-se.example")).await,
        (200, json!({"isInvitableUser": true}))
    );
    assert_eq!(client.get(&invitable("nobody@care-se.example")).await, (200, json!({})));
    assert_eq!(refusal(&client.get(&invitable("a@elsewhere.example")).await).1, "INVALID_ARGUMENT");
    assert_eq!(insert(&client, "linnea.holm@care-se.example").await.0, 202);
    assert_eq!(client.get(&user_path("linnea.holm@care-se.example")).await.0, 404);
    assert_eq!(refusal(&insert(&client, "keep@care-se.example").await).0, 409);
    assert_eq!(insert(&client, "replace@care-se.example").await.0, 200);
    // Without the parameter Google takes the address from its holder, whatever the console says.
    assert_eq!(client.post(USERS, person("keep@care-se.example")).await.0, 200);
}

#[tokio::test]
async fn users_are_listed_in_pages_searched_and_masked() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let made = insert(&client, "a@reseller-se.example").await.1;
    let mut emails = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!(
            "{USERS}?customer=my_customer&maxResults=2&pageToken={token}&fields=nextPageToken,users/primaryEmail"
        );
        let page = client.get(&path).await.1;
        for user in page["users"].as_array().unwrap() {
            assert_eq!(user.as_object().unwrap().len(), 1, "the mask holds");
            emails.push(user["primaryEmail"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["nextPageToken"].as_str() else { break };
        next.clone_into(&mut token);
    }
    assert_eq!(emails.len(), 5);
    assert!(emails.is_sorted());
    let found = |query: &str| format!("{USERS}?customer={SE}&query={query}");
    for query in ["externalId%3D%27E-1%27", "email:a@*", "givenName=anna"] {
        let users = client.get(&found(query)).await.1["users"].clone();
        assert_eq!((users.as_array().unwrap().len(), &users[0]["id"]), (1, &made["id"]), "{query}");
    }
    let none = client.get(&found("externalId=none")).await;
    assert!(none.0 == 200 && none.1.get("users").is_none(), "an empty list has no field");
    let domain = client.get(&format!("{USERS}?domain=care-se.example")).await.1;
    assert_eq!(domain["users"].as_array().unwrap().len(), 1);
    for path in [
        "",
        "?customer=my_customer&domain=x",
        "?customer=my_customer&maxResults=501",
        "?customer=my_customer&query=x",
    ] {
        assert_eq!(refusal(&client.get(&format!("{USERS}{path}")).await).0, 400, "{path}");
    }
}

#[tokio::test]
async fn a_rename_leaves_an_alias_and_blocks_changes_for_a_while() {
    let google =
        Google::with(|world| world.customers.get_mut(SE).unwrap().settings.rename_window_ms = 60_000).await;
    let client = google.client(SE).await;
    let old = user_path("maria.nilsson@reseller-se.example");
    let (status, user) = client.put(&old, json!({"primaryEmail": "maria.berg@reseller-se.example"})).await;
    assert_eq!((status, &user["aliases"]), (200, &json!(["maria.nilsson@reseller-se.example"])));
    assert_eq!(client.get(&old).await.1["primaryEmail"], "maria.berg@reseller-se.example");
    assert_eq!(refusal(&client.put(&old, json!({"suspended": true})).await).0, 409);
    google.wait(60_000);
    assert_eq!(client.put(&old, json!({"suspended": true})).await.0, 200);
    let alias = "/aliases/maria.nilsson@reseller-se.example";
    let user = user_path("maria.berg@reseller-se.example");
    assert_eq!(client.delete(&format!("{user}{alias}")).await.0, 204);
    assert_eq!(client.get(&old).await.0, 404);
    let taken = json!({"alias": "support@reseller-se.example"});
    assert_eq!(refusal(&client.post(&format!("{user}/aliases"), taken).await).0, 409);
}

#[tokio::test]
async fn units_are_made_once_and_new_ones_refuse_users() {
    let google = Google::with(|world| {
        world.customers.get_mut(SE).unwrap().settings.new_ou_delay_ms = 12_000;
        world.customers.get_mut(DK).unwrap().settings.org_unit_duplicate =
            crate::sandbox::OrgUnitDuplicate::Duplicate;
    })
    .await;
    let units = |customer: &str| format!("/admin/directory/v1/customer/{customer}/orgunits");
    let body = json!({"name": "Customer Care", "parentOrgUnitPath": "/", "description": "x"});
    let se = google.client(SE).await;
    let missing = se.get(&format!("{}/Customer%20Care", units(SE))).await;
    assert_eq!(refusal(&missing), (404, "notFound", "Org unit not found"));
    let (status, unit) = se.post(&units(SE), body.clone()).await;
    assert_eq!((status, unit["orgUnitPath"].as_str()), (200, Some("/Customer Care")));
    let id = unit["orgUnitId"].as_str().unwrap();
    assert!(id.starts_with("id:"));
    for key in ["Customer%20Care", id] {
        assert_eq!(se.get(&format!("{}/{key}", units(SE))).await.1["orgUnitId"], id);
    }
    assert_eq!(se.get(&units("my_customer")).await.1["organizationUnits"].as_array().unwrap().len(), 1);
    assert_eq!(refusal(&se.post(&units(SE), body.clone()).await), (400, "invalid", "Invalid Ou Id"));
    let orphan = json!({"name": "X", "parentOrgUnitPath": "/None"});
    assert_eq!(refusal(&se.post(&units(SE), orphan).await), (400, "invalid", "Invalid Parent Orgunit Id"));
    let mut user = person("a@reseller-se.example");
    user["orgUnitPath"] = json!("/Customer Care");
    assert_eq!(refusal(&se.post(USERS, user.clone()).await).0, 403);
    google.wait(12_000);
    assert_eq!(se.post(USERS, user).await.0, 200);
    assert_eq!(refusal(&se.delete(&format!("{}/{id}", units(SE))).await).0, 412);
    let dk = google.client(DK).await;
    assert_eq!(dk.post(&units(DK), body.clone()).await.0, 200);
    assert_eq!(refusal(&dk.post(&units(DK), body).await), (409, "duplicate", "Entity already exists."));
}

#[tokio::test]
async fn roles_come_in_pages_and_a_second_assignment_is_a_500() {
    let google = Google::with(|world| world.customers.get_mut(SE).unwrap().settings.empty_pages = true).await;
    let client = google.client(SE).await;
    let customer = format!("/admin/directory/v1/customer/{SE}");
    let first = client.get(&format!("{customer}/roles")).await.1;
    assert!(first.get("items").is_none() && first["nextPageToken"].is_string(), "an empty page with a token");
    let token = first["nextPageToken"].as_str().unwrap();
    let roles = client.get(&format!("{customer}/roles?pageToken={token}")).await.1["items"].clone();
    assert_eq!(roles.as_array().unwrap().len(), 4);
    assert!(roles[0]["roleId"].as_str().unwrap().parse::<u64>().unwrap() > 1 << 53, "int64 as text");
    let tree = client.get(&format!("{customer}/roles/ALL/privileges")).await.1;
    assert!(tree["items"][4]["childPrivileges"][0]["childPrivileges"].is_array());
    let pair = |name: &str| json!({"serviceId": "02w5ecyt3pkeyqi", "privilegeName": name});
    let role = json!({"roleName": "Customer Care", "rolePrivileges": [pair("VIEW_CUSTOMERS")]});
    let (status, made) = client.post(&format!("{customer}/roles"), role.clone()).await;
    assert_eq!((status, made.get("isSystemRole")), (200, None));
    assert_eq!(refusal(&client.post(&format!("{customer}/roles"), role).await).0, 409);
    let odd = json!({"roleName": "X", "rolePrivileges": [pair("NONE")]});
    assert_eq!(refusal(&client.post(&format!("{customer}/roles"), odd).await).2, "Invalid Role privileges");
    let user = insert(&client, "a@reseller-se.example").await.1;
    let assignments = format!("{customer}/roleassignments");
    let body = json!({"roleId": made["roleId"], "assignedTo": user["id"], "scopeType": "CUSTOMER"});
    let (status, given) = client.post(&assignments, body.clone()).await;
    assert_eq!((status, &given["roleId"]), (200, &made["roleId"]));
    let again = client.post(&assignments, body).await;
    assert_eq!(again.0, 500);
    assert!(refusal(&again).2.starts_with("Role assignment exists: roleAssignment"));
    let path = format!("{assignments}?pageToken={token}&userKey={}", user["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(client.get(&user_path("a@reseller-se.example")).await.1["isDelegatedAdmin"], true);
    let one = format!("{assignments}/{}", given["roleAssignmentId"].as_str().unwrap());
    assert_eq!(client.delete(&one).await.0, 204);
    assert_eq!(refusal(&client.delete(&one).await), (404, "notFound", "Does not exist"));
}

#[tokio::test]
async fn domains_and_groups_are_told() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    assert_eq!(client.get("/admin/directory/v1/customers/my_customer").await.1["id"], SE);
    let domains =
        client.get(&format!("/admin/directory/v1/customer/{SE}/domains")).await.1["domains"].clone();
    assert_eq!(domains.as_array().unwrap().len(), 2, "alias domains are within their parents");
    assert_eq!((&domains[0]["isPrimary"], &domains[1]["isPrimary"]), (&json!(true), &json!(false)));
    assert_eq!(domains[0]["domainAliases"][0]["domainAliasName"], "reseller-sverige.example");
    assert!(domains[0]["creationTime"].is_string());
    let groups = client.get("/admin/directory/v1/groups?customer=my_customer&maxResults=200").await.1;
    assert_eq!(groups["groups"].as_array().unwrap().len(), 1);
    let by_alias = client.get("/admin/directory/v1/groups/help@reseller-se.example").await.1;
    assert_eq!(by_alias["email"], "support@reseller-se.example");
    assert_eq!(refusal(&client.get("/admin/directory/v1/groups/x@reseller-se.example").await).0, 404);
}

#[tokio::test]
async fn a_unit_that_is_renamed_or_moved_keeps_its_id_and_takes_along_what_is_below() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let units = "/admin/directory/v1/customer/my_customer/orgunits";
    let mut ids = Vec::new();
    for (name, parent) in [("A", "/"), ("B", "/A"), ("C", "/")] {
        let made = client.post(units, json!({"name": name, "parentOrgUnitPath": parent})).await;
        ids.push(made.1["orgUnitId"].as_str().unwrap().to_owned());
        google.wait(1_000);
    }
    let change = |key: &str, body| {
        let path = format!("{units}/{key}");
        let client = &client;
        async move { client.put(&path, body).await }
    };
    let renamed = change("A", json!({"name": "A 2", "description": "d"})).await.1;
    assert_eq!((&renamed["orgUnitId"], &renamed["orgUnitPath"]), (&json!(ids[0]), &json!("/A 2")));
    assert_eq!(client.get(&format!("{units}/{}", ids[1])).await.1["orgUnitPath"], "/A 2/B");
    google.wait(1_000);
    let cycle = change(&ids[0], json!({"parentOrgUnitPath": "/A 2/B"})).await;
    assert_eq!(refusal(&cycle), (412, "conditionNotMet", "OrgUnit hierarchy has cycle"));
    google.wait(1_000);
    let moved = change("A%202", json!({"parentOrgUnitId": ids[2]})).await.1;
    assert_eq!(moved["orgUnitPath"], "/C/A 2");
    assert_eq!(client.get(&format!("{units}/C/A%202/B")).await.1["orgUnitId"], json!(ids[1]));
    google.wait(1_000);
    let read = client.get(&format!("{units}/C")).await.1;
    assert_eq!(change("C", read).await.0, 200, "what was read can be sent back");
}

#[tokio::test]
async fn users_come_in_the_order_that_is_asked_for() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    for (query, expected) in [
        ("orderBy=email&sortOrder=DESCENDING", ["t.yamada", "olle.berg", "maria.nilsson", "carepass-robot"]),
        ("orderBy=familyName", ["olle.berg", "maria.nilsson", "carepass-robot", "t.yamada"]),
        (
            "orderBy=givenName&sortOrder=DESCENDING",
            ["t.yamada", "olle.berg", "maria.nilsson", "carepass-robot"],
        ),
    ] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let path =
                format!("/admin/directory/v1/users?customer={SE}&maxResults=3&pageToken={token}&{query}");
            let page = client.get(&path).await.1;
            let users = page["users"].as_array().unwrap();
            seen.extend(
                users
                    .iter()
                    .map(|user| user["primaryEmail"].as_str().unwrap().split('@').next().unwrap().to_owned()),
            );
            let Some(next) = page["nextPageToken"].as_str() else { break };
            token = next.to_owned();
        }
        assert_eq!(seen, expected, "{query}");
    }
}
