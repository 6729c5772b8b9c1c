//! The house rules about secrets, each a pure function from a file to its offences: what holds a key shows it nowhere, and what is named
//! like a secret has a type that neither shows nor keeps it. Not here: what comes out of the running binary (`canaries`).

use super::code::{Source, line_of, places_of};
use super::rules::{Offence, Rule};

/// Every rule about one file.
pub const RULES: [Rule; 2] = [keys_are_not_shown, secrets_have_a_type];

/// What is a key or a secret in the open.
const SECRETS: [&str; 8] = [
    "Zeroizing",
    "KeyBytes",
    "PrivateKeyDer",
    "PrivatePkcs8KeyDer",
    "RsaKeyPair",
    "Ed25519KeyPair",
    "LessSafeKey",
    "hmac::Key",
];

/// What a field is called that holds one.
const NAMES: [&str; 6] = ["password", "passphrase", "secret", "private_key", "access_token", "assertion"];

/// Types that show what they hold, and leave it in memory.
const OPEN_TYPES: [&str; 5] = ["String", "Option<String>", "Vec<u8>", "&str", "Box<str>"];

/// A type with a key in it derives neither `Debug` nor `Serialize`: both would copy the key out. What `secrecy` holds is safe: its own
/// `Debug` shows nothing.
fn keys_are_not_shown(source: &Source) -> Vec<Offence> {
    let code = source.product();
    let types = ["struct", "enum"].into_iter().flat_map(|word| places_of(code, word));
    let shown = types.filter(|at| {
        let definition = definition(&code[*at..]);
        let holds = SECRETS.iter().any(|secret| places_of(definition, secret).next().is_some());
        let derived = derived(&code[..*at]);
        holds && ["Debug", "Serialize"].iter().any(|shows| places_of(derived, shows).next().is_some())
    });
    shown.map(|at| offence(source, at, "holds a key and shows it: write a `Debug` that does not")).collect()
}

/// Google's model is beside the house and has no secret but its own.
fn secrets_have_a_type(source: &Source) -> Vec<Offence> {
    if source.room() == "sandbox" {
        return Vec::new();
    }
    let code = source.product();
    let fields = NAMES.iter().flat_map(|name| places_of(code, name).map(move |at| (at, at + name.len())));
    let open = fields.filter(|(_, end)| {
        let Some(kind) = code[*end..].strip_prefix(": ") else { return false };
        OPEN_TYPES
            .iter()
            .any(|open| kind.strip_prefix(open).is_some_and(|rest| rest.starts_with([',', ')', '\n', ' '])))
    });
    open.map(|(at, _)| offence(source, at, "a secret in the open: take `SecretString` or `Zeroizing`"))
        .collect()
}

/// From the word `struct` or `enum` to the end of the definition.
fn definition(code: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' if depth > 1 => depth -= 1,
            '}' | ')' => return &code[..at],
            ';' if depth == 0 => return &code[..at],
            _ => {}
        }
    }
    code
}

/// What stands between the item before and this one: its attributes.
fn derived(before: &str) -> &str {
    let begin = before.rfind(['}', ';']).map_or(0, |at| at + 1);
    &before[begin..]
}

fn offence(source: &Source, at: usize, complaint: &str) -> Offence {
    Offence::new(format!("src/{}", source.path), line_of(&source.code, at), complaint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{RULES, Source};

    #[test]
    fn what_shows_a_secret_is_caught() {
        let check = |text: &str, expected: usize| {
            let source = Source::new("seal/a.rs", &format!("//!\n{text}"));
            assert_eq!(RULES.iter().flat_map(|rule| rule(&source)).count(), expected, "{text}");
        };
        check("#[derive(Clone, Debug)]\nstruct A { key: Zeroizing<[u8; 32]> }", 1);
        check("#[derive(Serialize)]\npub struct A(hmac::Key);", 1);
        check("#[derive(Debug)]\nenum A { Key(Box<RsaKeyPair>), None }", 1);
        check("#[derive(Clone)]\nstruct A { key: KeyBytes }", 0);
        check("#[derive(Debug)]\nstruct B { a: u8 }\n\nstruct A { key: KeyBytes }", 0);
        check("#[derive(Debug)]\nstruct A { key: SecretString }", 0);
        check("struct A { password: String }", 1);
        check("fn a(private_key: &str) {}", 1);
        check("struct A { password: SecretString, next_page_token: Option<String> }", 0);
    }
}
