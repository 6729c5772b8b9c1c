//! The language a command speaks. Not here: the language of a person's name, which `username preview` asks for.

use crate::model::person::Language;
use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser as _};

/// The language of messages.
#[derive(Clone, Copy, Debug, Args)]
pub struct Speech {
    /// Language of the messages: sv for Swedish, everything else is English
    #[arg(long, env = "LANG", hide_env = true, default_value = "en", value_parser = StringValueParser::new().map(|text| language(&text)))]
    pub language: Language,
}

/// The language of a tag, or of a locale as it stands in `LANG`: `sv`, `sv-SE`, `sv_SE.UTF-8`.
fn language(text: &str) -> Language {
    let primary = text.split(['-', '_', '.']).next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("sv") { Language::Swedish } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_locale() {
        let check = |text: &str, expected: Language| assert_eq!(language(text), expected, "{text}");
        check("sv", Language::Swedish);
        check("sv_SE.UTF-8", Language::Swedish);
        check("C.UTF-8", Language::English);
        check("", Language::English);
    }
}
