//! Folding one piece of a name to `a`–`z`, `0`–`9` and `-`: first by the alphabet of the name's language, then
//! by the letters that have one Latin form everywhere, then by taking marks off. A letter that is left over is
//! an answer, not a reason to guess: universal transliterators read Japanese names as Chinese.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The habits of a language that differ from taking the marks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// German, Swiss German and Luxembourgish: ä ö ü are written ae oe ue.
    German,
    /// Danish and Norwegian: å ø æ are written aa oe ae.
    DanishNorwegian,
    /// Turkish and Azerbaijani: I and İ are two letters, with the small forms ı and i.
    Turkic,
    /// Vietnamese: the last given name is the one a person is called by.
    Vietnamese,
    /// Everybody else, Swedish, Finnish and Icelandic among them: the common table says it all.
    Plain,
}

impl Alphabet {
    /// The alphabet of a language, by the first part of its tag; what is not known is plain.
    pub(super) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "de" | "gsw" | "lb" => Self::German,
            "da" | "nb" | "nn" | "no" => Self::DanishNorwegian,
            "tr" | "az" => Self::Turkic,
            "vi" => Self::Vietnamese,
            _ => Self::Plain,
        }
    }

    /// Whether the called name is the last of the given names; it is the first elsewhere.
    pub(super) fn calls_by_last_token(self) -> bool {
        self == Self::Vietnamese
    }

    /// Folds a piece of a name (in NFC); `None` where a letter is left over, empty where nothing is left.
    pub(super) fn fold(self, piece: &str) -> Option<String> {
        let mut folded = String::new();
        for letter in plain(piece).chars().flat_map(|c| self.lower(c)) {
            if let Some(own) = self.own(letter) {
                folded.push_str(own);
                continue;
            }
            for part in std::iter::once(letter).nfd() {
                self.push(part, &mut folded)?;
            }
        }
        Some(folded.trim_matches('-').to_owned())
    }

    /// Small letters by language. `İ` is caught for all: its standard small form is two code points.
    fn lower(self, c: char) -> impl Iterator<Item = char> {
        let c = match c {
            'I' if self == Self::Turkic => 'ı',
            'İ' => 'i',
            other => other,
        };
        c.to_lowercase()
    }

    fn push(self, part: char, folded: &mut String) -> Option<()> {
        if let Some(text) = self.own(part).or_else(|| common(part)) {
            folded.push_str(text);
        } else if part.is_ascii_alphanumeric() {
            folded.push(part);
        } else if is_combining_mark(part) || is_apostrophe(part) {
            // The mark of a letter that was kept, or O'Brien's.
        } else if part.is_alphanumeric() {
            return None;
        } else if !folded.is_empty() && !folded.ends_with('-') {
            folded.push('-');
        }
        Some(())
    }

    /// Letters this language writes in its own way.
    fn own(self, letter: char) -> Option<&'static str> {
        match (self, letter) {
            (Self::German | Self::DanishNorwegian, 'ä') | (Self::DanishNorwegian, 'æ') => Some("ae"),
            (Self::German | Self::DanishNorwegian, 'ö') | (Self::DanishNorwegian, 'ø') => Some("oe"),
            (Self::German, 'ü') => Some("ue"),
            (Self::DanishNorwegian, 'å') => Some("aa"),
            (Self::Turkic, 'ə') => Some("a"),
            _ => None,
        }
    }
}

/// Letters that are drawn as one or wide for the sake of the type (`ﬁ`, `ǆ`, `Ａ`) as those that they are, in NFC again.
fn plain(piece: &str) -> String {
    let mut plain = String::new();
    for c in piece.chars() {
        match c {
            '\u{1c4}'..='\u{1cc}'
            | '\u{1f1}'..='\u{1f3}'
            | '\u{fb00}'..='\u{fb06}'
            | '\u{ff01}'..='\u{ff5e}' => {
                decompose_compatible(c, |part| plain.push(part));
            }
            _ => plain.push(c),
        }
    }
    plain.nfc().collect()
}

/// Small letters whose mark is part of the letter, so that taking marks off leaves them as they are.
fn common(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ĳ' => "ij",
        'ŋ' => "ng",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'ø' | 'ɔ' => "o",
        'ł' | 'ŀ' => "l",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ĸ' => "q",
        'ſ' => "s",
        'ŉ' => "n",
        'ɓ' | 'ƀ' => "b",
        'ƙ' => "k",
        'ƴ' => "y",
        'ɛ' | 'ǝ' => "e",
        _ => return None,
    })
}

/// Signs inside a word that are left out: what people write as an apostrophe, the modifier letters of Hawaiian and Tongan names, and the
/// dot of Catalan `l·l`.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '·' | '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | 'ʻ' | 'ʹ' | 'ʽ' | 'ʾ' | 'ʿ' | '′')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: &str, piece: &str, expected: Option<&str>) {
        let composed: String = piece.nfc().collect();
        assert_eq!(Alphabet::of(language).fold(&composed).as_deref(), expected, "{piece:?} as {language}");
    }

    #[test]
    fn each_language_folds_its_own_letters() {
        check("sv", "Åäö Éü", Some("aao-eu"));
        check("fi", "Yrjö Hämäläinen", Some("yrjo-hamalainen"));
        check("de-CH", "ÄÖÜ ẞß", Some("aeoeue-ssss"));
        check("de", "A\u{308}", Some("ae"));
        check("nb", "Åse Bjørnæs", Some("aase-bjoernaes"));
        check("da", "Ǿ", Some("oe"));
        check("is", "Þóra Ægisdóttir ð", Some("thora-aegisdottir-d"));
        check("tr", "IİıiŞĞÇ", Some("iiiisgc"));
        check("tr", "I\u{307}brahim", Some("ibrahim"));
        check("en", "İbrahim", Some("ibrahim"));
        check("az", "Əliyev", Some("aliyev"));
        check("vi", "Nguyễn Đường Ơ Ư", Some("nguyen-duong-o-u"));
        check("mt", "Ħal Ġużè", Some("hal-guze"));
        check("pl", "Żółć Łącki", Some("zolc-lacki"));
        check("ro", "Țuțea Şerban", Some("tutea-serban"));
        check("haw", "Kaʻiulani", Some("kaiulani"));
        check("ca", "Gal·la Pŀa", Some("galla-pla"));
        check("lb", "Jäer", Some("jaeer"));
        check("hr", "ǅurđa", Some("dzurda"));
        check("ja", "Ａｎｎａ－Ｍａｒｉａ", Some("anna-maria"));
        check("en", "Griﬃn", Some("griffin"));
    }

    #[test]
    fn separators_are_single_and_inside() {
        check("en", " -J. R.R.--(Tolkien) ", Some("j-r-r-tolkien"));
        check("en", "…", Some(""));
        check("en", "D’Arcy-O'Neill", Some("darcy-oneill"));
    }

    #[test]
    fn a_letter_left_over_is_an_answer() {
        for left_over in ["太郎", "Аnna", "محمد", "Αλέξης", "김민준", "ｶﾅ", "Mª", "がく", "anna२"]
        {
            check("sv", left_over, None);
        }
        check("sv", "Əliyev", None);
    }
}
