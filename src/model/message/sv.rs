//! Swedish. Labels are those of the Swedish Admin console (help answer 11198038); where the console's Swedish word is not known,
//! the English one stands in brackets. Not here: which sentence is said when (`message`).

mod failures;

use super::super::person::Language;
use super::super::plan::StepName;
use super::tongue::{States, StepWords, Tongue};

pub(super) const TONGUE: Tongue = Tongue {
    failure: failures::phrase,
    step,
    preposition: "i",
    account: "återförsäljarkontot",
    language: Language::Swedish,
    states: States {
        ready: "klar",
        gone: "åtkomsten är borta",
        cancelled: "avslutad av en operatör",
        next: "näst på tur",
        tries: "försöker igen",
        running: "pågår",
        attempt: "försök",
        looks_again: "kontrolleras igen",
        waits_for_you: "väntar på dig",
        waits_for_google: "väntar på Google",
        waits_for_engineer: "väntar på supportteknikern",
        waits_for_hr: "väntar på HR",
        waits_for_date: "väntar på datumet",
        waits_for_reseller: "väntar på återförsäljarkontot",
    },
};

fn step(step: StepName) -> StepWords {
    let (name, doing) = match step {
        StepName::Credentials => ("inloggning", "när carepass skulle logga in"),
        StepName::Domains => ("domäner", "när domänerna skulle läsas"),
        StepName::OrgUnit => ("organisationsenhet", "när organisationsenheten skulle skapas"),
        StepName::Role => ("roll", "när rollen skulle ordnas"),
        StepName::AutoLicensing => {
            ("automatisk licensiering", "när automatisk licensiering skulle kontrolleras")
        }
        StepName::FreeSubscription => {
            ("gratisprenumeration", "när gratisprenumerationen skulle kontrolleras")
        }
        StepName::TwoStepPolicy => ("tvåstegsverifiering", "när reglerna för inloggning skulle läsas"),
        StepName::CaseAlertRoute => ("ärendepostens väg", "när ärendepostens väg skulle kontrolleras"),
        StepName::Seats => ("platser", "när platserna skulle räknas"),
        StepName::Username => ("användarnamn", "när användarnamnet skulle väljas"),
        StepName::Account => ("konto", "när kontot skulle skapas"),
        StepName::License => ("licens", "när licensen skulle tilldelas"),
        StepName::NoPaidLicense => ("betalda licenser", "när betalda licenser skulle letas upp"),
        StepName::CaseAlerts => ("ärendepost", "när ärendeposten skulle ordnas"),
        StepName::Verify => ("slutkontroll", "när resultatet skulle kontrolleras"),
        StepName::Welcome => ("välkomstbrev", "när välkomstbrevet skulle skickas"),
        StepName::RoleOff => ("borttagning av roll", "när rollen skulle tas bort"),
        StepName::SignOut => ("utloggning", "när kontot skulle loggas ut"),
        StepName::Suspend => ("avstängning", "när kontot skulle stängas av"),
        StepName::Password => ("första lösenord", "när ett nytt första lösenord skulle sättas"),
        StepName::Name => ("namn", "när namnet skulle uppdateras"),
        StepName::TwoStep => ("tvåstegsverifiering", "när anslutningen skulle kontrolleras"),
        StepName::HandOver => ("första lösenord", "när de första lösenorden skulle lämnas ut"),
        StepName::Together => ("alla domäner", "när alla domäner skulle vara öppna"),
        StepName::LockedOut => ("spärrkontroll", "när åtkomstens slut skulle kontrolleras"),
        StepName::LastLook => ("sista titt", "när det som kommer sent skulle letas upp"),
        StepName::Removal => ("radering", "när kontot skulle raderas"),
        StepName::Farewell => ("avslutsbesked", "när avslutsbeskedet skulle skickas"),
    };
    StepWords { name, doing }
}
