//! A paid licence on the account: when it is taken away, when it is asked about, and what is never touched.
//! Not here: one that comes later (`engine_licenses`), and the guards' other traps (`traps`).

use super::journey::{Moment, moments};
use super::stage::Stage;
use carepass::model::enrollment::Enrollment;
use carepass::model::failure::{Failure, FailureCode, FailureKind, Who};
use carepass::model::id::LicenseSku;
use carepass::model::plan::StepName;
use carepass::sandbox::{AutoLicensing, Customer};
use carepass::steps::House;
use jiff::SignedDuration;
use serde_json::json;

const CUSTOMER: &str = "C01nordicse";
const STARTER: &str = "Google-Apps/1010020027";
const PREMIUM: &str = "101005/1010050001";

/// The step is next, an hour after the account was made, and the account has these licences besides.
async fn stage(held: &[&str]) -> (Stage, Enrollment) {
    let wanted = |moment: &Moment| {
        moment.step.name == StepName::NoPaidLicense && moment.row.to_string().contains("care-se.example")
    };
    let moment = moments().await.into_iter().find(wanted).expect("a step of the journey");
    let stage = Stage::set(&moment.before).await;
    let mut row = stage.row(&moment.row).await;
    let account = row.facts.account.as_mut().expect("the account was made before");
    account.since = stage.ago(SignedDuration::from_hours(1));
    account.read_at = stage.ago(SignedDuration::from_secs(61));
    let id = account.id.as_str().to_owned();
    world(&stage, |customer| {
        for license in held {
            let (product, sku) = license.split_once('/').expect("a product and a SKU");
            customer.licenses.insert((product.to_owned(), sku.to_owned(), id.clone()));
        }
    });
    (stage, row)
}

fn world<T>(stage: &Stage, change: impl FnOnce(&mut Customer) -> T) -> T {
    stage.sandbox.change(|world| change(world.customers.get_mut(CUSTOMER).expect("a customer of the demo")))
}

/// A process whose operator listed these as removable.
fn house(stage: &Stage, listed: &[&str]) -> House {
    let mut house = stage.house();
    let listed: Vec<LicenseSku> =
        listed.iter().map(|text| LicenseSku::parse(text).expect("a product and a SKU")).collect();
    house
        .sites
        .values_mut()
        .for_each(|site| site.reseller.removable_licenses = listed.iter().cloned().collect());
    house
}

async fn run(stage: &Stage, house: &House, row: &Enrollment) -> Result<bool, Failure> {
    let claimed = stage.claim(house, row).await;
    stage.run(house, &claimed).await.map(|ensured| ensured.made)
}

/// What the step wrote: nothing but licences that were taken away.
fn removals(stage: &Stage) -> usize {
    let calls = stage.sandbox.calls();
    let writes = calls.iter().filter(|call| call.method != "GET" && call.path != "/token");
    writes.inspect(|call| assert_eq!(call.method, "DELETE", "{call:?}")).count()
}

/// Held, listed as removable; what the step answers, and how often something was to be taken away.
async fn check(held: &[&str], listed: &[&str], expected: Result<bool, FailureCode>, removed: usize) {
    let (stage, row) = stage(held).await;
    let outcome = run(&stage, &house(&stage, listed), &row).await;
    let place = format!("{held:?} with {listed:?} listed: {outcome:?}");
    if let Err(failure) = &outcome {
        assert_eq!(failure.kind, FailureKind::Needs(Who::Operator), "{place}");
    }
    assert_eq!(outcome.map_err(|failure| failure.code), expected, "{place}");
    assert_eq!(removals(&stage), removed, "{place}");
}

#[tokio::test]
async fn only_what_the_operator_listed_is_taken_away() {
    check(&[], &[STARTER], Ok(false), 0).await;
    check(&[STARTER], &[STARTER], Ok(true), 1).await;
    check(&[STARTER, PREMIUM], &[STARTER, PREMIUM], Ok(true), 2).await;
    check(&[STARTER], &[], Err(FailureCode::PaidLicenseFound), 0).await;
    check(&[STARTER], &["Google-Apps/1010020028"], Err(FailureCode::PaidLicenseFound), 0).await;
    check(&[STARTER, PREMIUM], &[STARTER], Err(FailureCode::PaidLicenseFound), 1).await;
}

/// 412 "Auto License un-assignment is not allowed" (guide, licensing; Okta): nobody is asked to remove what would come again.
#[tokio::test]
async fn a_refusal_proves_that_automatic_licensing_is_on() {
    let (stage, row) = stage(&[STARTER]).await;
    let (product, sku) = STARTER.split_once('/').expect("a product and a SKU");
    let rule =
        AutoLicensing { org_unit: "/".into(), product: product.into(), sku: sku.into(), off_after_ms: None };
    world(&stage, |customer| customer.settings.auto_licensing = vec![rule]);
    let house = house(&stage, &[STARTER]);
    let failure = run(&stage, &house, &row).await.expect_err("Google refuses");
    assert_eq!(
        (failure.kind, failure.code),
        (FailureKind::Needs(Who::Operator), FailureCode::AutoLicensingOn)
    );
    let claimed = stage.claim(&house, &row).await;
    let row = stage.look_again(&claimed, failure);
    world(&stage, |customer| customer.settings.auto_licensing.clear());
    assert_eq!(run(&stage, &house, &row).await, Ok(true), "it is off now");
    assert_eq!(removals(&stage), 2);
}

/// 404 "User does not have a license" (GAM#447): somebody else, or an answer that was lost, has taken it away.
#[tokio::test]
async fn a_licence_that_is_gone_already_is_no_trouble() {
    let (stage, row) = stage(&[STARTER]).await;
    let lost = json!({"match": {"method": "DELETE", "nth": 1}, "do": {"fail_after": true, "reset": true}});
    stage.sandbox.add_faults(&lost).expect("a rule that is understood");
    let house = house(&stage, &[STARTER]);
    let claimed = stage.claim(&house, &row).await;
    stage.run(&house, &claimed).await.expect_err("the answer is lost");
    let old = json!({"match": {"path_regex": "/product/Google-Apps/users$", "nth": 1}, "do": {"status": 200, "body": {
        "items": [{"userId": "Asa.Oberg@care-se.example", "productId": "Google-Apps", "skuId": "1010020027"}]}}});
    stage.sandbox.clear_faults();
    stage.sandbox.add_faults(&old).expect("a rule that is understood");
    let next = self::house(&stage, &[STARTER]);
    assert_eq!(run(&stage, &next, &row).await, Ok(false), "there was nothing left to take");
    let missing = stage.sandbox.calls().iter().filter(|call| call.status == 404).count();
    assert_eq!((removals(&stage), missing), (2, 1));
}

/// What somebody does to an account, by its id.
type Spoil = fn(&mut Customer, &str);

/// Guard 1 stands before a licence is taken away as before any other write.
#[tokio::test]
async fn nothing_is_taken_from_an_account_that_is_not_ours() {
    let spoilt: [(Spoil, FailureCode); 3] = [
        (
            |customer, id| with(customer, id, |user| drop(user.fields.remove("externalIds"))),
            FailureCode::AccountNotOurs,
        ),
        (|customer, id| with(customer, id, |user| user.suspended = true), FailureCode::AccountSuspended),
        (
            |customer, id| {
                let user = customer.take_user(id).expect("the engineer's account");
                let (id, old) = (customer.issue_user_id(), user.id.clone());
                customer.put_user(carepass::sandbox::User { id: id.clone(), ..user });
                let held = customer.licenses.iter().filter(|held| held.2 == old).cloned().collect::<Vec<_>>();
                customer.licenses.extend(held.into_iter().map(|held| (held.0, held.1, id.clone())));
            },
            FailureCode::AccountGone,
        ),
    ];
    for (spoil, code) in spoilt {
        let (stage, row) = stage(&[STARTER]).await;
        let id = row.facts.account.as_ref().expect("the account was made before").id.as_str().to_owned();
        world(&stage, |customer| spoil(customer, &id));
        let failure = run(&stage, &house(&stage, &[STARTER]), &row).await.expect_err("not ours");
        assert_eq!(failure.code, code);
        assert_eq!(removals(&stage), 0, "{code}");
    }
}

/// Where the account is the engineer's own, its licences are nobody's business.
#[tokio::test]
async fn nothing_is_taken_from_an_engineers_own_account() {
    let (stage, row) = stage(&[STARTER]).await;
    let mut house = house(&stage, &[STARTER]);
    house.sites.values_mut().for_each(|site| site.reseller.home = true);
    let claimed = stage.claim(&house, &row).await;
    // Whether the licence is asked about there is not this test's matter.
    let _ = stage.run(&house, &claimed).await;
    assert_eq!(removals(&stage), 0);
}

fn with(customer: &mut Customer, id: &str, change: impl FnOnce(&mut carepass::sandbox::User)) {
    let mut user = customer.take_user(id).expect("the engineer's account");
    change(&mut user);
    customer.put_user(user);
}
