//! Enterprise License Manager API. Two worlds: licences given user by user, or Cloud Identity Free for the whole site,
//! where the API knows nothing of it and an insert is answered with 503 for ever (Google's "Using the API" guide;
//! Cloud Identity help 7384684). Not here: automatic licensing, which a new user sets off (`users`).

use super::call::{Answer, Reply};
use super::directory::{etag, list as list_json};
use super::error::Refusal;
use super::google::Scene;
use super::paging::{PageRule, page};
use super::world::{
    Customer, FREE_PRODUCT, FREE_SKU, LicenseDuplicate, LicenseMode, MissingProduct, UnknownUser, User,
};
use serde_json::{Value, json};

/// More than 100 is cut to 100, as the guide has it, whatever the discovery document allows.
const PAGES: PageRule = PageRule { default: 100, largest: 100, refuse_larger: false, empty_first: false };

/// Products and SKUs that exist, with their names.
const CATALOGUE: &[(&str, &str, &str)] = &[
    (FREE_PRODUCT, FREE_SKU, "Cloud Identity Free"),
    ("101005", "1010050001", "Cloud Identity Premium"),
    ("101006", "1010060001", "Google Workspace Essentials"),
    ("Google-Apps", "1010020027", "Google Workspace Business Starter"),
    ("Google-Apps", "1010020028", "Google Workspace Business Standard"),
    ("Google-Apps", "1010020025", "Google Workspace Business Plus"),
    ("Google-Apps", "1010020026", "Google Workspace Enterprise Standard"),
    ("Google-Apps", "1010020020", "Google Workspace Enterprise Plus"),
    ("Google-Apps", "1010060003", "Google Workspace Enterprise Essentials"),
    ("Google-Apps", "1010060005", "Google Workspace Enterprise Essentials Plus"),
    ("Google-Apps", "1010060001", "Google Workspace Essentials"),
    ("Google-Apps", "1010020029", "Google Workspace Enterprise Starter"),
    ("Google-Apps", "1010020030", "Google Workspace Frontline Starter"),
    ("Google-Apps", "1010020031", "Google Workspace Frontline Standard"),
    ("Google-Apps", "1010020034", "Google Workspace Frontline Plus"),
    ("Google-Apps", "Google-Apps-For-Business", "G Suite Basic"),
    ("Google-Apps", "Google-Apps-Unlimited", "G Suite Business"),
    ("Google-Apps", "Google-Apps-Lite", "G Suite Lite"),
    ("Google-Apps", "Google-Apps", "Google Apps Free"),
    ("Google-Vault", "Google-Vault", "Google Vault"),
    ("101031", "1010310008", "Google Workspace for Education Plus"),
    ("101047", "1010470001", "Gemini Enterprise"),
];

/// `licenseAssignments.listForProduct` and `listForProductAndSku`.
pub fn list(scene: &Scene<'_>, product: &str, sku: Option<&str>) -> Reply {
    known(product, sku)?;
    has(scene.customer, product)?;
    let asked = scene.call.parameter("customerId").unwrap_or_default();
    // The customer may be named by its primary domain too; `my_customer` is not taken here.
    if asked != scene.customer.id && asked != scene.customer.primary_domain() {
        return Err(unauthorized());
    }
    let held = scene
        .customer
        .licenses
        .iter()
        .filter(|held| held.0 == product && sku.is_none_or(|sku| held.1 == sku))
        .filter(|held| !comes_with_the_site(scene.customer, &held.0, &held.1));
    let mut items: Vec<(String, Value)> = held
        .filter_map(|(product, sku, user)| {
            let email = &scene.customer.users.get(user)?.primary_email;
            Some((format!("{email} {sku}"), license_json(product, sku, email)))
        })
        .collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let page = page(scene.call, PAGES, items)?;
    Ok(Answer::json(list_json("licensing#licenseAssignmentList", "items", page.items, page.next)))
}

/// `licenseAssignments.get`.
pub fn get(scene: &Scene<'_>, product: &str, sku: &str, key: &str) -> Reply {
    known(product, Some(sku))?;
    has(scene.customer, product)?;
    let user = user(scene, key)?;
    if holds(scene.customer, product, sku, user) && !comes_with_the_site(scene.customer, product, sku) {
        return Ok(Answer::json(license_json(product, sku, &user.primary_email)));
    }
    Err(not_held())
}

/// `licenseAssignments.insert`.
pub fn insert(scene: &mut Scene<'_>, product: &str, sku: &str) -> Reply {
    known(product, Some(sku))?;
    has(scene.customer, product)?;
    let body = scene.call.json()?;
    let user = user(scene, body["userId"].as_str().unwrap_or_default())?;
    let free = (product, sku) == (FREE_PRODUCT, FREE_SKU);
    if comes_with_the_site(scene.customer, product, sku) {
        return Err(Refusal::unavailable("Backend Error"));
    }
    if holds(scene.customer, product, sku, user) {
        return Err(match scene.customer.settings.license_duplicate {
            LicenseDuplicate::Condition => {
                Refusal::condition("User already has a license for the specified product and SKU")
            }
            LicenseDuplicate::Reassign => {
                let message = "For reassign operation new sku should be different than the old sku";
                Refusal::new(500, "internalError", message)
            }
        });
    }
    if scene.customer.licenses.iter().any(|held| held.0 == product && held.2 == user.id) {
        return Err(Refusal::condition(
            "User already has a license of the product, but with a different SKU. To reassign a new SKU for this \
             product, use the \"update\" operation.",
        ));
    }
    if free && !scene.customer.has_free_license() {
        return Err(Refusal::condition(
            "There aren't enough available licenses for the specified product-SKU pair",
        ));
    }
    let answer = Answer::json(license_json(product, sku, &user.primary_email));
    let license = (product.to_owned(), sku.to_owned(), user.id.clone());
    scene.customer.licenses.insert(license);
    Ok(answer.with_effect("license.assigned"))
}

/// `licenseAssignments.update` and `patch`: another SKU of the same product.
pub fn update(scene: &mut Scene<'_>, product: &str, sku: &str, key: &str) -> Reply {
    let body = scene.call.json()?;
    let new_sku = body["skuId"].as_str().unwrap_or(sku).to_owned();
    known(product, Some(sku))?;
    known(product, Some(&new_sku))?;
    let user = user(scene, key)?;
    if !holds(scene.customer, product, sku, user) {
        return Err(not_held());
    }
    if new_sku == sku {
        return Err(Refusal::condition(
            "For reassign operations, the new SKU should be different from the old SKU",
        ));
    }
    if is_automatic(scene.customer, product, sku, user) {
        return Err(Refusal::condition("Auto License switching is not allowed"));
    }
    let answer = Answer::json(license_json(product, &new_sku, &user.primary_email));
    let id = user.id.clone();
    scene.customer.licenses.remove(&(product.to_owned(), sku.to_owned(), id.clone()));
    scene.customer.licenses.insert((product.to_owned(), new_sku, id));
    Ok(answer.with_effect("license.changed"))
}

/// `licenseAssignments.delete`; refused while automatic licensing is on for the user's unit.
pub fn delete(scene: &mut Scene<'_>, product: &str, sku: &str, key: &str) -> Reply {
    known(product, Some(sku))?;
    let user = user(scene, key)?;
    if !holds(scene.customer, product, sku, user) {
        return Err(not_held());
    }
    if is_automatic(scene.customer, product, sku, user) {
        return Err(Refusal::condition("Auto License un-assignment is not allowed"));
    }
    let license = (product.to_owned(), sku.to_owned(), user.id.clone());
    scene.customer.licenses.remove(&license);
    Ok(Answer::json(json!({})).with_effect("license.removed"))
}

/// A SKU's name; empty for one that does not exist.
pub fn sku_name(product: &str, sku: &str) -> &'static str {
    CATALOGUE.iter().find(|entry| entry.0 == product && entry.1 == sku).map_or("", |entry| entry.2)
}

/// The name of a SKU's product.
pub fn product_name(product: &str, sku: &str) -> &'static str {
    if product == "Google-Apps" { "Google Workspace" } else { sku_name(product, sku) }
}

/// Whether the product exists.
pub fn is_product(product: &str) -> bool {
    CATALOGUE.iter().any(|entry| entry.0 == product)
}

/// Whether the SKU exists.
pub fn is_known(product: &str, sku: &str) -> bool {
    CATALOGUE.iter().any(|entry| entry.0 == product && entry.1 == sku)
}

fn known(product: &str, sku: Option<&str>) -> Result<(), Refusal> {
    let exists = CATALOGUE.iter().any(|entry| entry.0 == product && sku.is_none_or(|sku| entry.1 == sku));
    if exists { Ok(()) } else { Err(Refusal::invalid("SKU or product does not exist")) }
}

/// What is answered about a product that exists and that the customer does not have.
fn has(customer: &Customer, product: &str) -> Result<(), Refusal> {
    let message = "SKU or product does not exist";
    let settings = &customer.settings;
    if settings.products.as_ref().is_none_or(|all| all.iter().any(|one| one == product)) {
        return Ok(());
    }
    match settings.missing_product {
        MissingProduct::Empty => Ok(()),
        MissingProduct::Invalid => Err(Refusal::invalid(message)),
        MissingProduct::NotFound => Err(Refusal::not_found(message)),
    }
}

/// Whether everybody has it and the API knows nothing of it.
fn comes_with_the_site(customer: &Customer, product: &str, sku: &str) -> bool {
    (product, sku) == (FREE_PRODUCT, FREE_SKU) && customer.settings.license_mode == LicenseMode::Site
}

/// The user of a current primary address: neither id nor alias will do, and a new user takes a while.
fn user<'a>(scene: &'a Scene<'_>, key: &str) -> Result<&'a User, Refusal> {
    let key = key.to_ascii_lowercase();
    if !key.contains('@') {
        return Err(Refusal::invalid("User email not valid"));
    }
    if !scene.customer.owns(&key) {
        return Err(unauthorized());
    }
    let user = scene.customer.user(&key).filter(|user| user.primary_email == key);
    let settings = &scene.customer.settings;
    let user = user.filter(|user| !scene.is_within(user.created, settings.license_user_delay_ms));
    user.map(AsRef::as_ref).ok_or_else(|| match settings.license_unknown_user {
        UnknownUser::Invalid => Refusal::invalid("Invalid value: userId"),
        UnknownUser::NotFound => Refusal::not_found("Resource Not Found: userId"),
    })
}

fn holds(customer: &Customer, product: &str, sku: &str, user: &User) -> bool {
    customer.licenses.contains(&(product.to_owned(), sku.to_owned(), user.id.clone()))
}

fn is_automatic(customer: &Customer, product: &str, sku: &str, user: &User) -> bool {
    let rule = customer.auto_licensing(customer.org_unit_path(&user.org_unit));
    rule.is_some_and(|rule| rule.product == product && rule.sku == sku)
}

fn license_json(product: &str, sku: &str, email: &str) -> Value {
    json!({
        "kind": "licensing#licenseAssignment",
        "etags": etag(email, 1),
        "selfLink": format!("https://licensing.googleapis.com/apps/licensing/v1/product/{product}/sku/{sku}/user/{email}"),
        "userId": email,
        "productId": product,
        "skuId": sku,
        "skuName": sku_name(product, sku),
        "productName": product_name(product, sku),
    })
}

fn not_held() -> Refusal {
    Refusal::not_found("User does not have a license for specified sku and product")
}

fn unauthorized() -> Refusal {
    Refusal::new(403, "forbidden", "Unauthorized operation for the given domain")
}
