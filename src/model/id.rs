//! Names of things as newtypes that cannot hold a wrong value: parsing is the only way in.
//! Not here: what the names stand for, and anything about where they are stored.

use crate::planted::planted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not a name of the wanted kind. Carries no value, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct InvalidName {
    /// What was expected, as words for a person: "a customer id like C01abc123".
    pub expected: &'static str,
}

/// Defines a string newtype whose only door is `parse`; serde goes through the same door.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Parses the text; the error says what was expected and never repeats the text.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName { expected: $expected }) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// HR's opaque key of an engineer: never reused, never an e-mail address (`docs/EVENTS.md`).
    EngineerKey, "1 to 64 letters, digits, '.', '_', ':' or '-', starting with a letter or digit",
    |s| within(s, 1, 64) && starts_alphanumeric(s) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

name! {
    /// One spell of employment: a new one tells a rehire from a duplicate.
    EmploymentId, "1 to 64 visible characters",
    |s| within(s, 1, 64) && s.bytes().all(|b| b.is_ascii_graphic())
}

name! {
    /// The operator's own name of a reseller account, from the configuration.
    ResellerName, "1 to 40 lower-case letters, digits or '-', starting with a letter or digit",
    |s| within(s, 1, 40) && starts_alphanumeric(s) && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

name! {
    /// Google's id of a customer account, `C` and then letters and digits.
    CustomerId, "a customer id like C01abc123",
    |s| within(s, 4, 30) && s.starts_with('C') && s.bytes().all(|b| b.is_ascii_alphanumeric())
}

name! {
    /// A domain in lower-case ASCII, with at least two labels and no trailing dot (RFC 1035 lengths).
    DomainName, "a domain in lower-case ASCII, like reseller-se.example",
    |s| within(s, 3, 253) && s.contains('.') && s.split('.').all(is_domain_label)
}

name! {
    /// The part of an address before the `@`, in the narrow set that carepass gives out itself.
    LocalPart, "1 to 64 lower-case letters, digits, '.', '_' or '-', single separators, a letter or digit at both ends",
    is_local_part
}

name! {
    /// The immutable id that Google gave to an account.
    AccountId, "the digits of a Google account id",
    |s| within(s, 1, 40) && s.bytes().all(|b| b.is_ascii_digit())
}

name! {
    /// Google's id of a role: an int64 sent as text.
    RoleId, "the digits of a role id",
    |s| within(s, 1, 20) && s.bytes().all(|b| b.is_ascii_digit())
}

name! {
    /// Google's id of a role assignment: an int64 sent as text.
    AssignmentId, "the digits of a role assignment's id",
    |s| within(s, 1, 20) && s.bytes().all(|b| b.is_ascii_digit())
}

name! {
    /// The id of a program that an account let in, as Google lists it: of a shape that can stand in a path.
    ClientId, "1 to 200 visible characters without '/', '\\' or '%'",
    |s| within(s, 1, 200) && s != "." && s != ".." && s.bytes().all(|b| b.is_ascii_graphic() && !b"/\\%".contains(&b))
}

name! {
    /// An organisational unit's path: a leading `/`, no empty part, none of the characters Google mishandles.
    OrgUnitPath, "a path like /Customer Care, without '+', '?', '#', '%' or '..'",
    |s| within(s, 2, 200) && s.starts_with('/') && s[1..].split('/').all(is_org_unit_name)
}

name! {
    /// Google's id of an organisational unit, with the Directory API's prefix.
    OrgUnitId, "an id of an organisational unit like id:03ph8a2z1abcdef",
    |s| within(s, 4, 80) && s.strip_prefix("id:").is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()))
}

name! {
    /// Google's id of a product, as the licence API knows it (`docs/GOOGLE.md` 1, 47).
    ProductId, "a product like Google-Apps or 101005",
    |s| within(s, 1, 60) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

name! {
    /// Google's id of an edition of a product.
    SkuId, "a SKU like 1010020027",
    |s| within(s, 1, 60) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

name! {
    /// An e-mail address that a person reads: checked for shape only, in ASCII.
    MailAddress, "an e-mail address in ASCII",
    is_mail_address
}

/// A licence that can be held: an edition of a product, written `Google-Apps/1010020027`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LicenseSku {
    /// The product.
    pub product: ProductId,
    /// Its edition.
    pub sku: SkuId,
}

impl LicenseSku {
    /// Parses `product/SKU`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = InvalidName { expected: "a product and a SKU like Google-Apps/1010020027" };
        let (product, sku) = text.split_once('/').ok_or(invalid)?;
        let product = ProductId::parse(product).map_err(|_| invalid)?;
        Ok(Self { product, sku: SkuId::parse(sku).map_err(|_| invalid)? })
    }
}

impl fmt::Display for LicenseSku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product, self.sku)
    }
}

/// An account's address in one reseller domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The same in every domain: one engineer, one local part everywhere.
    pub local_part: LocalPart,
    /// The reseller's domain.
    pub domain: DomainName,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local_part, self.domain)
    }
}

fn within(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
}

fn starts_alphanumeric(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

fn is_domain_label(label: &str) -> bool {
    within(label, 1, 63)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_local_part(text: &str) -> bool {
    let separator = |b: u8| b"._-".contains(&b);
    let bytes = text.as_bytes();
    within(text, 1, 64)
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || separator(*b))
        && !separator(bytes[0])
        && !separator(bytes[bytes.len() - 1])
        && bytes.windows(2).all(|w| !(separator(w[0]) && separator(w[1])))
}

fn is_org_unit_name(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || "+?#%\\".contains(c))
}

fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    within(text, 3, 254)
        && within(local, 1, 64)
        // What begins with a sign is a formula in a table, or an option of a command.
        && (local.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || planted!(FormulaIsAddress))
        && !local.ends_with('.')
        && !local.contains("..")
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b))
        && DomainName::parse(&domain.to_ascii_lowercase()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(parse: fn(&str) -> Result<T, InvalidName>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(parse(text).is_ok(), "{text:?} should parse");
        }
        for text in bad {
            assert!(parse(text).is_err(), "{text:?} should not parse");
        }
    }

    #[test]
    fn names_hold_only_what_they_may() {
        let long = "a".repeat(65);
        check(EngineerKey::parse, &["E-20417", "j:1", "0"], &["", "-a", "a@x.se", "a b", "å", "../a", &long]);
        check(EmploymentId::parse, &["E-20417/1"], &["", "a b", "a\n"]);
        check(ResellerName::parse, &["nordic-se", "1"], &["", "Nordic", "-a", "a/b", "a.b"]);
        check(CustomerId::parse, &["C01abc123"], &["", "C", "c01abc", "my_customer", "C01/.."]);
        check(
            DomainName::parse,
            &["reseller-se.example", "a.b.c"],
            &["a", "A.se", "a..se", "a.se.", "-a.se", "*.se", "å.se"],
        );
        check(
            LocalPart::parse,
            &["asa.oberg-grossmann", "a", "eng-j-00311"],
            &["", ".a", "a.", "a..b", "a.-b", "A", "a@b", "å"],
        );
        check(AccountId::parse, &["103456789012345678901"], &["", "a", "1/..", "1@x"]);
        check(
            OrgUnitPath::parse,
            &["/Customer Care", "/Å/B"],
            &["", "/", "a", "//a", "/a/..", "/a+b", "/a%2e", "/ a"],
        );
        check(OrgUnitId::parse, &["id:03ph8a2z"], &["", "id:", "03ph", "id:a/b", "id:.."]);
        check(
            LicenseSku::parse,
            &["Google-Apps/1010020027", "101005/1010050001"],
            &["", "Google-Apps", "/1", "a/", "a/b/c", "a/..", "a b/c"],
        );
        check(
            MailAddress::parse,
            &["a+b@nordresale.example", "O'Brien@X.se", "_a@x.se"],
            &[
                "",
                "a",
                "=cmd|'/C'!A0@x.se",
                "+a@x.se",
                "-a@x.se",
                "@x.se",
                "a@",
                "a@b",
                "a@@b.se",
                "å@x.se",
                "a..b@x.se",
            ],
        );
    }

    #[test]
    fn serde_goes_through_the_same_door() {
        assert!(serde_json::from_str::<DomainName>("\"a.se\"").is_ok());
        assert!(serde_json::from_str::<DomainName>("\"A.se\"").is_err());
    }
}
