//! Reseller API: the subscriptions of customers that are resold to. One's own are none of them (docs/GOOGLE.md row 32).
//! Read only; nobody orders subscriptions through carepass.

use super::call::{Answer, Reply};
use super::directory::LONG_AGO;
use super::error::Refusal;
use super::google::Scene;
use super::paging::{PageRule, page};
use super::world::Subscription;
use serde_json::{Value, json};

const PAGES: PageRule = PageRule { default: 20, largest: 100, refuse_larger: true, empty_first: false };

/// `subscriptions.list`, of all customers or of one.
pub fn list(scene: &Scene<'_>) -> Reply {
    let asked = scene.call.parameter("customerId");
    let prefix = scene.call.parameter("customerNamePrefix").unwrap_or_default();
    if let Some(asked) = &asked {
        resold(scene, asked)?;
    }
    let wanted = |one: &&Subscription| {
        asked.as_ref().is_none_or(|asked| is_of(one, asked)) && one.customer_domain.starts_with(&prefix)
    };
    let found = scene.customer.subscriptions.iter().filter(wanted);
    let mut items: Vec<_> =
        found.map(|one| (format!("{} {}", one.customer_domain, one.id), subscription_json(one))).collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let page = page(scene.call, PAGES, items)?;
    let mut body = json!({"kind": "reseller#subscriptions", "subscriptions": page.items});
    if let Some(token) = page.next {
        body["nextPageToken"] = token.into();
    }
    Ok(Answer::json(body))
}

/// `subscriptions.get`.
pub fn get(scene: &Scene<'_>, customer: &str, id: &str) -> Reply {
    resold(scene, customer)?;
    let found = scene.customer.subscriptions.iter().find(|one| is_of(one, customer) && one.id == id);
    let missing = || Refusal::not_found("Subscription not found");
    found.map(|one| Answer::json(subscription_json(one))).ok_or_else(missing)
}

/// Refuses a customer that is not resold to, the caller's own included.
fn resold(scene: &Scene<'_>, asked: &str) -> Result<(), Refusal> {
    let found = scene.customer.subscriptions.iter().any(|one| is_of(one, asked));
    if found { Ok(()) } else { Err(Refusal::forbidden()) }
}

fn is_of(subscription: &Subscription, asked: &str) -> bool {
    subscription.customer_id == asked || subscription.customer_domain == asked
}

fn subscription_json(one: &Subscription) -> Value {
    let flexible = one.plan == "FLEXIBLE" || one.plan == "FREE";
    let seats = if flexible { "maximumNumberOfSeats" } else { "numberOfSeats" };
    json!({
        "kind": "reseller#subscription",
        "customerId": one.customer_id,
        "customerDomain": one.customer_domain,
        "subscriptionId": one.id,
        "skuId": one.sku,
        "creationTime": LONG_AGO.to_string(),
        "status": "ACTIVE",
        "plan": {"planName": one.plan, "isCommitmentPlan": !flexible},
        "seats": {"kind": "subscriptions#seats", "licensedNumberOfSeats": one.licensed, seats: one.seats},
        "trialSettings": {"isInTrial": false, "trialEndTime": "0"},
    })
}
