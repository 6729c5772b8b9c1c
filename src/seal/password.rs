//! Initial passwords: long, typeable on any keyboard, and every one as likely as any other.
//! Not here: where a password is kept, and who may see it.

use super::SealError;
use ring::rand::SecureRandom;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// 24 of 61 characters are 142 bits. Google takes 8 to 100 ASCII characters (Directory API, users: password).
const LENGTH: usize = 24;

/// No character that is taken for another (I l 1, O o 0), none that is a dead key on a Nordic keyboard,
/// none that a spreadsheet takes for the beginning of a formula (= + - @).
const CLASSES: [&[u8]; 4] = [b"abcdefghijkmnpqrstuvwxyz", b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"23456789", b"!#%*?"];

/// Draws an initial password with lower case, upper case, digits and symbols.
///
/// # Errors
/// When there are no random bytes.
pub fn password(random: &dyn SecureRandom) -> Result<SecretString, SealError> {
    let alphabet = CLASSES.concat();
    loop {
        let mut drawn = Zeroizing::new(String::with_capacity(LENGTH));
        while drawn.len() < LENGTH {
            drawn.extend(draw(random, &alphabet)?);
        }
        // A draw that lacks a class is thrown away whole: putting one in at a fixed place would favour some passwords.
        if CLASSES.iter().all(|class| drawn.bytes().any(|byte| class.contains(&byte))) {
            return Ok(SecretString::from(drawn.as_str()));
        }
    }
}

/// One character; none when the byte falls into the uneven rest, where a remainder would favour the first characters.
fn draw(random: &dyn SecureRandom, alphabet: &[u8]) -> Result<Option<char>, SealError> {
    let mut byte = Zeroizing::new([0; 1]);
    random.fill(byte.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
    let even = 256 / alphabet.len() * alphabet.len();
    let drawn = usize::from(byte[0]);
    Ok((drawn < even).then(|| char::from(alphabet[drawn % alphabet.len()])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use secrecy::ExposeSecret as _;
    use std::collections::{BTreeMap, BTreeSet};

    fn drawn(count: usize) -> Vec<String> {
        let random = SystemRandom::new();
        (0..count).map(|_| password(&random).unwrap().expose_secret().to_owned()).collect()
    }

    #[test]
    fn every_password_has_every_class_and_nothing_else() {
        let alphabet = CLASSES.concat();
        for password in drawn(1000) {
            assert_eq!(password.len(), LENGTH);
            assert!(password.bytes().all(|byte| alphabet.contains(&byte)), "{password}");
            for class in CLASSES {
                assert!(password.bytes().any(|byte| class.contains(&byte)), "{password}");
            }
        }
        assert!(!alphabet.iter().any(|byte| b"Il1Oo0=+-@ ".contains(byte)));
        assert_eq!(
            alphabet.iter().collect::<BTreeSet<_>>().len(),
            alphabet.len(),
            "no character counts twice"
        );
    }

    #[test]
    fn no_password_comes_twice() {
        assert_eq!(drawn(1000).into_iter().collect::<BTreeSet<_>>().len(), 1000);
    }

    /// 16000 passwords hold about 6200 of each letter, with a deviation of 78: an eighth off is ten deviations away,
    /// while a plain remainder would make some letters a quarter more frequent than others.
    #[test]
    fn no_letter_and_no_place_is_favoured() {
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        drawn(16_000)
            .iter()
            .flat_map(|password| password.chars())
            .for_each(|c| *counts.entry(c).or_default() += 1);
        let letters: Vec<_> =
            counts.iter().filter(|(c, _)| c.is_ascii_alphabetic()).map(|(_, count)| *count).collect();
        let mean = letters.iter().sum::<usize>() / letters.len();
        assert!(letters.iter().all(|count| count.abs_diff(mean) < mean / 8 + 1), "{counts:?}");
    }
}
