//! What others have changed, in words, English and Swedish. Not here: what is found, and the sentences of failures (`en`, `sv`).

use super::super::drift::Kind;
use super::super::failure::FailureCode;
use super::super::person::Language;
use super::tongue::Filling;
use super::{Message, Place, tongue};
use jiff::Timestamp;

const ROLES: &str = "https://admin.google.com/ac/roles";
const USERS: &str = "https://admin.google.com/ac/users";

/// What is so, as a template.
fn so(kind: Kind, language: Language) -> &'static str {
    match language {
        Language::English => so_in_english(kind),
        Language::Swedish => so_in_swedish(kind),
    }
}

fn so_in_english(kind: Kind) -> &'static str {
    match kind {
        Kind::RoleWidened => {
            "Somebody has given the role of carepass{in} more privileges than were approved."
        }
        Kind::UnknownHolder => "Somebody holds the role of carepass{in} who is not one of its engineers.",
        Kind::SuperAdministrator => "Somebody has made an account of carepass{in} a super administrator.",
        Kind::OtherRole => {
            "Somebody has given an account of carepass{in} a role that carepass gives to nobody."
        }
        Kind::SpareRole => {
            "An account of carepass{in} holds another of its roles than the engineer is to have."
        }
        Kind::Reopened => "The account of an engineer who has left{in} is open again, or holds the role.",
        Kind::PaidLicense => "An account of carepass{in} has been given a paid licence.",
        Kind::RoleNarrowed => "The role of carepass{in} may do less than was approved, or is gone.",
        Kind::RoleTaken => "Somebody has taken the role away from an account of carepass{in}.",
        Kind::Suspended => "Somebody other than carepass has suspended or archived one of its accounts{in}.",
        Kind::Deleted => "Somebody has deleted an account of carepass{in}.",
        Kind::Renamed => "Somebody has changed the primary address of an account of carepass{in}.",
        Kind::MarkerGone => "An account of carepass{in} no longer carries the marker of its engineer.",
        Kind::UnitChanged => "Somebody has moved an account of carepass{in} to another organizational unit.",
    }
}

fn so_in_swedish(kind: Kind) -> &'static str {
    match kind {
        Kind::RoleWidened => {
            "Någon har gett rollen från carepass{in} fler behörigheter än vad som är godkänt."
        }
        Kind::UnknownHolder => "Någon som inte är en av supportteknikerna har rollen från carepass{in}.",
        Kind::SuperAdministrator => {
            "Någon har gjort ett av kontona från carepass{in} till superadministratör."
        }
        Kind::OtherRole => {
            "Någon har gett ett av kontona från carepass{in} en roll som carepass inte ger någon."
        }
        Kind::SpareRole => {
            "Ett av kontona från carepass{in} har en annan av rollerna än supportteknikern ska ha."
        }
        Kind::Reopened => "Kontot för en supporttekniker som har slutat{in} är öppet igen, eller har rollen.",
        Kind::PaidLicense => "Ett av kontona från carepass{in} har fått en betald licens.",
        Kind::RoleNarrowed => {
            "Rollen från carepass{in} får göra mindre än vad som är godkänt, eller är borta."
        }
        Kind::RoleTaken => "Någon har tagit rollen från ett av kontona från carepass{in}.",
        Kind::Suspended => "Någon annan än carepass har stängt av eller arkiverat ett av dess konton{in}.",
        Kind::Deleted => "Någon har raderat ett av kontona från carepass{in}.",
        Kind::Renamed => "Någon har ändrat den primära adressen för ett av kontona från carepass{in}.",
        Kind::MarkerGone => {
            "Ett av kontona från carepass{in} har inte längre märket för sin supporttekniker."
        }
        Kind::UnitChanged => {
            "Någon har flyttat ett av kontona från carepass{in} till en annan organisationsenhet."
        }
    }
}

/// Google's page for it.
pub fn console_link(kind: Kind) -> &'static str {
    match kind {
        Kind::RoleWidened
        | Kind::UnknownHolder
        | Kind::SuperAdministrator
        | Kind::OtherRole
        | Kind::SpareRole
        | Kind::RoleNarrowed
        | Kind::RoleTaken => ROLES,
        Kind::Reopened
        | Kind::PaidLicense
        | Kind::Suspended
        | Kind::Deleted
        | Kind::Renamed
        | Kind::MarkerGone
        | Kind::UnitChanged => USERS,
    }
}

fn you(kind: Kind, language: Language) -> &'static str {
    match (language, console_link(kind) == ROLES) {
        (Language::English, true) => {
            "Put it right under Account > Admin roles ({link}) with the ids shown with this message; if it is to stay so, write the \
             finding's id under accepted in the section drift of the configuration."
        }
        (Language::English, false) => {
            "Put it right under Directory > Users ({link}) with the ids shown with this message; if it is to stay so, write the \
             finding's id under accepted in the section drift of the configuration."
        }
        (Language::Swedish, true) => {
            "Rätta det under Konto > Administratörsroller ({link}) med de id som visas vid det här meddelandet; ska det vara så, skriv \
             fyndets id under accepted i avsnittet drift i konfigurationen."
        }
        (Language::Swedish, false) => {
            "Rätta det under Katalog > Användare ({link}) med de id som visas vid det här meddelandet; ska det vara så, skriv fyndets \
             id under accepted i avsnittet drift i konfigurationen."
        }
    }
}

/// What others have changed, in three sentences.
pub fn drifted(kind: Kind, place: &Place, now: Timestamp, language: Language) -> Message {
    let tongue = tongue(language);
    let filling = Filling::new(tongue, place, now, Some(console_link(kind)));
    Message {
        so: filling.fill(so(kind, language)),
        next: filling.fill((tongue.failure)(FailureCode::DriftFound).next),
        you: filling.fill(you(kind, language)),
    }
}

/// What others have changed in a place, in one sentence.
pub fn what_drifted(kind: Kind, place: &Place, now: Timestamp, language: Language) -> String {
    drifted(kind, place, now, language).so
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_is_three_whole_sentences_in_both_languages() {
        let now: Timestamp = "2026-11-22T09:06:00Z".parse().unwrap();
        let place = Place {
            reseller: Some("nordic-dk".parse().unwrap()),
            domain: Some("reseller-dk.example".parse().unwrap()),
            step: None,
            look_again: Some("2026-11-23T09:16:00Z".parse().unwrap()),
            time_zone: TimeZone::UTC,
        };
        let mut said = BTreeSet::new();
        for (kind, language) in Kind::ALL.into_iter().flat_map(|kind| Language::ALL.map(|l| (kind, l))) {
            let message = drifted(kind, &place, now, language);
            for sentence in [&message.so, &message.next, &message.you] {
                let is_whole =
                    sentence.len() > 20 && sentence.ends_with('.') && !sentence.contains(['{', '@']);
                assert!(
                    is_whole
                        && sentence.split(". ").skip(1).all(|rest| !rest.starts_with(char::is_uppercase)),
                    "{kind} {language:?}: {sentence}"
                );
            }
            assert!(message.so.contains("reseller-dk.example"), "{}", message.so);
            assert!(said.insert(message.so.clone()), "{kind} {language:?} reads like another");
        }
    }
}
