//! The second half of an account's life: what somebody opened by signing in, what an administrator ends of it, and what a suspended or
//! deleted account still holds.

use super::*;

const MARIA: &str = "maria.nilsson@reseller-se.example";
const USERS: &str = "/admin/directory/v1/users";

fn path(rest: &str) -> String {
    format!("{USERS}/{MARIA}{rest}")
}

/// The user as the world shows it.
fn seen_in(google: &Google, list: &str, email: &str) -> Value {
    let world = google.sandbox.world_json();
    let users = world["customers"][SE][list].as_array().unwrap().clone();
    users.into_iter().find(|user| user["primaryEmail"] == email).unwrap()
}

fn sign_in(more: &Value) -> Value {
    let mut wish = json!({"customer": SE, "user": MARIA});
    wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"sign_in": wish})
}

#[tokio::test]
async fn who_signs_in_opens_a_session_and_lets_a_program_in_and_each_is_ended_by_itself() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google.control_set("set", json!({"two_step": {"customer": SE, "user": MARIA, "enforced": true}})).await;
    google
        .control_set("set", sign_in(&json!({"client": "app.example", "application_password": "Mail"})))
        .await;
    let user = seen_in(&google, "users", MARIA);
    assert_eq!((&user["isEnrolledIn2Sv"], &user["isEnforcedIn2Sv"]), (&json!(true), &json!(true)));
    assert_eq!((&user["sessions"], &user["signed_out_at"]), (&json!(1), &Value::Null));
    assert_eq!((&user["asps"], &user["backup_codes"]), (&json!(["Mail"]), &json!(10)));
    assert!(user["tokens"].as_array().unwrap().contains(&json!("app.example")));
    assert_eq!(user["lastLoginTime"], "2026-01-01T00:00:00.000Z");

    let number = client.get(&path("/asps")).await.1["items"][0]["codeId"].clone();
    assert_eq!(client.delete(&path(&format!("/asps/{number}"))).await.0, 204);
    assert_eq!(refusal(&client.delete(&path(&format!("/asps/{number}"))).await).0, 404);
    assert_eq!(client.delete(&path("/tokens/app.example")).await.0, 204);
    assert_eq!(refusal(&client.delete(&path("/tokens/app.example")).await).0, 404);
    assert_eq!(client.call(Method::POST, &path("/signOut"), None).await.0, 204);
    assert_eq!(client.call(Method::POST, &path("/verificationCodes/invalidate"), None).await.0, 204);
    let user = seen_in(&google, "users", MARIA);
    assert_eq!((&user["asps"], &user["backup_codes"], &user["sessions"]), (&json!([]), &json!(0), &json!(0)));
    assert_eq!((&user["signOuts"], &user["signed_out_at"]), (&json!(1), &json!("2026-01-01T00:00:00.000Z")));
    assert!(!user["tokens"].as_array().unwrap().contains(&json!("app.example")));
}

#[tokio::test]
async fn a_suspended_account_refuses_to_be_signed_out_as_far_as_is_set() {
    let google = Google::with(|world| {
        customer_of(world, SE).settings.suspended_refuses_sign_out = true;
        customer_of(world, SE).users.values_mut().for_each(|user| {
            Arc::make_mut(user).tokens.insert("app.example".into());
        });
    })
    .await;
    let client = google.client(SE).await;
    assert_eq!(client.put(&path(""), json!({"suspended": true})).await.0, 200);
    let ends: [(Method, &str); 4] = [
        (Method::POST, "/signOut"),
        (Method::POST, "/verificationCodes/invalidate"),
        (Method::DELETE, "/tokens/app.example"),
        (Method::DELETE, "/asps/1"),
    ];
    for (method, rest) in ends {
        let refused = client.call(method, &path(rest), None).await;
        assert_eq!(refusal(&refused).1, "invalid", "{rest}");
    }
    assert_eq!(client.get(&path("/tokens")).await.1["items"][0]["clientId"], "app.example");
    let dk = google.client(DK).await;
    let danish = dk.get(&format!("{USERS}?customer={DK}")).await.1["users"].as_array().unwrap().clone();
    let id = danish.iter().find(|user| user["isAdmin"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(dk.put(&format!("{USERS}/{id}"), json!({"suspended": true})).await.0, 200);
    assert_eq!(dk.call(Method::POST, &format!("{USERS}/{id}/signOut"), None).await.0, 204);
    let codes = format!("{USERS}/{id}/verificationCodes/invalidate");
    assert_eq!(refusal(&dk.call(Method::POST, &codes, None).await).0, 400);
}

#[tokio::test]
async fn nobody_signs_in_who_is_suspended_has_a_wrong_password_or_lacks_the_second_step() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let set = |body: Value| google.sandbox.set(&body);
    let email = "linnea.new@reseller-se.example";
    assert_eq!(client.post(USERS, person(email)).await.0, 200);
    let wish = |password: &str| json!({"sign_in": {"customer": SE, "user": email, "password": password}});
    assert!(set(wish("another one")).unwrap_err().contains("wrong password"));
    assert_eq!(seen_in(&google, "users", email)["sessions"], 0);
    let two_step = |more: &str| {
        let text = format!(r#"{{"two_step": {{"customer": "{SE}", "user": "{email}", {more}}}}}"#);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    set(two_step(r#""enrolled": false, "enforced": true"#)).unwrap();
    assert!(set(wish("correct horse battery")).unwrap_err().contains("2-Step"));
    set(two_step(r#""enrolled": true"#)).unwrap();
    set(wish("correct horse battery")).unwrap();
    let user = seen_in(&google, "users", email);
    assert_eq!((&user["sessions"], &user["changePasswordAtNextLogin"]), (&json!(1), &json!(false)));
    assert!(set(wish("correct horse battery")).is_err(), "after the first sign-in it is the person's own");
    let anew = json!({"password": "correct horse battery 2", "changePasswordAtNextLogin": true});
    assert_eq!(client.put(&format!("{USERS}/{email}"), anew).await.0, 200);
    assert_eq!(seen_in(&google, "users", email)["sessions"], 0, "who must change it is signed out");
    set(wish("correct horse battery 2")).unwrap();
    assert_eq!(client.put(&format!("{USERS}/{email}"), json!({"suspended": true})).await.0, 200);
    let any = json!({"sign_in": {"customer": SE, "user": email}});
    assert!(set(any).unwrap_err().contains("suspended"));
    assert!(!google.sandbox.world_json().to_string().contains("correct horse"));
    assert!(set(json!({"sign_in": {"customer": SE, "user": "nobody@x.example"}})).is_err());
    assert!(set(json!({"two_step": {"customer": "C0", "user": MARIA}})).is_err());
}

#[tokio::test]
async fn a_deleted_account_keeps_its_seat_and_gets_its_roles_back_with_itself() {
    let google = Google::with(|world| {
        let customer = customer_of(world, SE);
        let id = customer.user(MARIA).unwrap().id.clone();
        let role_id = *customer.roles.iter().find(|(_, role)| !role.super_admin).unwrap().0;
        let number = customer.issue_number();
        let held = crate::sandbox::Assignment { role_id, assigned_to: id, org_unit: None };
        customer.assignments.insert(number, held);
    })
    .await;
    let client = google.client(SE).await;
    let used = |google: &Google| google.sandbox.world_json()["customers"][SE]["seats"]["used"].clone();
    let before = used(&google);
    let roles = seen_in(&google, "users", MARIA)["roles"].clone();
    let id = client.get(&path("")).await.1["id"].as_str().unwrap().to_owned();
    assert!(!roles.as_array().unwrap().is_empty());
    assert_eq!(client.delete(&format!("{USERS}/{id}")).await.0, 204);
    assert_eq!(refusal(&client.delete(&format!("{USERS}/{id}")).await).0, 404);
    assert_eq!(used(&google), before);
    let assignments = format!("/admin/directory/v1/customer/{SE}/roleassignments");
    let all = client.get(&assignments).await.1["items"].as_array().unwrap().clone();
    let orphan = all.iter().find(|item| item["assignedTo"] == json!(id)).unwrap();
    let number = orphan["roleAssignmentId"].as_str().unwrap();
    assert_eq!(refusal(&client.delete(&format!("{assignments}/{number}")).await).0, 404);
    assert_eq!(client.post(&format!("{USERS}/{id}/undelete"), json!({"orgUnitPath": "/"})).await.0, 204);
    assert_eq!(seen_in(&google, "users", MARIA)["roles"], roles);
    assert_eq!(client.delete(&format!("{assignments}/{number}")).await.0, 204);
    assert_eq!(refusal(&client.delete(&format!("{assignments}/{number}")).await).0, 404);
    let left = seen_in(&google, "users", MARIA)["roles"].as_array().unwrap().len();
    assert_eq!(left + 1, roles.as_array().unwrap().len());
}

#[tokio::test]
async fn only_a_super_administrator_changes_accounts() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    google.sandbox.change(|world| {
        let customer = customer_of(world, SE);
        let admin = files().resellers.iter().find(|reseller| reseller.customer_id == SE).unwrap();
        let id = customer.user(&admin.admin).unwrap().id.clone();
        customer.assignments.retain(|_, held| held.assigned_to != id);
    });
    assert_eq!(refusal(&client.put(&path(""), json!({"suspended": true})).await).1, "forbidden");
    assert_eq!(refusal(&client.call(Method::POST, &path("/signOut"), None).await).1, "forbidden");
}
