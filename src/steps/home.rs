//! What steps ask about a home reseller, where engineers have accounts of their own and get the role only: whether the row is one of
//! those, and which account a person has named. Not here: the guard of such an account (`google/guard`).

use super::{Context, House, Sheet, Site};
use crate::model::enrollment::{Enrollment, EnrollmentId};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::MailAddress;

impl House {
    /// The place that an account which an order names is sealed for.
    pub fn home_account_place(id: &EnrollmentId) -> String {
        format!("{id}/home_account")
    }

    /// The engineer's own account: as an order for this row names it, else as the configuration does.
    pub fn home_account(&self, sheet: &Sheet, row: &Enrollment, site: &Site) -> Result<MailAddress, Failure> {
        if let Some(sealed) = &row.home_account {
            let plain = self.sealer.unseal(&sheet.data_key, &Self::home_account_place(&row.id), sealed).ok();
            let text = plain.as_deref().and_then(|plain| std::str::from_utf8(plain).ok());
            let named = text.and_then(|text| text.parse().ok());
            return named.ok_or_else(|| Failure::permanent(FailureCode::SealBroken));
        }
        let named = site.reseller.home_accounts.get(&sheet.engineer.key).cloned();
        named.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::HomeAccountMissing))
    }
}

impl Context<'_> {
    /// Whether the row's reseller account is the engineers' own: their accounts get the role and nothing else.
    pub fn is_home(&self) -> bool {
        self.site().is_ok_and(|site| site.reseller.home)
    }

    /// The engineer's own account, as a person named it.
    pub fn home_account(&self) -> Result<MailAddress, Failure> {
        self.house.home_account(self.sheet()?, self.row, self.site()?)
    }
}
