//! The engineer was told: one letter with every account. The letter's name follows from the engineer and the revision, so that a letter
//! that is sent again after a lost answer is recognisably the same. Not here: the words (`mail/welcome`).

use super::{Context, Outcome, Step};
use crate::mail::{Letter, MailError, MessageId, Welcome, welcome};
use crate::model::enrollment::{State, Target, TargetKind};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, EngineerKey};
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
    let letter = letter(cx).await?;
    cx.house.mailer.send(&letter).await.map_err(|error| match error {
        MailError::Transient(fault) => {
            Failure::transient(FailureCode::MailUnavailable).with_detail(&fault.to_string())
        }
        MailError::Permanent(fault) => {
            Failure::needs(Who::Operator, FailureCode::MailRefused).with_detail(&fault.to_string())
        }
    })?;
    Ok(Ensured { made: true, ..Ensured::default() })
}

async fn letter(cx: &Context<'_>) -> Result<Letter, Failure> {
    let sheet = cx.sheet()?;
    let contact = cx.contact()?;
    let (ready, preparing) = accounts(cx).await?;
    if ready.is_empty() {
        return Err(Failure::needs(Who::Hr, FailureCode::ScopeMismatch));
    }
    let language = sheet.person.locale.language();
    let wording = welcome(&Welcome {
        name: sheet.person.name.given.as_str(),
        language,
        ready: &ready,
        preparing: &preparing,
        contact,
        portal: &cx.house.portal,
    });
    Ok(Letter {
        message_id: message_id(&sheet.engineer.key, sheet.engineer.goal.revision),
        date: cx.now(),
        to: contact.clone(),
        language,
        subject: wording.subject,
        text: wording.text,
        html: wording.html,
    })
}

/// The engineer's addresses: ready, and still being prepared.
async fn accounts(cx: &Context<'_>) -> Result<(Vec<Address>, Vec<Address>), Failure> {
    let sheet = cx.sheet()?;
    let unavailable = || Failure::transient(FailureCode::StoreUnavailable);
    let Some(local_part) = sheet.username.clone() else { return Ok((Vec::new(), Vec::new())) };
    let rows = cx.house.store.enrollments_of(&sheet.engineer.key).await.map_err(|_| unavailable())?;
    let (mut ready, mut preparing) = (Vec::new(), Vec::new());
    for row in rows {
        let Target::Domain(_, domain) = row.id.target() else { continue };
        let address = Address { local_part: local_part.clone(), domain };
        match row.state {
            State::Completed => ready.push(address),
            State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } => {
                preparing.push(address);
            }
            State::Cancelled { .. } => (),
        }
    }
    Ok((ready, preparing))
}

fn message_id(key: &EngineerKey, revision: u64) -> MessageId {
    let hex = key.as_str().bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every text");
        text
    });
    MessageId::parse(&format!("welcome.{hex}.{revision}@carepass.invalid"))
        .expect("hexadecimal digits and numbers fit")
}
