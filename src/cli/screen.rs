//! Where a command writes: results to the standard output, everything else to the standard error; colour and progress only where a
//! person watches. Not here: what is written.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// How much of a progress bar there is, in characters.
const BAR_WIDTH: usize = 30;

/// The two outputs of a command.
pub struct Screen {
    out: Box<dyn Write>,
    notes: Box<dyn Write>,
    color_unwanted: bool,
    colored: bool,
    watched: bool,
}

/// A colour, by what it says and not by how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to do.
    Good,
    /// Goes on by itself.
    Calm,
    /// A person has to act.
    Urgent,
    /// A heading.
    Heading,
}

impl Screen {
    /// The process's own outputs. Colour only on a terminal, and never when it is unwanted (no-color.org).
    pub fn standard(color_unwanted: bool) -> Self {
        let colored = io::stdout().is_terminal() && !color_unwanted;
        let watched = io::stderr().is_terminal();
        Self { out: Box::new(io::stdout()), notes: Box::new(io::stderr()), color_unwanted, colored, watched }
    }

    /// Writes a result. A reader that has gone away (`| head`) is no error.
    pub fn say(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    /// Writes something that is no result.
    pub fn note(&mut self, text: impl Display) {
        let _ = writeln!(self.notes, "{text}");
    }

    /// Whether anything may be coloured that goes to a terminal, logs too.
    pub fn wants_color(&self) -> bool {
        !self.color_unwanted
    }

    /// Whether results are coloured.
    pub fn is_colored(&self) -> bool {
        self.colored
    }

    /// Draws how far a long work has got; nothing where nobody watches.
    pub fn progress(&mut self, done: usize, total: usize) {
        self.draw(bar(done, total));
    }

    /// The same in words, instead of what was drawn before.
    pub fn draw(&mut self, line: impl Display) {
        if self.watched {
            let _ = write!(self.notes, "\r\x1b[K{line}");
            let _ = self.notes.flush();
        }
    }

    /// Takes the progress away.
    pub fn end_progress(&mut self) {
        if self.watched {
            let _ = write!(self.notes, "\r\x1b[K");
            let _ = self.notes.flush();
        }
    }
}

impl Tone {
    /// The text in this tone: escape sequences of ECMA-48, section 8.3.117.
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Good => "32",
            Self::Calm => "36",
            Self::Urgent => "1;31",
            Self::Heading => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn bar(done: usize, total: usize) -> String {
    let filled = (done * BAR_WIDTH).checked_div(total).unwrap_or(BAR_WIDTH).min(BAR_WIDTH);
    format!("[{}{}] {done}/{total}", "#".repeat(filled), ".".repeat(BAR_WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        assert_eq!(bar(0, 4), "[..............................] 0/4");
        assert_eq!(bar(2, 4), "[###############...............] 2/4");
        assert_eq!(bar(4, 4), "[##############################] 4/4");
        assert_eq!(bar(0, 0), "[##############################] 0/0");
    }
}
