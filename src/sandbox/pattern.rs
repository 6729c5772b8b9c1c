//! Regular expressions for fault rules: a small, honest subset, since the house carries no regex crate.
//!
//! Understood: literals, `.`, `*`, `+`, `?` after a single character or class, `[abc]`, `[a-z]`, `[^/]`, `\d`, `\w`,
//! escapes of punctuation (`\.`), `^`, `$`, and `|` between whole alternatives. Not understood, and refused when the
//! rule is set: groups `(…)`, counts `{…}`, look-around, back-references. Like everywhere, no anchor means "anywhere".

/// Longest pattern that is read.
const LONGEST: usize = 512;

/// A pattern that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Alternative>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Alternative {
    from_start: bool,
    to_end: bool,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    class: Class,
    /// Fewest and, if limited to one, most repetitions.
    least: usize,
    once: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Pattern {
    /// Reads a pattern, or says what in it is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("path_regex: longer than {LONGEST} bytes"));
        }
        let mut alternatives = vec![Alternative::default()];
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            if character == '|' {
                alternatives.push(Alternative::default());
                continue;
            }
            let Some(current) = alternatives.last_mut() else { continue };
            if current.to_end {
                return Err("path_regex: '$' is understood at the end of an alternative only".into());
            }
            match character {
                '^' if current.pieces.is_empty() && !current.from_start => current.from_start = true,
                '$' => current.to_end = true,
                '*' | '+' | '?' => repeat(current, character)?,
                '(' | ')' | '{' | '}' | '^' => {
                    return Err(format!("path_regex: '{character}' is not understood"));
                }
                '.' => current.pieces.push(single(Class { negated: true, ranges: Vec::new() })),
                '[' => current.pieces.push(single(bracket(&mut rest)?)),
                '\\' => current.pieces.push(single(escape(rest.next())?)),
                literal => current.pieces.push(single(exactly(literal))),
            }
        }
        Ok(Self(alternatives))
    }

    /// Whether the text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.0.iter().any(|alternative| {
            let last = if alternative.from_start { 0 } else { text.len() };
            // All starts at once: a set of positions keeps the work at pieces × text.
            let mut starts = vec![false; text.len() + 1];
            starts.iter_mut().take(last + 1).for_each(|start| *start = true);
            let ends =
                alternative.pieces.iter().fold(starts, |reached, piece| piece.advance(&reached, &text));
            if alternative.to_end { ends.last().copied().unwrap_or(false) } else { ends.contains(&true) }
        })
    }
}

impl Piece {
    /// The positions reached from the positions given.
    fn advance(&self, from: &[bool], text: &[char]) -> Vec<bool> {
        let mut reached = vec![false; from.len()];
        let mut running = false;
        for (at, &start) in from.iter().enumerate() {
            // `running`: some repetition that began earlier ends here.
            let arrives = running && at > 0;
            reached[at] = arrives || (start && self.least == 0);
            let begins = start || (arrives && !self.once);
            running = begins && text.get(at).is_some_and(|character| self.class.holds(*character));
        }
        reached
    }
}

impl Class {
    fn holds(&self, character: char) -> bool {
        let inside = self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
        inside != self.negated
    }
}

fn single(class: Class) -> Piece {
    Piece { class, least: 1, once: true }
}

fn exactly(character: char) -> Class {
    Class { negated: false, ranges: vec![(character, character)] }
}

fn repeat(current: &mut Alternative, sign: char) -> Result<(), String> {
    let piece = current.pieces.last_mut().filter(|piece| piece.least == 1 && piece.once);
    let piece = piece.ok_or_else(|| format!("path_regex: nothing that '{sign}' could repeat"))?;
    (piece.least, piece.once) = match sign {
        '*' => (0, false),
        '+' => (1, false),
        _ => (0, true),
    };
    Ok(())
}

fn escape(character: Option<char>) -> Result<Class, String> {
    match character {
        Some('d') => Ok(Class { negated: false, ranges: vec![('0', '9')] }),
        Some('w') => {
            Ok(Class { negated: false, ranges: vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')] })
        }
        Some(sign) if sign.is_ascii_punctuation() => Ok(exactly(sign)),
        Some(other) => Err(format!("path_regex: '\\{other}' is not understood")),
        None => Err("path_regex: ends with '\\'".into()),
    }
}

fn bracket(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Class, String> {
    let unclosed = || "path_regex: '[' without ']'".to_owned();
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        match rest.next().ok_or_else(unclosed)? {
            ']' if !ranges.is_empty() => return Ok(Class { negated, ranges }),
            ']' => return Err("path_regex: '[]' is empty".into()),
            '\\' => ranges.extend(escape(rest.next())?.ranges),
            first => {
                let mut ahead = rest.clone();
                let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']');
                if is_range {
                    rest.next();
                    ranges.push((first, rest.next().ok_or_else(unclosed)?));
                } else {
                    ranges.push((first, first));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let parsed = Pattern::parse(pattern).unwrap();
        for text in yes {
            assert!(parsed.matches(text), "{pattern} should match {text}");
        }
        for text in no {
            assert!(!parsed.matches(text), "{pattern} should not match {text}");
        }
    }

    #[test]
    fn the_subset_matches_as_everywhere() {
        check("users", &["/v1/users", "users/x"], &["/v1/user"]);
        check("", &["", "x"], &[]);
        check("^/v1/users$", &["/v1/users"], &["/v1/users/1", "x/v1/users"]);
        check("/users/[^/]+$", &["/users/a@b"], &["/users/", "/users/a/undelete"]);
        check("sku/.*/user$", &["sku/1/user", "sku//user", "a/sku/1/2/user"], &["sku/1/users"]);
        check(r"v1\.2", &["v1.2"], &["v1x2"]);
        check(r"/\d+$", &["/12"], &["/1a", "/"]);
        check("colou?r", &["color", "colour"], &["colouur"]);
        check("^a|b$", &["ax", "xb"], &["xa", "bx"]);
        check("a.c", &["abc"], &["ac"]);
        check("ab*c", &["ac", "abbbc"], &["adc"]);
        check("[a-c-]x", &["bx", "-x"], &["dx"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in ["(a)", "a{2}", "*a", "a**", r"\b", "[", "[]", "a\\", "a^", "a$b", &"a".repeat(600)] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
