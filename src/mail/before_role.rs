//! The letter while the role waits for 2-Step Verification, and its reminder. Pure; the words are in `template/`.
//! Not here: when Google was asked, and how often somebody is reminded.

use super::address::WebUrl;
use super::content::{Document, Wording};
use super::letter::{Handover, ReadyAccount, accounts, greeting, passwords};
use super::template;
use crate::model::person::Language;

/// Where an account's 2-Step Verification is turned on (Google Account).
const SETTINGS: &str = "https://myaccount.google.com/signinoptions/two-step-verification";
/// How it is turned on (Google Account help).
const HELP: &str = "https://support.google.com/accounts/answer/185839";

/// What the letter says, in any language.
#[derive(Clone)]
pub struct BeforeRole<'a> {
    /// How the engineer is greeted, as HR writes it.
    pub name: &'a str,
    /// The language to write in.
    pub language: Language,
    /// The accounts that are not enrolled yet.
    pub accounts: &'a [ReadyAccount],
    /// How first passwords are handed over; new accounts that none names are the administrator's. In a reminder usually none, and then
    /// passwords are not spoken of.
    pub handovers: &'a [Handover<'a>],
    /// The first day as a ready phrase, if it is still to come.
    pub starts: Option<&'a str>,
    /// Whether the engineer was told before.
    pub again: bool,
    /// Whether the role was given all the same.
    pub role_given: bool,
}

/// Writes the letter or its reminder.
pub fn before_role(about: &BeforeRole<'_>) -> Wording {
    let words = template::words(about.language);
    let own = &words.before_role;
    let (subject, introduction) = match (about.role_given, about.again) {
        (true, _) => (own.subject, own.introduction_given),
        (false, true) => (own.subject_again, own.introduction_again),
        (false, false) => (own.subject, own.introduction),
    };
    let mut letter = Document::new(about.language, subject);
    greeting(&mut letter, words, about.name);
    letter.paragraph(introduction);
    if let Some(starts) = about.starts {
        letter.paragraph(&(own.starts)(starts));
    }
    accounts(&mut letter, words, words.sections.accounts, about.accounts, &WebUrl::known(SETTINGS));
    if !about.again || !about.handovers.is_empty() {
        passwords(&mut letter, words, about.accounts, about.handovers);
    }
    letter.heading(own.how).steps(&own.steps).link(own.help, &WebUrl::known(HELP));
    if !about.role_given {
        letter.paragraph(own.after);
    }
    letter.footer(words.footer);
    letter.written()
}
