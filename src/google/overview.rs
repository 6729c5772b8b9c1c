//! What only a look at the whole account asks for: its administrator and its free licences.
//! Not here: what is thought of it (`app/flight`). Nothing here writes.

use super::Google;
use super::directory::Account;
use super::licensing::Listed;
use super::pages::{List, Page};
use super::request::UserKey;
use crate::model::failure::Failure;
use serde::Deserialize;

impl Google {
    /// The administrator that carepass acts as, if there is an account under that address.
    pub async fn administrator(&self) -> Result<Option<Account>, Failure> {
        self.account(UserKey::Named(self.shared.tokens.admin())).await
    }

    /// How many accounts hold Cloud Identity Free by assignment; none where Google lists none, as where it comes with the site.
    pub async fn free_licenses(&self) -> Result<Option<usize>, Failure> {
        let listed = self.pages_if_there::<CountPage>(List::Licenses { product: Listed::Free }).await?;
        Ok(listed.map(|items| items.len()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountPage {
    #[serde(default)]
    items: Vec<serde::de::IgnoredAny>,
    next_page_token: Option<String>,
}

impl Page for CountPage {
    type Item = serde::de::IgnoredAny;
    fn split(self) -> (Vec<serde::de::IgnoredAny>, Option<String>) {
        (self.items, self.next_page_token)
    }
}
