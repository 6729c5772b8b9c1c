//! The welcome: what an engineer needs to begin in Google's Customer Care Portal. Pure; the words are in `template/`.
//! Not here, and never in a letter: a password.

use super::address::{PortalUrl, WebUrl};
use super::content::{Document, Wording};
use super::letter::{Handover, ReadyAccount, accounts, case_mail, greeting, passwords};
use super::template;
use crate::model::id::MailAddress;
use crate::model::person::Language;

/// Keeps several accounts signed in at once (Google Account help).
const SEVERAL_ACCOUNTS: &str = "https://support.google.com/accounts/answer/1721977";
/// 2-Step Verification for administrators, and how not to be locked out (Google Workspace Admin help).
const TWO_STEP_VERIFICATION: &str = "https://support.google.com/a/answer/9176805";
/// A customer's switch for the reseller's access (Google Workspace Admin help).
const RESELLER_ACCESS: &str = "https://support.google.com/a/answer/114840";

/// What a welcome says, in any language.
#[derive(Clone)]
pub struct Welcome<'a> {
    /// How the engineer is greeted, as HR writes it.
    pub name: &'a str,
    /// The language to write in.
    pub language: Language,
    /// The accounts, in the order in which they are listed.
    pub ready: &'a [ReadyAccount],
    /// How first passwords are handed over; new accounts that none names are the administrator's.
    pub handovers: &'a [Handover<'a>],
    /// The engineer's own main address, where mail about cases is to arrive.
    pub contact: &'a MailAddress,
    /// Where the portal is.
    pub portal: &'a PortalUrl,
}

/// Writes the welcome.
pub fn welcome(about: &Welcome<'_>) -> Wording {
    let words = template::words(about.language);
    let own = &words.welcome;
    let portal = about.portal.url();
    let mut letter = Document::new(about.language, own.subject);
    greeting(&mut letter, words, about.name);
    letter.paragraph(own.introduction);
    accounts(&mut letter, words, words.sections.accounts, about.ready, &portal);
    letter.heading(own.portal).link("", &portal).paragraph(own.portal_advice);
    passwords(&mut letter, words, about.ready, about.handovers);
    letter.heading(own.two_step).paragraph(own.two_step_advice);
    letter.link(own.two_step_help, &WebUrl::known(TWO_STEP_VERIFICATION));
    case_mail(&mut letter, words, about.ready, about.contact);
    letter.heading(own.several_accounts).paragraph(own.several_accounts_advice);
    letter.link(own.several_accounts_help, &WebUrl::known(SEVERAL_ACCOUNTS));
    letter.heading(own.trouble).paragraph(own.role_delay).paragraph(own.no_product_type);
    letter.link(own.reseller_access, &WebUrl::known(RESELLER_ACCESS)).footer(words.footer);
    letter.written()
}

#[cfg(test)]
mod tests;
