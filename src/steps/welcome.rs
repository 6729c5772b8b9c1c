//! The engineer was told: one letter with every account. The letter's name follows from the engineer and the revision, so that a letter
//! that is sent again after a lost answer is recognisably the same. Not here: the words (`mail/welcome`).

use super::{Context, Outcome, Sheet, Site, Step};
use crate::mail::{AccountKind, Letter, MailError, MessageId, ReadyAccount, Welcome, welcome};
use crate::model::enrollment::{Enrollment, State, Target, TargetKind, Want};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, DomainName, EngineerKey};
use crate::model::person::{Language, Locale};
use crate::model::plan::StepName;
use crate::model::transition::Ensured;
use std::fmt::Write as _;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Welcome,
    scope: TargetKind::Engineer,
    summary: "the engineer was told",
    seals_credential: false,
    ensure: |cx| Box::pin(ensure(cx)),
};

async fn ensure(cx: &Context<'_>) -> Outcome {
    let ready = ready(cx).await?;
    let letter = letter(cx, &ready)?;
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

fn letter(cx: &Context<'_>, ready: &[ReadyAccount]) -> Result<Letter, Failure> {
    let sheet = cx.sheet()?;
    let contact = cx.contact()?;
    if ready.is_empty() {
        return Err(Failure::needs(Who::Hr, FailureCode::ScopeMismatch));
    }
    let language = language(sheet.person.locale.as_ref(), cx.house.letters_language);
    let wording = welcome(&Welcome {
        name: sheet.person.name.given.as_str(),
        language,
        ready,
        contact,
        portal: &cx.house.portal,
    });
    Ok(Letter {
        message_id: message_id(&sheet.engineer.key, sheet.engineer.stated.goal.revision),
        date: cx.now(),
        to: contact.clone(),
        language,
        subject: wording.subject,
        text: wording.text,
    })
}

/// The language HR asked for, else the house's own.
fn language(asked_for: Option<&Locale>, house: Language) -> Language {
    asked_for.map_or(house, Locale::language)
}

/// The engineer's accounts in the domains that are wanted, once each of those has settled: a domain may have come since this row was
/// opened, and the letter, which names every account, is sent once only.
async fn ready(cx: &Context<'_>) -> Result<Vec<ReadyAccount>, Failure> {
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
            ready.push(ReadyAccount { address, domain: domain.clone(), kind, case_alerts });
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

fn message_id(key: &EngineerKey, revision: u64) -> MessageId {
    let hex = key.as_str().bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every text");
        text
    });
    MessageId::parse(&format!("welcome.{hex}.{revision}@carepass.invalid"))
        .expect("hexadecimal digits and numbers fit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::person::LanguageTag;

    #[test]
    fn the_house_speaks_where_hr_does_not_say() {
        let check = |asked_for: Option<&str>, house: Language, expected: Language| {
            let locale = asked_for.map(|tag| Locale::from(LanguageTag::parse(tag).unwrap()));
            assert_eq!(language(locale.as_ref(), house), expected, "{asked_for:?}");
        };
        check(None, Language::English, Language::English);
        check(None, Language::Swedish, Language::Swedish);
        check(Some("en"), Language::Swedish, Language::English);
        check(Some("sv"), Language::English, Language::Swedish);
        check(Some("de"), Language::Swedish, Language::English);
    }
}
