//! `users.insert` and `orgunits.insert`: the answers that Google words in several ways, and those that are not true.

use super::*;
use crate::sandbox::{
    ForeignDomain, InvitedBody, MissingOrgUnit, OrgUnitDuplicate, OrgUnitRate, Quotas, SeatWall,
};

const USERS: &str = "/admin/directory/v1/users?resolveConflictAccount=true";

/// The answer to the insert of a user, changed, into the demo world, changed.
async fn inserted(settings: impl Fn(&mut Settings), email: &str, unit: &str) -> Seen {
    let google = Google::set(settings).await;
    let mut body = person(email);
    body["orgUnitPath"] = json!(unit);
    google.client(SE).await.post(USERS, body).await
}

#[tokio::test]
async fn a_missing_unit_is_worded_in_three_ways() {
    for (setting, words) in [
        (MissingOrgUnit::InvalidInput, "Invalid Input: INVALID_OU_ID"),
        (MissingOrgUnit::InvalidOrgUnit, "Invalid Org Unit"),
        (MissingOrgUnit::InvalidOuId, "Invalid Ou Id"),
    ] {
        let seen =
            inserted(|settings| settings.missing_org_unit = setting, "a@care-se.example", "/None").await;
        assert_eq!(refusal(&seen), (400, "invalid", words));
    }
}

#[tokio::test]
async fn a_domain_of_somebody_else_is_refused_in_three_ways() {
    for (setting, expected) in [
        (ForeignDomain::Forbidden, (403, "forbidden", "Not Authorized to access this resource/api")),
        (ForeignDomain::DomainNotFound, (404, "notFound", "Domain not found")),
        (ForeignDomain::ResourceNotFound, (404, "notFound", "Resource Not Found: domain")),
    ] {
        let seen = inserted(|settings| settings.foreign_domain = setting, "a@elsewhere.example", "/").await;
        assert_eq!(refusal(&seen), expected);
    }
}

#[tokio::test]
async fn the_seat_wall_has_two_sentences() {
    for (setting, words) in [
        (SeatWall::ContactSupport, "Domain user limit reached. Contact Support."),
        (SeatWall::StartSubscription, "Domain user limit reached. Start paid subscription."),
    ] {
        let change = |settings: &mut Settings| (settings.seats, settings.seat_wall) = (Some(1), setting);
        let seen = inserted(change, "a@care-se.example", "/").await;
        assert_eq!(refusal(&seen), (412, "limitExceeded", words));
    }
}

#[tokio::test]
async fn what_a_202_carries_is_any_of_three() {
    for (setting, body) in [
        (InvitedBody::Object, json!({})),
        (InvitedBody::Empty, json!("")),
        (
            InvitedBody::User,
            json!({"kind": "admin#directory#user", "primaryEmail": "linnea.holm@care-se.example"}),
        ),
    ] {
        let seen =
            inserted(|settings| settings.invited_body = setting, "linnea.holm@care-se.example", "/").await;
        assert_eq!(seen, (202, body));
    }
}

#[tokio::test]
async fn more_than_ten_users_a_second_in_a_domain_are_too_many() {
    let google = Google::set(|settings| settings.quotas = Quotas::GOOGLE).await;
    let client = google.client(SE).await;
    for number in 0..10 {
        assert_eq!(client.post(USERS, person(&format!("a{number}@care-se.example"))).await.0, 200);
    }
    let seen = client.post(USERS, person("b@care-se.example")).await;
    assert_eq!(refusal(&seen), (503, "backendError", "Service unavailable. Please try again"));
    assert_eq!(client.post(USERS, person("b@reseller-se.example")).await.0, 200, "another domain");
    google.wait(1_000);
    assert_eq!(client.post(USERS, person("b@care-se.example")).await.0, 200);
}

fn units() -> String {
    format!("/admin/directory/v1/customer/{SE}/orgunits")
}

async fn make_unit(client: &Client<'_>, name: &str) -> Seen {
    client.post(&units(), json!({"name": name, "parentOrgUnitPath": "/"})).await
}

#[tokio::test]
async fn a_unit_is_made_although_the_answer_is_401() {
    let google = Google::set(|settings| settings.org_unit_created_401 = true).await;
    let client = google.client(SE).await;
    assert_eq!(refusal(&make_unit(&client, "Customer Care").await), (401, "required", "Login Required"));
    assert_eq!(google.sandbox.calls().pop().unwrap().effect.as_deref(), Some("orgunit.created"));
    assert_eq!(client.get(&format!("{}/Customer%20Care", units())).await.0, 200);
    assert_eq!(refusal(&make_unit(&client, "Customer Care").await).0, 400, "a duplicate is told as always");
}

#[tokio::test]
async fn a_second_unit_and_too_many_of_them_are_refused_in_two_ways_each() {
    for (duplicate, rate, expected) in [
        (OrgUnitDuplicate::Invalid, OrgUnitRate::Unavailable, [(400, "invalid"), (503, "backendError")]),
        (OrgUnitDuplicate::Duplicate, OrgUnitRate::TooMany, [(409, "duplicate"), (429, "rateLimitExceeded")]),
    ] {
        let google = Google::set(|settings| {
            settings.quotas = Quotas::GOOGLE;
            (settings.org_unit_duplicate, settings.org_unit_rate) = (duplicate, rate);
        })
        .await;
        let client = google.client(SE).await;
        assert_eq!(make_unit(&client, "Care").await.0, 200);
        let too_many = make_unit(&client, "Sales").await;
        google.wait(1_000);
        let again = make_unit(&client, "Care").await;
        let seen = [refusal(&again), refusal(&too_many)].map(|(status, reason, _)| (status, reason));
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_new_unit_refuses_users_for_a_while() {
    let google = Google::set(|settings| settings.new_ou_delay_ms = 12_000).await;
    let client = google.client(SE).await;
    assert_eq!(make_unit(&client, "Care").await.0, 200);
    let mut body = person("a@care-se.example");
    body["orgUnitPath"] = json!("/Care");
    google.wait(11_999);
    assert_eq!(refusal(&client.post(USERS, body.clone()).await).1, "forbidden");
    google.wait(1);
    assert_eq!(client.post(USERS, body).await.0, 200);
}
