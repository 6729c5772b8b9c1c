//! The one letter that operators get: what needs a person, the most urgent on top. Pure; the words are in `template/`.
//! Not here: anything personal beyond engineers' keys, and when it is sent.

use super::address::WebUrl;
use super::content::{Document, ROWS_MAX, Wording};
use super::template::{self, Words};
use crate::model::id::{DomainName, EngineerKey, ResellerName};
use crate::model::person::Language;

/// Where users are closed by hand (Admin console).
const CONSOLE: &str = "https://admin.google.com/ac/users";

/// What the digest says. Every list comes in the order in which it is shown, the most urgent first; moments are ready phrases.
#[derive(Clone)]
pub struct Digest {
    /// The language of the house.
    pub language: Language,
    /// When this was so.
    pub at: String,
    /// Who left and may still sign in.
    pub leavers: Vec<OpenLeaver>,
    /// Whose first day may come before the access.
    pub at_risk: Vec<StartAtRisk>,
    /// Open tasks, by reseller account.
    pub tasks: Vec<OpenTasks>,
    /// Who waits for a person's release.
    pub held: Vec<Held>,
    /// Whose account Google locks, or has locked, for want of 2-Step Verification.
    pub lock_outs: Vec<LockOut>,
    /// Pages with first passwords that nobody has opened.
    pub links: Vec<UnopenedLink>,
}

/// Access of somebody who left.
#[derive(Clone)]
pub struct OpenLeaver {
    /// The engineer.
    pub engineer: EngineerKey,
    /// Where the access is open.
    pub domain: DomainName,
    /// When it should have been closed.
    pub since: String,
}

/// A first day at risk.
#[derive(Clone)]
pub struct StartAtRisk {
    /// The engineer.
    pub engineer: EngineerKey,
    /// The first day.
    pub starts: String,
    /// What is waited for, as a ready phrase without anything personal.
    pub waits_for: String,
}

/// The open tasks of a reseller account.
#[derive(Clone)]
pub struct OpenTasks {
    /// The account; `None` for tasks about an engineer as a whole.
    pub reseller: Option<ResellerName>,
    /// How many.
    pub count: usize,
    /// Since when the oldest waits.
    pub oldest: String,
}

/// An engineer who waits for a person's release.
#[derive(Clone)]
pub struct Held {
    /// The engineer.
    pub engineer: EngineerKey,
    /// Since when.
    pub since: String,
}

/// An account without 2-Step Verification.
#[derive(Clone)]
pub struct LockOut {
    /// The engineer.
    pub engineer: EngineerKey,
    /// Where.
    pub domain: DomainName,
    /// When Google locks it.
    pub at: String,
}

/// A page with first passwords that nobody has opened.
#[derive(Clone)]
pub struct UnopenedLink {
    /// The engineer.
    pub engineer: EngineerKey,
    /// When it can no longer be opened.
    pub expires_at: String,
}

/// Writes the digest; `None` where there is nothing to say.
pub fn digest(about: &Digest) -> Option<Wording> {
    let words = template::words(about.language);
    let own = &words.digest;
    let counts = counts(words, about);
    if counts.is_empty() {
        return None;
    }
    let mut letter = Document::new(about.language, &(own.subject)(&counts.join(", ")));
    letter.paragraph(&(own.written)(&about.at));
    leavers(&mut letter, words, &about.leavers);
    let row = |risk: &StartAtRisk| [risk.engineer.to_string(), risk.starts.clone(), risk.waits_for.clone()];
    section(&mut letter, words, (own.risks, own.risks_head), &about.at_risk, row, "");
    let row = |tasks: &OpenTasks| {
        let reseller = tasks.reseller.as_ref().map_or(own.house, ResellerName::as_str);
        [reseller.to_owned(), tasks.count.to_string(), tasks.oldest.clone()]
    };
    section(&mut letter, words, (own.tasks, own.tasks_head), &about.tasks, row, own.tasks_advice);
    let row = |held: &Held| [held.engineer.to_string(), held.since.clone()];
    section(&mut letter, words, (own.held, own.held_head), &about.held, row, own.held_advice);
    let row = |lock: &LockOut| [lock.engineer.to_string(), lock.domain.to_string(), lock.at.clone()];
    section(
        &mut letter,
        words,
        (own.lock_outs, own.lock_outs_head),
        &about.lock_outs,
        row,
        own.lock_outs_advice,
    );
    let row = |link: &UnopenedLink| [link.engineer.to_string(), link.expires_at.clone()];
    section(&mut letter, words, (own.links, own.links_head), &about.links, row, own.links_advice);
    letter.footer(words.footer_to_others);
    Some(letter.written())
}

/// What there is, as the subject says it.
fn counts(words: &Words, about: &Digest) -> Vec<String> {
    let own = &words.digest;
    let tasks: usize = about.tasks.iter().map(|tasks| tasks.count).sum();
    let counts = [
        (own.leavers_count, about.leavers.len()),
        (own.risks_count, about.at_risk.len()),
        (own.tasks_count, tasks),
        (own.held_count, about.held.len()),
        (own.lock_outs_count, about.lock_outs.len()),
        (own.links_count, about.links.len()),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(phrase, count)| phrase(count)).collect()
}

fn leavers(letter: &mut Document, words: &Words, leavers: &[OpenLeaver]) {
    if leavers.is_empty() {
        return;
    }
    let own = &words.digest;
    let row = |open: &OpenLeaver| [open.engineer.to_string(), open.domain.to_string(), open.since.clone()];
    section(letter, words, (own.leavers, own.leavers_head), leavers, row, own.leavers_advice);
    letter.steps(&own.leavers_steps).link(own.console, &WebUrl::known(CONSOLE));
}

/// A heading, as many rows as a letter holds, how many more there are, and what to do.
fn section<T, const N: usize>(
    letter: &mut Document,
    words: &Words,
    (heading, head): (&str, [&str; N]),
    items: &[T],
    row: impl Fn(&T) -> [String; N],
    advice: &str,
) {
    if items.is_empty() {
        return;
    }
    letter.heading(heading).table(head, items.iter().take(ROWS_MAX).map(row).collect());
    if items.len() > ROWS_MAX {
        letter.paragraph(&(words.more)(items.len() - ROWS_MAX));
    }
    if !advice.is_empty() {
        letter.paragraph(advice);
    }
}
