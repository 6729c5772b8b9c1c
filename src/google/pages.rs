//! Lists in pages: all of them or a failure. A part of a list counts as no read (guard 4), so a client that was told to be patient asks
//! for a page again rather than give a long list up for one answer that went wrong.
//! Not here: what is in the lists.

use super::classify::Meaning;
use super::licensing::Listed;
use super::request::{AuditEvent, Request};
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode, FailureKind};
use crate::model::id::{AccountId, CustomerId};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// More pages than any reseller has; a server that hands out page after page ends here.
const PAGES_MAX: usize = 200;

/// How often a patient client asks for a page again.
const REPEATS_MAX: u32 = 4;

/// The first pause before that, where Google wishes none; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// A wish that is longer than this ends the list: whoever waits for it hears why.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The lists that come in pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum List<'a> {
    Users { deleted: bool },
    Groups,
    Roles,
    Assignments { account: Option<&'a AccountId> },
    Licenses { product: Listed },
    Policies,
    Activities { event: AuditEvent, since: Timestamp },
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
            Self::Policies => Request::ListPolicies { page },
            Self::Activities { event, since } => Request::ListActivities { event, since, page },
        }
    }
}

impl Google {
    /// The same client, but patient: a page that failed in passing is asked for again after a pause. For reads that no step waits for
    /// to its end.
    #[must_use]
    pub(super) fn patient(self) -> Self {
        Self { is_patient: true, ..self }
    }

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
            let (more, next) = match self.page::<P>(&request).await? {
                Some(page) => page.split(),
                None if token.is_none() => return Ok(None),
                None => return Err(unexpected(call, Meaning::NotThere)),
            };
            items.extend(more);
            token = next.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(Some(items));
            }
        }
        Err(Failure::permanent(FailureCode::UnknownAnswer)
            .with_detail(&format!("a list of more than {PAGES_MAX} pages")))
    }

    /// One page, or none if what it is about is not there; asked for again if it fails in passing and this client is patient.
    async fn page<P: Page>(&self, request: &Request<'_>) -> Result<Option<P>, Failure> {
        let repeats_max = if self.is_patient { REPEATS_MAX } else { 0 };
        for repeat in 0..repeats_max {
            match self.page_once(request).await {
                Ok(page) => return Ok(page),
                Err(failure) => tokio::time::sleep(pause(&failure, repeat).ok_or(failure)?).await,
            }
        }
        self.page_once(request).await
    }

    async fn page_once<P: Page>(&self, request: &Request<'_>) -> Result<Option<P>, Failure> {
        let call = request.call();
        match self.ask(request).await? {
            Outcome::Means(Meaning::NotThere) => Ok(None),
            outcome @ (Outcome::Done(_) | Outcome::Means(_)) => outcome.done(call)?.decode(call).map(Some),
        }
    }
}

/// How long to wait before a page is asked for again; none if that would be of no use, or too long.
fn pause(failure: &Failure, repeat: u32) -> Option<Duration> {
    let pause = match failure.kind {
        FailureKind::Transient | FailureKind::Throttled => {
            failure.retry_after_ms.map_or(PAUSE_MIN * 2_u32.pow(repeat), Duration::from_millis)
        }
        FailureKind::NotYet | FailureKind::Needs(_) | FailureKind::Permanent => return None,
    };
    (pause <= PAUSE_MAX).then_some(pause)
}
