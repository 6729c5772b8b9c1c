//! `GET /v1/resellers/{reseller}/address-map.csv?domain=`: the engineers' new addresses and their main ones, as Gmail's recipient address map
//! takes them (`docs/GOOGLE.md` 33). Only accounts that carepass knows as its own: a line for an address that is somebody else's would
//! redirect a stranger's mail. Personal data: made on demand, for operators, and kept nowhere. Not here: uploading it, for which there
//! is no API.

use super::Api;
use super::extract::{Asked, Named};
use super::problem::{Problem, ProblemKind};
use crate::model::enrollment::{Enrollment, State as RowState, Want};
use crate::model::id::{DomainName, EngineerKey, ResellerName};
use crate::model::reseller::Reseller;
use crate::planted::planted;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;
use std::sync::Arc;

/// Google takes no more lines.
const LINES_MAX: usize = 5_000;

/// Engineers read from the store at a time.
const PAGE: usize = 200;

/// One line for each account that carepass made in the reseller account, `new address,main address`; none for a home reseller. With a domain, those
/// of the task of that domain.
pub(super) async fn address_map(
    State(api): State<Arc<Api>>,
    named: Named,
    asked: Asked,
) -> Result<Response, Problem> {
    let reseller: ResellerName = named.get("reseller")?;
    let domain: Option<DomainName> = asked.only(&["domain"])?.get("domain")?;
    let Some(site) = api.engine.house().sites.get(&reseller) else {
        return Err(ProblemKind::NotFound.into());
    };
    let (mut map, mut count) = (String::new(), 0);
    let mut after: Option<EngineerKey> = None;
    loop {
        let page = api.engine.house().store.engineers(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for engineer in &page {
            let lines = lines(&api, &engineer.key, &site.reseller, domain.as_ref()).await?;
            for (address, contact) in lines.into_iter().filter(|(_, contact)| is_plain(contact)) {
                count += 1;
                if count > LINES_MAX {
                    let detail =
                        format!("more than {LINES_MAX} addresses, which Google does not take; use a rule");
                    return Err(Problem::invalid("reseller", detail));
                }
                // Addresses hold neither commas nor quotes.
                let _ = writeln!(map, "{address},{contact}\r");
            }
        }
    }
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"address-map.csv\""),
    ];
    Ok((headers, map).into_response())
}

/// The lines of an engineer. Whoever has no name or no main address yet, or cannot be unsealed, is left out.
async fn lines(
    api: &Api,
    key: &EngineerKey,
    reseller: &Reseller,
    domain: Option<&DomainName>,
) -> Result<Vec<(String, String)>, Problem> {
    let rows = api.engine.house().store.enrollments_of(key).await?;
    let asked_for = |row: &&Enrollment| domain.is_none_or(|domain| row.id.domain() == Some(domain));
    let here: Vec<&Enrollment> =
        rows.iter().filter(|row| is_mapped(row, reseller)).filter(asked_for).collect();
    if here.is_empty() {
        return Ok(Vec::new());
    }
    let Some(sheet) = super::api::sheet(api, key).await? else { return Ok(Vec::new()) };
    let Some((name, contact)) = sheet.username.zip(sheet.person.contact_email) else { return Ok(Vec::new()) };
    let domains = here.into_iter().filter_map(|row| row.id.domain());
    Ok(domains.map(|domain| (format!("{name}@{domain}"), contact.to_string())).collect())
}

/// Whether a spreadsheet that is shown the address takes it for text. Google would not take a mark in front of it, so a line with another one
/// is left out.
fn is_plain(address: &str) -> bool {
    !address.starts_with(['=', '+', '-', '@']) || planted!(FormulaIsMapped)
}

/// Whether the row's address is known to lead to an account of the engineer's that carepass made.
fn is_mapped(row: &Enrollment, reseller: &Reseller) -> bool {
    let is_ours = row.facts.account.as_ref().is_some_and(|account| !account.home);
    !reseller.home
        && row.id.reseller() == Some(&reseller.name)
        && row.goal.want == Want::Present
        && !matches!(row.state, RowState::Cancelled { .. })
        && is_ours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{AccountFact, Goal};
    use crate::model::reseller::{CaseAlerts, DomainChoice, LicenseMode, Removal, RoleChoice, TwoStepGate};
    use crate::planted::{Bug, caught};
    use jiff::Timestamp;
    use std::collections::{BTreeMap, BTreeSet};

    fn reseller(home: bool) -> Reseller {
        Reseller {
            name: "nordic-se".parse().unwrap(),
            customer: "C01abc123".parse().unwrap(),
            admin: "robot@reseller-se.example".parse().unwrap(),
            domains: DomainChoice::Discover,
            org_unit: "/Customer Care".parse().unwrap(),
            license: LicenseMode::Auto,
            role: RoleChoice::ResellerAdmin { privileges: BTreeSet::new() },
            case_alerts: CaseAlerts::Redirect,
            auto_licensing_off: None,
            free_subscription: None,
            case_alert_route: None,
            two_step_policy: None,
            seats: None,
            removable_licenses: BTreeSet::new(),
            home,
            handover: crate::model::handover::Delivery::default(),
            home_accounts: BTreeMap::new(),
            removal: Removal::Suspend,
            two_step: TwoStepGate::default(),
            profiles: BTreeMap::new(),
        }
    }

    fn row(id: &str, want: Want) -> Enrollment {
        let now = Timestamp::UNIX_EPOCH;
        let mut row = Enrollment::open(id.parse().unwrap(), Goal { want, revision: 1 }, now);
        let id = "1".parse().unwrap();
        row.facts.account = Some(AccountFact {
            id,
            since: now,
            read_at: now,
            restored: false,
            home: false,
            suspended_by_us: None,
            given: BTreeSet::new(),
        });
        row
    }

    /// A local part may begin so (RFC 5322, 3.2.3); what was stored once may, too.
    #[test]
    fn an_address_that_a_spreadsheet_would_carry_out_has_no_line() {
        for (address, expected) in [
            ("ada@hr.example", true),
            ("_ada@hr.example", true),
            ("=cmd|'/c'!A1@hr.example", false),
            ("+1+1@hr.example", false),
            ("-1@hr.example", false),
        ] {
            assert_eq!(is_plain(address), expected, "{address}");
        }
    }

    #[test]
    fn planted_formulas_have_a_line() {
        caught(Bug::FormulaIsMapped, an_address_that_a_spreadsheet_would_carry_out_has_no_line);
    }

    /// An address that is somebody else's, or nobody's yet, has no line.
    #[test]
    fn only_an_account_that_is_known_as_ours_is_mapped() {
        let here = || row("domain/E-1/nordic-se/a.se", Want::Present);
        let mut unknown = here();
        unknown.facts.account = None;
        let mut cancelled = here();
        cancelled.state = RowState::Cancelled { reason: "the address is another's".into() };
        let mut own = here();
        own.facts.account.as_mut().unwrap().home = true;
        for (row, expected) in [
            (here(), true),
            (unknown, false),
            (cancelled, false),
            (own, false),
            (row("domain/E-1/nordic-se/a.se", Want::Absent), false),
            (row("domain/E-1/nordic-dk/a.dk", Want::Present), false),
        ] {
            assert_eq!(is_mapped(&row, &reseller(false)), expected, "{row:?}");
            assert!(!is_mapped(&row, &reseller(true)), "{row:?}");
        }
    }
}
