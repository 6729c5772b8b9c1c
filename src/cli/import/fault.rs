//! What is wrong with a file of people, and where, in English and Swedish. Not here: finding it.

use crate::model::event::ReasonCode;
use crate::model::person::Language;

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The line, counted from 1.
    pub(super) line: u64,
    /// The column's number, counted from 1.
    pub(super) number: Option<u64>,
    /// Its name, where it has one.
    pub(super) column: Option<&'static str>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) kind: FaultKind,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    NotUtf8,
    Empty,
    TooManyRows,
    UnknownColumn,
    RepeatedColumn,
    MissingColumn,
    WrongCount,
    Formula,
    NotNumber,
    RepeatedKey,
    /// The event that would be made of the row.
    Event(ReasonCode),
}

impl Fault {
    /// Of a whole line.
    pub(super) fn at(line: u64, kind: FaultKind) -> Self {
        Self { place: Place { line, number: None, column: None }, kind }
    }

    /// Place and sentence; nothing of what stands there, which may be anybody's name.
    pub(super) fn text(&self, language: Language) -> String {
        format!("{}: {}", self.place.text(language), self.kind.text(language))
    }
}

impl Place {
    fn text(&self, language: Language) -> String {
        let (line, column) = match language {
            Language::English => ("line", "column"),
            Language::Swedish => ("rad", "kolumn"),
        };
        let line = format!("{line} {}", self.line);
        match (self.number, self.column) {
            (Some(number), Some(name)) => format!("{line}, {column} {number} ({name})"),
            (Some(number), None) => format!("{line}, {column} {number}"),
            (None, Some(name)) => format!("{line}, {column} {name}"),
            (None, None) => line,
        }
    }
}

impl FaultKind {
    /// The stable word.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::Empty => "empty",
            Self::TooManyRows => "too_many_rows",
            Self::UnknownColumn => "unknown_column",
            Self::RepeatedColumn => "repeated_column",
            Self::MissingColumn => "missing_column",
            Self::WrongCount => "wrong_count",
            Self::Formula => "formula",
            Self::NotNumber => "invalid_revision",
            Self::RepeatedKey => "repeated_key",
            Self::Event(code) => code.code(),
        }
    }

    fn text(self, language: Language) -> &'static str {
        let (english, swedish) = match self {
            Self::NotUtf8 => (
                "The file is not UTF-8, so names with å, ö or ß would be spoilt. Save it as \"CSV UTF-8\".",
                "Filen är inte UTF-8, så namn med å, ö eller ß skulle förvanskas. Spara den som \"CSV UTF-8\".",
            ),
            Self::Empty => (
                "There is no row below the headings. Write one row for each person.",
                "Det finns ingen rad under rubrikerna. Skriv en rad för varje person.",
            ),
            Self::TooManyRows => (
                "There are more than 10,000 rows. Import smaller files one after the other.",
                "Det finns fler än 10 000 rader. Importera mindre filer en i taget.",
            ),
            Self::UnknownColumn => (
                "carepass does not know this column. Remove it, or spell it as in `carepass event import --help`.",
                "carepass känner inte kolumnen. Ta bort den eller stava som i `carepass event import --help`.",
            ),
            Self::RepeatedColumn => (
                "The column is there twice. Keep one of them.",
                "Kolumnen finns två gånger. Behåll en av dem.",
            ),
            Self::MissingColumn => (
                "The column is missing. Add it to the headings.",
                "Kolumnen saknas. Lägg till den bland rubrikerna.",
            ),
            Self::WrongCount => (
                "The row has more or fewer cells than there are headings. Quote cells that hold the separator.",
                "Raden har fler eller färre celler än det finns rubriker. Citera celler som innehåller skiljetecknet.",
            ),
            Self::Formula => (
                "The cell begins like a formula (=, +, -, @). Write plain text.",
                "Cellen börjar som en formel (=, +, -, @). Skriv ren text.",
            ),
            Self::NotNumber => (
                "The revision is not a whole number of at least 1. Leave it empty for 1.",
                "Revisionen är inte ett heltal från 1. Lämna den tom för 1.",
            ),
            Self::RepeatedKey => (
                "The key stands on an earlier row with the same revision. Keep one of the rows.",
                "Nyckeln finns på en tidigare rad med samma revision. Behåll en av raderna.",
            ),
            Self::Event(code) => return code.text(language),
        };
        match language {
            Language::English => english,
            Language::Swedish => swedish,
        }
    }
}
