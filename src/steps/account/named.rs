//! At a home reseller the engineer has an account already, and a person has said which: by configuration or by an order. It is looked
//! for under that address, and nothing is made or changed.
//! Not here: giving it the role (`role`), and finding an account by the engineer's name, which never happens.

use crate::google::guard;
use crate::model::enrollment::AccountFact;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::transition::Ensured;
use crate::steps::{Context, Outcome};

pub(super) async fn ensure(cx: &Context<'_>) -> Outcome {
    let (site, named) = (cx.site()?, cx.home_account()?);
    let checked = cx.reseller_row.and_then(|row| row.facts.customer.as_ref());
    if checked != Some(&site.reseller.customer) {
        return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
    }
    let domain = cx.row.id.domain().map_or("", |domain| domain.as_str());
    let within = named.as_str().rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain));
    if !within {
        return Err(missing("the account that is named is of another domain"));
    }
    let account = site.google.account_by_named(&named).await?;
    let account = account.ok_or_else(|| missing("no account has the address that is named"))?;
    if !guard::is_primary(&account, &named) {
        return Err(missing("the address that is named is an alias of another account"));
    }
    cx.check_ours(&account).await?;
    let now = cx.now();
    let known = cx.row.facts.account.as_ref().filter(|known| known.id == account.id);
    let given = known.map(|known| known.given.clone()).unwrap_or_default();
    let mut ensured = Ensured::default();
    ensured.facts.account = Some(AccountFact {
        id: account.id,
        since: now,
        read_at: now,
        restored: false,
        home: true,
        suspended_by_us: None,
        given,
    });
    Ok(ensured)
}

fn missing(why: &str) -> Failure {
    Failure::needs(Who::Operator, FailureCode::HomeAccountMissing).with_detail(why)
}
