//! A file of comma-separated values as rows of named cells, with everything that is wrong with its form and where. It is read as
//! spreadsheet programs write it: byte order mark, semicolons or tabs, CRLF. Pure. Not here: what the cells mean (`rows`).

use super::fault::{Fault, FaultKind, Place};
use csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::BTreeMap;

/// Most rows in a file.
pub(super) const ROWS_MAX: usize = 10_000;

/// The columns. Their order in a file does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Key,
    Given,
    Family,
    LatinGiven,
    LatinFamily,
    Language,
    ContactEmail,
    ManagerEmail,
    Locale,
    PreferredUsername,
    EmploymentId,
    StartDate,
    TimeZone,
    Domains,
    Profile,
    Revision,
    Source,
}

impl Column {
    pub(super) const ALL: [Self; 17] = [
        Self::Key,
        Self::Given,
        Self::Family,
        Self::LatinGiven,
        Self::LatinFamily,
        Self::Language,
        Self::ContactEmail,
        Self::ManagerEmail,
        Self::Locale,
        Self::PreferredUsername,
        Self::EmploymentId,
        Self::StartDate,
        Self::TimeZone,
        Self::Domains,
        Self::Profile,
        Self::Revision,
        Self::Source,
    ];

    /// Those that every file has.
    const REQUIRED: [Self; 3] = [Self::Key, Self::Given, Self::Family];

    /// Its heading.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Given => "given",
            Self::Family => "family",
            Self::LatinGiven => "latin_given",
            Self::LatinFamily => "latin_family",
            Self::Language => "language",
            Self::ContactEmail => "contact_email",
            Self::ManagerEmail => "manager_email",
            Self::Locale => "locale",
            Self::PreferredUsername => "preferred_username",
            Self::EmploymentId => "employment_id",
            Self::StartDate => "start_date",
            Self::TimeZone => "time_zone",
            Self::Domains => "domains",
            Self::Profile => "profile",
            Self::Revision => "revision",
            Self::Source => "source",
        }
    }
}

/// A row: its cells that are not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line it begins on, counted from 1.
    pub(super) line: u64,
    cells: BTreeMap<Column, (u64, String)>,
}

impl Row {
    /// What stands in a column.
    pub(super) fn get(&self, column: Column) -> Option<&str> {
        self.cells.get(&column).map(|(_, text)| text.as_str())
    }

    /// The place of a cell; of an empty one only the line.
    pub(super) fn place(&self, column: Option<Column>) -> Place {
        let number = column.and_then(|column| self.cells.get(&column)).map(|(number, _)| *number);
        Place { line: self.line, number, column: column.map(Column::name) }
    }
}

/// Reads the rows; the faults are those of all rows, in their order.
pub(super) fn read(bytes: &[u8]) -> (Vec<Row>, Vec<Fault>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Err(line) = utf8(bytes) {
        return (Vec::new(), vec![Fault::at(line, FaultKind::NotUtf8)]);
    }
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(bytes))
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let mut records = reader.records().map_while(Result::ok);
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let Some(headings) = records.next() else {
        return (rows, vec![Fault::at(1, FaultKind::Empty)]);
    };
    let columns = columns(&headings, &mut faults);
    let mut lines = Lines { bytes, offset: 0, line: 1 };
    for record in records {
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == ROWS_MAX {
            faults.push(Fault::at(line, FaultKind::TooManyRows));
            break;
        }
        if record.len() != headings.len() {
            faults.push(Fault::at(line, FaultKind::WrongCount));
        }
        rows.push(row(line, &record, &columns, &mut faults));
    }
    if rows.is_empty() && faults.is_empty() {
        faults.push(Fault::at(1, FaultKind::Empty));
    }
    (rows, faults)
}

/// The line of the first byte that is not UTF-8, or of a NUL, which UTF-16 has.
fn utf8(bytes: &[u8]) -> Result<(), u64> {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let good = bytes.iter().position(|byte| *byte == 0).map_or(valid, |nul| nul.min(valid));
    if good == bytes.len() { Ok(()) } else { Err(count(&bytes[..good], b'\n') + 1) }
}

/// Counts lines on the way through the file. The reader's own count stands before the line feed of a CRLF, and before empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that is found at a place, which never lies before the last one.
    fn at(&mut self, byte: u64) -> u64 {
        let end = usize::try_from(byte).unwrap_or(usize::MAX).clamp(self.offset, self.bytes.len());
        let breaks = self.bytes[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.offset..end + breaks];
        self.line += count(passed, b'\n');
        self.offset = end + breaks;
        self.line
    }
}

/// What separates the cells: whichever of comma, semicolon and tab the headings have most of.
fn separator(bytes: &[u8]) -> u8 {
    let headings = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // The last of equals wins, which is the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|sign| count(headings, *sign)).unwrap_or(b',')
}

fn count(bytes: &[u8], sign: u8) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == sign)).sum()
}

fn columns(headings: &StringRecord, faults: &mut Vec<Fault>) -> Vec<Option<Column>> {
    let mut columns = Vec::new();
    for (number, heading) in (1..).zip(headings) {
        let heading = heading.to_lowercase().replace([' ', '-'], "_");
        let column = Column::ALL.into_iter().find(|column| column.name() == heading);
        let kind = match column {
            None => Some(FaultKind::UnknownColumn),
            Some(_) if columns.contains(&column) => Some(FaultKind::RepeatedColumn),
            Some(_) => None,
        };
        let place = Place { line: 1, number: Some(number), column: column.map(Column::name) };
        faults.extend(kind.map(|kind| Fault { place, kind }));
        columns.push(column);
    }
    for required in Column::REQUIRED.into_iter().filter(|required| !columns.contains(&Some(*required))) {
        let place = Place { line: 1, number: None, column: Some(required.name()) };
        faults.push(Fault { place, kind: FaultKind::MissingColumn });
    }
    columns
}

fn row(line: u64, record: &StringRecord, columns: &[Option<Column>], faults: &mut Vec<Fault>) -> Row {
    let mut row = Row { line, cells: BTreeMap::new() };
    for ((number, text), column) in (1..).zip(record).zip(columns) {
        let Some(column) = column.filter(|_| !text.is_empty()) else { continue };
        row.cells.insert(column, (number, text.to_owned()));
        if is_formula(text) {
            faults.push(Fault { place: row.place(Some(column)), kind: FaultKind::Formula });
        }
    }
    row
}

/// What a spreadsheet program would work out instead of showing it. A hyphen alone stands for a name that somebody does not have.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '@']) || text.starts_with('-') && text.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(bytes: &[u8]) -> Vec<String> {
        let (rows, faults) = read(bytes);
        assert_eq!(faults, []);
        let shown = |row: &Row| {
            let cells: Vec<_> =
                row.cells.iter().map(|(column, (_, text))| format!("{}={text}", column.name())).collect();
            format!("{}: {}", row.line, cells.join(" "))
        };
        rows.iter().map(shown).collect()
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let expected = ["2: key=E-1 given=Åsa family=Ek", "3: key=E-2 given=Bo family=-"];
        assert_eq!(cells("key,given,family\nE-1,Åsa,Ek\nE-2,Bo,-\n".as_bytes()), expected);
        assert_eq!(
            cells("\u{feff}key;given;family\r\nE-1;Åsa;Ek\r\nE-2;Bo;-\r\n;;\r\n".as_bytes()),
            expected
        );
        assert_eq!(cells("Key\tGiven\tFamily\nE-1\t Åsa \tEk\nE-2\tBo\t-".as_bytes()), expected);
        assert_eq!(cells("family,key,given\n\"Ek\",E-1,\"Åsa\"\n-,E-2,Bo\n".as_bytes()), expected);
        let blank = "key,given,family\r\n\r\nE-1,Åsa,Ek\r\n";
        assert_eq!(cells(blank.as_bytes()), ["3: key=E-1 given=Åsa family=Ek"]);
        let quoted = "key;given;family;domains\nE-1;Åsa;Ek;\"a.se; b.se\"\n";
        assert_eq!(cells(quoted.as_bytes()), ["2: key=E-1 given=Åsa family=Ek domains=a.se; b.se"]);
    }

    fn check(bytes: &[u8], expected: &[(u64, Option<u64>, FaultKind)]) {
        let found: Vec<_> =
            read(bytes).1.into_iter().map(|f| (f.place.line, f.place.number, f.kind)).collect();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn what_is_wrong_is_placed() {
        check(b"", &[(1, None, FaultKind::Empty)]);
        check(b"key,given,family\n", &[(1, None, FaultKind::Empty)]);
        check(b"key,given,family\nE-1,\xc5sa,Ek\n", &[(2, None, FaultKind::NotUtf8)]);
        check(b"\xff\xfek\0e\0y\0", &[(1, None, FaultKind::NotUtf8)]);
        check(
            b"key,given,given,role\nE-1,a,b,c\n",
            &[
                (1, Some(3), FaultKind::RepeatedColumn),
                (1, Some(4), FaultKind::UnknownColumn),
                (1, None, FaultKind::MissingColumn),
            ],
        );
        check(b"key,given,family\nE-1,Bo\n", &[(2, None, FaultKind::WrongCount)]);
        check(
            b"key,given,family\nE-1,=cmd|' /C calc'!A0,Ek\nE-2,+1,-x\n",
            &[
                (2, Some(2), FaultKind::Formula),
                (3, Some(2), FaultKind::Formula),
                (3, Some(3), FaultKind::Formula),
            ],
        );
        let many = format!("key,given,family\n{}", "E-1,a,b\n".repeat(ROWS_MAX + 1));
        check(many.as_bytes(), &[(10_002, None, FaultKind::TooManyRows)]);
    }

    #[test]
    fn any_bytes_are_no_cause_for_a_panic() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let mut bytes = b"key,given,family\n".to_vec();
            bytes.extend(
                (0..random.usize(0..60)).map(|_| *random.choice(b"a,;\"\n\r=\t\xc3\xa5").expect("some")),
            );
            let _ = read(&bytes);
        }
    }
}
