//! The free licence, and the paid ones that must not be there: of Google Workspace, Cloud Identity Premium and Essentials.
//! Not here: which licences may be taken away, and from whom (`steps/no_paid_license`).

use super::call::Call;
use super::classify::Meaning;
use super::pages::{List, Page};
use super::request::Request;
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::{Address, LicenseSku};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Cloud Identity Free: what an account may have (Google, Reseller API "products and SKUs"). New SKUs appear over time,
/// so everything else of the products that are read counts as paid.
const ALLOWED_SKUS: &[&str] = &["1010010001"];

/// So long nobody asks again for the licences of a product that the customer was seen not to have.
const ABSENT_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The products in which paid licences are looked for: those that automatic licensing can give to an account as its edition
/// (`docs/GOOGLE.md` 47). Add-ons are not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaidProduct {
    /// Google Workspace in all its editions.
    Workspace,
    /// Cloud Identity Premium.
    CloudIdentityPremium,
    /// Google Workspace Essentials, where it is a product of its own.
    Essentials,
}

/// A product whose licences are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Cloud Identity Free: who has it, where it is assigned one by one.
    Free,
    /// A product that costs money.
    Paid(PaidProduct),
}

impl Listed {
    /// Google's id of the product.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "101001",
            Self::Paid(product) => product.as_str(),
        }
    }
}

impl PaidProduct {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Workspace, Self::CloudIdentityPremium, Self::Essentials];

    /// Google's id of the product.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "Google-Apps",
            Self::CloudIdentityPremium => "101005",
            Self::Essentials => "101006",
        }
    }
}

/// What came of assigning the free licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeLicense {
    /// It was assigned.
    Made,
    /// The account had it.
    Found,
    /// 503: a spent quota, an outage, or for ever, because the licence comes with the site and cannot be assigned.
    Unavailable,
}

/// A licence that costs money.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaidLicense {
    /// The account's primary address, lower-cased.
    pub address: String,
    /// Google's id of the product.
    pub product: String,
    /// Google's id of the edition.
    pub sku: String,
}

impl PaidLicense {
    /// Whether it is this one.
    pub fn is(&self, license: &LicenseSku) -> bool {
        self.product == license.product.as_str() && self.sku == license.sku.as_str()
    }
}

impl Google {
    /// Assigns Cloud Identity Free. Errors: `licenses_spent`, `auto_licensing_on`, `account_settling`, …
    pub async fn assign_free(&self, address: &Address) -> Result<FreeLicense, Failure> {
        match self.ask(&Request::AssignLicense { address }).await? {
            // A page of some proxy is no success: only Google's own words are.
            Outcome::Done(answer) => {
                answer.decode::<WireLicense>(Call::AssignLicense).map(|_| FreeLicense::Made)
            }
            Outcome::Means(Meaning::AlreadyHeld) => Ok(FreeLicense::Found),
            Outcome::Means(Meaning::Unavailable) => Ok(FreeLicense::Unavailable),
            Outcome::Means(meaning @ (Meaning::AlreadyExists | Meaning::NotThere)) => {
                Err(unexpected(Call::AssignLicense, meaning))
            }
        }
    }

    /// Slows License Manager down after an "unavailable" that can only be a spent quota or an outage, and says so. Errors: it is one,
    /// `rate_limited`.
    pub fn slow_licensing(&self) -> Failure {
        self.shared.limits.throttled(Call::AssignLicense.spec().quota, None, None);
        Failure::new(FailureKind::Throttled, FailureCode::RateLimited)
            .with_detail(&format!("{}: 503, a spent quota or an outage", Call::AssignLicense.template()))
    }

    /// Takes a licence away; false if the account did not have it. Any success will do, for whoever takes a licence away looks again.
    /// Errors: `auto_licensing_on`, `account_settling`, …
    pub async fn remove_license(&self, address: &Address, license: &LicenseSku) -> Result<bool, Failure> {
        match self.ask(&Request::RemoveLicense { address, license }).await? {
            Outcome::Done(_) => Ok(true),
            Outcome::Means(Meaning::NotThere) => Ok(false),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::RemoveLicense, meaning)),
        }
    }

    /// Every licence of the customer's accounts in a [`PaidProduct`]; no call lists those of one account. A product that the customer
    /// does not have holds none; only Google Workspace must be there, since every reseller has it: else nothing was read.
    pub async fn paid_licenses(&self) -> Result<Vec<PaidLicense>, Failure> {
        let listed = try_join_all(PaidProduct::ALL.map(|product| self.licenses_of(product))).await?;
        Ok(listed.into_iter().flatten().filter(is_paid).map(PaidLicense::from).collect())
    }

    /// Whether some account holds Cloud Identity Free: then the customer has the subscription. Where the licence comes with the site
    /// nobody is listed, so "no" tells nothing.
    pub async fn is_free_license_held(&self) -> Result<bool, Failure> {
        let held = self.pages_if_there::<LicensePage>(List::Licenses { product: Listed::Free }).await?;
        Ok(held.unwrap_or_default().iter().any(|license| !is_paid(license)))
    }

    async fn licenses_of(&self, product: PaidProduct) -> Result<Vec<WireLicense>, Failure> {
        let list = List::Licenses { product: Listed::Paid(product) };
        match product {
            PaidProduct::Workspace => self.all_pages::<LicensePage>(list).await,
            PaidProduct::CloudIdentityPremium | PaidProduct::Essentials => {
                if self.shared.absent.is_absent(product, self.now()) {
                    return Ok(Vec::new());
                }
                let listed = self.pages_if_there::<LicensePage>(list).await?;
                if listed.is_none() {
                    self.shared.absent.note(product, self.now());
                }
                Ok(listed.unwrap_or_default())
            }
        }
    }
}

/// When the customer was last seen not to have a product. The lists are read for every few accounts, and each such answer would cost a
/// call of an API that grants one a second.
#[derive(Default)]
pub(super) struct Absent(Mutex<BTreeMap<PaidProduct, Timestamp>>);

impl Absent {
    fn is_absent(&self, product: PaidProduct, now: Timestamp) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&product).copied();
        seen.is_some_and(|seen| seen <= now && now.duration_since(seen) < ABSENT_FOR)
    }

    fn note(&self, product: PaidProduct, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(product, now);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LicensePage {
    #[serde(default)]
    items: Vec<WireLicense>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct WireLicense {
    #[serde(rename = "userId")]
    address: String,
    #[serde(rename = "productId")]
    product: String,
    #[serde(rename = "skuId")]
    sku: String,
}

impl Page for LicensePage {
    type Item = WireLicense;
    fn split(self) -> (Vec<WireLicense>, Option<String>) {
        (self.items, self.next_page_token)
    }
}

fn is_paid(license: &WireLicense) -> bool {
    !ALLOWED_SKUS.contains(&license.sku.as_str())
}

impl From<WireLicense> for PaidLicense {
    fn from(wire: WireLicense) -> Self {
        Self { address: wire.address.to_ascii_lowercase(), product: wire.product, sku: wire.sku }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_absent_for_ten_minutes_and_no_other() {
        let (absent, seen) = (Absent::default(), Timestamp::UNIX_EPOCH);
        absent.note(PaidProduct::Essentials, seen);
        let check = |product, seconds, expected| {
            assert_eq!(
                absent.is_absent(product, seen + SignedDuration::from_secs(seconds)),
                expected,
                "{seconds}"
            );
        };
        check(PaidProduct::Essentials, 0, true);
        check(PaidProduct::Essentials, 599, true);
        check(PaidProduct::Essentials, 600, false);
        check(PaidProduct::Essentials, -1, false);
        check(PaidProduct::CloudIdentityPremium, 0, false);
    }

    #[test]
    fn everything_but_the_free_edition_counts_as_paid() {
        let license = |sku: &str| WireLicense {
            address: "Asa@X.se".to_owned(),
            product: "Google-Apps".to_owned(),
            sku: sku.to_owned(),
        };
        assert!(!is_paid(&license("1010010001")));
        assert!(is_paid(&license("1010020027")) && is_paid(&license("never-seen-before")));
        assert_eq!(PaidLicense::from(license("1010020027")).address, "asa@x.se");
    }
}
