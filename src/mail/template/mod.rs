//! The words of the letters, one file for each language. A language that lacks a phrase does not compile; what stands inside a sentence
//! is an argument. Not here: the order of the phrases and the values between them (beside each letter).

mod en;
mod sv;

use crate::model::person::Language;

type WithOne = fn(&str) -> String;
type WithTwo = fn(&str, &str) -> String;
type WithCount = fn(usize) -> String;

/// Every phrase.
pub(super) struct Words {
    pub(super) hello: &'static str,
    pub(super) footer: &'static str,
    pub(super) footer_to_others: &'static str,
    pub(super) more: WithCount,
    pub(super) sections: Sections,
    pub(super) passwords: Passwords,
    pub(super) welcome: Welcome,
    pub(super) before_role: BeforeRole,
    pub(super) manager: Manager,
    pub(super) digest: Digest,
}

/// What several letters to an engineer hold.
pub(super) struct Sections {
    pub(super) accounts: &'static str,
    pub(super) reseller_domain: &'static str,
    pub(super) sign_in: &'static str,
    pub(super) case_mail: &'static str,
    pub(super) case_sharing_advice: &'static str,
    pub(super) case_sharing_why: &'static str,
    pub(super) some_redirected: &'static str,
    pub(super) all_redirected: &'static str,
}

/// How first passwords come to the engineer.
pub(super) struct Passwords {
    pub(super) first: &'static str,
    pub(super) several: &'static str,
    pub(super) how_to_sign_in: &'static str,
    pub(super) administrator: &'static str,
    pub(super) link: WithOne,
    pub(super) link_label: &'static str,
    pub(super) link_lost: &'static str,
    pub(super) vault: WithOne,
    pub(super) age: &'static str,
    pub(super) single_sign_on: &'static str,
    pub(super) for_these: &'static str,
    pub(super) restored: &'static str,
    pub(super) home: &'static str,
}

/// The welcome.
pub(super) struct Welcome {
    pub(super) subject: &'static str,
    pub(super) introduction: &'static str,
    pub(super) portal: &'static str,
    pub(super) portal_advice: &'static str,
    pub(super) two_step: &'static str,
    pub(super) two_step_advice: &'static str,
    pub(super) two_step_help: &'static str,
    pub(super) several_accounts: &'static str,
    pub(super) several_accounts_advice: &'static str,
    pub(super) several_accounts_help: &'static str,
    pub(super) trouble: &'static str,
    pub(super) role_delay: &'static str,
    pub(super) no_product_type: &'static str,
    pub(super) reseller_access: &'static str,
}

/// 2-Step Verification before the role.
pub(super) struct BeforeRole {
    pub(super) subject: &'static str,
    pub(super) subject_again: &'static str,
    pub(super) introduction: &'static str,
    pub(super) introduction_again: &'static str,
    pub(super) introduction_given: &'static str,
    pub(super) starts: WithOne,
    pub(super) how: &'static str,
    pub(super) steps: [&'static str; 4],
    pub(super) help: &'static str,
    pub(super) after: &'static str,
}

/// Letters to a manager.
pub(super) struct Manager {
    pub(super) ready_subject: WithOne,
    pub(super) ready: WithOne,
    pub(super) starts: WithTwo,
    pub(super) ready_next: WithOne,
    pub(super) risk_subject: WithOne,
    pub(super) risk: WithTwo,
    pub(super) risk_head: [&'static str; 2],
    pub(super) risk_next: &'static str,
    pub(super) gone_subject: WithOne,
    pub(super) gone: WithOne,
    pub(super) gone_head: [&'static str; 2],
    pub(super) gone_next: &'static str,
}

/// The digest for operators.
pub(super) struct Digest {
    pub(super) subject: WithOne,
    pub(super) written: WithOne,
    pub(super) leavers_count: WithCount,
    pub(super) leavers: &'static str,
    pub(super) leavers_head: [&'static str; 3],
    pub(super) leavers_advice: &'static str,
    pub(super) leavers_steps: [&'static str; 4],
    pub(super) console: &'static str,
    pub(super) risks_count: WithCount,
    pub(super) risks: &'static str,
    pub(super) risks_head: [&'static str; 3],
    pub(super) tasks_count: WithCount,
    pub(super) tasks: &'static str,
    pub(super) tasks_head: [&'static str; 3],
    pub(super) house: &'static str,
    pub(super) tasks_advice: &'static str,
    pub(super) held_count: WithCount,
    pub(super) held: &'static str,
    pub(super) held_head: [&'static str; 2],
    pub(super) held_advice: &'static str,
    pub(super) lock_outs_count: WithCount,
    pub(super) lock_outs: &'static str,
    pub(super) lock_outs_head: [&'static str; 3],
    pub(super) lock_outs_advice: &'static str,
    pub(super) links_count: WithCount,
    pub(super) links: &'static str,
    pub(super) links_head: [&'static str; 2],
    pub(super) links_advice: &'static str,
}

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &en::WORDS,
        Language::Swedish => &sv::WORDS,
    }
}
