//! The engineer was told: one letter with every account. Not here: the words (`mail/welcome`), and the letter's name
//! (`mail/message_id`).

use super::{Context, House, Outcome, Sheet, Site, Step};
use crate::mail::{
    AccountKind, Handover as LetterHandover, HandoverWay, Letter, MailError, MessageId, Purpose,
    ReadyAccount, WebUrl, Welcome, WrappingToken, welcome,
};
use crate::model::enrollment::{Enrollment, State, Target, TargetKind, Want};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::handover::{Delivery, Handover};
use crate::model::id::{Address, DomainName};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Welcome,
    scope: TargetKind::Engineer,
    summary: "the engineer was told",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let engineer = cx.house.store.engineer(&cx.sheet()?.engineer.key).await;
    let engineer =
        engineer.ok().flatten().ok_or_else(|| Failure::transient(FailureCode::StoreUnavailable))?;
    let last = engineer.handover.as_deref();
    let ready: Vec<ReadyAccount> =
        ready(cx).await?.into_iter().map(|(row, account)| as_handed(last, &row, account)).collect();
    let letter = letter(cx, &ready, last)?;
    cx.house.mailer.send(&letter).await.map_err(|error| match error {
        MailError::Transient(fault) => {
            Failure::transient(FailureCode::MailUnavailable).with_detail(&fault.to_string())
        }
        MailError::Permanent(fault) => {
            Failure::needs(Who::Operator, FailureCode::MailRefused).with_detail(&fault.to_string())
        }
    })?;
    let mut ensured = Ensured { made: true, ..Ensured::default() };
    ensured.facts.domains = Some(ready.into_iter().map(|account| account.domain).collect());
    Ok(ensured)
}

fn letter(cx: &Context<'_>, ready: &[ReadyAccount], last: Option<&Handover>) -> Result<Letter, Failure> {
    let sheet = cx.sheet()?;
    let contact = cx.contact()?;
    if ready.is_empty() {
        return Err(Failure::needs(Who::Hr, FailureCode::ScopeMismatch));
    }
    let language = cx.house.language_of(&sheet.person);
    let secrets = last.map(|last| Secrets::of(cx, last)).transpose()?;
    let handovers = match (&secrets, last) {
        (Some(secrets), Some(last)) => secrets.handovers(last, ready),
        (None, _) | (_, None) => Vec::new(),
    };
    let wording = welcome(&Welcome {
        name: sheet.person.name.given.as_str(),
        language,
        ready,
        handovers: &handovers,
        contact,
        portal: &cx.house.portal,
    });
    let engineer = &sheet.engineer;
    let issue = last.map_or(0, |last| last.issue);
    let message_id = MessageId::of(Purpose::Welcome, &engineer.key, engineer.stated.goal.revision, issue);
    Ok(Letter::new(message_id, cx.now(), contact.clone(), language, wording))
}

/// What only the letter shows of an envelope.
struct Secrets {
    page: WebUrl,
    page_until: String,
    wrapped: Option<(WrappingToken, String)>,
}

impl Secrets {
    fn of(cx: &Context<'_>, last: &Handover) -> Result<Self, Failure> {
        let broken = || Failure::permanent(FailureCode::SealBroken);
        let sheet = cx.sheet()?;
        let token = cx.house.sealer.envelope_token(&sheet.engineer.key, last.issue);
        let page = format!("{}/envelope/{}", cx.house.handovers.public_url, token.expose_secret());
        let zone = sheet.engineer.stated.time_zone.time_zone();
        let until = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M (%Q)").to_string();
        let wrapped = match &last.wrapped {
            None => None,
            Some(wrapped) => {
                let place = House::wrapped_place(&sheet.engineer.key, last.issue);
                let plain = cx.house.sealer.unseal(&sheet.data_key, &place, &wrapped.token);
                let plain = plain.map_err(|_| broken())?;
                let text = std::str::from_utf8(&plain).map_err(|_| broken())?;
                let unusable = Failure::needs(Who::Operator, FailureCode::VaultRefused);
                Some((WrappingToken::parse(text).map_err(|_| unusable)?, until(wrapped.expires_at)))
            }
        };
        Ok(Self {
            page: WebUrl::parse(&page).map_err(|_| broken())?,
            page_until: until(last.expires_at),
            wrapped,
        })
    }

    /// Which way the first passwords of which accounts go.
    fn handovers(&self, last: &Handover, ready: &[ReadyAccount]) -> Vec<LetterHandover<'_>> {
        let ways = [Delivery::Link, Delivery::Vault, Delivery::Age, Delivery::Sso].map(|way| {
            let domains = last.domains(way);
            let is_new = |account: &&ReadyAccount| {
                account.kind == AccountKind::New && domains.contains(&account.domain)
            };
            let accounts: Vec<String> =
                ready.iter().filter(is_new).map(|account| account.address.clone()).collect();
            (!accounts.is_empty()).then(|| LetterHandover { way: self.way(way), accounts })
        });
        ways.into_iter().flatten().collect()
    }

    fn way(&self, way: Delivery) -> HandoverWay<'_> {
        match way {
            Delivery::Link => HandoverWay::Link { page: &self.page, expires_at: &self.page_until },
            Delivery::Vault => match &self.wrapped {
                Some((token, expires_at)) => HandoverWay::Vault { token, expires_at },
                None => HandoverWay::Administrator,
            },
            Delivery::Age => HandoverWay::Age,
            Delivery::Sso => HandoverWay::SingleSignOn,
        }
    }
}

/// An account whose first password was handed over before has one of its owner's by now.
fn as_handed(last: Option<&Handover>, row: &Enrollment, account: ReadyAccount) -> ReadyAccount {
    let way = last.and_then(|last| last.ways.get(&account.domain));
    let was_opened = way == Some(&Delivery::Link) && last.is_some_and(|last| last.opened_at.is_some());
    let is_older = way.is_none() && row.credential.is_none();
    match account.kind {
        AccountKind::New if was_opened || is_older => ReadyAccount { kind: AccountKind::Restored, ..account },
        AccountKind::New | AccountKind::Restored | AccountKind::Home => account,
    }
}

/// The engineer's accounts in the domains that are wanted, once each of those has settled: a domain may have come since this row was
/// opened, and the letter, which names every account, is sent once only.
pub(super) async fn ready(cx: &Context<'_>) -> Result<Vec<(Enrollment, ReadyAccount)>, Failure> {
    let sheet = cx.sheet()?;
    let rows = cx.house.store.enrollments_of(&sheet.engineer.key).await;
    let rows = rows.map_err(|_| Failure::transient(FailureCode::StoreUnavailable))?;
    let wanted = cx.roster.domains().filter(|(_, domain)| sheet.engineer.stated.scope.covers(domain));
    let mut ready = Vec::new();
    for (reseller, domain) in wanted {
        let target = Target::Domain(reseller.clone(), domain.clone());
        let row = rows.iter().find(|row| row.id.target() == target);
        let row = row
            .filter(|row| row.is_settled() && row.goal.want == Want::Present)
            .ok_or_else(|| unsettled(domain))?;
        let site = cx.house.sites.get(reseller);
        if let (State::Completed, Some(site)) = (&row.state, site)
            && let Some((address, kind)) = account(cx, sheet, row, site)?
        {
            let case_alerts = site.reseller.case_alerts;
            let account = ReadyAccount { address, domain: domain.clone(), kind, case_alerts };
            ready.push((row.clone(), account));
        }
    }
    Ok(ready)
}

/// The address of a row that is finished, and which password opens it.
fn account(
    cx: &Context<'_>,
    sheet: &Sheet,
    row: &Enrollment,
    site: &Site,
) -> Result<Option<(String, AccountKind)>, Failure> {
    if site.reseller.home {
        let named = cx.house.home_account(sheet, row, site)?;
        return Ok(Some((named.as_str().to_ascii_lowercase(), AccountKind::Home)));
    }
    let restored = row.facts.account.as_ref().is_some_and(|account| account.restored);
    let kind = if restored { AccountKind::Restored } else { AccountKind::New };
    let address = sheet.username.clone().zip(row.id.domain().cloned());
    Ok(address.map(|(local_part, domain)| (Address { local_part, domain }.to_string(), kind)))
}

fn unsettled(domain: &DomainName) -> Failure {
    Failure::needs(Who::Reseller, FailureCode::AccountsUnsettled).with_detail(domain.as_str())
}
