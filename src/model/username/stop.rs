//! Local parts that nobody is given: addresses that mean a role, and words that would hurt the person who has
//! to answer by them. A stopped candidate is passed over silently. The lists are short on purpose: a word that
//! is a common piece of honest names (Takeshita, Scunthorpe) stops only where it stands alone.

use crate::model::id::LocalPart;
use std::collections::BTreeSet;

/// Addresses with a meaning of their own: RFC 2142, Google's reserved words, and what people read as an office.
const RESERVED: &[&str] = &[
    "abuse",
    "accounts",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "billing",
    "carepass",
    "compliance",
    "contact",
    "daemon",
    "everyone",
    "ftp",
    "gdpr",
    "google",
    "guest",
    "helpdesk",
    "hostmaster",
    "info",
    "legal",
    "mail",
    "mailerdaemon",
    "marketing",
    "news",
    "nobody",
    "noc",
    "noreply",
    "donotreply",
    "office",
    "postmaster",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "ssladmin",
    "sslwebmaster",
    "staff",
    "superadmin",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "test",
    "usenet",
    "user",
    "uucp",
    "webmaster",
    "workspace",
    "www",
];

/// Words that stop where they are a whole piece, or where the pieces join to nothing else.
const WORDS: &[&str] = &[
    "anus", "arsch", "bitch", "cunt", "fag", "fitta", "hora", "idiot", "javel", "kuk", "nazi", "neger",
    "nutte", "penis", "pissa", "rape", "rapist", "sex", "shit", "skit", "slut", "votze",
];

/// Words that stop wherever they appear.
const FRAGMENTS: &[&str] = &[
    "arschloch",
    "asshole",
    "faggot",
    "fotze",
    "fuck",
    "hitler",
    "hurensohn",
    "javla",
    "knulla",
    "motherfuck",
    "nigger",
    "rovhal",
    "scheisse",
    "schlampe",
    "schwuchtel",
    "slampa",
    "whore",
    "wichser",
];

/// Whether a local part means a role (`postmaster`, `support2`, `no-reply`), so that HR may not ask for it.
pub fn is_reserved(local_part: &LocalPart) -> bool {
    let joined = joined(local_part);
    RESERVED.contains(&joined.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Whether a local part is reserved, offensive, or one of the operator's `own` words, which stop as [`WORDS`] do.
pub(super) fn is_stopped(local_part: &LocalPart, own: &BTreeSet<String>) -> bool {
    let joined = joined(local_part);
    let mut pieces = local_part.as_str().split(['.', '-', '_']).chain([joined.as_str()]);
    is_reserved(local_part)
        || pieces.any(|piece| {
            let word = piece.trim_end_matches(|c: char| c.is_ascii_digit());
            WORDS.contains(&word) || own.contains(word) || own.contains(piece)
        })
        || FRAGMENTS.iter().any(|fragment| joined.contains(fragment))
}

fn joined(local_part: &LocalPart) -> String {
    local_part.as_str().chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offices_and_insults_are_stopped_and_honest_names_are_not() {
        let check = |text: &str, reserved: bool, stopped: bool| {
            let local_part = LocalPart::parse(text).unwrap();
            let found = (is_reserved(&local_part), is_stopped(&local_part, &BTreeSet::new()));
            assert_eq!(found, (reserved, stopped), "{text}");
        };
        for office in ["postmaster", "abuse", "root", "no-reply", "support2", "web.master", "ssl-admin"] {
            check(office, true, true);
        }
        for insult in ["f.uck", "anna.fitta", "s.hit", "s.lut2", "a.nus", "eva.scheisse", "karl.hitler3"] {
            check(insult, false, true);
        }
        let honest = ["akshita.takeshita", "ann.scunthorpe", "kaj.bergskog", "root.hansen", "stefan.sexton"];
        for name in honest {
            check(name, false, false);
        }
    }

    #[test]
    fn the_operators_words_stop_where_they_stand_alone() {
        let own = BTreeSet::from(["acme".to_owned(), "agent007".to_owned()]);
        let check = |text: &str, expected: bool| {
            assert_eq!(is_stopped(&LocalPart::parse(text).unwrap(), &own), expected, "{text}");
        };
        check("acme", true);
        check("acme.ek2", true);
        check("ac.me", true);
        check("eva.agent007", true);
        check("acmed.ek", false);
        check("agent.ek", false);
    }
}
