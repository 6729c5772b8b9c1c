//! A Rust file as the tidy rules see it: the code alone, comments and texts blanked, every line where it was.
//! Not here: the rules. This is a scanner, not a parser; it knows just enough Rust not to be fooled by comments and quotes.

/// One file under `src/`.
pub struct Source {
    /// Relative to `src/`, with `/`: `google/client.rs`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The same with comments and the insides of string and character literals blanked.
    pub code: String,
}

impl Source {
    /// Scans a file.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// The part of the house: the first folder, or the file's stem at the top.
    pub fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The code before the tests at the end of the file; nothing of a file that is all tests.
    pub fn product(&self) -> &str {
        if self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs") {
            return "";
        }
        let tests = self.code.find("#[cfg(test)]\nmod tests {");
        &self.code[..tests.unwrap_or(self.code.len())]
    }

    /// How many modules deep the file is: 1 for `google/mod.rs` and `clock.rs`, 2 for `google/client.rs`.
    pub fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }
}

/// The line, counted from one, of a place in a text.
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where `word` stands by itself: no letter, digit or `_` touches it.
pub fn places_of<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let inside_before = word.starts_with(is_word) && code[..*at].ends_with(is_word);
        let inside_after = word.ends_with(is_word) && code[at + word.len()..].starts_with(is_word);
        !inside_before && !inside_after
    })
}

/// The names that directly follow `root::`, with their places: `root::a::b` gives `a`, `root::{a, b::{c, d}}` gives `a` and `b`.
pub fn names_after<'a>(code: &'a str, root: &'a str) -> Vec<(usize, &'a str)> {
    let mut names = Vec::new();
    for at in places_of(code, root) {
        let Some(rest) = code[at + root.len()..].strip_prefix("::") else { continue };
        let begin = at + root.len() + 2;
        match rest.strip_prefix('{') {
            Some(group) => {
                names.extend(heads_of_group(group).map(|(offset, name)| (begin + 1 + offset, name)));
            }
            None => names.push((begin, leading_name(rest))),
        }
    }
    names
}

fn heads_of_group(group: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut depth, mut begin, mut heads) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                heads.push((begin, at));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads.into_iter().map(|(begin, end)| {
        let item = &group[begin..end];
        let name = item.trim_start();
        (begin + item.len() - name.len(), leading_name(name))
    })
}

fn leading_name(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    &text[..end]
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Blanks comments and literals, byte for byte, and keeps the line breaks.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (kept, blanked) = next_piece(&code, rest);
        code.push_str(&rest[..kept]);
        code.extend(rest[kept..kept + blanked].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        rest = &rest[kept + blanked..];
    }
    code
}

/// How many bytes at the beginning of `rest` are code, and how many after those are to be blanked.
fn next_piece(before: &str, rest: &str) -> (usize, usize) {
    if rest.starts_with("//") {
        (0, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (0, block_comment(rest))
    } else if let Some(inside) = rest.strip_prefix('"') {
        (1, literal(inside, '"'))
    } else if let Some(raw) = raw_string(before, rest) {
        (0, raw)
    } else if rest.starts_with('\'') && is_character(rest) {
        (1, literal(&rest[1..], '\''))
    } else {
        (rest.chars().next().map_or(0, char::len_utf8), 0)
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a literal's inside and closing quote, past escapes.
fn literal(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

fn raw_string(before: &str, rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r').filter(|_| !before.ends_with(is_word) || before.ends_with('b'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
    Some(1 + hashes + 1 + end)
}

/// A character literal, and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => true,
        Some(_) => inside.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, names_after};

    #[test]
    fn comments_and_texts_are_not_code() {
        for hidden in
            ["// x", "/* a /* x */ x */", "\"x\"", "\"\\\"x\"", "r#\"\"x\"#", "br\"x\"", "'x'", "'\\x'"]
        {
            let source = Source::new("a.rs", &format!("let å = {hidden}\n; x2()"));
            assert!(
                !source.code.contains("x\\") && !source.code.replace("x2", "").contains('x'),
                "{:?}",
                source.code
            );
            assert!(source.code.ends_with("\n; x2()"), "{:?}", source.code);
        }
        assert!(Source::new("a.rs", "fn f<'x>(x: &'x str, c: char) { c == 'y' }").code.contains("'x str"));
    }

    #[test]
    fn paths_and_groups_give_their_first_names() {
        let code = "use crate::{a, b::{c, d},\n  e as f};\ncrate::g::h(); my_crate::i; crate ::j";
        let names: Vec<_> = names_after(code, "crate").into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b", "e", "g"]);
    }

    #[test]
    fn tests_at_the_end_are_not_product() {
        assert_eq!(Source::new("a.rs", "a\n#[cfg(test)]\nmod tests {").product(), "a\n");
        assert_eq!(Source::new("a/tests.rs", "a").product(), "");
    }
}
