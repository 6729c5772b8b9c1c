//! Guard 1: nothing is written to an account that is not provably this engineer's own. Pure: it judges what was read.
//! Not here: the read of the account with the known id that must come before, and how fresh it must be (`steps`).

use super::directory::Account;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, CustomerId, EngineerKey, MailAddress};

/// What an account must be to be ours.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its primary address; an alias will not do.
    pub address: &'a Address,
    /// Whose marker it carries.
    pub engineer: &'a EngineerKey,
    /// The pinned customer.
    pub customer: &'a CustomerId,
}

/// Whether the account is ours to write to. `role_allowed`: the caller has proved that the only role that the account
/// holds is the one that carepass gives. Errors: which guard stopped it; `account_settling` while Google does not say.
pub fn ours(account: &Account, expected: &Expected<'_>, role_allowed: bool) -> Result<(), Failure> {
    if account.primary_address != expected.address.to_string() {
        return Err(stop(FailureCode::AccountNotOurs, "the account's primary address is another"));
    }
    if account.marker.is_none() {
        return Err(stop(FailureCode::AccountNotOurs, "the account carries no marker of carepass"));
    }
    no_others(account, expected.engineer)?;
    unspoilt(account, expected.customer, role_allowed)
}

/// Whether an engineer's own account, which a person named by this address, may get the role: it needs no marker, and everything else
/// that our own accounts need; one that carepass made for another engineer is not this one's, whatever anybody says. Errors: as of
/// [`ours`].
pub fn home(
    account: &Account,
    address: &MailAddress,
    engineer: &EngineerKey,
    customer: &CustomerId,
    role_allowed: bool,
) -> Result<(), Failure> {
    if !is_primary(account, address) {
        return Err(stop(FailureCode::AccountNotOurs, "the account's primary address is not the one named"));
    }
    no_others(account, engineer)?;
    unspoilt(account, customer, role_allowed)
}

/// Whether the address is the account's own and no alias.
pub fn is_primary(account: &Account, address: &MailAddress) -> bool {
    account.primary_address.eq_ignore_ascii_case(address.as_str())
}

/// Not another engineer's.
fn no_others(account: &Account, engineer: &EngineerKey) -> Result<(), Failure> {
    match &account.marker {
        Some(marker) if marker != engineer.as_str() => {
            Err(stop(FailureCode::AccountNotOurs, "the account carries another engineer's marker"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The pinned customer's, not suspended, and nobody else's administrator.
fn unspoilt(account: &Account, pinned: &CustomerId, role_allowed: bool) -> Result<(), Failure> {
    match &account.customer {
        Some(customer) if customer == pinned => {}
        Some(_) => {
            return Err(stop(FailureCode::CustomerMismatch, "the account belongs to another customer"));
        }
        None => return Err(unknown("customerId")),
    }
    match account.is_admin {
        Some(false) => {}
        Some(true) => return Err(stop(FailureCode::AccountIsAdmin, "the account is a super administrator")),
        None => return Err(unknown("isAdmin")),
    }
    match account.is_delegated_admin {
        Some(false) => {}
        Some(true) if role_allowed => {}
        Some(true) => {
            return Err(stop(FailureCode::AccountIsAdmin, "the account administers something else"));
        }
        None => return Err(unknown("isDelegatedAdmin")),
    }
    match account.suspended {
        Some(false) => Ok(()),
        Some(true) => Err(stop(FailureCode::AccountSuspended, "somebody suspended the account")),
        None => Err(unknown("suspended")),
    }
}

fn stop(code: FailureCode, why: &str) -> Failure {
    Failure::needs(Who::Operator, code).with_detail(why)
}

/// Missing is unknown, never false: young accounts come without some of their fields.
fn unknown(field: &str) -> Failure {
    Failure::not_yet(FailureCode::AccountSettling).with_detail(&format!("Google does not say {field} yet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is otherwise.
    type Change = fn(&mut Account);

    fn account() -> Account {
        Account {
            id: "1".parse().unwrap(),
            primary_address: "asa.oberg@reseller-se.example".to_owned(),
            customer: Some("C01abc123".parse().unwrap()),
            marker: Some("E-1".to_owned()),
            is_admin: Some(false),
            is_delegated_admin: Some(false),
            suspended: Some(false),
            org_unit_path: Some("/Customer Care".to_owned()),
            aliases: BTreeSet::new(),
            name: None,
            created: None,
            last_login: None,
            deleted: None,
        }
    }

    /// Judges an account that is ours but for one change.
    fn judged(role_allowed: bool, change: impl FnOnce(&mut Account)) -> Result<(), FailureCode> {
        let address = Address {
            local_part: "asa.oberg".parse().unwrap(),
            domain: "reseller-se.example".parse().unwrap(),
        };
        let (engineer, customer) = ("E-1".parse().unwrap(), "C01abc123".parse().unwrap());
        let mut account = account();
        change(&mut account);
        let expected = Expected { address: &address, engineer: &engineer, customer: &customer };
        ours(&account, &expected, role_allowed).map_err(|failure| failure.code)
    }

    #[test]
    fn our_own_account_passes() {
        assert_eq!(judged(false, |_| ()), Ok(()));
    }

    #[test]
    fn trap_an_alias_of_somebody_else() {
        let change = |account: &mut Account| {
            account.primary_address = "boss@reseller-se.example".to_owned();
            account.aliases = BTreeSet::from(["asa.oberg@reseller-se.example".to_owned()]);
        };
        assert_eq!(judged(false, change), Err(FailureCode::AccountNotOurs));
    }

    #[test]
    fn trap_the_twin_in_another_domain() {
        let change =
            |account: &mut Account| account.primary_address = "asa.oberg@reseller-dk.example".to_owned();
        assert_eq!(judged(false, change), Err(FailureCode::AccountNotOurs));
    }

    #[test]
    fn trap_another_engineers_marker() {
        assert_eq!(
            judged(false, |account| account.marker = Some("E-10".to_owned())),
            Err(FailureCode::AccountNotOurs)
        );
    }

    #[test]
    fn trap_no_marker() {
        assert_eq!(judged(false, |account| account.marker = None), Err(FailureCode::AccountNotOurs));
    }

    #[test]
    fn trap_another_customer() {
        let change = |account: &mut Account| account.customer = Some("C09xyz987".parse().unwrap());
        assert_eq!(judged(false, change), Err(FailureCode::CustomerMismatch));
    }

    #[test]
    fn trap_a_super_administrator_even_when_our_role_is_allowed() {
        for role_allowed in [false, true] {
            assert_eq!(
                judged(role_allowed, |account| account.is_admin = Some(true)),
                Err(FailureCode::AccountIsAdmin)
            );
        }
    }

    #[test]
    fn trap_an_administrator_of_something_else() {
        let change = |account: &mut Account| account.is_delegated_admin = Some(true);
        assert_eq!(judged(false, change), Err(FailureCode::AccountIsAdmin));
        assert_eq!(judged(true, change), Ok(()), "our own role does not count");
    }

    #[test]
    fn trap_a_suspended_account() {
        assert_eq!(
            judged(true, |account| account.suspended = Some(true)),
            Err(FailureCode::AccountSuspended)
        );
    }

    #[test]
    fn missing_is_unknown_and_never_false() {
        let changes: [fn(&mut Account); 4] = [
            |account| account.customer = None,
            |account| account.is_admin = None,
            |account| account.is_delegated_admin = None,
            |account| account.suspended = None,
        ];
        for change in changes {
            assert_eq!(judged(true, change), Err(FailureCode::AccountSettling));
        }
    }

    #[test]
    fn an_engineers_own_account_needs_no_marker_and_all_the_rest() {
        let judged = |role_allowed: bool, change: fn(&mut Account)| {
            let (named, customer) =
                ("Asa.Oberg@reseller-se.example".parse().unwrap(), "C01abc123".parse().unwrap());
            let mut account = Account { marker: None, ..account() };
            change(&mut account);
            home(&account, &named, &"E-1".parse().unwrap(), &customer, role_allowed)
                .map_err(|failure| failure.code)
        };
        assert_eq!(judged(false, |_| ()), Ok(()));
        assert_eq!(judged(true, |account| account.is_delegated_admin = Some(true)), Ok(()));
        assert_eq!(judged(false, |account| account.marker = Some("E-1".into())), Ok(()));
        let stopped: [(Change, FailureCode); 7] = [
            (|account| account.marker = Some("E-10".into()), FailureCode::AccountNotOurs),
            (
                |account| account.primary_address = "boss@reseller-se.example".into(),
                FailureCode::AccountNotOurs,
            ),
            (|account| account.customer = Some("C09xyz987".parse().unwrap()), FailureCode::CustomerMismatch),
            (|account| account.is_admin = Some(true), FailureCode::AccountIsAdmin),
            (|account| account.is_delegated_admin = Some(true), FailureCode::AccountIsAdmin),
            (|account| account.suspended = Some(true), FailureCode::AccountSuspended),
            (|account| account.suspended = None, FailureCode::AccountSettling),
        ];
        for (change, code) in stopped {
            assert_eq!(judged(false, change), Err(code));
        }
    }
}
