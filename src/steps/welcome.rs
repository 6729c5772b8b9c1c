//! The engineer was told: one letter with every account. Not here: the words (`mail/welcome`), and the letter's name
//! (`mail/message_id`).

use super::handed::{self, Secrets, as_handed};
use super::{Context, Cost, House, Outcome, Sheet, Site, Step, letters};
use crate::mail::{
    self, AccountKind, BeforeRole, Letter, MessageId, Purpose, ReadyAccount, Welcome, welcome,
};
use crate::model::enrollment::{Enrollment, State, Target, TargetKind, Want};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::handover::Handover;
use crate::model::id::{Address, DomainName};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Welcome,
    scope: TargetKind::Engineer,
    summary: "the engineer was told",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let Accounts { ready, waiting, last, rows: _ } = accounts(cx).await?;
    let mut ensured = Ensured { made: true, ..Ensured::default() };
    if !waiting.is_empty() {
        letters::send(cx.house, &before_role(cx, &waiting, last.as_deref())?).await?;
        ensured.facts.told_early = Some(true);
        return Ok(ensured);
    }
    letters::send(cx.house, &letter(cx, &ready, last.as_deref())?).await?;
    ensured.facts.told_early = Some(false);
    // Where nobody else is to be told, all is open with this letter.
    if letters::manager(cx.house, cx.sheet()?).is_none() {
        ensured.also.insert(StepName::Together);
    }
    ensured.facts.domains = Some(ready.into_iter().map(|account| account.domain).collect());
    Ok(ensured)
}

/// The letter while the role waits for 2-Step Verification.
fn before_role(
    cx: &Context<'_>,
    waiting: &[ReadyAccount],
    last: Option<&Handover>,
) -> Result<Letter, Failure> {
    let (sheet, contact) = (cx.sheet()?, cx.contact()?);
    let language = letters::language(cx.house, sheet);
    let starts = letters::first_day(cx.house, sheet, language);
    let secrets = last.map(|last| Secrets::of(cx, last)).transpose()?;
    let wording = mail::before_role(&BeforeRole {
        name: sheet.person.name.given.as_str(),
        language,
        accounts: waiting,
        handovers: &secrets
            .iter()
            .zip(last)
            .flat_map(|(secrets, last)| secrets.handovers(last, waiting))
            .collect::<Vec<_>>(),
        starts: starts.as_deref(),
        again: false,
        role_given: false,
    });
    let engineer = &sheet.engineer;
    let message_id =
        MessageId::of(Purpose::BeforeRole, &engineer.key, engineer.stated.goal.revision, issue(last));
    Ok(Letter::new(message_id, cx.now(), contact.clone(), language, wording))
}

/// The letter with every account.
pub(super) fn letter(
    cx: &Context<'_>,
    ready: &[ReadyAccount],
    last: Option<&Handover>,
) -> Result<Letter, Failure> {
    let sheet = cx.sheet()?;
    let contact = cx.contact()?;
    if ready.is_empty() {
        return Err(Failure::needs(Who::Hr, FailureCode::ScopeMismatch));
    }
    let language = letters::language(cx.house, sheet);
    let secrets = last.map(|last| Secrets::of(cx, last)).transpose()?;
    let wording = welcome(&Welcome {
        name: sheet.person.name.given.as_str(),
        language,
        ready,
        handovers: &secrets
            .iter()
            .zip(last)
            .flat_map(|(secrets, last)| secrets.handovers(last, ready))
            .collect::<Vec<_>>(),
        contact,
        portal: &cx.house.portal,
    });
    let engineer = &sheet.engineer;
    let message_id =
        MessageId::of(Purpose::Welcome, &engineer.key, engineer.stated.goal.revision, issue(last));
    Ok(Letter::new(message_id, cx.now(), contact.clone(), language, wording))
}

/// A letter that names another envelope is another letter.
fn issue(last: Option<&Handover>) -> u32 {
    last.map_or(0, |last| last.issue)
}

/// An engineer's accounts.
pub(super) struct Accounts {
    /// Those that are finished.
    pub ready: Vec<ReadyAccount>,
    /// Those whose role waits for 2-Step Verification.
    pub waiting: Vec<ReadyAccount>,
    /// The rows of both.
    pub rows: Vec<Enrollment>,
    /// The last envelope with first passwords.
    pub last: Option<Box<Handover>>,
}

/// The engineer's accounts in the domains that are wanted, once each of those has settled or waits for the engineer: a domain may have
/// come since this row was opened, and the letter, which names every account, is sent once only.
pub(super) async fn accounts(cx: &Context<'_>) -> Result<Accounts, Failure> {
    let sheet = cx.sheet()?;
    let rows = cx.house.store.enrollments_of(&sheet.engineer.key).await;
    let rows = rows.map_err(|_| Failure::transient(FailureCode::StoreUnavailable))?;
    let wanted = cx.roster.domains().filter(|(_, domain)| sheet.engineer.stated.scope.covers(domain));
    let last = handed::last(cx).await?;
    let (mut ready, mut waiting, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for (reseller, domain) in wanted {
        let target = Target::Domain(reseller.clone(), domain.clone());
        let row = rows.iter().find(|row| row.id.target() == target);
        let is_gated = row.is_some_and(Enrollment::waits_for_two_step);
        let row = row
            .filter(|row| row.is_settled() && row.goal.want == Want::Present || is_gated)
            .ok_or_else(|| unsettled(domain))?;
        let Some(site) = cx.house.sites.get(reseller) else { continue };
        if (row.state == State::Completed || is_gated)
            && let Some((address, kind)) = account(cx.house, sheet, row, site)?
        {
            let case_alerts = site.reseller.case_alerts;
            let kept = if is_gated { &mut waiting } else { &mut ready };
            let account = ReadyAccount { address, domain: domain.clone(), kind, case_alerts };
            kept.push(as_handed(last.as_deref(), row, account));
            held.push(row.clone());
        }
    }
    Ok(Accounts { ready, waiting, rows: held, last })
}

/// The address of a row that has its account, and which password opens it.
pub(super) fn account(
    house: &House,
    sheet: &Sheet,
    row: &Enrollment,
    site: &Site,
) -> Result<Option<(String, AccountKind)>, Failure> {
    if site.reseller.home {
        let named = house.home_account(sheet, row, site)?;
        return Ok(Some((named.as_str().to_ascii_lowercase(), AccountKind::Home)));
    }
    let restored = row.facts.account.as_ref().is_some_and(|account| account.restored);
    let kind = if restored { AccountKind::Restored } else { AccountKind::New };
    let address = sheet.username.clone().zip(row.id.domain().cloned());
    Ok(address.map(|(local_part, domain)| (Address { local_part, domain }.to_string(), kind)))
}

/// A domain is not as far as it must be.
pub(super) fn unsettled(domain: &DomainName) -> Failure {
    Failure::needs(Who::Reseller, FailureCode::AccountsUnsettled).with_detail(domain.as_str())
}
