//! Letters that more than one place sends: to an engineer's manager, and reminders. Each has a name that follows from what it is about,
//! so that one which is sent again after a lost answer is recognisably the same.
//! Not here: the words (`mail`), and when a letter is due (the steps, `engine/reminders`).

use super::{Context, House, Sheet};
use crate::mail::{
    self, BeforeRole, Closed, Letter, MailError, MessageId, Purpose, ReadyAccount, Report, Waiting, Wording,
};
use crate::model::calendar::moment;
use crate::model::enrollment::{Enrollment, State, Want};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::MailAddress;
use crate::model::message::{Place, explain, who_words};
use crate::model::person::{Language, Locale};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Sends a letter. Errors: the mail server does not answer, or a person has to change something.
pub async fn send(house: &House, letter: &Letter) -> Result<(), Failure> {
    house.mailer.send(letter).await.map_err(|error| match error {
        MailError::Transient(fault) => {
            Failure::transient(FailureCode::MailUnavailable).with_detail(&fault.to_string())
        }
        MailError::Permanent(fault) => {
            Failure::needs(Who::Operator, FailureCode::MailRefused).with_detail(&fault.to_string())
        }
    })
}

/// The language HR asked for, else the house's own.
pub fn language(house: &House, sheet: &Sheet) -> Language {
    sheet.person.locale.as_ref().map_or(house.letters_language, Locale::language)
}

/// The manager, if there is one and managers are written to.
pub fn manager<'a>(house: &House, sheet: &'a Sheet) -> Option<&'a MailAddress> {
    sheet.person.manager_email.as_ref().filter(|_| house.to_managers)
}

/// The first day as a phrase, if it is still to come.
pub fn first_day(house: &House, sheet: &Sheet, language: Language) -> Option<String> {
    let starts = sheet.engineer.stated.starts.filter(|starts| *starts > house.clock.now())?;
    Some(phrase(house, sheet, starts, language))
}

/// Reminds an engineer of 2-Step Verification for these rows. Errors: as [`send`], and `contact_missing`.
pub async fn remind_of_two_step(
    house: &House,
    sheet: &Sheet,
    rows: &[&Enrollment],
    reminder: u32,
) -> Result<(), Failure> {
    let contact = sheet.person.contact_email.as_ref();
    let contact = contact.ok_or_else(|| Failure::needs(Who::Hr, FailureCode::ContactMissing))?;
    let mut accounts = Vec::new();
    for row in rows {
        let site = row.id.reseller().and_then(|name| house.sites.get(name));
        let Some((site, domain)) = site.zip(row.id.domain()) else { continue };
        if let Some((address, kind)) = super::welcome::account(house, sheet, row, site)? {
            let case_alerts = site.reseller.case_alerts;
            accounts.push(ReadyAccount { address, domain: domain.clone(), kind, case_alerts });
        }
    }
    let language = language(house, sheet);
    let starts = first_day(house, sheet, language);
    let wording = mail::before_role(&BeforeRole {
        name: sheet.person.name.given.as_str(),
        language,
        accounts: &accounts,
        handovers: &[],
        starts: starts.as_deref(),
        again: true,
        role_given: !rows.iter().any(|row| row.waits_for_two_step()),
    });
    let letter = named(house, sheet, Purpose::BeforeRoleAgain, reminder, contact, language, wording);
    send(house, &letter).await
}

/// Tells the manager that every account is ready; answers whether there was one to tell.
pub async fn to_manager_ready(cx: &Context<'_>, ready: &[ReadyAccount]) -> Result<bool, Failure> {
    let (house, sheet) = (cx.house, cx.sheet()?);
    let Some(to) = manager(house, sheet) else { return Ok(false) };
    let addresses: Vec<String> = ready.iter().map(|account| account.address.clone()).collect();
    let name = whole_name(sheet);
    let report = Report { engineer: &name, language: house.letters_language };
    let starts = first_day(house, sheet, report.language);
    let wording = mail::manager_ready(report, &addresses, starts.as_deref());
    send(house, &named(house, sheet, Purpose::ManagerReady, 0, to, report.language, wording)).await?;
    Ok(true)
}

/// Tells the manager that the first day may come before the access, and what is waited for.
pub async fn to_manager_at_risk(
    house: &House,
    sheet: &Sheet,
    starts: Timestamp,
    rows: &[Enrollment],
) -> Result<bool, Failure> {
    let Some(to) = manager(house, sheet) else { return Ok(false) };
    let (name, language) = (whole_name(sheet), house.letters_language);
    let waiting: Vec<Waiting> = rows.iter().filter_map(|row| waits_for(house, row, language)).collect();
    let report = Report { engineer: &name, language };
    let wording = mail::manager_at_risk(report, &phrase(house, sheet, starts, language), &waiting);
    send(house, &named(house, sheet, Purpose::ManagerAtRisk, 0, to, language, wording)).await?;
    Ok(true)
}

/// Tells the manager that the access is gone, where and since when; for the engineer-wide row, once every domain is closed.
pub async fn to_manager_gone(cx: &Context<'_>) -> Result<bool, Failure> {
    let (house, sheet) = (cx.house, cx.sheet()?);
    let Some(to) = manager(house, sheet) else { return Ok(false) };
    let (name, language) = (whole_name(sheet), house.letters_language);
    let rows = house.store.enrollments_of(&sheet.engineer.key).await;
    let rows = rows.map_err(|_| Failure::transient(FailureCode::StoreUnavailable))?;
    let closed = |row: &Enrollment| {
        let seen = row.facts.locked_out_at.filter(|_| row.goal.want == Want::Absent)?;
        Some(Closed { domain: row.id.domain()?.clone(), at: phrase(house, sheet, seen, language) })
    };
    let closed: Vec<Closed> = rows.iter().filter_map(closed).collect();
    let wording = mail::manager_gone(Report { engineer: &name, language }, &closed);
    send(house, &named(house, sheet, Purpose::ManagerGone, 0, to, language, wording)).await?;
    Ok(true)
}

/// What a row waits for, and on whom; none if it has settled or goes on by itself.
fn waits_for(house: &House, row: &Enrollment, language: Language) -> Option<Waiting> {
    let State::Waiting { on, reason, .. } = &row.state else { return None };
    let now = house.clock.now();
    let what = explain(reason, &Place::of(row, TimeZone::UTC), now, language).so;
    Some(Waiting { what, on: who_words(*on, language).to_owned() })
}

fn named(
    house: &House,
    sheet: &Sheet,
    purpose: Purpose,
    generation: u32,
    to: &MailAddress,
    language: Language,
    wording: Wording,
) -> Letter {
    let engineer = &sheet.engineer;
    let id = MessageId::of(purpose, &engineer.key, engineer.stated.goal.revision, generation);
    Letter::new(id, house.clock.now(), to.clone(), language, wording)
}

/// A moment on the clock of the engineer's employment.
fn phrase(house: &House, sheet: &Sheet, at: Timestamp, language: Language) -> String {
    let place = sheet.engineer.stated.time_zone.time_zone();
    moment::in_places(at, &place, &[], house.clock.now(), language)
}

fn whole_name(sheet: &Sheet) -> String {
    let name = &sheet.person.name;
    format!("{} {}", name.given.as_str(), name.family.as_str())
}
