//! The private key out of the text of a key file, with no copy of it left in memory: parsers in general free their buffers as they are.
//! Not here: the file, and what is signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What a text in JSON says, quotes included (RFC 8259, section 7). Nothing where it is no text, or says more than ASCII.
pub(super) fn unescaped(json: &str) -> Option<Zeroizing<String>> {
    let mut letters = json.strip_prefix('"')?.strip_suffix('"')?.chars();
    // Room for all of it at once, as everywhere here: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(json.len()));
    while let Some(letter) = letters.next() {
        let said = match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits = letters.as_str().get(..4)?;
                    letters = letters.as_str()[4..].chars();
                    char::from(u8::from_str_radix(digits.strip_prefix("00")?, 16).ok()?)
                }
                same @ ('"' | '\\' | '/') => same,
                _ => return None,
            },
            plain => plain,
        };
        text.push(Some(said).filter(char::is_ascii)?);
    }
    Some(text)
}

/// The bytes of a key in PKCS#8 (RFC 7468, section 10).
pub(super) fn pkcs8(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    let mut digits = Zeroizing::new(String::with_capacity(body.len()));
    digits.extend(body.chars().filter(|letter| !letter.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(digits.len())]);
    let length = STANDARD.decode_slice(digits.as_bytes(), &mut bytes).ok().filter(|length| *length > 0)?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_json_says() {
        for json in [r#""a\nb\r\t\"\\\/""#, r#""MIIE\u003d\u003D""#, r#""""#] {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(unescaped(json).map(|text| text.to_string()), Some(expected), "{json}");
        }
        for json in ["", "\"", "1", "null", r#""\u00e5""#, r#""\u20ac""#, r#""\u00""#, r#""\x""#, "\"å\""] {
            assert_eq!(unescaped(json), None, "{json}");
        }
    }

    #[test]
    fn only_a_key_is_one() {
        let pem = |body: &str| format!("{BEGIN}\n{body}\n{END}\n");
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(pkcs8(text).as_deref().map(Vec::as_slice), expected, "{text}");
        };
        check(&pem("AQID\r\nBA=="), Some(&[1, 2, 3, 4]));
        check(&pem(""), None);
        check(&pem("AQ!D"), None);
        check("AQID", None);
        check(&pem("AQID").replace("PRIVATE", "RSA PRIVATE"), None);
    }
}
