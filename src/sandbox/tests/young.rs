//! New, restored and suspended users: what Google shows of them and what it refuses.

use super::*;
use crate::sandbox::User;

const USERS: &str = "/admin/directory/v1/users";
const EMAIL: &str = "a@reseller-se.example";

async fn new_user(client: &Client<'_>) -> String {
    let (status, made) = client.post(&format!("{USERS}?resolveConflictAccount=true"), person(EMAIL)).await;
    assert_eq!(status, 200, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

/// The statuses of reads by id, one after the other, with so many milliseconds between.
async fn reads_by_id(change: impl Fn(&mut Settings), pause: Millis, count: usize) -> Vec<u16> {
    let google = Google::set(change).await;
    let client = google.client(SE).await;
    let path = format!("{USERS}/{}", new_user(&client).await);
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(client.get(&path).await.0);
        assert_eq!(client.get(&format!("{USERS}/{EMAIL}")).await.0, 200, "the address answers all the while");
        google.wait(pause);
    }
    seen
}

#[tokio::test]
async fn a_new_user_is_not_found_by_id_for_some_reads_or_some_time_and_flaps() {
    let none = reads_by_id(|_| {}, 0, 2);
    assert_eq!(none.await, [200, 200]);
    let some_reads = reads_by_id(|settings| settings.new_user_reads = 2, 0, 4);
    assert_eq!(some_reads.await, [404, 404, 200, 200]);
    let none_is_young = reads_by_id(|settings| settings.new_user_reads = 2, 5 * 60_000, 2);
    assert_eq!(none_is_young.await, [404, 200]);
    let some_time = reads_by_id(|settings| settings.new_user_delay_ms = 2_000, 1_000, 4);
    assert_eq!(some_time.await, [404, 404, 200, 200]);
    let flapping = reads_by_id(|settings| settings.new_user_flapping_ms = 5_000, 1_000, 7);
    assert_eq!(flapping.await, [200, 200, 404, 200, 200, 200, 200]);
}

#[tokio::test]
async fn a_second_insert_says_duplicate_before_any_read_shows_the_account() {
    let google = Google::set(|settings| settings.new_user_address_delay_ms = 2_000).await;
    let client = google.client(SE).await;
    new_user(&client).await;
    let list = format!("{USERS}?customer=my_customer&query=externalId=E-1");
    assert_eq!(client.get(&format!("{USERS}/{EMAIL}")).await.0, 404);
    assert_eq!(client.get(&list).await.1.get("users"), None);
    assert_eq!(refusal(&client.post(USERS, person(EMAIL)).await).1, "duplicate");
    google.wait(2_000);
    assert_eq!(client.get(&format!("{USERS}/{EMAIL}")).await.0, 200);
    assert_eq!(client.get(&list).await.1["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn reads_of_a_new_user_trail_its_changes() {
    let google = Google::set(|settings| settings.trailing_reads_ms = 60_000).await;
    let client = google.client(SE).await;
    let path = format!("{USERS}/{}", new_user(&client).await);
    assert_eq!(client.put(&path, json!({"suspended": true})).await.1["suspended"], true);
    for late in [59_999, 1] {
        assert_eq!(client.get(&path).await.1["suspended"], false);
        assert_eq!(
            client.get(&format!("{USERS}?domain=reseller-se.example&query=email={EMAIL}")).await.1["users"]
                [0]["suspended"],
            false
        );
        google.wait(late);
    }
    assert_eq!(client.get(&path).await.1["suspended"], true);
}

#[tokio::test]
async fn what_is_being_made_takes_neither_changes_nor_roles_and_changes_can_collide() {
    let google = Google::set(|settings| {
        settings.creating_window_ms = 5_000;
        settings.conflict_window_ms = 1_000;
    })
    .await;
    let client = google.client(SE).await;
    let id = new_user(&client).await;
    let role = format!("/admin/directory/v1/customer/{SE}/roleassignments");
    let role_id =
        google.sandbox.change(|world| *customer_of(world, SE).roles.keys().nth(1).unwrap()).to_string();
    let give = json!({"roleId": role_id, "assignedTo": id, "scopeType": "CUSTOMER"});
    let path = format!("{USERS}/{id}");
    let young = (412, "conditionNotMet", "User creation is not complete.");
    assert_eq!(refusal(&client.put(&path, json!({})).await), young);
    assert_eq!(refusal(&client.delete(&path).await), young);
    assert_eq!(refusal(&client.post(&role, give.clone()).await), young);
    google.wait(5_000);
    assert_eq!(client.post(&role, give).await.0, 200);
    assert_eq!(client.put(&path, json!({"suspended": true})).await.0, 200);
    assert_eq!(refusal(&client.put(&path, json!({})).await), (409, "conflict", "Conflicting requests"));
    google.wait(1_000);
    assert_eq!(client.put(&path, json!({})).await.0, 200);
}

#[tokio::test]
async fn the_answer_of_an_insert_lacks_what_later_reads_have() {
    let google = Google::start().await;
    let client = google.client(SE).await;
    let made = client.post(USERS, person(EMAIL)).await.1;
    let read = client.get(&format!("{USERS}/{EMAIL}")).await.1;
    for field in ["suspended", "archived"] {
        assert_eq!((made.get(field), &read[field]), (None, &json!(false)), "{field}");
    }
}

/// Two deleted users with one address, the older one first.
fn shelf(world: &mut World) {
    let se = customer_of(world, SE);
    let maria = User::clone(se.user("maria.nilsson@reseller-se.example").unwrap());
    for (id, days) in [("101", 12), ("102", 3)] {
        let deleted = Some(START - days * 24 * 60 * 60 * 1_000);
        let user = User { id: id.into(), primary_email: EMAIL.into(), deleted, ..maria.clone() };
        se.deleted.insert(id.into(), user.into());
    }
    se.settings.undelete_suspended = true;
}

#[tokio::test]
async fn several_deleted_users_have_one_address_and_one_comes_back_suspended() {
    let google = Google::with(shelf).await;
    let client = google.client(SE).await;
    let list = client.get(&format!("{USERS}?customer=my_customer&showDeleted=true")).await.1;
    let found: Vec<&str> =
        list["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
    assert_eq!(found, ["101", "102"]);
    let undelete = |id: &str| format!("{USERS}/{id}/undelete");
    let body = json!({"orgUnitPath": "/"});
    assert_eq!(client.post(&undelete("102"), body.clone()).await.0, 204);
    let user = client.get(&format!("{USERS}/102")).await.1;
    assert_eq!((&user["suspended"], &user["suspensionReason"]), (&json!(true), &json!("ADMIN")));
    assert_eq!(
        refusal(&client.post(&undelete("101"), body.clone()).await).1,
        "duplicate",
        "its address is taken"
    );
    assert_eq!(client.delete(&format!("{USERS}/102")).await.0, 204);
    google.control_set("set", json!({"seats": {SE: 1}})).await;
    assert_eq!(refusal(&client.post(&undelete("102"), body.clone()).await).1, "limitExceeded");
    google.control_set("set", json!({"seats": {SE: null}})).await;
    google.wait(9 * 24 * 60 * 60 * 1_000);
    let client = google.client(SE).await;
    assert_eq!(refusal(&client.post(&undelete("101"), body).await).1, "conditionNotMet", "too old");
}

#[tokio::test]
async fn whom_google_suspended_no_administrator_restores() {
    let check = async |reason: &str, expected: Option<(u16, &str, &str)>| {
        let google = Google::with(|world| {
            let se = customer_of(world, SE);
            let mut user = User::clone(se.user("olle.berg@reseller-se.example").unwrap());
            user.suspension_reason = Some(reason.to_owned());
            se.put_user(user);
        })
        .await;
        let seen = google
            .client(SE)
            .await
            .put(&format!("{USERS}/olle.berg@reseller-se.example"), json!({"suspended": false}))
            .await;
        match expected {
            Some(expected) => assert_eq!(refusal(&seen), expected, "{reason}"),
            None => assert_eq!(seen.0, 200, "{reason}"),
        }
    };
    let abuse = (412, "adminCannotUnsuspend", "Cannot restore a user suspended for abuse.");
    check("ADMIN", None).await;
    check("ABUSE", Some(abuse)).await;
    check("UNDER13", Some(abuse)).await;
}
