//! A letter as HTML: one document without anything to load or run. Every value passes maud's escaping, and `href` takes typed addresses only.
//! No colours are set, so that a dark mail program stays dark. Not here: what the letter says.

use super::{AccountLine, Document, Part};
use crate::mail::language_tag;
use maud::{DOCTYPE, Markup, html};

const BODY: &str =
    "font-family: system-ui, sans-serif; line-height: 1.5; max-width: 40em; margin: 0 auto; padding: 1em;";
const VALUE: &str = "font-family: ui-monospace, monospace; overflow-wrap: anywhere;";
const CELL: &str = "text-align: left; vertical-align: top; padding: 0.25em 1em 0.25em 0; border-bottom: 1px solid currentColor;";

/// The whole document.
pub(super) fn html(document: &Document) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang=(language_tag(document.language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (document.subject) }
            }
            body style=(BODY) {
                main {
                    h1 style="font-size: 1.4em;" { (document.subject) }
                    @for part in &document.parts { (markup(part)) "\n" }
                }
            }
        }
    };
    markup.into_string() + "\n"
}

fn markup(part: &Part) -> Markup {
    html! {
        @match part {
            Part::Heading(text) => h2 style="font-size: 1.15em; margin-top: 1.5em;" { (text) },
            Part::Paragraph(text) => p { (text) },
            Part::Bullets(items) => ul { @for item in items { li { (item) } } },
            Part::Steps(items) => ol { @for item in items { li { (item) } } },
            Part::Accounts(accounts) => @for account in accounts { (account_markup(account)) },
            Part::Link { label, url } => p {
                @if !label.is_empty() { (label) ":" br; }
                a href=(url.as_str()) style=(VALUE) { (url.as_str()) }
            },
            Part::Verbatim(values) => p { @for value in values { code style=(VALUE) { (value) } br; } },
            Part::Table { head, rows } => (table(head, rows)),
            Part::Footer(text) => { hr; p { small { (text) } } },
        }
    }
}

fn account_markup(account: &AccountLine) -> Markup {
    let ((domain_label, domain), (url_label, url)) = (&account.domain, &account.sign_in);
    html! {
        p {
            strong { (account.address) } br;
            (domain_label) ": " (domain) br;
            a href=(url.as_str()) { (url_label) ": " (account.address) }
        }
    }
}

fn table(head: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        table style="border-collapse: collapse;" {
            thead { tr { @for cell in head { th scope="col" style=(CELL) { (cell) } } } }
            tbody {
                @for row in rows {
                    tr { @for cell in row { td style=(CELL) { (cell) } } }
                }
            }
        }
    }
}
