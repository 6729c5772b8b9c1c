//! Guard 1: nothing is written to an account that is not provably this engineer's own. Pure: it judges what was read.
//! Not here: the read of the account with the known id that must come before, and how fresh it must be (`steps`).

use super::directory::Account;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, CustomerId, EngineerKey, MailAddress};
use crate::planted::planted;

/// The reason of a suspension that an administrator made (`docs/GOOGLE.md` 56).
const BY_ADMINISTRATOR: &str = "ADMIN";

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
    marked(account, expected)?;
    unspoilt(account, expected.customer, role_allowed)
}

/// Whether access to the account is ours to end. More passes than at [`ours`]: a suspended account is on its way out, and whatever role it
/// holds besides is taken away with the rest. Never a super administrator, whom only a person may lock out. Errors: as of [`ours`].
pub fn leaving(account: &Account, expected: &Expected<'_>) -> Result<(), Failure> {
    marked(account, expected)?;
    of_customer(account, expected.customer)?;
    no_super_administrator(account)
}

/// The same for an account whose id the row knows, where the engineer's record, and with it the address, cannot be read. Errors: as of
/// [`ours`].
pub fn leaving_known(
    account: &Account,
    engineer: &EngineerKey,
    customer: &CustomerId,
) -> Result<(), Failure> {
    with_marker(account, engineer)?;
    of_customer(account, customer)?;
    no_super_administrator(account)
}

/// Whether carepass's role may be taken away from an engineer's own account, which a person named: as of [`home`], but whatever else it
/// holds, and whether it is suspended, is no hindrance. Errors: as of [`ours`].
pub fn leaving_home(
    account: &Account,
    address: &MailAddress,
    engineer: &EngineerKey,
    customer: &CustomerId,
) -> Result<(), Failure> {
    named(account, address, engineer)?;
    of_customer(account, customer)?;
    no_super_administrator(account)
}

/// Whether the account is ours to give back to an engineer who returns: what [`ours`] says, but that it may be suspended by an
/// administrator; never one that Google suspended. That carepass did it and nobody else is for the caller to know. Errors: as of [`ours`].
pub fn returning(account: &Account, expected: &Expected<'_>, role_allowed: bool) -> Result<(), Failure> {
    marked(account, expected)?;
    of_customer(account, expected.customer)?;
    nobodys_administrator(account, role_allowed)?;
    match (account.suspended, account.suspension_reason.as_deref()) {
        (Some(false), _) | (Some(true), Some(BY_ADMINISTRATOR)) => Ok(()),
        (Some(true), Some(_)) => {
            Err(stop(FailureCode::AccountSuspended, "Google itself suspended the account"))
        }
        (Some(true), None) => Err(unknown("suspensionReason")),
        (None, _) => Err(unknown("suspended")),
    }
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
    named(account, address, engineer)?;
    unspoilt(account, customer, role_allowed)
}

/// Whether the address is the account's own and no alias.
pub fn is_primary(account: &Account, address: &MailAddress) -> bool {
    account.primary_address.eq_ignore_ascii_case(address.as_str())
}

/// At the very address, and with the marker of this very engineer.
fn marked(account: &Account, expected: &Expected<'_>) -> Result<(), Failure> {
    if account.primary_address != expected.address.to_string() && !planted!(AliasPasses) {
        return Err(stop(FailureCode::AccountNotOurs, "the account's primary address is another"));
    }
    with_marker(account, expected.engineer)
}

/// With the marker of this very engineer.
fn with_marker(account: &Account, engineer: &EngineerKey) -> Result<(), Failure> {
    if account.marker.is_none() {
        return Err(stop(FailureCode::AccountNotOurs, "the account carries no marker of carepass"));
    }
    no_others(account, engineer)
}

/// At the very address that a person named, and no other engineer's.
fn named(account: &Account, address: &MailAddress, engineer: &EngineerKey) -> Result<(), Failure> {
    if !is_primary(account, address) {
        return Err(stop(FailureCode::AccountNotOurs, "the account's primary address is not the one named"));
    }
    no_others(account, engineer)
}

/// Not another engineer's.
fn no_others(account: &Account, engineer: &EngineerKey) -> Result<(), Failure> {
    match &account.marker {
        Some(marker) if marker != engineer.as_str() && !planted!(MarkerNotCompared) => {
            Err(stop(FailureCode::AccountNotOurs, "the account carries another engineer's marker"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The pinned customer's, not suspended, and nobody else's administrator.
fn unspoilt(account: &Account, pinned: &CustomerId, role_allowed: bool) -> Result<(), Failure> {
    of_customer(account, pinned)?;
    nobodys_administrator(account, role_allowed)?;
    match account.suspended {
        Some(false) => Ok(()),
        Some(true) if planted!(SuspendedPasses) => Ok(()),
        Some(true) => Err(stop(FailureCode::AccountSuspended, "somebody suspended the account")),
        None => Err(unknown("suspended")),
    }
}

fn of_customer(account: &Account, pinned: &CustomerId) -> Result<(), Failure> {
    match &account.customer {
        Some(customer) if customer == pinned || planted!(CustomerNotCompared) => Ok(()),
        Some(_) => Err(stop(FailureCode::CustomerMismatch, "the account belongs to another customer")),
        None => Err(unknown("customerId")),
    }
}

fn no_super_administrator(account: &Account) -> Result<(), Failure> {
    match account.is_admin {
        Some(false) => Ok(()),
        Some(true) if planted!(SuperAdministratorPasses) => Ok(()),
        Some(true) => Err(stop(FailureCode::AccountIsAdmin, "the account is a super administrator")),
        None => Err(unknown("isAdmin")),
    }
}

fn nobodys_administrator(account: &Account, role_allowed: bool) -> Result<(), Failure> {
    no_super_administrator(account)?;
    match account.is_delegated_admin {
        Some(false) => Ok(()),
        Some(true) if role_allowed => Ok(()),
        Some(true) => Err(stop(FailureCode::AccountIsAdmin, "the account administers something else")),
        None => Err(unknown("isDelegatedAdmin")),
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
    use crate::planted::{Bug, caught};
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
            suspension_reason: None,
            archived: None,
            two_step_enrolled: None,
            two_step_enforced: None,
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
            let (named, customer) =
                ("asa.oberg@reseller-se.example".parse().unwrap(), "C01abc123".parse().unwrap());
            let mut account = Account { marker: None, ..account() };
            change(&mut account);
            let out = leaving_home(&account, &named, &"E-1".parse().unwrap(), &customer);
            let is_no_hindrance =
                account.suspended != Some(false) || account.is_delegated_admin == Some(true);
            let expected = if is_no_hindrance { Ok(()) } else { Err(code) };
            assert_eq!(out.map_err(|failure| failure.code), expected);
        }
    }

    /// What ends access, and what gives it back, of an account that is ours but for one change.
    fn judged_later(change: Change) -> (Result<(), FailureCode>, Result<(), FailureCode>) {
        let address = Address {
            local_part: "asa.oberg".parse().unwrap(),
            domain: "reseller-se.example".parse().unwrap(),
        };
        let (engineer, customer) = ("E-1".parse().unwrap(), "C01abc123".parse().unwrap());
        let mut account = account();
        change(&mut account);
        let expected = Expected { address: &address, engineer: &engineer, customer: &customer };
        let code = |judged: Result<(), Failure>| judged.map_err(|failure| failure.code);
        (code(leaving(&account, &expected)), code(returning(&account, &expected, false)))
    }

    #[test]
    fn trap_each_rule_of_leaving_and_of_returning() {
        let suspended_by = |account: &mut Account, reason: Option<&str>| {
            account.suspended = Some(true);
            account.suspension_reason = reason.map(str::to_owned);
        };
        assert_eq!(judged_later(|_| ()), (Ok(()), Ok(())));
        let both: [(Change, FailureCode); 8] = [
            (|account| account.marker = None, FailureCode::AccountNotOurs),
            (|account| account.marker = Some("E-10".into()), FailureCode::AccountNotOurs),
            (
                |account| account.primary_address = "boss@reseller-se.example".into(),
                FailureCode::AccountNotOurs,
            ),
            (|account| account.customer = Some("C09xyz987".parse().unwrap()), FailureCode::CustomerMismatch),
            (|account| account.customer = None, FailureCode::AccountSettling),
            (|account| account.is_admin = Some(true), FailureCode::AccountIsAdmin),
            (|account| account.is_admin = None, FailureCode::AccountSettling),
            (
                |account| (account.is_admin, account.suspended) = (Some(true), Some(true)),
                FailureCode::AccountIsAdmin,
            ),
        ];
        for (change, code) in both {
            assert_eq!(judged_later(change), (Err(code), Err(code)));
        }
        let passes_out: [(Change, Result<(), FailureCode>); 3] = [
            (|account| account.is_delegated_admin = Some(true), Err(FailureCode::AccountIsAdmin)),
            (|account| account.is_delegated_admin = None, Err(FailureCode::AccountSettling)),
            (|account| account.suspended = None, Err(FailureCode::AccountSettling)),
        ];
        for (change, back) in passes_out {
            assert_eq!(judged_later(change), (Ok(()), back));
        }
        for (reason, back) in [
            (Some("ADMIN"), Ok(())),
            (Some("ABUSE"), Err(FailureCode::AccountSuspended)),
            (None, Err(FailureCode::AccountSettling)),
        ] {
            let mut account = account();
            suspended_by(&mut account, reason);
            let address = Address {
                local_part: "asa.oberg".parse().unwrap(),
                domain: "reseller-se.example".parse().unwrap(),
            };
            let (engineer, customer) = ("E-1".parse().unwrap(), "C01abc123".parse().unwrap());
            let expected = Expected { address: &address, engineer: &engineer, customer: &customer };
            assert_eq!(leaving(&account, &expected), Ok(()));
            let judged = returning(&account, &expected, false).map_err(|failure| failure.code);
            assert_eq!(judged, back, "{reason:?}");
        }
    }

    #[test]
    fn planted_any_customer_will_do() {
        caught(Bug::CustomerNotCompared, trap_another_customer);
    }
}
