//! The letter about what changed since the welcome. Pure; the words are in `template/`.
//! Not here: what counts as a change.

use super::address::PortalUrl;
use super::content::{Document, Wording};
use super::letter::{AccountKind, Handover, ReadyAccount, accounts, case_mail, greeting, passwords};
use super::template;
use crate::model::id::MailAddress;
use crate::model::person::Language;
use crate::model::reseller::CaseAlerts;

/// What changed, in any language.
#[derive(Clone)]
pub struct Update<'a> {
    /// How the engineer is greeted, as HR writes it.
    pub name: &'a str,
    /// The language to write in.
    pub language: Language,
    /// Accounts that came.
    pub new_accounts: &'a [ReadyAccount],
    /// First passwords that are handed over, also anew for accounts that are not new.
    pub handovers: &'a [Handover<'a>],
    /// Addresses of accounts that are closed.
    pub closed: &'a [String],
    /// Whether the contact address is another one than before.
    pub contact_changed: bool,
    /// Every account that stays, old or new: whether its case mail is shared by address decides what a new contact address means.
    pub all: &'a [ReadyAccount],
    /// The contact address.
    pub contact: &'a MailAddress,
    /// Where the portal is.
    pub portal: &'a PortalUrl,
}

/// Writes the letter; `None` where nothing changed.
pub fn update(about: &Update<'_>) -> Option<Wording> {
    let nothing = about.new_accounts.is_empty() && about.handovers.is_empty() && about.closed.is_empty();
    if nothing && !about.contact_changed {
        return None;
    }
    let words = template::words(about.language);
    let own = &words.update;
    let mut letter = Document::new(about.language, own.subject);
    greeting(&mut letter, words, about.name);
    letter.paragraph(own.introduction);
    accounts(&mut letter, words, own.new_accounts, about.new_accounts, &about.portal.url());
    if !about.new_accounts.is_empty() || !about.handovers.is_empty() {
        passwords(&mut letter, words, about.new_accounts, about.handovers);
    }
    if !about.new_accounts.is_empty() {
        case_mail(&mut letter, words, about.new_accounts, about.contact);
    }
    if !about.closed.is_empty() {
        let closed: Vec<&str> = about.closed.iter().map(String::as_str).collect();
        letter.heading(own.closed_accounts).paragraph(own.closed_advice).verbatim(&closed);
    }
    if about.contact_changed {
        letter.heading(own.new_contact).paragraph(own.new_contact_advice).verbatim(&[about.contact.as_str()]);
        if about.all.iter().any(is_shared_by_address) {
            letter.paragraph(own.new_contact_case_sharing);
        }
    }
    letter.footer(words.footer);
    Some(letter.written())
}

fn is_shared_by_address(account: &ReadyAccount) -> bool {
    account.kind != AccountKind::Home && account.case_alerts == CaseAlerts::CaseSharing
}
