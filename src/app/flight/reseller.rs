//! One reseller account, as the flight check sees it: what its set-up will find, asked for without making anything.
//! Not here: what engineers have there, and what a person has to confirm (`words`).

mod words;

use super::{Finding, Grade};
use crate::clock::Clock;
use crate::google::Account;
use crate::google::call::Scope;
use crate::google::role::{self, Chosen, Role};
use crate::model::event::Profile;
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, DomainName, MailAddress};
use crate::model::message::Place;
use crate::model::reseller::{DomainChoice, LicenseMode, RoleChoice};
use crate::steps::Site;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// From here on the clocks differ enough to be said, and enough to be refused.
const CLOCK_WARNING: SignedDuration = SignedDuration::from_secs(30);
const CLOCK_FAULT: SignedDuration = SignedDuration::from_mins(5);

/// Seats left below which somebody should know: a share of all, and a number.
const SEATS_LEFT_PERCENT: usize = 5;
const SEATS_LEFT: usize = 5;

/// Looks at the account. Where Google is not reached, the rest is not asked for: each question would wait as long.
pub(super) async fn look(site: &Site, clock: &Clock) -> Vec<Finding> {
    let look = Look { site, clock, place: place(site) };
    let mut found = look.scopes().await;
    if found.iter().all(Finding::is_out_of_reach) {
        return found;
    }
    found.push(look.administrator().await);
    found.push(look.customer().await);
    found.push(look.domains().await);
    found.extend(look.roles().await);
    found.push(look.licenses().await);
    // Where engineers have accounts of their own none is made, and nothing has to be so before that.
    if !site.reseller.home {
        found.push(look.org_unit().await);
        found.push(look.seats().await);
        found.extend(look.words().await);
    }
    found.push(clocks(site.google.clock_ahead(), &look));
    found
}

struct Look<'a> {
    site: &'a Site,
    clock: &'a Clock,
    place: Place,
}

impl Look<'_> {
    async fn scopes(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for scope in Scope::ALL {
            let name = format!("scope {}", scope.short_name());
            found.push(match self.opens(scope).await {
                Ok(()) => Finding::ok(&name, "delegated"),
                Err(failure) => self.failed(&name, &failure),
            });
            if found.first().is_some_and(Finding::is_out_of_reach) {
                return found;
            }
        }
        for scope in Scope::OPTIONAL {
            let name = format!("scope {}", scope.short_name());
            found.push(match self.site.google.probe(scope).await {
                Ok(()) => Finding::ok(&name, "delegated (optional)"),
                Err(failure) if failure.code == FailureCode::DelegationMissing => {
                    let said =
                        "not delegated; optional: what it would show stays unknown, nothing else stops";
                    let advice = format!("add {} to the delegation if carepass is to see it", scope.url());
                    Finding::new(&name, Grade::Warning, said).advising(&advice)
                }
                Err(failure) => self.failed(&name, &failure),
            });
        }
        found
    }

    /// Asks for a token, and where no other look does so the API itself: it may be switched off in the project of the service account.
    async fn opens(&self, scope: Scope) -> Result<(), Failure> {
        self.site.google.probe(scope).await?;
        if scope == Scope::Invitations
            && !self.site.reseller.home
            && let Some(address) = address_of(&self.site.reseller.admin)
        {
            self.site.google.is_invitable(&address).await?;
        }
        Ok(())
    }

    async fn administrator(&self) -> Finding {
        let name = "super admin";
        match self.site.google.administrator().await {
            Ok(account) => judged(account.as_ref(), self.site.reseller.admin.as_str()),
            Err(failure) => self.failed(name, &failure),
        }
    }

    async fn customer(&self) -> Finding {
        let (name, pinned) = ("customer id", &self.site.reseller.customer);
        match self.site.google.customer().await {
            Ok(customer) if customer.id == *pinned => Finding::ok(name, pinned.as_str()),
            Ok(customer) => {
                let failure = Failure::needs(Who::Operator, FailureCode::CustomerMismatch);
                self.failed(name, &failure.with_detail(customer.id.as_str()))
            }
            Err(failure) => self.failed(name, &failure),
        }
    }

    async fn domains(&self) -> Finding {
        let name = "domains";
        let (google, reseller) = (&self.site.google, &self.site.reseller);
        let found = match reseller.domains {
            DomainChoice::Discover if reseller.home => {
                google.primary_domain().await.map(|domain| domain.into_iter().collect())
            }
            DomainChoice::Discover | DomainChoice::These(_) => google.domains().await,
        };
        let found: BTreeSet<DomainName> = match found {
            Ok(found) => found,
            Err(failure) => return self.failed(name, &failure),
        };
        let listed = found.iter().map(DomainName::as_str).collect::<Vec<_>>().join(", ");
        let missing = match &reseller.domains {
            DomainChoice::Discover if found.is_empty() => Some("no verified domain".to_owned()),
            DomainChoice::Discover => None,
            DomainChoice::These(wanted) => wanted.difference(&found).next().map(ToString::to_string),
        };
        match missing {
            None => Finding::ok(name, listed),
            Some(missing) => {
                let failure = Failure::needs(Who::Operator, FailureCode::DomainNotFound);
                self.failed(name, &failure.with_detail(&missing))
            }
        }
    }

    async fn org_unit(&self) -> Finding {
        let (name, path) = ("organisational unit", &self.site.reseller.org_unit);
        match self.site.google.org_unit(path).await {
            Ok(Some(unit)) => Finding::ok(name, format!("{path} ({})", unit.id)),
            Ok(None) => Finding::ok(name, format!("{path}: not there yet; carepass makes it")),
            Err(failure) => self.failed(name, &failure),
        }
    }

    async fn roles(&self) -> Vec<Finding> {
        let listed = self.site.google.roles().await;
        let mut found = Vec::new();
        for (profile, choice) in self.site.reseller.roles() {
            let name = match profile {
                Profile::SupportCases => "role",
                Profile::ResellerAdmin => "role (reseller-admin)",
            };
            found.push(match &listed {
                Ok(roles) => self.role(name, choice, roles).await,
                Err(failure) => self.failed(name, failure),
            });
        }
        found
    }

    async fn role(&self, name: &'static str, choice: &RoleChoice, roles: &[Role]) -> Finding {
        match role::choose(choice, roles) {
            Ok(Chosen::Use(role)) => Finding::ok(
                name,
                format!("{} ({}), {} privileges, none unapproved", role.name, role.id, role.privileges.len()),
            ),
            Ok(Chosen::Create { name: role, privileges }) => Finding::ok(
                name,
                format!("{role}: not there yet; carepass makes it with {} privileges", privileges.len()),
            ),
            Ok(Chosen::Propose { name: role }) => self.failed(name, &self.proposal(&role, roles).await),
            Err(failure) => self.failed(name, &failure),
        }
    }

    /// What to pin, or why that cannot be said.
    async fn proposal(&self, name: &str, roles: &[Role]) -> Failure {
        let proposed = async {
            let anchor = role::anchor(roles)?;
            Ok(role::propose(name, anchor, &self.site.google.privileges().await?))
        };
        proposed.await.unwrap_or_else(|failure: Failure| failure)
    }

    async fn licenses(&self) -> Finding {
        let name = "licence mode";
        let mode = match self.site.reseller.license {
            LicenseMode::Auto => "auto",
            LicenseMode::Site => "site",
            LicenseMode::PerUser => "per-user",
        };
        let counted = async {
            Ok((self.site.google.free_licenses().await?, self.site.google.paid_licenses().await?.len()))
        };
        match counted.await {
            Ok((free, paid)) => {
                let free = match free {
                    Some(0) | None => "none assigned one by one".to_owned(),
                    Some(free) => format!("{free} assigned one by one"),
                };
                Finding::ok(name, format!("{mode}; Cloud Identity Free: {free}; paid licences: {paid}"))
            }
            Err(failure) => self.failed(name, &failure),
        }
    }

    async fn seats(&self) -> Finding {
        let name = "seats";
        let counted = async {
            let (users, deleted) =
                (self.site.google.accounts(false).await?, self.site.google.accounts(true).await?);
            Ok((users.len(), deleted.len()))
        };
        match counted.await {
            Ok((users, deleted)) => seats(users, deleted, self.site.reseller.seats),
            Err(failure) => self.failed(name, &failure),
        }
    }

    fn failed(&self, check: &str, failure: &Failure) -> Finding {
        Finding::failed(check, failure, &self.place, self.clock)
    }
}

/// An address that no private account has, to ask about.
fn address_of(admin: &MailAddress) -> Option<Address> {
    let admin = admin.as_str().to_ascii_lowercase();
    let (local_part, domain) = admin.rsplit_once('@')?;
    Some(Address { local_part: local_part.parse().ok()?, domain: domain.parse().ok()? })
}

fn place(site: &Site) -> Place {
    Place {
        reseller: Some(site.reseller.name.clone()),
        domain: None,
        step: None,
        look_again: None,
        time_zone: TimeZone::UTC,
    }
}

fn judged(account: Option<&Account>, address: &str) -> Finding {
    let fault = |why: &str, advice: &str| {
        let finding = Finding::new("super admin", Grade::Fault, format!("{address}: {why}")).advising(advice);
        Finding { code: Some(FailureCode::CredentialsRefused), ..finding }
    };
    let Some(account) = account else {
        return fault("no such account", "correct admin in the configuration, or make the account");
    };
    if account.suspended != Some(false) {
        fault(
            "suspended, or Google does not say",
            "restore the account in the Admin console, or name another",
        )
    } else if account.is_admin == Some(true) {
        Finding::ok("super admin", address)
    } else {
        fault("no super administrator", "give it the role of super administrator, or name another account")
    }
}

fn seats(users: usize, deleted: usize, seats: Option<u32>) -> Finding {
    let used = users + deleted;
    let counted = format!("{users} accounts and {deleted} deleted ones that still count");
    let Some(seats) = seats else {
        return Finding::new(
            "seats",
            Grade::Unknown,
            format!("{counted}; how many there are is not configured"),
        )
        .advising(
            "write seats = N under the reseller account, from Admin console > Billing > Subscriptions",
        );
    };
    let all = usize::try_from(seats).unwrap_or(usize::MAX);
    let left = all.saturating_sub(used);
    let said = format!("{left} of {all} left: {counted}");
    let advice = "ask Google for more seats in time, or delete accounts that nobody uses";
    if left == 0 {
        let finding = Finding::new("seats", Grade::Fault, said).advising(advice);
        Finding { code: Some(FailureCode::SeatsSpent), ..finding }
    } else if left < SEATS_LEFT.max(all * SEATS_LEFT_PERCENT / 100) {
        Finding::new("seats", Grade::Warning, said).advising(advice)
    } else {
        Finding::ok("seats", said)
    }
}

fn clocks(ahead: Option<SignedDuration>, look: &Look<'_>) -> Finding {
    let name = "clock";
    let Some(ahead) = ahead else {
        return Finding::new(name, Grade::Unknown, "no answer of Google's said the time");
    };
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let said = format!("{} s {side} Google's", ahead.abs().as_secs());
    let advice = "let the clock of this machine follow a time server";
    if ahead.abs() >= CLOCK_FAULT {
        let failure = Failure::needs(Who::Operator, FailureCode::ClockWrong).with_detail(&said);
        look.failed(name, &failure)
    } else if ahead.abs() >= CLOCK_WARNING {
        Finding::new(name, Grade::Warning, said).advising(advice)
    } else {
        Finding::ok(name, said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_that_run_out_are_said_in_time() {
        let check = |users, deleted, all, grade| {
            let finding = seats(users, deleted, all);
            assert_eq!(finding.grade, grade, "{finding:?}");
        };
        check(10, 0, None, Grade::Unknown);
        check(10, 0, Some(100), Grade::Ok);
        check(95, 0, Some(100), Grade::Ok);
        check(90, 6, Some(100), Grade::Warning);
        check(40, 6, Some(50), Grade::Warning);
        check(40, 10, Some(50), Grade::Fault);
        check(60, 0, Some(50), Grade::Fault);
    }

    #[test]
    fn only_an_active_super_administrator_will_do() {
        let account = |is_admin, suspended| Account {
            id: "1".parse().unwrap(),
            primary_address: "robot@x.se".to_owned(),
            customer: None,
            marker: None,
            is_admin,
            is_delegated_admin: None,
            suspended,
            suspension_reason: None,
            archived: None,
            two_step_enrolled: None,
            two_step_enforced: None,
            org_unit_path: None,
            aliases: BTreeSet::new(),
            name: None,
            created: None,
            last_login: None,
            deleted: None,
        };
        let check = |account: Option<Account>, grade| {
            assert_eq!(judged(account.as_ref(), "robot@x.se").grade, grade, "{account:?}");
        };
        check(Some(account(Some(true), Some(false))), Grade::Ok);
        check(Some(account(Some(false), Some(false))), Grade::Fault);
        check(Some(account(None, Some(false))), Grade::Fault);
        check(Some(account(Some(true), Some(true))), Grade::Fault);
        check(Some(account(Some(true), None)), Grade::Fault);
        check(None, Grade::Fault);
    }
}
