//! The letters in English. Names of buttons and fields are Google's own.

use super::{BeforeRole, Digest, Manager, Passwords, Sections, Welcome, Words};

pub(super) const WORDS: Words = Words {
    hello: "Hello",
    footer: "This letter was written by carepass, which sets up these accounts. It holds no password; nobody will ask you for yours.",
    footer_to_others: "This letter was written by carepass, which sets up these accounts. Nobody reads answers to it.",
    more: |count| format!("and {count} more"),
    sections: Sections {
        accounts: "Your accounts",
        reseller_domain: "Reseller domain",
        sign_in: "Sign in",
        case_mail: "Mail about your cases",
        case_sharing_advice: "The accounts that were made for you have no mailbox. In the portal, paste your main Workspace address into the field Case Sharing:",
        case_sharing_why: "Then mail about a case reaches you where you read your mail.",
        some_redirected: "You need not do this for these accounts, whose mail is redirected to you:",
        all_redirected: "The accounts that were made for you have no mailbox. Mail about your cases is redirected to where you read your mail; you need not \
                         enter anything in the portal.",
    },
    passwords: Passwords {
        first: "Your first password",
        several: "Your passwords",
        how_to_sign_in: "How you sign in",
        administrator: "Sign in with your company's single sign-on, or ask the administrator who looks after these accounts for a first \
                        password. It never comes by mail, and at the first sign-in Google asks you to choose one of your own.",
        link: |until| {
            format!(
                "Your first passwords stand on one page. It opens with a button, once only, and not later than {until}. Open it when you \
                 have time to sign in to every account: Google then asks you to choose a password of your own."
            )
        },
        link_label: "The page with your first passwords",
        link_lost: "If the page says that it was opened already and it was not you, tell the administrator who looks after these accounts \
                    at once. If you were too late, ask for a new link.",
        vault: |until| {
            format!(
                "Your first passwords are kept in your company's Vault. This command shows them, once only, and not later than {until}; \
                 if it says that the token was used and it was not you, tell the administrator who looks after these accounts at once:"
            )
        },
        age: "The team that looks after these accounts has your first password in an encrypted file, and gives it to you in person. It \
              never comes by mail, and at the first sign-in Google asks you to choose one of your own.",
        single_sign_on: "There is no password to choose: sign in through your company's single sign-on, as you do elsewhere.",
        for_these: "This is for:",
        restored: "These accounts are back with the password that they had. If you no longer know it, use Google's account recovery, or \
                   ask the administrator who looks after these accounts:",
        home: "This is your own account: you sign in as always, and mail about its cases arrives in its mailbox:",
    },
    welcome: Welcome {
        subject: "Your accounts for Google's Customer Care Portal",
        introduction: "You have an account of your own in each reseller domain. With it you file and follow support cases for that \
                       reseller's customers in Google's Customer Care Portal, which newer pages call the Google Cloud Support Portal.",
        portal: "The portal",
        portal_advice: "The portal shows only the customers of the domain that you are signed in to. Sign in with the account of the \
                        customer's reseller domain.",
        two_step: "2-Step Verification",
        two_step_advice: "Turn it on for each account at the first sign-in. Your role makes you an administrator, and Google enforces \
                          2-Step Verification for administrators at once: without it you are locked out.",
        two_step_help: "2-Step Verification for administrators",
        several_accounts: "Several accounts at once",
        several_accounts_advice: "You can be signed in to all of your accounts in one browser, or use one Chrome profile for each.",
        several_accounts_help: "How to sign in to several accounts",
        trouble: "If something does not work",
        role_delay: "The portal refuses you, or shows no customers: your role may need up to 24 hours to take effect. Try again later; if a \
                     day was not enough, tell the operator.",
        no_product_type: "The product type cannot be chosen for a customer: the customer has switched reseller access off. Ask the \
                          customer's administrator to switch it on.",
        reseller_access: "How to switch reseller access on",
    },
    before_role: BeforeRole {
        subject: "Turn on 2-Step Verification for your new accounts",
        subject_again: "Your access waits for 2-Step Verification",
        introduction: "You have an account of your own in each reseller domain. They open nothing yet: first turn on 2-Step Verification for \
                       each of them. Your access to Google's Customer Care Portal opens by itself when Google shows that it is on.",
        introduction_again: "Google does not show 2-Step Verification yet for the accounts below, and they open nothing before it does. If \
                             you have turned it on within the last day, there is nothing to do: Google needs a while to show it.",
        introduction_given: "Google does not show 2-Step Verification yet for the accounts below. Google asks for it of everybody who has this \
                             access, and locks an account that is without it. If you have turned it on within the last day, there is \
                             nothing to do: Google needs a while to show it.",
        starts: |starts| format!("Your first day: {starts}. Turn it on before then."),
        how: "How to turn on 2-Step Verification",
        steps: [
            "Open the sign-in link of an account above, and sign in.",
            "Choose a password of your own, if Google asks for it.",
            "Turn on 2-Step Verification, with a passkey, a security key or an app on your phone.",
            "Save backup codes where you find them without your phone. Then take the next account.",
        ],
        help: "Google's own description",
        after: "When your access is open you get a letter with the way to the portal.",
    },
    manager: Manager {
        ready_subject: |name| format!("{name} has access to Google's Customer Care Portal"),
        ready: |name| format!("All accounts of {name} for Google's Customer Care Portal are ready:"),
        starts: |name, starts| format!("The first day of {name}: {starts}."),
        ready_next: |name| format!("{name} was told by mail how to sign in. There is nothing for you to do."),
        risk_subject: |name| format!("{name} may lack access on the first day"),
        risk: |name, starts| {
            format!(
                "The first day of {name}: {starts}. The accounts for Google's Customer Care Portal may not be ready by then. This is what \
                 they wait for:"
            )
        },
        risk_head: ["What waits", "On whom"],
        risk_next: "carepass goes on by itself as soon as it can, and you get a letter when everything is ready. If you can hurry whoever is \
                    named above, that helps.",
        gone_subject: |name| format!("{name} no longer has access to Google's Customer Care Portal"),
        gone: |name| {
            format!(
                "The access of {name} to Google's Customer Care Portal has ended. carepass has looked in each domain: no account there \
                 opens it any more."
            )
        },
        gone_head: ["Reseller domain", "Closed"],
        gone_next: "There is nothing for you to do. If this was a mistake, tell whoever looks after personnel records: carepass does what \
                    they say.",
    },
    digest: Digest {
        subject: |counts| format!("carepass: {counts}"),
        written: |at| format!("How things stand: {at}. What is not named here needs nobody."),
        leavers_count: |count| format!("{count} not locked out"),
        leavers: "Left, and not locked out yet",
        leavers_head: ["Engineer", "Domain", "Open since"],
        leavers_advice: "carepass goes on trying, wherever the reseller account is configured. Until it succeeds these people may still sign in. Close each account by hand now, as a \
                         super administrator of its reseller account:",
        leavers_steps: [
            "Open the user in the Admin console: Directory, then Users.",
            "Under Admin roles and privileges, take every role away.",
            "Under Security, reset the sign-in cookies and remove what is connected.",
            "Suspend the user. Do not delete it.",
        ],
        console: "The users in the Admin console",
        risks_count: |count| match count {
            1 => "1 start date at risk".to_owned(),
            count => format!("{count} start dates at risk"),
        },
        risks: "Start dates at risk",
        risks_head: ["Engineer", "Starts", "Waits for"],
        tasks_count: |count| match count {
            1 => "1 task".to_owned(),
            count => format!("{count} tasks"),
        },
        tasks: "Open tasks",
        tasks_head: ["Reseller account", "Open", "The oldest since"],
        house: "none in particular",
        tasks_advice: "carepass task list says what each of them is about.",
        held_count: |count| format!("{count} held"),
        held: "Held for a person",
        held_head: ["Engineer", "Held since"],
        held_advice: "Nothing is set up for them before somebody with the right to do so has looked, and let them go with carepass order.",
        lock_outs_count: |count| format!("{count} without 2-Step Verification"),
        lock_outs: "Without 2-Step Verification",
        lock_outs_head: ["Engineer", "Domain", "Locked out"],
        lock_outs_advice: "The engineers are reminded by mail. An account that Google has locked needs backup codes from a super administrator.",
        links_count: |count| match count {
            1 => "1 page not opened".to_owned(),
            count => format!("{count} pages not opened"),
        },
        links: "Pages with first passwords that nobody has opened",
        links_head: ["Engineer", "Expires"],
        links_advice: "Remind them by another way than mail. After it has expired, an order makes a new one.",
    },
};
