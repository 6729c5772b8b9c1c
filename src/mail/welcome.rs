//! The welcome: what an engineer needs to begin in Google's Customer Care Portal. Pure; the words are in `template/`.
//! Not here, and never in a letter: a password, or a link that is a secret.

use super::template::{self, Words};
use crate::model::id::{DomainName, MailAddress};
use crate::model::person::Language;
use crate::model::reseller::CaseAlerts;
use std::fmt::Write as _;
use unicode_normalization::char::is_combining_mark;

/// Keeps several accounts signed in at once (Google Account help).
const SEVERAL_ACCOUNTS: &str = "https://support.google.com/accounts/answer/1721977";
/// 2-Step Verification for administrators, and how not to be locked out (Google Workspace Admin help).
const TWO_STEP_VERIFICATION: &str = "https://support.google.com/a/answer/9176805";
/// A customer's switch for the reseller's access (Google Workspace Admin help).
const RESELLER_ACCESS: &str = "https://support.google.com/a/answer/114840";
/// Google's own page for choosing which account to continue with.
const ACCOUNT_CHOOSER: &str = "https://accounts.google.com/AccountChooser";

const NAME_MAX: usize = 80;

/// Where the portal is. Google has renamed and moved it before, so it is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalUrl(String);

/// Why a text is no [`PortalUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an https address like https://support.cloud.google.com/portal/, 500 characters at most")]
pub struct InvalidPortalUrl;

impl PortalUrl {
    /// Takes an `https` address that survives being written in plain text.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPortalUrl> {
        let rest = text.strip_prefix("https://").ok_or(InvalidPortalUrl)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let plain = |b: u8| b.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&b);
        let is_host =
            host.contains('.') && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
        if is_host && text.len() <= 500 && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPortalUrl)
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PortalUrl {
    /// The address in Google's help pages of 2026.
    fn default() -> Self {
        Self("https://support.cloud.google.com/portal/".to_owned())
    }
}

/// What a welcome says, in any language.
#[derive(Clone)]
pub struct Welcome<'a> {
    /// How the engineer is greeted, as HR writes it.
    pub name: &'a str,
    /// The language to write in.
    pub language: Language,
    /// The accounts, in the order in which they are listed.
    pub ready: &'a [ReadyAccount],
    /// The engineer's own main address, where mail about cases is to arrive.
    pub contact: &'a MailAddress,
    /// Where the portal is.
    pub portal: &'a PortalUrl,
}

/// An account that the engineer may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyAccount {
    /// Its address.
    pub address: String,
    /// The domain that it is in.
    pub domain: DomainName,
    /// Whose it is, and so which password it has.
    pub kind: AccountKind,
    /// How mail about its cases reaches the engineer.
    pub case_alerts: CaseAlerts,
}

/// Where an account comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// It was made for the engineer, with a first password that somebody hands over.
    New,
    /// It was made for the engineer before, and has the password that it had.
    Restored,
    /// It is the engineer's own.
    Home,
}

/// Subject and body of a letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Wording {
    /// One line.
    pub subject: String,
    /// Plain text, lines ended by `\n`.
    pub text: String,
}

/// Writes the welcome.
pub fn welcome(about: &Welcome<'_>) -> Wording {
    let words = template::words(about.language);
    let text = [
        greeting(words, about.name),
        words.introduction.to_owned(),
        accounts(words, about),
        section(words.portal, &[about.portal.as_str(), words.portal_advice]),
        passwords(words, about),
        section(words.two_step, &[words.two_step_advice, TWO_STEP_VERIFICATION]),
        case_mail(words, about),
        section(words.several_accounts, &[words.several_accounts_advice, SEVERAL_ACCOUNTS]),
        section(words.trouble, &[words.role_delay, words.no_product_type, RESELLER_ACCESS]),
        format!("--\n{}", words.footer),
    ];
    let parts: Vec<_> = text.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect();
    Wording { subject: words.subject.to_owned(), text: parts.join("\n\n") + "\n" }
}

fn greeting(words: &Words, name: &str) -> String {
    match plain_name(name).as_str() {
        "" => format!("{},", words.hello),
        name => format!("{} {name},", words.hello),
    }
}

fn accounts(words: &Words, about: &Welcome<'_>) -> String {
    let mut text = String::new();
    for ReadyAccount { address, domain, .. } in about.ready {
        let link = sign_in_link(address, about.portal);
        write!(text, "\n{address}\n  {}: {}\n  {}: {link}\n", words.reseller_domain, domain, words.sign_in)
            .expect("a String takes every text");
    }
    if text.is_empty() { text } else { section(words.accounts, &[text.trim()]) }
}

/// Which password opens which account.
fn passwords(words: &Words, about: &Welcome<'_>) -> String {
    let of = |kind: AccountKind| -> Vec<&str> {
        let accounts = about.ready.iter().filter(|account| account.kind == kind);
        accounts.map(|account| account.address.as_str()).collect()
    };
    let (restored, home) = (of(AccountKind::Restored).join("\n"), of(AccountKind::Home).join("\n"));
    let mut paragraphs = Vec::new();
    if restored.is_empty() && home.is_empty() || !of(AccountKind::New).is_empty() {
        paragraphs.push(words.password_advice);
    }
    if !restored.is_empty() {
        paragraphs.extend([words.restored_advice, &restored]);
    }
    if !home.is_empty() {
        paragraphs.extend([words.home_advice, &home]);
    }
    let only_new = restored.is_empty() && home.is_empty();
    section(if only_new { words.password } else { words.passwords }, &paragraphs)
}

/// What to do so that mail about cases arrives: nothing for an account whose mail an operator has redirected, or that is the engineer's
/// own and has a mailbox.
fn case_mail(words: &Words, about: &Welcome<'_>) -> String {
    let without_mailbox = about.ready.iter().filter(|account| account.kind != AccountKind::Home).count();
    if without_mailbox == 0 && !about.ready.is_empty() {
        return String::new();
    }
    let redirected = |account: &&ReadyAccount| {
        account.case_alerts == CaseAlerts::Redirect && account.kind != AccountKind::Home
    };
    let listed: Vec<&str> =
        about.ready.iter().filter(redirected).map(|account| account.address.as_str()).collect();
    if !listed.is_empty() && listed.len() == without_mailbox {
        return section(words.case_mail, &[words.all_redirected]);
    }
    let (contact, listed_lines) = (about.contact.as_str(), listed.join("\n"));
    let mut paragraphs = vec![words.case_sharing_advice, contact, words.case_sharing_why];
    if !listed.is_empty() {
        paragraphs.extend([words.some_redirected, &listed_lines]);
    }
    section(words.case_mail, &paragraphs)
}

fn section(heading: &str, paragraphs: &[&str]) -> String {
    format!("{}\n\n{}\n", heading.to_uppercase(), paragraphs.join("\n\n"))
}

/// Lets Google ask for the password of exactly this account, whoever else is signed in, and go on to the portal.
fn sign_in_link(address: &str, portal: &PortalUrl) -> String {
    let email = percent_encoded(address);
    format!("{ACCOUNT_CHOOSER}?Email={email}&continue={}", percent_encoded(portal.as_str()))
}

/// All but the unreserved characters (RFC 3986, 2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every text");
        }
    }
    encoded
}

/// A name in one line without what could pass for markup, a link or a line of its own.
fn plain_name(name: &str) -> String {
    let may_stand = |c: char| c.is_alphanumeric() || is_combining_mark(c) || " '’.-·".contains(c);
    let plain: String = name.chars().take(NAME_MAX).map(|c| if may_stand(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
