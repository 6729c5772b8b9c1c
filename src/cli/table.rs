//! Plain tables: columns aligned by the width a terminal gives to each character, two blanks between them, no frames, so that they
//! read well and cut well. Not here: what stands in them.

use super::screen::Tone;
use crate::model::person::name::is_unseen;
use unicode_normalization::char::is_combining_mark;

/// Blanks between columns.
const GAP: usize = 2;

/// A table under construction.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A cell in a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { tone: Some(tone), ..Self::from(text.into()) }
    }

    /// The text alone, which does nothing to a terminal.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        // A control character could move the cursor or change the terminal, and a mark of direction the order of what stands there.
        Self { text: text.chars().filter(|c| !is_unseen(*c)).collect(), tone: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        let headings = headings.map(|heading| Cell::toned(heading, Tone::Heading));
        Self { rows: vec![headings.into()] }
    }

    /// A table with as many headings as there are.
    pub fn of(headings: impl Iterator<Item = String>) -> Self {
        Self { rows: vec![headings.map(|heading| Cell::toned(heading, Tone::Heading)).collect()] }
    }

    /// Adds a row of as many cells.
    pub fn line(&mut self, cells: impl Iterator<Item = Cell>) {
        self.rows.push(cells.collect());
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, without a line break at its end.
    pub fn render(&self, colored: bool) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for (index, cell) in self.rows.iter().flat_map(|row| row.iter().enumerate()) {
            widths[index] = widths[index].max(width(&cell.text));
        }
        let lines: Vec<String> = self.rows.iter().map(|row| line(row, &widths, colored)).collect();
        lines.join("\n")
    }
}

fn line(row: &[Cell], widths: &[usize], colored: bool) -> String {
    let mut line = String::new();
    for (index, (cell, column)) in row.iter().zip(widths).enumerate() {
        match cell.tone.filter(|_| colored && !cell.text.is_empty()) {
            Some(tone) => line.push_str(&tone.paint(&cell.text)),
            None => line.push_str(&cell.text),
        }
        if index + 1 < row.len() {
            line.push_str(&" ".repeat(column - width(&cell.text) + GAP));
        }
    }
    line.trim_end().to_owned()
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Wide in East Asian typography (Unicode Standard Annex 11, the ranges in use for names), nothing for a mark on the letter before.
fn char_width(c: char) -> usize {
    match c {
        '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        c if is_combining_mark(c) => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{33ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_display_width() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["Åsa".into(), Cell::toned("ready", Tone::Good)]);
        table.row(["山田太郎".into(), "".into()]);
        table.row(["a\u{30a}sa\u{1b}[2J".into(), "x".into()]);
        let expected = "NAME      STATE\nÅsa       ready\n山田太郎\na\u{30a}sa[2J    x";
        assert_eq!(table.render(false), expected);
        assert!(table.render(true).contains("\x1b[32mready\x1b[0m"));
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (text, expected) in [("", 0), ("åäö", 3), ("e\u{301}", 1), ("김", 2), ("ｱ", 1), ("Ａ", 2)]
        {
            assert_eq!(width(text), expected, "{text}");
        }
    }
}
