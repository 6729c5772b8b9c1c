//! Why a message cannot be used: one closed list of codes, each with its sentences for people in English and
//! Swedish (what is so, what to send instead). The codes are part of the contract (header `carepass-reason`);
//! they may be added to, never changed. The order matters: the most general reason first.
//! Not here: finding a fault, and failures of steps (`model/failure`).

use crate::model::person::Language;
use serde::{Deserialize, Serialize};

/// Defines the codes, their stable words and their sentences in one place.
macro_rules! reasons {
    ($($variant:ident $code:literal $english:literal $swedish:literal)*) => {
        /// The reason of a refusal or of one fault in it. Smaller is more general.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ReasonCode {
            $(
                #[doc = $english]
                #[serde(rename = $code)]
                $variant,
            )*
        }

        impl ReasonCode {
            /// Every code, the most general first.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable word, in snake case.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What is wrong, and what to send instead.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$variant, Language::English) => $english,
                        (Self::$variant, Language::Swedish) => $swedish,
                    )*
                }
            }
        }
    };
}

reasons! {
    TooLarge "too_large"
        "The message is larger than 256 KiB. Send one engineer per event; about 1 KiB is usual."
        "Meddelandet är större än 256 KiB. Skicka en tekniker per händelse; ungefär 1 KiB är vanligt."
    BatchTooLong "batch_too_long"
        "The batch has more than 100 events. Send it in smaller batches."
        "Satsen har fler än 100 händelser. Skicka den i mindre satser."
    UnsupportedContentType "unsupported_content_type"
        "The content type cannot be read here. Send application/cloudevents+json in UTF-8, uncompressed, with JSON data."
        "Innehållstypen kan inte läsas här. Skicka application/cloudevents+json i UTF-8, okomprimerat, med JSON-data."
    MixedHeaderPrefixes "mixed_header_prefixes"
        "The headers mix cloudEvents_ and cloudEvents: in one message. Use one of the two."
        "Rubrikerna blandar cloudEvents_ och cloudEvents: i ett meddelande. Använd en av dem."
    NotUtf8 "not_utf8"
        "The body is not UTF-8. Send UTF-8, uncompressed and without a byte order mark."
        "Innehållet är inte UTF-8. Skicka UTF-8, okomprimerat och utan byteordningsmarkering."
    JsonSyntax "json_syntax"
        "The body is not valid JSON. Send exactly one JSON object, with nothing before or after it."
        "Innehållet är inte giltig JSON. Skicka exakt ett JSON-objekt, utan något före eller efter."
    NotAnObject "not_an_object"
        "The body is JSON but not an object. Send one JSON object that begins with '{'."
        "Innehållet är JSON men inget objekt. Skicka ett JSON-objekt som börjar med '{'."
    TooDeep "too_deep"
        "Objects and lists are nested more than 32 deep. Send the shape of the schema."
        "Objekt och listor är nästlade djupare än 32 nivåer. Skicka schemats form."
    TooManyFields "too_many_fields"
        "There are more than 200 fields. Send the fields of the schema."
        "Det finns fler än 200 fält. Skicka schemats fält."
    DuplicateKey "duplicate_key"
        "A field is there twice. Send it once."
        "Ett fält förekommer två gånger. Skicka det en gång."
    AmbiguousKey "ambiguous_key"
        "Two fields differ only in upper and lower case. Send the one that is spelt as in the schema."
        "Två fält skiljer sig bara i stora och små bokstäver. Skicka det som stavas som i schemat."
    UnsupportedSpecversion "unsupported_specversion"
        "This is not a CloudEvents 1.0 event. Set specversion to \"1.0\"."
        "Detta är inte en händelse enligt CloudEvents 1.0. Sätt specversion till \"1.0\"."
    UnknownType "unknown_type"
        "The type is not one that carepass reads. Send com.carepass.engineer.joined.v1, or moved, left, cancelled or erased."
        "Typen är inte en som carepass läser. Skicka com.carepass.engineer.joined.v1, eller moved, left, cancelled eller erased."
    UnknownVersion "unknown_version"
        "The major version is not known here. Send version 1, or replay the event after an upgrade."
        "Huvudversionen är inte känd här. Skicka version 1, eller spela upp händelsen igen efter en uppgradering."
    UntrustedSource "untrusted_source"
        "The source is not among those allowed here. Send from an allowed source, or add it to `allowed_sources`."
        "Källan finns inte bland dem som är tillåtna här. Skicka från en tillåten källa, eller lägg till den i `allowed_sources`."
    IdConflict "id_conflict"
        "Another event with the same source and id, but other content, came before. Give every event an id of its own."
        "En annan händelse med samma source och id men annat innehåll har kommit tidigare. Ge varje händelse ett eget id."
    RevisionConflict "revision_conflict"
        "Another event gave this revision of the engineer a different content. Send the state that is right with a higher revision."
        "En annan händelse gav denna revision av teknikern ett annat innehåll. Skicka det rätta tillståndet med en högre revision."
    EmploymentMismatch "employment_mismatch"
        "The event ends another spell of employment than the one in force, so it is not clear who is to be locked out. Send it with the employment.id in force, or with the full state in a moved event."
        "Händelsen avslutar en annan anställning än den som gäller, så det är oklart vem som ska spärras. Skicka den med den employment.id som gäller, eller hela tillståndet i en moved-händelse."
    Overtaken "overtaken"
        "A newer event about this engineer came before this one, which tells of an employment that nobody has heard of. Send its full state once more, with a higher revision."
        "En nyare händelse om teknikern kom före den här, som berättar om en anställning som ingen har hört talas om. Skicka dess hela tillstånd en gång till, med en högre revision."
    EmploymentOver "employment_over"
        "This spell of employment is over, and another one has begun since. Send the state of the one in force, and a return with an employment.id of its own."
        "Den här anställningen är slut, och en annan har börjat sedan dess. Skicka tillståndet för den som gäller, och en återkomst med en egen employment.id."
    TooManyUpcoming "too_many_upcoming"
        "More than 16 things are to come for this engineer, and one more would be kept nowhere. Wait until the first of them has come, or take one back with cancelled."
        "Mer än 16 saker är på väg för den här teknikern, och en till skulle inte sparas. Vänta tills den första har kommit, eller ta tillbaka en med cancelled."
    EraseWhilePresent "erase_while_present"
        "The engineer still has access, or is about to get it, and carepass needs the record to take it away. Send left or cancelled first, and erased with a higher revision after that."
        "Teknikern har fortfarande åtkomst, eller är på väg att få den, och carepass behöver uppgifterna för att ta bort den. Skicka först left eller cancelled, och därefter erased med en högre revision."
    SignatureMissing "signature_missing"
        "The source must sign its events, and this one carries no signature. Send a detached JWS (`EdDSA`) of the body in the header carepass-signature."
        "Källan måste signera sina händelser, och denna saknar signatur. Skicka en fristående JWS (EdDSA) av innehållet i rubriken carepass-signature."
    SignatureInvalid "signature_invalid"
        "The signature is not one of a key that is configured for the source, or not one of this body. Sign the bytes that are sent, in structured mode, with the key that the operator knows."
        "Signaturen är inte gjord med en nyckel som är konfigurerad för källan, eller gäller inte detta innehåll. Signera just de byte som skickas, i strukturerat läge, med den nyckel som operatören känner till."
    DomainNotConfigured "domain_not_configured"
        "A domain of the scope belongs to no configured reseller account. Send domains of the reseller accounts, or \"all\"."
        "En domän i omfattningen hör inte till något konfigurerat återförsäljarkonto. Skicka återförsäljarkontonas domäner, eller \"all\"."
    RecordUnreadable "record_unreadable"
        "The engineer's sealed record cannot be opened, so nothing can be changed for this engineer. Tell the operator; send the event again afterwards."
        "Teknikerns förseglade uppgifter kan inte öppnas, så inget kan ändras för denna tekniker. Säg till operatören; skicka händelsen igen efteråt."
    ProfileNotConfigured "profile_not_configured"
        "No role is configured for this profile. Send the profile support-cases, or ask the operator."
        "Ingen roll är konfigurerad för denna profil. Skicka profilen support-cases, eller fråga operatören."
    SpecialCategory "special_category"
        "The event is marked as special-category personal data, which carepass may not handle. Send it without such data, marked standard."
        "Händelsen är märkt som känsliga personuppgifter (special-category), som carepass inte får behandla. Skicka den utan sådana uppgifter, märkt standard."
    RoleFieldForbidden "role_field_forbidden"
        "The event names a role, administrator rights or an organisational unit, which only the configuration decides. Leave the field out; choose with scope.profile."
        "Händelsen anger en roll, administratörsrätt eller organisationsenhet, vilket bara konfigurationen bestämmer. Utelämna fältet; välj med scope.profile."
    ThinEvent "thin_event"
        "The event holds only the engineer's key, and carepass asks nobody for the rest. Send the full state: name, employment and scope."
        "Händelsen innehåller bara teknikerns nyckel, och carepass hämtar inte resten någonstans. Skicka hela tillståndet: namn, anställning och omfattning."
    MissingField "missing_field"
        "A required field is missing. Add it as the schema says."
        "Ett obligatoriskt fält saknas. Lägg till det enligt schemat."
    WrongType "wrong_type"
        "The field holds another kind of JSON value than the schema says. Send the kind it names; leave an optional field out instead of sending null."
        "Fältet innehåller ett annat slags JSON-värde än schemat anger. Skicka rätt slag; utelämna ett valfritt fält i stället för att skicka null."
    InvalidAttribute "invalid_attribute"
        "The attribute is empty, too long, or has characters outside visible ASCII. Send 1 to 256 visible ASCII characters."
        "Attributet är tomt, för långt eller har tecken utanför synlig ASCII. Skicka 1 till 256 synliga ASCII-tecken."
    SubjectMismatch "subject_mismatch"
        "The subject is not engineer/ followed by data.engineer.key. Send exactly that; never a name or an address."
        "Ämnet är inte engineer/ följt av data.engineer.key. Skicka exakt det; aldrig ett namn eller en adress."
    InvalidRevision "invalid_revision"
        "The revision is not a whole number of at least 1. Send a number that grows with each change of the engineer."
        "Revisionen är inte ett heltal på minst 1. Skicka ett tal som växer med varje ändring av teknikern."
    InvalidKey "invalid_key"
        "The engineer's key is not 1 to 64 letters, digits, '.', '_', ':' or '-' beginning with a letter or digit. Send HR's opaque key, never an e-mail address."
        "Teknikerns nyckel är inte 1 till 64 bokstäver (a-z), siffror, '.', '_', ':' eller '-' som börjar med bokstav eller siffra. Skicka HR:s interna nyckel, aldrig en e-postadress."
    InvalidEmploymentId "invalid_employment_id"
        "The employment id is not 1 to 64 visible ASCII characters. Send HR's id of this spell of employment."
        "Anställningens id är inte 1 till 64 synliga ASCII-tecken. Skicka HR:s id för denna anställningsperiod."
    NameEmpty "name_empty"
        "The part of the name is empty. Send what the person is called, or leave an optional part out."
        "Namndelen är tom. Skicka vad personen heter, eller utelämna en valfri del."
    NameTooLong "name_too_long"
        "The part of the name is longer than 60 characters. Send a shorter form of it."
        "Namndelen är längre än 60 tecken. Skicka en kortare form."
    NameCharacters "name_characters"
        "The name has control, invisible or private-use characters. Send only characters that can be seen."
        "Namnet har styrtecken, osynliga tecken eller tecken för privat bruk. Skicka bara tecken som syns."
    NameNotLatin "name_not_latin"
        "The Latin form has characters that are not Latin. Send it in Latin letters, as in the person's passport."
        "Den latinska formen har tecken som inte är latinska. Skicka den med latinska bokstäver, som i personens pass."
    InvalidLanguage "invalid_language"
        "This is not a language tag. Send one like sv, en or de-CH."
        "Detta är ingen språkkod. Skicka en som sv, en eller de-CH."
    EmailNotAscii "email_not_ascii"
        "The e-mail address has characters outside ASCII. Send the ASCII form of the address."
        "E-postadressen har tecken utanför ASCII. Skicka adressens ASCII-form."
    InvalidEmail "invalid_email"
        "This is not an e-mail address. Send a plain address such as name@company.example."
        "Detta är ingen e-postadress. Skicka en vanlig adress som namn@foretag.example."
    InvalidUsername "invalid_username"
        "The wished username is not 1 to 64 lower-case letters, digits and single '.', '_' or '-' between them. Send one that is, without @, or leave it out."
        "Det önskade användarnamnet är inte 1 till 64 små bokstäver (a-z), siffror och enstaka '.', '_' eller '-' mellan dem. Skicka ett sådant, utan @, eller utelämna det."
    ReservedLocalPart "reserved_local_part"
        "The wished username is reserved for an office, such as postmaster or support. Send another, or leave it out."
        "Det önskade användarnamnet är reserverat för en funktion, som postmaster eller support. Skicka ett annat, eller utelämna det."
    InvalidDate "invalid_date"
        "This is not a date of the calendar. Send it as YYYY-MM-DD."
        "Detta är inget datum i kalendern. Skicka det som ÅÅÅÅ-MM-DD."
    InvalidTime "invalid_time"
        "This is not a time with its offset from UTC. Send it as RFC 3339 says, like 2026-12-15T00:00:00+01:00."
        "Detta är ingen tid med avvikelse från UTC. Skicka den enligt RFC 3339, som 2026-12-15T00:00:00+01:00."
    TimeOutOfRange "time_out_of_range"
        "The date is before the year 2000 or after 2100. Send the real one."
        "Datumet ligger före år 2000 eller efter 2100. Skicka det riktiga."
    DatesReversed "dates_reversed"
        "The last day comes before the first. Send both as they are, or leave out the one that does not matter."
        "Den sista dagen kommer före den första. Skicka båda som de är, eller utelämna den som inte spelar någon roll."
    UnknownUrgency "unknown_urgency"
        "The urgency is neither normal nor immediate. Send one of the two, or leave it out for normal."
        "Angelägenheten är varken normal eller immediate. Skicka en av dem, eller utelämna fältet för normal."
    UnknownTimeZone "unknown_time_zone"
        "This is not an IANA time zone. Send one like Europe/Stockholm."
        "Detta är ingen IANA-tidszon. Skicka en som Europe/Stockholm."
    InvalidScope "invalid_scope"
        "The scope is neither \"all\" nor a list of at least one domain. Send one of the two."
        "Omfattningen är varken \"all\" eller en lista med minst en domän. Skicka en av de två."
    TooManyDomains "too_many_domains"
        "The scope lists more than 100 domains. Send \"all\", or at most 100."
        "Omfattningen räknar upp fler än 100 domäner. Skicka \"all\" eller högst 100."
    InvalidDomain "invalid_domain"
        "This is not a domain in lower-case ASCII without a trailing dot. Send it like reseller-se.example."
        "Detta är ingen domän i små ASCII-bokstäver utan avslutande punkt. Skicka den som reseller-se.example."
    DuplicateDomain "duplicate_domain"
        "The domain is in the list twice. Send it once."
        "Domänen finns två gånger i listan. Skicka den en gång."
    UnknownProfile "unknown_profile"
        "The profile is not known. Send support-cases or reseller-admin, or leave it out for support-cases."
        "Profilen är inte känd. Skicka support-cases eller reseller-admin, eller utelämna den för support-cases."
    InvalidText "invalid_text"
        "The text is empty, too long, or has characters that cannot be seen. Send visible characters, at most as many as the schema allows."
        "Texten är tom, för lång eller har tecken som inte syns. Skicka synliga tecken, högst så många som schemat tillåter."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_stable_words_and_every_code_speaks_both_languages() {
        let mut seen = BTreeSet::new();
        for &reason in ReasonCode::ALL {
            let code = reason.code();
            assert!(seen.insert(code), "{code} is there twice");
            assert!(
                code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{code}"
            );
            assert_eq!(serde_json::to_value(reason).unwrap(), code);
            let (english, swedish) = (reason.text(Language::English), reason.text(Language::Swedish));
            assert_ne!(english, swedish, "{code}");
            assert!(english.matches(". ").count() >= 1 && swedish.matches(". ").count() >= 1, "{code}");
        }
    }
}
