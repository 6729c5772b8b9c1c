//! What letters to an engineer have in common: greeting, accounts, how first passwords are handed over, mail about cases.
//! Not here, and never in a letter: a password. No type of this module can hold one.

use super::address::{WebUrl, WrappingToken};
use super::content::{AccountLine, Document, plain_name};
use super::template::Words;
use crate::model::id::{DomainName, MailAddress};
use crate::model::reseller::CaseAlerts;

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

/// How the first passwords of some new accounts are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover<'a> {
    /// The way.
    pub way: HandoverWay<'a>,
    /// The addresses of the accounts, each also among the accounts of the letter.
    pub accounts: Vec<String>,
}

/// A way of handing over first passwords. Moments are ready phrases: "Friday 17:00 Stockholm (01:00 Tokyo)".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverWay<'a> {
    /// By the administrator, or not at all where the company signs in by itself: carepass does not know.
    Administrator,
    /// On a page of carepass's, opened with a button, once.
    Link {
        /// The page.
        page: &'a WebUrl,
        /// When it can no longer be opened.
        expires_at: &'a str,
    },
    /// Wrapped in Vault.
    Vault {
        /// What unwraps it, once.
        token: &'a WrappingToken,
        /// When it can no longer be unwrapped.
        expires_at: &'a str,
    },
    /// In an encrypted file that somebody else has.
    Age,
    /// Not at all: the company's single sign-on.
    SingleSignOn,
}

pub(super) fn greeting(letter: &mut Document, words: &Words, name: &str) {
    match plain_name(name).as_str() {
        "" => letter.paragraph(&format!("{},", words.hello)),
        name => letter.paragraph(&format!("{} {name},", words.hello)),
    };
}

/// The accounts, each with a link that signs in to it and goes on to `next`.
pub(super) fn accounts(
    letter: &mut Document,
    words: &Words,
    heading: &str,
    accounts: &[ReadyAccount],
    next: &WebUrl,
) {
    if accounts.is_empty() {
        return;
    }
    let labels = &words.sections;
    let line = |account: &ReadyAccount| {
        let sign_in = WebUrl::sign_in(&account.address, next);
        let domain = (labels.reseller_domain, account.domain.as_str());
        AccountLine::new(&account.address, domain, (labels.sign_in, sign_in))
    };
    letter.heading(heading).accounts(accounts.iter().map(line).collect());
}

/// Which password opens which account.
pub(super) fn passwords(
    letter: &mut Document,
    words: &Words,
    accounts: &[ReadyAccount],
    handovers: &[Handover<'_>],
) {
    let of = |kind: AccountKind| -> Vec<&str> {
        let accounts = accounts.iter().filter(|account| account.kind == kind);
        accounts.map(|account| account.address.as_str()).collect()
    };
    let (new, restored, home) = (of(AccountKind::New), of(AccountKind::Restored), of(AccountKind::Home));
    let is_handed =
        |address: &&str| handovers.iter().any(|handover| handover.accounts.iter().any(|a| a == address));
    let others: Vec<&str> = new.into_iter().filter(|address| !is_handed(address)).collect();
    let nobody_else = restored.is_empty() && home.is_empty() && handovers.is_empty();
    let mut ways: Vec<(HandoverWay<'_>, Vec<&str>)> = handovers
        .iter()
        .map(|handover| (handover.way, handover.accounts.iter().map(String::as_str).collect()))
        .collect();
    if nobody_else || !others.is_empty() {
        ways.push((HandoverWay::Administrator, others));
    }
    let words = &words.passwords;
    letter.heading(match ways.as_slice() {
        [(HandoverWay::SingleSignOn, _)] if restored.is_empty() && home.is_empty() => words.how_to_sign_in,
        [_] if restored.is_empty() && home.is_empty() => words.first,
        _ => words.several,
    });
    for (handover, addresses) in &ways {
        way(letter, words, handover);
        if ways.len() > 1 {
            letter.paragraph(words.for_these).verbatim(addresses);
        }
    }
    for (advice, addresses) in [(words.restored, &restored), (words.home, &home)] {
        if !addresses.is_empty() {
            letter.paragraph(advice).verbatim(addresses);
        }
    }
}

fn way(letter: &mut Document, words: &super::template::Passwords, way: &HandoverWay<'_>) {
    match way {
        HandoverWay::Administrator => letter.paragraph(words.administrator),
        HandoverWay::Link { page, expires_at } => letter
            .paragraph(&(words.link)(expires_at))
            .link(words.link_label, page)
            .paragraph(words.link_lost),
        HandoverWay::Vault { token, expires_at } => letter
            .paragraph(&(words.vault)(expires_at))
            .verbatim(&[format!("vault unwrap {}", token.as_str()).as_str()]),
        HandoverWay::Age => letter.paragraph(words.age),
        HandoverWay::SingleSignOn => letter.paragraph(words.single_sign_on),
    };
}

/// What to do so that mail about cases arrives: nothing for an account whose mail an operator has redirected, or that is the engineer's
/// own and has a mailbox.
pub(super) fn case_mail(
    letter: &mut Document,
    words: &Words,
    accounts: &[ReadyAccount],
    contact: &MailAddress,
) {
    let words = &words.sections;
    let without_mailbox = accounts.iter().filter(|account| account.kind != AccountKind::Home).count();
    if without_mailbox == 0 && !accounts.is_empty() {
        return;
    }
    let redirected = |account: &&ReadyAccount| {
        account.case_alerts == CaseAlerts::Redirect && account.kind != AccountKind::Home
    };
    let listed: Vec<&str> =
        accounts.iter().filter(redirected).map(|account| account.address.as_str()).collect();
    letter.heading(words.case_mail);
    if !listed.is_empty() && listed.len() == without_mailbox {
        letter.paragraph(words.all_redirected);
        return;
    }
    letter
        .paragraph(words.case_sharing_advice)
        .verbatim(&[contact.as_str()])
        .paragraph(words.case_sharing_why);
    if !listed.is_empty() {
        letter.paragraph(words.some_redirected).verbatim(&listed);
    }
}
