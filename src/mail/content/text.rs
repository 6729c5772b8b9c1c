//! A letter as plain text, which reads well everywhere: lines of at most 76 characters, but for what must stay whole.
//! Not here: what the letter says.

use super::Part;

/// A little below the 78 of RFC 5322, 2.1.1.
const WIDTH: usize = 76;

/// The parts, a blank line between each two.
pub(super) fn text(parts: &[Part]) -> String {
    let parts: Vec<String> = parts.iter().map(part).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

fn part(part: &Part) -> String {
    match part {
        Part::Heading(text) => wrapped(&text.to_uppercase(), "", ""),
        Part::Paragraph(text) => wrapped(text, "", ""),
        Part::Bullets(items) => joined(items.iter().map(|item| wrapped(item, "- ", "  "))),
        Part::Steps(items) => {
            joined(items.iter().zip(1..).map(|(item, number)| wrapped(item, &format!("{number}. "), "   ")))
        }
        Part::Accounts(accounts) => {
            let lines = accounts.iter().map(|account| {
                let ((domain_label, domain), (url_label, url)) = (&account.domain, &account.sign_in);
                format!("{}\n  {domain_label}: {domain}\n  {url_label}: {}", account.address, url.as_str())
            });
            lines.collect::<Vec<_>>().join("\n\n")
        }
        Part::Link { label, url } if label.is_empty() => url.as_str().to_owned(),
        Part::Link { label, url } => format!("{}\n{}", wrapped(&format!("{label}:"), "", ""), url.as_str()),
        Part::Verbatim(values) => values.join("\n"),
        Part::Table { head, rows } => table(head, rows),
        Part::Footer(text) => format!("--\n{}", wrapped(text, "", "")),
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join("\n")
}

/// Words on lines, the first behind `first` and the others behind `rest`; a word is never broken.
fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

/// In columns where they fit, else row by row with the head's words before each value.
fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    if widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) > WIDTH {
        let row = |row: &Vec<String>| {
            let first = row.first().cloned().unwrap_or_default();
            let more = head.iter().zip(row).skip(1);
            let more = more.map(|(head, cell)| wrapped(&format!("{head}: {cell}"), "  ", "    "));
            joined(std::iter::once(first).chain(more))
        };
        return rows.iter().map(row).collect::<Vec<_>>().join("\n\n");
    }
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    joined(std::iter::once(head).chain(rows.iter().map(Vec::as_slice)).map(line))
}
