//! Makes RSA-2048 keys for the sandbox's service accounts.
//!
//! FOR THROW-AWAY SANDBOX KEYS ONLY. The arithmetic is not constant-time and has had no review as cryptography;
//! a key from here must never guard anything real. It exists because `sandbox init` and `demo` need a fresh key per
//! reseller (one in the repository would be a secret in the repository), and ring signs with RSA but makes no keys.
//!
//! Written for speed without an optimiser: fixed arrays and counting loops, since a debug build makes the demo's
//! keys too. Method: sieve an interval, Fermat to base 2, then Miller-Rabin to random bases (FIPS 186-5, B.3).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::rand::SecureRandom;

/// Limbs of a prime: 16 × 64 = 1024 bits.
const LIMBS: usize = 16;
/// Limbs of the modulus.
const WIDE: usize = 2 * LIMBS;
/// The public exponent, the only one that Google's keys use.
const EXPONENT: u64 = 65_537;
/// Primes below this are sieved out before any exponentiation.
const SIEVE_BELOW: usize = 1 << 15;
/// Odd candidates in one sieved interval.
const INTERVAL: usize = 1 << 11;
/// Miller-Rabin rounds on the survivor (an error below 2^-100 for random candidates of this size).
const ROUNDS: usize = 5;

type Prime = [u64; LIMBS];

/// A fresh key, as files carry it.
#[derive(Clone)]
pub struct KeyPair {
    /// PKCS#8 PEM, "BEGIN PRIVATE KEY", as in Google's service-account files.
    pub private_pem: String,
    /// PKCS#1 PEM, "BEGIN RSA PUBLIC KEY", as in the world file.
    pub public_pem: String,
}

/// The system's random source failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Makes one key. About a tenth of a second in a debug build, with luck playing its part.
pub fn generate(random: &dyn SecureRandom) -> Result<KeyPair, NoRandomness> {
    let small = small_primes();
    let first = prime(random, &small)?;
    let mut second = prime(random, &small)?;
    while second == first {
        second = prime(random, &small)?;
    }
    let (p, q) = if greater_or_equal(&first, &second) { (first, second) } else { (second, first) };
    Ok(encode(&p, &q))
}

/// Makes `count` keys, each on its own thread.
pub fn generate_many(count: usize) -> Result<Vec<KeyPair>, NoRandomness> {
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..count).map(|_| scope.spawn(|| generate(&ring::rand::SystemRandom::new()))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Err(NoRandomness))).collect()
    })
}

/// PEM around DER bytes, 64 characters a line (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = tail;
    }
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}

/// DER bytes out of a PEM text with this label.
pub fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    let joined: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(joined).ok()
}

fn encode(p: &Prime, q: &Prime) -> KeyPair {
    let modulus = multiply(p, q);
    let (p_less, q_less) = (minus_one(p), minus_one(q));
    let totient = multiply(&p_less, &q_less);
    let montgomery = Montgomery::new(p);
    let mut two = [0; LIMBS];
    two[0] = 2;
    let coefficient = montgomery.inverse(q, &subtract(p, &two));
    let numbers = [
        integer(&[0]),
        integer(&modulus),
        integer(&[EXPONENT]),
        integer(&inverse_of_exponent(&totient)),
        integer(p),
        integer(q),
        integer(&inverse_of_exponent(&p_less)),
        integer(&inverse_of_exponent(&q_less)),
        integer(&coefficient),
    ];
    let private = sequence(&numbers.concat());
    // AlgorithmIdentifier: rsaEncryption (1.2.840.113549.1.1.1), NULL (RFC 8017, A.1).
    let algorithm = sequence(&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0]);
    let pkcs8 = sequence(&[integer(&[0]), algorithm, tagged(0x04, &private)].concat());
    let public = sequence(&[integer(&modulus), integer(&[EXPONENT])].concat());
    KeyPair { private_pem: pem("PRIVATE KEY", &pkcs8), public_pem: pem("RSA PUBLIC KEY", &public) }
}

/// A random prime of exactly 1024 bits with its two top bits set, so that a product has exactly 2048 bits,
/// and with `p - 1` coprime to the exponent.
fn prime(random: &dyn SecureRandom, small: &[u64]) -> Result<Prime, NoRandomness> {
    loop {
        let mut start = random_limbs(random)?;
        start[0] |= 1;
        start[LIMBS - 1] |= 0b11 << 62;
        // Keep the interval from overflowing the lowest limb: carries would spoil the sieve.
        start[0] &= u64::MAX >> 1;
        for step in sieve(&start, small) {
            let mut candidate = start;
            candidate[0] += 2 * step;
            if remainder(&candidate, EXPONENT) != 1 && is_prime(&candidate, random)? {
                return Ok(candidate);
            }
        }
    }
}

fn random_limbs(random: &dyn SecureRandom) -> Result<Prime, NoRandomness> {
    let mut bytes = [0_u8; LIMBS * 8];
    random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    let mut limbs = [0; LIMBS];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    Ok(limbs)
}

/// The odd primes below `SIEVE_BELOW`.
fn small_primes() -> Vec<u64> {
    let mut composite = vec![false; SIEVE_BELOW];
    let mut primes = Vec::new();
    for n in (3..SIEVE_BELOW).step_by(2) {
        if !composite[n] {
            primes.push(n as u64);
            for multiple in (n * n..SIEVE_BELOW).step_by(2 * n) {
                composite[multiple] = true;
            }
        }
    }
    primes
}

/// Steps `s` for which `start + 2s` has no small factor.
fn sieve(start: &Prime, small: &[u64]) -> Vec<u64> {
    let mut composite = vec![false; INTERVAL];
    for &prime in small {
        let rest = remainder(start, prime);
        // The first step with start + 2s ≡ 0: s ≡ -start / 2 (mod prime).
        let missing = (prime - rest) % prime;
        let mut step = if missing.is_multiple_of(2) { missing / 2 } else { u64::midpoint(missing, prime) };
        while step < INTERVAL as u64 {
            composite[usize::try_from(step).expect("below INTERVAL")] = true;
            step += prime;
        }
    }
    (0..INTERVAL as u64).zip(composite).filter_map(|(step, bad)| (!bad).then_some(step)).collect()
}

fn is_prime(candidate: &Prime, random: &dyn SecureRandom) -> Result<bool, NoRandomness> {
    let field = Montgomery::new(candidate);
    if !field.passes_fermat() {
        return Ok(false);
    }
    for _ in 0..ROUNDS {
        if !field.passes_miller_rabin(&random_limbs(random)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Arithmetic modulo an odd number whose top bit is set; values are kept as `x · 2^1024 mod m`.
struct Montgomery {
    modulus: Prime,
    /// `-m⁻¹ mod 2^64`.
    negative_inverse: u64,
    /// One in Montgomery form: `2^1024 mod m`, which is `2^1024 - m` because the top bit of `m` is set.
    one: Prime,
}

impl Montgomery {
    fn new(modulus: &Prime) -> Self {
        let mut inverse = 1_u64;
        for _ in 0..6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus[0].wrapping_mul(inverse)));
        }
        let one = subtract(&[0; LIMBS], modulus);
        Self { modulus: *modulus, negative_inverse: inverse.wrapping_neg(), one }
    }

    /// `2^(m-1) ≡ 1`: doubling instead of multiplying makes it the cheapest first sieve.
    fn passes_fermat(&self) -> bool {
        let exponent = minus_one(&self.modulus);
        let mut value = self.one;
        let mut bit = LIMBS * 64;
        while bit > 0 {
            bit -= 1;
            value = self.multiply(&value, &value);
            if bit_of(&exponent, bit) {
                value = self.double(&value);
            }
        }
        value == self.one
    }

    /// One Miller-Rabin round to a base that is taken as already in Montgomery form.
    fn passes_miller_rabin(&self, base: &Prime) -> bool {
        let base = if greater_or_equal(base, &self.modulus) { subtract(base, &self.modulus) } else { *base };
        if base == [0; LIMBS] {
            return true;
        }
        let minus = subtract(&self.modulus, &self.one);
        let mut exponent = minus_one(&self.modulus);
        let mut twos = 0;
        while exponent[0] & 1 == 0 {
            halve(&mut exponent);
            twos += 1;
        }
        let mut value = self.power(&base, &exponent);
        if value == self.one || value == minus {
            return true;
        }
        for _ in 1..twos {
            value = self.multiply(&value, &value);
            if value == minus {
                return true;
            }
        }
        false
    }

    /// `value⁻¹ mod m` for a prime `m`, by Fermat: `value^(m-2)`. Plain in, plain out.
    fn inverse(&self, value: &Prime, exponent: &Prime) -> Prime {
        // Into Montgomery form: multiply by 2^1024 by doubling 1024 times.
        let mut form =
            if greater_or_equal(value, &self.modulus) { subtract(value, &self.modulus) } else { *value };
        for _ in 0..LIMBS * 64 {
            form = self.double(&form);
        }
        let mut unit = [0; LIMBS];
        unit[0] = 1;
        self.multiply(&self.power(&form, exponent), &unit)
    }

    fn power(&self, base: &Prime, exponent: &Prime) -> Prime {
        let mut value = self.one;
        let mut bit = LIMBS * 64;
        while bit > 0 {
            bit -= 1;
            value = self.multiply(&value, &value);
            if bit_of(exponent, bit) {
                value = self.multiply(&value, base);
            }
        }
        value
    }

    fn double(&self, value: &Prime) -> Prime {
        let mut twice = [0; LIMBS];
        let mut carry = 0;
        let mut i = 0;
        while i < LIMBS {
            twice[i] = value[i] << 1 | carry;
            carry = value[i] >> 63;
            i += 1;
        }
        if carry == 1 || greater_or_equal(&twice, &self.modulus) {
            subtract(&twice, &self.modulus)
        } else {
            twice
        }
    }

    /// Montgomery product `a · b · 2^-1024 mod m` (coarsely integrated operand scanning).
    fn multiply(&self, a: &Prime, b: &Prime) -> Prime {
        let mut total = [0_u64; LIMBS + 2];
        let mut i = 0;
        while i < LIMBS {
            let carry = add_product(&mut total, b, a[i]);
            let sum = u128::from(total[LIMBS]) + u128::from(carry);
            total[LIMBS] = low(sum);
            total[LIMBS + 1] = high(sum);
            let factor = total[0].wrapping_mul(self.negative_inverse);
            let carry = add_product(&mut total, &self.modulus, factor);
            let sum = u128::from(total[LIMBS]) + u128::from(carry);
            total[LIMBS] = low(sum);
            total[LIMBS + 1] += high(sum);
            total.copy_within(1.., 0); // the lowest limb is zero now: divide by 2^64
            total[LIMBS + 1] = 0;
            i += 1;
        }
        let mut product = [0; LIMBS];
        product.copy_from_slice(&total[..LIMBS]);
        let over = total[LIMBS] != 0 || greater_or_equal(&product, &self.modulus);
        if over { subtract(&product, &self.modulus) } else { product }
    }
}

/// `total += b · factor` over the low limbs; gives the carry out.
fn add_product(total: &mut [u64; LIMBS + 2], b: &Prime, factor: u64) -> u64 {
    let mut carry = 0_u64;
    let mut j = 0;
    while j < LIMBS {
        let sum = u128::from(b[j]) * u128::from(factor) + u128::from(total[j]) + u128::from(carry);
        total[j] = low(sum);
        carry = high(sum);
        j += 1;
    }
    carry
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(value: u128) -> u64 {
    value as u64
}

fn high(value: u128) -> u64 {
    low(value >> 64)
}

fn bit_of(value: &Prime, bit: usize) -> bool {
    value[bit / 64] >> (bit % 64) & 1 == 1
}

fn greater_or_equal(a: &Prime, b: &Prime) -> bool {
    a.iter().rev().cmp(b.iter().rev()).is_ge()
}

/// `a - b` modulo 2^1024.
fn subtract(a: &Prime, b: &Prime) -> Prime {
    let mut difference = [0; LIMBS];
    let mut borrow = false;
    let mut i = 0;
    while i < LIMBS {
        let (value, first) = a[i].overflowing_sub(b[i]);
        let (value, second) = value.overflowing_sub(u64::from(borrow));
        difference[i] = value;
        borrow = first || second;
        i += 1;
    }
    difference
}

fn minus_one(odd: &Prime) -> Prime {
    let mut even = *odd;
    even[0] &= !1;
    even
}

fn halve(value: &mut Prime) {
    let mut carry = 0;
    for limb in value.iter_mut().rev() {
        let next = *limb << 63;
        *limb = *limb >> 1 | carry;
        carry = next;
    }
}

fn multiply(a: &Prime, b: &Prime) -> [u64; WIDE] {
    let mut product = [0; WIDE];
    for (i, &left) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, &right) in b.iter().enumerate() {
            let sum = u128::from(left) * u128::from(right) + u128::from(product[i + j]) + u128::from(carry);
            product[i + j] = low(sum);
            carry = high(sum);
        }
        product[i + LIMBS] = carry;
    }
    product
}

/// `value mod divisor` for a divisor below 2^32: halves of limbs keep the division in 64 bits.
fn remainder(value: &[u64], divisor: u64) -> u64 {
    let mut rest = 0;
    let mut i = value.len();
    while i > 0 {
        i -= 1;
        rest = (rest << 32 | value[i] >> 32) % divisor;
        rest = (rest << 32 | value[i] & 0xffff_ffff) % divisor;
    }
    rest
}

/// `65537⁻¹ mod m`: the smallest `(1 + k·m) / 65537` that is whole, so that only small divisions are needed.
fn inverse_of_exponent(modulus: &[u64]) -> Vec<u64> {
    let rest = remainder(modulus, EXPONENT);
    let factor = (1..EXPONENT).find(|k| (1 + k * rest).is_multiple_of(EXPONENT)).unwrap_or(0);
    let mut numerator = Vec::with_capacity(modulus.len() + 1);
    let mut carry = 1;
    for &limb in modulus {
        let sum = u128::from(limb) * u128::from(factor) + u128::from(carry);
        numerator.push(low(sum));
        carry = high(sum);
    }
    numerator.push(carry);
    let mut rest = 0_u128;
    for limb in numerator.iter_mut().rev() {
        let value = rest << 64 | u128::from(*limb);
        *limb = low(value / u128::from(EXPONENT));
        rest = value % u128::from(EXPONENT);
    }
    numerator
}

/// DER INTEGER of a non-negative number given as limbs, least significant first.
fn integer(limbs: &[u64]) -> Vec<u8> {
    let bytes: Vec<u8> = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len() - 1);
    let mut content = bytes[first..].to_vec();
    if content[0] & 0x80 != 0 {
        content.insert(0, 0);
    }
    tagged(0x02, &content)
}

fn sequence(content: &[u8]) -> Vec<u8> {
    tagged(0x30, content)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().position(|&byte| byte != 0).unwrap_or(length.len() - 1)..];
    let mut der = vec![tag];
    if content.len() >= 0x80 {
        der.push(0x80 | u8::try_from(significant.len()).expect("a usize has 8 bytes"));
    }
    der.extend_from_slice(significant);
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{
        KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    };

    #[test]
    fn ring_takes_the_key_signs_with_it_and_the_public_half_verifies() {
        let random = ring::rand::SystemRandom::new();
        let keys = generate_many(3).unwrap();
        for key in &keys {
            let der = unpem("PRIVATE KEY", &key.private_pem).unwrap();
            let pair = RsaKeyPair::from_pkcs8(&der).expect("ring checks every part of the key");
            let public = unpem("RSA PUBLIC KEY", &key.public_pem).unwrap();
            assert_eq!(pair.public_key().as_ref(), public, "the public half is the private key's");
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, b"claims", &mut signature).unwrap();
            let verifier = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
            verifier.verify(b"claims", &signature).unwrap();
            verifier.verify(b"other claims", &signature).unwrap_err();
        }
        assert_ne!(keys[0].public_pem, keys[1].public_pem);
    }

    #[test]
    fn known_numbers_come_out_right() {
        let mut value = [0_u64; LIMBS];
        value[1] = 1; // 2^64
        assert_eq!(remainder(&value, 65_537), 1); // 2^16 ≡ -1, so 2^64 ≡ 1
        let inverse = inverse_of_exponent(&[1_000_003]);
        assert_eq!(u128::from(inverse[0]) * u128::from(EXPONENT) % 1_000_003, 1);
        assert_eq!(small_primes()[..5], [3, 5, 7, 11, 13]);
    }

    #[test]
    fn a_product_of_two_primes_is_not_taken_for_a_prime() {
        let mut composite = [u64::MAX; LIMBS]; // 2^1024 - 1 is divisible by 3
        composite[0] = u64::MAX;
        assert!(!is_prime(&composite, &ring::rand::SystemRandom::new()).unwrap());
    }

    #[test]
    fn pem_goes_there_and_back() {
        let der: Vec<u8> = (0..200).collect();
        assert_eq!(unpem("X", &pem("X", &der)).unwrap(), der);
        assert_eq!(unpem("Y", &pem("X", &der)), None);
    }
}
