//! The words of the letters, one file for each language. A language that lacks a phrase does not compile.
//! Not here: the order of the phrases and the values between them (`welcome.rs`).

mod en;
mod sv;

use crate::model::person::Language;

/// Every phrase of the welcome. Lines are broken by hand, at most 78 characters (RFC 5322, 2.1.1), so that mail programs leave them alone.
pub(super) struct Words {
    pub(super) subject: &'static str,
    pub(super) hello: &'static str,
    pub(super) introduction: &'static str,
    pub(super) accounts: &'static str,
    pub(super) reseller_domain: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) portal: &'static str,
    pub(super) portal_advice: &'static str,
    pub(super) password: &'static str,
    pub(super) password_advice: &'static str,
    pub(super) passwords: &'static str,
    pub(super) restored_advice: &'static str,
    pub(super) home_advice: &'static str,
    pub(super) two_step: &'static str,
    pub(super) two_step_advice: &'static str,
    pub(super) case_mail: &'static str,
    pub(super) case_sharing_advice: &'static str,
    pub(super) case_sharing_why: &'static str,
    pub(super) some_redirected: &'static str,
    pub(super) all_redirected: &'static str,
    pub(super) several_accounts: &'static str,
    pub(super) several_accounts_advice: &'static str,
    pub(super) trouble: &'static str,
    pub(super) role_delay: &'static str,
    pub(super) no_product_type: &'static str,
    pub(super) footer: &'static str,
}

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &en::WORDS,
        Language::Swedish => &sv::WORDS,
    }
}
