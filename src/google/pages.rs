//! Lists in pages: all of them or a failure. A part of a list counts as no read (guard 4).
//! Not here: what is in the lists.

use super::classify::Meaning;
use super::licensing::PaidProduct;
use super::request::Request;
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{AccountId, CustomerId};
use serde::de::DeserializeOwned;

/// More pages than any reseller has; a server that hands out page after page ends here.
const PAGES_MAX: usize = 200;

/// The lists that come in pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum List<'a> {
    Users { deleted: bool },
    Groups,
    Roles,
    Assignments { account: Option<&'a AccountId> },
    Licenses { product: PaidProduct },
}

/// One page of a list.
pub(super) trait Page: DeserializeOwned {
    /// What is listed.
    type Item;

    /// The items, and the token of the next page if there is one.
    fn split(self) -> (Vec<Self::Item>, Option<String>);
}

impl<'a> List<'a> {
    fn request(self, customer: &'a CustomerId, page: Option<&'a str>) -> Request<'a> {
        match self {
            Self::Users { deleted } => Request::ListUsers { customer, deleted, page },
            Self::Groups => Request::ListGroups { customer, page },
            Self::Roles => Request::ListRoles { customer, page },
            Self::Assignments { account } => Request::ListAssignments { customer, account, page },
            Self::Licenses { product } => Request::ListLicenses { customer, product, page },
        }
    }
}

impl Google {
    /// Reads every page. Google hands out empty pages with a token: only a missing token ends a list.
    pub(super) async fn all_pages<P: Page>(&self, list: List<'_>) -> Result<Vec<P::Item>, Failure> {
        let call = list.request(&self.shared.customer, None).call();
        self.pages_if_there::<P>(list).await?.ok_or_else(|| unexpected(call, Meaning::NotThere))
    }

    /// Reads every page, or says that what would be listed is not there.
    pub(super) async fn pages_if_there<P: Page>(
        &self,
        list: List<'_>,
    ) -> Result<Option<Vec<P::Item>>, Failure> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let request = list.request(&self.shared.customer, token.as_deref());
            let call = request.call();
            let outcome = self.ask(&request).await?;
            if token.is_none() && matches!(outcome, Outcome::Means(Meaning::NotThere)) {
                return Ok(None);
            }
            let page: P = outcome.done(call)?.decode(call)?;
            let (more, next) = page.split();
            items.extend(more);
            token = next.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(Some(items));
            }
        }
        Err(Failure::permanent(FailureCode::UnknownAnswer)
            .with_detail(&format!("a list of more than {PAGES_MAX} pages")))
    }
}
