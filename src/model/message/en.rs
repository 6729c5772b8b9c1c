//! English. Labels are those of Google's Admin console (help answer 11198038). Not here: which sentence is said when (`message`).

mod failures;

use super::super::person::Language;
use super::super::plan::StepName;
use super::tongue::{States, StepWords, Tongue};

pub(super) const TONGUE: Tongue = Tongue {
    failure: failures::phrase,
    step,
    preposition: "in",
    account: "the reseller account",
    language: Language::English,
    states: States {
        ready: "ready",
        gone: "access is gone",
        cancelled: "ended by an operator",
        next: "next",
        tries: "tries again",
        running: "running",
        attempt: "attempt",
        looks_again: "looks again",
        waits_for_you: "waits for you",
        waits_for_google: "waits for Google",
        waits_for_engineer: "waits for the engineer",
        waits_for_hr: "waits for HR",
        waits_for_date: "waits for the date",
        waits_for_reseller: "waits for the reseller account",
    },
};

fn step(step: StepName) -> StepWords {
    let (name, doing) = match step {
        StepName::Credentials => ("credentials", "when carepass was to sign in"),
        StepName::Domains => ("domains", "when the domains were to be read"),
        StepName::OrgUnit => ("organizational unit", "when the organizational unit was to be made"),
        StepName::Role => ("role", "when the role was to be seen to"),
        StepName::AutoLicensing => ("automatic licensing", "when automatic licensing was to be checked"),
        StepName::FreeSubscription => ("free subscription", "when the free subscription was to be checked"),
        StepName::TwoStepPolicy => ("2-Step Verification", "when the policies of signing in were to be read"),
        StepName::CaseAlertRoute => ("route of case mail", "when the route of case mail was to be checked"),
        StepName::Seats => ("seats", "when the seats were to be counted"),
        StepName::Username => ("username", "when the username was to be chosen"),
        StepName::Account => ("account", "when the account was to be made"),
        StepName::License => ("license", "when the license was to be assigned"),
        StepName::NoPaidLicense => ("paid licenses", "when paid licenses were to be looked for"),
        StepName::CaseAlerts => ("case mail", "when the case mail was to be seen to"),
        StepName::Verify => ("final check", "when the result was to be checked"),
        StepName::Welcome => ("welcome", "when the welcome was to be sent"),
        StepName::RoleOff => ("role removal", "when the role was to be taken away"),
        StepName::SignOut => ("sign-out", "when the account was to be signed out"),
        StepName::Suspend => ("suspension", "when the account was to be suspended"),
        StepName::Password => ("first password", "when a new first password was to be set"),
        StepName::Name => ("name", "when the name was to be brought up to date"),
        StepName::TwoStep => ("2-Step Verification", "when the enrolment was to be checked"),
        StepName::HandOver => ("first passwords", "when the first passwords were to be handed over"),
        StepName::Together => ("all domains", "when all domains were to be open"),
        StepName::LockedOut => ("lock-out check", "when the end of access was to be checked"),
        StepName::LastLook => ("last look", "when what comes late was to be looked for"),
        StepName::Removal => ("deletion", "when the account was to be deleted"),
        StepName::Farewell => ("farewell", "when the farewell was to be sent"),
    };
    StepWords { name, doing }
}
